/* SPDX-License-Identifier: Apache-2.0 */

#include "mock-picture.h"
#include "macro.h"

#include <assert.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <jpeglib.h>

MockFault mock_fault_at(const MockConfig *config, uint32_t sequence) {
        bool now = sequence >= config->fault_after && (config->fault_until == 0 || sequence < config->fault_until);

        return now ? config->fault : MOCK_FAULT_NONE;
}

/* What one pixel is. */
typedef struct Dot {
        uint8_t y, cb, cr;
} Dot;

typedef struct Painter {
        MockMode mode;
        uint8_t *out;
} Painter;

uint32_t mock_picture_size(const MockMode *mode, uint32_t max) {
        const uint32_t pixels = mode->width * mode->height;

        switch (mode->fourcc) {
        case V4L2_PIX_FMT_YUYV:
                return pixels * 2;
        case V4L2_PIX_FMT_NV12:
                return pixels * 3 / 2;
        case V4L2_PIX_FMT_GREY:
                return pixels;
        default:
                return max;
        }
}

static void paint(const Painter *p, uint32_t x, uint32_t y, Dot dot) {
        const size_t w = p->mode.width, at = y * w + x;

        switch (p->mode.fourcc) {
        case V4L2_PIX_FMT_YUYV:
                p->out[at * 2] = dot.y;
                p->out[at * 2 + 1] = x % 2 == 0 ? dot.cb : dot.cr;
                break;
        case V4L2_PIX_FMT_NV12:
                p->out[at] = dot.y;
                if (y % 2 == 0)
                        p->out[w * p->mode.height + y / 2 * w + x] = x % 2 == 0 ? dot.cb : dot.cr;
                break;
        default:
                p->out[at] = dot.y;
                break;
        }
}

/* The number's brightness in the middle, its opposite above and below: all are equally bright on average. */
static Dot pattern_dot(const MockMode *mode, uint32_t y, uint8_t luma) {
        bool middle = y >= mode->height / 4 && y < mode->height * 3 / 4;

        return (Dot) { .y = middle ? luma : (uint8_t) (235 - luma), .cb = MOCK_CB, .cr = MOCK_CR };
}

/* A sensor with the lens closed: black, and its own noise. */
static Dot covered_dot(uint32_t x, uint32_t y, uint32_t sequence) {
        uint32_t noise = (x * 2654435761U) ^ (y * 2246822519U) ^ (sequence * 3266489917U);

        return (Dot) { .y = (uint8_t) (16 + (noise >> 16) % 6), .cb = 128, .cr = 128 };
}

static void draw_pattern(const MockMode *mode, uint32_t sequence, bool covered, uint8_t *out) {
        const Painter p = { .mode = *mode, .out = out };
        const uint8_t luma = mock_luma(sequence);

        for (uint32_t y = 0; y < mode->height; y++)
                for (uint32_t x = 0; x < mode->width; x++)
                        paint(&p, x, y, covered ? covered_dot(x, y, sequence) : pattern_dot(mode, y, luma));
}

/* JPEG's colours use all 256 values (JFIF), those of uncompressed video 16 to 235 or 240 (BT.601). */
static Dot narrow(Dot d, uint32_t fourcc) {
        if (fourcc == V4L2_PIX_FMT_GREY)
                return d;
        return (Dot) {
                .y = (uint8_t) (16 + d.y * 219 / 255),
                .cb = (uint8_t) (16 + d.cb * 224 / 255),
                .cr = (uint8_t) (16 + d.cr * 224 / 255),
        };
}

