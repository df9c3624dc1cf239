/* benchwork.h: what the benchmarks share: a clock, medians, processes that are
 * talked to, line by line. */
#ifndef BENCHWORK_H
#define BENCHWORK_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MOST = 4 * 1024 * 1024 };

typedef struct {
	pid_t pid;
	int in, out, err;                /* its standard input and output, as we see them */
} process;

static char *answer;                     /* the last line that ask() got */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ==== Measuring ==== */

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_size);
	return values[n / 2];
}

/* ==== Processes ==== */

static process start(const char *path, const char *const *args)
{
	int in[2], out[2];
	process p;
	if (pipe(in) < 0 || pipe(out) < 0 || (p.pid = fork()) < 0)
		die("start");
	if (p.pid == 0) {
		char *argv[16] = { (char *)path };
		for (int i = 0; args[i] && i < 14; i++)
			argv[i + 1] = (char *)args[i];
		dup2(in[0], 0);
		dup2(out[1], 1);
		for (int fd = 3; fd < 256; fd++)
			close(fd);
		execv(path, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	fcntl(out[0], F_SETFD, FD_CLOEXEC);
	p.in = in[1];
	p.out = out[0];
	return p;
}

static int finish(process *p)
{
	int status;
	close(p->in);
	close(p->out);
	waitpid(p->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(fd, s, n);
		if (done < 0)
			die("write");
		s += done;
		n -= (size_t)done;
	}
}

/* Sends a line and waits for the line that answers it. */
static size_t ask(process *p, const char *line)
{
	size_t n = 0;
	put(p->in, line, strlen(line));
	while (n == 0 || answer[n - 1] != '\n') {
		ssize_t got = read(p->out, answer + n, ANSWER_MOST - n - 1);
		if (got <= 0)
			die("no answer");
		n += (size_t)got;
	}
	answer[n] = '\0';
	return n;
}

/* A call of a tool, whole or in two parts with something of the arguments between. */
#define CALL_HEAD(tool, arguments) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\",\"arguments\":{" arguments
#define CALL_END(arguments) arguments "}}}\n"
#define CALL(tool, arguments) CALL_HEAD(tool, arguments) CALL_END("")

#endif
