# `interagent setup claude` writes a plugin directory and nothing else, and
# --undo leaves the tree as it was, to the byte. `interagent doctor` tells how
# things are wired.
#
# The functions are called by name, through ok, and texts go to other shells:
# shellcheck disable=SC2317,SC2016
. ./test/lib/test.sh

# ---- Words ----

# Everything in a directory: kinds, modes, names, and sums of what is in files.
tree() {
	(cd "$1" && find . -exec ls -ld {} + | awk '{ $2 = $5 = $6 = $7 = $8 = ""; print }' | sort &&
		find . -type f -exec cksum {} + | sort)
}

# setup ARGUMENT...: the status, and what was said.
setup() {
	"${program:-$BIN}" setup "$@" >"$T/said" 2>"$T/complained"
	status=$?
}
outcome() { echo "status $status"; cat "$T/said" "$T/complained"; }
as_it_was() { is "$1" "$(tree "$HOME")" "$(cat "$T/before")"; }
written='.claude-plugin/plugin.json hooks/hooks.json .mcp.json'

# fresh: a home with nothing in it.
fresh() {
	rm -rf "$HOME"
	mkdir "$HOME"
	plugin=$HOME/.claude/skills/interagent
}

section "There and back"
# Whatever stood there before: nothing, some of it, or all of it.

prepare() {
	fresh
	unset CLAUDE_CONFIG_DIR
	case $1 in
	"an empty home") ;;
	"a .claude") mkdir "$HOME/.claude" ;;
	"a .claude with settings and skills")
		mkdir -p "$HOME/.claude/skills/other"
		chmod 750 "$HOME/.claude"
		echo 'a skill' >"$HOME/.claude/skills/other/SKILL.md"
		echo '{"hooks":{"Stop":[]}, "model" : "x"}' >"$HOME/.claude/settings.json"
		printf '{"numStartups":7,"mcpServers":{"other":{"command":"other"}},"projects":{}}' >"$HOME/.claude.json"
		;;
	"an empty directory for the plugin") mkdir -p "$HOME/.claude/skills/interagent" ;;
	"a directory for the plugin with a file in it")
		mkdir -p "$HOME/.claude/skills/interagent/hooks"
		echo mine >"$HOME/.claude/skills/interagent/README.md"
		echo mine >"$HOME/.claude/skills/interagent/hooks/mine.sh"
		;;
	"a directory of its own for settings")
		CLAUDE_CONFIG_DIR="$HOME/my config"
		export CLAUDE_CONFIG_DIR
		mkdir "$CLAUDE_CONFIG_DIR"
		echo '{}' >"$CLAUDE_CONFIG_DIR/.claude.json"
		;;
	"one that is not there yet")
		CLAUDE_CONFIG_DIR=$HOME/config
		export CLAUDE_CONFIG_DIR
		;;
	"a server in .claude.json already")
		echo '{"mcpServers":{"interagent":{"type":"stdio","command":"/somewhere/interagent","args":[]}}}' >"$HOME/.claude.json"
		;;
	esac
	plugin=${CLAUDE_CONFIG_DIR:-$HOME/.claude}/skills/interagent
}

for home in "an empty home" "a .claude" "a .claude with settings and skills" \
	"an empty directory for the plugin" \
	"a directory for the plugin with a file in it" "a directory of its own for settings" "one that is not there yet" \
	"a server in .claude.json already"; do
	prepare "$home"
	tree "$HOME" >"$T/before"
	setup claude --dry-run
	is "$home: a dry run succeeds" "$status" 0
	as_it_was "... and writes nothing"
	setup claude --undo
	is "... undoing nothing succeeds" "$(outcome)" "status 0"
	as_it_was "... and writes nothing"
	setup claude
	is "... setting up succeeds" "$status" 0
	tree "$HOME" >"$T/after"
	for file in $written; do
		[ -e "$plugin/$file" ] || continue
		like "... and says what it wrote: $file" "$(cat "$T/said")" "^wrote $plugin/$file\$"
		ok "... which is JSON" at -check <"$plugin/$file"
	done
	setup claude
	is "... setting up twice is like once" "$(tree "$HOME")" "$(cat "$T/after")"
	unlike "... and writes nothing" "$(cat "$T/said")" '^wrote '
	setup claude --dry-run --undo
	is "... a dry run of undoing writes nothing" "$(tree "$HOME")" "$(cat "$T/after")"
	setup claude --undo
	is "... undoing succeeds" "$status" 0
	as_it_was "... and leaves it as it was"
	setup claude --undo
	as_it_was "... however often"
done
unset CLAUDE_CONFIG_DIR

