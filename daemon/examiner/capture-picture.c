/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-picture.h"
#include "macro.h"

#include <math.h>

/* Pixels that are looked at: every fourth of every fourth row. */
#define STEP 4U
#define CELLS 16U

/* A lens that is closed leaves the black level (0 or 16) and noise, which a cell's mean has not; a scene in the dark
 * has lighter and darker places. Nearest to it of the recordings at hand, all of lit rooms: brightness 53, contrast
 * 35. */
#define DARK 24
#define COVERED_BRIGHTNESS 40
#define COVERED_CONTRAST 5
/* Buffers that nobody has written to are zero, which is green; no scene has so little blue and red everywhere. */
#define GREEN 64
/* From one picture to the next: people who move change the mean by 1 % at most (recordings), an exposure that is being
 * found by several. */
#define SETTLED_RATIO 0.02
#define SETTLED_MIN 1.5

typedef struct Plane {
        const uint8_t *data;
        size_t stride, step;
        uint32_t width, height;
} Plane;

static Plane luma_of(const Image *image) {
        Plane p = { image->plane[0], image->stride[0], 1, image->width, image->height };

        if (image->format == PIXEL_FORMAT_YUY2)
                p.step = 2;
        else if (image->format == PIXEL_FORMAT_RGB) {
                /* green is most of it */
                p.step = 3;
                p.data++;
        }
        return p;
}

static bool chroma_of(const Image *image, Plane ret[static 2]) {
        const uint32_t width = image->width / 2, height = image->height / 2;

        switch (image->format) {
        case PIXEL_FORMAT_I420:
        case PIXEL_FORMAT_Y42B:
                for (size_t i = 0; i < 2; i++)
                        ret[i] = (Plane) { image->plane[i + 1], image->stride[i + 1], 1, width, height };
                return true;
        case PIXEL_FORMAT_NV12:
                for (size_t i = 0; i < 2; i++)
                        ret[i] = (Plane) { image->plane[1] + i, image->stride[1], 2, width, height };
                return true;
        case PIXEL_FORMAT_YUY2:
                for (size_t i = 0; i < 2; i++)
                        ret[i] = (Plane) { image->plane[0] + 1 + 2 * i, image->stride[0], 4, width, image->height };
                return true;
        default:
                return false;
        }
}

static double mean_of(const Plane *p) {
        uint64_t sum = 0, n = 0;

        for (uint32_t y = 0; y < p->height; y += STEP)
                for (uint32_t x = 0; x < p->width; x += STEP, n++)
                        sum += p->data[y * p->stride + x * p->step];
        return n > 0 ? (double) sum / (double) n : 0;
}

static void measure_luma(const Plane *p, PictureMeasures *m) {
        uint64_t sums[CELLS][CELLS] = {};
        uint32_t counts[CELLS][CELLS] = {};
        double sum = 0, squares = 0;
        unsigned cells = 0;

        for (uint32_t y = 0; y < p->height; y += STEP)
                for (uint32_t x = 0; x < p->width; x += STEP) {
                        const size_t row = (size_t) y * CELLS / p->height, column = (size_t) x * CELLS / p->width;

                        sums[row][column] += p->data[y * p->stride + x * p->step];
                        counts[row][column]++;
                }

        for (size_t i = 0; i < CELLS * CELLS; i++) {
                double mean;

                if (counts[i / CELLS][i % CELLS] == 0)
                        continue;
                mean = (double) sums[i / CELLS][i % CELLS] / counts[i / CELLS][i % CELLS];
                sum += mean;
                squares += mean * mean;
                cells++;
        }
        m->brightness = cells > 0 ? sum / cells : 0;
        m->contrast = cells > 0 ? sqrt(fmax(squares / cells - m->brightness * m->brightness, 0)) : 0;
}

/* 64 bits at a time; FNV-1a's prime as the multiplier, bits folded down after each step. */
static uint64_t hash_of(const Image *image) {
        const size_t row = luma_of(image).step * image->width;
        uint64_t hash = UINT64_C(14695981039346656037);

        for (uint32_t y = 0; y < image->height; y += 8)
                for (size_t x = 0; x + sizeof(uint64_t) <= row; x += sizeof(uint64_t)) {
                        uint64_t word;

                        memcpy(&word, image->plane[0] + y * image->stride[0] + x, sizeof(word));
                        hash = (hash ^ word) * UINT64_C(1099511628211);
                        hash ^= hash >> 29;
                }
        return hash;
}

