/* SPDX-License-Identifier: MIT */
/* Faults in the whole tool. For each command and each kind of function: the first, second, third … call fails, alone or
 * with all after it, or moves half of what it should, or the process is killed there. Then the tool ended by itself
 * with status 0 or 1; said in one line what failed, if anything did; gave back all memory, closed all files, left no
 * temporary file; and its output is the old file, or the whole new one, or not there. With TINYVIS_FULL=1 every call,
 * else some of each kind. */
#define _DEFAULT_SOURCE
#include "tests/faults/tool_faults.h"
#include "core/port.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEW        9u /* faults of a kind and code in the short form */
#define MOST_SHOWN 10
#define OLD        "what was there before"
#define RESULT     "result" /* a folder that a command may make */
#define PRINTED    "stdout.txt"

/* What they make is used by none of them. */
static const tvt_command commands[] = {
    { "convert",
      "out.tvis",
      { "convert", "-m", "mobilenet_v2", "weights.safetensors", "--width", "0.35", "--labels", "names.txt", "-o",
        "out.tvis" } },
    { "convert from a .pth", NULL, { "convert", "-m", "mobilenet_v2", "weights.pth", "-o", "out.tvis" } },
    { "convert --random", "out.tvis", { "convert", "-m", "resnet20_cifar10", "--random", "3", "-o", "out.tvis" } },
    { "quantize int8",
      "out.tvis",
      { "quantize", "plain.tvis", "-o", "out.tvis", "--mode", "int8", "--calibrate", "pictures", "--observer", "minmax",
        "--equalize", "on" } },
    { "quantize int8 --max-drop",
      "out.tvis",
      { "quantize", "plain.tvis", "-o", "out.tvis", "--mode", "int8", "--calibrate", "pictures", "--labels",
        "labels.csv", "--observer", "mse", "--max-drop", "0" } },
    { "quantize dynamic", "out.tvis", { "quantize", "plain.tvis", "-o", "out.tvis", "--mode", "dynamic" } },
    { "quantize fp16", "out.tvis", { "quantize", "plain.tvis", "-o", "out.tvis", "--mode", "fp16" } },
    { "quantize int4",
      "out.tvis",
      { "quantize", "plain.tvis", "-o", "out.tvis", "--mode", "int4", "--calibrate", "pictures" } },
    { "prune",
      "out.tvis",
      { "prune", "plain.tvis", "-o", "out.tvis", "--amount", "0.5", "--modules", "features.1?.*", "--calibrate",
        "pictures" } },
    { "prune channels",
      "out.tvis",
      { "prune", "plain.tvis", "-o", "out.tvis", "--method", "channel", "--amount", "0.02", "--modules", "features.2.*",
        "--calibrate", "pictures" } },
    { "prune low rank",
      "out.tvis",
      { "prune", "plain.tvis", "-o", "out.tvis", "--method", "lowrank", "--amount", "0.3", "--calibrate",
        "pictures" } },
    { "optimize",
      NULL,
      { "optimize", "plain.tvis", "-o", "result", "--recipe", "prune=magnitude:0.3,quantize=dynamic", "--images",
        "pictures", "--labels", "labels.csv", "--runs", "1", "--batch", "1" } },
    { "pack", "out.tvis", { "pack", "plain.tvis", "--target", "avx2", "-o", "out.tvis" } },
    { "info", NULL, { "info", "int8.tvis", "--layers", "--json" } },
    { "run", "out.npy", { "run", "plain.tvis", "pictures/a.ppm", "-o", "out.npy", "--json" } },
    { "run int8 in three threads", NULL, { "run", "int8.tvis", "pictures/a.ppm", "pictures/b.ppm", "--threads", "3" } },
    { "eval", NULL, { "eval", "plain.tvis", "--images", "pictures", "--labels", "labels.csv", "--json" } },
    { "compare", NULL, { "compare", "plain.tvis", "int8.tvis", "--images", "pictures", "--layers" } },
    { "profile", NULL, { "profile", "int8.tvis", "--json" } },
    { "keypoints", "out.csv", { "keypoints", "pictures/a.ppm", "-o", "out.csv" } },
    { "embed", "out.c", { "embed", "int8.tvis", "-o", "out.c" } },
    { "verify", NULL, { "verify", "int8.tvis", "--json" } },
};

