/* SPDX-License-Identifier: Apache-2.0 */

#include "decoder.h"
#include "decoder-internal.h"
#include "log.h"

#include <errno.h>
#include <sys/stat.h>

static bool starts_with(const uint8_t *data, size_t size, const char *signature, size_t length) {
        return size >= length && memcmp(data, signature, length) == 0;
}

void decoded_picture_done(DecodedPicture *p) {
        free(p->pixels);
        *p = (DecodedPicture){};
}

DecodeOutcome decoder_decode(const uint8_t *data, size_t size, DecodedPicture *ret) {
        DecodedPicture picture = {};
        DecodeOutcome outcome;
        unsigned orientation = 1;

        if (size == 0)
                return DECODE_EMPTY;
        if (size > PICTURE_BYTES_MAX)
                return DECODE_TOO_LARGE;

        if (starts_with(data, size, "\xff\xd8\xff", 3))
                outcome = decode_jpeg(data, size, &picture, &orientation);
        else if (starts_with(data, size, "\x89PNG\r\n\x1a\n", 8))
                outcome = decode_png(data, size, &picture, &orientation);
        else if (starts_with(data, size, "\0\0\0\x0cjP  \r\n\x87\n", 12))
                outcome = decode_jpeg2000(data, size, /* bare= */ false, &picture);
        else if (starts_with(data, size, "\xff\x4f\xff\x51", 4))
                outcome = decode_jpeg2000(data, size, /* bare= */ true, &picture);
        else
                return DECODE_UNKNOWN_FORMAT;

        if (outcome != DECODE_DONE)
                return outcome;

        if (!picture_turn(&picture, orientation)) {
                decoded_picture_done(&picture);
                return DECODE_NO_MEMORY;
        }

        *ret = picture;
        return DECODE_DONE;
}

/* Copies rather than maps: a file that is not sealed after all could be cut off under a mapping. */
static DecodeOutcome read_picture(int fd, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;
        size_t size, n = 0;

        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return DECODE_DAMAGED;
        if (st.st_size <= 0)
                return DECODE_EMPTY;
        if ((uint64_t) st.st_size > PICTURE_BYTES_MAX)
                return DECODE_TOO_LARGE;

        size = (size_t) st.st_size;
        data = malloc(size);
        if (!data)
                return DECODE_NO_MEMORY;

        while (n < size) {
                ssize_t k = pread(fd, data + n, size - n, (off_t) n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return DECODE_DAMAGED;
                n += (size_t) k;
        }

        *ret = TAKE_PTR(data);
        *ret_size = size;
        return DECODE_DONE;
}

static int write_pixels(int fd, const DecodedPicture *p) {
        size_t size = (size_t) p->width * p->height * 3, n = 0;

        if (ftruncate(fd, (off_t) size) < 0)
                return -errno;

        while (n < size) {
                ssize_t k = pwrite(fd, p->pixels + n, size - n, (off_t) n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        return -EIO;
                n += (size_t) k;
        }

        return 0;
}

DecodeOutcome decoder_run(int picture, int pixels, uint32_t *ret_width, uint32_t *ret_height) {
        _cleanup_(decoded_picture_done) DecodedPicture decoded = {};
        _cleanup_free_ uint8_t *data = NULL;
        DecodeOutcome outcome;
        size_t size;
        int r;

        outcome = read_picture(picture, &data, &size);
        if (outcome != DECODE_DONE)
                return outcome;

        outcome = decoder_decode(data, size, &decoded);
        if (outcome != DECODE_DONE)
                return outcome;

        r = write_pixels(pixels, &decoded);
        if (r < 0) {
                (void) log_error_errno(r, "The decoded pixels cannot be written: %m");
                return DECODE_NO_MEMORY;
        }

        *ret_width = decoded.width;
        *ret_height = decoded.height;
        return DECODE_DONE;
}
