# Beyond one machine, with OpenSSH: servers are started by `ssh hub interagent
# serve`, as README.md says. The hub is an sshd of the test's own on a free port of
# the loopback, with keys, configuration and authorized keys in $T; the system's
# are neither read nor written.
#
# The functions are called by name, through ok and wait_for:
. ./test/lib/test.sh
. ./test/clients/clients.sh

SSHD=$(PATH=$PATH:/usr/sbin:/sbin; command -v sshd)
mkdir "$T/bin" "$T/away"
cp "$BIN" "$T/bin/interagent"
chmod 700 "$T"

section "The hub"

# Port after port, until one is free: sshd ends at once where it is not.
start_hub() {
	port=$((20000 + $$ % 20000))
	for _ in 1 2 3 4 5 6 7 8; do
		port=$((port + 37))
		sed "s/@PORT@/$port/" "$T/sshd.in" >"$T/sshd_config"
		with_run "$SSHD" -D -e -f "$T/sshd_config" 2>"$T/sshd.err" &
		hub=$!
		write_config
		wait_for reached_or_gone
		if at_hub true; then return 0; fi
		kill "$hub" 2>/dev/null
		wait "$hub"
		grep -q 'Address already in use' "$T/sshd.err" || return 1
	done
	return 1
}
reached_or_gone() { at_hub true || ! kill -0 "$hub"; }

# As root, sshd demands a directory of the system's; where no sshd runs it is
# missing, and is shown to ours alone.
with_run() {
	if [ "$(id -u)" -ne 0 ] || [ -d /run/sshd ]; then exec "$@"; fi
	exec unshare --mount sh -c 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$@"' - "$@"
}
write_config() {
	cat >"$T/ssh_config" <<-END
		Host hub
		HostName 127.0.0.1
		Port $port
		User $(id -un)
		IdentityFile $T/user_key
		IdentitiesOnly yes
		UserKnownHostsFile $T/known_hosts
		GlobalKnownHostsFile /dev/null
		StrictHostKeyChecking accept-new
		PasswordAuthentication no
		BatchMode yes
		LogLevel ERROR
	END
}
at_hub() { ssh -F "$T/ssh_config" hub "$@" </dev/null >"$T/out" 2>&1; }

[ -n "$SSHD" ] || why="sshd is missing"
command -v ssh >"$T/out" && command -v ssh-keygen >"$T/out" || why="ssh is missing"
if [ -z "$why" ]; then
	ssh-keygen -q -t ed25519 -N '' -f "$T/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$T/user_key"
	cp "$T/user_key.pub" "$T/authorized_keys"
	chmod 600 "$T/authorized_keys"
	# The remote shell finds what it would find in a user's start-up files.
	cat >"$T/sshd.in" <<-END
		Port @PORT@
		ListenAddress 127.0.0.1
		HostKey $T/host_key
		AuthorizedKeysFile $T/authorized_keys
		PidFile none
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		PermitRootLogin prohibit-password
		SetEnv INTERAGENT_DIR=$INTERAGENT_DIR PATH=$T/bin:/usr/bin:/bin HOME=$HOME
	END
	start_hub || why="sshd does not start here: $(head -n 1 "$T/sshd.err")"
fi
if [ -n "$why" ]; then
	skip "servers over ssh" "$why"
	done_testing
fi
trap 'kill "$hub" 2>/dev/null; wait "$hub" 2>/dev/null; rm -rf "$T"' EXIT

section "Agents elsewhere"
# connect NAME [ASSIGNMENT]: the ssh client of NAME is $NAME_pid, its answers are
# in $T/NAME.out; the descriptors 5 and 6 lead to those of web and api.

connect() {
	mkfifo "$T/$1.in"
	: >"$T/$1.out"
	(cd "$T/away" && exec ssh -F "$T/ssh_config" hub "${2:+$2 }interagent serve") \
		<"$T/$1.in" >"$T/$1.out" 2>>"$T/stderr" 5>&- 6>&- &
	client=$!
	case $1 in
	web) exec 5>"$T/web.in" ;;
	api) exec 6>"$T/api.in" ;;
	esac
	rm "$T/$1.in"
}
say_to() { case $1 in web) printf '%s\n' "$2" >&5 ;; api) printf '%s\n' "$2" >&6 ;; esac; }
answered() { grep -q "^{\"jsonrpc\":\"2.0\",\"id\":$2," "$T/$1.out"; }
asked=0

