# JSON as RFC 8259 has it: what is read, what is refused, what is written.
# shellcheck disable=SC1003,SC2016  # backslashes and quotes stand for themselves
# shellcheck disable=SC3045         # ulimit -t is in every shell that we know
. ./test/lib/test.sh

# Says what jsonq says, and its status, of a text given as a printf format's
# argument: %s as it stands, %b with \0ooo for bytes.
judge() {
	# shellcheck disable=SC2059
	printf "$1" "$2" | at "$3" >"$T/judged" 2>&1
	echo "$? $(head -n 1 "$T/judged")"
}

# good WHAT TEXT, bad WHAT TEXT: both by the strict rules and those for stored
# files. lax WHAT TEXT: only in stored files. A crash is no refusal.
judged() {
	strict=$(judge "$2" "$4" -check)
	stored=$(judge "$2" "$4" -stored)
	case $1/$strict/$stored in
	good/0*/0* | bad/"1 byte "*/"1 byte "* | lax/"1 byte "*/0*) pass "$3" ;;
	*) fail "$3" "strict: $strict" "stored: $stored" "wanted: $1" ;;
	esac
}

good() { judged good %s "$@"; }
bad() { judged bad %s "$@"; }
good_bytes() { judged good %b "$@"; }
bad_bytes() { judged bad %b "$@"; }
lax() { judged lax %s "$@"; }
lax_bytes() { judged lax %b "$@"; }

# ---- Words ----

good "true" 'true'
good "false" 'false'
good "null" 'null'
bad "True" 'True'
bad "TRUE" 'TRUE'
bad "a word cut short" 'tru'
bad "another one" 'nul'
bad "one letter" 'f'
bad "a word that goes on" 'truex'
bad "two words in one" 'nullnull'
bad "undefined" 'undefined'
bad "NaN" 'NaN'
bad "Infinity" 'Infinity'
bad "minus Infinity" '-Infinity'
bad "a bare word" 'agent'

section "Numbers"

for n in 0 -0 1 -1 10 1234567890 0.0 0.5 -0.5 10.01 1e1 1E1 1e+1 1e-1 1E+01 0e0 0E-0 -0.0e-0 1.5e300 1e999 \
	-1e999 \
	9007199254740993 12345678901234567890123456789012345678901234567890 0.00000000000000000000000000000000001; do
	good "the number $n" "$n"
	is "the number $n keeps its bytes" "$(printf '[%s ]' "$n" | at 0)" "$n"
done
for n in + +1 - -- --1 -a 00 01 -01 -00 00.5 .5 -.5 5. 0. -0. 1.e1 .e1 e1 1e 1E 1e+ 1e- 1e++1 1e1.5 1.2.3 \
	1..2 0x1F 0b1 0o7 \
	1_000 1,5 1f 1n ٣ '1 2' '- 1' '1. 5' '1e 5' '1 .5' Inf -NaN 1e1e1 0e 0.e; do
	bad "no number: $n" "$n"
done

section "Strings"

