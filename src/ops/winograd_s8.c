/* SPDX-License-Identifier: MIT */
#include "ops/winograd_s8.h"
#include "core/port.h"
#include "ops/dense_s16.h"

#if TVIS_LARGE_CODE
enum { FIRST = 0x8000, GROUP = 4, POSITIONS = TVIS_WINOGRAD_S8_POSITIONS };

const tvis_winograd_s8_variant tvis_winograd_s8[] = {
    { { "f2_armv6", TVIS_CPU_ARMV6, TVIS_PACK_WINOGRAD_S8, 0, 2, 2 }, TVIS_IF_ARMV6(tvis_winograd_s8_f2_armv6) },
    { { "f2_neon", TVIS_CPU_NEON, TVIS_PACK_WINOGRAD_S8_8, 0, 8, 8 }, TVIS_IF_AARCH64(tvis_winograd_s8_f2_neon) },
    { { NULL, 0, 0, 0, 0, 0 }, NULL },
};

/* Pieces of as many tiles as one pass takes have 4 KB at most, a quarter of a small first-level cache. */
int32_t tvis_winograd_s8_piece(int32_t channels)
{
    const int32_t pieces = (channels + 127) / 128;
    return ((channels + pieces - 1) / pieces + 15) & ~15;
}

int32_t tvis_winograd_s8_block(int32_t channels)
{
    return channels > 64 ? 16 : 32;
}

/* Sums of a block take 32 KB. */
int32_t tvis_winograd_s8_columns(int32_t channels)
{
    return 512 / tvis_winograd_s8_block(channels);
}

int64_t tvis_winograd_s8_tiles(const tvis_conv_shape *s, int32_t pictures)
{
    return (int64_t)pictures * ((s->oh + 1) / 2) * ((s->ow + 1) / 2);
}

uint64_t tvis_winograd_s8_scratch(int32_t channels)
{
    const uint64_t block = (uint64_t)tvis_winograd_s8_block(channels), c = (uint64_t)channels, line = 32,
                   columns = (uint64_t)tvis_winograd_s8_columns(channels);
    return POSITIONS * (block * (c * sizeof(int16_t) + columns * sizeof(int32_t)) + 6 * line) +
           TVIS_WINOGRAD_S8_PIXELS * sizeof(int32_t) + c + 4 * line;
}

uint64_t tvis_winograd_s8_packed(int32_t n, int32_t channels)
{
    const uint64_t behind = 64; /* is read by kernels */
    return POSITIONS * sizeof(int16_t) * (uint64_t)n * (uint64_t)channels + behind;
}

/* Three taps to four, and two of the four dimensions of pixels less: times 2 in each. */
static void transform(const int32_t *w, int32_t *u, int32_t step)
{
    const int32_t sum = w[0] + w[2];
    u[0] = 2 * w[0];
    u[step] = sum + w[1];
    u[2 * step] = sum - w[1];
    u[3 * step] = 2 * w[2];
}

/* All positions of one weight, `step` numbers apart. */
static void transform_weight(const int8_t *w, ptrdiff_t tap, int16_t *out, ptrdiff_t step)
{
    int32_t rows[3 * 4], u[4];
    for (int32_t x = 0; x < 3; x++) {
        const int32_t column[3] = { w[x * tap], w[(3 + x) * tap], w[(6 + x) * tap] };
        transform(column, rows + x, 3);
    }
    for (int32_t i = 0; i < 4; i++) {
        transform(rows + 3 * i, u, 1);
        for (int32_t j = 0; j < 4; j++, out += step)
            *out = (int16_t)u[j];
    }
}

/* Where a weight of the first position goes in a chunk of columns that begins at 0: of column j, channel c. */
static ptrdiff_t pairs_place(int32_t j, int32_t c, int32_t columns, int32_t channels)
{
    const int32_t piece = tvis_winograd_s8_piece(channels), start = c / piece * piece, in = c - start;
    const int32_t size = channels - start < piece ? channels - start : piece;
    const int32_t slot = (in & 1) << 2 | (j & 1) << 1 | (in >> 1 & 1);
    return (ptrdiff_t)start * columns + (ptrdiff_t)j / 2 * 2 * size + in / GROUP * 2 * GROUP + slot;
}

