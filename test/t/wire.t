# What a client may put on the wire, and what it gets: every case in both eras
# of the protocol where both have it. A case sends whole lines to the program
# and looks at whole lines that come back; all that any server says here is
# kept, and the last cases judge every line of it.
#
# Nothing here depends on how long something takes. Where a server must be seen
# not to answer, a later request that it does answer shows that it has passed
# the first one; where time must pass, the server's clock is moved (test/c/leap.c).
#
# The functions are called by name, through ok and wait_for:
. ./test/lib/test.sh
. ./test/lib/mail.sh

mkdir "$T/said"
era=legacy

# ---- Words ----

# What a server says to standard input.
hear() { "$BIN" serve 2>>"$T/stderr" | tee -a "$T/said/piped"; }
serve() { printf '%s\n' "$@" | hear; }

# request ID METHOD [MEMBERS]: a request of the era; use ID TOOL [ARGUMENTS]: a call.
request() {
	members=${3-}
	if [ "$era" = modern ]; then
		modern "$1" "$2" "$members"
	else
		[ -z "$members" ] || members="{$members}"
		req "$1" "$2" "$members"
	fi
}
use() { request "$1" tools/call "\"name\":\"$2\"${3:+,\"arguments\":$3}"; }
notify() { printf '{"jsonrpc":"2.0","method":"%s","params":{%s}}\n' "$1" "${2-}"; }
cancel() { notify notifications/cancelled "\"requestId\":$1,\"reason\":\"test\""; }
hello() { req "$1" initialize "{\"protocolVersion\":\"$2\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}"; }
batch() { printf '%s\n' "$@" | sed -e '1s/^/[/' -e '$!s/$/,/' -e '$s/$/]/' | tr -d '\n'; }

# A request that every server of the era answers.
alive() { if [ "$era" = modern ]; then modern "$1" server/discover; else req "$1" ping; fi; }

# The same request with these members first in its _meta.
with_meta() {
	if [ "$era" = modern ]; then
		printf '%s\n' "$2" | sed "s|\"_meta\":{|&$1,|"
	else
		printf '%s\n' "$2" | sed "s|\"params\":{|&\"_meta\":{$1},|"
	fi
}

# The same modern request with another envelope.
envelope() { printf '%s\n' "$2" | sed "s|\"_meta\":{.*}}}\$|\"_meta\":{$1}}}|"; }
V='"io.modelcontextprotocol/protocolVersion":"2026-07-28"'
C='"io.modelcontextprotocol/clientCapabilities":{}'

# The same line with many bytes in the place of its @.
fill() { head -c "$1" /dev/zero | tr '\0' "${2:-x}"; }
enlarge() { printf '%s' "${1%%@*}"; fill "$2" "${3-}"; printf '%s\n' "${1#*@}"; }

get() { looked_at=$1; shift; printf '%s\n' "$looked_at" | at "$@" 2>/dev/null; }
code() { get "$1" error code; }

# The ids of answers in their order, with - for an answer or message without one.
ids() { sed -e 's/^\[.*/array/' -e t -e 's/^{"jsonrpc":"2.0","id":\([^,]*\),.*/\1/' -e t -e 's/..*/-/' | paste -s -d ' ' -; }
ids_of() { printf '%s\n' "$1" | ids; }

# A call that failed as calls do: told to the model, and no protocol error.
is_refusal() {
	[ "$(get "$1" result isError)" = true ] && [ -n "$(get "$1" result content 0 text)" ] &&
		[ "$(get "$1" result content 0 type)" = text ] && is_complete "$1"
}
is_success() { get "$1" result content 0 text >"$T/out" && [ -z "$(get "$1" result isError)" ] && is_complete "$1"; }
is_complete() {
	wanted=
	[ "$era" = legacy ] || wanted=complete
	[ "$(get "$1" result resultType)" = "$wanted" ]
}

is_success_or_refusal() { is_success "$1" || is_refusal "$1"; }
is_success_or_error() { is_success "$1" || is_error "$@"; }

# is_error ANSWER CODE...: one of the codes, and no result.
is_error() {
	[ -z "$(get "$1" result)" ] || return 1
	wanted=$(code "$1")
	shift
	case " $* " in *" ${wanted:-none} "*) ;; *) return 1 ;; esac
}

section "A server whose input stays open"

lives=0

# begin [PROGRAM]: what it says is in $live, its process is $pid. Errors go to $errors.
errors=$T/stderr
begin() {
	lives=$((lives + 1))
	live=$T/said/$lives
	mkfifo "$live.in"
	"${1:-$BIN}" serve <"$live.in" >"$live" 2>>"$errors" 5>&- 6>&- 7>&- &
	pid=$!
	exec 5>"$live.in"
	rm "$live.in"
}

# begin_piped [COMMAND...]: the same, but its answers come through a pipe,
# descriptor 6, on which the command has run before.
begin_piped() {
	mkfifo "$T/to" "$T/back"
	("${@:-:}" && exec "$BIN" serve) <"$T/to" >"$T/back" 2>>"$errors" 5>&- 6>&- 7>&- &
	pid=$!
	exec 5>"$T/to" 6<"$T/back"
	rm "$T/to" "$T/back"
}
tell() { (printf '%s\n' "$@" >&5) 2>/dev/null; }
heard() { grep -q -e "$1" "$live"; }
heard_times() { [ "$(grep -c -e "$2" "$live")" -ge "$1" ]; }
finish() { exec 5>&-; wait_for gone "$pid" || kill -KILL "$pid"; wait "$pid" 2>/dev/null; status=$?; }

# ends WHAT: the server ends by itself and in order. The alarm that ends it
# where it is stuck goes off after a second, and would show in the status.
ends() {
	if wait_for gone "$pid"; then
		wait "$pid"
		is "$1" "status $?" "status 0"
	else
		kill -KILL "$pid"
		fail "$1" "it still runs"
	fi
	exec 5>&-
}

no_temp_files() { [ -z "$(find "$INTERAGENT_DIR" -name '.tmp*')" ]; }

body_file() { echo "$INTERAGENT_DIR"/messages/"$1"*.md; }
agent() { "$BIN" register_agent --name "$1" --description test --workspace_path "$T/work"; }
waiting() { use "$1" check_inbox "{\"agent_name\":\"$2\",\"wait_seconds\":${3:-300}}"; }

is "without a word it serves, where its input is no terminal" "$(req 1 ping | "$BIN")" \
	'{"jsonrpc":"2.0","id":1,"result":{}}'
for name in a sender asks; do
	ok "agent $name registers" agent "$name"
done

section "The handshake"
# A legacy client opens with it and believes every word of the answer; one that
# asks for a version nobody knows must still get an answer it can refuse itself.

answer=$(serve "$(hello 0 2025-11-25)")
is "initialize is answered under id 0" "$(get "$answer" id)" 0
is "... in the version that was asked for" "$(get "$answer" result protocolVersion)" 2025-11-25
is "... with the members that clients demand and no others" \
	"$(get "$answer" result >"$T/result"; at -keys <"$T/result" | sort | paste -s -d ' ' -)" \
	"capabilities instructions protocolVersion serverInfo"
is "... with tools and resources as capabilities, which are objects" \
	"$(get "$answer" result capabilities)" '{"tools":{},"resources":{}}'
is "... with a name" "$(get "$answer" result serverInfo name)" interagent
like "... and a version" "$(get "$answer" result serverInfo version)" '^[0-9]'

for version in 2024-11-05 2025-03-26 2025-06-18; do
	is "initialize in version $version is answered in it" \
		"$(get "$(serve "$(hello 1 $version)")" result protocolVersion)" $version
done
for version in 2026-07-28 1.0.0 2099-01-01 ''; do
	is "initialize in version '$version' is answered in the newest legacy version, not refused" \
		"$(get "$(serve "$(hello 1 "$version")")" result protocolVersion)" 2025-11-25
done

is "initialize with a _meta that names no version is legacy" \
	"$(get "$(serve "$(era=legacy with_meta '"progressToken":1' "$(hello 1 2025-06-18)")")" result protocolVersion)" 2025-06-18
for params in '' '{}' '{"capabilities":{}}' '{"protocolVersion":5}' '{"protocolVersion":null}'; do
	answer=$(serve "$(req 1 initialize "$params")")
	is "initialize without a version (params ${params:-absent}) is refused" \
		"$(get "$answer" id) $(code "$answer")" "1 -32602"
done

answer=$(serve "$(hello 1 2025-06-18)" "$(hello 2 2024-11-05)")
is "a second initialize is answered as the first" "$(ids_of "$answer")" "1 2"
is "... in its own version" "$(get "$(printf '%s\n' "$answer" | tail -n 1)" result protocolVersion)" \
	2024-11-05
is "initialize in a modern envelope is a method that does not exist" \
	"$(code "$(serve "$(modern 1 initialize '"protocolVersion":"2026-07-28","capabilities":{}')")")" -32601

section "Before the handshake"
# Clients probe and hurry; a server that ends or sulks at an early request has
# lost them.

for era in legacy modern; do
	answer=$(serve "$(request 1 tools/list)" "$(alive 2)")
	is "$era: tools/list as the first line is served, and the next line too" "$(ids_of "$answer")" "1 2"
	is "$era: ... as a list" "$(get "$(printf '%s\n' "$answer" | head -n 1)" result tools 0 name)" \
		register_agent
done

