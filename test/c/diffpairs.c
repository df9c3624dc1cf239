/* diffpairs: holds the line diff against random pairs of texts.
 *
 *   diffpairs COUNT [SEED]           each diff is applied by the applier below,
 *                                    which believes nothing, and must give the
 *                                    new text; small ones must be shortest
 *   diffpairs -write DIR COUNT SEED  writes N.old, N.new and N.diff, for patch
 *   diffpairs -huge                  the same for a few pairs of 1 MiB, without a
 *                                    line in common and with many out of order
 *
 * Exits 1 and prints the pair where something is wrong. */
#include "../../json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 3 };

static arena mem;
static uint64_t state;

static unsigned roll(unsigned sides)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 33) % sides);
}

/* ---- Pairs ---- */

/* Lines that are alike, empty, long, not ASCII, or look like a diff's own. */
static const char *const lines[] = {
	"a", "b", "c", "", " ", "a ", "\t", "--- a", "+++ b", "@@ -1,2 +1,2 @@", "\\ No newline at end of file", "-", "+",
	"- a", "+ a", "GET /users", "GET /orders", "\xc3\xa9t\xc3\xa9", "{", "}", "a very long line that goes on and on and on",
};
enum { LINES = sizeof lines / sizeof *lines };

static void add_line(buf *b, unsigned kinds, int ends)
{
	unsigned which = roll(kinds + 1);
	if (which == kinds)
		buf_say(b, "line %d", (int)roll(40));
	else
		buf_say(b, "%s", lines[which]);
	buf_say(b, ends == 2 || (ends == 1 && roll(2)) ? "\r\n" : "\n");
}

/* One in five has no end to its last line. */
static str finish(buf *b)
{
	if (b->n && roll(5) == 0)
		b->n -= b->n > 1 && b->s[b->n - 2] == '\r' && roll(2) ? 2 : 1;
	return buf_str(b);
}

static str random_text(unsigned most, unsigned kinds, int ends)
{
	buf b = { .mem = &mem };
	for (unsigned n = roll(most + 1); n > 0; n--)
		add_line(&b, kinds, ends);
	return finish(&b);
}

/* The text with some lines dropped, changed, added or moved to CRLF. */
static str edited(str text, unsigned kinds, int ends)
{
	buf b = { .mem = &mem };
	unsigned every = 2 + roll(30);
	while (text.n) {
		str rest = text, line;
		str_cut(&rest, '\n');
		line = (str){ text.s, text.n - rest.n };
		switch (roll(every)) {
		case 0: add_line(&b, kinds, ends); break;
		case 1: if (roll(2)) { add_line(&b, kinds, ends); buf_add(&b, line); } break;
		default: buf_add(&b, line);
		}
		text = rest;
	}
	while (roll(4) == 0) {
		if (b.n && b.s[b.n - 1] != '\n')
			buf_char(&b, '\n');
		add_line(&b, kinds, ends);
	}
	return roll(3) ? buf_str(&b) : finish(&b);
}

static void make_pair(str *a, str *b)
{
	unsigned kinds = 1 + roll(LINES), most = roll(3) == 0 ? 200 : 12;
	int ends = roll(4) == 0 ? (int)roll(3) : 0;
	*a = roll(12) == 0 ? S("") : random_text(most, kinds, ends);
	*b = roll(12) == 0 ? S("") : roll(3) == 0 ? random_text(most, kinds, ends) : edited(*a, kinds, ends);
}

/* ---- An applier: one pass, every number and every line is checked ---- */

typedef struct {
	str diff, old;                   /* what is left of both */
	buf out;
	int line_old, line_new;          /* lines passed, of both */
	int changes;
	const char *wrong;
} applier;

static bool check(applier *p, bool good, const char *what)
{
	if (!good && !p->wrong)
		p->wrong = what;
	return good;
}

/* With its line end, if it has one. */
static str take_line(str *rest)
{
	str whole = *rest;
	str_cut(rest, '\n');
	return (str){ whole.s, whole.n - rest->n };
}

