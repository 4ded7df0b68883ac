/* SPDX-License-Identifier: MIT */
/* Attention in int8 for vectors of int32, included by the file that defines the variant. Scores are products of
 * matrices by tvis_gemm_s8, a row for a query, its keys side by side in lanes. That file defines:
 *   QUERIES, CHANNELS, PACK: the row's k.mr, k.nr, k.pack
 *   multiply(): the kernel of tvis_gemm_s8 for PACK
 *   ivec of LANES, EACH_VEC() for 16 of them, and the functions on them named below
 *   sum_keys(): sums of the 16 keys of packed panels
 * and after it what multiplies weights by values, ops/attention_s8_values.h or its own:
 *   prepare_values(): values of a head, once for all queries
 *   blend(): totals of some rows */
#include "core/port.h"
#include "ops/attention_s8.h"

/* ---- keys and values, once for all queries of a head ---- */

enum { GROUP = TVIS_PACK_GROUP(PACK), NR = TVIS_PACK_COLUMNS(PACK) };

/* A key as a column of a panel, its groups NR * GROUP bytes apart; the last group ends with the last channel. */
static void pack_key(const int8_t *k, int32_t d, int8_t *out)
{
    int32_t i = 0;
    for (; d - i >= GROUP; i += GROUP, out += GROUP * NR)
        memcpy(out, k + i, GROUP);
    if (i < d) {
        memset(out, 0, GROUP);
        memcpy(out + GROUP - (d - i), k + i, (size_t)(d - i));
    }
}

/* Keys in the order PACK, with zeros for those past the last, and -zero * sum of each. */
static void pack_keys(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p)
{
    int8_t *out = (int8_t *)a->scratch + p->k;
    int32_t *bias = (int32_t *)(void *)((uint8_t *)a->scratch + p->bias);
    const size_t panel = tvis_gemm_s8_panel(a->d, GROUP, NR);
    for (int32_t j = 0; j < p->keys; j += NR, out += panel) {
        if (a->keys - j < NR)
            memset(out, 0, panel);
        for (int32_t c = 0; c < NR && j + c < a->keys; c++)
            pack_key(a->k + (ptrdiff_t)(j + c) * a->ld, a->d, out + (ptrdiff_t)c * GROUP);
        sum_keys(out, (a->d + GROUP - 1) / GROUP, (int32_t *)(void *)(out + panel - NR * sizeof(int32_t)), bias + j,
                 -a->zero);
    }
}

/* Keys of the block from key j on. */
static int32_t block_at(const tvis_attention_s8_places *p, int32_t j)
{
    return p->keys - j < TVIS_ATTENTION_S8_BLOCK ? p->keys - j : TVIS_ATTENTION_S8_BLOCK;
}

static void prepare_values(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p);

static void prepare(const tvis_attention_s8_args *a)
{
    const tvis_kernel row = { .pack = PACK, .mr = QUERIES, .nr = CHANNELS };
    const tvis_attention_s8_places p = tvis_attention_s8_place(&row, a->keys, a->d);
    pack_keys(a, &p);
    prepare_values(a, &p);
}

/* ---- weights ---- */

typedef struct weigher {
    ivec max, most, mul, shift;
    ivec one, a, b, c, d, fraction;
} weigher;

static weigher weigher_of(const tvis_attention_s8_args *a, int32_t max)
{
    return (weigher){ .max = iset1(max),
                      .most = iset1(INT32_MAX >> a->shift),
                      .mul = factor_of(a->mul),
                      .shift = iset1(a->shift),
                      .one = iset1(TVIS_EXP2_ONE),
                      .a = iset1(TVIS_EXP2_A),
                      .b = iset1(TVIS_EXP2_B),
                      .c = iset1(TVIS_EXP2_C),
                      .d = iset1(TVIS_EXP2_D),
                      .fraction = iset1(0x7fff) };
}

/* A weight, less 2^15 because dither is less 2^31. */
TVIS_INLINE ivec weigh(const weigher *w, ivec score, ivec dither)
{
    const ivec t = iscale(imin(isub(w->max, score), w->most), w->mul, w->shift);
    const ivec f = iand(t, w->fraction);
    ivec m = isub(w->c, irounded(f, w->d));
    m = isub(w->b, irounded(f, m));
    m = isub(w->a, irounded(f, m));
    m = isub(w->one, irounded(f, m));
    return ihigh(iadd(iright(ileft17(m), iright15(t)), dither));
}

