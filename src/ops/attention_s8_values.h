/* SPDX-License-Identifier: MIT */
/* Weights less 2^15 times values of 16 bits, for ops/attention_s8_vec.h, included last by the file that defines the
 * variant after
 *   ROWS: rows of a tile
 *   pack_values(): 16 rows of v, CHANNELS wide
 *   product(): start + sum of weights times values for some rows */

/* Panels of CHANNELS channels; rows of zeros up to a multiple of 16. */
static void pack_all_values(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p)
{
    int16_t *out = (int16_t *)(void *)((uint8_t *)a->scratch + p->v);
    for (int32_t i = 0; i < a->d; i += CHANNELS)
        for (int32_t j = 0; j < p->keys; j += 16, out += 16 * CHANNELS) {
            const int32_t count = a->d - i < CHANNELS ? a->d - i : CHANNELS;
            const int8_t *v = a->v + (ptrdiff_t)j * a->ld + i;
            if (a->keys - j >= 16 && count == CHANNELS) {
                pack_values(v, a->ld, out);
                continue;
            }
            int8_t copy[16 * CHANNELS] = { 0 };
            for (int32_t r = 0; r < 16 && j + r < a->keys; r++, v += a->ld)
                memcpy(copy + r * CHANNELS, v, (size_t)count);
            pack_values(copy, CHANNELS, out);
        }
}

/* What weights less 2^15 leave out: 2^15 times the sums of each block. */
static void sum_all_values(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p)
{
    static const int32_t start[CHANNELS];
    const int16_t *v = (const int16_t *)(void *)((uint8_t *)a->scratch + p->v);
    int32_t *sums = (int32_t *)(void *)((uint8_t *)a->scratch + p->sums);
    int16_t less[TVIS_ATTENTION_S8_BLOCK];
    for (int32_t j = 0; j < TVIS_ATTENTION_S8_BLOCK; j++)
        less[j] = INT16_MIN;
    for (int32_t i = 0; i < p->channels; i += CHANNELS, sums += CHANNELS)
        for (int32_t j = 0; j < p->keys; j += TVIS_ATTENTION_S8_BLOCK) {
            const int32_t keys = block_at(p, j);
            int32_t *out = sums + (ptrdiff_t)(j / TVIS_ATTENTION_S8_BLOCK) * p->channels;
            product(less, 0, v, keys, start, out, 1);
            for (int32_t k = 0; k < CHANNELS; k++)
                out[k] = -out[k];
            v += (ptrdiff_t)keys * CHANNELS;
        }
}

static void prepare_values(const tvis_attention_s8_args *a, const tvis_attention_s8_places *p)
{
    pack_all_values(a, p);
    sum_all_values(a, p);
}

/* All keys and channels for `rows` rows of weights. */
TVIS_INLINE void blend_rows(const blender *b, const tvis_attention_s8_places *p, const int rows)
{
    const int16_t *v = b->v;
    int32_t sums[ROWS * CHANNELS];
    for (int32_t i = 0; i < p->channels; i += CHANNELS) {
        const int32_t *start = b->sums + i;
        for (int32_t j = 0; j < p->keys; j += TVIS_ATTENTION_S8_BLOCK, start += p->channels) {
            const int32_t keys = block_at(p, j);
            product(b->e + j, (ptrdiff_t)2 * p->keys, v, keys, start, sums, rows);
            add_block(sums, rows, b->by, b->total + i, p->channels, j == 0);
            v += (ptrdiff_t)keys * CHANNELS;
        }
    }
}

static void blend(blender b, const tvis_attention_s8_places *p, int32_t rows)
{
    while (rows > 0) {
        const int32_t step = rows >= ROWS ? ROWS : rows >= 4 ? 4 : 1;
        if (step == ROWS)
            blend_rows(&b, p, ROWS);
        else if (step == 4)
            blend_rows(&b, p, 4);
        else
            blend_rows(&b, p, 1);
        b.e += (ptrdiff_t)step * 2 * p->keys;
        b.by += step;
        b.total += (ptrdiff_t)step * p->channels;
        rows -= step;
    }
}
