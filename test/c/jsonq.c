/* jsonq: looks into a JSON text on standard input, for the shell tests.
 *
 *   jsonq PATH...   prints the value at the path: a string's text, any other
 *                   value as it is written; exits 1 where there is none.
 *                   An element is named by its number, or # for their count
 *   jsonq -check    exits 1 and says why if the text is not JSON (strict)
 *   jsonq -count    prints how many elements an array has, without its tree
 *   jsonq -pretty   prints it as JSON.stringify(x, null, 2) does
 *   jsonq -wire     prints it on one line, as the server writes
 *   jsonq -keys     prints the names of an object's members
 *
 * -stored before any of these (or alone: -check) reads by the rules for stored
 * files instead. */
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

static void reprint(json_writer *w, const json *v)
{
	bool object = v->kind == JSON_OBJECT;
	if (v->kind == JSON_STRING)
		json_say(w, "%S", json_text(&mem, v));
	else if (v->kind < JSON_ARRAY)
		json_say(w, "%r", v->raw);
	else
		json_say(w, object ? "{" : "[");
	for (const json *m = v->child; m; m = m->next) {
		if (object)
			json_say(w, "%S:", json_key(&mem, m));
		reprint(w, m);
	}
	if (v->kind >= JSON_ARRAY)
		json_say(w, object ? "}" : "]");
}

static const json *element(const json *array, const char *number)
{
	long n = atol(number);
	const json *e = array->child;
	while (e && n-- > 0)
		e = e->next;
	return e;
}

static void print(str s)
{
	fwrite(s.s, 1, (size_t)s.n, stdout);
	putchar('\n');
}

static int special(const char *option, const json *v)
{
	buf b = { .mem = &mem };
	json_writer w = { .out = &b, .pretty = strcmp(option, "-pretty") == 0 };
	if (strcmp(option, "-keys") == 0) {
		for (const json *m = v->child; m; m = m->next)
			print(json_key(&mem, m));
		return 0;
	}
	if (strcmp(option, "-pretty") == 0 || strcmp(option, "-wire") == 0) {
		reprint(&w, v);
		print(json_done(&w));
	}
	return 0;
}

static int count(str array)
{
	str element;
	int n = 0;
	while (json_next_element(&array, &element))
		n++;
	printf("%d\n", n);
	return 0;
}

static int look_up(const json *v, char **path)
{
	for (; *path && v; path++) {
		if (v->kind == JSON_ARRAY && strcmp(*path, "#") == 0) {
			int n = 0;
			for (const json *m = v->child; m; m = m->next)
				n++;
			printf("%d\n", n);
			return 0;
		}
		v = v->kind == JSON_ARRAY ? element(v, *path) : json_get(v, str_of(*path));
	}
	if (v)
		print(v->kind == JSON_STRING ? json_text(&mem, v) : v->raw);
	return v ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool stored = argc > 1 && strcmp(argv[1], "-stored") == 0;
	char **rest = argv + 1 + stored;
	bool tree = !*rest || (strcmp(*rest, "-check") != 0 && strcmp(*rest, "-count") != 0);
	json_error error;
	str text = read_all();
	const json *v = json_read(tree ? &mem : NULL, text, stored ? JSON_STORED : JSON_STRICT, &error);
	if (error.what) {
		fprintf(stderr, "byte %ld: %s\n", (long)error.at, error.what);
		return 1;
	}
	if (*rest && strcmp(*rest, "-count") == 0)
		return count(text);
	if (*rest ? !tree : stored)
		return 0;
	return *rest && **rest == '-' ? special(*rest, v) : look_up(v, rest);
}
