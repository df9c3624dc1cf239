/* screen: looks at what a terminal would be given, for the shell tests.
 *
 *   screen -check COLUMNS          exits 1 and says why if a line of standard
 *                                  input is wider, or holds anything but text:
 *                                  a control character, one that cannot be seen
 *                                  or that reorders others, bytes not UTF-8
 *   screen -check COLUMNS -colour  the same, but colours are allowed
 *   screen -width                  prints the width of each line
 */
#include "../../json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static arena mem;

static str read_all(void)
{
	buf b = { .mem = &mem };
	static char chunk[65536];
	size_t n;
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
		buf_add(&b, (str){ chunk, (ptrdiff_t)n });
	return buf_str(&b);
}

/* Bytes of a colour at the front: ESC [ digits and semicolons m. */
static ptrdiff_t colour_at(str s)
{
	ptrdiff_t n = 2;
	if (!str_starts(s, S("\033[")))
		return 0;
	while (n < s.n && ((s.s[n] >= '0' && s.s[n] <= '9') || s.s[n] == ';'))
		n++;
	return n < s.n && s.s[n] == 'm' ? n + 1 : 0;
}

/* Decodes by the book, apart from the program's own reader; 0: not UTF-8. */
static int decode(str s, unsigned long *c)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char first = (unsigned char)s.s[0];
	int n = first < 0x80 ? 1 : first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
	if (n == 0 || n > s.n)
		return 0;
	*c = n == 1 ? first : first & (0x7fu >> n);
	for (int i = 1; i < n; i++) {
		unsigned char next = (unsigned char)s.s[i];
		if ((next & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (next & 0x3fu);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000) ? 0 : n;
}

static bool is_text(unsigned long c)
{
	static const unsigned long bad[][2] = {
		{ 0, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f }, { 0x61c, 0x61c }, { 0x115f, 0x1160 },
		{ 0x17b4, 0x17b5 }, { 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (c >= bad[i][0] && c <= bad[i][1])
			return false;
	return true;
}

/* A joiner is text between two characters that are no Latin letters, and so is the choice of a
 * picture after one. */
static bool is_needed(unsigned long before, unsigned long c, str rest)
{
	unsigned long after = 0;
	if (c == 0xfe0f)
		return before >= 0x2000;
	return (c == 0x200c || c == 0x200d) && before >= 0x600 && rest.n && decode(rest, &after) && after >= 0x600;
}

/* The line without its colours; false: it holds what is no text. */
static bool plain_line(str line, bool colour, buf *plain)
{
	unsigned long before = 0;
	bool good = true;
	while (line.n) {
		unsigned long c = 0;
		ptrdiff_t skip = colour ? colour_at(line) : 0;
		int n = skip ? 0 : decode(line, &c);
		if (!skip && (n == 0 || !(is_text(c) || is_needed(before, c, str_from(line, n))))) {
			printf("at byte %ld of its rest: %s%lx: ", (long)plain->n, n ? "U+" : "not UTF-8 ", c);
			good = false;
		}
		before = c;
		n = n || skip ? n : 1;
		buf_add(plain, (str){ line.s, n });
		line = str_from(line, skip ? skip : n);
	}
	return good;
}

static int check(str text, int columns, bool colour)
{
	int bad = 0;
	for (int number = 1; text.n; number++) {
		buf plain = { .mem = &mem }, shown = { .mem = &mem };
		bool good = plain_line(str_cut(&text, '\n'), colour, &plain);
		int width = text_width(buf_str(&plain));
		if (width > columns)
			printf("%d columns: ", width);
		if (width <= columns && good)
			continue;
		text_add(&shown, buf_str(&plain), TEXT_QUOTE);
		printf("line %d: %.*s\n", number, (int)shown.n, shown.s);
		bad = 1;
	}
	return bad;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "-check") == 0)
		return check(read_all(), atoi(argv[2]), argc > 3 && strcmp(argv[3], "-colour") == 0);
	for (str text = read_all(); text.n; ) {
		buf plain = { .mem = &mem };
		plain_line(str_cut(&text, '\n'), true, &plain);
		printf("%d\n", text_width(buf_str(&plain)));
	}
	return 0;
}
