/* client.h: what the C helpers that play a client share: numbers that repeat
 * from a seed, a server as a child with two pipes, the text of a call. */
#ifndef CLIENT_H
#define CLIENT_H

#include "../../json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	pid_t pid;
	int in, out;                           /* what it reads, what it writes */
} child;

static void die(const char *what)
{
	printf("cannot %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(2);
}

static unsigned next_random(unsigned long long *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned)((*state * 2685821657736338717ULL) >> 33);
}

/* The seed that was given, or one of the clock's. */
static unsigned long long seed_from(const char *given)
{
	if (given)
		return strtoull(given, NULL, 10);
	return (unsigned long long)time(NULL) * 100003 + (unsigned)getpid();
}

static long long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static child start_server(const char *program)
{
	int to[2], from[2];
	child c;
	if (pipe(to) < 0 || pipe(from) < 0)
		die("make a pipe");
	for (int i = 0; i < 2; i++) {
		fcntl(to[i], F_SETFD, FD_CLOEXEC);
		fcntl(from[i], F_SETFD, FD_CLOEXEC);
	}
	c = (child){ .pid = fork(), .in = to[1], .out = from[0] };
	if (c.pid < 0)
		die("fork");
	if (c.pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(program, program, "serve", (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	return c;
}

/* A call of a tool; its arguments come between the two. */
static json_writer begin_call(buf *b, const char *tool)
{
	json_writer w = { .out = b };
	json_say(&w, "{jsonrpc:'2.0',id:1,method:'tools/call',params:{name:%s,arguments:{", tool);
	return w;
}

static void end_call(json_writer *w)
{
	json_say(w, "}}}");
	buf_char(w->out, '\n');
}

/* A member that is a word and a number: "a7". */
static void put(json_writer *w, const char *key, const char *head, int n)
{
	buf b = { .mem = w->out->mem };
	buf_say(&b, "%s%d", head, n);
	json_say(w, "%s:%S", key, buf_str(&b));
}

/* All of a file; *there says whether it could be opened. */
static str read_whole(arena *mem, str path, bool *there)
{
	static char chunk[65536];
	buf b = { .mem = mem };
	int fd = open(arena_z(mem, path), O_RDONLY | O_CLOEXEC);
	ssize_t n;
	*there = fd >= 0;
	while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(&b, (str){ chunk, n });
	if (fd >= 0)
		close(fd);
	return buf_str(&b);
}

#endif
