/* SPDX-License-Identifier: MIT */
/* report.html: one file, no script, nothing from elsewhere, light and dark. */
#include "optimize_plots.h"
#include "print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>";
static const char style[] =
    "</title>\n<style>\n"
    ":root{color-scheme:light "
    "dark;--page:#f5f6f8;--card:#fff;--text:#1b1f24;--muted:#667080;--line:#e3e6ea;--axis:#aab2bd;"
    "--a:#9aa5b4;--b:#1f6feb;--good:#1a7f37;--goodbg:#dff5e3;--bad:#b42318;--badbg:#fde4e1}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#0f1318;--card:#181d24;--text:#e6e9ee;--muted:#98a2b0;--line:#"
    "2a313b;"
    "--axis:#56606d;--a:#6c7786;--b:#58a6ff;--good:#56d364;--goodbg:#12351c;--bad:#ff8a80;--badbg:#3f1a18}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--text);font:14px/1.45 system-ui,-apple-system,\"Segoe UI\",Roboto,"
    "\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1240px;margin:0 auto;padding:28px 20px 48px}\n"
    "h1{font-size:26px;margin:0 0 4px;letter-spacing:-.01em}h2{font-size:16px;margin:0 0 10px}\n"
    "p{margin:4px 0 10px}.muted,.note{color:var(--muted)}.note{font-size:12.5px;margin:8px 0 0}\n"
    "code{font:12.5px ui-monospace,SFMono-Regular,Menlo,\"DejaVu Sans Mono\",monospace;overflow-wrap:anywhere}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin-top:16px;"
    "overflow-x:auto}\n"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));gap:16px}.two "
    ".card{min-width:0}\n"
    ".two{align-items:start}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin-top:18px}\n"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}\n"
    ".tile b{display:block;font-size:23px;font-weight:650;letter-spacing:-.01em;white-space:nowrap}\n"
    ".tile i{font-style:normal;color:var(--muted);font-size:12.5px}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th{font-weight:600;color:var(--muted);font-size:12px;text-align:right;padding:4px 8px;border-bottom:1px solid "
    "var(--line);vertical-align:bottom}\n"
    "td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--line);white-space:nowrap}\n"
    "tr:last-child td{border-bottom:0}th:first-child,td:first-child,.l{text-align:left}td small{color:var(--muted)}\n"
    ".two-lines small{display:block;line-height:1.1}.two-lines td,.two-lines th{padding-left:5px;padding-right:5px}\n"
    ".ok,.no{border-radius:999px;padding:1px 10px;font-weight:600;font-size:12.5px}\n"
    ".ok{color:var(--good);background:var(--goodbg)}.no{color:var(--bad);background:var(--badbg)}\n"
    "svg{display:block;width:100%;height:auto;font:11px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu "
    "Sans\",sans-serif}\n"
    "svg .a{fill:var(--a)}svg .b{fill:var(--b)}svg .t{fill:var(--text)}svg .m{fill:var(--muted)}\n"
    "svg .n{fill:#fff;font-weight:700}svg .g{stroke:var(--line)}svg .x{stroke:var(--axis)}\n"
    "svg .w{stroke:var(--text);stroke-width:1.4}svg .p{stroke:var(--b);stroke-width:2;stroke-dasharray:2 5;"
    "stroke-linecap:round}\n"
    "summary{cursor:pointer;font-weight:600}dl{display:grid;grid-template-columns:max-content 1fr;gap:4px "
    "18px;margin:0}\n"
    "dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}\n"
    "@media print{body{background:#fff}.card{break-inside:avoid}}\n"
    "</style></head><body><main>\n";

/* ---- small parts ---- */

static void element(text_file *t, const char *open, const char *text, const char *close)
{
    text_put(t, open);
    text_put_escaped(t, text);
    text_put(t, close);
}

/* "-34.2 %" of the original, nothing for the original itself. */
static void change(text_file *t, double from, double to)
{
    if (from > 0 && isfinite(to))
        text_add(t, " <small>%+.1f&nbsp;%%</small>", 100 * (to / from - 1));
}

