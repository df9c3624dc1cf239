# Every complaint of the command line, each provoked once and all of them held
# against one list (data/golden/messages): read in a row they are one style. Each
# names the wrong word and what to do. With GOLDEN=new the list is written anew.
# shellcheck disable=SC2086,SC2317,SC2329     # words of a command; functions that others call
. ./test/lib/test.sh
. ./test/lib/mail.sh

cd "$T" || exit 1
GOLDENS=${0%/*}/../data/golden
case $GOLDENS in /*) ;; *) GOLDENS=$OLDPWD/$GOLDENS ;; esac
register api
register web
register gone
mail api web 'First'
first=$(cut -c 1-8 <"$T/sent")
mail web human 'For you'
cp "$T/sent" "$T/mine"
mail api gone 'Late'
late=$(cut -c 1-8 <"$T/sent")
verb read "$late" --from gone >"$T/out"
verb forget gone >"$T/out"
verb publish_spec users --from api one >"$T/out"
head -c 1048577 /dev/zero | tr '\0' x >"$T/big"
long=$(head -c 600 "$T/big")
bad=$(printf 'x\377')

# say STATUS WORDS...: adds what the words provoke to the list; standard input is
# empty, or what is piped in. It must fail with this status, on one line.
said=$T/said
: >"$said"
say() {
	wanted=$1
	shift
	"$HELPERS/tty" "$BIN" "$@" >"$T/out" 2>"$T/err"
	status=$?
	what=$(printf '%s ' "$@" | LC_ALL=C tr '\377' '?' | sed "s|$T|/T|g; s/x\{100,\}/x.../g; s/ \$//")
	{
		printf '$ interagent %s\n' "$what"
		sed "s|$T|/T|g; s/x\{100,\}/x.../g" "$T/err"
	} | sed 's/00000000/ZEROES/g; s/[0-9a-f]\{8\}/ID/g; s/ZEROES/00000000/g' >>"$said"
	what=$(printf '%s\n' "$what" | sed 's/00000000/ZEROES/g; s/[0-9a-f]\{8\}/ID/g; s/ZEROES/00000000/g')
	is "interagent $what: its status, and one line" "$status $(grep -c '' "$T/err") $(wc -c <"$T/out" | tr -d ' ')" "$wanted 1 0"
}

section "Verbs and options"
say 2 frobnicate </dev/null
say 2 agnets </dev/null
say 2 --frobnicate </dev/null
say 2 help frobnicate </dev/null
say 2 agents --frobnicate </dev/null
say 2 agents -x </dev/null
say 2 agents --offset </dev/null
say 2 agents one </dev/null
say 2 man --json </dev/null
say 1 wait --frobnicate </dev/null
say 2 agents --json=perhaps </dev/null
say 2 send api --frobnicate </dev/null

section "Values"
say 2 agents --offset soon </dev/null
say 2 agents --offset=-1 </dev/null
say 2 inbox --wait-seconds 301 </dev/null
say 2 send api x --urgent=perhaps </dev/null
say 2 log --since soon </dev/null
say 2 prune </dev/null
say 2 prune --older soon </dev/null
say 2 prune --older 5 </dev/null
say 2 diff users first </dev/null
say 2 'done' </dev/null
say 2 'done' '' </dev/null
say 2 send </dev/null
say 2 send api </dev/null
say 2 send api --subject "$bad" x </dev/null
say 2 send "$bad" x </dev/null
say 2 send api - <"$T/big"
say 2 send api --subject "$long" x </dev/null
say 2 set_status "$long" --from api </dev/null
say 2 set_status --from api </dev/null
say 2 set_status words --status option --from api </dev/null
say 2 send api some words --content option </dev/null
say 2 send api - --content option </dev/null
say 2 send api --to web x </dev/null
say 2 register_agent new </dev/null
say 2 completion </dev/null
say 2 completion csh </dev/null
say 2 setup frobnicate </dev/null

section "Names"
say 1 send apy x </dev/null
say 1 send user x </dev/null
say 1 send all x </dev/null
say 1 send , x </dev/null
say 1 send ghost x </dev/null
say 1 send api x --from ghost </dev/null
say 1 get_agent ghost </dev/null
say 1 get_status ghost </dev/null
say 1 forget ghost </dev/null
say 1 log ghost </dev/null
say 1 get_agent human </dev/null
say 1 get_status human </dev/null
say 1 forget human </dev/null
say 1 forget web </dev/null
say 1 inbox --from ghost </dev/null
say 1 register_agent user me --workspace-path "$T/api" </dev/null
say 1 register_agent Human me --workspace-path "$T/api" </dev/null
say 1 register_agent your-user me --workspace-path "$T/api" </dev/null
say 1 register_agent Api me --workspace-path "$T/api" </dev/null
say 1 register_agent 'a b' me --workspace-path "$T/api" </dev/null
say 1 register_agent new me --workspace-path relative </dev/null
say 1 register_agent new me --workspace-path / </dev/null
say 1 register_agent new me --workspace-path "$T/big" </dev/null

section "Messages"
say 1 read 00000000 </dev/null
say 1 read 1 </dev/null
say 1 read --from api </dev/null
say 1 read "$first" --offset 1000 </dev/null
say 1 reply "$first" hello --from gone </dev/null
say 1 reply "$late" hello --from api </dev/null
say 1 'done' 00000000 </dev/null
say 1 log 00000000 </dev/null
say 1 escalate "$first" why --from api </dev/null
say 1 escalate "$(cut -c 1-8 <"$T/mine")" why </dev/null
verb 'done' "$first" --from web >"$T/out"
say 1 reply "$first" --mark-complete --from web </dev/null
mail web api Stuck
stuck=$(cut -c 1-8 <"$T/sent")
say 1 reply "$stuck" x --from ghost </dev/null

section "Specs"
say 1 spec ghost </dev/null
say 1 spec users --version 9 </dev/null
say 1 spec users --since 9 </dev/null
say 1 spec users --offset 1000 </dev/null
say 1 diff users </dev/null
say 1 diff users 1 9 </dev/null
say 1 publish_spec 'a b' x --from api </dev/null
say 1 publish_spec users x --from api --base-version 9 </dev/null

section "Who speaks"
in_shell() { env CLAUDECODE=1 "$HELPERS/tty" "$BIN" "$@" 2>&1; }
for words in 'inbox --from human' 'inbox' 'prune --older 30d' 'forget web'; do
	{ echo "in an agent's shell \$ interagent $words"; in_shell $words </dev/null; } >>"$said"
done
if setsid true 2>/dev/null; then
	for words in 'inbox --from human' 'inbox'; do
		{ echo "without a terminal \$ interagent $words"; setsid "$BIN" $words 2>&1 </dev/null; } >>"$said"
	done
else
	sed -n '/^without a terminal/,$p' "$GOLDENS/messages" | sed '/^no place/,$d' >>"$said"
fi
{
	echo "INTERAGENT_NAME=web \$ interagent inbox --from api"
	INTERAGENT_NAME=web "$HELPERS/tty" "$BIN" inbox --from api 2>&1
	echo "INTERAGENT_NAME=ghost \$ interagent send api x"
	INTERAGENT_NAME=ghost "$HELPERS/tty" "$BIN" send api x 2>&1
	echo "no place \$ interagent inbox"
	env -u HOME -u INTERAGENT_DIR "$HELPERS/tty" "$BIN" inbox 2>&1
	echo "a relative place \$ interagent inbox"
	# shellcheck disable=SC2088
	INTERAGENT_DIR='~/x' "$HELPERS/tty" "$BIN" inbox 2>&1
	echo "an empty store \$ interagent send api x"
	INTERAGENT_DIR=$T/empty "$HELPERS/tty" "$BIN" send api x 2>&1
} >>"$said"

section "The list"
[ -z "${GOLDEN:-}" ] || cp "$said" "$GOLDENS/messages"
if cmp -s "$said" "$GOLDENS/messages"; then
	pass "all messages are the ones that were agreed on"
else
	fail "all messages are the ones that were agreed on" "$(diff "$GOLDENS/messages" "$said")"
fi
is "none is wider than three lines of a screen" "$(grep -v '^[^i].*\$ ' "$said" | grep -v '^\$' | awk 'length > 200')" ''
is "none ends in a full stop" "$(grep '^interagent: .*\.$' "$said")" ''
done_testing
