# Every way to be somebody, held against every tool: over MCP, in an agent's shell
# and in a hook. Who spoke, what was acknowledged, and whose presence changed. Then
# the habits of clients and models that made a process somebody else.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

# ---- The cast ----
#
#   pinned   the name in INTERAGENT_NAME
#   own      registered by the process itself, for another directory
#   home     at home where the process runs, and registered there last
#   sess     at home there too, and last seen in the session of the process
#   live     runs in a place of its own
#   gone     has a place of its own, and does not run
#   ghost    is not registered

cast="pinned own home sess live gone writer"
for name in $cast; do register "$name"; done
by "$T/home" CLAUDE_CODE_SESSION_ID=s-1 register_agent '{"name":"sess","description":"x"}' >"$T/out"
by "$T/home" "" register_agent '{"name":"home","description":"x"}' >"$T/out"
by "$T/gone" "" register_agent '{"name":"gone","description":"x"}' >"$T/out"
start 4 "$T/live" CLAUDE_CODE_SESSION_ID=s-live
ask 4 register_agent '{"name":"live","description":"x"}' >"$T/out"

# One message to each of them, which each row finds unread.
for name in $cast; do
	send writer "$name" "to $name" >"$T/id.$name"
done
cp -R "$INTERAGENT_DIR" "$T/before"
fresh() {
	for part in messages messages-meta specs registry.json status.json; do
		rm -rf "${INTERAGENT_DIR:?}/$part"
		[ ! -e "$T/before/$part" ] || cp -R "$T/before/$part" "$INTERAGENT_DIR/$part"
	done
}

# arguments TOOL NAME: what the tool wants, with the caller's own name where one is given.
# It is about the mail of $whose.
arguments() {
	about=$(cat "$T/id.$whose")
	case $1 in
	register_agent) rest='"name":"newcomer","description":"x"' own='' ;;
	get_agent) rest='"name":"writer"' own='' ;;
	send_message) rest='"to":"writer","subject":"spoken","content":"x"' own=from ;;
	check_inbox) rest='' own=agent_name ;;
	read_message) rest="\"message_id\":\"$about\"" own=reader ;;
	reply_message) rest="\"original_message_id\":\"$about\",\"content\":\"x\",\"subject\":\"spoken\"" own=from ;;
	escalate) rest="\"message_id\":\"$about\",\"reason\":\"spoken\"" own=agent_name ;;
	publish_spec) rest='"name":"spoken","content":"x"' own=publisher ;;
	get_spec) rest='"name":"none"' own='' ;;
	set_status) rest='"status":"spoken"' own=agent_name ;;
	get_status) rest='"agent_name":"writer"' own='' ;;
	*) rest='' own='' ;;
	esac
	[ -z "$2" ] || [ -z "$own" ] || rest="$rest,\"$own\":\"$2\""
	printf '{%s}' "${rest#,}"
}

# Who has done something that stays.
spoke() {
	{
		grep -l -e '"subject": "spoken"' -e '"subject": "Escalated: .*"' "$INTERAGENT_DIR"/messages-meta/*.json | while read -r file; do at from <"$file"; done
		for name in $cast; do
			[ "$(at "$name" status <"$INTERAGENT_DIR/status.json")" != spoken ] || echo "$name"
		done
		sed -n 's/^<!-- Published by: \(.*\) at .*/\1/p' "$INTERAGENT_DIR/specs/spoken.md"
	} 2>/dev/null | sort -u | paste -s -d ' ' -
}

# Whose mail is not as it was.
acknowledged() {
	for name in $cast; do
		cmp -s "$T/before/messages-meta/$(cat "$T/id.$name").json" "$INTERAGENT_DIR/messages-meta/$(cat "$T/id.$name").json" || echo "$name"
	done | paste -s -d ' ' -
}

# Who is live beside the one that always is.
present() { "$BIN" list_agents | sed -n 's/^\([a-z]*\): live.*/\1/p' | grep -v '^live$' | sort | paste -s -d ' ' -; }