good "an empty string" '""'
good "letters" '"mail"'
good "every short escape" '"\" \\ \/ \b \f \n \r \t"'
good "a slash needs none" '"/"'
good "hexadecimal, both cases" '"\u00e9\u00E9\uABCD\uabcd"'
good "an escaped NUL" '"\u0000"'
good "an escaped control character" '"\u001f"'
good_bytes "DEL as it is" '"\0177"'
good_bytes "U+2028 as it is" '"\0342\0200\0250"'
good_bytes "U+FFFE and U+FFFF, which are no characters" '"\0357\0277\0276\0357\0277\0277"'
good_bytes "U+FEFF inside a string" '"\0357\0273\0277"'
good "a pair of surrogates" '"\ud834\udd1e"'
good "the first pair and the last" '"\ud800\udc00\uDBFF\uDFFF"'
good "an escaped backslash before a u" '"\\u12"'
good "an escaped backslash at the end" '"\\"'
bad "a string without its end" '"mail'
bad "nothing but a quote" '"'
bad "its end is escaped" '"mail\"'
bad "a backslash at the end of input" '"\'
bad "an escape that is none: x" '"\x41"'
bad "an escape that is none: a" '"\a"'
bad "an escape that is none: 0" '"\0"'
bad "an escape that is none: v" '"\v"'
bad "an escape that is none: '" "\"\\'\""
bad "an escape that is none: U" '"\U00e9"'
bad "an escaped line end" '"a\
b"'
bad_bytes "an escaped NUL byte" '"\\\0000"'
bad "u with three digits" '"\u00e"'
bad "u with none" '"\u"'
bad "u with a letter that is no digit" '"\u00g0"'
bad "u with a sign" '"\u+123"'
bad "u with a space" '"\u 123"'
bad "u with braces" '"\u{e9}"'
bad "u cut by the end of input" '"\u00'
bad "single quotes" "'mail'"
bad "back quotes" '`mail`'
bad "a raw line feed" '"a
b"'
bad_bytes "a raw tab" '"\0011"'
bad_bytes "a raw carriage return" '"\0015"'
bad_bytes "a raw NUL" '"\0000"'
bad_bytes "a raw escape" '"\0033[2J"'
bad_bytes "a raw unit separator" '"\0037"'
bad "two strings" '"a""b"'

section "Surrogates"
# A text that JavaScript cut between two of them comes with half a pair.

good "a lone high surrogate" '"\ud800"'
good "a lone low surrogate" '"\udc00"'
good "the last high one" '"\udbff"'
good "the last low one" '"\udfff"'
good "two low ones" '"\udc00\udc00"'
good "a high one before U+E000" '"\ud800\ue000"'
good "U+D7FF and U+E000, which are none" '"\ud7ff\ue000"'
good "a high one before a letter" '"\ud800x"'
good "a high one before another escape" '"\ud800\n"'
good "a high one before a character" '"\ud800\u0041"'
good "two high ones" '"\ud800\ud800"'
good "the wrong way round" '"\udc00\ud800"'
good "a pair, then a lone one" '"\ud834\udd1e\udd1e"'
good "a lone one in a name" '{"\ud800":1}'
bad "a high one before a broken escape" '"\ud800\u12"'
bad "a high one at the end of input" '"\ud800'

section "UTF-8"
# Every length, its first and last, and what lies beyond.

good_bytes "U+0080, the first of two bytes" '"\0302\0200"'
good_bytes "U+07FF, the last of two" '"\0337\0277"'
good_bytes "U+0800, the first of three" '"\0340\0240\0200"'
good_bytes "U+D7FF, before the surrogates" '"\0355\0237\0277"'
good_bytes "U+E000, after them" '"\0356\0200\0200"'
good_bytes "U+10000, the first of four" '"\0360\0220\0200\0200"'
good_bytes "U+10FFFF, the last of all" '"\0364\0217\0277\0277"'
lax_bytes "a continuation on its own" '"\0200"'
lax_bytes "the last continuation on its own" '"\0277"'
lax_bytes "C0, a long form of NUL" '"\0300\0200"'
lax_bytes "C1, a long form of a letter" '"\0301\0201"'
lax_bytes "E0 80, a long form" '"\0340\0200\0200"'
lax_bytes "E0 9F, the last long form" '"\0340\0237\0277"'
lax_bytes "F0 80, a long form" '"\0360\0200\0200\0200"'
lax_bytes "F0 8F, the last long form" '"\0360\0217\0277\0277"'
lax_bytes "ED A0, a surrogate" '"\0355\0240\0200"'
lax_bytes "ED BF, the last surrogate" '"\0355\0277\0277"'
lax_bytes "a pair of surrogates in bytes" '"\0355\0240\0264\0355\0264\0236"'
lax_bytes "F4 90, beyond U+10FFFF" '"\0364\0220\0200\0200"'
lax_bytes "F5, beyond all" '"\0365\0200\0200\0200"'
lax_bytes "FE" '"\0376"'
lax_bytes "FF" '"\0377"'
lax_bytes "two bytes cut to one" '"\0303"'
lax_bytes "three bytes cut to two" '"\0342\0202"'
lax_bytes "four bytes cut to three" '"\0360\0235\0204"'
lax_bytes "a letter where a continuation must be" '"\0303("'
lax_bytes "Latin-1" '"caf\0351"'
lax_bytes "in a name" '{"\0377":1}'
bad_bytes "a character cut by the end of input" '"\0342\0202'
bad_bytes "bytes that are not UTF-8 outside a string" '[\0377]'
bad_bytes "UTF-16" '\0377\0376"\0000a\0000"\0000'

