# The archive sweep: what it moves, what it leaves, how often it runs, and what
# it does to those who work beside it.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
	export TMPDIR
fi
. ./test/lib/test.sh
. ./test/lib/mail.sh

STORE=$INTERAGENT_DIR
SWEPT=$STORE/archive/.swept
long_ago=2020-01-02T03:04:05.678Z

# message STORE ID STATE [UPDATED]: from web to api.
message() {
	printf 'the text of %s\n' "$2" >"$1/messages/$2.md"
	printf '{\n  "id": "%s",\n  "from": "web",\n  "to": "api",\n  "subject": "about %s",\n  "status": "%s",\n  "createdAt": "%s",\n  "updatedAt": "%s"\n}' \
		"$2" "$2" "$3" $long_ago "${4:-$long_ago}" >"$1/messages-meta/$2.json"
}

id() { printf '%08d-aaaa-4aaa-8aaa-aaaaaaaaaaaa' "$1"; }

# many STORE FIRST LAST: completed mail, quiet for years, and a copy to compare with.
many() {
	i=$2
	while [ "$i" -le "$3" ]; do
		message "$1" "$(id "$i")" completed
		i=$((i + 1))
	done
}

# where ID: the places of its text and its meta.
where() {
	for place in messages/$1.md messages-meta/$1.json archive/messages/$1.md \
		archive/messages-meta/$1.json; do
		if [ -f "$STORE/$place" ]; then printf '%s ' "${place%/*}"; fi
	done
}
LIVE='messages messages-meta '
ARCHIVED='archive/messages archive/messages-meta '

whole() { "$HELPERS/storecheck" "$1" "$2" >"$T/words" || return 1; }
words() { "$HELPERS/storecheck" "$STORE" "$1" | tr ' ' '\n' | grep -c "$2"; }
live() { find "$1/messages" "$1/messages-meta" -type f | wc -l; }

umask 077
for agent in api web; do register $agent "$T/work"; done
no "an empty store needs no sweep" [ -e "$SWEPT" ]
mkdir -p "$STORE/messages" "$STORE/messages-meta"

section "What moves and what stays"
message "$STORE" 10000000-done completed
message "$STORE" 10000001-read acknowledged
message "$STORE" 10000002-young completed "$(ago 23h)"
message "$STORE" 10000003-day completed "$(ago 24h)"
message "$STORE" 10000004-future completed 2999-01-01T00:00:00.000Z
message "$STORE" 10000005-pending pending
message "$STORE" 10000006-escalated escalated
message "$STORE" 10000007-word somethingelse
message "$STORE" 10000008-when completed yesterday
message "$STORE" 10000009-foreign read
# Completed by its sender, and by its recipient, who has read neither; and by its sender when it was read.
# For the first there is a week.
for members in 'unseen web' 'week web' 'ended api' 'seen web",\n  "readAt": "'$long_ago; do
	name=1000001-${members%% *}
	case $name in *unseen) when=$(ago 167h) ;; *week) when=$(ago 169h) ;; *) when=$long_ago ;; esac
	message "$STORE" "$name" completed "$when"
	sed -e "s/\"status\"/\"completedBy\": \"${members#* }\",\n  &/" "$STORE/messages-meta/$name.json" >"$T/meta"
	mv "$T/meta" "$STORE/messages-meta/$name.json"
done
for name in old:37 new:35; do
	file=$STORE/messages/2000000-${name%:*}.md
	printf 'never sent\n' >"$file"
	age "${name#*:}h" "$file"
	file=$STORE/messages-meta/.tmp-${name%:*}
	printf '{' >"$file"
	age "${name#*:}h" "$file"
	cp -p "$file" "$STORE/"
done
sleep 1
verb list_agents >"$T/out"
for moved in 10000000-done 10000001-read 10000003-day 10000009-foreign 1000001-ended 1000001-seen 1000001-week; do is "archived: $moved" \
	"$(where $moved)" "$ARCHIVED"; done
for stays in 10000002-young 10000004-future 10000005-pending 10000006-escalated 10000007-word \
	10000008-when 1000001-unseen; do is "left: $stays" "$(where $stays)" "$LIVE"; done
like "what its sender completed is in the inbox until it is read" "$(verb check_inbox --from api)" \
	'^[0-9a-z-]* completed from web .*"about 1000001-unseen"$'
