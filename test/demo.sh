#!/bin/sh
# demo.sh: two agents and a person, played against the real program.
#
# Two servers are started as two clients would start them: `web` works on the
# browser side of a product, `api` on its server. Each is spoken to over MCP
# through a pair of FIFOs; the person uses the command line. All of it happens
# in a throw-away store with a home of its own. Every answer is held against
# what it must say: the first that says something else ends the play.
set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.." || exit 1
BIN=${INTERAGENT:-$PWD/interagent}
case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
JSONQ=$PWD/test/bin/jsonq
TERMINAL=$PWD/test/bin/tty
T=$(mktemp -d "${TMPDIR:-/tmp}/interagent-demo.XXXXXX") || exit 1
T=$(cd "$T" && pwd -P)
pids=
answers=0
exec 4</dev/null 6</dev/null # until the servers' output takes their place
(
	trap 'kill "$!"; wait; exit' TERM
	sleep "${DEMO_SECONDS:-60}" &
	wait "$!"
	kill "$$"
) &
guard=$!

# The servers' output ends when the last process that writes to it has gone, be it one
# that a script started: until then the store is still theirs.
clear_stage() {
	exec 3>&- 5>&-
	# shellcheck disable=SC2086
	kill $pids 2>"$T/kill"
	cat <&4 >"$T/rest" 2>&1
	cat <&6 >"$T/rest" 2>&1
	kill "$guard" 2>"$T/kill"
	wait
	rm -rf "$T"
}
# shellcheck disable=SC2154
trap 'ended=$?; clear_stage; exit $ended' EXIT
trap 'echo "demo: interrupted, or too slow"; exit 1' HUP INT TERM
trap '' PIPE

# ---- The stage ----

# Nothing of the session that runs this may leak into the play.
for name in $(env | sed -n -e 's/^\(CLAUDE[A-Z_]*\)=.*/\1/p' -e 's/^\(CODEX[A-Z_]*\)=.*/\1/p' \
	-e 's/^\(INTERAGENT_[A-Z]*\)=.*/\1/p'); do
	unset "$name"
done
unset GEMINI_CLI CURSOR_AGENT AI_AGENT
HOME=$T/home
INTERAGENT_DIR=$T/store
COLUMNS=88
export HOME INTERAGENT_DIR COLUMNS

start() {
	mkdir "$T/$1"
	mkfifo "$T/$1.in" "$T/$1.out"
	(cd "$T/$1" && exec "$BIN" serve <"$T/$1.in" >"$T/$1.out" 2>"$T/$1.err" 3>&- 4<&-) &
	pids="$pids $!"
}

