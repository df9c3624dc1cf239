/* growth: what does the program's work cost where ten thousand messages and an
 * archive of a million are stored, beside the same where there are few? Both in
 * one run and by turns; what counts is the ratio of the medians, and its bar.
 *
 *   growth PROGRAM FLOOR MKSTORE DIR ARCHIVED
 *
 * FLOOR is test/c/floor.c, built as PROGRAM is; DIR is empty and can be removed
 * after it. It needs a controlling terminal, see test/c/tty.c: the board is
 * asked by a person. */
#include "benchwork.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif

enum {
	CALLS = 41, RUNS = 21,           /* of each row: by a server, of one process each */
	FEW = 100, MANY = 10000, MINE = 10, AGENTS = 51, WAITERS = 20, SENDS = 20, BOARD = 4000
};

typedef struct {
	char path[900];
	char ids[MINE][37];              /* of the messages to a0 */
} store_at;

static const char *program, *floor_program, *mkstore, *dir;
static int rows, missed;

/* ==== Rows ==== */

static void heading(const char *what, const char *small, const char *large)
{
	double load[3] = { 0, 0, 0 };
	getloadavg(load, 3);
	printf("\n%-44s %11s %11s %6s %10s   load %.1f\n", what, small, large, "ratio", "bar", load[0]);
}

static void verdict(double value, double bar)
{
	rows++;
	missed += value > bar;
	puts(value > bar ? "  MISSED" : "");
	fflush(stdout);
}

/* Two times in us, of which the second may be so many times the first. */
static void ratio_row(const char *what, double small, double large, double bar)
{
	printf("%-44s %8.2f ms %8.2f ms %6.2f %10.1f", what, small / 1000, large / 1000, large / small, bar);
	verdict(large / small, bar);
}

static void plain_row(const char *what, double value, double bar, const char *unit)
{
	printf("%-44s %11s %8.2f %s %6s %7.0f %s", what, "-", value, unit, "-", bar, unit);
	verdict(value, bar);
}

/* ==== Stores ==== */

/* Who speaks in the processes that are started from here on; NULL: the person. */
static void be(const store_at *st, const char *name)
{
	setenv("INTERAGENT_DIR", st->path, 1);
	if (name)
		setenv("INTERAGENT_NAME", name, 1);
	else
		unsetenv("INTERAGENT_NAME");
}

