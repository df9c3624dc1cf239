/* store.c: the mailbox on disk.
 *
 *   registry.json                  {"<name>": {name, workspacePath, description, registeredAt}}
 *   status.json                    {"<name>": {agent, status, updatedAt}}
 *   messages/<id>.md               the body, byte for byte
 *   messages-meta/<id>.json        {id, from, to, subject, status, createdAt, updatedAt,
 *                                   replyTo?, escalationReason?}
 *   specs/<name>.md                "<!-- Published by: P at T -->", an empty line, the content
 *   archive/messages, archive/messages-meta    the same pair, moved
 *   specs/.history/<name>/<n>.md   every version, the current one too: the same head, with
 *                                  "<!-- Note: N -->" as its second line where there is a note
 *   specs/.history/<name>/readers.json   {"<agent>": {agent, version, readAt}}
 *   live/<name>.<8 hex>            locked by a server that speaks for the agent, while it runs
 *   live/.parties                  from and to of many messages, so that a look need not open them
 *   announced/<name>@<session>     the unread messages that a client's session was told of
 *   .draft-<verb>@<target>.md      what a person has written in an editor, until it is sent
 *   .lock                          what writers of shared files hold
 *   archive/.swept                 its mtime is the last sweep
 *
 * live/, announced/ and .lock may be deleted at any time. The rest is the whole
 * truth: no index can disagree with it. Another program writes these files too,
 * without locks and in place; it sees ours in its own format, and keys that we
 * do not know survive our writes.
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
 *    and renamed over it, and the directory synced (replace_file). Only our own
 *    temp files are ever unlinked; bodies and metas are only moved.
 *  - Reading needs no lock. Reading and writing back happens under the lock,
 *    with a last look for a foreign writer before the rename.
 *  - Every stop, at any system call, leaves a state of the table above.
 *  - A caller's name becomes a file name only after store_name_ok, or by being
 *    found in a directory; nothing below the root is followed if it is a link.
 *
 * Rooms, in this order: the kernel; faults, time and chance; directories; names
 * in a directory; reading a file; the lock; replacing a file; tables; presence;
 * agents and statuses; messages; finding mail; the sweep; what a session was
 * told; specs; the doctor; signals; other people's directories. Start with
 * replace_file, then store_send and store_list_mail: the rest serves them.
 *
 * It knows no protocol and formats no text for people. Systems differ in a few lines after
 * #if: Linux has inotify and tells the kind of a file system, macOS syncs a disk with F_FULLFSYNC
 * and has another name for st_mtim, EFTYPE is not everywhere. */

#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE          /* flock, getentropy */
#endif
#ifndef _TIME_BITS
#define _FILE_OFFSET_BITS 64     /* large inodes and times after 2038, with 32 bits too */
#define _TIME_BITS 64
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
#include <sys/vfs.h>
#endif
#ifdef __APPLE__
#include <sys/random.h>
#define st_mtim st_mtimespec
#endif
#ifndef EFTYPE
#define EFTYPE ELOOP
#endif

/* ==== The kernel ====
 * Every call that touches the disk goes through these names, so that a test build can let the k-th
 * of them fail or be the last thing the process does. */

#ifdef STORE_SYS
#include STORE_SYS
#else
#define sys_open openat
#define sys_mkdir mkdirat
#define sys_read pread
#define sys_write write
#define sys_truncate ftruncate
#define sys_fsync fsync
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
#define sys_events read
#endif
#if defined(F_FULLFSYNC) && !defined(sys_full_sync)
#define sys_full_sync(fd) fcntl(fd, F_FULLFSYNC)
#endif

enum {
	MAX_META = 1024 * 1024,          /* of a meta file: a subject takes 1 KB, a reason 8 */
	MAX_TABLE = 64 * 1024 * 1024,    /* of a table, read or written: 100,000 agents */
	MAX_FILE = 16 * 1024 * 1024,     /* of a spec, or of a file that is not of the store */
	HEAD_BYTES = 1024,               /* of a spec: who published it, and when */
	YOUNG_MS = 2000,                 /* a broken file this young is still being written */
	READER_NAPS = 7,                 /* 1 + 2 + ... + 64 ms in all for one request */
	TABLE_NAPS = 10,                 /* a second: without the registry nothing can be said,
					    nor without the text of a spec */
	WRITER_NAPS = 12,                /* past YOUNG_MS: a writer must tell damage for sure */
	ABSENT_NAPS = 3,                 /* 1 + 2 + 4 ms, for what is absent while it is replaced */
	LOCK_MS = 8000,                  /* a batch of a sweep takes one; clients wait 60 */
	RECORD_NAPS = 9,                 /* for the lock of what a session was told: 0.5 s in all */
	SWEEP_MS = 3600 * 1000,
	QUIET_MS = 24 * 3600 * 1000,     /* until the archive, as in the original */
	ORPHAN_MS = 36 * 3600 * 1000,    /* until a dead writer's file is given up, as in Maildir */
	MOMENT_MS = 60 * 1000,           /* a sign of life counts so long where no lock is seen */
	UUID_LENGTH = 36,
	IDS_LISTED = 10,                 /* of those that a prefix fits */
	SHORT_ID = 8,                    /* letters of an id that are shown, if they are enough */
	BATCH = 100                      /* messages archived under one hold of the lock */
};

static const int64_t WEEK_MS = 7 * (int64_t)QUIET_MS;

/* It has changed between reading and writing: do it anew. No caller sees it. */
static const store_result CHANGED = (store_result)(STORE_FAILED + 1);

const str store_human = { "human", 5 };

/* ==== Faults, time and chance ==== */

static store_result failed(store *st, const char *doing, str path, int error)
{
	st->fault = (store_fault){ .doing = doing, .path = path, .error = error,
				   .why = error == ELOOP ? "it is a link" : NULL };
	return STORE_FAILED;
}

static void note_damage(store *st, str path)
{
	for (int i = 0; i < st->damaged; i++)
		if (str_eq(st->damaged_paths[i], path))
			return;
	st->damaged_paths = arena_more(st->mem, st->damaged_paths, st->damaged,
				       &st->damaged_room, sizeof path);
	st->damaged_paths[st->damaged++] = path;
}

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

str time_format(arena *mem, int64_t ms)
{
	int64_t part = (ms % 1000 + 1000) % 1000;   /* before 1970, too */
	time_t seconds = (time_t)((ms - part) / 1000);
	struct tm t;
	char text[32];
	buf b = { .mem = mem };
	gmtime_r(&seconds, &t);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &t);
	buf_add(&b, str_of(text));
	buf_digits(&b, (uint64_t)part, 10, 3);
	buf_char(&b, 'Z');
	return buf_str(&b);
}

int64_t time_parse(str time)
{
	static const char shape[] = "0000-00-00T00:00:00.000Z";
	int part[8] = { 0 }, field = 0;
	const ptrdiff_t whole = sizeof shape - 1, short_one = whole - 4;
	if (time.n != whole && time.n != short_one)  /* others write no milliseconds */
		return -1;
	for (ptrdiff_t i = 0; i < time.n; i++) {
		bool digit = time.s[i] >= '0' && time.s[i] <= '9';
		char wanted = i == time.n - 1 ? 'Z' : shape[i];
		if (digit != (wanted == '0') || (!digit && time.s[i] != wanted))
			return -1;
		if (digit)
			part[field] = part[field] * 10 + (time.s[i] - '0');
		else
			field++;
	}
	struct tm t = {
		.tm_year = part[0] - 1900, .tm_mon = part[1] - 1, .tm_mday = part[2],
		.tm_hour = part[3], .tm_min = part[4], .tm_sec = part[5],
	};
	return (int64_t)timegm(&t) * 1000 + part[6];
}

/* Now, for createdAt: messages of one process are never of the same moment, and a clock that is set
 * back does not shuffle them. */
static int64_t next_moment(void)
{
	static int64_t last;
	int64_t now = time_now();
	last = now > last ? now : last + 1;
	return last;
}

/* A file's time can be set to any; those beyond the years 1677 and 2262 count as these. */
static int64_t mtime_ns(const struct stat *file)
{
	const int64_t most = INT64_MAX / 1000000000 - 1;
	int64_t s = file->st_mtim.tv_sec;
	if (s > most)
		s = most;
	if (s < -most)
		s = -most;
	return s * 1000000000 + file->st_mtim.tv_nsec;
}

static int64_t age_of(const struct stat *file)
{
	return time_now() - mtime_ns(file) / 1000000;
}

/* Written a moment ago, or, if clocks differ, a moment from now. */
static bool is_young(const struct stat *file)
{
	int64_t age = age_of(file);
	return age <= YOUNG_MS && age >= -YOUNG_MS;
}

static void nap(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	nanosleep(&t, NULL);
}

/* What it makes is our user's alone. A link that is not followed is ELOOP, whatever FreeBSD
 * (EMLINK) and NetBSD (EFTYPE) call it. */
static int open_retry(int dir, const char *name, int flags)
{
	int fd;
	do
		fd = sys_open(dir, name, flags | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && (errno == EMLINK || errno == EFTYPE))
		errno = ELOOP;
	return fd;
}

/* At most 16 random bytes. A sandbox may refuse the system call. */
static bool random_bytes(unsigned char *to, size_t n)
{
	int fd;
	ssize_t got;
	if (getentropy(to, n) == 0)
		return true;
	fd = open_retry(AT_FDCWD, "/dev/urandom", O_RDONLY);
	if (fd < 0)
		return false;
	got = read(fd, to, n);
	sys_close(fd);
	return got == (ssize_t)n;
}

str store_random(arena *mem, int bytes)
{
	unsigned char raw[16];
	buf hex = { .mem = mem };
	if (!random_bytes(raw, (size_t)bytes))
		return S("");
	for (int i = 0; i < bytes; i++)
		buf_digits(&hex, raw[i], 16, 2);
	return buf_str(&hex);
}

/* A random version 4 UUID; empty: there is no chance to be had. */
static str new_id(arena *mem)
{
	static const int dashes = 1 << 4 | 1 << 6 | 1 << 8 | 1 << 10;
	unsigned char bytes[16];
	buf id = { .mem = mem };
	if (!random_bytes(bytes, sizeof bytes))
		return S("");
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (dashes >> i & 1)
			buf_char(&id, '-');
		buf_digits(&id, bytes[i], 16, 2);
	}
	return buf_str(&id);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Eight bytes at a step: a look hashes every name. For this machine only. */
