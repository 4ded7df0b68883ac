/* SPDX-License-Identifier: MIT */
#include "draw.h"
#include "files.h"
#include "image_write.h"
#include "json.h"
#include "points.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct request {
    const char *model, *picture, *output;
    points_options points;
    bool json;
} request;

static int check(const request *r)
{
    const char *o = r->output;
    const int status = points_check(&cmd_keypoints, &r->points);
    if (status != ARGS_GO_ON || !o)
        return status;
    if (!files_ends_with(o, ".png") && !files_ends_with(o, ".ppm") && !files_ends_with(o, ".csv"))
        return print_usage_error(cmd_keypoints.name, "option '-o': '%.100s' does not end in .png, .ppm or .csv", o);
    if (files_same(o, r->picture) || (r->model && files_same(o, r->model)))
        return print_failure(o, "would be written over an input");
    return ARGS_GO_ON;
}

/* From red (the weakest) to yellow. */
static colour colour_of(const points *p, uint32_t i)
{
    return (colour){ 255, (uint8_t)(255.0 * (p->count - i) / p->count), 0 };
}

static tvis_status write_picture(const points *p, const char *path, tvis_diag *d)
{
    canvas c;
    tvis_status s = canvas_make(&c, &p->file.image, NULL, path, d);
    if (s)
        return s;
    const int32_t longer = c.image.width > c.image.height ? c.image.width : c.image.height;
    const double radius = longer < 640 ? 1.5 : longer / 400.0;
    for (uint32_t i = p->count; i-- > 0;) {
        const double x = (double)p->at[i].x, y = (double)p->at[i].y;
        canvas_dot(&c, 0, x, y, radius + 1, (colour){ 0, 0, 0 }, 0.6);
        canvas_dot(&c, 0, x, y, radius, colour_of(p, i), 1);
    }
    s = picture_write(path, &c.image, d);
    picture_free(&c.image);
    return s;
}

static tvis_status write_table(const points *p, const char *path, tvis_diag *d)
{
    text_file t = { 0 };
    text_add(&t, "x,y,score\n");
    for (uint32_t i = 0; i < p->count; i++)
        text_add(&t, "%.7g,%.7g,%.7g\n", (double)p->at[i].x, (double)p->at[i].y, (double)p->at[i].score);
    return text_write(&t, path, d);
}

static int print_json(const points *p, const loaded *l)
{
    json j = { 0 };
    json_object(&j, NULL, true);
    json_integer(&j, "width", (uint64_t)p->file.image.width);
    json_integer(&j, "height", (uint64_t)p->file.image.height);
    json_list(&j, "input", false);
    json_integer(&j, NULL, 1);
    json_integer(&j, NULL, (uint64_t)p->input_h);
    json_integer(&j, NULL, (uint64_t)p->input_w);
    json_integer(&j, NULL, l->info.c);
    json_end(&j);
    json_list(&j, "points", true);
    for (uint32_t i = 0; i < p->count; i++) {
        json_object(&j, NULL, false);
        json_float(&j, "x", p->at[i].x);
        json_float(&j, "y", p->at[i].y);
        json_float(&j, "score", p->at[i].score);
        json_end(&j);
    }
    json_end(&j);
    json_number(&j, "ms", p->network_ms + p->select_ms);
    json_number(&j, "network_ms", p->network_ms);
    json_integer(&j, "arena_bytes", l->bytes.total);
    json_end(&j);
    return json_print(&j);
}

static int print_summary(const request *r, const points *p, const loaded *l)
{
    enum { SHOWN = 5 };
    print_text(r->picture);
    printf(": %" PRIu32 " points in %.2f ms (network %" PRId32 "x%" PRId32 " %.2f ms, arena %s)\n", p->count,
           p->network_ms + p->select_ms, p->input_h, p->input_w, p->network_ms, print_bytes((double)l->bytes.total));
    for (uint32_t i = 0; i < p->count && i < SHOWN; i++)
        printf("  %8.1f %8.1f  score %.4f\n", (double)p->at[i].x, (double)p->at[i].y, (double)p->at[i].score);
    return TOOL_OK;
}

static int find(const request *r)
{
    tvis_diag d;
    loaded l;
    points p = { 0 };
    int status = TOOL_OK;
    if (points_model(&l, r->model, &r->points, &d))
        status = print_diag(l.path, &d);
    else if (points_find(&p, &l, r->picture, &r->points, &d))
        status = print_diag(r->picture, &d);
    else if (r->output &&
             (files_ends_with(r->output, ".csv") ? write_table(&p, r->output, &d) : write_picture(&p, r->output, &d)))
        status = print_diag(r->output, &d);
    if (status == TOOL_OK)
        status = r->json ? print_json(&p, &l) : print_summary(r, &p, &l);
    points_free(&p);
    model_unload(&l);
    return status;
}

static int run(int argc, char **argv)
{
    request r = { .points = POINTS_DEFAULTS };
    const arg_option options[] = {
        OPTION_OUTPUT(&r.output, "write the picture with the points (.png, .ppm) or a table\nof them (.csv)"),
        POINTS_OPTIONS(&r.points),
        OPTION_JSON(&r.json),
        { 0 },
    };
    int count, status = args_parse(&cmd_keypoints, options, argc, argv, &count, 1, 2);
    if (status != ARGS_GO_ON)
        return status;
    status = points_operands(&cmd_keypoints, count, argv, 1, &r.model);
    r.picture = argv[count - 1];
    if (status == ARGS_GO_ON)
        status = check(&r);
    return status == ARGS_GO_ON ? find(&r) : status;
}

const command cmd_keypoints = { "keypoints", "[M.tvis] IMAGE [options]",
                                "points of a picture that are found again in others", run };
