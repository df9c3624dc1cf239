# The command line: every tool is a verb, for people and for scripts.
. ./test/lib/test.sh
. ./test/lib/mail.sh

# ---- Words of this file ----

# What a command says in $said and $errors, how it ends in $status.
run() {
	"$@" >"$T/said" 2>"$T/errors" </dev/null
	status=$?
	said=$(cat "$T/said")
	errors=$(cat "$T/errors")
}

# does WHAT PATTERN COMMAND...: it ends well, says so on standard output, and
# nothing on the other one.
does() {
	what=$1 pattern=$2
	shift 2
	run "$@"
	if [ "$status" -ne 0 ] || [ -n "$errors" ]; then
		fail "$what" "status $status: $*" "$errors"
	else
		like "$what" "$said" "$pattern"
	fi
}

# fails WHAT STATUS PATTERN COMMAND...: it ends so, says why on standard error,
# and nothing on standard output, where a script would take it for an answer.
# Who speaks as the person needs a terminal of theirs; these are its pipes.
person() { "$HELPERS/tty" "$BIN" "$@"; }

fails() {
	what=$1 wanted=$2 pattern=$3
	shift 3
	run "$@"
	if [ "$status" -ne "$wanted" ] || [ -s "$T/said" ]; then
		fail "$what" "status $status, not $wanted: $*" "said: $said" "$errors"
	else
		like "$what" "$errors" "^interagent: .*$pattern"
	fi
}


# The short id that the last command told.
told_id() { printf '%s\n' "$said" | sed -n 's/^\([0-9a-f]\{8\}\) stored.*/\1/p' | head -n 1; }

mkdir "$T/api" "$T/web"
verbs="register_agent list_agents get_agent send_message check_inbox read_message reply_message
escalate publish_spec get_spec list_specs set_status get_status get_all_statuses"

section "Help"
# Whoever has only the binary must be able to find out how to use it.

does "it tells its version" '^interagent [0-9]*\.[0-9]*\.[0-9]*\( ([^ ()]*)\)\{0,1\}$' "$BIN" --version
does "help helps with itself" '^usage: interagent VERB' "$BIN" help help
does "... and with -h" '^usage: interagent VERB' "$BIN" help -h
does "it helps" '^usage: interagent' "$BIN" --help
for verb in $verbs; do
	like "--help names $verb" "$said" "^  $verb " " $verb " " $verb\$"
done
like "and says where the mail is" "$said" INTERAGENT_DIR
like "and what the exit status means" "$said" '0 done, 1 .*, 2 usage'

list=$(serve "$(req 1 tools/list)")
i=0
for verb in $verbs; do
	run "$BIN" "$verb" --help
	missing=''
	for option in json \
		$(printf '%s\n' "$list" | at result tools "$i" inputSchema properties | at -keys | tr _ -); do
		case $option in agent-name | reader | publisher) case $verb in get_status) ;; *) option=from ;; esac ;; esac
		case $said in *"--$option"*) ;; *) missing="$missing --$option" ;; esac
	done
	is "$verb --help tells all of its options" "$status$missing$errors" 0
	i=$((i + 1))
done

section "Every tool is a verb"
# With underscores as the tools have them, or with hyphens as people type them;
# the value after the option or after an equals sign.

does "register_agent" '^api is registered' "$BIN" register_agent --name api --workspace_path "$T/api" \
	--description "the server"
does "register-agent" '^web is registered' "$BIN" register-agent --name=web --workspace-path="$T/web" \
	--description="the client"
does "list_agents" '^api.*"the server"' "$BIN" list_agents
does "list-agents" '^web.*"the client"' "$BIN" list-agents
does "get_agent" '^api.*"the server"' "$BIN" get_agent --name api
does "get-agent" '^api.*"the server"' "$BIN" get-agent --name=api
does "send_message" '^[0-9a-f]\{8\} stored' "$BIN" send_message --from web --to api \
	--subject "500 on login" --content "wanted 200"
id=$(told_id)
does "send-message" '^[0-9a-f]\{8\} stored' "$BIN" send-message --from=web --to=api,human --subject="a=b" \
	--content="x=y" --urgent
urgent=$(told_id)
is "what stands after the first equals sign is the value" "$(meta "$urgent" subject) $(body "$urgent")" \
	"a=b x=y"
