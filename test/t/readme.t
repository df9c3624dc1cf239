# README.md and AGENT_INSTRUCTIONS.md speak of the program as it is.
. ./test/lib/test.sh

tick='`'
tools=$(serve "$(req 1 tools/list)")
count=$(printf '%s\n' "$tools" | at result tools '#')

section "The table of tools"

# A row for each tool of tools/list: the name and its parameters, in their
# order, those that are required in bold.
rows() {
	i=0
	while [ "$i" -lt "$count" ]; do
		name=$(printf '%s\n' "$tools" | at result tools "$i" name)
		needed=" $(printf '%s\n' "$tools" | at result tools "$i" inputSchema required 2>"$T/none" | tr -c 'a-z_' ' ') "
		list=
		for p in \
			$(printf '%s\n' "$tools" | at result tools "$i" inputSchema properties | at -keys); \
			do
			case $needed in *" $p "*) p="**$p**" ;; esac
			list="$list${list:+, }$p"
		done
		echo "| $tick$name$tick | ${list}${list:+ }|"
		i=$((i + 1))
	done
}

like "there are tools" "$count" '^[1-9]'
is "the table has each tool with its parameters, and no other" \
	"$(sed -n "s/^\\(| ${tick}[a-z_]*$tick | [^|]*|\\).*/\\1/p" README.md)" "$(rows)"

section "Commands"

# The lines of fenced blocks, without what follows a pipe, a < or a #; and what
# stands between back quotes in the text.
fenced() { awk '/^```/ { inside = !inside; next } inside' README.md; }
quoted() { awk '/^```/ { inside = !inside; next } !inside && !/^    /' "$1" | awk -v RS="$tick" 'NR % 2 == 0'; }
fenced | sed -n 's/^\$ //; s/ *[#<|].*//; /^interagent/p' | sort -u >"$T/commands"
fenced | sed -n 's/^\$ //; s/ *#.*//; /^make/p' | sort -u >"$T/makes"
quoted README.md | grep '^interagent ' | sort -u >>"$T/commands"

ok "there are commands" test -s "$T/commands"
ok "and targets" test -s "$T/makes"
while read -r _ verb rest; do
	[ -n "$verb" ] || continue
	case $verb in
	--*) "$BIN" "$verb" >"$T/help" 2>&1 ;;
	*) "$BIN" "$verb" --help >"$T/help" 2>&1 ;;
	esac
	is "interagent $verb is a verb" "$?" 0
	# Text in quotes is a value, whatever it looks like.
	for word in $(printf '%s\n' "$rest" | sed 's/"[^"]*"//g'); do
		case $word in
		--from | --json) like "interagent $verb $word is an option" "$("$BIN" --help)" "$word" ;;
		--*) like "interagent $verb $word is an option" "$(tr '-' '_' <"$T/help")" "__$(echo "${word#--}" | tr '-' '_')[] ]" ;;
		esac
	done
done <"$T/commands"
while read -r _ words; do
	for word in ${words:-all}; do
		case $word in *=*) continue ;; esac
		ok "make $word is a target" make -n "$word"
	done
done <"$T/makes"

section "What the demo prints"

ids() { sed -e 's/[0-9a-f]\{8\}/ID/g' -e 's/([^()]*[0-9]s)/(SECONDS)/'; }
awk '/^```demo/ { inside = 1; next } /^```/ { inside = 0 } inside && NF' README.md | ids >"$T/recorded"
sh test/demo.sh 2>&1 | ids >"$T/demo"
ok "there is a recording" test -s "$T/recorded"
is "all of it is what the demo prints" "$(grep -vxF -f "$T/demo" "$T/recorded")" ""

section "Configuration"

awk -v to="$T/json" '/^```json/ { n++; inside = 1; next } /^```/ { inside = 0 } inside { print >(to "." n) }' README.md
for block in "$T"/json.*; do
	ok "configuration ${block##*.} is JSON" at -check <"$block"
	unlike "... with paths that need no shell" "$(cat "$block")" '~'
	if at mcpServers <"$block" >/dev/null; then
		like "... and starts the server" "$(at mcpServers interagent args <"$block")" 'serve"'
	else
		like "... and runs the hook" "$(at hooks SessionStart 0 hooks 0 command <"$block")" \
			'/interagent hook$'
	fi
done

section "What is pasted for agents"

known=" $(rows | tr -c 'a-z_' ' ') interagent "
ok "the instructions for agents are short" test "$(wc -l <AGENT_INSTRUCTIONS.md)" -lt 40
ok "they name tools" grep -q "${tick}check_inbox$tick" AGENT_INSTRUCTIONS.md
(
	quoted AGENT_INSTRUCTIONS.md
	tr -c 'a-z_' '\n' <AGENT_INSTRUCTIONS.md | grep _
) | sort -u >"$T/names"
while read -r name; do
	like "they know $name: a tool or a parameter" "$known" " $name "
done <"$T/names"
done_testing
