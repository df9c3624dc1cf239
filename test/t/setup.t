# `interagent setup` without a client says which are here and what each lacks.
# With one it runs the client's own command, writes a directory that is ours alone,
# and only shows what belongs in a file of the user's; --undo takes it back.
# `interagent doctor` looks at all of it.
#
# The clients are stand-ins that note their arguments, and write down the server as
# the real ones do (test/clients has those).
#
# The functions are called by name, through ok, and texts go to other shells:
# shellcheck disable=SC2317,SC2016,SC2329
. ./test/lib/test.sh

# ---- Words ----

# Everything in a directory: kinds, modes, names, and sums of what is in files.
tree() {
	(cd "$1" && find . -exec ls -ld {} + | awk '{ $2 = $5 = $6 = $7 = $8 = ""; print }' | sort &&
		find . -type f -exec cksum {} + | sort)
}

# setup ARGUMENT...: the status, and what was said; what ran is in $T/ran.
setup() {
	rm -f "$T/ran"
	"${program:-$BIN}" setup "$@" >"$T/said" 2>"$T/complained"
	status=$?
}
outcome() { echo "status $status"; cat "$T/said" "$T/complained"; }
ran() { cat "$T/ran" 2>/dev/null; }
as_it_was() { is "$1" "$(tree "$HOME")" "$(cat "$T/before")"; }
written='.claude-plugin/plugin.json hooks/hooks.json'

# The program as a word of a shell.
case $BIN in
*' '*) word="'$BIN'" ;;
*) word=$BIN ;;
esac

# fresh: a home with nothing in it.
fresh() {
	rm -rf "$HOME"
	mkdir "$HOME"
	plugin=$HOME/.claude/skills/interagent
}

# One program under every client's name. `mcp add` writes the server into the
# client's file, and `mcp remove` brings back what was there.
mkdir "$T/clients"
cat >"$T/clients/claude" <<'END'
#!/bin/sh
name=${0##*/}
printf '%s' "$name" >>"$T/ran"
for word; do printf ' %s' "$word"; done >>"$T/ran"
echo >>"$T/ran"
echo "$name: a word of its own"
echo "{\"leaked\":\"$name\"}" >&2
for word; do
	[ "$word" != serve ] || [ "$last" = --args ] || path=$last
	[ "$last" != --command ] || path=$word
	last=$word
done
home=$HOME/.$name
case $name in
claude) home=$HOME file=.claude.json ; home=${CLAUDE_CONFIG_DIR:-$HOME} ;;
codex) home=${CODEX_HOME:-$home} file=config.toml ;;
qwen) file=settings.json ;;
copilot) home=${COPILOT_HOME:-$home} file=mcp-config.json ;;
cline) home=$HOME/.cline file=data/settings/cline_mcp_settings.json ;;
auggie) home=$HOME/.augment file=settings.json ;;
amp) home=${XDG_CONFIG_HOME:-$HOME/.config}/amp file=settings.json ;;
esac
list=mcpServers
[ $name != amp ] || list=amp.mcpServers
case $2 in
add)
	mkdir -p "$home/$(dirname $file)"
	rm -f "$T/kept"
	[ ! -e "$home/$file" ] || cp -p "$home/$file" "$T/kept"
	path=$(printf %s "$path" | sed 's/[\\"]/\\&/g')
	if [ $name = codex ]; then
		printf '[mcp_servers.interagent]\ncommand = "%s"\nargs = ["serve"]\n' "$path" >"$home/$file"
	else
		printf '{"%s":{"interagent":{"command":"%s","args":["serve"]}}}\n' $list "$path" >"$home/$file"
	fi ;;
remove)
	rm -f "$home/$file"
	[ ! -e "$T/kept" ] || mv "$T/kept" "$home/$file" ;;
esac
exit "${STAND_IN_STATUS:-0}"
END
chmod +x "$T/clients/claude"
for name in codex qwen copilot cline auggie amp; do ln -s claude "$T/clients/$name"; done
plain_path=$PATH
PATH=$T/clients:$PATH
export T

section "There and back"
# Whatever stood there before: nothing, some of it, or all of it.

prepare() {
	fresh
	unset CLAUDE_CONFIG_DIR
	case $1 in
	"an empty home") ;;
	"a .claude") mkdir -p "$HOME/.claude/projects" ;;
	"a .claude with settings and skills")
		mkdir -p "$HOME/.claude/skills/other"
		chmod 750 "$HOME/.claude"
		echo 'a skill' >"$HOME/.claude/skills/other/SKILL.md"
		echo '{"hooks":{"Stop":[]}, "model" : "x"}' >"$HOME/.claude/settings.json"
		printf '{"numStartups":7,"mcpServers":{"other":{"command":"other"}},"projects":{}}' >"$HOME/.claude.json"
		;;
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
	esac
	plugin=${CLAUDE_CONFIG_DIR:-$HOME/.claude}/skills/interagent
}

