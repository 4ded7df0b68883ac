/* SPDX-License-Identifier: MIT */
#include "ops/winograd.h"
#include "core/half.h"
#include "core/port.h"
#include "ops/act.h"
#include "ops/gemm.h"

#if TVIS_WINOGRAD
#define TILES(isa, IF) IF(tvis_winograd_in_##isa), IF(tvis_winograd_out_##isa)
#define ALWAYS(f)      f

const tvis_winograd_f32_variant tvis_winograd_f32[] = {
    { { "f4_avx512", TVIS_CPU_AVX512, TVIS_PACK_WINOGRAD(32), 0, 12, 32 }, TILES(avx512, TVIS_IF_X86) },
    { { "f4_avx2", TVIS_CPU_AVX2, TVIS_PACK_WINOGRAD(16), 0, 12, 16 }, TILES(avx2, TVIS_IF_X86) },
    { { "f4_neon", TVIS_CPU_NEON, TVIS_PACK_WINOGRAD(8), 0, 8, 8 }, TILES(neon, TVIS_IF_AARCH64) },
    { { "f4_vfp11", TVIS_CPU_VFP11, TVIS_PACK_WINOGRAD(4), 0, 4, 4 }, TILES(vfp11, TVIS_WINOGRAD_VFP11) },
    { { "f4_c", 0, TVIS_PACK_WINOGRAD(1), 0, 1, 1 }, TILES(c, ALWAYS) },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL },
};

/* ---- weights ---- */

enum { M = TVIS_WINOGRAD_M, SIDE = TVIS_WINOGRAD_SIDE, ALL = TVIS_WINOGRAD_ALL };

uint64_t tvis_winograd_packed(const tvis_kernel *k, int32_t n, int32_t channels)
{
    return (uint64_t)ALL * tvis_gemm_f32_packed(n, channels, k->nr);
}

/* Three taps to six numbers, `step` apart: (1, p, p^2) times them for a point p, over the product of its distances from
 * the others. */
static void transform(float a, float b, float c, float *out, ptrdiff_t step)
{
#define R 0.235702260f /* sqrt(2) / 6 */
    static const float g[SIDE][3] = { { 1, 0, 0 },
                                      { -2.0f / 3, -2 * R, -1.0f / 3 },
                                      { -2.0f / 3, 2 * R, -1.0f / 3 },
                                      { 1.0f / 6, R, 1.0f / 3 },
                                      { 1.0f / 6, -R, 1.0f / 3 },
                                      { 0, 0, 1 } };
#undef R
    for (int32_t i = 0; i < SIDE; i++, out += step)
        *out = g[i][0] * a + g[i][1] * b + g[i][2] * c;
}

/* Floats of a panel that are made at a time, and rows of a transformed tile: stores to all positions at once are stores
 * to as many pages. */
enum { RUN = 32, ROWS = SIDE / 2 };

/* Rows [first, first + ROWS) of the transformed w (3, 3), positions RUN apart. */
static void transform_rows(const float *w, int32_t first, float *out)
{
    float half[3][SIDE];
    for (int32_t x = 0; x < 3; x++)
        transform(w[x], w[3 + x], w[6 + x], half[x], 1);
    for (int32_t i = first; i < first + ROWS; i++, out += SIDE * RUN)
        transform(half[0][i], half[1][i], half[2][i], out, RUN);
}

/* Weights as they come: w (n, 3, 3, channels). */
typedef struct weights {
    const void *w;
    bool halves;
    int32_t n, channels;
} weights;

/* Rows of columns [j, j + nr) and some channels, column by column. */
static void transform_run(const weights *s, int32_t nr, int32_t j, int32_t c, int32_t count, int32_t row, float *out)
{
    const ptrdiff_t tap = s->channels;
    if (s->n - j < nr)
        memset(out, 0, ROWS * SIDE * RUN * sizeof *out);
    for (int32_t col = 0; col < nr && j + col < s->n; col++)
        for (int32_t i = 0; i < count; i++) {
            const ptrdiff_t at = (ptrdiff_t)(j + col) * 9 * tap + c + i;
            float taps[9];
            for (int32_t k = 0; k < 9; k++) {
                if (s->halves)
                    tvis_half_expand((const uint16_t *)s->w + at + k * tap, 1, &taps[k]);
                else
                    taps[k] = ((const float *)s->w)[at + k * tap];
            }
            transform_rows(taps, row, out + i * nr + col);
        }
}

void tvis_winograd_pack(const tvis_kernel *k, const void *w, bool halves, int32_t n, int32_t channels, float *out)
{
    const weights s = { w, halves, n, channels };
    const int32_t nr = k->nr, some = RUN / nr;
    const ptrdiff_t step = (ptrdiff_t)tvis_gemm_f32_packed(n, channels, nr);
    float own[ROWS * SIDE * RUN];
    for (int32_t j = 0; j < n; j += nr)
        for (int32_t c = 0, count; c < channels; c += some, out += count * nr) {
            count = channels - c < some ? channels - c : some;
            for (int32_t row = 0; row < SIDE; row += ROWS) {
                transform_run(&s, nr, j, c, count, row, own);
                for (int32_t i = 0; i < ROWS * SIDE; i++)
                    memcpy(out + (row * SIDE + i) * step, own + i * RUN, (size_t)(count * nr) * sizeof *out);
            }
        }
}

/* ---- running ---- */

/* Tiles in a row and in a picture. */
static int32_t tile_cols(const tvis_conv_shape *s)
{
    return (s->ow - 1) / M + 1;
}

