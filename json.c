/* json.c: text for the rest of the program.
 *
 * What holds everywhere in this file:
 *  - Text is a slice: a pointer and a length. A NUL is a byte like any other.
 *  - What is returned lives in the arena it was asked of, or points into what was given; nobody
 *    frees single pieces.
 *  - No recursion, no buffer of fixed size for text: the input decides nothing but how long a
 *    loop runs, and every loop moves forward.
 *  - What is written is UTF-8, whatever was read.
 * It opens no file, and knows neither who keeps the texts nor who sends them.
 *
 * The rooms, each needing only those before it: Slices, Arena, Buffer, UTF-8, Showing, Lines and
 * columns, Difference, Reading JSON, Looking into a value, Writing JSON, Changing an object.
 * json.h says what each is for. Start with json_read() for the way in, json_say() for the way
 * out; whoever asks what a terminal may be given starts with needs_escape(). */

#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ==== Slices ====
 * Comparing, cutting, trimming. White space and letters are ASCII's: the C library's idea of
 * them depends on the user's locale. */

static ptrdiff_t least(ptrdiff_t a, ptrdiff_t b)
{
	return a < b ? a : b;
}

str str_of(const char *z)
{
	if (!z)
		z = "";
	return (str){ z, (ptrdiff_t)strlen(z) };
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
	ptrdiff_t n = least(a.n, b.n);
	int order = n ? memcmp(a.s, b.s, (size_t)n) : 0;
	if (order == 0)
		order = (a.n > b.n) - (a.n < b.n);
	return order;
}

