/* SPDX-License-Identifier: Apache-2.0 */

#include "log.h"

#include "journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define LINE_MAX_SIZE 1024U            /* bytes of a line, with its end */
#define ESCAPE_SIZE (sizeof("\\xNN") - 1)
#define FACILITY "3"                   /* LOG_DAEMON */

/* The one piece of process-wide state. */
static struct {
        int max_level;
        bool is_journal;               /* stderr is the journal's */
        Journal *journal;              /* NULL: not to be had */
        uint64_t lost;                 /* messages that nobody took, and nobody was told of yet */
} state = { .max_level = LOG_INFO };

void log_set_max_level(int level) {
        state.max_level = level;
}

static void read_level(void) {
        static const struct {
                const char *name;
                int level;
        } levels[] = {
                { "err", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
                { "info", LOG_INFO }, { "debug", LOG_DEBUG },
        };
        const char *value = getenv("LIKENESS_LOG_LEVEL");

        for (size_t i = 0; value && i < ELEMENTSOF(levels); i++)
                if (streq(value, levels[i].name))
                        log_set_max_level(levels[i].level);
}

/* JOURNAL_STREAM=device:inode is what systemd connected; there may be another one in its place by now. */
static bool stderr_is_journal(void) {
        const char *value = getenv("JOURNAL_STREAM");
        char expected[64];
        struct stat st;

        if (!value || fstat(STDERR_FILENO, &st) < 0)
                return false;
        (void) snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        return streq(value, expected);
}

void log_open_at(const char *journal_socket) {
        state.journal = journal_free(state.journal);
        state.lost = 0;
        if (journal_socket)
                (void) journal_new(&state.journal, journal_socket);
}

void log_open(void) {
        read_level();
        state.is_journal = stderr_is_journal();
        log_open_at(state.is_journal ? JOURNALD_SOCKET : NULL);
}

/* Copies `text` so that it stays one line, whatever is in it; cut off where it is too long. */
static void make_plain(const char *text, char ret[static LINE_MAX_SIZE]) {
        size_t n = 0;

        for (const char *p = text; *p != '\0' && n + ESCAPE_SIZE < LINE_MAX_SIZE; p++)
                if (*p >= ' ' && *p <= '~')
                        ret[n++] = *p;
                else
                        n += (size_t) snprintf(ret + n, ESCAPE_SIZE + 1, "\\x%02x", (unsigned char) *p);
        ret[n] = '\0';
}

static void add_field(JournalField *fields, size_t *n, const char *name, const char *value) {
        if (value)
                fields[(*n)++] = (JournalField) { .name = name, .value = value, .size = strlen(value) };
}

static int send_to_journal(int level, int error, const char *message_id, const char *support_code, const char *line) {
        char priority[16], number[16];
        JournalField fields[JOURNAL_FIELDS_MAX];
        size_t n = 0;

        (void) snprintf(priority, sizeof(priority), "%d", level);
        (void) snprintf(number, sizeof(number), "%d", -error);
        add_field(fields, &n, "MESSAGE", line);
        add_field(fields, &n, "PRIORITY", priority);
        add_field(fields, &n, "SYSLOG_FACILITY", FACILITY);
        add_field(fields, &n, "SYSLOG_IDENTIFIER", program_invocation_short_name);
        add_field(fields, &n, "MESSAGE_ID", message_id);
        add_field(fields, &n, "LIKENESS_SUPPORT_CODE", support_code);
        add_field(fields, &n, "ERRNO", error < 0 ? number : NULL);
        return journal_send(state.journal, fields, n);
}

/* Without the native socket there is the stream that stderr is. It may be full as well, and would block. */
static int send_to_stream(int level, const char *line) {
        char text[LINE_MAX_SIZE + 16];
        int size;

        size = snprintf(text, sizeof(text), "<%d>%s\n", level, line);
        if (send(STDERR_FILENO, text, (size_t) size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                return -errno;
        return 0;
}

static int deliver(int level, int error, const char *message_id, const char *support_code, const char *line) {
        int r = -ENOTCONN;

        if (state.journal)
                r = send_to_journal(level, error, message_id, support_code, line);
        if (r < 0 && r != -EAGAIN && state.is_journal)
                r = send_to_stream(level, line);
        return r;
}

/* What could not be said comes first. */
static int deliver_lost(void) {
        char line[LINE_MAX_SIZE];
        int r;

        if (state.lost == 0)
                return 0;
        (void) snprintf(line, sizeof(line), "messages that the journal did not take, and that are missing here: %ju",
                        (uintmax_t) state.lost);
        r = deliver(LOG_WARNING, 0, MESSAGE_LOG_LOST, NULL, line);
        if (r >= 0)
                state.lost = 0;
        return r;
}

int log_full(int level, int error, const char *message_id, const char *support_code, const char *format, ...) {
        char text[LINE_MAX_SIZE], line[LINE_MAX_SIZE];
        va_list arguments;
        size_t n = 0;

        if (level > state.max_level)
                return error;

        if (support_code)
                n = (size_t) snprintf(text, sizeof(text), "%.32s: ", support_code);
        errno = error < 0 ? -error : 0;
        va_start(arguments, format);
        (void) vsnprintf(text + n, sizeof(text) - n, format, arguments);
        va_end(arguments);
        make_plain(text, line);

        if (!state.is_journal && !state.journal)
                fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
        else if (deliver_lost() < 0 || deliver(level, error, message_id, support_code, line) < 0)
                state.lost++;
        return error;
}
