/* tap.h, put before interagent.c (-include): all that the program writes is also
 * appended to a file of this process in the directory $WIRE_TAP, so that a test
 * can look at every line of a whole suite. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static ssize_t tap_write(int fd, const void *s, size_t n)
{
	static int copy = -2;
	ssize_t written = write(fd, s, n);
	if (copy == -2 && fd != 2) {
		char path[4096];
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf(path, sizeof path, "%s/%ld-%ld%09ld", getenv("WIRE_TAP") ? getenv("WIRE_TAP") : "/nowhere",
			 (long)getpid(), (long)now.tv_sec, now.tv_nsec);
		copy = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	if (copy >= 0 && fd != 2 && written > 0 && write(copy, s, (size_t)written) != written)
		abort();
	return written;
}

#define write tap_write
