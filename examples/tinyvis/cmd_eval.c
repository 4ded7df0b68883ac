/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "fail.h"
#include "files.h"
#include "inputs.h"
#include "json.h"
#include "labels.h"
#include "stats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW_CLASSES 20 /* a recall is printed for each of so many */

typedef struct request {
    const char *model, *images, *labels, *positive;
    arg_size size;
    uint64_t threads;
    uint32_t plan;
    bool strict, bf16;
    bool json;
} request;

typedef struct tally {
    size_t images, top1, top5;
    uint32_t classes, positive; /* positive: classes where none was asked for */
    uint32_t *seen, *hit;       /* a class */
    double *ms;                 /* a picture */
    scored *score;              /* a picture; of the positive class */
} tally;

static tvis_status make_tally(tally *t, size_t images, uint32_t classes, tvis_diag *d)
{
    t->classes = t->positive = classes;
    t->seen = calloc((size_t)classes + 1, sizeof *t->seen);
    t->hit = calloc((size_t)classes + 1, sizeof *t->hit);
    t->ms = calloc(images, sizeof *t->ms);
    t->score = calloc(images, sizeof *t->score);
    bool ok = t->seen && t->hit && t->ms && t->score;
    return ok ? TVIS_OK : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "results", NULL);
}

static void free_tally(tally *t)
{
    free(t->seen);
    free(t->hit);
    free(t->ms);
    free(t->score);
}

/* A number, or the class's label. */
static tvis_status find_positive(const loaded *l, const char *text, uint32_t *index, tvis_diag *d)
{
    size_t digits = strspn(text, "0123456789");
    for (uint32_t i = 0; i < l->info.classes; i++) {
        const char *label = tvis_model_label(&l->model, i);
        if (label && strcmp(label, text) == 0) {
            *index = i;
            return TVIS_OK;
        }
    }
    if (text[digits] || digits == 0 || digits > 9)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_NAME, text, "no label and no number of a class");
    *index = (uint32_t)strtoul(text, NULL, 10);
    if (*index >= l->info.classes)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, text, "no such class", (int64_t)l->info.classes - 1,
                               *index);
    return TVIS_OK;
}

static tvis_status check_positive(const label_table *t, const char *text, uint32_t positive, tvis_diag *d)
{
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->row[i].class_index == positive;
    if (n == 0)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_REFUSED, text, "no picture is of the positive class");
    if (n == t->count)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_REFUSED, text, "all pictures are of the positive class");
    return TVIS_OK;
}

static double probability(const float *logits, uint32_t classes, uint32_t index)
{
    double largest = (double)logits[0], sum = 0;
    for (uint32_t i = 1; i < classes; i++)
        largest = fmax(largest, (double)logits[i]);
    for (uint32_t i = 0; i < classes; i++)
        sum += exp((double)logits[i] - largest);
    return exp((double)logits[index] - largest) / sum;
}

static tvis_status check_classifier(const loaded *l, tvis_diag *d)
{
    const tvis_tensor *t = &l->outputs[0];
    if (model_logits(l, 0) && t->dims[0] == 1)
        return TVIS_OK;
    if (t->dims[0] != 1)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, "", "pictures in one file", 1, t->dims[0]);
    return tool_fail(d, TVIS_EUNSUP, TVIS_DIAG_REFUSED, l->path, "is not a classifier");
}

static tvis_status one_picture(const request *r, loaded *l, source *s, const labelled *row, const char *path, tally *t,
                               tvis_diag *d)
{
    tvis_tensor in;
    tvis_status status = source_read(s, path, d);
    if (!status)
        status = source_prepare(s, l, r->size, &in, d);
    if (!status)
        status = model_run(l, &in, &t->ms[t->images], d);
    if (!status)
        status = check_classifier(l, d);
    if (status)
        return status;
    const float *logits = model_logits(l, 0);
    uint32_t rank = stats_rank(logits, t->classes, row->class_index);
    t->seen[row->class_index]++;
    t->hit[row->class_index] += rank == 0;
    t->top1 += rank == 0;
    t->top5 += rank < 5;
    if (t->positive < t->classes)
        t->score[t->images] = (scored){ probability(logits, t->classes, t->positive), row->class_index == t->positive };
    t->images++;
    return TVIS_OK;
}

static int all_pictures(const request *r, loaded *l, const label_table *table, tally *t)
{
    tvis_diag d;
    source s = { 0 };
    int status = TOOL_OK;
    for (size_t i = 0; i < table->count && status == TOOL_OK; i++) {
        char *path = files_join(r->images, table->row[i].file);
        print_progress("picture", i, table->count);
        if (!path)
            status = print_failure(r->labels, "no memory");
        else if (one_picture(r, l, &s, &table->row[i], path, t, &d)) {
            print_progress("picture", table->count, table->count);
            status = print_diag(path, &d);
        }
        free(path);
    }
    print_progress("picture", table->count, table->count);
    source_free(&s);
    return status;
}

static double per_cent(size_t part, size_t all)
{
    return 100 * (double)part / (double)all;
}

