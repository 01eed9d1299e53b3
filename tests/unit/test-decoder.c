/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder.h"
#include "macro.h"
#include "pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <png.h>

/* With this variable set, every picture decoded is also written into the directory that it names: seeds
 * for the fuzzer. */
#define SEEDS_VARIABLE "LIKENESS_TEST_SEEDS"

static void write_seed(const uint8_t *data, size_t size) {
        const char *directory = getenv(SEEDS_VARIABLE);
        uint64_t hash = 0xcbf29ce484222325;
        char path[4096];
        FILE *f;

        if (!directory || size > 64 * 1024)
                return;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ data[i]) * 0x100000001b3;
        assert_true((size_t) snprintf(path, sizeof(path), "%s/%016llx", directory,
                                    (unsigned long long) hash) < sizeof(path));
        f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

/* Decodes an exact copy, so that a sanitizer sees reading beyond the end. */
static DecodeOutcome decode(const Bytes *b, DecodedPicture *ret) {
        _cleanup_(bytes_done) Bytes exact = { .data = malloc(b->size > 0 ? b->size : 1), .size = b->size };

        assert_non_null(exact.data);
        if (b->size > 0)
                memcpy(exact.data, b->data, b->size);
        write_seed(exact.data, exact.size);
        *ret = (DecodedPicture){};
        return decoder_decode(exact.data, exact.size, ret);
}

/* Takes the bytes. */
static void assert_outcome(Bytes b, DecodeOutcome expected) {
        _cleanup_(decoded_picture_done) DecodedPicture p = {};

        assert_int_equal(decode(&b, &p), expected);
        if (expected != DECODE_DONE)
                assert_null(p.pixels);
        bytes_done(&b);
}

static void assert_near(const uint8_t *pixel, const uint8_t colour[static 3], int tolerance) {
        for (unsigned i = 0; i < 3; i++)
                if (abs(pixel[i] - colour[i]) > tolerance)
                        fail_msg("%u,%u,%u where %u,%u,%u is expected", pixel[0], pixel[1], pixel[2],
                                        colour[0], colour[1], colour[2]);
}

static const uint8_t *pixel_at(const DecodedPicture *p, uint32_t x, uint32_t y) {
        return p->pixels + ((size_t) y * p->width + x) * 3;
}

/* Takes the bytes; they must show the pattern at this size. `convert` makes of its colours what is
 * expected. */
static void assert_pattern(Bytes b, uint32_t width, uint32_t height, int tolerance,
                void (*convert)(uint8_t colour[static 3])) {
        _cleanup_(decoded_picture_done) DecodedPicture p = {};

        assert_int_equal(decode(&b, &p), DECODE_DONE);
        assert_int_equal(p.width, width);
        assert_int_equal(p.height, height);

        for (uint32_t i = 0; i < 16; i++) {
                uint32_t x = (2 * (i % 4) + 1) * width / 8, y = (2 * (i / 4) + 1) * height / 8;
                uint8_t colour[3];

                pattern_colour(x, y, width, height, colour);
                if (convert)
                        convert(colour);
                assert_near(pixel_at(&p, x, y), colour, tolerance);
        }
        bytes_done(&b);
}

static void to_grey(uint8_t c[static 3]) {
        c[0] = c[1] = c[2] = (uint8_t) ((299 * c[0] + 587 * c[1] + 114 * c[2] + 500) / 1000);
}

/* An alpha of 51 is a fifth of the colour and four fifths of white. */
static void to_fifth(uint8_t c[static 3]) {
        for (unsigned i = 0; i < 3; i++)
                c[i] = (uint8_t) ((c[i] + 4 * 255) / 5);
}

static void to_grey_fifth(uint8_t c[static 3]) {
        to_grey(c);
        to_fifth(c);
}

static void red_to_white(uint8_t c[static 3]) {
        if (c[0] > c[1] && c[0] > c[2])
                c[0] = c[1] = c[2] = 255;
}

