# Every call of a function that takes a format passes what its format wants. The sources are built
# once more, so that each call leaves a record (formats.h); formats.c reads the records.
. ./test/lib/test.sh

here=test/c
cc=${CC:-cc}

# The records need a section of the object file, and the compiler's word for a type.
cat >"$T/probe.c" <<'END'
typedef struct { int n; } str;
extern const int *const __start_probe[], *const __stop_probe[];
int main(void)
{
	int bad = ({ static const int one = _Generic((str){ 1 }, str: 1, default: 0);
		     static const int *const at __attribute__((section("probe"), used)) = &one; 0; });
	return bad + !(__stop_probe - __start_probe == 1 && **__start_probe == 1);
}
END
if ! { $cc -o "$T/probe" "$T/probe.c" && "$T/probe"; } >"$T/why" 2>&1; then
	skip "the formats" "this compiler leaves no records: $(head -n 1 "$T/why")"
	done_testing
	exit
fi

# sites FILE...: builds $T/sites of these. Each function whose last parameters are a format and
# "..." becomes a macro; where one is declared, its name is put into brackets, which no macro of
# the kind replaces. Those of the test programs that hand their format to printf are none of ours.
sites() {
	rm -rf "$T/src"
	mkdir "$T/src"
	printf '#include "formats.h"\n' >"$T/src/names.h"
	declared='^\([a-z_].*[ *]\)\([a-z_]*\)\((.*const char \*[a-z_]*, \.\.\.)\)'
	for file in json.h store.h "$here"/*.h "$@"; do
		sed -e "s/$declared/\\1(\\2)\\3/" -e 's|#include "\(\.\./\)*|#include "|' "$file" >"$T/src/${file##*/}"
		sed -n "s/$declared.*/\\2\\3/p" "$file"
	done | sort -u | sed -n \
		-e 's/^\([a-z_]*\)(const [^,]*, \.\.\.)/#define \1(...) FORMAT_SITE_FIRST(\1, __VA_ARGS__)/p' \
		-e 's/^\([a-z_]*\)([^,]*, const .*/#define \1(...) FORMAT_SITE(\1, __VA_ARGS__)/p' >>"$T/src/names.h"
	objects=
	for file in "$@"; do
		name=$(basename "$file" .c)
		# The names are macros only after the headers, which the compiler has read by then.
		$cc -std=gnu11 -O0 -w -D_DEFAULT_SOURCE -I"$T/src" -Dmain="main_of_$name" \
			-include names.h -c -o "$T/src/$name.o" "$T/src/${file##*/}" || return
		objects="$objects $T/src/$name.o"
	done
	# shellcheck disable=SC2086
	$cc -std=gnu11 -I"$here" -o "$T/sites" "$here/formats.c" $objects
}

section "A check that finds nothing may be one that looks at nothing"

cat >"$T/bad.c" <<'END'
#include "json.h"
static void tell(buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	buf_vsay(b, format, args);
	va_end(args);
}
static const char *unseen = "%s";
void calls(arena *mem, buf *b, json_writer *w, int n, long long number, const char *z, str s, bool which)
{
	buf_say(b, "%s of a slice", s);
	buf_say(b, "%S of a C string", z);
	buf_say(b, "%d %s too few", n);
	buf_say(b, "too many", n);
	tell(b, "%l of an int", n);
	tell(b, "%d of an int64_t", (int64_t)n);
	tell(b, "%z is none", z);
	tell(b, "a lone %");
	arena_say(mem, "%d of a pointer", mem);
	json_say(w, "{a:%s}", s);
	json_say(w, "{a:%l}", n);
	json_say(w, "{a:%d}", n);
	json_say(w, "{a:%q}", s);
	buf_say(b, which ? "%d" : "%S", n);
	buf_say(b, unseen, z);
	buf_say(b, "%S", arena_say(mem, "%S inside another", n));
	buf_say(b, "%s %S %q %Q %d %l %%", z, s, s, s, n, (int64_t)number);
	json_say(w, "{a:%s,b:%S,c:%l,d:%r,e:'100 %'}", z, s, (int64_t)number, s);
	buf_say(b, which ? "%d" : "%d,%d", n, n);
	buf_say(b, which ? "a" : "b");
	tell(b, "%d", which);
	tell(b, "%S", arena_say(mem, "%d", n));
	tell(b, unseen);
}
END
cp "$T/bad.c" "$T/planted.c"
if sites json.c "$T/planted.c" >"$T/why" 2>&1; then
	"$T/sites" >"$T/planted"
	from=$(grep -n 'of a slice' "$T/planted.c" | cut -d : -f 1)
	for fault in "a slice for a C string" "a C string for a slice" "too few" "too many" "an int for an int64_t" \
		"an int64_t for an int" "a verb that is none" "a percent sign alone" "a pointer for an int" \
		"json_say: a slice for a C string" "json_say: an int for an int64_t" "json_say: %d" "json_say: %q" \
		"one of two formats" "a format that cannot be seen" "inside another call"; do
		ok "a planted fault is found: $fault" grep -q "/planted.c:$from:" "$T/planted"
		from=$((from + 1))
	done
	is "... and nothing else" "$(grep -c "/planted.c:" "$T/planted") $(sed -n "s/.*planted.c:\([0-9]*\):.*/\1/p" "$T/planted" | sort -n | tail -n 1)" "16 $((from - 1))"
else
	fail "the planted faults can be built" "$(head -n 20 "$T/why")"
fi

section "The program, and what checks its stores"

if sites json.c store.c interagent.c "$here/storecheck.c" "$here/fuzz_wire.c" >"$T/why" 2>&1; then
	"$T/sites" >"$T/found"
	is "every call passes what its format wants" "$(sed 's|^.*/src/||' "$T/found" | grep -v '^[0-9]* calls')" ""
	ok "... and there are hundreds" test "$(sed -n 's/ calls.*//p' "$T/found")" -gt 300
	printf '# %s\n' "$(tail -n 1 "$T/found")"
else
	fail "the sources can be built for it" "$(head -n 20 "$T/why")"
fi
done_testing
