/* SPDX-License-Identifier: MIT */
/* What a machine reaches at most, measured, and layers judged by that. */
#include "fail.h"
#include "inputs.h"
#include "profiling.h"
#include "stats.h"

#include <tinyvis/quantize.h>

#include <stdlib.h>
#include <string.h>

static const char peak_network[] = "resnet20_cifar10";
enum { COPY_BYTES = 16 << 20, COPIES = 5, PEAK_RUNS = 3 };

/* Parts of a copy. */
typedef struct copy {
    uint8_t *from, *to;
    size_t part;
} copy;

static void copy_part(void *arg, uint32_t i)
{
    const copy *c = arg;
    memcpy(c->to + i * c->part, c->from + i * c->part, c->part);
}

/* The fastest of a few copies of a block that no cache of a small computer holds. */
static tvis_status measure_copy(peaks *k, const loaded *l, tvis_diag *d)
{
    const uint32_t parts = l->config.threads;
    copy c = { malloc(COPY_BYTES), malloc(COPY_BYTES), COPY_BYTES / parts };
    if (c.from && c.to) {
        memset(c.from, 1, COPY_BYTES);
        memset(c.to, 2, COPY_BYTES);
    }
    for (int i = 0; c.from && c.to && i < COPIES; i++) {
        const double start = stats_now_ms();
        if (l->config.parallel_for)
            l->config.parallel_for(l->config.pool, copy_part, &c, parts);
        else
            copy_part(&c, 0);
        const double rate = 2.0 * (double)(c.part * parts) / (stats_now_ms() - start);
        k->bytes = rate > k->bytes ? rate : k->bytes;
    }
    free(c.from);
    free(c.to);
    return k->bytes > 0 ? TVIS_OK : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "bandwidth", NULL);
}

/* The fastest layer of a precision counts. */
static void raise_peaks(peaks *k, const profile *p)
{
    for (uint32_t i = 0; i < p->nodes; i++) {
        const node_time *n = &p->node[i];
        const double rate = n->ms > 0 ? (double)n->info.macs / n->ms : 0;
        uint32_t at = 0;
        while (at < k->count && strcmp(k->precision[at], n->precision) != 0)
            at++;
        if (n->info.macs == 0 || at == PEAKS_MOST || n->multiplied < 1)
            continue;
        if (at == k->count) {
            k->precision[k->count++] = n->precision;
            k->macs[at] = 0;
        }
        k->macs[at] = rate > k->macs[at] ? rate : k->macs[at];
    }
}

double profile_peak(const profile *p, const char *precision)
{
    for (uint32_t i = 0; i < p->peak.count; i++)
        if (strcmp(p->peak.precision[i], precision) == 0)
            return p->peak.macs[i];
    return 0;
}

static tvis_status pattern_of(void *user, uint32_t i, const tvis_tensor *in, tvis_diag *d)
{
    loaded *l = user;
    tvis_tensor t;
    (void)i;
    tvis_status s = model_start(l, 1, 0, 0, d);
    if (!s)
        s = source_pattern(l, &t, d);
    if (!s)
        memcpy(in->data, t.data, tensor_elements(in) * sizeof(float));
    return s;
}

static tvis_status quantize(loaded *plain, uint8_t mode, tvis_blob *blob, tvis_diag *d)
{
    const tvis_quantize_config c = {
        .struct_size = sizeof c,
        .mode = mode,
        .observer = TVIS_OBSERVER_MINMAX,
        .percentile = 99.99f,
        .images = mode == TVIS_QUANTIZE_INT8,
        .input = pattern_of,
        .input_user = plain,
        .equalize = TVIS_EQUALIZE_OFF,
        .most_macs = 1,
    };
    return tvis_quantize(&plain->model, &c, blob, NULL, d);
}

static tvis_status measure_blob(peaks *k, const tvis_blob *blob, uint32_t threads, tvis_diag *d)
{
    loaded l;
    profile p = { 0 };
    tvis_status s = model_load_memory(&l, peak_network, blob->data, blob->size, threads, d);
    if (!s)
        s = profile_measure(&p, &l, (arg_size){ 0, 0 }, PEAK_RUNS, d);
    if (!s)
        raise_peaks(k, &p);
    profile_free(&p);
    model_unload(&l);
    return s;
}

