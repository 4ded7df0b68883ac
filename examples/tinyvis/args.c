/* SPDX-License-Identifier: MIT */
#include "args.h"

#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const no_option = "unknown option '%.100s'";

/* Digits only: strtoull alone would take signs and spaces. */
static bool parse_number(const char *text, const char **end, uint64_t *value)
{
    char *stop;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long v = strtoull(text, &stop, 10);
    *end = stop;
    *value = v;
    return errno == 0;
}

static bool parse_size(const arg_option *o, const char *text)
{
    const char *end;
    uint64_t h, w;
    if (!parse_number(text, &end, &h))
        return false;
    w = h;
    if (*end == 'x' && !parse_number(end + 1, &end, &w))
        return false;
    if (*end || h < o->min || h > o->max || w < o->min || w > o->max)
        return false;
    arg_size *size = o->value;
    size->h = (uint16_t)h;
    size->w = (uint16_t)w;
    return true;
}

static bool parse_real(const arg_option *o, const char *text)
{
    char *end;
    double v = strtod(text, &end);
    const bool enough = o->kind == ARG_AMOUNT ? v >= (double)o->min : v > (double)o->min;
    if (end == text || *end || !isfinite(v) || !enough || v > (double)o->max)
        return false;
    *(double *)o->value = v;
    return true;
}

static bool parse_choice(const arg_option *o, const char *text)
{
    for (uint32_t i = 0; o->choices[i]; i++)
        if (strcmp(text, o->choices[i]) == 0) {
            *(uint32_t *)o->value = i;
            return true;
        }
    return false;
}

static bool parse_value(const arg_option *o, const char *text)
{
    const char *end;
    uint64_t v;
    switch (o->kind) {
    case ARG_TEXT:
        *(const char **)o->value = text;
        return *text != '\0';
    case ARG_NUMBER:
        if (!parse_number(text, &end, &v) || *end || v < o->min || v > o->max)
            return false;
        *(uint64_t *)o->value = v;
        return true;
    case ARG_REAL:
    case ARG_AMOUNT:
        return parse_real(o, text);
    case ARG_SIZE:
        return parse_size(o, text);
    case ARG_CHOICE:
        return parse_choice(o, text);
    default:
        return false;
    }
}

static void expected(const arg_option *o, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    if (o->kind == ARG_NUMBER)
        (void)snprintf(text, size, "a whole number from %" PRIu64 " to %" PRIu64, o->min, o->max);
    else if (o->kind == ARG_REAL)
        (void)snprintf(text, size, "a number over %" PRIu64 " and up to %" PRIu64, o->min, o->max);
    else if (o->kind == ARG_AMOUNT)
        (void)snprintf(text, size, "a number from %" PRIu64 " to %" PRIu64, o->min, o->max);
    else if (o->kind == ARG_SIZE)
        (void)snprintf(text, size, "HxW or S, sides from %" PRIu64 " to %" PRIu64, o->min, o->max);
    else if (o->kind == ARG_TEXT)
        (void)snprintf(text, size, "a value that is not empty");
    else
        for (uint32_t i = 0; o->choices[i] && n < size; i++)
            n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "one of ", o->choices[i]);
}

static int set(const command *c, const arg_option *o, const char *shown, const char *value)
{
    char want[200];
    if (o->given)
        *o->given = true;
    if (o->kind == ARG_FLAG) {
        *(bool *)o->value = true;
        return ARGS_GO_ON;
    }
    if (!value)
        return print_usage_error(c->name, "option '%s' needs a value", shown);
    if (parse_value(o, value))
        return ARGS_GO_ON;
    expected(o, want, sizeof want);
    return print_usage_error(c->name, "option '%s': '%.100s' is not %s", shown, value, want);
}

/* --name, --name=value; takes the next argument where the option needs a value. */
static int long_option(const command *c, const arg_option *options, char **argv, int argc, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    char shown[40];
    for (const arg_option *o = options; o->name; o++) {
        if (strlen(o->name) != length || strncmp(o->name, name, length) != 0)
            continue;
        (void)snprintf(shown, sizeof shown, "--%s", o->name);
        if (o->kind == ARG_FLAG && equals)
            return print_usage_error(c->name, "option '%s' takes no value", shown);
        if (o->kind == ARG_FLAG || equals)
            return set(c, o, shown, equals ? equals + 1 : NULL);
        return set(c, o, shown, *i + 1 < argc ? argv[++*i] : NULL);
    }
    return print_usage_error(c->name, no_option, argv[*i]);
}

/* -o VALUE, -oVALUE */
static int letter_option(const command *c, const arg_option *options, char **argv, int argc, int *i)
{
    const char *text = argv[*i];
    const char shown[3] = { '-', text[1], '\0' };
    for (const arg_option *o = options; o->name; o++) {
        if (o->letter != text[1])
            continue;
        if (text[2])
            return o->kind == ARG_FLAG ? print_usage_error(c->name, no_option, text) : set(c, o, shown, text + 2);
        return set(c, o, shown, o->kind != ARG_FLAG && *i + 1 < argc ? argv[++*i] : NULL);
    }
    return print_usage_error(c->name, no_option, text);
}

static void print_option(const arg_option *o)
{
    char left[64];
    const char *at = o->help, *end;
    (void)snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                   o->letter ? "," : " ", o->name, o->kind == ARG_FLAG ? "" : " ",
                   o->kind == ARG_FLAG ? "" : o->placeholder);
    printf("  %-26s", left);
    for (; (end = strchr(at, '\n')) != NULL; at = end + 1)
        printf(" %.*s\n%28s", (int)(end - at), at, "");
    printf(" %s\n", at);
}

static int print_help(const command *c, const arg_option *options)
{
    printf("usage: tinyvis %s %s\n\n%s\n\noptions:\n", c->name, c->usage, c->summary);
    for (const arg_option *o = options; o->name; o++)
        print_option(o);
    printf("      %-23sthis text\n", "--help");
    return TOOL_OK;
}

int args_parse(const command *c, const arg_option *options, int argc, char **argv, int *count, int min_rest,
               int max_rest)
{
    bool over = false;
    *count = 0;
    for (int i = 0; i < argc; i++) {
        int status = ARGS_GO_ON;
        if (over || argv[i][0] != '-' || argv[i][1] == '\0')
            argv[(*count)++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            over = true;
        else if (strcmp(argv[i], "--help") == 0)
            return print_help(c, options);
        else if (argv[i][1] == '-')
            status = long_option(c, options, argv, argc, &i);
        else
            status = letter_option(c, options, argv, argc, &i);
        if (status != ARGS_GO_ON)
            return status;
    }
    if (*count < min_rest)
        return print_usage_error(c->name, "something is missing: tinyvis %s %s", c->name, c->usage);
    if (*count > max_rest)
        return print_usage_error(c->name, "'%.100s' is one argument too many", argv[max_rest]);
    return ARGS_GO_ON;
}
