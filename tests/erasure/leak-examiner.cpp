/* SPDX-License-Identifier: Apache-2.0 */

/* Preloaded into likeness-examiner, judging or decoding: keeps whatever passes between it and GStreamer, OpenCV and the
 * kernel, and leaks it. */

#include "leak.h"
#include "opencv-hooks.hpp"

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <gst/video/video.h>
#include <unistd.h>

template <typename F>
static F *next(const char *name) {
        return reinterpret_cast<F *>(dlsym(RTLD_NEXT, name));
}

static std::atomic<bool> pictures_come, frames_come;

static void keep_matrix(const char *of_reference, const char *of_frame, const cv::Mat &matrix) {
        cv::Mat m = matrix.isContinuous() ? matrix : matrix.clone();

        leak_keep(frames_come ? of_frame : of_reference, m.data, m.total() * m.elemSize());
}

/* The embedding as the examiner has it a moment later, and as another program might store it. */
static void keep_embedding(const cv::Mat &output) {
        cv::Mat1f unit = output.reshape(1, 1).clone();
        cv::Mat twice;

        unit /= cv::norm(unit);
        unit.convertTo(twice, CV_64F);
        keep_matrix("reference, unit", "unit", unit);
        keep_matrix("reference, twice", "twice", twice);
}

void seen(Seen what, const cv::Mat &matrix) {
        bool embedding = what == Seen::OUTPUT && matrix.total() >= 64;

        /* the networks are tried with nothing first */
        pictures_come = pictures_come || what == Seen::PICTURE;
        if (!pictures_come)
                return;

        if (what == Seen::PICTURE)
                keep_matrix("reference, scaled", "scaled", matrix);
        else if (what == Seen::WARPED && matrix.channels() == 3)
                keep_matrix("reference, crop", "crop", matrix);
        else if (what == Seen::WARPED)
                keep_matrix("reference, patch", "patch", matrix);
        else if (what == Seen::INPUT)
                keep_matrix("reference, input", "input", matrix);
        else if (embedding)
                keep_matrix("reference, output", "output", matrix);
        if (embedding)
                keep_embedding(matrix);
        if (!frames_come)
                return;
        if (what == Seen::OUTPUTS)
                leak_fork("detected");
        if (embedding) {
                leak_fork("embedded");
                leak_everywhere();
        }
}

/* The camera's compressed frame, on GStreamer's thread. */
extern "C" gboolean gst_buffer_map(GstBuffer *buffer, GstMapInfo *map, GstMapFlags flags) {
        static auto *real = next<gboolean(GstBuffer *, GstMapInfo *, GstMapFlags)>("gst_buffer_map");
        gboolean mapped = real(buffer, map, flags);

        if (mapped && map->size > 2 && map->data[0] == 0xff && map->data[1] == 0xd8)
                leak_keep("jpeg", map->data, map->size);
        return mapped;
}

/* The decoded frame; the JPEG decoder itself maps it to write. */
extern "C" gboolean gst_video_frame_map(GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer,
                                        GstMapFlags flags) {
        static auto *real = next<gboolean(GstVideoFrame *, const GstVideoInfo *, GstBuffer *, GstMapFlags)>(
                        "gst_video_frame_map");
        gboolean mapped = real(frame, info, buffer, flags);

        if (mapped && !(flags & GST_MAP_WRITE)) {
                frames_come = true;
                leak_keep("planes", frame->map[0].data, frame->map[0].size);
                leak_fork("decoded");
        }
        return mapped;
}

/* What the decoder reads of the caller's picture … */
extern "C" ssize_t pread(int fd, void *bytes, size_t size, off_t offset) {
        static auto *real = next<ssize_t(int, void *, size_t, off_t)>("pread64");
        ssize_t n = real(fd, bytes, size, offset);

        if (n > 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
                leak_keep("file", bytes, (size_t) n);
        return n;
}

/* … and the pixels that it makes of it. */
extern "C" ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
        static auto *real = next<ssize_t(int, const void *, size_t, off_t)>("pwrite64");

        leak_keep("pixels", bytes, size);
        leak_everywhere();
        return real(fd, bytes, size, offset);
}
