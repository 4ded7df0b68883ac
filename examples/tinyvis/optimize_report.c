/* SPDX-License-Identifier: MIT */
/* What an optimization came to: report.json, report.csv, a table. */
#include "fail.h"
#include "optimize.h"
#include "print.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ORDER GOAL */
static void values_of(const optimize *o, const stage *s, double *v)
{
    v[GOAL_SIZE] = (double)s->model.file.size;
    v[GOAL_PARAMS] = (double)s->weights.nonzero;
    v[GOAL_MACS] = (double)s->macs;
    v[GOAL_ARENA] = (double)s->arena_bytes;
    v[GOAL_RSS] = (double)s->peak_rss_kb * 1024;
    v[GOAL_LATENCY] = s->time.p50;
    v[GOAL_P95] = s->time.p95;
    v[GOAL_CPU] = s->cpu_ms;
    v[GOAL_THROUGHPUT] = stage_throughput(s);
    v[GOAL_ACCURACY] = stage_top1(o, s);
    v[GOAL_TOP5] = stage_top5(o, s);
    v[GOAL_AGREE] = stage_agree(o, s);
    v[GOAL_SNR] = stage_snr(o, s);
}

static void json_stage(json *j, const optimize *o, const stage *s)
{
    json_object(j, NULL, true);
    json_string(j, "name", s->text);
    json_string(j, "file", s->path);
    json_integer(j, "file_bytes", s->model.file.size);
    json_integer(j, "params", s->model.info.params);
    json_integer(j, "nonzero_params", s->weights.nonzero);
    json_number(j, "sparsity", stage_sparsity(s));
    json_integer(j, "macs", s->macs);
    json_integer(j, "arena_bytes", s->arena_bytes);
    json_integer(j, "pack_bytes", s->pack_bytes);
    json_integer(j, "peak_rss_kb", s->peak_rss_kb);
    stats_json(j, &s->time);
    json_number(j, "cpu_ms", s->cpu_ms);
    json_number(j, "throughput", stage_throughput(s));
    json_number(j, "top1", stage_top1(o, s));
    json_number(j, "top5", stage_top5(o, s));
    json_number(j, "agree", stage_agree(o, s));
    json_number(j, "snr_db", stage_snr(o, s));
    weights_json(j, "weight_bytes", &s->weights);
    json_number(j, "seconds", s->seconds);
    json_end(j);
}

static void json_batch(json *j, const batch_row *b)
{
    const double p50[2] = { b->time[0].p50, b->time[1].p50 };
    json_object(j, NULL, false);
    json_integer(j, "n", b->n);
    json_number(j, "p50_ms", p50[1]);
    json_number(j, "p95_ms", b->time[1].p95);
    json_number(j, "cpu_ms", b->cpu_ms[1]);
    json_number(j, "throughput", p50[1] > 0 ? b->n * 1000 / p50[1] : 0);
    json_integer(j, "arena_bytes", b->arena_bytes[1]);
    json_number(j, "p50_ms_before", p50[0]);
    json_number(j, "cpu_ms_before", b->cpu_ms[0]);
    json_number(j, "throughput_before", p50[0] > 0 ? b->n * 1000 / p50[0] : 0);
    json_integer(j, "arena_bytes_before", b->arena_bytes[0]);
    json_end(j);
}

static void json_goal(json *j, const goal *g)
{
    json_object(j, NULL, false);
    json_string(j, "name", goal_name(g->measure));
    json_string(j, "goal", g->text);
    json_number(j, "target", g->target);
    json_number(j, "value", g->value);
    json_string(j, "unit", goal_unit(g->measure));
    json_bool(j, "pass", g->pass);
    json_end(j);
}

static void json_layer(json *j, const layer_row *l)
{
    json_object(j, NULL, false);
    json_string(j, "name", l->name);
    json_number(j, "bytes_before", l->bytes[0] < 0 ? (double)NAN : l->bytes[0]);
    json_number(j, "bytes", l->bytes[1] < 0 ? (double)NAN : l->bytes[1]);
    json_number(j, "sparsity_before", l->bytes[0] < 0 ? (double)NAN : l->sparsity[0]);
    json_number(j, "sparsity", l->bytes[1] < 0 ? (double)NAN : l->sparsity[1]);
    json_end(j);
}

