/* SPDX-License-Identifier: Apache-2.0 */

#include "avi.h"
#include "capture.h"
#include "macro.h"
#include "numbered.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

/* Long enough for the slowest machine; nothing here takes as long unless it fails. */
#define PATIENCE (UINT64_C(20) * USEC_PER_SEC)

typedef struct Bed {
        V4l2Mock *mock;
        Bytes numbered[NUMBERED_FRAMES]; /* JPEGs that show mock_luma() of their number */
        char directory[64];
        char recording[96];            /* a file in it */
} Bed;

static uint64_t now_usec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / NSEC_PER_USEC;
}

static void sleep_msec(unsigned msec) {
        const struct timespec t = { msec / 1000, (long) (msec % 1000) * 1000000L };

        (void) nanosleep(&t, NULL);
}

/* The most address space that there ever was. */
static size_t peak_kib(void) {
        FILE *f = fopen("/proc/self/status", "re");
        unsigned long peak = 0;
        char line[256];

        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "VmPeak: %lu", &peak) == 1)
                        break;
        (void) fclose(f);
        assert_true(peak > 0);
        return peak;
}

/* The brightness in the middle of a picture. */
static unsigned brightness(const Image *image) {
        size_t x = image->width / 2, y = image->height / 2;

        if (image->format == PIXEL_FORMAT_YUY2)
                x = x / 2 * 4;
        else if (image->format == PIXEL_FORMAT_RGB)
                x *= 3;
        return image->plane[0][y * image->stride[0] + x];
}

/* The number, modulo NUMBERED_FRAMES, that a picture shows. */
static unsigned frame_number(const Image *image) {
        return (brightness(image) - mock_luma(0) + 2) / 5;
}

/* The one candidate lives until the next call: longer than what is opened with it. */
static CaptureSetup setup_of(const char *path, bool recordings) {
        static CameraCandidate camera;

        camera = (CameraCandidate) { .node = (char *) path, .name = (char *) (recordings ? "" : MOCK_NAME) };
        return (CaptureSetup) { .cameras = &camera, .n_cameras = 1, .recordings = recordings };
}

static Capture *open_capture(const char *path, bool recordings) {
        const CaptureSetup setup = setup_of(path, recordings);
        Capture *c = NULL;
        Outcome outcome;
        size_t camera;

        assert_int_equal(capture_new(&c, &setup, &camera, &outcome), 0);
        assert_non_null(c);
        return c;
}

static void assert_frame(Capture *c, Frame *ret) {
        Outcome outcome = _OUTCOME_MAX;
        int r = capture_next(c, PATIENCE, ret, &outcome);

        if (r != 1)
                fail_msg("no frame: %d, outcome %d", r, outcome);
}

/* The capture fails with this outcome, at once or while it runs. */
static void assert_fails(const char *path, bool recordings, Outcome expected) {
        const CaptureSetup setup = setup_of(path, recordings);
        Outcome outcome = _OUTCOME_MAX;
        Capture *c = NULL;
        size_t camera;
        Frame frame;
        int r;

        r = capture_new(&c, &setup, &camera, &outcome);
        if (r == 0) {
                while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1)
                        frame_release(&frame);
                assert_int_equal(r, -EIO);
        } else
                assert_null(c);
        assert_true(r < 0);
        assert_int_equal(outcome, expected);
        (void) capture_free(c);
}

static void need_mock(Bed *bed) {
        if (bed->mock)
                return;

        print_message("umockdev is not preloaded: no camera to test with\n");
        skip();
}

static void configure_numbered(Bed *bed, MockConfig config) {
        config.modes[0] = (MockMode){ V4L2_PIX_FMT_MJPEG, 640, 480, 30 };
        config.frames = bed->numbered;
        config.n_frames = NUMBERED_FRAMES;
        v4l2_mock_configure(bed->mock, &config);
}

static void write_recording(Bed *bed, const Bytes *frames, size_t n, const AviKind *kind) {
        const AviKind usual = { .width = 640, .height = 480, .rate = 30 };

        avi_write(bed->recording, kind ? kind : &usual, frames, n);
}

/* Plays what was written to its end; returns the number of frames that came, and the number that the last
 * one shows. A busy machine may miss any frame but the last. */
