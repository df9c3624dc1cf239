/* schedules: lets two or three commands work on one store at the same time, in
 * every order that few interruptions make, and checks what comes of each.
 *
 *   schedules OPTION... -- COMMAND... -- COMMAND... [-- COMMAND...]
 *
 *   -from DIR         what each schedule begins with: DIR/store, and DIR/work
 *   -run DIR          where it is copied to
 *   -most N           so many preemptions at most (2)
 *   -sample N         of the schedules with the most preemptions, one of N only
 *   -lines FILE       the commands are servers: the first gets what is in the first
 *                     FILE, and so on, the last of it with the id "last". Each
 *                     lives on until all have answered that; an answer that is an
 *                     error counts as exit 1
 *   -also PATTERN     the store may also be one of which storecheck says this, for
 *                     verbs that are known to be more than one step; three at most
 *   -before DIR       what storecheck compares with, where something is deleted
 *
 * The commands are of a build that asks before each call that another process
 * could notice (turn.h); one at a time is let go on. A schedule is which of them
 * begins, and before which calls another is put in its place although it could
 * go on. Whoever waits for a lock cannot; then the next goes on, and that is no
 * preemption. All schedules with at most N preemptions are run, but for those
 * that only exchange calls that have nothing to do with each other: a process is
 * preempted before a call on a name that another one of them touches, too, in
 * any schedule seen until then, where one of the two changes it.
 *
 * What must hold after each schedule:
 *  - all commands end, and none is killed;
 *  - the store is one that the commands leave one after the other, in some
 *    order, and in that order each ended as it did here: ids and times do not
 *    count. Each id that was said is there;
 *  - storecheck finds nothing wrong.
 * Prints the number of schedules; or the first that went wrong, and exits 1. */
#include "trees.h"

#include <poll.h>

enum { MOST = 3, STEPS = 4096, NAMES = 1024, LINE = 1100, SHOWN = 3, ALSO = 8, ORDERS = 6, IDS = 256, TURN_MS = 20 * 1000,
       IDLE_MS = 20, ANSWER = 64 * 1024 };

static struct {
	const char *from, *run, *before;
	char *lines[MOST + 1], *also[ALSO];
	int servers, also_n;
	int most, sample;
	char **command[MOST];
	int n;
} plan = { .most = 2, .sample = 1 };

/* ==== The processes ==== */

typedef struct {
	pid_t pid;
	int ask, go;
	enum { ASKS, WAITS, IDLE, ENDED } state;
	int in, out;                     /* of a server */
	bool answered;
	char what, path[LINE];           /* what it asks for */
	int status;
} process;

static process proc[MOST];
static char store_path[TREE_PATH], before_path[TREE_PATH], out_path[MOST][TREE_PATH], err_path[MOST][TREE_PATH];
static char check_path[TREE_PATH];

static void start_command(int i)
{
	int ask[2], go[2];
	if (pipe(ask) < 0 || pipe(go) < 0)
		die("pipe");
	for (int k = 0; k < 2; k++) {
		fcntl(ask[k], F_SETFD, FD_CLOEXEC);
		fcntl(go[k], F_SETFD, FD_CLOEXEC);
	}
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	if (plan.servers && (pipe(in) < 0 || pipe(out) < 0))
		die("pipe");
	for (int k = 0; k < 2 && plan.servers; k++) {
		fcntl(in[k], F_SETFD, FD_CLOEXEC);
		fcntl(out[k], F_SETFD, FD_CLOEXEC);
	}
	pid_t child = start(NULL, out_path[i], err_path[i]);
	if (child == 0) {
		char turn[64];
		if (plan.servers) {
			dup2(in[0], 0);
			dup2(out[1], 1);
		}
		int own[2] = { fcntl(ask[1], F_DUPFD, 100), fcntl(go[0], F_DUPFD, 100) };
		snprintf(turn, sizeof turn, "%d %d", own[0], own[1]);
		setenv("INTERAGENT_TURN", turn, 1);
		alarm(60);
		execv(plan.command[i][0], plan.command[i]);
		_exit(127);
	}
	close(ask[1]);
	close(go[0]);
	proc[i] = (process){ .pid = child, .ask = ask[0], .go = go[1], .in = in[1], .out = out[0] };
	if (plan.servers) {
		size_t n;
		char *lines = read_whole(plan.lines[i], &n);
		if (write(in[1], lines, n) != (ssize_t)n)
			die(plan.lines[i]);
		free(lines);
		close(in[0]);
		close(out[1]);
	}
}