# enter SITUATION: where the process runs, its variables, and the name that it gives.
enter() {
	variables='' place=$T/home name=$1
	case $1 in
	pinned) variables=INTERAGENT_NAME=pinned place=$T/writer ;;
	own) place=$T/work ;;
	home) name='' ;;
	sess) variables=CLAUDE_CODE_SESSION_ID=s-1 name='' ;;
	named) name=sess ;;
	nobody) place=$T/work name=gone ;;
	nobody-live) place=$T/work name=live ;;
	nobody-ghost) place=$T/work name=ghost ;;
	esac
}

looks="list_agents get_agent get_spec list_specs get_status get_all_statuses"
acts="send_message reply_message escalate publish_spec set_status"

section "Over MCP"
# The row says: who spoke, whose mail was acknowledged, who was present then.
# "-" is nobody.

# over_mcp SITUATION TOOL: plays it, and says what came of it. A server that is open for a second
# is present where it is at home: what took so long says nothing, and is played again.
over_mcp() {
	for _ in 1 2 3 4 5 6; do
		begun=$(date +%s)
		play_over_mcp "$@"
		[ "$(date +%s)" -gt "$begun" ] || break
	done
}
play_over_mcp() {
	fresh
	enter "$1"
	start 1 "$place" ${variables:+"$variables"}
	[ "$1" != own ] || ask 1 register_agent "{\"name\":\"own\",\"workspace_path\":\"$T/own\",\"description\":\"x\"}" >"$T/out"
	[ "$1" != own ] || cp "$INTERAGENT_DIR/registry.json" "$INTERAGENT_DIR/status.json" "$T"
	said=$(ask 1 "$2" "$(arguments "$2" "$name")")
	hear 1 "$(req 9 ping)" >"$T/out"   # a receipt is written before the next line is served
	came="spoke:$(spoke) acked:$(acknowledged) there:$(present)"
	stop 1
}

looking() {
	over_mcp "$1" "$2"
	is "$1: $2" "$came" "$3"
}

while read -r situation whose speaks acks acts_there looks_there; do
	case $situation in '' | '#'*) continue ;; esac
	[ "$speaks" != - ] || speaks=''
	[ "$acks" != - ] || acks=''
	[ "$acts_there" != - ] || acts_there=''
	[ "$looks_there" != - ] || looks_there=''
	for tool in $acts; do
		over_mcp "$situation" "$tool"
		case $tool in
		reply_message | escalate) acked=$acks ;;
		*) acked='' ;;
		esac
		is "$situation: $tool" "$came" "spoke:$speaks acked:$acked there:$acts_there"
	done
	over_mcp "$situation" register_agent
	case $situation in
	pinned) is "$situation: register_agent" "$came" "spoke: acked: there:pinned" ;;
	*) is "$situation: register_agent" "$came" "spoke: acked: there:newcomer" ;;
	esac
	looking "$situation" read_message "spoke: acked:$acks there:$([ -n "$acks" ] && echo "$acts_there" || echo "$looks_there")"
	for tool in check_inbox $looks; do
		looking "$situation" "$tool" "spoke: acked: there:$looks_there"
	done
done <<'END'
# situation    whose mail  speaks  acknowledges  present after acting, after looking
pinned         pinned      pinned  pinned        pinned  pinned
own            own         own     own           own     own
home           home        home    home          home    -
sess           sess        sess    sess          sess    -
named          sess        sess    sess          sess    -
live           live        -       -             -       -
gone           gone        -       -             -       -
ghost          gone        -       -             -       -
nobody         gone        gone    gone          gone    -
nobody-live    live        -       -             -       -
nobody-ghost   gone        -       -             -       -
END

whose=gone
over_mcp gone check_inbox
like "an inbox of somebody else says whose it is" "$said" '^This is the inbox of gone; looking acknowledges nothing\.$'
like "... and shows it" "$said" '"to gone"$'
over_mcp gone read_message
like "a message of somebody else is shown" "$said" '^the text of to gone$'
like "... with who one is" "$said" '^you are home here, not gone$'
over_mcp gone send_message
is "acting as somebody else is refused, with who one is" "$said" "you are home here, not gone: leave the name out, or register under it"
whose=live
over_mcp nobody-live set_status
is "acting as an agent that runs is refused, with its place and process" "$said" \
	"the name \"live\" is taken by a running agent in \"$T/live\" (client unknown, process $(cat "$T/4.pid")); call register_agent with your own"