static void json_machine(json *j, const optimize *o)
{
    char text[120];
    (void)snprintf(text, sizeof text, "%d.%d.%d", TVIS_VERSION_MAJOR, TVIS_VERSION_MINOR, TVIS_VERSION_PATCH);
    json_string(j, "version", text);
    json_string(j, "command", o->command);
    json_string(j, "date", machine_date(text, sizeof text));
    json_string(j, "cpu", machine_name(text, sizeof text));
    json_integer(j, "threads", o->threads);
    json_integer(j, "runs", o->runs);
    json_string(j, "arch", o->stage[0].model.info.arch);
    json_string(j, "answers_on", o->answers_on);
    json_integer(j, "images", o->answered);
    json_string(j, "peak_rss", "of a child process that loads the model and runs it twice, from the kernel");
}

static void fill_json(json *j, const optimize *o)
{
    json_object(j, NULL, true);
    json_machine(j, o);
    json_list(j, "stages", true);
    for (uint32_t i = 0; i < o->stages; i++)
        json_stage(j, o, &o->stage[i]);
    json_end(j);
    json_list(j, "batch", true);
    for (uint32_t i = 0; i < o->batches; i++)
        json_batch(j, &o->batch_time[i]);
    json_end(j);
    json_list(j, "goals", true);
    for (uint32_t i = 0; i < o->goals.count; i++)
        json_goal(j, &o->goals.goal[i]);
    json_end(j);
    json_list(j, "layers", true);
    for (uint32_t i = 0; i < o->layers; i++)
        json_layer(j, &o->layer[i]);
    json_end(j);
    json_object(j, "profile", true);
    for (int i = 0; i < 2; i++) {
        json_object(j, i ? "after" : "before", true);
        profile_json(j, &o->profile[i]);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}

static tvis_status write_json(const optimize *o, const char *path, bool print, tvis_diag *d)
{
    json j = { 0 };
    fill_json(&j, o);
    tvis_status s = json_close(&j) ? tvis_file_write(path, j.text, j.length, d)
                                   : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, path, NULL);
    if (!s && print)
        (void)fwrite(j.text, 1, j.length, stdout); /* print_finish() looks at the stream */
    json_free(&j);
    return s;
}

static void csv_number(text_file *t, double x)
{
    text_put(t, ",");
    if (isfinite(x))
        text_add(t, "%.9g", x);
}

static tvis_status write_csv(const optimize *o, const char *path, tvis_diag *d)
{
    text_file t = { 0 };
    text_put(
        &t, "name,file,file_bytes,params,nonzero_params,sparsity,macs,arena_bytes,pack_bytes,peak_rss_kb,p50_ms,p95_ms,"
            "p99_ms,mean_ms,min_ms,std_ms,cpu_ms,throughput,top1,top5,agree,snr_db\n");
    for (uint32_t i = 0; i < o->stages; i++) {
        const stage *s = &o->stage[i];
        text_put_csv(&t, s->text);
        text_put(&t, ",");
        text_put_csv(&t, s->path);
        text_add(&t, ",%zu,%" PRIu64 ",%" PRIu64, s->model.file.size, s->model.info.params, s->weights.nonzero);
        csv_number(&t, stage_sparsity(s));
        text_add(&t, ",%" PRIu64 ",%zu,%zu,%" PRIu64, s->macs, s->arena_bytes, s->pack_bytes, s->peak_rss_kb);
        const double rest[] = { s->time.p50,      s->time.p95,      s->time.p99,       s->time.mean,
                                s->time.min,      s->time.std,      s->cpu_ms,         stage_throughput(s),
                                stage_top1(o, s), stage_top5(o, s), stage_agree(o, s), stage_snr(o, s) };
        for (size_t k = 0; k < sizeof rest / sizeof *rest; k++)
            csv_number(&t, rest[k]);
        text_put(&t, "\n");
    }
    return text_write(&t, path, d);
}

