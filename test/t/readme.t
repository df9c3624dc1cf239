# README.md and AGENT_INSTRUCTIONS.md speak of the program as it is: each command
# and each block of the README is run as it stands there, in a home of its own, or
# held against what the program prints.
#
# Texts go to other shells, and functions are called by name:
# shellcheck disable=SC2016,SC2030,SC2031,SC2089,SC2090,SC2317,SC2329
. ./test/lib/test.sh
. ./test/lib/tree.sh
. ./test/lib/servers.sh

tick='`'
unset INTERAGENT_DIR
STORE=$HOME/.claude-interagent
tools=$(serve "$(req 1 tools/list)")
count=$(printf '%s\n' "$tools" | at result tools '#')

# blocks KIND: the blocks of that kind as $T/KIND.1, $T/KIND.2 ...; how many in $blocks.
blocks() {
	awk -v to="$T/$1" -v fence="\`\`\`$1" \
		'$0 == fence { n++; inside = 1; next } /^```/ { inside = 0 } inside { print >(to "." n) }' README.md
	blocks=$(grep -c "^\`\`\`$1\$" README.md)
}
ids() { sed -e 's/[0-9a-f]\{8\}/ID/g' -e 's/([^()]*[0-9]s)/(SECONDS)/'; }

section "The table of tools"

# A row for each tool of tools/list: the name and its parameters, in their
# order, those that are required in bold.
rows() {
	i=0
	while [ "$i" -lt "$count" ]; do
		name=$(printf '%s\n' "$tools" | at result tools "$i" name)
		needed=" $(printf '%s\n' "$tools" | at result tools "$i" inputSchema required 2>"$T/none" | tr -c 'a-z_' ' ') "
		list=
		for p in $(printf '%s\n' "$tools" | at result tools "$i" inputSchema properties | at -keys); do
			case $needed in *" $p "*) p="**$p**" ;; esac
			list="$list${list:+, }$p"
		done
		echo "| $tick$name$tick | ${list}${list:+ }|"
		i=$((i + 1))
	done
}

like "there are tools" "$count" '^[1-9]'
is "the table has each tool with its parameters, and no other" \
	"$(sed -n "s/^\\(| ${tick}[a-z_]*$tick | [^|]*|\\).*/\\1/p" README.md)" "$(rows)"

section "What the demo prints"

blocks demo
ids <"$T/demo.1" | grep . >"$T/recorded"
sh test/demo.sh 2>&1 | ids >"$T/played"
ok "there is a recording" test -s "$T/recorded"
is "all of it is what the demo prints" "$(grep -vxF -f "$T/played" "$T/recorded")" ""

section "The board"
# The same board, but for ids, times and the columns that these move.

picture() { sed -e 's/[0-9a-f]\{8\}/ID/g' -e 's/[0-9][0-9]*[smhd]/TIME/g' -e 's/just now/TIME ago/g' | tr -s ' '; }
mkdir "$T/web" "$T/api" "$T/db"
by "$T/db" "" register_agent '{"name":"db","description":"Schema and migrations"}' >"$T/out"
start 1 "$T/web"
start 2 "$T/api"
ask 1 register_agent '{"name":"web","description":"The browser client"}' >"$T/out"
ask 2 register_agent '{"name":"api","description":"The HTTP server"}' >"$T/out"
ask 1 set_status '{"status":"testing the form"}' >"$T/out"
ask 2 set_status '{"status":"fixing POST /users"}' >"$T/out"
ask 2 publish_spec '{"name":"users-api","content":"# POST /users\nname: required","note":"first"}' >"$T/out"
ask 1 send_message \
	'{"to":"human","subject":"The staging certificate ends on Friday","content":"Shall I renew it?"}' >"$T/out"
ask 1 send_message '{"to":"db","subject":"Index on users.email","content":"please"}' >"$T/out"
sent=$(ask 1 send_message '{"to":"api","subject":"Delete unused accounts?","content":"May the server delete them?"}')
ask 2 escalate \
	"{\"message_id\":\"${sent%% *}\",\"reason\":\"This deletes data of our users. A person should decide.\"}" >"$T/out"
blocks board
is "it is the picture" "$(COLUMNS=88 "$HELPERS/tty" "$BIN" board | picture)" "$(picture <"$T/board.1")"
stop 1
stop 2
rm -rf "$STORE"

section "Every command"
# Line by line, as a person would type them from top to bottom: in a copy of the
# source, with stand-ins for the programs of others, which note how they were called.

