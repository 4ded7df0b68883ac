/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "files.h"

#include "fail.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool files_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool files_ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    return n >= e && strcasecmp(name + n - e, ending) == 0;
}

char *files_join(const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, a);
    if (a == 0 || folder[a - 1] != '/')
        path[a++] = '/';
    memcpy(path + a, name, b + 1);
    return path;
}

static bool is_input(const char *name)
{
    static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".pnm", ".npy" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (name[0] != '.' && files_ends_with(name, endings[i]))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add(file_list *l, size_t *room, const char *folder, const char *name)
{
    if (l->count == *room) {
        size_t more = *room ? *room * 2 : 64;
        char **larger = realloc(l->path, more * sizeof *larger);
        if (!larger)
            return false;
        l->path = larger;
        *room = more;
    }
    l->path[l->count] = files_join(folder, name);
    return l->path[l->count] && ++l->count;
}

static tvis_status read_names(DIR *dir, const char *folder, file_list *l, tvis_diag *d)
{
    size_t room = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e && errno)
            return tool_fail_value(d, TVIS_EIO, TVIS_DIAG_SYSTEM, folder, NULL, -1, errno);
        if (!e)
            break;
        if (is_input(e->d_name) && !add(l, &room, folder, e->d_name))
            return tool_fail(d, TVIS_ENOMEM, TVIS_DIAG_MEMORY, folder, NULL);
    }
    if (l->count == 0)
        return tool_fail(d, TVIS_EINVAL, TVIS_DIAG_REFUSED, folder,
                         "no .jpg, .jpeg, .png, .ppm, .pgm or .npy file in this folder");
    return TVIS_OK;
}

tvis_status files_of_folder(const char *folder, file_list *l, tvis_diag *d)
{
    *l = (file_list){ 0 };
    DIR *dir = opendir(folder);
    if (!dir)
        return tool_fail_value(d, TVIS_EIO, TVIS_DIAG_SYSTEM, folder, NULL, -1, errno);
    tvis_status s = read_names(dir, folder, l, d);
    (void)closedir(dir); /* only read from */
    if (s)
        files_free(l);
    else
        qsort(l->path, l->count, sizeof *l->path, by_name);
    return s;
}

void files_free(file_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->path[i]);
    free(l->path);
    *l = (file_list){ 0 };
}
