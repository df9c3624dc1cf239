# The store: its layout byte for byte, stores that another program wrote, and
# everything that can stand in the way of either.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

TZ=UTC0
export TZ

# ---- Words of this file ----

# A store of its own for what comes next, and the workspaces of two agents.
new_store() {
	W=$T/$1
	INTERAGENT_DIR=$W/store
	export INTERAGENT_DIR
	mkdir -p "$W/api" "$W/web"
}

register_all() { for name in api web; do register $name "$W/$name"; done; }

# Times and ids that we made, and places, so that the rest can be compared.
mask() {
	sed -e 's/20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9][0-9][0-9]Z/TIME/g' \
		-e 's/[0-9a-f]\{8\}-[0-9a-f]\{4\}-4[0-9a-f]\{3\}-[89ab][0-9a-f]\{3\}-[0-9a-f]\{12\}/ID/g' \
		-e "s|$W|W|g" -e "s|\"$PWD\"|\"HERE\"|g" "$@"
}

# foreign PLACE NAME STATUS TIME: a message from web to api, as another program
# would have written it; PLACE is "" or archive/.
foreign() {
	mkdir -p "$INTERAGENT_DIR/$1messages" "$INTERAGENT_DIR/$1messages-meta"
	printf 'text of %s' "$2" >"$INTERAGENT_DIR/$1messages/$2.md"
	printf '{\n  "id": "%s",\n  "from": "web",\n  "to": "api",\n  "subject": "%s",\n  "status": "%s",\n  "createdAt": "%s",\n  "updatedAt": "%s"\n}' \
		"$2" "$2" "$3" "$4" "$4" >"$INTERAGENT_DIR/$1messages-meta/$2.json"
}

# within WHAT COMMAND...: it ends; what it says is then in $T/told.
within() {
	what=$1
	shift
	rm -f "$T/ended"
	(
		# shellcheck disable=SC2016 # for the shell that the command replaces
		sh -c 'echo $$ >"$0"; exec "$@"' "$T/pid" "$@" >"$T/told" 2>&1
		touch "$T/ended"
	) &
	if wait_for test -e "$T/ended"; then
		pass "$what"
	else
		kill -9 "$(cat "$T/pid")"
		fail "$what" "did not end: $*"
	fi
}

section "The layout, byte for byte"
# Other programs read and write these files: they are what JSON.stringify(x,
# null, 2) gives, without a line end, and a text is its own bytes.

new_store layout
hostile='\"quoted\" back\\slash tab\tnew\nline \u0001\u001f/'$(printf '\303\251\360\237\230\200\342\200\250\177')
one_line='\"quoted\" back\\slash tab new line  /'$(printf '\303\251\360\237\230\200\342\200\250 ')
tool register_agent "{\"name\":\"api\",\"workspace_path\":\"$W/api\",\"description\":\"$hostile\"}" >/dev/null
tool register_agent "{\"name\":\"web\",\"workspace_path\":\"$W/web\",\"description\":\"the client\"}" >/dev/null
is "registry.json" "$(mask "$INTERAGENT_DIR/registry.json")" '{
  "api": {
    "name": "api",
    "workspacePath": "W/api",
    "description": "'"$one_line"'",
    "registeredAt": "TIME",
    "registeredFrom": "HERE"
  },
  "web": {
    "name": "web",
    "workspacePath": "W/web",
    "description": "the client",
    "registeredAt": "TIME",
    "registeredFrom": "HERE"
  }
}'
tool set_status '{"agent_name":"web","status":"testing"}' >/dev/null
is "status.json" "$(mask "$INTERAGENT_DIR/status.json")" '{
  "api": {
    "agent": "api",
    "status": "online",
    "updatedAt": "TIME"
  },
  "web": {
    "agent": "web",
    "status": "testing",
    "updatedAt": "TIME"
  }
}'
tool register_agent "{\"name\":\"web\",\"workspace_path\":\"$W/web\",\"description\":\"the client\"}" >/dev/null
is "registering again leaves the status" "$(at web status <"$INTERAGENT_DIR/status.json")" testing
id=$(send web api plain plain)
is "a message's meta" "$(mask "$INTERAGENT_DIR/messages-meta/$id.json")" '{
  "id": "ID",
  "from": "web",
  "to": "api",
  "subject": "plain",
  "status": "pending",
  "createdAt": "TIME",
  "updatedAt": "TIME"
}'
is "... is named after its id" "$(meta "$id" id)" "$id"
is "and both times are one" "$(meta "$id" createdAt)" "$(meta "$id" updatedAt)"
is "... its text is its own bytes" "$(od -An -c "$INTERAGENT_DIR/messages/$id.md")" \
	"$(printf plain | od -An -c)"
tool read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >/dev/null
is "a read message's meta" "$(mask "$INTERAGENT_DIR/messages-meta/$id.json")" '{
  "id": "ID",
  "from": "web",
  "to": "api",
  "subject": "plain",
  "status": "acknowledged",
  "createdAt": "TIME",
  "updatedAt": "TIME",
  "readAt": "TIME",
  "readBy": "api"
}'
reply=$(tool reply_message "{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"x\",\"mark_complete\":true}")
is "an answer's meta" "$(mask "$INTERAGENT_DIR/messages-meta/${reply%% *}"*)" '{
  "id": "ID",
  "from": "api",
  "to": "web",
  "subject": "Re: plain",
  "status": "pending",
  "createdAt": "TIME",
  "updatedAt": "TIME",
  "replyTo": "ID"
}'
is "a completed message's meta" "$(mask "$INTERAGENT_DIR/messages-meta/$id.json" | tail -n 6)" '  "updatedAt": "TIME",
  "readAt": "TIME",
  "readBy": "api",
  "completedAt": "TIME",
  "completedBy": "api"
}'
id=$(send web api stuck)
tool escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"$hostile\"}" >/dev/null
is "an escalated message's meta" "$(mask "$INTERAGENT_DIR/messages-meta/$id.json")" '{
  "id": "ID",
  "from": "web",
  "to": "api",
  "subject": "stuck",
  "status": "escalated",
  "createdAt": "TIME",
  "updatedAt": "TIME",
  "escalationReason": "'"$hostile"'",
  "readAt": "TIME",
  "readBy": "api"
}'
tool publish_spec '{"publisher":"api","name":"login","content":"# Login\n\nno line end"}' >/dev/null
is "a spec" "$(mask "$INTERAGENT_DIR/specs/login.md" | od -An -c)" \
	"$(printf '<!-- Published by: api at TIME -->\n\n# Login\n\nno line end' | od -An -c)"