static void cell(text_file *t, double x, int decimals)
{
    text_put(t, "<td>");
    if (isnan(x))
        text_put(t, "&ndash;");
    else if (isinf(x))
        text_put(t, "equal");
    else
        text_add(t, "%.*f", decimals, x);
    text_put(t, "</td>");
}

/* With the original's below it. */
static void cell_was(text_file *t, double x, double was, int decimals)
{
    text_add(t, "<td>%.*f<small>was %.*f</small></td>", decimals, x, decimals, was);
}

static void headings(text_file *t, const char *const *names)
{
    for (; *names; names++)
        element(t, "<th>", *names, "</th>");
}

static void begin_table(text_file *t, const char *const *names)
{
    text_put(t, "<table><thead><tr>");
    headings(t, names);
    text_put(t, "</tr></thead><tbody>\n");
}

static void card(text_file *t, const char *title)
{
    element(t, "<section class=\"card\"><h2>", title, "</h2>\n");
}

static void end_card(text_file *t, const char *note)
{
    if (note)
        element(t, "<p class=\"note\">", note, "</p>");
    text_put(t, "</section>\n");
}

static void left_out(text_file *t, uint32_t count)
{
    if (count)
        text_add(t, "<p class=\"note\">%u smaller ones are in report.json only.</p>", (unsigned)count);
}

/* ---- the top of the page ---- */

static void tile(text_file *t, const char *name, const char *value, const char *was, double from, double to)
{
    element(t, "<div class=\"tile\"><i>", name, "</i>");
    element(t, "<b>", value, "</b><i>");
    if (was)
        element(t, "was ", was, "");
    if (from > 0)
        text_add(t, ", %+.1f&nbsp;%%", 100 * (to / from - 1));
    text_put(t, "</i></div>\n");
}

static const char *ms_text(char *text, size_t size, double ms)
{
    (void)snprintf(text, size, ms < 10 ? "%.3f ms" : "%.1f ms", ms);
    return text;
}

static void quality_tile(text_file *t, const optimize *o)
{
    char now[48], was[48];
    const quality q = plot_quality(o);
    const double from = q.of(o, &o->stage[0]), to = q.of(o, optimize_last(o));
    (void)snprintf(now, sizeof now, isfinite(to) ? "%.2f %s" : "equal", to, q.unit);
    if (o->label_file)
        (void)snprintf(was, sizeof was, "%.2f %s, %+.2f points", from, q.unit, to - from);
    else
        (void)snprintf(was, sizeof was, "%zu %s", o->answered, o->answers_on);
    element(t, "<div class=\"tile\"><i>", q.name, "</i>");
    element(t, "<b>", now, "</b><i>");
    element(t, o->label_file ? "was " : "on ", was, "</i></div>\n");
}

static void tiles(text_file *t, const optimize *o)
{
    char now[48], was[48];
    const stage *a = &o->stage[0], *b = optimize_last(o);
    text_put(t, "<div class=\"tiles\">\n");
    const double size[2] = { (double)a->model.file.size, (double)b->model.file.size };
    tile(t, "file", print_bytes(size[1]), print_bytes(size[0]), size[0], size[1]);
    tile(t, "latency, p50", ms_text(now, sizeof now, b->time.p50), ms_text(was, sizeof was, a->time.p50), a->time.p50,
         b->time.p50);
    quality_tile(t, o);
    tile(t, "arena", print_bytes((double)b->arena_bytes), print_bytes((double)a->arena_bytes), (double)a->arena_bytes,
         (double)b->arena_bytes);
    const double rss[2] = { (double)a->peak_rss_kb * 1024, (double)b->peak_rss_kb * 1024 };
    tile(t, "peak RSS", print_bytes(rss[1]), print_bytes(rss[0]), rss[0], rss[1]);
    tile(t, "parameters, not zero", print_count((double)b->weights.nonzero), print_count((double)a->weights.nonzero),
         (double)a->weights.nonzero, (double)b->weights.nonzero);
    text_put(t, "</div>\n");
}

