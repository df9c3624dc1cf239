# Whatever stands where a file of the store should be: every request has its
# answer, nobody else's mail is hidden, and doctor says what is wrong and where.
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
	TMPDIR=/dev/shm
	export TMPDIR
fi
. ./test/lib/test.sh
. ./test/lib/mail.sh
. ./test/lib/servers.sh

STORE=$INTERAGENT_DIR
WHOLE=$T/whole

section "A store in use"
for agent in api web; do register $agent "$T/work"; done
first=$(send web api first) second=$(send web api second) third=$(send web api third) old=$(send web api old)
verb publish_spec --from web --name contract --content 'the contract' >"$T/out"
verb publish_spec --from web --name other --content 'the other one' >"$T/out"
verb set_status --from web --status busy >"$T/out"
verb reply_message --from api --original-message-id "$old" --content finished --mark-complete >"$T/out"
sed 's/"updatedAt": "[^"]*"/"updatedAt": "2020-01-02T03:04:05.678Z"/' "$STORE/messages-meta/$old.json" >"$T/meta"
cat "$T/meta" >"$STORE/messages-meta/$old.json"
rm -f "$STORE/archive/.swept"
verb list_agents >"$T/out"
ok "one message is in the archive" [ -f "$STORE/archive/messages/$old.md" ]
rm -rf "$STORE/live" "$STORE/announced"
mv "$STORE" "$WHOLE"

section "A conversation with a server over that store"
# Its parts have names; `answer NAME` is the text of one.
parts='inbox first second third old agents statuses specs contract other send status publish register ping'
{
	call 1 check_inbox '{"agent_name":"api"}'
	call 2 read_message "{\"reader\":\"api\",\"message_id\":\"$first\"}"
	call 3 read_message "{\"reader\":\"api\",\"message_id\":\"$second\"}"
	call 4 read_message "{\"reader\":\"api\",\"message_id\":\"$third\"}"
	call 5 read_message "{\"reader\":\"api\",\"message_id\":\"$old\"}"
	call 6 list_agents
	call 7 get_all_statuses
	call 8 list_specs
	call 9 get_spec '{"name":"contract"}'
	call 10 get_spec '{"name":"other"}'
	call 11 send_message '{"from":"api","to":"web","subject":"s","content":"c"}'
	call 12 set_status '{"agent_name":"api","status":"here"}'
	call 13 publish_spec '{"name":"third","content":"c","publisher":"api"}'
	call 14 register_agent "{\"name\":\"new\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}"
	req 15 ping
} >"$T/lines"

line_of() {
	n=0
	for part in $parts; do
		n=$((n + 1))
		[ "$part" != "$1" ] || break
	done
	sed -n "${n}p" "$T/answers"
}
answer() { line_of "$1" | at result content 0 text; }

listing() { find "$STORE" -exec ls -ld {} + | sort; find "$STORE" -type f -exec cksum {} + | sort; }

in_words() { case " $2 " in *" $1 "*) return 0 ;; esac; return 1; }

# talk WHAT PATH MUST MAY: has the conversation. The parts of MUST are answered
# with an error that names PATH, those of MAY may be, no others are; the first
# and the third message are shown unless theirs are among these.
talk() {
	wrong=
	"$HELPERS/holdlock" -ms "$T/ms" "$BIN" serve <"$T/lines" >"$T/answers" 2>>"$T/stderr" || wrong="it ended with $?."
	[ "$(wc -l <"$T/answers")" -eq 15 ] || wrong="$wrong $(wc -l <"$T/answers") answers."
	[ "$(line_of ping)" = '{"jsonrpc":"2.0","id":15,"result":{}}' ] || wrong="$wrong No answer to ping."
	for part in $parts; do
		if line_of "$part" | grep -q '"isError":true'; then
			if ! in_words "$part" "$3 $4"; then wrong="$wrong $part failed: $(answer "$part")"; fi
			if ! answer "$part" | grep -q -F -e "$2"; then wrong="$wrong $part does not name $2: $(answer "$part" | head -c 300)"; fi
		elif in_words "$part" "$3"; then
			wrong="$wrong $part did not fail."
		elif in_words "$part" 'first third'; then
			answer "$part" | grep -q "^the text of $part" || wrong="$wrong $part is not shown."
		fi
	done
	is "$1: each of 15 requests has its answer" "$wrong" ""
}

