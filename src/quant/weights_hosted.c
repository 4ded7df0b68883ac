/* SPDX-License-Identifier: MIT */
#include "quant/weights_hosted.h"
#include "quant/dynamic_hosted.h"
#include "quant/halve_hosted.h"
#include "quant/hessian_hosted.h"
#include "quant/maker.h"
#include "quant/s4_hosted.h"

#include <tinyvis/session.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AS_IT_IS, AS_HALVES, AS_S8, AS_S4 };

/* What became of a constant of the model: `as` says how, and id where. */
typedef struct fate {
    uint8_t as;
    uint32_t id, scales, sums;
} fate;

typedef struct pass {
    const tvis_model *m;
    const tvis_quantize_config *c;
    tvis_graph *g;
    fate *fate;      /* one for each tensor of the model */
    int64_t *pixels; /* of each node's output, for one picture of the default size */
    tvis_energy all;
    tvis_quantize_report report;
} pass;

static void refuse(tvis_graph *g, tvis_status s, tvis_diag_code code, const char *name, const char *why)
{
    if (!g->status)
        g->status = tvis_fail(g->diag, s, code, name, why);
}

/* Few weights for many pixels: they hardly count in the file, and each pixel that is read would be rounded for few
 * products. Floats leave such layers to kernels that fuse them row by row. Measured on x86: layers of fewer weights
 * lose time, larger ones win. */
static bool stays_float(const pass *p, const tvis_gnode *n, bool depthwise)
{
    enum { FEW_WEIGHTS = 4096, MANY_PIXELS = 28 * 28 };
    const int32_t *w = p->g->tensor[n->in[1]].dims;
    const bool few = depthwise || (int64_t)w[0] * w[1] * w[2] * w[3] < FEW_WEIGHTS;
    return few && p->pixels[n - p->g->node] >= MANY_PIXELS;
}

/* How a layer's weights are to be stored; *why they do not get the mode's own type. */
static uint8_t layer_as(const pass *p, const tvis_gnode *n, const char **why)
{
    const int32_t *w = p->g->tensor[n->in[1]].dims;
    const bool depthwise = n->op == TVIS_OP_DEPTHWISE;
    *why = NULL;
    if (p->c->mode == TVIS_QUANTIZE_DYNAMIC && stays_float(p, n, depthwise)) {
        *why = "few weights for many pixels: rounding what it reads would take longer than it saves";
        return AS_IT_IS;
    }
    if (p->c->mode == TVIS_QUANTIZE_DYNAMIC && depthwise)
        *why = "depthwise: too few products for each activation that would be rounded";
    else if (p->c->mode == TVIS_QUANTIZE_DYNAMIC && (int64_t)w[1] * w[2] * w[3] > TVIS_DYNAMIC_MOST)
        *why = "more than 32768 weights an output: sums would not fit 32 bits";
    else if (p->c->mode == TVIS_QUANTIZE_INT4 && (depthwise || w[1] * w[2] > 1))
        *why =
            depthwise ? "depthwise: too few weights for 4 bits" : "a kernel of more than one pixel: 4 bits are for 1x1";
    if (*why || p->c->mode == TVIS_QUANTIZE_FP16)
        return AS_HALVES;
    return p->c->mode == TVIS_QUANTIZE_DYNAMIC ? AS_S8 : AS_S4;
}

/* Constants of more than a vector that are added, not multiplied with. */
static bool is_embedding(const tvis_graph *g, const tvis_gnode *n, uint32_t k)
{
    return n->op == TVIS_OP_TOKENS && k > 0 && n->in[k] != TVIS_NONE && g->tensor[n->in[k]].constant;
}

static void note(pass *p, uint32_t old, tvis_energy e)
{
    const tvis_blob_tensor *t = &tvis_tensors(p->m)[old];
    tvis_quantize_report *r = &p->report;
    p->all.signal += e.signal;
    p->all.noise += e.noise;
    r->tensors++;
    r->elements += t->bytes / sizeof(float);
    if (tvis_decibel(e) < r->worst_db) {
        r->worst_db = tvis_decibel(e);
        r->worst = tvis_string(p->m, t->name);
    }
}