static unsigned play(Bed *bed, unsigned *ret_last) {
        _cleanup_(capture_freep) Capture *c = open_capture(bed->recording, true);
        Outcome outcome;
        unsigned n = 0;
        Frame frame;
        int r;

        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                if (ret_last)
                        *ret_last = frame_number(&frame.image);
                frame_release(&frame);
                n++;
        }
        assert_int_equal(r, 0);
        assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), 0);
        return n;
}

static void test_camera_formats(void **state) {
        static const struct {
                uint32_t fourcc;
                PixelFormat format;
        } formats[] = {
                { V4L2_PIX_FMT_MJPEG, PIXEL_FORMAT_I420 },
                { V4L2_PIX_FMT_YUYV, PIXEL_FORMAT_YUY2 },
                { V4L2_PIX_FMT_NV12, PIXEL_FORMAT_NV12 },
                { V4L2_PIX_FMT_GREY, PIXEL_FORMAT_GREY },
        };
        Bed *bed = *state;

        need_mock(bed);
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                MockConfig config = { .modes = { { formats[i].fourcc, 640, 480, 30 } } };
                uint64_t before = now_usec(), last = 0;
                Capture *c;

                if (formats[i].fourcc == V4L2_PIX_FMT_MJPEG)
                        configure_numbered(bed, config);
                else
                        v4l2_mock_configure(bed->mock, &config);
                c = open_capture(MOCK_DEVICE, false);
                for (unsigned n = 0; n < 10; n++) {
                        Frame frame;

                        assert_frame(c, &frame);
                        assert_int_equal(frame.image.format, formats[i].format);
                        assert_int_equal(frame.image.width, 640);
                        assert_int_equal(frame.image.height, 480);
                        assert_in_range(brightness(&frame.image), mock_luma(0) - 2,
                                        mock_luma(NUMBERED_FRAMES - 1) + 2);
                        if (formats[i].format != PIXEL_FORMAT_I420)
                                assert_int_equal(brightness(&frame.image),
                                                mock_luma(frame_number(&frame.image)));
                        assert_true(frame.image.timestamp_usec > last);
                        assert_in_range(frame.image.timestamp_usec, before - USEC_PER_SEC, now_usec());
                        last = frame.image.timestamp_usec;

                        if (formats[i].format == PIXEL_FORMAT_NV12) {
                                assert_int_equal(frame.image.plane[1][0], MOCK_CB);
                                assert_int_equal(frame.image.plane[1][1], MOCK_CR);
                        } else if (formats[i].format == PIXEL_FORMAT_YUY2) {
                                assert_int_equal(frame.image.plane[0][1], MOCK_CB);
                                assert_int_equal(frame.image.plane[0][3], MOCK_CR);
                        }
                        frame_release(&frame);
                }
                assert_true(capture_count(c) >= 10);
                assert_true(v4l2_mock_streaming(bed->mock));
                c = capture_free(c);
                assert_true(v4l2_mock_closed(bed->mock));
        }
}

/* The mode chosen is the mode that the driver is told. */
static void test_camera_mode(void **state) {
        MockConfig config = { .modes = {
                                              { V4L2_PIX_FMT_YUYV, 320, 240, 30 },
                                              { V4L2_PIX_FMT_H264, 1280, 720, 30 },
                                              { V4L2_PIX_FMT_MJPEG, 640, 480, 30 },
                                              { V4L2_PIX_FMT_YUYV, 640, 480, 15 },
                                              { V4L2_PIX_FMT_YUYV, 640, 480, 30 },
                                              { V4L2_PIX_FMT_YUYV, 1280, 720, 10 },
                              } };
        Bed *bed = *state;
        MockMode mode;
        Capture *c;
        Frame frame;

        need_mock(bed);
        v4l2_mock_configure(bed->mock, &config);
        c = open_capture(MOCK_DEVICE, false);
        assert_frame(c, &frame);
        frame_release(&frame);
        c = capture_free(c);

        mode = v4l2_mock_mode(bed->mock);
        assert_int_equal(mode.fourcc, V4L2_PIX_FMT_YUYV);
        assert_int_equal(mode.width, 640);
        assert_int_equal(mode.rate, 30);
}

