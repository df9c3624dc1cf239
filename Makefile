# interagent needs a C compiler and make, nothing else.
#
#   make                         the program, static where the platform can
#   make CC=musl-gcc             the small one
#   make demo                    two servers play a story in a throw-away store
#   make test                    the tests; the last line says how many passed
#   make soak                    the long ones: servers that are killed, 100,000 calls
#   make valgrind                the tests, with each process of the program under valgrind
#   make fuzz FUZZ_SECONDS=600   any bytes as JSON and on the wire, with clang's fuzzer
#   make test-clients            real clients against it; needs npm, and installs them
#   make dist                    static binaries and the source, to hand out
#   make bench                   what it costs, beside the floor of each cost
#   make install PREFIX=$HOME    into ~/bin

CC = cc
CFLAGS = -Os -Wall -Wextra -fno-asynchronous-unwind-tables
LDFLAGS =
PREFIX = /usr/local
DESTDIR =

STANDARD = -std=c11 -D_POSIX_C_SOURCE=200809L
OBJECTS = interagent.o store.o json.o
HELPERS = test/bin/cachetest test/bin/jsonq test/bin/jsontest test/bin/wire \
	test/bin/interagent-fault test/bin/interagent-leap test/bin/probe test/bin/interagent-plain \
	test/bin/hold test/bin/socket test/bin/screen test/bin/diffpairs test/bin/storecheck \
	test/bin/faultloop test/bin/holdlock

TORTURE = test/bin/storm test/bin/foreign test/bin/interagent-gate test/bin/replay-json test/bin/replay-wire

all: interagent

interagent: $(OBJECTS)
	@if $(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(OBJECTS) 2>/dev/null; \
	then echo "$(CC) -static -o $@ $(OBJECTS)"; \
	else echo "$(CC) -o $@ $(OBJECTS)"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS); fi

# The revision of the source, for --version: a packed tree's own, else git's word.
DESCRIBE = cat .revision 2>/dev/null || { [ -e .git ] && git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null; }
REVISION = $$(revision=$$($(DESCRIBE)) && echo "-DREVISION=\"$$revision\"")

interagent.o: interagent.c store.h json.h
	$(CC) $(STANDARD) $(CFLAGS) $(REVISION) -c interagent.c

store.o: store.c store.h json.h
json.o: json.c json.h

.c.o:
	$(CC) $(STANDARD) $(CFLAGS) -c $<

demo: interagent test/bin/jsonq
	sh test/demo.sh

test: helpers
	sh test/run

helpers: interagent $(HELPERS) $(TORTURE)


