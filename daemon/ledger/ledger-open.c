/* SPDX-License-Identifier: Apache-2.0 */

/* Opening: what is there is checked, what an interrupted write left is repaired, what was interrupted is closed. */

#include "ledger-internal.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define TAIL_REWRITTEN (UINT64_C(64) * 1024)   /* bytes */

/* What a walk over the last segment found. */
typedef struct Walk {
        SegmentText text;
        size_t whole;                  /* bytes of whole lines */
        SegmentLine last;
        uint64_t open;                 /* sequence of an opening without closing, or 0 */
} Walk;

static void walk_done(Walk *w) {
        segment_text_done(&w->text);
}

static int unusable(const Ledger *l, int error, const char *what) {
        return log_message_errno(LOG_ERR, error, MESSAGE_LEDGER_UNUSABLE, "Cannot %s the ledger in %s: %m", what,
                                 l->path);
}

static int altered(const Ledger *l, uint64_t sequence, const char *what) {
        return log_message_errno(LOG_ERR, -EUCLEAN, MESSAGE_LEDGER_ALTERED,
                                 "The ledger in %s was altered: entry %" PRIu64 " %s. It is not written to.", l->path,
                                 sequence, what);
}

/* The hash of a file's last line; -EUCLEAN if its last line is not whole. */
static int last_hash(int directory, uint64_t first, char ret[static RECEIPT_HASH_SIZE]) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        const char *newline;
        size_t begin;
        int r;

        r = segment_read(directory, first, UINT64_MAX, &text);
        if (r < 0)
                return r;
        if (text.size < 2 || text.text[text.size - 1] != '\n')
                return -EUCLEAN;

        newline = memrchr(text.text, '\n', text.size - 1);
        begin = newline ? (size_t) (newline - text.text) + 1 : 0;
        receipt_hash(text.text + begin, text.size - 1 - begin, ret);
        return 0;
}

/* Takes over what the last segment's summary says, and sees that the segment before ends where it says. Segments before
 * may be gone (retention), but not only the last of them. */
static int begin_walk(Ledger *l, Walk *w, const json_t *claims) {
        const char *previous = entry_text(claims, "previous");
        uint64_t first = l->segments.firsts[l->segments.n - 1];
        char hash[RECEIPT_HASH_SIZE] = "";
        int r;

        if (!entry_is(claims, "segment") || entry_number(claims, "first") != first ||
            entry_number(claims, "entries") + 1 != first)
                return altered(l, first, "does not sum up what came before");
        if (strlen(previous) >= sizeof(l->head))
                return altered(l, first, "has no hash of the entry before");

        if (l->segments.n > 1) {
                r = last_hash(l->directory, l->segments.firsts[l->segments.n - 2], hash);
                if (r < 0 && r != -EUCLEAN)
                        return unusable(l, r, "read");
                if (r < 0 || !streq(hash, previous))
                        return altered(l, first, "does not follow the file before");
        } else if ((first == 1) != isempty(previous))
                return altered(l, first, "has no hash of the entry before");

        l->sequence = first - 1;
        (void) memcpy(l->head, previous, strlen(previous) + 1);
        l->latest = entry_number(claims, "latest");
        w->open = entry_number(claims, "open");
        return 0;
}

/* Takes one whole line: it must be the next entry and hold the hash of the one before. */
static int walk_line(Ledger *l, Walk *w, SegmentLine line) {
        _cleanup_(json_decrefp) json_t *claims = NULL;
        uint64_t sequence, time;
        int r;

        sequence = l->segments.firsts[l->segments.n - 1] + l->entries;
        r = receipt_read(line.text, line.size, NULL, &claims);
        if (r < 0)
                return altered(l, sequence, "is not a receipt");
        w->last = line;

        if (l->entries == 0) {
                r = begin_walk(l, w, claims);
                if (r < 0)
                        return r;
        }
        if (entry_number(claims, "sequence") != sequence)
                return altered(l, sequence, "has another number");
        if (!streq(entry_text(claims, "previous"), l->head))
                return altered(l, sequence, "does not follow the one before");

        if (entry_is(claims, "opened"))
                w->open = sequence;
        else if (entry_is(claims, "closed"))
                w->open = 0;
        time = entry_number(claims, "time");
        if (time > l->latest)
                l->latest = time;
        receipt_hash(line.text, line.size, l->head);
        l->sequence = sequence;
        l->entries++;
        return 0;
}

/* The chain makes every line's hash part of the last line's claims, so the last signature vouches for all lines. It must
 * be our own key's, or that of a key which names ours as its successor, and ours agrees. */
