#!/bin/sh
# valgrind.sh [TEST...]: the tests given (default: all that speak with the program
# itself) with every process of the program under valgrind. Its last line says how
# many processes there were and in how many of them something was found.
cd "$(dirname "$0")/.." || exit 1
command -v valgrind >/dev/null || { echo "SKIP valgrind: it is not here"; exit 0; }
[ $# -gt 0 ] || set -- test/t/tools.t test/t/wire.t test/t/cli.t test/t/store.t test/t/specs.t test/t/human.t test/t/identity.t \
	test/t/presence.t test/t/hook.t test/t/wait.t test/t/nudge.t test/t/setup.t test/t/sweep.t test/t/damage.t test/t/hostile.t \
	test/t/converse.t test/t/economy.t test/t/screens.t
here=$PWD
logs=$here/test/bin/valgrind
rm -rf "$logs"
mkdir -p "$logs"
${CC:-cc} -std=c11 -D_DEFAULT_SOURCE -g -O1 -o "$logs/interagent" interagent.c store.c json.c || exit 1
cat >"$logs/under" <<END
#!/bin/sh
exec valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --child-silent-after-fork=yes \\
	--log-file='$logs/log.%p' '$logs/interagent' "\$@"
END
chmod +x "$logs/under"
INTERAGENT=$logs/under sh test/run "$@" >"$logs/said"
grep 'passed, .* failed' "$logs/said"
grep -l '^==' "$logs"/log.* >"$logs/found"
while read -r log; do grep '^==' "$log" | head -n 30 | cut -c 1-200; done <"$logs/found"
echo "valgrind: $(find "$logs" -name 'log.*' | wc -l) processes, $(wc -l <"$logs/found") with a finding"
[ ! -s "$logs/found" ]
