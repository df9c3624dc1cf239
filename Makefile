# interagent needs a C compiler and make, nothing else.
#
#   make                         the program, static where the platform can
#   make CC=musl-gcc             the small one
#   make demo                    two servers play a story in a throw-away store
#   make test                    the tests; the last line says how many passed
#   make install PREFIX=$HOME    into ~/bin

CC = cc
CFLAGS = -Os -Wall -Wextra -fno-asynchronous-unwind-tables
LDFLAGS =
PREFIX = /usr/local
DESTDIR =

STANDARD = -std=c11 -D_POSIX_C_SOURCE=200809L
OBJECTS = interagent.o store.o json.o
HELPERS = test/bin/jsonq test/bin/interagent-fault

all: interagent

interagent: $(OBJECTS)
	@if $(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $(OBJECTS) 2>/dev/null; \
	then echo "$(CC) -static -o $@ $(OBJECTS)"; \
	else echo "$(CC) -o $@ $(OBJECTS)"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS); fi

interagent.o: interagent.c store.h json.h
store.o: store.c store.h json.h
json.o: json.c json.h

.c.o:
	$(CC) $(STANDARD) $(CFLAGS) -c $<

demo: interagent test/bin/jsonq
	sh test/demo.sh

test: interagent $(HELPERS)
	sh test/run

test/bin/jsonq: test/jsonq.c json.o json.h
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS) -o $@ test/jsonq.c json.o

# The same program over a kernel that fails on demand.
test/bin/interagent-fault: test/fault.h store.c store.h json.h interagent.o json.o
	mkdir -p test/bin
	$(CC) $(STANDARD) $(CFLAGS) -I. -DSTORE_SYS='"test/fault.h"' -c -o test/bin/store-fault.o store.c
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ interagent.o test/bin/store-fault.o json.o

install: interagent
	mkdir -p $(DESTDIR)$(PREFIX)/bin
	cp interagent $(DESTDIR)$(PREFIX)/bin/.interagent.new
	mv -f $(DESTDIR)$(PREFIX)/bin/.interagent.new $(DESTDIR)$(PREFIX)/bin/interagent

clean:
	rm -rf interagent $(OBJECTS) test/bin

.PHONY: all demo test install clean
