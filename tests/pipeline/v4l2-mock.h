/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../unit/pictures.h"
#include "mock-place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A camera without a camera: umockdev presents /dev/video0 (and more, if asked for) to this process and to those that
 * it starts, and the V4L2 requests are answered here, so that GStreamer's real v4l2src can be used. Needs umockdev's
 * preloaded library, and dup-shim. The sum of what drivers do wrong can be asked for. */

#define MOCK_DEVICE "/dev/video0"
#define MOCK_MODES_MAX 8

typedef struct MockMode {
        uint32_t fourcc;               /* V4L2_PIX_FMT_MJPEG, _YUYV, _NV12, _GREY; others are to be refused */
        uint32_t width, height, rate;
} MockMode;

typedef struct MockConfig {
        MockMode modes[MOCK_MODES_MAX];
        const Bytes *frames;           /* for MJPEG: played in turn, again and again; must outlive the mock */
        size_t n_frames;
        bool no_capture;               /* the device does not capture video (as metadata nodes) */
        int set_format_error;          /* errno of setting the format: EBUSY while another program streams */
        int stream_on_error;           /* errno of starting to stream: ENOSPC without USB bandwidth */
        uint32_t vanish_after;         /* frames, then the device is gone; 0 never */
        uint32_t error_flag_every;     /* every nth frame is marked as damaged by the driver; 0 never */
        uint64_t first_delay_usec;     /* until the first frame */
} MockConfig;

typedef struct V4l2Mock V4l2Mock;

/* /dev/video0, usb-1d6b:0102-MOCK0001; one per process. NULL without umockdev's preloaded library. */
V4l2Mock *v4l2_mock_new(void);
/* The same elsewhere in the tree of devices. */
V4l2Mock *v4l2_mock_new_at(const MockPlace *place);
/* One more beside the first, with another number. */
V4l2Mock *v4l2_mock_add(V4l2Mock *first, const MockPlace *place);
V4l2Mock *v4l2_mock_free(V4l2Mock *m);
/* For the next time that the device is opened; not while it streams. */
void v4l2_mock_configure(V4l2Mock *m, const MockConfig *config);
/* The node in the file system, for its permissions. */
const char *v4l2_mock_node(V4l2Mock *m);

/* The mode that was set last. */
MockMode v4l2_mock_mode(V4l2Mock *m);
/* True between starting and stopping to stream. */
bool v4l2_mock_streaming(V4l2Mock *m);

/* The brightness of frame `n` in patterns: from it, tests tell which frame they have. */
static inline uint8_t mock_luma(uint32_t n) {
        return (uint8_t) (20 + 5 * (n % 40));
}
#define MOCK_CB 90
#define MOCK_CR 160
