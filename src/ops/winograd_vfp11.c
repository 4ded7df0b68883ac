/* SPDX-License-Identifier: MIT */
/* ARM11: transforms of whole tiles with short vectors. Tiles at an edge of the picture go through memory of their own,
 * some channels at a time. */
#include "core/port.h"
#include "ops/winograd.h"
#include "ops/winograd_vfp11.h"

#include <float.h>

#if TVIS_WINOGRAD
enum { VEC = 4, SOME = 2 * VEC, SIDE = TVIS_WINOGRAD_SIDE, M = TVIS_WINOGRAD_M };

#define INFINITE 0x7f800000u
#define NEGATIVE 0x80000000u

/* Copied by LDM and STM. */
typedef struct channels {
    float c[SOME];
} channels;

static void input_edge(const tvis_winograd_input *t)
{
    static const channels zeros;
    channels patch[SIDE * SIDE];
    const float *rows[SIDE];
    for (int32_t i = 0; i < SIDE; i++)
        rows[i] = patch[i * SIDE].c;
    for (int32_t c = 0; c < t->channels; c += SOME) {
        for (int32_t i = 0; i < SIDE; i++)
            for (int32_t x = 0; x < SIDE; x++) {
                const bool inside = t->rows[i] && x >= t->left && x < t->right;
                patch[i * SIDE + x] =
                    inside ? *(const channels *)(const void *)(t->rows[i] + (ptrdiff_t)x * t->channels + c) : zeros;
            }
        tvis_vfp11_winograd_in(rows, sizeof(channels), t->v + c, t->step * (ptrdiff_t)sizeof(float), SOME / VEC);
    }
}

void tvis_winograd_in_vfp11(const tvis_winograd_input *t)
{
    bool edge = t->left > 0 || t->right < SIDE;
    for (int32_t i = 0; i < SIDE; i++)
        edge = edge || !t->rows[i];
    if (t->channels % SOME)
        tvis_winograd_in_c(t);
    else if (edge)
        input_edge(t);
    else
        tvis_vfp11_winograd_in(t->rows, t->channels * (ptrdiff_t)sizeof(float), t->v,
                               t->step * (ptrdiff_t)sizeof(float), t->channels / VEC);
}

static uint32_t bits(float v)
{
    uint32_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

/* Pixels that there are, of channels [c, c + count) of a tile, plus what is added, with limits. */
static void finish(const tvis_winograd_output *t, const channels *tile, int32_t c, int32_t count)
{
    for (int32_t i = 0; i < t->rows; i++)
        for (int32_t x = 0; x < t->cols; x++) {
            const ptrdiff_t at = i * t->line + x * t->pixel + c;
            for (int32_t k = 0; k < count; k++) {
                const float sum = tile[i * M + x].c[k] + (t->add ? t->add[at + k] : 0.0f),
                            v = sum < t->lo ? t->lo : sum;
                t->y[at + k] = v > t->hi ? t->hi : v;
            }
        }
}

/* The first `whole` channels of a tile that is not all there, or with limits that vectors don't make. */
static void output_edge(const tvis_winograd_output *t, tvis_vfp11_winograd_output o, int32_t whole)
{
    channels tile[M * M];
    o.add = NULL;
    o.y = tile[0].c;
    o.line = M * sizeof(channels);
    o.pixel = sizeof(channels);
    o.clamp = 0;
    for (int32_t c = 0; c < whole; c += SOME) {
        const int32_t count = whole - c < SOME ? VEC : SOME;
        o.vectors = count / VEC;
        tvis_vfp11_winograd_out(&o);
        finish(t, tile, c, count);
        o.v += SOME;
        if (t->bias)
            o.bias += SOME;
    }
}

void tvis_winograd_out_vfp11(const tvis_winograd_output *t)
{
    static const float zeros[VEC];
    const int32_t whole = t->channels & ~(VEC - 1);
    const uint32_t lo = bits(t->lo), hi = bits(t->hi);
    const bool positive = (lo == 0 || lo == NEGATIVE) && hi <= INFINITE, open = t->lo <= -FLT_MAX && t->hi >= FLT_MAX;
    const tvis_vfp11_winograd_output o = {
        .v = t->v,
        .step = t->step * (ptrdiff_t)sizeof(float),
        .bias = t->bias ? t->bias : zeros,
        .add = t->add,
        .y = t->y,
        .line = t->line * (ptrdiff_t)sizeof(float),
        .pixel = t->pixel * (ptrdiff_t)sizeof(float),
        .next_bias = t->bias ? sizeof zeros : 0,
        .vectors = whole / VEC,
        .hi = hi,
        .clamp = positive,
    };
    if (whole && t->rows == M && t->cols == M && (positive || open))
        tvis_vfp11_winograd_out(&o);
    else
        output_edge(t, o, whole);
    if (whole == t->channels)
        return;
    tvis_winograd_output rest = *t;
    rest.channels -= whole;
    rest.v += whole;
    rest.y += whole;
    rest.bias = t->bias ? t->bias + whole : NULL;
    rest.add = t->add ? t->add + whole : NULL;
    tvis_winograd_out_c(&rest);
}
#endif
