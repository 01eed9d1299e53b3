/* SPDX-License-Identifier: Apache-2.0 */

/* The table of settings: from text, and back. man/likeness.conf.5 describes each; a test compares the two. */

#include "configuration-keys.h"
#include "parse.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define DEFAULT_DOCUMENTS                                                                         \
        "resident-card driving-licence residence-card permanent-residence-card overseas-korean-card " \
        "passport id-card"

static const char *const mode_table[_MODE_MAX] = {
        [MODE_PILOT] = "pilot",
        [MODE_ENFORCE] = "enforce",
};

static const char *const reference_source_table[_REFERENCE_SOURCE_MAX] = {
        [REFERENCE_CARD_CAMERA] = "card-camera",
        [REFERENCE_SUPPLIED] = "supplied",
        [REFERENCE_CHIP] = "chip",
};

const char *mode_to_string(Mode m) {
        return (unsigned) m < _MODE_MAX ? mode_table[m] : NULL;
}

const char *reference_source_to_string(ReferenceSource s) {
        return (unsigned) s < _REFERENCE_SOURCE_MAX ? reference_source_table[s] : NULL;
}

typedef struct Key {
        ConfigurationKey key;
        int (*set)(Configuration *c, const struct Key *key, const char *value);
        char *(*get)(const Configuration *c, const struct Key *key);
        size_t offset;                 /* of a count; of a camera, the CameraRole */
        unsigned long min, max;
} Key;

static int set_terminal(Configuration *c, const Key *key, const char *value) {
        size_t n = strlen(value);
        char *name;

        if (n == 0 || n > TERMINAL_NAME_MAX ||
            strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != n)
                return -EINVAL;

        name = strdup(value);
        if (!name)
                return -ENOMEM;
        free(c->terminal);
        c->terminal = name;
        return 0;
}

static char *get_terminal(const Configuration *c, const Key *key) {
        return strdup(c->terminal ?: "");
}

static int set_mode(Configuration *c, const Key *key, const char *value) {
        unsigned mode;
        int r = parse_words(value, mode_table, _MODE_MAX, &mode);

        if (r >= 0)
                c->mode = (Mode) mode;
        return r;
}

static char *get_mode(const Configuration *c, const Key *key) {
        return strdup(mode_to_string(c->mode));
}

static int set_false_match_rate(Configuration *c, const Key *key, const char *value) {
        double rate;

        if (parse_double(value, &rate) < 0)
                return -EINVAL;
        if (rate < 1e-6 || rate > 1e-2)
                return -ERANGE;

        c->false_match_rate = rate;
        return 0;
}

static char *get_false_match_rate(const Configuration *c, const Key *key) {
        char *text;

        return asprintf(&text, "%.12g", c->false_match_rate) < 0 ? NULL : text;
}

static int set_minimum_challenge(Configuration *c, const Key *key, const char *value) {
        int challenge = challenge_from_string(value);

        if (challenge < 0)
                return -EINVAL;

        c->minimum_challenge = (Challenge) challenge;
        return 0;
}

static char *get_minimum_challenge(const Configuration *c, const Key *key) {
        return strdup(challenge_to_string(c->minimum_challenge));
}

static int set_count(Configuration *c, const Key *key, const char *value) {
        unsigned long count;
        int r = parse_unsigned(value, key->min, key->max, &count);

        if (r >= 0)
                *(unsigned *) ((char *) c + key->offset) = (unsigned) count;
        return r;
}

static char *get_count(const Configuration *c, const Key *key) {
        char *text;

        return asprintf(&text, "%u", *(const unsigned *) ((const char *) c + key->offset)) < 0 ? NULL : text;
}

/* Calls `add` for each word of a list. */
static int each_word(Configuration *c, const char *value, int (*add)(Configuration *c, const char *word)) {
        _cleanup_free_ char *copy = strdup(value);
        char *state = NULL, *word;
        int r = copy ? 0 : -ENOMEM;

        if (copy)
                for (word = strtok_r(copy, " \t", &state); word && r >= 0; word = strtok_r(NULL, " \t", &state))
                        r = add(c, word);
        return r;
}

/* A list: the first assignment takes the place of the built-in list, further ones add to it, an empty one takes back
 * what was assigned so far. */
static int add_reference_source(Configuration *c, const char *word) {
        unsigned source;

        if (parse_words(word, reference_source_table, _REFERENCE_SOURCE_MAX, &source) < 0)
                return -EINVAL;
        c->reference_sources |= 1U << source;
        return 0;
}

