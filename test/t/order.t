# The order in which a server writes, seen from the kernel's side: what is
# acknowledged was synced before, in the order that survives a power cut, and
# nothing is ever written outside of the store and the workspaces' inboxes.
. ./test/lib/test.sh

if ! strace -o "$T/none" true 2>/dev/null; then
	skip "the order of writes" "strace is not here, or may not trace"
	done_testing
fi
# A leak checker cannot run beside strace.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

# All that can change a file or its name, and all that makes it last.
calls='write,?pwrite64,?writev,?pwritev,fsync,?fdatasync,?sync_file_range,?msync,?ftruncate,?fallocate'
calls=$calls',?copy_file_range,?sendfile,?fchmod,?fchown,%file'

# events TRACE: one line for each thing done to a file, with whole paths.
#   made PATH      a new file, O_EXCL        dir PATH       a new directory
#   opened PATH    for writing, not new      write PATH
#   sync PATH      a file or a directory     moved FROM TO
#   removed PATH                             changed PATH   in any other way
#   answer N       a write to standard output, which is the file $T/answers
# What the kernel refused is told with "tried" before it.
events() {
	awk -v answers="$T/answers" '
	function of_fd(s) { sub(/^[^<]*</, "", s); sub(/>.*/, "", s); return s }
	function path(at, name) {
		gsub(/^[^"]*"|"[^"]*$/, "", name)
		return name ~ /^\// ? name : of_fd(at) "/" name
	}
	function say(what) { print (/ = -1 / ? "tried " : "") what }
	BEGIN {
		makes["mkdir"] = "dir"; makes["mkdirat"] = "dir"; makes["unlink"] = "removed"
		makes["unlinkat"] = "removed"; makes["rmdir"] = "removed"
		split("execve stat lstat newfstatat fstatat64 statx readlink readlinkat access faccessat faccessat2 getcwd statfs", reads, " ")
		for (i in reads) only_reads[reads[i]] = 1
	}
	!/^[a-z0-9_]+\(/ { next }
	{
		call = $0
		sub(/\(.*/, "", call)
		rest = substr($0, length(call) + 2)
		split(rest, arg, ",")
		at = call ~ /at2?$/ && call != "creat"
	}
	call in only_reads { next }
	call == "write" && of_fd(arg[1]) == answers { say("answer " ++answered); next }
	call == "write" { say("write " of_fd(arg[1])); next }
	call == "fsync" { say("sync " of_fd(arg[1])); next }
	call ~ /^open/ && rest ~ /O_EXCL/ { say("made " path(arg[1], arg[1 + at])); next }
	call ~ /^open/ && rest ~ /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE/ { say("opened " path(arg[1], arg[1 + at])); next }
	call ~ /^open/ { next }
	call ~ /^(rename|link)/ { say("moved " path(arg[1], arg[1 + at]) " " path(arg[3], arg[2 + 2 * at])); next }
	call in makes { say(makes[call] " " path(arg[1], arg[1 + at])); next }
	call == "utimensat" && rest ~ /, NULL, NULL,/ { next }
	{ say("changed " (rest ~ /^[0-9]+</ ? of_fd(arg[1]) : path(arg[1], arg[1 + at])) " by " call) }
	' "$1"
}

# traced EVENTS COMMAND...: its answers are in $T/answers.
traced() {
	to=$1
	shift
	strace -y -s 8 -e trace="$calls" -o "$T/trace" "$@" >"$T/answers" 2>"$T/stderr"
	events "$T/trace" >"$to"
}

# steps N EVENTS: what was done to mail and tables before the N-th answer and
# after the one before it, and that answer. A place is a directory of the store.
steps() {
	awk -v n="$1" -v store="$INTERAGENT_DIR" '
	function place(path) {
		sub(/\/(\.tmp-)?[^\/]*\.?[^\/]*$/, "", path)
		return path == store ? "store" : substr(path, length(store) + 2)
	}
	function tell(what) { if (what != last) printf "%s ", what; last = what }
	$1 == "answer" && $2 == n { printf "answer"; exit }
	$1 == "answer" { seen = $2 }
	seen != n - 1 || index($2 "/", store "/") != 1 || $2 ~ /\/(\.lock|\.swept|live)(\/|$)/ { next }
	$1 == "sync" && $2 !~ /\/\.tmp-/ { tell("sync(" ($2 == store ? "store" : place($2 "/x")) ")"); next }
	$1 == "moved" { name = $3; sub(/.*\//, "", name); sub(/^[0-9a-f]+-[0-9a-f-]+\./, "*.", name); tell("rename(" place($3) "/" name ")"); next }
	$1 ~ /^(made|write|sync|dir|opened|removed|changed)$/ { tell($1 "(" place($2) ")") }
	' "$2"
}

# careless EVENTS: each thing that a power cut could undo after it was said,
# and each file of the store that was not replaced as a whole.
careless() {
	awk -v store="$INTERAGENT_DIR/" '
	function dir_of(path) { sub(/\/[^\/]*$/, "", path); return path }
	function ours(path) { return index(path "/", store) == 1 && path !~ /\/(\.lock|\.swept)$|\/live(\/|$)/ }
	!ours($2) && !ours($3) && $1 !~ /^(answer|sync)$/ { next }
	$1 == "made" { made[$2] = 1 }
	$1 == "write" { dirty[$2] = 1 }
	$1 == "sync" { delete dirty[$2]; delete loose[$2] }
	$1 == "changed" && $2 in made { dirty[$2] = 1; next }
	$1 == "opened" || $1 == "changed" || ($1 == "write" && !($2 in made)) { print $1 " in place: " $2 }
	$1 == "removed" && $2 !~ /\/\.tmp-[^\/]*$/ { print "removed: " $2 }
	$1 == "moved" && $2 in dirty { print "moved before it was synced: " $3 }
	$1 == "moved" && $2 in made && $3 ~ /\/messages-meta\/[^\/]*$/ && (store "messages") in loose { print "moved before its text was safe: " $3 }
	$1 == "moved" { loose[dir_of($2)] = loose[dir_of($3)] = 1; delete made[$2] }
	$1 == "dir" { loose[dir_of($2)] = 1 }
	$1 == "answer" { for (d in loose) print "answer " $2 " before the sync of " d }
	' "$1"
}

# The steps that write one file.
put() { echo "made($1) write($1) sync($1) rename($1/$2) sync($1)"; }

section "One call after the other"

{
	call 1 register_agent "{\"name\":\"api\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}"
	call 2 send_message '{"to":"api","subject":"first","content":"makes the directories"}'
	call 3 send_message '{"to":"api","subject":"second","content":"hello"}'
	call 4 set_status '{"status":"busy"}'
	call 5 publish_spec '{"name":"spec","content":"text"}'
} >"$T/lines"
traced "$T/one" "$BIN" serve <"$T/lines"
is "five answers, each in one write" "$(grep -c . "$T/answers") $(grep -c '^answer' "$T/one")" "5 5"
like "an agent is in registry.json before the answer" "$(steps 1 "$T/one")" \
	"$(put store registry.json) .*answer\$"
like "... and has a status" "$(steps 1 "$T/one")" "$(put store status.json) answer\$"
is "a directory is synced into its parent before anything is put into it" "$(steps 2 "$T/one")" \
	"dir(store) sync(store) $(put messages '*.md') dir(store) sync(store) $(put messages-meta '*.json') answer"
is "a message: its text, its meta, the answer" "$(steps 3 "$T/one")" \
	"$(put messages '*.md') $(put messages-meta '*.json') answer"
is "a status, the answer" "$(steps 4 "$T/one")" "$(put store status.json) answer"
like "a spec: its version for the history, the spec, the answer" "$(steps 5 "$T/one")" \
	"$(put specs/.history/spec 1.md | sed 's/ [^ ]*$/ removed(specs.\.history.spec)&/') $(put specs spec.md) .*answer\$"
is "no power cut undoes what was said" "$(careless "$T/one")" ""

first=$(grep -l '"first"' "$INTERAGENT_DIR"/messages-meta/*.json)
first=${first##*/}
second=$(grep -l '"second"' "$INTERAGENT_DIR"/messages-meta/*.json)
second=${second##*/}
{
	req 1 ping
	call 2 read_message "{\"message_id\":\"${first%.json}\",\"reader\":\"api\"}"
	req 3 ping
	call 4 reply_message "{\"original_message_id\":\"${first%.json}\",\"from\":\"api\",\"content\":\"r\",\"mark_complete\":true}"
	call 5 escalate "{\"message_id\":\"${second%.json}\",\"agent_name\":\"api\",\"reason\":\"stuck\"}"
	req 6 ping
} >"$T/lines"
traced "$T/two" "$BIN" serve <"$T/lines"
is "reading writes nothing before the answer" "$(steps 2 "$T/two")" answer
is "the receipt comes after it, and before the next answer" "$(steps 3 "$T/two")" \
	"$(put messages-meta '*.json') answer"
is "a reply is stored before its original is completed, and both before the answer" "$(steps 4 "$T/two")" \
	"$(put messages '*.md') $(put messages-meta '*.json') $(put messages-meta '*.json') answer"
is "what is escalated is marked, then the human has a copy, then the answer" "$(steps 5 "$T/two")" \
	"$(put messages-meta '*.json') $(put messages '*.md') $(put messages-meta '*.json') answer"
is "nothing of it is left for later" "$(steps 6 "$T/two")" answer
is "no power cut undoes any of it" "$(careless "$T/two")" ""

section "A store with traps in it, and all tools"

mkdir -p "$T/web" "$T/other" "$T/trap1" "$T/trap2/.claude" "$T/outside" "$INTERAGENT_DIR/archive/messages"
ln -s "$T/outside" "$T/trap1/.claude"
ln -s "$T/outside" "$T/trap2/.claude/inbox"
agent() { printf '"%s":{"name":"%s","workspacePath":"%s","description":"d","registeredAt":"2024-01-01T00:00:00.000Z"}' "$1" "$1" "$2"; }
printf '{%s,%s,%s,%s,%s,%s,%s}\n' "$(agent api "$T/work")" "$(agent web "$T/web")" \
	"$(agent ../evil "$T/work")" \
	"$(agent gone "$T/gone")" "$(agent trap1 "$T/trap1")" "$(agent trap2 "$T/trap2")" \
	"$(agent a/../../../b "$T/web/../other/")" >"$INTERAGENT_DIR/registry.json"
# letter DIGIT FROM TO STATUS DATE
letter() {
	id=$1$1$1$1$1$1$1$1-0000-4000-8000-000000000000
	printf 'text\n' >"$INTERAGENT_DIR/messages/$id.md"
	printf '{"id":"%s","from":"%s","to":"%s","subject":"s","status":"%s","createdAt":"%s","updatedAt":"%s"}\n' \
		"$id" "$2" "$3" "$4" "$5" "$5" >"$INTERAGENT_DIR/messages-meta/$id.json"
}
letter 1 ../evil api pending 2024-01-01T00:00:00.000Z
letter 2 gone api pending 2024-01-01T00:00:00.000Z
letter 3 trap1 api pending 2024-01-01T00:00:00.000Z
letter 4 trap2 api pending 2024-01-01T00:00:00.000Z
letter 5 api web completed 2024-01-01T00:00:00.000Z
letter 6 web api acknowledged 2024-01-01T00:00:00.000Z
printf 'never sent\n' >"$INTERAGENT_DIR/messages/aaaaaaaa-0000-4000-8000-000000000000.md"
printf 'never sent\n' >"$INTERAGENT_DIR/messages/.tmp-0123456789abcdef"
touch -t 202401010000 "$INTERAGENT_DIR"/messages/a*.md "$INTERAGENT_DIR"/messages/.tmp-*
printf 'odd\n' >"$INTERAGENT_DIR/specs/an odd name.md"
rm -f "$INTERAGENT_DIR/archive/.swept"

{
	req 1 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"../../x","version":"1"}}'
	call 2 register_agent "{\"name\":\"api\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}"
	call 3 register_agent "{\"name\":\"../../b\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}"
	call 4 register_agent "{\"name\":\"../evil\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}"
	call 5 list_agents
	call 6 get_agent '{"name":"../evil"}'
	for to in api web ../evil gone trap1 trap2 a/../../../b human; do
		call 7 send_message "{\"from\":\"api\",\"to\":\"$to\",\"subject\":\"../../s\",\"content\":\"c\"}"
		call 8 send_message "{\"from\":\"$to\",\"to\":\"api\",\"subject\":\"s\",\"content\":\"c\"}"
		call 9 check_inbox "{\"agent_name\":\"$to\"}"
		call 10 set_status "{\"agent_name\":\"$to\",\"status\":\"../../s\"}"
		call 11 get_status "{\"agent_name\":\"$to\"}"
		call 12 publish_spec "{\"name\":\"../../$to\",\"publisher\":\"$to\",\"content\":\"c\"}"
		call 13 get_spec "{\"name\":\"../../$to\"}"
	done
	for id in 1111 2222 3333 4444 5555 6666 ../../registry ../; do
		call 20 read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}"
		call 21 reply_message "{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"c\",\"mark_complete\":true}"
		call 22 escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"../../r\"}"
	done
	call 23 publish_spec '{"name":"good","publisher":"api","content":"c"}'
	call 24 get_spec '{"name":"an odd name"}'
	call 25 list_specs
	call 26 get_all_statuses
} >"$T/lines"
traced "$T/three" "$BIN" serve <"$T/lines"
is "every line is answered" "$(grep -c . "$T/answers")" "$(grep -c . "$T/lines")"
ok "the sweep moved what was quiet" test \
	-e "$INTERAGENT_DIR/archive/messages/55555555-0000-4000-8000-000000000000.md"
is "no power cut undoes any of it, and no file is changed in place" "$(careless "$T/three")" ""
cp "$T/three" "$T/all"
for verb in "check_inbox --from api" "send_message --from api --to web --subject s --content c" \
	"read_message --from api --message_id 2222" \
	"doctor --fix" "publish_spec --from api --name other --content c" "list_specs --json"; do
	# shellcheck disable=SC2086 # words
	traced "$T/verb" "$BIN" $verb
	cat "$T/verb" >>"$T/all"
	is "... nor in: $verb" "$(careless "$T/verb")" ""
done

# outside EVENTS: what was written neither in the store nor in an inbox of a
# workspace that is here and safe.
outside() {
	inbox='\.claude\(/inbox\(/[^/]*\)\{0,1\}\)\{0,1\}'
	sed 's/^tried //; /^answer/d; /^sync/d' "$1" | tr ' ' '\n' | grep / | sort -u |
		grep -v -x -e /dev/null -e "$T/stderr" \
			-e "$INTERAGENT_DIR\(/.*\)\{0,1\}" -e "$T/work/$inbox" -e "$T/web/$inbox" \
			-e "$T/other/$inbox" -e "$T/trap2/$inbox" -e "$T/trap1/\.claude"
}
is "nothing is written outside of the store and the inboxes" "$(outside "$T/all")" ""
is "a link in the way of an inbox is not followed" "$(ls -A "$T/outside")" ""
no "a workspace that is not here is not made" test -e "$T/gone"
done_testing
