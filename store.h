/* store.h: the mailbox on disk. See store.c for the layout, the states of a
 * message and what is promised about each.
 *
 * A store is opened for one request and closed after it; opening touches no
 * disk. Everything that the functions return lives in the arena given to
 * store_open and points into it. Lists are sorted where it is said. */
#ifndef STORE_H
#define STORE_H

#include "json.h"

#include <signal.h>

/* How a store function ended. */
typedef enum {
	STORE_OK,
	STORE_ABSENT,     /* there is no such thing */
	STORE_AMBIGUOUS,  /* the prefix fits several messages, some of which are in fault.path */
	STORE_BAD_NAME,   /* the name breaks the rule, see store_name_ok */
	STORE_SIMILAR,    /* the name differs from an existing one, fault.path, only in case */
	STORE_CONFLICT,   /* somebody published in between */
	STORE_SAME,       /* there is nothing to change */
	STORE_FULL,       /* STORE_MAX_VERSIONS are kept of the spec already */
	STORE_REFUSED,    /* the caller's own check, made under the lock, said no */
	STORE_BUSY,       /* the lock was not to be had in time; see fault */
	STORE_FAILED      /* see fault */
} store_result;

/* What went wrong, for STORE_BUSY and STORE_FAILED. */
typedef struct {
	const char *doing;  /* "open", "write", "sync" ... */
	str path;
	int error;          /* an errno; 0: the content is damaged */
	const char *why;    /* a better reason than the errno's, or NULL */
	bool placed;        /* the new content is in place, but may not survive a power cut */
} store_fault;

/* What is remembered of messages-meta/, see "Finding mail"; all of it is the store's own. */
typedef struct {
	arena mem, scratch;
	uint64_t device, inode;          /* of the directory that it knows */
	uint64_t seed;                   /* of the hash table: nobody can aim at one place */
	struct store_known *at;          /* the messages, in no order */
	int n, room, gone;
	int32_t *slot;                   /* a hash table of places in `at`, plus 1; 0: free */
	int32_t *head;                   /* and of the chains of ids that begin alike, or NULL */
	int linked;                      /* so many of `at` are in these */
	int slots;
	uint32_t walk;                   /* the number of the last walk over the names */
	bool whole, names_only;          /* it knows every name, and nothing else */
	bool memo_read;                  /* once, at the first look for more than names */
	int64_t mtime;                   /* of the directory, ns, at the last look */
	int64_t walked, walked_mtime;    /* clock_ms of the last walk, and mtime then */
	int64_t unexplained;             /* clock_ms since which mtime has no event, or 0 */
	int watch;                       /* of inotify, plus 1; 0: not tried yet, -1: none here */
	uint64_t changes, reported;      /* names that came, went or changed; of these, reported */
	int learnt;                      /* what it knows that the memo does not */
	int opened;                      /* files opened for it, ever: for tests */
} store_index;

typedef struct {
	arena *mem;
	str root;
	store_fault fault;
	store_index *index;      /* NULL: one for this request alone */
	int lock_ms;             /* how long to wait for the lock; 0: the usual 8 s */
	const volatile sig_atomic_t *stop; /* if set: nonzero ends waiting for the lock */
	int damaged;             /* files passed over because they are damaged or unreadable */
	str *damaged_paths;
	bool no_locks;           /* the file system has no locks: we went on without */
	bool no_dir_sync;        /* nor does it sync directories */
	bool trusting;           /* set it to use a root that other users can write */

	int fd[16];              /* from here on it is the store's own */
	int lock;
	int naps;
	int damaged_room;
	const char *past;
	store_index own_index;
} store;

void store_open(store *st, arena *mem, str root);
void store_close(store *st);

/* False, with the fault: another user owns the root, or every user can write it. Without `trusting`
 * such a root is not opened. */
bool store_is_safe(store *st);

/* ---- Time: milliseconds since 1970, ISO-8601 UTC in files. ---- */

