# Every client of clients[] at every event of its hooks: what is printed, in which
# form, and what counts as told after it. Each row of the expectations is one kind of
# event of one kind of client; each of its numbers is a run of the hook.
#
# In a row stand the form of what is printed, then sixteen numbers of messages that
# were named, and noted, and last the turn as it is after the event, when it came to
# an idle session and to one in a turn. The numbers are for a session that is idle,
# one in a turn, a one-shot run and a sub-agent; and in each of these for mail of
# which all was told, one new message, one with an urgent one, and 25, the newest urgent.
. ./test/lib/test.sh
. ./test/lib/mail.sh

# ---- The mail: four stores ----

for mail in told plain urgent many; do
	INTERAGENT_DIR=$T/$mail
	register web
	(cd "$T/web" && verb register_agent web of-here) >"$T/out"
	register api
	mkdir "$INTERAGENT_DIR/announced"
	id=$(send api web 'the first')
	[ "$mail" != many ] || for n in 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do
		mail api web "number $n"
	done
	case $mail in
	told) told=$id ;;
	urgent | many) mail api web 'red' 'red all over' --urgent ;;
	esac
done

# ---- Words ----

# before STATE MAIL SESSION: what is in the session's record before the event.
before() {
	turn=0
	[ "$1" != turn ] || turn=1
	case $1-$2 in
	*-told) printf '0 0 %s 0\n%s\n' $turn "$told" ;;
	*) printf '0 0 %s 0\n' $turn ;;
	esac >"$T/$2/announced/web@$3"
}

