/* fault.h: a kernel that fails on demand, put under store.c by a test build
 * (-DSTORE_SYS). INTERAGENT_FAULT is "K WHAT": the K-th call of this process
 * that touches the disk fails with the errno WHAT (a number), or, where WHAT
 * is "short", writes half of what it should, or, where it is "kill", is the
 * last thing that the process does not do; where it is "late", it takes longer
 * than any alarm that is set. A line in the file named by INTERAGENT_FAULT_LOG
 * says that the K-th call was reached, and which it was: a loop over K ends when
 * a run leaves no such line. "0 syncs": each fsync takes 3 s, and leaves a line. */
#ifndef FAULT_H
#define FAULT_H

static struct {
	int ready;
	long left;
	int error;                       /* 0: short or kill */
	int kill, late, syncs;
} fault;

static void fault_plan(void)
{
	const char *plan = getenv("INTERAGENT_FAULT");
	char *what = NULL;
	fault.ready = 1;
	fault.left = plan ? strtol(plan, &what, 10) : 0;
	fault.error = what ? (int)strtol(what, NULL, 10) : 0;
	fault.kill = what && strstr(what, "kill") != NULL;
	fault.late = what && strstr(what, "late") != NULL;
	fault.syncs = what && strstr(what, "syncs") != NULL;
}

static void fault_log(const char *name)
{
	const char *log = getenv("INTERAGENT_FAULT_LOG");
	int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
	if (fd < 0)
		return;
	ssize_t ignored = write(fd, name, strlen(name));
	ignored = write(fd, "\n", 1);
	(void)ignored;
	close(fd);
}

/* Is this the call? */
static int fault_here(const char *name)
{
	if (!fault.ready)
		fault_plan();
	if (fault.syncs && strcmp(name, "fsync") == 0) {
		fault_log(name);
		sleep(3);
	}
	if (fault.left <= 0 || --fault.left > 0)
		return 0;
	fault_log(name);
	if (fault.kill)
		raise(SIGKILL);
	if (fault.late && alarm(0) > 0)
		raise(SIGALRM);
	if (fault.late)
		return 0;
	errno = fault.error;
	return fault.error != 0 || strcmp(name, "write") == 0;
}

static int sys_open(int dir, const char *name, int flags, mode_t mode)
{
	return fault_here("open") ? -1 : openat(dir, name, flags, mode);
}

static int sys_mkdir(int dir, const char *name, mode_t mode)
{
	return fault_here("mkdir") ? -1 : mkdirat(dir, name, mode);
}

static ssize_t sys_read(int fd, void *to, size_t n, off_t at)
{
	return fault_here("read") ? -1 : pread(fd, to, n, at);
}

static ssize_t sys_write(int fd, const void *from, size_t n)
{
	if (!fault_here("write"))
		return write(fd, from, n);
	return fault.error ? -1 : write(fd, from, (n + 1) / 2);
}

static int sys_fsync(int fd)
{
	return fault_here("fsync") ? -1 : fsync(fd);
}

/* A close that fails has closed all the same. */
static int sys_close(int fd)
{
	int failed = fault_here("close"), error = errno, result = close(fd);
	if (!failed)
		return result;
	errno = error;
	return -1;
}

static int sys_rename(int from, const char *name, int to, const char *as)
{
	return fault_here("rename") ? -1 : renameat(from, name, to, as);
}

static int sys_link(int from, const char *name, int to, const char *as, int flags)
{
	return fault_here("link") ? -1 : linkat(from, name, to, as, flags);
}

static int sys_unlink(int dir, const char *name, int flags)
{
	return fault_here("unlink") ? -1 : unlinkat(dir, name, flags);
}

static int sys_stat(int dir, const char *name, struct stat *to, int flags)
{
	return fault_here("stat") ? -1 : fstatat(dir, name, to, flags);
}

static int sys_fstat(int fd, struct stat *to)
{
	return fault_here("fstat") ? -1 : fstat(fd, to);
}

static int sys_chmod(int fd, mode_t mode)
{
	return fault_here("chmod") ? -1 : fchmod(fd, mode);
}

static int sys_chown(int dir, const char *name, uid_t user, gid_t group, int flags)
{
	return fault_here("chown") ? -1 : fchownat(dir, name, user, group, flags);
}

static int sys_truncate(int fd, off_t size)
{
	return fault_here("truncate") ? -1 : ftruncate(fd, size);
}

static int sys_access(int dir, const char *name, int how, int flags)
{
	return fault_here("access") ? -1 : faccessat(dir, name, how, flags);
}

#ifdef __linux__
static ssize_t sys_events(int fd, void *to, size_t n)
{
	return fault_here("events") ? -1 : read(fd, to, n);
}
#endif

static int sys_touch(int fd, const struct timespec *times)
{
	return fault_here("touch") ? -1 : futimens(fd, times);
}

static struct dirent *sys_readdir(DIR *dir)
{
	return fault_here("readdir") ? NULL : readdir(dir);
}

static int sys_flock(int fd, int how)
{
	return fault_here("flock") ? -1 : flock(fd, how);
}

#endif
