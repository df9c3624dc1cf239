/* crashstates: makes every state that a power cut may leave of a store while a
 * command changes it, and checks each.
 *
 *   crashstates OPTION... -- COMMAND...
 *
 *   -from DIR         what the command begins with: DIR/store, and DIR/work with
 *                     the workspaces
 *   -run DIR          where it runs, and where each state is laid out
 *   -input FILE       its standard input
 *   -program FILE     the program that then uses each state; the COMMAND is one
 *                     that records what it does (record.h)
 *   -tty FILE         what gives it a terminal, as a person has
 *   -agent NAME       whose inbox must work afterwards; more than once
 *   -body FILE        a text that a new file may have; more than once
 *   -stage PATTERN    what storecheck may say of a state; more than once
 *   -answered PATTERN what it must say once the command has answered (else: as
 *                     the last stage), and
 *   -done PATTERN     once it has ended, where that is more
 *   -again PATTERN    what the same again must print in each state before it was
 *                     answered
 *   -before DIR       what storecheck compares with, where the command is to delete
 *   -damaged          there is a damaged file: whoever reads may say so
 *   -exit N           the command ends with this status where 0 would be usual
 *   -once             the command is not tried again in each state
 *   -sample N         checks one state of N only
 *   -mutants N        instead: each sync left out, each two replacements of a file
 *                     exchanged, each rename made too early, in the record; prints
 *                     what betrays each. N of them make no difference
 *
 * The model is weaker than any file system in use. The cut comes after any call.
 *  - What was written to a file that was not synced since may be there as a
 *    whole, not at all, as zeros of the right length, cut short, or torn at
 *    multiples of 512 bytes.
 *  - Of the changes of names in directories that were not synced since, any
 *    subset is there, made in any order; the sync of a file says nothing of its
 *    name. One rename is there or is not; from one directory to another, it is
 *    settled once both are synced.
 *  - Bounds: of more than 10 unsynced changes of names those subsets that lack
 *    or have at most 2, or are the first ones; in all orders up to 4 of them, of more in
 *    the order made and the opposite one. Of several files that were not synced,
 *    all combinations of the states up to 200, then one after the other.
 *
 * What must hold in each state, laid out as a directory:
 *  - storecheck finds nothing wrong and its words match a stage; once the command
 *    has answered, the last one;
 *  - the doctor finds nothing; everybody's inbox works and passes over nothing;
 *    each message that is new can be read; the same command works, and so does
 *    sending; the sweep clears away what is left, and storecheck still finds
 *    nothing wrong.
 * Prints the number of states; or the first things that went wrong, and exits 1. */
#include "trees.h"

enum { MOST = 24, ENTRIES = 512, PENDING = 64, COMBINATIONS = 200, SECTOR = 512, AGO = 3600 };

static struct {
	const char *from, *run, *before, *input, *program, *tty, *answered, *done, *again;
	char *body[MOST], *stage[MOST], *agent[MOST];
	int bodies, stages, agents, sample, exit;
	bool once, damaged;
	const char *mutants;
	char **command;
} plan = { .sample = 1 };

/* ==== The record ==== */

enum kind { CREATE, MKDIR, RENAME, LINK, UNLINK, WRITE, TRUNCATE, MODE, SYNC, ANSWER };

static const char *const kinds[] = {
	"create", "mkdir", "rename", "link", "unlink", "write", "truncate", "mode", "sync", "answer", NULL
};

typedef struct {
	enum kind kind;
	int node;                        /* what is named, written or synced */
	int dir, to;                     /* the directories of the names; `to` of rename and link */
	char *name, *as;
	size_t at, n;                    /* of WRITE; n is the size of TRUNCATE, the mode of MODE */
	const char *bytes;
} op;

typedef struct {
	unsigned long inode;
	bool dir;
	mode_t mode;
	time_t mtime;
	char *bytes;                     /* before the command */
	size_t n;
} node;

typedef struct {
	int dir, node;
	const char *name;
} entry;

/* What names lead to. */
typedef struct {
	entry at[ENTRIES];
	int n;
} tree;

