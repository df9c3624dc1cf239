/* replay: a fuzz target without a fuzzer, for make test.
 *
 *   replay SEED ROUNDS FILE...
 *
 * Gives the target each file as it is, and then ROUNDS changed ones: bytes
 * turned, taken away, doubled, or brought in from another file. SEED makes it
 * repeat; 0 takes one from the clock. It is printed before anything can fail.
 * With INTERAGENT_REPLAY set, the input at hand is kept in that file. */
#include "fuzz.h"

#include <time.h>

enum { SIZE_MOST = 16384 };

typedef struct {
	uint8_t bytes[SIZE_MOST];
	size_t n;
} input;

static unsigned long long state;

static size_t below(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return n ? (size_t)((state * 2685821657736338717ULL) >> 33) % n : 0;
}

static bool load(const char *path, input *in)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return false;
	in->n = fread(in->bytes, 1, SIZE_MOST, f);
	return fclose(f) == 0;
}

static void run(const input *in)
{
	const char *kept = getenv("INTERAGENT_REPLAY");
	uint8_t *exact = malloc(in->n ? in->n : 1);
	FILE *f = kept ? fopen(kept, "wb") : NULL;
	if (f) {
		fwrite(in->bytes, 1, in->n, f);
		fclose(f);
	}
	memcpy(exact, in->bytes, in->n);
	LLVMFuzzerTestOneInput(exact, in->n);
	free(exact);
}

/* Puts bytes in at a place, or takes some out. */
static void splice(input *in, size_t at, const uint8_t *bytes, size_t n)
{
	if (in->n + n > SIZE_MOST)
		return;
	memmove(in->bytes + at + n, in->bytes + at, in->n - at);
	memcpy(in->bytes + at, bytes, n);
	in->n += n;
}

static void change(input *in, const input *from)
{
	static const char *const words[] = { "\"", "\\", "{", "}", "[", "]", ",", ":", "\n", "\\ud800", "null", "-1", "1e9", "\xff", "\xe2\x80\xa8" };
	size_t at = below(in->n + 1), n = below(below(4) ? 8 : in->n - at + 1);
	const char *word = words[below(sizeof words / sizeof *words)];
	uint8_t copy[SIZE_MOST];
	if (n > in->n - at)
		n = in->n - at;
	switch (below(5)) {
	case 0:
		if (n)
			in->bytes[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		memmove(in->bytes + at, in->bytes + at + n, in->n - at - n);
		in->n -= n;
		break;
	case 2:
		memcpy(copy, in->bytes + at, n);
		splice(in, below(in->n + 1), copy, n);
		break;
	case 3: splice(in, at, (const uint8_t *)word, strlen(word)); break;
	default:
		n = below(from->n + 1);
		splice(in, at, from->bytes + below(from->n - n + 1), n);
	}
}

int main(int argc, char **argv)
{
	static input in, from;
	char **files = argv + 3;
	long rounds;
	if (argc < 4) {
		fputs("usage: replay SEED ROUNDS FILE...\n", stderr);
		return 2;
	}
	state = strtoull(argv[1], NULL, 10);
	state = state ? state : (unsigned long long)time(NULL) * 1000003 + (unsigned)getpid();
	rounds = atol(argv[2]);
	printf("replay: %d files, %ld rounds, seed %llu\n", argc - 3, rounds, state);
	fflush(stdout);
	for (int i = 0; files[i]; i++) {
		if (!load(files[i], &in)) {
			perror(files[i]);
			return 2;
		}
		run(&in);
	}
	for (long i = 0; i < rounds; i++) {
		if (!load(files[below((size_t)argc - 3)], &in) || !load(files[below((size_t)argc - 3)], &from))
			return 2;
		for (size_t k = below(4) + 1; k; k--)
			change(&in, &from);
		run(&in);
	}
	return 0;
}
