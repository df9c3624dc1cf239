# Who is speaking. An agent's name outlives its process, its context window and
# its restarts, so that a call which names nobody must still come from the right
# one, and never from somebody else.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

# Where nothing says who speaks.
mkdir "$T/nowhere" "$T/x"

# enter NAME DIR: an agent registers from inside its workspace.
enter() {
	mkdir -p "$2"
	by "$2" "" register_agent "{\"name\":\"$1\",\"description\":\"test\"}"
}

# The name that a call with these arguments has when it names nobody, or what is said instead.
who() { by "$1" "${2-}" set_status '{"status":"here"}' | sed -e 's/^The status of \(.*\) is set\.$/\1/' -e 's/^who are you.*/nobody/' -e 1q; }

entry() { at "$@" <"$INTERAGENT_DIR/registry.json" 2>/dev/null; }

# The member of the only message whose subject is this.
about() {
	grep -l -F "\"subject\": \"$1\"" "$INTERAGENT_DIR"/messages-meta/*.json | while read -r file; do
		at "$2" <"$file"
	done
}

section "The fifth step: the workspace"
# The deepest directory that an agent registered for from inside, up to a
# repository's root.

like "an agent registers from inside its workspace" "$(enter api "$T/x/app")" '^api is registered'
is "... its workspace is where it was" "$(entry api workspacePath)" "$T/x/app"
mkdir -p "$T/x/app/src/deep" "$T/x/ap" "$T/x/apple" "$T/x/app2" "$T/x/other/app"
is "a call from the workspace is the agent's" "$(who "$T/x/app")" api
is "... from a directory in it" "$(who "$T/x/app/src")" api
is "... from one deep in it" "$(who "$T/x/app/src/deep")" api
for place in ap apple app2 other/app other ""; do
	is "a call from /x/$place is not the agent's of /x/app" "$(who "$T/x/$place")" nobody
done
for mark in OPENCODE GEMINI_CLI; do
	is "what an outer client says of its place is not believed: $mark" \
		"$(who "$T/nowhere" "$mark=1 CLAUDECODE=1 CLAUDE_PROJECT_DIR=$T/x/app")" nobody
	like "... nor in its shell" "$(cli "$T/nowhere" "$mark=1 CLAUDECODE=1 CLAUDE_PROJECT_DIR=$T/x/app" set_status x)" 'who is speaking?'
done
is "... but what the inner one says is" \
	"$(who "$T/nowhere" "GEMINI_CLI=1 GEMINI_PROJECT_DIR=$T/x/app CLAUDECODE=1 CLAUDE_PROJECT_DIR=$T")" api
is "CLAUDE_PROJECT_DIR says where the client works" \
	"$(who "$T/nowhere" "CLAUDE_PROJECT_DIR=$T/x/app/src")" api
is "... and not the working directory then" "$(who "$T/x/app" "CLAUDE_PROJECT_DIR=$T/nowhere")" nobody
is "... an empty one says nothing" "$(who "$T/x/app" "CLAUDE_PROJECT_DIR=")" api
is "... one that is not there is nobody's" "$(who "$T/x/app" "CLAUDE_PROJECT_DIR=$T/x/app/gone")" nobody

enter web "$T/x/app/front" >"$T/out"
mkdir -p "$T/x/app/front/src"
is "the deepest workspace counts" "$(who "$T/x/app/front/src")" web
is "... and the outer one outside it" "$(who "$T/x/app/src")" api

# Real paths: a link to a workspace is the workspace, however it was written.
ln -s "$T/x/app" "$T/link"
is "a link to the workspace leads to it" "$(who "$T/nowhere" "CLAUDE_PROJECT_DIR=$T/link")" api
is "... and a path through it too" "$(who "$T/nowhere" "CLAUDE_PROJECT_DIR=$T/link/src/../src")" api
ln -s "$T/nowhere" "$T/x/app/away"
is "a link out of the workspace leads out of it" "$(who "$T/nowhere" "CLAUDE_PROJECT_DIR=$T/x/app/away")" \
	nobody
mkdir -p "$T/real/db"
ln -s "$T/real" "$T/linked"
by "$T/real/db" "" register_agent "{\"name\":\"db\",\"description\":\"x\",\"workspace_path\":\"$T/linked/db/\"}" >"$T/out"
is "a workspace that was given by way of a link, with a slash behind it, is the same" "$(who "$T/real/db")" db

# Of several, the one that registered last, and each where it is named.
enter one "$T/x/two" >"$T/out"
enter other "$T/x/two" >"$T/out"
mkdir -p "$T/x/two/src"
is "of two agents of a workspace the one that registered last speaks" "$(who "$T/x/two")" other
is "... in a directory of it too" "$(who "$T/x/two/src")" other
like "... and the first where it is named" "$(by "$T/x/two/src" "" set_status '{"status":"x","agent_name":"one"}')" '^The status of one is set'
enter one "$T/x/app/pair" >"$T/out"
enter other "$T/x/app/pair" >"$T/out"
is "... and not the agent of the directory above it" "$(who "$T/x/app/pair")" other

# A repository's root ends the search, be it a directory or, in a worktree or a
# submodule, a file.
mkdir -p "$T/x/app/vendor/.git" "$T/x/app/vendor/src" "$T/x/app/tree/src" "$T/x/app/.git"
echo "gitdir: elsewhere" >"$T/x/app/tree/.git"
is "a repository in the workspace is somebody else's" "$(who "$T/x/app/vendor")" nobody
is "... down to its directories" "$(who "$T/x/app/vendor/src")" nobody
is "... a worktree too" "$(who "$T/x/app/tree/src")" nobody
is "the workspace may be a repository itself" "$(who "$T/x/app/src")" api
enter inner "$T/x/app/vendor/src" >"$T/out"
is "a workspace inside a repository is found before its root" "$(who "$T/x/app/vendor/src")" inner

# Nobody claims a directory from afar: not over MCP, not on the command line,
# and not by an entry that does not say where it was made.
mkdir -p "$T/x/claimed/src" "$T/x/old" "$T/x/within/src"
by "$T/nowhere" "" register_agent "{\"name\":\"afar\",\"description\":\"x\",\"workspace_path\":\"$T/x/claimed\"}" >"$T/out"
is "a directory that was claimed from afar is nobody's" "$(who "$T/x/claimed")" nobody
like "... but who is asked for a name hears the one" "$(by "$T/x/claimed" "" set_status '{"status":"x"}')" \
	'^who are you? call register_agent; registered for this directory: afar$'
like "... and may speak under it" "$(by "$T/x/claimed" "" set_status '{"status":"x","agent_name":"afar"}')" '^The status of afar is set'
by "$T/x" "" register_agent "{\"name\":\"above\",\"description\":\"x\",\"workspace_path\":\"$T/x/claimed\"}" >"$T/out"
is "... that was claimed from above too" "$(who "$T/x/claimed/src")" nobody
mkdir "$T/x/claim"
by "$T/x/claim" "" register_agent "{\"name\":\"beside\",\"description\":\"x\",\"workspace_path\":\"$T/x/claimed\"}" >"$T/out"
is "... from a directory whose name begins alike too" "$(who "$T/x/claimed")" nobody
enter owner "$T/x/claimed" >"$T/out"
is "... and such claims do not hinder its own agent" "$(who "$T/x/claimed/src")" owner
by "$T/x/within/src" "" register_agent "{\"name\":\"within\",\"description\":\"x\",\"workspace_path\":\"$T/x/within\"}" >"$T/out"
is "one who registers from a directory of the workspace is inside it" "$(who "$T/x/within")" within
for how in "the command line" "a server elsewhere"; do
	case $how in
	the*) (cd "$T/nowhere" && verb register_agent --name within --workspace-path "$T/x/within" --description y) >"$T/out" ;;
	*) by "$T/nowhere" "" register_agent "{\"name\":\"within\",\"description\":\"z\",\"workspace_path\":\"$T/x/within\"}" >"$T/out" ;;
	esac
	is "... which it stays if it is registered again from $how" "$(who "$T/x/within")" within
done
unlike "... of which nobody is told" "$(cat "$T/out")" 'yours now'
enter newest "$T/x/within" >"$T/out"
(cd "$T/nowhere" && verb register_agent --name within --workspace-path "$T/x/within" --description y) >"$T/out"
is "... but it does not come first again by it" "$(who "$T/x/within")" newest
start 1 "$T/x/within"
ask 1 register_agent '{"name":"within","description":"x"}' >"$T/out"
enter newest "$T/x/within" >"$T/out"
like "a name of one workspace is shared by who passes it" \
	"$(by "$T/x/within" "" set_status '{"status":"x","agent_name":"within"}')" '^The status of within is set'
stop 1
like "another agent that takes it over is told whose it was" \
	"$(by "$T/x/claimed" "" register_agent "{\"name\":\"within\",\"description\":\"z\",\"workspace_path\":\"$T/x/within\"}")" \
	'It was registered for ".*/within", .*; it is yours now\.'

# An entry of the original program, and entries that only a file can have.
add_entry() {
	sed '$d' "$INTERAGENT_DIR/registry.json" | sed '$s/$/,/' >"$T/registry"
	printf '  "%s": {"name": "%s", "workspacePath": "%s", "description": "x", "registeredAt": "2025-01-01T00:00:00.000Z"%s}\n}\n' \
		"$1" "$1" "$2" "$3" >>"$T/registry"
	cp "$T/registry" "$INTERAGENT_DIR/registry.json"
}
add_entry legacy "$T/x/old" ""
is "an entry that does not say where it was made claims nothing" "$(who "$T/x/old")" nobody
add_entry everything / ', "registeredFrom": "/"'
is "the agent of / is not the agent of all" "$(who "$T/nowhere")" nobody
is "... only of / itself" "$(who /)" everything
add_entry above-home "$T" ", \"registeredFrom\": \"$T\""
mkdir -p "$HOME/project"
enter homebody "$HOME" >"$T/out"
is "the agent of the home directory is found there" "$(who "$HOME")" homebody
is "... but is not the agent of what is in it" "$(who "$HOME/project")" nobody
is "an agent further up is not found through the home directory" "$(who "$HOME/project")" nobody
is "... but it is elsewhere" "$(who "$T/nowhere")" above-home
"$BIN" forget above-home >"$T/out"
"$BIN" forget everything >"$T/out"

section "The fourth step: the session"
# A client that was restarted has the session of before, and so does the shell
# of its agent.

mkdir -p "$T/x/shared/src" "$T/x/thread"
start 1 "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-1
ask 1 register_agent '{"name":"first","description":"x"}' >"$T/out"
enter second "$T/x/shared" >"$T/out"
is "another server of the same session is the same agent's" "$(who "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-1)" first
is "... in a directory of its workspace too" "$(who "$T/x/shared/src" CLAUDE_CODE_SESSION_ID=s-1)" first
is "a server of another session is not" "$(who "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-2)" second
is "... and one whose session begins alike is not" "$(who "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-11)" second
is "an empty session is none" "$(who "$T/x/shared" CLAUDE_CODE_SESSION_ID=)" second
is "a session that was inherited counts for nothing in another place" "$(who "$T/nowhere" CLAUDE_CODE_SESSION_ID=s-1)" nobody
is "... and for nothing in another agent's" "$(who "$T/x/app" CLAUDE_CODE_SESSION_ID=s-1)" api
is "an unknown session leaves it to the workspace" "$(who "$T/x/app" CLAUDE_CODE_SESSION_ID=s-2)" api
stop 1
is "a session that has ended is still known" "$(who "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-1)" first

