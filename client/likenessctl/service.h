/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <systemd/sd-bus.h>

/* What both commands need of the bus. */

#define SERVICE_NAME "org.likeness.Verifier1"
#define SERVICE_PATH "/org/likeness/Verifier1"
#define SERVICE_INTERFACE "org.likeness.Verifier1"
#define SESSION_INTERFACE "org.likeness.Verifier1.Session"

/* Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS if it is set). On failure the result is negative and
 * `reterr_message`, which the caller frees, says why and what to do; NULL if memory ran out. */
int service_connect(sd_bus **ret, char **reterr_message);
