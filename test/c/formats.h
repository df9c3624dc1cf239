/* formats.h: every call of a function that takes a format leaves a record of it: the format, and
 * a letter for the type of each argument. formats.t builds the sources with this, and formats.c
 * reads the records. The compiler cannot check these formats, since they are not printf's.
 *
 * For each such function formats.t defines a macro of its name, which is FORMAT_SITE or, where
 * the format comes first, FORMAT_SITE_FIRST. */
#ifndef FORMATS_H
#define FORMATS_H

struct format_site {
	const char *file;
	int line;
	const char *name;            /* of the function */
	const char *format;          /* NULL: not a constant */
	const char *source;          /* as it stands in the source, macros expanded */
	const char *types;
};

/* A str is S, a C string s, what is passed as an int d, an int64_t l, anything else ?. */
#define FORMAT_TYPE(x) _Generic((x), str: 'S', char *: 's', const char *: 's', int: 'd', _Bool: 'd', \
				char: 'd', signed char: 'd', unsigned char: 'd', short: 'd', \
				unsigned short: 'd', int64_t: 'l', default: '?')

#define FORMAT_TYPES_0(f)
#define FORMAT_TYPES_1(f, a) FORMAT_TYPE(a),
#define FORMAT_TYPES_2(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_1(f, __VA_ARGS__)
#define FORMAT_TYPES_3(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_2(f, __VA_ARGS__)
#define FORMAT_TYPES_4(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_3(f, __VA_ARGS__)
#define FORMAT_TYPES_5(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_4(f, __VA_ARGS__)
#define FORMAT_TYPES_6(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_5(f, __VA_ARGS__)
#define FORMAT_TYPES_7(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_6(f, __VA_ARGS__)
#define FORMAT_TYPES_8(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_7(f, __VA_ARGS__)
#define FORMAT_TYPES_9(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_8(f, __VA_ARGS__)
#define FORMAT_TYPES_10(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_9(f, __VA_ARGS__)
#define FORMAT_TYPES_11(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_10(f, __VA_ARGS__)
#define FORMAT_TYPES_12(f, a, ...) FORMAT_TYPE(a), FORMAT_TYPES_11(f, __VA_ARGS__)

#define FORMAT_JOIN(a, b) FORMAT_JOIN_(a, b)
#define FORMAT_JOIN_(a, b) a##b
#define FORMAT_PICK(f, a, b, c, d, e, g, h, i, j, k, l, m, n, ...) n
#define FORMAT_COUNT(...) FORMAT_PICK(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define FORMAT_TYPES(...) FORMAT_JOIN(FORMAT_TYPES_, FORMAT_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define FORMAT_OF(...) FORMAT_OF_(__VA_ARGS__, 0)
#define FORMAT_OF_(f, ...) (f)
#define FORMAT_QUOTE(...) FORMAT_QUOTE_(__VA_ARGS__)
#define FORMAT_QUOTE_(...) #__VA_ARGS__

#define FORMAT_RECORD(function, ...) \
	static const char types_[] = { FORMAT_TYPES(__VA_ARGS__) 0 }; \
	static const struct format_site site_ = { __FILE__, __LINE__, function, \
		__builtin_choose_expr(__builtin_constant_p(FORMAT_OF(__VA_ARGS__)), \
				      FORMAT_OF(__VA_ARGS__), (const char *)0), \
		FORMAT_QUOTE(FORMAT_OF(__VA_ARGS__)), types_ }; \
	static const struct format_site *const pointer_ \
		__attribute__((section("format_sites"), used)) = &site_

#define FORMAT_SITE(function, to, ...) ({ \
	FORMAT_RECORD(#function, __VA_ARGS__); \
	(function)(to, __VA_ARGS__); })
#define FORMAT_SITE_FIRST(function, ...) ({ \
	FORMAT_RECORD(#function, __VA_ARGS__); \
	(function)(__VA_ARGS__); })

#endif
