#!/bin/sh
# powercut.sh [FILE SYSTEM...]: cuts the power of a disk while programs write to a store on
# it, as often as ROUNDS says, and looks at what is left. Needs Linux, root, loop devices,
# /dev/fuse and a mkfs for each of ext4, xfs, btrfs and f2fs; what is missing is skipped.
# The disk (c/disk.c) forgets, or half writes, what was not flushed. After each cut all that
# was answered before must be there, the store must be whole (c/storecheck.c), and work.
#
# Then the same with a program that syncs nothing: where it loses no answer in as many
# rounds, this test shows nothing, and fails.
cd "$(dirname "$0")/.." || exit 1
. ./test/lib/test.sh
rounds=${ROUNDS:-5}
D=$PWD/test/bin/powercut
disk=
loop=
mounted=
undo() {
	[ -z "$mounted" ] || umount "$T/fs" 2>/dev/null || umount -l "$T/fs"
	[ -z "$loop" ] || losetup -d "$loop"
	[ -z "$disk" ] || { wait_for umount "$T/disk"; wait "$disk"; }
	disk='' loop='' mounted=''
}
trap 'undo; rm -rf "$T" "$D/platter" "$D/cached"' EXIT

give_up() {
	skip "cuts of the power" "$1"
	done_testing
}
[ "$(uname)" = Linux ] || give_up "this is not Linux"
[ "$(id -u)" = 0 ] || give_up "only root may mount"
if [ ! -c /dev/fuse ] || [ ! -c /dev/loop-control ]; then give_up "there is no /dev/fuse, or no loop device"; fi
mkdir -p "$D"
${CC:-cc} -std=c11 -Wall -Wextra -o "$D/disk" test/c/disk.c || give_up "the disk does not compile"
${CC:-cc} -std=c11 '-Dsys_full_sync(fd)=((void)(fd), 0)' -o "$D/careless" interagent.c store.c json.c || exit 1

# Agent N sends, and says what it is doing, until it cannot; what was answered is in a log
# that is not on the disk.
write_on() {
	count=0
	while count=$((count + 1)) && said="text $count of $1" &&
		answer=$("$program" send_message --from "$1" --to "$2" --subject "$said" --content "$said" --json 2>/dev/null) &&
		id=$(printf '%s\n' "$answer" | at id) && echo "$id $said" >>"$T/log.$1" &&
		"$program" set_status --from "$1" --status "$count" >/dev/null 2>&1; do
		echo "$count" >"$T/status.$1"
	done
}

# shellcheck disable=SC2317 # called by wait_for
enough() { [ "$(cat "$T"/log.* 2>/dev/null | wc -l)" -ge "$wanted" ]; }

# What was answered and is not there; nothing is said where all is well.
lost() {
	cat "$T"/log.* | while read -r id said; do
		[ "$(cat "$INTERAGENT_DIR/messages/$id.md" 2>/dev/null)" = "$said" ] &&
			[ "$(at id <"$INTERAGENT_DIR/messages-meta/$id.json" 2>/dev/null)" = "$id" ] || echo "lost: $id $said"
	done
	for one in a b c; do
		now=$(at "$one" status <"$INTERAGENT_DIR/status.json" 2>/dev/null)
		[ "${now:-0}" -ge "$(cat "$T/status.$one" 2>/dev/null || echo 0)" ] 2>/dev/null || echo "the status of $one is '$now'"
	done
}

# one_cut FILE-SYSTEM PROGRAM SEED: makes the disk, cuts, mounts what is left.
one_cut() {
	program=$2
	rm -rf "$T/disk" "$T/fs" "$T"/log.* "$T"/status.*
	mkdir "$T/disk" "$T/fs"
	rm -f "$D/platter" "$D/cached"
	truncate -s 320M "$D/platter" && mkfs."$1" -q "$D/platter" >"$T/out" 2>&1 && cp --sparse=always "$D/platter" "$D/cached" || return 1
	"$D/disk" "$D/platter" "$D/cached" "$T/disk" "$3" >"$T/cut" 2>&1 &
	disk=$!
	wait_for [ -f "$T/disk/disk" ] && loop=$(losetup -f --show "$T/disk/disk") && mount -t "$1" "$loop" "$T/fs" || return 1
	mounted=yes
	INTERAGENT_DIR=$T/fs/store
	for one in a b c; do
		"$program" register_agent --name $one --workspace-path "$T/work" --description "agent $one" >/dev/null || return 1
	done
	sync -f "$T/fs"
	write_on a b &
	first=$!
	write_on b c &
	second=$!
	write_on c a &
	third=$!
	wanted=$((30 + $3 * 7))
	wait_for enough
	kill -USR1 "$disk"
	wait "$first" "$second" "$third"
	undo
	loop=$(losetup -f --show "$D/platter") && mount -t "$1" "$loop" "$T/fs" 2>"$T/out" && mounted=yes
}

[ $# -gt 0 ] || set -- ext4 xfs btrfs f2fs
for kind in "$@"; do
	section "$kind"
	if ! grep -qw "$kind" /proc/filesystems; then skip "$kind" "this kernel has none"; continue; fi
	if ! command -v "mkfs.$kind" >/dev/null; then skip "$kind" "there is no mkfs.$kind"; continue; fi
	round=0 careless=0
	while round=$((round + 1)) && [ $round -le "$rounds" ]; do
		if ! one_cut "$kind" "$BIN" $round; then
			fail "cut $round: the disk can be used" "$(cat "$T/out" "$T/cut")"
			undo
			continue
		fi
		echo "# cut $round: $(cat "$T"/log.* | wc -l) messages were stored; $(cat "$T/cut")"
		is "cut $round: what was answered is there" "$(lost)" ""
		ok "cut $round: the store is whole" "$HELPERS/storecheck" -any "$INTERAGENT_DIR"
		ok "cut $round: the doctor finds nothing" "$BIN" doctor
		ok "cut $round: mail goes on" "$BIN" send_message --from a --to b --subject after --content after
		undo
		if one_cut "$kind" "$D/careless" $round && [ -n "$(lost)" ]; then careless=$((careless + 1)); fi
		undo
	done
	echo "# without a sync, answers were lost in $careless of $rounds cuts"
	no "a program that syncs nothing loses none" [ $careless -eq 0 ]
done
done_testing
