/* gate.h: closes, for a test, the one moment that is open to a program without
 * locks: from our last look at a file until the rename that replaces it. Put
 * under store.c by a test build (-DSTORE_SYS), it takes a lock on the file
 * named by INTERAGENT_GATE for that moment, and the test's foreign writer takes
 * the same lock when it opens or moves a file. All other calls are the kernel's. */
#ifndef GATE_H
#define GATE_H

static struct {
	int writing;                     /* a temp file is open: the next look is the last one */
	int fd;
} gate = { 0, -1 };

static void gate_close(void)
{
	if (gate.fd >= 0)
		close(gate.fd);
	gate.fd = -1;
	gate.writing = 0;
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	int fd = openat(dir, name, flags, mode);
	gate.writing = gate.writing || (fd >= 0 && (flags & O_EXCL) && strncmp(name, ".tmp-", 5) == 0);
	return fd;
}

static int sys_stat(int dir, const char *name, struct stat *to, int flags)
{
	const char *file = getenv("INTERAGENT_GATE");
	if (file && gate.writing && gate.fd < 0) {
		gate.fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		flock(gate.fd, LOCK_EX);
	}
	return fstatat(dir, name, to, flags);
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	int r = renameat(from, name, to, as), error = errno;
	gate_close();
	errno = error;
	return r;
}

static int sys_unlink(int dir, const char *name, int flags)
{
	int r = unlinkat(dir, name, flags), error = errno;
	gate_close();
	errno = error;
	return r;
}

#define sys_mkdir mkdirat
#define sys_link linkat
#define sys_read pread
#define sys_write write
#define sys_fsync fsync
#define sys_close close
#define sys_fstat fstat
#define sys_chmod fchmod
#define sys_chown fchownat
#define sys_truncate ftruncate
#define sys_access faccessat
#define sys_events read
#define sys_touch futimens
#define sys_readdir readdir
#define sys_flock flock

#endif
