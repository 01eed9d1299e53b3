/* SPDX-License-Identifier: Apache-2.0 */

/* The audit itself: the order of the entries, what each says of itself, and checkpoints. */

#include "audit-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WORDS_SIZE 512

static const char *const kinds[_AUDIT_KIND_MAX] = {
        [AUDIT_MALFORMED] = "malformed",
        [AUDIT_SIGNATURE] = "bad-signature",
        [AUDIT_UNKNOWN_KEY] = "unknown-key",
        [AUDIT_TYP] = "wrong-typ",
        [AUDIT_KEY_SWAP] = "key-swap",
        [AUDIT_KEY_CHANGE] = "bad-key-change",
        [AUDIT_REVOKED] = "revoked-key",
        [AUDIT_CHAIN] = "broken-chain",
        [AUDIT_HOLE] = "hole",
        [AUDIT_REORDERED] = "reordered",
        [AUDIT_DUPLICATE] = "duplicate",
        [AUDIT_FORK] = "fork",
        [AUDIT_BEGINNING] = "no-beginning",
        [AUDIT_SEGMENT] = "bad-segment",
        [AUDIT_TERMINAL] = "other-terminal",
        [AUDIT_KIND] = "unknown-entry",
        [AUDIT_CLAIMS] = "bad-claims",
        [AUDIT_FORBIDDEN] = "forbidden-claim",
        [AUDIT_UNCLOSED] = "unclosed",
        [AUDIT_CLOSED_TWICE] = "closed-twice",
        [AUDIT_NOT_OPENED] = "not-opened",
        [AUDIT_CLOSING_DIFFERS] = "closing-differs",
        [AUDIT_TRUNCATED] = "truncated",
        [AUDIT_CHECKPOINT] = "checkpoint-mismatch",
        [AUDIT_TIME] = "time-backwards",
};

const char *audit_kind_to_string(AuditKind kind) {
        return (unsigned) kind < _AUDIT_KIND_MAX ? kinds[kind] : NULL;
}

void audit_found(Audit *a, AuditKind kind, bool warning, uint64_t sequence, const char *format, ...) {
        char words[WORDS_SIZE];
        AuditFinding finding = { kind, warning, a->summary.lines, sequence, words };
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(words, sizeof(words), format, arguments);
        va_end(arguments);

        if (warning)
                a->summary.warnings++;
        else
                a->summary.errors++;
        if (a->setup.found)
                a->setup.found(&finding, a->setup.userdata);
}

uint64_t audit_count(const json_t *claims, const char *name) {
        json_int_t value = json_integer_value(json_object_get(claims, name));

        return value > 0 ? (uint64_t) value : 0;
}

const char *audit_word(const json_t *claims, const char *name) {
        return json_string_value(json_object_get(claims, name)) ?: "";
}

static size_t checkpoints_count(const json_t *checkpoints) {
        return json_is_array(checkpoints) ? json_array_size(checkpoints) : checkpoints ? 1 : 0;
}

static const json_t *checkpoint_at(const json_t *checkpoints, size_t i) {
        return json_is_array(checkpoints) ? json_array_get(checkpoints, i) : checkpoints;
}

const char *audit_checkpoints_problem(const json_t *checkpoints) {
        for (size_t i = 0; i < checkpoints_count(checkpoints); i++) {
                const json_t *c = checkpoint_at(checkpoints, i);

                if (audit_word(c, "terminal")[0] == '\0' || strlen(audit_word(c, "hash")) != RECEIPT_HASH_SIZE - 1 ||
                                audit_count(c, "sequence") == 0)
                        return "is no checkpoint: {\"terminal\", \"sequence\", \"hash\", …}";
        }
        return NULL;
}

int audit_new(Audit **ret, const AuditSetup *setup) {
        _cleanup_(audit_freep) Audit *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->setup = *setup;
        a->n_checkpoints = checkpoints_count(setup->checkpoints);

        if (audit_checkpoints_problem(setup->checkpoints))
                return -EINVAL;
        a->checkpoint_seen = calloc(a->n_checkpoints + 1, sizeof(bool));
        a->introduced = json_object();
        if (!a->checkpoint_seen || !a->introduced)
                return -ENOMEM;

        *ret = TAKE_PTR(a);
        return 0;
}

Audit *audit_free(Audit *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n_open; i++)
                json_decref(a->open[i].claims);
        json_decref(a->introduced);
        free(a->checkpoint_seen);
        free(a->terminal);
        free(a);
        return NULL;
}