static uint64_t hash_of(str s)
{
	uint64_t h = (uint64_t)s.n * 0x9e3779b97f4a7c15u, word;
	for (ptrdiff_t i = 0; i < s.n; i += 8) {
		word = 0;
		if (s.n - i >= 8)
			memcpy(&word, s.s + i, 8);
		else
			memcpy(&word, s.s + i, (size_t)(s.n - i));
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return h;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool store_name_ok(str name)
{
	if (name.n < 1 || name.n > 64 || !is_alnum(name.s[0]))
		return false;
	for (ptrdiff_t i = 1; i < name.n; i++)
		if (!is_alnum(name.s[i]) && (!name.s[i] || !strchr("._-", name.s[i])))
			return false;
	return true;
}

/* ==== Directories ====
 * Opened when first needed and closed with the request, so that a store that was moved away or made
 * anew in between is simply the one that is there. */

enum dir {
	ROOT, BODIES, METAS, SPECS, ARCHIVE, OLD_BODIES, OLD_METAS, LIVE, ANNOUNCED,
	HISTORY, PAST, DIRS
};

static const struct {
	const char *name;
	enum dir parent;
} dirs[DIRS] = {
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

_Static_assert(DIRS <= sizeof((store *)0)->fd / sizeof(int), "a store has room for each directory");

static const int open_dir_flags = O_RDONLY | O_DIRECTORY;

void store_open(store *st, arena *mem, str root)
{
	*st = (store){ .mem = mem, .root = root, .lock = -1 };
	for (int i = 0; i < DIRS; i++)
		st->fd[i] = -1;
}

static void close_dirs(store *st)
{
	for (int i = 0; i < DIRS; i++) {
		if (st->fd[i] >= 0)
			close(st->fd[i]);
		st->fd[i] = -1;
	}
}

void store_close(store *st)
{
	close_dirs(st);
	if (st->lock >= 0)
		close(st->lock);
	st->lock = -1;
	store_index_release(&st->own_index);
}

static const char *dir_name(const store *st, enum dir d)
{
	const char *name = d == PAST ? st->past : dirs[d].name;
	must(name != NULL);              /* each has its row; and of whose past is there talk? */
	return name;
}

static str path_in(store *st, enum dir d, const char *name)
{
	str in = d == ROOT ? st->root : path_in(st, dirs[d].parent, dir_name(st, d));
	return *name ? arena_say(st->mem, "%S/%s", in, name) : in;
}

/* A process of root gives what it makes to the owner of the directory `in`, so that after one
 * `sudo` the store is still its user's. The name is seen from `at`. */
static int give_away(int in, int at, const char *name)
{
	struct stat dir;
	if (geteuid() != 0)
		return 0;
	if (sys_fstat(in, &dir) < 0)
		return -1;
	if (dir.st_uid == 0)
		return 0;
	return sys_chown(at, name, dir.st_uid, dir.st_gid, AT_SYMLINK_NOFOLLOW);
}

static int fsync_retry(int fd)
{
	int r;
#ifdef sys_full_sync
	do                               /* of a disk that has it; else the plain one decides */
		r = sys_full_sync(fd);
	while (r < 0 && errno == EINTR);
	if (r == 0 || (errno != ENOTSUP && errno != EINVAL && errno != ENOTTY))
		return r;
#endif
	do
		r = sys_fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Some file systems cannot sync a directory; there the rename is all there is. */
static int sync_dir(store *st, int fd)
{
	if (fsync_retry(fd) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOTSUP && errno != ENOSYS)
		return -1;
	st->no_dir_sync = true;
	return 0;
}

/* Makes one directory in the one open as `in`; a durable one outlives a power cut. */
static int make_dir(store *st, int in, int at, const char *name, bool durable)
{
	if (sys_mkdir(at, name, 0700) < 0 && errno != EEXIST)
		return -1;
	if (give_away(in, at, name) < 0)
		return -1;
	return durable ? sync_dir(st, in) : 0;
}

/* Makes the root and what is missing above it, one step down after the other. A directory above may
 * be one that can be passed, but not opened. */
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
			if (errno != ENOENT)
				return -1;
			fd = open_retry(AT_FDCWD, arena_z(st->mem, above), open_dir_flags);
			if (fd < 0)
				return -1;
			r = make_dir(st, fd, AT_FDCWD, name, true);
			error = errno;
			sys_close(fd);
			errno = error;
			if (r < 0)
				return -1;
		}
		above = path;
	}
	return 0;
}

/* Can another user write what stands in this directory? Root may act for whoever owns it. Sets the
 * fault. */
static bool distrust(store *st, int root)
{
	struct stat dir;
	const char *why = NULL;
	if (sys_fstat(root, &dir) < 0)
		return false;
	if (dir.st_uid != geteuid() && geteuid() != 0)
		why = "it belongs to another user; set INTERAGENT_DIR to a directory of your own";
	else if (dir.st_mode & S_IWOTH)
		why = "every user can write what is in it; chmod o-w helps";
	if (why)
		st->fault = (store_fault){
			.doing = "use", .path = st->root, .error = EPERM, .why = why,
		};
	return why;
}

/* The directory's descriptor; -1 with the fault set. A directory that is not there and is not to be
 * made is ENOENT. */
static int dir_fd(store *st, enum dir d, bool make)
{
	int parent = AT_FDCWD, fd, made, flags = open_dir_flags;
	const char *name = dir_name(st, d);
	if (st->fd[d] >= 0)
		return st->fd[d];
	if (d == ROOT)
		name = arena_z(st->mem, st->root);
	else if ((parent = dir_fd(st, dirs[d].parent, make)) < 0)
		return -1;
	else
		flags |= O_NOFOLLOW;
	fd = open_retry(parent, name, flags);
	if (fd < 0 && errno == ENOENT && make) {
		made = d == ROOT ? make_root(st) :
		       make_dir(st, parent, parent, name, d != LIVE && d != ANNOUNCED);
		if (made < 0) {
			failed(st, "make", path_in(st, d, ""), errno);
			return -1;
		}
		fd = open_retry(parent, name, flags);
	}
	if (fd < 0)
		failed(st, "open", path_in(st, d, ""), errno);
	else if (d == ROOT && !st->trusting && distrust(st, fd)) {
		sys_close(fd);
		fd = -1;
	}
	return st->fd[d] = fd;
}

bool store_is_safe(store *st)
{
	int root = dir_fd(st, ROOT, false);
	return root < 0 || !distrust(st, root);
}

/* Makes `name` the spec whose history is PAST. */
static void use_past(store *st, str name)
{
	if (st->fd[PAST] >= 0)
		sys_close(st->fd[PAST]);
	st->fd[PAST] = -1;
	st->past = arena_z(st->mem, name);
}

/* Opens a name in a directory. Over NFS a directory that another host replaced answers ESTALE: then
 * all are opened anew, once. -1 with errno. */
static int open_in(store *st, enum dir d, const char *name, int flags)
{
	for (int tries = 0;; tries++) {
		int dir = dir_fd(st, d, false), fd;
		if (dir < 0) {
			errno = st->fault.error;
			return -1;
		}
		fd = open_retry(dir, name, flags | O_NOFOLLOW | O_NONBLOCK);
		if (fd >= 0 || errno != ESTALE || tries > 0)
			return fd;
		close_dirs(st);
	}
}

/* Opens or makes a small file of ours for locking or writing. -1 with the fault. What another name
 * keeps, that of a snapshot of links, is not written over: the file is made anew. */
static int open_own(store *st, enum dir d, const char *name, int flags)
{
	int dir = dir_fd(st, d, true), fd;
	struct stat seen;
	if (dir < 0)
		return -1;
	flags |= O_CREAT | O_NOFOLLOW | O_NONBLOCK;
	fd = open_retry(dir, name, flags);
	if (fd >= 0 && sys_fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_nlink > 1) {
		sys_close(fd);
		sys_unlink(dir, name, 0);
		fd = open_retry(dir, name, flags);
	}
	if (fd >= 0 && give_away(dir, dir, name) == 0)
		return fd;
	failed(st, "open", path_in(st, d, name), errno);
	if (fd >= 0)
		sys_close(fd);
	return -1;
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

/* The next name that starts and ends as wanted. Names with a leading dot are skipped unless `head`
 * has one. */
static bool names_next(names *it, str head, str tail)
{
	struct dirent *entry;
	errno = 0;
	while (it->dir && (entry = sys_readdir(it->dir))) {
		it->name = str_of(entry->d_name);
		it->stem = (str){ it->name.s, it->name.n - tail.n };
		if ((head.n || it->name.s[0] != '.') && str_starts(it->name, head) &&
		    str_ends(it->name, tail))
			return true;
		errno = 0;
	}
	it->error = it->dir ? errno : 0;
	return false;
}

/* Ends the walk. A directory that could not be read to its end is a failure: what was not seen must
 * not be taken for absent. */
static store_result names_close(store *st, names *it)
{
	if (it->dir)
		closedir(it->dir);
	it->dir = NULL;
	return it->error ? failed(st, "list", path_in(st, it->in, ""), it->error) : STORE_OK;
}

/* ==== Reading a file ====
 * Whatever stands where a file should be, a FIFO, a device or a link, it gets an answer. */

/* A table or a spec that is absent while its directory just changed may be so only for the moment
 * in which a file system replaces it: sleeps, if it is to be looked for again. */
static bool may_reappear(store *st, enum dir d)
{
	struct stat in;
	if ((d != ROOT && d != SPECS) || st->naps >= ABSENT_NAPS ||
	    sys_fstat(st->fd[d], &in) < 0 || !is_young(&in))
		return false;
	nap(1 << st->naps++);
	return true;
}

static store_result open_file(store *st, enum dir d, const char *name, int *fd, struct stat *seen)
{
	int error = 0;
	if (dir_fd(st, d, false) < 0)    /* the fault is the directory's */
		return st->fault.error == ENOENT ? STORE_ABSENT : STORE_FAILED;
	for (;;) {
		*fd = open_in(st, d, name, O_RDONLY);
		if (*fd >= 0 || errno != ENOENT)
			break;
		if (!may_reappear(st, d))
			return STORE_ABSENT;
	}
	if (*fd < 0)
		return failed(st, "open", path_in(st, d, name), errno);
	if (sys_fstat(*fd, seen) < 0)
		error = errno;
	else if (!S_ISREG(seen->st_mode))
		error = S_ISDIR(seen->st_mode) ? EISDIR : EINVAL;
	if (error == 0)
		return STORE_OK;
	sys_close(*fd);
	failed(st, "read", path_in(st, d, name), error);
	if (error == EINVAL)
		st->fault.why = "it is not a regular file";
	return STORE_FAILED;
}

/* Reads up to `max` bytes from `offset`. False with errno. */
static bool read_open(store *st, int fd, int64_t offset, int64_t max, const struct stat *seen,
		      str *text)
{
	int64_t left = least((int64_t)seen->st_size - offset, max);
	ssize_t got = 1;
	if (left < 0)
		left = 0;
	char *s = arena_new(st->mem, (ptrdiff_t)left + 1);
	*text = (str){ s, 0 };
	while (text->n < left && got != 0) {
		ptrdiff_t n = text->n;
		got = sys_read(fd, s + n, (size_t)(left - n), (off_t)(offset + n));
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0)
			text->n += got;
	}
	return true;
}

/* What another host replaced under our hands over NFS (ESTALE) is opened anew, once. */
static store_result get(store *st, enum dir d, const char *name, int64_t offset, int64_t max,
			str *text, struct stat *seen)
{
	for (int tries = 0;; tries++) {
		int fd, error;
		store_result r = open_file(st, d, name, &fd, seen);
		if (r == STORE_OK) {
			error = read_open(st, fd, offset, max, seen, text) ? 0 : errno;
			sys_close(fd);
			if (error)
				r = failed(st, "read", path_in(st, d, name), error);
		}
		if (r != STORE_FAILED || st->fault.error != ESTALE || tries > 0)
			return r;
	}
}

/* Does it exist? 1: yes, and *seen is set; 0: no; -1: unknown, with the fault set. */
static int is_there(store *st, enum dir d, const char *name, struct stat *seen)
{
	int dir = dir_fd(st, d, false);
	if (dir < 0)
		return st->fault.error == ENOENT ? 0 : -1;
	if (sys_stat(dir, name, seen, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	failed(st, "look at", path_in(st, d, name), errno);
	return -1;
}

/* The first element or member of a value of this kind, which may be NULL. */
static json *first_of(const json *value, enum json_kind kind)
{
	return value && value->kind == kind ? value->child : NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && mtime_ns(a) == mtime_ns(b);
}

/* The object in a text. On damage *value (maybe NULL) has the members before it. */
static bool read_object(store *st, str text, json **value)
{
	json_error error;
	*value = json_read(st->mem, text, JSON_STORED, &error);
	return !error.what && (*value)->kind == JSON_OBJECT;
}

/* Reads a JSON object. A foreign program may be rewriting the file in place, so an empty or broken
 * file younger than 2 s is retried with growing pauses; so is an empty one of any age, because its
 * size can be seen before its mtime. Older broken files are damaged: *value (maybe NULL) has the
 * members before the damage. `seen` may be NULL. */
static store_result load(store *st, enum dir d, const char *name, int64_t max, json **value,
			 struct stat *seen)
{
	str text;
	struct stat first = { 0 }, own = { 0 };
	bool to_write = seen && st->lock >= 0;
	if (!seen)
		seen = &own;
	for (;;) {
		/* 1. Read it. */
		store_result r = get(st, d, name, 0, max, &text, seen);
		int most = READER_NAPS;
		if (r != STORE_OK)
			return r;
		/* 2. Whole? Then that is it. */
		if (seen->st_size <= max && read_object(st, text, value))
			return STORE_OK;
		/* 3. An old broken file is damaged, unless it changed since its stat. */
		if (!is_young(seen) && seen->st_size > 0) {
			if (same_file(&first, seen))
				return failed(st, "read", path_in(st, d, name), 0);
			first = *seen;
			continue;
		}
		/* 4. Else wait for its writer, a writer longer than a reader. */
		if (is_young(seen) && to_write)
			most = WRITER_NAPS;
		else if (is_young(seen) && d == ROOT)
			most = TABLE_NAPS;
		if (st->naps >= most)
			return failed(st, "read", path_in(st, d, name), 0);
		nap(1 << st->naps++);
	}
}

/* ==== The lock ====
 * flock on a file of its own, because the files that it guards are replaced, and on the root's own
 * descriptor, because anybody may delete a lock file but nobody can delete the root without the
 * store being another one. The kernel drops both when their holder dies, however that happens. On a
 * file system without locks we go on without: unique names and renames still hold. */

/* Is what we have open still what stands there? Anybody may delete a lock file, between our open
 * and our flock too. */
static bool same_inode(int fd, int dir, const char *name)
{
	struct stat mine, now;
	return sys_fstat(fd, &mine) == 0 && sys_stat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == now.st_ino && mine.st_dev == now.st_dev;
}

/* Takes a lock without waiting. 0, or EWOULDBLOCK where another has it. Whatever else flock says
 * means that there are no locks here. */
static int try_lock(store *st, int fd, int how)
{
	int r;
	do
		r = sys_flock(fd, how | LOCK_NB);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EWOULDBLOCK)
		return EWOULDBLOCK;
	st->no_locks = st->no_locks || r < 0;
	return 0;
}

static bool holds_lock(store *st)
{
	return st->lock >= 0 && same_inode(st->lock, dir_fd(st, ROOT, false), ".lock");
}

static void unlock(store *st)
{
	if (st->lock < 0)
		return;
	if (st->fd[ROOT] >= 0)
		sys_flock(st->fd[ROOT], LOCK_UN);
	close(st->lock);
	st->lock = -1;
}

/* Takes the lock, with growing pauses; anew where the file that is held was deleted since. */
static store_result lock(store *st)
{
	int root = dir_fd(st, ROOT, true), pause = 1;
	int64_t until = clock_ms() + (st->lock_ms ? st->lock_ms : LOCK_MS);
	if (root < 0)
		return STORE_FAILED;
	if (holds_lock(st))
		return STORE_OK;
	unlock(st);
	for (;;) {
		int fd = open_own(st, ROOT, ".lock", O_RDWR);
		if (fd < 0)
			return STORE_FAILED;
		if (try_lock(st, fd, LOCK_EX) == 0 && same_inode(fd, root, ".lock") &&
		    try_lock(st, root, LOCK_EX) == 0) {
			st->lock = fd;
			return STORE_OK;
		}
		close(fd);
		if (clock_ms() >= until || (st->stop && *st->stop)) {
			failed(st, "lock", path_in(st, ROOT, ".lock"), EAGAIN);
			return STORE_BUSY;
		}
		nap(pause);
		pause = (int)least(pause * 2, 50);
	}
}

/* ==== Replacing a file ==== */

/* Is the file still what it was when it was read into *seen (st_ino 0: absent)? 1: yes, 0: no, -1:
 * unknown, with errno. */
static int unchanged(int dir, const char *name, const struct stat *seen)
{
	struct stat now;
	if (sys_stat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0)
		return seen->st_ino != 0 && same_file(seen, &now);
	return errno == ENOENT ? seen->st_ino == 0 : -1;
}

static int write_all(int fd, str text)
{
	while (text.n) {
		ssize_t n = sys_write(fd, text.s, (size_t)text.n);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			text = str_from(text, n);
	}
	return 0;
}

static const struct stat never;          /* for replace_file: there must be no such file */

/* Gives the temp file its name. One that nobody may have is given by a link, because a rename takes
 * it from a host that does not see our lock: EEXIST. Some file systems have no links. */
static int place(int dir, const char *temp, const char *name, const struct stat *seen)
{
	if (seen == &never) {
		if (sys_link(dir, temp, dir, name, 0) == 0) {
			if (sys_unlink(dir, temp, 0) < 0)
				sys_unlink(dir, temp, 0); /* one failure leaves no temp file */
			return 0;
		}
		if (errno == EEXIST)
			return -1;
	}
	return sys_rename(dir, temp, dir, name);
}

/* The one function that writes a file of the store. On STORE_OK the content survives a power cut.
 * On failure the old file is untouched and the temp file is gone; the one exception is
 * fault.placed: the new file is in place but not synced. With `seen` (what the text was made from)
 * a file that has changed since is left alone, and so is one whose lock was deleted: CHANGED. */
static store_result replace_file(store *st, enum dir d, const char *name, str text,
				 const struct stat *seen)
{
	int dir = dir_fd(st, d, true), fd, same, error;
	const char *temp = arena_say(st->mem, ".tmp-%S", store_random(st->mem, 8)).s;
	mode_t mode = seen && seen->st_ino ? seen->st_mode & 0777 : 0600;
	if (dir < 0)
		return STORE_FAILED;

	/* 1. The new content, beside the old: a crash leaves a temp file. */
	fd = open_retry(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return failed(st, "write", path_in(st, d, name), errno);
	if (write_all(fd, text) < 0 || give_away(dir, dir, temp) < 0)
		goto close;
	if (mode != 0600 && sys_chmod(fd, mode) < 0)
		goto close;

	/* 2. Onto the disk, before a name leads to it. */
	if (fsync_retry(fd) < 0)
		goto close;
	if (sys_close(fd) < 0)
		goto fail;

	/* 3. The last look for a foreign writer, and the rename. */
	if (seen) {
		same = unchanged(dir, name, seen);
		if (same < 0)
			goto fail;
		if (same == 0 || (st->lock >= 0 && !holds_lock(st)))
			goto changed;
	}
	if (place(dir, temp, name, seen) < 0) {
		if (seen == &never && errno == EEXIST)
			goto changed;
		goto fail;
	}

	/* 4. The name onto the disk. After a failure nothing can be taken back. */
	if (sync_dir(st, dir) == 0)
		return STORE_OK;
	failed(st, "sync the directory of", path_in(st, d, name), errno);
	st->fault.placed = true;
	return STORE_FAILED;

changed:
	sys_unlink(dir, temp, 0);
	return CHANGED;
close:
	error = errno;
	sys_close(fd);
	errno = error;
fail:
	error = errno;
	sys_unlink(dir, temp, 0);
	return failed(st, "write", path_in(st, d, name), error);
}

/* ==== Tables ====
 * A JSON object of records: registry.json, status.json, and each spec's readers.json. One entry is
 * read, changed and written back under the lock. */

/* Reads a table; a damaged one gives what stood before the damage, and an absent one nothing. */
static store_result load_table(store *st, enum dir d, const char *name, json **table,
			       struct stat *seen, bool *damaged)
{
	store_result r;
	*table = NULL;
	*seen = (struct stat){ 0 };
	r = load(st, d, name, MAX_TABLE, table, seen);
	*damaged = r == STORE_FAILED && st->fault.error == 0;
	if (*damaged)
		note_damage(st, st->fault.path);
	return *damaged || r == STORE_ABSENT ? STORE_OK : r;
}

/* Is an entry of a table an object, whose texts are texts? Null is as good as none. */
static bool is_record(store *st, const json *entry)
{
	static const char *const texts[] = {
		"name", "workspacePath", "description", "registeredAt", "registeredFrom", "agent",
		"status", "updatedAt",
	};
	for (const json *m = first_of(entry, JSON_OBJECT); m; m = m->next)
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			if (m->kind != JSON_STRING && m->kind != JSON_NULL &&
			    str_eq(json_key(st->mem, m), str_of(texts[i])))
				return false;
	return entry->kind == JSON_OBJECT;
}

/* A name beside it for what is damaged. */
static const char *quarantine_name(store *st, const char *name)
{
	return arena_say(st->mem, "%s.damaged-%l", name, time_now()).s;
}

/* Keeps a damaged table beside the one that the next writer makes. Until that is in place it stays
 * where it is, because its first members are still good. */
static store_result keep_damaged(store *st, enum dir d, const char *name)
{
	int dir = dir_fd(st, d, true);
	const char *beside = quarantine_name(st, name);
	struct stat seen;
	str text;
	store_result r;
	if (sys_link(dir, name, dir, beside, 0) == 0 || errno == EEXIST)
		return sync_dir(st, dir) == 0 ? STORE_OK :
		       failed(st, "sync the directory of", path_in(st, d, beside), errno);
	r = get(st, d, name, 0, MAX_TABLE, &text, &seen);   /* no hard links here: a copy */
	if (r == STORE_OK)
		r = replace_file(st, d, beside, text, NULL);
	return r;
}

static json *new_object(store *st, const store_member *members, int count)
{
	json *doc = NULL;
	for (int i = 0; i < count; i++)
		doc = json_with_text(st->mem, doc, members[i].key, members[i].text);
	return doc;
}

enum edit { SET, SET_NEW, REMOVE };

/* Under the lock: sets the members of an object in the table's entry `key`, or takes the entry
 * away. With SET_NEW an entry that exists stays as it is. *entry is what then is stored. May be
 * CHANGED. */
static store_result edit_table(store *st, enum dir d, const char *name, str key, enum edit how,
			       const json *members, json **entry)
{
	struct stat seen;
	bool damaged;
	json *table;
	str text;
	store_result r = load_table(st, d, name, &table, &seen, &damaged);
	if (r != STORE_OK)
		return r;
	*entry = json_get(table, key);
	if (*entry && !is_record(st, *entry))
		damaged = true;
	if ((how == SET_NEW && *entry) || (how == REMOVE && !*entry))
		return STORE_OK;
	for (const json *m = first_of(members, JSON_OBJECT); m; m = m->next)
		*entry = json_with(st->mem, *entry, json_key(st->mem, m), m->raw);
	text = how == REMOVE ? S("") : json_format(st->mem, *entry, 1);
	text = json_format(st->mem, json_with(st->mem, table, key, text), 0);
	if (text.n > MAX_TABLE)          /* no reader would take it */
		return failed(st, "write", path_in(st, d, name), EFBIG);
	if (damaged)
		r = keep_damaged(st, d, name);
	if (r == STORE_OK)
		r = replace_file(st, d, name, text, &seen);
	return r;
}

/* The same with the lock taken, and again for as long as somebody interferes. */
static store_result edit_record(store *st, enum dir d, const char *name, str key, enum edit how,
				const json *members, store_record *out)
{
	store_record ignored;
	store_result r;
	if (!out)
		out = &ignored;
	out->name = key;
	do {
		r = lock(st);
		if (r == STORE_OK)
			r = edit_table(st, d, name, key, how, members, &out->doc);
	} while (r == CHANGED);
	unlock(st);
	return r;
}

static store_result list_table(store *st, enum dir d, const char *name, store_records *out)
{
	json *table;
	struct stat seen;
	bool damaged;
	store_result r = load_table(st, d, name, &table, &seen, &damaged);
	*out = (store_records){ 0 };
	if (r == STORE_FAILED)
		note_damage(st, st->fault.path);
	for (json *m = first_of(table, JSON_OBJECT); m && r == STORE_OK; m = m->next) {
		if (m->kind == JSON_OBJECT)
			ADD(st->mem, out) = (store_record){ json_key(st->mem, m), m };
		if (!is_record(st, m))
			note_damage(st, path_in(st, d, name));
	}
	return r;
}

const store_record *store_named(const store_records *list, str name)
{
	for (int i = 0; i < list->n; i++)
		if (str_eq(list->at[i].name, name))
			return &list->at[i];
	return NULL;
}

/* ==== Presence ====
 * A server that speaks for an agent keeps a file locked. The kernel drops the lock when the process
 * ends, however it ends: alive means that the lock cannot be taken. Others try with a shared lock,
 * or two that look at the same time would take each other for the owner. Nothing here is synced: it
 * tells of processes, and those do not survive a power cut. */

static str host_name(arena *mem)
{
	char name[256] = "";
	gethostname(name, sizeof name - 1);
	return arena_copy(mem, str_of(name));
}

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
	json_say(&w, "{pid:%l,client:%S,session:%S,socket:%S,workspace:%S,host:%S,since:%S}",
		 p->pid, p->client, p->session, p->socket, p->workspace, host_name(st->mem),
		 time_format(st->mem, time_now()));
	fd = open_retry(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (try_lock(st, fd, LOCK_EX) == 0 && write_all(fd, json_done(&w)) == 0 &&
	    give_away(dir, dir, temp) == 0 && sys_rename(dir, temp, dir, name) == 0)
		return fd;
	sys_close(fd);
	sys_unlink(dir, temp, 0);
	return -1;
}

bool store_touch(store *st, int presence, str file)
{
	int dir = dir_fd(st, LIVE, false);
	return dir >= 0 && same_inode(presence, dir, arena_z(st->mem, file)) &&
	       sys_touch(presence, NULL) == 0;
}

/* "<agent>.<8 hex>" */
static str agent_of(str name)
{
	str agent = { name.s, name.n - 9 };
	return name.n > 9 && name.s[agent.n] == '.' && store_name_ok(agent) ? agent : (str){ 0 };
}

/* Its lock is not seen. Where locks are not shared, on another host or where there are none, only
 * its last sign of life can be judged. */
static enum store_life life_without_lock(store *st, const store_presence *p)
{
	int64_t quiet = time_now() - p->seen;
	bool here;
	if (quiet > MOMENT_MS || quiet < -MOMENT_MS)
		return STORE_GONE;
	if (p->pid <= 0 || p->pid > INT32_MAX)
		return STORE_GONE;
	here = p->host.n == 0 || str_eq(p->host, host_name(st->mem));
	if (here && kill((pid_t)p->pid, 0) < 0 && errno == ESRCH)
		return STORE_GONE;
	return STORE_UNSURE;
}

/* Reads a file of live/. One that nobody holds and that is not whole is what a power cut left: it
 * goes. */
static bool read_presence(store *st, const char *name, store_presence *p)
{
	json *doc = NULL;
	str text;
	struct stat seen;
	int fd;
	bool held, whole;
	if (open_file(st, LIVE, name, &fd, &seen) != STORE_OK)
		return false;
	held = sys_flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	whole = read_open(st, fd, 0, MAX_META, &seen, &text) && read_object(st, text, &doc);
	sys_close(fd);
	if (!whole) {
		if (!held && !is_young(&seen))
			sys_unlink(dir_fd(st, LIVE, false), name, 0);
		return false;
	}
	*p = (store_presence){
		.agent = arena_copy(st->mem, agent_of(str_of(name))),
		.file = str_of(name),
		.client = json_get_text(st->mem, doc, S("client")),
		.session = json_get_text(st->mem, doc, S("session")),
		.socket = json_get_text(st->mem, doc, S("socket")),
		.workspace = json_get_text(st->mem, doc, S("workspace")),
		.host = json_get_text(st->mem, doc, S("host")),
		.since = time_parse(json_get_text(st->mem, doc, S("since"))),
		.seen = mtime_ns(&seen) / 1000000,
	};
	const json *pid = json_get(doc, S("pid"));
	if (pid)
		str_int(pid->raw, &p->pid);
	p->life = held ? STORE_ALIVE : life_without_lock(st, p);
	return p->agent.n > 0;
}

/* By agent; of one agent the one that says most first. Equal moments are told apart by name, so
 * that all who look agree on which is the newest. */
static int by_agent(const void *a, const void *b)
{
	const store_presence *x = a, *y = b;
	int order = str_cmp(x->agent, y->agent);
	if (order == 0)
		order = (x->life < y->life) - (x->life > y->life);
	if (order == 0)
		order = (x->seen < y->seen) - (x->seen > y->seen);
	return order ? order : str_cmp(x->file, y->file);
}

store_result store_list_presence(store *st, str agent, store_presences *out)
{
	names it;
	store_presence p;
	int kept = 0;
	*out = (store_presences){ 0 };
	if (!names_open(st, &it, LIVE))
		return STORE_FAILED;
	while (names_next(&it, agent, S("")))
		if ((agent.n == 0 || str_eq(agent_of(it.name), agent)) &&
		    read_presence(st, arena_z(st->mem, it.name), &p))
			ADD(st->mem, out) = p;
	if (out->n)
		qsort(out->at, (size_t)out->n, sizeof *out->at, by_agent);
	for (int i = 0; i < out->n; i++) {
		p = out->at[i];
		if (p.life == STORE_GONE && kept && str_eq(out->at[kept - 1].agent, p.agent))
			sys_unlink(dir_fd(st, LIVE, false), p.file.s, 0);
		else
			out->at[kept++] = p;
	}
	out->n = kept;
	return names_close(st, &it);
}

/* ==== Agents and statuses ==== */

/* An entry of another program for the person is none: that name is nobody else's. */
store_result store_list_agents(store *st, store_records *out)
{
	store_result result = list_table(st, ROOT, "registry.json", out);
	int kept = 0;
	for (int i = 0; i < out->n; i++)
		if (!str_eq(out->at[i].name, store_human))
			out->at[kept++] = out->at[i];
	out->n = kept;
	return result;
}

store_result store_list_statuses(store *st, store_records *out)
{
	return list_table(st, ROOT, "status.json", out);
}

/* Under the lock, so that of two that register one name only one can be told yes. */
static store_result register_locked(store *st, store_registration *r, const json *members,
				    store_record *out)
{
	store_records agents;
	store_presences live;
	store_result result = store_list_agents(st, &agents);
	if (result != STORE_OK)
		return result;
	result = store_list_presence(st, r->name, &live);
	/* Something else in the place of live/: nobody is there, and nobody is kept out. */
	if (result != STORE_OK && st->fault.error != ENOTDIR && st->fault.error != ELOOP)
		return result;
	if (r->may && !r->may(r->context, &agents, &live))
		return STORE_REFUSED;
	result = edit_table(st, ROOT, "registry.json", r->name, SET, members, &out->doc);
	if (result == STORE_OK && r->self)
		r->self_fd = store_appear(st, r->self);
	return result;
}

store_result store_register(store *st, store_registration *r, store_record *out)
{
	const store_member members[] = {
		{ S("name"), r->name },
		{ S("workspacePath"), r->workspace },
		{ S("description"), r->description },
		{ S("registeredAt"), time_format(st->mem, time_now()) },
		{ S("registeredFrom"), r->origin },
	};
	const json *doc = new_object(st, members, 5);
	store_result result;
	out->name = r->name;
	r->self_fd = -1;
	do {
		result = lock(st);
		if (result == STORE_OK)
			result = register_locked(st, r, doc, out);
	} while (result == CHANGED);
	unlock(st);
	return result;
}

store_result store_set_status(store *st, str agent, str status, bool only_new, store_record *out)
{
	const store_member members[] = {
		{ S("agent"), agent },
		{ S("status"), status },
		{ S("updatedAt"), time_format(st->mem, time_now()) },
	};
	return edit_record(st, ROOT, "status.json", agent, only_new ? SET_NEW : SET,
			   new_object(st, members, 3), out);
}

store_result store_forget(store *st, str agent)
{
	store_result r = edit_record(st, ROOT, "registry.json", agent, REMOVE, NULL, NULL);
	if (r == STORE_OK)
		r = edit_record(st, ROOT, "status.json", agent, REMOVE, NULL, NULL);
	return r;
}

/* ==== Messages ==== */

const store_state_row store_states[STORE_STATES] = {
	[STORE_PENDING] = { { "pending", 7 }, { "", 0 }, { "", 0 }, STORE_OPEN | STORE_UNREAD },
	[STORE_ESCALATED] = { { "escalated", 9 }, { "escalated ", 10 }, { " (escalated)", 12 },
			      STORE_OPEN | STORE_DECIDE },
	[STORE_ACKNOWLEDGED] = { { "acknowledged", 12 }, { "read, ", 6 }, { " (read)", 7 },
				 STORE_OPEN | STORE_SWEPT },
	[STORE_COMPLETED] = { { "completed", 9 }, { "completed ", 10 }, { " (done)", 7 },
			      STORE_SWEPT },
};

_Static_assert(STORE_STATES <= sizeof(unsigned) * 8, "a set of states has a bit for each");

unsigned store_states_with(unsigned traits)
{
	unsigned set = 0;
	for (int i = 0; i < STORE_STATES; i++) {
		unsigned has = store_states[i].traits;
		must(store_states[i].word.n > 0);               /* each state has its row */
		must(!(has & STORE_UNREAD) || !(has & STORE_SWEPT));
		if (has & traits)
			set |= 1u << i;
	}
	return set;
}

static store_state state_of(str word)
{
	for (int i = 0; i < STORE_STATES; i++)
		if (str_eq(word, store_states[i].word))
			return (store_state)i;
	return str_eq(word, S("read")) ? STORE_ACKNOWLEDGED : STORE_PENDING;
}

static const char *file_name(store *st, str id, const char *tail)
{
	return arena_say(st->mem, "%S%s", id, tail).s;
}

/* Can it be an id? A file synchroniser's copies, "<UUID> (1)" or "<UUID>-HOST", are no messages.
 * Ids that are no UUIDs are made by hand, and good. */
static bool is_id(str s)
{
	/* Asked of every name: bits for '-' and digits; capitals, '_' and small letters. */
	static const uint64_t good[4] = { 0x03ff200000000000, 0x07fffffe87fffffe };
	if (s.n < 1 || s.n > 64 || (s.n > UUID_LENGTH && s.s[8] == '-' && s.s[13] == '-' &&
				    s.s[18] == '-' && s.s[23] == '-'))
		return false;
	for (ptrdiff_t i = 0; i < s.n; i++)
		if (!(good[(unsigned char)s.s[i] >> 6] >> (s.s[i] & 63) & 1))
			return false;
	return true;
}

/* Loads a message, which must be from somebody and to somebody. */
static store_result load_meta(store *st, enum dir d, str id, store_message *m, struct stat *seen)
{
	const char *name = file_name(st, id, ".json");
	const json *from, *urgent;
	json *doc;
	store_result r = load(st, d, name, MAX_META, &doc, seen);
	if (r != STORE_OK)
		return r;
	from = json_get(doc, S("from"));
	urgent = json_get(doc, S("urgent"));
	*m = (store_message){
		.id = arena_copy(st->mem, id),
		.from = json_text(st->mem, from),
		.to = json_get_text(st->mem, doc, S("to")),
		.subject = json_get_text(st->mem, doc, S("subject")),
		.reply_to = json_get_text(st->mem, doc, S("replyTo")),
		.reason = json_get_text(st->mem, doc, S("escalationReason")),
		.spec = json_get_text(st->mem, doc, S("spec")),
		.created = json_get_text(st->mem, doc, S("createdAt")),
		.updated = json_get_text(st->mem, doc, S("updatedAt")),
		.state = state_of(json_get_text(st->mem, doc, S("status"))),
		.urgent = urgent && urgent->kind == JSON_TRUE,
		.archived = d == OLD_METAS,
		.doc = doc,
	};
	if (!from || from->kind != JSON_STRING || m->to.n == 0)
		return failed(st, "read", path_in(st, d, name), 0);
	return STORE_OK;
}

bool store_is_unseen(arena *mem, const store_message *m)
{
	str by;
	if (m->state != STORE_COMPLETED)
		return false;
	by = json_get_text(mem, m->doc, S("completedBy"));
	return by.n && !str_eq(by, m->to) && json_get_text(mem, m->doc, S("readAt")).n == 0;
}

/* Loads the meta of a whole id. If both exist the archived one wins. Looks there twice: the message
 * may be archived between the first two reads. */
static store_result load_message(store *st, str id, store_message *m, struct stat *seen)
{
	store_result r = load_meta(st, OLD_METAS, id, m, seen);
	if (r == STORE_ABSENT)
		r = load_meta(st, METAS, id, m, seen);
	if (r == STORE_ABSENT)
		r = load_meta(st, OLD_METAS, id, m, seen);
	return r;
}

static void unlearn(store *st, str id);
static void learn(store *st, store_index *x, str id);

static bool is_archived(store *st, str id)
{
	struct stat seen;
	return is_there(st, OLD_METAS, file_name(st, id, ".json"), &seen) > 0;
}

store_result store_send(store *st, store_message *m, str body)
{
	store_result r;
	m->id = new_id(st->mem);
	if (m->id.n == 0)
		return failed(st, "name a message in", st->root, errno);
	m->created = m->updated = time_format(st->mem, next_moment());
	const store_member members[] = {
		{ S("id"), m->id },
		{ S("from"), m->from },
		{ S("to"), m->to },
		{ S("subject"), m->subject },
		{ S("status"), store_states[m->state].word },
		{ S("createdAt"), m->created },
		{ S("updatedAt"), m->updated },
		{ S("replyTo"), m->reply_to },
		{ S("escalationReason"), m->reason },
		{ S("spec"), m->spec },
	};
	m->doc = NULL;
	for (int i = 0; i < 10; i++)
		if (i < 7 || members[i].text.n)
			m->doc = json_with_text(st->mem, m->doc, members[i].key, members[i].text);
	if (m->urgent)
		m->doc = json_with(st->mem, m->doc, S("urgent"), S("true"));
	r = replace_file(st, BODIES, file_name(st, m->id, ".md"), body, NULL);
	if (r != STORE_OK) {
		st->fault.placed = false;        /* a body alone is not sent */
		return r;
	}
	r = replace_file(st, METAS, file_name(st, m->id, ".json"), json_format(st->mem, m->doc, 0),
			 NULL);
	if (st->own_index.whole && (r == STORE_OK || st->fault.placed))
		learn(st, &st->own_index, m->id);
	return r;
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

store_result store_set_state(store *st, store_message *m, store_state to, unsigned from,
			     const store_member *members, int count)
{
	str id = m->id, now = time_format(st->mem, time_now()), text;
	store_result r;
	do {
		struct stat seen;
		json *doc;
		r = lock(st);
		if (r == STORE_OK)
			r = load_message(st, id, m, &seen);
		if (r != STORE_OK || !(from >> m->state & 1))
			break;
		doc = json_with_text(st->mem, m->doc, S("status"), store_states[to].word);
		doc = json_with_text(st->mem, doc, S("updatedAt"), now);
		for (int i = 0; i < count; i++)
			doc = json_with_text(st->mem, doc, members[i].key, members[i].text);
		text = json_format(st->mem, doc, 0);
		if (text.n > MAX_META) { /* no reader would take it */
			r = failed(st, "write", path_in(st, METAS, file_name(st, id, ".json")),
				   EFBIG);
			break;
		}
		r = replace_file(st, m->archived ? OLD_METAS : METAS, file_name(st, id, ".json"),
				 text, &seen);
		unlearn(st, id);
		m->doc = doc;
		m->state = to;
		m->updated = now;
	} while (r == CHANGED);
	unlock(st);
	return r;
}

/* ==== Finding mail ====
 * messages-meta/ is the queue and the whole truth. Reading every file at each look would cost what
 * there is; but who a message is from and to never changes, so an index remembers it by name, and a
 * look opens the files that are new and those of the asker. Who looks more than once keeps its
 * index and lets inotify say which names came, went or changed; who looks once starts from a memo
 * of what others had to open. Whatever of this fails, the names are read again. */

enum {
	UNEXPLAINED_MS = 1000,           /* until an mtime that no event explains is believed */
	WALK_MS = 60 * 1000,             /* a walk now and then, for the event nobody thought of */
	MEMO_GAIN = 30                   /* what a look must have learnt to write the memo */
};

struct store_known {
	const char *id;
	uint64_t hash, from, to;         /* two agents of one hash only cost an open */
	int64_t created;
	uint32_t walk;                   /* the last walk that saw it; 0: it is gone */
	unsigned char state;             /* this, urgent and created as of the last open */
	bool urgent;
	bool fresh;                      /* opened while inotify told of changes: still true */
	bool was_read;                   /* seen read once; no program makes it unread again */
	bool parties;                    /* from and to are known */
	int32_t next;                    /* the next of those that begin alike; see index->head */
};

/* Even, so that the memo has room for a bit. */
static uint64_t party_key(str agent)
{
	return hash_of(agent) & ~(uint64_t)1;
}

/* The slot that has the id, or is free for it. */
static int32_t *known_slot(const store_index *x, str id, uint64_t hash)
{
	for (uint64_t i = ((hash ^ x->seed) * 0x9e3779b97f4a7c15u) >> 32;; i++) {
		int32_t *slot = &x->slot[i & (uint64_t)(x->slots - 1)];
		if (*slot == 0 || (x->at[*slot - 1].hash == hash &&
				   str_eq(str_of(x->at[*slot - 1].id), id)))
			return slot;
	}
}

static struct store_known *known_find(const store_index *x, str id)
{
	const int32_t none = 0, *at = &none;
	if (x->slots)
		at = known_slot(x, id, hash_of(id));
	return *at ? &x->at[*at - 1] : NULL;
}

/* Where the ids are that begin as this one, in its first SHORT_ID letters of either case. */
static int32_t *head_slot(const store_index *x, str id)
{
	uint64_t word = 0;
	memcpy(&word, id.s, (size_t)least(id.n, SHORT_ID));
	word = ((word | 0x2020202020202020u) ^ x->seed) * 0x9e3779b97f4a7c15u;
	return &x->head[word >> 32 & (uint64_t)(x->slots - 1)];
}

/* The first of the ids that begin as this one, or 0. The chains are made when they are first asked
 * for, and grow with the table. */
static int32_t known_head(store_index *x, str id)
{
	if (!x->head && x->slots)
		x->head = NEW(&x->mem, int32_t, x->slots);
	for (; x->linked < x->n; x->linked++) {
		struct store_known *k = &x->at[x->linked];
		int32_t *head = head_slot(x, str_of(k->id));
		k->next = *head;
		*head = x->linked + 1;
	}
	return x->slots ? *head_slot(x, id) : 0;
}

/* Makes the table anew with room for `more`, in an arena of its own: what is gone, and the memory
 * of it, is dropped. */
static void index_rebuild(store_index *x, int more)
{
	store_index old = *x;
	x->mem = (arena){ 0 };
	x->room = old.n - old.gone + more;
	for (x->slots = 64; x->slots < 2 * x->room;)
		x->slots *= 2;
	x->at = NEW(&x->mem, struct store_known, x->room);
	x->slot = NEW(&x->mem, int32_t, x->slots);
	x->head = NULL;
	x->n = x->gone = x->linked = 0;
	for (int i = 0; i < old.n; i++) {
		struct store_known *k = &x->at[x->n];
		if (old.at[i].walk == 0)
			continue;
		*k = old.at[i];
		k->id = arena_z(&x->mem, str_of(k->id));
		*known_slot(x, str_of(k->id), k->hash) = ++x->n;
	}
	arena_rewind(&old.mem, (arena){ 0 });
}

/* The entry of an id, which is made where there is none, as one that exists. */
static struct store_known *known_add(store_index *x, str id)
{
	uint64_t hash = hash_of(id);
	int32_t *slot = x->slots ? known_slot(x, id, hash) : NULL;
	struct store_known *k;
	if (!slot || (*slot == 0 && x->n == x->room)) {
		index_rebuild(x, x->n - x->gone + 64);
		slot = known_slot(x, id, hash);
	}
	if (*slot == 0) {
		x->at[x->n] = (struct store_known){
			.id = arena_z(&x->mem, id), .hash = hash, .walk = x->walk,
		};
		*slot = ++x->n;
	}
	k = &x->at[*slot - 1];
	if (k->walk == 0) {
		x->gone--;
		k->parties = false;
	}
	k->walk = x->walk;
	return k;
}

/* `k` may be NULL: not known anyway. */
static void known_drop(store_index *x, struct store_known *k)
{
	if (!k)
		return;
	x->gone += k->walk != 0;
	k->walk = 0;
	k->fresh = false;
}

/* This request changed it after it read it. */
static void unlearn(store *st, str id)
{
	struct store_known *k = known_find(&st->own_index, id);
	if (k)
		k->fresh = false;
}

void store_index_release(store_index *x)
{
	if (x->watch > 0)
		close(x->watch - 1);
	arena_rewind(&x->mem, (arena){ 0 });
	arena_rewind(&x->scratch, (arena){ 0 });
	*x = (store_index){
		.changes = x->changes + 1, .reported = x->reported, .opened = x->opened,
	};
}

/* Keeps what a message says that was just read. It stays true while inotify tells of changes; and
 * an index that serves one request alone does not read a file twice. */
static void know(store *st, store_index *x, struct store_known *k, const store_message *m)
{
	bool read = !(store_states[m->state].traits & STORE_UNREAD);
	x->learnt += !k->parties || (read && !k->was_read);
	k->parties = true;
	k->fresh = x->watch > 0 || x == &st->own_index;
	k->from = party_key(m->from);
	k->to = party_key(m->to);
	k->created = time_parse(m->created);
	k->state = (unsigned char)m->state;
	k->urgent = m->urgent;
	k->was_read = k->was_read || read;
}

/* Opens one file for what the index keeps of it, without waiting for a writer: what cannot be read
 * is tried again by whoever lists. */
static void learn(store *st, store_index *x, str id)
{
	arena *mem = st->mem;
	store_fault fault = st->fault;
	int naps = st->naps;
	struct store_known *k;
	store_message m;
	st->mem = &x->scratch;
	st->naps = WRITER_NAPS;
	store_result r = load_meta(st, METAS, id, &m, NULL);
	x->opened++;
	if (r == STORE_ABSENT) {
		known_drop(x, known_find(x, id));
	} else {
		k = known_add(x, id);
		k->fresh = false;
		if (r == STORE_OK)
			know(st, x, k, &m);
		else
			k->parties = false;
	}
	arena_reset(&x->scratch);
	st->mem = mem;
	st->naps = naps;
	st->fault = fault;
}

/* ---- The memo: live/.parties ----
 * From and to of many messages, so that a process that looks once need not open them. It says of
 * which directory it is, and is summed up; a stale one costs some opens, any other that is not
 * exactly right is not used. It is believed in one thing: that a file belongs to others. */

struct memo_entry {
	uint64_t id, from, to;           /* hashes; the last bit of `from`: it was read */
};

typedef struct {
	uint64_t magic, device, inode, n, sum;
	const struct memo_entry *at;     /* ascending by id; in the file they follow */
} memo;

static const uint64_t memo_magic = 0x0a31736569747261;
enum { MEMO_HEAD = 5 * sizeof(uint64_t), MEMO_STEPS = 1000 };

static uint64_t memo_sum(const memo *m)
{
	uint64_t sum = m->n;
	for (uint64_t i = 0; i < m->n; i++) {
		const uint64_t word[3] = { m->at[i].id, m->at[i].from, m->at[i].to };
		for (int k = 0; k < 3; k++) {
			sum = (sum ^ word[k]) * 0x9e3779b97f4a7c15u;
			sum ^= sum >> 29;
		}
	}
	return sum;
}

/* n is 0 where there is none that can be used. */
static void read_memo(store *st, const store_index *x, memo *m)
{
	struct stat seen;
	str text;
	*m = (memo){ 0 };
	if (get(st, LIVE, ".parties", 0, MAX_TABLE, &text, &seen) != STORE_OK ||
	    text.n < MEMO_HEAD || seen.st_uid != geteuid() || seen.st_mode & (S_IWGRP | S_IWOTH))
		return;
	memcpy(m, text.s, MEMO_HEAD);
	m->at = (const void *)(text.s + MEMO_HEAD);      /* aligned, as the arena is */
	if (m->magic != memo_magic || m->device != x->device || m->inode != x->inode ||
	    m->n != (uint64_t)(text.n - MEMO_HEAD) / sizeof *m->at || m->sum != memo_sum(m))
		m->n = 0;
}

/* Hashes are spread evenly: the place is near its share of the way, and nearer by that measure from
 * there. */
static const struct memo_entry *memo_find(const memo *m, uint64_t hash)
{
	uint64_t i = (hash >> 32) * m->n >> 32;
	for (int step = 0; step < 2 && i < m->n; step++)
		i += (uint64_t)(((int64_t)(hash >> 32) - (int64_t)(m->at[i].id >> 32)) *
				(int64_t)m->n / ((int64_t)1 << 32));
	for (int step = 0; step < MEMO_STEPS && i < m->n; step++) {
		if (m->at[i].id == hash)
			return &m->at[i];
		if (m->at[i].id > hash && (i == 0 || m->at[i - 1].id < hash))
			return NULL;
		i += m->at[i].id < hash ? 1 : (uint64_t)-1;
	}
	return NULL;
}

/* Takes from the memo what it knows of a message. */
static void remember(const memo *m, struct store_known *k)
{
	const struct memo_entry *e = k->parties ? NULL : memo_find(m, k->hash);
	if (!e)
		return;
	k->from = e->from & ~(uint64_t)1;
	k->to = e->to;
	k->was_read = e->from & 1;
	k->parties = true;
}

static int by_id_hash(const void *a, const void *b)
{
	uint64_t x = ((const struct memo_entry *)a)->id, y = ((const struct memo_entry *)b)->id;
	return (x > y) - (x < y);
}

/* Not synced: after a power cut it is wrong, and not used. */
static void write_memo(store *st, store_index *x)
{
	store_fault fault = st->fault;
	const char *temp = arena_say(st->mem, ".tmp-%S", store_random(st->mem, 8)).s;
	struct memo_entry *at = NEW(st->mem, struct memo_entry, x->n + 1);
	memo m = { .magic = memo_magic, .device = x->device, .inode = x->inode, .at = at };
	for (int i = 0; i < x->n; i++) {
		const struct store_known *k = &x->at[i];
		if (k->walk && k->parties)
			at[m.n++] = (struct memo_entry){ k->hash, k->from | k->was_read, k->to };
	}
	qsort(at, (size_t)m.n, sizeof *at, by_id_hash);
	m.sum = memo_sum(&m);
	x->learnt = 0;
	int fd = open_own(st, LIVE, temp, O_WRONLY | O_EXCL), dir = st->fd[LIVE];
	if (fd >= 0) {
		str head = { (const char *)&m, MEMO_HEAD };
		str rest = { (const char *)at, (ptrdiff_t)(m.n * sizeof *at) };
		bool well = write_all(fd, head) == 0 && write_all(fd, rest) == 0;
		sys_close(fd);
		if (!well || sys_rename(dir, temp, dir, ".parties") < 0)
			sys_unlink(dir, temp, 0);
	}
	st->fault = fault;
}

/* ---- What inotify tells ---- */

#ifdef __linux__
/* Is it a file system on which every change comes through this kernel? On others, of the network or
 * unknown, somebody else can change a directory unseen. */
static bool tells_all(int fd)
{
	static const unsigned local[] = {
		0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x794c7630, 0x2fc12fc1,
	};                               /* ext, xfs, btrfs, tmpfs, f2fs, overlay, zfs */
	struct statfs fs = { 0 };
	int r = fstatfs(fd, &fs);
	for (size_t i = 0; i < sizeof local / sizeof *local && r == 0; i++)
		if ((unsigned)fs.f_type == local[i])
			return true;
	return false;
}
#endif

/* The descriptor of a watch over messages-meta/, or -1. */
static int start_watch(store *st)
{
	int fd = -1;
#ifdef __linux__
	static const uint32_t kinds = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
				      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
	if (tells_all(st->fd[METAS]))
		fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd >= 0 && (inotify_add_watch(fd, path_in(st, METAS, "").s, kinds) < 0 ||
			!same_inode(st->fd[METAS], st->fd[ROOT], dirs[METAS].name))) {
		close(fd);
		fd = -1;
	}
#else
	(void)st;
#endif
	return fd;
}

/* Takes in what changed. False: something was lost. *told: there was anything. */
static bool read_events(store *st, store_index *x, bool *told)
{
#ifdef __linux__
	static const uint32_t lost = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF |
				     IN_MOVE_SELF;
	_Alignas(struct inotify_event) char text[16 * 1024];
	const struct inotify_event *e;
	ssize_t n;
	while ((n = sys_events(x->watch - 1, text, sizeof text)) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof *e + e->len)) {
			e = (const void *)(text + at);
			str name = str_of(e->len ? e->name : ""), id = { name.s, name.n - 5 };
			*told = true;
			if (e->mask & lost)
				return false;
			if (!str_ends(name, S(".json")) || !is_id(id))
				continue;
			x->changes++;
			if (e->mask & (IN_DELETE | IN_MOVED_FROM))
				known_drop(x, known_find(x, id));
			else
				learn(st, x, id);
		}
	}
	return n < 0 && errno == EAGAIN;
#else
	(void)st;
	(void)x;
	(void)told;
	return false;
#endif
}

/* ---- A look ---- */

enum {
	NAME_BYTES = 64,                 /* of a directory, for each name: a guess */
	MAX_EXPECTED = 100 * 1000        /* some file systems give a size that means nothing */
};

/* Reads all names. Who looks more than once learns here of the new ones what the memo does not
 * know; who looks once, where it lists or counts. */
static store_result walk_names(store *st, store_index *x, int64_t expected)
{
	names it;
	memo m = { 0 };
	if (x->walk == 0) {
		random_bytes((unsigned char *)&x->seed, sizeof x->seed);
		index_rebuild(x, (int)least(expected, MAX_EXPECTED));
	}
	if (!x->names_only && !x->memo_read)
		read_memo(st, x, &m);
	x->memo_read = x->memo_read || !x->names_only;
	x->walk++;
	x->walked = clock_ms();
	x->unexplained = 0;
	x->whole = false;
	if (!names_open(st, &it, METAS))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".json"))) {
		if (!is_id(it.stem))
			continue;
		struct store_known *k = known_add(x, it.stem);
		remember(&m, k);
		if (!k->parties && x == st->index)
			learn(st, x, it.stem);
	}
	if (names_close(st, &it) != STORE_OK)
		return STORE_FAILED;
	for (int i = 0; i < x->n; i++)
		if (x->at[i].walk != x->walk)
			known_drop(x, &x->at[i]);
	if (x->gone > x->n / 2 + 1000)
		index_rebuild(x, 64);
	x->whole = true;
	x->changes++;
	return STORE_OK;
}

