/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <systemd/sd-bus.h>

/* The machine's sleep, which would write a face to the disk or keep it in memory for days: logind is asked to wait with
 * it until no check is under way any more.
 *
 * It is asked once and not for each check, because logind tells everybody on the bus whenever it is asked: they would
 * learn when a customer is checked. So there is no moment either in which a check runs and logind does not wait yet. */

typedef struct Sleep Sleep;

/* The machine is going to sleep, and waits for sleep_release(), for some seconds (InhibitDelayMaxSec= of logind.conf). */
typedef void (*SleepHandler)(Sleep *s, void *userdata);

/* Asks logind, and again when it comes back. Waits for nothing: without logind, or with one that does not answer, it is
 * never told that the machine goes to sleep, or is told and cannot delay it. */
int sleep_new(Sleep **ret, sd_bus *bus, SleepHandler handler, void *userdata);
Sleep *sleep_free(Sleep *s);
DEFINE_CLEANUP(Sleep *, sleep_free);

/* True from the handler's call until the machine is awake again: nothing may begin. */
bool sleep_is_near(const Sleep *s);

/* Nothing is under way any more; ignored unless sleep is near. */
void sleep_release(Sleep *s);
