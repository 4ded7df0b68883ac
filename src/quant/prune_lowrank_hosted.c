/* SPDX-License-Identifier: MIT */
/* W (n, k) becomes U (n, r) times V (r, k). With C the mean of x x^T over the pictures (without any, 1), no other
 * product of rank r has outputs nearer to W x than U = E, V = E^T W, E the first r eigenvectors of W C W^T; the
 * eigenvalues are the energies of the outputs along them. */
#include "quant/eigen_hosted.h"
#include "quant/hessian_hosted.h"
#include "quant/linalg_hosted.h"
#include "quant/prune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chosen layer. most: the largest rank that saves work, 0 where none does. */
typedef struct factors {
    int32_t n, k, most, rank; /* rank: 0 as long as the layer stays one */
    float *e;                 /* (most, n) */
    double *value;            /* (most) */
    double energy, macs;      /* of all outputs; of the layer as it is */
} factors;

typedef struct factorizer {
    tvis_pruner *p;
    factors *layer; /* p->count */
    uint32_t next;  /* of them, in the order of the second moments */
} factorizer;

static void describe(factorizer *f, const double *macs)
{
    const tvis_graph *g = f->p->g;
    for (uint32_t i = 0; i < f->p->count; i++) {
        const tvis_gnode *n = &g->node[f->p->chosen[i]];
        const int32_t *w = g->tensor[n->in[1]].dims;
        factors *l = &f->layer[i];
        const bool one = n->op == TVIS_OP_LINEAR || (n->op == TVIS_OP_CONV2D && n->p.conv.groups == 1);
        l->n = w[0];
        l->k = w[1] * w[2] * w[3];
        l->macs = macs[f->p->chosen[i]];
        l->most = one ? (int32_t)(((int64_t)l->n * l->k - 1) / ((int64_t)l->n + l->k)) : 0;
    }
}

/* The upper triangle of a (n, n) is the lower one. */
static void mirror(float *a, int32_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t j = 0; j < i; j++)
            a[j * n + i] = a[i * n + j];
}

/* c: (k, k), its lower triangle, or NULL for 1. work: n * k + n * n + 32 * k floats. */
static bool decompose(const factorizer *f, factors *l, const float *w, float *c, float *work)
{
    const size_t nk = (size_t)l->n * (size_t)l->k;
    float *s = work + nk, *panel = s + (size_t)l->n * (size_t)l->n;
    if (c) {
        mirror(c, l->k);
        tvis_product_of(w, c, l->n, l->k, l->k, panel, f->p->cpu, work);
    } else {
        memcpy(work, w, nk * sizeof *w);
    }
    tvis_product_of(work, w, l->n, l->n, l->k, panel, f->p->cpu, s);
    for (ptrdiff_t i = 0; i < l->n; i++)
        l->energy += (double)s[i * l->n + i];
    l->e = malloc((size_t)l->most * (size_t)l->n * sizeof *l->e);
    l->value = malloc((size_t)l->most * sizeof *l->value);
    return l->e && l->value && tvis_eigen_largest(s, l->n, l->most, l->e, l->value, f->p->cpu);
}

static bool decompose_layer(factorizer *f, uint32_t i, float *c)
{
    factors *l = &f->layer[i];
    const float *w = f->p->g->tensor[f->p->g->node[f->p->chosen[i]].in[1]].data;
    const size_t n = (size_t)l->n, k = (size_t)l->k;
    float *work = malloc((n * k + n * n + TVIS_PRODUCT_COLUMNS * (n > k ? n : k)) * sizeof *work);
    if (f->p->c->progress)
        f->p->c->progress(f->p->c->input_user, "factoring layers", i, f->p->count);
    const bool ok = work && decompose(f, l, w, c, work);
    free(work);
    return ok;
}

static tvis_status use_moments(void *user, tvis_hessian *h, tvis_diag *diag)
{
    factorizer *f = user;
    while (f->layer[f->next].most == 0)
        f->next++;
    return decompose_layer(f, f->next++, h->h)
               ? TVIS_OK
               : tvis_fail(diag, TVIS_ENOMEM, TVIS_DIAG_SYSTEM, "low rank", "out of memory");
}

