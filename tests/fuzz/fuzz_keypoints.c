/* SPDX-License-Identifier: MIT */
/* Any numbers as scores, descriptors and matches. The first bytes choose the options and the size. */
#define _POSIX_C_SOURCE 200809L
#include <tinyvis/keypoints.h>

#include <stdlib.h>
#include <string.h>

enum { D = 5, MOST_POINTS = 200, SCORES = 65 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory of exactly this size, aligned. */
static void *memory(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, TVIS_ARENA_ALIGN, bytes ? bytes : 1) != 0)
        abort();
    return p;
}

/* The bytes over and over, as numbers; small ones where `mild`, which gives many points. */
static float *numbers(const uint8_t *data, size_t size, size_t count, int mild)
{
    float *x = memory(count * sizeof *x);
    for (size_t i = 0; i < count * sizeof *x; i++)
        ((uint8_t *)x)[i] = data[i % size];
    for (size_t i = 0; mild && i < count; i++)
        x[i] = (float)(int8_t)data[i % size] / 16.0f;
    return x;
}

static uint32_t points(const uint8_t *o, const float *scores, const float *descriptors, const float *picture, int32_t h,
                       int32_t w, tvis_keypoint *p, float *vectors)
{
    const uint8_t layout = o[2] & 1;
    const tvis_tensor s = { (void *)(uintptr_t)scores, { 1, h, w, SCORES }, TVIS_F32, layout };
    const tvis_tensor d = { (void *)(uintptr_t)descriptors, { 1, h, w, D }, TVIS_F32, layout };
    const tvis_tensor seen = { (void *)(uintptr_t)picture, { 1, 8 * h, 8 * w, 1 }, TVIS_F32, layout };
    tvis_keypoints_config c;
    size_t bytes;
    uint32_t count;
    tvis_keypoints_defaults(&c);
    c.nms = o[2] >> 1 & 1;
    c.style = o[2] >> 2 & 1;
    c.radius = o[3] % (TVIS_KEYPOINT_MAX_RADIUS + 1);
    c.border = o[4] % 20;
    c.refine = o[4] / 20;
    c.corner = o[1] / 6 % (TVIS_KEYPOINT_MAX_CORNER + 1);
    c.picture = &seen;
    c.threshold = (float)o[5] / 1024.0f;
    c.max_points = 1 + o[6] % MOST_POINTS;
    if (tvis_keypoints_size(&c, &s, &bytes, NULL))
        abort();
    void *mem = memory(bytes);
    if (tvis_keypoints_run(&c, &s, &d, mem, bytes, p, vectors, &count, NULL) || count > c.max_points)
        abort();
    free(mem);
    for (uint32_t i = 0; i < count; i++)
        if (!(p[i].score >= 0.0f && p[i].score <= 1.0f) || p[i].x < 0 || p[i].y < 0 || p[i].x >= (float)(8 * w) ||
            p[i].y >= (float)(8 * h) || (i && p[i].score > p[i - 1].score))
            abort();
    return count;
}

static uint32_t matches(const uint8_t *o, const float *vectors, uint32_t count, tvis_match *m)
{
    const uint32_t na = count / 2, nb = count - na;
    tvis_match_config c;
    size_t bytes;
    uint32_t found;
    tvis_match_defaults(&c);
    c.max_distance = (float)o[7] / 100.0f;
    c.ratio = o[2] & 8 ? 0.9f : 0.0f;
    c.cpu = o[2] & 16 ? tvis_cpu_detect() : 0;
    if (tvis_match_size(&c, na, nb, D, &bytes, NULL))
        abort();
    void *mem = memory(bytes);
    if (tvis_match_run(&c, vectors, na, vectors + (size_t)na * D, nb, D, mem, bytes, m, &found, NULL) || found > na ||
        found > nb)
        abort();
    free(mem);
    for (uint32_t i = 0; i < found; i++)
        if (m[i].a >= na || m[i].b >= nb || (i && m[i].a <= m[i - 1].a))
            abort();
    return found;
}

static void homography(const uint8_t *o, const tvis_pair *pairs, uint32_t n)
{
    tvis_homography_config c;
    tvis_homography h;
    size_t bytes;
    tvis_homography_defaults(&c);
    c.symmetric = o[2] >> 5 & 1;
    c.max_samples = 200;
    c.seed = o[3];
    if (tvis_homography_size(&c, n, &bytes, NULL))
        abort();
    void *mem = memory(bytes);
    uint8_t *inlier = memory(n);
    uint32_t flags = 0;
    if (tvis_homography_run(&c, pairs, n, mem, bytes, inlier, &h, NULL))
        abort();
    for (uint32_t i = 0; i < n; i++)
        flags += inlier[i];
    if (flags != h.inliers || (h.outcome == TVIS_HOMOGRAPHY_FOUND) != (h.inliers >= 4))
        abort();
    for (int i = 0; i < 9; i++)
        if (!(h.h[i] - h.h[i] == 0.0))
            abort();
    free(mem);
    free(inlier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEAD = 8 };
    if (size <= HEAD)
        return 0;
    const int32_t h = 1 + data[0] % 6, w = 1 + data[1] % 6;
    const size_t cells = (size_t)h * (size_t)w;
    float *scores = numbers(data + HEAD, size - HEAD, cells * SCORES, data[2] & 64);
    float *descriptors = numbers(data + HEAD, size - HEAD, cells * D, data[2] & 128);
    float *picture = numbers(data + HEAD, size - HEAD, 64 * cells, data[2] & 64);
    tvis_pair *pairs = (tvis_pair *)(void *)numbers(data + HEAD, size - HEAD, 4 * 40, data[2] & 128);
    tvis_keypoint *p = memory(MOST_POINTS * sizeof *p);
    float *vectors = memory(MOST_POINTS * D * sizeof *vectors);
    tvis_match *m = memory(MOST_POINTS * sizeof *m);
    const uint32_t count = points(data, scores, descriptors, picture, h, w, p, vectors);
    const uint32_t found = matches(data, vectors, count, m);
    for (uint32_t i = 0; i < found && i < 20; i++)
        pairs[i] = (tvis_pair){ { p[m[i].a].x, p[m[i].a].y }, { p[m[i].b].x, p[m[i].b].y } };
    homography(data, pairs, data[4] % 41);
    free(scores);
    free(descriptors);
    free(picture);
    free(pairs);
    free(p);
    free(vectors);
    free(m);
    return 0;
}
