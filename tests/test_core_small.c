/* SPDX-License-Identifier: MIT */
#include "core/op.h"
#include "core/diag.h"
#include "core/port.h"
#include "tests/tvt.h"

static void status_names(void **state)
{
    (void)state;
    assert_string_equal(tvis_status_name(TVIS_OK), "TVIS_OK");
    assert_string_equal(tvis_status_name(TVIS_EINVAL), "TVIS_EINVAL");
    assert_string_equal(tvis_status_name(TVIS_ENOMEM), "TVIS_ENOMEM");
    assert_string_equal(tvis_status_name(TVIS_EFORMAT), "TVIS_EFORMAT");
    assert_string_equal(tvis_status_name(TVIS_EUNSUP), "TVIS_EUNSUP");
    assert_string_equal(tvis_status_name(TVIS_EIO), "TVIS_EIO");
    assert_string_equal(tvis_status_name(TVIS_EMODEL), "TVIS_EMODEL");
    assert_string_equal(tvis_status_name((tvis_status)(TVIS_EMODEL - 1)), "?");
    assert_string_equal(tvis_status_name((tvis_status)1), "?");
}

static void dtypes(void **state)
{
    static const struct {
        tvis_dtype t;
        const char *name;
        size_t size;
    } want[] = {
        { TVIS_F32, "f32", 4 }, { TVIS_F16, "f16", 2 },   { TVIS_BF16, "bf16", 2 }, { TVIS_F64, "f64", 8 },
        { TVIS_S8, "s8", 1 },   { TVIS_U8, "u8", 1 },     { TVIS_S16, "s16", 2 },   { TVIS_S32, "s32", 4 },
        { TVIS_S64, "s64", 8 }, { TVIS_BOOL, "bool", 1 }, { TVIS_S4, "s4", 0 },
    };
    (void)state;
    assert_int_equal(TVIS_COUNT(want), TVIS_DTYPE_COUNT_);
    for (size_t i = 0; i < TVIS_COUNT(want); i++) {
        assert_string_equal(tvis_dtype_name(want[i].t), want[i].name);
        assert_int_equal(tvis_dtype_size(want[i].t), want[i].size);
    }
    assert_string_equal(tvis_dtype_name(TVIS_DTYPE_COUNT_), "?");
    assert_int_equal(tvis_dtype_size(TVIS_DTYPE_COUNT_), 0);
    assert_string_equal(tvis_dtype_name((tvis_dtype)255), "?");
}

/* Flags of one processor family at most, each with those it builds on. */
static void cpu(void **state)
{
    const uint32_t x86 =
        TVIS_CPU_AVX2 | TVIS_CPU_AVX512 | TVIS_CPU_VNNI | TVIS_CPU_VBMI | TVIS_CPU_AMX | TVIS_CPU_AMX_BF16;
    const uint32_t arm = TVIS_CPU_ARMV6 | TVIS_CPU_VFP11 | TVIS_CPU_NEON32 | TVIS_CPU_DSP;
    const uint32_t aarch64 = TVIS_CPU_NEON | TVIS_CPU_DOTPROD | TVIS_CPU_I8MM | TVIS_CPU_FP16;
    const uint32_t c = tvis_cpu_detect();
    (void)state;
    assert_int_equal(c & ~(TVIS_X86 ? x86 : TVIS_AARCH64 ? aarch64 : arm), 0);
    assert_int_equal(c, tvis_cpu_detect());
    if (c & TVIS_CPU_AMX_BF16)
        assert_true(c & TVIS_CPU_AMX);
    if (c & TVIS_CPU_AMX)
        assert_true(c & TVIS_CPU_VNNI);
    if (c & TVIS_CPU_VNNI)
        assert_true(c & TVIS_CPU_AVX512);
    if (c & TVIS_CPU_AVX512)
        assert_true(c & TVIS_CPU_AVX2);
    if (TVIS_AARCH64)
        assert_true(c & TVIS_CPU_NEON);
}