over_mcp nobody-ghost set_status
like "acting as nobody known is refused, with who there is" "$said" '^no agent "ghost"; '
whose=gone
over_mcp nobody set_status
is "a name that was taken is said once" "$(printf '%s\n' "$said" | tail -n 1)" "this session now speaks as gone"

section "In an agent's shell"
# A verb is over at once: it is nobody's presence. --from is the caller's word.

# The session is known by the last process that had it.
remember_session() { by "$T/home" CLAUDE_CODE_SESSION_ID=s-1 set_status '{"agent_name":"sess","status":"x"}' >"$T/out"; }
remember_session

in_shell() {
	fresh
	enter "$1"
	at=$(cat "$T/id.$whose")
	from=${name:+--from $name}
	case $2 in
	send_message) words="send_message --to writer --subject spoken --content x" ;;
	reply_message) words="reply_message $at --content x --subject spoken" ;;
	escalate) words="escalate $at spoken" ;;
	publish_spec) words="publish_spec spoken --content x" ;;
	set_status) words="set_status spoken" ;;
	read_message) words="read_message $at" ;;
	check_inbox) words=check_inbox ;;
	get_agent | get_status) words="$2 writer" from='' ;;
	get_spec) words="get_spec none" from='' ;;
	*) words=$2 from='' ;;
	esac
	# shellcheck disable=SC2086
	cli "$place" "CLAUDECODE=1 $variables" $words $from >"$T/said"
	came="spoke:$(spoke) acked:$(acknowledged) there:$(present)"
}

while read -r situation whose speaks; do
	[ "$speaks" != - ] || speaks=''
	for tool in $acts read_message check_inbox $looks; do
		in_shell "$situation" "$tool"
		case $tool in
		reply_message | escalate) wanted="spoke:$speaks acked:$speaks there:" ;;
		read_message) wanted="spoke: acked:$speaks there:" ;;
		check_inbox | list_* | get_*) wanted="spoke: acked: there:" ;;
		*) wanted="spoke:$speaks acked: there:" ;;
		esac
		is "$situation: $tool" "$came" "$wanted"
	done
done <<'END'
pinned pinned pinned
home home home
sess sess sess
named sess sess
live live live
gone gone gone
ghost gone -
END

section "In a hook"
# A hook tells an agent of its mail, and nobody of another's; it acknowledges
# nothing and is nobody's presence. What stands in the event counts before what
# the environment says.

# hook CWD SESSION VARIABLES [MEMBERS]: what a start tells.
told=0
hook() {
	told=$((told + 1))
	# shellcheck disable=SC2086
	printf '{"session_id":"%s","cwd":"%s","hook_event_name":"SessionStart"%s}' "$2" "$1" "${4-}" |
		(cd "$1" && env $3 "$BIN" hook 2>>"$T/stderr") | at hookSpecificOutput additionalContext 2>/dev/null
}
fresh
while read -r what where session variables wanted; do
	[ "$wanted" != - ] || wanted=''
	answer=$(hook "$T/$where" "$session-$told" "CLAUDECODE=1 $variables")
	is "$what: who is told" "$(printf '%s\n' "$answer" | sed -n 's/^You are the agent \([a-z]*\)\..*/\1/p')" "$wanted"
	is "$what: of whose mail" "$(printf '%s\n' "$answer" | sed -n 's/.*unread for \([a-z]*\): .*/\1/p' | head -n 1)" "$wanted"
	is "$what: nothing else" "spoke:$(spoke) acked:$(acknowledged) there:$(present)" "spoke: acked: there:"
