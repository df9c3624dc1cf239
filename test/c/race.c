/* race: two at once, many times over.
 *
 *   race lock ROUNDS        deletes .lock between a writer's last look and its
 *                           rename, and lets another writer go at that moment;
 *                           both registrations must then be there
 *   race name ROUNDS PROGRAM
 *                           two servers register one name for two workspaces in
 *                           the same instant: exactly one is told yes
 *   race spec READS HOW     reads a spec while another process writes it over:
 *                           "ours" publishes, "program" writes in place at
 *                           once, "editor" in two steps with a pause; no answer
 *                           may be empty, or of two versions
 *
 * All on the store $INTERAGENT_DIR. Each prints what it counted and exits with 0
 * if nothing was wrong. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Called before each rename of the store, where it is set. */
static void (*before_rename)(const char *as);

static int race_rename(int from, const char *name, int to, const char *as)
{
	if (before_rename)
		before_rename(as);
	return renameat(from, name, to, as);
}

#define renameat race_rename
#include "../../store.c"
#pragma GCC diagnostic ignored "-Wunused-function"   /* not all of it is needed here */
#include "client.h"

static str root;
static int go[2];                        /* a pipe: the other may start */
static int wrong;

static void complain(const char *what, int round)
{
	if (wrong++ < 5)
		printf("round %d: %s\n", round, what);
}

/* ---- A lock that is deleted ---- */

static void take_lock_away(const char *as)
{
	if (strcmp(as, "registry.json") != 0)
		return;
	unlink(".lock");
	if (write(go[1], "", 1) != 1)
		die("write");
	nap(2);                          /* the other takes whatever lock it can */
}

static int register_one(str name)
{
	arena mem = { 0 };
	store st;
	store_record record;
	store_registration r = { .name = name, .workspace = S("/w"), .origin = S("/w"),
				 .description = name, .self_fd = -1 };
	store_open(&st, &mem, root);
	int result = store_register(&st, &r, &record) != STORE_OK;
	store_close(&st);
	arena_rewind(&mem, (arena){ 0 });
	return result;
}

static void wait_and_register(str name)
{
	char ignored;
	before_rename = NULL;
	_exit(read(go[0], &ignored, 1) == 1 ? register_one(name) : 2);
}

static void race_for_lock(int rounds)
{
	arena mem = { 0 };
	register_one(S("first"));
	if (chdir(arena_z(&mem, root)) < 0 || pipe(go) < 0)
		die("begin");
	for (int i = 0; i < rounds; i++) {
		str a = arena_say(&mem, "a%d", i % 100), b = arena_say(&mem, "b%d", i % 100);
		store st;
		store_records list;
		int status;
		pid_t other = fork();
		if (other == 0)
			wait_and_register(b);
		before_rename = take_lock_away;
		if (register_one(a) != 0)
			complain("a registration failed", i);
		before_rename = NULL;
		if (waitpid(other, &status, 0) != other || status != 0)
			complain("the other registration failed", i);
		store_open(&st, &mem, root);
		if (store_list_agents(&st, &list) != STORE_OK || !store_named(&list, a) ||
		    !store_named(&list, b))
			complain("an acknowledged registration is lost", i);
		store_forget(&st, a);
		store_forget(&st, b);
		store_close(&st);
		arena_reset(&mem);
	}
	printf("%d rounds\n", rounds);
}

/* ---- A name that two want ---- */

static void ask_to_register(arena *mem, const child *c, const char *name, const char *workspace)
{
	buf b = { .mem = mem };
	json_writer w = begin_call(&b, "register_agent");
	json_say(&w, "name:%s,workspace_path:%s,description:'d'", name, workspace);
	end_call(&w);
	if (write(c->in, b.s, (size_t)b.n) != b.n)
		die("ask");
}

/* Was the answer a yes? */
static bool is_accepted(arena *mem, const child *c)
{
	buf line = { .mem = mem };
	char byte;
	while (read(c->out, &byte, 1) == 1 && byte != '\n')
		buf_char(&line, byte);
	json_error error_at;
	const json *answer = json_read(mem, buf_str(&line), JSON_STORED, &error_at);
	const json *result = json_get(answer, S("result"));
	const json *error = json_get(result, S("isError"));
	return result && !(error && error->kind == JSON_TRUE);
}

