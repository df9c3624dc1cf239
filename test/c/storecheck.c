/* storecheck: looks at every file of a store and says whether it is one that
 * this program may leave behind, whatever happened to it.
 *
 *   storecheck [-body FILE]... [-any] [-clean] DIR [BEFORE]
 *   storecheck -errno NAME       prints the number of an error of this platform
 *
 * It knows the layout from its description (the head comment of store.c), not
 * from store.c, and shares no code with it. Every *.json must be whole, every
 * message in a state of the table, every mode as private as it was. With
 * BEFORE, a copy of the store from before something was done to it, all that
 * was there must still be there: each message once, with its text byte for
 * byte, and each member that no verb may change; each agent, status and spec.
 * What is new or different is printed as one line of words, in this order:
 *
 *   agent:NAME=TEXT  status:NAME=TEXT
 *   spec:NAME        the current text of a spec;  past:NAME/N a version in its
 *                    history;  readers:NAME who read which
 *   ID8:STATE        a message that was there has this state now
 *   ID8:half, ID8:archived, ID8:one    its meta, all of it, is in archive/ now;
 *                    of two metas one was set aside
 *   new:FROM>TO:STATE[:re=ID8]         a message that was not there
 *   body             a text without a message
 *
 * The text of what is new must be that of a FILE, and its mode ours; with
 * -any they may be others. With -clean no temp file may
 * be there. What is not as it should be goes to stderr, and the exit is 1. */
#include "../../json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum place { BODY, META, OLD_BODY, OLD_META, PLACES };

static const struct {
	const char *path, *tail;
} places[PLACES] = {
	[BODY] = { "messages", ".md" },
	[META] = { "messages-meta", ".json" },
	[OLD_BODY] = { "archive/messages", ".md" },
	[OLD_META] = { "archive/messages-meta", ".json" },
};

static const char *const dirs[] = {
	".", "messages", "messages-meta", "specs", "archive", "archive/messages", "archive/messages-meta"
};

typedef struct {
	str *at;
	int n, room;
} list;

typedef struct {
	str text;
	mode_t mode;
	bool there;
} file;

typedef struct {
	str id;
	file at[PLACES];
	str superseded;                  /* a meta that was set aside for the archived one */
} message;

typedef struct {
	str dir;
	message *msgs;
	int n, room, temps;
} shop;

static arena mem;
static str bodies[16];
static int bodies_n, wrongs;
static bool any;
static buf words = { .mem = &mem };

static void wrong(const char *format, ...)
{
	buf b = { .mem = &mem };
	va_list args;
	va_start(args, format);
	buf_vsay(&b, format, args);
	va_end(args);
	fprintf(stderr, "%.*s\n", (int)b.n, b.s);
	wrongs++;
}

static void word(const char *format, ...)
{
	va_list args;
	if (words.n)
		buf_char(&words, ' ');
	va_start(args, format);
	buf_vsay(&words, format, args);
	va_end(args);
}

static const char *octal(mode_t mode)
{
	static char text[16];
	snprintf(text, sizeof text, "%03o", (unsigned)mode);
	return text;
}

/* ==== Reading ==== */

static char *path_of(str dir, const char *name)
{
	buf b = { .mem = &mem };
	buf_say(&b, "%S/%s", dir, name);
	return arena_z(&mem, buf_str(&b));
}

static file read_file(const char *path)
{
	file f = { .text = { "", 0 } };
	struct stat seen;
	buf b = { .mem = &mem };
	char chunk[4096];
	size_t n;
	FILE *in;
	if (stat(path, &seen) < 0 || !S_ISREG(seen.st_mode) || !(in = fopen(path, "rb")))
		return f;
	while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
		buf_add(&b, (str){ chunk, (ptrdiff_t)n });
	fclose(in);
	return (file){ .text = b.n ? buf_str(&b) : S(""), .mode = seen.st_mode & 0777, .there = true };
}

