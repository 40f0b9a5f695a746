# SPDX-License-Identifier: MIT
# tlsm: `make help` lists the targets. A new source is one line in the lists below; test/style_test.sh finds forgotten ones.

# ---------------------------------------------------------------------------------------------------------- sources

MACHINE = choose12 client_auth client_hello closing code consistent content credential early_data elsewhere event export exporter extension \
          handshake handshake12 handshake12_client handshake12_server handshake_client handshake_client_flight handshake_server handshake_server_flight \
          invariant key_schedule key_schedule12 late_auth observe post produce psk record request renegotiation \
          session shutdown start step ticket verdict wire

ADAPTERS = tlsm_bio tlsm_judge tlsm_judge_cache tlsm_judge_staple tlsm_judge_trust tlsm_judge_why tlsm_libcrypto tlsm_libcrypto_aead \
           tlsm_libcrypto_answer tlsm_libcrypto_credential tlsm_libcrypto_entropy tlsm_libcrypto_hash tlsm_libcrypto_share tlsm_link \
           tlsm_link_drive tlsm_link_export tlsm_link_sides tlsm_ktls tlsm_ktls_drive tlsm_ktls_records tlsm_memory tlsm_replay tlsm_sign \
           tlsm_socket tlsm_socket_dial tlsm_socket_export \
           tlsm_ssl tlsm_ssl_answer tlsm_ssl_cache tlsm_ssl_cipher tlsm_ssl_client_auth tlsm_ssl_context tlsm_ssl_early tlsm_ssl_error tlsm_ssl_file \
           tlsm_ssl_identity tlsm_ssl_io tlsm_ssl_late tlsm_ssl_list tlsm_ssl_profile tlsm_ssl_resume tlsm_ssl_rules tlsm_ssl_session tlsm_ssl_session_value \
           tlsm_ssl_start tlsm_ssl_state tlsm_ssl_ticket tlsm_ssl_trust tlsm_ssl_verify tlsm_ssl_watch

# Libraries of their own, for what they depend on: liburing; libssl.
URING = tlsm_uring tlsm_uring_arm
OPENSSL = tlsm_openssl tlsm_openssl_life tlsm_openssl_surface tlsm_openssl_transport

# Public headers, installed side by side.
HEADERS = $(addprefix machine/,tlsm.h tlsm_declarations.h tlsm_elsewhere.h tlsm_export.h tlsm_observe.h tlsm_session.h tlsm_settings.h tlsm_shutdown.h tlsm_version.h tlsm_words.h crypto.h code.def event.def phase.def) \
          $(addprefix adapters/,tlsm_bio.h tlsm_judge.h tlsm_ktls.h tlsm_libcrypto.h tlsm_link.h tlsm_link_export.h tlsm_memory.h tlsm_openssl.h tlsm_replay.h tlsm_socket.h tlsm_socket_export.h \
                      tlsm_ssl.h tlsm_ssl_names.h tlsm_ssl_numbers.h tlsm_uring.h)
# What the shared libraries show: <folder>/<library>.symbols, written by make symbols from the headers above, held by
# test/install_test.sh. A change that takes a name away, or changes what one means, is a new number here.
SOVERSION = 0
# In the place of OpenSSL's header, from a folder of its own below.
COMPAT = openssl/ssl.h

# docs/man/<name>.<section>
MAN = SSL_accept.3tlsm SSL_clear.3tlsm SSL_connect.3tlsm SSL_free.3tlsm SSL_get_error.3tlsm SSL_set_shutdown.3tlsm \
      SSL_shutdown.3tlsm bio.3tlsm ssl.3tlsm tlsm.1 tlsm.7 tlsm_ktls.3 tlsm_openssl.3 tlsm_step.3

# One file is one target; FUZZ_SUPPORT goes into each, and the null provider into every test program too.
FUZZ_TARGETS = adapter_bio adapter_ktls adapter_link adapter_socket adapter_ssl adapter_uring choice chunking closing differential differential_planted handshake import pair planted wire
FUZZ_SUPPORT = adapter_slot adapter_text check check_export check_input check_report check_shutdown closing_check closing_root closing_run import_run null_provider operation pair_end pair_run scene sealed sequence statecov statecov_tell
# One side of a connection, ours or libssl's: for the programs that name it.
PARTY = party party_libssl party_tlsm
# One script on two parties, and what differs.
DUEL = duel duel_compare duel_field duel_listed duel_print duel_wire
# What those need that stand on an adapter.
FUZZ_WORLD = faulty_bio faulty_kernel faulty_pipe mutator talk
PURE_TARGETS = choice chunking closing import pair planted wire
# Alone with AFL++, compiled without its instrumentation; alone with the plain replayer.
AFL_SUPPORT = statecov_afl
REPLAY = replay_main
# Alone with what can be reached of an adapter.
ENUMERATE = enumerate_main
# What a target brings beside itself.
FUZZ_BESIDE = wire_mutator
# Alone with make fuzz-scripts.
LONG = long_main
# Alone with make corpus-record.
RECORDER = record_wire

# test/<name>.c, each a program. TEST_SUPPORT goes into each.
TESTS = bio_test choice_test closing_alert_test closing_read_test closing_start_test flip_test handshake_room_test \
        handshake_test hostile_test judge_test key_schedule_test libcrypto_test link_test memory_test null_provider_test \
        property_test pure_test resumption_hostile_test resumption_test session_cache_test shutdown_bio_test shutdown_test socket_test \
        threads_test violation_test wipe_test wire_test
# The rules of closing that are TLS 1.2's.
TESTS += closing12_test
# The calls of OpenSSL's interface: alone, and beside the installed libssl.
TESTS += ssl_callback_test ssl_config_test ssl_identity_test ssl_verify_test
TESTS += ssl_cache_test ssl_resume_test ssl_session_test ssl_session_threads_test ssl_session_value_test
TESTS += ssl_fault_test ssl_library_alert_test ssl_library_test ssl_null_test ssl_order_test ssl_threads_test
TESTS += ssl_memory_test ssl_running_test ssl_trust_test
TESTS += ssl_shutdown_page_test
# What they have of TLS 1.3 beside the connection itself.
TESTS += ssl_early_test ssl_late_test
# Beside the installed libssl, call by call.
TESTS += differences_test
# What SSL_shutdown's first manual page says, sentence by sentence.
TESTS += seed_test
# Keying material, record sizes, stapled answers.
TESTS += exporter_test record_size_test staple_test ssl_client_auth_test
# Early data.
TESTS += early_data_test early_end_test early_libssl_test early_link_test
# Where two of these meet.
TESTS += crossing_test
# Words for every number.
TESTS += code_test
# TLS 1.2: our client.
TESTS += client12_hostile_test client12_link_test client12_pair_test client12_test
# Every call that an adapter makes, refused or cut short in turn.
FAULT_TESTS = bio_fault_test dial_fault_test judge_fault_test link_fault_test socket_fault_test tool_fault_test
TESTS += $(FAULT_TESTS)
# What these stand on, for any program that names it and $(FAULT_WRAPS).
FAULT = fault_sweep
# Clients that show a certificate.
TESTS += client_auth_test client_link_test client_peer_test late_auth_test
# Records that are sealed and opened elsewhere.
TESTS += elsewhere_test elsewhere_lockstep_test ktls_test ktls_fault_test ktls_peer_test ktls_real_test
# Connections that move.
TESTS += export_test link_export_test passing_test
# Completion queues.
TESTS += uring_ring_test uring_test
# What makes connections fast changes no answer: chains remembered, entropy drawn ahead, the quick way of AES-GCM.
TESTS += judge_memory_test judge_shortage_test libcrypto_draw_test libcrypto_quick_test
# A server of TLS 1.2.
TESTS += server12_flow_test server12_refusal_test server12_resume_test server12_test
# What is judged before and around a handshake: settings, sessions as values, messages broken in one place, a provider that fails.
TESTS += faulty_life_test guard_test late_piece_test session_value_test settings_test
# A closing driver around libssl.
TESTS += observe_test openssl_beside_test openssl_close_test openssl_fault_test openssl_peer_test openssl_test
# The target closing over its corpus, and machines with a fault.
TESTS += closing_course_test
# Every rule of closing as a transcript: test/scenarios.
TESTS += scenario_test
SCENARIO = scenario_calls scenario_do scenario_expect scenario_play scenario_read scenario_table scenario_words scenario_world
SEED = seed_call seed_fixture seed_sentences seed_waiting seed_walk
# States that contradict themselves.
TESTS += contradiction_test
# The benchmark's judge.
TESTS += bench_judge_test
TEST_SUPPORT = driver fixture ssl_ends ssl_wire
TEST_SUPPORT += state_pool
# examples/<name>.c, each compiled against the installed headers and run.
EXAMPLES = bio_pair blocking_client epoll_server libuv_client openssl_close property_test simulated_network uring_server
SHELL_TESTS = command_test demo_test docs_test embedding_test examples_test explore_test handoff_test install_test interop_test \
              man_test migration_test purity_test readme_test \
              resume_test single_test soak_test ssl_names_test style_test truncation_test tsan_test
