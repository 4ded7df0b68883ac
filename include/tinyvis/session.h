/* SPDX-License-Identifier: MIT */
/* Running a model: size -> init -> run. Nothing is allocated here, nothing is to be freed. */
#ifndef TINYVIS_SESSION_H
#define TINYVIS_SESSION_H

#include <tinyvis/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The operators, and their kernels, that a program links. `tvis_registry_all` has everything; firmware lists
 * only what its models use (`tinyvis embed` writes that list). */
typedef struct tvis_op tvis_op;
typedef struct tvis_registry {
    const tvis_op *const *ops; /* ends with NULL */
} tvis_registry;
TVIS_API extern const tvis_registry tvis_registry_all;

/* One entry for each operator and element type. ORDER TVIS_OP */
TVIS_API extern const tvis_op tvis_op_conv2d_f32, tvis_op_depthwise_f32, tvis_op_linear_f32, tvis_op_batch_norm_f32,
    tvis_op_activation_f32, tvis_op_add_f32, tvis_op_global_avg_pool_f32, tvis_op_softmax_f32, tvis_op_reshape_f32,
    tvis_op_max_pool_f32, tvis_op_rows_f32, tvis_op_rows_s8, tvis_op_scale_f32, tvis_op_shortcut_f32, tvis_op_l2_norm_f32,
    tvis_op_layer_norm_f32, tvis_op_attention_f32, tvis_op_tokens_f32, tvis_op_slice_f32, tvis_op_quantize_s8,
    tvis_op_dequantize_f32, tvis_op_conv2d_s8, tvis_op_depthwise_s8, tvis_op_linear_s8, tvis_op_activation_s8,
    tvis_op_add_s8, tvis_op_scale_s8, tvis_op_global_avg_pool_s8, tvis_op_max_pool_s8, tvis_op_tokens_s8,
    tvis_op_tokens_s16, tvis_op_slice_s8, tvis_op_slice_s16, tvis_op_reshape_s8, tvis_op_reshape_s16,
    tvis_op_shortcut_s8, tvis_op_shortcut_s16, tvis_op_quantize_s16, tvis_op_dequantize_s16, tvis_op_requantize_s8,
    tvis_op_requantize_s16, tvis_op_conv2d_s16, tvis_op_depthwise_s16, tvis_op_linear_s16, tvis_op_layer_norm_s8,
    tvis_op_layer_norm_s16, tvis_op_l2_norm_s8, tvis_op_l2_norm_s16, tvis_op_add_s16, tvis_op_scale_s16,
    tvis_op_activation_s16, tvis_op_global_avg_pool_s16, tvis_op_max_pool_s16, tvis_op_softmax_s8, tvis_op_softmax_s16,
    tvis_op_conv2d_dynamic, tvis_op_linear_dynamic, tvis_op_attention_s8;
/* In place of tvis_op_depthwise_s8 for a program on ARM without NEON whose kernels are all 3 x 3: a fifth less code. Others run in C. */
TVIS_API extern const tvis_op tvis_op_depthwise_s8_3x3;
/* In place of the element type of an entry: output F32, and weights, which are input 1, constant and S8. */
#define TVIS_DYNAMIC 0x80u

typedef enum tvis_plan {
    TVIS_PLAN_FAST, /* larger scratch blocks where they save time; uses packed weights where given */
    TVIS_PLAN_SMALL /* the least memory */
} tvis_plan;

/* Calls fn(arg, i) once for each i in [0, count), in any order and from any threads, and returns when all are done. */
typedef void (*tvis_parallel_for)(void *pool, void (*fn)(void *arg, uint32_t i), void *arg, uint32_t count);

/* Told before (output NULL) and after a node ran. `outputs` are views of the arena, valid during the call. */
typedef void (*tvis_observer)(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count);

#define TVIS_MAX_THREADS 64

typedef struct tvis_session_config {
    size_t               struct_size; /* sizeof(tvis_session_config); new fields go at the end */
    uint16_t             n, h, w;     /* batch and input pixels, within the model's limits; 0: 1 and the model's default */
    uint16_t             threads;     /* parts that the work is cut into, 1 … TVIS_MAX_THREADS; results do not depend on it */
    uint8_t              plan;        /* tvis_plan */
    bool                 no_fusion;   /* run every layer on its own, so that an observer sees all of them */
    uint32_t             cpu;         /* TVIS_CPU_* to use; tvis_cpu_detect() or a subset */
    const tvis_registry *registry;
    tvis_parallel_for    parallel_for; /* NULL: the parts run one after the other in the calling thread */
    void                *pool;         /* handed to parallel_for */
    const void          *pack;         /* memory filled by tvis_pack_init() for the same model, or NULL; outlives the session */
    tvis_observer        observe;      /* or NULL */
    void                *observe_user;
    bool                 strict;       /* convolutions sum in the order of their definition: no Winograd */
    bool                 int8_input;   /* every input is given as the int8 that the model makes of it first, not as floats: a quarter
                                        * of the memory. Same results. EUNSUP where a model does not begin so. */
    bool                 bf16;         /* factors of convolutions and linear layers of floats may be rounded to bfloat16, by 2^-8
                                        * at most, where the processor multiplies those faster; not in plan SMALL */
} tvis_session_config;

