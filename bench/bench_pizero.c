/* SPDX-License-Identifier: MIT */
/* One run of a network between the marks of bench/pizero-sim, after one that warms up; then one more, whose nodes are
 * told apart by laps. Two laps before that enclose loading: all from a file's name to a session. Prints what the laps
 * belong to: a line a node, in their order. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/loaded.h"
#include "bench/pizero-sim/pizero_roi.h"

enum { MAX_NODES = 1024, POINTS = 300, DESCRIPTOR = 256 };

typedef struct nodes {
    tvis_node_info info[MAX_NODES];
    uint32_t count;
} nodes;

static nodes all;

static void keep(void *user, uint32_t node, const tvis_node_info *info)
{
    nodes *n = user;
    (void)node;
    if (n->count < MAX_NODES)
        n->info[n->count++] = *info;
}

static void lap(void *user, uint32_t node, const tvis_tensor *outputs, uint32_t count)
{
    (void)user;
    (void)node;
    (void)outputs;
    (void)count;
    PIZERO_LAP();
}

static bool ok(tvis_status s, const tvis_diag *d)
{
    char text[512];
    if (s == TVIS_OK)
        return true;
    (void)tvis_diag_format(d, text, sizeof text);
    fprintf(stderr, "bench_pizero: %s\n", text);
    return false;
}

/* What comes after SuperPoint: 300 points with their descriptors. Any score will do: weights may be random. */
typedef struct points {
    tvis_keypoints_config config;
    tvis_tensor scores, descriptors;
    void *memory;
    size_t bytes;
    tvis_keypoint point[POINTS];
    float vector[POINTS * DESCRIPTOR];
} points;

static points found;

static bool prepare_points(const tvb_loaded *l)
{
    tvis_model_info info;
    tvis_diag d;
    tvis_model_get_info(&l->model, &info);
    if (strcmp(info.arch, "superpoint") != 0)
        return true;
    tvis_keypoints_defaults(&found.config);
    found.config.max_points = POINTS;
    found.config.threshold = 0.0f;
    (void)tvis_session_output(l->session, 0, &found.scores);
    (void)tvis_session_output(l->session, 1, &found.descriptors);
    return found.descriptors.dims[3] <= DESCRIPTOR &&
           ok(tvis_keypoints_size(&found.config, &found.scores, &found.bytes, &d), &d) &&
           posix_memalign(&found.memory, TVIS_ARENA_ALIGN, found.bytes) == 0;
}

static tvis_status find_points(tvis_diag *d)
{
    uint32_t count;
    return found.memory ? tvis_keypoints_run(&found.config, &found.scores, &found.descriptors, found.memory,
                                             found.bytes, found.point, found.vector, &count, d)
                        : TVIS_OK;
}

/* A picture where the session wants it, as pre-processing leaves it there. The arena may have been reused since. */
static bool run(const tvb_loaded *l, const tvis_tensor *picture, bool count)
{
    tvis_diag d;
    tvis_tensor in;
    (void)tvis_session_input(l->session, 0, &in);
    memcpy(in.data, picture->data,
           (size_t)in.dims[0] * (size_t)in.dims[1] * (size_t)in.dims[2] * (size_t)in.dims[3] * sizeof(float));
    if (count)
        PIZERO_ROI_BEGIN();
    tvis_status s = tvis_session_run(l->session, &in, NULL, &d);
    if (!s)
        s = find_points(&d);
    if (count)
        PIZERO_ROI_END();
    return ok(s, &d);
}

/* The same session again, with an observer. */
static bool observed(tvb_loaded *l)
{
    tvis_diag d;
    tvis_session_bytes bytes;
    l->config.observe = lap;
    return ok(tvis_session_plan(&l->model, &l->config, &bytes, keep, &all, &d), &d) &&
           ok(tvis_session_init(&l->session, &l->model, &l->config, l->arena, l->arena_bytes, &d), &d) &&
           run(l, &l->input, false);
}

static void print_nodes(const tvb_loaded *l)
{
    printf("memory arena %zu pack %zu file %zu\n", l->arena_bytes, l->pack_bytes, l->file.size);
    for (uint32_t i = 0; i < all.count; i++) {
        const tvis_node_info *n = &all.info[i];
        printf("node %s %s %s %llu\n", n->name, n->op, n->kernel && *n->kernel ? n->kernel : "-",
               (unsigned long long)n->macs);
    }
}

int main(int argc, char **argv)
{
    const bool small = argc > 1 && !strcmp(argv[1], "--small");
    const bool single = argc > 1 && !strcmp(argv[1], "--no-fusion");
    const tvb_setup setup = {
        .batch = 1,
        .threads = 1,
        .plan = small ? TVIS_PLAN_SMALL : TVIS_PLAN_FAST,
        .cpu = UINT32_MAX,
        .pack = true,
        .no_fusion = single,
    };
    tvb_loaded l;
    if (argc != 2 + (small || single)) {
        fprintf(stderr, "usage: bench_pizero [--small | --no-fusion] M.tvis\n");
        return 2;
    }
    PIZERO_LAP();
    bool done = tvb_load(&l, argv[argc - 1], &setup);
    PIZERO_LAP();
    if (done) {
        tvb_make_input(&l);
        done = prepare_points(&l) && run(&l, &l.input, false) && run(&l, &l.input, true) && observed(&l);
    }
    if (done)
        print_nodes(&l);
    free(found.memory);
    tvb_unload(&l);
    return done ? 0 : 1;
}