/* Is what the index knows all that there is, by the events and the directory's mtime? An mtime that
 * moved before its event came is believed a little later. */
static bool is_current(store *st, store_index *x, const struct stat *dir)
{
	int64_t mtime = mtime_ns(dir);
	bool told = false;
	if (x->watch <= 0)
		return false;
	if (!read_events(st, x, &told)) {
		close(x->watch - 1);     /* what was lost may be anything */
		x->watch = 0;
		for (int i = 0; i < x->n; i++)
			x->at[i].fresh = false;
		return false;
	}
	if (told || mtime == x->mtime)
		x->unexplained = 0;
	else if (x->unexplained == 0)
		x->unexplained = clock_ms();
	if (told)
		x->mtime = mtime;
	if (x->unexplained && clock_ms() - x->unexplained >= UNEXPLAINED_MS)
		return false;
	return x->whole && (mtime == x->walked_mtime || clock_ms() - x->walked < WALK_MS);
}

/* The index, with all that is there now; of an index for this request alone perhaps only the names.
 * That one stays as it was at the first look. */
static store_result current_index(store *st, bool names_only, store_index **out)
{
	store_index *x = st->index ? st->index : &st->own_index;
	struct stat dir = { 0 };
	store_result r;
	*out = x;
	if (x == &st->own_index && x->whole && (names_only || !x->names_only))
		return STORE_OK;
	x->names_only = names_only && x == &st->own_index;

	/* 1. Is it the directory that the index knows? */
	int fd = dir_fd(st, METAS, false);
	if (fd < 0 && st->fault.error != ENOENT)
		return STORE_FAILED;
	if (fd >= 0 && sys_fstat(fd, &dir) < 0)
		return failed(st, "look at", path_in(st, METAS, ""), errno);
	if (x->device != (uint64_t)dir.st_dev || x->inode != (uint64_t)dir.st_ino) {
		bool only = x->names_only;
		store_index_release(x);
		x->device = (uint64_t)dir.st_dev;
		x->inode = (uint64_t)dir.st_ino;
		x->names_only = only;
	}
	if (fd < 0)
		return STORE_OK;

	/* 2. Is it current? Else watch, before the walk, and walk. */
	if (is_current(st, x, &dir))
		return STORE_OK;
	if (x->watch == 0) {
		x->watch = -1;
		if (x == st->index && (fd = start_watch(st)) >= 0)
			x->watch = fd + 1;
	}
	x->mtime = x->walked_mtime = mtime_ns(&dir);
	r = walk_names(st, x, (int64_t)dir.st_size / NAME_BYTES + 64);
	if (r == STORE_OK && x->learnt > MEMO_GAIN)
		write_memo(st, x);
	return r;
}

