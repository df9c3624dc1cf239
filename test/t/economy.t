# Every word that a tool says is paid for in each session of each agent. These
# are the limits; a change that goes over one must say why it is worth it.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

at_most() {
	if [ "$2" -le "$3" ]; then pass "$1: $2 of at most $3 bytes"; else fail "$1" "$2 bytes, at most $3"; fi
}
bytes() { printf '%s' "$1" | wc -c | tr -d ' '; }

list=$(serve "$(req 1 tools/list)")
at_most "tools/list" "$(bytes "$list")" 5000
for name in offset wait_seconds urgent mark_complete base_version note version since; do
	like "... with the optional parameter $name" "$list" "\"$name\":{\"type\""
done
unlike "... and without an empty description" "$list" '"description":""'

for name in api web; do
	(cd "$T/work" && "$BIN" register_agent --name "$name" --description "the $name") >/dev/null
done
# Each of them calls from the workspace: no answer has more than it needs.
tool() { (cd "$T/work" && text_of "$(serve "$(call 1 "$@")")"); }
is "an empty inbox, to the letter" "$(tool check_inbox '{"agent_name":"api"}')" "No mail."
at_most "an empty inbox" "$(bytes "$(tool check_inbox '{"agent_name":"api"}')")" 40

for i in 1 2 3 4 5; do
	mail web api "A report of usual length about the thing that broke, number $i, in module parser"
done
five=$(tool check_inbox '{"agent_name":"api"}')
is "an inbox of five has six lines" "$(printf '%s\n' "$five" | wc -l | tr -d ' ')" 6
at_most "an inbox of five" "$(bytes "$five")" 600

# A thousand, made by hand: sending them one by one would only take longer.
i=0
while [ "$i" -lt 995 ]; do
	id=$(printf '%08x-0000-4000-8000-000000000000' "$((i + 1000000))")
	urgent=
	[ "$i" -ne 700 ] || urgent=',
  "urgent": true'
	printf '{\n  "id": "%s",\n  "from": "web",\n  "to": "api",\n  "subject": "A report of usual length about the thing that broke, number %s, in module parser",\n  "status": "pending",\n  "createdAt": "2026-01-01T00:00:00.000Z",\n  "updatedAt": "2026-01-01T00:00:00.000Z"%s\n}' \
		"$id" "$i" "$urgent" >"$INTERAGENT_DIR/messages-meta/$id.json"
	i=$((i + 1))
