/* SPDX-License-Identifier: MIT */
/* Sessions: exact memory, refused configs and views, layouts, observers. */
#include "core/planner.h"
#include "core/port.h"
#include "tests/net.h"
#include "tests/network.h"

/* Two branches and a sum, two outputs; sizes from 2 to 64 in steps of 2. Names: x0, n3 (conv), n6, n7 (act), n10, n11.
 */
static tvis_blob blob;
static tvis_model m;

enum { C = 3, SIDE = 12, OUT = 10 };

static int open_model(void **state)
{
    tvt_net n;
    (void)state;
    tvt_net_begin(&n, SIDE, SIDE);
    n.g.min_side = 4;
    n.g.max_side = 64;
    n.g.multiple = 2;
    const uint32_t x = tvt_net_conv(&n, tvt_net_input(&n, C), tvt_conv_of(OUT, 3, 1));
    const uint32_t a = tvt_net_activation(&n, tvt_net_conv(&n, x, tvt_conv_of(OUT, 1, 1)), TVIS_ACT_RELU);
    tvis_graph_output(&n.g, tvt_net_add(&n, a, x));
    tvis_graph_output(&n.g, tvt_net_linear(&n, tvt_net_unary(&n, TVIS_OP_GLOBAL_AVG_POOL, x), 7, true));
    tvt_ok(tvt_net_write(&n, &blob), &n.diag);
    tvt_ok(tvis_model_open(&m, blob.data, blob.size, &n.diag), &n.diag);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    tvis_blob_free(&blob);
    return 0;
}

static tvis_session_config config(void)
{
    tvis_session_config c;
    tvis_session_defaults(&c);
    c.cpu = tvt_cpu();
    return c;
}

static size_t size_of(const tvis_session_config *c)
{
    size_t bytes = 0;
    tvis_diag d;
    tvt_ok(tvis_session_size(&m, c, &bytes, &d), &d);
    return bytes;
}

static tvt_buf start(const tvis_session_config *c, tvis_session **s)
{
    tvis_diag d;
    tvt_buf arena = tvt_guarded(size_of(c));
    memset(arena.p, 0xff, arena.size);
    tvt_ok(tvis_session_init(s, &m, c, arena.p, arena.size, &d), &d);
    return arena;
}

static void stop(tvt_buf *arena)
{
    assert_true(tvt_guards_ok(arena));
    tvt_free(arena);
}

/* ---- memory ---- */

static void exact_memory(void **state)
{
    (void)state;
    for (int way = 0; way < 12; way++) {
        tvis_session_config c = config();
        tvis_session *s = NULL;
        tvis_diag d;
        c.plan = (uint8_t)(way % 2);
        c.threads = (uint16_t)(1 + way / 2 % 3);
        c.n = (uint16_t)(1 + way / 6);
        const size_t need = size_of(&c);
        tvis_session_bytes b;
        tvt_ok(tvis_session_plan(&m, &c, &b, NULL, NULL, &d), &d);
        assert_int_equal(b.total, need);
        assert_int_equal(b.state + b.activations + b.scratch, need);
        assert_int_equal(need % TVIS_ARENA_ALIGN, 0);
        tvt_buf arena = tvt_guarded(need), same = tvt_guarded(need);
        const size_t less[] = { need - 1, need / 2, 0 };
        for (size_t i = 0; i < TVIS_COUNT(less); i++) {
            assert_int_equal(tvis_session_init(&s, &m, &c, arena.p, less[i], &d), TVIS_ENOMEM);
            assert_int_equal(d.code, TVIS_DIAG_MEMORY);
            assert_int_equal(d.expected[0], need);
            assert_int_equal(d.found[0], less[i]);
            assert_null(s);
        }
        assert_true(tvt_same(&arena, &same)); /* refused before a byte was written */
        tvt_ok(tvis_session_init(&s, &m, &c, arena.p, need, &d), &d);
        tvis_tensor in;
        assert_int_equal(tvis_session_input(s, 0, &in), TVIS_OK);
        tvt_ok(tvis_session_run(s, &in, NULL, &d), &d);
        stop(&arena);
        stop(&same);
    }
}

