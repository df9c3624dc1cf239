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
for members in ',"agent_id":"a1"' ',"agent_id":7'; do
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

section "What cannot be written"

fresh small
mail api web 'with a full store'
# At each call to the system in its turn the hook is killed, or the disk is full, or a
# write is cut short: what it has not said then is said next, and at worst said twice.
for what in kill 28 30 short; do
	wrong=
	k=0
	while :; do
		k=$((k + 1))
		rm -rf "$announced" "$T/reached"
		event Stop faulty
		first=$(program=$HELPERS/interagent-fault INTERAGENT_FAULT="$k $what" INTERAGENT_FAULT_LOG=$T/reached run_hook)
		[ -e "$T/reached" ] || break
		second=$(run_hook)
		third=$(run_hook)
		case "$first$second" in
		*'with a full store'*) ;;
		*) wrong="$wrong; $k: never told" ;;
		esac
		[ -z "$third" ] || wrong="$wrong; $k: told thrice"
	done
	is "$what at each of $((k - 1)) calls to the system: told, and at worst twice" "$wrong" ""
	ok "... and there were such calls" test "$k" -gt 10
done
rm -rf "$announced"
: >"$announced"
session=nowhere
for n in 1 2; do
	tells "where no record can be kept, wait tells" "$(in_web wait --timeout 0 2>&1)" 'with a full store'
	tells "... and the hook" "$(hook Stop nowhere)" 'with a full store'
done
rm "$announced"

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

section "All ways at once"
# Two servers of one session on its socket, whose nudges become prompts; a waiter that
# begins anew each time; and the hooks, at random. Each writes down the ids that it told.

session=all
fresh all
running=$T/running
: >"$running"
"$HELPERS/socket" "$T/all.sock" "$T/nudges" 5>&- 6>&- 7>&- 8>&- &
listener=$!
wait_for test -e "$T/nudges"
ids() { grep -o '[0-9a-f]\{8\} \(urgent \)\{0,1\}from api' | cut -c 1-8; }
for n in 1 2; do
	start $n "$T/web" CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=all CLAUDE_CODE_MESSAGING_SOCKET="$T/all.sock"
	ask $n set_status '{"status":"here"}' >"$T/out"
done
# all_hook WHERE EVENT [MEMBERS]
all_hook() {
	printf '{"hook_event_name":"%s","session_id":"all","cwd":"%s"%s}' "$2" "$T/web" "${3-}" |
		CLAUDECODE=1 CLAUDE_CODE_MESSAGING_SOCKET="$T/all.sock" "$BIN" hook 2>&1 | ids >>"$T/told.$1"
}
waiting_loop() {
	while [ -e "$running" ]; do
		(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=all exec "$BIN" wait --timeout 1s --exit-code 0) | ids >>"$T/told.wait"
		sleep 1.5
	done
}
hook_loop() {
	while [ -e "$running" ]; do
		for name in UserPromptSubmit FileChanged PostToolUse Stop FileChanged; do
			all_hook "$name" "$name"
			sleep "0.$(awk -v seed="$$$(date +%S)" 'BEGIN { srand(seed); print int(rand() * 9) }')"
		done
		sleep 2
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
			ids <"$T/nudge" >>"$T/told.nudge"
			all_hook prompt UserPromptSubmit ",\"prompt\":$(at -wire message content <"$T/nudge")"
			all_hook prompt Stop
		done
		sleep 0.05
	done
}
waiting_loop &
loops=$!
hook_loop &
loops="$loops $!"
prompt_loop &
loops="$loops $!"
awk 'BEGIN { for (n = 1; n <= 200; n++) printf "%d %s\n", n, n % 7 ? "" : ",\"urgent\":true" }' | while read -r n urgent; do
	call "$n" send_message "{\"to\":\"web\",\"subject\":\"of all $n\",\"content\":\"x\"$urgent}"
	[ $((n % 9)) -ne 0 ] || sleep 0.4
done | (cd "$T/api" && exec "$BIN" serve) >"$T/sent"
is "200 messages are sent" "$(grep -c 'stored; web' "$T/sent")" 200
all_told() { [ "$(cat "$T"/told.* | sort -u | grep -c .)" -ge 200 ]; }
ok "all of them are told" wait_for all_told
rm "$running"
# shellcheck disable=SC2086
wait $loops
# A nudge that is under way notes nothing: what the session asks for before it gets
# there is told in both. By all other ways, and by nudges, nothing is told twice.
mv "$T/told.nudge" "$T/nudge.told"
is "... by hooks and waiters each exactly once" "$(cat "$T"/told.* | sort | uniq -d | grep -c .)" 0
is "... and by nudges" "$(sort "$T/nudge.told" | uniq -d | grep -c .)" 0
mv "$T/nudge.told" "$T/told.nudge"
ways=0
for way in "$T"/told.*; do [ ! -s "$way" ] || ways=$((ways + 1)); done
ok "... by several ways" test "$ways" -ge 3
stop 1
stop 2
kill "$listener"

done_testing
