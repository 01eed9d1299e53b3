/* SPDX-License-Identifier: Apache-2.0 */

#include "durable.h"
#include "keyring-outcome.h"
#include "macro.h"
#include "record.h"

#include <errno.h>
#include <stdio.h>

#define FIRST_LINE "likeness-keyring-record 1\n"
#define LAST_LINE "end\n"
#define RECORD_SIZE_MAX 1024

static size_t keyring_format(const RecordedKeyring *k, char *text, size_t size) {
        char hash[2 * RECORD_HASH_SIZE + 1];
        int n;

        for (size_t i = 0; i < RECORD_HASH_SIZE; i++)
                (void) snprintf(hash + 2 * i, 3, "%02x", k->hash[i]);

        if (k->absent)
                n = snprintf(text, size, "absent\n");
        else
                n = snprintf(text, size, "keyring %s %s %s\n", hash, k->key_id,
                                isempty(k->pending_id) ? "-" : k->pending_id);
        return n < 0 ? 0 : (size_t) n;
}

static size_t record_format(const Record *record, char *text, size_t size) {
        size_t n = 0;

        n += (size_t) snprintf(text, size, FIRST_LINE);
        for (size_t i = 0; i < record->n_keyrings; i++)
                n += keyring_format(&record->keyrings[i], text + n, size - n);
        n += (size_t) snprintf(text + n, size - n, LAST_LINE);
        return n;
}

static bool parse_hash(const char *text, uint8_t *ret) {
        for (size_t i = 0; i < RECORD_HASH_SIZE; i++) {
                unsigned byte;

                if (sscanf(text + 2 * i, "%2x", &byte) != 1)
                        return false;
                ret[i] = (uint8_t) byte;
        }

        return true;
}

/* Takes one line that begins at `text`. */
static bool parse_keyring(const char *text, RecordedKeyring *ret) {
        char hash[2 * RECORD_HASH_SIZE + 1] = {}, key[KEYRING_KEY_ID_SIZE] = {}, pending[KEYRING_KEY_ID_SIZE] = {};

        if (strncmp(text, "absent\n", 7) == 0) {
                ret->absent = true;
                return true;
        }
        if (sscanf(text, "keyring %64[0-9a-f] %43s %43s", hash, key, pending) != 3 ||
            strlen(hash) != sizeof(hash) - 1 || !parse_hash(hash, ret->hash) || !keyring_key_id_valid(key))
                return false;

        memcpy(ret->key_id, key, sizeof(key));
        if (streq(pending, "-"))
                return true;
        if (!keyring_key_id_valid(pending))
                return false;
        memcpy(ret->pending_id, pending, sizeof(pending));
        return true;
}

int record_read(int directory, const char *name, Record *ret) {
        char again[RECORD_SIZE_MAX + 1];
        _cleanup_free_ uint8_t *data = NULL;
        const char *line;
        Record record = {};
        size_t size;
        int r;

        *ret = record;
        r = durable_read(directory, name, RECORD_SIZE_MAX, &data, &size);
        if (r == -ENOENT)
                return 0;
        if (r == -EFBIG || r == -EINVAL)
                return -EBADMSG;
        if (r < 0)
                return r;

        line = (const char *) data;
        if (strlen(line) != size || strncmp(line, FIRST_LINE, strlen(FIRST_LINE)) != 0)
                return -EBADMSG;
        line += strlen(FIRST_LINE);
        while (!streq(line, LAST_LINE)) {
                const char *end = strchr(line, '\n');

                if (!end || record.n_keyrings == ELEMENTSOF(record.keyrings) ||
                    !parse_keyring(line, &record.keyrings[record.n_keyrings]))
                        return -EBADMSG;
                record.n_keyrings++;
                line = end + 1;
        }

        /* One way of writing it: what reads back differently was not written by us. "absent" alone says
         * nothing. */
        if (record.n_keyrings == 0 || record.keyrings[record.n_keyrings - 1].absent ||
            record_format(&record, again, sizeof(again)) != size || memcmp(again, data, size) != 0)
                return -EBADMSG;

        *ret = record;
        return 0;
}

int record_write(int directory, const char *name, const Record *record) {
        char text[RECORD_SIZE_MAX + 1];
        size_t size;

        size = record_format(record, text, sizeof(text));
        return durable_write(directory, name, text, size);
}
