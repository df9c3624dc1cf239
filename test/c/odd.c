/* odd: starts a program as an odd parent does.
 *
 *   odd blocked COMMAND...      with all signals blocked
 *   odd childless COMMAND...    with SIGCHLD ignored
 *   odd slow COMMAND...         with a standard input that does not block
 *   odd drip FILE               prints FILE in pieces, with a pause before each */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#define _XOPEN_SOURCE 700
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void nap(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}


static int drip(const char *file)
{
	char piece[1000];
	ssize_t n;
	int fd = open(file, O_RDONLY);
	while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0) {
		nap(5);
		if (write(1, piece, (size_t)n) != n)
			return 1;
	}
	return fd < 0;
}

int main(int argc, char **argv)
{
	sigset_t all;
	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "drip") == 0)
		return drip(argv[2]);
	if (strcmp(argv[1], "slow") == 0)
		fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	if (strcmp(argv[1], "blocked") == 0) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
	}
	if (strcmp(argv[1], "childless") == 0)
		signal(SIGCHLD, SIG_IGN);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