static int print_json(const tally *t, const latencies *times, const roc *curve, size_t arena)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_integer(&j, "images", t->images);
    json_number(&j, "top1", per_cent(t->top1, t->images));
    json_number(&j, "top5", per_cent(t->top5, t->images));
    json_list(&j, "recall", false);
    for (uint32_t i = 0; i < t->classes; i++)
        json_number(&j, NULL, t->seen[i] ? per_cent(t->hit[i], t->seen[i]) : (double)NAN);
    json_end(&j);
    stats_json(&j, times);
    json_integer(&j, "arena_bytes", arena);
    if (curve) {
        json_integer(&j, "positive", t->positive);
        json_number(&j, "sensitivity", curve->sensitivity);
        json_number(&j, "specificity", curve->specificity);
        json_number(&j, "threshold", curve->threshold);
        json_number(&j, "auc", curve->auc);
    }
    json_end(&j);
    return json_print(&j);
}

static int print_human(const loaded *l, const tally *t, const latencies *times, const roc *curve)
{
    double sum = 0;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < t->classes; i++)
        if (t->seen[i]) {
            sum += per_cent(t->hit[i], t->seen[i]);
            shown++;
        }
    printf("pictures     %zu\ntop-1        %.2f %%\ntop-5        %.2f %%\n", t->images, per_cent(t->top1, t->images),
           per_cent(t->top5, t->images));
    printf("recall       %.2f %% (mean of %" PRIu32 " classes)\n", sum / shown, shown);
    for (uint32_t i = 0; t->classes <= FEW_CLASSES && i < t->classes; i++)
        if (t->seen[i]) {
            const char *label = tvis_model_label(&l->model, i);
            printf("  %7.2f %%  class %-3" PRIu32 " ", per_cent(t->hit[i], t->seen[i]), i);
            print_text(label ? label : "");
            printf("\n");
        }
    printf("time         p50 %.2f, p95 %.2f, p99 %.2f, mean %.2f, min %.2f, std %.2f ms a picture, without "
           "pre-processing\n",
           times->p50, times->p95, times->p99, times->mean, times->min, times->std);
    printf("arena        %zu bytes\n", l->bytes.total);
    if (curve)
        printf("class %-6" PRIu32 " AUC %.4f; at probability %.4g: sensitivity %.4f, specificity %.4f\n", t->positive,
               curve->auc, curve->threshold, curve->sensitivity, curve->specificity);
    return TOOL_OK;
}

static int evaluate(const request *r, loaded *l, const label_table *table, tally *t)
{
    tvis_diag d;
    roc curve;
    bool binary = r->positive != NULL;
    if (make_tally(t, table->count, l->info.classes, &d))
        return print_diag(r->model, &d);
    if (binary &&
        (find_positive(l, r->positive, &t->positive, &d) || check_positive(table, r->positive, t->positive, &d)))
        return print_diag("--positive", &d);
    int status = all_pictures(r, l, table, t);
    if (status != TOOL_OK)
        return status;
    latencies times = stats_latencies(t->ms, t->images);
    if (binary)
        curve = stats_roc(t->score, t->images);
    return r->json ? print_json(t, &times, binary ? &curve : NULL, l->bytes.total)
                   : print_human(l, t, &times, binary ? &curve : NULL);
}

static int load_and_evaluate(const request *r)
{
    tvis_diag d;
    loaded l;
    label_table table = { 0 };
    tally t = { 0 };
    int status;
    if (model_load(&l, r->model, (uint32_t)r->threads, &d))
        status = print_diag(r->model, &d);
    else if (l.info.classes == 0)
        status = print_failure(r->model, "is not a classifier");
    else if (labels_read_csv(r->labels, l.info.classes, &table, &d))
        status = print_diag(r->labels, &d);
    else {
        l.config.plan = (uint8_t)r->plan;
        l.config.strict = r->strict;
        l.config.bf16 = r->bf16;
        status = evaluate(r, &l, &table, &t);
    }
    free_tally(&t);
    labels_free_csv(&table);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .threads = 1 };
    const arg_option options[] = {
        OPTION_IMAGES(&r.images),
        { .name = "labels",
          .kind = ARG_TEXT,
          .value = &r.labels,
          .placeholder = "CSV",
          .help = "table with the columns file (in DIR) and class_index" },
        { .name = "positive",
          .kind = ARG_TEXT,
          .value = &r.positive,
          .placeholder = "CLASS",
          .help = "sensitivity, specificity and AUC of this class against\nall others; a number or a label" },
        OPTION_SIZE(&r.size),
        OPTION_THREADS(&r.threads),
        OPTION_PLAN(&r.plan),
        OPTION_STRICT(&r.strict),
        OPTION_BF16(&r.bf16),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_eval, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    r.model = argv[0];
    if (!r.images || !r.labels)
        return print_usage_error(cmd_eval.name, "option '%s' is missing", r.images ? "--labels" : "--images");
    return load_and_evaluate(&r);
}

const command cmd_eval = { "eval", "M.tvis --images DIR --labels CSV [--positive CLASS] [options]",
                           "accuracy and time on labelled pictures", run };
