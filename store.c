/* store.c: the mailbox on disk.
 *
 *   registry.json                  {"<name>": {name, workspacePath, description, registeredAt}}
 *   status.json                    {"<name>": {agent, status, updatedAt}}
 *   messages/<id>.md               the body, byte for byte
 *   messages-meta/<id>.json        {id, from, to, subject, status, createdAt, updatedAt,
 *                                   replyTo?, escalationReason?}
 *   specs/<name>.md                "<!-- Published by: P at T -->", an empty line, the content
 *   archive/messages, archive/messages-meta    the same pair, moved
 *   live/<name>.<8 hex>            locked by a server that speaks for the agent, as long as it runs
 *   specs/.history/<name>/<n>.md   every version's text, the current one's too, in the same form
 *   specs/.history/<name>/index.json   {versions: [{version, publisher, publishedAt, note}],
 *                                   readers: {"<agent>": the version that it read last}}
 *   announced/<name>@<session>     the unread messages that a client's session was told of
 *   .lock                          what writers of shared files hold; may be deleted at any time
 *   archive/.swept                 its mtime is the last sweep
 *
 * These files are the whole truth: there is no index that could disagree with
 * them. Another program writes them too, without locks and in place; it sees
 * our files in its own format, and keys that we do not know survive our writes.
 *
 * States of a message, and who ends the passing ones:
 *
 *   body .md   meta .json  archive   what it is                         who cleans up
 *   -          -           -         not sent
 *   yes        -           -         being sent, or its sender died:    the sweep, after 36 h:
 *                                    no reader shows it                 to archive/
 *   yes        yes         -         sent
 *   yes        -           meta      being archived, or the archiver    the sweep finishes
 *                                    died: readable by id               the move
 *   -          -           both      archived: readable by id           the human
 *   archive    yes         -         a foreign archiver was here: the   the sweep
 *                                    body is looked for in both places
 *              yes         meta      likewise: the archived meta counts the sweep moves the
 *                                                                       other one aside
 *
 * What holds:
 *  - The rename of the meta is the commit point of a message. Before it nobody
 *    sees the message; after the fsync of the directory it survives a power cut,
 *    and only then does store_send return.
 *  - A file is never changed in place: a temp file beside it is written, synced
 *    and renamed over it, and the directory synced (put). Only our own temp
 *    files are ever unlinked; bodies and metas are only moved.
 *  - Reading needs no lock. Reading and writing back happens under flock on
 *    .lock, with a last look for a foreign writer before the rename (edit).
 *  - Every stop, at any system call, leaves a state of the table above.
 *  - A caller's name becomes a file name only after store_name_ok, or by being
 *    found in a directory; nothing below the root is followed if it is a link.
 *
 * It knows no protocol and formats no text for people. */

#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE          /* flock, getentropy */
#endif
#define _DARWIN_C_SOURCE
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>               /* renameat */
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/inotify.h>
#endif
#ifdef __APPLE__
#include <sys/random.h>
#define st_mtim st_mtimespec
#endif

/* ==== The kernel ====
 * Every call that touches the disk goes through these names, so that a test
 * build can let the k-th of them fail or be the last thing the process does. */

#ifdef STORE_SYS
#include STORE_SYS
#else
#define sys_open openat
#define sys_mkdir mkdirat
#define sys_read pread
#define sys_write write
#define sys_fsync fsync
#define sys_close close
#define sys_rename renameat
#define sys_link linkat
#define sys_unlink unlinkat
#define sys_stat fstatat
#define sys_fstat fstat
#define sys_chmod fchmod
#define sys_touch futimens
#define sys_readdir readdir
#define sys_flock flock
#endif

enum {
	MAX_META = 1024 * 1024,         /* bytes of a meta file that we will read */
	MAX_TABLE = 64 * 1024 * 1024,   /* of registry.json and status.json */
	MAX_FILE = 16 * 1024 * 1024,    /* of a file that is not of the store */
	YOUNG_MS = 2000,                 /* an unfinished file this young is still being written */
	READER_NAPS = 7,                 /* 1 + 2 + ... + 64 ms */
	TABLE_NAPS = 10,                 /* a second: without the registry nothing can be said */
	WRITER_NAPS = 12,                /* past YOUNG_MS, so that a writer can tell damage for sure */
	LOCK_MS = 8000,
	SWEEP_MS = 3600 * 1000,
	QUIET_MS = 24 * 3600 * 1000,
	ORPHAN_MS = 36 * 3600 * 1000,
	BATCH = 100                      /* messages archived under one hold of the lock */
};

const str store_human = { "human", 5 };

/* ==== Faults ==== */

static store_result failed(store *st, const char *doing, str path, int error)
{
	st->fault = (store_fault){ .doing = doing, .path = path, .error = error };
	return STORE_FAILED;
}

static void note_damage(store *st, str path)
{
	for (int i = 0; i < st->damaged; i++)
		if (str_eq(st->damaged_paths[i], path))
			return;
	st->damaged_paths = arena_more(st->mem, st->damaged_paths, st->damaged, &st->damaged_room, sizeof path);
	st->damaged_paths[st->damaged++] = path;
}

/* ==== Time ==== */

int64_t time_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Days from 1970-01-01 to a date, by counting in years that begin in March. */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

str time_format(arena *mem, int64_t ms)
{
	int64_t days = ms / 86400000, rest = ms % 86400000, year = 1970 + days / 366, month = 1;
	buf b = { .mem = mem };
	while (days_to(year + 1, 1, 1) <= days)
		year++;
	while (month < 12 && days_to(year, month + 1, 1) <= days)
		month++;
	const struct {
		int64_t number;
		int width;
		char after;
	} parts[] = {
		{ year, 4, '-' }, { month, 2, '-' }, { days - days_to(year, month, 1) + 1, 2, 'T' },
		{ rest / 3600000, 2, ':' }, { rest / 60000 % 60, 2, ':' }, { rest / 1000 % 60, 2, '.' },
		{ rest % 1000, 3, 'Z' },
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_digits(&b, (uint64_t)parts[i].number, 10, parts[i].width);
		buf_char(&b, parts[i].after);
	}
	return buf_str(&b);
}

int64_t time_parse(str time)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	int64_t part[8] = { 0 };
	int field = 0;
	if (time.n != (ptrdiff_t)sizeof shape - 1)
		return -1;
	for (ptrdiff_t i = 0; i < time.n; i++) {
		bool digit = time.s[i] >= '0' && time.s[i] <= '9';
		if (shape[i] == '0' ? !digit : time.s[i] != shape[i])
			return -1;
		if (digit)
			part[field] = part[field] * 10 + (time.s[i] - '0');
		else
			field++;
	}
	return (((days_to(part[0], part[1], part[2]) * 24 + part[3]) * 60 + part[4]) * 60 + part[5]) * 1000 +
	       part[6];
}

static int64_t age_of(const struct stat *file)
{
	return time_now() - ((int64_t)file->st_mtim.tv_sec * 1000 + file->st_mtim.tv_nsec / 1000000);
}

static void nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	nanosleep(&t, NULL);
}

/* ==== Directories ====
 * Opened when first needed and closed with the request, so that a store that
 * was moved away or made anew in between is simply the one that is there. */

enum dir { ROOT, BODIES, METAS, SPECS, ARCHIVE, OLD_BODIES, OLD_METAS, LIVE, ANNOUNCED, HISTORY, PAST };

static const struct {
	const char *name;
	enum dir parent;
} dirs[STORE_DIRS] = {
	[ROOT] = { "", ROOT },
	[BODIES] = { "messages", ROOT },
	[METAS] = { "messages-meta", ROOT },
	[SPECS] = { "specs", ROOT },
	[ARCHIVE] = { "archive", ROOT },
	[OLD_BODIES] = { "messages", ARCHIVE },
	[OLD_METAS] = { "messages-meta", ARCHIVE },
	[LIVE] = { "live", ROOT },
	[ANNOUNCED] = { "announced", ROOT },
	[HISTORY] = { ".history", SPECS },
	[PAST] = { NULL, HISTORY },      /* of one spec at a time: st->past */
};

static const int open_dir_flags = O_RDONLY | O_DIRECTORY;

void store_open(store *st, arena *mem, str root)
{
	*st = (store){ .mem = mem, .root = root, .lock = -1 };
	for (int i = 0; i < STORE_DIRS; i++)
		st->fd[i] = -1;
}

void store_close(store *st)
{
	for (int i = 0; i < STORE_DIRS; i++)
		if (st->fd[i] >= 0)
			close(st->fd[i]);
	if (st->lock >= 0)
		close(st->lock);
}

static const char *dir_name(const store *st, enum dir d)
{
	return d == PAST ? st->past : dirs[d].name;
}

static str path_in(store *st, enum dir d, const char *name)
{
	str in = d == ROOT ? st->root : path_in(st, dirs[d].parent, dir_name(st, d));
	return *name ? arena_say(st->mem, "%S/%s", in, name) : in;
}

