/* json.h: text for the rest of the program: slices, memory, growing text,
 * showing what others wrote, and JSON.
 *
 * A name's prefix is the type it works on: str_, arena_, buf_, text_, json_.
 * Lengths are bytes. Nothing here knows of files or of the protocol, and
 * nothing fails for want of memory: that ends the process (the store is whole
 * at every instant, and the kernel drops its locks). */
#ifndef JSON_H
#define JSON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Slices: bytes that somebody else owns, with their length. ---- */

typedef struct {
	const char *s;
	ptrdiff_t n;
} str;

#define S(literal) ((str){ literal, (ptrdiff_t)sizeof(literal) - 1 })

str str_of(const char *z);                  /* of a C string; NULL gives the empty slice */
bool str_eq(str a, str b);
bool str_eq_nocase(str a, str b);           /* ASCII letters only */
int str_cmp(str a, str b);                  /* by bytes, as memcmp */
bool str_starts(str s, str head);
bool str_ends(str s, str tail);
str str_from(str s, ptrdiff_t at);          /* s without its first `at` bytes */
str str_trim(str s);                        /* without white space at both ends */
str str_cut(str *rest, char sep);           /* takes the part before sep off *rest */
bool str_int(str s, int64_t *value);        /* decimal digits, maybe a '-'; false if it is anything else */

/* ---- Arena: memory that is given back all at once. ---- */

typedef struct {
	struct arena_block *last;
	char *at, *end;
} arena;

void *arena_new(arena *a, ptrdiff_t bytes); /* zeroed, aligned for any type */
char *arena_z(arena *a, str s);             /* a C string; s must hold no NUL */
str arena_copy(arena *a, str s);
void arena_rewind(arena *a, arena mark);    /* frees what came after mark, an earlier copy of *a */
void arena_reset(arena *a);                 /* frees all but one small block */

/* Room for one more element in a list of n: `at`, or where *room is used up, a
 * copy of it with twice the room. */
void *arena_more(arena *a, void *at, int n, int *room, ptrdiff_t element);

#define NEW(a, type, count) ((type *)arena_new((a), (ptrdiff_t)sizeof(type) * (ptrdiff_t)(count)))

/* A new last element of a list, which is a struct with `at`, `n` and `room`. */
#define ADD(a, list) (*((list)->at = arena_more((a), (list)->at, (list)->n, &(list)->room, \
						(ptrdiff_t)sizeof *(list)->at), &(list)->at[(list)->n++]))

/* ---- Buffer: text that grows in an arena. ---- */

typedef struct {
	arena *mem;
	char *s;
	ptrdiff_t n, room;
} buf;

str buf_str(const buf *b);
void buf_add(buf *b, str s);
void buf_char(buf *b, char c);
void buf_digits(buf *b, uint64_t number, unsigned base, int width);  /* at least so many digits */

/* Adds `format` with its verbs filled in: %s a str, %q a str as one quoted
 * line, %e the same without the quotes, %z a C string, %d an int, %l an int64_t. */
void buf_say(buf *b, const char *format, ...);
void buf_vsay(buf *b, const char *format, va_list args);
str arena_say(arena *a, const char *format, ...);  /* the same as a text of its own, a NUL after it */

/* ---- Text: what may stand in whose line. ---- */

enum text_use {
	TEXT_FILE,   /* inside JSON on disk: what JSON.stringify escapes */
	TEXT_WIRE,   /* inside JSON on the wire: also DEL, U+2028 and U+2029 */
	TEXT_QUOTE,  /* one quoted line: also C1 controls, bidirectional and zero-width characters */
	TEXT_BODY    /* lines shown to somebody: quotes, backslashes, tabs and line ends stay */
};

/* Adds s, escaped for its use. Bytes that are not UTF-8 become U+FFFD, one for
 * each maximal part, so that the result is always UTF-8. */
void text_add(buf *b, str s, enum text_use use);

