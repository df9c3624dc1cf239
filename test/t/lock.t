# The lock: who needs it, who does not, and what they say when another process
# sits on it, for instance one that was stopped in the middle of its work.
. ./test/lib/test.sh
. ./test/lib/mail.sh

LOCK=$INTERAGENT_DIR/.lock
WAITS=25000     # ms: the lock is given up after 8 s; the rest is for a slow machine
QUICK=6000      # ms: what did not wait for the lock

hold() {
	"$HELPERS/holdlock" "$LOCK" >"$T/held" &
	holder=$!
	wait_for grep -q held "$T/held"
}

release() {
	kill -CONT $holder
	kill $holder
	wait $holder 2>/dev/null
}

# timed NAME VERB...: leaves what it said, its status and its milliseconds in $T.
timed() {
	timed=$T/$1
	shift
	"$HELPERS/holdlock" -ms "$timed.ms" "$@" >"$timed.out" 2>"$timed.err"
	echo $? >"$timed.status"
}

# within NAME STATUS MOST: how it ended, and that it was in time.
within() {
	is "$1 ends with $2" "$(cat "$T/$1.status")" "$2"
	ok "$1 is over in time ($3 ms)" [ "$(cat "$T/$1.ms")" -lt "$3" ]
}

for agent in api web; do register $agent "$T/work"; done
for name in read reply stuck; do send web api "for $name" "for $name" >"$T/id.$name"; done
to_read=$(cat "$T/id.read") to_reply=$(cat "$T/id.reply") to_escalate=$(cat "$T/id.stuck")
for name in a b c d; do
	mkdir -p "$INTERAGENT_DIR/specs"
	printf '<!-- Published by: web at 2026-01-01T00:00:00.000Z -->\n\nspec %s\n' $name >"$INTERAGENT_DIR/specs/$name.md"
done
ok "there is a lock to hold" [ -f "$LOCK" ]

section "A lock deleted before it is held"
# Between somebody's open and flock.
# strace holds the process up between the two; the lock that is then held is
# another one, and must be waited for.
if strace -o "$T/trace" true 2>/dev/null; then
	cp -Rp "$INTERAGENT_DIR" "$T/other"
	INTERAGENT_DIR=$T/other timed late_lock strace -o "$T/trace" -e trace=openat,flock -e inject=flock:delay_enter=3000000:when=1 \
		"$BIN" set_status --from api --status busy &
	late_lock=$!
	wait_for grep -q '\.lock' "$T/trace"
	rm "$T/other/.lock"
	"$HELPERS/holdlock" "$T/other/.lock" >"$T/held.other" &
	other=$!
else
	late_lock=
fi

section "A stopped holder"
hold
kill -STOP $holder

jobs=
blocked() { timed "$@" & jobs="$jobs $!"; }
blocked register_agent "$BIN" register_agent --name late --workspace-path "$T/work" --description d
blocked set_status "$BIN" set_status --from api --status busy
blocked publish_spec "$BIN" publish_spec --from api --name contract --content x
blocked escalate "$BIN" escalate --from api --message-id "$to_escalate" --reason r
blocked reply_message "$BIN" reply_message --from api --original-message-id "$to_reply" --content answer --mark-complete
blocked get_spec "$BIN" get_spec --from api --name a
blocked read_message "$BIN" read_message --from api --message-id "$to_read"
{ call 1 set_status '{"agent_name":"api","status":"busy"}'; req 2 ping; } >"$T/lines"
timed server "$BIN" serve <"$T/lines" &
jobs="$jobs $!"

timed send_message "$BIN" send_message --from web --to api --subject s --content "needs no lock" --json
within send_message 0 $QUICK
ok "and the message is there" [ -f "$INTERAGENT_DIR/messages-meta/$(at id <"$T/send_message.out").json" ]
timed check_inbox "$BIN" check_inbox --from api
within check_inbox 0 $QUICK

timed list_specs "$BIN" list_specs
within list_specs 0 $QUICK

for job in $jobs; do wait "$job"; done
within get_spec 0 $WAITS
like "get_spec shows the text" "$(cat "$T/get_spec.out")" '^spec a$'
for name in register_agent set_status publish_spec escalate reply_message; do
	within $name 1 $WAITS
	like "$name names the lock" "$(cat "$T/$name.err")" "$LOCK"
