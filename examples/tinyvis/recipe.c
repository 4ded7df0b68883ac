/* SPDX-License-Identifier: MIT */
#include "recipe.h"

#include "fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes into the recipe's memory. */
typedef struct writer {
    char *at;
    tvis_diag *d;
} writer;

/* ORDER RECIPE */
static const struct {
    const char *name, *method;
} kinds[] = { { "prune", "--method=" }, { "quantize", "--mode=" } };

static tvis_status bad(const recipe_stage *s, const char *why, tvis_diag *d)
{
    return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SYNTAX, s->text, why);
}

/* "prefix" + text[0 .. n) */
static const char *put(writer *w, const char *prefix, const char *text, size_t n)
{
    char *const start = w->at;
    const size_t length = strlen(prefix);
    memcpy(start, prefix, length);
    memcpy(start + length, text, n);
    start[length + n] = '\0';
    w->at += length + n + 1;
    return start;
}

static tvis_status add_word(recipe_stage *s, writer *w, const char *prefix, const char *text, size_t n)
{
    if (s->words == RECIPE_WORDS)
        return bad(s, "has too many options", w->d);
    char *const start = w->at;
    s->word[s->words++] = put(w, prefix, text, n);
    for (char *c = start; *c; c++)
        *c = *c == ';' ? ',' : *c;
    return TVIS_OK;
}

/* Digits and what numbers are written with: strtod() alone takes names and hexadecimals. */
static bool is_number(const char *text, size_t n)
{
    return n > 0 && strchr("0123456789.-+", *text) && strspn(text, "0123456789.-+eE") >= n;
}

static tvis_status check_amount(const recipe_stage *s, const char *text, size_t n, tvis_diag *d)
{
    char copy[32] = "", *end;
    if (n < sizeof copy)
        memcpy(copy, text, n);
    const double v = strtod(copy, &end);
    if ((size_t)(end - copy) != n || !(v >= 0 && v < 1))
        return bad(s, "the amount is not a number from 0 to below 1", d);
    if (v <= 0)
        return bad(s, "an amount of 0 leaves nothing out", d);
    return TVIS_OK;
}

static bool word_is(const char *text, size_t n, const char *word)
{
    return strlen(word) == n && strncmp(text, word, n) == 0;
}

/* What belongs to the command line of optimize, or is said elsewhere in the stage. */
static bool is_reserved(const char *name, size_t n)
{
    static const char *const names[] = { "output", "json", "help", "calibrate", "labels", "method", "mode", "amount" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (word_is(name, n, names[i]))
            return true;
    return false;
}

static tvis_status parse_option(recipe_stage *s, writer *w, const char *text, size_t n)
{
    const char *equals = memchr(text, '=', n);
    const size_t name = equals ? (size_t)(equals - text) : n;
    if (name == 0)
        return bad(s, "an option is empty", w->d);
    if (strspn(text, "abcdefghijklmnopqrstuvwxyz-0123456789") < name)
        return bad(s, "an option's name has other characters than a-z, 0-9 and -", w->d);
    if (is_reserved(text, name))
        return bad(
            s,
            "'output', 'json', 'help', 'calibrate', 'labels', 'method', 'mode' and 'amount' are no options of a stage",
            w->d);
    if (word_is(text, n, "plain")) {
        s->plain = true;
        return TVIS_OK;
    }
    return add_word(s, w, "--", text, n);
}

/* The option at `text` up to the next ':', or, in "pattern=2:4", to the one after it. */
static size_t option_length(const char *text)
{
    static const char pattern[] = "pattern=";
    const size_t n = strcspn(text, ":");
    const bool cut = n == sizeof pattern && strncmp(text, pattern, sizeof pattern - 1) == 0 && text[n];
    return cut ? n + 1 + strcspn(text + n + 1, ":") : n;
}

static tvis_status parse_options(recipe_stage *s, writer *w, const char *at)
{
    size_t n = strcspn(at, ":");
    tvis_status status = TVIS_OK;
    if (is_number(at, n)) {
        if (s->kind != RECIPE_PRUNE)
            return bad(s, "an amount belongs to prune", w->d);
        status = check_amount(s, at, n, w->d);
        if (!status)
            status = add_word(s, w, "--amount=", at, n);
        at += n;
        at += *at == ':';
    }
    while (!status && *at) {
        n = option_length(at);
        status = parse_option(s, w, at, n);
        at += n;
        at += *at == ':';
    }
    return status;
}

static tvis_status parse_stage(recipe_stage *s, writer *w)
{
    const char *equals = strchr(s->text, '=');
    const size_t name = equals ? (size_t)(equals - s->text) : strlen(s->text);
    uint32_t kind = 0;
    while (kind < 2 && !word_is(s->text, name, kinds[kind].name))
        kind++;
    if (kind == 2)
        return bad(s, "is no stage: prune=METHOD:AMOUNT or quantize=MODE", w->d);
    if (s->text[strlen(s->text) - 1] == ':')
        return bad(s, "ends with a colon", w->d);
    s->kind = (recipe_kind)kind;
    const size_t method = equals ? strcspn(equals + 1, ":") : 0;
    if (method == 0)
        return bad(s,
                   kind == RECIPE_PRUNE ? "names no method, as prune=magnitude:0.3 does"
                                        : "names no mode, as quantize=int8 does",
                   w->d);
    s->method = put(w, "", equals + 1, method);
    tvis_status status = add_word(s, w, kinds[kind].method, s->method, method);
    const char *rest = equals + 1 + method;
    return status ? status : parse_options(s, w, rest + (*rest == ':'));
}

static tvis_status check_order(const recipe *r, tvis_diag *d)
{
    for (uint32_t i = 1; i < r->stages; i++) {
        const recipe_stage *before = &r->stage[i - 1], *s = &r->stage[i];
        if (before->kind == RECIPE_QUANTIZE)
            return bad(s, "comes after a quantize stage, which has to be the last", d);
        if (s->kind == RECIPE_PRUNE && strcmp(before->method, "magnitude") == 0)
            return bad(s, "comes after pruning by magnitude, which has to be the last prune stage", d);
    }
    return TVIS_OK;
}

tvis_status recipe_parse(const char *text, recipe *r, tvis_diag *d)
{
    const size_t length = strlen(text);
    *r = (recipe){ .stages = 0 };
    if (length > RECIPE_LENGTH)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "recipe", "characters", RECIPE_LENGTH, (int64_t)length);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SYNTAX, "recipe", "has a control character");
    /* A stage is kept twice, as text and as words; a word is at most 10 bytes longer than what it is made of. */
    r->memory = malloc(3 * length + 10 * (length + 1) + 1);
    if (!r->memory)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "recipe", NULL);
    writer w = { r->memory, d };
    for (const char *at = text;; at++) {
        const size_t n = strcspn(at, ",");
        if (r->stages == RECIPE_STAGES)
            return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "recipe", "stages", RECIPE_STAGES,
                                   RECIPE_STAGES + 1);
        recipe_stage *s = &r->stage[r->stages++];
        s->text = put(&w, "", at, n);
        const tvis_status status =
            n ? parse_stage(s, &w) : tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SYNTAX, "recipe", "has an empty stage");
        if (status)
            return status;
        at += n;
        if (!*at)
            return check_order(r, d);
    }
}

void recipe_free(recipe *r)
{
    free(r->memory);
    *r = (recipe){ .stages = 0 };
}
