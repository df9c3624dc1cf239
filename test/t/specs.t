# Specs as contracts: versions, diffs, base versions, readers who are told,
# resources, what others write past us, and what happens when it stops half-way.
# shellcheck disable=SC2030,SC2031,SC2317 # each store in its turn; functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

fresh() {
	INTERAGENT_DIR=$T/$1
	for agent in api web db; do register $agent "$T/work/$agent"; done
	SPECS=$INTERAGENT_DIR/specs
	PAST=$SPECS/.history
}
publish() {     # publish AGENT NAME TEXT [OPTION...]
	agent=$1 spec=$2 text=$3
	shift 3
	"$BIN" publish_spec --from "$agent" --name "$spec" --content "$text" "$@"
}
get() { "$BIN" get_spec --from "$@"; }  # get AGENT OPTION...
# The text between the marks of an answer.
fenced() { awk '/^--- [0-9a-f]+ end ---$/ { exit } on { print } /^--- [0-9a-f]+ written by/ { on = 1 }'; }
content() { sed '1,/^$/d' "$1"; }       # of a file of the store
# foreign FILE AGENT TEXT: as another program writes it, in place
foreign() { printf '<!-- Published by: %s at %s -->\n\n%s' "$2" "$(ago 9000s)" "$3" >"$1"; }
# Texts are long enough that a diff is shorter than they are.
lines() { awk 'BEGIN { for (i = 1; i <= 40; i++) print "line " i " of the interface" }'; }
unread() {      # unread AGENT: the ids of its unread mail
	grep -l "\"to\": \"$1\"" "$INTERAGENT_DIR"/messages-meta/*.json 2>/dev/null |
		xargs grep -l '"status": "pending"' /dev/null | sed 's|.*/||; s|\.json$||'
}
say() { printf '%s\n' "$1"; }           # echo, but as it is
versions() { find "$PAST/$1" -name '[1-9]*.md' | grep -c .; }
read_by() { at "$2" version <"$PAST/$1/readers.json"; }
date='20[0-9][0-9]-[0-9T:.-]*Z'         # as times are told in a file

section "Versions"

fresh versions
one=$(lines)
two=$(lines | sed 's/^line 20 .*/line 20 changed/')
is "the first text is version 1" "$(publish api users "$one")" 'users v1 is published.'
like "the file starts with who and when" "$(head -n 1 "$SPECS/users.md")" \
	'^<!-- Published by: api at 20[0-9-]*T[0-9:.]*Z -->$'
is "... an empty line" "$(sed -n 2p "$SPECS/users.md")" ''
is "... and the content" "$(content "$SPECS/users.md")" "$one"
ok "version 1 is in the history, in the same form" cmp "$SPECS/users.md" "$PAST/users/1.md"
is "the next one is version 2" "$(publish api users "$two" --note 'line 20')" 'users v2 is published.'
is "... and in the history" "$(content "$PAST/users/2.md")" "$two"
is "... under the same head" "$(head -n 1 "$PAST/users/2.md")" "$(head -n 1 "$SPECS/users.md")"
is "... and its note" "$(sed -n 2,3p "$PAST/users/2.md")" '<!-- Note: line 20 -->'
is "... which still has version 1" "$(content "$PAST/users/1.md")" "$one"
is "the history is the texts, and no index of them" "$(find "$PAST/users" -type f | sed 's|.*/||' | sort | paste -s -d ' ' -)" '1.md 2.md'
get api --name users --version 2 --json >"$T/version"
is "as JSON a version has its publisher" "$(at publisher <"$T/version")" api
is "... the note" "$(at note <"$T/version")" 'line 20'
is "... and the time of the file" "$(at publishedAt <"$T/version")" "$(sed -n '1s/.* at \(.*\) -->/\1/p' "$SPECS/users.md")"
for agent in api web; do
	is "the same text from $agent is no new version, and it says so" "$(publish $agent users "$two")" \
		'Nothing changed: users stays at v2.'
done
is "... it is in no file" "$(find "$PAST/users" -name '*.md' | grep -c .)" 2
is "an older text again is one" "$(publish api users "$one")" 'users v3 is published.'
like "get_spec shows the newest" "$(get web --name users)" '^users v3 by api '
is "... and its text" "$(get web --name users | fenced)" "$one"
is "get_spec version: an old text" "$(get web --name users --version 2 | fenced)" "$two"
like "... with its note" "$(get web --name users --version 2)" '^users v2 by api .*"line 20"$'
is "... the first" "$(get web --name users --version 1 | fenced)" "$one"
like "... the current one by its number" "$(get web --name users --version 3)" '^users v3'
is "an unknown version is refused" "$(status_of get web --name users --version 9)" 1
like "... with what there is" "$(cat "$T/err")" 'users is at v3; there is no v9 yet'
is "an unknown name is refused" "$(status_of get web --name usres)" 1
like "... with the names there are" "$(cat "$T/err")" 'no spec "usres"; published: users'
chmod 644 "$SPECS/users.md"
publish api users "$two" >/dev/null
is "publishing keeps the mode of the file" "$(find "$SPECS/users.md" -perm 644 | grep -c .)" 1
awk 'BEGIN { for (i = 0; i < 1024 * 1024; i++) printf "x" }' >"$T/mib"
like "a text of 1 MiB is published" "$("$BIN" publish_spec --from api --name mib --content - <"$T/mib")" \
	'mib v1 is published'
content "$SPECS/mib.md" >"$T/mib-stored"
ok "... byte for byte" cmp "$T/mib" "$T/mib-stored"
echo >>"$T/mib"
is "... one byte more is not" \
	"$("$BIN" publish_spec --from api --name mib --content - <"$T/mib" >"$T/out" 2>&1; echo $?)" 2
