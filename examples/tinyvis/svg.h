/* SPDX-License-Identifier: MIT */
/* Charts as SVG, with colours from the page that they are in: classes a and b for two series, t text, m muted text, g
 * grid. */
#ifndef TINYVIS_TOOL_SVG_H
#define TINYVIS_TOOL_SVG_H

#include "text.h"

/* A straight scale from values to pixels. */
typedef struct svg_scale {
    double low, high; /* values */
    double from, to;  /* pixels; may run down */
    double step;      /* between two lines of the grid */
} svg_scale;

/* Limits that are multiples of 1, 2 or 5 times a power of ten, at least [low, high], with about `lines` steps. */
svg_scale svg_nice(double low, double high, int lines, double from, double to);
double svg_at(const svg_scale *s, double value);
/* Figures that a step of this scale needs, at most 6. */
int svg_decimals(const svg_scale *s);

void svg_begin(text_file *t, double width, double height, const char *title);
void svg_end(text_file *t);
/* anchor: "start", "middle" or "end". The text is escaped; over `most` characters of it are cut, 0: none. */
void svg_text(text_file *t, double x, double y, const char *class_name, const char *anchor, size_t most,
              const char *text);
void svg_line(text_file *t, double x1, double y1, double x2, double y2, const char *class_name);
/* With a tip that a browser shows; tip may be NULL. */
void svg_rect(text_file *t, double x, double y, double w, double h, const char *class_name, const char *tip);
void svg_circle(text_file *t, double x, double y, double r, const char *class_name, const char *tip);

typedef struct svg_bars {
    const char *title, *unit;
    const char *series[2]; /* NULL: one series only, without a legend */
    double width, label;   /* pixels; of these for the names on the left */
    int decimals;
    bool per_cent; /* values are shares of 1 */
} svg_bars;
typedef struct svg_bar {
    const char *name;
    double value[2]; /* below 0: none */
    double mark;     /* a whisker up to here on the second series, or the first if it is the only one; below 0: none */
} svg_bar;
/* Horizontal bars, one group a row. */
void svg_bar_chart(text_file *t, const svg_bars *c, const svg_bar *rows, size_t count);

#endif
