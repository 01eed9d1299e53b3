/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "ledger.h"

/* The entry "configuration-changed": all settings that are in effect from there on, and which of them are new. */

/* All settings as {"Section.Key": "value"}; a new reference, NULL if memory ran out. */
json_t *configuration_settings(const Configuration *c);

/* Compares with the settings that the ledger's last such entry has, and if they differ (or there is none), writes one.
 * 1 if it was written, 0 if there was no need, or a negative errno. */
int configuration_record_change(Ledger *ledger, const Configuration *c);
