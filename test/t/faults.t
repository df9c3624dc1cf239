# Every system call of every verb that writes is made to fail, one after the
# other and in several ways, and the process is killed at each. After each run
# the store must be whole, and what was said about it must be true: see
# faultloop.c for what is checked, storecheck.c for what a whole store is.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
	export TMPDIR
fi
. ./test/lib/test.sh
. ./test/lib/filled.sh

KINDS=${KINDS:-ENOSPC EIO EACCES EMFILE EINTR short kill}
FAULTY=$HELPERS/interagent-fault
RUN=$T/run

BUSY=$T/busy
make_store "$BUSY"
BODY=$T/body
awk 'BEGIN { for (i = 0; i < 500; i++) print "line", i, "of a text that is longer than one page of memory" }' >"$BODY"
body=$(cat "$BODY")
printf %s "$body" >"$BODY"

# faults NAME OPTIONS...: one test for each kind of fault.
faults() {
	name=$1
	shift
	for kind in $KINDS; do
		case $kind in
		E*) what=$("$HELPERS/storecheck" -errno "$kind") ;;
		*) what=$kind ;;
		esac
		if result=$("$HELPERS/faultloop" -run "$RUN" -fault "$what" -trace "$T/trace" "$@" 2>&1); then
			pass "$name, $kind at each of $result calls"
		else
			fail "$name, $kind" "$result"
		fi
	done
}

# What survives a power cut is what was written, synced and closed before its
# rename, with the directory synced after it. $T/trace has the calls of a run
# that nothing disturbs. Signal files are not synced, nor are their directories.
check_order() {
	calls=$(tr '\n' ' ' <"$T/trace" | sed 's/chmod //g; s/f\{0,1\}stat //g; s/mkdir open mkdir open//g; s/mkdir open fsync/mkdir fsync/g')
	is "$1: each rename is synced before and after" \
		"$(printf '%s\n' "$calls" | grep -o 'write fsync close rename fsync' | wc -l)" \
		"$(printf '%s\n' "$calls" | grep -o rename | wc -l)"
	unlike "$1: so is each directory that it makes" "$calls" 'mkdir [^f]'
}

mkdir -p "$T/none/work"
faults "register_agent in a new store" -from "$T/none" \
	-stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' -end 'agent:new=first status:new=online' \
	-- "$FAULTY" register_agent --name new --workspace-path "$T" --description first
check_order "register_agent in a new store"
faults "register_agent again" -from "$BUSY" \
	-stage '' -stage 'agent:api=second' -end 'agent:api=second' \
	-- "$FAULTY" register_agent --name api --workspace-path "$T" --description second
check_order "register_agent again"
faults "send_message to one" -from "$BUSY" -body "$BODY" \
	-stage '' -stage 'body' -unseen 'body' -stage 'new:web>api:pending' -end '*new:web>api:pending*' \
	-- "$FAULTY" send_message --from web --to api --subject s --content "$body"
check_order "send_message to one"
faults "send_message to three" -from "$BUSY" -body "$BODY" \
	-stage '' -stage 'body' -unseen 'body' \
	-stage 'new:web>api:pending' -stage 'new:web>api:pending body' \
	-stage 'new:web>api:pending new:web>human:pending' -stage 'new:web>api:pending new:web>human:pending body' \
	-stage 'new:web>api:pending new:web>human:pending new:web>ops:pending' \
	-end '*new:web>api:pending*new:web>human:pending*new:web>ops:pending*' \
	-- "$FAULTY" send_message --from web --to api,human,ops --subject s --content "$body"
check_order "send_message to three"
faults "read_message by the recipient" -from "$BUSY" \
	-stage '' -stage '10000000:acknowledged' -end '10000000:acknowledged' -shows "$BUSY/store/messages/$PENDING.md" \
	-- "$FAULTY" read_message --from api --message-id 10000000
check_order "read_message by the recipient"
faults "reply_message --mark-complete" -from "$BUSY" -body "$BODY" \
	-stage '' -stage 'body' -unseen 'body' -stage 'new:api>web:pending:re=20000000' -stage '20000000:completed new:api>web:pending:re=20000000' \
	-end '20000000:completed new:api>web:pending:re=20000000*' \
	-- "$FAULTY" reply_message --from api --original-message-id 20000000 --content "$body" --mark-complete
