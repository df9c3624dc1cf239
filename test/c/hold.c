/* hold FILE COMMAND...: holds the exclusive lock on a file, as a writer of the
 * store does, for as long as the command runs, and ends with its status. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE          /* flock */
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1, status = 0;
	pid_t child;
	if (fd < 0 || flock(fd, LOCK_EX) < 0) {
		perror("hold");
		return 125;
	}
	child = fork();
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