static void test_jpeg(void **state) {
        static const JpegKind colours[] = {
                { .width = 64, .height = 48 },
                { .width = 61, .height = 47 },
                { .width = 64, .height = 48, .progressive = true },
                { .width = 64, .height = 48, .rgb = true },
                { .width = 64, .height = 48, .luma_across = 1, .luma_down = 1 },
                { .width = 64, .height = 48, .luma_across = 2, .luma_down = 1 },
                { .width = 64, .height = 48, .luma_across = 1, .luma_down = 2 },
                { .width = 64, .height = 48, .luma_across = 4, .luma_down = 1 },
        };
        static const JpegKind grey = { .width = 64, .height = 48, .grey = true };

        for (size_t i = 0; i < ELEMENTSOF(colours); i++)
                assert_pattern(picture_jpeg(&colours[i]), colours[i].width, colours[i].height, 6, NULL);
        assert_pattern(picture_jpeg(&grey), 64, 48, 4, to_grey);
}

static void test_jpeg_scaled(void **state) {
        static const JpegKind kinds[] = {
                { .width = 1600, .height = 1600 },
                { .width = 1601, .height = 801 },
                { .width = 4800, .height = 3200 },
                { .width = 300, .height = 6000 },
                { .width = 3000, .height = 2000, .progressive = true },
        };
        static const uint32_t sizes[][2] = { { 1600, 1600 }, { 1600, 800 }, { 1600, 1067 }, { 80, 1600 },
                { 1600, 1067 } };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                assert_pattern(picture_jpeg(&kinds[i]), sizes[i][0], sizes[i][1], 6, NULL);
}

/* Where the pattern's corners must come to lie, by EXIF 2.3, tag 274: the corner that is stored first,
 * first row and first column, is seen above left, above right, below right, below left, and so on.
 * Written down by hand. */
static void assert_turned(Bytes b, unsigned orientation) {
        /* The quadrant (0 red, 1 green, 2 blue, 3 yellow) that is seen above left, above right, below
         * left, below right. */
        static const uint8_t seen[9][4] = {
                [1] = { 0, 1, 2, 3 },
                [2] = { 1, 0, 3, 2 },
                [3] = { 3, 2, 1, 0 },
                [4] = { 2, 3, 0, 1 },
                [5] = { 0, 2, 1, 3 },
                [6] = { 2, 0, 3, 1 },
                [7] = { 3, 1, 2, 0 },
                [8] = { 1, 3, 0, 2 },
        };
        _cleanup_(decoded_picture_done) DecodedPicture p = {};

        assert_int_equal(decode(&b, &p), DECODE_DONE);
        assert_int_equal(p.width, orientation >= 5 ? 48 : 96);
        assert_int_equal(p.height, orientation >= 5 ? 96 : 48);
        for (uint32_t i = 0; i < 4; i++) {
                uint8_t colour[3];

                pattern_colour(seen[orientation][i] % 2, seen[orientation][i] / 2, 2, 2, colour);
                assert_near(pixel_at(&p, (i % 2 * 2 + 1) * p.width / 4, (i / 2 * 2 + 1) * p.height / 4),
                                colour, 6);
        }
        bytes_done(&b);
}

static void test_orientation(void **state) {
        for (unsigned orientation = 1; orientation <= 8; orientation++) {
                JpegKind jpeg = { .width = 96, .height = 48, .orientation = orientation };
                PngKind png = { .width = 96,
                        .height = 48,
                        .depth = 8,
                        .colour_type = PNG_COLOR_TYPE_RGB,
                        .orientation = orientation };

                assert_turned(picture_jpeg(&jpeg), orientation);
                jpeg.big_endian = true;
                assert_turned(picture_jpeg(&jpeg), orientation);
                assert_turned(picture_png(&png), orientation);
        }
}

/* An orientation that does not exist, and EXIF data that is cut off, leave the picture as it is. */
static void test_orientation_nonsense(void **state) {
        JpegKind kind = { .width = 96, .height = 48, .orientation = 9 };
        Bytes b;

        assert_turned(picture_jpeg(&kind), 1);

        kind.orientation = 6;
        b = picture_jpeg(&kind);
        for (size_t i = 0; i + 10 < b.size; i++)
                if (memcmp(b.data + i, "Exif\0\0II", 8) == 0)
                        b.data[i + 10] = 0xff;
        assert_turned(b, 1);
}

