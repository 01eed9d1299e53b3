/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "configuration.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Finds cameras by asking udev (sd-device); the daemon itself opens none.
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
        dev_t number;
        uint64_t since_usec;           /* CLOCK_MONOTONIC: when udev had it first after it was plugged in; 0: unknown */
} Camera;

typedef struct Cameras {
        Camera *all;                   /* in the order of their nodes' numbers */
        size_t n;
} Cameras;

/* All V4L2 devices that the kernel has. Of what udev is not through with only the identity is known. 0, or a negative
 * errno; what is listed is freed by cameras_done(). */
int cameras_list(Cameras *ret);
void cameras_done(Cameras *c);

/* Whether it captures, and is at `seat` (NULL or "": seat0). */
bool camera_captures_at(const Camera *c, const char *seat);

/* Whether there is hardware behind it, or policy permits software cameras. */
bool camera_backed(const Camera *c, const Configuration *policy);

/* Whether policy lets this camera be used for `role`, at whatever seat. */
bool camera_permitted(const Camera *c, const Configuration *policy, CameraRole role);

typedef enum CameraChoice {
        CAMERAS_CHOSEN,
        CAMERAS_NONE,                  /* nothing at this seat captures */
        CAMERAS_NOT_PINNED,            /* nothing at this seat has a name that policy asks for */
        CAMERAS_SOFTWARE,              /* only such as no hardware is behind, and policy does not permit them */
} CameraChoice;

/* What may be tried, the best first: at most CAMERA_CANDIDATES_MAX. */
typedef struct CameraCandidates {
        CameraCandidate all[CAMERA_CANDIDATES_MAX];
        size_t n;
} CameraCandidates;

/* Chooses among the cameras of `seat` (NULL or "": seat0) those that policy permits for `role`. The order depends on
 * nothing but what is there: hardware before software, then what policy does not want for the other role, then by
 * name. With CAMERAS_SOFTWARE `ret_refused` is one that was refused (borrowed from `c`). The CameraChoice, or
 * -ENOMEM. `ret` is empty unless it is CAMERAS_CHOSEN. */
int cameras_choose(
                const Cameras *c,
                const char *seat,
                const Configuration *policy,
                CameraRole role,
                CameraCandidates *ret,
                const Camera **ret_refused);
/* Leaves it empty. */
void camera_candidates_free(CameraCandidates *c);

typedef enum CameraChange {
        CAMERAS_SAME,
        CAMERAS_CHANGED,               /* one appeared, vanished, or is another one now */
        CAMERAS_LOST,                  /* one of the candidates vanished */
} CameraChange;

/* What has happened between two lists to what captures at `seat`. `ret_which` is a camera that it happened to,
 * borrowed from one of them; NULL for CAMERAS_SAME. */
CameraChange cameras_compare(
                const Cameras *before,
                const Cameras *after,
                const char *seat,
                const CameraCandidates *candidates,
                const Camera **ret_which);
