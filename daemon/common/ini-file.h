/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

/* Reads INI files (configuration, model manifest) with libinih and adds what it leaves out: the line number of
 * each assignment, so that messages can name it. */

/* Called for each assignment. Returns 0, or a negative errno after logging what is wrong with `file`:`line`. */
typedef int (*IniHandler)(
                const char *file,
                unsigned line,
                const char *section,
                const char *key,
                const char *value,
                void *userdata);

/* Reads `path` and calls `handler` for each assignment, also after one was refused, so that all mistakes are named at
 * once. Returns 0; the handler's first error; -EBADMSG after logging lines that are no assignment; -ENOENT and other
 * errors of opening the file without a message. */
int ini_file_read(const char *path, IniHandler handler, void *userdata);
