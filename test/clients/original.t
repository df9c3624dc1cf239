# The original and this program on one store, through the whole life of mail: each
# reads what the other has written, and loses nothing of it. ORIGINAL names the entry
# of the original, built and with its packages, as node takes it; the test needs both.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

why=
[ -f "${ORIGINAL:-}" ] || why="ORIGINAL names no file: it should be the original's index.js"
command -v node >/dev/null || why="node is missing"
if [ -n "$why" ]; then
	skip "the original beside this program" "$why"
	done_testing
fi

# The original's place is fixed; ours is told. Server 1 is the original, which knows no
# sessions, so that it can speak for all its agents; 2 is ours.
INTERAGENT_DIR=$HOME/.claude-interagent
printf '#!/bin/sh\nexec node "%s"\n' "$ORIGINAL" >"$T/original"
chmod +x "$T/original"
mkdir "$T/old" "$T/new"
ours=$BIN
start_original() { BIN=$T/original; start 1 "$T/old"; BIN=$ours; hear 1 "$(hello)" >"$T/out"; }
hello() { req 0 initialize '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}'; }
old() { ask 1 "$@"; }
new() { ask 2 "$@"; }
first_id() { sed -n '1s/ .*//p'; }
whole_id() { basename "$INTERAGENT_DIR/messages-meta/$1"*.json .json; }
# from_old TO SUBJECT, from_new TO SUBJECT: sends; the whole id is in $id
from_old() { id=$(old send_message "{\"from\":\"old\",\"to\":\"$1\",\"subject\":\"$2\",\"content\":\"the text of $2\"}" | sed -n 's/^ID: //p'); }
from_new() { id=$(whole_id "$(new send_message "{\"to\":\"$1\",\"subject\":\"$2\",\"content\":\"the text of $2\"}" | first_id)"); }
# A member of somebody else's, put into a record.
mark() { sed "s/^  \"id\"/  \"theirs\": [1.0, \"x\"],\\n&/" "$INTERAGENT_DIR/messages-meta/$1.json" >"$T/marked" && cp "$T/marked" "$INTERAGENT_DIR/messages-meta/$1.json"; }
# The record, and the time that everything in it happened, become so old.
rewind() {
	sed -e "s/\"updatedAt\": \"[^\"]*\"/\"updatedAt\": \"$(ago "$2")\"/" "$INTERAGENT_DIR/messages-meta/$1.json" >"$T/rewound"
	cp "$T/rewound" "$INTERAGENT_DIR/messages-meta/$1.json"
	age "$2" "$INTERAGENT_DIR/messages-meta/$1.json"
}

section "Who there is"

start_original
start 2 "$T/new"
like "the original makes the store" "$(old register_agent "{\"name\":\"old\",\"workspace_path\":\"$T/old\",\"description\":\"the old\"}")" 'registered successfully'
like "we register beside it" "$(new register_agent '{"name":"new","description":"the new"}')" '^new is registered'
like "the original sees us" "$(old get_agent '{"name":"new"}')" '^Description: the new$'
like "... and where we work" "$(old list_agents '{}')" "Workspace: $T/new\$"
like "we see it; whether it runs is not known" "$(new list_agents)" '^old: presence unknown; "the old"'
like "the original's status" "$(new get_status '{"agent_name":"old"}')" '^old: "online"'
like "... and ours" "$(old get_status '{"agent_name":"new"}')" '^\*\*new\*\*: online$'
new set_status '{"status":"testing"}' >"$T/out"
old set_status '{"agent_name":"old","status":"waiting\nfor you"}' >"$T/out"
like "a status of ours is read" "$(old get_all_statuses '{}')" '^- \*\*new\*\*: testing (updated: 20'
like "... and one of the original's, on one line" "$(new get_all_statuses)" '^old: "waiting\\nfor you", '

section "From the original to us, and back"

from_old new "broken parser"
asked=$id
mark "$asked"
like "we find it" "$(new check_inbox '{}')" '^[0-9a-f]* from old .*"broken parser"$'
like "... and read it" "$(new read_message "{\"message_id\":\"$asked\"}")" '^the text of broken parser$'
is "... which the original's word says" "$(meta "$asked" status)" acknowledged
unlike "... and the original does not count it as unread" "$(old check_inbox '{"agent_name":"new"}')" '\[PENDING\]'
answer=$(whole_id "$(new reply_message "{\"original_message_id\":\"$asked\",\"content\":\"Mended.\",\"mark_complete\":true}" | first_id)")
like "the original finds the answer" "$(old check_inbox '{"agent_name":"old"}')" "^- \\[PENDING\\] \\*\\*Re: broken parser\\*\\* (from: new, id: $answer)"
like "... and reads it" "$(old read_message "{\"message_id\":\"$answer\",\"reader\":\"old\"}")" '^Mended\.$'
is "... and knows what it answers" "$(meta "$answer" replyTo)" "$asked"
like "... and so do we" "$(new read_message "{\"message_id\":\"$answer\"}")" "^in reply to $(echo "$asked" | cut -c 1-8) \"broken parser\""
is "the question is completed" "$(meta "$asked" status)" completed
is "both inboxes are empty for us" "$(new check_inbox '{}') $("$BIN" check_inbox --from old)" "No mail. No mail."
is "what somebody else put in is kept" "$(meta "$asked" theirs 1)" x

section "From us to the original, and back"

from_new old "missing field"
like "a signal says who wrote" "$(cat "$T"/old/.claude/inbox/new-*.signal)" 'missing field'
mark "$id"
like "the original finds it" "$(old check_inbox '{"agent_name":"old"}')" '\*\*missing field\*\* (from: new'
like "... and reads it" "$(old read_message "{\"message_id\":\"$id\",\"reader\":\"old\"}")" '^the text of missing field$'
like "we see that it was read" "$(new check_inbox '{}')" "^sent $(echo "$id" | cut -c 1-8) to old: read "
like "the original answers" "$(old reply_message "{\"original_message_id\":\"$id\",\"from\":\"old\",\"subject\":\"Re\",\"content\":\"It is there.\",\"mark_complete\":true}")" 'marked complete'
is "... in its words" "$(meta "$id" status) $(meta "$id" theirs 1)" "completed x"
like "we find the answer" "$(new check_inbox '{}')" '^\([0-9a-f]*\) from old .*"Re"$'
answer=$(new check_inbox '{}' | sed -n 's/^\([0-9a-f]*\) from old .*/\1/p')
like "... and read it" "$(new read_message "{\"message_id\":\"$answer\"}")" '^It is there\.$'
is "... and it is gone" "$(new check_inbox '{}')" "No mail."
from_new old "withdrawn"
new reply_message "{\"original_message_id\":\"$id\",\"mark_complete\":true}" >"$T/out"
is "what we complete before it was read is completed for the original" "$(meta "$id" status)" completed
like "... which can read it all the same" "$(old read_message "{\"message_id\":\"$id\",\"reader\":\"old\"}")" '^the text of withdrawn$'
is "... and changes nothing by it" "$(meta "$id" status)" completed

section "The person decides"

from_new old "drop the table?"
theirs=$id
old escalate "{\"message_id\":\"$theirs\",\"agent_name\":\"old\",\"reason\":\"data is lost\"}" >"$T/out"
like "an escalation of the original stands on the board" "$(verb board)" "$(echo "$theirs" | cut -c 1-8) .*escalated.*\"drop the table?\""
like "... with its reason" "$(verb board)" 'data is lost'
like "... and counts as unread" "$(verb inbox)" '^1 unread'
like "... for the totals, too" "$(verb board)" '^[1-9][0-9]* unread in all'
like "the person reads it" "$(verb read "$theirs")" '^the text of drop the table?$'
verb reply "$theirs" "Keep it." >"$T/out"
like "... and answers who asked" "$(old check_inbox '{"agent_name":"old"}')" '(from: human, id: '
answer=$(old check_inbox '{"agent_name":"old"}' | sed -n 's/.*from: human, id: \([0-9a-f-]*\)).*/\1/p')
like "... who reads it" "$(old read_message "{\"message_id\":\"$answer\",\"reader\":\"old\"}")" '^Keep it\.$'
unlike "... and it is off the board" "$(verb board)" 'drop the table'
old reply_message "{\"original_message_id\":\"$answer\",\"from\":\"old\",\"subject\":\"kept\",\"content\":\"It is kept.\"}" >"$T/out"
like "the original can answer the person" "$(verb inbox)" 'from old .*"kept"'
verb read >"$T/out"

from_old new "pay for it?"
mine=$id
like "one of ours stands there too" "$(new escalate "{\"message_id\":\"$mine\",\"reason\":\"money\"}"; verb board)" 'escalated by new .*pay for it?'
is "... and is escalated in the original's words" "$(meta "$mine" status) $(meta "$mine" escalationReason)" "escalated money"
unlike "... and in nobody's inbox with the original" "$(old check_inbox '{"agent_name":"new"}')" 'pay for it'

# The original archives what is escalated after a day; what it moved waits for nobody.
rewind "$mine" 25h
old check_inbox '{"agent_name":"old"}' >"$T/out"
is "the original archives it after a day" "$(archived "$mine" status)" escalated
copy=$(verb inbox | sed -n 's/^\([0-9a-f]*\) .*pay for it.*/\1/p')
verb reply "$copy" "No." >"$T/out"
like "the person's answer comes all the same" "$(new check_inbox '{}')" 'from human '
unlike "... and nothing waits for them any more" "$(verb board)" 'pay for it'
is "... and what was archived says so, where it is" "$(archived "$mine" status)" acknowledged
new check_inbox '{}' | sed -n 's/^\([0-9a-f]*\) from human.*/\1/p' | while read -r one; do new read_message "{\"message_id\":\"$one\"}"; done >"$T/out"

section "The archive"

from_old new "done with"
done_with=$id
new reply_message "{\"original_message_id\":\"$done_with\",\"mark_complete\":true}" >"$T/out"
from_new old "seen"
seen=$id
old read_message "{\"message_id\":\"$seen\",\"reader\":\"old\"}" >"$T/out"
from_old new "waits"
waits=$id
for one in "$done_with" "$seen" "$waits"; do rewind "$one" 25h; done
old check_inbox '{"agent_name":"old"}' >"$T/out"
is "what the original has archived" "$(archived "$done_with" status) $(archived "$seen" status)" "completed acknowledged"
like "... we read by its id" "$(new read_message "{\"message_id\":\"$seen\"}")" '^the text of seen$'
like "... and answer" "$(new reply_message "{\"original_message_id\":\"$done_with\",\"content\":\"once more\"}")" ' stored; old'
like "what nobody has read stays" "$(new check_inbox '{}')" '"waits"'
new read_message "{\"message_id\":\"$waits\"}" >"$T/out"
rewind "$waits" 25h
rm -f "$INTERAGENT_DIR/archive/.swept"
"$BIN" list_agents >"$T/out"
is "what we archive is where the original has its own" "$(archived "$waits" status) $(cat "$INTERAGENT_DIR/archive/messages/$waits.md")" "acknowledged the text of waits"
like "... and the original goes on" "$(old check_inbox '{"agent_name":"new"}')" '^No new messages\|^You have'

section "Specs"

old publish_spec '{"name":"my spec v1","publisher":"old","content":"line one\nline two\n"}' >"$T/out"
like "we read a spec of the original's, whatever its name" "$(new get_spec '{"name":"my spec v1"}')" '^line two$'
unlike "... without its head" "$(new get_spec '{"name":"my spec v1"}')" 'Published by'
like "... and list it" "$(new list_specs)" 'my spec v1'
like "we publish the next version of it" "$(new publish_spec '{"name":"my spec v1","content":"line one\nline 2\n"}')" 'my spec v1.*published'
like "... which the original reads" "$(old get_spec '{"name":"my spec v1"}')" '^line 2$'
like "... with who published it" "$(old get_spec '{"name":"my spec v1"}')" '^<!-- Published by: new at 20[0-9T:.-]*Z -->$'
lines=$(awk 'BEGIN { for (i = 0; i < 20; i++) printf "a line of the contract, number %d\\n", i }')
new publish_spec "{\"name\":\"contract\",\"content\":\"${lines}v one\"}" >"$T/out"
new get_spec '{"name":"contract"}' >"$T/out"
like "a spec of ours is read" "$(old get_spec '{"name":"contract"}')" '^v one$'
old publish_spec "{\"name\":\"contract\",\"publisher\":\"old\",\"content\":\"${lines}v two\"}" >"$T/out"
like "what the original wrote over it is the next version" "$(new list_specs)" '^contract v2 by old'
like "... and the change is shown" "$(new get_spec '{"name":"contract","since":1}')" '^+v two$'
is "both list the same" "$(old list_specs '{}' | sed -n 's/^- //p' | sort | paste -s -d ,)" "contract,my spec v1"

section "Names that are none with us"

for name in "two words" "caf\\u00e9" "team/one" Human; do
	old register_agent "{\"name\":\"$name\",\"workspace_path\":\"$T/old\",\"description\":\"odd\"}" >"$T/out"
done
everybody=$(new list_agents)
for name in '"two words"' '"café"' '"team/one"'; do
	like "an agent of the original's is listed: $name" "$everybody" "^$name: presence unknown"
	bare=${name#?}
	bare=${bare%?}
	like "... can be written to" "$(new send_message "{\"to\":\"$bare\",\"subject\":\"hi\",\"content\":\"x\"}")" ' stored; '
	id=$(old check_inbox "{\"agent_name\":\"$bare\"}" | sed -n 's/.*id: \([0-9a-f-]*\)).*/\1/p')
	like "... reads that with the original" "$(old read_message "{\"message_id\":\"$id\",\"reader\":\"$bare\"}")" '^x$'
	old reply_message "{\"original_message_id\":\"$id\",\"from\":\"$bare\",\"subject\":\"from $bare\",\"content\":\"y\"}" >"$T/out"
	like "... and its answer comes" "$(new check_inbox '{}')" "from $name .*\"from $bare\""
done
like "a name like the person's is told from theirs" "$everybody" '^"Human": presence unknown'
id=$(old send_message '{"from":"nobody","to":"new","subject":"from nowhere","content":"x"}' | sed -n 's/^ID: //p')
like "mail of one who never registered comes" "$(new check_inbox '{}')" 'from nobody .*"from nowhere"'
like "... and cannot be answered, which is said" "$(new reply_message "{\"original_message_id\":\"$id\",\"content\":\"x\"}")" 'nobody'

section "Back to the original"

register_again() { old register_agent "{\"name\":\"new\",\"workspace_path\":\"$T/new\",\"description\":\"the new\"}" >"$T/out"; }
sed '2s/^/  "_theirs": {"name": "_theirs", "workspacePath": "\/x", "description": "d", "registeredAt": "2026-01-01T00:00:00.000Z", "more": {"a": 1.0}},\n/' \
	"$INTERAGENT_DIR/registry.json" >"$T/registry"
cp "$T/registry" "$INTERAGENT_DIR/registry.json"
new register_agent '{"name":"new","description":"the new, again"}' >"$T/out"
register_again
is "members that neither knows are kept by both" "$(at _theirs more a <"$INTERAGENT_DIR/registry.json")" 1
like "while our server runs it is live" "$(verb get_agent new)" '^new: live'
stop 2
like "without it, it is not running" "$(verb get_agent new)" '^new: not running\|^new: presence unknown'
age 7s "$INTERAGENT_DIR"/live/new.*
register_again
like "when it has gone back to the original, its presence is unknown" "$(verb get_agent new)" '^new: presence unknown'
is "... in JSON, too" "$(verb get_agent new --json | at live)" null
start 2 "$T/new"
new register_agent '{"name":"new","description":"the new"}' >"$T/out"
like "and when it comes back it is live" "$(verb get_agent new)" '^new: live'
stop 2
like "... and known again" "$(verb get_agent new)" '^new: not running'
like "the doctor finds nothing damaged" "$("$BIN" doctor)" 'nothing is damaged'
stop 1
done_testing