static int check_end(Ledger *l, const Walk *w) {
        _cleanup_(json_decrefp) json_t *header = NULL, *claims = NULL, *same = NULL;
        const char *next;
        int r;

        r = receipt_verify(l->keys, signer_typ(l->signer), w->last.text, w->last.size, &claims);
        if (r == -ENOMEM)
                return unusable(l, r, "check");
        if (r == -ENOKEY)
                return altered(l, l->sequence, "was signed by a key that is not in keys.json");
        if (r < 0)
                return altered(l, l->sequence, "has a bad signature");
        if (entry_is(claims, "key-changed") && !entry_key_change_proved(claims, signer_typ(l->signer)))
                return altered(l, l->sequence, "changes to a key that does not agree");

        r = receipt_read(w->last.text, w->last.size, &header, &same);
        if (r < 0)
                return altered(l, l->sequence, "is not a receipt");
        next = entry_next_key(header, claims);
        if (!next || !streq(next, signer_key_id(l->signer)))
                return log_message_errno(LOG_ERR, -ENOKEY, MESSAGE_LEDGER_ALTERED,
                                         "The ledger in %s goes on with the signing key %s, this one is %s.", l->path,
                                         next ? next : "(none)", signer_key_id(l->signer));
        return 0;
}

/* Entries of two names in one ledger would never verify again. */
static int check_name(const Ledger *l, const Walk *w) {
        _cleanup_(json_decrefp) json_t *claims = NULL;
        int r;

        r = receipt_read(w->last.text, w->last.size, NULL, &claims);
        if (r < 0)
                return altered(l, l->sequence, "is not a receipt");
        if (!streq(entry_text(claims, "terminal"), l->terminal))
                return log_message_errno(LOG_ERR, -EREMCHG, MESSAGE_LEDGER_OTHER_NAME,
                                         "The ledger in %s is that of the terminal %s, and this one is called %s.",
                                         l->path, entry_text(claims, "terminal"), l->terminal);
        return 0;
}

/* Walks over the last file. Returns how many whole lines it has. */
static int walk_segment(Ledger *l, Walk *w) {
        SegmentLine line;
        int r;

        r = segment_read(l->directory, l->segments.firsts[l->segments.n - 1], UINT64_MAX, &w->text);
        if (r < 0)
                return unusable(l, r, "read");

        l->entries = 0;
        while (segment_next_line(&w->text, &w->whole, &line)) {
                r = walk_line(l, w, line);
                if (r < 0)
                        return r;
        }
        return (int) l->entries;
}

/* The claims of the opening that has no closing, which can be in an earlier file. */
static int find_opening(Ledger *l, uint64_t sequence) {
        _cleanup_(segment_text_done) SegmentText text = { 0 };
        _cleanup_(json_decrefp) json_t *claims = NULL;
        SegmentLine line;
        size_t i = l->segments.n, offset = 0;
        int r;

        while (i > 0 && l->segments.firsts[i - 1] > sequence)
                i--;
        if (i == 0)
                return altered(l, sequence, "is missing");
        r = segment_read(l->directory, l->segments.firsts[i - 1], UINT64_MAX, &text);
        if (r < 0)
                return unusable(l, r, "read");

        for (uint64_t n = l->segments.firsts[i - 1]; n <= sequence; n++)
                if (!segment_next_line(&text, &offset, &line))
                        return altered(l, sequence, "is missing");
        r = receipt_verify(l->keys, signer_typ(l->signer), line.text, line.size, &claims);
        if (r == -ENOMEM)
                return unusable(l, r, "check");
        if (r < 0 || !entry_is(claims, "opened") || entry_number(claims, "sequence") != sequence)
                return altered(l, sequence, "is not the opening that it was");

        l->opening = TAKE_PTR(claims);
        return 0;
}

/* Records that bytes without an end were cut off. */
static int record_repair(Ledger *l, const char *bytes, size_t size, int64_t offset) {
        _cleanup_(json_decrefp) json_t *claims = NULL;
        char hash[RECEIPT_HASH_SIZE];

        receipt_hash(bytes, size, hash);
        claims = json_pack("{s:I,s:s}", "bytes", (json_int_t) size, "hash", hash);
        if (!claims)
                return unusable(l, -ENOMEM, "record a repair of");

        log_message(LOG_WARNING, MESSAGE_LEDGER_REPAIRED,
                    "The ledger in %s ended in %zu bytes of an entry that was never finished; they are cut off.",
                    l->path, size);
        return ledger_write(l, "repaired", claims, offset, NULL);
}

/* Makes the file's end certain. What the last run wrote may be in the page cache only and, after a failed fsync, count as
 * clean: it is written once more. The entry that records the repair goes over the torn bytes, so that a crash in between
 * leaves torn bytes again and never an unrecorded cut. */
static int settle_tail(Ledger *l, const Walk *w) {
        uint64_t first = l->segments.firsts[l->segments.n - 1], from;
        int r;

        from = w->whole > TAIL_REWRITTEN ? w->whole - TAIL_REWRITTEN : 0;
        l->file = segment_open(l->directory, first, O_WRONLY);
        if (l->file < 0)
                return unusable(l, l->file, "open");
        r = write_whole(l->file, w->text.text + from, w->whole - from, (int64_t) from);
        if (r < 0)
                return unusable(l, r, "write");
        if (fsync(l->file) < 0)
                return unusable(l, -errno, "sync");

        l->size = w->whole;
        if (w->text.size > w->whole) {
                r = record_repair(l, w->text.text + w->whole, w->text.size - w->whole, (int64_t) w->whole);
                if (r < 0)
                        return r;
        }

        (void) safe_close(l->file);
        l->file = segment_open(l->directory, first, O_WRONLY | O_APPEND);
        return l->file < 0 ? unusable(l, l->file, "open") : 0;
}