is "an option that needs no value needs none" "$(meta "$urgent" urgent)" true
does "nor must it" '^[0-9a-f]\{8\} stored' "$BIN" send-message --from web --to api --subject s --content x \
	--urgent=false
is "be on" "$(meta "$(told_id)" urgent)" ""
does "check_inbox" "^$id from web .*\"500 on login\"\$" "$BIN" check_inbox --agent_name api
does "check-inbox" "^$id from web .*\"500 on login\"\$" "$BIN" check-inbox --agent-name=api
does "read_message" '^wanted 200$' "$BIN" read_message --message_id "$id" --reader api
is "which acknowledges as over MCP" "$(meta "$id" status) $(meta "$id" readBy)" "acknowledged api"
does "read-message" '^wanted 200$' "$BIN" read-message --message-id="$id" --offset=0
does "reply_message" '^[0-9a-f]\{8\} stored' "$BIN" reply_message --original_message_id "$id" --from api \
	--content fixed --mark_complete
is "which completes" "$(meta "$id" status)" completed
does "reply-message" '^[0-9a-f]\{8\} stored' "$BIN" reply-message --original-message-id="$id" --from=api \
	--content=fixed --mark-complete
does "escalate" "^$urgent is escalated" "$BIN" escalate --agent-name api --message-id "$urgent" \
	--reason "not mine"
does "publish_spec" '^login .*is published' "$BIN" publish_spec --publisher api --name login \
	--content "# Login"
does "publish-spec" '^login .*is published' "$BIN" publish-spec --publisher=api --name=login \
	--content="# Log in"
does "get_spec" '^# Log in$' "$BIN" get_spec --name login
does "get-spec" '^# Log in$' "$BIN" get-spec --name=login
does "list_specs" '^login .*by api' "$BIN" list_specs
does "list-specs" '^login .*by api' "$BIN" list-specs
does "set_status" 'status of api is set' "$BIN" set_status --agent_name api --status busy
does "set-status" 'status of api is set' "$BIN" set-status --agent-name=api --status=busy
does "get_status" '^api: "busy"' "$BIN" get_status --agent_name api
does "get-status" '^api: "busy"' "$BIN" get-status --agent-name=api
does "get_all_statuses" '^web: "online"' "$BIN" get_all_statuses
does "get-all-statuses" '^web: "online"' "$BIN" get-all-statuses
does "the human's inbox has what was sent and escalated" '"Escalated: a=b"$' person check-inbox --from human
is "without a verb and with a pipe it is the server" "$(req 7 ping | "$BIN" 2>&1)" \
	'{"jsonrpc":"2.0","id":7,"result":{}}'

section "A text from standard input"
# So that no shell's quoting stands between a text and the one who reads it.

# shellcheck disable=SC2016 # the text looks like shell
printf 'a "quoted" \\ line\n\ttab $HOME `x`\n\nno line end' >"$T/text"
id=$("$BIN" send_message --from web --to api --subject s --content - <"$T/text")
ok "- takes it byte for byte" cmp "$T/text" \
	"$INTERAGENT_DIR/messages/$(at id <"$(ls "$INTERAGENT_DIR/messages-meta/${id%% *}"*)").md"
id=$("$BIN" reply_message --from api --original_message_id "${id%% *}" --content=- <"$T/text")
ok "so does =-" cmp "$T/text" \
	"$INTERAGENT_DIR/messages/$(at id <"$(ls "$INTERAGENT_DIR/messages-meta/${id%% *}"*)").md"
"$BIN" publish_spec --from web --name from-stdin --content - <"$T/text" >/dev/null
does "and a spec's" '^	tab \$HOME `x`$' "$BIN" get_spec --name from-stdin
head -c 1048577 /dev/zero | tr '\0' x >"$T/big"
before=$(ls "$INTERAGENT_DIR/messages")
for input in yes "head -c 50000000 /dev/zero"; do
	$input 2>"$T/none" | "$HELPERS/limit" 60 "$BIN" send_message --from web --to api --subject s --content - \
		>"$T/said" 2>"$T/errors"
	is "$input: what is far too long, or has no end, is refused" "$?:$(cat "$T/said" "$T/errors")" \
		"1:interagent: standard input: more than 10485760 bytes; a text has at most 1048576"
done
"$BIN" send_message --from web --to api --subject s --content - <"$T/big" >"$T/said" 2>"$T/errors"
like "more than 1 MiB is refused, and said" "$?:$(cat "$T/said" "$T/errors")" \
	'^[12]:interagent: TEXT: 1048577 bytes, at most 1048576'
