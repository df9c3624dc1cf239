# Each message is told once to each session, and it counts as told only after the
# telling went out: what once muted a way of telling, or made two of them tell the
# same; and all the ways at once.
#
# The functions are called by name, through ok and wait_for:
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

# fresh DIR: a store of two agents who work in directories of their names.
fresh() {
	INTERAGENT_DIR=$T/$1
	announced=$INTERAGENT_DIR/announced
	for name in api web; do
		mkdir -p "$T/$name"
		(cd "$T/$name" && verb register_agent "$name" test) >"$T/out"
	done
}
fresh store

# event NAME SESSION [MEMBERS]: an event of web's, in $T/event; hook: what it answers.
event() {
	printf '{"hook_event_name":"%s","session_id":"%s","cwd":"%s"%s}' "$1" "$2" "$T/web" "${3-}" >"$T/event"
}
run_hook() { env CLAUDECODE=1 "${program:-$BIN}" hook <"$T/event" 2>&1; }
hook() { event "$@"; run_hook; }
tells() { like "$1" "$2" "from api \\\\*\"$3"; }
in_web() { (cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=$session exec "$BIN" "$@"); }

section "Said before it is recorded"

n=0
for output in full closed gone; do
	for name in Stop UserPromptSubmit SessionStart FileChanged; do
		n=$((n + 1))
		read_all
		mail api web "message $n"
		event $name "session-$n"
		case $output in
		full)
			[ -e /dev/full ] || continue
			CLAUDECODE=1 "$BIN" hook <"$T/event" >/dev/full 2>/dev/full
			;;
		closed) CLAUDECODE=1 "$BIN" hook <"$T/event" >&- 2>&- ;;
		gone)
			rm -f "$T/pipe"
			mkfifo "$T/pipe"
			: <"$T/pipe" &
			{ wait $!; CLAUDECODE=1 "$BIN" hook <"$T/event" 2>&1; } >"$T/pipe"
			;;
		esac
		is "$name, standard output $output: status 0" $? 0
		tells "... and the mail is told afterwards" "$(hook Stop "session-$n")" "message $n"
		is "... once" "$(hook Stop "session-$n")" ""
	done
done

section "A waiter that nobody hears"

read_all
session=deaf
gone_pid() { wait_for gone "$1"; }
rm -f "$T/pipe"
mkfifo "$T/pipe"
in_web wait 2>"$T/pipe" &
pid=$!
exec 9<"$T/pipe"
wait_for test -e "$announced/.wait-web@deaf"
exec 9<&-
ok "a waiter ends when its reader goes" gone_pid $pid
mail api web 'after it'
is "... and has swallowed nothing: the next one tells" \
	"$(in_web wait --timeout 5 2>&1 | grep -c 'after it')" 1