/* A file that was begun and has no whole line yet: its bytes are recorded in the file before, then it goes. */
static int remove_stub(Ledger *l, uint64_t first, const SegmentText *bytes) {
        int r;

        if (first > l->sequence + 1)
                return altered(l, l->sequence + 1, "is missing");
        if (l->sequence > 0 && bytes->size > 0) {
                r = record_repair(l, bytes->text, bytes->size, -1);
                if (r < 0)
                        return r;
        }
        r = segment_remove(l->directory, first);
        return r < 0 ? unusable(l, r, "remove an unfinished file of") : 0;
}

/* Reads and settles the last file that has a whole line. */
static int recover_files(Ledger *l) {
        _cleanup_(walk_done) Walk stub = { 0 }, w = { 0 };
        uint64_t stub_first = 0;
        int r = 0;

        if (l->segments.n > 0) {
                r = walk_segment(l, &stub);
                if (r < 0)
                        return r;
                if (r == 0)
                        stub_first = l->segments.firsts[--l->segments.n];
                else {
                        w = stub;
                        stub = (Walk) { 0 };
                }
        }
        if (stub_first > 0 && l->segments.n > 0) {
                r = walk_segment(l, &w);
                if (r < 0)
                        return r;
                if (r == 0)
                        return altered(l, l->segments.firsts[l->segments.n - 1], "is missing");
        }

        if (w.whole > 0) {
                r = check_end(l, &w);
                if (r >= 0)
                        r = check_name(l, &w);
                if (r >= 0 && w.open > 0)
                        r = find_opening(l, w.open);
                if (r >= 0)
                        r = ledger_add_key(l, l->signer);
                if (r >= 0)
                        r = settle_tail(l, &w);
                if (r < 0)
                        return r;
        }
        return stub_first > 0 ? remove_stub(l, stub_first, &stub.text) : 0;
}

static int recover(Ledger *l) {
        char code[32];
        json_t *claims;
        int r;

        ledger_load_mark(l);
        r = recover_files(l);
        if (r < 0)
                return r;
        if (fsync(l->directory) < 0)
                return unusable(l, -errno, "sync");

        if (l->sequence == 0) {
                r = ledger_add_key(l, l->signer);
                if (r >= 0)
                        r = ledger_begin_segment(l);
                if (r < 0)
                        return r;
        }
        if (!l->opening)
                return 0;

        claims = entry_closing_of(l->opening);
        if (!claims || json_object_set_new(claims, "cause", json_string("interrupted")) < 0) {
                json_decref(claims);
                return unusable(l, -ENOMEM, "close an interrupted opening in");
        }
        (void) snprintf(code, sizeof(code), "%s", entry_text(claims, "support-code"));
        r = ledger_append(l, "closed", claims, NULL);
        if (r >= 0)
                log_check(LOG_NOTICE, MESSAGE_CHECK_INTERRUPTED, code,
                          "was under way when the service ended; closed: interrupted");
        return r;
}

/* The directory is ours alone, and one process writes in it. */
static int lock_directory(Ledger *l) {
        struct stat st;

        l->directory = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (l->directory < 0 || fstat(l->directory, &st) < 0)
                return unusable(l, -errno, "open");
        if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
                return log_message_errno(LOG_ERR, -EPERM, MESSAGE_LEDGER_UNUSABLE,
                                         "The ledger's directory %s is not ours alone: %m", l->path);
        if (flock(l->directory, LOCK_EX | LOCK_NB) < 0) {
                int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

                return unusable(l, r, "lock");
        }
        return 0;
}

int ledger_open_sized(Ledger **ret, const LedgerSetup *setup, unsigned segment_entries) {
        _cleanup_(ledger_freep) Ledger *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return log_message_errno(LOG_ERR, -ENOMEM, MESSAGE_LEDGER_UNUSABLE, "Cannot open the ledger: %m");
        l->file = l->directory = -1;
        l->signer = setup->signer;
        l->segment_entries = segment_entries;
        l->path = strdup(setup->directory);
        l->terminal = strdup(setup->terminal);
        if (!l->path || !l->terminal)
                return log_message_errno(LOG_ERR, -ENOMEM, MESSAGE_LEDGER_UNUSABLE, "Cannot open the ledger: %m");
        r = entry_boot_id(l->boot);
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_LEDGER_UNUSABLE, "Cannot read the boot id: %m");

        r = lock_directory(l);
        if (r >= 0)
                r = ledger_load_keys(l);
        if (r < 0)
                return r;
        r = segment_list(l->directory, &l->segments);
        if (r < 0)
                return unusable(l, r, "list");
        r = recover(l);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(l);
        return 0;
}

int ledger_open(Ledger **ret, const LedgerSetup *setup) {
        return ledger_open_sized(ret, setup, LEDGER_SEGMENT_ENTRIES);
}
