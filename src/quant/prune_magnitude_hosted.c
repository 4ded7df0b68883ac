/* SPDX-License-Identifier: MIT */
/* The smallest weights become 0: exactly as many as were asked for, the first ones of those that are equal. */
#include "quant/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEIGHBOURS = 4, BITS = 16, BUCKETS = 1 << BITS };

/* Sums of what weights are worth are not negative, so that their bits are in the same order as they. */
static uint32_t key_of(const float *w, size_t count)
{
    float sum = 0.0f;
    uint32_t bits;
    for (size_t i = 0; i < count; i++)
        sum += fabsf(w[i]);
    memcpy(&bits, &sum, sizeof bits);
    return bits;
}

/* Weights that stay or go together are `size` neighbours; the last of a row are fewer. */
typedef struct walk {
    float **worth;    /* of each chosen layer's weights; NULL: their magnitudes */
    uint64_t *bucket; /* BUCKETS sums of weights */
    uint32_t high;    /* upper bits that the keys in the buckets share, where `fine` */
    bool fine;        /* buckets of the lower bits */
    uint32_t threshold;
    uint64_t ties; /* weights whose key is the threshold that are to become 0 */
} walk;

typedef void (*unit_fn)(walk *k, float *w, const float *worth, size_t count);

static void count_unit(walk *k, float *w, const float *worth, size_t count)
{
    const uint32_t key = key_of(worth, count);
    (void)w;
    if (!k->fine)
        k->bucket[key >> BITS] += count;
    else if (key >> BITS == k->high)
        k->bucket[key & (BUCKETS - 1)] += count;
}

static void clear_unit(walk *k, float *w, const float *worth, size_t count)
{
    const uint32_t key = key_of(worth, count);
    if (key > k->threshold || (key == k->threshold && k->ties == 0))
        return;
    if (key == k->threshold)
        k->ties -= count < k->ties ? count : k->ties;
    memset(w, 0, count * sizeof *w);
}

/* Chosen layers [first, end). */
static void visit(tvis_pruner *p, uint32_t first, uint32_t end, unit_fn fn, walk *k)
{
    for (uint32_t i = first; i < end && !p->g->status; i++) {
        const uint32_t id = p->g->node[p->chosen[i]].in[1];
        float *w = tvis_prune_writable(p, id);
        const tvis_gtensor *t = &p->g->tensor[id];
        const size_t all = w ? t->bytes / sizeof *w : 0, row = all / (size_t)t->dims[0];
        const float *worth = k->worth ? k->worth[i] : w;
        const size_t size = p->c->pattern == TVIS_PATTERN_1X4 ? NEIGHBOURS : 1;
        for (size_t r = 0; r < all; r += row)
            for (size_t at = 0; at < row; at += size)
                fn(k, w + r + at, worth + r + at, row - at < size ? row - at : size);
    }
}

/* The bucket in which the `want`th weight lies; *want becomes its number there. */
static uint32_t find(const uint64_t *bucket, uint64_t *want)
{
    uint32_t i = 0;
    while (i < BUCKETS - 1 && bucket[i] < *want)
        *want -= bucket[i++];
    return i;
}

static void clear_smallest(tvis_pruner *p, uint32_t first, uint32_t end, walk *k)
{
    uint64_t all = 0;
    for (uint32_t i = first; i < end; i++)
        all += p->g->tensor[p->g->node[p->chosen[i]].in[1]].bytes / sizeof(float);
    uint64_t want = (uint64_t)floor(p->c->amount * (double)all + 0.5);
    if (want == 0)
        return;
    for (k->fine = false;; k->fine = true) {
        memset(k->bucket, 0, BUCKETS * sizeof *k->bucket);
        visit(p, first, end, count_unit, k);
        const uint32_t at = find(k->bucket, &want);
        if (k->fine) {
            k->threshold = k->high << BITS | at;
            break;
        }
        k->high = at;
    }
    k->ties = want;
    visit(p, first, end, clear_unit, k);
}

/* Of four neighbours two stay; of fewer at the end of a row, two at most. */
static void clear_half(float *w, const float *worth, size_t count)
{
    bool keep[NEIGHBOURS] = { false };
    for (int kept = 0; kept < 2; kept++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++)
            if (!keep[i] && (best == count || fabsf(worth[i]) > fabsf(worth[best])))
                best = i;
        if (best < count)
            keep[best] = true;
    }
    for (size_t i = 0; i < count; i++)
        w[i] = keep[i] ? w[i] : 0.0f;
}

/* Depthwise kernels have neighbours of other channels: they stay as they are. */
static void clear_two_of_four(tvis_pruner *p, const walk *k)
{
    for (uint32_t i = 0; i < p->count && !p->g->status; i++) {
        const tvis_gnode *n = &p->g->node[p->chosen[i]];
        float *w = n->op == TVIS_OP_DEPTHWISE ? NULL : tvis_prune_writable(p, n->in[1]);
        const tvis_gtensor *t = &p->g->tensor[n->in[1]];
        const float *worth = k->worth ? k->worth[i] : w;
        const size_t all = w ? t->bytes / sizeof *w : 0, row = all / (size_t)t->dims[0];
        for (size_t r = 0; r < all; r += row)
            for (size_t at = 0; at < row; at += NEIGHBOURS)
                clear_half(w + r + at, worth + r + at, row - at < NEIGHBOURS ? row - at : NEIGHBOURS);
    }
}

void tvis_prune_magnitude(tvis_pruner *p)
{
    walk k = { .bucket = malloc(BUCKETS * sizeof *k.bucket) };
    if (!k.bucket) {
        tvis_graph_out_of_memory(p->g);
        return;
    }
    p->g->sparse = true;
    if (p->c->worth == TVIS_WORTH_SHARE)
        k.worth = tvis_prune_values(p);
    if (p->g->status)
        ;
    else if (p->c->pattern == TVIS_PATTERN_2_4)
        clear_two_of_four(p, &k);
    else if (p->c->scope == TVIS_SCOPE_GLOBAL)
        clear_smallest(p, 0, p->count, &k);
    else
        for (uint32_t i = 0; i < p->count && !p->g->status; i++)
            clear_smallest(p, i, i + 1, &k);
    for (uint32_t i = 0; k.worth && i < p->count; i++)
        free(k.worth[i]);
    free(k.worth);
    free(k.bucket);
}
