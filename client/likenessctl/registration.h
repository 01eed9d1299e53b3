/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What the service's properties (an object of "status --json") say about keys, for a carrier to register. */

/* The JWK set, a new reference; NULL if the property is none. */
json_t *registration_keys(const json_t *properties);

void registration_print_keys(FILE *file, const json_t *keys);

/* True if the properties say the terminal's name: as "Terminal", or in the key. */
bool registration_names_terminal(const json_t *properties);

/* {"terminal", "kid", "jwk", "key-protection", "software", "models", "demo"}, a new reference; NULL if there is no key.
 * `terminal` is its name if the properties do not say it, or NULL. */
json_t *registration_new(const json_t *properties, const char *terminal);

void registration_print(FILE *file, const json_t *registration);
