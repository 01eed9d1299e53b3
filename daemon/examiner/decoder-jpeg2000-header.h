/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "decoder.h"

#include <stdbool.h>

/* What a JPEG 2000 picture would cost, found out before OpenJPEG sees it. OpenJPEG allocates for every tile,
 * component, precinct and code-block that the headers promise, and a few bytes can promise billions. */
typedef struct Jpeg2000Header {
        uint32_t width, height;        /* on the reference grid */
        unsigned components;           /* 1 to 4 */
        unsigned levels;               /* how often every tile can be halved while it is decoded, 0 to 32 */
} Jpeg2000Header;

/* DECODE_DONE, or why the picture is not decoded. `bare` as in decode_jpeg2000(). */
DecodeOutcome jpeg2000_header_read(const uint8_t *data, size_t size, bool bare, Jpeg2000Header *ret);
