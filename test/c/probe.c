/* probe: what the tests of presence need and a shell cannot do.
 *
 *   probe hold FILE...        keeps the files locked as servers do, says "held",
 *                             and lets go of them at the end of its input
 *   probe look STORE AGENT N M
 *                             N processes look at once, M times each, whether
 *                             the agent is alive, with the store's own code;
 *                             prints how many looks there were, and how many
 *                             of them saw it alive
 *
 * Every look holds its lock for a while, so that they surely meet. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

static int slow_flock(int fd, int how)
{
	struct timespec pause = { 0, 3000000L };
	int r = flock(fd, how);
	nanosleep(&pause, NULL);
	return r;
}

#define flock slow_flock
#include "../../store.c"

static bool is_alive(str root, str agent)
{
	arena mem = { 0 };
	store st;
	store_presences all;
	bool alive = false, known = false;
	store_open(&st, &mem, root);
	if (store_list_presence(&st, S(""), &all) != STORE_OK)
		all.n = 0;
	for (int i = 0; i < all.n; i++) {
		known = known || str_eq(all.at[i].agent, agent);
		alive = alive || (str_eq(all.at[i].agent, agent) && all.at[i].life == STORE_ALIVE);
	}
	store_close(&st);
	arena_rewind(&mem, (arena){ 0 });
	return alive || !known;          /* not to have seen it would prove nothing */
}

/* Waits for the start, looks, and exits with how often it saw the agent alive. */
static void look_often(int begin, str root, str agent, int times)
{
	char ignored;
	int seen = 0;
	if (read(begin, &ignored, 1) != 0)
		_exit(255);
	while (times-- > 0)
		seen += is_alive(root, agent);
	_exit(seen > 250 ? 250 : seen);
}

static int look_at_once(char **argv)
{
	int processes = atoi(argv[2]), times = atoi(argv[3]), begin[2], seen = 0, status;
	if (pipe(begin) < 0)
		return 1;
	for (int i = 0; i < processes; i++) {
		pid_t child = fork();
		if (child < 0)
			return 1;
		if (child == 0) {
			close(begin[1]);
			look_often(begin[0], str_of(argv[0]), str_of(argv[1]), times);
		}
	}
	close(begin[1]);
	while (wait(&status) > 0)
		seen += WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	printf("%d looks, %d saw it alive\n", processes * times, seen);
	return 0;
}

static int hold(char **files)
{
	char ignored;
	for (; *files; files++) {
		int fd = open(*files, O_RDWR);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
			perror(*files);
			return 1;
		}
	}
	puts("held");
	fflush(stdout);
	while (read(0, &ignored, 1) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "hold") == 0)
		return hold(argv + 2);
	if (argc == 6 && strcmp(argv[1], "look") == 0)
		return look_at_once(argv + 2);
	fputs("usage: probe hold FILE... | probe look STORE AGENT PROCESSES TIMES\n", stderr);
	return 2;
}