/* Stores constant `old` in another type, if that is not done yet. */
static void change(pass *p, uint32_t old, uint8_t as, tvis_hessian *h)
{
    const tvis_gtensor from = p->g->tensor[old];
    fate *f = &p->fate[old];
    tvis_energy e = { 0.0, 0.0 };
    if (f->as == as)
        return;
    if (from.dtype != TVIS_F32) {
        refuse(p->g, TVIS_EINVAL, TVIS_DIAG_REFUSED, from.name, "the model is quantized already");
        return;
    }
    f->as = as;
    f->id = as == AS_S8   ? tvis_to_dynamic(p->g, &from, &f->scales, &f->sums, &e)
            : as == AS_S4 ? tvis_to_s4(p->g, &from, h, &e)
                          : tvis_halve(p->g, &from, &e);
    if (!p->g->status)
        note(p, old, e);
}

static void use_fate(pass *p, uint32_t node, uint32_t k)
{
    tvis_gnode *n = &p->g->node[node];
    const fate f = p->fate[n->in[k]];
    if (p->g->status)
        return;
    n->in[k] = f.id;
    if (f.as != AS_S8)
        return;
    for (uint32_t i = n->in_count; i < TVIS_DYNAMIC_SCALES; i++)
        n->in[i] = TVIS_NONE;
    n->in[TVIS_DYNAMIC_SCALES] = f.scales;
    n->in[TVIS_DYNAMIC_SUMS] = f.sums;
    n->in_count = TVIS_DYNAMIC_SUMS + 1;
}

static void change_node(pass *p, uint32_t i)
{
    const tvis_gnode *n = &p->g->node[i];
    const char *why;
    for (uint32_t k = 1; k < n->in_count && !p->g->status; k++)
        if (is_embedding(p->g, n, k)) {
            change(p, n->in[k], AS_HALVES, NULL);
            use_fate(p, i, k);
        }
    if (p->g->status || !tvis_has_weights(p->g, n) || n->in[1] >= tvis_header(p->m)->tensor_count)
        return;
    const uint8_t as = layer_as(p, n, &why);
    if (why && p->c->kept)
        p->c->kept(p->c->input_user, tvis_string(p->m, tvis_nodes(p->m)[i].name), why);
    if (as == AS_IT_IS)
        return;
    change(p, n->in[1], as, NULL);
    use_fate(p, i, 1);
}

/* ---- errors of rounding to 4 bits made up for ---- */

static tvis_status round_layer(void *user, tvis_hessian *h, tvis_diag *diag)
{
    pass *p = user;
    const uint32_t node = h->node;
    (void)diag; /* the graph has it */
    if (!h->h && p->c->kept)
        p->c->kept(p->c->input_user, tvis_string(p->m, tvis_nodes(p->m)[node].name),
                   "int4, each weight rounded to the nearest: its inputs' products would not fit into 40 MB");
    change(p, p->g->node[node].in[1], AS_S4, h->h ? h : NULL);
    return p->g->status;
}

/* Layers that are to be of 4 bits, as tvis_hessian_each() wants them; each matrix once. */
static uint32_t list_layers(const pass *p, uint32_t *nodes)
{
    const char *why;
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->g->node_count; i++) {
        const tvis_gnode *n = &p->g->node[i];
        bool listed = false;
        if (!tvis_has_weights(p->g, n) || layer_as(p, n, &why) != AS_S4)
            continue;
        for (uint32_t k = 0; k < count; k++)
            listed = listed || p->g->node[nodes[k]].in[1] == n->in[1];
        if (!listed)
            nodes[count++] = i;
    }
    return count;
}