static bool in_files(str text)
{
	for (int i = 0; i < bodies_n; i++)
		if (str_eq(text, bodies[i]))
			return true;
	return any;
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const str *)a, *(const str *)b);
}

/* The names in a directory, in their order; none where there is no directory. */
static list names_in(str dir, const char *path)
{
	list l = { 0 };
	DIR *d = opendir(path_of(dir, path));
	struct dirent *entry;
	while (d && (entry = readdir(d))) {
		l.at = arena_more(&mem, l.at, l.n, &l.room, sizeof *l.at);
		l.at[l.n++] = arena_copy(&mem, str_of(entry->d_name));
	}
	if (d)
		closedir(d);
	if (l.n)
		qsort(l.at, (size_t)l.n, sizeof *l.at, by_text);
	return l;
}

static void add_file(shop *s, enum place p, str name)
{
	str in = str_of(path_of(s->dir, places[p].path)), tail = str_of(places[p].tail), rest = name;
	message m = { .id = str_cut(&rest, '.') };
	if (str_ends(name, tail)) {
		m.id = (str){ name.s, name.n - tail.n };
		m.at[p] = read_file(path_of(in, arena_z(&mem, name)));
	} else if (p == OLD_META && str_starts(rest, S("json.superseded-"))) {
		m.superseded = read_file(path_of(in, arena_z(&mem, name))).text;
	} else {
		wrong("%S/%S is no name of the layout", in, name);
		return;
	}
	s->msgs = arena_more(&mem, s->msgs, s->n, &s->room, sizeof m);
	s->msgs[s->n++] = m;
}

static int by_id(const void *a, const void *b)
{
	return str_cmp(((const message *)a)->id, ((const message *)b)->id);
}

/* One entry for each file becomes one for each message. */
static void merge(shop *s)
{
	int n = 0;
	if (s->n)
		qsort(s->msgs, (size_t)s->n, sizeof *s->msgs, by_id);
	for (int i = 0; i < s->n; i++) {
		if (n == 0 || !str_eq(s->msgs[n - 1].id, s->msgs[i].id)) {
			s->msgs[n++] = s->msgs[i];
			continue;
		}
		for (int p = 0; p < PLACES; p++)
			if (s->msgs[i].at[p].there)
				s->msgs[n - 1].at[p] = s->msgs[i].at[p];
		if (s->msgs[i].superseded.n)
			s->msgs[n - 1].superseded = s->msgs[i].superseded;
	}
	s->n = n;
}

static shop open_shop(const char *dir)
{
	shop s = { .dir = str_of(dir) };
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		list l = names_in(s.dir, dirs[i]);
		for (int j = 0; j < l.n; j++)
			s.temps += str_starts(l.at[j], S(".tmp-"));
	}
	for (int p = 0; p < PLACES; p++) {
		list l = names_in(s.dir, places[p].path);
		for (int j = 0; j < l.n; j++)
			if (l.at[j].s[0] != '.')
				add_file(&s, (enum place)p, l.at[j]);
	}
	merge(&s);
	return s;
}

static const message *find(const shop *s, str id)
{
	message key = { .id = id };
	return s->n ? bsearch(&key, s->msgs, (size_t)s->n, sizeof key, by_id) : NULL;
}

/* ==== Each message by itself ==== */

static const file *meta_of(const message *m)
{
	return m->at[OLD_META].there ? &m->at[OLD_META] : m->at[META].there ? &m->at[META] : NULL;
}

static const file *body_of(const message *m)
{
	return m->at[BODY].there ? &m->at[BODY] : m->at[OLD_BODY].there ? &m->at[OLD_BODY] : NULL;
}

static str get(const json *doc, const char *key)
{
	return json_get_text(&mem, doc, str_of(key));
}

