/* fuzz_json: any bytes as JSON, as text to be shown, and as two texts to be
 * compared. What is read must be what a second, simpler reader below takes for
 * JSON; what is written must be read again as the same. */
#include "patch.h"
#include "fuzz.h"

static arena mem;

/* ==== A second reader ====
 * RFC 8259 by recursion, straight from its grammar. It says where the value
 * ends; NULL: it is none. */

typedef struct {
	const unsigned char *end;
	bool strict;
} other;

static const unsigned char *other_space(const other *o, const unsigned char *p)
{
	while (p < o->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

static bool tail_byte(const other *o, const unsigned char *p, unsigned low, unsigned high)
{
	return p < o->end && *p >= low && *p <= high;
}

/* The bytes of the character at p, by the table of RFC 3629; 0: it is none. */
static int other_char(const other *o, const unsigned char *p)
{
	unsigned c = *p;
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return tail_byte(o, p + 1, 0x80, 0xbf) ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef)
		return tail_byte(o, p + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf) &&
		       tail_byte(o, p + 2, 0x80, 0xbf) ? 3 : 0;
	if (c >= 0xf0 && c <= 0xf4)
		return tail_byte(o, p + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf) &&
		       tail_byte(o, p + 2, 0x80, 0xbf) && tail_byte(o, p + 3, 0x80, 0xbf) ? 4 : 0;
	return 0;
}

static int other_hex(const other *o, const unsigned char *p)
{
	char digits[5] = { 0 }, *end;
	if (o->end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	memcpy(digits, p + 2, 4);
	for (int i = 0; i < 4; i++)
		if (!strchr("0123456789abcdefABCDEF", digits[i]) || !digits[i])
			return -1;
	return (int)strtol(digits, &end, 16);
}

static const unsigned char *other_escape(const other *o, const unsigned char *p)
{
	int u = other_hex(o, p);
	if (o->end - p >= 2 && p[1] && strchr("\"\\/bfnrt", p[1]))
		return p + 2;
	if (u < 0)
		return NULL;
	if (u >= 0xd800 && u <= 0xdbff) {
		int low = other_hex(o, p + 6);
		if (low >= 0xdc00 && low <= 0xdfff)
			return p + 12;
	}
	return p + 6;
}

static const unsigned char *other_string(const other *o, const unsigned char *p)
{
	if (p == o->end || *p != '"')
		return NULL;
	for (p++; p && p < o->end && *p != '"'; ) {
		int n = other_char(o, p);
		if (*p < 0x20 || (n == 0 && o->strict))
			return NULL;
		p = *p == '\\' ? other_escape(o, p) : p + (n ? n : 1);
	}
	return p && p < o->end ? p + 1 : NULL;
}

static const unsigned char *other_digits(const other *o, const unsigned char *p)
{
	const unsigned char *from = p;
	while (p < o->end && *p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

static const unsigned char *other_number(const other *o, const unsigned char *p)
{
	p += p < o->end && *p == '-';
	p = p < o->end && *p == '0' ? p + 1 : other_digits(o, p);
	if (p && p < o->end && *p == '.')
		p = other_digits(o, p + 1);
	if (p && p < o->end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < o->end && (*p == '+' || *p == '-');
		p = other_digits(o, p);
	}
	return p;
}

static const unsigned char *other_word(const other *o, const unsigned char *p, const char *word)
{
	size_t n = strlen(word);
	return (size_t)(o->end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

static const unsigned char *other_value(const other *o, const unsigned char *p, int depth);

static const unsigned char *other_group(const other *o, const unsigned char *p, int depth)
{
	unsigned char close = *p == '{' ? '}' : ']';
	if (depth == 64)
		return NULL;
	p = other_space(o, p + 1);
	if (p < o->end && *p == close)
		return p + 1;
	for (;;) {
		if (close == '}') {
			p = other_string(o, other_space(o, p));
			p = p ? other_space(o, p) : NULL;
			if (!p || p == o->end || *p != ':')
				return NULL;
			p++;
		}
		p = other_value(o, p, depth + 1);
		p = p ? other_space(o, p) : NULL;
		if (!p || p == o->end || (*p != ',' && *p != close))
			return NULL;
		if (*p++ == close)
			return p;
	}
}

static const unsigned char *other_value(const other *o, const unsigned char *p, int depth)
{
	p = other_space(o, p);
	if (p == o->end)
		return NULL;
	switch (*p) {
	case '{':
	case '[': return other_group(o, p, depth);
	case '"': return other_string(o, p);
	case 't': return other_word(o, p, "true");
	case 'f': return other_word(o, p, "false");
	case 'n': return other_word(o, p, "null");
	default: return other_number(o, p);
	}
}

static bool other_takes(str text, bool strict)
{
	other o = { (const unsigned char *)text.s + text.n, strict };
	const unsigned char *p;
	if (!strict && str_starts(text, S("\xef\xbb\xbf")))
		text = str_from(text, 3);
	p = other_value(&o, (const unsigned char *)text.s, 0);
	return p && other_space(&o, p) == o.end;
}

/* ==== What holds of a tree ==== */

static void inside(str part, str text)
{
	expect(part.n >= 0 && part.s >= text.s && part.s + part.n <= text.s + text.n, "a value's bytes lie in the text");
}

/* Every node, also after an error: nothing that was not whole is in the tree. */
static void check_tree(const json *v, str text, bool strict, bool whole)
{
	for (const json *m = v->child; m; m = m->next) {
		inside(m->raw, text);
		if (v->kind == JSON_OBJECT) {
			str key = json_key(&mem, m);
			inside((str){ m->key, m->key_bytes }, text);
			expect(!strict || text_valid(key), "a name is UTF-8");
			expect(json_get(v, key) != NULL, "a member is found by its name");
		}
		expect(!strict || text_valid(json_text(&mem, m)), "a text is UTF-8");
		expect(!whole || other_takes(m->raw, strict) || m->kind >= JSON_ARRAY, "what was taken is JSON");
		check_tree(m, text, strict, whole);
	}
}

static void reprint(json_writer *w, const json *v)
{
	if (v->kind == JSON_STRING) {
		json_say(w, "%S", json_text(&mem, v));
		return;
	}
	if (v->kind < JSON_ARRAY) {
		json_say(w, "%r", v->raw);
		return;
	}
	json_say(w, v->kind == JSON_OBJECT ? "{" : "[");
	for (const json *m = v->child; m; m = m->next) {
		if (v->kind == JSON_OBJECT)
			json_say(w, "%S:", json_key(&mem, m));
		reprint(w, m);
	}
	json_say(w, v->kind == JSON_OBJECT ? "}" : "]");
}

static str printed(const json *v, bool pretty)
{
	buf b = { .mem = &mem };
	json_writer w = { .out = &b, .pretty = pretty };
	reprint(&w, v);
	return buf_str(&b);
}

static bool same_tree(const json *a, const json *b)
{
	const json *m = a->child, *n = b->child;
	if (a->kind != b->kind || !str_eq(json_text(&mem, a), json_text(&mem, b)))
		return false;
	if (a->kind < JSON_STRING && !str_eq(a->raw, b->raw))
		return false;
	for (; m && n; m = m->next, n = n->next)
		if (!same_tree(m, n) || (a->kind == JSON_OBJECT && !str_eq(json_key(&mem, m), json_key(&mem, n))))
			return false;
	return !m && !n;
}

/* Printed and read again it is the same; where the first text was not UTF-8,
 * the second time at the latest. */
static void check_reprint(const json *v, bool strict)
{
	for (int pretty = 0; pretty < 2; pretty++) {
		json_error error;
		str once = printed(v, pretty);
		json *again = json_read(&mem, once, JSON_STRICT, &error);
		expect(!error.what, "what was written is JSON");
		expect(pretty || !memchr(once.s, '\n', (size_t)once.n), "the wire form is one line");
		expect(!strict || same_tree(v, again), "what was written is the same");
		expect(str_eq(once, printed(again, pretty)), "writing it again changes nothing");
	}
}

/* A changed object has the changes, and all else in its order and its bytes. */
static void check_patch(const json *v, int depth)
{
	change changes[3] = { { S("new key"), S("[1, 2]") } };
	int count = 1, made = 0;
	json_error error;
	const json *m, *p, *last = v->child;
	json *patched;
	while (last && last->next)
		last = last->next;
	if (last)
		changes[count++] = (change){ json_key(&mem, v->child), S("\"changed\"") };
	if (last && !str_eq(json_key(&mem, last), json_key(&mem, v->child)))
		changes[count++] = (change){ json_key(&mem, last), S("") };
	patched = json_read(&mem, patch(&mem, v, changes, count, depth), JSON_STORED, &error);
	expect(!error.what && patched->kind == JSON_OBJECT, "a changed object is JSON");
	p = patched->child;
	for (m = v->child; m; m = m->next) {
		int i = 0;
		while (i < count && !str_eq(json_key(&mem, m), changes[i].key))
			i++;
		if (i < count && (made >> i & 1 || changes[i].value.n == 0))
			continue;
		expect(p && p->key_bytes == m->key_bytes &&
		       memcmp(p->key, m->key, m->key_bytes) == 0, "names keep their order and bytes");
		expect(str_eq(p->raw, i < count ? changes[i].value : m->raw), "values keep their bytes");
		made |= i < count ? 1 << i : 0;
		p = p->next;
	}
	for (int i = 0; i < count; i++) {
		if (made >> i & 1 || changes[i].value.n == 0)
			continue;
		expect(p && str_eq(p->raw, changes[i].value), "new members come last");
		p = p->next;
	}
	expect(!p, "nothing else is there");
}

/* The elements of an array one by one are those of its tree. */
static void check_elements(const json *v)
{
	str rest = v->raw, element;
	for (const json *m = v->child; m; m = m->next)
		expect(json_next_element(&rest, &element) && str_eq(element, m->raw), "an element is what the tree has");
	expect(!json_next_element(&rest, &element), "there are no more elements than in the tree");
}

/* Shown on a terminal, a JSON text says the same. */
static void check_terminal(const json *v, str text)
{
	buf b = { .mem = &mem };
	json_error error;
	json *shown;
	if (!text_valid(text))
		return;
	text_add(&b, text, TEXT_JSON);
	shown = json_read(&mem, buf_str(&b), JSON_STORED, &error);
	expect(!error.what && same_tree(v, shown), "a JSON text that is shown says the same");
}

static void read_as(str text, enum json_rules rules)
{
	json_error error, alone;
	bool strict = rules == JSON_STRICT;
	json *v = json_read(&mem, text, rules, &error);
	expect(!json_read(NULL, text, rules, &alone) && alone.what == error.what && alone.at == error.at,
	       "a check finds what a reader does");
	if (v && v->kind == JSON_ARRAY && !error.what)
		check_elements(v);
	expect(!error.what == other_takes(text, strict), "both readers take it, or neither");
	expect(error.at >= 0 && error.at <= text.n, "the error is in the text");
	expect(v || error.what, "a value, or what is wrong");
	if (v)
		check_tree(v, text, strict, !error.what);
	if (v && !error.what)
		check_reprint(v, strict);
	if (v && !error.what)
		check_terminal(v, text);
	if (v && v->kind == JSON_OBJECT)
		check_patch(v, (int)(text.n % 3));
}

/* ==== Text ==== */

/* The characters that no terminal and no reader may be given, wherever they stand. */
static bool is_harmful(str s)
{
	unsigned char c = (unsigned char)s.s[0], d = s.n > 1 ? (unsigned char)s.s[1] : 0, e = s.n > 2 ? (unsigned char)s.s[2] : 0;
	if (c == 0xc2)
		return d < 0xa0;                                                /* C1 */
	if (c == 0xe2 && d == 0x80)
		return e == 0x8b || (e >= 0x8e && e <= 0x8f) || (e >= 0xa8 && e <= 0xae);
	return (c == 0xe2 && d == 0x81 && e >= 0xa0 && e <= 0xaf) || (c == 0xf3 && d == 0xa0);
}

static void check_shown(str s, enum text_use use)
{
	buf b = { .mem = &mem };
	str out;
	text_add(&b, s, use);
	out = buf_str(&b);
	expect(text_valid(out), "what is shown is UTF-8");
	for (ptrdiff_t i = 0; i < out.n; i++) {
		unsigned char c = (unsigned char)out.s[i];
		bool lines = use == TEXT_BODY || use == TEXT_JSON;
		bool line = lines && (c == '\t' || c == '\n' || (c == '\r' && i + 1 < out.n && out.s[i + 1] == '\n'));
		expect(c >= 0x20 || line, "no control character is shown");
		expect(c != 0x7f || use == TEXT_FILE, "nor DEL");
		expect(use < TEXT_JSON || !is_harmful(str_from(out, i)), "nor what turns a line around or hides");
	}
}

/* A body as it was before it was shown, but for bytes that are not UTF-8. */
static str undone(str shown)
{
	buf b = { .mem = &mem };
	while (shown.n) {
		unsigned long c = 0;
		char *end = NULL, digits[8] = { 0 };
		if (!str_starts(shown, S("\xe2\x9f\xa8U+"))) {
			buf_char(&b, shown.s[0]);
			shown = str_from(shown, 1);
			continue;
		}
		shown = str_from(shown, 5);
		memcpy(digits, shown.s, shown.n < 7 ? (size_t)shown.n : 7);
		c = strtoul(digits, &end, 16);
		shown = str_from(shown, end - digits);
		expect(str_starts(shown, S("\xe2\x9f\xa9")), "an escape has its end");
		shown = str_from(shown, 3);
		if (c < 0x80) {
			buf_char(&b, (char)c);
		} else if (c < 0x800) {
			buf_char(&b, (char)(0xc0 | c >> 6));
			buf_char(&b, (char)(0x80 | (c & 0x3f)));
		} else {
			buf_char(&b, (char)(c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18));
			if (c >= 0x10000)
				buf_char(&b, (char)(0x80 | (c >> 12 & 0x3f)));
			buf_char(&b, (char)(0x80 | (c >> 6 & 0x3f)));
			buf_char(&b, (char)(0x80 | (c & 0x3f)));
		}
	}
	return buf_str(&b);
}

/* What is shown says what the text says, and nothing else can be read out of it. */
static void check_meaning(str s)
{
	buf body = { .mem = &mem }, line = { .mem = &mem };
	json_error error;
	json *v;
	text_add(&body, s, TEXT_BODY);
	expect(str_eq(undone(buf_str(&body)), s), "a body can be undone");
	buf_say(&line, "%q", s);
	v = json_read(&mem, buf_str(&line), JSON_STRICT, &error);
	expect(v && !error.what && str_eq(json_text(&mem, v), s), "a quoted line is a string of JSON");
}

static void check_text(str s, int limit)
{
	bool valid = text_valid(s);
	buf b = { .mem = &mem };
	str part = text_head_bytes(s, limit), line = text_one_line(&mem, s);
	int64_t n;
	for (int use = TEXT_FILE; use <= TEXT_BODY; use++)
		check_shown(s, (enum text_use)use);
	if (valid)
		check_meaning(s);
	expect(part.n <= limit && (!valid || text_valid(part)), "a clipped text fits and is whole");
	expect(!valid || text_valid(line), "one line is UTF-8");
	for (ptrdiff_t i = 0; i < line.n; i++)
		expect((unsigned char)line.s[i] >= 0x20, "one line is one line");
	expect(text_count(s) <= s.n, "there are not more characters than bytes");
	text_fit(&b, s, limit % 100 + 3);
	expect(text_width(buf_str(&b)) == limit % 100 + 3, "a fitted text has its width");
	str_int(s, &n);
	str_trim(s);
}

/* The next line with its end. */
static str next_line(str *text)
{
	str from = *text;
	str_cut(text, '\n');
	return (str){ from.s, from.n - text->n };
}

/* The first number of "-3,4 +3,5 @@", as lines of a that come before. */
static int64_t hunk_start(str head)
{
	int64_t at = -1, count = 1;
	str range = str_cut(&head, ' '), first;
	expect(str_starts(range, S("-")), "a hunk says where it is");
	range = str_from(range, 1);
	first = str_cut(&range, ',');
	expect(str_int(first, &at) && (!range.n || str_int(range, &count)) && at >= 0, "... in numbers");
	return count ? at - 1 : at;
}

/* Carries out a unified diff, strictly. */
static str patched(str a, str diff)
{
	buf out = { .mem = &mem };
	int64_t done = 0;
	while (diff.n) {
		str line = next_line(&diff), old;
		char op = line.s[0];
		if (str_starts(line, S("@@ "))) {
			for (int64_t at = hunk_start(str_from(line, 3)); done < at && a.n; done++)
				buf_add(&out, next_line(&a));
			continue;
		}
		expect(op == ' ' || op == '-' || op == '+', "a line of a hunk says what it does");
		line = str_from(line, 1);
		if (str_starts(diff, S("\\ "))) {
			next_line(&diff);
			line.n--;
		}
		if (op != '+') {
			old = next_line(&a);
			expect(str_eq(old, line), "what stays or goes was there");
			done++;
		}
		if (op != '-')
			buf_add(&out, line);
	}
	buf_add(&out, a);
	return buf_str(&out);
}

static void check_diff(str a, str b)
{
	buf diff = { .mem = &mem };
	text_diff(&diff, a, b);
	expect(str_eq(patched(a, buf_str(&diff)), b), "a diff makes the one of the other");
	expect(!str_eq(a, b) || diff.n == 0, "nothing changes what is the same");
	text_distance(text_head_bytes(a, 64), text_head_bytes(b, 64));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str text = { (const char *)data, (ptrdiff_t)size }, a, b = text;
	read_as(text, JSON_STRICT);
	read_as(text, JSON_STORED);
	check_text(text, size ? data[0] : 0);
	a = str_cut(&b, '\0');
	check_diff(a, b);
	arena_reset(&mem);
	return 0;
}
