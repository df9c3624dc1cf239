# A new user's way, from a clone to the first message between two sessions of a
# client: the README's commands, what setup says to do next, and three sentences to the
# agents, counted, with the seconds that it took here. The model is a mock.
#
# shellcheck disable=SC2016,SC2088,SC2154
. ./test/lib/test.sh
. ./test/clients/clients.sh
. ./test/clients/stage.sh

# type_in COMMAND: as a person types it, in $work; what it says is in $T/said.
type_in() {
	commands=$((commands + 1))
	(cd "$work" && exec "$HELPERS/tty" sh -c "$1") >"$T/said" 2>&1 </dev/null || fail "$title: $1" "$(tail -n 20 "$T/said")"
}
edit() { edits=$((edits + 1)); merge "$@"; }

# tell AGENT TALK PLAY: a sentence to the session in that agent's repository
tell() {
	sentences=$((sentences + 1))
	work=$T/$1
	printf '%s\n' "$3" >"$T/play"
	raise_curtain
	$2
	drop_curtain
}

# way NAME TITLE LINES FILE EDITS: LINES is what stands above the lines that must be
# pasted into FILE before the first message; empty: nothing must.
way() {
	title=$2
	section "$2"
	if ! agent "$1" "$1"; then
		skip "$2" "$why"
		return
	fi
	rm -rf "$HOME" "$T/new" "$T/web" "$T/api"
	mkdir "$HOME" "$T/new" "$T/web" "$T/api"
	for repository in web api; do git init -q "$T/$repository" 2>"$T/out"; done
	commands=0 edits=0 sentences=0 began=$(date +%s)
	# What it has from its own login.
	[ "$1" != gemini ] || merge "$HOME/.gemini/settings.json" '{"security":{"auth":{"selectedType":"gemini-api-key"}}}'
	work=$T/new
	type_in "git clone '$here' interagent"
	commands=$((commands + 1))
	work=$T/new/interagent
	awk '/^```sh$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' README.md >"$T/lines"
	while IFS= read -r line <&9; do type_in "$line"; done 9<"$T/lines"
	built=$(date +%s)
	program=$HOME/bin/interagent
	type_in "~/bin/interagent setup"
	next=$(sed -n "s/^$2: .*Next: interagent \\(setup $1\\)\$/\\1/p" "$T/said")
	is "setup says what is next" "$next" "setup $1"
	type_in "~/bin/interagent setup $1"
	[ -z "$3" ] || edit "$HOME/$4" "$(shown "$3" "$1")"
	tell api "talk_$1" '[{"tool":"register_agent","args":{"name":"api","description":"the server"}},{"tool":"check_inbox"}]'
	tell web "talk_$1" '[{"tool":"register_agent","args":{"name":"web","description":"the client"}},
		{"tool":"send_message","args":{"to":"api","subject":"hello","content":"the first message"}}]'
	tell api "talk_$1" '[{"tool":"check_inbox"},{"tool":"read_message","args":{"message_id":"$ID"}}]'
	like "the first message arrives" "$(sed -n 3p "$T/log" | at result)" '^the first message$'
	is "... after six commands, lines pasted into so many files, and three sentences" "$commands $edits $sentences" "6 $5 3"
	echo "# $2: $(($(date +%s) - began)) s, of which $((built - began)) to compile and install"
}

unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
if [ -e .git ]; then
	way claude "Claude Code" "To let" .claude/settings.json 1
	way codex Codex "" "" 0
	way gemini "Gemini CLI" "To connect" .gemini/settings.json 1
else
	skip "a new user's way" "this is no clone"
fi
done_testing
