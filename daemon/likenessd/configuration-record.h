/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"
#include "ledger.h"

/* The entry "configuration-changed": all settings that are in effect from there on, and which of them are new. */

/* All settings as {"Section.Key": "value"}; a new reference, NULL if memory ran out. */
json_t *configuration_settings(const Configuration *c);

/* Compares with what is in effect, and if a setting differs, writes the entry: 1, 0 if there was no need, or a negative
 * errno. */
int configuration_record_change(Ledger *ledger, const Configuration *old, const Configuration *new);

/* The same at a start: compares with the settings of the ledger's last such entry, if there is one. */
int configuration_record_start(Ledger *ledger, const Configuration *c);