threaded() {
	printf '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s","arguments":%s,"_meta":{"threadId":"%s"}}}' \
		"$2" "$3" "$1"
}
by_thread() { text_of "$(cd "$T/x/thread" && serve "$(threaded "$@")")"; }
by_thread t-1 register_agent '{"name":"thread","description":"x"}' >"$T/out"
enter needle "$T/x/thread" >"$T/out"
like "the thread that a call names is a session" "$(by_thread t-1 set_status '{"status":"x"}')" '^The status of thread is set'
like "... and another thread is another one" "$(by_thread t-2 set_status '{"status":"x"}')" '^The status of needle is set'
like "the thread of a call counts before the session of its server" \
	"$(export CLAUDE_CODE_SESSION_ID=s-1; by_thread t-1 set_status '{"status":"x"}')" '^The status of thread is set'

# The live one counts, were the other heard of a thousand years later.
start 1 "$T/x/two" CLAUDE_CODE_SESSION_ID=s-3
ask 1 register_agent '{"name":"one","description":"x"}' >"$T/out"
enter other "$T/x/two" >"$T/out"
printf '{"pid": 1, "client": "", "session": "s-3", "workspace": "%s", "since": "2025-01-01T00:00:00.000Z"}' "$T/x/two" >"$INTERAGENT_DIR/live/other.00000000"
touch -t 300001010000 "$INTERAGENT_DIR/live/other.00000000"
is "of two agents of a session the live one speaks" "$(who "$T/x/two" CLAUDE_CODE_SESSION_ID=s-3)" one
stop 1
rm -f "$INTERAGENT_DIR/live/other.00000000"