is "and its history" "$(cd "$INTERAGENT_DIR/specs/.history" && find . -type f)" ./login/1.md
ok "... has its text" cmp "$INTERAGENT_DIR/specs/login.md" "$INTERAGENT_DIR/specs/.history/login/1.md"
tool publish_spec '{"publisher":"api","name":"login","content":"# Login 2\n","note":"shorter"}' >/dev/null
is "a version with a note" "$(mask "$INTERAGENT_DIR/specs/.history/login/2.md")" '<!-- Published by: api at TIME -->
<!-- Note: shorter -->

# Login 2'
is "... which the current text has not" "$(mask "$INTERAGENT_DIR/specs/login.md")" '<!-- Published by: api at TIME -->

# Login 2'
by "$W/web" INTERAGENT_NAME=web get_spec '{"name":"login"}' >/dev/null
is "who read which version" "$(mask "$INTERAGENT_DIR/specs/.history/login/readers.json")" '{
  "web": {
    "agent": "web",
    "version": 2,
    "readAt": "TIME"
  }
}'
is "no JSON file ends with a line end" \
	"$(find "$INTERAGENT_DIR" -name '*.json' -exec tail -c 1 {} \; | tr -d '}' | wc -c | tr -d ' ')" 0
if command -v node >/dev/null; then
	is "all of them are what JSON.stringify(x, null, 2) gives" "$(find "$INTERAGENT_DIR" -name '*.json' -exec node -e '
		for (const file of process.argv.slice(1)) {
			const text = require("fs").readFileSync(file, "utf8")
			if (JSON.stringify(JSON.parse(text), null, 2) !== text) console.log(file)
		}' {} +)" ""
else
	skip "all of them are what JSON.stringify(x, null, 2) gives" "there is no node"
fi

# What is ours is nobody else's to read, whatever the umask is; but a file that
# somebody opened to others stays as they made it.
old_umask=$(umask)
for mask in 077 022 000; do
	new_store "umask-$mask"
	umask "$mask"
	register_all
	id=$(send web api x)
	tool read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >/dev/null
	tool escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"x\"}" >/dev/null
	tool publish_spec '{"publisher":"api","name":"login","content":"x"}' >/dev/null
	is "umask $mask: directories are 0700" "$(find "$INTERAGENT_DIR" -type d ! -perm 700)" ""
	is "umask $mask: files are 0600" "$(find "$INTERAGENT_DIR" -type f ! -perm 600)" ""
	is "umask $mask: also in a workspace" \
		"$(find "$W/api/.claude" "$W/web/.claude" -type f ! -perm 600)" ""
	umask "$old_umask"
done
chmod 644 "$INTERAGENT_DIR/registry.json" "$INTERAGENT_DIR/messages-meta/$id.json"
register_all
tool reply_message \
	"{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"x\",\"mark_complete\":true}" >/dev/null
is "a mode that somebody set is kept" "$(find "$INTERAGENT_DIR" -type f ! -perm 600 | sort)" "$INTERAGENT_DIR/messages-meta/$id.json
$INTERAGENT_DIR/registry.json"

# Nothing is written outside the store, but signals into workspaces that exist.
new_store outside
mkdir -p "$W/home" "$W/tmp" "$W/cwd"
everything() { find "$W" ! -path "$W/home/.claude-interagent*" ! -path '*/.claude' ! -path '*/.claude/inbox*' | sort; }
before=$(everything)
old_home=$HOME
HOME=$W/home TMPDIR=$W/tmp
export TMPDIR
unset INTERAGENT_DIR
cd "$W/cwd" || exit 1
register_all
tool register_agent "{\"name\":\"gone\",\"workspace_path\":\"$W/gone\",\"description\":\"x\"}" >/dev/null
id=$(tool send_message '{"from":"web","to":"api,gone,human","subject":"s","content":"x"}')
id=${id%% *}
tool check_inbox '{"agent_name":"api"}' >/dev/null
tool read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >/dev/null
tool reply_message \
	"{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"x\",\"mark_complete\":true}" >/dev/null
tool escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"x\"}" >/dev/null
tool publish_spec '{"publisher":"api","name":"s","content":"x"}' >/dev/null
"$BIN" send_message --from human --to api --subject s --content x >/dev/null
cd "$OLDPWD" || exit 1
HOME=$old_home
unset TMPDIR
ok "without INTERAGENT_DIR the store is in the home directory" test \
	-s "$W/home/.claude-interagent/registry.json"
is "... nothing is written outside the store and .claude/inbox" "$(everything)" "$before"
ok "which is there where the workspace is" test -d "$W/api/.claude/inbox"
no "and where there is none, none is made" test -e "$W/gone"

section "A store of the original"
# Its files as it writes them, with names that we would not give and keys that
# we do not know.

new_store original
now=$(ago 30m)
mkdir -p "$INTERAGENT_DIR/messages" "$INTERAGENT_DIR/messages-meta" "$INTERAGENT_DIR/specs" \
	"$INTERAGENT_DIR/archive/messages" "$INTERAGENT_DIR/archive/messages-meta"
no_line_end() { awk 'NR > 1 { printf "\n" } { printf "%s", $0 }'; }
no_line_end >"$INTERAGENT_DIR/registry.json" <<-END
	{
	  "api": {
	    "name": "api",
	    "workspacePath": "$W/api",
	    "description": "the \"server\" \\\\ \\u0007",
	    "registeredAt": "$now",
	    "tags": [
	      "backend",
	      1.50,
	      12345678901234567890
	    ],
	    "empty": {},
	    "none": [],
	    "half": "\\ud83d"
	  },
	  "DB Server, EU": {
	    "name": "DB Server, EU",
	    "workspacePath": "C:\\\\Users\\\\dev\\\\db",
	    "description": "the database",
	    "registeredAt": "$now",
	    "color": "blue"
	  }
	}
END
no_line_end >"$INTERAGENT_DIR/status.json" <<-END
	{
	  "api": {
	    "mood": {
	      "now": 1e400
	    },
	    "agent": "api",
	    "status": "idle",
	    "updatedAt": "$now",
	    "x": null
	  },
	  "DB Server, EU": {
	    "agent": "DB Server, EU",
	    "status": "vacuuming",
	    "updatedAt": "$now"
	  }
	}
