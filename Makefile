# SPDX-License-Identifier: ISC
# mailchute: a bare `make help` lists the targets.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
CC         ?= cc
HOSTCC     ?= cc
OBJCOPY    ?= objcopy
CFLAGS     ?= -Oz
LDFLAGS    ?=
ROOT       := $(CURDIR)
ARCH       ?= $(shell uname -m)
MUSL       ?= /usr/lib/$(ARCH)-linux-musl
MUSL_INC   ?= /usr/include/$(ARCH)-linux-musl
LIBDIR     ?= /usr/lib/$(ARCH)-linux-gnu

WARN   := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wvla -Wconversion -Werror
HARDEN := -fPIE -fstack-protector-strong -fno-strict-aliasing -fno-math-errno
HARDEN += -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
HARDEN += -fno-jump-tables # a table of addresses is larger than the tests it replaces
COMMON := -std=c11 -D_GNU_SOURCE -Isrc -Icompat $(WARN)
# Of compat/calls_*.c the one with this architecture's system calls.
SRC    := $(sort $(wildcard src/*.c) $(filter-out compat/calls_%.c,$(wildcard compat/*.c)) \
	compat/calls_$(ARCH).c)
HDR    := $(sort $(wildcard src/*.h compat/*.h))
# What makes the build fit musl, and only it.
FIT    := compat/fortify.c compat/memory.c compat/small.c compat/start.c
GCC    := gcc # its crt files and libgcc serve clang too
# compat/start.c applies the packed relocations; a linker that can't pack them says so and goes on.
LINK    = $(CC) -static-pie -nostdlib -nostartfiles -s $(LDFLAGS) \
	-Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code,--gc-sections,--build-id=none \
	-Wl,-z,pack-relative-relocs,--wrap=__libc_start_main -o $@ \
	$(MUSL)/rcrt1.o $(MUSL)/crti.o $$($(GCC) -print-file-name=crtbeginS.o) $(1) $(LIBS) \
	$(MUSL)/libc.a $$($(GCC) -print-libgcc-file-name) \
	$$($(GCC) -print-file-name=crtendS.o) $(MUSL)/crtn.o
# The roots compiled in come from here.
BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
LIBS   := build/lib/libbearssl.a build/lib/libinih.a
# glibc's own headers must stay out: only these three names come from /usr/include.
FOREIGN := build/include/bearssl.h build/include/bearssl build/include/ini.h
MUSLINC := -nostdinc -isystem $(MUSL_INC) -isystem build/include
DEPS := build-essential libbearssl-dev libinih-dev musl-tools ca-certificates
DEPS += bats parallel openssl libssl-dev python3 python3-aiosmtpd php-cli strace valgrind file mandoc
DEPS += clang clang-format clang-tidy libclang-rt-14-dev cppcheck shellcheck

.PHONY: all deps demo test callers aarch64 bench faults lint san memcheck install fuzz fuzzers coverage uninstall clean help format
all: build/mailchute ## Build build/mailchute, one static-PIE file

build/mailchute: $(SRC:%.c=build/obj/%.o) build/obj/roots.o | $(LIBS)
	@echo '  LINK $@'; $(call LINK,$^)

# The same program but for the path of the system's profile (tests must not read the real one), and
# with the tests' CA among the roots compiled in.
build/test/mailchute: $(filter-out build/obj/compat/identity.o,$(SRC:%.c=build/obj/%.o)) \
		build/test/identity.o build/test/roots.o | $(LIBS)
	@echo '  LINK $@'; $(call LINK,$^)

build/obj/%.o: %.c $(HDR) Makefile | $(FOREIGN)
	@mkdir -p $(@D)
	@echo '  CC $<'; $(CC) $(COMMON) $(HARDEN) $(CFLAGS) $(MUSLINC) \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(SYSCONFDIR)/mailchute.ini"' -c -o $@ $<

build/test/identity.o: compat/identity.c $(HDR) Makefile | $(FOREIGN)
	@mkdir -p $(@D)
	@echo '  CC $<'; $(CC) $(COMMON) $(HARDEN) $(CFLAGS) $(MUSLINC) \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(ROOT)/build/test/etc/mailchute.ini"' -c -o $@ $<

# What the sandbox lets through, asked from inside; the same objects as the program's.
build/test/probe: build/test/probe.o build/obj/src/sandbox.o build/obj/compat/calls_$(ARCH).o \
		build/obj/src/err.o build/obj/src/text.o build/obj/src/text_chars.o \
		build/obj/compat/fortify.o build/obj/compat/start.o | $(LIBS)
	@echo '  LINK $@'; $(call LINK,$^)

build/test/probe.o: tests/sandbox/probe.c $(HDR) Makefile | $(FOREIGN)
	@mkdir -p $(@D)
	@echo '  CC $<'; $(CC) $(COMMON) $(HARDEN) $(CFLAGS) $(MUSLINC) -c -o $@ $<

# These are what the compiler would call.
build/obj/compat/memory.o build/obj/compat/small.o: HARDEN += -fno-builtin
# Before the C library is ready there is no canary to compare with.
build/obj/compat/start.o: HARDEN += -fno-stack-protector

# Roots: a program of the build machine's own turns PEM into C.
build/roots: etc/roots.c src/pem.c src/cert.c src/trust_key.c $(wildcard src/text*.c) src/err.c $(HDR) Makefile
	@mkdir -p $(@D)
	@echo '  HOSTCC $@'; $(HOSTCC) $(COMMON) -O1 -o $@ $(filter %.c,$^)

build/obj/roots.c: build/roots $(BUNDLE)
	@mkdir -p $(@D)
	@build/roots $(BUNDLE) >$@.new && mv $@.new $@

build/test/roots.c: build/roots $(BUNDLE) build/tests/certs/ca.pem
	@mkdir -p $(@D)
	@build/roots $(BUNDLE) build/tests/certs/ca.pem >$@.new && mv $@.new $@

build/tests/certs/ca.pem: tests/certs/make tests/certs/table.py
	@tests/certs/make build/tests/certs

build/%/roots.o: build/%/roots.c Makefile
	@echo '  CC $<'; $(CC) $(COMMON) $(HARDEN) $(CFLAGS) $(MUSLINC) -c -o $@ $<

# Unwind tables are for C++ and debuggers: 20 KB that nothing here reads.
$(LIBS): build/lib/%: $(LIBDIR)/%
	@mkdir -p $(@D)
	@$(OBJCOPY) -R .eh_frame -R .rela.eh_frame $< $@

$(FOREIGN): build/include/%: /usr/include/%
	@mkdir -p $(@D)
	@ln -sfn $< $@

deps: ## Install what building and testing need (Debian packages; the one place that installs)
	@missing=$$(dpkg-query -W -f '$${Status} $${Package}\n' $(DEPS) 2>/dev/null | \
		sed -n 's/^install ok installed //p' | sort | \
		comm -13 - <(printf '%s\n' $(DEPS) | sort)); \
	if [ -n "$$missing" ]; then \
		$$([ "$$(id -u)" = 0 ] || echo sudo) apt-get update -q && \
		$$([ "$$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y --no-install-recommends $$missing; \
	fi
deps: SHELL := /bin/bash

# The build comes after deps, in a make of its own: it may not know yet what deps will install.
demo: deps ## Install what is missing, build, send to a throw-away server, show what arrived
	@$(MAKE) --no-print-directory build/mailchute build/test/mailchute
	@tests/demo build/test/mailchute

test: deps ## Install what is missing, build, run every test
	@$(MAKE) --no-print-directory build/mailchute build/test/mailchute build/test/probe
	@tests/run

callers: deps ## Run the tests with real programs that call sendmail
	@$(MAKE) --no-print-directory build/mailchute build/test/mailchute
	@tests/callers/run

AARCH64 := qemu-system-arm gcc-aarch64-linux-gnu cpio
aarch64: deps ## Run the sandbox's tests on 64-bit ARM, with a kernel of its own under QEMU
	@$(MAKE) --no-print-directory DEPS='$(AARCH64)' deps
	@tests/aarch64/run

BENCH := iproute2
bench: deps ## Measure what a message costs, beside other mailers (SAVE=1 AGAIN=1: see README)
	@$(MAKE) --no-print-directory DEPS='$(BENCH)' deps
	@$(MAKE) --no-print-directory build/mailchute
	@tests/bench/run $(if $(SAVE),--save) $(if $(AGAIN),--again)

# FAULTS: what faults.py takes: QUICK=1 goes in strides, SEED=all proves that the groups see.
faults: deps ## Break every place of a run once: streams, calls, allocations, signals (QUICK=1, SEED=all)
	@$(MAKE) --no-print-directory build/test/mailchute build/faults/mailchute build/faults/inject
	@tests/faults/run $(if $(SEED),--seed $(SEED),$(if $(QUICK),--quick))

build/faults/inject: tests/faults/inject.c
	@mkdir -p $(@D)
	@echo '  CC $@'; $(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O1 -o $@ $<

# The allocations of the group for them fail one by one, under the eyes of ASan.
build/faults/mailchute: $(SRC) tests/faults/malloc.c build/test/roots.c $(HDR) Makefile | $(LIBS)
	@mkdir -p $(@D)
	@echo '  CC $@'; $(CC) $(COMMON) $(SAN) -DMAILCHUTE_SANDBOX='"no"' \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(ROOT)/build/test/etc/mailchute.ini"' \
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
		-o $@ $(filter-out $(FIT),$(SRC)) tests/faults/malloc.c build/test/roots.c $(LIBS)

lint: deps ## clang-format, clang-tidy, cppcheck, shellcheck, mandoc -Tlint
	@$(MAKE) --no-print-directory $(FOREIGN)
	@tests/lint

SAN := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
san: build/san/mailchute ## The same sources on glibc under ASan and UBSan: MAILCHUTE=... make test
build/san/mailchute: $(SRC) build/test/roots.c $(HDR) Makefile | $(LIBS)
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(SAN) -DMAILCHUTE_SANDBOX='"no"' \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(ROOT)/build/test/etc/mailchute.ini"' \
		-o $@ $(filter-out $(FIT),$(SRC)) build/test/roots.c $(LIBS)

# Tests under valgrind, which knows glibc's malloc, and which a sandbox would end.
memcheck: deps build/memcheck/program ## Tests with the program under valgrind
	@tests/memcheck
build/memcheck/program: $(SRC) build/test/roots.c $(HDR) Makefile | $(LIBS)
	@mkdir -p $(@D)
	@echo '  CC $@'; $(CC) $(COMMON) -O1 -g -DMAILCHUTE_SANDBOX='"no"' \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(ROOT)/build/test/etc/mailchute.ini"' \
		-o $@ $(filter-out $(FIT),$(SRC)) build/test/roots.c $(LIBS)

# Fuzzing: libFuzzer drives the same sources; files, memory, time and the server are tests/fuzz's.
FUZZ      := $(filter-out fuzz server,$(notdir $(basename $(wildcard tests/fuzz/*.c))))
FUZZ_DIR  := build/fuzz$(if $(PLAIN),/plain)
FUZZ_OWN   = $(FUZZ_DIR)/obj/tests/fuzz/fuzz.o $(FUZZ_DIR)/obj/tests/fuzz/server.o
# PLAIN=1 leaves out sanitizers and comparisons watched: a fifth of the cost, for the longest runs.
ifdef PLAIN
FUZZ_SAN  := -O3 -march=native -fsanitize-coverage=inline-8bit-counters,pc-table
FUZZ_MAIN  = $(shell clang -print-resource-dir)/lib/linux/libclang_rt.fuzzer-$(ARCH).a -lstdc++ -lm
else
FUZZ_SAN  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_MAIN := -fsanitize=fuzzer
endif
FUZZ_CC    = clang $(COMMON) -DMAILCHUTE_SANDBOX='"no"' -Itests/fuzz -O2 -g1 -fno-omit-frame-pointer $(FUZZ_SAN)
FUZZ_WRAP := open openat close read pread write pwrite lseek fstat lstat stat flock fdatasync fsync ftruncate poll \
	socket connect send recv getrandom time malloc calloc realloc br_hmac_init br_hmac_update br_hmac_out
FUZZ_OBJ   = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(filter-out src/main.c compat/identity.c $(FIT),$(SRC)))
COVERAGE  := llvm-14
T         ?= 60

# The program once more, compiled to count into memory that all processes share (tests/cover); static as
# ever, so that it runs wherever the tests put it. Its allocations fail on demand (tests/faults).
COVER     := -O1 -fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic
COVER_DIR := build/coverage
COVER_KEY := $(shell printf %s '$(ROOT)' | cksum | sed 's/ .*//; s/.*/(key_t)&u/')
coverage: deps ## Which lines and branches the tests reach; each that they don't has its reason
	@$(MAKE) --no-print-directory DEPS='$(COVERAGE)' deps
	@tests/coverage

$(COVER_DIR)/mailchute: $(SRC:%.c=$(COVER_DIR)/%.o) $(COVER_DIR)/roots.o $(COVER_DIR)/tests/faults/malloc.o \
		$(COVER_DIR)/tests/cover/attach.o | $(LIBS)
	@echo '  LINK $@'; $(subst -s ,,$(call LINK,$^)) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

$(COVER_DIR)/%.o: %.c $(HDR) Makefile | $(FOREIGN)
	@mkdir -p $(@D)
	@echo '  CC $@'; clang $(COMMON) $(HARDEN) $(MUSLINC) $(if $(filter src/% compat/%,$<),$(COVER),-O1) \
		-DMAILCHUTE_SYSTEM_PROFILE='"$(ROOT)/build/test/etc/mailchute.ini"' \
		-DCOVERAGE_KEY='$(COVER_KEY)' -c -o $@ $<

$(COVER_DIR)/roots.o: build/test/roots.c
	@mkdir -p $(@D)
	@clang $(COMMON) $(HARDEN) $(MUSLINC) -c -o $@ $<

$(COVER_DIR)/compat/memory.o $(COVER_DIR)/compat/small.o: HARDEN += -fno-builtin
$(COVER_DIR)/compat/start.o: HARDEN += -fno-stack-protector

fuzz: deps ## Run each fuzz target for T seconds (60), or RUNS runs
	@$(MAKE) --no-print-directory fuzzers
	@tests/fuzz/run $(if $(PLAIN),-p) -t $(T) $(if $(RUNS),-n $(RUNS))

.PRECIOUS: $(FUZZ_DIR)/obj/%.o
fuzzers: $(FUZZ:%=$(FUZZ_DIR)/%)
$(FUZZ_DIR)/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(FUZZ_DIR)/all.a $(FUZZ_OWN) | $(LIBS)
	@echo '  FUZZ $@'; $(FUZZ_CC) -o $@ $< $(FUZZ_OWN) $(FUZZ_DIR)/all.a $(LIBS) $(FUZZ_MAIN)

# What server.c says of the net goes before what net*.c say.
$(FUZZ_DIR)/all.a: $(FUZZ_OBJ) $(FUZZ_DIR)/obj/roots.o
	@rm -f $@; for o in $(filter %/net.o %/net_connect.o,$^); do objcopy -w --weaken-symbol='net_*' $$o || exit; done
	@ar cr $@ $^
	@objcopy $(foreach f,$(FUZZ_WRAP),--redefine-sym $f=fuzz_$f) $@

$(FUZZ_DIR)/obj/roots.o: build/test/roots.c
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -o $@ $<

$(FUZZ_DIR)/obj/%.o: %.c $(HDR) tests/fuzz/fuzz.h Makefile
	@mkdir -p $(@D)
	@$(FUZZ_CC) -c -o $@ $<

format: ## Bring the sources into .clang-format's shape
	clang-format -i $(wildcard src/*.c compat/*.c) $(HDR) tests/fuzz/*.[ch]
	clang-format -i $(wildcard src/*.c compat/*.c) $(HDR) # tables settle at the second time

LINKS := sendmail mailq newaliases runq hoststat purgestat send-mail rmail
install: build/mailchute ## Install with its links (DESTDIR=, PREFIX=; FORCE=1 replaces a foreign sendmail)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' FORCE='$(FORCE)' LINKS='$(LINKS)' etc/install

uninstall: ## Remove what install put there (not the profile)
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LINKS='$(LINKS)' etc/install --remove

clean: ## Remove build/
	rm -rf build

help: ## List the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
