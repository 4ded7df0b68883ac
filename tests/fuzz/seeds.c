/* SPDX-License-Identifier: MIT */
/* seeds FOLDER: writes the networks of networks.h, seeds of fuzz_blob. `make fuzz-seeds` after the format of blobs has
 * changed. */
#include "tests/exercise.h"
#include "tests/fuzz/networks.h"

#include <tinyvis/hosted.h>

int main(int argc, char **argv)
{
    char path[1024];
    if (argc != 2)
        tvt_exercise_die("seeds FOLDER");
    for (uint32_t i = 0; i < TVT_NETWORKS; i++) {
        const tvis_blob *b = tvt_network(i);
        if (snprintf(path, sizeof path, "%s/%s.tvis", argv[1], tvt_network_name(i)) >= (int)sizeof path ||
            tvis_file_write(path, b->data, b->size, NULL))
            tvt_exercise_die(path);
    }
    return 0;
}