section "The third step: who registered in this process"

start 1 "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-1
like "before it registers a server speaks for its session's agent" "$(ask 1 set_status '{"status":"x"}')" '^The status of first is set'
ask 1 register_agent "{\"name\":\"one\",\"description\":\"x\",\"workspace_path\":\"$T/x/two\"}" >"$T/out"
like "the agent that registered here counts before session and workspace" \
	"$(ask 1 set_status '{"status":"x"}')" '^The status of one is set'
ask 1 register_agent "{\"name\":\"one\",\"description\":\"again\",\"workspace_path\":\"$T/x/two\"}" >"$T/out"
like "... and if it registers once more too" "$(ask 1 set_status '{"status":"x"}')" '^The status of one is set'
like "an argument counts before it" "$(ask 1 set_status '{"status":"x","agent_name":"second"}')" '^The status of second is set'
like "... for that call only" "$(ask 1 set_status '{"status":"x"}')" '^The status of one is set'
like "an argument may have blanks around it" "$(ask 1 set_status '{"status":"x","agent_name":" second "}')" '^The status of second is set'
is "... and it is still there as the one" "$("$BIN" agents | sed -n 's/: live .*//p' | paste -s -d ' ' -)" one
like "an empty argument is none" "$(ask 1 set_status '{"status":"x","agent_name":""}')" '^The status of one is set'
like "an argument that is somebody else's is refused" "$(ask 1 set_status '{"status":"x","agent_name":"api"}')" \
	'^you are one here, not api: leave the name out, or register under it$'
mv "$INTERAGENT_DIR/registry.json" "$T/kept"
echo '{}' >"$INTERAGENT_DIR/registry.json"
for tool in set_status check_inbox; do
	is "a registration that was lost is said to be: $tool" "$(ask 1 $tool '{"status":"x"}')" "one is not registered any more: call register_agent"
done
mv "$T/kept" "$INTERAGENT_DIR/registry.json"
stop 1

register_two() {
	ask 1 register_agent "{\"name\":\"left\",\"description\":\"x\",\"workspace_path\":\"$T/x/left\"}" >"$T/out"
	ask 1 register_agent "{\"name\":\"right\",\"description\":\"x\",\"workspace_path\":\"$T/x/right\"}" >"$T/out"
}
start 1 "$T/nowhere"
register_two
like "of two agents that registered in a process the last one speaks" "$(ask 1 set_status '{"status":"x"}')" '^(right) The status of right is set'
like "... the other where it is named" "$(ask 1 set_status '{"status":"x","agent_name":"left"}')" '^(left) The status of left is set'
like "... for that call only" "$(ask 1 set_status '{"status":"x"}')" '^(right) The status of right is set'
like "... each answer begins with the name" "$(ask 1 check_inbox '{}')" '^(right) No mail'
ask 1 register_agent "{\"name\":\"left\",\"description\":\"x\",\"workspace_path\":\"$T/x/left\"}" >"$T/out"
like "... who registers again is the last one" "$(ask 1 set_status '{"status":"x"}')" '^(left) The status of left is set'
mkdir -p "$T/x/taker"
start 2 "$T/x/taker"
like "another process may take the name that it left" \
	"$(ask 2 register_agent '{"name":"right","description":"x"}')" '^right is registered.* it is yours now'