done
like "reply_message says what is stored" "$(cat "$T/reply_message.err")" \
	'the reply is stored as [0-9a-f]\{8\}, do not send it again'
is "the reply is stored" "$(verb check_inbox --from web --json | at 0 replyTo)" "$to_reply"
is "and its original is as it was" "$(meta "$to_reply" status)" pending
is "nothing is marked escalated" "$(meta "$to_escalate" status)" pending
within read_message 0 $WAITS
like "read_message shows the text first" "$(cat "$T/read_message.out")" '^for read$'
like "then says that it stays unread, and names the lock" "$(cat "$T/read_message.err")" "stays unread: $LOCK"
is "and so it does" "$(meta "$to_read" status)" pending
within server 0 $WAITS
like "a server's answer names the lock" "$(head -n 1 "$T/server.out")" "$LOCK is held by another process"
is "and the next request is answered" "$(sed -n 2p "$T/server.out")" '{"jsonrpc":"2.0","id":2,"result":{}}'

# A sweep that is due is nothing to wait for.
rm "$INTERAGENT_DIR/archive/.swept"
req 1 ping >"$T/lines"
timed due_server "$BIN" serve <"$T/lines"
within due_server 0 $QUICK
timed due_verb "$BIN" list_agents
within due_verb 0 $QUICK

section "Leaving while the lock is not to be had"
mkfifo "$T/wire"
"$HELPERS/holdlock" -ms "$T/leaver.ms" "$BIN" serve <"$T/wire" >"$T/leaver.out" 2>&1 &
leaver=$!
exec 3>"$T/wire"
call 1 set_status '{"agent_name":"api","status":"busy"}' >&3
sleep 0.5
kill -TERM $leaver
wait $leaver
exec 3>&-
ok "SIGTERM ends a server that waits for the lock" [ "$(cat "$T/leaver.ms")" -lt $QUICK ]

section "The lock file is gone, and its holder is still there"
rm "$LOCK"
timed renewed "$BIN" set_status --from api --status free
within renewed 0 $QUICK
ok "there is a new lock" [ -f "$LOCK" ]
release

if [ "$late_lock" ]; then
	wait "$late_lock"
	kill "$other"
	within late_lock 1 $WAITS
	like "a lock that was deleted and made anew is waited for" "$(cat "$T/late_lock.err")" \
		"$T/other/.lock"
else
	skip "a lock that was deleted and made anew is waited for" "no strace"
fi

section "What it is for"
ring=
for i in 1 2 3 4 5 6 7 8; do
	{ for j in 1 2 3 4 5 6 7 8 9 10; do verb register_agent --name "a$i-$j" --workspace-path "$T/work" --description d; done; } >>"$T/out" &
	ring="$ring $!"
done
for job in $ring; do wait "$job"; done
is "of 80 agents that 8 processes register none is lost" \
	"$(grep -c '"name": "a[0-9]*-' "$INTERAGENT_DIR/registry.json")" 80
is "nor of their statuses" "$(grep -c '"agent": "a[0-9]*-' "$INTERAGENT_DIR/status.json")" 80

# A program that knows no lock writes between our reading and our renaming.
if strace -o "$T/trace" true 2>/dev/null; then
	strace -o "$T/trace" -e trace=fsync -e inject=fsync:delay_enter=2000000:when=1 \
		"$BIN" set_status --from api --status ours >"$T/out" 2>&1 &
	writer=$!
	ok "a temp file is written first" wait_for sh -c "ls -A '$INTERAGENT_DIR' | grep '^\.tmp-'"
	sed 's/"status": "free"/"status": "gone"/; s/^{$/{\n  "theirs": {\n    "agent": "theirs",\n    "status": "new",\n    "updatedAt": "2026-01-01T00:00:00.000Z"\n  },/' \
		"$INTERAGENT_DIR/status.json" >"$T/status"
	cat "$T/status" >"$INTERAGENT_DIR/status.json"
	wait $writer
	is "what it wrote meanwhile is kept" "$(at theirs status <"$INTERAGENT_DIR/status.json")" new
	is "and so is what we write" "$(at api status <"$INTERAGENT_DIR/status.json")" ours
	unlike "and no temp file is left" "$(ls -A "$INTERAGENT_DIR")" '^\.tmp-'
else
	skip "what a program that knows no lock wrote meanwhile is kept" "no strace"
fi
done_testing
