# Who is running. A server keeps a file locked for as long as it speaks for an
# agent, and the kernel lets go of it when the process ends, however it ends.
#
# The functions are called by name, through ok:
. ./test/lib/test.sh
COLUMNS=240                # a screen, so ages and not dates
export COLUMNS
. ./test/lib/mail.sh
. ./test/lib/servers.sh
pid=

LIVE=$INTERAGENT_DIR/live
touch -t 201001010000 "$T/long-ago"
mkdir "$T/api" "$T/web" "$T/db"

hello() { req 0 initialize "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":$1}"; }
files() { find "$LIVE" -type f -name "$1" 2>/dev/null | sed 's|.*/||' | sort; }
count() { files "$1" | wc -l | tr -d ' '; }
line_of() { printf '%s\n' "$1" | grep -e "^$2: "; }
is_locked() { ! "$HELPERS/probe" hold "$LIVE/$1" </dev/null; }

# Everything that tells of an agent's presence: the same, each time. To send
# comes last, because it makes the agent's mail more.
everywhere() {
	like "$1: list_agents" "$(line_of "$("$BIN" list_agents)" "$2")" "^$2: $3"
	like "$1: get_agent" "$("$BIN" get_agent --name "$2")" "^$2: $3"
	like "$1: get_all_statuses" "$(line_of "$("$BIN" get_all_statuses)" "$2")" "; $3"
	like "$1: get_status" "$("$BIN" get_status --agent-name "$2")" "^$2: .*; $3"
	is "$1: get_agent --json" "$("$BIN" get_agent --name "$2" --json | at live)" "$4"
	is "$1: list_agents --json" "$("$BIN" list_agents --json | at "$5" live)" "$4"
	like "$1: the answer to send_message" "$(verb send_message --from human --to "$2" --subject s --content c)" " stored; $2: $3"
}

section "Never seen"

register api
everywhere "of an agent that never had a server the presence is unknown" api "presence unknown" null 0
is "... and there is no last time" "$("$BIN" get_agent --name api --json | at lastSeen)" ""
is "a verb on the command line is no presence" "$(files '*')" ""

section "There"

start 1 "$T/api" CLAUDE_CODE_SESSION_ID=session-1
hear 1 "$(hello '{"name":"some-client","version":"1"}')" >"$T/out"
is "a server that has spoken for nobody is no presence" "$(files '*')" ""
ask 1 list_agents '{}' >"$T/out"
like "... nor is one that has only looked" "$(ask 1 check_inbox '{"agent_name":"api"}')" '^1 unread; read_message shows one:$'
is "... though it knows who it is" "$(files '*')" ""
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
file=$(files '*')
is "a server that speaks for an agent has one file" \
	"$(printf '%s\n' "$file" | sed 's/^api\.[0-9a-f]\{8\}$/api.<8 hex>/')" "api.<8 hex>"
ok "... which is locked" is_locked "$file"
is "... and tells its process" "$(at pid <"$LIVE/$file")" "$pid"
is "... client" "$(at client <"$LIVE/$file")" some-client
is "... session" "$(at session <"$LIVE/$file")" session-1
is "... workspace" "$(at workspace <"$LIVE/$file")" "$T/api"
like "... and since when it is there" "$(at since <"$LIVE/$file")" '^20[0-9-]*T[0-9:.]*Z$'
is "... in no place but there" "$(find "$LIVE" -name '.*')" ""
everywhere "of an agent that has a server it is told that it is live, and in which client" api "live (some-client, [0-9]*s)" true 0
is "... and in JSON which client" "$("$BIN" get_agent --name api --json | at client)" some-client
unlike "the unread mail of an agent that is live is not counted for others" \
	"$("$BIN" get_agent --name api)" unread

# Each call is a sign of life.
touch -t 200101010000 "$LIVE/$file"
ask 1 list_agents '{}' >"$T/out"
is "every call is a sign of life" "$(find "$LIVE" -name "$file" -newer "$T/long-ago")" "$LIVE/$file"

kill -STOP "$pid"
everywhere "a server that is stopped is there" api "live (some-client, " true 0
kill -CONT "$pid"
like "an agent that is there is not forgotten" "$("$BIN" forget api 2>&1)" '^interagent: api is running: end its session first$'

section "Gone"

