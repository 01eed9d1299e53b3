/* SPDX-License-Identifier: Apache-2.0 */

#include "follower.h"

#include "log.h"
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#define AGAIN_MAX 64U

struct Follower {
        const char *path;
        int directory;
        int file;                      /* the segment at hand, or -1 */
        uint64_t first;                /* the sequence number in its name; 0 before the first one */
        uint64_t offset;               /* of the next line */
        uint64_t synced;               /* bytes of the file that are known to be on disk */
        size_t size;                   /* of the next line, with its newline; 0 if it was not read */
        char line[RECEIPT_SIZE_MAX + 1];
};

int follower_new(Follower **ret, const char *path) {
        Follower *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->path = path;
        f->directory = f->file = -1;
        *ret = f;
        return 0;
}

Follower *follower_free(Follower *f) {
        if (!f)
                return NULL;
        safe_close(f->file);
        safe_close(f->directory);
        free(f);
        return NULL;
}

/* The segment with this first entry, from a byte on. */
static int follower_open(Follower *f, uint64_t first, uint64_t offset) {
        int fd;

        fd = segment_open(f->directory, first, O_RDONLY);
        if (fd < 0)
                return fd;
        safe_close(f->file);
        f->file = fd;
        f->first = first;
        f->offset = offset;
        f->synced = 0;
        f->size = 0;
        return 0;
}

/* The first segment behind the one at hand: 1, 0 if there is none. */
static int follower_open_next(Follower *f) {
        _cleanup_(segment_list_done) SegmentList list = { 0 };
        int r;

        r = segment_list(f->directory, &list);
        for (size_t i = 0; r >= 0 && i < list.n; i++)
                if (list.firsts[i] > f->first) {
                        r = follower_open(f, list.firsts[i], 0);
                        return r < 0 ? r : 1;
                }
        return r < 0 ? r : 0;
}

static bool line_is(const SegmentLine *line, const Position *p, uint64_t sequence) {
        char hash[RECEIPT_HASH_SIZE];

        if (p->hash[0] == '\0')
                return sequence == p->sequence;
        receipt_hash(line->text, line->size, hash);
        return streq(hash, p->hash);
}

/* Looks for the position's entry in the segment where it was. */
static int seek_in(Follower *f, uint64_t first, const Position *p, unsigned again) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        uint64_t begins[AGAIN_MAX] = { 0 }, n = 0;
        SegmentLine line;
        size_t offset = 0;
        int r;

        r = segment_read(f->directory, first, UINT64_MAX, &text);
        if (r < 0)
                return r;
        while (segment_next_line(&text, &offset, &line)) {
                begins[n % AGAIN_MAX] = line.offset;
                if (!line_is(&line, p, first + n)) {
                        n++;
                        continue;
                }
                if (p->hash[0] == '\0')
                        offset = line.offset;
                else if (again > 0)
                        offset = begins[(n + 1 > again ? n + 1 - again : 0) % AGAIN_MAX];
                r = follower_open(f, first, offset);
                return r < 0 ? r : FOLLOWER_FOUND;
        }
        return FOLLOWER_REPLACED;
}

int follower_seek(Follower *f, const Position *position, unsigned again) {
        _cleanup_(segment_list_done) SegmentList list = { 0 };
        size_t n;
        int r;

        f->file = safe_close(f->file);
        f->directory = safe_close(f->directory);
        f->first = 0;
        f->size = 0;
        f->directory = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (f->directory < 0)
                return -errno;
        if (position->sequence == 0)
                return FOLLOWER_FOUND;

        r = segment_list(f->directory, &list);
        if (r < 0)
                return r;
        for (n = list.n; n > 0 && list.firsts[n - 1] > position->sequence; n--)
                ;
        if (n == 0)
                return list.n > 0 ? FOLLOWER_RETIRED : FOLLOWER_REPLACED;
        return seek_in(f, list.firsts[n - 1], position, again < AGAIN_MAX ? again : AGAIN_MAX - 1);
}

/* Bytes from the next line on, as many as the longest receipt and its newline have. */
static ssize_t read_ahead(Follower *f) {
        size_t n = 0;

        while (n < sizeof(f->line)) {
                ssize_t k = pread(f->file, f->line + n, sizeof(f->line) - n, (off_t) (f->offset + n));

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        return (ssize_t) n;
}

/* The entry may be in the page cache only: after a power cut the terminal might sign another one with its number, and
 * the one that was sent would look like a forgery. */
static int settle(Follower *f, uint64_t end) {
        struct stat st;

        if (end <= f->synced)
                return 0;
        if (fstat(f->file, &st) < 0 || fdatasync(f->file) < 0)
                return -errno;
        f->synced = (uint64_t) st.st_size;
        return 0;
}

/* One line: 1; 0 if there is no whole one; 2 after passing over what is too long to be one. */
static int next_line(Follower *f) {
        const char *newline;
        ssize_t n;
        int r;

        n = read_ahead(f);
        if (n < 0)
                return (int) n;
        newline = memchr(f->line, '\n', (size_t) n);
        if (newline) {
                f->size = (size_t) (newline - f->line) + 1;
                r = settle(f, f->offset + f->size);
                if (r < 0)
                        f->size = 0;
                return r < 0 ? r : 1;
        }
        if ((size_t) n < sizeof(f->line))
                return 0;

        log_warning("%s: passes over %zu bytes without a newline: no entry is that long", f->path, (size_t) n);
        f->offset += (uint64_t) n;
        return 2;
}

int follower_next(Follower *f, FollowerLine *ret) {
        struct stat st;
        int r;

        for (;;) {
                if (f->size > 0) {
                        *ret = (FollowerLine) { f->line, f->size - 1 };
                        return 1;
                }
                if (f->file < 0) {
                        r = follower_open_next(f);
                        if (r <= 0)
                                return r == -ENOENT ? -ESTALE : r;
                }
                if (fstat(f->file, &st) < 0)
                        return -errno;
                if ((uint64_t) st.st_size < f->offset)
                        return -ESTALE;

                r = next_line(f);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                /* read to its end: the next segment, or wait */
                if (st.st_nlink == 0)
                        return -ESTALE;
                r = follower_open_next(f);
                if (r <= 0)
                        return r == -ENOENT ? -ESTALE : r;
        }
}

void follower_advance(Follower *f) {
        f->offset += f->size;
        f->size = 0;
}
