/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
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

typedef struct CaptureSetup {
        const CameraCandidate *cameras; /* the best first; borrowed for the capture's life */
        size_t n_cameras;              /* at least one */
        bool recordings;               /* a candidate may be an MJPEG AVI file, played at its own rate */
        bool software;                 /* a camera may have no hardware behind it */
        unsigned view;                 /* CameraView */
} CaptureSetup;

/* Opens the first candidate that offers colour, or else grey, and starts to capture; one that offers neither is passed
 * over if others are left, any other trouble ends it. Returns without waiting for the first frame. `ret_camera` is the
 * index of the candidate that was opened, or that was in trouble. On failure `reterr_outcome` is one of
 * OUTCOME_CAMERA_*, or OUTCOME_INTERNAL_ERROR (out of memory, a GStreamer element missing). */
int capture_new(Capture **ret, const CaptureSetup *setup, size_t *ret_camera, Outcome *reterr_outcome);
/* Stops and closes the camera before it returns; release frames first, as they may be the driver's own memory. */
Capture *capture_free(Capture *c);
DEFINE_CLEANUP(Capture *, capture_free);

/* Waits for a frame newer than the last one, for at most `timeout_usec`; those of a sensor that is still waking are not
 * handed out. Returns 1 with a frame; 0 when a recording has come to its end or capture_wake() was called; -ETIMEDOUT
 * (no frame came yet; `reterr_outcome` is not set); -EIO with `reterr_outcome` set when the camera is in trouble. */
int capture_next(Capture *c, uint64_t timeout_usec, Frame *ret, Outcome *reterr_outcome);

/* After capture_next() has failed: the same outcome, or a better one. Where pictures stay away the driver may know why:
 * it was never set to what it said. Like opening and closing, and unlike capture_next(), this asks the driver, which may
 * not come back. */
Outcome capture_explain(Capture *c, Outcome outcome);

/* OUTCOME_EXAMINED if what is open is still the camera that was chosen, or what is wrong with it. Asks the kernel, too. */
Outcome capture_check(Capture *c);

/* Makes a capture_next() in another thread return 0, now and ever after. */
void capture_wake(Capture *c);

/* Frames that the camera delivered so far, used or not. */
uint32_t capture_count(const Capture *c);

/* Gives the picture back; before capture_free(). */
void frame_release(Frame *f);

/* Loads GStreamer and the few plugins that are used, without registry or scanner process; once per process,
 * before there are other threads: none can open anything meanwhile.
 * -ENOPKG after logging the package that is missing. */
int capture_library_init(void);