/* What it makes is our user's alone. */
static int open_retry(int dir, const char *name, int flags)
{
	int fd;
	do
		fd = sys_open(dir, name, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int fsync_retry(int fd)
{
	int r;
#ifdef F_FULLFSYNC
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
#endif
	do
		r = sys_fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Makes one directory, durably. */
static int make_dir(int parent, const char *name)
{
	if (sys_mkdir(parent, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return fsync_retry(parent);
}

/* Makes the root and what is missing above it, one step down after the other.
 * What is there may be a directory that may be passed, but not opened. */
static int make_root(store *st)
{
	str whole = st->root, above = str_starts(whole, S("/")) ? S("/") : S(".");
	struct stat seen;
	for (ptrdiff_t n = 1; n <= whole.n; n++) {
		str path = { whole.s, n };
		const char *name = arena_z(st->mem, path);
		int fd, r, error;
		if (whole.s[n - 1] == '/' || (n < whole.n && whole.s[n] != '/'))
			continue;
		if (sys_stat(AT_FDCWD, name, &seen, 0) < 0) {
			if (errno != ENOENT || (sys_mkdir(AT_FDCWD, name, 0700) < 0 && errno != EEXIST))
				return -1;
			fd = open_retry(AT_FDCWD, arena_z(st->mem, above), open_dir_flags);
			r = fd < 0 ? -1 : fsync_retry(fd);
			error = errno;
			if (fd >= 0)
				sys_close(fd);
			errno = error;
			if (r < 0)
				return -1;
		}
		above = path;
	}
	return 0;
}

/* The directory's descriptor; -1 with the fault set. A directory that is not
 * there and is not to be made is ENOENT. */
static int dir_fd(store *st, enum dir d, bool make)
{
	int parent = AT_FDCWD, fd;
	const char *name = dir_name(st, d);
	if (st->fd[d] >= 0)
		return st->fd[d];
	if (d == ROOT)
		name = arena_z(st->mem, st->root);
	else if ((parent = dir_fd(st, dirs[d].parent, make)) < 0)
		return -1;
	for (;;) {
		fd = open_retry(parent, name, open_dir_flags | (d == ROOT ? 0 : O_NOFOLLOW));
		if (fd >= 0 || errno != ENOENT || !make)
			break;
		make = false;
		if ((d == ROOT ? make_root(st) : make_dir(parent, name)) < 0) {
			failed(st, "make", path_in(st, d, ""), errno);
			return -1;
		}
	}
	if (fd < 0)
		failed(st, "open", path_in(st, d, ""), errno);
	return st->fd[d] = fd;
}

static void use_past(store *st, str name)
{
	if (st->fd[PAST] >= 0)
		sys_close(st->fd[PAST]);
	st->fd[PAST] = -1;
	st->past = arena_z(st->mem, name);
}

/* ==== The names in a directory ==== */

typedef struct {
	enum dir in;
	DIR *dir;
	str name, stem;                  /* until the next call; the stem lacks the tail */
	int error;
} names;

static bool names_open(store *st, names *it, enum dir d)
{
	int fd = dir_fd(st, d, false), own;
	*it = (names){ .in = d };
	if (fd < 0)
		return st->fault.error == ENOENT;
	own = open_retry(fd, ".", open_dir_flags);
	if (own >= 0 && !(it->dir = fdopendir(own)))
		sys_close(own);
	if (!it->dir)
		failed(st, "open", path_in(st, d, ""), errno);
	return it->dir;
}

/* The next name that starts and ends as wanted; only those that start with a
 * dot start with a dot. */
static bool names_next(names *it, str head, str tail)
{
	struct dirent *entry;
	errno = 0;
	while (it->dir && (entry = sys_readdir(it->dir))) {
		it->name = str_of(entry->d_name);
		it->stem = (str){ it->name.s, it->name.n - tail.n };
		if ((head.n || it->name.s[0] != '.') && str_starts(it->name, head) && str_ends(it->name, tail))
			return true;
		errno = 0;
	}
	it->error = it->dir ? errno : 0;
	return false;
}

/* Ends the walk. A directory that could not be read to its end is a failure:
 * what was not seen must not be taken for absent. */
static store_result names_close(store *st, names *it)
{
	if (it->dir)
		closedir(it->dir);
	it->dir = NULL;
	return it->error ? failed(st, "list", path_in(st, it->in, ""), it->error) : STORE_OK;
}

/* ==== Reading a file ====
 * Whatever stands where a file should be, a FIFO, a device, a link, gets an
 * answer and not a hang. */

static store_result open_file(store *st, enum dir d, const char *name, int *fd, struct stat *seen)
{
	int dir = dir_fd(st, d, false), error;
	if (dir < 0)
		return st->fault.error == ENOENT ? STORE_ABSENT : STORE_FAILED;
	*fd = open_retry(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT ? STORE_ABSENT : failed(st, "open", path_in(st, d, name), errno);
	error = sys_fstat(*fd, seen) < 0 ? errno : S_ISDIR(seen->st_mode) ? EISDIR : S_ISREG(seen->st_mode) ? 0 : EINVAL;
	if (error == 0)
		return STORE_OK;
	sys_close(*fd);
	return failed(st, "read", path_in(st, d, name), error);
}

/* Is it there? 1: yes, and *age (NULL: not asked for) is set; 0: no; -1: cannot
 * tell, with the fault set. */
static int is_there(store *st, enum dir d, const char *name, int64_t *age)
{
	struct stat found;
	int dir = dir_fd(st, d, false);
	if (dir < 0)
		return st->fault.error == ENOENT ? 0 : -1;
	if (sys_stat(dir, name, &found, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		failed(st, "look at", path_in(st, d, name), errno);
		return -1;
	}
	if (age)
		*age = age_of(&found);
	return 1;
}

/* Reads up to `most` bytes from `offset`. */
static store_result get(store *st, enum dir d, const char *name, int64_t offset, int64_t max, str *text,
			struct stat *seen)
{
	int fd, error;
	int64_t left;
	char *s;
	ptrdiff_t n = 0;
	ssize_t got = 1;
	store_result r = open_file(st, d, name, &fd, seen);
	if (r != STORE_OK)
		return r;
	left = (int64_t)seen->st_size - offset;
	left = left < 0 ? 0 : left < max ? left : max;
	s = arena_new(st->mem, (ptrdiff_t)left + 1);
	while (n < left && got != 0) {
		got = sys_read(fd, s + n, (size_t)(left - n), (off_t)(offset + n));
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? got : 0;
	}
	error = errno;
	sys_close(fd);
	*text = (str){ s, n };
	return got < 0 ? failed(st, "read", path_in(st, d, name), error) : STORE_OK;
}

enum { PEEK = 2048 };

/* Is the file a short one, read whole at the first try? Most are. */
static bool peek(store *st, enum dir d, const char *name, str *text)
{
	int dir = dir_fd(st, d, false);
	int fd = dir < 0 ? -1 : open_retry(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	char *s = arena_new(st->mem, PEEK);
	ssize_t got;
	if (fd < 0)
		return false;
	got = sys_read(fd, s, PEEK, 0);
	sys_close(fd);
	*text = (str){ s, got };
	return got > 0 && got < PEEK;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads a JSON object. One that is empty or broken and young is being written
 * by a program that writes in place: look again, a little later each time. So is
 * one that is empty and looks old, for a while: a file system may show that a
 * file was cut before it shows when. Any other old one is damaged: *value (maybe
 * NULL) has the members before the damage. Who only reads wants no stat of it:
 * seen is NULL. */
static store_result load(store *st, enum dir d, const char *name, int64_t max, json **value, struct stat *seen)
{
	json_error error;
	str text;
	struct stat first = { 0 }, own = { 0 };
	bool old, to_write = seen && st->lock >= 0;
	int64_t age;
	int most_naps;
	if (!seen && peek(st, d, name, &text)) {
		*value = json_read(st->mem, text, JSON_STORED, &error);
		if (!error.what && (*value)->kind == JSON_OBJECT)
			return STORE_OK;
	}
	seen = seen ? seen : &own;
	for (;;) {
		store_result r = get(st, d, name, 0, max, &text, seen);
		if (r != STORE_OK)
			return r;
		*value = json_read(st->mem, text, JSON_STORED, &error);
		if (seen->st_size <= max && !error.what && (*value)->kind == JSON_OBJECT)
			return STORE_OK;
		age = age_of(seen);
		old = age > YOUNG_MS || age < -YOUNG_MS;
		if (old && seen->st_size > 0 && !same_file(&first, seen)) {
			first = *seen;           /* it may have been cut short since its age was read */
			continue;
		}
		most_naps = old ? READER_NAPS : to_write ? WRITER_NAPS : d == ROOT ? TABLE_NAPS : READER_NAPS;
		if ((old && seen->st_size > 0) || st->naps >= most_naps)
			return failed(st, "read", path_in(st, d, name), 0);
		nap(1 << st->naps++);
	}
}

/* ==== The lock ====
 * flock on a file of its own, because the files that it guards are replaced.
 * The kernel drops it when its holder dies, however that happens. On a file
 * system without locks we go on without: unique names and renames still hold. */

/* Is what we have open still what stands there? Anybody may delete a lock file,
 * between our open and our flock too. */
static bool same_inode(int fd, int dir, const char *name)
{
	struct stat mine, now;
	return sys_fstat(fd, &mine) == 0 && sys_stat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == now.st_ino && mine.st_dev == now.st_dev;
}

static bool holds_lock(store *st)
{
	return st->lock >= 0 && same_inode(st->lock, dir_fd(st, ROOT, false), ".lock");
}

static void unlock(store *st)
{
	if (st->lock >= 0)
		close(st->lock);
	st->lock = -1;
}

/* Takes the lock; anew, where the file that is held was deleted since. */
static store_result lock(store *st)
{
	int root = dir_fd(st, ROOT, true), pause = 1, error;
	int64_t until = clock_ms() + (st->lock_ms ? st->lock_ms : LOCK_MS);
	if (root < 0)
		return STORE_FAILED;
	if (holds_lock(st))
		return STORE_OK;
	unlock(st);
	for (;;) {
		int fd = open_retry(root, ".lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			return failed(st, "open", path_in(st, ROOT, ".lock"), errno);
		if (sys_flock(fd, LOCK_EX | LOCK_NB) == 0)
			error = same_inode(fd, root, ".lock") ? 0 : EWOULDBLOCK;
		else
			error = errno;
		if (error == 0 || error == ENOLCK || error == EOPNOTSUPP) {
			st->lock = fd;
			return STORE_OK;
		}
		close(fd);
		if (error != EWOULDBLOCK && error != EINTR)
			return failed(st, "lock", path_in(st, ROOT, ".lock"), error);
		if (clock_ms() >= until || (st->stop && *st->stop)) {
			failed(st, "lock", path_in(st, ROOT, ".lock"), EAGAIN);
			return STORE_BUSY;
		}
		nap(pause);
		pause = pause < 50 ? pause * 2 : 50;
	}
}

/* ==== Writing a file ==== */

/* Is the file still what it was when it was read into *seen (st_ino 0: absent)?
 * 1: yes, 0: no, -1: cannot tell, with errno. */
static int still(int dir, const char *name, const struct stat *seen)
{
	struct stat now;
	if (sys_stat(dir, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? seen->st_ino == 0 : -1;
	return seen->st_ino != 0 && same_file(seen, &now);
}

static int write_all(int fd, str text)
{
	while (text.n) {
		ssize_t n = sys_write(fd, text.s, (size_t)text.n);
		if (n < 0 && errno != EINTR)
			return -1;
		text = str_from(text, n > 0 ? n : 0);
	}
	return 0;
}

str store_random(arena *mem, int bytes)
{
	unsigned char raw[16] = { 0 };
	buf hex = { .mem = mem };
	if (getentropy(raw, (size_t)bytes) < 0)
		return S("");
	for (int i = 0; i < bytes; i++)
		buf_digits(&hex, raw[i], 16, 2);
	return buf_str(&hex);
}

/* The one function that writes a file of the store. On STORE_OK the content
 * survives a power cut. On a failure the file is as it was and no temp file is
 * left, but for fault.placed, which says what it is. With `seen` (what the text
 * was made from) a file that has changed since is left alone, and so is one
 * whose lock was deleted: STORE_CHANGED. */
static store_result replace_file(store *st, enum dir d, const char *name, str text, const struct stat *seen)
{
	int dir = dir_fd(st, d, true), fd, same = 1, error;
	const char *temp = arena_say(st->mem, ".tmp-%S", store_random(st->mem, 8)).s;
	mode_t mode = seen && seen->st_ino ? seen->st_mode & 0777 : 0600;
	bool written;
	if (dir < 0)
		return STORE_FAILED;
	fd = open_retry(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return failed(st, "write", path_in(st, d, name), errno);
	written = write_all(fd, text) == 0 && (mode == 0600 || sys_chmod(fd, mode) == 0) && fsync_retry(fd) == 0;
	error = errno;
	if (sys_close(fd) < 0 && written) {
		written = false;
		error = errno;
	}
	if (written && seen)
		same = st->lock >= 0 && !holds_lock(st) ? 0 : still(dir, name, seen);
	if (same < 0)
		error = errno;
	if (written && same == 1 && sys_rename(dir, temp, dir, name) == 0) {
		if (fsync_retry(dir) == 0)
			return STORE_OK;
		failed(st, "sync the directory of", path_in(st, d, name), errno);
		st->fault.placed = true;
		return STORE_FAILED;
	}
	error = written && same == 1 ? errno : error;
	sys_unlink(dir, temp, 0);
	return written && same == 0 ? STORE_CHANGED : failed(st, "write", path_in(st, d, name), error);
}

/* ==== Tables: registry.json and status.json ==== */

/* Reads one; a damaged one gives what stood before the damage. */
static store_result load_table(store *st, const char *name, json **table, struct stat *seen, bool *damaged)
{
	store_result r;
	*table = NULL;
	*seen = (struct stat){ 0 };
	r = load(st, ROOT, name, MAX_TABLE, table, seen);
	*damaged = r == STORE_FAILED && st->fault.error == 0;
	if (*damaged) {
		note_damage(st, st->fault.path);
		return STORE_OK;
	}
	return r == STORE_ABSENT ? STORE_OK : r;
}

/* A name beside it for what is damaged. */
static const char *quarantine_name(store *st, const char *name)
{
	return arena_say(st->mem, "%s.damaged-%l", name, time_now()).s;
}

/* What is damaged is kept beside what the next writer makes; and until that is
 * in place it stays where it is, because its first members are still good. */
static store_result keep_damaged(store *st, const char *name)
{
	int root = dir_fd(st, ROOT, true);
	if (sys_link(root, name, root, quarantine_name(st, name), 0) == 0 || errno == EEXIST)
		return STORE_OK;
	return failed(st, "set aside", path_in(st, ROOT, name), errno);
}

/* The doctor's way: it is out of the way at once. */
static store_result set_aside(store *st, enum dir d, const char *name)
{
	int dir = dir_fd(st, d, true);
	if (sys_rename(dir, name, dir, quarantine_name(st, name)) < 0 && errno != ENOENT)
		return failed(st, "set aside", path_in(st, d, name), errno);
	return STORE_OK;
}

/* Changes the member `key` of a table, under the lock; without changes, takes
 * it away. With `only_new` a member that is there stays as it is. */
static store_result edit_table(store *st, const char *name, str key, const json_change *changes, int count,
			       bool only_new)
{
	store_result r;
	do {
		bool damaged;
		struct stat seen;
		json *table = NULL, *member;
		json_change change = { .key = key };
		r = lock(st);
		if (r == STORE_OK)
			r = load_table(st, name, &table, &seen, &damaged);
		if (r == STORE_OK && damaged)
			r = keep_damaged(st, name);
		member = json_get(table, key);
		if (r != STORE_OK || (only_new && member))
			break;
		if (count)
			change.value = json_patch(st->mem, member, changes, count, 1);
		r = replace_file(st, ROOT, name, json_patch(st->mem, table, &change, 1, 0), &seen);
	} while (r == STORE_CHANGED);
	unlock(st);
	return r;
}

static store_result list_table(store *st, const char *name, str text_key, str time_key, store_entries *out)
{
	json *table;
	struct stat seen;
	bool damaged;
	store_result r = load_table(st, name, &table, &seen, &damaged);
	*out = (store_entries){ 0 };
	for (json *m = table ? table->child : NULL; m && r == STORE_OK; m = m->next) {
		if (m->kind != JSON_OBJECT)
			continue;
		ADD(st->mem, out) = (store_entry){
			.name = json_key(st->mem, m),
			.text = json_get_text(st->mem, m, text_key),
			.workspace = json_get_text(st->mem, m, S("workspacePath")),
			.origin = json_get_text(st->mem, m, S("registeredFrom")),
			.time = json_get_text(st->mem, m, time_key),
			.doc = m->raw,
		};
	}
	return r;
}

store_result store_list_agents(store *st, store_entries *out)
{
	return list_table(st, "registry.json", S("description"), S("registeredAt"), out);
}

store_result store_list_statuses(store *st, store_entries *out)
{
	return list_table(st, "status.json", S("status"), S("updatedAt"), out);
}

const store_entry *store_entry_named(const store_entries *list, str name)
{
	for (int i = 0; i < list->n; i++)
		if (str_eq(list->at[i].name, name))
			return &list->at[i];
	return NULL;
}

store_result store_register(store *st, store_entry *agent)
{
	json_change changes[] = {
		{ S("name"), json_quote(st->mem, agent->name) },
		{ S("workspacePath"), json_quote(st->mem, agent->workspace) },
		{ S("description"), json_quote(st->mem, agent->text) },
		{ S("registeredAt"), json_quote(st->mem, time_format(st->mem, time_now())) },
		{ S("registeredFrom"), json_quote(st->mem, agent->origin) },
	};
	agent->doc = json_patch(st->mem, NULL, changes, 5, 0);
	return edit_table(st, "registry.json", agent->name, changes, 5, false);
}

store_result store_set_status(store *st, str agent, str status, bool only_new)
{
	json_change changes[] = {
		{ S("agent"), json_quote(st->mem, agent) },
		{ S("status"), json_quote(st->mem, status) },
		{ S("updatedAt"), json_quote(st->mem, time_format(st->mem, time_now())) },
	};
	return edit_table(st, "status.json", agent, changes, 3, only_new);
}

store_result store_forget(store *st, str agent)
{
	store_result r = edit_table(st, "registry.json", agent, NULL, 0, false);
	return r == STORE_OK ? edit_table(st, "status.json", agent, NULL, 0, false) : r;
}

/* ==== Names ==== */

bool store_name_ok(str name)
{
	if (name.n < 1 || name.n > 64)
		return false;
	for (ptrdiff_t i = 0; i < name.n; i++) {
		char c = name.s[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
			return false;
	}
	return true;
}

/* A random version 4 UUID. */
static str new_id(arena *mem)
{
	unsigned char bytes[16];
	buf id = { .mem = mem };
	if (getentropy(bytes, sizeof bytes) < 0)
		return S("");
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf_char(&id, '-');
		buf_digits(&id, bytes[i], 16, 2);
	}
	return buf_str(&id);
}

static const char *file_name(store *st, str id, const char *tail)
{
	return arena_say(st->mem, "%S%s", id, tail).s;
}

/* ==== Messages ==== */

static const struct {
	str word;
	store_state state;
} states[] = {
	{ { "pending", 7 }, STORE_PENDING },
	{ { "escalated", 9 }, STORE_ESCALATED },
	{ { "acknowledged", 12 }, STORE_ACKNOWLEDGED },
	{ { "completed", 9 }, STORE_COMPLETED },
	{ { "read", 4 }, STORE_ACKNOWLEDGED },
};

static store_state state_of(str word)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (str_eq(word, states[i].word))
			return states[i].state;
	return STORE_PENDING;
}

/* Loads whom a message is from and to. */
static store_result load_parties(store *st, enum dir d, const char *name, store_message *m, json **doc,
				 struct stat *seen)
{
	store_result r = load(st, d, name, MAX_META, doc, seen);
	if (r != STORE_OK)
		return r;
	*m = (store_message){
		.from = json_get_text(st->mem, *doc, S("from")),
		.to = json_get_text(st->mem, *doc, S("to")),
		.archived = d == OLD_METAS,
	};
	return m->from.n && m->to.n ? r : failed(st, "read", path_in(st, d, name), 0);
}

static void rest_of(store *st, const json *doc, str id, store_message *m)
{
	const json *urgent = json_get(doc, S("urgent"));
	m->id = arena_copy(st->mem, id);
	m->subject = json_get_text(st->mem, doc, S("subject"));
	m->reply_to = json_get_text(st->mem, doc, S("replyTo"));
	m->reason = json_get_text(st->mem, doc, S("escalationReason"));
	m->spec = json_get_text(st->mem, doc, S("spec"));
	m->created = json_get_text(st->mem, doc, S("createdAt"));
	m->updated = json_get_text(st->mem, doc, S("updatedAt"));
	m->state = state_of(json_get_text(st->mem, doc, S("status")));
	m->urgent = urgent && urgent->kind == JSON_TRUE;
	m->doc = doc->raw;
}

static store_result load_meta(store *st, enum dir d, str id, store_message *m, json **doc, struct stat *seen)
{
	store_result r = load_parties(st, d, file_name(st, id, ".json"), m, doc, seen);
	if (r == STORE_OK)
		rest_of(st, *doc, id, m);
	return r;
}

/* Loads the meta of a whole id. The archived one counts where there are two;
 * a message may move between the first two looks, hence the third. */
static store_result load_message(store *st, str id, store_message *m, json **doc, struct stat *seen)
{
	store_result r = load_meta(st, OLD_METAS, id, m, doc, seen);
	if (r == STORE_ABSENT)
		r = load_meta(st, METAS, id, m, doc, seen);
	if (r == STORE_ABSENT)
		r = load_meta(st, OLD_METAS, id, m, doc, seen);
	return r;
}

static void put_meta_text(json_writer *w, const char *key, str text)
{
	if (text.n)
		json_member(w, str_of(key), text);
}

store_result store_send(store *st, store_message *m, str body)
{
	buf doc = { .mem = st->mem };
	json_writer w = { .out = &doc, .pretty = true };
	store_result r;
	m->id = new_id(st->mem);
	if (m->id.n == 0)
		return failed(st, "name a message in", st->root, errno);
	m->created = m->updated = time_format(st->mem, time_now());
	json_open(&w, '{');
	json_member(&w, S("id"), m->id);
	json_member(&w, S("from"), m->from);
	json_member(&w, S("to"), m->to);
	json_member(&w, S("subject"), m->subject);
	json_member(&w, S("status"), states[m->state].word);
	json_member(&w, S("createdAt"), m->created);
	json_member(&w, S("updatedAt"), m->updated);
	put_meta_text(&w, "replyTo", m->reply_to);
	put_meta_text(&w, "escalationReason", m->reason);
	put_meta_text(&w, "spec", m->spec);
	if (m->urgent) {
		json_name(&w, S("urgent"));
		json_raw(&w, S("true"));
	}
	json_close(&w, '}');
	m->doc = buf_str(&doc);
	r = replace_file(st, BODIES, file_name(st, m->id, ".md"), body, NULL);
	if (r == STORE_OK)
		r = replace_file(st, METAS, file_name(st, m->id, ".json"), m->doc, NULL);
	else
		st->fault.placed = false;  /* a body alone is not sent */
	return r;
}

static int by_age(const void *a, const void *b)
{
	const store_message *x = a, *y = b;
	int order = str_cmp(x->created, y->created);
	return order ? order : str_cmp(x->id, y->id);
}

static bool is_archived(store *st, str id)
{
	return is_there(st, OLD_METAS, file_name(st, id, ".json"), NULL) > 0;
}

/* ---- What a server remembers ----
 * Reading every meta at each look costs what there is; reading the names costs
 * a tenth of it. From whom and to whom a message is never changes, so a server
 * opens a file that it knows only for one of the two. */

struct store_known {
	const char *name;
	uint32_t hash;
	int from, to;                    /* in cache->agents */
};

static uint32_t hash_of(str s)
{
	uint32_t h = 2166136261u;
	for (ptrdiff_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.s[i]) * 16777619u;
	return h;
}

/* Where the name is, or would be. */
static struct store_known *known_slot(const store_cache *c, str name, uint32_t hash)
{
	uint32_t i = hash;
	for (;; i++) {
		struct store_known *k = &c->at[i & (uint32_t)(c->room - 1)];
		if (!k->name || (k->hash == hash && str_eq(str_of(k->name), name)))
			return k;
	}
}

static int known_agent(store_cache *c, str agent)
{
	for (int i = 0; i < c->agents.n; i++)
		if (str_eq(c->agents.at[i], agent))
			return i;
	ADD(&c->mem, &c->agents) = arena_copy(&c->mem, agent);
	return c->agents.n - 1;
}

static void remember(store_cache *c, str name, const store_message *m)
{
	uint32_t hash = hash_of(name);
	if (c->n * 2 >= c->room) {
		struct store_known *old = c->at;
		int old_room = c->room;
		c->room = old_room ? old_room * 2 : 64;
		c->at = NEW(&c->mem, struct store_known, c->room);
		for (int i = 0; i < old_room; i++)
			if (old[i].name)
				*known_slot(c, str_of(old[i].name), old[i].hash) = old[i];
	}
	*known_slot(c, name, hash) = (struct store_known){
		arena_z(&c->mem, name), hash, known_agent(c, m->from), known_agent(c, m->to),
	};
	c->n++;
}

static void forget_all(store_cache *c)
{
	arena_rewind(&c->mem, (arena){ 0 });
	*c = (store_cache){ 0 };
}

/* A cache knows one directory: the one that was moved here since is another. */
static void check_cache(store *st)
{
	struct stat now;
	store_cache *c = st->cache;
	int dir = dir_fd(st, METAS, false);
	if (dir < 0 || sys_fstat(dir, &now) < 0) {
		forget_all(c);
	} else if (c->inode != (uint64_t)now.st_ino || c->device != (uint64_t)now.st_dev) {
		forget_all(c);
		c->inode = (uint64_t)now.st_ino;
		c->device = (uint64_t)now.st_dev;
	}
}

/* Adds the messages of a directory to `to` and from `from` (both empty: all).
 * Most of them are others', so that who they are for is looked at first. */
static store_result scan(store *st, enum dir d, str to, str from, store_messages *out)
{
	names it;
	store_cache *cache = d == METAS && (to.n || from.n) ? st->cache : NULL;
	int seen_names = 0, to_known = cache ? known_agent(cache, to) : 0, from_known = cache ? known_agent(cache, from) : 0;
	if (!names_open(st, &it, d))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".json"))) {
		const struct store_known *k = cache && cache->n ? known_slot(cache, it.name, hash_of(it.name)) : NULL;
		bool is_known = k && k->name;
		arena mark = *st->mem;
		store_message m;
		json *doc;
		store_result r;
		seen_names++;
		if (is_known && k->to != to_known && k->from != from_known)
			continue;
		r = load_parties(st, d, it.name.s, &m, &doc, NULL);
		if (r == STORE_OK && cache && !is_known)
			remember(cache, it.name, &m);
		if (r == STORE_FAILED) {
			note_damage(st, st->fault.path);
			continue;
		}
		if (r != STORE_OK || !((to.n == 0 && from.n == 0) || str_eq(m.to, to) || str_eq(m.from, from)) ||
		    (d == METAS && is_archived(st, it.stem))) {
			arena_rewind(st->mem, mark);
			continue;
		}
		rest_of(st, doc, it.stem, &m);
		ADD(st->mem, out) = m;
	}
	if (cache && cache->n > 2 * seen_names + 1000)
		forget_all(cache);       /* most of what it knows is gone */
	return names_close(st, &it);
}

static void sort_by_age(store_messages *list)
{
	if (list->n)
		qsort(list->at, (size_t)list->n, sizeof *list->at, by_age);
}

store_result store_list_mail(store *st, str to, str from, store_messages *out)
{
	store_result r;
	*out = (store_messages){ 0 };
	if (st->cache)
		check_cache(st);
	r = scan(st, METAS, to, from, out);
	sort_by_age(out);
	return r;
}

store_result store_list_all(store *st, store_messages *out)
{
	store_result r;
	*out = (store_messages){ 0 };
	r = scan(st, METAS, S(""), S(""), out);
	if (r == STORE_OK)
		r = scan(st, OLD_METAS, S(""), S(""), out);
	sort_by_age(out);
	return r;
}

/* Adds to *id what the directory knows of the prefix. An id that is all of the
 * prefix wins over longer ones. */
static store_result match_ids(store *st, enum dir d, str prefix, str *id)
{
	names it;
	store_result r = STORE_OK;
	if (!names_open(st, &it, d))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".json"))) {
		if (!str_starts(it.stem, prefix) || str_eq(it.stem, *id))
			continue;
		if (id->n && !str_eq(it.stem, prefix))
			r = str_eq(*id, prefix) ? r : STORE_AMBIGUOUS;
		else
			*id = arena_copy(st->mem, it.stem);
	}
	return names_close(st, &it) == STORE_OK ? r : STORE_FAILED;
}

store_result store_find(store *st, str prefix, store_message *m)
{
	str id = { 0 };
	json *doc;
	struct stat seen;
	store_result live, old;
	if (prefix.n < 4)
		return STORE_ABSENT;
	live = match_ids(st, METAS, prefix, &id);
	if (live == STORE_FAILED)
		return live;
	old = match_ids(st, OLD_METAS, prefix, &id);
	if (old == STORE_FAILED || id.n == 0)
		return old == STORE_FAILED ? old : STORE_ABSENT;
	if (!str_eq(id, prefix) && (live == STORE_AMBIGUOUS || old == STORE_AMBIGUOUS))
		return STORE_AMBIGUOUS;
	return load_message(st, id, m, &doc, &seen);
}

store_result store_body(store *st, const store_message *m, int64_t offset, int64_t max, str *part,
			int64_t *total)
{
	const char *name = file_name(st, m->id, ".md");
	struct stat seen;
	store_result r = get(st, BODIES, name, offset, max, part, &seen);
	if (r == STORE_ABSENT)
		r = get(st, OLD_BODIES, name, offset, max, part, &seen);
	*total = r == STORE_OK ? (int64_t)seen.st_size : 0;
	return r;
}

store_result store_set_state(store *st, store_message *m, store_state to, unsigned from, const store_member *notes,
			int count)
{
	json_change *changes = NEW(st->mem, json_change, count + 2);
	str id = m->id;
	store_result r;
	changes[0] = (json_change){ S("status"), json_quote(st->mem, states[to].word) };
	changes[1] = (json_change){ S("updatedAt"), json_quote(st->mem, time_format(st->mem, time_now())) };
	for (int i = 0; i < count; i++)
		changes[i + 2] = (json_change){ notes[i].key, json_quote(st->mem, notes[i].text) };
	do {
		json *doc;
		struct stat seen;
		r = lock(st);
		if (r == STORE_OK)
			r = load_message(st, id, m, &doc, &seen);
		if (r != STORE_OK || !(from >> m->state & 1))
			break;
		m->doc = json_patch(st->mem, doc, changes, count + 2, 0);
		r = replace_file(st, m->archived ? OLD_METAS : METAS, file_name(st, id, ".json"), m->doc, &seen);
		m->state = to;
	} while (r == STORE_CHANGED);
	unlock(st);
	return r;
}

/* ==== The sweep ====
 * Archives what has been quiet for a day and finishes what others left half
 * done. It looks around without the lock and takes it for each batch, looking
 * at every message once more before it is moved. */

typedef struct {
	str *at;
	int n, room;
} id_list;

/* A rename that somebody else may have done already. */
static store_result move(store *st, enum dir from, const char *name, enum dir to, const char *as)
{
	int a = dir_fd(st, from, true), b = dir_fd(st, to, true);
	if (a < 0 || b < 0)
		return STORE_FAILED;
	if (sys_rename(a, name, b, as) == 0 || errno == ENOENT)
		return STORE_OK;
	return failed(st, "archive", path_in(st, from, name), errno);
}

static bool is_quiet(const store_message *m)
{
	int64_t since = time_parse(m->updated.n ? m->updated : m->created);
	return (m->state == STORE_COMPLETED || m->state == STORE_ACKNOWLEDGED) && since >= 0 &&
	       time_now() - since > QUIET_MS;
}

/* The archived meta counts: a second one is kept under a name that nobody reads. */
static store_result archive_meta(store *st, str id)
{
	const char *name = file_name(st, id, ".json");
	int there = is_there(st, OLD_METAS, name, NULL);
	if (there < 0)
		return STORE_FAILED;
	return move(st, METAS, name, OLD_METAS,
		    there ? arena_say(st->mem, "%s.superseded-%l", name, time_now()).s : name);
}

static store_result archive_message(store *st, str id)
{
	store_message m;
	json *doc;
	const char *body = file_name(st, id, ".md");
	store_result r = load_meta(st, METAS, id, &m, &doc, NULL);
	if (r == STORE_OK && !is_quiet(&m) && !is_archived(st, id))
		return STORE_OK;
	if (r == STORE_OK && archive_meta(st, id) != STORE_OK)
		return STORE_FAILED;
	return r == STORE_FAILED ? STORE_OK : move(st, BODIES, body, OLD_BODIES, body);
}

static store_result archive_batch(store *st, const str *id, int n)
{
	static const enum dir changed[] = { OLD_METAS, METAS, OLD_BODIES, BODIES };
	store_result r = lock(st);
	for (int i = 0; i < n && r == STORE_OK; i++) {
		arena mark = *st->mem;
		r = archive_message(st, id[i]);
		if (r == STORE_OK)
			arena_rewind(st->mem, mark);
	}
	for (size_t i = 0; i < sizeof changed / sizeof *changed && r == STORE_OK; i++) {
		int fd = dir_fd(st, changed[i], true);
		if (fd < 0 || fsync_retry(fd) < 0)
			r = failed(st, "sync", path_in(st, changed[i], ""), errno);
	}
	unlock(st);
	return r;
}

/* A quiet message, or a meta that stands in both places. */
static bool is_quiet_meta(store *st, str id)
{
	store_message m;
	json *doc;
	return load_meta(st, METAS, id, &m, &doc, NULL) == STORE_OK && (is_quiet(&m) || is_archived(st, id));
}

/* A body without a meta: half archived, or never sent and old. */
static bool is_orphan(store *st, str id)
{
	int64_t age;
	return is_there(st, METAS, file_name(st, id, ".json"), NULL) <= 0 &&
	       (is_archived(st, id) ||
		(is_there(st, BODIES, file_name(st, id, ".md"), &age) > 0 && age > ORPHAN_MS));
}

static bool find_due(store *st, enum dir d, str tail, bool (*is_due)(store *, str), id_list *due)
{
	names it;
	if (!names_open(st, &it, d))
		return false;
	while (names_next(&it, S(""), tail)) {
		arena mark = *st->mem;
		bool take = is_due(st, it.stem);
		arena_rewind(st->mem, mark);
		if (take)
			ADD(st->mem, due) = arena_copy(st->mem, it.stem);
	}
	return names_close(st, &it) == STORE_OK;
}

/* Temp files of writers that died. */
static void drop_old_temps(store *st, enum dir d)
{
	names it;
	int64_t age;
	if (!names_open(st, &it, d))
		return;
	while (names_next(&it, S(".tmp-"), S("")))
		if (is_there(st, d, it.name.s, &age) > 0 && age > ORPHAN_MS)
			sys_unlink(dir_fd(st, d, false), it.name.s, 0);
	names_close(st, &it);
}

static bool is_sweep_due(store *st)
{
	int64_t age;
	return is_there(st, ARCHIVE, ".swept", &age) <= 0 || age < 0 || age >= SWEEP_MS;
}

/* Takes this hour's sweep for us, if it is due and nobody else has. */
static bool claim_sweep(store *st)
{
	int fd;
	bool due;
	if (dir_fd(st, METAS, false) < 0 || !is_sweep_due(st) || dir_fd(st, ARCHIVE, true) < 0 || lock(st) != STORE_OK)
		return false;
	due = is_sweep_due(st);
	fd = due ? open_retry(st->fd[ARCHIVE], ".swept", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK) : -1;
	if (fd >= 0) {
		due = sys_touch(fd, NULL) == 0;
		close(fd);
	}
	unlock(st);
	return due && fd >= 0;
}

store_result store_sweep(store *st)
{
	id_list due = { 0 };
	store_result r = STORE_OK;
	if (!claim_sweep(st))
		return STORE_OK;
	for (int d = ROOT; d < PAST; d++)
		drop_old_temps(st, (enum dir)d);
	if (!find_due(st, METAS, S(".json"), is_quiet_meta, &due) || !find_due(st, BODIES, S(".md"), is_orphan, &due))
		return STORE_FAILED;
	for (int i = 0; i < due.n && r == STORE_OK; i += BATCH)
		r = archive_batch(st, due.at + i, due.n - i < BATCH ? due.n - i : BATCH);
	return r;
}

/* The one place where mail is deleted, at the human's word. The meta goes first:
 * what is left at any stop is a text that nobody shows. */
store_result store_prune(store *st, int64_t older_ms, int *count)
{
	store_messages all = { 0 };
	store_result r = lock(st);
	*count = 0;
	if (r != STORE_OK)
		return r;
	r = scan(st, OLD_METAS, S(""), S(""), &all);
	for (int i = 0; i < all.n && r == STORE_OK; i++) {
		const store_message *m = &all.at[i];
		int64_t touched = time_parse(m->updated);
		const char *meta = file_name(st, m->id, ".json");
		if (touched < 0 || time_now() - touched < older_ms)
			continue;
		if (sys_unlink(dir_fd(st, OLD_METAS, false), meta, 0) < 0)
			r = failed(st, "delete", path_in(st, OLD_METAS, meta), errno);
		else if (dir_fd(st, OLD_BODIES, false) >= 0)
			sys_unlink(dir_fd(st, OLD_BODIES, false), file_name(st, m->id, ".md"), 0);
		*count += r == STORE_OK;
	}
	unlock(st);
	return r;
}

/* ==== News ====
 * What each session of an agent was told of: the ids, less those that are read
 * by now, and the state of messages-meta/ when it was looked at. A directory
 * that has not changed since holds no news, which costs one stat to know; but
 * a change in the same tick of the clock as the look would not show, so that
 * the stamp counts only if it was 2 s old at the look. */

typedef struct {
	int64_t changed, looked;         /* ns and ms; changed 0: there may be untold mail */
	str ids;                         /* a line each */
} told;

static const char *told_name(store *st, str agent, str session)
{
	if (store_name_ok(session))
		return arena_say(st->mem, "%S@%S", agent, session).s;
	return arena_say(st->mem, session.n ? "%S@+%l" : "%S@none", agent, (int64_t)hash_of(session)).s;
}

static void read_told(store *st, const char *name, told *out)
{
	struct stat seen;
	str text, line;
	*out = (told){ .ids = S("") };
	if (get(st, ANNOUNCED, name, 0, MAX_FILE, &text, &seen) != STORE_OK)
		return;
	line = str_cut(&text, '\n');
	if (str_int(str_cut(&line, ' '), &out->changed) && str_int(line, &out->looked))
		out->ids = text;
}

/* In ns; 0: there is no such directory; -1: it cannot be told, with the fault set. */
static int64_t metas_changed(store *st)
{
	struct stat now;
	int dir = dir_fd(st, METAS, false);
	if (dir < 0)
		return st->fault.error == ENOENT ? 0 : -1;
	if (sys_fstat(dir, &now) < 0) {
		failed(st, "look at", path_in(st, METAS, ""), errno);
		return -1;
	}
	return (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec;
}

/* Goes through the agent's mail: what is news, and what the session will have
 * been told of when it has them. A file that was passed over may be mail yet. */
static store_result sort_news(store *st, str agent, const told *before, unsigned which, store_messages *news,
			      bool *all_told, buf *ids)
{
	store_messages mail;
	str next = before->ids;
	store_result r = store_list_mail(st, agent, S(""), &mail);
	*all_told = st->damaged == 0;
	for (int i = 0; i < mail.n && r == STORE_OK; i++) {
		const store_message *m = &mail.at[i];
		bool old = text_has_line(before->ids, m->id, &next);
		if (m->state != STORE_PENDING)
			continue;
		if (!old && (which & STORE_URGENT) && !m->urgent) {
			*all_told = false;
			continue;
		}
		if (!old || (which & STORE_ALL))
			ADD(st->mem, news) = *m;
		buf_say(ids, "%S\n", m->id);
	}
	return r;
}

store_result store_list_news(store *st, str agent, str session, unsigned which, store_messages *news)
{
	const char *name = told_name(st, agent, session);
	told before;
	buf ids = { .mem = st->mem };
	int64_t changed = metas_changed(st), looked = time_now();
	bool all_told;
	str text;
	store_result r;
	*news = (store_messages){ 0 };
	read_told(st, name, &before);
	if (changed < 0)
		return STORE_FAILED;
	if (!changed || !store_name_ok(agent) ||
	    (!(which & STORE_ALL) && before.changed == changed && before.looked - before.changed / 1000000 > YOUNG_MS))
		return STORE_OK;
	r = lock(st);
	if (r != STORE_OK)
		return r;
	read_told(st, name, &before);
	r = sort_news(st, agent, &before, which, news, &all_told, &ids);
	text = arena_say(st->mem, "%l %l\n%S", all_told ? changed : (int64_t)0, looked, buf_str(&ids));
	if (r == STORE_OK)
		r = replace_file(st, ANNOUNCED, name, text, NULL);
	unlock(st);
	return r == STORE_FAILED && st->fault.placed ? STORE_OK : r;  /* it need not survive a power cut */
}

int store_claim_wait(store *st, str agent, str session)
{
	const char *name = arena_say(st->mem, ".wait-%s", told_name(st, agent, session)).s;
	int dir = dir_fd(st, ANNOUNCED, true), error;
	int fd = dir < 0 ? -1 : open_retry(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
	if (dir >= 0 && fd < 0)
		failed(st, "open", path_in(st, ANNOUNCED, name), errno);
	if (fd < 0)
		return -2;
	error = sys_flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
	if (error != EWOULDBLOCK)
		return fd;               /* held, or on a file system without locks */
	sys_close(fd);
	return -1;
}

int store_watch(store *st)
{
#ifdef __linux__
	int fd = dir_fd(st, METAS, true) < 0 ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd >= 0 && inotify_add_watch(fd, arena_z(st->mem, path_in(st, METAS, "")),
					 IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
		close(fd);
		return -1;
	}
	return fd;
#else
	(void)st;
	return -1;
#endif
}

/* ==== The doctor ====
 * Looks at every file of the layout and says what is not as it should be.
 * Mending means moving aside, under a name that nobody reads. */

static void find_defect(store *st, store_findings *out, str path, store_defect what)
{
	ADD(st->mem, out) = (store_finding){ .path = path, .what = what };
}

/* What a failure to read a file says of it. */
static store_defect defect_of(const store_fault *f)
{
	bool not_file = f->error == EISDIR || f->error == EINVAL || f->error == ELOOP || f->error == EMLINK;
	return f->error == 0 ? STORE_TORN : not_file ? STORE_NOT_A_FILE : STORE_UNREADABLE;
}

static void check_file(store *st, enum dir d, const char *name, bool is_meta, bool fix, store_findings *out)
{
	store_message m;
	json *doc;
	struct stat seen;
	str ignored, id = is_meta ? (str){ name, (ptrdiff_t)strlen(name) - 5 } : S("");
	int64_t age;
	const char *body = file_name(st, id, ".md");
	store_result r = !is_meta ? get(st, d, name, 0, 1, &ignored, &seen)
		       : d == METAS || d == OLD_METAS ? load_meta(st, d, id, &m, &doc, &seen)
						      : load(st, d, name, MAX_TABLE, &doc, &seen);
	if (r == STORE_OK && is_meta && (d == METAS || d == OLD_METAS) && is_there(st, BODIES, body, NULL) == 0 &&
	    is_there(st, OLD_BODIES, body, NULL) == 0)
		find_defect(st, out, path_in(st, d, name), STORE_NO_BODY);
	if (r != STORE_FAILED)
		return;
	find_defect(st, out, path_in(st, d, name), defect_of(&st->fault));
	if (fix && out->at[out->n - 1].what != STORE_UNREADABLE && is_there(st, d, name, &age) > 0 && age > YOUNG_MS)
		out->at[out->n - 1].fixed = set_aside(st, d, name) == STORE_OK;
}

static void check_dir(store *st, enum dir d, bool fix, store_findings *out)
{
	bool metas = d == METAS || d == OLD_METAS;
	struct stat seen = { 0 };
	names it;
	if (dir_fd(st, d, false) < 0) {
		if (st->fault.error != ENOENT)
			find_defect(st, out, path_in(st, d, ""), STORE_NOT_A_DIR);
		return;
	}
	if (fstat(st->fd[d], &seen) == 0 && seen.st_uid != geteuid())
		find_defect(st, out, path_in(st, d, ""), STORE_NOT_OURS);
	else if (seen.st_mode & (S_IWGRP | S_IWOTH))
		find_defect(st, out, path_in(st, d, ""), STORE_WRITABLE);
	if (d == ROOT) {
		check_file(st, d, ".lock", false, fix, out);
		check_file(st, d, "registry.json", true, fix, out);
		check_file(st, d, "status.json", true, fix, out);
	}
	if (d == PAST)
		check_file(st, d, "index.json", true, fix, out);
	if (d == ROOT || d == ARCHIVE || !names_open(st, &it, d))
		return;
	while (names_next(&it, S(""), metas ? S(".json") : d == HISTORY ? S("") : S(".md")))
		if (d == HISTORY) {
			use_past(st, it.name);
			check_dir(st, PAST, fix, out);
		} else {
			check_file(st, d, arena_z(st->mem, it.name), metas, fix, out);
		}
	if (names_close(st, &it) != STORE_OK)
		find_defect(st, out, path_in(st, d, ""), STORE_UNREADABLE);
}

store_result store_check(store *st, bool fix, store_findings *out)
{
	store_result r = STORE_OK;
	*out = (store_findings){ 0 };
	if (fix && dir_fd(st, ROOT, false) >= 0) {
		check_file(st, ROOT, ".lock", false, true, out);
		r = lock(st);
	}
	if (r != STORE_OK)
		return r;
	for (int d = ROOT; d < PAST; d++)
		check_dir(st, (enum dir)d, fix, out);
	unlock(st);
	return STORE_OK;
}

/* ==== Specs ==== */

enum { MAX_HEAD = 1024 };

/* Reads "<!-- Published by: P at T -->" and the empty line after it. */
static void read_head(str text, store_spec *spec)
{
	static const char start[] = "<!-- Published by: ", end[] = " -->";
	str line, rest = text;
	line = str_cut(&rest, '\n');
	if (!str_starts(line, S(start)) || !str_ends(line, S(end)))
		return;
	line = str_from(line, (ptrdiff_t)sizeof start - 1);
	line.n -= (ptrdiff_t)sizeof end - 1;
	for (ptrdiff_t i = line.n - 4; i >= 0; i--) {
		if (!str_starts(str_from(line, i), S(" at ")))
			continue;
		spec->publisher = (str){ line.s, i };
		spec->published = str_from(line, i + 4);
		break;
	}
	if (rest.n && rest.s[0] == '\n')
		rest = str_from(rest, 1);
	spec->head = rest.s - text.s;
}

static store_result load_spec(store *st, enum dir d, const char *file, store_spec *out)
{
	str head;
	struct stat seen;
	store_result r = get(st, d, file, 0, MAX_HEAD, &head, &seen);
	if (r != STORE_OK)
		return r;
	out->past = d == PAST;
	read_head(head, out);
	out->size = (int64_t)seen.st_size - out->head;
	return STORE_OK;
}

/* The whole current file. An empty one that is young is being written over by a
 * program that writes in place. */
static store_result load_text(store *st, const char *file, str *text, struct stat *seen)
{
	for (;;) {
		store_result r = get(st, SPECS, file, 0, MAX_FILE, text, seen);
		if (r != STORE_OK || text->n || age_of(seen) > YOUNG_MS || st->naps >= READER_NAPS)
			return r;
		nap(1 << st->naps++);
	}
}

/* ---- The history of one spec ---- */

typedef struct {
	store_specs versions;
	store_readers readers;
} history;

static const char *version_file(store *st, int64_t version)
{
	return arena_say(st->mem, "%l.md", version).s;
}

static int64_t newest(const history *h)
{
	return h->versions.n ? h->versions.at[h->versions.n - 1].version : 0;
}

/* The agent's entry, which is made where there is none. */
static store_reader *reader_of(store *st, history *h, str agent)
{
	for (int i = 0; i < h->readers.n; i++)
		if (str_eq(h->readers.at[i].agent, agent))
			return &h->readers.at[i];
	ADD(st->mem, &h->readers) = (store_reader){ .agent = agent };
	return &h->readers.at[h->readers.n - 1];
}

static int by_version(const void *a, const void *b)
{
	int64_t x = ((const store_spec *)a)->version, y = ((const store_spec *)b)->version;
	return (x > y) - (x < y);
}

/* Without an index, or with a damaged one, the texts say what there was. */
static store_result rebuild(store *st, history *h)
{
	names it;
	if (!names_open(st, &it, PAST))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".md"))) {
		store_spec v = { .note = S("") };
		if (str_int(it.stem, &v.version) && v.version > 0 &&
		    load_spec(st, PAST, arena_z(st->mem, it.name), &v) == STORE_OK)
			ADD(st->mem, &h->versions) = v;
	}
	if (h->versions.n)
		qsort(h->versions.at, (size_t)h->versions.n, sizeof *h->versions.at, by_version);
	return names_close(st, &it);
}

static store_result load_history(store *st, history *h)
{
	json *doc = NULL, *list;
	struct stat seen;
	store_result r = load(st, PAST, "index.json", MAX_TABLE, &doc, &seen);
	*h = (history){ 0 };
	if (r == STORE_ABSENT || (r == STORE_FAILED && st->fault.error == 0))
		return rebuild(st, h);
	list = json_get(doc, S("versions"));
	for (json *v = list && list->kind == JSON_ARRAY ? list->child : NULL; v; v = v->next) {
		store_spec spec = { .publisher = json_get_text(st->mem, v, S("publisher")),
				    .published = json_get_text(st->mem, v, S("publishedAt")),
				    .note = json_get_text(st->mem, v, S("note")) };
		json *number = json_get(v, S("version"));
		if (number && str_int(number->raw, &spec.version) && spec.version > newest(h))
			ADD(st->mem, &h->versions) = spec;
	}
	list = json_get(doc, S("readers"));
	for (json *m = list && list->kind == JSON_OBJECT ? list->child : NULL; m; m = m->next) {
		int64_t version;
		if (str_int(m->raw, &version))
			reader_of(st, h, json_key(st->mem, m))->version = version;
	}
	return r;
}

static store_result save_history(store *st, const history *h)
{
	buf doc = { .mem = st->mem };
	json_writer w = { .out = &doc, .pretty = true };
	json_open(&w, '{');
	json_name(&w, S("versions"));
	json_open(&w, '[');
	for (int i = 0; i < h->versions.n; i++) {
		const store_spec *v = &h->versions.at[i];
		json_open(&w, '{');
		json_name(&w, S("version"));
		json_raw(&w, arena_say(st->mem, "%l", v->version));
		json_member(&w, S("publisher"), v->publisher);
		json_member(&w, S("publishedAt"), v->published);
		json_member(&w, S("note"), v->note);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_name(&w, S("readers"));
	json_open(&w, '{');
	for (int i = 0; i < h->readers.n; i++) {
		json_name(&w, h->readers.at[i].agent);
		json_raw(&w, arena_say(st->mem, "%l", h->readers.at[i].version));
	}
	json_close(&w, '}');
	json_close(&w, '}');
	return replace_file(st, PAST, "index.json", buf_str(&doc), NULL);
}

/* Is the current text the newest version that the history has? Where it cannot
 * be told, nothing may be concluded from it. */
static store_result is_newest(store *st, str text, const history *h, bool *same)
{
	struct stat seen;
	str kept = S("");
	store_result r = get(st, PAST, version_file(st, newest(h)), 0, MAX_FILE, &kept, &seen);
	*same = newest(h) && r == STORE_OK && str_eq(kept, text);
	return r == STORE_ABSENT ? STORE_OK : r;
}

/* A version that the index does not know: it is older than the texts, or its
 * writer died. It keeps its number. */
static bool next_text(store *st, history *h)
{
	store_spec v = { .note = S(""), .version = newest(h) + 1 };
	bool found = load_spec(st, PAST, version_file(st, v.version), &v) == STORE_OK;
	if (found)
		ADD(st->mem, &h->versions) = v;
	return found;
}

/* Under the lock: what was written past us gets the next number. *seen is the
 * current file (st_ino 0: absent). */
static store_result adopt(store *st, str name, history *h, struct stat *seen)
{
	const char *file = file_name(st, name, ".md");
	store_spec v = { .note = S("") };
	str text;
	bool same = false, found = false;
	store_result r = load_history(st, h);
	*seen = (struct stat){ 0 };
	if (r == STORE_OK)
		r = load_text(st, file, &text, seen);
	if (r != STORE_OK || text.n == 0)
		return r == STORE_ABSENT ? STORE_OK : r;
	while ((r = is_newest(st, text, h, &same)) == STORE_OK && !same && next_text(st, h))
		found = true;
	if (r != STORE_OK || same)
		return r == STORE_OK && found ? save_history(st, h) : r;
	read_head(text, &v);
	v.version = newest(h) + 1;
	ADD(st->mem, &h->versions) = v;
	r = replace_file(st, PAST, version_file(st, v.version), text, NULL);
	return r == STORE_OK ? save_history(st, h) : r;
}

/* Brings the history up to date if it has to be; a store that cannot be
 * written is read all the same. */
static store_result current_history(store *st, str name, history *h)
{
	struct stat seen;
	str text;
	bool same = false;
	int wait;
	store_result r = load_text(st, file_name(st, name, ".md"), &text, &seen);
	use_past(st, name);
	if (r != STORE_OK)
		return r;
	if (load_history(st, h) == STORE_OK && is_newest(st, text, h, &same) == STORE_OK && same)
		return STORE_OK;
	wait = st->lock_ms;
	st->lock_ms = 1;                 /* a reader waits for nobody */
	if (st->lock < 0 && lock(st) == STORE_OK) {
		adopt(st, name, h, &seen);
		unlock(st);
	}
	st->lock_ms = wait;
	return STORE_OK;
}

/* The current spec, with what the history says of it. */
static store_result load_current(store *st, str name, const history *h, store_spec *out)
{
	store_result r;
	*out = (store_spec){ .name = arena_copy(st->mem, name), .note = S(""), .version = 1 };
	r = load_spec(st, SPECS, file_name(st, name, ".md"), out);
	if (r == STORE_OK && h->versions.n) {
		out->version = newest(h);
		out->note = h->versions.at[h->versions.n - 1].note;
	}
	return r;
}

static bool spec_is_there(store *st, str name)
{
	names it;
	bool found = false;
	if (store_name_ok(name))
		return true;             /* opening it will tell */
	if (!names_open(st, &it, SPECS))
		return false;
	while (!found && names_next(&it, S(""), S(".md")))
		found = str_eq(it.stem, name);
	names_close(st, &it);
	return found;
}

/* A name that breaks the rule is looked for among the names that are there,
 * and has no history. */
store_result store_find_spec(store *st, str name, int64_t version, store_spec *out)
{
	history h = { 0 };
	store_result r;
	if (!spec_is_there(st, name))
		return STORE_ABSENT;
	r = store_name_ok(name) ? current_history(st, name, &h) : STORE_OK;
	if (r == STORE_OK)
		r = load_current(st, name, &h, out);
	if (r != STORE_OK || version == 0 || version == out->version)
		return r;
	for (int i = 0; i < h.versions.n; i++) {
		if (h.versions.at[i].version != version)
			continue;
		*out = h.versions.at[i];
		out->name = name;
		return load_spec(st, PAST, version_file(st, version), out);
	}
	return STORE_ABSENT;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const store_spec *)a)->name, ((const store_spec *)b)->name);
}

store_result store_list_specs(store *st, store_specs *out)
{
	names it;
	store_result r;
	*out = (store_specs){ 0 };
	if (!names_open(st, &it, SPECS))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".md"))) {
		store_spec spec;
		r = store_find_spec(st, arena_copy(st->mem, it.stem), 0, &spec);
		if (r == STORE_FAILED)
			note_damage(st, st->fault.path);
		if (r != STORE_OK)
			continue;
		ADD(st->mem, out) = spec;
	}
	if (out->n)
		qsort(out->at, (size_t)out->n, sizeof *out->at, by_name);
	return names_close(st, &it);
}

