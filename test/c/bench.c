/* bench: what interagent costs, each figure beside its floor, measured in the
 * same run on the same disk, and the ratio of the two. The machine decides the
 * figures; the ratios are what can be compared.
 *
 *   bench PROGRAM FLOOR DIR    FLOOR is test/c/floor.c, built as PROGRAM is
 */
#include "benchwork.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

enum { MINE = 10 };

static const char *program, *floor_program, *dir;

/* ==== Rows ==== */

static void row(const char *what, double value, const char *unit, double bare, const char *note)
{
	printf("%-46s %10.1f %-5s", what, value, unit);
	if (bare > 0)
		printf(" %10.1f %6.2f", bare, value / bare);
	else
		printf(" %10s %6s", "-", "-");
	printf("  %s\n", note);
	fflush(stdout);
}

static process serve(void)
{
	static const char *const args[] = { "serve", NULL };
	return start(program, args);
}

#define CHECK CALL("check_inbox", "\"agent_name\":\"a0\"")
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n"
#define INITIALIZE \
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"," \
	"\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n"

static const char send_line[] =
	CALL("send_message", "\"from\":\"a1\",\"to\":\"a2\",\"subject\":\"A bug report\",\"content\":\"It stops.\"");

/* ==== Stores ==== */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		die(path);
	put(fd, text, strlen(text));
	close(fd);
}

/* A fresh store of n messages, of which MINE are to a0. */
static void make_store(int n)
{
	static int number;
	char path[900], text[1024];
	const char *const parts[] = { "", "/messages", "/messages-meta" };
	snprintf(path, sizeof path, "%s/store-%d", dir, number++);
	setenv("INTERAGENT_DIR", path, 1);
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%s%s", path, parts[i]);
		mkdir(text, 0700);
	}
	snprintf(text, sizeof text, "%s/registry.json", path);
	FILE *registry = fopen(text, "w");
	fprintf(registry, "{");
	for (int i = 0; i < 11; i++)
		fprintf(registry, "%s\n  \"a%d\": {\n    \"name\": \"a%d\",\n    \"workspacePath\": \"/nowhere/a%d\"\n  }",
			i ? "," : "", i, i, i);
	fprintf(registry, "\n}");
	fclose(registry);
	for (int i = 0; i < n; i++) {
		char name[64];
		snprintf(name, sizeof name, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u, (unsigned)i);
		snprintf(text, sizeof text, "%s/messages/%s.md", path, name);
		write_file(text, "It stops.\n");
		char file[1200];
		snprintf(file, sizeof file, "%s/messages-meta/%s.json", path, name);
		snprintf(text, sizeof text,
			 "{\n  \"id\": \"%s\",\n  \"from\": \"a%d\",\n  \"to\": \"a%d\",\n  \"subject\": \"Report %d\",\n"
			 "  \"status\": \"%s\",\n  \"createdAt\": \"2026-01-01T00:00:00.000Z\",\n"
			 "  \"updatedAt\": \"2099-01-01T00:00:00.000Z\"\n}",
			 name, 1 + i % 9, i < MINE ? 0 : 1 + i % 10, i, i < MINE ? "acknowledged" : "pending");
		write_file(file, text);
	}
}

static const char *store_path(const char *below)
{
	static char path[1200];
	snprintf(path, sizeof path, "%s/%s", getenv("INTERAGENT_DIR"), below);
	return path;
}

static double bare_readdir(void)
{
	double from = now_us();
	DIR *d = opendir(store_path("messages-meta"));
	while (d && readdir(d))
		continue;
	closedir(d);
	return now_us() - from;
}

static double bare_files(void)
{
	char text[2048];
	double from = now_us();
	DIR *d = opendir(store_path("messages-meta"));
	struct dirent *entry;
	while (d && (entry = readdir(d))) {
		int fd = openat(dirfd(d), entry->d_name, O_RDONLY);
		if (fd < 0 || (read(fd, text, sizeof text) < 0 && errno != EISDIR))
			die("bare_files");
		close(fd);
	}
	closedir(d);
	return now_us() - from;
}

/* ==== The figures ==== */

static double bare_process(void)
{
	static const char *const none[] = { NULL };
	double from = now_us();
	process p = start(floor_program, none);
	finish(&p);
	return now_us() - from;
}

static void bench_start(void)
{
	enum { N = 300 };
	static double ours[N], bare[N];
	make_store(0);
	for (int i = 0; i < N; i++) {
		double from = now_us();
		process p = serve();
		ask(&p, INITIALIZE);
		ours[i] = now_us() - from;
		finish(&p);
		bare[i] = bare_process();
	}
	row("start to first answer, median", median(ours, N), "us", median(bare, N), "a static program, start to exit");
}