for home in "an empty home" "a .claude" "a .claude with settings and skills" \
	"a directory for the plugin with a file in it" "a directory of its own for settings" "one that is not there yet"; do
	prepare "$home"
	tree "$HOME" >"$T/before"
	setup claude --dry-run
	is "$home: a dry run succeeds" "$status" 0
	as_it_was "... and writes nothing"
	is "... and runs nothing" "$(ran)" ""
	setup claude --undo
	is "... undoing nothing succeeds" "$(outcome)" "status 0"
	as_it_was "... and writes nothing"
	is "... and runs nothing" "$(ran)" ""
	setup claude
	is "... setting up succeeds" "$status" 0
	is "... with the client's own command" "$(ran)" "claude mcp add -s user interagent -- $BIN serve"
	tree "$HOME" >"$T/after"
	for file in $written; do
		[ -e "$plugin/$file" ] || continue
		like "... and says what it wrote: $file" "$(cat "$T/said")" "^wrote $plugin/$file\$"
		ok "... which is JSON" at -check <"$plugin/$file"
	done
	setup claude
	is "... setting up twice is like once" "$(tree "$HOME")" "$(cat "$T/after")"
	unlike "... and writes nothing" "$(cat "$T/said")" '^wrote '
	is "... and runs nothing" "$(ran)" ""
	setup claude --dry-run --undo
	is "... a dry run of undoing writes nothing" "$(tree "$HOME")" "$(cat "$T/after")"
	setup claude --undo
	is "... undoing succeeds" "$status" 0
	is "... with the client's own command" "$(ran)" "claude mcp remove -s user interagent"
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
is "... and the program's version" "interagent $(at version <"$plugin_json")" "$("$BIN" --version | sed 's/ (.*//')"
is "... it has the hooks that tell of mail" "$(at hooks <"$hooks_json" | at -keys | paste -s -d ' ' -)" \
	"SessionStart UserPromptSubmit PostToolBatch Stop Notification FileChanged"
for event in SessionStart UserPromptSubmit PostToolBatch Stop Notification FileChanged; do
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
no "... it brings no second server" test -e "$plugin/.mcp.json"
is "nothing that it writes is for others to write" "$(find "$HOME" -perm -0002 ! -type l)" ""
is "no temporary file is left" "$(find "$HOME" -name '*tmp*')" ""
like "... it says what to do next" "$(cat "$T/said")" 'next start'

fresh
setup claude --dry-run
for file in $written; do
	like "a dry run names $file" "$(cat "$T/said")" "^would write $plugin/$file:\$"
done
like "... and the command" "$(cat "$T/said")" "^would run: claude mcp add -s user interagent -- $word serve\$"
cp "$T/said" "$T/first"
setup claude
for file in $written; do
	sed -n "\\|^would write $plugin/$file:\$|,\$p" "$T/first" | sed 1d | head -n \
		"$(grep -c '' "$plugin/$file")" >"$T/shown"
	ok "... and shows what is in it: $file" cmp "$T/shown" "$plugin/$file"
done
like "the client's own words do not come between ours" "$(cat "$T/complained")" "claude: a word of its own"
unlike "... but go to standard error" "$(cat "$T/said")" "claude: a word of its own"
setup claude --dry-run
is "a dry run shows nothing of what is there already" "$(grep -c '^would' "$T/said")" 0
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
is "... and for the server" "$(at mcpServers interagent command <"$HOME/.claude.json")" "$odd"
is "... which was one word of the command" "$(ran)" "claude mcp add -s user interagent -- $odd serve"
setup claude --dry-run
is "... and is known again" "$(grep -c '^would' "$T/said")" 0
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
is "another program takes its place in the hooks" "$(at hooks Stop 0 hooks 0 command <"$hooks_json")" "$BIN"
program=$odd
setup claude --undo
as_it_was "... and whichever program it is undoes what it added"
program=
ln -s "$BIN" "$T/linked"
program=$T/linked
setup codex --dry-run
like "a link is noted as it is, not where it leads to" "$(cat "$T/said")" \
	"^would run: codex mcp add interagent -- $T/linked serve\$"
program=
mkdir -p "$T/dirs/interagent" "$T/real"
cp "$BIN" "$T/real/interagent"
(cd / && PATH=$T/dirs:$T/real:$PATH exec interagent setup codex --dry-run) >"$T/said" 2>&1
like "a directory of its name on PATH is not the program" "$(cat "$T/said")" \
	"^would run: codex mcp add interagent -- $T/real/interagent serve\$"

section "The user's own files"

fresh
mkdir -p "$HOME/.claude"
printf '{"numStartups":7,\n  "mcpServers": {},"x":1e400}' >"$HOME/.claude.json"
printf '{"hooks":{"Stop":[]}}' >"$HOME/.claude/settings.json"
echo '{}' >"$HOME/.claude/settings.local.json"
own() { cksum "$HOME/.claude/settings.json" "$HOME/.claude/settings.local.json"; }
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
	is "... while all else is gone" "$(find "$HOME" -type f ! -name .claude.json)" "$plugin/$file"
	setup claude
	is "... and so it stays" "$(cksum <"$plugin/$file")" "$sum"
	setup claude --undo
	is "... to the end" "$(find "$HOME" -type f) $(cksum <"$plugin/$file")" "$plugin/$file $sum"
done
for file in $written; do
	fresh
	mkdir -p "$plugin/${file%/*}"
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
	mkdir -p "$plugin/${file%/*}"
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

section "A server that the client has already"
# Never two: what is there is seen, whoever wrote it, and what is another program's
# is left to the user.

