# Goal of this test: two that do the same thing in the same instant, many times
# over (race.c). "make soak" has a thousand rounds and ten thousand reads; here is
# a sample of them.
. ./test/lib/test.sh

ROUNDS=${RACE_ROUNDS:-30}
READS=${RACE_READS:-200}

# race STORE WHAT WAY ARGUMENTS...: on a store of its own
race() {
	INTERAGENT_DIR=$T/$1
	mkdir "$INTERAGENT_DIR"
	race_what=$2
	shift 2
	# What the helper leaks ends with it.
	if ASAN_OPTIONS=detect_leaks=0 "$HELPERS/race" "$@" >"$T/race" 2>>"$T/stderr"; then pass "$race_what"; else fail "$race_what" "$(cat "$T/race")"; fi
}

section "The lock"
race lock "a lock file that is deleted before a rename loses no registration" lock "$ROUNDS"
like "... in so many rounds" "$(cat "$T/race")" "^$ROUNDS rounds\$"

section "A name"
race name "of two servers that register one name at once, one is told yes" name "$ROUNDS" "$BIN"
like "... in so many rounds" "$(cat "$T/race")" "^$ROUNDS rounds\$"

section "A spec that is written over while it is read"
race ours "by publishing: no answer is empty or torn" spec $((READS * 4)) ours
race program "by a program that writes in place, all the time: none either" spec "$READS" program
race held "by one that is held up for long in the middle of a write: none either" spec $((READS / 2)) held
race editor "by one that writes in two steps: none either" spec "$READS" editor
like "... and what was there before stays readable" "$("$BIN" get_spec --name api --version 1)" '^version 0 line 0$'
done_testing