static int32_t tiles_each(const tvis_conv_shape *s)
{
    return ((s->oh - 1) / M + 1) * tile_cols(s);
}

int64_t tvis_winograd_tiles(const tvis_conv_shape *s, int32_t pictures)
{
    return (int64_t)pictures * tiles_each(s);
}

/* Tiles that are transformed at a time: what is made of them stays in the second-level cache, except where there are so
 * many channels that their weights would have to come from further away too often. */
static int32_t block_tiles(const tvis_kernel *k, int32_t n, int32_t channels, int64_t tiles)
{
    enum { FLOATS = 192 * 1024, LEAST = 36 };
    const int32_t fit = FLOATS / ALL / (channels + n) / k->mr * k->mr, most = fit > LEAST ? fit : LEAST;
    return tiles < most ? (int32_t)tiles : most;
}

/* Floats between positions. The pad spares caches a stride that is a power of 2, too. */
static ptrdiff_t position(int32_t block, int32_t channels)
{
    return (ptrdiff_t)block * channels + TVIS_WINOGRAD_PAD;
}

uint64_t tvis_winograd_scratch(const tvis_kernel *k, int32_t n, int32_t channels, int64_t tiles)
{
    const uint64_t block = (uint64_t)block_tiles(k, n, channels, tiles), all = (uint64_t)channels + (uint64_t)n;
    return (uint64_t)ALL * (block * all + 2 * TVIS_WINOGRAD_PAD);
}

/* Where a tile lies in the output. */
typedef struct place {
    int32_t picture, y, x;
} place;

static place place_of(const tvis_winograd_f32_args *a, int32_t tile)
{
    const int32_t each = tiles_each(a->s), cols = tile_cols(a->s);
    return (place){ tile / each, tile % each / cols * M, tile % cols * M };
}

static void transform_input(const tvis_winograd_f32_args *a, int32_t tile, float *v, ptrdiff_t step)
{
    const tvis_conv_shape *s = a->s;
    const place at = place_of(a, tile);
    const int32_t y = at.y - s->top, x = at.x - s->left;
    tvis_winograd_input t = { .channels = s->ic, .v = v, .step = step };
    t.left = x < 0 ? -x : 0;
    t.right = s->iw - x < SIDE ? s->iw - x : SIDE;
    for (int32_t i = 0; i < SIDE; i++)
        if (y + i >= 0 && y + i < s->ih)
            t.rows[i] = a->x + (((ptrdiff_t)at.picture * s->ih + y + i) * s->iw + x) * s->ic;
    a->v->input(&t);
}

static void transform_output(const tvis_winograd_f32_args *a, int32_t tile, int32_t col0, tvis_winograd_output *t)
{
    const place at = place_of(a, tile);
    const int32_t oh = a->s->oh, ow = a->s->ow;
    const ptrdiff_t first = (((ptrdiff_t)at.picture * oh + at.y) * ow + at.x) * a->n + col0;
    t->rows = oh - at.y < M ? oh - at.y : M;
    t->cols = ow - at.x < M ? ow - at.x : M;
    t->add = a->add ? a->add + first : NULL;
    t->y = a->y + first;
    a->v->output(t);
    for (int32_t i = 0; i < t->rows; i++)
        tvis_act_apply(a->cpu, a->act, t->y + i * t->line, t->cols, t->channels, a->n);
}

/* (tiles, channels) times weights, position by position. */
static void multiply(const tvis_winograd_f32_args *a, tvis_gemm_f32_args g, ptrdiff_t x_step, ptrdiff_t y_step)
{
    const tvis_gemm_f32_variant *kernel = tvis_gemm_f32_choose(a->v->k.cpu, INT32_MAX);
    const size_t w_step = tvis_gemm_f32_packed(a->n, g.k, a->v->k.nr);
    tvis_act_range(TVIS_ACT_NONE, &g.lo, &g.hi);
    for (int32_t i = ALL; i > 0; i--) {
        kernel->run(&g);
        g.x += x_step;
        g.w += w_step;
        g.y += y_step;
    }
}

void tvis_winograd_part(const tvis_winograd_f32_args *a, int32_t first, int32_t end, int32_t col0, int32_t col1,
                        float *scratch)
{
    const tvis_kernel *k = &a->v->k;
    const int32_t c = a->s->ic, n = col1 - col0;
    const int32_t block = block_tiles(k, a->n, c, tvis_winograd_tiles(a->s, a->pictures));
    const ptrdiff_t x_step = position(block, c), y_step = position(block, n);
    float *v = scratch + ALL * x_step;
    tvis_winograd_output t = { .step = y_step,
                               .channels = n,
                               .bias = a->bias ? a->bias + col0 : NULL,
                               .line = (ptrdiff_t)a->s->ow * a->n,
                               .pixel = a->n };
    tvis_act_range(a->act, &t.lo, &t.hi);
    for (; first < end; first += block) {
        const int32_t count = end - first < block ? end - first : block;
        const tvis_gemm_f32_args g = {
            .x = scratch, .w = a->w + (ptrdiff_t)col0 * c, .y = v, .m = count, .n = n, .k = c, .ldx = c, .ldy = n
        };
        for (int32_t i = 0; i < count; i++)
            transform_input(a, first + i, scratch + (ptrdiff_t)i * c, x_step);
        multiply(a, g, x_step, y_step);
        for (int32_t i = 0; i < count; i++) {
            t.v = v + (ptrdiff_t)i * n;
            transform_output(a, first + i, col0, &t);
        }
    }
}
#endif