static void misaligned_memory(void **state)
{
    const tvis_session_config c = config();
    tvis_session *s = NULL;
    tvis_diag d;
    (void)state;
    tvt_buf arena = tvt_guarded(size_of(&c) + 64);
    for (size_t shift = 1; shift < 64; shift *= 2) {
        assert_int_equal(tvis_session_init(&s, &m, &c, (uint8_t *)arena.p + shift, arena.size - shift, &d),
                         TVIS_EINVAL);
        assert_int_equal(d.code, TVIS_DIAG_ALIGN);
    }
    assert_int_equal(tvis_session_init(&s, &m, &c, NULL, arena.size, &d), TVIS_EINVAL);
    assert_int_equal(tvis_session_init(NULL, &m, &c, arena.p, arena.size, &d), TVIS_EINVAL);
    assert_null(s);
    stop(&arena);
}

/* ---- config ---- */

static void refuse(const tvis_session_config *c, tvis_status want, tvis_diag_code code, const char *subject,
                   int64_t expected, int64_t found)
{
    tvis_diag d;
    size_t bytes = 77;
    memset(&d, 0x55, sizeof d);
    const tvis_status s = tvis_session_size(&m, c, &bytes, &d);
    if (s != want || d.status != want || d.code != code || strcmp(d.subject, subject) != 0 ||
        d.expected[0] != expected || d.found[0] != found)
        fail_msg("%s: status %d, code %d, subject %s, %d, %d", subject, (int)s, (int)d.code, d.subject,
                 (int)d.expected[0], (int)d.found[0]);
    assert_int_equal(bytes, 77);
    assert_int_equal(tvis_session_size(&m, c, &bytes, NULL), want);
    assert_int_equal(tvis_session_plan(&m, c, NULL, NULL, NULL, &d), want);
    assert_int_equal(tvis_pack_size(&m, c, &bytes, &d), want);
    tvis_session *none = NULL;
    tvt_buf arena = tvt_guarded(4096);
    assert_int_equal(tvis_session_init(&none, &m, c, arena.p, arena.size, &d), want);
    assert_null(none);
    stop(&arena);
}

static void config_errors(void **state)
{
    static const tvis_op *const few[] = { &tvis_op_conv2d_f32, &tvis_op_linear_f32, &tvis_op_global_avg_pool_f32,
                                          NULL };
    const tvis_registry partial = { few }, empty = { NULL };
    const struct {
        uint16_t h, w;
        tvis_diag_code code;
        const char *subject;
        int64_t expected, found;
    } sides[] = {
        { 3, 0, TVIS_DIAG_LIMIT, "height", 4, 3 },      { 65, 0, TVIS_DIAG_LIMIT, "height", 64, 65 },
        { 13, 0, TVIS_DIAG_ARGUMENT, "height", 2, 13 }, { 0, 2, TVIS_DIAG_LIMIT, "width", 4, 2 },
        { 0, 66, TVIS_DIAG_LIMIT, "width", 64, 66 },    { 12, 9, TVIS_DIAG_ARGUMENT, "width", 2, 9 },
    };
    (void)state;
    for (size_t i = 0; i < TVIS_COUNT(sides); i++) {
        tvis_session_config c = config();
        c.h = sides[i].h;
        c.w = sides[i].w;
        refuse(&c, TVIS_EINVAL, sides[i].code, sides[i].subject, sides[i].expected, sides[i].found);
    }
    tvis_session_config c = config();
    refuse(NULL, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config", -1, -1);
    c.struct_size--;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "config", -1, -1);
    c = config();
    c.threads = 0;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_LIMIT, "threads", 64, 0);
    c.threads = 65;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_LIMIT, "threads", 64, 65);
    c = config();
    c.plan = 2;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ENUM, "plan", -1, 2);
    c = config();
    c.registry = NULL;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "registry", -1, -1);
    c.registry = &empty;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "registry", -1, -1);
    c.registry = &partial;
    refuse(&c, TVIS_EUNSUP, TVIS_DIAG_NO_KERNEL, "n7", -1, -1);
    size_t bytes;
    assert_int_equal(tvis_session_size(NULL, &c, &bytes, NULL), TVIS_EINVAL);
    c = config();
    tvis_diag d;
    assert_int_equal(tvis_session_size(&m, &c, NULL, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "bytes");
    assert_int_equal(tvis_pack_size(&m, &c, NULL, &d), TVIS_EINVAL);
    assert_string_equal(d.subject, "bytes");
}

