/* SPDX-License-Identifier: MIT */
#include "comparison.h"

#include "fail.h"
#include "print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint32_t best_class(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static tvis_status check_outputs(const loaded *a, const loaded *b, tvis_diag *d)
{
    for (uint32_t i = 0; i < a->info.outputs; i++) {
        const int32_t *want = a->outputs[i].dims, *got = b->outputs[i].dims;
        if (memcmp(want, got, 4 * sizeof *want) == 0)
            continue;
        (void)tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, b->path,
                        "output of another shape than the first model's, N H W C");
        for (int k = 0; k < 4; k++) {
            d->expected[k] = want[k];
            d->found[k] = got[k];
        }
        return TVIS_EINVAL;
    }
    return TVIS_OK;
}

static void add_outputs(comparison *c, const loaded *a, const loaded *b)
{
    int32_t pictures = a->outputs[0].dims[0];
    for (uint32_t i = 0; i < c->outputs; i++) {
        size_t n = tensor_elements(&a->outputs[i]) / (size_t)pictures;
        const float *x = a->outputs[i].data, *y = b->outputs[i].data;
        for (size_t k = 0; k < (size_t)pictures; k++)
            difference_add(&c->output[i], x + k * n, y + k * n, n);
    }
    for (int32_t k = 0; k < pictures; k++) {
        const float *x = model_logits(a, k), *y = model_logits(b, k);
        c->classes = x && y;
        if (c->classes)
            c->agree += best_class(x, a->info.classes) == best_class(y, b->info.classes);
    }
    c->pictures += (size_t)pictures;
}

tvis_status comparison_begin(comparison *c, loaded model[2], bool layers, tvis_diag *d)
{
    if (model[0].info.outputs != model[1].info.outputs)
        return tool_fail_value(d, TVIS_EINVAL, TVIS_DIAG_LIMIT, model[1].path,
                               "number of outputs, against the first model's", model[0].info.outputs,
                               model[1].info.outputs);
    c->outputs = model[0].info.outputs;
    c->output = calloc(c->outputs, sizeof *c->output);
    if (!c->output)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, model[1].path, NULL);
    return layers ? layer_pairs_watch(&c->pairs, &model[0], &model[1], d) : TVIS_OK;
}

tvis_status comparison_add(comparison *c, loaded model[2], source *s, const char *path, arg_size size, tvis_diag *d)
{
    tvis_status status = source_read(s, path, d);
    for (int i = 0; i < 2 && !status; i++) {
        tvis_tensor in;
        double ms;
        status = source_prepare(s, &model[i], size, &in, d);
        if (!status)
            status = model_run(&model[i], &in, &ms, d);
    }
    if (!status && c->pairs.failed)
        status = tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "layers", NULL);
    if (!status)
        status = check_outputs(&model[0], &model[1], d);
    if (!status && c->pairs.begin == 0)
        add_outputs(c, &model[0], &model[1]);
    return status;
}

static int add_round(comparison *c, loaded model[2], const file_list *files, arg_size size)
{
    tvis_diag d;
    source s = { 0 };
    int status = TOOL_OK;
    for (size_t i = 0; i < files->count && status == TOOL_OK; i++) {
        print_progress("comparing", i, files->count);
        tvis_status failed = comparison_add(c, model, &s, files->path[i], size, &d);
        if (failed || i + 1 == files->count)
            print_progress("comparing", files->count, files->count);
        if (failed)
            status = print_diag(files->path[i], &d);
    }
    source_free(&s);
    return status;
}

int comparison_add_all(comparison *c, loaded model[2], const file_list *files, arg_size size)
{
    int status = add_round(c, model, files, size);
    while (status == TOOL_OK && layer_pairs_next(&c->pairs))
        status = add_round(c, model, files, size);
    return status;
}

double comparison_agreement(const comparison *c)
{
    return c->classes ? 100 * (double)c->agree / (double)c->pictures : (double)NAN;
}

void comparison_json(json *j, const comparison *c)
{
    json_list(j, "snr_db", false);
    for (uint32_t i = 0; i < c->outputs; i++)
        json_number(j, NULL, difference_snr_db(&c->output[i]));
    json_end(j);
    json_list(j, "cosine", false);
    for (uint32_t i = 0; i < c->outputs; i++)
        json_number(j, NULL, difference_cosine(&c->output[i]));
    json_end(j);
    json_number(j, "top1_agree", comparison_agreement(c));
}

void comparison_json_layer(json *j, const layer *l)
{
    json_object(j, NULL, false);
    json_string(j, "name", l->name);
    json_number(j, "snr_db", difference_snr_db(&l->sum));
    json_end(j);
}

void comparison_free(comparison *c)
{
    layer_pairs_free(&c->pairs);
    free(c->output);
    *c = (comparison){ 0 };
}