SHELL_TESTS += fault_calls_test shortage_test
# Very many connections at once, a few of them; and the client that measures servers.
SHELL_TESTS += bench_idle_test bench_load_test
# A server that keeps connections.
SHELL_TESTS += server_keep_test
# The peer that misbehaves.
SHELL_TESTS += peer_command_test
# Mutants of machine/, a few of them.
SHELL_TESTS += mutate_test
# Nothing is decided by a secret: test/<name>.c, watched by valgrind and the memory sanitizer, and what they share.
SHELL_TESTS += constant_time_test
SECRETS = constant_time constant_time_libcrypto
SECRET_SUPPORT = secret_course secret_provider
# What continuous fuzzing builds; every corpus through the plain replayer.
SHELL_TESTS += oss_fuzz_test fuzz_replay_test
# Instructions, beside what is recorded.
SHELL_TESTS += count_test
# BoGo, without its runner.
SHELL_TESTS += bogo_test
# The explorer.
EXPLORE = explore explore_bytes explore_corpus explore_few explore_framing explore_pair explore_pair_act explore_report \
          explore_shutdown explore_store explore_text explore_walk
# The same walk as an oracle for mutants: of the code, part by part; of the closing table, all at once.
EXPLORE_TRACE = explore_trace explore_rows
# Not wipe_test, which looks for what a stack holds under the flags of the library, nor those that take longer than a walk.
MUTATE_TESTS = bio_test choice_test client12_hostile_test client12_pair_test client12_test client_auth_test closing12_test closing_alert_test \
               closing_read_test closing_start_test code_test contradiction_test crossing_test early_data_test early_end_test elsewhere_test exporter_test \
               faulty_life_test guard_test handshake_room_test handshake_test hostile_test late_auth_test late_piece_test link_test memory_test null_provider_test observe_test \
               pure_test record_size_test resumption_hostile_test resumption_test server12_flow_test server12_refusal_test \
               server12_resume_test server12_test session_value_test settings_test shutdown_bio_test shutdown_test violation_test wire_test
MUTATE_CORPUS = choice chunking wire
# Properties of courses: for property_test, and as a program of their own.
PROPERTIES = properties properties_main
# What test/portability.sh brings where there is no C library.
PLAIN = plain_memory
# Commands of the tool that stand on the explorer and the fuzz targets.
COMMANDS = explore_command replay_command
# Programs that the scripts run.
HELPERS = closing_search handoff_peer installed soak truncate
# What BoGo's runner drives: test/bogo.
BOGO = answer expect flags settle shim
# test/peers/peer_<library>.c, with peer.c: one side of a connection, ours and other libraries'. Go and Java have theirs too.
PEERS = peer peer_bearssl peer_gnutls peer_mbedtls peer_openssl peer_tlsm peer_wolfssl

TOOLS = carry client demo demo_far demo_near endpoint filter handoff lists names options passing relay report resume serve server tlsm tool trace
TOOLS += peer peer_act peer_ending peer_honest peer_identity peer_report peer_run peer_wire
GENERATOR = gen gen_closing gen_handshake gen_man gen_svg
BENCH = bench bench_floor bench_identity bench_chart bench_judge bench_libssl bench_link bench_memory bench_report bench_tlsm bench_work
# Counts instructions.
BENCH += bench_count
# Of other libraries: each is in where its headers are.
BENCH_PEERS = bench_bearssl bench_gnutls bench_mbedtls bench_wolfssl
# Without cryptography.
RATES = bench_rates
# Very many connections at once.
IDLE = idle idle_endpoints idle_libssl idle_link idle_tlsm
# A client that looks at the server it calls.
LOAD = load

# ---------------------------------------------------------------------------------------------------------- settings

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
CFLAGS ?= -O2 -g
BUILD ?= build
# SANITIZE=address,undefined
SANITIZE ?=
# WERROR=-Werror, for continuous integration: a newer compiler's new warning is no reason not to build.
WERROR ?=
# Any compiler but the default, and any sanitizer, builds in a folder of its own.
VARIANT ?= $(addprefix /,$(subst $(space),-,$(strip $(filter-out cc gcc,$(notdir $(CC))) $(subst $(comma),-,$(SANITIZE)))))
comma := ,
space := $(subst ,, )
B = $(BUILD)$(VARIANT)