/* ORDER TVT_FAULT */
static const char *const kind_names[] = { "alloc", "open",  "stat",   "mmap",   "read",  "write",
                                          "sync",  "close", "rename", "thread", "folder" };

static const tvt_injection faults[] = {
    { TVT_ALLOC, ENOMEM, 0, false },   { TVT_ALLOC, ENOMEM, 0, true },    { TVT_OPEN, EACCES, 0, false },
    { TVT_OPEN, EMFILE, 0, true },     { TVT_STAT, EIO, 0, false },       { TVT_MMAP, ENODEV, 0, false },
    { TVT_MMAP, ENOMEM, 0, true },     { TVT_READ, EIO, 0, false },       { TVT_READ, EIO, 0, true },
    { TVT_READ, TVT_SHORT, 0, false }, { TVT_READ, TVT_SHORT, 0, true },  { TVT_WRITE, ENOSPC, 0, false },
    { TVT_WRITE, EIO, 0, true },       { TVT_WRITE, TVT_SHORT, 0, true }, { TVT_SYNC, EIO, 0, false },
    { TVT_SYNC, ENOSPC, 0, true },     { TVT_CLOSE, EIO, 0, false },      { TVT_CLOSE, ENOSPC, 0, true },
    { TVT_RENAME, EXDEV, 0, false },   { TVT_THREAD, EAGAIN, 0, false },  { TVT_FOLDER, EIO, 0, false },
    { TVT_ALLOC, TVT_KILL, 0, false }, { TVT_OPEN, TVT_KILL, 0, false },  { TVT_WRITE, TVT_KILL, 0, false },
    { TVT_SYNC, TVT_KILL, 0, false },  { TVT_CLOSE, TVT_KILL, 0, false }, { TVT_RENAME, TVT_KILL, 0, false },
};

typedef struct reference { /* the command without faults */
    tvt_outcome o;
    uint8_t *output;
    size_t size;
} reference;

typedef struct tally {
    uint32_t injected, killed, failed, shown;
} tally;

static tally all;

/* ---- files ---- */

/* Removes the files of a folder that have this in their names. */
static int remove_files(const char *folder, const char *part)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        n += strstr(e->d_name, part) && unlinkat(dirfd(d), e->d_name, 0) == 0;
    if (d)
        (void)closedir(d);
    return n;
}

/* Temporary files of the tool; removes them. */
static int leftovers(void)
{
    return remove_files(".", ".tmp") + remove_files(RESULT, ".tmp");
}

/* ---- one fault ---- */

static bool one_line(const char *s)
{
    const char *end = strchr(s, '\n');
    return strncmp(s, "tinyvis: ", 9) == 0 && end && end[1] == '\0';
}

/* What is wrong with how a command ended, NULL: nothing. */
static const char *judge(const tvt_command *c, const reference *r, const tvt_outcome *o, bool had_old, bool kill)
{
    size_t size = 0;
    uint8_t *out = c->output ? tvt_whole_file(c->output, &size) : NULL;
    const bool old = out && size == sizeof OLD && memcmp(out, OLD, size) == 0;
    const bool whole = out && size == r->size && memcmp(out, r->output, size) == 0;
    const bool left = leftovers() > 0;
    const char *bad = NULL;
    free(out);
    if (c->output && !(whole || (had_old ? old : !out)))
        bad = "the output is neither old nor whole";
    else if (kill && o->signal == SIGKILL)
        bad = NULL; /* whatever else it left, it had no time to clean up */
    else if (o->signal)
        bad = "crashed";
    else if (o->status != 0 && o->status != 1)
        bad = "ended with a status of its own";
    else if (o->status == 0 ? o->error[0] != '\0' : !one_line(o->error))
        bad = "did not say one line";
    else if (o->status == 0 && c->output && !whole)
        bad = "succeeded without its output";
    else if (o->blocks)
        bad = "memory was not given back";
    else if (o->files)
        bad = "a file was left open";
    else if (left && !kill) /* a process that optimize started may have been the one: the next run removes it */
        bad = "a temporary file was left";
    return bad;
}

