# SPDX-License-Identifier: MIT
# make                    build/native/libtinyvis.a and build/native/tinyvis
# make test               builds and runs the tests on this machine; test-all: on every machine there is an emulator for
# make CROSS=arm-linux-gnueabi- test    the same for ARMv6, in an emulator; RUN='qemu-arm -cpu …' chooses another processor
# make SAN=address,undefined test
# make install DESTDIR=… PREFIX=/usr/local [SHARED=1]
CROSS   ?=
SAN     ?=
SHARED  ?=
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
OPT     ?= -O2
DATA    ?= $(TINYVIS_DATA)
ifeq ($(origin CC),default)
CC       = $(CROSS)gcc
endif
ifeq ($(origin CXX),default)
CXX      = $(CROSS)g++
endif
ifeq ($(origin AR),default)
AR       = $(CROSS)ar
endif
NM      ?= $(CROSS)nm
SIZE    ?= $(CROSS)size
ARCH_arm-linux-gnueabi- := -marm -mcpu=arm1176jzf-s -mfpu=vfp -mfloat-abi=softfp
ARCH_arm-none-eabi-     := -mthumb -mcpu=cortex-m4
# Not the x87: its numbers have more bits than their types.
ARCH_i686-linux-gnu-    := -msse2 -mfpmath=sse
ARCH    ?= $(ARCH_$(CROSS))
# What runs a program of the target. No -L: the C library must be the one that CMocka came with, from Debian's multiarch.
RUN_arm-linux-gnueabi- := qemu-arm -cpu arm1176
RUN_aarch64-linux-gnu- := qemu-aarch64
RUN_s390x-linux-gnu-   := qemu-s390x
RUN     ?= $(RUN_$(CROSS))
TARGET  ?= $(if $(CROSS),$(patsubst %-,%,$(notdir $(CROSS))),native)
B       ?= build/$(TARGET)$(if $(SAN),-san)
# Picture formats that the tool reads with a library of the system's. 0 leaves one out.
JPEG    ?= $(if $(CROSS),0,$(shell pkg-config --exists libjpeg 2>/dev/null && echo 1 || echo 0))
PNG     ?= $(if $(CROSS),0,$(shell pkg-config --exists libpng 2>/dev/null && echo 1 || echo 0))

# ---- nothing to change below for a new target ----
MACHINE  := $(shell $(CC) $(ARCH) -dumpmachine)
WARN     := -std=c99 -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror
CFLAGS   ?= $(OPT) -g
BARE     := $(filter %-none-eabi,$(MACHINE))
BASE     := $(ARCH) $(WARN) $(if $(BARE),-ffreestanding) -D_FILE_OFFSET_BITS=64 -ffp-contract=off -ffunction-sections \
            -fdata-sections -MMD -MP $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
LINK      = $(CC) $(ARCH) $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS) -Wl,--gc-sections
COMPILE   = $(CC) $(BASE) $(CPPFLAGS) $(INC) $(CFLAGS) $(ISA)
INC       = -Iinclude -Isrc
Q        ?= @
say       = @printf '  %-7s %s\n' '$1' '$2'

# An instruction set belongs to a file's suffix: which suffixes this processor has, and what the compiler needs for them.
# _wide.c: any compiler's, for processors with vectors of floats.
SUFFIX_X86     := _wide.c _avx2.c _avx512.c _vnni.c _vbmi.c _amx.c
SUFFIX_AARCH64 := _wide.c _neon.c _neon.S _dotprod.c _dotprod.S _i8mm.c _i8mm.S
SUFFIX_ARM     := _wide.c _armv6.c _armv6.S _vfp11.c _vfp11.S _neon32.S
SIMD32   := $(if $(filter arm-none-%,$(MACHINE)),$(shell echo __ARM_FEATURE_SIMD32 | $(CC) $(ARCH) -E -P - | grep 1))
SUFFIX   := $(if $(filter x86_64% i386% i486% i586% i686%,$(MACHINE)),$(SUFFIX_X86))$(if $(filter aarch64%,$(MACHINE)),$(SUFFIX_AARCH64)) \
            $(if $(filter arm-linux% armv%,$(MACHINE)),$(SUFFIX_ARM)) $(if $(SIMD32),_armv6.c _armv6.S)
# Compilers that do not know AMX find nothing in its files.
AMX      := $(if $(filter x86_64%,$(MACHINE)),$(shell $(CC) -mamx-tile -mamx-int8 -mamx-bf16 -x c -fsyntax-only /dev/null 2>/dev/null && echo -mamx-tile -mamx-int8 -mamx-bf16 -mavx512bf16))
ABSENT   := $(filter-out $(SUFFIX),$(SUFFIX_X86) $(SUFFIX_AARCH64) $(SUFFIX_ARM))
%_avx2.o:   private ISA := -mavx2 -mfma
# GCC's intrinsics are macros at -O0, with a sign conversion inside; the address sanitizer takes clang minutes a file.
%_avx512.o: private ISA := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -Wno-sign-conversion \
                           $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=address)
