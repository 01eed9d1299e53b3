/* SPDX-License-Identifier: Apache-2.0 */

#include "ini-file.h"
#include "log.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>

typedef struct IniReader {
        const char *path;
        FILE *stream;
        unsigned line;
        IniHandler handler;
        void *userdata;
        int result;
} IniReader;

/* libinih asks for one line at a time before it calls the handler, so counting here gives the handler's line. */
static char *ini_reader_line(char *buffer, int size, void *userdata) {
        IniReader *reader = userdata;

        reader->line++;
        return fgets(buffer, size, reader->stream);
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

int ini_file_read(const char *path, IniHandler handler, void *userdata) {
        _cleanup_(file_closep) FILE *stream = NULL;
        int r;

        stream = fopen(path, "re");
        if (!stream)
                return -errno;

        IniReader reader = {
                .path = path,
                .stream = stream,
                .handler = handler,
                .userdata = userdata,
        };

        r = ini_parse_stream(ini_reader_line, &reader, ini_reader_assignment, &reader);
        if (ferror(stream))
                return log_error_errno(-EIO, "%s: cannot be read: %m", path);
        if (r < 0)
                return -ENOMEM;
        if (r > 0) {
                log_error("%s:%d: neither a [Section] nor a Key=Value line", path, r);
                return -EBADMSG;
        }

        return reader.result;
}
