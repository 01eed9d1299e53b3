/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "signing.h"
#include "verifier.h"

/* Appends the entry "health" at regular times, so that a terminal that says nothing is not taken for one that has
 * nothing to say. */

#define HEALTH_INTERVAL_SEC (UINT64_C(24) * 60 * 60)
#define HEALTH_FIRST_SEC UINT64_C(60)  /* after the start: a service that fails right away is no healthy one */

typedef struct Health Health;

/* The first one after HEALTH_FIRST_SEC or `interval_sec`, whichever is less, then each `interval_sec` of CLOCK_BOOTTIME
 * (suspended time counts). `signing` and `verifier`, which knows the camera's fitness, are borrowed; as long as there is no
 * record, nothing is written. */
int health_new(Health **ret, sd_event *event, Signing *signing, Verifier *verifier, uint64_t interval_sec);
Health *health_free(Health *h);
DEFINE_CLEANUP(Health *, health_free);
