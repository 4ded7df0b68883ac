/* SPDX-License-Identifier: MIT */
/* Pictures in, network input out: colour conversion, resize, crop and normalisation, without allocation. */
#ifndef TINYVIS_IMAGE_H
#define TINYVIS_IMAGE_H

#include <tinyvis/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ORDER TVIS_PIXEL */
typedef enum tvis_pixel_format {
    TVIS_PIXEL_RGB,    /* 3 bytes a pixel */
    TVIS_PIXEL_BGR,    /* 3 bytes a pixel */
    TVIS_PIXEL_GRAY,   /* 1 byte a pixel */
    TVIS_PIXEL_RGB565, /* 2 bytes a pixel, little-endian, red in the high bits */
    TVIS_PIXEL_YUYV,   /* 4 bytes for 2 pixels Y0 U Y1 V; BT.601, limited range; width is even */
    TVIS_PIXEL_NV12,   /* Y plane, then a plane of UV pairs at half size; BT.601, limited range; width and height are even */
    TVIS_PIXEL_COUNT_
} tvis_pixel_format;

/* A picture in the caller's memory. */
typedef struct tvis_image {
    const uint8_t *data;    /* first row of the only plane, or of Y */
    const uint8_t *uv;      /* NV12: the UV plane, same stride; else ignored */
    int32_t        width, height; /* pixels, 1 … 32768 */
    int32_t        stride;  /* bytes from a row to the next, at least one row's bytes */
    uint8_t        format;  /* tvis_pixel_format */
} tvis_image;

typedef enum tvis_filter { TVIS_FILTER_BILINEAR, TVIS_FILTER_BICUBIC, TVIS_FILTER_COUNT_ } tvis_filter;

typedef enum tvis_fit {
    TVIS_FIT_CROP,    /* resize to cover, keeping the ratio, then the centre */
    TVIS_FIT_STRETCH, /* resize to exactly the network's height and width */
    TVIS_FIT_COUNT_
} tvis_fit;

/* How a network wants its pictures. Stored in every blob; tvis_model_preprocess() gives it back. */
typedef struct tvis_preprocess {
    uint8_t filter;   /* tvis_filter, with antialias when shrinking: the pixels of Pillow's resize */
    uint8_t fit;      /* tvis_fit */
    uint8_t channels; /* of the network: 3, or 1 for gray (ITU-R 601-2 luma, as Pillow's convert("L")) */
    uint8_t bgr;      /* 1: the network wants blue first */
    float   crop;     /* FIT_CROP: side of the crop over side of the resized picture, (0, 1]; 0.875 is 224 of 256 */
    float   mean[3], std[3]; /* y = (x / 255 - mean) / std, in the network's channel order */
    float   scale;           /* into S8: clamp(round(y / scale) + zero), halves upwards; 0: the network takes no S8 */
    int32_t zero;            /* -128 … 127 */
} tvis_preprocess;

/* FIT_CROP at H x W: the picture is resized so that it covers round(H / crop) x round(W / crop), its tighter side exactly
 * and the other side rounded down, then the centre H x W is taken, offsets rounded half to even. For square inputs this
 * is torchvision's Resize(round(H / crop)) and CenterCrop(H). A picture that has the size already is not filtered.
 * Pixels are those of Pillow 13: rows first, then columns; columns first where the height shrinks by more than twice
 * as many pixels as the width does (older versions of Pillow go rows first there too).
 * A gray picture serves a network of 3 channels; a colour picture becomes gray before it is resized.
 *
 * Bytes of working memory that tvis_preprocess_run() needs for this picture and output size. */
TVIS_API tvis_status tvis_preprocess_size(const tvis_preprocess *p, const tvis_image *image, int32_t h, int32_t w,
                                          size_t *bytes, tvis_diag *diag);
/* Writes one network input. out->dims are 1, H, W, channels; F32 or, with a scale, S8, in either layout. mem is the caller's, aligned to
 * TVIS_ARENA_ALIGN, at least the bytes above, free again afterwards. Reads the picture only. Any thread.
 * Errors: EINVAL (picture, sizes), ENOMEM (bytes). */
TVIS_API tvis_status tvis_preprocess_run(const tvis_preprocess *p, const tvis_image *image, const tvis_tensor *out,
                                         void *mem, size_t bytes, tvis_diag *diag);
/* The same without normalisation: u8 pixels, dims 1, H, W, channels, NHWC. For pictures that are shown or stored. */
TVIS_API tvis_status tvis_preprocess_u8(const tvis_preprocess *p, const tvis_image *image, int32_t h, int32_t w,
                                        uint8_t *out, void *mem, size_t bytes, tvis_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
