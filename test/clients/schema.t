# Every line on the wire, held against the schemas of the protocol: those of a
# broad session, whose every answer is judged by its method, and all those of
# test/wire.t. SCHEMAS=DIRECTORY adds the published JSON schemas.
. ./test/lib.sh
. ./test/clients/clients.sh

if package @modelcontextprotocol/sdk && package @modelcontextprotocol/client && package ajv; then
	# The wire test keeps all that its servers say until it ends.
	sed "s|^done_testing\$|cp \"\$T/all\" '$T/lines'; done_testing|" test/wire.t >"$T/wire.t"
	INTERAGENT=$BIN sh "$T/wire.t" >"$T/wire.said" 2>&1
	ok "the wire test has left its lines" test -s "$T/lines"
	limited 300 node test/clients/schema.mjs "$BIN" "$T/lines" >"$T/verdict" 2>"$T/err"
	judge "$T/verdict" "the lines are judged: $(head -c 500 "$T/err")"
	[ -n "${SCHEMAS-}" ] || skip "the published JSON schemas" "no npm package has them; SCHEMAS names no directory with them"
else
	skip "every line against the schemas" "$why"
fi
done_testing
