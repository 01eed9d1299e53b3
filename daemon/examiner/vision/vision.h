/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that looks at pixels. C outside, OpenCV inside: no C++ type, exception or OpenCV header crosses this
 * header. Every function returns 0 or a positive documented result, or a negative errno; none throws. One Vision
 * serves one verification and one thread. */

#include "findings.h"
#include "manifest.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Vision Vision;

typedef enum PixelFormat {
        PIXEL_FORMAT_I420,             /* three planes */
        PIXEL_FORMAT_Y42B,             /* three planes, chroma halved horizontally only: what most MJPEG cameras send */
        PIXEL_FORMAT_NV12,             /* two planes */
        PIXEL_FORMAT_YUY2,             /* one plane */
        PIXEL_FORMAT_GREY,             /* one plane */
        PIXEL_FORMAT_RGB,              /* one plane, 3 bytes a pixel */
        _PIXEL_FORMAT_MAX,
} PixelFormat;

/* A borrowed view of one picture; the pixels stay the caller's. Strides are in bytes. */
typedef struct Image {
        PixelFormat format;
        uint32_t width, height;
        const uint8_t *plane[3];
        size_t stride[3];
        uint64_t timestamp_usec;       /* of capture, CLOCK_MONOTONIC or the recording's own; 0 for a still */
} Image;

/* What one frame showed. */
typedef struct Observation {
        unsigned faces;                /* faces in front of the camera, bystanders far behind not counted */
        Reason obstacle;               /* why the frame is no evidence; REASON_NONE if it is */
        bool hold_still;               /* the frame is no evidence because it is blurred by movement */
        bool too_close;                /* … because the face does not fit into the picture */
        bool restarted;                /* a different person stepped in: all evidence so far was dropped */
        uint32_t progress;             /* how much of the evidence wanted is there, 0 to 1000 */
        bool enough;                   /* more frames cannot change the answer */
} Observation;

/* Loads the networks. `fds` holds one open descriptor per model of the manifest, in its order, already checked by
 * hash; they are read through /proc/self/fd and stay the caller's. `no_match_below` and `match_from` (similarity,
 * thousandths) tell when more evidence cannot change the answer; see vision_set_thresholds(). On failure
 * `reterr_model` is the index of the model that does not load. */
int vision_new(Vision **ret, const Manifest *manifest, const int *fds, size_t *reterr_model);
Vision *vision_free(Vision *v);
DEFINE_CLEANUP(Vision *, vision_free);

/* Between these two similarities (thousandths) the answer is "not certain", and more frames are looked at. */
void vision_set_thresholds(Vision *v, int no_match_below, int match_from);

/* Takes the portrait to compare with (RGB). Returns 0 with `ret_reason` REASON_NONE if it can be used, else with the
 * portrait-* reason. The pixels are not needed afterwards. */
int vision_set_reference(Vision *v, const Image *portrait, Reason *ret_reason);

/* Looks at the next frame, in order of time. */
int vision_observe(Vision *v, const Image *frame, Observation *ret);

/* Sets the scores and counts of `findings` (similarity, liveness, attack_signs, frames_used, frames_matched) from
 * what was seen so far. Other members are left alone. */
int vision_conclude(Vision *v, Findings *findings);

#ifdef __cplusplus
}
#endif