# doctor [--fix]: what it says of this store, and its status in $T/status.
doctor() {
	"$BIN" doctor "$@" >"$T/doctor"
	echo $? >"$T/status"
	sed -n "s|^mail: $STORE|$STORE|p" "$T/doctor"
}
# What it then said is to be done first.
advice() { sed '1,/^What to do:/d' "$T/doctor" | sed -n '1s/^ *//p'; }

# doctored WHAT PATH [THEN]: doctor names PATH and touches nothing, until it is
# told to; then what was there is kept under another name, and doctor says THEN.
doctored() {
	before=$(listing)
	said=$(doctor)
	is "$1: doctor exits 1" "$(cat "$T/status")" 1
	like "$1: ... and says where" "$said" "^$2 "
	is "$1: ... and nothing else" "$(printf '%s\n' "$said" | grep -v -c "^$2[ /]")" 0
	is "$1: it changed nothing" "$(listing)" "$before"
	[ "$3" ] || return 0
	seen=$(looks "$2")
	doctor --fix >"$T/said"
	like "$1: mended" "$(doctor)" "$3"
	is "$1: what was there is kept" "$(looks "$(find "${2%/*}" -name "${2##*/}.damaged-*")")" "$seen"
}

looks() {
	if [ -h "$1" ]; then readlink "$1"
	elif [ -p "$1" ]; then echo a FIFO
	else (cd "$1" 2>/dev/null && find . -type f -exec cksum {} +) || cksum <"$1"
	fi
}

# damage KIND PATH: puts something else there, as if long ago. A link cannot be
# dated back, so all of them are made here.
links=20
while [ $links -gt 0 ]; do
	ln -s "$T/original" "$T/link$links"
	links=$((links - 1))
done
sleep 2
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' >"$T/deep"
damage() {
	cp -p "$2" "$T/original" 2>/dev/null
	rm -rf "$2"
	case $1 in
	empty) : >"$2" ;;
	torn) head -c "$(($(wc -c <"$T/original") - 40))" "$T/original" >"$2" ;;
	binary) printf '\000\377\376{"id":"\300\200\355\240\200"\001' >"$2" ;;
	deep) cp "$T/deep" "$2" ;;
	huge) dd if=/dev/zero of="$2" bs=1 count=1 seek=52428799 2>/dev/null ;;
	array) printf '["from", "to"]' >"$2" ;;
	types) printf '{"id": 5, "from": ["web"], "to": {}, "subject": null, "status": 7}' >"$2" ;;
	members) printf '{}' >"$2" ;;
	missing) return ;;
	directory) mkdir "$2" && echo x >"$2/x" ;;
	fifo) mkfifo "$2" ;;
	link) links=$((links + 1)) && mv "$T/link$links" "$2" && return ;;
	esac
	touch -t 202001020304 "$2"
}

# damaged KIND PATH MUST MAY [THEN]: one kind of damage in a new copy of the store.
damaged() {
	rm -rf "$STORE"
	cp -Rp "$WHOLE" "$STORE"
	damage "$1" "$STORE/$2"
	name=$(printf '%s' "$2" | sed "s/$first/first/; s/$second/second/; s/$old/old/")
	case $1 in
	missing) talk "$name $1" "$2" "$3" "$4" ;;
	*) talk "$name $1" "$STORE/$2" "$3" "$4" ;;
	esac
	[ "${5-}" ] || return 0
	rm -rf "$STORE"
	cp -Rp "$WHOLE" "$STORE"
	damage "$1" "$STORE/$2"
	case $1 in
	link) # may lead to what is whole, so it is not moved
		doctored "$name $1" "$STORE/$2" ''
		is "... it is called one, with what to do" "$(doctor --fix) $(advice)" \
			"$STORE/$2 is a link put what $STORE/$2 leads to in its place"
		ok "... and nothing moves it" [ -h "$STORE/$2" ]
		;;
	*) doctored "$name $1" "$STORE/$2" "$5" ;;
	esac
}

