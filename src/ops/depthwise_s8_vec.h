/* SPDX-License-Identifier: MIT */
/* Depthwise rows in int8 with packed weights, BLOCK channels at a time, included by the file that defines the variant
 * after
 *   BLOCK, DEEP: of TVIS_PACK_TAPS
 *   bytes, load_bytes(p, count), set_bytes(v): a vector of BLOCK bytes
 *   entry, interleave(): BLOCK times DEEP of them, as a multiplication takes them
 *   weights, load_weights(): a step's weights     sums, multiply_add(): BLOCK sums
 *   channels, channels_of(), store_two(): what makes results of sums; store_sums(): stores them as they are.
 * The rows are interleaved once for all columns of y. Where there is no picture x_zero stands in for it; what x_zero
 * adds to the sums is known before. */
#include "core/port.h"
#include "ops/depthwise_s8.h"

enum { STEPS = TVIS_DEPTHWISE_S8_STEPS, ENTRIES = TVIS_DEPTHWISE_S8_BUFFER / (int)sizeof(entry) };

/* DEEP rows, or fewer at the end. For n outputs, (n - 1) * stride + `beyond` columns of entries, `by` apart. */
typedef struct group {
    int32_t rows, used; /* bytes of an entry, of DEEP */
    int32_t beyond, by;
} group;

/* The same in all blocks of a row. */
typedef struct plan {
    ptrdiff_t at[STEPS]; /* of a step's entry, from that of an output's first column */
    group groups[STEPS];
    int32_t steps, group_count;
    int32_t columns; /* entries of each group in the buffer */
    int32_t outputs; /* columns of y that they suffice for */
    bytes outside;
    entry all_outside;
} plan;

static void add_group(const tvis_depthwise_s8_args *a, plan *p, int32_t rows)
{
    const int32_t wide = DEEP / rows;
    group *g = &p->groups[p->group_count];
    g->rows = rows;
    g->used = wide * rows;
    g->by = wide * a->dilation % a->stride ? 1 : a->stride;
    for (int32_t kx = 0; kx < a->kw; kx += wide) {
        p->at[p->steps++] = (ptrdiff_t)p->group_count * p->columns + (ptrdiff_t)kx * a->dilation;
        g->beyond = kx * a->dilation + g->by;
    }
    p->group_count++;
}

static void make_plan(const tvis_depthwise_s8_args *a, plan *p)
{
    bytes outside[DEEP];
    p->columns = ENTRIES / ((a->kh - 1) / DEEP + 1);
    p->outputs = (p->columns - 1 - (a->kw - 1) * a->dilation) / a->stride + 1;
    p->steps = p->group_count = 0;
    for (int32_t ky = 0; ky < a->kh; ky += DEEP)
        add_group(a, p, a->kh - ky < DEEP ? a->kh - ky : DEEP);
    p->outside = set_bytes(a->x_zero);
    for (int32_t i = 0; i < DEEP; i++)
        outside[i] = p->outside;
    p->all_outside = interleave(outside);
}

/* Where the bytes of an entry come from: each from a row, `ahead` columns further; NULL: from outside. */
typedef struct sources {
    const int8_t *row[DEEP];
    int32_t ahead[DEEP];
    int32_t reach; /* the largest of them */
} sources;

static void sources_of(const tvis_depthwise_s8_args *a, const group *g, const int8_t *const *rows, int32_t ch,
                       sources *s)
{
    s->reach = 0;
    for (int32_t i = 0, r = 0, ahead = 0; i < DEEP; i++) {
        s->row[i] = i < g->used && rows[r] ? rows[r] + ch : NULL;
        s->ahead[i] = ahead;
        if (i < g->used)
            s->reach = ahead;
        if (++r == g->rows) {
            r = 0;
            ahead += a->dilation;
        }
    }
}

/* Input columns from ix on: those that are needed are `by` apart, `count` is a multiple of it. */
typedef struct span {
    int32_t ix, count, by;
} span;

/* Entries of columns that are not all inside of the picture. */
static void stage_edge(const tvis_depthwise_s8_args *a, const plan *p, const sources *s, int32_t count, span in,
                       entry *out)
{
    for (int32_t t = 0; t < in.count; t += in.by) {
        bytes x[DEEP];
        if (s->reach == 0) {
            out[t] = p->all_outside;
            continue;
        }
        for (int32_t i = 0; i < DEEP; i++) {
            const int32_t ix = in.ix + t + s->ahead[i];
            x[i] =
                s->row[i] && ix >= 0 && ix < a->iw ? load_bytes(s->row[i] + (ptrdiff_t)ix * a->c, count) : p->outside;
        }
        out[t] = interleave(x);
    }
}

/* Entries of columns whose taps are all inside. Rows that are outside are a vector that stays where it is. */
TVIS_INLINE void stage_inner(const tvis_depthwise_s8_args *a, const plan *p, const sources *s, const int32_t count,
                             span in, entry *out)
{
    const int8_t *from[DEEP];
    ptrdiff_t next[DEEP];
    for (int32_t i = 0; i < DEEP; i++) {
        from[i] = s->row[i] ? s->row[i] + (ptrdiff_t)(in.ix + s->ahead[i]) * a->c : (const int8_t *)&p->outside;
        next[i] = s->row[i] ? (ptrdiff_t)in.by * a->c : 0;
    }
    for (int32_t t = 0; t < in.count; t += in.by, out += in.by) {
        bytes x[DEEP];
#pragma GCC unroll 4
        for (int i = 0; i < DEEP; i++) {
            x[i] = load_bytes(from[i], count);
            from[i] += next[i];
        }
        *out = interleave(x);
    }
}

