/* jsonq: looks into a JSON text on standard input, for the shell tests.
 *
 *   jsonq PATH...   prints the value at the path: a string's text, any other
 *                   value as it is written; exits 1 where there is none.
 *                   An element is named by its number, or # for their count
 *   jsonq -check    exits 1 and says why if the text is not JSON (strict)
 *   jsonq -stored   the same by the rules for stored files
 *   jsonq -pretty   prints it as JSON.stringify(x, null, 2) does
 *   jsonq -wire     prints it on one line, as the server writes
 *   jsonq -keys     prints the names of an object's members
 */
#include "../json.h"

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
	switch (v->kind) {
	case JSON_STRING: json_string(w, json_text(&mem, v)); break;
	case JSON_OBJECT:
		json_open(w, '{');
		for (const json *m = v->child; m; m = m->next) {
			json_name(w, json_key(&mem, m));
			reprint(w, m);
		}
		json_close(w, '}');
		break;
	case JSON_ARRAY:
		json_open(w, '[');
		for (const json *m = v->child; m; m = m->next)
			reprint(w, m);
		json_close(w, ']');
		break;
	default: json_raw(w, v->raw);
	}
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
		print(buf_str(&b));
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool option = argc > 1 && argv[1][0] == '-';
	bool stored = option && strcmp(argv[1], "-stored") == 0;
	json_error error;
	const json *v = json_read(&mem, read_all(), stored ? JSON_STORED : JSON_STRICT, &error);
	if (error.what) {
		fprintf(stderr, "byte %ld: %s\n", (long)error.at, error.what);
		return 1;
	}
	if (option)
		return special(argv[1], v);
	for (int i = 1; i < argc && v; i++) {
		if (v->kind == JSON_ARRAY && strcmp(argv[i], "#") == 0) {
			int n = 0;
			for (const json *m = v->child; m; m = m->next)
				n++;
			printf("%d\n", n);
			return 0;
		}
		v = v->kind == JSON_ARRAY ? element(v, argv[i]) : json_get(v, str_of(argv[i]));
	}
	if (v)
		print(v->kind == JSON_STRING ? json_text(&mem, v) : v->raw);
	return v ? 0 : 1;
}