section "White space, and what is before and after the value"

bad "no input" ''
bad "only white space" ' 	
 '
good "white space around everything" '
	 { "a" : [ 1 , 2 ] , "b" : { } } 	
'
good_bytes "carriage returns" '\0015\0012[\0015\00121\0015\0012]\0015\0012'
good "no white space at all" '{"a":[1,2],"b":{}}'
bad_bytes "a form feed" '[\0014]'
bad_bytes "a vertical tab" '[\0013]'
bad_bytes "a NUL before the value" '\00001'
bad_bytes "a NUL after the value" '1\0000'
bad_bytes "a no-break space" '[\0302\0240]'
bad_bytes "U+2028 as white space" '[\0342\0200\02501]'
lax_bytes "a byte order mark" '\0357\0273\0277{}'
bad_bytes "two of them" '\0357\0273\0277\0357\0273\0277{}'
bad_bytes "one after white space" ' \0357\0273\0277{}'
bad_bytes "nothing but one" '\0357\0273\0277'
bad_bytes "a byte order mark after the value" '{}\0357\0273\0277'
bad "two values" '1 2'
bad "two objects" '{}{}'
bad "two lines" '{}
{}'
bad "a comma after the value" '1,'
bad "a bracket after the value" '[]]'
bad "a brace after the value" '{}}'
bad "a comment before" '/* mail */ 1'
bad "a comment after" '1 // mail'
bad "a hash comment" '1 # mail'

section "Arrays and objects"

good "an empty array" '[]'
good "an empty object" '{}'
good "white space in both" '[ { } , [ ] ]'
good "all kinds" '[null,true,false,0,"",[],{}]'
good "an empty name" '{"":0}'
good "a name of escapes" '{"\u0000\n":0}'
good "a name twice" '{"a":1,"a":2}'
bad "an array without its end" '[1'
bad "nothing but a bracket" '['
bad "nothing but its end" ']'
bad "an object without its end" '{"a":1'
bad "nothing but a brace" '{'
bad "nothing but its end, in braces" '}'
bad "a comma at the end" '[1,]'
bad "a comma at the front" '[,1]'
bad "nothing but a comma" '[,]'
bad "two commas" '[1,,2]'
bad "no comma" '[1 2]'
bad "no comma between strings" '["a" "b"]'
bad "a colon in an array" '["a":1]'
bad "a semicolon" '[1;2]'
bad "a comma at the end of an object" '{"a":1,}'
bad "a comma at its front" '{,"a":1}'
bad "nothing but a comma in an object" '{,}'
bad "two commas in an object" '{"a":1,,"b":2}'
bad "no comma between members" '{"a":1 "b":2}'
bad "no colon" '{"a" 1}'
bad "two colons" '{"a"::1}'
bad "an equals sign" '{"a"=1}'
bad "no value" '{"a":}'
bad "no value, and more" '{"a":,"b":1}'
bad "no name" '{:1}'
bad "only a name" '{"a"}'
bad "a bare name" '{a:1}'
bad "a number as a name" '{1:1}'
bad "null as a name" '{null:1}'
bad "an array as a name" '{[]:1}'
bad "a name in single quotes" "{'a':1}"
bad "values without names" '{1,2}'
bad "closed by the other bracket" '[1}'
bad "closed by the other brace" '{"a":1]'
bad "crossed" '[{"a":[}]]'
bad "three dots" '[1,...]'

