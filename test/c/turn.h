/* turn.h: a kernel that asks before it does anything that another process could
 * notice or undo, put under store.c by a test build (-DSTORE_SYS). Where
 * INTERAGENT_TURN is "OUT IN", two descriptors, the process writes a line to OUT
 * before each such call and goes on when it gets a byte from IN:
 *
 *   r PATH      it reads a name, or all names of a directory ("DIR/")
 *   w PATH      it makes, replaces, removes or touches one
 *   m PATH PATH it moves one
 *   b PATH      it wants a lock that another holds: let that one go on first
 *
 * PATH is seen from the store's root. What only the process itself can notice is
 * not asked for: its temp files, what it does with a descriptor. Nobody sleeps. */
#ifndef TURN_H
#define TURN_H

enum { TURN_FDS = 1024, TURN_PATH = 512 };

static char turn_path[TURN_FDS][TURN_PATH];

static int turn_fd(int which)
{
	static int fd[2] = { -1, -1 }, ready;
	const char *plan = getenv("INTERAGENT_TURN");
	if (!ready && plan)
		sscanf(plan, "%d %d", &fd[0], &fd[1]);
	ready = 1;
	return fd[which];
}

/* Keeps errno. */
static void turn_ask(char what, const char *path)
{
	char line[2 * TURN_PATH + 16], go;
	int error = errno, n = snprintf(line, sizeof line, "%c %s\n", what, path);
	if (turn_fd(0) >= 0 && (write(turn_fd(0), line, (size_t)n) != n || read(turn_fd(1), &go, 1) != 1))
		_exit(99);
	errno = error;
}

/* The path of a name in an open directory; the root has none. */
static const char *turn_name(int dir, const char *name)
{
	static char path[4][TURN_PATH];
	static int turn;
	char *to = path[turn++ % 4];
	const char *in = dir >= 0 && dir < TURN_FDS ? turn_path[dir] : "";
	if (dir == AT_FDCWD)
		*to = '\0';
	else if (strcmp(name, ".") == 0)
		snprintf(to, TURN_PATH, "%.500s", in);
	else
		snprintf(to, TURN_PATH, "%.250s/%.250s", in, name);
	return to;
}

static int turn_is_own(const char *path)
{
	return strstr(path, "/.tmp-") != NULL;
}

static void turn_change(int dir, const char *name)
{
	const char *path = turn_name(dir, name);
	if (!turn_is_own(path))
		turn_ask('w', path);
}

static void turn_look(int dir, const char *name)
{
	const char *path = turn_name(dir, name);
	if (!turn_is_own(path))
		turn_ask('r', path);
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	int fd;
	if (flags & O_CREAT)
		turn_change(dir, name);
	else if (strcmp(name, ".") == 0)
		turn_look(dir, "");
	else
		turn_look(dir, name);
	fd = openat(dir, name, flags, mode);
	if (fd >= 0 && fd < TURN_FDS)
		snprintf(turn_path[fd], TURN_PATH, "%s", turn_name(dir, name));
	return fd;
}

static int sys_mkdir(int dir, const char *name, mode_t mode)
{
	turn_change(dir, name);
	return mkdirat(dir, name, mode);
}

static ssize_t sys_write(int fd, const void *from, size_t n)
{
	if (fd < TURN_FDS && turn_path[fd][0] && !turn_is_own(turn_path[fd]))
		turn_ask('w', turn_path[fd]);
	return write(fd, from, n);
}

static int sys_truncate(int fd, off_t size)
{
	if (fd < TURN_FDS && !turn_is_own(turn_path[fd]))
		turn_ask('w', turn_path[fd]);
	return ftruncate(fd, size);
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	const char *path = turn_name(from, name), *other = turn_name(to, as);
	char both[2 * TURN_PATH];
	snprintf(both, sizeof both, "%s %s", path, other);
	if (turn_is_own(path))
		turn_ask('w', other);
	else
		turn_ask('m', both);
	return renameat(from, name, to, as);
}

static int sys_link(int from, const char *name, int to, const char *as, int flags)
{
	turn_change(to, as);
	return linkat(from, name, to, as, flags);
}

static int sys_unlink(int dir, const char *name, int flags)
{
	turn_change(dir, name);
	return unlinkat(dir, name, flags);
}

static int sys_stat(int dir, const char *name, struct stat *to, int flags)
{
	turn_look(dir, name);
	return fstatat(dir, name, to, flags);
}

static int sys_access(int dir, const char *name, int how, int flags)
{
	turn_look(dir, name);
	return faccessat(dir, name, how, flags);
}

static int sys_touch(int fd, const struct timespec *times)
{
	if (fd < TURN_FDS)
		turn_ask('w', turn_path[fd]);
	return futimens(fd, times);
}

/* Whoever waits for these locks gets them in the end; of other locks it is asked only whether they
 * are held. */
static int turn_is_waited_for(int fd)
{
	struct stat seen;
	if (fd >= TURN_FDS || fstat(fd, &seen) < 0)
		return 0;
	return S_ISDIR(seen.st_mode) || strcmp(turn_path[fd], "/.lock") == 0 ||
	       (strncmp(turn_path[fd], "/announced/", 11) == 0 && !strstr(turn_path[fd], "/.wait-"));
}

static int sys_flock(int fd, int how)
{
	int r;
	const char *path = fd < TURN_FDS ? turn_path[fd] : "";
	if (how & LOCK_UN)
		return flock(fd, how);
	turn_ask('w', *path ? path : "/.lock");
	while ((r = flock(fd, how)) < 0 && errno == EWOULDBLOCK && turn_is_waited_for(fd) && turn_fd(0) >= 0)
		turn_ask('b', path);
	return r;
}

static int turn_nap(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

#define nanosleep turn_nap
#define sys_full_sync sys_fsync
#define sys_fsync(fd) ((void)(fd), 0)
#define sys_read pread
#define sys_close close
#define sys_fstat fstat
#define sys_chmod fchmod
#define sys_chown fchownat
#define sys_readdir readdir
#define sys_events read

#endif
