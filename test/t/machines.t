# Goal of this test: machines, parents and file systems whose habits are not
# those of the one that it was written on, and stores that others have written.
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

BOM=$(printf '\357\273\277')
new_store() {
	INTERAGENT_DIR=$T/$1
	for agent in api web; do register $agent; done
}
can_trace() { strace -o "$T/trace" true 2>"$T/out"; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# story STORE: what a day's work does, on a new store
story() {
	new_store "$1"
	mail web api hello >"$T/out" 2>&1
	verb read_message --from api --message-id "$(cat "$T/sent")"
	verb set_status --from api --status busy
	verb publish_spec --from api --name contract --content "v1"
	verb get_spec --from web --name contract
}
went_well() { like "$1" "$2" '^the text of hello$'; like "... to its end" "$2" '^v1$'; }

section "Paths that are not absolute"
INTERAGENT_DIR=$T/store
# shellcheck disable=SC2088
for place in '~/x' x ./x; do
	is "INTERAGENT_DIR=$place is refused" "$(cd "$T/work" && INTERAGENT_DIR=$place status_of "$BIN" list_agents)" 2
	like "... with its name" "$(cat "$T/err")" "INTERAGENT_DIR: \"$place\" is not an absolute path"
	is "... by a server too" "$(cd "$T/work" && INTERAGENT_DIR=$place status_of "$BIN" serve </dev/null)" 2
done
for verb in man 'completion bash' setup 'list_agents --help'; do
	# shellcheck disable=SC2086,SC2088
	is "$verb needs no place for the mail" "$(cd "$T/work" && INTERAGENT_DIR='~/x' status_of "$BIN" $verb)" 0
done
# shellcheck disable=SC2088
is "doctor says that there is none" "$(cd "$T/work" && INTERAGENT_DIR='~/x' status_of "$BIN" doctor)" 1
like "... and why" "$(cat "$T/out")" '^mail: INTERAGENT_DIR: "~/x" is not an absolute path'
like "... and what to do" "$(cat "$T/out")" '^  set INTERAGENT_DIR to an absolute path'
is "a HOME that is not absolute is refused" "$(cd "$T/work" && unset INTERAGENT_DIR && HOME=here status_of "$BIN" list_agents)" 2
like "... with its name" "$(cat "$T/err")" '^interagent: HOME: "here/'
is "and nothing is made" "$(ls -A "$T/work")" ""
is "without HOME the doctor says so" "$(unset INTERAGENT_DIR HOME && status_of "$BIN" doctor)" 1
like "... and what to do" "$(cat "$T/out")" 'neither INTERAGENT_DIR nor HOME is set' 'set INTERAGENT_DIR'
is "and the board is no empty one" "$(unset INTERAGENT_DIR HOME && status_of "$BIN" board)" 1

section "Whose store it is"
if is_root && setpriv --reuid 12345 --regid 12345 --clear-groups true 2>"$T/out"; then
	chmod 755 "$T"
	chmod 777 "$T/home"
	as() { setpriv --reuid "$1" --regid "$1" --clear-groups "$BIN" "$2" "$3" "$4" "$5" "$6"; }
	mkdir "$T/owned" "$T/api" "$T/web"
	chown 12345:12345 "$T/owned" "$T/api" "$T/web"
	went_well "root acts for the owner" "$(story owned)"
	INTERAGENT_DIR=$T/owned
	serve "$(call 1 register_agent "{\"name\":\"api\",\"workspace_path\":\"$T/api\",\"description\":\"d\"}")" \
		"$(call 2 send_message '{"to":"web","subject":"s","content":"c"}')" >"$T/out"
	printf '{"hook_event_name":"Stop","session_id":"q","cwd":"%s"}' "$T/web" | "$BIN" hook >"$T/out"
	is "what root makes is the owner's" "$(find "$T/owned" "$T/api" "$T/web" ! -user 12345)" ""
	is "... who goes on" "$(as 12345 set_status --from api --status free)" "The status of api is set."
	chmod -R go+rX "$T/owned"
	like "an agent of another user is refused" \
		"$(setpriv --reuid 23456 --regid 23456 --clear-groups "$BIN" serve <<-END | at result content 0 text
			$(call 1 list_agents)
		END
		)" "^cannot use .*: it belongs to another user; set INTERAGENT_DIR"
	chown -R 0:0 "$T/owned"