# knows WHAT TEXT: this .claude.json names our server.
has() {
	fresh
	printf '%s' "$2" >"$HOME/.claude.json"
	setup claude
	is "$1: setting up succeeds" "$status" 0
	is "... and adds no second server" "$(ran)" ""
	like "... which is said" "$(cat "$T/said")" '^Claude Code has the server already, in .*/\.claude\.json\.$'
	ok "... but the hooks are there" test -e "$plugin/hooks/hooks.json"
	is "... and .claude.json is as it was" "$(cat "$HOME/.claude.json")" "$2"
}
mkdir -p "$T/bin"
ln -s "$BIN" "$T/bin/interagent"
PATH=$T/bin:$PATH
has "by its path" "{\"mcpServers\":{\"interagent\":{\"command\":\"$BIN\"}}}"
has "under another name" "{\"mcpServers\":{\"mail\":{\"command\":\"$BIN\",\"args\":[]}}}"
has "by a link to it" "{\"mcpServers\":{\"interagent\":{\"command\":\"$T/bin/interagent\"}}}"
has "by its name on PATH" '{"mcpServers":{"a":{"command":"b"},"mail":{"command":"interagent"}}}'
has "among broken ones" "{\"mcpServers\":{\"a\":null,\"b\":7,\"c\":{\"command\":[]},\"d\":{},\"mail\":{\"command\":\"$BIN\"}}}"
PATH=${PATH#*:}

# lacks WHAT TEXT
lacks() {
	fresh
	printf '%s' "$2" >"$HOME/.claude.json"
	setup claude
	is "$1 is none" "$(ran)" "claude mcp add -s user interagent -- $BIN serve"
}
lacks "a project's server" \
	'{"mcpServers":{},"projects":{"/x":{"mcpServers":{"interagent":{"command":"interagent"}}}}}'
lacks "a project of that name" '{"projects":{"/x/interagent":{}}}'
lacks "a program with a longer name" '{"mcpServers":{"mail":{"command":"/x/notinteragent"}}}'
lacks "an empty file" ''
lacks "another kind of list" '{"mcpServers":["interagent"]}'
lacks "another kind of file" '[]'

# other WHAT TEXT WHERE: this one names another program.
other() {
	fresh
	printf '%s' "$2" >"$HOME/.claude.json"
	setup claude
	is "$1: setting up fails" "$status $(ran)" "1 "
	like "... and says how to take its place" "$(cat "$T/said")" \
		'To take its place: claude mcp remove -s user interagent; then interagent setup claude$'
	setup claude --undo
	is "... undoing leaves it" "$(ran)" ""
	is "... and .claude.json is as it was" "$(cat "$HOME/.claude.json")" "$2"
	setup
	like "... which setup names" "$(cat "$T/said")" "^Claude Code: connected to $3"
}
mkdir "$T/a place"
cp "$BIN" "$T/a place/interagent"
other "another program in a path with a blank" "{\"mcpServers\":{\"interagent\":{\"command\":\"$T/a place/interagent\"}}}" \
	"$T/a place/interagent, which is another program"
cp "$BIN" "$T/clients/interagent"
other "another program" "{\"mcpServers\":{\"interagent\":{\"command\":\"$T/clients/interagent\"}}}" \
	"$T/clients/interagent, which is another program"
rm "$T/clients/interagent"
other "a program that is gone" '{"mcpServers":{"interagent":{"command":"/old/interagent","args":["serve"]}}}' \
	"/old/interagent, which is no program"
other "an entry of our name without a program" '{"mcpServers":{"interagent":{}}}' "another program"
other "a server on another machine" '{"mcpServers":{"interagent":{"command":"ssh","args":["hub"]}}}' "another program"

# Only the client's list of servers counts, in it only what each runs, and no comment does.
# is_seen CLIENT FILE TEXT WANTED: what setup says of the client whose file says that.
is_seen() {
	fresh
	mkdir -p "$HOME/$(dirname "$2")"
	printf '%s\n' "$3" >"$HOME/$2"
	client=$1
	setup --json
	i=0
	while [ "$(at $i client <"$T/said")" != "$client" ]; do i=$((i + 1)); done
	is "$client, $(printf '%s' "$3" | tr -s '\n\t' ' ' | cut -c 1-70)" "$(at $i is <"$T/said" | sed 's/, no hooks//')" "$4"
}
none='not connected' ours=connected off='connected, but switched off'
is_seen gemini .gemini/settings.json '{"mcp":{"allowed":["interagent"]}}' "$none"
is_seen gemini .gemini/settings.json "{\"mcpServers\":{
	// \"interagent\":{\"command\":\"$BIN\"}
	}}" "$none"