mended="^$STORE: nothing is damaged$"
textless="^$STORE/.*\.json has no text"
says_so() { like "$1 says that $2 is damaged" "$(answer "$1")" "$STORE/$2"; }

rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
talk "a store that is whole" "$STORE" '' ''
is "doctor finds nothing" "$(doctor) $(cat "$T/status")" "$STORE: nothing is damaged 0"
before=$(listing)
is "nor does doctor --fix" "$(doctor --fix) $(cat "$T/status")" "$STORE: nothing is damaged 0"
is "and it changes nothing" "$(listing)" "$before"
INTERAGENT_DIR=$T/none "$BIN" doctor >"$T/out"
is "doctor of no store at all" $? 0
no "makes none" [ -e "$T/none" ]

section "Files"
for kind in empty torn binary deep huge array types members directory fifo link; do
	damaged $kind "messages-meta/$second.json" second '' "$mended"
done
damaged torn "messages-meta/$second.json" second ''
like "the inbox tells of it" "$(answer inbox)" "$STORE/messages-meta/$second.json"
like "and lists the first" "$(answer inbox)" '"first"'
like "and the third" "$(answer inbox)" '"third"'
for kind in empty torn binary huge members directory fifo link; do
	damaged $kind "archive/messages-meta/$old.json" old '' "$mended"
done
for kind in empty binary huge; do
	damaged $kind "messages/$second.md" '' ''
done
ok "a text of 50 MB is shown in pages" [ "$(line_of second | wc -c)" -lt 1048576 ]
for kind in directory fifo link; do
	damaged $kind "messages/$second.md" second '' "$textless"
done
damaged missing "messages/$second.md" second ''
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
rm "$STORE/messages/$second.md"
doctored "a message without its text" "$STORE/messages-meta/$second.json" ''
damaged directory "archive/messages/$old.md" old '' "$textless"
damaged binary specs/contract.md '' ''
# Half of a text must not pass for it: one that cannot be whole is refused.
damaged empty specs/contract.md contract '' "$mended"
damaged huge specs/contract.md contract ''
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
damage huge "$STORE/specs/contract.md"
doctored "a spec of 50 MB" "$STORE/specs/contract.md" ''
before=$(listing)
doctor --fix >"$T/said"
like "doctor says what is wrong with it" "$(cat "$T/said")" '/contract.md is too large to be read$'
is "and does not move it, for it is whole" "$(listing)" "$before"
for kind in directory fifo link; do
	damaged $kind specs/contract.md contract '' "$mended"
	says_so specs specs/contract.md
	like "and lists the other" "$(answer specs)" '^other'
done
# The history of a spec is not needed to read it.
for kind in empty torn binary types directory fifo link missing; do
	damaged $kind specs/.history/contract/index.json '' '' "$(case $kind in (missing | types) ;; (*) echo "$mended" ;; esac)"
	like "the spec is shown" "$(answer contract)" '^the contract$'
done
for kind in directory missing; do
	damaged $kind specs/.history/contract/1.md '' '' "$([ $kind = missing ] || echo "$mended")"
	like "the spec is shown" "$(answer contract)" '^the contract$'
done
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
rm -f "$STORE/.lock"
mkdir "$STORE/.lock"
touch -t 202001020304 "$STORE/.lock"
doctored "a directory in the place of .lock" "$STORE/.lock" "$mended"
for name in c cd a.md; do
	verb publish_spec --from web --name "$name" --content x >"$T/out"
	is "a spec with the name $name is as good as another" "$(doctor) $(cat "$T/status")" \
		"$STORE: nothing is damaged 0"
done

# Who is not in a damaged registry is told that it is damaged.
unknown='inbox send status publish'
for kind in empty binary deep huge array; do
	damaged $kind registry.json "$unknown" '' "$mended"
	says_so agents registry.json
done
damaged torn registry.json '' "$unknown" "$mended"
says_so agents registry.json
for kind in directory fifo link; do
	damaged $kind registry.json "$unknown agents register" ''
	says_so first registry.json
	like "and acknowledges nothing" "$(answer first)" '^not acknowledged: only api can'
	damaged $kind registry.json "$unknown agents register" '' "$mended"