else
	skip "root acts for the owner" "only root can try it"
fi
new_store open
mail web api hello
chmod 777 "$INTERAGENT_DIR"
refuses "a store that everybody can write is refused to an agent" check_inbox '{"agent_name":"api"}' \
	"^cannot use .*: every user can write what is in it; chmod o-w"
is "... and to a shell of one" "$(CLAUDECODE=1 status_of "$BIN" list_agents)" 1
is "... and to a hook, in silence" "$(printf '{"hook_event_name":"Stop","session_id":"q","cwd":"%s"}' "$T/api" | "$BIN" hook 2>&1)" ""
: >"$T/stderr"
like "a person is served" "$(verb list_agents)" '^api: '
like "... and told" "$(cat "$T/stderr")" 'every user can write what is in it'
like "the doctor says so too" "$("$BIN" doctor 2>"$T/out")" 'can be written by other users'
chmod 700 "$INTERAGENT_DIR"
accepts "and when that is mended an agent is served" check_inbox '{"agent_name":"api"}' '"hello"'

section "File systems"
# No leak can be looked for in a process that is traced.
traced() { ASAN_OPTIONS=detect_leaks=0 strace -f -o "$T/trace" "$@"; }
if can_trace; then
	new_store traced
	for error in ENOSYS EINVAL EOPNOTSUPP ENOLCK; do
		ok "flock is refused with $error, and a status can be set" traced -e trace=flock \
			-e "inject=flock:error=$error" "$BIN" set_status --from api --status "$error"
	done
	like "... which the doctor says" "$(traced -e trace=flock -e inject=flock:error=ENOSYS "$BIN" doctor)" \
		'^locks: none here'
	for error in EINVAL EOPNOTSUPP ENOSYS; do
		ok "a directory's sync is refused with $error, and mail can be sent" traced -e trace=fsync \
			-P "$INTERAGENT_DIR/messages" -P "$INTERAGENT_DIR/messages-meta" -P "$INTERAGENT_DIR" \
			-e "inject=fsync:error=$error" "$BIN" send_message --from web --to api --subject "$error" --content c
	done
	like "... which the doctor says" "$(traced -e trace=fsync -e inject=fsync:error=EINVAL "$BIN" doctor)" \
		'^disk: it cannot sync directories'
	no "a disk that fails is no such file system" traced -e trace=fsync -e inject=fsync:error=EIO \
		"$BIN" send_message --from web --to api --subject s --content c
	: >"$INTERAGENT_DIR/changed"
	mkdir -p "$INTERAGENT_DIR/specs"
	echo v1 >"$INTERAGENT_DIR/specs/plain.md"
	# once FILE CALL ERROR VERB...: the first such call on the file fails; the verb's answer
	once() {
		once_file=$1 once_call=$2 once_error=$3
		shift 3
		traced -P "$once_file" -e "trace=$once_call" -e "inject=$once_call:error=$once_error:when=1" \
			"$BIN" "$@" >"$T/once" 2>&1
		if grep -q INJECTED "$T/trace"; then cat "$T/once"; else echo "no such call was made"; fi
	}
	like "a registry that is absent for a moment is looked at again" "$(once registry.json openat ENOENT list_agents)" '^api: '
	like "... and so is a spec" "$(once plain.md openat ENOENT get_spec --name plain)" '^v1$'
	like "a file that another host replaced while it was read is opened anew" \
		"$(once "$INTERAGENT_DIR/registry.json" pread64 ESTALE list_agents)" '^api: '
	age 1h "$INTERAGENT_DIR"
	like "an ESTALE of a directory is told, and not taken for no mail" \
		"$(once messages-meta openat ESTALE check_inbox --from api)" 'unread;' Stale
	# Each as on a host of its own, which sees no other's lock and takes its time.
	publishers=
	for host in 1 2 3 4 5 6; do
		ASAN_OPTIONS=detect_leaks=0 strace -f -o "$T/trace$host" -e trace=flock,fsync -e inject=flock:retval=0 \
			-e inject=fsync:delay_enter=50000 "$BIN" publish_spec --from api --name shared \
			--content "of host $host" >"$T/host$host" 2>&1 &
		publishers="$publishers $!"
	done
	# shellcheck disable=SC2086 # numbers
	wait $publishers
	is "of hosts that do not see each other's locks each publishes" "$(cat "$T"/host? | grep -c 'is published')" 6
	is "... and no version is lost" \
		"$(cat "$INTERAGENT_DIR"/specs/.history/shared/*.md | grep -o 'of host [0-9]' | sort -u | grep -c .)" 6
