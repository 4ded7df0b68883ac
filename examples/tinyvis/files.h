/* SPDX-License-Identifier: MIT */
/* Names of files. */
#ifndef TINYVIS_TOOL_FILES_H
#define TINYVIS_TOOL_FILES_H

#include <tinyvis/types.h>

/* Whether both names lead to one existing file, links included. */
bool files_same(const char *a, const char *b);
/* Whether the name ends so; case does not matter. */
bool files_ends_with(const char *name, const char *ending);
/* "folder/name" from malloc, or NULL. */
char *files_join(const char *folder, const char *name);

/* Names from malloc. */
typedef struct file_list {
    char **path;
    size_t count;
} file_list;
/* The pictures and .npy files of a folder, told by their endings, in the order of their bytes. A folder without any is
 * an error. Errors: EIO, ENOMEM, EINVAL. On failure the list is empty. */
tvis_status files_of_folder(const char *folder, file_list *l, tvis_diag *d);
void files_free(file_list *l);

#endif