done
for kind in empty torn binary deep huge array; do
	damaged $kind status.json '' '' "$mended"
	says_so statuses status.json
done
for kind in directory fifo link; do
	damaged $kind status.json 'statuses status register' '' "$mended"
done
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
printf '{\n  "api": 5,\n  "web": {\n    "name": ["web"],\n    "workspacePath": 7\n  },\n  "": {}\n}' >"$STORE/registry.json"
"$BIN" serve <"$T/lines" >"$T/answers" 2>>"$T/stderr"
is "entries of the wrong type are not everybody's end" "$(line_of ping)" \
	'{"jsonrpc":"2.0","id":15,"result":{}}'
like "... and it is said" "$(answer agents)" "passed over, the first is $STORE/registry.json; see interagent doctor"
before=$(listing)
is "doctor says it, and moves no table aside for it" "$(doctor --fix) $(cat "$T/status")" \
	"$STORE/registry.json has an entry that is no object, or a text that is no string 1"
is "... nothing is changed by it" "$(listing)" "$before"
cp "$STORE/registry.json" "$T/entries"
like "who has one registers again" \
	"$(verb register_agent --name api --workspace-path "$T/work" --description back)" \
	'^api is registered'
is "and is in it" "$(at api description <"$STORE/registry.json")" back
ok "... what was there is kept beside it" cmp "$T/entries" "$(find "$STORE" -name 'registry.json.damaged-*')"
for entry in '"api": "busy"' '"api": {"status": 7}'; do
	rm -rf "$STORE"
	cp -Rp "$WHOLE" "$STORE"
	echo "{$entry}" >"$STORE/status.json"
	like "a status that is none is said: $entry" "$(verb get_all_statuses)" "the first is $STORE/status.json; see"
	doctored "... by doctor too: $entry" "$STORE/status.json" ''
done

# What a writer does with a damaged table: it keeps what it can read and lays the rest aside.
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
damage torn "$STORE/registry.json"
cp "$STORE/registry.json" "$T/torn"
verb register_agent --name new --workspace-path "$T/work" --description d >"$T/out"
is "the next writer keeps the members before the damage" \
	"$(at -keys <"$STORE/registry.json" | tr '\n' ' ')" 'api new '
ok "and the rest beside it" cmp "$T/torn" "$(find "$STORE" -name 'registry.json.damaged-*')"

section "Directories"
# A file where one should be. What needs none of it goes on.
mail='first second third send'
instead() {
	rm -rf "$STORE"
	cp -Rp "$WHOLE" "$STORE"
	rm -rf "$STORE/${2:?}"
	case $1 in
	file) echo x >"$STORE/$2" ;;
	link) ln -s "$T/work" "$STORE/$2" ;;
	esac
	talk "a $1 instead of $2" "$STORE/$2" "$3" "$4"
	doctored "a $1 instead of $2" "$STORE/$2" ''
}
for kind in file link; do
	instead $kind live '' ''
	instead $kind announced '' ''
	instead $kind messages "$mail" old
	instead $kind messages-meta "inbox $mail" old
	like "... the agents are listed" "$(answer agents)" '^api: .*'
	like "... and what could not be counted is said" "$(answer agents)" "not known: .*$STORE/messages-meta"
	instead $kind specs 'specs contract other publish' ''
	instead $kind archive old 'first second third'
	instead $kind archive/messages old ''
	instead $kind archive/messages-meta old 'first second third'
	like "a $kind instead of archive/messages-meta: the inbox lists all" "$(answer inbox)" '^3 unread;'
done
for part in specs status.json; do
	rm -rf "$STORE"
	cp -Rp "$WHOLE" "$STORE"
	rm -rf "${STORE:?}/$part"
	mkfifo "$STORE/$part"
	"$BIN" board >"$T/said" 2>&1
	like "a pipe instead of $part: the board shows the mail" "$(cat "$T/said")" '^  api  3 unread'
	like "... and that something is damaged" "$(cat "$T/said")" '; 1 damaged: see interagent doctor$'
