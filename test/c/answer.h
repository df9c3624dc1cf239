/* answer.h, put before interagent.c (-include): where the store is recorded
 * (record.h), so is the moment at which the program says something. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static ssize_t answer_write(int fd, const void *s, size_t n)
{
	const char *path = getenv("INTERAGENT_RECORD");
	int record = path && fd == 1 && n ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (record >= 0 && (write(record, "answer\n", 7) != 7 || close(record) < 0))
		abort();
	return write(fd, s, n);
}

#define write answer_write
