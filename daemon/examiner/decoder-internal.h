/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decoder.h"

#include <stdbool.h>

/* What the decoders of the single formats share. All data is untrusted. */

/* Takes a picture row by row and keeps it scaled down so that no side exceeds PIXELS_SIDE_MAX. */
typedef struct RowScaler {
        uint32_t source_width, source_height;
        DecodedPicture picture;
        uint32_t source_row, row;      /* the next ones */
        uint64_t *across;              /* the current source row, averaged across, times source_width */
        uint64_t *sum;                 /* of the current row so far, times source_width × source_height */
} RowScaler;

/* The picture's size and the rows that will come; `width` × `height` may be smaller than `full_width` ×
 * `full_height` if the decoder itself has scaled down, but not below the final size. False if out of
 * memory. */
bool row_scaler_init(
                RowScaler *s, uint32_t full_width, uint32_t full_height, uint32_t width, uint32_t height);
void row_scaler_done(RowScaler *s);
/* One row of `width` RGB pixels; what comes after the last row is ignored. */
void row_scaler_push(RowScaler *s, const uint8_t *rgb);
/* The picture, once all rows have come; the caller's from then on. False if rows are missing. */
bool row_scaler_take(RowScaler *s, DecodedPicture *ret);

/* DECODE_DONE, or why a picture of this size is not decoded. */
DecodeOutcome picture_size_check(uint64_t width, uint64_t height);

/* The EXIF orientation, 1 to 8, out of `data`, which begins with the TIFF header; 1 if it says nothing
 * sensible. */
unsigned exif_orientation(const uint8_t *data, size_t size);
/* Turns a picture upright in place; false if out of memory. */
bool picture_turn(DecodedPicture *p, unsigned orientation);

static inline uint8_t over_white(unsigned value, unsigned alpha) {
        return (uint8_t) ((value * alpha + 255U * (255U - alpha) + 127U) / 255U);
}

/* Each decodes one format whose signature has been seen; `ret_orientation` is set with DECODE_DONE. */
DecodeOutcome decode_jpeg(const uint8_t *data, size_t size, DecodedPicture *ret, unsigned *ret_orientation);
DecodeOutcome decode_png(const uint8_t *data, size_t size, DecodedPicture *ret, unsigned *ret_orientation);
/* A JP2 file, or with `bare` a J2K codestream. */
DecodeOutcome decode_jpeg2000(const uint8_t *data, size_t size, bool bare, DecodedPicture *ret);