done <<END
pinned writer x INTERAGENT_NAME=pinned pinned
home home x A=b home
live live x A=b live
gone gone x A=b gone
nobody work x A=b -
event-before-environment gone x CLAUDE_PROJECT_DIR=$T/home gone
inherited-session gone x CLAUDE_CODE_SESSION_ID=s-1 gone
human home x INTERAGENT_NAME=human -
END
is "the session of the event counts" "$(hook "$T/home" s-1 CLAUDECODE=1 | sed -n 's/^You are the agent \([a-z]*\)\..*/\1/p')" sess
is "... and only in its place" "$(hook "$T/gone" s-1 CLAUDECODE=1 | sed -n 's/^You are the agent \([a-z]*\)\..*/\1/p')" gone
is "a sub-agent is told nothing" "$(hook "$T/home" s-sub CLAUDECODE=1 ',"agent_id":"a1","agent_type":"Explore"')" ""
stop 4

section "What clients do"
# With the variables that Claude Code sets for its servers and hooks.

INTERAGENT_DIR=$T/clients
unset CLAUDECODE
by "$T/home" "" register_agent '{"name":"api","description":"x"}' >"$T/out"
claude() { echo "CLAUDECODE=1 CLAUDE_CODE_ENTRYPOINT=cli CLAUDE_PROJECT_DIR=$1 CLAUDE_CODE_SESSION_ID=$2 AI_AGENT=claude-code_2.1.330"; }
status() { ask "$1" set_status '{"status":"x"}' | sed -n '1s/^The status of \(.*\) is set\.$/\1/;1p'; }
who() { sed -n 's/.*You are the agent \([a-z]*\)\..*/\1/p'; }

# shellcheck disable=SC2046
start 1 "$T/home" $(claude "$T/home" c-1)
is "a session begins: its server" "$(status 1)" api
is "... its hook" "$(hook "$T/home" c-1 "$(claude "$T/home" c-1)" ',"source":"startup"' | who)" api
is "compaction: the hook says who it is" "$(hook "$T/home" c-1 "$(claude "$T/home" c-1)" ',"source":"compact"' | who)" api
is "... and the server goes on" "$(status 1)" api
is "/clear: the hook has a new session" "$(hook "$T/home" c-2 "$(claude "$T/home" c-2)" ',"source":"clear"' | who)" api
is "... and the server the old one" "$(status 1)" api
stop 1
# shellcheck disable=SC2046
start 1 "$T/home" $(claude "$T/home" c-1)
is "resume: a new server with the session of before" "$(status 1)" api
is "... its hook" "$(hook "$T/home" c-1 "$(claude "$T/home" c-1)" ',"source":"resume"' | who)" api
drop 1
# shellcheck disable=SC2046
start 1 "$T/home" $(claude "$T/home" c-9)
is "restart after a crash: a new server with a new session" "$(status 1)" api

by "$T/live" "" register_agent '{"name":"web","description":"x"}' >"$T/out"
mail api web question "is it you?"
# shellcheck disable=SC2046
start 2 "$T/live" $(claude "$T/live" c-nested)
is "a nested Claude Code in another repository sets its own" "$(status 2)" web
stop 2
start 2 "$T/live" CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-9
is "a nested client that inherits the session is who is at home there" "$(status 2)" web
stop 2
start 2 "$T/work" CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-9
like "... and nobody where nobody is" "$(status 2)" '^who are you?'
like "... which reads nobody's mail" "$(ask 2 read_message "{\"message_id\":\"$(cat "$T/sent")\"}")" '^not acknowledged: only web can do that$'
is "... and leaves it unread" "$(meta "$(cat "$T/sent")" status)" pending
stop 2

# Two sessions in one directory.
# shellcheck disable=SC2046
start 2 "$T/home" $(claude "$T/home" c-10)
like "a second agent of a directory hears of the first" "$(ask 2 register_agent '{"name":"tester","description":"x"}')" \
	'api was registered from here too, is live ([0-9]*s): if that is you, register as api\.$'
