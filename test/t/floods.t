# Goal of this test: what one agent did, in a loop or on purpose, neither hides
# the mail of others nor makes their calls dearer. Each quota has an error of its
# own, which says who fills it and how it is emptied. What a call costs is told by
# the files that it opens and by what it asks of the kernel, not by a clock.
# shellcheck disable=SC2154 # text: see mail.sh
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

MESSAGES=1000 AGENTS=500 SPECS=1000 OWN_SPECS=200 VERSIONS=1000

# letters FROM TO COUNT [STATUS]: so many messages, unread unless said otherwise
letters_made=0
letters() {
	mkdir -p "$INTERAGENT_DIR/messages" "$INTERAGENT_DIR/messages-meta"
	awk -v from="$1" -v to="$2" -v n="$3" -v status="${4:-pending}" -v first=$letters_made -v dir="$INTERAGENT_DIR" -v at="$(ago 2h)" 'BEGIN {
		for (i = first; i < first + n; i++) {
			id = sprintf("%08x-0000-4000-8000-%012x", i, i)
			file = dir "/messages-meta/" id ".json"
			printf "{\n  \"id\": \"%s\",\n  \"from\": \"%s\",\n  \"to\": \"%s\",\n  \"subject\": \"letter %d\",\n  \"status\": \"%s\",\n  \"createdAt\": \"%s\",\n  \"updatedAt\": \"%s\"\n}", id, from, to, i, status, at, at >file
			close(file)
			file = dir "/messages/" id ".md"
			printf "text\n" >file
			close(file)
		}
	}'
	letters_made=$((letters_made + $3))
}

# crowd COUNT: so many agents of one workspace, which ran once
crowd() {
	mkdir -p "$INTERAGENT_DIR/live" "$T/crowd"
	awk -v n="$1" -v dir="$INTERAGENT_DIR" -v place="$T/crowd" -v at="$(ago 2h)" 'BEGIN {
		for (i = 1; i <= n; i++) {
			printf "%s\n  \"bot%d\": {\n    \"name\": \"bot%d\",\n    \"workspacePath\": \"%s\",\n    \"description\": \"a bot\",\n    \"registeredAt\": \"%s\",\n    \"registeredFrom\": \"%s\"\n  }", (i > 1 ? "," : "{"), i, i, place, at, place
			file = sprintf("%s/live/bot%d.%08x", dir, i, i)
			printf "{\n  \"pid\": 1,\n  \"client\": \"\",\n  \"session\": \"s%d\",\n  \"workspace\": \"%s\",\n  \"host\": \"\",\n  \"since\": \"%s\"\n}", i, place, at >file
			close(file)
		}
		print "\n}"
	}' >"$INTERAGENT_DIR/registry.json"
}

# spec_files PUBLISHER HEAD COUNT
spec_files() {
	mkdir -p "$INTERAGENT_DIR/specs"
	awk -v who="$1" -v head="$2" -v n="$3" -v dir="$INTERAGENT_DIR" -v at="$(ago 2h)" 'BEGIN {
		for (i = 1; i <= n; i++) {
			file = dir "/specs/" head i ".md"
			printf "<!-- Published by: %s at %s -->\n\nspec %d\n", who, at, i >file
			close(file)
		}
	}'
}

# new_store NAME: with three agents
new_store() {
	INTERAGENT_DIR=$T/$1
	letters_made=0
	for agent in api web db; do register $agent; done
}

# opened PATTERN COMMAND...: how many files whose names match does it open?
opened() {
	opened_pattern=$1
	shift
	strace -f -o "$T/trace" -e trace=openat "$@" >"$T/out" 2>&1
	grep -c "openat(.*$opened_pattern.* = [0-9]" "$T/trace"
}
can_trace() { strace -o "$T/trace" true 2>"$T/out"; }

section "Unread mail"
new_store mail
letters web api $((MESSAGES - 1))
accepts "the last message that there is room for is taken" send_message \
	'{"from":"web","to":"api","subject":"s","content":"c"}' 'stored'
refuses "the next one is not, and it is said who fills what" send_message \
	'{"from":"web","to":"api","subject":"s","content":"c"}' \
	"^not sent: $MESSAGES messages from web wait for api already, and no more are taken"
like "... and how it is emptied" "$text" 'until some are read; reply_message with mark_complete completes one'
verb send_message --from web --to api --subject s --content c >"$T/out"
like "... in a shell by a verb" "$(tail -n 1 "$T/stderr")" \
	'until some are read; interagent done ID completes one'
refuses "nor is it sent to the others of a list" send_message \
	'{"from":"web","to":"db,api","subject":"s","content":"c"}' '^not sent: [0-9]* messages from web wait for api'