rm "$announced/.wait-web@deaf"
(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=deaf sh -c '"$1" wait >"$2/said" 2>&1 & echo $! >"$2/pid"
	until [ -e "$3" ]; do sleep 0.05; done' sh "$BIN" "$T" "$announced/.wait-web@deaf")
ok "a waiter ends when its parent has gone" gone_pid "$(cat "$T/pid")"
in_web watch | head -c 0 &
pid=$!
mail api web 'seen by nobody'
ok "watch ends when nobody reads it" gone_pid $pid
read_all
for text in wait "wait --json --exit-code 0"; do
	mail api web 'to a full disk'
	session="full $text"
	if [ -e /dev/full ]; then
		# shellcheck disable=SC2086
		in_web $text >/dev/full 2>/dev/full
		is "$text on a full disk fails" $? 1
		tells "... and the mail is told afterwards" "$(in_web wait --timeout 0 2>&1)" "to a full disk"
	fi
	read_all
done

section "One-shot runs"

mail api web 'to a run'
event FileChanged run
is "FileChanged says nothing" "$(CLAUDE_CODE_ENTRYPOINT=sdk-cli run_hook)" ""
event Stop run
tells "... and Stop tells it" "$(CLAUDE_CODE_ENTRYPOINT=sdk-cli run_hook)" "to a run"

section "Turns"

read_all
hook UserPromptSubmit turns >"$T/out"
mail api web 'plain'
is "plain mail does not interrupt a turn" "$(hook FileChanged turns)" ""
is "... nor does a prompt that is none, by which a client reports its requests" \
	"$(hook UserPromptSubmit turns ',"prompt":""')" ""
mail api web 'urgent' 'x' --urgent
said=$(hook FileChanged turns)
tells "... urgent mail does" "$said" urgent
unlike "... alone" "$said" plain
hook Notification turns ',"notification_type":"idle_prompt"' >"$T/out"
tells "a turn that was broken off is over when the client says that it is idle" \
	"$(hook FileChanged turns)" plain
read_all
n=0
for k in 1 2 3 4 5; do
	mail api web "keeps it going $k"
	[ -z "$(hook Stop turns)" ] || n=$((n + 1))
done
is "of five stops in a row with new mail each, three go on and one ends" "$n" 4
hook UserPromptSubmit turns >"$T/out"
mail api web 'another turn'
tells "... and the next turn may go on again" "$(hook Stop turns)" 'another turn'

section "The order of what is told"

read_all
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do mail api web "plain $n"; done
mail api web 'newest' 'x' --urgent
said=$(hook SessionStart order)
like "the newest urgent message is named first" "$said" ': [0-9a-f]\{8\} urgent from api \\"newest'
like "... and what is not named is said" "$said" 'and 3 more, not shown: check_inbox has them'
is "... and told later" "$(hook UserPromptSubmit order | grep -o 'from api' | grep -c .)" 3

section "Sub-agents"

read_all
n=0
for members in ',"agent_id":null' ',"agent_id":""' ',"agent_id": null' ''; do
	n=$((n + 1))
	mail api web "main $n"
	tells "an event with ${members:-no id} is the agent's own" "$(hook Stop "main-$n" "$members")" "main $n"
done
for members in ',"agent_id":"a1"' ',"agent_id":"0"'; do
	is "an event with $members is not" "$(hook Stop sub "$members")" ""
done
event AfterAgent sub ',"agent_name":"helper"'
is "nor one of Gemini's with a name" "$(GEMINI_CLI=1 "$BIN" hook <"$T/event")" ""
tells "... in another client that is no mark" "$(hook Stop named ',"agent_name":"helper"')" "main 1"

section "A herd"

session=herd
read_all
rm -f "$announced"/.wait-*
in_web wait >"$T/said" 2>&1 &
pid=$!
wait_for test -e "$announced/.wait-web@herd"
rm -f "$INTERAGENT_DIR/.lock"
event Stop herd
run_hook >"$T/out"
no "neither hook nor waiter takes the lock of the mail" test -e "$INTERAGENT_DIR/.lock"
mail web api 'not for it'
ok "mail of others wakes no waiter" kill -0 $pid
stamp() { ls -i -l --time-style=full-iso "$announced/web@herd" 2>/dev/null || cat "$announced/web@herd"; }
age 1h "$INTERAGENT_DIR/messages-meta"
run_hook >"$T/out"
before=$(stamp)
run_hook >"$T/out"
is "a hook with nothing new writes nothing" "$(stamp)" "$before"
mail api web 'for it'
wait_for gone $pid
wait $pid
is "... its own does" "$? $(grep -c 'for it' "$T/said")" "2 1"
# Of a hundred messages that lie there, and one that comes for somebody else, a waiter
# opens that one.
read_all
n=0
while [ $n -lt 100 ]; do
	n=$((n + 1))
	call $n send_message '{"to":"api","subject":"lies there","content":"x"}'
done | (cd "$T/web" && exec "$BIN" serve) >"$T/out"
if strace -o "$T/trace" true 2>/dev/null; then
	rm -f "$announced/.wait-web@herd"
	(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=herd exec strace -o "$T/trace" -e trace=openat,poll "$BIN" wait) >"$T/said" 2>&1 &
	pid=$!
	asleep() { grep -c 'poll(.*' "$T/trace" | grep -q -v '^0$'; }
	wait_for asleep
	before=$(grep -c 'openat(.*[.]json"' "$T/trace")
	mail web api 'one more'
	one_more() { [ "$(grep -c 'openat(.*[.]json"' "$T/trace")" -gt "$before" ]; }
	wait_for one_more
	after=$(grep -c 'openat(.*[.]json"' "$T/trace")
	mail api web 'and now it'
	wait_for gone $pid
	ok "a message for somebody else costs a waiter one file, not a hundred ($before, then $((after - before)))" \
		test $((after - before)) -le 3 -a "$before" -ge 100
else
	skip "a message for somebody else costs a waiter one file" "no strace"
fi

section "Records that nobody uses"

for n in 1 2 3 4 5 6; do hook Stop "gone-$n" >"$T/out"; done
session=gone-6
in_web wait --timeout 0 >"$T/out" 2>&1
ls -A "$announced" >"$T/records"
like "a session leaves a record" "$(cat "$T/records")" '^web@gone-1$'
age 8d "$announced"/web@gone-* "$announced"/.wait-web@*
hook Stop gone-1 >"$T/out"
mkdir -p "$INTERAGENT_DIR/archive"
: >>"$INTERAGENT_DIR/archive/.swept"
age 2h "$INTERAGENT_DIR/archive/.swept"
verb agents >"$T/out"
is "... which goes after a week, unless it is used" \
	"$(find "$announced" -name 'web@gone-*' | sed 's/.*-//' | sort | paste -s -d ' ' -)" 1
no "... and so does what held its waiter" test -e "$announced/.wait-web@gone-6"

section "What cannot be written"

fresh small
mail api web 'with a full store'
# At each call to the system in its turn the way of telling is killed, or the disk is full,
# read-only or broken, or a write is cut short, or it takes so long that a hook gives
# up: what is not said then is said next, and at worst said twice.
faulty() {
	if [ "$1" = hook ]; then
		event Stop faulty
		run_hook
	else
		(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=faulty exec "${program:-$BIN}" wait --timeout 0 2>&1)
	fi
}
for way in hook wait; do
	for what in kill 28 30 5 short late; do
		[ "$way$what" != waitlate ] || continue      # it has no alarm
		wrong=
		k=0
		while :; do
			k=$((k + 1))
			rm -rf "$announced" "$T/reached"
			first=$(program=$HELPERS/interagent-fault INTERAGENT_FAULT="$k $what" INTERAGENT_FAULT_LOG=$T/reached faulty $way) 2>"$T/out"
			[ -e "$T/reached" ] || break
			second=$(faulty $way)
			third=$(faulty hook)
			case "$first$second" in
			*'with a full store'*) ;;
			*) wrong="$wrong; $k: never told" ;;
			esac
			[ -z "$third" ] || wrong="$wrong; $k: told thrice"
		done
		is "$way, $what at each of $((k - 1)) calls to the system: told, and at worst twice" "$wrong" ""
		ok "... and there were such calls" test "$k" -gt 10
	done
done
rm -rf "$announced" "$T/reached"
for way in hook wait; do
	rm -rf "$announced"
	tells "a disk that takes 3 s for each sync does not keep the $way from telling" \
		"$(program=$HELPERS/interagent-fault INTERAGENT_FAULT="0 syncs" INTERAGENT_FAULT_LOG=$T/reached faulty $way)" \
		'with a full store'
	no "... because it waits for none" test -e "$T/reached"
	is "... and it is told once" "$(faulty hook)" ""
done
mv "$INTERAGENT_DIR" "$T/away"
is "a hook without a store says nothing" "$(faulty hook)" ""
: >"$INTERAGENT_DIR"
is "... nor with a file in its place" "$(faulty hook | grep -c 'from api')" 0
rm "$INTERAGENT_DIR"
mv "$T/away" "$INTERAGENT_DIR"
is "... and nothing was told by that" "$(faulty hook)" ""
mail api web 'while it was away'
tells "... but what came is" "$(faulty hook)" 'while it was away'
rm -rf "$announced"
: >"$announced"
session=nowhere
for n in 1 2; do
	tells "where no record can be kept, wait tells" "$(in_web wait --timeout 0 2>&1)" 'with a full store'
	tells "... and the hook" "$(hook Stop nowhere)" 'with a full store'
done
rm "$announced"

section "Garbage in the record"

# What the session knows, as garbage: told again, and then once more no more.
hook Stop spoilt >"$T/out"
good=$(cat "$announced/web@spoilt")
ids=$(printf '%s\n' "$good" | sed 1d)
for garbage in '' 'x' '\377\376\000\001' '0' '0 0 0' '99999999999999999999 0 0 0\n' '0 0 0 0 0\n' '{"told":[]}' \
	'0 0 0 0\nnot-an-id\n' '0 0 0 0\n%.20s' '0 0 0 0\n%s 1 2\n' '0 0 0 0\n%s -1\n' '-1 -1 7 -7\n'; do
	# shellcheck disable=SC2059
	printf -- "$garbage" "$(printf '%s\n' "$ids" | head -n 1)" >"$announced/web@spoilt"
	tells "'$garbage': told again" "$(hook Stop spoilt)" 'with a full store'
	is "... once" "$(hook Stop spoilt)" ""
done
for kind in directory link pipe; do
	rm -rf "$announced/web@spoilt"
	case $kind in
	directory) mkdir "$announced/web@spoilt" ;;
	link) ln -s "$T/elsewhere" "$announced/web@spoilt" ;;
	pipe) mkfifo "$announced/web@spoilt" ;;
	esac
	tells "a $kind in its place: told again" "$(hook Stop spoilt)" 'with a full store'
	no "... and nothing is written elsewhere" test -e "$T/elsewhere"