static void test_camera_unusable(void **state) {
        Bed *bed = *state;

        need_mock(bed);
        configure_numbered(bed, (MockConfig){ .set_format_error = EBUSY });
        assert_fails(MOCK_DEVICE, false, OUTCOME_CAMERA_BUSY);
        configure_numbered(bed, (MockConfig){ .stream_on_error = ENOSPC });
        assert_fails(MOCK_DEVICE, false, OUTCOME_CAMERA_SILENT);
        configure_numbered(bed, (MockConfig){ .no_capture = true });
        assert_fails(MOCK_DEVICE, false, OUTCOME_CAMERA_FORMAT);

        v4l2_mock_configure(bed->mock, &(MockConfig){ .modes = { { V4L2_PIX_FMT_H264, 640, 480, 30 } } });
        assert_fails(MOCK_DEVICE, false, OUTCOME_CAMERA_FORMAT);

        /* After all this the camera still works. */
        configure_numbered(bed, (MockConfig){});
        assert_fails("/dev/video7", false, OUTCOME_CAMERA_NONE);
        test_camera_formats(state);
}

static void test_no_camera(void **state) {
        Bed *bed = *state;

        assert_fails("/nowhere/at/all", false, OUTCOME_CAMERA_NONE);
        assert_fails("/etc/passwd/video0", false, OUTCOME_CAMERA_NONE);
        assert_fails("", false, OUTCOME_CAMERA_NONE);
        assert_fails(bed->directory, false, OUTCOME_CAMERA_NONE);
        assert_fails("/dev/null", false, OUTCOME_CAMERA_FORMAT);
        assert_fails("/dev/null", true, OUTCOME_CAMERA_FORMAT);

        /* A recording is none unless recordings are allowed. */
        write_recording(bed, bed->numbered, 3, NULL);
        assert_fails(bed->recording, false, OUTCOME_CAMERA_NONE);
}

static void test_denied(void **state) {
        Bed *bed = *state;

        if (geteuid() == 0)
                assert_int_equal(seteuid(65534), 0);

        if (bed->mock) {
                assert_int_equal(open(v4l2_mock_node(bed->mock), O_RDONLY | O_CLOEXEC), -1);
                assert_fails(MOCK_DEVICE, false, OUTCOME_CAMERA_DENIED);
        }
        if (getuid() == 0)
                assert_int_equal(seteuid(0), 0);

        write_recording(bed, bed->numbered, 3, NULL);
        assert_int_equal(chmod(bed->directory, 0755), 0);
        assert_int_equal(chmod(bed->recording, 0), 0);
        if (geteuid() == 0)
                assert_int_equal(seteuid(65534), 0);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_DENIED);
        if (getuid() == 0)
                assert_int_equal(seteuid(0), 0);
        assert_int_equal(unlink(bed->recording), 0);
}

static void test_camera_vanishes(void **state) {
        Bed *bed = *state;
        Outcome outcome;
        unsigned n = 0;
        Capture *c;
        Frame frame;
        int r;

        need_mock(bed);
        configure_numbered(bed, (MockConfig){ .vanish_after = 10 });
        c = open_capture(MOCK_DEVICE, false);
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                frame_release(&frame);
                n++;
        }
        assert_int_equal(r, -EIO);
        assert_int_equal(outcome, OUTCOME_CAMERA_LOST);
        assert_in_range(n, 0, 10);

        /* And it stays lost. */
        assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), -EIO);
        assert_int_equal(outcome, OUTCOME_CAMERA_LOST);
        c = capture_free(c);
}

/* Every second frame is marked by the driver as damaged: none of them is handed out. */
static void test_camera_damaged_frames(void **state) {
        Bed *bed = *state;
        Capture *c;

        need_mock(bed);
        configure_numbered(bed, (MockConfig){ .error_flag_every = 2 });
        c = open_capture(MOCK_DEVICE, false);
        for (unsigned n = 0; n < 8; n++) {
                Frame frame;

                assert_frame(c, &frame);
                assert_int_equal(frame_number(&frame.image) % 2, 1);
                frame_release(&frame);
        }
        assert_true(capture_count(c) >= 15);
        c = capture_free(c);
}

static void test_camera_timeout(void **state) {
        Bed *bed = *state;
        Outcome outcome = _OUTCOME_MAX;
        uint64_t begin;
        Capture *c;
        Frame frame;

        need_mock(bed);
        configure_numbered(bed, (MockConfig){ .first_delay_usec = 2500 * USEC_PER_MSEC });
        c = open_capture(MOCK_DEVICE, false);
        begin = now_usec();
        assert_int_equal(capture_next(c, 0, &frame, &outcome), -ETIMEDOUT);
        assert_int_equal(capture_next(c, 100 * USEC_PER_MSEC, &frame, &outcome), -ETIMEDOUT);
        assert_true(now_usec() - begin >= 100 * USEC_PER_MSEC);
        assert_int_equal(outcome, _OUTCOME_MAX);
        assert_int_equal(capture_count(c), 0);

        /* It was only slow. */
        assert_frame(c, &frame);
        frame_release(&frame);
        c = capture_free(c);
}