store_result store_spec_text(store *st, const store_spec *spec, int64_t offset, int64_t max, str *part)
{
	struct stat seen;
	if (spec->past)
		use_past(st, spec->name);
	return get(st, spec->past ? PAST : SPECS,
		   spec->past ? version_file(st, spec->version) : file_name(st, spec->name, ".md"),
		   spec->head + offset, max, part, &seen);
}

/* Under the lock. The text goes into the history before it becomes current, so
 * that a reader who sees it can always ask for it again. */
static store_result publish(store *st, store_spec *spec, str content, int64_t base, store_spec *before)
{
	history h = { 0 };
	buf text = { .mem = st->mem };
	const char *file = file_name(st, spec->name, ".md");
	struct stat seen;
	str old;
	store_result r;
	use_past(st, spec->name);
	r = adopt(st, spec->name, &h, &seen);
	if (r != STORE_OK)
		return r;
	r = load_current(st, spec->name, &h, before);
	if (r == STORE_ABSENT)
		*before = (store_spec){ .name = spec->name, .version = newest(&h) };
	else if (r != STORE_OK)
		return r;
	else if (store_spec_text(st, before, 0, MAX_FILE, &old) == STORE_OK && str_eq(old, content))
		return STORE_SAME;
	if (base && base != before->version)
		return STORE_CONFLICT;
	spec->published = time_format(st->mem, time_now());
	spec->version = newest(&h) + 1;
	spec->size = content.n;
	buf_say(&text, "<!-- Published by: %S at %S -->\n\n", spec->publisher, spec->published);
	spec->head = text.n;
	buf_add(&text, content);
	ADD(st->mem, &h.versions) = *spec;
	r = replace_file(st, PAST, version_file(st, spec->version), buf_str(&text), NULL);
	st->fault.placed = false;        /* a version that is not current yet */
	if (r == STORE_OK)
		r = replace_file(st, SPECS, file, buf_str(&text), &seen);
	if (r == STORE_CHANGED)          /* it will have another number */
		sys_unlink(dir_fd(st, PAST, false), version_file(st, spec->version), 0);
	if (r != STORE_OK)
		return r;
	r = save_history(st, &h);
	st->fault.placed = r != STORE_OK;
	return r;
}

