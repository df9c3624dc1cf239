# The person at the table: short verbs, the log, escalations from the first
# call to the answer, and the person's own command.
# shellcheck disable=SC2030,SC2031,SC2317 # each store in its turn; functions that wait_for calls
. ./test/lib/test.sh
. ./test/lib/mail.sh

PATH=$T/bin:$PATH
mkdir "$T/bin"
ln -s "$BIN" "$T/bin/interagent"

fresh() {
	INTERAGENT_DIR=$T/$1
	for agent in api web db; do register $agent "$T/work/$agent"; done
}
# The person speaks from a terminal, but what they read and type is here.
human() { "$HELPERS/tty" "$BIN" "$@" --from human; }
sent() { find "$INTERAGENT_DIR/messages-meta" -name '*.json' 2>/dev/null | grep -c .; }
short() { printf '%.8s' "$1"; }

section "The verbs"

fresh verbs
id=$(human send api 'the build' is red --json | at id)
is "send NAME TEXT: the words are the text" "$(body "$id")" 'the build is red'
is "... and their first line the subject" "$(meta "$id" subject)" 'the build is red'
is "... from the human" "$(meta "$id" from)" human
printf '  Tabs\tand more  \n\nSecond line\n  third\n' >"$T/text"
id=$(human send api --json <"$T/text" | at id)
ok "send NAME without TEXT: standard input is the text, byte for byte" cmp "$T/text" \
	"$INTERAGENT_DIR/messages/$id.md"
is "... its first line the subject" "$(meta "$id" subject)" 'Tabs and more'
id=$(human send api - --json <"$T/text" | at id)
ok "send NAME - does the same" cmp "$T/text" "$INTERAGENT_DIR/messages/$id.md"
id=$(human send api --subject 'My own' --json <"$T/text" | at id)
is "a subject that is given stays" "$(meta "$id" subject)" 'My own'
id=$(printf '\001\n \nhello\n' | human send api --json | at id)
is "a line that shows nothing is no subject" "$(meta "$id" subject)" hello
like "a text without another says so" "$(printf '\001\n' | human send api 2>&1)" \
	'^interagent: nothing is sent: no line of the text can be its subject; give --subject$'