/* ResNet-20: convolutions of shapes that suit every kernel, done in milliseconds. */
static tvis_status measure_network(profile *p, uint32_t threads, tvis_diag *d)
{
    static const struct {
        const char *precision;
        uint8_t mode;
    } modes[] = { { "s8", TVIS_QUANTIZE_INT8 }, { "dynamic", TVIS_QUANTIZE_DYNAMIC } };
    const tvis_convert_config c = { .struct_size = sizeof c, .arch = peak_network, .seed = 1 };
    tvis_blob plain = { NULL, 0 };
    loaded l = { 0 };
    tvis_status s = tvis_convert(&c, &plain, d);
    if (!s)
        s = model_load_memory(&l, peak_network, plain.data, plain.size, 1, d);
    if (!s)
        s = measure_blob(&p->peak, &plain, threads, d);
    for (size_t i = 0; !s && i < sizeof modes / sizeof *modes; i++) {
        tvis_blob small = { NULL, 0 };
        if (profile_peak(p, modes[i].precision) <= 0)
            continue; /* the model has none of it */
        s = quantize(&l, modes[i].mode, &small, d);
        if (!s)
            s = measure_blob(&p->peak, &small, threads, d);
        tvis_blob_free(&small);
    }
    model_unload(&l);
    tvis_blob_free(&plain);
    return s;
}

static bool is_dense(const node_time *n)
{
    return strcmp(n->info.op, "conv2d") == 0 || strcmp(n->info.op, "linear") == 0;
}

/* Convolutions and linear layers share their kernels. */
static bool same_work(const node_time *a, const node_time *b)
{
    const bool op = (is_dense(a) && is_dense(b)) || strcmp(a->info.op, b->info.op) == 0;
    return op && a->info.macs && b->info.macs && strcmp(a->precision, b->precision) == 0;
}

static uint64_t macs_of_kernel(const profile *p, const node_time *n)
{
    uint64_t macs = 0;
    for (uint32_t i = 0; i < p->nodes; i++)
        if (same_work(n, &p->node[i]) && strcmp(p->node[i].info.kernel, n->info.kernel) == 0)
            macs += p->node[i].info.macs;
    return macs;
}

/* The kernel of most of the multiplications of this kind, if it is not the layer's. */
static const char *usual_kernel(const profile *p, const node_time *n)
{
    const node_time *most = n;
    for (uint32_t i = 0; i < p->nodes; i++)
        if (same_work(n, &p->node[i]) && macs_of_kernel(p, &p->node[i]) > macs_of_kernel(p, most))
            most = &p->node[i];
    return strcmp(most->info.kernel, n->info.kernel) != 0 ? most->info.kernel : NULL;
}

/* Kernels for sparse weights are named so. */
static void look_at_weights(node_time *n, const loaded *l)
{
    tvis_weight_info w;
    n->multiplied = 1;
    if (n->info.weights[0] == TVIS_NONE || !tvis_model_weight(&l->model, n->info.weights[0], &w) || !w.sparse)
        return;
    n->expands = !strstr(n->info.kernel, "sparse");
    if (!n->expands)
        n->multiplied = (double)w.stored / ((double)w.dims[0] * w.dims[1] * w.dims[2] * w.dims[3]);
}

tvis_status profile_judge(profile *p, const loaded *l, tvis_diag *d)
{
    for (uint32_t i = 0; i < p->nodes; i++)
        look_at_weights(&p->node[i], l);
    raise_peaks(&p->peak, p);
    tvis_status s = measure_copy(&p->peak, l, d);
    if (!s)
        s = measure_network(p, l->config.threads, d);
    for (uint32_t i = 0; i < p->nodes && !s; i++) {
        node_time *n = &p->node[i];
        const double peak = profile_peak(p, n->precision);
        const double compute = peak > 0 ? n->multiplied * (double)n->info.macs / peak : 0,
                     move = (double)n->info.bytes / p->peak.bytes;
        n->memory_bound = move > compute;
        n->of_roof = n->ms > 0 ? (move > compute ? move : compute) / n->ms : 0;
        n->usual = usual_kernel(p, n);
    }
    return s;
}
