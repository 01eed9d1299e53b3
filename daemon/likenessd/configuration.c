/* SPDX-License-Identifier: Apache-2.0 */

#include "configuration.h"
#include "ini-file.h"
#include "liveness-limits.h"
#include "log.h"
#include "parse.h"

#include <errno.h>
#include <systemd/sd-id128.h>

#define DEFAULT_DOCUMENTS                                                                         \
        "resident-card driving-licence residence-card permanent-residence-card overseas-korean-card " \
        "passport id-card"

static const char *const mode_table[_MODE_MAX] = {
        [MODE_PILOT] = "pilot",
        [MODE_ENFORCE] = "enforce",
};

const char *mode_to_string(Mode m) {
        return (unsigned) m < _MODE_MAX ? mode_table[m] : NULL;
}

static const char *const reference_source_table[_REFERENCE_SOURCE_MAX] = {
        [REFERENCE_CARD_CAMERA] = "card-camera",
        [REFERENCE_SUPPLIED] = "supplied",
        [REFERENCE_CHIP] = "chip",
};

const char *reference_source_to_string(ReferenceSource s) {
        return (unsigned) s < _REFERENCE_SOURCE_MAX ? reference_source_table[s] : NULL;
}

static int set_terminal(Configuration *c, const char *value) {
        size_t n = strlen(value);
        char *name;

        if (n == 0 || n > TERMINAL_NAME_MAX || strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                             "0123456789-_.") != n)
                return -EINVAL;

        name = strdup(value);
        if (!name)
                return -ENOMEM;
        free(c->terminal);
        c->terminal = name;
        return 0;
}

/* Tells this machine from all others without telling which it is: nobody can compute the machine id back. */
static int default_terminal(Configuration *c) {
        static const sd_id128_t likeness = SD_ID128_MAKE(5c, 0e, 4d, 1c, 7b, 1f, 4e, 0a, 9a, 62, 3d, 57, 0b, 1e, 96, 2f);
        char name[SD_ID128_STRING_MAX];
        sd_id128_t id;
        int r;

        r = sd_id128_get_machine_app_specific(likeness, &id);
        if (r < 0)
                return log_error_errno(r, "this machine has no machine id, so Name= in [Terminal] must be set: %m");

        return set_terminal(c, sd_id128_to_string(id, name));
}

static int set_mode(Configuration *c, const char *value) {
        for (Mode m = 0; m < _MODE_MAX; m++)
                if (streq(value, mode_table[m])) {
                        c->mode = m;
                        return 0;
                }

        return -EINVAL;
}

static int set_false_match_rate(Configuration *c, const char *value) {
        double rate;

        if (parse_double(value, &rate) < 0)
                return -EINVAL;
        if (rate < 1e-6 || rate > 1e-2)
                return -ERANGE;

        c->false_match_rate = rate;
        return 0;
}

static int set_reference_sources(Configuration *c, const char *value) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL, *word;
        unsigned sources = 0;

        if (!copy)
                return -ENOMEM;

        for (word = strtok_r(copy, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
                unsigned source;

                if (parse_words(word, reference_source_table, _REFERENCE_SOURCE_MAX, &source) < 0)
                        return -EINVAL;
                sources |= 1U << source;
        }
        if (sources == 0)
                return -EINVAL;

        c->reference_sources = sources;
        return 0;
}

static int set_minimum_challenge(Configuration *c, const char *value) {
        int challenge = challenge_from_string(value);

        if (challenge < 0)
                return -EINVAL;

        c->minimum_challenge = (Challenge) challenge;
        return 0;
}

static int set_count(unsigned *to, const char *value, unsigned long min, unsigned long max) {
        unsigned long count;
        int r = parse_unsigned(value, min, max, &count);

        if (r >= 0)
                *to = (unsigned) count;
        return r;
}

static int set_time_limit(Configuration *c, const char *value) {
        return set_count(&c->time_limit_sec, value, 5, 120);
}

static int set_attempt_window(Configuration *c, const char *value) {
        return set_count(&c->attempt_window_sec, value, 3600, 604800);
}

static int set_terminal_attempts(Configuration *c, const char *value) {
        return set_count(&c->terminal_attempts_per_hour, value, 1, 1000);
}

static int set_operator_attempts(Configuration *c, const char *value) {
        return set_count(&c->operator_attempts_per_hour, value, 1, 1000);
}

static bool document_kind_valid(const char *kind) {
        return strlen(kind) <= 64 && kind[0] != '-' &&
               strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(kind);
}

static void documents_clear(Configuration *c) {
        for (size_t i = 0; i < c->n_documents; i++)
                free(c->documents[i]);
        c->n_documents = 0;
}

