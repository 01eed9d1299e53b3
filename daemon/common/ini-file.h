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

#define INI_LINE_MAX 196U              /* characters; libinih cuts longer lines in two */
#define INI_FILE_MAX (1024U * 1024U)   /* bytes */

/* Reads `path` and calls `handler` for each assignment, also after one was refused, so that all mistakes are named at
 * once. A link to /dev/null is an empty file, blanks at the beginning of a line mean nothing. Returns 0; the handler's
 * first error; -EBADMSG after logging what else is wrong with it (no file, too large, a line that is no assignment or
 * too long); -ENOENT and other errors of reading without a message. If `problem` is not NULL and points to NULL, it is
 * set to the words of the first message (to be freed). */
int ini_file_read(const char *path, IniHandler handler, void *userdata, char **problem);

/* Logs an error, forwards `error`, and keeps the words in `problem` as above: the first ones stay. */
int ini_file_problem(char **problem, int error, const char *format, ...) _printf_(3, 4);