static int take_number(applier *p)
{
	int n = 0, digits = 0;
	while (p->diff.n && p->diff.s[0] >= '0' && p->diff.s[0] <= '9' && digits++ < 9) {
		n = n * 10 + p->diff.s[0] - '0';
		p->diff = str_from(p->diff, 1);
	}
	check(p, digits > 0, "a number is missing");
	return n;
}

static void take_word(applier *p, str word)
{
	if (check(p, str_starts(p->diff, word), "a hunk's head is not one"))
		p->diff = str_from(p->diff, word.n);
}

/* "START,COUNT", or "START" for one line; where there is none, START is the line before. */
static void take_range(applier *p, int *start, int *count)
{
	*start = take_number(p);
	*count = 1;
	if (str_starts(p->diff, S(","))) {
		p->diff = str_from(p->diff, 1);
		*count = take_number(p);
	}
	*start -= *count > 0;
}

/* A line of the diff without its mark; the one that says so has no line end. */
static str take_diff_line(applier *p)
{
	static const str bare = { "\\ No newline at end of file\n", 28 };
	str line = take_line(&p->diff);
	check(p, str_ends(line, S("\n")), "a line of the diff has no end");
	if (str_starts(p->diff, bare)) {
		p->diff = str_from(p->diff, bare.n);
		line.n--;
	}
	return str_from(line, 1);
}

static void apply_hunk(applier *p, bool first)
{
	int old_start, old_count, new_start, new_count, quiet = 0, most_quiet = 0, lead = -1;
	bool changed = false;
	take_word(p, S("@@ -"));
	take_range(p, &old_start, &old_count);
	take_word(p, S(" +"));
	take_range(p, &new_start, &new_count);
	take_word(p, S(" @@\n"));
	check(p, first || old_start > p->line_old, "two hunks touch or cross");
	for (; p->line_old < old_start && !p->wrong; p->line_old++, p->line_new++) {
		check(p, p->old.n > 0, "a hunk lies beyond the text");
		buf_add(&p->out, take_line(&p->old));
	}
	check(p, p->line_new == new_start, "a hunk starts at the wrong line of the new text");
	while ((old_count > 0 || new_count > 0) && !p->wrong) {
		char mark = p->diff.n ? p->diff.s[0] : '?';
		str line = take_diff_line(p);
		check(p, mark == ' ' || mark == '-' || mark == '+', "a line of the diff has no mark");
		if (mark != '+') {
			check(p, p->old.n > 0 && str_eq(take_line(&p->old), line), "the old text has another line");
			old_count--;
			p->line_old++;
		}
		if (mark != '-') {
			buf_add(&p->out, line);
			new_count--;
			p->line_new++;
		}
		lead = mark != ' ' && lead < 0 ? quiet : lead;
		quiet = mark == ' ' ? quiet + 1 : 0;
		changed = changed || mark != ' ';
		most_quiet = changed && quiet > most_quiet ? quiet : most_quiet;
		p->changes += mark != ' ';
	}
	check(p, changed, "a hunk changes nothing");
	check(p, lead == CONTEXT || (lead < CONTEXT && old_start == 0), "not three lines of context in front");
	check(p, old_count == 0 && new_count == 0, "a hunk's counts are wrong");
	check(p, quiet == CONTEXT || (quiet < CONTEXT && p->old.n == 0), "not three lines of context behind");
	check(p, most_quiet <= 2 * CONTEXT, "one hunk should be two");
}

static str apply(applier *p)
{
	for (bool first = true; p->diff.n && !p->wrong; first = false)
		apply_hunk(p, first);
	buf_add(&p->out, p->old);
	return buf_str(&p->out);
}

/* ---- The shortest way, by the table of all ways ---- */

static int split(str text, str *to, int most)
{
	int n = 0;
	while (text.n && n < most)
		to[n++] = take_line(&text);
	return text.n ? -1 : n;
}