else
	skip "file systems without locks or directory syncs" "no strace"
fi
is "elsewhere the doctor does not say so" "$("$BIN" doctor | grep -c -e '^locks:' -e '^disk:')" 0

new_store later
mail web api "from after 2038"
age -5000d "$INTERAGENT_DIR"/registry.json "$INTERAGENT_DIR"/messages/*.md "$INTERAGENT_DIR"/messages-meta/*.json
like "files whose times are after 2038 are read" "$(verb check_inbox --from api)" '"from after 2038"'
is "... and nothing is wrong with them" "$("$BIN" doctor | grep -c '^mail: .*nothing is damaged')" 1

if [ -d /dev/shm ] && [ -w /dev/shm ] && shm=$(mktemp -d /dev/shm/interagent-test.XXXXXX); then
	ln -s "$shm" "$T/shm"
	went_well "on a tmpfs, below a link" "$(story shm)"
	rm -rf "$shm"
else
	skip "on a tmpfs, below a link" "no /dev/shm"
fi

# on WHAT MOUNT-ARGUMENTS...: the same where something is mounted for us alone
on() {
	on_what=$1
	shift
	mkdir -p "$T/mnt" "$T/tmpfs" "$T/bind"
	if is_root && unshare -m mount -t tmpfs none "$T/tmpfs" 2>"$T/out"; then
		went_well "$on_what" "$(unshare -m sh -c "mount -t tmpfs none '$T/tmpfs' &&
			mkdir '$T/tmpfs/lower' '$T/tmpfs/upper' '$T/tmpfs/work' && mount $* '$T/mnt' && mkdir '$T/mnt/store' &&
			for agent in api web; do INTERAGENT_DIR='$T/mnt/store' '$BIN' register_agent --name \$agent --workspace-path '$T/work' --description d; done &&
			id=\$(INTERAGENT_DIR='$T/mnt/store' '$BIN' send_message --from web --to api --subject hello --content 'the text of hello' | cut -c 1-8) &&
			INTERAGENT_DIR='$T/mnt/store' '$BIN' read_message --from api --message-id \$id &&
			INTERAGENT_DIR='$T/mnt/store' '$BIN' publish_spec --from api --name contract --content v1 &&
			INTERAGENT_DIR='$T/mnt/store' '$BIN' get_spec --from web --name contract" 2>&1)"
	else
		skip "$on_what" "nothing can be mounted here: $(head -n 1 "$T/out")"
	fi
}
on "on an overlay" "-t overlay none -o 'lowerdir=$T/tmpfs/lower,upperdir=$T/tmpfs/upper,workdir=$T/tmpfs/work'"
on "on a second mount of a directory" "--bind '$T/bind'"

section "The clock"
# On a fast disk many messages are of one millisecond.
if [ -d /dev/shm ] && shm=$(mktemp -d /dev/shm/interagent-test.XXXXXX); then
	INTERAGENT_DIR=$shm/store
	for agent in api web; do register $agent; done
	for n in 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29; do
		call $n send_message "{\"from\":\"web\",\"to\":\"api\",\"subject\":\"letter $n\",\"content\":\"c\"}"
	done | "$BIN" serve >"$T/out"
	is "messages of one sender stay in their order" \
		"$(verb log | sed -n 's/.*"letter \([0-9]*\)"$/\1/p' | sort -c 2>&1 | grep -c .)" 0
	is "... and no two are of one moment" "$(cat "$INTERAGENT_DIR"/messages-meta/*.json | grep createdAt | sort -u | grep -c .)" 20
	rm -rf "$shm"
else
	skip "messages of one sender stay in their order" "no /dev/shm"
fi
new_store clock
mail web api question
question=$(cat "$T/sent")
verb reply_message --from api --original-message-id "$question" --content yes --subject answer --json | at id >"$T/sent"
file=$INTERAGENT_DIR/messages-meta/$(cat "$T/sent").json
sed "s/\(\"createdAt\": \"\)[^\"]*/\1$(ago 2h)/" "$file" >"$T/meta"
cat "$T/meta" >"$file"
like "a reply that seems older than its question is below it" "$(verb log)" '^  [0-9a-f]\{8\} api -> web .*"answer"'
# Another program's moment may be anything.
new_store moments
mail web api first
first=$INTERAGENT_DIR/messages-meta/$(cat "$T/sent").json
cp "$first" "$T/meta"
for moment in '"soon"' null 5 '"0000-01-01T00:00:00.000Z"' '"1969-12-31T23:59:59.999Z"'; do
	sed "s/\(\"createdAt\": \)[^,]*/\1$moment/" "$T/meta" >"$first"
	like "sent at $moment: the board says no time" "$(verb board)" '^  api  1 unread (time unknown)  '
	like "... nor does a screen" "$(COLUMNS=120 verb board)" '^  api  1 unread (time unknown)  '
