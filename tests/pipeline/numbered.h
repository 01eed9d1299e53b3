/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "v4l2-mock.h"

/* What a camera or a recording plays so that tests know which picture they have, and how much the process holds of them. */

#define NUMBERED_FRAMES 40U

/* JPEGs of 640×480 that show mock_luma() of their number; released with numbered_done(). */
void numbered_make(Bytes ret[static NUMBERED_FRAMES]);
void numbered_done(Bytes frames[static NUMBERED_FRAMES]);

/* Resident memory of this process. */
size_t resident_kib(void);
