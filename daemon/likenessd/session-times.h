/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"

/* When a verification reached what, in microseconds of CLOCK_MONOTONIC, 0 for what it did not reach. For the debug log and
 * `make bench`: nothing of it leaves the service otherwise. */
typedef struct SessionTimes {
        uint64_t called_usec, authorised_usec, opened_usec, ready_usec, stage_usec[_STAGE_MAX], found_usec, ended_usec;
        uint32_t frames_captured, frames_used;
} SessionTimes;

/* Logs all of it, as microseconds since the call. */
void session_times_log(const SessionTimes *t, const char *support_code);
