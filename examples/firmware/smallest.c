/* SPDX-License-Identifier: MIT */
/* The least that runs a network: no pre-processing, no weights checked, no text but the checksum. The session's input
 * is filled with int8 as a sensor would fill it. tests/firmware/image.sh holds its code to a limit. */
#include "board.h"
#include "net.h"
#include "report.h"

static __attribute__((aligned(TVIS_ARENA_ALIGN))) uint8_t arena[NET_ARENA];

int main(void)
{
    tvis_model model;
    tvis_session_config c;
    tvis_session *s;
    tvis_tensor in, out;
    tvis_session_defaults(&c);
    c.plan = TVIS_PLAN_SMALL;
    c.int8_input = true;
    c.registry = &net_registry;
    if (tvis_model_open(&model, net_blob, net_blob_size, NULL) ||
        tvis_session_init(&s, &model, &c, arena, sizeof arena, NULL) || tvis_session_input(s, 0, &in) ||
        tvis_session_output(s, 0, &out))
        board_exit(1);
    int8_t *x = in.data;
    for (int32_t i = 0; i < in.dims[1] * in.dims[2] * in.dims[3]; i++)
        x[i] = (int8_t)(i * 7 % 256 - 128);
    if (tvis_session_run(s, &in, NULL, NULL))
        board_exit(1);
    report_hex("outputs ", report_crc(0, out.data, (size_t)out.dims[3] * sizeof(float)), "\n");
    board_exit(0);
    return 0;
}