"$BIN" send_message --from web --to api --subject s --content - </dev/null >"$T/said" 2>"$T/errors"
like "nothing is no text" "$?:$(cat "$T/said" "$T/errors")" '^[12]:interagent: .*empty'
is "and neither is stored" "$(ls "$INTERAGENT_DIR/messages")" "$before"

# Nothing is done before the text is there.
"$BIN" set_status --from web 'as it was' >/dev/null
id=$("$BIN" send_message --from web --to api --subject s --content x)
id=${id%% *}
for words in 'set_status - --from web' 'register_agent web -' 'register_agent another -' "escalate $id - --from api"; do
	# shellcheck disable=SC2086
	fails "an empty text of ${words%% *} is refused" 2 'nothing is .*: the [a-z]* is empty' "$BIN" $words
done
is "... and has changed nothing" "$("$BIN" get_status web --json | at status) $("$BIN" get_agent web --json | at description) $(
	meta "$id" status) $("$BIN" get_agent another 2>&1 | grep -c 'no agent')" "as it was the client pending 1"
fails "... nor is a text waited for where a name is wrong" 1 'no agent "ghost"' "$BIN" set_status - --from ghost
is "... a text is taken" "$(echo 'It is late' | "$BIN" escalate "$id" - --from api >/dev/null; meta "$id" escalationReason)" "It is late"
is "... for a status" "$(echo asleep | "$BIN" set_status - --from web >/dev/null; "$BIN" get_status web --json | at status)" "asleep"

section "JSON"
# Exactly one document, whatever happens, with the fields that are stored.

# json WHAT COMMAND...: one document and nothing else; it is in $said.
json() {
	what=$1
	shift
	run "$@" --json
	if [ "$status" -eq 0 ] && [ -z "$errors" ] && at -check <"$T/said" 2>"$T/why"; then
		pass "$what --json is one document"
	else
		fail "$what --json is one document" "status $status: $*" "$said" "$errors" "$(cat "$T/why")"
	fi
}
field() { at "$@" <"$T/said"; }

json "register_agent" "$BIN" register_agent --name json --workspace-path "$T/api" --description "d"
is "... with what is stored" "$(field name) $(field workspacePath) $(field description)" "json $T/api d"
json "list_agents" "$BIN" list_agents
is "... with all of them" "$(field '#') $(field 0 name) $(field 2 name)" "3 api json"
json "list_specs beyond the last" "$BIN" list_specs --offset 99
is "... which is an empty list" "$said" "[]"
json "get_agent" "$BIN" get_agent --name web
is "... with the one" "$(field workspacePath)" "$T/web"
json "send_message" "$BIN" send_message --from web --to json --subject '"quoted"' --content "the text"
id=$(field id)
is "... with the whole id" "${#id} $(field from) $(field to) $(field subject) $(field status)" \
	'36 web json "quoted" pending'
json "send_message to several" "$BIN" send_message --from web --to json,api --subject s --content x
is "... with each" "$(field '#') $(field 0 to) $(field 1 to)" "2 json api"
json "check_inbox" "$BIN" check_inbox --from json
is "... with all the mail" "$(field '#') $(field 0 id)" "2 $id"
json "read_message" "$BIN" read_message --from json --message-id "$id"
is "... with the text" "$(field content) $(field subject)" 'the text "quoted"'
is "and a receipt" "$(meta "$id" status)" acknowledged
json "reply_message" "$BIN" reply_message --from json --original-message-id "$id" --content x --mark-complete
is "... with what it answers" "$(field replyTo)" "$id"
json "escalate" "$BIN" escalate --from json --message-id "$id" --reason why
is "... with the reason" "$(field status) $(field escalationReason)" "escalated why"
json "publish_spec" "$BIN" publish_spec --from web --name json --content "the spec"
is "... with its name" "$(field name) $(field publisher)" "json web"
json "get_spec" "$BIN" get_spec --name json
is "... with the text" "$(field content)" "the spec"
json "list_specs" "$BIN" list_specs
is "... with each" "$(field 0 name)" from-stdin
json "set_status" "$BIN" set_status --from json --status "reading"
is "... with the status" "$(field agent) $(field status)" "json reading"
json "get_status" "$BIN" get_status --agent-name json
is "... with the status" "$(field agent) $(field status)" "json reading"
json "get_all_statuses" "$BIN" get_all_statuses
is "... with each" "$(field '#')" 3
"$BIN" send_message --from web --to json --subject long --content - <"$T/big" >/dev/null 2>&1
head -c 200000 "$T/big" >"$T/long"
id=$("$BIN" send_message --from web --to json --subject long --content - <"$T/long")
json "read_message of a long text" "$BIN" read_message --from json --message-id "${id%% *}"
is "... with all of it" "$(field content | tr -d '\n' | wc -c | tr -d ' ')" 200000
is "a failure has no document" "$("$BIN" get_agent --name ghost --json 2>/dev/null)" ""