/* Lines to drop and add at least; -1: too long to look. */
static int least_changes(str a, str b)
{
	static str x[64], y[64];
	static int best[65][65];
	int n = split(a, x, 64), m = split(b, y, 64);
	if (n < 0 || m < 0)
		return -1;
	for (int i = n; i >= 0; i--) {
		for (int k = m; k >= 0; k--) {
			if (i == n || k == m)
				best[i][k] = n - i + m - k;
			else if (str_eq(x[i], y[k]))
				best[i][k] = best[i + 1][k + 1];
			else
				best[i][k] = 1 + (best[i + 1][k] < best[i][k + 1] ? best[i + 1][k] : best[i][k + 1]);
		}
	}
	return best[0][0];
}

/* ---- */

static const char *check_pair(str a, str b, str diff, bool shortest)
{
	applier p = { .diff = diff, .old = a, .out = { .mem = &mem } };
	str got = apply(&p);
	int least = least_changes(a, b);
	if (p.wrong)
		return p.wrong;
	if (!str_eq(got, b))
		return "applied to the old text it does not give the new one";
	return shortest && least >= 0 && p.changes > least ? "it is not the shortest" : NULL;
}

static int complain(long number, const char *why, str a, str b, str diff)
{
	buf out = { .mem = &mem };
	buf_say(&out, "pair %l: %s\nold:  %q\nnew:  %q\ndiff: %q\n", (int64_t)number, why, a, b, diff);
	fwrite(out.s, 1, (size_t)out.n, stdout);
	return 1;
}

static void write_file(const char *dir, long number, const char *ending, str text)
{
	char path[4096];
	FILE *f;
	snprintf(path, sizeof path, "%s/%ld.%s", dir, number, ending);
	f = fopen(path, "wb");
	if (!f || fwrite(text.s, 1, (size_t)text.n, f) != (size_t)text.n || fclose(f) != 0)
		exit(1);
}

static int many(const char *dir, long count)
{
	long gave_up = 0;
	for (long i = 0; i < count; i++) {
		str a, b;
		buf diff = { .mem = &mem };
		bool shortest;
		const char *wrong;
		make_pair(&a, &b);
		shortest = text_diff(&diff, a, b);
		gave_up += !shortest;
		wrong = check_pair(a, b, buf_str(&diff), shortest);
		if (wrong)
			return complain(i, wrong, a, b, buf_str(&diff));
		if (dir) {
			write_file(dir, i, "old", a);
			write_file(dir, i, "new", b);
			write_file(dir, i, "diff", buf_str(&diff));
		}
		arena_reset(&mem);
	}
	printf("%ld pairs, all right; %ld not the shortest\n", count, gave_up);
	return 0;
}

/* Every line of one text differs from every line of the other; and a pair that
 * has many lines in common, but in another order. */
static int huge(void)
{
	for (int kind = 0; kind < 3; kind++) {
		buf a = { .mem = &mem }, b = { .mem = &mem }, diff = { .mem = &mem };
		bool shortest;
		const char *wrong;
		while (a.n < 1024 * 1024 - 16)
			buf_say(&a, kind == 0 ? "a\n" : "%d\n", (int)roll(kind == 1 ? 1000000 : 50));
		while (b.n < 1024 * 1024 - 16)
			buf_say(&b, kind == 0 ? "b\n" : kind == 1 ? "-%d\n" : "%d\n", (int)roll(kind == 1 ? 1000000 : 50));
		shortest = text_diff(&diff, buf_str(&a), buf_str(&b));
		wrong = check_pair(buf_str(&a), buf_str(&b), buf_str(&diff), shortest);
		if (wrong || shortest) {
			printf("huge pair %d: %s\n", kind, wrong ? wrong : "it claims to be the shortest");
			return 1;
		}
		arena_reset(&mem);
	}
	puts("three huge pairs, all right");
	return 0;
}

int main(int argc, char **argv)
{
	bool write = argc > 4 && strcmp(argv[1], "-write") == 0;
	long seed = write ? atol(argv[4]) : argc > 2 ? atol(argv[2]) : 1;
	state = 88172645463325252u + (uint64_t)seed * 2654435761u;
	if (argc > 1 && strcmp(argv[1], "-huge") == 0)
		return huge();
	return many(write ? argv[2] : NULL, argc > 1 ? atol(write ? argv[3] : argv[1]) : 1000);
}
