# A server that has handled many calls is no bigger than one that has handled
# some, and does nothing with memory that it may not.
# shellcheck disable=SC2154 # at, reads: see the functions
. ./test/lib/test.sh

api() { call "$1" "$2" "{\"$3\":\"api\",$4}"; }

# The store that each batch of calls starts with: forty messages with known
# ids between three agents, old enough to be archived if they were read.
seed=$T/seed
mkdir -p "$seed/messages" "$seed/messages-meta" "$seed/specs" "$T/work/api"
printf '{"api":{"name":"api","workspacePath":"%s","description":"d"},"web":{"name":"web","workspacePath":"/nowhere","description":"d"},"idle":{"name":"idle","workspacePath":"/nowhere","description":"d"}}\n' \
	"$T/work/api" >"$seed/registry.json"
printf '{}\n' >"$seed/status.json"
printf 'A contract.\n' >"$seed/specs/old.md"
i=10
while [ "$i" -lt 50 ]; do
	id=000000$i-0000-4000-8000-000000000000
	printf 'Text %s.\n' "$i" >"$seed/messages/$id.md"
	printf '{"id":"%s","from":"web","to":"api","subject":"s","status":"pending","createdAt":"2024-01-01T00:00:00.000Z","updatedAt":"2024-01-01T00:00:00.000Z"}\n' \
		"$id" >"$seed/messages-meta/$id.json"
	i=$((i + 1))
done
head -c 1000000 /dev/zero | tr '\0' x >"$seed/messages/00000049-0000-4000-8000-000000000000.md"

reset_store() {
	mkdir -p "$INTERAGENT_DIR/messages" "$INTERAGENT_DIR/messages-meta"
	rm -rf "$INTERAGENT_DIR"/messages/* "$INTERAGENT_DIR"/messages-meta/* "$INTERAGENT_DIR/specs" "$INTERAGENT_DIR/archive" \
		"$T/work/api/.claude"
	cp -R "$seed"/* "$INTERAGENT_DIR"
}

# One batch: a thousand calls of all tools, good and bad ones, large ones, and
# some that wait and are called off. The last line is the only one with id 1000.
i=1
{
	call 1 register_agent '{"name":"idle","description":"d"}'
	call 1 register_agent "{\"name\":\"api\",\"description\":\"d\",\"workspace_path\":\"$T/work/api\"}"
	call 2 send_message "{\"from\":\"api\",\"to\":\"web\",\"subject\":\"large\",\"content\":\"$(head -c 1000000 /dev/zero | tr '\0' y)\"}"
	call 3 publish_spec '{"publisher":"api","name":"old","content":"Another contract.\n"}'
	while [ "$i" -lt 100 ]; do
		api 4 check_inbox agent_name '"offset":0'
		api 5 read_message reader "\"message_id\":\"000000$((i % 40 + 10))\""
		call 6 get_agent '{"name":"web"}'
		call 7 get_status '{"agent_name":"api"}'
		call 8 get_spec '{"name":"old"}'
		case $((i % 5)) in
		0) api 9 send_message from '"to":"web","subject":"s","content":"c"' ;;
		1) api 9 reply_message from "\"original_message_id\":\"000000$((i % 40 + 10))\",\"content\":\"r\",\"mark_complete\":true" ;;
		2) api 9 set_status agent_name '"status":"busy"' ;;
		3) api 9 escalate agent_name "\"message_id\":\"000000$((i % 40 + 10))\",\"reason\":\"stuck\"" ;;
		*) call 9 list_specs ;;
		esac
		case $((i % 4)) in
		0) req 10 tools/list ;;
		1) call 10 list_agents ;;
		2) call 10 no_such_tool ;;
		*) call 10 get_all_statuses ;;
		esac
		call 11 send_message '{"from":"nobody","to":"api","subject":"s","content":"c"}'
		req 12 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}'
		call '"w"' check_inbox '{"agent_name":"idle","wait_seconds":300}'
		printf '%s\n' \
			'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}'
		modern 13 server/discover
		i=$((i + 1))
	done
	while [ "$i" -lt 107 ]; do
		req 14 ping
		i=$((i + 1))
	done
	req 1000 ping
} >"$T/batch"

resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$server/status"; }

# Sends the batch to the server on descriptor 3, and waits for its last answer
# for as long as the server lives.
run_batch() {
	reset_store
	: >"$T/answers"
	cat "$T/batch" >&3
	until tail -n 1 "$T/answers" | grep -q '"id":1000,'; do
		kill -0 "$server" 2>/dev/null || return 1
		sleep 0.02
	done
}

calls=${MEMORY_CALLS:-20000}
if [ ! -r /proc/self/status ] || ! grep -q '^VmRSS:' /proc/self/status; then
	skip "a server does not grow" "there is no /proc/PID/status here"
elif grep -q __asan_init "$BIN"; then
	skip "a server does not grow" "the address sanitizer keeps what is freed"
else
	mkfifo "$T/lines"
	"$BIN" serve <"$T/lines" >>"$T/answers" 2>"$T/stderr" &
	server=$!
	exec 3>"$T/lines"
	run_batch
	early=$(resident)
	done=1000
	while [ "$done" -lt "$calls" ] && run_batch; do done=$((done + 1000)); done
	late=$(resident)
	is "the server has answered all of $calls calls" "$done" "$calls"
	like "... among them many that were good" "$(grep -c '"result"' "$T/answers")" '^[89]..$'
	is "... and complained of nothing" "$(head -c 1000 "$T/stderr")" ""
	ok "it has not grown by a MiB: $early kB after 1000, $late kB after $calls" test "$late" \
		-le "$((early + 1024))"
	exec 3>&-
	ok "... it leaves when its input ends" wait "$server"
	[ -z "${MEMORY_CALLS:-}" ] || echo "# $calls calls: $early kB after 1000, $late kB at the end"
fi
done_testing
