/* SPDX-License-Identifier: MIT */
#include "optimize_plots.h"

#include "svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 560, ROWS_MOST = 64 };

static const char *const before_after[2] = { "original", "last stage" };

quality plot_quality(const optimize *o)
{
    if (o->label_file)
        return (quality){ "top-1 accuracy", "%", stage_top1 };
    if (o->classifier)
        return (quality){ "same class as the original", "%", stage_agree };
    return (quality){ "SNR against the original", "dB", stage_snr };
}

/* ---- size and quality ---- */

typedef struct plane {
    svg_scale x, y;
    double cap; /* in place of a quality that is infinite */
} plane;

/* An SNR without noise is drawn a little over the others. */
static double shown(const plane *p, double value)
{
    return isfinite(value) ? value : p->cap;
}

static plane make_plane(const optimize *o, const quality *q)
{
    double low = (double)INFINITY, high = 0, largest = 0;
    for (uint32_t i = 0; i < o->stages; i++) {
        const double value = q->of(o, &o->stage[i]), mb = (double)o->stage[i].model.file.size / 1e6;
        low = isfinite(value) && value < low ? value : low;
        high = isfinite(value) && value > high ? value : high;
        largest = mb > largest ? mb : largest;
    }
    plane p = { .cap = isfinite(low) ? high + 10 : 100 };
    for (uint32_t i = 0; i < o->stages; i++)
        high = fmax(high, shown(&p, q->of(o, &o->stage[i])));
    low = isfinite(low) ? low : 0;
    const double room = fmax((high - low) * 0.25, strcmp(q->unit, "%") == 0 ? 2 : 1);
    high = strcmp(q->unit, "%") == 0 ? fmin(high + room, 100) : high + room;
    p.x = svg_nice(0, largest * 1.12, 5, 64, HALF - 20);
    p.y = svg_nice(fmax(low - room, 0), high, 5, 276, 26);
    return p;
}

static void axes(text_file *t, const plane *p, const quality *q)
{
    char text[80];
    const int columns = (int)lround((p->x.high - p->x.low) / p->x.step),
              lines = (int)lround((p->y.high - p->y.low) / p->y.step);
    for (int i = 0; i <= lines; i++) {
        const double value = p->y.low + i * p->y.step;
        (void)snprintf(text, sizeof text, "%.*f", svg_decimals(&p->y), value);
        svg_line(t, 64, svg_at(&p->y, value), HALF - 20, svg_at(&p->y, value), i ? "g" : "x");
        svg_text(t, 56, svg_at(&p->y, value) + 4, "m", "end", 0, text);
    }
    for (int i = 0; i <= columns; i++) {
        const double value = p->x.low + i * p->x.step;
        (void)snprintf(text, sizeof text, "%.*f", svg_decimals(&p->x), value);
        svg_text(t, svg_at(&p->x, value), 294, "m", "middle", 0, text);
    }
    (void)snprintf(text, sizeof text, "%s, %s", q->name, q->unit);
    svg_text(t, 12, 14, "m", "start", 0, text);
    svg_text(t, HALF - 20, 312, "m", "end", 0, "file, MB");
}

void plot_size_quality(text_file *t, const optimize *o)
{
    const quality q = plot_quality(o);
    const plane p = make_plane(o, &q);
    svg_begin(t, HALF, 320, "Size of the file and quality of the answers");
    axes(t, &p, &q);
    for (uint32_t i = 1; i < o->stages; i++) {
        const stage *a = &o->stage[i - 1], *b = &o->stage[i];
        svg_line(t, svg_at(&p.x, (double)a->model.file.size / 1e6), svg_at(&p.y, shown(&p, q.of(o, a))),
                 svg_at(&p.x, (double)b->model.file.size / 1e6), svg_at(&p.y, shown(&p, q.of(o, b))), "p");
    }
    for (uint32_t i = 0; i < o->stages; i++) {
        char tip[160], number[16];
        const stage *s = &o->stage[i];
        const double x = svg_at(&p.x, (double)s->model.file.size / 1e6), y = svg_at(&p.y, shown(&p, q.of(o, s)));
        (void)snprintf(tip, sizeof tip, "%.80s: %.3f MB, %.2f %s", s->text, (double)s->model.file.size / 1e6,
                       q.of(o, s), q.unit);
        svg_circle(t, x, y, 10, i + 1 == o->stages ? "b" : "a", tip);
        (void)snprintf(number, sizeof number, "%u", (unsigned)i);
        svg_text(t, x, y + 4, "n", "middle", 0, number);
        svg_text(t, x > HALF * 0.62 ? x - 15 : x + 15, i % 2 ? y + 18 : y - 10, "t", x > HALF * 0.62 ? "end" : "start",
                 34, s->text);
    }
    svg_end(t);
}

