/* json.h: text for the rest of the program: slices, memory, growing text, showing what others
 * wrote, the difference of two texts, and JSON.
 *
 * A name's prefix is the type it works on: str_, arena_, buf_, text_, json_. Lengths are bytes
 * unless the name says characters or columns. What is returned lives in the arena it was asked
 * of, or points into what was given. Nothing here opens a file. Out of memory ends the process;
 * no function reports it. */
#ifndef JSON_H
#define JSON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- What the code relies on. ---- */

/* Where `holds` is false there is a mistake in the program, and going on could do harm: the
 * process says where, and aborts. Not for what may happen: input, files, the system. */
#define must(holds) ((holds) ? (void)0 : must_fail(__FILE__, __LINE__, #holds))
_Noreturn void must_fail(const char *file, int line, const char *holds);

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
str str_trim(str s);                        /* without ASCII white space at both ends */
str str_cut(str *rest, char sep);           /* takes the part before sep off *rest, and sep */

/* Decimal digits, maybe after a '-': false for anything else, and for what is too large. */
bool str_int(str s, int64_t *value);

/* ---- Arena: memory that is given back all at once. ---- */

typedef struct {
	struct arena_block *last;
	char *at, *end;
} arena;                                    /* { 0 } is an empty one */

void *arena_new(arena *a, ptrdiff_t bytes); /* zeroed, aligned for any type; never NULL */
char *arena_z(arena *a, str s);             /* a C string; s must hold no NUL */
str arena_copy(arena *a, str s);
void arena_rewind(arena *a, arena mark);    /* frees what came after mark, an earlier copy of *a */
void arena_reset(arena *a);                 /* frees all but one small block */

/* Room for one more element in a list of n: `at`, or where *room is used up, a copy of it with
 * twice the room. */
void *arena_more(arena *a, void *at, int n, int *room, ptrdiff_t element);

#define NEW(a, type, count) ((type *)arena_new((a), (ptrdiff_t)sizeof(type) * (ptrdiff_t)(count)))

/* A new last element of a list, which is a struct with `at`, `n` and `room`. */
#define ADD(a, list) \
	(*((list)->at = arena_more((a), (list)->at, (list)->n, &(list)->room, \
				   (ptrdiff_t)sizeof *(list)->at), &(list)->at[(list)->n++]))

/* ---- Buffer: text that grows in an arena. ---- */

typedef struct {
	arena *mem;
	char *s;
	ptrdiff_t n, room;
} buf;                                      /* { .mem = a } is an empty one */

str buf_str(const buf *b);                  /* what it holds now; the next addition may move it */
void buf_add(buf *b, str s);
void buf_char(buf *b, char c);
void buf_digits(buf *b, uint64_t number, unsigned base, int width);  /* at least so many digits */

/* Adds `format` with its verbs filled in: %s a C string (NULL: nothing), %S a str, %q a str as
 * one quoted line, %Q the same without the quotes, %d an int, %l an int64_t, %% a percent sign. */
void buf_say(buf *b, const char *format, ...);
void buf_vsay(buf *b, const char *format, va_list args);
str arena_say(arena *a, const char *format, ...);  /* a text of its own, with a NUL after it */

/* ---- Text: what may stand in whose line. ---- */

enum text_use {
	TEXT_FILE,   /* inside a string of JSON on disk: what JSON.stringify escapes */
	TEXT_WIRE,   /* inside one on the wire: also DEL, and U+2028 and U+2029, which end lines */
	TEXT_JSON,   /* all of a JSON text, shown on a terminal: what is hidden becomes \u202e, in
	              * strings, the only place for it; the text still says the same */
	TEXT_QUOTE,  /* inside one quoted line: a string of JSON without anything hidden */
	TEXT_BODY    /* lines shown to somebody: quotes, backslashes, tabs and line ends stay */
};

/* Adds s, escaped for its use. Bytes that are not UTF-8 become U+FFFD, one for each maximal
 * part, so the result is always UTF-8.
 *
 * Hidden are control, bidirectional and invisible characters. In the last three uses they are
 * escaped, except what their neighbours need: U+200C and U+200D between two letters of a script
 * that joins them (Arabic, the Indic ones), U+200D between two emoji, U+FE0E and U+FE0F after an
 * emoji, a keycap's digit or a CJK character. In a body an escape is U+27E8, "U+", 4 or 5
 * hexadecimal digits in upper case, U+27E9; where the text itself has U+27E8 before "U+", that
 * bracket is escaped too. So every such sequence that is shown is an escape, a backslash never
 * starts one, and whoever replaces each by its character has the text as it was. */
void text_add(buf *b, str s, enum text_use use);

