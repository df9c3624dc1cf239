# What a screen shows: golden texts at two widths, with and without colour, in a
# real terminal, and with everything in the store that could harm one.
# With GOLDEN=new the golden files are written: look at each.
# shellcheck disable=SC2317     # functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

unset NO_COLOR
TZ=UTC
TERM=xterm
export TZ TERM
mkdir "$T/bin"
ln -s "$BIN" "$T/bin/interagent"
PATH=$T/bin:$PATH

fits() { "$HELPERS/screen" -check "$@"; }
bare() { sed "s/$(printf '\033')\\[[0-9;]*m//g"; }
same() {        # same WHAT FILE GOLDEN
	if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$(diff "$3" "$2")"; fi
}

section "A store that always looks the same"
# Everything in it happened hours or days ago, so that no time changes while the
# test runs.

# message ID FROM TO SUBJECT STATUS SECONDS-AGO [MORE-MEMBERS]
message() {
	when=$(ago "${6}s")
	echo "text" >"$INTERAGENT_DIR/messages/$1.md"
	printf '{"id":"%s","from":"%s","to":"%s","subject":"%s","status":"%s","createdAt":"%s","updatedAt":"%s"%s}' \
		"$1" "$2" "$3" "$4" "$5" "$when" "$when" "${7:-}" >"$INTERAGENT_DIR/messages-meta/$1.json"
}
# agent NAME WORKSPACE DESCRIPTION STATUS: an entry of each of both tables
agent() {
	printf '%s"%s":{"name":"%s","workspacePath":"%s","description":"%s","registeredAt":"%s"}' \
		"${comma:-}" "$1" "$1" "$2" "$3" "$(ago 900000s)" >>"$T/registry"
	printf '%s"%s":{"agent":"%s","status":"%s","updatedAt":"%s"}' "${comma:-}" "$1" "$1" "$4" \
		"$(ago 5000s)" >>"$T/status"
	comma=,
}
# The rest of the store: the tables, and mail that was swept just now.
settle() {
	{ echo '{'; cat "$T/registry"; echo '}'; } >"$INTERAGENT_DIR/registry.json"
	{ echo '{'; cat "$T/status"; echo '}'; } >"$INTERAGENT_DIR/status.json"
	: >"$INTERAGENT_DIR/archive/.swept"
}
# presence NAME SECONDS-AGO CLIENT: of a process that ended then
presence() {
	printf '{"pid":1,"client":"%s","session":"","workspace":"/w","since":"%s"}' "$3" "$(ago 9000000s)" >"$INTERAGENT_DIR/live/$1.00000001"
	age "${2}s" "$INTERAGENT_DIR/live/$1.00000001"
}
new_store() {
	INTERAGENT_DIR=$T/$1
	comma=''
	: >"$T/registry"
	: >"$T/status"
	mkdir -p "$INTERAGENT_DIR/messages" "$INTERAGENT_DIR/messages-meta" "$INTERAGENT_DIR/specs" \
		"$INTERAGENT_DIR/archive" "$INTERAGENT_DIR/live"
}

new_store plain
agent api /home/dev/product/api 'The API server: users, orders, invoices' 'writing the importer for orders of last year, then the tests'
agent web /home/dev/product/a/rather/long/path/to/the/web/client 'The client in the browser' online
agent database-and-reports /srv/db 'Tables and reports' 'waiting for api'
settle
presence web 9000 'Claude Code'
presence database-and-reports 45000 Codex
message 10000000-0000-4000-8000-000000000000 web api 'Which fields are optional in POST /orders?' completed 500000
message 20000000-0000-4000-8000-000000000000 api web 'Re: Which fields are optional in POST /orders?' acknowledged 400000 ',"replyTo":"10000000-0000-4000-8000-000000000000"'
message 30000000-0000-4000-8000-000000000000 web api 'The importer stops at the first order that has no customer, and says nothing about which one it was' pending 14000 ',"replyTo":"20000000-0000-4000-8000-000000000000"'
message 40000000-0000-4000-8000-000000000000 web api 'Second question' pending 13000 ',"urgent":true'
message 50000000-0000-4000-8000-000000000000 database-and-reports api 'Index on orders.customer?' escalated 12000 ',"escalationReason":"It needs an hour without writes"'
message 60000000-0000-4000-8000-000000000000 api human 'Escalated: Index on orders.customer?' escalated 11000 ',"replyTo":"50000000-0000-4000-8000-000000000000","escalationReason":"It needs an hour without writes, and nobody but you knows when the customers can do without it"'
message 70000000-0000-4000-8000-000000000000 web human 'May I use the new icons?' pending 10000
message 80000000-0000-4000-8000-000000000000 web database-and-reports 'Hello' pending 9000
printf '<!-- Published by: api at %s -->\n\n# Orders\n' "$(ago 20000s)" >"$INTERAGENT_DIR/specs/orders-api.md"
printf '<!-- Published by: web at %s -->\n\n# Icons\n' "$(ago 90000s)" >"$INTERAGENT_DIR/specs/icons.md"

