/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

/* A method or the properties of the service, in one call. Somebody may be asked for a password meanwhile. */

#define REMOTE_TIMEOUT_USEC (120ULL * 1000000ULL)

/* Calls a method with the arguments of `types` (as sd_bus_message_append()). 0 with the reply and the connection that it came
 * from, which the caller releases with remote_clear(); otherwise what went wrong was said on stderr, as JSON on stdout if
 * `json`, and the exit status is returned. */
typedef struct Remote {
        sd_bus *bus;
        sd_bus_message *reply;
} Remote;

int remote_call(Remote *ret, bool json, const char *method, const char *types, ...);
void remote_clear(Remote *r);

/* The service's properties as an object, a new reference in `ret`; 0 or an exit status, as above. */
int remote_properties(json_t **ret, bool json);

/* Says that the service's answer is not what it must be; returns the exit status for it. */
int remote_unreadable(bool json);
