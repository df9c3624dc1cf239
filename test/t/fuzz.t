# The fuzz targets (fuzz_json.c, fuzz_wire.c) on the kept inputs and on some
# that are made of them, the same in each run. make fuzz looks further.
. ./test/lib/test.sh

# replay NAME ROUNDS: the input of a failure is shown by a second run.
replay() {
	if "$HELPERS/replay-$1" "${FUZZ_SEED:-7}" "$2" test/data/corpus/"$1"/* >"$T/replay" 2>&1; then
		pass "nothing that is fed to $1 breaks what must hold"
	else
		seed=$(sed -n 's/^replay: .*seed //p' "$T/replay")
		INTERAGENT_REPLAY=$T/input "$HELPERS/replay-$1" "$seed" "$2" test/data/corpus/"$1"/* >/dev/null 2>&1
		fail "nothing that is fed to $1 breaks what must hold" "$(head -c 3000 "$T/replay")" \
			"the input, in base 8:" \
			"$(od -A n -t o1 "$T/input" | head -c 4000)"
	fi
	sed -n 's/^replay:/#/p' "$T/replay"
}

replay json "${FUZZ_ROUNDS:-20000}"
replay wire "${FUZZ_ROUNDS:-1500}"
done_testing
