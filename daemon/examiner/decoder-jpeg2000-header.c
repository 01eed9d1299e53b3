/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder-jpeg2000-header.h"
#include "decoder-internal.h"
#include "macro.h"

/* Far beyond what encoders do for pictures of our sizes (one tile, or some of 1024 × 1024; code-blocks of
 * 32 or 64; precincts of 128 or more; up to a few dozen layers). */
#define COMPONENTS_MAX 4
#define TILES_MAX 1024
#define LAYERS_MAX 128
#define PRECINCT_EXPONENT_MIN 5
#define CODE_BLOCK_EXPONENT_MIN 4

/* ITU-T T.800, A.2 */
enum {
        MARKER_SOC = 0xff4f,
        MARKER_SIZ = 0xff51,
        MARKER_COD = 0xff52,
        MARKER_COC = 0xff53,
        MARKER_SOT = 0xff90,
        MARKER_SOD = 0xff93,
        MARKER_EOC = 0xffd9,
};

typedef struct Span {
        const uint8_t *data;
        size_t size;
} Span;

static uint32_t be16(const uint8_t *p) {
        return (uint32_t) p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p) {
        return be16(p) << 16 | be16(p + 2);
}

/* A.5.1: the segment without its marker and length. */
static DecodeOutcome read_size(Span s, Jpeg2000Header *h) {
        uint64_t x1, y1, x0, y0, tile_width, tile_height, tile_x0, tile_y0, across, down;
        DecodeOutcome outcome;

        if (s.size < 36)
                return DECODE_DAMAGED;

        x1 = be32(s.data + 2);
        y1 = be32(s.data + 6);
        x0 = be32(s.data + 10);
        y0 = be32(s.data + 14);
        tile_width = be32(s.data + 18);
        tile_height = be32(s.data + 22);
        tile_x0 = be32(s.data + 26);
        tile_y0 = be32(s.data + 30);
        h->components = be16(s.data + 34);

        if (x0 >= x1 || y0 >= y1 || tile_width == 0 || tile_height == 0 || tile_x0 > x0 || tile_y0 > y0 ||
                        h->components == 0 || s.size != 36 + 3 * (size_t) h->components)
                return DECODE_DAMAGED;

        outcome = picture_size_check(x1 - x0, y1 - y0);
        if (outcome != DECODE_DONE)
                return outcome;

        across = (x1 - tile_x0 + tile_width - 1) / tile_width;
        down = (y1 - tile_y0 + tile_height - 1) / tile_height;
        if (h->components > COMPONENTS_MAX || across > TILES_MAX || down > TILES_MAX ||
                        across * down > TILES_MAX)
                return DECODE_UNSUPPORTED;

        for (unsigned i = 0; i < h->components; i++) {
                const uint8_t *c = s.data + 36 + 3 * i;

                if ((c[0] & 0x7f) + 1 > 16)
                        return DECODE_UNSUPPORTED;
                if (c[1] == 0 || c[2] == 0)
                        return DECODE_DAMAGED;
        }

        h->width = (uint32_t) (x1 - x0);
        h->height = (uint32_t) (y1 - y0);
        return DECODE_DONE;
}

/* Table A.20: what COD and COC have in common. */
static DecodeOutcome read_coding(Span s, bool precincts, Jpeg2000Header *h) {
        unsigned levels;

        if (s.size < 5)
                return DECODE_DAMAGED;

        levels = s.data[0];
        if (levels > 32)
                return DECODE_DAMAGED;
        if (levels < h->levels)
                h->levels = levels;

        if (s.data[1] + 2 < CODE_BLOCK_EXPONENT_MIN || s.data[2] + 2 < CODE_BLOCK_EXPONENT_MIN)
                return DECODE_UNSUPPORTED;

        if (!precincts)
                return DECODE_DONE;
        if (s.size < 5 + (size_t) levels + 1)
                return DECODE_DAMAGED;
        for (unsigned i = 0; i <= levels; i++)
                if ((s.data[5 + i] & 0x0f) < PRECINCT_EXPONENT_MIN ||
                                s.data[5 + i] >> 4 < PRECINCT_EXPONENT_MIN)
                        return DECODE_UNSUPPORTED;

        return DECODE_DONE;
}

static DecodeOutcome read_segment(uint32_t marker, Span s, Jpeg2000Header *h) {
        switch (marker) {
        case MARKER_SIZ:
                return DECODE_DAMAGED; /* the first segment, and no other */
        case MARKER_COD:               /* A.6.1 */
                if (s.size < 10)
                        return DECODE_DAMAGED;
                if (be16(s.data + 2) > LAYERS_MAX)
                        return DECODE_UNSUPPORTED;
                return read_coding((Span){ s.data + 5, s.size - 5 }, s.data[0] & 1, h);
        case MARKER_COC: /* A.6.2; up to 256 components, their index has one byte */
                if (s.size < 7)
                        return DECODE_DAMAGED;
                return read_coding((Span){ s.data + 2, s.size - 2 }, s.data[1] & 1, h);
        default:
                return DECODE_DONE;
        }
}