drop 1
everywhere "a server that was killed is gone at once" api "not running, last seen [0-9]*s ago" false 0
like "... since a while ago" "$("$BIN" get_agent --name api --json | at lastSeen)" '^20[0-9-]*T[0-9:.]*Z$'
unread=$("$BIN" check_inbox --from api | sed -n 's/^\([0-9]*\) unread; .*/\1/p')
like "the unread mail of an agent that is not running is counted: get_agent" "$("$BIN" get_agent --name api)" "not running, last seen [0-9]*s ago, $unread unread; "
like "... list_agents" "$("$BIN" list_agents)" "^api: not running, last seen [0-9]*s ago, $unread unread; "
register web
verb send_message --from human --to web --subject s --content c >"$T/out"
like "... of an agent whose presence is unknown too" "$("$BIN" get_agent --name web)" '^web: presence unknown, 1 unread; '

start 1 "$T/api"
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
like "a new server is there" "$("$BIN" get_agent --name api)" '^api: live'
stop 1
like "a server whose input ends is gone at once" "$("$BIN" get_agent --name api)" '^api: not running'
age 7s "$LIVE"/api.*
register api
everywhere "of one that was registered since, by what leaves no sign of life, nothing is known" api "presence unknown" null 0

# A command that the server has started holds nothing of the server's.
mkfifo "$T/notify"
register db
id=$("$BIN" send_message --from db --to api --subject stuck --content c | cut -c 1-8)
start 1 "$T/api" "INTERAGENT_NOTIFY=cat $T/notify"
ask 1 escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"r\"}" >"$T/out"
like "a server whose notice to the human is still running is there" "$("$BIN" get_agent --name api)" \
	'^api: live'
drop 1
like "... and gone when it is killed, while the notice goes on" "$("$BIN" get_agent --name api)" \
	'^api: not running'
exec 9>"$T/notify"
exec 9>&-

section "Which client"

start 1 "$T/api"
hear 1 "$(hello '{"name":"plain","title":"A Title","version":"1"}')" >"$T/out"
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
like "a client's title comes before its name" "$("$BIN" get_agent --name api)" '^api: live (A Title, '
stop 1
n=0
for name in 'x)\nobey' 'say \"yes\"' 'a\u001b[31mb' 'a\u202eb' "$(printf '%041d' 0)"; do
	start 1 "$T/api"
	hear 1 "$(hello "{\"name\":\"$name\",\"version\":\"1\"}")" >"$T/out"
	ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
	n=$((n + 1))
	like "a client's name that is no plain word is not told ($n)" "$("$BIN" get_agent --name api)" \
		'^api: live ([0-9]*s); "the api", "[^"]*"$'
	stop 1
done
start 1 "$T/api"
hear 1 "$(modern 1 tools/call '"name":"set_status","arguments":{"agent_name":"api","status":"x"}')" >"$T/out"
like "a modern request tells its client itself" "$("$BIN" get_agent --name api)" '^api: live (test, '
stop 1
start 1 "$T/api" INTERAGENT_NAME=api
hear 1 "$(hello '{"name":"late","version":"1"}')" >"$T/out"
ask 1 check_inbox '{}' >"$T/out"
like "the client of a server that was there before its client had said its name is told too" \
	"$("$BIN" get_agent --name api)" '^api: live (late, '
stop 1

section "Several"

start 1 "$T/api"
start 2 "$T/api"
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
ask 2 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
"$BIN" list_agents >"$T/out"
is "two servers of an agent have two files" "$(count 'api.*')" 2
stop 1
like "... when one has ended the agent is live" "$("$BIN" get_agent --name api)" '^api: live'
is "... and the file of the other is enough" "$(count 'api.*')" 1
like "a server that may not speak for another agent is not there as that one" "$(ask 2 set_status '{"agent_name":"web","status":"x"}')" \
	'^you are api here, not web: leave the name out, or register under it$'
like "... but goes on as its own" "$("$BIN" get_agent --name api)" '^api: live'
ask 2 register_agent "{\"name\":\"web\",\"workspace_path\":\"$T/web\",\"description\":\"the web\"}" >"$T/out"
like "a server that registers another agent is there as that one" "$("$BIN" get_agent --name web)" '^web: live'
like "... and of the first, whose process still runs, nothing is known" "$("$BIN" get_agent --name api)" '^api: presence unknown'
stop 2

# A client starts one server to ask what it can and ends it at once, while it
# starts another to work with.
for variables in "" INTERAGENT_NAME=web; do
	wrong=
	for round in 1 2 3 4 5 6 7 8; do
		{ hello '{"name":"probe","version":"1"}'; req 1 tools/list; } |
			(cd "$T/web" && env ${variables:+"$variables"} "$BIN" serve) >"$T/probe" 2>&1 &
		probe=$!
		start 1 "$T/web" ${variables:+"$variables"}
		case $((round % 2)) in
		0) wait "$probe"; ask 1 set_status '{"agent_name":"web","status":"x"}' >"$T/out" ;;
		*) ask 1 set_status '{"agent_name":"web","status":"x"}' >"$T/out"; wait "$probe" ;;
		esac
		line=$("$BIN" get_agent --name web)
		case $line in "web: live"*) ;; *) wrong="$wrong with both: $line" ;; esac
		[ "$(count 'web.*')" -eq 1 ] || wrong="$wrong files: $(files 'web.*')"
		drop 1
		line=$("$BIN" get_agent --name web)
		case $line in "web: not running"*) ;; *) wrong="$wrong after both: $line" ;; esac
	done
	is "a server that was started only to be asked what it can confuses nobody (${variables:-workspace})" \
		"$wrong" ""
	is "... and leaves nothing half made" "$(find "$LIVE" -name '.*')" ""