accepts "what goes to somebody else is taken" send_message \
	'{"from":"web","to":"db","subject":"s","content":"c"}' 'stored'
accepts "and so is what another one sends" send_message \
	'{"from":"db","to":"api","subject":"honest","content":"c"}' 'stored'
accepts "and what the other side sends back" send_message \
	'{"from":"api","to":"web","subject":"stop","content":"c"}' 'stored'
id=$(printf '%.8s' "$text")
refuses "an answer counts like any other message" reply_message \
	"{\"from\":\"web\",\"original_message_id\":\"$id\",\"content\":\"no\"}" '^not sent: [0-9]* messages from web wait for api'
like "the person may write all the same" "$(verb send_message --from human --to api --subject s --content c)" stored
like "honest mail is on the first page" "$(tool check_inbox '{"agent_name":"api"}')" 'from db .*"honest"'
verb read_message --from api --message-id 00000000-0000-4000-8000-000000000000 >"$T/out"
accepts "one that was read makes room" send_message \
	'{"from":"web","to":"api","subject":"s","content":"c"}' 'stored'
new_store read
letters web api $MESSAGES acknowledged
accepts "mail that was read takes none" send_message '{"from":"web","to":"api","subject":"s","content":"c"}' 'stored'
letters web api $MESSAGES
tool check_inbox '{"agent_name":"db"}' >"$T/out"     # writes the memo
refuses "what was learnt before is counted too" send_message \
	'{"from":"web","to":"api","subject":"s","content":"c"}' '^not sent: [0-9]* messages from web wait for api'
rm -f "$INTERAGENT_DIR/live/.parties"
no "and on the command line" "$BIN" send_message --from web --to api --subject s --content c
letters web human $MESSAGES escalated
letters db web 1
refuses "the person's inbox is filled by nobody, either" escalate \
	"{\"agent_name\":\"web\",\"message_id\":\"$(printf '%08x' $((letters_made - 1)))\",\"reason\":\"r\"}" '^not sent: [0-9]* messages from web wait for human'

section "An inbox of 20,000"
new_store full
n=0
while [ $n -lt 20 ]; do
	letters "flood$n" api $MESSAGES
	n=$((n + 1))
done
send db api honest >"$T/out"
like "honest mail is on the first page" "$(tool check_inbox '{"agent_name":"api"}')" 'from db .*"honest"'
if can_trace; then
	is "what is between two others opens none of it, when it is known" \
		"$(opened '"0000[0-9a-f]*-0000.*json"' "$BIN" check_inbox --from web)" 0
	is "nor does sending" "$(opened '"0000[0-9a-f]*-0000.*json"' "$BIN" send_message --from web --to db --subject s --content c)" 0
else
	skip "what is between two others opens none of it" "no strace"
fi

section "Names"
INTERAGENT_DIR=$T/names
crowd $((AGENTS - 3))
for agent in api web db; do register $agent; done
refuses "a name too many is refused, and it is said from where most are" register_agent \
	"{\"name\":\"late\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}" \
	"^not registered: there are $AGENTS names, no more than $AGENTS are taken, and $((AGENTS - 3)) of them are for \"$T/crowd\""
like "... and how one is taken away" "$text" 'interagent forget NAME'
accepts "who is there may register again" register_agent \
	"{\"name\":\"web\",\"description\":\"d\",\"workspace_path\":\"$T/web\"}" '^web is registered'
verb forget bot1 >"$T/out"
accepts "and where one was forgotten there is room" register_agent \
	"{\"name\":\"late\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}" '^late is registered'
is "a wrong name is answered with ten names" \
	"$(tool get_agent '{"name":"nobody"}' | sed 's/.*registered: //' | tr ',' '\n' | grep -c .)" 10
is "and a list has twenty a page" "$(tool list_agents | grep -c -e ': live' -e ': not running' -e ': presence')" 20
if can_trace; then
	is "sending opens no sign of life but the recipient's" \
		"$(opened '"bot' "$BIN" send_message --from web --to api --subject s --content c)" 0
	is "nor does asking for one agent" "$(opened '"bot' "$BIN" get_agent --name api --from web)" 0
	is "nor an agent's shell" "$(cd "$T/web" && CLAUDECODE=1 CLAUDE_CODE_SESSION_ID=x opened '"bot' "$BIN" get_status api)" 0
	printf '{"hook_event_name":"Stop","session_id":"x","cwd":"%s"}' "$T/web" >"$T/event"
	is "nor a hook" "$(cd "$T/web" && CLAUDECODE=1 opened '"bot' "$BIN" hook <"$T/event")" 0
else
	skip "a call opens no sign of life but of whom it is about" "no strace"
fi