static int set_documents(Configuration *c, const char *value) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL, *kind;

        if (!copy)
                return -ENOMEM;

        documents_clear(c);
        for (kind = strtok_r(copy, " ", &state); kind; kind = strtok_r(NULL, " ", &state)) {
                if (!document_kind_valid(kind))
                        return -EINVAL;
                if (c->n_documents >= DOCUMENTS_MAX)
                        return -ERANGE;
                c->documents[c->n_documents] = strdup(kind);
                if (!c->documents[c->n_documents])
                        return -ENOMEM;
                c->n_documents++;
        }

        return c->n_documents > 0 ? 0 : -EINVAL;
}

typedef struct Key {
        const char *section, *name;
        int (*set)(Configuration *c, const char *value);
        const char *allowed;           /* for messages */
} Key;

static const Key keys[] = {
        { "Terminal", "Name", set_terminal, "up to 64 letters, digits and - _ ." },
        { "Verification", "Mode", set_mode, "pilot or enforce" },
        { "Verification", "FalseMatchRate", set_false_match_rate, "a rate from 0.000001 to 0.01" },
        { "Verification", "ReferenceSources", set_reference_sources,
                        "one or more of card-camera, supplied and chip, separated by spaces" },
        { "Verification", "MinimumChallenge", set_minimum_challenge, "none, light, turn or auto" },
        { "Verification", "TimeLimitSec", set_time_limit, "5 to 120 (seconds)" },
        { "Verification", "Documents", set_documents,
                        "up to 32 kinds of lower-case letters, digits and hyphens, separated by spaces" },
        { "Limits", "AttemptWindowSec", set_attempt_window, "3600 to 604800 (seconds)" },
        { "Limits", "TerminalAttemptsPerHour", set_terminal_attempts, "1 to 1000" },
        { "Limits", "OperatorAttemptsPerHour", set_operator_attempts, "1 to 1000" },
};

static int configuration_assignment(
                const char *file,
                unsigned line,
                const char *section,
                const char *name,
                const char *value,
                void *userdata) {

        Configuration *c = userdata;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                int r;

                if (!streq(keys[i].section, section) || !streq(keys[i].name, name))
                        continue;

                r = keys[i].set(c, value);
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        return log_error_errno(-EBADMSG, "%s:%u: %s=%s is not possible; allowed: %s", file, line,
                                        name, value, keys[i].allowed);
                return 0;
        }

        log_warning("%s:%u: [%s] %s= is not a known setting; ignored", file, line, section, name);
        return 0;
}

int configuration_load(const char *path, Configuration **ret) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;

        c->mode = MODE_ENFORCE;
        c->false_match_rate = 1e-3;
        c->minimum_challenge = CHALLENGE_AUTO;
        c->reference_sources = 1U << REFERENCE_CARD_CAMERA | 1U << REFERENCE_CHIP;
        c->time_limit_sec = 15;
        c->attempt_window_sec = 86400;
        c->terminal_attempts_per_hour = 60;
        c->operator_attempts_per_hour = 30;
        r = set_documents(c, DEFAULT_DOCUMENTS);
        if (r < 0)
                return r;

        if (path) {
                r = ini_file_read(path, configuration_assignment, c);
                if (r == -EBADMSG)
                        return r;
                if (r < 0)
                        return log_error_errno(r, "%s: the configuration cannot be read: %m", path);
        }

        if (!c->terminal) {
                r = default_terminal(c);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

Configuration *configuration_free(Configuration *c) {
        if (!c)
                return NULL;

        documents_clear(c);
        free(c->terminal);
        free(c);
        return NULL;
}

int configuration_policy(const Configuration *c, const Manifest *manifest, Policy *ret) {
        const Model *matcher = manifest_find(manifest, MODEL_MATCHER);
        const char *unsupported = NULL;
        int r;

        Policy p = {
                .false_match_rate = c->false_match_rate,
                .no_match_below = matcher->no_match_below,
                .live_from = LIVENESS_ACCEPT_FROM,
                .attack_below = LIVENESS_REJECT_BELOW,
        };

        r = manifest_threshold(manifest, c->false_match_rate, &p.match_from, &p.population, &unsupported);
        if (r < 0)
                return log_error_errno(r,
                                "FalseMatchRate=%g cannot be held: %s's calibration on population %s does not reach "
                                "it; choose a higher rate or a model that was calibrated with more comparisons",
                                c->false_match_rate, matcher->name, unsupported);
        if (p.no_match_below > p.match_from)
                p.no_match_below = p.match_from;

        *ret = p;
        return 0;
}

bool configuration_allows_document(const Configuration *c, const char *kind) {
        for (size_t i = 0; i < c->n_documents; i++)
                if (streq(c->documents[i], kind))
                        return true;

        return streq(kind, "auto");
}

bool configuration_allows_reference(const Configuration *c, ReferenceSource source) {
        return c->reference_sources & (1U << source);
}
