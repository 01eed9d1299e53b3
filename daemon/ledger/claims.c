/* SPDX-License-Identifier: Apache-2.0 */

#include "claims.h"
#include "macro.h"

#include <errno.h>

static const char *const kinds[_ENTRY_KIND_MAX] = {
        [ENTRY_OPENED] = "opened",
        [ENTRY_CLOSED] = "closed",
        [ENTRY_DECLINED] = "declined",
        [ENTRY_OVERRIDE] = "override",
        [ENTRY_STARTED] = "started",
        [ENTRY_KEY_CHANGED] = "key-changed",
        [ENTRY_CONFIGURATION_CHANGED] = "configuration-changed",
        [ENTRY_REPAIRED] = "repaired",
        [ENTRY_HEALTH] = "health",
        [ENTRY_RETIRED] = "retired",
        [ENTRY_SEGMENT] = "segment",
        [ENTRY_DROPPED] = "dropped",
};

const char *entry_kind_to_string(EntryKind kind) {
        return (unsigned) kind < _ENTRY_KIND_MAX ? kinds[kind] : NULL;
}

int entry_kind_from_string(const char *s) {
        for (int i = 0; s && i < _ENTRY_KIND_MAX; i++)
                if (streq(kinds[i], s))
                        return i;
        return -EINVAL;
}

typedef enum ClaimType { STRING, COUNT, BOOLEAN, WORDS, EVIDENCE, POLICY, HASHES, COUNTS, KEY, SETTINGS } ClaimType;

#define K(kind) (1U << ENTRY_##kind)
#define EVERY ((1U << _ENTRY_KIND_MAX) - 1U)
#define ATTEMPT (K(OPENED) | K(CLOSED) | K(DECLINED))

typedef struct Claim {
        const char *name;
        ClaimType type;
        unsigned required;             /* the kinds that must have it */
        unsigned permitted;            /* further kinds that may have it */
        bool verdict_only;             /* of closing entries: those with a verdict must have it, others may not */
} Claim;

static const Claim table[] = {
        { "version", COUNT, EVERY },
        { "entry", STRING, EVERY },
        { "terminal", STRING, EVERY },
        { "key-protection", STRING, EVERY },
        { "sequence", COUNT, EVERY },
        { "previous", STRING, EVERY },
        { "time", COUNT, EVERY },
        { "clock", STRING, EVERY },
        { "boot", STRING, EVERY },
        { "boot-time", COUNT, EVERY },
        { "support-code", STRING, ATTEMPT, K(OVERRIDE) },
        { "nonce", STRING, 0, ATTEMPT | K(OVERRIDE) },
        { "transaction", STRING, 0, ATTEMPT | K(OVERRIDE) },
        { "operator", STRING, 0, ATTEMPT | K(OVERRIDE) },
        { "notice", STRING, 0, ATTEMPT },
        { "caller", COUNT, ATTEMPT | K(OVERRIDE) },
        { "document", STRING, K(OPENED), K(CLOSED) },
        { "reference-source", STRING, K(OPENED), K(CLOSED) },
        { "challenge", STRING, K(OPENED) },
        { "mode", STRING, K(OPENED) | K(STARTED) | K(CONFIGURATION_CHANGED), K(CLOSED) | K(HEALTH) },
        { "software", STRING, K(OPENED) | K(STARTED) | K(CONFIGURATION_CHANGED) | K(HEALTH), K(CLOSED) },
        { "opening", COUNT, K(CLOSED) },
        { "cause", STRING, K(CLOSED) | K(DECLINED) | K(OVERRIDE) | K(RETIRED) },
        { "alternative", STRING, K(DECLINED) },
        { "verdict", STRING, 0, K(CLOSED), true },
        { "reasons", WORDS, 0, K(CLOSED), true },
        { "binding", BOOLEAN, 0, K(CLOSED), true },
        { "document-authenticity", STRING, 0, K(CLOSED), true },
        { "document-binding", STRING, 0, K(CLOSED), true },
        { "evidence", EVIDENCE, 0, K(CLOSED), true },
        { "policy", POLICY, 0, K(CLOSED), true },
        { "models", HASHES, K(HEALTH), K(CLOSED) },
        { "preview", BOOLEAN, 0, K(CLOSED) },
        { "examiner-ended", STRING, 0, K(CLOSED) },
        { "camera-identity", STRING, 0, K(CLOSED) },
        { "face-seen", BOOLEAN, 0, K(CLOSED) },
        { "attempt", COUNT, 0, K(CLOSED) },
        { "attempts-left", COUNT, 0, K(CLOSED) },
        { "attempts-last-hour", COUNT, 0, K(CLOSED) },
        { "demo", BOOLEAN, K(STARTED) },
        { "bytes", COUNT, K(REPAIRED) },
        { "changed", WORDS, K(CONFIGURATION_CHANGED) },
        { "settings", SETTINGS, K(CONFIGURATION_CHANGED) },
        { "hash", STRING, K(REPAIRED) | K(CONFIGURATION_CHANGED) },
        { "first", COUNT, K(SEGMENT) | K(DROPPED) },
        { "entries", COUNT, K(SEGMENT) | K(DROPPED) },
        { "open", COUNT, K(SEGMENT) },
        { "latest", COUNT, K(SEGMENT) | K(DROPPED) }, /* the highest "time" before this segment, see ledger.h */
        { "old", KEY, K(KEY_CHANGED) },
        { "new", KEY, K(KEY_CHANGED) },
        { "new-proof", STRING, K(KEY_CHANGED) },
        { "checks", COUNT, 0, K(HEALTH) },
        { "answers", COUNTS, 0, K(HEALTH) },
        { "aborted", COUNTS, 0, K(HEALTH) },
        { "p95", COUNT, 0, K(HEALTH) },
        { "camera", STRING, 0, K(HEALTH) },
};

