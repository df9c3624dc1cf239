/* foreign: another program on the same store, one that knows no locks.
 *
 *   foreign PROGRAM ROUNDS [SEED]
 *
 * It writes the store $INTERAGENT_DIR as the original implementation does: reads
 * a file, opens it with O_TRUNC and writes it anew, in place, with a moment in
 * between in which it is empty; adds agents, statuses and messages, changes
 * what messages say, and moves completed ones to archive/, the meta first.
 * Beside it our program works on the same files: a server that only reads, one
 * that reads, answers and completes mail, and the command line.
 *
 * What must hold:
 *  - Our readers never call a good file damaged, and never miss a message that
 *    was there before they were asked. They wait at most 127 ms in all, by naps
 *    that double: where files were unfinished for less than PATIENCE_US during
 *    the whole request, that is enough. (More than that is a stall of this
 *    machine: what is passed over then is counted, no more.)
 *  - The foreign program never finds a file torn.
 *  - Our writers never destroy what it wrote. It reads before each of its own
 *    writes, so all that it wrote before must be there each time it looks.
 *
 * The last holds but for one moment: between our last look at a file and the
 * rename that replaces it, nobody without locks can be kept from opening the
 * old one. With $INTERAGENT_GATE set, that moment is closed: the program (built
 * with gate.h) and the foreign writer take turns there, and then not a single
 * loss is allowed. Without it, losses are counted, and those for which
 * LOSSES_PERCENT is too little are too many. What the foreign program destroys
 * of ours is its way of writing: counted, no more. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE              /* flock, MAP_ANONYMOUS */
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include "patch.h"
#include "client.h"

#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { MESSAGES_MOST = 4000, PATIENCE_US = 50 * 1000, LOSSES_PERCENT = 2, COMPLAINTS_MOST = 20, START = 60 };

/* A message of the foreign program. */
typedef struct {
	char id[40];
	bool to_reader, archived;
	int written;                           /* the number last written into its meta */
} message;

/* What all processes see. */
typedef struct {
	atomic_int done;                       /* the foreign writer has finished */
	atomic_int complaints, stalls;
	atomic_int begun, stored;              /* messages to the reader */
	atomic_int agents_begun, agents_stored, agents_lost;
	atomic_int calls, ours_lost, replies;
	atomic_long hole_from, holes;          /* microseconds: since when a file is unfinished (0: none is), and all before */
} shared;

static struct {
	const char *program, *store, *gate;
	unsigned long long random;
	long long began;                       /* now_us() */
	shared *s;
	message messages[MESSAGES_MOST];
	int messages_n;
	int agents, status;                    /* numbers written so far */
	bool agent_lost[MESSAGES_MOST];
	int writes, lost, doubled;
	arena mem;                             /* for one round */
	arena own;                             /* a client's */
} all;

static void complain(const char *format, ...)
{
	char line[1024];
	va_list args;
	int n;
	if (atomic_fetch_add(&all.s->complaints, 1) >= COMPLAINTS_MOST)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	n = n < (int)sizeof line - 1 ? n : (int)sizeof line - 2;
	line[n] = '\n';
	if (write(1, line, (size_t)n + 1) < 0)
		_exit(2);
}

static int below(int n)
{
	return (int)(next_random(&all.random) % (unsigned)n);
}

static char *path_of(const char *dir, const char *name, const char *tail)
{
	buf b = { .mem = &all.mem };
	buf_say(&b, "%s/%s%s%s", all.store, dir, name, tail);
	return arena_z(&all.mem, buf_str(&b));
}

static void pause_us(int us)
{
	if (us)
		nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000L }, NULL);
}

/* Since we began: an atomic number that every machine has holds half an hour. */
static long elapsed_us(void)
{
	return (long)(now_us() - all.began);
}

/* Mostly nothing to speak of, sometimes what a busy machine makes of it. */
static int some_us(void)
{
	int kind = below(40);
	return kind == 0 ? below(20000) : kind < 4 ? below(4000) : kind < 20 ? below(300) : 0;
}

/* ==== The foreign writer ==== */

