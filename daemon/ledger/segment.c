/* SPDX-License-Identifier: Apache-2.0 */

#include "segment.h"

#include "file.h"
#include "macro.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define NAME_SIZE sizeof("ledger-0123456789abcdef.jws")

static void segment_name(uint64_t first, char ret[static NAME_SIZE]) {
        (void) snprintf(ret, NAME_SIZE, "ledger-%016" PRIx64 ".jws", first);
}

/* The sequence number in a segment's name; 0 if it is none. */
static uint64_t name_to_first(const char *name) {
        char again[NAME_SIZE];
        uint64_t first;

        if (sscanf(name, "ledger-%16" SCNx64, &first) != 1)
                return 0;
        segment_name(first, again);
        return streq(name, again) ? first : 0;
}

static void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

static int compare_firsts(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

int segment_list(int directory, SegmentList *ret) {
        _cleanup_(segment_list_done) SegmentList list = { 0 };
        _cleanup_(closedirp) DIR *d = NULL;
        struct dirent *item;
        int fd, r;

        fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                r = -errno;
                (void) close(fd);
                return r;
        }

        for (;;) {
                uint64_t first;

                errno = 0;
                item = readdir(d);
                if (!item)
                        break;
                first = name_to_first(item->d_name);
                if (first == 0)
                        continue;
                r = segment_list_add(&list, first);
                if (r < 0)
                        return r;
        }
        if (errno != 0)
                return -errno;

        if (list.n > 0)
                qsort(list.firsts, list.n, sizeof(*list.firsts), compare_firsts);
        *ret = list;
        list = (SegmentList) { 0 };
        return 0;
}

int segment_list_add(SegmentList *list, uint64_t first) {
        uint64_t *more = reallocarray(list->firsts, list->n + 1, sizeof(*more));

        if (!more)
                return -ENOMEM;
        list->firsts = more;
        list->firsts[list->n++] = first;
        return 0;
}

void segment_list_done(SegmentList *list) {
        free(list->firsts);
        *list = (SegmentList) { 0 };
}

int segment_open(int directory, uint64_t first, int flags) {
        _cleanup_close_ int fd = -1;
        char name[NAME_SIZE];
        struct stat st;

        segment_name(first, name);
        fd = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EUCLEAN;
        return take_fd(&fd);
}

int segment_remove(int directory, uint64_t first) {
        char name[NAME_SIZE];

        segment_name(first, name);
        if (unlinkat(directory, name, 0) < 0 || fsync(directory) < 0)
                return -errno;
        return 0;
}

int segment_read(int directory, uint64_t first, uint64_t size, SegmentText *ret) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        fd = segment_open(directory, first, O_RDONLY);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if ((uint64_t) st.st_size > SEGMENT_SIZE_MAX)
                return -EUCLEAN;
        if (size > (uint64_t) st.st_size)
                size = (uint64_t) st.st_size;

        text = malloc(size + 1);
        if (!text)
                return -ENOMEM;
        n = file_read_all_at(fd, text, size, 0);
        if (n < 0)
                return (int) n;

        *ret = (SegmentText) { TAKE_PTR(text), (size_t) n };
        return 0;
}

void segment_text_done(SegmentText *text) {
        free(text->text);
        *text = (SegmentText) { 0 };
}

int segment_read_first_line(int directory, uint64_t first, SegmentText *ret) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        SegmentLine line;
        size_t offset = 0;
        int r;

        r = segment_read(directory, first, RECEIPT_SIZE_MAX + 1, &text);
        if (r < 0)
                return r;
        if (!segment_next_line(&text, &offset, &line))
                return false;

        text.size = line.size;
        *ret = text;
        text = (SegmentText) { 0 };
        return true;
}

bool segment_next_line(const SegmentText *text, size_t *offset, SegmentLine *ret) {
        const char *begin = text->text + *offset, *end;

        end = *offset < text->size ? memchr(begin, '\n', text->size - *offset) : NULL;
        if (!end)
                return false;

        *ret = (SegmentLine) { begin, (size_t) (end - begin), *offset };
        *offset += ret->size + 1;
        return true;
}

int write_whole(int fd, const char *bytes, size_t size, int64_t offset) {
        while (size > 0) {
                ssize_t n = offset < 0 ? write(fd, bytes, size) : pwrite(fd, bytes, size, offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                bytes += n;
                size -= (size_t) n;
                if (offset >= 0)
                        offset += n;
        }
        return 0;
}