screens() {     # screens COMMAND...: runs it with each screen's name and verb
	for screen in board log inbox help; do
		case $screen in
		inbox) verb='inbox --from api' ;;
		help) verb=--help ;;
		*) verb=$screen ;;
		esac
		"$@"
	done
}

golden() {
	COLUMNS=$width
	export COLUMNS
	# shellcheck disable=SC2086
	"$BIN" $verb >"$T/shown" 2>&1
	unset COLUMNS
	[ -z "${GOLDEN:-}" ] || cp "$T/shown" "test/data/golden/$screen.$width"
	same "$screen at $width columns" "$T/shown" "test/data/golden/$screen.$width"
	ok "... none of its lines is wider, and there is no colour" fits "$width" <"$T/shown"
}
for width in 80 120; do screens golden; done
"$BIN" log >"$T/shown"
like "where nobody says how wide it is, the log is whole" "$(cat "$T/shown")" \
	'first order that has no customer, and says'
"$BIN" board >"$T/wide"
like "... and so is the board, with dates" "$(cat "$T/wide")" \
	'^  database-and-reports  1 unread (since 20..-..-..T..:..:..\....Z)  *not running, last seen 20..-..-..T..:..:..\....Z  20'
for columns in '' 0 x -5; do
	COLUMNS=$columns "$BIN" board >"$T/shown"
	same "COLUMNS='$columns' is no width" "$T/shown" "$T/wide"
done
COLUMNS=1 "$BIN" board >"$T/shown"
ok "COLUMNS=1: forty at least" fits 40 <"$T/shown"
COLUMNS=1000000 "$BIN" board >"$T/shown"
ok "COLUMNS=1000000: it is served" fits 400 <"$T/shown"

section "In a terminal"

mkfifo "$T/in"
"$BIN" serve <"$T/in" >"$T/answers" 2>/dev/null &
server=$!
exec 7>"$T/in"
call 1 set_status '{"agent_name":"api","status":"here"}' >&7
wait_for grep -q '"id":1' "$T/answers"
like "the board shows who is live" "$(COLUMNS=160 "$BIN" board)" \
	'^  api  *2 unread, 1 urgent (3h)  live ([0-9]*s)  *[0-9]*s ago: "here" ' \
	'^  api  *2 unread, 1 urgent (3h)  live ([0-9]*s)  *just now: "here" '
if has_terminal; then
	like "... in green" "$(terminal 'interagent board')" "^$(printf '\033')\\[32m  api "
fi
exec 7>&-
wait $server
rm -r "${INTERAGENT_DIR:?}/live"
mkdir "$INTERAGENT_DIR/live"
presence web 9000 'Claude Code'
presence database-and-reports 45000 Codex
settle
COLUMNS=80 "$BIN" board >"$T/wide"
if has_terminal; then
	red=$(printf '\033\\[31m')
	terminal 'interagent board' >"$T/shown"
	like "in a terminal what waits for the human is red" "$(cat "$T/shown")" \
		"^$red  60000000  escalated by api"
	unlike "... and what does not wait is not" "$(cat "$T/shown")" "$red.*icons"
	bare <"$T/shown" >"$T/bare"
	same "... and without its colours it is the same" "$T/bare" "$T/wide"
	for setting in NO_COLOR=1 TERM=dumb TERM=; do
		terminal "env $setting interagent board" >"$T/shown"
		same "$setting: no colour" "$T/shown" "$T/wide"
	done
	terminal 'env -u TERM interagent board' >"$T/shown"
	same "no TERM: no colour" "$T/shown" "$T/wide"
	terminal 'NO_COLOR= interagent board' >"$T/shown"
	like "an empty NO_COLOR is none" "$(cat "$T/shown")" "$red"
	terminal 'interagent board | cat' >"$T/shown"
	unlike "into a pipe: no colour" "$(cat "$T/shown")" "$(printf '\033')"
	in_terminal() {
		terminal "interagent $verb" >"$T/shown"
		ok "$screen in a terminal: nothing is wider than it" fits 80 -colour <"$T/shown"
	}
	screens in_terminal
else
	skip "in a terminal what waits for the human is red" "no script(1) that gives a terminal"
fi

