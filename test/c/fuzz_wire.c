/* fuzz_wire: any bytes as what a client writes, line by line, to a server on a
 * throw-away store. Each input starts with the same store: two agents, mail in
 * every state, a spec, a damaged file. What the server writes must be lines of
 * JSON that answer what was asked; afterwards it must still answer a ping, and
 * the store must have no damage but its own. */
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE            /* NSIG, mkdtemp */
#endif
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700            /* nftw */
#endif
#include "fuzz.h"

static void heard(const char *s, size_t n);

enum { WIRE = 1 << 20 };                     /* no descriptor: what is written there is heard */

static ssize_t fuzz_write(int fd, const void *s, size_t n)
{
	if (fd == WIRE)
		heard(s, n);
	return fd == WIRE || fd == 2 ? (ssize_t)n : write(fd, s, n);
}

#define write fuzz_write
#define main interagent_main
#include "../../interagent.c"
#undef main
#undef write

#include <ftw.h>

int fuzz_changed;
char fuzz_root[64];
static unsigned long long fuzz_state;
static arena mem;
static buf out;

int fuzz_entropy(void *to, size_t n)
{
	for (unsigned char *p = to; n; n--) {
		fuzz_state = fuzz_state * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (unsigned char)(fuzz_state >> 56);
	}
	return 0;
}

static void heard(const char *s, size_t n)
{
	buf_add(&out, (str){ s, (ptrdiff_t)n });
}

/* ==== The store that each input starts with ==== */

static int unlink_entry(const char *path, const struct stat *found, int kind, struct FTW *at)
{
	(void)found;
	(void)kind;
	return at->level ? remove(path) : 0;
}

static void make(const char *name, const char *format, ...)
{
	buf path = { .mem = &mem }, text = { .mem = &mem };
	va_list args;
	int fd;
	va_start(args, format);
	buf_vsay(&text, format, args);
	va_end(args);
	buf_say(&path, "%s%s", fuzz_root, name);
	if (str_ends(str_of(name), S("/"))) {
		expect(mkdir(arena_z(&mem, buf_str(&path)), 0700) == 0, "a directory can be made");
		return;
	}
	fd = open(arena_z(&mem, buf_str(&path)), O_WRONLY | O_CREAT | O_EXCL, 0600);
	expect(fd >= 0 && write(fd, text.s, (size_t)text.n) == (ssize_t)text.n, "a file can be made");
	close(fd);
}

static void make_message(const char *where, int digit, const char *from, const char *to, const char *status)
{
	buf id = { .mem = &mem }, meta = { .mem = &mem }, body = { .mem = &mem };
	for (int i = 0; i < 8; i++)
		buf_digits(&id, (uint64_t)digit, 10, 1);
	buf_say(&id, "-0000-4000-8000-000000000000");
	buf_say(&meta, "s/%smessages-meta/%S.json", where, buf_str(&id));
	buf_say(&body, "s/%smessages/%S.md", where, buf_str(&id));
	make(arena_z(&mem, buf_str(&body)), "The text of %S.\nIts second line.\n", buf_str(&id));
	make(arena_z(&mem, buf_str(&meta)), "{\n  \"id\": \"%S\",\n  \"from\": \"%s\",\n  \"to\": \"%s\",\n  \"subject\": \"s\",\n"
	     "  \"status\": \"%s\",\n  \"createdAt\": \"2024-01-01T00:00:00.000Z\",\n  \"updatedAt\": \"2024-01-01T00:00:00.000Z\"\n}",
	     buf_str(&id), from, to, status);
}