/* A reader that is six times slower than the camera always has one of the newest frames, and nothing is
 * kept. */
static void assert_newest_wins(Capture *c) {
        size_t before = 0;

        for (unsigned n = 0; n < 12; n++) {
                unsigned behind;
                Frame frame;

                assert_frame(c, &frame);
                behind = (capture_count(c) - 1 - frame_number(&frame.image) + NUMBERED_FRAMES) %
                                NUMBERED_FRAMES;
                /* A queue would be behind by five more each time. */
                assert_in_range(behind, 0, 15);
                frame_release(&frame);
                if (n == 4)
                        before = resident_kib();
                sleep_msec(200);
        }

        /* Sixty frames of half a megabyte came meanwhile. */
        assert_true(capture_count(c) >= 40);
        assert_true(resident_kib() < before + 8 * 1024);
}

static void test_newest_wins(void **state) {
        MockConfig raw = { .modes = { { V4L2_PIX_FMT_YUYV, 640, 480, 30 } } };
        Bytes frames[NUMBERED_FRAMES * 3];
        Bed *bed = *state;
        Capture *c;

        for (size_t i = 0; i < ELEMENTSOF(frames); i++)
                frames[i] = bed->numbered[i % NUMBERED_FRAMES];
        write_recording(bed, frames, ELEMENTSOF(frames), NULL);
        c = open_capture(bed->recording, true);
        assert_newest_wins(c);
        c = capture_free(c);

        need_mock(bed);
        configure_numbered(bed, (MockConfig){});
        c = open_capture(MOCK_DEVICE, false);
        assert_newest_wins(c);
        c = capture_free(c);

        v4l2_mock_configure(bed->mock, &raw);
        c = open_capture(MOCK_DEVICE, false);
        assert_newest_wins(c);
        c = capture_free(c);
}

static void test_recording(void **state) {
        Bed *bed = *state;
        uint64_t last = 0, begin;
        Outcome outcome;
        unsigned n = 0;
        Capture *c;
        Frame frame;
        int r;

        write_recording(bed, bed->numbered, 20, NULL);
        begin = now_usec();
        c = open_capture(bed->recording, true);
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                assert_int_equal(frame.image.format, PIXEL_FORMAT_I420);
                assert_true(frame.image.timestamp_usec > last);
                /* Frames may be missed on a busy machine; their numbers tell their time. */
                assert_in_range(frame.image.timestamp_usec + 1000, frame_number(&frame.image) * 1000000 / 30,
                                frame_number(&frame.image) * 1000000 / 30 + 2000);
                last = frame.image.timestamp_usec;
                frame_release(&frame);
                n++;
        }
        assert_int_equal(r, 0);
        assert_in_range(n, 1, 20);
        assert_int_equal(capture_count(c), 20);

        /* At its own rate: the last of twenty frames comes after nineteen thirtieths of a second. */
        assert_true(now_usec() - begin >= 19 * USEC_PER_SEC / 30 - 5 * USEC_PER_MSEC);
        assert_int_equal(capture_next(c, PATIENCE, &frame, &outcome), 0);
        c = capture_free(c);
}

