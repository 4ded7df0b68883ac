# SPDX-License-Identifier: MIT
# make bench-pizero [NETS=…] [DTYPES=…] [TOP=12]    networks under the model of a Raspberry Pi Zero, to build/pizero/bench.json
# PIZERO_SIM=… takes another copy of the model.
NETS     ?= mobilenet_v2 mobilenet_v3_large mobilenet_v3_small mobilenet_v4_conv_small efficientnet_b0 resnet18 resnet50 \
            resnet18_64
DTYPES   ?= int8
PIZERO   ?= build/pizero
PIZERO_CROSS ?= arm-linux-gnueabi-

.PHONY: bench-pizero
bench-pizero:
	+@$(MAKE) --no-print-directory tool
	+@$(MAKE) --no-print-directory CROSS=$(PIZERO_CROSS) B=$(PIZERO)/arm LDFLAGS=-static $(PIZERO)/arm/bench/bench_pizero
	@TINYVIS='$(B)/tinyvis' PROGRAM='$(PIZERO)/arm/bench/bench_pizero' OUT='$(PIZERO)' NETS='$(NETS)' DTYPES='$(DTYPES)' \
	    sh bench/pizero.sh