done
rm -rf "$announced/web@spoilt"

section "What the event shows"
# A client's server may not know the session that it serves; but its hooks see what the
# inbox has answered.

fresh shown
gemini() {
	printf '{"hook_event_name":"%s","session_id":"g","cwd":"%s"%s}' "$1" "$T/web" "${2-}" >"$T/event"
	GEMINI_CLI=1 "$BIN" hook <"$T/event" 2>&1
}
# after TOOL: the event after a tool has answered with what the inbox lists.
after() { gemini AfterTool ",\"tool_name\":\"$1\",\"tool_response\":{\"llmContent\":[{\"text\":\"$listed\"}]}"; }
list() { listed=$(cd "$T/web" && tool check_inbox | tr '\n"' "|'"); }
mail api web 'listed'
list
is "after a look into the inbox nothing is said" "$(after mcp_interagent_check_inbox)" ""
is "... and what it showed is told" "$(gemini AfterAgent)" ""
mail api web 'plain later'
mail api web 'listed, too'
list
mail api web 'urgent later' 'x' --urgent
said=$(after mcp_interagent_check_inbox)
tells "urgent mail that came after it is told at once" "$said" 'urgent later'
unlike "... alone" "$said" 'plain' 'listed'
is "... and nothing is left for the end of the turn" "$(gemini AfterAgent)" ""
mail api web 'elsewhere'
list
is "what another tool shows" "$(after run_shell_command)" ""
tells "... does not count" "$(gemini AfterAgent)" 'elsewhere'

