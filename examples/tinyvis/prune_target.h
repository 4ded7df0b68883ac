/* SPDX-License-Identifier: MIT */
/* The least pruning that makes a file small enough, or a run fast enough. */
#ifndef TINYVIS_TOOL_PRUNE_TARGET_H
#define TINYVIS_TOOL_PRUNE_TARGET_H

#include "load_model.h"

#include <tinyvis/prune.h>

/* Shares of the input model's to keep, 0 for any. */
typedef struct prune_target {
    double size, latency;
} prune_target;

/* Finds c->amount by halving, with models that are thrown away; latency is measured in turns with the input model. Fails
 * with EINVAL, and the nearest that was seen, where nothing meets the target. */
tvis_status prune_to_target(const loaded *original, const prune_target *t, tvis_prune_config *c, tvis_diag *d);

#endif
