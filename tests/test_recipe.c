/* SPDX-License-Identifier: MIT */
/* Recipes and goals of tinyvis optimize. */
#include "tests/fault.h"
#include "tests/tvt.h"

#include "examples/tinyvis/goals.h"
#include "examples/tinyvis/recipe.h"

#include <errno.h>
#include <math.h>

static void assert_words(const recipe_stage *s, const char *words)
{
    char all[400] = "";
    for (uint32_t i = 0; i < s->words; i++) {
        strcat(all, i ? " " : "");
        strcat(all, s->word[i]);
    }
    assert_string_equal(all, words);
}

static void stages_become_words(void **state)
{
    recipe r;
    tvis_diag d;
    (void)state;
    assert_int_equal(
        recipe_parse("prune=channel:target-macs=0.6:scope=layer,prune=magnitude:.3:pattern=1x4:modules=a*;b?:plain,"
                     "quantize=int8:max-drop=1",
                     &r, &d),
        TVIS_OK);
    assert_int_equal(r.stages, 3);
    assert_int_equal(r.stage[0].kind, RECIPE_PRUNE);
    assert_string_equal(r.stage[0].text, "prune=channel:target-macs=0.6:scope=layer");
    assert_words(&r.stage[0], "--method=channel --target-macs=0.6 --scope=layer");
    assert_words(&r.stage[1], "--method=magnitude --amount=.3 --pattern=1x4 --modules=a*,b?");
    assert_false(r.stage[0].plain);
    assert_true(r.stage[1].plain);
    assert_int_equal(r.stage[2].kind, RECIPE_QUANTIZE);
    assert_string_equal(r.stage[2].method, "int8");
    assert_words(&r.stage[2], "--mode=int8 --max-drop=1");
    recipe_free(&r);
}

static void patterns_have_a_colon(void **state)
{
    recipe r;
    tvis_diag d;
    (void)state;
    assert_int_equal(recipe_parse("prune=magnitude:pattern=2:4:worth=l1", &r, &d), TVIS_OK);
    assert_words(&r.stage[0], "--method=magnitude --pattern=2:4 --worth=l1");
    recipe_free(&r);
    assert_int_equal(recipe_parse("prune=magnitude:pattern=2", &r, &d), TVIS_OK);
    assert_words(&r.stage[0], "--method=magnitude --pattern=2");
    recipe_free(&r);
}