/* As it stands in JSON, quoted. */
static str time_now(void)
{
	struct timespec now;
	struct tm t;
	char text[64];
	int n;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	n = (int)strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%S", &t);
	n += snprintf(text + n, sizeof text - (size_t)n, ".%03dZ\"", (int)(now.tv_nsec / 1000000));
	return arena_copy(&all.mem, (str){ text, n });
}

static int enter_gate(void)
{
	int fd = all.gate ? open(all.gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (all.gate && (fd < 0 || flock(fd, LOCK_EX) < 0))
		die("take the gate");
	return fd;
}

static void leave_gate(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Half of the files look as if they had been written a while ago, no two at the
 * same time: whoever finds one empty must not take it for damaged long since. */
static void grow_old(int fd)
{
	struct timespec times[2];
	if (below(2))
		return;
	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= 3600;
	times[1] = times[0];
	if (futimens(fd, times) < 0)
		die("make a file older");
}

/* As fs.writeFile does it: the file is empty until the write. */
static void write_in_place(const char *path, str text)
{
	int gate = enter_gate(), fd;
	long from = elapsed_us();
	atomic_store(&all.s->hole_from, from);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	leave_gate(gate);
	if (fd < 0)
		die(path);
	pause_us(some_us());
	if (write(fd, text.s, (size_t)text.n) != text.n)
		die("write in place");
	grow_old(fd);
	close(fd);
	atomic_fetch_add(&all.s->holes, elapsed_us() - from);
	atomic_store(&all.s->hole_from, 0);
	all.writes++;
}

/* NULL: it is not there. A file that is torn is our doing. */
static json *read_json(const char *path)
{
	json_error error;
	bool there;
	str text = read_whole(&all.mem, str_of(path), &there);
	json *doc;
	if (!there)
		return NULL;
	doc = json_read(&all.mem, text, JSON_STRICT, &error);
	if (!error.what && doc->kind == JSON_OBJECT)
		return doc;
	complain("the foreign program found %s torn: %d bytes, %s", path, (int)text.n, error.what ? error.what : "no object");
	return doc && doc->kind == JSON_OBJECT ? doc : NULL;
}

static str number(int n)
{
	buf b = { .mem = &all.mem };
	buf_say(&b, "%d", n);
	return buf_str(&b);
}

/* Where the file system's clock is coarse, only the length tells two versions of
 * the same moment apart: each one is of another length than those before it. */
static str padding(int n)
{
	return arena_say(&all.mem, "\"%S\"", ((str){ "xxxxxxx", n % 7 }));
}

static str foreign_name(int n)
{
	buf b = { .mem = &all.mem };
	buf_say(&b, "f%d", n);
	return buf_str(&b);
}

/* Is all that the foreign program has registered still there? */
static void check_agents(const json *registry)
{
	for (int i = 0; i < all.agents; i++) {
		if (all.agent_lost[i] || json_get(registry, foreign_name(i)))
			continue;
		all.agent_lost[i] = true;
		all.lost++;
		atomic_fetch_add(&all.s->agents_lost, 1);
	}
}

static void add_agent(void)
{
	char *path = path_of("", "registry.json", "");
	json *registry = read_json(path);
	buf entry = { .mem = &all.mem };
	change one = { foreign_name(all.agents), { 0 } };
	check_agents(registry);
	buf_say(&entry, "{\n    \"name\": \"f%d\",\n    \"workspacePath\": \"/nowhere/f%d\",\n    \"description\": \"foreign\","
			"\n    \"registeredAt\": \"2024-01-01T00:00:00.000Z\"\n  }", all.agents, all.agents);
	one.value = buf_str(&entry);
	atomic_fetch_add(&all.s->agents_begun, 1);
	write_in_place(path, patch(&all.mem, registry, &one, 1, 0));
	all.agents++;
	atomic_fetch_add(&all.s->agents_stored, 1);
}

/* One status of its own, which it counts up. */
static void check_status(const json *table)
{
	str text = json_get_text(&all.mem, json_get(table, S("foreign")), S("status"));
	int64_t found = 0;
	if (all.status && (!str_int(text, &found) || found != all.status))
		all.lost++;
	if (found > all.status)
		complain("status.json has a status of the future: %d, not %d", (int)found, all.status);
}

static void change_status(void)
{
	char *path = path_of("", "status.json", "");
	json *table = read_json(path);
	buf entry = { .mem = &all.mem };
	change one = { S("foreign"), { 0 } };
	check_status(table);
	all.status++;
	buf_say(&entry, "{\n    \"agent\": \"foreign\",\n    \"status\": \"%d\",\n    \"updatedAt\": %S,\n    \"pad\": %S\n  }",
		all.status, time_now(), padding(all.status));
	one.value = buf_str(&entry);
	write_in_place(path, patch(&all.mem, table, &one, 1, 0));
}

static void send(void)
{
	message *m = &all.messages[all.messages_n];
	buf meta = { .mem = &all.mem }, body = { .mem = &all.mem };
	if (all.messages_n == MESSAGES_MOST)
		return;
	snprintf(m->id, sizeof m->id, "%08x-0000-4000-8000-%012x", (unsigned)all.messages_n * 7919u + 0x10000000u, below(1 << 30));
	m->to_reader = below(2);
	buf_say(&body, "text of %s\n", m->id);
	buf_say(&meta, "{\n  \"id\": \"%s\",\n  \"from\": \"foreign\",\n  \"to\": \"%s\",\n  \"subject\": \"s\",\n  \"status\": \"pending\",\n"
		       "  \"createdAt\": %S,\n  \"updatedAt\": %S\n}",
		m->id, m->to_reader ? "reader" : "worker", time_now(), time_now());
	if (m->to_reader)
		atomic_fetch_add(&all.s->begun, 1);
	write_in_place(path_of("messages/", m->id, ".md"), buf_str(&body));
	write_in_place(path_of("messages-meta/", m->id, ".json"), buf_str(&meta));
	all.messages_n++;
	if (m->to_reader)
		atomic_fetch_add(&all.s->stored, 1);
}

/* Where the meta is: it is in one place, unless one of ours came back beside
 * an archived one. */
static json *find_meta(message *m, char **path)
{
	char *live = path_of("messages-meta/", m->id, ".json"), *old = path_of("archive/messages-meta/", m->id, ".json");
	json *doc = read_json(*path = m->archived ? old : live);
	if (!doc)
		complain("the meta of %s is gone", m->id);
	return doc;
}

static void check_message(const message *m, const json *doc)
{
	const json *found = json_get(doc, S("foreign"));
	int64_t n = 0;
	if (found)
		str_int(found->raw, &n);
	if (n > m->written)
		complain("%s has a number of the future: %d, not %d", m->id, (int)n, m->written);
	all.lost += n != m->written;
}

static void change_message(message *m)
{
	char *path;
	json *doc = find_meta(m, &path);
	change changes[] = { { S("foreign"), number(m->written + 1) }, { S("updatedAt"), time_now() },
				  { S("pad"), padding(m->written) }, { S("status"), S("\"acknowledged\"") } };
	bool read = m->to_reader && below(3) == 0;
	if (!doc)
		return;
	check_message(m, doc);
	write_in_place(path, patch(&all.mem, doc, changes, read ? 4 : 3, 0));
	m->written++;
}

static void archive(message *m)
{
	char *path;
	json *doc = find_meta(m, &path);
	int gate;
	if (!doc || m->archived || !str_eq(json_get_text(&all.mem, doc, S("status")), S("completed")))
		return;
	check_message(m, doc);
	mkdir(path_of("archive", "", ""), 0755);
	mkdir(path_of("archive/messages", "", ""), 0755);
	mkdir(path_of("archive/messages-meta", "", ""), 0755);
	gate = enter_gate();
	if (rename(path, path_of("archive/messages-meta/", m->id, ".json")) < 0)
		die("archive a meta");
	leave_gate(gate);
	m->archived = true;
	pause_us(some_us());
	if (rename(path_of("messages/", m->id, ".md"), path_of("archive/messages/", m->id, ".md")) < 0)
		die("archive a text");
}

static void write_something(void)
{
	int dice = below(100);
	message *m = all.messages_n ? &all.messages[below(all.messages_n)] : NULL;
	if (dice < 20 && all.agents < MESSAGES_MOST)
		add_agent();
	else if (dice < 35)
		change_status();
	else if (dice < 50 || !m)
		send();
	else if (dice < 80)
		change_message(m);
	else if (dice < 90)
		archive(m);
	else
		pause_us(below(2000));
	arena_reset(&all.mem);
}

/* ==== Our clients ==== */

static child server_of_client;

/* What a server answers to one line. */
static str ask_server(str line)
{
	static char chunk[65536];
	buf b = { .mem = &all.own };
	ssize_t n;
	for (str rest = line; rest.n; rest = str_from(rest, n))
		if ((n = write(server_of_client.in, rest.s, (size_t)rest.n)) <= 0)
			die("write to a server");
	while ((n = read(server_of_client.out, chunk, sizeof chunk)) > 0) {
		buf_add(&b, (str){ chunk, n });
		if (chunk[n - 1] == '\n')
			break;
	}
	if (n <= 0)
		complain("a server left by itself");
	return buf_str(&b);
}

static long asked;                         /* how long files had been unfinished when the client last asked */

static void note_asked(void)
{
	asked = atomic_load(&all.s->holes);
	atomic_fetch_add(&all.s->calls, 1);
}

/* A reader fell short: was it given the time that it needed? */
static void blame(const char *what, str text)
{
	long from = atomic_load(&all.s->hole_from), holes = atomic_load(&all.s->holes) - asked;
	text = str_cut(&text, '\n');
	if (holes + (from ? elapsed_us() - from : 0) < PATIENCE_US)
		complain("%s: %.*s", what, (int)text.n, text.s);
	else
		atomic_fetch_add(&all.s->stalls, 1);
}

/* Is damage spoken of? There is none in a good store. */
static bool is_damage_told(str text)
{
	for (str line = { 0 }; text.n; ) {
		line = str_cut(&text, '\n');
		for (str word = line; word.n; str_cut(&word, ' ')) {
			if (!str_starts(word, S("damaged")))
				continue;
			blame("called damaged", line);
			return true;
		}
	}
	return false;
}

static str answer_text(str line, bool *refused)
{
	json_error error;
	json *answer = json_read(&all.own, line, JSON_STRICT, &error), *result = json_get(answer, S("result"));
	json *content = json_get(result, S("content"));
	*refused = error.what || !content || json_get(result, S("isError"));
	return json_get_text(&all.own, content ? content->child : NULL, S("text"));
}

static str ask_tool(json_writer *w)
{
	bool refused;
	str text;
	end_call(w);
	note_asked();
	text = answer_text(ask_server(buf_str(w->out)), &refused);
	if (!is_damage_told(text) && refused)
		blame("refused", text);
	return text;
}

/* The last line of a list that goes on. */
static int more_of(str line)
{
	int64_t n = 0;
	if (!str_starts(line, S("...and ")))
		return 0;
	line = str_from(line, 7);
	str_int(str_cut(&line, ' '), &n);
	return (int)n;
}

/* A line of the inbox begins with the eight letters of an id; what was read stays listed. */
static void check_inbox_text(str text, int least)
{
	int n = 0;
	for (str rest = text; rest.n; ) {
		str line = str_cut(&rest, '\n'), id = line;
		n += more_of(line);
		id = str_cut(&id, ' ');
		n += id.n == 8 && id.s[0] >= '1' && id.s[0] <= '9';
	}
	if (n < least)
		blame("messages are missing", text);
	if (n > atomic_load(&all.s->begun))
		complain("the reader sees %d messages of %d", n, atomic_load(&all.s->begun));
}

static void check_agents_text(str text, int least)
{
	int n = -3;                            /* the reader, the worker and the foreign writer are listed too */
	for (str rest = text; rest.n; ) {
		str line = str_cut(&rest, '\n');
		n += str_starts(line, S("f")) || str_starts(line, S("reader")) || str_starts(line, S("worker"));
		n += more_of(line);
	}
	if (n < least - atomic_load(&all.s->agents_lost))
		blame("agents are missing", text);
	if (n > atomic_load(&all.s->agents_begun))
		complain("%d agents are listed of %d", n, atomic_load(&all.s->agents_begun));
}

static void register_as(const char *name, int n)
{
	buf b = { .mem = &all.own };
	json_writer w = begin_call(&b, "register_agent");
	json_say(&w, "name:%s", name);
	json_say(&w, "workspace_path:'/nowhere/at/all'");
	put(&w, "description", "description ", n);
	ask_tool(&w);
}

/* Looks, and changes nothing. */
static void read_along(void)
{
	while (!atomic_load(&all.s->done)) {
		buf a = { .mem = &all.own }, b = { .mem = &all.own };
		json_writer w = begin_call(&a, "check_inbox");
		int least = atomic_load(&all.s->stored);
		json_say(&w, "agent_name:'reader'");
		check_inbox_text(ask_tool(&w), least);
		least = atomic_load(&all.s->agents_stored);
		w = begin_call(&b, "list_agents");
		check_agents_text(ask_tool(&w), least);
		arena_reset(&all.own);
	}
}

/* An id of the worker's inbox; empty where there is none. */
static str pick_mail(void)
{
	buf b = { .mem = &all.own };
	json_writer w = begin_call(&b, "check_inbox");
	str text, ids[20];
	int n = 0;
	json_say(&w, "agent_name:'worker'");
	text = ask_tool(&w);
	str_cut(&text, '\n');
	while (text.n && n < 20) {
		str id, line = str_cut(&text, '\n');
		id = str_cut(&line, ' ');
		if (id.n == 8 && id.s[0] >= '1' && id.s[0] <= '9')
			ids[n++] = id;
	}
	return n ? ids[below(n)] : S("");
}

static void note_completed(str text)
{
	while (text.n)
		if (str_ends(str_cut(&text, '\n'), S(" is completed.")))
			atomic_fetch_add(&all.s->replies, 1);
}

/* Changes the same files: receipts, completion, its status, its entry. */
static void work_along(void)
{
	for (int i = 0; !atomic_load(&all.s->done); i++) {
		buf b = { .mem = &all.own };
		json_writer w;
		str id = pick_mail();
		int dice = below(10);
		if (dice < 4 && id.n) {
			w = begin_call(&b, "read_message");
			json_say(&w, "message_id:%S", id);
			json_say(&w, "reader:'worker'");
			ask_tool(&w);
		} else if (dice < 7 && id.n) {
			w = begin_call(&b, "reply_message");
			json_say(&w, "original_message_id:%S", id);
			json_say(&w, "from:'worker'");
			json_say(&w, "content:'done'");
			json_say(&w, "mark_complete:true");
			note_completed(ask_tool(&w));
		} else if (dice < 9) {
			w = begin_call(&b, "set_status");
			json_say(&w, "agent_name:'worker'");
			put(&w, "status", "status ", i);
			ask_tool(&w);
		} else {
			register_as("worker", i);
		}
		arena_reset(&all.own);
	}
}

static str run_verb(char *const argv[])
{
	static char chunk[65536];
	buf b = { .mem = &all.own };
	int out[2], status;
	ssize_t n;
	pid_t pid;
	pid = pipe(out) == 0 ? fork() : -1;
	if (pid < 0)
		die("run a verb");
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(out[0]);
		execv(all.program, argv);
		_exit(127);
	}
	close(out[1]);
	while ((n = read(out[0], chunk, sizeof chunk)) > 0)
		buf_add(&b, (str){ chunk, n });
	close(out[0]);
	waitpid(pid, &status, 0);
	if (status != 0)
		blame("a verb failed", buf_str(&b));
	return buf_str(&b);
}

/* The same from the command line, where nothing is remembered. */
static void type_along(void)
{
	char *program = arena_z(&all.own, str_of(all.program));
	arena mark = all.own;
	for (int i = 0; !atomic_load(&all.s->done); i++) {
		char *inbox[] = { program, "check_inbox", "--agent-name", "reader", NULL };
		char *agents[] = { program, "list_agents", NULL };
		char *status[] = { program, "set_status", "--from", "reader", "--status", "x", NULL };
		int least = i % 3 == 0 ? atomic_load(&all.s->stored) : atomic_load(&all.s->agents_stored);
		str text;
		note_asked();
		text = run_verb(i % 3 == 0 ? inbox : i % 3 == 1 ? agents : status);
		is_damage_told(text);
		if (i % 3 == 0)
			check_inbox_text(text, least);
		if (i % 3 == 1)
			check_agents_text(text, least);
		arena_rewind(&all.own, mark);
	}
}

static pid_t start_client(void (*run)(void), bool needs_server)
{
	int status = 0;
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	all.random = all.random * 31 + (unsigned)getpid();
	if (needs_server)
		server_of_client = start_server(all.program);
	run();
	if (needs_server) {
		close(server_of_client.in);
		waitpid(server_of_client.pid, &status, 0);
		if (status)
			complain("a server ended with status %d", status);
	}
	_exit(0);
}

/* ==== The end ==== */

static int count_names(const char *dir, const char *part)
{
	DIR *d = opendir(path_of(dir, "", ""));
	struct dirent *entry;
	int n = 0;
	while (d && (entry = readdir(d)))
		n += strstr(entry->d_name, part) != NULL;
	if (d)
		closedir(d);
	return n;
}

static void check_end(message *m)
{
	char *path;
	json *doc = find_meta(m, &path);
	bool live, old;
	str body, wanted;
	buf b = { .mem = &all.mem };
	if (doc)
		check_message(m, doc);
	if (m->archived && access(path_of("messages-meta/", m->id, ".json"), F_OK) == 0)
		all.doubled++;
	body = read_whole(&all.mem, str_of(path_of("messages/", m->id, ".md")), &live);
	if (!live)
		body = read_whole(&all.mem, str_of(path_of("archive/messages/", m->id, ".md")), &old);
	buf_say(&b, "text of %s\n", m->id);
	wanted = buf_str(&b);
	if (!str_eq(body, wanted))
		complain("the text of %s is lost or changed", m->id);
	arena_reset(&all.mem);
}

static void check_all(void)
{
	check_agents(read_json(path_of("", "registry.json", "")));
	check_status(read_json(path_of("", "status.json", "")));
	arena_reset(&all.mem);
	for (int i = 0; i < all.messages_n; i++)
		check_end(&all.messages[i]);
	if (count_names("", "damaged") + count_names("messages-meta", "damaged") && atomic_load(&all.s->stalls) == 0)
		complain("a good file was moved aside as damaged");
	if (all.gate && all.lost + all.doubled)
		complain("%d updates of the foreign program were lost, %d messages came back from the archive", all.lost, all.doubled);
	if ((all.lost + all.doubled) * 100 > all.writes * LOSSES_PERCENT)
		complain("%d updates of %d were lost, %d messages came back from the archive", all.lost, all.writes, all.doubled);
}

int main(int argc, char **argv)
{
	pid_t clients[3];
	int rounds;
	unsigned long long seed;
	all.store = getenv("INTERAGENT_DIR");
	all.gate = getenv("INTERAGENT_GATE");
	if (argc < 3 || argc > 4 || !all.store) {
		fputs("usage: foreign PROGRAM ROUNDS [SEED], with INTERAGENT_DIR set\n", stderr);
		return 2;
	}
	all.program = argv[1];
	all.began = now_us() - 1;
	rounds = atoi(argv[2]);
	seed = seed_from(argv[3]);
	all.random = seed * 2654435761ULL + 88172645463325252ULL;
	all.s = mmap(NULL, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all.s == MAP_FAILED)
		die("share memory");
	signal(SIGPIPE, SIG_IGN);
	/* Our program makes the store, so that both of its agents are in it, and whom they answer. */
	server_of_client = start_server(all.program);
	register_as("reader", 0);
	register_as("worker", 0);
	register_as("foreign", 0);
	close(server_of_client.in);
	waitpid(server_of_client.pid, NULL, 0);
	mkdir(path_of("messages", "", ""), 0755);
	mkdir(path_of("messages-meta", "", ""), 0755);
	for (int i = 0; i < START; i++)
		send();
	clients[0] = start_client(read_along, true);
	clients[1] = start_client(work_along, true);
	clients[2] = start_client(type_along, false);
	for (int i = 0; i < rounds; i++)
		write_something();
	atomic_store(&all.s->done, 1);
	for (int i = 0; i < 3; i++)
		waitpid(clients[i], NULL, 0);
	check_all();
	printf("foreign: seed %llu, %d writes in place, %d agents, %d messages, %d calls of ours beside them, %d completed; "
	       "lost of the foreign: %d, back from the archive: %d, stalls: %d\n",
	       seed, all.writes, all.agents, all.messages_n, atomic_load(&all.s->calls), atomic_load(&all.s->replies), all.lost,
	       all.doubled, atomic_load(&all.s->stalls));
	return atomic_load(&all.s->complaints) ? 1 : 0;
}