static void test_png(void **state) {
        static const struct {
                PngKind kind;
                void (*convert)(uint8_t colour[static 3]);
                int tolerance;
        } cases[] = {
                { { .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8 }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_RGB, .depth = 16 }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8, .interlaced = true }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8, .transparent_corner = true },
                                red_to_white, 0 },
                { { .colour_type = PNG_COLOR_TYPE_RGB_ALPHA, .depth = 8, .alpha = 255 }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_RGB_ALPHA, .depth = 8, .alpha = 51 }, to_fifth, 1 },
                { { .colour_type = PNG_COLOR_TYPE_RGB_ALPHA, .depth = 16, .alpha = 51, .interlaced = true },
                                to_fifth, 1 },
                { { .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 8 }, to_grey, 0 },
                { { .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 4 }, to_grey, 9 },
                { { .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 16 }, to_grey, 0 },
                { { .colour_type = PNG_COLOR_TYPE_GRAY_ALPHA, .depth = 8, .alpha = 51 }, to_grey_fifth, 1 },
                { { .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 8 }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 2 }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 2, .interlaced = true }, NULL, 0 },
                { { .colour_type = PNG_COLOR_TYPE_PALETTE, .depth = 8, .transparent_corner = true },
                                red_to_white, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                PngKind kind = cases[i].kind;

                kind.width = 61;
                kind.height = 40;
                assert_pattern(picture_png(&kind), 61, 40, cases[i].tolerance, cases[i].convert);
                kind.width = 2001;
                kind.height = 400;
                assert_pattern(picture_png(&kind), 1600, 320, cases[i].tolerance + 1, cases[i].convert);
        }
}

static void test_jpeg2000(void **state) {
        static const struct {
                Jpeg2000Kind kind;
                void (*convert)(uint8_t colour[static 3]);
                int tolerance;
        } cases[] = {
                { { .bare = false }, NULL, 0 },
                { { .bare = true }, NULL, 0 },
                { { .lossy = true }, NULL, 12 },
                { { .bare = true, .lossy = true }, NULL, 12 },
                { { .tile = 64 }, NULL, 0 },
                { { .resolutions = 1 }, NULL, 0 },
                { { .precision = 16 }, NULL, 0 },
                { { .precision = 12, .is_signed = true }, NULL, 1 },
                { { .precision = 5 }, NULL, 9 },
                { { .is_signed = true, .bare = true }, NULL, 0 },
                { { .grey = true }, to_grey, 0 },
                { { .grey = true, .bare = true, .precision = 16 }, to_grey, 0 },
                { { .grey = true, .alpha = true, .alpha_value = 51 }, to_grey_fifth, 1 },
                { { .alpha = true, .alpha_value = 255 }, NULL, 0 },
                { { .alpha = true, .alpha_value = 51 }, to_fifth, 1 },
                { { .ycc = true }, NULL, 3 },
                { { .ycc = true, .subsampling = 2 }, NULL, 3 },
                { { .ycc = true, .subsampling = 2, .bare = true }, NULL, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Jpeg2000Kind kind = cases[i].kind;

                kind.width = 131;
                kind.height = 100;
                assert_pattern(picture_jpeg2000(&kind), 131, 100, cases[i].tolerance, cases[i].convert);
        }
}

static void test_jpeg2000_scaled(void **state) {
        static const Jpeg2000Kind halved = { .width = 4000, .height = 2000 };
        static const Jpeg2000Kind averaged = {
                .width = 2000, .height = 1000, .resolutions = 1, .ycc = true, .subsampling = 2
        };

        assert_pattern(picture_jpeg2000(&halved), 1600, 800, 2, NULL);
        assert_pattern(picture_jpeg2000(&averaged), 1600, 800, 3, NULL);
}

/* An average over areas keeps the mean, whatever the ratio: of the first row here, which lies in the
 * upper half. */
static void test_average(void **state) {
        static const uint32_t widths[] = { 1601, 1999, 2400, 4800, 20011 };

        for (size_t i = 0; i < ELEMENTSOF(widths); i++) {
                PngKind kind = {
                        .width = widths[i], .height = 40, .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 8
                };
                _cleanup_(decoded_picture_done) DecodedPicture p = {};
                Bytes b = picture_png(&kind);
                double mean = 0, expected = 0;

                assert_int_equal(decode(&b, &p), DECODE_DONE);
                assert_int_equal(p.width, 1600);
                for (uint32_t x = 0; x < p.width; x++)
                        mean += *pixel_at(&p, x, 0) / (double) p.width;
                for (uint32_t x = 0; x < kind.width; x++) {
                        uint8_t c[3];

                        pattern_colour(x, 0, kind.width, kind.height, c);
                        to_grey(c);
                        expected += c[0] / (double) kind.width;
                }
                assert_true(mean > expected - 0.5 && mean < expected + 0.5);
                bytes_done(&b);
        }
}

static void test_unknown(void **state) {
        static const char *const words[] = { "GIF89a", "BM", "RIFF....WEBP", "%PDF-1.7", "\xff\xd8",
                "\x89PNG", "x" };
        Bytes zeros = { .data = calloc(1, 4096), .size = 4096 };

        assert_outcome((Bytes){}, DECODE_EMPTY);
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                Bytes b = {};

                bytes_insert(&b, 0, words[i], strlen(words[i]));
                assert_outcome(b, DECODE_UNKNOWN_FORMAT);
        }
        assert_outcome(zeros, DECODE_UNKNOWN_FORMAT);
}

