#!/bin/sh
# Fuzzes JSON and the wire with libFuzzer, for SECONDS each (default 600). What
# is found is kept in test/bin; an input that found something belongs in
# test/data/corpus, where make test runs it ever after.
cd "$(dirname "$0")/.." || exit 1
seconds=${1:-600}
mkdir -p test/bin

checks=-fsanitize=fuzzer,address,undefined
echo '#include <stddef.h>
int LLVMFuzzerTestOneInput(const unsigned char *s, size_t n) { return s && n > 9 ? 0 : 0; }' >test/bin/fuzz-probe.c
if ! command -v clang >/dev/null; then
	echo "SKIP fuzz: clang is not here"
	exit 0
elif ! clang $checks -o test/bin/fuzz-probe test/bin/fuzz-probe.c 2>/dev/null; then
	echo "SKIP fuzz: this clang has no libFuzzer"
	exit 0
fi

# Every piece of an arena as a block of its own, so that one step past it shows.
sed 's/BLOCK = 64 \* 1024,/BLOCK = 1,/; s/MAX_BLOCK = 4 \* 1024 \* 1024,/MAX_BLOCK = 1,/; s/ALIGN = _Alignof(max_align_t)/ALIGN = 1/' json.c >test/bin/json-tight.c
if cmp -s json.c test/bin/json-tight.c; then
	echo "fuzz: json.c has no block sizes where they were" >&2
	exit 1
fi

# build TARGET FILE...
build() {
	target=$1
	shift
	clang -std=c11 -D_DEFAULT_SOURCE -g -O1 -Wall -Wextra $checks -fno-sanitize-recover=all \
		-I. -DSTORE_SYS='"test/c/fuzz_sys.h"' -o "test/bin/fuzz-$target" "test/c/fuzz_$target.c" "$@" test/bin/json-tight.c
}

# run TARGET OPTION...
run() {
	target=$1
	shift
	mkdir -p "test/bin/seen-$target"
	echo "fuzz: $target for $seconds seconds"
	"test/bin/fuzz-$target" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="test/bin/found-$target-" "$@" \
		"test/bin/seen-$target" "test/data/corpus/$target" >"test/bin/fuzz-$target.log" 2>&1
	result=$?
	grep -e '^stat::number_of_executed_units' -e '^SUMMARY' -e 'fuzz: not so' -e 'written to' \
		"test/bin/fuzz-$target.log"
	[ "$result" -eq 0 ] || failed=1
}

failed=0
build json && build wire store.c || exit 1
run json -max_len=4096 -timeout=10
run wire -max_len=8192 -timeout=20 -dict=test/data/corpus/wire.dict
exit "$failed"