awk 'BEGIN { for (i = 0; i < 10000; i++) printf "\303\251"; print "\nrest" }' >"$T/text"
id=$(human send api --json <"$T/text" | at id)
ok "a first line of 10,000 letters is sent whole" cmp "$T/text" "$INTERAGENT_DIR/messages/$id.md"
subject=$(meta "$id" subject)
is "... and its front is the subject" "$subject" "$(head -c "${#subject}" "$T/text")"
ok "... as much as is allowed" test "${#subject}" -ge 190 -a "${#subject}" -le 400
is "send to several" "$(human send api,web,human hello --json | at '#')" 3

before=$(sent)
is "an empty text sends nothing, usage" "$(status_of human send api </dev/null)" 2
like "... and says so" "$(cat "$T/err")" 'nothing is sent: the text is empty'
is "nor an empty status or spec" "$(interagent set_status '' 2>&1; interagent publish_spec x '' 2>&1)" \
	'interagent: nothing is set: the status is empty; see interagent help set_status
interagent: nothing is published: the text is empty; see interagent help publish_spec'
is "nor does one of blanks" "$(printf ' \n\t\n' | status_of human send api)" 2
is "nor an empty word" "$(status_of human send api '' </dev/null)" 2
is "nor an empty reply" "$(status_of human reply "$id" </dev/null)" 2
is "nor does an empty text complete what it was to answer" \
	"$(status_of human reply "$id" - --mark-complete </dev/null) $(meta "$id" status)" "2 pending"
is "... nothing was stored" "$(sent)" "$before"
is "... not even a text without its message" "$(find "$INTERAGENT_DIR/messages" -name '*.md' | grep -c .)" \
	"$before"

to_me=$(interagent send_message --from api --to human --subject 'A question' --content 'Which port?' --json | at id)
other=$(interagent send_message --from web --to human --subject 'Another' --content 'Which host?' --json | at id)
like "inbox lists the human's mail" "$(human inbox)" "^$(short "$to_me") from api .*: \"A question\"$"
unlike "... and nobody else's" "$(human inbox)" 'red'
like "read ID shows the text" "$(human read "$(short "$to_me")")" '^Which port?$'
is "... and acknowledges it" "$(meta "$to_me" status)" acknowledged
id=$(human reply "$(short "$to_me")" Port 80, please --json | at id)
is "reply ID TEXT goes to its sender" "$(meta "$id" to)" api
is "... as an answer" "$(meta "$id" replyTo)" "$to_me"
is "... with the text" "$(body "$id")" 'Port 80, please'
is "... and a subject that says so" "$(meta "$id" subject)" 'Re: A question'
id=$(printf 'From a pipe\n\nmore\n' | human reply "$to_me" --json | at id)
is "reply ID without TEXT reads standard input" "$(body "$id")" "$(printf 'From a pipe\n\nmore\n')"
is "... whose first line is not its subject" "$(meta "$id" subject)" 'Re: A question'
like "done ID completes" "$(human 'done' "$(short "$to_me")")" "^$(short "$to_me") is completed"
is "... as stored" "$(meta "$to_me" status)" completed
like "... with the time" "$(meta "$to_me" completedAt)" '^20..-..-..T.*Z$'
unlike "... and the inbox no longer has it" "$(human inbox)" 'A question'
like "... but what is not done" "$(human inbox)" Another
human reply "$other" Here --mark_complete >/dev/null
is "reply --mark_complete completes too" "$(meta "$other" status)" completed
aside=$(interagent send_message --from api --to web --subject 'Between us' --content 'x' --json | at id)
like "a message of others is read without acknowledging" "$(human read "$aside")" \
	'not acknowledged: only web can'
is "... and stays unread" "$(meta "$aside" status)" pending

like "agents" "$(interagent agents)" '^web: presence unknown.*"the web"'
interagent set_status --from api --status 'writing the importer' >/dev/null
like "statuses" "$(interagent statuses)" '^api: "writing the importer"'
interagent publish_spec --from api --name users-api --content 'GET /users' >/dev/null
like "specs" "$(interagent specs)" '^users-api v1 by api'
like "spec NAME" "$(interagent spec users-api)" '^GET /users$'

section "Who the human is"

if has_terminal; then
	like "in a terminal nobody needs to be named" "$(terminal 'interagent inbox')" '^[0-9]* unread; interagent read shows one:$'
	like "... and the text need not be quoted" "$(terminal 'interagent send api all clear')" 'stored; api'
	unlike "... but in an agent's shell it is not the human" \
		"$(CLAUDECODE=1 terminal 'interagent inbox')" 'unread;'
else
	skip "in a terminal nobody needs to be named" "no script(1) that gives a terminal"
fi
for mark in CLAUDECODE=1 CODEX_SANDBOX=x GEMINI_CLI=1 CURSOR_AGENT=1; do
	before=$(sent)
	is "with $mark nobody speaks as the human" \
		"$(status_of env "$mark" "$HELPERS/tty" "$BIN" send api hi --from human)" 1
	like "... and it is told why" "$(cat "$T/err")" "this shell is an agent's: ${mark%%=*} is set"
	is "... and nothing is sent" "$(sent)" "$before"
done
for setting in AI_AGENT=x CODEX_HOME=/x CODEX_API_KEY=x AGENT=x; do
	is "$setting is a setting of the person's, and makes no agent of them" \
		"$(status_of env "$setting" "$HELPERS/tty" "$BIN" inbox --from human)" 0
done
if setsid true 2>/dev/null; then
	is "without a terminal nobody is guessed" "$(status_of setsid "$BIN" inbox </dev/null)" 1
	like "... and --from is named" "$(cat "$T/err")" 'name an agent with --from NAME'
else
	skip "without a terminal nobody is guessed" "no setsid(1)"
fi
like "over the protocol nobody is the human" "$(tool check_inbox '{"agent_name":"human"}')" \
	'no agent speaks as them'

section "What was mistyped"

is "an unknown verb is usage" "$(status_of interagent frobnicate)" 2
like "a mistyped verb gets a suggestion" "$(interagent logg 2>&1)" 'did you mean log?'
for verb in mail lxo 'send --from api webxy hello'; do
	# shellcheck disable=SC2086
	unlike "... if a third of it at most is wrong: $verb" "$(interagent $verb 2>&1)" 'did you mean'
done
like "... two letters in the wrong order are one mistake" "$(interagent sned 2>&1) $(interagent lgo 2>&1)" \
	'did you mean send?.*did you mean log?'
like "... a mistyped short one too" "$(interagent agnets 2>&1)" 'did you mean agents'
like "... the nearest one" "$(interagent wai 2>&1)" 'did you mean wait?'
like "... and a mistyped tool" "$(interagent send_mesage 2>&1)" 'did you mean send_message'
is "a verb that a variable should have named is shown" "$(interagent '' 2>&1)" \
	'interagent: no such verb: ""; see interagent --help'
for words in '--json inbox' '--from api inbox' '--from=api inbox'; do
	# shellcheck disable=SC2086
	is "$words: where options stand is said" "$(interagent $words 2>&1)" \
		"interagent: options stand behind the verb: interagent VERB ${words%% *}; see interagent --help"
done
is "-- before the verb is passed over" "$(interagent -- inbox --from api)" "$(interagent inbox --from api)"
is "a mistyped agent is refused" "$(status_of human send apy hi)" 1
like "... with a suggestion" "$(cat "$T/err")" 'did you mean api'
like "... the nearest one" "$(human send apb hi 2>&1)" 'did you mean api'
like "... and with all there are" "$(cat "$T/err")" 'registered: api, web, db'
for verb in forget 'get_agent --name' 'get_status --agent_name' log 'wait --timeout 0 --agent'; do
	# shellcheck disable=SC2086
	is "$verb apy: refused" "$(status_of interagent $verb apy)" 1
	like "... with a suggestion" "$(cat "$T/err")" 'did you mean api'
done
like "a path is no id, and is shown as it was typed" "$(interagent 'done' /tmp/12345678.md --from api 2>&1)" \
	'^interagent: no message "/tmp/12345678.md"; interagent inbox lists yours$'
is "a mistyped option is usage" "$(status_of interagent log --snice 2d)" 2
like "... and is named" "$(cat "$T/err")" 'snice'
is "a span without a unit is usage" "$(status_of interagent log --since 2)" 2
like "an id that is not there" "$(human read 00000000 2>&1)" 'no message "00000000"'
like "... one that is too short" "$(human read 1a 2>&1)" 'too short'
like "a verb that wants an id says so" "$(interagent 'done' 2>&1)" '^interagent: ID is missing; see interagent help done$'
is "... as usage" "$(status_of interagent 'done')" 2

section "The log"

fresh log
# message FILE FROM TO SUBJECT STATUS SECONDS-AGO [REPLY-TO [DIRECTORY]]
message() {
	dir=$INTERAGENT_DIR${8:+/$8}
	when=$(ago "${6}s")
	mkdir -p "$dir/messages" "$dir/messages-meta"
	echo "text of $4" >"$dir/messages/$1.md"
	printf '{"id":"%s","from":"%s","to":"%s","subject":"%s","status":"%s","createdAt":"%s","updatedAt":"%s"%s}' \
		"$1" "$2" "$3" "$4" "$5" "$when" "$when" "${7:+,\"replyTo\":\"$7\"}" >"$dir/messages-meta/$1.json"
}
id_of() { echo "${1}0000000-0000-4000-8000-000000000000"; }
message "$(id_of 1)" web api first completed 500000 '' archive
message "$(id_of 2)" api web second acknowledged 400000 "$(id_of 1)" archive
message "$(id_of 3)" web api third pending 9000 "$(id_of 2)"
message "$(id_of 4)" api web fourth escalated 8000 "$(id_of 1)"
message "$(id_of 5)" db human fifth pending 7000
message "$(id_of 6)" web api sixth pending 6000 "$(id_of 9)"
is "the log has replies below what they answer, archived mail too" "$(COLUMNS=120 interagent log)" "\
10000000 web -> api 5d ago (done): \"first\"
  20000000 api -> web 4d ago (read): \"second\"
    30000000 web -> api 2h ago: \"third\"
  40000000 api -> web 2h ago (escalated): \"fourth\"
50000000 db -> human 1h ago: \"fifth\"
60000000 web -> api 1h ago: \"sixth\""
is "a file has dates, not ages" "$(interagent log db | sed 's/....-..-..T..:..:..\....Z/DATE/')" '50000000 db -> human DATE: "fifth"'
is "log NAME: what it sent and got" "$(COLUMNS=120 interagent log db)" '50000000 db -> human 1h ago: "fifth"'
is "log human too" "$(COLUMNS=120 interagent log human)" '50000000 db -> human 1h ago: "fifth"'
is "log --since leaves out what is older" "$(COLUMNS=120 interagent log --since 2d | grep -c .)" 4
is "... by the hour" "$(COLUMNS=120 interagent log --since 2h | sed 's/.*"\(.*\)"/\1/' | tr '\n' ' ')" 'fifth sixth '
is "... and both" "$(COLUMNS=120 interagent log web --since 2h | sed 's/.*"\(.*\)"/\1/')" sixth
is "nothing so young: nothing is said" "$(COLUMNS=120 interagent log --since 1s)" ''

# Rings made by hand: of one, of two, and one that hangs on another.
message "$(id_of a)" web api alone pending 5000 "$(id_of a)"
message "$(id_of b)" web api ring-1 pending 4000 "$(id_of c)"
message "$(id_of c)" api web ring-2 pending 4000 "$(id_of b)"
message "$(id_of d)" api web hanging pending 3000 "$(id_of c)"
(interagent log >"$T/ring") &
ring=$!
ended() { ! kill -0 "$ring"; }
ok "a ring of replies ends" wait_for ended
kill -9 $ring 2>/dev/null
wait $ring 2>/dev/null
for subject in first second third fourth fifth sixth alone ring-1 ring-2 hanging; do
	is "... and every message is there once: $subject" "$(grep -c "\"$subject\"" "$T/ring")" 1
