/* SPDX-License-Identifier: Apache-2.0 */

#include "entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BUFFER_SIZE (64U * 1024U)
#define SEGMENT_NAME_LENGTH 27U        /* ledger-0123456789abcdef.jws */

struct EntryReader {
        int fd;
        int directory;                 /* of the segments; -1 for a file */
        struct dirent **segments;
        size_t n_segments, next_segment;
        size_t start, end;             /* what is read and not yet handed out */
        bool at_end;                   /* of the file that is open */
        char buffer[BUFFER_SIZE];
};

static int is_segment(const struct dirent *entry) {
        const char *name = entry->d_name;

        return strlen(name) == SEGMENT_NAME_LENGTH && strncmp(name, "ledger-", 7) == 0 &&
                        strspn(name + 7, "0123456789abcdef") == 16 && streq(name + 23, ".jws");
}

/* The names have a fixed width: their order is that of the entries. */
static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int open_segments(EntryReader *r, const char *path) {
        int n;

        r->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r->directory < 0)
                return -errno;
        n = scandirat(r->directory, ".", &r->segments, is_segment, by_name);
        if (n < 0)
                return -errno;
        r->n_segments = (size_t) n;
        r->at_end = true;
        return n > 0 ? 0 : -ENODATA;
}

int entry_reader_new(EntryReader **ret, const char *path) {
        _cleanup_(entry_reader_freep) EntryReader *r = calloc(1, sizeof(*r));
        struct stat st;
        int k = 0;

        if (!r)
                return -ENOMEM;
        r->fd = r->directory = -1;

        if (streq(path, "-"))
                r->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        else
                r->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (r->fd < 0 || fstat(r->fd, &st) < 0)
                return -errno;

        if (S_ISDIR(st.st_mode)) {
                r->fd = safe_close(r->fd);
                k = open_segments(r, path);
        }
        if (k < 0)
                return k;

        *ret = TAKE_PTR(r);
        return 0;
}

EntryReader *entry_reader_free(EntryReader *r) {
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n_segments; i++)
                free(r->segments[i]);
        free(r->segments);
        safe_close(r->fd);
        safe_close(r->directory);
        free(r);
        return NULL;
}

/* 1 if another segment was opened, 0 if there is none left. */
static int next_file(EntryReader *r) {
        if (r->next_segment >= r->n_segments)
                return 0;

        r->fd = safe_close(r->fd);
        r->fd = openat(r->directory, r->segments[r->next_segment++]->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (r->fd < 0)
                return -errno;
        r->at_end = false;
        return 1;
}

/* Reads more behind what is there; makes room first. */
static int fill(EntryReader *r) {
        ssize_t n;

        if (r->start > 0) {
                memmove(r->buffer, r->buffer + r->start, r->end - r->start);
                r->end -= r->start;
                r->start = 0;
        }
        do
                n = read(r->fd, r->buffer + r->end, sizeof(r->buffer) - r->end);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        r->end += (size_t) n;
        r->at_end = n == 0;
        return 0;
}

/* Passes over the rest of a line that is too long. Its beginning stays where it is handed out from; what follows is read
 * behind it. */
static int skip_rest(EntryReader *r, bool *ret_ended) {
        *ret_ended = false;
        r->start = r->end = RECEIPT_SIZE_MAX + 1;

        while (!r->at_end && !*ret_ended) {
                ssize_t n = read(r->fd, r->buffer + r->start, sizeof(r->buffer) - r->start);
                const char *newline;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                r->at_end = n == 0;

                newline = memchr(r->buffer + r->start, '\n', (size_t) n);
                if (newline) {
                        r->end = r->start + (size_t) n;
                        r->start = (size_t) (newline - r->buffer) + 1;
                        *ret_ended = true;
                }
        }
        return 0;
}

int entry_reader_next(EntryReader *r, EntryLine *ret) {
        for (;;) {
                const char *start = r->buffer + r->start, *newline = memchr(start, '\n', r->end - r->start);
                int k;

                if (newline) {
                        *ret = (EntryLine) { start, (size_t) (newline - start), true };
                        r->start += ret->size + 1;
                        return 1;
                }
                if (r->at_end && r->end > r->start) {
                        *ret = (EntryLine) { start, r->end - r->start, false };
                        r->start = r->end;
                        return 1;
                }
                if (r->at_end) {
                        r->start = r->end = 0;
                        k = next_file(r);
                        if (k <= 0)
                                return k;
                } else if (r->start == 0 && r->end == sizeof(r->buffer)) {
                        *ret = (EntryLine) { r->buffer, RECEIPT_SIZE_MAX + 1, false };
                        k = skip_rest(r, &ret->ended);
                        return k < 0 ? k : 1;
                }
                k = fill(r);
                if (k < 0)
                        return k;
        }
}
