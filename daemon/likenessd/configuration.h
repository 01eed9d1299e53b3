/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "camera-identity.h"
#include "decision.h"
#include "macro.h"
#include "manifest.h"

/* What the administrator decided: likeness.conf. Missing keys have the strict default. */

#define DOCUMENTS_MAX 32
#define TERMINAL_NAME_MAX 64

typedef enum Mode {
        MODE_PILOT,                    /* answers are not binding */
        MODE_ENFORCE,                  /* nonce, transaction and notice are required */
        _MODE_MAX,
} Mode;

/* Where the portrait comes from; a set of them has bit 1 << source. */
typedef enum ReferenceSource {
        REFERENCE_CARD_CAMERA,         /* read from the card by this terminal's camera */
        REFERENCE_SUPPLIED,            /* a picture that the caller passes, and could have chosen */
        REFERENCE_CHIP,                /* read from the document's chip */
        _REFERENCE_SOURCE_MAX,
} ReferenceSource;

/* What is decided of the camera of one role. */
typedef struct CameraSettings {
        char *pattern;                 /* fnmatch(3), of CameraIdentity's name; NULL: any will do */
        unsigned view;                 /* CameraView */
} CameraSettings;

typedef struct Configuration {
        char *terminal;                /* the name that receipts carry; by default derived from the machine's id */
        Mode mode;
        double false_match_rate;       /* of a transaction, whose tries share it; Mode-independent; 1e-6 to 1e-2 */
        unsigned reference_sources;    /* the permitted ones: bits of ReferenceSource, never empty */
        Challenge minimum_challenge;   /* CHALLENGE_NONE permits passive evidence alone */
        unsigned time_limit_sec;       /* of one examination at normal pace; `relaxed` has three times as much */
        char *documents[DOCUMENTS_MAX]; /* the kinds of documents that a request may name */
        size_t n_documents;
        bool documents_given, reference_sources_given; /* not the built-in lists: further assignments add to them */
        CameraSettings cameras[_CAMERA_ROLE_MAX];
        bool software_cameras;         /* those that no hardware is behind may be used; for demonstrations only */
        unsigned attempt_window_sec;   /* how far back attempts of a transaction count; 3600 to 604800 */
        unsigned terminal_attempts_per_hour; /* 1 to 1000 */
        unsigned operator_attempts_per_hour; /* 1 to 1000 */
        unsigned keep_days;            /* of the ledger; 30 to 36500 */
} Configuration;

/* Reads the file `path` alone, or if that is NULL the system's files below `root` ("" for the real ones), as systemd's
 * daemons read theirs: the first likeness/likeness.conf of /etc, /run and /usr/lib, then the files
 * likeness/likeness.conf.d/…conf of all three in the order of their names, of those with the same name the one of the first
 * of these directories. What no file says has its default. Everything wrong is logged with file, line, key and what is
 * allowed; unknown keys are warned about and ignored. 0, -EBADMSG, or the errno of reading a file (logged). If `problem`
 * is not NULL and points to NULL, it is set to the words of the first error (to be freed). */
int configuration_load(const char *path, const char *root, Configuration **ret, char **problem);
Configuration *configuration_free(Configuration *c);
DEFINE_CLEANUP(Configuration *, configuration_free);

/* Exchanges the contents, so that those who borrow `a` see what was in `b`. */
void configuration_swap(Configuration *a, Configuration *b);

/* What may be in the files and still must not be used: software cameras, where `demo` is false. 0, or -EBADMSG
 * (logged). `problem` as above. */
int configuration_check_demo(const Configuration *c, bool demo, char **problem);

/* The thresholds that hold the configured false-match rate in every population that `manifest` was calibrated on;
 * -ERANGE after logging the population that cannot support it. `problem` as above. */
int configuration_policy(const Configuration *c, const Manifest *manifest, Policy *ret, char **problem);

/* One setting: how it is written in a file. */
typedef struct ConfigurationKey {
        const char *section, *name;
        const char *allowed;           /* in words, as messages and the manual have it */
} ConfigurationKey;

/* The i-th setting, NULL behind the last. */
const ConfigurationKey *configuration_key(size_t i);

/* Its value as it would be written in a file; to be freed. NULL if memory ran out. */
char *configuration_value(const Configuration *c, size_t i);

bool configuration_allows_document(const Configuration *c, const char *kind);
bool configuration_allows_reference(const Configuration *c, ReferenceSource source);

/* "pilot" or "enforce" */
const char *mode_to_string(Mode m);

/* "card-camera", "supplied" or "chip" */
const char *reference_source_to_string(ReferenceSource s);