%_vnni.o:   private ISA := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni \
                           $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=address)
%_vbmi.o:   private ISA := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi \
                           $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=address)
%_amx.o:    private ISA := -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vbmi $(AMX) \
                           $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=address)
%_dotprod.o: private ISA := -march=armv8.2-a+dotprod
%_i8mm.o:   private ISA := -march=armv8.2-a+i8mm

FOLDERS  := src/core src/ops src/models src/models/import src/quant
HERE     := $(filter-out $(addprefix %,$(ABSENT)),$(wildcard $(addsuffix /*.c,$(FOLDERS)) $(addsuffix /*.S,$(FOLDERS))))
FREE     := $(filter-out %_hosted.c,$(HERE))
HOSTED   := $(if $(BARE),,$(filter %_hosted.c,$(HERE)))
# Bare metal has no files: no tool, no benchmarks.
hosted    = $(if $(BARE),,$(wildcard $1))
TOOL     := $(call hosted,examples/tinyvis/*.c)
EXAMPLES := $(call hosted,examples/*.c)
EVAL     := $(if $(TOOL),$(call hosted,examples/eval_keypoints/*.c))
BENCHES  := $(call hosted,bench/bench_*.c)
TESTS    ?= $(wildcard tests/test_*.c)
object    = $(addprefix $(B)/,$(addsuffix .o,$(basename $1)))
FREE_OBJ := $(call object,$(FREE))
LIB_OBJ  := $(FREE_OBJ) $(call object,$(HOSTED))
# The model that the tool has in itself, as an array.
BUNDLED  := models/superpoint.tvis
TOOL_OBJ := $(call object,$(TOOL)) $(if $(TOOL),$(B)/bundled.o)
# A program of its own out of the tool's parts.
EVAL_OBJ := $(call object,$(EVAL)) $(filter-out %/main.o,$(TOOL_OBJ))
PIC_OBJ  := $(LIB_OBJ:$(B)/%=$(B)/pic/%)
VERSION  := $(shell sed -n 's/.*TVIS_VERSION_[MP][A-Z]* *\([0-9]*\)/\1/p' include/tinyvis/types.h | paste -sd.)
SONAME   := libtinyvis.so.$(firstword $(subst ., ,$(VERSION)))
MAN      := $(firstword $(wildcard examples/tinyvis/tinyvis.1 docs/tinyvis.1))
PICTURE  := $(if $(filter 1,$(JPEG)),jpeg libjpeg) $(if $(filter 1,$(PNG)),png libpng)
PIC_LIBS := $(shell [ -z '$(strip $(PICTURE))' ] || pkg-config --libs $(filter lib%,$(PICTURE)))

.PHONY: all lib tool examples install uninstall clean format bench demo FORCE
all: lib tool examples $(BENCHES:%.c=$(B)/%) $(if $(BENCHES),$(B)/bench_models)
lib: $(B)/libtinyvis.a $(if $(SHARED),$(B)/libtinyvis.so)
tool: $(if $(TOOL),$(B)/tinyvis)
examples: $(EXAMPLES:%.c=$(B)/%) $(if $(EVAL),$(B)/eval_keypoints)

# Written only when the text is another one: objects follow their flags, archives their list of objects.
stamp = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$1)' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$1)' > $@
$(B)/flags: FORCE
	$(call stamp,$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(PICTURE))
$(B)/objects: FORCE
	$(call stamp,$(LIB_OBJ) $(TOOL_OBJ))

# Programs see the public headers only; tests and bench see everything.
$(B)/examples/%.o: private INC := -Iinclude $(if $(filter 1,$(JPEG)),-DTVIS_HAVE_JPEG) $(if $(filter 1,$(PNG)),-DTVIS_HAVE_PNG)
$(B)/tests/%.o:    private INC := -Iinclude -Isrc -I.
$(B)/bench/%.o:    private INC := -Iinclude -Isrc -I.
$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@
$(B)/bundled.c: $(BUNDLED) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "examples/tinyvis/bundled.h"'; \
	echo '__attribute__((aligned(64))) const uint8_t bundled_superpoint[] = {'; od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; \
	echo '};'; echo 'const size_t bundled_superpoint_size = sizeof bundled_superpoint;'; } > $@.tmp && mv $@.tmp $@
$(B)/bundled.o: $(B)/bundled.c $(B)/flags
	$(call say,CC,$(BUNDLED))
	$(Q)$(COMPILE) -I. -c $< -o $@
$(B)/%.o: %.S $(B)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -c $< -o $@
$(B)/pic/%.o: %.c $(B)/flags
	$(call say,CC,$< (shared))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fPIC -fvisibility=hidden -DTVIS_SHARED -c $< -o $@
$(B)/pic/%.o: %.S $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fPIC -c $< -o $@

$(B)/libtinyvis.a: $(LIB_OBJ) $(B)/objects
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(LIB_OBJ)
$(B)/libtinyvis.so: $(PIC_OBJ) $(B)/objects
	$(call say,LINK,$@)
	$(Q)$(LINK) -shared -Wl,-soname,$(SONAME) $(if $(SAN),,-Wl,-z,defs) -o $@ $(PIC_OBJ) -lm -lpthread
	@ln -sf libtinyvis.so $(B)/$(SONAME)
$(B)/tinyvis: $(TOOL_OBJ) $(B)/libtinyvis.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(TOOL_OBJ) $(B)/libtinyvis.a $(PIC_LIBS) -lm -lpthread
$(B)/eval_keypoints: $(EVAL_OBJ) $(B)/libtinyvis.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $(EVAL_OBJ) $(B)/libtinyvis.a $(PIC_LIBS) -lm -lpthread
$(EXAMPLES:%.c=$(B)/%): $(B)/%: $(B)/%.o $(B)/libtinyvis.a
	$(Q)$(LINK) -o $@ $< $(B)/libtinyvis.a -lm -lpthread
BENCH_OBJ := $(call object,$(filter-out $(BENCHES),$(wildcard bench/*.c)))
$(BENCHES:%.c=$(B)/%): $(B)/%: $(B)/%.o $(BENCH_OBJ) $(B)/libtinyvis.a
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $< $(BENCH_OBJ) $(B)/libtinyvis.a -lm -lpthread
# A short way to it.
$(B)/bench_models: $(B)/bench/bench_models
	@ln -sf bench/bench_models $@

install: lib tool
	install -d $(addprefix $(DESTDIR),$(PREFIX)/include/tinyvis $(PREFIX)/bin $(LIBDIR)/pkgconfig $(PREFIX)/share/man/man1 $(PREFIX)/share/tinyvis)
	install -m 644 include/tinyvis/*.h $(DESTDIR)$(PREFIX)/include/tinyvis
	install -m 644 $(B)/libtinyvis.a $(DESTDIR)$(LIBDIR)
	$(if $(SHARED),install -m 755 $(B)/libtinyvis.so $(DESTDIR)$(LIBDIR)/libtinyvis.so.$(VERSION))
	$(if $(SHARED),ln -sf libtinyvis.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME))
	$(if $(SHARED),ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libtinyvis.so)
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' pkgconfig/tinyvis.pc.in \
	    > $(DESTDIR)$(LIBDIR)/pkgconfig/tinyvis.pc
	$(if $(TOOL),install -m 755 $(B)/tinyvis $(DESTDIR)$(PREFIX)/bin)
	install -m 644 models/*.tvis $(DESTDIR)$(PREFIX)/share/tinyvis
	$(if $(MAN),install -m 644 $(MAN) $(DESTDIR)$(PREFIX)/share/man/man1)
uninstall:
	rm -rf $(addprefix $(DESTDIR)$(PREFIX)/,include/tinyvis share/tinyvis)
	rm -f $(addprefix $(DESTDIR),$(PREFIX)/bin/tinyvis $(PREFIX)/share/man/man1/tinyvis.1 $(LIBDIR)/pkgconfig/tinyvis.pc \
	    $(addprefix $(LIBDIR)/libtinyvis.,a so so.$(VERSION)) $(LIBDIR)/$(SONAME))

bench: $(BENCHES:%.c=$(B)/%)
	$(foreach p,$^,$(RUN) $p $(BENCH_ARGS) &&) true
# On as many processors as there are, unless make was told how many.
demo:
	+@$(MAKE) --no-print-directory $(if $(filter -j% --jobs%,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)) tool
	@TINYVIS='$(strip $(RUN) $(B)/tinyvis)' OUT='$(B)/demo' TINYVIS_DATA='$(DATA)' JPEG='$(JPEG)' sh examples/demo/demo.sh
clean:
	rm -rf build
format:
	clang-format -i $(wildcard include/tinyvis/*.h $(foreach d,$(FOLDERS) tests tests/*/ examples examples/*/ bench,$d/*.[ch]))

include mk/test.mk
include mk/stages.mk
include mk/matrix.mk
include mk/firmware.mk
include mk/pizero.mk
-include $(LIB_OBJ:.o=.d) $(PIC_OBJ:.o=.d) $(TOOL_OBJ:.o=.d) $(EVAL_OBJ:.o=.d) $(patsubst %.c,$(B)/%.d,$(wildcard tests/*.c tests/*/*.c bench/*.c examples/*.c))