static void race_for_name(int rounds, const char *program)
{
	static const char *const home[] = { "left", "right" }, *const place[] = { "/w/left", "/w/right" };
	child server[2];
	arena mem = { 0 };
	for (int i = 0; i < 2; i++)
		server[i] = start_server(program);
	for (int round = 0; round < rounds; round++) {
		bool yes[2];
		for (int i = 0; i < 2; i++) {    /* nobody runs under the name */
			ask_to_register(&mem, &server[i], home[i], place[i]);
			if (!is_accepted(&mem, &server[i]))
				complain("a server's own name was refused", round);
		}
		for (int i = 0; i < 2; i++)
			ask_to_register(&mem, &server[(i + round) % 2], "wanted", place[(i + round) % 2]);
		for (int i = 0; i < 2; i++)
			yes[i] = is_accepted(&mem, &server[i]);
		if (yes[0] && yes[1])
			complain("both were told yes", round);
		if (!yes[0] && !yes[1])
			complain("both were refused", round);
		arena_reset(&mem);
	}
	for (int i = 0; i < 2; i++) {
		close(server[i].in);
		waitpid(server[i].pid, NULL, 0);
	}
	printf("%d rounds\n", rounds);
}

/* ---- A spec that is written over ---- */

/* Every line of a version has its number, so two versions can be told apart. */
static str version_text(arena *mem, int n)
{
	buf b = { .mem = mem };
	for (int i = 0; i < 300 + n % 200; i++)
		buf_say(&b, "version %d line %d\n", n, i);
	return buf_str(&b);
}

/* In one step, or in two with a pause between. */
static void write_in_place(arena *mem, const char *file, int n, ptrdiff_t first, int pause_ms)
{
	str text = arena_say(mem, "<!-- Published by: p%d at 2026-01-01T00:00:00.000Z -->\n\n%S", n,
			     version_text(mem, n));
	ptrdiff_t half = first < 0 ? text.n / 2 : first && first < text.n ? first : text.n;
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text.s, (size_t)half) != half)
		die("write in place");
	nap(pause_ms);
	text = str_from(text, half);
	if (write(fd, text.s, (size_t)text.n) != text.n || close(fd) < 0)
		die("write in place");
}

static void keep_writing(const char *how)
{
	enum { PAGE = 4096 };
	arena mem = { 0 };
	for (int n = 1;; n++) {
		store st;
		store_spec before, spec = { .name = S("api"), .publisher = arena_say(&mem, "p%d", n),
					    .note = S("n") };
		const char *file = arena_say(&mem, "%S/specs/api.md", root).s;
		store_open(&st, &mem, root);
		if (strcmp(how, "ours") == 0)
			store_publish(&st, &spec, version_text(&mem, n), 0, &before);
		else if (strcmp(how, "editor") == 0)
			write_in_place(&mem, file, n, -1, 1);
		else if (strcmp(how, "held") == 0)       /* by the scheduler, within one write */
			write_in_place(&mem, file, n, PAGE, 80);
		else
			write_in_place(&mem, file, n, 0, 0);
		store_close(&st);
		arena_reset(&mem);
		nap(strcmp(how, "editor") == 0 || strcmp(how, "held") == 0 ? 100 : 1);
	}
}

/* Is this all of one version, and its head that version's? */
static bool is_whole(arena *mem, const store_spec *spec)
{
	int64_t n;
	return str_starts(spec->publisher, S("p")) && str_int(str_from(spec->publisher, 1), &n) &&
	       spec->size == spec->text.n && str_eq(spec->text, version_text(mem, (int)n));
}

static void race_for_spec(int reads, const char *how)
{
	arena mem = { 0 };
	store st;
	store_spec before, spec = { .name = S("api"), .publisher = S("p0") };
	int refused = 0;
	store_open(&st, &mem, root);
	if (store_publish(&st, &spec, version_text(&mem, 0), 0, &before) != STORE_OK)
		die("publish");
	store_close(&st);
	pid_t writer = fork();
	if (writer == 0)
		keep_writing(how);
	for (int i = 0; i < reads; i++) {
		store_open(&st, &mem, root);
		store_result r = store_find_spec(&st, S("api"), 0, &spec);
		store_close(&st);
		refused += r != STORE_OK;
		if (r == STORE_OK && spec.text.n == 0)
			complain("an empty answer", i);
		else if (r == STORE_OK && !is_whole(&mem, &spec))
			complain("a torn answer", i);
		arena_reset(&mem);
	}
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	printf("%d reads, %d refused\n", reads, refused);
	if (refused > reads / 20)
		complain("too many refusals", reads);
}

int main(int argc, char **argv)
{
	root = str_of(getenv("INTERAGENT_DIR"));
	int times = argc > 2 ? atoi(argv[2]) : 0;
	setbuf(stdout, NULL);
	if (argc == 3 && strcmp(argv[1], "lock") == 0)
		race_for_lock(times);
	else if (argc == 4 && strcmp(argv[1], "name") == 0)
		race_for_name(times, argv[3]);
	else if (argc == 4 && strcmp(argv[1], "spec") == 0)
		race_for_spec(times, argv[3]);
	else
		return 2;
	return wrong > 0;
}