END
# original PLACE ID FROM TO STATUS [MEMBERS]
original() {
	printf 'text of %s\n' "$2" >"$INTERAGENT_DIR/$1messages/$2.md"
	no_line_end >"$INTERAGENT_DIR/$1messages-meta/$2.json" <<-END
		{
		  "id": "$2",
		  "from": "$3",
		  "to": "$4",
		  "subject": "about $5 \\\\ \\"it\\"",
		  "status": "$5",
		  "createdAt": "$now",
		  "updatedAt": "$now"${6-},
		  "priority": 1.0,
		  "trace": {
		    "hops": [
		      1,
		      2
		    ]
		  }
		}
	END
}
pending=11111111-1111-4111-8111-111111111111 acknowledged=22222222-2222-4222-8222-222222222222
completed=33333333-3333-4333-8333-333333333333 escalated=44444444-4444-4444-8444-444444444444
seen=55555555-5555-4555-8555-555555555555 heard=77777777-7777-4777-8777-777777777777
old=66666666-6666-4666-8666-666666666666
original '' $pending 'DB Server, EU' api pending
original '' $acknowledged 'DB Server, EU' api acknowledged
original '' $completed api 'DB Server, EU' completed
original '' $escalated 'DB Server, EU' api escalated ",
  \"escalationReason\": \"who?\""
original '' $seen api 'DB Server, EU' read ",
  \"replyTo\": \"$acknowledged\""
original '' $heard api 'DB Server, EU' read
original archive/ $old 'DB Server, EU' api completed
printf '<!-- Published by: DB Server, EU at %s -->\n\n# Schema\n' "$now" >"$INTERAGENT_DIR/specs/schema.md"
cp -R "$INTERAGENT_DIR" "$W/copy"

# kept WHAT FILE [SED-SCRIPT]: the file is what it was, but for the changes
kept() { is "$1" "$(mask "$INTERAGENT_DIR/$2")" "$(sed "${3:-}" "$W/copy/$2" | mask)"; }

accepts "... its agents are listed" list_agents '{}' \
	'^"DB Server, EU".*"the database", "C:\\\\Users\\\\dev\\\\db"'
accepts "... one by name" get_agent '{"name":"DB Server, EU"}' '^"DB Server, EU"'
accepts "... their statuses" get_all_statuses '{}' '^"DB Server, EU": "vacuuming"'
accepts "... their mail" check_inbox '{"agent_name":"api"}' '^11111111 from "DB Server, EU" '
is "which is unread, escalated and read" "$(printf '%s\n' "$text" | sed -n 's/^\([0-9]*\) .*about \([a-z]*\).*/\1 \2/p')" "11111111 pending
44444444 escalated
22222222 acknowledged"
accepts "... what its name has read" check_inbox '{"agent_name":"DB Server, EU"}' '^77777777 read, from api '
unlike "but no answer that it has read" "$text" '^55555555'
accepts "... its spec" get_spec '{"name":"schema"}' '^# Schema$'
like "... with who published it" "$text" '^schema .*by "DB Server, EU"'
accepts "... its archive" read_message '{"message_id":"66666666","reader":"api"}' "^text of $old\$"
is "reading all that has changed nothing" \
	"$(cd "$W/copy" && find . -type f -exec cmp {} "$INTERAGENT_DIR/{}" \; 2>&1)" ""

accepts "a message is read" read_message '{"message_id":"11111111","reader":"api"}' "^text of $pending\$"
is "... its meta keeps what we do not know" "$(mask "$INTERAGENT_DIR/messages-meta/$pending.json")" "$(sed -e 's/"status": "pending"/"status": "acknowledged"/' -e '$d' "$W/copy/messages-meta/$pending.json" | mask | sed '$s/$/,/')
  \"readAt\": \"TIME\",
  \"readBy\": \"api\"
}"
accepts "... it is answered and completed" reply_message \
	'{"original_message_id":"11111111","from":"api","content":"x","mark_complete":true}' \
	'stored.*"DB Server, EU"'
is "... also there" "$(sed -n '6p;9,16p' "$INTERAGENT_DIR/messages-meta/$pending.json")" '  "status": "completed",
  "priority": 1.0,
  "trace": {
    "hops": [
      1,
      2
    ]
  },
  "readAt": "'"$(meta $pending readAt)"'",'
accepts "the other answers" reply_message \
	'{"original_message_id":"22222222","from":"DB Server, EU","content":"x"}' 'stored.* api'
accepts "somebody writes to it alone" send_message \
	'{"from":"api","to":"DB Server, EU","subject":"s","content":"x"}' 'stored.*"DB Server, EU"'
accepts "and among others" send_message \
	'{"from":"DB Server, EU","to":"api, DB Server, EU","subject":"s","content":"x"}' \
	'stored.*"DB Server, EU"'
accepts "... it says what it does" set_status '{"agent_name":"DB Server, EU","status":"idle"}' 'is set'
accepts "... another does" set_status '{"agent_name":"api","status":"busy"}' 'is set'
kept "status.json keeps what we do not know" status.json 's/"idle"/"busy"/;s/"vacuuming"/"idle"/'
accepts "... it publishes" publish_spec \
	'{"publisher":"DB Server, EU","name":"schema","content":"# New\n"}' 'published'
like "... under its name" "$(head -n 1 "$INTERAGENT_DIR/specs/schema.md")" \
	'^<!-- Published by: DB Server, EU at .*Z -->$'
accepts "... what it escalated is completed" reply_message \
	'{"original_message_id":"44444444","from":"api","content":"x","mark_complete":true}' completed
accepts "... what is archived is answered" reply_message \
	'{"original_message_id":"66666666","from":"api","content":"x"}' 'stored.*"DB Server, EU"'
ok "the registry was not touched" cmp "$W/copy/registry.json" "$INTERAGENT_DIR/registry.json"
accepts "a new agent joins" register_agent \
	"{\"name\":\"web\",\"workspace_path\":\"$W/web\",\"description\":\"x\"}" 'web is registered'
is "... at the end of the registry, which is else the same" "$(mask "$INTERAGENT_DIR/registry.json")" "$(sed '$d' "$W/copy/registry.json" | mask | sed '$s/$/,/')
  \"web\": {
    \"name\": \"web\",
    \"workspacePath\": \"W/web\",
    \"description\": \"x\",
    \"registeredAt\": \"TIME\",
    \"registeredFrom\": \"HERE\"
  }
}"
accepts "... it may register anew" register_agent \
	'{"name":"DB Server, EU","workspace_path":"C:\\Users\\dev\\db","description":"moved"}' \
	'is registered'
is "and keeps what we do not know" "$(sed -n '/DB Server, EU": {/,/}/p' "$INTERAGENT_DIR/registry.json" | mask)" '  "DB Server, EU": {
    "name": "DB Server, EU",
    "workspacePath": "C:\\Users\\dev\\db",
    "description": "moved",
    "registeredAt": "TIME",
    "color": "blue",
    "registeredFrom": "HERE"
  },'
