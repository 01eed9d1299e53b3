/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pictures for tests, made with the same libraries that read them: no photo is ever committed.
 *
 * All show the same pattern: four quadrants of one colour each, so that every turn and mirror image differs:
 * red above left, green above right, blue below left, yellow below right. */

typedef struct Bytes {
        uint8_t *data;
        size_t size;
} Bytes;

void bytes_done(Bytes *b);
Bytes bytes_copy(const Bytes *b, size_t size);
/* Puts `n` bytes into `b` before `at`. */
void bytes_insert(Bytes *b, size_t at, const void *data, size_t n);

/* The pattern's colour at a pixel. */
void pattern_colour(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint8_t ret[static 3]);

typedef struct JpegKind {
        uint32_t width, height;
        bool grey, rgb, cmyk, progressive;
        bool many_scans;               /* progressive, each coefficient in a scan of its own */
        bool plain;                    /* one grey value throughout */
        uint8_t brightness;            /* that value; 0 for 128 */
        bool banded;                   /* with `plain`: 235 less that value in the quarters above and below */
        unsigned luma_across, luma_down; /* sampling factors; 0 for the library's own (2 × 2) */
        unsigned quality;              /* 0 for 90 */
        unsigned orientation;          /* of EXIF; 0 for none */
        bool big_endian;               /* of EXIF */
} JpegKind;

Bytes picture_jpeg(const JpegKind *kind);

typedef struct PngKind {
        uint32_t width, height;
        int colour_type, depth;        /* as in png.h */
        bool interlaced;
        unsigned alpha;                /* of all pixels where there is alpha, 0 to 255 */
        bool transparent_corner;       /* tRNS: what is red is transparent */
        unsigned orientation;
        size_t text;                   /* length of a compressed text */
        bool plain;
} PngKind;

Bytes picture_png(const PngKind *kind);

typedef struct Jpeg2000Kind {
        uint32_t width, height;
        bool bare, grey, alpha, ycc, is_signed, lossy;
        unsigned precision;            /* 0 for 8 */
        unsigned subsampling;          /* of chroma; 0 for 1 */
        unsigned resolutions;          /* 0 for 6 */
        unsigned tile;                 /* side; 0 for one tile */
        unsigned alpha_value;
} Jpeg2000Kind;

Bytes picture_jpeg2000(const Jpeg2000Kind *kind);
