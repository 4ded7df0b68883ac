/* SPDX-License-Identifier: MIT */
/* Nearest neighbours by products of descriptors: for rows of length 1 the distance is sqrt(2 - 2 a b). The products are
 * made by the gemm kernels, a panel of b times a block of a at a time, and never stored as a whole. */
#include "core/diag.h"
#include "core/math.h"
#include "core/port.h"
#include "ops/gemm.h"

#include <float.h>
#include <tinyvis/keypoints.h>

enum { BLOCK = 96 }; /* rows of a at a time */
#define NOBODY UINT32_MAX

/* The nearest so far: the largest product, the first of equal ones. */
typedef struct nearest {
    float product, second;
    uint32_t index;
} nearest;

typedef struct layout {
    size_t panel, product, of_a, of_b;
    uint64_t bytes;
} layout;

static tvis_status bad(tvis_diag *d, const char *what, const char *why, int64_t expected, int64_t found)
{
    return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, what, why, expected, found);
}

static tvis_status check(const tvis_match_config *c, uint32_t na, uint32_t nb, uint32_t dim, tvis_diag *d)
{
    const uint32_t more = na > nb ? na : nb;
    if (!c || c->struct_size != sizeof *c)
        return bad(d, "config", "is NULL or of another version (struct_size)", -1, -1);
    if (!(c->max_distance >= 0.0f && c->max_distance <= FLT_MAX))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_VALUE, "max_distance", "is 0 or more");
    if (!(c->ratio >= 0.0f && c->ratio <= 1.0f))
        return tvis_fail(d, TVIS_EINVAL, TVIS_DIAG_VALUE, "ratio", "is from 0 to 1");
    if (more > TVIS_MATCH_MAX_POINTS)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "points", NULL, TVIS_MATCH_MAX_POINTS, more);
    if (dim < 1 || dim > TVIS_MATCH_MAX_DIM)
        return tvis_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "descriptors", "of 1 to 4096 numbers",
                               TVIS_MATCH_MAX_DIM, dim);
    return TVIS_OK;
}

static size_t take(layout *l, uint64_t bytes)
{
    size_t at = (size_t)l->bytes;
    l->bytes += (bytes + (TVIS_ARENA_ALIGN - 1u)) & ~(uint64_t)(TVIS_ARENA_ALIGN - 1u);
    return at;
}

static layout lay_out(const tvis_match_config *c, uint32_t na, uint32_t nb, uint32_t d)
{
    const uint32_t nr = tvis_gemm_f32_choose(c->cpu, INT32_MAX)->k.nr;
    layout l = { 0 };
    l.panel = take(&l, (uint64_t)d * nr * sizeof(float));
    l.product = take(&l, (uint64_t)BLOCK * nr * sizeof(float));
    l.of_a = take(&l, (uint64_t)na * sizeof(nearest));
    l.of_b = take(&l, (uint64_t)nb * sizeof(uint32_t));
    return l;
}

tvis_status tvis_match_size(const tvis_match_config *c, uint32_t na, uint32_t nb, uint32_t d, size_t *bytes,
                            tvis_diag *diag)
{
    tvis_status s = check(c, na, nb, d, diag);
    if (!s && !bytes)
        s = bad(diag, "bytes", "is NULL", -1, -1);
    if (!s)
        *bytes = (size_t)lay_out(c, na, nb, d).bytes; /* at most 2^24 + 2^20 * 16 and a few */
    return s;
}

static void offer(nearest *n, float product, uint32_t index)
{
    if (product > n->product) {
        n->second = n->product;
        n->product = product;
        n->index = index;
    } else if (product > n->second) {
        n->second = product;
    }
}

/* Products over 1 come from rounding: they are all the same distance. */
static float at_most_1(float product)
{
    return product > 1.0f ? 1.0f : product;
}

/* Offers a block of products (rows, cols), rows nr apart, to both sides. */
static void offer_block(const float *product, uint32_t rows, uint32_t cols, uint32_t nr, nearest *of_a, uint32_t i0,
                        nearest *of_b, uint32_t j0)
{
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; j < cols; j++) {
            const float p = at_most_1(product[i * nr + j]);
            offer(&of_a[i0 + i], p, j0 + j);
            offer(&of_b[j], p, i0 + i);
        }
}

