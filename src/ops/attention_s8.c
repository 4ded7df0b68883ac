/* SPDX-License-Identifier: MIT */
#include "ops/attention_s8.h"
#include "core/port.h"

const int32_t tvis_attention_s8_coarse[16] = { 0,    32768, 16384, 49152, 8192,  40960, 24576, 57344,
                                               4096, 36864, 20480, 53248, 12288, 45056, 28672, 61440 };
const int32_t tvis_attention_s8_fine[16] = { 128, 2176, 1152, 3200, 640, 2688, 1664, 3712,
                                             384, 2432, 1408, 3456, 896, 2944, 1920, 3968 };

tvis_attention_s8_divisor tvis_attention_s8_divide(const tvis_attention_s8_args *a, uint32_t sum)
{
    enum { MOST = 65536 }; /* sum >> right: then what is scaled stays below 255 * 2^16 < 2^24 */
    tvis_attention_s8_divisor d = { 0, 0, 0, 0, 0 };
    while (sum >> d.right >= MOST)
        d.right++;
    d.half = (1 << d.right) / 2;
    const uint32_t n = (sum >> d.right) + (d.right ? sum >> (d.right - 1) & 1 : 0); /* 2^15 <= n <= MOST */
    uint64_t m = (((uint64_t)a->y_mul << a->y_shift) + n / 2) / n;                  /* < 2^47 */
    for (; m >= 0x7fffffffu; m = (m + 1) / 2)
        d.shift++;
    d.v_zero = a->zero * (int32_t)n;
    d.mul = (int32_t)((m + 1) & ~(uint64_t)1);
    return d;
}

int16_t tvis_attention_s8_probability(uint32_t weight, uint32_t sum)
{
    const uint32_t p = (weight * 32768 + sum / 2) / sum; /* both terms are below 2^31 */
    return (int16_t)(p < INT16_MAX ? p : INT16_MAX);
}

/* ---- C ---- */

static int32_t rounded(int32_t f, int32_t factor)
{
    return (f * factor + (1 << 14)) >> 15;
}

/* 2^16 * 2^-(max - score), where a unit of the difference is mul * 2^shift / 2^32 * 2^-15. */
static int32_t weigh(const tvis_attention_s8_args *a, int32_t score, int32_t max, int32_t j)
{
    const int32_t most = INT32_MAX >> a->shift, less = max - score;
    const int32_t t = tvis_requant_scale(less < most ? less : most, a->mul, a->shift);
    const int32_t n = t >> 15, f = t & 0x7fff;
    const int32_t m =
        TVIS_EXP2_ONE -
        rounded(f, TVIS_EXP2_A - rounded(f, TVIS_EXP2_B - rounded(f, TVIS_EXP2_C - rounded(f, TVIS_EXP2_D))));
    const int32_t dither = tvis_attention_s8_coarse[j % 16] + tvis_attention_s8_fine[j / 16 % 16];
    return (int32_t)((((uint32_t)m << 17 >> (n < 31 ? n : 31)) + (uint32_t)dither) >> 16);
}

static int32_t score(const tvis_attention_s8_args *a, const int8_t *q, int32_t j)
{
    const int8_t *k = a->k + (ptrdiff_t)j * a->ld;
    int32_t sum = 0;
    for (int32_t i = 0; i < a->d; i++)
        sum += (q[i] - a->zero) * k[i];
    return sum;
}

/* Fills weight[] and returns its sum. */
static uint32_t weights(const tvis_attention_s8_args *a, const int8_t *q, int32_t *weight)
{
    int32_t max = INT32_MIN;
    uint32_t sum = 0;
    for (int32_t j = 0; j < a->keys; j++) {
        weight[j] = score(a, q, j);
        max = weight[j] > max ? weight[j] : max;
    }
    for (int32_t j = 0; j < a->keys; j++) {
        weight[j] = weigh(a, weight[j], max, j);
        sum += (uint32_t)weight[j];
    }
    return sum;
}

/* Channel i of one query. */
static int8_t blend(const tvis_attention_s8_args *a, const int32_t *weight, const tvis_attention_s8_divisor *by,
                    int32_t i)
{
    int32_t total = 0;
    for (int32_t first = 0; first < a->keys; first += TVIS_ATTENTION_S8_BLOCK) {
        int32_t acc = 0;
        for (int32_t j = first; j < a->keys && j - first < TVIS_ATTENTION_S8_BLOCK; j++)
            acc += weight[j] * a->v[(ptrdiff_t)j * a->ld + i];
        total += (acc + by->half) >> by->right;
    }
    return tvis_requant_clamp(tvis_requant_scale(total - by->v_zero, by->mul, by->shift), &a->q_y);
}