section "Specs"
new_store specs
spec_files web s $OWN_SPECS
refuses "a publisher's spec too many is refused" publish_spec '{"publisher":"web","name":"more","content":"c"}' \
	"^not published: web would have $((OWN_SPECS + 1)) specs of .* bytes, and no more than $OWN_SPECS of .* from one publisher"
like "... and it is said where they are" "$text" "delete files in \"*$INTERAGENT_DIR/specs"
accepts "a new version of one that is there is taken" publish_spec '{"publisher":"web","name":"s1","content":"new"}' 's1 v2'
accepts "and so is another publisher's" publish_spec '{"publisher":"db","name":"more","content":"c"}' 'more v1'
ok "and the person's" verb publish_spec --from human --name mine --content c
spec_files bot t $((SPECS - OWN_SPECS - 2))
refuses "no more are kept than people read" publish_spec '{"publisher":"api","name":"late","content":"c"}' \
	"^not published: there are $SPECS specs already, 0 of them by api; the person deletes files in"
if can_trace; then
	req 1 resources/list >"$T/lines"
	is "the list of resources opens as many as it has" "$(opened '\.md"' "$BIN" serve <"$T/lines")" 100
	is "and a wrong name none" "$(opened '\.md"' "$BIN" get_spec --from api --name nothing)" 0
else
	skip "the list of resources opens as many as it has" "no strace"
fi
new_store versions
mkdir -p "$INTERAGENT_DIR/specs/.history/often"
awk -v n=$VERSIONS -v dir="$INTERAGENT_DIR/specs/.history/often" 'BEGIN {
	for (i = 2; i < n; i++) {
		file = dir "/" i ".md"
		printf "<!-- Published by: web at 2026-01-01T00:00:00.000Z -->\n\nversion %d\n", i >file
		close(file)
	}
}'
accepts "of one spec the last version that there is room for is taken" publish_spec \
	'{"publisher":"web","name":"often","content":"c"}' "often v$VERSIONS"
accepts "which is not so when nothing changes" publish_spec '{"publisher":"web","name":"often","content":"c"}' 'Nothing changed'
echo first >"$INTERAGENT_DIR/specs/.history/often/1.md"
refuses "the next one is refused, and it is said by whom the last one was" publish_spec \
	'{"publisher":"db","name":"often","content":"d"}' \
	"^not published: $VERSIONS versions of often are kept, the last by web, and no more are taken"
like "... and where the old ones are" "$text" "deletes old ones in \"*$INTERAGENT_DIR/specs/.history/often"
rm "$INTERAGENT_DIR/specs/.history/often/1.md"
accepts "and where one was deleted there is room, and the numbers go on" publish_spec \
	'{"publisher":"db","name":"often","content":"d"}' "often v$((VERSIONS + 1))"
new_store big
n=0
mkdir -p "$INTERAGENT_DIR/specs"
head -c 1048000 /dev/zero | tr '\0' x >"$T/text"
while [ $n -lt 32 ]; do
	{ printf '<!-- Published by: web at 2026-01-01T00:00:00.000Z -->\n\n'; cat "$T/text"; } >"$INTERAGENT_DIR/specs/b$n.md"
	n=$((n + 1))
done
no "texts of more than 32 MiB are refused to one publisher" "$BIN" publish_spec --from web --name more --content - <"$T/text"
like "... with its reason" "$(cat "$T/out")" 'not published: web would have 33 specs of 3[34][0-9]* bytes'
if can_trace; then
	strace -o "$T/trace" -e trace=pread64 "$BIN" serve <"$T/lines" >"$T/out" 2>&1
	ok "the list of resources reads no text" [ "$(sed -n 's/^pread64(.* = \([0-9]*\)$/\1/p' "$T/trace" | awk '{ n += $1 } END { print n + 0 }')" -lt 100000 ]
fi

