/* record.h: a kernel that writes down what the store does to the disk, put under
 * store.c by a test build (-DSTORE_SYS). Each call that succeeded and changed
 * something is a line of the file named by INTERAGENT_RECORD; directories and
 * files are told by the numbers of their inodes:
 *
 *   create DIR NAME FILE        mkdir DIR NAME DIR
 *   rename DIR NAME DIR NAME    link DIR NAME DIR NAME    unlink DIR NAME -
 *   write FILE OFFSET LENGTH    with LENGTH bytes and a line end behind it
 *   truncate FILE SIZE          mode FILE MODE          sync FILE-OR-DIR
 *   answer                      something was said on standard output (answer.h)
 *
 * crashstates.c makes of it what a power cut may leave. */
#ifndef RECORD_H
#define RECORD_H

static int record_file(void)
{
	static int fd = -2;
	const char *path = getenv("INTERAGENT_RECORD");
	if (fd == -2)
		fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	return fd;
}

/* Keeps errno: it is called after the real thing. */
static void record_say(const char *line, const void *bytes, size_t n)
{
	int error = errno, fd = record_file();
	if (fd >= 0 && (write(fd, line, strlen(line)) < 0 || (n && write(fd, bytes, n) < 0) || write(fd, "\n", 1) < 0))
		abort();
	errno = error;
}

static unsigned long record_inode(int fd)
{
	struct stat seen;
	return fstat(fd, &seen) == 0 ? (unsigned long)seen.st_ino : 0;
}

/* The directory that a name is in, and its last component. */
static unsigned long record_dir(int dir, const char **name)
{
	const char *slash = strrchr(*name, '/');
	char path[4096];
	struct stat seen = { 0 };
	if (!slash)
		return record_inode(dir);
	snprintf(path, sizeof path, "%.*s/", (int)(slash - *name), *name);
	*name = slash + 1;
	return fstatat(dir, path, &seen, 0) == 0 ? (unsigned long)seen.st_ino : 0;
}

static void record_names(const char *what, int dir, const char *name, int other, const char *as)
{
	char line[8192];
	unsigned long in = record_dir(dir, &name), to = as ? record_dir(other, &as) : 0;
	snprintf(line, sizeof line, "%s %lu %s %lu %s", what, in, name, to, as ? as : "-");
	record_say(line, NULL, 0);
}

static void record_made(const char *what, int dir, const char *name)
{
	char line[8192];
	struct stat seen = { 0 };
	const char *last = name;
	unsigned long in = record_dir(dir, &last);
	fstatat(dir, name, &seen, AT_SYMLINK_NOFOLLOW);
	snprintf(line, sizeof line, "%s %lu %s %lu -", what, in, last, (unsigned long)seen.st_ino);
	record_say(line, NULL, 0);
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	struct stat seen;
	int absent = (flags & O_CREAT) && fstatat(dir, name, &seen, AT_SYMLINK_NOFOLLOW) < 0;
	int fd = openat(dir, name, flags, mode);
	if (fd >= 0 && absent)
		record_made("create", dir, name);
	return fd;
}

static int sys_mkdir(int dir, const char *name, mode_t mode)
{
	int r = mkdirat(dir, name, mode);
	if (r == 0)
		record_made("mkdir", dir, name);
	return r;
}

static ssize_t sys_write(int fd, const void *from, size_t n)
{
	char line[128];
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t written = write(fd, from, n);
	if (written > 0) {
		snprintf(line, sizeof line, "write %lu %ld %ld\n", record_inode(fd), (long)at, (long)written);
		record_say(line, from, (size_t)written);
	}
	return written;
}

static int sys_truncate(int fd, off_t size)
{
	char line[128];
	int r = ftruncate(fd, size);
	snprintf(line, sizeof line, "truncate %lu %ld", record_inode(fd), (long)size);
	if (r == 0)
		record_say(line, NULL, 0);
	return r;
}

static int sys_chmod(int fd, mode_t mode)
{
	char line[128];
	int r = fchmod(fd, mode);
	snprintf(line, sizeof line, "mode %lu %u", record_inode(fd), (unsigned)mode);
	if (r == 0)
		record_say(line, NULL, 0);
	return r;
}

/* Nothing waits for the disk here: what a sync promises is the checker's to judge. */
static int sys_fsync(int fd)
{
	char line[128];
	snprintf(line, sizeof line, "sync %lu", record_inode(fd));
	record_say(line, NULL, 0);
	return 0;
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	int r = renameat(from, name, to, as);
	if (r == 0)
		record_names("rename", from, name, to, as);
	return r;
}

static int sys_link(int from, const char *name, int to, const char *as, int flags)
{
	int r = linkat(from, name, to, as, flags);
	if (r == 0)
		record_names("link", from, name, to, as);
	return r;
}

static int sys_unlink(int dir, const char *name, int flags)
{
	int r = unlinkat(dir, name, flags);
	if (r == 0)
		record_names("unlink", dir, name, dir, NULL);
	return r;
}

#define sys_full_sync sys_fsync
#define sys_read pread
#define sys_close close
#define sys_stat fstatat
#define sys_fstat fstat
#define sys_chown fchownat
#define sys_touch futimens
#define sys_readdir readdir
#define sys_flock flock
#define sys_access faccessat
#define sys_events read

#endif