/* Batch 1, default size, one thread, plan FAST, this processor, all operators. */
static inline void tvis_session_defaults(tvis_session_config *c)
{
    c->struct_size = sizeof *c;
    c->n = 1;
    c->h = 0;
    c->w = 0;
    c->threads = 1;
    c->plan = TVIS_PLAN_FAST;
    c->no_fusion = false;
    c->cpu = tvis_cpu_detect();
    c->registry = &tvis_registry_all;
    c->parallel_for = NULL;
    c->pool = NULL;
    c->pack = NULL;
    c->observe = NULL;
    c->observe_user = NULL;
    c->strict = false;
    c->int8_input = false;
    c->bf16 = false;
}

/* Where a session's bytes go. total = state + activations + scratch. */
typedef struct tvis_session_bytes {
    size_t total, state, activations, scratch;
} tvis_session_bytes;

/* One node as it will run with a config. Strings are static or live in the blob. */
typedef struct tvis_node_info {
    const char *name, *op, *activation, *kernel; /* activation: "none", "relu6" … */
    int32_t     in[4], out[4];                   /* first input and first output, N H W C */
    uint8_t     in_dtype, dtype;                 /* of the same two */
    float       scale;                           /* of an integer output: real = scale * (value - zero); of a float one 0 */
    int32_t     zero;
    bool        factors;                         /* of the same: channels have factors, as equalization gives them */
    uint16_t    weights[16];                     /* tensor ids of constants among the inputs, TVIS_NONE */
    uint64_t    params, macs;
    uint64_t    bytes;                           /* read and written: activations and weights */
    uint32_t    scratch;
    uint8_t     entry;                           /* dtype of what runs it, or TVIS_DYNAMIC: the registry's tvis_op_<op>_<entry> */
} tvis_node_info;

typedef void (*tvis_node_visitor)(void *user, uint32_t node, const tvis_node_info *info);

/* Bytes of memory a session needs with this config, exactly, the same on every target; with pack memory it may be less or
 * more than without. Allocates nothing.
 * Errors: EINVAL (config), EUNSUP (no kernel), EFORMAT (shapes that do not fit together). */
TVIS_API tvis_status tvis_session_size(const tvis_model *m, const tvis_session_config *c, size_t *bytes, tvis_diag *diag);
/* The same in detail; visit, if given, is called for each node that runs, in order: fused layers are one, with the number of the first
 * and the name of the last. Works for any processor's cpu flags on any machine. */
TVIS_API tvis_status tvis_session_plan(const tvis_model *m, const tvis_session_config *c, tvis_session_bytes *bytes,
                                       tvis_node_visitor visit, void *user, tvis_diag *diag);

/* Packed weights: an optional copy of the weights in the order that the chosen kernels read them, shared by any number of
 * sessions of this model. Size for a config (0: nothing to gain, or plan SMALL), then fill; the memory stays the caller's. */
TVIS_API tvis_status tvis_pack_size(const tvis_model *m, const tvis_session_config *c, size_t *bytes, tvis_diag *diag);
TVIS_API tvis_status tvis_pack_init(const tvis_model *m, const tvis_session_config *c, void *mem, size_t bytes,
                                    tvis_diag *diag);

typedef struct tvis_session tvis_session;

/* Builds the session in `mem` (aligned to TVIS_ARENA_ALIGN, at least the size above), which stays the caller's. Nothing to free.
 * The model, its blob, the registry and the pack memory outlive the session. */
TVIS_API tvis_status tvis_session_init(tvis_session **s, const tvis_model *m, const tvis_session_config *c, void *mem,
                                       size_t bytes, tvis_diag *diag);
/* Shape, dtype and layout of input or output i as they lie in the arena; data points into the arena. Filling the input there
 * and passing the same view to run saves a copy; the run writes over it. An output there is valid until the next run. EINVAL: no such i. */
TVIS_API tvis_status tvis_session_input(const tvis_session *s, uint32_t i, tvis_tensor *t);
TVIS_API tvis_status tvis_session_output(const tvis_session *s, uint32_t i, tvis_tensor *t);
/* in[], out[]: one view for each input and output of the model, dtype and dims as the two calls above say (EINVAL if not), F32 in
 * either layout. With int8_input, tvis_preprocess_run() writes such a view, and tvis_model_preprocess() has its scale and zero.
 * out may be NULL: read the outputs in the arena. One thread a session at a time. Allocates nothing, cannot fail otherwise. */
TVIS_API tvis_status tvis_session_run(tvis_session *s, const tvis_tensor *in, const tvis_tensor *out, tvis_diag *diag);

/* Softmax probabilities of the k largest of n logits, largest first; equal ones by lower index. 1 <= k <= n. */
TVIS_API void tvis_top_k(const float *logits, uint32_t n, uint32_t k, uint32_t *index, float *prob);

#ifdef __cplusplus
}
#endif
#endif
