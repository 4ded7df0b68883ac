/* SPDX-License-Identifier: MIT */
#include "models/random_hosted.h"
#include "core/math.h"

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t fnv1a64(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++)
        h = (h ^ (uint8_t)*s) * 0x100000001b3u;
    return h;
}

void tvis_random_fill(uint64_t seed, const char *name, tvis_random_role role, int64_t fan_in, float *dst, int64_t count)
{
    /* ORDER tvis_random_role */
    const float scale[] = { (float)tvis_sqrt(6.0 / (double)fan_in), 0.25f, 0.2f, 0.1f, 0.5f, 0.05f, 2.0f, 0.4f, 1.0f };
    static const float offset[] = { 0.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f, 0.5f, 0.0f };
    const uint64_t h = mix(seed + fnv1a64(name));
    for (int64_t i = 0; i < count; i++) {
        uint64_t x = mix(h + ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u);
        float v = (float)(x >> 40) * 0x1p-23f - 1.0f;
        dst[i] = offset[role] + scale[role] * v;
    }
}