int64_t time_now(void);                  /* of the wall clock, which may jump */
int64_t clock_ms(void);                  /* of a clock that nobody sets: to measure and wait */
str time_format(arena *mem, int64_t ms);
int64_t time_parse(str time);            /* -1 if it is not such a time */

/* ---- Names ---- */

str store_random(arena *mem, int bytes); /* at most 16, as hex digits; empty: there is no chance */

/* A new name of an agent or spec: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool store_name_ok(str name);
extern const str store_human;            /* the reserved name of the person */

/* ---- Records: an agent, a status, a reader of a spec ----
 * Each is a JSON object in a table, under a name. */

typedef struct {
	str name;
	json *doc;                       /* the object as stored; print it with json_format */
} store_record;

typedef struct {
	store_record *at;
	int n, room;
} store_records;

/* The record of that name, or NULL. */
const store_record *store_named(const store_records *list, str name);

store_result store_list_agents(store *st, store_records *out);
store_result store_list_statuses(store *st, store_records *out);

/* What is known of who runs; see Presence. */
typedef struct {
	str agent, client, session, workspace, host;
	str socket;                      /* where its client's session listens; may be empty */
	enum store_life {
		STORE_GONE,              /* it does not run */
		STORE_UNSURE,            /* heard of a moment ago, but its lock is not to be seen */
		STORE_ALIVE
	} life;
	int64_t since, seen;             /* ms: when it started, when it was last heard of */
	int64_t pid;
	str file;                        /* its name in live/ */
} store_presence;

typedef struct {
	store_presence *at;
	int n, room;
} store_presences;

/* Registers under one hold of the lock: lists the agents and who runs, asks `may` (if set) whether
 * that allows it, writes the record, and, where `self` is set, appears as it (self_fd as
 * store_appear returns it). STORE_REFUSED if `may` said no; then nothing has changed. `may` can be
 * asked again if another program wrote in between. *out is the record as stored. */
typedef struct {
	str name, workspace, origin, description;
	bool (*may)(void *context, const store_records *agents, const store_presences *live);
	void *context;
	store_presence *self;
	int self_fd;
} store_registration;

store_result store_register(store *st, store_registration *r, store_record *out);

/* The agent leaves the registry and has no status any more. */
store_result store_forget(store *st, str agent);

/* *out (maybe NULL) is the record as stored. With `only_new` an agent that has a status keeps it,
 * and that is what *out is. */
store_result store_set_status(store *st, str agent, str status, bool only_new, store_record *out);

/* ---- Messages ---- */

typedef enum {
	STORE_PENDING, STORE_ESCALATED, STORE_ACKNOWLEDGED, STORE_COMPLETED, STORE_STATES
} store_state;

enum store_traits {
	STORE_OPEN = 1,                  /* can still be completed */
	STORE_UNREAD = 2,                /* counts as unread, and is announced */
	STORE_SWEPT = 4,                 /* goes to the archive after a day of quiet */
	STORE_DECIDE = 8                 /* waits for the person */
};

/* All that the program knows of a state: store_states[state]. */
typedef struct {
	str word;                        /* on disk, and in what --json prints */
	str label;                       /* before a message in a list: "read " */
	str mark;                        /* behind it in the log: " (read)" */
	unsigned traits;
} store_state_row;

extern const store_state_row store_states[STORE_STATES];

/* The states with any of these traits, as a set of bits 1 << state. */
unsigned store_states_with(unsigned traits);

typedef struct {
	str id, from, to, subject, reply_to, reason, created, updated;
	store_state state;               /* a word that is not known counts as pending */
	bool urgent, archived;
	str spec;                        /* the notice of a new version of this spec; else empty */
	json *doc;                       /* the meta object as stored */
} store_message;

typedef struct {
	store_message *at;
	int n, room;
} store_messages;

/* Stores a new message; from, to, subject, reply_to, reason, state, urgent and spec are the
 * caller's, the rest is filled in. Durable when it returns STORE_OK. No two messages of this
 * process have the same createdAt. */
store_result store_send(store *st, store_message *m, str body);

