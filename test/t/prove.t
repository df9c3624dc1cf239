# Every state that a power cut may leave while a verb writes (crashstates.c), and
# every order in which two verbs may work at the same time (schedules.c): their
# heads say what the model is and what must hold. `make prove` checks all of them,
# and changes of the program that must be found (PROVE=1); here it is a sample.
# ONLY="send and read" runs one test, VERBOSE=1 shows what was found.
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

# cuts NAME UNSEEN OPTIONS...: two tests. UNSEEN changes of the program would make no
# difference, because another sync does the same or the order does not matter.
states=0
mutants=0
cuts() {
	name=$1 unseen=$2
	shift 2
	if [ -n "${ONLY:-}" ] && [ "$ONLY" != "$name" ]; then return; fi
	if result=$("$HELPERS/crashstates" -run "$RUN" -program "$BIN" -tty "$HELPERS/tty" -sample "$SAMPLE" "$@" 2>&1); then
		pass "$name: $result"
		states=$((states + ${result%% *}))
	else
		fail "$name" "$result"
	fi
	if [ -z "${PROVE:-}" ]; then return; fi
	if result=$("$HELPERS/crashstates" -run "$RUN" -program "$BIN" -tty "$HELPERS/tty" -mutants "$unseen" "$@" 2>&1); then
		pass "... and with a sync left out, a rename too early, an order exchanged: $(printf '%s\n' "$result" | tail -n 1)"
		mutants=$((mutants + $(printf '%s\n' "$result" | sed -n 's/^\([0-9]*\) found.*/\1/p')))
	else
		fail "... and with a sync left out, a rename too early, an order exchanged" "$result"
	fi
	[ -z "${VERBOSE:-}" ] || printf '%s\n' "$result"
}

if [ -n "${PROVE:-}" ]; then SAMPLE=1; else SAMPLE=7; fi
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
# in_new, in_busy NAME UNSEEN OPTIONS...
in_new() { of_new="$1, the first time" n=$2; shift 2; cuts "$of_new" "$n" -from "$NEW" -agent api -agent ops -agent web "$@"; }
in_busy() { of_busy=$1 n=$2; shift 2; cuts "$of_busy" "$n" -from "$BUSY" -agent api -agent ops -agent web "$@"; }

cuts "register_agent in no store" 0 -from "$T/none" \
	-stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
	-- "$RECORDING" register_agent --name new --workspace-path "$RUN/work/api" --description first
in_busy "register_agent" 0 -stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
	-- "$RECORDING" register_agent --name new --workspace-path "$RUN/work/api" --description first
for in in in_new in_busy; do
	if [ $in = in_new ]; then archive=2; else archive=0; fi
	$in "send_message to one" $archive -body "$BODY" -stage '' -stage 'body' -stage 'new:web>api:pending' \
		-- "$RECORDING" send_message --from web --to api --subject s --content "$body"
	$in "send_message to two" $archive -body "$BODY" -stage '' -stage 'body' \
		-stage 'new:web>api:pending' -stage 'new:web>api:pending body' -stage 'new:web>api:pending new:web>ops:pending' \
		-- "$RECORDING" send_message --from web --to api,ops --subject s --content "$body"
	$in "publish_spec" 0 -body "$BODY" -stage '' -stage 'past:fresh/1' -stage 'spec:fresh past:fresh/1' \
		-- "$RECORDING" publish_spec --from web --name fresh --content "$body"
	$in "set_status" 0 -stage '' -stage 'status:api=busy' \
		-- "$RECORDING" set_status --from api --status busy
done
in_busy "read_message" 0 -stage '' -answered '*' -done '10000000:acknowledged' \
	-- "$RECORDING" read_message --from api --message-id 10000000
in_busy "reply_message --mark-complete" 0 -body "$BODY" -stage '' -stage 'body' -stage 'new:api>web:pending:re=20000000' \
	-stage '20000000:completed new:api>web:pending:re=20000000' \
	-- "$RECORDING" reply_message --from api --original-message-id 20000000 --content "$body" --mark-complete
printf 'no idea\n\nThe message is from web:\n\n> the text of %s\n' "$PENDING" >"$T/copy"
in_busy "escalate" 0 -body "$T/copy" -once -stage '' -stage '10000000:escalated' -stage '10000000:escalated body' \
	-stage '10000000:escalated new:api>human:escalated:re=10000000' \
	-- "$RECORDING" escalate --from api --message-id 10000000 --reason 'no idea'
