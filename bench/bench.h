/* SPDX-License-Identifier: MIT */
/* What the benchmark programs share: a clock, statistics of samples, rows written as text, JSON or CSV. */
#ifndef TVB_BENCH_H
#define TVB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of a clock that never goes back. */
uint64_t tvb_now(void);
/* Cycles a nanosecond, as a chain of instructions that each take one cycle shows it; 0 where that isn't known. */
double tvb_clock_ghz(void);

/* Of samples in any unit. p50 is the median; percentiles are samples (nearest rank), std is of the whole set. */
typedef struct tvb_stats {
    double p50, p95, p99, mean, min, std;
} tvb_stats;
/* n >= 1. Sorts the samples. */
tvb_stats tvb_stats_of(double *samples, size_t n);
/* Calls fn again and again for about `seconds`, after one call that isn't counted; statistics in nanoseconds a call.
 * A sample is as many calls as the clock needs to be exact. */
tvb_stats tvb_measure(void (*fn)(void *arg), void *arg, double seconds);

/* Memory aligned to TVIS_ARENA_ALIGN, filled with numbers between -1 and 1 that are the same in each run; free() it.
 * Ends the program with a message when there is none. */
float *tvb_floats(size_t n);

typedef enum tvb_format { TVB_TEXT, TVB_JSON, TVB_CSV } tvb_format;

/* A column: its key in JSON and CSV, and how it looks in text. */
typedef struct tvb_column {
    const char *key;
    const char *before, *after; /* text around the value, e.g. "m" and "us"; NULL: none */
    int width;                  /* of the value in text: positive right, negative left */
    int decimals;               /* of a number; -1: the column holds text */
} tvb_column;

/* Rows on stdout. In text, a line of keys comes first when no column has a text around its value. */
typedef struct tvb_table {
    const tvb_column *columns;
    size_t count, next, rows;
    tvb_format format;
} tvb_table;

/* Cells are written in the order of the columns; the last one ends its row. Columns outlive the table. */
void tvb_table_begin(tvb_table *t, tvb_format format, const tvb_column *columns, size_t count);
void tvb_text(tvb_table *t, const char *text);
void tvb_number(tvb_table *t, double value); /* NAN: unknown: "-" in text, null in JSON, nothing in CSV */
/* Ends the list. False when stdout could not be written. */
bool tvb_table_end(tvb_table *t);

#endif