static void make_store(void)
{
	static const char *const dirs[] = { "s/", "s/messages/", "s/messages-meta/", "s/specs/", "s/archive/",
					    "s/archive/messages/", "s/archive/messages-meta/", "w/", "w/api/", "w/web/" };
	struct timespec old[2] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000 } };
	buf path = { .mem = &mem };
	nftw(fuzz_root, unlink_entry, 16, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		make(dirs[i], "");
	make("s/registry.json", "{\"api\":{\"name\":\"api\",\"workspacePath\":\"%sw/api\",\"description\":\"d\",\"registeredAt\":"
	     "\"2024-01-01T00:00:00.000Z\"},\"web\":{\"name\":\"web\",\"workspacePath\":\"%sw/web\",\"description\":\"d\"},"
	     "\"a,/b\":{\"name\":\"a,/b\",\"workspacePath\":\"C:\\\\w\",\"description\":\"\\ud800\"}}", fuzz_root, fuzz_root);
	make("s/status.json", "{\"api\":{\"agent\":\"api\",\"status\":\"online\",\"updatedAt\":\"2024-01-01T00:00:00.000Z\"}}");
	make_message("", 1, "api", "web", "pending");
	make_message("", 2, "web", "api", "pending");
	make_message("", 3, "web", "api", "escalated");
	make_message("", 4, "a,/b", "api", "read");
	make_message("", 5, "api", "api", "completed");
	make_message("archive/", 6, "web", "api", "completed");
	make("s/messages-meta/77777777-0000-4000-8000-000000000000.json", "{\"id\": \"7777");
	make("s/specs/api-v1.md", "<!-- Published by: api at 2024-01-01T00:00:00.000Z -->\n\n# API\n\nOne.\n");
	make("s/specs/an odd name.md", "no head\n");
	buf_say(&path, "%ss/messages-meta/77777777-0000-4000-8000-000000000000.json", fuzz_root);
	utimensat(AT_FDCWD, arena_z(&mem, buf_str(&path)), old, 0);
	fuzz_changed = 0;
}