copy_tree "$T/tree"
mkdir "$T/others"
printf '#!/bin/sh\nprintf "%%s" "${0##*/}"; printf "|%%s" "$@"; echo\n' >"$T/others/record"
chmod +x "$T/others/record"
for name in claude codex qwen copilot cline amp auggie ssh notify-send tmux osascript; do
	printf '#!/bin/sh\n"%s/others/record" "$@" | sed "s/^record/%s/" >>"%s/called"\n' "$T" "$name" \
		"$T" >"$T/others/$name"
	chmod +x "$T/others/$name"
done
usual_path=$PATH
PATH=$HOME/bin:$T/others:$PATH
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
cp "$BIN" "$T/tree/interagent-$(uname -s)-$(uname -m)"
(cd "$T/tree" && sha256sum "interagent-$(uname -s)-$(uname -m)" >SHA256SUMS 2>"$T/none")
echo "The new release." >"$T/tree/release.md"

# A store in which the README's ids, names and specs exist.
message() {
	printf \
		'{"id":"%s-0000-4000-8000-000000000000","from":"%s","to":"%s","subject":"%s","status":"pending","createdAt":"%s","updatedAt":"%s"}\n' \
		"$1" "$2" "$3" "$4" "$(at createdAt <"$T/sent")" "$(at createdAt <"$T/sent")" \
		>"$STORE/messages-meta/$1-0000-4000-8000-000000000000.json"
	echo text >"$STORE/messages/$1-0000-4000-8000-000000000000.md"
}
fill_store() {
	for name in web api db old-agent; do
		mkdir -p "$T/$name"
		by "$T/$name" "" register_agent "{\"name\":\"$name\",\"description\":\"x\"}" >"$T/out"
	done
	for text in one two; do by "$T/api" "" publish_spec "{\"name\":\"users-api\",\"content\":\"$text\"}" >"$T/out"; done
	"$HELPERS/tty" "$BIN" send api --from web --json --subject "How long?" "a text" >"$T/sent"
	message 1a2b3c4d api human "When is the release?"
	message 2b3c4d5e web human "Is the staging server yours?"
}
fill_store

# in_tree LINE: as typed at a terminal, in the copy; what it said is in $T/said.
in_tree() { (cd "$T/tree" && exec "$HELPERS/tty" sh -c "$1") >"$T/said" 2>&1 </dev/null; }
run_line() {
	case $1 in
	"interagent" | "interagent  "*)
		if has_terminal; then
			like "$1" "$(terminal "'$HOME/bin/interagent'")" 'Waiting for you'
		else
			skip "$1" "there is no script(1) for a terminal"
		fi
		;;
	*"interagent wait"*)
		by "$T/web" "" send_message '{"to":"human","subject":"more","content":"x"}' >"$T/out"
		in_tree "$1"
		case $1 in
		ssh*) is "$1" "$? $(tail -n 1 "$T/called")" "0 ssh|hub|~/bin/interagent wait --from web --timeout 10m" ;;
		*) is "$1" "$?" 2 ;;
		esac
		;;
	*"interagent watch"*)
		in_tree "${1%%#*}" &
		by "$T/web" "" send_message '{"to":"human","subject":"watch this","content":"x"}' >"$T/out"
		wait_for grep -q 'watch this' "$T/said"
		like "$1" "$(cat "$T/said")" 'from web.*"watch this"'
		kill "$!"
		wait "$!" 2>/dev/null
		;;
	*)
		if in_tree "$1"; then pass "$1"; else fail "$1" "$(tail -n 20 "$T/said")"; fi
		;;
	esac
}
blocks sh
ok "there are blocks of commands" test "$blocks" -gt 5
: >"$T/called"
i=0
while [ "$i" -lt "$blocks" ]; do
	i=$((i + 1))
	case $(cat "$T/sh.$i") in
	*uninstall*) continue ;;
	*'install '*) rm -rf "$T/home/bin" ;;       # each way alone will do in a new home
	esac
	while IFS= read -r line <&9; do run_line "$line"; done 9<"$T/sh.$i"
done
ok "what make installed is there" test -x "$HOME/bin/interagent"

# What the clients were told is what setup tells them.
: >"$T/told"
for name in claude codex qwen copilot cline amp auggie; do
	"$HOME/bin/interagent" setup "$name" --dry-run | sed -n 's/^would run: //p' | tr ' ' '|' >>"$T/told"