is "two sessions in one directory: the first" "$(status 1)" api
is "... the second" "$(status 2)" tester
is "... the hook of the first" "$(hook "$T/home" c-9 "$(claude "$T/home" c-9)" | who)" api
is "... the hook of the second" "$(hook "$T/home" c-10 "$(claude "$T/home" c-10)" | who)" tester
is "... a verb in the shell of the first" "$(cli "$T/home" "CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-9" set_status x)" "The status of api is set."
is "... a verb in the shell of the second" "$(cli "$T/home" "CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-10" set_status x)" "The status of tester is set."
stop 1
stop 2
# Each has a socket of its own, which stays when the session's id changes.
# shellcheck disable=SC2046
start 1 "$T/home" $(claude "$T/home" c-11) CLAUDE_CODE_MESSAGING_SOCKET="$T/one.sock"
# shellcheck disable=SC2046
start 2 "$T/home" $(claude "$T/home" c-12) CLAUDE_CODE_MESSAGING_SOCKET="$T/two.sock"
ask 1 register_agent '{"name":"api","description":"x"}' >"$T/out"
ask 2 register_agent '{"name":"tester","description":"x"}' >"$T/out"
for one in api:one tester:two; do
	is "/clear with two sessions in one directory: the hook of ${one%:*}" \
		"$(hook "$T/home" c-13 "$(claude "$T/home" c-13) CLAUDE_CODE_MESSAGING_SOCKET=$T/${one#*:}.sock" ',"source":"clear"' | who)" "${one%:*}"
	is "... a verb in its shell" "$(cli "$T/home" "CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=c-13 CLAUDE_CODE_MESSAGING_SOCKET=$T/${one#*:}.sock" set_status x)" \
		"The status of ${one%:*} is set."
done
is "a client of another vendor that is nested there has no socket" \
	"$(hook "$T/live" g-1 "GEMINI_CLI=1 GEMINI_SESSION_ID=g-1 $(claude "$T/home" c-11) CLAUDE_CODE_MESSAGING_SOCKET=$T/one.sock" | who)" web
stop 1
stop 2

section "The instructions of the original"
# They pass a name in every call: register_agent, check_inbox agent_name=...,
# read_message, reply_message from=..., send_message from=...

# play_original WHERE-A WHERE-B REGISTERS: backend and frontend, told so by their instructions.
play_original() {
	start 1 "$1"
	start 2 "$2"
	for slot in 1 2; do
		[ "$3" = yes ] || continue
		case $slot in 1) name=backend ;; *) name=frontend ;; esac
		accepted=$(ask $slot register_agent "{\"name\":\"$name\",\"workspace_path\":\"$T/$name\",\"description\":\"the $name\"}")
		like "$what: $name registers" "$accepted" "^$name is registered for \"$T/$name\"\\."
	done
	like "$what: backend has no mail" "$(ask 1 check_inbox '{"agent_name":"backend"}')" '^No mail\.$'
	question=$(ask 2 send_message '{"from":"frontend","to":"backend","subject":"500 on login","content":"POST /login"}' | sed 's/ .*//;q')
	is "... frontend writes to it" "$(meta "$question" from) $(meta "$question" to)" "frontend backend"
	like "... it finds that" "$(ask 1 check_inbox '{"agent_name":"backend"}')" "^$question from frontend "
	like "... reads it, without a name" "$(ask 1 read_message "{\"message_id\":\"$question\"}")" '^POST /login$'
	answer=$(ask 1 reply_message "{\"original_message_id\":\"$question\",\"from\":\"backend\",\"content\":\"fixed\",\"mark_complete\":true}" | sed 's/ .*//;q')
	is "... which is a receipt" "$(meta "$question" readBy) $(meta "$question" status)" "backend completed"
	like "... frontend finds the answer" "$(ask 2 check_inbox '{"agent_name":"frontend"}')" "^$answer from backend "
	like "... and reads it under its name" "$(ask 2 read_message "{\"message_id\":\"$answer\",\"reader\":\"frontend\"}")" '^fixed$'
	ask 2 set_status '{"agent_name":"frontend","status":"idle"}' >"$T/out"
	is "... which is a receipt, too" "$(meta "$answer" readBy)" frontend
	like "... backend is seen to run" "$("$BIN" get_agent backend)" '^backend: live'
	like "... and so is frontend" "$("$BIN" get_agent frontend)" '^frontend: live'
	stop 1
	stop 2
}
mkdir -p "$T/backend" "$T/frontend" "$T/both"
for registers in yes no; do
	for where in "two workspaces:backend:frontend" "one workspace:both:both" "a place that is no workspace:work:work"; do
		what="${where%%:*}, registering: $registers"
		INTERAGENT_DIR=$T/original-$registers-$(echo "${where%%:*}" | tr ' ' -)
		places=${where#*:}
		if [ $registers = no ]; then
			for name in backend frontend; do
				case $what in one*) register $name "$T/both" ;; *) register $name ;; esac
			done
		fi
		play_original "$T/${places%:*}" "$T/${places#*:}" $registers
	done
