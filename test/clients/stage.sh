# stage.sh: what a whole agent is given to play its part: a fresh home and repository, a
# model on the loopback, and no way to the network. After test.sh and clients.sh:
#
#   fresh                   a home and a repository with nothing in them, and the agent peer
#   raise_curtain           a model begins to play $T/play (see model.mjs); its address is $model
#   drop_curtain            ... and ends
#   shown WORD CLIENT       what setup shows below the line that begins so
#   merge FILE JSON...      one document of all, as a person would merge them by hand
#   run SECONDS COMMAND...  in the repository: $status, and what it says in $said
#   connect CLIENT          sets a client of agents.list up, with its hooks
#   act SECONDS CLIENT PROMPT     one run of it
#
# $say is a command line, in a string of JSON, that sends "me" mail; a subject follows.
#
# shellcheck shell=sh disable=SC2016,SC2034,SC2317,SC2329
HTTPS_PROXY=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
NO_PROXY=127.0.0.1,localhost no_proxy=127.0.0.1,localhost
CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1 GEMINI_CLI_TRUST_WORKSPACE=true COPILOT_OFFLINE=true
OPENCODE_DISABLE_MODELS_FETCH=1 OPENCODE_DISABLE_AUTOUPDATE=1
export HTTPS_PROXY HTTP_PROXY ALL_PROXY NO_PROXY no_proxy CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC DISABLE_AUTOUPDATER \
	GEMINI_CLI_TRUST_WORKSPACE COPILOT_OFFLINE OPENCODE_DISABLE_MODELS_FETCH OPENCODE_DISABLE_AUTOUPDATE
unset http_proxy https_proxy all_proxy INTERAGENT_DIR
unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL OPENAI_API_KEY OPENAI_BASE_URL GEMINI_API_KEY GOOGLE_API_KEY
here=$PWD
mkdir "$T/bin" "$T/peer"
cp "$BIN" "$T/bin/interagent"
program=$T/bin/interagent

# fresh: a home and a repository with nothing in them, and another agent to write to.
fresh() {
	rm -rf "$HOME" "$T/work"
	mkdir "$HOME" "$T/work"
	(cd "$T/work" && git init -q) 2>/dev/null
	(cd "$T/peer" && call 1 register_agent '{"name":"peer","description":"another agent"}' | "$program" serve) >"$T/out"
}

raise_curtain() {
	rm -f "$T/log" "$T/in" "$T/port"
	mkfifo "$T/in"
	node "$here/test/clients/model.mjs" "$T/play" "$T/log" <"$T/in" >"$T/port" 2>"$T/model-said" &
	stage=$!
	exec 4>"$T/in"
	wait_for test -s "$T/port"
	model=http://127.0.0.1:$(cat "$T/port")
}

drop_curtain() {
	exec 4>&-
	wait "$stage" 2>/dev/null
}

# What setup shows for a file, under the line that begins so.
shown() { "$program" setup "$2" 2>"$T/err" | awk -v word="$1" 'inside && /^[A-Z]/ { inside = 0 } inside { print } index($0, word) == 1 { inside = 1 }'; }

# merge FILE JSON...: one document of all, as a person would merge them by hand.
merge() {
	mkdir -p "$(dirname "$1")"
	node -e '
		const fs = require("fs"), [file, ...texts] = process.argv.slice(1);
		const into = (a, b) => { for (const k in b) a[k] = a[k] && typeof b[k] === "object" && !Array.isArray(b[k]) ? into(a[k], b[k]) : b[k]; return a; };
		const old = fs.existsSync(file) ? [JSON.parse(fs.readFileSync(file))] : [];
		fs.writeFileSync(file, JSON.stringify([...old, ...texts.map((t) => JSON.parse(t))].reduce(into, {})));
	' "$@"
}

in_work() { cd "$T/work" && exec "$@" <"$T/nothing"; }
: >"$T/nothing"

# run SECONDS PROGRAM ARGUMENT...: what it says is in $said.
run() {
	seconds=$1
	shift
	limited "$seconds" in_work "$@" >"$T/said" 2>&1
	status=$?
	said=$(cat "$T/said")
}

say="\"$HELPERS/tty\" \"$program\" send me --from peer --subject"
say=$(printf %s "$say" | sed 's/"/\\"/g')

# Each as README.md says, and with what makes it ask nobody.
connect() {
	case $1 in
	claude | codex | qwen | copilot) run 60 "$program" setup "$1" ;;
	esac
	case $1 in
	claude) merge "$HOME/.claude/settings.json" "$(shown "To let" claude)" ;;
	codex) shown "For hooks" codex >"$HOME/.codex/hooks.json" ;;
	gemini) merge "$HOME/.gemini/settings.json" "$(shown "To connect" gemini)" "$(shown "For hooks" gemini)" \
		'{"security":{"auth":{"selectedType":"gemini-api-key"}}}' ;;
	qwen) merge "$HOME/.qwen/settings.json" "$(shown "For hooks" qwen)" '{"security":{"auth":{"selectedType":"openai"}}}' ;;
	copilot) merge "$HOME/.copilot/settings.json" "$(shown "For hooks" copilot)" ;;
	esac
}

act() {
	seconds=$1 prompt=$3
	case $2 in
	claude) run "$seconds" env ANTHROPIC_BASE_URL="$model" ANTHROPIC_API_KEY=x claude -p "$prompt" --model claude-sonnet-4-5 ;;
	codex)
		printf '\n[model_providers.mock]\nname = "mock"\nbase_url = "%s/v1"\nwire_api = "responses"\nenv_key = "MOCK_KEY"\n' \
			"$model" >>"$HOME/.codex/config.toml"
		run "$seconds" env MOCK_KEY=x codex exec -c model_provider=mock -m mock --dangerously-bypass-approvals-and-sandbox \
			--dangerously-bypass-hook-trust "$prompt"
		;;
	gemini) run "$seconds" env GEMINI_API_KEY=x GOOGLE_GEMINI_BASE_URL="$model" gemini -m gemini-2.5-flash -p "$prompt" ;;
	qwen) run "$seconds" env OPENAI_API_KEY=x OPENAI_BASE_URL="$model/v1" OPENAI_MODEL=mock qwen -p "$prompt" ;;
	copilot)
		run "$seconds" env COPILOT_PROVIDER_TYPE=openai COPILOT_PROVIDER_BASE_URL="$model/v1" COPILOT_PROVIDER_API_KEY=x \
			COPILOT_MODEL=mock copilot --allow-tool=interagent -p "$prompt"
		;;
	esac
}
