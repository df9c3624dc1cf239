# A tour of every verb in terminals of 40, 80 and 200 columns: what a person sees,
# held against data/golden/tour.WIDTH. Ids, times and sizes of paths that change
# are made the same. With GOLDEN=new the files are written anew: look at each.
# shellcheck disable=SC2317,SC2329     # functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

if ! has_terminal; then
	skip "every verb in three terminals" "no script(1) that gives a terminal"
	done_testing
fi
TERM=xterm
NO_COLOR=1
export TERM NO_COLOR
unset COLUMNS
PATH=$T/bin:$PATH
mkdir "$T/bin"
ln -s "$BIN" "$T/bin/interagent"
DIR=$INTERAGENT_DIR

# message ID FROM TO SUBJECT STATUS AGE [MORE-MEMBERS]
message() {
	when=$(ago "$6")
	echo "The text of $4" >"$DIR/messages/$1.md"
	printf '{"id":"%s","from":"%s","to":"%s","subject":"%s","status":"%s","createdAt":"%s","updatedAt":"%s"%s}' \
		"$1" "$2" "$3" "$4" "$5" "$when" "$when" "${7:-}" >"$DIR/messages-meta/$1.json"
}
id_of() { echo "${1}0000000-0000-4000-8000-000000000000"; }
prepare() {
	INTERAGENT_DIR=$DIR
	rm -rf "$DIR" "${T:?}/home"
	mkdir -p "$T/home" "$DIR/messages" "$DIR/messages-meta" "$DIR/archive"
	for name in api web a/long/path/to/the/reports; do
		verb register_agent "${name##*/}" "the ${name##*/}" --workspace-path "/none/product/$name" >"$T/out"
	done
	for name in api web reports; do
		verb set_status 'writing the importer for last year, then its tests' --from $name >"$T/out"
	done
	verb publish_spec users --from api --note 'first' '# Users
id: number' >"$T/out"
	verb publish_spec users --from api --note 'ids are text' '# Users
id: text' >"$T/out"
	message "$(id_of 1)" web api 'Which fields are optional in POST /orders?' completed 5d
	message "$(id_of 2)" api web 'Re: Which fields are optional in POST /orders?' acknowledged 4d ",\"replyTo\":\"$(id_of 1)\""
	message "$(id_of 3)" api human 'The importer stops at the first order that has no customer; shall I skip it?' pending 3h
	message "$(id_of 4)" web human 'The build is red' pending 2h ',"urgent":true'
	message "$(id_of 5)" reports api 'Index on orders.customer?' escalated 90m ',"escalationReason":"It needs an hour without writes"'
	: >"$DIR/archive/.swept"
	long_ago=$(ago 6h)
	for file in "$DIR/status.json" "$DIR/specs/users.md" "$DIR"/specs/.history/users/[12]*; do
		sed "s/20..-..-..T..:..:..\....Z/$long_ago/" "$file" >"$T/copy"
		cat "$T/copy" >"$file"
	done
}
# In what is shown, times of the tour itself and random ids are the same each time.
steady() {
	tr -d '\r' | sed -e "s|$T|/T|g" -e 's/\([1-5]0000000\)/<\1>/g' -e 's/\([^<0-9a-f]\)[0-9a-f]\{8\}\([^0-9a-f]\)/\1########\2/g' \
		-e 's/^[0-9a-f]\{8\}\([^0-9a-f]\)/########\1/' -e 's/<\(.0000000\)>/\1/g' \
		-e 's/just now/0s ago/g; s/\([ (]\)[0-9][0-9]*s\( ago\)\{0,1\}/\1#s\2/g; s/[0-9]* bytes:/# bytes:/' \
		-e '/#s/s/[^"]*\.\.\.$/.../'
}
# show COMMAND: as a person types it
show() {
	printf '%% %s\n' "$1"
	script -qec "stty cols $width; $1" /dev/null </dev/null | steady
}
tour() {
	show 'interagent'
	show 'interagent inbox'
	show 'interagent read'
	show 'interagent read 30000000'
	show 'interagent inbox'
	show 'interagent reply 30000000 Skip it, and say which one. --mark-complete'
	show 'interagent send api,web Please stop at noon. --urgent'
	show 'interagent done 40000000'
	show 'interagent log'
	show 'interagent log api --since 5h'
	show 'interagent log 10000000 --full'
	show 'interagent escalate 10000000 "I cannot decide" --from api'
	show 'interagent agents'
	show 'interagent get_agent api'
	show 'interagent register_agent mobile "the app for phones" --workspace-path /none/product/mobile'
	show 'interagent set_status "on holiday" --from mobile'
	show 'interagent statuses'
	show 'interagent get_status web'
	show 'interagent forget mobile'
	show 'interagent publish_spec login --from web "# Login"'
	show 'interagent specs'
	show 'interagent spec users'
	show 'interagent spec users --version 1'
	show 'interagent diff users'
	show 'interagent prune --older 30d'
	show 'interagent wait --from reports --timeout 0'
	show 'interagent setup codex --dry-run'
	show 'interagent hook </dev/null'
	show 'interagent completion bash | head -n 1'
	show 'interagent man | head -n 3 | tail -n 2'
	show 'interagent --version | sed "s/ .*//"'
	show 'interagent send'
	show 'interagent send apy hello'
}
for width in 40 80 200; do
	prepare
	tour >"$T/tour" 2>&1
	golden=test/data/golden/tour.$width
	[ -z "${GOLDEN:-}" ] || cp "$T/tour" "$golden"
	if cmp -s "$T/tour" "$golden"; then
		pass "every verb in a terminal of $width columns"
	else
		fail "every verb in a terminal of $width columns" "$(diff "$golden" "$T/tour")"
	fi
	# Lists and the board fit; texts, refusals and single answers are whole.
	sed -n '/^% interagent$/,/^% interagent inbox/p; /^% interagent log api/,/^% interagent log 1/p; /^% interagent agents/,/^% interagent get_agent/p
		/^% interagent statuses/,/^% interagent get_status/p; /^% interagent specs/,/^% interagent spec u/p' "$T/tour" |
		grep -v '^%' >"$T/lists"
	ok "... of which no list is wider" "$HELPERS/screen" -check $width <"$T/lists"
done
for verb in board send inbox read reply 'done' log escalate agents get_agent register_agent set_status statuses get_status \
	forget publish_spec specs spec diff prune wait setup hook completion man; do
	like "the tour has been at $verb" "$(cat "$T/tour")" "^% interagent $verb" "^% interagent\$"
done
done_testing