# Real clients and compilers, from outside. What is missing is skipped, with its reason.
test-clients: helpers test/bin/interagent-tap
	sh test/clients/install
	sh test/run test/clients/*.t

# The same program, which leaves a copy of all that it writes.
test/bin/interagent-tap: test/tap.h interagent.c store.h json.h store.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -include test/tap.h -o $@ interagent.c store.o json.o

test/bin/jsonq: test/jsonq.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/jsonq.c json.o

test/bin/jsontest: test/jsontest.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/jsontest.c json.o

test/bin/wire: test/wire.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/wire.c json.o

test/bin/cachetest: test/cachetest.c store.o json.o store.h json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) -D_DEFAULT_SOURCE $(CFLAGS) $(LDFLAGS) -o $@ test/cachetest.c store.o json.o

# The same program over a kernel that fails on demand.
test/bin/interagent-fault: test/fault.h store.c store.h json.h interagent.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -I. -DSTORE_SYS='"test/fault.h"' -c -o test/bin/store-fault.o store.c
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ interagent.o test/bin/store-fault.o json.o

# The same program with a clock that leaps when it is told to.
test/bin/interagent-leap: test/leap.c store.c store.h json.h interagent.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/leap.c interagent.o json.o

test/bin/probe: test/probe.c store.c store.h json.h json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/probe.c json.o

test/bin/interagent-plain: store.c store.h json.h interagent.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -U__linux__ -c -o test/bin/store-plain.o store.c
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ interagent.o test/bin/store-plain.o json.o

test/bin/hold: test/hold.c
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/hold.c

test/bin/socket: test/socket.c
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/socket.c

test/bin/screen: test/screen.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/screen.c json.o

test/bin/diffpairs: test/diffpairs.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/diffpairs.c json.o

test/bin/storecheck: test/storecheck.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/storecheck.c json.o

test/bin/faultloop: test/faultloop.c test/storecheck.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -DSTORECHECK_MAIN=storecheck -o $@ test/faultloop.c test/storecheck.c json.o

test/bin/holdlock: test/holdlock.c
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/holdlock.c

# Servers that are killed, and another program on the same files.
test/bin/storm: test/storm.c test/client.h json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/storm.c json.o

test/bin/foreign: test/foreign.c test/client.h json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/foreign.c json.o

# The same program taking turns with that other one.
test/bin/interagent-gate: test/gate.h store.c store.h json.h interagent.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -I. -DSTORE_SYS='"test/gate.h"' -c -o test/bin/store-gate.o store.c
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ interagent.o test/bin/store-gate.o json.o

soak: interagent $(HELPERS) $(TORTURE)
	STORM_AGENTS=20 STORM_SENDS=500 STORM_ROUNDS=1 sh test/crash.t
	MEMORY_CALLS=100000 sh test/memory.t

valgrind: helpers
	sh test/valgrind.sh

# The fuzz targets, on kept inputs without a fuzzer, and with one.
test/bin/replay-json: test/replay.c test/fuzz_json.c test/fuzz.h json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/replay.c test/fuzz_json.c json.o

test/bin/replay-wire: test/replay.c test/fuzz_wire.c test/fuzz.h test/fuzz_sys.h interagent.c store.c store.h json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -I. -DSTORE_SYS='"test/fuzz_sys.h"' -c -o test/bin/store-fuzz.o store.c
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/replay.c test/fuzz_wire.c test/bin/store-fuzz.o json.o

FUZZ_SECONDS = 600

fuzz:
	sh test/fuzz.sh $(FUZZ_SECONDS)

# Figures beside their floors. BENCH_DIR should be on the disk that matters.
BENCH_DIR = /var/tmp

bench: interagent test/bin/bench test/bin/floor test/bin/benchjson
	dir=$$(mktemp -d $(BENCH_DIR)/interagent-bench.XXXXXX) && \
	HOME=$$dir test/bin/bench ./interagent test/bin/floor $$dir; result=$$?; rm -rf $$dir; exit $$result
	test/bin/benchjson

test/bin/bench: test/bench.c
	mkdir -p test/bin
	$(CC) $(STANDARD) -D_DEFAULT_SOURCE $(CFLAGS) -o $@ test/bench.c

test/bin/floor: test/floor.c
	mkdir -p test/bin
	$(CC) $(CFLAGS) -static -o $@ test/floor.c || $(CC) $(CFLAGS) -o $@ test/floor.c

test/bin/benchjson: test/benchjson.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -DWITH_CJSON -o $@ test/benchjson.c json.o -lcjson 2>/dev/null || \
	$(CC) $(STANDARD) $(CFLAGS) -o $@ test/benchjson.c json.o

# What to hand out, the same to the last bit wherever it is made: static binaries
# for the two machines whose compilers are here, and the source.
MUSL_CC = musl-gcc
ARM64_CC = aarch64-linux-gnu-gcc
DIST_FLAGS = -Os -fno-asynchronous-unwind-tables -fno-ident -static -s -Wl,--build-id=none

dist:
	rm -rf dist
	mkdir dist
	sh test/clients/pack dist
	@for pair in x86_64:$(MUSL_CC) aarch64:$(ARM64_CC); do \
		if command -v $${pair#*:} >/dev/null; then \
			echo "$${pair#*:} $(DIST_FLAGS) -o dist/interagent-Linux-$${pair%%:*}"; \
			$${pair#*:} $(STANDARD) $(DIST_FLAGS) $(REVISION) -o dist/interagent-Linux-$${pair%%:*} \
				interagent.c store.c json.c || exit 1; \
		else echo "no $${pair#*:}: no binary for $${pair%%:*}"; fi; \
	done
	cd dist && sha256sum interagent* >SHA256SUMS

install: interagent
	mkdir -p $(DESTDIR)$(PREFIX)/bin
	cp interagent $(DESTDIR)$(PREFIX)/bin/.interagent.new
	mv -f $(DESTDIR)$(PREFIX)/bin/.interagent.new $(DESTDIR)$(PREFIX)/bin/interagent

clean:
	rm -rf interagent $(OBJECTS) test/bin dist

.PHONY: all demo test helpers test-clients dist soak valgrind fuzz bench install clean
