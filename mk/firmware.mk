# SPDX-License-Identifier: MIT
# make firmware         build/firmware/<cpu>/libtinyvis.a for bare metal, without anything hosted
# make firmware-run     the images of examples/firmware, in qemu-system-arm
# FIRMWARE_CPUS=cortex-m4 for one of them.
FIRMWARE_CPUS  ?= cortex-m0plus cortex-m4 cortex-m7 arm1176
FIRMWARE_CROSS ?= arm-none-eabi-
FIRMWARE_OPT   ?= -Os
FIRMWARE_cortex-m0plus := -mthumb -mcpu=cortex-m0plus
FIRMWARE_cortex-m4     := -mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard
FIRMWARE_cortex-m7     := -mthumb -mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard
FIRMWARE_arm1176       := -marm -mcpu=arm1176jzf-s
# The compiler writes down how much stack each function takes and whom it calls: tests/firmware/stack.sh adds it up.
FIRMWARE_FLAGS = $(FIRMWARE_OPT) -g -fcallgraph-info=su
# ccache brings back objects without what the compiler writes beside them.
firmware test-firmware: export CCACHE_DISABLE := 1
FIRMWARE_FOR   = $(SUB) CROSS=$(FIRMWARE_CROSS) ARCH='$(FIRMWARE_$1)' B=build/firmware/$1 CFLAGS='$(FIRMWARE_FLAGS)'
IMAGE_CPUS    ?= cortex-m0plus cortex-m4 cortex-m7
FIRMWARE_TESTS = tests/firmware/link.sh tests/firmware/symbols.sh tests/firmware/stack.sh

.PHONY: firmware firmware-run test-firmware
firmware:
	+@$(foreach c,$(FIRMWARE_CPUS),$(call FIRMWARE_FOR,$c) lib &&) true
firmware-run: firmware
	+@$(SUB) tool
	@$(foreach c,$(filter $(IMAGE_CPUS),$(FIRMWARE_CPUS)),TINYVIS='$(B)/tinyvis' CROSS='$(FIRMWARE_CROSS)' ARCH='$(FIRMWARE_$c)' \
	    sh examples/firmware/make.sh $c build/firmware/$c && sh examples/firmware/run.sh $c build/firmware/$c &&) true
test-firmware:
	+@$(SUB) tool
	+@status=0; $(foreach c,$(FIRMWARE_CPUS),$(call FIRMWARE_FOR,$c) FIRMWARE_CPU=$c TESTS= SCRIPTS='$(FIRMWARE_TESTS) \
	    $(if $(filter $(IMAGE_CPUS),$c),tests/firmware/image.sh)' test || status=1;) \
	$(SIZED) TESTS= TOOL= BENCHES= SCRIPTS=tests/firmware/size.sh test && exit $$status