CPU := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
# Every processor, unless told otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(CPU)
endif
MAKEFLAGS += --no-print-directory
Q = $(if $(V),,@)
# Silent under make -s.
SAY = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,printf) '  %-8s %s\n'

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum $(WERROR)
SANITIZERS = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
COMPILE = $(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(SANITIZERS) $(LAYER) -MMD -MP
LINK = $(CC) $(CFLAGS) $(SANITIZERS) $(LDFLAGS)
LIBRARIES = $(B)/libtlsm-adapters.a $(B)/libtlsm.a
# Built where their lists above name a source, and what they depend on is here.
uring := $(if $(URING),$(shell tools/need.sh --has liburing-dev && echo yes))
EXTRA = $(if $(uring),$(B)/libtlsm-uring.a) $(if $(OPENSSL),$(B)/libtlsm-openssl.a)
# Names of what is installed, of libraries and of pkg-config files.
PACKAGES = tlsm tlsm-adapters $(if $(uring),tlsm-uring) $(if $(OPENSSL),tlsm-openssl)
SHARED = $(PACKAGES:%=$(B)/shared/lib%.so.$(SOVERSION))
SUPPORT = $(B)/support.a
SYSTEM = -lssl -lcrypto

# The core calls nothing but memcpy, memmove, memset and memcmp. Distributions switch on stack protectors and fortified
# copies by default and both call the libc; clang turns some memcmp into bcmp, gcc some loops into strlen. test/purity_test.sh looks at the result.
PURE = -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin-bcmp $(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)
# Objects of the shared libraries: only what the public headers declare is seen from outside.
SHAREABLE = -fPIC -fvisibility=hidden
# The folder is the layer is the include rule.
LAYER =
$(B)/obj/machine/%.o: LAYER = $(if $(SANITIZE),,$(PURE))
$(B)/obj/adapters/%.o: LAYER = -Imachine $(DEBUG)
$(B)/pic/machine/%.o: LAYER = $(if $(SANITIZE),,$(PURE)) $(SHAREABLE)
$(B)/pic/adapters/%.o: LAYER = -Imachine $(DEBUG) $(SHAREABLE)
$(B)/obj/fuzz/%.o: LAYER = -Imachine -Iadapters $(DEBUG)
# These stand on fixtures of test/, whose assertions are fuzz/assert's here.
$(B)/obj/fuzz/adapter_ktls.o $(B)/obj/fuzz/adapter_uring.o: LAYER = -Ifuzz/assert -Imachine -Iadapters -Ifuzz -Itest $(DEBUG)
$(B)/obj/test/%.o: LAYER = -Imachine -Iadapters -Ifuzz $(DEBUG)
$(B)/obj/tools/%.o: LAYER = -Imachine -Iadapters
$(B)/obj/bench/%.o: LAYER = -Imachine -Iadapters -Ifuzz
command_objects := $(patsubst %,$(B)/obj/tools/%.o,$(COMMANDS))
$(command_objects): LAYER = -Imachine -Ifuzz -Itest
# Checked builds call tlsm_invariant() after every step.
DEBUG = $(if $(SANITIZE),-DTLSM_DEBUG)

machine_objects := $(patsubst %,$(B)/obj/machine/%.o,$(MACHINE))
adapter_objects := $(patsubst %,$(B)/obj/adapters/%.o,$(ADAPTERS))
support_objects := $(patsubst %,$(B)/obj/fuzz/%.o,$(FUZZ_SUPPORT))
test_support := $(patsubst %,$(B)/obj/test/%.o,$(TEST_SUPPORT))
tool_objects := $(patsubst %,$(B)/obj/tools/%.o,$(TOOLS))
party_objects := $(patsubst %,$(B)/obj/fuzz/%.o,$(PARTY) $(DUEL))
bench_objects = $(patsubst %,$(B)/obj/bench/%.o,$(BENCH) $(bench_peers:%=bench_%))
test_programs := $(patsubst %,$(B)/test/%,$(TESTS))
helpers := $(patsubst %,$(B)/test/%,$(HELPERS) explore)
shell_tests := $(patsubst %,test/%.sh,$(SHELL_TESTS))
fuzz_targets := $(filter-out $(if $(uring),,adapter_uring),$(FUZZ_TARGETS))

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---------------------------------------------------------------------------------------------------------- building

.PHONY: all libraries
all: libraries $(SHARED) $(if $(tool_objects),$(B)/tlsm) ## the libraries, static and shared, and build/tlsm

libraries: $(LIBRARIES) $(EXTRA)
	$(if $(uring),,$(SAY) WITHOUT "libtlsm-uring: no liburing.h (Debian: liburing-dev)")

# Objects depend on the command that made them; the layer is not part of it, whichever object asks first.
$(B)/command: LAYER =
$(B)/command: FORCE
	@mkdir -p $(B)
	@echo '$(COMPILE) $(DEBUG)' | cmp -s - $@ || echo '$(COMPILE) $(DEBUG)' >$@

$(B)/obj/%.o: %.c $(B)/command | need-build
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@

$(B)/pic/%.o: %.c $(B)/command | need-build
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@

$(B)/libtlsm.a: $(machine_objects)
$(B)/libtlsm-adapters.a: $(adapter_objects)
$(B)/libtlsm-uring.a: $(URING:%=$(B)/obj/adapters/%.o)
$(B)/libtlsm-openssl.a: $(OPENSSL:%=$(B)/obj/adapters/%.o)
$(SUPPORT): $(support_objects)
$(B)/party.a: $(party_objects)
$(B)/test-support.a: $(test_support)
$(B)/world.a: $(FUZZ_WORLD:%=$(B)/obj/fuzz/%.o)
$(LIBRARIES) $(B)/libtlsm-uring.a $(B)/libtlsm-openssl.a $(SUPPORT) $(B)/party.a $(B)/world.a $(B)/test-support.a:
	$(SAY) AR $@
	$(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)

# What each library is linked with beside those before it in the list.
tlsm_adapters_system = -lcrypto -pthread
tlsm_uring_system = -luring
tlsm_openssl_system = -lssl -lcrypto
system = $($(subst -,_,$(1))_system)
pic = $(patsubst %,$(B)/pic/%.o,$(1))
$(B)/shared/libtlsm.so.$(SOVERSION): machine/tlsm.symbols $(call pic,$(MACHINE:%=machine/%))
$(B)/shared/libtlsm-adapters.so.$(SOVERSION): adapters/tlsm-adapters.symbols $(call pic,$(ADAPTERS:%=adapters/%))
$(B)/shared/libtlsm-uring.so.$(SOVERSION): adapters/tlsm-uring.symbols $(call pic,$(URING:%=adapters/%))
$(B)/shared/libtlsm-openssl.so.$(SOVERSION): adapters/tlsm-openssl.symbols $(call pic,$(OPENSSL:%=adapters/%))
$(filter-out %/libtlsm.so.$(SOVERSION),$(SHARED)): $(B)/shared/libtlsm.so.$(SOVERSION)
$(filter-out %/libtlsm.so.$(SOVERSION) %/libtlsm-adapters.so.$(SOVERSION),$(SHARED)): $(B)/shared/libtlsm-adapters.so.$(SOVERSION)

# A sanitizer's own functions are found at the program's start.
$(SHARED): $(B)/shared/lib%.so.$(SOVERSION): tools/symbols.sh
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)tools/symbols.sh --script $(filter %.symbols,$^) >$(B)/shared/$*.map
	$(Q)$(CC) $(CFLAGS) $(SANITIZERS) $(filter-out -pie,$(LDFLAGS)) $(SHAREABLE) -shared -Wl,-soname,$(@F) \
	    -Wl,--version-script=$(B)/shared/$*.map $(if $(SANITIZE),,-Wl,-z,defs) $(filter %.o,$^) \
	    -Wl,--as-needed $(filter %.so.$(SOVERSION),$^) $(call system,$*) $(LDLIBS) -o $@
	$(Q)ln -sf $(@F) $(@:.$(SOVERSION)=)

command_support = $(patsubst %,$(B)/obj/test/%.o,$(filter-out explore,$(EXPLORE))) $(SUPPORT)
$(B)/tlsm: $(tool_objects) $(command_objects) $(command_support) $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)$(LINK) $^ $(SYSTEM) $(LDLIBS) -o $@

-include $(shell find $(B)/obj $(B)/pic -name '*.d' 2>/dev/null)

.PHONY: install uninstall symbols check-symbols
bin = $(DESTDIR)$(BINDIR)
lib = $(DESTDIR)$(LIBDIR)
# A folder of their own: crypto.h and the .def files are no names for a shared one. pkg-config says where.
include = $(DESTDIR)$(INCLUDEDIR)/tlsm
man = $(DESTDIR)$(MANDIR)
man1 = $(filter %.1,$(MAN))
man3 = $(filter %.3 %.3tlsm,$(MAN))
man7 = $(filter %.7,$(MAN))
# Those of a library of its own go with it.
headers = $(filter-out $(if $(uring),,%/tlsm_uring.h) $(if $(OPENSSL),,%/tlsm_openssl.h),$(HEADERS))
full = lib$(1).so.$(shell cat VERSION)
package = PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' tools/package.sh

install: all ## into DESTDIR: libraries, headers, pkg-config and CMake files, the command, manual pages
	$(INSTALL) -d $(bin) $(lib)/pkgconfig $(lib)/cmake/tlsm $(include) $(man)/man1 $(man)/man3 $(man)/man7
	$(INSTALL) -m 755 $(B)/tlsm $(bin)
	$(INSTALL) -m 644 $(LIBRARIES) $(EXTRA) $(lib)
	$(foreach name,$(PACKAGES),$(INSTALL) -m 755 $(B)/shared/lib$(name).so.$(SOVERSION) $(lib)/$(call full,$(name)) && \
	    ln -sf $(call full,$(name)) $(lib)/lib$(name).so.$(SOVERSION) && \
	    ln -sf lib$(name).so.$(SOVERSION) $(lib)/lib$(name).so &&) :
	$(INSTALL) -m 644 $(headers) $(include)
	$(INSTALL) -m 644 $(man1:%=docs/man/%) $(man)/man1
	$(INSTALL) -m 644 $(man3:%=docs/man/%) $(man)/man3
	$(INSTALL) -m 644 $(man7:%=docs/man/%) $(man)/man7
	$(INSTALL) -d $(addprefix $(include)/compat/,$(dir $(COMPAT)))
	cd adapters/compat && $(INSTALL) -m 644 $(COMPAT) $(include)/compat/openssl
	$(foreach name,$(PACKAGES),$(package) pc $(name) >$(lib)/pkgconfig/$(name).pc &&) :
	$(package) cmake $(PACKAGES) >$(lib)/cmake/tlsm/tlsm-config.cmake
	$(package) cmake-version >$(lib)/cmake/tlsm/tlsm-config-version.cmake

