/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdio.h>

/* Counts per terminal, per operator and per day: {"terminals": {name: counts}, "operators": …, "days": …}, where counts are
 * {"attempts", "verdicts": {verdict: n}, "aborted": {cause: n}, "declined", "overrides"}. */

#define REPORT_GROUPS_MAX 50000U       /* of each sort; what is beyond is counted together as "(others)" */

/* NULL if memory ran out. */
json_t *report_new(void);

/* Counts an entry, given its claims (untrusted). 0 or -ENOMEM. */
int report_add(json_t *report, const json_t *claims);

void report_print(FILE *file, const json_t *report);
