# Another program on the same files, one that knows no locks and writes in
# place, as the original does (foreign.c). Ours neither misreads what it is in
# the middle of writing, nor destroys what it has written.
. ./test/lib/test.sh

# beside WHAT PROGRAM: one run on a new store.
run=0
beside() {
	run=$((run + 1))
	INTERAGENT_DIR=$T/store$run
	export INTERAGENT_DIR
	# shellcheck disable=SC2086 # a seed is one word, or none
	if "$HELPERS/foreign" "$2" "${FOREIGN_ROUNDS:-600}" ${FOREIGN_SEED:-} >"$T/foreign" 2>"$T/stderr"; then
		pass "$1"
	else
		fail "$1" "$(cat "$T/foreign")"
	fi
	sed -n 's/^foreign:/#/p' "$T/foreign"
	like "... and left a whole store" "$("$BIN" doctor)" 'nothing is damaged'
}

beside "a foreign writer loses next to nothing, and no reader is misled" "$BIN"
beside "... again" "$BIN"
# The moment between the last look and the rename is closed here.
INTERAGENT_GATE=$T/gate
export INTERAGENT_GATE
beside "where the two take turns, nothing at all is lost" "$HELPERS/interagent-gate"
beside "... again" "$HELPERS/interagent-gate"
done_testing