/* An instruction set that is not here: planned for, not started. */
static void foreign_cpu(void **state)
{
    tvis_session_config c = config();
    tvis_session *s = NULL;
    tvis_diag d;
    (void)state;
    c.cpu = TVIS_CPU_NEON | TVIS_CPU_AVX2;
    tvt_buf arena = tvt_guarded(size_of(&c));
    assert_int_equal(tvis_session_init(&s, &m, &c, arena.p, arena.size, &d), TVIS_EUNSUP);
    assert_int_equal(d.code, TVIS_DIAG_NO_KERNEL);
    assert_string_equal(d.subject, "cpu");
    stop(&arena);
}

static void foreign_pack(void **state)
{
    tvis_session_config c = config();
    tvis_diag d;
    size_t bytes;
    (void)state;
    c.cpu = TVIS_CPU_AVX2;
    tvt_ok(tvis_pack_size(&m, &c, &bytes, &d), &d);
    assert_true(bytes > 0);
    tvt_buf pack = tvt_guarded(bytes);
    assert_int_equal(tvis_pack_init(&m, &c, pack.p, bytes - 1, &d), TVIS_ENOMEM);
    assert_true(d.code == TVIS_DIAG_MEMORY && d.expected[0] == (int64_t)bytes && d.found[0] == (int64_t)bytes - 1);
    assert_int_equal(tvis_pack_init(&m, &c, NULL, bytes, &d), TVIS_EINVAL);
    assert_int_equal(tvis_pack_init(&m, &c, (uint8_t *)pack.p + 4, bytes, &d), TVIS_EINVAL);
    assert_int_equal(d.code, TVIS_DIAG_ALIGN);
    tvt_ok(tvis_pack_init(&m, &c, pack.p, bytes, &d), &d);
    c.pack = pack.p;
    const size_t with = size_of(&c);
    c.pack = (uint8_t *)pack.p + 4;
    refuse(&c, TVIS_EINVAL, TVIS_DIAG_ALIGN, "pack", -1, -1);
    c.pack = pack.p;
    tvis_pack_header *h = pack.p;
    uint32_t *const fields[] = { &h->magic, &h->model, &h->node_count };
    for (size_t i = 0; i < TVIS_COUNT(fields); i++) {
        *fields[i] ^= 1;
        refuse(&c, TVIS_EINVAL, TVIS_DIAG_ARGUMENT, "pack", -1, -1);
        *fields[i] ^= 1;
    }
    assert_int_equal(size_of(&c), with);
    c.pack = NULL;
    assert_true(size_of(&c) >= with);
    c.cpu = 0; /* the C kernels read the weights as they are */
    tvt_ok(tvis_pack_size(&m, &c, &bytes, &d), &d);
    assert_int_equal(bytes, 0);
    assert_int_equal(tvis_pack_init(&m, &c, pack.p, pack.size, &d), TVIS_EINVAL);
    assert_int_equal(d.code, TVIS_DIAG_REFUSED);
    stop(&pack);
}

/* ---- views ---- */

