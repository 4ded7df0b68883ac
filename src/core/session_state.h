/* SPDX-License-Identifier: MIT */
/* A session's memory: this header, a record for each node and each activation, then the activations. Offsets instead of
 * pointers, and slots of eight bytes for the few pointers there must be, so that the size is the same on every target.
 */
#ifndef TVIS_CORE_SESSION_STATE_H
#define TVIS_CORE_SESSION_STATE_H

#include "core/op.h"

typedef union tvis_slot {
    const void *data;
    void (*fn)(void);
    uint64_t bits;
} tvis_slot;

struct tvis_session {
    tvis_slot blob, pack, registry, parallel_for, pool, observe, observe_user;
    uint32_t magic, arena; /* offset of the activations from the session */
    uint32_t bytes, cpu;
    uint16_t threads;
    uint8_t plan, int8_input, reserved[4]; /* a multiple of 8 bytes, whatever the alignment of uint64_t is */
};

typedef struct tvis_node_state {
    uint32_t scratch;       /* offset from the activations */
    uint32_t scratch_bytes; /* of each part */
    uint32_t packed;        /* offset in pack memory, 0: none */
    uint16_t kernel, op;
} tvis_node_state;

typedef struct tvis_tensor_state {
    uint32_t offset; /* from the activations */
    int32_t dims[4];
} tvis_tensor_state;

#define TVIS_SESSION_MAGIC 0x53534553u

static inline tvis_node_state *tvis_node_states(tvis_session *s)
{
    return (tvis_node_state *)(void *)(s + 1);
}

static inline tvis_tensor_state *tvis_tensor_states(tvis_session *s, uint32_t node_count)
{
    return (tvis_tensor_state *)(void *)(tvis_node_states(s) + node_count);
}

#endif
