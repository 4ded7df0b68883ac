/* SPDX-License-Identifier: MIT */
/* Making a smaller model out of a model: the commands prune and quantize, and the stages of optimize. */
#ifndef TINYVIS_TOOL_MAKING_H
#define TINYVIS_TOOL_MAKING_H

#include "prune_target.h"

#include <stdbool.h>
#include <stdint.h>

/* Texts are the caller's. */
typedef struct prune_request {
    const char *input, *output, *folder, *modules;
    uint32_t method, pattern, scope, worth; /* tvis_prune_method, _pattern, _scope, _worth */
    double amount, macs, energy;            /* macs and energy: 0 or the share to keep */
    prune_target target;
    bool amount_given, scope_given, json;
    bool quiet; /* writes the model and tells nothing of it */
} prune_request;

typedef struct quantize_request {
    const char *input, *output, *folder, *labels;
    uint32_t mode, observer, equalize; /* tvis_quantize_mode, tvis_observer_kind, tvis_equalize */
    double percentile, max_drop, most_macs;
    bool mixed, json;
    bool quiet; /* as above */
} quantize_request;

/* Takes a command's arguments apart and checks them; no file is read. Returns ARGS_GO_ON, or an exit status after
 * --help or with a line on stderr. */
int prune_parse(prune_request *r, int argc, char **argv);
int quantize_parse(quantize_request *r, int argc, char **argv);
/* Makes the model and writes it. Returns TOOL_OK, or TOOL_FAILED with a line on stderr. */
int prune_run(const prune_request *r);
int quantize_run(const quantize_request *r);

#endif
