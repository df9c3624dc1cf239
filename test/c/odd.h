/* odd.h: the kernel of an odd machine, put under store.c by a test build
 * (-DSTORE_SYS): one that refuses, that loses what inotify should have told, and whose wall
 * clock jumps. */
#ifndef ODD_H
#define ODD_H

static struct {
	int flock, dir_sync, full_sync, entropy, link, no_follow;   /* the errno that a call answers with */
	int absent, stale;               /* so many opens of registry.json fail */
	int split;                       /* .lock is deleted before so many renames, which then take 3 ms */
	int no_sync;                     /* nothing is synced: what only looks is faster so */
	int overflow;                    /* the next events are lost, and that is told */
	long long jump;                  /* ms that the wall clock is ahead */
} odd;

static int odd_entropy(void *to, size_t n)
{
	errno = odd.entropy;
	return odd.entropy ? -1 : getentropy(to, n);
}

static int sys_flock(int fd, int how)
{
	errno = odd.flock;
	return odd.flock ? -1 : flock(fd, how);
}

static int sys_fsync(int fd)
{
	struct stat seen;
	if (odd.no_sync)
		return 0;
	errno = odd.dir_sync;
	return odd.dir_sync && fstat(fd, &seen) == 0 && S_ISDIR(seen.st_mode) ? -1 : fsync(fd);
}

/* As of a disk of macOS; one that has none says ENOTTY. */
static int odd_full_sync(void)
{
	errno = odd.full_sync ? odd.full_sync : ENOTTY;
	return -1;
}

static int sys_link(int from, const char *name, int to, const char *as, int flags)
{
	errno = odd.link;
	return odd.link ? -1 : linkat(from, name, to, as, flags);
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	bool registry = strcmp(name, "registry.json") == 0;
	if (registry && odd.absent && odd.absent--) {
		errno = ENOENT;
		return -1;
	}
	if (registry && odd.stale && odd.stale--) {
		errno = ESTALE;
		return -1;
	}
	int fd = openat(dir, name, flags, mode);
	if (fd < 0 && errno == ELOOP && odd.no_follow)
		errno = odd.no_follow;
	return fd;
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	if (odd.split && odd.split--) {
		struct timespec pause = { 0, 3000000L };
		unlinkat(from, ".lock", 0);
		nanosleep(&pause, NULL);
	}
	return renameat(from, name, to, as);
}

#ifdef __linux__
static ssize_t sys_events(int fd, void *to, size_t n)
{
	struct inotify_event e = { .wd = -1, .mask = IN_Q_OVERFLOW };
	if (!odd.overflow)
		return read(fd, to, n);
	odd.overflow = 0;
	while (read(fd, to, n) > 0)
		continue;
	memcpy(to, &e, sizeof e);
	return (ssize_t)sizeof e;
}
#else
#define sys_events read
#endif

static int odd_clock(clockid_t clock, struct timespec *now)
{
	int r = clock_gettime(clock, now);
	if (clock == CLOCK_REALTIME)
		now->tv_sec += odd.jump / 1000;
	return r;
}

#define getentropy odd_entropy
#define sys_full_sync(fd) odd_full_sync()
#undef clock_gettime
#define clock_gettime odd_clock
#define sys_mkdir mkdirat
#define sys_read pread
#define sys_write write
#define sys_truncate ftruncate
#define sys_close close
#define sys_unlink unlinkat
#define sys_stat fstatat
#define sys_fstat fstat
#define sys_chmod fchmod
#define sys_chown fchownat
#define sys_touch futimens
#define sys_readdir readdir
#define sys_access faccessat

#endif
