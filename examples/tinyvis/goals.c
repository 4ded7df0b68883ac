/* SPDX-License-Identifier: MIT */
#include "goals.h"

#include "fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { BYTES, COUNT, TIME, RATE, PER_CENT, DECIBEL } kind;

/* ORDER GOAL */
static const struct {
    const char *name, *other; /* a second name, or NULL */
    kind kind;
} measures[] = {
    { "size", NULL, BYTES },      { "params", NULL, COUNT },
    { "macs", NULL, COUNT },      { "arena", "memory", BYTES },
    { "rss", NULL, BYTES },       { "latency", "p50", TIME },
    { "p95", NULL, TIME },        { "cpu", NULL, TIME },
    { "throughput", NULL, RATE }, { "accuracy", "top1", PER_CENT },
    { "top5", NULL, PER_CENT },   { "agree", NULL, PER_CENT },
    { "snr", NULL, DECIBEL },
};
typedef char measures_complete[sizeof measures / sizeof *measures == GOAL_COUNT_ ? 1 : -1];

static const struct {
    const char *name;
    kind kind;
    double factor;
} units[] = {
    { "", COUNT, 1 },     { "", RATE, 1 },        { "", PER_CENT, 1 },       { "", DECIBEL, 1 },   { "%", PER_CENT, 1 },
    { "dB", DECIBEL, 1 }, { "B", BYTES, 1 },      { "kB", BYTES, 1e3 },      { "KB", BYTES, 1e3 }, { "MB", BYTES, 1e6 },
    { "GB", BYTES, 1e9 }, { "KiB", BYTES, 1024 }, { "MiB", BYTES, 1048576 }, { "us", TIME, 1e-3 }, { "ms", TIME, 1 },
    { "s", TIME, 1e3 },   { "k", COUNT, 1e3 },    { "M", COUNT, 1e6 },       { "G", COUNT, 1e9 },  { "/s", RATE, 1 },
};

static const char *const kind_units[] = { "bytes", "", "ms", "/s", "%", "dB" };

const char *goal_name(goal_measure m)
{
    return measures[m].name;
}

const char *goal_unit(goal_measure m)
{
    return kind_units[measures[m].kind];
}

bool goal_more(goal_measure m)
{
    return measures[m].kind >= RATE;
}

static tvis_status bad(const goal *g, const char *why, tvis_diag *d)
{
    return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SYNTAX, g->text, why);
}

static bool parse_number(const char *text, const char **end, double *value)
{
    char *stop;
    const size_t n = strspn(text, "+-0123456789."); /* strtod() alone takes names, exponents and hexadecimals */
    char digits[GOAL_TEXT] = "";
    memcpy(digits, text, n < sizeof digits ? n : 0);
    *value = strtod(digits, &stop);
    *end = text + n;
    return n > 0 && !*stop && isfinite(*value);
}

static tvis_status parse_relative(goal *g, const char *text, tvis_diag *d)
{
    const kind k = measures[g->measure].kind;
    const char *end = text;
    double v = 0;
    if ((*text != '-' && *text != '+') || !parse_number(text, &end, &v))
        return bad(g, "after '=' comes a change with its sign, such as -30%; a limit is written with <= or >=", d);
    if (k == DECIBEL)
        return bad(g, "is measured against the original already: write snr>=20", d);
    if (g->measure == GOAL_AGREE)
        return bad(g, "is measured against the original already: write agree>=95", d);
    if (k == PER_CENT ? *end != '\0' : strcmp(end, "%") != 0)
        return bad(g,
                   k == PER_CENT ? "is in points: accuracy=-5 is at most 5 points less"
                                 : "a change is in per cent: size=-30%",
                   d);
    if (k != PER_CENT && v <= -100)
        return bad(g, "a change of -100 % or less leaves nothing", d);
    g->relative = true;
    g->limit = k == PER_CENT ? v : v / 100;
    return TVIS_OK;
}

static tvis_status parse_limit(goal *g, bool at_least, const char *text, tvis_diag *d)
{
    const char *end = text;
    double v = 0;
    if (at_least != goal_more(g->measure))
        return bad(g, at_least ? "less of it is better: write <=" : "more of it is better: write >=", d);
    if (!parse_number(text, &end, &v) || v < 0)
        return bad(g, "after <= or >= comes a number that is not negative", d);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].kind == measures[g->measure].kind && strcmp(units[i].name, end) == 0) {
            g->limit = v * units[i].factor;
            return TVIS_OK;
        }
    return bad(g, "a limit has a unit: B, kB, MB, GB, KiB, MiB; us, ms, s; k, M, G; %, dB, /s", d);
}

static tvis_status parse_goal(goal *g, tvis_diag *d)
{
    const size_t n = strspn(g->text, "abcdefghijklmnopqrstuvwxyz0123456789");
    const char *rest = g->text + n;
    uint32_t m = 0;
    for (; m < GOAL_COUNT_; m++)
        if ((strlen(measures[m].name) == n && strncmp(g->text, measures[m].name, n) == 0) ||
            (measures[m].other && strlen(measures[m].other) == n && strncmp(g->text, measures[m].other, n) == 0))
            break;
    if (m == GOAL_COUNT_)
        return bad(g,
                   "is no goal: size, params, macs, arena (memory), rss, latency (p50), p95, cpu, throughput, accuracy "
                   "(top1), top5, agree, snr",
                   d);
    g->measure = (goal_measure)m;
    if (strncmp(rest, "<=", 2) == 0 || strncmp(rest, ">=", 2) == 0)
        return parse_limit(g, *rest == '>', rest + 2, d);
    if (*rest == '=')
        return parse_relative(g, rest + 1, d);
    return bad(g, "has no '=', '<=' or '>=' after its name", d);
}

tvis_status goals_parse(const char *text, goals *g, tvis_diag *d)
{
    *g = (goals){ .count = 0 };
    for (const char *at = text;; at++) {
        const size_t n = strcspn(at, ",");
        if (n == 0 || n >= GOAL_TEXT)
            return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SYNTAX, "--goal",
                             n ? "has a goal that is too long" : "has an empty goal");
        if (g->count == GOALS_MOST)
            return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "--goal", "goals", GOALS_MOST, GOALS_MOST + 1);
        goal *one = &g->goal[g->count++];
        memcpy(one->text, at, n);
        one->text[n] = '\0';
        const tvis_status s = parse_goal(one, d);
        at += n;
        if (s || !*at)
            return s;
    }
}

bool goals_need(const goals *g, goal_measure m)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (g->goal[i].measure == m)
            return true;
    return false;
}

void goals_judge(goals *g, const double *original, const double *final)
{
    for (uint32_t i = 0; i < g->count; i++) {
        goal *one = &g->goal[i];
        const double from = original[one->measure];
        const bool points = measures[one->measure].kind == PER_CENT;
        one->value = final[one->measure];
        one->target = !one->relative ? one->limit : points ? from + one->limit : from * (1 + one->limit);
        one->pass = goal_more(one->measure) ? one->value >= one->target : one->value <= one->target;
    }
}
