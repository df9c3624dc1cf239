/* jsontest: what json.h promises, where a shell cannot reach it: slices,
 * memory, buffers, text and patches. Prints one line a test, as TAP has them,
 * and "done" when it came to its end; json.t reads them. */
#include "../../json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define FFFD "\xef\xbf\xbd"

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
		aligned = aligned && (uintptr_t)p % 16 == 0;
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
	   S("\"\\\t\n\r\n<b>`x`\\u001b[2J\\u000d\\u202e"));
	is("tag characters are not seen either", added(S("a\xf3\xa0\x81\x81" "b"), TEXT_QUOTE), S("a\\u{e0041}b"));
	is("NUL in all of them", added(S("a\0b"), TEXT_WIRE), S("a\\u0000b"));
	is("also in a body", added(S("a\0b"), TEXT_BODY), S("a\\u0000b"));
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

/* Bytes of the character at the front of s, by that decoder. */
static int first_character(str s)
{
	for (int n = 1; n <= s.n; n++)
		if (str_eq(decoded((str){ s.s, n }), (str){ s.s, n }))
			return n;
	return 0;
}

static void test_utf8(void)
{
	static const unsigned char next[] = { 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe2, 0xf0, 0xff };
	int parts = 0, valid = 0, first = 0, n = COUNT(next);
	for (int i = 0; i < 128 * n * n * n; i++) {
		arena mark = mem;
		char bytes[] = { (char)(0x80 + i / (n * n * n)), (char)next[i / (n * n) % n], (char)next[i / n % n], (char)next[i % n] };
		for (ptrdiff_t length = 1; length <= 4; length++) {
			str s = { bytes, length }, wanted = decoded(s);
			parts += !str_eq(added(s, TEXT_FILE), wanted);
			valid += text_valid(s) != str_eq(s, wanted);
			first += text_char(s) != first_character(s);
		}
		arena_rewind(&mem, mark);
	}
	ok("each maximal part that is not UTF-8 becomes one U+FFFD, as another decoder has it", parts == 0);
	ok("text_valid agrees", valid == 0);
	ok("text_char agrees", first == 0);
	is("the known example", added(S("\x61\xf0\x9f\x92\x62\xe0\x80\xc0\xaf\xed\xa0\x80\xff"), TEXT_FILE),
	   S("a" FFFD "b" FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD));
	ok("a character's bytes", text_char(S("a")) == 1 && text_char(S("\xc3\xa9")) == 2 && text_char(S("\xe2\x82\xac")) == 3 &&
	   text_char(S("\xf4\x8f\xbf\xbf")) == 4 && text_char(S("\0")) == 1);
	ok("none where there is none", text_char(S("")) == 0 && text_char(S("\xc3")) == 0 && text_char(S("\x80")) == 0 &&
	   text_char(S("\xf4\x90\x80\x80")) == 0);
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

/* ==== JSON ==== */

static json *read(str text, enum json_rules rules)
{
	json_error error;
	return json_read(&mem, text, rules, &error);
}

static void test_look(void)
{
	json *v = read(S("{\"a\":1,\"\\u0062\":\"\\u0041\\n\\u0000\",\"a\":2,\"\\ud834\\udd1e\":3,\"\":4,\"n\\u0000l\":5,\"l\":[0,1]}"), JSON_STRICT);
	json *lone = read(S("{\"\\ud800\":\"x\\udc00y\\ud800\\ud834\\udd1e\"}"), JSON_STORED);
	json *pair = read(S("\"\\ud83d\\ude00\\uDBFF\\uDFFF\\u20ac\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRICT);
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
	is("in a name too", json_key(&mem, lone->child), S(FFFD));
	is("and such a name is found", json_get(lone, S(FFFD))->key, S("\"\\ud800\""));
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
		buf_say(&b, "%S=%S ", m->key, m->raw);
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
	json_open(w, '{');
	json_member(w, S("a\"b"), S("\xe2\x80\xa8"));
	json_name(w, S("list"));
	json_open(w, '[');
	json_raw(w, S("1.0"));
	json_string(w, S(""));
	json_open(w, '[');
	json_close(w, ']');
	json_open(w, '{');
	json_close(w, '}');
	json_close(w, ']');
	json_name(w, S(""));
	json_raw(w, S("null"));
	json_close(w, '}');
}

static void test_writer(void)
{
	buf wire = { .mem = &mem }, file = { .mem = &mem };
	json_writer to_wire = { .out = &wire }, to_file = { .out = &file, .pretty = true };
	write_all(&to_wire);
	write_all(&to_file);
	is("written for the wire", buf_str(&wire), S("{\"a\\\"b\":\"\\u2028\",\"list\":[1.0,\"\",[],{}],\"\":null}"));
	is("written for a file", buf_str(&file), S("{\n  \"a\\\"b\": \"\xe2\x80\xa8\",\n  \"list\": [\n    1.0,\n    \"\",\n    [],\n    {}\n  ],\n  \"\": null\n}"));
	is("a string for a file", json_quote(&mem, S("a\"\n\x7f\xff")), S("\"a\\\"\\n\x7f" FFFD "\""));
}

/* ==== Patches ==== */

static str patched(str object, const json_change *changes, int count, int depth)
{
	return json_patch(&mem, read(object, JSON_STORED), changes, count, depth);
}

static void test_patch(void)
{
	str stored = S("{\"id\":\"1\", \"x\\u0079\" : 1e999,\n\t\"deep\":{ \"b\" : [1.0,\n 2] },\"status\":\"pending\",\"n\":9007199254740993,\"bad\":\"\\ud800\"}");
	json_change status[] = { { S("status"), S("\"completed\"") } };
	json_change three[] = { { S("new"), S("[1, 2]") }, { S("id"), S("") }, { S("status"), S("2") } };
	json_change gone[] = { { S("a"), S("") }, { S("none"), S("") } };
	json_change twice[] = { { S("a"), S("9") } };
	json_change escaped[] = { { S("xy"), S("0") } };
	json_change first[] = { { S("k\"\n"), S("1") } };
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
	is("of nothing, a new object", json_patch(&mem, NULL, twice, 1, 0), S("{\n  \"a\": 9\n}"));
	is("of what is no object, too", patched(S("[1,2]"), twice, 1, 0), S("{\n  \"a\": 9\n}"));
	is("of nothing and without changes, an empty one", json_patch(&mem, NULL, NULL, 0, 0), S("{}"));
	is("of a damaged one, what was whole", patched(S("{\"a\":1,\"b\":2,\"c\":"), twice, 1, 0), S("{\n  \"a\": 9,\n  \"b\": 2\n}"));
}

int main(void)
{
	test_ints();
	test_slices();
	test_arena();
	test_more();
	test_buffers();
	test_uses();
	test_utf8();
	test_clip();
	test_look();
	test_damage();
	test_writer();
	test_patch();
	puts("done");
	return bad > 0;
}
