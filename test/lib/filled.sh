# filled.sh: a store in use, as others have left it: three agents with workspaces,
# mail in each state, a spec with a reader. After test.sh (". ./test/lib/filled.sh")
# and with the place in $RUN where it will be used, a test can say:
#
#   make_store DIR                               DIR/store, and DIR/work with the workspaces
#   message STORE ID FROM TO STATE [MEMBERS]     one more message
#
# The tests use these functions and variables, which shellcheck cannot see:
# shellcheck shell=sh disable=SC2034,SC2317,SC2329

old=2020-01-02T03:04:05.678Z
message() {
	printf '%s\n' "the text of $2" >"$1/messages/$2.md"
	printf '{\n  "id": "%s",\n  "from": "%s",\n  "to": "%s",\n  "subject": "about %s",\n  "status": "%s",\n  "createdAt": "%s",\n  "updatedAt": "%s",\n  "theirs": [1.0, 2]%s\n}' \
		"$2" "$3" "$4" "$2" "$5" $old $old "${6:-}" >"$1/messages-meta/$2.json"
}

PENDING=10000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
ASKED=20000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
STUCK=30000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
FILED=40000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
NOTICE=70000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa
make_store() {
	umask 077
	mkdir -p "$1/store/messages" "$1/store/messages-meta" "$1/store/specs" "$1/store/archive/messages" "$1/store/archive/messages-meta"
	mkdir -p "$1/work/api" "$1/work/ops" "$1/work/web"
	printf '{\n' >"$1/store/registry.json"
	for agent in api ops web; do
		printf '  "%s": {\n    "name": "%s",\n    "workspacePath": "%s",\n    "description": "first",\n    "registeredAt": "%s"\n  }' \
			$agent $agent "$RUN/work/$agent" $old
		[ $agent = web ] || printf ','
		printf '\n'
	done >>"$1/store/registry.json"
	printf '}' >>"$1/store/registry.json"
	printf '{\n  "api": {\n    "agent": "api",\n    "status": "idle",\n    "updatedAt": "%s"\n  }\n}' \
		$old >"$1/store/status.json"
	message "$1/store" $PENDING web api pending
	message "$1/store" $ASKED web api acknowledged
	message "$1/store" $STUCK api web escalated ',
  "escalationReason": "why not"'
	message "$1/store" $FILED web api completed
	mv "$1/store/messages/$FILED.md" "$1/store/archive/messages/"
	mv "$1/store/messages-meta/$FILED.json" "$1/store/archive/messages-meta/"
	printf '<!-- Published by: web at %s -->\n\nversion 1\n' $old >"$1/store/specs/contract.md"
	mkdir -p "$1/store/specs/.history/contract"
	cp "$1/store/specs/contract.md" "$1/store/specs/.history/contract/1.md"
	printf '{\n  "versions": [\n    {\n      "version": 1,\n      "publisher": "web",\n      "publishedAt": "%s",\n      "note": ""\n    }\n  ],\n  "readers": {\n    "ops": 1\n  }\n}' \
		$old \
		>"$1/store/specs/.history/contract/index.json"
	message "$1/store" $NOTICE web ops pending ',
  "spec": "contract"'
	chmod 644 "$1"/store/*.json "$1"/store/messages-meta/*.json "$1"/store/specs/*.md
	: >"$1/store/archive/.swept"
}
