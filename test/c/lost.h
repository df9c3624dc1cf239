/* lost.h: a kernel that loses what inotify should have told, and whose wall
 * clock jumps, put under store.c by a test build (-DSTORE_SYS). */
#ifndef LOST_H
#define LOST_H

static struct {
	int overflow;                    /* the next events are lost, and that is told */
	long long jump;                  /* ms that the wall clock is ahead */
} lost;

#ifdef __linux__
static ssize_t sys_events(int fd, void *to, size_t n)
{
	struct inotify_event e = { .wd = -1, .mask = IN_Q_OVERFLOW };
	if (!lost.overflow)
		return read(fd, to, n);
	lost.overflow = 0;
	while (read(fd, to, n) > 0)
		continue;
	memcpy(to, &e, sizeof e);
	return (ssize_t)sizeof e;
}
#else
#define sys_events read
#endif

static int lost_clock(clockid_t clock, struct timespec *now)
{
	int r = clock_gettime(clock, now);
	if (clock == CLOCK_REALTIME)
		now->tv_sec += lost.jump / 1000;
	return r;
}

#define clock_gettime lost_clock
#define sys_open openat
#define sys_mkdir mkdirat
#define sys_read pread
#define sys_write write
#define sys_truncate ftruncate
#define sys_fsync(fd) ((void)(fd), 0)
#define sys_close close
#define sys_rename renameat
#define sys_link linkat
#define sys_unlink unlinkat
#define sys_stat fstatat
#define sys_fstat fstat
#define sys_chmod fchmod
#define sys_chown fchownat
#define sys_touch futimens
#define sys_readdir readdir
#define sys_flock flock
#define sys_access faccessat

#endif
