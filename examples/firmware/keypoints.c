/* SPDX-License-Identifier: MIT */
/* Keypoints of a picture: SuperPoint, then the strongest points of its scores. */
#include "board.h"
#include "net.h"
#include "report.h"

#define MOST  100
#define SHOWN 5

static __attribute__((aligned(TVIS_ARENA_ALIGN))) uint8_t working[128 * 1024];

int main(void)
{
    static tvis_keypoint point[MOST];
    net_session n;
    tvis_tensor scores, descriptors;
    tvis_keypoints_config c;
    tvis_diag d;
    size_t bytes;
    uint32_t count;
    net_open(&n, NET_HEIGHT, NET_WIDTH, NULL);
    report_number("superpoint: blob ", (uint32_t)net_blob_size, " bytes, ");
    report_number("arena ", (uint32_t)n.bytes, " bytes\n");
    net_run(&n);
    tvis_session_output(n.s, 0, &scores);
    tvis_session_output(n.s, 1, &descriptors);
    tvis_keypoints_defaults(&c);
    c.max_points = MOST;
    report_check("points", tvis_keypoints_size(&c, &scores, &bytes, &d), &d);
    report_check("points", tvis_keypoints_run(&c, &scores, NULL, working, sizeof working, point, NULL, &count, &d), &d);
    report_number("points ", count, ", working memory ");
    report_number("", (uint32_t)bytes, " bytes\n");
    for (uint32_t i = 0; i < count && i < SHOWN; i++) {
        report_number("point ", (uint32_t)point[i].x, ", ");
        report_number("", (uint32_t)point[i].y, "\n");
    }
    const size_t cells = (size_t)scores.dims[1] * (size_t)scores.dims[2];
    uint32_t crc = report_crc(0, scores.data, cells * (size_t)scores.dims[3] * sizeof(float));
    crc = report_crc(crc, descriptors.data, cells * (size_t)descriptors.dims[3] * sizeof(float));
    report_hex("outputs ", crc, "\n");
    report_number("# thousands of instructions: picture ", n.prepare, ", ");
    report_number("network ", n.run, "\n");
    board_exit(0);
    return 0;
}
