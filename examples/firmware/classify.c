/* SPDX-License-Identifier: MIT */
/* A classifier: the three likeliest classes of a picture, the checksum of the logits, and how many instructions it
 * took. */
#include "board.h"
#include "net.h"
#include "report.h"

#define TOP 3

static void print_class(const net_session *n, uint32_t class, float prob)
{
    const char *label = tvis_model_label(&n->model, class);
    report_number("class ", class, " ");
    board_print(label ? label : "");
    report_number("  ", (uint32_t)(prob * 1000.0f + 0.5f), " / 1000\n");
}

int main(void)
{
    net_session n;
    tvis_model_info info;
    tvis_tensor out;
    uint32_t index[TOP];
    float prob[TOP];
    net_open(&n, 0, 0, NULL);
    tvis_model_get_info(&n.model, &info);
    board_print(info.arch);
    report_number(": input ", info.h, " x ");
    report_number("", info.w, " x ");
    report_number("", info.c, ", blob ");
    report_number("", info.file_bytes, " bytes, arena ");
    report_number("", (uint32_t)n.bytes, " bytes\n");
    net_run(&n);
    tvis_session_output(n.s, 0, &out);
    const uint32_t top = info.classes < TOP ? info.classes : TOP;
    tvis_top_k(out.data, info.classes, top, index, prob);
    for (uint32_t i = 0; i < top; i++)
        print_class(&n, index[i], prob[i]);
    report_hex("outputs ", report_crc(0, out.data, info.classes * sizeof(float)), "\n");
    report_number("# thousands of instructions: picture ", n.prepare, ", ");
    report_number("network ", n.run, "\n");
    board_exit(0);
    return 0;
}