# cells EVENT[:MEMBER=VALUE] VARIABLES MEMBERS: the sixteen runs; what they say is in $T/said.*
number_of_cells=0
cells() {
	event=${1%%:*} variables=$2 members=$3
	[ "$event" = "$1" ] || members="$members,\"$(echo "${1#*:}" | sed 's/=/":"/')\""
	number_of_cells=$((number_of_cells + 1))
	set --
	for state in idle turn once sub; do
		more=
		[ "$state" != once ] || more=CLAUDE_CODE_ENTRYPOINT=sdk-cli
		for mail in told plain urgent many; do
			session=$state-$number_of_cells
			before $state $mail "$session"
			printf '{"session_id":"%s","cwd":"%s","hook_event_name":"%s"%s%s}' "$session" "$T/web" "$event" \
				"$members" "$([ $state != sub ] || echo ',"agent_id":"a1"')" >"$T/event"
			said=$T/said.$state.$mail
			# shellcheck disable=SC2086
			INTERAGENT_DIR=$T/$mail env $variables $more "$BIN" hook <"$T/event" >"$said" 2>"$said.error"
			echo "status $?" >"$said.status"
			set -- "$@" "$said.status" "$T/$mail/announced/web@$session" "$said" "$said.error"
		done
	done
	awk -v event="$event" "$summary" "$@"
}

summary='
function form() {
	if (all ~ /^$/)
		return ""
	if (status == 2)
		return out == "" && err ~ /^interagent: / ? "status-2" : "?"
	if (err != "")
		return "complaint"
	if (index(out, "{\"hookSpecificOutput\":{\"hookEventName\":\"" event "\",\"additionalContext\":\"") == 1)
		return "inner" (out ~ /"watchPaths":\["[^"]*\/web\/.claude\/inbox"\][}][}]$/ ? "+watch" : "")
	if (out ~ /^[{]"additionalContext":"[^{}]*"[}]$/)
		return "outer"
	if (out ~ /^[{]"decision":"block","reason":"interagent: [^{}]*"[}]$/)
		return "block"
	return out ~ /^(interagent: |You are the agent web)/ ? "text" : "?"
}
function finish(   named, cell) {
	all = out err
	you = all ~ /You are the agent web\. / ? "+you" : ""
	named = gsub(/ from api /, " from api ", all)
	cell = named
	if (ids != (mail ~ /told/ ? 1 : named))
		cell = named "/" ids
	if (mail ~ /many/ && named > 1 && (all !~ /: [0-9a-f]* urgent from api \\?"red/ || all !~ /; and 5 more, not shown: check_inbox has them\. /))
		cell = cell "!"
	if (named && all !~ /\. read_message shows one, reply_message answers it\./)
		cell = cell "?"
	row = row (mail ~ /told/ ? " |" : "") " " cell
	if (form() != "" && !(form() in forms)) {
		forms[form()] = 1
		shape = shape form() you " "
	}
	if (mail ~ /plain/ && mail ~ /idle|turn/)
		turns = turns turn
	out = err = ""
	ids = turn = 0
}
FILENAME ~ /\.status$/ { if (mail != "") finish(); status = $2; mail = FILENAME; next }
FILENAME ~ /announced/ { if (FNR == 1) turn = $3; else ids++; next }
FILENAME ~ /\.error$/ { err = err $0; next }
{ out = out $0 }
END { finish(); print (shape == "" ? "silent " : shape) substr(row, 4) " > " turns }
'

# expect CLIENT VARIABLES MEMBERS: its events follow on standard input, with what each does.
known=
expect() {
	known="$known
$1"
	while read -r name wanted; do
		# shellcheck disable=SC2086,SC2116     # on one blank
		is "$1: $name" "$(cells "$name" "$2" "${3-}")" "$(echo $wanted)"
	done
}

section "Every client at every event"

# It watches files, and in a one-shot run of it such an event reaches nobody.
expect claude CLAUDECODE=1 <<'END'
SessionStart:source=startup    inner+watch+you  1 1 2 20 | 1 1 2 20 | 1 1 2 20 | 0 0 0 0 > 00
SessionStart:source=compact    inner+watch+you  1 1 2 20 | 1 1 2 20 | 1 1 2 20 | 0 0 0 0 > 01
UserPromptSubmit               inner            0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
UserPromptSubmit:prompt=       inner            0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
PostToolBatch                  inner            0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
PostToolUse                    inner            0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
Stop                           block            0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
FileChanged                    status-2         0 1 2 20 | 0 0 1 1  | 0 0 0 0  | 0 0 0 0 > 01
Notification:notification_type=idle_prompt        silent  0 0 0 0 | 0 0 0 0 | 0 0 0 0 | 0 0 0 0 > 00
Notification:notification_type=permission_prompt  silent  0 0 0 0 | 0 0 0 0 | 0 0 0 0 | 0 0 0 0 > 01
SessionEnd                     silent           0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 00
SubagentStop                   silent           0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 01
PreToolUse                     silent           0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 01
END

# Those that take the same shape, each with its mark or sign; files are not theirs to watch.
cat >"$T/same-shape" <<'END'
SessionStart      inner+you  1 1 2 20 | 1 1 2 20 | 1 1 2 20 | 0 0 0 0 > 00
UserPromptSubmit  inner      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
UserPromptSubmit:prompt=  inner  0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
BeforeAgent       inner      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
PostToolBatch     inner      0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
PostToolUse       inner      0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
AfterTool         inner      0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
Stop              block      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
AfterAgent        block      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
FileChanged       silent     0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 01
SessionEnd        silent     0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 00
END
for client in codex:CODEX_CI=1 gemini:GEMINI_CLI=1 qwen:QWEN_CODE=1 opencode:OPENCODE=1 kilo:KILO=1 \
	cline:CLINE_ACTIVE=true amp:AGENT=amp auggie:AUGMENT_AGENT=1 cursor:CURSOR_AGENT=1 \
	goose:GOOSE_TERMINAL=1 pi:PI_CODING_AGENT=true; do
	expect "${client%%:*}" "${client#*:}" <"$T/same-shape"
done
sed -n -e '/^SessionStart/p' -e '/^Stop/p' -e '/^FileChanged/p' "$T/same-shape" >"$T/some"
expect codex GEMINI_API_KEY=x ',"turn_id":"t1"' <"$T/some"
expect codex CLAUDE_PROJECT_DIR="$T" ',"transcript_path":null' <"$T/some"

# By this member it marks its sub-agents.
sed -e 's/^\([A-Za-z]*\) .*/\1 silent 0 0 0 0 | 0 0 0 0 | 0 0 0 0 | 0 0 0 0 > 01/' "$T/some" >"$T/of-subagents"
expect gemini GEMINI_CLI=1 ',"agent_name":"helper"' <"$T/of-subagents"

# It takes a text at the top, and nothing of the others' form.
expect copilot COPILOT_CLI=1 <<'END'
SessionStart      outer+you  1 1 2 20 | 1 1 2 20 | 1 1 2 20 | 0 0 0 0 > 00
UserPromptSubmit  outer      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
PostToolUse       outer      0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
Stop              block      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
FileChanged       silent     0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 01
END

# It reads plain text, and only at a prompt and a stop.
expect kimi TERM=dumb ',"client_type":"kimi-cli"' <<'END'
SessionStart      silent    0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 00
UserPromptSubmit  text      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
PostToolUse       silent    0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 11
Stop              status-2  0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
FileChanged       silent    0 0 0 0  | 0 0 0 0  | 0 0 0 0  | 0 0 0 0 > 01
END

# Nothing tells which client it is. Whoever reports a file has asked for it.
expect continue TERM=dumb <<'END'
SessionStart      inner+you  1 1 2 20 | 1 1 2 20 | 1 1 2 20 | 0 0 0 0 > 00
UserPromptSubmit  inner      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 11
PostToolUse       inner      0 0 1 1  | 0 0 1 1  | 0 0 1 1  | 0 0 0 0 > 11
Stop              block      0 1 2 20 | 0 1 2 20 | 0 1 2 20 | 0 0 0 0 > 00
FileChanged       status-2   0 1 2 20 | 0 0 1 1  | 0 1 2 20 | 0 0 0 0 > 01
END

is "no client was left out" "$(printf '%s\n' "$known" | sed 1d | sort -u)" \
	"$(sed -n 's/^	{ \.name = "\([a-z]*\)", .*/\1/p' interagent.c | sort -u)"

done_testing