verb read_message --from api 1000001-unseen >"$T/out"
unlike "... and no longer" "$(verb check_inbox --from api)" unseen
ok "a text of 37 hours without a message is archived" [ -f "$STORE/archive/messages/2000000-old.md" ]
no "and moved there" [ -f "$STORE/messages/2000000-old.md" ]
ok "one of 35 hours is left" [ -f "$STORE/messages/2000000-new.md" ]
is "temp files of 37 hours are deleted, of 35 hours not" \
	"$(cd "$STORE" && find . -name '.tmp-*' | sort | tr '\n' ' ')" \
	'./.tmp-new ./messages-meta/.tmp-new '
like "archived mail is read by its id" "$(verb read_message --from api --message-id 10000000-done)" \
	'the text of 10000000-done'
like "and by its first characters" "$(verb read_message --from api --message-id 10000000)" \
	'the text of 10000000-done'
like "and can be answered" \
	"$(verb reply_message --from api --original-message-id 10000000 --content yes --mark-complete)" \
	'^[0-9a-f]\{8\} stored'
verb reply_message --from api --original-message-id 10000001 --content yes --mark-complete >"$T/out"
is "and completed, where it is" "$(at status <"$STORE/archive/messages-meta/10000001-read.json")" completed
unlike "it is listed no more" "$(verb check_inbox --from api)" 10000000

section "How often"
message "$STORE" 30000000-next completed
verb list_agents >"$T/out"
is "within the hour there is no other sweep" "$(where 30000000-next)" "$LIVE"
age 1h "$SWEPT"
verb list_agents >"$T/out"
is "after it there is" "$(where 30000000-next)" "$ARCHIVED"
message "$STORE" 30000001-next completed
touch -t 209901010000 "$SWEPT"
verb list_agents >"$T/out"
is "a sweep in the future does not count" "$(where 30000001-next)" "$ARCHIVED"
message "$STORE" 30000002-next completed
rm "$SWEPT"
req 1 ping >"$T/lines"
"$BIN" serve <"$T/lines" >"$T/out"
is "a server answers first" "$(cat "$T/out")" '{"jsonrpc":"2.0","id":1,"result":{}}'
mkfifo "$T/wire"
"$BIN" serve <"$T/wire" >"$T/out" &
server=$!
exec 3>"$T/wire"
ok "and sweeps while it waits" wait_for [ -f "$STORE/archive/messages/30000002-next.md" ]
exec 3>&-
wait $server

section "Eight servers at once"
# All of them find the sweep due; only who takes the claim lists the messages.
many "$STORE" 40000001 40000050
rm "$SWEPT"
cp -Rp "$STORE" "$T/before"
strace=
if strace -o "$T/trace" true 2>/dev/null; then strace="strace -f -e trace=utimensat -o $T/trace."; fi
servers=
for i in 1 2 3 4 5 6 7 8; do
	# shellcheck disable=SC2086
	sleep 1 | ${strace:+$strace$i} "$BIN" serve >"$T/out$i" &
	servers="$servers $!"
done
for server in $servers; do wait "$server"; done
ok "after eight servers at once every message is whole" whole "$STORE" "$T/before"
is "and each is in the archive" "$(words "$T/before" '^400.*:archived')" 50
if [ "$strace" ]; then
	is "one of them swept" "$(cat "$T"/trace.? | grep -c utimensat)" 1
else
	skip "one of eight servers swept" "no strace"
fi

section "Two sweepers at once"
# The first is stopped in the middle, and the second gets a claim of its own.
FAST=$T/fast
for round in 1 2 3 4 5 6; do
	rm -rf "$FAST" "$T/before"
	cp -Rp "$STORE" "$FAST"
	many "$FAST" 50000001 50000500
	cp -Rp "$FAST" "$T/before"
	rm -f "$FAST/archive/.swept"
	INTERAGENT_DIR=$FAST "$BIN" list_agents >"$T/out1" &
	first=$!
	spins=0 probe=$(id $((50000000 + round * 80)))
	until [ -e "$FAST/archive/messages/$probe.md" ] || [ $spins -gt 1000000 ]; do spins=$((spins + 1)); done
	kill -STOP $first 2>/dev/null
	stopped=$(($(live "$FAST") - $(live "$STORE")))
	rm -f "$FAST/archive/.swept"
	INTERAGENT_DIR=$FAST "$BIN" list_agents >"$T/out2" &
	second=$!
	sleep 0.0$round
	kill -CONT $first 2>/dev/null
	wait $first
	wait $second
	ok "two at once, the first stopped with $stopped files to go: every message is whole" whole \
		"$FAST" "$T/before"
	is "and in the archive" "$(tr ' ' '\n' <"$T/words" | grep -c '^500.*:archived')" 500
done