static node *nodes;
static int nodes_n, nodes_room;
static op *ops;
static int ops_n, ops_room;
static tree before;

static int add_node(unsigned long inode, bool dir, mode_t mode, time_t mtime)
{
	nodes = more(nodes, nodes_n, &nodes_room, sizeof *nodes);
	nodes[nodes_n] = (node){ .inode = inode, .dir = dir, .mode = mode, .mtime = mtime };
	return nodes_n++;
}

/* The node of an inode, which may have been another one's before: the last. */
static int node_of(unsigned long inode)
{
	for (int i = nodes_n - 1; i >= 0; i--)
		if (nodes[i].inode == inode)
			return i;
	return -1;
}

static int find(const tree *t, int dir, const char *name)
{
	for (int i = 0; i < t->n; i++)
		if (t->at[i].dir == dir && strcmp(t->at[i].name, name) == 0)
			return i;
	return -1;
}

static void set(tree *t, int dir, const char *name, int to)
{
	int i = find(t, dir, name);
	if (i < 0 && t->n == ENTRIES)
		die("too many names");
	if (i < 0)
		i = t->n++;
	t->at[i] = (entry){ dir, to, name };
}

/* Takes the name away, if it leads to this. */
static void take(tree *t, int dir, const char *name, int from)
{
	int i = find(t, dir, name);
	if (i >= 0 && t->at[i].node == from)
		t->at[i] = t->at[--t->n];
}

static void make(tree *t, const op *o)
{
	switch (o->kind) {
	case CREATE:
	case MKDIR:
		set(t, o->dir, o->name, o->node);
		break;
	case RENAME:
		take(t, o->dir, o->name, o->node);
		set(t, o->to, o->as, o->node);
		break;
	case LINK:
		set(t, o->to, o->as, o->node);
		break;
	case UNLINK:
		take(t, o->dir, o->name, o->node);
		break;
	default:
		break;
	}
}

/* Takes in what is there before the command. What is done to what is not `ours` is left out. */
static int take_in(const char *path, bool ours)
{
	struct stat seen;
	struct dirent *e;
	DIR *dir;
	if (lstat(path, &seen) < 0)
		die(path);
	int own = add_node(ours ? (unsigned long)seen.st_ino : 0, S_ISDIR(seen.st_mode), seen.st_mode & 0777, seen.st_mtim.tv_sec);
	if (!S_ISDIR(seen.st_mode)) {
		nodes[own].bytes = read_whole(path, &nodes[own].n);
		return own;
	}
	if (!(dir = opendir(path)))
		die(path);
	while ((e = readdir(dir))) {
		char below[TREE_PATH];
		join(below, path, e->d_name);
		if (!is_dots(e->d_name))
			set(&before, own, strdup(e->d_name), take_in(below, ours && strcmp(e->d_name, "work") != 0));
	}
	closedir(dir);
	return own;
}

/* One line of the record. What happens outside of the store, a signal, is left out. */
static bool parse(char *line, op *o)
{
	char what[16], name[1024], as[1024];
	unsigned long first = 0, second = 0;
	int k = 0;
	*o = (op){ .dir = -1, .to = -1, .node = -1 };
	sscanf(line, "%15s", what);
	while (kinds[k] && strcmp(kinds[k], what) != 0)
		k++;
	o->kind = (enum kind)k;
	if (o->kind <= UNLINK) {
		if (sscanf(line, "%*s %lu %1023s %lu %1023s", &first, name, &second, as) != 4)
			die(line);
		o->dir = node_of(first);
		o->to = o->kind == RENAME || o->kind == LINK ? node_of(second) : -1;
		o->name = strdup(name);
		o->as = strdup(as);
		return o->dir >= 0 && first;
	}
	sscanf(line, "%*s %lu %zu %zu", &first, &o->at, &o->n);
	if (o->kind == TRUNCATE || o->kind == MODE)
		o->n = o->at;
	o->node = node_of(first);
	return o->kind == ANSWER || (o->node >= 0 && first);
}