/* One picture of a recording in another layout, as a camera delivers it that compresses nothing. */
static void draw_decoded(const Bytes *jpeg, const MockMode *mode, uint8_t *out) {
        const Painter p = { .mode = *mode, .out = out };
        struct jpeg_decompress_struct d = {};
        struct jpeg_error_mgr errors;
        uint8_t *row;

        d.err = jpeg_std_error(&errors);
        jpeg_create_decompress(&d);
        jpeg_mem_src(&d, jpeg->data, jpeg->size);
        (void) jpeg_read_header(&d, TRUE);
        d.out_color_space = JCS_YCbCr;
        (void) jpeg_start_decompress(&d);
        assert(d.output_width == mode->width && d.output_height == mode->height);

        row = malloc((size_t) d.output_width * 3);
        assert(row);
        while (d.output_scanline < d.output_height) {
                uint32_t y = d.output_scanline;
                JSAMPROW rows[] = { row };

                (void) jpeg_read_scanlines(&d, rows, 1);
                for (uint32_t x = 0; x < mode->width; x++) {
                        /* of the two that share it */
                        const uint8_t *even = row + (size_t) (x & ~1U) * 3;

                        paint(&p, x, y, narrow((Dot) { row[(size_t) x * 3], even[1], even[2] }, mode->fourcc));
                }
        }
        (void) jpeg_finish_decompress(&d);
        jpeg_destroy_decompress(&d);
        free(row);
}

static void change_brightness(const MockMode *mode, uint8_t *out, unsigned percent) {
        const size_t pixels = (size_t) mode->width * mode->height, step = mode->fourcc == V4L2_PIX_FMT_YUYV ? 2 : 1;

        for (size_t i = 0; i < pixels; i++)
                out[i * step] = (uint8_t) (out[i * step] * percent / 100);
}

/* A sensor that was just switched on: nothing yet (zeros are green), then dark, then brighter and brighter. */
static void draw_waking(const MockConfig *config, const MockMode *mode, uint32_t sequence, uint8_t *out) {
        if (sequence < config->waking / 3)
                memset(out, 0, mock_picture_size(mode, 0));
        else
                change_brightness(mode, out, 100 * sequence / config->waking);
}

static uint32_t draw_raw(
                const MockConfig *config,
                const MockMode *mode,
                uint32_t sequence,
                bool covered,
                uint8_t *out) {

        uint32_t size = mock_picture_size(mode, 0);

        if (config->n_frames > 0 && !covered)
                draw_decoded(&config->frames[sequence % config->n_frames], mode, out);
        else
                draw_pattern(mode, sequence, covered, out);
        if (sequence < config->waking)
                draw_waking(config, mode, sequence, out);
        return size;
}

static uint32_t draw_jpeg(const MockConfig *config, uint32_t sequence, uint8_t *out, uint32_t size) {
        const Bytes *frame = &config->frames[sequence % config->n_frames];
        uint32_t n = frame->size < size ? (uint32_t) frame->size : size;

        memcpy(out, frame->data, n);
        return n;
}

/* A picture of something else altogether. */
static uint32_t draw_other_jpeg(const JpegKind *kind, uint8_t *out, uint32_t size) {
        Bytes b = picture_jpeg(kind);
        uint32_t n = draw_jpeg(&(MockConfig) { .frames = &b, .n_frames = 1 }, 0, out, size);

        bytes_done(&b);
        return n;
}

uint32_t mock_picture_draw(
                const MockConfig *config,
                const MockMode *mode,
                uint32_t sequence,
                uint8_t *out,
                uint32_t size) {

        const MockFault fault = mock_fault_at(config, sequence);
        const bool jpeg = mode->fourcc == V4L2_PIX_FMT_MJPEG;
        uint32_t n;

        if (fault == MOCK_FAULT_FROZEN)
                sequence = config->fault_after;
        if (fault == MOCK_FAULT_COVERED && jpeg)
                return draw_other_jpeg(&(JpegKind) { .width = mode->width, .height = mode->height, .plain = true,
                                                     .brightness = (uint8_t) (16 + sequence % 3) }, out, size);
        if (fault == MOCK_FAULT_OTHER_SIZE && jpeg)
                return draw_other_jpeg(&(JpegKind) { .width = 320, .height = 240 }, out, size);

        n = jpeg ? draw_jpeg(config, sequence, out, size)
                 : draw_raw(config, mode, sequence, fault == MOCK_FAULT_COVERED, out);
        switch (fault) {
        case MOCK_FAULT_CUT_OFF:
                return n / 3;
        case MOCK_FAULT_OTHER_SIZE:
                return n / 4;
        case MOCK_FAULT_SCRAMBLED:
                /* what is left of a stream whose packets were lost from the first one on */
                memset(out, 0x55, n);
                return n;
        default:
                return n;
        }
}
