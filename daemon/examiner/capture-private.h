/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "capture.h"
#include "capture-flow.h"
#include "capture-gate.h"
#include "capture-picture.h"

#include <gst/gst.h>
#include <pthread.h>
#include <stdatomic.h>

/* A capture has two sides: capture-open.c opens a camera and is called by GStreamer's threads from then on; capture.c
 * hands its pictures out to the caller's. This is what they share. */

struct Capture {
        CaptureSetup setup;
        const CameraCandidate *camera; /* the one that is open */
        GstElement *pipeline;
        GstCaps *mode;                 /* that a camera was set to; NULL for a recording */
        int device;                    /* v4l2src's descriptor, its own; -1 for a recording */
        bool recording;
        bool opened;                   /* set before GStreamer's threads start */
        PictureWatch watch;            /* for the caller's thread */

        Gate gate;                     /* for the thread that delivers frames; so is what follows */
        bool mode_checked;

        atomic_uint_least32_t count;

        pthread_mutex_t lock;          /* of all below: GStreamer's threads write, the caller's reads */
        pthread_cond_t changed;
        Flow flow;
        GstSample *newest;             /* not yet handed out */
        uint64_t newest_usec;
        uint64_t last_usec;            /* of the frame handed out last */
        bool woken;
        bool ended;                    /* a recording's end */
        bool failed;
        Outcome outcome;               /* if failed */
};

/* Opens the first candidate that will do, as capture_new() says. After a failure nothing is open. */
int capture_open(Capture *c, size_t *ret_camera, Outcome *reterr_outcome);
/* Ends GStreamer's threads and closes the device; no callback comes afterwards, and no picture is left. */
void capture_close(Capture *c);