# Also where there is nothing, and where another program stored what is not
# UTF-8.
FULL=$INTERAGENT_DIR
INTERAGENT_DIR=$T/nothing
for verb in list_agents list_specs get_all_statuses; do
	json "$verb of nothing" "$BIN" "$verb"
	is "which is empty" "$(field '#')" 0
done
json "an empty inbox" person check_inbox --from human
mkdir "$INTERAGENT_DIR"
printf '{\n  "old": {\n    "name": "old",\n    "description": "\377 \303"\n  }\n}' >"$INTERAGENT_DIR/registry.json"
json "what is not UTF-8" "$BIN" list_agents
json "no status" "$BIN" get_status --agent-name old
printf '{"x":' >"$INTERAGENT_DIR/status.json"
touch -t 202001010000 "$INTERAGENT_DIR/status.json"
json "a damaged file" "$BIN" get_all_statuses
INTERAGENT_DIR=$FULL

section "Every verb that prints has --json"
# Valid, and on a terminal nothing in it that is hidden or could harm the screen.

printf 'a\302\233b\342\200\256c\033d' >"$T/ugly"
ugly=$("$BIN" send_message --from web --to api --subject "$(cat "$T/ugly")" --content "$(cat "$T/ugly")" --json | at id)
"$BIN" publish_spec --from web --name ugly --content "$(cat "$T/ugly")" >/dev/null
"$BIN" publish_spec --from web --name ugly --content "$(cat "$T/ugly") more" >/dev/null
for verb in board log 'log --full' "log $ugly" agents statuses specs 'spec ugly' 'diff ugly' 'inbox --from api' "read $ugly --from api" \
	"reply $ugly --from api --mark-complete" "done $ugly --from web" doctor setup 'setup codex --dry-run' 'prune --older 30d' \
	'wait --from web --timeout 0' 'wait --from api --exit-code 0 --timeout 10' 'get_agent web' 'get_status web'; do
	# shellcheck disable=SC2086
	"$HELPERS/tty" "$BIN" $verb --json >"$T/said" 2>"$T/errors"
	ok "$verb --json is one document" at -check <"$T/said"
	[ ! -s "$T/errors" ] || fail "... and nothing else" "$(cat "$T/errors")"
	if has_terminal; then
		terminal "'$BIN' $verb --json" >"$T/said"
		ok "... harmless on a terminal" "$HELPERS/screen" -check 1000000 <"$T/said"
	fi
done
"$BIN" send_message --from web --to api --subject "$(cat "$T/ugly")" --content x >/dev/null
: >"$T/said"
"$HELPERS/tty" "$BIN" watch --from api --json >"$T/said" 2>&1 &
watcher=$!
ok "watch --json prints a document in each line" wait_for test -s "$T/said"
kill $watcher
wait $watcher 2>/dev/null
ok "... which is JSON" sh -c 'head -n 1 "$1" | "$2" -check' sh "$T/said" "$HELPERS/jsonq"
ok "... and harmless" "$HELPERS/screen" -check 1000000 <"$T/said"
for verb in serve man 'completion bash'; do
	# shellcheck disable=SC2086
	fails "$verb has a form of its own" 2 'no such option: --json' "$BIN" $verb --json
done

section "How it ends"
# 0 done, 1 refused or failed, 2 misused.