is "... its name became no file's" "$(find "$INTERAGENT_DIR" "$W/api" "$W/web" -name '*DB Server*')" ""
is "... what nobody touched is as it was" "$(for file in messages-meta/$acknowledged.json messages-meta/$completed.json messages-meta/$seen.json messages-meta/$heard.json archive/messages-meta/$old.json; do
	cmp "$W/copy/$file" "$INTERAGENT_DIR/$file" 2>&1
done)" ""

section "Others write too"
# Another program moves and changes files while a server of ours runs; the
# files are what counts.

new_store others
register_all
id=$(send web api first)
start 1 "$PWD"
text=$(ask 1 check_inbox '{"agent_name":"api"}')
like "a running server shows what there is" "$text" first
foreign '' 77777777-7777-4777-8777-777777777777 pending 2099-01-01T00:00:00.000Z
text=$(ask 1 check_inbox '{"agent_name":"api"}')
like "sees a message that another program wrote" "$text" '77777777'
sed 's/"pending"/"completed"/' "$INTERAGENT_DIR/messages-meta/$id.json" >"$W/changed"
cat "$W/changed" >"$INTERAGENT_DIR/messages-meta/$id.json"
text=$(ask 1 check_inbox '{"agent_name":"api"}')
unlike "a status that it changed in place" "$text" 'first'
mkdir -p "$INTERAGENT_DIR/archive/messages" "$INTERAGENT_DIR/archive/messages-meta"
mv "$INTERAGENT_DIR/messages-meta/77777777-7777-4777-8777-777777777777.json" "$INTERAGENT_DIR/archive/messages-meta/"
text=$(ask 1 check_inbox '{"agent_name":"api"}')
unlike "a message that it archived" "$text" '77777777'
text=$(ask 1 read_message '{"message_id":"77777777","reader":"api"}')
like "which can still be read while its text has not moved" "$text" '^text of 77777777'
mv "$INTERAGENT_DIR/messages/77777777-7777-4777-8777-777777777777.md" "$INTERAGENT_DIR/archive/messages/"
text=$(ask 1 read_message '{"message_id":"77777777","reader":"api"}')
like "and when it has" "$text" '^text of 77777777'
text=$(ask 1 reply_message '{"original_message_id":"77777777","from":"api","content":"x","mark_complete":true}')
is "and completed, where it is" "$(archived 77777777-7777-4777-8777-777777777777 status)" completed
no "and only there" test -e "$INTERAGENT_DIR/messages-meta/77777777-7777-4777-8777-777777777777.json"
foreign archive/ 88888888-8888-4888-8888-888888888888 pending 2099-01-01T00:00:00.000Z
mv "$INTERAGENT_DIR/archive/messages-meta/88888888-8888-4888-8888-888888888888.json" "$INTERAGENT_DIR/messages-meta/"
text=$(ask 1 read_message '{"message_id":"88888888","reader":"web"}')
like "a text that was archived before its meta is found" "$text" '^text of 88888888'
text=$(ask 1 publish_spec '{"publisher":"api","name":"login","content":"ours"}')
printf '<!-- Published by: web at 2025-01-02T03:04:05.678Z -->\n\ntheirs' >"$INTERAGENT_DIR/specs/login.md"
text=$(ask 1 get_spec '{"name":"login"}')
like "a spec that another program overwrote is its next version" "$text" '^login v2 by web'
like "... with its text" "$text" '^theirs$'
text=$(ask 1 get_spec '{"name":"login","version":1}')
like "and ours is still there" "$text" '^ours$'
rm -f "$INTERAGENT_DIR/.lock"
text=$(ask 1 set_status '{"agent_name":"api","status":"x"}')
like "a lock that somebody deleted is made again" "$text" 'is set'
mv "$INTERAGENT_DIR" "$W/moved"
text=$(ask 1 list_agents '{}')
like "a store that was moved away is gone" "$text" '^No agents'
cp "$W/moved/registry.json" "$W/registry"
text=$(ask 1 register_agent "{\"name\":\"new\",\"workspace_path\":\"$W/web\",\"description\":\"x\"}")
is "and made anew" "$(at -keys <"$INTERAGENT_DIR/registry.json")" new
ok "the old one is left alone" cmp "$W/registry" "$W/moved/registry.json"
stop 1

# While the answer is on its way to the reader, the message is archived by
# another program: the receipt must follow it, not bring it back.
new_store receipt
register_all
printf '%65536s' '' | tr ' ' '"' >"$W/long"
id=$("$BIN" send_message --from web --to api --subject s --content - --json <"$W/long" | at id)
mkfifo "$W/answers"
mkfifo "$T/in"
"$BIN" serve <"$T/in" >"$W/answers" 2>>"$T/stderr" &
server=$!
exec 3>"$T/in"
exec 4<"$W/answers"
call 1 read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >&3
is "an answer is on its way" "$(dd bs=1 count=8 <&4 2>/dev/null)" '{"jsonrp'
mkdir -p "$INTERAGENT_DIR/archive/messages" "$INTERAGENT_DIR/archive/messages-meta"
mv "$INTERAGENT_DIR/messages/$id.md" "$INTERAGENT_DIR/archive/messages/"
mv "$INTERAGENT_DIR/messages-meta/$id.json" "$INTERAGENT_DIR/archive/messages-meta/"
exec 3>&-
cat <&4 >"$W/rest"
wait "$server"
exec 4<&-
is "the receipt is written where the message is now" "$(archived "$id" status) $(archived "$id" readBy)" \
	"acknowledged api"
no "and it is not brought back" test -e "$INTERAGENT_DIR/messages-meta/$id.json"

section "Many at once"
# Servers start together, whenever somebody opens their editor.

new_store many
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	{
		wait_for test -e "$W/go"
		call 1 register_agent "{\"name\":\"agent-$n\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}"
	} | "$BIN" serve >"$W/answer-$n" 2>>"$T/stderr" &
done
touch "$W/go"
wait
is "16 servers that register at once are all told so" "$(cat "$W"/answer-* | grep -c 'is registered')" 16
is "and are 16 agents" "$(at -keys <"$INTERAGENT_DIR/registry.json" | sort | uniq | wc -l | tr -d ' ')" 16
is "... with 16 statuses" "$(at -keys <"$INTERAGENT_DIR/status.json" | sort | uniq | wc -l | tr -d ' ')" 16

section "Names"
# Names become file names. What breaks the rule is refused with the rule, and
# nothing is written anywhere.

new_store names
label() { printf '%.20s' "$1" | tr '\134' /; }
before=$(find "$T" | sort)
long=$(printf '%300s' '' | tr ' ' x)
for name in ../../evil 'a\nb' 'a\u0000b' .hidden -x a/b 'a b' '~' \
	"$(printf 'x%64s' '' | tr ' ' x)" "$(printf '\303\251')"; do
	refuses "a name like $(label "$name") is refused with the rule" register_agent \
		"{\"name\":\"$name\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" \
		'^name: .*A-Z a-z 0-9 \. _ -'
