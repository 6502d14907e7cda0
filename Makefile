# udp46: a small, hardened UDP relay.  GNU make; one makefile for the whole tree.
#
#   make                  build build/udp46; CC, CFLAGS, CPPFLAGS, LDFLAGS, WERROR=1
#   sudo make build-deps  install what that needs
#   sudo make demo        a WireGuard tunnel through udp46, in namespaces
#   sudo make check       every test (without root: all that do not need it);
#                         TESTS='relay_test crash_test:stream' for some, JOBS=N side by side
#   sudo make bench       udp46 beside other relays; SCENARIOS='bulk_up bulk_down' ROUNDS=3
#   sudo make profile     where the time of a datagram goes
#   sudo make install     PREFIX, SBINDIR, BINDIR, MANDIR, DOCDIR, SYSCONFDIR,
#                         UNITDIR, SYSUSERSDIR, DESTDIR; BASHDIR, ZSHDIR, FISHDIR: completions
#   sudo make uninstall   the same variables; what is configured stays
#   make dist             build/udp46-VERSION.tar.gz of the last commit; the same each time
#   make deb              Debian packages, in build/deb; FOR=deb with `make deps`
#   make tests            build the tests
#   make fuzz             each fuzzer for FUZZ_SECONDS=20
#   make arm64            build for arm64, and test that on an emulated processor
#   make musl             compile with the headers of musl, Alpine's C library
#   make lint             format, static analysis, structure, manual, scripts, service unit
#   make format           make the format what lint wants
#   sudo make deps        install what is missing of packages: those of the tests too;
#                         FOR='check lint' names other purposes
#   make clean            remove build/
#   make help             this text
#
# V=1 shows the commands.  SANITIZE=address,undefined builds and tests with those sanitizers
# in a folder of its own, BUILD=FOLDER in that one.  For another processor: CC, PKG_CONFIG, and
# RUN, a command that runs a program of it here.

VERSION = 0.2.0

# `git archive` writes them into that file, which is then all that a tarball has of git.
ARCHIVED := $(shell sed -n 's/^\([0-9a-f]\{12\}\)[0-9a-f]* /\1 /p' supervisor/commit)
COMMIT := $(or $(word 1,$(ARCHIVED)),$(shell git rev-parse --short=12 HEAD 2>/dev/null),unknown)
DATE   := $(or $(word 2,$(ARCHIVED)),$(shell git log -1 --format=%cs 2>/dev/null),unknown)

PREFIX      ?= /usr/local
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man
DOCDIR      ?= $(PREFIX)/share/doc/udp46
SYSCONFDIR  ?= /etc
UNITDIR     ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
BASHDIR     ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR      ?= $(PREFIX)/share/zsh/site-functions
FISHDIR     ?= $(PREFIX)/share/fish/vendor_completions.d

CC          ?= cc
PKG_CONFIG  ?= pkg-config
BUILD       ?= build$(if $(SANITIZE),/sanitize)

# $(call quiet,WHAT,FILE) before a command: a short line instead of it, none with -s.
quiet = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-7s %s\n' '$(1)' '$(2)' && ))

PACKAGES = libcap-ng libseccomp libbsd-overlay
HTTP_PACKAGES = libmicrohttpd
CTL_PACKAGES = json-c ncurses
ALL_PACKAGES = $(PACKAGES) $(HTTP_PACKAGES) $(CTL_PACKAGES)
SHELL    = /bin/sh

# ---- flags; the user's CFLAGS come last ----

ARCH := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))

WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings \
       -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations \
       -Wold-style-definition -Wredundant-decls -Wundef -Wvla -Wformat=2 \
       -Wnull-dereference -Wdouble-promotion $(if $(WERROR),-Werror)

HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection \
	 $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3) \
	 $(if $(filter x86_64,$(ARCH)),-fcf-protection) \
	 $(if $(filter aarch64,$(ARCH)),-mbranch-protection=standard)

SAN = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DUDP46_SANITIZE)

# System headers, or the libraries' own warnings would fail the build.
PKG_CFLAGS = $(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(HTTP_PACKAGES) 2>/dev/null))
PKG_LIBS   = $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)