static bool hung;

static void close_all(process *p)
{
	close(p->ask);
	close(p->go);
	if (plan.servers) {
		close(p->in);
		close(p->out);
	}
}

/* Waits until a server asks. False: it has answered, and wants nothing more. */
static bool hear_server(int i)
{
	static char text[ANSWER];
	process *p = &proc[i];
	for (;;) {
		struct pollfd ready[2] = { { .fd = p->ask, .events = POLLIN }, { .fd = p->out, .events = POLLIN } };
		if (poll(ready, 2, p->answered ? IDLE_MS : TURN_MS) <= 0)
			return !p->answered;
		if (ready[0].revents)
			return true;
		ssize_t n = read(p->out, text, sizeof text - 1);
		if (n <= 0)
			return true;
		text[n] = '\0';
		if (strstr(text, "\"id\":\"last\"")) {
			p->answered = true;
			p->status = strstr(text, "\"isError\":true") != NULL;
			write_whole(out_path[i], text, (size_t)n, 0600, 0);
		}
	}
}

/* Until it asks again, or ends. */
static void hear(int i)
{
	process *p = &proc[i];
	char line[LINE];
	if (plan.servers && !hear_server(i)) {
		p->state = IDLE;
		return;
	}
	struct pollfd ready = { .fd = p->ask, .events = POLLIN };
	ssize_t n = poll(&ready, 1, TURN_MS) == 1 ? read(p->ask, line, sizeof line - 1) : -1;
	if (n < 0)
		hung = true;
	if (n > 0) {
		line[n - 1] = '\0';
		p->what = line[0];
		p->state = line[0] == 'b' ? WAITS : ASKS;
		snprintf(p->path, sizeof p->path, "%s", line + 2);
		return;
	}
	if (hung)
		kill(p->pid, SIGKILL);
	p->status = wait_for(p->pid);
	p->state = ENDED;
	close_all(p);
}

/* Lets it do what it asked for. Whoever waits may try again after that, unless it was to wait. */
static void let(int i)
{
	if (write(proc[i].go, "g", 1) != 1)
		proc[i].state = ENDED;
	hear(i);
	for (int k = 0; k < plan.n && proc[i].state != WAITS; k++)
		if (k != i && proc[k].state == WAITS)
			proc[k].state = ASKS;
}

/* ==== Names, as they compare ==== */

static char ids[IDS][40];
static int ids_n;

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_id(const char *s)
{
	for (int i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !is_hex(s[i]))
			return false;
	return true;
}

static bool is_old_id(const char *s)
{
	for (int i = 0; i < ids_n; i++)
		if (strncmp(ids[i], s, 36) == 0)
			return true;
	return false;
}

static void find_ids(const char *name)
{
	char path[TREE_PATH], store[TREE_PATH];
	struct dirent *e;
	join(store, plan.from, "store");
	join(path, store, name);
	DIR *dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (is_id(e->d_name) && ids_n < IDS)
			snprintf(ids[ids_n++], sizeof *ids, "%.36s", e->d_name);
	if (dir)
		closedir(dir);
}

static bool is_time(const char *s)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	for (int i = 0; shape[i]; i++)
		if (shape[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != shape[i])
			return false;
	return strncmp(s, "2020", 4) != 0;       /* that one was there before */
}

/* Copies a text with new ids, times and long numbers replaced, on one line. */
static char *plain(const char *s)
{
	char *text = malloc(2 * strlen(s) + 1), *to = text;
	if (!text)
		die("memory");
	while (*s) {
		size_t digits = strspn(s, "0123456789");
		if (is_id(s) && !is_old_id(s)) {
			to += sprintf(to, "ID");
			s += 36;
		} else if (is_time(s)) {
			to += sprintf(to, "TIME");
			s += 24;
		} else if (digits >= 12) {
			*to++ = 'N';
			s += digits;
		} else {
			*to++ = *s == '\n' ? '|' : *s;
			s++;
		}
	}
	*to = '\0';
	return text;
}

/* ==== The store, as it compares ==== */

typedef struct {
	char **line;
	int n, room;
} content;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_content(content *c)
{
	for (int i = 0; i < c->n; i++)
		free(c->line[i]);
	free(c->line);
	*c = (content){ 0 };
}

/* What is only there while something runs is left out. */
static bool counts(const char *name)
{
	static const char *const passing[] = { ".lock", ".swept", "live", "work" };
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (strcmp(name, passing[i]) == 0)
			return false;
	return !is_dots(name) && strncmp(name, ".wait-", 6) != 0;
}

