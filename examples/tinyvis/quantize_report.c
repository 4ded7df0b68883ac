/* SPDX-License-Identifier: MIT */
#include "quantize_report.h"

#include "print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Values of a picture's layers that are kept at a time: 24 MB. */
enum { LAYER_VALUES = 6000000 };

void quantize_report_keep(quantize_report *r, const char *name, const char *why)
{
    kept_layer *more = realloc(r->kept, (r->kept_count + 1) * sizeof *more);
    r->no_memory = r->no_memory || !more;
    if (!more)
        return;
    more[r->kept_count++] = (kept_layer){ name, why };
    r->kept = more;
}

static void count_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    quantize_report *r = user;
    (void)node;
    precision_count(&r->macs, &r->after.model, info);
}

/* The layers that are furthest from the input model's, worst first. */
static void find_worst(quantize_report *r)
{
    const layer_pairs *p = &r->compared.pairs;
    for (uint32_t i = 0; i < p->count; i++) {
        const double db = difference_snr_db(&p->layer[i].sum);
        if (isnan(db) || isinf(db))
            continue;
        uint32_t at = r->worst_count < WORST_LAYERS ? r->worst_count++ : WORST_LAYERS;
        for (; at > 0 && difference_snr_db(&r->worst[at - 1]->sum) > db; at--)
            if (at < WORST_LAYERS)
                r->worst[at] = r->worst[at - 1];
        if (at < WORST_LAYERS)
            r->worst[at] = &p->layer[i];
    }
}

static int compare(quantize_report *r, const file_list *pictures)
{
    tvis_diag d;
    model_stop(r->before);
    loaded model[2] = { *r->before, r->after };
    model[1].unpacked = true;
    r->compared.pairs.most = LAYER_VALUES;
    int status = comparison_begin(&r->compared, model, true, &d) ? print_diag(model[1].path, &d) : TOOL_OK;
    if (status == TOOL_OK)
        status = comparison_add_all(&r->compared, model, pictures, (arg_size){ 0, 0 });
    if (status == TOOL_OK)
        find_worst(r);
    *r->before = model[0];
    r->after = model[1];
    return status;
}

void quantize_report_decide(quantize_report *r, const tvis_decision *d)
{
    tvis_decision *longer = realloc(r->decision, (r->decisions + 1) * sizeof *longer);
    r->no_memory = r->no_memory || !longer;
    if (!longer)
        return;
    r->decision = longer;
    r->decision[r->decisions++] = *d;
}

int quantize_report_fill(quantize_report *r, const char *path, const file_list *pictures)
{
    tvis_diag d;
    if (r->no_memory)
        return print_failure(path, "no memory for the list of layers");
    if (model_load(&r->after, path, 1, &d) ||
        tvis_session_plan(&r->after.model, &r->after.config, &r->after.bytes, count_macs, r, &d))
        return print_diag(path, &d);
    r->weights_before = weights_count_all(&r->before->model, r->before->info.tensors);
    r->weights_after = weights_count_all(&r->after.model, r->after.info.tensors);
    return pictures->count ? compare(r, pictures) : TOOL_OK;
}

/* ORDER TVIS_OBSERVER */
static const char *const observers[] = { "minmax", "average", "percentile", "mse", "entropy" };

static const char *form_of(const tvis_decision *d)
{
    return d->in == TVIS_F32 ? "float" : d->out == TVIS_S16 ? "s16 to s16" : "s16 to s8";
}

/* Whether ranges were looked for. */
static bool searched(const quantize_report *r)
{
    return r->compared.pictures && strcmp(r->mode, "int8") == 0;
}

/* What was tried and chosen. */
static void json_search(json *j, const quantize_report *r)
{
    json_string(j, "observer", observers[r->made.observer]);
    if (r->made.observer == TVIS_OBSERVER_PERCENTILE)
        json_number(j, "percentile", (double)r->made.percentile);
    json_bool(j, "equalized", r->made.equalized);
    json_number(j, "drop", r->made.drop);
    json_list(j, "decisions", true);
    for (uint32_t i = 0; i < r->decisions; i++) {
        const tvis_decision *d = &r->decision[i];
        json_object(j, NULL, false);
        json_string(j, "name", d->name);
        json_string(j, "form", form_of(d));
        json_number(j, "before", d->before);
        json_number(j, "after", d->after);
        json_number(j, "macs", d->macs);
        json_end(j);
    }
    json_end(j);
}

