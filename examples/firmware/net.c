/* SPDX-License-Identifier: MIT */
/* From a picture to a network's outputs, with memory that is known when the program is linked. */
#include "net.h"
#include "board.h"
#include "report.h"

#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(TVIS_ARENA_ALIGN)))
#endif

static ALIGNED uint8_t arena[NET_ARENA];
static ALIGNED uint8_t working[32 * 1024]; /* of pre-processing; the arena's input is being written meanwhile */

void net_open(net_session *n, uint16_t h, uint16_t w, tvis_observer observe)
{
    tvis_diag d;
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.h = h;
    c.w = w;
    c.plan = TVIS_PLAN_SMALL;
    c.int8_input = true; /* pre-processing writes int8: no floats of the picture anywhere */
    c.registry = &net_registry;
    c.observe = observe;
    report_check("model", tvis_model_open(&n->model, net_blob, net_blob_size, &d), &d);
    report_check("weights", tvis_blob_verify(&n->model, &d), &d); /* reads all of it: leave it out where time counts */
    report_check("size", tvis_session_size(&n->model, &c, &n->bytes, &d), &d);
    report_check("session", tvis_session_init(&n->s, &n->model, &c, arena, sizeof arena, &d), &d);
}

void net_run(net_session *n)
{
    const tvis_image image = { net_picture, NULL, NET_WIDTH, NET_HEIGHT, NET_WIDTH, TVIS_PIXEL_GRAY };
    tvis_preprocess p;
    tvis_tensor in;
    tvis_diag d;
    tvis_model_preprocess(&n->model, &p);
    report_check("input", tvis_session_input(n->s, 0, &in), &d);
    const uint32_t start = board_kilo_instructions();
    report_check("picture", tvis_preprocess_run(&p, &image, &in, working, sizeof working, &d), &d);
    n->prepare = board_kilo_instructions() - start;
    report_check("run", tvis_session_run(n->s, &in, NULL, &d), &d);
    n->run = board_kilo_instructions() - start - n->prepare;
}