section "The human"

read_all
register human-free
rm -f "$announced"/.wait-human*
"$HELPERS/tty" "$BIN" wait >"$T/said" 2>&1 &
pid=$!
wait_for test -e "$announced/.wait-human@none"
id=$(send api web 'undecided')
verb escalate --from web --message-id "$id" --reason 'which one?' >"$T/out"
ok "an escalation wakes the person" wait_for gone $pid
wait $pid
is "... once: one line for it" "$? $(grep -c 'escalated' "$T/said")" "2 1"
is "... and not again" "$(verb wait --timeout 0 2>&1)" ""
person() { "$HELPERS/tty" "$BIN" "$@" 2>&1; }
person reply "$id" 'the first' >"$T/out"
is "answered there is no more to tell" "$(person wait --timeout 0)" ""
verb escalate --from web --message-id "$id" --reason 'and now?' >"$T/out"
like "... escalated once more it is told once more" "$(person wait --timeout 0)" 'escalated from .*undecided"'
is "... once" "$(person wait --timeout 0)" ""
person reply "$id" 'the second' >"$T/out"
verb escalate --from web --message-id "$id" --reason 'again?' >"$T/out"
like "... also if nobody waited in between" "$(person wait --timeout 0)" 'escalated from .*undecided"'
person watch >"$T/said" &
pid=$!
wait_for grep -q undecided "$T/said"
for n in 1 2 3 4 5 6 7 8 9; do
	verb escalate --from web --message-id "$(send api web "stuck $n")" --reason x >"$T/out"
	wait_for grep -q "Escalated: stuck $n" "$T/said"
