/* SPDX-License-Identifier: Apache-2.0 */

#include "clock.h"
#include "durable.h"
#include "keyring-file.h"
#include "keyring-outcome.h"
#include "log.h"
#include "record.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define KEYRING_NAME "signing.keyring"
#define LOCK_PAUSE_NSEC (20 * 1000 * 1000)

struct Store {
        int directory, keyring_directory, new_directory, lock;
        char *record_name, *lock_name, *keyring_name, *new_name, *new_path;
        bool demo;
        const char *password;
        RecordedKeyring now;           /* the keyring that is in place */
        Keys *keys;
};

static KeyringOutcome disk_error(int r, const char *what) {
        log_message_errno(LOG_ERR, r, MESSAGE_KEYRING_FAILED, "%s: %m", what);
        if (r == -ENOSPC || r == -EDQUOT)
                return KEYRING_DISK_FULL;
        return r == -ENOMEM ? KEYRING_INTERNAL_ERROR : KEYRING_DISK;
}

/* likenessd says these words to its own log. */
static KeyringOutcome refused(KeyringOutcome outcome) {
        log_debug("%s", keyring_outcome_message(outcome));
        return outcome;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;

        keys_free(s->keys);
        safe_close(s->directory);
        safe_close(s->keyring_directory);
        safe_close(s->new_directory);
        safe_close(s->lock);
        free(s->record_name);
        free(s->lock_name);
        free(s->keyring_name);
        free(s->new_name);
        free(s->new_path);
        free(s);
        return NULL;
}

const Keys *store_keys(const Store *s) {
        return s->keys;
}

