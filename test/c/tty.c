/* tty: a command with a controlling terminal of its own, which is neither its
 * standard input nor its output: to speak as a person does while the test keeps
 * its pipes. It ends as the command does. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int give_up(const char *what)
{
	perror(what);
	return 126;
}

/* Opening it makes it the controlling one where the system asks for no more. */
static void take_terminal(const char *name)
{
	int terminal;
	setsid();
	terminal = open(name, O_RDWR);
	if (terminal < 0)
		exit(give_up("tty: open"));
#ifdef TIOCSCTTY
	ioctl(terminal, TIOCSCTTY, 0);
#endif
	close(terminal);
}

int main(int argc, char **argv)
{
	int status, pty = posix_openpt(O_RDWR | O_NOCTTY);
	pid_t child;
	if (argc < 2 || pty < 0 || grantpt(pty) < 0 || unlockpt(pty) < 0)
		return give_up("tty");
	child = fork();
	if (child < 0)
		return give_up("tty: fork");
	if (child == 0) {
		signal(SIGINT, SIG_DFL);     /* a test may run beside a shell, which ignores it */
		take_terminal(ptsname(pty));
		close(pty);
		execvp(argv[1], argv + 1);
		exit(give_up("tty: exec"));
	}
	while (waitpid(child, &status, 0) < 0)
		continue;
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}
