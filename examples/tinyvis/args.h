/* SPDX-License-Identifier: MIT */
/* Command lines: long options as --name VALUE or --name=VALUE, a few letters (-o VALUE), -- ends the options. */
#ifndef TINYVIS_TOOL_ARGS_H
#define TINYVIS_TOOL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum arg_kind {
    ARG_FLAG,   /* bool, no value */
    ARG_TEXT,   /* const char * */
    ARG_NUMBER, /* uint64_t in [min, max] */
    ARG_REAL,   /* double in (min, max] */
    ARG_AMOUNT, /* double in [min, max] */
    ARG_SIZE,   /* arg_size, each side in [min, max]; "224" or "240x320", height first */
    ARG_CHOICE  /* uint32_t, index in `choices` */
} arg_kind;

typedef struct arg_size {
    uint16_t h, w; /* 0: not given */
} arg_size;

typedef struct arg_option {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    arg_kind kind;
    void *value;
    const char *placeholder, *help; /* "HxW"; help may have several lines */
    uint64_t min, max;
    const char *const *choices; /* ends with NULL */
    bool *given;                /* or NULL */
} arg_option;

typedef struct command {
    const char *name, *usage, *summary; /* "info", "M.tvis [--layers] …", one line */
    int (*run)(int argc, char **argv);  /* arguments after the command's name; returns the exit status */
} command;

#define ARGS_GO_ON (-1)

/* Takes the options out of argv; what is left are argv[0] … argv[*count - 1], of which there are from min_rest to
 * max_rest. `options` ends with a row without a name. Returns ARGS_GO_ON, or the exit status: after --help or a usage
 * error. */
int args_parse(const command *c, const arg_option *options, int argc, char **argv, int *count, int min_rest,
               int max_rest);

#endif