done
mail web api second
like "... and the age is that of other mail" "$(verb board)" "^  api  2 unread (since $(meta "$(cat "$T/sent")" createdAt))  "
sed "s/\(\"createdAt\": \)[^,]*/\1\"$(ago 2h | sed 's/\..*/Z/')\"/" "$T/meta" >"$first"
like "a moment without milliseconds is one" "$(COLUMNS=120 verb board)" '^  api  2 unread (2h)  '
like "... in a list too" "$(COLUMNS=120 verb inbox --from api)" ' from web 2h ago: "first"'
mkfifo "$T/late"
INTERAGENT_NOTIFY="echo \"\$INTERAGENT_TITLE\" >>'$T/heard'" "$HELPERS/interagent-leap" serve <"$T/late" >"$T/out" 2>>"$T/stderr" &
server=$!
exec 3>"$T/late"
call 1 send_message '{"from":"api","to":"human","subject":"before","content":"c"}' >&3
ok "the person is told of the first" wait_for grep -q before "$T/heard"
kill -HUP $server
call 2 send_message '{"from":"api","to":"human","subject":"after","content":"c"}' >&3
ok "... and, when the clock was set back by an hour, of the next" wait_for grep -q after "$T/heard"
exec 3>&-
wait $server

section "Byte-order marks and line ends"
new_store marks
for table in registry status; do
	{ printf '%s' "$BOM"; cat "$INTERAGENT_DIR/$table.json"; } >"$T/table"
	cp "$T/table" "$INTERAGENT_DIR/$table.json"
done
like "a mark before the registry hides nobody" "$(verb list_agents)" '^api: ' 
ok "... and it can be written" verb set_status --from api --status busy
verb publish_spec --from api --name contract --content "one
two
" >"$T/out"
file=$INTERAGENT_DIR/specs/contract.md
{ printf '%s' "$BOM"; sed "s/\$/$(printf '\r')/" "$file"; } >"$T/spec"
cp "$T/spec" "$file"
is "a spec that an editor saved with a mark and CRLF is the same version" \
	"$(verb list_specs | cut -d ' ' -f 1-4)" "contract v1 by api"
unlike "... and its head is not in its text" "$(verb get_spec --name contract)" 'Published by'

section "What a parent left"
new_store parents
for way in blocked childless; do
	mkfifo "$T/$way"
	"$HELPERS/odd" $way "$BIN" serve <"$T/$way" >"$T/out" &
	server=$!
	exec 3>"$T/$way"
	req 1 ping >&3
	ok "signals $way: a server answers" wait_for grep -q result "$T/out"
	kill -TERM $server
	ok "... and SIGTERM ends it" wait_for gone $server
	exec 3>&-
done
rm -f "$T/told"
INTERAGENT_NOTIFY="echo told >'$T/told'" "$HELPERS/odd" childless "$BIN" send_message --from api --to human --subject s --content c \
	>"$T/out" 2>"$T/err"
