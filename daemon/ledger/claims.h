/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The closed lists of entry kinds and of the claims that each may have: schemas/receipt.schema.json in C. */

typedef enum EntryKind {
        ENTRY_OPENED,
        ENTRY_CLOSED,
        ENTRY_DECLINED,
        ENTRY_OVERRIDE,
        ENTRY_STARTED,
        ENTRY_KEY_CHANGED,
        ENTRY_CONFIGURATION_CHANGED,
        ENTRY_REPAIRED,
        ENTRY_HEALTH,
        ENTRY_RETIRED,
        ENTRY_SEGMENT,
        ENTRY_DROPPED,
        _ENTRY_KIND_MAX,
} EntryKind;

/* The word of "entry"; NULL outside the list. The kind of a word, or -EINVAL (NULL is no word). */
const char *entry_kind_to_string(EntryKind kind);
int entry_kind_from_string(const char *s);

/* The i-th name that entries of a kind may have, NULL behind the last; `ret_required` says whether they must have it. */
const char *claims_name(EntryKind kind, size_t i, bool *ret_required);

typedef enum ClaimsProblem {
        CLAIMS_GOOD,
        CLAIMS_MISSING,
        CLAIMS_WRONG_TYPE,
        CLAIMS_NOT_PERMITTED,          /* not in the list, or where it has no place */
        CLAIMS_FORBIDDEN,              /* a name such as entries must never hold: scores, pictures, persons */
} ClaimsProblem;

/* Whether the entry's claims are those of its kind. `ret_name` is the name that the problem is about: static, or owned
 * by `claims`. */
ClaimsProblem claims_check(EntryKind kind, const json_t *claims, const char **ret_name);
