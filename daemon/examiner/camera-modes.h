/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-report.h"

/* Asks an open V4L2 device what it can deliver, without streaming. A video format of each size is told once, with its
 * fastest rate; of sizes without steps those that are used are told. Modes beyond CAMERA_MODES_MAX are left out.
 *
 * `ret` has the modes and OUTCOME_EXAMINED, OUTCOME_CAMERA_BUSY (another program streams from it),
 * OUTCOME_CAMERA_FORMAT (it captures no video) or OUTCOME_CAMERA_NONE (it has gone). */
void camera_modes_read(int fd, CameraReport *ret);