static void read_store(const char *path, content *c)
{
	struct dirent *e;
	struct stat seen;
	DIR *dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char below[TREE_PATH];
		if (!counts(e->d_name))
			continue;
		join(below, path, e->d_name);
		if (stat(below, &seen) < 0)
			continue;
		if (S_ISDIR(seen.st_mode)) {
			read_store(below, c);
			continue;
		}
		char *text = read_whole(below, NULL), *whole = malloc(strlen(below) + strlen(text) + 2);
		if (!whole)
			die("memory");
		sprintf(whole, "%s=%s", below + strlen(store_path), text);
		c->line = more(c->line, c->n, &c->room, sizeof *c->line);
		c->line[c->n++] = plain(whole);
		free(text);
		free(whole);
	}
	if (dir)
		closedir(dir);
	if (c->n)
		qsort(c->line, (size_t)c->n, sizeof *c->line, by_text);
}

static bool same(const content *a, const content *b)
{
	for (int i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->line[i], b->line[i]) != 0)
			return false;
	return a->n == b->n;
}

static void print_missing(const content *a, const content *b, const char *what)
{
	for (int i = 0; i < a->n; i++)
		if (!b->n || !bsearch(&a->line[i], b->line, (size_t)b->n, sizeof *b->line, by_text))
			printf("    %s %.600s\n", what, a->line[i]);
}

/* ==== One schedule ==== */

typedef struct {
	int step, to;
	char what, path[LINE];           /* before which call of the other one */
} preemption;

typedef struct {
	int who;
	bool could[MOST];                /* who could have gone on instead */
	char what, path[LINE];
} step;

static step trace[STEPS];
static int steps;

static int next_after(int i)
{
	for (int k = 1; k <= plan.n; k++)
		if (proc[(i + k) % plan.n].state == ASKS)
			return (i + k) % plan.n;
	return -1;
}

/* Runs it and keeps the trace. False: nobody can go on, or it has no end. */
static bool run(const int *order, const preemption *at, int n)
{
	int now = order[0], used = 0;
	drop_tree(plan.run);
	copy_tree(plan.from, plan.run);
	hung = false;
	for (int i = 0; i < plan.n; i++)
		start_command(i);
	for (int i = 0; i < plan.n; i++)
		hear(i);
	for (steps = 0; steps < STEPS && !hung; steps++) {
		if (used < n && at[used].step == steps && proc[at[used].to].state == ASKS)
			now = at[used++].to;
		for (int k = 0; k < plan.n && proc[now].state != ASKS; k++)
			if (proc[order[k]].state == ASKS)
				now = order[k];
		if (proc[now].state != ASKS && (now = next_after(now)) < 0)
			break;
		step *s = &trace[steps];
		s->who = now;
		s->what = proc[now].what;
		memcpy(s->path, proc[now].path, sizeof s->path);
		for (int i = 0; i < plan.n; i++)
			s->could[i] = i != now && proc[i].state == ASKS;
		let(now);
	}
	for (int i = 0; i < plan.n; i++)
		if (proc[i].state != ENDED) {
			hung = hung || proc[i].state != IDLE;
			kill(proc[i].pid, SIGKILL);
			wait_for(proc[i].pid);
			close_all(&proc[i]);
		}
	return !hung;
}

/* ==== What has to do with what ==== */

static struct {
	char *path;
	unsigned reads, writes;          /* by whom: bits */
} touched[NAMES];
static int touched_n;

/* Who is alive stands in names with chance in them: they are one. */
static int touch(const char *path)
{
	char *name = plain(strncmp(path, "/live/", 6) == 0 && path[6] ? "/live/NAME" : path);
	for (int i = 0; i < touched_n; i++)
		if (strcmp(touched[i].path, name) == 0) {
			free(name);
			return i;
		}
	if (touched_n == NAMES)
		die("too many names");
	touched[touched_n].path = name;
	return touched_n++;
}

/* The names of a step: one or two, and for a change the lists that they are in. */
static int names_of(const step *s, int *name)
{
	char text[LINE], *from = text;
	int n = 0;
	snprintf(text, sizeof text, "%s", s->path);
	while (from && *from) {
		char *next = s->what == 'm' ? strchr(from, ' ') : NULL, *slash;
		if (next)
			*next++ = '\0';
		name[n++] = touch(from);
		slash = strrchr(from, '/');
		if (slash && s->what != 'r' && s->what != 'b') {
			slash[1] = '\0';
			name[n++] = touch(from);
		}
		from = next;
	}
	return n;
}