static bool grey_throughout(const Plane *luma, uint32_t left, uint32_t top, uint32_t width, uint32_t height) {
        for (uint32_t y = top; y < top + height; y++)
                for (uint32_t x = left; x < left + width; x++)
                        if (luma->data[y * luma->stride + x * luma->step] != 128)
                                return false;
        return true;
}

/* Where its data have ended too early, libjpeg's blocks are zero: grey throughout, which no sensor ever is. The end is
 * below, or wherever a camera that is mounted in another way than upright has it after it was turned. */
static bool cut_off(const Plane *p) {
        const uint32_t block = 8;

        if (p->width < block || p->height < block)
                return false;
        return grey_throughout(p, 0, p->height - block, p->width, block) ||
               grey_throughout(p, 0, 0, p->width, block) || grey_throughout(p, 0, 0, block, p->height) ||
               grey_throughout(p, p->width - block, 0, block, p->height);
}

PictureMeasures picture_measure(const Image *image) {
        PictureMeasures m = { .blue = 128, .red = 128, .hash = hash_of(image) };
        Plane luma = luma_of(image), chroma[2];

        measure_luma(&luma, &m);
        m.cut_off = cut_off(&luma);
        if (chroma_of(image, chroma)) {
                m.blue = mean_of(&chroma[0]);
                m.red = mean_of(&chroma[1]);
        }
        return m;
}

void picture_watch_init(PictureWatch *w, bool awake) {
        *w = (PictureWatch) { .awake = awake };
}

static bool settled(const PictureWatch *w, const PictureMeasures *m) {
        const double most = fmax(SETTLED_MIN, SETTLED_RATIO * w->last.brightness);

        return w->any && m->brightness >= DARK && (m->blue >= GREEN || m->red >= GREEN) &&
               fabs(m->brightness - w->last.brightness) <= most;
}

static bool covered(PictureWatch *w, const PictureMeasures *m, uint64_t now) {
        if (m->brightness > COVERED_BRIGHTNESS || m->contrast > COVERED_CONTRAST) {
                w->dark_since = 0;
                return false;
        }
        if (w->dark_since == 0)
                w->dark_since = now;
        return now >= w->dark_since + PICTURE_COVERED_USEC;
}

static bool frozen(PictureWatch *w, const PictureMeasures *m, uint64_t now) {
        if (!w->any || m->hash != w->last.hash) {
                w->same = 0;
                w->same_since = now;
                return false;
        }
        w->same++;
        return w->same >= PICTURE_FROZEN_MIN && now >= w->same_since + PICTURE_FROZEN_USEC;
}

static bool damaged(PictureWatch *w, const PictureMeasures *m, uint64_t now) {
        if (!m->cut_off)
                w->cut_off_since = 0;
        else if (w->cut_off_since == 0)
                w->cut_off_since = now;
        return m->cut_off && now >= w->cut_off_since + PICTURE_DAMAGED_USEC;
}

PictureWord picture_watch_take(PictureWatch *w, const PictureMeasures *m, uint64_t timestamp_usec) {
        /* 0 means "not" */
        const uint64_t now = timestamp_usec + 1;
        bool is_covered = covered(w, m, now), is_frozen = frozen(w, m, now), is_damaged = damaged(w, m, now);

        if (!w->any)
                w->first = now;
        w->awake = w->awake || settled(w, m) || now >= w->first + PICTURE_WAKING_USEC;
        w->last = *m;
        w->any = true;

        if (m->cut_off)
                return is_damaged ? PICTURE_DAMAGED : PICTURE_CUT_OFF;
        /* some cameras whose lens is closed send one and the same black picture */
        if (is_covered)
                return PICTURE_COVERED;
        if (is_frozen && (m->brightness > COVERED_BRIGHTNESS || m->contrast > COVERED_CONTRAST))
                return PICTURE_FROZEN;
        if (w->same > 0)
                return PICTURE_REPEATED;
        return w->awake ? PICTURE_FINE : PICTURE_WAKING;
}