static void round_with_pictures(pass *p)
{
    const tvis_pictures pictures = { p->c->images, p->c->input, p->c->input_user,
                                     p->c->portable ? 0 : tvis_cpu_detect() };
    uint32_t *nodes = malloc((p->g->node_count + 1) * sizeof *nodes);
    if (!nodes) {
        tvis_graph_out_of_memory(p->g);
        return;
    }
    const tvis_status s = tvis_hessian_each(p->m, &pictures, nodes, list_layers(p, nodes), TVIS_HESSIAN_BUDGET,
                                            round_layer, p, p->g->diag);
    p->g->status = p->g->status ? p->g->status : s;
    free(nodes);
}

static void keep_pixels(void *user, uint32_t node, const tvis_node_info *info)
{
    ((int64_t *)user)[node] = (int64_t)info->out[1] * info->out[2];
}

static void count_pixels(pass *p)
{
    tvis_session_config c;
    tvis_session_bytes bytes;
    tvis_session_defaults(&c);
    c.no_fusion = true;
    c.cpu = 0;
    p->g->status = tvis_session_plan(p->m, &c, &bytes, keep_pixels, p->pixels, p->g->diag);
}

static void check_plain(const pass *p)
{
    const bool pictures = p->c->mode == TVIS_QUANTIZE_INT4 && p->c->images;
    for (uint32_t i = 0; pictures && i < p->g->tensor_count; i++)
        if (p->g->tensor[i].dtype != TVIS_F32)
            refuse(p->g, TVIS_EINVAL, TVIS_DIAG_REFUSED, p->g->tensor[i].name, "the model is quantized already");
    if (pictures && p->g->input_count != 1)
        refuse(p->g, TVIS_EUNSUP, TVIS_DIAG_LIMIT, "inputs", "networks with one input can be calibrated");
    if (pictures && !p->c->input)
        refuse(p->g, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "calibration", "no function that reads the pictures");
}

static void change_all(pass *p)
{
    check_plain(p);
    if (!p->g->status && p->c->mode == TVIS_QUANTIZE_DYNAMIC)
        count_pixels(p);
    if (!p->g->status && p->c->mode == TVIS_QUANTIZE_INT4 && p->c->images)
        round_with_pictures(p);
    bool own = false; /* the mode does something of its own */
    for (uint32_t i = 0; i < p->g->node_count && !p->g->status; i++)
        change_node(p, i);
    for (uint32_t t = 0; t < tvis_header(p->m)->tensor_count; t++)
        own = own || p->fate[t].as == AS_S8 || p->fate[t].as == AS_S4;
    p->report.snr_db = tvis_decibel(p->all);
    if (p->report.tensors == 0)
        refuse(p->g, TVIS_EINVAL, TVIS_DIAG_REFUSED, "model", "has no convolution or linear layer to quantize");
    else if (p->c->mode != TVIS_QUANTIZE_FP16 && !own)
        refuse(p->g, TVIS_EINVAL, TVIS_DIAG_REFUSED, "model", "has no layer that this mode is for");
}

tvis_status tvis_quantize_weights(const tvis_model *m, const tvis_quantize_config *c, tvis_blob *blob,
                                  tvis_quantize_report *report, tvis_diag *diag)
{
    tvis_graph g;
    pass p = { .m = m, .c = c, .g = &g, .report = { .snr_db = INFINITY, .worst_db = INFINITY } };
    tvis_graph_init(&g, diag);
    tvis_graph_read(&g, m);
    p.fate = calloc((size_t)tvis_header(m)->tensor_count + 1, sizeof *p.fate);
    p.pixels = calloc((size_t)tvis_header(m)->node_count + 1, sizeof *p.pixels);
    if (!p.fate || !p.pixels)
        tvis_graph_out_of_memory(&g);
    if (!g.status)
        change_all(&p);
    const tvis_status s = g.status ? g.status : tvis_blob_write(&g, blob, diag);
    tvis_graph_free(&g);
    free(p.fate);
    free(p.pixels);
    if (!s && report)
        *report = p.report;
    return s;
}
