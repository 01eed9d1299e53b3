/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "camera-report.h"

/* Whether what a camera can deliver is enough for a role. The rule and its numbers are in camera-fitness.c, and in
 * docs/cameras.md for people. */

typedef enum CameraFitness {
        CAMERA_FIT,
        CAMERA_NO_COLOUR,              /* an infrared camera: for faces if there is no other, for documents never */
        CAMERA_FEW_PIXELS,             /* too few between the eyes */
        CAMERA_SLOW,                   /* too few pictures a second */
        CAMERA_NO_FORMAT,              /* none of the formats that can be read */
        CAMERA_NO_HARDWARE,            /* nothing physical is behind it */
        CAMERA_NOT_PINNED,             /* policy names another one for this role */
        CAMERA_NOT_AVAILABLE,          /* it could not be opened, so nothing is known */
        _CAMERA_FITNESS_MAX,
} CameraFitness;

/* The word for the bus; a static string. */
const char *camera_fitness_to_string(CameraFitness f);

/* The fitness for `role` by its modes alone; `ret_eye_pixels` is how many pixels it has between the eyes at the role's
 * working distance, in the mode that counts, 0 if there is none. */
CameraFitness camera_modes_fitness(const CameraMode *modes, size_t n, CameraRole role, uint32_t *ret_eye_pixels);

/* Whether it has a mode that a check would take for a face; `ret_colour`: one in colour. */
bool camera_modes_usable(const CameraMode *modes, size_t n, bool *ret_colour);

/* What a camera is, told by its formats and not by its name. */
typedef enum CameraKind {
        CAMERA_KIND_UNKNOWN,           /* no modes, or no format that we know */
        CAMERA_KIND_COLOUR,
        CAMERA_KIND_INFRARED,          /* only brightness: infrared cameras deliver nothing else */
        CAMERA_KIND_DEPTH,             /* only distances */
        _CAMERA_KIND_MAX,
} CameraKind;

/* Of a camera with these modes. */
CameraKind camera_modes_kind(const CameraMode *modes, size_t n);
/* The word for the bus; a static string. */
const char *camera_kind_to_string(CameraKind k);