int store_watch(store *st)
{
	store_index *x;
	if (!st->index || dir_fd(st, METAS, false) < 0 || current_index(st, false, &x) != STORE_OK)
		return -1;
	return x->watch > 0 ? x->watch - 1 : -1;
}

bool store_changed(store *st)
{
	store_index *x;
	if (current_index(st, false, &x) != STORE_OK || x->watch <= 0)
		return true;
	bool changed = x->changes != x->reported;
	x->reported = x->changes;
	return changed;
}

/* ---- Lists ---- */

static int by_age(const void *a, const void *b)
{
	const store_message *x = a, *y = b;
	int order = str_cmp(x->created, y->created);
	return order ? order : str_cmp(x->id, y->id);
}

static void sort_by_age(store_messages *list)
{
	if (list->n)
		qsort(list->at, (size_t)list->n, sizeof *list->at, by_age);
}

typedef struct {
	bool all;
	str to, from;                    /* empty: no such */
	unsigned states;                 /* and every message in one of these */
	bool unread;                     /* what was read once need not be there */
} mail_filter;

static bool fits(const mail_filter *f, const store_message *m)
{
	return f->all || (f->states >> m->state & 1) || (f->to.n && str_eq(m->to, f->to)) ||
	       (f->from.n && str_eq(m->from, f->from));
}

