/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "findings.h"

#include <gst/gst.h>

/* The V4L2 device behind a capture, as its open descriptor and the kernel tell, whatever its path led to. */

/* Why the node cannot be opened, from the kernel; `otherwise` if it can. */
Outcome device_opening_outcome(const char *node, Outcome otherwise);

/* OUTCOME_EXAMINED if the open device is the camera that was chosen and its node still leads to it;
 * OUTCOME_CAMERA_CHANGED if not, OUTCOME_CAMERA_REFUSED if no hardware is behind it and not `software`,
 * OUTCOME_CAMERA_LOST if it has gone. */
Outcome device_check(int fd, const CameraCandidate *camera, bool software);

/* OUTCOME_EXAMINED if the driver really delivers in this mode; OUTCOME_CAMERA_FORMAT or OUTCOME_CAMERA_SIZE if not. */
Outcome device_check_mode(int fd, const GstCaps *mode);
