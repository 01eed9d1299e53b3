/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger-internal.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <sys/stat.h>

#define KEYS_FILE "keys.json"
#define KEYS_FILE_NEW "keys.json.new"
#define KEYS_SIZE_MAX (1024 * 1024)    /* bytes: thousands of rotations */

/* The file is nobody's word by itself, but a key whose name is not its thumbprint would make "kid" mean nothing. */
static bool key_is_named_right(const json_t *key) {
        char kid[RECEIPT_HASH_SIZE] = { 0 };
        uint8_t digest[32];

        return jose_jwk_thp_buf(NULL, key, "S256", digest, sizeof(digest)) == sizeof(digest) &&
                jose_b64_enc_buf(digest, sizeof(digest), kid, sizeof(kid) - 1) == sizeof(kid) - 1 &&
                streq(kid, entry_text(key, "kid")) && !json_object_get(key, "d");
}

static bool keys_are_valid(const json_t *keys) {
        const json_t *list = json_object_get(keys, "keys"), *key;
        size_t i;

        json_array_foreach(list, i, key)
                if (!key_is_named_right(key))
                        return false;
        return json_is_array(list);
}

static int read_keys(int directory, json_t **ret) {
        _cleanup_(json_decrefp) json_t *keys = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;

        fd = openat(directory, KEYS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > KEYS_SIZE_MAX)
                return -EUCLEAN;

        keys = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
        errno = 0;                     /* libjose has no other word for a lack of memory */
        if (!keys || !keys_are_valid(keys))
                return errno == ENOMEM ? -ENOMEM : -EUCLEAN;
        *ret = TAKE_PTR(keys);
        return 0;
}

int ledger_load_keys(Ledger *l) {
        int r;

        r = read_keys(l->directory, &l->keys);
        if (r == -ENOENT) {
                l->keys = json_pack("{s:[]}", "keys");
                r = l->keys ? 0 : -ENOMEM;
        }
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_UNUSABLE, "Cannot read %s/" KEYS_FILE ": %m",
                                         l->path);
        return 0;
}

/* Replaces keys.json as a whole: after a crash there is the old set or the new one. */
static int write_keys(int directory, const json_t *keys) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        text = json_dumps(keys, JSON_INDENT(2));
        if (!text)
                return -ENOMEM;
        if (unlinkat(directory, KEYS_FILE_NEW, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(directory, KEYS_FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;

        r = write_whole(fd, text, strlen(text), -1);
        if (r < 0)
                return r;
        if (fsync(fd) < 0 || renameat(directory, KEYS_FILE_NEW, directory, KEYS_FILE) < 0 || fsync(directory) < 0)
                return -errno;
        return 0;
}

/* The set with the signer's key in front. */
static json_t *with_key_first(const json_t *keys, const Signer *signer) {
        _cleanup_(json_decrefp) json_t *list = json_array();
        json_t *key;
        size_t i;

        if (!list || json_array_append_new(list, signer_public_key(signer)) < 0)
                return NULL;
        json_array_foreach(json_object_get(keys, "keys"), i, key)
                if (!streq(entry_text(key, "kid"), signer_key_id(signer)) && json_array_append(list, key) < 0)
                        return NULL;
        return json_pack("{s:O}", "keys", list);
}

int ledger_add_key(Ledger *l, const Signer *signer) {
        _cleanup_(json_decrefp) json_t *keys = with_key_first(l->keys, signer);
        int r;

        if (!keys)
                return log_message_errno(LOG_ERR, -ENOMEM, MESSAGE_LEDGER_FAILED,
                                         "Cannot add to %s/" KEYS_FILE ": %m", l->path);
        if (json_equal(keys, l->keys))
                return 0;

        r = write_keys(l->directory, keys);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_FAILED, "Cannot write %s/" KEYS_FILE ": %m",
                                         l->path);
        json_decref(l->keys);
        l->keys = TAKE_PTR(keys);
        return 0;
}