/* Adds one message, if it fits. A damaged one is passed over and counted. What was read of it is
 * kept in `k` of the index, where both are given. */
static void add_message(store *st, enum dir d, str id, const mail_filter *f, store_index *x,
			struct store_known *k, store_messages *out)
{
	arena mark = *st->mem;
	store_message m;
	store_result r = load_meta(st, d, id, &m, NULL);
	if (r == STORE_FAILED)
		note_damage(st, st->fault.path);
	if (r == STORE_OK && x && k)
		know(st, x, k, &m);
	if (r == STORE_OK && fits(f, &m) && (d == OLD_METAS || !is_archived(st, id)))
		ADD(st->mem, out) = m;
	else if (r != STORE_FAILED)
		arena_rewind(st->mem, mark);
}

/* Who looked once, and had to open many, spares the next the same. */
static void keep_memo(store *st, store_index *x)
{
	if (x == &st->own_index && x->learnt > MEMO_GAIN)
		write_memo(st, x);
}

/* Is the state in memory that of the file? Else opens it. */
static void refresh(store *st, store_index *x, struct store_known *k)
{
	if (!k->fresh || (x->watch <= 0 && x != &st->own_index))
		learn(st, x, str_of(k->id));
}

static store_result list_mail(store *st, const mail_filter *f, store_messages *out)
{
	store_index *x;
	store_result r = current_index(st, false, &x);
	uint64_t to = party_key(f->to), from = party_key(f->from);
	*out = (store_messages){ 0 };
	for (int i = 0; i < x->n && r == STORE_OK; i++) {
		struct store_known *k = &x->at[i];
		bool theirs = (f->to.n && k->to == to) || (f->from.n && k->from == from);
		if (k->walk == 0)
			continue;
		if (f->states && k->parties && !theirs)
			refresh(st, x, k);
		if (k->parties && !theirs && !(f->states >> k->state & 1))
			continue;
		if (k->parties && f->unread && k->was_read && !f->states)
			continue;
		add_message(st, METAS, str_of(k->id), f, x, k, out);
	}
	sort_by_age(out);
	keep_memo(st, x);
	return r;
}

store_result store_list_mail(store *st, str to, str from, store_messages *out)
{
	const mail_filter f = { .to = to, .from = from };
	return list_mail(st, &f, out);
}

/* Adds all of a directory that was changed since. */
static store_result list_dir(store *st, enum dir d, int64_t since, store_messages *out)
{
	static const mail_filter all = { .all = true };
	names it;
	struct stat seen;
	if (!names_open(st, &it, d))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".json")))
		if (is_id(it.stem) && (since <= 0 || is_there(st, d, it.name.s, &seen) < 0 ||
				       mtime_ns(&seen) / 1000000 >= since))
			add_message(st, d, it.stem, &all, NULL, NULL, out);
	return names_close(st, &it);
}

store_result store_list_all(store *st, int64_t since, store_messages *out)
{
	bool archive = since < time_now() - QUIET_MS;
	store_result r;
	*out = (store_messages){ 0 };
	r = list_dir(st, METAS, since, out);
	if (r == STORE_OK && archive)
		r = list_dir(st, OLD_METAS, since, out);
	sort_by_age(out);
	return r;
}

/* ---- Counting ---- */

static store_count *count_slot(store *st, store_counts *counts, uint64_t key)
{
	int *near = &counts->near[key >> 56], i = *near;
	if (i >= counts->n || counts->at[i].key != key)
		for (i = 0; i < counts->n && counts->at[i].key != key;)
			i++;
	if (i == counts->n)
		ADD(st->mem, counts) = (store_count){ .key = key };
	*near = i;
	return &counts->at[i];
}

static bool is_unread(const struct store_known *k)
{
	return store_states[k->state].traits & STORE_UNREAD;
}

/* What was read once is not opened to see whether it still is. */
static bool may_be_unread(const struct store_known *k)
{
	return k->walk && (!k->was_read || (k->fresh && is_unread(k)));
}

/* Counts a message whose state is known, if it is unread. */
static void count_known(store_count *c, const struct store_known *k)
{
	if (!is_unread(k))
		return;
	if (c->unread == 0)
		c->oldest = -1;
	if (k->created >= 0 && (c->oldest < 0 || k->created < c->oldest))
		c->oldest = k->created;
	c->unread++;
	c->urgent += k->urgent;
}

store_result store_count_mail(store *st, store_counts *out, store_messages *escalated)
{
	store_index *x;
	store_result r = current_index(st, false, &x);
	*out = (store_counts){ 0 };
	if (escalated)
		*escalated = (store_messages){ 0 };
	for (int i = 0; i < x->n && r == STORE_OK; i++) {
		struct store_known *k = &x->at[i];
		const mail_filter f = { .states = 1u << STORE_ESCALATED };
		if (k->walk == 0 || (!escalated && !may_be_unread(k)))
			continue;
		refresh(st, x, k);
		if (k->walk == 0 || !k->parties)
			continue;
		if (escalated && k->state == STORE_ESCALATED)
			add_message(st, METAS, str_of(k->id), &f, x, k, escalated);
		if (!is_unread(k))
			continue;
		count_known(count_slot(st, out, k->to), k);
		out->unread++;
	}
	if (escalated)
		sort_by_age(escalated);
	keep_memo(st, x);
	return r;
}

store_count store_count_of(const store_counts *counts, str agent)
{
	for (int i = 0; i < counts->n; i++)
		if (counts->at[i].key == party_key(agent))
			return counts->at[i];
	return (store_count){ 0 };
}

store_result store_count_unread(store *st, str agent, store_count *out)
{
	store_index *x;
	store_result r = current_index(st, false, &x);
	*out = (store_count){ .key = party_key(agent) };
	for (int i = 0; i < x->n && r == STORE_OK; i++) {
		struct store_known *k = &x->at[i];
		if ((k->parties && k->to != out->key) || !may_be_unread(k))
			continue;
		refresh(st, x, k);
		if (k->walk && k->parties && k->to == out->key)
			count_known(out, k);
	}
	keep_memo(st, x);
	return r;
}

/* May the message be from the one to the other, and wait? What waits for the person to decide is
 * no longer unread. */
static bool may_wait_between(const struct store_known *k, uint64_t from, uint64_t to)
{
	if (k->walk == 0 || !k->parties)
		return k->walk;
	return k->from == from && k->to == to && (!k->was_read || to == party_key(store_human));
}

/* Most often the names alone say that it cannot be so many; else those that may be are opened. */
store_result store_has_waiting(store *st, str from, str to, int most, bool *has)
{
	store_index *x;
	uint64_t from_key = party_key(from), to_key = party_key(to);
	int n = 0;
	store_result r = current_index(st, false, &x);
	*has = false;
	if (r != STORE_OK || x->n - x->gone < most)
		return r;
	for (int i = 0; i < x->n && r == STORE_OK && n < most; i++) {
		struct store_known *k = &x->at[i];
		if (!may_wait_between(k, from_key, to_key))
			continue;
		refresh(st, x, k);
		n += may_wait_between(k, from_key, to_key) &&
		     (store_states[k->state].traits & (STORE_UNREAD | STORE_DECIDE));
	}
	*has = n >= most;
	keep_memo(st, x);
	return r;
}

/* ---- Ids ---- */

/* How many characters two ids have in common, in either case. */
static ptrdiff_t common(str a, str b)
{
	ptrdiff_t n = 0;
	while (n < a.n && n < b.n &&
	       (a.s[n] == b.s[n] || str_eq_nocase((str){ a.s + n, 1 }, (str){ b.s + n, 1 })))
		n++;
	return n;
}

/* Takes an id that has the prefix; with a second one it is ambiguous, and the first few are listed:
 * no list of messages shows an archived id whole. */
static void match(store *st, str id, str prefix, str *found, store_result *r)
{
	if (common(id, prefix) < prefix.n)
		return;
	*r = *r == STORE_ABSENT ? STORE_OK : STORE_AMBIGUOUS;
	if (*r == STORE_OK)
		*found = arena_copy(st->mem, id);
	else if (found->n < IDS_LISTED * UUID_LENGTH)
		*found = arena_say(st->mem, "%S, %S", *found, id);
}

static store_result match_live(store *st, str prefix, str *id)
{
	store_index *x;
	store_result r = STORE_ABSENT;
	if (current_index(st, true, &x) != STORE_OK)
		return STORE_FAILED;
	if (prefix.n >= SHORT_ID) {
		for (int32_t i = known_head(x, prefix); i; i = x->at[i - 1].next)
			if (x->at[i - 1].walk)
				match(st, str_of(x->at[i - 1].id), prefix, id, &r);
		return r;
	}
	for (int i = 0; i < x->n; i++)
		if (x->at[i].walk)
			match(st, str_of(x->at[i].id), prefix, id, &r);
	return r;
}

static store_result match_archived(store *st, str prefix, str *id)
{
	names it;
	store_result r = STORE_ABSENT;
	if (!names_open(st, &it, OLD_METAS))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".json")))
		if (is_id(it.stem))
			match(st, it.stem, prefix, id, &r);
	return names_close(st, &it) == STORE_OK ? r : STORE_FAILED;
}

static str lower_case(arena *mem, str s)
{
	buf b = { .mem = mem };
	for (ptrdiff_t i = 0; i < s.n; i++)
		buf_char(&b, (char)(s.s[i] + (s.s[i] >= 'A' && s.s[i] <= 'Z') * ('a' - 'A')));
	return buf_str(&b);
}

store_result store_find(store *st, str prefix, store_message *m)
{
	struct stat seen;
	str id, lower = lower_case(st->mem, prefix);
	store_result r;
	if (!is_id(prefix))
		return STORE_ABSENT;
	r = load_message(st, prefix, m, &seen);
	if (r == STORE_ABSENT && !str_eq(lower, prefix))
		r = load_message(st, lower, m, &seen);
	if (r != STORE_ABSENT || prefix.n == UUID_LENGTH || prefix.n < 4)
		return r;
	r = match_live(st, prefix, &id);
	if (r == STORE_ABSENT)
		r = match_archived(st, prefix, &id);
	if (r == STORE_OK)
		r = load_message(st, id, m, &seen);
	else if (r == STORE_AMBIGUOUS)
		st->fault.path = id;
	return r;
}

str store_short_id(store *st, str id)
{
	ptrdiff_t shown = SHORT_ID;
	store_index *x;
	if (current_index(st, true, &x) != STORE_OK)
		return id;
	for (int32_t i = known_head(x, id); i; i = x->at[i - 1].next) {
		const struct store_known *k = &x->at[i - 1];
		ptrdiff_t n = k->walk ? common(str_of(k->id), id) : 0;
		if (n >= shown && n < id.n)
			shown = n + 1;
	}
	return (str){ id.s, (ptrdiff_t)least(shown, id.n) };
}

/* ==== The sweep ====
 * Archives what has been quiet for a day, finishes what others left half done, and clears away what
 * the dead left behind. It looks around without the lock and takes it for each batch, looking at
 * every message once more before it is moved. It never reads the archive. */

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

static bool is_quiet(store *st, const store_message *m)
{
	int64_t since = time_parse(m->updated.n ? m->updated : m->created);
	int64_t most = store_is_unseen(st->mem, m) ? WEEK_MS : QUIET_MS;
	return (store_states[m->state].traits & STORE_SWEPT) && since >= 0 &&
	       time_now() - since > most;
}

/* The archived meta counts: a second one is kept under a name that nobody reads. */
static store_result archive_meta(store *st, str id)
{
	const char *name = file_name(st, id, ".json"), *as = name;
	struct stat seen;
	int there = is_there(st, OLD_METAS, name, &seen);
	if (there < 0)
		return STORE_FAILED;
	if (there)
		as = arena_say(st->mem, "%s.superseded-%l", name, time_now()).s;
	return move(st, METAS, name, OLD_METAS, as);
}

static store_result archive_message(store *st, str id)
{
	store_message m;
	const char *body = file_name(st, id, ".md");
	store_result r = load_meta(st, METAS, id, &m, NULL);
	if (r == STORE_FAILED || (r == STORE_OK && !is_quiet(st, &m) && !is_archived(st, id)))
		return STORE_OK;
	if (r == STORE_OK && archive_meta(st, id) != STORE_OK)
		return STORE_FAILED;
	return move(st, BODIES, body, OLD_BODIES, body);
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
		if (fd < 0 || sync_dir(st, fd) < 0)
			r = failed(st, "sync", path_in(st, changed[i], ""), errno);
	}
	unlock(st);
	return r;
}