done
refuses "a name of 300 letters is refused with its length" register_agent \
	"{\"name\":\"$long\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" \
	'^name: 300 characters, at most 256$'
for name in human Human HUMAN; do
	refuses "$name is the person" register_agent \
		"{\"name\":\"$name\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" \
		'^name: "human" is the person'
done
refuses "an empty name is none" register_agent \
	"{\"name\":\"\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" '^name: missing; a string is required'
is "nothing is written anywhere" "$(find "$T" | grep -v "^$T/stderr\$" | sort)" \
	"$(printf '%s\n' "$before" | grep -v "^$T/stderr\$")"
for name in a 0 A.b_c-d "$(printf '%64s' '' | tr ' ' x)"; do
	accepts "$(label "$name") is a name" register_agent \
		"{\"name\":\"$name\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" 'is registered'
done
register_all
before=$(find "$T" | sort)
for name in ../../evil "$long" 'a\nb' 'a\u0000b' .hidden -x a/b 'a b' ''; do
	refuses "nor is a spec named like $(label "$name")" publish_spec \
		"{\"publisher\":\"api\",\"name\":\"$name\",\"content\":\"x\"}" \
		'^name: .*A-Z a-z 0-9 \. _ -' \
		"^name: $([ "$name" = "$long" ] && echo '300 characters, at most 256' || echo missing;)"
	try get_spec "{\"name\":\"$name\"}"
	ok "nor read" refused
done
is "nothing is written anywhere for a spec" "$(find "$T" ! -path "*/live/*" | sort)" \
	"$(printf '%s\n' "$before" | grep -v /live/)"

section "No place for the store"
# The server must start all the same, or its client shows only that it failed;
# each tool then says what is wrong, with which path.

every_tool='register_agent {"name":"api","workspace_path":"/usr","description":"x"}
list_agents {}
get_agent {"name":"api"}
send_message {"from":"api","to":"api","subject":"s","content":"x"}
check_inbox {"agent_name":"api"}
read_message {"message_id":"01234567"}
reply_message {"original_message_id":"01234567","from":"api","content":"x"}
escalate {"message_id":"01234567","agent_name":"api","reason":"x"}
publish_spec {"publisher":"api","name":"s","content":"x"}
get_spec {"name":"s"}
list_specs {}
set_status {"agent_name":"api","status":"x"}
get_status {"agent_name":"api"}
get_all_statuses {}'
new_store nowhere
touch "$W/file"
INTERAGENT_DIR=$W/file/below
is "below a file the server still answers ping" "$(serve "$(req 1 ping)")" \
	'{"jsonrpc":"2.0","id":1,"result":{}}'
is "and lists its tools" "$(serve "$(req 1 tools/list)" | at result tools '#')" 14
quiet=''
while read -r name arguments; do
	try "$name" "$arguments"
	refused || quiet="$quiet $name"
	case $text in *"$INTERAGENT_DIR: "[A-Z]*) ;; *) quiet="$quiet $name: $text" ;; esac
done <<END
$every_tool
END
is "each tool says what is wrong with which path" "$quiet" ""
INTERAGENT_DIR=$W/file
accepts_nothing() { refuses "$1" list_agents '{}' "$W/file: Not a directory"; }
accepts_nothing "a file is no store"
new_store parts
register_all
for part in messages messages-meta specs; do
	rm -rf "${INTERAGENT_DIR:?}/$part"
	touch "$INTERAGENT_DIR/$part"
done
refuses "a file in the place of the texts is said when somebody writes" send_message \
	'{"from":"web","to":"api","subject":"s","content":"x"}' "store/messages: Not a directory"
refuses "... one in the place of the metas when somebody reads" check_inbox '{"agent_name":"api"}' \
	"store/messages-meta: Not a directory"
refuses "... one in the place of the specs" publish_spec '{"publisher":"api","name":"s","content":"x"}' \
	"store/specs/*s*.*: Not a directory"
accepts "... when somebody asks how much waits for whom, beside the agents" list_agents '{}' \
	"store/messages-meta: Not a directory"
accepts "and nobody else is disturbed" get_all_statuses '{}' '^api'
if [ "$(id -u)" -eq 0 ]; then
	skip "a store that is not ours to write is said" "root may write everywhere"
else
	chmod 500 "$INTERAGENT_DIR"
	refuses "a store that is not ours to write is said" set_status '{"agent_name":"api","status":"x"}' \
		"$INTERAGENT_DIR/.*: Permission denied"
	chmod 700 "$INTERAGENT_DIR"
fi

section "The archive"
# What has been quiet for a day is moved out of the way, by the first server of
# the hour; what waits for somebody never is. Nothing is ever deleted.

new_store archive
register_all
quiet=$(ago 25h)
for status in pending escalated acknowledged completed read; do
	foreign '' "old-$status" "$status" "$quiet"
	foreign '' "new-$status" "$status" "$(ago 23h)"
done
printf 'never sent' >"$INTERAGENT_DIR/messages/orphan-old.md"
age 37h "$INTERAGENT_DIR/messages/orphan-old.md"
printf 'perhaps on its way' >"$INTERAGENT_DIR/messages/orphan-new.md"
age 35h "$INTERAGENT_DIR/messages/orphan-new.md"
foreign '' half completed "$quiet"
foreign '' raced completed "$quiet"
foreign archive/ twice completed "$quiet"
foreign '' twice pending 2099-01-01T00:00:00.000Z
mv "$INTERAGENT_DIR/messages-meta/half.json" "$INTERAGENT_DIR/archive/messages-meta/"
mv "$INTERAGENT_DIR/messages/raced.md" "$INTERAGENT_DIR/archive/messages/"
printf 'half' >"$INTERAGENT_DIR/.tmp-0123456789abcdef"
printf 'not ours' >"$INTERAGENT_DIR/messages/.tmp-of-somebody"
texts() { find "$INTERAGENT_DIR" -name '*.md' -o -name '*.json*' | wc -l | tr -d ' '; }
before=$(texts)
in_place() { (cd "$INTERAGENT_DIR/$1" && find . -type f ! -name '.*' | sed 's/^..//' | sort | tr '\n' ' '); }

mkdir -p "$INTERAGENT_DIR/archive"
touch "$INTERAGENT_DIR/archive/.swept"
serve "$(req 1 ping)" >/dev/null
is "within the hour of a sweep there is no other" "$(in_place messages-meta | wc -w | tr -d ' ')" 12
age 50m "$INTERAGENT_DIR/archive/.swept"
serve "$(req 1 ping)" >/dev/null
is "... also at its end" "$(in_place messages-meta | wc -w | tr -d ' ')" 12
age 70m "$INTERAGENT_DIR/archive/.swept"
serve "$(req 1 ping)" >/dev/null
is "after it what waits or is young stays" "$(in_place messages-meta)" \
	"new-acknowledged.json new-completed.json new-escalated.json new-pending.json new-read.json old-escalated.json old-pending.json "
is "... with its text" "$(in_place messages)" \
	"new-acknowledged.md new-completed.md new-escalated.md new-pending.md new-read.md old-escalated.md old-pending.md orphan-new.md "
is "... what is quiet and old is archived" \
	"$(in_place archive/messages-meta | sed 's/superseded-[0-9]*/superseded/')" \
	"half.json old-acknowledged.json old-completed.json old-read.json raced.json twice.json twice.json.superseded "
