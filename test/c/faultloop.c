/* faultloop: lets the k-th system call of a command fail, for k = 1, 2, ...
 * until the command makes no k-th call any more, and checks after each run
 * what is in the store and what was said about it.
 *
 *   faultloop OPTION... -- COMMAND...
 *
 *   -from DIR        what every run begins with: DIR/store and more
 *   -run DIR         where it is copied to for each run; the store is DIR/store
 *   -fault WHAT      "short", "kill" or the number of an error (fault.h)
 *   -body FILE       a text that a new file may have; more than once
 *   -stage PATTERN   what storecheck may say after a run; more than once, in
 *                    the order in which the command goes through these stages.
 *                    The first one is "nothing happened", the last one "all of it"
 *   -unseen PATTERN  the stages that nobody sees, so that a failure need not tell
 *                    of them
 *   -never PATTERN   what it must not say
 *   -end PATTERN     what it must say after a second run without a fault
 *   -due             the sweep is due again before the second run
 *   -once            and there is no second run after one that did all of it
 *   -silent          the command may fail at what it does and say nothing of it
 *   -shows FILE      what a run that succeeds must print, or else say that it
 *                    passed something over
 *   -trace FILE      the names of the calls go here, in their order
 *
 * What must hold after each run:
 *  - storecheck finds nothing wrong, and its words match a stage;
 *  - exit 0: all of it happened, or stderr tells of what did not (a receipt);
 *  - exit 1: stderr names a path of the store and the error, and where a message,
 *    an agent or a mark is in place it says so; no temp file is left;
 *  - what could not be synced is told of;
 *  - a call that was interrupted (EINTR), where it may block, is made again: the
 *    command succeeds. So it does after a short write;
 *  - the same command without a fault then works. (That is tried once for each
 *    state that a store is left in, and after each kill.)
 * Prints the number of calls; or the first things that went wrong, and exits 1. */
#include "trees.h"

enum { MOST = 16, TEXT = 256 * 1024, PATH = TREE_PATH, CALLS = 5000 };

static struct {
	const char *from, *run, *fault, *end, *shows, *trace, *never, *unseen;
	char *body[MOST], *stage[MOST];
	int bodies, stages;
	bool due, once, silent;
	char **command;
} plan;

static int failures;
static long k;
static char call[64], said[TEXT], complaint[TEXT], words[TEXT], findings[TEXT];

/* What went wrong at this call, with all that was said. */
static void wrong(const char *format, ...)
{
	va_list args;
	failures++;
	printf("call %ld (%s): ", k, call);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n  store: %s  found: %s\n  stderr: %s\n", words, findings, complaint);
}

/* ==== Processes ==== */

static char out_path[PATH], err_path[PATH], log_path[PATH], store_path[PATH], before_path[PATH];

static void read_text(const char *path, char *text)
{
	char *whole = read_whole(path, NULL);
	snprintf(text, TEXT, "%s", whole);
	free(whole);
}

/* Runs a program, or storecheck (a fault of NULL: it is in here and costs no
 * exec); gives its exit status, or 128 + the signal that ended it. */