/* A quiet message, or a meta that stands in both places. */
static bool is_quiet_meta(store *st, str id)
{
	store_message m;
	return load_meta(st, METAS, id, &m, NULL) == STORE_OK &&
	       (is_quiet(st, &m) || is_archived(st, id));
}

/* A body without a meta: half archived, or never sent and old. */
static bool is_orphan(store *st, str id)
{
	struct stat seen;
	if (is_there(st, METAS, file_name(st, id, ".json"), &seen) > 0)
		return false;
	return is_archived(st, id) || (is_there(st, BODIES, file_name(st, id, ".md"), &seen) > 0 &&
				       age_of(&seen) > ORPHAN_MS);
}

static bool find_due(store *st, enum dir d, str tail, bool (*is_due)(store *, str), id_list *due)
{
	names it;
	if (!names_open(st, &it, d))
		return false;
	while (names_next(&it, S(""), tail)) {
		arena mark = *st->mem;
		bool take = (d != METAS || is_id(it.stem)) && is_due(st, it.stem);
		arena_rewind(st->mem, mark);
		if (take)
			ADD(st->mem, due) = arena_copy(st->mem, it.stem);
	}
	return names_close(st, &it) == STORE_OK;
}

/* Unlinks the files of a directory that nobody has touched for so long, and, if they are to be
 * locked first, that nobody has locked. */
static void drop_old(store *st, enum dir d, str head, int64_t older_ms, bool locked)
{
	names it;
	if (!names_open(st, &it, d))
		return;
	while (names_next(&it, head, S(""))) {
		struct stat seen;
		int dir = dir_fd(st, d, false), fd;
		if (is_there(st, d, it.name.s, &seen) <= 0 || !S_ISREG(seen.st_mode) ||
		    age_of(&seen) <= older_ms)
			continue;
		fd = locked ? open_in(st, d, it.name.s, O_RDONLY) : -1;
		if (!locked || (fd >= 0 && try_lock(st, fd, LOCK_EX) == 0))
			sys_unlink(dir, it.name.s, 0);
		if (fd >= 0)
			sys_close(fd);
	}
	names_close(st, &it);
}

/* Temp files of writers that died, records of sessions that are over, and signs of life of agents
 * that are no more. The archive is left to store_prune. */
static void drop_leftovers(store *st)
{
	static const enum dir own[] = { ROOT, BODIES, METAS, SPECS, ARCHIVE, LIVE, ANNOUNCED };
	store_records agents;
	names it;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		drop_old(st, own[i], S(".tmp-"), ORPHAN_MS, false);
	drop_old(st, ANNOUNCED, S(""), WEEK_MS, true);
	drop_old(st, ANNOUNCED, S(".wait-"), WEEK_MS, true);
	if (names_open(st, &it, HISTORY)) {
		while (names_next(&it, S(""), S(""))) {
			use_past(st, it.name);
			drop_old(st, PAST, S(".tmp-"), ORPHAN_MS, false);
		}
		names_close(st, &it);
	}
	if (store_list_agents(st, &agents) != STORE_OK || !names_open(st, &it, LIVE))
		return;
	while (names_next(&it, S(""), S("")))
		if (!store_named(&agents, agent_of(it.name)))
			drop_old(st, LIVE, arena_copy(st->mem, it.name), WEEK_MS, true);
	names_close(st, &it);
}

static bool is_sweep_due(store *st)
{
	struct stat seen;
	int64_t age;
	if (is_there(st, ARCHIVE, ".swept", &seen) <= 0)
		return true;
	age = age_of(&seen);
	return age < 0 || age >= SWEEP_MS;
}

/* Takes this hour's sweep for us, if it is due and nobody else has. */
static bool claim_sweep(store *st)
{
	int fd;
	bool mine = false;
	if (dir_fd(st, METAS, false) < 0 || !is_sweep_due(st) || lock(st) != STORE_OK)
		return false;
	if (is_sweep_due(st) && (fd = open_own(st, ARCHIVE, ".swept", O_WRONLY)) >= 0) {
		mine = sys_touch(fd, NULL) == 0;
		close(fd);
	}
	unlock(st);
	return mine;
}

store_result store_sweep(store *st)
{
	id_list due = { 0 };
	store_result r = STORE_OK;
	if (!claim_sweep(st))
		return STORE_OK;
	drop_leftovers(st);
	if (!find_due(st, METAS, S(".json"), is_quiet_meta, &due) ||
	    !find_due(st, BODIES, S(".md"), is_orphan, &due))
		return STORE_FAILED;
	for (int i = 0; i < due.n && r == STORE_OK; i += BATCH)
		r = archive_batch(st, due.at + i, (int)least(due.n - i, BATCH));
	return r;
}

/* The one place where mail is deleted, at the human's word. The metas go first, and for good: what
 * is left at any stop is a text that nobody shows. */
store_result store_prune(store *st, int64_t older_ms, int *count)
{
	store_messages all = { 0 };
	store_result r = lock(st);
	*count = 0;
	if (r != STORE_OK)
		return r;
	drop_old(st, OLD_METAS, S(".tmp-"), ORPHAN_MS, false);
	drop_old(st, OLD_BODIES, S(".tmp-"), ORPHAN_MS, false);
	r = list_dir(st, OLD_METAS, 0, &all);
	for (int i = 0; i < all.n && r == STORE_OK; i++) {
		const store_message *m = &all.at[i];
		int64_t touched = time_parse(m->updated);
		const char *meta = file_name(st, m->id, ".json");
		if (touched < 0 || time_now() - touched < older_ms)
			continue;
		if (sys_unlink(dir_fd(st, OLD_METAS, false), meta, 0) < 0)
			r = failed(st, "delete", path_in(st, OLD_METAS, meta), errno);
		else
			all.at[(*count)++] = *m;
	}
	if (*count && sync_dir(st, dir_fd(st, OLD_METAS, false)) < 0)
		r = failed(st, "sync", path_in(st, OLD_METAS, ""), errno);
	else if (*count && dir_fd(st, OLD_BODIES, false) >= 0)
		for (int i = 0; i < *count; i++)
			sys_unlink(st->fd[OLD_BODIES], file_name(st, all.at[i].id, ".md"), 0);
	unlock(st);
	return r;
}

/* ==== What a session was told ====
 * One small file for each session: a line with the state of messages-meta/ at the last look that
 * told all, then the ids that were told, and "ID TIME" of those that a nudge has named. It is
 * written in place under a lock of its own and not synced: whatever a crash leaves of it, mail is
 * told again rather than never. A change in the same tick of the clock as the look would not show
 * in the directory's mtime, so the state counts only if it was 2 s old at the look. */

static const char *announced_name(store *st, str agent, str session)
{
	if (session.n == 0)
		return arena_say(st->mem, "%S@none", agent).s;
	if (store_name_ok(session))
		return arena_say(st->mem, "%S@%S", agent, session).s;
	return arena_say(st->mem, "%S@+%l", agent, (int64_t)(hash_of(session) >> 1)).s;
}

/* Waits a moment for the lock of a record. */
static bool lock_record(store *st, int fd, int how)
{
	for (int i = 0; try_lock(st, fd, how) != 0; i++) {
		if (i == RECORD_NAPS)
			return false;
		nap(1 << i);
	}
	return true;
}

/* "CHANGED LOOKED IN_TURN STOPS", then a line for each id. */
static void parse_announced(str text, store_announced *a)
{
	str line = str_cut(&text, '\n');
	int64_t number[4] = { 0 };
	int n = 0;
	while (n < 4 && line.n && str_int(str_cut(&line, ' '), &number[n]))
		n++;
	if (n < 2 || line.n)
		return;
	a->ids = text;
	a->changed = number[0];
	a->looked = number[1];
	a->in_turn = a->was_in_turn = number[2] == 1;
	if (number[3] >= 0 && number[3] <= INT32_MAX)
		a->stops = a->had_stops = (int)number[3];
}

void store_open_announced(store *st, str agent, str session, store_announced *a)
{
	struct stat seen;
	str text;
	int fd;
	*a = (store_announced){ .agent = agent, .session = session };
	if (!store_name_ok(agent) ||
	    open_file(st, ANNOUNCED, announced_name(st, agent, session), &fd, &seen) != STORE_OK)
		return;
	lock_record(st, fd, LOCK_SH);    /* or half of it is read, and mail told twice */
	if (sys_fstat(fd, &seen) == 0 && read_open(st, fd, 0, MAX_FILE, &seen, &text))
		parse_announced(text, a);
	if (age_of(&seen) > QUIET_MS)
		sys_touch(fd, NULL);     /* it is in use: the sweep leaves it */
	sys_close(fd);
}

int64_t store_nudged(const store_announced *a, str id)
{
	for (str rest = a->ids; rest.n;) {
		str line = str_cut(&rest, '\n');
		int64_t until;
		if (str_eq(str_cut(&line, ' '), id) && str_int(line, &until) && until >= 0)
			return until;
	}
	return STORE_TOLD;
}

/* A time too far ahead is no nudge's: the clock was set back since. */
static bool is_underway(const store_announced *a, str id)
{
	int64_t left = store_nudged(a, id) - time_now();
	return left > 0 && left <= STORE_UNDERWAY_MS;
}

/* Does this state, seen then, tell of every change before it? */
static bool is_settled(int64_t changed, int64_t looked)
{
	return looked - changed / 1000000 > YOUNG_MS;
}

/* Splits the agent's mail into news and already announced. */
static store_result split_mail(store *st, store_announced *a, unsigned which, store_messages *news)
{
	mail_filter f = { .to = a->agent, .unread = true };
	store_messages mail;
	buf unread = { .mem = st->mem };
	str next = a->ids;
	store_result r;
	if (which & STORE_ESCALATIONS)
		f.states = 1u << STORE_ESCALATED;
	r = list_mail(st, &f, &mail);
	a->whole = st->damaged == 0;
	for (int i = 0; i < mail.n && r == STORE_OK; i++) {
		const store_message *m = &mail.at[i];
		if (!(store_states[m->state].traits & STORE_UNREAD) && !(f.states >> m->state & 1))
			continue;
		bool old = text_has_line(a->ids, m->id, &next);
		buf_say(&unread, "%S\n", m->id);
		if ((which & STORE_ALL) || (!old && !is_underway(a, m->id)))
			ADD(st->mem, news) = *m;
	}
	a->unread = buf_str(&unread);
	return r;
}

store_result store_list_news(store *st, store_announced *a, unsigned which, store_messages *news)
{
	int dir = dir_fd(st, METAS, false);
	struct stat now;
	*news = (store_messages){ 0 };
	a->unread = S("");
	a->whole = false;
	if (dir < 0)
		return st->fault.error == ENOENT ? STORE_OK : STORE_FAILED;
	if (sys_fstat(dir, &now) < 0)
		return failed(st, "look at", path_in(st, METAS, ""), errno);
	a->seen_changed = mtime_ns(&now);
	a->seen_looked = time_now();
	if (!(which & (STORE_ALL | STORE_ESCALATIONS)) && a->changed == a->seen_changed &&
	    is_settled(a->changed, a->looked)) {
		a->unread = a->ids;      /* nothing came: nothing is dropped, either */
		a->whole = true;
		return STORE_OK;
	}
	return split_mail(st, a, which, news);
}

/* The lines that the record is to have: for those just told, for those of before that are unread
 * still, or may be, and for those that others noted since. */
static str merge_ids(store *st, const store_announced *a, const store_announced *now,
		     const store_messages *told, int64_t how)
{
	buf ids = { .mem = st->mem };
	str rest = now->ids, unread = a->unread, before = a->ids, noted = now->ids;
	while (rest.n) {
		str line = str_cut(&rest, '\n'), more = line, id = str_cut(&more, ' ');
		bool again = false;
		for (int i = 0; i < told->n && more.n && !again; i++)
			again = str_eq(told->at[i].id, id);
		if (is_id(id) && !again && (!a->whole || text_has_line(a->unread, id, &unread) ||
					    !text_has_line(a->ids, line, &before)))
			buf_say(&ids, "%S\n", line);
	}
	for (int i = 0; i < told->n; i++) {
		str id = told->at[i].id;
		if (text_has_line(now->ids, id, &noted))
			continue;
		buf_say(&ids, how == STORE_TOLD ? "%S\n" : "%S %l\n", id, how);
	}
	return buf_str(&ids);
}

/* With the record locked and read into *now: what it is to say. */
static str new_record(store *st, const store_announced *a, store_announced *now,
		      const store_messages *told, int64_t how)
{
	str rest = a->unread, ids = merge_ids(st, a, now, told, how), next = ids;
	bool all = a->whole && is_settled(a->seen_changed, a->seen_looked);
	while (rest.n && all)
		all = text_has_line(ids, str_cut(&rest, '\n'), &next);
	if (!all) {
		now->changed = now->looked = 0;
	} else if (now->changed != a->seen_changed || !is_settled(now->changed, now->looked)) {
		now->changed = a->seen_changed;
		now->looked = a->seen_looked;
	}
	if (a->in_turn != a->was_in_turn)
		now->in_turn = a->in_turn;
	if (a->stops != a->had_stops)
		now->stops = a->stops;
	return arena_say(st->mem, "%l %l %d %d\n%S", now->changed, now->looked, (int)now->in_turn,
			 now->stops, ids);
}

store_result store_note_announced(store *st, store_announced *a, const store_messages *told,
				  int64_t how)
{
	const char *name = announced_name(st, a->agent, a->session);
	store_announced now = { 0 };
	struct stat seen;
	str before = S(""), after;
	int fd, error;
	bool well;
	if (!store_name_ok(a->agent))
		return STORE_OK;

	/* 1. Lock it; the sweep may have deleted it in between. */
	for (;;) {
		fd = open_own(st, ANNOUNCED, name, O_RDWR);
		if (fd < 0)
			return STORE_FAILED;
		bool locked = lock_record(st, fd, LOCK_EX);
		if (locked && same_inode(fd, st->fd[ANNOUNCED], name))
			break;
		sys_close(fd);
		if (!locked) {
			failed(st, "lock", path_in(st, ANNOUNCED, name), EAGAIN);
			return STORE_BUSY;
		}
	}

	/* 2. What others noted meanwhile stays. */
	if (sys_fstat(fd, &seen) == 0 && read_open(st, fd, 0, MAX_FILE, &seen, &before))
		parse_announced(before, &now);
	after = new_record(st, a, &now, told, how);

	/* 3. Write what changes. */
	well = str_eq(before, after) || (lseek(fd, 0, SEEK_SET) == 0 && write_all(fd, after) == 0 &&
					 sys_truncate(fd, (off_t)after.n) == 0);
	error = errno;
	sys_close(fd);
	return well ? STORE_OK : failed(st, "write", path_in(st, ANNOUNCED, name), error);
}

int store_claim_wait(store *st, str agent, str session, int64_t *pid)
{
	const char *name = arena_say(st->mem, ".wait-%s", announced_name(st, agent, session)).s;
	int fd = open_own(st, ANNOUNCED, name, O_RDWR);
	str own = arena_say(st->mem, "%l\n", (int64_t)getpid()), other = S("");
	struct stat seen;
	*pid = 0;
	if (fd < 0)
		return -2;
	if (try_lock(st, fd, LOCK_EX) == 0) {
		if (sys_truncate(fd, 0) == 0)
			write_all(fd, own);      /* it only says who waits */
		return fd;
	}
	if (sys_fstat(fd, &seen) == 0 && read_open(st, fd, 0, 32, &seen, &other))
		str_int(str_trim(other), pid);
	sys_close(fd);
	return -1;
}

int store_take_draft(store *st, str verb, str target, str *path, str *text, int64_t *pid)
{
	const char *name = arena_say(st->mem, ".draft-%s.md", announced_name(st, verb, target)).s;
	int claim = store_claim_wait(st, verb, target, pid);
	struct stat seen;
	store_result r;
	*path = path_in(st, ROOT, name);
	*text = S("");
	if (claim < 0)
		return claim;
	r = get(st, ROOT, name, 0, MAX_FILE, text, &seen);
	if (r == STORE_ABSENT)
		r = replace_file(st, ROOT, name, S(""), &never);
	if (r == STORE_OK)
		return claim;
	if (st->fault.error == ELOOP || st->fault.error == EISDIR || st->fault.error == EINVAL)
		st->fault.why = "it is not a regular file; move it away";
	sys_close(claim);
	return -2;
}

