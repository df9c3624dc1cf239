# Kill and race: several servers on one store, killed at random points and
# started again (storm.c). Nothing that was acknowledged is lost, doubled or
# torn. Sizes and seed come from the environment; make soak has large ones.
. ./test/lib/test.sh

round=0
while [ "$round" -lt "${STORM_ROUNDS:-3}" ]; do
	round=$((round + 1))
	INTERAGENT_DIR=$T/store$round
	export INTERAGENT_DIR
	# shellcheck disable=SC2086 # a seed is one word, or none
	if "$HELPERS/storm" "$BIN" "${STORM_AGENTS:-6}" "${STORM_SENDS:-40}" ${STORM_SEED:-} >"$T/storm" 2>"$T/stderr"; then
		pass "storm $round: what was acknowledged is there, once and whole"
	else
		fail "storm $round: what was acknowledged is there, once and whole" "$(cat "$T/storm")" \
			"$(head -c 2000 "$T/stderr")"
	fi
	sed 's/^/# /' "$T/storm"
	is "storm $round: no server had anything to complain of" "$(head -c 2000 "$T/stderr")" ""
	ok "storm $round: the doctor finds nothing damaged" "$BIN" doctor
done
done_testing