done
thousand=$(tool check_inbox '{"agent_name":"api"}')
at_most "an inbox of a thousand" "$(bytes "$thousand")" 2500
like "... says how many there are" "$thousand" '^1000 unread'
like "... urgent mail first" "$(printf '%s\n' "$thousand" | sed -n 2p)" ' urgent from web'
is "... twenty of them" "$(printf '%s\n' "$thousand" | grep -c ' from web ')" 20
like "... and how to see more" "$thousand" '980 more: offset 20'
like "... which works" "$(tool check_inbox '{"agent_name":"api","offset":980}')" 'number 5, in'
rm -f "$INTERAGENT_DIR"/messages-meta/*-0000-4000-8000-000000000000.json

# Instructions are read by every session; some clients cut them.
said=$(serve "$(req 1 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}')" | at result instructions)
at_most "the instructions" "$(bytes "$said")" 1000
first=$(printf '%s\n' "$said" | head -n 1)
at_most "... the first line, which stands alone" "$(bytes "$first")" 240
like "... names the server" "$first" 'the MCP server `interagent`'
like "... and the tools of others that have the same names" "$first" 'not .*list_agents, send_message, ListAgents or SendMessage\.'
like "... and what to do first, to its last sentence" "$first" 'call register_agent, then check_inbox\.$'

# A large text costs memory a few times its size, and only while it is served.
big=$(awk 'BEGIN { for (i = 0; i < 16384; i++) printf "%063d\\n", i }')
printf '%s\n' \
	"$(call 1 send_message "{\"from\":\"web\",\"to\":\"api\",\"subject\":\"big\",\"urgent\":true,\"content\":\"$big\"}")" >"$T/big"
if [ -r /proc/self/status ]; then
	mkfifo "$T/in" "$T/answers"
	(cd "$T/work" && exec "$BIN" serve) <"$T/in" >"$T/answers" &
	server=$!
	exec 3>"$T/in" 4<"$T/answers"
	req 0 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"claude-code","version":"1"}}' >&3
	read -r line <&4
	cat "$T/big" >&3
	read -r line <&4
	like "a message of 1 MiB is sent" "$line" 'stored'
	id=$(text_of "$line" | sed 's/ .*//;q')
	offset=0
	pages=0
	: >"$T/pages"
	while [ "$pages" -lt 20 ]; do
		call 2 read_message "{\"message_id\":\"$id\",\"reader\":\"api\",\"offset\":$offset}" >&3
		read -r line <&4
		text_of "$line" >"$T/page"
		sed -n '/^--- [0-9a-f]* written/,/^--- [0-9a-f]* end/p' "$T/page" | sed '1d;$d' >>"$T/pages"
		pages=$((pages + 1))
		offset=$(sed -n 's/.*for more: offset \([0-9]*\)$/\1/p' "$T/page")
		[ -n "$offset" ] || break
	done
	is "... read in 16 pages" "$pages" 16
	ok "... that are its text" cmp -s "$T/pages" \
		"$INTERAGENT_DIR/messages/$(basename "$INTERAGENT_DIR"/messages/"$id"*)"
	call 3 reply_message "{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"seen\"}" >&3
	read -r line <&4
	like "... and replied to" "$line" 'stored'
	peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status")
	if grep -q __asan_init "$BIN"; then
		skip "... with a peak of memory" "the address sanitizer needs its own"
	else
		at_most "... with a peak of memory, in KB," "$peak" 16384
	fi
	exec 3>&- 4<&-
	wait "$server"
else
	skip "a message of 1 MiB is served in bounded memory" "no /proc to ask"
fi

# ---- Mail comes to an end ----

# Two agents in places of their own; each says nothing of who it is.
for name in left right; do
	mkdir "$T/$name"
done
INTERAGENT_DIR=$T/ends
start 1 "$T/left"
start 2 "$T/right"
ask 1 register_agent '{"name":"left","description":"x"}' >"$T/out"
ask 2 register_agent '{"name":"right","description":"x"}' >"$T/out"
first_id() { sed -n '1s/ .*//p'; }
both() { ask 1 check_inbox '{}' | bytes_of; ask 2 check_inbox '{}' | bytes_of; }
bytes_of() { wc -c | tr -d ' '; }
empty=$(both)

# An exchange: a question that is read, an answer that completes it, and that is read.
exchanges=0
until [ "$exchanges" -eq 40 ]; do
	exchanges=$((exchanges + 1))
	question=$(ask 1 send_message "{\"to\":\"right\",\"subject\":\"question $exchanges\",\"content\":\"What is $exchanges?\"}" | first_id)
	ask 2 read_message "{\"message_id\":\"$question\"}" >"$T/out"
	answer=$(ask 2 reply_message "{\"original_message_id\":\"$question\",\"content\":\"A number.\",\"mark_complete\":true}" | first_id)
	ask 1 read_message "{\"message_id\":\"$answer\"}" >"$T/out"
	case $exchanges in
	1 | 10 | 40) is "what a check with nothing new costs after $exchanges exchanges" "$(both)" "$empty" ;;
	esac
done
is "after them both inboxes are empty" "$(ask 1 check_inbox '{}') $(ask 2 check_inbox '{}')" "No mail. No mail."
is "... without a message more" "$(find "$INTERAGENT_DIR/messages-meta" -name '*.json' | wc -l | tr -d ' ')" 80