void tvis_attention_s8_c(const tvis_attention_s8_args *a)
{
    int32_t *weight = a->scratch;
    for (int32_t n = 0; n < a->queries; n++) {
        const uint32_t sum = weights(a, a->q + (ptrdiff_t)n * a->ld, weight);
        const tvis_attention_s8_divisor by = tvis_attention_s8_divide(a, sum);
        for (int32_t i = 0; i < a->d; i++)
            a->y[(ptrdiff_t)n * a->ldy + i] = blend(a, weight, &by, i);
        for (int32_t j = 0; a->map && n == 0 && j < a->keys; j++)
            a->map[j] = tvis_attention_s8_probability((uint32_t)weight[j], sum);
    }
}

/* ---- the table ---- */

#define DOTPROD (TVIS_CPU_NEON | TVIS_CPU_DOTPROD)
#define VNNI    (TVIS_CPU_AVX512 | TVIS_CPU_VNNI)

const tvis_attention_s8_variant tvis_attention_s8[] = {
    { { "32x32_amx", VNNI | TVIS_CPU_VBMI | TVIS_CPU_AMX, TVIS_PACK_GROUPS(4, 16), 0, 32, 32 },
      TVIS_IF_AMX(tvis_attention_s8_prepare_32x32_amx),
      TVIS_IF_AMX(tvis_attention_s8_32x32_amx) },
    { { "24x32_vnni", VNNI, TVIS_PACK_GROUPS(4, 16), 0, 24, 32 },
      TVIS_IF_X86(tvis_attention_s8_prepare_24x32_vnni),
      TVIS_IF_X86(tvis_attention_s8_24x32_vnni) },
    { { "16x16_avx2", TVIS_CPU_AVX2, TVIS_PACK_GROUPS(2, 16), 0, 16, 16 },
      TVIS_IF_X86(tvis_attention_s8_prepare_16x16_avx2),
      TVIS_IF_X86(tvis_attention_s8_16x16_avx2) },
    { { "16x16_dotprod", DOTPROD, TVIS_PACK_GROUPS(4, 16), 0, 16, 16 },
      TVIS_IF_AARCH64(tvis_attention_s8_prepare_16x16_dotprod),
      TVIS_IF_AARCH64(tvis_attention_s8_16x16_dotprod) },
    { { "16x16_neon", TVIS_CPU_NEON, TVIS_PACK_GROUPS(16, 4), 0, 16, 16 },
      TVIS_IF_AARCH64(tvis_attention_s8_prepare_16x16_neon),
      TVIS_IF_AARCH64(tvis_attention_s8_16x16_neon) },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, NULL, tvis_attention_s8_c },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, NULL },
};

static uint64_t up(uint64_t n, uint64_t step)
{
    return (n + step - 1) / step * step;
}

tvis_attention_s8_places tvis_attention_s8_place(const tvis_kernel *row, int32_t keys, int32_t d)
{
    const uint64_t t = up((uint64_t)keys, 16), c = up((uint64_t)d, row->nr), mr = row->mr, align = TVIS_ARENA_ALIGN;
    const uint64_t values = t < 32 ? 64 : t * sizeof(int16_t); /* AMX takes 64 at a time, 8 bits wide */
    tvis_attention_s8_places p = { .keys = (int32_t)t, .channels = (int32_t)c };
    p.bias = up(tvis_gemm_s8_packed((int32_t)t, d, row->pack), align);
    p.v = p.bias + up(t * sizeof(int32_t), align);
    p.sums = p.v + up(values * c, align);
    p.scores = p.sums + up(up(t, TVIS_ATTENTION_S8_BLOCK) / TVIS_ATTENTION_S8_BLOCK * c * sizeof(int32_t), align);
    p.totals = p.scores + up(mr * t * sizeof(int32_t), align);
    p.end = p.totals + up(mr * c * sizeof(int32_t), align);
    return p;
}

/* C: the weights of one query. */
uint64_t tvis_attention_s8_scratch(const tvis_kernel *row, int32_t keys, int32_t d)
{
    return row->pack == TVIS_PACK_PLAIN ? (uint64_t)keys * sizeof(int32_t) : tvis_attention_s8_place(row, keys, d).end;
}
