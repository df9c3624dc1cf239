/* cachetest: what an index remembers must never show. Thousands of random
 * steps, our writers' and a foreign one's, files damaged, moved away and back,
 * the directory replaced, events lost, the memo stale, torn or forged, the clock
 * set forth and back; and after each the mail of some agent is asked for, and
 * counted, with an index that lives on, with one for this look alone, and by
 * reading every file: the answers must be equal.
 *
 *   cachetest DIR STEPS SEED
 */
#define STORE_SYS "test/c/odd.h"
#include "../../store.c"

enum { AGENTS = 5 };

static arena mem;
static store_index lasting;
static char root[900];
static unsigned long long rng;

static unsigned pick(unsigned n)
{
	rng = rng * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(rng >> 33) % n;
}

static str agent(unsigned i)
{
	static const char *const list[AGENTS] = { "api", "web", "db", "DB Server, EU", "human" };
	return str_of(list[i]);
}

static void begin(store *st, store_index *index)
{
	store_open(st, &mem, str_of(root));
	st->index = index;
}

static const char *path_of(const char *folder, str id, const char *tail)
{
	return arena_say(&mem, "%s/%s/%S%s", root, folder, id, tail).s;
}

static void foreign_write(const char *path, const void *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	close(fd);
}

/* ==== Steps ==== */

/* The reference: reads every file. */
static store_result scan(store *st, store_messages *out)
{
	store_messages all;
	store_result r = store_list_all(st, 0, &all);
	*out = (store_messages){ 0 };
	for (int i = 0; i < all.n; i++)
		if (!all.at[i].archived)
			ADD(&mem, out) = all.at[i];
	return r;
}

static bool any_message(store *st, store_message *m)
{
	store_messages all;
	if (scan(st, &all) != STORE_OK || all.n == 0)
		return false;
	*m = all.at[pick((unsigned)all.n)];
	return true;
}

static void step_send(store *st)
{
	store_message m = { .from = agent(pick(AGENTS)), .to = agent(pick(AGENTS)), .subject = S("s"),
			    .urgent = pick(5) == 0 };
	if (store_send(st, &m, S("body")) != STORE_OK)
		abort();
}

/* No program makes mail unread again. */
static store_state later_state(const store_message *m)
{
	return m->state == STORE_PENDING ? (store_state)pick(4) : (store_state)(1 + pick(3));
}

static void step_mark(store *st)
{
	store_message m;
	if (any_message(st, &m))
		store_set_state(st, &m, later_state(&m), ~0u, NULL, 0);
}

/* In place, without a lock, as the other program does it. */
static void step_foreign_edit(store *st)
{
	store_message m;
	if (!any_message(st, &m))
		return;
	str word = store_states[later_state(&m)].word;
	if (str_eq(word, S("acknowledged")) && pick(2))
		word = S("read");
	str text = arena_say(&mem, "{\n  \"id\": \"%S\",\n  \"from\": \"%S\",\n  \"to\": \"%S\",\n"
			     "  \"subject\": \"edited %d\",\n  \"status\": \"%S\",\n  \"createdAt\": \"%S\","
			     "\n  \"updatedAt\": \"%S\"\n}", m.id, m.from, m.to, (int)pick(1000), word,
			     m.created, m.updated);
	foreign_write(path_of("messages-meta", m.id, ".json"), text.s, (size_t)text.n);
}

/* One with an id of its own kind. */
static void step_foreign_send(store *st)
{
	static int last;
	str id = arena_say(&mem, pick(2) ? "by-hand-%d" : "ABCDEF01-0000-4000-8000-0000000%d", 10000 + ++last);
	str text = arena_say(&mem, "{\"id\": \"%S\", \"from\": \"db\", \"to\": \"api\", \"status\": \"pending\", "
			     "\"createdAt\": \"2026-01-01T00:00:00.00%dZ\"}", id, (int)pick(9));
	if (dir_fd(st, METAS, true) >= 0 && access(path_of("messages-meta", id, ".json"), F_OK) != 0)
		foreign_write(path_of("messages-meta", id, ".json"), text.s, (size_t)text.n);
}

static void step_archive(store *st)
{
	store_message m;
	if (!any_message(st, &m))
		return;
	dir_fd(st, OLD_METAS, true);
	rename(path_of("messages-meta", m.id, ".json"), path_of("archive/messages-meta", m.id, ".json"));
}

/* More of them where there are many: what a step costs must not grow. */
static void step_delete(store *st)
{
	store_message m;
	store_messages all;
	int n = scan(st, &all) == STORE_OK ? all.n / 20 : 0;
	for (int i = 0; i <= n && any_message(st, &m); i++)
		unlink(path_of("messages-meta", m.id, ".json"));
}

/* Away, and back some steps later. */
static void step_move(store *st)
{
	static str away;
	static char name[80];
	store_message m;
	if (away.n) {
		rename(path_of(".", away, ".json"), path_of("messages-meta", away, ".json"));
		away.n = 0;
	} else if (any_message(st, &m)) {
		memcpy(name, m.id.s, (size_t)m.id.n);
		away = (str){ name, m.id.n };
		rename(path_of("messages-meta", away, ".json"), path_of(".", away, ".json"));
	}
}

/* A file that is no message, long ago, or whole again. */
static void step_damage(store *st)
{
	static const char *const texts[] = { " ", "{", "[]", "{\"from\":1}", "\xff\xfe", "{\"id\":\"x\"}" };
	static const struct timespec old[2] = { { 1500000000, 0 }, { 1500000000, 0 } };
	const char *path = path_of("messages-meta", arena_say(&mem, "bad-%d", (int)pick(6)), ".json");
	const char *text = texts[pick(6)];
	if (pick(3) == 0) {
		unlink(path);
	} else if (dir_fd(st, METAS, true) >= 0) {
		foreign_write(path, text, strlen(text));
		utimensat(AT_FDCWD, path, old, 0);
	}
}