section "Depth"

# repeat N TEXT: the text, N times.
repeat() { N=$1 TEXT=$2 awk 'BEGIN { for (n = ENVIRON["N"]; n > 0; n--) printf "%s", ENVIRON["TEXT"] }'; }

good "64 arrays deep" "$(repeat 64 '[')$(repeat 64 ']')"
bad "65 arrays deep" "$(repeat 65 '[')$(repeat 65 ']')"
good "64 objects deep" "$(repeat 63 '{"a":')"'{}'"$(repeat 63 '}')"
bad "65 objects deep" "$(repeat 64 '{"a":')"'{}'"$(repeat 64 '}')"
good "64 of both" "$(repeat 32 '[{"a":')1$(repeat 32 '}]')"
good "side by side is not deep" "[$(repeat 500 '[],')[]]"
is "where 65 are one too many" "$(judge %s "$(repeat 65 '[')" -check)" "1 byte 64: nested too deeply"

section "Where it stopped"

is "an error names its byte" "$(judge %s '{"a":1,"b":tru}' -check)" "1 byte 11: an unknown word"
is "... also at the end" "$(judge %s '[1, 2' -check)" "1 byte 5: a comma or a closing bracket is missing"
is "and after it" "$(judge %s '1 x' -check)" "1 byte 2: more after the value"

section "What was read"

is "the last of a name counts" "$(echo '{"a":1,"b":2,"a":3}' | at a)" 3
is "1e999 keeps its bytes" "$(echo '{"n":1e999}' | at n)" 1e999
is "9007199254740993 too" "$(echo '[9007199254740993]' | at 0)" 9007199254740993
is "1.0 too" "$(echo '[1.0,-0]' | at -wire)" '[1.0,-0]'
is "a NUL in a string" "$(echo '"a\u0000b"' | at | od -An -c | tr -s ' ')" ' a \0 b \n'
is "a pair is one character" "$(echo '"\ud834\udd1e"' | at)" "$(printf '\360\235\204\236')"
is "an escaped name" "$(echo '{"\u0061\/":1}' | at a/)" 1
is "a lone surrogate in a stored file is U+FFFD" "$(echo '"a\ud800b"' | at -stored -wire)" \
	"$(printf '"a\357\277\275b"')"
no "what is not there" sh -c 'echo "{}" | "$1" a' sh "$HELPERS/jsonq"

section "What is written"

is "pretty: nothing" "$(echo '{}' | at -pretty)" '{}'
is "pretty: an empty array" "$(echo ' [ ] ' | at -pretty)" '[]'
is "pretty: a word" "$(echo ' true ' | at -pretty)" 'true'
is "pretty: a string" "$(echo '"\u0041\/"' | at -pretty)" '"A/"'
is "pretty: a message's meta" \
	"$(echo '{"id":"1a","from":"web","replyTo":null,"urgent":true,"n":[1,[],{},{"a":[2]}],"":{"b":{}}}' | at -pretty)" \
	'{
  "id": "1a",
  "from": "web",
  "replyTo": null,
  "urgent": true,
  "n": [
    1,
    [],
    {},
    {
      "a": [
        2
      ]
    }
  ],
  "": {
    "b": {}
  }
}'
is "pretty: escapes only what it must" \
	"$(printf '%b' '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u0080\\u2028\\u20ac\\ud83d\\ude00"' | at -pretty)" \
	"$(printf '%b' '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\0177\0302\0200\0342\0200\0250\0342\0202\0254\0360\0237\0230\0200"')"