done
parent=$(id_of 6)
n=10
while [ $n -lt 60 ]; do
	message "e$n" web api "deep $n" pending $((2000 - n)) "$parent"
	parent=e$n
	n=$((n + 1))
done
is "a chain of fifty replies is shown whole" "$(interagent log | grep -c 'deep')" 50
like "... and not indented without end" "$(interagent log | grep 'deep 59')" '^ \{0,60\}[^ ]'

section "forget and prune"

fresh leave
mkfifo "$T/in"
"$BIN" serve <"$T/in" >"$T/answers" 2>/dev/null &
server=$!
exec 7>"$T/in"
call 1 set_status '{"agent_name":"db","status":"here"}' >&7
ok "an agent comes" wait_for grep -q '"id":1' "$T/answers"
is "forget refuses an agent that runs" "$(status_of interagent forget db)" 1
like "... and says that it runs" "$(cat "$T/err")" 'db is running'
exec 7>&-
wait $server
human send db wake up >/dev/null
is "forget refuses an agent with unread mail" "$(status_of interagent forget db)" 1
like "... and says how much" "$(cat "$T/err")" 'db has 1 unread'
unread=$(interagent inbox --from db --json | at 0 id)
interagent read "$unread" --from db >/dev/null
mv "$INTERAGENT_DIR/messages-meta" "$T/away"
: >"$INTERAGENT_DIR/messages-meta"
is "forget refuses an agent whose mail cannot be read" "$(status_of interagent forget db)" 1
rm "$INTERAGENT_DIR/messages-meta"
mv "$T/away" "$INTERAGENT_DIR/messages-meta"
like "then it is forgotten" "$(interagent forget db)" 'db is forgotten'
unlike "... and no longer listed" "$(interagent agents)" '^db'
unlike "... nor is its status" "$(interagent statuses)" '^db'
is "... its mail stays" "$(meta "$unread" subject)" 'wake up'
is "... nobody writes to it" "$(status_of human send db hi)" 1
human send web,api hello >/dev/null
like "the board counts what is unread" "$(interagent board)" '^2 unread in all$'
interagent forget web --force >/dev/null
like "... and says what no row shows" "$(interagent board)" \
	'^2 unread in all, 1 for names that are not registered: interagent log$'
register web "$T/work/web"