fails "an unknown verb is misuse" 2 'no such verb.*frobnicate' "$BIN" frobnicate
fails "an option of no verb" 2 'no such.*--frobnicate' "$BIN" list_agents --frobnicate
fails "an option of another verb" 2 'no such option: --subject' "$BIN" list_agents --subject s
fails "a word too many" 2 'one word too many: api' "$BIN" get_agent web api
fails "a missing value" 2 'a value is missing for --name' "$BIN" get_agent --name
fails "a missing option" 2 'NAME is missing; see interagent help get_agent$' "$BIN" get_agent
fails "a wrong value" 2 '--offset: expected a whole number, not "soon"; see interagent help inbox$' "$BIN" check_inbox --from api --offset soon
fails "an empty value" 2 'TO: must not be empty' "$BIN" send_message --from api --to '' --subject s \
	--content x
fails "a sender that a variable should have named" 2 '--from: must not be empty' "$BIN" set_status x --from ''
fails "... in one word" 2 '--from: must not be empty' "$BIN" inbox --from=
fails "... of a verb that no agent speaks in" 2 '--from: must not be empty' "$BIN" list_agents --from ''
fails "an agent that is not there is a failure" 1 'no agent "ghost"; registered: api, web, json$' "$BIN" \
	get_agent --name ghost
fails "a message that is not there" 1 'no message "01234567"' "$BIN" read_message --message-id 01234567
fails "a spec that is not there" 1 'no spec "ghost"; published: from-stdin, json, login, ugly$' "$BIN" get_spec \
	--name ghost
fails "a recipient who is not there" 1 'no agent "ghost"' "$BIN" send_message --from web --to api,ghost \
	--subject s --content x
fails "a sender who is not there" 1 'no agent "ghost"' "$BIN" send_message --from ghost --to api \
	--subject s --content x
fails "a name that is reserved" 1 '"human"' "$BIN" register_agent --name Human --description d \
	--workspace-path "$T/api"
touch "$T/file"
fails "a store that cannot be" 1 "$T/file/store[/a-z.]*: Not a directory" env INTERAGENT_DIR="$T/file/store" "$BIN" list_agents
fails "no place for the store to be written" 1 INTERAGENT_DIR env -u INTERAGENT_DIR -u HOME "$BIN" \
	register_agent --name x --description x
fails "or to be read" 1 INTERAGENT_DIR env -u INTERAGENT_DIR -u HOME "$BIN" list_agents

# What cannot be written out was not done: a script must not go on, and a
# message that nobody saw is not read.
send_unread() { id=$("$BIN" send_message --from web --to api --subject s --content x) && id=${id%% *}; }
send_unread
"$BIN" read_message --from api --message-id "$id" >&- 2>/dev/null
is "without a standard output it fails" "$? $(meta "$id" status)" "1 pending"
if [ -c /dev/full ]; then
	send_unread
	"$BIN" read_message --from api --message-id "$id" >/dev/full 2>/dev/null
	is "... with a full one too" "$? $(meta "$id" status)" "1 pending"
	"$BIN" --help >/dev/full 2>/dev/null
	is "... even for help" $? 1
	# But a message that was stored must not be sent again.
	wrote=$("$BIN" send_message --from web --to api --subject s --content x 2>&1 >/dev/full)
	like "what is stored all the same is not to be sent again" "$wrote" \
		'^interagent: cannot write the answer: .*; it is done all the same, do not do it again$'
	"$BIN" register_agent x --description d --workspace-path "$T/api" >/dev/null
	for words in "done $id --from api" 'forget x' 'prune --older 30d'; do
		# shellcheck disable=SC2086
		wrote=$("$BIN" $words 2>&1 >/dev/full)
		like "... nor is what ${words%% *} has done" "$wrote" '; it is done all the same, do not do it again$'
	done
	wrote=$("$BIN" check_inbox --from api 2>&1 >/dev/full)
	like "... and nothing is said of what only looks" "$wrote" '^interagent: cannot write the answer: [^;]*$'
	wrote=$("$BIN" watch --from api 2>&1 >/dev/full)
	like "watch says why it ends, too" "$wrote" '^interagent: cannot write mail: '
	wrote=$("$BIN" wait --from api --exit-code 0 2>&1 >/dev/full)
	like "... and so does wait" "$? $wrote" '^1 interagent: cannot write mail: '
else
	skip "... with a full one too" "there is no /dev/full"
fi

section "Text that is no text"
# What is not UTF-8 could not be given to any client.

bad=$(printf 'x\377y')
before=$(ls "$INTERAGENT_DIR/messages")
fails "a subject that is not UTF-8" 2 '--subject: is not UTF-8' "$BIN" send_message --from web --to api \
	--subject "$bad" --content x
