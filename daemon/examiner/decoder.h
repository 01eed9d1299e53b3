/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "examiner-protocol.h"

#include <stddef.h>
#include <stdint.h>

/* A caller's picture, untrusted, becomes raw RGB. Runs in an instance of its own without devices, never in the
 * process that judges. */

typedef struct DecodedPicture {
        uint8_t *pixels;               /* RGB, rows of width * 3 bytes without padding */
        uint32_t width, height;        /* at most PIXELS_SIDE_MAX each */
} DecodedPicture;

/* Decodes `size` bytes of a JPEG, PNG or JPEG 2000 (JP2 file or bare codestream) picture, turned upright as its EXIF
 * orientation says, transparency over white, and scaled down so that no side exceeds PIXELS_SIDE_MAX. Sizes are
 * checked against the limits before pixels are allocated. Returns a DecodeOutcome; with DECODE_DONE, `ret` holds
 * pixels to be freed with decoded_picture_done(). */
DecodeOutcome decoder_decode(const uint8_t *data, size_t size, DecodedPicture *ret);
void decoded_picture_done(DecodedPicture *p);

/* Reads the picture in descriptor `picture` (a sealed memfd: it cannot change while it is read) and writes the
 * pixels to `pixels`, an empty memfd that is grown to size and sealed by its owner afterwards. */
DecodeOutcome decoder_run(int picture, int pixels, uint32_t *ret_width, uint32_t *ret_height);