like "... which it speaks as no more" "$(ask 1 set_status '{"status":"x","agent_name":"right"}')" '^you are left here, not right'
stop 2
stop 1

start 1 "$T/nowhere"
by_line() { text_of "$(hear 1 "$(threaded "$@")")"; }
by_line t-3 register_agent "{\"name\":\"left\",\"description\":\"x\",\"workspace_path\":\"$T/x/left\"}" >"$T/out"
by_line t-4 register_agent "{\"name\":\"right\",\"description\":\"x\",\"workspace_path\":\"$T/x/right\"}" >"$T/out"
like "of two threads in a process each speaks for its own agent" "$(by_line t-3 set_status '{"status":"x"}')" '^(left) The status of left is set'
like "... the other too" "$(by_line t-4 set_status '{"status":"x"}')" '^(right) The status of right is set'
like "... and a third for the last one" "$(by_line t-5 set_status '{"status":"x"}')" '^(right) The status of right is set'
hook_of() {
	mkdir -p "$T/x/right"
	printf '{"hook_event_name":"SessionStart","session_id":"%s","cwd":"%s"}' "$1" "$T/x/right" |
		(cd "$T/x/right" && "$BIN" hook) | at hookSpecificOutput additionalContext 2>/dev/null
}
start 2 "$T/x/taker"
ask 2 register_agent '{"name":"left","description":"x"}' >"$T/out"
like "... unless another process has taken its name" "$(by_line t-3 set_status '{"status":"x"}')" '^who are you? call register_agent'
stop 2
by_line t-3 register_agent "{\"name\":\"left\",\"description\":\"x\",\"workspace_path\":\"$T/x/left\"}" >"$T/out"
by_line t-4 register_agent "{\"name\":\"right\",\"description\":\"x\",\"workspace_path\":\"$T/x/right\"}" >"$T/out"
like "... and so do the hooks of who registered it" "$(hook_of t-4)" '^You are the agent right\.'
seen() { find "$INTERAGENT_DIR/live" -name 'right.*' | sort; }
before=$(seen)
by_line t-4 set_status '{"status":"x"}' >"$T/out"
by_line t-5 set_status '{"status":"x"}' >"$T/out"
is "... and threads that take turns leave no files behind" "$(seen)" "$before"
by_line t-3 check_inbox '{}' >"$T/out"
like "... whatever another one looks at" "$(hook_of t-4)" '^You are the agent right\.'
is "... whose hooks are not that one's" "$(hook_of t-3)" ""
mail db left "for left"
by_line t-3 check_inbox '{}' >"$T/out"
unlike "what is unread for one is not hinted to another" "$(by_line t-5 list_specs '{}')" ' unread: check_inbox$'
stop 1

# A session and a place count for less than registering.
start 1 "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-1
register_two
like "of two agents that registered in a session the last one speaks" "$(ask 1 set_status '{"status":"x"}')" '^(right) The status of right is set'
stop 1
start 1 "$T/x/app"
register_two
like "... in the workspace of a third too" "$(ask 1 set_status '{"status":"x"}')" '^(right) The status of right is set'
stop 1

section "Who calls may be left out"
# Every parameter that names the caller.

start 1 "$T/x/app"
start 2 "$T/x/app/front"
ask 1 send_message '{"to":"web","subject":"left out","content":"text"}' >"$T/out"
is "send_message without from is sent by the speaker" "$(about 'left out' from)" api
like "check_inbox without agent_name is the speaker's" "$(ask 2 check_inbox '{}')" 'from api .*"left out"'
id=$(about 'left out' id)
ask 2 read_message "{\"message_id\":\"$id\"}" >"$T/out"
ask 2 list_agents '{}' >"$T/out"  # the receipt is written before the next call is served
is "read_message without reader is the speaker's reading" "$(about 'left out' readBy)" web
is "... and acknowledges" "$(about 'left out' status)" acknowledged
ask 2 reply_message "{\"original_message_id\":\"$id\",\"content\":\"text\"}" >"$T/out"
is "reply_message without from is from the speaker" \
	"$(about 'Re: left out' from) to $(about 'Re: left out' to)" "web to api"
ask 2 escalate "{\"message_id\":\"$id\",\"reason\":\"stuck\"}" >"$T/out"
is "escalate without agent_name is the speaker's" \
	"$(about 'Escalated: left out' from) to $(about 'Escalated: left out' to)" "web to human"
ask 2 publish_spec '{"name":"left-out","content":"text"}' >"$T/out"
like "publish_spec without publisher is the speaker's" "$(head -n 1 "$INTERAGENT_DIR/specs/left-out.md")" \
	'^<!-- Published by: web at '
ask 1 get_spec '{"name":"left-out"}' >"$T/out"
is "get_spec is noted for the speaker" "$(at api version <"$INTERAGENT_DIR/specs/.history/left-out/readers.json")" 1
stop 1
stop 2

section "Nobody"
# An error that says what to call is one that a model can act on.

while read -r tool arguments; do
	is "$tool by nobody says what to call" "$(by "$T/nowhere" "" "$tool" "$arguments")" "who are you? call register_agent"
