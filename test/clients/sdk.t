# The official clients of the protocol, both generations, in every mode they have.
. ./test/lib/test.sh
. ./test/clients/clients.sh

play() {
	mkdir -p "$T/$1"
	limited 150 node test/clients/story.mjs "$1" "$BIN" "$T/$1/store" "$HOME" "$T/$1" >"$T/$1.said" 2>"$T/$1.err"
	status=$?
	judge "$T/$1.said" "$1: the story ends: $(head -c 500 "$T/$1.err")"
	is "$1: the play ended by itself" "$status" 0
}

if package @modelcontextprotocol/sdk; then
	play sdk1
else
	skip "the client of the SDK 1.x" "$why"
fi
for kind in sdk2 sdk2-auto sdk2-pin; do
	if package @modelcontextprotocol/client; then
		play $kind
	else
		skip "the client of the SDK 2.x ($kind)" "$why"
	fi
done
done_testing
