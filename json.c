/* json.c: text for the rest of the program.
 *
 * What holds everywhere in this file:
 *  - Text is a slice: a pointer and a length. A NUL is a byte like any other.
 *  - What is returned lives in the arena it was asked of, or points into what
 *    was given; nobody frees single pieces.
 *  - No recursion, no buffer of fixed size for text: the input decides nothing
 *    but how long a loop runs, and every loop moves forward.
 *  - What is written is UTF-8, whatever was read.
 * It opens no file and knows no message of any protocol. */

#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ==== Slices ====
 * Comparing, cutting, trimming. White space and letters are ASCII's: the C
 * library's idea of them depends on the user's locale. */

str str_of(const char *z)
{
	return z ? (str){ z, (ptrdiff_t)strlen(z) } : (str){ "", 0 };
}

bool str_eq(str a, str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, (size_t)a.n) == 0);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(str a, str b)
{
	ptrdiff_t i = 0;
	if (a.n != b.n)
		return false;
	while (i < a.n && lower(a.s[i]) == lower(b.s[i]))
		i++;
	return i == a.n;
}

int str_cmp(str a, str b)
{
	ptrdiff_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.s, b.s, (size_t)n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

str str_from(str s, ptrdiff_t at)
{
	if (at > s.n)
		at = s.n;
	return at ? (str){ s.s + at, s.n - at } : s;
}

bool str_starts(str s, str head)
{
	return s.n >= head.n && str_eq((str){ s.s, head.n }, head);
}

bool str_ends(str s, str tail)
{
	return s.n >= tail.n && str_eq(str_from(s, s.n - tail.n), tail);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

str str_trim(str s)
{
	while (s.n && is_space(s.s[0]))
		s = str_from(s, 1);
	while (s.n && is_space(s.s[s.n - 1]))
		s.n--;
	return s;
}

str str_cut(str *rest, char sep)
{
	const char *at = rest->n ? memchr(rest->s, sep, (size_t)rest->n) : NULL;
	str head = { rest->s, at ? at - rest->s : rest->n };
	*rest = str_from(*rest, at ? head.n + 1 : head.n);
	return head;
}

bool str_int(str s, int64_t *value)
{
	bool minus = str_starts(s, S("-"));
	int64_t v = 0;
	s = str_from(s, minus);
	if (s.n == 0)
		return false;
	for (; s.n; s = str_from(s, 1)) {
		if (s.s[0] < '0' || s.s[0] > '9' || v > (INT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (s.s[0] - '0');
	}
	*value = minus ? -v : v;
	return true;
}

/* ==== Arena ====
 * Memory in blocks, given back all at once when a request has been answered.
 * It is zeroed, and it is there: when the system has no more, the process says
 * so and ends, which is safe at every instant (see store.c). */

enum { BLOCK = 64 * 1024, MAX_BLOCK = 4 * 1024 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *before;
	ptrdiff_t room;
};

static ptrdiff_t aligned(ptrdiff_t bytes)
{
	return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static char *block_start(struct arena_block *block)
{
	return (char *)block + aligned(sizeof *block);
}

static void arena_grow(arena *a, ptrdiff_t bytes)
{
	ptrdiff_t room = a->last ? a->last->room * 2 : BLOCK;
	struct arena_block *block;
	if (room > MAX_BLOCK)
		room = MAX_BLOCK;
	if (room < bytes + aligned(sizeof *block))
		room = bytes + aligned(sizeof *block);
	block = malloc((size_t)room);
	if (!block) {
		static const char last_words[] = "interagent: out of memory\n";
		ssize_t ignored = write(2, last_words, sizeof last_words - 1);
		(void)ignored;
		_exit(1);
	}
	*block = (struct arena_block){ a->last, room };
	a->last = block;
	a->at = block_start(block);
	a->end = (char *)block + room;
}

static void *arena_raw(arena *a, ptrdiff_t bytes)
{
	void *p;
	bytes = aligned(bytes);
	if (a->end - a->at < bytes || !a->at)
		arena_grow(a, bytes);
	p = a->at;
	a->at += bytes;
	return p;
}

void *arena_new(arena *a, ptrdiff_t bytes)
{
	return memset(arena_raw(a, bytes), 0, (size_t)bytes);
}

char *arena_z(arena *a, str s)
{
	char *z = arena_raw(a, s.n + 1);
	if (s.n)
		memcpy(z, s.s, (size_t)s.n);
	z[s.n] = '\0';
	return z;
}

str arena_copy(arena *a, str s)
{
	return (str){ arena_z(a, s), s.n };
}

void *arena_more(arena *a, void *at, int n, int *room, ptrdiff_t element)
{
	void *more;
	if (n < *room)
		return at;
	*room = n ? n * 2 : 16;
	more = arena_new(a, element * *room);
	return n ? memcpy(more, at, (size_t)(element * n)) : more;
}

void arena_rewind(arena *a, arena mark)
{
	while (a->last != mark.last) {
		struct arena_block *block = a->last;
		a->last = block->before;
		free(block);
	}
	*a = mark;
}

/* Only the oldest block may stay, and only a small one: one large request
 * must not be carried about for the rest of a server's life. */
void arena_reset(arena *a)
{
	struct arena_block *block = a->last;
	while (block && block->before)
		block = block->before;
	if (!block || block->room > BLOCK)
		arena_rewind(a, (arena){ 0 });
	else
		arena_rewind(a, (arena){ block, block_start(block), (char *)block + block->room });
}

/* ==== Buffer ====
 * Text under construction. It doubles when it is full, in place where nothing
 * was asked of the arena since. */

str buf_str(const buf *b)
{
	return (str){ b->s ? b->s : "", b->n };
}

static void buf_reserve(buf *b, ptrdiff_t more)
{
	ptrdiff_t room = b->room ? b->room * 2 : 256;
	char *s;
	if (b->n + more <= b->room)
		return;
	if (room < b->n + more)
		room = aligned(b->n + more);
	if (b->s && b->s + b->room == b->mem->at && b->mem->end - b->s >= room) {
		b->mem->at = b->s + room;
	} else {
		s = arena_raw(b->mem, room);
		if (b->n)
			memcpy(s, b->s, (size_t)b->n);
		b->s = s;
	}
	b->room = room;
}

void buf_add(buf *b, str s)
{
	if (s.n == 0)
		return;
	buf_reserve(b, s.n);
	memcpy(b->s + b->n, s.s, (size_t)s.n);
	b->n += s.n;
}

void buf_char(buf *b, char c)
{
	buf_add(b, (str){ &c, 1 });
}

void buf_digits(buf *b, uint64_t number, unsigned base, int width)
{
	char digits[64];
	int n = 0;
	do
		digits[63 - n++] = "0123456789abcdef"[number % base];
	while ((number /= base) || n < width);
	buf_add(b, (str){ digits + 64 - n, n });
}

static void buf_int(buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_digits(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, 1);
}

static void add_quoted(buf *b, str s, enum text_use use)
{
	buf_char(b, '"');
	text_add(b, s, use);
	buf_char(b, '"');
}

void buf_vsay(buf *b, const char *format, va_list args)
{
	str rest = str_of(format);
	while (rest.n) {
		buf_add(b, str_cut(&rest, '%'));
		if (!rest.n)
			break;
		switch (rest.s[0]) {
		case 'S': buf_add(b, va_arg(args, str)); break;
		case 'q': add_quoted(b, va_arg(args, str), TEXT_QUOTE); break;
		case 'Q': text_add(b, va_arg(args, str), TEXT_QUOTE); break;
		case 's': buf_add(b, str_of(va_arg(args, const char *))); break;
		case 'd': buf_int(b, va_arg(args, int)); break;
		case 'l': buf_int(b, va_arg(args, int64_t)); break;
		default: buf_char(b, rest.s[0]);
		}
		rest = str_from(rest, 1);
	}
}

void buf_say(buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vsay(b, format, args);
	va_end(args);
}

str arena_say(arena *a, const char *format, ...)
{
	buf b = { .mem = a };
	va_list args;
	va_start(args, format);
	buf_vsay(&b, format, args);
	va_end(args);
	buf_char(&b, '\0');
	return (str){ b.s, b.n - 1 };
}

/* ==== Text ====
 * What others wrote is stored as it came and shown so that it can do nothing:
 * no control character moves a cursor, no bidirectional one turns a line
 * around, nothing is there that is not seen. */

/* Bytes at the front of s that belong together: a character, or where *whole
 * is false the longest part of one, at least one byte. s is not empty. */
static int utf8_part(str s, bool *whole)
{
	unsigned char c = (unsigned char)s.s[0], low = 0x80, high = 0xbf;
	int need = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (c == 0xe0) low = 0xa0;   /* shorter forms exist */
	if (c == 0xed) high = 0x9f;  /* surrogates */
	if (c == 0xf0) low = 0x90;
	if (c == 0xf4) high = 0x8f;  /* beyond U+10FFFF */
	for (int i = 1; i < need; i++) {
		unsigned char next = i < s.n ? (unsigned char)s.s[i] : 0;
		if (next < low || next > high) {
			*whole = false;
			return i;
		}
		low = 0x80;
		high = 0xbf;
	}
	*whole = need > 0;
	return need ? need : 1;
}

int text_char(str s)
{
	bool whole = false;
	int n = s.n ? utf8_part(s, &whole) : 0;
	return whole ? n : 0;
}

static uint32_t code_point(const char *s, int bytes)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (unsigned char)s[0] & first[bytes];
	for (int i = 1; i < bytes; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static int utf8_encode(uint32_t c, char out[4])
{
	int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (int i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(mark[n] | c);
	return n;
}

typedef struct {
	uint32_t from, to;
} range;

static bool in_ranges(uint32_t c, const range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}

/* Characters that are there without being seen, or that reorder others. */
static bool is_hidden(uint32_t c)
{
	static const range hidden[] = {
		{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};
	return in_ranges(c, hidden, sizeof hidden / sizeof *hidden);
}

static bool needs_escape(uint32_t c, enum text_use use)
{
	if (use == TEXT_BODY && (c == '\t' || c == '\n' || c == '"' || c == '\\'))
		return false;
	if (c < 0x20 || c == '"' || c == '\\')
		return true;
	if (use == TEXT_FILE)
		return false;
	if (c == 0x7f || c == 0x2028 || c == 0x2029)
		return true;
	return use != TEXT_WIRE && c > 0x7f && is_hidden(c);
}

static void add_escape(buf *b, uint32_t c, enum text_use use)
{
	static const char from[] = "\"\\\b\t\n\f\r", to[] = "\"\\btnfr";
	const char *known = c && c < 0x80 && use != TEXT_BODY ? strchr(from, (int)c) : NULL;
	buf_char(b, '\\');
	if (known) {
		buf_char(b, to[known - from]);
		return;
	}
	buf_add(b, c > 0xffff ? S("u{") : S("u"));
	buf_digits(b, c, 16, 4);
	if (c > 0xffff)
		buf_char(b, '}');
}

/* Do eight bytes stand for themselves in every use? In a word without high
 * bits, a byte below 0x20, or one that is made zero, borrows its own high bit
 * and no other's; 0x7f carries into it. */
static bool plain_eight(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x80 * ones;
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return !((v | (v - 0x20 * ones) | (v + ones) | ((v ^ '"' * ones) - ones) | ((v ^ '\\' * ones) - ones)) & high);
}

/* Bytes at the front that stand for themselves in every use. */
static ptrdiff_t plain_run(str s)
{
	ptrdiff_t n = 0;
	while (n <= s.n - 8 && plain_eight(s.s + n))
		n += 8;
	while (n < s.n && s.s[n] >= 0x20 && s.s[n] < 0x7f && s.s[n] != '"' && s.s[n] != '\\')
		n++;
	return n;
}

void text_add(buf *b, str s, enum text_use use)
{
	bool whole;
	for (;;) {
		ptrdiff_t run = plain_run(s);
		int n;
		buf_add(b, (str){ s.s, run });
		s = str_from(s, run);
		if (s.n == 0)
			return;
		n = utf8_part(s, &whole);
		if (!whole)
			buf_add(b, S("\xef\xbf\xbd"));
		else if (use == TEXT_BODY && str_starts(s, S("\r\n")))
			buf_char(b, '\r');
		else if (needs_escape(code_point(s.s, n), use))
			add_escape(b, code_point(s.s, n), use);
		else
			buf_add(b, (str){ s.s, n });
		s = str_from(s, n);
	}
}

bool text_valid(str s)
{
	bool whole = true;
	while (s.n && whole)
		s = str_from(s, utf8_part(s, &whole));
	return whole;
}

str text_head_bytes(str s, ptrdiff_t limit)
{
	ptrdiff_t cut = limit;
	if (s.n <= limit)
		return s;
	while (cut > 0 && limit - cut < 4 && ((unsigned char)s.s[cut] & 0xc0) == 0x80)
		cut--;
	return (str){ s.s, cut };
}

ptrdiff_t text_count(str s)
{
	ptrdiff_t count = 0;
	for (ptrdiff_t i = 0; i < s.n; i++)
		count += ((unsigned char)s.s[i] & 0xc0) != 0x80;
	return count;
}

str text_head_chars(str s, ptrdiff_t characters)
{
	ptrdiff_t n = 0;
	for (; n < s.n; n++)
		if (((unsigned char)s.s[n] & 0xc0) != 0x80 && characters-- == 0)
			break;
	return (str){ s.s, n };
}

bool text_has_line(str lines, str line, str *next)
{
	str rest = next ? *next : lines;
	bool here = rest.n && str_eq(str_cut(&rest, '\n'), line);
	if (!here)
		for (rest = lines; rest.n && !here;)
			here = str_eq(str_cut(&rest, '\n'), line);
	if (here && next)
		*next = rest;
	return here;
}

str text_one_line(arena *a, str s)
{
	buf b = { .mem = a };
	bool gap = false;
	for (; s.n; s = str_from(s, 1)) {
		bool control = (unsigned char)s.s[0] < 0x20 || s.s[0] == 0x7f;
		if (!control)
			buf_char(&b, s.s[0]);
		else if (!gap)
			buf_char(&b, ' ');
		gap = control;
	}
	return buf_str(&b);
}

/* The blocks that terminals agree on; a rare character may be off by one. */
static int char_width(uint32_t c)
{
	static const range none[] = {
		{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
		{ 0x93c, 0x93c }, { 0x941, 0x948 }, { 0x94d, 0x94d }, { 0xe31, 0xe31 }, { 0xe34, 0xe3a },
		{ 0xe47, 0xe4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f },
	};
	static const range two[] = {
		{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x2329, 0x232a }, { 0x23e9, 0x23f3 }, { 0x25fd, 0x25fe },
		{ 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x267f, 0x267f }, { 0x2693, 0x2693 }, { 0x26a1, 0x26a1 },
		{ 0x26aa, 0x26ab }, { 0x26bd, 0x26be }, { 0x26c4, 0x26c5 }, { 0x26ce, 0x26ce }, { 0x26d4, 0x26d4 },
		{ 0x26ea, 0x26ea }, { 0x26f2, 0x26f5 }, { 0x26fa, 0x26fd }, { 0x2705, 0x2705 }, { 0x270a, 0x270b },
		{ 0x2728, 0x2728 }, { 0x274c, 0x274e }, { 0x2753, 0x2757 }, { 0x2795, 0x2797 }, { 0x27b0, 0x27b0 },
		{ 0x27bf, 0x27bf }, { 0x2b1b, 0x2b1c }, { 0x2b50, 0x2b55 }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },
		{ 0x3400, 0x4dbf }, { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xa960, 0xa97f }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe10, 0xfe19 }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
		{ 0x16fe0, 0x18dff }, { 0x1aff0, 0x1b2ff }, { 0x1f004, 0x1f004 }, { 0x1f0cf, 0x1f0cf },
		{ 0x1f18e, 0x1f19a }, { 0x1f200, 0x1f2ff }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
		{ 0x1f7e0, 0x1f7ff }, { 0x1f900, 0x1f9ff }, { 0x1fa70, 0x1faff }, { 0x20000, 0x3fffd },
	};
	if (c < 0x300)
		return 1;
	return in_ranges(c, none, sizeof none / sizeof *none) ? 0 : in_ranges(c, two, sizeof two / sizeof *two) ? 2 : 1;
}

int text_width(str s)
{
	int columns = 0;
	while (s.n) {
		int n = text_char(s);
		columns += n ? char_width(code_point(s.s, n)) : 1;
		s = str_from(s, n ? n : 1);
	}
	return columns;
}

void text_fit(buf *b, str s, int columns)
{
	int room = text_width(s) > columns ? columns - 3 : columns, used = 0;
	bool cut = room < columns;
	while (s.n) {
		int n = text_char(s), w;
		str c = { s.s, n ? n : 1 };
		w = text_width(c);
		if (used + w > room)
			break;
		buf_add(b, c);
		used += w;
		s = str_from(s, c.n);
	}
	for (int i = 0; cut && i < 3 && used < columns; i++, used++)
		buf_char(b, '.');
	for (; used < columns; used++)
		buf_char(b, ' ');
}

/* The classic table, of which only one row is kept. */
int text_distance(str a, str b)
{
	int row[65];
	if (a.n > 64 || b.n > 64)
		return 64;
	for (int k = 0; k <= b.n; k++)
		row[k] = k;
	for (int i = 1; i <= a.n; i++) {
		int corner = row[0];
		row[0] = i;
		for (int k = 1; k <= b.n; k++) {
			int above = row[k], least = above < row[k - 1] ? above : row[k - 1];
			least = least + 1;
			corner += lower(a.s[i - 1]) != lower(b.s[k - 1]);
			row[k] = least < corner ? least : corner;
			corner = above;
		}
	}
	return row[b.n];
}

/* ==== Line diff ====
 * Myers' greedy algorithm: the furthest point of each diagonal for 0, 1, 2 ...
 * changes, every step remembered for the way back. Common ends are cut off
 * first. Past DIFF_MOST changes the shortest way is not worth its memory, and
 * the whole middle is replaced: longer, but right. */

enum { MAX_DIFF = 1000, CONTEXT = 3 };

typedef struct {
	arena *mem;
	str *a, *b;                      /* lines, with their ends */
	int n, m;
	bool *gone, *come;               /* a's lines that go, b's that come */
} diff;

typedef struct {
	char op;                         /* ' ', '-' or '+' */
	str line;
	int in_a, in_b;                  /* lines of each before it */
} diff_step;

static str *split_lines(arena *mem, str text, int *n)
{
	str *lines;
	int count = 1;
	for (ptrdiff_t i = 0; i < text.n; i++)
		count += text.s[i] == '\n';
	lines = NEW(mem, str, count);
	for (*n = 0; text.n; ++*n) {
		str rest = text;
		str_cut(&rest, '\n');
		lines[*n] = (str){ text.s, text.n - rest.n };
		text = rest;
	}
	return lines;
}

/* Where diagonal k came from at step d: from the one above it (a line of b
 * comes) or from the one below (a line of a goes). */
static bool comes(const int *before, int d, int k)
{
	return k == -d || (k != d && before[k - 1 + d - 1] < before[k + 1 + d - 1]);
}

static void walk_back(diff *f, int **steps, int d, int from, int n, int m)
{
	for (int x = n, y = m; d > 0; d--) {
		const int *before = steps[d - 1];
		int k = x - y;
		bool down = comes(before, d, k);
		k = down ? k + 1 : k - 1;
		x = before[k + d - 1];
		y = x - k;
		if (down)
			f->come[from + y] = true;
		else
			f->gone[from + x] = true;
	}
}

/* Marks what changes between a[from..from+n) and b[from..from+m). */
static bool find_changes(diff *f, int from, int n, int m)
{
	int max = n + m < MAX_DIFF ? n + m : MAX_DIFF;
	int **steps = NEW(f->mem, int *, max + 1);
	for (int d = 0; d <= max; d++) {
		int *here = steps[d] = NEW(f->mem, int, 2 * d + 1);
		const int *before = d ? steps[d - 1] : NULL;
		for (int k = -d; k <= d; k += 2) {
			int x = !before ? 0 : comes(before, d, k) ? before[k + 1 + d - 1] : before[k - 1 + d - 1] + 1;
			while (x < n && x - k < m && str_eq(f->a[from + x], f->b[from + x - k]))
				x++;
			here[k + d] = x;
			if (x >= n && x - k >= m) {
				walk_back(f, steps, d, from, n, m);
				return true;
			}
		}
	}
	for (int i = 0; i < n; i++)
		f->gone[from + i] = true;
	for (int i = 0; i < m; i++)
		f->come[from + i] = true;
	return false;
}

/* Fills steps, and one more that says where both end. */
static int list_steps(const diff *f, diff_step *steps)
{
	int count = 0, i = 0, k = 0;
	while (i < f->n || k < f->m) {
		bool gone = i < f->n && f->gone[i], come = !gone && k < f->m && f->come[k];
		steps[count++] = (diff_step){ gone ? '-' : come ? '+' : ' ', come ? f->b[k] : f->a[i], i, k };
		i += !come;
		k += !gone;
	}
	steps[count] = (diff_step){ .in_a = i, .in_b = k };
	return count;
}

static void put_range(buf *out, int line, int lines)
{
	buf_say(out, lines == 1 ? "%d" : "%d,%d", lines ? line + 1 : line, lines);
}

/* Writes the steps [at..end) as one hunk. */
static void put_hunk(buf *out, const diff_step *at, const diff_step *end)
{
	buf_say(out, "@@ -");
	put_range(out, at->in_a, end->in_a - at->in_a);
	buf_say(out, " +");
	put_range(out, at->in_b, end->in_b - at->in_b);
	buf_say(out, " @@\n");
	for (; at < end; at++) {
		buf_char(out, at->op);
		buf_add(out, at->line);
		if (!str_ends(at->line, S("\n")))
			buf_say(out, "\n\\ No newline at end of file\n");
	}
}

/* Changes with at most twice the context between them share a hunk. */
static void put_hunks(buf *out, const diff_step *steps, int count)
{
	for (int i = 0; i < count; i++) {
		int from = i > CONTEXT ? i - CONTEXT : 0, end = i, quiet = 0;
		if (steps[i].op == ' ')
			continue;
		for (int k = i; k < count && quiet <= 2 * CONTEXT; k++) {
			quiet = steps[k].op == ' ' ? quiet + 1 : 0;
			end = quiet ? end : k + 1;
		}
		end = end + CONTEXT < count ? end + CONTEXT : count;
		put_hunk(out, steps + from, steps + end);
		i = end - 1;
	}
}

bool text_diff(buf *out, str a, str b)
{
	diff f = { .mem = out->mem };
	int head = 0, tail = 0, count;
	bool shortest;
	diff_step *steps;
	f.a = split_lines(f.mem, a, &f.n);
	f.b = split_lines(f.mem, b, &f.m);
	f.gone = NEW(f.mem, bool, f.n + 1);
	f.come = NEW(f.mem, bool, f.m + 1);
	steps = NEW(f.mem, diff_step, f.n + f.m + 1);
	while (head < f.n && head < f.m && str_eq(f.a[head], f.b[head]))
		head++;
	while (tail < f.n - head && tail < f.m - head && str_eq(f.a[f.n - 1 - tail], f.b[f.m - 1 - tail]))
		tail++;
	shortest = find_changes(&f, head, f.n - head - tail, f.m - head - tail);
	count = list_steps(&f, steps);
	put_hunks(out, steps, count);
	return shortest;
}

/* ==== Reading JSON ====
 * One pass over the bytes with an explicit stack of what is open. A value
 * joins its parent when it is whole, so that after an error the tree holds
 * just what stood before the damage. */

enum { MAX_DEPTH = 64 };

typedef struct {
	arena *mem;
	const char *at, *end;
	enum json_rules rules;
	const char *what;
	int depth;
	struct { json *value, **tail; } open[MAX_DEPTH];
} reader;

static bool fail(reader *r, const char *what)
{
	r->what = what;
	return false;
}

/* Moves over white space. What stands after it; at the end a NUL, which may
 * stand nowhere outside a string. */
static char next_char(reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
		r->at++;
	return r->at < r->end ? *r->at : '\0';
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/* The value of \uXXXX at p, or -1. */
static int32_t read_u(const char *p, const char *end)
{
	int32_t v = 0;
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* Decodes the escape at p into *c and returns its length in bytes, 0 where it
 * is none. A lone surrogate gives itself. */
static int read_escape(const char *p, const char *end, uint32_t *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int32_t high = read_u(p, end), low;
	const char *known = end - p > 1 && p[1] ? strchr(from, p[1]) : NULL;
	if (known) {
		*c = (uint32_t)to[known - from];
		return 2;
	}
	if (high < 0)
		return 0;
	low = high >= 0xd800 && high < 0xdc00 ? read_u(p + 6, end) : -1;
	if (low >= 0xdc00 && low < 0xe000) {
		*c = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
		return 12;
	}
	*c = (uint32_t)high;
	return 6;
}

static bool is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c < 0xe000;
}

/* Moves over the string that starts here; *plain says that it has no escapes. */
static bool read_string(reader *r, bool *plain)
{
	const char *p = r->at + 1;
	uint32_t c;
	int n;
	*plain = true;
	for (;; p += n) {
		p += plain_run((str){ p, r->end - p });
		r->at = p;
		if (p == r->end)
			return fail(r, "a string without its end");
		if (*p == '"') {
			r->at = p + 1;
			return true;
		}
		if ((unsigned char)*p < 0x20)
			return fail(r, "a control character in a string");
		if (*p != '\\') {
			n = text_char((str){ p, r->end - p });
			if (n == 0 && r->rules == JSON_STRICT)
				return fail(r, "not UTF-8");
			n = n ? n : 1;
			continue;
		}
		*plain = false;
		n = read_escape(p, r->end, &c);
		if (n == 0)
			return fail(r, "an unknown escape");
		if (is_surrogate(c) && r->rules == JSON_STRICT)
			return fail(r, "a lone surrogate");
	}
}

static bool read_digits(reader *r)
{
	const char *from = r->at;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > from || fail(r, "a digit is missing");
}

/* Moves over c if it is here. */
static bool take(reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool read_number(reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !read_digits(r))
		return false;
	if (take(r, '.') && !read_digits(r))
		return false;
	if (!take(r, 'e') && !take(r, 'E'))
		return true;
	if (!take(r, '+'))
		take(r, '-');
	return read_digits(r);
}

static bool read_word(reader *r, str word)
{
	if (!str_starts((str){ r->at, r->end - r->at }, word))
		return fail(r, "an unknown word");
	r->at += word.n;
	return true;
}

static bool read_key(reader *r, json *v)
{
	if (next_char(r) != '"')
		return fail(r, "a name is missing");
	v->key.s = r->at;
	if (!read_string(r, &v->unescaped_key))
		return false;
	v->key.n = r->at - v->key.s;
	if (next_char(r) != ':')
		return fail(r, "a colon is missing");
	r->at++;
	return true;
}

static bool open_bracket(reader *r, json *v, enum json_kind kind)
{
	v->kind = kind;
	if (r->depth == MAX_DEPTH)
		return fail(r, "nested too deeply");
	r->open[r->depth].value = v;
	r->open[r->depth++].tail = &v->child;
	r->at++;
	return true;
}

static bool read_by_first(reader *r, json *v, char first)
{
	switch (first) {
	case '{': return open_bracket(r, v, JSON_OBJECT);
	case '[': return open_bracket(r, v, JSON_ARRAY);
	case '"': v->kind = JSON_STRING; return read_string(r, &v->unescaped);
	case 't': v->kind = JSON_TRUE; return read_word(r, S("true"));
	case 'f': v->kind = JSON_FALSE; return read_word(r, S("false"));
	case 'n': v->kind = JSON_NULL; return read_word(r, S("null"));
	default: break;
	}
	v->kind = JSON_NUMBER;
	if (first != '-' && (first < '0' || first > '9'))
		return fail(r, "a value is missing");
	return read_number(r);
}

/* Reads the name of a member and the value, or the bracket that opens it. */
static json *read_value(reader *r)
{
	json *v = arena_raw(r->mem, (ptrdiff_t)sizeof *v);
	bool member = r->depth > 0 && r->open[r->depth - 1].value->kind == JSON_OBJECT;
	char first;
	*v = (json){ 0 };
	if (member && !read_key(r, v))
		return NULL;
	first = next_char(r);
	v->raw.s = r->at;
	if (!read_by_first(r, v, first))
		return NULL;
	if (v->kind < JSON_ARRAY)
		v->raw.n = r->at - v->raw.s;
	return v;
}

/* After a value (NULL: after an opening bracket): joins it to what it stands
 * in, and closes whatever ends here. True where another value must follow. */
static bool read_on(reader *r, json *v)
{
	while (r->depth > 0) {
		json *parent = r->open[r->depth - 1].value;
		char next = next_char(r);
		if (v) {
			*r->open[r->depth - 1].tail = v;
			r->open[r->depth - 1].tail = &v->next;
		}
		if (v && next == ',') {
			r->at++;
			return true;
		}
		if (next != (parent->kind == JSON_OBJECT ? '}' : ']'))
			return v ? fail(r, "a comma or a closing bracket is missing") : true;
		r->at++;
		parent->raw.n = r->at - parent->raw.s;
		r->depth--;
		v = parent;
	}
	return false;
}

json *json_read(arena *a, str text, enum json_rules rules, json_error *error)
{
	reader r;
	json *root = NULL, *v;
	bool more = true;
	r.mem = a, r.at = text.s, r.end = text.s + text.n, r.rules = rules, r.what = NULL, r.depth = 0;
	while (more && (v = read_value(&r))) {
		bool opened = v->kind >= JSON_ARRAY;
		root = root ? root : v;
		more = read_on(&r, opened ? NULL : v);
	}
	next_char(&r);
	if (!r.what && r.at < r.end)
		fail(&r, "more after the value");
	*error = (json_error){ r.what, r.at - text.s };
	return root;
}

/* ==== Looking into a value ==== */

static str decode(arena *a, str quoted, bool plain)
{
	const char *p = quoted.s + 1, *end = quoted.s + quoted.n - 1;
	char *out, *to;
	if (plain)
		return (str){ p, end - p };
	out = to = arena_raw(a, quoted.n);
	while (p < end) {
		uint32_t c = 0xfffd;
		if (*p != '\\') {
			*to++ = *p++;
			continue;
		}
		p += read_escape(p, end, &c);
		to += utf8_encode(is_surrogate(c) ? 0xfffd : c, to);
	}
	return (str){ out, to - out };
}

str json_text(arena *a, const json *string)
{
	if (!string || string->kind != JSON_STRING)
		return S("");
	return decode(a, string->raw, string->unescaped);
}

str json_key(arena *a, const json *member)
{
	return decode(a, member->key, member->unescaped_key);
}

/* Is this the member's name? Compares as it decodes, so it needs no memory. */
static bool key_is(const json *member, str key)
{
	const char *p = member->key.s + 1, *end = member->key.s + member->key.n - 1;
	if (member->unescaped_key)
		return str_eq((str){ p, end - p }, key);
	while (p < end && key.n) {
		char bytes[4] = { *p };
		uint32_t c;
		int n = 1;
		if (*p == '\\') {
			p += read_escape(p, end, &c);
			n = utf8_encode(is_surrogate(c) ? 0xfffd : c, bytes);
		} else {
			p++;
		}
		if (!str_starts(key, (str){ bytes, n }))
			return false;
		key = str_from(key, n);
	}
	return p == end && key.n == 0;
}

json *json_get(const json *object, str key)
{
	json *found = NULL;
	if (object && object->kind == JSON_OBJECT)
		for (json *m = object->child; m; m = m->next)
			if (key_is(m, key))
				found = m;
	return found;
}

str json_get_text(arena *a, const json *object, str key)
{
	return json_text(a, json_get(object, key));
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
	};
	return names[kind];
}

/* ==== Writing JSON ====
 * Straight into a buffer. The pretty form is byte for byte JSON.stringify's
 * with two spaces, because other programs keep the same files. */

static void new_line(json_writer *w, int depth)
{
	if (!w->pretty)
		return;
	buf_char(w->out, '\n');
	for (int i = 0; i < depth; i++)
		buf_add(w->out, S("  "));
}

static void before_value(json_writer *w)
{
	if (!w->keyed && w->some)
		buf_char(w->out, ',');
	if (!w->keyed && w->depth > 0)
		new_line(w, w->depth);
	w->keyed = false;
	w->some = true;
}

void json_open(json_writer *w, char bracket)
{
	before_value(w);
	buf_char(w->out, bracket);
	w->depth++;
	w->some = false;
}

void json_close(json_writer *w, char bracket)
{
	w->depth--;
	if (w->some)
		new_line(w, w->depth);
	buf_char(w->out, bracket);
	w->some = true;
}

void json_string(json_writer *w, str s)
{
	before_value(w);
	add_quoted(w->out, s, w->pretty ? TEXT_FILE : TEXT_WIRE);
}

void json_raw(json_writer *w, str value)
{
	before_value(w);
	buf_add(w->out, value);
}

static void after_name(json_writer *w)
{
	buf_add(w->out, w->pretty ? S(": ") : S(":"));
	w->keyed = true;
}

void json_name(json_writer *w, str key)
{
	json_string(w, key);
	after_name(w);
}

void json_member(json_writer *w, str key, str string)
{
	json_name(w, key);
	json_string(w, string);
}

static void put_argument(json_writer *w, char verb, va_list *args)
{
	switch (verb) {
	case 'S': json_string(w, va_arg(*args, str)); break;
	case 's': json_string(w, str_of(va_arg(*args, const char *))); break;
	case 'l':
		before_value(w);
		buf_int(w->out, va_arg(*args, int64_t));
		break;
	default: json_raw(w, va_arg(*args, str));
	}
}

void json_say(json_writer *w, const char *form, ...)
{
	va_list args;
	size_t n;
	va_start(args, form);
	for (const char *at = form; *at; at += n) {
		n = 1;
		if (*at == '{' || *at == '[') {
			json_open(w, *at);
		} else if (*at == '}' || *at == ']') {
			json_close(w, *at);
		} else if (*at == '%') {
			put_argument(w, at[n++], &args);
		} else if (*at == '\'') {
			n += strcspn(at + 1, "'") + 1;
			json_string(w, (str){ at + 1, (ptrdiff_t)n - 2 });
		} else if (*at != ' ' && *at != ',') {
			n = strcspn(at, ":,]}");
			(at[n] == ':' ? json_name : json_raw)(w, (str){ at, (ptrdiff_t)n });
			n += at[n] == ':';
		}
	}
	va_end(args);
}

str json_quote(arena *a, str s)
{
	buf b = { .mem = a };
	add_quoted(&b, s, TEXT_FILE);
	return buf_str(&b);
}

static const json_change *change_of(const json *member, const json_change *changes, int count)
{
	for (int i = 0; i < count; i++)
		if (key_is(member, changes[i].key))
			return &changes[i];
	return NULL;
}

str json_patch(arena *a, const json *object, const json_change *changes, int count, int depth)
{
	buf b = { .mem = a };
	json_writer w = { .out = &b, .pretty = true, .depth = depth, .keyed = true };
	const json *first = object && object->kind == JSON_OBJECT ? object->child : NULL;
	bool *made = NEW(a, bool, count + 1);
	json_open(&w, '{');
	for (const json *m = first; m; m = m->next) {
		const json_change *change = change_of(m, changes, count);
		if (change && (made[change - changes] || change->value.n == 0))
			continue;
		json_raw(&w, m->key);
		after_name(&w);
		json_raw(&w, change ? change->value : m->raw);
		if (change)
			made[change - changes] = true;
	}
	for (int i = 0; i < count; i++) {
		if (made[i] || changes[i].value.n == 0)
			continue;
		json_name(&w, changes[i].key);
		json_raw(&w, changes[i].value);
	}
	json_close(&w, '}');
	return buf_str(&b);
}
