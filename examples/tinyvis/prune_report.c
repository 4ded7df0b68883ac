/* SPDX-License-Identifier: MIT */
#include "prune_report.h"

#include "print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void count_macs(void *user, uint32_t node, const tvis_node_info *info)
{
    (void)node;
    *(uint64_t *)user += info->macs;
}

static int compare(prune_report *r, const file_list *pictures)
{
    tvis_diag d;
    model_stop(r->before);
    loaded model[2] = { *r->before, r->after };
    int status = comparison_begin(&r->compared, model, false, &d) ? print_diag(model[1].path, &d) : TOOL_OK;
    if (status == TOOL_OK)
        status = comparison_add_all(&r->compared, model, pictures, (arg_size){ 0, 0 });
    *r->before = model[0];
    r->after = model[1];
    return status;
}

int prune_report_fill(prune_report *r, const char *path, const file_list *pictures)
{
    tvis_diag d;
    loaded *const b = r->before;
    if (model_load(&r->after, path, 1, &d) ||
        tvis_session_plan(&b->model, &b->config, &b->bytes, count_macs, &r->macs_before, &d) ||
        tvis_session_plan(&r->after.model, &r->after.config, &r->after.bytes, count_macs, &r->macs, &d))
        return print_diag(path, &d);
    r->weights = weights_count_all(&r->after.model, r->after.info.tensors);
    return pictures->count ? compare(r, pictures) : TOOL_OK;
}

static double share(uint64_t part, uint64_t all)
{
    return all ? (double)part / (double)all : 0;
}

static int print_json(const prune_report *r)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_string(&j, "file", r->after.path);
    json_string(&j, "method", r->method);
    json_integer(&j, "file_bytes_before", r->before->file.size);
    json_integer(&j, "file_bytes", r->after.file.size);
    json_integer(&j, "params_before", r->before->info.params);
    json_integer(&j, "params", r->after.info.params);
    json_integer(&j, "nonzero_params", r->weights.nonzero);
    json_integer(&j, "macs_before", r->macs_before);
    json_integer(&j, "macs", r->macs);
    json_integer(&j, "pruned_weights", r->made.weights);
    json_integer(&j, "zeros", r->made.zeros);
    json_number(&j, "sparsity", share(r->made.zeros, r->made.weights));
    json_list(&j, "layers", true);
    for (uint32_t i = 0; i < r->layers; i++) {
        const tvis_prune_layer *l = &r->layer[i];
        json_object(&j, NULL, false);
        json_string(&j, "name", l->name);
        json_integer(&j, "weights", l->weights);
        json_integer(&j, "zeros", l->zeros);
        json_number(&j, "sparsity", share(l->zeros, l->weights));
        json_integer(&j, "channels", (uint64_t)l->channels);
        json_integer(&j, "kept", (uint64_t)l->kept);
        json_number(&j, "weight_snr_db", l->snr_db);
        json_end(&j);
    }
    json_end(&j);
    json_integer(&j, "images", r->compared.pictures);
    if (r->compared.pictures)
        comparison_json(&j, &r->compared);
    json_number(&j, "seconds", r->seconds);
    json_end(&j);
    return json_print(&j);
}

static void print_layers(const prune_report *r)
{
    printf("%-32s %9s %9s %7s %13s %9s\n", "layer", "weights", "left out", "share", "channels", "weights at");
    for (uint32_t i = 0; i < r->layers; i++) {
        const tvis_prune_layer *l = &r->layer[i];
        print_text(l->name);
        printf("%*s %9s %9s %6.1f%% %5d of %4d", print_pad(l->name, 32), "", print_count((double)l->weights),
               print_count((double)l->zeros), 100 * share(l->zeros, l->weights), (int)l->kept, (int)l->channels);
        if (isfinite(l->snr_db))
            printf(" %6.1f dB\n", l->snr_db);
        else
            printf("%s\n", isnan(l->snr_db) ? "" : "     exact");
    }
}

static void print_compared(const comparison *c)
{
    printf("pictures     %zu, against the input model:", c->pictures);
    for (uint32_t i = 0; i < c->outputs; i++)
        printf(" %.2f dB,", difference_snr_db(&c->output[i]));
    if (c->classes)
        printf(" the same class on %.2f %%\n", comparison_agreement(c));
    else
        printf(" one figure an output\n");
}

int prune_report_print(const prune_report *r, bool as_json)
{
    const double before = (double)r->before->file.size, after = (double)r->after.file.size;
    if (as_json)
        return print_json(r);
    print_layers(r);
    print_text(r->after.path);
    printf(": %s, %s to %s (%.1f %%)\n", r->method, print_bytes(before), print_bytes(after), 100 * after / before);
    printf("left out     %.2f %% of %s weights in %u layers\n", 100 * share(r->made.zeros, r->made.weights),
           print_count((double)r->made.weights), (unsigned)r->made.layers);
    printf("parameters   %s to %s, of these not zero %s\n", print_count((double)r->before->info.params),
           print_count((double)r->after.info.params), print_count((double)r->weights.nonzero));
    printf("MACs         %s to %s (%.1f %%)\n", print_count((double)r->macs_before), print_count((double)r->macs),
           100 * share(r->macs, r->macs_before));
    if (r->compared.pictures)
        print_compared(&r->compared);
    printf("time         %.1f s\n", r->seconds);
    return TOOL_OK;
}

void prune_report_free(prune_report *r)
{
    comparison_free(&r->compared);
    model_unload(&r->after);
    free(r->layer);
}
