# The nudge: a server that Claude Code started tells its own session of new mail
# through the session's socket. test/c/socket.c stands in for that socket.
#
# A server has taken its first look when it has answered two calls that came one
# after the other; what is sent then is new to it. The first of them speaks for the
# agent: a session that is only looked out of is not woken, while another is there.
#
# The functions are called by name, through ok and wait_for:
. ./test/lib/test.sh
. ./test/lib/mail.sh

TOKEN=f00dfeed0123456789abcdef01234567
metas=$INTERAGENT_DIR/messages-meta
mkdir "$T/said"

# ---- Words ----

for name in api web db; do
	mkdir "$T/$name"
	(cd "$T/$name" && verb register_agent --name "$name" --description test) >"$T/out"
done

# listen NAME [MODE]: a client's socket; its lines go to $T/NAME.lines.
listeners=
sessions=0
pid=
listen() {
	rm -f "$T/$1.sock" "$T/$1.lines"
	"$HELPERS/socket" "$T/$1.sock" "$T/$1.lines" ${2:+"$2"} 5>&- 6>&- 7>&- 8>&- &
	listeners="$listeners $!"
	wait_for test -e "$T/$1.lines"
}

# Four servers, each of a session of its own, may run at a time, on the descriptors 5 to 8.
# begin FD AGENT SOCKET [COMMAND...]: one that has taken its first look; the
# command starts it. To open: it has made no call.
open_session() {
	fd=$1
	agent=$2
	socket=$3
	shift 3
	[ $# -gt 0 ] || set -- exec
	sessions=$((sessions + 1))
	cat "$T/said/$fd" >>"$T/said/before" 2>/dev/null
	rm -f "$T/said/$fd"
	mkfifo "$T/to"
	(cd "$T/$agent" && export CLAUDECODE=1 CLAUDE_PROJECT_DIR="$T/$agent" CLAUDE_CODE_SESSION_ID="session-$sessions" \
		CLAUDE_CODE_MESSAGING_SOCKET="$socket" CLAUDE_CODE_MESSAGING_TOKEN=$TOKEN && "$@" "$BIN" serve) \
		<"$T/to" >"$T/said/$fd" 2>>"$T/said/errors" 5>&- 6>&- 7>&- 8>&- &
	eval "pid$fd=$!"
	eval "exec $fd>\"\$T/to\""
	rm "$T/to"
}
begin() {
	open_session "$@"
	tell "$fd" "$(call 1 set_status '{"status":"here"}')"
	wait_for heard "$fd" '"id":1,'
	tell "$fd" "$(req 2 ping)"
	wait_for heard "$fd" '"id":2,'
}
without() {
	variable=$1
	shift
	unset "$variable"
	exec "$@"
}
tell() {
	fd=$1
	shift
	(printf '%s\n' "$@" >&"$fd") 2>/dev/null
}
heard() { grep -q -e "$2" "$T/said/$1"; }
serves() {
	tell "$1" "$(req 3 ping)" "$(call 4 list_agents)"
	wait_for heard "$1" '"id":3,"result":{}' && wait_for heard "$1" '"id":4,.*web: '
}
stopped() { ! kill -0 "$pid" 2>/dev/null; }
finish() {
	eval "exec $1>&-"
	eval "pid=\$pid$1"
	wait_for stopped || kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	status=$?
}

nudged() { [ "$(grep -c '"type":"user"' "$T/$1.lines")" -ge "$2" ]; }
named() { grep -q -e "$2" "$T/$1.lines"; }
count() { grep -c -e "$2" "$T/$1.lines"; }
# The text of the last nudge.
content() { tail -n 1 "$T/$1.lines" | sed 's/^[0-9]* //' | at message content; }

section "What is said"

mail api web 'was there before'
listen web
listen api
begin 5 web "$T/web.sock"
begin 6 api "$T/api.sock"
mail api web 'a "new" one'
ok "new mail is told to the session" wait_for nudged web 1
is "... in one connection" "$(cut -d ' ' -f 1 "$T/web.lines" | sort -u)" 1
is "... with the token first, in its own line" "$(head -n 1 "$T/web.lines")" \
	"1 {\"type\":\"auth\",\"token\":\"$TOKEN\"}"
is "... then the text, and no more" "$(sed 1d "$T/web.lines" | sed 's/[0-9a-f]\{8\} from/ID from/')" \
	'1 {"type":"user","message":{"role":"user","content":"interagent: 1 unread for web: ID from api \"a \\\"new\\\" one\". read_message shows one, reply_message answers it."}}'
bad=0
while read -r _ line; do
	printf '%s\n' "$line" | at -check || bad=$((bad + 1))
done <"$T/web.lines"
is "... each of them JSON" "$bad" 0
id=$(at id <"$(grep -l 'new' "$metas"/*.json)")
like "... under the id that it has" "$(content web)" " $(printf %s "$id" | head -c 8) from api "

section "A nudge on its way"
# Nobody says whether it was taken. Until its prompt comes, or its time is over, the record
# of the session has the mail as a nudge's, and nobody else tells it.

# in_session NAME: what a waiter of that session says; event NAME [MEMBERS]: the hook.
in_session() { (cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=$1 exec "$BIN" wait --timeout 0 --exit-code 0); }
event() {
	printf '{"session_id":"session-1","cwd":"%s","hook_event_name":"%s"%s}' "$T/web" "$1" "${2-}" >"$T/event"
	CLAUDECODE=1 "$BIN" hook <"$T/event" 2>&1
}
record=$INTERAGENT_DIR/announced/web@session-1
line_of() { grep "^$(at id <"$(grep -l -e "\"$1\"" "$metas"/*.json)")" "$record" | sed 's/^[0-9a-f-]*//'; }
event SessionStart ',"source":"startup"' >"$T/out"
mail api web 'underway'
wait_for named web underway
wait_for test -s "$record"
like "the record says until when" "$(line_of underway)" '^ 1[0-9]\{12\}$'
for name in Stop FileChanged PostToolUse; do
	is "... and $name does not tell it" "$(event $name)" ""
done
is "... nor does a waiter" "$(in_session session-1)" ""
like "... but another session is told" "$(in_session other)" '"underway"'
is "... a prompt of the person's neither tells nor notes it" "$(event UserPromptSubmit ',"prompt":"go on"')" ""
like "... it is on its way still" "$(line_of underway)" '^ 1[0-9]\{12\}$'
is "its own prompt does not repeat it" \
	"$(event UserPromptSubmit ",\"prompt\":$(tail -n 1 "$T/web.lines" | sed 's/^[0-9]* //' | at -wire message content)")" ""
is "... and notes it for good" "[$(line_of underway)]" "[]"
event Stop >"$T/out"
# lost TIME: the last nudge was on its way until then.
lost() { sed "s/^\([0-9a-f-]\{36\}\) [0-9]*\$/\1 $1/" "$record" >"$T/record" && cat "$T/record" >"$record"; }
for until in 1500000000000 9999999999999 -5 soon; do
	mail api web "lost $until"
	wait_for named web "\"lost $until\\\\\""
	wait_for grep -q ' 1[0-9]*$' "$record"
	lost "$until"
	like "a nudge whose time is '$until' is lost: the hook tells it" "$(event Stop)" "\"lost $until"
	is "... once" "$(event Stop)" ""
	event SessionStart ',"source":"startup"' >"$T/out"
done
is "... and no nudge repeats it" "$(grep -o '[0-9a-f]\{8\} from api' "$T/web.lines" | sort | uniq -d)" ""

section "What was told is not nudged"
# A server of another session beside it shows when the nudge would have come.

listen other
begin 7 web "$T/other.sock"
# nudges_of SUBJECT SESSION
nudges_of() { grep -c -e "\"$1\\\\\"" "$T/$2.lines"; }
for n in 1 2 3; do
	mail api web "of file $n"
	event FileChanged >"$T/told"
	wait_for named other "of file $n"
	is "mail that woke the session by its file is not nudged too" \
		"$(($(grep -c "of file $n" "$T/told") + $(nudges_of "of file $n" web)))" 1
done
event Stop >"$T/out"
n=0
while [ $n -lt 3 ]; do
	n=$((n + 1))
	mail api web "of inbox $n"
	tell 5 "$(call 1$n check_inbox)"
	wait_for heard 5 "\"id\":1$n,"
	before=$(nudges_of "of inbox $n" web)    # 0, unless the machine took a second for it
	wait_for named other "of inbox $n"
	is "... nor is what the inbox has shown" "$(nudges_of "of inbox $n" web)" "$before"
done
tell 5 "$(req 20 ping)"
wait_for heard 5 '"id":20,'
read_all
tell 5 "$(req 21 tools/call '{"name":"check_inbox","arguments":{"wait_seconds":60}}')"
mail api web 'awaited'
wait_for heard 5 '"id":21,'
wait_for named other 'awaited'
is "... nor what a call has waited for" "$(nudges_of awaited web)" 0
event UserPromptSubmit >"$T/out"
mail api web 'plain in a turn'
wait_for named other 'plain in a turn'
is "plain mail is not nudged in a turn" "$(nudges_of 'plain in a turn' web)" 0
mail api web 'urgent in a turn' 'x' --urgent
ok "... urgent mail is" wait_for named web 'urgent in a turn'
unlike "... alone" "$(content web)" plain
event Stop >"$T/told"
like "... and the end of the turn tells the rest" "$(cat "$T/told")" 'plain in a turn'
unlike "... alone" "$(cat "$T/told")" urgent
finish 7
read_all

section "A nudge that fails costs that one"

listen late
begin 7 web "$T/late.sock"
listen other
begin 8 web "$T/other.sock"
rm "$T/late.sock"
mail api web 'unheard'
wait_for named other 'unheard'
tell 7 "$(call 3 list_agents)"
wait_for heard 7 '"id":3,'
listen late
mail api web 'heard'
ok "when the session listens again it is nudged" wait_for named late '"heard'
ok "... also of what it did not hear" named late unheard
finish 8
finish 7
read_all

section "Urgent mail"
# It is nudged within a second, where plain mail may take one. A busy machine makes that
# later, and nothing makes it sooner: the best of five counts, beside what a second takes.

# ms SINCE: from a time of the store until now.
ms() {
	echo "$1 $("$HELPERS/ago" 0s)" | awk '
		function at(time) { return ((substr(time, 12, 2) * 60 + substr(time, 15, 2)) * 60 + substr(time, 18, 6)) * 1000 }
		{ print (at($2) - at($1) + 86400000) % 86400000 }'
}
best=99999
for n in 1 2 3 4 5; do
	mail api web "urgent $n" 'x' --urgent
	wait_for named web "\"urgent $n"
	took=$(ms "$(at createdAt <"$(grep -l "\"urgent $n\"" "$metas"/*.json)")")
	[ "$took" -ge "$best" ] || best=$took
done
began=$("$HELPERS/ago" 0s)
sleep 1
second=$(ms "$began")
ok "it is nudged within a second: after $best ms" test "$best" -lt "$second"
read_all

section "A burst is one nudge"
# It tells all that has come within a second of the first message. Where fifty
# messages take longer than that, there may be one nudge for each second.

read_all
before=$(count web '"type":"user"')
nudges() { tail -n +$((2 * before + 1)) "$T/web.lines" | grep '"type":"user"'; }
# Those that were named, and those that the last one says it does not show.
told() {
	nudges | awk '{ more = 0; n += gsub(/ from api /, "") }
		match($0, /and [0-9]+ more/) { more = substr($0, RSTART + 4) + 0 }
		END { print n + more }'
}
has_told() { [ "$(told)" -ge "$1" ]; }
n=0
began=$(date +%s)
while [ "$n" -lt 50 ]; do
	n=$((n + 1))
	call "$n" send_message "{\"to\":\"web\",\"from\":\"api\",\"subject\":\"burst $n.\",\"content\":\"the text of it\"}"
done | (cd "$T/api" && exec "$BIN" serve) >"$T/out" 2>>"$T/said/errors"
took=$(($(date +%s) - began))
is "fifty messages are sent" "$(grep -c 'stored; web' "$T/out")" 50
ok "... and told" wait_for has_told 50
ok "... in one nudge, if that took less than a second ($took s)" test "$(nudges | grep -c .)" \
	-le $((took + 1))
like "the first of them begins with the first message" \
	"$(nudges | head -n 1 | sed 's/^[0-9]* //' | at message content)" \
	'^interagent: [0-9]* unread for web: [0-9a-f]\{8\} from api "burst 1\.".*'
is "none names more than twenty" "$(nudges | awk 'gsub(/ from api /, "") > 20')" ""
mail api web 'the fifty-first'
ok "the next nudge names what was left out" wait_for has_told 51
like "... from where the last one ended" "$(content web)" '^interagent: [0-9]* unread for web: .*"burst 50\."' \
	'^interagent: [0-9]* unread for web: .* and [0-9]* more, not shown: check_inbox has them\. '
is "... once" "$(told)" 51
read_all
mail api web 'once more'
ok "a later message is told by itself" wait_for named web 'once more'
like "... alone" "$(content web)" '^interagent: 1 unread for web: [0-9a-f]\{8\} from api "once more"\. '
mail db web 'most urgent'
wait_for named web 'most urgent'
like "... from whoever sent it" "$(content web)" ' from db "most urgent"\. '
is "no message is told twice" "$(grep -o '[0-9a-f]\{8\} from [a-z]* ' "$T/web.lines" | sort | uniq -d)" ""
is "what was there before the first look is never told" "$(count web 'was there before')" 0

# A server that speaks for another agent for a while.
tell 5 "$(call 1 set_status '{"agent_name":"db","status":"here"}')"
mail api db 'to another'
wait_for named web 'to another'
tell 5 "$(call 2 set_status '{"agent_name":"web","status":"back"}')"
mail api web 'after the change'
ok "a server that was another agent's meanwhile tells what is new" wait_for named web 'after the change'
is "... and nothing twice" "$(grep -o '[0-9a-f]\{8\} from [a-z]* ' "$T/web.lines" | sort | uniq -d)" ""
read_all

# A store that cannot be read for a while makes no news of old mail.
mv "$metas" "$T/away"
: >"$metas"
sleep 2.5                        # it looks every 2 s; if it did not, this proves nothing, but passes
rm "$metas"
mv "$T/away" "$metas"
mail api web 'readable again'
ok "after a time without a store it goes on" wait_for named web 'readable again'
is "... and tells nothing twice" "$(grep -o '[0-9a-f]\{8\} from [a-z]* ' "$T/web.lines" | sort | uniq -d)" ""
is "... nor what was there before" "$(count web 'was there before')" 0

section "To whom"

is "a session hears nothing of another's mail" "$(cat "$T/api.lines")" ""
mail web api 'for the other'
ok "but of its own it does" wait_for nudged api 1
like "... just that" "$(content api)" '^interagent: 1 unread for api: [0-9a-f]\{8\} from web "for the other"\. '
is "... and the first does not" "$(count web 'for the other')" 0
listen second
begin 7 web "$T/second.sock"
mail api web 'for both'
ok "two sessions of one agent are both told" wait_for named second 'for both'
ok "... each through its own socket" wait_for named web 'for both'
is "... the second only of what came after its first look" "$(count second '"type":"user"')" 1
finish 7
finish 6
ok "the server serves as before" serves 5
finish 5
is "... and ends with its input" "$status" 0

section "A session that has not spoken"
# It is at home in the place of an agent that nobody runs as, and present after a second.

listen web
listen second
open_session 5 web "$T/web.sock"
here() { verb agents | grep -q '^web: live'; }
ok "an open session is there without a call" wait_for here
open_session 6 web "$T/second.sock"
tell 6 "$(call 1 check_inbox)"
wait_for heard 6 '"id":1,'
mail api web 'to the silent'
ok "... and is woken" wait_for named web 'to the silent'
mail api web 'once again'
wait_for named web 'once again'
is "another one that only looked, beside it, is not" "$(cat "$T/second.lines")" ""
finish 6
finish 5
read_all

section "When it is off"
# A server beside it that is not off shows when it would have happened.

read_all
for mode in off none; do
	listen web
	listen off
	begin 5 web "$T/web.sock"
	if [ "$mode" = off ]; then
		begin 6 web "$T/off.sock" exec env INTERAGENT_WAKE=off
	else
		begin 6 web "$T/off.sock" without CLAUDE_CODE_MESSAGING_SOCKET
	fi
	mail api web 'one'
	wait_for nudged web 1
	mail api web 'two'
	wait_for nudged web 2
	ok "$mode: the server serves" serves 6
	finish 6
	finish 5
	is "$mode: ... but wakes nobody" "$(cat "$T/off.lines")" ""
	read_all
done
listen web
listen off
begin 5 web "$T/web.sock" exec env INTERAGENT_WAKE=on
mail api web 'one'
ok "only the word off turns it off" wait_for nudged web 1
finish 5
begin 5 web "$T/web.sock" without CLAUDE_CODE_MESSAGING_TOKEN
mail api web 'two'
ok "without a token it is told all the same" wait_for nudged web 2
is "... without a line for one" "$(grep '^2 ' "$T/web.lines" | sed 's/[0-9a-f]\{8\} from/ID from/')" \
	'2 {"type":"user","message":{"role":"user","content":"interagent: 1 unread for web: ID from api \"two\". read_message shows one, reply_message answers it."}}'
finish 5

section "A socket that is not as it should be"
# The server serves as if nothing were; a server beside it shows when the nudge
# was tried.

# prepare MODE: the socket $odd.
prepare() {
	odd=$T/$1.sock
	case $1 in
	normal | mute | deaf | stale) listen "$1" "$1" ;;
	gone) listen gone ;;
	directory) mkdir "$odd" ;;
	file) echo untouched >"$odd" ;;
	long) odd=$T/$(printf '%0200d' 0) ;;
	empty) odd= ;;
	esac
}
for modes in "normal mute deaf" "stale gone absent" "directory file long" "empty"; do
	read_all
	listen web
	fd=6
	for mode in $modes; do
		prepare "$mode"
		begin "$fd" web "$odd"
		fd=$((fd + 1))
	done
	begin 5 web "$T/web.sock"
	rm -f "$T/gone.sock"
	mail api web "a try"
	wait_for named web "a try"
	mail api web "another try"
	wait_for named web "another try"
	fd=6
	for mode in $modes; do
		ok "a socket that is $mode: the server serves on" serves "$fd"
		tell "$fd" "$(call 9 check_inbox)"
		wait_for heard "$fd" '"id":9,'
		like "... and its inbox shows all" "$(text_of "$(grep '"id":9,' "$T/said/$fd")")" \
			'^2 unread; '
		finish "$fd"
		is "... and it ends with its input" "$status" 0
		fd=$((fd + 1))
	done
	finish 5
done
ok "the one that could told both" named normal "another try"
is "what is no socket is left as it is" "$(cat "$T/file.sock")" untouched

section "What must not get out"

is "the token is nowhere in the store" \
	"$(grep -r -l "$TOKEN" "$INTERAGENT_DIR" "$T/web" "$T/api" "$T/db" "$HOME")" ""
is "... nor in anything that was said" "$(grep -l "$TOKEN" "$T"/said/*)" ""
is "no text of a message went through a socket" "$(cat "$T"/*.lines | grep -c 'the text of')" 0

# shellcheck disable=SC2086
kill $listeners 2>/dev/null
done_testing
