/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "tests/faults/tool_faults.h"
#include "tests/weight_file.h"

#include <sys/stat.h>
#include <unistd.h>

static const tvt_command made[] = {
    { "",
      "plain.tvis",
      { "convert", "-m", "mobilenet_v2", "--random", "1", "--classes", "4", "--width", "0.1", "--size", "32", "-o",
        "plain.tvis" } },
    { "",
      "int8.tvis",
      { "quantize", "plain.tvis", "-o", "int8.tvis", "--mode", "int8", "--calibrate", "pictures", "--observer",
        "minmax", "--equalize", "off" } },
};

void tvt_put_file(const char *name, const void *data, size_t size)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        tvt_die(name);
}

static void put_text(const char *name, const char *text)
{
    tvt_put_file(name, text, strlen(text));
}

static void put_picture(const char *name, unsigned seed)
{
    uint8_t ppm[13 + 40 * 32 * 3] = "P6\n40 32\n255\n";
    for (size_t i = 13; i < sizeof ppm; i++)
        ppm[i] = (uint8_t)((i * 7 + seed) * (i / 120 + seed) >> 3);
    tvt_put_file(name, ppm, sizeof ppm);
}

/* Of MobileNetV2 at width 0.35, and of something else. */
static void put_weights(const char *folder)
{
    size_t size;
    uint8_t *pth = tvt_whole_file("tests/golden/weights/checkpoint.pth", &size);
    if (!pth || chdir(folder) != 0)
        tvt_die(folder);
    tvt_put_file("weights.pth", pth, size);
    free(pth);
    (void)make_weights(NULL);
    write_entries(count);
    if (rename(path, "weights.safetensors") != 0)
        tvt_die(path);
    (void)free_weights(NULL);
}

void tvt_tool_inputs(const char *folder)
{
    tvt_outcome o;
    put_weights(folder);
    if (mkdir("pictures", 0777) != 0)
        tvt_die("pictures");
    put_picture("pictures/a.ppm", 1);
    put_picture("pictures/b.ppm", 77);
    put_text("labels.csv", "file,class_index\na.ppm,1\nb.ppm,2\n");
    put_text("names.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    for (size_t i = 0; i < TVIS_COUNT(made); i++) {
        tvt_tool(&made[i], NULL, "stdout.txt", &o);
        if (o.status != 0 || o.signal)
            tvt_die(o.error);
    }
}
