/* SPDX-License-Identifier: MIT */
/* Sizes that must be the same on every target, and what cannot be planned. */
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

/* The same numbers wherever this runs: what a desktop says of a board is what the board says. */
static void same_on_every_target(void **state)
{
    static const struct {
        uint32_t cpu;
        uint8_t plan;
        bool no_fusion;
        uint16_t threads;
        uint32_t total, state, activations, scratch, pack;
    } want[] = {
        { 0, TVIS_PLAN_FAST, true, 1, 923648, 2048, 921600, 0, 0 },
        { TVIS_CPU_ARMV6, TVIS_PLAN_SMALL, true, 1, 923648, 2048, 921600, 0, 0 },
        { TVIS_CPU_ARMV6, TVIS_PLAN_SMALL, false, 1, 337088, 2048, 307200, 27840, 0 },
        { TVIS_CPU_NEON, TVIS_PLAN_FAST, true, 4, 957440, 2048, 921600, 33792, 1434752 },
        { TVIS_CPU_AVX2, TVIS_PLAN_FAST, false, 2, 641024, 2048, 491520, 147456, 1482880 },
        { TVIS_CPU_AVX2 | TVIS_CPU_AVX512, TVIS_PLAN_FAST, true, 1, 923648, 2048, 921600, 0, 1547072 },
    };
    const tvis_convert_config cc = { .struct_size = sizeof cc, .arch = "mobilenet_v2", .seed = 1, .width = 0.35f };
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    (void)state;
    tvt_convert(&cc, &blob, &m);
    for (size_t i = 0; i < TVIS_COUNT(want); i++) {
        tvis_session_config c;
        tvis_session_bytes b;
        size_t pack;
        tvis_session_defaults(&c);
        c.h = 160;
        c.w = 96;
        c.cpu = want[i].cpu;
        c.plan = want[i].plan;
        c.no_fusion = want[i].no_fusion;
        c.threads = want[i].threads;
        tvt_ok(tvis_session_plan(&m, &c, &b, NULL, NULL, &d), &d);
        tvt_ok(tvis_pack_size(&m, &c, &pack, &d), &d);
        if (b.total != want[i].total || b.state != want[i].state || b.activations != want[i].activations ||
            b.scratch != want[i].scratch || pack != want[i].pack)
            fail_msg("row %u is %u, %u, %u, %u, %u", (unsigned)i, (unsigned)b.total, (unsigned)b.state,
                     (unsigned)b.activations, (unsigned)b.scratch, (unsigned)pack);
    }
    tvis_blob_free(&blob);
}

/* ---- what cannot be planned ---- */

/* `live` tensors that are all read by a chain of sums at the end. */
static tvis_status plan_wide(uint32_t live, tvis_diag *d)
{
    uint32_t ids[80];
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_session_config c;
    size_t bytes;
    tvt_net_begin(&n, 4, 4);
    ids[0] = tvt_net_input(&n, 4);
    for (uint32_t i = 1; i < live; i++)
        ids[i] = tvt_net_conv(&n, ids[0], tvt_conv_of(4, 1, 1));
    uint32_t x = ids[0];
    for (uint32_t i = 1; i < live; i++)
        x = tvt_net_add(&n, x, ids[i]);
    tvis_graph_output(&n.g, x);
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, d), d);
    tvis_session_defaults(&c);
    const tvis_status s = tvis_session_size(&m, &c, &bytes, d);
    tvis_blob_free(&blob);
    return s;
}

static void too_many_alive(void **state)
{
    tvis_diag d;
    (void)state;
    tvt_ok(plan_wide(64, &d), &d);
    assert_int_equal(plan_wide(65, &d), TVIS_EUNSUP);
    assert_int_equal(d.code, TVIS_DIAG_LIMIT);
    assert_true(d.subject[0] == 'n');
}

/* Three tensors of which two always fit 4 GiB, whatever the batch is: an answer comes, yes or no. */
static void near_four_gigabytes(void **state)
{
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    uint32_t fits = 0, refused = 0;
    (void)state;
    tvt_net_begin(&n, 128, 128);
    uint32_t x = tvt_net_input(&n, 1), a = tvt_net_conv(&n, x, tvt_conv_of(3, 1, 1));
    uint32_t b = tvt_net_conv(&n, a, tvt_conv_of(2, 1, 1));
    b = tvt_net_conv(&n, b, tvt_conv_of(3, 1, 1));
    tvis_graph_output(&n.g, tvt_net_add(&n, tvt_net_conv(&n, b, tvt_conv_of(3, 1, 1)), a));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    for (uint32_t batch = 5000; batch < 65536; batch += tvt_quick() ? 1009 : 37) {
        tvis_session_config c;
        size_t bytes;
        tvis_session_defaults(&c);
        c.n = (uint16_t)batch;
        c.cpu = 0;
        const tvis_status s = tvis_session_size(&m, &c, &bytes, &d);
        if (s == TVIS_OK)
            fits++;
        else
            refused += s == TVIS_EUNSUP && d.code == TVIS_DIAG_LIMIT;
    }
    assert_true(fits > 0 && refused > 0);
    tvis_blob_free(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_on_every_target),
        cmocka_unit_test(too_many_alive),
        cmocka_unit_test(near_four_gigabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
