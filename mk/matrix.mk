# SPDX-License-Identifier: MIT
# make test-matrix: other compilers, other processors and programs that read the source. What is not installed is left out and named.
MATRIX_CC  ?= gcc clang
MATRIX_OPT ?= -O0 -O2 -O3 -Os
MATRIX     := $(foreach cc,$(MATRIX_CC),$(foreach opt,$(MATRIX_OPT),matrix-$(cc)$(opt))) matrix-lto matrix-i386 matrix-s390x \
              matrix-msan matrix-analyzer matrix-tidy matrix-cppcheck
# $(call needs,COMMAND,PACKAGE,RECIPE)
needs       = if command -v $1 >/dev/null; then $3; else echo "== $@ left out: it needs $2"; fi

.PHONY: test-matrix $(MATRIX)
test-matrix:
	+@MAKE='$(SUB)' sh tests/all.sh $(MATRIX)
$(filter matrix-gcc%,$(MATRIX)): matrix-gcc%:
	+@$(call needs,gcc,gcc,$(SUB) CC=gcc OPT=$* B=build/gcc$* SCRIPTS= test)
$(filter matrix-clang%,$(MATRIX)): matrix-clang%:
	+@$(call needs,clang,clang,$(SUB) CC=clang OPT=$* B=build/clang$* SCRIPTS= test)
matrix-lto:
	+@$(call needs,gcc-ar,gcc,$(SUB) CC=gcc AR=gcc-ar OPT='-O2 -flto=auto' LDFLAGS='-O2 -flto=auto' B=build/lto SCRIPTS= test)
matrix-i386:
	+@$(call needs,i686-linux-gnu-gcc,gcc-i686-linux-gnu libc6-dev-i386-cross,$(SUB) CROSS=i686-linux-gnu- SCRIPTS= test)
matrix-s390x:
	+@$(call needs,s390x-linux-gnu-gcc,gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user,$(SUB) CROSS=s390x-linux-gnu- TESTS= BENCHES= \
	    EXAMPLES= SCRIPTS=tests/matrix/big_endian.sh test)
# CMocka and the decoders of pictures are not instrumented: fuzzers run everything else there is, from their seeds. (clang 14 does not
# know that fstat() sets what it is given: no labels.)
matrix-msan:
	+@$(call needs,clang,clang,$(SUB) CC=clang SAN=memory OPT=-O1 B=build/msan JPEG=0 PNG=0 FUZZ_SECONDS=$(FUZZ_SMOKE_SECONDS) \
	    FUZZERS='$(patsubst $(B)/%,build/msan/%,$(filter-out %/fuzz_labels,$(FUZZERS)))' fuzz-run)
matrix-analyzer:
	+@$(call needs,gcc,gcc,$(SUB) CC=gcc CPPFLAGS='$(ANALYZER)' B=build/analyzer TESTS= BENCHES= SCRIPTS= lib tool examples)
matrix-tidy:
	+@$(call needs,clang-tidy,clang-tidy,$(SUB) TESTS= BENCHES= SCRIPTS=tests/matrix/tidy.sh test)
matrix-cppcheck:
	+@$(call needs,cppcheck,cppcheck,$(SUB) TESTS= BENCHES= SCRIPTS=tests/matrix/cppcheck.sh test)

# It takes memory that is kept in a struct for lost, and does not see that a failed status ends what follows; the faults tests look for both.
ANALYZER := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-null-dereference -Wno-analyzer-possible-null-dereference \
            -Wno-analyzer-shift-count-negative