export TMUX_TMPDIR="$T"
unset TMUX
tm() { tmux -u -f /dev/null -L screens "$@"; }
# in_tmux WIDTH COMMAND: what is then on a screen of that width and 120 lines
in_tmux() {
	rm -f "$T/drawn"
	tm new-session -d -x "$1" -y 120 "INTERAGENT_DIR='$INTERAGENT_DIR'; $2; : >'$T/drawn'; sleep 100" || return
	wait_for test -e "$T/drawn"
	# What was written last is on the screen once the cursor is below it.
	wait_for settled
	tm capture-pane -p | sed 's/ *$//' >"$T/text"
	tm capture-pane -p -e >"$T/coloured"
	tm kill-session
}
settled() {
	was=$(tm capture-pane -p)
	sleep 0.1
	[ "$was" ] && [ "$was" = "$(tm capture-pane -p)" ]
}
# Without the empty lines at the end of the screen.
trimmed() { sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$1"; }
on_screen() {
	in_tmux "$width" "interagent $verb"
	trimmed "$T/text" >"$T/shown"
	same "$screen on a screen of $width columns" "$T/shown" "test/data/golden/$screen.$width"
	[ "$screen" = board ] || return 0
	like "... in colour" "$(grep escalated "$T/coloured")" "$(printf '\033')\\[[0-9;]*31m"
}
if tm new-session -d 'sleep 100' 2>/dev/null; then
	for width in 80 120; do screens on_screen; done
	has_tmux=yes
else
	skip "the same on a real screen" "no tmux"
	has_tmux=no
fi

section "Everything that could harm a screen"

new_store hostile
esc='\u001b[31mred\u001b[0m\u001b]0;title\u0007\u001b[2J\u009b1m\r\n\b'
rlo=$(printf '\342\200\256gnp.exe\342\200\254\342\201\246x\342\201\251')
zero=$(printf 'a\342\200\213b\342\200\214c\342\200\215d\357\273\277e\302\255f\341\205\237g\342\201\240h')
tags=$(printf '\363\240\201\201\363\240\201\277')
wide=$(printf '\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227')
emoji=$(printf '\360\237\232\200\360\237\237\242\360\237\253\241\342\217\263\342\233\224\342\232\241\342\234\205\360\237\244\226\360\237\221\251\342\200\215\360\237\222\273')
marks=$(printf 'e\314\201o\314\210\340\244\225\340\245\215')
invalid=$(printf '\377\300\257\355\240\200\370')
long=$(awk 'BEGIN { for (i = 0; i < 10000; i++) printf "%s", i % 10 }')
all="$esc$rlo$zero$tags$wide$emoji$marks"
agent api '/home/dev/api' 'plain' 'plain'
agent "$wide" "/home/dev/$wide" "$wide$wide$wide" "$wide$wide$wide"
agent "$emoji" "/home/dev/$emoji$long" "$emoji$emoji" "$emoji$emoji$emoji$emoji$emoji$emoji"
agent "x$esc$rlo" "/home/$all" "$all" "$all"
agent "$zero$tags" "/$long" "$long" "$long"
settle
presence api 9000000 "$all"
printf '%s' "$invalid" >"$T/invalid"
n=10
for from in "$wide" "$emoji" "x$esc$rlo" "$zero$tags" "$long" "$(cat "$T/invalid")"; do
	for subject in "$wide$wide$wide$wide$wide" "$emoji$emoji$emoji$emoji$emoji$emoji" "$all" "$long" \
		"$invalid$wide$wide"; do
		message "${n}000000-0" "$from" api "$subject" pending 9000
		n=$((n + 1))
		message "${n}000000-1" "$from" human "$subject" escalated 9000 ",\"escalationReason\":\"$subject$all\",\"replyTo\":\"10000000-0\""
		n=$((n + 1))
	done
done
bad=$(printf '\033[2J\342\200\256')
for to in api human; do
	message "${n}000000-0" "$wide" $to 'whose id is not one' pending 9000
	mv "$INTERAGENT_DIR/messages/${n}000000-0.md" "$INTERAGENT_DIR/messages/$bad$to$bad.md"
	mv "$INTERAGENT_DIR/messages-meta/${n}000000-0.json" "$INTERAGENT_DIR/messages-meta/$bad$to$bad.json"
done
echo '{torn' >"$INTERAGENT_DIR/messages-meta/torn$bad.json"
age 9000s "$INTERAGENT_DIR/messages-meta/torn"*
printf "%b" "$esc$zero$rlo$all text\n$invalid\n" >"$INTERAGENT_DIR/messages/11000000-1.md"
for name in "$wide" "$emoji" "x$bad" "$invalid"; do
	printf '<!-- Published by: %s at %s -->\n\n%s\n' "x$bad$wide" "$(ago 9000s)" \
		"$(printf '%b' "$all$invalid")" >"$INTERAGENT_DIR/specs/$name.md"
done
"$BIN" publish_spec --from api --name noted --content "$wide" --note "$wide$wide$wide$wide" >/dev/null
kept=$INTERAGENT_DIR/specs/.history/noted/1.md
{ sed 1q "$kept"; printf '<!-- Note: %s -->\n' "$(printf '%b' "$all$long" | tr -d '\n')"; sed 1,2d "$kept"; } >"$T/kept"
cp "$T/kept" "$kept"
then=$(ago 9000s)
for file in noted.md .history/noted/1.md; do
	sed -i.old "1s/ at .*/ at $then -->/" "$INTERAGENT_DIR/specs/$file"
done
rm "$INTERAGENT_DIR"/specs/*.old
like "a hostile note is a spec's note" "$("$BIN" list_specs | grep '^noted ')" ': "'

cr=$(printf '\r')
# harmless WHAT COLUMNS COMMAND...: it says something, all of it harmless
harmless() {
	what=$1 width=$2
	shift 2
	"$HELPERS/tty" "$@" 2>&1 | sed "s/$cr\$//" >"$T/shown"
	ok "hostile: $what" fits "$width" <"$T/shown"
	[ "$(wc -l <"$T/shown")" -ge 1 ] || fail "hostile: $what says something"
}
lists='board:log:inbox --from human:inbox --from api:agents:statuses:specs'
for width in 80 120; do
	COLUMNS=$width
	export COLUMNS
	IFS=:
	for verb in $lists; do
		unset IFS
		# shellcheck disable=SC2086
		harmless "$verb at $width columns" $width "$BIN" $verb
	done
	unset IFS COLUMNS
done
most=2000000
for verb in log 'inbox --from api' agents statuses specs 'read 11000000 --from api' \
	'read 12000000 --from api' \
	'spec noted --from api' 'get_agent apu' 'send nobody hello --from human' 'spec nothing' doctor; do
	# shellcheck disable=SC2086
	harmless "$verb, uncut" $most "$BIN" $verb
done
for name in "$wide" "$emoji" "x$bad"; do
	harmless "a spec of a hostile name" $most "$BIN" spec "$name" --from api
done
like "... which is shown" "$("$BIN" spec "$wide" --from api)" "$wide"
is "the tables and all mail but the torn one are JSON" "$("$BIN" doctor | grep -c 'is damaged$')" 1
harmless "what wait says" $most "$BIN" wait --from api --exit-code 0
"$BIN" watch --from api >"$T/shown" 2>&1 &
watcher=$!
seen() { [ "$(wc -l <"$T/shown")" -ge 29 ]; }
ok "hostile: watch has spoken" wait_for seen
kill $watcher
wait $watcher
ok "... harmlessly" fits $most <"$T/shown"
is "nothing of it made a line of its own" "$(COLUMNS=80 "$BIN" inbox --from api | wc -l | tr -d ' ')" 31

if has_terminal; then
	terminal 'COLUMNS=80 interagent board' >"$T/shown"
	ok "in a terminal there is no escape but our colours" fits 80 -colour <"$T/shown"
fi
if [ $has_tmux = yes ] && has_terminal; then
	for width in 80 120; do
		for verb in board 'inbox --from api'; do
			in_tmux $width "interagent $verb"
			terminal "NO_COLOR=1 COLUMNS=$width '$BIN' $verb" | sed 's/ *$//' >"$T/wanted"
			trimmed "$T/text" >"$T/shown"
			same "hostile: $verb is not folded by a screen of $width columns" "$T/shown" \
				"$T/wanted"
		done
	done
	tm kill-server
fi

# Another opinion on widths: no character that is wide is taken for a narrow one.
if python3 -c 'import unicodedata' 2>/dev/null; then
	cat >"$T/widths.py" <<'END'
import sys, unicodedata
wide = []
for c in range(0x80, 0x110000):
    s = chr(c)
    # Later versions of Unicode are later than our table.
    if unicodedata.category(s) in ("Cn", "Cs", "Co", "Mn", "Me", "Cf", "Zl", "Zp", "Cc") or unicodedata.unidata_version > "16":
        continue
    if unicodedata.east_asian_width(s) in "WF":
        wide.append(c)
sys.stdout.buffer.write("".join("%s\n" % chr(c) for c in wide).encode())
END
	python3 "$T/widths.py" >"$T/wide"
	ok "python knows wide characters" test "$(wc -l <"$T/wide")" -gt 100000
	"$HELPERS/screen" -width <"$T/wide" >"$T/widths"
	paste -d ' ' "$T/widths" "$T/wide" | grep '^[01] ' >"$T/narrow"
	is "... and none of them counts as narrow" "$(head -n 20 "$T/narrow")" ''
else
	skip "no character that is wide is taken for a narrow one" "no python3"
fi
done_testing