bool text_valid(str s);                     /* all of s is UTF-8 */
ptrdiff_t text_count(str s);                /* characters */
str text_head_bytes(str s, ptrdiff_t limit);       /* at most so many bytes, no character cut */
str text_head_chars(str s, ptrdiff_t characters);  /* at most so many characters */

/* Whether `line` is one of the lines. *next (or NULL) is where to look first, and moves behind
 * it: asking in the order of the lines costs O(1) per line. */
bool text_has_line(str lines, str line, str *next);

int text_width(str s);                      /* columns on a terminal: wide characters take two */
void text_fit(buf *b, str s, int columns);  /* to exactly so many, 3 or more, by spaces or "..." */
int text_distance(str a, str b);            /* letters to add, drop, change or swap for b */
str text_one_line(arena *a, str s);         /* each run of control characters becomes one space */

/* Adds the unified diff from a to b: 3 lines of context, no header, nothing if they are the
 * same. False if it gave up on the shortest one; the diff is right all the same. */
bool text_diff(buf *out, str a, str b);

/* ---- JSON: RFC 8259 exactly, depth at most 64, in linear time. ---- */

enum json_kind {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT
};

/* A value keeps its own bytes: numbers are never converted, strings are decoded when asked for,
 * and unknown members can be written back as read. */
typedef struct json {
	struct json *next;   /* the next member or element */
	struct json *child;  /* the first one of an object or array */
	str raw;             /* the value, as written */
	const char *key;     /* a member's name, as written, with its quotes */
	unsigned key_bytes;
	enum json_kind kind;
} json;                      /* small: a document has a node for each of its values */

typedef struct {
	const char *what;    /* NULL where all was well */
	ptrdiff_t at;        /* the byte it stopped at */
} json_error;

enum json_rules {
	JSON_STRICT,         /* UTF-8 exactly */
	JSON_STORED          /* any bytes in strings, and a byte-order mark in front: files may hold
			      * what others wrote */
};

/* Reads one value, which points into text. On an error, error->what is set and the value (maybe
 * NULL) holds the members and elements that were whole. The tree takes at most 4 times the bytes
 * of the text and 1 MB: more values than that are an error. Without an arena the text is only
 * checked: NULL is returned, nothing is kept, and there may be any number of values. */
json *json_read(arena *a, str text, enum json_rules rules, json_error *error);

/* The elements of an array one by one, as they are written, so that each can be read and forgotten
 * before the next. *array is the array's text, which json_read has found to be JSON, and then what
 * is left of it. False: there is none left, or this is no array. */
bool json_next_element(str *array, str *element);

/* Decoding makes U+FFFD of an escaped surrogate without its other half. What is not UTF-8 in a
 * stored text stays until text_add. */
json *json_get(const json *object, str key);        /* the last member of that name, or NULL */
str json_text(arena *a, const json *string);        /* decoded; empty if it is no string */
str json_get_text(arena *a, const json *object, str key);
str json_key(arena *a, const json *member);         /* decoded */
const char *json_kind_name(enum json_kind kind);    /* "a string", "a number" ... */

/* `object` (NULL or no object: an empty one) with one member set to a JSON value, which must be
 * whole; an empty one takes the member away. What is returned is a new object that shares the
 * other members' values and has no `raw` of its own. The member keeps its place and the bytes of
 * its name, a new one comes last, and a name that stood twice stands once, at its first place.
 * Costs the number of members, whatever they hold. */
json *json_with(arena *a, const json *object, str key, str raw);
json *json_with_text(arena *a, const json *object, str key, str text);

/* The object as JSON.stringify(x, null, 2) writes it where it stands `depth` levels deep: one
 * member a line, each with its name and its value as written. */
str json_format(arena *a, const json *object, int depth);

/* ---- Writing JSON: commas, quotes and indentation are the writer's business. ---- */

typedef struct {
	buf *out;
	bool pretty;         /* as JSON.stringify(x, null, 2), else one line for the wire */
	int depth;           /* brackets that are open */
	uint64_t lists;      /* which of them are [: a bit for each, the innermost lowest */
	bool some, named;    /* a value came before in this bracket; a name waits for its value */
} json_writer;                              /* { .out = b } stands before a document */

/* Writes a piece of JSON as `form` has it, where names have no quotes, strings have single ones,
 * and a verb stands for a value: %s a string (a C string), %S a string (a str), %l an int64_t,
 * %r a str that is JSON already. %s: and %S: are names. A document may be written in several
 * calls: "{id:%r,list:[", then "%l" for each, then "]}". The brackets must fit each other. */
void json_say(json_writer *w, const char *form, ...);

/* What the writer's buffer holds; the document must be whole. */
str json_done(const json_writer *w);

#endif
