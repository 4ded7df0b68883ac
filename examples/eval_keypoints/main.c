/* SPDX-License-Identifier: MIT */
/* eval_keypoints: measures of a keypoint network, or of points that another program found, on pairs of pictures whose
 * homography is known. README.md */
#include "../tinyvis/points.h"
#include "../tinyvis/fail.h"
#include "../tinyvis/stats.h"
#include "pair_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct request {
    const char *model, *folder, *features;
    points_options points;
    bool json;
} request;

typedef struct evaluation {
    const request *r;
    metrics m;
    double ms; /* network and points, of all pictures */
    loaded l;
} evaluation;

/* One picture of a pair. */
typedef struct side {
    points found; /* by the network */
    features f;   /* what is measured */
    int32_t width, height;
} side;

static tvis_status find(evaluation *e, const char *path, side *s, tvis_diag *d)
{
    tvis_status status = points_find(&s->found, &e->l, path, &e->r->points, d);
    s->f = (features){ s->found.at, s->found.vector, s->found.count, s->found.dim };
    e->ms += s->found.network_ms + s->found.select_ms;
    return status;
}

/* The picture's points out of its file in the folder of features; they move to where the network's would be. */
static tvis_status read_found(const evaluation *e, const char *name, const char *ending, side *s, tvis_diag *d)
{
    const char *slash = strrchr(name, '/');
    char *base = files_join(e->r->features, slash ? slash + 1 : name), *path = base ? pair_file(base, ending) : NULL;
    tvis_status status = path ? pair_features(path, (uint32_t)e->r->points.top, &s->f, d)
                              : tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, NULL);
    if (!status) {
        s->found.at = (tvis_keypoint *)(uintptr_t)s->f.at;
        s->found.vector = (float *)(uintptr_t)s->f.vector;
    }
    free(base);
    free(path);
    return status;
}

static tvis_status prepare(evaluation *e, const char *name, const char *letter, side *s, tvis_diag *d)
{
    char ending[8], *path;
    (void)snprintf(ending, sizeof ending, ".%s.pgm", letter);
    path = pair_file(name, ending);
    if (!path)
        return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, name, NULL);
    tvis_status status = e->r->features ? source_read(&s->found.file, path, d) : find(e, path, s, d);
    (void)snprintf(ending, sizeof ending, ".%s.npy", letter);
    if (!status && e->r->features)
        status = read_found(e, name, ending, s, d);
    s->width = s->found.file.image.width;
    s->height = s->found.file.image.height;
    free(path);
    return status;
}

static tvis_status measure(evaluation *e, const char *name, tvis_diag *d)
{
    view_pair v = { 0 };
    side a = { 0 }, b = { 0 };
    tvis_status s = pair_truth(name, v.truth, d);
    if (!s)
        s = prepare(e, name, "a", &a, d);
    if (!s)
        s = prepare(e, name, "b", &b, d);
    if (!s && (a.width != b.width || a.height != b.height || a.f.dim != b.f.dim))
        s = tool_fail(d, TVIS_EINVAL, TVIS_DIAG_SHAPE, name, "its pictures or descriptors differ in size");
    v.width = a.width;
    v.height = a.height;
    v.a = a.f;
    v.b = b.f;
    if (!s)
        s = metrics_add(&e->m, &v, d);
    points_free(&a.found);
    points_free(&b.found);
    return s;
}

typedef struct result {
    double repeatability, error, matching, accuracy[METRICS_DISTANCES], points, ms;
} result;

static result sum_up(const evaluation *e)
{
    const metrics *m = &e->m;
    const double measured = m->measured ? m->measured : 1, repeated = m->repeated ? m->repeated : 1;
    result r = { .repeatability = m->repeatability / measured,
                 .error = m->error / repeated,
                 .matching = m->matching / measured,
                 .points = m->points / m->pairs,
                 .ms = e->ms / (2.0 * m->pairs) };
    for (int i = 0; i < METRICS_DISTANCES; i++)
        r.accuracy[i] = (double)m->right[i] / m->pairs;
    return r;
}

static int print_json(const evaluation *e)
{
    const result r = sum_up(e);
    json j = { 0 };
    json_object(&j, NULL, true);
    json_integer(&j, "pairs", e->m.pairs);
    json_number(&j, "points", r.points);
    json_number(&j, "repeatability", r.repeatability);
    json_number(&j, "localisation_error", r.error);
    json_number(&j, "matching_score", r.matching);
    json_list(&j, "homography_accuracy", false);
    for (int i = 0; i < METRICS_DISTANCES; i++)
        json_number(&j, NULL, r.accuracy[i]);
    json_end(&j);
    if (!e->r->features)
        json_number(&j, "ms", r.ms);
    json_end(&j);
    return json_print(&j);
}

static int print_summary(const evaluation *e)
{
    const result r = sum_up(e);
    printf("%" PRIu32 " pairs, %.0f points a picture\n", e->m.pairs, r.points);
    printf("  repeatability        %.3f   within 3 pixels\n", r.repeatability);
    printf("  localisation error   %.2f pixels\n", r.error);
    printf("  matching score       %.3f\n", r.matching);
    printf("  homography accuracy  %.3f, %.3f, %.3f   corners within 1, 3, 5 pixels\n", r.accuracy[0], r.accuracy[1],
           r.accuracy[2]);
    if (!e->r->features)
        printf("  time                 %.2f ms a picture\n", r.ms);
    return TOOL_OK;
}

static int evaluate(const request *r)
{
    evaluation e = { .r = r };
    file_list names;
    tvis_diag d;
    int status = TOOL_OK;
    if (pair_names(r->folder, &names, &d))
        return print_diag(r->folder, &d);
    if (!r->features && points_model(&e.l, r->model, &r->points, &d))
        status = print_diag(e.l.path, &d);
    for (size_t i = 0; status == TOOL_OK && i < names.count; i++) {
        if (measure(&e, names.path[i], &d))
            status = print_diag(names.path[i], &d);
        print_progress("pairs", i + 1, names.count);
    }
    if (status == TOOL_OK)
        status = r->json ? print_json(&e) : print_summary(&e);
    files_free(&names);
    model_unload(&e.l);
    return status;
}

static int run(int argc, char **argv);
static const command eval_keypoints = { "eval_keypoints", "[M.tvis] PAIRS [options]",
                                        "measures of keypoints on pairs of pictures with a known homography", run };

static int run(int argc, char **argv)
{
    request r = { .points = POINTS_DEFAULTS };
    const arg_option options[] = {
        { .name = "features",
          .kind = ARG_TEXT,
          .value = &r.features,
          .placeholder = "DIR",
          .help =
              "points of another program instead of a network's:\nDIR/NAME.a.npy and DIR/NAME.b.npy, (n, 3 + dim)" },
        POINTS_OPTIONS(&r.points),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&eval_keypoints, options, argc, argv, &count, 1, 2);
    if (status != ARGS_GO_ON)
        return status;
    if (count == 2 && r.features)
        return print_usage_error(NULL, "a model and --features exclude each other");
    r.model = count == 2 ? argv[0] : NULL;
    r.folder = argv[count - 1];
    status = points_check(&eval_keypoints, &r.points);
    return status == ARGS_GO_ON ? evaluate(&r) : status;
}

int main(int argc, char **argv)
{
    return print_finish(run(argc - 1, argv + 1));
}
