/* SPDX-License-Identifier: MIT */
#include "core/port.h"
#include "models/keypoints_map.h"

static int32_t at_least(int32_t v, int32_t least)
{
    return v < least ? least : v;
}

static int32_t at_most(int32_t v, int32_t most)
{
    return v > most ? most : v;
}

void tvis_nms_take(const tvis_nms_maps *m, uint32_t at)
{
    const int32_t x = (int32_t)at % m->w, y = (int32_t)at / m->w, r = m->radius;
    const int32_t left = at_least(x - r, 0), right = at_most(x + r, m->w - 1), bottom = at_most(y + r, m->h - 1);
    for (int32_t i = at_least(y - r, 0); i <= bottom; i++)
        memset(m->found + (size_t)i * (size_t)m->w + left, 1, (size_t)(right - left + 1));
}

/* y[i] = max(y[i], x[i]). */
static void keep_larger(float *y, const float *x, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        y[i] = x[i] > y[i] ? x[i] : y[i];
}

/* The largest score within the radius to the left and right, of those that are not near what was found. */
static void row_maxima(const tvis_nms_maps *m, int32_t row, bool all, float *out)
{
    const size_t at = (size_t)row * (size_t)m->w;
    for (int32_t i = 0; i < m->radius; i++)
        m->line[i] = m->line[m->radius + m->w + i] = -1.0f;
    for (int32_t x = 0; x < m->w; x++)
        m->line[m->radius + x] = all || !m->near[at + (size_t)x] ? m->score[at + (size_t)x] : 0.0f;
    memcpy(out, m->line, (size_t)m->w * sizeof *out);
    for (int32_t k = 1; k <= 2 * m->radius; k++)
        keep_larger(out, m->line + k, m->w);
}

/* Pixels that no other within the radius exceeds. A pass over the rows; the ring holds those that a window covers. */
static void local_maxima(const tvis_nms_maps *m, bool all)
{
    const int32_t window = 2 * m->radius + 1;
    for (int32_t y = 0; y < m->h + m->radius; y++) {
        const int32_t row = y - m->radius, end = at_most(y, m->h - 1);
        if (y < m->h)
            row_maxima(m, y, all, m->ring + (size_t)(y % window) * (size_t)m->w);
        if (row < 0)
            continue;
        memset(m->line, 0, (size_t)m->w * sizeof *m->line);
        for (int32_t i = at_least(row - m->radius, 0); i <= end; i++)
            keep_larger(m->line, m->ring + (size_t)(i % window) * (size_t)m->w, m->w);
        const size_t at = (size_t)row * (size_t)m->w;
        for (int32_t x = 0; x < m->w; x++)
            if ((all || !m->near[at + (size_t)x]) && m->score[at + (size_t)x] == m->line[x])
                m->found[at + (size_t)x] = 1;
    }
}

/* near: within the radius of a found pixel. last[x]: the lowest row so far with a found pixel near column x. */
static void spread(const tvis_nms_maps *m)
{
    const int32_t r = m->radius;
    for (int32_t x = 0; x < m->w; x++)
        m->last[x] = -2 * r - 1;
    for (int32_t y = 0; y < m->h + r; y++) {
        const uint8_t *found = m->found + (size_t)y * (size_t)m->w;
        int32_t seen = -2 * r - 1;
        for (int32_t x = 0; y < m->h && x < m->w + r; x++) {
            seen = x < m->w && found[x] ? x : seen;
            if (x >= r && seen >= x - 2 * r)
                m->last[x - r] = y;
        }
        for (int32_t x = 0; y >= r && x < m->w; x++)
            m->near[(size_t)(y - r) * (size_t)m->w + (size_t)x] = m->last[x] >= y - 2 * r;
    }
}

void tvis_nms_maxpool(const tvis_nms_maps *m)
{
    memset(m->found, 0, (size_t)m->w * (size_t)m->h);
    local_maxima(m, true);
    for (int i = 0; i < 2; i++) {
        spread(m);
        local_maxima(m, false);
    }
}