for id in '""' '"x"' -5 0; do
	wanted="{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{}}"
	is "ping with id $id before initialize has an empty result" "$(serve "$(req "$id" ping)")" "$wanted"
	is "ping with id $id after initialize has an empty result" \
		"$(serve "$(hello 1 2025-06-18)" "$(req "$id" ping)" | tail -n 1)" "$wanted"
	answer=$(serve "$(modern "$id" ping)")
	is "ping with id $id in a modern envelope does not exist" \
		"$(printf '%s\n' "$answer" | ids) $(code "$answer")" "$id -32601"
done

section "The modern envelope"
# Every modern request stands for itself, so every one is checked by itself.

answer=$(serve "$(modern '"d"' server/discover)")
is "server/discover is answered" "$(ids_of "$answer")" '"d"'
is "... with a result type" "$(get "$answer" result resultType)" complete
supported=$(get "$answer" result supportedVersions)
like "... with the modern version" "$supported" '"2026-07-28"'
is "... with the same capabilities" "$(get "$answer" result capabilities)" '{"tools":{},"resources":{}}'
like "... with a whole ttlMs" "$(get "$answer" result ttlMs)" '^[0-9][0-9]*$'
like "... with a cacheScope" "$(get "$answer" result cacheScope)" '^public$' '^private$'
is "... and with the server's name in _meta" \
	"$(get "$answer" result _meta io.modelcontextprotocol/serverInfo name)" interagent
like "... and version" "$(get "$answer" result _meta io.modelcontextprotocol/serverInfo version)" '^[0-9]'
is "... and not beside it" "$(get "$answer" result serverInfo)" ""

discover=$(modern 7 server/discover)
for case in "without params:$(req 7 server/discover)" "with empty params:$(req 7 server/discover '{}')" \
	"without a version:$(envelope "$C" "$discover")" "without capabilities:$(envelope "$V" "$discover")" \
	"with capabilities that are no object:$(envelope "$V,\"io.modelcontextprotocol/clientCapabilities\":true" "$discover")" \
	"with a number as version:$(envelope "\"io.modelcontextprotocol/protocolVersion\":20260728,$C" "$discover")" \
	"with 5 as client:$(envelope "$V,$C,\"io.modelcontextprotocol/clientInfo\":5" "$discover")" \
	"with an unknown log level:$(envelope "$V,$C,\"io.modelcontextprotocol/logLevel\":\"loud\"" "$discover")"; do
	answer=$(serve "${case#*:}")
	is "server/discover ${case%%:*} is refused under its id" "$(get "$answer" id) $(code "$answer")" \
		"7 -32602"
done
list=$(modern 7 tools/list)
for case in \
	"with a number as version:$(envelope "\"io.modelcontextprotocol/protocolVersion\":20260728,$C" "$list")" \
	"without capabilities:$(envelope "$V" "$list")" \
	"with an unknown log level:$(envelope "$V,$C,\"io.modelcontextprotocol/logLevel\":\"loud\"" "$list")"; do
	answer=$(serve "${case#*:}")
	is "modern tools/list ${case%%:*} is refused under its id" "$(get "$answer" id) $(code "$answer")" \
		"7 -32602"
done
is "a modern request without a client's name is served" \
	"$(get "$(serve "$(envelope "$V,$C" "$list")")" result tools 0 name)" register_agent
is "a modern request with a log level is served" \
	"$(get "$(serve "$(envelope "$V,$C,\"io.modelcontextprotocol/logLevel\":\"debug\"" "$list")")" result tools 0 name)" register_agent

for version in 1900-01-01 v999.0.0 2025-11-25; do
	for method in server/discover tools/list; do
		answer=$(serve "$(envelope "\"io.modelcontextprotocol/protocolVersion\":\"$version\",$C" "$(modern 7 $method)")")
		is "$method in version $version is refused as unsupported" \
			"$(get "$answer" id) $(code "$answer")" "7 -32022"
		is "... with the version that was asked for" "$(get "$answer" error data requested)" $version
		like "... and the modern one as supported" "$(get "$answer" error data supported)" \
			'"2026-07-28"'
		others=0
		for offered in $(get "$answer" error data supported | tr -d '[]"' | tr ',' ' '); do
			case $supported in *"\"$offered\""*) ;; *) others=1 ;; esac
		done
		is "... and none that discovery does not have" $others 0
	done
done

section "Both eras in one process"
# Which era a request is of shows in the request alone: clients probe with the
# one and go on with the other.

answer=$(serve "$(modern 1 server/discover)" "$(hello 2 2025-06-18)" "$(req 3 tools/list)")
is "discovery, then initialize, then a list: all are served" "$(ids_of "$answer")" "1 2 3"
is "... initialize as legacy" "$(printf '%s\n' "$answer" | sed -n 2p | at result protocolVersion)" 2025-06-18
unlike "... and nothing modern is in the legacy answers" "$(printf '%s\n' "$answer" | sed 1d)" resultType \
	ttlMs
answer=$(serve "$(hello 1 2025-11-25)" "$(modern 2 tools/list)" | tail -n 1)
is "after initialize a modern list has the modern shape" \
	"$(get "$answer" id) $(get "$answer" result resultType)" "2 complete"
like "... with a whole ttlMs" "$(get "$answer" result ttlMs)" '^[0-9][0-9]*$'
answer=$(serve "$(modern 1 tools/list)" "$(req 2 tools/list)" | tail -n 1)
is "after a modern list a plain one is served" "$(get "$answer" id) $(get "$answer" result tools 0 name)" \
	"2 register_agent"
unlike "... in the legacy shape" "$answer" resultType ttlMs cacheScope

section "Lists"
# A list that changes between two looks spoils the clients' caches, and a
# cursor that is not ours must not start the list again.

for era in legacy modern; do
	first=$(serve "$(request 1 tools/list)")
	is "$era: tools/list is the same, byte for byte, in the same process" \
		"$(serve "$(request 1 tools/list)" "$(request 1 tools/list)" | uniq)" "$first"
	is "$era: ... and has one page" "$(get "$first" result nextCursor)" ""
	is "$era: a cursor that is not ours is refused" \
		"$(code "$(serve "$(request 1 tools/list '"cursor":"bogus"')")")" -32602
done
like "a modern list has a whole ttlMs" "$(get "$first" result ttlMs)" '^[0-9][0-9]*$'

section "Calls"
# What the client got wrong is a protocol error; what the model got wrong is
# told to the model, which can do better.

