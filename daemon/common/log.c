/* SPDX-License-Identifier: Apache-2.0 */

#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* The one piece of process-wide state: how much is written. */
static int log_max_level = LOG_INFO;

void log_set_max_level(int level) {
        log_max_level = level;
}

void log_parse_environment(void) {
        static const struct {
                const char *name;
                int level;
        } levels[] = {
                { "err", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
                { "info", LOG_INFO }, { "debug", LOG_DEBUG },
        };
        const char *value = getenv("LIKENESS_LOG_LEVEL");

        if (!value)
                return;

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (streq(value, levels[i].name))
                        log_set_max_level(levels[i].level);
}

int log_full_errno(int level, int error, const char *format, ...) {
        char text[1024];
        va_list arguments;

        if (level > log_max_level)
                return error;

        errno = error < 0 ? -error : 0;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);

        if (getenv("JOURNAL_STREAM"))
                fprintf(stderr, "<%d>%s\n", level, text);
        else
                fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);

        return error;
}
