# mail.sh: the words for sending, asking and looking at a store, the same in every
# test. Who acts comes first, then whom or what it is about. After test.sh
# (". ./test/lib/mail.sh") a test can say:
#
#   verb VERB...                     the program, at a person's terminal but with its input and output
#                                    here; its complaints go to $T/stderr
#   register NAME [DIR]              an agent that works in DIR ($T/NAME), which is made
#   send FROM TO SUBJECT [TEXT [OPTION...]]   sends; prints the whole id
#   mail FROM TO SUBJECT [TEXT [OPTION...]]   the same, but says nothing: the id is in $T/sent
#   read_all                         everybody reads what waits for them
#   try TOOL [ARGUMENTS]             asks a server: $answer, and its text in $text
#   refused                          was that one an error?
#   accepts WHAT TOOL ARGUMENTS PATTERN...    try, which succeeds and says so
#   refuses WHAT TOOL ARGUMENTS PATTERN...    try, which fails, says so, and changes nothing
#   meta ID KEY...                   a value in a message's record; ID may be cut
#   archived ID KEY...               the same in the archive
#   body ID                          its text
#   ago SPAN                         the time so long ago (90s, 5m, 2h, 3d), as in files
#   age SPAN FILE...                 files were last changed then
#
# The tests use these functions and variables, which shellcheck cannot see:
# shellcheck shell=sh disable=SC2034,SC2317,SC2329

verb() { "$HELPERS/tty" "$BIN" "$@" 2>>"$T/stderr"; }

register() {
	mkdir -p "${2:-$T/$1}"
	verb register_agent --name "$1" --workspace-path "${2:-$T/$1}" --description "the $1" >"$T/out"
}

send() {
	mail_from=$1 mail_to=$2 mail_subject=$3 mail_text=${4-the text of $3}
	[ $# -lt 4 ] || shift
	shift 3
	verb send_message --from "$mail_from" --to "$mail_to" --subject "$mail_subject" \
		--content "$mail_text" --json "$@" | at id
}

mail() { send "$@" >"$T/sent"; }

read_all() {
	grep -l '"pending"' "$INTERAGENT_DIR"/messages-meta/*.json | while IFS= read -r mail_file; do
		verb read_message --from "$(at to <"$mail_file")" --message-id "$(at id <"$mail_file")" >"$T/out"
	done
}

try() {
	answer=$(serve "$(call 1 "$@")")
	text=$(text_of "$answer")
}

refused() { [ "$(printf '%s\n' "$answer" | at result isError)" = true ]; }

accepts() {
	mail_what=$1
	try "$2" "$3"
	shift 3
	if refused; then fail "$mail_what" "refused: $text"; else like "$mail_what" "$text" "$@"; fi
}

# The mail, agents and specs of a store, as far as they could be changed. What is
# no file is only named.
contents() {
	(cd "$INTERAGENT_DIR" && find . -path ./live -prune -o -path ./announced -prune -o \
		-type f ! -name .lock ! -name .swept -exec cksum {} + -o ! -type d ! -type f -print | sort) 2>/dev/null
}

refuses() {
	mail_what=$1 mail_before=$(contents)
	try "$2" "$3"
	shift 3
	if ! refused; then
		fail "$mail_what" "not refused: $answer"
	elif [ "$mail_before" != "$(contents)" ]; then
		fail "$mail_what" "refused, but the store has changed"
	else
		like "$mail_what" "$text" "$@"
	fi
}

record() {
	mail_record=$INTERAGENT_DIR/$1/$2
	shift 2
	cat "$mail_record"*.json | at "$@"
}
meta() { record messages-meta "$@"; }
archived() { record archive/messages-meta "$@"; }
body() { cat "$INTERAGENT_DIR/messages/$1"*.md; }

ago() { "$HELPERS/ago" "$1"; }
age() { "$HELPERS/ago" "$@"; }