static int run(int argc, char **argv, const char *fault, char *out, char *err)
{
	int status;
	pid_t child = start(NULL, out_path, err_path);
	if (child == 0 && !fault) {
		status = storecheck(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	if (child == 0) {
		setenv("INTERAGENT_FAULT", fault, 1);
		alarm(60);               /* stays set over exec */
		execv(argv[0], argv);
		_exit(127);
	}
	status = wait_for(child);
	read_text(out_path, out);
	read_text(err_path, err);
	return status;
}

/* Looks at the store; the result is the last stage whose words these are. */
static int look(bool clean)
{
	char *argv[2 * MOST + 8];
	int n = 0, stage = -1;
	argv[n++] = "storecheck";
	for (int i = 0; i < plan.bodies; i++) {
		argv[n++] = "-body";
		argv[n++] = plan.body[i];
	}
	if (clean)
		argv[n++] = "-clean";
	argv[n++] = store_path;
	argv[n++] = before_path;
	argv[n] = NULL;
	if (run(n, argv, NULL, words, findings) != 0)
		wrong("the store is not whole");
	words[strcspn(words, "\n")] = '\0';
	for (int i = 0; i < plan.stages; i++)
		if (fnmatch(plan.stage[i], words, 0) == 0)
			stage = i;
	if (plan.never && fnmatch(plan.never, words, 0) == 0)
		stage = -1;
	return stage;
}

/* ==== What must hold ==== */

static bool may_block(void)
{
	static const char *const names[] = { "open", "read", "write", "fsync", "flock" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(call, names[i]) == 0)
			return true;
	return false;
}

/* Does the failure say that something is in place all the same? */
static bool tells(void)
{
	static const char *const words_for_it[] = { "stored", "is registered", "marked", "is published" };
	for (size_t i = 0; i < sizeof words_for_it / sizeof *words_for_it; i++)
		if (strstr(complaint, words_for_it[i]))
			return true;
	return false;
}

static void check_refusal(int stage)
{
	int error = atoi(plan.fault);
	bool unseen = stage == 0 || (plan.unseen && fnmatch(plan.unseen, words, 0) == 0);
	if (!strstr(complaint, store_path))
		wrong("it failed and named no path of the store");
	if (error && !strstr(complaint, strerror(error)))
		wrong("it failed and did not say why");
	if (!unseen && !tells())
		wrong("it failed and did not say what is in place");
	if (unseen && tells())
		wrong("it failed and said that something is in place");
}

/* A receipt that failed is told, and nothing else fails in silence. */
static void check_success(int stage)
{
	static char wanted[TEXT];
	bool unread = strstr(complaint, "unread") != NULL;
	if (complaint[0] && !strstr(complaint, store_path))
		wrong("it complained and named no path of the store");
	if (unread ? stage != 0 : complaint[0] == '\0' && stage < plan.stages - 1 && !plan.silent)
		wrong("what it said of its success is not so");
	if (!plan.shows)
		return;
	read_text(plan.shows, wanted);
	if (!strstr(said, wanted) && !strstr(said, "passed over"))
		wrong("it did not show the text");
}

/* Gives the stage that the store is in. */
static int check_run(int status)
{
	bool short_write = strcmp(plan.fault, "short") == 0, killed = strcmp(plan.fault, "kill") == 0;
	bool again = short_write || (atoi(plan.fault) == EINTR && may_block());
	int stage = look(!killed);
	if (stage < 0)
		wrong("that is no stage of this");
	else if (status == 0)
		check_success(stage);
	else if (status == 1)
		check_refusal(stage);
	if (killed ? status != 128 + SIGKILL : status > 1)
		wrong("it ended with status %d", status);
	if (strcmp(call, "fsync") == 0 && status == 0 && !complaint[0] && !again && !plan.silent)
		wrong("it does not know whether it will last, and did not say so");
	if (again && (status != 0 || complaint[0]))
		wrong("it gave up where it should have gone on");
	return stage;
}

static bool is_known(void)
{
	static char known[MOST][256];
	static int n;
	for (int i = 0; i < n; i++)
		if (strcmp(known[i], words) == 0)
			return true;
	if (n < MOST && strlen(words) < sizeof *known)
		strcpy(known[n++], words);
	return false;
}

static void check_again(void)
{
	char swept[PATH];
	int status;
	if (is_known() && strcmp(plan.fault, "kill") != 0)
		return;
	join(swept, store_path, "archive/.swept");
	if (plan.due)
		unlink(swept);
	status = run(0, plan.command, "0", said, complaint);
	look(false);
	if (status != 0 || complaint[0] || fnmatch(plan.end, words, 0) != 0)
		wrong("the same again, without a fault, ended with status %d", status);
}

/* ==== Main ==== */

static void options(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		const char *name = *argv;
		if (strcmp(name, "-due") == 0) { plan.due = true; continue; }
		if (strcmp(name, "-once") == 0) { plan.once = true; continue; }
		if (strcmp(name, "-silent") == 0) { plan.silent = true; continue; }
		if (!*++argv)
			break;
		if (strcmp(name, "-from") == 0) plan.from = *argv;
		else if (strcmp(name, "-run") == 0) plan.run = *argv;
		else if (strcmp(name, "-fault") == 0) plan.fault = *argv;
		else if (strcmp(name, "-end") == 0) plan.end = *argv;
		else if (strcmp(name, "-unseen") == 0) plan.unseen = *argv;
		else if (strcmp(name, "-never") == 0) plan.never = *argv;
		else if (strcmp(name, "-shows") == 0) plan.shows = *argv;
		else if (strcmp(name, "-trace") == 0) plan.trace = *argv;
		else if (strcmp(name, "-body") == 0 && plan.bodies < MOST) plan.body[plan.bodies++] = *argv;
		else if (strcmp(name, "-stage") == 0 && plan.stages < MOST) plan.stage[plan.stages++] = *argv;
		else die(name);
	}
	plan.command = *argv ? argv + 1 : argv;
	if (!plan.from || !plan.run || !plan.fault || !plan.end || !plan.stages || !*plan.command)
		die("an option is missing");
}

static void prepare(void)
{
	join(store_path, plan.run, "store");
	join(before_path, plan.from, "store");
	if (snprintf(out_path, PATH, "%s.out", plan.run) >= PATH || snprintf(err_path, PATH, "%s.err", plan.run) >= PATH ||
	    snprintf(log_path, PATH, "%s.log", plan.run) >= PATH)
		die("a path is too long");
	setenv("INTERAGENT_FAULT_LOG", log_path, 1);
	setenv("INTERAGENT_DIR", store_path, 1);
}

/* One run; false: it made no k-th call. */
static bool attempt(FILE *trace)
{
	char fault[64];
	int status;
	drop_tree(plan.run);
	copy_tree(plan.from, plan.run);
	unlink(log_path);
	snprintf(fault, sizeof fault, "%ld %s", k, plan.fault);
	status = run(0, plan.command, fault, said, complaint);
	read_text(log_path, words);
	snprintf(call, sizeof call, "%.*s", (int)strcspn(words, "\n"), words);
	if (!*call) {
		if (status != 0 || complaint[0])
			wrong("without a fault it ended with status %d", status);
		return false;
	}
	if (trace)
		fprintf(trace, "%s\n", call);
	if (check_run(status) < plan.stages - 1 || !plan.once)
		check_again();
	return true;
}

int main(int argc, char **argv)
{
	FILE *trace;
	(void)argc;
	options(argv + 1);
	prepare();
	trace = plan.trace ? fopen(plan.trace, "w") : NULL;
	for (k = 1; k < CALLS && failures <= 3 && attempt(trace); k++)
		continue;
	if (trace)
		fclose(trace);
	if (k <= 1 || k == CALLS)
		wrong("%ld calls cannot be", k);
	if (failures)
		return 1;
	return printf("%ld\n", k - 1) < 0;
}