/* What others wrote may be odd; what we write must have all its members. */
static void check_meta(const message *m, enum place p, const message *was)
{
	static const char *const known[] = { "pending", "acknowledged", "completed", "escalated" };
	json_error error;
	const json *doc = json_read(&mem, m->at[p].text, JSON_STRICT, &error);
	bool good = false;
	for (int i = 0; was && i < PLACES; i++)
		if (was->at[i].there && str_eq(was->at[i].text, m->at[p].text))
			return;
	if (error.what) {
		wrong("%s/%S.json: byte %d: %s", places[p].path, m->id, (int)error.at, error.what);
		return;
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		good = good || str_eq(get(doc, "status"), str_of(known[i]));
	if (!good || !str_eq(get(doc, "id"), m->id) || !get(doc, "from").n || !get(doc, "to").n ||
	    get(doc, "createdAt").n != 24 || get(doc, "updatedAt").n != 24)
		wrong("%s/%S.json is no message: %S", places[p].path, m->id, m->at[p].text);
}

static void check_message(const message *m, const message *was)
{
	bool meta = meta_of(m) != NULL;
	if (m->at[BODY].there && m->at[OLD_BODY].there)
		wrong("%S has its text in both places", m->id);
	if (meta && !body_of(m))
		wrong("%S has no text", m->id);
	for (int p = 0; p < PLACES; p++)
		if ((p == META || p == OLD_META) && m->at[p].there)
			check_meta(m, (enum place)p, was);
}

/* ==== Against what was before ==== */

static bool may_change(str key)
{
	static const char *const keys[] = { "status", "updatedAt", "escalationReason", "readAt", "readBy", "completedAt" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (str_eq(key, str_of(keys[i])))
			return true;
	return false;
}

/* Only the members of a state change, and updatedAt moves with it. */
static void compare_meta(str id, const json *was, const json *is)
{
	for (const json *m = was ? was->child : NULL; m; m = m->next) {
		str key = json_key(&mem, m);
		const json *now = json_get(is, key);
		if (!now)
			wrong("%S lost its member %S", id, key);
		else if (!may_change(key) && !str_eq(now->raw, m->raw))
			wrong("%S: %S is no longer %S", id, key, m->raw);
	}
	if (!str_eq(get(was, "status"), get(is, "status")))
		word("%S:%S", text_head_bytes(id, 8), get(is, "status"));
	else if (!str_eq(get(was, "updatedAt"), get(is, "updatedAt")))
		wrong("%S was touched, but its state is the same", id);
}

static void compare_places(const message *was, const message *is)
{
	str id = { is->id.s, 8 };
	bool was_two = was->at[META].there && was->at[OLD_META].there, is_two = is->at[META].there && is->at[OLD_META].there;
	bool meta_moved = was->at[META].there && !is->at[META].there, body_moved = was->at[BODY].there && !is->at[BODY].there;
	if (is_two && !was_two)
		wrong("%S is there twice", is->id);
	if ((was->at[OLD_META].there && !is->at[OLD_META].there) || (was->at[OLD_BODY].there && !is->at[OLD_BODY].there))
		wrong("%S came back out of the archive", is->id);
	if (was_two && !str_eq(is->at[OLD_META].text, was->at[OLD_META].text))
		wrong("%S: the archived meta is not what it was", is->id);
	if (was_two && !is_two && !str_eq(is->superseded, was->at[META].text))
		wrong("%S: the meta that was set aside is not what it was", is->id);
	if (was_two && !is_two)
		word("%S:one", id);
	if (is->at[OLD_META].there && is->at[BODY].there && meta_moved)
		word("%S:half", id);
	else if (!is->at[META].there && !is->at[BODY].there && (meta_moved || body_moved))
		word("%S:archived", id);
}

static void check_modes(const message *was, const message *is)
{
	const file *f = meta_of(is), *g = was ? meta_of(was) : NULL;
	if (f && f->mode != (g ? g->mode : 0600))
		wrong("the meta of %S has mode %s", is->id, octal(f->mode));
	f = body_of(is);
	g = was ? body_of(was) : NULL;
	if (f && f->mode != (g ? g->mode : 0600))
		wrong("the text of %S has mode %s", is->id, octal(f->mode));
}

static void compare_message(const message *was, const shop *now)
{
	const message *is = find(now, was->id);
	const file *before = meta_of(was), *after = is ? meta_of(is) : NULL;
	json_error error;
	if (!is || (before && !after)) {
		wrong("%S is lost", was->id);
		return;
	}
	if (body_of(was) && (!body_of(is) || !str_eq(body_of(was)->text, body_of(is)->text)))
		wrong("%S has another text", was->id);
	if (before)
		compare_meta(was->id, json_read(&mem, before->text, JSON_STORED, &error),
			     json_read(&mem, after->text, JSON_STORED, &error));
	compare_places(was, is);
	check_modes(was, is);
}

static void say_new(const shop *now, const shop *before)
{
	str *said = NEW(&mem, str, now->n + 1);
	int n = 0, orphans = 0;
	for (int i = 0; i < now->n; i++) {
		const message *m = &now->msgs[i];
		json_error error;
		const json *doc;
		buf b = { .mem = &mem };
		if (find(before, m->id))
			continue;
		if (!any)
			check_modes(NULL, m);
		if (body_of(m) ? !in_files(body_of(m)->text) : meta_of(m) || !any)
			wrong("the new message %S has another text", m->id);
		if (!meta_of(m)) {
			orphans++;
			continue;
		}
		doc = json_read(&mem, meta_of(m)->text, JSON_STRICT, &error);
		buf_say(&b, "new:%S>%S:%S", get(doc, "from"), get(doc, "to"), get(doc, "status"));
		if (get(doc, "replyTo").n >= 8)
			buf_say(&b, ":re=%S", text_head_bytes(get(doc, "replyTo"), 8));
		said[n++] = buf_str(&b);
	}
	if (n)
		qsort(said, (size_t)n, sizeof *said, by_text);
	for (int i = 0; i < n; i++)
		word("%S", said[i]);
	while (orphans-- > 0)
		word("body");
}

/* ==== Tables and specs ==== */

static bool is_kept(const shop *now, const char *name, str text)
{
	list l = names_in(now->dir, ".");
	for (int i = 0; i < l.n; i++)
		if (str_starts(l.at[i], str_of(name)) &&
		    str_eq(read_file(path_of(now->dir, arena_z(&mem, l.at[i]))).text, text))
			return true;
	return false;
}

/* What a table held, and if it was damaged what it held before the damage, it
 * holds now; and what was damaged is there to be looked at. */
static void compare_table(const shop *now, const shop *before, const char *name, const char *kind, const char *key)
{
	file is = read_file(path_of(now->dir, name)), was = { .text = { "", 0 } };
	json_error error, old_error;
	const json *table, *old;
	if (before)
		was = read_file(path_of(before->dir, name));
	table = is.there ? json_read(&mem, is.text, JSON_STORED, &error) : NULL;
	old = was.there ? json_read(&mem, was.text, JSON_STORED, &old_error) : NULL;
	if (is.there && error.what && !(was.there && str_eq(is.text, was.text)))
		wrong("%s: byte %d: %s", name, (int)error.at, error.what);
	if (was.there && old_error.what && !is_kept(now, name, was.text))
		wrong("%s was damaged, and what was left of it is gone", name);
	if (before && is.there && is.mode != (was.there ? was.mode : 0600))
		wrong("%s has mode %s", name, octal(is.mode));
	for (const json *m = old ? old->child : NULL; m; m = m->next)
		if (!json_get(table, json_key(&mem, m)))
			wrong("%s has lost %S", name, json_key(&mem, m));
	for (const json *m = table ? table->child : NULL; m && before; m = m->next) {
		const json *had = json_get(old, json_key(&mem, m));
		if (!had || !str_eq(had->raw, m->raw))
			word("%s:%S=%S", kind, json_key(&mem, m), get(m, key));
	}
}

static const char *spec_path(str name)
{
	buf b = { .mem = &mem };
	buf_say(&b, "specs/%S", name);
	return arena_z(&mem, buf_str(&b));
}

static str content_of(str spec)
{
	str head = str_cut(&spec, '\n');
	bool good = str_starts(head, S("<!-- Published by: ")) && str_ends(head, S(" -->")) && str_starts(spec, S("\n"));
	return good ? str_from(spec, 1) : (str){ NULL, 0 };
}

/* Who read which version: readers.json, and what an index.json of 1.0 says. */
static int64_t version_read(const json *readers, const json *index, str agent)
{
	const json *record = json_get(json_get(readers, agent), S("version")), *old = json_get(json_get(index, S("readers")), agent);
	int64_t version = 0, older = 0;
	if (record)
		str_int(record->raw, &version);
	if (old)
		str_int(old->raw, &older);
	return version > older ? version : older;
}

static json *read_past(const shop *of, const char *dir, const char *name, str *text)
{
	file f = read_file(path_of(str_of(path_of(of->dir, dir)), name));
	json_error error;
	json *doc = f.there ? json_read(&mem, f.text, JSON_STORED, &error) : NULL;
	*text = f.text;
	if (f.there && error.what)
		wrong("%s/%s: byte %d: %s", dir, name, (int)error.at, error.what);
	return doc;
}

/* The versions that a spec's readers read only grow, and none is forgotten. */
static void compare_readers(str name, const shop *now, const shop *before, const char *dir)
{
	str text[4];
	const json *readers = read_past(now, dir, "readers.json", &text[0]), *index = read_past(now, dir, "index.json", &text[1]);
	const json *had = read_past(before, dir, "readers.json", &text[2]), *old = read_past(before, dir, "index.json", &text[3]);
	const json *each[] = { had, json_get(old, S("readers")) };
	for (int i = 0; i < 2; i++)
		for (const json *m = each[i] ? each[i]->child : NULL; m; m = m->next) {
			str agent = json_key(&mem, m);
			int64_t was = version_read(had, old, agent), is = version_read(readers, index, agent);
			if (is < was)
				wrong("%S: it is forgotten that %S read version %l", name, agent, was);
		}
	if (!str_eq(text[0], text[2]) || !str_eq(text[1], text[3]))
		word("readers:%S", name);
}

/* The history of a spec only grows. */
static void compare_history(shop *now, const shop *before, str name)
{
	buf in = { .mem = &mem };
	list l, old;
	const char *dir;
	buf_say(&in, "specs/.history/%S", name);
	dir = arena_z(&mem, buf_str(&in));
	l = names_in(now->dir, dir);
	old = names_in(before->dir, dir);
	for (int i = 0; i < old.n; i++)
		if (str_ends(old.at[i], S(".md")) && !read_file(path_of(str_of(path_of(now->dir, dir)), arena_z(&mem, old.at[i]))).there)
			wrong("%s/%S is lost", dir, old.at[i]);
	for (int i = 0; i < l.n; i++) {
		file is = read_file(path_of(str_of(path_of(now->dir, dir)), arena_z(&mem, l.at[i])));
		file was = read_file(path_of(str_of(path_of(before->dir, dir)), arena_z(&mem, l.at[i])));
		now->temps += str_starts(l.at[i], S(".tmp-"));
		if (l.at[i].s[0] == '.' || !str_ends(l.at[i], S(".md")))
			continue;
		if (!was.there)
			word("past:%S/%S", name, text_head_bytes(l.at[i], l.at[i].n - 3));
		if (!str_eq(is.text, was.text) && !in_files(content_of(is.text)))
			wrong("%s/%S has another text", dir, l.at[i]);
	}
	compare_readers(name, now, before, dir);
}

static void compare_specs(shop *now, const shop *before)
{
	list l = names_in(now->dir, "specs"), old = names_in(before->dir, "specs");
	for (int i = 0; i < old.n; i++)
		if (!read_file(path_of(now->dir, spec_path(old.at[i]))).there && str_ends(old.at[i], S(".md")))
			wrong("specs/%S is lost", old.at[i]);
	for (int i = 0; i < l.n; i++) {
		file is = read_file(path_of(now->dir, spec_path(l.at[i])));
		file was = read_file(path_of(before->dir, spec_path(l.at[i])));
		if (!str_ends(l.at[i], S(".md")))
			continue;
		if (is.mode != (was.there ? was.mode : 0600))
			wrong("specs/%S has mode %s", l.at[i], octal(is.mode));
		if (was.there && str_eq(is.text, was.text))
			continue;
		if (!content_of(is.text).s || !in_files(content_of(is.text)))
			wrong("specs/%S has another text", l.at[i]);
		word("spec:%S", text_head_bytes(l.at[i], l.at[i].n - 3));
	}
	l = names_in(now->dir, "specs/.history");
	for (int i = 0; i < l.n; i++)
		if (l.at[i].s[0] != '.')
			compare_history(now, before, l.at[i]);
}

static void check_dirs(const shop *now, const shop *before)
{
	struct stat is, was;
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		if (stat(path_of(now->dir, dirs[i]), &is) < 0)
			continue;
		if ((is.st_mode & 0777) != (stat(path_of(before->dir, dirs[i]), &was) == 0 ? was.st_mode & 0777 : 0700))
			wrong("%s has mode %s", dirs[i], octal(is.st_mode & 0777));
	}
}

/* ==== Main ==== */

static int print_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EACCES", EACCES }, { "EMFILE", EMFILE }, { "EINTR", EINTR },
		{ "EROFS", EROFS }, { "EDQUOT", EDQUOT },
	};
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(name, errors[i].name) == 0)
			return printf("%d\n", errors[i].number) < 0;
	return 1;
}