section "What is written"

fresh
setup claude
plugin_json=$plugin/.claude-plugin/plugin.json
hooks_json=$plugin/hooks/hooks.json
is "the plugin has its name" "$(at name <"$plugin_json")" interagent
is "... and the program's version" "interagent $(at version <"$plugin_json")" \
	"$("$BIN" --version | sed 's/ (.*//')"
is "... it has the hooks that tell of mail" "$(at hooks <"$hooks_json" | at -keys | paste -s -d ' ' -)" \
	"SessionStart UserPromptSubmit PostToolBatch Stop FileChanged"
for event in SessionStart UserPromptSubmit PostToolBatch Stop FileChanged; do
	hook=$(at hooks $event 0 hooks 0 <"$hooks_json")
	is "$event is one command" "$(at hooks $event '#' <"$hooks_json") $(at hooks $event 0 hooks '#' <"$hooks_json") $(
		printf %s "$hook" | at type) $(at hooks $event 0 <"$hooks_json" | at -keys)" "1 1 command hooks"
	is "... this program" "$(printf %s "$hook" | at command)" "$BIN"
	is "... as a hook, without a shell" "$(printf %s "$hook" | at args | at -wire)" '["hook"]'
	ok "... with a limit" test "$(printf %s "$hook" | at timeout)" -gt 2
	wakes=$(printf %s "$hook" | at asyncRewake)
	if [ "$event" = FileChanged ]; then
		is "... and wakes the session" "$wakes" true
	else
		is "... and wakes nobody" "$wakes" ""
	fi
done
is "... it brings the server" \
	"$(at mcpServers interagent command <"$plugin/.mcp.json") $(at mcpServers interagent args <"$plugin/.mcp.json" | at -wire)" \
	"$BIN [\"serve\"]"
is "... and no other" "$(at mcpServers <"$plugin/.mcp.json" | at -keys)" interagent
is "nothing that it writes is for others to write" "$(find "$HOME" -perm -0002 ! -type l)" ""
is "no temporary file is left" "$(find "$HOME" -name '*tmp*')" ""
like "... it says what to do next" "$(cat "$T/said")" 'next start'

fresh
setup claude --dry-run
for file in $written; do
	like "a dry run names $file" "$(cat "$T/said")" "^$plugin/$file:\$"
done
setup claude
cp "$T/said" "$T/first"
setup claude --dry-run
for file in $written; do
	sed -n "\\|^$plugin/$file:\$|,\$p" "$T/said" | sed 1d | head -n "$(grep -c '' "$plugin/$file")" >"$T/shown"
	ok "... and shows what is in it: $file" cmp "$T/shown" "$plugin/$file"
done
setup claude --undo

section "The path of the program"

odd="$T/it's \"a\" \\ place & \$HOME"
mkdir "$odd"
cp "$BIN" "$odd/interagent"
odd=$odd/interagent
program=$odd
fresh
tree "$HOME" >"$T/before"
setup claude
is "a program may be anywhere" "$status" 0
for file in $written; do
	ok "... and it is JSON all the same: $file" at -check <"$plugin/$file"
done
command=$(at hooks Stop 0 hooks 0 command <"$hooks_json")
is "... with that path in the hooks" "$command" "$odd"
is "... and for the server" "$(at mcpServers interagent command <"$plugin/.mcp.json")" "$odd"
is "... at which it runs" "$("$command" --version)" "$("$BIN" --version)"
setup claude --undo
as_it_was "... and it is undone"
program=
(cd "${odd%/*}" && ./interagent setup claude) >"$T/said" 2>&1
is "a program that was called by a relative path is noted by its absolute one" \
	"$(at hooks Stop 0 hooks 0 command <"$hooks_json")" "$odd"
