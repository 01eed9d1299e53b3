/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gst/gst.h>

/* The elements of a capture. A head delivers pictures as they come, a tail drops what nobody looked at and
 * decodes:
 *
 *   camera:     v4l2src ! capsfilter (the mode chosen)
 *   recording:  filesrc ! avidemux ! identity (paces it)
 *   MJPEG:      … ! queue (the newest frame only) ! jpegdec ! appsink
 *   others:     … ! appsink
 *
 * and before the appsink, if the camera is mounted in another way than upright: videoflip.
 */

typedef struct Tail {
        GstElement *sink;              /* the appsink; the pipeline's */
        GstPad *gate;                  /* every frame passes it, before any is dropped; the pipeline's */
} Tail;

/* All return 0, or -ENOPKG when an element is missing. Elements that were added stay the pipeline's. */

/* `ret_source` is not linked to anything before pipeline_add_camera_mode(), so that its caps can be asked
 * for. */
int pipeline_add_camera(GstElement *pipeline, const char *device, GstElement **ret_source);
/* Fixes the camera to `mode` and adds the tail that fits. `view` is a CameraView. */
int pipeline_add_camera_mode(
                GstElement *pipeline,
                GstElement *source,
                const GstCaps *mode,
                unsigned view,
                Tail *ret);
/* The recording `path`, an AVI file whose first MJPEG stream is played at its own rate, and its tail. */
int pipeline_add_recording(GstElement *pipeline, const char *path, unsigned view, Tail *ret);
