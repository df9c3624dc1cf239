#!/bin/sh
# valgrind.sh [TEST...]: the tests given (default: all that speak with the program
# itself) with every process of the program under valgrind. Its last line says how
# many processes there were and in how many of them something was found.
cd "$(dirname "$0")/.." || exit 1
command -v valgrind >/dev/null || { echo "SKIP valgrind: it is not here"; exit 0; }
[ $# -gt 0 ] || set -- test/tools.t test/wire.t test/cli.t test/store.t test/specs.t test/human.t test/identity.t \
	test/presence.t test/hook.t test/wait.t test/nudge.t test/setup.t test/sweep.t test/damage.t test/hostile.t \
	test/converse.t test/economy.t test/screens.t
here=$PWD
logs=$here/test/bin/valgrind
rm -rf "$logs"
mkdir -p "$logs"
${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 -o "$logs/interagent" interagent.c store.c json.c || exit 1
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