is "with its text, and texts that were never sent" "$(in_place archive/messages)" \
	"half.md old-acknowledged.md old-completed.md old-read.md orphan-old.md raced.md twice.md "
is "... nothing is deleted" "$(texts)" $((before - 1)) # "twice" had its text twice
is "the archived meta is the one that counts" \
	"$(at status <"$INTERAGENT_DIR/archive/messages-meta/twice.json")" completed
accepts "an archived message is read by its id" read_message \
	'{"message_id":"old-completed","reader":"api"}' '^text of old-completed$'
accepts "and answered" reply_message '{"original_message_id":"old-completed","from":"api","content":"x"}' \
	'stored.* web'
accepts "... what was half archived too" read_message '{"message_id":"half","reader":"api"}' '^text of half$'
foreign '' later completed "$quiet"
serve "$(req 1 ping)" >/dev/null
ok "the sweep left its time, so that the next waits for an hour" test \
	-e "$INTERAGENT_DIR/messages-meta/later.json"
ok "what somebody wrote under another name is left alone" test -e "$INTERAGENT_DIR/messages/.tmp-of-somebody"

# Before the sweep has come by, the same messages are read from where they are.
new_store states
register_all
mkdir -p "$INTERAGENT_DIR/archive"
touch "$INTERAGENT_DIR/archive/.swept"
foreign '' half completed "$quiet"
foreign archive/ moved pending "$quiet"
foreign '' raced pending "$quiet"
foreign archive/ twice completed "$quiet"
foreign '' twice pending "$quiet"
mv "$INTERAGENT_DIR/messages-meta/half.json" "$INTERAGENT_DIR/archive/messages-meta/"
mv "$INTERAGENT_DIR/messages/raced.md" "$INTERAGENT_DIR/archive/messages/"
printf 'being sent' >"$INTERAGENT_DIR/messages/orphan.md"
for name in half moved raced twice; do
	accepts "$name is read" read_message "{\"message_id\":\"$name\",\"reader\":\"web\"}" \
		"^text of $name\$"
done
like "... as the archive has it" "$text" '^completed'
refuses "a text without a meta is not there" read_message '{"message_id":"orphan"}' 'no message'
try check_inbox '{"agent_name":"api"}'
is "the inbox has only what is not archived" "$(printf '%s\n' "$text" | sed -n 's/.*"\(.*\)"$/\1/p')" raced

section "Damaged files"
# One bad file must not hide the rest, and nobody must think that all is well.

new_store damaged
register_all
id=$(send web api before)
foreign '' bad-torn pending 2099-01-01T00:00:00.000Z
foreign '' bad-binary pending 2099-01-01T00:00:00.000Z
foreign '' bad-empty pending 2099-01-01T00:00:00.000Z
foreign '' bad-list pending 2099-01-01T00:00:00.000Z
foreign '' bad-nobody pending 2099-01-01T00:00:00.000Z
M=$INTERAGENT_DIR/messages-meta
head -c 60 "$M/bad-torn.json" >"$M/x" && mv "$M/x" "$M/bad-torn.json"
printf '\000\377\001{' >"$M/bad-binary.json"
: >"$M/bad-empty.json"
printf '[1]' >"$M/bad-list.json"
printf '{\n  "id": "bad-nobody"\n}' >"$M/bad-nobody.json"
age 1m "$M"/bad-*.json
before=$(cksum "$M"/bad-*.json)
try check_inbox '{"agent_name":"api"}'
like "mail is found beside damaged files" "$text" '"before"$'
like "which are said" "$text" "5 damaged.*$M/"
id=$(send web api after)
try check_inbox '{"agent_name":"api"}'
is "and stand in the way of nothing new" \
	"$(printf '%s\n' "$text" | sed -n 's/.*"\(.*\)"$/\1/p' | tr '\n' ' ')" "before after "
refuses "... reading one says that it is damaged" read_message '{"message_id":"bad-torn","reader":"api"}' \
	'bad-torn.json is damaged'
refuses "so does answering it" reply_message \
	'{"original_message_id":"bad-torn","from":"api","content":"x"}' 'bad-torn.json is damaged'
mkdir -p "$INTERAGENT_DIR/archive"
: >"$INTERAGENT_DIR/archive/.swept"
age 2h "$INTERAGENT_DIR/archive/.swept"
serve "$(req 1 ping)" >/dev/null
is "nobody moves or mends them" "$(cksum "$M"/bad-*.json)" "$before"
rm "$M"/bad-*.json
try check_inbox '{"agent_name":"api"}'
unlike "... without them nothing is said" "$text" damaged
foreign '' young pending 2099-01-01T00:00:00.000Z
mv "$M/young.json" "$W/young"
: >"$M/young.json"
(
	wait_for test -e "$W/looking"
	cat "$W/young" >"$M/young.json"
) &
try check_inbox '{"agent_name":"api"}'
like "a file that is being written hides nothing" "$text" '"after"$'
touch "$W/looking"
wait
accepts "and is there when it is whole" check_inbox '{"agent_name":"api"}' '"young"$'

new_store registry
register_all
tool register_agent "{\"name\":\"last\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" >/dev/null
head -c $(($(wc -c <"$INTERAGENT_DIR/registry.json") - 60)) "$INTERAGENT_DIR/registry.json" >"$W/torn"
cp "$W/torn" "$INTERAGENT_DIR/registry.json"
cp "$W/torn" "$INTERAGENT_DIR/status.json"
age 2h "$INTERAGENT_DIR/registry.json" "$INTERAGENT_DIR/status.json"
for tool_and_arguments in 'list_agents {}' 'get_agent {"name":"api"}' 'check_inbox {"agent_name":"api"}' \
	'send_message {"from":"web","to":"api","subject":"s","content":"x"}' 'get_all_statuses {}'; do
	accepts "${tool_and_arguments%% *} uses what stands before the damage" "${tool_and_arguments%% *}" \
		"${tool_and_arguments#* }" .
	like "${tool_and_arguments%% *} says that there is damage" "$text" 'damaged.*/[a-z]*.json'