/* faultloop has this in it, and calls it by another name. */
#ifndef STORECHECK_MAIN
#define STORECHECK_MAIN main
#endif
int STORECHECK_MAIN(int argc, char **argv);

int STORECHECK_MAIN(int argc, char **argv)
{
	shop now, before = { 0 };
	bool clean = false;
	if (argc == 3 && strcmp(argv[1], "-errno") == 0)
		return print_errno(argv[2]);
	for (argv++; *argv && **argv == '-'; argv++) {
		if (strcmp(*argv, "-clean") == 0)
			clean = true;
		else if (strcmp(*argv, "-any") == 0)
			any = true;
		else if (strcmp(*argv, "-body") == 0 && argv[1] && bodies_n < (int)(sizeof bodies / sizeof *bodies))
			bodies[bodies_n++] = read_file(*++argv).text;
	}
	if (!*argv) {
		fprintf(stderr, "usage: storecheck [-body FILE]... [-any] [-clean] DIR [BEFORE]\n");
		return 2;
	}
	now = open_shop(argv[0]);
	if (argv[1])
		before = open_shop(argv[1]);
	for (int i = 0; i < now.n; i++)
		check_message(&now.msgs[i], find(&before, now.msgs[i].id));
	compare_table(&now, argv[1] ? &before : NULL, "registry.json", "agent", "description");
	compare_table(&now, argv[1] ? &before : NULL, "status.json", "status", "status");
	if (argv[1]) {
		compare_specs(&now, &before);
		check_dirs(&now, &before);
		for (int i = 0; i < before.n; i++)
			compare_message(&before.msgs[i], &now);
		say_new(&now, &before);
	}
	if (clean && now.temps)
		wrong("%d temp files are left", now.temps);
	printf("%.*s\n", (int)words.n, words.n ? words.s : "");
	return wrongs ? 1 : 0;
}