message "$(id_of 1)" web api old completed 3000000 '' archive
message "$(id_of 2)" web api newer completed 100000 '' archive
message "$(id_of 3)" web api ancient-but-open pending 3000000
for wrong in '' '--older' '--older x' '--older 5' '--older -1d' '--older 30days'; do
	# shellcheck disable=SC2086
	is "prune $wrong: usage" "$(status_of interagent prune $wrong)" 2
done
like "... which deletes nothing" "$(interagent log)" '"old"'
like "prune --older deletes archived mail" "$(interagent prune --older 30d)" '^1 archived message is deleted'
unlike "... that is older" "$(interagent log)" '"old"'
no "... its text too" test -e "$INTERAGENT_DIR/archive/messages/$(id_of 1).md"
like "... not what is younger" "$(interagent log)" '"newer"'
like "... nor what is not archived" "$(interagent log)" '"ancient-but-open"'

section "Help"

fresh help
verbs=$(interagent --help | sed -n 's/^  \([a-z_]*\) .*/\1/p')
ok "--help names the verbs" test "$(echo "$verbs" | grep -c .)" -ge 26
ok "--help: no line is wider than 80" "$HELPERS/screen" -check 80 <<END
$(interagent --help)
END
ok "... and it fits a screen of 40 lines" test "$(interagent --help | grep -c '')" -le 40
is "-h and help are the same" "$(interagent -h; interagent help)" "$(interagent --help; interagent --help)"
echo '# Users' >"$T/work/users.md"
echo '{"hook_event_name":"Stop","cwd":"/","session_id":"s"}' >"$T/work/event.json"
message 1a2b3c4d-0000-4000-8000-000000000000 web api 'Crash on load' pending 90
message 2b3c4d5e-0000-4000-8000-000000000000 api human 'Shall I mend it?' pending 80
for name in api web; do interagent set_status --from $name --status busy >/dev/null; done
for name in users users-api; do
	for text in '# Users of old' '# Users of today'; do
		interagent publish_spec --from api --name $name --content "$text" >/dev/null
	done
done
cp -R "$INTERAGENT_DIR" "$T/prepared"
# Runs the example as a person would: in a terminal, in a directory with the
# files that it names. The verb that does not end is ended once it has spoken.
cat >"$T/run-example" <<'END'
cd "$WORK" || exit 1
export MANPAGER=cat
case $EXAMPLE in
*watch*)
	eval "exec $EXAMPLE" >said &
	tries=0
	until [ -s said ] || [ "$tries" -eq 200 ]; do tries=$((tries + 1)); sleep 0.05; done
	kill $!
	wait $!
	cat said
	;;
*) eval "$EXAMPLE" </dev/null ;;
esac
echo "status $?"
END
for verb in $verbs inbox read reply send agents specs statuses spec; do
	help=$(interagent "$verb" --help)
	ok "$verb --help: no line is wider than 80" "$HELPERS/screen" -check 80 <<END
$help
END
	ok "... it fits a screen of 24" test "$(echo "$help" | grep -c '')" -le 24
	EXAMPLE=$(echo "$help" | sed -n 's/^example: //p')
	WORK=$T/work
	export EXAMPLE WORK
	like "... and it has an example" "$EXAMPLE" "^\(echo '[^']*' | \)*interagent [a-z]"
	[ -n "$EXAMPLE" ] || continue
	rm -rf "${INTERAGENT_DIR:?}"
	cp -R "$T/prepared" "$INTERAGENT_DIR"
	forgotten=$(echo "$EXAMPLE" | sed -n 's/^interagent forget \([a-z]*\).*/\1/p')
	[ -z "$forgotten" ] || register "$forgotten" "$T/work/$forgotten"
	[ "$forgotten" != api ] || interagent read 1a2b3c4d --from api >/dev/null
	if has_terminal; then
		said=$(terminal "sh '$T/run-example'")
		case $verb in
		wait) status='status [02]$' ;;
		*) status='status 0$' ;;
		esac
		like "... that works: $EXAMPLE" "$said" "$status"
		unlike "... and refuses nothing" "$said" '^interagent: [^1]'
	else
		skip "... that works: $EXAMPLE" "no script(1) that gives a terminal"
	fi
done

section "An escalation, from the call to the answer"

waits=0
# Starts `interagent wait` for an agent; what it said will be in $T/woken.
start_wait() {
	waits=$((waits + 1))
	("$BIN" wait --agent "$1" --exit-code 0 --timeout 30 >"$T/woken") &
	waiter=$!
}