# udp46ctl alone links these.
CTL_CFLAGS = $(filter-out -D%,$(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags $(CTL_PACKAGES) 2>/dev/null)))
CTL_LIBS   = $(shell $(PKG_CONFIG) --libs $(CTL_PACKAGES) 2>/dev/null) -lm

# The metrics child alone loads these, when it starts.
HTTP_LIBS  = $(shell $(PKG_CONFIG) --libs $(HTTP_PACKAGES) 2>/dev/null)

ALL_CPPFLAGS = -I. -D_GNU_SOURCE $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=c17 -O2 -g $(WARN) $(HARDEN) $(SAN) -MMD -MP $(CFLAGS)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(SAN) $(LDFLAGS)

# As they are for all, before a target adds its own; -Werror makes no other object.
FLAGS := $(filter-out -Werror,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))

# ---- files ----

SRC  := $(wildcard common/*.c relay/*.c supervisor/*.c supervisor/metrics/*.c)
OBJ  := $(SRC:%.c=$(BUILD)/%.o)
LIB  := $(BUILD)/udp46.a
MAIN := $(BUILD)/supervisor/main.o

CTL_SRC  := $(wildcard supervisor/ctl/*.c)
CTL_OBJ  := $(CTL_SRC:%.c=$(BUILD)/%.o)
CTL_LIB  := $(BUILD)/udp46ctl.a
CTL_MAIN := $(BUILD)/supervisor/ctl/ctl.o

UNIT    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
SYSTEM  := $(patsubst %.sh,$(BUILD)/%,$(wildcard tests/system/*_test.sh))
HELPERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/system/*.c))
BENCH   := $(BUILD)/tests/bench/load
COMPLETIONS := $(foreach p,udp46 udp46ctl,$(patsubst %,$(BUILD)/completion/$(p).%,bash zsh fish))
SUBR    := $(patsubst %,$(BUILD)/%,$(wildcard tests/system/*.subr))

FUZZ    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c))

# Those that need the parts of udp46ctl.
CTL_TESTS := $(filter $(BUILD)/tests/unit/ctl_% $(BUILD)/tests/fuzz/ctl_%,$(UNIT) $(FUZZ))

C_FILES  := $(wildcard $(foreach d,common relay supervisor supervisor/completion \
	      supervisor/metrics supervisor/metrics/linked supervisor/ctl tests/unit tests/system tests/fuzz tests/bench,$(d)/*.c $(d)/*.h))
SH_FILES := .ci/run $(wildcard tests/*.sh tests/lint/*.sh tests/bench/*.sh tests/bench/*.subr \
	      supervisor/metrics/*.sh supervisor/installed.sh supervisor/debian/*.sh)
ATF_FILES := $(wildcard tests/system/*.sh tests/system/*.subr)

.PHONY: all tests check demo bench profile install uninstall dist deb deps build-deps arm64 musl lint format clean fuzz help FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/udp46 $(BUILD)/udp46ctl $(COMPLETIONS)

# The comment at the top.
help:
	@sed -n '3,/^$$/s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

$(BUILD)/udp46: $(MAIN) $(LIB) $(BUILD)/flags
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(MAIN) $(LIB) $(PKG_LIBS)

$(LIB): $(filter-out $(MAIN),$(OBJ))
	@rm -f $@
	$(call quiet,AR,$@)$(AR) rcs $@ $^

$(BUILD)/udp46ctl: $(CTL_MAIN) $(CTL_LIB) $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(CTL_LIBS)

$(CTL_LIB): $(filter-out $(CTL_MAIN),$(CTL_OBJ))
	@rm -f $@
	$(call quiet,AR,$@)$(AR) rcs $@ $^

$(CTL_OBJ): ALL_CPPFLAGS += $(CTL_CFLAGS)

$(BUILD)/%.o: %.c $(BUILD)/flags | libraries
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# $(call keep,TEXT): a file that is another one only when its text is.
keep = @mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@

# Other flags are other objects, and the version is compiled into one, which follows the commit.
$(BUILD)/flags: FORCE
	$(call keep,$(subst ','\'',$(FLAGS)))
$(BUILD)/version: FORCE
	$(call keep,$(VERSION) $(COMMIT) $(DATE))
$(BUILD)/supervisor/version.o: $(BUILD)/version
$(BUILD)/supervisor/version.o: ALL_CPPFLAGS += -DUDP46_VERSION='"$(VERSION)"' \
	-DUDP46_COMMIT='"$(COMMIT)"' -DUDP46_DATE='"$(DATE)"'

.PHONY: libraries
libraries:
	@$(PKG_CONFIG) --exists $(ALL_PACKAGES) || { \
	    echo "missing: one of $(ALL_PACKAGES); 'sudo make build-deps' installs them" >&2; exit 1; }

# By which name libmicrohttpd is loaded: as the linker would have it.
LINKED := $(BUILD)/supervisor/metrics/linked/linked
$(LINKED): $(LINKED).o
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(HTTP_LIBS)
$(BUILD)/microhttpd_name.h: supervisor/metrics/soname.sh $(LINKED)
	$(call quiet,GEN,$@)sh supervisor/metrics/soname.sh $(LINKED) > $@
$(BUILD)/supervisor/metrics/microhttpd.o: $(BUILD)/microhttpd_name.h
$(BUILD)/supervisor/metrics/microhttpd.o: ALL_CPPFLAGS += -I$(BUILD)

# The status page is part of an object, and its policy names what is in it by hash.
$(BUILD)/supervisor/metrics/page.o: supervisor/metrics/page.html
$(BUILD)/page_policy.h: supervisor/metrics/policy.sh supervisor/metrics/page.html
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)sh supervisor/metrics/policy.sh supervisor/metrics/page.html > $@
$(BUILD)/supervisor/metrics/http.o: $(BUILD)/page_policy.h
$(BUILD)/supervisor/metrics/http.o: ALL_CPPFLAGS += -I$(BUILD)

# What shells complete, as the tables of both programs have it.
COMPLETION := $(BUILD)/supervisor/completion/completion
$(COMPLETION): $(COMPLETION).o $(CTL_LIB) $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(COMPLETIONS): $(BUILD)/completion/%: $(COMPLETION)
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)$(RUN) $(COMPLETION) $(subst ., ,$*) > $@

-include $(COMPLETION).d $(LINKED).d $(OBJ:.o=.d) $(CTL_OBJ:.o=.d) $(UNIT:=.d) $(HELPERS:=.d) $(FUZZ:=.d) \
	$(patsubst %.c,$(BUILD)/%.d,$(wildcard tests/bench/*.c))

# ---- what it needs; see udp46-internals(7) for the reason of each ----

# gcc unless there is a compiler already.
DEPS_build = pkg-config libc6-dev libcap-ng-dev libseccomp-dev libbsd-dev libmicrohttpd-dev \
	libjson-c-dev libncurses-dev \
	$(if $(shell command -v $(firstword $(CC)) 2>/dev/null),,gcc)
DEPS_hosts = iproute2 iputils-ping procps socat
DEPS_demo  = $(DEPS_hosts) wireguard-go wireguard-tools
DEPS_bench = $(DEPS_hosts) ethtool gnuplot-nox jq linux-perf util-linux
DEPS_check = $(DEPS_demo) apparmor libatf-dev atf-sh kyua nftables strace jq curl chromium \
	chromium-driver systemd systemd-container tmux tcpdump debootstrap fish zsh $(DEPS_deb)
DEPS_lint  = clang clang-format clang-tidy libclang-rt-dev mandoc shellcheck systemd
DEPS_deb   = debhelper dh-apparmor dpkg-dev lintian
DEPS_arm64 = gcc-aarch64-linux-gnu qemu-user-static $(DEPS_hosts) libatf-dev atf-sh kyua
DEPS_musl  = musl-dev

# What for, beside building: some of demo, bench, check, deb, arm64, musl and lint; lint is for
# `make fuzz`, too.
FOR  = check
DEPS = $(sort $(DEPS_build) $(foreach purpose,$(FOR),$(DEPS_$(purpose))))

build-deps:
	@$(MAKE) --no-print-directory deps FOR=build

# One dpkg-query tells what is missing; silent and off-line when nothing is.  A system without
# apt, or a user who is not root, is told what to install, and may go on if the libraries are there.
deps:
	@have=" $$(dpkg-query -W -f '$${db:Status-Status}:$${Package} ' $(DEPS) 2>/dev/null) "; \
	missing=; \
	for package in $(DEPS); do \
		case "$$have" in *" installed:$$package "*) ;; \
		*) missing="$$missing $$package" ;; esac; \
	done; \
	if [ -z "$$missing" ]; then \
		exit 0; \
	elif ! command -v apt-get >/dev/null; then \
		echo "deps: install what your system calls these Debian packages:$$missing" >&2; \
	elif [ "$$(id -u)" -ne 0 ]; then \
		echo "deps: missing; as root: apt-get install --no-install-recommends$$missing" >&2; \
	else \
		echo "deps: installing$$missing"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && \
		apt-get -qq install -y --no-install-recommends $$missing >/dev/null; exit; \
	fi; \
	$(PKG_CONFIG) --exists $(ALL_PACKAGES) 2>/dev/null || { \
		echo "deps: cannot go on without $(ALL_PACKAGES)" >&2; exit 1; }

# Programs of packages that would start a server here if they were installed.
TOOLS = build/tools

# $(call unpack,PROGRAM,PACKAGE...)
unpack = [ -x $(TOOLS)/$(1) ] || ! command -v apt-get >/dev/null || { \
		echo "fetching $(notdir $(1))"; \
		mkdir -p $(TOOLS) && cd $(TOOLS) && apt-get -qq update && \
		apt-get -qq download $(2) 2>/dev/null && \
		for package in *.deb; do dpkg-deb -x "$$package" .; done && rm -f *.deb; }

.PHONY: programs peers
programs: deps
	@command -v promtool prometheus >/dev/null || $(call unpack,usr/bin/promtool,prometheus)
	@command -v nginx >/dev/null || $(call unpack,usr/sbin/nginx,nginx libnginx-mod-stream)
	@[ -s $(TOOLS)/debian.tar ] || [ "$$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null || { \
		echo "fetching a bare Debian"; mkdir -p $(TOOLS); \
		sh tests/bare.sh $(TOOLS)/debian.tar $(filter lib%-dev,$(DEPS_build)) || \
		    echo "no bare Debian: the test that makes a relay of it is skipped" >&2; }

peers:
	@$(call unpack,usr/sbin/nginx,nginx libnginx-mod-stream)
	@$(call unpack,usr/sbin/rinetd,rinetd)

# ---- tests ----

ATF_CFLAGS = $(subst -I,-isystem ,$(shell $(PKG_CONFIG) --cflags atf-c))
ATF_LIBS   = $(shell $(PKG_CONFIG) --libs atf-c)

tests: $(UNIT) $(HELPERS) $(SYSTEM) $(SUBR) $(BENCH)

# The archives of a test: those of udp46ctl stand on udp46's.
libraries_of = $(filter-out $(LIB),$(filter %.a,$(1))) $(LIB)
$(CTL_TESTS): $(CTL_LIB)
$(CTL_TESTS): CTL_TEST_LIBS = $(CTL_LIBS)
$(CTL_TESTS:=.o): ALL_CPPFLAGS += $(CTL_CFLAGS)

$(UNIT:=.o): ALL_CPPFLAGS += $(ATF_CFLAGS)
$(UNIT): %: %.o $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(call libraries_of,$^) $(ATF_LIBS) $(PKG_LIBS) $(CTL_TEST_LIBS)

# They play the kernel's part, or a child's, where a real one would not do as it is told.
$(BUILD)/tests/unit/send_batch_test $(BUILD)/tests/fuzz/send_batch_fuzz: ALL_LDFLAGS += -Wl,--wrap=sendmmsg
$(BUILD)/tests/unit/setup_test: ALL_LDFLAGS += -Wl,--wrap=resolve
$(BUILD)/tests/unit/listeners_test $(BUILD)/tests/unit/control_test: ALL_LDFLAGS += -Wl,--wrap=epoll_ctl
$(BUILD)/tests/unit/keeper_test: ALL_LDFLAGS += -Wl,--wrap=upstream_open

$(HELPERS): %: %.o $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS)

# Programs that are udp46 itself, but for a part that is bad, or does more, on purpose.
$(BUILD)/tests/system/greedy $(BUILD)/tests/system/poisoned $(BUILD)/tests/system/replaced \
    $(BUILD)/tests/system/shifted $(BUILD)/tests/system/emulated: $(MAIN)
$(BUILD)/tests/system/greedy: ALL_LDFLAGS += -Wl,--wrap=relay_main
$(BUILD)/tests/system/poisoned: ALL_LDFLAGS += -Wl,--wrap=lifecycle_restore
$(BUILD)/tests/system/replaced: ALL_LDFLAGS += -Wl,--wrap=totals_log
$(BUILD)/tests/system/shifted: ALL_LDFLAGS += -Wl,--wrap=clock_gettime
$(BUILD)/tests/system/emulated: ALL_LDFLAGS += -Wl,--wrap=filter_enter,--wrap=fexecve,--wrap=setsockopt

$(BENCH): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c)) $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(SYSTEM): $(BUILD)/%: %.sh
	@mkdir -p $(@D)
	$(call quiet,GEN,$@){ echo '#! /usr/bin/env atf-sh'; cat $<; } > $@ && chmod +x $@

$(SUBR): $(BUILD)/%: %
	@mkdir -p $(@D)
	$(call quiet,CP,$@)cp $< $@

# deps first, then a make that sees what it installed.
check: deps programs
	@$(MAKE) --no-print-directory all tests
	@UDP46_SRCDIR='$(CURDIR)' PATH="$$PATH:$(CURDIR)/$(TOOLS)/usr/bin:$(CURDIR)/$(TOOLS)/usr/sbin" \
	    sh tests/run-check.sh $(BUILD)/tests $(TESTS)

demo:
	@$(MAKE) --no-print-directory deps FOR=demo
	@$(MAKE) --no-print-directory all
	@sh tests/demo.sh $(BUILD)/udp46

bench profile:
	@$(MAKE) --no-print-directory deps FOR=bench
	@$(MAKE) --no-print-directory peers all $(BENCH)
	@sh tests/bench/$@.sh $(BUILD) $(TOOLS)

# Each fuzzer for FUZZ_SECONDS, from its seeds in tests/fuzz/NAME.seeds where there are any.
FUZZ_SECONDS ?= 20
FUZZ_FLAGS    = BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined

fuzz:
	@$(MAKE) --no-print-directory deps FOR=lint
	@$(MAKE) --no-print-directory $(FUZZ_FLAGS) fuzzers
	@for fuzzer in $(patsubst %.c,%,$(wildcard tests/fuzz/*_fuzz.c)); do \
		mkdir -p build/fuzz/$$fuzzer.corpus; \
		seeds=$$fuzzer.seeds; [ -d $$seeds ] || seeds=; \
		build/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
		    -artifact_prefix=build/fuzz/$$fuzzer. build/fuzz/$$fuzzer.corpus $$seeds || exit; \
	done

.PHONY: fuzzers
fuzzers: $(FUZZ)
$(FUZZ): %: %.o $(LIB)
	$(call quiet,LD,$@)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(call libraries_of,$^) $(PKG_LIBS) $(CTL_TEST_LIBS)

# ---- other systems ----

arm64 musl:
	@$(MAKE) --no-print-directory deps FOR=$@
	@sh tests/$@.sh

.PHONY: objects
objects: $(OBJ) $(CTL_OBJ) $(COMPLETION).o

# ---- reading it critically ----

# The unit must be rated at most 3.0 on systemd's scale of exposure (--threshold is in tenths);
# verify wants to see the program that it starts, so it gets the one that was just built.
lint:
	@$(MAKE) --no-print-directory deps FOR=lint
	@$(MAKE) --no-print-directory all
	$(call quiet,LINT,clang-format)clang-format --dry-run --Werror $(C_FILES)
	$(call quiet,LINT,functions)awk -f tests/lint/length.awk $(C_FILES)
	$(call quiet,LINT,structure)sh tests/lint/structure.sh $(BUILD) '$(STRUCTURED)' $(OBJ) $(CTL_OBJ)
	$(call quiet,LINT,clang-tidy)printf '%s\n' $(TIDY_FILES) | xargs -P "$$(nproc)" -I '{}' \
	    clang-tidy --quiet '{}' -- $(ALL_CPPFLAGS) -I$(BUILD) -std=c17 2>/dev/null
	$(call quiet,LINT,mandoc)! mandoc -T lint man/*.[1-9] 2>&1 | \
	    grep -v -e 'referenced manual not found' -e 'outdated mandoc.db'
	$(call quiet,LINT,shellcheck)shellcheck -x $(SH_FILES) && \
	    shellcheck --shell=sh --exclude=$(ATF_EXCLUDE) $(ATF_FILES)
	@mkdir -p $(BUILD)/lint
	@for unit in udp46.service udp46@.service; do \
		$(MAKE) -s --no-print-directory unit UNIT=$$unit SBINDIR='$(abspath $(BUILD))' > $(BUILD)/lint/$$unit || exit; done
	$(call quiet,LINT,systemd-analyze)systemd-analyze verify --man=no $(BUILD)/lint/udp46.service \
	    $(BUILD)/lint/udp46@.service
	@systemd-analyze security --no-pager --offline=true --threshold=30 \
	    $(BUILD)/lint/udp46.service > $(BUILD)/lint/security || { cat $(BUILD)/lint/security; exit 1; }
	@tail -n 1 $(BUILD)/lint/security

# Folders in which no circle of calls is left, and every file has its header.
STRUCTURED = common relay supervisor supervisor/metrics supervisor/ctl

# One file a run: clang-tidy 14 takes va_list for uninitialized in every file but the first.
TIDY_FILES = $(filter-out supervisor/version.c,$(SRC)) $(CTL_SRC) \
	$(wildcard supervisor/completion/*.c supervisor/metrics/linked/*.c tests/bench/*.c)

# atf-sh calls test cases by name; helpers come from a file that is found at run time; names of
# namespaces and lists of options are split on purpose.
ATF_EXCLUDE = SC1090,SC1091,SC2034,SC2086,SC2154,SC2317

format:
	clang-format -i $(C_FILES)

# ---- installation; no git, no compiler, if it is built already ----

INSTALL    ?= install
SUBSTITUTE  = sed -e 's|@SBINDIR@|$(SBINDIR)|g' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|g'
# The manual names the places of what is installed without a variable.
PLACES      = sed -e 's|/usr/local/share/doc/udp46|$(DOCDIR)|g' -e 's|/usr/local/share/bash-completion/completions|$(BASHDIR)|g' \
	-e 's|/usr/local/lib/systemd/system|$(UNITDIR)|g' -e 's|/usr/local/lib/sysusers.d|$(SYSUSERSDIR)|g' \
	-e 's|/usr/local/share|$(PREFIX)/share|g' -e 's|/etc/udp46|$(SYSCONFDIR)/udp46|g'
# The unit of an instance is that of the one, but for its file and folders.
INSTANCE    = sed -e '/^Description=/s/$$/ (%i)/' -e 's|udp46/udp46\.conf|udp46/%i.conf|' \
	-e 's|default/udp46$$|&-%i|' -e '/^RuntimeDirectory=/s|udp46|&-%i|g' \
	-e '/^StateDirectory=/s|udp46|&-%i|' -e 's|%\([tS]\)/udp46/|%\1/udp46-%i/|g'
PAGES       = man8/udp46.8 man8/udp46ctl.8 man5/udp46.conf.5 man7/udp46-wireguard.7 man7/udp46-internals.7
D           = $(DESTDIR)
SAMPLE      = $(D)$(SYSCONFDIR)/udp46/udp46.conf

install:
	@test -x $(BUILD)/udp46 -a -x $(BUILD)/udp46ctl || $(MAKE) --no-print-directory all
	$(INSTALL) -d $(D)$(SBINDIR) $(D)$(BINDIR) $(addprefix $(D)$(MANDIR)/,$(dir $(PAGES))) $(D)$(UNITDIR) \
	    $(D)$(SYSUSERSDIR) $(D)$(DOCDIR)/examples $(dir $(SAMPLE)) \
	    $(D)$(BASHDIR) $(D)$(ZSHDIR) $(D)$(FISHDIR)
	$(INSTALL) -m 644 man/examples/* $(D)$(DOCDIR)/examples
	$(INSTALL) -m 755 $(BUILD)/udp46 $(D)$(SBINDIR)/udp46
	$(INSTALL) -m 755 $(BUILD)/udp46ctl $(D)$(BINDIR)/udp46ctl
	for p in udp46 udp46ctl; do \
		$(INSTALL) -m 644 $(BUILD)/completion/$$p.bash $(D)$(BASHDIR)/$$p && \
		$(INSTALL) -m 644 $(BUILD)/completion/$$p.zsh $(D)$(ZSHDIR)/_$$p && \
		$(INSTALL) -m 644 $(BUILD)/completion/$$p.fish $(D)$(FISHDIR)/$$p.fish || exit; done
	for page in $(PAGES); do \
		$(PLACES) man/$${page#*/} > $(D)$(MANDIR)/$$page && chmod 644 $(D)$(MANDIR)/$$page || exit; done
	$(SUBSTITUTE) supervisor/udp46.service.in > $(D)$(UNITDIR)/udp46.service
	$(SUBSTITUTE) supervisor/udp46.service.in | $(INSTANCE) > $(D)$(UNITDIR)/udp46@.service
	$(SUBSTITUTE) supervisor/udp46-unprivileged.conf.in > $(D)$(DOCDIR)/examples/udp46-unprivileged.conf
	$(SUBSTITUTE) supervisor/udp46.apparmor.in > $(D)$(DOCDIR)/examples/udp46.apparmor
	$(SUBSTITUTE) supervisor/udp46.sysusers.in > $(D)$(SYSUSERSDIR)/udp46.conf
	chmod 644 $(D)$(UNITDIR)/udp46.service $(D)$(UNITDIR)/udp46@.service \
	    $(D)$(SYSUSERSDIR)/udp46.conf $(D)$(DOCDIR)/examples/udp46-unprivileged.conf \
	    $(D)$(DOCDIR)/examples/udp46.apparmor
	test -e $(SAMPLE) || { $(PLACES) supervisor/udp46.conf > $(SAMPLE) && chmod 644 $(SAMPLE); }
	@$(if $(D),:,sh supervisor/installed.sh '$(SYSUSERSDIR)/udp46.conf' '$(SAMPLE)')