printf 'spec contract is now v2; you last read v1. To see what changed: get_spec with name "contract" and since 1.\n' >"$T/notice"
published='spec:contract past:contract/2 readers:contract'
in_busy "publish_spec to its readers" 0 -body "$BODY" -body "$T/notice" \
	-stage '' -stage 'readers:contract' -stage 'past:contract/2 readers:contract' -stage "$published" \
	-stage "$published body" -stage "$published new:api>ops:pending" \
	-stage "$published 70000000:completed new:api>ops:pending" \
	-- "$RECORDING" publish_spec --from api --name contract --content "$body"
in_busy "get_spec by a reader" 0 -stage '' -stage 'readers:contract' \
	-- "$RECORDING" get_spec --from web --name contract

# Mail in every state of the table at the head of store.c, and a sweep that is due.
DUE=$T/due
cp -Rp "$BUSY" "$DUE"
rm "$DUE/store/archive/.swept"
DONE=50000001-aaaa-4aaa-8aaa-aaaaaaaaaaaa
READ=50000002-aaaa-4aaa-8aaa-aaaaaaaaaaaa
HALF=50000003-aaaa-4aaa-8aaa-aaaaaaaaaaaa
BACK=50000004-aaaa-4aaa-8aaa-aaaaaaaaaaaa
BOTH=50000005-aaaa-4aaa-8aaa-aaaaaaaaaaaa
LEFT=60000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
for id in $DONE $HALF $BACK $BOTH; do message "$DUE/store" "$id" web api completed; done
message "$DUE/store" $READ web api acknowledged
mv "$DUE/store/messages-meta/$HALF.json" "$DUE/store/archive/messages-meta/"
mv "$DUE/store/messages/$BACK.md" "$DUE/store/archive/messages/"
sed 's/completed/acknowledged/; s/"theirs"/"older"/' "$DUE/store/messages-meta/$BOTH.json" >"$DUE/store/archive/messages-meta/$BOTH.json"
printf 'never sent\n' >"$DUE/store/messages/$LEFT.md"
touch -t 202001020304 "$DUE/store/messages/$LEFT.md"
in_due() { of_due=$1 n=$2; shift 2; cuts "$of_due" "$n" -from "$DUE" -agent api -agent ops -agent web "$@"; }
swept='20000000:archived 50000001:archived 50000002:archived 50000003:archived 50000004:archived 50000005:one 50000005:archived 60000000:archived'
in_due "the sweep" 0 -stage '' -answered '*' -done "$swept" \
	-- "$RECORDING" list_agents

# What the person deletes is not missed.
PRUNED=$T/pruned
cp -Rp "$BUSY" "$PRUNED"
rm "$PRUNED/store/archive/messages/$FILED.md" "$PRUNED/store/archive/messages-meta/$FILED.json"
printf 'the text of %s\n' "$FILED" >"$T/filed"
in_busy "prune" 0 -before "$PRUNED" -body "$T/filed" -stage '' -stage 'new:web>api:completed' -stage 'body' -answered '*' \
	-- "$HELPERS/tty" "$RECORDING" prune --older 30d
LEFT=$T/left
cp -Rp "$BUSY" "$LEFT"
"$HELPERS/tty" env INTERAGENT_DIR="$LEFT/store" "$BIN" forget ops --force >"$T/out"
cuts "forget" 0 -from "$BUSY" -agent api -agent web -before "$LEFT" -once -stage 'agent:ops=first' -stage '' \
	-- "$HELPERS/tty" "$RECORDING" forget ops --force

# A hook has told of mail once it has said so, and not before.
printf '{"hook_event_name":"SessionStart","session_id":"s1","cwd":"%s","source":"startup"}' "$RUN/work/api" >"$T/event"
in_busy "hook" 0 -input "$T/event" -stage '' -again '*about 1*' \
	-- /usr/bin/env INTERAGENT_NAME=api "$RECORDING" hook

# Damage, and how it is mended.
TORN=$T/torn
cp -Rp "$BUSY" "$TORN"
head -c 400 "$BUSY/store/registry.json" >"$TORN/store/registry.json"
touch -t 202001020304 "$TORN/store/registry.json"
cuts "register_agent beside a torn entry" 0 -from "$TORN" -agent api -damaged \
	-stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
	-- "$RECORDING" register_agent --name new --workspace-path "$RUN/work/api" --description first
