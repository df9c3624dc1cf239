# Whole agents, as npm has them. Each gets a fresh home, is connected as README.md
# says, and plays the same part: it registers, sends, finds a question, reads and
# answers it, waits for mail that comes meanwhile; and where it has hooks, it hears
# at the end of its turn of what came last. Its model is model.mjs, on the loopback.
#
# shellcheck disable=SC2016,SC2034,SC2317,SC2329
. ./test/lib/test.sh
. ./test/clients/clients.sh
. ./test/clients/stage.sh

# ---- The plays ----

# set_up CLIENT: by its own program, which is only named where nothing is to be done.
files() { (cd "$HOME" && find . -type f ! -path './.claude-interagent/*' -exec cksum {} + | sort); }
set_up() {
	before=$(files)
	run 60 "$program" setup "$1" --dry-run
	like "setup --dry-run says what it would do" "$said" "^would run: $1 "
	is "... and does nothing" "$(files)" "$before"
	run 60 "$program" setup "$1"
	is "setup" "$status" 0
	run 60 "$program" setup "$1"
	like "... a second time it says that it is there" "$said" ' has the server already'
}
take_back() {
	before=$(files)
	run 60 "$program" setup "$1" --undo --dry-run
	like "--undo --dry-run says what it would do" "$said" "^would run: $1 "
	is "... and does nothing" "$(files)" "$before"
	run 60 "$program" setup "$1" --undo
	is "--undo" "$status" 0
}

# The two plays, each with another agent to write to. In the first everything happens
# that mail is for.
life() {
	rm -rf "$HOME/.claude-interagent"
	meet_peer
	cat >"$T/play" <<-END
		[{"tool":"register_agent","args":{"name":"me","description":"the client under test"}},
		 {"tool":"send_message","args":{"to":"peer","subject":"hello","content":"from the client"}},
		 {"tool":"check_inbox","before":"$say question 'a text' >/dev/null"},
		 {"tool":"read_message","args":{"message_id":"\$ID"}},
		 {"tool":"reply_message","args":{"original_message_id":"\$ID","content":"an answer","mark_complete":true}},
		 {"tool":"check_inbox","args":{"wait_seconds":20},"during":"$say waking 'a text' >/dev/null"},
		 {"before":"$say parting 'a text' >/dev/null"}]
	END
	raise_curtain
}

# In the second, longer texts are looked at than a client shows whole; $T/long is one.
long_texts() {
	awk 'BEGIN { for (i = 1; i <= 1500; i++) printf "line %04d of a text that is longer than a page\n", i }' >"$T/long"
	i=0
	while [ $i -lt 45 ]; do
		i=$((i + 1))
		"$HELPERS/tty" "$program" send me --from peer --subject "number $i" x
	done >"$T/out"
	"$HELPERS/tty" "$program" send me --from peer --urgent --subject long --content - <"$T/long" >"$T/out"
	"$HELPERS/tty" "$program" publish_spec --from peer --name contract --content - <"$T/long" >"$T/out"
	cat >"$T/play" <<-END
		[{"tool":"check_inbox","pages":true},
		 {"tool":"check_inbox"},
		 {"tool":"read_message","args":{"message_id":"\$ID"},"pages":true},
		 {"tool":"get_spec","args":{"name":"contract"},"pages":true}]
	END
	raise_curtain
}

# ---- What must have happened ----

# step N: the result of the play's Nth call, as the model saw it.
step() { sed -n "$(($1 + 1))p" "$T/log" | at result; }
told() { sed -n "$(($1 + 1))p" "$T/log" | at told; }

# played TITLE [hooks]: the whole play, from the model's seat and from the store.
played() {
	like "$1: it registers" "$(step 1)" 'me is registered for'
	like "$1: it sends" "$(step 2)" ' stored; peer: '
	like "$1: it finds the question" "$(step 3)" 'from peer .*"question"'
	like "$1: it reads it" "$(step 4)" '^a text$'
	like "$1: it answers and completes it" "$(step 5)" 'is completed'
	like "$1: it waits, and is woken by mail" "$(step 6)" 'from peer .*"waking"'
	if [ "${2:-}" = hooks ]; then
		like "$1: its hook tells at the end of the turn" "$(told 7)" 'interagent: 1 unread for me: .*from peer'
	fi
	like "$1: the peer has its mail" "$("$HELPERS/tty" "$program" inbox --from peer)" 'from me .*"hello"'
	not_running() { ! "$program" agents | grep -q '^me: live'; }
	ok "$1: nothing is left running" wait_for not_running
	[ ! -s "$T/model-said" ] || sed 's/^/# /' "$T/model-said"
}

