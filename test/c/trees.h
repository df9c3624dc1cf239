/* trees.h: directories and processes, for the tools that try a command on many
 * copies of a store. Whatever fails ends the tool: a test that cannot set up
 * has failed. */
#ifndef TREES_H
#define TREES_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

int storecheck(int argc, char **argv);   /* the main of storecheck.c */

enum { TREE_PATH = 1024, TREE_TEXT = 128 * 1024 };

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static inline void *more(void *at, int n, int *room, size_t size)
{
	if (n < *room)
		return at;
	*room = *room ? 2 * *room : 64;
	at = realloc(at, (size_t)*room * size);
	if (!at)
		die("memory");
	return at;
}

static void join(char *path, const char *dir, const char *name)
{
	if (snprintf(path, TREE_PATH, "%s/%s", dir, name) >= TREE_PATH)
		die("a path is too long");
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void drop_tree(const char *path)
{
	DIR *dir;
	struct dirent *entry;
	char below[TREE_PATH];
	if (unlink(path) == 0 || !(dir = opendir(path)))
		return;
	while ((entry = readdir(dir))) {
		join(below, path, entry->d_name);
		if (!is_dots(entry->d_name))
			drop_tree(below);
	}
	closedir(dir);
	rmdir(path);
}

/* The bytes of a file; an empty text where there is none. *n (maybe NULL) is how many. */
static char *read_whole(const char *path, size_t *n)
{
	int fd = open(path, O_RDONLY);
	size_t length = 0, room = 4096;
	char *text = malloc(room);
	ssize_t got;
	while (text && fd >= 0 && (got = read(fd, text + length, room - length - 1)) > 0) {
		length += (size_t)got;
		if (length + 1 == room)
			text = realloc(text, room *= 2);
	}
	if (!text)
		die("memory");
	text[length] = '\0';
	if (fd >= 0)
		close(fd);
	if (n)
		*n = length;
	return text;
}

static void write_whole(const char *path, const char *bytes, size_t n, mode_t mode, time_t mtime)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	struct timespec times[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };
	if (fd < 0 || (n && write(fd, bytes, n) != (ssize_t)n) || fchmod(fd, mode) < 0 || futimens(fd, times) < 0)
		die(path);
	close(fd);
}

static void copy_tree(const char *from, const char *to)
{
	struct stat seen;
	DIR *dir = NULL;
	struct dirent *entry;
	if (stat(from, &seen) < 0)
		die(from);
	if (!S_ISDIR(seen.st_mode)) {
		size_t n;
		char *text = read_whole(from, &n);
		write_whole(to, text, n, seen.st_mode & 0777, seen.st_mtim.tv_sec);
		free(text);
		return;
	}
	if (mkdir(to, seen.st_mode & 0777) < 0 || !(dir = opendir(from)))
		die(to);
	while ((entry = readdir(dir))) {
		char below[TREE_PATH], copy[TREE_PATH];
		join(below, from, entry->d_name);
		join(copy, to, entry->d_name);
		if (!is_dots(entry->d_name))
			copy_tree(below, copy);
	}
	closedir(dir);
}

static int wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A child whose standard input, output and errors are files; 0 in the child. `in` may be NULL. */
static pid_t start(const char *in, const char *out, const char *err)
{
	pid_t child;
	fflush(NULL);
	child = fork();
	if (child < 0)
		die("fork");
	if (child > 0)
		return child;
	int i = open(in ? in : "/dev/null", O_RDONLY);
	int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (i < 0 || o < 0 || e < 0)
		die(out);
	dup2(i, 0);
	dup2(o, 1);
	dup2(e, 2);
	close(i);
	close(o);
	close(e);
	return 0;
}

#endif
