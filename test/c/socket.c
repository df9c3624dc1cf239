/* socket PATH FILE [MODE]: stands in for the socket on which a client's session
 * hears the programs that it started. Each line that comes is written to the
 * file, with the number of its connection before it. What it does not do then:
 *
 *   mute    it takes every connection and never reads
 *   deaf    it takes no connection, and keeps no room for those that wait
 *   stale   it ends at once, and the socket's file stays
 *
 * It listens once the file of lines is there. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Copies what comes on a connection; its last line may lack its end. */
static void copy_lines(int fd, FILE *out, int number)
{
	char chunk[4096];
	ssize_t n;
	int at_start = 1;
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (at_start)
				fprintf(out, "%d ", number);
			putc(chunk[i], out);
			at_start = chunk[i] == '\n';
		}
	if (!at_start)
		fprintf(out, " (no end of line)\n");
	fflush(out);
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *mode = argc > 3 ? argv[3] : "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *out;
	if (argc < 3 || strlen(argv[1]) >= sizeof at.sun_path)
		return 2;
	memcpy(at.sun_path, argv[1], strlen(argv[1]) + 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(fd, strcmp(mode, "deaf") == 0 ? 0 : 64) < 0 || !(out = fopen(argv[2], "w"))) {
		perror("socket");
		return 1;
	}
	if (strcmp(mode, "stale") == 0)
		return 0;
	alarm(300);                      /* nobody may have lived to end us */
	while (strcmp(mode, "deaf") == 0)
		pause();
	for (int number = 1;; number++) {
		int connection = accept(fd, NULL, NULL);
		if (connection < 0)
			return 1;
		if (strcmp(mode, "mute") == 0)
			continue;
		copy_lines(connection, out, number);
		close(connection);
	}
}