static void wrong_recipes(void **state)
{
    static const char *const texts[][3] = {
        { "", "recipe", "empty stage" },
        { "prune=magnitude:0.3,", "recipe", "empty stage" },
        { "prune=magnitude:0.3:modules=a\tb", "recipe", "control character" },
        { "distill=0.3", "distill=0.3", "is no stage" },
        { "prune", "prune", "names no method" },
        { "quantize=", "quantize=", "names no mode" },
        { "prune=magnitude:1", "prune=magnitude:1", "from 0 to below 1" },
        { "prune=magnitude:-0.1", "prune=magnitude:-0.1", "from 0 to below 1" },
        { "prune=magnitude:1e9999", "prune=magnitude:1e9999", "from 0 to below 1" },
        { "prune=magnitude:0.3.3", "prune=magnitude:0.3.3", "from 0 to below 1" },
        { "prune=magnitude:00000000000000000000000000000000000.3", NULL, "from 0 to below 1" },
        { "prune=magnitude:0", "prune=magnitude:0", "leaves nothing out" },
        { "quantize=int8:0.3", "quantize=int8:0.3", "belongs to prune" },
        { "prune=magnitude:0.3:", NULL, "ends with a colon" },
        { "prune=magnitude:", NULL, "ends with a colon" },
        { "prune=magnitude::scope=layer", NULL, "is empty" },
        { "prune=magnitude:0.3:output=x", NULL, "no options of a stage" },
        { "prune=magnitude:0.3:amount=0.2", NULL, "no options of a stage" },
        { "prune=magnitude:0.3:Scope=x", NULL, "other characters" },
        { "quantize=int8,prune=magnitude:0.3", "prune=magnitude:0.3", "has to be the last" },
        { "quantize=fp16,quantize=int8", "quantize=int8", "has to be the last" },
        { "prune=magnitude:0.3,prune=channel:0.3", "prune=channel:0.3", "last prune stage" },
        { "quantize=int8:a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q:r:s:t:u:v:w:x:y:z", NULL, "too many options" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        recipe r;
        tvis_diag d;
        if (recipe_parse(texts[i][0], &r, &d) != TVIS_EINVAL || !strstr(d.detail, texts[i][2]))
            fail_msg("%s: %s", texts[i][0], d.detail);
        assert_string_equal(d.subject, texts[i][1] ? texts[i][1] : texts[i][0]);
        recipe_free(&r);
    }
}

static void long_recipes(void **state)
{
    static char text[RECIPE_LENGTH + 2];
    recipe r;
    tvis_diag d;
    (void)state;
    memset(text, 'x', RECIPE_LENGTH + 1);
    assert_int_equal(recipe_parse(text, &r, &d), TVIS_EINVAL);
    assert_int_equal(d.expected[0], RECIPE_LENGTH);
    recipe_free(&r);
    text[0] = '\0';
    for (int i = 0; i <= RECIPE_STAGES; i++)
        strcat(text, i ? ",prune=channel:0.1" : "prune=channel:0.1");
    assert_int_equal(recipe_parse(text, &r, &d), TVIS_EINVAL);
    assert_string_equal(d.detail, "stages");
    recipe_free(&r);
    tvt_fault(TVT_ALLOC, 0, ENOMEM);
    assert_int_equal(recipe_parse("quantize=int8", &r, &d), TVIS_ENOMEM);
    assert_true(tvt_fault_fired());
    recipe_free(&r);
}

static void goals_of_every_form(void **state)
{
    goals g;
    tvis_diag d;
    double from[GOAL_COUNT_], to[GOAL_COUNT_];
    (void)state;
    for (int i = 0; i < GOAL_COUNT_; i++) {
        from[i] = 100;
        to[i] = 70;
    }
    assert_int_equal(goals_parse("size=-30%,p50=-31%,accuracy=-30,top5=-29,memory<=1MiB,p95<=69us,throughput=-30%,top1>"
                                 "=70%,macs<=70,snr>=70dB",
                                 &g, &d),
                     TVIS_OK);
    goals_judge(&g, from, to);
    static const bool pass[] = { true, false, true, false, true, false, true, true, true, true };
    static const double target[] = { 70, 69, 70, 71, 1048576, 0.069, 70, 70, 70, 70 };
    assert_int_equal(g.count, sizeof pass / sizeof *pass);
    for (uint32_t i = 0; i < g.count; i++) {
        if (g.goal[i].pass != pass[i])
            fail_msg("%s", g.goal[i].text);
        assert_true(fabs(g.goal[i].target - target[i]) < 1e-9);
        assert_true(g.goal[i].value >= 70 && g.goal[i].value <= 70);
    }
    assert_int_equal(g.goal[4].measure, GOAL_ARENA);
    assert_string_equal(goal_name(g.goal[4].measure), "arena");
    assert_true(goals_need(&g, GOAL_ACCURACY) && !goals_need(&g, GOAL_AGREE));
    to[GOAL_SIZE] = (double)NAN;
    goals_judge(&g, from, to);
    assert_false(g.goal[0].pass);
}

static void wrong_goals(void **state)
{
    static const char *const texts[][2] = {
        { "", "empty goal" },
        { "size=-30%,", "empty goal" },
        { "speed=-30%", "is no goal" },
        { "size", "has no '='" },
        { "size<3MB", "has no '='" },
        { "size=30%", "with its sign" },
        { "size=-30", "in per cent" },
        { "size=-3MB", "in per cent" },
        { "size=-100%", "leaves nothing" },
        { "accuracy=-5%", "in points" },
        { "snr=-5", "already" },
        { "agree=-5", "already" },
        { "size>=3MB", "write <=" },
        { "accuracy<=70", "write >=" },
        { "size<=3", "has a unit" },
        { "size<=3ms", "has a unit" },
        { "size<=-3MB", "not negative" },
        { "size<=nan", "not negative" },
        { "size<=0x10B", "has a unit" },
        { "size<=1.2.3MB", "not negative" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        goals g;
        tvis_diag d;
        if (goals_parse(texts[i][0], &g, &d) != TVIS_EINVAL || !strstr(d.detail, texts[i][1]))
            fail_msg("%s: %s", texts[i][0], d.detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_become_words), cmocka_unit_test(patterns_have_a_colon), cmocka_unit_test(wrong_recipes),
        cmocka_unit_test(long_recipes),        cmocka_unit_test(goals_of_every_form),   cmocka_unit_test(wrong_goals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
