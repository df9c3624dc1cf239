# Waiting for mail: `interagent wait`, `interagent watch`, and a check_inbox that
# waits. Nothing here depends on how long something takes: a waiter is seen to
# run, mail is sent, and the waiter is seen to end.
#
# The functions are called by name, through ok and wait_for:
. ./test/lib/test.sh
. ./test/lib/mail.sh

announced=$INTERAGENT_DIR/announced
metas=$INTERAGENT_DIR/messages-meta

# ---- Words ----

for name in api web db; do
	mkdir "$T/$name"
	(cd "$T/$name" && verb register_agent --name "$name" --description test) >"$T/out"
done

# The program in a shell of the agent web, which has a session. It takes the
# place of the shell that calls it.
session=one
in_shell() {
	cd "$T/web" || exit
	CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=$session exec "${program:-$BIN}" "$@" >"$T/said" 2>"$T/complained"
}

# start_verb VERB...: runs it beside the test. start_wait: a waiter; waits: it has
# taken the right to wait.
start_verb() { in_shell "$@" & pid=$!; }
start_wait() {
	rm -f "$announced"/.wait-*
	start_verb wait
}
runs() { kill -0 "$pid"; }
waits() { runs && [ -e "$announced/.wait-web@$session" ]; }
reap_it() {
	wait_for gone "$pid" || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	status=$?
}
run() { start_verb "$@"; reap_it; }
answers='. read_message shows one, reply_message answers it.'

# A verb of the person's that goes on beside the test. The terminal is the parent of the verb.
start_person() { "$HELPERS/tty" "$BIN" "$@" >"$T/said" 2>"$T/complained" & pid=$!; }

outcome() {
	echo "status $status"
	sed 's/^/error: /' "$T/complained" | cat "$T/said" - | sed -e 's/[0-9a-f]\{8\} from /ID from /g'
}
hook() {
	printf '{"session_id":"%s","cwd":"%s","hook_event_name":"%s"}' "$session" "$T/web" "$1" >"$T/event"
	(in_shell hook <"$T/event")
	status=$?
}

section "wait"

run wait --timeout 0
is "without mail and time a waiter ends in silence" "$(outcome)" "status 0"
run wait --timeout 1
is "... when its time is over, too" "$(outcome)" "status 0"
mail api web 'the first'
run wait
is "where there is mail it ends at once: status 2, with the text as an error" "$(outcome)" "status 2
error: interagent: 1 unread for web: ID from api \"the first\"$answers"
run wait --timeout 0
is "... once" "$(outcome)" "status 0"
mail api web 'the second'
mail api web 'the third'
run wait --exit-code 0
is "--exit-code 0 is no error" "$(outcome)" "status 0
interagent: 2 unread for web: ID from api \"the second\"; ID from api \"the third\"$answers"
mail api web 'the fourth'
run wait --exit-code 7 --timeout 5
is "--exit-code 7 is that" "$(outcome)" "status 7
error: interagent: 1 unread for web: ID from api \"the fourth\"$answers"

