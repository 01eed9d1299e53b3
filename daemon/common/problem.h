/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What needs attention on a terminal: the words of the property "Problems", the weightiest first. Up to "no-camera" no
 * check can be made. None is about a customer. */
typedef enum Problem {
        PROBLEM_STARTING,              /* the key has not come yet */
        PROBLEM_NO_KEY,
        PROBLEM_LEDGER_FAILED,         /* it cannot be opened or written */
        PROBLEM_MODELS_UNUSABLE,       /* a file is missing, or the last check found one altered */
        PROBLEM_SANDBOX_MISSING,       /* the last check found the examiner unconfined, or not in its control group */
        PROBLEM_EXAMINER_STUCK,
        PROBLEM_POLKIT_MISSING,        /* it did not decide when it was asked last */
        PROBLEM_NO_CAMERA,
        PROBLEM_CONFIGURATION_REFUSED, /* when it was last read again */
        PROBLEM_DISK_NEARLY_FULL,
        PROBLEM_CLOCK_NOT_SYNCHRONISED,
        PROBLEM_DEMO,
        _PROBLEM_MAX,
} Problem;

/* A set of problems. */
typedef uint32_t Problems;

static inline Problems problem_bit(Problem p) {
        return UINT32_C(1) << p;
}

/* The word; NULL outside of the list. Static strings. */
const char *problem_to_string(Problem p);
/* … and back; -EINVAL for any other. `s` is untrusted input. */
int problem_from_string(const char *s);
