/* SPDX-License-Identifier: MIT */
#include "draw.h"
#include "fail.h"
#include "files.h"
#include "image_write.h"
#include "json.h"
#include "points.h"
#include "stats.h"
#include "text.h"

#include <tinyvis/keypoints.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct request {
    const char *model, *a, *b, *output;
    points_options points;
    double ratio, max_distance, pixels;
    uint64_t min_inliers;
    bool symmetric, json;
} request;

/* Starts as { 0 }. */
typedef struct matched {
    points a, b;
    tvis_match *match; /* count of them, of equal order in all three */
    tvis_pair *pair;
    uint8_t *inlier;
    uint32_t count;
    tvis_homography h;
    double match_ms;
} matched;

/* ORDER tvis_homography_outcome */
static const char *const outcomes[] = {
    "found",
    "fewer than 4 matches",
    "the matches lie on a line or in one place",
    "too few matches agree: the pictures may not show the same thing",
};

static int check(const request *r)
{
    const char *o = r->output;
    const int status = points_check(&cmd_match, &r->points);
    if (status != ARGS_GO_ON || !o)
        return status;
    if (!files_ends_with(o, ".png") && !files_ends_with(o, ".ppm") && !files_ends_with(o, ".csv"))
        return print_usage_error(cmd_match.name, "option '-o': '%.100s' does not end in .png, .ppm or .csv", o);
    if (files_same(o, r->a) || files_same(o, r->b) || (r->model && files_same(o, r->model)))
        return print_failure(o, "would be written over an input");
    return ARGS_GO_ON;
}

static tvis_status no_memory(tvis_diag *d)
{
    return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, "matches", NULL);
}

static tvis_status find_matches(matched *m, const request *r, tvis_diag *d)
{
    const uint32_t na = m->a.count, nb = m->b.count, most = (na < nb ? na : nb) + 1;
    tvis_match_config c;
    size_t bytes;
    tvis_match_defaults(&c);
    c.max_distance = (float)r->max_distance;
    c.ratio = (float)r->ratio;
    tvis_status s = tvis_match_size(&c, na, nb, (uint32_t)m->a.dim, &bytes, d);
    if (s)
        return s;
    void *work = memory_aligned(bytes);
    m->match = malloc(most * sizeof *m->match);
    m->pair = malloc(most * sizeof *m->pair);
    m->inlier = malloc(most);
    if (!work || !m->match || !m->pair || !m->inlier)
        s = no_memory(d);
    else
        s = tvis_match_run(&c, m->a.vector, na, m->b.vector, nb, (uint32_t)m->a.dim, work, bytes, m->match, &m->count,
                           d);
    free(work);
    for (uint32_t i = 0; !s && i < m->count; i++) {
        const tvis_keypoint *a = &m->a.at[m->match[i].a], *b = &m->b.at[m->match[i].b];
        m->pair[i] = (tvis_pair){ { a->x, a->y }, { b->x, b->y } };
    }
    return s;
}

/* Pixels of the second picture for one of its network's input. */
static double scale_of(const points *p)
{
    return sqrt((double)p->file.image.width * p->file.image.height / ((double)p->input_w * p->input_h));
}

static tvis_status find_homography(matched *m, const request *r, tvis_diag *d)
{
    tvis_homography_config c;
    size_t bytes;
    tvis_homography_defaults(&c);
    c.threshold = (float)(r->pixels * scale_of(&m->b));
    c.symmetric = r->symmetric;
    c.min_inliers = (uint32_t)r->min_inliers;
    tvis_status s = tvis_homography_size(&c, m->count, &bytes, d);
    void *work = s ? NULL : malloc(bytes + 1);
    if (!s && !work)
        s = no_memory(d);
    if (!s)
        s = tvis_homography_run(&c, m->pair, m->count, work, bytes, m->inlier, &m->h, d);
    free(work);
    return s;
}

/* Many lines would hide the pictures: they let more through. */
static double opacity(const matched *m)
{
    enum { MANY = 100 };
    return m->count <= MANY ? 1 : sqrt((double)MANY / m->count);
}

