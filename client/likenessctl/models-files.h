/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "manifest.h"

#include <stdio.h>

#define SHA256_TEXT 65U

/* A file of a directory of models, in memory: what was checked is what is used. */
typedef struct ModelFile {
        char *name;                    /* below the directory: "manifest", "x.onnx", "licenses/y" */
        char *data;
        size_t size;
        char sha256[SHA256_TEXT];
} ModelFile;

typedef struct ModelFiles {
        Manifest *manifest;
        ModelFile *files;              /* the manifest, then models and licences, sorted by name, each once */
        size_t n;
        unsigned problems;             /* files that are missing or others than the manifest's */
} ModelFiles;

/* Reads the manifest (NULL: the directory's own, else the one that Likeness brings) and the models that it names from
 * `directory`, and compares their SHA-256; a line to `report` (may be NULL) for each that is as it should be, and one to
 * standard error for each that is not. 0, -ENOMEM, or another error of the manifest, after a message. */
int model_files_read(const char *directory, const char *manifest, FILE *report, ModelFiles *ret);

/* Adds the licence texts that the manifest names from the directory `licences`; each model must have one. Fails as above. */
int model_files_add_licences(ModelFiles *f, const char *licences);

void model_files_done(ModelFiles *f);