done

section "At home"
# An open session can be seen and woken, though it has made no call.

is_there() { "$BIN" get_agent --name "$1" | grep -q "^$1: live"; }
by "$T/db" "" register_agent '{"name":"db","description":"the db"}' >"$T/out"
start 1 "$T/db"
hear 1 "$(hello '{"name":"quiet","version":"1"}')" >"$T/out"
ok "a server in the place of an agent that nobody speaks for is there without a call" wait_for is_there db
like "... in its client" "$("$BIN" get_agent --name db)" '^db: live (quiet, '
start 2 "$T/db"
start 3 "$T/api"
hear 2 "$(hello '{"name":"second","version":"1"}')" >"$T/out"
by "$T/web" "" register_agent '{"name":"web","description":"the web"}' >"$T/out"
start 4 "$T/web"
ok "... which is so of the next server, too" wait_for is_there web
is "but not beside one that speaks for the agent already" "$(count 'db.*')" 1
like "nor in a place that an agent was only registered for" "$("$BIN" get_agent --name api)" '^api: not running'
for slot in 1 2 3 4; do stop $slot; done
like "... and it is gone with its client" "$("$BIN" get_agent --name db)" '^db: not running'

section "What the dead leave"
# All of it is older than this test, so the agents must have registered before it.

sed 's/"registeredAt": "20/"registeredAt": "19/' "$INTERAGENT_DIR/registry.json" >"$T/registry"
cp "$T/registry" "$INTERAGENT_DIR/registry.json"
stale() {
	printf '{"pid": 1, "client": "old", "session": "", "workspace": "", "since": "2000-01-01T00:00:00.000Z"}' >"$LIVE/$1"
	touch -t "$2" "$LIVE/$1"
}
rm -f "$LIVE"/*
n=0
while [ $n -lt 100 ]; do
	stale "api.$(printf '%08x' $n)" 200001010000
	stale "web.$(printf '%08x' $n)" 200001010000
	n=$((n + 1))
done
export TZ=UTC0
stale api.00000032 200101010530
start 1 "$T/web"
ask 1 set_status '{"agent_name":"web","status":"x"}' >"$T/out"
mine=$(at pid <"$(find "$LIVE" -name 'web.*' -newer "$T/long-ago")")
is "a hundred old files beside a new one: it is ours" "$mine" "$pid"
like "of a hundred dead servers the last one counts" "$("$BIN" get_agent --name api --json | at lastSeen)" \
	'^2001-01-01T05:[23]'
is "... and the others are cleaned away" "$(files 'api.*')" api.00000032
"$BIN" list_agents >"$T/out"
is "beside one that is there all are" "$(files 'web.*')" \
	"$(basename "$(find "$LIVE" -name 'web.*' -newer "$T/long-ago")")"
like "... which stays there" "$("$BIN" get_agent --name web)" '^web: live'
stop 1

# Those who look at the same time agree on which one stays.
for round in 1 2 3; do
	n=0
	while [ $n -lt 60 ]; do
		stale "api.$(printf '%08x' $n)" 200101010000
		n=$((n + 1))
	done
	n=0
	while [ $n -lt 20 ]; do
		"$BIN" list_agents >"$T/out" 2>&1 &
		n=$((n + 1))
	done
	wait
	is "of dead servers that were last heard of at the same time one file stays ($round)" \
		"$(count 'api.*')" 1
done
stale db.00000001 200101010000
like "what the dead leave is one agent's: another's stays" "$("$BIN" list_agents)" \
	'^db: not running, last seen [0-9]*d ago'
is "... as a file" "$(files 'db.*')" db.00000001

# Whatever else lies there.
stale .tmp-00000000 200101010000
stale notes 200101010000
stale api.xyz 200101010000
printf 'not json' >"$LIVE/db.00000002"
touch -t 200101010000 "$LIVE/db.00000002"
mkdir "$LIVE/db.00000003"
mkfifo "$LIVE/db.00000004"
ln -s "$T/out" "$LIVE/db.00000005"
like "what is no presence is passed over" "$("$BIN" list_agents)" '^db: not running, last seen [0-9]*d ago'
rm -rf "$LIVE"

section "A thousand looks"
# Who looks takes a lock too, for an instant. Nobody who looks at that instant
# must take it for the agent's.

start 1 "$T/api"
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
drop 1
is "a thousand simultaneous looks never see a dead agent alive" \
	"$("$HELPERS/probe" look "$INTERAGENT_DIR" api 100 10)" "1000 looks, 0 saw it alive"
start 1 "$T/api"
ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
is "... nor a live one dead" "$("$HELPERS/probe" look "$INTERAGENT_DIR" api 50 4)" "200 looks, 200 saw it alive"
drop 1
n=0
: >"$T/looks"
while [ $n -lt 300 ]; do
	"$BIN" get_agent --name api >>"$T/looks" 2>&1 &
	n=$((n + 1))
	[ $((n % 50)) -ne 0 ] || wait
done
wait
is "hundreds of processes of the program that look agree" "$(grep -c '^api: not running' "$T/looks")" 300

section "The directory may be deleted at any time"

for tool in check_inbox list_agents; do
	start 1 "$T/api"
	ask 1 set_status '{"agent_name":"api","status":"x"}' >"$T/out"
	rm -rf "$LIVE"
	like "$tool: where live/ was deleted, presence is unknown" "$("$BIN" get_agent --name api)" \
		'^api: presence unknown'
	ask 1 $tool '{"agent_name":"api"}' >"$T/out"
	like "$tool: ... until the server's next call" "$("$BIN" get_agent --name api)" '^api: live'
	rm -f "$LIVE"/*
	ask 1 $tool '{"agent_name":"api"}' >"$T/out"
	like "$tool: where its file was deleted, it appears again too" "$("$BIN" get_agent --name api)" \
		'^api: live'
	is "$tool: ... in one file" "$(count 'api.*')" 1
	drop 1
	like "$tool: ... which is its own" "$("$BIN" get_agent --name api)" '^api: not running'
done

section "Names that break the rule"
# They come from other programs' stores; they get mail, but no file of ours.

sed '$d' "$INTERAGENT_DIR/registry.json" | sed '$s/$/,/' >"$T/registry"
printf '  "../up": {"name": "../up", "workspacePath": "%s", "description": "x", "registeredAt": "2025-01-01T00:00:00.000Z"},\n' \
	"$T/db" >>"$T/registry"
printf '  "two words": {"name": "two words", "workspacePath": "%s", "description": "x", "registeredAt": "2025-01-01T00:00:00.000Z"}\n}\n' \
	"$T/db" >>"$T/registry"
cp "$T/registry" "$INTERAGENT_DIR/registry.json"
rm -rf "$LIVE"
for name in ../up "two words"; do
	start 1 "$T/db"
	ask 1 set_status "{\"agent_name\":\"$name\",\"status\":\"busy\"}" >"$T/out"
	like "an agent whose name breaks the rule has its mail: $name" \
		"$(ask 1 check_inbox "{\"agent_name\":\"$name\"}")" '^No mail\.'
	like "... but its presence is unknown" "$("$BIN" get_agent --name "$name")" \
		"^\"$name\": presence unknown"
	like "... also in its status" "$("$BIN" get_status --agent-name "$name")" \
		"^\"$name\": \"busy\", .*; presence unknown"
	like "... and to who writes to it" \
		"$("$BIN" send_message --from db --to "$name" --subject s --content c)" \
		" stored; \"$name\": presence unknown"
	is "... and it has no file" \
		"$(find "$INTERAGENT_DIR" -path '*live*' -type f; find "$T" -name '*up.[0-9a-f]*')" ""
	stop 1
done

section "No instant of doubt"
# The file has its name only when it is locked, or who looks in between would
# see a dead agent.

if command -v strace >/dev/null && strace -o "$T/trace" true 2>"$T/out"; then
	(cd "$T/api" && call 1 set_status '{"agent_name":"api","status":"x"}' |
		ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat,flock,rename,renameat,renameat2 -o "$T/trace" "$BIN" serve >"$T/out" 2>&1)
	is "a presence is made under another name, locked, and then named" \
		"$(grep -e '"\.tmp-.*O_CREAT' -e 'flock(.*LOCK_EX' -e 'rename.*"api\.' "$T/trace" |
			sed -e 's/.*openat(.*/made/' -e 's/.*flock(.*/locked/' -e 's/.*rename.*/named/' | head -n 3 | paste -s -d ' ' -)" "made locked named"
else
	skip "a presence is made under another name, locked, and then named" \
		"there is no strace here that works"
fi
done_testing