for program in "$BIN" "$HELPERS/interagent-plain"; do
	how="where the system tells"
	[ "$program" = "$BIN" ] || how="where it has to look"
	run wait --timeout 0
	start_wait
	ok "$how: without news it waits" wait_for waits
	mail api db 'for another'
	"$BIN" send_message --from web --to db --subject 'its own' --content x >"$T/out"
	"$BIN" read_message --from db --message_id "$(at id <"$(grep -l 'for another' "$metas"/*.json | head -n 1)")" >"$T/out"
	ok "$how: what is not for it does not end it" runs
	mail api web "news, $how"
	reap_it
	is "$how: its mail does" "$(outcome)" "status 2
error: interagent: 1 unread for web: ID from api \"news, $how\"$answers"
	read_all
done
program=

# Another machine's write to a shared directory, and a store that was made anew,
# are not told by the system.
start_wait
wait_for waits
cp -R "$metas" "$T/metas"
mv "$metas" "$T/moved" && mv "$T/metas" "$metas"
sleep 0.3
mail api web 'unheard'
reap_it
like "mail of which the system does not tell is found" "$(outcome)" '^error: .*"unheard"\. '
read_all
start_wait
wait_for waits
cp -R "$INTERAGENT_DIR" "$T/copy"
mv "$INTERAGENT_DIR" "$T/old" && mv "$T/copy" "$INTERAGENT_DIR"
mail api web 'in another store'
reap_it
like "... and in a store that was made anew" "$(outcome)" '^error: .*"in another store"\. '
read_all

section "What is told already"

mail api web 'a'
hook Stop
like "the hook tells of a message" "$(outcome)" '"decision":"block"'
run wait --timeout 0
is "... and the waiter does not repeat it" "$(outcome)" "status 0"
mail api web 'b'
run wait
like "the waiter tells of one" "$(outcome)" '^error: interagent: 1 unread for web: ID from api "b"\. '
for event in Stop UserPromptSubmit FileChanged; do
	hook "$event"
	is "... and the hook does not repeat it at $event" "$(outcome)" "status 0"
done
session=two
run wait
like "another session is told of both" "$(outcome)" '^error: interagent: 2 unread for web: '
session=one
start_wait
wait_for waits
hook Stop
mail api web 'c'
reap_it
hook Stop
is "a message that ends a wait is not the hook's too" "$(outcome)" "status 0"
read_all
session=looks
printf '%s\n' "$(call 1 check_inbox)" >"$T/line"
mail api web 'd'
(in_shell serve <"$T/line")
run wait --timeout 0
is "nor is what the session saw in its inbox told by a waiter" "$(outcome)" "status 0"
session=one
run wait
read_all

section "Who waits"

start_wait
first=$pid
wait_for waits
cp "$T/said" "$T/first"
run wait --timeout 300
is "a second waiter of the session ends at once, and says who waits" "$(outcome)" "status 1
error: interagent: process $first waits for this mail already"
ok "... and the first one waits on" kill -0 "$first"
session=two
(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=two exec "$BIN" wait) >"$T/said.two" 2>"$T/complained.two" &
second=$!
pid=$second
ok "a waiter of another session waits beside it" wait_for waits
(cd "$T/db" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=one exec "$BIN" wait) >"$T/said.db" 2>"$T/complained.db" &
third=$!
session=one
wait_for test -e "$announced/.wait-db@one"
ok "... and one of another agent" kill -0 "$third"
(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=one exec "$BIN" wait) >"$T/said.one" 2>"$T/complained.one" &
pid=$!
reap_it
is "... which changes nothing for the first" "$status $(kill -0 "$first" && cat "$T/complained.one")" \
	"1 interagent: process $first waits for this mail already"
kill -KILL "$first"
wait "$first" 2>/dev/null
start_verb wait
mail api web 'for both sessions'
reap_it
is "when the first is killed another may wait, and is told" "$(outcome)" "status 2
error: interagent: 1 unread for web: ID from api \"for both sessions\"$answers"
pid=$second
reap_it
is "... as is the one of the other session" "$status $(grep -c 'for both sessions' "$T/complained.two")" "2 1"
ok "... but not the other agent" kill -0 "$third"
kill "$third"
pid=$third
reap_it
is "a waiter that is asked to end says nothing, and ends by that signal" \
	"$status$(cat "$T/said.db" "$T/complained.db")" 143
for signal in "TERM 143" "INT 130" "HUP 129"; do
	start_wait
	wait_for waits
	kill "-${signal% *}" "$pid"
	reap_it
	is "SIG${signal% *} ends a waiter" "$(outcome)" "status ${signal#* }"
done
is "no temporary file is left" "$(find "$INTERAGENT_DIR" -name '.tmp*')" ""
read_all

mail api web 'e'
(cd / && exec "$BIN" wait --agent web) >"$T/said" 2>"$T/complained"
is "--agent says who waits" "$? $(grep -c '1 unread for web: ' "$T/complained")" "2 1"
mail api web 'f'
(cd / && INTERAGENT_NAME=web exec "$BIN" wait) >"$T/said" 2>"$T/complained"
is "... or INTERAGENT_NAME does" "$? $(grep -c '1 unread for web: ' "$T/complained")" "2 1"
mail api web 'f too'
(cd / && exec "$BIN" wait --from web) >"$T/said" 2>"$T/complained"
is "... or --from, as everywhere" "$? $(grep -c '1 unread for web: ' "$T/complained")" "2 1"
mail api human 'g'
(exec "$HELPERS/tty" "$BIN" wait --from human) >"$T/said" 2>"$T/complained"
is "a person can wait too" "$? $(sed 's/[0-9a-f]\{8\} from/ID from/' "$T/complained")" \
	'2 interagent: 1 unread for human: ID from api "g"'
start_person wait
wait_for test -e "$announced/.wait-human@none"
mail api human 'h'
reap_it
is "... without a name" "$status $(grep -c '1 unread for human: .*"h"$' "$T/complained")" "2 1"
read_all

section "wait, used wrongly"
# Never status 2, which would wake a client.

wrong() {
	what=$1
	shift
	run wait "$@"
	is "$what: status 1" "$status $(cat "$T/said")" "1 "
	is "... and one line of reason" "$(grep -c '' "$T/complained")" 1
}
mail api web 'h'
wrong "an unknown option" --bogus
wrong "a word too much" now
wrong "an option without its value" --timeout
wrong "a time that is no number" --timeout soon
wrong "an empty time" --timeout ''
wrong "a time before now" --timeout -1
wrong "a time with another unit" --timeout 10x
wrong "a time that no clock holds" --timeout 9223372036854775807
wrong "... or any number" --timeout 99999999999999999999
wrong "a status that is no number" --exit-code x
wrong "a status that is none" --exit-code 256
wrong "... or less than nothing" --exit-code -1
wrong "an unknown agent" --agent nobody
(cd / && CLAUDECODE=1 exec "$BIN" wait) >"$T/said" 2>"$T/complained"
is "an agent's shell in nobody's directory: status 1" "$? $(cat "$T/said") $(grep -c '' "$T/complained")" \
	"1  1"
wrong "an agent that says that it is the person" --from human
(cd / && INTERAGENT_DIR=store exec "$BIN" wait --from web) >"$T/said" 2>"$T/complained"
is "a path of the store that is not absolute: status 1" "$? $(cat "$T/said") $(grep -c '' "$T/complained")" \
	"1  1"
run wait
like "... and none of them has told anything" "$(outcome)" \
	'^error: interagent: 1 unread for web: ID from api "h"\. '
read_all

section "watch"

lines() { [ "$(grep -c '' "$T/said")" -ge "$1" ]; }
mail api web 'before'
start_verb watch
ok "watch prints what is unread" wait_for lines 1
mail api web 'one'
ok "... and each message as it comes" wait_for lines 2
mail api db 'not for web'
mail api web 'two'
wait_for lines 3
id=$(at id <"$(grep -l '"one"' "$metas"/*.json)")
"$BIN" read_message --from web --message_id "$id" >"$T/out"
mail api web 'three'
wait_for lines 4
is "... on one line each, and once" "$(sed -e 's/^[0-9a-f]\{8\} /ID /' -e 's/api .*:/api AGO:/' "$T/said")" \
'ID from api AGO: "before"
ID from api AGO: "one"
ID from api AGO: "two"
ID from api AGO: "three"'
ok "... and goes on" runs
kill -INT "$pid"
reap_it
is "SIGINT ends it, as it ends others, and without a complaint" "$status $(cat "$T/complained")" "130 "

start_verb watch --json
wait_for lines 3
mail api web 'a "quoted" subject'
wait_for lines 4
kill -INT "$pid"
reap_it
bad=0
while read -r line; do
	printf '%s\n' "$line" | at -check 2>/dev/null || bad=$((bad + 1))
	[ "$(printf '%s\n' "$line" | at -keys | paste -s -d ' ' -)" = "id from to subject status createdAt urgent" ] || bad=$((bad + 1))
done <"$T/said"
is "watch --json prints a JSON object on each line" "$bad $(grep -c '' "$T/said")" "0 4"
is "... with what is stored" "$(tail -n 1 "$T/said" | at subject)" 'a "quoted" subject'
is "... under the whole id" "$(tail -n 1 "$T/said" | at id)" "$(at id <"$(grep -l 'quoted' "$metas"/*.json)")"
is "... and nothing of the text" "$(grep -c 'the text of' "$T/said")" 0
read_all

bell=$(printf '\a')
start_person watch
mail api human 'a word'
wait_for lines 1
mail api web 'undecided'
id=$(at id <"$(grep -l '"undecided"' "$metas"/*.json)")
"$BIN" escalate --agent_name web --message_id "$id" --reason 'which one?' >"$T/out" 2>&1
wait_for grep -q 'Escalated: ' "$T/said"
like "a person watches escalations too" "$(cat "$T/said")" \
	'^[0-9a-f]\{8\} escalated from web .*"Escalated: undecided"$'
unlike "... without a bell, where no screen is" "$(cat "$T/said")" "$bell"
kill -TERM "$pid"
reap_it
is "SIGTERM ends it too" "$status" 143
(cd / && "$BIN" watch --bogus) >"$T/said" 2>"$T/complained"
is "watch with an unknown option is status 2" "$?" 2
(cd / && CLAUDECODE=1 "$BIN" watch) >"$T/said" 2>"$T/complained"
is "watch of nobody is status 1" "$?" 1
mkfifo "$T/pipe"
"$BIN" watch --agent web >"$T/pipe" 2>"$T/complained" &
pid=$!
exec 6<"$T/pipe"
exec 6<&-
mail api web 'unheard of'
reap_it
is "watch ends when nobody hears it" "$status" 1

# A store that cannot be read for a while makes no news of old mail.
read_all
mail api web 'old'
start_verb watch
wait_for lines 1
mv "$metas" "$T/away"
: >"$metas"
sleep 2.5                        # it looks every 2 s; if it did not, this proves nothing, but passes
rm "$metas"
mv "$T/away" "$metas"
mail api web 'new'
wait_for grep -q '"new"' "$T/said"
is "a store that cannot be read for a while makes no news of old mail" "$(grep -c '"old"' "$T/said")" 1
kill -INT "$pid"
reap_it
read_all

section "What cannot be kept"

mail api web 'hidden'
mv "$announced" "$T/announced"
: >"$announced"
for _ in 1 2; do
	run wait --timeout 300
	is "where nothing can be noted, mail is told each time" "$(outcome)" "status 2
error: interagent: 1 unread for web: ID from api \"hidden\"$answers"
done
rm "$announced"
mkdir -p "$announced/web@$session"
run wait --timeout 300
is "... and where the record is no file" "$(outcome)" "status 2
error: interagent: 1 unread for web: ID from api \"hidden\"$answers"
rm -r "$announced"
mv "$T/announced" "$announced"
read_all

section "check_inbox with wait_seconds"

# serve_beside [PROGRAM]: a server of web's, whose input stays open.
serve_beside() {
	mkfifo "$T/to"
	(cd "$T/web" && CLAUDE_CODE_SESSION_ID=server exec "${1:-$BIN}" serve) <"$T/to" >"$T/heard" 2>>"$T/stderr" &
	pid=$!
	exec 5>"$T/to"
	rm "$T/to"
}
tell() { printf '%s\n' "$@" >&5; }
heard() { grep -q -e "$1" "$T/heard"; }
order() { sed 's/^{"jsonrpc":"2.0","id":\([0-9]*\),.*/\1/' "$T/heard" | paste -s -d ' ' -; }
answer() { text_of "$(grep "\"id\":$1," "$T/heard")"; }
finish() { exec 5>&-; reap_it; }
wait_call() {
	meta=
	[ $# -lt 3 ] || meta=",\"_meta\":{\"progressToken\":$3}"
	req "$1" tools/call "{\"name\":\"check_inbox\",\"arguments\":{\"wait_seconds\":$2}$meta}"
}

mail api web 'there'
serve_beside
tell "$(wait_call 1 300)"
ok "check_inbox that may wait does not, where mail is unread" wait_for heard '"id":1,'
like "... and shows it" "$(answer 1)" '"there"$'
session=server
hook Stop
is "... which tells the session" "$(outcome)" "status 0"
read_all
tell "$(wait_call 2 300)" "$(req 3 ping)" "$(call 4 list_agents)" "$(wait_call 5 300)"
ok "without mail it waits, and others are served" wait_for heard '"id":4,'
mail api db 'not this'
tell "$(req 6 ping)"
wait_for heard '"id":6,'
is "... while it waits" "$(order)" "1 3 4 6"
tell '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}'
mail api web 'come'
ok "mail is its answer" wait_for heard '"id":2,'
like "... with what came" "$(answer 2)" '^1 unread; read_message shows one:$'
like "... on a line of its own" "$(answer 2)" '^[0-9a-f]\{8\} from api .*: "come"$'
hook Stop
is "... and the session is told by that" "$(outcome)" "status 0"
tell "$(req 7 ping)"
wait_for heard '"id":7,'
is "what was cancelled is never answered" "$(order)" "1 3 4 6 2 7"
read_all
tell "$(wait_call 8 300)" "$(req 9 ping)"
wait_for heard '"id":9,'
finish
is "at the end of its input a server answers who waits" "$(order) $status" "1 3 4 6 2 7 9 8 0"
like "... with what there is" "$(answer 8)" '^No unread mail\.$'

serve_beside
tell "$(wait_call 1 300)" "$(call 2 register_agent '{"name":"web2","description":"x"}')"
ok "who waits may register another name meanwhile" wait_for heard '"id":2,'
mail api web 'for the first name'
ok "... and is answered" wait_for heard '"id":1,'
like "... with the mail of whom it waited for" "$(answer 1)" '"for the first name"$'
finish
"$BIN" forget web2 >"$T/out"
read_all

serve_beside
tell "$(wait_call 1 1)" "$(req 2 ping)"
ok "when the time is over it answers" wait_for heard '"id":1,'
is "... after the others" "$(order)" "2 1"
like "... with what there is" "$(answer 1)" '^No unread mail\.$'
finish

# Of this one the clock on the wall is set back by an hour when it is told to.
if [ -x "$HELPERS/interagent-leap" ]; then
	serve_beside "$HELPERS/interagent-leap"
	tell "$(wait_call 1 3)" "$(req 2 ping)"
	wait_for heard '"id":2,'
	kill -HUP "$pid"
	tell "$(req 3 ping)"
	ok "a clock that is set back keeps nobody waiting" wait_for heard '"id":1,'
	finish
else
	skip "a clock that is set back keeps nobody waiting" "test/bin/interagent-leap is not built"
fi

# ... and of this one all clocks leap by 20 seconds.
if [ -x "$HELPERS/interagent-leap" ]; then
	serve_beside "$HELPERS/interagent-leap"
	tell "$(wait_call 1 300)" "$(wait_call 2 300 '"mine"')" "$(req 3 ping)"
	wait_for heard '"id":3,'
	kill -USR1 "$pid"
	ok "a call that waits shows signs of life" wait_for heard notifications/progress
	is "... under its own token" \
		"$(grep notifications/progress "$T/heard" | sort -u | at params progressToken)" mine
	finish
	is "... and a call without a token shows none" \
		"$(grep notifications/progress "$T/heard" | grep -v -c '"mine"')" 0
else
	skip "signs of life of a call that waits" "test/bin/interagent-leap is not built"
fi

done_testing