static void title(text_file *t, const optimize *o)
{
    const loaded *l = &o->stage[0].model;
    char date[40];
    text_put(t, head);
    text_put_escaped(t, l->info.arch);
    text_put(t, ": tinyvis optimize");
    text_put(t, style);
    element(t, "<header><h1>", l->info.arch, " <span class=\"muted\">optimized</span></h1>\n<p class=\"muted\">");
    for (uint32_t i = 1; i < o->stages; i++)
        element(t, i > 1 ? " &rarr; <code>" : "<code>", o->stage[i].text, "</code>");
    text_add(t, " &middot; input %u&times;%u&times;%u", l->info.h, l->info.w, l->info.c);
    if (l->info.classes)
        text_add(t, ", %u classes", (unsigned)l->info.classes);
    text_add(t, " &middot; %s</p></header>\n", machine_date(date, sizeof date));
}

/* ---- tables ---- */

static void goal_number(text_file *t, const goal *g, double x)
{
    const char *unit = goal_unit(g->measure);
    text_put(t, "<td>");
    if (!isfinite(x))
        text_put(t, isnan(x) ? "&ndash;" : "equal");
    else if (strcmp(unit, "bytes") == 0)
        text_put(t, print_bytes(x));
    else if (*unit == '\0')
        text_put(t, print_count(x));
    else
        text_add(t, "%.*f %s", strcmp(unit, "ms") == 0 ? 3 : 2, x, unit);
    text_put(t, "</td>");
}

static void goals_table(text_file *t, const optimize *o)
{
    static const char *const names[] = { "goal", "limit", "reached", "", NULL };
    uint32_t passed = 0;
    char heading[60];
    if (o->goals.count == 0)
        return;
    for (uint32_t i = 0; i < o->goals.count; i++)
        passed += o->goals.goal[i].pass;
    (void)snprintf(heading, sizeof heading, "Goals: %u of %u reached", (unsigned)passed, (unsigned)o->goals.count);
    card(t, heading);
    begin_table(t, names);
    for (uint32_t i = 0; i < o->goals.count; i++) {
        const goal *g = &o->goals.goal[i];
        element(t, "<tr><td><code>", g->text, "</code></td>");
        goal_number(t, g, g->target);
        goal_number(t, g, g->value);
        text_put(t, g->pass ? "<td><span class=\"ok\">&#10003; pass</span></td></tr>\n"
                            : "<td><span class=\"no\">&#10007; fail</span></td></tr>\n");
    }
    text_put(t, "</tbody></table>");
    end_card(t, NULL);
}

static void stage_row(text_file *t, const optimize *o, uint32_t i)
{
    const stage *s = &o->stage[i], *from = &o->stage[0];
    text_add(t, "<tr><td>%u&ensp;<code>", (unsigned)i);
    text_put_escaped(t, s->text);
    text_add(t, "</code></td><td>%s", print_bytes((double)s->model.file.size));
    change(t, i ? (double)from->model.file.size : 0, (double)s->model.file.size);
    text_add(t, "</td><td>%s<small>of %s</small></td><td>%.1f&nbsp;%%</td><td>%s",
             print_count((double)s->weights.nonzero), print_count((double)s->model.info.params),
             100 * stage_sparsity(s), print_count((double)s->macs));
    change(t, i && s->macs != from->macs ? (double)from->macs : 0, (double)s->macs);
    text_add(t, "</td><td>%s</td><td>%.1f MB</td><td>%.3f", print_bytes((double)s->arena_bytes),
             (double)s->peak_rss_kb * 1024e-6, s->time.p50);
    change(t, i ? from->time.p50 : 0, s->time.p50);
    text_add(t, "</td><td>%.3f<small>%.3f</small></td><td>%.3f<small>&plusmn;&nbsp;%.3f</small></td>", s->time.p95,
             s->time.p99, s->time.mean, s->time.std);
    text_add(t, "<td>%.3f<small>%.3f</small></td>", s->time.min, s->cpu_ms);
    cell(t, stage_throughput(s), 1);
    if (o->label_file) {
        cell(t, stage_top1(o, s), 2);
        cell(t, stage_top5(o, s), 2);
    }
    cell(t, stage_agree(o, s), 2);
    cell(t, stage_snr(o, s), 2);
    text_put(t, "</tr>\n");
}

