/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../unit/pictures.h"

#include <stddef.h>
#include <stdint.h>

/* The little of AVI that tests need: one stream of pictures. */

typedef struct AviKind {
        uint32_t width, height, rate;
        const char *codec;             /* four characters; NULL for MJPG */
        bool audio;                    /* says that the stream is sound */
} AviKind;

/* Writes a recording; a frame may be empty or no picture at all. */
void avi_write(const char *path, const AviKind *kind, const Bytes *frames, size_t n);

/* The frames of a recording that are not empty, at most `max`; each to be freed with bytes_done().
 * `ret_kind` may be NULL. Returns their number, 0 if the file cannot be read. */
size_t avi_read(const char *path, Bytes *ret, size_t max, AviKind *ret_kind);