static void test_bytes_limit(void **state) {
        JpegKind kind = { .width = 64, .height = 48 };
        Bytes b = picture_jpeg(&kind);
        uint8_t *rest = calloc(1, PICTURE_BYTES_MAX);

        assert_non_null(rest);
        bytes_insert(&b, b.size, rest, PICTURE_BYTES_MAX - b.size);
        assert_outcome(bytes_copy(&b, b.size), DECODE_DONE);
        bytes_insert(&b, b.size, rest, 1);
        assert_outcome(b, DECODE_TOO_LARGE);
        free(rest);
}

static void put_be16(uint8_t *p, uint32_t v) {
        p[0] = (uint8_t) (v >> 8);
        p[1] = (uint8_t) v;
}

static void put_be32(uint8_t *p, uint32_t v) {
        put_be16(p, v >> 16);
        put_be16(p + 2, v & 0xffff);
}

/* The position behind a two-byte marker and its length, which must be there. */
static uint8_t *segment_find(Bytes *b, uint8_t marker) {
        for (size_t i = 0; i + 4 <= b->size; i++)
                if (b->data[i] == 0xff && b->data[i + 1] == marker)
                        return b->data + i + 4;

        fail_msg("no segment %02x", marker);
        return NULL;
}

static long peak_kib(void) {
        struct rusage usage;

        assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
        return usage.ru_maxrss;
}

static void test_pixels_limit(void **state) {
        static const PngKind most = {
                .width = 6000, .height = 4000, .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 1, .plain = true
        };
        static const PngKind more = {
                .width = 6001, .height = 4000, .colour_type = PNG_COLOR_TYPE_GRAY, .depth = 1, .plain = true
        };
        static const JpegKind jpeg = { .width = 64, .height = 48 };
        static const Jpeg2000Kind jp2 = { .width = 64, .height = 48 };
        Bytes b;

        assert_outcome(picture_png(&most), DECODE_DONE);
        assert_outcome(picture_png(&more), DECODE_TOO_MANY_PIXELS);

        b = picture_jpeg(&jpeg);
        put_be16(segment_find(&b, 0xc0) + 1, 30000);
        put_be16(segment_find(&b, 0xc0) + 3, 30000);
        assert_outcome(b, DECODE_TOO_MANY_PIXELS);

        b = picture_jpeg2000(&jp2);
        put_be32(segment_find(&b, 0x51) + 2, 30000);
        put_be32(segment_find(&b, 0x51) + 6, 30000);
        assert_outcome(b, DECODE_TOO_MANY_PIXELS);

        b = picture_jpeg2000(&jp2);
        put_be32(segment_find(&b, 0x51) + 2, 0xffffffff);
        put_be32(segment_find(&b, 0x51) + 6, 0xffffffff);
        assert_outcome(b, DECODE_TOO_MANY_PIXELS);
}

/* A complete, valid file of 30,000 × 30,000 pixels; refusing it costs no memory. */
static void test_huge_png(void **state) {
        static const PngKind kind = { .width = 30000,
                .height = 30000,
                .colour_type = PNG_COLOR_TYPE_GRAY,
                .depth = 1,
                .plain = true };
        Bytes b = picture_png(&kind);
        long before = peak_kib();

        assert_true(b.size < PICTURE_BYTES_MAX);
        assert_outcome(b, DECODE_TOO_MANY_PIXELS);
        assert_true(peak_kib() - before < 4 * 1024);
}