/* Did somebody else complete what its recipient has not read? It waits a week for them. */
bool store_is_unseen(arena *mem, const store_message *m);

/* Every message to `to` and every one from `from` (empty: no such) that is not archived, by
 * createdAt, then id. Damaged files are passed over and counted in st->damaged. Costs what is new
 * and what is theirs, see "Finding mail". */
store_result store_list_mail(store *st, str to, str from, store_messages *out);

/* All that is stored and was changed since `since` (ms; 0: ever), archived or not, in the same
 * order. Files that are older are not opened, and the archive is not read at all for less than a
 * day. */
store_result store_list_all(store *st, int64_t since, store_messages *out);

/* One walk over what is not archived counts for everybody. */
typedef struct {
	uint64_t key;                    /* of the agent's name */
	int unread, urgent;              /* urgent: of the unread ones */
	int64_t oldest;                  /* ms: when its oldest unread message was sent; -1: no
					  * known time */
} store_count;

typedef struct {
	store_count *at;
	int n, room;
	int unread;                      /* of everybody together */
	int near[256];                   /* where the agent of a key was found, by its first bits */
} store_counts;

/* Counts, and where `escalated` is set lists every escalated message, whoever it is to, in the
 * order of store_list_mail. */
store_result store_count_mail(store *st, store_counts *out, store_messages *escalated);
store_count store_count_of(const store_counts *counts, str agent);

/* The same for one agent: only mail that may be to it is opened. */
store_result store_count_unread(store *st, str agent, store_count *out);

/* Do `most` or more messages from the one to the other wait: unread, or, if it is the person, for
 * them to decide? */
store_result store_has_waiting(store *st, str from, str to, int most, bool *has);

/* The message with this id, or the one whose id starts with it (then at least 4 characters; in
 * either case). A whole id is opened without reading a directory; a prefix is looked for in the
 * mail that is not archived, and only if nothing there fits, in the archive. */
store_result store_find(store *st, str prefix, store_message *m);

/* The first characters of an id, 8 or as many as tell it apart from all others that are not
 * archived. */
str store_short_id(store *st, str id);

/* Up to `max` bytes of the body from `offset`; *total is its whole length. */
store_result store_body(store *st, const store_message *m, int64_t offset, int64_t max,
			str *part, int64_t *total);

/* Moves m to `to` if it still is in a state of the set `from` (bits 1 << state), with further
 * members set to these strings. *m is then what is stored; it is still STORE_OK where m was in no
 * such state. */
typedef struct {
	str key, text;
} store_member;

store_result store_set_state(store *st, store_message *m, store_state to, unsigned from,
			     const store_member *members, int count);

/* At most once an hour for all processes: archives what has been quiet for a day, and clears away
 * what writers and sessions that are gone left behind. */
store_result store_sweep(store *st);

/* Deletes archived messages that were last touched more than so long ago. */
store_result store_prune(store *st, int64_t older_ms, int *count);

/* ---- Finding mail ----
 * What a process that looks more than once remembers of messages-meta/: names, parties and states,
 * kept true by inotify. Start it zeroed, set it in each store that is opened (st->index), release
 * it at the end. Without one, each store makes its own for its request; answers are the same. */

void store_index_release(store_index *index);

/* A descriptor that becomes readable when messages-meta/ changes, for poll; the next look empties
 * it. -1: nothing tells here, look every now and then. Call it again after each look: a directory
 * that was replaced has another one. */
int store_watch(store *st);

/* Has any message come, gone or changed since the last call? Opens only those that did; true also
 * where that cannot be told. For whoever wakes from store_watch: writers' temp files wake, too. */
bool store_changed(store *st);

/* ---- What a session was told: announced/<agent>@<session> ----
 * Open the record, list the news against it, tell them, and when they went out, note them. Nothing
 * of it takes .lock or syncs. A record that is absent or garbage means: told of nothing yet. Agents
 * whose names break the rule have none: they are told each time. */

