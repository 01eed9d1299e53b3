/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "capture-flow.h"

#include <gst/gst.h>
#include <stdbool.h>

/* What every frame is asked when it comes from the camera, before any is dropped or decoded. For the thread that delivers
 * them. */

typedef struct Gate {
        const GstCaps *mode;           /* that the camera was set to; NULL for a recording, whose times may repeat */
        bool ends_seen;                /* its JPEGs end with their marker */
        uint64_t last_stamp;           /* running time, nanoseconds */
} Gate;

/* What is wrong with the next frame, `buffer` on its way through `pad`, in the order in which they come. Its data are
 * untrusted. */
FrameFault gate_check(Gate *g, GstPad *pad, GstBuffer *buffer);