static void test_zero_size(void **state) {
        static const PngKind png = {
                .width = 16, .height = 16, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8
        };
        static const JpegKind jpeg = { .width = 16, .height = 16 };
        static const Jpeg2000Kind jp2 = { .width = 64, .height = 48 };
        Bytes b;

        b = picture_png(&png);
        put_be32(b.data + 16, 0);
        assert_outcome(b, DECODE_DAMAGED);
        b = picture_jpeg(&jpeg);
        put_be16(segment_find(&b, 0xc0) + 1, 0);
        assert_outcome(b, DECODE_DAMAGED);
        b = picture_jpeg2000(&jp2);
        put_be32(segment_find(&b, 0x51) + 2, 0);
        assert_outcome(b, DECODE_DAMAGED);
}

static void test_single_pixel(void **state) {
        static const PngKind png = {
                .width = 1, .height = 1, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8
        };
        static const PngKind line = {
                .width = 20000, .height = 1, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8
        };
        static const JpegKind jpeg = { .width = 1, .height = 1 };
        static const JpegKind column = { .width = 1, .height = 60000 };
        static const Jpeg2000Kind jp2 = { .width = 1, .height = 1, .resolutions = 1 };

        assert_outcome(picture_png(&png), DECODE_DONE);
        assert_outcome(picture_png(&line), DECODE_DONE);
        assert_outcome(picture_jpeg(&jpeg), DECODE_DONE);
        assert_outcome(picture_jpeg(&column), DECODE_DONE);
        assert_outcome(picture_jpeg2000(&jp2), DECODE_DONE);
}

/* Takes the bytes: wherever they are cut off, the picture is damaged, or no longer known for what it was. */
static void assert_truncation(Bytes b) {
        for (unsigned i = 0; i < 40; i++) {
                size_t size = i < 20 ? b.size * i / 20 : b.size - 1 - (i - 20) * (i - 20) / 8;
                DecodedPicture p = {};
                DecodeOutcome outcome;
                Bytes cut;

                if (size >= b.size)
                        continue;

                cut = bytes_copy(&b, size);
                outcome = decode(&cut, &p);
                if (size == 0)
                        assert_int_equal(outcome, DECODE_EMPTY);
                else if (outcome != DECODE_DAMAGED)
                        fail_msg("cut off at %zu of %zu bytes: outcome %d", size, b.size, outcome);
                bytes_done(&cut);
        }
        bytes_done(&b);
}

static void test_truncated(void **state) {
        static const JpegKind jpegs[] = {
                { .width = 300, .height = 200 },
                { .width = 300, .height = 200, .progressive = true },
        };
        static const PngKind pngs[] = {
                { .width = 300, .height = 200, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8 },
                { .width = 300,
                                .height = 200,
                                .colour_type = PNG_COLOR_TYPE_RGB,
                                .depth = 8,
                                .interlaced = true },
        };
        static const Jpeg2000Kind jp2s[] = {
                { .width = 300, .height = 200 },
                { .width = 300, .height = 200, .bare = true },
                { .width = 300, .height = 200, .bare = true, .tile = 64 },
        };

        for (size_t i = 0; i < ELEMENTSOF(jpegs); i++)
                assert_truncation(picture_jpeg(&jpegs[i]));
        for (size_t i = 0; i < ELEMENTSOF(pngs); i++)
                assert_truncation(picture_png(&pngs[i]));
        for (size_t i = 0; i < ELEMENTSOF(jp2s); i++)
                assert_truncation(picture_jpeg2000(&jp2s[i]));
}

static void test_jpeg_unsupported(void **state) {
        static const JpegKind cmyk = { .width = 64, .height = 48, .cmyk = true };
        static const JpegKind many = { .width = 64, .height = 48, .many_scans = true };
        static const JpegKind plain = { .width = 64, .height = 48 };
        Bytes b;

        assert_outcome(picture_jpeg(&cmyk), DECODE_UNSUPPORTED);
        assert_outcome(picture_jpeg(&many), DECODE_UNSUPPORTED);

        b = picture_jpeg(&plain);      /* lossless */
        segment_find(&b, 0xc0)[-3] = 0xc3;
        assert_outcome(b, DECODE_UNSUPPORTED);
        b = picture_jpeg(&plain);      /* twelve bits */
        segment_find(&b, 0xc0)[0] = 12;
        assert_outcome(b, DECODE_UNSUPPORTED);
}

