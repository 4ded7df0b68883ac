/* SPDX-License-Identifier: MIT */
/* Class names, and which picture shows which class. */
#ifndef TINYVIS_TOOL_LABELS_H
#define TINYVIS_TOOL_LABELS_H

#include <tinyvis/types.h>

/* A name a line. */
typedef struct label_names {
    const char **name; /* count of them, in text */
    uint32_t count;
    char *text;
} label_names;
tvis_status labels_read_names(const char *path, label_names *l, tvis_diag *d);
void labels_free_names(label_names *l);

typedef struct labelled {
    const char *file;
    uint32_t class_index;
} labelled;

/* Rows of a CSV file (RFC 4180) whose first line names the columns: `file` and `class_index` are used, others are not.
 */
typedef struct label_table {
    labelled *row;
    size_t count;
    char *text;
} label_table;
/* An index at or over `classes`, a missing column and an empty table are errors that name the line (EFORMAT). */
tvis_status labels_read_csv(const char *path, uint32_t classes, label_table *t, tvis_diag *d);
void labels_free_csv(label_table *t);

#endif