static bool one_fault(const tvt_command *c, const reference *r, const tvt_injection *f)
{
    tvt_outcome o;
    const bool had_old = f->skip % 2 == 0;
    if (c->output)
        (void)unlink(c->output);
    (void)remove_files(RESULT, "");
    if (c->output && had_old)
        tvt_put_file(c->output, OLD, sizeof OLD);
    tvt_tool(c, f, PRINTED, &o);
    const bool killed = o.signal == SIGKILL && f->code == TVT_KILL;
    all.injected += o.fired || killed;
    all.killed += killed;
    const char *bad = judge(c, r, &o, had_old, f->code == TVT_KILL);
    if (!bad)
        return true;
    all.failed++;
    if (all.shown++ < MOST_SHOWN)
        printf("# %s: %s %u%s, code %d: %s (status %d, signal %d, %ld blocks, %d files)\n# %s\n", c->name,
               kind_names[f->kind], (unsigned)f->skip, f->goes_on ? " and after" : "", f->code, bad, o.status, o.signal,
               o.blocks, o.files, o.error);
    return false;
}

/* ---- a command ---- */

/* Every call in the long form; else the first, the last and some between. Being killed while memory is asked for stands
 * for any time at all: some are enough. */
static uint32_t step(uint32_t calls, const tvt_injection *f)
{
    const char *full = getenv("TINYVIS_FULL");
    return full && *full == '1' && (f->kind != TVT_ALLOC || f->code != TVT_KILL) ? 1 : calls / FEW + 1;
}

/* A device that is always full takes nothing of what is printed. */
static void full_device(const tvt_command *c)
{
    tvt_outcome o;
    size_t printed;
    tvt_tool(c, NULL, PRINTED, &o);
    free(tvt_whole_file(PRINTED, &printed));
    if (access("/dev/full", W_OK) != 0 || !printed)
        return;
    tvt_tool(c, NULL, "/dev/full", &o);
    if (o.status != 1 || o.signal || !one_line(o.error) || o.blocks || o.files) {
        printf("# %s: status %d, signal %d: %s\n", c->name, o.status, o.signal, o.error);
        all.failed++;
    }
    all.injected++;
}

static void run_command(const tvt_command *c)
{
    reference r = { .output = NULL };
    const uint32_t before = all.injected, bad = all.failed;
    if (c->output)
        (void)unlink(c->output);
    tvt_tool(c, NULL, PRINTED, &r.o);
    r.output = c->output ? tvt_whole_file(c->output, &r.size) : NULL;
    if (judge(c, &r, &r.o, false, false)) {
        printf("not ok - %s: does not work without faults: %s (status %d, %ld blocks, %d files) %s\n", c->name,
               judge(c, &r, &r.o, false, false), r.o.status, r.o.blocks, r.o.files, r.o.error);
        all.failed++;
        free(r.output);
        return;
    }
    for (size_t i = 0; i < TVIS_COUNT(faults); i++) {
        tvt_injection f = faults[i];
        const uint32_t calls = r.o.calls[f.kind], by = step(calls, &f);
        for (f.skip = 0; f.skip < calls; f.skip += by)
            (void)one_fault(c, &r, &f);
        if (calls && (calls - 1) % by) {
            f.skip = calls - 1;
            (void)one_fault(c, &r, &f);
        }
    }
    free(r.output);
    full_device(c);
    printf("%s - %s: %u faults\n", all.failed == bad ? "ok" : "not ok", c->name, (unsigned)(all.injected - before));
}

/* The current folder, and the two in it. */
static void remove_all(const char *folder)
{
    (void)remove_files("pictures", "");
    (void)remove_files(RESULT, "");
    (void)remove_files(".", "");
    (void)rmdir("pictures");
    (void)rmdir(RESULT);
    if (rmdir(folder) != 0)
        tvt_die(folder);
}

static bool chosen(char *const *beginnings, const char *name)
{
    bool is = !*beginnings;
    for (; *beginnings; beginnings++)
        is = is || strncmp(*beginnings, name, strlen(*beginnings)) == 0;
    return is;
}

int main(int argc, char **argv)
{
    (void)argc;
    char folder[] = "/tmp/tinyvis-faults-XXXXXX";
    if (!mkdtemp(folder))
        tvt_die(folder);
    tvt_tool_inputs(folder);
    for (size_t i = 0; i < TVIS_COUNT(commands); i++)
        if (chosen(argv + 1, commands[i].name))
            run_command(&commands[i]);
    printf("# faults injected %u, of which killed %u; failures %u\n", (unsigned)all.injected, (unsigned)all.killed,
           (unsigned)all.failed);
    remove_all(folder);
    return all.failed != 0;
}
