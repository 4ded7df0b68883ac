/* SPDX-License-Identifier: MIT */
#include "ops/gemm_s8.h"
#include "core/port.h"
#include "ops/table16.h"

void tvis_gemm_s8_c(const tvis_gemm_s8_args *a)
{
    for (int32_t i = 0; i < a->m; i++)
        for (int32_t j = 0; j < a->n; j++) {
            const int8_t *x = a->x + (ptrdiff_t)i * a->ldx, *w = a->w + (ptrdiff_t)j * a->k;
            const ptrdiff_t at = (ptrdiff_t)i * a->ldy + j;
            int32_t acc = 0;
            for (int32_t p = 0; p < a->k; p++)
                acc += x[p] * w[p];
            acc = tvis_requant_sum(a->bias ? a->bias[j] : 0, acc);
            if (a->y32) {
                a->y32[at] = acc;
                continue;
            }
            int64_t v = tvis_requant_scale(acc, a->q.mul[j], a->q.shift);
            if (a->add)
                v += tvis_requant_scale(a->add[at] - a->add_q.zero, a->add_q.mul, a->add_q.shift);
            v = tvis_requant_limit(v, &a->q);
            if (a->table)
                v = tvis_table16_narrow(tvis_table16_at(a->table, (int32_t)v));
            a->y[at] = (int8_t)v;
        }
}

#define DOTPROD (TVIS_CPU_NEON | TVIS_CPU_DOTPROD)
#define I8MM    (TVIS_CPU_NEON | TVIS_CPU_I8MM)
#define VNNI    (TVIS_CPU_AVX512 | TVIS_CPU_VNNI)

const tvis_gemm_s8_variant tvis_gemm_s8[] = {
    { { "32x32_amx", VNNI | TVIS_CPU_VBMI | TVIS_CPU_AMX, TVIS_PACK_GROUPS(4, 16), 0, 32, 16 },
      TVIS_IF_AMX(tvis_gemm_s8_32x32_amx),
      0,
      false },
    { { "6x64_vnni", VNNI, TVIS_PACK_GROUPS(4, 16), 0, 6, 16 }, TVIS_IF_X86(tvis_gemm_s8_6x64_vnni), 0, false },
    { { "4x16_avx2", TVIS_CPU_AVX2, TVIS_PACK_GROUPS(2, 16), 0, 4, 16 },
      TVIS_IF_X86(tvis_gemm_s8_4x16_avx2),
      0,
      false },
    { { "4x16_i8mm", I8MM, TVIS_PACK_GROUPS(8, 16), 0, 4, 16 },
      TVIS_IF_AARCH64(tvis_gemm_s8_4x16_i8mm),
      0,
      false },
    { { "4x16_dotprod", DOTPROD, TVIS_PACK_GROUPS(4, 16), 0, 4, 16 },
      TVIS_IF_AARCH64(tvis_gemm_s8_4x16_dotprod),
      0,
      false },
    { { "4x4_neon", TVIS_CPU_NEON, TVIS_PACK_GROUPS(16, 4), 0, 4, 4 },
      TVIS_IF_AARCH64(tvis_gemm_s8_4x4_neon),
      0,
      false },
    { { "2x2_armv6", TVIS_CPU_ARMV6, TVIS_PACK_GROUPS(4, 2), 0, 2, 2 },
      TVIS_IF_ARMV6(tvis_gemm_s8_2x2_armv6),
      TVIS_GEMM_S8_ARMV6_SCRATCH,
      TVIS_LARGE_CODE },
    { { "2x2_dsp", TVIS_CPU_DSP, TVIS_PACK_GROUPS(4, 2), 0, 2, 2 },
      TVIS_IF_ARMV6(tvis_gemm_s8_2x2_dsp),
      TVIS_GEMM_S8_DSP_SCRATCH,
      TVIS_LARGE_CODE },
    { { "c", 0, TVIS_PACK_PLAIN, 0, 1, 1 }, tvis_gemm_s8_c, 0, true },
    { { NULL, 0, 0, 0, 0, 0 }, NULL, 0, false },
};

size_t tvis_gemm_s8_panel(int32_t k, int32_t group, int32_t nr)
{
    const int32_t groups = (k - 1) / group + 1;
    return ((size_t)groups * (size_t)group + sizeof(int32_t)) * (size_t)nr;
}