done
is "watch prints an escalation once" "$(grep -c stuck "$T/said")" 9
meta=$(grep -l '"stuck 9"' "$INTERAGENT_DIR"/messages-meta/*.json)
sed 's/"id": "[0-9a-f]*/"id": "facade00/' "$meta" >"$T/meta"
meta=${meta##*/}
cp "$T/meta" "$INTERAGENT_DIR/messages-meta/facade00${meta#????????}"
ok "... and one that has no copy, too" wait_for grep -q '^facade00 escalated from api .*"stuck 9"' "$T/said"
kill "$pid"
wait "$pid" 2>/dev/null

section "A call that waits"
# It answers with whatever comes, so that nothing else tells that; even where the server
# is slow to see it.

fresh calls
session=calls
start 1 "$T/web" CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=calls
ask 1 set_status '{"status":"here"}' >"$T/out"
call 7 check_inbox '{"wait_seconds":60}' | hand 1
wait_for test -e "$announced/.wait-web@calls.call"
kill -STOP "$pid"
mail api web 'for the call' 'x' --urgent
is "a hook leaves the mail to it" "$(hook FileChanged calls)" ""
is "... and so does a waiter" "$(in_web wait --timeout 0 2>&1)" ""
kill -CONT "$pid"
ok "... which it tells" wait_for grep -q '"id":7,.*for the call' "$T/1.out"
is "... alone" "$(hook Stop calls)$(in_web wait --timeout 0 2>&1)" ""
read_all
call 8 check_inbox '{"wait_seconds":60}' | hand 1
ask 1 list_agents >"$T/out"
echo '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}' | hand 1
ask 1 list_agents >"$T/out"
mail api web 'nobody waits'
tells "when it was cancelled others tell" "$(hook Stop calls)" 'nobody waits'
read_all
call 9 check_inbox '{"wait_seconds":60}' | hand 1
ask 1 list_agents >"$T/out"
drop 1
mail api web 'its server is gone'
tells "... and when its server was killed" "$(hook Stop calls)" 'its server is gone'

section "All ways at once"
# Two servers of one session on its socket, whose nudges become prompts; a waiter that
# begins anew each time; calls that wait, at the second server, which also reads what it
# is shown; and the hooks, at random. Each writes down when it told which ids: as "asked"
# what a call lists that found it there, since whoever asks is shown all that is unread.

session=all
fresh all
running=$T/running
: >"$running"
"$HELPERS/socket" "$T/all.sock" "$T/nudges" 5>&- 6>&- 7>&- 8>&- &
listener=$!
wait_for test -e "$T/nudges"
for n in 1 2; do
	start $n "$T/web" CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=all CLAUDE_CODE_MESSAGING_SOCKET="$T/all.sock"
	ask $n set_status '{"status":"here"}' >"$T/out"
done
seed=${TOLD_SEED:-$$}
echo "# TOLD_SEED=$seed"
: >"$T/told"
# told_by WAY <TEXT: that this was told now.
told_by() {
	said=$(grep -o '[0-9a-f]\{8\} \(urgent \)\{0,1\}from api' | sed 's/ .*//')
	now=$("$HELPERS/ago" 0s)
	for id in $said; do echo "$now $1 $id"; done >>"$T/told"
}
# rest LOOP MS: pauses up to so long.
rest() { sleep "$(awk -v seed="$seed$(date +%S)$1" -v ms="$2" 'BEGIN { srand(seed); print rand() * ms / 1000 }')"; }
# all_hook EVENT [MEMBERS]
all_hook() {
	printf '{"hook_event_name":"%s","session_id":"all","cwd":"%s"%s}' "$1" "$T/web" "${2-}" |
		CLAUDECODE=1 CLAUDE_CODE_MESSAGING_SOCKET="$T/all.sock" "$BIN" hook 2>&1 | told_by "$1"
}
wait_loop() {
	while [ -e "$running" ]; do
		in_web wait --timeout 1s --exit-code 0 | told_by wait
		rest 1 3000
	done
}
hook_loop() {
	while [ -e "$running" ]; do
		for name in UserPromptSubmit FileChanged PostToolUse Stop FileChanged; do
			all_hook "$name"
			rest 2 900
		done
		rest 2 3000
	done
}
# What a nudge says is told by it; then it is the prompt of a turn.
prompt_loop() {
	seen=0
	while [ -e "$running" ]; do
		lines=$(grep -c '"type":"user"' "$T/nudges")
		while [ "$seen" -lt "$lines" ]; do
			seen=$((seen + 1))
			grep '"type":"user"' "$T/nudges" | sed -n "${seen}s/^[0-9]* //p" >"$T/nudge"
			told_by nudge <"$T/nudge"
			rest 3 300
			all_hook UserPromptSubmit ",\"prompt\":$(at -wire message content <"$T/nudge")"
			all_hook Stop
		done
		sleep 0.05
	done
}
# answers N: the second server has given so many more.
answers() { [ "$(wc -l <"$T/2.out")" -ge $((answered + $1)) ]; }
call_loop() {
	while [ -e "$running" ]; do
		answered=$(wc -l <"$T/2.out")
		{ call 1 check_inbox '{"wait_seconds":2}'; req 2 ping; } | hand 2
		wait_for answers 2
		tail -n 2 "$T/2.out" >"$T/answers"
		way=asked
		head -n 1 "$T/answers" | grep -q '"id":1,' || way=call
		text_of "$(grep '"id":1,' "$T/answers")" >"$T/listed"
		told_by "$way" <"$T/listed"
		answered=$(wc -l <"$T/2.out")
		sed -n 's/^\([0-9a-f]\{8\}\) .*from api.*/\1/p' "$T/listed" >"$T/to-read"
		while read -r id; do call 3 read_message "{\"message_id\":\"$id\"}"; done <"$T/to-read" | hand 2
		wait_for answers "$(wc -l <"$T/to-read")"
		rest 4 4000
	done
}
# How long a second takes here meanwhile.
second_loop() {
	while [ -e "$running" ]; do
		"$HELPERS/ago" 0s
		sleep 1
		"$HELPERS/ago" 0s
	done >"$T/seconds"
}
loops=
for loop in wait hook prompt call second; do
	${loop}_loop &
	loops="$loops $!"
done
awk -v seed="$seed" 'BEGIN {
	srand(seed)
	for (n = 1; n <= 200; n++)
		print n, rand() < 0.15 ? ",\"urgent\":true" : "-", rand() < 0.3 ? rand() * 0.5 : 0
}' | while read -r n urgent pause; do
	call "$n" send_message "{\"to\":\"web\",\"subject\":\"of all $n\",\"content\":\"x\"${urgent#-}}"
	[ "$pause" = 0 ] || sleep "$pause"
done | (cd "$T/api" && exec "$BIN" serve) >"$T/sent"
is "200 messages are sent" "$(grep -c 'stored; web' "$T/sent")" 200
all_told() { [ "$(cut -d ' ' -f 3 "$T/told" | sort -u | grep -c .)" -ge 200 ]; }
ok "all of them are told" wait_for all_told
rm "$running"
# shellcheck disable=SC2086
wait $loops
is "... each once" "$(grep -v ' asked ' "$T/told" | cut -d ' ' -f 3 | sort | uniq -d |
	while read -r id; do grep "$id" "$T/told"; done)" ""