static int print_json(const quantize_report *r)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_string(&j, "file", r->after.path);
    json_string(&j, "mode", r->mode);
    json_integer(&j, "file_bytes_before", r->before->file.size);
    json_integer(&j, "file_bytes", r->after.file.size);
    weights_json(&j, "weight_bytes_before", &r->weights_before);
    weights_json(&j, "weight_bytes", &r->weights_after);
    json_integer(&j, "tensors", r->made.tensors);
    json_integer(&j, "elements", r->made.elements);
    json_number(&j, "weight_snr_db", r->made.snr_db);
    json_string(&j, "worst", r->made.worst);
    json_number(&j, "worst_snr_db", r->made.worst_db);
    precision_json(&j, "mac_share", &r->macs);
    json_list(&j, "kept", true);
    for (size_t i = 0; i < r->kept_count; i++) {
        json_object(&j, NULL, false);
        json_string(&j, "name", r->kept[i].name);
        json_string(&j, "why", r->kept[i].why);
        json_end(&j);
    }
    json_end(&j);
    if (searched(r))
        json_search(&j, r);
    json_integer(&j, "images", r->compared.pictures);
    if (r->compared.pictures) {
        comparison_json(&j, &r->compared);
        json_list(&j, "worst_layers", true);
        for (uint32_t i = 0; i < r->worst_count; i++)
            comparison_json_layer(&j, r->worst[i]);
        json_end(&j);
    }
    json_number(&j, "seconds", r->seconds);
    json_end(&j);
    return json_print(&j);
}

static void print_made(const quantize_report *r)
{
    const double before = (double)r->before->file.size, after = (double)r->after.file.size;
    print_text(r->after.path);
    printf(": %s, %s to %s (%.1f %%), %u weight tensors", r->mode, print_bytes(before), print_bytes(after),
           100 * after / before, (unsigned)r->made.tensors);
    if (isfinite(r->made.snr_db)) {
        printf(", weights at %.1f dB, the worst ", r->made.snr_db);
        print_text(r->made.worst);
        printf(" at %.1f dB\n", r->made.worst_db);
    } else {
        printf(", all exact\n");
    }
    printf("weights      ");
    weights_print(&r->weights_before);
    printf(" to ");
    weights_print(&r->weights_after);
    printf("\nMACs         ");
    precision_print(&r->macs);
    printf("\n");
}

static void print_search(const quantize_report *r)
{
    printf("ranges       %s", observers[r->made.observer]);
    if (r->made.observer == TVIS_OBSERVER_PERCENTILE)
        printf(" %g", (double)r->made.percentile);
    printf(r->made.equalized ? ", equalized\n" : "\n");
    for (uint32_t i = 0; i < r->decisions; i++) {
        const tvis_decision *d = &r->decision[i];
        printf("%s %-10s  ", i ? "            " : "better      ", form_of(d));
        print_text(d->name);
        printf(": %.4g to %.4g, %.2f %% of the MACs\n", d->before, d->after, 100 * d->macs);
    }
    if (!isnan(r->made.drop))
        printf("drop         %.2f\n", r->made.drop);
}

static bool told_before(const quantize_report *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->kept[k].why, r->kept[i].why) == 0)
            return true;
    return false;
}

/* One line a reason: how many layers, and which the first is. */
static void print_kept(const quantize_report *r)
{
    const char *title = "kept";
    for (size_t i = 0; i < r->kept_count; i++) {
        size_t count = 0;
        if (told_before(r, i))
            continue;
        for (size_t k = i; k < r->kept_count; k++)
            count += strcmp(r->kept[k].why, r->kept[i].why) == 0;
        printf("%-12s %zu %s, the first ", title, count, count == 1 ? "layer" : "layers");
        print_text(r->kept[i].name);
        printf(": %s\n", r->kept[i].why);
        title = "";
    }
}

static void print_compared(const quantize_report *r)
{
    const comparison *c = &r->compared;
    printf("pictures     %zu, against the input model:", c->pictures);
    for (uint32_t i = 0; i < c->outputs; i++)
        printf(" %.2f dB,", difference_snr_db(&c->output[i]));
    if (c->classes)
        printf(" the same class on %.2f %%\n", comparison_agreement(c));
    else
        printf(" one figure an output\n");
    for (uint32_t i = 0; i < r->worst_count; i++) {
        printf("%s %6.2f dB  ", i ? "            " : "worst layers", difference_snr_db(&r->worst[i]->sum));
        print_text(r->worst[i]->name);
        printf("\n");
    }
}

int quantize_report_print(const quantize_report *r, bool as_json)
{
    if (as_json)
        return print_json(r);
    print_made(r);
    print_kept(r);
    if (searched(r))
        print_search(r);
    if (r->compared.pictures)
        print_compared(r);
    printf("time         %.1f s\n", r->seconds);
    return TOOL_OK;
}

void quantize_report_free(quantize_report *r)
{
    free(r->kept);
    comparison_free(&r->compared);
    model_unload(&r->after);
    free(r->decision);
}
