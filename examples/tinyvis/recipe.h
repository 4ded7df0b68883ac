/* SPDX-License-Identifier: MIT */
/* What to do to a model, as text: "prune=magnitude:0.3,quantize=int8:max-drop=1". */
#ifndef TINYVIS_TOOL_RECIPE_H
#define TINYVIS_TOOL_RECIPE_H

#include <tinyvis/types.h>

enum { RECIPE_STAGES = 16, RECIPE_WORDS = 24, RECIPE_LENGTH = 1000 };

/* ORDER RECIPE */
typedef enum recipe_kind { RECIPE_PRUNE, RECIPE_QUANTIZE } recipe_kind;

typedef struct recipe_stage {
    recipe_kind kind;
    const char *text;               /* "prune=magnitude:0.3" */
    const char *method;             /* "magnitude", "dynamic" */
    const char *word[RECIPE_WORDS]; /* as the command of that name takes them: "--method=magnitude", "--amount=0.3" */
    uint32_t words;
    bool plain; /* without the calibration pictures */
} recipe_stage;

/* recipe_free() ends it, also after a failure. */
typedef struct recipe {
    recipe_stage stage[RECIPE_STAGES];
    uint32_t stages;
    char *memory; /* of all texts */
} recipe;

/* STAGE,STAGE...; a stage is KIND=METHOD[:AMOUNT][:OPTION[=VALUE]]..., its options those of the command KIND. A ';' in
 * a value stands for a comma, and ":4" after "pattern=2" belongs to it. Checked: kinds, amounts, options that are
 * optimize's own business, the order of stages. Methods and options are the commands' to check. Errors: EINVAL with the
 * stage as subject, ENOMEM. */
tvis_status recipe_parse(const char *text, recipe *r, tvis_diag *d);
void recipe_free(recipe *r);

#endif
