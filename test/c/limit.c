/* limit: a command in a process group of its own, with the signals as a terminal
 * gives them, for so many seconds at most; what of its group is still there when it
 * ends, ends with it. 124 says that its time was up.
 *
 *     limit SECONDS COMMAND [ARGUMENT...]
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stopped_by;

static void stop(int number)
{
	stopped_by = number;
}

/* Without SA_RESTART, so that the wait below comes back. */
static void listen_to(int number)
{
	struct sigaction action = { .sa_handler = stop };
	sigaction(number, &action, NULL);
}

static void signals_of_a_terminal(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGCHLD };
	sigset_t none;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t child;
	if (argc < 3) {
		fputs("usage: limit SECONDS COMMAND [ARGUMENT...]\n", stderr);
		return 125;
	}
	signals_of_a_terminal();
	child = fork();
	if (child < 0) {
		perror("limit: fork");
		return 125;
	}
	setpgid(child, child);          /* by both, whoever comes first */
	if (child == 0) {
		setpgid(0, 0);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	listen_to(SIGHUP);
	listen_to(SIGINT);
	listen_to(SIGTERM);
	listen_to(SIGALRM);
	alarm((unsigned)atoi(argv[1]));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR && stopped_by == 0)
		continue;
	if (stopped_by != 0) {
		const int why = stopped_by;
		kill(-child, SIGTERM);
		alarm(5);               /* for cleaning up */
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			kill(-child, SIGKILL);
		kill(-child, SIGKILL);
		return why == SIGALRM ? 124 : 128 + why;
	}
	kill(-child, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
