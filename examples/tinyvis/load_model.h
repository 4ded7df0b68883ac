/* SPDX-License-Identifier: MIT */
/* A .tvis file with everything around it that running needs: checked blob, packed weights, arena, threads, results. */
#ifndef TINYVIS_TOOL_LOAD_MODEL_H
#define TINYVIS_TOOL_LOAD_MODEL_H

#include "args.h"

#include <tinyvis/hosted.h>
#include <tinyvis/tinyvis.h>

/* Starts as { 0 }; model_unload() ends it, also after a failure. */
typedef struct loaded {
    const char *path; /* the caller's */
    tvis_file file;   /* of a blob in memory, such as the bundled model, its array */
    bool borrowed;    /* nobody closes the file */
    tvis_model model;
    tvis_model_info info;
    tvis_preprocess preprocess;
    tvis_session_config config;
    tvis_session_bytes bytes; /* of config, known after model_plan() */
    size_t pack_bytes;
    bool unpacked; /* the caller's: no packed copy of the weights, which takes as much memory as the model */
    void *pack, *arena;
    tvis_pool *pool;
    tvis_session *session; /* NULL before model_start() */
    tvis_tensor *outputs;  /* info.outputs of them, float32, NCHW; tokens N x T x C */
} loaded;

/* Memory aligned to TVIS_ARENA_ALIGN; free() gives it back. NULL when there is none. */
void *memory_aligned(size_t bytes);

/* Maps and opens the blob and compares every checksum. The config is the default one with so many threads.
 * path: NULL for the model that the tool has in itself. */
tvis_status model_load(loaded *l, const char *path, uint32_t threads, tvis_diag *d);
/* The same of a blob in memory, aligned to TVIS_ARENA_ALIGN, which stays the caller's and outlives *l, as `name` does.
 */
tvis_status model_load_memory(loaded *l, const char *name, const uint8_t *blob, size_t size, uint32_t threads,
                              tvis_diag *d);
/* Packs the weights for l->config and works out l->bytes; nothing runs. visit may be NULL. */
tvis_status model_plan(loaded *l, tvis_node_visitor visit, void *user, tvis_diag *d);
/* Makes the session ready for this input (0: default). Does nothing when it is already. */
tvis_status model_start(loaded *l, uint16_t n, uint16_t h, uint16_t w, tvis_diag *d);
/* One run into l->outputs, which took *ms. */
tvis_status model_run(loaded *l, const tvis_tensor *in, double *ms, tvis_diag *d);
/* Gives back what model_start() took: another config may follow. */
void model_stop(loaded *l);
void model_unload(loaded *l);

/* Logits of a classifier's picture i of the batch, info.classes of them; NULL where the first output is something else.
 */
const float *model_logits(const loaded *l, int32_t i);
size_t tensor_elements(const tvis_tensor *t);

#endif
