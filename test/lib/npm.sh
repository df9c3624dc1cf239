# npm.sh: packages from npm, for the scripts that install some; never by `make test`.
#
#   install_packages LOG ARGUMENT...   npm install with these, for NPM_SECONDS at most;
#                                      what npm says goes to LOG. If it fails, $why says why
#
# npm itself does not stop waiting for a registry that takes the connection and says
# nothing more, whatever it was told with --fetch-timeout.
# shellcheck disable=SC2034
install_packages() {
	log=$1
	shift
	command -v npm >/dev/null 2>&1 || { why="npm is missing"; return 1; }
	make -s test/bin/limit >/dev/null || { why="test/bin/limit cannot be made"; return 1; }
	test/bin/limit "${NPM_SECONDS:-300}" npm install --no-audit --no-fund --fetch-retries=1 \
		--fetch-timeout=60000 "$@" </dev/null >"$log" 2>&1 && return 0
	if [ $? -eq 124 ]; then
		why="npm did not end in ${NPM_SECONDS:-300} s"
		return 124
	fi
	why="npm could not install it: $(sed -n 's/^npm [A-Za-z!]* \(code .*\)/\1/p' "$log" | head -n 1)"
	return 1
}
