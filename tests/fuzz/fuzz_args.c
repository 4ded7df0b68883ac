/* SPDX-License-Identifier: MIT */
/* Command lines: arguments between zero bytes, for a table with every kind of option. What is accepted is in range. */
#include "examples/tinyvis/args.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_ARGUMENTS = 64, LEAST = 1, MOST = 2 };

static const char *const choices[] = { "fast", "small", NULL };

typedef struct values {
    bool flag, given;
    const char *text;
    uint64_t number, any;
    double real, amount;
    arg_size size;
    uint32_t choice;
} values;

static int parse(int argc, char **argv, values *v, int *count)
{
    const arg_option options[] = {
        { .name = "json", .letter = 'j', .kind = ARG_FLAG, .value = &v->flag, .help = "a flag" },
        { .name = "output",
          .letter = 'o',
          .kind = ARG_TEXT,
          .value = &v->text,
          .placeholder = "FILE",
          .help = "two\nlines" },
        { .name = "number",
          .kind = ARG_NUMBER,
          .value = &v->number,
          .placeholder = "N",
          .min = 3,
          .max = 4096,
          .help = "n" },
        { .name = "any",
          .kind = ARG_NUMBER,
          .value = &v->any,
          .max = UINT64_MAX,
          .placeholder = "N",
          .given = &v->given,
          .help = "n" },
        { .name = "real", .kind = ARG_REAL, .value = &v->real, .placeholder = "X", .max = 8, .help = "x" },
        { .name = "amount",
          .letter = 'a',
          .kind = ARG_AMOUNT,
          .value = &v->amount,
          .placeholder = "X",
          .max = 1,
          .help = "x" },
        { .name = "size",
          .kind = ARG_SIZE,
          .value = &v->size,
          .placeholder = "HxW",
          .min = 1,
          .max = UINT16_MAX,
          .help = "s" },
        { .name = "plan",
          .kind = ARG_CHOICE,
          .value = &v->choice,
          .placeholder = "PLAN",
          .choices = choices,
          .help = "p" },
        { 0 },
    };
    static const command c = { "fuzz", "[options]", "parses arguments", NULL };
    return args_parse(&c, options, argc, argv, count, LEAST, MOST);
}

static bool in_range(const values *v, const values *was)
{
    const bool number = v->number == was->number || (v->number >= 3 && v->number <= 4096);
    const bool real = isfinite(v->real) && (v->real > 0 || v->real >= was->real) && v->real <= 8;
    const bool amount = v->amount >= 0 && v->amount <= 1;
    return number && real && amount && (v->size.h == 0) == (v->size.w == 0) && v->choice < 2 &&
           (!v->text || *v->text) && (v->given || v->any == was->any);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const values none = { .number = 0 };
    values v = none;
    char *argv[MOST_ARGUMENTS + 1] = { NULL };
    int argc = 0, count = 0;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at < size && argc < MOST_ARGUMENTS; at += strlen(text + at) + 1)
        argv[argc++] = text + at;
    const int status = parse(argc, argv, &v, &count);
    if (status != ARGS_GO_ON && status != 0 && status != 2)
        abort();
    if (status == ARGS_GO_ON && (count < LEAST || count > MOST || !in_range(&v, &none)))
        abort();
    for (int i = 0; status == ARGS_GO_ON && i < count; i++)
        if (argv[i] < text || argv[i] > text + size)
            abort();
    free(text);
    return 0;
}