/* ---- bars ---- */

void plot_latency(text_file *t, const optimize *o)
{
    svg_bar rows[STAGES_MOST];
    const svg_bars c = { "p50", "ms", { NULL, NULL }, HALF, 190, 3, false };
    for (uint32_t i = 0; i < o->stages; i++)
        rows[i] = (svg_bar){ o->stage[i].text, { o->stage[i].time.p50, -1 }, o->stage[i].time.p95 };
    svg_bar_chart(t, &c, rows, o->stages);
}

void plot_files(text_file *t, const optimize *o)
{
    svg_bar rows[STAGES_MOST];
    const svg_bars c = { "file", "MB", { NULL, NULL }, HALF, 190, 3, false };
    for (uint32_t i = 0; i < o->stages; i++)
        rows[i] = (svg_bar){ o->stage[i].text, { (double)o->stage[i].model.file.size / 1e6, -1 }, -1 };
    svg_bar_chart(t, &c, rows, o->stages);
}

void plot_batches(text_file *t, const optimize *o)
{
    svg_bar rows[BATCHES_MOST];
    char names[BATCHES_MOST][24];
    const svg_bars c = { "pictures a second", "pictures/s", { before_after[0], before_after[1] }, HALF, 80, 1, false };
    for (uint32_t i = 0; i < o->batches; i++) {
        const batch_row *b = &o->batch_time[i];
        (void)snprintf(names[i], sizeof names[i], "batch %u", (unsigned)b->n);
        rows[i] = (svg_bar){ names[i], { b->n * 1000 / b->time[0].p50, b->n * 1000 / b->time[1].p50 }, -1 };
    }
    svg_bar_chart(t, &c, rows, o->batches);
}

static double weight_of(const svg_bar *r)
{
    return fmax(r->value[0], r->value[1]);
}

static int largest_first(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Leaves the largest, in their order. */
static uint32_t keep_largest(svg_bar *rows, uint32_t count, double *sorted)
{
    uint32_t kept = 0;
    if (count <= ROWS_MOST)
        return count;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = weight_of(&rows[i]);
    qsort(sorted, count, sizeof *sorted, largest_first);
    for (uint32_t i = 0; i < count && kept < ROWS_MOST; i++)
        if (weight_of(&rows[i]) >= sorted[ROWS_MOST - 1])
            rows[kept++] = rows[i];
    return kept;
}

typedef svg_bar (*row_of)(const optimize *o, uint32_t i);

static uint32_t plot_layers(text_file *t, const optimize *o, const svg_bars *c, uint32_t count, row_of of)
{
    svg_bar *rows = calloc((size_t)count + 1, sizeof *rows);
    double *sorted = calloc((size_t)count + 1, sizeof *sorted);
    uint32_t kept = 0;
    t->failed = t->failed || !rows || !sorted;
    for (uint32_t i = 0; rows && i < count; i++)
        rows[i] = of(o, i);
    if (rows && sorted) {
        kept = keep_largest(rows, count, sorted);
        svg_bar_chart(t, c, rows, kept);
    }
    free(rows);
    free(sorted);
    return count - kept;
}

static svg_bar time_row(const optimize *o, uint32_t i)
{
    return (svg_bar){ o->span[i].name, { o->span[i].ms[0], o->span[i].ms[1] }, -1 };
}

static svg_bar size_row(const optimize *o, uint32_t i)
{
    const layer_row *l = &o->layer[i];
    return (svg_bar){ l->name, { l->bytes[0] / 1e3, l->bytes[1] / 1e3 }, -1 };
}

static svg_bar sparsity_row(const optimize *o, uint32_t i)
{
    const layer_row *l = &o->layer[i];
    return (svg_bar){ l->name, { l->bytes[0] < 0 ? -1 : l->sparsity[0], l->bytes[1] < 0 ? -1 : l->sparsity[1] }, -1 };
}

uint32_t plot_layer_time(text_file *t, const optimize *o)
{
    const svg_bars c = { "Time of layers", "ms", { before_after[0], before_after[1] }, HALF, 180, 4, false };
    return plot_layers(t, o, &c, o->spans, time_row);
}

uint32_t plot_layer_size(text_file *t, const optimize *o)
{
    const svg_bars c = { "Size of layers", "kB", { before_after[0], before_after[1] }, HALF, 180, 1, false };
    return plot_layers(t, o, &c, o->layers, size_row);
}

uint32_t plot_layer_sparsity(text_file *t, const optimize *o)
{
    const svg_bars c = { "Zeros among the weights", "%", { before_after[0], before_after[1] }, HALF, 180, 1, true };
    return plot_layers(t, o, &c, o->layers, sparsity_row);
}
