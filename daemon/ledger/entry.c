/* SPDX-License-Identifier: Apache-2.0 */

#include "entry.h"

#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/timex.h>
#include <time.h>

#define ENTRY_VERSION 1

int entry_boot_id(char ret[static BOOT_ID_SIZE]) {
        _cleanup_close_ int fd = -1;
        char text[64];
        size_t n = 0;
        ssize_t size;

        fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        size = read(fd, text, sizeof(text));
        if (size < 0)
                return -errno;

        for (ssize_t i = 0; i < size && n < BOOT_ID_SIZE - 1; i++)
                if ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))
                        ret[n++] = text[i];
        ret[n] = '\0';
        return n == BOOT_ID_SIZE - 1 ? 0 : -EIO;
}

uint64_t entry_boot_time(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

bool entry_clock_synchronised(void) {
        struct timex tx = { .modes = 0 };

        return adjtimex(&tx) >= 0 && (tx.status & STA_UNSYNC) == 0;
}

int entry_compose(
                const char *entry,
                const char *terminal,
                const char *protection,
                const char *boot,
                const EntryPlace *place,
                const json_t *claims,
                json_t **ret) {

        _cleanup_(json_decrefp) json_t *all = NULL;
        const char *name;
        json_t *value;

        all = json_pack("{s:i,s:s,s:s,s:s,s:I,s:s,s:I,s:s,s:s,s:I}",
                        "version", ENTRY_VERSION, "entry", entry, "terminal", terminal, "key-protection", protection,
                        "sequence", (json_int_t) place->sequence, "previous", place->previous,
                        "time", (json_int_t) time(NULL), "clock", entry_clock_synchronised() ? "synchronised" : "unsynchronised",
                        "boot", boot, "boot-time", (json_int_t) entry_boot_time());
        if (!all)
                return -ENOMEM;

        json_object_foreach((json_t *) claims, name, value) {
                if (json_object_get(all, name))
                        return -EINVAL;
                if (json_object_set(all, name, value) < 0)
                        return -ENOMEM;
        }

        *ret = TAKE_PTR(all);
        return 0;
}

json_t *entry_closing_of(const json_t *opening) {
        static const char *const names[] = {
                "support-code", "nonce", "transaction", "operator", "notice", "caller",
        };
        _cleanup_(json_decrefp) json_t *closing = NULL;

        closing = json_pack("{s:I}", "opening", (json_int_t) entry_number(opening, "sequence"));
        for (size_t i = 0; i < ELEMENTSOF(names) && closing; i++) {
                json_t *value = json_object_get(opening, names[i]);

                if (value && json_object_set(closing, names[i], value) < 0)
                        return NULL;
        }
        return TAKE_PTR(closing);
}

int entry_key_change(const Signer *old, const Signer *new, json_t **ret) {
        _cleanup_(json_decrefp) json_t *statement = NULL, *claims = NULL;
        _cleanup_free_ char *proof = NULL;
        int r;

        statement = json_pack("{s:s}", "old", signer_key_id(old));
        if (!statement)
                return -ENOMEM;
        r = signer_sign(new, statement, &proof);
        if (r < 0)
                return r;

        claims = json_pack("{s:o,s:o,s:s}", "old", signer_public_key(old), "new", signer_public_key(new),
                           "new-proof", proof);
        if (!claims)
                return -ENOMEM;
        *ret = TAKE_PTR(claims);
        return 0;
}

const char *entry_next_key(const json_t *header, const json_t *claims) {
        if (entry_is(claims, "key-changed"))
                return json_string_value(json_object_get(json_object_get(claims, "new"), "kid"));
        return json_string_value(json_object_get(header, "kid"));
}

bool entry_key_change_proved(const json_t *claims, const char *typ) {
        _cleanup_(json_decrefp) json_t *keys = NULL, *statement = NULL;
        const char *proof = entry_text(claims, "new-proof");

        keys = json_pack("{s:[O]}", "keys", json_object_get(claims, "new"));
        return keys && receipt_verify(keys, typ, proof, strlen(proof), &statement) >= 0 &&
                streq(entry_text(statement, "old"), entry_text(json_object_get(claims, "old"), "kid")) &&
                entry_text(statement, "old")[0] != '\0';
}

const char *entry_text(const json_t *claims, const char *name) {
        const char *value = json_string_value(json_object_get(claims, name));

        return value ? value : "";
}

uint64_t entry_number(const json_t *claims, const char *name) {
        json_int_t value = json_integer_value(json_object_get(claims, name));

        return value > 0 ? (uint64_t) value : 0;
}

bool entry_is(const json_t *claims, const char *entry) {
        return streq(entry_text(claims, "entry"), entry);
}