static void decompose_on_pictures(factorizer *f)
{
    tvis_pruner *p = f->p;
    const tvis_pictures pictures = { p->c->images, p->c->input, p->c->input_user, f->p->cpu };
    uint32_t count = 0, *nodes = malloc(p->count * sizeof *nodes);
    if (!nodes) {
        tvis_graph_out_of_memory(p->g);
        return;
    }
    for (uint32_t i = 0; i < p->count; i++)
        if (f->layer[i].most > 0)
            nodes[count++] = p->chosen[i];
    p->g->status = tvis_hessian_each(p->m, &pictures, nodes, count, TVIS_HESSIAN_BUDGET, use_moments, f, p->g->diag);
    free(nodes);
}

static void decompose_all(factorizer *f)
{
    if (f->p->c->images) {
        decompose_on_pictures(f);
        return;
    }
    for (uint32_t i = 0; i < f->p->count && !f->p->g->status; i++)
        if (f->layer[i].most > 0 && !decompose_layer(f, i, NULL))
            tvis_graph_out_of_memory(f->p->g);
}

/* Multiplications of a layer of this rank. */
static double macs_of(const factors *l, int32_t rank)
{
    return rank ? l->macs * (double)rank * ((double)l->n + (double)l->k) / ((double)l->n * (double)l->k) : l->macs;
}

/* The rank with the least lost share of energy plus `price` times its multiplications. */
static void choose_rank(factors *l, double price)
{
    double best = price * l->macs, lost = 1.0;
    l->rank = 0;
    for (int32_t r = 1; r <= l->most && l->energy > 0.0; r++) {
        lost -= l->value[r - 1] / l->energy;
        const double cost = fmax(lost, 0.0) + price * macs_of(l, r);
        if (cost < best) {
            best = cost;
            l->rank = r;
        }
    }
}

static double choose_ranks(factorizer *f, double price)
{
    double saved = 0.0;
    for (uint32_t i = 0; i < f->p->count; i++) {
        choose_rank(&f->layer[i], price);
        saved += f->layer[i].macs - macs_of(&f->layer[i], f->layer[i].rank);
    }
    return saved;
}

/* The lowest price at which enough is saved; all: multiplications of the model. */
static void choose_to_budget(factorizer *f, double all)
{
    enum { TIMES = 60 };
    const double want = f->p->c->amount * all, most = choose_ranks(f, 1e30);
    double low = 0.0, high = 1.0;
    if (most < want) {
        f->p->g->status = tvis_fail_value(f->p->g->diag, TVIS_EINVAL, TVIS_DIAG_LIMIT, "amount",
                                          "more per cent of the multiplications than low ranks can save",
                                          (int64_t)floor(100.0 * most / all), (int64_t)floor(100.0 * want / all + 0.5));
        return;
    }
    for (int i = 0; i < TIMES; i++) {
        const double price = 0.5 * (low + high);
        if (choose_ranks(f, price) < want)
            low = price;
        else
            high = price;
    }
    (void)choose_ranks(f, high);
}

/* The smallest rank that keeps enough energy, where it saves work. */
static void choose_by_energy(factorizer *f)
{
    for (uint32_t i = 0; i < f->p->count; i++) {
        factors *l = &f->layer[i];
        double kept = 0.0;
        int32_t r = 0;
        while (r < l->most && kept < f->p->c->energy * l->energy)
            kept += l->value[r++];
        l->rank = kept < f->p->c->energy * l->energy ? 0 : r;
    }
}

/* The node that was added last comes before node i. */
static void move_before(tvis_graph *g, uint32_t i)
{
    const tvis_gnode last = g->node[g->node_count - 1];
    memmove(&g->node[i + 1], &g->node[i], (g->node_count - 1 - i) * sizeof *g->node);
    g->node[i] = last;
}

/* bias += (W - U V) m, m the means of the inputs' channels. */
static void correct_bias(const factors *l, const float *w, const float *u, const float *v, const tvis_moments *m,
                         int32_t channels, float *bias)
{
    for (ptrdiff_t o = 0; o < l->n; o++)
        for (ptrdiff_t c = 0; c < l->k; c++) {
            double left = (double)w[o * l->k + c];
            for (ptrdiff_t r = 0; r < l->rank; r++)
                left -= (double)u[o * l->rank + r] * (double)v[r * l->k + c];
            bias[o] += (float)(left * m->sum[c % channels] / (double)m->pixels);
        }
}