(cd / && PATH=${odd%/*}:$PATH exec interagent setup claude) >"$T/said" 2>&1
is "... and one that was found by the shell too" "$(at hooks Stop 0 hooks 0 command <"$hooks_json")" "$odd"
setup claude
is "another program takes its place" \
	"$(at hooks Stop 0 hooks 0 command <"$hooks_json") $(at mcpServers interagent command <"$plugin/.mcp.json")" \
	"$BIN $BIN"
program=$odd
setup claude --undo
as_it_was "... and whichever program it is undoes what another wrote"
program=

section "The user's own files"

fresh
mkdir -p "$HOME/.claude"
printf '{"numStartups":7,\n  "mcpServers": {},"x":1e400}' >"$HOME/.claude.json"
printf '{"hooks":{"Stop":[]}}' >"$HOME/.claude/settings.json"
echo '{}' >"$HOME/.claude/settings.local.json"
own() { cksum "$HOME/.claude.json" "$HOME/.claude/settings.json" "$HOME/.claude/settings.local.json"; }
before=$(own)
setup claude
setup claude
is "no settings are written by setting up" "$(own)" "$before"
setup claude --undo
is "... nor by undoing it" "$(own)" "$before"

for file in $written; do
	fresh
	setup claude
	echo ' ' >>"$plugin/$file"
	sum=$(cksum <"$plugin/$file")
	setup claude
	is "$file, changed by the user, is not written again" "$(cksum <"$plugin/$file")" "$sum"
	like "... and is named" "$(cat "$T/said" "$T/complained")" "$plugin/$file .*left as it is"
	setup claude --undo
	is "... nor removed" "$(cksum <"$plugin/$file")" "$sum"
	like "... but named again" "$(cat "$T/said" "$T/complained")" "$plugin/$file .*left as it is"
	is "... while all else is gone" "$(find "$HOME" -type f)" "$plugin/$file"
	setup claude
	is "... and so it stays" "$(cksum <"$plugin/$file")" "$sum"
	setup claude --undo
	is "... to the end" "$(find "$HOME" -type f) $(cksum <"$plugin/$file")" "$plugin/$file $sum"
done
for file in $written; do
	fresh
	mkdir -p "$plugin/${file%/*}" "$plugin"
	rmdir "$plugin/.mcp.json" 2>/dev/null
	echo '{"mine":true}' >"$plugin/$file"
	tree "$HOME" >"$T/before"
	setup claude
	is "$file of the user's that was there before is left" "$(cat "$plugin/$file")" '{"mine":true}'
	like "... and named" "$(cat "$T/said" "$T/complained")" "$plugin/$file .*left as it is"
	setup claude --undo
	as_it_was "... and undoing leaves it and no more"
done
for file in $written; do
	fresh
	mkdir -p "$plugin/${file%/*}" "$plugin"
	rmdir "$plugin/.mcp.json" 2>/dev/null
	echo '{"mine":true}' >"$T/mine"
	ln -s "$T/mine" "$plugin/$file"
	tree "$HOME" >"$T/before"
	setup claude
	ok "$file that is a link of the user's is left" test -h "$plugin/$file"
	like "... and named" "$(cat "$T/said" "$T/complained")" "$plugin/$file .*left as it is"
	setup claude --undo
	as_it_was "... and undoing leaves it and no more"
done
for file in $written; do
	fresh
	tree "$HOME" >"$T/before"
	setup claude
	rm "$plugin/$file"
	setup claude --undo
	as_it_was "$file, deleted by the user, leaves nothing behind"
done
fresh
setup claude
rm "$plugin/hooks/hooks.json"
setup claude
ok "a file that the user deleted is written again" at -check <"$plugin/hooks/hooks.json"
echo note >"$plugin/hooks/note"
setup claude --undo
is "a file of the user's among ours is left" "$(find "$HOME" -type f)" "$plugin/hooks/note"

section "A server that Claude Code has already"

knows() {
	fresh
	printf '%s' "$2" >"$HOME/.claude.json"
	setup claude
	ok "a server that is known, $1, is not brought again" test ! -e "$plugin/.mcp.json"
	ok "... but the hooks are there" test -e "$plugin/hooks/hooks.json"
	is "... and .claude.json is as it was" "$(cat "$HOME/.claude.json")" "$2"
	like "... which is said" "$(cat "$T/said")" '\.claude\.json'
}
knows "by its name" '{"mcpServers":{"interagent":{"command":"/x/other"}}}'
knows "by its program" '{"mcpServers":{"mail":{"command":"/x/bin/interagent","args":[]}}}'
knows "by its program on the PATH" '{"mcpServers":{"a":{"command":"b"},"mail":{"command":"interagent"}}}'
knows "among broken ones" '{"mcpServers":{"a":null,"b":7,"c":{"command":["x"]},"d":{},"interagent":{}}}'
unknown() {
	fresh
	printf '%s' "$2" >"$HOME/.claude.json"
	setup claude
	ok "$1 does not count as knowing it" test -e "$plugin/.mcp.json"
}
unknown "a project's server" '{"mcpServers":{},"projects":{"/x":{"mcpServers":{"interagent":{"command":"interagent"}}}}}'
unknown "a program with a longer name" '{"mcpServers":{"mail":{"command":"/x/notinteragent"}}}'
unknown "an empty file" ''
unknown "another kind of list" '{"mcpServers":["interagent"]}'
unknown "another kind of file" '[]'

fresh
setup claude
ok "where it is brought" test -e "$plugin/.mcp.json"
echo '{"mcpServers":{"interagent":{"command":"interagent"}}}' >"$HOME/.claude.json"
setup claude
no "... and then becomes known, it is taken back" test -e "$plugin/.mcp.json"
rm "$HOME/.claude.json"
setup claude
ok "... and brought again when it is unknown again" test -e "$plugin/.mcp.json"
CLAUDE_CONFIG_DIR=$HOME/config
export CLAUDE_CONFIG_DIR
mkdir "$CLAUDE_CONFIG_DIR"
echo '{"mcpServers":{"interagent":{"command":"interagent"}}}' >"$CLAUDE_CONFIG_DIR/.claude.json"
setup claude
no "a directory of its own for settings has its own .claude.json" test \
	-e "$CLAUDE_CONFIG_DIR/skills/interagent/.mcp.json"
ok "... and its own hooks" test -e "$CLAUDE_CONFIG_DIR/skills/interagent/hooks/hooks.json"
unset CLAUDE_CONFIG_DIR

section "What cannot be done"

usage() {
	what=$1
	shift
	fresh
	setup "$@"
	is "$what is misuse" "$status $(cat "$T/said") $(grep -c '' "$T/complained")" "2  1"
	is "... and writes nothing" "$(find "$HOME" ! -path "$HOME")" ""
}
usage "no client"
usage "an unknown client" gemini
usage "an unknown option" claude --force
usage "a word too much" claude again
(unset HOME && exec "$BIN" setup claude --dry-run) >"$T/said" 2>"$T/complained"
is "without a home nothing is set up" "$(test "$?" -ne 0 && echo refused) $(cat "$T/said")" "refused "
fresh
mkdir "$HOME/.claude"
echo 'no directory' >"$HOME/.claude/skills"
setup claude
is "where it cannot write it fails" "$status" 1
like "... and says where" "$(cat "$T/said" "$T/complained")" "$HOME/.claude/skills"
is "... and has touched nothing" "$(find "$HOME" -type f) $(cat "$HOME/.claude/skills")" \
	"$HOME/.claude/skills no directory"

section "The doctor"

doctor() { (cd "${1:-/}" && exec env PATH="${2:-/usr/bin:/bin}" "${program:-$BIN}" doctor) >"$T/said" 2>"$T/complained"; }
says() { like "$1" "$(cat "$T/said")" "$2"; }
fresh
mkdir "$T/web" "$T/bin"
doctor
says "the doctor names the program" "^program: $BIN, interagent [0-9]"
says "... the system that it runs on" "^system: $(uname -s) $(uname -r) $(uname -m)\$"
says "... and what is set, but not to what" '^set: INTERAGENT_DIR[A-Z_ ]*$'
says "... and that PATH has none" '^PATH: interagent is not on it$'
says "... and that there is no plugin" '^Claude Code: no plugin directory; '
says "... and that this is nobody's directory" '^this directory: nobody '
ln -s "$BIN" "$T/bin/interagent"
doctor / "$T/bin:/usr/bin:/bin"
unlike "a PATH that leads to this program is no matter" "$(cat "$T/said")" '^PATH:'
doctor / "${odd%/*}:$T/bin:/usr/bin:/bin"
is "... one that leads to another is" "$(grep '^PATH:' "$T/said")" "PATH: interagent is $odd, another one"
setup claude
doctor
says "a plugin that is current is called so" '^Claude Code: the plugin directory is there and current$'
echo ' ' >>"$plugin/hooks/hooks.json"
doctor
says "... and one that is not" '^Claude Code: the plugin directory is not current; '
rm "$plugin/hooks/hooks.json"
doctor
says "... or not whole" '^Claude Code: the plugin directory is not current; '
setup claude
program=$odd
doctor
says "... or another program's" '^Claude Code: the plugin directory is not current; '
program=
echo '{"mcpServers":{"interagent":{"command":"interagent"}}}' >"$HOME/.claude.json"
doctor
says "... or brings a server that is known by now" '^Claude Code: the plugin directory is not current; '
setup claude
doctor
says "... and is current again when it was set up again" \
	'^Claude Code: the plugin directory is there and current$'
(cd "$T/web" && exec "$BIN" register_agent --name web --description test) >"$T/out" 2>&1
mkdir -p "$T/web/src" "$T/web/lib/.git"
for place in web web/src; do
	doctor "$T/$place"
	says "in $place it names the agent" '^this directory: the workspace of web$'
done
doctor "$T/web/lib"
says "in another repository it names none" '^this directory: nobody '
is "... it complains of nothing" "$(cat "$T/complained")" ""

done_testing
