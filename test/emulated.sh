#!/bin/sh
# emulated.sh [SYSTEM...]: builds the program and the helpers for other processors and
# runs the tests with them, under qemu where the kernel does not run them itself. A
# system is i386, armhf (both 32 bits), arm64, riscv64 or s390x (big-endian); with
# "-late" after it, all happens after 2038 (c/late.h). SUITES names the suites to run.
# Needs Debian's gcc-*-linux-gnu* and qemu-user-static. For each system that was run, its
# numbers stand in a line before the last, which adds them up; one that could not be
# built is skipped, and says why.
cd "$(dirname "$0")/.." || exit 1
. ./test/lib/tree.sh
[ $# -gt 0 ] || set -- i386 i386-late armhf armhf-late arm64 riscv64 s390x
suites=${SUITES:-smoke json formats promises store cache lock order messages specs sweep damage wire tools events told cli
	completion converse identity speaker presence hook wait human screens economy fuzz}
top=$PWD
sums=$(mktemp) || exit 1
trap 'rm -f "$sums"' EXIT

# The compiler and the emulator of a system.
of() {
	case $1 in
	i386) echo i686-linux-gnu-gcc qemu-i386-static ;;
	armhf) echo arm-linux-gnueabihf-gcc qemu-arm-static ;;
	arm64) echo aarch64-linux-gnu-gcc qemu-aarch64-static ;;
	riscv64) echo riscv64-linux-gnu-gcc qemu-riscv64-static ;;
	s390x) echo s390x-linux-gnu-gcc qemu-s390x-static ;;
	*) echo "emulated.sh: no system $1" >&2; exit 2 ;;
	esac
}

# In a copy of the tree, in which a script that calls the emulator stands for each program.
build() {
	tree=$top/test/bin/emulated/$1
	copy_tree "$tree"
	mkdir "$tree/real"
	flags=-Os
	case $1 in *-late) flags="-Os -include test/c/late.h" ;; esac
	make -C "$tree" -s helpers CC="$compiler" CFLAGS="$flags" LDFLAGS=-static >"$tree/log" 2>&1 || return 1
	! "$tree/interagent" --version >/dev/null 2>&1 || return 0
	find "$tree/interagent" "$tree/test/bin" -type f ! -name '*.o' >"$tree/programs"
	while read -r program; do
		mv "$program" "$tree/real"
		# shellcheck disable=SC2016 # the script that is written expands them
		printf '#!/bin/sh\nexec %s -0 "$0" "%s" "$@"\n' "$emulator" "$tree/real/${program##*/}" >"$program"
		chmod +x "$program"
	done <"$tree/programs"
	"$tree/interagent" --version >"$tree/log" 2>&1
}

for system in "$@"; do
	pair=$(of "${system%-late}") || exit 2
	compiler=${pair% *} emulator=${pair#* }
	if ! command -v "$compiler" >/dev/null; then
		echo "SKIP $system: no $compiler"
	elif ! build "$system"; then
		echo "SKIP $system: $(tail -n 1 "$tree/log")"
	else
		# shellcheck disable=SC2086
		(cd "$tree" && sh test/run $suites) >"$tree/said"
		sed '$d' "$tree/said"
		echo "$system: $(tail -n 1 "$tree/said")" | tee -a "$sums"
	fi
done
echo
cat "$sums"
awk '{ passed += $2; failed += $4 } END { print passed + 0 " passed, " failed + 0 " failed"; exit !passed || failed }' "$sums"
