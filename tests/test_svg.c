/* SPDX-License-Identifier: MIT */
/* Texts of reports: scales and bars of charts, what has to be escaped; the list of models in a folder. */
#include "tests/fault.h"
#include "tests/tvt.h"

#include "examples/tinyvis/manifest.h"
#include "examples/tinyvis/svg.h"

#include <tinyvis/hosted.h>

#include <errno.h>
#include <math.h>

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1, fabs(b));
}

static void scales_have_round_limits(void **state)
{
    static const struct {
        double low, high, from, to, step;
        int decimals;
    } cases[] = {
        { 0, 14, 0, 15, 5, 0 }, { 0, 0.093, 0, 0.1, 0.02, 2 }, { 76.2, 81.9, 76, 82, 2, 0 },
        { 0, 1, 0, 1, 0.2, 1 }, { 0, 2500, 0, 2500, 500, 0 },  { 5, 5, 5, 5.5, 0.1, 1 },
        { 0, 0, 0, 1, 0.2, 1 }, { 3, -3, 0, 1, 0.2, 1 },       { 0, 1e-9, 0, 1e-9, 2e-10, 6 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const svg_scale s = svg_nice(cases[i].low, cases[i].high, 5, 100, 300);
        if (!near(s.low, cases[i].from) || !near(s.high, cases[i].to) || !near(s.step, cases[i].step) ||
            svg_decimals(&s) != cases[i].decimals)
            fail_msg("%zu: %g to %g by %g, %d", i, s.low, s.high, s.step, svg_decimals(&s));
        assert_true(near(svg_at(&s, s.low), 100) && near(svg_at(&s, s.high), 300));
    }
    const svg_scale s = svg_nice(0, (double)NAN, 5, 0, 1);
    assert_true(near(s.low, 0) && near(s.high, 1));
}

/* Any limits give a scale that holds them, with few lines. */
static void scales_hold_their_values(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        const double low = ldexp((double)(tvt_rand() % 1000), (int)(tvt_rand() % 40) - 20);
        const double high = low + ldexp((double)(tvt_rand() % 1000), (int)(tvt_rand() % 40) - 20);
        const svg_scale s = svg_nice(low, high, 5, 0, 1);
        const double lines = (s.high - s.low) / s.step, slack = 1e-6 * s.step + 1e-9 * high;
        if (s.low > low + slack || s.high < high - slack || lines < 0.9 || lines > 12.1)
            fail_msg("%g to %g: %g to %g by %g", low, high, s.low, s.high, s.step);
    }
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void bars(void **state)
{
    text_file t = { 0 };
    const svg_bars c = { "title & more", "ms", { "before", "after" }, 560, 180, 2, false };
    const svg_bar rows[] = { { "a<b", { 1, 2 }, 3 },
                             { "a name that is much too long for the room on the left of it", { -1, 0 }, -1 } };
    (void)state;
    svg_bar_chart(&t, &c, rows, 2);
    assert_false(t.failed);
    assert_int_equal(count(t.text, "<rect"), 2 + 3); /* a legend, no bar for what is not there */
    assert_int_equal(count(t.text, "class=\"w\""), 2);
    assert_int_equal(count(t.text, "a&lt;b<"), 1);
    assert_int_equal(count(t.text, "&#8230;"), 1);
    assert_int_equal(count(t.text, "title &amp; more"), 1);
    assert_int_equal(count(t.text, "<svg"), count(t.text, "</svg>"));
    text_free(&t);
}

static void escapes(void **state)
{
    text_file t = { 0 };
    (void)state;
    text_put_escaped(&t, "<&>\"'\x01\x7f\xc3\xa9\xff\xe2\x82");
    assert_string_equal(t.text, "&lt;&amp;&gt;&quot;&#39;??\xc3\xa9???");
    text_free(&t);
    text_put_csv(&t, "plain");
    text_put(&t, ",");
    text_put_csv(&t, "a \"b\", c");
    assert_string_equal(t.text, "plain,\"a \"\"b\"\", c\"");
    text_free(&t);
}

static void long_texts_grow(void **state)
{
    text_file t = { 0 };
    (void)state;
    for (int i = 0; i < 1000; i++)
        text_add(&t, "%0300d", i);
    assert_int_equal(t.length, 300000);
    assert_int_equal(strlen(t.text), 300000);
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    while (!t.failed)
        text_put(&t, "0123456789012345678901234567890123456789");
    assert_true(tvt_fault_fired());
    tvis_diag d;
    assert_int_equal(text_write(&t, "/nowhere", &d), TVIS_ENOMEM);
}

static void manifests_come_back(void **state)
{
    manifest m = { 0 }, again = { 0 };
    tvis_diag d;
    const char *path = tvt_temp("manifest.txt");
    (void)state;
    assert_int_equal(manifest_begin(&m, "1-a.tvis", "key one", &d), TVIS_OK);
    assert_int_equal(manifest_begin(&m, "2-b.tvis", "key two", &d), TVIS_OK);
    manifest_find(&m, "1-a.tvis")->crc = 0xfedcba98;
    manifest_find(&m, "1-a.tvis")->done = true;
    assert_int_equal(manifest_write(&m, path, &d), TVIS_OK);
    assert_int_equal(manifest_read(&again, path, &d), TVIS_OK);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.entry[0].key, "key one");
    assert_int_equal(again.entry[0].crc, 0xfedcba98);
    assert_true(again.entry[0].done && !again.entry[1].done);
    assert_int_equal(manifest_begin(&again, "1-a.tvis", "another", &d), TVIS_OK);
    assert_int_equal(again.count, 2);
    assert_false(again.entry[0].done);
    assert_null(manifest_find(&again, "3"));
    manifest_free(&m);
    manifest_free(&again);
}

static void damaged_manifests(void **state)
{
    static const char *const texts[] = {
        "",
        "tinyvis optimize 2\n",
        "tinyvis optimize 1\nabc\n",
        "tinyvis optimize 1\n0123456g\ta\tb\n",
        "tinyvis optimize 1\n01234567\ta/b\tc\n",
        "tinyvis optimize 1\n01234567\t\tc\n",
        "tinyvis optimize 1\n01234567\ta b\n",
        "tinyvis optimize 1\n01234567\ta\tb",
    };
    const char *path = tvt_temp("manifest.txt");
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        manifest m = { 0 };
        tvis_diag d;
        assert_int_equal(tvis_file_write(path, texts[i], strlen(texts[i]), &d), TVIS_OK);
        if (manifest_read(&m, path, &d) != TVIS_EFORMAT)
            fail_msg("%s", texts[i]);
        manifest_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_have_round_limits),
        cmocka_unit_test(scales_hold_their_values),
        cmocka_unit_test(bars),
        cmocka_unit_test(escapes),
        cmocka_unit_test(long_texts_grow),
        cmocka_unit_test(manifests_come_back),
        cmocka_unit_test(damaged_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