fails "after an equals sign" 2 '--subject: is not UTF-8' "$BIN" send_message --from web --to api --subject="$bad" \
	--content x
fails "a name" 2 'NAME: is not UTF-8' "$BIN" register_agent --name "$bad" --description x
printf 'x\377y' >"$T/bad"
"$BIN" send_message --from web --to api --subject s --content - <"$T/bad" >"$T/said" 2>"$T/errors"
is "and a text from standard input" "$? $(cat "$T/said")" "2 "
is "are not stored" "$(ls "$INTERAGENT_DIR/messages")" "$before"

section "Who speaks"
# A shell with a terminal is the person's, one that an agent runs is the
# agent's; and no agent gets to be the person by typing.

sender() { meta "$(told_id)" from; }
cat >"$T/sends" <<'END'
#!/bin/sh
exec "$BIN" send_message --to api --subject s --content x "$@"
END
chmod +x "$T/sends"
export BIN
does "--from names the speaker" stored "$T/sends" --from web
is "... who it is" "$(sender)" web
does "... it may be the human" stored "$HELPERS/tty" "$T/sends" --from human
is "whose message it is" "$(sender)" human
does "INTERAGENT_NAME names the speaker" stored env INTERAGENT_NAME=web "$T/sends"
is "... who it is then" "$(sender)" web
fails "and no other" 1 'speaks only as "web"' env INTERAGENT_NAME=web "$T/sends" --from api
fails "... not even the human" 1 'speaks only as "web"' env INTERAGENT_NAME=web "$T/sends" --from human

for mark in CLAUDECODE=1 CODEX_SANDBOX=seatbelt CODEX_THREAD_ID=1 GEMINI_CLI=1 CURSOR_AGENT=1; do
	fails "... in a shell with ${mark%%=*} nobody is the human" 1 '"human" is the person.*agent.s: [A-Z_]* is set' env $mark \
		"$HELPERS/tty" "$T/sends" --from human
done
fails "... not by INTERAGENT_NAME either" 1 '"human" is the person.*agent.s: [A-Z_]* is set' env CLAUDECODE=1 INTERAGENT_NAME=human \
	"$HELPERS/tty" "$T/sends"
does "there --from names an agent" stored env CLAUDECODE=1 "$T/sends" --from web
is "which it is" "$(sender)" web
fails "and where it is not known it is asked for" 1 '--from' env CLAUDECODE=1 "$T/sends"
fails "... also in the inbox" 1 '--from' env CLAUDECODE=1 "$BIN" check_inbox

# An id that was inherited from a session elsewhere counts for nothing.
here=$PWD
CLAUDE_CODE_SESSION_ID=session-1
export CLAUDE_CODE_SESSION_ID
cd "$T/web" || exit 1
serve "$(call 1 set_status '{"agent_name":"web","status":"x"}')" >/dev/null
does "the session tells who runs the shell" stored env CLAUDECODE=1 "$T/sends"
is "which is who its server spoke for" "$(sender)" web
cd "$here" || exit 1
fails "... but not in another place" 1 '--from' env CLAUDECODE=1 "$T/sends"
unset CLAUDE_CODE_SESSION_ID
cd "$T/web" || exit 1
serve "$(call 1 register_agent '{"name":"web","description":"the client"}')" >/dev/null
does "so does the workspace" stored env CLAUDECODE=1 "$T/sends"
is "whose agent it is" "$(sender)" web
fails "but it makes nobody the human" 1 '"human" is the person.*agent.s: [A-Z_]* is set' env CLAUDECODE=1 "$T/sends" --from human
cd "$here" || exit 1

if command -v setsid >/dev/null; then
	fails "without a terminal it asks for --from" 1 '--from' setsid "$T/sends"
	fails "... and nobody is the human there, by --from either" 1 'no terminal here' setsid "$T/sends" --from human
	does "... but an agent" stored setsid "$T/sends" --from web
else
	skip "without a terminal it asks for --from" "there is no setsid"
fi
if has_terminal; then
	said=$(terminal "exec '$T/sends'")
	is "with a terminal it is the human's" "$(sender)" human
	CLAUDECODE=1
	export CLAUDECODE
	said=$(terminal "exec '$T/sends'")
	like "but not in a shell that an agent runs" "$said" '^interagent: .*--from'
	unset CLAUDECODE
else
	skip "with a terminal it is the human's" "there is no script that makes a terminal"
fi

done_testing