like "... it says how much it may be" "$(cat "$T/out")" '1048577 bytes, at most 1048576'
for name in '' .hidden ../up a/b 'a b' -x "$(awk 'BEGIN { for (i = 0; i < 65; i++) printf "x" }')" 'é'; do
	before=$(find "$INTERAGENT_DIR" "$T" -maxdepth 1 | grep -c .)
	no "the name '$name' is refused" publish api "$name" text
	like "... and why" "$(cat "$T/out")" 'must be 1 to 64 of A-Z a-z 0-9' 'must not be empty' \
		'a value is missing'
	is "... and nothing is made" "$(find "$INTERAGENT_DIR" "$T" -maxdepth 1 | grep -c .)" "$before"
	no "... nor found" get web --name "$name"
done
ok "a name of 64 characters is taken" publish api "$(awk 'BEGIN { for (i = 0; i < 64; i++) printf "x" }')" \
	text
like "a note of two lines becomes one" "$(publish api noted text --note "$(printf 'a\nb')"; "$BIN" specs)" \
	'^noted v1 .*: "a b"'
unlike "... and one of blanks is none" "$(publish api noted other --note ' '; "$BIN" specs)" '^noted v2 .*: "'
no "a note of 501 characters is refused" publish api noted text2 \
	--note "$(awk 'BEGIN { for (i = 0; i < 501; i++) printf "x" }')"

section "What others write"

fresh foreign
mkdir -p "$SPECS"
foreign "$SPECS/orders.md" web '# Orders
'
cp "$SPECS/orders.md" "$T/first"
like "a spec of another program is version 1" "$("$BIN" specs)" "^orders v1 by web $date, 9 bytes\$"
like "... for who reads it too" "$(get api --name orders)" '^orders v1 by web'
ok "... and its file is as it was" cmp "$T/first" "$SPECS/orders.md"
no "... and nobody keeps it by looking" test -e "$PAST/orders/1.md"
foreign "$SPECS/orders.md" db '# Orders, by db
'
like "written over, before anybody here published, it is still version 1" "$(get api --name orders)" '^orders v1 by db'
cp "$SPECS/orders.md" "$T/first"
like "published over it is version 2" "$(publish api orders '# Ours')" '^orders v2 is published. v1 was by db'
ok "... and what was there is kept, in the same form" cmp "$T/first" "$PAST/orders/1.md"
is "... and read" "$(get api --name orders --version 1 | fenced)" '# Orders, by db'
foreign "$SPECS/orders.md" web '# Orders, over ours
'
touch "$SPECS/orders.md"
cp "$SPECS/orders.md" "$T/third"
like "written over ours is the next version" "$(get api --name orders)" '^orders v3 by web'
like "... what changed is told" "$(get api --name orders --since 2; "$BIN" diff orders)" '^+# Orders, over ours$'
like "published over what we did not read" "$(publish api orders '# Ours again')" '^orders v4 is published. v3 was by web'
ok "... that one is not lost" cmp "$T/third" "$PAST/orders/3.md"
is "... nor the ones before" "$(cat "$PAST/orders/1.md")$(content "$PAST/orders/2.md")" "$(cat "$T/first")# Ours"
is "... and the history has all" "$(versions orders)" 4
printf 'no head at all' >"$SPECS/bare.md"
like "a file without a head has a text" "$(get api --name bare)" '^bare v1, 14 bytes$'
is "... all of it" "$(get api --name bare | fenced)" 'no head at all'
foreign "$SPECS/late.md" web old
like "a spec that was never listed is version 1 when it is published over" "$(publish api late new)" \
	'^late v2 is published. v1 was by web'
is "... and kept" "$(get api --name late --version 1 | fenced)" old
name='gär ten & 100%25'
foreign "$SPECS/$name.md" web 'A name that breaks the rule'
is "a name that breaks the rule is read" "$(get api --name "$name" | fenced)" 'A name that breaks the rule'
like "... and listed" "$("$BIN" specs)" '^"gär ten & 100%25" v1 by web'
no "... and gets no file of ours" test -e "$PAST/$name"
like "... but can be published over" "$(publish api "$name" 'a new text')" '^"gär ten & 100%25" v1 is published'
is "... in its file" "$(content "$SPECS/$name.md")" 'a new text'
no "... and still gets no file of ours" test -e "$PAST/$name"

# A program that writes in place empties the file first.
publish api busy 'the text' >/dev/null
cp "$SPECS/busy.md" "$T/busy"
: >"$SPECS/busy.md"
age -1h "$SPECS/busy.md"
get web --name busy >/dev/null 2>&1
"$BIN" specs >/dev/null 2>&1
is "a file that is just being written over makes no version" "$(find "$PAST/busy" -name '*.md' | grep -c .)" 1
cat "$T/busy" >"$SPECS/busy.md"
like "... nor when it is as it was" "$(get web --name busy)" '^busy v1'

# It writes between our look and our rename: strace holds us there.
if strace -o /dev/null -e trace=none true 2>/dev/null; then
	publish api raced 'first' >/dev/null
	ASAN_OPTIONS=detect_leaks=0 strace -o /dev/null -e trace='/^(rename|link)at' -e inject='/^(rename|link)at:delay_enter=1000000:when=1' \
		"$BIN" publish_spec --from api --name raced --content ours >"$T/held" 2>&1 &
	held=$!
	at_rename() { ls "$PAST"/raced/.tmp-*; }
	wait_for at_rename
	foreign "$SPECS/raced.md" web 'theirs'
	wait $held
	like "a foreign writer between our look and our rename: ours is published" "$(cat "$T/held")" \
		'is published'
	get db --name raced >/dev/null
	is "... and theirs is not lost" "$(grep -l '^theirs$' "$PAST"/raced/*.md | grep -c .)" 1
	is "... nor ours" "$(grep -l '^ours$' "$PAST"/raced/*.md | grep -c .)" 1
