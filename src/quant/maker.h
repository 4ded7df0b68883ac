/* SPDX-License-Identifier: MIT */
/* A quantized model while it is made: node by node of the float model an emitter adds what computes the same in
 * integers, or in floats where that node is to stay so. */
#ifndef TVIS_QUANT_MAKER_H
#define TVIS_QUANT_MAKER_H

#include "core/graph_hosted.h"
#include "quant/calibrate_hosted.h"

/* How the values of a tensor are stored. */
typedef enum tvis_form {
    TVIS_FORM_S8,  /* asymmetric */
    TVIS_FORM_S16, /* symmetric: zero is 0 */
    TVIS_FORM_F32,
    TVIS_FORM_COUNT_
} tvis_form;

/* What a node reads and writes. F32 goes with F32 only. */
typedef struct tvis_precision {
    uint8_t x, y; /* tvis_form */
} tvis_precision;

/* A tensor of the float model in the model that is made. */
typedef struct tvis_made {
    tvis_range range;
    uint32_t as[TVIS_FORM_COUNT_]; /* tensors of `to`; TVIS_NONE: not needed yet */
    uint8_t form;                  /* what its producer writes */
} tvis_made;

/* A layer's weights and biases fitted to its inputs in integers. */
typedef struct tvis_refit {
    int8_t *q;     /* in the order of the weights, not each rounded to the nearest */
    double *scale; /* of each channel */
    float *bias;
} tvis_refit;

/* `from` is the float model with activations on their own, `to` what is made of it. */
typedef struct tvis_maker {
    const tvis_quantize_config *c;
    const tvis_graph *from;
    tvis_graph *to;
    const tvis_calibration *k;
    const tvis_precision *precision; /* one for each node of `from` */
    const tvis_range *range;         /* one for each tensor of `from` */
    double *const *shift; /* one for each node of `from`: what is added to its biases, a value a channel, or NULL; or NULL */
    tvis_refit *const *refit;        /* one for each node of `from`, or NULL; or NULL */
    tvis_made *made;                 /* one for each tensor of `from` */
    tvis_quantize_report report;
    double signal, noise; /* energy of the weights, and of their rounding */
    const char *worst;    /* in `from` */
} tvis_maker;

/* The scale of a channel's n weights, when nothing else asks for a larger one. */
double tvis_row_scale(const float *w, int32_t n);

/* The model by q's first members, which the caller fills; the report is in q afterwards. */
tvis_status tvis_make(tvis_maker *q, tvis_blob *blob, tvis_diag *diag);

/* What goes into a table needs no range beyond what its output can tell apart: range[] is one for each tensor. */
void tvis_bound_tables(const tvis_graph *from, tvis_range *range);
/* The part of x outside of which a table's output, limited to y, does not change by more than half a step. */
tvis_range tvis_table_range(uint8_t act, tvis_range x, tvis_range y);

/* Adds what stands for node i of `from` and returns how many nodes that is: an activation behind may be taken in. */
typedef uint32_t (*tvis_emit)(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_layer(tvis_maker *q, uint32_t i); /* convolution, depthwise, linear */
uint32_t tvis_emit_layer_norm(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_l2_norm(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_softmax(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_move(tvis_maker *q, uint32_t i); /* slice, reshape, shortcut, maximum pool: no arithmetic */
uint32_t tvis_emit_attention(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_tokens(tvis_maker *q, uint32_t i);
uint32_t tvis_emit_float(tvis_maker *q, uint32_t i); /* anything, as it is; weights become halves */
/* The emitter of a node, or NULL: there is no integer kernel for it. */
tvis_emit tvis_emitter(const tvis_maker *q, uint32_t i);

void tvis_maker_fail(tvis_maker *q, tvis_status s, tvis_diag_code code, const char *name, const char *why);
/* Tensor `id` of `from` in a form, converted once where it is not there yet: a tensor of `to`. */
uint32_t tvis_maker_in(tvis_maker *q, uint32_t id, tvis_form form);
/* The tensor of `to` that a node writes for tensor `id`, in a form. */
uint32_t tvis_maker_out(tvis_maker *q, uint32_t id, tvis_form form);
/* The same with scale and zero point of tensor `like` of `to`: for operators that only move values. */
uint32_t tvis_maker_out_like(tvis_maker *q, uint32_t id, uint32_t like);
/* Scale of a tensor of `to`. */
double tvis_maker_scale(const tvis_maker *q, uint32_t id);
/* Adds node n with another list of inputs; `y` are tensors of `to`. */
void tvis_maker_node(tvis_maker *q, const tvis_gnode *n, const uint32_t *in, uint32_t in_count, const uint32_t *y,
                     const tvis_quant *k);
/* Zero point and limits of output y (S8 or S16) and a clamping activation. */
void tvis_maker_limits(const tvis_maker *q, uint8_t act, uint32_t y, tvis_quant *k);
/* One multiplier for a real factor of values up to `bound`. */
void tvis_maker_choose(tvis_maker *q, const char *name, double factor, int64_t bound, int32_t *mul, uint8_t *shift);
/* A zeroed constant (1, 1, 1, n). */
uint32_t tvis_maker_vector(tvis_maker *q, const char *name, uint8_t dtype, int32_t n);
/* 256 entries from S8 to S8: table[x + 128] = act(x). */
uint32_t tvis_maker_table(tvis_maker *q, const char *name, uint8_t act, uint32_t from, uint32_t to);
/* 513 entries for x of S16, or 256 times an S8, to S16, or 256 times an S8: src/ops/table16.h. */
uint32_t tvis_maker_table16(tvis_maker *q, const char *name, uint8_t act, uint32_t from, uint32_t to);
/* The activation behind node i that alone reads its output and needs a table, or NULL. */
const tvis_gnode *tvis_maker_table_after(const tvis_maker *q, uint32_t i);
/* Counts weights that were rounded. */
void tvis_maker_note(tvis_maker *q, const char *name, double signal, double noise, uint64_t elements);

/* Whether an activation is nothing but limits. */
static inline bool tvis_act_clamps(uint8_t act)
{
    return act <= TVIS_ACT_RELU6;
}

/* Whether a node multiplies by constant weights. */
bool tvis_has_weights(const tvis_graph *g, const tvis_gnode *n);

/* A copy of `from` in which activations, but for clamps, are nodes of their own. `to` is initialised by the caller. */
void tvis_split_activations(tvis_graph *to, const tvis_graph *from);
/* Copies everything but the nodes; tensors keep their numbers and borrow their data. */
void tvis_copy_tensors(tvis_graph *to, const tvis_graph *from);

#endif
