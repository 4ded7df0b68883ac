/* SPDX-License-Identifier: MIT */
/* The folder of an optimization: what is in it stays, what is missing is made. */
#define _DEFAULT_SOURCE
#include "child.h"
#include "crc.h"
#include "fail.h"
#include "inputs.h"
#include "making.h"
#include "manifest.h"
#include "optimize.h"
#include "print.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_LENGTH = 120, KEY_LENGTH = RECIPE_LENGTH + 80 };

typedef union request {
    prune_request prune;
    quantize_request quantize;
} request;

/* ---- stages as command lines ---- */

static bool wants_pictures(const recipe_stage *r)
{
    const bool quantized = r->kind == RECIPE_QUANTIZE;
    return !r->plain && (!quantized || strcmp(r->method, "int8") == 0 || strcmp(r->method, "int4") == 0);
}

/* Takes the stage for a command line of `tinyvis prune` or `tinyvis quantize`, which know their options. */
static int parse_stage(const optimize *o, const recipe_stage *r, const char *input, const char *output, request *q)
{
    char *argv[RECIPE_WORDS + 8];
    int argc = 0;
    for (uint32_t i = 0; i < r->words; i++)
        argv[argc++] = (char *)(uintptr_t)r->word[i]; /* args_parse() moves the pointers only */
    if (o->calibrate && wants_pictures(r)) {
        argv[argc++] = (char *)(uintptr_t) "--calibrate";
        argv[argc++] = (char *)(uintptr_t)o->calibrate;
    }
    argv[argc++] = (char *)(uintptr_t) "--output";
    argv[argc++] = (char *)(uintptr_t)output;
    argv[argc++] = (char *)(uintptr_t) "--";
    argv[argc++] = (char *)(uintptr_t)input;
    const int status =
        r->kind == RECIPE_PRUNE ? prune_parse(&q->prune, argc, argv) : quantize_parse(&q->quantize, argc, argv);
    if (r->kind == RECIPE_PRUNE)
        q->prune.quiet = true;
    else
        q->quantize.quiet = true;
    return status;
}

/* ---- names ---- */

/* "2-magnitude-0.3-dynamic.tvis": the number of the stage and all methods and options so far. */
static void stage_name(const optimize *o, uint32_t number, char *name)
{
    size_t n = (size_t)snprintf(name, NAME_LENGTH, "%u", (unsigned)number);
    uint32_t crc = 0;
    for (uint32_t i = 0; i < number; i++) {
        const char *text = o->recipe.stage[i].text + strcspn(o->recipe.stage[i].text, "=");
        crc = crc32_bytes(crc, text, strlen(text));
        for (; *text && n < NAME_LENGTH; text++) {
            const bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.", *text) != NULL;
            if (plain || name[n - 1] != '-')
                name[n++] = plain ? *text : '-';
        }
    }
    if (n + sizeof "-12345678.tvis" > NAME_LENGTH)
        n = NAME_LENGTH - sizeof "-12345678.tvis";
    const bool cut = n + sizeof "-12345678.tvis" == NAME_LENGTH;
    if (cut)
        n += (size_t)snprintf(name + n, NAME_LENGTH - n, "-%08x", (unsigned)crc);
    (void)snprintf(name + n, NAME_LENGTH - n, ".tvis");
}

/* A temporary file of tvis_file_write() that its process could not finish. */
static bool is_leftover(const char *name)
{
    return strncmp(name, "tinyvis-", 8) == 0 && files_ends_with(name, ".tmp");
}

/* ---- the folder ---- */

/* Whether there is anything but what an interrupted run leaves. */
static tvis_status look_into(const char *folder, bool *empty, tvis_diag *d)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    *empty = true;
    if (!dir)
        return tool_fail_value(d, TVIS_EIO, TVIS_DIAG_SYSTEM, folder, NULL, -1, errno);
    while ((e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && !is_leftover(e->d_name))
            *empty = false;
    (void)closedir(dir); /* only read from */
    return TVIS_OK;
}

