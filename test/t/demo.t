# The demo: it tells its story, fails where an answer is wrong, leaves nothing.
. ./test/lib/test.sh

mkdir "$T/tmp"
cp "$BIN" "$T/interagent" # a name that no other process has

# demo PROGRAM: what it prints is in $said, how it ended in $status.
demo() {
	said=$(TMPDIR=$T/tmp INTERAGENT=$1 sh test/demo.sh 2>&1)
	status=$?
}

files() { find "$T/tmp" "$T/home" "$T/store" 2>"$T/none"; }
processes() { ps -A -o args= | awk -v t="$T/" '(index($0, t) || /sleep 7301/) && !/awk/'; }
alone() { [ -z "$(processes)" ]; }

left_nothing() {
	if ps -A -o args= >"$T/ps" 2>&1; then
		wait_for alone
		is "$1: no process is left" "$(processes)" ""
	else
		skip "$1: no process is left" "ps: $(head -n 1 "$T/ps")"
	fi
	is "$1: no file is left" "$(files)" "$T/tmp
$T/home"
}

DEMO_SECONDS=7301
export DEMO_SECONDS
demo "$T/interagent"
is "it ends well" "$status" 0
[ "$status" -eq 0 ] || printf '%s\n' "$said" | sed 's/^/#   /'
like "both clients connect, the older kind" "$said" '^web connects: MCP 2025-11-25$'
like "and the newer" "$said" '^api connects: MCP 2026-07-28$'
like "a bug is reported" "$said" '^web calls send_message  to: api$'
like "... what it says is shown" "$said" '^    > subject: POST /users answers 500$'
like "... it is in the inbox" "$said" '^    | [0-9a-f]\{8\} .*from web .*"POST /users answers 500"'
like "... it is read" "$said" '^    | Expected: 201 and the new user'
like "a spec is published" "$said" '^api calls publish_spec  name: users-api$'
like "... it is answered and completed" "$said" '^    | .*[0-9a-f]\{8\}.* completed'
like "the answer names what it answers" "$said" '^    | in reply to [0-9a-f]\{8\}.*"POST /users answers 500"'
like "statuses are listed" "$said" '^    | api: "fixing POST /users"'
like "another message is escalated" "$said" '^    | [0-9a-f]\{8\}.* escalated'
like "the person's inbox shows it" "$said" '^    | [0-9a-f]\{8\} .*from api .*Delete unused accounts?"'
like "the person answers" "$said" '^    > interagent reply '
like "and the files say so" "$said" '^    |   "status": "completed",$'
like "the end says what happened" "$said" 'each as expected'
is "no line is longer than 100 columns" "$(printf '%s\n' "$said" | awk 'length > 100')" ""
left_nothing "the play"

section "The recording"

is "it shows what the demo does now" "$(INTERAGENT=$T/interagent sh test/recording.sh | tr -s ' ')" "$(tr -s ' ' <.github/board.svg)"

section "A program that is not as it should be"

# Says something else in the middle of the story, and is slow to end: its server still
# works when the demo has asked it to stop.
cat >"$T/wrong" <<END
#!/bin/sh
(cat; sleep 0.3) | "$T/interagent" "\$@" | while IFS= read -r line; do
	printf '%s\n' "\$line" | sed 's/completed/lost/g'
done
END
printf '#!/bin/sh\nexit 0\n' >"$T/absent"
printf '#!/bin/sh\ncat >%s\n' "$T/heard" >"$T/silent"
chmod +x "$T/wrong" "$T/absent" "$T/silent"

demo "$T/wrong"
is "a wrong answer ends it" "$status" 1
like "and is named" "$said" '^demo: the answer should have said: [0-9a-f]\{8\}.* completed$'
unlike "... what comes after it is not told" "$said" 'get_spec'
left_nothing "a wrong answer"
demo "$T/absent"
is "a server that is not there ends it" "$status" 1
like "and that is said" "$said" '^demo: web got no answer to initialize'
left_nothing "no server"
DEMO_SECONDS=1
demo "$T/silent"
is "a server that says nothing ends it" "$status" 1
like "... with a word" "$said" '^demo: interrupted, or too slow$'
left_nothing "a silent server"
done_testing