typedef struct {
	str agent, session;
	bool in_turn;                    /* set by the caller before store_note_announced */
	int stops;                       /* turns in a row that mail kept from ending: likewise */

	str ids;                         /* a line each: those told, and "ID TIME" of nudges */
	str unread;                      /* of the last look: a line each */
	int64_t changed, looked;         /* of messages-meta/ (ns), and when that was seen (ms) */
	int64_t seen_changed, seen_looked; /* of the last look */
	bool whole;                      /* the last look passed over no file */
	bool was_in_turn;
	int had_stops;
} store_announced;

enum {
	STORE_ALL = 1,                   /* all that is unread is news, told or not */
	STORE_ESCALATIONS = 2            /* and so are escalated messages, whoever they are to */
};

/* How a message was told. A nudge is on its way until the prompt that it becomes notes it for good,
 * and so long nobody else tells what it names; but if its time runs out, it is taken for lost. */
enum {
	STORE_TOLD = -1,                 /* for good */
	STORE_UNNAMED = 0,               /* a nudge had no room for it, or failed: still news */
	STORE_UNDERWAY_MS = 120 * 1000   /* so long a nudge may take: a tool may run meanwhile */
};

/* Reads the record; never waits long. An empty session is one of its own. */
void store_open_announced(store *st, str agent, str session, store_announced *a);

/* Unread mail of the agent that is not in the record, by createdAt. Where messages-meta/ is as it
 * was at a look that told everything, that is nothing, for the price of one stat. */
store_result store_list_news(store *st, store_announced *a, unsigned which, store_messages *news);

/* Notes that these were told, how (see STORE_TOLD; or until when), and a->in_turn and a->stops;
 * what others noted meanwhile stays, what was read by the last look goes. Writes only what changes;
 * call it after a look that found nothing, too. STORE_BUSY: somebody holds the record for more than
 * a moment. */
store_result store_note_announced(store *st, store_announced *a, const store_messages *told,
				  int64_t how);

/* What the record says of a nudge for this message: STORE_UNNAMED, or until when it was on its way;
 * STORE_TOLD: it had none, or was told for good. */
int64_t store_nudged(const store_announced *a, str id);

/* Takes the right to wait for this agent and session; -1: the process *pid has it (0: unknown), -2:
 * see fault. It lasts until the descriptor is closed. */
int store_claim_wait(store *st, str agent, str session, int64_t *pid);

/* Takes the file that a person writes a text for `target` in, with what was left in it; it is made
 * if it is not there. -1: the process *pid has it (0: unknown), -2: see fault. It is nobody else's
 * until the descriptor is closed. */
int store_take_draft(store *st, str verb, str target, str *path, str *text, int64_t *pid);

/* ---- Presence: who is running ---- */

/* Says that this process speaks for p->agent, for as long as the descriptor that it returns stays
 * open, and fills p->file; -1 where that cannot be said. */
int store_appear(store *st, store_presence *p);

/* It was heard of just now. False: its file is gone, appear again. */
bool store_touch(store *st, int presence, str file);

/* All that is known of who runs or ran, at least the newest of each agent; what is older and gone
 * is removed. Of one agent, or, where that is empty, of all: only their files are opened. */
store_result store_list_presence(store *st, str agent, store_presences *out);

/* ---- What is not as it should be ---- */

typedef enum {
	STORE_TORN,                      /* not the JSON that it should be, or empty */
	STORE_NOT_A_FILE,
	STORE_NOT_A_DIR,
	STORE_LINK,                      /* it is not followed, but may lead to what is whole */
	STORE_UNREADABLE,
	STORE_TOO_LARGE,                 /* a spec of which only a part could be shown */
	STORE_NO_BODY,                   /* a message without its text */
	STORE_ODD,                       /* a table with something in it of a wrong kind */
	STORE_NOT_OURS,                  /* another user's: fault is not set, `owner` is */
	STORE_WRITABLE                   /* by other users */
} store_defect;

typedef struct {
	str path;
	store_defect what;
	int64_t owner, user;             /* STORE_NOT_OURS: whose it is, and should be; numbers */
	bool fixed;
} store_finding;

