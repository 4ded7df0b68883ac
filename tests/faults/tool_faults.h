/* SPDX-License-Identifier: MIT */
/* The tool's main(), run again and again in processes of their own, each with another function of libc failing. */
#ifndef TVT_TOOL_FAULTS_H
#define TVT_TOOL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fault.h"

/* A command line. It writes `output`, or nothing but what it prints. Paths are relative to the current folder. */
typedef struct tvt_command {
    const char *name, *output;
    const char *args[16]; /* after "tinyvis"; ends with NULL */
} tvt_command;

/* What is done to a call. */
typedef struct tvt_injection {
    tvt_fault_kind kind;
    int code;
    uint32_t skip;
    bool goes_on;
} tvt_injection;

/* What a process left behind. */
typedef struct tvt_outcome {
    int status, signal;               /* exit status; or the signal that ended it, else 0 */
    bool fired;                       /* the fault happened; unknown, false, after a signal */
    long blocks;                      /* of memory, not given back */
    int files;                        /* left open */
    uint32_t calls[TVT_FAULT_COUNT_]; /* of each kind */
    char error[400];                  /* what it said on stderr, cut */
} tvt_outcome;

/* Runs it, with a fault (or none: NULL); what it prints goes to the file `printed`. Ends the program when that cannot
 * be done. */
void tvt_tool(const tvt_command *c, const tvt_injection *fault, const char *printed, tvt_outcome *o);

/* Makes, in an empty folder that becomes the current one, all that the commands read. */
void tvt_tool_inputs(const char *folder);

void tvt_put_file(const char *name, const void *data, size_t size);
/* A whole file in malloc's memory, NULL where there is none. */
uint8_t *tvt_whole_file(const char *path, size_t *size);
void tvt_die(const char *what);

#endif
