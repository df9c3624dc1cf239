# The shortest use of all: does it start, answer and store?
. ./test/lib/test.sh

like "it says its version" "$("$BIN" --version)" '^interagent [0-9]'
is "ping is answered" "$(serve "$(req 7 ping)")" '{"jsonrpc":"2.0","id":7,"result":{}}'
like "an agent registers" \
	"$(tool register_agent "{\"name\":\"api\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}")" \
	'^api is registered'
is "and is stored" "$(at api name <"$INTERAGENT_DIR/registry.json")" api
done_testing
