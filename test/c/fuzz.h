/* fuzz.h: what the fuzz targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include "../../json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, so that the input is kept. */
static inline void expect(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz: not so: %s\n", what);
	abort();
}

#endif
