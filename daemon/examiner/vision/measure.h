/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* For tests/accuracy only: every measure of one picture, to calibrate thresholds with the code that uses them. In an
 * object file of its own, which the examiner does not link. */

#include "vision.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MEASURES_NETWORKS_MAX 8
#define MEASURES_EMBEDDING_MAX 4096

typedef struct Measures {
        unsigned faces;
        float x, y, width, height;     /* of the face's box, pixels */
        float eye_distance, yaw, pitch, roll;
        float bright, background, sharpness, outside;
        Reason obstacle;
        float mouth, eyes, tint, lighter; /* how bare the face is: see covering.hpp */
        float liveness[MEASURES_NETWORKS_MAX];
        size_t n_liveness;
        float embedding[MEASURES_EMBEDDING_MAX];
        size_t n_embedding;
} Measures;

/* Measures the largest face. Without a face, `faces` is 0 and nothing else is set. */
int vision_measure(Vision *v, const Image *image, Measures *ret);

#ifdef __cplusplus
}
#endif