static void read_record(const char *path)
{
	static tree now;
	size_t n;
	char *text = read_whole(path, &n), *end = text + n;
	now = before;
	while (text < end) {
		op o;
		char *line = text;
		text = memchr(text, '\n', (size_t)(end - text));
		*text++ = '\0';
		bool ours = parse(line, &o);
		if (o.kind == WRITE) {
			o.bytes = text;
			text += o.n + 1;
		}
		if (!ours)
			continue;
		if (o.kind == CREATE || o.kind == MKDIR) {
			unsigned long inode = 0;
			sscanf(line, "%*s %*s %*s %lu", &inode);
			o.node = add_node(inode, o.kind == MKDIR, o.kind == MKDIR ? 0700 : 0600, time(NULL) - AGO);
		} else if (o.kind == RENAME || o.kind == LINK || o.kind == UNLINK) {
			int i = find(&now, o.dir, o.name);
			if (i < 0)
				die(line);
			o.node = now.at[i].node;
		}
		make(&now, &o);
		ops = more(ops, ops_n, &ops_room, sizeof o);
		ops[ops_n++] = o;
	}
}

/* ==== A state ==== */

typedef struct {
	char *bytes;
	size_t n;
} data;

static tree state;
static int cut_at;                       /* calls before the cut */
static data *contents;                   /* of each node in this state */

static bool is_name_op(const op *o)
{
	return o->kind <= UNLINK;
}

/* Did a sync before `cut` settle it? */
static bool is_settled(int i, int cut)
{
	const op *o = &ops[i];
	bool from = o->kind == LINK, to = o->to < 0;
	for (int k = i + 1; k < cut; k++)
		if (ops[k].kind == SYNC && is_name_op(o)) {
			from = from || ops[k].node == o->dir;
			to = to || ops[k].node == o->to;
		} else if (ops[k].kind == SYNC && ops[k].node == o->node) {
			return true;
		}
	return is_name_op(o) && from && to;
}

/* The mode of a file in this state: a change that no sync settled is not there. */
static mode_t mode_of(int of)
{
	mode_t mode = nodes[of].mode;
	for (int i = 0; i < cut_at; i++)
		if (ops[i].kind == MODE && ops[i].node == of && is_settled(i, cut_at))
			mode = (mode_t)ops[i].n;
	return mode;
}

/* The content of a file after its writes before `cut`, or those of them that are settled. */
static data content(int of, int cut, bool settled)
{
	data d = { NULL, nodes[of].n };
	d.bytes = calloc(1, d.n + 1);
	if (d.n)
		memcpy(d.bytes, nodes[of].bytes, d.n);
	for (int i = 0; i < cut; i++) {
		const op *o = &ops[i];
		if (o->node != of || (o->kind != WRITE && o->kind != TRUNCATE) || (settled && !is_settled(i, cut)))
			continue;
		size_t size = o->kind == TRUNCATE ? o->n : o->at + o->n > d.n ? o->at + o->n : d.n;
		d.bytes = realloc(d.bytes, size + 1);
		if (!d.bytes)
			die("memory");
		if (size > d.n)
			memset(d.bytes + d.n, 0, size - d.n);
		d.n = size;
		if (o->kind == WRITE)
			memcpy(d.bytes + o->at, o->bytes, o->n);
	}
	return d;
}

enum variant { ALL, NONE, ZEROS, FIRST, ALL_BUT_FIRST, ALL_BUT_LAST, EVERY_OTHER, SHORT_HALF, SHORT_LAST, VARIANTS };

/* Is this sector of `sectors` on the disk? */
static bool has_sector(enum variant v, size_t i, size_t sectors)
{
	switch (v) {
	case ZEROS: return false;
	case FIRST: return i == 0;
	case ALL_BUT_FIRST: return i != 0;
	case ALL_BUT_LAST: return i + 1 < sectors;
	case EVERY_OTHER: return i % 2;
	default: return true;
	}
}

