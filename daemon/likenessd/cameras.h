/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds a camera by asking udev (sd-device); the daemon itself opens none.
 *
 * On a machine with several seats a caller gets a camera of his own seat and no other. Whoever has no seat (a service,
 * a login over the network) gets one of seat0, if polkit lets him in at all. A device that udev gave to no seat belongs
 * to seat0, as logind has it. */

#define SEAT_DEFAULT "seat0"

typedef struct Camera {
        CameraIdentity identity;
        char *node;                    /* /dev/video… */
        char *seat;                    /* NULL: seat0 */
        bool captures;                 /* not a metadata node, which comes with many cameras */
} Camera;

typedef struct Cameras {
        Camera *all;                   /* in the order of their names, so that the choice is always the same */
        size_t n;
} Cameras;

/* All V4L2 devices that udev knows. */
int cameras_list(Cameras *ret);
void cameras_done(Cameras *c);

/* The first that captures and is at `seat` (NULL: seat0); NULL if there is none. Borrowed from `c`. */
const Camera *cameras_choose(const Cameras *c, const char *seat);

/* The camera for a caller at `seat` (NULL: seat0), to be freed by camera_candidates_done(), also after an error;
 * -ENODEV if there is none. */
int cameras_find(const char *seat, CameraCandidate *ret);
