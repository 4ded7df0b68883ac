/* SPDX-License-Identifier: MIT */
/* Tables of labels (first byte odd) and lists of class names. They are read from files, so the input becomes one. */
#define _POSIX_C_SOURCE 200809L
#include "examples/tinyvis/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLASSES = 100 };

static const char *put(const uint8_t *data, size_t size)
{
    static char path[] = "/tmp/fuzz-labels-XXXXXX", name[64];
    static int fd = -1;
    if (fd < 0) {
        fd = mkstemp(path);
        (void)unlink(path);
        (void)snprintf(name, sizeof name, "/dev/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return name;
}

static void table(const char *path, size_t size)
{
    label_table t;
    tvis_diag d;
    if (labels_read_csv(path, CLASSES, &t, &d))
        return;
    if (t.count == 0 || t.count > size)
        abort();
    for (size_t i = 0; i < t.count; i++)
        if (!t.row[i].file[0] || strlen(t.row[i].file) > size || t.row[i].class_index >= CLASSES)
            abort();
    labels_free_csv(&t);
}

static void names(const char *path, size_t size)
{
    label_names l;
    tvis_diag d;
    size_t letters = 0;
    if (labels_read_names(path, &l, &d))
        return;
    for (size_t i = 0; i < l.count; i++)
        letters += strlen(l.name[i]) + 1;
    if (l.count == 0 || letters > size + 1)
        abort();
    labels_free_names(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *path = put(data + 1, size - 1);
    if (data[0] & 1)
        table(path, size - 1);
    else
        names(path, size - 1);
    return 0;
}
