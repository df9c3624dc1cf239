# What store.h promises, verb by verb, asked of the store itself.
. ./test/lib/test.sh

section "store.h"
"$HELPERS/storetest" "$T/promised" >"$T/results"
status=$?
while IFS= read -r line; do
	case $line in
	ok\ * | not\ ok\ *) say_result "${line%% [0-9]*}" "${line#* - }" ;;
	esac
done <"$T/results"
is "storetest ends as its results say" "$status" 0
done_testing
