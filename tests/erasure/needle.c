/* SPDX-License-Identifier: Apache-2.0 */

#include "needle.h"
#include "macro.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kinds[_NEEDLE_KIND_MAX] = {
        [NEEDLE_FRAME_JPEG] = "frame-jpeg",
        [NEEDLE_FRAME_PLANES] = "frame-planes",
        [NEEDLE_FRAME_SCALED] = "frame-scaled",
        [NEEDLE_FACE_CROP] = "face-crop",
        [NEEDLE_FACE_PATCH] = "face-patch",
        [NEEDLE_NETWORK_INPUT] = "network-input",
        [NEEDLE_EMBEDDING_OUTPUT] = "embedding-output",
        [NEEDLE_EMBEDDING] = "embedding",
        [NEEDLE_EMBEDDING_DOUBLE] = "embedding-double",
        [NEEDLE_REFERENCE_FILE] = "reference-file",
        [NEEDLE_REFERENCE_PIXELS] = "reference-pixels",
        [NEEDLE_REFERENCE_SCALED] = "reference-scaled",
        [NEEDLE_REFERENCE_CROP] = "reference-crop",
        [NEEDLE_REFERENCE_PATCH] = "reference-patch",
        [NEEDLE_REFERENCE_INPUT] = "reference-input",
        [NEEDLE_REFERENCE_OUTPUT] = "reference-output",
        [NEEDLE_REFERENCE_EMBEDDING] = "reference-embedding",
        [NEEDLE_REFERENCE_DOUBLE] = "reference-double",
};

static const char *const forms[_NEEDLE_FORM_MAX] = { "raw", "hex", "HEX", "base64", "base64url" };

const char *needle_kind_to_string(NeedleKind kind) {
        return kinds[kind];
}

const char *needle_form_to_string(NeedleForm form) {
        return forms[form];
}

void needles_done(Needles *s) {
        free(s->list);
        *s = (Needles) {};
}

static int needles_add(Needles *s, NeedleKind kind, NeedleForm form, const uint8_t *bytes, size_t size) {
        if (s->n == s->allocated) {
                size_t n = s->allocated ? 2 * s->allocated : 1024;
                Needle *list = reallocarray(s->list, n, sizeof(Needle));

                if (!list)
                        return -ENOMEM;
                s->list = list;
                s->allocated = n;
        }

        Needle *needle = s->list + s->n++;
        *needle = (Needle) { .kind = (uint8_t) kind, .form = (uint8_t) form, .size = (uint8_t) size };
        memcpy(needle->bytes, bytes, size);
        return 0;
}

/* How many different values a piece has. */
static size_t variety(const uint8_t *bytes, size_t size, size_t unit) {
        size_t different = 0;

        for (size_t i = 0; i + unit <= size; i += unit) {
                bool seen = false;

                for (size_t j = 0; j < i && !seen; j += unit)
                        seen = memcmp(bytes + i, bytes + j, unit) == 0;
                different += !seen;
        }

        return different;
}

static bool is_distinctive(ObjectType type, const uint8_t *bytes, size_t size) {
        switch (type) {
        case OBJECT_COMPRESSED:
                return variety(bytes, size, 1) >= size * 2 / 3;
        case OBJECT_PIXELS:
                return variety(bytes, size, 1) >= size / 3;
        case OBJECT_FLOATS:
                return variety(bytes, size, sizeof(float)) >= size / sizeof(float) * 2 / 3;
        default:
                return variety(bytes, size, sizeof(double)) >= size / sizeof(double) * 2 / 3;
        }
}

int needles_add_object(Needles *s, NeedleKind kind, ObjectType type, const uint8_t *bytes, size_t size, size_t n) {
        size_t window = type >= OBJECT_FLOATS ? WINDOW_SIZE_NUMBERS : WINDOW_SIZE;
        size_t unit = type == OBJECT_FLOATS ? sizeof(float) : type == OBJECT_DOUBLES ? sizeof(double) : 1;

        if (size < window)
                return 0;

        /* one of each part: the first in it that will do */
        for (size_t i = 0; i < n; i++) {
                size_t at = (size - window) * i / n / unit * unit, end = (size - window) * (i + 1) / n;

                for (; at <= end; at += unit)
                        if (is_distinctive(type, bytes + at, window)) {
                                int r = needles_add(s, kind, FORM_RAW, bytes + at, window);

                                if (r < 0)
                                        return r;
                                break;
                        }
        }

        return 0;
}