static void print_number(double x, const char *format)
{
    if (isfinite(x))
        printf(format, x);
    else
        printf(" %7s", isinf(x) ? "equal" : "-");
}

static void print_stages(const optimize *o)
{
    printf("%-32s %10s %7s %8s %8s %9s %8s %8s %8s %9s %8s %7s %7s\n", "stage", "file", "zeros", "MACs", "arena",
           "peak RSS", "p50 ms", "p95 ms", "cpu ms", "pict./s", "top-1 %", "agree %", "SNR dB");
    for (uint32_t i = 0; i < o->stages; i++) {
        const stage *s = &o->stage[i];
        print_text(s->text);
        printf("%*s %10s %6.1f%% %8s %8s %6.1f MB %8.3f %8.3f %8.3f %9.1f", print_pad(s->text, 32), "",
               print_bytes((double)s->model.file.size), 100 * stage_sparsity(s), print_count((double)s->macs),
               print_count((double)s->arena_bytes), (double)s->peak_rss_kb * 1024e-6, s->time.p50, s->time.p95,
               s->cpu_ms, stage_throughput(s));
        print_number(stage_top1(o, s), " %8.2f");
        print_number(stage_agree(o, s), " %7.2f");
        print_number(stage_snr(o, s), " %7.2f");
        printf("\n");
    }
    printf("answers on %zu %s; times of %zu runs in turns, %u thread%s\n", o->answered, o->answers_on, o->runs,
           (unsigned)o->threads, o->threads == 1 ? "" : "s");
}

static void print_rest(const optimize *o, const char *html)
{
    for (uint32_t i = 0; i < o->batches; i++) {
        const batch_row *b = &o->batch_time[i];
        printf("batch %-4u %9.3f ms (was %.3f), %.1f pictures/s, arena %s bytes\n", (unsigned)b->n, b->time[1].p50,
               b->time[0].p50, b->n * 1000 / b->time[1].p50, print_count((double)b->arena_bytes[1]));
    }
    for (uint32_t i = 0; i < o->goals.count; i++) {
        const goal *g = &o->goals.goal[i];
        printf("goal %-20s %s: %.6g %s, at %s %.6g\n", g->text, g->pass ? "passed" : "FAILED", g->value,
               goal_unit(g->measure), goal_more(g->measure) ? "least" : "most", g->target);
    }
    printf("report in ");
    print_text(html);
    printf("\n");
}

/* One line that names all goals that are not reached. */
static int judge(const optimize *o)
{
    text_file t = { 0 };
    uint32_t failed = 0;
    for (uint32_t i = 0; i < o->goals.count; i++) {
        const goal *g = &o->goals.goal[i];
        if (!g->pass)
            text_add(&t, "%s%s (%.6g %s, the limit is %.6g)", failed++ ? ", " : "", g->text, g->value,
                     goal_unit(g->measure), g->target);
    }
    const int status = failed ? print_failure("goals not reached", t.failed ? "no memory" : t.text) : TOOL_OK;
    text_free(&t);
    return status;
}

int optimize_report(optimize *o, bool as_json)
{
    tvis_diag d;
    double from[GOAL_COUNT_], to[GOAL_COUNT_];
    static const char *const names[] = { "report.json", "report.csv", "report.html" };
    char *path[3];
    values_of(o, &o->stage[0], from);
    values_of(o, optimize_last(o), to);
    goals_judge(&o->goals, from, to);
    bool ok = true;
    for (int i = 0; i < 3; i++)
        ok = (path[i] = files_join(o->folder, names[i])) != NULL && ok;
    int status = ok ? TOOL_OK : print_failure(o->folder, "no memory");
    if (ok && (write_csv(o, path[1], &d) || optimize_html(o, path[2], &d) || write_json(o, path[0], as_json, &d)))
        status = print_diag(o->folder, &d);
    if (status == TOOL_OK && !as_json) {
        print_stages(o);
        print_rest(o, path[2]);
    }
    for (int i = 0; i < 3; i++)
        free(path[i]);
    return status == TOOL_OK ? judge(o) : status;
}