static int format(char **ret, const char *a, const char *b, const char *c) {
        if (asprintf(ret, "%s%s%s", a, b, c) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int store_new(Store **ret, const char *path, bool demo, const char *password) {
        const char *name = demo ? "demo" : "production";
        _cleanup_(store_freep) Store *s = NULL;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->directory = s->keyring_directory = s->new_directory = s->lock = -1;
        s->demo = demo;
        s->password = password;
        s->keys = keys_new();
        if (!s->keys || format(&s->record_name, name, ".provisioned", "") < 0 ||
            format(&s->lock_name, name, ".lock", "") < 0 || format(&s->keyring_name, name, "", "") < 0 ||
            format(&s->new_name, name, ".new", "") < 0 || format(&s->new_path, path, "/", s->new_name) < 0)
                return -ENOMEM;

        *ret = TAKE_PTR(s);
        return 0;
}

static KeyringOutcome store_lock(Store *s) {
        const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NSEC };
        uint64_t until = now_monotonic_usec() + STORE_LOCK_USEC;

        s->lock = openat(s->directory, s->lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (s->lock < 0)
                return disk_error(-errno, "the keyring's lock cannot be opened");

        while (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return disk_error(-errno, "the keyring cannot be locked");
                if (now_monotonic_usec() >= until)
                        return refused(KEYRING_BUSY);
                (void) nanosleep(&pause, NULL);
        }

        return KEYRING_DONE;
}

static KeyringOutcome store_open_directories(Store *s, const char *path) {
        KeyringOutcome outcome;
        struct stat st;

        s->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->directory < 0 || fstat(s->directory, &st) < 0)
                return disk_error(-errno, "the keyring's state directory cannot be opened");
        if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
                return refused(KEYRING_STATE_UNSAFE);

        outcome = store_lock(s);
        if (outcome != KEYRING_DONE)
                return outcome;

        s->keyring_directory = durable_directory(s->directory, s->keyring_name);
        if (s->keyring_directory < 0)
                return disk_error(s->keyring_directory, "the keyring's directory cannot be opened");
        s->new_directory = durable_directory(s->directory, s->new_name);
        if (s->new_directory < 0)
                return disk_error(s->new_directory, "the directory for a new keyring cannot be opened");

        return KEYRING_DONE;
}

/* What an interrupted change left, and backups with old keys ("signing.keyring~"): they would outlive their
 * keys. */
static KeyringOutcome store_clean(Store *s) {
        int r;

        r = wipe_others(s->keyring_directory, KEYRING_NAME);
        if (r < 0)
                return disk_error(r, "leftovers beside the keyring cannot be removed");
        r = wipe_others(s->new_directory, NULL);
        if (r < 0)
                return disk_error(r, "leftovers of an unfinished keyring cannot be removed");

        return KEYRING_DONE;
}

static void hash_file(const uint8_t *data, size_t size, uint8_t ret[static RECORD_HASH_SIZE]) {
        struct sha256_ctx hash;

        sha256_init(&hash);
        sha256_update(&hash, size, data);
        sha256_digest(&hash, RECORD_HASH_SIZE, ret);
}

/* Finds which of the record's keyrings is in place. */
static KeyringOutcome store_compare(Store *s, const Record *record, const uint8_t *data, size_t size) {
        uint8_t hash[RECORD_HASH_SIZE];

        if (record->n_keyrings == 0) {
                s->now.absent = true;
                return data ? refused(KEYRING_RECORD_DAMAGED) : KEYRING_DONE;
        }
        if (!data) {
                s->now.absent = record->keyrings[0].absent;
                return s->now.absent ? KEYRING_DONE : refused(KEYRING_MISSING);
        }

        hash_file(data, size, hash);
        for (size_t i = 0; i < record->n_keyrings; i++)
                if (!record->keyrings[i].absent && memcmp(hash, record->keyrings[i].hash, sizeof(hash)) == 0) {
                        s->now = record->keyrings[i];
                        return KEYRING_DONE;
                }

        return refused(KEYRING_DAMAGED);
}

/* Says in the record that what is in place stays. */
static KeyringOutcome store_settle(Store *s) {
        const Record record = { .n_keyrings = 1, .keyrings = { s->now } };
        int r;

        r = record_write(s->directory, s->record_name, &record);
        return r < 0 ? disk_error(r, "the record of provisioning cannot be written") : KEYRING_DONE;
}

static KeyringOutcome store_read(Store *s) {
        _cleanup_free_ uint8_t *data = NULL;
        KeyringOutcome outcome;
        size_t size = 0;
        Record record;
        int r;

        r = record_read(s->directory, s->record_name, &record);
        if (r == -EBADMSG)
                return refused(KEYRING_RECORD_DAMAGED);
        if (r < 0)
                return disk_error(r, "the record of provisioning cannot be read");
        r = durable_read(s->keyring_directory, KEYRING_NAME, KEYRING_FILE_SIZE_MAX, &data, &size);
        if (r == -EFBIG || r == -EINVAL || r == -ELOOP)
                return refused(KEYRING_DAMAGED);
        if (r < 0 && r != -ENOENT)
                return disk_error(r, "the keyring cannot be read");

        outcome = store_compare(s, &record, data, size);
        if (outcome != KEYRING_DONE || s->now.absent)
                return outcome;

        outcome = keyring_read(data, size, s->demo, s->password, s->keys);
        if (outcome != KEYRING_DONE)
                return refused(outcome);
        if (!streq(s->keys->current.id, s->now.key_id) || !streq(s->keys->pending.id, s->now.pending_id))
                return refused(KEYRING_DAMAGED);

        if (record.n_keyrings == 1)
                return KEYRING_DONE;
        /* Rather an unsettled record than no key; but a first key is not given away before its loss would be
         * seen. */
        outcome = store_settle(s);
        return record.keyrings[0].absent ? outcome : KEYRING_DONE;
}

KeyringOutcome store_open(Store **ret, const char *path, bool demo, const char *password) {
        _cleanup_(store_freep) Store *s = NULL;
        KeyringOutcome outcome;
        int r;

        r = store_new(&s, path, demo, password);
        if (r < 0)
                return disk_error(r, "cannot begin");

        outcome = store_open_directories(s, path);
        if (outcome == KEYRING_DONE)
                outcome = store_clean(s);
        if (outcome == KEYRING_DONE)
                outcome = store_read(s);
        if (outcome != KEYRING_DONE)
                return outcome;

        *ret = TAKE_PTR(s);
        return KEYRING_DONE;
}

/* Reads a new keyring file back as if it were the old one: it has to open, with the keys that it was made
 * with. */
static KeyringOutcome store_verify_new(Store *s, const Keys *keys, RecordedKeyring *ret) {
        _cleanup_(keys_freep) Keys *again = NULL;
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int fd = -1;
        KeyringOutcome outcome;
        size_t size;
        int r;

        fd = openat(s->new_directory, KEYRING_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fsync(fd) < 0 || fsync(s->new_directory) < 0)
                return disk_error(-errno, "the new keyring cannot be synced");
        r = durable_read(s->new_directory, KEYRING_NAME, KEYRING_FILE_SIZE_MAX, &data, &size);
        if (r < 0)
                return disk_error(r, "the new keyring cannot be read back");

        again = keys_new();
        if (!again)
                return KEYRING_INTERNAL_ERROR;
        outcome = keyring_read(data, size, s->demo, s->password, again);
        if (outcome != KEYRING_DONE || !streq(again->current.text, keys->current.text) ||
            !streq(again->pending.text, keys->pending.text)) {
                log_message(LOG_ERR, MESSAGE_KEYRING_FAILED, "the new keyring does not read back as it was written");
                return KEYRING_DISK;
        }

        *ret = (RecordedKeyring) {};
        hash_file(data, size, ret->hash);
        memcpy(ret->key_id, keys->current.id, sizeof(ret->key_id));
        memcpy(ret->pending_id, keys->pending.id, sizeof(ret->pending_id));
        return KEYRING_DONE;
}

/* The old file's contents are wiped once nothing needs them: the file has no name any more then. */
static int store_exchange(Store *s) {
        _cleanup_close_ int old = -1;
        struct stat st;

        old = openat(s->keyring_directory, KEYRING_NAME, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (old < 0 && errno != ENOENT)
                return -errno;
        if (renameat(s->new_directory, KEYRING_NAME, s->keyring_directory, KEYRING_NAME) < 0)
                return -errno;
        if (fsync(s->keyring_directory) < 0 || fsync(s->new_directory) < 0)
                return -errno;

        if (old >= 0 && fstat(old, &st) == 0 && st.st_nlink == 0)
                (void) wipe_descriptor(old);
        return 0;
}

/* Replaces the keyring by one with `keys`, one of which (`make`, or none) is made on the way. The record
 * names both before the one takes the other's place, so that there is no moment at which it names
 * neither. */
static KeyringOutcome store_replace(Store *s, Keys *keys, Key *make) {
        _cleanup_free_ char *path = NULL;
        RecordedKeyring new;
        KeyringOutcome outcome;
        bool first;
        int r;

        if (format(&path, s->new_path, "/", KEYRING_NAME) < 0)
                return KEYRING_INTERNAL_ERROR;
        outcome = keyring_write(path, s->demo, s->password, keys, make);
        if (outcome == KEYRING_DISK_FULL)
                return refused(outcome);
        if (outcome != KEYRING_DONE)
                return outcome;
        r = wipe_others(s->new_directory, KEYRING_NAME);
        if (r < 0)
                return disk_error(r, "leftovers of writing the keyring cannot be removed");

        outcome = store_verify_new(s, keys, &new);
        if (outcome != KEYRING_DONE)
                return outcome;
        r = record_write(s->directory, s->record_name, &(Record) { .n_keyrings = 2, .keyrings = { s->now, new } });
        if (r < 0)
                return disk_error(r, "the record of provisioning cannot be written");
        r = store_exchange(s);
        if (r < 0)
                return disk_error(r, "the new keyring cannot take the old one's place");

        /* From here on the change is made. See store_read(). */
        first = s->now.absent;
        s->now = new;
        outcome = store_settle(s);
        return first ? outcome : KEYRING_DONE;
}

/* A change in a copy, which becomes what we know once it is on disk. */
static KeyringOutcome store_change(Store *s, Keys *keys, Key *make) {
        KeyringOutcome outcome;

        outcome = store_replace(s, keys, make);
        if (outcome == KEYRING_DONE)
                *s->keys = *keys;
        else
                (void) wipe_others(s->new_directory, NULL);
        return outcome;
}

static Keys *keys_copy(const Keys *keys) {
        Keys *copy = keys_new();

        if (copy)
                *copy = *keys;
        return copy;
}

KeyringOutcome store_provision(Store *s) {
        _cleanup_(keys_freep) Keys *keys = keys_copy(s->keys);

        return keys ? store_change(s, keys, &keys->current) : KEYRING_INTERNAL_ERROR;
}

KeyringOutcome store_make_pending(Store *s) {
        _cleanup_(keys_freep) Keys *keys = keys_copy(s->keys);

        return keys ? store_change(s, keys, &keys->pending) : KEYRING_INTERNAL_ERROR;
}

KeyringOutcome store_commit_pending(Store *s) {
        _cleanup_(keys_freep) Keys *keys = keys_copy(s->keys);

        if (!keys)
                return KEYRING_INTERNAL_ERROR;
        keys->current = keys->pending;
        explicit_bzero(&keys->pending, sizeof(keys->pending));
        return store_change(s, keys, NULL);
}

KeyringOutcome store_drop_pending(Store *s) {
        _cleanup_(keys_freep) Keys *keys = keys_copy(s->keys);

        if (!keys)
                return KEYRING_INTERNAL_ERROR;
        explicit_bzero(&keys->pending, sizeof(keys->pending));
        return store_change(s, keys, NULL);
}
