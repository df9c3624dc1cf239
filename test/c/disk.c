/* disk: a disk with a cache that loses power, as the file "disk" in a directory, for
 * powercut.sh to make a loop device of. Linux only, as root.
 *
 *   disk PLATTER CACHED DIRECTORY SEED
 *
 * PLATTER is a file as large as the disk, CACHED a copy of it. What is written goes to
 * CACHED, and to PLATTER only when the disk is told to flush (a sync of the file). After
 * SIGUSR1 the power is gone: of what was not flushed each write reaches PLATTER whole,
 * not at all, or sector by sector as it happens, whatever came before it, and nothing
 * else is answered. It ends when the directory is unmounted. It speaks the kernel's FUSE
 * protocol itself: there is one file, and no library. */
#define _GNU_SOURCE                     /* ppoll */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, DISK, SECTOR = 512, LARGEST = 128 * 1024 };

typedef struct {
	off_t at;
	size_t n;
	char *bytes;
} piece;

static int device, platter, cached;
static uint64_t size;
static piece *pending;
static size_t pending_n, room;
static bool is_off;
static volatile sig_atomic_t cut;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void on_signal(int number)
{
	cut = number;
}

static void put(const char *bytes, size_t n, off_t at)
{
	if (pwrite(platter, bytes, n, at) != (ssize_t)n)
		die("platter");
}

static void forget(void)
{
	while (pending_n)
		free(pending[--pending_n].bytes);
}

static void flush(void)
{
	for (size_t i = 0; i < pending_n; i++)
		put(pending[i].bytes, pending[i].n, pending[i].at);
	forget();
}

static void lose_power(void)
{
	size_t lost = 0;
	for (size_t i = 0; i < pending_n; i++) {
		piece *p = &pending[i];
		long fate = random() % 3;       /* 0: lost, 1: whole, 2: torn */
		lost += fate != 1;
		for (size_t from = 0; from < p->n; from += SECTOR)
			if (fate == 1 || (fate == 2 && random() % 2))
				put(p->bytes + from, p->n - from < SECTOR ? p->n - from : SECTOR, p->at + (off_t)from);
	}
	printf("%zu writes were not flushed, %zu of them are lost or torn\n", pending_n, lost);
	fflush(stdout);
	forget();
	is_off = true;
}

static int store(const char *bytes, size_t n, off_t at)
{
	if (pwrite(cached, bytes, n, at) != (ssize_t)n)
		return -EIO;
	if (pending_n == room)
		pending = realloc(pending, (room = room * 2 + 64) * sizeof *pending);
	char *copy = malloc(n);
	if (!pending || !copy)
		die("memory");
	memcpy(copy, bytes, n);
	pending[pending_n++] = (piece){ at, n, copy };
	return 0;
}

/* ---- The protocol: each request has one answer, but for those that nobody waits for ---- */

static void answer(const struct fuse_in_header *to, int error, const void *body, size_t n)
{
	struct fuse_out_header head = { (uint32_t)(sizeof head + (error ? 0 : n)), error, to->unique };
	struct iovec parts[2] = { { &head, sizeof head }, { (void *)body, n } };
	if (writev(device, parts, error || !n ? 1 : 2) < 0 && errno != ENOENT)
		die("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){ .ino = node, .size = node == DISK ? size : 0, .nlink = 1, .blksize = 4096,
		.mode = node == DISK ? S_IFREG | 0600 : S_IFDIR | 0700 };
}

static void answer_read(const struct fuse_in_header *in, const struct fuse_read_in *what)
{
	static char bytes[LARGEST];
	size_t n = what->size < LARGEST ? what->size : LARGEST;
	ssize_t got = pread(cached, bytes, n, (off_t)what->offset);
	answer(in, got < 0 ? -EIO : 0, bytes, got < 0 ? 0 : (size_t)got);
}

static void answer_write(const struct fuse_in_header *in, const struct fuse_write_in *what)
{
	struct fuse_write_out done = { .size = what->size };
	answer(in, store((const char *)(what + 1), what->size, (off_t)what->offset), &done, sizeof done);
}

static void serve(const struct fuse_in_header *in, const void *body)
{
	struct fuse_init_out hello = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = LARGEST };
	struct fuse_entry_out entry = { .nodeid = DISK, .entry_valid = 3600, .attr_valid = 3600, .attr = attributes(DISK) };
	struct fuse_attr_out is = { .attr_valid = 3600, .attr = attributes(in->nodeid) };
	struct fuse_open_out open = { 0 };
	switch (in->opcode) {
	case FUSE_INIT: answer(in, 0, &hello, sizeof hello); break;
	case FUSE_LOOKUP: answer(in, strcmp(body, "disk") == 0 ? 0 : -ENOENT, &entry, sizeof entry); break;
	case FUSE_GETATTR: answer(in, 0, &is, sizeof is); break;
	case FUSE_OPEN: answer(in, 0, &open, sizeof open); break;
	case FUSE_READ: answer_read(in, body); break;
	case FUSE_WRITE: answer_write(in, body); break;
	case FUSE_FSYNC: flush(); answer(in, 0, NULL, 0); break;
	case FUSE_RELEASE: answer(in, 0, NULL, 0); break;
	case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
	default: answer(in, -ENOSYS, NULL, 0);
	}
}

static void mount_it(const char *directory)
{
	char options[64];
	if ((device = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0)
		die("/dev/fuse");
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (mount("disk", directory, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		die(directory);
}

/* The signal is taken only while we wait, so between two requests. */
static bool next_request(void *request, size_t n)
{
	struct pollfd wait = { .fd = device, .events = POLLIN };
	sigset_t none;
	sigemptyset(&none);
	while (ppoll(&wait, 1, NULL, &none) < 0)
		if (errno == EINTR && cut && !is_off)
			lose_power();
	ssize_t got = read(device, request, n);
	if (got < 0 && errno != ENODEV && errno != EINTR && errno != ENOENT)
		die("request");
	if (got < 0 && errno == ENODEV)
		return false;
	return got >= 0 || next_request(request, n);
}

int main(int argc, char **argv)
{
	static uint64_t request[(LARGEST + 8192) / sizeof(uint64_t)];
	const struct fuse_in_header *in = (const void *)request;
	struct sigaction on = { .sa_handler = on_signal };
	struct stat seen;
	sigset_t held;
	if (argc != 5) {
		fprintf(stderr, "usage: disk PLATTER CACHED DIRECTORY SEED\n");
		return 2;
	}
	platter = open(argv[1], O_RDWR | O_CLOEXEC);
	cached = open(argv[2], O_RDWR | O_CLOEXEC);
	if (platter < 0 || cached < 0 || fstat(platter, &seen) < 0)
		die(argv[1]);
	size = (uint64_t)seen.st_size;
	srandom((unsigned)atoi(argv[4]));
	sigemptyset(&held);
	sigaddset(&held, SIGUSR1);
	sigprocmask(SIG_BLOCK, &held, NULL);
	sigaction(SIGUSR1, &on, NULL);
	mount_it(argv[3]);
	while (next_request(request, sizeof request)) {
		bool touches = in->opcode == FUSE_READ || in->opcode == FUSE_WRITE || in->opcode == FUSE_FSYNC;
		if (is_off && touches)
			answer(in, -EIO, NULL, 0);
		else
			serve(in, in + 1);
	}
	return 0;
}