HURT=$T/hurt
cp -Rp "$BUSY" "$HURT"
: >"$HURT/store/status.json"
touch -t 202001020304 "$HURT/store/status.json"
cuts "doctor --fix" 1 -from "$HURT" -agent api -damaged -exit 1 -stage '' \
	-- "$RECORDING" doctor --fix

section "At the same time"

# What each verb is called with: about the same message ($about), spec and name, where
# it can be.
TURNS=$HELPERS/interagent-turn
command_of() {
	case $1 in
	send) set -- "$TURNS" send_message --from web --to api --subject s --content hello --json ;;
	send-two) set -- "$TURNS" send_message --from web --to api,ops --subject s --content hello --json ;;
	read) set -- "$TURNS" read_message --from api --message-id "$about" ;;
	complete) set -- "$TURNS" reply_message --from api --original-message-id "$about" --content hello --mark-complete --json ;;
	escalate) set -- "$TURNS" escalate --from api --message-id "$about" --reason why --json ;;
	publish) set -- "$TURNS" publish_spec --from api --name contract --content new ;;
	publish-too) set -- "$TURNS" publish_spec --from web --name contract --content newer ;;
	get-spec) set -- "$TURNS" get_spec --from web --name contract ;;
	status) set -- "$TURNS" set_status --from ops --status busy ;;
	register) set -- "$TURNS" register_agent --name new --workspace-path "$RUN/work/api" --description first ;;
	register-it-too) set -- "$TURNS" register_agent --name new --workspace-path "$RUN/work/web" --description second ;;
	register-another) set -- "$TURNS" register_agent --name ops --workspace-path "$RUN/work/ops" --description third ;;
	forget) set -- "$HELPERS/tty" "$TURNS" forget ops --force ;;
	prune) set -- "$HELPERS/tty" "$TURNS" prune --older 30d ;;
	sweep) set -- "$TURNS" list_agents ;;
	hook) set -- /bin/sh -c "INTERAGENT_NAME=api exec $TURNS hook <$T/event" ;;
	doctor) set -- "$TURNS" doctor --fix ;;
	esac
	for word in "$@"; do printf '%s\n' "$word"; done
}

# commands VERB...: a line for each word, with "--" before each command.
commands() {
	case " $* " in *' sweep '*) about=20000000 ;; *) about=10000000 ;; esac
	for verb in "$@"; do
		echo --
		command_of "$verb"
	done
}