ways=$(cut -d ' ' -f 2 "$T/told" | sort | uniq -c | awk '{ print $2, $1 }' | paste -s -d ' ' -)
ok "... by nudges, waiters, calls and hooks: $ways" test "$(cut -d ' ' -f 2 "$T/told" |
	grep -v asked | sort -u | grep -c .)" -ge 4
# Half of the urgent ones within what took a second here at the time, and each within two:
# a machine that is busy is late with the looking, too.
for file in "$INTERAGENT_DIR"/messages-meta/*.json; do
	[ "$(at urgent <"$file" 2>/dev/null)" != true ] || echo "$(at id <"$file" | cut -c 1-8) $(at createdAt <"$file")"
done >"$T/urgent"
late=$(awk '
	function ms(time) { return ((substr(time, 12, 2) * 60 + substr(time, 15, 2)) * 60 + substr(time, 18, 6)) * 1000 }
	function span(from, to) { return (ms(to) - ms(from) + 86400000) % 86400000 }
	FILENAME ~ /seconds$/ { if (FNR % 2) began = $1; else if (span(began, $1) > second) second = span(began, $1); next }
	FILENAME ~ /told$/ { if (!($3 in told) || $1 < told[$3]) told[$3] = $1; next }
	{ n++; took = span($2, told[$1]); over += (took > second); if (took > most) most = took }
	END { printf "%d urgent, %d of them after more than %d ms, the last after %d ms\n", n, over, second, most
		print (n >= 10 && over * 2 < n && most < second * 2) ? "in time" : "late" }
' "$T/seconds" "$T/told" "$T/urgent")
like "urgent ones within a second: $(printf '%s\n' "$late" | head -n 1)" "$late" '^in time$'
stop 1
stop 2
kill "$listener"

done_testing