const char *claims_name(EntryKind kind, size_t i, bool *ret_required) {
        for (size_t j = 0; j < ELEMENTSOF(table); j++)
                if (((table[j].required | table[j].permitted) & (1U << kind)) && i-- == 0) {
                        *ret_required = table[j].required & (1U << kind);
                        return table[j].name;
                }
        return NULL;
}

static bool is_hash(const json_t *value) {
        const char *s = json_string_value(value);

        return s && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static bool is_policy(const json_t *value) {
        return json_is_object(value) && json_object_size(value) == 2 &&
                        json_is_number(json_object_get(value, "false-match-rate")) &&
                        json_is_string(json_object_get(value, "population"));
}

/* A closed list: evidence is what was looked at, with an outcome in a word, never a measured value. */
static bool is_evidence(json_t *value) {
        static const char *const outcomes[] = { "no-objection", "objection", "uncertain", "none", "not-done",
                                                "passed", "failed" };
        const char *name;
        json_t *outcome;

        if (!json_is_object(value) || !json_object_get(value, "passive"))
                return false;
        json_object_foreach(value, name, outcome) {
                bool known = false;

                for (size_t i = 0; i < ELEMENTSOF(outcomes); i++)
                        known |= streq(outcomes[i], json_string_value(outcome) ?: "");
                if (!known || (!streq(name, "passive") && !streq(name, "light") && !streq(name, "turn")))
                        return false;
        }
        return true;
}

/* A public P-256 key: with "d" in it a terminal would have given its secret away. */
static bool is_key(const json_t *value) {
        return json_is_object(value) && streq(json_string_value(json_object_get(value, "kty")) ?: "", "EC") &&
                        json_is_string(json_object_get(value, "kid")) && !json_object_get(value, "d");
}

static bool is_word(const char *s) {
        return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyz-") == strlen(s);
}

/* Section.Key, as likeness.conf has it */
static bool is_setting(const char *s) {
        return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.") == strlen(s);
}

static bool has_type(json_t *value, ClaimType type) {
        json_t *member;
        const char *name;
        size_t i;

        switch (type) {
        case STRING:
                return json_is_string(value);
        case COUNT:
                return json_is_integer(value) && json_integer_value(value) >= 0;
        case BOOLEAN:
                return json_is_boolean(value);
        case WORDS:
                json_array_foreach(value, i, member)
                        if (!json_is_string(member))
                                return false;
                return json_is_array(value);
        case EVIDENCE:
                return is_evidence(value);
        case POLICY:
                return is_policy(value);
        case HASHES:
                json_object_foreach(value, name, member)
                        if (!is_hash(member))
                                return false;
                return json_is_object(value);
        case COUNTS:
                json_object_foreach(value, name, member)
                        if (!is_word(name) || !has_type(member, COUNT))
                                return false;
                return json_is_object(value);
        case KEY:
                return is_key(value);
        case SETTINGS:
                json_object_foreach(value, name, member)
                        if (!is_setting(name) || !json_is_string(member))
                                return false;
                return json_is_object(value);
        default:
                return false;
        }
}

/* What the invariants name: whoever wrote such a claim, its presence alone is a breach. */
static bool is_forbidden(const char *name) {
        static const char *const parts[] = { "score", "similarity", "distance", "image", "picture", "photo", "portrait",
                                             "frame", "embedding", "template", "feature", "name", "birth", "number",
                                             "address", "sex", "gender", "age", "phone", "pace", "prompt" };

        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                if (strstr(name, parts[i]))
                        return true;
        return false;
}

static const Claim *find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(table[i].name, name))
                        return &table[i];
        return NULL;
}

ClaimsProblem claims_check(EntryKind kind, const json_t *claims, const char **ret_name) {
        bool verdict = kind == ENTRY_CLOSED &&
                        streq(json_string_value(json_object_get(claims, "cause")) ?: "", "verdict");
        json_t *value;

        json_object_foreach((json_t *) claims, *ret_name, value) {
                const Claim *claim = find(*ret_name);

                if (!claim)
                        return is_forbidden(*ret_name) ? CLAIMS_FORBIDDEN : CLAIMS_NOT_PERMITTED;
                if (!((claim->required | claim->permitted) & (1U << kind)) || (claim->verdict_only && !verdict))
                        return CLAIMS_NOT_PERMITTED;
                if (!has_type(value, claim->type))
                        return CLAIMS_WRONG_TYPE;
        }

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                *ret_name = table[i].name;
                if ((table[i].required & (1U << kind) || (table[i].verdict_only && verdict)) &&
                                !json_object_get(claims, *ret_name))
                        return CLAIMS_MISSING;
        }
        *ret_name = NULL;
        return CLAIMS_GOOD;
}
