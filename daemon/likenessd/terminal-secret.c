/* SPDX-License-Identifier: Apache-2.0 */

#include "terminal-secret.h"
#include "file.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <jose/b64.h>
#include <nettle/hmac.h>
#include <sys/random.h>
#include <sys/stat.h>

#define FILE_NEW TERMINAL_SECRET_FILE ".new"

static int read_secret(int fd, TerminalSecret *ret) {
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size != TERMINAL_SECRET_SIZE)
                return -EBADMSG;
        if (st.st_uid != geteuid() || (st.st_mode & 0077))
                return -EPERM;

        n = file_read_all(fd, ret->bytes, sizeof(ret->bytes));
        if (n < 0)
                return (int) n;
        return n == TERMINAL_SECRET_SIZE ? 0 : -EBADMSG;
}

/* The whole of it is on disk under its name, or nothing is. */
static int make_secret(int directory, TerminalSecret *ret) {
        _cleanup_close_ int fd = -1;
        int r;

        if (getrandom(ret->bytes, sizeof(ret->bytes), 0) != sizeof(ret->bytes))
                return -EIO;
        if (unlinkat(directory, FILE_NEW, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(directory, FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;

        r = file_write_all(fd, ret->bytes, sizeof(ret->bytes));
        if (r < 0)
                return r;
        if (fsync(fd) < 0 || renameat(directory, FILE_NEW, directory, TERMINAL_SECRET_FILE) < 0 || fsync(directory) < 0)
                return -errno;
        return 0;
}

int terminal_secret_load(const char *directory, TerminalSecret *ret) {
        _cleanup_close_ int place = -1, fd = -1;
        TerminalSecret secret = {};
        int r = 0;

        place = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (place < 0)
                r = -errno;
        else {
                fd = openat(place, TERMINAL_SECRET_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
                if (fd >= 0)
                        r = read_secret(fd, &secret);
                else
                        r = errno == ENOENT ? make_secret(place, &secret) : -errno;
        }
        if (r >= 0)
                *ret = secret;
        terminal_secret_wipe(&secret);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_UNUSABLE,
                                         "%s/" TERMINAL_SECRET_FILE " cannot be used; if it is deleted, the next start "
                                         "makes another one: %m",
                                         directory);
        return 0;
}

void terminal_secret_wipe(TerminalSecret *s) {
        explicit_bzero(s, sizeof(*s));
}

void terminal_secret_identify(const TerminalSecret *s, const char *name, char ret[static RECEIPT_HASH_SIZE]) {
        struct hmac_sha256_ctx context;
        uint8_t digest[SHA256_DIGEST_SIZE];

        hmac_sha256_set_key(&context, sizeof(s->bytes), s->bytes);
        hmac_sha256_update(&context, strlen(name), (const uint8_t *) name);
        hmac_sha256_digest(&context, sizeof(digest), digest);
        explicit_bzero(&context, sizeof(context));
        (void) jose_b64_enc_buf(digest, sizeof(digest), ret, RECEIPT_HASH_SIZE - 1);
        ret[RECEIPT_HASH_SIZE - 1] = '\0';
}
