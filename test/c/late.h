/* late.h is included before all else in a build whose program and helpers live twenty
 * years on, after 2038: the clock on the wall and the times of files, as these read and
 * write them, are later by as much. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

enum { LATER = 20 * 365 * 24 * 60 * 60 };

static inline int late_clock(clockid_t clock, struct timespec *now)
{
	int r = clock_gettime(clock, now);
	now->tv_sec += clock == CLOCK_REALTIME ? LATER : 0;
	return r;
}

static inline time_t late_time(time_t *out)
{
	time_t now = time(NULL) + LATER;
	if (out)
		*out = now;
	return now;
}

static inline int late_seen(int r, struct stat *seen)
{
	seen->st_atime += LATER;
	seen->st_mtime += LATER;
	seen->st_ctime += LATER;
	return r;
}

/* What is to be written, at its place in our time. */
static inline const struct timespec *early(const struct timespec times[2], struct timespec to[2])
{
	for (int i = 0; times && i < 2; i++) {
		to[i] = times[i];
		to[i].tv_sec -= LATER;
	}
	return times ? to : NULL;
}

#define clock_gettime(clock, now) late_clock(clock, now)
#define time(out) late_time(out)
#define stat(path, seen) late_seen(stat(path, seen), seen)
#define lstat(path, seen) late_seen(lstat(path, seen), seen)
#define fstat(fd, seen) late_seen(fstat(fd, seen), seen)
#define fstatat(dir, path, seen, flags) late_seen(fstatat(dir, path, seen, flags), seen)
#define futimens(fd, times) futimens(fd, early(times, (struct timespec[2]){ { 0, 0 }, { 0, 0 } }))
#define utimensat(dir, path, times, flags) \
	utimensat(dir, path, early(times, (struct timespec[2]){ { 0, 0 }, { 0, 0 } }), flags)
