# The protocol's official inspector, on its command line, in each era; its
# strict mode holds the tools' schemas against what models and clients accept.
. ./test/lib/test.sh
. ./test/clients/clients.sh

if ! package @modelcontextprotocol/inspector; then
	skip "the inspector" "$why"
	done_testing
fi

# inspect ERA METHOD [OPTION...]: the answer is in $said, complaints in $T/err.
inspect() {
	era=$1 method=$2
	shift 2
	limited 60 node "$CLIENTS/node_modules/@modelcontextprotocol/inspector/clients/cli/build/index.js" \
		"$BIN" serve -e "INTERAGENT_DIR=$T/store-$era" --cwd "$T/work" --protocol-era "$era" \
		--method "$method" "$@" --format json <"$T/nothing" >"$T/said" 2>"$T/err"
	status=$?
	said=$(cat "$T/said")
}
value() { printf '%s\n' "$said" | at result "$@" 2>/dev/null; }
: >"$T/nothing"

for era in legacy auto modern; do
	inspect "$era" tools/list --strict
	is "$era: the tools pass the strict check" "$status $(cat "$T/err")" "0 "
	is "$era: ... all of them" "$(value tools '#') $(value tools 13 name)" "14 get_all_statuses"
	for tool in 'register_agent {"name":"web","description":"The browser client"}:web is registered' \
		'set_status {"status":"tests","agent_name":"web"}:is set' \
		'send_message {"to":"web","from":"web","subject":"to itself","content":"text"}:stored' \
		'check_inbox {"agent_name":"web"}:1 unread' \
		'publish_spec {"name":"paper","content":"what holds","publisher":"web"}:published' \
		'get_spec {"name":"paper"}:what holds' \
		'list_agents {}:The browser client' 'get_all_statuses {}:tests'; do
		wanted=${tool#*\}:} tool=${tool%:"${tool#*\}:}"}
		inspect "$era" tools/call --tool-name "${tool%% *}" --tool-args-json "${tool#* }"
		is "$era: ${tool%% *} succeeds" "$status" 0
		like "$era: ... and answers" "$said" "$wanted"
	done
	inspect "$era" resources/list
	is "$era: the spec is a resource" "$status" 0
	uri=$(printf '%s\n' "$said" | sed -n 's/.*"uri": *"\([^"]*\)".*/\1/p')
	inspect "$era" resources/read --uri "$uri"
	like "$era: ... and can be read" "$said" 'what holds'
	inspect "$era" resources/templates/list
	is "$era: templates are listed" "$status" 0
	inspect "$era" tools/call --tool-name no_such_tool --tool-args-json '{}'
	is "$era: an unknown tool fails" "$((status != 0))" 1
	inspect "$era" tools/call --tool-name read_message --tool-args-json '{"message_id":"00000000","reader":"web"}'
	like "$era: a refusal is told as one" "$said" '"isError": *true'
done
done_testing