typedef struct sides {
    const float *a, *b;
    uint32_t na, nb, d;
} sides;

static void find_nearest(const sides *s, const tvis_gemm_f32_variant *v, float *panel, float *product, nearest *of_a,
                         uint32_t *of_b)
{
    enum { MAX_NR = 64 };
    const nearest none = { -FLT_MAX, -FLT_MAX, NOBODY };
    const uint32_t nr = v->k.nr;
    nearest column[MAX_NR];
    TVIS_ASSERT(nr <= MAX_NR);
    for (uint32_t i = 0; i < s->na; i++)
        of_a[i] = none;
    for (uint32_t j = 0; j < s->nb; j += nr) {
        const uint32_t cols = s->nb - j < nr ? s->nb - j : nr;
        tvis_gemm_f32_pack(s->b + (size_t)j * s->d, (int32_t)cols, (int32_t)s->d, (int32_t)nr, panel);
        for (uint32_t k = 0; k < cols; k++)
            column[k] = none;
        for (uint32_t i = 0; i < s->na; i += BLOCK) {
            const uint32_t rows = s->na - i < BLOCK ? s->na - i : BLOCK;
            const tvis_gemm_f32_args args = {
                .x = s->a + (size_t)i * s->d,
                .w = panel,
                .y = product,
                .m = (int32_t)rows,
                .n = (int32_t)cols,
                .k = (int32_t)s->d,
                .ldx = (int32_t)s->d,
                .ldy = (int32_t)nr,
                .lo = -FLT_MAX,
                .hi = FLT_MAX,
            };
            v->run(&args);
            offer_block(product, rows, cols, nr, of_a, i, column, j);
        }
        for (uint32_t k = 0; k < cols; k++)
            of_b[j + k] = column[k].index;
    }
}

static float distance(float product)
{
    return tvis_sqrtf(2.0f - 2.0f * (product < -1.0f ? -1.0f : product));
}

static bool accepted(const tvis_match_config *c, const nearest *n, float d)
{
    const bool near = c->max_distance == 0.0f || d < c->max_distance;
    const bool alone = c->ratio == 0.0f || n->second == -FLT_MAX || d < c->ratio * distance(n->second);
    return near && alone;
}

tvis_status tvis_match_run(const tvis_match_config *c, const float *a, uint32_t na, const float *b, uint32_t nb,
                           uint32_t d, void *mem, size_t bytes, tvis_match *matches, uint32_t *count, tvis_diag *diag)
{
    size_t need;
    tvis_status s = tvis_match_size(c, na, nb, d, &need, diag);
    if (!s && ((na && !a) || (nb && !b) || (na && nb && !matches) || !count))
        s = bad(diag, "descriptors", "or room for matches is NULL", -1, -1);
    if (!s && (!mem || (uintptr_t)mem % TVIS_ARENA_ALIGN))
        s = tvis_fail(diag, TVIS_EINVAL, TVIS_DIAG_ALIGN, "mem", NULL);
    if (!s && bytes < need)
        s = tvis_fail_value(diag, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "match", NULL, (int64_t)need, (int64_t)bytes);
    if (s)
        return s;
    const layout l = lay_out(c, na, nb, d);
    const sides both = { a, b, na, nb, d };
    uint8_t *base = mem;
    nearest *of_a = (nearest *)(void *)(base + l.of_a);
    uint32_t *of_b = (uint32_t *)(void *)(base + l.of_b);
    find_nearest(&both, tvis_gemm_f32_choose(c->cpu, INT32_MAX), (float *)(void *)(base + l.panel),
                 (float *)(void *)(base + l.product), of_a, of_b);
    *count = 0;
    for (uint32_t i = 0; i < na; i++) {
        const uint32_t j = of_a[i].index;
        if (j == NOBODY || of_b[j] != i)
            continue;
        const float far = distance(of_a[i].product);
        if (accepted(c, &of_a[i], far))
            matches[(*count)++] = (tvis_match){ i, j, far };
    }
    return TVIS_OK;
}
