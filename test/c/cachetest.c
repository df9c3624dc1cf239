/* cachetest: what a server remembers must never show. Thousands of random
 * steps, our writers' and a foreign one's, and after each the mail of some
 * agent is asked for with a memory and without: the answers must be equal.
 *
 *   cachetest DIR STEPS SEED
 */
#include "../../store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { AGENTS = 5 };

static arena mem;
static store_cache cache;
static char root[900];
static unsigned long long state;

static unsigned pick(unsigned n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % n;
}

static str agent(unsigned i)
{
	static const char *const names[AGENTS] = { "api", "web", "db", "DB Server, EU", "human" };
	return str_of(names[i]);
}

static void begin(store *st, store_cache *with)
{
	store_open(st, &mem, str_of(root));
	st->cache = with;
}

/* ==== Steps ==== */

static bool any_message(store *st, store_message *m)
{
	store_messages all;
	if (store_list_mail(st, agent(pick(AGENTS)), S(""), &all) != STORE_OK || all.n == 0)
		return false;
	*m = all.at[pick((unsigned)all.n)];
	return true;
}

static void step_send(store *st)
{
	store_message m = { .from = agent(pick(AGENTS)), .to = agent(pick(AGENTS)), .subject = S("s"), .urgent = pick(5) == 0 };
	if (store_send(st, &m, S("body")) != STORE_OK)
		abort();
}

static void step_mark(store *st)
{
	store_message m;
	if (any_message(st, &m))
		store_set_state(st, &m, (store_state)pick(4), ~0u, NULL, 0);
}

static char *path_of(const char *folder, str id, const char *tail)
{
	static char path[4][1200];
	static int next;
	char *p = path[next++ % 4];
	snprintf(p, 1200, "%s/%s/%.*s%s", root, folder, (int)id.n, id.s, tail);
	return p;
}

static void foreign_write(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
}

/* In place, without a lock, as the other program does it. */
static void step_foreign_edit(store *st)
{
	static const char *const words[] = { "pending", "acknowledged", "completed", "escalated", "read" };
	char text[1200];
	store_message m;
	if (!any_message(st, &m))
		return;
	int n = snprintf(text, sizeof text, "{\n  \"id\": \"%.*s\",\n  \"from\": \"%.*s\",\n  \"to\": \"%.*s\",\n"
			 "  \"subject\": \"edited %u\",\n  \"status\": \"%s\",\n  \"createdAt\": \"%.*s\",\n  \"updatedAt\": \"%.*s\"\n}",
			 (int)m.id.n, m.id.s, (int)m.from.n, m.from.s, (int)m.to.n, m.to.s, pick(1000), words[pick(5)],
			 (int)m.created.n, m.created.s, (int)m.updated.n, m.updated.s);
	foreign_write(path_of("messages-meta", m.id, ".json"), text, (size_t)n);
}

static void step_archive(store *st)
{
	store_message m;
	char folder[1200];
	if (!any_message(st, &m))
		return;
	snprintf(folder, sizeof folder, "%s/archive", root);
	mkdir(folder, 0700);
	snprintf(folder, sizeof folder, "%s/archive/messages-meta", root);
	mkdir(folder, 0700);
	rename(path_of("messages-meta", m.id, ".json"), path_of("archive/messages-meta", m.id, ".json"));
}

static void step_delete(store *st)
{
	store_message m;
	if (any_message(st, &m))
		unlink(path_of("messages-meta", m.id, ".json"));
}

/* A file that is no message, long ago, or whole again. */
static void step_damage(store *st)
{
	static const char *const texts[] = { " ", "{", "[]", "{\"from\":1}", "\xff\xfe", "{\"id\":\"x\"}" };
	static const struct timespec old[2] = { { 1700000000, 0 }, { 1700000000, 0 } };
	char name[32], *path;
	(void)st;
	snprintf(name, sizeof name, "bad-%u", pick(6));
	path = path_of("messages-meta", str_of(name), ".json");
	if (pick(3) == 0) {
		unlink(path);
		return;
	}
	const char *text = texts[pick(6)];
	char folder[1200];
	snprintf(folder, sizeof folder, "%s/messages-meta", root);
	mkdir(folder, 0700);
	foreign_write(path, text, strlen(text));
	utimensat(AT_FDCWD, path, old, 0);
}

/* The directory is another one now, with the same names in it or none. */
static void step_remake(store *st)
{
	char from[1200], to[1200];
	(void)st;
	if (pick(20))
		return;
	snprintf(from, sizeof from, "%s/messages-meta", root);
	snprintf(to, sizeof to, "%s/old-%u", root, pick(1000000));
	rename(from, to);
}

static void (*const steps[])(store *st) = {
	step_send, step_send, step_send, step_mark, step_mark, step_foreign_edit, step_archive, step_delete, step_damage,
	step_remake,
};

/* ==== The comparison ==== */

static bool same(const store_messages *a, const store_messages *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!str_eq(a->at[i].id, b->at[i].id) || !str_eq(a->at[i].doc, b->at[i].doc) || a->at[i].state != b->at[i].state)
			return false;
	return true;
}

static bool compare(str who)
{
	store plain, remembering;
	store_messages a, b;
	begin(&plain, NULL);
	begin(&remembering, &cache);
	str from = pick(2) ? who : S("");
	store_result x = store_list_mail(&plain, who, from, &a), y = store_list_mail(&remembering, who, from, &b);
	bool equal = x == y && same(&a, &b) && plain.damaged == remembering.damaged;
	store_close(&plain);
	store_close(&remembering);
	return equal;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	snprintf(root, sizeof root, "%s", argv[1]);
	mkdir(root, 0700);
	state = strtoull(argv[3], NULL, 10);
	for (long i = 0; i < atol(argv[2]); i++) {
		store st;
		begin(&st, NULL);
		steps[pick(sizeof steps / sizeof *steps)](&st);
		store_close(&st);
		if (!compare(agent(pick(AGENTS)))) {
			printf("step %ld: the answers differ\n", i);
			return 1;
		}
		arena_reset(&mem);
	}
	return 0;
}