done
is "the clients' commands are those of setup" "$(grep '|mcp|add|' "$T/called")" "$(cat "$T/told")"

section "What is stored"

blocks store
awk '{ print $1 }' "$T/store.1" >"$T/places"
while read -r place; do
	ok "$place is there" test -e "$STORE/$place"
done <"$T/places"
"$BIN" --help >"$T/none"
find "$STORE" -type d ! -path "$STORE" | sed "s|^$STORE/||" | while read -r place; do
	grep -qx -e "$place/" -e "${place%%/*}/" "$T/places" || [ "$place" = announced ] || echo "$place"
done >"$T/unnamed"
is "and no directory that is not named" "$(cat "$T/unnamed")" ""

section "Lines to paste"
# Each is what setup shows, with another path.

for name in claude codex gemini opencode kilo cursor continue kimi; do
	(export HOME="$T/nobody" PATH="$usual_path"; exec "$BIN" setup "$name" --dry-run) 2>/dev/null
done | sed "s|$BIN|/home/you/bin/interagent|" >"$T/shown"
blocks json
i=0
while [ "$i" -lt "$blocks" ]; do
	i=$((i + 1))
	ok "block $i is JSON" at -check <"$T/json.$i"
	if grep -q ssh "$T/json.$i"; then
		like "... and starts the server on the hub" "$(at mcpServers interagent args <"$T/json.$i")" \
			'INTERAGENT_NAME=web ~/bin/interagent serve'
	else
		like "... and what setup shows" "$(cat "$T/shown")" "^$(sed 's/[][*.]/\\&/g' "$T/json.$i")\$"
	fi
done
blocks yaml
is "the YAML is what setup shows" "$(grep -cxF -f "$T/yaml.1" "$T/shown")" 1
for name in gemini cursor kimi opencode kilo continue; do
	where=$("$BIN" setup "$name" --dry-run | sed -n 's/^To connect it, add to \(.*\):$/\1/p' | sed "s|^$HOME|~|")
	ok "the file for $name is named: $where" grep -qF "$tick$where$tick" README.md
done

section "Words of the text"

quoted() { awk '/^```/ { inside = !inside; next } !inside && !/^    /' "$1" | awk -v RS="$tick" 'NR % 2 == 0'; }
quoted README.md | grep '^interagent ' | sort -u >"$T/commands"
quoted README.md | grep '^make ' | sort -u >"$T/makes"
while read -r _ verb rest; do
	"$BIN" "$verb" --help >"$T/help" 2>&1
	is "interagent $verb is a verb" "$?" 0
	for word in $rest; do
		case $word in
		--*) like "interagent $verb $word is an option" "$(cat "$T/help")" "${word}[] ]" ;;
		esac
	done
done <"$T/commands"
while read -r _ target _; do
	ok "make $target is a target" make -n "$target"
done <"$T/makes"
sed -n "s/.*| $tick\\([a-z]*\\.t\\)$tick: \\(.*\\) |\$/\\1 \\2/p" README.md | sort -u >"$T/shown-by"
ok "tests are named" test -s "$T/shown-by"
while read -r file title; do
	ok "$file has the section $title" grep -q "^section \"$title\"" "test/t/$file"
done <"$T/shown-by"
for file in floods.t races.t; do
	is "each section of $file is named" "$(sed -n 's/^section "\(.*\)"/'"$file"' \1/p' "test/t/$file" | grep -vxF -f "$T/shown-by")" ""
done
ok "it is not too long" test "$(wc -l <README.md)" -le 390

section "The person's command"
# What agents write comes to INTERAGENT_NOTIFY in variables, and none of the README's
# lines runs or expands it.