static void fill_factors(const factors *l, const float *w, float *u, float *v)
{
    for (ptrdiff_t r = 0; r < l->rank; r++)
        for (ptrdiff_t o = 0; o < l->n; o++)
            u[o * l->rank + r] = l->e[r * l->n + o];
    for (ptrdiff_t r = 0; r < l->rank; r++)
        for (ptrdiff_t c = 0; c < l->k; c++) {
            double sum = 0.0;
            for (ptrdiff_t o = 0; o < l->n; o++)
                sum += (double)l->e[r * l->n + o] * (double)w[o * l->k + c];
            v[r * l->k + c] = (float)sum;
        }
}

static uint32_t add_weights(tvis_graph *g, const char *name, const char *end, const int32_t dims[4])
{
    char text[256];
    (void)snprintf(text, sizeof text, "%.200s%s", name, end);
    return tvis_graph_constant(g, text, TVIS_F32, dims);
}

/* Node i becomes V, a layer like it of `rank` channels, and U, 1x1, with what came behind the product. */
static void split(factorizer *f, const factors *l, uint32_t i, const tvis_moments *seen)
{
    tvis_graph *g = f->p->g;
    const tvis_gnode was = g->node[i];
    const tvis_gtensor w = g->tensor[was.in[1]];
    const int32_t vd[4] = { l->rank, w.dims[1], w.dims[2], w.dims[3] }, ud[4] = { l->n, 1, 1, l->rank };
    const uint32_t v = add_weights(g, was.name, ".v", vd), u = add_weights(g, was.name, ".u", ud);
    const uint32_t between = tvis_graph_add_tensor(g, was.name, TVIS_F32), in[2] = { was.in[0], v };
    char name[256];
    (void)snprintf(name, sizeof name, "%.200s.v", was.name);
    tvis_graph_add_node(g, name, was.op, in, 2, &between, 1, &was.p);
    if (g->status)
        return;
    fill_factors(l, w.data, g->tensor[u].data, g->tensor[v].data);
    const tvis_moments *m = &seen[was.in[0]];
    float *bias = was.in_count > 2 && was.in[2] != TVIS_NONE && m->pixels ? tvis_prune_writable(f->p, was.in[2]) : NULL;
    if (bias)
        correct_bias(l, w.data, g->tensor[u].data, g->tensor[v].data, m, w.dims[3], bias);
    g->node[i].in[0] = between;
    g->node[i].in[1] = u;
    if (was.op == TVIS_OP_CONV2D)
        g->node[i].p.conv = (tvis_conv_params){ .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 };
    move_before(g, i);
}

static void split_all(factorizer *f)
{
    tvis_pruner *p = f->p;
    tvis_moments *seen = tvis_prune_survey(p);
    const uint32_t tensors = p->g->tensor_count;
    uint32_t added = 0;
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        p->chosen[i] += added;
        p->rank[i] = f->layer[i].rank;
        if (f->layer[i].rank == 0)
            continue;
        split(f, &f->layer[i], p->chosen[i], seen);
        p->chosen[i]++;
        added++;
    }
    tvis_prune_survey_free(seen, tensors);
}

static double sum_of(const double *macs, uint32_t count)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++)
        sum += macs[i];
    return sum;
}

static void factorize(factorizer *f, const double *macs)
{
    tvis_pruner *p = f->p;
    describe(f, macs);
    decompose_all(f);
    if (!p->g->status && p->c->energy > 0.0)
        choose_by_energy(f);
    else if (!p->g->status)
        choose_to_budget(f, sum_of(macs, p->g->node_count));
    if (!p->g->status)
        split_all(f);
    if (!p->g->status)
        tvis_pass_remove_dead(p->g);
}

void tvis_prune_lowrank(tvis_pruner *p)
{
    factorizer f = { .p = p };
    double *macs = tvis_prune_macs(p);
    f.layer = calloc(p->count, sizeof *f.layer);
    p->rank = calloc(p->count, sizeof *p->rank);
    if (!f.layer || !p->rank)
        tvis_graph_out_of_memory(p->g);
    if (!p->g->status)
        factorize(&f, macs);
    for (uint32_t i = 0; f.layer && i < p->count; i++) {
        free(f.layer[i].e);
        free(f.layer[i].value);
    }
    free(f.layer);
    free(macs);
}