escalate_story() {      # escalate_story STORE ANSWER-UNDER(copy|original)
	fresh "$1"
	asked=$(interagent send_message --from web --to api --subject 'Null or empty?' --content 'Say which one.' --json | at id)
	serve "$(call 1 read_message "{\"message_id\":\"$asked\",\"reader\":\"api\"}")" >/dev/null
	told=$(tool escalate "{\"agent_name\":\"api\",\"message_id\":\"$asked\",\"reason\":\"We disagree on nulls\"}")
	like "$1: the tool's answer names the copy" "$told" \
		"^$(short "$asked") is escalated; the human has it as [0-9a-f]\{8\}"
	copy=$(human inbox --json | at 0 id)
	like "$1: ... which it is" "$told" "$(short "$copy")"
	is "$1: the original is escalated" "$(meta "$asked" status)" escalated
	is "$1: ... with the reason" "$(meta "$asked" escalationReason)" 'We disagree on nulls'
	like "$1: the copy holds the reason" "$(body "$copy")" '^We disagree on nulls'
	like "$1: ... and the text that it is about" "$(body "$copy")" '^> Say which one\.$'
	human_mail=$(interagent send_message --from db --to human --subject Urgent --content x --urgent --json | at id)
	board=$(interagent board)
	like "$1: the board asks for the human" "$board" '^Waiting for you'
	is "$1: ... about the escalation first" "$(echo "$board" | sed -n 2p | cut -c 1-28)" \
		"  $(short "$copy")  escalated by api"
	like "$1: ... with its reason" "$(echo "$board" | sed -n 3p)" '"We disagree on nulls"'
	like "$1: it is first in the inbox, before what is urgent" "$(human inbox | sed -n 2p)" \
		"^$(short "$copy") escalated from api"
	human read "$copy" >/dev/null
	human read "$human_mail" >/dev/null
	like "$1: reading it does not answer it" "$(human inbox | sed -n 2p)" \
		"^$(short "$copy") escalated from api"
	like "$1: ... nor on the board" "$(interagent board | sed -n 2p)" "escalated by api"
	start_wait api
	case $2 in
	copy) answered=$copy ;;
	original) answered=$asked ;;
	esac
	case $3 in
	reply) human reply "$(short "$answered")" 'Null. Always.' >/dev/null ;;
	done) human 'done' "$(short "$answered")" >/dev/null ;;
	esac
	is "$1: the copy is dealt with" "$(meta "$copy" status)" completed
	like "$1: ... at a known time" "$(meta "$copy" completedAt)" '^20'
	unlike "$1: the inbox has it no longer" "$(human inbox)" "$(short "$copy")"
	unlike "$1: ... nor has the board" "$(interagent board)" "escalated by api"
}

escalate_story reply-to-the-copy copy reply
wait $waiter
like "the agent that waits is woken by the answer" "$(cat "$T/woken")" \
	'1 unread for api: [0-9a-f]* from human "Re: '
is "the original waits for the human no more" "$(meta "$asked" status)" acknowledged
answer=$(sed -n 's/.*for api: \([0-9a-f]*\) .*/\1/p' "$T/woken")
read_it=$(tool read_message "{\"message_id\":\"$answer\",\"reader\":\"api\"}")
like "the agent reads the answer" "$read_it" '^Null. Always.$'
like "... marked as the user's" "$read_it" "written by this machine's user"
like "... and can answer the one who asked" \
	"$(tool reply_message "{\"original_message_id\":\"$asked\",\"from\":\"api\",\"content\":\"Null.\",\"mark_complete\":true}")" \
	'is completed'

escalate_story reply-to-the-original original reply
wait $waiter
like "an answer under the original's id wakes the one who is stuck" "$(cat "$T/woken")" \
	'1 unread for api: .* from human'
is "... and ends it too" "$(meta "$asked" status)" acknowledged

escalate_story done-with-the-copy copy 'done'
is "done with the copy: the original waits no more" "$(meta "$asked" status)" acknowledged
kill $waiter
wait $waiter
escalate_story done-with-the-original original 'done'
is "done with the original: it is completed" "$(meta "$asked" status)" completed
kill $waiter
wait $waiter

fresh again
asked=$(interagent send_message --from web --to api --subject Twice --content x --json | at id)
interagent escalate --from api --message-id "$asked" --reason one >/dev/null
like "what is escalated is not escalated again" \
	"$(interagent escalate --from api --message-id "$asked" --reason two 2>&1)" 'escalated already'
is "... and the human has it once" "$(human inbox --json | at '#')" 1
human reply "$asked" 'an answer' >/dev/null
like "after the answer it may be" "$(interagent escalate --from api --message-id "$asked" --reason three)" \
	'is escalated'
is "... and then the human has it anew" "$(human inbox --json | at '#')" 1
like "... only its recipient may" \
	"$(interagent escalate --from web --message-id "$asked" --reason x 2>&1)" 'only they or the human'

# What the person themselves asked is escalated to them: they have it once.
# elsewhere ID: as another program does it, which makes no copy.
elsewhere() {
	sed 's/"status": "[a-z]*"/"status": "escalated"/' "$INTERAGENT_DIR/messages-meta/$1.json" >"$T/meta"
	cat "$T/meta" >"$INTERAGENT_DIR/messages-meta/$1.json"
}
fresh own
asked=$(human send api 'Delete the accounts?' --json | at id)
interagent escalate --from api --message-id "$asked" --reason 'I dare not' >/dev/null
inbox=$(human inbox)
like "the person's own question comes back once" "$inbox" '^1 unread; '
like "... as the copy" "$inbox" 'escalated from api '
unlike "... and not by its own id too" "$inbox" "^$(short "$asked")"
like "... the board counts it so" "$(interagent board)" '^1 unread in all'
fresh elsewhere
asked=$(human send api 'Delete the accounts?' --json | at id)
answer=$(interagent reply "$asked" 'How old?' --from api --json | at id)
elsewhere "$asked"
told=$(human wait --exit-code 0 --timeout 30)
like "escalated by another program it is told beside an answer" "$told" "$(short "$asked") escalated from human"
like "... which is no copy of it" "$told" "$(short "$answer") from api"
inbox=$(human inbox)
like "... and stands in the inbox" "$inbox" '^2 unread; '
is "... once" "$(echo "$inbox" | grep -c "^$(short "$asked")")" 1
is "... and once below" "$(echo "$inbox" | grep -c "^sent $(short "$asked")")" 1