void audit_set_userdata(Audit *a, void *userdata) {
        a->setup.userdata = userdata;
}

bool audit_missing(const Audit *a, uint64_t sequence) {
        for (size_t i = 0; i < a->n_holes; i++)
                if (sequence >= a->holes[i].first && sequence <= a->holes[i].last)
                        return true;
        return false;
}

static void tell_hole(Audit *a, const Hole *h) {
        if (h->first == h->last)
                audit_error(a, AUDIT_HOLE, h->first, "entry %" PRIu64 " is missing", h->first);
        else
                audit_error(a, AUDIT_HOLE, h->first, "entries %" PRIu64 " to %" PRIu64 " are missing", h->first, h->last);
}

/* When there are too many, the oldest is forgotten. In what was collected, a hole may still be filled: it is told at the
 * end, or when it is forgotten. */
static void add_hole(Audit *a, uint64_t first, uint64_t last) {
        if (a->n_holes == HOLES_MAX) {
                if (a->setup.collected)
                        tell_hole(a, &a->holes[0]);
                memmove(&a->holes[0], &a->holes[1], --a->n_holes * sizeof(Hole));
        }
        a->holes[a->n_holes++] = (Hole) { first, last };
}

/* An entry of a hole turned up. */
static void fill_hole(Audit *a, uint64_t sequence) {
        for (size_t i = 0; i < a->n_holes; i++) {
                Hole *h = &a->holes[i];

                if (sequence < h->first || sequence > h->last)
                        continue;
                if (sequence == h->first)
                        h->first++;
                else if (sequence == h->last)
                        h->last--;
                else {
                        uint64_t last = h->last;

                        h->last = sequence - 1;
                        add_hole(a, sequence + 1, last);
                        return;
                }
                if (h->first > h->last) {
                        a->n_holes--;
                        memmove(h, h + 1, (a->n_holes - i) * sizeof(Hole));
                }
                return;
        }
}

static const Recent *recent(const Audit *a, uint64_t sequence) {
        const Recent *r = &a->recent[sequence % RECENT_MAX];

        return sequence > 0 && r->sequence == sequence ? r : NULL;
}

/* An entry with a number that was passed: out of order, repeated, or a second one with the same number. */
static bool take_late(Audit *a, const Entry *e) {
        const Recent *before = recent(a, e->sequence), *previous = recent(a, e->sequence - 1);

        if (before && !streq(before->hash, e->hash)) {
                audit_error(a, AUDIT_FORK, e->sequence, "there are two different signed entries with the number %" PRIu64
                                                        ": the ledger was continued from an old copy", e->sequence);
                return false;
        }
        if (before || !audit_missing(a, e->sequence)) {
                audit_found(a, AUDIT_DUPLICATE, a->setup.collected, e->sequence,
                                "entry %" PRIu64 " was there before", e->sequence);
                return false;
        }

        audit_found(a, AUDIT_REORDERED, a->setup.collected, e->sequence, "entry %" PRIu64 " is not in its place",
                        e->sequence);
        if (previous && !streq(previous->hash, audit_word(e->claims, "previous")))
                audit_error(a, AUDIT_CHAIN, e->sequence, "does not follow the entry before it");
        fill_hole(a, e->sequence);
        a->summary.missing -= a->summary.missing > 0;
        return true;
}

static void begin(Audit *a, const Entry *e) {
        a->summary.first = e->sequence;
        if (e->sequence == 1) {
                if (!isempty(audit_word(e->claims, "previous")))
                        audit_error(a, AUDIT_CHAIN, 1, "entry 1 cannot follow another one");
        } else if (e->kind == ENTRY_SEGMENT) {
                a->summary.retained = true;
                a->summary.before = e->sequence - 1;
        } else
                audit_found(a, AUDIT_BEGINNING, a->setup.collected, e->sequence,
                                "begins with entry %" PRIu64 ", which does not sum up what came before", e->sequence);
}

/* True if the entry is a new one: in its place, behind a hole, or out of order. */
static bool take_place(Audit *a, const Entry *e) {
        if (a->expected == 0)
                begin(a, e);
        else if (e->sequence < a->expected)
                return take_late(a, e);
        else if (e->sequence > a->expected) {
                if (!a->setup.collected)
                        tell_hole(a, &(Hole) { a->expected, e->sequence - 1 });
                add_hole(a, a->expected, e->sequence - 1);
                a->summary.missing += e->sequence - a->expected;
        } else if (a->head[0] != '\0' && !streq(a->head, audit_word(e->claims, "previous")))
                audit_error(a, AUDIT_CHAIN, e->sequence, "does not follow the entry before it: one of them was replaced");

        audit_key_use(a, e);
        a->expected = e->sequence + 1;
        memcpy(a->head, e->hash, sizeof(a->head));
        a->summary.last = e->sequence;
        a->summary.time = e->time;
        return true;
}

