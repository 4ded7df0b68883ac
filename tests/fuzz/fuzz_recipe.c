/* SPDX-License-Identifier: MIT */
/* Recipes and, from the second line on, goals, as they come from a command line. */
#include "examples/tinyvis/goals.h"
#include "examples/tinyvis/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void try_recipe(const char *text)
{
    recipe r;
    tvis_diag d;
    if (recipe_parse(text, &r, &d) == TVIS_OK) {
        need(r.stages >= 1 && r.stages <= RECIPE_STAGES);
        for (uint32_t i = 0; i < r.stages; i++) {
            const recipe_stage *s = &r.stage[i];
            need(s->words >= 1 && s->words <= RECIPE_WORDS && strchr(s->text, '=') && *s->method);
            for (uint32_t k = 0; k < s->words; k++)
                need(strncmp(s->word[k], "--", 2) == 0);
        }
    } else {
        need(d.subject[0] != '\0' && d.detail);
    }
    recipe_free(&r);
}

static void try_goals(const char *text)
{
    goals g;
    tvis_diag d;
    double from[GOAL_COUNT_], to[GOAL_COUNT_];
    for (int i = 0; i < GOAL_COUNT_; i++) {
        from[i] = 100;
        to[i] = i % 2 ? 50 : (double)NAN;
    }
    if (goals_parse(text, &g, &d))
        return;
    goals_judge(&g, from, to);
    for (uint32_t i = 0; i < g.count; i++)
        need(isfinite(g.goal[i].target) && (!isnan(g.goal[i].value) || !g.goal[i].pass));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    char *line = strchr(text, '\n');
    if (line)
        *line = '\0';
    try_recipe(text);
    if (line)
        try_goals(line + 1);
    free(text);
    return 0;
}
