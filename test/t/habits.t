# What people's fingers do, as they have learnt it from other tools: each section
# is a habit. A terminal is a real one, from script(1), where one is needed.
# shellcheck disable=SC2016,SC2317,SC2329     # texts for other shells; functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

PATH=$T/bin:$PATH
mkdir "$T/bin"
ln -s "$BIN" "$T/bin/interagent"
register api
register web
person() { "$HELPERS/tty" "$BIN" "$@"; }
# A person's command: what it says in $T/out and $T/err, how it ends in $status.
run() { status=$(status_of person "$@" </dev/null); }
stored() { find "$INTERAGENT_DIR/messages-meta" -name '*.json' | grep -c .; }
last_body() { cat "$INTERAGENT_DIR/messages/$(at id <"$T/out").md"; }
# typed KEYS COMMAND: the command on a terminal where these keys are pressed when
# it asks for a text; what the screen showed is in $T/screen.
typed() {
	rm -f "$T/typed"
	: >"$T/screen"
	{
		wait_for grep -q 'type the text' "$T/screen"
		printf '%b' "$1"
		wait_for test -e "$T/typed"
	} | {
		script -qec "$2" /dev/null >"$T/screen" 2>&1
		echo $? >"$T/typed"
	}
	status=$(cat "$T/typed")
}
# How many messages have this line in their text.
texts_with() { grep -l "^$1\$" "$INTERAGENT_DIR"/messages/*.md | grep -c .; }

section "-h anywhere is help"

for words in '-h' '--help' 'help' 'help --' 'help -- -h'; do
	# shellcheck disable=SC2086
	run $words
	is "interagent $words ends well" "$status" 0
	like "... with the verbs" "$(cat "$T/out")" '^  send '
done
for words in 'help send' 'help -- send' 'send -h' 'send --help' 'send api -h' 'send api --urgent -h' 'help send_message' 'help send-message'; do
	before=$(stored)
	# shellcheck disable=SC2086
	run $words
	is "interagent $words ends well" "$status $(stored)" "0 $before"
	like "... with the usage" "$(cat "$T/out")" '^usage: interagent send TO \[TEXT\.\.\.\]'
done
run help frobnicate
is "help for what is no verb is usage" "$status" 2
like "... and says so" "$(cat "$T/err")" 'no such verb: frobnicate'

section "-- ends the options"

run send api --json -- -h --json
is "what stands after it is text" "$status $(last_body)" "0 -h --json"
run send api --json -- --
is "... a second one too" "$(last_body)" "--"
run send --json -- api --urgent
is "... and words before the text" "$(at to <"$T/out") $(last_body)" "api --urgent"
run send api -urgent
is "a dash and a word is no option" "$status" 2
like "... and how to send it is said" "$(cat "$T/err")" 'no such option: -urgent; put -- before a text'
run send api --json --subject S - </dev/null
like "a dash alone is standard input" "$(cat "$T/err")" 'the text is empty'

section "--x=y and --x y"

for option in '--content=--help' '--content --help'; do
	# shellcheck disable=SC2086
	run send api --subject S $option --json
	is "$option is a text" "$status $(last_body)" "0 --help"
done
run send api --subject=a=b --json -- x
is "only the first = parts them" "$(at subject <"$T/out")" "a=b"
for words in 'inbox --from=api' 'inbox --from api' 'log --since=2d' 'log --since 2d' 'wait --timeout=0 --from=web' \
	'wait --timeout 0s --from web' 'prune --older=30d' 'prune --older 30d' 'inbox --wait-seconds=0' 'inbox --wait_seconds 0' \
	'inbox --wait-seconds 0s' 'inbox --wait-seconds=0m'; do
	# shellcheck disable=SC2086
	run $words
	is "interagent $words" "$status$(cat "$T/err")" 0
done

section "One name for one thing"
# Who speaks is --from for every verb, and a time is a span for each.

for verb in 'inbox' 'wait --timeout 0' 'read' 'set_status x' 'send api x'; do
	# shellcheck disable=SC2086
	run $verb --from web
	unlike "$verb --from web" "$(cat "$T/err")" 'no such option' 'see interagent help'
done
"$HELPERS/tty" "$BIN" watch --from api >"$T/watched" 2>&1 &
watcher=$!
ok "watch --from api" wait_for grep -q 'from human' "$T/watched"
kill $watcher
wait $watcher 2>/dev/null
for span in 30s 5m 2h 1d; do
	run log --since $span
	is "log --since $span" "$status" 0
done
for words in 'log --since soon' 'log --since 5' 'prune --older soon' 'prune --older 5' 'wait --timeout soon'; do
	# shellcheck disable=SC2086
	run $words
	like "$words says what a span is" "$(cat "$T/err")" \
		"^interagent: --[a-z]*: expected a time like 10m, 2h or 30d, not \"[a-z5]*\"; see interagent help [a-z]*$"
done
is "wait --timeout 1 counts seconds, as it always has" "$(status_of person wait --timeout 1 --from web)" 0
run inbox --wait-seconds 6m
like "inbox --wait-seconds 6m is 360 of them" "$(cat "$T/err")" '--wait-seconds: must be from 0 to 300'
read_all
run inbox --wait-seconds 300 --from nobody
is "a wrong name is told at once" "$status" 1
# shellcheck disable=SC2009     # its arguments as one text
runs() { ps -A -o args= | grep -F "$BIN $*" | grep -qv -e grep -e /tty; }
(wait_for runs inbox --wait-seconds 1m; send web api 'You waited' >"$T/sent") &
like "inbox --wait-seconds waits for mail" "$(person inbox --wait-seconds 1m --from api)" '"You waited"'
wait

section "Given twice"
# Mail programs take a --to for each recipient; here all but the last were lost.

before=$(stored)
for words in 'send --to api --to web hello' 'send api --to web hello' 'send api --to=web hello' 'send api --content one --content two' \
	'read 12345678 --message-id 23456789' 'forget web --name api' 'log api --name web'; do
	# shellcheck disable=SC2086
	run $words
	like "$words is refused" "$status $(cat "$T/err")" \
		'^2 interagent: [A-Z]* is given twice; see interagent help [a-z]*$'
done
is "... and nothing was sent" "$(stored)" "$before"

section "A mistyped name"

before=$(stored)
for name in apy Api ap; do
	run send $name hello
	like "send $name: did you mean api" "$(cat "$T/err")" 'did you mean api?'
done
for name in user Human me HUMAN; do
	run send $name hello
	like "send $name: did you mean human" "$(cat "$T/err")" 'did you mean human?'
done
for name in all everyone '*'; do
	run send "$name" hello
	unlike "send $name suggests nobody" "$(cat "$T/err")" 'did you mean'
	like "... but how several are written to" "$(cat "$T/err")" 'several with commas; interagent agents shows who there is'
done
for verb in get_status get_agent forget log; do
	run $verb all
	like "$verb all is told who there is" "$(cat "$T/err")" 'no agent "all"; registered: '
	run $verb humn
	case $verb in
	log) like "log humn may be the person's" "$(cat "$T/err")" 'did you mean human?' ;;
	*) unlike "$verb humn is not the person" "$(cat "$T/err")" 'did you mean human' ;;
	esac
done
run inbox --from humn
like "who speaks may be the person" "$(cat "$T/err")" 'did you mean human?'
CLAUDECODE=1 "$BIN" inbox --from humn >"$T/out" 2>"$T/err"
unlike "... but not in an agent's shell" "$(cat "$T/err")" 'did you mean human'
run send ghost hello
unlike "what is like nothing suggests nobody" "$(cat "$T/err")" 'did you mean'
is "... and nothing was sent" "$(stored)" "$before"
run --frobnicate
like "an option without a verb" "$(cat "$T/err")" '^interagent: no such option: --frobnicate; see interagent --help$'
is "... is usage" "$status" 2

if ! has_terminal; then
	skip "what is typed" "no script(1) that gives a terminal"
	done_testing
fi

section "Typing a text"

like "a wrong name is told before a text is typed" "$(terminal 'interagent send apy')" 'did you mean api?'
unlike "... and none is waited for" "$(terminal 'interagent send apy')" 'type the text'
like "... so is a wrong id" "$(terminal 'interagent reply 00000000')" 'no message "00000000"; interagent inbox lists yours'
unlike "... and none is waited for" "$(terminal 'interagent reply 00000000')" 'type the text'
interagent publish_spec versions 'One' --from api >"$T/out"
like "... and the name of a spec" "$(terminal 'interagent publish_spec Versions')" 'NAME: "Versions" differs only in case'
unlike "... and none is waited for" "$(terminal 'interagent publish_spec Versions')" 'type the text'
like "... and its version" "$(terminal 'interagent publish_spec versions --base-version 7')" \
	'base-version: versions is only at v1'
unlike "... and none is waited for" "$(terminal 'interagent publish_spec versions --base-version 7')" 'type the text'
typed 'Two\nlines\n\004' 'interagent send api --json'
like "it says that it waits, and how to end" "$(cat "$T/screen")" 'type the text; Ctrl-D on a line of its own ends it'
is "what was typed is sent" "$status $(texts_with Two)" "0 1"
before=$(stored)
typed 'Not this\003' 'exec interagent send api'
is "Ctrl-C while typing dies of SIGINT" "$status" 130
unlike "... without a word" "$(cat "$T/screen")" 'Alarm' 'interagent: [^t]'
is "... and sends nothing" "$(stored)" "$before"
typed "$(head -c 5000 /dev/zero | tr '\0' x)\nmore\n\004" 'interagent send api'
like "a line that the terminal has cut is not sent" "$(cat "$T/screen")" \
	'nothing is sent: the terminal cuts a line after 4095 bytes; "interagent send api <FILE" takes the text as it is'
is "... nor anything else" "$status $(stored)" "1 $before"
typed "$(head -c 4000 /dev/zero | tr '\0' x)\n\004" 'interagent send api'
like "... but one that is whole" "$(cat "$T/screen")" 'stored; api'
typed '\004' 'interagent send api'
like "Ctrl-D at once sends nothing" "$(cat "$T/screen")" 'nothing is sent: the text is empty'

section "An editor"

cat >"$T/bin/writes" <<'ED'
#!/bin/sh
eval "file=\${$#}"
[ $# -eq 1 ] || echo "with $1" >>"$file"
echo 'From the editor' >>"$file"
ED
printf '#!/bin/sh\necho half >>"$1"\nexit 1\n' >"$T/bin/fails"
chmod +x "$T/bin/writes" "$T/bin/fails"
like "\$EDITOR is opened where no text is given" "$(terminal 'EDITOR=writes interagent send api')" 'stored; api'
is "... and what it wrote is sent" "$(texts_with 'From the editor')" 1
like "\$VISUAL comes first, and may have arguments" \
	"$(terminal 'EDITOR=false VISUAL="writes -x" interagent send api')" 'stored; api'
is "... which it gets" "$(texts_with 'with -x')" 1
draft=$INTERAGENT_DIR/.draft-send_message@api.md
no "the draft is gone then" test -e "$draft"
before=$(stored)
like "an editor that fails sends nothing" "$(terminal 'EDITOR=fails interagent send api')" \
	"fails did not end well: nothing is sent; the text is in $draft\$"
is "... and keeps the text" "$(stored) $(cat "$draft")" "$before half"
like "... which goes to nobody else" "$(terminal 'EDITOR=true interagent send web')" \
	'nothing is sent: the text is empty'
like "... nor is it published" "$(terminal 'EDITOR=true interagent publish_spec half')" \
	'nothing is published: the text is empty'
like "... nor sent by an editor that is only left" "$(terminal 'EDITOR=true interagent send api')" \
	"nothing is sent: true changed nothing; \"interagent send api <FILE\" takes the text as it is; the text is in $draft\$"
is "... and it is still there" "$(stored) $(cat "$draft")" "$before half"
like "... for the next time" "$(terminal 'EDITOR=writes interagent send api')" 'stored; api'
is "... when all of it is sent" "$(cat "$(grep -l '^half$' "$INTERAGENT_DIR"/messages/*.md)")" "half
From the editor"
cat >"$T/bin/waits" <<'ED'
#!/bin/sh
echo 'From the first' >"$1"
: >"$T/opened"
while [ ! -e "$T/close" ]; do sleep 0.05; done
ED
printf '#!/bin/sh\nhead -c 1048577 /dev/zero | tr "\\0" x >"$1"\n' >"$T/bin/long"
chmod +x "$T/bin/waits" "$T/bin/long"
(T=$T EDITOR=waits terminal 'interagent send api' >"$T/first") &
wait_for test -e "$T/opened"
like "of two editors for one recipient the second is refused" "$(terminal 'EDITOR=writes interagent send api')" \
	'^interagent: a text for api is being written already, by process [0-9]*; end that first'
like "... but not one for another" "$(terminal 'EDITOR=writes interagent send human')" 'stored for the human'
: >"$T/close"
wait
like "... and the first is sent" "$(cat "$T/first") $(texts_with 'From the first')" 'stored; api.* 1$'
like "a text that is refused after the editor is kept, and it says where" \
	"$(terminal 'EDITOR=long interagent send api')" "TEXT: 1048577 bytes, at most 1048576; the text is in $draft; see"
is "... all of it" "$(wc -c <"$draft" | tr -d ' ')" 1048577
rm "$draft"
for signal in PIPE XFSZ; do
	printf '#!/bin/sh\nulimit -c 0\nkill -%s $$\necho "%s is ignored" >"$1"\n' $signal $signal >"$T/bin/signalled"
	chmod +x "$T/bin/signalled"
	like "an editor dies of SIG$signal as any program" "$(terminal 'EDITOR=signalled interagent send api')" \
		'signalled did not end well: nothing is sent$'
done
echo 'not ours' >"$T/elsewhere"
ln -s "$T/elsewhere" "$draft"
like "a link in the place of the draft is refused" "$(terminal 'EDITOR=writes interagent send api')" \
	"^interagent: cannot open $draft: it is not a regular file; move it away\$"
is "... and not followed" "$(cat "$T/elsewhere")" 'not ours'
rm "$draft"
unlike "EDITOR=' ' is none" "$(typed 'x\n\004' "EDITOR=' ' interagent send api"; cat "$T/screen")" 'did not end well'
unlike "no editor is opened for a text from standard input" \
	"$(terminal 'echo x | EDITOR=fails interagent send api')" 'did not end well'
unlike "... nor for one that is given" "$(terminal 'EDITOR=fails interagent send api a text')" 'did not end well'

section "Signals end it as they end other tools"

cat >"$T/bin/with-pid" <<'SH'
#!/bin/sh
echo $$ >"$T/pid"
exec "$@"
SH
chmod +x "$T/bin/with-pid"
export T
mail web api 'It is there'
for verb in 'watch --from api' 'wait --from web' 'inbox --from web --wait-seconds 60'; do
	for signal in INT TERM HUP QUIT; do
		rm -f "$T/pid"
		is_running() { ps -o args= -p "$(cat "$T/pid")" | grep -q "^$BIN"; }
		(wait_for is_running; kill -$signal "$(cat "$T/pid")") &
		# shellcheck disable=SC2086
		(ulimit -c 0; exec "$HELPERS/tty" "$T/bin/with-pid" "$BIN" $verb) >"$T/out" 2>&1
		is "$verb dies of SIG$signal" "$(kill -l $?)" "$signal"
	done
done

section "A reader that has seen enough"

n=0
while [ $n -lt 300 ]; do
	n=$((n + 1))
	printf '{"id":"%08d-0000-4000-8000-000000000000","from":"web","to":"api","subject":"%0150d","status":"completed","createdAt":"%s"}' \
		$n $n "$(ago 3h)" >"$INTERAGENT_DIR/messages-meta/$(printf %08d $n)-0000-4000-8000-000000000000.json"
	echo x >"$INTERAGENT_DIR/messages/$(printf %08d $n)-0000-4000-8000-000000000000.md"
done
# unread COMMAND...: how it ends when nobody reads what it prints any more.
unread() {
	rm -f "$T/closed"
	{
		wait_for test -e "$T/closed"
		"$@" 2>"$T/err"
		echo $? >"$T/status"
	} | {
		exec <&-
		: >"$T/closed"
	}
	wait_for test -s "$T/status"
	cat "$T/status" "$T/err"
	rm "$T/status"
}
for words in 'log --full' 'log --json' '--help' 'help send' 'agents'; do
	# shellcheck disable=SC2086
	is "interagent $words | head: dies of SIGPIPE, and says nothing" "$(unread "$BIN" $words)" 141
done
is "... where SIGPIPE is ignored, it says what is wrong" "$(trap '' PIPE; unread "$BIN" log)" "1
interagent: cannot write the answer: Broken pipe"
if [ -c /dev/full ]; then
	is "a full disk is a failure" "$(status_of sh -c '"$1" log >/dev/full' sh "$BIN")" 1
	like "... and is said" "$(cat "$T/err")" '^interagent: cannot write the answer: No space left on device$'
fi

section "A screen and a file"

n=0
while [ $n -lt 25 ]; do
	n=$((n + 1))
	mail web api "number $n"
done
is "a screen gets a page of a list" "$(terminal 'interagent inbox --from api' | grep -c '^[0-9a-f]\{8\} ')" 20
like "... and how to see the next one" "$(terminal 'interagent inbox --from api')" '^\.\.\.and [0-9]* more: --offset 20$'
ok "a pipe gets all of it" test "$(terminal 'interagent inbox --from api | grep -c "^[0-9a-f]\{8\} "')" -gt 25
ok "... where COLUMNS is exported too" \
	test "$(COLUMNS=60 person inbox --from api | grep -c '^[0-9a-f]\{8\} ')" -gt 25
like "... with dates" "$(person inbox --from api)" '^[0-9a-f]\{8\} from web 20..-..-..T..:..:..\....Z: "number 1"$'
like "... and a screen gets ages" "$(terminal 'interagent inbox --from api')" '^[0-9a-f]\{8\} from web [0-9]*s ago: "number 1"$' \
	'^[0-9a-f]\{8\} from web just now: "number 1"$'
done_testing