#define VEC_WEIGH(i)                                                                                                   \
    ivec e##i = weigh(w, iload(score + i * LANES), iadd(fine, iload(tvis_attention_s8_coarse + i * LANES)));           \
    if (left < 16)                                                                                                     \
        e##i = ifirst(e##i, left - i * LANES);                                                                         \
    sum = iadd(sum, e##i);

/* 16 scores from key j on to weights less 2^15; those past the first `left` become 0. */
TVIS_INLINE ivec weigh_16(const weigher *w, const int32_t *score, int16_t *out, int32_t j, ivec sum, int32_t left)
{
    const ivec fine = iset1(tvis_attention_s8_fine[j / 16 % 16] + INT32_MIN);
    EACH_VEC(VEC_WEIGH)
    store_weights(out, WEIGHTS);
    return sum;
}

/* A row of scores to weights less 2^15, in its place. Returns the sum of the weights. */
static uint32_t weigh_row(const tvis_attention_s8_args *a, int32_t *score, int32_t keys)
{
    ivec max = iset1(score[0]), sum = iset1(0);
    int16_t *out = (int16_t *)(void *)score;
    int32_t j = a->keys;
    for (; j < keys; j++)
        score[j] = score[0];
    for (j = 0; j < keys; j += LANES)
        max = imax(max, iload(score + j));
    const weigher w = weigher_of(a, ilargest(max));
    for (j = 0; a->keys - j >= 16; j += 16)
        sum = weigh_16(&w, score + j, out + j, j, sum, 16);
    if (j < a->keys)
        sum = weigh_16(&w, score + j, out + j, j, sum, a->keys - j);
    return (uint32_t)itotal(sum) + 32768u * (uint32_t)a->keys;
}

/* ---- values ---- */

/* Adds (sums + half) >> right of some rows to their totals. */
static void add_block(const int32_t *sums, int32_t rows, const tvis_attention_s8_divisor *by, int32_t *total,
                      ptrdiff_t ld, bool first)
{
    for (int32_t r = 0; r < rows; r++, by++, sums += CHANNELS, total += ld) {
        const ivec half = iset1(by->half), right = iset1(by->right);
        for (int32_t i = 0; i < CHANNELS; i += LANES) {
            const ivec v = iright_signed(iadd(iload(sums + i), half), right);
            istore(total + i, first ? v : iadd(v, iload(total + i)));
        }
    }
}

/* What blend() works on. */
typedef struct blender {
    const int16_t *e, *v; /* weights, values */
    const int32_t *sums;  /* of values */
    int32_t *total;
    const tvis_attention_s8_divisor *by;
} blender;

/* For `rows` rows of weights. */
static void blend(blender b, const tvis_attention_s8_places *p, int32_t rows);

#define VEC_FINISH(i)                                                                                                  \
    const ivec s##i = iscale(isub(iload(total + i * LANES), zero), mul, shift);                                        \
    const ivec y##i = imax(imin(iadd(s##i, y_zero), hi), lo);

static void finish_row(const tvis_attention_s8_args *a, const tvis_attention_s8_divisor *by, const int32_t *total,
                       int8_t *y)
{
    const ivec zero = iset1(by->v_zero), shift = iset1(by->shift);
    const ivec mul = factor_of(by->mul);
    const ivec y_zero = iset1(a->q_y.zero), lo = iset1(a->q_y.lo), hi = iset1(a->q_y.hi);
    for (int32_t left = a->d; left > 0; left -= 16, total += 16, y += 16) {
        EACH_VEC(VEC_FINISH)
        store_bytes(y, left, BYTES);
    }
}

/* ---- a block of queries ---- */

static void map(const tvis_attention_s8_args *a, const int16_t *weight, uint32_t sum)
{
    for (int32_t j = 0; j < a->keys; j++)
        a->map[j] = tvis_attention_s8_probability((uint32_t)(weight[j] + 32768), sum);
}

static void attend(const tvis_attention_s8_args *a)
{
    const tvis_kernel row = { .pack = PACK, .mr = QUERIES, .nr = CHANNELS };
    const tvis_attention_s8_places p = tvis_attention_s8_place(&row, a->keys, a->d);
    uint8_t *scratch = a->scratch;
    int32_t *scores = (int32_t *)(void *)(scratch + p.scores), *totals = (int32_t *)(void *)(scratch + p.totals);
    tvis_attention_s8_divisor by[QUERIES];
    multiply(&(tvis_gemm_s8_args){ .x = a->q,
                                   .w = (const int8_t *)(scratch + p.k),
                                   .bias = (const int32_t *)(void *)(scratch + p.bias),
                                   .y32 = scores,
                                   .m = a->queries,
                                   .n = p.keys,
                                   .k = a->d,
                                   .ldx = a->ld,
                                   .ldy = p.keys });
    for (int32_t i = 0; i < a->queries; i++) {
        int32_t *score = scores + (ptrdiff_t)i * p.keys;
        const uint32_t sum = weigh_row(a, score, p.keys);
        by[i] = tvis_attention_s8_divide(a, sum);
        if (a->map && i == 0)
            map(a, (const int16_t *)(void *)score, sum);
    }
    blend((blender){ .e = (const int16_t *)(void *)scores,
                     .v = (const int16_t *)(void *)(scratch + p.v),
                     .sums = (const int32_t *)(void *)(scratch + p.sums),
                     .total = totals,
                     .by = by },
          &p, a->queries);
    for (int32_t i = 0; i < a->queries; i++)
        finish_row(a, &by[i], totals + (ptrdiff_t)i * p.channels, a->y + (ptrdiff_t)i * a->ldy);
}
