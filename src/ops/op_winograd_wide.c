/* SPDX-License-Identifier: MIT */
/* Convolutions of a graph that run as tvis_winograd_f32: planning by cost, threads. */
#include "core/port.h"
#include "ops/matrix.h"
#include "ops/winograd.h"

#if TVIS_WINOGRAD
enum { FIRST = 0x8000 }; /* choice[].kernel counts rows from here on */

bool tvis_winograd_runs(uint16_t kernel)
{
    return kernel >= FIRST;
}

/* What takes as long as so many multiply-adds, as measured: reading a weight from memory; transforming a position of a
 * tile, in or out, of one channel. ARM11: in the model of docs/pizero.md. */
typedef struct costs {
    int32_t weight, transform;
} costs;

static bool wins(const tvis_conv_shape *s, int32_t n, int32_t pictures, uint32_t cpu)
{
    const costs cost = cpu & TVIS_CPU_VFP11 ? (costs){ 11, 16 } : (costs){ 20, 12 };
    const int64_t weights = (int64_t)n * s->ic, tiles = tvis_winograd_tiles(s, pictures);
    const int64_t direct = 9 * weights * ((int64_t)pictures * s->oh * s->ow + cost.weight);
    const int64_t transforms = cost.transform * tiles * ((int64_t)n + s->ic);
    return TVIS_WINOGRAD_ALL * (weights * (tiles + cost.weight) + transforms) < direct;
}

static bool may(const tvis_node_plan *p, const tvis_blob_tensor *w, const tvis_conv_shape *s)
{
    return !p->config->strict && !(tvis_matrix_cpu(p) & TVIS_CPU_AMX_BF16) && p->config->plan == TVIS_PLAN_FAST &&
           w->dtype != TVIS_S4 && w->pack == TVIS_PACK_PLAIN && s->kh == 3 && s->kw == 3 && s->ic == w->dims[3] &&
           s->stride[0] == 1 && s->stride[1] == 1 && s->dilation[0] == 1 && s->dilation[1] == 1;
}

bool tvis_winograd_plan(tvis_node_plan *p, uint32_t node, uint32_t input, const tvis_conv_shape *s)
{
    const int32_t n = p->in[input]->dims[0], pictures = p->in_dims[0][0];
    const bool wanted = p->config->pack == &tvis_pack_wanted;
    const int64_t tiles = tvis_winograd_tiles(s, pictures);
    uint16_t i = 0;
    while (tvis_winograd_f32[i].k.cpu & ~p->config->cpu)
        i++;
    if (!tvis_winograd_f32[i].k.cpu)
        return false;
    const tvis_kernel *k = &tvis_winograd_f32[i].k;
    const uint64_t packed = tvis_winograd_packed(k, n, s->ic) * sizeof(float),
                   scratch = tvis_winograd_scratch(k, n, s->ic, tiles) * sizeof(float);
    if (!may(p, p->in[input], s) || packed > INT32_MAX || scratch > INT32_MAX || tiles > INT32_MAX ||
        (wanted ? !wins(s, n, pictures, k->cpu) : !tvis_plan_packed(p, node, k->pack)))
        return false;
    p->choice[node] = (tvis_choice){ (uint16_t)(FIRST + i), k->pack, (uint32_t)packed };
    p->kernel_name = k->name;
    p->scratch = (uint32_t)scratch;
    return true;
}

void tvis_winograd_pack_node(const tvis_node_plan *p, uint32_t node, uint32_t input, void *out)
{
    const tvis_blob_tensor *w = p->in[input];
    tvis_winograd_pack(&tvis_winograd_f32[p->choice[node].kernel - FIRST].k, p->model->blob + w->offset,
                       w->dtype == TVIS_F16, w->dims[0], w->dims[3], out);
}

typedef struct work {
    const tvis_node_run *run;
    tvis_winograd_f32_args a;
} work;

/* Few tiles are cut by columns, many by tiles. */
static void run_part(void *arg, uint32_t i)
{
    const work *w = arg;
    const tvis_node_run *r = w->run;
    const tvis_kernel *k = &w->a.v->k;
    const int32_t tiles = (int32_t)tvis_winograd_tiles(w->a.s, w->a.pictures), n = w->a.n;
    float *scratch = (float *)(void *)(r->scratch + (size_t)i * r->scratch_bytes);
    if (tiles >= r->parts * k->mr * 2 || n <= k->nr)
        tvis_winograd_part(&w->a, tvis_part(tiles, i, r->parts, k->mr), tvis_part(tiles, i + 1, r->parts, k->mr), 0, n,
                           scratch);
    else if (tvis_part(n, i, r->parts, k->nr) < tvis_part(n, i + 1, r->parts, k->nr))
        tvis_winograd_part(&w->a, 0, tiles, tvis_part(n, i, r->parts, k->nr), tvis_part(n, i + 1, r->parts, k->nr),
                           scratch);
}

void tvis_winograd_run(const tvis_node_run *r, const tvis_conv_shape *s)
{
    const work w = {
        .run = r,
        .a = { .v = &tvis_winograd_f32[r->kernel[0] - FIRST],
               .s = s,
               .pictures = r->in_dims[0][0],
               .n = r->in_dims[1][0],
               .x = r->x[0],
               .w = r->packed[0],
               .bias = r->x[2],
               .add = r->x[3],
               .y = r->y[0],
               .act = r->node->act,
               .cpu = r->cpu },
    };
    tvis_run_parts(r, run_part, (void *)(uintptr_t)&w);
}
#endif