/* ==== Specs ====
 * The current text is the documented file. Every version that was published here is also kept in
 * the spec's directory of .history, under its number; there is no index that could disagree. A text
 * that another program wrote over ours is the next version: readers say so, and the next publish
 * keeps it. Readers write nothing but their own mark. */

/* Takes the first line off *text if it is a comment that begins so. */
static bool take_line(str *text, const char *start, str *middle)
{
	str rest = *text, line = str_cut(&rest, '\n');
	if (str_ends(line, S("\r")))
		line.n--;
	if (!str_starts(line, str_of(start)) || !str_ends(line, S(" -->")))
		return false;
	*middle = str_from(line, (ptrdiff_t)strlen(start));
	middle->n -= 4;
	*text = rest;
	return middle->n >= 0;
}

/* Splits a file into head and content: "<!-- Published by: P at T -->", in the history perhaps a
 * note, and an empty line. An editor may have put a byte-order mark before it or changed the line
 * ends. */
static void split_spec(str file, bool past, store_spec *spec)
{
	str text = file, line;
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = str_from(text, 3);
	spec->publisher = spec->published = spec->note = S("");
	spec->text = text;
	if (take_line(&text, "<!-- Published by: ", &line)) {
		for (ptrdiff_t at = line.n - 4; at > 0 && spec->publisher.n == 0; at--) {
			if (!str_starts(str_from(line, at), S(" at ")))
				continue;
			spec->publisher = (str){ line.s, at };
			spec->published = str_from(line, at + 4);
		}
		if (past)
			take_line(&text, "<!-- Note: ", &spec->note);
		spec->text = text;
		if (str_starts(text, S("\n")))
			spec->text = str_from(text, 1);
		else if (str_starts(text, S("\r\n")))
			spec->text = str_from(text, 2);
	}
	spec->size = spec->text.n;
	spec->past = past;
}

static const char *version_file(store *st, int64_t version)
{
	return arena_say(st->mem, "%l.md", version).s;
}

/* It does not stay the same for long enough to be read. */
static store_result being_written(store *st, enum dir d, const char *file)
{
	failed(st, "read", path_in(st, d, file), EAGAIN);
	st->fault.why = "another program is writing it; try again";
	return STORE_FAILED;
}

/* Reads one file of a spec from one descriptor, and once more where it changed meanwhile. An empty
 * one that is young is being written over in place; one that is empty for good is damaged. */
static store_result read_spec(store *st, enum dir d, const char *file, store_spec *spec,
			      struct stat *seen)
{
	for (;;) {
		int fd, error;
		str text;
		struct stat after = { 0 };
		store_result r = open_file(st, d, file, &fd, seen);
		if (r != STORE_OK)
			return r;
		bool well = read_open(st, fd, 0, MAX_FILE, seen, &text) &&
			    sys_fstat(fd, &after) == 0;
		error = errno;
		sys_close(fd);
		if (well && seen->st_size > MAX_FILE) {
			well = false;            /* half of a text must not pass for it */
			error = EFBIG;
		}
		if (!well)
			return failed(st, "read", path_in(st, d, file), error);
		if (text.n && same_file(seen, &after)) {
			split_spec(text, d == PAST, spec);
			return STORE_OK;
		}
		if (text.n == 0 && !is_young(seen))
			return failed(st, "read", path_in(st, d, file), 0);
		if (st->naps >= TABLE_NAPS)
			return being_written(st, d, file);
		nap(1 << st->naps++);
	}
}

enum { MAX_VERSION = 1000 * 1000 * 1000 };       /* a greater number is no version of ours */

/* The newest version that is kept of the spec whose history is PAST, 0: none; and how many are. */
static store_result newest_version(store *st, int64_t *newest, int *kept)
{
	names it;
	int64_t version;
	*newest = *kept = 0;
	if (!names_open(st, &it, PAST))
		return STORE_FAILED;
	for (; names_next(&it, S(""), S(".md")); ++*kept)
		if (str_int(it.stem, &version) && version > *newest && version < MAX_VERSION)
			*newest = version;
	return names_close(st, &it);
}

/* What version 1.0 kept beside the texts: {versions: [{version, note...}], readers: {"<agent>":
 * version}}. NULL where there is none; of a damaged one what stood before the damage. */
static store_result old_index(store *st, json **doc)
{
	store_result r;
	*doc = NULL;
	r = load(st, PAST, "index.json", MAX_TABLE, doc, NULL);
	if (r == STORE_ABSENT || (r == STORE_FAILED && st->fault.error == 0))
		return STORE_OK;
	return r;
}

static int64_t number_in(const json *object, str key)
{
	const json *value = json_get(object, key);
	int64_t n = 0;
	if (value)
		str_int(value->raw, &n);
	return n;
}

/* 1.0 kept the notes in its index. */
static store_result read_kept(store *st, int64_t version, store_spec *spec, struct stat *seen)
{
	store_result r = read_spec(st, PAST, version_file(st, version), spec, seen);
	json *index = NULL;
	spec->version = version;
	if (r == STORE_OK && spec->note.n == 0)
		r = old_index(st, &index);
	for (json *v = first_of(json_get(index, S("versions")), JSON_ARRAY); v; v = v->next)
		if (number_in(v, S("version")) == version)
			spec->note = text_one_line(st->mem, json_get_text(st->mem, v, S("note")));
	return r;
}

/* The same but for line ends, which editors change. */
static bool same_text(str a, str b)
{
	ptrdiff_t i = 0, k = 0;
	for (;; i++, k++) {
		i += i + 1 < a.n && a.s[i] == '\r' && a.s[i + 1] == '\n';
		k += k + 1 < b.n && b.s[k] == '\r' && b.s[k + 1] == '\n';
		if (i >= a.n || k >= b.n)
			return i >= a.n && k >= b.n;
		if (a.s[i] != b.s[k])
			return false;
	}
}

/* Finds which version the current text is. That is the newest one, or an older one that a publish
 * has not replaced yet, or died before it did; a text that was written after the newest and is
 * another is a foreign one. Where the history cannot be read nothing is concluded from it: it is
 * then the newest for a reader, and a failure for a writer. */
static store_result number_current(store *st, store_spec *spec, const struct stat *seen)
{
	int64_t newest;
	int kept_n;
	bool more = true;
	store_result r = newest_version(st, &newest, &kept_n);
	for (int64_t v = newest; v > 0 && more && r == STORE_OK; v--) {
		store_spec kept = { 0 };
		struct stat then;
		r = read_kept(st, v, &kept, &then);
		if (r == STORE_OK && str_eq(kept.publisher, spec->publisher) &&
		    str_eq(kept.published, spec->published) && same_text(kept.text, spec->text)) {
			spec->version = v;
			spec->note = kept.note;
			return STORE_OK;
		}
		more = r == STORE_FAILED || (r == STORE_OK && mtime_ns(seen) <= mtime_ns(&then));
		if (r == STORE_ABSENT || (r == STORE_FAILED && st->fault.error == 0))
			r = STORE_OK;            /* no text, or a damaged one: not this */
	}
	spec->foreign = r == STORE_OK;
	spec->version = newest + spec->foreign;
	if (spec->version == 0)
		spec->version = 1;
	return r;
}

/* The current text and its number, which is 0 where there is no text. A foreign text that is a
 * moment old may be half of one: it is read until it stays. Where it never does, because it is
 * written over all the time, any text is taken but one whose length is a multiple of a page, at
 * which a write in steps is to be found: its writer may have been held up there. */
static store_result read_current(store *st, str name, store_spec *spec, struct stat *seen)
{
	enum { SETTLED_MS = 50, SETTLE_NAPS = 6, STEP = 4096 };
	const char *file = file_name(st, name, ".md");
	for (;;) {
		*spec = (store_spec){ .name = arena_copy(st->mem, name) };
		store_result r = read_spec(st, SPECS, file, spec, seen);
		if (r != STORE_OK)
			return r;
		spec->version = 1;
		if (!store_name_ok(name))
			return r;
		use_past(st, name);
		r = number_current(st, spec, seen);
		bool is_step = seen->st_size % STEP == 0;
		int64_t age = age_of(seen), settled = is_step ? YOUNG_MS : SETTLED_MS;
		if (r != STORE_OK || !spec->foreign || age > settled || age < 0)
			return r;
		if (st->naps >= SETTLE_NAPS && !is_step)
			return r;
		if (st->naps >= READER_NAPS) {
			spec->version = 0;       /* it is not one to be shown */
			return being_written(st, SPECS, file);
		}
		nap(1 << st->naps++);
	}
}

/* Is there a spec of exactly this name? *similar is one that differs in case only. */
static bool spec_exists(store *st, str name, str *similar)
{
	names it;
	bool found = false;
	*similar = S("");
	if (!names_open(st, &it, SPECS))
		return false;
	while (names_next(&it, S(""), S(".md"))) {
		found = found || str_eq(it.stem, name);
		if (str_eq_nocase(it.stem, name) && !str_eq(it.stem, name))
			*similar = arena_copy(st->mem, it.name);
	}
	names_close(st, &it);
	return found;
}

/* A foreign name, which breaks the rule, is looked up in the directory listing; it has no
 * history. */
store_result store_find_spec(store *st, str name, int64_t version, store_spec *out)
{
	struct stat seen;
	str ignored;
	store_result r;
	int kept;
	*out = (store_spec){ 0 };
	if (!store_name_ok(name) && !spec_exists(st, name, &ignored))
		return STORE_ABSENT;
	r = read_current(st, name, out, &seen);
	if (r == STORE_FAILED && out->version > 0) {
		note_damage(st, st->fault.path); /* of its history; it is a text all the same */
		r = STORE_OK;
	}
	if (r == STORE_OK && version == out->version)
		return r;
	if (!store_name_ok(name))
		return version ? STORE_ABSENT : r;
	use_past(st, name);
	if (r == STORE_ABSENT && version == 0)
		newest_version(st, &out->version, &kept);
	if (version == 0)
		return r;
	*out = (store_spec){ .name = arena_copy(st->mem, name) };
	return read_kept(st, version, out, &seen);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const store_spec *)a)->name, ((const store_spec *)b)->name);
}

store_result store_list_specs(store *st, store_specs *out)
{
	names it;
	*out = (store_specs){ 0 };
	if (!names_open(st, &it, SPECS))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(".md")))
		ADD(st->mem, out) = (store_spec){ .name = arena_copy(st->mem, it.stem) };
	if (out->n)
		qsort(out->at, (size_t)out->n, sizeof *out->at, by_name);
	return names_close(st, &it);
}

store_result store_list_lost_specs(store *st, store_specs *out)
{
	names it;
	struct stat seen;
	*out = (store_specs){ 0 };
	if (!names_open(st, &it, HISTORY))
		return STORE_FAILED;
	while (names_next(&it, S(""), S(""))) {
		store_spec spec = { .name = arena_copy(st->mem, it.name), .past = true };
		int kept;
		if (!store_name_ok(spec.name) ||
		    is_there(st, SPECS, file_name(st, spec.name, ".md"), &seen) != 0)
			continue;
		use_past(st, spec.name);
		if (newest_version(st, &spec.version, &kept) == STORE_OK && spec.version)
			ADD(st->mem, out) = spec;
	}
	if (out->n)
		qsort(out->at, (size_t)out->n, sizeof *out->at, by_name);
	return names_close(st, &it);
}

/* Passes a spec over that cannot be read. */
static store_result pass_over(store *st, store_result r)
{
	if (r == STORE_FAILED)
		note_damage(st, st->fault.path);
	return r;
}

store_result store_read_head(store *st, store_spec *spec)
{
	const char *file = file_name(st, spec->name, ".md");
	struct stat seen;
	str name = spec->name, head;
	store_result r = get(st, SPECS, file, 0, HEAD_BYTES, &head, &seen);
	if (r == STORE_OK && head.n == 0) {      /* it is being written, or damaged */
		r = read_spec(st, SPECS, file, spec, &seen);
	} else if (r == STORE_OK) {
		split_spec(head, false, spec);
		spec->size += (int64_t)seen.st_size - head.n;
	}
	spec->name = name;
	spec->text = S("");
	return pass_over(st, r);
}

/* The text is read into memory that is given back. */
store_result store_describe_spec(store *st, store_spec *spec)
{
	arena *mem = st->mem, scratch = { 0 };
	store_spec whole;
	struct stat seen;
	st->mem = &scratch;
	store_result r = read_current(st, spec->name, &whole, &seen);
	st->mem = mem;
	st->fault.path = arena_copy(mem, st->fault.path);
	if (r == STORE_OK || (r == STORE_FAILED && whole.version > 0))
		*spec = (store_spec){
			.name = spec->name, .publisher = arena_copy(mem, whole.publisher),
			.published = arena_copy(mem, whole.published),
			.note = arena_copy(mem, whole.note), .version = whole.version,
			.size = whole.size, .foreign = whole.foreign,
		};
	use_past(st, S(""));
	arena_rewind(&scratch, (arena){ 0 });
	return pass_over(st, r);
}

/* ---- Readers ---- */

store_result store_list_readers(store *st, str name, store_records *out)
{
	json *index = NULL;
	store_result r;
	*out = (store_records){ 0 };
	if (!store_name_ok(name))
		return STORE_OK;
	use_past(st, name);
	r = list_table(st, PAST, "readers.json", out);
	if (r == STORE_OK)
		r = old_index(st, &index);
	for (json *m = first_of(json_get(index, S("readers")), JSON_OBJECT); m; m = m->next) {
		str agent = json_key(st->mem, m);
		json *doc = json_with_text(st->mem, NULL, S("agent"), agent);
		if (!store_named(out, agent))
			ADD(st->mem, out) = (store_record){
				agent, json_with(st->mem, doc, S("version"), m->raw),
			};
	}
	return r;
}

int64_t store_version_read(const store_records *readers, str agent)
{
	const store_record *reader = store_named(readers, agent);
	return reader ? number_in(reader->doc, S("version")) : 0;
}

/* A reader's version never goes back: it is looked at again under the lock. */
store_result store_note_reader(store *st, str name, str agent, int64_t version)
{
	store_records readers;
	json *doc = json_with_text(st->mem, NULL, S("agent"), agent);
	store_result r = store_list_readers(st, name, &readers);
	if (!store_name_ok(name) || r != STORE_OK || store_version_read(&readers, agent) >= version)
		return r;
	r = lock(st);
	if (r == STORE_OK)
		r = store_list_readers(st, name, &readers);
	doc = json_with(st->mem, doc, S("version"), arena_say(st->mem, "%l", version));
	doc = json_with_text(st->mem, doc, S("readAt"), time_format(st->mem, time_now()));
	if (r == STORE_OK && store_version_read(&readers, agent) < version)
		r = edit_record(st, PAST, "readers.json", agent, SET, doc, NULL);
	unlock(st);
	return r;
}

/* ---- Publishing ---- */

/* Keeps a text under its number. With `never` as `seen` that must be a new one, else it is
 * CHANGED. */
static store_result keep_version(store *st, const store_spec *spec, const struct stat *seen)
{
	buf text = { .mem = st->mem };
	if (spec->publisher.n || spec->published.n)
		buf_say(&text, "<!-- Published by: %S at %S -->\n", spec->publisher,
			spec->published);
	if (text.n && spec->note.n)
		buf_say(&text, "<!-- Note: %S -->\n", spec->note);
	if (text.n)
		buf_char(&text, '\n');
	buf_add(&text, spec->text);
	return replace_file(st, PAST, version_file(st, spec->version), buf_str(&text), seen);
}

/* What 1.0's index knows goes where it belongs, and the index goes. */
static store_result retire_index(store *st, str name)
{
	store_records readers = { 0 };
	json *index, *entry;
	store_result r = old_index(st, &index);
	if (!index)
		return r;
	json *v = first_of(json_get(index, S("versions")), JSON_ARRAY);
	for (; v && r == STORE_OK; v = v->next) {
		store_spec kept = { 0 };
		struct stat seen;
		if (json_get_text(st->mem, v, S("note")).n == 0)
			continue;
		r = read_kept(st, number_in(v, S("version")), &kept, &seen);
		if (r == STORE_OK)
			r = keep_version(st, &kept, NULL);
		else if (r == STORE_ABSENT || st->fault.error == 0)
			r = STORE_OK;            /* a note of nothing */
	}
	if (r == STORE_OK)
		r = store_list_readers(st, name, &readers);
	for (int i = 0; i < readers.n && r == STORE_OK; i++)
		r = edit_table(st, PAST, "readers.json", readers.at[i].name, SET_NEW,
			       readers.at[i].doc, &entry);
	if (r == STORE_OK)
		sys_unlink(st->fd[PAST], "index.json", 0);
	return r;
}

