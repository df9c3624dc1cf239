/* storetest: what store.h promises, verb by verb, on a store of its own.
 *
 *   storetest /DIR     prints TAP
 */
#define STORE_SYS "test/c/odd.h"
#include "../../store.c"

#include <sys/wait.h>

static arena mem;
static store st;
static char root[900];
static int tests, failures;

static void ok(bool well, const char *name)
{
	tests++;
	failures += !well;
	printf("%sok %d - %s\n", well ? "" : "not ", tests, name);
}

static void begin(void)
{
	store_close(&st);
	store_open(&st, &mem, str_of(root));
}

static const char *path(const char *in)
{
	return arena_say(&mem, "%s/%s", root, in).s;
}

static void put_file(const char *in, const char *text)
{
	int fd = open(path(in), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

/* As if it had been written so many seconds ago. */
static void make_old(const char *in, int seconds)
{
	struct timespec t[2] = { { time_now() / 1000 - seconds, 0 }, { time_now() / 1000 - seconds, 0 } };
	utimensat(AT_FDCWD, path(in), t, 0);
}

static bool file_exists(const char *in)
{
	struct stat seen;
	return lstat(path(in), &seen) == 0;
}

static str read_back(const char *in)
{
	str text;
	return store_read_file(&mem, arena_say(&mem, "%s/%s", root, in), &text) == STORE_OK ? text : S("");
}

static store_message send_one(const char *from, const char *to, bool urgent)
{
	store_message m = { .from = str_of(from), .to = str_of(to), .subject = S("s"), .urgent = urgent };
	begin();
	if (store_send(&st, &m, S("body")) != STORE_OK)
		abort();
	begin();
	return m;
}

/* ==== Time ==== */

static void test_time(void)
{
	str t = time_format(&mem, 1700000000123);
	ok(str_eq(t, S("2023-11-14T22:13:20.123Z")), "a time is formatted as JavaScript does");
	ok(time_parse(t) == 1700000000123, "a formatted time is parsed");
	ok(time_parse(S("2023-11-14 22:13:20.123Z")) < 0, "another shape is no time");
	ok(time_parse(S("2023-11-14T22:13:20Z")) == 1700000000000, "one without milliseconds is");
	ok(time_parse(S("2023-11-14T22:13:20.")) < 0, "one without an end is none");
	t = time_format(&mem, -1);
	ok(str_eq(t, S("1969-12-31T23:59:59.999Z")), "a time before 1970 is formatted");
}

/* ==== Agents ==== */

static bool nobody(void *context, const store_records *agents, const store_presences *live)
{
	int *asked = context;
	asked[0]++;
	asked[1] = agents->n;
	asked[2] = live->n;
	return asked[3];
}

static void test_agents(void)
{
	store_record r;
	store_records all;
	store_presences live;
	store_presence self = { .agent = S("api"), .pid = getpid(), .workspace = S("/w") };
	int asked[4] = { 0, 0, 0, 1 };
	store_registration reg = { .name = S("api"), .workspace = S("/w"), .description = S("d"),
				   .origin = S("/w"), .may = nobody, .context = asked, .self = &self };
	begin();
	ok(store_register(&st, &reg, &r) == STORE_OK && reg.self_fd >= 0, "an agent registers and appears");
	ok(asked[0] == 1 && asked[1] == 0 && asked[2] == 0, "the check sees who was there before");
	ok(str_eq(json_get_text(&mem, r.doc, S("workspacePath")), S("/w")), "the stored record is given back");
	int self_fd = reg.self_fd;
	asked[3] = 0;
	ok(store_register(&st, &reg, &r) == STORE_REFUSED && asked[1] == 1 && asked[2] == 1, "the check can refuse");
	ok(store_list_presence(&st, S(""), &live) == STORE_OK && live.n == 1 && live.at[0].life == STORE_ALIVE, "it is alive");
	ok(store_list_agents(&st, &all) == STORE_OK && store_named(&all, S("api")), "it is listed");
	ok(store_set_status(&st, S("api"), S("busy"), false, &r) == STORE_OK &&
	   str_eq(json_get_text(&mem, r.doc, S("status")), S("busy")), "a status is set and given back");
	ok(store_set_status(&st, S("api"), S("online"), true, &r) == STORE_OK &&
	   str_eq(json_get_text(&mem, r.doc, S("status")), S("busy")), "a new agent's status leaves an old one");
	close(self_fd);
	begin();
	store_list_presence(&st, S(""), &live);
	ok(live.n == 1 && live.at[0].life == STORE_UNSURE, "without its lock, but heard of just now, it is unsure");
	make_old(arena_say(&mem, "live/%S", live.at[0].file).s, 3600);
	store_list_presence(&st, S(""), &live);
	ok(live.n == 1 && live.at[0].life == STORE_GONE, "an hour later it is gone, and last seen then");
	put_file("live/api.00000000", "");
	make_old("live/api.00000000", 10);
	store_list_presence(&st, S(""), &live);
	ok(live.n == 1 && !file_exists("live/api.00000000"), "an empty file that a power cut left goes");
	put_file("registry.json", "\xef\xbb\xbf{\r\n \"web\": {\"name\": \"web\"}\r\n}\r\n");
	ok(store_list_agents(&st, &all) == STORE_OK && store_named(&all, S("web")) && st.damaged == 0,
	   "a byte-order mark and CRLF harm no registry");
	put_file("registry.json", "{\"web\": {\"name\": \"web\"}, \"x\": {");
	make_old("registry.json", 10);
	reg.name = S("db");
	reg.may = NULL;
	reg.self = NULL;
	ok(store_register(&st, &reg, &r) == STORE_OK && store_list_agents(&st, &all) == STORE_OK &&
	   store_named(&all, S("web")) && store_named(&all, S("db")), "a damaged registry is kept beside and mended");
	ok(store_forget(&st, S("db")) == STORE_OK && store_list_agents(&st, &all) == STORE_OK &&
	   !store_named(&all, S("db")), "an agent is forgotten");
}

/* ==== Messages ==== */

static void test_messages(void)
{
	store_message a = send_one("web", "api", false), b = send_one("api", "web", true), m;
	store_messages list;
	store_counts counts;
	str part;
	int64_t total;
	ok(str_cmp(a.created, b.created) < 0, "no two messages have the same createdAt");
	ok(store_find(&st, a.id, &m) == STORE_OK && str_eq(m.to, S("api")), "a whole id is found");
	ok(store_find(&st, (str){ a.id.s, 8 }, &m) == STORE_OK && str_eq(m.id, a.id), "a prefix is found");
	ok(store_body(&st, &m, 1, 2, &part, &total) == STORE_OK && str_eq(part, S("od")) && total == 4, "a part of a body is read");
	ok(store_list_mail(&st, S("api"), S(""), &list) == STORE_OK && list.n == 1, "mail to somebody is listed");
	ok(store_list_mail(&st, S("api"), S("api"), &list) == STORE_OK && list.n == 2, "and from them");
	ok(store_count_mail(&st, &counts, NULL) == STORE_OK && counts.unread == 2 &&
	   store_count_of(&counts, S("web")).urgent == 1 && store_count_of(&counts, S("api")).urgent == 0,
	   "one walk counts for everybody");
	store_member note = { S("readBy"), S("api") };
	ok(store_set_state(&st, &m, STORE_ACKNOWLEDGED, 1u << STORE_PENDING, &note, 1) == STORE_OK &&
	   m.state == STORE_ACKNOWLEDGED && str_eq(json_get_text(&mem, m.doc, S("readBy")), S("api")), "a message is acknowledged");
	ok(store_set_state(&st, &m, STORE_ACKNOWLEDGED, 1u << STORE_PENDING, NULL, 0) == STORE_OK &&
	   m.state == STORE_ACKNOWLEDGED, "and not twice");
	begin();
	ok(store_count_mail(&st, &counts, NULL) == STORE_OK && counts.unread == 1, "what is read is not counted");

	/* Ids that share digits, a synchroniser's copies, capitals. */
	char twin[64], text[400];
	snprintf(twin, sizeof twin, "%.8s-0000-4000-8000-000000000000", a.id.s);
	snprintf(text, sizeof text, "{\"id\":\"%s\",\"from\":\"web\",\"to\":\"api\",\"status\":\"pending\",\"createdAt\":\"2020-01-01T00:00:00.000Z\"}", twin);
	put_file(arena_say(&mem, "messages-meta/%s.json", twin).s, text);
	begin();
	ok(store_find(&st, (str){ a.id.s, 8 }, &m) == STORE_AMBIGUOUS, "a prefix of two is ambiguous");
	str shown = store_short_id(&st, a.id);
	ok(shown.n > 8 && store_find(&st, shown, &m) == STORE_OK && str_eq(m.id, a.id), "an id is shown as long as it must be");
	ok(store_short_id(&st, b.id).n == 8, "and no longer");
	unlink(path(arena_say(&mem, "messages-meta/%s.json", twin).s));
	put_file(arena_say(&mem, "messages-meta/%S (1).json", a.id).s, text);
	put_file(arena_say(&mem, "messages-meta/%S-HOST.json", a.id).s, text);
	begin();
	ok(store_find(&st, (str){ a.id.s, 8 }, &m) == STORE_OK && store_list_mail(&st, S("api"), S(""), &list) == STORE_OK &&
	   list.n == 1, "a synchroniser's copies are no messages");
	char upper[40];
	for (int i = 0; i < 36; i++)
		upper[i] = (char)(a.id.s[i] >= 'a' && a.id.s[i] <= 'z' ? a.id.s[i] - 32 : a.id.s[i]);
	ok(store_find(&st, (str){ upper, 36 }, &m) == STORE_OK && store_find(&st, (str){ upper, 10 }, &m) == STORE_OK, "capitals find it too");

	/* The archive. */
	put_file(arena_say(&mem, "messages-meta/%s.json", twin).s, text);
	store_sweep(&st);
	mkdir(path("archive/messages-meta"), 0700);
	rename(path(arena_say(&mem, "messages-meta/%s.json", twin).s), path(arena_say(&mem, "archive/messages-meta/%s.json", twin).s));
	begin();
	ok(store_find(&st, (str){ a.id.s, 8 }, &m) == STORE_OK && str_eq(m.id, a.id), "what is not archived comes first");
	ok(store_find(&st, (str){ twin, 14 }, &m) == STORE_OK && m.archived, "a prefix that only fits there is found in the archive");
	ok(store_list_all(&st, time_now() - 1000000, &list) == STORE_OK && list.n == 2, "a list of a day does not read the archive");
	ok(store_list_all(&st, 0, &list) == STORE_OK && list.n == 3, "a list of all does");
}

/* ==== What a session was told ==== */

static int news(const char *session, unsigned which, bool note)
{
	store_announced a;
	store_messages list;
	begin();
	store_open_announced(&st, S("db"), str_of(session), &a);
	if (store_list_news(&st, &a, which, &list) != STORE_OK)
		return -1;
	if (note && store_note_announced(&st, &a, &list, STORE_TOLD) != STORE_OK)
		return -2;
	return list.n;
}

static void test_announced(void)
{
	store_announced a, b;
	store_messages x, y;
	struct stat before, after;
	int64_t pid;
	store_message m = send_one("web", "db", false), u = send_one("web", "db", true);
	ok(news("s1", 0, false) == 2, "of all, since nothing was noted");
	ok(news("s1", 0, true) == 2, "of which it is told");
	ok(news("s1", 0, true) == 0 && news("s2", 0, false) == 2, "each session is told for itself");
	ok(news("s1", STORE_ALL, false) == 2, "a start tells all that is unread");
	put_file("announced/db@s1", "\x00\xff garbage");
	ok(news("s1", 0, true) == 2, "garbage in the record means told again");

	/* Two at once. */
	send_one("web", "db", false);
	begin();
	store_open_announced(&st, S("db"), S("s1"), &a);
	store_list_news(&st, &a, 0, &x);
	store_message late = send_one("web", "db", false);
	store_open_announced(&st, S("db"), S("s1"), &b);
	store_list_news(&st, &b, 0, &y);
	ok(x.n == 1 && y.n == 2, "two that look at once");
	store_note_announced(&st, &b, &y, STORE_TOLD);
	store_note_announced(&st, &a, &x, STORE_TOLD);
	ok(news("s1", 0, false) == 0, "keep what the other noted");

	/* Unchanged costs nothing and writes nothing. */
	make_old("messages-meta", 10);
	ok(news("s1", 0, true) == 0, "a look that found nothing is noted");
	stat(path("announced/db@s1"), &before);
	usleep(20000);
	ok(news("s1", 0, true) == 0 && stat(path("announced/db@s1"), &after) == 0 &&
	   before.st_mtim.tv_nsec == after.st_mtim.tv_nsec, "and not written twice");
	begin();
	store_find(&st, m.id, &m);
	store_set_state(&st, &m, STORE_ACKNOWLEDGED, ~0u, NULL, 0);
	news("s1", 0, true);
	str text = read_back("announced/db@s1"), next = text;
	ok(!text_has_line(text, m.id, &next), "what was read leaves the record");
	next = text;
	ok(text_has_line(text, u.id, NULL) && text_has_line(text, late.id, NULL), "what was not stays");

	/* Turns. */
	begin();
	store_open_announced(&st, S("db"), S("s1"), &a);
	a.in_turn = true;
	a.stops = 2;
	store_note_announced(&st, &a, &(store_messages){ 0 }, STORE_TOLD);
	store_open_announced(&st, S("db"), S("s1"), &b);
	ok(b.in_turn && b.stops == 2, "a session's turn is kept");

	int first = store_claim_wait(&st, S("db"), S("s1"), &pid);
	ok(first >= 0 && store_claim_wait(&st, S("db"), S("s1"), &pid) == -1 && pid == getpid(), "a second waiter is told who waits");
	close(first);

	/* Escalated mail is the human's, whoever it is to. */
	store_find(&st, u.id, &u);
	store_set_state(&st, &u, STORE_ESCALATED, ~0u, NULL, 0);
	begin();
	store_open_announced(&st, store_human, S(""), &a);
	ok(store_list_news(&st, &a, STORE_ESCALATIONS, &x) == STORE_OK && x.n == 1 && str_eq(x.at[0].id, u.id), "the human is told of escalations");
	store_counts counts;
	ok(store_count_mail(&st, &counts, &y) == STORE_OK && y.n == 1, "and they are listed with the counts");
	send_one("web", "DB Server, EU", false);
	begin();
	store_open_announced(&st, S("DB Server, EU"), S("s"), &a);
	ok(store_list_news(&st, &a, 0, &x) == STORE_OK && x.n == 1 && store_note_announced(&st, &a, &x, STORE_TOLD) == STORE_OK,
	   "a name that breaks the rule is told without a record");
	make_old("announced/db@s1", 8 * 86400);
	make_old("announced/db@s2", 8 * 86400);
	make_old("archive/.swept", 7200);
	begin();
	store_open_announced(&st, S("db"), S("s1"), &a);
	store_sweep(&st);
	ok(file_exists("announced/db@s1") && !file_exists("announced/db@s2"), "a record that nobody used for a week goes");
}

/* ==== Specs ==== */

static store_result publish_one(const char *name, const char *text, int64_t base, const char *note, store_spec *out)
{
	store_spec before;
	*out = (store_spec){ .name = str_of(name), .publisher = S("api"), .note = str_of(note) };
	begin();
	store_result r = store_publish(&st, out, str_of(text), base, &before);
	begin();
	return r;
}

static void test_specs(void)
{
	store_spec s, all;
	store_specs list;
	store_records readers;
	(void)all;
	ok(publish_one("wire", "one\n", 0, "first", &s) == STORE_OK && s.version == 1, "a spec is published");
	ok(store_find_spec(&st, S("wire"), 0, &s) == STORE_OK && str_eq(s.text, S("one\n")) && str_eq(s.note, S("first")) &&
	   str_eq(s.publisher, S("api")) && !s.foreign && !s.past, "and read with its note");
	ok(publish_one("wire", "one\n", 0, "", &s) == STORE_SAME, "the same content is no version");
	ok(publish_one("wire", "two\n", 7, "", &s) == STORE_CONFLICT, "a wrong base is a conflict");
	ok(publish_one("wire", "two\n", 1, "", &s) == STORE_OK && s.version == 2, "the next version");
	ok(store_find_spec(&st, S("wire"), 1, &s) == STORE_OK && s.past && str_eq(s.text, S("one\n")) && str_eq(s.note, S("first")), "the one before can be had");
	str file = read_back("specs/wire.md");
	ok(str_starts(file, S("<!-- Published by: api at ")) && str_ends(file, S(" -->\n\ntwo\n")), "the current file has the documented head");

	/* Another program. */
	put_file("specs/wire.md", "<!-- Published by: node at 2026-01-01T00:00:00.000Z -->\n\nthree\n");
	usleep(100000);
	begin();
	ok(store_find_spec(&st, S("wire"), 0, &s) == STORE_OK && s.version == 3 && s.foreign && str_eq(s.publisher, S("node")), "a foreign text is the next version");
	ok(!file_exists("specs/.history/wire/3.md"), "and reading it writes nothing");
	ok(publish_one("wire", "four\n", 3, "", &s) == STORE_OK && s.version == 4 && file_exists("specs/.history/wire/3.md"), "the next publish keeps it");
	ok(store_find_spec(&st, S("wire"), 3, &s) == STORE_OK && str_eq(s.publisher, S("node")) && str_eq(s.text, S("three\n")), "with its publisher");
	str now = read_back("specs/wire.md");
	put_file("specs/wire.md", arena_say(&mem, "\xef\xbb\xbf%S\r\n\r\nfour\r\n", (str){ now.s, (ptrdiff_t)strcspn(now.s, "\n") }).s);
	usleep(100000);
	begin();
	ok(store_find_spec(&st, S("wire"), 0, &s) == STORE_OK && s.version == 4 && !s.foreign && str_eq(s.publisher, S("api")), "a mark and CRLF make no version");

	/* A publish that died between history and current. */
	publish_one("half", "a\n", 0, "", &s);
	put_file("specs/.history/half/2.md", "<!-- Published by: api at 2030-01-01T00:00:00.000Z -->\n\nb\n");
	ok(store_find_spec(&st, S("half"), 0, &s) == STORE_OK && s.version == 1 && !s.foreign, "a version that never became current is not");
	ok(publish_one("half", "c\n", 1, "", &s) == STORE_OK && s.version == 3, "and keeps its number");
	put_file("specs/half.md", "<!-- Published by: api at 2020-01-01T00:00:00.000Z -->\n\nb\n");

	/* Readers. */
	ok(store_note_reader(&st, S("wire"), S("web"), 3) == STORE_OK && store_note_reader(&st, S("wire"), S("web"), 2) == STORE_OK &&
	   store_list_readers(&st, S("wire"), &readers) == STORE_OK && store_version_read(&readers, S("web")) == 3, "a reader's version never goes back");

	/* What 1.0 wrote. */
	mkdir(path("specs/.history/old"), 0700);
	put_file("specs/old.md", "<!-- Published by: api at 2026-01-01T00:00:00.000Z -->\n\nx\n");
	put_file("specs/.history/old/1.md", "<!-- Published by: api at 2026-01-01T00:00:00.000Z -->\n\nx\n");
	put_file("specs/.history/old/index.json", "{\"versions\":[{\"version\":1,\"publisher\":\"api\",\"publishedAt\":\"2026-01-01T00:00:00.000Z\",\"note\":\"why\"}],\"readers\":{\"web\":1}}");
	begin();
	ok(store_find_spec(&st, S("old"), 0, &s) == STORE_OK && s.version == 1 && str_eq(s.note, S("why")), "1.0's notes are read");
	ok(store_list_readers(&st, S("old"), &readers) == STORE_OK && store_version_read(&readers, S("web")) == 1, "and its readers");
	ok(publish_one("old", "y\n", 1, "", &s) == STORE_OK && !file_exists("specs/.history/old/index.json"), "its index goes with the next publish");
	ok(store_find_spec(&st, S("old"), 1, &s) == STORE_OK && str_eq(s.note, S("why")) &&
	   store_list_readers(&st, S("old"), &readers) == STORE_OK && store_version_read(&readers, S("web")) == 1, "and what it knew stays");

	put_file("specs/my spec v1.md", "z\n");
	ok(publish_one("my spec v1", "w\n", 0, "", &s) == STORE_OK && store_find_spec(&st, S("my spec v1"), 0, &s) == STORE_OK &&
	   str_eq(s.text, S("w\n")), "a foreign name is updated");
	ok(publish_one("my spec v2", "w\n", 0, "", &s) == STORE_BAD_NAME, "but not made");
	ok(publish_one("WIRE", "w\n", 0, "", &s) == STORE_SIMILAR, "nor a name that differs in case only");
	ok(store_list_specs(&st, &list) == STORE_OK && list.n == 4 && str_eq(list.at[0].name, S("half")) &&
	   store_read_head(&st, &list.at[0]) == STORE_OK && list.at[0].size == 2, "specs are listed by name");
	put_file("specs/wire.md", "");
	make_old("specs/wire.md", 10);
	begin();
	ok(store_find_spec(&st, S("wire"), 0, &s) == STORE_FAILED && st.fault.error == 0 &&
	   store_find_spec(&st, S("wire"), 1, &s) == STORE_OK, "an empty spec is damaged, its past is not");
}

/* ==== Odd machines ==== */

static bool register_name(const char *name)
{
	store_registration reg = { .name = str_of(name), .workspace = S("/w"), .description = S("d"),
				   .origin = S("/w") };
	store_record r;
	begin();
	return store_register(&st, &reg, &r) == STORE_OK;
}

static bool registered(const char *name)
{
	store_records all;
	begin();
	return store_list_agents(&st, &all) == STORE_OK && store_named(&all, str_of(name));
}

static void test_machines(void)
{
	static const int no_locks[] = { ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL };
	store_findings found = { 0 };
	for (int i = 0; i < 4; i++) {
		odd.flock = no_locks[i];
		ok(register_name("nolock") && st.no_locks, "without locks we go on, and know it");
	}
	odd.flock = 0;
	odd.dir_sync = EINVAL;
	ok(register_name("nosync") && st.no_dir_sync, "without directory syncs we go on, and know it");
	odd.dir_sync = EIO;
	ok(!register_name("eio") && st.fault.placed && st.fault.error == EIO, "a directory sync that fails is an error");
	odd.dir_sync = 0;
	odd.full_sync = EIO;
	ok(!register_name("full") && st.fault.error == EIO, "so is a full sync that fails, though a plain one would do");
	odd.full_sync = 0;
	odd.entropy = ENOSYS;
	ok(send_one("api", "web", false).id.n == 36, "where getrandom is refused there is /dev/urandom");
	odd.entropy = 0;
	put_file("registry.json", "{\"web\": {\"name\": \"web\"}, \"x\": {");
	make_old("registry.json", 10);
	odd.link = EPERM;
	ok(register_name("db") && registered("web") && registered("db"), "a damaged registry is kept without hard links");
	odd.link = 0;
	odd.no_follow = EMLINK;
	bool told = symlink("nowhere", path("messages-meta/link.json")) == 0 && store_check(&st, STORE_WHOLLY, &found) == STORE_OK;
	int links = 0;
	for (int i = 0; i < found.n; i++)
		links += str_ends(found.at[i].path, S("link.json")) && found.at[i].what == STORE_LINK;
	ok(told && links == 1, "a link is told as one, by whatever number it is refused");
	unlink(path("messages-meta/link.json"));
	odd.no_follow = 0;
	odd.absent = 2;
	ok(registered("db"), "a registry that is absent for a moment is looked for again");
	odd.stale = 1;
	ok(registered("db"), "a stale directory is opened anew");
	odd.split = 1;
	ok(register_name("late") && registered("late"), "a lock that is deleted before the rename loses nothing");

	/* .lock deleted in the worst moment, by two that register at once. */
	int lost_ones = 0;
	for (int round = 0; round < 50; round++) {
		pid_t child = fork();
		if (child == 0) {
			odd.split = 1;
			_exit(!register_name(arena_say(&mem, "c%d", round).s));
		}
		odd.split = 1;
		bool mine = register_name(arena_say(&mem, "p%d", round).s);
		int status;
		waitpid(child, &status, 0);
		lost_ones += !mine || status != 0 || !registered(arena_say(&mem, "c%d", round).s) ||
			     !registered(arena_say(&mem, "p%d", round).s);
	}
	odd.split = 0;
	ok(lost_ones == 0, "of two that register at once none is lost, whoever deletes .lock");
	printf("# %d of 50 lost\n", lost_ones);

	/* The table that a reader would refuse. */
	char *big = malloc(MAX_TABLE + 1);
	memset(big, 'x', MAX_TABLE);
	big[MAX_TABLE] = 0;
	begin();
	ok(store_set_status(&st, S("api"), str_of(big), false, NULL) == STORE_FAILED && st.fault.error == EFBIG,
	   "a table that no reader would take is not written");
	free(big);
	arena_reset(&mem);
	begin();
	put_file("specs/.history/wire/.tmp-dead", "x");
	make_old("specs/.history/wire/.tmp-dead", 40 * 3600);
	put_file("messages-meta/.tmp-dead", "x");
	make_old("messages-meta/.tmp-dead", 40 * 3600);
	make_old("archive/.swept", 7200);
	store_sweep(&st);
	ok(!file_exists("specs/.history/wire/.tmp-dead") && !file_exists("messages-meta/.tmp-dead"), "dead temp files go, in each spec's history too");
}

static void test_signals(void)
{
	struct stat seen;
	mkdir(path("ws"), 0700);
	str ws = str_of(path("ws"));
	int n = 0;
	for (int i = 0; i < 130; i++)
		store_signal(&mem, ws, S("api"), S("hello\n"));
	int inbox = open_inbox(&mem, ws, false);
	n = count_signals(inbox, false);
	close(inbox);
	ok(n == MAX_SIGNALS && stat(path("ws/.claude/inbox/.gitignore"), &seen) == 0, "no more than a hundred signals lie in a workspace");
	store_count_signals(&mem, ws, true);
	inbox = open_inbox(&mem, ws, false);
	ok(count_signals(inbox, false) == 0, "and they are cleared");
	close(inbox);
	ok(store_look(&mem, ws) == STORE_DIRECTORY && store_look(&mem, S("/bin/sh")) == STORE_PROGRAM, "what stands at a path is told");
}

static void test_check(void)
{
	store_findings found;
	put_file("specs/.history/Thumbs.db", "x");
	begin();
	ok(store_check(&st, STORE_WHOLLY, &found) == STORE_OK, "the doctor looks");
	for (int i = 0; i < found.n; i++)
		printf("# %.*s: %d\n", (int)found.at[i].path.n, found.at[i].path.s, found.at[i].what);
	ok(store_check(&st, STORE_QUICKLY, &found) == STORE_OK && found.n == 0, "quickly too");
}

static void test_owner(void)
{
	struct stat seen;
	if (geteuid() != 0) {
		puts("# skipped: not root");
		return;
	}
	if (chown(root, 1234, 1234) < 0)
		return;
	store_message m = send_one("a", "b", false);
	ok(stat(path(arena_say(&mem, "messages-meta/%S.json", m.id).s), &seen) == 0 && seen.st_uid == 0, "a directory of root's keeps root's files");
	for (int i = 0; i < 1; i++) {
		store_record r;
		begin();
		store_set_status(&st, S("a"), S("b"), false, &r);
		ok(stat(path("status.json"), &seen) == 0 && seen.st_uid == 1234, "root gives what it writes to the owner of the directory");
	}
}

int main(int argc, char **argv)
{
	if (argc != 2 || argv[1][0] != '/')
		return 2;
	snprintf(root, sizeof root, "%s", argv[1]);
	store_open(&st, &mem, str_of(root));
	test_time();
	test_agents();
	test_messages();
	test_announced();
	test_specs();
	test_machines();
	test_signals();
	test_check();
	test_owner();
	store_close(&st);
	printf("1..%d\n", tests);
	return failures > 0;
}