static int set_reference_sources(Configuration *c, const Key *key, const char *value) {
        bool given = !isempty(value);

        if (!given)
                c->reference_sources = 1U << REFERENCE_CARD_CAMERA | 1U << REFERENCE_CHIP;
        else if (!c->reference_sources_given)
                c->reference_sources = 0;
        c->reference_sources_given = given;
        return each_word(c, value, add_reference_source);
}

static char *get_reference_sources(const Configuration *c, const Key *key) {
        char text[64] = "";

        for (ReferenceSource s = 0; s < _REFERENCE_SOURCE_MAX; s++)
                if (configuration_allows_reference(c, s)) {
                        if (text[0] != '\0')
                                (void) strcat(text, " ");
                        (void) strcat(text, reference_source_table[s]);
                }
        return strdup(text);
}

static bool document_kind_valid(const char *kind) {
        return strlen(kind) <= 64 && kind[0] != '-' &&
               strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(kind);
}

static int add_document(Configuration *c, const char *kind) {
        if (!document_kind_valid(kind))
                return -EINVAL;
        for (size_t i = 0; i < c->n_documents; i++)
                if (streq(c->documents[i], kind))
                        return 0;
        if (c->n_documents >= DOCUMENTS_MAX)
                return -ERANGE;

        c->documents[c->n_documents] = strdup(kind);
        if (!c->documents[c->n_documents])
                return -ENOMEM;
        c->n_documents++;
        return 0;
}

static int set_documents(Configuration *c, const Key *key, const char *value) {
        bool given = !isempty(value);

        if (!given || !c->documents_given) {
                for (size_t i = 0; i < c->n_documents; i++)
                        free(c->documents[i]);
                c->n_documents = 0;
        }
        c->documents_given = given;
        return each_word(c, given ? value : DEFAULT_DOCUMENTS, add_document);
}

static char *get_documents(const Configuration *c, const Key *key) {
        size_t size = 1;
        char *text;

        for (size_t i = 0; i < c->n_documents; i++)
                size += strlen(c->documents[i]) + 1;
        text = calloc(1, size);
        for (size_t i = 0; text && i < c->n_documents; i++) {
                if (i > 0)
                        (void) strcat(text, " ");
                (void) strcat(text, c->documents[i]);
        }
        return text;
}

/* The characters of a camera's name, and those that mean something to fnmatch(3). */
static bool camera_pattern_valid(const char *s) {
        return !isempty(s) && strlen(s) <= CAMERA_NAME_MAX &&
               strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@#-*?[]!") == strlen(s);
}

static CameraSettings *camera_settings(Configuration *c, const Key *key) {
        return &c->cameras[key->offset];
}

static const CameraSettings *camera_settings_of(const Configuration *c, const Key *key) {
        return &c->cameras[key->offset];
}

static int set_camera(Configuration *c, const Key *key, const char *value) {
        CameraSettings *settings = camera_settings(c, key);
        char *pattern = NULL;

        if (!camera_pattern_valid(value))
                return -EINVAL;
        if (!streq(value, "auto")) {
                pattern = strdup(value);
                if (!pattern)
                        return -ENOMEM;
        }
        free(settings->pattern);
        settings->pattern = pattern;
        return 0;
}

static char *get_camera(const Configuration *c, const Key *key) {
        return strdup(camera_settings_of(c, key)->pattern ?: "auto");
}

static const char *const rotation_table[CAMERA_VIEW_QUARTERS + 1] = { "0", "90", "180", "270" };

static int set_rotation(Configuration *c, const Key *key, const char *value) {
        CameraSettings *settings = camera_settings(c, key);
        unsigned quarters;
        int r = parse_words(value, rotation_table, ELEMENTSOF(rotation_table), &quarters);

        if (r >= 0)
                settings->view = (settings->view & ~(unsigned) CAMERA_VIEW_QUARTERS) | quarters;
        return r;
}

static char *get_rotation(const Configuration *c, const Key *key) {
        return strdup(rotation_table[camera_settings_of(c, key)->view & CAMERA_VIEW_QUARTERS]);
}

static char *boolean_text(bool b) {
        return strdup(b ? "yes" : "no");
}

static int set_mirrored(Configuration *c, const Key *key, const char *value) {
        CameraSettings *settings = camera_settings(c, key);
        bool mirrored;
        int r = parse_boolean(value, &mirrored);

        if (r >= 0)
                settings->view = (settings->view & ~(unsigned) CAMERA_VIEW_MIRRORED) |
                                 (mirrored ? CAMERA_VIEW_MIRRORED : 0U);
        return r;
}

static char *get_mirrored(const Configuration *c, const Key *key) {
        return boolean_text(camera_settings_of(c, key)->view & CAMERA_VIEW_MIRRORED);
}

