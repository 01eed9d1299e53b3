/* SPDX-License-Identifier: Apache-2.0 */

#include "ini-file.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

typedef struct IniReader {
        const char *path;
        FILE *stream;
        unsigned line;
        IniHandler handler;
        void *userdata;
        char **problem;
        char *text;                    /* getline()'s */
        size_t allocated;
        int result;
} IniReader;

int ini_file_problem(char **problem, int error, const char *format, ...) {
        char text[512];
        va_list arguments;

        errno = error < 0 ? -error : 0;
        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);

        if (problem && !*problem)
                *problem = strdup(text);
        return log_error_errno(error, "%s", text);
}

static void ini_reader_fail(IniReader *reader, int error, const char *what) {
        error = ini_file_problem(reader->problem, error, "%s:%u: %s", reader->path, reader->line, what);
        if (reader->result == 0)
                reader->result = error;
}

/* libinih asks for one line at a time before it calls the handler, so counting here gives the handler's line. What it
 * would read otherwise than it is written is not passed on: of a long line it takes the rest for a line of its own,
 * and an indented one for more of the value before. */
static char *ini_reader_line(char *buffer, int size, void *userdata) {
        IniReader *reader = userdata;
        const char *text;
        ssize_t n;

        n = getline(&reader->text, &reader->allocated, reader->stream);
        if (n < 0)
                return NULL;

        reader->line++;
        text = reader->text + strspn(reader->text, " \t");
        if (strlen(reader->text) != (size_t) n) {
                ini_reader_fail(reader, -EBADMSG, "holds a zero byte");
                text = "\n";
        } else if (strlen(text) > INI_LINE_MAX + 1 || strlen(text) >= (size_t) size) {
                ini_reader_fail(reader, -EBADMSG, "is too long a line; at most 196 characters");
                text = "\n";
        }
        return strcpy(buffer, text);
}

static int ini_reader_assignment(void *userdata, const char *section, const char *key, const char *value) {
        IniReader *reader = userdata;
        int r;

        r = reader->handler(reader->path, reader->line, section, key, value ? value : "", reader->userdata);
        if (r < 0 && reader->result == 0)
                reader->result = r;

        return 1;
}

static void file_closep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

/* NULL with *ret 0 for /dev/null, which stands for an empty file; never waits for a pipe's writer. */
static FILE *ini_file_open(const char *path, char **problem, int *ret) {
        _cleanup_close_ int fd = -1;
        FILE *stream;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0) {
                *ret = -errno;
                return NULL;
        }

        *ret = 0;
        if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
                return NULL;
        if (!S_ISREG(st.st_mode))
                *ret = ini_file_problem(problem, -EBADMSG, "%s: is not a file", path);
        else if ((uintmax_t) st.st_size > INI_FILE_MAX)
                *ret = ini_file_problem(problem, -EBADMSG, "%s: is too large; at most 1 MiB", path);
        if (*ret < 0)
                return NULL;

        stream = fdopen(fd, "r");
        if (stream)
                (void) take_fd(&fd);
        else
                *ret = -errno;
        return stream;
}

int ini_file_read(const char *path, IniHandler handler, void *userdata, char **problem) {
        _cleanup_(file_closep) FILE *stream = NULL;
        int r;

        stream = ini_file_open(path, problem, &r);
        if (!stream)
                return r;

        IniReader reader = {
                .path = path,
                .stream = stream,
                .handler = handler,
                .userdata = userdata,
                .problem = problem,
        };

        r = ini_parse_stream(ini_reader_line, &reader, ini_reader_assignment, &reader);
        free(reader.text);
        if (ferror(stream))
                return -EIO;
        if (r < 0)
                return -ENOMEM;
        if (r > 0)
                return ini_file_problem(problem, -EBADMSG, "%s:%d: neither a [Section] nor a Key=Value line", path, r);

        return reader.result;
}
