/* SPDX-License-Identifier: MIT */
/* Pictures from a formula, the same as in tests/golden/preprocess/make_preprocess.py, and how expectations are read. */
#ifndef TVT_PICTURES_H
#define TVT_PICTURES_H

#include "tests/tvt.h"

#include "core/blob.h"

#define TVT_PREPROCESS_DIR "tests/golden/preprocess/"

static inline uint8_t tvt_noise(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed * 0x9e3779b9u;
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return (uint8_t)((x ^ x >> 16) >> 24);
}

/* Noise, black and white, or ramps with noise, by seed % 3. w * h * c bytes. */
static inline void tvt_synthetic(uint8_t *to, uint32_t seed, uint32_t w, uint32_t h, uint32_t c)
{
    for (uint32_t i = 0; i < w * h * c; i++) {
        const uint32_t noise = tvt_noise(i, seed), k = i % c, x = i / c % w, y = i / c / w;
        const uint32_t ramp = 3 * x + 2 * y + 40 * k + noise / 16;
        to[i] = (uint8_t)(seed % 3 == 0 ? noise : seed % 3 == 1 ? (noise > 127 ? 255 : 0) : ramp);
    }
}

/* The next line of a text that is no comment, without its newline; NULL at the end. Changes the text. */
static inline char *tvt_line(char **text)
{
    while (**text) {
        char *line = *text, *end = strchr(line, '\n');
        *text = end ? end + 1 : line + strlen(line);
        if (end)
            *end = '\0';
        if (*line && *line != '#')
            return line;
    }
    return NULL;
}

#endif
