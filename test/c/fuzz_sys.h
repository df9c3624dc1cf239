/* fuzz_sys.h: the kernel as a fuzz target wants it, put under store.c by a test
 * build (-DSTORE_SYS). Nothing is synced and nobody naps, for speed; random
 * bytes repeat, so that a finding does; no path leaves the target's directory;
 * and a flag tells that the store has changed. */
#ifndef FUZZ_SYS_H
#define FUZZ_SYS_H

extern int fuzz_changed;
extern char fuzz_root[];                     /* with its '/' */
int fuzz_entropy(void *to, size_t n);

static int fuzz_refuses(int dir, const char *name)
{
	errno = EACCES;
	return dir == AT_FDCWD && (strncmp(name, fuzz_root, strlen(fuzz_root)) != 0 || strstr(name, ".."));
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	fuzz_changed |= flags & O_CREAT;
	return fuzz_refuses(dir, name) ? -1 : openat(dir, name, flags, mode);
}

static int sys_mkdir(int dir, const char *name, mode_t mode)
{
	fuzz_changed = 1;
	return fuzz_refuses(dir, name) ? -1 : mkdirat(dir, name, mode);
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	fuzz_changed = 1;
	return fuzz_refuses(from, name) || fuzz_refuses(to, as) ? -1 : renameat(from, name, to, as);
}

static int sys_unlink(int dir, const char *name, int flags)
{
	fuzz_changed = 1;
	return fuzz_refuses(dir, name) ? -1 : unlinkat(dir, name, flags);
}

static int sys_fsync(int fd)
{
	(void)fd;
	return 0;
}

static int fuzz_nap(const struct timespec *t, struct timespec *left)
{
	(void)t;
	(void)left;
	return 0;
}

#define nanosleep fuzz_nap
#define getentropy fuzz_entropy
#define sys_link linkat
#define sys_read pread
#define sys_write write
#define sys_close close
#define sys_stat fstatat
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
