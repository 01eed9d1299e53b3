/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "../unit/pictures.h"
#include "mock-place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A camera without a camera: umockdev presents /dev/video0 (and more, if asked for) to this process and to those that
 * it starts, and the V4L2 requests are answered here, so that GStreamer's real v4l2src can be used. Needs umockdev's
 * preloaded library, and mock-shim. The sum of what drivers do wrong can be asked for. */

#define MOCK_DEVICE "/dev/video0"
#define MOCK_NAME "usb-1d6b:0102-MOCK0001@0000:00:14.0-1:1.0"
#define MOCK_MODES_MAX 8

typedef struct MockMode {
        uint32_t fourcc;               /* V4L2_PIX_FMT_MJPEG, _YUYV, _NV12, _GREY; others are to be refused */
        uint32_t width, height, rate;
} MockMode;

/* What goes wrong, from frame `fault_after` on. */
typedef enum MockFault {
        MOCK_FAULT_NONE,
        MOCK_FAULT_SILENT,             /* no frame comes */
        MOCK_FAULT_CUT_OFF,            /* two thirds of each are missing */
        MOCK_FAULT_SCRAMBLED,          /* MJPEG: nothing of the picture is what it was */
        MOCK_FAULT_OTHER_SIZE,         /* the frames are not of the size that was set */
        MOCK_FAULT_FROZEN,             /* always the same picture */
        MOCK_FAULT_COVERED,            /* black, and the sensor's noise */
        MOCK_FAULT_STALE,              /* the time stamps are three seconds old */
        MOCK_FAULT_SAME_TIME,          /* they stay what they were */
        MOCK_FAULT_IO,                 /* fetching a frame fails: a fatal error of the stream */
        MOCK_FAULT_STUCK,              /* fetching a frame does not return before v4l2_mock_release() */
        MOCK_FAULT_STUCK_OPENING,      /* the first request after opening does not */
        MOCK_FAULT_STUCK_CLOSING,      /* stopping to stream does not */
        MOCK_FAULT_OTHER_FORMAT,       /* setting a format sets another one and says so */
        MOCK_FAULT_LIES,               /* once it streams, it says that another size is set */
        _MOCK_FAULT_MAX,
} MockFault;

typedef struct MockConfig {
        MockMode modes[MOCK_MODES_MAX];
        const Bytes *frames;           /* JPEGs, played in turn, again and again; must outlive the mock. Modes other
                                        * than MJPEG show the same pictures, which must be of their size */
        size_t n_frames;
        uint32_t waking;               /* so many frames until the sensor is awake; not with MJPEG */
        MockFault fault;
        uint32_t fault_after, fault_until; /* frames; until 0: for ever */
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

/* From now on it says that it has another serial number, as another camera at the same port would. */
void v4l2_mock_set_serial(V4l2Mock *m, const char *serial);
/* Whoever opens its node has got the other camera (NULL: no longer), whatever stat() says of the node. */
bool v4l2_mock_swap(V4l2Mock *m, const V4l2Mock *other);

/* Lets requests return that a fault held up. */
void v4l2_mock_release(V4l2Mock *m);
/* A request is held up. */
bool v4l2_mock_stuck(V4l2Mock *m);

/* Called when a program opens the device while nobody streams: true if it is to be `config` from now on. */
void v4l2_mock_on_open(V4l2Mock *m, bool (*reload)(MockConfig *config, void *userdata), void *userdata);

/* The mode that was set last. */
MockMode v4l2_mock_mode(V4l2Mock *m);
/* True between starting and stopping to stream. */
bool v4l2_mock_streaming(V4l2Mock *m);
/* True if this process has it open nowhere. */
bool v4l2_mock_closed(V4l2Mock *m);

/* The brightness of frame `n` in patterns: from it, tests tell which frame they have. */
static inline uint8_t mock_luma(uint32_t n) {
        return (uint8_t) (20 + 5 * (n % 40));
}
#define MOCK_CB 90
#define MOCK_CR 160