static void test_jpeg_damaged(void **state) {
        static const JpegKind kind = { .width = 300, .height = 200 };
        Bytes b = picture_jpeg(&kind);
        uint8_t *scan = segment_find(&b, 0xda);

        /* A marker in the middle of the scan, where pixels should be. */
        put_be16(scan + 100, 0xffd9);
        assert_outcome(b, DECODE_DAMAGED);

        b = picture_jpeg(&kind);       /* more components in the scan than in the picture */
        segment_find(&b, 0xda)[0] = 4;
        assert_outcome(b, DECODE_DAMAGED);
}

static void test_png_damaged(void **state) {
        static const PngKind kind = {
                .width = 300, .height = 200, .colour_type = PNG_COLOR_TYPE_RGB, .depth = 8
        };
        Bytes b = picture_png(&kind);

        b.data[b.size / 2] ^= 1; /* the check sum of the pixels' chunk */
        assert_outcome(b, DECODE_DAMAGED);
        b = picture_png(&kind);
        b.data[24] = 7;                /* a depth that does not exist */
        assert_outcome(b, DECODE_DAMAGED);
        b = picture_png(&kind);
        memcpy(b.data + 12, "IDAT", 4);
        assert_outcome(b, DECODE_DAMAGED);
}

/* Makes the picture in another process, so that this one's peak stays what it is. */
static Bytes picture_png_elsewhere(const PngKind *kind) {
        _cleanup_close_ int fd = memfd_create("picture", MFD_CLOEXEC);
        Bytes b = {};
        off_t size;
        pid_t pid;
        int status;

        assert_true(fd >= 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                b = picture_png(kind);
                _exit(write(fd, b.data, b.size) == (ssize_t) b.size ? 0 : 1);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        size = lseek(fd, 0, SEEK_END);
        assert_true(size > 0);
        b = (Bytes){ .data = malloc((size_t) size), .size = (size_t) size };
        assert_non_null(b.data);
        assert_int_equal(pread(fd, b.data, b.size, 0), size);
        return b;
}

/* A text of 200 MB in 200 kB is not inflated. */
static void test_png_text(void **state) {
        static const PngKind kind = { .width = 61,
                .height = 40,
                .colour_type = PNG_COLOR_TYPE_RGB,
                .depth = 8,
                .text = 200 * 1000 * 1000 };
        Bytes b = picture_png_elsewhere(&kind);
        long before = peak_kib();

        assert_true(b.size < 1000 * 1000);
        assert_pattern(b, 61, 40, 0, NULL);
        assert_true(peak_kib() - before < 16 * 1024);
}

/* The tile-part ends early, and says so: the pixels' data is short all the same. */
static void test_jpeg2000_short(void **state) {
        static const Jpeg2000Kind kind = { .width = 300, .height = 200, .bare = true };
        Bytes b = picture_jpeg2000(&kind);
        uint8_t *sot = segment_find(&b, 0x90);
        uint32_t size = (uint32_t) sot[2] << 24 | (uint32_t) sot[3] << 16 | (uint32_t) sot[4] << 8 | sot[5];

        put_be32(sot + 2, size / 2);
        b.size -= size - size / 2;
        put_be16(b.data + b.size - 2, 0xffd9);
        assert_outcome(b, DECODE_DAMAGED);
}

static void test_jpeg2000_unsupported(void **state) {
        static const Jpeg2000Kind kind = { .width = 4000, .height = 3000, .bare = true, .grey = true };
        static const Jpeg2000Kind small = { .width = 64, .height = 48, .bare = true };
        Bytes whole = picture_jpeg2000(&kind), b;
        uint8_t *cod;

        b = bytes_copy(&whole, whole.size); /* twelve million tiles */
        put_be32(segment_find(&b, 0x51) + 18, 1);
        put_be32(segment_find(&b, 0x51) + 22, 1);
        assert_outcome(b, DECODE_UNSUPPORTED);

        b = bytes_copy(&whole, whole.size); /* code-blocks of 4 × 4 */
        cod = segment_find(&b, 0x52);
        cod[6] = cod[7] = 0;
        assert_outcome(b, DECODE_UNSUPPORTED);

        b = bytes_copy(&whole, whole.size); /* layers */
        put_be16(segment_find(&b, 0x52) + 2, 65535);
        assert_outcome(b, DECODE_UNSUPPORTED);

        /* More components than the header has room for, and some that it has. */
        b = picture_jpeg2000(&small);
        put_be16(segment_find(&b, 0x51) + 34, 16384);
        assert_outcome(b, DECODE_DAMAGED);
        b = picture_jpeg2000(&small);
        for (unsigned i = 0; i < 7; i++)
                bytes_insert(&b, (size_t) (segment_find(&b, 0x51) - b.data) + 36, "\x07\x01\x01", 3);
        put_be16(segment_find(&b, 0x51) + 34, 10);
        put_be16(segment_find(&b, 0x51) - 2, 38 + 3 * 10);
        assert_outcome(b, DECODE_UNSUPPORTED);

        b = picture_jpeg2000(&small);  /* 38 bits */
        segment_find(&b, 0x51)[36] = 37;
        assert_outcome(b, DECODE_UNSUPPORTED);

        bytes_done(&whole);
}

/* Precincts of one pixel, said in a tile's own header, which overrides the picture's. */
static void test_jpeg2000_tile_header(void **state) {
        static const Jpeg2000Kind kind = { .width = 300, .height = 200, .bare = true, .grey = true };
        static const uint8_t cod[] = { 0xff, 0x52, 0, 18, 1, 0, 0, 1, 0, 5, 4, 4, 0, 1, 0, 0, 0, 0, 0, 0 };
        Bytes b = picture_jpeg2000(&kind);
        uint8_t *sot = segment_find(&b, 0x90);
        uint32_t size = (uint32_t) sot[2] << 24 | (uint32_t) sot[3] << 16 | (uint32_t) sot[4] << 8 | sot[5];

        put_be32(sot + 2, size + (uint32_t) sizeof(cod));
        bytes_insert(&b, (size_t) (sot - b.data) + 8, cod, sizeof(cod));
        assert_outcome(b, DECODE_UNSUPPORTED);
}

/* 24 million pixels that cannot be halved would take half a gigabyte. */
static void test_jpeg2000_memory(void **state) {
        static const Jpeg2000Kind kind = { .width = 64, .height = 48, .bare = true, .resolutions = 1 };
        Bytes b = picture_jpeg2000(&kind);

        put_be32(segment_find(&b, 0x51) + 2, 6000);
        put_be32(segment_find(&b, 0x51) + 6, 4000);
        put_be32(segment_find(&b, 0x51) + 18, 6000);
        put_be32(segment_find(&b, 0x51) + 22, 4000);
        assert_outcome(b, DECODE_UNSUPPORTED);
}

/* Whatever is done to a picture, decoding ends with one of its outcomes and, under a sanitizer, silently. */
static void test_mutations(void **state) {
        static const JpegKind jpeg = { .width = 90, .height = 60, .orientation = 6 };
        static const JpegKind progressive = { .width = 90, .height = 60, .progressive = true };
        static const PngKind png = { .width = 90,
                .height = 60,
                .colour_type = PNG_COLOR_TYPE_PALETTE,
                .depth = 8,
                .interlaced = true,
                .orientation = 3 };
        static const Jpeg2000Kind jp2 = { .width = 90, .height = 60, .alpha = true };
        static const Jpeg2000Kind bare = { .width = 90, .height = 60, .bare = true, .tile = 32 };
        Bytes originals[] = { picture_jpeg(&jpeg), picture_jpeg(&progressive), picture_png(&png),
                picture_jpeg2000(&jp2), picture_jpeg2000(&bare) };
        uint32_t random = 1;

        for (size_t i = 0; i < ELEMENTSOF(originals); i++) {
                for (unsigned n = 0; n < 400; n++) {
                        Bytes b = bytes_copy(&originals[i], originals[i].size);
                        DecodedPicture p = {};
                        DecodeOutcome outcome;

                        for (unsigned k = 0; k <= n % 4; k++) {
                                random = random * 1664525 + 1013904223;
                                b.data[(random >> 8) % b.size] = (uint8_t) (random >> 24);
                        }
                        outcome = decoder_decode(b.data, b.size, &p);
                        assert_in_range(outcome, 0, _DECODE_MAX - 1);
                        assert_int_equal(outcome == DECODE_DONE, p.pixels != NULL);
                        decoded_picture_done(&p);
                        bytes_done(&b);
                }
                bytes_done(&originals[i]);
        }
}

static int memfd_of(const Bytes *b) {
        int fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, b->data, b->size), b->size);
        assert_int_equal(
                        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
        return fd;
}