# A party completes what the person has been asked to decide: the copy waits on.
for verb in reply 'done'; do
	fresh "settled-by-$verb"
	asked=$(send web api 'Settled meanwhile')
	interagent escalate --from api --message-id "$asked" --reason which >/dev/null
	interagent 'done' "$asked" --from api >/dev/null
	like "$verb: what a party completed still waits for the person" "$(human inbox)" '^1 unread; '
	case $verb in
	reply)
		like "$verb: ... their answer goes to who asked them" "$(human reply "$asked" this)" 'stored; api'
		like "$verb: ... so does a second one" "$(human reply "$asked" 'no, that')" 'stored; api'
		;;
	done) like "$verb: ... is completed for them too" "$(human 'done' "$asked")" "^$(short "$asked") is completed: " ;;
	esac
	is "$verb: ... which ends the copy" "$(human inbox --json | at '#')" 0
	like "$verb: ... and then it is over" "$(human 'done' "$asked")" 'completed already'
done

fresh to-themselves
asked=$(send web api Which)
copy=$(human escalate "$asked" 'let me decide' | sed 's/.* as \(.*\)\./\1/')
like "who escalated to themselves answers the one who waits" "$(human reply "$copy" 'Take A')" 'stored; api'
is "... and has settled it" "$(meta "$asked" status) $(meta "$copy" status)" 'acknowledged completed'