/* Is the newest version this text, by a publish that died before it was current? */
static bool is_begun(store *st, const store_spec *spec, const store_spec *before)
{
	store_spec kept = { 0 };
	struct stat seen;
	return spec->version > before->version &&
	       read_kept(st, spec->version, &kept, &seen) == STORE_OK &&
	       str_eq(kept.publisher, spec->publisher) && str_eq(kept.text, spec->text);
}

/* Under the lock. May be CHANGED. */
static store_result publish(store *st, store_spec *spec, int64_t base, store_spec *before)
{
	const char *file = file_name(st, spec->name, ".md");
	bool keeps = store_name_ok(spec->name), begun = false, is_kept = false;
	struct stat seen = { 0 }, taken;
	int kept = 0;
	store_result r = STORE_OK;

	/* 1. What is current? An empty or absent text is none. */
	use_past(st, keeps ? spec->name : S(""));
	spec->version = 0;
	if (keeps)
		r = newest_version(st, &spec->version, &kept);
	if (r == STORE_OK)
		r = read_current(st, spec->name, before, &seen);
	if (r == STORE_ABSENT || (r == STORE_FAILED && st->fault.error == 0))
		*before = (store_spec){ .name = spec->name, .version = spec->version };
	else if (r != STORE_OK)
		return r;
	else if (str_eq(before->text, spec->text))
		return STORE_SAME;
	if (base && base != before->version)
		return STORE_CONFLICT;
	if (kept >= STORE_MAX_VERSIONS)
		return STORE_FULL;
	if (!spec->text.s)               /* it was only asked whether one could be published */
		return STORE_OK;
	if (before->version > spec->version)
		spec->version = before->version;
	if (keeps)
		begun = is_begun(st, spec, before);
	spec->version += keeps && !begun;

	/* 2. The history first, so that whoever sees a text can ask for it again. */
	spec->published = time_format(st->mem, time_now());
	if (keeps)
		r = retire_index(st, spec->name);
	else
		r = STORE_OK;
	if (r == STORE_OK && keeps && before->foreign)
		r = keep_version(st, before, &never);
	if (r == STORE_OK && keeps) {
		while ((r = keep_version(st, spec, begun ? NULL : &never)) == CHANGED &&
		       is_there(st, PAST, version_file(st, spec->version), &taken) > 0)
			spec->version++;         /* by another host */
		is_kept = r == STORE_OK || st->fault.placed;
	}
	st->fault.placed = false;        /* a version that is not current yet */

	/* 3. Then the current text, unless somebody wrote it meanwhile. What did not become
	 * current is no version. */
	str text = arena_say(st->mem, "<!-- Published by: %S at %S -->\n\n%S", spec->publisher,
			     spec->published, spec->text);
	if (r == STORE_OK)
		r = replace_file(st, SPECS, file, text, &seen);
	if (is_kept && r != STORE_OK && !st->fault.placed)
		sys_unlink(st->fd[PAST], version_file(st, spec->version), 0);
	return r;
}

store_result store_publish(store *st, store_spec *spec, str content, int64_t base,
			   store_spec *before)
{
	store_result r;
	str similar;
	bool exists = spec_exists(st, spec->name, &similar);
	if (!store_name_ok(spec->name) && !exists)
		return STORE_BAD_NAME;
	if (!exists && similar.n) {
		st->fault = (store_fault){ .path = path_in(st, SPECS, arena_z(st->mem, similar)) };
		return STORE_SIMILAR;
	}
	spec->text = content;
	spec->size = content.n;
	spec->note = text_one_line(st->mem, spec->note);
	do {
		r = lock(st);
		if (r == STORE_OK)
			r = publish(st, spec, base, before);
	} while (r == CHANGED);
	unlock(st);
	return r;
}

/* ==== The doctor ====
 * Looks at every file of the layout and says what is not as it should be. Mending means moving
 * aside, under a name that nobody reads. */

static void find_defect(store *st, store_findings *out, str path, store_defect what)
{
	ADD(st->mem, out) = (store_finding){ .path = path, .what = what };
}

/* Whose all of it should be. Root acts for the owner of the store. */
static uid_t user_of(store *st)
{
	struct stat root;
	int fd = dir_fd(st, ROOT, false);
	return geteuid() == 0 && fd >= 0 && sys_fstat(fd, &root) == 0 ? root.st_uid : geteuid();
}

static void find_owner(store *st, store_findings *out, str path, uid_t owner)
{
	find_defect(st, out, path, STORE_NOT_OURS);
	out->at[out->n - 1].owner = (int64_t)owner;
	out->at[out->n - 1].user = (int64_t)user_of(st);
}

/* What a failure to read a file or a directory says of it. What stands there says more: a link, or
 * what another user owns, may lead to what is whole. The root may be a link. */
static void find_failure(store *st, store_findings *out, enum dir d, const char *name)
{
	int error = st->fault.error, links = d == ROOT && !*name ? 0 : AT_SYMLINK_NOFOLLOW;
	str path = path_in(st, d, name);
	struct stat seen = { 0 };
	bool known = sys_stat(AT_FDCWD, arena_z(st->mem, path), &seen, links) == 0;
	store_defect what = STORE_UNREADABLE;
	if (known && S_ISLNK(seen.st_mode))
		what = STORE_LINK;
	else if (error == 0)
		what = STORE_TORN;
	else if (error == EFBIG)
		what = STORE_TOO_LARGE;
	else if (error == EISDIR || error == EINVAL)
		what = STORE_NOT_A_FILE;
	else if (error == ENOTDIR)
		what = STORE_NOT_A_DIR;
	else if (known && seen.st_uid != user_of(st))
		what = STORE_NOT_OURS;
	if (what == STORE_NOT_OURS)
		find_owner(st, out, path, seen.st_uid);
	else
		find_defect(st, out, path, what);
}

enum file_kind { ANY, TABLE, INDEX, META, SPEC };

static void check_file(store *st, enum dir d, const char *name, enum file_kind kind, bool fix,
		       store_findings *out)
{
	store_message m;
	store_spec spec = { 0 };
	json *doc;
	struct stat seen;
	str ignored, id = { name, (ptrdiff_t)strlen(name) - 5 };
	store_result r;
	if (kind == META)
		r = load_meta(st, d, id, &m, &seen);
	else if (kind == TABLE || kind == INDEX)
		r = load(st, d, name, MAX_TABLE, &doc, &seen);
	else if (kind == SPEC)
		r = read_spec(st, d, name, &spec, &seen);
	else
		r = get(st, d, name, 0, 1, &ignored, &seen);
	if (r == STORE_OK && kind == META) {
		const char *body = file_name(st, id, ".md");
		if (is_there(st, BODIES, body, &seen) == 0 &&
		    is_there(st, OLD_BODIES, body, &seen) == 0)
			find_defect(st, out, path_in(st, d, name), STORE_NO_BODY);
	}
	for (json *e = kind == TABLE && r == STORE_OK ? doc->child : NULL; e; e = e->next)
		if (!is_record(st, e)) {
			find_defect(st, out, path_in(st, d, name), STORE_ODD);
			break;
		}
	if (r != STORE_FAILED)
		return;
	find_failure(st, out, d, name);
	store_finding *found = &out->at[out->n - 1];
	bool lost = found->what == STORE_TORN || found->what == STORE_NOT_A_FILE;
	lost = lost || st->lock < 0;     /* .lock holds nothing */
	int dir = dir_fd(st, d, false);
	if (fix && lost && is_there(st, d, name, &seen) > 0 && !is_young(&seen))
		found->fixed = sys_rename(dir, name, dir, quarantine_name(st, name)) == 0 ||
			       errno == ENOENT;
}

/* What is looked at where: one file, or with a leading '*' all that end so. */
static const struct {
	enum dir in;
	const char *name;
	enum file_kind kind;
} layout[] = {
	{ ROOT, ".lock", ANY }, { ROOT, "registry.json", TABLE }, { ROOT, "status.json", TABLE },
	{ BODIES, "*.md", ANY }, { METAS, "*.json", META }, { SPECS, "*.md", SPEC },
	{ OLD_BODIES, "*.md", ANY }, { OLD_METAS, "*.json", META }, { PAST, "*.md", SPEC },
	{ PAST, "readers.json", TABLE }, { PAST, "index.json", INDEX },
};

static void check_files(store *st, enum dir d, str tail, enum file_kind kind, bool fix,
			store_findings *out)
{
	names it;
	bool open = names_open(st, &it, d);
	while (open && names_next(&it, S(""), tail))
		if (kind != META || is_id(it.stem))
			check_file(st, d, arena_z(st->mem, it.name), kind, fix, out);
	if (!open || names_close(st, &it) != STORE_OK)
		find_failure(st, out, d, "");
}

/* A directory, its one files, and, if `deep`, all others. */
static void check_dir(store *st, enum dir d, bool deep, bool fix, store_findings *out)
{
	struct stat seen = { 0 };
	str path = path_in(st, d, "");
	int fd = dir_fd(st, d, false);
	if (fd >= 0 && sys_access(fd, ".", X_OK, 0) < 0) {
		failed(st, "open", path, errno);         /* its names can be read, and no more */
		fd = -1;
	}
	if (fd < 0) {                    /* told of already, if it is the one above that fails */
		if (st->fault.error != ENOENT && str_eq(st->fault.path, path))
			find_failure(st, out, d, "");
		return;
	}
	if (sys_fstat(fd, &seen) == 0 && seen.st_uid != user_of(st)) {
		find_owner(st, out, path, seen.st_uid);
	} else if (seen.st_mode & (S_IWGRP | S_IWOTH)) {
		find_defect(st, out, path, STORE_WRITABLE);
	}
	for (size_t i = 0; i < sizeof layout / sizeof *layout; i++) {
		const char *name = layout[i].name;
		if (layout[i].in != d)
			continue;
		if (*name != '*')
			check_file(st, d, name, layout[i].kind, fix, out);
		else if (deep)
			check_files(st, d, str_of(name + 1), layout[i].kind, fix, out);
	}
}

/* A file of another program in .history, a Thumbs.db, is none of ours. */
static void check_history(store *st, bool fix, store_findings *out)
{
	names it;
	struct stat seen;
	if (!names_open(st, &it, HISTORY))
		return;
	while (names_next(&it, S(""), S(""))) {
		if (is_there(st, HISTORY, it.name.s, &seen) > 0 && S_ISREG(seen.st_mode))
			continue;
		use_past(st, it.name);
		check_dir(st, PAST, true, fix, out);
	}
	names_close(st, &it);
}

store_result store_check(store *st, enum store_depth depth, store_findings *out)
{
	store_result r = STORE_OK;
	bool deep = depth != STORE_QUICKLY, fix = depth == STORE_MEND;
	int root = dir_fd(st, ROOT, false);
	*out = (store_findings){ 0 };
	if (deep && root >= 0) {                 /* see st->no_locks and st->no_dir_sync */
		sync_dir(st, root);
		if (try_lock(st, root, LOCK_SH) == 0)
			sys_flock(root, LOCK_UN);
	}
	if (fix && root >= 0) {
		check_file(st, ROOT, ".lock", ANY, true, out);
		r = lock(st);
	}
	if (r != STORE_OK)
		return r;
	for (int d = ROOT; d < PAST; d++)
		check_dir(st, (enum dir)d, deep, fix, out);
	if (deep)
		check_history(st, fix, out);
	unlock(st);
	return STORE_OK;
}

str store_unwritable(store *st)
{
	struct stat seen;
	str above = st->root;
	for (int d = ROOT; d < PAST; d++) {
		int fd = dir_fd(st, (enum dir)d, false);
		if (fd >= 0 && sys_access(fd, ".", W_OK | X_OK, 0) < 0)
			return path_in(st, (enum dir)d, "");
	}
	while (above.n > 1 && sys_stat(AT_FDCWD, arena_z(st->mem, above), &seen,
				       AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		above = store_dir_of(above);
	return sys_access(AT_FDCWD, arena_z(st->mem, above), W_OK | X_OK, 0) < 0 ? above : S("");
}

/* ==== Signals ====
 * A file in the recipient's workspace tells whoever watches that mail is there. It tells only: it
 * may fail or be deleted without harm, so it is not synced. */

enum { MAX_SIGNALS = 100 };              /* who has not looked at these will not at the next */

/* Steps from a directory into one below it, which must not be a link. */
static int step_into(int parent, const char *name, bool make)
{
	int fd;
	if (parent < 0)
		return -1;
	if (make && sys_mkdir(parent, name, 0700) == 0)
		give_away(parent, parent, name);
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
	give_away(dir, dir, name);
	sys_close(fd);
	return true;
}

static int open_inbox(arena *mem, str workspace, bool make)
{
	int fd = -1;
	if (str_starts(workspace, S("/")) && !memchr(workspace.s, '\0', (size_t)workspace.n))
		fd = open_retry(AT_FDCWD, arena_z(mem, workspace), open_dir_flags);
	fd = step_into(step_into(fd, ".claude", make), "inbox", make);
	if (fd >= 0 && make)
		write_new(fd, ".gitignore", S("*\n"));
	return fd;
}

/* How many signals are in an inbox; with `clear`, removes them. */
static int count_signals(int inbox, bool clear)
{
	int own = open_retry(inbox, ".", open_dir_flags), n = 0;
	names it = { .dir = own < 0 ? NULL : fdopendir(own) };
	if (own >= 0 && !it.dir)
		close(own);
	while (names_next(&it, S(""), S(".signal"))) {
		n++;
		if (clear)
			sys_unlink(inbox, it.name.s, 0);
	}
	if (it.dir)
		closedir(it.dir);
	return n;
}

void store_signal(arena *mem, str workspace, str from, str line)
{
	int inbox = store_name_ok(from) ? open_inbox(mem, workspace, true) : -1;
	int64_t ms = time_now();
	if (inbox < 0)
		return;
	bool told = count_signals(inbox, false) >= MAX_SIGNALS;
	for (int i = 0; i < MAX_SIGNALS && !told; i++)
		told = write_new(inbox, arena_say(mem, "%S-%l.signal", from, ms + i).s, line);
	close(inbox);
}

int store_count_signals(arena *mem, str workspace, bool clear)
{
	int inbox = open_inbox(mem, workspace, false), n;
	if (inbox < 0)
		return 0;
	n = count_signals(inbox, clear);
	close(inbox);
	return n;
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

str store_dir_of(str path)
{
	ptrdiff_t n = path.n;
	while (n > 0 && path.s[n - 1] != '/')
		n--;
	return (str){ path.s, n > 1 ? n - 1 : n };
}

/* Opens the directory of a path as if it were a store; returns the name that stands in it. */
static const char *open_dir_of(store *st, arena *mem, str path)
{
	str dir = store_dir_of(path), name = str_from(path, dir.n);
	store_open(st, mem, dir);
	st->trusting = true;
	return arena_z(mem, str_from(name, str_starts(name, S("/"))));
}

store_result store_write_file(arena *mem, str path, str text, store_fault *fault)
{
	store st;
	const char *name = open_dir_of(&st, mem, path);
	store_result r = replace_file(&st, ROOT, name, text, NULL);
	*fault = st.fault;
	store_close(&st);
	return r;
}

store_result store_read_file(arena *mem, str path, str *text)
{
	store st;
	struct stat seen;
	const char *name = open_dir_of(&st, mem, path);
	store_result r;
	*text = S("");
	r = get(&st, ROOT, name, 0, MAX_FILE, text, &seen);
	store_close(&st);
	return r;
}

store_result store_remove(arena *mem, str path, bool directory, store_fault *fault)
{
	if (sys_unlink(AT_FDCWD, arena_z(mem, path), directory ? AT_REMOVEDIR : 0) == 0)
		return STORE_OK;
	*fault = (store_fault){ .doing = "remove", .path = path, .error = errno };
	return errno == ENOENT ? STORE_ABSENT : STORE_FAILED;
}

enum store_kind store_look(arena *mem, str path)
{
	struct stat seen;
	const char *name = arena_z(mem, path);
	if (sys_stat(AT_FDCWD, name, &seen, 0) < 0)
		return STORE_NOTHING;
	if (S_ISDIR(seen.st_mode))
		return STORE_DIRECTORY;
	if (!S_ISREG(seen.st_mode))
		return STORE_OTHER;
	return sys_access(AT_FDCWD, name, X_OK, 0) == 0 ? STORE_PROGRAM : STORE_FILE;
}