static long resident_kb(pid_t pid)
{
	char path[64], line[256];
	long kb = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void bench_memory(void)
{
	struct stat size;
	make_store(100);
	process p = serve();
	for (int i = 0; i < 1000; i++)
		ask(&p, i % 4 ? CHECK : CALL("list_agents", ""));
	row("resident after 1,000 calls, 100 messages", (double)resident_kb(p.pid), "KB", 0, "");
	finish(&p);
	stat(program, &size);
	row("size of the program", (double)size.st_size / 1024, "KiB", 0, "as built; strip makes it smaller");
}

/* The bare sequence for one file: write, fsync, rename, fsync of the directory. */
static void bare_put(int folder, const char *name)
{
	int fd = openat(folder, ".tmp-bare", O_WRONLY | O_CREAT | O_EXCL, 0600);
	put(fd, "It stops.\n", 10);
	if (fd < 0 || fsync(fd) < 0 || close(fd) < 0 || renameat(folder, ".tmp-bare", folder, name) < 0 || fsync(folder) < 0)
		die("bare_put");
}

static double bare_send(int i)
{
	char name[64];
	double from = now_us();
	snprintf(name, sizeof name, "bare-%d", i);
	int bodies = open(store_path("messages"), O_RDONLY), metas = open(store_path("messages-meta"), O_RDONLY);
	bare_put(bodies, name);
	bare_put(metas, name);
	close(bodies);
	close(metas);
	return now_us() - from;
}

static void bench_send(void)
{
	enum { N = 300 };
	static double ours[N], bare[N];
	make_store(100);
	process p = serve();
	ask(&p, send_line);
	for (int i = 0; i < N; i++) {
		double from = now_us();
		ask(&p, send_line);
		ours[i] = now_us() - from;
		bare[i] = bare_send(i);
	}
	finish(&p);
	row("durable send over MCP, median", median(ours, N), "us", median(bare, N), "2 x write, fsync, rename, fsync of the directory");
}

/* n equal lines through a pipe as fast as they go. */
static double pump(process *p, const char *line, int n)
{
	size_t length = strlen(line), block = 200;
	char *many = malloc(length * block);
	double from = now_us();
	int seen = 0;
	for (size_t i = 0; i < block; i++)
		memcpy(many + i * length, line, length);
	pid_t writer = fork();
	if (writer == 0) {
		for (int i = 0; i < n; i += (int)block)
			put(p->in, many, length * block);
		_exit(0);
	}
	while (seen < n) {
		ssize_t got = read(p->out, answer, ANSWER_MOST);
		if (got <= 0)
			die("pump");
		for (ssize_t i = 0; i < got; i++)
			seen += answer[i] == '\n';
	}
	waitpid(writer, NULL, 0);
	free(many);
	return now_us() - from;
}

static void bench_ping(void)
{
	enum { N = 100000 };
	static const char *const lines[] = { "lines", NULL };
	double ours[5], bare[5];
	make_store(100);
	for (int i = 0; i < 5; i++) {
		process p = serve();
		ours[i] = pump(&p, PING, N) / 1000;
		finish(&p);
		process f = start(floor_program, lines);
		bare[i] = pump(&f, PING, N) / 1000;
		finish(&f);
	}
	double best = median(ours, 5);
	row("100,000 pipelined pings", best, "ms", median(bare, 5), "read a line, write a line");
	printf("%-46s %10.0f /s\n", "  that is", N / best * 1000);
}

static void bench_inbox(int stored, int rounds)
{
	static double ours[200], bare[200], first[5], files[5];
	char what[80];
	make_store(stored);
	for (int i = 0; i < 5; i++) {
		double from = now_us();
		process p = serve();
		ask(&p, CHECK);
		first[i] = (now_us() - from) / 1000;
		finish(&p);
		files[i] = bare_files() / 1000;
	}
	process p = serve();
	ask(&p, CHECK);
	for (int i = 0; i < rounds; i++) {
		double from = now_us();
		ask(&p, CHECK);
		ours[i] = (now_us() - from) / 1000;
		bare[i] = bare_readdir() / 1000;
	}
	finish(&p);
	snprintf(what, sizeof what, "check_inbox, %d stored, %d mine, warm", stored, MINE);
	row(what, median(ours, rounds), "ms", median(bare, rounds), "reading the names");
	snprintf(what, sizeof what, "  its first one, of a fresh process");
	row(what, median(first, 5), "ms", median(files, 5), "opening and reading each file");
}

/* ---- Senders at once ---- */

static double senders(int n, int each)
{
	pid_t pids[64];
	double from = now_us();
	int status, refused = 0;
	for (int i = 0; i < n; i++) {
		if ((pids[i] = fork()) == 0) {
			setenv("INTERAGENT_NAME", "a1", 1);     /* a name that others have, too */
			process p = serve();
			for (int k = 0; k < each; k++) {
				ask(&p, send_line);
				refused += !strstr(answer, "stored");
			}
			finish(&p);
			_exit(refused > 0);
		}
	}
	for (int i = 0; i < n; i++) {
		waitpid(pids[i], &status, 0);
		refused += status != 0;
	}
	if (refused) {
		fprintf(stderr, "bench: a message was refused\n");
		exit(1);
	}
	return n * each / (now_us() - from) * 1e6;
}

static void bench_senders(void)
{
	double alone[3], together[3];
	for (int i = 0; i < 3; i++) {
		make_store(100);         /* so much from one to one would be refused in the end */
		alone[i] = senders(1, 400);
		together[i] = senders(20, 20);
	}
	row("20 senders at once, in all", median(together, 3), "/s", median(alone, 3), "one sender alone (more is better)");
}

/* ---- Waking ---- */

static int run(const char *const *args, const char *input)
{
	process p = start(program, args);
	put(p.in, input, strlen(input));
	close(p.in);
	p.in = open("/dev/null", O_RDONLY);
	while (read(p.out, answer, ANSWER_MOST) > 0)
		continue;
	return finish(&p);
}

static void bench_hook(void)
{
	enum { N = 200 };
	static double quiet[N], bare[N], news[20], files[20];
	static const char *const hook[] = { "hook", NULL };
	static const char stop[] = "{\"session_id\":\"bench\",\"hook_event_name\":\"Stop\",\"cwd\":\"/\"}\n";
	make_store(10000);
	setenv("INTERAGENT_NAME", "a0", 1);
	run(hook, stop);
	sleep(3);                        /* a look counts when the directory has been still for 2 s */
	run(hook, stop);
	for (int i = 0; i < N; i++) {
		double from = now_us();
		run(hook, stop);
		quiet[i] = now_us() - from;
		bare[i] = bare_process();
	}
	row("hook, 10,000 stored, nothing new, median", median(quiet, N), "us", median(bare, N), "a static program, start to exit");
	for (int i = 0; i < 20; i++) {
		static const char *const args[] = { "send_message", "--to", "a0", "--subject", "News", "--content", "x", NULL };
		run(args, "");
		double from = now_us();
		run(hook, stop);
		news[i] = (now_us() - from) / 1000;
		files[i] = bare_files() / 1000;
	}
	row("hook, 10,000 stored, one new", median(news, 20), "ms", median(files, 20), "opening and reading each file");
	unsetenv("INTERAGENT_NAME");
}

static void bench_wake(void)
{
	enum { N = 50 };
	static double woken[N];
	static const char *const wait_args[] = { "wait", "--agent", "a2", "--exit-code", "0", NULL };
	make_store(0);
	process p = serve();
	for (int i = 0; i < N; i++) {
		process w = start(program, wait_args);
		usleep(20000);           /* it is asleep by then, or finds the mail at once */
		double from = now_us();
		put(p.in, send_line, sizeof send_line - 1);
		if (read(w.out, answer, ANSWER_MOST) <= 0)
			die("wait");
		woken[i] = (now_us() - from) / 1000;
		finish(&w);
		size_t n = 0;
		while (n == 0 || answer[n - 1] != '\n')
			n += (size_t)read(p.out, answer + n, ANSWER_MOST - n);
	}
	finish(&p);
	row("send_message to wait's answer, median", median(woken, N), "ms", 0, "");
}

static void bench_bytes(void)
{
	make_store(0);
	process p = serve();
	row("tools/list", (double)ask(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n"), "B", 0, "");
	row("an empty inbox, the whole line", (double)ask(&p, CHECK), "B", 0, "");
	finish(&p);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: bench PROGRAM FLOOR DIR\n");
		return 2;
	}
	program = argv[1], floor_program = argv[2], dir = argv[3];
	answer = malloc(ANSWER_MOST);
	signal(SIGPIPE, SIG_IGN);
	printf("%-46s %10s %-5s %10s %6s  %s\n", "figure", "ours", "", "floor", "ratio", "what the floor is");
	bench_start();
	bench_memory();
	bench_send();
	bench_ping();
	bench_inbox(100, 200);
	bench_inbox(1000, 200);
	bench_inbox(10000, 100);
	bench_inbox(100000, 20);
	bench_senders();
	bench_hook();
	bench_wake();
	bench_bytes();
	return 0;
}
