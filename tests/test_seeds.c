/* SPDX-License-Identifier: MIT */
/* Seeds of the blob fuzzer are blobs of today's format: one that does not open shows it nothing. `make fuzz-seeds`
 * writes them again. */
#define _DEFAULT_SOURCE
#include "tests/exercise.h"
#include "tests/network.h"

#include <dirent.h>

/* Weights in the order of kernels that this processor does not have. */
static bool is_for_another_processor(const tvis_model *m, const tvis_session_config *c, const char *name)
{
    size_t bytes;
    tvis_diag d;
    if (!strstr(name, "_packed") || !tvis_session_size(m, c, &bytes, &d))
        return false;
    assert_int_equal(d.code, TVIS_DIAG_NO_KERNEL);
    return true;
}

static void each_opens_and_runs(void **state)
{
    static const char folder[] = "tests/fuzz/seeds/blob";
    int count = 0;
    DIR *d = opendir(folder);
    (void)state;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char path[400];
        tvis_file f;
        tvis_model m;
        tvis_diag diag;
        tvis_session_config c;
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        tvt_ok(tvis_file_open(&f, path, &diag), &diag);
        tvt_ok(tvis_model_open(&m, f.data, f.size, &diag), &diag);
        tvt_ok(tvis_blob_verify(&m, &diag), &diag);
        tvis_session_defaults(&c);
        if (!is_for_another_processor(&m, &c, e->d_name)) {
            assert_true(tvt_exercise(&m, c));
            count++;
        }
        tvis_file_close(&f);
    }
    assert_int_equal(closedir(d), 0);
    assert_true(count >= 18);
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(each_opens_and_runs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
