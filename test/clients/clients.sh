# clients.sh: what the tests of this directory have in common, beside test/lib/test.sh:
#
#   package NAME        is this npm package there? If not, $why says why
#   agent NAME PROGRAM  is this agent of agents.list there, and does it start? Then
#                       $PATH leads to it; if not, $why says why
#   judge FILE WHAT     one test for each line "ok|WHAT" or "no|WHAT|GOT" of the file;
#                       without any, WHAT has failed
#   limited SECONDS COMMAND...  the command, ended by its id if it takes longer
#
# shellcheck disable=SC2034,SC2317
CLIENTS=$HELPERS/clients
usual_path=$PATH
why=
trap '' PIPE

package() {
	[ ! -d "$CLIENTS/node_modules/$1" ] || return 0
	why=$(cat "$CLIENTS.why" 2>/dev/null)
	: "${why:=$1 is not installed (make test-clients does that)}"
	return 1
}

agent() {
	why=$(cat "$CLIENTS/agents/$1.why" "$CLIENTS.why" 2>/dev/null | head -n 1)
	[ -f "$CLIENTS/agents/$1/installed" ] || { : "${why:=$1 is not installed (make test-clients does that)}"; return 1; }
	PATH=$CLIENTS/agents/$1/node_modules/.bin:$usual_path
	limited 60 "$2" --version >"$T/said" 2>&1 </dev/null && return 0
	why="it does not start here: $(grep -m 1 Error "$T/said" || head -n 1 "$T/said")"
	PATH=$usual_path
	return 1
}

judge() {
	judged=0
	while IFS='|' read -r verdict what got; do
		case $verdict in
		ok) pass "$what" ;;
		no) fail "$what" "$got" ;;
		*) continue ;;
		esac
		judged=$((judged + 1))
	done <"$1"
	[ "$judged" -gt 0 ] || fail "$2" "it said: $(tail -n 20 "$1")"
}

limited() {
	seconds=$1
	shift
	"$@" &
	limited=$!
	(
		trap 'kill "$!" 2>/dev/null; exit' TERM
		sleep "$seconds" &
		wait "$!"
		kill "$limited" 2>/dev/null
	) >/dev/null 2>&1 &
	guard=$!
	wait "$limited"
	limited=$?
	kill "$guard" 2>/dev/null
	wait "$guard" 2>/dev/null
	return "$limited"
}
