/* holdlock: stands in other processes' way.
 *
 *   holdlock PATH                   takes the flock on PATH, says "held" and keeps
 *                                   it until a signal ends the process
 *   holdlock -ms FILE COMMAND...    runs a command and writes to FILE how many
 *                                   milliseconds it took; exits as it did. Hands
 *                                   SIGTERM on to it, and ends it after 100 s
 *   holdlock -nobody COMMAND...     runs a command without root's rights
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t child;

static int die(const char *what)
{
	perror(what);
	return 126;
}

static void hand_on(int number)
{
	kill((pid_t)child, number);
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int time_it(const char *file, char **command)
{
	struct sigaction handler = { .sa_handler = hand_on };
	long long start = now();
	int status;
	FILE *out;
	pid_t pid = fork();
	if (pid < 0)
		return die("fork");
	if (pid == 0) {
		alarm(100);              /* stays set over exec */
		execvp(command[0], command);
		_exit(die(command[0]));
	}
	child = (sig_atomic_t)pid;
	sigaction(SIGTERM, &handler, NULL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!(out = fopen(file, "w")) || fprintf(out, "%lld\n", now() - start) < 0 || fclose(out) != 0)
		return die(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int as_nobody(char **command)
{
	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		return die("cannot become another user");
	execvp(command[0], command);
	return die(command[0]);
}

static int hold(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return die(path);
	puts("held");
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "-ms") == 0)
		return time_it(argv[2], argv + 3);
	if (argc > 2 && strcmp(argv[1], "-nobody") == 0)
		return as_nobody(argv + 2);
	return argc == 2 ? hold(argv[1]) : 2;
}