/* Reads segments from `at` up to `stop` (SOT or SOD), of which `at` is set to the position. */
static DecodeOutcome read_segments(Span s, size_t *at, uint32_t stop, Jpeg2000Header *h) {
        for (;;) {
                uint32_t marker, length;
                DecodeOutcome outcome;

                if (*at > s.size || s.size - *at < 4)
                        return DECODE_DAMAGED;

                marker = be16(s.data + *at);
                if (marker == stop)
                        return DECODE_DONE;
                if (marker < 0xff00)
                        return DECODE_DAMAGED;

                length = be16(s.data + *at + 2);
                if (length < 2 || length > s.size - *at - 2)
                        return DECODE_DAMAGED;

                outcome = read_segment(marker, (Span){ s.data + *at + 4, length - 2 }, h);
                if (outcome != DECODE_DONE)
                        return outcome;

                *at += 2 + length;
        }
}

/* A.4.2: from tile-part to tile-part, whose headers may change the coding. */
static DecodeOutcome read_tile_parts(Span s, size_t at, Jpeg2000Header *h) {
        for (;;) {
                DecodeOutcome outcome;
                size_t header;
                uint32_t size;

                if (s.size - at < 2)
                        return DECODE_DAMAGED;
                if (be16(s.data + at) == MARKER_EOC)
                        return DECODE_DONE;
                if (s.size - at < 12 || be16(s.data + at) != MARKER_SOT || be16(s.data + at + 2) != 10)
                        return DECODE_DAMAGED;

                size = be32(s.data + at + 6);
                header = at + 12;
                outcome = read_segments(s, &header, MARKER_SOD, h);
                if (outcome != DECODE_DONE)
                        return outcome;

                if (size == 0) /* up to the end of the codestream */
                        return DECODE_DONE;
                if (size > s.size - at || at + size < header + 2)
                        return DECODE_DAMAGED;

                at += size;
        }
}

static DecodeOutcome read_codestream(Span s, Jpeg2000Header *h) {
        DecodeOutcome outcome;
        uint32_t length;
        size_t at;

        if (s.size < 6 || be16(s.data) != MARKER_SOC || be16(s.data + 2) != MARKER_SIZ)
                return DECODE_DAMAGED;

        length = be16(s.data + 4);
        if (length < 2 || length > s.size - 4)
                return DECODE_DAMAGED;

        h->levels = 32;
        outcome = read_size((Span){ s.data + 6, length - 2 }, h);
        if (outcome != DECODE_DONE)
                return outcome;

        at = 4 + (size_t) length;
        outcome = read_segments(s, &at, MARKER_SOT, h);
        if (outcome != DECODE_DONE)
                return outcome;

        return read_tile_parts(s, at, h);
}

/* I.4: the type and the contents of the box at the beginning of `s`, which is moved behind it. */
static bool read_box(Span *s, uint32_t *ret_type, Span *ret) {
        uint64_t length, header = 8;

        if (s->size < 8)
                return false;

        length = be32(s->data);
        if (length == 0)
                length = s->size;
        else if (length == 1) {
                if (s->size < 16)
                        return false;
                length = (uint64_t) be32(s->data + 8) << 32 | be32(s->data + 12);
                header = 16;
        }
        if (length < header || length > s->size)
                return false;

        *ret_type = be32(s->data + 4);
        *ret = (Span){ s->data + header, (size_t) (length - header) };
        *s = (Span){ s->data + length, s->size - (size_t) length };
        return true;
}

/* A palette's columns become components. */
static DecodeOutcome check_header_box(Span s) {
        uint32_t type;
        Span box;

        while (read_box(&s, &type, &box))
                if (type == 0x70636c72 /* pclr */ && (box.size < 3 || box.data[2] > COMPONENTS_MAX))
                        return DECODE_UNSUPPORTED;

        return DECODE_DONE;
}

DecodeOutcome jpeg2000_header_read(const uint8_t *data, size_t size, bool bare, Jpeg2000Header *ret) {
        Span s = { data, size }, box;
        Jpeg2000Header h = {};
        DecodeOutcome outcome = DECODE_DAMAGED;
        uint32_t type;

        if (bare)
                outcome = read_codestream(s, &h);
        else
                while (read_box(&s, &type, &box)) {
                        if (type == 0x6a703263 /* jp2c */) {
                                outcome = read_codestream(box, &h);
                                break;
                        }
                        if (type == 0x6a703268 /* jp2h */) {
                                outcome = check_header_box(box);
                                if (outcome != DECODE_DONE)
                                        return outcome;
                                outcome = DECODE_DAMAGED;
                        }
                }

        if (outcome == DECODE_DONE)
                *ret = h;
        return outcome;
}
