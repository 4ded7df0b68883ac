/* SPDX-License-Identifier: MIT */
#include "svg.h"

#include <math.h>
#include <stdio.h>

svg_scale svg_nice(double low, double high, int lines, double from, double to)
{
    static const double steps[] = { 1, 2, 5, 10 };
    if (!isfinite(low) || !isfinite(high) || high < low)
        low = high = 0;
    if (high - low < 1e-12 * fabs(high) || high - low <= 0)
        high = low + (fabs(low) > 0 ? fabs(low) / 10 : 1);
    const double rough = (high - low) / lines, power = pow(10, floor(log10(rough)));
    int i = 0;
    while (i < 3 && steps[i] * power < rough * 0.999)
        i++;
    const double step = steps[i] * power;
    return (svg_scale){ floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, from, to, step };
}

double svg_at(const svg_scale *s, double value)
{
    return s->from + (value - s->low) / (s->high - s->low) * (s->to - s->from);
}

int svg_decimals(const svg_scale *s)
{
    const double n = ceil(-log10(s->step) - 1e-9);
    return n < 0 ? 0 : n > 6 ? 6 : (int)n;
}

void svg_begin(text_file *t, double width, double height, const char *title)
{
    text_add(t, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>", width, height);
    text_put_escaped(t, title);
    text_put(t, "</title>\n");
}

void svg_end(text_file *t)
{
    text_put(t, "</svg>\n");
}

/* Bytes of the first `most` characters. */
static size_t cut(const char *text, size_t most)
{
    size_t at = 0;
    for (size_t n = 0; text[at] && n < most; n++) {
        const size_t length = text_utf8(text + at);
        at += length ? length : 1;
    }
    return at;
}

void svg_text(text_file *t, double x, double y, const char *class_name, const char *anchor, size_t most,
              const char *text)
{
    char part[200];
    text_add(t, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class_name, anchor);
    const size_t n = most ? cut(text, most) : 0;
    if (most && text[n] && n < sizeof part) {
        (void)snprintf(part, sizeof part, "%.*s", (int)cut(text, most - 1), text);
        text_put_escaped(t, part);
        text_put(t, "&#8230;");
    } else {
        text_put_escaped(t, text);
    }
    text_put(t, "</text>\n");
}

void svg_line(text_file *t, double x1, double y1, double x2, double y2, const char *class_name)
{
    text_add(t, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2, class_name);
}

static void finish(text_file *t, const char *name, const char *tip)
{
    if (!tip) {
        text_put(t, "/>\n");
        return;
    }
    text_put(t, "><title>");
    text_put_escaped(t, tip);
    text_add(t, "</title></%s>\n", name);
}

void svg_rect(text_file *t, double x, double y, double w, double h, const char *class_name, const char *tip)
{
    text_add(t, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\" class=\"%s\"", x, y,
             w > 0 ? w : 0, h, h > 8 && w > 4 ? 2.0 : 0.0, class_name);
    finish(t, "rect", tip);
}

void svg_circle(text_file *t, double x, double y, double r, const char *class_name, const char *tip)
{
    text_add(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" class=\"%s\"", x, y, r, class_name);
    finish(t, "circle", tip);
}

/* ---- horizontal bars ---- */

enum { TOP = 26, AXIS = 24, LABEL_CHARACTER = 6 };

static double longest(const svg_bar *rows, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, fmax(rows[i].value[0], rows[i].value[1]));
        most = fmax(most, rows[i].mark);
    }
    return most;
}

static void grid(text_file *t, const svg_bars *c, const svg_scale *x, double bottom)
{
    char text[48];
    const int lines = (int)lround((x->high - x->low) / x->step);
    for (int i = 0; i <= lines; i++) {
        const double value = x->low + i * x->step;
        if (c->per_cent)
            (void)snprintf(text, sizeof text, "%.0f %%", 100 * value);
        else
            (void)snprintf(text, sizeof text, "%.*f%s%s", svg_decimals(x), value, i == lines ? " " : "",
                           i == lines ? c->unit : "");
        svg_line(t, svg_at(x, value), TOP - 4, svg_at(x, value), bottom, i ? "g" : "x");
        svg_text(t, svg_at(x, value), bottom + 15, "m", i == lines ? "end" : "middle", 0, text);
    }
}

static void legend(text_file *t, const svg_bars *c)
{
    double x = c->label;
    for (int i = 0; i < 2 && c->series[0]; i++) {
        svg_rect(t, x, 5, 11, 11, i ? "b" : "a", NULL);
        svg_text(t, x + 16, 14.5, "t", "start", 0, c->series[i]);
        x += 40 + 7.0 * (double)cut(c->series[i], 40);
    }
}

static void row_of(text_file *t, const svg_bars *c, const svg_scale *x, const svg_bar *r, double y, double thick)
{
    char tip[200];
    const int bars = c->series[0] ? 2 : 1;
    svg_text(t, c->label - 8, y + thick * bars / 2 + 4, "t", "end", (size_t)(c->label / LABEL_CHARACTER), r->name);
    for (int i = 0; i < bars; i++) {
        if (r->value[i] < 0)
            continue;
        (void)snprintf(tip, sizeof tip, "%.80s, %.40s: %.*f %s", r->name, c->series[0] ? c->series[i] : c->title,
                       c->decimals, c->per_cent ? 100 * r->value[i] : r->value[i], c->per_cent ? "%" : c->unit);
        svg_rect(t, svg_at(x, 0), y + i * thick, svg_at(x, r->value[i]) - svg_at(x, 0), thick - 1.5,
                 bars == 1 || i ? "b" : "a", tip);
    }
    if (r->mark >= 0) {
        const double middle = y + (bars - 1) * thick + (thick - 1.5) / 2, from = r->value[bars - 1];
        svg_line(t, svg_at(x, from), middle, svg_at(x, r->mark), middle, "w");
        svg_line(t, svg_at(x, r->mark), middle - 4, svg_at(x, r->mark), middle + 4, "w");
    }
}

void svg_bar_chart(text_file *t, const svg_bars *c, const svg_bar *rows, size_t count)
{
    const int bars = c->series[0] ? 2 : 1;
    const double thick = count > 24 ? 7 : count > 10 ? 9 : bars == 1 ? 18 : 11;
    const double each = thick * bars + (count > 24 ? 4 : 8);
    const double bottom = TOP + each * (double)count;
    const svg_scale x =
        svg_nice(0, c->per_cent ? fmax(longest(rows, count), 0.01) : longest(rows, count), 5, c->label, c->width - 30);
    svg_begin(t, c->width, bottom + AXIS, c->title);
    legend(t, c);
    grid(t, c, &x, bottom);
    for (size_t i = 0; i < count; i++)
        row_of(t, c, &x, &rows[i], TOP + each * (double)i + 2, thick);
    svg_end(t);
}
