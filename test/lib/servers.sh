# servers.sh: servers that keep running while a test looks at them, up to four,
# numbered 1 to 4. After test.sh (". ./test/lib/servers.sh") a test can say:
#
#   start N DIR [VARIABLE=VALUE...]  starts server N in a directory; its process is in $pid
#   hand N                           gives it what comes on standard input
#   hear N LINE                      gives it one line: the line that it answers
#   ask N TOOL [ARGUMENTS]           calls a tool: the text of its answer
#   stop N                           ends its input, and waits for its end
#   drop N                           kills it with SIGKILL, and waits for its end
#
# and use some that run for one call only:
#
#   by DIR VARIABLES TOOL [ARGUMENTS]   asks a new server that was started there
#   cli DIR VARIABLES VERB...           runs a verb there: all that it says
#
# VARIABLES is one word of NAME=VALUE words, or empty. shellcheck cannot see
# that the functions are used by the tests:
# shellcheck shell=sh disable=SC2317,SC2329

start() {
	slot=$1 where=$2
	shift 2
	rm -f "$T/$slot.in"
	mkfifo "$T/$slot.in"
	: >"$T/$slot.out"
	(cd "$where" && exec env "$@" "$BIN" serve) <"$T/$slot.in" >"$T/$slot.out" 2>>"$T/stderr" 5>&- 6>&- 7>&- 8>&- &
	pid=$!
	echo "$pid" >"$T/$slot.pid"
	case $slot in
	1) exec 5>"$T/1.in" ;;
	2) exec 6>"$T/2.in" ;;
	3) exec 7>"$T/3.in" ;;
	4) exec 8>"$T/4.in" ;;
	esac
}

hand() {
	case $1 in
	1) cat >&5 ;;
	2) cat >&6 ;;
	3) cat >&7 ;;
	4) cat >&8 ;;
	esac
}

hear() {
	heard=$(($(wc -l <"$T/$1.out") + 1))
	tries=0
	printf '%s\n' "$2" | hand "$1"
	until [ "$(wc -l <"$T/$1.out")" -ge "$heard" ] || [ $tries -ge 1000 ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
	sed -n "${heard}p" "$T/$1.out"
}

ask() {
	asked=$1
	shift
	text_of "$(hear "$asked" "$(call 1 "$@")")"
}

reap() {
	case $1 in
	1) exec 5>&- ;;
	2) exec 6>&- ;;
	3) exec 7>&- ;;
	4) exec 8>&- ;;
	esac
	wait "$(cat "$T/$1.pid")" 2>/dev/null
}

stop() { reap "$1"; }

drop() {
	kill -KILL "$(cat "$T/$1.pid")"
	reap "$1"
}

by() {
	where=$1 variables=$2
	shift 2
	# shellcheck disable=SC2086
	text_of "$(call 1 "$@" | (cd "$where" && env $variables "$BIN" serve 2>>"$T/stderr"))"
}

cli() {
	where=$1 variables=$2
	shift 2
	# shellcheck disable=SC2086
	(cd "$where" && env $variables "$BIN" "$@") 2>&1 </dev/null
}