#if TVIS_X86
static void cpu_as_the_compiler_sees_it(void **state)
{
    const uint32_t c = tvis_cpu_detect();
    (void)state;
    __builtin_cpu_init();
    assert_int_equal(!!(c & TVIS_CPU_AVX2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
    assert_int_equal(!!(c & TVIS_CPU_AVX512), __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                                  __builtin_cpu_supports("avx512dq") &&
                                                  __builtin_cpu_supports("avx512vl"));
}
#endif

/* The parts of some work: as many as asked for, one behind the other, by the rule that says where they begin. */
static void parts(void **state)
{
    static const int32_t totals[] = { 0, 1, 2, 15, 16, 17, 1000, INT32_MAX - 1, INT32_MAX };
    static const int32_t steps[] = { 1, 2, 3, 16, 64, 16384 };
    (void)state;
    for (size_t t = 0; t < TVIS_COUNT(totals); t++)
        for (size_t s = 0; s < TVIS_COUNT(steps); s++)
            for (uint32_t n = 1; n <= TVIS_MAX_THREADS; n++)
                for (uint32_t i = 0; i <= n; i++) {
                    const int64_t blocks = ((int64_t)totals[t] + steps[s] - 1) / steps[s];
                    const int64_t at = blocks * i / n * steps[s], want = at < totals[t] ? at : totals[t];
                    assert_int_equal(tvis_part(totals[t], i, n, steps[s]), want);
                }
}

static void fail_fills_everything(void **state)
{
    tvis_diag d;
    (void)state;
    memset(&d, 0x77, sizeof d);
    assert_int_equal(tvis_fail(&d, TVIS_EIO, TVIS_DIAG_NAME, "a name", "detail"), TVIS_EIO);
    assert_int_equal(d.status, TVIS_EIO);
    assert_int_equal(d.code, TVIS_DIAG_NAME);
    assert_int_equal(d.node, TVIS_NONE);
    assert_int_equal(d.tensor, TVIS_NONE);
    for (int i = 0; i < 4; i++) {
        assert_true(d.expected[i] == -1);
        assert_true(d.found[i] == -1);
    }
    assert_string_equal(d.subject, "a name");
    assert_string_equal(d.detail, "detail");
    assert_int_equal(tvis_fail_value(NULL, TVIS_EINVAL, TVIS_DIAG_NAME, "x", NULL, 1, 2), TVIS_EINVAL);
}

static void long_subjects_are_cut(void **state)
{
    char name[300];
    tvis_diag d;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)tvis_fail(&d, TVIS_EIO, TVIS_DIAG_NAME, name, NULL);
    assert_int_equal(strlen(d.subject), sizeof d.subject - 1);
    (void)tvis_fail(&d, TVIS_EIO, TVIS_DIAG_NAME, NULL, NULL);
    assert_string_equal(d.subject, "");
}

static void shapes_keep_their_rank(void **state)
{
    static const int64_t want[] = { 3, 4 }, got[] = { 1, 2, 3, 4 };
    tvis_diag d;
    (void)state;
    assert_int_equal(tvis_fail_shape(&d, TVIS_EMODEL, "w", NULL, want, 2, got, 4), TVIS_EMODEL);
    assert_int_equal(d.code, TVIS_DIAG_SHAPE);
    assert_true(d.expected[0] == 3 && d.expected[1] == 4 && d.expected[2] == -1 && d.expected[3] == -1);
    assert_true(d.found[3] == 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_names),
        cmocka_unit_test(dtypes),
        cmocka_unit_test(cpu),
#if TVIS_X86
        cmocka_unit_test(cpu_as_the_compiler_sees_it),
#endif
        cmocka_unit_test(parts),
        cmocka_unit_test(fail_fills_everything),
        cmocka_unit_test(long_subjects_are_cut),
        cmocka_unit_test(shapes_keep_their_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
