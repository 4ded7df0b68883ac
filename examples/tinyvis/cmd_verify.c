/* SPDX-License-Identifier: MIT */
#include "commands.h"
#include "crc.h"
#include "inputs.h"
#include "json.h"

#include <stdio.h>

typedef struct report {
    uint32_t weights;
    uint32_t crc; /* of all outputs */
    bool exact;   /* integer arithmetic: the same on every machine */
} report;

/* A float from floats may differ from machine to machine; what only converts integers does not. */
static void note_dtype(void *user, uint32_t node, const tvis_node_info *info)
{
    bool *exact = user;
    (void)node;
    if (info->in_dtype == TVIS_F32 && info->dtype == TVIS_F32)
        *exact = false;
}

static tvis_status verify(loaded *l, report *r, tvis_diag *d)
{
    tvis_tensor in;
    tvis_weight_info w;
    double ms;
    for (uint32_t i = 0; i < l->info.tensors; i++)
        r->weights += tvis_model_weight(&l->model, i, &w);
    r->exact = true;
    tvis_status s = tvis_session_plan(&l->model, &l->config, &l->bytes, note_dtype, &r->exact, d);
    if (!s)
        s = model_start(l, 1, 0, 0, d);
    if (!s)
        s = source_pattern(l, &in, d);
    if (!s)
        s = model_run(l, &in, &ms, d);
    for (uint32_t i = 0; !s && i < l->info.outputs; i++)
        r->crc = crc32_bytes(r->crc, l->outputs[i].data, tensor_elements(&l->outputs[i]) * sizeof(float));
    return s;
}

static int print_report(const char *path, const report *r, bool as_json)
{
    char crc[16];
    (void)snprintf(crc, sizeof crc, "%08x", (unsigned)r->crc);
    if (as_json) {
        json j = { 0 };
        json_object(&j, NULL, true);
        json_string(&j, "file", path);
        json_bool(&j, "ok", true);
        json_integer(&j, "weights", r->weights);
        json_string(&j, "output_crc", crc);
        json_bool(&j, "bit_exact", r->exact);
        json_end(&j);
        return json_print(&j);
    }
    print_text(path);
    printf(": ok: %u weight tensors; outputs for the built-in input have CRC %s (%s)\n", (unsigned)r->weights, crc,
           r->exact ? "the same on every machine" : "floating point: compare it on one machine only");
    return TOOL_OK;
}

static int run(int argc, char **argv)
{
    bool as_json = false;
    const arg_option options[] = { OPTION_JSON(&as_json), { 0 } };
    int count, status = args_parse(&cmd_verify, options, argc, argv, &count, 1, 1);
    if (status != ARGS_GO_ON)
        return status;
    tvis_diag d;
    loaded l;
    report r = { 0 };
    if (model_load(&l, argv[0], 1, &d) || verify(&l, &r, &d))
        status = print_diag(argv[0], &d);
    else
        status = print_report(argv[0], &r, as_json);
    model_unload(&l);
    return status;
}

const command cmd_verify = { "verify", "M.tvis [--json]",
                             "all checksums of a blob, and the checksum of its outputs for a built-in input", run };