# A question that is only answered, and one that is only ended.
question=$(ask 1 send_message '{"to":"right","subject":"asked","content":"x"}' | first_id)
answer=$(ask 2 reply_message "{\"original_message_id\":\"$question\",\"content\":\"x\"}" | first_id)
is "an answer is a receipt" "$(meta "$question" status) $(meta "$question" readBy)" "acknowledged right"
unlike "... on the board it waits for nobody" "$(verb board)" "$question"
like "... its sender is told that it was read" "$(ask 1 check_inbox '{}')" "^sent $question to right: read "
ask 1 read_message "{\"message_id\":\"$answer\"}" >"$T/out"
unlike "... and an answer that was read is gone" "$(ask 1 check_inbox '{}')" "^$answer "
like "a request that was read stays until it is completed" "$(ask 2 check_inbox '{}')" "^$question read, from left "
is "mark_complete without a text ends it" "$(ask 2 reply_message "{\"original_message_id\":\"$question\",\"mark_complete\":true}")" \
	"$question is completed; nothing was sent."
is "... for both" "$(ask 1 check_inbox '{}') $(ask 2 check_inbox '{}')" "No mail. No mail."
is "... and nothing was sent" "$(find "$INTERAGENT_DIR/messages-meta" -name '*.json' | wc -l | tr -d ' ')" 82

# Of what was read and is to be done a few lines are shown, however many there are.
requests=0
until [ "$requests" -eq 12 ]; do
	requests=$((requests + 1))
	question=$(ask 1 send_message "{\"to\":\"right\",\"subject\":\"to do $requests\",\"content\":\"x\"}" | first_id)
	ask 2 read_message "{\"message_id\":\"$question\"}" >"$T/out"
done
waiting=$(ask 2 check_inbox '{}')
is "of twelve read requests five are listed" "$(printf '%s\n' "$waiting" | grep -c '^[0-9a-f]* read, from left')" 5
like "... with how many more there are" "$waiting" '^\.\.\.and 7 more: offset 5$'
is "... which can be seen" "$(ask 2 check_inbox '{"offset":5}' | grep -c ' read, from left')" 7

# Completing what its recipient has not read does not hide it from them.
unseen=$(ask 1 send_message '{"to":"right","subject":"never mind","content":"x"}' | first_id)
ask 1 reply_message "{\"original_message_id\":\"$unseen\",\"mark_complete\":true}" >"$T/out"
like "what its sender completed unread is still listed" "$(ask 2 check_inbox '{}')" "^$unseen completed from left "
ask 2 read_message "{\"message_id\":\"$unseen\"}" >"$T/out"
unlike "... until it is read" "$(ask 2 check_inbox '{}')" "^$unseen "
wrong=$(ask 1 send_message '{"to":"right","subject":"the wrong one","content":"x"}' | first_id)
like "the person's done says what it completed" "$(verb "done" "$wrong")" '"the wrong one"'
like "... and hides it from nobody" "$(ask 2 check_inbox '{}')" "^$wrong completed from left "

# An escalation of the original: the mark alone, without a copy for the person.
stuck=$(ask 1 send_message '{"to":"right","subject":"whose is it?","content":"x"}' | first_id)
file=$(find "$INTERAGENT_DIR/messages-meta" -name "$stuck*")
sed -e 's/"status": "pending"/"status": "escalated"/' -e 's/^}$/,"escalationReason": "undecided"}/' "$file" >"$T/stuck"
cp "$T/stuck" "$file"
is "an escalation of the original counts as unread for the person" "$(verb inbox | head -n 1)" "1 unread; interagent read shows one:"
like "... and stands in their inbox" "$(verb inbox)" "$stuck escalated from left "
like "... and on the board" "$(verb board)" "^ *$stuck  escalated, from left to right"

# Urgent is said wherever mail is told of.
urgent=$(ask 1 send_message '{"to":"right,human","subject":"fire","content":"x","urgent":true}')
like "urgent is said in the inbox" "$(ask 2 check_inbox '{}')" 'urgent from left .*"fire"$'
like "... in the hint after other answers" "$(ask 2 list_specs '{}')" '^1 unread, 1 urgent: check_inbox$'
like "... on the board" "$(verb board)" 'urgent .*fire'
is "... and in JSON" "$(verb inbox --json --from right | at 0 urgent)" true
stop 1
stop 2

done_testing