static void stages_table(text_file *t, const optimize *o)
{
    static const char *const names[] = { "stage",    "file",     "not zero", "zeros",    "MACs",
                                         "arena",    "peak RSS", "p50 ms",   "p95, p99", "mean \xc2\xb1 std",
                                         "min, cpu", "pict./s",  NULL };
    static const char *const with_labels[] = { "top-1 %", "top-5 %", NULL };
    static const char *const always[] = { "agree %", "SNR dB", NULL };
    card(t, "Stages");
    text_put(t, "<table class=\"two-lines\"><thead><tr>");
    headings(t, names);
    if (o->label_file)
        headings(t, with_labels);
    headings(t, always);
    text_put(t, "</tr></thead><tbody>\n");
    for (uint32_t i = 0; i < o->stages; i++)
        stage_row(t, o, i);
    text_add(
        t, "</tbody></table><p class=\"note\">Times of %zu runs of one picture with %u thread%s, the stages in turns. ",
        o->runs, (unsigned)o->threads, o->threads == 1 ? "" : "s");
    text_add(t, "Answers on %zu %s. Zeros: of the weights of convolutions and linear layers. ", o->answered,
             o->answers_on);
    text_put(t, "Peak RSS: a process that loads the model and runs it twice, counted by the kernel.</p>");
    end_card(t, NULL);
}

static void batch_table(text_file *t, const optimize *o)
{
    static const char *const names[] = { "batch", "p50 ms", "p95 ms", "cpu ms", "pictures/s", "arena", NULL };
    text_put(t, "<table class=\"two-lines\"><thead><tr>");
    headings(t, names);
    text_put(t, "</tr></thead><tbody>\n");
    for (uint32_t i = 0; i < o->batches; i++) {
        const batch_row *b = &o->batch_time[i];
        text_add(t, "<tr><td>%u</td>", (unsigned)b->n);
        cell_was(t, b->time[1].p50, b->time[0].p50, 3);
        cell_was(t, b->time[1].p95, b->time[0].p95, 3);
        cell_was(t, b->cpu_ms[1], b->cpu_ms[0], 3);
        cell_was(t, b->n * 1000 / b->time[1].p50, b->n * 1000 / b->time[0].p50, 1);
        text_add(t, "<td>%s<small>was %s</small></td></tr>\n", print_bytes((double)b->arena_bytes[1]),
                 print_bytes((double)b->arena_bytes[0]));
    }
    text_put(t, "</tbody></table>");
}

static void operators_table(text_file *t, const char *title_text, const profile *p)
{
    static const char *const names[] = { "operator", "nodes", "ms", "share", "MACs", "GMAC/s", "bytes", NULL };
    card(t, title_text);
    begin_table(t, names);
    for (uint32_t i = 0; i < p->ops; i++) {
        const op_time *op = &p->op[i];
        element(t, "<tr><td><code>", op->op, "</code></td>");
        text_add(t, "<td>%u</td><td>%.4f</td><td>%.1f&nbsp;%%</td><td>%s</td><td>%.1f</td><td>%s</td></tr>\n",
                 (unsigned)op->nodes, op->ms, 100 * profile_share(p, op->ms), print_count((double)op->macs),
                 op->ms > 0 ? (double)op->macs / op->ms * 1e-6 : 0, print_bytes((double)op->bytes));
    }
    text_add(t, "</tbody></table><p class=\"note\">Measured peaks: %.1f GB/s", p->peak.bytes * 1e-6);
    for (uint32_t i = 0; i < p->peak.count; i++)
        text_add(t, ", %s %.0f GMAC/s", p->peak.precision[i], p->peak.macs[i] * 1e-6);
    text_put(t, "</p>");
    end_card(t, NULL);
}

