/* store.h: the mailbox on disk. See store.c for the layout, the states of a
 * message and what is promised about each.
 *
 * A store is opened for one request and closed after it; opening touches no
 * disk. What the functions return lives in the arena given to store_open. */
#ifndef STORE_H
#define STORE_H

#include "json.h"

#include <signal.h>

/* How a store function ended. */
typedef enum {
	STORE_OK,
	STORE_ABSENT,     /* there is no such thing */
	STORE_AMBIGUOUS,  /* the prefix stands for several messages */
	STORE_BAD_NAME,   /* the name breaks the rule, see store_name_ok */
	STORE_CONFLICT,   /* somebody published in between */
	STORE_SAME,       /* there is nothing to change */
	STORE_BUSY,       /* the lock was not to be had in time; see fault */
	STORE_FAILED,     /* see fault */
	STORE_CHANGED     /* within store.c only: changed between reading and writing, do it anew */
} store_result;

/* What went wrong, for STORE_BUSY and STORE_FAILED. */
typedef struct {
	const char *doing;  /* "open", "write", "sync" ... */
	str path;
	int error;          /* an errno; 0: the content is damaged */
	bool placed;        /* the new content is in place, but not known to survive a power cut */
} store_fault;

/* What a long-lived process may remember between requests, because it cannot
 * change: from whom and to whom the message of a file is. Start it zeroed. */
typedef struct {
	arena mem;
	uint64_t device, inode;          /* of the directory that it knows */
	struct store_known *at;
	int n, room;
	struct { str *at; int n, room; } agents;
} store_cache;

enum { STORE_DIRS = 11 };

typedef struct {
	arena *mem;
	store_cache *cache;     /* NULL: read everything anew */
	str root;
	int fd[STORE_DIRS];     /* -1: not opened yet */
	int lock;               /* -1: not held */
	int lock_ms;            /* how long to wait for it; 0: the usual 8 s */
	const char *past;       /* the spec whose history is open */
	int naps;               /* how often this request has waited for somebody's unfinished file */
	store_fault fault;
	int damaged;            /* files passed over because they are damaged or unreadable */
	str *damaged_paths;     /* their paths */
	int damaged_room;
	const volatile sig_atomic_t *stop; /* where set: waiting for the lock ends when it is */
} store;

void store_open(store *st, arena *mem, str root);
void store_close(store *st);

/* ---- Time: milliseconds since 1970, ISO-8601 UTC in files. ---- */

int64_t time_now(void);
int64_t clock_ms(void);                /* ms of a clock that nobody sets: for waiting */
str time_format(arena *mem, int64_t ms);
int64_t time_parse(str time);              /* -1 where it is no such time */

/* ---- Names ---- */

str store_random(arena *mem, int bytes);  /* at most 16, as hex digits */

/* A new name of an agent or spec: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool store_name_ok(str name);
extern const str store_human;            /* the reserved name of the person */

/* ---- Agents and their statuses: two tables, one entry an agent ---- */

typedef struct {
	str name;
	str text;                        /* an agent's description, or its status */
	str workspace, origin;           /* of an agent: its directory, and where it was when it registered */
	str time;                        /* registered, or last changed */
	str doc;                         /* the JSON object as stored */
} store_entry;

typedef struct {
	store_entry *at;
	int n, room;
} store_entries;

store_result store_list_agents(store *st, store_entries *out);
store_result store_list_statuses(store *st, store_entries *out);
const store_entry *store_entry_named(const store_entries *list, str name);  /* NULL: none */

/* Writes the agent's entry with the name, text, workspace and origin given. */
store_result store_register(store *st, store_entry *agent);

/* The agent leaves the registry and has no status any more. */
store_result store_forget(store *st, str agent);

/* Where `only_new`, an agent that has a status keeps it. */
store_result store_set_status(store *st, str agent, str status, bool only_new);

/* ---- Messages ---- */

typedef enum { STORE_PENDING, STORE_ESCALATED, STORE_ACKNOWLEDGED, STORE_COMPLETED } store_state;

typedef struct {
	str id, from, to, subject, reply_to, reason, created, updated;
	store_state state;               /* a word that is not known counts as pending */
	bool urgent, archived;
	str spec;                        /* the notice of a new version of this spec; else empty */
	str doc;                         /* the meta object as stored */
} store_message;

typedef struct {
	store_message *at;
	int n, room;
} store_messages;

/* Stores a new message; from, to, subject, reply_to, reason, state, urgent and
 * spec are the caller's, the rest is filled in. Durable when it returns STORE_OK. */
store_result store_send(store *st, store_message *m, str body);

/* Every message to `to` and every one from `from` (empty: no such) that is not
 * archived, by createdAt, then id. Damaged files are passed over and counted in
 * st->damaged. */
store_result store_list_mail(store *st, str to, str from, store_messages *out);

/* All that is stored, archived or not, in the same order. */
store_result store_list_all(store *st, store_messages *out);

/* The message whose id starts with `prefix` (at least 4 bytes), archived or not. */
store_result store_find(store *st, str prefix, store_message *m);