/* Those that agree in green, over the others in red. */
static tvis_status write_picture(const matched *m, const char *path, tvis_diag *d)
{
    const points *both[2] = { &m->a, &m->b };
    canvas c;
    tvis_status s = canvas_make(&c, &m->a.file.image, &m->b.file.image, path, d);
    if (s)
        return s;
    const double width = c.image.width < 1280 ? 1 : c.image.width / 1280.0;
    for (int k = 0; k < 2; k++)
        for (uint32_t i = 0; i < both[k]->count; i++)
            canvas_dot(&c, k, (double)both[k]->at[i].x, (double)both[k]->at[i].y, width, (colour){ 80, 160, 255 }, 0.8);
    for (uint8_t agree = 0; agree < 2; agree++)
        for (uint32_t i = 0; i < m->count; i++) {
            const colour ink = agree ? (colour){ 40, 230, (uint8_t)(i * 37 % 160) } : (colour){ 235, 40, 40 };
            if (m->inlier[i] != agree)
                continue;
            canvas_line(&c, m->pair[i].a, m->pair[i].b, width, ink, (agree ? 0.8 : 0.5) * opacity(m));
            canvas_dot(&c, 0, (double)m->pair[i].a[0], (double)m->pair[i].a[1], 1.5 * width, ink, 1);
            canvas_dot(&c, 1, (double)m->pair[i].b[0], (double)m->pair[i].b[1], 1.5 * width, ink, 1);
        }
    s = picture_write(path, &c.image, d);
    picture_free(&c.image);
    return s;
}

static tvis_status write_table(const matched *m, const char *path, tvis_diag *d)
{
    text_file t = { 0 };
    text_add(&t, "ax,ay,bx,by,distance,inlier\n");
    for (uint32_t i = 0; i < m->count; i++)
        text_add(&t, "%.7g,%.7g,%.7g,%.7g,%.7g,%d\n", (double)m->pair[i].a[0], (double)m->pair[i].a[1],
                 (double)m->pair[i].b[0], (double)m->pair[i].b[1], (double)m->match[i].distance, m->inlier[i]);
    return text_write(&t, path, d);
}

static double total_ms(const matched *m)
{
    return m->a.network_ms + m->a.select_ms + m->b.network_ms + m->b.select_ms + m->match_ms;
}

static void json_point(json *j, const char *key, const float at[2])
{
    json_list(j, key, false);
    json_float(j, NULL, at[0]);
    json_float(j, NULL, at[1]);
    json_end(j);
}

static void json_homography(json *j, const tvis_homography *h)
{
    if (h->outcome != TVIS_HOMOGRAPHY_FOUND) {
        json_string(j, "homography", NULL);
        json_string(j, "why", outcomes[h->outcome]);
        return;
    }
    json_list(j, "homography", false);
    for (int i = 0; i < 9; i++)
        json_number(j, NULL, h->h[i]);
    json_end(j);
}

static int print_json(const matched *m, const loaded *l)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_list(&j, "points", false);
    json_integer(&j, NULL, m->a.count);
    json_integer(&j, NULL, m->b.count);
    json_end(&j);
    json_list(&j, "matches", true);
    for (uint32_t i = 0; i < m->count; i++) {
        json_object(&j, NULL, false);
        json_point(&j, "a", m->pair[i].a);
        json_point(&j, "b", m->pair[i].b);
        json_float(&j, "distance", m->match[i].distance);
        json_bool(&j, "inlier", m->inlier[i]);
        json_end(&j);
    }
    json_end(&j);
    json_integer(&j, "inliers", m->h.inliers);
    json_homography(&j, &m->h);
    json_number(&j, "ms", total_ms(m));
    json_number(&j, "network_ms", m->a.network_ms + m->b.network_ms);
    json_integer(&j, "arena_bytes", l->bytes.total);
    json_end(&j);
    return json_print(&j);
}