# shown_whole TITLE: nothing that the model was shown in the second play is cut.
results() { grep "^{\"step\":\"$1\"" "$T/log" | while IFS= read -r line; do printf '%s\n' "$line" | at result; done; }
shown_whole() {
	results read_message | grep '^line ' >"$T/seen"
	ok "$1: a long message is shown whole" cmp "$T/long" "$T/seen"
	results get_spec | grep '^line ' >"$T/seen"
	ok "$1: so is a long spec" cmp "$T/long" "$T/seen"
	is "$1: so is a list" "$(results check_inbox | sed -n 's/.*from peer .*"number \([0-9]*\)"$/\1/p' | sort -nu | wc -l)" 45
	is "$1: the model is shown the tools' full names" "$(tail -n 1 "$T/log" | at names | tr -cd 'a-z_,' | tr , '\n')" \
		"$(printf '%s\n' check_inbox escalate get_agent get_all_statuses get_spec get_status list_agents list_specs publish_spec \
			read_message register_agent reply_message send_message set_status)"
}

# instructed TITLE: the line of the instructions that must stand alone does.
instructed() { is "$1: the first line of the instructions is shown whole" "$(sed -n 1p "$T/log" | at instructed)" true; }

section "Claude Code"

if agent claude claude; then
	fresh
	set_up claude
	plugin=$HOME/.claude/skills/interagent
	run 60 claude plugin validate "$plugin"
	is "... which it finds valid" "$status" 0
	run 60 claude plugin list
	like "... and loads" "$said" 'loaded'
	run 60 claude mcp list
	is "... there is one server" "$(printf '%s\n' "$said" | grep -c Connected)" 1
	like "... the user's, and it connects" "$said" '^interagent: .*Connected'
	run 60 claude mcp add -s user interagent -- "$program" serve
	like "adding it by hand makes no second one" "$said" 'already exists'
	merge "$HOME/.claude/settings.json" "$(shown "To let" claude)"
	life
	talk_claude
	drop_curtain
	played "Claude Code" hooks
	long_texts
	talk_claude
	drop_curtain
	shown_whole "Claude Code"
	instructed "Claude Code"
	take_back claude
	run 60 claude mcp list
	unlike "undone, it has no server" "$said" interagent
	run 60 claude plugin list
	unlike "... and no plugin" "$said" interagent
else
	skip "Claude Code" "$why"
fi

section "Codex"
# With a model that it does not know it offers the tools themselves; in its usual way of
# work the model writes scripts that call them.

if agent codex codex; then
	fresh
	set_up codex
	run 60 codex mcp list
	like "... is listed" "$said" '^interagent .*enabled'
	shown "For hooks" codex >"$HOME/.codex/hooks.json"
	for way in "-m mock" ""; do
		life
		# shellcheck disable=SC2086
		talk_codex $way
		drop_curtain
		played "Codex${way:+ $way}" hooks
		long_texts
		# shellcheck disable=SC2086
		talk_codex $way
		drop_curtain
		shown_whole "Codex${way:+ $way}"
		instructed "Codex${way:+ $way}"
	done
	life
	limited 150 in_work env MOCK_KEY=x node "$here/test/clients/codex.mjs" codex "$model" >"$T/codex" 2>"$T/err"
	drop_curtain
	judge "$T/codex" "the app server calls a tool: $(head -c 500 "$T/err")"
	like "the app server's turn goes to its end" "$(step 6)" 'from peer .*"waking"'
	take_back codex
	run 60 codex mcp list
	unlike "undone, it has no server" "$said" '^interagent'
else
	skip "Codex" "$why"
fi

section "Gemini CLI"

if agent gemini gemini; then
	fresh
	merge "$HOME/.gemini/settings.json" "$(shown "To connect" gemini)" "$(shown "For hooks" gemini)" \
		'{"security":{"auth":{"selectedType":"gemini-api-key"}}}'
	run 90 gemini mcp list
	like "the lines of setup connect it" "$said" 'interagent: .*Connected'
	life
	talk_gemini
	drop_curtain
	played "Gemini CLI" hooks
	long_texts
	talk_gemini
	drop_curtain
	shown_whole "Gemini CLI"
	instructed "Gemini CLI"