size_t tvis_gemm_s8_packed(int32_t n, int32_t k, uint16_t pack)
{
    const int32_t nr = TVIS_PACK_COLUMNS(pack);
    return (size_t)((n - 1) / nr + 1) * tvis_gemm_s8_panel(k, TVIS_PACK_GROUP(pack), nr);
}

/* A weight as it stands at byte b of a group, in what its column is corrected by. */
static int32_t correction(int32_t w, int32_t b, int32_t group)
{
    if (group == 4)
        return -128 * w;
    return group == 16 && b >= 8 ? -w : 0;
}

/* A column of a panel: out is its first byte, its groups are nr * group bytes apart. The last group ends with the last
 * weight; those that the group before it has too are zeros. */
static int32_t pack_column(const int8_t *w, int32_t k, int32_t group, int32_t nr, int8_t *out)
{
    int32_t corrected = 0;
    for (int32_t p = 0; p < k; p += group, out += (ptrdiff_t)nr * group) {
        const int32_t count = k - p < group ? k - p : group, first = group - count;
        memset(out, 0, (size_t)first);
        for (int32_t b = first; b < group; b++) {
            out[b] = w[p + b - first];
            corrected += correction(out[b], b, group);
        }
    }
    return corrected;
}

void tvis_gemm_s8_pack(const int8_t *w, int32_t n, int32_t k, uint16_t pack, int8_t *out)
{
    const int32_t nr = TVIS_PACK_COLUMNS(pack), group = TVIS_PACK_GROUP(pack);
    const size_t panel = tvis_gemm_s8_panel(k, group, nr), tail = (size_t)nr * sizeof(int32_t);
    for (int32_t j = 0; j < n; j += nr, out += panel) {
        int32_t *corrections = (int32_t *)(void *)(out + panel - tail);
        if (n - j < nr)
            memset(out, 0, panel);
        for (int32_t c = 0; c < nr && c < n - j; c++)
            corrections[c] = pack_column(w + (ptrdiff_t)(j + c) * k, k, group, nr, out + (ptrdiff_t)c * group);
    }
}

/* As pack_column(), into zeros. */
static int32_t scatter_column(tvis_sparse_row r, int32_t k, int32_t group, int32_t nr, int8_t *out)
{
    const int32_t last = k % group ? k - k % group : k; /* where the group that is not whole begins */
    int32_t corrected = 0;
    for (int32_t i = 0; i < r.count; i++) {
        const int32_t p = tvis_sparse_column(&r), b = p < last ? p % group : group - k + p;
        const int8_t w = (int8_t)r.values[i];
        out[(ptrdiff_t)(p / group) * nr * group + b] = w;
        corrected += correction(w, b, group);
    }
    return corrected;
}

void tvis_gemm_s8_pack_sparse(const tvis_sparse *s, int32_t row, int32_t n, uint16_t pack, int8_t *out)
{
    const int32_t nr = TVIS_PACK_COLUMNS(pack), group = TVIS_PACK_GROUP(pack);
    const size_t panel = tvis_gemm_s8_panel(s->k, group, nr), tail = (size_t)nr * sizeof(int32_t);
    tvis_sparse_cursor at = tvis_sparse_seek(s, row);
    for (int32_t j = 0; j < n; j += nr, out += panel) {
        int32_t *corrections = (int32_t *)(void *)(out + panel - tail);
        memset(out, 0, panel);
        for (int32_t c = 0; c < nr && c < n - j; c++)
            corrections[c] = scatter_column(tvis_sparse_next(&at), s->k, group, nr, out + (ptrdiff_t)c * group);
    }
}

void tvis_gemm_s8_short(const tvis_gemm_s8_args *a, int32_t group, void (*run)(const tvis_gemm_s8_args *a))
{
    enum { ROWS = 32, MAX_GROUP = 16 };
    int8_t x[ROWS * MAX_GROUP] = { 0 };
    tvis_gemm_s8_args b = *a;
    b.x = x;
    b.k = b.ldx = group;
    for (int32_t i = 0; i < a->m; i += ROWS) {
        const ptrdiff_t at = (ptrdiff_t)i * a->ldy;
        b.m = a->m - i < ROWS ? a->m - i : ROWS;
        for (int32_t r = 0; r < b.m; r++)
            memcpy(x + r * group + group - a->k, a->x + (ptrdiff_t)(i + r) * a->ldx, (size_t)a->k);
        b.add = a->add ? a->add + at : NULL;
        b.y = a->y ? a->y + at : NULL;
        b.y32 = a->y32 ? a->y32 + at : NULL;
        run(&b);
    }
}