done
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
rm -f "$STORE/.lock"
mkdir "$STORE/.lock"
talk "a directory instead of the lock" "$STORE/.lock" 'status register publish' ''
is "what was read stays unread" "$(at status <"$STORE/messages-meta/$first.json")" pending
rm -rf "$STORE"
echo x >"$STORE"
talk "a file instead of the store" "$STORE" 'inbox first second third old agents statuses specs contract other send status register publish' ''
rm "$STORE"

section "What cannot be read or written"
# In the way of a file is something else: the answer says what.
for kind in link fifo; do
	rm -f "$T/odd/registry.json"
	mkdir -p "$T/odd/messages-meta"
	case $kind in
	link) ln -s /dev/null "$T/odd/registry.json" && what='it is a link' ;;
	fifo) mkfifo "$T/odd/registry.json" && what='it is not a regular file' ;;
	esac
	like "a $kind for a table is named" "$(INTERAGENT_DIR=$T/odd "$BIN" agents 2>&1)" "registry.json: $what\$"
done
# By a user who is not root, in a directory of their own.
nobody() { "$HELPERS/holdlock" -nobody "$@"; }
chmod 711 "$T"
OPEN=$T/open
mkdir "$OPEN"
cp "$BIN" "$OPEN/interagent"
chmod 777 "$OPEN"
ROOTS_BIN=$BIN
BIN=$OPEN/as-nobody
printf '#!/bin/sh\nexec "%s/holdlock" -nobody "%s/interagent" "$@"\n' "$HELPERS" "$OPEN" >"$BIN"
chmod 755 "$BIN"
if nobody "$OPEN/interagent" --version >"$T/out" 2>&1; then
	STORE=$OPEN/store
	INTERAGENT_DIR=$STORE
	# again KIND PATH: a new copy, in which PATH cannot be read.
	again() {
		[ ! -d "$STORE" ] || chmod -R u+rwX "$STORE"
		rm -rf "$STORE"
		cp -Rp "$WHOLE" "$STORE"
		chown -R 65534:65534 "$STORE" 2>/dev/null
		chmod "$1" "$STORE/$2"
	}
	again 000 "messages-meta/$second.json"
	talk "a meta that cannot be read" "$STORE/messages-meta/$second.json" second ''
	like "the inbox tells of it" "$(answer inbox)" "$STORE/messages-meta/$second.json"
	like "and lists the others" "$(answer inbox)" '"third"'
	before=$(listing)
	is "doctor tells of it" "$(doctor)" "$STORE/messages-meta/$second.json cannot be read"
	is "and exits 1" "$(cat "$T/status")" 1
	doctor --fix >"$T/said"
	is "and does not move what may be whole" "$(listing)" "$before"
	again 000 registry.json
	talk "a registry that cannot be read" "$STORE/registry.json" "$unknown agents register" ''
	again 000 messages
	talk "texts that cannot be read" "$STORE/messages" "$mail" old
	again 000 archive
	talk "an archive that cannot be read" "$STORE/archive" old 'first second third'

	# What doctor says first is to be done: nothing that is whole is moved away by it.
	for place in '' /messages-meta /messages /specs /archive /archive/messages; do
		again 000 "$place"
		is "the store's directory '$place' may not be read: doctor says so, once" "$(doctor)" \
			"$STORE$place cannot be read"
		nobody sh -c "$(advice)"
		is "... with what helps" "$(doctor)" "$STORE: nothing is damaged"
	done
	for place in /messages-meta /specs /archive; do
		again 700 ''
		mv "$STORE$place" "$STORE/moved"
		ln -s moved "$STORE$place"
		is "a link in the place of $place: doctor says so" "$(doctor) $(advice)" \
			"$STORE$place is a link put what $STORE$place leads to in its place"
	done
	if [ "$(id -u)" = 0 ]; then
		for place in /messages-meta /registry.json /.lock "/messages/$first.md"; do
			again 700 ''
			chown 0:0 "$STORE$place"
			is "root's $place: doctor says whose it is" "$(doctor) $(advice)" \
				"$STORE$place belongs to another user: number 0, not 65534 sudo chown -R 65534 $STORE$place"
			chown -R 65534 "$STORE$place"
			is "... and that is all" "$(doctor)" "$STORE: nothing is damaged"
		done
	else
		skip "root's file: doctor says whose it is" "only root can give one away"
	fi

	again 700 ''
	chmod -R a-w "$STORE"
	talk "a store that cannot be written" "$STORE" 'send status register publish' ''
	is "what was read stays unread" "$(at status <"$STORE/messages-meta/$first.json")" pending
	before=$(listing)
	is "... it is whole" "$(doctor)" "$STORE: nothing is damaged"
	like "... but nothing can be stored, which is said" "$(cat "$T/doctor")" \
		"^store: cannot be written: no mail can be stored in $STORE\$"
	like "a verb says why not" \
		"$("$BIN" send_message --from web --to api --subject s --content c 2>&1)" \
		"$STORE/.*Permission denied"
	said=$("$BIN" read_message --from api --message-id "$first" 2>&1)
	is "reading works" $? 0
	like "and shows the text" "$said" '^the text of first'
	like "but tells that it stays unread" "$said" "stays unread.*$STORE"
	doctor --fix >"$T/said"
	like "doctor --fix says why it cannot" "$(cat "$T/doctor")" "^mail: not read: .*$STORE.*: Permission denied"
	is "and exits 1" "$(cat "$T/status")" 1
	is "... nothing was changed" "$(listing)" "$before"
	chmod -R u+rwX "$STORE"

	chmod 500 "$STORE/messages-meta"
	is "a directory that cannot be written is named" "$(doctor) $(sed -n 's/^store: //p' "$T/doctor")" \
		"$STORE: nothing is damaged cannot be written: no mail can be stored in $STORE/messages-meta"
	is "... with what helps" "$(advice)" \
		"chmod u+w $STORE/messages-meta, or set INTERAGENT_DIR to a directory of your own"
	chmod 700 "$STORE/messages-meta"
	mkdir "$OPEN/shut"
	chmod 555 "$OPEN/shut"
	is "a store that cannot be made is none" "$(INTERAGENT_DIR=$OPEN/shut/store doctor; sed -n 's/^store: //p' "$T/doctor")" \
		"$OPEN/shut/store is not there, and cannot be made in $OPEN/shut"

	# Directories above the store that may be passed but not listed.
	mkdir "$OPEN/home" "$OPEN/home/user"
	chmod 777 "$OPEN/home/user"
	chmod 711 "$OPEN/home"
	like "a store is made below a directory that may only be passed" \
		"$(INTERAGENT_DIR=$OPEN/home/user/store "$BIN" register_agent --name api --workspace-path "$T/work" --description d 2>&1)" \
		'^api is registered'
