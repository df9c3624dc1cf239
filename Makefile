# interagent needs a C compiler and make, nothing else; without make,
# "cc -o interagent *.c" builds it too.
#
#   make                         the program, static where the platform can
#   make CC=musl-gcc             the small one
#   make install PREFIX=$HOME    what was built, into ~/bin, and its manual page;
#                                make uninstall removes both
#   make dist                    static binaries and the source, to hand out
#   make test, make demo         see test/Makefile for these and all that measures and tests

CC = cc
CFLAGS = -Os -Wall -Wextra -fno-asynchronous-unwind-tables
LDFLAGS =
PREFIX = /usr/local
DESTDIR =

STANDARD = -std=c11 -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
OBJECTS = interagent.o store.o json.o
LINK = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS)
BIN = $(DESTDIR)$(PREFIX)/bin
MAN = $(DESTDIR)$(PREFIX)/share/man/man1

# The revision of the source, for --version: a packed tree's own, else git's word.
DESCRIBE = cat .revision 2>/dev/null || { [ -e .git ] && git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null; }
REVISION = $$(revision=$$($(DESCRIBE)) && echo "-DREVISION=\"$$revision\"")

# An empty file whose name stands for the compiler and its flags: with others, all
# that was built before is out of date.
FLAGS != echo '.flags $(CC) $(STANDARD) $(CFLAGS) $(LDFLAGS)' | cksum | sed 's/^/.flags-/; s/ .*//'

all: interagent

interagent: $(OBJECTS)
	$(LINK) -static 2>/dev/null || $(LINK)

interagent.o: interagent.c store.h json.h
	$(CC) $(STANDARD) $(CFLAGS) $(REVISION) -c interagent.c

store.o: store.c store.h json.h
json.o: json.c json.h
$(OBJECTS): $(FLAGS)

.c.o:
	$(CC) $(STANDARD) $(CFLAGS) -c $<

$(FLAGS):
	@rm -f .flags-*; : >$@

# By a rename: whoever runs the old program keeps it whole.
install:
	[ -f interagent ] || $(MAKE) interagent
	umask 022; mkdir -p "$(BIN)" "$(MAN)"
	cp interagent "$(BIN)/.interagent.new"
	chmod 755 "$(BIN)/.interagent.new"
	mv -f "$(BIN)/.interagent.new" "$(BIN)/interagent"
	if "$(BIN)/interagent" man >"$(MAN)/interagent.1"; then chmod 644 "$(MAN)/interagent.1"; else \
		rm -f "$(MAN)/interagent.1"; echo "no manual page: interagent does not run on this machine"; fi

uninstall:
	rm -f "$(BIN)/interagent" "$(MAN)/interagent.1"

clean:
	rm -rf interagent $(OBJECTS) .flags-* test/bin dist

.PHONY: all install uninstall clean

include test/Makefile
