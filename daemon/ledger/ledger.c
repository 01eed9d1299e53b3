/* SPDX-License-Identifier: Apache-2.0 */

#include "ledger.h"

#include "ledger-internal.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

Ledger *ledger_free(Ledger *l) {
        if (!l)
                return NULL;
        l->file = safe_close(l->file);
        l->directory = safe_close(l->directory);
        segment_list_done(&l->segments);
        json_decref(l->opening);
        json_decref(l->keys);
        free(l->terminal);
        free(l->path);
        free(l);
        return NULL;
}

/* After this the file may end in part of an entry, and what the kernel took may never reach the disk, whatever a later
 * fsync says. */
static int fail(Ledger *l, int error, const char *what) {
        l->failed = true;
        return log_message_errno(LOG_ERR, error, MESSAGE_LEDGER_FAILED,
                                 "Cannot %s the ledger in %s, nothing more is signed: %m", what, l->path);
}

/* What follows from an entry that is on disk. */
static void advance(Ledger *l, const char *jws, json_t *claims) {
        uint64_t time = entry_number(claims, "time");

        l->sequence++;
        receipt_hash(jws, strlen(jws), l->head);
        l->entries++;
        if (time > l->latest)
                l->latest = time;

        if (entry_is(claims, "opened")) {
                json_decref(l->opening);
                l->opening = json_incref(claims);
        } else if (entry_is(claims, "closed"))
                json_decrefp(&l->opening);
}

int ledger_write(Ledger *l, const char *entry, const json_t *claims, int64_t offset, char **ret_jws) {
        const EntryPlace place = { .sequence = l->sequence + 1, .previous = l->head };
        _cleanup_(json_decrefp) json_t *all = NULL;
        _cleanup_free_ char *jws = NULL, *line = NULL;
        int size, r;

        r = entry_compose(entry, l->terminal, signer_protection(l->signer), l->boot, &place, claims, &all);
        if (r < 0)
                return r;
        r = signer_sign(l->signer, all, &jws);
        if (r < 0)
                return r;
        size = asprintf(&line, "%s\n", jws);
        if (size < 0)
                return -ENOMEM;

        r = write_whole(l->file, line, (size_t) size, offset);
        if (r < 0)
                return fail(l, r, "write");
        if (offset >= 0) {
                l->size = (uint64_t) offset;
                if (ftruncate(l->file, (off_t) (offset + size)) < 0)
                        return fail(l, -errno, "shorten");
        }
        if (fdatasync(l->file) < 0)
                return fail(l, -errno, "sync");

        l->size += (uint64_t) size;
        advance(l, jws, all);
        if (ret_jws)
                *ret_jws = TAKE_PTR(jws);
        return 0;
}

int ledger_begin_segment(Ledger *l) {
        _cleanup_(json_decrefp) json_t *summary = NULL;
        uint64_t first = l->sequence + 1, open = l->opening ? entry_number(l->opening, "sequence") : 0;
        int fd, r;

        summary = json_pack("{s:I,s:I,s:I,s:I}", "first", (json_int_t) first, "entries", (json_int_t) l->sequence,
                            "open", (json_int_t) open, "latest", (json_int_t) l->latest);
        if (!summary)
                return -ENOMEM;

        fd = segment_open(l->directory, first, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
        if (fd < 0)
                return fail(l, fd, "begin a file of");
        (void) safe_close(l->file);
        l->file = fd;
        l->size = 0;
        l->entries = 0;

        r = segment_list_add(&l->segments, first);
        if (r >= 0)
                r = ledger_write(l, "segment", summary, -1, NULL);
        if (r < 0) {
                l->failed = true;      /* also if it could not be signed: an empty file is there now */
                return r;
        }
        if (fsync(l->file) < 0 || fsync(l->directory) < 0)
                return fail(l, -errno, "sync");
        return 0;
}

/* Every opening gets exactly one closing, and there is one opening at a time. */
static int check_order(const Ledger *l, const char *entry, json_t *claims) {
        uint64_t open = l->opening ? entry_number(l->opening, "sequence") : 0;

        if (streq(entry, "opened"))
                return open > 0 ? -EBUSY : 0;
        if (streq(entry, "closed")) {
                const json_t *opening = json_object_get(claims, "opening");

                if (open == 0 || (opening && json_integer_value(opening) != (json_int_t) open))
                        return -EINVAL;
                if (!opening && json_object_set_new(claims, "opening", json_integer((json_int_t) open)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Appends to the last segment, or to a new one if that is full. */
static int append(Ledger *l, const char *entry, const json_t *claims, char **ret_jws) {
        int r;

        r = ledger_mark_unexported(l, entry);
        if (r < 0)
                return fail(l, r, "mark");
        if (l->entries >= l->segment_entries) {
                r = ledger_begin_segment(l);
                if (r < 0)
                        return r;
        }
        return ledger_write(l, entry, claims, -1, ret_jws);
}

int ledger_append(Ledger *l, const char *entry, json_t *claims, char **ret_jws) {
        _cleanup_(json_decrefp) json_t *own = claims;
        int r;

        if (l->failed)
                return -ENOTRECOVERABLE;
        if (!json_is_object(own) || streq(entry, "segment") || streq(entry, "key-changed") ||
            streq(entry, "repaired") || streq(entry, "dropped"))
                return -EINVAL;
        r = check_order(l, entry, own);
        if (r < 0)
                return r;
        return append(l, entry, own, ret_jws);
}

int ledger_append_own(Ledger *l, const char *entry, json_t *claims) {
        _cleanup_(json_decrefp) json_t *own = claims;

        return append(l, entry, own, NULL);
}

int ledger_set_signer(Ledger *l, Signer *signer) {
        _cleanup_(json_decrefp) json_t *claims = NULL;
        int r;

        if (l->failed)
                return -ENOTRECOVERABLE;
        if (!streq(signer_typ(signer), signer_typ(l->signer)) ||
            streq(signer_key_id(signer), signer_key_id(l->signer)))
                return -EINVAL;

        r = entry_key_change(l->signer, signer, &claims);
        if (r < 0)
                return r;
        r = ledger_add_key(l, signer);
        if (r < 0) {
                l->failed = true;
                return r;
        }
        r = append(l, "key-changed", claims, NULL);
        if (r < 0)
                return r;

        l->signer = signer;
        return 0;
}

bool ledger_failed(const Ledger *l) {
        return l->failed;
}

json_t *ledger_keys(const Ledger *l) {
        return json_deep_copy(l->keys);
}

uint64_t ledger_sequence(const Ledger *l) {
        return l->sequence;
}

const char *ledger_head(const Ledger *l) {
        return l->head;
}