done
try list_agents '{}'
is "which is all but the last" \
	"$(printf '%s\n' "$text" | sed -n -e 's/^\(api\).*/\1/p' -e 's/^\(web\).*/\1/p' -e 's/^\(last\).*/\1/p' | tr '\n' ' ')" \
	"api web "
ok "reading leaves it as it is" cmp "$W/torn" "$INTERAGENT_DIR/registry.json"
accepts "the next to write" register_agent \
	"{\"name\":\"last\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" 'last is registered'
is "keeps what is whole" "$(at -keys <"$INTERAGENT_DIR/registry.json" | tr '\n' ' ')" "api web last "
ok "and the damaged file beside it" cmp "$W/torn" \
	"$(find "$INTERAGENT_DIR" -name 'registry.json.damaged-[0-9]*')"
ok "the same for status.json" cmp "$W/torn" "$(find "$INTERAGENT_DIR" -name 'status.json.damaged-[0-9]*')"
try list_agents '{}'
unlike "then all is well" "$text" damaged
for content in '' '[]' 'null' '{"api": {"name": "api"}, "web": 5}'; do
	printf '%s' "$content" >"$INTERAGENT_DIR/registry.json"
	age 2h "$INTERAGENT_DIR/registry.json"
	try list_agents '{}'
	no "a registry that is '$content' is no failure" refused
done
accepts "... what is no agent in it" get_agent '{"name":"api"}' '^api'
refuses "... is passed over" get_agent '{"name":"web"}' 'no agent'

# A file that another program is writing in place is waited for: to set it aside
# would lose what it is about to say. (Each touch keeps it young.)
new_store writing
register_all
cp "$INTERAGENT_DIR/registry.json" "$W/whole"
rm -f "$INTERAGENT_DIR/.lock"
head -c 60 "$W/whole" >"$INTERAGENT_DIR/registry.json"
tool register_agent "{\"name\":\"last\",\"workspace_path\":\"$W/api\",\"description\":\"x\"}" >/dev/null &
until [ -e "$INTERAGENT_DIR/.lock" ]; do touch "$INTERAGENT_DIR/registry.json"; done
touch "$INTERAGENT_DIR/registry.json"
cat "$W/whole" >"$INTERAGENT_DIR/registry.json"
wait
is "a registry that is being written is waited for" \
	"$(at -keys <"$INTERAGENT_DIR/registry.json" | tr '\n' ' ')" "api web last "
is "and not set aside" "$(find "$INTERAGENT_DIR" -name '*.damaged-*')" ""

section "Signals"
# A file in the recipient's workspace tells whoever watches there. It tells
# only, and must never be in the way.

new_store signals
register_all
mkdir -p "$W/team"
for name in api2 web2; do
	tool register_agent "{\"name\":\"$name\",\"workspace_path\":\"$W/team\",\"description\":\"x\"}" >/dev/null
done
signals() { find "$W/$1/.claude/inbox" -name '*.signal' 2>/dev/null | wc -l | tr -d ' '; }
is "without mail there is no signal in a workspace" \
	"$(find "$W/api" -type f)" "$W/api/.claude/inbox/.gitignore"