static data vary(const data *old, const data *new, enum variant v)
{
	data d = { NULL, v == NONE ? old->n : new->n };
	size_t sectors = (new->n + SECTOR - 1) / SECTOR;
	if (v == SHORT_HALF)
		d.n = sectors > 1 ? sectors / 2 * SECTOR : new->n / 2;
	if (v == SHORT_LAST && new->n)
		d.n = sectors > 1 ? (sectors - 1) * SECTOR : new->n - 1;
	d.bytes = calloc(1, d.n + 1);
	if (!d.bytes)
		die("memory");
	memcpy(d.bytes, old->bytes, old->n < d.n ? old->n : d.n);
	for (size_t i = 0; i < sectors && v != NONE; i++) {
		size_t at = i * SECTOR, n = at >= d.n ? 0 : d.n - at < SECTOR ? d.n - at : SECTOR;
		if (has_sector(v, i, sectors))
			memcpy(d.bytes + at, new->bytes + at, n);
	}
	return d;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(entry *const *)a)->name, (*(entry *const *)b)->name);
}

static unsigned long long hash_bytes(unsigned long long h, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return (h ^ n) * 1099511628211u;
}

/* Goes through what can be reached from a directory: sums it up, or lays it out at `path`. */
static unsigned long long walk(int dir, unsigned long long h, const char *path)
{
	entry *in[ENTRIES];
	int n = 0;
	for (int i = 0; i < state.n; i++)
		if (state.at[i].dir == dir)
			in[n++] = &state.at[i];
	qsort(in, (size_t)n, sizeof *in, by_name);
	for (int i = 0; i < n; i++) {
		const node *x = &nodes[in[i]->node];
		const data *d = &contents[in[i]->node];
		char below[TREE_PATH];
		if (path)
			join(below, path, in[i]->name);
		h = hash_bytes(h, in[i]->name, strlen(in[i]->name));
		if (!x->dir) {
			h = hash_bytes(h, d->bytes, d->n);
			if (path)
				write_whole(below, d->bytes, d->n, mode_of(in[i]->node), x->mtime);
			continue;
		}
		if (path && mkdir(below, x->mode) < 0)
			die(below);
		h = hash_bytes(walk(in[i]->node, h, path ? below : NULL), "/", 1);
	}
	return h;
}

static int known_n;

/* Seen before? */
static bool is_known(unsigned long long hash)
{
	static unsigned long long *known;
	static int room;
	int low = 0, high = known_n;
	while (low < high) {
		int middle = (low + high) / 2;
		if (known[middle] == hash)
			return true;
		if (known[middle] < hash)
			low = middle + 1;
		else
			high = middle;
	}
	known = more(known, known_n, &room, sizeof *known);
	memmove(known + low + 1, known + low, (size_t)(known_n++ - low) * sizeof *known);
	known[low] = hash;
	return false;
}

/* ==== What must hold ==== */

static char store_path[TREE_PATH], before_path[TREE_PATH], out_path[TREE_PATH], err_path[TREE_PATH];
static char *said, *complaint;
static char words[TREE_TEXT], found[TREE_TEXT];
static int states, failures;
static bool quiet;                       /* a mutant is betrayed by anything: nothing is said of it */
static char reason[128];                 /* the first */

static void wrong(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (failures == 0)
		vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	failures++;
	if (quiet)
		return;
	printf("cut after %d calls (the last: %s): ", cut_at, cut_at ? kinds[ops[cut_at - 1].kind] : "none");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n  store: %s  found: %s\n", words, found);
	for (int i = 0; i < state.n; i++)
		if (state.at[i].node >= 0 && find(&before, state.at[i].dir, state.at[i].name) < 0)
			printf("  name: %s, %zu bytes\n", state.at[i].name, contents[state.at[i].node].n);
}

static int finish(pid_t child)
{
	int status = wait_for(child);
	free(said);
	free(complaint);
	said = read_whole(out_path, NULL);
	complaint = read_whole(err_path, NULL);
	return status;
}

