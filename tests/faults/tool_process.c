/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "tests/faults/tool_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS  120u /* that a command may take: it has come to nothing by then */
#define MOST_ARG 18

int tvt_tool_main(int argc, char **argv);

void tvt_die(const char *what)
{
    fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    exit(2);
}

uint8_t *tvt_whole_file(const char *path, size_t *size)
{
    struct stat s;
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    if (fstat(fileno(f), &s) != 0)
        tvt_die(path);
    uint8_t *data = calloc(1, (size_t)s.st_size + 1);
    if (!data)
        tvt_die(path);
    *size = fread(data, 1, (size_t)s.st_size, f);
    (void)fclose(f);
    return data;
}

static int open_files(void)
{
    int n = 0;
    for (int fd = 0; fd < 64; fd++)
        n += fcntl(fd, F_GETFD) != -1;
    return n;
}

static void redirect(const char *path, int to)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || dup2(fd, to) < 0 || close(fd) != 0)
        tvt_die(path);
}

/* Does not return. What is allocated and open at the end is compared with the beginning. */
static void child(const tvt_command *c, const tvt_injection *fault, const char *printed, int report)
{
    static char text[MOST_ARG][64];
    char *argv[MOST_ARG] = { "tinyvis" };
    int argc = 1;
    for (; c->args[argc - 1]; argc++)
        argv[argc] = strcpy(text[argc], c->args[argc - 1]);
    redirect(printed, STDOUT_FILENO);
    redirect("stderr.txt", STDERR_FILENO);
    (void)alarm(SECONDS);
    tvt_outcome o = { .blocks = -tvt_fault_blocks(), .files = -open_files() };
    for (int k = 0; k < TVT_FAULT_COUNT_; k++)
        o.calls[k] = 0u - (uint32_t)tvt_fault_calls((tvt_fault_kind)k);
    if (fault)
        tvt_fault(fault->kind, fault->skip, fault->code);
    if (fault && fault->goes_on)
        tvt_fault_go_on();
    o.status = tvt_tool_main(argc, argv);
    o.fired = tvt_fault_fired();
    o.blocks += tvt_fault_blocks();
    o.files += open_files();
    for (int k = 0; k < TVT_FAULT_COUNT_; k++)
        o.calls[k] += (uint32_t)tvt_fault_calls((tvt_fault_kind)k);
    if (write(report, &o, sizeof o) != (ssize_t)sizeof o)
        tvt_die("report");
    exit(o.status); /* the leak sanitizer, where there is one, looks too */
}

static void read_error(tvt_outcome *o)
{
    FILE *f = fopen("stderr.txt", "rb");
    if (!f)
        tvt_die("stderr.txt");
    o->error[fread(o->error, 1, sizeof o->error - 1, f)] = '\0';
    (void)fclose(f);
}

void tvt_tool(const tvt_command *c, const tvt_injection *fault, const char *printed, tvt_outcome *o)
{
    int ends[2], status;
    (void)fflush(stdout);
    if (pipe(ends) != 0)
        tvt_die("pipe");
    const pid_t pid = fork();
    if (pid < 0)
        tvt_die("fork");
    if (pid == 0)
        child(c, fault, printed, ends[1]);
    (void)close(ends[1]);
    memset(o, 0, sizeof *o);
    const bool told = read(ends[0], o, sizeof *o) == (ssize_t)sizeof *o;
    (void)close(ends[0]);
    if (waitpid(pid, &status, 0) != pid)
        tvt_die("waitpid");
    o->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (WIFEXITED(status) && (!told || WEXITSTATUS(status) != o->status))
        o->status = -WEXITSTATUS(status); /* a sanitizer's */
    read_error(o);
}
