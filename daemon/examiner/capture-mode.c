/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-mode.h"
#include "macro.h"

#include <math.h>

/* The rule:
 *
 * 1. Colour before grey: faces match and attacks show better in colour. Grey is for cameras without colour.
 * 2. At least 24 frames a second before slower modes: an answer needs a number of frames, and the light
 *    challenge several per colour. Of the rates that a mode offers, the one nearest to 30. If all modes are
 *    slow, the fastest, but not below 5: by then nobody could tell a camera that has gone from one that waits.
 * 3. The number of pixels nearest (by ratio) to 1280×720, or else to 640×480: a face at a counter, half a
 *    metre to a metre away, is then 100 to 300 pixels wide. More only costs time.
 * 4. Uncompressed before MJPEG of the same size and rate: nothing to decode, and no compression artefacts.
 */

#define RATE_ENOUGH 24
#define RATE_LEAST 5
#define RATE_IDEAL 30

typedef struct ModeKind {
        const char *media;
        const char *format;            /* NULL for MJPEG */
        bool colour;
} ModeKind;

/* In order of preference, all else being equal. */
static const ModeKind mode_kinds[] = {
        { "video/x-raw", "NV12", true },
        { "video/x-raw", "YUY2", true },
        { "image/jpeg", NULL, true },
        { "video/x-raw", "GRAY8", false },
};

static const struct {
        int width, height;
} mode_ideals[] = {
        { 1280, 720 },
        { 640, 480 },
};

typedef struct Mode {
        const ModeKind *kind;
        int width, height;
        int rate_numerator, rate_denominator;
        double rate;                   /* frames a second */
        double distance;               /* from the ideal: |log₂| of the ratio of pixels */
} Mode;

static GstCaps *mode_to_caps(const Mode *mode) {
        GstCaps *caps;

        caps = gst_caps_new_simple(mode->kind->media, "width", G_TYPE_INT, mode->width, "height", G_TYPE_INT,
                        mode->height, "framerate", GST_TYPE_FRACTION, mode->rate_numerator,
                        mode->rate_denominator, NULL);
        if (mode->kind->format)
                gst_caps_set_simple(caps, "format", G_TYPE_STRING, mode->kind->format, NULL);

        return caps;
}

/* What we could use of one kind. */
static GstCaps *mode_filter_new(const ModeKind *kind, bool slow) {
        GstCaps *caps;

        caps = gst_caps_new_simple(kind->media, "width", GST_TYPE_INT_RANGE, FRAME_SIDE_MIN, FRAME_SIDE_MAX,
                        "height", GST_TYPE_INT_RANGE, FRAME_SIDE_MIN, FRAME_SIDE_MAX, "framerate",
                        GST_TYPE_FRACTION_RANGE, slow ? RATE_LEAST : RATE_ENOUGH, 1, 1000, 1, NULL);
        if (kind->format)
                gst_caps_set_simple(caps, "format", G_TYPE_STRING, kind->format, "interlace-mode",
                                G_TYPE_STRING, "progressive", NULL);

        return caps;
}

/* The mode nearest to one ideal among those that one structure (with ranges and lists) stands for. */
static bool mode_read(const GstStructure *offered, const ModeKind *kind, size_t ideal, Mode *ret) {
        GstStructure *s = gst_structure_copy(offered);
        Mode mode = { .kind = kind };
        bool complete;

        (void) gst_structure_fixate_field_nearest_int(s, "width", mode_ideals[ideal].width);
        (void) gst_structure_fixate_field_nearest_int(s, "height", mode_ideals[ideal].height);
        (void) gst_structure_fixate_field_nearest_fraction(s, "framerate", RATE_IDEAL, 1);
        complete = gst_structure_get_int(s, "width", &mode.width) &&
                        gst_structure_get_int(s, "height", &mode.height) &&
                        gst_structure_get_fraction(
                                        s, "framerate", &mode.rate_numerator, &mode.rate_denominator) &&
                        mode.width > 0 && mode.height > 0 && mode.rate_numerator > 0 &&
                        mode.rate_denominator > 0;
        gst_structure_free(s);
        if (!complete)
                return false;

        mode.rate = (double) mode.rate_numerator / mode.rate_denominator;
        mode.distance = fabs(log2((double) mode.width * mode.height /
                        ((double) mode_ideals[ideal].width * mode_ideals[ideal].height)));
        *ret = mode;
        return true;
}

