# Two agents talk for ten messages, and neither ever looks whether there is mail:
# each is told at the end of its turn, by its hook, or sleeps in `interagent
# wait` until it is woken. A few lines of shell play the model.
. ./test/lib/test.sh

# hook EVENT: what the agent is told at it.
hook() {
	printf '{"session_id":"%s","cwd":"%s","hook_event_name":"%s"}' "$CLAUDE_CODE_SESSION_ID" "$PWD" \
		"$1" | "$program" hook
}

# is_told: the next news, at the end of a turn or in its sleep.
is_told() {
	hook Stop >told
	if [ -s told ]; then
		at reason <told
	else
		"$program" wait --timeout 30 --exit-code 0 2>&1
	fi
}

# play NAME LAST: the agent answers each number with the next one, until it has
# read or written the last. All that it is told goes to its log.
play() {
	cd "$T/$1" || return
	export CLAUDECODE=1 CLAUDE_CODE_SESSION_ID="session-$1"
	said=0
	while [ "$said" -lt "$2" ]; do
		news=$(is_told)
		printf '%s\n' "$news" >>"$T/$1.log"
		id=$(printf '%s\n' "$news" | sed -n 's/^interagent: 1 unread for [a-z]*: \([0-9a-f]\{8\}\) from .*/\1/p')
		[ -n "$id" ] || return
		said=$("$program" read_message --message_id "$id" | sed -n 's/^number \([0-9]*\)$/\1/p')
		[ "${said:-99}" -lt "$2" ] || return
		said=$((said + 1))
		"$program" reply_message --original_message_id "$id" --content "number $said" >>"$T/$1.sent" 2>&1
	done
}

# talk HOW PROGRAM
talk() {
	program=$2
	INTERAGENT_DIR=$T/store.${program##*/}
	metas=$INTERAGENT_DIR/messages-meta
	rm -rf "$T/api" "$T/web" "$T"/*.log "$T"/*.sent
	for name in api web; do
		mkdir "$T/$name"
		(cd "$T/$name" && exec "$program" register_agent --name "$name" --description test) >"$T/out" 2>&1
		(cd "$T/$name" && CLAUDE_CODE_SESSION_ID=session-$name && hook SessionStart) >"$T/$name.start"
		like "$1: $name starts without mail" \
			"$(at hookSpecificOutput additionalContext <"$T/$name.start")" \
			"^You are the agent $name\\. interagent: no unread mail\$"
	done
	play web 10 &
	web=$!
	(cd "$T/api" && CLAUDECODE=1 exec "$program" send_message --to web --subject 'Counting' --content 'number 1') >"$T/api.sent" 2>&1
	play api 10 &
	wait $! "$web"
	is "$1: ten messages are stored" "$(find "$metas" -name '*.json' | grep -c .)" 10
	is "... and all have been read" "$(grep -l '"acknowledged"' "$metas"/*.json | grep -c .)" 10
	is "... from 1 to 10" \
		"$(grep -h -o '[0-9]*$' "$INTERAGENT_DIR"/messages/*.md | sort -n | paste -s -d ' ' -)" \
		"1 2 3 4 5 6 7 8 9 10"
	for name in api web; do
		is "$1: $name is told five times" "$(grep -c '^interagent: 1 unread' "$T/$name.log")" 5
		is "... and never of nothing" "$(grep -c '' "$T/$name.log")" 5
		is "... nor of anything twice" \
			"$(sed 's/.*: \([0-9a-f]\{8\}\) from .*/\1/' "$T/$name.log" | sort | uniq -d)" ""
		unlike "... nor what is in a message" "$(cat "$T/$name.log")" 'number'
		is "... and at the end there is no news" \
			"$(cd "$T/$name" && CLAUDE_CODE_SESSION_ID=session-$name && hook Stop)" ""
	done
	id=$(at id <"$(grep -L '"replyTo"' "$metas"/*.json)")
	length=1
	while next=$(grep -l "\"replyTo\": \"$id\"" "$metas"/*.json) && [ "$length" -lt 20 ]; do
		id=$(at id <"$next")
		length=$((length + 1))
	done
	is "$1: it is one conversation" "$length" 10
}

talk "where the system tells of mail" "$BIN"
talk "where one has to look for it" "$HELPERS/interagent-plain"

done_testing
