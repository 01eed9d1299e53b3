/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"
#include "message-ids.h"

#include <syslog.h>

/* Messages go to the journal where stderr is the journal, with the fields of docs/privacy.md, and never wait for it:
 * what it does not take is counted, and the number said as soon as it takes something again. Elsewhere they go to
 * stderr, bare. What is not printable ASCII is written as "\xNN", so that no text can add a line, a field or a
 * terminal's command.
 * A log line never carries a score, a verdict, an image, a name or a document number. */

/* Reads LIKENESS_LOG_LEVEL ("err", "warning", "notice", "info", "debug"; unknown words are ignored) and finds out
 * whether stderr is the journal. Until it is called everything goes to stderr. */
void log_open(void);

/* The same with another socket than journald's, for tests; NULL: there is no journal. */
void log_open_at(const char *journal_socket);

/* Sets the least urgent priority that is still written: LOG_ERR (3) to LOG_DEBUG (7). */
void log_set_max_level(int level);

/* Writes one line and returns `error` (a negative errno or 0) unchanged, so that a failure is logged and
 * forwarded in one statement. "%m" in the format is the text of `error`. `message_id` is one of message-ids.h, and
 * `support_code` that of the check which the line is about, and begins it; either can be NULL. */
int log_full(int level, int error, const char *message_id, const char *support_code, const char *format, ...)
                _printf_(5, 6);

#define log_error_errno(error, ...) log_full(LOG_ERR, error, NULL, NULL, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, NULL, NULL, __VA_ARGS__)
#define log_debug_errno(error, ...) log_full(LOG_DEBUG, error, NULL, NULL, __VA_ARGS__)
#define log_error(...) ((void) log_full(LOG_ERR, 0, NULL, NULL, __VA_ARGS__))
#define log_warning(...) ((void) log_full(LOG_WARNING, 0, NULL, NULL, __VA_ARGS__))
#define log_notice(...) ((void) log_full(LOG_NOTICE, 0, NULL, NULL, __VA_ARGS__))
#define log_info(...) ((void) log_full(LOG_INFO, 0, NULL, NULL, __VA_ARGS__))
#define log_debug(...) ((void) log_full(LOG_DEBUG, 0, NULL, NULL, __VA_ARGS__))

/* With an entry in the catalogue (journalctl -x). */
#define log_message(level, id, ...) ((void) log_full(level, 0, id, NULL, __VA_ARGS__))
#define log_message_errno(level, error, id, ...) log_full(level, error, id, NULL, __VA_ARGS__)

/* About one check. */
#define log_check(level, id, support_code, ...) ((void) log_full(level, 0, id, support_code, __VA_ARGS__))
#define log_check_errno(level, error, id, support_code, ...) log_full(level, error, id, support_code, __VA_ARGS__)
