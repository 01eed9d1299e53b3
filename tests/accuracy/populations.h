/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision.h"

#include <stddef.h>

/* Paths of files, sorted. */
typedef struct Names {
        char **paths;
        size_t n;
} Names;

void names_done(Names *n);

/* The files of a directory whose names end in `suffix`. Adds to what is there. */
int names_read(const char *directory, const char *suffix, Names *n);

/* Each prints comparisons and thresholds, ready for a Calibration= line, and the error rates. */
int population_lfw(Vision *v, const char *directory);
int population_nuaa(Vision *v, const char *directory);
