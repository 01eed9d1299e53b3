/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <syslog.h>

/* Messages go to stderr, each with the "<N>" priority prefix that the journal understands where stderr is the
 * journal, and bare elsewhere. A log line never carries a score, an image, a name or a document number. */

/* Sets the least urgent priority that is still written: LOG_ERR (3) to LOG_DEBUG (7). */
void log_set_max_level(int level);

/* Reads LIKENESS_LOG_LEVEL ("err", "warning", "notice", "info", "debug"); unknown words are ignored. */
void log_parse_environment(void);

/* Writes one line and returns `error` (a negative errno or 0) unchanged, so that a failure is logged and
 * forwarded in one statement. "%m" in the format is the text of `error`. */
int log_full_errno(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_error_errno(error, ...) log_full_errno(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full_errno(LOG_WARNING, error, __VA_ARGS__)
#define log_debug_errno(error, ...) log_full_errno(LOG_DEBUG, error, __VA_ARGS__)
#define log_error(...) ((void) log_full_errno(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...) ((void) log_full_errno(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__))