done

section "Habits"

INTERAGENT_DIR=$T/habits
for name in api web db; do mkdir -p "$T/h/$name"; by "$T/h/$name" "" register_agent "{\"name\":\"$name\",\"description\":\"x\"}" >"$T/out"; done
for slot in 1:web 2:api 3:db; do
	start "${slot%:*}" "$T/h/${slot#*:}"
	ask "${slot%:*}" set_status '{"status":"busy"}' >"$T/out"
done
mail api db "for db" text
forged=$(cat "$T/sent")
like "an argument makes nobody somebody else: looking" "$(ask 1 check_inbox '{"agent_name":"db"}')" '^This is the inbox of db; looking acknowledges nothing'
like "... the one who looked is still live" "$("$BIN" get_agent web)" '^web: live'
like "... and so is the other" "$("$BIN" get_agent db)" '^db: live'
ask 1 read_message "{\"message_id\":\"$forged\",\"reader\":\"db\"}" >"$T/out"
ask 1 list_agents '{}' >"$T/out"
is "... reading acknowledges nothing" "$(meta "$forged" status)" pending
is "... answering is refused" "$(ask 1 reply_message "{\"original_message_id\":\"$forged\",\"from\":\"db\",\"content\":\"Yes, go on\"}" | head -n 1)" \
	"you are web here, not db: leave the name out, or register under it"
drop 3
ask 1 set_status '{"agent_name":"db","status":"done"}' >"$T/out"
like "... and makes nobody live who is not" "$("$BIN" get_agent db)" '^db: not running'
is "... nor says a word for them" "$(at db status <"$INTERAGENT_DIR/status.json")" busy
stop 2

like "a second name is told of the first" "$(by "$T/h/api" "" register_agent '{"name":"backend","description":"x"}')" \
	'^backend is registered for ".*/h/api"\. api was registered from here too, is not running, last seen [0-9]*s ago: if that is you, register as api\.$'
is "... hooks of the directory go on" "$(hook "$T/h/api" h-1 CLAUDECODE=1 | who)" backend
like "... and name the other one" "$(hook "$T/h/api" h-2 CLAUDECODE=1)" 'Registered from here too: api; if you are another one, call register_agent with its name\.'
like "... doctor names both" "$(cd "$T/h/api" && verb doctor)" '^this directory: the workspace of backend (.*), api (.*)$'
is "... and a new session is one of them" "$(by "$T/h/api" "" set_status '{"status":"x"}')" "The status of backend is set."
start 2 "$T/work"
ask 2 register_agent "{\"name\":\"left\",\"workspace_path\":\"$T/work\",\"description\":\"x\"}" >"$T/out"
ask 2 register_agent "{\"name\":\"right\",\"workspace_path\":\"$T/work\",\"description\":\"x\"}" >"$T/out"
like "a second name in one session speaks" "$(ask 2 set_status '{"status":"x"}')" '^(right) The status of right is set'
stop 2

is "what was inherited counts after the event: a hook of api in the environment of web" \
	"$(hook "$T/h/api" h-3 "CLAUDECODE=1 CLAUDE_PROJECT_DIR=$T/h/web CLAUDE_CODE_SESSION_ID=h-web" | who)" backend

like "a name that is taken over is told" "$(by "$T/work" "" register_agent '{"name":"db","description":"x"}')" \
	"^db is registered for \"$T/work\"\\. It was registered for \"$T/h/db\", not running, last seen [0-9]*s ago; it is yours now\\."
unlike "... but not one that stays where it was" "$(by "$T/work" "" register_agent '{"name":"db","description":"x"}')" 'yours now'

