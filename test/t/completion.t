# Completion, in each shell that is here, and the manual page: both come from the
# table of verbs.
# shellcheck disable=SC2016,SC2317,SC2329     # texts for other shells; functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

PATH=$T/bin:$PATH
mkdir "$T/bin"
ln -s "$BIN" "$T/bin/interagent"
register api
register web
mail api human 'A question'
id=$(cut -c 1-8 <"$T/sent")
mail web api 'Not for the person'
other=$(cut -c 1-8 <"$T/sent")
verb publish_spec users --from api x >"$T/out"
printf '{"%s":{"name":"%s","workspacePath":"/x"},"api":{"name":"api","workspacePath":"%s"},"web":{"name":"web","workspacePath":"/x","description":"the web"}}' \
	'x$(touch pwned)' 'x$(touch pwned)' "$T/api" >"$INTERAGENT_DIR/registry.json"

section "What is offered"
# LINE, a bar, what must be offered, a bar, what must not be.
words() { COMP_LINE=$1 "$HELPERS/tty" "$BIN" completion words | cut -f 1; }
while IFS='|' read -r line wanted unwanted; do
	like "\"$line\" offers $wanted" "$(words "$line")" "^$wanted\$"
	[ -z "$unwanted" ] || unlike "... and not $unwanted" "$(words "$line")" "^$unwanted\$"
done <<LINES
interagent |send|--from
interagent se|send|read
  interagent   se|send|read
interagent  send  a|api|web
interagent help re|reply|--from
interagent send |api|users
interagent send |human|x.*
interagent send a|api|web
interagent send api,|api,web|web
interagent send api,web,h|api,web,human|human
interagent forget |api|human
interagent get_status |api|human
interagent log |human|users
interagent inbox --from |human|users
interagent send api --|--subject|--older
interagent send api --from |web|--subject
interagent read |$id|$other
interagent read --from api |$other|
interagent done |$id|api
interagent spec |users|api
interagent diff u|users|api
interagent setup c|claude|gemini
interagent completion |zsh|claude
interagent inbox --|--wait-seconds|--urgent
LINES
is "nothing is offered that a shell would run" "$(words 'interagent send x')" ''
is "what stands after an unknown verb is not guessed" "$(words 'interagent frobnicate ')" ''

section "In the shells"

# offered_in SHELL LINE: the words that the shell itself would offer.
offered_in() {
	case $1 in
	bash) "$HELPERS/tty" bash --norc --noprofile -c 'eval "$(interagent completion bash)"
		COMP_LINE=$1 COMP_POINT=${#1}; _interagent; printf "%s\n" "${COMPREPLY[@]}"' bash "$2" ;;
	zsh) "$HELPERS/tty" zsh -f -c 'compdef() { :; }; eval "$(interagent completion zsh)"
		compadd() { print -rl -- $found; }; words=(${(z)1}); [[ $1 = *" " ]] && words+=(""); CURRENT=$#words
		_interagent' zsh "$2" ;;
	fish) "$HELPERS/tty" fish --no-config -c 'interagent completion fish | source; complete -C $argv[1]' "$2" | cut -f 1 ;;
	esac
}
for shell in bash zsh fish; do
	if ! command -v $shell >/dev/null; then
		skip "$shell completes" "there is no $shell"
		continue
	fi
	ok "$shell takes its script" sh -c "interagent completion $shell | $shell -n"
	is "$shell completes a verb" "$(offered_in $shell 'interagent esc' | head -n 1)" escalate
	is "$shell completes a name" "$(offered_in $shell 'interagent send w')" web
	is "... behind several blanks, as fish hands over what follows a semicolon" "$(offered_in $shell '  interagent  send w')" web
	is "$shell completes an id" "$(offered_in $shell 'interagent read ')" "$id"
	is "$shell completes a spec" "$(offered_in $shell 'interagent spec us')" users
	is "$shell completes an option" "$(offered_in $shell 'interagent send api --ur')" --urgent
	no "... and has run nothing" test -e pwned
done

section "The manual page"

"$BIN" man >"$T/interagent.1"
if command -v mandoc >/dev/null; then
	is "mandoc has nothing to say about it" "$(mandoc -Tlint -Wall "$T/interagent.1" 2>&1 | grep -v 'STYLE.*Mdocdate')" ''
else
	skip "mandoc has nothing to say about it" "there is no mandoc"
fi
if man --version 2>/dev/null | grep -q man-db; then
	is "man shows it without a warning" "$(MANPAGER="cat" man --warnings -l "$T/interagent.1" 2>&1 >"$T/shown")" ''
	like "... with its name" "$(cat "$T/shown")" 'interagent - mail between coding agents' 'interagent [^a-z]* mail between coding agents'
else
	skip "man shows it without a warning" "there is no man-db"
fi
verbs=$(COMP_LINE='interagent ' "$BIN" completion words | cut -f 1 | grep -v '^help$')
missing=''
for verb in $verbs; do
	grep -q -e "^\.It Cm $verb " -e "^\.It Cm $verb\$" -e "^\.Cm $verb ,\$" "$T/interagent.1" || missing="$missing $verb"
done
is "it has every verb" "$missing" ''
done_testing