/* Up to `most` bytes of the body from `offset`; *total is its whole length. */
store_result store_body(store *st, const store_message *m, int64_t offset, int64_t max,
			str *part, int64_t *total);

/* Moves m to `to` if it still is in a state of the set `from` (bits 1 << state),
 * with further members set to these strings, and reads it anew into *m. */
typedef struct {
	str key, text;
} store_member;

store_result store_set_state(store *st, store_message *m, store_state to, unsigned from,
			const store_member *notes, int count);

/* Archives what has been quiet for a day, at most once an hour for all servers. */
store_result store_sweep(store *st);

/* Deletes archived messages that were last touched more than so long ago. */
store_result store_prune(store *st, int64_t older_ms, int *count);

/* ---- Presence: who is running ---- */

typedef struct {
	str agent, client, session, workspace;
	bool alive;
	int64_t since, seen;             /* ms: when it started, when it was last heard of */
	int64_t pid;
	str file;                        /* in live/ */
} store_presence;

typedef struct {
	store_presence *at;
	int n, room;
} store_presences;

/* Says that this process speaks for p->agent, for as long as the descriptor
 * that it returns stays open, and fills p->file; -1 where that cannot be said. */
int store_appear(store *st, store_presence *p);

/* It was heard of just now. False: its file is gone, appear again. */
bool store_touch(store *st, int presence, str file);

/* All that is known of who runs or ran, at least the newest of each agent;
 * what is older and gone is removed. */
store_result store_list_presence(store *st, store_presences *out);

/* ---- News: what a session was not told of yet ---- */

enum { STORE_URGENT = 1, STORE_ALL = 2 };  /* only urgent mail is news; all that is unread is */

/* Unread mail of the agent that was not told to this session before, and that
 * counts as told now; an empty session is one of its own. */
store_result store_list_news(store *st, str agent, str session, unsigned which, store_messages *news);

/* Takes the right to wait for this agent and session; -1: another has it, -2:
 * st->fault. It lasts until the descriptor is closed. */
int store_claim_wait(store *st, str agent, str session);

/* A descriptor that becomes readable when mail comes (read it empty then), or
 * -1 where the system has no such thing or the store is not there. */
int store_watch(store *st);

/* ---- What is not as it should be ---- */

typedef enum {
	STORE_TORN,                      /* not the JSON that it should be */
	STORE_NOT_A_FILE,
	STORE_NOT_A_DIR,
	STORE_UNREADABLE,
	STORE_NO_BODY,                   /* a message without its text */
	STORE_NOT_OURS,                  /* another user's */
	STORE_WRITABLE                   /* by other users */
} store_defect;

typedef struct {
	str path;
	store_defect what;
	bool fixed;
} store_finding;

typedef struct {
	store_finding *at;
	int n, room;
} store_findings;

/* Looks at every file; with `fix`, moves damaged ones aside (and nothing more). */
store_result store_check(store *st, bool fix, store_findings *out);

/* ---- Specs: every version is kept ---- */

typedef struct {
	str name, publisher, published;  /* the last two empty where the file does not say */
	str note;                        /* what changed, in a line */
	int64_t version;                 /* from 1 */
	int64_t size;                    /* of the content */
	int64_t head;                    /* bytes before it */
	bool past;                       /* not the current text */
} store_spec;

typedef struct {
	store_spec *at;
	int n, room;
} store_specs;

typedef struct {
	str agent;
	int64_t version;                 /* the last one that it read */
} store_reader;

typedef struct {
	store_reader *at;
	int n, room;
} store_readers;

store_result store_list_specs(store *st, store_specs *out);

/* The current text of a spec; version 0: the current one. What another program
 * wrote over it becomes its next version here. */
store_result store_find_spec(store *st, str name, int64_t version, store_spec *out);
store_result store_spec_text(store *st, const store_spec *spec, int64_t offset, int64_t max, str *part);

/* Publishes spec->name as spec->publisher with spec->note, and fills the rest.
 * *before is what was current (version 0: nothing). With `base` that must have
 * been its version, else STORE_CONFLICT. The same content is STORE_SAME. */
store_result store_publish(store *st, store_spec *spec, str content, int64_t base, store_spec *before);

/* Who read which version. */
store_result store_list_readers(store *st, str name, store_readers *out);
store_result store_note_reader(store *st, str name, str agent, int64_t version);

/* ---- Other people's directories ---- */

/* Writes one file durably, its directory too where that is missing. */
store_result store_write_file(arena *mem, str dir, const char *name, str text, store_fault *fault);

/* Reads a file of at most 16 MiB; empty where there is none. */
store_result store_read_file(arena *mem, str dir, const char *name, str *text);

/* ---- Signals: <workspace>/.claude/inbox/<from>-<ms>.signal ---- */

/* Is it an absolute path of a directory on this machine? */
bool store_workspace_here(arena *mem, str workspace);

/* Best effort: a workspace that is not here, or is not safe, gets none. */
void store_signal(arena *mem, str workspace, str from, str line);
void store_clear_signals(arena *mem, str workspace);

/* Makes the inbox of a workspace that is here; its path, or empty. */
str store_make_inbox(arena *mem, str workspace);

#endif
