# Every word that a tool says is paid for in each session of each agent. These
# are the limits; a change that goes over one must say why it is worth it.
. ./test/lib/test.sh
. ./test/lib/mail.sh

at_most() {
	if [ "$2" -le "$3" ]; then pass "$1: $2 of at most $3 bytes"; else fail "$1" "$2 bytes, at most $3"; fi
}
bytes() { printf '%s' "$1" | wc -c | tr -d ' '; }

list=$(serve "$(req 1 tools/list)")
at_most "tools/list" "$(bytes "$list")" 5000
for name in urgent wait_seconds base_version note version since offset mark_complete; do
	like "... with the optional parameter $name" "$list" "\"$name\""
done
unlike "... and without an empty description" "$list" '"description":""'

for name in api web; do
	"$BIN" register_agent --name "$name" --description "the $name" --workspace-path "$T/work" >/dev/null
done
is "an empty inbox, to the letter" "$(tool check_inbox '{"agent_name":"api"}')" "No mail."
at_most "an empty inbox" "$(bytes "$(tool check_inbox '{"agent_name":"api"}')")" 40

for i in 1 2 3 4 5; do
	mail web api "A report of usual length about the thing that broke, number $i, in module parser"
done
five=$(tool check_inbox '{"agent_name":"api"}')
is "an inbox of five has six lines" "$(printf '%s\n' "$five" | wc -l | tr -d ' ')" 6
at_most "an inbox of five" "$(bytes "$five")" 600

# A thousand, made by hand: sending them one by one would only take longer.
i=0
while [ "$i" -lt 995 ]; do
	id=$(printf '%08x-0000-4000-8000-000000000000' "$((i + 1000000))")
	urgent=
	[ "$i" -ne 700 ] || urgent=',
  "urgent": true'
	printf '{\n  "id": "%s",\n  "from": "web",\n  "to": "api",\n  "subject": "A report of usual length about the thing that broke, number %s, in module parser",\n  "status": "pending",\n  "createdAt": "2026-01-01T00:00:00.000Z",\n  "updatedAt": "2026-01-01T00:00:00.000Z"%s\n}' \
		"$id" "$i" "$urgent" >"$INTERAGENT_DIR/messages-meta/$id.json"
	i=$((i + 1))
done
thousand=$(tool check_inbox '{"agent_name":"api"}')
at_most "an inbox of a thousand" "$(bytes "$thousand")" 2500
like "... says how many there are" "$thousand" '^1000 unread'
like "... urgent mail first" "$(printf '%s\n' "$thousand" | sed -n 2p)" ' urgent from web'
is "... twenty of them" "$(printf '%s\n' "$thousand" | grep -c ' from web ')" 20
like "... and how to see more" "$thousand" '980 more: offset 20'
like "... which works" "$(tool check_inbox '{"agent_name":"api","offset":980}')" 'number 5, in'

# Instructions are read by every session; some clients cut them.
said=$(serve "$(req 1 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}')" | at result instructions)
at_most "the instructions" "$(bytes "$said")" 2000
like "the first 512 characters name what to do first" "$(printf '%s' "$said" | head -c 512)" \
	'register_agent.*check_inbox.*read_message'

# A large text costs memory a few times its size, and only while it is served.
big=$(awk 'BEGIN { for (i = 0; i < 16384; i++) printf "%063d\\n", i }')
printf '%s\n' \
	"$(call 1 send_message "{\"from\":\"web\",\"to\":\"api\",\"subject\":\"big\",\"urgent\":true,\"content\":\"$big\"}")" >"$T/big"
if [ -r /proc/self/status ]; then
	mkfifo "$T/in" "$T/answers"
	"$BIN" serve <"$T/in" >"$T/answers" &
	server=$!
	exec 3>"$T/in" 4<"$T/answers"
	cat "$T/big" >&3
	read -r line <&4
	like "a message of 1 MiB is sent" "$line" 'stored'
	id=$(text_of "$line" | cut -c1-8)
	offset=0
	pages=0
	: >"$T/pages"
	while [ "$pages" -lt 20 ]; do
		call 2 read_message "{\"message_id\":\"$id\",\"reader\":\"api\",\"offset\":$offset}" >&3
		read -r line <&4
		text_of "$line" >"$T/page"
		sed -n '/^--- [0-9a-f]* written/,/^--- [0-9a-f]* end/p' "$T/page" | sed '1d;$d' >>"$T/pages"
		pages=$((pages + 1))
		offset=$(sed -n 's/.*for more: offset \([0-9]*\)$/\1/p' "$T/page")
		[ -n "$offset" ] || break
	done
	is "... read in 16 pages" "$pages" 16
	ok "... that are its text" cmp -s "$T/pages" \
		"$INTERAGENT_DIR/messages/$(basename "$INTERAGENT_DIR"/messages/"$id"*)"
	call 3 reply_message "{\"original_message_id\":\"$id\",\"from\":\"api\",\"content\":\"seen\"}" >&3
	read -r line <&4
	like "... and replied to" "$line" 'stored'
	peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status")
	if grep -q __asan_init "$BIN"; then
		skip "... with a peak of memory" "the address sanitizer needs its own"
	else
		at_most "... with a peak of memory, in KB," "$peak" 16384
	fi
	exec 3>&- 4<&-
	wait "$server"
else
	skip "a message of 1 MiB is served in bounded memory" "no /proc to ask"
fi

done_testing
