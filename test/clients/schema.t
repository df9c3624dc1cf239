# Every line on the wire, held against the schemas of the protocol: those of a
# broad session, whose every answer is judged by its method, and all those that
# any server says in the whole suite. SCHEMAS=DIRECTORY adds the published JSON
# schemas.
. ./test/lib/test.sh
. ./test/clients/clients.sh

if package @modelcontextprotocol/sdk && package @modelcontextprotocol/client && package ajv; then
	mkdir "$T/tap"
	(INTERAGENT=$HELPERS/interagent-tap WIRE_TAP=$T/tap sh test/run) >"$T/suite" 2>&1
	find "$T/tap" -type f -exec grep -ahE '^[[]?[{]"jsonrpc"' {} + >"$T/lines"
	ok "the suite has left its lines: $(wc -l <"$T/lines") of them" test "$(wc -l <"$T/lines")" -gt 5000
	limited 300 node test/clients/schema.mjs "$BIN" "$T/lines" >"$T/verdict" 2>"$T/err"
	judge "$T/verdict" "the lines are judged: $(head -c 500 "$T/err")"
	[ -n "${SCHEMAS-}" ] || skip "the published JSON schemas" "no npm package has them; SCHEMAS names no directory with them"
else
	skip "every line against the schemas" "$why"
fi
done_testing
