/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "configuration.h"

/* Inside configuration.c and its helpers only. */

/* Sets every setting that has a built-in value. */
int configuration_set_defaults(Configuration *c);

/* Sets one setting from text; -ENOENT if there is none of this name, -EINVAL or -ERANGE if the value is not allowed (then
 * `ret` is the key), -ENOMEM. */
int configuration_set(Configuration *c, const char *section, const char *name, const char *value,
                const ConfigurationKey **ret);

/* The system's files below `root` in the order in which they are read; the main file, if there is one, comes first. */
typedef struct ConfigurationFiles {
        char **paths;
        size_t n;
} ConfigurationFiles;

int configuration_files_find(const char *root, ConfigurationFiles *ret);
void configuration_files_done(ConfigurationFiles *files);
