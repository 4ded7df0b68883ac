/* SPDX-License-Identifier: MIT */
#include "ops/depthwise_s8.h"
#include "core/port.h"

void tvis_depthwise_s8_c(const tvis_depthwise_s8_args *a)
{
    for (int32_t ox = 0; ox < a->ow; ox++)
        for (int32_t c = 0; c < a->c; c++) {
            int32_t acc = 0;
            for (int32_t ky = 0; ky < a->kh; ky++)
                for (int32_t kx = 0; kx < a->kw; kx++) {
                    const int32_t ix = ox * a->stride - a->pad + kx * a->dilation;
                    if (a->rows[ky] && ix >= 0 && ix < a->iw)
                        acc += (a->rows[ky][(ptrdiff_t)ix * a->c + c] - a->x_zero) *
                               a->w[((ptrdiff_t)ky * a->kw + kx) * a->c + c];
                }
            acc = tvis_requant_sum(a->bias ? a->bias[c] : 0, acc);
            const ptrdiff_t at = (ptrdiff_t)ox * a->c + c;
            if (a->y32)
                a->y32[at] = acc;
            else
                a->y[at] = tvis_requant_clamp(tvis_requant_scale(acc, a->q.mul[c], a->q.shift), &a->q);
        }
}

#define VNNI    (TVIS_CPU_AVX512 | TVIS_CPU_VNNI)
#define DOTPROD (TVIS_CPU_NEON | TVIS_CPU_DOTPROD)

