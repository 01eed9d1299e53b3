/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder-internal.h"
#include "macro.h"

#include <libexif/exif-data.h>

DecodeOutcome picture_size_check(uint64_t width, uint64_t height) {
        if (width == 0 || height == 0)
                return DECODE_DAMAGED;
        if (width > PICTURE_PIXELS_MAX || height > PICTURE_PIXELS_MAX || width * height > PICTURE_PIXELS_MAX)
                return DECODE_TOO_MANY_PIXELS;

        return DECODE_DONE;
}

/* `side` of a picture whose longer side is `longer`, scaled down to the limit. */
static uint32_t scaled_side(uint32_t side, uint32_t longer) {
        uint64_t scaled;

        if (longer <= PIXELS_SIDE_MAX)
                return side;

        scaled = ((uint64_t) side * PIXELS_SIDE_MAX + longer / 2) / longer;
        return scaled > 0 ? (uint32_t) scaled : 1;
}

bool row_scaler_init(
                RowScaler *s, uint32_t full_width, uint32_t full_height, uint32_t width, uint32_t height) {
        uint32_t longer = full_width > full_height ? full_width : full_height;

        *s = (RowScaler){
                .source_width = width,
                .source_height = height,
                .picture.width = scaled_side(full_width, longer),
                .picture.height = scaled_side(full_height, longer),
        };

        /* A decoder that scales rounds as it likes. */
        if (s->picture.width > width)
                s->picture.width = width;
        if (s->picture.height > height)
                s->picture.height = height;

        s->picture.pixels = calloc(s->picture.height, (size_t) s->picture.width * 3);
        s->across = calloc(s->picture.width, 3 * sizeof(uint64_t));
        s->sum = calloc(s->picture.width, 3 * sizeof(uint64_t));
        if (!s->picture.pixels || !s->across || !s->sum) {
                row_scaler_done(s);
                return false;
        }

        return true;
}

void row_scaler_done(RowScaler *s) {
        free(s->picture.pixels);
        free(s->across);
        free(s->sum);
        *s = (RowScaler){};
}

/* Area average. In units of 1/width (of the result) of a source pixel, each source pixel is `width` long
 * and each pixel of the result `source_width`; overlaps are the weights, so that everything stays exact
 * in integers. Sums are at most 255 × PICTURE_PIXELS_MAX. */
static void average_across(RowScaler *s, const uint8_t *rgb) {
        const uint64_t long_side = s->source_width, width = s->picture.width;
        uint64_t *out = s->across, end = long_side, at = 0;

        memset(s->across, 0, width * 3 * sizeof(uint64_t));

        for (uint64_t i = 0; i < long_side; i++, rgb += 3) {
                uint64_t next = at + width, first = next < end ? width : end - at, rest = width - first;

                for (unsigned c = 0; c < 3; c++)
                        out[c] += rgb[c] * first;

                if (next >= end && i + 1 < long_side) {
                        out += 3;
                        end += long_side;
                        for (unsigned c = 0; c < 3; c++)
                                out[c] += rgb[c] * rest;
                }
                at = next;
        }
}

static void finish_row(RowScaler *s, uint64_t rest) {
        const uint64_t weight = (uint64_t) s->source_width * s->source_height;
        const size_t samples = (size_t) s->picture.width * 3;
        uint8_t *out = s->picture.pixels + s->row * samples;

        for (size_t i = 0; i < samples; i++) {
                out[i] = (uint8_t) ((s->sum[i] + weight / 2) / weight);
                s->sum[i] = s->across[i] * rest;
        }

        s->row++;
}

void row_scaler_push(RowScaler *s, const uint8_t *rgb) {
        const size_t samples = (size_t) s->picture.width * 3;
        uint64_t at, next, end, first;

        if (s->source_row >= s->source_height)
                return;

        if (s->picture.width == s->source_width && s->picture.height == s->source_height) {
                memcpy(s->picture.pixels + s->row * samples, rgb, samples);
                s->source_row++;
                s->row++;
                return;
        }

        average_across(s, rgb);

        /* The same as across, for rows: each may belong to two rows of the result, never to three. */
        at = (uint64_t) s->source_row * s->picture.height;
        next = at + s->picture.height;
        end = (uint64_t) (s->row + 1) * s->source_height;
        first = next < end ? s->picture.height : end - at;

        for (size_t i = 0; i < samples; i++)
                s->sum[i] += s->across[i] * first;

        s->source_row++;
        if (next >= end)
                finish_row(s, s->picture.height - first);
}

bool row_scaler_take(RowScaler *s, DecodedPicture *ret) {
        if (s->source_row < s->source_height || s->row < s->picture.height)
                return false;

        *ret = s->picture;
        s->picture = (DecodedPicture){};
        return true;
}

unsigned exif_orientation(const uint8_t *data, size_t size) {
        static const uint8_t header[] = { 'E', 'x', 'i', 'f', 0, 0 };
        _cleanup_free_ uint8_t *copy = NULL;
        unsigned orientation = 1;
        ExifEntry *entry;
        ExifData *exif;

        /* A JPEG segment holds no more; libexif wants the segment's own header before the TIFF header. */
        if (size > UINT16_MAX)
                return 1;

        copy = malloc(sizeof(header) + size);
        if (!copy)
                return 1;

        memcpy(copy, header, sizeof(header));
        memcpy(copy + sizeof(header), data, size);

        exif = exif_data_new_from_data(copy, (unsigned) (sizeof(header) + size));
        if (!exif)
                return 1;

        entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
        if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 && entry->size >= 2)
                orientation = exif_get_short(entry->data, exif_data_get_byte_order(exif));
        exif_data_unref(exif);

        return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/* EXIF 2.3, tag 274: which visual side the stored first row and first column are. */
bool picture_turn(DecodedPicture *p, unsigned orientation) {
        const bool swapped = orientation >= 5;
        const uint32_t width = swapped ? p->height : p->width, height = swapped ? p->width : p->height;
        uint8_t *turned, *out;

        if (orientation <= 1 || orientation > 8)
                return true;

        turned = out = calloc(height, (size_t) width * 3);
        if (!turned)
                return false;

        for (uint32_t y = 0; y < height; y++)
                for (uint32_t x = 0; x < width; x++, out += 3) {
                        uint32_t column = swapped ? y : x, row = swapped ? x : y;

                        if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                                column = p->width - 1 - column;
                        if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                                row = p->height - 1 - row;

                        memcpy(out, p->pixels + ((size_t) row * p->width + column) * 3, 3);
                }

        free(p->pixels);
        *p = (DecodedPicture){ .pixels = turned, .width = width, .height = height };
        return true;
}