/* Runs a verb of the program that uses the state. */
static void use(const char *what, char **argv, const char *input)
{
	pid_t child = start(input, out_path, err_path);
	if (child == 0) {
		unsetenv("INTERAGENT_RECORD");
		alarm(60);
		execv(argv[0], argv);
		_exit(127);
	}
	int status = finish(child);
	bool may_find = plan.damaged && (strcmp(what, "doctor") == 0 || argv == plan.command);
	if (status != 0 && !(may_find && status == 1))
		wrong("%s ended with status %d: %s%s", what, status, said, complaint);
	else if (!plan.damaged && (strstr(complaint, "passed over") || strstr(complaint, "damaged") || strstr(said, "passed over")))
		wrong("%s complains: %s%s", what, said, complaint);
}

#define USE(what, ...) use(what, (char *[]){ (char *)plan.program, __VA_ARGS__, NULL }, NULL)
#define USE_AS_PERSON(what, ...) use(what, (char *[]){ (char *)plan.tty, (char *)plan.program, __VA_ARGS__, NULL }, NULL)

/* Once the state was used, texts are there that nobody told us of. */
static void look(bool used)
{
	char *argv[2 * MOST + 8];
	int n = 0;
	pid_t child;
	argv[n++] = "storecheck";
	for (int i = 0; i < plan.bodies; i++) {
		argv[n++] = "-body";
		argv[n++] = plan.body[i];
	}
	if (used) {
		argv[n++] = "-any";
		argv[n++] = "-clean";
	}
	argv[n++] = store_path;
	argv[n++] = before_path;
	argv[n] = NULL;
	child = start(NULL, out_path, err_path);
	if (child == 0) {
		int status = storecheck(n, argv);
		fflush(stdout);
		_exit(status);
	}
	int status = finish(child);
	snprintf(words, sizeof words, "%.*s", (int)strcspn(said, "\n"), said);
	snprintf(found, sizeof found, "%s", complaint);
	if (status != 0)
		wrong("the store is not whole");
}

static void check_stage(bool answered)
{
	const char *last = plan.answered ? plan.answered : plan.stage[plan.stages - 1];
	if (plan.done && cut_at == ops_n)
		last = plan.done;
	for (int i = 0; i < plan.stages && !answered; i++)
		if (fnmatch(plan.stage[i], words, 0) == 0)
			return;
	if (!answered)
		wrong("that is no stage of this");
	else if (fnmatch(last, words, 0) != 0)
		wrong("it was answered, and is not there");
}

/* Each message that was not there before is read. */
static void read_new(void)
{
	char path[TREE_PATH], metas[TREE_PATH], old[TREE_PATH];
	struct dirent *e;
	struct stat seen;
	join(path, store_path, "messages-meta");
	join(metas, before_path, "messages-meta");
	DIR *dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		char id[256];
		join(old, metas, e->d_name);
		snprintf(id, sizeof id, "%.*s", (int)strcspn(e->d_name, "."), e->d_name);
		if (*id && stat(old, &seen) < 0)
			USE("read_message", "read_message", "--from", plan.agent[0], "--message-id", id);
	}
	if (dir)
		closedir(dir);
}

/* All that nobody wrote since the cut is as old as the sweep wants it. */
static void make_old(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct timespec times[2] = { { .tv_sec = 1577934245 }, { .tv_sec = 1577934245 } };
	while (dir && (e = readdir(dir))) {
		char below[TREE_PATH];
		join(below, path, e->d_name);
		if (strncmp(e->d_name, ".tmp-", 5) == 0)
			utimensat(AT_FDCWD, below, times, AT_SYMLINK_NOFOLLOW);
		else if (!is_dots(e->d_name))
			make_old(below);
	}
	if (dir)
		closedir(dir);
}

static void use_all(bool answered)
{
	char swept[TREE_PATH];
	struct stat seen;
	if (stat(store_path, &seen) < 0)
		return;
	USE("doctor", "doctor");
	for (int i = 0; i < plan.agents; i++)
		USE("check_inbox", "check_inbox", "--from", plan.agent[i]);
	USE_AS_PERSON("the person's check_inbox", "check_inbox");
	if (plan.agents)
		read_new();
	if (!plan.once) {
		use("the same again", plan.command, plan.input);
		if (plan.again && !answered && fnmatch(plan.again, said, 0) != 0)
			wrong("the same again says: %s", said);
	}
	if (plan.agents)
		USE("send_message", "send_message", "--from", plan.agent[0], "--to", "human", "--subject", "after", "--content", "the cut");
	make_old(store_path);
	join(swept, store_path, "archive/.swept");
	unlink(swept);
	USE("list_agents", "list_agents");
}