id=$(send web api 'first
line')
I=$W/api/.claude/inbox
ok "mail drops a signal named after its sender and the time" test \
	-s "$(find "$I" -name 'web-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9].signal')"
is "of one line" "$(cat "$I"/*.signal | wc -l | tr -d ' ')" 1
like "which says who wrote, and what about" "$(cat "$I"/*.signal)" '^web .*"first line"'
is "nobody commits it" "$(cat "$I/.gitignore")" '*'
id=$(send web api two)
id=$(send web api three)
is "... each message has one" "$(signals api)" 3
is "nobody else's workspace has any" "$(signals web)$(signals team)" 00
try check_inbox '{"agent_name":"api"}'
is "... they stay while mail is unread" "$(signals api)" 3
for id in $(printf '%s\n' "$text" | sed -n 's/^\([0-9a-f]\{8\}\) from.*/\1/p' | head -n 2); do
	tool read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >/dev/null
done
is "... all of them" "$(signals api)" 3
is "a sender is told of each acknowledgement" "$(signals web)" 2
tool read_message \
	"{\"message_id\":\"$(tool check_inbox '{"agent_name":"api"}' | sed -n 's/^\([0-9a-f]\{8\}\) from.*/\1/p')\",\"reader\":\"api\"}" >/dev/null
is "when the last one is read they are removed" "$(signals api)" 0
ok "the directory stays" test -e "$I/.gitignore"
tool check_inbox '{"agent_name":"web"}' >/dev/null
is "the sender's when the sender looks" "$(signals web)" 0
for end in 'reply_message "from":"api","content":"x","original_message_id"' \
	'reply_message "from":"api","mark_complete":true,"original_message_id"' \
	'reply_message "from":"web","mark_complete":true,"original_message_id"' \
	'escalate "agent_name":"api","reason":"x","message_id"'; do
	id=$(send web api "ends unread")
	last=$(send web api "waits")
	tool "${end%% *}" "{${end#* }:\"$id\"}" >/dev/null
	is "where others are unread they stay: $end" "$(signals api)" 2
	tool "${end%% *}" "{${end#* }:\"$last\"}" >/dev/null
	is "... the last one need not be read" "$(signals api)" 0
done
for id in $(tool check_inbox '{"agent_name":"web"}' | sed -n 's/^\([0-9a-f]\{8\}\) from.*/\1/p'); do
	tool read_message "{\"message_id\":\"$id\",\"reader\":\"web\"}" >/dev/null
done
id=$(send web api "to decide")
tool escalate "{\"message_id\":\"$id\",\"agent_name\":\"api\",\"reason\":\"x\"}" >/dev/null
like "a sender is told of an escalation" "$(cat "$W/web/.claude/inbox"/*.signal)" '^api .*"to decide"'
printf 'mine' >"$I/notes.txt"
id=$(send web api x)
tool read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" >/dev/null
tool check_inbox '{"agent_name":"api"}' >/dev/null
is "what is no signal is left alone" "$(cat "$I/notes.txt")" mine
id=$(send web api2 x)
id=$(send web web2 x)
tool read_message "{\"message_id\":\"$id\",\"reader\":\"web2\"}" >/dev/null
tool check_inbox '{"agent_name":"web2"}' >/dev/null
ok "two that share a workspace do not take each other's" [ "$(signals team)" -ge 1 ]

# Links would lead us into places that are not the workspace.
mkdir "$W/elsewhere"
rm -rf "$W/api/.claude" "$W/web/.claude"
ln -s "$W/elsewhere" "$W/api/.claude"
mkdir "$W/web/.claude"
ln -s "$W/elsewhere" "$W/web/.claude/inbox"
accepts "a .claude that is a link takes no signal, but the mail" send_message \
	'{"from":"web","to":"api","subject":"s","content":"x"}' stored
accepts "nor does an inbox that is" send_message '{"from":"api","to":"web","subject":"s","content":"x"}' \
	stored
is "nothing is written through either" "$(find "$W/elsewhere")" "$W/elsewhere"
printf keep >"$W/elsewhere/web-1.signal"
id=$(tool check_inbox '{"agent_name":"web"}' | sed -n 's/^\([0-9a-f]\{8\}\) from.*/\1/p' | tail -n 1)
tool read_message "{\"message_id\":\"$id\",\"reader\":\"web\"}" >/dev/null
tool check_inbox '{"agent_name":"web"}' >/dev/null
ok "nor removed" test -e "$W/elsewhere/web-1.signal"
ln -s "$W/team" "$W/link"
tool register_agent "{\"name\":\"linked\",\"workspace_path\":\"$W/link\",\"description\":\"x\"}" >/dev/null
before=$(signals team)
id=$(send web linked x)
is "a workspace itself may be reached by a link" "$(signals team)" $((before + 1))
rm -rf "$W/team"
printf 'a file' >"$W/team"
accepts "a workspace that is no directory any more is no error" send_message \
	'{"from":"web","to":"api2","subject":"s","content":"x"}' stored

section "Links and pipes in the store"
# Whatever stands where a file should be must not lead out of the store, nor
# keep anybody waiting.

new_store links
register_all
id=$(send web api real)
mkdir "$W/outside"
printf '{\n  "id": "link",\n  "from": "web",\n  "to": "api",\n  "subject": "from outside",\n  "status": "pending",\n  "createdAt": "2099-01-01T00:00:00.000Z",\n  "updatedAt": "2099-01-01T00:00:00.000Z"\n}' >"$W/outside/link.json"
printf secret >"$W/outside/secret"
ln -s "$W/outside/link.json" "$INTERAGENT_DIR/messages-meta/link.json"
try check_inbox '{"agent_name":"api"}'
unlike "a meta that is a link is not followed" "$text" 'from outside'
like "but said" "$text" "damaged or unreadable.*messages-meta/link.json"
rm "$INTERAGENT_DIR/messages-meta/link.json"
rm "$INTERAGENT_DIR/messages/$id.md"
ln -s "$W/outside/secret" "$INTERAGENT_DIR/messages/$id.md"
refuses "nor is a text" read_message "{\"message_id\":\"$id\",\"reader\":\"api\"}" "messages/$id.md"
is "which stays unread" "$(meta "$id" status)" pending
mkdir -p "$INTERAGENT_DIR/specs"
ln -s "$W/outside/secret" "$INTERAGENT_DIR/specs/link.md"
refuses "nor is a spec" get_spec '{"name":"link"}' 'specs/link.md'
try publish_spec '{"publisher":"api","name":"link","content":"new"}'
is "whatever is published there" "$(cat "$W/outside/secret")" secret
mv "$INTERAGENT_DIR/registry.json" "$W/outside/"
ln -s "$W/outside/registry.json" "$INTERAGENT_DIR/registry.json"
refuses "nor is the registry" list_agents '{}' "registry.json: "
rm "$INTERAGENT_DIR/registry.json"
cp "$W/outside/registry.json" "$INTERAGENT_DIR/"
rm -f "$INTERAGENT_DIR/.lock"
ln -s "$W/outside/lock" "$INTERAGENT_DIR/.lock"
refuses "nor is the lock" set_status '{"agent_name":"api","status":"x"}' '\.lock: '
no "nothing is made behind it" test -e "$W/outside/lock"
rm "$INTERAGENT_DIR/.lock"
mv "$INTERAGENT_DIR/messages-meta" "$W/outside/metas"
ln -s "$W/outside/metas" "$INTERAGENT_DIR/messages-meta"
refuses "nor is a directory, to read" check_inbox '{"agent_name":"api"}' 'messages-meta: '
before=$(find "$W/outside" | sort)
# The text is written first, and stays until the sweep takes it: the store has changed.
try send_message '{"from":"web","to":"api","subject":"s","content":"x"}'
like "or to write" "$(refused && echo "$text")" 'messages-meta'
is "nothing is written behind it" "$(find "$W/outside" | sort)" "$before"
rm "$INTERAGENT_DIR/messages-meta"
mv "$W/outside/metas" "$INTERAGENT_DIR/messages-meta"
mv "$INTERAGENT_DIR" "$W/real"
ln -s "$W/real" "$INTERAGENT_DIR"
accepts "the store itself may be reached by a link" check_inbox '{"agent_name":"api"}' '"real"$'

new_store pipes
register_all
id=$(send web api real)
mkfifo "$INTERAGENT_DIR/messages-meta/pipe.json"
within "a pipe in the place of a meta keeps nobody waiting" "$BIN" check_inbox --from api
like "and hides no mail" "$(cat "$T/told")" '"real"$'
rm "$INTERAGENT_DIR/messages-meta/pipe.json" "$INTERAGENT_DIR/messages/$id.md"
mkfifo "$INTERAGENT_DIR/messages/$id.md"
within "nor does one in the place of a text" "$BIN" read_message --from api --message-id "$id"
like "which is said" "$(cat "$T/told")" "messages/$id.md"
mkdir -p "$INTERAGENT_DIR/specs" "$INTERAGENT_DIR/archive"
mkfifo "$INTERAGENT_DIR/specs/pipe.md"
within "nor of a spec" "$BIN" get_spec --name pipe
like "which is said" "$(cat "$T/told")" 'specs/pipe.md'
rm -f "$INTERAGENT_DIR/archive/.swept" "$INTERAGENT_DIR/.lock"
mkfifo "$INTERAGENT_DIR/archive/.swept" "$INTERAGENT_DIR/.lock"
age 2h "$INTERAGENT_DIR/archive/.swept"
within "nor of the lock and the time of the sweep" "$BIN" set_status --from api --status x
rm "$INTERAGENT_DIR/registry.json"
mkfifo "$INTERAGENT_DIR/registry.json"
within "nor of the registry" "$BIN" list_agents
like "which is said too" "$(cat "$T/told")" 'registry.json'

done_testing