is "pretty: names are escaped too" "$(echo '{"a\"\u0001":1}' | at -pretty)" '{
  "a\"\u0001": 1
}'
is "wire: on one line" "$(printf '{\n "a" : [ 1,\n 2 ],\n "b": { }, "c\\n": null }\n' | at -wire)" \
	'{"a":[1,2],"b":{},"c\n":null}'
is "wire: no byte that ends a line anywhere" \
	"$(printf '%b' '"\0177 \0342\0200\0250 \0342\0200\0251"' | at -wire)" '"\u007f \u2028 \u2029"'
is "wire: bytes that are not UTF-8, one U+FFFD for each maximal part" \
	"$(printf '%b' '"\0141\0360\0237\0222\0142\0340\0200\0300\0257\0355\0240\0200\0377"' | at -stored -wire | od -An -v -tx1 | tr -d ' \n')" \
	"2261efbfbd62$(repeat 8 efbfbd)220a"

section "Linear time"
# A quadratic reader needs minutes for these, a linear one a fraction of a
# second: a limit on processor time tells them apart on any machine.

big() {
	what=$1
	shift
	if (ulimit -t 30 && "$HELPERS/jsonq" "$@" <"$T/big" >"$T/big.out" 2>&1); then pass "$what"; else fail "$what" "$(head -c 300 "$T/big.out")"; fi
}

(repeat 200000 '[') >"$T/big"
is "200,000 brackets" "$(ulimit -t 30 && at -check <"$T/big" 2>&1)" "byte 64: nested too deeply"
(printf '[' && repeat 1700000 '1, ' && printf '1]') >"$T/big"
big "5 MB of numbers" -check
big "and their count" -count
is "which is right" "$(cat "$T/big.out")" 1700001
(printf '[' && repeat 1700000 '[],' && printf '1]') >"$T/big"
big "5 MB of empty arrays" -count
is "... which are counted" "$(cat "$T/big.out")" 1700001
(printf '[' && repeat 170000 '["some words and then some"],' && printf '1]\n') >"$T/big"
big "5 MB of short arrays" -wire
ok "... written as they were read" cmp "$T/big.out" "$T/big"
(printf '"' && repeat 850000 '\u00e9' && printf '"') >"$T/big"
big "5 MB of escapes" -wire
is "... written as characters" "$(wc -c <"$T/big.out" | tr -d ' ')" 1700003
(printf '"' && repeat 5000000 'x' && printf '"') >"$T/big"
big "5 MB of one string" -wire
(printf '"' && repeat 2500000 '\\' && printf '"') >"$T/big"
big "5 MB of backslashes" -check
(awk 'BEGIN { printf "{"; for (i = 0; i < 300000; i++) printf "\"name%d\":%d,", i, i; printf "\"last\":1}" }') >"$T/big"
big "5 MB of members" -pretty
big "and one of them" name299999
is "which is found" "$(cat "$T/big.out")" 299999
(repeat 5000000 ' ' && echo 1) >"$T/big"
big "5 MB of white space" -check
(repeat 5000000 1) >"$T/big"
big "5 MB of digits" -check

section "Memory"
# A tree costs a small multiple of its text, or is refused.

(printf '[' && repeat 5000000 '1,' && printf '1]') >"$T/big"
like "10 MB of ones have no tree" "$(at -wire <"$T/big" 2>&1)" '^byte [12][0-9]\{6\}: too many values for so few bytes$'
if echo 1 | (ulimit -v 65536 && at -check) >/dev/null 2>&1; then
	(ulimit -v 65536 && at -count) <"$T/big" >"$T/big.out" 2>&1
	is "but each of them can be read, in 64 MB with the text" "$(cat "$T/big.out")" 5000001
else
	skip "each of them can be read, in 64 MB with the text" "this shell sets no such limit, or what runs the program needs more"
fi
(printf '[' && repeat 20000 '1,' && printf '1]') >"$T/big"
is "what is short may be dense" "$(at '#' <"$T/big")" 20001