/* The directory is another one now. */
static void step_remake(store *st)
{
	(void)st;
	if (pick(20))
		return;
	rename(path_of("messages-meta", S(""), ""), path_of("old", arena_say(&mem, "-%d", (int)pick(1000000)), ""));
}

/* Lost without a word: the directory's mtime tells, a little later. */
static void step_steal(store *st)
{
	char text[4096];
	if (lasting.watch <= 0)
		return;
	step_send(st);
	while (read(lasting.watch - 1, text, sizeof text) > 0)
		continue;
	store look_now;
	store_messages ignored;
	begin(&look_now, &lasting);
	store_list_mail(&look_now, S("api"), S(""), &ignored);
	store_close(&look_now);
	if (lasting.unexplained)
		lasting.unexplained -= UNEXPLAINED_MS;
}

static void step_overflow(store *st)
{
	step_send(st);
	step_foreign_edit(st);
	odd.overflow = 1;
}

static void step_jump(store *st)
{
	(void)st;
	odd.jump = pick(2) ? 0 : ((long long)pick(7200) - 3600) * 1000;
}

/* What every process would write, had it opened enough. */
static void step_memo(store *st)
{
	store_index *x;
	if (current_index(st, false, &x) == STORE_OK && x->whole)
		write_memo(st, x);
}

static void step_bad_memo(store *st)
{
	const char *path = path_of("live/", S(".parties"), "");
	str text;
	if (dir_fd(st, LIVE, true) < 0 || store_read_file(&mem, arena_say(&mem, "%S/live/.parties", st->root), &text) != STORE_OK ||
	    text.n < 100)
		return;
	char *s = arena_z(&mem, S(""));
	s = arena_new(&mem, text.n + 64);
	memcpy(s, text.s, (size_t)text.n);
	unlink(path);
	switch (pick(6)) {
	case 0:                          /* a bit */
		s[pick((unsigned)text.n)] ^= (char)(1 << pick(8));
		break;
	case 1:                          /* torn */
		text.n = pick((unsigned)text.n);
		break;
	case 2:                          /* longer than it says */
		text.n += 24;
		break;
	case 3:                          /* of another directory, everybody else's mail, and summed up */
		for (ptrdiff_t i = MEMO_HEAD; i < text.n; i++)
			s[i] = 0;
		s[8] ^= 1;
		break;
	case 4:                          /* a huge count */
		memset(s + 24, 0xff, 8);
		break;
	case 5:
		mkfifo(path, 0600);
		return;
	}
	foreign_write(path, s, (size_t)text.n);
	if (pick(4) == 0)
		chmod(path, 0666);
}

static void (*const steps[])(store *st) = {
	step_send, step_send, step_send, step_send, step_mark, step_mark, step_foreign_edit, step_foreign_send,
	step_archive, step_delete, step_move, step_damage, step_remake, step_steal, step_overflow, step_jump,
	step_memo, step_bad_memo,
};

/* ==== The comparison ==== */

static bool same(const store_messages *a, const store_messages *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!str_eq(a->at[i].id, b->at[i].id) || !str_eq(a->at[i].doc->raw, b->at[i].doc->raw) ||
		    a->at[i].state != b->at[i].state)
			return false;
	return true;
}

static const char *differs(str who, store_index *index)
{
	store plain, st;
	store_messages all, want = { 0 }, got, escalated, want_escalated = { 0 };
	store_counts counts;
	str from = pick(2) ? who : S("");
	int unread = 0, urgent = 0;
	begin(&plain, NULL);
	scan(&plain, &all);
	for (int i = 0; i < all.n; i++) {
		const store_message *m = &all.at[i];
		if (str_eq(m->to, who) || (from.n && str_eq(m->from, from)))
			ADD(&mem, &want) = *m;
		if (m->state == STORE_ESCALATED)
			ADD(&mem, &want_escalated) = *m;
		unread += str_eq(m->to, who) && m->state == STORE_PENDING;
		urgent += str_eq(m->to, who) && m->state == STORE_PENDING && m->urgent;
	}
	begin(&st, index);
	const char *what = NULL;
	if (all.n && pick(2) && str_eq(store_short_id(&st, all.at[0].id), S("")))    /* names first */
		return "an id has no characters";
	if (store_list_mail(&st, who, from, &got) != STORE_OK || !same(&want, &got))
		what = "the lists differ";
	else if (plain.damaged != st.damaged)
		what = "the damage differs";
	else if (store_count_mail(&st, &counts, pick(2) ? &escalated : NULL) != STORE_OK ||
		 store_count_of(&counts, who).unread != unread || store_count_of(&counts, who).urgent != urgent)
		what = "the counts differ";
	else if (store_count_mail(&st, &counts, &escalated) != STORE_OK || !same(&want_escalated, &escalated))
		what = "the escalated differ";
	store_close(&plain);
	store_close(&st);
	return what;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	snprintf(root, sizeof root, "%s", argv[1]);
	mkdir(root, 0700);
	odd.no_sync = 1;
	rng = strtoull(argv[3], NULL, 10);
	for (long i = 0; i < atol(argv[2]); i++) {
		store st;
		unsigned step = pick(sizeof steps / sizeof *steps);
		begin(&st, NULL);
		steps[step](&st);
		store_close(&st);
		str who = agent(pick(AGENTS));
		const char *what = differs(who, &lasting);
		if (!what)
			what = differs(who, NULL);
		if (what) {
			printf("step %ld (kind %u): %s\n", i, step, what);
			return 1;
		}
		arena_reset(&mem);
	}
	store_index_release(&lasting);
	return 0;
}