/* What jpegdec makes of the kinds of JPEG that cameras and encoders produce. */
static void test_recording_layouts(void **state) {
        static const struct {
                JpegKind kind;
                PixelFormat format;
        } kinds[] = {
                { { .width = 640, .height = 480 }, PIXEL_FORMAT_I420 },
                { { .width = 640, .height = 480, .luma_across = 2, .luma_down = 1 }, PIXEL_FORMAT_I420 },
                { { .width = 640, .height = 480, .luma_across = 1, .luma_down = 1 }, PIXEL_FORMAT_I420 },
                { { .width = 641, .height = 479 }, PIXEL_FORMAT_I420 },
                { { .width = 640, .height = 480, .grey = true }, PIXEL_FORMAT_GREY },
                { { .width = 640, .height = 480, .rgb = true }, PIXEL_FORMAT_RGB },
        };
        Bed *bed = *state;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                Bytes frames[2] = { picture_jpeg(&kinds[i].kind), picture_jpeg(&kinds[i].kind) };
                Capture *c;
                Frame frame;

                write_recording(bed, frames, 2, &(AviKind){ kinds[i].kind.width, kinds[i].kind.height, 30 });
                c = open_capture(bed->recording, true);
                assert_frame(c, &frame);
                assert_int_equal(frame.image.format, kinds[i].format);
                assert_int_equal(frame.image.width, kinds[i].kind.width);
                assert_int_equal(frame.image.height, kinds[i].kind.height);

                /* Every plane is there to its last byte: a sanitizer looks on. */
                for (unsigned p = 0; p < 3 && frame.image.plane[p]; p++) {
                        uint32_t half = frame.image.format == PIXEL_FORMAT_I420 && p > 0;
                        size_t rows = (frame.image.height + half) >> half,
                               row = (frame.image.width + half) >> half;
                        volatile uint8_t last =
                                        frame.image.plane[p][(rows - 1) * frame.image.stride[p] + row - 1];

                        (void) last;
                }
                frame_release(&frame);
                c = capture_free(c);
                bytes_done(&frames[0]);
                bytes_done(&frames[1]);
        }
}

static void spoil_tables(Bytes *b) {
        for (size_t i = 0; i + 21 < b->size; i++)
                if (b->data[i] == 0xff && b->data[i + 1] == 0xc4)
                        memset(b->data + i + 5, 0xff, 16);
}

/* Damaged frames, and frames of another size, come between good ones: only the good ones are handed out. */
static void test_recording_damaged(void **state) {
        Bed *bed = *state;
        Bytes frames[24] = {},
              other = picture_jpeg(&(JpegKind){ .width = 320, .height = 240, .plain = true, .brightness = 100 });
        Bytes progressive = picture_jpeg(&(JpegKind){ .width = 640, .height = 480, .progressive = true });
        size_t before = peak_kib();
        unsigned small = 0, good = 0;
        Outcome outcome;
        Capture *c;
        Frame frame;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(frames); i++) {
                const Bytes *source = i == 23 ? &other : i == 17 ? &progressive : &bed->numbered[i == 21 ? 22 : i];

                frames[i] = bytes_copy(source, source->size);
        }
        memset(frames[1].data, 0x55, frames[1].size);
        frames[5].size /= 3;
        spoil_tables(&frames[9]);
        for (size_t i = 0; i + 8 < frames[13].size; i++)
                if (frames[13].data[i] == 0xff && frames[13].data[i + 1] == 0xc0)
                        memset(frames[13].data + i + 5, 0xff, 4); /* 65,535 × 65,535 pixels */

        write_recording(bed, frames, ELEMENTSOF(frames), NULL);
        c = open_capture(bed->recording, true);
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                if (frame.image.width == 320)
                        small++;
                else {
                        assert_int_equal(frame.image.width, 640);
                        assert_int_not_equal(frame_number(&frame.image) % 4, 1);
                        good++;
                }
                frame_release(&frame);
        }
        assert_int_equal(r, 0);
        assert_int_equal(capture_count(c), ELEMENTSOF(frames));
        assert_in_range(good, 1, 18);
        assert_int_equal(small, 1);
        assert_true(peak_kib() < before + 1024 * 1024);
        c = capture_free(c);

        for (size_t i = 0; i < ELEMENTSOF(frames); i++)
                bytes_done(&frames[i]);
        bytes_done(&other);
        bytes_done(&progressive);
}

/* However many in a row cannot be decoded. */
static void test_recording_spoiled(void **state) {
        Bed *bed = *state;
        Bytes frames[20] = {};
        Outcome outcome;
        unsigned n = 0;
        Capture *c;
        Frame frame;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(frames); i++) {
                frames[i] = bytes_copy(&bed->numbered[i], bed->numbered[i].size);
                if (i < 15)
                        spoil_tables(&frames[i]);
        }

        write_recording(bed, frames, ELEMENTSOF(frames), NULL);
        c = open_capture(bed->recording, true);
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                assert_in_range(frame_number(&frame.image), 15, 19);
                frame_release(&frame);
                n++;
        }
        assert_int_equal(r, 0);
        assert_in_range(n, 1, 5);
        c = capture_free(c);
        for (size_t i = 0; i < ELEMENTSOF(frames); i++)
                bytes_done(&frames[i]);
}