static void check_state(bool answered)
{
	int had = failures;
	drop_tree(plan.run);
	if (mkdir(plan.run, 0700) < 0)
		die(plan.run);
	walk(0, 0, plan.run);
	look(false);
	if (failures == had)
		check_stage(answered);
	if (failures > had || quiet)
		return;
	use_all(answered);
	look(true);
}

/* ==== Every state ==== */

static int pending[PENDING], pending_n;  /* changes of names that no sync settled */
static int torn[PENDING], torn_n;        /* files with writes that no sync settled */
static data variant[PENDING][VARIANTS];
static tree settled;

static bool has_answered(int cut)
{
	for (int i = 0; i < cut; i++)
		if (ops[i].kind == ANSWER)
			return true;
	return false;
}

static void take_state(void)
{
	bool answered = has_answered(cut_at);
	unsigned long long hash = walk(0, 14695981039346656037u + answered + (cut_at == ops_n), NULL);
	if (is_known(hash))
		return;
	if (states++ % plan.sample == 0 && failures < 3)
		check_state(answered);
}

/* All combinations of what the disk has of the files that were not synced. */
static void vary_files(void)
{
	long combinations = 1;
	for (int i = 0; i < torn_n && combinations <= COMBINATIONS; i++)
		combinations *= VARIANTS;
	bool each = combinations > COMBINATIONS;
	if (each)
		combinations = torn_n * VARIANTS;
	for (long c = 0; c < combinations; c++) {
		long rest = c;
		for (int i = 0; i < torn_n; i++) {
			contents[torn[i]] = variant[i][each ? c / VARIANTS == i ? c % VARIANTS : ALL : rest % VARIANTS];
			rest /= VARIANTS;
		}
		take_state();
	}
}

static void make_in_order(const int *order, int n)
{
	state = settled;
	for (int i = 0; i < n; i++)
		make(&state, &ops[order[i]]);
	vary_files();
}

/* All orders of the first n, by exchanging (Heap). */
static void permute(int *order, int k, int n)
{
	if (k <= 1) {
		make_in_order(order, n);
		return;
	}
	for (int i = 0; i < k; i++) {
		permute(order, k - 1, n);
		int j = k % 2 ? 0 : i, kept = order[j];
		order[j] = order[k - 1];
		order[k - 1] = kept;
	}
}

static void take_subset(unsigned long long set_of)
{
	int order[PENDING], back[PENDING], n = 0;
	for (int i = 0; i < pending_n; i++)
		if (set_of >> i & 1)
			order[n++] = pending[i];
	for (int i = 0; i < n; i++)
		back[i] = order[n - 1 - i];
	if (n <= 4) {
		permute(order, n, n);
		return;
	}
	make_in_order(order, n);
	make_in_order(back, n);
}

static void take_subsets(void)
{
	unsigned long long all = pending_n ? ~0ull >> (64 - pending_n) : 0;
	for (unsigned long long s = 0; pending_n <= 10 && s <= all; s++)
		take_subset(s);
	for (int i = 0; i < pending_n && pending_n > 10; i++) {
		take_subset(all >> i);
		for (int k = 0; k <= i; k++) {
			take_subset(1ull << i | 1ull << k);
			take_subset(all & ~(1ull << i | 1ull << k));
		}
	}
}

