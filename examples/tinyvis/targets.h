/* SPDX-License-Identifier: MIT */
/* Names of processors to plan for. */
#ifndef TINYVIS_TOOL_TARGETS_H
#define TINYVIS_TOOL_TARGETS_H

#include <stdint.h>

/* ORDER TARGET. Ends with NULL; the first is this machine. */
extern const char *const target_names[];
/* TVIS_CPU_* of a target. */
uint32_t target_cpu(uint32_t target);
/* Name of the single flag 1 << bit, or NULL. */
const char *target_flag_name(uint32_t bit);

#endif
