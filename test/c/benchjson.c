/* benchjson: how fast JSON is read, beside cJSON where it was built with it
 * (-DWITH_CJSON). The texts are generated here. */
#include "../../json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef WITH_CJSON
#include <cjson/cJSON.h>
#endif

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double ours(const char *text, size_t n, int rounds)
{
	static arena mem;
	json_error error;
	double from = now();
	for (int i = 0; i < rounds; i++) {
		json_read(&mem, (str){ text, (ptrdiff_t)n }, JSON_STRICT, &error);
		if (error.what)
			abort();
		arena_reset(&mem);
	}
	return (double)n * rounds / (now() - from) / 1e6;
}

static double theirs(const char *text, size_t n, int rounds)
{
#ifdef WITH_CJSON
	double from = now();
	for (int i = 0; i < rounds; i++)
		cJSON_Delete(cJSON_Parse(text));
	return (double)n * rounds / (now() - from) / 1e6;
#else
	(void)text, (void)n, (void)rounds;
	return 0;
#endif
}

static void compare(const char *what, const char *text, int rounds)
{
	double a[5], b[5];
	size_t n = strlen(text);
	int best_a = 0, best_b = 0;
	for (int i = 0; i < 5; i++) {
		a[i] = ours(text, n, rounds);
		b[i] = theirs(text, n, rounds);
		best_a = a[i] > a[best_a] ? i : best_a;
		best_b = b[i] > b[best_b] ? i : best_b;
	}
	printf("%-46s %10.0f %-5s", what, a[best_a], "MB/s");
	if (b[best_b] > 0)
		printf(" %10.0f %6.2f  cJSON (more is better)\n", b[best_b], a[best_a] / b[best_b]);
	else
		printf(" %10s %6s  cJSON is not installed\n", "-", "-");
}

static char *big(void)
{
	char *text = malloc(6 * 1024 * 1024), *p = text;
	p += sprintf(p, "[");
	for (int i = 0; p - text < 5 * 1024 * 1024; i++)
		p += sprintf(p, "%s{\"id\": %d, \"user\": {\"name\": \"agent %d\", \"about\": \"works on the part that reads what "
			     "others wrote%s\", \"ok\": true, \"share\": 0.%d}, \"tags\": [\"a\", \"b\xc3\xa9\", null]}",
			     i ? ", " : "", i, i, i % 5 ? "" : ",\\nand answers", i % 1000 + 1);
	sprintf(p, "]");
	return text;
}

static char *small(void)
{
	char *text = malloc(8192), *p = text;
	p += sprintf(p, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"send_message\",\"arguments\":"
		     "{\"from\":\"web\",\"to\":\"api\",\"subject\":\"Crash on load\",\"content\":\"");
	while (p - text < 2900)
		p += sprintf(p, "It stops with `index out of range` when the list is empty.\\n");
	sprintf(p, "\"},\"_meta\":{\"progressToken\":7}}}");
	return text;
}

int main(void)
{
	compare("JSON reading, a 5 MB document", big(), 4);
	compare("JSON reading, a 3 KB tools/call", small(), 20000);
	return 0;
}