ok "the person is told all the same" wait_for grep -q told "$T/told"
is "... and nothing is complained of" "$(cat "$T/err")" ""
{ req 1 initialize '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}'; call 2 list_agents; } >"$T/lines"
(ulimit -n 6 && exec "$BIN" serve) <"$T/lines" >"$T/out" 2>"$T/err"
is "with few descriptors a server answers and ends" "$(grep -c '"id":[12],' "$T/out")" 2

mkdir "$T/left"
like "in a directory that is gone it is said what to give" "$(cd "$T/left" && rmdir "$T/left" && verb register_agent --name late --description d 2>&1
	cat "$T/stderr")" '--workspace-path: missing; the current directory is gone$'

section "A text from standard input"
new_store input
mkdir -p "$T/directory"
is "a read error is no end of the text" "$(status_of "$BIN" send_message --from web --to api --subject s --content - <"$T/directory")" 1
is "... and nothing is stored" "$(ls -A "$INTERAGENT_DIR/messages" 2>"$T/out")" ""
awk 'BEGIN { for (i = 0; i < 1000; i++) print "line", i, "of a text" }' >"$T/text"
"$HELPERS/odd" drip "$T/text" | "$HELPERS/odd" slow "$BIN" send_message --from web --to api --subject s --content - >"$T/out" 2>&1
ok "a pipe that does not block is read to its end" cmp "$T/text" "$(echo "$INTERAGENT_DIR"/messages/*.md)"

section "Ids and names"
new_store ids
for id in aaaaaaaa-0000-4000-8000-000000000001 aaaaaaaa-0000-4000-8000-000000000002; do
	mail web api one
	for kind in messages:md messages-meta:json; do
		sed "s/$(cat "$T/sent")/$id/" "$INTERAGENT_DIR/${kind%:*}/$(cat "$T/sent").${kind#*:}" >"$INTERAGENT_DIR/${kind%:*}/$id.${kind#*:}"
		rm "$INTERAGENT_DIR/${kind%:*}/$(cat "$T/sent").${kind#*:}"
	done
done
cp "$INTERAGENT_DIR/messages-meta/$id.json" "$INTERAGENT_DIR/messages-meta/$id (1).json"
verb check_inbox --from api >"$T/inbox"
shown=$(sed -n 's/^\(aaaaaaaa[0-9a-f-]*\) .*/\1/p' "$T/inbox")
is "ids that begin alike are shown as long as they must be" "$(printf '%s\n' "$shown" | sort -u | grep -c 000000)" 2
for one in $shown; do
	like "... and $one can be read" "$(verb read_message --from web --message-id "$one")" '^the text of one$'
done
# One that was made by hand may be as short as it likes: what is listed can be read.
for kind in messages:md messages-meta:json; do
	sed "s/$id/m1/" "$INTERAGENT_DIR/${kind%:*}/$id.${kind#*:}" >"$INTERAGENT_DIR/${kind%:*}/m1.${kind#*:}"
done
like "an id of two characters is listed" "$(verb check_inbox --from api)" '^m1 from web'
like "... and read" "$(verb read_message --from web --message-id m1)" '^the text of one$'
unlike "... but a part of it is none" "$(verb read_message --from web --message-id m 2>&1)" '^the text of one$'
rm "$INTERAGENT_DIR/messages/m1.md" "$INTERAGENT_DIR/messages-meta/m1.json"
# Lists do not look into the archive, so two ids there may be shown alike.
mkdir -p "$INTERAGENT_DIR/archive/messages" "$INTERAGENT_DIR/archive/messages-meta"
for one in $shown; do
	mv "$INTERAGENT_DIR/messages/$one"*.md "$INTERAGENT_DIR/archive/messages/"
	mv "$INTERAGENT_DIR/messages-meta/$one"*.json "$INTERAGENT_DIR/archive/messages-meta/"
done
refuses "of an id that fits two archived messages the whole ids are told" read_message '{"message_id":"aaaaaaaa","reader":"web"}' \
	'^"aaaaaaaa" is the start of several ids: aaaaaaaa-0000-4000-8000-00000000000[12], aaaaaaaa-0000-4000-8000-00000000000[12]$'
for name in user person Person2 system assistant admin root interagent all everyone human human. Human2 USER; do
	refuses "the name $name is taken for somebody else" register_agent "{\"name\":\"$name\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}" \
		'name: ' 'the person'
