# Mail reaches whole agents as it comes: before a run, in a turn, urgently in a turn, and
# where the agent is idle. Each message stands in the conversation once. See stage.sh for
# how they are connected.
#
# shellcheck disable=SC2154,SC2317,SC2329
. ./test/lib/test.sh
. ./test/clients/clients.sh
. ./test/clients/stage.sh

# connect CLIENT: as README.md says, and with what makes it ask nobody.
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

# begin NAME: connected, registered in its repository, and one message waits.
begin() {
	fresh
	meet_peer
	(cd "$T/work" && call 1 register_agent '{"name":"me","description":"the client"}' | "$program" serve) >"$T/out"
	connect "$1"
	"$HELPERS/tty" "$program" send me --from peer --subject early 'a text' >"$T/out"
}

# news: the subjects in the last conversation; first SUBJECT: the request that had it first.
news() { tail -n 1 "$T/log" | at news; }
first() { awk -v word="$1" '$0 ~ "\"news\":\"[^\"]*" word { print NR; exit }' "$T/log"; }

hello='"tool":"send_message","args":{"to":"peer","subject":"hello","content":"x"}'
cat >"$T/headless" <<-END
	[{$hello},
	 {$hello,"before":"$say urgent 'a text' --urgent >/dev/null; sleep 2"},
	 {$hello,"before":"$say plain 'a text' >/dev/null; sleep 2"},
	 {"before":"$say last 'a text' --urgent >/dev/null; sleep 2"}]
END

for name in claude codex gemini qwen copilot; do
	section "$name, one run"
	if ! agent $name $name; then
		skip "$name" "$why"
		continue
	fi
	begin $name
	cp "$T/headless" "$T/play"
	raise_curtain
	case $name in
	codex) talk_codex -m mock --dangerously-bypass-approvals-and-sandbox ;;
	*) talk_$name ;;
	esac
	drop_curtain
	is "what waited, what came in a turn, what was urgent, and what came last: each told once" \
		"$(news)" "early last plain urgent"
	is "... the first at the start" "$(first early)" 1
	ok "... the urgent one within the turn: request $(first urgent)" test "$(first urgent)" -le 3
	ok "... the plain one at its end: request $(first plain)" test "$(first plain)" -ge 5
	[ "$failures" -eq 0 ] || sed 's/^/# /' "$T/log" "$T/model-said" | cut -c 1-400
done

section "claude, at a terminal"

# tmux_claude WORDS...: of our own tmux, on a socket in $T.
tmux_claude() { tmux -S "$T/tmux" "$@"; }
type_in() {
	tmux_claude send-keys -l "$1"
	sleep 0.5                # in one go with the words it would be a pasted line
	tmux_claude send-keys Enter
}
shows() { tmux_claude capture-pane -p | grep -q -e "$1"; }
patiently() { wait_for "$@" || wait_for "$@" || wait_for "$@"; }
requests() { [ "$(grep -c . "$T/log")" -ge "$1" ]; }
has_news() { news | grep -q -w "$1"; }
idle() { [ "$(grep -c . "$T/log")" = "$(sleep 2; grep -c . "$T/log")" ]; }

if ! command -v tmux >"$T/out"; then
	skip "claude at a terminal" "no tmux"
elif ! agent claude claude; then
	skip "claude at a terminal" "$why"
else
	begin claude
	cat >"$T/play" <<-END
		[{$hello}, {}, {},
		 {$hello,"before":"$say urgent 'a text' --urgent >/dev/null; sleep 2"},
		 {$hello,"before":"$say plain 'a text' >/dev/null; sleep 2"}]
	END
	raise_curtain
	merge "$HOME/.claude.json" '{"hasCompletedOnboarding":true,"theme":"dark"}' \
		'{"customApiKeyResponses":{"approved":["key-0123456789abcdef"]}}' \
		"{\"projects\":{\"$T/work\":{\"hasTrustDialogAccepted\":true}}}"
	ANTHROPIC_BASE_URL=$model ANTHROPIC_API_KEY=test-key-0123456789abcdef \
		tmux_claude -f /dev/null new-session -d -x 150 -y 50 -c "$T/work" 'exec timeout 150 claude --model claude-sonnet-4-5'
	patiently shows '❯'
	type_in "go on"
	ok "it works at a terminal" patiently requests 2
	patiently idle
	"$HELPERS/tty" "$program" send me --from peer --subject idle 'a text' >"$T/out"
	ok "mail wakes it where it is idle" patiently has_news idle
	patiently idle
	type_in "second"
	ok "what came in its turn is told" patiently has_news plain
	patiently idle
	type_in "third"
	now=$(grep -c . "$T/log")
	patiently requests $((now + 1))
	patiently idle
	is "... and each message once" "$(news)" "early idle plain urgent"
	[ "$failures" -eq 0 ] || { sed 's/^/# /' "$T/log" "$T/model-said" | cut -c 1-400; tmux_claude capture-pane -p | sed 's/^/# /'; }
	tmux_claude kill-server
	drop_curtain
fi
done_testing