section "A crash between the two renames"
# Killed at each system call; what is half way in the archive is mail like any other.
rm -rf "$FAST" "$T/before"
mkdir -p "$FAST/messages" "$FAST/messages-meta"
cp -p "$STORE/registry.json" "$FAST"
message "$FAST" 60000001-done completed
message "$FAST" 60000002-done completed
cp -Rp "$FAST" "$T/before"
call=0 halves=0 lost=
while [ $call -lt 2000 ]; do
	call=$((call + 1))
	rm -rf "$FAST" "$T/log"
	cp -Rp "$T/before" "$FAST"
	INTERAGENT_DIR=$FAST INTERAGENT_FAULT="$call kill" INTERAGENT_FAULT_LOG=$T/log "$HELPERS/interagent-fault" list_agents >"$T/out" 2>&1
	[ -f "$T/log" ] || break
	grep -q rename "$T/log" || continue
	whole "$FAST" "$T/before" || lost="$lost $call"
	half=$(sed -n 's/.*\(6000000.\):half.*/\1/p' "$T/words")
	[ "$half" ] || continue
	halves=$((halves + 1))
	INTERAGENT_DIR=$FAST "$BIN" read_message --from api --message-id "$half" | grep -q "^the text of $half" || lost="$lost $call(read)"
	INTERAGENT_DIR=$FAST "$BIN" reply_message --from api --original-message-id "$half" --content yes >"$T/out" || lost="$lost $call(reply)"
	rm -f "$FAST/archive/.swept"
	INTERAGENT_DIR=$FAST "$BIN" list_agents >"$T/out"
	"$HELPERS/storecheck" "$FAST" "$T/before" 2>&1 | grep -q '60000001:archived 60000002:archived' || lost="$lost $call(next)"
done
is "killed at each rename, nothing is lost" "$lost" ""
is "two of these stops are half way, and the next sweep goes on" $halves 2

section "Second thoughts"
# A message is looked at once more under the lock: this one is escalated while
# strace holds the sweep up between its claim and its first batch.
if [ "$strace" ]; then
	rm -rf "$FAST"
	cp -Rp "$T/before" "$FAST"
	INTERAGENT_DIR=$FAST strace -o "$T/trace" -e trace=flock -e inject=flock:delay_enter=5000000:when=4 "$BIN" list_agents >"$T/out" &
	sweeper=$!
	ok "a sweep begins" wait_for [ -e "$FAST/archive/.swept" ]
	INTERAGENT_DIR=$FAST "$BIN" escalate --from api --message-id 60000001 --reason r >"$T/out2" 2>&1
	wait $sweeper
	is "what is escalated meanwhile stays" "$(at status <"$FAST/messages-meta/60000001-done.json")" \
		escalated
	ok "and what is not is archived" [ -f "$FAST/archive/messages-meta/60000002-done.json" ]
else
	skip "what is escalated while a sweep runs stays" "no strace"
fi

section "Old mail in masses"
# The lock is let go after each hundred, so that nobody else waits for long.
MASS=$T/mass
cp -Rp "$STORE" "$MASS"
many "$MASS" 70000001 70005000
rm "$MASS/archive/.swept"
cp -Rp "$MASS" "$T/mass.before"
if [ "$strace" ]; then
	INTERAGENT_DIR=$MASS strace -o "$T/trace" -e trace=flock,renameat,renameat2 "$BIN" list_agents >"$T/out" &
else
	INTERAGENT_DIR=$MASS "$BIN" list_agents >"$T/out" &
fi
sweeper=$!
wait_for [ -e "$MASS/archive/.swept" ]
beside=0 refused=0
while :; do
	INTERAGENT_DIR=$MASS "$BIN" set_status --from api --status "busy $beside" >"$T/out2" 2>&1 || refused=$((refused + 1))
	kill -0 $sweeper 2>/dev/null || break
	beside=$((beside + 1))
done
wait $sweeper
is "others work beside it" $refused 0
ok "of 5,000 every message is whole" whole "$MASS" "$T/mass.before"
is "and in the archive" "$(tr ' ' '\n' <"$T/words" | grep -c '^700.*:archived')" 5000
if [ "$strace" ]; then
	# The longest run of renames between two locks: two for each message.
	run=$(awk '/flock/ { n = 0 } /rename/ { if (++n > most) most = n } END { print most + 0 }' "$T/trace")
	ok "under one hold of the lock at most a hundred are moved" [ "$run" -le 200 ]
	ok "so it was taken fifty times" [ "$(grep -c 'flock.* = 0' "$T/trace")" -ge 50 ]
else
	skip "under one hold of the lock at most a hundred are moved" "no strace"
fi
done_testing