static int set_software_cameras(Configuration *c, const Key *key, const char *value) {
        return parse_boolean(value, &c->software_cameras);
}

static char *get_software_cameras(const Configuration *c, const Key *key) {
        return boolean_text(c->software_cameras);
}

#define ANY_CAMERA "auto or a pattern of up to 192 characters, as cameras are named"
#define ROTATION "0, 90, 180 or 270 (degrees)"
#define CAMERA(role) .set = set_camera, .get = get_camera, .offset = CAMERA_ROLE_##role
#define ROTATED(role) .set = set_rotation, .get = get_rotation, .offset = CAMERA_ROLE_##role
#define MIRRORED(role) .set = set_mirrored, .get = get_mirrored, .offset = CAMERA_ROLE_##role
#define COUNT(member) .set = set_count, .get = get_count, .offset = offsetof(Configuration, member)

static const Key keys[] = {
        {
                { "Terminal", "Name", "up to 64 letters, digits and - _ ." },
                .set = set_terminal, .get = get_terminal,
        }, {
                { "Verification", "Mode", "pilot or enforce" },
                .set = set_mode, .get = get_mode,
        }, {
                { "Verification", "FalseMatchRate", "a rate from 0.000001 to 0.01" },
                .set = set_false_match_rate, .get = get_false_match_rate,
        }, {
                { "Verification", "ReferenceSources", "any of card-camera, supplied and chip, separated by spaces" },
                .set = set_reference_sources, .get = get_reference_sources,
        }, {
                { "Verification", "MinimumChallenge", "none, light, turn or auto" },
                .set = set_minimum_challenge, .get = get_minimum_challenge,
        }, {
                { "Verification", "TimeLimitSec", "5 to 120 (seconds)" },
                COUNT(time_limit_sec), .min = 5, .max = 120,
        }, {
                { "Verification", "Documents",
                  "up to 32 kinds of lower-case letters, digits and hyphens, separated by spaces" },
                .set = set_documents, .get = get_documents,
        }, {
                { "Cameras", "Face", ANY_CAMERA },
                CAMERA(FACE),
        }, {
                { "Cameras", "Document", ANY_CAMERA },
                CAMERA(DOCUMENT),
        }, {
                { "Cameras", "FaceRotation", ROTATION },
                ROTATED(FACE),
        }, {
                { "Cameras", "DocumentRotation", ROTATION },
                ROTATED(DOCUMENT),
        }, {
                { "Cameras", "FaceMirrored", "yes or no" },
                MIRRORED(FACE),
        }, {
                { "Cameras", "DocumentMirrored", "yes or no" },
                MIRRORED(DOCUMENT),
        }, {
                { "Cameras", "AllowSoftwareCameras", "yes or no" },
                .set = set_software_cameras, .get = get_software_cameras,
        }, {
                { "Limits", "AttemptWindowSec", "3600 to 604800 (seconds)" },
                COUNT(attempt_window_sec), .min = 3600, .max = 604800,
        }, {
                { "Limits", "TerminalAttemptsPerHour", "1 to 1000" },
                COUNT(terminal_attempts_per_hour), .min = 1, .max = 1000,
        }, {
                { "Limits", "OperatorAttemptsPerHour", "1 to 1000" },
                COUNT(operator_attempts_per_hour), .min = 1, .max = 1000,
        }, {
                { "Ledger", "KeepDays", "30 to 36500 (days)" },
                COUNT(keep_days), .min = 30, .max = 36500,
        },
};

int configuration_set_defaults(Configuration *c) {
        c->mode = MODE_ENFORCE;
        c->false_match_rate = 1e-3;
        c->minimum_challenge = CHALLENGE_AUTO;
        c->time_limit_sec = 15;
        c->attempt_window_sec = 86400;
        c->terminal_attempts_per_hour = 60;
        c->operator_attempts_per_hour = 30;
        c->keep_days = 36500;
        (void) set_reference_sources(c, NULL, "");
        return set_documents(c, NULL, "");
}

const ConfigurationKey *configuration_key(size_t i) {
        return i < ELEMENTSOF(keys) ? &keys[i].key : NULL;
}

char *configuration_value(const Configuration *c, size_t i) {
        return keys[i].get(c, &keys[i]);
}

int configuration_set(Configuration *c, const char *section, const char *name, const char *value,
                const ConfigurationKey **ret) {

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (streq(keys[i].key.section, section) && streq(keys[i].key.name, name)) {
                        *ret = &keys[i].key;
                        return keys[i].set(c, &keys[i], value);
                }

        return -ENOENT;
}
