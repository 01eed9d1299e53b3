/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-fitness.h"
#include "macro.h"

#include <linux/videodev2.h>
#include <math.h>

/* The rule asks how many pixels a camera has between the eyes, as everything that follows depends on that. No camera
 * tells its field of view, so that of the usual 1080p webcam is taken: 78° from corner to corner, 70° along the longer
 * side.
 *
 *   pixels = longer side × distance between the eyes ÷ (2 × working distance × tan 35°)
 *
 * Face: 63 mm between an adult's eyes (the mean; Dodgson, Variation and extrema of human interpupillary distance,
 * 2004), 75 cm away at a counter, and the 36 pixels below which a frame is not used (EYE_DISTANCE_MIN in quality.cpp):
 * 600 pixels.
 *
 * Document: a portrait 22 mm wide, as on identity cards, has 5.5 mm between the eyes, a quarter of its width (ISO/IEC
 * 19794-5, token image), 25 cm away, and 30 pixels, below which a printed portrait loses certainty
 * (docs/thresholds.md): 1910 pixels. So 1920 × 1080 does, and 1280 × 720 does not, with 20. */
#define TAN_OF_HALF_VIEW 0.70021

static const struct {
        double eyes_mm, distance_mm;
        uint32_t pixels_min;
        uint32_t rate_wanted, rate_min; /* frames per 1000 s */
} needs[_CAMERA_ROLE_MAX] = {
        /* slower modes are used only where there is none of 24 frames a second (capture-mode.c); at 5 the 15 frames
         * that an answer takes at least come in 3 s */
        [CAMERA_ROLE_FACE] = { 63, 750, 36, 24000, 5000 },
        /* a card lies still */
        [CAMERA_ROLE_DOCUMENT] = { 5.5, 250, 30, 1000, 1000 },
};

/* The sides of frames that are looked at at all (capture-mode.h). */
#define SIDE_MIN 64U
#define SIDE_MAX 4096U

static bool format_in(uint32_t fourcc, const uint32_t *formats, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (formats[i] == fourcc)
                        return true;
        return false;
}

static bool usable(const CameraMode *m, bool *ret_colour) {
        static const uint32_t colour[] = {
                V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_JPEG,
        };

        *ret_colour = format_in(m->fourcc, colour, ELEMENTSOF(colour));
        return (*ret_colour || m->fourcc == V4L2_PIX_FMT_GREY) && m->width >= SIDE_MIN && m->width <= SIDE_MAX &&
               m->height >= SIDE_MIN && m->height <= SIDE_MAX;
}

static uint32_t longer_side(const CameraMode *m) {
        return m->width > m->height ? m->width : m->height;
}

/* How far the number of pixels is from what is best for a face: |log₂| of the ratio, as capture-mode.c has it. */
static double distance(const CameraMode *m) {
        static const double ideals[] = { 1280 * 720, 640 * 480 };
        double least = INFINITY, pixels = (double) m->width * m->height;

        for (size_t i = 0; i < ELEMENTSOF(ideals); i++)
                least = fmin(least, fabs(log2(pixels / ideals[i])));
        return least;
}

/* Which of two modes is used. A document's camera shall show as much as it can; of modes that are slow for a face the
 * fastest is taken, as capture-mode.c has it. */
static bool better(const CameraMode *a, const CameraMode *b, CameraRole role, bool slow) {
        double x, y;

        if (!b)
                return true;
        if (role == CAMERA_ROLE_DOCUMENT)
                return longer_side(a) > longer_side(b);
        if (slow && a->rate != b->rate)
                return a->rate == 0 || (b->rate != 0 && a->rate > b->rate);
        x = distance(a);
        y = distance(b);
        return x < y || (x <= y && longer_side(a) > longer_side(b));
}

/* The mode of this kind that is used: of those that are fast, or with `slow` fast enough (what tells no rate counts as
 * fast); NULL for none. */
static const CameraMode *best_mode(const CameraMode *modes, size_t n, bool colour, bool slow, CameraRole role) {
        const uint32_t rate_min = slow ? needs[role].rate_min : needs[role].rate_wanted;
        const CameraMode *best = NULL;

        for (size_t i = 0; i < n; i++) {
                bool of_colour;

                if (usable(&modes[i], &of_colour) && of_colour == colour &&
                    (modes[i].rate == 0 || modes[i].rate >= rate_min) && better(&modes[i], best, role, slow))
                        best = &modes[i];
        }
        return best;
}