else
	skip "Gemini CLI" "$why"
fi

section "Qwen Code"

if agent qwen qwen; then
	fresh
	set_up qwen
	merge "$HOME/.qwen/settings.json" "$(shown "For hooks" qwen)" '{"security":{"auth":{"selectedType":"openai"}}}'
	life
	talk_qwen
	drop_curtain
	played "Qwen Code" hooks
	long_texts
	talk_qwen
	drop_curtain
	shown_whole "Qwen Code"
	instructed "Qwen Code"
	take_back qwen
	unlike "undone, it has no server" "$(at mcpServers <"$HOME/.qwen/settings.json" 2>/dev/null)" interagent
else
	skip "Qwen Code" "$why"
fi

section "Copilot CLI"

if agent copilot copilot; then
	fresh
	set_up copilot
	merge "$HOME/.copilot/settings.json" "$(shown "For hooks" copilot)"
	life
	talk_copilot
	drop_curtain
	played "Copilot CLI" hooks
	long_texts
	talk_copilot
	drop_curtain
	shown_whole "Copilot CLI"
	take_back copilot
	unlike "undone, it has no server" "$(cat "$HOME/.copilot/mcp-config.json")" interagent
else
	skip "Copilot CLI" "$why"
fi

# Two of one family: their servers stand in a file of the same form.
for name in opencode kilo; do
	section "$name"
	if agent $name $name; then
		fresh
		life
		merge "$HOME/.config/$name/$name.json" "$(shown "To connect" $name)" \
			"{\"provider\":{\"mock\":{\"npm\":\"@ai-sdk/openai-compatible\",\"name\":\"mock\",
			\"options\":{\"baseURL\":\"$model/v1\",\"apiKey\":\"x\"},\"models\":{\"mock\":{\"name\":\"mock\",\"tool_call\":true}}}}}"
		run 120 $name run -m mock/mock "go on"
		drop_curtain
		played $name
	else
		skip "$name" "$why"
	fi
done

section "Cline"

if agent cline cline; then
	fresh
	set_up cline
	life
	run 60 cline auth -p openai -k x -m mock -b "$model/v1"
	run 120 cline --auto-approve true "go on"
	drop_curtain
	played Cline
	take_back cline
	unlike "undone, it has no server" "$(cat "$HOME/.cline/data/settings/cline_mcp_settings.json")" interagent
else
	skip "Cline" "$why"
fi

section "Continue"

if agent continue cn; then
	fresh
	life
	mkdir -p "$HOME/.continue"
	{
		printf 'name: test\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: mock\n    provider: openai\n    model: mock\n'
		printf '    apiBase: %s/v1\n    apiKey: x\n    roles: [chat]\n' "$model"
		shown "To connect" continue
	} >"$HOME/.continue/config.yaml"
	run 120 cn --config "$HOME/.continue/config.yaml" --auto -p "go on"
	drop_curtain
	played Continue
else
	skip "Continue" "$why"
fi

section "Kimi Code"

if agent kimi kimi; then
	fresh
	life
	merge "$HOME/.kimi-code/mcp.json" "$(shown "To connect" kimi)"
	{
		printf 'default_model = "mock"\n[providers.mock]\ntype = "openai"\nbase_url = "%s/v1"\napi_key = "x"\n' "$model"
		printf '[models.mock]\nprovider = "mock"\nmodel = "mock"\nmax_context_size = 100000\n'
	} >"$HOME/.kimi-code/config.toml"
	run 120 kimi -p "go on"
	drop_curtain
	played "Kimi Code"
else
	skip "Kimi Code" "$why"
fi

# These two want a login before they work: only their lists of servers are looked at.
for name in amp auggie; do
	section "$name"
	if agent $name $name; then
		fresh
		set_up $name
		run 60 "$program" setup
		like "... is seen" "$said" ': connected$'
		take_back $name
		run 60 "$program" setup
		like "... which is seen, too" "$said" ': not connected\.'
		skip "$name: the play" "it wants a login"
	else
		skip "$name" "$why"
	fi
done
done_testing
