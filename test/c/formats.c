/* formats: reads the records that formats.h left in the sources linked with it, and prints each
 * call that passes something else than its format wants, and how many calls there are. */
#include "formats.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct format_site *const __start_format_sites[], *const __stop_format_sites[];

/* What a format wants, as letters; false: it has a verb that does not exist. */
static bool wanted(const char *format, bool json, char *types)
{
	const char *verbs = json ? "sSlr" : "sSqQdl%", *letters = json ? "sSlS" : "sSSSdl";
	bool quoted = false;
	for (; *format; format++) {
		const char *verb;
		quoted ^= json && *format == '\'';
		if (*format != '%' || quoted)
			continue;
		verb = *++format ? strchr(verbs, *format) : NULL;
		if (!verb)
			return false;
		if (*verb != '%')
			*types++ = letters[verb - verbs];
	}
	*types = '\0';
	return true;
}

static bool fits(const struct format_site *s, const char *format, char *types)
{
	if (!wanted(format, strcmp(s->name, "json_say") == 0, types))
		strcpy(types, "no such verb");
	return strcmp(types, s->types) == 0;
}

/* The next string literal of an expression, its neighbours joined; NULL: none is left. */
static const char *next_literal(const char *source, char *literal)
{
	source = strchr(source, '"');
	if (!source)
		return NULL;
	while (*source == '"') {
		for (source++; *source && *source != '"'; source++) {
			if (*source == '\\')
				*literal++ = *source++;
			*literal++ = *source;
		}
		source++;
		source += strspn(source, " \t\n");
	}
	*literal = '\0';
	return source;
}

/* A format that is chosen when the program runs: each of the literals may want fewer arguments
 * than there are, and one of them must want all. */
static bool one_fits(const struct format_site *s, char *types)
{
	char *literal = malloc(strlen(s->source) + 1);
	bool all = s->types[0] == '\0', good = true;
	for (const char *at = s->source; good && (at = next_literal(at, literal)); ) {
		all |= fits(s, literal, types);
		good = strncmp(s->types, types, strlen(types)) == 0;
	}
	if (good && !all)
		strcpy(types, "cannot be seen");
	free(literal);
	return good && all;
}

int main(void)
{
	int count = 0, bad = 0;
	for (const struct format_site *const *at = __start_format_sites; at < __stop_format_sites; at++) {
		const struct format_site *s = *at;
		char types[1000];
		count++;
		if (s->format ? fits(s, s->format, types) : one_fits(s, types))
			continue;
		printf("%s:%d: %s(%s): wants %s, is given %s\n", s->file, s->line, s->name, s->source, types, s->types);
		bad++;
	}
	printf("%d calls, %d wrong\n", count, bad);
	return bad > 0;
}