#define RING(name, cpu, nr, side)                                                                                      \
    {                                                                                                                  \
        { name, cpu, TVIS_PACK_PLAIN, 0, 1, nr }, TVIS_IF_ARMV6(tvis_depthwise_s8_##side##x##side##_armv6),            \
            TVIS_IF_ARMV6(tvis_depthwise_s8_picture_##side##x##side##_armv6),                                          \
            TVIS_IF_ARMV6(tvis_depthwise_s8_fits_##side##x##side##_armv6), side                                        \
    }
#define C_AND_END                                                                                                      \
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_depthwise_s8_c, NULL, NULL, 0 },                                      \
    {                                                                                                                  \
        { NULL, 0, 0, 0, 0, 0 }, NULL, NULL, NULL, 0                                                                   \
    }

const tvis_depthwise_s8_variant tvis_depthwise_s8[] = {
    { { "64_vnni", VNNI, TVIS_PACK_TAPS(4, 64), 0, 1, 64 }, TVIS_IF_X86(tvis_depthwise_s8_64_vnni), NULL, NULL, 0 },
    { { "16_avx2", TVIS_CPU_AVX2, TVIS_PACK_TAPS(2, 16), 0, 1, 16 },
      TVIS_IF_X86(tvis_depthwise_s8_16_avx2),
      NULL,
      NULL,
      0 },
    { { "16_dotprod", DOTPROD, TVIS_PACK_TAPS(4, 16), 0, 1, 16 },
      TVIS_IF_AARCH64(tvis_depthwise_s8_16_dotprod),
      NULL,
      NULL,
      0 },
    { { "16_neon", TVIS_CPU_NEON, TVIS_PACK_PLAIN, 0, 1, 16 },
      TVIS_IF_AARCH64(tvis_depthwise_s8_16_neon),
      NULL,
      NULL,
      0 },
    RING("3x3_armv6", TVIS_CPU_ARMV6, 16, 3),
    RING("5x5_armv6", TVIS_CPU_ARMV6, 16, 5),
    RING("3x3_dsp", TVIS_CPU_DSP, 4, 3),
    RING("5x5_dsp", TVIS_CPU_DSP, 4, 5),
    C_AND_END,
};

const tvis_depthwise_s8_variant tvis_depthwise_s8_3x3[] = {
    RING("3x3_armv6", TVIS_CPU_ARMV6, 16, 3),
    RING("3x3_dsp", TVIS_CPU_DSP, 4, 3),
    C_AND_END,
};

/* Columns of the kernel that a step takes of these rows of it. */
static int32_t wide(int32_t rows, int32_t deep)
{
    return deep / (rows < deep ? rows : deep);
}

int32_t tvis_depthwise_s8_steps(int32_t kh, int32_t kw, int32_t deep)
{
    const int32_t rest = kh % deep, whole = kh / deep * kw;
    return rest ? whole + (kw - 1) / wide(rest, deep) + 1 : whole;
}

bool tvis_depthwise_s8_fits(const tvis_depthwise_s8_variant *v, int32_t kh, int32_t kw, int32_t dilation)
{
    const tvis_kernel *k = &v->k;
    if (v->side && (kh != v->side || kw != v->side || dilation != 1))
        return false;
    if (!TVIS_PACK_IS_TAPS(k->pack))
        return true;
    const int32_t deep = TVIS_PACK_DEEP(k->pack), groups = (kh - 1) / deep + 1;
    const int32_t columns = TVIS_DEPTHWISE_S8_BUFFER / 4 / TVIS_PACK_BLOCK(k->pack) / groups;
    return tvis_depthwise_s8_steps(kh, kw, deep) <= TVIS_DEPTHWISE_S8_STEPS && (int64_t)(kw - 1) * dilation < columns;
}

/* ---- packing ---- */

static size_t block_bytes(int32_t steps, int32_t deep, int32_t block)
{
    return ((size_t)steps * (size_t)deep + sizeof(int32_t)) * (size_t)block;
}

size_t tvis_depthwise_s8_packed(int32_t kh, int32_t kw, int32_t c, uint16_t pack)
{
    const int32_t deep = TVIS_PACK_DEEP(pack), block = TVIS_PACK_BLOCK(pack);
    return (size_t)((c - 1) / block + 1) * block_bytes(tvis_depthwise_s8_steps(kh, kw, deep), deep, block);
}

/* Where a channel of a block stands. */
static int32_t place(int32_t ch, int32_t block)
{
    return block == 64 ? ch / 4 % 4 * 16 + ch / 16 * 4 + ch % 4 : ch;
}

/* One channel, w at its first tap; out at its first byte, steps `apart`. Returns the sum. */
static int32_t pack_channel(const int8_t *w, int32_t kh, int32_t kw, int32_t c, int32_t deep, ptrdiff_t apart,
                            int8_t *out)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < kh; ky += deep) {
        const int32_t rows = kh - ky < deep ? kh - ky : deep, columns = wide(rows, deep);
        for (int32_t kx = 0; kx < kw; kx += columns, out += apart)
            for (int32_t i = 0; i < rows * columns && kx + i / rows < kw; i++) {
                out[i] = w[((ptrdiff_t)(ky + i % rows) * kw + kx + i / rows) * c];
                sum += out[i];
            }
    }
    return sum;
}

void tvis_depthwise_s8_pack(const int8_t *w, int32_t kh, int32_t kw, int32_t c, uint16_t pack, int8_t *out)
{
    const int32_t deep = TVIS_PACK_DEEP(pack), block = TVIS_PACK_BLOCK(pack);
    const int32_t steps = tvis_depthwise_s8_steps(kh, kw, deep);
    const size_t bytes = block_bytes(steps, deep, block);
    memset(out, 0, tvis_depthwise_s8_packed(kh, kw, c, pack));
    for (int32_t ch = 0; ch < c; ch += block, out += bytes) {
        const int32_t first = c - ch < block && c > block ? c - block : ch;
        int32_t *sums = (int32_t *)(void *)(out + (ptrdiff_t)steps * deep * block);
        for (int32_t i = 0; i < block && first + i < c; i++)
            sums[i] = pack_channel(w + first + i, kh, kw, c, deep, (ptrdiff_t)deep * block,
                                   out + (ptrdiff_t)place(i, block) * deep);
    }
}