static void learn(void)
{
	int name[4];
	for (int i = 0; i < steps; i++)
		for (int k = names_of(&trace[i], name) - 1; k >= 0; k--) {
			touched[name[k]].reads |= 1u << trace[i].who;
			if (trace[i].what != 'r')
				touched[name[k]].writes |= 1u << trace[i].who;
		}
}

static bool matters(const step *s)
{
	int name[4];
	unsigned own = 1u << s->who;
	for (int k = names_of(s, name) - 1; k >= 0; k--) {
		unsigned others = s->what == 'r' ? touched[name[k]].writes : touched[name[k]].reads;
		if (others & ~own)
			return true;
	}
	return false;
}

/* ==== What must hold ==== */

typedef struct {
	content store;
	int status[MOST];
} outcome;

static outcome serial[ORDERS];
static int serials, failures, schedules, passed_over;
static char words[TREE_TEXT], found[TREE_TEXT];

static void look(void)
{
	char *argv[] = { "storecheck", "-any", "-clean", store_path, before_path, NULL };
	char err[TREE_PATH];
	if (snprintf(err, sizeof err, "%s.err", check_path) >= TREE_PATH)
		die("a path is too long");
	pid_t child = start(NULL, check_path, err);
	if (child == 0) {
		int status = storecheck(5, argv);
		fflush(stdout);
		_exit(status);
	}
	int status = wait_for(child);
	char *said = read_whole(check_path, NULL), *complaint = read_whole(err, NULL);
	snprintf(words, sizeof words, "%.*s", (int)strcspn(said, "\n"), said);
	snprintf(found, sizeof found, "%s", status ? complaint : "");
	free(said);
	free(complaint);
}

/* Does somebody say an id that is not there? */
static bool says_untrue(char *id)
{
	static const char *const places[] = { "messages-meta", "archive/messages-meta" };
	bool untrue = false;
	for (int i = 0; i < plan.n && !untrue; i++) {
		char *said = read_whole(out_path[i], NULL), path[2 * TREE_PATH];
		for (char *s = said; *s && !untrue && proc[i].status == 0; s++) {
			struct stat seen;
			untrue = is_id(s);
			for (int k = 0; k < 2 && untrue; k++) {
				snprintf(path, sizeof path, "%s/%s/%.36s.json", store_path, places[k], s);
				untrue = stat(path, &seen) < 0;
			}
			if (untrue)
				snprintf(id, 40, "%.36s", s);
		}
		free(said);
	}
	return untrue;
}

static void print_schedule(const int *order, const preemption *at, int n, const char *what)
{
	failures++;
	printf("%s: %d first", what, order[0]);
	for (int i = 0; i < n; i++)
		printf(", %d before step %d (%c %s)", at[i].to, at[i].step, at[i].what, at[i].path);
	printf("\n  store: %s\n  found: %s\n", words, found);
	for (int i = 0; i < plan.n; i++) {
		char *said = read_whole(out_path[i], NULL), *complaint = read_whole(err_path[i], NULL);
		printf("  command %d ended with %d: %.200s %.200s\n", i, proc[i].status, said, complaint);
		free(said);
		free(complaint);
	}
	for (int i = 0; i < steps && getenv("SCHEDULES_TRACE"); i++)
		printf("  %3d: %d %c %s\n", i, trace[i].who, trace[i].what, trace[i].path);
}

static bool fits(const outcome *o)
{
	for (int i = 0; i < serials; i++) {
		bool alike = same(&o->store, &serial[i].store);
		for (int k = 0; k < plan.n; k++)
			alike = alike && o->status[k] == serial[i].status[k];
		if (alike)
			return true;
	}
	for (int i = 0; i < plan.also_n; i++)
		if (fnmatch(plan.also[i], words, 0) == 0)
			return true;
	return false;
}

static void check(const int *order, const preemption *at, int n, bool ended)
{
	outcome o = { 0 };
	char id[40] = "";
	schedules++;
	learn();
	read_store(store_path, &o.store);
	for (int i = 0; i < plan.n; i++)
		o.status[i] = proc[i].status;
	look();
	if (!ended) {
		print_schedule(order, at, n, "it hangs");
	} else if (found[0]) {
		print_schedule(order, at, n, "the store is not whole");
	} else if (says_untrue(id)) {
		print_schedule(order, at, n, "an id was said that is not there");
		printf("  %s\n", id);
	} else if (n && !fits(&o)) {
		print_schedule(order, at, n, "no order of the commands leaves this");
		for (int i = 0; i < serials; i++) {
			printf("  beside order %d, which ended with", i);
			for (int k = 0; k < plan.n; k++)
				printf(" %d", serial[i].status[k]);
			printf("\n");
			print_missing(&o.store, &serial[i].store, "+");
			print_missing(&serial[i].store, &o.store, "-");
		}
	}
	if (n == 0 && serials < ORDERS)
		serial[serials++] = o;
	else
		drop_content(&o.store);
}