is_seen gemini .gemini/settings.json "{/* interagent */ \"mcpServers\":{\"interagent\": // ours
	{\"command\":\"$BIN\",},},}" "$ours"
is_seen gemini .gemini/settings.json \
	"{\"mcp\":{\"excluded\":[\"interagent\"]},\"mcpServers\":{\"interagent\":{\"command\":\"$BIN\"}}}" "$off"
is_seen cline .cline/data/settings/cline_mcp_settings.json "{\"mcpServers\":{\"interagent\":{
	\"transport\":{\"type\":\"stdio\",\"command\":\"$BIN\",\"args\":[\"serve\"]}}}}" "$ours"
is_seen codex .codex/config.toml '# [mcp_servers.interagent]' "$none"
is_seen codex .codex/config.toml "[profiles.interagent]
command = \"$BIN\"" "$none"
is_seen codex .codex/config.toml "notify = [\"$BIN\", \"hook\"]" "$none"
is_seen codex .codex/config.toml '[projects."/gone/interagent"]
trust_level = "trusted"' "$none"
is_seen codex .codex/config.toml "[mcp_servers.other]
command = \"x\"
[mcp_servers.other.env]
NOTE = \"$BIN\"" "$none"
is_seen codex .codex/config.toml "[mcp_servers.\"interagent\"] # ours
command = \"$BIN\"
enabled = true
[mcp_servers.other]
enabled = false" "$ours"
is_seen codex .codex/config.toml "[mcp_servers.interagent]
command = \"$BIN\"
enabled = false" "$off"
is_seen codex .codex/config.toml "$(printf '\357\273\277')[mcp_servers.mail]
command = '$BIN'" "$ours"
is_seen codex .codex/config.toml "[mcp_servers]
other = { command = \"x\" }
interagent = { command = \"$BIN\", args = [\"serve\"] }" "$ours"
is_seen codex .codex/config.toml "[ mcp_servers.interagent ]
\"command\" = \"$BIN\"" "$ours"
is_seen codex .codex/config.toml "[mcp_servers.interagent]
command = \"env\"
args = [\"INTERAGENT_NAME=api\", \"$BIN\", \"serve\"]" "$ours"
is_seen codex .codex/config.toml "[mcp_servers.other]
command = \"env\"
args = [\"$BIN\"]" "$none"
is_seen codex .codex/config.toml "mcp_servers.interagent.command = \"$BIN\"" "$ours"
is_seen codex .codex/config.toml "mcp_servers = { interagent = { command = \"$BIN\" } }" "$ours"
is_seen cursor .cursor/mcp.json "{\"mcpServers\":{\"interagent\":{
	\"command\":\"env\",\"args\":[\"INTERAGENT_NAME=api\",\"$BIN\",\"serve\"]}}}" "$ours"
is_seen cursor .cursor/mcp.json \
	'{"mcpServers":{"interagent":{"command":"ssh","args":["hub","/home/x/interagent"]}}}' \
	'connected to another program'
is_seen codex .codex/config.toml "[mcp_servers_of_old.interagent]
command = \"$BIN\"" "$none"
is_seen goose .config/goose/config.yaml '# to add: interagent' "$none"
is_seen goose .config/goose/config.yaml "extensions:
  other:
    enabled: false
  interagent: # ours
    cmd: $BIN
    enabled: true" "$ours"
is_seen goose .config/goose/config.yaml "extensions:
  interagent:
    enabled: false
    cmd: $BIN
    name: interagent
more:
  enabled: true" "$off"
is_seen goose .config/goose/config.yaml "extensions:
  interagent:
    cmd: ssh" 'connected to another program'
mkdir "$T/with a blank"
ln -s "$BIN" "$T/with a blank/interagent"
is_seen goose .config/goose/config.yaml "extensions:
  interagent:
    cmd: $T/with a blank/interagent" "$ours"
is_seen continue .continue/config.yaml 'docs:
  - startUrl: https://x/interagent' "$none"
is_seen continue .continue/config.yaml "mcpServers:
  - command: env
    args: [INTERAGENT_NAME=api, \"$BIN\", serve]
    name: interagent" "$ours"
is_seen continue .continue/config.yaml "mcpServers:
- name: other
  command: x
- command: '$BIN'
  name: interagent" "$ours"
is_seen continue .continue/config.yaml "mcpServers:
  - {name: other, command: x}
  - {name: interagent, command: \"$BIN\"}" "$ours"
is_seen cursor .cursor/mcp.json "{\"mcpServers\":{\"foo\":{\"command\":\"x\",\"description\":\"talks to interagent\",
	\"cwd\":\"$BIN\",\"env\":{\"NOTE\":\"/home/x/src/interagent\"}}}}" "$none"
is_seen claude .claude.json "{\"projects\":{\"/x\":{\"mcpServers\":{\"interagent\":{\"command\":\"$BIN\"}},
	\"deep\":$(awk 'BEGIN { for (i = 0; i < 99; i++) printf "["; for (i = 0; i < 99; i++) printf "]" }')}}}" "$none, settings not read"
is_seen cline .cline/data/settings/cline_mcp_settings.json \
	"{\"mcpServers\":{\"interagent\":{\"disabled\":true,\"command\":\"$BIN\"}}}" "$off"
for file in opencode.json opencode.jsonc; do
	is_seen opencode .config/opencode/$file \
		"{\"mcp\":{\"interagent\":{\"type\":\"local\",\"command\":[\"$BIN\",\"serve\"],\"enabled\":false}}}" "$off"
	setup opencode
	is "... which setting up says too" "$status $(head -n 1 "$T/said")" \
		"1 opencode has the server, but switched off, in $HOME/.config/opencode/$file: switch it on there."
	is_seen opencode .config/opencode/$file "{\"mcp\":{\"servers\":{\"interagent\":{\"command\":[\"$BIN\"]}}}}" "$ours"
done
is_seen opencode .config/opencode/opencode.jsonc '{}' "$none"
setup opencode
like "... the lines go into the file that is there" "$(cat "$T/said")" "add to $HOME/.config/opencode/opencode.jsonc:\$"

fresh
CLAUDE_CONFIG_DIR=$HOME/config
export CLAUDE_CONFIG_DIR
mkdir "$CLAUDE_CONFIG_DIR"
echo "{\"mcpServers\":{\"interagent\":{\"command\":\"$BIN\"}}}" >"$CLAUDE_CONFIG_DIR/.claude.json"
setup claude
is "a directory of its own for settings has its own .claude.json" "$(ran)" ""
ok "... and its own hooks" test -e "$CLAUDE_CONFIG_DIR/skills/interagent/hooks/hooks.json"
unset CLAUDE_CONFIG_DIR
fresh
mkdir "$HOME/dotfiles"
printf '[mcp_servers.interagent]\ncommand = "%s"\n' "$BIN" >"$HOME/dotfiles/config.toml"
mkdir "$HOME/.codex"
ln -s ../dotfiles/config.toml "$HOME/.codex/config.toml"
setup codex
is "settings that are a link are read" "$(ran)" ""
fresh
mkdir -p "$HOME/.codex" "$T/project/interagent"
printf '[projects."%s"]\ntrust_level = "trusted"\n' "$T/project/interagent" >"$HOME/.codex/config.toml"
setup codex
is "a trusted directory of our name is no server" "$(ran)" "codex mcp add interagent -- $BIN serve"

# A file that is not JSON any more is said to be that.
torn='not connected, settings not read'
is_seen claude .claude.json '{"mcpServers": {' "$torn"
is_seen gemini .gemini/settings.json '{"mcpServers": {}}}' "$torn"
is_seen opencode .config/opencode/opencode.jsonc '{"mcp": {"interagent" {}}}' "$torn"
is_seen cursor .cursor/mcp.json '{"mcpServers": {"interagent" 7' "$torn"
for option in --dry-run --undo; do
	setup cursor $option
	like "... which setup cursor $option says too" "$(head -n 1 "$T/said")" \
		"^$HOME/.cursor/mcp.json cannot be read: a colon is missing; mend it first\$"
done
rm "$HOME/.cursor/mcp.json"
mkdir "$HOME/.cursor/mcp.json"
setup cursor
like "... nor is a directory settings" "$(head -n 1 "$T/said")" \
	"^$HOME/.cursor/mcp.json cannot be read: it is not a file that you may read; mend it first\$"
is_seen cursor .cursor/mcp.json ' ' "$none"

# Neither what a client's file says nor a path acts on the terminal.
fresh
escape=$(printf '\033[31m')
mkdir -p "$HOME/.codex" "$T/x$escape" "$HOME/y$escape"
cp "$BIN" "$T/x$escape/interagent"
printf '[mcp_servers.x]\ncommand = "/tmp/\033]0;title\007/interagent"\n' >"$HOME/.codex/config.toml"
for words in setup "setup opencode" doctor; do
	export PATH="$T/x$escape:$PATH" XDG_CONFIG_HOME="$HOME/y$escape"
	for program in "$BIN" "$T/x$escape/interagent"; do
		# shellcheck disable=SC2086
		"$program" $words >"$T/shown" 2>&1
		no "$words: nothing in it acts on a terminal" grep -q "$(printf '[\033\007]')" "$T/shown"
		ok "... it is shown in letters" grep -q -e 'u00[01]' -e 'U+001B' "$T/shown"
	done
	unset XDG_CONFIG_HOME
	PATH=${PATH#*:} program=
done

section "What version 1.0 wrote"
# It brought the server in the directory; now the client's own command does.

fresh
mkdir -p "$plugin/.claude-plugin" "$plugin/hooks"
for path in /opt/interagent "$BIN"; do
	printf \
		'{\n  "mcpServers": {\n    "interagent": {\n      "command": "%s",\n      "args": ["serve"]\n    }\n  }\n}\n' \
			"$path" >"$plugin/.mcp.json"
	setup claude --undo
	setup claude
done
sed 's/"version": "[0-9.]*"/"version": "1.0.0"/' "$plugin/.claude-plugin/plugin.json" >"$T/plugin.json"
awk '/"Notification"/ { skip = 12 } skip-- > 0 { next } { print }' "$plugin/hooks/hooks.json" >"$T/hooks.json"
ok "its hooks are JSON" at -check <"$T/hooks.json"
is "... without what is new" "$(at hooks <"$T/hooks.json" | at -keys | paste -s -d ' ' -)" \
	"SessionStart UserPromptSubmit PostToolBatch Stop FileChanged"
cp "$T/plugin.json" "$plugin/.claude-plugin/plugin.json"
sed "s|$BIN|/opt/old/interagent|" "$T/hooks.json" >"$plugin/hooks/hooks.json"
printf \
	'{\n  "mcpServers": {\n    "interagent": {\n      "command": "/opt/old/interagent",\n      "args": ["serve"]\n    }\n  }\n}\n' >"$plugin/.mcp.json"
setup claude
is "it is brought up to date" "$status $(at hooks Notification 0 hooks 0 command <"$plugin/hooks/hooks.json")" \
	"0 $BIN"
no "... and its server goes" test -e "$plugin/.mcp.json"
unlike "... and nothing is foreign in it" "$(cat "$T/said")" 'left as it is'
setup claude --undo
is "... and all of it can be undone" "$(find "$HOME" -type f)" ""

section "Each client"
# row NAME TITLE ADD... : the command that adds the server, and the one that removes
# it, with the program's path in the place of PROGRAM.

odd_program=$odd
row() {
	name=$1 title=$2 add=$3 remove=$4
	for program in "$BIN" "$odd_program"; do
		fresh
		tree "$HOME" >"$T/before"
		line=${add%PROGRAM*}$program${add#*PROGRAM}
		case $program in *" "*) kind="$name, at an odd path" ;; *) kind=$name ;; esac
		setup "$name" --dry-run
		is "$kind: a dry run runs nothing" "$status $(ran)" "0 "
		like "... and says what it would" "$(cat "$T/said")" "^would run: $name mcp add "
		as_it_was "... and writes nothing"
		setup "$name"
		is "... setting up runs the client's command" "$status $(ran)" "0 $line"
		setup "$name"
		is "... once" "$status $(ran)" "0 "
		like "... because it is there" "$(cat "$T/said")" "^$title has the server already"
		setup "$name" --undo --dry-run
		is "... a dry run of undoing runs nothing" "$status $(ran)" "0 "
		setup "$name" --undo
		is "... undoing runs the client's command" "$status $(ran)" "0 $remove"
		setup "$name" --undo
		is "... once, too" "$status $(ran)" "0 "
	done
	program=
	fresh
	(PATH=$T/nowhere exec "$BIN" setup "$name") >"$T/said" 2>&1
	is "$name: where it is not on PATH setting up fails" "$?" 1
	like "... and says the command" "$(cat "$T/said")" \
		"^$name is not on PATH; where it is, run: $(echo "$add" | sed "s|PROGRAM|$word|")\$"
	(STAND_IN_STATUS=3 exec "$BIN" setup "$name") >"$T/said" 2>/dev/null
	is "... where the client fails, so does it" "$?" 1
	like "... and says so" "$(cat "$T/said")" "^this failed: $name mcp add "
}
row codex Codex "codex mcp add interagent -- PROGRAM serve" "codex mcp remove interagent"
row qwen "Qwen Code" "qwen mcp add -s user --trust interagent PROGRAM serve" "qwen mcp remove -s user interagent"
row copilot "Copilot CLI" "copilot mcp add interagent -- PROGRAM serve" "copilot mcp remove interagent"
row cline Cline "cline mcp add --yes interagent -- PROGRAM serve" "cline mcp remove interagent"
row amp Amp "amp mcp add interagent -- PROGRAM serve" "amp mcp remove interagent"
row auggie Auggie "auggie mcp add interagent --command PROGRAM --args serve" "auggie mcp remove interagent"

# block WORD FILE: the lines that setup shows under a line that begins with WORD,
# pasted into the file that the line names; $pasted is its name.
block() {
	pasted=$(sed -n "s/^$1.*, add to \\(.*\\):\$/\\1/p" "$T/said")
	mkdir -p "$(dirname "$pasted")"
	awk -v word="$1" 'inside && /^[A-Z]/ { inside = 0 } inside { print } index($0, word) == 1 { inside = 1 }' \
		"$T/said" >"$pasted"
}

# by_hand NAME TITLE FILE: the lines are shown, and once they are in FILE all is well.
by_hand() {
	name=$1 title=$2
	for program in "$BIN" "$odd_program"; do
		fresh
		tree "$HOME" >"$T/before"
		case $program in *" "*) kind="$name, at an odd path" ;; *) kind=$name ;; esac
		setup "$name"
		is "$kind: setting up runs nothing" "$status $(ran)" "0 "
		as_it_was "... and writes nothing"
		cp "$T/said" "$T/first"
		setup "$name" --dry-run
		is "... like a dry run" "$(cat "$T/said")" "$(cat "$T/first")"
		block "To connect it"
		is "... it names the file" "$pasted" "$HOME/$3"
		case $3 in *.json) ok "... whose lines are JSON" at -check <"$pasted" ;; esac
		tree "$HOME" >"$T/before"
		setup "$name"
		like "... once they are there it is content" "$(cat "$T/said")" "^$title has the server already"
		setup "$name" --undo
		like "... and undoing names the file" "$(cat "$T/said")" "^$HOME/$3 is yours: take the lines"
		as_it_was "... which is left as it was"
	done
	program=
}
by_hand gemini "Gemini CLI" .gemini/settings.json
by_hand opencode opencode .config/opencode/opencode.json
by_hand kilo "Kilo Code" .config/kilo/kilo.json
by_hand kimi "Kimi Code" .kimi-code/mcp.json
by_hand continue Continue .continue/config.yaml
by_hand cursor Cursor .cursor/mcp.json
by_hand goose goose .config/goose/config.yaml
fresh
(XDG_CONFIG_HOME=$HOME/xdg exec "$BIN" setup opencode) >"$T/said"
like "XDG_CONFIG_HOME is heeded" "$(cat "$T/said")" "^To connect it, add to $HOME/xdg/opencode/opencode.json:\$"
setup pi
is "pi, which speaks no MCP, is told so" "$status $(ran)" "0 "
like "... with what to do" "$(cat "$T/said")" 'no MCP'

# hooked NAME FILE: its hooks are shown; pasted, they run this program.
hooked() {
	name=$1
	for program in "$BIN" "$odd_program"; do
		fresh
		case $program in *" "*) kind="$name, at an odd path" ;; *) kind=$name ;; esac
		setup "$name"
		block "For hooks"
		is "$kind: its hooks go to their file" "$pasted" "$HOME/$2"
		case $2 in
		*.json)
			ok "... and are JSON" at -check <"$pasted"
			hook=$(at hooks Stop 0 hooks 0 command <"$pasted" 2>/dev/null) ||
				hook=$(at hooks Stop 0 command <"$pasted" 2>/dev/null) ||
				hook=$(at hooks AfterAgent 0 hooks 0 command <"$pasted")
			is "... whose command runs" "$(echo '{"hook_event_name":"Stop"}' | sh -c "$hook" 2>&1; echo "$?")" 0
			;;
		esac
		cp "$pasted" "$T/pasted"
		setup "$name"
		unlike "... and are not shown again" "$(cat "$T/said")" '^For hooks'
		cp "$T/pasted" "$pasted"
		setup "$name" --undo
		like "... and undoing names the file" "$(cat "$T/said")" "^$HOME/$2 is yours"
	done
	program=
}
hooked codex .codex/hooks.json
hooked gemini .gemini/settings.json
hooked qwen .qwen/settings.json
hooked copilot .copilot/settings.json
hooked kimi .kimi-code/config.toml

# A shell runs the hooks: whatever it takes for this program is this program.
fresh
mkdir -p "$HOME/bin" "$HOME/.codex"
ln -s "$BIN" "$HOME/bin/interagent"
while IFS= read -r hook; do
	printf '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"%s"}]}]}}\n' "$hook" >"$HOME/.codex/hooks.json"
	setup
	like "the hook $hook is ours" "$(cat "$T/said")" '^Codex: not connected, with hooks\. '
done <<END
~/bin/interagent hook
\$HOME/bin/interagent hook
\\"\$HOME/bin/interagent\\" hook
\\"$HOME/bin/interagent\\" hook
'$HOME/bin/interagent' hook
exec $HOME/bin/interagent hook || true
END
for hook in "~""/other/interagent hook" "echo $HOME/bin/interagent"; do
	printf '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"%s"}]}]}}\n' "$hook" >"$HOME/.codex/hooks.json"
	setup
	unlike "... but not $hook" "$(cat "$T/said")" '^Codex: not connected, with hooks'
done

section "Permissions"
# What keeps a client from asking before each tool is said, and never done.

fresh
mkdir "$HOME/.claude"
echo '{}' >"$HOME/.claude/settings.json"
setup claude
block "To let it use the tools unasked"
is "they belong in the settings" "$pasted" "$HOME/.claude/settings.json"
is "... as one line for all tools" "$(at permissions allow <"$pasted" | at -wire)" '["mcp__interagent"]'
setup claude
unlike "... and are not shown again" "$(cat "$T/said")" '^To let it'

for permissions in '{"deny":["mcp__interagent"]}' '{"allow":["Bash"],"ask":["mcp__interagent"]}' '{"allow":"mcp__interagent"}'; do
	printf '{"permissions":%s}' "$permissions" >"$HOME/.claude/settings.json"
	setup claude
	like "... but are with $permissions" "$(cat "$T/said")" '^To let it use the tools unasked'
done

section "Without a client"

fresh
(PATH=$T/nowhere exec "$BIN" setup) >"$T/said" 2>"$T/complained"
is "where no client is, all are named" "$? $(cat "$T/said" "$T/complained")" \
	"0 Not found here: claude, codex, gemini, qwen, copilot, opencode, kilo, cline, kimi, continue, amp, auggie, cursor, goose, pi"
mkdir "$HOME/.cursor"
setup
is "it succeeds and runs nothing" "$status $(ran)" "0 "
like "a client on PATH is here" "$(cat "$T/said")" '^Codex: not connected, no hooks\. Next: interagent setup codex$'
like "a client with a directory is here" "$(cat "$T/said")" '^Cursor: not connected\. Next: interagent setup cursor$'
like "the others are named" "$(cat "$T/said")" '^Not found here: gemini, opencode'
setup claude
block "To let it use the tools unasked"
setup
like "one that has everything needs nothing" "$(cat "$T/said")" '^Claude Code: connected, with hooks$'
setup --json
for i in 0 1 2; do at $i client <"$T/said"; done >"$T/clients-said"
is "as JSON it is a list" "$(paste -s -d ' ' "$T/clients-said")" "claude codex qwen"
is "... with what is to be done" "$(at 1 is <"$T/said"), $(at 1 advice <"$T/said")" \
	"not connected, no hooks, interagent setup codex"
setup codex --json
is "a client's set-up is one document, with what there is then" "$(at client <"$T/said") $(at is <"$T/said")" \
	"codex connected, no hooks"
setup codex --undo --json
is "... and after an undo" "$(at client <"$T/said") $(at is <"$T/said")" "codex not connected, no hooks"

section "What cannot be done"

usage() {
	what=$1
	shift
	fresh
	setup "$@"
	is "$what is misuse" "$status $(cat "$T/said") $(grep -c '' "$T/complained")" "2  1"
	is "... and writes nothing" "$(find "$HOME" ! -path "$HOME")" ""
}
usage "an unknown client" emacs
usage "an unknown option" claude --force
usage "a word too much" claude again
for option in --undo --dry-run; do
	usage "$option without a client" $option
	is "... and says what it lacks" "$(cat "$T/complained")" "interagent: which client? interagent setup CLIENT $option; see interagent help setup"
done
# relative VARIABLE CLIENT: nothing is written below a place that no client reads.
relative() {
	fresh
	(cd "$HOME" && export "$1=~/x" && exec "$BIN" setup "$2") >"$T/said" 2>"$T/complained"
	is "$1 that is not absolute is refused" "$? $(cat "$T/said" "$T/complained")" \
		"1 interagent: $1: \"~/x\" is not an absolute path; \"~\" is not expanded here"
	is "... and nothing is written" "$(find "$HOME" ! -path "$HOME")" ""
}
relative CLAUDE_CONFIG_DIR claude
relative CODEX_HOME codex
relative XDG_CONFIG_HOME opencode
relative HOME claude
(unset HOME && exec "$BIN" setup claude --dry-run) >"$T/said" 2>"$T/complained"
is "without a home nothing is set up" "$(test "$?" -ne 0 && echo refused) $(cat "$T/said")" "refused "
fresh
mkdir "$HOME/.claude"
echo 'no directory' >"$HOME/.claude/skills"
setup claude
is "where it cannot write it fails" "$status" 1
like "... and says where" "$(cat "$T/said" "$T/complained")" "$HOME/.claude/skills"
unlike "... and promises nothing" "$(cat "$T/said")" 'next start'
is "... and has touched nothing" "$(find "$HOME" -type f ! -name .claude.json) $(cat "$HOME/.claude/skills")" \
	"$HOME/.claude/skills no directory"

section "The doctor"
# A line for each thing that it looked at, and at the end what to do.

doctor() { (cd "${1:-/}" && exec env PATH="${2:-/usr/bin:/bin}" "${program:-$BIN}" doctor) >"$T/said" \
	2>"$T/complained"; }
says() { like "$1" "$(cat "$T/said")" "$2"; }
advises() { like "$1" "$(sed '1,/^What to do:/d' "$T/said")" "$2"; }
fresh
mkdir "$T/web"
doctor
says "the doctor names the program" "^program: $BIN, interagent [0-9]"
says "... the system that it runs on" "^system: $(uname -s) $(uname -r) $(uname -m)\$"
says "... and what is set, but not to what" '^set: INTERAGENT_DIR[A-Z_, ]*$'
says "... and that PATH has none" '^PATH: interagent is not on it$'
advises "... with what to do" "^  add ${BIN%/*} to PATH"
unlike "... and nothing of clients that are not here" "$(cat "$T/said")" '^Claude Code:'
says "... and that this is nobody's directory" '^this directory: nobody '
says "... and as whom a command would speak" '^speaker: nobody: '
says "... that there is no store yet" "^store: $INTERAGENT_DIR is not there yet"
unlike "... in which something could be damaged" "$(cat "$T/said")" '^mail: ' '^new mail: '
is "... and complains of nothing" "$(cat "$T/complained")" ""
doctor / "$T/bin:/usr/bin:/bin"
unlike "a PATH that leads to this program is no matter" "$(cat "$T/said")" '^PATH:'
doctor / "${odd%/*}:$T/bin:/usr/bin:/bin"
is "... one that leads to another is" "$(grep '^PATH:' "$T/said")" "PATH: interagent is $odd, another one"

with=$T/clients:$T/bin:/usr/bin:/bin
doctor / "$with"
says "a client that is here is looked at" '^Claude Code: not connected, no hooks$'
advises "... with the one command for it" '^  interagent setup claude$'
is "... each once" "$(grep -c '^  interagent setup ' "$T/said") $(grep -c '^  interagent setup claude$' "$T/said")" \
	"7 1"
setup claude
doctor / "$with"
says "set up, it is connected" '^Claude Code: connected, with hooks, asks before each tool$'
setup claude
block "To let it use the tools unasked"
doctor / "$with"
says "... and asks no more once that is pasted" '^Claude Code: connected, with hooks$'
unlike "... so nothing is left to do" "$(cat "$T/said")" '^  interagent setup claude'
echo ' ' >>"$plugin/hooks/hooks.json"
doctor / "$with"
says "hooks that are not current are seen" '^Claude Code: connected, hooks of another program or version$'
rm "$plugin/hooks/hooks.json"
doctor / "$with"
says "... or not whole" '^Claude Code: connected, hooks of another program or version$'
setup claude
program=$odd
doctor / "$with"
says "... or another program's" "^Claude Code: connected to $BIN, which is another program, hooks of another"
advises "... with what to do" '^  claude mcp remove -s user interagent; then interagent setup claude$'
program=
mv "$HOME/.claude.json" "$T/claude.json"
sed "s|$BIN|/gone/interagent|" "$T/claude.json" >"$HOME/.claude.json"
doctor / "$with"
says "a program that is gone is seen" '^Claude Code: connected to /gone/interagent, which is no program'
"$HELPERS/tty" "$BIN" register_agent --name web --workspace-path "$T/web" --description test >"$T/out" 2>&1 </dev/null
(cd "$T/web" && call 1 register_agent '{"name":"web","description":"test"}' | "$BIN" serve) >"$T/out" 2>&1
mkdir -p "$T/web/src" "$T/web/lib/.git"
for place in web web/src; do
	doctor "$T/$place"
	says "in $place it names the agent, and whether it runs" '^this directory: the workspace of web (.*)$'
done
doctor "$T/web/lib"
says "in another repository it names none" '^this directory: nobody '
(cd "$T/web" && CLAUDECODE=1 "$BIN" doctor) >"$T/said"
says "in an agent's shell it says which variable makes it one" '^speaker: web: .*'
"$BIN" send_message --from web --to web --subject s --content c >"$T/out"
doctor
says "it says how new mail is noticed" '^new mail: is '
"$BIN" doctor --json >"$T/said"
is "as JSON it is one document" "$(at examined 0 about <"$T/said")" mail
is "... whose parts have advice or none" "$(at examined 0 advice <"$T/said")" ""
is "where all is well it succeeds" "$(status_of "$BIN" doctor)" 0
chmod 777 "$INTERAGENT_DIR"
is "a store that others can write fails it" "$(status_of "$BIN" doctor)" 1
cp "$T/out" "$T/said"
says "... and is named" 'can be written by other users$'
advises "... with what to do" "^  chmod go-w "
chmod 700 "$INTERAGENT_DIR"
is "without a place for the mail it fails" "$(status_of env -u HOME -u INTERAGENT_DIR "$BIN" doctor)" 1
like "... and says so" "$(cat "$T/out")" '^mail: no place for it'

PATH=$plain_path
done_testing
