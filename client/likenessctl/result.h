/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Reads the a{sv} at the message's position into `object`, a JSON object of the caller's: strings, booleans, numbers,
 * arrays of strings, dictionaries of strings and the modes of a camera. Values of other types (descriptors) are left
 * out, so that a service newer than this program can say more. A key that is there already is replaced. 0 or a negative
 * errno. */
int result_read(sd_bus_message *m, json_t *object);

/* An object for a call that failed: {"error": name, "message": message}; NULL when memory runs out. */
json_t *result_failure(const char *name, const char *message);

/* A field's string, or NULL if it is not there or no string; owned by the object. */
const char *result_string(const json_t *object, const char *key);