is_there() { "$BIN" get_agent "$1" | grep -q "^$1: live"; }
start 2 "$T/h/api"
ok "an open session that has made no call is there" wait_for is_there backend
stop 2

# A server whose client was killed, while somebody else holds the pipe's other end.
rm -f "$T/orphan.in"
mkfifo "$T/orphan.in"
exec 9<>"$T/orphan.in"
sh -c '(cd "$1" && exec "$2" serve) <"$3" >"$4" 2>&1 & echo $! >"$5"; exec sleep 30' client "$T/h/web" "$BIN" "$T/orphan.in" "$T/orphan.out" "$T/orphan.pid" 5>&- 6>&- 7>&- 8>&- 9>&- &
parent=$!
stop 1
wait_for test -s "$T/orphan.pid"
call 1 set_status '{"status":"alone"}' >&9
wait_for grep -q 'is set' "$T/orphan.out"
like "a live name is refused with its process" "$(by "$T/work" "" register_agent '{"name":"web","description":"x"}')" \
	"^the name \"web\" is taken by a running agent in \"$T/h/web\" (client unknown, process $(cat "$T/orphan.pid")); choose another\$"
kill -KILL $parent
wait $parent 2>"$T/out"
ok "a server whose client was killed ends, though its pipe is held open" wait_for gone "$(cat "$T/orphan.pid")"
like "... and the name is free" "$(by "$T/h/web" "" register_agent '{"name":"web","description":"x"}')" '^web is registered'
exec 9>&-

mail web backend "before it left" text
left=$(cat "$T/sent")
verb forget web >"$T/out"
like "an answer to who has left is refused" "$(by "$T/h/api" "" reply_message "{\"original_message_id\":\"$left\",\"content\":\"x\"}")" \
	'^web is not registered any more: nobody would read an answer'
is "... and nothing is stored" "$(grep -l 'Re: before it left' "$INTERAGENT_DIR"/messages-meta/*.json)" ""

is "names that differ in case only are refused" "$(by "$T/work" "" register_agent '{"name":"API","description":"x"}')" \
	'name: "API" differs from the agent "api" only in case; choose another'
for name in user System your-user the.human human. Human-1 user2 root. Everyone-; do
	like "a name that could be the person's is refused: $name" "$(by "$T/work" "" register_agent "{\"name\":\"$name\",\"description\":\"x\"}")" \
		'could be taken for the person or for interagent itself; choose another$'
done
for name in users-api admin-ui abuser systemd; do
	like "... but $name is a name" "$(by "$T/work" "" register_agent "{\"name\":\"$name\",\"description\":\"x\"}")" "^$name is registered"
done
raw=$T/h/$(printf 'caf\351')
if mkdir "$raw" 2>/dev/null; then
	like "a directory whose name is not UTF-8 is not registered under another" "$(by "$raw" "" register_agent '{"name":"latin","description":"x"}')" \
		'^workspace_path: .* is not UTF-8: no agent can be at home in it$'
	is "... and leaves no entry" "$(at latin <"$INTERAGENT_DIR/registry.json" 2>/dev/null)" ""
else
	skip "a directory whose name is not UTF-8 is not registered under another" "this file system has no such names"
fi

mail api backend "kept" text
like "an agent with unread mail is forgotten only by force" "$(verb forget backend 2>&1; cat "$T/stderr")" 'has [0-9]* unread'
like "... which says that the mail stays" "$(verb forget backend --force)" 'backend is forgotten'
is "... and it does" "$(meta "$(cat "$T/sent")" status)" pending
both=$(serve "$(call 1 register_agent '{"name":"once","description":"x"}')" "$(call 2 register_agent '{"name":"then","description":"x"}')")
like "the name that a session leaves is not called a live one" "$(text_of "$(printf '%s\n' "$both" | tail -n 1)")" \
	' once was registered from here too, was your name until now: if that is you, register as once\.'
like "nobody forgets in an agent's shell" "$(cli "$T/work" CLAUDECODE=1 forget api)" "this shell is an agent's: CLAUDECODE is set"

done_testing
