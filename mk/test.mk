# SPDX-License-Identifier: MIT
# Each test is a program or a script that speaks TAP; its output is kept in $(B)/tests/<name>.tap and counted at the end.
# make test TESTS=tests/test_hosted.c SCRIPTS=      some of them
SCRIPTS  ?= $(wildcard tests/build/*.sh tests/tool/*.sh)
# Functions of libc that tests can make fail (tests/fault.h).
FAULTS   := malloc calloc realloc aligned_alloc posix_memalign free open open64 fopen fopen64 fdopen stat stat64 fstat fstat64 \
            mmap mmap64 read write fread fwrite fsync fflush close fclose rename pthread_create opendir readdir readdir64
PROGRAMS := $(TESTS:%.c=$(B)/%)
TOOL_PARTS := $(filter-out %/main.o,$(TOOL_OBJ))
SUPPORT  := $(call object,tests/tvt.c tests/fault.c) $(TOOL_PARTS)
TAPS     := $(PROGRAMS:%=%.tap) $(patsubst tests/%.sh,$(B)/tests/%.tap,$(SCRIPTS))
export TINYVIS_DATA := $(abspath $(DATA))

.PHONY: test check test-programs test-tools check-symbols
check: test
test: test-tools all test-programs
	@$(MAKE) --no-print-directory $(B)/tests/total
test-programs: test-tools $(PROGRAMS)
test-tools:
	@$(if $(BARE),true,sh tests/deps.sh cmocka '$(CC) $(ARCH)')

$(PROGRAMS): $(B)/%: $(B)/%.o $(SUPPORT) $(B)/libtinyvis.a | test-tools
	$(call say,LINK,$@)
	$(Q)$(LINK) $(FAULTS:%=-Wl,--wrap=%) -o $@ $< $(SUPPORT) $(B)/libtinyvis.a -lcmocka $(PIC_LIBS) -lm -lpthread

# What a script may use. TINYVIS is a command, not a path: it may begin with an emulator.
SCRIPT_ENV = B='$(B)' CC='$(CC) $(ARCH)' CXX='$(CXX) $(ARCH)' MAKE_CC='$(CC)' AR='$(AR)' NM='$(NM)' \
             SIZE='$(SIZE)' JPEG='$(JPEG)' RUN='$(RUN)' SAN='$(SAN)' MAKE='$(MAKE)' FREE_OBJ='$(FREE_OBJ)' FIRMWARE_CPU='$(FIRMWARE_CPU)' ARCH='$(ARCH)' CROSS='$(CROSS)' \
             TINYVIS='$(strip $(RUN) $(abspath $(B))/tinyvis)'
$(PROGRAMS:%=%.tap): %.tap: % FORCE
	@sh tests/tap.sh $@ $(RUN) $<
$(B)/tests/%.tap: tests/%.sh all FORCE
	+@mkdir -p $(@D); $(SCRIPT_ENV) sh tests/tap.sh $@ bash $<
$(B)/tests/total: $(TAPS) FORCE
	@sh tests/total.sh $@ $(TAPS)

check-symbols: lib
	@$(SCRIPT_ENV) bash tests/build/symbols.sh
