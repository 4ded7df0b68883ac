/* SPDX-License-Identifier: MIT */
/* What an operator is to the core: a plan, which answers everything that must be known before running, and a run. */
#ifndef TVIS_CORE_OP_H
#define TVIS_CORE_OP_H

#include "core/blob.h"
#include "core/diag.h"
#include "core/kernel.h"

#include <tinyvis/session.h>

/* Nodes that follow each other and that one operator runs as if they were one, never storing what lies between them. */
#define TVIS_MAX_FUSED    4u
#define TVIS_MAX_FUSED_IN 24u
typedef struct tvis_fusion {
    uint32_t nodes;
    uint8_t in_count;
    uint16_t in[TVIS_MAX_FUSED_IN]; /* tensors, by the operator's own rule; TVIS_NONE: not given. Of those between the
                                       nodes there is the record only, no shape and no data. */
    uint16_t out;
    bool adds_input; /* the last node adds in[0]; it is not listed twice */
} tvis_fusion;

/* The kernel for a node: plain operators use one, fusions one for each of their nodes. */
typedef struct tvis_choice {
    uint16_t kernel;     /* row of a table */
    uint16_t pack;       /* order in which that row reads the weights */
    uint32_t pack_bytes; /* of a packed copy; 0: nothing to gain */
} tvis_choice;

/* One node with the shapes of a session. The core fills the first part, tvis_op.plan the second. */
typedef struct tvis_node_plan {
    const tvis_model *model;
    const tvis_session_config *config;
    const tvis_blob_node *node;
    const tvis_blob_tensor *in[TVIS_MAX_FUSED_IN]; /* NULL: not given */
    const int32_t *in_dims[TVIS_MAX_FUSED_IN];     /* of none that is given: zeros */
    int32_t x_dims[4];         /* what in_dims[0] points to: the first input's place may be taken over */
    const tvis_fusion *fusion; /* NULL: a single node */
    tvis_diag *diag;
    int32_t band; /* most output rows of one run, where fused rows run the node; 0: all */

    int32_t out_dims[TVIS_MAX_OUT][4];
    const char *kernel_name;
    tvis_choice choice[TVIS_MAX_FUSED];
    uint32_t scratch; /* bytes of working memory for each part of the work */
    int8_t in_place;  /* the first output may lie in this input's memory if it ends here; -1: it may not */
    bool declined;    /* of a fusion: the nodes are better run one by one */
    uint64_t macs;
} tvis_node_plan;

/* One node while it runs. Of a fusion, the inputs here are those of its first node; tvis_run_inputs() has the others.
 */
typedef struct tvis_node_run {
    const tvis_blob_node *node;
    const tvis_blob_tensor *const *in; /* records; NULL: not given */
    const tvis_blob_tensor *const *out;
    const void *const *x;          /* data of the inputs, NULL: not given */
    void *const *y;                /* data of the outputs */
    const int32_t *const *in_dims; /* of an input that is not given: zeros */
    const int32_t (*out_dims)[4];
    uint16_t kernel[TVIS_MAX_FUSED];
    const void *packed[TVIS_MAX_FUSED]; /* weights in the kernel's order, or NULL */
    const tvis_fusion *fusion;
    const tvis_model *model;
    const tvis_session *session;
    const tvis_registry *registry;
    uint8_t *scratch; /* `parts` times scratch_bytes */
    uint32_t scratch_bytes;
    uint16_t parts; /* how many the work is cut into */
    uint8_t plan;   /* tvis_plan */
    uint32_t cpu;   /* TVIS_CPU_* to use */
    tvis_parallel_for parallel_for;
    void *pool;
} tvis_node_run;

struct tvis_op {
    uint8_t code;  /* tvis_op_code */
    uint8_t dtype; /* tvis_dtype of the first output, S16 if an input or output is S16, or TVIS_DYNAMIC */
    const char *name;
    tvis_status (*plan)(tvis_node_plan *p);
    void (*pack)(const tvis_node_plan *p, uint32_t node, void *out); /* of a fusion's node; NULL: never packs */
    void (*run)(const tvis_node_run *r);
    bool (*match)(const tvis_model *m, uint32_t node, tvis_fusion *f); /* NULL: runs single nodes */
};

extern const int32_t tvis_no_dims[4];

/* The registry's entry that runs a node on its own, or NULL. */
const tvis_op *tvis_node_op(const tvis_registry *r, const tvis_model *m, const tvis_blob_node *n);

/* Rounded up to TVIS_ARENA_ALIGN. */
static inline uint32_t tvis_align(uint32_t n)
{
    return (n + (TVIS_ARENA_ALIGN - 1u)) & ~(TVIS_ARENA_ALIGN - 1u);
}

/* Rows of C values. */
static inline int64_t tvis_pixels(const int32_t *dims)
{
    return (int64_t)dims[0] * dims[1] * dims[2];
}

/* These are called from everywhere, and are not inlined: the number of elements; */
int64_t tvis_elements(const int32_t *dims);
/* first index of part i when total is cut into `parts`, in steps of `step`; */
int32_t tvis_part(int32_t total, uint32_t i, uint32_t parts, int32_t step);
/* calls fn(arg, i) for each part, through the session's parallel_for where there is one. */
void tvis_run_parts(const tvis_node_run *r, void (*fn)(void *arg, uint32_t i), void *arg);

/* Records, data and shapes of tensors by their ids; NULL and zeros for TVIS_NONE. */
void tvis_run_inputs(const tvis_node_run *r, const uint16_t *id, uint32_t count, const tvis_blob_tensor **in,
                     const void **x, const int32_t **dims);

/* In place of pack memory in the config while its size or contents are asked for: an order of weights that has to be
 * packed is then wanted. */
extern const uint64_t tvis_pack_wanted;
/* Whether the session has packed weights of a (fusion's) node in this order. */
bool tvis_plan_packed(const tvis_node_plan *p, uint32_t node, uint16_t pack);
/* Helpers of plan(). Each failure names the node. */
tvis_status tvis_plan_fail(const tvis_node_plan *p, tvis_status s, tvis_diag_code code, const char *detail);
tvis_status tvis_plan_fail_shape(const tvis_node_plan *p, const char *detail, const int32_t *expected,
                                 const int32_t *found);
/* Number of inputs in [min, max], one output, all there up to min. */
tvis_status tvis_plan_arity(const tvis_node_plan *p, uint32_t min, uint32_t max);
/* Input i, if given, is a constant of this dtype with `count` elements in its last dimension and 1 in the others. */
tvis_status tvis_plan_vector(const tvis_node_plan *p, uint32_t i, uint8_t dtype, int32_t count);
/* Input i is a constant of F32 or F16, or of S4 where it is no depthwise convolution's. */
bool tvis_plan_float_weights(const tvis_node_plan *p, uint32_t i);
/* Output and input 0 have the same shape, and the output may lie in its place. */
tvis_status tvis_plan_elementwise(tvis_node_plan *p);

#endif