/* Cameras that never write the end mark are not taken for cameras that lose the rest of every frame;
 * padding behind the mark is none of our business. */
static void test_no_end_marks(void **state) {
        Bed *bed = *state;
        Bytes frames[12] = {};
        unsigned n, last;

        for (size_t i = 0; i < ELEMENTSOF(frames); i++) {
                frames[i] = bytes_copy(&bed->numbered[i], bed->numbered[i].size);
                frames[i].size -= 2;
        }
        write_recording(bed, frames, ELEMENTSOF(frames), NULL);
        n = play(bed, &last);
        assert_in_range(n, 1, ELEMENTSOF(frames));
        assert_int_equal(last, ELEMENTSOF(frames) - 1);

        for (size_t i = 0; i < ELEMENTSOF(frames); i++) {
                const uint8_t padding[6] = { 0xff, 0xd9 };

                bytes_insert(&frames[i], frames[i].size, padding, i == 0 ? 2 : sizeof(padding));
        }
        write_recording(bed, frames, ELEMENTSOF(frames), NULL);
        n = play(bed, &last);
        assert_in_range(n, 1, ELEMENTSOF(frames));
        assert_int_equal(last, ELEMENTSOF(frames) - 1);

        for (size_t i = 0; i < ELEMENTSOF(frames); i++)
                bytes_done(&frames[i]);
}

static void test_recording_unusable(void **state) {
        static const AviKind h264 = { .width = 640, .height = 480, .rate = 30, .codec = "H264" };
        static const AviKind sound = { .width = 640, .height = 480, .rate = 30, .audio = true };
        Bed *bed = *state;
        FILE *f;

        assert_fails("/nowhere/at/all.avi", true, OUTCOME_CAMERA_NONE);
        assert_fails(bed->directory, true, OUTCOME_CAMERA_NONE);

        write_recording(bed, bed->numbered, 5, &h264);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_FORMAT);
        write_recording(bed, bed->numbered, 5, &sound);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_FORMAT);

        f = fopen(bed->recording, "we");
        assert_non_null(f);
        for (unsigned i = 0; i < 1000; i++)
                fputs("This is no recording. ", f);
        (void) fclose(f);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_FORMAT);

        assert_int_equal(truncate(bed->recording, 0), 0);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_FORMAT);

        /* A FIFO that nobody writes to is not waited for. */
        assert_int_equal(unlink(bed->recording), 0);
        assert_int_equal(mkfifo(bed->recording, 0600), 0);
        assert_fails(bed->recording, true, OUTCOME_CAMERA_NONE);
        assert_int_equal(unlink(bed->recording), 0);
}

static void test_recording_cut_off(void **state) {
        Bed *bed = *state;
        struct stat st;
        unsigned n;

        write_recording(bed, bed->numbered, 20, NULL);
        assert_int_equal(stat(bed->recording, &st), 0);
        assert_int_equal(truncate(bed->recording, st.st_size / 2), 0);
        n = play(bed, NULL);
        assert_in_range(n, 1, 12);
}

static void *wake_later(void *userdata) {
        sleep_msec(150);
        capture_wake(userdata);
        return NULL;
}

/* The second picture would come after a minute. */
static void test_wake(void **state) {
        static const AviKind slow = { .width = 640, .height = 480, .rate = 1 };
        Bytes frames[61] = {};
        Bed *bed = *state;
        uint64_t begin;
        Outcome outcome;
        pthread_t thread;
        Capture *c;
        Frame frame;

        frames[0] = bed->numbered[0];
        frames[60] = bed->numbered[1];
        write_recording(bed, frames, ELEMENTSOF(frames), &slow);

        begin = now_usec();
        c = open_capture(bed->recording, true);
        assert_frame(c, &frame);
        frame_release(&frame);
        assert_int_equal(pthread_create(&thread, NULL, wake_later, c), 0);
        assert_int_equal(capture_next(c, UINT64_MAX, &frame, &outcome), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(capture_next(c, UINT64_MAX, &frame, &outcome), 0);
        c = capture_free(c);
        assert_true(now_usec() - begin < 40 * USEC_PER_SEC);
}

/* Whether this process has the device open. */
static bool camera_open(void) {
        bool found = false;
        struct dirent *entry;
        DIR *directory = opendir("/proc/self/fd");

        assert_non_null(directory);
        while ((entry = readdir(directory))) {
                char target[256];
                ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

                target[n > 0 ? n : 0] = '\0';
                found = found || strstr(target, MOCK_DEVICE);
        }
        (void) closedir(directory);
        return found;
}

/* Ended at any moment, with a frame waiting or not. */
static void test_ended_anywhere(void **state) {
        static const unsigned delays[] = { 0, 1, 2, 5, 10, 30, 50, 100, 200 };
        Bed *bed = *state;

        write_recording(bed, bed->numbered, NUMBERED_FRAMES, NULL);
        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                Capture *c = open_capture(bed->recording, true);

                sleep_msec(delays[i]);
                c = capture_free(c);
        }

        need_mock(bed);
        configure_numbered(bed, (MockConfig){});
        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                Capture *c = open_capture(MOCK_DEVICE, false);

                sleep_msec(delays[i]);
                assert_true(camera_open());
                c = capture_free(c);
                assert_true(v4l2_mock_closed(bed->mock));
                assert_false(camera_open());
        }
}

