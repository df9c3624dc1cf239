/* mkstore: a store of a given size, for the benchmarks.
 *
 *   mkstore DIR MAIL ARCHIVED AGENTS UNREAD [MINE [OWNER]]
 *
 * MAIL messages that are not archived, of the last 20 hours, between AGENTS
 * agents, UNREAD percent of them unread and the others read; MINE of them (10)
 * are to OWNER (a0), the rest to others. The archive's metas share a few inodes, by
 * hard links: only their names cost anything, which is what is to be measured. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#define _DARWIN_C_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static unsigned long long rng = 42;

static unsigned pick(unsigned n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(rng >> 33) % n;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static void make_id(char id[40])
{
	snprintf(id, 40, "%08x-%04x-4%03x-%04x-%04x%08x", pick(0xffffffff), pick(0x10000), pick(0x1000),
		 0x8000 + pick(0x4000), pick(0x10000), pick(0xffffffff));
}

static const char *time_ago(long ms)
{
	static char text[40];
	char seconds[32];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	long long at = (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 - ms;
	time_t s = (time_t)(at / 1000);
	struct tm t;
	gmtime_r(&s, &t);
	strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &t);
	snprintf(text, sizeof text, "%s.%03dZ", seconds, (int)(at % 1000));
	return text;
}

static void make_meta(const char *path, const char *id, const char *to, const char *status, long ago)
{
	char text[600];
	snprintf(text, sizeof text, "{\n  \"id\": \"%s\",\n  \"from\": \"a1\",\n  \"to\": \"%s\",\n"
		 "  \"subject\": \"The contract of the wire, part %u\",\n  \"status\": \"%s\",\n"
		 "  \"createdAt\": \"%s\",\n", id, to, pick(1000), status, time_ago(ago));
	snprintf(text + strlen(text), 100, "  \"updatedAt\": \"%s\"\n}", time_ago(ago));
	write_file(path, text);
}

int main(int argc, char **argv)
{
	static const char *const folders[] = { "", "messages", "messages-meta", "archive", "archive/messages",
					       "archive/messages-meta", "specs", "live" };
	char path[1200], first[1200] = "", id[40], to[40];
	if (argc < 6)
		return 2;
	long mail = atol(argv[2]), archived = atol(argv[3]), mine = argc > 6 ? atol(argv[6]) : 10;
	int agents = atoi(argv[4]), unread = atoi(argv[5]);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s/%s", argv[1], folders[i]);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof path, "%s/registry.json", argv[1]);
	FILE *registry = fopen(path, "w");
	if (!registry)
		return 1;
	for (int i = 0; i < agents; i++)
		fprintf(registry, "%s\n  \"a%d\": {\n    \"name\": \"a%d\",\n    \"workspacePath\": \"/nowhere/a%d\",\n"
			"    \"description\": \"One of many\",\n    \"registeredAt\": \"%s\"\n  }",
			i ? "," : "{", i, i, i, time_ago(86400000));
	fputs("\n}", registry);
	fclose(registry);
	for (long i = 0; i < mail; i++) {
		if (i < mine)
			snprintf(to, sizeof to, "%s", argc > 7 ? argv[7] : "a0");
		else
			snprintf(to, sizeof to, "a%d", agents > 2 ? 2 + (int)pick((unsigned)agents - 2) : 1);
		make_id(id);
		snprintf(path, sizeof path, "%s/messages/%s.md", argv[1], id);
		write_file(path, "Please look at the contract.\n");
		snprintf(path, sizeof path, "%s/messages-meta/%s.json", argv[1], id);
		make_meta(path, id, to, (int)pick(100) < unread ? "pending" : "acknowledged", (long)pick(72000000));
	}
	for (long i = 0; i < archived; i++) {
		make_id(id);
		snprintf(path, sizeof path, "%s/archive/messages-meta/%s.json", argv[1], id);
		if (i % 60000 == 0 || link(first, path) < 0) {
			make_meta(path, id, "a0", "completed", 86400000L * 9);
			struct timespec old[2] = { { time(NULL) - 9 * 86400, 0 }, { time(NULL) - 9 * 86400, 0 } };
			utimensat(AT_FDCWD, path, old, 0);
			snprintf(first, sizeof first, "%s", path);
		}
	}
	snprintf(path, sizeof path, "%s/archive/.swept", argv[1]);
	write_file(path, "");
	return 0;
}