done <<END
send_message {"to":"web","subject":"s","content":"c"}
check_inbox {}
reply_message {"original_message_id":"$id","content":"c"}
escalate {"message_id":"$id","reason":"r"}
publish_spec {"name":"s","content":"c"}
set_status {"status":"s"}
END
for tool in list_agents list_specs get_all_statuses; do
	unlike "$tool needs no speaker" "$(by "$T/nowhere" "" $tool '{}')" '^who are you'
done
unread=$(send api web unread text)
like "nobody may read a message" "$(by "$T/nowhere" "" read_message "{\"message_id\":\"$unread\"}")" '^text$'
is "... but does not acknowledge it" "$(about unread status)" pending
like "a speaker who is not registered is told who is" \
	"$(by "$T/nowhere" "" send_message '{"from":"apy","to":"web","subject":"s","content":"c"}')" 'no agent "apy"; did you mean api? registered: '
is "... and nothing is sent" "$(about s id)" ""

section "The second step: INTERAGENT_NAME"
# The process speaks as that agent and as nobody else.

mkdir -p "$T/x/pin"
start 1 "$T/x/pin" INTERAGENT_NAME=pinned
hear 1 "$(req 1 ping)" >"$T/out"
is "INTERAGENT_NAME registers its agent at the start" "$(entry pinned name) $(entry pinned workspacePath)" \
	"pinned $T/x/pin"
is "... with a status" "$(at pinned status <"$INTERAGENT_DIR/status.json")" online
like "... and it is there before its first call" "$("$BIN" get_agent --name pinned)" '^pinned: live'
like "... it speaks" "$(ask 1 set_status '{"status":"x"}')" '^The status of pinned is set'
like "... under its name too" "$(ask 1 set_status '{"status":"x","agent_name":"pinned"}')" \
	'^The status of pinned is set'
api_status=$(at api status <"$INTERAGENT_DIR/status.json")
while read -r tool arguments; do
	like "$tool under another name is refused" "$(ask 1 "$tool" "$arguments")" \
		'^this process speaks only as "pinned" (INTERAGENT_NAME), not as "api"$'
done <<END
send_message {"from":"api","to":"web","subject":"spoofed","content":"c"}
check_inbox {"agent_name":"api"}
read_message {"message_id":"$unread","reader":"api"}
reply_message {"original_message_id":"$unread","from":"api","content":"spoofed"}
escalate {"message_id":"$unread","agent_name":"api","reason":"spoofed"}
publish_spec {"name":"spoofed","content":"c","publisher":"api"}
set_status {"status":"spoofed","agent_name":"api"}
register_agent {"name":"api","description":"spoofed"}
END
is "... and nothing of it is stored" "$(grep -r -l spoofed "$INTERAGENT_DIR")" ""
is "... not even a status" "$(at api status <"$INTERAGENT_DIR/status.json")" "$api_status"
like "the status of another may be asked for" "$(ask 1 get_status '{"agent_name":"api"}')" '^api: '
stop 1

registered=$(entry pinned)
by "$T/nowhere" INTERAGENT_NAME=pinned set_status '{"status":"x"}' >"$T/out"
is "INTERAGENT_NAME leaves a registration that is there as it is" "$(entry pinned)" "$registered"
mkdir -p "$T/x/pin-moved"
is "... until the agent itself moves, which is not told as another's" \
	"$(by "$T/x/pin-moved" INTERAGENT_NAME=pinned register_agent '{"name":"pinned","description":"test"}')" \
	"pinned is registered for \"$T/x/pin-moved\"."
is "INTERAGENT_NAME counts before session and workspace" \
	"$(who "$T/x/app" "INTERAGENT_NAME=pinned CLAUDE_CODE_SESSION_ID=s-1")" pinned
for name in system person human; do
	like "a name that no agent can have is refused with where it stands: $name" \
		"$(by "$T/nowhere" "INTERAGENT_NAME=$name" set_status '{"status":"x"}')" 'INTERAGENT_NAME.* must change it$'
	like "... and doctor says what to do: $name" "$(cli "$T/nowhere" "CLAUDECODE=1 INTERAGENT_NAME=$name" doctor)" \
		"INTERAGENT_NAME must be an agent's name; change it"
done
is "blanks around it are dropped, as those around an argument" \
	"$(cd "$T/nowhere" && export INTERAGENT_NAME=' pinned '; tool set_status '{"status":"x"}')" \
	"The status of pinned is set."
is "an empty one is none" "$(who "$T/x/app" INTERAGENT_NAME=)" api

for verb in "check_inbox --from" "inbox --agent-name" \
	"send_message --to web --subject spoofed --content c --from" \
	"set_status --status spoofed --agent-name" "read_message --message-id $unread --reader" \
	"reply_message --original-message-id $unread --content spoofed --from" "escalate --message-id $unread --reason spoofed --agent-name" \
	"publish_spec --name spoofed --content c --publisher" "wait --timeout 0 --agent" "watch --agent" "done $unread --from"; do
	# shellcheck disable=SC2086
	like "on the command line it refuses too: ${verb%% *} as another" \
		"$(cli "$T/nowhere" INTERAGENT_NAME=pinned $verb api)" \
		'this process speaks only as "pinned" (INTERAGENT_NAME), not as "api"$'
