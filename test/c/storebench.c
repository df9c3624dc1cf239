/* storebench: what the store's verbs cost, as ratios to a bare reading of the
 * directory's names in the same run.
 *
 *   storebench STORE      a store of mkstore's
 */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE
#endif
#define _DARWIN_C_SOURCE
#include "../../store.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 41 };

static arena mem;
static str root;
static store_index lasting;
static store_message one;

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double floor_us;

static void measure(const char *name, void (*verb)(store *st), store_index *index)
{
	double times[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		store st;
		double start = now_us();
		store_open(&st, &mem, root);
		st.index = index;
		verb(&st);
		store_close(&st);
		times[i] = now_us() - start;
		arena_reset(&mem);
	}
	qsort(times, ROUNDS, sizeof *times, by_value);
	if (floor_us == 0)
		floor_us = times[ROUNDS / 2];
	printf("%-44s %9.1f us  %6.2f x names\n", name, times[ROUNDS / 2], times[ROUNDS / 2] / floor_us);
}

static void read_names(store *st)
{
	DIR *d = opendir(arena_say(&mem, "%S/messages-meta", st->root).s);
	while (d && readdir(d))
		continue;
	if (d)
		closedir(d);
}

static void list_mail(store *st)
{
	store_messages list;
	store_list_mail(st, S("a0"), S("a0"), &list);
}

static void list_all(store *st)
{
	store_messages list;
	store_list_all(st, time_now() - 86400000, &list);
}

static void hook(store *st)
{
	store_announced a;
	store_messages news;
	store_open_announced(st, S("a0"), S("bench"), &a);
	store_list_news(st, &a, STORE_ALL, &news);
	store_note_announced(st, &a, &news, STORE_TOLD);
}

static void count(store *st)
{
	store_counts counts;
	store_count_mail(st, &counts, NULL);
}

static void count_all(store *st)
{
	store_counts counts;
	store_messages escalated;
	store_count_mail(st, &counts, &escalated);
}

static void find_whole(store *st)
{
	store_message m;
	store_find(st, one.id, &m);
}

static void find_prefix(store *st)
{
	store_message m;
	store_find(st, (str){ one.id.s, 8 }, &m);
}

static void short_id(store *st)
{
	for (int i = 0; i < 20; i++)
		store_short_id(st, one.id);
}

static void set_status(store *st)
{
	store_set_status(st, S("a0"), S("busy"), false, NULL);
}

static void send(store *st)
{
	store_message m = { .from = S("a1"), .to = S("a2"), .subject = S("s") };
	store_send(st, &m, S("body"));
}

static void forget_memo(store *st)
{
	unlink(arena_say(&mem, "%S/live/.parties", st->root).s);
	list_mail(st);
}

/* ==== A herd: 20 processes wait, and mail comes, for nobody of them and for one ==== */

enum { HERD = 20, MAILS = 20 };

static void wait_for_mail(str agent, int ready, int told)
{
	arena own = { 0 };
	store_index index = { 0 };
	for (bool first = true;; first = false) {
		store st;
		store_announced a;
		store_messages news = { 0 };
		store_open(&st, &own, root);
		st.index = &index;
		struct pollfd watch = { .fd = store_watch(&st), .events = POLLIN };
		if (first || store_changed(&st)) {
			store_open_announced(&st, agent, S("herd"), &a);
			store_list_news(&st, &a, 0, &news);
			store_note_announced(&st, &a, &news, STORE_TOLD);
		}
		store_close(&st);
		arena_reset(&own);
		if (first && write(ready, "r", 1) != 1)
			_exit(1);
		if (!first && news.n && write(told, "t", 1) != 1)
			_exit(1);
		if (poll(&watch, 1, 2000) < 0)
			_exit(1);
	}
}

static double cpu_of(pid_t pid)
{
	char path[64];
	unsigned long long ns = 0;
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return (double)ns / 1e3;
}

static void herd(void)
{
	int ready[2], told[2];
	pid_t child[HERD];
	char c;
	double before = 0, after = 0, latency[MAILS], cpu[2];
	alarm(60);
	if (pipe(ready) < 0 || pipe(told) < 0)
		return;
	for (int i = 0; i < HERD; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			alarm(60);
			wait_for_mail(arena_say(&mem, "w%d", i), ready[1], told[1]);
		}
	}
	for (int i = 0; i < HERD; i++)
		if (read(ready[0], &c, 1) != 1)
			return;
	usleep(200000);
	for (int k = 0; k < 2; k++) {
		before = after = 0;
		for (int i = 0; i < HERD; i++)
			before += cpu_of(child[i]);
		for (int n = 0; n < MAILS; n++) {
			store st;
			store_message m = { .from = S("a1"), .to = k ? S("w7") : S("a2"), .subject = S("s") };
			store_open(&st, &mem, root);
			store_send(&st, &m, S("body"));
			store_close(&st);
			double start = now_us();
			if (k && read(told[0], &c, 1) != 1)
				return;
			latency[n] = now_us() - start;
			usleep(50000);
		}
		for (int i = 0; i < HERD; i++)
			after += cpu_of(child[i]);
		cpu[k] = (after - before) / MAILS;
	}
	qsort(latency, MAILS, sizeof *latency, by_value);
	printf("%d wait, a message to somebody else: %.0f us of processor in all, %.0f us each\n", HERD, cpu[0], cpu[0] / HERD);
	printf("the one it is for knows after %.0f us (median), with %.0f us of processor in all\n", latency[MAILS / 2], cpu[1]);
	for (int i = 0; i < HERD; i++) {
		kill(child[i], SIGKILL);
		waitpid(child[i], NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static arena own;
	struct rusage used;
	store st;
	store_messages list;
	if (argc != 2)
		return 2;
	root = str_of(argv[1]);
	measure("the names, read bare", read_names, NULL);
	measure("one look: inbox, no memo", forget_memo, NULL);
	measure("one look: inbox", list_mail, NULL);
	measure("one look: hook", hook, NULL);
	measure("one look: counts of all agents", count, NULL);
	measure("one look: counts and escalated", count_all, NULL);
	store_open(&st, &own, root);
	store_list_mail(&st, S("a0"), S(""), &list);
	one = list.at[0];
	measure("one look: a whole id", find_whole, NULL);
	measure("one look: a prefix", find_prefix, NULL);
	measure("one look: 20 short ids", short_id, NULL);
	measure("one look: all of a day", list_all, NULL);
	measure("one look: set_status, durable", set_status, NULL);
	measure("lasting: inbox", list_mail, &lasting);
	measure("lasting: hook", hook, &lasting);
	measure("lasting: counts of all agents", count, &lasting);
	measure("lasting: counts and escalated", count_all, &lasting);
	measure("lasting: a prefix", find_prefix, &lasting);
	measure("lasting: 20 short ids", short_id, &lasting);
	measure("lasting: send, durable", send, &lasting);
	measure("lasting: inbox after sends", list_mail, &lasting);
	herd();
	getrusage(RUSAGE_SELF, &used);
	printf("%ld KB at most; files opened for the index: %d\n", used.ru_maxrss, lasting.opened);
	return 0;
}