static void test_run(void **state) {
        static const JpegKind kind = { .width = 2400, .height = 1200, .orientation = 6 };
        _cleanup_(decoded_picture_done) DecodedPicture p = {};
        _cleanup_(bytes_done) Bytes b = picture_jpeg(&kind);
        _cleanup_close_ int picture = memfd_of(&b), pixels = memfd_create("pixels", MFD_CLOEXEC);
        uint32_t width, height;
        uint8_t *written;

        assert_int_equal(decode(&b, &p), DECODE_DONE);
        assert_int_equal(decoder_run(picture, pixels, &width, &height), DECODE_DONE);
        assert_int_equal(width, 800);
        assert_int_equal(height, 1600);
        assert_int_equal(lseek(pixels, 0, SEEK_END), 800 * 1600 * 3);

        written = mmap(NULL, 800 * 1600 * 3, PROT_READ, MAP_SHARED, pixels, 0);
        assert_ptr_not_equal(written, MAP_FAILED);
        assert_memory_equal(written, p.pixels, 800 * 1600 * 3);
        (void) munmap(written, 800 * 1600 * 3);
}

static void test_run_bad_descriptors(void **state) {
        static const JpegKind kind = { .width = 64, .height = 48 };
        _cleanup_(bytes_done) Bytes b = picture_jpeg(&kind), none = {};
        _cleanup_close_ int picture = memfd_of(&b), empty = memfd_create("empty", MFD_CLOEXEC);
        _cleanup_close_ int large = memfd_create("large", MFD_CLOEXEC),
                            null = open("/dev/null", O_RDWR | O_CLOEXEC);
        _cleanup_close_ int pixels = memfd_create("pixels", MFD_CLOEXEC), full = -1;
        uint32_t width, height;

        assert_int_equal(decoder_run(empty, pixels, &width, &height), DECODE_EMPTY);
        /* A hole of a tebibyte costs its sender nothing. */
        assert_int_equal(ftruncate(large, INT64_C(1) << 40), 0);
        assert_int_equal(decoder_run(large, pixels, &width, &height), DECODE_TOO_LARGE);
        assert_int_equal(decoder_run(null, pixels, &width, &height), DECODE_DAMAGED);
        assert_int_equal(decoder_run(-1, pixels, &width, &height), DECODE_DAMAGED);
        assert_int_equal(lseek(pixels, 0, SEEK_END), 0);

        /* Nowhere to write to. */
        full = memfd_of(&none);
        assert_int_equal(decoder_run(picture, full, &width, &height), DECODE_NO_MEMORY);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                /* First: later ones raise the peak that these look at. */
                cmocka_unit_test(test_huge_png),
                cmocka_unit_test(test_png_text),
                cmocka_unit_test(test_jpeg),
                cmocka_unit_test(test_jpeg_scaled),
                cmocka_unit_test(test_orientation),
                cmocka_unit_test(test_orientation_nonsense),
                cmocka_unit_test(test_png),
                cmocka_unit_test(test_jpeg2000),
                cmocka_unit_test(test_jpeg2000_scaled),
                cmocka_unit_test(test_average),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_bytes_limit),
                cmocka_unit_test(test_pixels_limit),
                cmocka_unit_test(test_zero_size),
                cmocka_unit_test(test_single_pixel),
                cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_jpeg_unsupported),
                cmocka_unit_test(test_jpeg_damaged),
                cmocka_unit_test(test_png_damaged),
                cmocka_unit_test(test_jpeg2000_short),
                cmocka_unit_test(test_jpeg2000_unsupported),
                cmocka_unit_test(test_jpeg2000_tile_header),
                cmocka_unit_test(test_jpeg2000_memory),
                cmocka_unit_test(test_mutations),
                cmocka_unit_test(test_run),
                cmocka_unit_test(test_run_bad_descriptors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