section "A call between two others"
# At work between all of this, it asks for at most a fifth more.
used='check_inbox send_message get_agent set_status get_spec'
# asked: how often each of them asks something of the kernel, of ten calls each in one server
asked() {
	verb publish_spec --from db --name ours --content c >"$T/out"
	for n in 0 1 2 3 4 5 6 7 8 9 10; do
		[ $n -ne 1 ] || req '"0"' ping      # the first of each is for getting to know the store
		for tool in $used; do
			case $tool in
			check_inbox) call 1 "$tool" '{"agent_name":"web"}' ;;
			send_message) call 1 "$tool" '{"from":"web","to":"db","subject":"s","content":"c"}' ;;
			get_agent) call 1 "$tool" '{"name":"db"}' ;;
			set_status) call 1 "$tool" '{"agent_name":"web","status":"s"}' ;;
			get_spec) call 1 "$tool" '{"name":"ours"}' ;;
			esac
			[ $n -eq 0 ] || req "\"$n $tool\"" ping
		done
	done >"$T/lines"
	ASAN_OPTIONS=detect_leaks=0 strace -f -s 100 -e trace=!mmap,munmap,mremap,brk -o "$T/trace" "$BIN" serve <"$T/lines" >"$T/out" 2>&1
	awk '{ n++ }
		/write\(.*"id.":."[0-9]/ {
			split($0, word, /"id.":."|[0-9] |\\"/)
			for (i in word)
				if (word[i] ~ /^[a-z]+_[a-z]+$/) sum[word[i]] += n
			n = 0
		}
		END { for (tool in sum) print tool, sum[tool] }' "$T/trace" | sort
}
if can_trace; then
	new_store quiet
	asked >"$T/quiet-asked"
	INTERAGENT_DIR=$T/full
	crowd $((AGENTS - 3))
	for agent in api web db; do register $agent; done
	spec_files bot t $((SPECS - 1))
	asked >"$T/full-asked"
	join "$T/quiet-asked" "$T/full-asked" >"$T/asked"
	is "each was counted" "$(cut -d ' ' -f 1 "$T/asked" | paste -s -d ' ' -)" \
		"$(echo "$used" | tr ' ' '\n' | sort | paste -s -d ' ' -)"
	while read -r tool quiet full; do
		ok "$tool: $full, and $quiet in a quiet store" test $((full * 5)) -le $((quiet * 6))
	done <"$T/asked"
else
	skip "a call between two others costs the same" "no strace"
fi

section "What a reader would refuse is not written"
new_store limits
{ printf '{\n  "theirs": {"text": "'; head -c 67108600 /dev/zero | tr '\0' x; printf '"}\n}'; } >"$INTERAGENT_DIR/registry.json"
cksum <"$INTERAGENT_DIR/registry.json" >"$T/before"
no "a registry that would grow too long is not written" "$BIN" register_agent --name api --workspace-path "$T/api" --description "$(head -c 400 /dev/zero | tr '\0' d)"
is "... and is as it was" "$(cksum <"$INTERAGENT_DIR/registry.json")" "$(cat "$T/before")"
rm "$INTERAGENT_DIR/registry.json"
for agent in api web; do register $agent; done
mail web api "long"
id=$(cat "$T/sent")
file=$INTERAGENT_DIR/messages-meta/$id.json
{ sed '$d' "$file" | sed '$s/$/,/'; printf '  "theirs": "'; head -c 1048100 /dev/zero | tr '\0' x; printf '"\n}'; } >"$T/meta"
cat "$T/meta" >"$file"
age 5m "$file"
verb read_message --from api --message-id "$id" >"$T/out"
like "a message whose record is as long as may be is shown" "$(cat "$T/out")" '^the text of long$'
is "... and stays in the inbox" "$(verb check_inbox --from api --json | at 0 id)" "$id"

# Another program sets no limits: what should be a line is shown as far as one can be read.
new_store long
verb publish_spec --from web --name spec --content c --note NOTE >"$T/out"
verb set_status --from web --status STATUS >"$T/out"
mail web api "stuck"
stuck=$(cat "$T/sent")
verb escalate --from api --message-id "$stuck" --reason REASON >"$T/out"
mail web api "short"
id=$(cat "$T/sent")
fill() { head -c 300000 /dev/zero | tr '\0' "$1"; }
for part in registry.json:'the web' status.json:STATUS specs/.history/spec/1.md:NOTE "messages-meta/$stuck.json:REASON" \
	"messages-meta/$id.json:short" specs/spec.md:'by: web' "messages-meta/$id.json:\"from\": \"web"; do
	file=$INTERAGENT_DIR/${part%%:*} word=${part#*:}
	{ printf 's/%s/%s' "$word" "$word"; fill y; printf /; } >"$T/edit"
	sed -f "$T/edit" "$file" >"$T/text"
	cat "$T/text" >"$file"
	age 5m "$file"
done
for asked in list_agents 'get_agent {"name":"web"}' get_all_statuses 'get_status {"agent_name":"web"}' list_specs \
	'get_spec {"name":"spec"}' "read_message {\"message_id\":\"$id\",\"reader\":\"api\"}" \
	"read_message {\"message_id\":\"$stuck\",\"reader\":\"api\"}" 'check_inbox {"agent_name":"api"}'; do
	case $asked in *' '*) try "${asked%% *}" "${asked#* }" ;; *) try "$asked" '{}' ;; esac
	like "$asked tells it" "$text" 'yyy\.\.\.'
	ok "... in a few thousand bytes" test ${#text} -lt 5000
done
done_testing
