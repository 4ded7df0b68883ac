# SPDX-License-Identifier: MIT
# Whole suites: each is this Makefile again, for another target. test-all adds up what they counted.
STAGES       := test test-sanitize test-armv6 test-aarch64 test-firmware fuzz-smoke faults-smoke
FUZZ_SECONDS ?= 1800
FUZZ_SMOKE_SECONDS ?= 10
FUZZ_CC      := $(if $(shell command -v clang 2>/dev/null),clang)
# Tests with a pool, less those of whole networks, which take this sanitizer many minutes and show no other sharing.
THREAD_TESTS ?= $(filter-out tests/test_parity% tests/test_int8_networks.c,$(shell grep -l tvis_pool_create tests/test_*.c))
SUB           = $(MAKE) --no-print-directory

.PHONY: test-all test-sanitize test-armv6 test-aarch64 fuzz fuzz-smoke fuzz-seeds fuzz-coverage test-faults faults-smoke test-full test-deps size
test-all:
	+@MAKE='$(SUB)' sh tests/all.sh $(STAGES)
test-deps:
	@sh tests/deps.sh all
test-full:
	+@TINYVIS_FULL=1 $(SUB) test

# Threads are looked at by themselves: that sanitizer excludes the others.
test-sanitize:
	+@status=0; $(SUB) SAN=address,undefined test || status=1; \
	$(SUB) SAN=thread B=build/native-tsan TESTS='$(THREAD_TESTS)' SCRIPTS= BENCHES= EXAMPLES= test && exit $$status
test-armv6:
	+@$(SUB) CROSS=arm-linux-gnueabi- test
test-aarch64:
	+@$(SUB) CROSS=aarch64-linux-gnu- test

SIZED = $(SUB) CROSS=arm-linux-gnueabi- OPT=-Os B=build/size
size:
	+@$(SIZED) size-report
.PHONY: size-report
size-report: lib
	@$(SCRIPT_ENV) bash tests/firmware/size.sh

# A fuzzer is tests/fuzz/fuzz_<name>.c with LLVMFuzzerTestOneInput(); its seeds are in tests/fuzz/seeds/<name>/, what was found
# worth keeping in build/fuzz/corpus/<name>/. libFuzzer where there is clang, else our own driver.
FUZZERS   := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ  := $(B)/tests/fuzz/networks.o
ENGINE    ?= $(B)/tests/fuzz/driver.o
LIBFUZZER := CC=clang SAN=fuzzer-no-link,address,undefined ENGINE=-fsanitize=fuzzer
FUZZ       = $(SUB) B=build/fuzz OPT=-O1 $(if $(FUZZ_CC),$(LIBFUZZER),SAN=address,undefined)
fuzz:
	+@$(FUZZ) FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz-run
fuzz-smoke:
	+@$(FUZZ) FUZZ_SECONDS=$(FUZZ_SMOKE_SECONDS) fuzz-run

.PHONY: fuzz-run
fuzz-run: $(FUZZERS:%=%.tap)
	@sh tests/total.sh $(B)/tests/total $^
$(FUZZERS): $(B)/%: $(B)/%.o $(FUZZ_OBJ) $(TOOL_PARTS) $(B)/libtinyvis.a $(filter %.o,$(ENGINE))
	$(call say,LINK,$@)
	$(Q)$(LINK) $(ENGINE) -o $@ $(filter-out $(ENGINE),$^) $(PIC_LIBS) -lm -lpthread
$(B)/tests/fuzz/seeds: %: %.o $(FUZZ_OBJ) $(B)/libtinyvis.a
	$(Q)$(LINK) -o $@ $^ -lm -lpthread
fuzz-seeds: $(B)/tests/fuzz/seeds
	$< tests/fuzz/seeds/blob
$(FUZZERS:%=%.tap): %.tap: % FORCE
	@TVT_TIMEOUT=$$(($(FUZZ_SECONDS) + 300)) sh tests/tap.sh $@ sh tests/fuzz/run.sh $< $(FUZZ_SECONDS)

# Lines of everything that reads a file or a command line, which fuzzers reach from their seeds and from what they have found.
READERS := src/core/blob.c src/core/blob_params.c src/core/sparse.c $(wildcard src/models/import/*_hosted.c) \
           $(patsubst %,examples/tinyvis/%.c,args recipe labels npy image_read image_pnm image_png image_jpeg)
fuzz-coverage:
ifneq ($(and $(FUZZ_CC),$(shell command -v llvm-cov 2>/dev/null)),)
	+@$(SUB) CC=clang B=build/coverage CFLAGS='-O0 -g -fprofile-instr-generate -fcoverage-mapping' \
	    LDFLAGS=-fprofile-instr-generate coverage-run
else
	@echo 'fuzz-coverage left out: it needs clang and llvm'
endif
.PHONY: coverage-run
coverage-run: $(FUZZERS)
	@echo '$(READERS)' | sh tests/fuzz/coverage.sh $(B)/profiles $^

# Faults in the whole tool: its main() beside libc functions that fail. A few of each kind, or, with sanitizers, every one there can
# be. Side by side: the commands that take long, and the others.
FAULT_TEST := $(B)/tests/faults/test_tool
FAULT_OBJ  := $(call object,tests/faults/tool_process.c tests/faults/tool_inputs.c tests/fault.c tests/tvt.c) \
              $(B)/tests/faults/tool_main.o $(TOOL_PARTS)
FAULT_TAPS := $(FAULT_TEST)_long.tap $(FAULT_TEST)_short.tap
faults-smoke:
	+@$(SUB) faults-run
test-faults:
	+@TINYVIS_FULL=1 TVT_TIMEOUT=36000 $(SUB) SAN=address,undefined faults-run

.PHONY: faults-run
faults-run: $(FAULT_TAPS)
	@sh tests/total.sh $(B)/tests/total $^
	@grep -h '^# faults' $^
$(B)/tests/faults/tool_main.o: examples/tinyvis/main.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Dmain=tvt_tool_main -c $< -o $@
$(FAULT_TEST): %: %.o $(FAULT_OBJ) $(B)/libtinyvis.a | test-tools
	$(call say,LINK,$@)
	$(Q)$(LINK) $(FAULTS:%=-Wl,--wrap=%) -o $@ $< $(FAULT_OBJ) $(B)/libtinyvis.a -lcmocka $(PIC_LIBS) -lm -lpthread
$(FAULT_TEST)_long.tap: $(FAULT_TEST) FORCE
	@sh tests/tap.sh $@ $< quantize prune optimize
$(FAULT_TEST)_short.tap: $(FAULT_TEST) FORCE
	@sh tests/tap.sh $@ $< convert info run eval compare profile keypoints embed verify pack
