# A server opens only what it must (names-diff). That it does must never show:
# its answers are a plain scan's, whatever happens to the files.
. ./test/lib/test.sh

for seed in 1 2 3; do
	ok "700 random steps, seed $seed: with a memory and without, the same mail" \
		"$HELPERS/cachetest" "$T/store-$seed" 700 "$seed"
done

# ... and it is a memory: a second look opens no mail that is for others.
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	for name in api web; do
		"$BIN" register_agent --name "$name" --description x --workspace-path "$T/nowhere/$name" >/dev/null
	done
	for i in 1 2 3 4 5; do
		"$BIN" send_message --from api --to api --subject "$i" --content x >/dev/null
	done
	strace -o "$T/trace" -e trace=open,openat,read "$BIN" serve >/dev/null <<-END
	$(call 1 check_inbox '{"agent_name":"web"}')
	$(call 2 check_inbox '{"agent_name":"web"}')
	$(call 3 check_inbox '{"agent_name":"web"}')
	END
	is "three looks open each of five foreign metas once" "$(grep -c '4[0-9a-f-]*\.json' "$T/trace")" 5
	INTERAGENT_NAME=api strace -o "$T/trace" -e trace=open,openat "$BIN" inbox >/dev/null
	is "a process that looks once opens each of its five metas once" \
		"$(grep -c '4[0-9a-f-]*\.json' "$T/trace")" 5
	"$BIN" send_message --from api --to web --subject new --content x >/dev/null
	echo '{"session_id":"s","hook_event_name":"UserPromptSubmit","cwd":"/"}' |
		INTERAGENT_NAME=web strace -o "$T/trace" -e trace=open,openat "$BIN" hook >"$T/told"
	like "so does one that tells of a sixth" "$(cat "$T/told")" 'from api .*new'
	is "and finds it in one look" "$(grep -c '4[0-9a-f-]*\.json' "$T/trace")" 6
else
	skip "looks open each meta once" "no strace, or it may not trace"
fi

done_testing