/* Against the entry before: a clock that is set back is no proof of anything, so this is a warning. */
static void check_time(Audit *a, const Entry *e) {
        const char *boot = audit_word(e->claims, "boot");
        bool synchronised = streq(audit_word(e->claims, "clock"), "synchronised"), same = streq(boot, a->boot);
        uint64_t boot_time = audit_count(e->claims, "boot-time");

        if (a->synchronised && synchronised && e->time < a->time)
                audit_warning(a, AUDIT_TIME, e->sequence, "time ran backwards by %" PRIu64 " s, although the clock was "
                                                          "synchronised", a->time - e->time);
        if (same && boot_time < a->boot_time)
                audit_warning(a, AUDIT_TIME, e->sequence, "the time since the terminal's start ran backwards");

        (void) snprintf(a->boot, sizeof(a->boot), "%s", boot);
        a->boot_time = boot_time;
        a->time = e->time;
        a->synchronised = synchronised;
        if (synchronised && e->time > a->time_max)
                a->time_max = e->time;
}

static int check_terminal(Audit *a, const Entry *e) {
        const char *terminal = audit_word(e->claims, "terminal");

        if (!a->terminal) {
                a->terminal = strdup(terminal);
                if (!a->terminal)
                        return -ENOMEM;
        } else if (!streq(terminal, a->terminal))
                audit_error(a, AUDIT_TERMINAL, e->sequence, "is an entry of the terminal %s, not of %s", terminal,
                                a->terminal);
        return 0;
}

static void check_checkpoints(Audit *a, const Entry *e) {
        for (size_t i = 0; i < a->n_checkpoints; i++) {
                const json_t *c = checkpoint_at(a->setup.checkpoints, i);

                if (audit_count(c, "sequence") != e->sequence || a->checkpoint_seen[i] ||
                                (a->setup.collected && !streq(audit_word(c, "terminal"), audit_word(e->claims, "terminal"))))
                        continue;
                a->checkpoint_seen[i] = true;
                if (streq(audit_word(c, "hash"), e->hash))
                        a->summary.checkpoints++;
                else
                        audit_error(a, AUDIT_CHECKPOINT, e->sequence, "is not the entry that the checkpoint was taken of: "
                                                                      "the ledger was rewritten");
        }
}

static bool check_claims(Audit *a, const Entry *e) {
        const char *name;

        switch (claims_check(e->kind, e->claims, &name)) {
        case CLAIMS_MISSING:
                audit_error(a, AUDIT_CLAIMS, e->sequence, "\"%s\" is missing", name);
                return false;
        case CLAIMS_WRONG_TYPE:
                audit_error(a, AUDIT_CLAIMS, e->sequence, "\"%s\" is not what it must be", name);
                return false;
        case CLAIMS_NOT_PERMITTED:
                audit_error(a, AUDIT_CLAIMS, e->sequence, "\"%s\" has no place in an entry \"%s\"", name,
                                entry_kind_to_string(e->kind));
                return true;
        case CLAIMS_FORBIDDEN:
                audit_error(a, AUDIT_FORBIDDEN, e->sequence, "\"%s\" must never be recorded", name);
                return true;
        default:
                return true;
        }
}

static int check_kind(Audit *a, const Entry *e, bool beginning) {
        switch (e->kind) {
        case ENTRY_OPENED:
                audit_opened(a, e);
                return 0;
        case ENTRY_CLOSED:
                audit_closed(a, e);
                return 0;
        case ENTRY_STARTED:
                audit_started(a, e);
                return 0;
        case ENTRY_SEGMENT:
                audit_segment(a, e, beginning);
                return 0;
        case ENTRY_KEY_CHANGED:
                return audit_key_changed(a, e);
        case ENTRY_DROPPED:
                if (audit_count(e->claims, "first") > e->sequence ||
                    audit_count(e->claims, "entries") >= audit_count(e->claims, "first"))
                        audit_error(a, AUDIT_SEGMENT, e->sequence, "says that more was dropped than there was");
                return 0;
        default:
                return 0;
        }
}