store_result store_publish(store *st, store_spec *spec, str content, int64_t base, store_spec *before)
{
	store_result r;
	if (!store_name_ok(spec->name))
		return STORE_BAD_NAME;
	do {
		r = lock(st);
		if (r == STORE_OK)
			r = publish(st, spec, content, base, before);
	} while (r == STORE_CHANGED);
	unlock(st);
	return r;
}

store_result store_list_readers(store *st, str name, store_readers *out)
{
	history h;
	store_result r;
	*out = (store_readers){ 0 };
	if (!store_name_ok(name))
		return STORE_OK;
	use_past(st, name);
	r = load_history(st, &h);
	*out = h.readers;
	return r;
}

store_result store_note_reader(store *st, str name, str agent, int64_t version)
{
	history h;
	store_result r;
	if (!store_name_ok(name))
		return STORE_OK;
	use_past(st, name);
	r = load_history(st, &h);
	if (r != STORE_OK || reader_of(st, &h, agent)->version >= version)
		return r;
	r = lock(st);
	if (r != STORE_OK)
		return r;
	r = load_history(st, &h);
	if (r == STORE_OK && reader_of(st, &h, agent)->version < version) {
		reader_of(st, &h, agent)->version = version;
		r = save_history(st, &h);
	}
	unlock(st);
	return r;
}