check_order "reply_message --mark-complete"
faults "reply_message to an archived one" -from "$BUSY" -body "$BODY" \
	-stage '' -stage 'body' -unseen 'body' -stage 'new:api>web:pending:re=40000000' -end 'new:api>web:pending:re=40000000*' \
	-- "$FAULTY" reply_message --from api --original-message-id 40000000 --content "$body"
check_order "reply_message to an archived one"
printf 'no idea\n\nThe message is from web:\n\n> the text of %s\n' $PENDING >"$T/copy"
faults "escalate" -from "$BUSY" -body "$T/copy" -once \
	-stage '' -stage '10000000:escalated' -stage '10000000:escalated body' -stage '10000000:escalated new:api>human:escalated:re=10000000' \
	-end '10000000:escalated new:api>human:escalated:re=10000000*' \
	-- "$FAULTY" escalate --from api --message-id 10000000 --reason 'no idea'
check_order "escalate"
faults "publish_spec" -from "$BUSY" -body "$BODY" -unseen 'past:fresh/1' \
	-stage '' -stage 'past:fresh/1' -stage 'spec:fresh past:fresh/1' \
	-end 'spec:fresh past:fresh/1*' \
	-- "$FAULTY" publish_spec --from web --name fresh --content "$body"
check_order "publish_spec"
printf 'spec contract is now v2; you last read v1. To see what changed: get_spec with name "contract" and since 1.\n' >"$T/notice"
published='spec:contract past:contract/2 readers:contract'
# Of an older notice that stays unread, though there is a newer one, no harm comes.
faults "publish_spec to its readers" -from "$BUSY" -body "$BODY" -body "$T/notice" -unseen '[pr]*' \
	-stage '' -stage 'readers:contract' -stage 'past:contract/2*' -stage "$published" -stage "$published body" \
	-stage "$published *new:api>ops:pending" \
	-end 'spec:contract past:contract/2*' \
	-- "$FAULTY" publish_spec --from api --name contract --content "$body"
check_order "publish_spec to its readers"
printf 'version 1\n' >"$T/version"
faults "get_spec by a reader" -from "$BUSY" -silent -shows "$T/version" \
	-stage '' -stage 'readers:contract' -end 'readers:contract' \
	-- "$FAULTY" get_spec --from web --name contract
check_order "get_spec by a reader"
faults "set_status" -from "$BUSY" \
	-stage '' -stage 'status:api=busy' -end 'status:api=busy' \
	-- "$FAULTY" set_status --from api --status busy
check_order "set_status"

# Readers say what they could not see.
printf '"about %s"' $PENDING >"$T/subject"
faults "check_inbox" -from "$BUSY" -stage '' -end '' -shows "$T/subject" \
	-- "$FAULTY" check_inbox --from api

# A torn table: what stands before the damage must survive the attempt to mend it.
TORN=$T/torn
cp -Rp "$BUSY" "$TORN"
head -c 400 "$BUSY/store/registry.json" >"$TORN/store/registry.json"
touch -t 202001020304 "$TORN/store/registry.json"
faults "register_agent beside a torn entry" -from "$TORN" \
	-stage '' -stage 'agent:new=first' -stage 'agent:new=first status:new=online' -end 'agent:new=first status:new=online' \
	-- "$FAULTY" register_agent --name new --workspace-path "$T" --description first

# The sweep, over a message in each state of the table in store.c.
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
swept='20000000:archived 50000001:archived 50000002:archived 50000003:archived 50000004:archived 50000005:one 50000005:archived 60000000:archived'
faults "the sweep" -from "$DUE" -due -silent -never '*half*half*' -stage '' -stage '?*' -stage "$swept" -end "$swept" \
	-- "$FAULTY" list_agents
like "the sweep syncs the four directories after the last rename" "$(tr '\n' ' ' <"$T/trace")" \
	'rename fsync fsync fsync fsync flock $'
done_testing