else
	skip "what cannot be read or written" "there is no other user to be"
fi
BIN=$ROOTS_BIN
STORE=$T/store
INTERAGENT_DIR=$STORE

section "Unfinished files"
# What is younger than 2 s is waited for, 127 ms for the whole scan. These are
# young for ever; each by itself would take as long.
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
i=100
while [ $i -lt 300 ]; do
	printf '{' >"$STORE/messages-meta/$i.json"
	i=$((i + 1))
done
touch -t 209901020304 "$STORE"/messages-meta/???.json
"$HELPERS/holdlock" -ms "$T/ms" "$BIN" check_inbox --from api >"$T/said"
ok "200 unfinished files are not waited for one by one" [ "$(cat "$T/ms")" -lt 6000 ]
like "but told of" "$(cat "$T/said")" '^200 damaged or unreadable files were passed over'
like "and the rest is there" "$(cat "$T/said")" '^3 unread;'

# One that is finished in time is seen. Twenty tries, as the machine may be slow.
rm -f "$STORE"/messages-meta/???.json
meta=$STORE/messages-meta/$second.json
cp "$meta" "$T/meta"
tries=0
until [ $tries -ge 20 ]; do
	tries=$((tries + 1))
	head -c 100 "$T/meta" >"$meta"
	{ sleep 0.04; cat "$T/meta" >"$meta"; } &
	verb check_inbox --from api >"$T/out"
	wait $!
	! grep -q second "$T/out" || break
