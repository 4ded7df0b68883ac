/* SPDX-License-Identifier: MIT */
/* Walks the nodes once in execution order, placing every tensor and every node's scratch. No memory but the stack's. */
#ifndef TVIS_CORE_PLANNER_H
#define TVIS_CORE_PLANNER_H

#include "core/op.h"

/* Where a walk puts the blocks. Offsets count from the start of the activations. */
typedef struct tvis_placed {
    uint32_t node;             /* TVIS_NONE: the graph's inputs, which come first */
    tvis_node_plan plan;       /* not filled for the graph's inputs */
    tvis_fusion fusion;        /* of a single node: its inputs */
    uint16_t id[TVIS_MAX_OUT]; /* tensors that were placed */
    uint32_t offset[TVIS_MAX_OUT];
    int32_t dims[TVIS_MAX_OUT][4];
    uint32_t count;
    uint32_t scratch_offset;
    uint32_t op; /* index in the registry */
} tvis_placed;

typedef void (*tvis_placed_fn)(void *user, const tvis_placed *p);

/* Result of the best of several placing rules. */
typedef struct tvis_layout_plan {
    uint8_t rule;
    uint32_t ceiling; /* bytes of activations and scratch together, a multiple of TVIS_ARENA_ALIGN */
    uint32_t tensors; /* of these, what the tensors take up alone */
    uint32_t bound;   /* no placing can need less than this */
} tvis_layout_plan;

/* Checks the config against the model. */
tvis_status tvis_check_config(const tvis_model *m, const tvis_session_config *c, tvis_diag *d);
/* Tries the rules; deterministic, the same on every target. */
tvis_status tvis_plan_layout(const tvis_model *m, const tvis_session_config *c, tvis_layout_plan *best, tvis_diag *d);
/* One walk with a rule found above; tells `fn` of the inputs and of each node. */
tvis_status tvis_plan_walk(const tvis_model *m, const tvis_session_config *c, const tvis_layout_plan *l,
                           tvis_placed_fn fn, void *user, tvis_diag *d);
/* The registry's operator for this node, or -1. */
int32_t tvis_find_op(const tvis_registry *r, uint8_t code, uint8_t dtype);

/* Packed weights: a directory with an entry a node, then the data. */
typedef struct tvis_pack_entry {
    uint32_t offset; /* from the start of the pack memory; 0: not packed */
    uint16_t pack, reserved;
} tvis_pack_entry;
typedef struct tvis_pack_header {
    uint32_t magic, model; /* the blob's CRC */
    uint32_t bytes, node_count;
    tvis_pack_entry entry[1]; /* node_count of them */
} tvis_pack_header;
#define TVIS_PACK_MAGIC 0x4b434150u

#endif