str str_from(str s, ptrdiff_t at)
{
	at = least(at, s.n);
	if (at == 0)
		return s;                     /* which may be NULL, and then nothing may be added */
	return (str){ s.s + at, s.n - at };
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
	str head = *rest;
	const char *at = head.n ? memchr(head.s, sep, (size_t)head.n) : NULL;
	if (at)
		head.n = at - head.s;
	*rest = str_from(*rest, head.n + 1);
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
 * Memory in blocks, given back all at once when a request has been answered: what was taken for
 * it cannot leak. It is zeroed, and it is there: where the system has no more, the process ends,
 * and whoever keeps something must survive a kill at every instant anyway. */

enum {
	BLOCK = 64 * 1024,            /* enough for most requests */
	MAX_BLOCK = 4 * 1024 * 1024,  /* beyond it doubling wastes more than it saves */
	ALIGN = _Alignof(max_align_t)
};

struct arena_block {
	_Alignas(max_align_t) struct arena_block *before;
	ptrdiff_t room;               /* with this head */
};

static void complain(str why)
{
	ssize_t ignored = write(2, why.s, (size_t)why.n);
	(void)ignored;
}

static void arena_grow(arena *a, ptrdiff_t bytes)
{
	ptrdiff_t room = a->last ? least(a->last->room * 2, MAX_BLOCK) : BLOCK;
	struct arena_block *block;
	if (room < bytes + (ptrdiff_t)sizeof *block)
		room = bytes + (ptrdiff_t)sizeof *block;
	block = malloc((size_t)room);
	if (!block) {
		complain(S("out of memory\n"));
		_exit(1);
	}
	*block = (struct arena_block){ a->last, room };
	a->last = block;
	a->at = (char *)(block + 1);
	a->end = (char *)block + room;
}

static ptrdiff_t aligned(ptrdiff_t bytes)
{
	return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

void *arena_new(arena *a, ptrdiff_t bytes)
{
	if (!a->at || a->end - a->at < aligned(bytes))
		arena_grow(a, aligned(bytes));
	a->at += aligned(bytes);
	return memset(a->at - aligned(bytes), 0, (size_t)bytes);
}

char *arena_z(arena *a, str s)
{
	char *z = arena_new(a, s.n + 1);
	return s.n ? memcpy(z, s.s, (size_t)s.n) : z;
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
	*room = n * 2 + 16;
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

/* Only the oldest block may stay, and only a small one: one large request must not be carried
 * about for the rest of a server's life. */
void arena_reset(arena *a)
{
	struct arena_block *block = a->last;
	while (block && block->before)
		block = block->before;
	if (block && block->room == BLOCK)
		arena_rewind(a, (arena){ block, (char *)(block + 1), (char *)block + BLOCK });
	else
		arena_rewind(a, (arena){ 0 });
}

/* ==== Buffer ====
 * Text under construction. It doubles when it is full, in place where nothing was asked of the
 * arena since. The formats are our own: printf's knows no slices, and cannot quote. */

str buf_str(const buf *b)
{
	return (str){ b->s ? b->s : "", b->n };
}

/* Twice the room, or what n bytes more need. */
static void buf_grow(buf *b, ptrdiff_t n)
{
	ptrdiff_t room = b->room * 2;
	char *s = b->s;
	if (room < b->n + n)
		room = aligned(b->n + n);
	if (s && s + b->room == b->mem->at && b->mem->end - s >= room) {
		b->mem->at = s + room;
	} else {
		b->s = arena_new(b->mem, room);
		if (b->n)
			memcpy(b->s, s, (size_t)b->n);
	}
	b->room = room;
}

void buf_add(buf *b, str s)
{
	if (s.n == 0)
		return;
	if (s.n > b->room - b->n)
		buf_grow(b, s.n);
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
	for (str rest = str_of(format); rest.n; rest = str_from(rest, 1)) {
		buf_add(b, str_cut(&rest, '%'));
		if (!rest.n)
			break;
		switch (rest.s[0]) {
		case 's': buf_add(b, str_of(va_arg(args, const char *))); break;
		case 'S': buf_add(b, va_arg(args, str)); break;
		case 'q': add_quoted(b, va_arg(args, str), TEXT_QUOTE); break;
		case 'Q': text_add(b, va_arg(args, str), TEXT_QUOTE); break;
		case 'd': buf_int(b, va_arg(args, int)); break;
		case 'l': buf_int(b, va_arg(args, int64_t)); break;
		default: buf_char(b, rest.s[0]);
		}
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

void must_fail(const char *file, int line, const char *holds)
{
	arena a = { 0 };
	str text = arena_say(&a, "%s:%d: %s does not hold\n", file, line, holds);
	complain(text);
	abort();
}

/* ==== UTF-8 ====
 * Decoded strictly: what two programs read differently is a way past one of them. */

/* How a character starts (RFC 3629): a first byte up to `last` is one of a character of so many
 * bytes (0: of none). The second byte lies between low and high, which leaves out longer forms
 * of shorter characters, surrogates and what lies beyond U+10FFFF; any further one is 80 to bf. */
static const struct {
	unsigned char last, bytes, low, high;
} utf8[] = {
	{ 0x7f, 1, 0, 0 }, { 0xc1, 0, 0, 0 },
	{ 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 3, 0xa0, 0xbf }, { 0xec, 3, 0x80, 0xbf }, { 0xed, 3, 0x80, 0x9f },
	{ 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 4, 0x90, 0xbf }, { 0xf3, 4, 0x80, 0xbf }, { 0xf4, 4, 0x80, 0x8f },
	{ 0xff, 0, 0, 0 },
};

/* The character at the front of s, which is not empty, and its bytes; -1 where there is none,
 * and the bytes of the longest part of one, at least one byte. */
static int32_t utf8_decode(str s, int *bytes)
{
	unsigned char first = (unsigned char)s.s[0], low, high, next;
	int row = 0;
	int32_t c;
	while (first > utf8[row].last)
		row++;
	*bytes = 1;
	if (first < 0x80)
		return first;
	if (utf8[row].bytes == 0)
		return -1;
	low = utf8[row].low;
	high = utf8[row].high;
	c = first & 0x7f >> utf8[row].bytes;
	for (; *bytes < utf8[row].bytes; ++*bytes) {
		if (*bytes == s.n)
			return -1;
		next = (unsigned char)s.s[*bytes];
		if (next < low || next > high)
			return -1;
		c = c << 6 | (next & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	return c;
}

static int utf8_encode(int32_t c, char out[4])
{
	static const unsigned char mark[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	int n = 1 + (c >= 0x80) + (c >= 0x800) + (c >= 0x10000);
	for (int i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(mark[n] | c);
	return n;
}

bool text_valid(str s)
{
	for (int bytes; s.n; s = str_from(s, bytes))
		if (utf8_decode(s, &bytes) < 0)
			return false;
	return true;
}

static bool starts_character(char byte)
{
	return ((unsigned char)byte & 0xc0) != 0x80;
}

str text_head_bytes(str s, ptrdiff_t limit)
{
	ptrdiff_t cut = limit;
	if (s.n <= limit)
		return s;
	while (cut > 0 && limit - cut < 4 && !starts_character(s.s[cut]))
		cut--;
	return (str){ s.s, cut };
}

ptrdiff_t text_count(str s)
{
	ptrdiff_t count = 0;
	for (ptrdiff_t i = 0; i < s.n; i++)
		count += starts_character(s.s[i]);
	return count;
}

str text_head_chars(str s, ptrdiff_t characters)
{
	ptrdiff_t n = 0;
	for (; n < s.n; n++)
		if (starts_character(s.s[n]) && characters-- == 0)
			break;
	return (str){ s.s, n };
}

/* ==== Showing ====
 * Foreign text is stored verbatim and defused when shown: control, bidirectional and invisible
 * characters become escapes, so none moves a cursor, turns a line around, or hides. What was
 * altered can be told from what was written so, and be undone. */

typedef struct {
	int32_t from, to;
} range;

static bool in_ranges(int32_t c, const range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}

#define IN(c, ranges) in_ranges((c), (ranges), sizeof (ranges) / sizeof *(ranges))

/* C1 controls, and characters that are there without being seen or that reorder others. */
static const range hidden[] = {
	{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

/* Arabic, the scripts of India and their neighbours, where a joiner changes how a word reads. */
static const range joined[] = {
	{ 0x620, 0xdff }, { 0x1000, 0x109f }, { 0x1780, 0x17b3 }, { 0x17b6, 0x17dd },
	{ 0x1820, 0x18aa }, { 0xa8e0, 0xa8ff }, { 0xfb50, 0xfdff }, { 0xfe70, 0xfefc },
};

static const range emoji[] = {
	{ 0xa9, 0xa9 }, { 0xae, 0xae }, { 0x203c, 0x2049 }, { 0x2122, 0x2139 }, { 0x2190, 0x27bf },
	{ 0x2934, 0x2935 }, { 0x2b00, 0x2bff }, { 0x1f000, 0x1faff },
};

static const range cjk[] = {
	{ 0x3001, 0x9fff }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0x20000, 0x3fffd },
};

/* Whether a hidden character, at the front of s, does something that its neighbours need: a
 * joiner between two letters or two emoji, a choice between text and picture after what has both.
 * `before` is the character before it as shown, so that a run is seen from the second on. */
static bool is_needed(int32_t c, int32_t before, str s)
{
	int bytes;
	int32_t after = -1;
	bool digit = (before >= '0' && before <= '9') || before == '#' || before == '*';
	utf8_decode(s, &bytes);
	s = str_from(s, bytes);
	if (s.n)
		after = utf8_decode(s, &bytes);
	switch (c) {
	case 0x200d:
		if (IN(after, emoji) && (IN(before, emoji) || before == 0xfe0f))
			return true;
		/* fall through */
	case 0x200c: return IN(before, joined) && IN(after, joined);
	case 0xfe0e:
	case 0xfe0f: return IN(before, emoji) || IN(before, cjk) || (digit && after == 0x20e3);
	default: return false;
	}
}

/* The uses where text keeps its lines and its quotes. */
static bool keeps_lines(enum text_use use)
{
	return use == TEXT_BODY || use == TEXT_JSON;
}

static bool needs_escape(int32_t c, enum text_use use)
{
	if (c == '\t' || c == '\n' || c == '"' || c == '\\')
		return !keeps_lines(use);
	if (c < 0x20)
		return true;
	if (use == TEXT_FILE)
		return false;
	if (c == 0x7f || c == 0x2028 || c == 0x2029)
		return true;
	return use != TEXT_WIRE && IN(c, hidden);
}

#define BYTE_ORDER_MARK S("\xef\xbb\xbf")  /* some editors put it before UTF-8 */
#define MARK "\xe2\x9f\xa8"            /* U+27E8, a bracket that is rare in text and no ASCII */

/* As JSON has it, in a body as Unicode does: there a backslash is a backslash. */
static void add_escape(buf *b, int32_t c, enum text_use use)
{
	static const char from[] = "\"\\\b\t\n\f\r", to[] = "\"\\btnfr";
	const char *known = c < 0x80 ? memchr(from, c, sizeof from - 1) : NULL;
	if (use == TEXT_BODY) {
		buf_add(b, S(MARK "U+"));
		for (int shift = 12 + 4 * (c > 0xffff); shift >= 0; shift -= 4)
			buf_char(b, "0123456789ABCDEF"[c >> shift & 15]);
		buf_add(b, S("\xe2\x9f\xa9"));
	} else if (c == '\r' && use == TEXT_JSON) {
		buf_char(b, ' ');             /* which is as white */
	} else if (known) {
		buf_char(b, '\\');
		buf_char(b, to[known - from]);
	} else if (c > 0xffff) {
		add_escape(b, 0xd800 + ((c - 0x10000) >> 10), use);
		add_escape(b, 0xdc00 + (c & 0x3ff), use);
	} else {
		buf_add(b, S("\\u"));
		buf_digits(b, (uint64_t)c, 16, 4);
	}
}

/* Bytes at the front that stand for themselves in every use: nearly all there are. */
static ptrdiff_t plain_run(str s)
{
	ptrdiff_t n = 0;
	while (n < s.n && s.s[n] >= 0x20 && s.s[n] < 0x7f && s.s[n] != '"' && s.s[n] != '\\')
		n++;
	return n;
}

/* Whether c, which stands at the front of s, is not shown as it is. */
static bool is_altered(int32_t c, int32_t before, str s, enum text_use use)
{
	if (keeps_lines(use) && str_starts(s, S("\r\n")))
		return false;
	if (use == TEXT_BODY && str_starts(s, S(MARK "U+")))
		return true;                  /* or it would be taken for an escape */
	return needs_escape(c, use) && !is_needed(c, before, s);
}

void text_add(buf *b, str s, enum text_use use)
{
	int32_t before = -1;                  /* the character before; -1: not shown as it is */
	if (use == TEXT_JSON && str_starts(s, BYTE_ORDER_MARK))
		s = str_from(s, BYTE_ORDER_MARK.n);
	for (int bytes;; s = str_from(s, bytes)) {
		ptrdiff_t run = plain_run(s);
		int32_t c;
		buf_add(b, (str){ s.s, run });
		if (run == s.n)
			return;
		if (run > 0)
			before = s.s[run - 1];
		s = str_from(s, run);
		c = utf8_decode(s, &bytes);
		if (c < 0) {
			buf_add(b, S("\xef\xbf\xbd"));
		} else if (is_altered(c, before, s, use)) {
			add_escape(b, c, use);
			c = -1;
		} else {
			buf_add(b, (str){ s.s, bytes });
		}
		before = c;
	}
}

/* ==== Lines and columns ====
 * What fits a line, and a terminal's idea of how wide it is. */

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

/* What terminals agree on. Where blocks are mixed, a narrow character may be taken for a wide one,
 * never the other way: a short line is better than one that the terminal folds. */
static int char_width(int32_t c)
{
	static const range none[] = {
		{ 0x300, 0x36f }, { 0x591, 0x5bd }, { 0x64b, 0x65f }, { 0x941, 0x94d },
		{ 0xe34, 0xe3a }, { 0xe47, 0xe4e }, { 0x200c, 0x200d }, { 0x20d0, 0x20ff },
		{ 0xfe00, 0xfe0f },
	};
	static const range two[] = {
		{ 0x1100, 0x115f }, { 0x231a, 0x232a }, { 0x23e9, 0x23f3 }, { 0x25fd, 0x25fe },
		{ 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x267f, 0x2693 }, { 0x26a1, 0x26fd },
		{ 0x2705, 0x270b }, { 0x2728, 0x2728 }, { 0x274c, 0x2757 }, { 0x2795, 0x2797 },
		{ 0x27b0, 0x27bf }, { 0x2b1b, 0x2b55 }, { 0x2e80, 0xa4cf }, { 0xa960, 0xa97f },
		{ 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe10, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x16fe0, 0x1b2ff }, { 0x1f004, 0x1faff },
		{ 0x20000, 0x3fffd },
	};
	if (c < 0x300 || IN(c, none))
		return c < 0x300;
	return 1 + IN(c, two);
}

int text_width(str s)
{
	int columns = 0;
	for (int bytes; s.n; s = str_from(s, bytes))
		columns += char_width(utf8_decode(s, &bytes));
	return columns;
}

void text_fit(buf *b, str s, int columns)
{
	int dots = text_width(s) > columns ? 3 : 0;
	int room = columns - dots;
	for (int bytes; s.n; s = str_from(s, bytes)) {
		int width = char_width(utf8_decode(s, &bytes));
		if (width > room)
			break;
		buf_add(b, (str){ s.s, bytes });
		room -= width;
	}
	if (s.n && str_ends(buf_str(b), S("\xe2\x80\x8d")))
		b->n -= 3;                    /* a joiner whose other side was cut off */
	for (room += dots; room > 0; room--)
		buf_char(b, dots-- > 0 ? '.' : ' ');
}

/* The classic table, of which only three rows are kept. */
int text_distance(str a, str b)
{
	int rows[3][65] = { { 0 } };
	if (a.n > 64 || b.n > 64)
		return (int)(a.n + b.n);
	for (int k = 0; k <= b.n; k++)
		rows[0][k] = k;
	for (int i = 1; i <= a.n; i++) {
		int *row = rows[i % 3], *up = rows[(i + 2) % 3], *above = rows[(i + 1) % 3];
		row[0] = i;
		for (int k = 1; k <= b.n; k++) {
			int change = up[k - 1] + (lower(a.s[i - 1]) != lower(b.s[k - 1]));
			int more = (int)least(up[k], row[k - 1]) + 1;
			row[k] = (int)least(change, more);
			if (i > 1 && k > 1 && lower(a.s[i - 1]) == lower(b.s[k - 2]) &&
			    lower(a.s[i - 2]) == lower(b.s[k - 1]))
				row[k] = (int)least(row[k], above[k - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

/* ==== Difference ====
 * Myers' greedy algorithm (1986): how far each diagonal comes with 0, 1, 2 ... changes, every
 * round remembered for the way back. What is alike at the end is cut off first; at the start it
 * costs nothing. Past MAX_DIFF changes the shortest way is not worth its memory, and all between
 * the two ends is replaced: longer, but right. */

enum {
	MAX_DIFF = 1000,              /* changed lines; the rounds then hold 4 MB */
	CONTEXT = 3                   /* lines around a change, as patch expects */
};

typedef struct {
	str *at;
	int n, room;
} line_list;                          /* of a text, each with its end */

typedef struct {
	arena *mem;
	line_list a, b;               /* n: how many there are before what is alike at the end */
	int *reach[MAX_DIFF + 1];     /* reach[d][d + k]: lines of a that d changes get done where k
	                               * more of them are done than of b's; -d <= k <= d */
} diff;

/* Deleted lines of a, and then inserted ones of b. */
typedef struct {
	int a, b;                     /* lines of each before it */
	int deleted, inserted;
} change;

static line_list split_lines(arena *mem, str text)
{
	line_list l = { 0 };
	while (text.n) {
		str line = text;
		str_cut(&text, '\n');
		line.n -= text.n;
		ADD(mem, &l) = line;
	}
	return l;
}

/* Whether the last of d changes on the way to diagonal k inserted a line, and so came from
 * diagonal k + 1; else it deleted one, and came from k - 1. The one that is further on counts. */
static bool was_inserted(const diff *f, int d, int k)
{
	const int *before = f->reach[d - 1] + d - 1;
	return k == -d || (k != d && before[k - 1] < before[k + 1]);
}

/* How many changes make b of a, at the least; -1: more than MAX_DIFF. */
static int count_changes(diff *f)
{
	for (int d = 0; d <= MAX_DIFF; d++) {
		int *here = (f->reach[d] = NEW(f->mem, int, 2 * d + 1)) + d;
		for (int k = -d; k <= d; k += 2) {
			int x = 0;
			if (d > 0 && was_inserted(f, d, k))
				x = f->reach[d - 1][d - 1 + k + 1];
			else if (d > 0)
				x = f->reach[d - 1][d - 1 + k - 1] + 1;
			while (x < f->a.n && x - k < f->b.n && str_eq(f->a.at[x], f->b.at[x - k]))
				x++;
			here[k] = x;
			if (x >= f->a.n && x - k >= f->b.n)
				return d;
		}
	}
	return -1;
}

/* Walks back over d changes, joining those that touch, and returns the first; the last stands
 * before `end`, where there is room for all. */
static change *list_changes(const diff *f, int d, change *end)
{
	change *at = end;
	for (int x = f->a.n, y = f->b.n; d > 0; d--) {
		bool inserted = was_inserted(f, d, x - y);
		int k = x - y - 1 + 2 * inserted;
		x = f->reach[d - 1][d - 1 + k];
		y = x - k;
		if (at == end || at->a != x + !inserted)
			*--at = (change){ 0 };
		*at = (change){ x, y, at->deleted + !inserted, at->inserted + inserted };
	}
	return at;
}

static void write_range(buf *out, int before, int lines)
{
	buf_say(out, "%d", before + (lines > 0));
	if (lines != 1)
		buf_say(out, ",%d", lines);
}

static void write_lines(buf *out, char op, const line_list *l, int from, int end)
{
	for (int i = from; i < end; i++) {
		buf_char(out, op);
		buf_add(out, l->at[i]);
		if (!str_ends(l->at[i], S("\n")))
			buf_add(out, S("\n\\ No newline at end of file\n"));
	}
}

/* Writes the changes [at..end) with the lines between them and around; a has `all` lines. */
static void write_hunk(buf *out, const diff *f, int all, const change *at, const change *end)
{
	const change *last = end - 1;
	int lead = (int)least(at->a, CONTEXT), x = at->a - lead, y = at->b - lead;
	int tail = (int)least(all - last->a - last->deleted, CONTEXT);
	buf_say(out, "@@ -");
	write_range(out, x, last->a + last->deleted + tail - x);
	buf_say(out, " +");
	write_range(out, y, last->b + last->inserted + tail - y);
	buf_say(out, " @@\n");
	for (; at < end; at++) {
		write_lines(out, ' ', &f->a, x, at->a);
		x = at->a + at->deleted;
		write_lines(out, '-', &f->a, at->a, x);
		write_lines(out, '+', &f->b, at->b, at->b + at->inserted);
	}
	write_lines(out, ' ', &f->a, x, x + tail);
}

bool text_diff(buf *out, str a, str b)
{
	diff f = { out->mem, split_lines(out->mem, a), split_lines(out->mem, b), { 0 } };
	int head = 0, all = f.a.n, count;
	change *at, *end, *next;
	while (head < f.a.n && head < f.b.n && str_eq(f.a.at[head], f.b.at[head]))
		head++;
	for (; f.a.n > head && f.b.n > head; f.a.n--, f.b.n--)
		if (!str_eq(f.a.at[f.a.n - 1], f.b.at[f.b.n - 1]))
			break;
	count = count_changes(&f);
	end = NEW(f.mem, change, MAX_DIFF) + MAX_DIFF;
	at = list_changes(&f, count, end);
	if (count < 0)
		*--at = (change){ head, head, f.a.n - head, f.b.n - head };
	/* Changes with at most twice the context between them share a hunk. */
	for (; at < end; at = next) {
		for (next = at + 1; next < end; next++)
			if (next->a - next[-1].a - next[-1].deleted > 2 * CONTEXT)
				break;
		write_hunk(out, &f, all, at, next);
	}
	return count >= 0;
}

/* ==== Reading JSON ====
 * One pass over the bytes with an explicit stack of what is open. A value joins its parent when
 * it is whole, so after an error the tree holds just what stood before the damage. A node is 24
 * times as large as the two bytes of "1,": who sends many pays for them, and we do not. */

enum {
	MAX_DEPTH = 64,               /* nobody nests deeper, and the stack stays on the stack */
	TREE = 4,                     /* times the bytes of its text is what a tree may take, */
	FREE_NODES = 20000            /* and these: 1 MB, so nothing short is ever refused */
};

typedef struct {
	arena *mem;
	const char *at, *end;
	enum json_rules rules;
	const char *what;             /* is wrong; NULL: nothing so far */
	ptrdiff_t nodes;              /* may still be made */
	int depth;
	struct {
		json *value, **tail;  /* what is open, and where its next child goes */
	} open[MAX_DEPTH];
	json spare[MAX_DEPTH + 1];    /* one for each depth, where nobody wants the tree */
} reader;

static bool fail(reader *r, const char *what)
{
	r->what = what;
	return false;
}

/* Moves over white space to the next character, and returns it; at the end a NUL, which may
 * stand nowhere outside a string. */
static char next_char(reader *r)
{
	for (; r->at < r->end; r->at++)
		if (*r->at != ' ' && *r->at != '\n' && *r->at != '\r' && *r->at != '\t')
			return *r->at;
	return '\0';
}

/* The value of \uXXXX at p, or -1. */
static int32_t read_u(const char *p, const char *end)
{
	static const char digits[] = "0123456789abcdef";
	int32_t v = 0;
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		const char *digit = memchr(digits, lower(p[i]), sizeof digits - 1);
		if (!digit)
			return -1;
		v = v << 4 | (int32_t)(digit - digits);
	}
	return v;
}

/* Decodes the escape at p into *c and returns its length in bytes, 0 where it is none. Half of a
 * pair of surrogates is no character: JavaScript writes it where it cut a text between them. */
static int read_escape(const char *p, const char *end, int32_t *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known;
	int32_t low = -1;
	if (end - p < 2)
		return 0;
	known = memchr(from, p[1], sizeof from - 1);
	if (known) {
		*c = to[known - from];
		return 2;
	}
	*c = read_u(p, end);
	if (*c < 0)
		return 0;
	if (*c >= 0xd800 && *c < 0xdc00)
		low = read_u(p + 6, end);
	if (low < 0xdc00 || low >= 0xe000) {
		if (*c >= 0xd800 && *c < 0xe000)
			*c = 0xfffd;
		return 6;
	}
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* Moves over the string that starts here. */
static bool read_string(reader *r)
{
	int32_t c;
	int n;
	for (r->at++;; r->at += n) {
		r->at += plain_run((str){ r->at, r->end - r->at });
		if (r->at == r->end)
			return fail(r, "a string without its end");
		if (*r->at == '"')
			break;
		if ((unsigned char)*r->at < 0x20)
			return fail(r, "a control character in a string");
		if (*r->at == '\\') {
			n = read_escape(r->at, r->end, &c);
			if (n == 0)
				return fail(r, "an unknown escape");
		} else if (utf8_decode((str){ r->at, r->end - r->at }, &n) < 0 &&
			   r->rules == JSON_STRICT) {
			return fail(r, "not UTF-8");
		}
	}
	r->at++;
	return true;
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

static bool read_key(reader *r, json *v)
{
	if (next_char(r) != '"')
		return fail(r, "a name is missing");
	v->key = r->at;
	if (!read_string(r))
		return false;
	v->key_bytes = (unsigned)(r->at - v->key);
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

static bool read_literal(reader *r, json *v, enum json_kind kind, str literal)
{
	v->kind = kind;
	if (!str_starts((str){ r->at, r->end - r->at }, literal))
		return fail(r, "an unknown word");
	r->at += literal.n;
	return true;
}

static bool read_by_first(reader *r, json *v, char first)
{
	switch (first) {
	case '{': return open_bracket(r, v, JSON_OBJECT);
	case '[': return open_bracket(r, v, JSON_ARRAY);
	case '"': v->kind = JSON_STRING; return read_string(r);
	case 't': return read_literal(r, v, JSON_TRUE, S("true"));
	case 'f': return read_literal(r, v, JSON_FALSE, S("false"));
	case 'n': return read_literal(r, v, JSON_NULL, S("null"));
	default: v->kind = JSON_NUMBER;
	}
	if (first != '-' && (first < '0' || first > '9'))
		return fail(r, "a value is missing");
	return read_number(r);
}

/* Reads the name of a member and the value, or the bracket that opens it. */
static json *read_value(reader *r)
{
	json *v = &r->spare[r->depth];
	char first;
	if (r->mem && r->nodes-- == 0) {
		fail(r, "too many values for so few bytes");
		return NULL;
	}
	if (r->mem)
		v = arena_new(r->mem, (ptrdiff_t)sizeof *v);
	*v = (json){ 0 };
	if (r->depth > 0 && r->open[r->depth - 1].value->kind == JSON_OBJECT && !read_key(r, v))
		return NULL;
	first = next_char(r);
	v->raw.s = r->at;
	if (!read_by_first(r, v, first))
		return NULL;
	v->raw.n = r->at - v->raw.s;
	return v;
}

/* After a value, or an opening bracket: joins the value to what it stands in, and closes whatever
 * ends here. True where another value must follow. */
static bool read_on(reader *r, json *v)
{
	if (v->kind >= JSON_ARRAY)
		v = NULL;
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
			return !v || fail(r, "a comma or a closing bracket is missing");
		r->at++;
		parent->raw.n = r->at - parent->raw.s;
		r->depth--;
		v = parent;
	}
	return false;
}

static void start(reader *r, arena *a, str text, enum json_rules rules)
{
	r->mem = a;
	r->at = text.s;
	r->end = text.s + text.n;
	r->rules = rules;
	r->what = NULL;
	r->nodes = FREE_NODES + text.n * TREE / (ptrdiff_t)sizeof(json);
	r->depth = 0;
}

static json *read_document(reader *r)
{
	json *root = read_value(r), *v = root;
	while (v && read_on(r, v))
		v = read_value(r);
	return root;
}

json *json_read(arena *a, str text, enum json_rules rules, json_error *error)
{
	reader r;
	json *root;
	start(&r, a, text, rules);
	if (rules == JSON_STORED && str_starts(text, BYTE_ORDER_MARK))
		r.at += BYTE_ORDER_MARK.n;
	root = read_document(&r);
	next_char(&r);
	if (!r.what && r.at < r.end)
		fail(&r, "more after the value");
	*error = (json_error){ r.what, r.at - text.s };
	return a ? root : NULL;
}

bool json_next_element(str *array, str *element)
{
	reader r;
	start(&r, NULL, *array, JSON_STORED);
	next_char(&r);
	if (!take(&r, '[') && !take(&r, ','))
		return false;
	next_char(&r);
	element->s = r.at;
	if (!read_document(&r) || r.what)
		return false;
	element->n = r.at - element->s;
	*array = (str){ r.at, r.end - r.at };
	return true;
}

/* ==== Looking into a value ====
 * Strings are decoded when somebody asks: most of a document nobody looks at. */

/* Decodes what stands at the front of a string into out, and returns its bytes. */
static int decode_one(str *rest, char out[4])
{
	int32_t c = (unsigned char)rest->s[0];
	int taken = 1;
	if (c != '\\') {
		out[0] = rest->s[0];
		*rest = str_from(*rest, 1);
		return 1;
	}
	taken = read_escape(rest->s, rest->s + rest->n, &c);
	*rest = str_from(*rest, taken);
	return utf8_encode(c, out);
}

static str decode(arena *a, const char *quoted, ptrdiff_t bytes)
{
	str s = { quoted + 1, bytes - 2 };
	char *out, *to;
	if (s.n == 0 || !memchr(s.s, '\\', (size_t)s.n))
		return s;
	out = to = arena_new(a, s.n);
	while (s.n)
		to += decode_one(&s, to);
	return (str){ out, to - out };
}

str json_text(arena *a, const json *string)
{
	if (!string || string->kind != JSON_STRING)
		return S("");
	return decode(a, string->raw.s, string->raw.n);
}

str json_key(arena *a, const json *member)
{
	return decode(a, member->key, member->key_bytes);
}

/* Whether this is the member's name. Compares as it decodes, so it needs no memory. */
static bool key_is(const json *member, str key)
{
	str s = { member->key + 1, (ptrdiff_t)member->key_bytes - 2 };
	if (s.n < key.n || (key.n && s.s[0] != key.s[0] && s.s[0] != '\\'))
		return false;
	if (!memchr(s.s, '\\', (size_t)s.n))
		return str_eq(s, key);
	while (s.n) {
		char bytes[4];
		int n = decode_one(&s, bytes);
		if (!str_starts(key, (str){ bytes, n }))
			return false;
		key = str_from(key, n);
	}
	return key.n == 0;
}

static json *members(const json *object)
{
	return object && object->kind == JSON_OBJECT ? object->child : NULL;
}

json *json_get(const json *object, str key)
{
	json *found = NULL;
	for (json *m = members(object); m; m = m->next)
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
		[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};
	return names[kind];
}

/* ==== Writing JSON ====
 * Straight into a buffer. The pretty form is byte for byte JSON.stringify's with two spaces,
 * because other programs keep the same files. */

static void new_line(json_writer *w)
{
	if (!w->pretty)
		return;
	buf_char(w->out, '\n');
	for (int i = 0; i < w->depth; i++)
		buf_add(w->out, S("  "));
}

/* Before a value, or before a member's name. */
static void before_value(json_writer *w)
{
	if (!w->named && w->some)
		buf_char(w->out, ',');
	if (!w->named && w->depth > 0)
		new_line(w);
	w->named = false;
	w->some = true;
}

static void json_open(json_writer *w, char bracket)
{
	before_value(w);
	buf_char(w->out, bracket);
	w->depth++;
	w->lists = w->lists << 1 | (bracket == '[');
	w->some = false;
}

static void json_close(json_writer *w, char bracket)
{
	must(w->depth > 0 && (w->lists & 1) == (bracket == ']') && !w->named);
	w->depth--;
	w->lists >>= 1;
	if (w->some)
		new_line(w);
	buf_char(w->out, bracket);
	w->some = true;
}

static void json_string(json_writer *w, str s)
{
	before_value(w);
	add_quoted(w->out, s, w->pretty ? TEXT_FILE : TEXT_WIRE);
}

static void json_raw(json_writer *w, str value)
{
	before_value(w);
	buf_add(w->out, value);
}

static void say_argument(json_writer *w, char verb, va_list *args)
{
	switch (verb) {
	case 's': json_string(w, str_of(va_arg(*args, const char *))); break;
	case 'S': json_string(w, va_arg(*args, str)); break;
	case 'r': json_raw(w, va_arg(*args, str)); break;
	default:
		must(verb == 'l');
		before_value(w);
		buf_int(w->out, va_arg(*args, int64_t));
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
			say_argument(w, at[n++], &args);
		} else if (*at == '\'') {
			n += strcspn(at + 1, "'") + 1;
			json_string(w, (str){ at + 1, (ptrdiff_t)n - 2 });
		} else if (*at == ':') {
			buf_add(w->out, w->pretty ? S(": ") : S(":"));
			w->named = true;
		} else if (*at != ' ' && *at != ',') {
			n = strcspn(at, ":,]}");
			if (at[n] == ':')
				json_string(w, (str){ at, (ptrdiff_t)n });
			else
				json_raw(w, (str){ at, (ptrdiff_t)n });
		}
	}
	va_end(args);
}

str json_done(const json_writer *w)
{
	must(w->depth == 0 && w->some && !w->named);
	return buf_str(w->out);
}

/* ==== Changing an object ====
 * An edit makes a new list of members and shares all that they hold; it is written once, at the
 * end, whatever was changed before. Bytes that nobody changed are written as they were read. */

/* Without the limit on nodes: these bytes are the program's own, or were within it where they
 * stood, however dense they are. */
static json *read_trusted(arena *a, str raw)
{
	reader r;
	json *value;
	start(&r, a, raw, JSON_STORED);
	r.nodes = PTRDIFF_MAX;
	value = read_document(&r);
	must(!r.what && next_char(&r) == '\0' && r.at == r.end);
	return value;
}

static str quoted(arena *a, str s)
{
	buf b = { .mem = a };
	add_quoted(&b, s, TEXT_FILE);
	return buf_str(&b);
}

json *json_with(arena *a, const json *object, str key, str raw)
{
	json *result = NEW(a, json, 1), **tail = &result->child, *value = NULL;
	if (raw.n)
		value = read_trusted(a, raw);
	result->kind = JSON_OBJECT;
	for (const json *m = members(object); m; m = m->next) {
		bool same = key_is(m, key);
		if (same && !value)
			continue;
		*tail = NEW(a, json, 1);
		**tail = same ? *value : *m;
		(*tail)->key = m->key;
		(*tail)->key_bytes = m->key_bytes;
		(*tail)->next = NULL;
		tail = &(*tail)->next;
		if (same)
			value = NULL;
	}
	if (value) {
		str name = quoted(a, key);
		value->key = name.s;
		value->key_bytes = (unsigned)name.n;
	}
	*tail = value;
	return result;
}

json *json_with_text(arena *a, const json *object, str key, str text)
{
	return json_with(a, object, key, quoted(a, text));
}

str json_format(arena *a, const json *object, int depth)
{
	buf b = { .mem = a };
	json_writer w = { .out = &b, .pretty = true, .depth = depth };
	w.named = true;                       /* the object itself starts no line */
	json_say(&w, "{");
	for (const json *m = members(object); m; m = m->next)
		json_say(&w, "%r:%r", ((str){ m->key, m->key_bytes }), m->raw);
	json_say(&w, "}");
	must(w.depth == depth);
	return buf_str(&b);
}