/* Bytes of the UTF-8 character at the front of s, 0 if there is none. */
int text_char(str s);
bool text_valid(str s);                     /* is all of s UTF-8? */
str text_head_bytes(str s, ptrdiff_t limit);      /* at most limit bytes, cut between characters */
ptrdiff_t text_count(str s);                /* characters */
str text_head_chars(str s, ptrdiff_t characters);

/* Is it one of the lines? *next (or NULL) is where to look first, and moves
 * behind it: who asks in the order of the lines is answered in one step each. */
bool text_has_line(str lines, str line, str *next);

int text_width(str s);                      /* columns on a terminal: wide characters take two */
void text_fit(buf *b, str s, int columns);  /* exactly so many: filled with spaces, or cut with "..." */
int text_distance(str a, str b);            /* letters to add, drop or change to make one the other */
str text_one_line(arena *a, str s);         /* each run of control characters becomes one space */

/* Adds the unified diff (3 lines of context, no header) that makes b of a. False
 * where the two were too different to look for the shortest one. */
bool text_diff(buf *out, str a, str b);

/* ---- JSON: RFC 8259 exactly, depth at most 64, in linear time. ---- */

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value keeps its own bytes: numbers are never converted, strings are
 * decoded when asked for, and unknown members can be written back as read. */
typedef struct json {
	struct json *next;   /* the next member or element */
	struct json *child;  /* the first one of an object or array */
	str key;             /* a member's name, as written, with its quotes */
	str raw;             /* the value, as written */
	enum json_kind kind;
	bool unescaped;          /* a string without escapes */
	bool unescaped_key;
} json;

typedef struct {
	const char *what;    /* NULL where all was well */
	ptrdiff_t at;        /* the byte it stopped at */
} json_error;

enum json_rules {
	JSON_STRICT,         /* also UTF-8 exactly, no lone surrogates */
	JSON_STORED          /* takes both: files may hold what others wrote */
};

/* Reads one value, which points into text. On an error, error->what is set and
 * the value (maybe NULL) holds the members and elements that were whole. */
json *json_read(arena *a, str text, enum json_rules rules, json_error *error);

json *json_get(const json *object, str key);        /* the last member of that name, or NULL */
str json_text(arena *a, const json *string);        /* decoded; empty if it is no string */
str json_get_text(arena *a, const json *object, str key);
str json_key(arena *a, const json *member);
const char *json_kind_name(enum json_kind kind);    /* "a string", "a number" ... */

/* ---- Writing JSON: commas and indentation are the writer's business. ---- */

typedef struct {
	buf *out;
	bool pretty;         /* as JSON.stringify(x, null, 2), else one line for the wire */
	int depth;           /* of indentation */
	bool some, keyed;    /* where the writer stands */
} json_writer;

void json_open(json_writer *w, char bracket);       /* '{' or '[' */
void json_close(json_writer *w, char bracket);      /* '}' or ']' */
void json_name(json_writer *w, str key);
void json_string(json_writer *w, str s);
void json_raw(json_writer *w, str value);           /* bytes that are JSON already */
void json_member(json_writer *w, str key, str string);

/* Writes a piece of JSON as `form` has it, where names have no quotes, strings
 * have single ones, and %s stands for a string (a str), %z for one (a C string),
 * %l for an int64_t, %r for a str that is JSON already: "{id:%r,ok:true". */
void json_say(json_writer *w, const char *form, ...);

/* One change to an object: the raw value that key is to have; an empty one
 * takes the member away. */
typedef struct {
	str key, value;
} json_change;

/* `object` (NULL: an empty one) with the changes made, formatted as
 * JSON.stringify(x, null, 2) does at that depth. Members keep their order and,
 * where not named, their bytes; new ones come last. */
str json_patch(arena *a, const json *object, const json_change *changes, int count, int depth);
str json_quote(arena *a, str s);                    /* s as a JSON string, for a file */

#endif