else
	skip "a foreign writer between our look and our rename" "no strace that may trace"
fi

section "Base versions"

fresh base
publish api users "$one" >/dev/null
is "base_version that is current publishes" "$(publish api users "$two" --base-version 1)" \
	'users v2 is published.'
is "... the same text from it again is no conflict" "$(publish api users "$two" --base-version 1)" \
	'Nothing changed: users stays at v2.'
is "... nor is it from a file" "$(printf %s "$two" | "$BIN" publish_spec users --from api --base-version 1)" \
	'Nothing changed: users stays at v2.'
three=$(echo "$two" | sed 's/^line 30 .*/line 30 changed by web/')
publish web users "$three" --base-version 2 --note 'line 30 for the client' >/dev/null
four=$(say "$three" | sed 's/^line 1 .*/line 1 changed/')
mine=$(echo "$two" | sed 's/^line 5 .*/line 5 mine/')
answer=$(serve "$(call 1 publish_spec "{\"publisher\":\"api\",\"name\":\"users\",\"base_version\":2,\"content\":\"mine\"}")")
is "base_version that is not is refused" "$(say "$answer" | at result isError)" true
said=$(text_of "$answer")
like "... with the version, when, who and the note" "$said" \
	'not published: users is at v3 since just now, by web: "line 30 for the client"' \
	'not published: users is at v3 since [0-9]*s ago, by web: "line 30 for the client"'
like "... and what to do" "$said" 'publish with base_version 3'
like "... in a person's words on the command line" "$(publish api users mine --base-version 2 2>&1)" \
	'publish with --base-version 3'
is "... and what changed since the base" "$(echo "$said" | fenced)" "$("$BIN" diff users 2 3)"
like "... which is a diff" "$(echo "$said" | fenced)" '^+line 30 changed by web$'
is "... and nothing is published" "$(versions users)" 3
is "... the text stays" "$(content "$SPECS/users.md")" "$three"
merged=$(echo "$mine" | sed 's/^line 30 .*/line 30 changed by web/')
is "merged, with the base it was told, it is published" "$(publish api users "$merged" --base-version 3)" \
	'users v4 is published.'
like "without a base it says that the last version was by another" "$(publish web users "$three")" \
	'^users v5 is published. v4 was by api: --base-version guards'
is "... but not that it was by oneself" "$(publish web users "$two")" 'users v6 is published.'
is "a base that is too new is refused" "$(status_of publish web users x --base-version 9)" 1
like "... with the current one" "$(cat "$T/err")" 'users is only at v6'
is "a base of what is not published is refused" "$(status_of publish web nothing x --base-version 1)" 1
like "... by its name" "$(cat "$T/err")" '--base-version: nothing '
no "... and nothing is made" test -e "$SPECS/nothing.md"
foreign "$SPECS/users.md" db 'written past us'
is "a foreign writer counts too" "$(status_of publish web users x --base-version 6)" 1
like "... by its name" "$(cat "$T/err")" "users is at v7 since $date, by db"
rm "$PAST/users/2.md"
is "a base whose text is gone is refused all the same" "$(status_of publish web users x --base-version 2)" 1
like "... with who and when" "$(cat "$T/err")" "not published: users is at v7 since $date, by db"
like "... and where the text is" "$(cat "$T/err")" 'cannot be shown; interagent spec has the text'
is "a base that is no number is usage" "$(status_of publish web users x --base-version two)" 2

fresh race
publish api users start >/dev/null
for n in 1 2; do
	publish "$(echo api web | cut -d ' ' -f $n)" users "text $n" --base-version 1 >"$T/race-$n" 2>&1 &
done
wait
is "two publish with the same base: one wins" \
	"$(cat "$T/race-1" "$T/race-2" | grep -c 'users v2 is published')" 1
is "... one is refused" "$(cat "$T/race-1" "$T/race-2" | grep -c 'not published: users is at v2')" 1
is "... there are two versions" "$(versions users)" 2

# Twenty at once. One that could not have the lock in time asks again.
publish_surely() {
	until said=$(publish "$@" 2>&1); do
		case $said in
		*'held by another process'*) ;;
		*) break ;;
		esac
	done
	say "$said" >"$T/many-$n"
}
n=1
while [ $n -le 20 ]; do
	# shellcheck disable=SC2046
	publish_surely $(echo api web | cut -d ' ' -f $((n % 2 + 1))) many "text of $n
$one" --note "note of $n" &
	n=$((n + 1))