static void take_cut(int cut)
{
	cut_at = cut;
	pending_n = torn_n = 0;
	settled = before;
	for (int i = 0; i < cut; i++) {
		if (is_name_op(&ops[i]) && is_settled(i, cut))
			make(&settled, &ops[i]);
		else if (is_name_op(&ops[i]) && pending_n < PENDING)
			pending[pending_n++] = i;
	}
	for (int i = 0; i < nodes_n; i++) {
		data old = content(i, cut, true), new = content(i, cut, false);
		bool same = old.n == new.n && memcmp(old.bytes, new.bytes, new.n) == 0;
		contents[i] = new;
		if (!same && torn_n < PENDING) {
			for (int v = 0; v < VARIANTS; v++)
				variant[torn_n][v] = vary(&old, &new, (enum variant)v);
			torn[torn_n++] = i;
			free(new.bytes);
		}
		free(old.bytes);
	}
	take_subsets();
	for (int i = 0; i < torn_n; i++) {
		for (int v = 0; v < VARIANTS; v++)
			free(variant[i][v].bytes);
		contents[torn[i]] = (data){ NULL, 0 };
	}
	for (int i = 0; i < nodes_n; i++)
		free(contents[i].bytes);
}

static void take_all(void)
{
	contents = calloc((size_t)nodes_n, sizeof *contents);
	for (int cut = 0; cut <= ops_n && failures < 3; cut++)
		take_cut(cut);
}

/* ==== Mutants ====
 * A program that leaves out a sync, makes a rename too early or replaces two files in the other
 * order leaves the same record but for that. */

/* What the inode is called at the end, without what is random in it. */
static const char *name_of(int of)
{
	static char text[2][256];
	static int turn;
	static tree end;
	char *to = text[turn++ % 2];
	end = before;
	for (int i = 0; i < ops_n; i++)
		make(&end, &ops[i]);
	snprintf(to, sizeof *text, "the root");
	for (int i = 0; i < end.n; i++) {
		const char *name = end.at[i].name, *tail = strrchr(name, '.');
		if (end.at[i].node != of)
			continue;
		bool id = strlen(name) > 36 && name[8] == '-';
		if (nodes[of].dir)
			snprintf(to, sizeof *text, "directory %.200s", name);
		else
			snprintf(to, sizeof *text, "%.200s", id ? tail : name);
	}
	return to;
}

static bool is_betrayed(void)
{
	states = failures = known_n = 0;
	take_all();
	return failures > 0;
}

static int betrayed, unseen;

static void judge(const char *what, const char *of, const char *with)
{
	bool seen = is_betrayed();
	printf("  %s %s%s%s: %s\n", what, of, *with ? " and " : "", with, seen ? reason : "no difference");
	betrayed += seen;
	unseen += !seen;
}

/* Moves n calls to another place. */
static void shift(op *all, int from, int n, int to)
{
	op kept[PENDING];
	memcpy(kept, all + from, (size_t)n * sizeof *all);
	if (to < from)
		memmove(all + to + n, all + to, (size_t)(from - to) * sizeof *all);
	else
		memmove(all + from, all + from + n, (size_t)(to - from) * sizeof *all);
	memcpy(all + to, kept, (size_t)n * sizeof *all);
}

/* The calls of one replace_file: from the making of the temp file to the sync of its directory. */
static int replacement(int from)
{
	int rename = 0;
	if (ops[from].kind != CREATE || strncmp(ops[from].name, ".tmp-", 5) != 0)
		return 0;
	for (int i = from; i < ops_n && i - from < PENDING; i++) {
		if (ops[i].kind == RENAME && ops[i].node == ops[from].node)
			rename = i;
		if (rename && ops[i].kind == SYNC && ops[i].node == ops[from].dir)
			return i + 1 - from;
	}
	return 0;
}

static void try_mutants(void)
{
	int n = ops_n, last = -1, replacement_n = 0;
	op *all = ops, *own = malloc((size_t)n * sizeof *own);
	if (!own)
		die("memory");
	quiet = true;
	for (int i = 0; i < n; i++) {
		int length, created = i;
		ops = all;
		ops_n = n;
		length = replacement(i);
		while (created >= 0 && !(ops[created].kind == CREATE && ops[created].node == ops[i].node))
			created--;
		memcpy(own, all, (size_t)n * sizeof *own);
		ops = own;
		if (all[i].kind == SYNC) {
			const char *name = name_of(all[i].node);
			shift(own, i, 1, n - 1);
			ops_n = n - 1;
			judge("without the sync of", name, "");
		} else if (all[i].kind == RENAME && created >= 0) {
			shift(own, i, 1, created + 1);
			judge("with a rename before the writing of", name_of(all[i].node), "");
		}
		if (length && last >= 0) {
			memcpy(own, all, (size_t)n * sizeof *own);
			shift(own, last, replacement_n, i + length - replacement_n);
			judge("exchanging", name_of(all[last].node), name_of(all[i].node));
		}
		if (length) {
			last = i;
			replacement_n = length;
		}
	}
	printf("%d found, %d without a difference\n", betrayed, unseen);
}

