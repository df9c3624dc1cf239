# Whole agents and what they make of our set-up: Claude Code, Codex, Gemini CLI.
# Each gets a fresh home, no login and no model; a proxy that is not there keeps
# them from the network.
# shellcheck disable=SC2317
. ./test/lib/test.sh
. ./test/clients/clients.sh

HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1
export HTTPS_PROXY HTTP_PROXY ALL_PROXY CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC DISABLE_AUTOUPDATER
unset http_proxy https_proxy all_proxy
mkdir "$T/bin"
cp "$BIN" "$T/bin/interagent"
program=$T/bin/interagent

# run SECONDS PROGRAM ARGUMENT...: what it says is in $said.
run() {
	seconds=$1 run=$CLIENTS/node_modules/.bin/$2
	shift 2
	limited "$seconds" in_work "$run" "$@" >"$T/said" 2>&1
	status=$?
	said=$(cat "$T/said")
}
in_work() { cd "$T/work" && exec "$@" <"$T/nothing"; }
: >"$T/nothing"

# starts PACKAGE PROGRAM: is it there, and does it start here?
starts() {
	package "$1" || return 1
	run 60 "$2" --version
	[ "$status" -ne 0 ] || return 0
	why="$2 does not start here: $(printf '%s\n' "$said" | grep . | head -n 1)"
	return 1
}

section "Claude Code"

if starts @anthropic-ai/claude-code claude; then
	ok "claude: setup writes a plugin" "$program" setup claude
	plugin=$HOME/.claude/skills/interagent
	run 60 claude plugin validate "$plugin"
	is "claude: ... which it finds valid" "$status" 0
	like "claude: ... with the hooks" "$said" 'hooks: FileChanged command .*/interagent \["hook"\]'
	like "claude: ... and the server" "$said" 'mcpServers: interagent stdio .*/interagent \["serve"\]'
	run 60 claude plugin list
	like "claude: ... and loads" "$said" 'loaded'
	run 60 claude mcp list
	like "claude: the plugin's server connects" "$said" 'plugin:interagent:interagent: .*Connected'
	run 60 claude mcp get plugin:interagent:interagent
	like "claude: ... and is shown as connected" "$said" 'Status: .*Connected'

	run 60 claude mcp add -s user interagent -- "$program"
	is "claude: the line of README.md is taken" "$status" 0
	ok "claude: setup does not add the server a second time" "$program" setup claude
	run 60 claude mcp list
	is "claude: ... so there is one" "$(printf '%s\n' "$said" | grep -c Connected)" 1
	like "claude: ... the user's" "$said" '^interagent: '
	run 60 claude mcp get interagent
	like "claude: ... of the user's scope" "$said" 'Scope: User'
	like "claude: ... connected" "$said" 'Status: .*Connected'
	ok "claude: setup --undo" "$program" setup claude --undo
	run 60 claude plugin list
	unlike "claude: ... leaves no plugin" "$said" interagent
else
	skip "Claude Code" "$why"
fi

section "Codex"

if starts @openai/codex codex; then
	CODEX_HOME=$HOME/.codex
	export CODEX_HOME
	mkdir "$CODEX_HOME"
	run 60 codex mcp add interagent -- "$program" serve
	is "codex: the line of README.md is taken" "$status" 0
	run 60 codex mcp list
	like "codex: ... and listed" "$said" '^interagent .*enabled'
	limited 90 in_work node "$PWD/test/clients/codex.mjs" "$CLIENTS/node_modules/.bin/codex" >"$T/codex" 2>"$T/err"
	judge "$T/codex" "codex: the app server calls a tool: $(head -c 500 "$T/err")"
	unset CODEX_HOME
else
	skip "Codex" "$why"
fi

section "Gemini CLI"

if starts @google/gemini-cli gemini; then
	run 60 gemini mcp add -s user interagent "$program" serve
	is "gemini: the server is added" "$status" 0
	mkdir -p "$HOME/.gemini"
	printf '{"mcpServers": {\n  "interagent": {"command": "%s", "args": ["serve"]}\n}}\n' "$program" >"$HOME/.gemini/settings.json"
	GEMINI_CLI_TRUST_WORKSPACE=true
	export GEMINI_CLI_TRUST_WORKSPACE
	run 90 gemini mcp list
	like "gemini: the lines of README.md connect it" "$said" 'interagent: .*Connected'
else
	skip "Gemini CLI" "$why"
fi
done_testing
