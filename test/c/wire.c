/* wire: is each line on standard input a message that a client can take? Says
 * what is wrong with which line, and exits 1 if anything is.
 *
 * It reads JSON and UTF-8 with code of its own, so that a fault of the
 * program's reader cannot hide the same fault of its writer; only the members
 * of what is JSON by then are looked up with json.c. */
#include "../../json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 10 * 1024 * 1024, DEPTH_MOST = 100 };

/* ---- Bytes: each function returns where what it takes ends, NULL if it is not there. ---- */

static const char *take_digits(const char *p)
{
	const char *from = p;
	while (*p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

static const char *take_number(const char *p)
{
	p += *p == '-';
	p = *p == '0' ? p + 1 : take_digits(p);
	if (p && *p == '.')
		p = take_digits(p + 1);
	if (p && (*p == 'e' || *p == 'E'))
		p = take_digits(p + 1 + (p[1] == '+' || p[1] == '-'));
	return p;
}

/* One character beyond ASCII: shortest form, no surrogate, at most U+10FFFF. */
static const char *take_wide(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	int more = u[0] >= 0xf0 ? 3 : u[0] >= 0xe0 ? 2 : 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return NULL;
	for (int i = 1; i <= more; i++)
		if ((u[i] & 0xc0) != 0x80)
			return NULL;
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return NULL;
	return p + 1 + more;
}

static const char *take_escape(const char *p)
{
	if (*p != 'u')
		return *p && strchr("\"\\/bfnrt", *p) ? p + 1 : NULL;
	return strspn(p + 1, "0123456789abcdefABCDEF") >= 4 ? p + 5 : NULL;
}

static const char *take_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	while (p && *p != '"') {
		if ((unsigned char)*p < 0x20)
			return NULL;
		p = *p == '\\' ? take_escape(p + 1) : (unsigned char)*p < 0x80 ? p + 1 : take_wide(p);
	}
	return p ? p + 1 : NULL;
}

static const char *take_value(const char *p, int depth)
{
	static const char *const words[] = { "true", "false", "null" };
	char end = *p == '{' ? '}' : ']';
	if (*p == '"')
		return take_string(p);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	if (*p != '{' && *p != '[')
		return take_number(p);
	if (p[1] == end)
		return p + 2;
	do {
		p++;
		if (end == '}') {
			p = take_string(p);
			if (!p || *p++ != ':')
				return NULL;
		}
		p = depth < DEPTH_MOST ? take_value(p, depth + 1) : NULL;
	} while (p && *p == ',');
	return p && *p == end ? p + 1 : NULL;
}

/* ---- Members ---- */

static bool only_has(const json *object, const char *const *names)
{
	for (const json *m = object->child; m; m = m->next) {
		const char *const *name = names;
		while (*name && !str_eq(str_of(*name), (str){ m->key + 1, (ptrdiff_t)m->key_bytes - 2 }))
			name++;
		if (!*name)
			return false;
	}
	return true;
}

static bool is_kind(const json *v, enum json_kind kind)
{
	return v && v->kind == kind;
}

static bool is_whole(const json *v)
{
	return is_kind(v, JSON_NUMBER) && !memchr(v->raw.s, '.', (size_t)v->raw.n) &&
	       !memchr(v->raw.s, 'e', (size_t)v->raw.n) && !memchr(v->raw.s, 'E', (size_t)v->raw.n);
}

/* What some clients count with comes back as it was written: 6.0. */
static bool is_id(const json *v)
{
	json whole = *v;
	while (v->kind == JSON_NUMBER && str_ends(whole.raw, S("0")))
		whole.raw.n--;
	if (v->kind == JSON_NUMBER && str_ends(whole.raw, S(".")))
		whole.raw.n--;
	else
		whole.raw = v->raw;
	return v->kind == JSON_STRING || is_whole(&whole);
}

static const char *fault_of_answer(const json *m, const json *id)
{
	static const char *const names[] = { "jsonrpc", "id", "result", "error", NULL };
	static const char *const error_names[] = { "code", "message", "data", NULL };
	const json *result = json_get(m, S("result")), *error = json_get(m, S("error"));
	if (!only_has(m, names))
		return "a member that no answer has";
	if (!result == !error)
		return "neither or both of result and error";
	if (result && (!id || result->kind != JSON_OBJECT))
		return "a result without an id, or no object";
	if (error && (!only_has(error, error_names) || !is_whole(json_get(error, S("code"))) ||
		      !is_kind(json_get(error, S("message")), JSON_STRING)))
		return "an error without a whole code and a message";
	return NULL;
}

static const char *fault_of_message(arena *mem, const json *m)
{
	static const char *const names[] = { "jsonrpc", "method", "params", NULL };
	const json *id = json_get(m, S("id"));
	if (m->kind != JSON_OBJECT || !str_eq(json_get_text(mem, m, S("jsonrpc")), S("2.0")))
		return "not a message of JSON-RPC 2.0";
	if (id && !is_id(id))
		return "an id that is neither a string nor a whole number";
	if (!json_get(m, S("method")))
		return fault_of_answer(m, id);
	if (!only_has(m, names))
		return "a notification with other members";
	return is_kind(json_get(m, S("params")), JSON_OBJECT) ? NULL : "a notification without an object of params";
}

static const char *fault_of_line(arena *mem, const char *line, size_t n)
{
	json_error error;
	const json *m;
	const char *fault = NULL;
	if (n > MAX_LINE)
		return "more than 10 MiB";
	if (take_value(line, 0) != line + n)
		return "not JSON in UTF-8 without white space";
	m = json_read(mem, (str){ line, (ptrdiff_t)n }, JSON_STRICT, &error);
	if (error.what)
		return error.what;
	if (m->kind != JSON_ARRAY)
		return fault_of_message(mem, m);
	for (const json *part = m->child; part && !fault; part = part->next)
		fault = fault_of_message(mem, part);
	return m->child ? fault : "an empty batch";
}

int main(void)
{
	arena mem = { 0 };
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int number = 0, faults = 0;
	while ((n = getline(&line, &room, stdin)) > 0) {
		const char *fault = "no line end";
		number++;
		if (line[n - 1] == '\n') {
			line[--n] = '\0';
			fault = fault_of_line(&mem, line, (size_t)n);
		}
		if (fault)
			printf("line %d: %s: %.200s\n", number, fault, line);
		faults += fault != NULL;
		arena_reset(&mem);
	}
	arena_rewind(&mem, (arena){ 0 });
	free(line);
	printf("%d lines, %d faults\n", number, faults);
	return number == 0 || faults > 0;
}