void tvis_winograd_s8_pack(const int8_t *w, int32_t n, int32_t channels, uint16_t pack, int16_t *out)
{
    const int32_t most = tvis_winograd_s8_columns(channels);
    for (int32_t j = 0; j < n; j++, w += 9 * (ptrdiff_t)channels) {
        const int32_t chunk = j / most * most, columns = n - chunk < most ? n - chunk : most, in = j - chunk;
        int16_t *first = out + (ptrdiff_t)chunk * POSITIONS * channels;
        for (int32_t c = 0; c < channels; c++)
            transform_weight(w + c, channels,
                             first + (pack == TVIS_PACK_WINOGRAD_S8 ? pairs_place(in, c, columns, channels)
                                                                    : ((ptrdiff_t)in / 8 * channels + c) * 8 + in % 8),
                             (ptrdiff_t)columns * channels);
    }
}

/* ---- in a graph ---- */

bool tvis_winograd_s8_runs(uint16_t kernel)
{
    return kernel >= FIRST;
}

/* Products of bytes four at a time are faster than this. */
static const tvis_winograd_s8_variant *choose(uint32_t cpu)
{
    const tvis_winograd_s8_variant *v = tvis_winograd_s8;
    while (v->k.name && (v->k.cpu & ~cpu))
        v++;
    return v->k.name && !(cpu & TVIS_CPU_DOTPROD) ? v : NULL;
}

bool tvis_winograd_s8_plan(tvis_node_plan *p, const tvis_conv_shape *s)
{
    const tvis_blob_tensor *w = p->in[1];
    const int32_t n = w->dims[0];
    const tvis_winograd_s8_variant *v = choose(p->config->cpu);
    const int64_t tiles = tvis_winograd_s8_tiles(s, p->in_dims[0][0]);
    const bool fits = p->in[0]->dtype == TVIS_S8 && s->kh == 3 && s->kw == 3 && s->stride[0] == 1 &&
                      s->stride[1] == 1 && s->dilation[0] == 1 && s->dilation[1] == 1 && s->ic == w->dims[3] &&
                      s->ic % 16 == 0 && v && n % v->k.nr == 0;
    const uint64_t packed = tvis_winograd_s8_packed(n, s->ic);
    if (!fits || w->pack != TVIS_PACK_PLAIN || p->config->plan != TVIS_PLAN_FAST || packed > INT32_MAX ||
        tiles > INT32_MAX || (p->config->pack == &tvis_pack_wanted ? tiles < 12 : !tvis_plan_packed(p, 0, v->k.pack)))
        return false;
    p->choice[0] = (tvis_choice){ (uint16_t)(FIRST + (v - tvis_winograd_s8)), v->k.pack, (uint32_t)packed };
    p->kernel_name = v->k.name;
    p->scratch = (uint32_t)tvis_winograd_s8_scratch(s->ic);
    return true;
}

/* No tensor of the layer is S16. */
static bool is_s8(const tvis_node_run *r)
{
    const tvis_blob_tensor *add = r->in[TVIS_S8_ADD];
    return r->out[0]->dtype == TVIS_S8 && (!add || add->dtype == TVIS_S8);
}

typedef struct work {
    const tvis_node_run *run;
    const tvis_conv_shape *s;
} work;

/* As layers of S8 and S16 narrow their sums. */
static tvis_narrow_args narrow_of(const tvis_node_run *r)
{
    tvis_narrow_args a = tvis_s16_narrow(r, 0);
    if (is_s8(r)) {
        a.table = NULL;
        a.q = tvis_s8_requant(r, 0);
    }
    a.add = r->x[TVIS_S8_ADD];
    a.y = r->y[0];
    a.ldy = r->in_dims[1][0];
    return a;
}

static void run_part(void *arg, uint32_t i)
{
    const work *w = arg;
    const tvis_node_run *r = w->run;
    const int32_t tiles = (int32_t)tvis_winograd_s8_tiles(w->s, r->in_dims[0][0]);
    const tvis_winograd_s8_args a = {
        .s = w->s,
        .n = r->in_dims[1][0],
        .x = r->x[0],
        .zero = (int8_t)r->in[0]->zero,
        .w = r->packed[0],
        .bias = r->x[TVIS_S8_BIAS],
        .y = narrow_of(r),
        .scratch = r->scratch + (size_t)i * r->scratch_bytes,
    };
    tvis_winograd_s8[r->kernel[0] - FIRST].run(&a, tvis_part(tiles, i, r->parts, 2),
                                               tvis_part(tiles, i + 1, r->parts, 2));
}

void tvis_winograd_s8_run(const tvis_node_run *r, const tvis_conv_shape *s)
{
    const work w = { r, s };
    const int32_t *y = r->out_dims[0];
    tvis_run_parts(r, run_part, (void *)(uintptr_t)&w);
    if (is_s8(r))
        tvis_s8_look_up(r, r->y[0], y[0] * y[1] * y[2], y[3], y[3]);
}

#endif