/* n, rounded up to a multiple of `by`, between 0 and most, which is such a multiple. */
static inline int32_t places(int32_t n, int32_t by, int32_t most)
{
    if (n <= 0)
        return 0;
    if (n >= most)
        return most;
    return by == 1 ? n : (n + by - 1) / by * by;
}

/* Cuts a span where the picture begins and ends. */
static void stage(const tvis_depthwise_s8_args *a, const plan *p, const sources *s, int32_t count, span in, entry *out)
{
    const int32_t before = places(-in.ix, in.by, in.count);
    const int32_t inside = places(a->iw - s->reach - in.ix - before, in.by, in.count - before);
    const span left = { in.ix, before, in.by }, inner = { in.ix + before, inside, in.by };
    const span right = { inner.ix + inside, in.count - before - inside, in.by };
    stage_edge(a, p, s, count, left, out);
    if (count == BLOCK)
        stage_inner(a, p, s, BLOCK, inner, out + before);
    else if (count == BLOCK / 2)
        stage_inner(a, p, s, BLOCK / 2, inner, out + before);
    else
        stage_inner(a, p, s, count, inner, out + before);
    stage_edge(a, p, s, count, right, out + before + inside);
}

/* `count` columns of y from its column ox on, in `steps` steps. What is needed is copied first: the compiler doesn't
 * know that y lies elsewhere. */
TVIS_INLINE void outputs_in(const tvis_depthwise_s8_args *a, const plan *p, const channels *c, const weights *w,
                            const entry *x, int32_t ox, int32_t count, const int32_t steps)
{
    const channels k = *c;
    const ptrdiff_t stride = a->stride, next_y = a->c;
    ptrdiff_t y = ox * next_y, at[STEPS];
    memcpy(at, p->at, (size_t)steps * sizeof *at);
    for (; count > 0; count -= 2, x += 2 * stride, y += 2 * next_y) {
        const ptrdiff_t next = count > 1 ? 1 : 0;
        const entry *x1 = x + next * stride;
        sums s0 = k.start, s1 = k.start;
#pragma GCC unroll 8
        for (int32_t s = 0; s < steps; s++) {
            s0 = multiply_add(s0, &x[at[s]], &w[s]);
            s1 = multiply_add(s1, &x1[at[s]], &w[s]);
        }
        if (k.y32)
            store_sums(&k, s0, s1, y, y + next * next_y);
        else
            store_two(&k, s0, s1, y, y + next * next_y);
    }
}

/* 3 x 3 and 5 x 5 by themselves. */
static void outputs(const tvis_depthwise_s8_args *a, const plan *p, const channels *c, const weights *w, const entry *x,
                    int32_t ox, int32_t count)
{
    enum { STEPS_3X3 = DEEP == 4 ? 3 : 5, STEPS_5X5 = DEEP == 4 ? 7 : 13 };
    if (p->steps == STEPS_3X3)
        outputs_in(a, p, c, w, x, ox, count, STEPS_3X3);
    else if (p->steps == STEPS_5X5)
        outputs_in(a, p, c, w, x, ox, count, STEPS_5X5);
    else
        outputs_in(a, p, c, w, x, ox, count, p->steps);
}

/* Channels ch … ch + count; packed: their block of weights. */
static void block(const tvis_depthwise_s8_args *a, const plan *p, const int8_t *packed, int32_t ch, int32_t count)
{
    entry x[ENTRIES];
    weights w[STEPS];
    channels c;
    for (int32_t s = 0; s < p->steps; s++)
        w[s] = load_weights(packed + (ptrdiff_t)s * BLOCK * DEEP);
    channels_of(a, (const int32_t *)(const void *)(packed + (ptrdiff_t)p->steps * BLOCK * DEEP), ch, count, &c);
    for (int32_t ox = 0; ox < a->ow; ox += p->outputs) {
        const int32_t some = a->ow - ox < p->outputs ? a->ow - ox : p->outputs, ix = ox * a->stride - a->pad;
        for (int32_t g = 0; g < p->group_count; g++) {
            const group *of = &p->groups[g];
            const span in = { ix, (some - 1) * a->stride + of->beyond, of->by };
            sources s;
            sources_of(a, of, a->rows + (ptrdiff_t)g * DEEP, ch, &s);
            stage(a, p, &s, count, in, x + (ptrdiff_t)g * p->columns);
        }
        outputs(a, p, &c, w, x, ox, some);
    }
}

TVIS_INLINE void depthwise(const tvis_depthwise_s8_args *a)
{
    const int8_t *packed = a->w;
    plan p;
    make_plan(a, &p);
    const ptrdiff_t bytes_of_block = ((ptrdiff_t)p.steps * DEEP + (ptrdiff_t)sizeof(int32_t)) * BLOCK;
    for (int32_t ch = 0; ch < a->c; ch += BLOCK, packed += bytes_of_block) {
        const int32_t left = a->c - ch;
        if (left >= BLOCK || a->c < BLOCK)
            block(a, &p, packed, ch, left < BLOCK ? left : BLOCK);
        else
            block(a, &p, packed, a->c - BLOCK, BLOCK);
    }
}
