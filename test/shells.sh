#!/bin/sh
# shells.sh [SHELL...]: runs the tests with other shells as "sh", in a tree whose path has
# a blank. A SHELL is a program that is found in PATH (default: dash, bash, mksh, busybox,
# as far as they are here); with busybox all its applets are used too, not only its ash.
# SUITES names the suites (default: all). For each shell its numbers stand in a line before
# the last, which adds them up.
cd "$(dirname "$0")/.." || exit 1
. ./test/lib/tree.sh
[ $# -gt 0 ] || set -- dash bash mksh busybox
top="$PWD/test/bin/shells"
tree="$top/a tree"
mkdir -p "$top"
copy_tree "$tree"
make -C "$tree" -s helpers CC="${CC:-cc}" >"$top/log" 2>&1 || { tail -n 1 "$top/log"; exit 1; }
: >"$top/sums"
for shell in "$@"; do
	if ! path=$(command -v "$shell"); then
		echo "SKIP $shell: it is not here"
		continue
	fi
	rm -rf "${top:?}/$shell"
	mkdir "$top/$shell"
	case $shell in busybox) busybox --install -s "$top/$shell" ;; esac
	ln -sf "$path" "$top/$shell/sh"
	# shellcheck disable=SC2086
	(cd "$tree" && PATH=$top/$shell:$PATH && sh test/run ${SUITES:-}) >"$top/said"
	sed '$d' "$top/said"
	echo "$shell: $(tail -n 1 "$top/said")" | tee -a "$top/sums"
done
echo
cat "$top/sums"
awk '{ passed += $2; failed += $4 } END { print passed + 0 " passed, " failed + 0 " failed"; exit !passed || failed }' "$top/sums"
