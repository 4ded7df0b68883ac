/* SPDX-License-Identifier: MIT */
/* YUV is BT.601 with limited range, in integers:
 *   c = Y - 16, d = U - 128, e = V - 128
 *   R = clip((298 c         + 409 e + 128) >> 8)
 *   G = clip((298 c - 100 d - 208 e + 128) >> 8)
 *   B = clip((298 c + 516 d         + 128) >> 8)
 * A chroma sample serves all pixels that share it, without interpolation. RGB565 repeats the high bits of a field
 * in its low bits. Gray is (19595 R + 38470 G + 7471 B + 32768) >> 16, the ITU-R 601-2 luma of Pillow's convert("L").
 */
#include "models/pixel.h"

#include "core/port.h"

typedef struct rgb {
    uint8_t r, g, b;
} rgb;

static const uint8_t pixel_bytes[] = { 3, 3, 1, 2, 2, 1 }; /* ORDER TVIS_PIXEL; YUYV: a half pair, NV12: Y alone */
TVIS_STATIC_ASSERT(pixel_bytes, sizeof pixel_bytes == TVIS_PIXEL_COUNT_);

int32_t tvis_pixel_row_bytes(uint8_t format, int32_t width)
{
    return format < TVIS_PIXEL_COUNT_ ? pixel_bytes[format] * width : 0;
}

static uint8_t clip8(int32_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static rgb from_yuv(uint8_t y, uint8_t u, uint8_t v)
{
    int32_t c = 298 * (y - 16) + 128, d = u - 128, e = v - 128;
    return (rgb){ clip8((c + 409 * e) >> 8), clip8((c - 100 * d - 208 * e) >> 8), clip8((c + 516 * d) >> 8) };
}

static rgb from_rgb565(const uint8_t *p)
{
    uint32_t v = p[0] | (uint32_t)p[1] << 8, r = v >> 11, g = v >> 5 & 63, b = v & 31;
    return (rgb){ (uint8_t)(r << 3 | r >> 2), (uint8_t)(g << 2 | g >> 4), (uint8_t)(b << 3 | b >> 2) };
}

static uint8_t luma(rgb p)
{
    return (uint8_t)((p.r * 19595u + p.g * 38470u + p.b * 7471u + 0x8000u) >> 16);
}

static inline uint8_t *put(uint8_t *dst, rgb p, int32_t channels)
{
    if (channels == 1) {
        *dst = luma(p);
        return dst + 1;
    }
    dst[0] = p.r;
    dst[1] = p.g;
    dst[2] = p.b;
    return dst + 3;
}

void tvis_pixel_row(const tvis_image *image, int32_t y, int32_t x, int32_t n, int32_t channels, uint8_t *dst)
{
    const uint8_t *row = image->data + (size_t)y * (size_t)image->stride, *p = row;
    switch ((tvis_pixel_format)image->format) {
    case TVIS_PIXEL_RGB:
        for (p += 3 * x; n > 0; n--, p += 3)
            dst = put(dst, (rgb){ p[0], p[1], p[2] }, channels);
        break;
    case TVIS_PIXEL_BGR:
        for (p += 3 * x; n > 0; n--, p += 3)
            dst = put(dst, (rgb){ p[2], p[1], p[0] }, channels);
        break;
    case TVIS_PIXEL_GRAY:
        memcpy(dst, p + x, (size_t)n);
        break;
    case TVIS_PIXEL_RGB565:
        for (p += 2 * x; n > 0; n--, p += 2)
            dst = put(dst, from_rgb565(p), channels);
        break;
    case TVIS_PIXEL_YUYV:
        for (; n > 0; n--, x++) {
            p = row + (x & ~1) * 2;
            dst = put(dst, from_yuv(p[(x & 1) * 2], p[1], p[3]), channels);
        }
        break;
    case TVIS_PIXEL_NV12: {
        const uint8_t *uv = image->uv + (size_t)(y / 2) * (size_t)image->stride;
        for (; n > 0; n--, x++)
            dst = put(dst, from_yuv(row[x], uv[x & ~1], uv[x | 1]), channels);
        break;
    }
    case TVIS_PIXEL_COUNT_:
        break;
    }
}