die() {
	printf '\ndemo: %s\n' "$1"
	cat "$T"/*.err
	exit 1
}

scene() { printf '\n-- %s\n' "$1"; }

# Lines behind a mark, none too long for a terminal.
marked() { printf '%s\n' "$2" | fold -s -w 92 | sed "s/^/    $1 /; s/ *\$//"; }

# ---- Speaking ----

# The client of web is of the older kind, which says hello once; that of api is
# of the newer, which says with each request what it speaks.
modern='"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}'

# request AGENT METHOD [PARAMS]: the answer is in $line.
request() {
	params=${3:-}
	[ "$1" = web ] || params="\"_meta\":{$modern}${params:+,$params}"
	request="{\"jsonrpc\":\"2.0\",\"id\":\"$1-$answers\",\"method\":\"$2\",\"params\":{$params}}"
	line=
	case $1 in
	web) printf '%s\n' "$request" >&3 && IFS= read -r line <&4 ;;
	api) printf '%s\n' "$request" >&5 && IFS= read -r line <&6 ;;
	esac
	[ "$(printf '%s\n' "$line" | "$JSONQ" id)" = "$1-$answers" ] || die "$1 got no answer to $2: $line"
	answers=$((answers + 1))
}

result() { printf '%s\n' "$line" | "$JSONQ" result "$@"; }

quoted() {
	printf '"'
	printf '%s\n' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g' | awk '{ printf "%s%s", gap, $0; gap = "\\n" }'
	printf '"'
}

# ask AGENT TOOL NAME=VALUE...: the agent calls the tool; the text of the answer
# is in $text. Values of one word stand beside the tool, others below it.
ask() {
	speaker=$1 tool=$2 arguments='' beside='' below=''
	shift 2
	for pair in "$@"; do
		name=${pair%%=*} value=${pair#*=}
		case $value in
		true) arguments="$arguments,\"$name\":true" ;;
		*) arguments="$arguments,\"$name\":$(quoted "$value")" ;;
		esac
		case $value in
		*[!A-Za-z0-9._-]*) below="$below${below:+
}$name: $value" ;;
		*) beside="$beside  $name: $value" ;;
		esac
	done
	printf '\n%s calls %s%s\n' "$speaker" "$tool" "$beside"
	[ -z "$below" ] || marked '>' "$below"
	request "$speaker" tools/call "\"name\":\"$tool\",\"arguments\":{${arguments#,}}"
	text=$(result content 0 text)
	marked '|' "$text"
	! result isError >"$T/error" 2>&1 || die "$tool was refused"
}

# human VERB...: the person types it; what it prints is in $text.
human() {
	command=interagent
	for word in "$@"; do
		case $word in *' '*) command="$command \"$word\"" ;; *) command="$command $word" ;; esac
	done
	printf '\nhuman types\n'
	marked '>' "$command"
	text=$(cd "$HOME" && "$TERMINAL" "$BIN" "$@" 2>&1) || die "interagent $1 failed: $text"
	answers=$((answers + 1))
	marked '|' "$text"
}

# Each pattern must be found in the answer.
expect() {
	for pattern in "$@"; do
		printf '%s\n' "$text" | grep -q -e "$pattern" || die "the answer should have said: $pattern"
	done
}

# The id that stands in the answer's line with these words.
id_of() { printf '%s\n' "$text" | sed -n "/$1/s/.*\\([0-9a-f]\\{8\\}\\).*/\\1/p" | head -n 1; }

# ---- The play ----

mkdir "$HOME"
scene "Two clients start a server each. Nothing else runs; the mail is plain files."
start web
exec 3>"$T/web.in" 4<"$T/web.out"
start api
exec 5>"$T/api.in" 6<"$T/api.out"
request web initialize '"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"demo","version":"1"}'
printf '\nweb connects: MCP %s\n' "$(result protocolVersion)"
[ "$(result protocolVersion)" = 2025-11-25 ] || die "the versions differ"
printf '%s\n' '{"jsonrpc":"2.0","method":"notifications/initialized"}' >&3
request api server/discover
printf 'api connects: MCP %s\n' "$(result supportedVersions 0)"
[ "$(result supportedVersions 0)" = 2026-07-28 ] || die "the versions differ"

scene "Each takes a name."
ask web register_agent name=web "description=The browser client"
expect 'web is registered'
ask api register_agent name=api "description=The HTTP server"
expect 'api is registered'
ask web list_agents
expect '^web[: ].*The browser client' '^api[: ].*The HTTP server'

scene "web has found a bug that is not in its own code."
ask web send_message to=api "subject=POST /users answers 500" "content=I sent {\"name\": \"Ada\"} to POST /users.
Expected: 201 and the new user. Got: 500 and an empty body.
It works when I add an email. Is the email required?"
expect 'stored.* api'
printf '\nIn the workspace of api a signal file appears:\n'
marked '|' "$(cat "$T"/api/.claude/inbox/*.signal)"

scene "api was busy. Now it looks."
ask api check_inbox
expect '1 unread' 'from web .*POST /users answers 500'
bug=$(id_of 'POST .users')
ask api read_message "message_id=$bug"
expect "^$bug from web to api" 'written by another agent, not by your user' 'Expected: 201'
ask api set_status "status=fixing POST /users"
expect 'is set'

scene "api fixes it, writes down what holds from now on, and answers."
ask api publish_spec name=users-api "content=# POST /users
name: a string, required. email: a string, optional.
201 with the new user; 400 with {\"error\": TEXT}."
expect 'users-api.* is published'
ask api reply_message "original_message_id=$bug" mark_complete=true "content=Fixed: the email is optional now, and a bad request answers 400.
See the spec users-api."
expect 'stored.* web' "$bug.* completed"

scene "web reads the answer, and the spec that it names."
ask web check_inbox
expect 'from api .*Re: POST /users'
answer=$(id_of 'Re: POST .users')
ask web read_message "message_id=$answer"
expect "in reply to $bug" 'Fixed: the email is optional'
ask web get_spec name=users-api
expect 'users-api.* by api' '400 with {"error": TEXT}'
ask web set_status "status=testing the form"
ask web get_all_statuses
expect 'web: "testing the form"' 'api: "fixing POST /users"'

scene "The next question is not for an agent to decide."
ask web send_message to=api "subject=Delete unused accounts?" "content=We have 1,204 accounts that nobody has used for two years.
May the server delete them?"
expect 'stored.* api'
ask api check_inbox
expect '1 unread' 'Delete unused accounts'
question=$(id_of 'Delete unused')
ask api escalate "message_id=$question" "reason=This deletes data of our users. A person should decide."
expect "$question.* escalated"

scene "The person has a board, and an inbox too."
human board
expect 'Waiting for you' 'escalated by api .*Delete unused accounts'
human inbox --from human
expect 'escalated .*from api .*Delete unused accounts'
copy=$(id_of 'Delete unused')
human read "$copy" --from human
expect 'A person should decide' '1,204 accounts'
human reply "$copy" "Not yet. Export them first, then ask me again." --from human
expect 'stored.* api'
ask api check_inbox
expect 'from human'
decision=$(id_of 'from human')
ask api read_message "message_id=$decision"
expect "this machine's user" 'Export them first'

scene "All of it can be read with cat. This is what is known of the bug report:"
meta=$(cat "$T/store/messages-meta/$bug"*.json)
marked '|' "$meta"
[ "$(printf '%s\n' "$meta" | "$JSONQ" status)" = completed ] || die "it should be completed"
[ "$(printf '%s\n' "$meta" | "$JSONQ" readBy)" = api ] || die "api should have read it"

scene "The clients close their side, and the servers leave."
exec 3>&- 5>&-
for pid in $pids; do
	wait "$pid" || die "a server ended with status $?"
done
pids=
[ -z "$(cat "$T/web.err" "$T/api.err")" ] || die "a server complained"

cat <<END

web reported a bug to api, api answered with a fix and a spec, and a person decided what agents
must not. $answers answers, each as expected. The throw-away store is removed.
END