done
is "... and nothing of it is stored" "$(grep -r -l spoofed "$INTERAGENT_DIR")" ""
is "... nor is the message read or done" "$(about unread status)" pending
like "on the command line it speaks" "$(cli "$T/nowhere" INTERAGENT_NAME=pinned set_status --status x)" \
	'^The status of pinned is set'

section "A compaction"
# The agent has forgotten its name, the client has restarted the server, and the
# first thing it does is to look into its inbox.

mail web api "what was I doing"
mail api web "not yours"
inbox=$(by "$T/x/app/src" "" check_inbox '{}')
like "after a compaction an agent that calls nothing but check_inbox gets its mail" "$inbox" \
	'"what was I doing"$'
unlike "... and nobody else's" "$inbox" '^[0-9a-f]\{8\} from api .*"not yours"'
start 1 "$T/x/app/src"
ask 1 check_inbox '{}' >"$T/out"
is_there() { "$BIN" get_agent --name "$1" | grep -q "^$1: live"; }
ok "... and is seen to be there" wait_for is_there api
like "... and answers under its name" "$(ask 1 send_message '{"to":"web","subject":"still here","content":"c"}'; about 'still here' from)" '^api$'
stop 1

section "A name that somebody runs under"

start 1 "$T/x/app"
ask 1 register_agent '{"name":"api","description":"first"}' >"$T/out"
answer=$(enter api "$T/x/rival")
like "a name that is live in another workspace cannot be registered" "$answer" "^the name \"api\" is taken by a running agent in \"$T/x/app\" (client unknown, process $pid); choose another\$"
is "... and the entry stays as it was" "$(entry api workspacePath) $(entry api description)" "$T/x/app first"
like "... nor on the command line" "$(cli "$T/x/rival" "" register_agent --name api --description x)" '^\(interagent: \)*the name "api" is taken by a running agent in "'
# Nor does an argument make one of it, though its workspace is around us.
start 2 "$T/x/app/front"
mail db api "who decides"
decision=$(cat "$T/sent")
refusal='^you are web here, not api: leave the name out, or register under it$'
for registered in no yes; do
	[ $registered = no ] || ask 2 register_agent '{"name":"web","description":"x"}' >"$T/out"
	like "an argument makes nobody an agent that runs in a directory above (registered: $registered)" \
		"$(ask 2 reply_message "{\"original_message_id\":\"$decision\",\"from\":\"api\",\"content\":\"forged\"}")" "$refusal"
	like "... nor its reader" "$(ask 2 read_message "{\"message_id\":\"$decision\",\"reader\":\"api\"}")" '^not acknowledged: only api can do that$'
	like "... whose inbox can be looked at" "$(ask 2 check_inbox '{"agent_name":"api"}')" '^This is the inbox of api; looking acknowledges nothing\.$'
done
is "... and nothing is stored or read" "$(about 'Re: who decides' id) $(meta "$decision" status)" " pending"
like "... and it is still there" "$("$BIN" get_agent api)" '^api: live'
like "... nor one that runs in the same directory" "$(ask 2 register_agent "{\"name\":\"twin\",\"description\":\"x\",\"workspace_path\":\"$T/x/app\"}" >"$T/out"
	ask 1 set_status '{"status":"x","agent_name":"twin"}')" '^you are api here, not twin: leave the name out, or register under it$'
stop 2
"$BIN" forget twin >"$T/out"
like "in the same workspace the name may be shared" "$(enter api "$T/x/app")" '^api is registered'
like "... and that is told" "$(enter api "$T/x/app")" 'Another process there speaks for it too\.$'
like "... also if the path is written in another way" \
	"$(by "$T/x/app" "" register_agent "{\"name\":\"api\",\"description\":\"x\",\"workspace_path\":\"$T/x/app/\"}")" 'Another process there speaks for it too\.$'
unlike "... its own process is not another one" \
	"$(ask 1 register_agent '{"name":"api","description":"first"}')" 'Another process'
like "... it may move to another workspace" \
	"$(ask 1 register_agent "{\"name\":\"api\",\"description\":\"moved\",\"workspace_path\":\"$T/x/moved\"}")" \
	'^api is registered'
mkdir -p "$T/x/moved"
like "... and is live there then" "$(enter api "$T/x/moved")" 'Another process there speaks for it too\.$'
like "... and no longer where it was" "$(enter api "$T/x/app")" '^\(interagent: \)*the name "api" is taken by a running agent in "'
stop 1
like "a name whose process has ended is free" "$(enter api "$T/x/app")" '^api is registered'
unlike "... and nobody shares it" "$(enter api "$T/x/app")" 'Another process'

# Process numbers say nothing: two containers that share a store have the same ones.
start 1 "$T/nowhere"
hear 1 "$(req 1 ping)" >"$T/out"
printf '{"pid": %s, "client": "", "session": "", "workspace": "%s", "since": "2025-01-01T00:00:00.000Z"}' \
	"$pid" "$T/x/app" >"$INTERAGENT_DIR/live/api.0123abcd"
mkfifo "$T/hold"
"$HELPERS/probe" hold "$INTERAGENT_DIR/live/api.0123abcd" <"$T/hold" >"$T/held" &
exec 9>"$T/hold"
wait_for grep -q held "$T/held"
like "a live process with our number, but not ours, is another one" \
	"$(ask 1 register_agent "{\"name\":\"api\",\"description\":\"x\",\"workspace_path\":\"$T/x/rival\"}")" '^\(interagent: \)*the name "api" is taken by a running agent in "'