/* Any colour comes before grey. */
static const CameraMode *used_mode(const CameraMode *modes, size_t n, CameraRole role, bool *ret_colour) {
        const CameraMode *mode = NULL;

        for (unsigned pass = 0; pass < 4 && !mode; pass++) {
                *ret_colour = pass < 2;
                mode = best_mode(modes, n, *ret_colour, /* slow= */ pass % 2, role);
        }
        return mode;
}

static bool any_usable(const CameraMode *modes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                bool colour;

                if (usable(&modes[i], &colour))
                        return true;
        }
        return false;
}

static uint32_t eye_pixels(const CameraMode *m, CameraRole role) {
        double seen_mm = 2 * needs[role].distance_mm * TAN_OF_HALF_VIEW;

        return (uint32_t) floor(longer_side(m) * needs[role].eyes_mm / seen_mm);
}

bool camera_modes_usable(const CameraMode *modes, size_t n, bool *ret_colour) {
        const CameraMode *mode = used_mode(modes, n, CAMERA_ROLE_FACE, ret_colour);

        *ret_colour = *ret_colour && mode;
        return mode;
}

CameraFitness camera_modes_fitness(const CameraMode *modes, size_t n, CameraRole role, uint32_t *ret_eye_pixels) {
        const CameraMode *mode;
        bool colour;

        *ret_eye_pixels = 0;
        mode = used_mode(modes, n, role, &colour);
        if (!mode)
                return any_usable(modes, n) ? CAMERA_SLOW : CAMERA_NO_FORMAT;

        *ret_eye_pixels = eye_pixels(mode, role);
        if (*ret_eye_pixels < needs[role].pixels_min)
                return CAMERA_FEW_PIXELS;
        return colour ? CAMERA_FIT : CAMERA_NO_COLOUR;
}

const char *camera_fitness_to_string(CameraFitness f) {
        static const char *const words[_CAMERA_FITNESS_MAX] = {
                [CAMERA_FIT] = "fit",
                [CAMERA_NO_COLOUR] = "no-colour",
                [CAMERA_FEW_PIXELS] = "few-pixels",
                [CAMERA_SLOW] = "slow",
                [CAMERA_NO_FORMAT] = "no-format",
                [CAMERA_NO_HARDWARE] = "no-hardware",
                [CAMERA_NOT_PINNED] = "not-pinned",
                [CAMERA_NOT_AVAILABLE] = "not-available",
        };

        return words[f];
}

/* Brightness alone, in 8 to 16 bits, packed or not, also of two sensors side by side. */
static bool is_grey(uint32_t fourcc) {
        static const uint32_t grey[] = {
                V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_Y4, V4L2_PIX_FMT_Y6, V4L2_PIX_FMT_Y10, V4L2_PIX_FMT_Y12,
                V4L2_PIX_FMT_Y14, V4L2_PIX_FMT_Y16, V4L2_PIX_FMT_Y10BPACK, V4L2_PIX_FMT_Y10P, V4L2_PIX_FMT_Y8I,
                V4L2_PIX_FMT_Y12I,
        };

        return format_in(fourcc, grey, ELEMENTSOF(grey));
}

static bool is_depth(uint32_t fourcc) {
        static const uint32_t depth[] = { V4L2_PIX_FMT_Z16, V4L2_PIX_FMT_INZI };

        return format_in(fourcc, depth, ELEMENTSOF(depth));
}

CameraKind camera_modes_kind(const CameraMode *modes, size_t n) {
        size_t grey = 0, depth = 0;

        for (size_t i = 0; i < n; i++) {
                grey += is_grey(modes[i].fourcc);
                depth += is_depth(modes[i].fourcc);
        }
        if (n == 0)
                return CAMERA_KIND_UNKNOWN;
        if (grey + depth < n)
                return CAMERA_KIND_COLOUR;
        return grey > 0 ? CAMERA_KIND_INFRARED : CAMERA_KIND_DEPTH;
}

const char *camera_kind_to_string(CameraKind k) {
        static const char *const words[_CAMERA_KIND_MAX] = {
                [CAMERA_KIND_UNKNOWN] = "unknown",
                [CAMERA_KIND_COLOUR] = "colour",
                [CAMERA_KIND_INFRARED] = "infrared",
                [CAMERA_KIND_DEPTH] = "depth",
        };

        return words[k];
}