done
refuses "a name that differs in case only is refused" register_agent "{\"name\":\"API\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}" 'only in case'
refuses "a long name is like no other" get_agent "{\"name\":\"$(head -c 200 /dev/zero | tr '\0' x)\"}" 'x"; registered: api, web$'
for words in "forget web" "prune --older 1d"; do
	# shellcheck disable=SC2086 # words
	is "an agent's shell may not: $words" "$(CLAUDECODE=1 status_of "$BIN" $words)" 1
done
verb set_status --from api --status "$(printf 'a\302\233b\342\200\256c')" >"$T/out"
unlike "a document on a terminal has no controls" "$(verb get_status api --json)" "$(printf '\302\233')" "$(printf '\342\200\256')"

section "Beside the original, and after a cut"
new_store beside
mail api web first               # a store without mail is not swept
mkdir -p "$INTERAGENT_DIR/specs/.history/old"
printf '<!-- Published by: api at 2026-01-01T00:00:00.000Z -->\n\nv1\n' >"$INTERAGENT_DIR/specs/my spec v1.md"
ok "a spec of the original whose name breaks the rule can be published" \
	verb publish_spec --from api --name "my spec v1" --content v2
like "... and read" "$(verb get_spec --name "my spec v1")" '^v2$'
: >"$INTERAGENT_DIR/specs/empty.md"
: >"$INTERAGENT_DIR/specs/.history/Thumbs.db"
: >"$INTERAGENT_DIR/specs/.history/old/.tmp-dead"
age 40h "$INTERAGENT_DIR/specs/empty.md" "$INTERAGENT_DIR/specs/.history/old/.tmp-dead"
no "a spec that is empty for good is damaged" verb get_spec --name empty
is "... which is all that the doctor finds" "$("$BIN" doctor | grep -c -e '^mail: .*damaged' -e '^mail: .*read')" 1
rm -f "$INTERAGENT_DIR/archive/.swept" "$INTERAGENT_DIR/specs/empty.md"
for text in "v one" "v two"; do verb publish_spec --from api --name kept --content "$text" >"$T/out"; done
: >"$INTERAGENT_DIR/specs/kept.md"
age 1h "$INTERAGENT_DIR/specs/kept.md"
for version in one:1 two:2; do
	like "a kept version of one that was emptied can be read: ${version#*:}" "$(verb get_spec --name kept --version "${version#*:}")" "^v ${version%:*}\$"
done
like "... and the next one is the third" "$(verb publish_spec --from api --name kept --content "v three")" '^kept v3 is published'
verb list_agents >"$T/out"
no "a dead temp file of a spec's history goes" test -e "$INTERAGENT_DIR/specs/.history/old/.tmp-dead"
mkdir -p "$INTERAGENT_DIR/live"
sed 's/"registeredAt": "20/"registeredAt": "19/' "$INTERAGENT_DIR/registry.json" >"$T/registry"
cp "$T/registry" "$INTERAGENT_DIR/registry.json"
printf '{"pid":1,"client":"c","session":"s","workspace":"%s","host":"elsewhere","since":"2026-01-01T00:00:00.000Z"}' "$T/api" \
	>"$INTERAGENT_DIR/live/api.00000001"
like "one that was heard of a moment ago on another machine may live" "$(verb get_agent --name api)" 'presence unknown'
age 10m "$INTERAGENT_DIR/live/api.00000001"
like "... and one that was not does not" "$(verb get_agent --name api)" 'not running, last seen'
: >"$INTERAGENT_DIR/live/web.00000002"
age 10m "$INTERAGENT_DIR/live/web.00000002"
verb get_agent --name web >"$T/out"
no "an empty sign of life goes" test -e "$INTERAGENT_DIR/live/web.00000002"
mail web api unsigned
sed 's/"from": "web"/"from": ""/' "$INTERAGENT_DIR/messages-meta/$(cat "$T/sent").json" >"$T/meta"
cat "$T/meta" >"$INTERAGENT_DIR/messages-meta/$(cat "$T/sent").json"
like "mail without a sender is mail" "$(verb check_inbox --from api)" '"unsigned"'
done_testing
