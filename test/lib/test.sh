# test.sh: what every test file begins with (". ./test/lib/test.sh", from the top
# directory). It gives the test a store, a home and a scratch directory of its
# own, in $T, and a few words to say TAP with:
#
#   ok WHAT COMMAND...      passes if the command succeeds
#   no WHAT COMMAND...      passes if the command fails
#   is WHAT GOT WANTED      passes if both are the same text
#   like WHAT GOT PATTERN...    passes if a line of GOT matches one of the basic
#                               regular expressions
#   unlike WHAT GOT PATTERN...  passes if none does
#   skip WHAT WHY           says that something could not be tested here
#   section TITLE           what the tests that follow are about
#   done_testing            the last line of a test
#
# and a few to speak the protocol with:
#
#   req ID METHOD [PARAMS]            a legacy request
#   modern ID METHOD [MEMBERS]        one with the modern envelope
#   call ID TOOL [ARGUMENTS]          a legacy tools/call
#   serve LINE...                     all that a server answers to these lines
#   text_of ANSWER                    the text of a tool's answer
#   tool TOOL [ARGUMENTS]             call, serve and text_of in one
#   at PATH... <JSON                  the value at a path: at result content 0 text
#
# and some for processes: status_of, gone PID, has_terminal, terminal, wait_for.
#
# A result is told with the name of its file and its section, so that it can be
# understood alone. A WHAT that begins with "...", "and", "nor" or the like goes on
# from the one before it, and is told with that one.

set -u
LC_ALL=C
export LC_ALL
BIN=${INTERAGENT:-$PWD/interagent}
HELPERS=$PWD/test/bin
T=$(mktemp -d "${TMPDIR:-/tmp}/interagent-test.XXXXXX") || exit 1
T=$(cd "$T" && pwd -P)
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
for name in $(env | sed -n -e 's/^\(CLAUDE[A-Z_]*\)=.*/\1/p' -e 's/^\(CODEX[A-Z_]*\)=.*/\1/p' \
	-e 's/^\(INTERAGENT_[A-Z]*\)=.*/\1/p'); do
	unset "$name"
done
unset GEMINI_CLI CURSOR_AGENT AI_AGENT AGENT QWEN_CODE COPILOT_CLI COPILOT_AGENT_SESSION_ID OPENCODE KILO \
	CLINE_ACTIVE AMP_CURRENT_THREAD_ID AUGMENT_AGENT GOOSE_TERMINAL PI_CODING_AGENT QWEN_CODE_SESSION_ID \
	GEMINI_SESSION_ID GEMINI_PROJECT_DIR QWEN_PROJECT_DIR VISUAL EDITOR
HOME=$T/home
INTERAGENT_DIR=$T/store
export HOME INTERAGENT_DIR
mkdir "$HOME" "$T/work"
number=0
failures=0
tap_file=${0##*/}
tap_file=${tap_file%.t}
tap_heading=
tap_topic=

section() { tap_heading="$1: " tap_topic=; }

# say_result "ok" or "not ok", WHAT [WHY IT WAS SKIPPED]
say_result() {
	number=$((number + 1))
	case $2 in
	'...'*) tap_told="$tap_topic $2" ;;
	*': ... '*) tap_told="$tap_topic ${2#*: }" ;;
	and\ * | nor\ * | but\ * | or\ * | so\ * | then\ * | which\ * | whose\ *) tap_told="$tap_topic${tap_topic:+, }$2" ;;
	*) tap_told=$2 tap_topic=$2 ;;
	esac
	printf '%s %s - %s%s\n' "$1" "$number" "$tap_file: $tap_heading$tap_told" "${3:+ # SKIP $3}"
}

pass() { say_result ok "$1"; }

fail() {
	failures=$((failures + 1))
	say_result "not ok" "$1"
	shift
	for line in "$@"; do printf '%s\n' "$line" | sed 's/^/#   /'; done
}

ok() {
	what=$1
	shift
	if "$@" >"$T/out" 2>&1; then pass "$what"; else fail "$what" "failed: $*" "$(head -c 2000 "$T/out")"; fi
}

no() {
	what=$1
	shift
	if "$@" >"$T/out" 2>&1; then fail "$what" "succeeded: $*" "$(head -c 2000 "$T/out")"; else pass "$what"; fi
}

is() {
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:    $2" "wanted: $3"; fi
}

# matches TEXT PATTERN...: does a line match one of them?
matches() {
	matched=$1
	shift
	for pattern in "$@"; do
		if printf '%s\n' "$matched" | grep -q -e "$pattern"; then return 0; fi
	done
	return 1
}

like() {
	what=$1
	shift
	if matches "$@"; then pass "$what"; else shift; fail "$what" "got: $matched" "wanted a match of: $*"; fi
}

unlike() {
	what=$1
	shift
	if matches "$@"; then fail "$what" "got: $matched" "wanted no match of: $pattern"; else pass "$what"; fi
}

skip() { say_result ok "$1" "$2"; }

done_testing() {
	echo "1..$number"
	[ "$failures" -eq 0 ]
	exit
}

at() { "$HELPERS/jsonq" "$@"; }

META='"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}'

req() { printf '{"jsonrpc":"2.0","id":%s,"method":"%s"%s}\n' "$1" "$2" "${3:+,\"params\":$3}"; }
modern() { printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":{%s%s}}\n' "$1" "$2" "${3:+$3,}" "$META"; }
call() { req "$1" tools/call "{\"name\":\"$2\"${3:+,\"arguments\":$3}}"; }
serve() { printf '%s\n' "$@" | "$BIN" serve 2>>"$T/stderr"; }
text_of() { printf '%s\n' "$1" | at result content 0 text; }
tool() { text_of "$(serve "$(call 1 "$@")")"; }

# How a command ends; what it says is in $T/out and $T/err.
status_of() {
	"$@" >"$T/out" 2>"$T/err"
	echo $?
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# A terminal for a command line, where there is a script(1) that makes one; its
# answer comes without carriage returns.
has_terminal() { script -qec true /dev/null </dev/null >/dev/null 2>&1; }
terminal() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }

# Waits, ten seconds at most, until a command succeeds.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || return 1
		sleep 0.05
	done
}