/* Runs it to its end, with nothing to read but `input`; what it says is in `answer`. */
static size_t run(const char *path, const char *const *args, const char *input)
{
	process p = start(path, args);
	size_t n = 0;
	ssize_t got;
	put(p.in, input, strlen(input));
	close(p.in);
	while ((got = read(p.out, answer + n, ANSWER_MOST - n - 1)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	p.in = -1;
	int status = finish(&p);
	if (status != 0) {
		printf("%s %s exits with %d: %s\n", path, args[0], status, answer);
		exit(1);
	}
	return n;
}

static void call(process *p, const char *line)
{
	ask(p, line);
	if (strstr(answer, "\"isError\":true") || strstr(answer, "\"error\":")) {
		printf("%s is answered with %s", line, answer);
		exit(1);
	}
}

static process serve(const store_at *st, const char *name)
{
	static const char *const args[] = { "serve", NULL };
	be(st, name);
	return start(program, args);
}

static void find_ids(store_at *st)
{
	char path[1000], text[2048];
	struct dirent *entry;
	int n = 0;
	snprintf(path, sizeof path, "%s/messages-meta", st->path);
	DIR *d = opendir(path);
	while (d && n < MINE && (entry = readdir(d))) {
		int fd = openat(dirfd(d), entry->d_name, O_RDONLY);
		ssize_t got = read(fd, text, sizeof text - 1);
		text[got > 0 ? got : 0] = '\0';
		if (strstr(text, "\"to\": \"a0\""))
			snprintf(st->ids[n++], sizeof st->ids[0], "%.36s", entry->d_name);
		close(fd);
	}
	if (!d || n < MINE)
		die(path);
	closedir(d);
}

/* Fills the store, and lets each agent have run and be gone again. */
static void make_store(store_at *st, const char *name, int mail, int archived, int unread, int mine, const char *owner)
{
	char count[5][16], agent[16];
	const int counts[] = { mail, archived, AGENTS, unread, mine };
	double from = now_us();
	snprintf(st->path, sizeof st->path, "%s/%s", dir, name);
	for (int i = 0; i < 5; i++)
		snprintf(count[i], sizeof count[i], "%d", counts[i]);
	printf("making a store of %d messages and %d archived ... ", mail, archived);
	fflush(stdout);
	run(mkstore, (const char *const[]){ st->path, count[0], count[1], count[2], count[3], count[4], owner, NULL }, "");
	for (int i = 0; i < AGENTS; i++) {
		snprintf(agent, sizeof agent, "a%d", i);
		process p = serve(st, agent);
		call(&p, CALL("set_status", "\"status\":\"testing the form\""));
		finish(&p);
	}
	if (!strcmp(owner, "a0"))
		find_ids(st);
	printf("%.0f s\n", (now_us() - from) / 1e6);
	fflush(stdout);
}

static void move_in_store(const store_at *from, const char *what, const store_at *to, const char *as)
{
	char old[1000], new[1000];
	snprintf(old, sizeof old, "%s/%s", from->path, what);
	snprintf(new, sizeof new, "%s/%s", to->path, as);
	if (rename(old, new) < 0)
		die(old);
}

static void swap_archives(const store_at *a, const store_at *b)
{
	move_in_store(a, "archive", a, "archive-of-other");
	move_in_store(b, "archive", a, "archive");
	move_in_store(a, "archive-of-other", b, "archive");
}

/* ==== A server's calls ==== */

/* Around an id, or as much of one. */
static const struct {
	const char *what, *before, *after;
	int length;
} calls[] = {
	{ "check_inbox, 10 mine", CALL("check_inbox", ""), "", 0 },
	{ "read_message, whole id", CALL_HEAD("read_message", "\"message_id\":\""), CALL_END("\""), 36 },
	{ "read_message, 8 characters", CALL_HEAD("read_message", "\"message_id\":\""), CALL_END("\""), 8 },
	{ "set_status", CALL_HEAD("set_status", "\"status\":\""), CALL_END("\""), 36 },
	{ "list_agents, 50 not running", CALL("list_agents", ""), "", 0 },
	{ "send_message", CALL_HEAD("send_message", "\"to\":\"a1\",\"subject\":\"A report\",\"content\":\""), CALL_END("\""), 36 },
	{ "reply_message", CALL_HEAD("reply_message", "\"content\":\"Yes.\",\"original_message_id\":\""), CALL_END("\""), 8 },
};

static double time_call(process *p, const store_at *st, size_t row, int i)
{
	char line[1000];
	snprintf(line, sizeof line, "%s%.*s%s", calls[row].before, calls[row].length, st->ids[i % MINE], calls[row].after);
	double from = now_us();
	call(p, line);
	return now_us() - from;
}

static void bench_calls(const store_at *few, const store_at *many)
{
	static double small[CALLS], large[CALLS];
	process a = serve(few, "a0"), b = serve(many, "a0");
	heading("a server's call", "few", "many");
	for (size_t row = 0; row < sizeof calls / sizeof *calls; row++) {
		for (int i = 0; i < MINE; i++) {
			time_call(&a, few, row, i);
			time_call(&b, many, row, i);
		}
		for (int i = 0; i < CALLS; i++) {
			if (i % 2)
				large[i] = time_call(&b, many, row, i);
			small[i] = time_call(&a, few, row, i);
			if (i % 2 == 0)
				large[i] = time_call(&b, many, row, i);
		}
		ratio_row(calls[row].what, median(small, CALLS), median(large, CALLS), 1.5);
	}
	finish(&a);
	finish(&b);
}

/* ==== The shell's verbs ==== */

static const char an_id[] = "ID";        /* stands for the first 8 characters of one */

static const struct {
	const char *what, *speaker;
	const char *args[6];
} verbs[] = {
	{ "read", "a0", { "read", an_id } },
	{ "reply", "a0", { "reply", an_id, "Yes." } },
	{ "send", "a0", { "send", "a1", "It stops." } },
	{ "inbox", "a0", { "inbox" } },
	{ "board", NULL, { "board" } },
	{ "agents", "a0", { "agents" } },
	{ "log NAME --since 1d", "a0", { "log", "a0", "--since", "1d" } },
};

static double time_verb(const store_at *st, size_t row, int i)
{
	const char *args[7] = { NULL };
	char id[9];
	snprintf(id, sizeof id, "%.8s", st->ids[i % MINE]);
	for (int k = 0; k < 6; k++)
		args[k] = verbs[row].args[k] == an_id ? id : verbs[row].args[k];
	be(st, verbs[row].speaker);
	double from = now_us();
	run(program, args, "");
	return now_us() - from;
}

static void bench_verbs(const store_at *few, const store_at *many)
{
	static double small[RUNS], large[RUNS];
	heading("a verb of the shell, 100 not archived", "no archive", "an archive");
	for (size_t row = 0; row < sizeof verbs / sizeof *verbs; row++) {
		for (int i = 0; i < MINE; i++) {
			time_verb(few, row, i);
			time_verb(many, row, i);
		}
		for (int i = 0; i < RUNS; i++) {
			if (i % 2)
				large[i] = time_verb(many, row, i);
			small[i] = time_verb(few, row, i);
			if (i % 2 == 0)
				large[i] = time_verb(many, row, i);
		}
		ratio_row(verbs[row].what, median(small, RUNS), median(large, RUNS), 1.5);
	}
}

/* ==== One look of a fresh process ==== */

static double time_names(const store_at *st)
{
	char path[1000];
	snprintf(path, sizeof path, "%s/messages-meta", st->path);
	double from = now_us();
	run(floor_program, (const char *const[]){ "names", path, NULL }, "");
	return now_us() - from;
}

static double time_hook(const store_at *st, process *sender, int i)
{
	static const char *const hook[] = { "hook", NULL };
	char line[400];
	snprintf(line, sizeof line, CALL("send_message", "\"to\":\"a0\",\"subject\":\"News %d\",\"content\":\"x\""), i);
	if (sender)
		call(sender, line);
	be(st, "a0");
	double from = now_us();
	size_t told = run(program, hook, "{\"session_id\":\"growth\",\"hook_event_name\":\"UserPromptSubmit\",\"cwd\":\"/\"}\n");
	double took = now_us() - from;
	if (sender && (!told || !strstr(answer, "News"))) {
		printf("a hook says nothing of the news: %s\n", answer);
		exit(1);
	}
	return took;
}

static double time_word(const store_at *st, const char *word)
{
	be(st, "a0");
	double from = now_us();
	run(program, (const char *const[]){ word, NULL }, "");
	return now_us() - from;
}

/* Agents are listed with their unread mail: with none, and with half of all. */
static void bench_looks(const store_at *many, const store_at *read_by_all)
{
	static const char *const what[] = { "hook, one new message", "inbox", "agents, half is unread", "agents, nothing is unread" };
	static const char *const word[] = { NULL, "inbox", "agents", "agents" };
	static double names[RUNS], ours[RUNS];
	process sender = serve(many, "a1");
	time_hook(many, NULL, 0);
	time_word(read_by_all, "agents");
	sleep(3);                        /* a look counts when the directory has been still for 2 s */
	time_hook(many, NULL, 0);
	time_word(read_by_all, "agents");
	heading("a process's one look at 10,000", "the names", "ours");
	for (int row = 0; row < 4; row++) {
		const store_at *st = row == 3 ? read_by_all : many;
		for (int i = 0; i < RUNS; i++) {
			names[i] = time_names(st);
			ours[i] = row == 0 ? time_hook(st, &sender, i) : time_word(st, word[row]);
		}
		ratio_row(what[row], median(names, RUNS), median(ours, RUNS), 2);
	}
	finish(&sender);
}

/* ==== Many that wait ==== */

static process waiters[WAITERS];

/* Processor time of all that wait, in us; 0 where the system does not tell. */
static double herd_us(void)
{
	double sum = 0;
	for (int i = 0; i < WAITERS; i++) {
		char path[64];
		unsigned long long ns = 0;
		snprintf(path, sizeof path, "/proc/%d/schedstat", (int)waiters[i].pid);
		FILE *f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		if (f)
			fclose(f);
		sum += (double)ns / 1000;
	}
	return sum;
}

/* Until nobody of them does anything any more. */
static void let_settle(void)
{
	double before = -1, now = 0;
	for (int i = 0; i < 100 && now - before > 0; i++) {
		before = now;
		usleep(150000);
		now = herd_us();
	}
}

static process wait_as(const store_at *st, int agent)
{
	static const char *const args[] = { "wait", "--exit-code", "0", "--timeout", "2m", NULL };
	char name[16];
	snprintf(name, sizeof name, "a%d", agent);
	be(st, name);
	return start(program, args);
}

/* Of the time until a waiter is gone, what the kernel takes to close the bare watch of a directory. */
static void tell_bare_watch(const store_at *st)
{
#ifdef __linux__
	static double closed[SENDS];
	for (int i = 0; i < SENDS; i++) {
		int fd = inotify_init1(IN_CLOEXEC);
		if (fd < 0 || inotify_add_watch(fd, st->path, IN_MOVED_TO) < 0)
			return;
		usleep(50000);
		double from = now_us();
		close(fd);
		closed[i] = now_us() - from;
	}
	printf("  of which the closing of any watch takes %19.2f ms\n", median(closed, SENDS) / 1000);
#else
	(void)st;
#endif
}

static void bench_herd(const store_at *many)
{
	static double woken[SENDS];
	char line[400];
	heading("20 processes wait, 10,000 stored", "", "");
	alarm(110);
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = wait_as(many, 2 + i);
	process sender = serve(many, "a1");
	call(&sender, CALL("check_inbox", ""));
	let_settle();
	double before = herd_us();
	for (int i = 0; i < SENDS; i++) {
		call(&sender, CALL("send_message", "\"to\":\"a50\",\"subject\":\"For somebody else\",\"content\":\"x\""));
		usleep(50000);
	}
	let_settle();
	double cost = (herd_us() - before) / SENDS / 1000;
	if (before > 0)
		plain_row("a message to somebody else: processor in all", cost, WAITERS * 0.2, "ms");
	else
		puts("what they cost is not to be told here: no /proc/PID/schedstat");
	for (int i = 0; i < SENDS; i++) {
		int who = i % WAITERS, status;
		snprintf(line, sizeof line, CALL("send_message", "\"to\":\"a%d\",\"subject\":\"News\",\"content\":\"x\""), 2 + who);
		double from = now_us();
		put(sender.in, line, strlen(line));
		waitpid(waiters[who].pid, &status, 0);
		woken[i] = now_us() - from;
		if (status != 0 || read(waiters[who].out, answer, ANSWER_MOST) <= 0)
			die("wait");
		close(waiters[who].in);
		close(waiters[who].out);
		if (read(sender.out, answer, ANSWER_MOST) <= 0)
			die("no answer");
		waiters[who] = wait_as(many, 2 + who);
		let_settle();
	}
	plain_row("from the send to the exit of the one", median(woken, SENDS) / 1000, 10, "ms");
	tell_bare_watch(many);
	for (int i = 0; i < WAITERS; i++) {
		kill(waiters[i].pid, SIGKILL);
		finish(&waiters[i]);
	}
	finish(&sender);
	alarm(0);
}

/* ==== The board of a person who was away ==== */

static void bench_board(const store_at *full)
{
	static const char *const args[] = { "board", NULL };
	struct rusage used;
	double times[7], most = 0;
	heading("the board, 4,000 unread to you", "", "");
	for (int i = 0; i < 7; i++) {
		size_t n = 0;
		ssize_t got;
		int status;
		be(full, NULL);
		double from = now_us();
		process p = start(program, args);
		while ((got = read(p.out, answer + n, ANSWER_MOST - n - 1)) > 0)
			n += (size_t)got;
		wait4(p.pid, &status, 0, &used);
		times[i] = now_us() - from;
		answer[n] = '\0';
		close(p.in);
		close(p.out);
		if (status != 0 || !strstr(answer, "Waiting for you")) {
			printf("the board says %s\n", answer);
			exit(1);
		}
		if (i == 0)
			plain_row("its first one", times[0] / 1000, 100, "ms");
		if ((double)used.ru_maxrss / 1024 > most)
			most = (double)used.ru_maxrss / 1024;
	}
	plain_row("median", median(times, 7) / 1000, 100, "ms");
	plain_row("memory, at most", most, 20, "MB");
}

int main(int argc, char **argv)
{
	static store_at few, many, shell_few, shell_many, read_by_all, full;
	double from = now_us();
	if (argc != 6) {
		fprintf(stderr, "usage: growth PROGRAM FLOOR MKSTORE DIR ARCHIVED\n");
		return 2;
	}
	program = argv[1], floor_program = argv[2], mkstore = argv[3], dir = argv[4];
	answer = malloc(ANSWER_MOST);
	signal(SIGPIPE, SIG_IGN);
	make_store(&few, "few", FEW, 0, 50, MINE, "a0");
	make_store(&many, "many", MANY, atoi(argv[5]), 50, MINE, "a0");
	bench_calls(&few, &many);
	puts("");
	make_store(&shell_few, "shell-few", FEW, 0, 50, MINE, "a0");
	make_store(&shell_many, "shell-many", FEW, 0, 50, MINE, "a0");
	swap_archives(&many, &shell_many);
	bench_verbs(&shell_few, &shell_many);
	puts("");
	make_store(&read_by_all, "read-by-all", MANY, 0, 0, MINE, "a0");
	bench_looks(&many, &read_by_all);
	bench_herd(&read_by_all);
	puts("");
	make_store(&full, "full", BOARD, 0, 100, BOARD, "human");
	bench_board(&full);
	printf("\n%d of %d rows missed their bar; %.0f s in all\n", missed, rows, (now_us() - from) / 1e6);
	return 0;
}
