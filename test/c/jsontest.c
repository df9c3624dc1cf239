/* jsontest: what json.h promises, where a shell cannot reach it: slices,
 * memory, buffers, text and patches. Prints one line a test, as TAP has them,
 * and "done" when it came to its end; json.t reads them. */
#include "patch.h"
#include "../../json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define FFFD "\xef\xbf\xbd"
#define U(hex) "\xe2\x9f\xa8U+" hex "\xe2\x9f\xa9"

static arena mem;
static int bad;

static void ok(const char *what, bool good)
{
	printf("%s - %s\n", good ? "ok" : "not ok", what);
	bad += !good;
}

static void show(const char *label, str s)
{
	printf("#   %s", label);
	for (ptrdiff_t i = 0; i < s.n; i++)
		printf(s.s[i] >= 0x20 && s.s[i] < 0x7f ? "%c" : "<%02x>", (unsigned char)s.s[i]);
	putchar('\n');
}

static void is(const char *what, str got, str wanted)
{
	bool same = str_eq(got, wanted);
	ok(what, same);
	if (!same) {
		show("got:    ", got);
		show("wanted: ", wanted);
	}
}

/* ==== Slices ==== */

static void test_ints(void)
{
	const struct { str text; bool good; int64_t value; } cases[] = {
		{ S("0"), true, 0 }, { S("-0"), true, 0 }, { S("7"), true, 7 }, { S("007"), true, 7 },
		{ S("-12"), true, -12 }, { S("999999999999999999"), true, INT64_C(999999999999999999) },
		{ S("-999999999999999999"), true, -INT64_C(999999999999999999) },
		{ S(""), false, 0 }, { S("-"), false, 0 }, { S("--1"), false, 0 }, { S("+1"), false, 0 },
		{ S(" 1"), false, 0 }, { S("1 "), false, 0 }, { S("1.0"), false, 0 }, { S("1e3"), false, 0 },
		{ S("0x10"), false, 0 }, { S("1\0"), false, 0 }, { S("9223372036854775808"), false, 0 },
		{ S("99999999999999999999999999"), false, 0 },
	};
	for (int i = 0; i < COUNT(cases); i++) {
		char what[80];
		int64_t value = 41;
		bool good = str_int(cases[i].text, &value) == cases[i].good;
		snprintf(what, sizeof what, "str_int of \"%s\", %d bytes", cases[i].text.s, (int)cases[i].text.n);
		ok(what, good && (!cases[i].good || value == cases[i].value));
	}
}

static void test_slices(void)
{
	str rest = S("a,,b");
	ok("a NULL C string is the empty slice", str_of(NULL).n == 0);
	ok("slices are compared with their NULs", !str_eq(S("a\0b"), S("a\0c")) && str_eq(S("a\0b"), S("a\0b")));
	ok("without case, ASCII only", str_eq_nocase(S("HuMan"), S("human")) && !str_eq_nocase(S("\xc3\x84"), S("\xc3\xa4")) &&
	   !str_eq_nocase(S("["), S("{")) && !str_eq_nocase(S("a"), S("ab")));
	ok("order is that of unsigned bytes", str_cmp(S("\xff"), S("a")) > 0 && str_cmp(S("a"), S("ab")) < 0 &&
	   str_cmp(S(""), S("")) == 0 && str_cmp(S("b"), S("ab")) > 0);
	ok("a head and a tail", str_starts(S("abc"), S("ab")) && !str_starts(S("a"), S("ab")) && str_ends(S("abc"), S("bc")) &&
	   !str_ends(S("c"), S("bc")) && str_starts(S(""), S("")) && str_ends(S("a"), S("")));
	ok("nothing is beyond the end", str_from(S("abc"), 9).n == 0 && str_from(S("abc"), 3).n == 0);
	is("trimmed of white space", str_trim(S(" \t\r\n\v\fa b\n ")), S("a b"));
	is("nothing but white space", str_trim(S(" \t\n")), S(""));
	is("no other space is trimmed", str_trim(S("\xc2\xa0x\xc2\xa0")), S("\xc2\xa0x\xc2\xa0"));
	is("cut, the first part", str_cut(&rest, ','), S("a"));
	is("cut, an empty part", str_cut(&rest, ','), S(""));
	is("cut, the last part", str_cut(&rest, ','), S("b"));
	ok("cut, nothing is left", rest.n == 0 && str_cut(&rest, ',').n == 0);
}

