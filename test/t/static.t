# Building and installing: one file that needs nothing, from any make and any
# C compiler. All of it happens in copies of the tree, never in place.
. ./test/lib/test.sh

# What the make that runs these tests was told is not for the ones below.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

# copy NAME: a fresh copy of the sources as $T/NAME
copy() {
	mkdir "$T/$1"
	if git ls-files -co --exclude-standard >"$T/files" 2>/dev/null && [ -s "$T/files" ]; then
		while IFS= read -r file; do
			[ -f "$file" ] || continue
			mkdir -p "$T/$1/$(dirname "$file")"
			cp -p "$file" "$T/$1/$file"
		done <"$T/files"
	else
		cp -R . "$T/$1"
		(cd "$T/$1" && make clean >/dev/null)
	fi
}

# in_tree WHAT NAME COMMAND...: it succeeds there; what it says is in $T/out.
in_tree() {
	what=$1
	tree=$2
	shift 2
	if (cd "$T/$tree" && "$@") >"$T/out" 2>&1 </dev/null; then
		pass "$what"
	else
		fail "$what" "failed: $*" "$(tail -n 20 "$T/out")"
	fi
}

ping() { req 1 ping | "$@" 2>&1; }
PONG='{"jsonrpc":"2.0","id":1,"result":{}}'

section "The sources"

is "no line is longer than 100 columns" "$(for file in *.c *.h; do expand "$file" | awk -v f="$file" 'length > 100 { print f ":" NR }'; done)" ""

section "make"
# A warning is a question that somebody has not answered.

copy tree
before=$(cd "$T/tree" && find . -type f | sort)
in_tree "make builds" tree make
unlike "... without a warning" "$(cat "$T/out")" warning
is "a server" "$(ping "$T/tree/interagent")" "$PONG"
in_tree "a second make has nothing to do" tree make -q
in_tree "with other flags it builds anew" tree make CFLAGS=-O0
is "... all of it" "$(grep -c 'O0.* -c ' "$T/out")" 3
like "make says the command that links" "$(cat "$T/out")" \
	'^cc -O0 .*-o interagent interagent.o store.o json.o'
in_tree "it builds without make too" tree cc -o by-hand interagent.c json.c store.c
is "the same server" "$(ping "$T/tree/by-hand")" "$PONG"
rm "$T/tree/by-hand"
in_tree "with the first flags it builds as before" tree make

section "One file that needs nothing"
# It is copied to machines and into containers that have nothing else.

echo 'int main(void) { return 0; }' >"$T/none.c"
if [ "$(uname)" != Linux ]; then
	skip "it is statically linked" "only Linux links so"
elif ! cc -static -o "$T/none" "$T/none.c" 2>/dev/null; then
	skip "it is statically linked" "there is no static C library"
elif ! command -v file >/dev/null; then
	skip "it is statically linked" "there is no file(1)"
else
	like "it is statically linked" "$(file "$T/tree/interagent")" 'static-pie linked' 'statically linked'
fi

if [ "$(id -u)" -ne 0 ]; then
	skip "it runs where there is nothing else" "chroot needs root"
elif ! [ -e "$T/none" ]; then
	skip "it runs where there is nothing else" "it is not static here"
else
	mkdir "$T/jail"
	cp "$T/tree/interagent" "$T/jail/"
	is "it runs where there is nothing else" "$(chroot "$T/jail" /interagent --version)" \
		"$("$T/tree/interagent" --version)"
	is "... as a server too" "$(ping chroot "$T/jail" /interagent)" "$PONG"
	INTERAGENT_DIR=/mail
	like "which stores" \
		"$(call 1 register_agent '{"name":"api","workspace_path":"/mail","description":"x"}' | chroot "$T/jail" /interagent)" \
		'api is registered'
	like "... what others there read" \
		"$(chroot "$T/jail" /interagent send_message --from api --to api --subject s --content x)" \
		stored
	is "and needs no other file" "$(cd "$T/jail" && find . -type f | grep -v '^./mail/')" ./interagent
	INTERAGENT_DIR=$T/store
fi

section "make install"
# The new program takes the place of the old one in one step: servers that run
# keep theirs, and at no time is there none or half of one.