static void refuse_run(tvis_session *s, const tvis_tensor *in, const tvis_tensor *out, tvis_diag_code code,
                       const char *subject)
{
    tvis_diag d;
    memset(&d, 0x55, sizeof d);
    assert_int_equal(tvis_session_run(s, in, out, &d), TVIS_EINVAL);
    assert_int_equal(d.status, TVIS_EINVAL);
    assert_int_equal(d.code, code);
    assert_string_equal(d.subject, subject);
    assert_int_equal(tvis_session_run(s, in, out, NULL), TVIS_EINVAL);
}

/* Wrong in the same ways as an input and as an output. */
static void bad_views(tvis_session *s, const tvis_tensor *in, const tvis_tensor *out, tvis_tensor *view,
                      const char *subject)
{
    const tvis_tensor good = *view;
    tvis_diag d;
    view->data = NULL;
    refuse_run(s, in, out, TVIS_DIAG_ARGUMENT, subject);
    *view = good;
    view->data = (uint8_t *)good.data + 2;
    refuse_run(s, in, out, TVIS_DIAG_ALIGN, subject);
    assert_int_equal(tvis_session_run(s, in, out, &d), TVIS_EINVAL);
    assert_true(d.expected[0] == 4 && d.found[0] == 2);
    *view = good;
    view->dtype = TVIS_U8;
    refuse_run(s, in, out, TVIS_DIAG_DTYPE, subject);
    *view = good;
    view->layout = 2;
    refuse_run(s, in, out, TVIS_DIAG_DTYPE, subject);
    for (int i = 0; i < 4; i++) {
        *view = good;
        view->dims[i]++;
        refuse_run(s, in, out, TVIS_DIAG_SHAPE, subject);
        assert_int_equal(tvis_session_run(s, in, out, &d), TVIS_EINVAL);
        for (int k = 0; k < 4; k++)
            assert_true(d.expected[k] == good.dims[k] && d.found[k] == view->dims[k]);
    }
    *view = good;
}

static void views(void **state)
{
    const tvis_session_config c = config();
    static float x[SIDE * SIDE * C], y0[SIDE * SIDE * OUT], y1[7];
    tvis_tensor in = { x, { 1, SIDE, SIDE, C }, TVIS_F32, TVIS_NHWC }, own;
    tvis_tensor out[2] = { { y0, { 1, SIDE, SIDE, OUT }, TVIS_F32, TVIS_NHWC },
                           { y1, { 1, 1, 1, 7 }, TVIS_F32, TVIS_NHWC } };
    tvis_session *s;
    tvis_diag d;
    (void)state;
    tvt_buf arena = start(&c, &s);
    bad_views(s, &in, out, &in, "input");
    bad_views(s, &in, out, &out[0], "output");
    bad_views(s, &in, out, &out[1], "output");
    refuse_run(s, NULL, out, TVIS_DIAG_ARGUMENT, "session, input");
    refuse_run(NULL, &in, out, TVIS_DIAG_ARGUMENT, "session, input");
    assert_int_equal(tvis_session_input(s, 0, &own), TVIS_OK);
    assert_memory_equal(own.dims, in.dims, sizeof in.dims);
    own.layout = TVIS_NCHW; /* of the arena itself, which is NHWC */
    refuse_run(s, &own, out, TVIS_DIAG_ARGUMENT, "input");
    assert_int_equal(tvis_session_input(s, 1, &own), TVIS_EINVAL);
    assert_int_equal(tvis_session_output(s, 2, &own), TVIS_EINVAL);
    tvt_ok(tvis_session_run(s, &in, out, &d), &d);
    stop(&arena);
    tvt_buf raw = tvt_guarded(4096);
    refuse_run(raw.p, &in, out, TVIS_DIAG_ARGUMENT, "session");
    stop(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_memory), cmocka_unit_test(misaligned_memory), cmocka_unit_test(config_errors),
        cmocka_unit_test(foreign_cpu),  cmocka_unit_test(foreign_pack),      cmocka_unit_test(views),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