done
wait
bad=''
n=1
while [ $n -le 20 ]; do
	version=$(sed -n 's/^many v\([0-9]*\) is published.*/\1/p' "$T/many-$n")
	[ "$(content "$PAST/many/$version.md")" = "text of $n
$one" ] || bad="$bad text-$n"
	[ "$(sed -n 2p "$PAST/many/$version.md")" = "<!-- Note: note of $n -->" ] || bad="$bad note-$n"
	echo "$version"
	n=$((n + 1))
done >"$T/numbers"
is "twenty at once: each has a number of its own, without holes" "$(sort -n "$T/numbers" | tr '\n' ' ')" \
	'1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 '
is "... each text and note is kept" "$bad" ''
is "... and the last one is current" "$(content "$SPECS/many.md")" "$(content "$PAST/many/20.md")"

section "What changed"

fresh changes
publish api users "$one" >/dev/null
publish api users "$two" >/dev/null
publish api users "$three" >/dev/null
cat >"$T/wanted" <<'END'
--- users v2
+++ users v3
@@ -27,7 +27,7 @@
 line 27 of the interface
 line 28 of the interface
 line 29 of the interface
-line 30 of the interface
+line 30 changed by web
 line 31 of the interface
 line 32 of the interface
 line 33 of the interface
END
is "since: a unified diff with three lines of context" "$(get web --name users --since 2 | fenced)" \
	"$(cat "$T/wanted")"
like "... under the version that it leads to" "$(get web --name users --since 2)" '^users v3 by api'
is "diff NAME: the last change" "$("$BIN" diff users)" "$(cat "$T/wanted")"
is "diff NAME A: from there to the current one" "$("$BIN" diff users 1)" \
	"$(get web --name users --since 1 | fenced)"
is "diff NAME A B" "$("$BIN" diff users 2 3)" "$(cat "$T/wanted")"
is "... with a v" "$("$BIN" diff users v2 v3)" "$(cat "$T/wanted")"
like "... backwards too" "$("$BIN" diff users 3 2)" '^+line 30 of the interface$'
like "... since the current one: nothing" "$(get web --name users --since 3)" \
	'users is still at v3: nothing changed'
is "... and since an old one to the same" "$(get web --name users --version 1 --since 1)" \
	'users v1 against itself: nothing changed.'
is "since one that is younger than what was asked for is refused" \
	"$(status_of get web --name users --version 1 --since 3)" 1
like "... and why" "$(cat "$T/err")" '--since: v1 of users was asked for, which is older than v3'
is "since a later one is refused" "$(status_of get web --name users --since 4)" 1
like "... and why" "$(cat "$T/err")" 'users is only at v3'
is "since 0, which nobody read: the text" "$(get web --name users --since 0 | fenced)" "$three"
publish api short 'one' >/dev/null
publish api short 'two' >/dev/null
like "a diff that is longer than the text is not shown" "$(get web --name short --since 1)" \
	'longer than the text; read it without --since'
unlike "... not even in part" "$(get web --name short --since 1)" '^[-+]'
like "a diff of what has one version" "$(publish api single x >/dev/null; "$BIN" diff single 2>&1)" \
	'single has one version only'
publish web users "$two" >/dev/null
for words in 'users 3 3' 'users 4' 'users 2 4'; do
	# shellcheck disable=SC2086
	is "diff $words: what is the same is no diff" "$(status_of "$BIN" diff $words)" 1
	like "... and that is said" "$(cat "$T/err")" 'users v[234] and v[34] do not differ$'
done
like "... of an unknown version" "$("$BIN" diff users 7 2>&1)" 'there is no v7 yet'
like "... of an unknown name" "$("$BIN" diff usres 2>&1)" 'no spec "usres"; published: '
for wrong in '' 'users x' 'users 0' 'users -1' 'users 1 2 3' 'users --since 1'; do
	# shellcheck disable=SC2086
	is "diff $wrong: usage" "$(status_of "$BIN" diff $wrong)" 2
done

# Held against an applier of our own, and against patch.
like "8,000 random pairs: each diff gives the new text, and is the shortest" \
	"$("$HELPERS/diffpairs" 8000 "$$")" '^8000 pairs, all right'
like "texts of 1 MiB" "$("$HELPERS/diffpairs" -huge)" 'all right$'
mkdir "$T/pairs"
"$HELPERS/diffpairs" -write "$T/pairs" 300 "$$" >/dev/null
if patch --version 2>/dev/null | grep -q GNU; then
	bad='' n=0
	while [ $n -lt 300 ]; do
		pair=$T/pairs/$n
		if [ -s "$pair.diff" ]; then
			{ echo '--- old'; echo '+++ new'; cat "$pair.diff"; } >"$pair.patch"
			cp "$pair.old" "$pair.got"
			patch -s --binary -F 0 "$pair.got" "$pair.patch" >"$T/said" 2>&1 || bad="$bad $n"
			# An empty file is one that patch deletes.
			[ -e "$pair.got" ] || : >"$pair.got"
			[ ! -s "$T/said" ] || bad="$bad $n-said"
			cmp -s "$pair.got" "$pair.new" || bad="$bad $n-differs"
		else
			cmp -s "$pair.old" "$pair.new" || bad="$bad $n-is-empty"
		fi
		n=$((n + 1))
	done
	is "patch applies 300 of them, to the byte and without a word" "$bad" ''
else
	skip "patch applies 300 of them, to the byte and without a word" "no GNU patch"
fi
bad='' n=0 pairs=0
while [ $n -lt 40 ]; do
	pair=$T/pairs/$n
	n=$((n + 1))
	# A text of white space alone is none.
	if ! grep -q '[^[:space:]]' "$pair.old" || ! grep -q '[^[:space:]]' "$pair.new" || cmp -s "$pair.old" "$pair.new"; then
		continue
	fi
	for text in old new; do
		"$BIN" publish_spec --from api --name pair$n --content - <"$pair.$text" >/dev/null
	done
	"$BIN" diff pair$n | sed 1,2d | cmp -s - "$pair.diff" || bad="$bad $n"
	pairs=$((pairs + 1))
done
is "what diff prints is that, with the names on top" "$bad" ''
ok "... which was seen more than once" test $pairs -gt 10

section "Readers"

fresh readers
publish api users "$one" >/dev/null
get web --name users >/dev/null
get db --name users --version 1 >/dev/null
get api --name users >/dev/null
is "who read what is kept" "$(read_by users web) $(read_by users db)" '1 1'
is "all readers but the publisher are told" "$(publish api users "$two" --note 'line 20')" \
	'users v2 is published; 2 readers are told.'
first=$(unread web)
is "... by one message" "$(echo "$first" | grep -c .)" 1
is "... none for the publisher" "$(unread api)" ''
is "... from the publisher" "$(meta "$first" from)" api
is "... which says what, and why" "$(meta "$first" subject)" 'spec users is now v2: line 20'
like "... and how to see it" "$(body "$first")" 'you last read v1.*get_spec with name "users" and since 1'
ok "... and leaves a signal" test -n "$(ls "$T/work/web/.claude/inbox" 2>/dev/null)"
get db --name users --since 1 >/dev/null
is "what changed has been read too" "$(read_by users db)" 2
publish api users "$three" >/dev/null
second=$(unread web)
is "published again: one unread notice stands" "$(echo "$second" | grep -c .)" 1
is "... the new one" "$(meta "$second" subject)" 'spec users is now v3'
like "... which still starts at what was read" "$(body "$second")" 'since 1'
is "... the older one is completed" "$(meta "$first" status)" completed
"$BIN" read "$second" --from web >/dev/null
publish api users "$one" >/dev/null
is "a notice that was read stays so" "$(meta "$second" status)" acknowledged
third=$(unread web)
get web --name users >/dev/null
is "reading is noted" "$(read_by users web)" 4
get web --name users --version 1 >/dev/null
is "... an old text is not" "$(read_by users web)" 4
like "list_specs says which version one has read" "$(tool list_specs)" '^users v4 by api [^;]*$'
like "... to who has" \
	"$(serve "$(call 1 check_inbox '{"agent_name":"web"}')" >/dev/null; INTERAGENT_NAME=web "$BIN" list_specs)" \
	'^users v4 .*; you read v4$'
publish web users "$two" >/dev/null
is "the reader who publishes tells the others only" "$(unread web)" "$third"
like "... and then list_specs says what was read before" "$(INTERAGENT_NAME=web "$BIN" list_specs)" \
	'^users v5 .*; you read v4$'
"$BIN" send_message --from db --to web --subject 'spec users is now v9' --content x >/dev/null
plain=$(unread web | grep -v "$third")
publish api users "$three" >/dev/null
is "mail that only looks like a notice is not completed" "$(meta "$plain" status)" pending
for id in $(unread db); do "$BIN" read "$id" --from db >/dev/null; done
"$BIN" forget db >/dev/null
like "who has left is not told" "$(publish api users "$one")" 'is published; 1 reader is told'
verb get_spec --name users --from human >/dev/null
unlike "the human is no reader" "$(cat "$PAST/users/readers.json")" human

section "Resources"

fresh resources
publish api users '# Users' >/dev/null
foreign "$SPECS/gär ten & 100%25.md" web 'of a strange name'
uri='interagent://spec/g%C3%A4r%20ten%20%26%20100%2525'
for era in legacy modern; do
	request() {
		if [ $era = modern ]; then
			modern "$@"
		elif [ $# -gt 2 ]; then
			req "$1" "$2" "{$3}"
		else
			req "$1" "$2"
		fi
	}
	listed=$(serve "$(request 1 resources/list)")
	is "$era: resources/list has every spec" "$(say "$listed" | at result resources '#')" 2
	is "$era: ... with a percent-encoded URI" "$(say "$listed" | at result resources 0 uri)" "$uri"
	is "$era: ... its name" "$(say "$listed" | at result resources 0 name)" 'gär ten & 100%25'
	is "$era: ... its type" "$(say "$listed" | at result resources 1 mimeType)" text/markdown
	is "$era: ... and its size" "$(say "$listed" | at result resources 1 size)" 7
	is "$era: resources/templates/list" \
		"$(serve "$(request 1 resources/templates/list)" | at result resourceTemplates 0 uriTemplate)" \
		'interagent://spec/{name}'
	shown=$(serve "$(request 1 resources/read '"uri":"interagent://spec/users"')")
	is "$era: resources/read" "$(say "$shown" | at result contents 0 text | fenced)" '# Users'
	is "$era: ... with the URI" "$(say "$shown" | at result contents 0 uri)" interagent://spec/users
	is "$era: ... of the strange name" \
		"$(serve "$(request 1 resources/read "\"uri\":\"$uri\"")" | at result contents 0 text | fenced)" \
		'of a strange name'
	for unknown in interagent://spec/nothing interagent://spec/ interagent://spec/..%2F..%2Fregistry \
		interagent://spec/.history file:///etc/passwd users interagent://spec/users/ ''; do
		refused=$(serve "$(request 1 resources/read "\"uri\":\"$unknown\"")")
		is "$era: the URI '$unknown' is unknown" "$(say "$refused" | at error code)" -32602
		is "$era: ... with data.uri" "$(say "$refused" | at error data uri)" "$unknown"
	done
	is "$era: no URI at all" "$(serve "$(request 1 resources/read)" | at error code)" -32602
	is "$era: a cursor is not ours" \
		"$(serve "$(request 1 resources/list '"cursor":"x"')" | at error code)" -32602
	ttl=$(say "$listed" | at result ttlMs)
	is "$era: what may change is not to be kept" "${ttl:-none}" \
		"$([ $era = modern ] && echo 0 || echo none)"
done

section "Bad input"

damaged() {     # damaged WHAT: versions 1 to 3 are there, and something is not
	fresh damaged
	rm -rf "$SPECS"
	publish api users "$one" >/dev/null
	publish api users "$two" >/dev/null
	publish api users "$three" --note third >/dev/null
}
# still_works WHAT: the current text is read, the other versions too, and the
# next one is published under the next number.
still_works() {
	is "$1: the current text is read" "$(get web --name users | fenced)" "$three"
	like "$1: ... as version 3" "$(get web --name users)" '^users v3 by api'
	like "$1: ... and listed" "$("$BIN" specs)" '^users v3 by api'
	is "$1: version 2 is read" "$(get web --name users --version 2 | fenced)" "$two"
	is "$1: version 1 is read" "$(get web --name users --version 1 | fenced)" "$one"
	is "$1: what changed is told" "$(get web --name users --since 2 | fenced)" "$(cat "$T/wanted")"
	like "$1: the next version is 4" "$(publish api users "next $1")" '^users v4 is published'
	is "$1: ... in the history" "$(content "$PAST/users/4.md")" "next $1"
	is "$1: ... and no text has changed" \
		"$(content "$PAST/users/1.md")$(content "$PAST/users/2.md")$(content "$PAST/users/3.md")" \
		"$one$two$three"
}

# Version 1.0 kept notes and readers in an index beside the texts.
older() {       # older INDEX
	damaged
	rm -f "$PAST/users/readers.json"
	publish api users "$three" >/dev/null
	sed 2d "$PAST/users/3.md" >"$T/without-note"
	cp "$T/without-note" "$PAST/users/3.md"
	printf '%s' "$1" >"$PAST/users/index.json"
	age 1m "$PAST/users/index.json"
}
older '{"versions":[{"version":1,"publisher":"api","publishedAt":"x","note":""},{"version":3,"publisher":"api","publishedAt":"x","note":"third,\nof 1.0"}],"readers":{"web":2,"db":3}}'
like "an index of 1.0: its note is read" "$(get db --name users --version 3)" '^users v3 by api .*: "third, of 1.0"$'
like "... and who read what" "$(INTERAGENT_NAME=web "$BIN" list_specs)" '; you read v2$'
like "... who is told of the next version" "$(publish api users "$four")" '^users v4 is published; 2 readers are told'
like "... from the version that they read" "$(body "$(unread web)")" 'since 2'
no "... and then the index is gone" test -e "$PAST/users/index.json"
like "... but its note is not" "$(get db --name users --version 3)" '^users v3 by api .*: "third, of 1.0"$'
is "... nor the text" "$(content "$PAST/users/3.md")" "$three"
is "... nor the readers" "$(read_by users web) $(read_by users db)" '2 3'
for index in '' '{' '[]' 'null' '{"versions":[' '{"versions":[{"version":1,"publ'; do
	older "$index"
	still_works "a damaged index of 1.0 '$index'"
done
for index in '{}' '{"versions":{},"readers":[]}' \
	'{"versions":[1,null,{"version":"x"},{"version":-1},{}],"readers":{"web":"x"}}' \
	'{"versions":[{"version":1,"publisher":"api","publishedAt":"x","note":""}],"readers":{}}'; do
	older "$index"
	still_works "an index of 1.0 that does not know the texts '$index'"
	no "... and then it is gone" test -e "$PAST/users/index.json"
done

damaged
rm "$PAST/users/2.md"
is "a text is missing: the current one is read" "$(get web --name users | fenced)" "$three"
is "... the missing one is not" "$(status_of get web --name users --version 2)" 1
like "... and it is said" "$(cat "$T/err")" \
	'the text of users v2 is not in the store any more; the current one is v3'
is "... nor is what changed since" "$(status_of get web --name users --since 2)" 1
like "... which is said too" "$(cat "$T/err")" 'the text of users v2 is not in the store any more'
like "... since 1 it is told" "$(get web --name users --since 1 | fenced)" '^+line 20 changed$'
is "... diff says so" "$("$BIN" diff users 2>&1)" \
	'interagent: the text of users v2 is not in the store any more; the current one is v3'
like "... the next one is 4" "$(publish api users next)" '^users v4 is published'
damaged
rm "$PAST/users/3.md"
is "the newest text is missing: the current one is read" "$(get web --name users | fenced)" "$three"
is "... and the older ones" "$(get web --name users --version 2 | fenced)" "$two"
like "... the next one is published" "$(publish api users next)" 'is published'
is "... and both are kept" "$(cat "$PAST"/users/*.md | grep -c -e '^line 30 changed by web$' -e '^next$')" 2
damaged
rm -rf "$PAST"
like "no history at all: the current text is version 1" "$(get web --name users)" '^users v1 by api'
is "... whole" "$(get web --name users | fenced)" "$three"
damaged
rm "$SPECS/users.md"
is "the current file is gone: there is no spec" "$(status_of get web --name users)" 1
is "... but what is kept, which is said" "$(cat "$T/err")" \
	'interagent: users has no current text; v3 is kept: interagent spec users --version 3'
is "... and read" "$(get web --name users --version 2 | fenced)" "$two"
like "... and said in the list" "$("$BIN" specs)" '^Without a current text, but with kept versions: users$'
is "... a model is told the same" "$(tool get_spec '{"name":"users","since":1}')" \
	'users has no current text; v3 is kept: get_spec with name users and version 3'
: >"$SPECS/users.md"
touch -t 202001020304 "$SPECS/users.md"
"$BIN" doctor --fix >"$T/out"
is "the doctor laid a damaged one aside: what is kept is read" "$(get web --name users --version 3 | fenced)" \
	"$three"
like "... the next one takes the next number" "$(publish api users next)" '^users v4 is published'
is "... and the old ones are still there" "$(get web --name users --version 3 | fenced)" "$three"
damaged
rm -rf "$PAST/users"
echo 'a file' >"$PAST/users"
is "a file where the history should be: the text is read" "$(get web --name users 2>/dev/null | fenced)" \
	"$three"
is "... publishing is refused" "$(status_of publish api users next)" 1
like "... with what is in the way" "$(cat "$T/err")" "$PAST/users"
is "... and changes nothing" "$(content "$SPECS/users.md")" "$three"
damaged
rm -rf "$PAST/users"
mkdir "$T/elsewhere"
ln -s "$T/elsewhere" "$PAST/users"
is "a link where the history should be: the text is read" "$(get web --name users 2>/dev/null | fenced)" \
	"$three"
no "... publishing is refused" publish api users next
is "... nothing is written behind it" "$(ls "$T/elsewhere")" ''
unfit() {       # unfit FILE: a directory in its place
	damaged
	get web --name users >/dev/null
	rm -f "$PAST/users/$1"
	mkdir "$PAST/users/$1"
	is "a directory where $1 should be: the text is read" \
		"$(get db --name users 2>/dev/null | fenced)" "$three"
	publish api users next >"$T/out" 2>&1
}
unfit index.json
like "... publishing is refused, with what is in the way" "$(cat "$T/out")" \
	"^interagent: cannot read $PAST/users/index.json"
is "... and changes nothing" "$(content "$SPECS/users.md")" "$three"
unfit readers.json
like "... the next one is published, and it says so" "$(cat "$T/out")" 'users v4 is published'
is "... and kept" "$(content "$PAST/users/4.md")" next
like "... with what could not be done" "$(cat "$T/out")" \
	"not all of its readers are told: cannot read $PAST/users/readers.json"

fresh odd
publish api users "$one" >/dev/null
mkdir "$SPECS/dir.md"
ln -s "$INTERAGENT_DIR/registry.json" "$SPECS/link.md"
mkfifo "$SPECS/fifo.md"
like "what is no file does not hide the others" "$("$BIN" specs)" '^users v1'
unlike "... and is not followed" "$("$BIN" specs)" '^link v'
like "... but told" "$("$BIN" specs)" '3 damaged or unreadable files were passed over'
for name in dir link fifo; do
	is "... reading $name is refused" "$(status_of get web --name $name)" 1
	like "... with its path" "$(cat "$T/err")" "$SPECS/$name.md"
done
is "... also as a resource" "$(serve "$(req 1 resources/list)" | at result resources '#')" 1

invalid=$(printf 'a\377b\300\257c\355\240\200d\360\237')
foreign "$SPECS/bytes.md" web "$invalid
"
cp "$SPECS/bytes.md" "$T/bytes"
answer=$(serve "$(call 1 get_spec '{"name":"bytes"}')" "$(req 2 resources/read '{"uri":"interagent://spec/bytes"}')" "$(req 3 resources/list)")
is "a text that is not UTF-8 is shown" \
	"$(text_of "$(say "$answer" | head -n 1)" | fenced | tr -d '\357\277\275')" abcd
is "... as a resource too" \
	"$(say "$answer" | sed -n 2p | at result contents 0 text | fenced | tr -d '\357\277\275')" abcd
is "... and every answer is UTF-8" \
	"$(say "$answer" | while read -r line; do say "$line" | at -check && echo good; done | grep -c good)" \
	3
ok "... its bytes stay" cmp "$T/bytes" "$SPECS/bytes.md"
publish api bytes 'abcd' >/dev/null
ok "... in the history" cmp "$T/bytes" "$PAST/bytes/1.md"
like "... and it is diffed" "$("$BIN" diff bytes)" '^+abcd$'
ok "... as JSON too" at content <<END
$(get web --name bytes --version 1 --json)
END

# Two texts of 1 MiB without a common line.
fresh big
awk 'BEGIN { for (i = 0; i < 524287; i++) print "a" }' >"$T/big-a"
awk 'BEGIN { for (i = 0; i < 524287; i++) print "b" }' >"$T/big-b"
for text in a b; do
	"$BIN" publish_spec --from api --name big --content - <"$T/big-$text" >/dev/null
done
# shellcheck disable=SC3045     # where there is no -v, memory is not bounded
bounded() { (ulimit -v 524288 2>/dev/null; "$@"); }
if "$BIN" --version >/dev/null && bounded "$BIN" --version >/dev/null 2>&1; then
	like "two huge texts, in half a GiB of memory: it says that the text is shorter" \
		"$(bounded "$BIN" get_spec --from web --name big --since 1)" 'longer than the text; read it without --since'
	bounded "$BIN" diff big >"$T/big-diff"
else
	skip "two huge texts, in half a GiB of memory" "this program does not start in that"
	"$BIN" diff big >"$T/big-diff"
fi
is "... diff gives all of it" "$(wc -l <"$T/big-diff" | tr -d ' ')" $((2 + 1 + 524287 * 2))
is "a base of which all has changed is refused" "$(status_of publish web big x --base-version 1)" 1
like "... with who" "$(cat "$T/err")" 'not published: big is at v2 since .*, by api'
like "... in a few words" "$(cat "$T/err")" 'interagent spec'
ok "... not in a mebibyte" test "$(wc -c <"$T/err")" -lt 100000

section "A store that we cannot write"

fresh locked
publish api users "$one" >/dev/null
publish api users "$two" >/dev/null
foreign "$SPECS/orders.md" web 'never seen'
foreign "$SPECS/users.md" web "$three"
cp "$BIN" "$T/program"
if [ "$(id -u)" -eq 0 ]; then
	chmod -R a+rX "$T"
	as_other() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
	chmod -R a-w "$INTERAGENT_DIR"
	as_other() { "$@"; }
fi
if as_other "$T/program" --version >/dev/null 2>&1; then
	is "a store that is not ours to write: the current text is read" \
		"$(as_other "$T/program" get_spec --from web --name users 2>/dev/null | fenced)" "$three"
	is "... the old ones" \
		"$(as_other "$T/program" get_spec --from web --name users --version 1 | fenced)" "$one"
	is "... what was never seen before" \
		"$(as_other "$T/program" get_spec --from web --name orders 2>/dev/null | fenced)" \
		'never seen'
	is "... all are listed" "$(as_other "$T/program" list_specs | grep -c ' v[0-9]')" 2
	is "... but by no server, in which an agent would speak" \
		"$(req 1 resources/read '{"uri":"interagent://spec/users"}' | as_other "$T/program" serve 2>/dev/null | at error code)" -32602
	is "... publishing is refused" \
		"$(status_of as_other "$T/program" publish_spec --from web --name users --content x)" 1
	like "... with what could not be done" "$(cat "$T/err")" "cannot [a-z ]* $INTERAGENT_DIR"
	unlike "... and nothing was stored" "$(cat "$T/err")" 'it is stored'
else
	skip "a store that is not ours to write" "no other user to be (setpriv)"
fi
chmod -R u+w "$T"

section "Stopped half-way"
# At every call of a publication that tells a reader with an unread notice.

fresh stopped
publish api users "$one" >/dev/null
get web --name users >/dev/null
publish api users "$two" >/dev/null
stopped=$INTERAGENT_DIR
say "$three" >"$T/three"
say "$four" >"$T/four"
# Where files need no disk, hundreds of stores cost less.
fast=$(mktemp -d /dev/shm/interagent-test.XXXXXX 2>/dev/null) || fast=$T
trap 'rm -rf "$T" "$fast"' EXIT
holds() { { sed 1,2d "$1"; echo; } | cmp -s - "$2"; }   # a file of the store, a text
check_stop() {  # what is wrong after the stop, in words
	read -r said <answer
	next=3
	cmp -s specs/users.md "$stopped/specs/users.md" || { next=4; holds specs/users.md "$T/three"; } || echo "the current text is neither"
	cmp -s $past/1.md "$stopped/$past/1.md" && cmp -s $past/2.md "$stopped/$past/2.md" || echo "an old text is lost"
	grep -q '"status": "pending"' messages-meta/*.json || echo "the reader has no notice any more"
	case $status,$how,$next,$said in
	0,*,4,'users v3 is published'*) ;;
	0,*) echo "acknowledged: v$((next - 1)) is current, and it said: $said" ;;
	*,kill,*) ;;
	*,3,*'is stored'* | *,3,*'is published'*) echo "it is not published, but: $said" ;;
	*,4,*'do not do it again'* | *,4,*'do not publish it again'*) ;;
	*,4,*) echo "it is published, but: $said" ;;
	esac
	get db --name users >shown 2>&1
	grep -q "^users v$((next - 1)) by api" shown || echo \
		"the current version is shown as: $(head -n 1 shown)"
	[ "$(fenced <shown)" = "$([ $next = 3 ] && say "$two" || say "$three")" ] || echo "the current text is not read"
	[ ! -e $past/3.md ] || holds $past/3.md "$T/three" || echo "version 3 is another text"
	# A process that was killed may leave a version that never became current: its number is not used again.
	case $how,$next in
	kill,3) [ ! -e $past/3.md ] || next=4 ;;
	*,3) [ ! -e $past/3.md ] || echo "a version was left that is not published" ;;
	*) [ -e $past/3.md ] || echo "version 3 is lost" ;;
	esac
	publish db users "$four" >answer 2>&1
	read -r said <answer
	case $said in
	"users v$next is published"*) ;;
	*) echo "the next one: $said" ;;
	esac
	holds specs/users.md "$T/four" && holds $past/$next.md "$T/four" || echo "the next text is not kept"
	[ "$(find $past -name '[0-9]*.md' | grep -c .)" = $next ] || echo "the history has other versions: $(ls $past)"
}
past=specs/.history/users
for how in 5 28 kill; do
	(
		k=0
		INTERAGENT_DIR=$fast/stop-$how
		while :; do
			k=$((k + 1))
			rm -rf "${INTERAGENT_DIR:?}"
			cp -R "$stopped" "$INTERAGENT_DIR"
			cd "$INTERAGENT_DIR" || exit
			# Some shells say "Killed" on their own standard error.
			{
				INTERAGENT_FAULT="$k $how" INTERAGENT_FAULT_LOG=reached \
					"$HELPERS/interagent-fault" publish_spec --from api --name users --content "$three" >answer 2>&1
			} 2>/dev/null
			status=$?
			[ -s reached ] || break
			check_stop >wrong
			[ ! -s wrong ] || sed "s/^/$k $(cat reached): /" wrong
		done
		[ $k -gt 50 ] || echo "only $k calls"
		echo $k >"$T/calls-$how"
	) >"$T/stopped-$how" 2>&1 &
done
wait
for how in 5 28 kill; do
	is "a publication stopped by $how at each of its $(cat "$T/calls-$how") calls: nothing is lost, and the next one works" \
		"$(cat "$T/stopped-$how")" ''
done

section "The story"

fresh story
say "$one" >"$T/first-text"
"$BIN" publish_spec --from api --name users --content - <"$T/first-text" >/dev/null
read_one=$(serve "$(call 1 set_status '{"agent_name":"web","status":"reading"}')" \
	"$(req 2 tools/call '{"name":"register_agent","arguments":{"name":"web","workspace_path":"'"$T/work/web"'","description":"web"}}')" \
	"$(call 3 get_spec '{"name":"users"}')" | tail -n 1)
is "the consumer reads version 1" "$(text_of "$read_one" | fenced)" "$one"
("$BIN" wait --agent web --exit-code 0 --timeout 30 >"$T/woken") &
waiter=$!
sed 's/^line 10 .*/line 10: name is optional/; s/^line 11 .*/line 11: mail is not/; s/^line 30 .*/line 30: gone/' \
	"$T/first-text" >"$T/changed"
is "the server publishes version 2" \
	"$("$BIN" publish_spec --from api --name users --content - --note 'names are optional' <"$T/changed")" \
	'users v2 is published; 1 reader is told.'
wait $waiter
like "the consumer is woken" "$(cat "$T/woken")" \
	'1 unread for web: [0-9a-f]* from api "spec users is now v2: names are optional"'
answer=$(tool get_spec '{"name":"users","since":1}')
is "... asks what changed, and sees three lines go" "$(echo "$answer" | fenced | sed 1,2d | grep '^-')" \
	"$(printf -- '-line %s of the interface\n' 10 11 30)"
is "... and three come" "$(echo "$answer" | fenced | sed 1,2d | grep '^+')" \
	"$(printf '+line 10: name is optional\n+line 11: mail is not\n+line 30: gone')"
like "... under the note" "$answer" '^users v2 by api .*"names are optional"$'
done_testing
