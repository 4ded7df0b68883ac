/* SPDX-License-Identifier: MIT */
/* Everything that inference needs: freestanding, no heap, no I/O. Programs with an operating system add
 * <tinyvis/hosted.h>; those that make models add <tinyvis/convert.h>. */
#ifndef TINYVIS_TINYVIS_H
#define TINYVIS_TINYVIS_H

#include <tinyvis/image.h>
#include <tinyvis/keypoints.h>
#include <tinyvis/model.h>
#include <tinyvis/session.h>
#include <tinyvis/types.h>

#endif