static void remove_root(void)
{
	nftw(fuzz_root, unlink_entry, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(fuzz_root);
}

static void start(void)
{
	static const char *const unwanted[] = { "INTERAGENT_NOTIFY", "INTERAGENT_NAME", "HOME" };
	const char *at = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
		unsetenv(unwanted[i]);
	snprintf(fuzz_root, sizeof fuzz_root - 1, "%s/interagent-fuzz.XXXXXX", at);
	expect(mkdtemp(fuzz_root) != NULL, "a directory for the store");
	strcat(fuzz_root, "/");
	atexit(remove_root);
	fuzz_changed = 1;
}

/* ==== What must hold of an answer ==== */

static bool is_message(const json *v)
{
	int members = !!json_get(v, S("result")) + !!json_get(v, S("error"));
	bool notice = json_get(v, S("method")) != NULL;
	return str_eq(json_get_text(&mem, v, S("jsonrpc")), S("2.0")) && (members == 1 || (notice && members == 0));
}

/* A line that is no JSON can only have an error, under an id that stands in it. */
static void check_refusal(const json *answer, str asked)
{
	const json *id = json_get(answer, S("id")), *code = json_get(json_get(answer, S("error")), S("code"));
	expect(is_message(answer) && id, "what is no JSON gets a message with an id");
	expect(code && str_eq(code->raw, S("-32700")),
	       "what is no JSON is told so");
	for (ptrdiff_t i = 0; i + id->raw.n <= asked.n; i++)
		if (str_starts(str_from(asked, i), id->raw))
			return;
	expect(false, "an id is one that was sent");
}

/* The answer to a request has its id, byte for byte. */
static void check_answer(const json *answer, const json *asked)
{
	const json *id = json_get(asked, S("id")), *back = json_get(answer, S("id"));
	expect(is_message(answer), "an answer is a result, an error or a notification");
	if (json_get(answer, S("method")))
		return;
	expect(!json_get(answer, S("result")) || back, "a result has an id");
	if (asked && back && asked->kind == JSON_OBJECT)
		expect(id && str_eq(id->raw, back->raw), "an answer has the id of its request");
}

/* `asked` is NULL if what was sent is no JSON. */
static void check_line(str line, str sent, const json *asked)
{
	json_error error;
	json *v = json_read(&mem, line, JSON_STRICT, &error);
	expect(!error.what, "what is written is JSON, and UTF-8");
	expect(line.n <= MAX_LINE, "a line is not too long");
	if (!asked && !json_get(v, S("method"))) {
		check_refusal(v, sent);
		return;
	}
	if (v->kind != JSON_ARRAY) {
		check_answer(v, asked);
		return;
	}
	expect(v->child && asked && asked->kind == JSON_ARRAY, "an array answers an array");
	for (const json *m = v->child; m; m = m->next)
		expect(is_message(m), "a part of an array is an answer");
}

/* Asks one line and checks what comes back; the line ends where its memory does. */
static void ask(server *srv, str line)
{
	json_error error;
	char *own = malloc(line.n ? (size_t)line.n : 1);
	json *asked;
	str answers;
	out = (buf){ .mem = &mem };
	if (line.n)
		memcpy(own, line.s, (size_t)line.n);
	asked = json_read(&mem, str_from(line, str_starts(line, S("\xef\xbb\xbf")) ? 3 : 0), JSON_STRICT,
			  &error);
	if (error.what)
		asked = NULL;
	serve_line(srv, (str){ own, line.n });
	arena_reset(&srv->mem);
	free(own);
	answers = buf_str(&out);
	expect(answers.n == 0 || str_ends(answers, S("\n")), "what is written ends in a newline");
	while (answers.n)
		check_line(str_cut(&answers, '\n'), line, asked);
	expect(!srv->broken, "the server goes on");
	arena_reset(&mem);
}

static void check_store(str root)
{
	store st;
	store_findings found;
	store_open(&st, &mem, root);
	expect(store_check(&st, STORE_WHOLLY, &found) == STORE_OK, "the store can be looked at");
	for (int i = 0; i < found.n; i++)
		expect(strstr(arena_z(&mem, found.at[i].path), "77777777") != NULL, "the store has no new damage");
	store_close(&st);
}

static void forget(process *self)
{
	if (self->presence.fd >= 0)
		close(self->presence.fd);
	for (int i = 0; i < self->spoken.n; i++) {
		free((char *)(uintptr_t)self->spoken.at[i].name.s);
		free((char *)(uintptr_t)self->spoken.at[i].session.s);
	}
	free(self->spoken.at);
	str *kept[] = { &self->root, &self->cwd, &self->client, &self->unread_of,
			&self->presence.agent, &self->presence.workspace, &self->presence.client,
			&self->presence.session, &self->presence.file };
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		free((char *)(uintptr_t)kept[i]->s);
	store_index_release(self->index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str rest = { (const char *)data, (ptrdiff_t)size };
	store_index index = { 0 };
	process self = { .presence = { .fd = -1 }, .index = &index };
	server srv = { .self = &self, .in = -1, .out = WIRE, .watch = -1 };
	if (!*fuzz_root)
		start();
	if (fuzz_changed)
		make_store();
	arena_reset(&mem);
	fuzz_state = 1;
	keep(&self.root, arena_say(&mem, "%ss", fuzz_root));
	keep(&self.cwd, arena_say(&mem, "%sw/api", fuzz_root));
	while (rest.n)
		ask(&srv, str_cut(&rest, '\n'));
	srv.ended = true;
	out = (buf){ .mem = &mem };
	serve_waiting(&srv, true);
	expect(!srv.waits, "at the end nobody waits any more");
	srv.ended = false;
	arena_reset(&mem);
	out = (buf){ .mem = &mem };
	serve_line(&srv, S("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}"));
	expect(str_eq(buf_str(&out), S("{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}\n")), "a ping is answered");
	if (fuzz_changed && size % 4 == 0) {
		sweep(&self, &srv.mem);
		check_store(self.root);
	}
	forget(&self);
	arena *used[] = { &mem, &srv.mem, &srv.batch_mem };
	for (size_t i = 0; i < sizeof used / sizeof *used; i++)
		arena_rewind(used[i], (arena){ 0 });
	return 0;
}
