# Every state that a power cut may leave while a verb writes: see crashstates.c
# for the model and for what must hold in each. `make prove` checks all of them
# (PROVE=1); here it is a sample.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
	export TMPDIR
fi
. ./test/lib/test.sh
RUN=$T/run
. ./test/lib/filled.sh

RECORDING=$HELPERS/interagent-record
BODY=$T/body
awk 'BEGIN { for (i = 0; i < 40; i++) print "line", i, "of a text that takes several sectors of a disk" }' >"$BODY"
body=$(cat "$BODY")
printf %s "$body" >"$BODY"

# cuts NAME OPTIONS...: one test. MUTANTS=1 prints instead which changes of the
# program would have been found.
states=0
cuts() {
	name=$1
	shift
	if [ -n "${ONLY:-}" ] && [ "$ONLY" != "$name" ]; then return; fi
	if [ -n "${MUTANTS:-}" ]; then
		echo "$name:"
		"$HELPERS/crashstates" -run "$RUN" -program "$BIN" -tty "$HELPERS/tty" -mutants "$@" 2>&1
		return
	fi
	if result=$("$HELPERS/crashstates" -run "$RUN" -program "$BIN" -tty "$HELPERS/tty" -sample "$SAMPLE" "$@" 2>&1); then
		pass "$name: $result"
		states=$((states + ${result%% *}))
	else
		fail "$name" "$result"
	fi
}

if [ -n "${PROVE:-}" ]; then SAMPLE=1; else SAMPLE=29; fi
section "After a power cut"

# A store that has only its agents, and one in use.
NEW=$T/new
mkdir -p "$T/none" "$NEW"
BUSY=$T/busy
make_store "$BUSY"
mkdir "$NEW/store"
cp -p "$BUSY/store/registry.json" "$NEW/store/"
cp -Rp "$BUSY/work" "$NEW/"
cp -Rp "$BUSY/work" "$T/none/"
# in_new, in_busy NAME OPTIONS...
in_new() { of_new="$1, the first time"; shift; cuts "$of_new" -from "$NEW" -agent api -agent ops -agent web "$@"; }
in_busy() { of_busy="$1"; shift; cuts "$of_busy" -from "$BUSY" -agent api -agent ops -agent web "$@"; }

cuts "register_agent in no store" -from "$T/none" \
	-stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
	-- "$RECORDING" register_agent --name new --workspace-path "$RUN/work/api" --description first
in_busy "register_agent" -stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
	-- "$RECORDING" register_agent --name new --workspace-path "$RUN/work/api" --description first
for in in in_new in_busy; do
	$in "send_message to one" -body "$BODY" -stage '' -stage 'body' -stage 'new:web>api:pending' \
		-- "$RECORDING" send_message --from web --to api --subject s --content "$body"
	$in "send_message to two" -body "$BODY" -stage '' -stage 'body' \
		-stage 'new:web>api:pending' -stage 'new:web>api:pending body' -stage 'new:web>api:pending new:web>ops:pending' \
		-- "$RECORDING" send_message --from web --to api,ops --subject s --content "$body"
	$in "publish_spec" -body "$BODY" -stage '' -stage 'past:fresh/1' -stage 'spec:fresh past:fresh/1' \
		-- "$RECORDING" publish_spec --from web --name fresh --content "$body"
	$in "set_status" -stage '' -stage 'status:api=busy' \
		-- "$RECORDING" set_status --from api --status busy
done
in_busy "read_message" -stage '' -stage '10000000:acknowledged' \
	-- "$RECORDING" read_message --from api --message-id 10000000
in_busy "reply_message --mark-complete" -body "$BODY" -stage '' -stage 'body' -stage 'new:api>web:pending:re=20000000' \
	-stage '20000000:completed new:api>web:pending:re=20000000' \
	-- "$RECORDING" reply_message --from api --original-message-id 20000000 --content "$body" --mark-complete
printf 'no idea\n\nThe message is from web:\n\n> the text of %s\n' $PENDING >"$T/copy"
in_busy "escalate" -body "$T/copy" -once -stage '' -stage '10000000:escalated' -stage '10000000:escalated body' \
	-stage '10000000:escalated new:api>human:escalated:re=10000000' \
	-- "$RECORDING" escalate --from api --message-id 10000000 --reason 'no idea'
printf 'spec contract is now v2; you last read v1. To see what changed: get_spec with name "contract" and since 1.\n' >"$T/notice"
in_busy "publish_spec to its readers" -body "$BODY" -body "$T/notice" \
	-stage '' -stage 'readers:contract' -stage 'past:contract/2*' -stage 'spec:contract past:contract/2*' \
	-answered 'spec:contract past:contract/2 readers:contract 70000000:completed new:api>ops:pending' \
	-- "$RECORDING" publish_spec --from api --name contract --content "$body"
in_busy "get_spec by a reader" -stage '' -stage 'readers:contract' \
	-- "$RECORDING" get_spec --from web --name contract

section "What is proven"
[ -n "${MUTANTS:-}" ] || echo "# $states states"
done_testing