exec 9>&-
stop 1
enter api "$T/x/app" >"$T/out"

section "The person"
# No model speaks under their name, however it is written or got hold of.

for name in human Human HUMAN hUmAn; do
	like "nobody registers as $name" "$(enter $name "$T/nowhere")" \
		'"human" is the person at the keyboard; choose another$'
	like "... nor on the command line" \
		"$(cli "$T/nowhere" "" register_agent --name $name --description x --workspace-path "$T/nowhere")" \
		'"human" is the person at the keyboard; choose another$'
	is "... and it is in no registry" \
		"$(at -keys <"$INTERAGENT_DIR/registry.json" | grep -i -c '^human$')" 0
done
add_entry human "$T/x/ghost" ", \"registeredFrom\": \"$T/x/ghost\""
mkdir -p "$T/x/ghost"
start 1 "$T/x/ghost"
start 2 "$T/x/ghost" INTERAGENT_NAME=human
for slot in 1 2; do
	while read -r tool arguments; do
		answer=$(ask $slot "$tool" "$arguments")
		unlike "$tool as human is refused ($slot)" "$answer" \
			' stored' ' is set' '^No mail' 'is escalated' 'is published' '^text$'
		like "... with the reason" "$answer" '"human" is the person at the keyboard' 'no agent "human'
	done <<END
send_message {"from":"human","to":"web","subject":"impostor","content":"c"}
send_message {"from":" human ","to":"web","subject":"impostor","content":"c"}
check_inbox {"agent_name":"human"}
read_message {"message_id":"$unread","reader":"human"}
reply_message {"original_message_id":"$unread","from":"human","content":"impostor"}
escalate {"message_id":"$unread","agent_name":"human","reason":"impostor"}
publish_spec {"name":"impostor","content":"c","publisher":"human"}
set_status {"status":"impostor","agent_name":"human"}
END
done
for tool in send_message check_inbox set_status; do
	like "$tool of a server that was started as human is refused" \
		"$(ask 2 $tool '{"to":"web","subject":"impostor","content":"c","status":"impostor"}')" '"human" is the person at the keyboard'
	like "$tool of a server in the directory of somebody called human is nobody's" \
		"$(ask 1 $tool '{"to":"web","subject":"impostor","content":"c","status":"impostor"}')" '^who are you? call register_agent'
done
stop 1
stop 2
is "no impostor was stored" "$(grep -r -l impostor "$INTERAGENT_DIR")" ""
is "... and no presence of human" "$(find "$INTERAGENT_DIR/live" -name 'human*')" ""
unlike "an entry for human makes no agent" "$("$BIN" agents)" '^human'
like "everybody may write to the human" \
	"$(by "$T/x/app" "" send_message '{"to":"human","subject":"question","content":"c"}')" \
	' stored for the human\.$'

section "Who may do what with a message"

enter db "$T/x/db" >"$T/out"
first=$(send api web "the matter" text)
like "somebody else may read it, and is told that it is not acknowledged" \
	"$(by "$T/x/db" "" read_message "{\"message_id\":\"$first\"}")" '^not acknowledged: only web can do that$'
is "... and it is not" "$(about 'the matter' status)" pending
like "... its sender may too" "$(by "$T/x/app" "" read_message "{\"message_id\":\"$first\"}")" '^not acknowledged: only web can do that$'
verb read_message --message-id "$first" --from human >"$T/out"
is "... and the human's reading acknowledges nothing either" "$(about 'the matter' status)" pending
by "$T/x/app/front" "" read_message "{\"message_id\":\"$first\"}" >"$T/out"
is "... its recipient's reading acknowledges" "$(about 'the matter' status) $(about 'the matter' readBy)" \
	"acknowledged web"

# reply DIR SUBJECT: somebody replies to the first message.
reply() { by "$1" "" reply_message "{\"original_message_id\":\"$first\",\"subject\":\"$2\",\"content\":\"c\"${3-}}"; }
reply "$T/x/app/front" "from the recipient" >"$T/out"
is "the recipient's reply goes to the sender" \
	"$(about 'from the recipient' from) to $(about 'from the recipient' to)" "web to api"
reply "$T/x/app" "from the sender" >"$T/out"
is "the sender's reply goes to the recipient" \
	"$(about 'from the sender' from) to $(about 'from the sender' to)" "api to web"
like "nobody else replies" "$(reply "$T/x/db" "from outside")" \
	'is between api and web; only they can answer or complete it$'
is "... and nothing is stored" "$(about 'from outside' id)" ""
like "nobody else completes" "$(reply "$T/x/db" "from outside" ',"mark_complete":true')" \
	'only they can answer or complete it$'
like "... nor on the command line" "$(cli "$T/x/db" CLAUDECODE=1 "done" "$first")" \
	'only they can answer or complete it$'
is "... and it is not completed" "$(about 'the matter' status)" acknowledged
like "only the recipient escalates" \
	"$(by "$T/x/db" "" escalate "{\"message_id\":\"$first\",\"reason\":\"r\"}")" \
	'only they or the human can escalate it$'
like "... the sender does not" \
	"$(by "$T/x/app" "" escalate "{\"message_id\":\"$first\",\"reason\":\"r\"}")" \
	'only they or the human can escalate it$'
is "... and it is not escalated" "$(about 'the matter' status)" acknowledged
reply "$T/x/app/front" "completed" ',"mark_complete":true' >"$T/out"
is "a party completes" "$(about 'the matter' status)" completed

