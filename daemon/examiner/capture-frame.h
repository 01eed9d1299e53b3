/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "capture.h"

#include <gst/gst.h>

/* One sample of GStreamer's as a borrowed view of its planes, each checked to lie within the buffer. */

/* Takes `sample`, also on failure. -EBADMSG if it is not what its caps say, or of a layout that is not used. */
int frame_new(GstSample *sample, uint64_t usec, Frame *ret);
