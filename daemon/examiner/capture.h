/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"
#include "vision/vision.h"

/* Frames from one camera, or from a recording that stands in for one, through GStreamer. The newest frame wins: a
 * slow reader loses frames, none is queued. Capturing runs on GStreamer's threads; these functions are called from
 * one thread of the caller's (capture_wake() from any). */

typedef struct Capture Capture;

typedef struct Frame {
        Image image;                   /* valid until frame_release() */
        void *owner;
} Frame;

/* Starts to capture from `camera`: a device node, or with `recordings` an MJPEG AVI file, played at its own rate.
 * Returns without waiting for the first frame. On failure `reterr_outcome` is one of OUTCOME_CAMERA_*, or
 * OUTCOME_INTERNAL_ERROR (out of memory, a GStreamer element missing). */
int capture_new(Capture **ret, const char *camera, bool recordings, Outcome *reterr_outcome);
/* Stops and closes the camera before it returns; release frames first, as they may be the driver's own memory. */
Capture *capture_free(Capture *c);
DEFINE_CLEANUP(Capture *, capture_free);

/* Waits for a frame newer than the last one, for at most `timeout_usec`. Returns 1 with a frame; 0 when a recording
 * has come to its end or capture_wake() was called; -ETIMEDOUT (no frame came; `reterr_outcome` is not set);
 * -EIO with `reterr_outcome` set when the camera failed or went away. */
int capture_next(Capture *c, uint64_t timeout_usec, Frame *ret, Outcome *reterr_outcome);

/* Makes a capture_next() in another thread return 0, now and ever after. */
void capture_wake(Capture *c);

/* Frames that the camera delivered so far, used or not. */
uint32_t capture_count(const Capture *c);

void frame_release(Frame *f);

/* Loads GStreamer and the few plugins that are used, without registry or scanner process; once per process.
 * -ENOPKG after logging the package that is missing. */
int capture_library_init(void);
