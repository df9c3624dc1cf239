# What make dist hands out: the same bytes wherever it is made, binaries that
# need nothing, a source that builds by itself; and the arm64 binary at work,
# under an emulator.
#
# What stands in single quotes is for another shell:
. ./test/lib/test.sh
. ./test/clients/clients.sh

ok "the source is packed" sh test/clients/pack "$T"
tarball=$(cd "$T" && echo interagent-*.tar.gz)
source=${tarball%.tar.gz}

# Each place is a directory of another name and length; the second has no git
# around it either.
for place in one "another place/deeper"; do
	mkdir -p "$T/$place"
	ok "$place: the source unpacks" tar -C "$T/$place" -xzf "$T/$tarball"
	ok "$place: make dist" make -C "$T/$place/$source" dist
done
one=$T/one/$source other="$T/another place/deeper/$source"
is "both have the same files" "$(ls "$one/dist")" "$(ls "$other/dist")"
for file in "$one"/dist/*; do
	ok "${file##*/} is the same in both" cmp "$file" "$other/dist/${file##*/}"
done
ok "... and the source is the one it was built from" cmp "$T/$tarball" "$one/dist/$tarball"
ok "the sums are right" sh -c 'cd "$1" && sha256sum -c SHA256SUMS' - "$one/dist"
is "... and complete" "$(wc -l <"$one/dist/SHA256SUMS")" "$(find "$one/dist" -name 'interagent*' | wc -l)"

# binary MACHINE COMPILER: is there one, static and stripped?
binary() {
	built=$one/dist/interagent-Linux-$1
	if [ ! -f "$built" ]; then
		skip "the binary for $1" "$2 is missing"
		return 1
	fi
	if command -v file >/dev/null; then
		like "the binary for $1 is static and stripped" "$(file "$built")" \
			'statically linked.*, stripped$'
	else
		skip "the binary for $1 is static and stripped" "file is missing"
	fi
	no "... and names no place where it was built" grep -q "$T" "$built"
}

# bundle MACHINE: can a client install it?
bundle() {
	bundle=$one/dist/interagent-Linux-$1.mcpb
	if [ ! -f "$bundle" ]; then
		skip "the bundle for $1" "zip is missing"
		return
	fi
	mkdir "$T/bundle-$1"
	ok "the bundle for $1 unpacks" unzip -q "$bundle" -d "$T/bundle-$1"
	ok "... with the same program" cmp "$T/bundle-$1/server/interagent" "$built"
	ok "... that may be run" test -x "$T/bundle-$1/server/interagent"
	is "... and its version" "interagent-$(at version <"$T/bundle-$1/manifest.json")" "$source"
	if package @anthropic-ai/mcpb; then
		ok "... and its manifest is valid" "$CLIENTS/node_modules/.bin/mcpb" validate "$T/bundle-$1/manifest.json"
	else
		skip "... and its manifest is valid" "$why"
	fi
}

if binary x86_64 musl-gcc; then
	bundle x86_64
	if [ "$(uname -s) $(uname -m)" = "Linux x86_64" ]; then
		is "... and says which version it is" \
			"interagent-$("$built" --version | sed 's/^interagent //; s/ (.*//')" "$source"
		ok "... and passes the wire test" env INTERAGENT="$built" sh test/t/wire.t
	else
		skip "... and passes the wire test" "this is not Linux on x86_64"
	fi
fi

ok "the source builds by itself" make -C "$other" CC="${CC:-cc}"
ok "... and what it builds runs" env INTERAGENT="$other/interagent" sh \
	-c 'cd "$1" && "$INTERAGENT" --help' - "$other"

section "arm64, under an emulator"
# Program and helpers are built for it, and a script in the place of each
# starts the emulator; the program itself is the one to be handed out.

if binary aarch64 aarch64-linux-gnu-gcc; then
	bundle aarch64
	emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64)
	if [ -n "$emulator" ]; then
		made="interagent test/bin/jsonq test/bin/jsontest test/bin/interagent-fault test/bin/interagent-leap"
		ok "arm64: the helpers that only look on build for this machine" make -C "$one" helpers
		# shellcheck disable=SC2086
		(cd "$one" && rm -f ./*.o $made)
		# shellcheck disable=SC2086
		ok "arm64: the others build for it" make -C "$one" CC=aarch64-linux-gnu-gcc \
			LDFLAGS=-static $made
		cp "$built" "$one/interagent"
		for program in $made; do
			mv "$one/$program" "$one/$program.arm64"
			printf '#!/bin/sh\nexec %s -0 "$0" "$0.arm64" "$@"\n' "$emulator" >"$one/$program"
			chmod +x "$one/$program"
		done
		for test in smoke json wire store; do
			[ -f "$one/test/t/$test.t" ] || continue
			(cd "$one" && sh "test/t/$test.t") >"$T/said" 2>&1
			is "arm64: of test/t/$test.t nothing fails" \
				"$? $(grep -A 4 '^not ok' "$T/said" | head -n 40)" "0 "
			like "arm64: ... and it comes to its end" "$(cat "$T/said")" '^1\.\.[1-9]'
			echo "# arm64 $test.t: $(grep -c '^ok' "$T/said") passed, $(grep -c '^not ok' "$T/said") failed, $(grep -c '# SKIP' "$T/said") skipped"
		done
	else
		skip "arm64: the tests under an emulator" "qemu-aarch64-static is missing"
	fi
fi
done_testing