static void test_no_growth(void **state) {
        size_t before = 0;
        Bed *bed = *state;

        write_recording(bed, bed->numbered, 2, NULL);
        for (unsigned i = 0; i < 60; i++) {
                assert_in_range(play(bed, NULL), 1, 2);
                if (i == 20)
                        before = resident_kib();
        }
        /* A frame kept of each would be nearly twenty mebibytes. */
        assert_true(resident_kib() < before + 8 * 1024);
}

/* Real recordings, where they are at hand. */
static void test_real_recording(void **state) {
        const char *data = getenv("LIKENESS_DATA") ?: DEFAULT_DATA;
        char path[4096];
        unsigned n = 0;
        Outcome outcome;
        Capture *c;
        Frame frame;
        int r;

        (void) snprintf(path, sizeof(path), "%s/camera/person03-live.avi", data);
        if (access(path, R_OK) < 0) {
                print_message("%s is not there (LIKENESS_DATA): no real recording to play\n", path);
                skip();
        }

        c = open_capture(path, true);
        while ((r = capture_next(c, PATIENCE, &frame, &outcome)) == 1) {
                assert_int_equal(frame.image.width, 480);
                assert_int_equal(frame.image.height, 640);
                frame_release(&frame);
                n++;
        }
        assert_int_equal(r, 0);
        assert_int_equal(capture_count(c), 148);
        assert_in_range(n, 1, 148);
        c = capture_free(c);
}

static int bed_up(void **state) {
        Bed *bed = calloc(1, sizeof(*bed));

        assert_non_null(bed);
        numbered_make(bed->numbered);
        (void) snprintf(bed->directory, sizeof(bed->directory), "/tmp/test-capture.XXXXXX");
        assert_non_null(mkdtemp(bed->directory));
        (void) snprintf(bed->recording, sizeof(bed->recording), "%s/recording.avi", bed->directory);

        bed->mock = v4l2_mock_new();
        *state = bed;
        return capture_library_init();
}

static int bed_down(void **state) {
        Bed *bed = *state;

        bed->mock = v4l2_mock_free(bed->mock);
        (void) unlink(bed->recording);
        (void) rmdir(bed->directory);
        numbered_done(bed->numbered);
        free(bed);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_camera_formats),
                cmocka_unit_test(test_camera_mode),
                cmocka_unit_test(test_camera_unusable),
                cmocka_unit_test(test_no_camera),
                cmocka_unit_test(test_denied),
                cmocka_unit_test(test_camera_vanishes),
                cmocka_unit_test(test_camera_damaged_frames),
                cmocka_unit_test(test_camera_timeout),
                cmocka_unit_test(test_newest_wins),
                cmocka_unit_test(test_recording),
                cmocka_unit_test(test_recording_layouts),
                cmocka_unit_test(test_recording_damaged),
                cmocka_unit_test(test_recording_spoiled),
                cmocka_unit_test(test_no_end_marks),
                cmocka_unit_test(test_recording_unusable),
                cmocka_unit_test(test_recording_cut_off),
                cmocka_unit_test(test_wake),
                cmocka_unit_test(test_ended_anywhere),
                cmocka_unit_test(test_no_growth),
                cmocka_unit_test(test_real_recording),
        };

        return cmocka_run_group_tests(tests, bed_up, bed_down);
}