static void nodes_table(text_file *t, const char *title_text, const profile *p)
{
    static const char *const names[] = { "node",   "operator", "precision", "ms",      "share",  "MACs",
                                         "GMAC/s", "bytes",    "bound by",  "of roof", "kernel", NULL };
    char note[80];
    element(t, "<section class=\"card\"><details><summary>", title_text, "</summary>\n");
    begin_table(t, names);
    for (uint32_t i = 0; i < p->nodes; i++) {
        const node_time *n = &p->node[i];
        element(t, "<tr><td><code>", n->info.name, "</code></td>");
        element(t, "<td>", n->info.op, "</td>");
        text_add(t,
                 "<td>%s</td><td>%.4f</td><td>%.1f&nbsp;%%</td><td>%s</td><td>%.1f</td><td>%s</td><td>%s</"
                 "td><td>%.0f&nbsp;%%</td>",
                 n->precision, n->ms, 100 * profile_share(p, n->ms), print_count((double)n->info.macs),
                 n->ms > 0 ? (double)n->info.macs / n->ms * 1e-6 : 0, print_bytes((double)n->info.bytes),
                 n->memory_bound ? "memory" : "compute", 100 * n->of_roof);
        element(t, "<td><code>", n->info.kernel, "</code>");
        if (profile_note(n, note, sizeof note))
            element(t, " <small>", note, "</small>");
        text_put(t, "</td></tr>\n");
    }
    text_put(t, "</tbody></table></details></section>\n");
}

/* ---- the page ---- */

static void charts(text_file *t, const optimize *o)
{
    text_put(t, "<div class=\"two\">");
    card(t, "Size and answers");
    plot_size_quality(t, o);
    end_card(t, NULL);
    text_put(t, "<div>");
    card(t, "Latency");
    plot_latency(t, o);
    end_card(t, "Bars: the median. Whiskers: up to the 95th percentile.");
    card(t, "File");
    plot_files(t, o);
    end_card(t, NULL);
    text_put(t, "</div></div>");
}

static void layers(text_file *t, const optimize *o)
{
    text_put(t, "<div class=\"two\">");
    card(t, "Time of layers");
    left_out(t, plot_layer_time(t, o));
    end_card(
        t, "As planning runs them; a line goes from the end of the one before it to where a node ends in both models.");
    card(t, "Bytes of layers");
    left_out(t, plot_layer_size(t, o));
    end_card(t, NULL);
    text_put(t, "</div><div class=\"two\">");
    card(t, "Zeros among the weights");
    left_out(t, plot_layer_sparsity(t, o));
    end_card(t, "Integers that were rounded to 0 count too.");
    text_put(t, "<div>");
    card(t, "Pictures at a time");
    plot_batches(t, o);
    batch_table(t, o);
    end_card(t, NULL);
    operators_table(t, "Operators, last stage", &o->profile[1]);
    operators_table(t, "Operators, original", &o->profile[0]);
    text_put(t, "</div></div>");
}

static void environment(text_file *t, const optimize *o)
{
    char text[160];
    card(t, "How this was made");
    element(t, "<dl><dt>command</dt><dd><code>", o->command, "</code></dd>");
    element(t, "<dt>processor</dt><dd>", machine_name(text, sizeof text), "</dd>");
    element(t, "<dt>date</dt><dd>", machine_date(text, sizeof text), "</dd>");
    text_add(t, "<dt>version</dt><dd>tinyvis %d.%d.%d</dd>", TVIS_VERSION_MAJOR, TVIS_VERSION_MINOR,
             TVIS_VERSION_PATCH);
    for (uint32_t i = 0; i < o->stages; i++) {
        text_add(t, "<dt>model %u</dt><dd><code>", (unsigned)i);
        text_put_escaped(t, o->stage[i].path);
        text_put(t, "</code></dd>");
    }
    text_put(t, "</dl>");
    end_card(t, NULL);
}

tvis_status optimize_html(const optimize *o, const char *path, tvis_diag *d)
{
    text_file t = { 0 };
    title(&t, o);
    tiles(&t, o);
    goals_table(&t, o);
    charts(&t, o);
    stages_table(&t, o);
    layers(&t, o);
    nodes_table(&t, "Every node, last stage", &o->profile[1]);
    nodes_table(&t, "Every node, original", &o->profile[0]);
    environment(&t, o);
    text_put(&t, "</main></body></html>\n");
    return text_write(&t, path, d);
}