section "json.h"
# The rest of it, from C.

"$HELPERS/jsontest" >"$T/c" 2>&1
came=no
while IFS= read -r line; do
	case $line in
	"ok - "*) pass "json.h: ${line#ok - }" ;;
	"not ok - "*) fail "json.h: ${line#not ok - }" ;;
	done) came=to-its-end ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$T/c"
is "jsontest came to its end" "$came" to-its-end

section "Beside another implementation"
# Where there is one.

# Writes documents and how another implementation prints them, then broken
# ones and what it thinks of them. The numbers are those that it keeps.
cat >"$T/make.js" <<'END'
const fs = require('fs'), dir = process.argv[2];
let seed = 20260728;
const random = n => (seed = (seed * 1103515245 + 12345) % 2147483648, Math.floor(seed / 65536) % n);
const chars = ['a', 'Z', '0', ' ', '"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\0', '\x1f', '\x7f', '\x80', 'é', '€', '\u2028', '\u2029', '\ufeff', '😀', '\u202e'];
const text = () => Array.from({ length: random(8) }, () => chars[random(chars.length)]).join('');
const numbers = [0, 1, -1, 0.5, 1e21, 1e-7, -1.5e300, 123456789012, 5e-324];
function value(depth) {
	const kind = random(depth > 5 ? 5 : 8);
	if (kind === 0) return null;
	if (kind === 1) return random(2) === 0;
	if (kind === 2) return numbers[random(numbers.length)];
	if (kind < 5) return text();
	if (kind < 7) return Array.from({ length: random(5) }, () => value(depth + 1));
	return Object.fromEntries(Array.from({ length: random(5) }, () => ['k' + text(), value(depth + 1)]));
}
const junk = ['[', ']', '{', '}', ',', ':', '"', '\\', '0', '1', '-', '.', 'e', 'E', '+', 'u', 'n', 't', ' ', '\n', '\t', '\x01', 'true', 'null', '\\u00e9', '[]', '{}', '""'];
const verdicts = [];
for (let i = 0; i < 200; i++) {
	const doc = [value(0), value(0)];
	fs.writeFileSync(`${dir}/${i}.json`, JSON.stringify(doc, null, random(2) ? '\t' : 0));
	fs.writeFileSync(`${dir}/${i}.pretty`, JSON.stringify(doc, null, 2) + '\n');
}
for (let i = 0; i < 400; i++) {
	let broken = JSON.stringify([value(3), value(4)]);
	for (let n = 1 + random(2); n > 0; n--) {
		const at = random(broken.length + 1);
		broken = broken.slice(0, at) + (random(3) ? junk[random(junk.length)] : '') + broken.slice(at + random(3));
	}
	let good = true;
	broken = Buffer.from(broken).toString();
	try { JSON.parse(broken); } catch { good = false; }
	fs.writeFileSync(`${dir}/${i}.maybe`, broken);
	verdicts.push(`${i} ${good ? 0 : 1}`);
}
fs.writeFileSync(`${dir}/verdicts`, verdicts.join('\n') + '\n');
END
mkdir "$T/docs"
if node "$T/make.js" "$T/docs" 2>"$T/why"; then
	wrong=
	for doc in "$T"/docs/*.json; do
		at -pretty <"$doc" | cmp -s - "${doc%.json}.pretty" || wrong=$doc
	done
	is "200 documents are printed as by JSON.stringify" "${wrong:+$(cat "$wrong")}" ""
	wrong=
	while read -r n verdict; do
		at -check <"$T/docs/$n.maybe" 2>"$T/why"
		[ $? -eq "$verdict" ] || wrong="$n: $(cat "$T/docs/$n.maybe") $verdict"
	done <"$T/docs/verdicts"
	is "400 broken ones are judged as by JSON.parse" "$wrong" ""
else
	skip "documents beside JSON.stringify and JSON.parse" "node: $(head -n 1 "$T/why")"
fi
done_testing