uninstall: ## what install put there
	rm -f $(bin)/tlsm $(addprefix $(lib)/,$(notdir $(LIBRARIES) $(EXTRA)))
	rm -f $(foreach name,$(PACKAGES),$(lib)/$(call full,$(name)) $(lib)/lib$(name).so.$(SOVERSION) $(lib)/lib$(name).so)
	rm -f $(PACKAGES:%=$(lib)/pkgconfig/%.pc) $(lib)/cmake/tlsm/tlsm-config.cmake $(lib)/cmake/tlsm/tlsm-config-version.cmake
	rm -f $(addprefix $(include)/,$(notdir $(headers)))
	rm -f $(man1:%=$(man)/man1/%) $(man3:%=$(man)/man3/%) $(man7:%=$(man)/man7/%)
	rm -f $(addprefix $(include)/compat/,$(COMPAT))
	-rmdir $(include)/compat/openssl $(include)/compat $(include) $(lib)/cmake/tlsm $(lib)/cmake 2>/dev/null

# The core for those who would rather have two files than a library.
public = $(patsubst machine/%,%,$(filter machine/%,$(HEADERS)))
single = awk -v public="$(public)" -v version="$$(cat VERSION)"
.PHONY: tlsm.c
tlsm.c: $(B)/single/tlsm.c ## the core as one source and one header, in build/single/: cc -c tlsm.c