static void remove_leftovers(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    while (dir && (e = readdir(dir)) != NULL) {
        char *path = is_leftover(e->d_name) ? files_join(folder, e->d_name) : NULL;
        if (path)
            (void)unlink(path); /* in nobody's way if it stays */
        free(path);
    }
    if (dir)
        (void)closedir(dir);
}

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

/* A folder that is not there is fine; one with files has to be ours. */
static int check_folder(const optimize *o)
{
    struct stat s;
    tvis_diag d;
    bool empty;
    if (stat(o->folder, &s) != 0)
        return errno == ENOENT ? TOOL_OK : print_failure(o->folder, strerror(errno));
    if (!S_ISDIR(s.st_mode))
        return print_failure(o->folder, "is not a folder");
    if (look_into(o->folder, &empty, &d))
        return print_diag(o->folder, &d);
    char *path = files_join(o->folder, MANIFEST_NAME);
    const bool ours = path && exists(path);
    manifest m = { 0 };
    int status = TOOL_OK;
    if (ours && manifest_read(&m, path, &d))
        status = print_diag(path, &d);
    else if (!ours && !empty)
        status = print_failure(o->folder, "holds files that are not of this command: choose a new or an empty folder");
    manifest_free(&m);
    free(path);
    return status;
}

static int open_folder(optimize *o)
{
    if (mkdir(o->folder, 0777) != 0 && errno != EEXIST)
        return print_failure(o->folder, strerror(errno));
    o->lock = open(o->folder, O_RDONLY | O_CLOEXEC);
    if (o->lock < 0)
        return print_failure(o->folder, strerror(errno));
    if (flock(o->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return print_failure(o->folder, "another run is at work in this folder");
    remove_leftovers(o->folder);
    return check_folder(o); /* again, now that it is ours */
}

/* ---- checks before any work ---- */

static bool is_plain(const loaded *l, bool *sparse)
{
    tvis_weight_info w;
    bool plain = true;
    *sparse = false;
    for (uint32_t i = 0; i < l->info.tensors; i++)
        if (tvis_model_weight(&l->model, i, &w)) {
            plain = plain && w.dtype == TVIS_F32;
            *sparse = *sparse || w.sparse;
        }
    return plain;
}

static int check_input(optimize *o)
{
    tvis_diag d;
    loaded l;
    bool sparse;
    int status = TOOL_OK;
    if (model_load(&l, o->input, 1, &d))
        status = print_diag(o->input, &d);
    else if (!is_plain(&l, &sparse))
        status = print_failure(o->input, "is quantized already: a recipe starts from a model with 32-bit floats");
    else if (sparse && o->recipe.stage[0].kind == RECIPE_PRUNE)
        status = print_failure(o->input, "is pruned already: prune the plain model");
    o->classifier = l.info.classes > 0;
    if (status == TOOL_OK && o->label_file && !o->classifier)
        status = print_failure(o->input, "is not a classifier: it needs no labels");
    if (status == TOOL_OK && o->label_file && labels_read_csv(o->label_file, l.info.classes, &o->labels, &d))
        status = print_diag(o->label_file, &d);
    model_unload(&l);
    return status;
}

static int check_pictures(optimize *o)
{
    tvis_diag d;
    file_list calibration = { NULL, 0 };
    if (o->calibrate && files_of_folder(o->calibrate, &calibration, &d))
        return print_diag(o->calibrate, &d);
    o->answers_on = o->images ? "images" : o->calibrate ? "calibration pictures" : "patterns";
    if (!o->images)
        o->pictures = calibration;
    else
        files_free(&calibration);
    if (o->images && !o->label_file && files_of_folder(o->images, &o->pictures, &d))
        return print_diag(o->images, &d);
    if (!o->label_file)
        return TOOL_OK;
    o->pictures.path = calloc(o->labels.count, sizeof *o->pictures.path);
    for (size_t i = 0; o->pictures.path && i < o->labels.count; i++) {
        char *path = files_join(o->images, o->labels.row[i].file);
        if (!path)
            break;
        o->pictures.path[o->pictures.count++] = path;
        if (!exists(path))
            return print_failure(path, "is in the table of labels, but cannot be found");
    }
    return o->pictures.count == o->labels.count ? TOOL_OK : print_failure(o->label_file, "no memory");
}

static int check_goals(const optimize *o)
{
    if (!o->label_file && (goals_need(&o->goals, GOAL_ACCURACY) || goals_need(&o->goals, GOAL_TOP5)))
        return print_failure("--goal", "accuracy and top5 need --images and --labels");
    if (!o->classifier && goals_need(&o->goals, GOAL_AGREE))
        return print_failure("--goal", "agree needs a classifier");
    return TOOL_OK;
}

static char *copy(const char *text)
{
    char *p = malloc(strlen(text) + 1);
    return p ? strcpy(p, text) : NULL;
}

static int name_stages(optimize *o)
{
    char name[NAME_LENGTH];
    o->stages = o->recipe.stages + 1;
    for (uint32_t i = 0; i < o->stages; i++) {
        stage *s = &o->stage[i];
        s->text = i ? o->recipe.stage[i - 1].text : "original";
        stage_name(o, i, name);
        s->path = i ? files_join(o->folder, name) : copy(o->input);
        if (!s->path)
            return print_failure(o->folder, "no memory");
    }
    return TOOL_OK;
}

int optimize_check(optimize *o)
{
    request q;
    int status = name_stages(o);
    for (uint32_t i = 1; i < o->stages && status == TOOL_OK; i++) {
        status = parse_stage(o, &o->recipe.stage[i - 1], o->stage[i - 1].path, o->stage[i].path, &q);
        status = status == ARGS_GO_ON ? TOOL_OK : status;
    }
    if (status == TOOL_OK)
        status = check_input(o);
    if (status == TOOL_OK)
        status = check_pictures(o);
    if (status == TOOL_OK)
        status = check_goals(o);
    if (status == TOOL_OK)
        status = check_folder(o);
    return status == TOOL_OK ? ARGS_GO_ON : status;
}

/* ---- making ---- */

static int file_crc(const char *path, uint32_t *crc)
{
    tvis_file f;
    tvis_diag d;
    if (tvis_file_open(&f, path, &d))
        return print_diag(path, &d);
    *crc = crc32_bytes(0, f.data, f.size);
    tvis_file_close(&f);
    return TOOL_OK;
}

/* Of the names and contents of all calibration pictures. */
static int calibration_crc(const optimize *o, uint32_t *crc)
{
    file_list files = { NULL, 0 };
    tvis_diag d;
    int status = TOOL_OK;
    *crc = 0;
    if (!o->calibrate)
        return TOOL_OK;
    if (files_of_folder(o->calibrate, &files, &d))
        return print_diag(o->calibrate, &d);
    for (size_t i = 0; i < files.count && status == TOOL_OK; i++) {
        uint32_t one = 0;
        const char *name = strrchr(files.path[i], '/');
        status = file_crc(files.path[i], &one);
        *crc = crc32_bytes(*crc, name, strlen(name));
        *crc = crc32_bytes(*crc, &one, sizeof one);
    }
    files_free(&files);
    return status;
}

static int run_request(void *arg)
{
    const optimize *o = ((const optimize *const *)arg)[0];
    const stage *s = ((const stage *const *)arg)[1];
    const recipe_stage *r = &o->recipe.stage[s - o->stage - 1];
    request q;
    const int status = parse_stage(o, r, s[-1].path, s->path, &q);
    if (status != ARGS_GO_ON)
        return status;
    return r->kind == RECIPE_PRUNE ? prune_run(&q.prune) : quantize_run(&q.quantize);
}

/* Whether the file is there as the manifest says. A file of another origin is an error. */
static int is_made(const stage *s, const manifest_entry *e, const char *key, bool *made)
{
    uint32_t crc = 0;
    *made = false;
    if (!exists(s->path))
        return TOOL_OK;
    if (!e || strcmp(e->key, key) != 0)
        return print_failure(s->path, e ? "was made of another model, pictures or options: choose another folder"
                                        : "is not of this command: choose another folder");
    if (!e->done)
        return TOOL_OK;
    const int status = file_crc(s->path, &crc);
    *made = status == TOOL_OK && crc == e->crc;
    return status;
}

static int make(optimize *o, stage *s, manifest *m, const char *path, const char *name, const char *key)
{
    tvis_diag d;
    const void *arg[2] = { o, s };
    const double start = stats_now_ms();
    if (manifest_begin(m, name, key, &d) || manifest_write(m, path, &d))
        return print_diag(path, &d);
    int status = child_run(run_request, arg, s->path, NULL);
    s->seconds = (stats_now_ms() - start) / 1000;
    manifest_entry *e = manifest_find(m, name);
    if (status == TOOL_OK)
        status = file_crc(s->path, &e->crc);
    e->done = status == TOOL_OK;
    if (status == TOOL_OK && manifest_write(m, path, &d))
        status = print_diag(path, &d);
    return status;
}

static int make_stages(optimize *o, manifest *m, const char *path)
{
    char key[KEY_LENGTH];
    uint32_t pictures = 0, parent = 0;
    int status = calibration_crc(o, &pictures);
    if (status == TOOL_OK)
        status = file_crc(o->input, &parent);
    for (uint32_t i = 1; i < o->stages && status == TOOL_OK; i++) {
        stage *s = &o->stage[i];
        const recipe_stage *r = &o->recipe.stage[i - 1];
        const char *name = strrchr(s->path, '/') + 1;
        bool made;
        (void)snprintf(key, sizeof key, "%d.%d.%d %08x %08x %s", TVIS_VERSION_MAJOR, TVIS_VERSION_MINOR,
                       TVIS_VERSION_PATCH, (unsigned)parent, wants_pictures(r) ? (unsigned)pictures : 0u, r->text);
        status = is_made(s, manifest_find(m, name), key, &made);
        if (status == TOOL_OK && !made)
            status = make(o, s, m, path, name, key);
        parent = status == TOOL_OK ? manifest_find(m, name)->crc : 0;
    }
    return status;
}

/* What a program has that runs the model: loads it, runs it twice. */
static int run_twice(void *arg)
{
    const optimize *o = ((const optimize *const *)arg)[0];
    const stage *of = ((const stage *const *)arg)[1];
    loaded l;
    tvis_tensor in;
    tvis_diag d;
    double ms;
    tvis_status s = model_load(&l, of->path, o->threads, &d);
    if (!s)
        s = model_start(&l, 1, 0, 0, &d);
    for (int i = 0; i < 2 && !s; i++) {
        s = source_pattern(&l, &in, &d);
        if (!s)
            s = model_run(&l, &in, &ms, &d);
    }
    const int status = s ? print_diag(of->path, &d) : TOOL_OK;
    model_unload(&l);
    return status;
}

int optimize_make(optimize *o)
{
    tvis_diag d;
    manifest m = { 0 };
    int status = open_folder(o);
    char *path = files_join(o->folder, MANIFEST_NAME);
    if (status == TOOL_OK && !path)
        status = print_failure(o->folder, "no memory");
    if (status == TOOL_OK && (exists(path) ? manifest_read(&m, path, &d) : manifest_write(&m, path, &d)))
        status = print_diag(path, &d);
    if (status == TOOL_OK)
        status = make_stages(o, &m, path);
    manifest_free(&m);
    free(path);
    for (uint32_t i = 0; i < o->stages && status == TOOL_OK; i++) {
        const void *arg[2] = { o, &o->stage[i] };
        status = child_run(run_twice, arg, o->stage[i].path, &o->stage[i].peak_rss_kb);
    }
    return status;
}