uninstall:
	rm -f $(D)$(SBINDIR)/udp46 $(D)$(BINDIR)/udp46ctl $(addprefix $(D)$(MANDIR)/,$(PAGES)) $(D)$(UNITDIR)/udp46.service \
	    $(D)$(UNITDIR)/udp46@.service $(D)$(SYSUSERSDIR)/udp46.conf \
	    $(foreach p,udp46 udp46ctl,$(D)$(BASHDIR)/$(p) $(D)$(ZSHDIR)/_$(p) $(D)$(FISHDIR)/$(p).fish)
	rm -rf $(D)$(DOCDIR)

# One unit to standard output.
.PHONY: unit
unit:
	@$(SUBSTITUTE) supervisor/udp46.service.in $(if $(findstring @,$(UNIT)),| $(INSTANCE))

# ---- packages ----

TARBALL = $(BUILD)/udp46-$(VERSION).tar

dist:
	@git rev-parse --verify -q HEAD >/dev/null || { echo "dist: want a git repository" >&2; exit 1; }
	@git diff --quiet HEAD || echo "dist: what is not committed is left out" >&2
	@mkdir -p $(BUILD)
	@git -c tar.umask=0022 archive --format=tar --prefix=udp46-$(VERSION)/ -o $(TARBALL) HEAD
	$(call quiet,DIST,$(TARBALL).gz)gzip -9nf $(TARBALL)

deb:
	@$(MAKE) --no-print-directory deps FOR=deb
	@sh supervisor/debian/build.sh '$(abspath $(BUILD))' '$(VERSION)' '$(COMMIT)' '$(DATE)'

clean:
	rm -rf build