# Stopped anywhere, an escalation can be made again until the human has it, and
# the human's answer until it is settled: never is the original left waiting
# for a human who has nothing to answer.
fresh stopped
asked=$(send web api Stop)
# stop_everywhere CHECK VERB...: the verb stops at each of its calls in turn,
# and the check says what is wrong then; both kinds of stop at the same time.
stop_everywhere() {
	check=$1
	shift
	rm -rf "$T/asked"
	cp -R "$INTERAGENT_DIR" "$T/asked"
	for how in kill 5; do
		(
			INTERAGENT_DIR=$T/stopped-$how
			k=0
			while :; do
				k=$((k + 1))
				rm -rf "${INTERAGENT_DIR:?}" "$T/log-$how"
				cp -R "$T/asked" "$INTERAGENT_DIR"
				INTERAGENT_FAULT="$k $how" INTERAGENT_FAULT_LOG=$T/log-$how \
					"$HELPERS/tty" "$HELPERS/interagent-fault" "$@" >/dev/null 2>&1
				[ -s "$T/log-$how" ] || break
				$check || echo "$k $how: $(cat "$T/log-$how")"
			done
			[ $k -gt 10 ] || echo "only $k calls"
		) >"$T/bad-$how" 2>/dev/null &
	done
	wait
	cat "$T/bad-kill" "$T/bad-5"
}
made_again() {
	"$BIN" escalate --from api --message-id "$asked" --reason stuck >/dev/null 2>&1
	grep -q '"to": "human"' "$INTERAGENT_DIR"/messages-meta/*.json
}
nothing_hidden() {
	[ "$(meta "$copy" status)" != completed ] || [ "$(meta "$asked" status)" = acknowledged ]
}
is "an escalation that was stopped can be made again, and the human has it" \
	"$(stop_everywhere made_again escalate --from api --message-id "$asked" --reason stuck)" ''
interagent escalate --from api --message-id "$asked" --reason stuck >/dev/null 2>&1
copy=$(human inbox --json | at 0 id)
is "an answer that was stopped never hides what still waits" \
	"$(stop_everywhere nothing_hidden 'done' "$copy" --from human)" ''

section "What the agent itself sent"

fresh sent
before=$(interagent inbox --from api)
unlike "an agent that sent nothing is told of nothing" "$before" '^sent'
for n in 1 2 3 4; do
	eval "m$n=\$(send api web \"number $n\")"
	sleep 0.01
done
lines=$(tool check_inbox '{"agent_name":"api"}' | grep '^sent')
# shellcheck disable=SC2154
is "check_inbox ends with three lines on what is open, the newest first" \
	"$(echo "$lines" | cut -d ' ' -f 2 | tr '\n' ' ')" \
	"$(short "$m4") $(short "$m3") $(short "$m2") "
like "... unread" "$(echo "$lines" | sed -n 1p)" "^sent $(short "$m4") to web: unread, "
interagent read "$m4" --from web >/dev/null
interagent escalate --from web --message-id "$m3" --reason why >/dev/null
interagent reply "$m2" no --from web --mark_complete >/dev/null
interagent read "$(interagent inbox --from api --json | at 0 id)" --from api >/dev/null
answer=$(tool check_inbox '{"agent_name":"api"}')
lines=$(echo "$answer" | grep '^sent')
is "... they are the end of the answer, but for who this session is" "$(echo "$answer" | tail -n 4)" "$lines
this session now speaks as api"
like "... read, and when" "$(echo "$lines" | sed -n 1p)" \
	"^sent $(short "$m4") to web: read just now$" "^sent $(short "$m4") to web: read [0-9]*s ago$"
like "... escalated" "$(echo "$lines" | sed -n 2p)" "^sent $(short "$m3") to web: escalated, "
# shellcheck disable=SC2154
like "... without what is completed" "$(echo "$lines" | sed -n 3p)" "^sent $(short "$m1") to web: unread"
message "$m4" api web 'number 4' acknowledged 190
like "... read 3m ago" "$(tool check_inbox '{"agent_name":"api"}')" \
	"^sent $(short "$m4") to web: read 3m ago$"
file=$INTERAGENT_DIR/messages-meta/$m4.json
sed "s/\"updatedAt\"/\"readAt\":\"$(ago 2h)\",&/" "$file" >"$T/meta"
cat "$T/meta" >"$file"
like "... which is not when it last changed" "$(tool check_inbox '{"agent_name":"api"}')" \
	"^sent $(short "$m4") to web: read 2h ago$"
unlike "the recipient is not told of it as its own" "$(tool check_inbox '{"agent_name":"web"}')" \
	"^sent $(short "$m4")"

section "An urgent escalation"

fresh urgent
interagent escalate --from api --message-id "$(send web api pressing text --urgent)" --reason now >"$T/out"
like "the board says that it is urgent" "$(interagent board)" '^  [0-9a-f]*  urgent escalated by api '
like "... so does the inbox" "$(human inbox)" '^[0-9a-f]* urgent escalated from api '
like "... and counts it" "$(human inbox)" '^1 unread, 1 urgent; '

section "The human's own command"

fresh notify
# command_named NAME <SCRIPT: a command on the PATH, which knows $T
command_named() { { echo '#!/bin/sh'; echo "T='$T'"; cat; } >"$T/bin/$1"; chmod +x "$T/bin/$1"; }
escalation() {  # escalation CALL-ID MESSAGE-ID REASON
	call "$1" escalate "{\"agent_name\":\"api\",\"message_id\":\"$2\",\"reason\":\"$3\"}"
}

command_named tell <<'END'
printf '%s' "$INTERAGENT_TITLE" >"$T/title"
printf '%s' "$INTERAGENT_TEXT" >"$T/told.tmp"
mv "$T/told.tmp" "$T/told"
END
# It does not end before it is let go, whatever happens to us.
command_named hang <<'END'
echo $$ >"$T/hanging"
until [ -e "$T/release" ] || [ ! -d "$T" ]; do sleep 0.1; done
END
command_named talk <<'END'
head -c 5000000 /dev/zero
head -c 5000000 /dev/zero >&2
touch "$T/talked"
END
command_named count <<'END'
echo x >>"$T/count"
END
INTERAGENT_NOTIFY=tell
export INTERAGENT_NOTIFY
# A shell that took it for commands would know $T.
export T
hostile='$(touch $T/pwned) `touch $T/pwned`; touch $T/pwned | touch $T/pwned & '"'q'"
id=$(send web api "$hostile")
serve "$(escalation 1 "$id" "$hostile")" >/dev/null
ok "INTERAGENT_NOTIFY runs" wait_for test -e "$T/told"
is "... with the reason" "$(cat "$T/told")" "$hostile"
is "... and the subject" "$(cat "$T/title")" "Escalated: $hostile"
no "... of which nothing is run" test -e "$T/pwned"
rm "$T/told"
long=$(awk 'BEGIN { printf "x"; for (i = 0; i < 1900; i++) printf "\303\251" }')
serve "$(escalation 1 "$(send web api long)" "$long")" >/dev/null
ok "a long reason" wait_for test -e "$T/told"
is "... is cut to 1,000 bytes, between two letters" "$(wc -c <"$T/told" | tr -d ' ')" 999
is "... and is its front" "$(cat "$T/told")" "$(printf '%s' "$long" | head -c 999)"
rm "$T/told"
printf 'is: \033[31mred\n\342\200\256back' >"$T/ugly"
interagent escalate --from api --message-id "$(send web api ugly)" --reason "$(cat "$T/ugly")" >/dev/null
ok "a reason with escapes" wait_for test -e "$T/told"
ok "... is plain text" "$HELPERS/screen" -check 1000 <"$T/told"

# It hangs: the answer is there all the same, and nothing of ours is held.
INTERAGENT_NOTIFY=hang
first=$(send web api hangs) second=$(send web api quick)
rm -f "$T/in"
mkfifo "$T/in"
"$BIN" serve <"$T/in" >"$T/answers" 2>"$T/server-errors" &
server=$!
exec 7>"$T/in"
escalation 1 "$first" slow >&7
ok "a command that hangs delays no answer" wait_for grep -q '"id":1,.*is escalated' "$T/answers"
ok "... it has been started" wait_for test -s "$T/hanging"
ok "... and still runs" kill -0 "$(cat "$T/hanging")"
call 2 list_agents >&7
ok "... nor the next one" wait_for grep -q '"id":2' "$T/answers"
like "the server is seen to run" "$(interagent agents)" '^api: live'
kill -9 $server
wait $server 2>/dev/null
exec 7>&-
seen_gone() { interagent agents | grep -q '^api: not running'; }
ok "the server is killed, its command still runs: the agent is seen as gone" wait_for seen_gone
ok "... it did still run" kill -0 "$(cat "$T/hanging")"
like "... and the lock is free" "$(interagent set_status --from web --status free)" 'status of web is set'
if [ -d /proc/self/fd ]; then
	middle=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$(cat "$T/hanging")/status")
	held=$(find "/proc/$(cat "$T/hanging")/fd" "/proc/$middle/fd" -lname "$INTERAGENT_DIR*" 2>/dev/null)
	is "... neither it nor its parent has a file of the store open" "$held" ''
else
	skip "... neither it nor its parent has a file of the store open" "no /proc"
fi
# On the command line too, whoever reads the answer has all of it at once.
(
	answer=$("$BIN" escalate --from api --message-id "$second" --reason slow)
	echo "$answer" >"$T/answered"
) &
ok "a shell that reads the verb's answer does not wait for the command" wait_for grep -q 'is escalated' \
	"$T/answered"
touch "$T/release"
wait

INTERAGENT_NOTIFY='exit 3'
id=$(send web api fails)
: >"$T/stderr"
like "a command that fails changes nothing" "$(text_of "$(serve "$(escalation 1 "$id" x)")")" 'is escalated'
ok "... it is noted on standard error" wait_for grep -q 'INTERAGENT_NOTIFY failed' "$T/stderr"
INTERAGENT_NOTIFY='there-is no such command'
id=$(send web api 'is not there')
: >"$T/stderr"
like "nor does one that is not there" "$(text_of "$(serve "$(escalation 1 "$id" x)")")" 'is escalated'
ok "... which is noted too" wait_for grep -q 'INTERAGENT_NOTIFY failed' "$T/stderr"
INTERAGENT_NOTIFY='talk'
id=$(send web api 'talks a lot')
: >"$T/stderr"
is "what it prints reaches nobody" "$(serve "$(escalation 1 "$id" x)" "$(req 2 ping)" | wc -l | tr -d ' ')" 2
ok "... it prints all the same" wait_for test -e "$T/talked"
is "... not even on standard error" "$(cat "$T/stderr")" ''
# A verb that leads the session of its terminal takes that with it.
INTERAGENT_NOTIFY=count
for n in 1 2 3 4 5 6 7 8; do verb send human "hang up $n" --from web >"$T/out"; done
all_told() { [ "$(grep -c x "$T/count")" -eq 8 ]; }
ok "it outlives the terminal of the verb that started it, each time" wait_for all_told
rm "$T/count"
INTERAGENT_NOTIFY=''
like "an empty one is none" "$(text_of "$(serve "$(escalation 1 "$(send web api none)" x)")")" 'is escalated'
is "... and not noted" "$(cat "$T/stderr")" ''

# At most one a second: in so many seconds no more than so many and one.
INTERAGENT_NOTIFY=count
ids=''
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do ids="$ids $(send web api "burst $n")"; done
rm -f "$T/in"
mkfifo "$T/in"
: >"$T/answers"
"$BIN" serve <"$T/in" >"$T/answers" 2>/dev/null &
server=$!
exec 7>"$T/in"
from=$(date +%s)
for id in $ids; do escalation 1 "$id" x >&7; done
all_answered() { [ "$(grep -c 'is escalated' "$T/answers")" -eq 12 ]; }
ok "twelve escalations at once are all answered" wait_for all_answered
seconds=$(($(date +%s) - from))
ok "... and the human is told" wait_for test -s "$T/count"
told=$(grep -c x "$T/count")
ok "... but at most once a second: $told times in $seconds s" test "$told" -le $((seconds + 2))
id=$(send web api later)
sleep 1.1
escalation 2 "$id" x >&7
more() { [ "$(grep -c x "$T/count")" -gt "$told" ]; }
ok "... and a second later again" wait_for more
exec 7>&-
wait $server

# It never ends: five of it run, and the next one tells of all that came meanwhile.
command_named pile <<'END'
echo "$INTERAGENT_TITLE" >>"$T/pile"
until [ -e "$T/released" ] || [ ! -d "$T" ]; do sleep 0.1; done
END
INTERAGENT_NOTIFY=pile
rm -f "$T/in"
mkfifo "$T/in"
: >"$T/answers"
: >"$T/pile"
"$HELPERS/interagent-leap" serve <"$T/in" >"$T/answers" 2>/dev/null &
server=$!
exec 7>"$T/in"
piled() { [ "$(wc -l <"$T/pile")" -ge "$1" ]; }
for n in 1 2 3 4 5 6 7 8; do
	call $n send_message "{\"from\":\"api\",\"to\":\"human\",\"subject\":\"pile $n\",\"content\":\"c\"}" >&7
	wait_for grep -q "\"id\":$n," "$T/answers"
	kill -USR1 $server
	[ $n -gt 5 ] || wait_for piled $n
done
req 9 ping >&7
wait_for grep -q '"id":9,' "$T/answers"
is "a command that never ends runs five times" "$(wc -l <"$T/pile" | tr -d ' ')" 5
touch "$T/released"
ok "... and when it has ended, once more" wait_for piled 6
is "... for all that came meanwhile" "$(sed -n 6p "$T/pile")" "3 messages for you"
exec 7>&-
wait $server
unset INTERAGENT_NOTIFY

section "The bell"
# It rings on a screen, and is nowhere else.

fresh bell
interagent send_message --from api --to human --subject quiet --content x >/dev/null
bell=$(printf '\a')
rings() {       # rings FILE: an escalation is stored, and will be printed there
	interagent escalate --from api --message-id "$(send web api 'ring \007 me')" --reason 'loud' >/dev/null
	wait_for grep -q 'escalated from api' "$1"
}
"$HELPERS/tty" "$BIN" watch >"$T/watched" 2>&1 &
watcher=$!
ok "watch >FILE prints what waits" wait_for grep -q '"quiet"' "$T/watched"
ok "... and an escalation" rings "$T/watched"
no "... without a bell" grep -q "$bell" "$T/watched"
like "... with dates" "$(cat "$T/watched")" '^[0-9a-f]* from api 20..-..-..T..:..:..\....Z: "quiet"$'
kill $watcher
wait $watcher
if has_terminal; then
	script -qefc 'interagent watch' "$T/on-screen" >"$T/out" </dev/null &
	watcher=$!
	ok "on a screen watch prints what waits" wait_for grep -q '"quiet"' "$T/on-screen"
	like "... with ages" "$(cat "$T/on-screen")" 'from api [0-9a-z ]*: "quiet"'
	before=$(tr -cd '\007' <"$T/on-screen" | wc -c)
	: >"$T/out"
	ok "... an escalation" rings "$T/out"
	is "... rings the bell once" "$(($(tr -cd '\007' <"$T/on-screen" | wc -c) - before))" 1
	kill $watcher
	wait $watcher
else
	skip "on a screen watch rings the bell" "no script(1) that gives a terminal"
fi
done_testing
