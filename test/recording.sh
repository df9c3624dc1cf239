#!/bin/sh
# recording.sh: four moments of the demo as a picture that moves, an SVG on standard
# output: what a person says to two agents, what they do, and the board. All that
# stands there is what the program printed, but that ids and seconds are the same each
# time, and the places of the throw-away workspaces are left out of the board.
# "make recording" keeps it in .github/board.svg.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
sh test/demo.sh >"$T/demo"

# block HEAD: the first block of the demo that begins so.
block() { awk -v head="$1" 'index($0, head) == 1 { inside = 1 } inside && /^$/ { exit } inside' "$T/demo"; }

# Each moment begins with what the person does.
{
	echo "= In the web client's session you say: You are web. Ask api why POST /users answers 500."
	block "web calls send_message"
	echo "= In the server's session, now or tomorrow: You are api. Look into your inbox."
	block "api calls read_message"
	echo "= It mends what it can, and answers."
	block "api calls reply_message"
	echo "= What it should not decide waits for you. At a terminal you type: interagent"
	awk '/^    > interagent board$/ { inside = 1; next } inside && /^$/ { exit } inside' "$T/demo"
} >"$T/moments"

awk '
# The same ids in each run, in the order in which they come.
function same(line,    out, id) {
	while (match(line, /[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]/)) {
		id = substr(line, RSTART, 8)
		if (!(id in known))
			known[id] = substr("29070654" "7f4caf7b" "19a209b8" "9230bd95" "52b43fc7", 8 * ids++ + 1, 8)
		out = out substr(line, 1, RSTART - 1) known[id]
		line = substr(line, RSTART + 8)
	}
	line = out line
	gsub(/[0-9]+s ago/, "just now", line)
	gsub(/[0-9]+s\)/, "0s)", line)
	return line
}
function escaped(line) {
	gsub(/&/, "\\&amp;", line)
	gsub(/</, "\\&lt;", line)
	gsub(/>/, "\\&gt;", line)
	return line
}
# How a line looks: a heading, what an agent passes, what is urgent, or the answer.
function look(line) {
	if (line ~ /^= /) return "say"
	if (line ~ /^(web|api) calls / || line ~ /^(Waiting for you|Agents|Specs)$/) return "call"
	if (line ~ /^    >/) return "pass"
	if (line ~ / escalated by /) return "urgent"
	return "text"
}
BEGIN {
	row = 20; left = 18; seconds = 6
}
{
	line = same($0)
	if (line ~ /^= /)
		begins[++moments] = n + 1
	if (moments == 4) {
		sub(/^    [|] ?/, "", line)
		sub(/ +\/[^ "]*$/, "", line)
	}
	lines[++n] = line
	if (n - begins[moments] > tallest)
		tallest = n - begins[moments]
}
END {
	width = 800; height = row * (tallest + 3)
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" xml:space=\"preserve\">\n", width, height, width, height
	print "<title>Two agents exchange mail about a bug, and the board shows what waits for the person</title>"
	print "<style>"
	print "rect{fill:#fff;stroke:#d0d7de}text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px;fill:#24292f;white-space:pre}"
	print ".say{font-family:system-ui,sans-serif;font-size:15px;fill:#0550ae}.call{font-weight:bold}.pass{fill:#57606a}.urgent{fill:#cf222e}"
	print "@media(prefers-color-scheme:dark){rect{fill:#0d1117;stroke:#30363d}text{fill:#e6edf3}.say{fill:#79c0ff}.pass{fill:#9198a1}.urgent{fill:#ff7b72}}"
	# Where nothing moves, the last moment is there.
	printf "g{opacity:0}#m%d{opacity:1}@keyframes moment{0%%{opacity:1}%g%%{opacity:0}}\n", moments, 100 / moments
	printf "@media(prefers-reduced-motion:no-preference){g{animation:%ds step-end infinite moment}", moments * seconds
	for (i = 2; i <= moments; i++)
		printf "#m%d{animation-delay:%ds}", i, (i - 1 - moments) * seconds
	print "}"
	print "</style>"
	printf "<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n", width - 1, height - 1
	for (i = 1; i <= moments; i++) {
		printf "<g id=\"m%d\">\n", i
		last = i < moments ? begins[i + 1] - 1 : n
		for (k = begins[i]; k <= last; k++) {
			if (lines[k] == "")
				continue
			y = row * (k - begins[i] + 1) + (k > begins[i] ? row : row / 2)
			shown = lines[k]
			sub(/^= /, "", shown)
			printf "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>\n", look(lines[k]), left, y, escaped(shown)
		}
		print "</g>"
	}
	print "</svg>"
}' "$T/moments"
