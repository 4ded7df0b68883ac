/* SPDX-License-Identifier: MIT */
/* A model with the memory that it needs to run, on this machine, one thread. */
#ifndef TVIS_QUANT_RUNNER_HOSTED_H
#define TVIS_QUANT_RUNNER_HOSTED_H

#include <tinyvis/session.h>

typedef struct tvis_runner {
    tvis_session *session;
    tvis_tensor input; /* in the arena; batch 1, default size */
    void *arena, *pack;
} tvis_runner;

/* watch: told of every node, none fused; NULL: runs as fast as it can. cpu: TVIS_CPU_* to use. Afterwards, and after an error, the
 * runner is freed. */
tvis_status tvis_runner_start(tvis_runner *r, const tvis_model *m, uint32_t cpu, tvis_observer watch, void *user,
                              tvis_diag *diag);
void tvis_runner_free(tvis_runner *r);

#endif