# ask WHO TOOL [ARGUMENTS]: the text of the answer is in $text.
ask() {
	asked=$((asked + 1))
	who=$1
	shift
	say_to "$who" "$(call "$asked" "$@")"
	wait_for answered "$who" "$asked"
	text=$(text_of "$(grep "^{\"jsonrpc\":\"2.0\",\"id\":$asked," "$T/$who.out")")
}
unseen() { ! "$BIN" list_agents --from human | grep -q "^$1: live"; }
first_id() { printf '%s\n' "$text" | grep -o '[0-9a-f]\{8\}' | head -n 1; }

connect web
web=$client
connect api
api=$client
say_to web "$(req 0 initialize '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}')"
ok "a server at the hub answers through ssh" wait_for answered web 0
ask web register_agent "{\"name\":\"web\",\"description\":\"client\",\"workspace_path\":\"/far/away/web\"}"
like "web registers from elsewhere" "$text" 'web is registered for "/far/away/web"'
like "... and is told that its directory is not at the hub" "$text" \
	'not on this machine: mail will leave no signal files'
ask api register_agent "{\"name\":\"api\",\"description\":\"server\",\"workspace_path\":\"$T/work\"}"
unlike "api, whose directory is there, is not" "$text" 'not on this machine'
ask api list_agents
like "api sees web" "$text" '^web: live'

section "A story"

ask web send_message '{"to":"api","subject":"POST /users – café","content":"It answers 500."}'
like "web sends" "$text" '^stored' 'stored; .*api'
unlike "... and is not told again of its directory" "$text" 'not on this machine'
ask api check_inbox
like "api finds it" "$text" 'from web .*POST /users – café'
bug=$(first_id)
ask api read_message "{\"message_id\":\"$bug\"}"
like "... reads it" "$text" 'It answers 500'
ask api reply_message "{\"original_message_id\":\"$bug\",\"content\":\"Fixed.\",\"mark_complete\":true}"
like "... and answers" "$text" "stored.*web"
unlike "mail for web, whose directory is elsewhere, is no trouble" "$text" 'not on this machine'
ask web check_inbox
like "web finds the answer" "$text" 'from api .*Re: POST'
ask web read_message "{\"message_id\":\"$(first_id)\"}"
like "... and reads it" "$text" 'Fixed\.'
no "nobody has made the directory that is elsewhere" test -e /far
ok "a signal file lies in the directory that is there" sh \
	-c "ls '$T/work/.claude/inbox' -a | grep -q gitignore"

section "Waking"

(cd "$T/away" && exec ssh -F "$T/ssh_config" hub interagent wait --agent web --timeout 60) \
	</dev/null >"$T/wait.out" 2>"$T/wait.err" 5>&- 6>&- &
waiter=$!
claimed() { pgrep -f '^interagent wait --agent web --timeout 60$' >"$T/out"; }
wait_for claimed
ask api send_message '{"to":"web","subject":"wake up","content":"now"}'
ok "a wait over ssh ends when mail comes" wait_for gone "$waiter"
wait "$waiter"
is "... with the status that wakes" "$?" 2
like "... and says who wrote" "$(cat "$T/wait.err")" 'api.*wake up'

section "The connection is cut"
# In the middle of a line nothing is stored; in the middle of the work each
# message is there once or not at all, and what was answered is there.

metas() { grep -l "\"subject\": \"$1" "$INTERAGENT_DIR"/messages-meta/*.json 2>/dev/null | wc -l | tr -d ' '; }

for round in 1 2 3 4 5 6; do
	n=0
	while [ $n -lt 40 ]; do
		n=$((n + 1))
		say_to web "$(call "$round$(printf '%03d' $n)" send_message "{\"to\":\"api\",\"subject\":\"cut $round-$n.\",\"content\":\"text\"}")"
	done 2>/dev/null
	printf '%s' \
		'{"jsonrpc":"2.0","id":9999,"method":"tools/call","params":{"name":"send_message","arguments":{"to":"api","subject":"half"' >&5
	[ "$round" -eq 1 ] || wait_for answered web "${round}00$round"
	kill -KILL "$web"
	wait "$web" 2>/dev/null
	exec 5>&-
	ok "cut $round: presence ends with the connection" wait_for unseen web
	lost=0 doubled=0 n=0
	while [ $n -lt 40 ]; do
		n=$((n + 1))
		there=$(metas "cut $round-$n\\.")
		[ "$there" -le 1 ] || doubled=$((doubled + 1))
		! answered web "$round$(printf '%03d' $n)" || [ "$there" -eq 1 ] || lost=$((lost + 1))
	done
	is "cut $round: nothing that was answered is lost, nothing is doubled" \
		"$lost lost, $doubled doubled" "0 lost, 0 doubled"
	rm -f "$T/web.out"
	connect web INTERAGENT_NAME=web
	web=$client
	ask web get_status '{"agent_name":"web"}'
done
is "half a request sends nothing" "$(metas half)" 0
is "no temporary file is left" "$(find "$INTERAGENT_DIR" -name '.tmp*')" ""
is "every message has a body" "$(find "$INTERAGENT_DIR/messages" -name '*.md' | wc -l)" \
	"$(find "$INTERAGENT_DIR/messages-meta" -name '*.json' | wc -l)"

section "The name in the remote command"

ask web set_status '{"status":"back again"}'
like "INTERAGENT_NAME in the remote command says who speaks" "$text" 'web'
ask web send_message '{"from":"api","to":"api","subject":"false","content":"x"}'
is "... and nobody else does" "$(metas false)" 0
like "... which is said" "$text" 'web'
ask api list_agents
like "... and web is live under it" "$text" '^web: live'

section "The end"

exec 5>&- 6>&-
ok "web's connection ends with its input" wait_for gone "$web"
ok "api's too" wait_for gone "$api"
ok "no server stays at the hub" wait_for unseen api
kill "$hub"
ok "the hub ends" wait_for gone "$hub"
done_testing
