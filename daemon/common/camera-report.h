/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"

#include <stddef.h>

/* What an examiner tells of a camera that it was asked to inspect: how opening it ended, and in which modes it can
 * deliver pictures. Nothing is streamed. What a device says of itself is bounded here and untrusted otherwise. */

#define CAMERA_MODES_MAX 64U
#define CAMERA_MODE_SIDE_MAX 65535U    /* pixels */
#define CAMERA_MODE_RATE_MAX 1000000U  /* frames per 1000 s */

typedef struct CameraMode {
        uint32_t fourcc;               /* V4L2_PIX_FMT_…, four printable ASCII characters, the first one lowest */
        uint32_t width, height;        /* pixels, 1 to CAMERA_MODE_SIDE_MAX */
        uint32_t rate;                 /* the fastest, frames per 1000 s, to CAMERA_MODE_RATE_MAX; 0: not known */
} CameraMode;

typedef struct CameraReport {
        Outcome outcome;               /* OUTCOME_EXAMINED; or an OUTCOME_CAMERA_…, and then there are no modes, unless
                                        * it is OUTCOME_CAMERA_BUSY */
        CameraMode modes[CAMERA_MODES_MAX];
        size_t n_modes;
} CameraReport;

/* True if every member is within the range stated above; what comes from an examiner is untrusted until then. */
bool camera_mode_valid(const CameraMode *m);
/* True if the outcome is one that an inspection can have, and there are modes only where there can be. */
bool camera_report_valid(const CameraReport *r);

#define CAMERA_FOURCC_SIZE 5
/* The four characters, without spaces at the end: "YUYV", "Y16". */
void camera_fourcc_to_string(uint32_t fourcc, char ret[static CAMERA_FOURCC_SIZE]);