# A store that lacks what forget and prune may take away.
LITTLE=$T/little
cp -Rp "$LEFT" "$LITTLE"
rm "$LITTLE"/store/archive/messages/* "$LITTLE"/store/archive/messages-meta/* "$LITTLE/store/messages/$ASKED.md" \
	"$LITTLE/store/messages-meta/$ASKED.json"

# are_there VERB VERB: of those that are tried together, in any order
are_there() {
	case $three in *" $1 "*" $2 "* | *" $2 "*" $1 "*) ;; *) return 1 ;; esac
}

# together VERB VERB...: one test.
schedules=0
together() {
	name="$1 and $2${3:+ and $3}" three=$(printf ' %s ' "$@")
	if [ -n "${ONLY:-}" ] && [ "$ONLY" != "$name" ]; then return; fi
	case " $* " in *' sweep '*) from=$DUE ;; *) from=$BUSY ;; esac
	case " $* " in *' forget '* | *' prune '*) before=$LITTLE ;; *) before=$from ;; esac
	commands "$@" >"$T/commands"
	part=$SAMPLE
	# Two hooks wait for each other by the clock: all of it would take a quarter of an hour.
	[ "$name" != "hook and hook" ] || part=7
	set -- -from "$from" -before "$before" -run "$RUN" -sample "$part"
	# Two who escalate the same at once may both be told yes; then the person has it twice.
	! are_there escalate escalate ||
		set -- "$@" -also '10000000:escalated new:api>human:escalated:re=10000000 new:api>human:escalated:re=10000000'
	# Who is forgotten at the moment may leave a status, or have none; two may be told of it.
	! are_there status forget || set -- "$@" -also '*status:ops=busy*'
	! are_there register-another forget || set -- "$@" -also 'agent:ops=third new:*' -also 'status:ops=online new:*'
	! are_there forget forget || set -- "$@" -also 'new:web>api:acknowledged new:web>api:completed'
	# The text of a message that is pruned half archived: the sweep may move it at once.
	! are_there prune sweep || set -- "$@" -also '*new:* body body'
	# Who reads while the next version is published is told of it in the answer, perhaps twice.
	if are_there publish get-spec || are_there publish-too get-spec; then
		set -- "$@" -also 'spec:contract past:contract/2 readers:contract 70000000:completed new:*>ops:pending*'
	fi
	# Of two notices at once one stays at least, though it may tell of the version before.
	if are_there publish publish || are_there publish publish-too; then
		set -- "$@" -also '*70000000:completed new:*>ops:completed new:*>ops:pending' -also '*70000000:completed new:*>ops:pending new:*>ops:completed' \
			-also '*70000000:completed new:*>ops:pending new:*>ops:pending' \
			-also '*70000000:completed new:*>ops:* new:*>web:* new:*>ops:pending'
	fi
	while IFS= read -r word; do set -- "$@" "$word"; done <"$T/commands"
	if result=$("$HELPERS/schedules" "$@" 2>&1); then
		pass "$name: $result"
		schedules=$((schedules + ${result%% *}))
	else
		fail "$name" "$result"
	fi
}

# A sample is of four verbs, and of few preemptions.
if [ -n "${PROVE:-}" ]; then
	most=2
	verbs='send read complete escalate publish get-spec status register register-another forget prune sweep hook doctor'
else
	SAMPLE=29
	most=1
	verbs='read complete publish register'
fi
others=
for verb in $verbs; do
	others="$others $verb"
	for other in $others; do
		together "$other" "$verb"
	done
done
if [ -n "${PROVE:-}" ]; then
	together send-two sweep
	together send-two read
	together get-spec publish-too
fi
together publish publish-too
together register register-it-too
together register-it-too forget

# Two servers of one agent in different places: one is told yes, for as long as it lives.
SAID='{"jsonrpc":"2.0","id":"first","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}'
for place in api web; do
	printf '%s\n{"jsonrpc":"2.0","id":"last","method":"tools/call","params":{"name":"register_agent","arguments":{"name":"new","workspacePath":"%s","description":"of %s"}}}\n' \
		"$SAID" "$RUN/work/$place" "$place" >"$T/lines-$place"
	printf 'cd "%s" && exec "%s" serve\n' "$RUN/work/$place" "$TURNS" >"$T/serve-$place"
done
if [ -n "${ONLY:-}" ]; then
	:
elif result=$("$HELPERS/schedules" -from "$BUSY" -run "$RUN" -sample "$SAMPLE" -most "$most" -lines "$T/lines-api" -lines "$T/lines-web" \
	-- /bin/sh "$T/serve-api" -- /bin/sh "$T/serve-web" 2>&1); then
	pass "two servers register one name: $result"
	schedules=$((schedules + ${result%% *}))
else
	fail "two servers register one name" "$result"
fi

if [ -n "${PROVE:-}" ]; then
	for verbs in 'read complete escalate' 'send read sweep' 'complete sweep prune' 'register forget status' 'publish publish-too get-spec'; do
		SAMPLE=37
		# shellcheck disable=SC2086
		together $verbs
	done
	SAMPLE=1
fi

if [ -n "${PROVE:-}" ] && [ -z "${ONLY:-}" ]; then
	section "What is planted is found"
	# mutant HEADER OBJECT SED: builds the program with store.c changed by a line of sed.
	mutant() {
		mkdir -p "$T/mutant"
		sed "$3" store.c >"$T/mutant/store.c"
		# shellcheck disable=SC2086
		! cmp -s store.c "$T/mutant/store.c" &&
			${CC:-cc} ${CFLAGS:--std=c11 -D_DEFAULT_SOURCE} -I. -DSTORE_SYS="\"$PWD/test/c/$1\"" \
				-o "$T/mutant/interagent" "$2" "$T/mutant/store.c" json.o
	}
	found() {
		if [ "$1" -eq 1 ]; then pass "$2: $(printf '%s\n' "$3" | head -n 1)"; else fail "$2" "$3"; fi
	}

	# cut_short WHAT SED OPTIONS...
	cut_short() {
		what=$1 change=$2
		shift 2
		if ! mutant record.h test/bin/answer.o "$change"; then fail "$what" "it is not there to be left out"; return; fi
		result=$("$HELPERS/crashstates" -run "$RUN" -program "$BIN" -tty "$HELPERS/tty" "$@" 2>&1)
		found $? "$what" "$result"
	}
	sent() {
		cut_short "$@" -agent api -body "$BODY" -stage '' -stage 'body' -stage 'new:web>api:pending' \
			-- "$T/mutant/interagent" send_message --from web --to api --subject s --content "$body"
	}
	sent "a file is not synced before its rename" '/^static store_result replace_file/,/^}/s/if (fsync_retry(fd) < 0)/if (fd < 0)/' -from "$BUSY"
	sent "a directory is not synced after a rename" '/^static store_result replace_file/,/^}/s/if (sync_dir(st, dir) == 0)/if (dir >= 0)/' -from "$BUSY"
	sent "a new directory is not synced" '/^static int make_dir/,/^}/s/sync_dir(st, in)/0/' -from "$NEW"
	sent "a text is written in place" '/^static store_result replace_file/,/^}/s/"\.tmp-%S", store_random(st->mem, 8)/"%s", name/' -from "$BUSY"
	cut_short "the text of what is pruned may go first" '/^store_result store_prune/,/^}/s/sync_dir(st, dir_fd(st, OLD_METAS, false))/0/' \
		-from "$BUSY" -before "$PRUNED" -agent api -body "$T/filed" -stage '' -stage 'new:web>api:completed' -stage 'body' -answered '*' \
		-- "$HELPERS/tty" "$T/mutant/interagent" prune --older 30d
	cut_short "a damaged table may lose its second name" '/^static store_result keep_damaged/,/^}/s/sync_dir(st, dir)/0/' \
		-from "$TORN" -agent api -damaged -stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' \
		-- "$T/mutant/interagent" register_agent --name new --workspace-path "$RUN/work/api" --description first
	cut_short "the sweep does not sync where it moves to" '/^static store_result archive_batch/,/^}/s/OLD_METAS, METAS, OLD_BODIES, BODIES/METAS, BODIES/' \
		-from "$DUE" -agent api -stage '' -answered '*' -done "$swept" -- "$T/mutant/interagent" list_agents

	# raced WHAT SED VERB...
	raced() {
		what=$1 change=$2
		shift 2
		if ! mutant turn.h interagent.o "$change"; then fail "$what" "it is not there to be left out"; return; fi
		TURNS=$T/mutant/interagent
		commands "$@" >"$T/commands"
		case " $* " in *' sweep '*) from=$DUE ;; *) from=$BUSY ;; esac
		set -- -from "$from" -run "$RUN"
		while IFS= read -r word; do set -- "$@" "$word"; done <"$T/commands"
		result=$("$HELPERS/schedules" "$@" 2>&1)
		found $? "$what" "$result"
	}
	raced "no lock is taken" '/^static store_result lock(/,/^}/s/if (holds_lock(st))/if (root >= 0)/' status register
	raced "a state is not looked at again under the lock" '/^store_result store_set_state/,/^}/s/r != STORE_OK || !(from >> m->state & 1)/r != STORE_OK/' read complete
	raced "publishing takes no lock" '/^store_result store_publish/,/^}/s/r = lock(st);/r = STORE_OK;/' publish publish-too
	raced "the sweep takes no lock" '/^static store_result archive_batch/,/^}/s/r = lock(st);/r = STORE_OK;/' complete sweep
	raced "the archive is not looked at again" '/^static store_result load_message/,/^}/s/		r = load_meta(st, OLD_METAS, id, m, seen);/		;/' read sweep
	raced "a reader's version is not looked at again under the lock" \
		'/^store_result store_note_reader/,/^}/s/if (r == STORE_OK \&\& store_version_read(&readers, agent) < version)/if (r == STORE_OK)/' get-spec publish-too get-spec
	if mutant turn.h interagent.o '/^store_result store_register/,/^}/s/result = lock(st);/result = STORE_OK;/'; then
		TURNS=$T/mutant/interagent
		printf 'cd "%s" && exec "%s" serve\n' "$RUN/work/api" "$TURNS" >"$T/serve-api"
		printf 'cd "%s" && exec "%s" serve\n' "$RUN/work/web" "$TURNS" >"$T/serve-web"
		result=$("$HELPERS/schedules" -from "$BUSY" -run "$RUN" -lines "$T/lines-api" -lines "$T/lines-web" \
			-- /bin/sh "$T/serve-api" -- /bin/sh "$T/serve-web" 2>&1)
		found $? "registering takes no lock" "$result"
	else
		fail "registering takes no lock" "it is not there to be left out"
	fi
fi

section "What is proven"
echo "# $states states after a cut, $mutants mutants found, $schedules schedules"
done_testing
