# stage.sh: what the tests with whole agents have in common, beside clients.sh. Nobody
# logs in, and a proxy that is not there keeps the clients from the network.
#
#   raise_curtain, drop_curtain  the model model.mjs, which plays $T/play; its address
#                                is in $model, what it saw is in $T/log
#   run SECONDS COMMAND...       in the directory $work: what it says is in $said, how
#                                it ends in $status
#   shown WORDS CLIENT           the lines that setup shows below those words
#   merge FILE JSON...           puts them into a file, as a person would
#   fresh                        a home and a repository with nothing in them
#   meet_peer                    another agent to write to, peer, is registered
#   talk_claude and so on        one turn of that client; "go on" is its prompt
#
# $say is a command line, in a string of JSON, that sends "me" mail from peer; a subject
# follows.
# $program is the program, in a place of its own.
# shellcheck shell=sh disable=SC2034,SC2317,SC2329
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
work=$T/work
say="\"$HELPERS/tty\" \"$program\" send me --from peer --subject"
say=$(printf %s "$say" | sed 's/"/\\"/g')

fresh() {
	rm -rf "$HOME" "$work"
	mkdir "$HOME" "$work"
	(cd "$work" && git init -q) 2>/dev/null
}

meet_peer() {
	(cd "$T/peer" && call 1 register_agent '{"name":"peer","description":"another agent"}' | "$program" serve) >"$T/out"
}

# The model, with its play; its address is in $model.
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

in_work() { cd "$work" && exec "$@" <"$T/nothing"; }
: >"$T/nothing"

# run SECONDS PROGRAM ARGUMENT...: what it says is in $said.
run() {
	seconds=$1
	shift
	limited "$seconds" in_work "$@" >"$T/said" 2>&1
	status=$?
	said=$(cat "$T/said")
}

# ---- One turn of a client, with the model that was raised ----

talk_claude() {
	run 120 env ANTHROPIC_BASE_URL="$model" ANTHROPIC_API_KEY=x claude -p "go on" --model claude-sonnet-4-5
}

# talk_codex [OPTION...]
talk_codex() {
	run 120 env MOCK_KEY=x codex exec "$@" -c model_provider=mock -c \
		"model_providers.mock={name='mock',base_url='$model/v1',wire_api='responses',env_key='MOCK_KEY'}" \
		--dangerously-bypass-hook-trust "go on"
}

talk_gemini() {
	run 120 env GEMINI_API_KEY=x GOOGLE_GEMINI_BASE_URL="$model" gemini -m gemini-2.5-flash -p "go on"
}

talk_qwen() {
	run 120 env OPENAI_API_KEY=x OPENAI_BASE_URL="$model/v1" OPENAI_MODEL=mock qwen -p "go on"
}

talk_copilot() {
	run 120 env COPILOT_PROVIDER_TYPE=openai COPILOT_PROVIDER_BASE_URL="$model/v1" COPILOT_PROVIDER_API_KEY=x \
		COPILOT_MODEL=mock copilot --allow-tool=interagent -p "go on"
}
