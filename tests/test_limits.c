/* SPDX-License-Identifier: MIT */
/* Blobs as large as the format allows, and how long they take to open and to plan: docs/limits.md. */
#include "core/blob.h"

#include <time.h>

#include "core/array_hosted.h"
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Many names for one large piece of data would make a small file that takes long to verify and to pack. */
static void constants_do_not_share_data(void **state)
{
    enum { BIASES = 100, SIDE = 64 };
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    (void)state;
    tvt_net_begin(&n, 2, 2);
    uint32_t x = tvt_net_linear(&n, tvt_net_input(&n, SIDE), SIDE, true);
    for (int i = 1; i < BIASES; i++)
        x = tvt_net_linear(&n, x, 1 + i % 2, true);
    tvis_graph_output(&n.g, x);
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    tvis_blob_header *h = (void *)(uintptr_t)blob.data;
    tvis_blob_tensor *t = (void *)(uintptr_t)(blob.data + h->tensor_offset), *first = &t[h->activation_count];
    for (uint32_t i = h->activation_count + 1; i < h->tensor_count; i++) {
        memcpy(t[i].dims, first->dims, sizeof t[i].dims);
        t[i].offset = first->offset;
        t[i].bytes = first->bytes;
        t[i].pack = first->pack;
    }
    h->crc = tvis_blob_crc(blob.data);
    assert_int_equal(tvis_model_open(&m, blob.data, blob.size, &d), TVIS_EFORMAT);
    assert_int_equal(d.code, TVIS_DIAG_BOUNDS);
    assert_string_equal(d.detail, "data lies outside of the blob, or is shared");
    assert_true(d.tensor > h->activation_count);
    tvis_blob_free(&blob);
}

/* As many nodes as there can be; the table of what is alive nearly full all the time, of tensors that come and go in
 * any order and size, so that no rule of placing fits. */
static void slow_to_plan(tvt_net *n, tvis_blob *blob, uint32_t nodes)
{
    enum { KEPT = 60, TOKENS = 64 };
    const tvis_params rows = { .reshape = { { 0, 1, TOKENS * TOKENS, 3 }, 0 } };
    uint32_t kept[KEPT], x;
    tvt_net_begin(n, TOKENS, TOKENS);
    x = tvt_net_input(n, 3);
    x = tvt_net_node(n, TVIS_OP_RESHAPE, &x, 1, 3, &rows);
    for (uint32_t i = 0; 2 * i + KEPT + 2 < nodes; i++) {
        const uint32_t at = i < KEPT ? i : tvt_below(KEPT);
        tvis_params p = { .slice = { 0, 1 + (int32_t)tvt_below(TOKENS * TOKENS) } };
        if (i >= KEPT)
            (void)tvt_net_unary(n, TVIS_OP_ACTIVATION, kept[at]);
        kept[at] = tvt_net_node(n, TVIS_OP_SLICE, &x, 1, 3, &p);
    }
    for (uint32_t i = 0; i < KEPT; i++)
        x = tvt_net_unary(n, TVIS_OP_ACTIVATION, kept[i]);
    tvis_graph_output(&n->g, x);
    tvt_ok(tvt_net_write(n, blob), &n->diag);
}

static void the_slowest_blob_takes_seconds(void **state)
{
    const uint32_t nodes = tvt_quick() ? 4000 : TVIS_MAX_NODES - 100;
    tvt_net n;
    tvis_blob blob;
    tvis_model m;
    tvis_diag d;
    size_t bytes;
    tvis_session_config c;
    (void)state;
    slow_to_plan(&n, &blob, nodes);
    const double start = cpu_seconds();
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &d), &d);
    const double opened = cpu_seconds();
    tvis_session_defaults(&c);
    tvt_ok(tvis_session_size(&m, &c, &bytes, &d), &d);
    const double planned = cpu_seconds();
    print_message("# %u nodes: opened in %.3f s, planned in %.3f s\n", (unsigned)nodes, opened - start,
                  planned - opened);
    assert_true(opened - start < 2);
    assert_true(planned - opened < 10);
    tvis_blob_free(&blob);
}

/* Of elements counted in 64 bits, where size_t may have 32. */
static void arrays(void **state)
{
    (void)state;
    uint32_t *p = tvis_array(3, sizeof *p);
    assert_non_null(p);
    assert_true(p[0] == 0 && p[1] == 0 && p[2] == 0);
    free(p);
    assert_null(tvis_array(UINT64_MAX, sizeof *p));
    assert_null(tvis_array((uint64_t)SIZE_MAX / 4 + 1, 4));
    assert_null(tvis_array((uint64_t)1 << 62, 4));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_do_not_share_data),
        cmocka_unit_test(the_slowest_blob_takes_seconds),
        cmocka_unit_test(arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