$(B)/single/tlsm.c: tools/single.awk VERSION $(wildcard machine/*.[ch] machine/*.def)
	$(SAY) GEN $@
	@mkdir -p $(@D)
	$(Q)$(single) -v header=1 -f $< >$(@D)/tlsm.h && $(single) -f $< $(MACHINE:%=%.c) >$@

# Which headers speak for which library.
own_headers = $(filter $(patsubst %,adapters/%.h,$(1)),$(HEADERS))
tlsm_headers = $(filter machine/%.h,$(HEADERS))
tlsm_uring_headers = $(call own_headers,$(URING))
tlsm_openssl_headers = $(call own_headers,$(OPENSSL))
tlsm_adapters_headers = $(filter-out $(tlsm_uring_headers) $(tlsm_openssl_headers),$(filter adapters/%.h,$(HEADERS)))
list_of = $(if $(filter tlsm,$(1)),machine,adapters)/$(1).symbols
headers_of = $($(subst -,_,$(1))_headers)

symbols: ## writes the lists of what the shared libraries show, from the public headers
	$(foreach name,$(PACKAGES),tools/symbols.sh --list $(call headers_of,$(name)) >$(B)/symbols && \
	    cp $(B)/symbols $(call list_of,$(name)) &&) :

check-symbols: $(SHARED) ## what each shared library shows, its list, and what the headers declare are the same
	@$(foreach name,$(PACKAGES),CC='$(CC)' tools/symbols.sh --check $(B)/shared/lib$(name).so.$(SOVERSION) $(call list_of,$(name)) \
	    $(call headers_of,$(name)) &&) echo "symbols: $(words $(PACKAGES)) libraries"

# ---------------------------------------------------------------------------------------------------------- testing

$(B)/obj/test/bench_judge_test.o: LAYER += -Ibench
$(B)/test/bench_judge_test: $(patsubst %,$(B)/obj/bench/bench_%.o,chart judge report work)
$(B)/test/%: $(B)/obj/test/%.o $(B)/test-support.a $(B)/party.a $(SUPPORT) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lcmocka $(SYSTEM) $(LDLIBS) -o $@

# Need neither the adapters nor a library, so that they build for any machine.
$(B)/test/explore: $(EXPLORE:%=$(B)/obj/test/%.o) $(B)/obj/tools/explore_command.o $(SUPPORT) $(B)/libtlsm.a
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LDLIBS) -o $@

# Without the adapters, so that the memory sanitizer sees every line of it.
secret_objects := $(SECRET_SUPPORT:%=$(B)/obj/test/%.o) $(B)/obj/fuzz/null_provider.o
$(B)/test/constant_time: $(B)/obj/test/constant_time.o $(secret_objects) $(B)/libtlsm.a
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -Wl,--wrap=tlsm_equal $^ $(LDLIBS) -o $@

$(B)/test/constant_time_libcrypto: $(B)/obj/test/constant_time_libcrypto.o $(secret_objects) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) -Wl,--wrap=tlsm_equal,--wrap=CRYPTO_memcmp $^ $(SYSTEM) $(LDLIBS) -o $@

$(addprefix $(B)/test/openssl_,test beside_test close_test fault_test peer_test): $(B)/libtlsm-openssl.a
# Refuses calls and memory to our objects, which are the ones that this links.
$(B)/test/openssl_fault_test: LDFLAGS += -Wl,--wrap=recv,--wrap=send,--wrap=poll,--wrap=shutdown,--wrap=setsockopt,--wrap=calloc,--wrap=realloc

$(B)/test/properties: $(PROPERTIES:%=$(B)/obj/test/%.o) $(SUPPORT) $(B)/libtlsm.a
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LDLIBS) -o $@

$(B)/test/property_test: $(B)/obj/test/properties.o

$(B)/test/seed_test: $(SEED:%=$(B)/obj/test/%.o)

$(B)/test/scenario_test: $(SCENARIO:%=$(B)/obj/test/%.o)

# Refuses memory to our objects, which are the ones that this links.
$(B)/test/ssl_memory_test: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=strdup,--wrap=strndup

# Stand for a libcrypto that is short of memory, and for others that do otherwise.
$(B)/test/judge_memory_test $(B)/test/judge_shortage_test: LDFLAGS += -Wl,--wrap=ASN1_TIME_set
$(B)/test/libcrypto_quick_test: LDFLAGS += -Wl,--wrap=EVP_Cipher
# A kernel that refuses what is asked of pages, and an emulator that says yes and does nothing.
$(B)/test/libcrypto_draw_test: LDFLAGS += -Wl,--wrap=madvise,--wrap=mmap

# The calls of the system that fail are those of the list.
FAULT_WRAPS := $(shell awk -F '[^a-z0-9_]' '/^SWEPT/ { print "-Wl,--wrap=" $$7 }' test/fault_calls.def) -Wl,--wrap=free,--wrap=freeaddrinfo
$(FAULT_TESTS:%=$(B)/test/%): $(FAULT:%=$(B)/obj/test/%.o)
$(FAULT_TESTS:%=$(B)/test/%): LDFLAGS += $(FAULT_WRAPS)

$(B)/test/uring_test $(B)/test/uring_ring_test: $(B)/libtlsm-uring.a
$(B)/test/uring_test $(B)/test/uring_ring_test: LDLIBS += -luring
$(B)/test/uring_test: LDFLAGS += -Wl,--wrap=malloc

# The command, but for its main.
$(B)/test/tool_fault_test: $(filter-out %/tlsm.o,$(tool_objects))
$(B)/obj/test/tool_fault_test.o: LAYER += -Itools

# Speaks as a server does that takes over; and as one that does not know how.
$(B)/test/handoff_peer $(B)/test/passing_test: $(B)/obj/tools/passing.o
$(B)/obj/test/handoff_peer.o $(B)/obj/test/passing_test.o: LAYER += -Itools

# Has a closing table of its own.
$(B)/test/flip_test: $(B)/obj/test/explore_bytes.o $(B)/obj/test/explore_walk.o $(B)/obj/test/explore_report.o

# One function per call of the header.
$(B)/calls/ssl_calls.h: test/ssl_calls.awk adapters/tlsm_ssl_names.h adapters/tlsm_ssl.h
	@mkdir -p $(@D)
	$(Q)awk -f $^ >$@
$(B)/obj/test/ssl_null_test.o: $(B)/calls/ssl_calls.h
$(B)/obj/test/ssl_null_test.o: LAYER += -I$(B)/calls

$(B)/obj/test/%.o: | need-test

# Other libraries' programs, where they are installed; make interop installs all. No compiler or sanitizer of ours changes them.
peers_there = openssl $(if $(wildcard /usr/include/gnutls/gnutls.h),gnutls) $(if $(wildcard /usr/include/wolfssl/ssl.h),wolfssl) \
              $(if $(wildcard /usr/include/mbedtls/ssl.h),mbedtls) $(if $(wildcard /usr/include/bearssl/bearssl.h),bearssl) \
              $(shell command -v go >/dev/null && echo go)
PEER = $(BUILD)/peers
peer_programs = $(B)/peer_tlsm $(peers_there:%=$(PEER)/peer_%) $(shell command -v javac >/dev/null && echo $(PEER)/PeerJsse.class)

$(B)/obj/test/peers/%.o: LAYER = -Imachine -Iadapters $(DEBUG)
$(B)/peer_tlsm: $(B)/obj/test/peers/peer.o $(B)/obj/test/peers/peer_tlsm.o $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)$(LINK) $^ $(SYSTEM) $(LDLIBS) -o $@

$(PEER)/peer_openssl: peer_library = -lssl -lcrypto
$(PEER)/peer_gnutls: peer_library = -lgnutls
$(PEER)/peer_wolfssl: peer_library = -lwolfssl
$(PEER)/peer_mbedtls: peer_library = -lmbedtls -lmbedx509 -lmbedcrypto
$(PEER)/peer_bearssl: peer_library = -lbearssl
$(PEER)/peer_%: test/peers/peer_%.c test/peers/peer.c test/peers/peer.h
	$(SAY) PEER $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARNINGS) -O1 $(filter %.c,$^) $(peer_library) -o $@
$(PEER)/peer_go: test/peers/peer_go.go
	$(SAY) GO $@
	@mkdir -p $(@D)
	$(Q)GOCACHE=$(abspath $(PEER))/go-cache GOFLAGS= GOPROXY=off go build -o $@ $<
$(PEER)/PeerJsse.class: test/peers/PeerJsse.java
	$(SAY) JAVAC $@
	@mkdir -p $(@D)
	$(Q)javac -d $(@D) $<

.PHONY: peers bogo
$(B)/obj/test/bogo/%.o: LAYER = -Imachine -Iadapters $(DEBUG)
$(B)/bogo/shim: $(BOGO:%=$(B)/obj/test/bogo/%.o) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(SYSTEM) $(LDLIBS) -o $@

# RUNNER is BoGo's runner, built by whoever has BoringSSL; LOOK=glob runs those tests alone, and compares nothing.
bogo: need-bogo $(B)/bogo/shim ## BoGo against the shim of test/bogo: RUNNER=path says where its runner is
	@B=$(B) RUNNER=$(RUNNER) LOOK='$(LOOK)' RECORD=$(RECORD) sh test/bogo.sh

peers: $(peer_programs)

.PHONY: test test-programs check-purity check-style explore digest portability demo handoff interop truncation bench bench-servers compat ktls-vm
# What does not build counts as a failed test.
test: need-test ## every test; SANITIZE=address,undefined and CC=clang build in folders of their own
	-@$(MAKE) -k all test-programs $(B)/gen
	@CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' WERROR='$(WERROR)' SANITIZE='$(SANITIZE)' \
	    test/run.sh $(B) $(test_programs) $(shell_tests)

test-programs: $(if $(SANITIZE),,$(B)/bench)
test-programs: $(test_programs) $(helpers) $(B)/bench_idle $(B)/bench_load peers $(B)/bogo/shim $(if $(SANITIZE),,$(SECRETS:%=$(B)/test/%))

check-purity: libraries ## the core needs four functions of the libc, and has no data of its own
	@B=$(B) sh test/purity_test.sh

check-style: ## licence lines, file lengths, forgotten sources
	@sh test/style_test.sh

explore: $(B)/test/explore ## walks every state of the closing, of the framing, and of two machines and a channel: counts, digests
	@$<
	@$< --framing --all
	@$< --pair

digest: need-digest ## the explorer's digest is the same for every compiler, optimization and word size, and is the recorded one
	@BUILD=$(BUILD) sh test/digest.sh

portability: need-portability need-test ## without a C library, with 32 bits, big-endian, as one file, with packagers' flags
	@BUILD=$(BUILD) sh test/portability.sh

demo: need-demo all ## a real handshake with openssl, a clean end, a cut one, and what tells them apart
	@$(B)/tlsm demo

# A second make, because what is installed now is to be built. RECORD=1 writes docs/tables/interop.md.
interop: need-interop all ## against OpenSSL, GnuTLS, Go, Java, wolfSSL, mbedTLS, BearSSL: every cell of docs/tables/interop.md
	@$(MAKE) peers
	@B=$(B) BUILD=$(BUILD) RECORD=$(RECORD) sh test/interop.sh

# Minutes. RECORD=1 writes docs/peers.md; WAIT is how many milliseconds each ending is watched.
.PHONY: peers-table need-peers-table
peers-table: need-peers-table all ## tlsm peer's endings against openssl, curl, nginx, gnutls and ours, in each role: the tables of docs/peers.md
	@B=$(B) RECORD=$(RECORD) sh test/peers_table.sh

handoff: need-test all test-programs ## a server replaced three times under 200 connections, none of which breaks
	@B=$(B) sh test/handoff_test.sh 200

truncation: need-test all test-programs ## the same stream cut at every byte
	@B=$(B) sh test/truncation_test.sh every

# Minutes, and the sources of two packages. COMPAT_ROUNDS=0 leaves the figures out.
compat: need-compat all ## wrk and redis from Debian's sources, untouched, on ours beside libssl: run together, and measured
	@tools/compat_sources.sh $(BUILD)/compat wrk redis
	@BUILD=$(BUILD) tools/compat_build.sh $(BUILD)/compat libssl
	@BUILD=$(BUILD) tools/compat_build.sh $(BUILD)/compat tlsm
	@B=$(BUILD) timeout -k 10 1200 sh test/compat.sh

# Minutes, and a kernel of Debian's in an emulator.
ktls-vm: need-vm $(B)/test/ktls_real_test ## kernel TLS for real, where the running kernel has none
	@B=$(B) sh test/ktls_vm.sh

bench_peers = $(filter $(BENCH_PEERS:bench_%=%),$(peers_there))
bench_upper = $(subst gnutls,GNUTLS,$(subst mbedtls,MBEDTLS,$(subst wolfssl,WOLFSSL,$(subst bearssl,BEARSSL,$(1)))))
bench_package_gnutls = libgnutls28-dev
bench_package_mbedtls = libmbedtls-dev
bench_package_wolfssl = libwolfssl-dev
bench_package_bearssl = libbearssl-dev
bench_libraries_gnutls = -lgnutls
bench_libraries_mbedtls = -lmbedtls -lmbedx509 -lmbedcrypto
bench_libraries_wolfssl = -lwolfssl
bench_libraries_bearssl = -lbearssl
$(B)/bench_peers: FORCE
	@mkdir -p $(@D)
	@echo '$(bench_peers)' | cmp -s - $@ || echo '$(bench_peers)' >$@
$(B)/obj/bench/bench.o: LAYER += $(addprefix -DBENCH_,$(call bench_upper,$(bench_peers)))
$(B)/obj/bench/bench.o: $(B)/bench_peers
$(B)/bench: $(bench_objects) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(SYSTEM) $(foreach peer,$(bench_peers),$(bench_libraries_$(peer))) $(LDLIBS) -o $@

$(B)/bench_rates: $(RATES:%=$(B)/obj/bench/%.o) $(SUPPORT) $(B)/libtlsm.a
	$(SAY) LINK $@
	$(Q)$(LINK) $^ $(LDLIBS) -o $@

$(B)/bench_idle: $(IDLE:%=$(B)/obj/bench/%.o) $(B)/obj/bench/bench_identity.o $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(SYSTEM) $(LDLIBS) -o $@

# Half a minute. ARGUMENTS="--connections 1000000 --version 1.2 --json FILE"; --help lists them.
.PHONY: bench-idle
bench-idle: $(B)/bench_idle ## 100,000 established connections at once: bytes of each, and a sample goes on and closes; fails above 1 KiB
	@$< $(ARGUMENTS)

$(B)/bench_load: $(LOAD:%=$(B)/obj/bench/%.o) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(SYSTEM) $(LDLIBS) -o $@

# Two minutes. SERVER_ROUNDS, SERVER_SECONDS, SERVER_CONNECTIONS, SERVER_TLS=1.2, SERVER_JSON=file.
.PHONY: bench-server
bench-server: need-server all $(B)/bench_load ## tlsm server beside nginx, same clients: handshakes, requests, closes, memory; fails where ours takes longer
	@B=$(B) sh bench/server.sh

# SERVER_ROUNDS rounds of SERVER_SECONDS each.
bench-servers: need-servers libraries ## examples/uring_server beside epoll_server under wrk; fails where io_uring is slower
	@B=$(B) CC='$(CC)' sh bench/servers.sh

# RATES_ONLY=1 leaves the libraries out. RECORD=1 writes the README's chart.
bench: $(B)/bench $(B)/bench_rates ## beside other libraries and the bare calls of libcrypto: docs/bench.md; fails where a target is missed. ARGUMENTS="--rounds 2"
	@$(foreach peer,$(filter-out $(bench_peers),$(BENCH_PEERS:bench_%=%)),echo "bench: without $(peer), whose headers are not here (Debian: $(bench_package_$(peer)))" >&2;) \
	status=0; \
	$(if $(RATES_ONLY),:,$< --missed bench/missed --json $(B)/bench.json --svg $(if $(RECORD),docs,$(B))/bench.svg $(ARGUMENTS)) || status=$$?; \
	$(B)/bench_rates corpus/choice corpus/closing && BUILD=$(BUILD) sh bench/rates.sh || exit 1; \
	$(if $(RATES_ONLY),:,B=$(B) CC='$(CC)' CFLAGS='$(CFLAGS)' sh bench/counts.sh --json $(B)/counts.json) || status=$$?; exit $$status

# A minute of one processor.
.PHONY: counts counts-record
counts: need-counts $(B)/bench ## instructions of each row and library, counted by callgrind; the last part of make bench
	@B=$(B) CC='$(CC)' CFLAGS='$(CFLAGS)' sh bench/counts.sh --json $(B)/counts.json

# With the compiler and the flags that make test has when nothing else is said.
counts-record: need-counts $(B)/bench ## writes bench/counts.expected, which make test compares with
	@B=$(B) CC='$(CC)' CFLAGS='$(CFLAGS)' sh bench/counts.sh --record bench/counts.expected

# ---------------------------------------------------------------------------------------------------------- fuzzing

# The same target files three times: libFuzzer, AFL++, and a plain program that replays a corpus.
LIBFUZZER = VARIANT=/fuzz CC=clang SANITIZE=address,undefined,fuzzer-no-link FUZZ_MAIN=-fsanitize=fuzzer FUZZ_OBJECTS=
AFL = VARIANT=/fuzz-afl CC=afl-clang-fast FUZZ_MAIN=-fsanitize=fuzzer FUZZ_OBJECTS='$(AFL_SUPPORT:%=$(BUILD)/fuzz-afl/obj/plain/%.o)'
fuzz_programs := $(fuzz_targets:%=$(B)/target/%)
# What the checks compare is no goal of a fuzzer's, and half of its time: it is told of the machine, and of the slots of statecov.h.
$(support_objects): override SANITIZE := $(subst $(comma)fuzzer-no-link,,$(SANITIZE))
FUZZ_OBJECTS ?= $(REPLAY:%=$(B)/obj/fuzz/%.o)
test-programs: $(fuzz_programs)

$(B)/obj/plain/%.o: fuzz/%.c | need-fuzz
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)clang -std=c11 $(WARNINGS) $(CFLAGS) -Imachine -c $< -o $@

# Record-level changes, for libFuzzer.
$(B)/target/wire: $(B)/obj/fuzz/wire_mutator.o

# Those with the null provider alone need no more than it.
define link_pure
$(SAY) LINK $@
@mkdir -p $(@D)
$(Q)$(LINK) $(FUZZ_MAIN) $^ $(LDLIBS) -o $@
endef
$(patsubst %,$(B)/target/%,$(filter-out closing,$(PURE_TARGETS))): $(B)/target/%: $(B)/obj/fuzz/%.o $(FUZZ_OBJECTS) $(SUPPORT) $(B)/libtlsm.a
	$(link_pure)

# This one goes by states alone: libFuzzer is told of the rows and verdicts that were reached (fuzz/closing_run.c), and not of every
# branch and comparison of the machine, which takes it longer than the machine itself. The sanitizers watch all of it, in one piece.
untraced := $(if $(findstring fuzzer-no-link,$(SANITIZE)),$(B)/single/untraced.o,$(B)/libtlsm.a)
$(B)/single/untraced.o: override SANITIZE := $(subst $(comma)fuzzer-no-link,,$(SANITIZE))
$(B)/single/untraced.o: $(B)/single/tlsm.c $(B)/command
	$(SAY) CC $@
	$(Q)$(COMPILE) -c $< -o $@
$(B)/target/closing: $(B)/obj/fuzz/closing.o $(FUZZ_OBJECTS) $(SUPPORT) $(untraced)
	$(link_pure)

# The same once more as programs that try all short courses (fuzz/enumerate_main.c).
enumerate_programs := $(patsubst %,$(B)/enumerate/%,$(filter adapter_%,$(fuzz_targets)))
$(enumerate_programs): $(B)/enumerate/%: $(B)/obj/fuzz/%.o $(ENUMERATE:%=$(B)/obj/fuzz/%.o) $(B)/world.a $(B)/party.a $(SUPPORT) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(SYSTEM) $(LDLIBS) -o $@

enumerate-programs: $(enumerate_programs)

KERNEL_WRAPS = -Wl,--wrap=recv,--wrap=send,--wrap=shutdown,--wrap=setsockopt,--wrap=close,--wrap=poll,--wrap=clock_gettime
$(B)/target/adapter_socket $(B)/enumerate/adapter_socket: LDFLAGS += $(KERNEL_WRAPS)
$(B)/target/adapter_ktls $(B)/enumerate/adapter_ktls: LDFLAGS += -Wl,--wrap=clock_gettime
URING_SYSTEM = -luring
URING_WRAPS = -Wl,--wrap=tlsm_uring_read,--wrap=tlsm_uring_write,--wrap=tlsm_uring_close,--wrap=tlsm_uring_arm,--wrap=tlsm_uring_complete
$(B)/target/adapter_uring $(B)/enumerate/adapter_uring: LDLIBS += $(URING_SYSTEM)
$(B)/target/adapter_uring $(B)/enumerate/adapter_uring: LDFLAGS += $(URING_WRAPS)
$(B)/target/adapter_uring $(B)/enumerate/adapter_uring: $(B)/libtlsm-uring.a
$(B)/target/%: $(B)/obj/fuzz/%.o $(FUZZ_OBJECTS) $(B)/world.a $(B)/party.a $(SUPPORT) $(LIBRARIES)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(FUZZ_MAIN) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(SYSTEM) $(LDLIBS) -o $@

.PHONY: corpus corpus-adapters corpus-min corpus-record coverage-cells enumerate-programs fuzz fuzz-afl fuzz-list fuzz-long fuzz-programs fuzz-replay fuzz-scripts fuzz-smoke oss-fuzz
fuzz-programs: $(fuzz_programs)

fuzz: need-fuzz ## build/fuzz/target/*, for libFuzzer
	@$(MAKE) $(LIBFUZZER) fuzz-programs

fuzz-afl: need-fuzz ## build/fuzz-afl/target/*, for AFL++
	@$(MAKE) $(AFL) fuzz-programs

fuzz-replay: ## build/replay/target/*, plain programs that replay files and folders
	@$(MAKE) VARIANT=/replay fuzz-programs

# What a list of this file names, for fuzz/oss-fuzz/build.sh: LIST=PURE_TARGETS
fuzz-list:
	@echo $($(LIST))

oss-fuzz: need-test ## what OSS-Fuzz and ClusterFuzzLite build, with every sanitizer, run on its seeds; minutes
	@B=$(B) sh test/oss_fuzz_test.sh every

fuzz-smoke: fuzz fuzz-afl ## short runs of every target on both engines; the planted bug must be found
	@BUILD=$(BUILD) sh test/fuzz_smoke.sh

# DRAW is the seed, 0 draws one; MINUTES are for each target, ENGINES are libfuzzer and afl, TARGETS picks some.
DRAW ?= 1
MINUTES ?= 10
ENGINES ?= libfuzzer
fuzz-long: fuzz $(if $(filter afl,$(ENGINES)),fuzz-afl) ## every target for MINUTES=10 each, DRAW=seed, ENGINES="libfuzzer afl"
	@BUILD=$(BUILD) DRAW=$(DRAW) MINUTES=$(MINUTES) ENGINES='$(ENGINES)' TARGETS='$(TARGETS)' sh test/fuzz_long.sh

# With FROM a run that was stopped goes on; SCRIPTS and PROCESSES are how many.
SCRIPTS ?= 500000
FROM ?= 0
PROCESSES ?= $(CPU)
fuzz-scripts: ## 500,000 scripts on ours and on libssl without a difference that docs/differences.md does not list
	@$(MAKE) VARIANT=/long fuzz_targets=differential FUZZ_OBJECTS='$(LONG:%=$(BUILD)/long/obj/fuzz/%.o)' fuzz-programs
	$(BUILD)/long/target/differential --scripts $(SCRIPTS) --seed $(DRAW) --from $(FROM) --processes $(PROCESSES)

corpus: $(B)/test/explore $(B)/test/closing_search ## the explorer's shortest witnesses as the first corpus, and what the adapters' are short of
	@rm -rf corpus/choice && $< --corpus corpus --slots test/explore.slots
	@rm -rf corpus/closing && $(B)/test/closing_search corpus/closing test/closing.slots
	@$(MAKE) corpus-adapters

# What is reached of an adapter, into test/<target>.slots, and an input for each slot that its corpus has none for.
corpus-adapters: $(enumerate_programs)
	@set -e; for program in $^; do echo "$${program##*/}: $$($$program --slots test/$${program##*/}.slots --corpus corpus/$${program##*/})"; done

$(B)/record_wire: $(RECORDER:%=$(B)/obj/fuzz/%.o) $(SUPPORT) $(B)/libtlsm.a
	$(SAY) LINK $@
	$(Q)$(LINK) $^ $(LDLIBS) -o $@

corpus-record: need-interop all fuzz $(B)/record_wire ## what other libraries say on the wire, as inputs of the target wire
	@$(MAKE) -s peers
	@B=$(B) BUILD=$(BUILD) sh test/record.sh

corpus-min: fuzz ## the smallest corpus with the same coverage
	@BUILD=$(BUILD) sh tools/corpus_min.sh

# ---------------------------------------------------------------------------------------------------------- mutation

# The core as a shared library that a changed one replaces, under the oracles that judge it (tools/mutate_oracles.py).
MUTATE = $(B)/mutate
mutate_compile = $(CC) -std=c11 -O2 -w $(PURE) -fPIC -fno-semantic-interposition
mutant = $(MUTATE)/libtlsm-mutant.so
mutate_objects := $(MACHINE:%=$(MUTATE)/machine/%.o)
mutate_tests := $(MUTATE_TESTS:%=$(MUTATE)/test/%)
mutate_corpus := $(MUTATE_CORPUS:%=$(MUTATE)/target/%)
# What the harness itself is tested with, where it is (test/mutate_test.sh).
mutate_few = $(if $(SANITIZE)$(findstring clang,$(CC)),,$(MUTATE)/compile $(MUTATE)/test/explore_trace $(MUTATE)/test/explore_rows $(MUTATE)/test/shutdown_test)

$(MUTATE)/compile: FORCE
	@mkdir -p $(@D)
	@echo '$(mutate_compile)' | cmp -s - $@ || echo '$(mutate_compile)' >$@
$(mutate_objects): $(MUTATE)/%.o: %.c $(wildcard machine/*.h machine/*.def) $(MUTATE)/compile
	$(SAY) CC $@
	@mkdir -p $(@D)
	$(Q)$(mutate_compile) -c $< -o $@
$(mutant): $(mutate_objects)
	$(SAY) LINK $@
	$(Q)$(CC) -shared -Wl,-Bsymbolic -Wl,-soname,$(@F) $^ -o $@

$(MUTATE)/test/%: $(B)/obj/test/%.o $(B)/test-support.a $(B)/party.a $(SUPPORT) $(B)/libtlsm-adapters.a $(mutant)
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(mutant) -lcmocka $(SYSTEM) $(LDLIBS) -o $@

$(MUTATE)/test/explore_trace: $(B)/obj/test/explore_trace.o $(patsubst %,$(B)/obj/test/%.o,$(filter-out explore,$(EXPLORE))) $(SUPPORT) $(mutant)
$(mutate_corpus): $(MUTATE)/target/%: $(B)/obj/fuzz/%.o $(REPLAY:%=$(B)/obj/fuzz/%.o) $(SUPPORT) $(mutant)
# Has a closing table of its own.
$(MUTATE)/test/explore_rows: $(B)/obj/test/explore_rows.o $(B)/obj/test/explore_bytes.o $(B)/obj/test/explore_walk.o $(SUPPORT) $(B)/libtlsm.a
$(MUTATE)/test/explore_trace $(MUTATE)/test/explore_rows $(mutate_corpus):
	$(SAY) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $^ $(LDLIBS) -o $@

test-programs: $(mutate_few)

.PHONY: mutate mutate-oracles
mutate-oracles: need-test $(MUTATE)/compile $(mutate_tests) $(mutate_corpus) $(MUTATE)/test/explore_trace $(MUTATE)/test/explore_rows

# Hours of one processor. ARGUMENTS="--only machine/event.c:120", "--sample 100 --seed 7"; --help lists them.
mutate: mutate-oracles ## changes machine/ in one place at a time, and something must notice; fails where more than 2 % survive
	@python3 -B tools/mutate.py --build $(MUTATE) --tests '$(MUTATE_TESTS)' $(ARGUMENTS)

# ---------------------------------------------------------------------------------------------------------- upkeep

$(B)/gen: $(GENERATOR:%=tools/%.c) tools/gen.h tools/status.def docs/man/shutdown.def $(wildcard machine/*.def machine/*.h) | need-build
	$(SAY) HOSTCC $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(WARNINGS) $(CFLAGS) -Imachine $(filter tools/%.c,$^) -o $@

need-coverage:
	@tools/need.sh $(test_packages) clang-19 llvm-19 libclang-rt-19-dev

.PHONY: docs format lint prove coverage coverage-programs need-coverage clean help FORCE sources
docs: $(B)/gen $(B)/test/seed_test $(B)/test/scenario_test ## writes what is generated: tables, diagrams, README sections, tlsm_version.h
	@B=$(B) sh tools/docs.sh .
	@$(B)/test/seed_test --table docs/tables/seed.md >$(B)/seed.log 2>&1 || { cat $(B)/seed.log; exit 1; }
	@$(B)/test/scenario_test --table docs/tables/scenarios.md >$(B)/scenario.log 2>&1 || { cat $(B)/scenario.log; exit 1; }

format: ## clang-format over the sources; a proposal, to be read before it is kept
	@tools/need.sh clang-format
	clang-format -i $(wildcard machine/*.[ch] adapters/*.[ch] fuzz/*.[ch] test/*.[ch] tools/*.[ch] bench/*.[ch])

# Without the checks that dislike memcpy or X-macros, or are wrong about va_list and feature macros.
LINT = bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-macro-parentheses,-bugprone-implicit-widening-of-multiplication-result,-bugprone-misplaced-widening-cast,-bugprone-branch-clone,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,-clang-analyzer-valist.Uninitialized
lint: ## clang-tidy and shellcheck
	@tools/need.sh clang-tidy shellcheck
	clang-tidy --quiet --checks='$(LINT)' \
	    $(wildcard machine/*.c adapters/*.c tools/*.c) -- -std=c11 -Imachine -Iadapters
	shellcheck -S warning -e SC2010,SC2044 $(wildcard test/*.sh tools/*.sh fuzz/*.sh)

# CBMC=path where it is not among the commands. Without it nothing is proved, and that is said. COVER=1: which lines the proofs reach.
CBMC ?= cbmc
prove: ## what CBMC 6 proves of the core: docs/proofs.md
	@CBMC='$(CBMC)' COVER='$(COVER)' BUILD=$(BUILD) sh test/prove.sh $(PROOFS)

coverage-cells: $(B)/test/explore $(B)/target/choice $(fuzz_programs) $(enumerate_programs) ## slots that the corpora reach of the machine, the shutdown procedure, the adapters
	@B=$(B) sh test/coverage_cells.sh

# Minutes. It fails as long as what is missed is not in test/coverage.missed, with reasons.
coverage: need-coverage ## lines and conditions (MC/DC) of machine/ that tests and corpora reach; slots against the explorer's
	@$(MAKE) -s --no-print-directory VARIANT= SANITIZE= test-programs enumerate-programs $(BUILD)/obj/tools/explore_command.o $(COVERED:%=$(BUILD)/obj/fuzz/%.o) $(REPLAY:%=$(BUILD)/obj/fuzz/%.o)
	@BUILD=$(BUILD) COVERED='$(COVERED)' sh test/coverage.sh

# For test/coverage.sh: the core by a compiler of its own, everything else as it is there already.
COVERED = $(filter-out differential differential_planted planted,$(fuzz_targets))
CORE_CC ?=
ifneq ($(CORE_CC),)
$(B)/obj/machine/%.o: CC = $(CORE_CC)
$(B)/obj/machine/%.o: LAYER = $(PURE) $(CORE_FLAGS)
LINK += $(CORE_LINK)
endif
coverage-programs: $(test_programs) $(B)/test/explore $(COVERED:%=$(B)/target/%) $(B)/all

$(B)/all: $(B)/obj/fuzz/replay_main.o $(B)/obj/fuzz/import.o $(SUPPORT) $(B)/libtlsm.a
	$(Q)$(LINK) $(filter %.o,$^) $(SUPPORT) -Wl,--whole-archive $(B)/libtlsm.a -Wl,--no-whole-archive $(LDLIBS) -o $@

sources: # what the lists name, for test/style_test.sh
	@printf "%s\n" $(MACHINE:%=machine/%.c) $(ADAPTERS:%=adapters/%.c) $(URING:%=adapters/%.c) \
	    $(OPENSSL:%=adapters/%.c) $(EXAMPLES:%=examples/%.c) $(FUZZ_TARGETS:%=fuzz/%.c) \
	    $(FUZZ_SUPPORT:%=fuzz/%.c) $(AFL_SUPPORT:%=fuzz/%.c) $(REPLAY:%=fuzz/%.c) $(TESTS:%=test/%.c) $(FUZZ_WORLD:%=fuzz/%.c) $(FUZZ_BESIDE:%=fuzz/%.c) \
	    $(PARTY:%=fuzz/%.c) $(DUEL:%=fuzz/%.c) $(LONG:%=fuzz/%.c) $(RECORDER:%=fuzz/%.c) $(ENUMERATE:%=fuzz/%.c) $(TEST_SUPPORT:%=test/%.c) $(FAULT:%=test/%.c) $(SEED:%=test/%.c) $(SCENARIO:%=test/%.c) $(EXPLORE:%=test/%.c) $(PROPERTIES:%=test/%.c) $(PLAIN:%=test/%.c) $(HELPERS:%=test/%.c) $(PEERS:%=test/peers/%.c) $(BOGO:%=test/bogo/%.c) $(SHELL_TESTS:%=test/%.sh) $(TOOLS:%=tools/%.c) $(EXPLORE_TRACE:%=test/%.c) $(SECRETS:%=test/%.c) $(SECRET_SUPPORT:%=test/%.c) \
	    $(COMMANDS:%=tools/%.c) $(GENERATOR:%=tools/%.c) $(BENCH:%=bench/%.c) $(BENCH_PEERS:%=bench/%.c) $(MAN:%=docs/man/%) $(RATES:%=bench/%.c) \
	    $(IDLE:%=bench/%.c) $(LOAD:%=bench/%.c)

clean: ## removes build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  CC CFLAGS LDFLAGS PREFIX DESTDIR are honoured; V=1 shows commands; SANITIZE=address,undefined; BUILD=folder"

# What a bare Debian lacks is installed, or named (tools/need.sh).
.PHONY: need-build need-test need-counts need-demo need-fuzz need-digest need-portability need-compat need-interop need-server need-servers need-vm need-bogo
build_packages = gcc libc6-dev libssl-dev
test_packages = $(build_packages) openssl curl libcmocka-dev clang libclang-rt-dev afl++ mandoc nginx-light procps libuv1-dev liburing-dev \
                pkg-config python3 g++ cmake valgrind
need-build:
	@tools/need.sh $(build_packages) $(filter clang,$(CC))
need-demo:
	@tools/need.sh $(build_packages) openssl curl
need-test:
	@tools/need.sh $(test_packages)
need-interop:
	@tools/need.sh $(build_packages) openssl python3 libgnutls28-dev libwolfssl-dev libmbedtls-dev libbearssl-dev golang-go default-jdk-headless
need-peers-table:
	@tools/need.sh $(build_packages) openssl curl nginx-light gnutls-bin
need-fuzz:
	@tools/need.sh $(build_packages) clang libclang-rt-dev afl++
need-digest:
	@tools/need.sh $(build_packages) clang gcc-i686-linux-gnu libc6-dev-i386-cross
need-portability: need-digest
	@tools/need.sh $(build_packages) gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user
need-server:
	@tools/need.sh $(build_packages) openssl curl nginx-light wrk
need-counts:
	@tools/need.sh $(build_packages) valgrind
need-servers:
	@tools/need.sh $(build_packages) openssl liburing-dev wrk
need-bogo:
	@tools/need.sh $(build_packages) python3
need-vm:
	@tools/need.sh qemu-system-x86 cpio
need-compat:
	@tools/need.sh $(build_packages) openssl nginx-light dpkg-dev pkg-config luajit libluajit-5.1-dev