in_tree "it installs" tree make install PREFIX=/opt/tools DESTDIR="$T/root"
installed=$T/root/opt/tools/bin/interagent
page=$T/root/opt/tools/share/man/man1/interagent.1
is "... below PREFIX, in DESTDIR, with its manual page, and nothing else" "$(find "$T/root" -type f | sort)" "$installed
$page"
is "... which is the program's own" "$(cat "$page")" "$("$installed" man)"
is "... what runs" "$(ping "$installed")" "$PONG"
mkfifo "$T/in"
"$installed" serve <"$T/in" >"$T/said" 2>/dev/null &
server=$!
exec 3>"$T/in"
ln "$installed" "$T/old"
in_tree "it installs over one that runs" tree make install PREFIX=/opt/tools DESTDIR="$T/root"
no "... as a new file" [ "$installed" -ef "$T/old" ]
is "leaving nothing beside it" "$(find "$T/root" -type f | sort)" "$installed
$page"
req 1 ping >&3
exec 3>&-
wait "$server"
is "and the one that runs goes on" "$(cat "$T/said")" "$PONG"
in_tree "it is removed" tree make uninstall PREFIX=/opt/tools DESTDIR="$T/root"
is "and nothing is left" "$(find "$T/root" -type f)" ""
in_tree "it installs to a path with a blank, whatever the umask" tree \
	sh -c 'umask 077; make install PREFIX="/opt/my tools" DESTDIR=../root'
is "... for everybody to run" "$(find "$T/root/opt/my tools" ! -perm 755 ! -name interagent.1)" ""
is "... and to read" "$(find "$T/root/opt/my tools" -name interagent.1 -perm 644 | grep -c .)" 1
is "... what runs there" "$(ping "$T/root/opt/my tools/bin/interagent")" "$PONG"
in_tree "it is removed from there" tree make uninstall PREFIX="/opt/my tools" DESTDIR="$T/root"
is "and nothing is left there" "$(find "$T/root" -type f)" ""

mv "$T/tree/interagent" "$T/ours"
printf '\177ELF, but of another machine' >"$T/tree/interagent"
in_tree "one for another machine is installed" tree make install PREFIX=/opt/tools DESTDIR="$T/root"
is "... without a manual page, not with an empty one" "$(find "$T/root" -type f)" "$installed"
like "... which is said" "$(cat "$T/out")" '^no manual page: '
rm -r "$T/root"
mv "$T/ours" "$T/tree/interagent"

section "Other makes and compilers"

if command -v bmake >/dev/null; then
	copy bmake
	in_tree "bmake builds" bmake bmake CFLAGS=-O0
	is "the same" "$(ping "$T/bmake/interagent")" "$PONG"
else
	skip "bmake builds" "there is no bmake"
fi

if command -v musl-gcc >/dev/null; then
	copy musl
	in_tree "musl-gcc builds" musl make CC=musl-gcc
	unlike "... without a warning" "$(cat "$T/out")" warning
	is "the same" "$(ping "$T/musl/interagent")" "$PONG"
	ok "but smaller" [ "$(wc -c <"$T/musl/interagent")" -lt "$(wc -c <"$T/tree/interagent")" ]
else
	skip "musl-gcc builds" "there is no musl-gcc"
fi

section "--version"
# A report of a fault must lead to the source that has it.

copy revision
echo 0123abc >"$T/revision/.revision"
in_tree "a packed tree builds" revision make CFLAGS=-O0
version=$(sed -n 's/^#define VERSION "\(.*\)"$/\1/p' interagent.c)
is "and says what it was packed from" "$("$T/revision/interagent" --version)" "interagent $version (0123abc)"
rm "$T/revision/.revision" "$T/revision/interagent.o"
in_tree "one that is of no revision builds" revision make CFLAGS=-O0
is "and names none" "$("$T/revision/interagent" --version)" "interagent $version"
if command -v git >/dev/null; then
	rm "$T/revision/interagent.o"
	(cd "$T/revision" && git init -q && git add Makefile && git -c user.name=x -c user.email=x commit -q -m x)
	in_tree "a tree of git's builds" revision make CFLAGS=-O0
	is "and says which commit it is" "$("$T/revision/interagent" --version)" \
		"interagent $version ($(cd "$T/revision" && git rev-parse --short=12 HEAD))"
else
	skip "a tree of git's builds" "there is no git"
fi

section "What comes from npm"
# A registry may take the connection and say nothing more: then the tests that need
# its packages are skipped, and the others go on.

mkdir "$T/npm"
mkfifo "$T/npm/silence"
printf '#!/bin/sh\nread -r word <%s\n' "$T/npm/silence" >"$T/npm/npm"
chmod +x "$T/npm/npm"
stalled() { in_tree "$1 does not wait for ever" tree "$HELPERS/limit" 120 env NPM_SECONDS=1 PATH="$T/npm:$PATH" sh "$@"; }

stalled test/clients/install core
like "... and says why there is nothing" "$(cat "$T/out")" "npm did not end in 1 s"
stalled test/systems.sh
like "... and says why it compiles nothing" "$(cat "$T/out")" "^SKIP: "

section "make clean"
# What was built goes, what was written stays.

in_tree "the tests' helpers build" tree make CFLAGS=-O0 helpers
in_tree "make clean cleans" tree make clean
is "and leaves what is not built" "$(cd "$T/tree" && find . -type f | sort)" "$before"

done_testing