/* ==== Memory ==== */

static bool all_zero(const char *p, ptrdiff_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

static void test_arena(void)
{
	arena a = { 0 }, mark;
	char *first, *second, *large;
	bool aligned = true, zeroed = true;
	for (int i = 1; i < 200; i++) {
		char *p = arena_new(&a, i);
		aligned = aligned && (uintptr_t)p % _Alignof(max_align_t) == 0;
		zeroed = zeroed && all_zero(p, i);
		memset(p, 0xaa, (size_t)i);
	}
	ok("what an arena gives is aligned", aligned);
	ok("and zeroed", zeroed);
	mark = a;
	first = arena_new(&a, 100);
	memset(first, 0x55, 100);
	arena_rewind(&a, mark);
	second = arena_new(&a, 100);
	ok("rewound, the same memory comes again", first == second && all_zero(second, 100));
	arena_rewind(&a, mark);
	large = arena_new(&a, 10 * 1000 * 1000);
	memset(large, 0x55, 10 * 1000 * 1000);
	for (int i = 0; i < 100; i++)
		arena_new(&a, 100 * 1000);
	ok("it grows", a.last != mark.last);
	arena_rewind(&a, mark);
	ok("rewound over many blocks, it is as it was", memcmp(&a, &mark, sizeof a) == 0);
	arena_new(&a, 1000 * 1000);
	arena_reset(&a);
	first = arena_new(&a, 16);
	arena_reset(&a);
	ok("a reset keeps a block for the next request", a.last != NULL && arena_new(&a, 16) == (void *)first);
	arena_rewind(&a, (arena){ 0 });
	arena_new(&a, 1000 * 1000);
	arena_reset(&a);
	ok("but not a large one", a.last == NULL);
	is("a fresh arena serves", arena_copy(&a, S("x\0y")), S("x\0y"));
	ok("a C string of a slice", strcmp(arena_z(&a, (str){ "abc", 2 }), "ab") == 0 && *arena_z(&a, S("")) == '\0');
	arena_rewind(&a, (arena){ 0 });
}

static void test_more(void)
{
	arena a = { 0 };
	int *list = NULL, n = 0, room = 0;
	bool kept = true;
	for (; n < 10000; n++) {
		list = arena_more(&a, list, n, &room, sizeof *list);
		list[n] = n;
	}
	for (int i = 0; i < n; i++)
		kept = kept && list[i] == i;
	ok("a list that grows keeps its elements", kept && room >= n);
	arena_rewind(&a, (arena){ 0 });
}

static void test_buffers(void)
{
	buf b = { .mem = &mem }, other = { .mem = &mem }, empty = { .mem = &mem };
	bool same = true;
	for (int i = 0; i < 50000; i++) {
		buf_char(&b, (char)('a' + i % 26));
		if (i % 7 == 0)
			buf_char(&other, (char)('A' + i % 26));
	}
	for (int i = 0; i < 50000; i++)
		same = same && b.s[i] == 'a' + i % 26;
	for (int i = 0; i < other.n; i++)
		same = same && other.s[i] == 'A' + i * 7 % 26;
	ok("two buffers grow side by side", same && b.n == 50000 && other.n == 7143);
	ok("an empty buffer is an empty slice", buf_str(&empty).n == 0 && buf_str(&empty).s);
	b.n = 0;
	buf_say(&b, "%S|%q|%s|%d|%l|%%|%", S("a\nb"), S("a\n\"\xe2\x80\xae"), "z", -5, INT64_MIN);
	is("every verb of buf_say", buf_str(&b), S("a\nb|\"a\\n\\\"\\u202e\"|z|-5|-9223372036854775808|%|"));
	b.n = 0;
	buf_say(&b, "%d %l %s.", 2147483647, INT64_MAX, (const char *)NULL);
	is("and its extremes", buf_str(&b), S("2147483647 9223372036854775807 ."));
	b.n = 0;
	buf_add(&b, S("x\0y"));
	is("a NUL is a byte like any other", buf_str(&b), S("x\0y"));
}

/* ==== Text ==== */

static str added(str s, enum text_use use)
{
	buf b = { .mem = &mem };
	text_add(&b, s, use);
	return buf_str(&b);
}

static void test_uses(void)
{
	str all = S("\"\\/\b\t\n\f\r\x01\x1f\x7f\xc2\x80\xe2\x80\xa8\xe2\x80\xae\xe2\x80\x8b\xe2\x82\xac");
	is("in a file: what JSON.stringify escapes", added(all, TEXT_FILE),
	   S("\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\xc2\x80\xe2\x80\xa8\xe2\x80\xae\xe2\x80\x8b\xe2\x82\xac"));
	is("on the wire: also DEL and the two line ends", added(all, TEXT_WIRE),
	   S("\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\xc2\x80\\u2028\xe2\x80\xae\xe2\x80\x8b\xe2\x82\xac"));
	is("quoted: also what is not seen", added(all, TEXT_QUOTE),
	   S("\\\"\\\\/\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\\u0080\\u2028\\u202e\\u200b\xe2\x82\xac"));
	is("in a body: quotes, tabs and line ends stay", added(S("\"\\\t\n\r\n<b>`x`\x1b[2J\r\xe2\x80\xae"), TEXT_BODY),
	   S("\"\\\t\n\r\n<b>`x`" U("001B") "[2J" U("000D") U("202E")));
	is("what was written like an escape does not look like one", added(S("\\u202e " U("202E") " \xe2\x9f\xa8" "U\xe2\x80\xae"), TEXT_BODY),
	   S("\\u202e " U("27E8") "U+202E\xe2\x9f\xa9 \xe2\x9f\xa8" "U" U("202E")));
	is("quoted it needs nothing of the kind", added(S("\\u202e " U("202E")), TEXT_QUOTE), S("\\\\u202e " U("202E")));
	is("a JSON text keeps its form, and hides nothing", added(S("{\n\t\"a\\n\": \"\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\x7f\"}\r\n\r"), TEXT_JSON),
	   S("{\n\t\"a\\n\": \"\\u009b\\u202e\\udb40\\udc41\\u007f\"}\r\n "));
	is("tag characters are not seen either", added(S("a\xf3\xa0\x81\x81" "b"), TEXT_QUOTE), S("a\\udb40\\udc41b"));
	is("also in a body", added(S("a\xf3\xa0\x81\x81" "b"), TEXT_BODY), S("a" U("E0041") "b"));
	is("NUL in all of them", added(S("a\0b"), TEXT_WIRE), S("a\\u0000b"));
	is("also in a body", added(S("a\0b"), TEXT_BODY), S("a" U("0000") "b"));
}

#define ZWNJ "\xe2\x80\x8c"
#define ZWJ "\xe2\x80\x8d"
#define FE0E "\xef\xb8\x8e"
#define FE0F "\xef\xb8\x8f"

/* Hidden characters that their neighbours need, and the same where nobody does. */
static void test_needed(void)
{
	const struct { const char *what; str text; } kept[] = {
		{ "Persian with a non-joiner", S("\xd9\x85\xdb\x8c" ZWNJ "\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85") },
		{ "Hindi with a joiner", S("\xe0\xa4\x95\xe0\xa5\x8d" ZWJ "\xe0\xa4\xb7") },
		{ "a woman at a computer", S("\xf0\x9f\x91\xa9" ZWJ "\xf0\x9f\x92\xbb") },
		{ "with a colour of skin", S("\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbd" ZWJ "\xf0\x9f\x92\xbb") },
		{ "a flag of a rainbow", S("\xf0\x9f\x8f\xb3" FE0F ZWJ "\xf0\x9f\x8c\x88") },
		{ "a red heart", S("\xe2\x9d\xa4" FE0F "!") },
		{ "a heart as text", S("\xe2\x9d\xa4" FE0E) },
		{ "a keycap", S("press 1" FE0F "\xe2\x83\xa3 or #" FE0F "\xe2\x83\xa3") },
		{ "a registered mark", S("\xc2\xae" FE0F) },
		{ "a circled ideograph", S("\xe3\x8a\x97" FE0F) },
	};
	const struct { const char *what; str text, wanted; } shown[] = {
		{ "joiners beside ASCII", S("ad" ZWNJ "min" ZWJ), S("ad" U("200C") "min" U("200D")) },
		{ "a joiner on one side only", S("\xd9\x85" ZWNJ " " ZWNJ "\xd9\x85"), S("\xd9\x85" U("200C") " " U("200C") "\xd9\x85") },
		{ "two joiners", S("\xd9\x85" ZWNJ ZWNJ "\xd9\x85"), S("\xd9\x85" U("200C") U("200C") "\xd9\x85") },
		{ "a non-joiner between emoji", S("\xf0\x9f\x91\xa9" ZWNJ "\xf0\x9f\x92\xbb"), S("\xf0\x9f\x91\xa9" U("200C") "\xf0\x9f\x92\xbb") },
		{ "a joiner after bytes that are no character", S("\xff" ZWJ "\xf0\x9f\x92\xbb"), S(FFFD U("200D") "\xf0\x9f\x92\xbb") },
		{ "a joiner after a selector that is shown", S("a" FE0F ZWJ "\xf0\x9f\x92\xbb"), S("a" U("FE0F") U("200D") "\xf0\x9f\x92\xbb") },
		{ "a selector after a letter", S("a" FE0F), S("a" U("FE0F")) },
		{ "a selector after a digit", S("1" FE0F "2"), S("1" U("FE0F") "2") },
		{ "a run of selectors", S("\xe2\x9d\xa4" FE0F FE0F FE0E), S("\xe2\x9d\xa4" FE0F U("FE0F") U("FE0E")) },
		{ "another selector", S("\xe2\x9d\xa4\xef\xb8\x81"), S("\xe2\x9d\xa4" U("FE01")) },
		{ "a selector of many", S("\xe8\x91\x9b\xf3\xa0\x84\x80"), S("\xe8\x91\x9b" U("E0100")) },
		{ "a mark of direction", S("\xd9\x85\xe2\x80\x8f\xd9\x85"), S("\xd9\x85" U("200F") "\xd9\x85") },
	};
	char what[100];
	for (int use = TEXT_JSON; use <= TEXT_BODY; use++)
		for (int i = 0; i < COUNT(kept); i++) {
			snprintf(what, sizeof what, "kept in use %d: %s", use, kept[i].what);
			is(what, added(kept[i].text, (enum text_use)use), kept[i].text);
		}
	for (int i = 0; i < COUNT(shown); i++) {
		snprintf(what, sizeof what, "shown: %s", shown[i].what);
		is(what, added(shown[i].text, TEXT_BODY), shown[i].wanted);
	}
	is("quoted too", added(S("ad" ZWNJ "min"), TEXT_QUOTE), S("ad\\u200cmin"));
	is("on disk all of it stays", added(S("ad" ZWNJ "min" FE0F), TEXT_FILE), S("ad" ZWNJ "min" FE0F));
}

/* An UTF-8 decoder of another make, as browsers describe theirs: bounds for
 * the next byte, and a byte that does not fit is looked at again. */
static str decoded(str s)
{
	buf b = { .mem = &mem };
	int need = 0, low = 0x80, high = 0xbf;
	ptrdiff_t start = 0;
	for (ptrdiff_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.s[i];
		if (need && (c < low || c > high)) {
			need = 0;
			buf_add(&b, S(FFFD));
		}
		if (need) {
			low = 0x80, high = 0xbf;
			if (--need == 0)
				buf_add(&b, (str){ s.s + start, i + 1 - start });
			continue;
		}
		start = i;
		low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		if (c < 0x80)
			buf_char(&b, (char)c);
		else if (c >= 0xc2 && c <= 0xf4)
			need = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		else
			buf_add(&b, S(FFFD));
	}
	if (need)
		buf_add(&b, S(FFFD));
	return buf_str(&b);
}

static void test_utf8(void)
{
	static const unsigned char next[] = { 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe2, 0xf0, 0xff };
	int parts = 0, valid = 0, n = COUNT(next);
	for (int i = 0; i < 128 * n * n * n; i++) {
		arena mark = mem;
		char bytes[] = { (char)(0x80 + i / (n * n * n)), (char)next[i / (n * n) % n], (char)next[i / n % n], (char)next[i % n] };
		for (ptrdiff_t length = 1; length <= 4; length++) {
			str s = { bytes, length }, wanted = decoded(s);
			parts += !str_eq(added(s, TEXT_FILE), wanted);
			valid += text_valid(s) != str_eq(s, wanted);
		}
		arena_rewind(&mem, mark);
	}
	ok("each maximal part that is not UTF-8 becomes one U+FFFD, as another decoder has it", parts == 0);
	ok("text_valid agrees", valid == 0);
	is("the known example", added(S("\x61\xf0\x9f\x92\x62\xe0\x80\xc0\xaf\xed\xa0\x80\xff"), TEXT_FILE),
	   S("a" FFFD "b" FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD));
	ok("characters are counted", text_count(S("a\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e")) == 4 && text_count(S("")) == 0);
}

static void test_clip(void)
{
	str s = S("a\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9ez");
	static const ptrdiff_t wanted[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };
	bool good = true;
	for (ptrdiff_t limit = 0; limit < COUNT(wanted); limit++) {
		str cut = text_head_bytes(s, limit);
		good = good && cut.n == wanted[limit] && cut.s == s.s;
	}
	ok("text_clip cuts between characters, and no more than needed", good);
	ok("bytes that are no characters are cut all the same", text_head_bytes(S("\x80\x80\x80\x80\x80\x80\x80\x80"), 6).n > 0 &&
	   text_head_bytes(S("\x80\x80\x80\x80\x80\x80\x80\x80"), 6).n <= 6);
	is("control characters become one space", text_one_line(&mem, S("a\r\n\tb\x7f\x1b" "c\0\0d")), S("a b c d"));
	is("also at the ends", text_one_line(&mem, S("\na\n")), S(" a "));
	is("all else stays", text_one_line(&mem, S("a  b \xc3\xa9 \"\\\"")), S("a  b \xc3\xa9 \"\\\""));
	is("of nothing, nothing", text_one_line(&mem, S("")), S(""));
}

static str fitted(str s, int columns)
{
	buf b = { .mem = &mem };
	text_fit(&b, s, columns);
	return buf_str(&b);
}

static void test_columns(void)
{
	const struct { const char *what; str text; int columns; } widths[] = {
		{ "ASCII", S("abc"), 3 }, { "nothing", S(""), 0 }, { "accents", S("\xc3\xa9t\xc3\xa9"), 3 },
		{ "an accent on its own", S("e\xcc\x81"), 1 }, { "CJK", S("\xe6\xbc\xa2\xe5\xad\x97"), 4 },
		{ "Korean", S("\xed\x95\x9c"), 2 }, { "an emoji", S("\xf0\x9f\x9a\x80"), 2 }, { "a check mark", S("\xe2\x9c\x93"), 1 },
		{ "a heavy one", S("\xe2\x9c\x85"), 2 }, { "Persian", S("\xd9\x85\xdb\x8c" ZWNJ "\xd8\xae"), 3 },
		{ "bytes that are no character", S("\xff\xff"), 2 },
	};
	char what[100];
	for (int i = 0; i < COUNT(widths); i++) {
		snprintf(what, sizeof what, "columns of %s", widths[i].what);
		ok(what, text_width(widths[i].text) == widths[i].columns);
	}
	is("filled with spaces", fitted(S("abc"), 5), S("abc  "));
	is("exactly as wide", fitted(S("abcde"), 5), S("abcde"));
	is("cut", fitted(S("abcdef"), 5), S("ab..."));
	is("no wide character is cut in two", fitted(S("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"), 5), S("\xe6\xbc\xa2..."));
	is("what is left is filled", fitted(S("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97"), 6), S("\xe6\xbc\xa2... "));
	is("nor does a joiner stay alone", fitted(S("\xf0\x9f\x91\xa9" ZWJ "\xf0\x9f\x92\xbb" "abcd"), 6), S("\xf0\x9f\x91\xa9... "));
}

/* ==== JSON ==== */

static json *parse(str text, enum json_rules rules)
{
	json_error error;
	return json_read(&mem, text, rules, &error);
}

static void test_look(void)
{
	json *v = parse(S("{\"a\":1,\"\\u0062\":\"\\u0041\\n\\u0000\",\"a\":2,\"\\ud834\\udd1e\":3,\"\":4,\"n\\u0000l\":5,\"l\":[0,1]}"), JSON_STRICT);
	json *lone = parse(S("{\"\\ud800\":\"x\\udc00y\\ud800\\ud834\\udd1e\"}"), JSON_STORED);
	json *pair = parse(S("\"\\ud83d\\ude00\\uDBFF\\uDFFF\\u20ac\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRICT);
	is("the last member of a name counts", json_get(v, S("a"))->raw, S("2"));
	is("a name is found as it reads, not as it is written", json_get(v, S("b"))->raw, S("\"\\u0041\\n\\u0000\""));
	is("a string is decoded", json_get_text(&mem, v, S("b")), S("A\n\0"));
	is("a name of a pair", json_get(v, S("\xf0\x9d\x84\x9e"))->raw, S("3"));
	is("the empty name", json_get(v, S(""))->raw, S("4"));
	is("a name with a NUL", json_get(v, S("n\0l"))->raw, S("5"));
	ok("part of a name is not the name", !json_get(v, S("n")) && !json_get(v, S("n\0l!")) && !json_get(v, S("bb")));
	ok("there is nothing in what is no object", !json_get(json_get(v, S("l")), S("a")) && !json_get(NULL, S("a")) &&
	   !json_get(json_get(v, S("a")), S("a")));
	is("text of what is no string is empty", json_text(&mem, json_get(v, S("a"))), S(""));
	is("text of nothing is empty", json_get_text(&mem, v, S("none")), S(""));
	is("lone surrogates of a stored file read as U+FFFD", json_text(&mem, lone->child), S("x" FFFD "y" FFFD "\xf0\x9d\x84\x9e"));
	is("and of a line", json_text(&mem, parse(S("\"cut here: \\ud83d\""), JSON_STRICT)), S("cut here: " FFFD));
	is("in a name too", json_key(&mem, lone->child), S(FFFD));
	is("and such a name is found", ((str){ json_get(lone, S(FFFD))->key, 8 }), S("\"\\ud800\""));
	is("every escape", json_text(&mem, pair),
	   S("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xe2\x82\xac\xc3\xa9\"\\/\b\f\n\r\t"));
	ok("kinds have names", strcmp(json_kind_name(JSON_OBJECT), "an object") == 0 && strcmp(json_kind_name(JSON_NULL), "null") == 0);
}

/* What stands before the damage, on one line. */
static str whole_part(str text)
{
	buf b = { .mem = &mem };
	json_error error;
	json *v = json_read(&mem, text, JSON_STORED, &error);
	if (!error.what)
		return S("not damaged");
	for (json *m = v ? v->child : NULL; m; m = m->next)
		buf_say(&b, "%S=%S ", ((str){ m->key, m->key_bytes }), m->raw);
	return buf_str(&b);
}

static void test_damage(void)
{
	const struct { const char *what; str text, wanted; } cases[] = {
		{ "damage: cut in a value", S("{\"a\":1,\"b\":{\"c\":2},\"d\":tr"), S("\"a\"=1 \"b\"={\"c\":2} ") },
		{ "damage: cut in a name", S("{\"a\":1,\"b"), S("\"a\"=1 ") },
		{ "damage: cut in something open", S("{\"a\":[1],\"b\":{\"c\":2"), S("\"a\"=[1] ") },
		{ "damage: cut after a comma", S("{\"a\":1,"), S("\"a\"=1 ") },
		{ "damage: cut after a value", S("{\"a\":1"), S("\"a\"=1 ") },
		{ "damage: NULs of a power cut", S("{\"a\":1,\0\0\0\0"), S("\"a\"=1 ") },
		{ "damage: another bracket", S("{\"a\":1]"), S("\"a\"=1 ") },
		{ "damage: two documents in one file", S("{\"a\":1}{\"b\":2}"), S("\"a\"=1 ") },
		{ "damage: nothing but the bracket", S("{"), S("") },
		{ "damage: an empty file", S(""), S("") },
		{ "damage: rubbish", S("\xff\xfe"), S("") },
	};
	for (int i = 0; i < COUNT(cases); i++)
		is(cases[i].what, whole_part(cases[i].text), cases[i].wanted);
}

static void write_all(json_writer *w)
{
	json_say(w, "{%S:%s,", S("a\"b"), "\xe2\x80\xa8");
	json_say(w, "list:[1.0,'',[],{}");
	json_say(w, "],%s:", "");
	json_say(w, "%r,n:%l, t: 'a, b:{'", S("null"), INT64_MIN);
	json_say(w, "}");
}

static void test_writer(void)
{
	buf wire = { .mem = &mem }, file = { .mem = &mem };
	json_writer to_wire = { .out = &wire }, to_file = { .out = &file, .pretty = true };
	write_all(&to_wire);
	write_all(&to_file);
	is("written for the wire", json_done(&to_wire), S("{\"a\\\"b\":\"\\u2028\",\"list\":[1.0,\"\",[],{}],\"\":null,"
	   "\"n\":-9223372036854775808,\"t\":\"a, b:{\"}"));
	is("written for a file", json_done(&to_file), S("{\n  \"a\\\"b\": \"\xe2\x80\xa8\",\n  \"list\": [\n    1.0,\n    \"\",\n    [],\n    {}\n  ],\n"
	   "  \"\": null,\n  \"n\": -9223372036854775808,\n  \"t\": \"a, b:{\"\n}"));
}

/* A mistake in the program: each ends the process that makes it, and says where. */
static void make_mistake(int which)
{
	buf b = { .mem = &mem };
	json_writer w = { .out = &b };
	switch (which) {
	case 0: json_say(&w, "{a:[1}"); break;
	case 1: json_say(&w, "[1]]"); break;
	case 2: json_say(&w, "{a:}"); break;
	case 3: json_say(&w, "%x", "a"); break;
	case 4: json_say(&w, "{a:1"), json_done(&w); break;
	case 5: json_done(&w); break;
	case 6: json_with(&mem, NULL, S("a"), S("[1")); break;
	default: must(which < 7);
	}
}

static void test_mistakes(void)
{
	static const char *const what[] = {
		"the other bracket", "one bracket too many", "a name without its value", "an unknown verb",
		"a document that is open at its end", "no document at all", "a value that is no JSON", "must",
	};
	for (int i = 0; i < COUNT(what); i++) {
		char text[200], name[100];
		int fd[2], status = 0;
		ssize_t n = pipe(fd);
		pid_t pid = fork();
		if (pid == 0) {
			dup2(fd[1], 2);
			make_mistake(i);
			_exit(0);
		}
		close(fd[1]);
		n = read(fd[0], text, sizeof text - 1);
		text[n > 0 ? n : 0] = '\0';
		close(fd[0]);
		waitpid(pid, &status, 0);
		snprintf(name, sizeof name, "a mistake ends the process, and says where: %s", what[i]);
		ok(name, WIFSIGNALED(status) && strstr(text, ".c:") && strstr(text, " does not hold\n"));
	}
}

/* ==== Patches ==== */

static str patched(str object, const change *changes, int count, int depth)
{
	return patch(&mem, parse(object, JSON_STORED), changes, count, depth);
}

static void test_patch(void)
{
	str stored = S("{\"id\":\"1\", \"x\\u0079\" : 1e999,\n\t\"deep\":{ \"b\" : [1.0,\n 2] },\"status\":\"pending\",\"n\":9007199254740993,\"bad\":\"\\ud800\"}");
	change status[] = { { S("status"), S("\"completed\"") } };
	change three[] = { { S("new"), S("[1, 2]") }, { S("id"), S("") }, { S("status"), S("2") } };
	change gone[] = { { S("a"), S("") }, { S("none"), S("") } };
	change twice[] = { { S("a"), S("9") } };
	change escaped[] = { { S("xy"), S("0") } };
	change first[] = { { S("k\"\n"), S("1") } };
	is("a replaced member keeps its place, unknown ones their bytes", patched(stored, status, 1, 0),
	   S("{\n  \"id\": \"1\",\n  \"x\\u0079\": 1e999,\n  \"deep\": { \"b\" : [1.0,\n 2] },\n  \"status\": \"completed\",\n"
	     "  \"n\": 9007199254740993,\n  \"bad\": \"\\ud800\"\n}"));
	is("one goes, one changes, a new one comes last", patched(stored, three, 3, 0),
	   S("{\n  \"x\\u0079\": 1e999,\n  \"deep\": { \"b\" : [1.0,\n 2] },\n  \"status\": 2,\n  \"n\": 9007199254740993,\n"
	     "  \"bad\": \"\\ud800\",\n  \"new\": [1, 2]\n}"));
	is("no changes, only the form", patched(S("{\"a\":1,\"b\":\"\\/\"}"), NULL, 0, 0), S("{\n  \"a\": 1,\n  \"b\": \"\\/\"\n}"));
	is("at a depth", patched(S("{\"a\":1}"), first, 1, 1), S("{\n    \"a\": 1,\n    \"k\\\"\\n\": 1\n  }"));
	is("the last member goes", patched(S("{\"a\":1}"), gone, 2, 0), S("{}"));
	is("all of a name go", patched(S("{\"a\":1,\"b\":2,\"a\":3}"), gone, 2, 0), S("{\n  \"b\": 2\n}"));
	is("of a name that stands twice one is left, at the first place", patched(S("{\"a\":1,\"b\":2,\"\\u0061\":3}"), twice, 1, 0),
	   S("{\n  \"a\": 9,\n  \"b\": 2\n}"));
	is("a name is matched as it reads and kept as written", patched(S("{\"x\\u0079\":1}"), escaped, 1, 0), S("{\n  \"x\\u0079\": 0\n}"));
	is("of nothing, a new object", patch(&mem, NULL, twice, 1, 0), S("{\n  \"a\": 9\n}"));
	is("of what is no object, too", patched(S("[1,2]"), twice, 1, 0), S("{\n  \"a\": 9\n}"));
	is("of nothing and without changes, an empty one", patch(&mem, NULL, NULL, 0, 0), S("{}"));
	is("of a damaged one, what was whole", patched(S("{\"a\":1,\"b\":2,\"c\":"), twice, 1, 0), S("{\n  \"a\": 9,\n  \"b\": 2\n}"));
}

/* ==== Objects with a member set ==== */

static void test_with(void)
{
	const json *o = parse(S("{\"a\":1,\"x\\u0079\" : [1.0,\n 2],\"a\":3}"), JSON_STORED);
	buf dense = { .mem = &mem };
	json_error error;
	const json *set = json_with(&mem, o, S("xy"), S("{\"in\":[7]}"));
	is("a member set keeps its place and its name as written", json_format(&mem, set, 0),
	   S("{\n  \"a\": 1,\n  \"x\\u0079\": {\"in\":[7]},\n  \"a\": 3\n}"));
	is("and can be looked into", json_get(json_get(set, S("xy")), S("in"))->child->raw, S("7"));
	is("the object that it was set in stays", json_format(&mem, o, 0),
	   S("{\n  \"a\": 1,\n  \"x\\u0079\": [1.0,\n 2],\n  \"a\": 3\n}"));
	is("a name that stood twice stands once", json_format(&mem, json_with(&mem, o, S("a"), S("9")), 1),
	   S("{\n    \"a\": 9,\n    \"x\\u0079\": [1.0,\n 2]\n  }"));
	is("or not at all", json_format(&mem, json_with(&mem, o, S("a"), S("")), 0), S("{\n  \"x\\u0079\": [1.0,\n 2]\n}"));
	is("one that is not there need not be taken away", json_format(&mem, json_with(&mem, NULL, S("a"), S("")), 0), S("{}"));
	set = json_with_text(&mem, json_with_text(&mem, NULL, S("k\"\n"), S("v\n\\")), S("k"), S(""));
	is("a text is quoted, and so is a new name; new ones come last", json_format(&mem, set, 0),
	   S("{\n  \"k\\\"\\n\": \"v\\n\\\\\",\n  \"k\": \"\"\n}"));
	is("it is found", json_get_text(&mem, set, S("k\"\n")), S("v\n\\"));
	is("of what is no object, a new one", json_format(&mem, json_with(&mem, o->child, S("a"), S("9")), 0), S("{\n  \"a\": 9\n}"));
	for (int i = 0; i < 50000; i++)
		buf_say(&dense, i ? ",1" : "[1");
	buf_say(&dense, "]");
	json_read(&mem, buf_str(&dense), JSON_STORED, &error);
	ok("what is too dense to be read can be set all the same", error.what &&
	   json_get(json_with(&mem, o, S("a"), buf_str(&dense)), S("a"))->raw.n == dense.n);
	is("nothing is an empty object", json_format(&mem, NULL, 0), S("{}"));
}

int main(void)
{
	test_ints();
	test_slices();
	test_arena();
	test_more();
	test_buffers();
	test_uses();
	test_needed();
	test_utf8();
	test_clip();
	test_columns();
	test_look();
	test_damage();
	test_writer();
	test_mistakes();
	test_patch();
	test_with();
	puts("done");
	return bad > 0;
}