"$BIN" send_message --from sender --to asks --subject first --content hello >"$T/out"
message=$(cut -c 1-8 "$T/out")
for era in legacy modern; do
	ok "$era: a call without arguments succeeds" is_success "$(serve "$(use 1 list_agents)")"
	ok "$era: a call with empty arguments succeeds" is_success "$(serve "$(use 1 list_agents '{}')")"
	for arguments in '[1]' '"x"' 5 true; do
		is "$era: arguments that are no object ($arguments) are refused" \
			"$(code "$(serve "$(use 1 list_agents "$arguments")")")" -32602
	done
	answer=$(serve "$(use 1 list_agents null)")
	ok "$era: null as arguments is taken for none, or refused" is_success_or_error "$answer" -32602
	is "$era: a call without a name is refused" \
		"$(code "$(serve "$(request 1 tools/call '"arguments":{}')")")" -32602
	is "$era: a call with a number as name is refused" \
		"$(code "$(serve "$(request 1 tools/call '"name":5')")")" -32602
	for call in '"arguments":{}' '"name":5' '"name":""'; do
		is "$era: ... which says that it is the name: $call" \
			"$(serve "$(request 1 tools/call "$call")" | at error message)" 'name: expected a string'
	done
	is "$era: a call of a tool that is not there is refused" \
		"$(code "$(serve "$(use 1 nothing '{}')")")" -32602

	for arguments in '' '{}' '{"name":5}' '{"name":["a"]}' '{"name":null}' '{"name":""}'; do
		answer=$(serve "$(use 1 get_agent "$arguments")")
		ok "$era: an argument that is missing or of the wrong type (${arguments:-none}) is told to the model" \
			is_refusal "$answer"
		like "$era: ... by its name" "$(text_of "$answer")" '^name'
	done
	ok "$era: a number in a string is taken for the number" \
		is_success "$(serve "$(use 1 check_inbox '{"agent_name":"asks","offset":"1"}')")"
	unlike "$era: ... and not for another one" "$(cat "$T/out")" 'first'
	ok "$era: an unknown agent is told to the model" is_refusal \
		"$(serve "$(use 1 get_agent '{"name":"nobody"}')")"
	ok "$era: an unknown message is told to the model" is_refusal \
		"$(serve "$(use 1 read_message '{"message_id":"00000000"}')")"
	answer=$(serve "$(with_meta '"com.example/key":{"a":[1]},"other":null' \
		"$(request 1 tools/call '"name":"list_agents","arguments":{"unknown":1},"task":{},"extra":"x"')")")
	ok "$era: unknown params, arguments, _meta keys and a task are passed over" is_success "$answer"
	ok "$era: ... in a list too" test \
		"$(get "$(serve "$(request 1 tools/list '"extra":[]')")" result tools 0 name)" = \
		register_agent

	# Whole numbers stay whole: a rounded offset would show another text.
	for whole in 9007199254740993 18446744073709551615 9223372036854775808 -1 1e3 1e999 \
		1e99999999999999999999 0.5; do
		answer=$(serve "$(use 1 read_message "{\"message_id\":\"$message\",\"reader\":\"sender\",\"offset\":$whole}")")
		ok "$era: $whole as an offset of a short text is refused, not rounded" is_refusal "$answer"
	done
	answer=$(serve "$(use 1 check_inbox '{"agent_name":"asks","wait_seconds":9007199254740993}')")
	ok "$era: 9007199254740993 as a time to wait is refused" is_refusal "$answer"
	for whole in 9223372036854775807 9223372036854775799 9223372036854775800 9007199254740993; do
		answer=$(serve "$(use 1 check_inbox "{\"agent_name\":\"asks\",\"offset\":$whole}")")
		ok "$era: $whole as an offset in a list is taken as it is, or refused" \
			is_success_or_refusal "$answer"
		unlike "$era: ... and nothing is said to come after it" "$(text_of "$answer")" 'more'
	done
done

section "Habits of clients"
# What clients and models really send. Each is served; what cannot be served is
# answered under its id, because somebody waits for that.

for era in legacy modern; do
	if [ "$era" = legacy ]; then
		is "params null" "$(get "$(serve "$(req 1 tools/list null)")" result tools 0 name)" register_agent
		is "... of a ping" "$(serve "$(req 1 ping null)")" '{"jsonrpc":"2.0","id":1,"result":{}}'
		is "... of a notification" "$(serve '{"jsonrpc":"2.0","method":"notifications/initialized","params":null}')" ""
	fi
	for method in tools/list resources/list resources/templates/list; do
		for cursor in null '""'; do
			answer=$(serve "$(request 1 $method "\"cursor\":$cursor")")
			ok "$era: cursor $cursor of $method" test -n "$(get "$answer" result)"
		done
	done

	for unset in '""' null; do
		ok "$era: $unset for arguments of which there are none" is_success "$(serve "$(use 1 list_agents "$unset")")"
		ok "$era: ... but not for those that are required" is_refusal "$(serve "$(use 1 get_agent "$unset")")"
		unset_text=$(printf '%s' "$unset" | tr -d '"')
		answer=$(cd "$T/work" && serve "$(use 1 check_inbox "{\"agent_name\":\"sender\",\"offset\":$unset,\"wait_seconds\":$unset}")" \
			"$(use 2 list_agents "{\"offset\":$unset}")" \
			"$(use 3 send_message "{\"from\":\"sender\",\"to\":\"sender\",\"subject\":\"unset\",\"content\":\"c\",\"urgent\":$unset}")" \
			"$(use 4 publish_spec "{\"publisher\":\"sender\",\"name\":\"unset\",\"content\":\"$era $unset_text\",\"base_version\":$unset,\"note\":$unset}")" \
			"$(use 5 get_spec "{\"name\":\"unset\",\"version\":$unset,\"since\":$unset,\"offset\":$unset}")" \
			"$(use 6 register_agent "{\"name\":\"sender\",\"description\":\"d\",\"workspace_path\":$unset}")" \
			"$(use 7 read_message "{\"message_id\":\"$message\",\"reader\":$unset,\"offset\":$unset}")")
		n=0
		while [ $n -lt 7 ]; do
			n=$((n + 1))
			ok "$era: $unset for arguments that are not set ($n)" is_success "$(printf '%s\n' "$answer" | sed -n ${n}p)"
		done
		answer=$(serve "$(use 1 send_message "{\"from\":\"sender\",\"to\":\"asks\",\"subject\":\"s\",\"content\":$unset}")")
		ok "$era: ... but a text is not taken for one that is not set" is_refusal "$answer"
	done

	for zero in 0 0.0 -0 '"0"' '"0.0"'; do
		answer=$(serve "$(use 1 get_spec "{\"name\":\"unset\",\"version\":$zero,\"since\":$zero,\"offset\":$zero}")" \
			"$(use 2 check_inbox "{\"agent_name\":\"asks\",\"offset\":$zero,\"wait_seconds\":$zero}")")
		ok "$era: $zero for a number" is_success "$(printf '%s\n' "$answer" | head -n 1)"
		ok "$era: ... in a list" is_success "$(printf '%s\n' "$answer" | tail -n 1)"
	done
	answer=$(serve "$(use 1 read_message "{\"message_id\":\"$message\",\"reader\":\"sender\",\"offset\":1.0}")")
	ok "$era: 1.0 for a number" is_success "$answer"
	like "$era: ... is 1" "$(text_of "$answer")" '^ello$'
	for word in true True FALSE; do
		answer=$(serve "$(use 1 send_message "{\"from\":\"sender\",\"to\":\"sender\",\"subject\":\"s\",\"content\":\"c\",\"urgent\":\"$word\"}")")
		ok "$era: $word as a string" is_success "$answer"
	done

	for id in 6.0 -6.0 60.00; do
		is "$era: id $id" "$(ids_of "$(serve "$(alive $id)")")" $id
	done
	answer=$(serve "$(waiting 6.0 a 30)" "$(cancel 6.0)" "$(alive 2)")
	is "$era: ... can be cancelled" "$(ids_of "$answer")" 2

	for cut in 'x\ud83d' '\ud83d' '\ude00x' '\ud83d\ud83d\ude00' '\ud83dx'; do
		answer=$(serve "$(use 1 send_message "{\"from\":\"sender\",\"to\":\"sender\",\"subject\":\"s $cut\",\"content\":\"$cut\"}")")
		ok "$era: a cut emoji, $cut, is sent" is_success "$answer"
		is "$era: ... and stored as a character that says so" \
			"$(od -An -tx1 <"$(body_file "$(text_of "$answer" | head -n 1 | cut -c 1-8)")" | tr -d ' \n')" \
			"$(printf '"%s"' "$cut" | sed -e 's/\\ud83d\\ude00/EMOJI/' -e 's/\\u[0-9a-f]*/\\ufffd/' -e 's/EMOJI/\\ud83d\\ude00/' |
				at | tr -d '\n' | od -An -tx1 | tr -d ' \n')"
	done

	for place in first last; do
		line=$(use 1 send_message '{"from":"sender","to":"asks","subject":"s","content":"@"}')
		[ $place = first ] || line=$(printf '%s\n' "$line" | sed 's/"id":1,\(.*\)}$/\1,"id":1}/')
		answer=$({ enlarge "$line" 11000000; alive 2; } | hear)
		is "$era: a call of 11 MB whose id is $place" "$(ids_of "$answer")" "1 2"
		is "$era: ... is no request" "$(code "$(printf '%s\n' "$answer" | head -n 1)")" -32600
		unlike "$era: ... and says why" "$(get "$(printf '%s\n' "$answer" | head -n 1)" error message)" '^$'
	done

	upper=$(printf '%s' "$message" | tr a-f A-F)
	for id in "$upper" " $message " "\\t$message\\n" "#$message" "# $message" "$message..." "$message.." "$message\\u2026" "$message…" \
		"#$upper..." "\`$message\`" "\\\"$message\\\"" "'$message'" "($message)" "[$message]" "<$message>" "$message:" "$message," \
		"id: $message" "(id:$message)" "$message.md" "$message.json" "\`$message.md\`"; do
		answer=$(serve "$(use 1 read_message "{\"message_id\":\"$id\",\"reader\":\"sender\"}")")
		ok "$era: an id as models type it: $id" is_success "$answer"
	done
	for id in '' '#' '...' ' ' '""'; do
		answer=$(serve "$(use 1 read_message "{\"message_id\":\"$(printf '%s' "$id" | sed 's/"/\\"/g')\",\"reader\":\"sender\"}")")
		ok "$era: ... but '$id' is none" is_refusal "$answer"
	done
done
rm -r "$INTERAGENT_DIR/specs/unset.md" "$INTERAGENT_DIR/specs/.history/unset"

section "What one call may cost"
# Whatever is asked for, the answer is short and the next request is served.

fill_list() { yes "$2" | head -n "$1" | tr -d '\n'; }
numbers_to() { awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "n%d,", i }'; }
for era in legacy modern; do
	for to in "32,000 times the same name:$(fill_list 32000 sender,)" "1,000 names:$(numbers_to 1000)" \
		"101 names:$(numbers_to 101)"; do
		request=$(use 1 send_message '{"from":"sender","to":"@","subject":"s","content":"c"}')
		cat >"$T/in" <<END
${request%%@*}${to#*:}${request#*@}
END
		answer=$({ cat "$T/in"; alive 2; } | hear)
		is "$era: a message to ${to%%:*} is answered" "$(ids_of "$answer")" "1 2"
		ok "$era: ... by a refusal" is_refusal "$(printf '%s\n' "$answer" | head -n 1)"
		ok "$era: ... which is short" test ${#answer} -lt 3000
	done
	answer=$({ enlarge "$(use 1 get_agent '{"name":"@"}')" 5000000; alive 2; } | hear)
	is "$era: a name of 5 MB is answered" "$(ids_of "$answer")" "1 2"
	ok "$era: ... in a few words" test ${#answer} -lt 3000
	answer=$({ enlarge "$(request 1 resources/read '"uri":"interagent://spec/@"')" 5000000; alive 2; } | hear)
	is "$era: a resource of 5 MB is answered" "$(ids_of "$answer")" "1 2"
	ok "$era: ... in a few words" test ${#answer} -lt 6000
done
answer=$({ enlarge "$(modern 1 tools/list | sed 's/2026-07-28/@/')" 5000000; modern 2 server/discover; } | hear)
is "a version of 5 MB is answered" "$(ids_of "$answer")" "1 2"
ok "... in a few words" test ${#answer} -lt 5000

# A store with 200 agents and 300 specs of a mebibyte, which are one file.
mkdir -p "$T/full/specs"
awk 'BEGIN { printf "{"; for (i = 1; i <= 200; i++) printf "%s\"n%d\":{\"name\":\"n%d\",\"workspacePath\":\"/x\"}", (i > 1 ? "," : ""), i, i; print "}" }' \
	>"$T/full/registry.json"
fill 1000000 y >"$T/full/text"
n=0
while [ $n -lt 300 ]; do
	n=$((n + 1))
	ln "$T/full/text" "$T/full/specs/spec$n.md"
done
# peak FILE: serves its lines on that store, and prints the most memory that took, in kB.
peak() {
	mkfifo "$T/peak.in"
	INTERAGENT_DIR=$T/full "$BIN" serve <"$T/peak.in" >"$T/peak.out" 2>>"$T/stderr" &
	exec 5>"$T/peak.in"
	cat "$1" >&5
	wait_for grep -q '"id":"last"' "$T/peak.out"
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB$/\1/p' "/proc/$!/status" 2>/dev/null
	exec 5>&-
	wait $!
	rm "$T/peak.in"
}
# small WHAT KB: the last peak was at most 64 MB.
small() {
	if grep -q __asan_init "$BIN"; then
		skip "$1" "the address sanitizer keeps what is freed"
	elif [ -z "$2" ]; then
		skip "$1" "there is no VmHWM in /proc here"
	else
		ok "$1 ($2 kB)" test "$2" -le 65536
	fi
}
for era in legacy modern; do
	{ use 1 get_agent '{"name":"nobody"}'; request 2 resources/list; use 3 list_specs; alive '"last"'; } >"$T/in"
	took=$(peak "$T/in")
	is "$era: a crowded store is served" "$(ids <"$T/peak.out")" '1 2 3 "last"'
	ok "$era: ... a wrong name is told at most ten names" \
		test "$(text_of "$(head -n 1 "$T/peak.out")" | tr ',' '\n' | grep -c 'n[0-9]')" -le 10
	is "$era: ... a person picks from at most a hundred specs" "$(sed -n 2p "$T/peak.out" | at result resources '#')" 100
	is "$era: ... a list has a page of twenty" "$(text_of "$(sed -n 3p "$T/peak.out")" | grep -c '^spec')" 20
	small "$era: ... within 64 MB" "$took"
done
era=legacy
{ hello 0 2025-03-26; printf '['; yes 1, | head -n 5000000 | tr -d '\n'; echo '1]'; alive '"last"'; } >"$T/in"
took=$(peak "$T/in")
like "a batch of 10 MB of numbers is answered" "$(sed -n 2p "$T/peak.out" | cut -c 1-100)" '^\[{"jsonrpc":"2.0","error":{"code":-32600,'
small "... within 64 MB" "$took"
{ hello 0 2025-03-26; printf '['; yes '{},[],' | head -n 1700000 | tr -d '\n'; printf '%s]\n' "$(req 1 ping)"; alive '"last"'; } >"$T/in"
took=$(peak "$T/in")
like "... of nothing, too, with the one request in it" "$(sed '$d' "$T/peak.out" | tail -n 1 | tail -c 100)" '{"jsonrpc":"2.0","id":1,"result":{}}\]$'
small "... within 64 MB" "$took"
# nothing COUNT UNIT: a call with an argument of so many of them
nothing() {
	printf '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_agents","arguments":{"nothing":['
	yes "$2" | head -n "$1" | tr -d '\n'
	echo '1]}}}'
}
for case in '3400000 [],' '1700000 [[1]],' '5000000 1,' '3400000 "",' '870000 "123456789",' '650000 "\n\n\n\n\n\n",' \
	'430000 {"a":"123456789012345"},'; do
	{ nothing "${case%% *}" "${case#* }"; alive '"last"'; } >"$T/in"
	took=$(peak "$T/in")
	is "10 MB of ${case#* } are answered" "$(ids <"$T/peak.out")" '1 "last"'
	small "... within 64 MB" "$took"
done
rm "$T/peak.out"

section "Resources"
# Whatever is announced is served in both eras: a client that lists it at the
# start drops a server that answers with an error.

# What modern clients demand of a list that they may keep.
is_cacheable() {
	is_complete "$1" || return 1
	[ "$era" = modern ] || { [ -z "$(get "$1" result ttlMs)$(get "$1" result cacheScope)" ]; return; }
	get "$1" result ttlMs | grep -q '^[0-9][0-9]*$' && get "$1" result cacheScope | grep -q -x -e public -e private
}

for era in legacy modern; do
	answer=$(serve "$(request 1 resources/list)")
	is "$era: where nothing is published, resources/list is empty" \
		"$(get "$answer" id) $(get "$answer" result resources)" "1 []"
	ok "$era: ... and as cacheable as the era has it" is_cacheable "$answer"
	answer=$(serve "$(request 1 resources/templates/list)")
	like "$era: resources/templates/list is served" "$(get "$answer" result resourceTemplates)" '^\['
	ok "$era: ... and as cacheable as the era has it" is_cacheable "$answer"
	for method in resources/list resources/templates/list; do
		is "$era: a cursor of $method that is not ours is refused" \
			"$(code "$(serve "$(request 1 $method '"cursor":"bogus"')")")" -32602
	done
	for params in '"uri":"x://y"' '"uri":"interagent://spec/none"' '"uri":"file:///etc/passwd"' \
		'"uri":""'; do
		uri=${params#*:\"}
		answer=$(serve "$(request 1 resources/read "$params")")
		ok "$era: resources/read of the unknown uri '${uri%?}' is refused as such" is_error \
			"$answer" -32602 \
			"$([ $era = modern ] || echo -32002)"
		is "$era: ... with the uri" "$(get "$answer" error data uri)" "${uri%?}"
	done
	for params in '"other":1' '"uri":5'; do
		ok "$era: resources/read without a uri ($params) is refused" is_error \
			"$(serve "$(request 1 resources/read "$params")")" -32602
	done
done
"$BIN" publish_spec --from a --name paper --content 'what is written' >"$T/out"
for era in legacy modern; do
	answer=$(serve "$(request 1 resources/list)")
	uri=$(get "$answer" result resources 0 uri)
	is "$era: what is published is in resources/list" \
		"$(get "$answer" result resources '#') $(get "$answer" result resources 0 name)" "1 paper"
	answer=$(serve "$(request 1 resources/read "\"uri\":\"$uri\"")")
	is "$era: ... and is read under its uri" "$(get "$answer" result contents 0 uri)" "$uri"
	like "$era: ... as text" "$(get "$answer" result contents 0 text)" 'what is written'
	ok "$era: ... as cacheable as the era has it" is_cacheable "$answer"
done

section "Methods that are not here"
# Some clients ask for prompts whatever was announced, and drop a legacy server
# that answers with an error; a modern client is told the truth.

is "legacy: prompts/list is an empty list" "$(serve "$(req 1 prompts/list)")" \
	'{"jsonrpc":"2.0","id":1,"result":{"prompts":[]}}'
is "modern: prompts/list does not exist" "$(code "$(serve "$(modern 1 prompts/list)")")" -32601
for era in legacy modern; do
	for method in no/such/method tasks/list logging/setLevel resources/subscribe completion/complete \
		''; do
		answer=$(serve "$(request 1 "$method" '"level":"info","uri":"x://y"')" "$(alive 2)")
		is "$era: the method '$method' does not exist" \
			"$(ids_of "$answer") $(code "$(printf '%s\n' "$answer" | head -n 1)")" \
			"1 2 -32601"
	done
done

section "Notifications"
# They are never answered, known or not; an answer would be taken for another
# request's.

for era in legacy modern; do
	extra=
	[ $era = legacy ] || extra=,$META
	answer=$(serve "$(notify notifications/nothing "\"a\":1$extra")" "$(notify notifications/initialized "\"a\":1$extra")" \
		'{"jsonrpc":"2.0","method":"notifications/initialized"}' \
		"$(notify notifications/cancelled "\"requestId\":99$extra")" "$(notify notifications/cancelled "\"reason\":\"x\"$extra")" \
		"$(notify notifications/cancelled "\"requestId\":{}$extra")" \
		"$(notify tools/list "\"a\":1$extra")" "$(notify initialize "\"protocolVersion\":\"2025-06-18\"$extra")" \
		"$(notify ping "\"a\":1$extra")" "$(notify tools/call "\"name\":\"set_status\",\"arguments\":{}$extra")" "$(alive 1)")
	is "$era: notifications, unknown, known or with a request's method, are met with silence" \
		"$(ids_of "$answer")" 1
	answer=$(serve '{"jsonrpc":"2.0","id":1,"result":{}}' '{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x"}}' \
		'{"jsonrpc":"2.0","id":3,"result":null}' "$(alive 4)")
	is "$era: answers to requests that were never made are passed over" "$(ids_of "$answer")" 4
done

section "Calls that wait"
# check_inbox with wait_seconds is the one long call. While it waits the server
# serves, and whatever ends the wait, there is one answer to it, or none if the
# client has taken it back.

for era in legacy modern; do
	who=waits-$era
	agent "$who" >"$T/out"
	begin
	tell "$(waiting 1 "$who")" "$(alive 2)" "$(waiting '"1"' "$who")" "$(use 3 list_specs)"
	ok "$era: requests are answered while a call waits" wait_for heard '"id":3'
	is "$era: ... and the waiting ones are not, yet" "$(ids <"$live")" "2 3"
	mail sender "$who" news
	ok "$era: mail that another process sends ends the wait" wait_for heard '"id":1,'
	ok "$era: ... of every call" wait_for heard '"id":"1",'
	like "$era: ... and is in the answer" "$(text_of "$(grep '"id":1,' "$live")")" '^1 unread.*'
	tell "$(waiting 4 "$who")" "$(alive 5)"
	wait_for heard '"id":5'
	is "$era: where mail is there already, nobody waits" "$(ids <"$live" | cut -d ' ' -f 5-)" "4 5"
	finish
	is "$era: the end of input ends the server" "$status" 0

	begin
	tell "$(waiting 1 a)" "$(alive 2)"
	ok "$era: a call waits for mail that does not come" wait_for heard '"id":2'
	finish
	is "$era: ... and is answered when the client has nothing more to say" "$(ids <"$live")" "2 1"
	like "$era: ... with what is there: nothing" "$(text_of "$(tail -n 1 "$live")")" '^No mail'
	is "$era: ... and the server ends" "$status" 0

	answer=$(serve "$(waiting 1 a 1)" "$(alive 2)")
	is "$era: at the end of input no call waits at all" \
		"$(ids_of "$answer" | tr ' ' '\n' | sort | paste -s -d ' ' -)" "1 2"
	begin
	tell "$(waiting 1 a 1)" "$(alive 2)"
	ok "$era: a call that waits a second is answered when it is over" wait_for heard '"id":1'
	is "$era: ... and not before" "$(ids <"$live")" "2 1"
	finish

	answer=$(serve "$(waiting 1 a 30)" "$(cancel 1)" "$(alive 2)")
	is "$era: a call that is cancelled has no answer" "$(ids_of "$answer")" 2
	answer=$(serve "$(waiting '"one"' a 30)" "$(cancel '"one"')" "$(alive 2)")
	is "$era: ... under a string as id likewise" "$(ids_of "$answer")" 2
	answer=$(serve "$(waiting 1 a 30)" "$(waiting 2 a 30)" "$(waiting 3 a 30)" "$(cancel 2)" "$(cancel 2)" "$(alive 4)")
	is "$era: ... and the others wait on" \
		"$(ids_of "$answer" | tr ' ' '\n' | sort | paste -s -d ' ' -)" "1 3 4"
	answer=$(serve "$(waiting 1 a 30)" "$(cancel '"1"')" "$(cancel 1.5)" "$(cancel null)" "$(cancel '[1]')" "$(alive 2)")
	is "$era: a call under the id 1 is not cancelled by \"1\"" "$(ids_of "$answer")" "2 1"
	for pair in 6.0:6 6:6.0 '"ab":"a\u0062"'; do
		answer=$(serve "$(waiting "${pair%%:*}" a 30)" "$(cancel "${pair#*:}")" "$(alive 2)")
		is "$era: ... but one under ${pair%%:*} is by ${pair#*:}" "$(ids_of "$answer")" 2
	done
	answer=$(serve "$(waiting '"1"' a 30)" "$(cancel 1)" "$(alive 2)")
	is "$era: ... nor one under \"1\" by 1" "$(ids_of "$answer")" '2 "1"'
	answer=$(serve "$(alive 1)" "$(cancel 1)" "$(alive 2)")
	is "$era: cancelling what is answered already changes nothing" "$(ids_of "$answer")" "1 2"

	# A signal is heard at once in the middle of a wait.
	for signal in TERM INT; do
		begin
		tell "$(alive 1)" "$(waiting 2 a)" "$(alive 3)"
		wait_for heard '"id":3'
		kill -$signal "$pid"
		ends "$era: SIG$signal ends a server in which a call waits"
		is "$era: ... and no answer comes for it" "$(ids <"$live")" "1 3"
		ok "$era: ... and no temporary file is left" no_temp_files
	done
done

begin
tell "$(waiting 1 asks-not)" "$(req 2 ping)"
ok "an unknown agent's call does not wait" wait_for heard '"id":2'
is "... but is refused first" "$(ids <"$live")" "1 2"
finish

section "Progress"
# Signs of life go to those who gave a token, under that token, and stop with
# the answer or the cancellation.

for era in legacy modern; do
	begin "$HELPERS/interagent-leap"
	tell "$(waiting 1 a)" "$(with_meta '"progressToken":""' "$(waiting 2 a)")" \
		"$(with_meta '"progressToken":"gone"' "$(waiting 3 a)")" "$(with_meta '"progressToken":0' "$(waiting 4 a)")" \
		"$(with_meta '"progressToken":[1]' "$(waiting 5 a)")" "$(alive 6)"
	ok "$era: a server with a clock of its own serves" wait_for heard '"id":6'
	kill -USR1 "$pid"
	for token in 0 '""' '"gone"'; do
		ok "$era: the token $token is echoed in a sign of life" \
			wait_for heard "^{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":$token,\"progress\":[0-9]"
	done
	tell "$(cancel 3)" "$(alive 7)"
	wait_for heard '"id":7'
	kill -USR1 "$pid"
	for token in 0 '""'; do
		ok "$era: there is a second one for $token" wait_for heard_times 2 "\"progressToken\":$token,"
		grep "\"progressToken\":$token," "$live" | sed 's/.*"progress":\([0-9]*\)}}$/\1/' >"$T/grows"
		is "$era: ... with progress that grows" "$(sort -n -u "$T/grows")" "$(cat "$T/grows")"
	done
	kill -USR2 "$pid"
	ok "$era: when their time is over all that wait are answered" \
		wait_for eval 'heard "\"id\":1," && heard "\"id\":2," && heard "\"id\":4," && heard "\"id\":5,"'
	after=$(grep -c notifications/progress "$live")
	kill -USR1 "$pid"
	tell "$(alive 8)"
	wait_for heard '"id":8'
	finish
	is "$era: the one that was cancelled showed no life after it" \
		"$(grep -c '"progressToken":"gone"' "$live")" 1
	is "$era: ... and has no answer" "$(grep -c '"id":3,' "$live")" 0
	is "$era: who gave no token that can be one gets no sign" \
		"$(grep notifications/progress "$live" | grep -c -v -e '"progressToken":0,' -e '"progressToken":"",' -e '"progressToken":"gone",')" 0
	is "$era: there is none after the answer" "$(grep -c notifications/progress "$live")" "$after"

	for token in 0 '""' '"t"'; do
		answer=$(serve "$(with_meta "\"progressToken\":$token" "$(use 1 list_agents)")")
		is "$era: a call that is answered at once has an answer and no more, with the token $token" \
			"$(ids_of "$answer")" 1
	done
done

section "Subscriptions"
# Nothing that we offer changes, so a subscription honours nothing. It is
# acknowledged all the same: a client that waits for that would hang.

filters='"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":["file:///x"]}'
ok "legacy: subscriptions/listen is refused" is_error \
	"$(serve "$(req 1 subscriptions/listen "{$filters}")")" -32601 -32602
for id in 5 '"listen:0"'; do
	answer=$(serve "$(modern "$id" subscriptions/listen "$filters")" "$(modern 9 tools/list)")
	is "a subscription under $id is acknowledged, not answered" "$(ids_of "$answer")" "- 9"
	is "... with nothing honoured" "$(printf '%s\n' "$answer" | head -n 1)" \
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":$id},\"notifications\":{}}}"
done
for wrong in '' '"notifications":5' '"notifications":[]'; do
	is "a subscription to '$wrong' is refused" \
		"$(code "$(serve "$(modern 1 subscriptions/listen "$wrong")")")" -32602
done
era=modern
answer=$(serve "$(modern '"s"' subscriptions/listen "$filters")" "$(cancel '"s"')" \
	"$(use 1 register_agent "{\"name\":\"late\",\"description\":\"x\",\"workspace_path\":\"$T/work\"}")" "$(alive 2)")
is "a subscription that is cancelled has no answer, and nothing comes for it" "$(ids_of "$answer")" "- 1 2"
answer=$(serve "$(modern 1 subscriptions/listen "$filters")" "$(modern '"1"' subscriptions/listen "$filters")" \
	"$(use 2 set_status '{"agent_name":"a","status":"x"}')")
is "of two subscriptions each is acknowledged under its own id" \
	"$(printf '%s\n' "$answer" | grep acknowledged | sed 's/.*subscriptionId":\([^}]*\)}.*/\1/' | paste -s -d ' ' -)" '1 "1"'

section "Lines that are no messages"
# A line is passed over and the next one served: a stream that dies of one bad
# byte takes the whole session with it. Whoever waits for an answer to it gets an
# error, if the line still tells its id; else nothing is said on the wire.

for era in legacy modern; do
	whole=$(alive 1)
	for case in 'no JSON:not json' 'an empty line:' 'spaces:   ' "tabs and a return:$(printf '\t \r')" \
		'only a brace:{' 'two messages on a line:{}{}' "a single quote:'" 'a NUL:\000' \
		'a cut id:{"jsonrpc":"2.0","id":1' 'an id that begins as one:{"jsonrpc":"2.0","id":01,"method":"ping"}' \
		'an id that is none:{"jsonrpc":"2.0","id":[1],"method":"a\tb"}' \
		'an id of something else:{"jsonrpc":"2.0","method":"a","params":{"id":1,"b":"\t"}}'; do
		answer=$({ printf '%b\n' "${case#*:}"; alive 2; } | hear)
		is "$era: after ${case%%:*} the next line is served" "$(ids_of "$answer")" 2
	done
	for case in "a cut line:${whole%??}" "a form feed at the end:$whole\\f" 'a tab in a string:{"jsonrpc":"2.0","id":1,"method":"a\tb"}' \
		'its id at the end:{"jsonrpc":"2.0","method":"a\tb","params":{"id":7,"a":[]},"id":1}' \
		'a comma too many:{"jsonrpc":"2.0","id":1,"method":"ping",}'; do
		answer=$({ printf '%b\n' "${case#*:}"; alive 2; } | hear)
		is "$era: after ${case%%:*} its caller is told, and the next line is served" "$(ids_of "$answer")" "1 2"
		is "$era: ... as no JSON" "$(code "$(printf '%s\n' "$answer" | head -n 1)")" -32700
	done
	answer=$({ printf '%s\r\n' "$(alive 1)"; printf '\r\n'; printf '%s\r\n' "$(alive 2)"; } | hear)
	is "$era: lines may end in carriage returns" "$(ids_of "$answer")" "1 2"
	unlike "$era: ... and ours do not" "$answer" "$(printf '\r')"
	answer=$({ printf '\357\273\277'; alive 1; alive 2; } | hear)
	like "$era: after a byte order mark the next line is served" "$(ids_of "$answer")" '^\(1 \)\{0,1\}2$'
	answer=$({ enlarge "$(use 1 get_agent '{"name":"@"}')" 1 '\377'; enlarge "$(use 2 get_agent '{"name":"@"}')" 1 '\300'; alive 3; } | hear)
	like "$era: after bytes that are not UTF-8 the next line is served" "$(ids_of "$answer")" '3$'
	answer=$({ printf '%s\n' "$(use 1 get_agent '{"name":"\ud800"}')" "$(use 2 get_agent '{"name":"\udc00\ud800"}')"; alive 3; } | hear)
	like "$era: after half a surrogate pair the next line is served" "$(ids_of "$answer")" '3$'
	answer=$(serve "$(use 1 get_agent '{"name":"\ud83d\ude00\u0000\u2028\u007f"}')")
	ok "$era: a whole pair, NUL and line separators in a string are no harm" is_refusal "$answer"
done

section "Requests that are none"
# JSON, but not of JSON-RPC. The answer may name only an id that a client could
# have sent; a made-up one would end another request.

for era in legacy modern; do
	body=$(alive 1 | sed 's/^{"jsonrpc":"2.0","id":1,//')
	for id in null true false 1.5 1e2 '{}' '[1]' 1e999; do
		answer=$(serve "{\"jsonrpc\":\"2.0\",\"id\":$id,$body" "$(alive 2)")
		like "$era: a request with the id $id is refused without one, or passed over" \
			"$(ids_of "$answer")" '^\(- \)\{0,1\}2$'
		like "$era: ... as no request" "$(code "$(printf '%s\n' "$answer" | grep -v '"id":2,')")" \
			'^\(-32600\)\{0,1\}$'
	done
	for case in "without jsonrpc:$(alive 3 | sed 's/"jsonrpc":"2.0",//')" \
		"of JSON-RPC 1.0:$(alive 3 | sed 's/"2.0"/"1.0"/')" \
		"of JSON-RPC 2, a number:$(alive 3 | sed 's/"2.0"/2.0/')" \
		'with an array of params:{"jsonrpc":"2.0","id":3,"method":"tools/list","params":[]}' \
		'with a string as params:{"jsonrpc":"2.0","id":3,"method":"tools/list","params":"x"}' \
		'with the method 5:{"jsonrpc":"2.0","id":3,"method":5}' 'without a method:{"jsonrpc":"2.0","id":3}'; do
		answer=$(serve "${case#*:}" "$(alive 4)")
		like "$era: a request ${case%%:*} is refused under its id or none, or passed over" \
			"$(ids_of "$answer")" '^\([-3] \)\{0,1\}4$'
		like "$era: ... as no request" "$(code "$(printf '%s\n' "$answer" | grep -v '"id":4,')")" \
			'^\(-32600\)\{0,1\}$'
	done
	for value in 5 true null '"ping"' '{}'; do
		like "$era: $value in the place of a request is refused without an id, or passed over" \
			"$(ids_of "$(serve "$value" "$(alive 1)")")" '^\(- \)\{0,1\}1$'
	done

	for case in "beyond 2^53:9007199254740993" "the least of 64 bits:-9223372036854775808" \
		"of thirty digits:123456789012345678901234567890" \
		"of 64 characters:\"$(fill 64)\"" 'of escapes:"\u00e9\"\\\n\u0041"' 'beyond ASCII:"é"'; do
		is "$era: an id ${case%%:*} comes back byte for byte" \
			"$(ids_of "$(serve "$(alive "${case#*:}")")")" "${case#*:}"
	done

	answer=$(serve "$(alive 1 | sed 's/"id":1,/"id":1,"id":2,/')" "$(alive 3)")
	like "$era: a request with two ids has at most one answer, under one of them" \
		"$(ids_of "$answer")" '^\([-12] \)\{0,1\}3$'
	answer=$(serve "$(use 1 get_agent '{"name":"a","name":"sender"}')" "$(alive 2)")
	is "$era: an argument that is there twice is no harm" "$(ids_of "$answer")" "1 2"
	answer=$({ fill 10000 '['; echo; fill 10000 '{'; echo; fill 10000 '['; fill 10000 ']'; echo
		enlarge "$(use 1 list_agents '{"x":@}')" 10000 '['; alive 2; } | hear)
	like "$era: after ten thousand brackets the next line is served" "$(ids_of "$answer")" '^\([-1] \)*2$'
	answer=$(serve "$(use 1 list_agents '{"x":[1e999,-1e99999999999999999999,1e-99999999999999999999]}')" "$(alive 2)")
	is "$era: numbers that no machine can hold are no harm" "$(ids_of "$answer")" "1 2"
	answer=$({ enlarge "$(use 1 check_inbox '{"agent_name":"a","offset":@}')" 100000 9; alive 2; } | hear)
	is "$era: ... nor is one of a hundred thousand digits" "$(ids_of "$answer")" "1 2"
done

section "Batches"
# Only 2025-03-26 has them. There the answers come in one array, without the
# notifications; everywhere else an array is no request.

era=legacy
agree=$(hello 0 2025-03-26)
answer=$(serve "$agree" "$(batch "$(req 1 ping)" "$(notify notifications/initialized)" "$(req '"x"' tools/list)" "$(use 3 list_specs)")" | sed 1d)
is "after 2025-03-26 a batch has an array of answers" "$(get "$answer" '#')" 3
is "... in order, without the notifications" \
	"$(get "$answer" 0 id) $(get "$answer" 1 id) $(get "$answer" 2 id)" "1 x 3"
is "... each whole" \
	"$(get "$answer" 0 result) $(get "$answer" 1 result tools 0 name) $(get "$answer" 2 result content 0 type)" \
	"{} register_agent text"
answer=$(serve "$agree" "$(batch "$(notify notifications/initialized)" "$(notify notifications/nothing)")" "$(req 1 ping)")
is "a batch of notifications alone has no answer" "$(ids_of "$answer")" "0 1"
is "... one of a single request has an array of one" \
	"$(serve "$agree" "$(batch "$(req 1 ping)")" | sed 1d)" '[{"jsonrpc":"2.0","id":1,"result":{}}]'
answer=$(serve "$agree" '[]' "$(req 1 ping)")
is "an empty batch is no request" "$(ids_of "$answer") $(code "$(printf '%s\n' "$answer" | sed -n 2p)")" \
	"0 - 1 -32600"
answer=$(serve "$agree" "$(batch 5 '{}' '[]' "$(req 2 ping)")" "$(req 3 ping)" | sed 1d)
is "what is no request in a batch has an error of its own" \
	"$(for n in 0 1 2 3; do printf '%s\n' "$answer" | head -n 1 | at $n error code || echo result; done | paste -s -d ' ' -)" "-32600 -32600 -32600 result"
answer=$(serve "$agree" "$(batch "$(hello 1 2025-11-25)" "$(req 2 ping)")" "$(batch "$(req 3 ping)")" | sed 1d)
is "initialize in a batch is refused" "$(printf '%s\n' "$answer" | head -n 1 | at 0 error code)" -32600
is "... under its id, and the rest is served" \
	"$(printf '%s\n' "$answer" | head -n 1 | at 0 id) $(printf '%s\n' "$answer" | head -n 1 | at 1 id)" \
	"1 2"
is "... and it has changed nothing" "$(printf '%s\n' "$answer" | tail -n 1 | at 0 id)" 3
answer=$(serve "$agree" "$(batch "$(waiting 1 a 30)" "$(req 2 ping)")" "$(req 3 ping)" | sed 1d)
is "a call in a batch does not wait" \
	"$(printf '%s\n' "$answer" | head -n 1 | at 0 id) $(printf '%s\n' "$answer" | tail -n 1 | at id)" \
	"1 3"
answer=$(serve "$agree" "$(waiting 1 a 30)" "$(batch "$(cancel 1)")" "$(req 2 ping)")
is "a batch may cancel" "$(ids_of "$answer")" "0 2"
for case in "2024-11-05 is agreed on:$(hello 0 2024-11-05)" "2025-06-18 is agreed on:$(hello 0 2025-06-18)" \
	"2025-11-25 is agreed on:$(hello 0 2025-11-25)" "nothing is agreed on:$(req 0 ping)" "discovery:$(modern 0 server/discover)"; do
	answer=$(serve "${case#*:}" "$(batch "$(req 1 ping)")" '[]' "$(req 2 ping)" | sed 1d)
	like "after ${case%%:*} an array is refused without an id, or passed over" "$(ids_of "$answer")" \
		'^\(- \)\{0,2\}2$'
	like "... as no request" "$(code "$(printf '%s\n' "$answer" | head -n 1)")" '^\(-32600\)\{0,1\}$'
done
answer=$(serve "$agree" "$(hello 1 2025-06-18)" "$(batch "$(req 2 ping)")" "$(req 3 ping)")
like "after a later version has been agreed on an array is refused again" "$(ids_of "$answer")" \
	'^0 1 \(- \)\{0,1\}3$'
answer=$(serve "$(modern 0 server/discover)" "$(batch "$(modern 1 tools/list)")" '[]' "$(modern 2 tools/list)")
like "modern: an array is no request" "$(ids_of "$answer")" '^0 \(- \)\{0,2\}2$'

section "Sizes"
# A line of 10 MiB is the most that clients read, and the most that we do. What
# is longer is passed over to its end; what is shorter may come in any pieces.

limit=$((10 * 1024 * 1024))
for era in legacy modern; do
	answer=$({ enlarge "$(use 1 set_status '{"agent_name":"a","status":"@"}')" 5000000
		enlarge "$(use 2 list_specs '{"unknown":"@"}')" 5000000; alive 3; } | hear)
	is "$era: arguments of 5 MB are read" "$(ids_of "$answer")" "1 2 3"
	ok "$era: ... and told to be too long" is_refusal "$(printf '%s\n' "$answer" | head -n 1)"
	ok "$era: ... or passed over where nobody wants them" is_success \
		"$(printf '%s\n' "$answer" | sed -n 2p)"

	pad=$(request 1 tools/list '"pad":"@"')
	answer=$({ enlarge "$pad" $((limit - ${#pad} + 1)); alive 2; } | hear)
	is "$era: a line of exactly 10 MiB is served" "$(ids_of "$answer")" "1 2"
	answer=$({ enlarge "$pad" $((limit - ${#pad} + 2)); alive 2; } | hear)
	is "$era: one of a byte more is answered with its id, and the next line served" "$(ids_of "$answer")" "1 2"
	is "$era: ... as no request" "$(code "$(printf '%s\n' "$answer" | head -n 1)")" -32600
	answer=$({ alive 1; enlarge "$pad" $((3 * limit)); alive 2; fill $((limit + 1)); echo; fill 100000; echo; alive 3; fill $((2 * limit)); } | hear)
	is "$era: so are several that are much longer; those without an id have no answer" "$(ids_of "$answer")" "1 1 2 3"

	n=0
	while [ $n -lt 1000 ]; do
		n=$((n + 1))
		if [ $((n % 100)) -eq 0 ]; then request $n tools/list; else alive $n; fi
		echo $n >&3
	done >"$T/thousand" 3>"$T/numbers"
	dd if="$T/thousand" bs=10000000 2>/dev/null | hear >"$T/answers"
	is "$era: of a thousand requests in one write each has its answer, in order" \
		"$(ids <"$T/answers")" "$(paste -s -d ' ' - <"$T/numbers")"
	{ use 1 get_agent '{"name":"żółć"}'; alive 2; } >"$T/pieces"
	answer=$(dd if="$T/pieces" bs=1 2>/dev/null | hear)
	is "$era: messages in pieces of a byte are served" "$(ids_of "$answer")" "1 2"

	# Here the server has surely read the first piece before the next is sent.
	whole=$(use 2 get_agent '{"name":"żółć"}')
	begin
	cut=${whole%%żółć*}
	(printf '%s\n%s\305' "$(alive 1)" "$cut" >&5)
	ok "$era: a line before half a line is served" wait_for heard '"id":1'
	tail=${whole#"$cut"}
	(printf '%s\n%s' "$(printf '%s' "$tail" | tail -c +2)" "$(alive 3)" >&5)
	ok "$era: half a line, cut in a character, is served with the other half" wait_for heard '"id":2'
	like "$era: ... as if it had come whole" "$(text_of "$(grep '"id":2,' "$live")")" 'żółć'
	finish
	is "$era: a last line without its end is served when the input ends" "$(ids <"$live")" "1 2 3"
done

section "Long answers"
# A client closes the connection at a line of more than 10 MiB, however little
# was asked to bring it about: what is too long must become an error.

too_long() { awk -v most=$limit 'length($0) > most' "$T/answers" | wc -l | tr -d ' '; }

era=legacy
{ fill 65000 '\n'; echo end; } >"$T/long"
"$BIN" publish_spec --publisher a --name long --content - <"$T/long" >"$T/out"
n=0
while [ $n -lt 800 ]; do
	n=$((n + 1))
	use $n get_spec '{"name":"long"}'
	echo $n >&3
done >"$T/many" 3>"$T/numbers"
{ printf '%s\n' "$agree"; tr '\n' ',' <"$T/many" | sed 's/^/[/; s/,$/]/'; echo; req 801 ping; } | hear >"$T/answers"
is "no line of the answers to a batch is longer than 10 MiB" "$(too_long)" 0
is "... and each of its requests has an answer" \
	"$(grep -o '"jsonrpc":"2.0","id":[0-9]*' "$T/answers" | sed 's/.*://' | sort -n | paste -s -d ' ' -)" "0 $(paste -s -d ' ' - <"$T/numbers") 801"

mkdir "$T/crowd"
{
	echo '{'
	n=0
	long=$(fill 100000)
	while [ $n -lt 120 ]; do
		n=$((n + 1))
		[ $n -eq 1 ] || echo ,
		printf '"n%s":{"name":"n%s","workspacePath":"/x","description":"%s","registeredAt":"2026-01-01T00:00:00.000Z"}' \
			$n $n "$long"
	done
	echo '}'
} >"$T/crowd/registry.json"
for era in legacy modern; do
	{ use 1 list_agents; alive 2; } | INTERAGENT_DIR=$T/crowd "$BIN" serve 2>>"$T/stderr" | tee -a "$T/said/piped" >"$T/answers"
	is "$era: no answer to a call is longer than 10 MiB" "$(too_long)" 0
	is "$era: ... and there is one" "$(ids <"$T/answers")" "1 2"

	# Of what is given back each byte may become six.
	if [ $era = legacy ]; then
		echoing=$(req 1 resources/read '{"uri":"@"}')
	else
		echoing=$(envelope "\"io.modelcontextprotocol/protocolVersion\":\"@\",$C" "$(modern 1 tools/list)")
	fi
	{ enlarge "$echoing" 3000000 '\177'; alive 2; } | hear >"$T/answers"
	is "$era: no error that gives back what was sent is longer than 10 MiB" "$(too_long)" 0
	is "$era: ... and there is one" "$(ids <"$T/answers")" "1 2"
done

section "The end of input"
# All that was asked is answered, and then the server is gone: one that stays is
# an orphan for ever.

for era in legacy modern; do
	{ alive 1; use 2 list_agents; request 3 tools/list; } >"$T/in"
	"$BIN" serve <"$T/in" >"$T/said/eof-$era" 2>>"$T/stderr"
	is "$era: after the last request all are answered and the server ends" \
		"$? $(ids <"$T/said/eof-$era")" "0 1 2 3"
	{ alive 1; printf '%s' "$(alive 2)"; } >"$T/in"
	"$BIN" serve <"$T/in" >"$T/said/last-$era" 2>>"$T/stderr"
	is "$era: a last line without its end is answered" "$? $(ids <"$T/said/last-$era")" "0 1 2"
	{ alive 1; whole=$(alive 2); printf '%s' "${whole%???}"; } >"$T/in"
	"$BIN" serve <"$T/in" >"$T/said/cut-$era" 2>>"$T/stderr"
	is "$era: one that was cut is told so under its id" "$? $(ids <"$T/said/cut-$era") $(code "$(tail -n 1 "$T/said/cut-$era")")" "0 1 2 -32700"
done
"$BIN" serve </dev/null >"$T/out" 2>&1
is "where nothing is asked, nothing is said" "$? $(cat "$T/out")" "0 "
begin
finish
is "... through a pipe too" "$status $(cat "$live")" "0 "

section "Signals, and a client that is gone"
# Clients end us with SIGTERM, people with SIGINT; whoever closes our output
# will not read it any more. In each case the store is left whole and free.

for signal in TERM INT; do
	errors=$T/complaint-$signal
	begin
	errors=$T/stderr
	tell 'not json'
	wait_for test -s "$T/complaint-$signal"
	kill -$signal "$pid"
	ends "SIG$signal ends a server that has been asked nothing"
	is "... and it has said nothing" "$(cat "$live")" ""
	begin
	tell "$(req 1 ping)"
	wait_for heard '"id":1'
	kill -$signal "$pid"
	ends "SIG$signal ends a server that is idle"
	is "... and it says nothing more" "$(ids <"$live")" 1
done

# In a call that waits for the lock, which others hold for ever.
if command -v flock >/dev/null; then
	for era in legacy modern; do
		exec 7>>"$INTERAGENT_DIR/.lock"
		flock 7 7>&7             # mksh hands on what it is told to
		begin
		tell "$(alive 1)" "$(use 2 set_status '{"agent_name":"a","status":"x"}')"
		wait_for heard '"id":1'
		kill -TERM "$pid"
		ends "$era: SIGTERM ends a server in a call that waits for the lock"
		exec 7>&-
		ok "$era: ... and the lock is free" "$BIN" set_status --from a --status y
	done
else
	skip "SIGTERM in a call that waits for the lock" "there is no flock command here"
fi

# The answer is longer than a pipe holds, and nobody takes the rest.
for era in legacy modern; do
	begin_piped
	tell "$(use 1 get_spec '{"name":"long"}')"
	ok "$era: an answer of twice what a pipe holds has begun" dd bs=1 count=1 <&6
	kill -TERM "$pid"
	ends "$era: SIGTERM ends a server in the middle of an answer that nobody takes"
	exec 6<&-
done

# Somebody who shares our output has made it non-blocking: what does not go out
# at once is no less an answer.
if dd oflag=nonblock </dev/null >"$T/out" 2>&1; then
	for era in legacy modern; do
		begin_piped dd oflag=nonblock if=/dev/null
		tell "$(use 1 get_spec '{"name":"long"}')" "$(alive 2)"
		read -r line <&6
		is "$era: a long answer goes whole through a pipe that does not block" \
			"$(ids_of "$line") $(printf '%s\n' "$line" | tail -c 2)" "1 }"
		read -r line <&6
		is "$era: ... and the next one after it" "$(ids_of "$line")" 2
		exec 6<&-
		finish
	done
else
	skip "a long answer goes whole through a pipe that does not block" "dd cannot make one here"
fi

for era in legacy modern; do
	mail sender a unread
	begin_piped
	tell "$(alive 1)"
	read -r line <&6
	is "$era: a server speaks through a pipe" "$(ids_of "$line")" 1
	exec 6<&-
	tell "$(use 2 read_message "{\"message_id\":\"$(cut -c 1-8 "$T/sent")\",\"reader\":\"a\"}")" "$(alive 3)"
	ends "$era: it ends when the client has closed that pipe"
	like "$era: ... and what the client did not get is not read" "$("$BIN" check_inbox --from a)" \
		'^1 unread'
	ok "$era: ... and no temporary file is left" no_temp_files
	ok "$era: ... and the lock is free" "$BIN" set_status --from a --status y
	"$BIN" read_message --message_id "$(cut -c 1-8 "$T/sent")" --from a >"$T/out"
done

section "What a parent leaves behind"
# A launcher may block or ignore signals, or leave few descriptors. A server
# that cannot be ended, or hears nothing, would stay for ever.

# begin_under COMMAND...: begin, with the server started by a command.
begin_under() {
	printf '#!/bin/sh\n%s "%s" "$@"\n' "$*" "$BIN" >"$T/started"
	chmod +x "$T/started"
	begin "$T/started"
}
if env --block-signal=TERM true 2>/dev/null; then
	for signals in TERM TERM,INT,ALRM,CHLD; do
		begin_under exec env --block-signal=$signals
		tell "$(req 1 ping)"
		ok "a server serves whose parent has blocked SIG$signals" wait_for heard '"id":1'
		kill -TERM "$pid"
		ends "... and SIGTERM ends it"
	done
	begin_under exec env --block-signal=TERM
	tell "$(req 1 ping)" "$(waiting 2 a)"
	wait_for heard '"id":1'
	kill -TERM "$pid"
	ends "... in the middle of a wait, too"
else
	skip "a server serves whose parent has blocked SIGTERM" "this env cannot block a signal"
fi
for ignored in TERM CHLD 'TERM CHLD ALRM'; do
	begin_under "trap '' $ignored; exec"
	tell "$(req 1 ping)"
	ok "a server serves whose parent ignores $ignored" wait_for heard '"id":1'
	kill -TERM "$pid"
	ends "... and SIGTERM ends it"
done

# With SIGCHLD ignored no child could be waited for: the person's command runs all the same.
# shellcheck disable=SC2089,SC2090
INTERAGENT_NOTIFY='echo "$INTERAGENT_TITLE" >>'"$T/notified"
# shellcheck disable=SC2090
export INTERAGENT_NOTIFY
begin_under "trap '' CHLD; exec"
tell "$(use 1 send_message '{"from":"sender","to":"human","subject":"to the person","content":"c"}')"
wait_for heard '"id":1'
ok "a server whose parent ignores SIGCHLD runs the person's command" wait_for grep -q "to the person" "$T/notified"
finish
is "... and ends as always" "$status" 0
unlike "... and says nothing of a command that failed" "$(cat "$T/stderr")" 'INTERAGENT_NOTIFY'
unset INTERAGENT_NOTIFY

few='5 6 7 8 9 10 12'
if [ "$(head -c 2 "$BIN")" = '#!' ]; then
	skip "a server with few descriptors" "an emulator needs some itself"
	few=
fi
for descriptors in $few 20; do
	begin_under "ulimit -n $descriptors; ASAN_OPTIONS=detect_leaks=0 exec"
	tell "$(req 1 ping)" "$(use 2 list_agents)" "$(req 3 ping)"
	wait_for eval 'heard "\"id\":3" || gone "$pid"'
	if heard '"id":1'; then
		is "a server with $descriptors descriptors answers" "$(ids <"$live")" "1 2 3"
		[ "$descriptors" -lt 20 ] || ok "... and finds its files" is_success "$(grep '"id":2' "$live")"
		kill -TERM "$pid"
		ends "... and SIGTERM ends it"
	else
		finish
		is "a server with $descriptors descriptors says why it cannot serve, and ends" \
			"$status $(tail -n 1 "$T/stderr")" "1 interagent: cannot keep the wire: $(tail -n 1 "$T/stderr" | sed 's/.*: //')"
	fi
done
section "Two at once"
# A client may start one server to probe and another to work, and kill the
# first with the second half started.

for era in legacy modern; do
	{ alive 1; use 2 set_status '{"agent_name":"a","status":"one"}'; } >"$T/in"
	"$BIN" serve <"$T/in" >"$T/said/one-$era" 2>>"$T/stderr" &
	one=$!
	"$BIN" serve <"$T/in" >"$T/said/two-$era" 2>>"$T/stderr" &
	wait $one $!
	is "$era: of two servers started together both answer" \
		"$(ids <"$T/said/one-$era") and $(ids <"$T/said/two-$era")" "1 2 and 1 2"
	for signal in TERM KILL; do
		begin
		probe=$pid probed=$live
		tell "$(modern 1 server/discover)" "$(waiting 2 a)"
		wait_for heard '"id":1'
		exec 6>&5
		begin
		kill -$signal "$probe"
		tell "$(alive 1)" "$(use 2 set_status '{"agent_name":"a","status":"two"}')"
		ok "$era: a server serves on while SIG$signal ends the one beside it" wait_for heard '"id":2'
		exec 6>&-
		finish
		is "$era: ... and ends as always" "$status $(ids <"$live")" "0 1 2"
		wait "$probe" 2>/dev/null
		is "$era: ... as the other had its answer" "$(ids <"$probed")" 1
	done
done

section "The wire itself"
# A single foreign byte on standard output ends some clients' session. The
# descriptor that careless code would write to is not the wire any more.

begin
tell "$(req 1 ping)" 'not json' "$(req 2 ping)"
wait_for heard '"id":2'
if [ -e "/proc/$pid/fd/1" ]; then
	is "standard output of a server leads where its errors go" "$(readlink "/proc/$pid/fd/1")" "$T/stderr"
	is "standard input of a server leads nowhere" "$(readlink "/proc/$pid/fd/0")" /dev/null
else
	skip "standard output of a server leads where its errors go" "there is no /proc here"
	skip "standard input of a server leads nowhere" "there is no /proc here"
fi
finish
is "a complaint is not on the wire" "$(cat "$live")" \
	"$(printf '{"jsonrpc":"2.0","id":1,"result":{}}\n{"jsonrpc":"2.0","id":2,"result":{}}')"
ok "... but among the errors" grep -q 'not JSON' "$T/stderr"

# Clients may leave our complaints unread; that must not stop the answers.
mkfifo "$T/unread"
exec 7<>"$T/unread"
errors=$T/unread
begin
yes 'not json' | head -n 3000 >&5
tell "$(req 1 ping)"
ok "a server whose complaints nobody reads goes on serving" wait_for heard '"id":1'
finish
exec 7>&-
errors=$T/stderr

for closed in '2>&-' '<&-' '>&-'; do
	printf 'not json\n%s\n' "$(call 1 set_status '{"agent_name":"a","status":"closed"}')" >"$T/in"
	: >"$T/out"
	case $closed in
	'2>&-') "$BIN" serve <"$T/in" >"$T/out" 2>&- & ;;
	'<&-') "$BIN" serve <&- >"$T/out" 2>>"$T/stderr" & ;;
	'>&-') "$BIN" serve <"$T/in" >&- 2>>"$T/stderr" & ;;
	esac
	pid=$!
	ends "a server that is started with $closed ends in order"
	unlike "... and says nothing else" "$(cat "$T/out")" '^[^{]'
	is "... and no file of the store took the place" "$(at -check <"$INTERAGENT_DIR/status.json" 2>&1)" ""
	cat "$T/out" >>"$T/said/piped"
done

# What others left in the store need not be UTF-8; what we say is.
mail sender a bytes text
for body in "$INTERAGENT_DIR/messages/$(cut -c 1-8 "$T/sent")"*; do
	printf 'a\377\300\200\355\240\200\000\001\177\342\200\250b\n' >"$body"
done
for era in legacy modern; do
	answer=$(serve "$(use 1 read_message "{\"message_id\":\"$(cut -c 1-8 "$T/sent")\",\"reader\":\"sender\"}")")
	ok "$era: a text that is not UTF-8 is shown" is_success "$answer"
	printf '%s\n' "$answer" >"$T/line"
	"$HELPERS/wire" <"$T/line" >"$T/verdict"
	is "$era: ... in a line that is" "$? $(cat "$T/verdict")" "0 1 lines, 0 faults"
done

section "All that was said"

cat "$T"/said/* >"$T/all"
"$HELPERS/wire" <"$T/all" >"$T/verdict"
is "every line that any server said is a message in JSON and UTF-8 of at most 10 MiB" \
	"$? $(grep -v ' 0 faults$' "$T/verdict" | head -n 5)" "0 "
is "nobody who asked for no log was sent one" "$(grep -c '"method":"notifications/message"' "$T/all")" 0
is "only notifications that were asked for are there" \
	"$(grep -o '"method":"[^"]*"' "$T/all" | sort -u | paste -s -d ' ' -)" '"method":"notifications/progress" "method":"notifications/subscriptions/acknowledged"'
is "no server left a temporary file" "$(find "$INTERAGENT_DIR" -name '.tmp*')" ""
done_testing
