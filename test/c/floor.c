/* floor: the least that a process can do, to measure others by. Without an
 * argument it exits; with one it copies lines, a write for each; with two it
 * reads the names of a directory, the second. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

static char in[65536];

int main(int argc, char **argv)
{
	size_t n = 0;
	ssize_t got;
	if (argc > 2) {
		DIR *d = opendir(argv[2]);
		while (d && readdir(d))
			continue;
		return 0;
	}
	while (argc > 1 && (got = read(0, in + n, sizeof in - n)) > 0) {
		char *from = in, *end;
		n += (size_t)got;
		while ((end = memchr(from, '\n', n - (size_t)(from - in)))) {
			if (write(1, from, (size_t)(end + 1 - from)) < 0)
				return 1;
			from = end + 1;
		}
		n -= (size_t)(from - in);
		memmove(in, from, n);
	}
	return 0;
}
