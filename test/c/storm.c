/* storm: many servers on one store, killed at random, and then a count.
 *
 *   storm PROGRAM AGENTS SENDS [SEED]
 *
 * Starts a server for each agent on the store $INTERAGENT_DIR and talks to all
 * of them at once, as their clients would: one request at a time to each, the
 * next when the answer is there. Each agent sends until SENDS of its messages
 * were acknowledged to it, and registers, sets its status, lists, reads,
 * replies and completes in between. Now and then a server is killed, at any
 * point of a request or right after one, and started again.
 *
 * What it knows comes only from the answers. Then it looks at the files, and at
 * what was answered on the way:
 *  - what was acknowledged is there once, byte for byte, under the id told;
 *  - what is there besides was in flight when its server was killed;
 *  - what was read is acknowledged, once the same server has answered again;
 *  - registry.json and status.json have each agent's last acknowledged word,
 *    or one that was in flight after it;
 *  - an inbox never shows fewer messages than were acknowledged when it was
 *    asked for, nor more than were begun when it answered.
 * How fast anything goes decides nothing. */
#include "client.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { KILL_ONE_IN = 6, COMPLAINTS_MOST = 20, CHUNK = 65536, PAGE = 8192 };

enum fate { BEGUN, IN_FLIGHT, ACKNOWLEDGED };  /* IN_FLIGHT: its server was killed before it answered */
enum deed { UNTRIED, TRIED, SURE };

/* One message to one recipient. Its subject is the number of the first letter
 * of the same send, and makes its body. */
typedef struct {
	int from, to, subject, answers;        /* answers: the letter that it replies to, or -1 */
	enum fate fate;
	enum deed read, completed;
	long stored_at, read_at, completed_at; /* when that was known, in events */
	char id[9];                            /* as the server said */
	int found;
} letter;

/* A status or a description: a word of an agent, told by its number. */
typedef struct {
	int agent;
	enum fate fate;
} word;

typedef struct {
	word *at;
	int n, room;
} words;

enum asking { NOTHING, HELLO, REGISTER, SEND, REPLY, STATUS, INBOX, READ, AGENTS };

typedef struct {
	child child;
	buf todo;                              /* the request, */
	ptrdiff_t written;                     /* and how much of it is in the pipe */
	buf heard;                             /* what has come of an answer */
	enum asking asking;
	int first, count;                      /* the letters, or the word, that it is about */
	long asked;                            /* when, in events */
	long long started, kill_at;            /* microseconds; kill_at 0: it may live */
	bool greeted, registered;              /* this process */
	bool known;                            /* the agent, to the store */
	int sent;                              /* acknowledged sends of the agent */
	int reading;                           /* the letter read last, or -1 */
} server;

static struct {
	const char *program, *store;
	int agents, sends;
	unsigned long long seed, random;
	server *servers;
	letter *letters;
	int letters_n, letters_room;
	words statuses, descriptions;
	long event;
	int kills, in_flight, survived, complaints, answers, reads;
	long long usual;                       /* microseconds that an answer takes, about */
	arena mem;                             /* for the whole run */
	arena line;                            /* for one request or answer */
} all;

/* ==== Small things ==== */