blocks notify
# (A quote and a backslash come escaped, as in every quoted line.)
hostile='#(touch pwned) $(touch pwned) `touch pwned` %(x) "; touch pwned; " #{pid} \\ ;'
subject=$(printf %s "$hostile" | sed 's/[\\"]/\\&/g')
# tell SUBJECT: an agent's message to the person, by a server in $T/work.
tell() {
	: >"$T/called"
	(cd "$T/web" && call 1 send_message "{\"to\":\"human\",\"subject\":\"$1\",\"content\":\"x\"}" | "$BIN" serve) >"$T/out" 2>&1
	wait_for test -s "$T/called"
}
while IFS= read -r line <&9; do
	eval "$line"
	export INTERAGENT_NOTIFY
	name=${INTERAGENT_NOTIFY%% *}
	tell "$subject"
	no "$name runs nothing that an agent wrote" test -e "$T/web/pwned"
	case $name in
	notify-send) is "... and shows it" "$(cat "$T/called")" "notify-send|--|$subject|from web" ;;
	tmux) is "... and gives it to an option" "$(cat "$T/called")" \
		"tmux|set-option|-g|--|@interagent|$subject |;|display-message|#{@interagent}" ;;
	osascript) unlike "... and has none of it in its words" "$(cat "$T/called")" 'pwned' ;;
	esac
	tell "-u critical"
	like "$name: a text that looks like an option is a text" "$(cat "$T/called")" '^notify-send|--|-u critical|' \
		'|--|@interagent|-u critical |' '^osascript|-e|display'
done 9<"$T/notify.1"
rm "$T/others/tmux"
if command -v tmux >/dev/null; then
	TMUX_TMPDIR=$T
	export TMUX_TMPDIR
	tmux -f /dev/null new-session -d -x 80 -y 24 -c "$T/web" 'cat' 2>"$T/err"
	TMUX=$(tmux display-message -p '#{socket_path},#{pid},0')
	export TMUX
	INTERAGENT_NOTIFY='tmux display-message "$INTERAGENT_TITLE"; touch called'
	export INTERAGENT_NOTIFY
	(cd "$T/web" && call 1 send_message "{\"to\":\"human\",\"subject\":\"#(touch '$T/web/pwned')\",\"content\":\"x\"}" | "$BIN" serve) >"$T/out" 2>&1
	if wait_for test -e "$T/web/pwned"; then pass "a real tmux runs what stands in a format"; else
		skip "a real tmux runs what stands in a format" "this one does not, or shows no message without a client"; fi
	rm -f "$T/web/pwned"
	eval "$(grep tmux "$T/notify.1")"
	for text in "#(touch '$T/web/pwned')" "x; run-shell 'touch $T/web/pwned' ;" "y;"; do
		(cd "$T/web" && call 1 send_message "{\"to\":\"human\",\"subject\":\"$text\",\"content\":\"x\"}" | "$BIN" serve) >"$T/out" 2>&1
		shown() { [ "$(tmux show-options -gv @interagent)" = "$text " ]; }
		ok "the README's line gives a real tmux the text as it is: $text" wait_for shown
	done
	sleep 0.3
	no "... and it runs nothing of it" test -e "$T/web/pwned"
	tmux kill-server
else
	skip "a real tmux" "there is no tmux"
fi
unset INTERAGENT_NOTIFY TMUX

section "What nothing prevents"
# The README must not promise more than there is: these limits are real.

rm -rf "$STORE"
fill_store
like "an agent can read everybody's mail" "$(by "$T/db" "" read_message '{"message_id":"1a2b3c4d"}')" '^text$'
message 3c4d5e6f api human "Written past the program"
like "a process can write the files itself" "$("$HELPERS/tty" "$BIN" inbox)" 'Written past the program'
is "a shell that is marked does not speak as the person" \
	"$(CLAUDECODE=1 status_of "$HELPERS/tty" "$BIN" send api hello)" 1
like "... but one that took the mark out does" \
	"$(CLAUDECODE=1 env -u CLAUDECODE "$HELPERS/tty" "$BIN" send api hello)" 'stored'

section "Uninstalling"

i=$(grep -l uninstall "$T"/sh.*)
while IFS= read -r line <&9; do run_line "$line"; done 9<"$i"
is "nothing is left but what the clients keep" "$(find "$HOME" -type f)" ""

section "What is pasted for agents"

known=" $(rows | tr -c 'a-z_' ' ') interagent "
ok "the instructions for agents are short" test "$(wc -l <AGENT_INSTRUCTIONS.md)" -lt 40
ok "they name tools" grep -q "${tick}check_inbox$tick" AGENT_INSTRUCTIONS.md
ok "... and the server whose tools they are" grep -q "MCP server ${tick}interagent$tick" AGENT_INSTRUCTIONS.md
(
	quoted AGENT_INSTRUCTIONS.md
	tr -c 'a-z_' '\n' <AGENT_INSTRUCTIONS.md | grep _
) | sort -u >"$T/names"
while read -r name; do
	like "they know $name: a tool or a parameter" "$known" " $name "
done <"$T/names"
done_testing