static int print_summary(const request *r, const matched *m, const loaded *l)
{
    const points *both[2] = { &m->a, &m->b };
    for (int i = 0; i < 2; i++) {
        print_text(i ? r->b : r->a);
        printf(": %" PRIu32 " points (network %" PRId32 "x%" PRId32 " %.2f ms)\n", both[i]->count, both[i]->input_h,
               both[i]->input_w, both[i]->network_ms);
    }
    printf("%" PRIu32 " matches, %" PRIu32 " of them agree, %.2f ms in all, arena %s\n", m->count, m->h.inliers,
           total_ms(m), print_bytes((double)l->bytes.total));
    if (m->h.outcome != TVIS_HOMOGRAPHY_FOUND) {
        printf("no homography: %s\n", outcomes[m->h.outcome]);
        return TOOL_OK;
    }
    printf("homography");
    for (int i = 0; i < 9; i++)
        printf("%s%14.8g", i % 3 ? " " : "\n  ", m->h.h[i]);
    printf("\n");
    return TOOL_OK;
}

static int compute(const request *r, matched *m, loaded *l)
{
    tvis_diag d;
    if (points_model(l, r->model, &r->points, &d))
        return print_diag(l->path, &d);
    if (points_find(&m->a, l, r->a, &r->points, &d))
        return print_diag(r->a, &d);
    if (points_find(&m->b, l, r->b, &r->points, &d))
        return print_diag(r->b, &d);
    const double start = stats_now_ms();
    if (find_matches(m, r, &d) || find_homography(m, r, &d))
        return print_diag(r->b, &d);
    m->match_ms = stats_now_ms() - start;
    if (r->output &&
        (files_ends_with(r->output, ".csv") ? write_table(m, r->output, &d) : write_picture(m, r->output, &d)))
        return print_diag(r->output, &d);
    return r->json ? print_json(m, l) : print_summary(r, m, l);
}

static int run(int argc, char **argv)
{
    request r = { .points = POINTS_DEFAULTS, .max_distance = 0.7, .pixels = 3, .min_inliers = 8 };
    const arg_option options[] = {
        OPTION_OUTPUT(&r.output, "write both pictures with the matches (.png, .ppm), or a\ntable of them (.csv)"),
        { .name = "max-distance",
          .kind = ARG_REAL,
          .value = &r.max_distance,
          .placeholder = "D",
          .min = 0,
          .max = 2,
          .help = "matches are nearer than this (0.7; all are up to 2)" },
        { .name = "ratio",
          .kind = ARG_REAL,
          .value = &r.ratio,
          .placeholder = "R",
          .min = 0,
          .max = 1,
          .help = "and nearer than this times the second nearest (off)" },
        { .name = "pixels",
          .kind = ARG_REAL,
          .value = &r.pixels,
          .placeholder = "P",
          .min = 0,
          .max = 1000,
          .help = "how far off a match that agrees may be, in pixels of the\nnetwork's input (3)" },
        { .name = "symmetric", .kind = ARG_FLAG, .value = &r.symmetric, .help = "in both pictures, not only in B" },
        { .name = "min-inliers",
          .kind = ARG_NUMBER,
          .value = &r.min_inliers,
          .placeholder = "N",
          .min = 4,
          .max = 100000,
          .help = "fewer that agree are taken for chance (8)" },
        POINTS_OPTIONS(&r.points),
        OPTION_JSON(&r.json),
        { 0 },
    };
    matched m = { 0 };
    loaded l = { 0 };
    int count, status = args_parse(&cmd_match, options, argc, argv, &count, 2, 3);
    if (status != ARGS_GO_ON)
        return status;
    status = points_operands(&cmd_match, count, argv, 2, &r.model);
    r.a = argv[count - 2];
    r.b = argv[count - 1];
    if (status == ARGS_GO_ON)
        status = check(&r);
    if (status == ARGS_GO_ON)
        status = compute(&r, &m, &l);
    points_free(&m.a);
    points_free(&m.b);
    free(m.match);
    free(m.pair);
    free(m.inlier);
    model_unload(&l);
    return status;
}

const command cmd_match = { "match", "[M.tvis] A B [options]",
                            "points that two pictures share, and the homography between them", run };