typedef struct {
	store_finding *at;
	int n, room;
} store_findings;

/* Looks at the root, its tables and its directories, which costs little; at every file; or moves
 * damaged ones aside, too (and nothing more). */
enum store_depth { STORE_QUICKLY, STORE_WHOLLY, STORE_MEND };
store_result store_check(store *st, enum store_depth depth, store_findings *out);

/* A directory of the store, or the one that it would be made in, in which we can write nothing;
 * empty: there is none. */
str store_unwritable(store *st);

/* ---- Specs: every version is kept ---- */

typedef struct {
	str name, publisher, published;  /* the last two empty where the file does not say */
	str note;                        /* what changed, in a line */
	str text;                        /* the content; empty in a list */
	int64_t version;                 /* from 1 */
	int64_t size;                    /* of the content */
	bool foreign;                    /* by another program, and not kept by a publish yet */
	bool past;                       /* not the current text */
} store_spec;

typedef struct {
	store_spec *at;
	int n, room;
} store_specs;

/* Only their names, in their order: no file is opened. */
store_result store_list_specs(store *st, store_specs *out);

/* Those that have past versions, but no current text: its file was damaged, or deleted. */
store_result store_list_lost_specs(store *st, store_specs *out);

/* Fills in publisher, published and size, as the first bytes of the file say. */
store_result store_read_head(store *st, store_spec *spec);

/* Fills in all but the text, which must be read for it. Both note a damaged file. */
store_result store_describe_spec(store *st, store_spec *spec);

/* A version of a spec; 0: the current one. All of *out comes from one look at one file. Nothing is
 * written: a text that another program put over ours is shown as the next version. A current file
 * that is empty for good is damaged; its past versions can still be had. So they can where there is
 * none: STORE_ABSENT for version 0, and out->version is the newest that is kept. */
store_result store_find_spec(store *st, str name, int64_t version, store_spec *out);

enum { STORE_MAX_VERSIONS = 1000 };      /* of one spec: each look at it walks over their names */

/* Publishes spec->name as spec->publisher with spec->note, and fills the rest. *before is what was
 * current (version 0: nothing). With `base` that must have been its version, else STORE_CONFLICT.
 * The same content is STORE_SAME. A name that breaks the rule is published only if it is there, and
 * has no history. Without a content (content.s is NULL) all is checked and nothing published. */
store_result store_publish(store *st, store_spec *spec, str content, int64_t base,
			   store_spec *before);

/* Who read which version: records {agent, version, readAt?}. */
store_result store_list_readers(store *st, str name, store_records *out);
int64_t store_version_read(const store_records *readers, str agent);   /* 0: none */
store_result store_note_reader(store *st, str name, str agent, int64_t version);

/* ---- Other people's directories ---- */

str store_dir_of(str path);              /* of an absolute path: the part before the last slash */

/* Writes one file durably, its directory too where that is missing. */
store_result store_write_file(arena *mem, str path, str text, store_fault *fault);

/* Reads a file of at most 16 MiB; empty where there is none. */
store_result store_read_file(arena *mem, str path, str *text);

/* Removes a file, or a directory if it is empty. STORE_ABSENT, or STORE_FAILED with the fault
 * (ENOTEMPTY among others). */
store_result store_remove(arena *mem, str path, bool directory, store_fault *fault);

/* What stands there, links followed. */
enum store_kind { STORE_NOTHING, STORE_FILE, STORE_PROGRAM, STORE_DIRECTORY, STORE_OTHER };
enum store_kind store_look(arena *mem, str path);

/* ---- Signals: <workspace>/.claude/inbox/<from>-<ms>.signal ---- */

/* Best effort: a workspace that is not here, is not safe, or holds a hundred of them already, gets
 * none. */
void store_signal(arena *mem, str workspace, str from, str line);
int store_count_signals(arena *mem, str workspace, bool clear);    /* how many there are, or were */

/* Makes the inbox of a workspace that is here; its path, or empty. */
str store_make_inbox(arena *mem, str workspace);

#endif