static void complain(const char *format, ...)
{
	va_list args;
	if (++all.complaints > COMPLAINTS_MOST)
		return;
	va_start(args, format);
	fputs("storm: ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

static int below(int n)
{
	return (int)(next_random(&all.random) % (unsigned)n);
}

/* The same number gives the same text: mostly short, sometimes longer than a
 * pipe holds. */
static str body_of(int number)
{
	static const char *const parts[] = { "a line of text\n", "\"quoted\" ", "back\\slash ", "\ttab ",
					     "\xc3\xa4\xe2\x80\xa6 ", "{\"json\": [1, 2]} ", "--- end ---\n",
					     "0123456789 ", "\n\n", "\xf0\x9f\x92\xa1" };
	unsigned long long state = all.seed * 1000003ULL + (unsigned long long)number * 7919ULL + 1;
	buf b = { .mem = &all.line };
	unsigned kind, size;
	for (int i = 0; i < 8; i++)
		next_random(&state);
	kind = next_random(&state) % 40;
	size = next_random(&state) % 200000;
	size = kind == 0 ? size + 100000 : kind < 8 ? 0 : size % 4000;
	buf_say(&b, "letter %d of %l\n", number, (int64_t)all.seed);
	while (b.n < (ptrdiff_t)size)
		buf_add(&b, str_of(parts[next_random(&state) % 10]));
	return buf_str(&b);
}

static int new_letter(int from, int to, int subject, int answers)
{
	all.letters = arena_more(&all.mem, all.letters, all.letters_n, &all.letters_room, sizeof(letter));
	all.letters[all.letters_n] = (letter){ .from = from, .to = to, .subject = subject, .answers = answers };
	return all.letters_n++;
}

static int new_word(words *list, int agent)
{
	list->at = arena_more(&all.mem, list->at, list->n, &list->room, sizeof(word));
	list->at[list->n] = (word){ .agent = agent };
	return list->n++;
}

static letter *letter_of(int64_t subject, int to)
{
	for (int64_t i = subject; i >= 0 && i < all.letters_n && all.letters[i].subject == subject; i++)
		if (all.letters[i].to == to)
			return &all.letters[i];
	return NULL;
}

/* ==== Servers ==== */

static void start(server *s)
{
	s->child = start_server(all.program);
	fcntl(s->child.in, F_SETFL, O_NONBLOCK);
	fcntl(s->child.out, F_SETFL, O_NONBLOCK);
	s->todo.n = s->heard.n = s->written = 0;
	s->greeted = s->registered = false;
	s->asking = NOTHING;
	s->kill_at = 0;
	s->reading = -1;
}

static void ask(server *s, enum asking what, const buf *line)
{
	s->asking = what;
	s->asked = ++all.event;
	s->todo.n = s->written = 0;
	buf_add(&s->todo, buf_str(line));
	s->started = now_us();
	if (below(KILL_ONE_IN) == 0)
		s->kill_at = s->started + 1 + below((int)(all.usual * 2) + 1);
}

/* ==== Requests ==== */

static void ask_hello(server *s)
{
	buf b = { .mem = &all.line };
	buf_say(&b, "%s", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
			  "\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"storm\",\"version\":\"1\"}}}\n");
	ask(s, HELLO, &b);
}

static void ask_register(server *s, int agent)
{
	buf b = { .mem = &all.line }, path = { .mem = &all.line };
	json_writer w = begin_call(&b, "register_agent");
	s->first = new_word(&all.descriptions, agent);
	buf_say(&path, "%s.work/a%d", all.store, agent);
	put(&w, "name", "a", agent);
	json_say(&w, "workspace_path:%S", buf_str(&path));
	put(&w, "description", "description ", s->first);
	end_call(&w);
	ask(s, REGISTER, &b);
}

static void ask_status(server *s, int agent)
{
	buf b = { .mem = &all.line };
	json_writer w = begin_call(&b, "set_status");
	s->first = new_word(&all.statuses, agent);
	put(&w, "agent_name", "a", agent);
	put(&w, "status", "status ", s->first);
	end_call(&w);
	ask(s, STATUS, &b);
}

static int known_agent(void)
{
	int agent = below(all.agents);
	while (!all.servers[agent].known)
		agent = below(all.agents);
	return agent;
}

static void ask_send(server *s, int agent)
{
	buf b = { .mem = &all.line }, to = { .mem = &all.line };
	json_writer w = begin_call(&b, "send_message");
	int one = known_agent(), two = below(6) == 0 ? known_agent() : one;
	s->first = new_letter(agent, one, all.letters_n, -1);
	s->count = 1;
	buf_say(&to, "a%d", one);
	if (two != one) {
		new_letter(agent, two, s->first, -1);
		s->count = 2;
		buf_say(&to, ",a%d", two);
	}
	put(&w, "from", "a", agent);
	json_say(&w, "to:%S", buf_str(&to));
	put(&w, "subject", "storm ", s->first);
	json_say(&w, "content:%S", body_of(s->first));
	end_call(&w);
	ask(s, SEND, &b);
}

static void ask_reply(server *s, int agent, int original)
{
	buf b = { .mem = &all.line };
	json_writer w = begin_call(&b, "reply_message");
	letter *l;
	s->first = new_letter(agent, all.letters[original].from, all.letters_n, original);
	s->count = 1;
	l = &all.letters[original];
	if (l->read == UNTRIED)
		l->read = TRIED;
	json_say(&w, "original_message_id:%s", l->id);
	put(&w, "from", "a", agent);
	put(&w, "subject", "storm ", s->first);
	json_say(&w, "content:%S", body_of(s->first));
	if (below(2)) {
		json_say(&w, "mark_complete:true");
		if (l->completed == UNTRIED)
			l->completed = TRIED;
	}
	end_call(&w);
	ask(s, REPLY, &b);
}

static void ask_read(server *s, int agent, int i)
{
	buf b = { .mem = &all.line };
	json_writer w = begin_call(&b, "read_message");
	s->first = i;
	if (all.letters[i].read == UNTRIED)
		all.letters[i].read = TRIED;
	json_say(&w, "message_id:%s", all.letters[i].id);
	put(&w, "reader", "a", agent);
	end_call(&w);
	ask(s, READ, &b);
}

static void ask_inbox(server *s, int agent)
{
	buf b = { .mem = &all.line };
	json_writer w = begin_call(&b, "check_inbox");
	put(&w, "agent_name", "a", agent);
	end_call(&w);
	ask(s, INBOX, &b);
}

static void ask_agents(server *s)
{
	buf b = { .mem = &all.line };
	json_writer w = begin_call(&b, "list_agents");
	s->count = 0;
	for (int i = 0; i < all.agents; i++)
		s->count += all.servers[i].known;
	end_call(&w);
	ask(s, AGENTS, &b);
}

/* A letter to the agent that is known to be stored, or -1. */
static int letter_to(int agent)
{
	for (int tries = 0; tries < 100 && all.letters_n; tries++) {
		int i = below(all.letters_n);
		if (all.letters[i].to == agent && all.letters[i].fate == ACKNOWLEDGED)
			return i;
	}
	return -1;
}

static void ask_something(server *s, int agent)
{
	int dice = below(100), i = letter_to(agent);
	if (!s->greeted)
		ask_hello(s);
	else if (!s->registered || dice < 3)
		ask_register(s, agent);
	else if (dice < 13)
		ask_status(s, agent);
	else if (dice < 20)
		ask_inbox(s, agent);
	else if (dice < 22)
		ask_agents(s);
	else if (dice < 36 && i >= 0)
		ask_read(s, agent, i);
	else if (dice < 42 && i >= 0)
		ask_reply(s, agent, i);
	else
		ask_send(s, agent);
	arena_reset(&all.line);
}

/* ==== Answers ==== */

/* A line that starts with "1a2b3c4d stored", for each recipient in turn. */
static void heard_stored(server *s, int agent, str text)
{
	int told = 0;
	while (text.n) {
		str line = str_cut(&text, '\n'), id = str_cut(&line, ' ');
		if (id.n != 8 || !str_starts(line, S("stored")))
			continue;
		if (told < s->count) {
			letter *l = &all.letters[s->first + told];
			memcpy(l->id, id.s, 8);
			l->fate = ACKNOWLEDGED;
			l->stored_at = all.event;
		}
		told++;
	}
	if (told != s->count)
		complain("a%d was told of %d stored letters, not %d, after letter %d", agent, told, s->count, s->first);
	s->sent += s->asking == SEND;
}

/* Was it said that the original is completed, too? */
static void heard_reply(server *s, int agent, str text)
{
	letter *l = &all.letters[all.letters[s->first].answers];
	bool done = false;
	heard_stored(s, agent, text);
	if (l->read != SURE) {           /* an answer is a receipt */
		l->read = SURE;
		l->read_at = all.event;
	}
	while (text.n)
		done = str_ends(str_cut(&text, '\n'), S(" is completed.")) || done;
	if (!done || l->completed == SURE)
		return;
	l->completed = SURE;
	l->completed_at = all.event;
}

/* "N unread, M urgent; read_message shows one:", the messages, perhaps "...and N
 * more", and what the agent itself sent last. */
static bool read_inbox(str text, int64_t *unread, int64_t *listed)
{
	str head = str_cut(&text, '\n');
	*unread = *listed = 0;
	if (!str_starts(head, S("No mail.")) && !str_starts(head, S("No unread mail.")) &&
	    (!str_int(str_cut(&head, ' '), unread) || !str_starts(head, S("unread"))))
		return false;
	while (text.n && !str_starts(text, S("sent ")) && !str_starts(text, S("\n"))) {
		str line = str_cut(&text, '\n');
		int64_t more = 1;
		if (str_ends(line, S("see interagent doctor")))
			return false;
		if (str_starts(line, S("...and "))) {
			line = str_from(line, 7);
			if (!str_int(str_cut(&line, ' '), &more))
				return false;
		}
		*listed += more;
	}
	return true;
}

/* Unread is what its recipient has neither read nor answered. Of what was read a
 * request stays in the list until it is completed, and an answer does not. */
static void heard_inbox(server *s, int agent, str text)
{
	int64_t unread, shown;
	int least = 0, most = 0, least_unread = 0, most_unread = 0;
	if (!read_inbox(text, &unread, &shown))
		complain("a%d has an inbox that says: %.*s", agent, (int)text.n, text.s);
	for (int i = 0; i < all.letters_n; i++) {
		const letter *l = &all.letters[i];
		bool stored = l->fate == ACKNOWLEDGED && l->stored_at < s->asked;
		bool done = l->completed == SURE && l->completed_at < s->asked;
		bool read = l->read == SURE && l->read_at < s->asked;
		if (l->to != agent)
			continue;
		least += stored && l->completed == UNTRIED && (l->answers < 0 || l->read == UNTRIED);
		least_unread += stored && l->completed == UNTRIED && l->read == UNTRIED;
		most += !done && !(l->answers >= 0 && read);
		most_unread += !done && !read;
	}
	if (shown < least || shown > most || unread < least_unread || unread > most_unread)
		complain("a%d sees %d messages of %d to %d, and %d unread of %d to %d", agent, (int)shown, least, most,
			 (int)unread, least_unread, most_unread);
}

static void heard_text(server *s, int agent, str text)
{
	str body = body_of(all.letters[s->first].subject);
	if (body.n > PAGE)               /* a page ends at a line in its second half */
		body = text_head_bytes(body, PAGE / 2);
	while (text.n && !str_starts(text, S("--- ")))
		str_cut(&text, '\n');
	str_cut(&text, '\n');
	if (!str_starts(text, body))
		complain("a%d read another text than was sent as letter %d", agent, s->first);
	s->reading = s->first;
	all.reads++;
}

static void heard_agents(const server *s, int agent, str text)
{
	int n = 0;
	while (text.n)
		n += str_starts(str_cut(&text, '\n'), S("a"));
	if (n < s->count)
		complain("a%d sees %d agents of %d", agent, n, s->count);
}

/* A receipt is written before the next request is served, or at the end. */
static void settle_reading(server *s)
{
	if (s->reading >= 0 && all.letters[s->reading].read != SURE) {
		all.letters[s->reading].read = SURE;
		all.letters[s->reading].read_at = all.event;
	}
	s->reading = -1;
}

static void heard(server *s, int agent, str line)
{
	json_error error;
	json *answer = json_read(&all.line, line, JSON_STRICT, &error), *result = json_get(answer, S("result"));
	json *content = json_get(result, S("content"));
	str text = json_get_text(&all.line, content ? content->child : NULL, S("text"));
	all.event++;
	all.answers++;
	all.usual += (now_us() - s->started - all.usual) / 16;
	settle_reading(s);
	if (error.what || !result || json_get(result, S("isError")))
		complain("a%d got no good answer: %.*s", agent, (int)(line.n < 400 ? line.n : 400), line.s);
	else switch (s->asking) {
	case HELLO: s->greeted = true; break;
	case REGISTER:
		all.descriptions.at[s->first].fate = ACKNOWLEDGED;
		s->registered = s->known = true;
		break;
	case STATUS: all.statuses.at[s->first].fate = ACKNOWLEDGED; break;
	case SEND: heard_stored(s, agent, text); break;
	case REPLY: heard_reply(s, agent, text); break;
	case INBOX: heard_inbox(s, agent, text); break;
	case READ: heard_text(s, agent, text); break;
	case AGENTS: heard_agents(s, agent, text); break;
	case NOTHING: complain("a%d got an answer to nothing", agent);
	}
	s->asking = NOTHING;
	arena_reset(&all.line);
}

/* Takes what the server has written; false at its end. */
static bool listen_to(server *s, int agent)
{
	static char chunk[CHUNK];
	ssize_t n = read(s->child.out, chunk, sizeof chunk);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	buf_add(&s->heard, (str){ chunk, n });
	while (memchr(s->heard.s, '\n', (size_t)s->heard.n)) {
		str rest = buf_str(&s->heard), line = str_cut(&rest, '\n');
		heard(s, agent, line);
		memmove(s->heard.s, rest.s, (size_t)rest.n);
		s->heard.n = rest.n;
	}
	return true;
}

static void talk_to(server *s)
{
	ssize_t n = 1;
	while (s->written < s->todo.n && n > 0) {
		n = write(s->child.in, s->todo.s + s->written, (size_t)(s->todo.n - s->written));
		s->written += n > 0 ? n : 0;
	}
}

/* ==== Killing ==== */

static void mark_in_flight(server *s)
{
	bool letters = s->asking == SEND || s->asking == REPLY;
	for (int i = 0; letters && i < s->count; i++)
		all.letters[s->first + i].fate = IN_FLIGHT;
	all.in_flight += letters;
	if (s->asking == STATUS)
		all.statuses.at[s->first].fate = IN_FLIGHT;
	if (s->asking == REGISTER)
		all.descriptions.at[s->first].fate = IN_FLIGHT;
}

/* An answer that is in the pipe was given, even if it is read only now. */
static void kill_server(server *s, int agent)
{
	int status;
	kill(s->child.pid, SIGKILL);
	waitpid(s->child.pid, &status, 0);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		complain("a%d's server had left by itself, with status %d", agent, status);
	while (listen_to(s, agent))
		continue;
	close(s->child.in);
	close(s->child.out);
	mark_in_flight(s);
	all.kills++;
	start(s);
}

static bool is_over(void)
{
	for (int i = 0; i < all.agents; i++)
		if (all.servers[i].sent < all.sends || all.servers[i].asking != NOTHING)
			return false;
	return true;
}

static void wait_until(struct pollfd *on, long long when)
{
	long long left = when - now_us();
	if (poll(on, (nfds_t)(2 * all.agents), left > 0 ? (int)(left / 1000) : 0) < 0 && errno != EINTR)
		die("poll");
}

/* One look at all servers: kills who is due, asks who is idle, hears who has
 * answered. One that is to be killed and has answered waits for that, in half
 * of the cases. */
static void look_around(struct pollfd *on)
{
	long long nearest = now_us() + 1000000;
	for (int i = 0; i < all.agents; i++) {
		server *s = &all.servers[i];
		if (s->kill_at && s->kill_at <= now_us())
			kill_server(s, i);
		if (s->asking == NOTHING && s->kill_at && below(2))
			s->kill_at = 0;
		if (s->asking == NOTHING && !s->kill_at && s->sent < all.sends)
			ask_something(s, i);
		talk_to(s);
		if (s->kill_at && s->kill_at < nearest)
			nearest = s->kill_at;
		on[2 * i] = (struct pollfd){ .fd = s->child.out, .events = POLLIN };
		on[2 * i + 1] = (struct pollfd){ .fd = s->written < s->todo.n ? s->child.in : -1, .events = POLLOUT };
	}
	wait_until(on, nearest);
	for (int i = 0; i < all.agents; i++) {
		if (!on[2 * i].revents || listen_to(&all.servers[i], i))
			continue;
		complain("a%d's server left by itself", i);
		exit(1);
	}
}

/* A server whose input ends finishes its work and leaves. */
static void end_servers(void)
{
	for (int i = 0; i < all.agents; i++) {
		server *s = &all.servers[i];
		int status;
		close(s->child.in);
		waitpid(s->child.pid, &status, 0);
		if (status != 0)
			complain("a%d's server ended with status %d", i, status);
		settle_reading(s);
		close(s->child.out);
	}
}

/* ==== The count ==== */

static str read_file(const char *dir, str name, const char *tail, bool *there)
{
	buf path = { .mem = &all.line };
	buf_say(&path, "%s/%s%S%s", all.store, dir, name, tail);
	return read_whole(&all.line, buf_str(&path), there);
}

static int agent_of(str name)
{
	int64_t n;
	return str_starts(name, S("a")) && str_int(str_from(name, 1), &n) && n < all.agents ? (int)n : -1;
}

/* The number after a word that it must start with, or -1. */
static int number_after(str text, const char *head)
{
	int64_t n;
	return str_starts(text, str_of(head)) && str_int(str_from(text, (ptrdiff_t)strlen(head)), &n) ? (int)n : -1;
}

static void check_state(const letter *l, int i, const json *doc)
{
	str state = json_get_text(&all.line, doc, S("status"));
	bool pending = str_eq(state, S("pending")), read = str_eq(state, S("acknowledged"));
	bool done = str_eq(state, S("completed"));
	if (!pending && !read && !done)
		complain("letter %d is %.*s", i, (int)state.n, state.s);
	if (done ? l->completed == UNTRIED : l->completed == SURE)
		complain("letter %d is %.*s, but was%s completed", i, (int)state.n, state.s, done ? " not" : "");
	if ((l->read == SURE && pending) || (l->read == UNTRIED && read))
		complain("letter %d is %.*s, but was%s read", i, (int)state.n, state.s, read ? " not" : "");
	if (read && agent_of(json_get_text(&all.line, doc, S("readBy"))) != l->to)
		complain("letter %d was read by somebody else", i);
}

static void check_letter(letter *l, str id, const json *doc)
{
	int i = (int)(l - all.letters);
	str replied = json_get_text(&all.line, doc, S("replyTo")), body;
	bool there;
	if (l->found++)
		complain("letter %d is there more than once", i);
	if (l->fate == BEGUN)
		complain("letter %d was never asked for", i);
	if (l->fate == ACKNOWLEDGED && !str_starts(id, str_of(l->id)))
		complain("letter %d is there as %.*s, and was told as %s", i, (int)id.n, id.s, l->id);
	if (!str_eq(json_get_text(&all.line, doc, S("id")), id))
		complain("letter %d does not know its id", i);
	if (agent_of(json_get_text(&all.line, doc, S("from"))) != l->from)
		complain("letter %d is from somebody else", i);
	if (l->answers < 0 ? replied.n > 0 : !str_starts(replied, str_of(all.letters[l->answers].id)))
		complain("letter %d replies to %.*s", i, (int)replied.n, replied.s);
	body = read_file("messages/", id, ".md", &there);
	if (!there || !str_eq(body, body_of(l->subject)))
		complain("the text of letter %d is %s", i, there ? "another" : "missing");
	check_state(l, i, doc);
	all.survived += l->fate == IN_FLIGHT;
}

static void check_meta(str file)
{
	json_error error;
	bool there;
	str id = { file.s, file.n - 5 };
	json *doc = json_read(&all.line, read_file("messages-meta/", file, "", &there), JSON_STRICT, &error);
	letter *l;
	if (error.what) {
		complain("%.*s is torn: %s", (int)file.n, file.s, error.what);
		return;
	}
	l = letter_of(number_after(json_get_text(&all.line, doc, S("subject")), "storm "),
		      agent_of(json_get_text(&all.line, doc, S("to"))));
	if (l)
		check_letter(l, id, doc);
	else
		complain("%.*s was sent by nobody", (int)file.n, file.s);
}

/* A text without its meta was being sent when its server was killed, and is
 * whole. */
static int check_body(str file)
{
	bool there;
	str id = { file.s, file.n - 3 }, body, head;
	int number;
	read_file("messages-meta/", id, ".json", &there);
	if (there)
		return 0;
	body = head = read_file("messages/", file, "", &there);
	head = str_cut(&head, '\n');
	while (head.n && head.s[head.n - 1] != ' ')
		head.n--;
	head.n -= str_ends(head, S(" of ")) ? 4 : 0;
	number = number_after(head, "letter ");
	if (number < 0 || number >= all.letters_n || !str_eq(body, body_of(number)))
		complain("%.*s is a torn text", (int)file.n, file.s);
	else if (all.letters[number].fate == ACKNOWLEDGED && all.letters[number].found == 0)
		complain("letter %d was acknowledged and is only a text", number);
	return 1;
}

static void check_dir(const char *dir, const char *tail, int *temps, int *orphans)
{
	buf path = { .mem = &all.line };
	struct dirent *entry;
	DIR *d;
	buf_say(&path, "%s/%s", all.store, dir);
	d = opendir(arena_z(&all.line, buf_str(&path)));
	while (d && (entry = readdir(d))) {
		str name = str_of(entry->d_name);
		if (str_starts(name, S(".tmp-")))
			++*temps;
		else if (str_ends(name, str_of(tail)) && *dir == 'm')
			*orphans += strcmp(tail, ".md") == 0 ? check_body(name) : (check_meta(name), 0);
		else if (name.s[0] != '.' && *dir == 'm')
			complain("%s in %s belongs to nobody", entry->d_name, dir);
		arena_reset(&all.line);
	}
	if (d)
		closedir(d);
}

/* Each agent's word is the last one that was acknowledged, or one that was in
 * flight after it. */
static void check_words(const char *file, const char *key, const char *head, const words *list)
{
	json_error error;
	bool there;
	json *table = json_read(&all.line, read_file("", str_of(file), "", &there), JSON_STRICT, &error);
	if (error.what || !table) {
		complain("%s is torn: %s", file, error.what);
		return;
	}
	for (int agent = 0; agent < all.agents; agent++) {
		buf name = { .mem = &all.line };
		int number, last = -1;
		buf_say(&name, "a%d", agent);
		number = number_after(json_get_text(&all.line, json_get(table, buf_str(&name)), str_of(key)), head);
		for (int i = 0; i < list->n; i++)
			if (list->at[i].agent == agent && list->at[i].fate == ACKNOWLEDGED)
				last = i;
		if (number != last && (number < last || number >= list->n || list->at[number].agent != agent))
			complain("%s has %s%d for a%d, and acknowledged %d", file, head, number, agent, last);
	}
	arena_reset(&all.line);
}

static void count(void)
{
	int temps = 0, orphans = 0;
	check_dir("messages-meta", ".json", &temps, &orphans);
	check_dir("messages", ".md", &temps, &orphans);
	check_dir("", "", &temps, &orphans);
	check_words("registry.json", "description", "description ", &all.descriptions);
	check_words("status.json", "status", "status ", &all.statuses);
	for (int i = 0; i < all.letters_n; i++)
		if (all.letters[i].fate == ACKNOWLEDGED && !all.letters[i].found)
			complain("letter %d (%s) was acknowledged and is lost", i, all.letters[i].id);
	if (temps > all.kills || orphans > all.in_flight)
		complain("%d temporary files and %d texts alone are left of %d kills, %d of them in a send", temps, orphans,
			 all.kills, all.in_flight);
}

/* ==== Main ==== */

static void make_workspaces(void)
{
	for (int i = -1; i < all.agents; i++) {
		buf path = { .mem = &all.line };
		buf_say(&path, i < 0 ? "%s.work" : "%s.work/a%d", all.store, i);
		if (mkdir(arena_z(&all.line, buf_str(&path)), 0700) < 0 && errno != EEXIST)
			die("make a workspace");
	}
	arena_reset(&all.line);
}

int main(int argc, char **argv)
{
	long long begun = now_us();
	struct pollfd *on;
	int sent = 0;
	all.store = getenv("INTERAGENT_DIR");
	if (argc < 4 || argc > 5 || !all.store) {
		fputs("usage: storm PROGRAM AGENTS SENDS [SEED], with INTERAGENT_DIR set\n", stderr);
		return 2;
	}
	all.program = argv[1];
	all.agents = atoi(argv[2]);
	all.sends = atoi(argv[3]);
	all.seed = seed_from(argv[4]);
	all.random = all.seed * 2654435761ULL + 88172645463325252ULL;
	all.usual = 1000;
	printf("storm: %d agents, %d sends each, seed %llu\n", all.agents, all.sends, all.seed);
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
	make_workspaces();
	on = NEW(&all.mem, struct pollfd, 2 * all.agents);
	all.servers = NEW(&all.mem, server, all.agents);
	for (int i = 0; i < all.agents; i++) {
		all.servers[i].todo.mem = all.servers[i].heard.mem = &all.mem;
		start(&all.servers[i]);
	}
	while (!is_over())
		look_around(on);
	end_servers();
	count();
	for (int i = 0; i < all.letters_n; i++)
		sent += all.letters[i].fate == ACKNOWLEDGED;
	printf("storm: %d messages acknowledged, %d answers, %d reads, %d kills (%d in a send; %d messages of those stored), %.1f s\n",
	       sent, all.answers, all.reads, all.kills, all.in_flight, all.survived, (double)(now_us() - begun) / 1e6);
	return all.complaints ? 1 : 0;
}