section "The command line"
# In an agent's shell the agent speaks, and never the person, even where there
# is a terminal.

shell_status() { cli "$1" "$2" set_status --status x; }
start 1 "$T/x/shared" CLAUDE_CODE_SESSION_ID=s-5
ask 1 register_agent '{"name":"first","description":"x"}' >"$T/out"
enter second "$T/x/shared" >"$T/out"
for mark in CLAUDECODE=1 CODEX_THREAD_ID=x CODEX_CI=1 CODEX_SANDBOX=x GEMINI_CLI=1 QWEN_CODE=1 COPILOT_CLI=1 \
	COPILOT_AGENT_SESSION_ID=x OPENCODE=1 KILO=1 CLINE_ACTIVE=true AGENT=amp AGENT=goose GOOSE_TERMINAL=1 \
	AUGMENT_AGENT=1 CURSOR_AGENT=1 PI_CODING_AGENT=true; do
	case $mark in
	CODEX_THREAD_ID=* | COPILOT_AGENT*) own=first session=${mark%=*}=s-5 ;;
	*) own=first session="$mark CLAUDE_CODE_SESSION_ID=s-5" ;;
	esac
	is "$mark: a verb is of the session's agent" "$(shell_status "$T/x/shared/src" "$session")" "The status of $own is set."
	is "$mark: ... but in another place of that place's" "$(shell_status "$T/x/app" "$session")" "The status of api is set."
	is "$mark: else of the workspace's" "$(shell_status "$T/x/app/src" "$mark")" "The status of api is set."
	is "$mark: else it is refused" "$(shell_status "$T/nowhere" "$mark")" "interagent: who is speaking? name an agent with --from NAME"
	is "$mark: INTERAGENT_NAME speaks" "$(shell_status "$T/nowhere" "$mark INTERAGENT_NAME=pinned")" "The status of pinned is set."
	is "$mark: ... and so does --from" "$(cli "$T/nowhere" "$mark" set_status --status x --from db)" "The status of db is set."
	refusal="\"human\" is the person at the keyboard, and this shell is an agent's: ${mark%=[1xt]*} is set"
	for verb in "send_message --to web --subject impostor --content c --from" "send web impostor --from" "inbox --from" \
		"read $unread --from" "reply $unread impostor --from" "escalate --message-id $unread --reason impostor --from" \
		"done $unread --from" "watch --from" "wait --timeout 0 --from"; do
		# shellcheck disable=SC2086
		is "$mark: ${verb%% *} as human is refused" "$(cli "$T/nowhere" "$mark" $verb human)" "interagent: $refusal"
	done
	is "$mark: INTERAGENT_NAME=human is refused" "$(shell_status "$T/nowhere" "$mark INTERAGENT_NAME=human")" "interagent: $refusal"
	like "$mark: doctor says as whom a verb would speak, and why" "$(cli "$T/x/app" "$mark" doctor)" \
		"^speaker: api: it was registered from here; this shell is an agent's: ${mark%=[1xt]*} is set\$"
done
stop 1
is "no impostor was stored" "$(grep -r -l impostor "$INTERAGENT_DIR")" ""

if command -v setsid >/dev/null; then
	detached() { (cd "$1" && shift && setsid "$BIN" "$@" 2>&1 </dev/null; echo "status $?"); }
	answer=$(detached "$T/nowhere" inbox)
	like "without a terminal and outside an agent's shell nobody is guessed" "$answer" \
		'^interagent: who is speaking? name an agent with --from NAME$'
	like "... and the verb fails" "$answer" '^status 1$'
	like "... not even the workspace's agent, which is named" "$(detached "$T/x/app" inbox)" \
		'^interagent: who is speaking? name an agent with --from NAME; registered for this directory: .*api'
	like "... and --from speaks" "$(detached "$T/nowhere" set_status --status x --from db)" '^The status of db is set'
	like "... but not as human" "$(detached "$T/nowhere" send web "by hand" --from human)" '^interagent: "human" is the person at the keyboard, and there is no terminal here'
	is "... of which nothing is stored" "$(about 'by hand' id)" ""
else
	skip "without a terminal and outside an agent's shell nobody is guessed" "there is no setsid here"
fi
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	on_terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }
	on_terminal "'$BIN' send web typed" >"$T/out"
	is "at a terminal the human speaks" "$(about typed from)" human
	unlike "... but not in an agent's shell there" \
		"$(on_terminal "CLAUDECODE=1 '$BIN' send web guessed")" ' stored'
	on_terminal "cd '$T/x/app' && '$BIN' send web 'typed there'" >"$T/out"
	is "... and in an agent's workspace too" "$(about 'typed there' from)" human
	on_terminal "INTERAGENT_NAME=pinned '$BIN' send web 'typed as'" >"$T/out"
	is "... unless INTERAGENT_NAME says otherwise" "$(about 'typed as' from)" pinned
	# Settings of the user, and a mark by half its name, make no shell an agent's.
	for setting in CODEX_HOME=/x CODEX_API_KEY=x AI_AGENT=x CLAUDE_CONFIG_DIR=/x AGENT=1 AGENT=amplify CLAUDECODE=; do
		on_terminal "$setting '$BIN' send web 'typed with $setting'" >"$T/out"
		is "at a terminal with $setting the human speaks" "$(about "typed with $setting" from)" human
	done
else
	skip "at a terminal the human speaks" "there is no script command here that makes one"
fi
done_testing