/* ==== All schedules ==== */

/* Those that begin with these preemptions. */
static void extend(const int *order, preemption *at, int n)
{
	static step kept[4][STEPS];
	int length = steps, level = n;
	if (n == plan.most || failures >= SHOWN)
		return;
	memcpy(kept[level], trace, (size_t)steps * sizeof *trace);
	for (int i = n ? at[n - 1].step + 1 : 1; i < length && failures < SHOWN; i++)
		for (int to = 0; to < plan.n; to++) {
			static int turn;
			if (!kept[level][i].could[to] || !matters(&kept[level][i]))
				continue;
			at[n] = (preemption){ .step = i, .to = to, .what = kept[level][i].what };
			memcpy(at[n].path, kept[level][i].path, LINE);
			if (n + 1 == plan.most && n > 0 && turn++ % plan.sample != 0) {
				passed_over++;
				continue;
			}
			check(order, at, n + 1, run(order, at, n + 1));
			extend(order, at, n + 1);
		}
}

static void next_order(int *order)
{
	int last = order[plan.n - 1];
	memmove(order + 1, order, (size_t)(plan.n - 1) * sizeof *order);
	order[0] = last;
}

/* All orders of the commands: the turns of 0 1 2, and of 0 2 1. */
static void each_order(void (*what)(const int *order))
{
	int order[2][MOST] = { { 0, 1, 2 }, { 0, 2, 1 } };
	for (int k = 0; k < (plan.n > 2 ? 2 : 1); k++)
		for (int i = 0; i < plan.n; i++) {
			what(order[k]);
			next_order(order[k]);
		}
}

static void run_serial(const int *order)
{
	check(order, NULL, 0, run(order, NULL, 0));
}

static void run_all(const int *order)
{
	preemption at[4];
	if (failures == 0 && run(order, NULL, 0))
		extend(order, at, 0);
}

/* ==== Main ==== */

static void options(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		const char *name = *argv;
		if (!*++argv)
			break;
		if (strcmp(name, "-from") == 0) plan.from = *argv;
		else if (strcmp(name, "-run") == 0) plan.run = *argv;
		else if (strcmp(name, "-lines") == 0 && plan.servers < MOST) plan.lines[plan.servers++] = *argv;
		else if (strcmp(name, "-also") == 0) { if (plan.also_n == ALSO) die(name); plan.also[plan.also_n++] = *argv; }
		else if (strcmp(name, "-before") == 0) plan.before = *argv;
		else if (strcmp(name, "-most") == 0) plan.most = atoi(*argv);
		else if (strcmp(name, "-sample") == 0) plan.sample = atoi(*argv);
		else die(name);
	}
	while (*argv && plan.n < MOST) {
		*argv++ = NULL;
		plan.command[plan.n++] = argv;
		while (*argv && strcmp(*argv, "--") != 0)
			argv++;
	}
	if (!plan.from || !plan.run || plan.n < 2 || plan.most > 3 || (plan.servers && plan.servers != plan.n) || plan.sample < 1)
		die("an option is missing");
}

int main(int argc, char **argv)
{
	(void)argc;
	options(argv + 1);
	join(store_path, plan.run, "store");
	join(before_path, plan.before ? plan.before : plan.from, "store");
	for (int i = 0; i < plan.n; i++)
		if (snprintf(out_path[i], TREE_PATH, "%s.out%d", plan.run, i) >= TREE_PATH ||
		    snprintf(err_path[i], TREE_PATH, "%s.err%d", plan.run, i) >= TREE_PATH)
			die("a path is too long");
	if (snprintf(check_path, TREE_PATH, "%s.check", plan.run) >= TREE_PATH)
		die("a path is too long");
	setenv("INTERAGENT_DIR", store_path, 1);
	signal(SIGPIPE, SIG_IGN);
	find_ids("messages");
	find_ids("archive/messages");
	each_order(run_serial);
	each_order(run_all);
	if (failures)
		return 1;
	printf("%d schedules", schedules);
	if (passed_over)
		printf(", %d left out", passed_over);
	return printf("\n") < 0;
}