/* ==== Main ==== */

static void options(char **argv)
{
	const struct {
		const char *name;
		const char **text;
		char **list;
		int *n;
	} known[] = {
		{ "-from", &plan.from, NULL, NULL }, { "-run", &plan.run, NULL, NULL }, { "-input", &plan.input, NULL, NULL },
		{ "-program", &plan.program, NULL, NULL }, { "-answered", &plan.answered, NULL, NULL },
		{ "-done", &plan.done, NULL, NULL }, { "-again", &plan.again, NULL, NULL },
		{ "-mutants", &plan.mutants, NULL, NULL }, { "-tty", &plan.tty, NULL, NULL }, { "-before", &plan.before, NULL, NULL },
		{ "-body", NULL, plan.body, &plan.bodies }, { "-stage", NULL, plan.stage, &plan.stages },
		{ "-agent", NULL, plan.agent, &plan.agents },
	};
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		const char *name = *argv;
		size_t k = 0;
		if (strcmp(name, "-once") == 0) { plan.once = true; continue; }
		if (strcmp(name, "-damaged") == 0) { plan.damaged = true; continue; }
		if (!*++argv)
			break;
		if (strcmp(name, "-sample") == 0) { plan.sample = atoi(*argv); continue; }
		if (strcmp(name, "-exit") == 0) { plan.exit = atoi(*argv); continue; }
		while (k < sizeof known / sizeof *known && strcmp(known[k].name, name) != 0)
			k++;
		if (k == sizeof known / sizeof *known)
			die(name);
		if (known[k].text)
			*known[k].text = *argv;
		else if (*known[k].n < MOST)
			known[k].list[(*known[k].n)++] = *argv;
	}
	plan.command = *argv ? argv + 1 : argv;
	if (!plan.from || !plan.run || !plan.program || !plan.tty || !plan.stages || plan.sample < 1 || !*plan.command)
		die("an option is missing");
}

static void record(const char *path)
{
	pid_t child;
	drop_tree(plan.run);
	copy_tree(plan.from, plan.run);
	take_in(plan.run, true);
	unlink(path);
	child = start(plan.input, out_path, err_path);
	if (child == 0) {
		setenv("INTERAGENT_RECORD", path, 1);
		alarm(60);
		execv(plan.command[0], plan.command);
		_exit(127);
	}
	if (finish(child) != plan.exit)
		wrong("the command failed: %s%s", said, complaint);
	read_record(path);
}

static void name_files(char *log)
{
	join(store_path, plan.run, "store");
	join(before_path, plan.before ? plan.before : plan.from, "store");
	if (snprintf(out_path, TREE_PATH, "%s.out", plan.run) >= TREE_PATH || snprintf(err_path, TREE_PATH, "%s.err", plan.run) >= TREE_PATH ||
	    snprintf(log, TREE_PATH, "%s.log", plan.run) >= TREE_PATH)
		die("a path is too long");
	setenv("INTERAGENT_DIR", store_path, 1);
}

int main(int argc, char **argv)
{
	static char log[TREE_PATH];
	(void)argc;
	options(argv + 1);
	name_files(log);
	record(log);
	if (plan.mutants) {
		try_mutants();
		return unseen != atoi(plan.mutants);
	}
	take_all();
	if (!has_answered(ops_n))
		wrong("it never answered");
	if (failures)
		return 1;
	return printf("%d states, %d calls\n", states, ops_n) < 0;
}