/* The line stands where an entry should be. What follows it is compared with what came before by its number only. */
static int pass_over(Audit *a) {
        if (a->setup.collected || a->expected == 0)
                return 0;
        add_hole(a, a->expected, a->expected);
        a->expected++;
        a->head[0] = '\0';
        return 0;
}

static int check_entry(Audit *a, Entry *e) {
        bool beginning = a->expected == 0, late = e->sequence < a->expected;
        int kind = entry_kind_from_string(json_string_value(json_object_get(e->claims, "entry"))), r;

        if (kind < 0)
                audit_error(a, AUDIT_KIND, e->sequence, "is an entry \"%.32s\", which is no kind of entry",
                                audit_word(e->claims, "entry"));
        e->kind = kind < 0 ? _ENTRY_KIND_MAX : (EntryKind) kind;

        if (!take_place(a, e))
                return 0;
        a->recent[e->sequence % RECENT_MAX].sequence = e->sequence;
        memcpy(a->recent[e->sequence % RECENT_MAX].hash, e->hash, sizeof(e->hash));

        r = check_terminal(a, e);
        if (r < 0)
                return r;
        check_checkpoints(a, e);
        if (!late)
                check_time(a, e);
        return kind >= 0 && check_claims(a, e) ? check_kind(a, e, beginning) : 0;
}

int audit_line(Audit *a, const EntryLine *line) {
        json_t *claims = NULL;
        Entry e = {};
        int r = 0;

        a->summary.lines++;
        a->incomplete = !line->ended;
        if (line->size > RECEIPT_SIZE_MAX)
                audit_error(a, AUDIT_MALFORMED, 0, "this line is too long for an entry");
        else
                r = audit_signature(a, line->text, line->size, &claims, &e.key);
        if (r < 0)
                return r;
        if (r == 0)
                return pass_over(a);

        a->summary.entries++;
        e.claims = claims;
        e.sequence = audit_count(claims, "sequence");
        e.time = audit_count(claims, "time");
        receipt_hash(line->text, line->size, e.hash);

        if (e.sequence == 0 || e.sequence >= INT64_MAX) {
                audit_error(a, AUDIT_CLAIMS, 0, "\"sequence\" is missing");
                r = pass_over(a);
        } else {
                r = check_entry(a, &e);
        }
        json_decref(claims);
        return r < 0 ? r : 1;
}

static void checkpoint_end(Audit *a, const json_t *c) {
        uint64_t sequence = audit_count(c, "sequence");
        const char *terminal = audit_word(c, "terminal");

        if (a->terminal && !streq(terminal, a->terminal)) {
                if (!a->setup.collected)
                        audit_error(a, AUDIT_CHECKPOINT, 0, "the checkpoint is of another terminal, %s", terminal);
        } else if (sequence > a->summary.last)
                audit_error(a, AUDIT_TRUNCATED, sequence, "ends with entry %" PRIu64 ", but the checkpoint was taken of entry "
                                                          "%" PRIu64, a->summary.last, sequence);
        else if (sequence < a->summary.first)
                audit_found(a, AUDIT_CHECKPOINT, a->setup.collected, sequence,
                                "begins with entry %" PRIu64 ", behind the checkpoint's entry %" PRIu64
                                ": nothing here can be compared with it", a->summary.first, sequence);
        else
                audit_error(a, AUDIT_CHECKPOINT, sequence, "the checkpoint's entry %" PRIu64 " is not there", sequence);
}

void audit_end(Audit *a) {
        uint64_t lines = a->summary.lines;

        a->summary.lines = 0;          /* what follows concerns the whole */
        audit_attempts_end(a);
        for (size_t i = 0; a->setup.collected && i < a->n_holes; i++)
                tell_hole(a, &a->holes[i]);
        for (size_t i = 0; i < a->n_checkpoints; i++)
                if (!a->checkpoint_seen[i])
                        checkpoint_end(a, checkpoint_at(a->setup.checkpoints, i));
        a->summary.lines = lines;

        a->summary.terminal = a->terminal;
        a->summary.head = a->head;
        a->summary.key = a->current;
}

const AuditSummary *audit_summary(const Audit *a) {
        return &a->summary;
}

json_t *audit_checkpoint(const Audit *a) {
        if (!a->terminal || a->head[0] == '\0')
                return NULL;
        return json_pack("{s:s, s:I, s:s, s:I, s:s}", "terminal", a->terminal, "sequence",
                        (json_int_t) a->summary.last, "hash", a->head, "time", (json_int_t) a->summary.time, "kid",
                        a->current);
}