static bool mode_better(const Mode *a, const Mode *b, bool slow) {
        if (!b->kind)
                return true;
        if (slow && a->rate != b->rate)
                return a->rate > b->rate;

        return a->distance < b->distance;
}

/* Modes come in order of preference, so that of equal ones the first stays. */
static bool mode_search(const GstCaps *offered, bool colour, bool slow, Mode *ret) {
        Mode best = { .kind = NULL };

        for (size_t ideal = 0; ideal < ELEMENTSOF(mode_ideals); ideal++)
                for (size_t k = 0; k < ELEMENTSOF(mode_kinds); k++) {
                        GstCaps *filter, *usable;

                        if (mode_kinds[k].colour != colour)
                                continue;

                        filter = mode_filter_new(&mode_kinds[k], slow);
                        usable = gst_caps_intersect((GstCaps *) offered, filter);
                        gst_caps_unref(filter);

                        for (unsigned i = 0; i < gst_caps_get_size(usable); i++) {
                                Mode mode;

                                if (mode_read(gst_caps_get_structure(usable, i), &mode_kinds[k], ideal,
                                                    &mode) &&
                                                mode_better(&mode, &best, slow))
                                        best = mode;
                        }
                        gst_caps_unref(usable);
                }

        *ret = best;
        return best.kind;
}

GstCaps *capture_mode_choose(const GstCaps *offered) {
        Mode mode;

        for (unsigned pass = 0; pass < 4; pass++)
                if (mode_search(offered, /* colour= */ pass < 2, /* slow= */ pass % 2, &mode))
                        return mode_to_caps(&mode);

        return NULL;
}

bool capture_mode_in_colour(const GstCaps *mode) {
        const char *format = gst_structure_get_string(gst_caps_get_structure(mode, 0), "format");

        return !format || !streq(format, "GRAY8");
}

/* Walks the marker segments (ITU-T T.81, B.1.1) up to the frame header. */
bool capture_jpeg_plausible(const uint8_t *data, size_t size, JpegSize *ret) {
        size_t at = 2;

        if (size < 4 || data[0] != 0xff || data[1] != 0xd8)
                return false;

        while (size - at >= 4) {
                uint8_t marker = data[at + 1];
                size_t length;

                if (data[at] != 0xff)
                        return false;
                if (marker == 0xff) { /* fill byte */
                        at++;
                        continue;
                }

                length = (size_t) data[at + 2] << 8 | data[at + 3];
                if (length < 2 || length > size - at - 2)
                        return false;

                if (marker == 0xc0 || marker == 0xc1) {
                        const uint8_t *header = data + at + 4;
                        unsigned height, width;

                        if (length < 8)
                                return false;

                        height = (unsigned) header[1] << 8 | header[2];
                        width = (unsigned) header[3] << 8 | header[4];
                        *ret = (JpegSize) { width, height };
                        return header[0] == 8 && (header[5] == 1 || header[5] == 3) &&
                                        width >= FRAME_SIDE_MIN && width <= FRAME_SIDE_MAX &&
                                        height >= FRAME_SIDE_MIN && height <= FRAME_SIDE_MAX;
                }

                /* DHT, DQT, DRI, APPn and COM may come before; other frame types, and scans without a frame
                 * header, are not what cameras send. */
                if (marker != 0xc4 && marker != 0xdb && marker != 0xdd && marker != 0xfe &&
                                (marker & 0xf0) != 0xe0)
                        return false;

                at += 2 + length;
        }

        return false;
}

bool capture_jpeg_ends(const uint8_t *data, size_t size) {
        while (size > 2 && data[size - 1] == 0)
                size--;

        return size >= 2 && data[size - 2] == 0xff && data[size - 1] == 0xd9;
}
