# SPDX-License-Identifier: MIT
# make bench-pizero [NETS=…] [DTYPES=…] [TOP=12] [KEEP=1]    networks under the model of a Raspberry Pi Zero, to build/pizero/bench.json
# PIZERO_SIM=… takes another copy of the model; KEEP=1 goes on where a run was cut off.
# make dist-pizero    build/pizero/tinyvis-VERSION-pizero.tar.gz: static programs and docs/pizero.md, to be copied to a board
NETS     ?= mobilenet_v2 mobilenet_v3_large mobilenet_v3_small mobilenet_v4_conv_small efficientnet_b0 resnet18 resnet50 \
            resnet18_64
DTYPES   ?= int8
PIZERO   ?= build/pizero
PIZERO_CROSS ?= arm-linux-gnueabi-
PIZERO_MAKE   = $(MAKE) --no-print-directory CROSS=$(PIZERO_CROSS) B=$(PIZERO)/arm LDFLAGS=-static
PIZERO_BIN   := $(addprefix $(PIZERO)/arm/,tinyvis bench/bench_models bench/bench_kernels)
PIZERO_NAME   = tinyvis-$(VERSION)-pizero

.PHONY: bench-pizero dist-pizero
bench-pizero:
	+@$(MAKE) --no-print-directory tool
	+@$(PIZERO_MAKE) $(PIZERO)/arm/bench/bench_pizero
	@TINYVIS='$(B)/tinyvis' PROGRAM='$(PIZERO)/arm/bench/bench_pizero' OUT='$(PIZERO)' NETS='$(NETS)' DTYPES='$(DTYPES)' \
	    KEEP='$(KEEP)' sh bench/pizero.sh
dist-pizero:
	+@$(PIZERO_MAKE) $(PIZERO_BIN)
	@rm -rf $(PIZERO)/$(PIZERO_NAME)
	@mkdir -p $(PIZERO)/$(PIZERO_NAME)
	@for p in $(PIZERO_BIN); do $(PIZERO_CROSS)strip -o $(PIZERO)/$(PIZERO_NAME)/$${p##*/} $$p || exit 1; done
	@cp LICENSE docs/pizero.md docs/models.md $(PIZERO)/$(PIZERO_NAME)
	@tar -C $(PIZERO) --owner=0 --group=0 --sort=name -czf $(PIZERO)/$(PIZERO_NAME).tar.gz $(PIZERO_NAME)
	$(call say,TAR,$(PIZERO)/$(PIZERO_NAME).tar.gz)

# make bench-aarch64 [NETS=…]    instructions an inference, cycles a loop, as tables
AARCH64       ?= build/bench-aarch64
AARCH64_CROSS ?= aarch64-linux-gnu-
AARCH64_MAKE   = $(MAKE) --no-print-directory CROSS=$(AARCH64_CROSS) B=$(AARCH64)/arm LDFLAGS=-static
.PHONY: bench-aarch64
bench-aarch64:
	+@$(MAKE) --no-print-directory tool
	+@$(AARCH64_MAKE) $(AARCH64)/arm/bench/bench_pizero
	@TINYVIS='$(B)/tinyvis' PROGRAM='$(AARCH64)/arm/bench/bench_pizero' OUT='$(AARCH64)' NETS='$(NETS)' OBJDUMP='$(AARCH64_CROSS)objdump' \
	    OBJECTS='$(patsubst %.S,$(AARCH64)/arm/%.o,$(wildcard src/ops/*_neon.S src/ops/*_dotprod.S src/ops/*_i8mm.S))' sh bench/aarch64.sh
