/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stdint.h>
#include <time.h>

/* Microseconds of CLOCK_MONOTONIC, read now and not when an event loop last woke up. */
static inline uint64_t now_monotonic_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}