done
like "a file that is finished while it is waited for is seen" "$(cat "$T/out")" '"second"'

# A writer waits longer, until it can tell that a table is damaged.
tries=0
until [ $tries -ge 5 ]; do
	tries=$((tries + 1))
	head -c 100 "$WHOLE/registry.json" >"$STORE/registry.json"
	{ sleep 0.5; cat "$WHOLE/registry.json" >"$STORE/registry.json"; } &
	verb register_agent --name new --workspace-path "$T/work" --description d >"$T/out"
	wait $!
	[ "$(at -keys <"$STORE/registry.json" | tr '\n' ' ')" != 'api web new ' ] || break
done
is "a table that is finished while a writer waits is kept" \
	"$(at -keys <"$STORE/registry.json" | tr '\n' ' ')" 'api web new '
cat "$WHOLE/registry.json" >"$STORE/registry.json"
damage torn "$STORE/registry.json"
touch "$STORE/registry.json"
verb register_agent --name new --workspace-path "$T/work" --description d >"$T/out"
is "a table that stays torn is damaged in the end" "$(at -keys <"$STORE/registry.json" | tr '\n' ' ')" \
	'api new '

section "The store goes away under a running server"
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
start 1 "$PWD"
registration="{\"name\":\"api\",\"description\":\"d\",\"workspace_path\":\"$T/work\"}"
like "a server sees its mail" "$(ask 1 check_inbox '{"agent_name":"api"}')" '^3 unread;'
rm -rf "$STORE"
like "deleted: its agent is registered no more" "$(ask 1 check_inbox '{"agent_name":"api"}')" '^api is not registered any more: call register_agent$'
like "and a new store is made" "$(ask 1 register_agent "$registration")" '^api is registered'
is "which is there" "$(at api name <"$STORE/registry.json")" api
like "mail reaches it" \
	"$(ask 1 send_message '{"from":"api","to":"api","subject":"in the new one","content":"c"}')" \
	'stored'
mv "$STORE" "$T/moved"
cp -Rp "$WHOLE" "$STORE"
like "moved away, another in its place: that one counts" "$(ask 1 check_inbox '{"agent_name":"api"}')" \
	'^3 unread;'
like "... for writing too" "$(ask 1 set_status '{"agent_name":"api","status":"moved"}')" 'set'
is "and it is written there" "$(at api status <"$STORE/status.json")" moved
rm -rf "$STORE"
mv "$T/moved" "$STORE"
like "the first one is back" "$(ask 1 check_inbox '{"agent_name":"api"}')" 'in the new one'
rm -rf "$STORE/messages" "$STORE/archive"
like "a directory is deleted: mail is still sent" \
	"$(ask 1 send_message '{"from":"api","to":"api","subject":"s","content":"c"}')" 'stored'

# The lock is deleted while several write: each what no other does.
rm -rf "$STORE"
cp -Rp "$WHOLE" "$STORE"
writers=
for i in 1 2 3 4; do
	mkdir "$T/work/$i"
	j=0
	while [ $j -lt 50 ]; do
		j=$((j + 1))
		call $j register_agent "{\"name\":\"new-$i-$j\",\"description\":\"d\",\"workspace_path\":\"$T/work/$i\"}"
	done >"$T/lines$i"
	"$BIN" serve <"$T/lines$i" >"$T/out$i" 2>>"$T/stderr" &
	writers="$writers $!"
done
(while [ ! -e "$T/enough" ]; do rm -f "$STORE/.lock"; done) &
for writer in $writers; do wait "$writer"; done
: >"$T/enough"
wait $!
is "the lock is deleted under four servers: each request is done" \
	"$(cat "$T"/out[1-4] | grep -c 'is registered')" 200
is "and each agent is registered" "$(at -keys <"$STORE/registry.json" | grep -c '^new-')" 200
is "and has its status" "$(at -keys <"$STORE/status.json" | grep -c '^new-')" 200
is "and ping is answered" "$(hear 1 "$(req 7 ping)")" '{"jsonrpc":"2.0","id":7,"result":{}}'
stop 1
is "the server ends with its input" $? 0
done_testing