/* ==== Signals ====
 * A file in the recipient's workspace tells whoever watches that mail is there.
 * It tells only: it may fail or be deleted without harm, so it is not synced. */

static int open_workspace(arena *mem, str workspace)
{
	if (!str_starts(workspace, S("/")) || memchr(workspace.s, '\0', (size_t)workspace.n))
		return -1;
	return open_retry(AT_FDCWD, arena_z(mem, workspace), open_dir_flags);
}

bool store_workspace_here(arena *mem, str workspace)
{
	int fd = open_workspace(mem, workspace);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Steps from a directory into one below it, which must not be a link. */
static int step_into(int parent, const char *name, bool make)
{
	int fd;
	if (parent < 0)
		return -1;
	if (make)
		sys_mkdir(parent, name, 0700);
	fd = open_retry(parent, name, open_dir_flags | O_NOFOLLOW);
	close(parent);
	return fd;
}

static bool write_new(int dir, const char *name, str text)
{
	int fd = open_retry(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return errno != EEXIST;
	write_all(fd, text);
	sys_close(fd);
	return true;
}

static int open_inbox(arena *mem, str workspace, bool make)
{
	int fd = step_into(step_into(open_workspace(mem, workspace), ".claude", make), "inbox", make);
	if (fd >= 0 && make)
		write_new(fd, ".gitignore", S("*\n"));
	return fd;
}

void store_signal(arena *mem, str workspace, str from, str line)
{
	int inbox = store_name_ok(from) ? open_inbox(mem, workspace, true) : -1;
	int64_t ms = time_now();
	if (inbox < 0)
		return;
	for (int tries = 0; tries < 100; tries++) {
		if (write_new(inbox, arena_say(mem, "%S-%l.signal", from, ms + tries).s, line))
			break;
	}
	close(inbox);
}

void store_clear_signals(arena *mem, str workspace)
{
	int inbox = open_inbox(mem, workspace, false);
	names it = { 0 };
	if (inbox < 0)
		return;
	it.dir = fdopendir(inbox);
	while (names_next(&it, S(""), S(".signal")))
		sys_unlink(inbox, it.name.s, 0);
	if (it.dir)
		closedir(it.dir);
	else
		close(inbox);
}

str store_make_inbox(arena *mem, str workspace)
{
	int inbox = open_inbox(mem, workspace, true);
	if (inbox < 0)
		return S("");
	close(inbox);
	return arena_say(mem, "%S/.claude/inbox", workspace);
}

/* ==== Other people's directories ==== */

store_result store_write_file(arena *mem, str dir, const char *name, str text, store_fault *fault)
{
	store st;
	store_result r;
	store_open(&st, mem, dir);
	r = replace_file(&st, ROOT, name, text, NULL);
	*fault = st.fault;
	store_close(&st);
	return r;
}

store_result store_read_file(arena *mem, str dir, const char *name, str *text)
{
	store st;
	struct stat seen;
	store_result r;
	*text = S("");
	store_open(&st, mem, dir);
	r = get(&st, ROOT, name, 0, MAX_FILE, text, &seen);
	store_close(&st);
	return r;
}

/* ==== Presence ====
 * A server that speaks for an agent keeps a file locked. The kernel drops the
 * lock when the process ends, however it ends, so that alive means: the lock
 * cannot be taken. Others try with a shared lock, so that two that look at the
 * same time do not take each other for the owner. Nothing here is synced: it
 * tells of processes, and those do not survive a power cut. */

int store_appear(store *st, store_presence *p)
{
	int dir = store_name_ok(p->agent) ? dir_fd(st, LIVE, true) : -1, fd;
	str mark = store_random(st->mem, 4);
	const char *temp = arena_say(st->mem, ".tmp-%S", mark).s;
	const char *name = arena_say(st->mem, "%S.%S", p->agent, mark).s;
	buf doc = { .mem = st->mem };
	json_writer w = { .out = &doc, .pretty = true };
	if (dir < 0 || mark.n == 0)
		return -1;
	p->file = str_of(name);
	json_open(&w, '{');
	json_name(&w, S("pid"));
	json_raw(&w, arena_say(st->mem, "%l", p->pid));
	json_member(&w, S("client"), p->client);
	json_member(&w, S("session"), p->session);
	json_member(&w, S("workspace"), p->workspace);
	json_member(&w, S("since"), time_format(st->mem, time_now()));
	json_close(&w, '}');
	fd = open_retry(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (sys_flock(fd, LOCK_EX | LOCK_NB) == 0 && write_all(fd, buf_str(&doc)) == 0 &&
	    sys_rename(dir, temp, dir, name) == 0)
		return fd;
	sys_close(fd);
	sys_unlink(dir, temp, 0);
	return -1;
}

bool store_touch(store *st, int presence, str file)
{
	int dir = dir_fd(st, LIVE, false);
	return dir >= 0 && same_inode(presence, dir, arena_z(st->mem, file)) && sys_touch(presence, NULL) == 0;
}

/* "<agent>.<8 hex>" */
static str agent_of(str name)
{
	str agent = { name.s, name.n - 9 };
	return name.n > 9 && name.s[agent.n] == '.' && store_name_ok(agent) ? agent : (str){ 0 };
}

static bool look_at(store *st, const char *name, store_presence *p)
{
	json *doc;
	struct stat seen;
	int fd;
	if (load(st, LIVE, name, MAX_META, &doc, &seen) != STORE_OK ||
	    open_file(st, LIVE, name, &fd, &seen) != STORE_OK)
		return false;
	*p = (store_presence){
		.agent = arena_copy(st->mem, agent_of(str_of(name))),
		.file = str_of(name),
		.client = json_get_text(st->mem, doc, S("client")),
		.session = json_get_text(st->mem, doc, S("session")),
		.workspace = json_get_text(st->mem, doc, S("workspace")),
		.since = time_parse(json_get_text(st->mem, doc, S("since"))),
		.seen = time_now() - age_of(&seen),
		.alive = sys_flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK,
	};
	const json *pid = json_get(doc, S("pid"));
	if (pid)
		str_int(pid->raw, &p->pid);
	sys_close(fd);
	return p->agent.n > 0;
}

/* Is there one of the same agent that says more than this one, which is gone? */
static bool is_outdated(const store_presences *all, int i)
{
	for (int k = 0; k < all->n; k++)
		if (k != i && str_eq(all->at[k].agent, all->at[i].agent) &&
		    (all->at[k].alive || all->at[k].seen > all->at[i].seen || (k > i && all->at[k].seen == all->at[i].seen)))
			return !all->at[i].alive;
	return false;
}

store_result store_list_presence(store *st, store_presences *out)
{
	names it;
	int kept = 0;
	*out = (store_presences){ 0 };
	if (!names_open(st, &it, LIVE))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(""))) {
		const char *name = arena_z(st->mem, it.name);
		store_presence p;
		if (look_at(st, name, &p))
			ADD(st->mem, out) = p;
	}
	store_presence *found = NEW(st->mem, store_presence, out->n + 1);
	for (int i = 0; i < out->n; i++) {
		if (is_outdated(out, i))
			sys_unlink(dir_fd(st, LIVE, false), out->at[i].file.s, 0);
		else
			found[kept++] = out->at[i];
	}
	*out = (store_presences){ found, kept, kept };
	return names_close(st, &it);
}