static size_t to_hex(const uint8_t *bytes, size_t size, const char *digits, uint8_t *ret) {
        for (size_t i = 0; i < size; i++) {
                ret[2 * i] = (uint8_t) digits[bytes[i] >> 4];
                ret[2 * i + 1] = (uint8_t) digits[bytes[i] & 15];
        }
        return 2 * size;
}

/* Whole groups of three bytes only: what stands before and behind does not matter then. */
static size_t to_base64(const uint8_t *bytes, size_t size, const char *last_digits, uint8_t *ret) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        size_t n = 0;

        for (size_t i = 0; i + 3 <= size; i += 3) {
                uint32_t group = (uint32_t) bytes[i] << 16 | (uint32_t) bytes[i + 1] << 8 | bytes[i + 2];

                for (int shift = 18; shift >= 0; shift -= 6) {
                        uint32_t digit = group >> shift & 63;

                        ret[n++] = (uint8_t) (digit < 62 ? digits[digit] : last_digits[digit - 62]);
                }
        }
        return n;
}

static int needle_add_forms(Needles *s, const Needle *raw) {
        uint8_t text[NEEDLE_SIZE_MAX];
        size_t n;
        int r;

        n = to_hex(raw->bytes, raw->size, "0123456789abcdef", text);
        r = needles_add(s, raw->kind, FORM_HEX, text, n);
        if (r < 0)
                return r;
        n = to_hex(raw->bytes, raw->size, "0123456789ABCDEF", text);
        r = needles_add(s, raw->kind, FORM_HEX_UPPER, text, n);

        /* The piece may begin with the first, second or third byte of a group. */
        for (size_t skipped = 0; skipped < 3 && r >= 0; skipped++) {
                n = to_base64(raw->bytes + skipped, (size_t) raw->size - skipped, "+/", text);
                r = needles_add(s, raw->kind, FORM_BASE64, text, n);
                if (r < 0 || (!memchr(text, '+', n) && !memchr(text, '/', n)))
                        continue;

                n = to_base64(raw->bytes + skipped, (size_t) raw->size - skipped, "-_", text);
                r = needles_add(s, raw->kind, FORM_BASE64URL, text, n);
        }

        return r;
}

int needles_add_forms(Needles *s) {
        size_t n = s->n;

        for (size_t i = 0; i < n; i++) {
                Needle raw = s->list[i];       /* the list moves as it grows */
                int r = raw.form == FORM_RAW ? needle_add_forms(s, &raw) : 0;

                if (r < 0)
                        return r;
        }

        return 0;
}

int needles_write(const Needles *s, int fd) {
        const uint8_t *bytes = (const uint8_t *) s->list;
        size_t size = s->n * sizeof(Needle);

        for (size_t done = 0; done < size;) {
                ssize_t n = write(fd, bytes + done, size - done);

                if (n < 0)
                        return -errno;
                done += (size_t) n;
        }

        return 0;
}

int needles_read(Needles *ret, int fd) {
        struct stat st;
        size_t size;

        if (fstat(fd, &st) < 0)
                return -errno;
        size = (size_t) st.st_size;
        if (size == 0 || size % sizeof(Needle) != 0)
                return -EBADMSG;

        *ret = (Needles) { .list = malloc(size), .n = size / sizeof(Needle), .allocated = size / sizeof(Needle) };
        if (!ret->list)
                return -ENOMEM;
        for (size_t done = 0; done < size;) {
                ssize_t n = read(fd, (uint8_t *) ret->list + done, size - done);

                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                done += (size_t) n;
        }

        for (size_t i = 0; i < ret->n; i++)
                if (ret->list[i].kind >= _NEEDLE_KIND_MAX || ret->list[i].form >= _NEEDLE_FORM_MAX ||
                    ret->list[i].size < NEEDLE_SIZE_MIN || ret->list[i].size > NEEDLE_SIZE_MAX)
                        return -EBADMSG;

        return 0;
}
