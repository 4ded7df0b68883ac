# SPDX-License-Identifier: MIT
# make                    build/native/libtinyvis.a and build/native/tinyvis
# make test               builds and runs the tests on this machine
# make CROSS=arm-linux-gnueabi- RUN='qemu-arm -cpu arm1176' test
# make SAN=address,undefined test
# make install DESTDIR=… PREFIX=/usr/local [SHARED=1]
CROSS  ?=
RUN    ?=
SAN    ?=
SHARED ?=
PREFIX ?= /usr/local
OPT    ?= -O2
ifeq ($(origin CC),default)
CC      = $(CROSS)gcc
endif
ifeq ($(origin AR),default)
AR      = $(CROSS)ar
endif
TARGET ?= $(if $(CROSS),$(patsubst %-,%,$(notdir $(CROSS))),native)
B      ?= build/$(TARGET)$(if $(SAN),-san)

# ---- nothing to change below for a new target ----
MACHINE  := $(shell $(CC) -dumpmachine)
WARN     := -std=c99 -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror
CPPFLAGS += -Iinclude -Isrc
CFLAGS   ?= $(OPT) -g
BASE     := $(WARN) -ffp-contract=off -ffunction-sections -fdata-sections -MMD -MP \
            $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
LDFLAGS  += $(if $(SAN),-fsanitize=$(SAN)) -Wl,--gc-sections
