/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "findings.h"
#include "manifest.h"

/* The networks' files, opened and checked: what is loaded later is the very descriptor whose bytes had the hash. */
typedef struct Models {
        Manifest *manifest;
        int fds[MANIFEST_MODELS_MAX];  /* one per model, in the manifest's order */
} Models;

/* Reads the manifest at `manifest_path`, opens every model in `directory` and compares its SHA-256. On failure
 * `reterr_outcome` is OUTCOME_MANIFEST_UNUSABLE, OUTCOME_MODEL_MISSING or OUTCOME_MODEL_ALTERED, and `reterr_model` the
 * index of the model. */
int models_open(
                const char *manifest_path,
                const char *directory,
                Models **ret,
                Outcome *reterr_outcome,
                uint32_t *reterr_model);
Models *models_free(Models *m);
DEFINE_CLEANUP(Models *, models_free);
