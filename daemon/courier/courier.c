/* SPDX-License-Identifier: Apache-2.0 */

#include "courier.h"

#include "follower.h"
#include "journal.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>

#define BATCH 32U                      /* entries between two looks at other events */
#define AGAIN_AFTER_BOOT 8U            /* entries: what journald had taken and not synced when the power went */
#define RETRY_FIRST_USEC (UINT64_C(1) * USEC_PER_SEC)
#define RETRY_LAST_USEC (UINT64_C(30) * USEC_PER_SEC)

#define LEDGER_EVENTS (IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define PARENT_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

struct Courier {
        CourierSetup setup;
        sd_event *event;
        Follower *follower;
        Journal *journal;
        int state;                     /* directory, locked */
        char *parent;                  /* of the ledger's directory */
        char boot[BOOT_ID_SIZE];

        Position position;
        bool following;                /* the follower stands at its place */
        bool unsynced;                 /* the position on disk may be an older one */
        bool position_failed, journal_missing, ledger_failed; /* was said */

        sd_event_source *work;         /* runs as long as there may be something to do */
        sd_event_source *ledger_watch, *parent_watch;
        sd_event_source *room;         /* in the journal's queue */
        sd_event_source *retry;
        uint64_t retry_usec;
};

static void courier_wake(Courier *c) {
        (void) sd_event_source_set_enabled(c->work, SD_EVENT_ON);
}

/* The position: written after each entry, synced when there is no further one. */
static void courier_remember(Courier *c, bool sync) {
        int r;

        r = position_save(c->state, &c->position, sync);
        if (r >= 0)
                c->position_failed = false;
        else if (!c->position_failed) {
                c->position_failed = true;
                log_warning_errno(r, "%s: the position cannot be written, so that entries may come twice: %m",
                                c->setup.state);
        }
        c->unsynced = !sync;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata) {
        courier_wake(userdata);
        return 0;
}

/* Nothing tells when a journald comes, or a disk heals: waits longer each time. */
static int courier_retry_later(Courier *c) {
        int r;

        c->retry_usec = c->retry_usec == 0 ? RETRY_FIRST_USEC : c->retry_usec * 2;
        if (c->retry_usec > RETRY_LAST_USEC)
                c->retry_usec = RETRY_LAST_USEC;

        c->retry = sd_event_source_disable_unref(c->retry);
        r = sd_event_add_time_relative(c->event, &c->retry, CLOCK_MONOTONIC, c->retry_usec, 0, on_retry, c);
        return r < 0 ? log_error_errno(r, "no timer: %m") : 0;
}

static int on_room(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Courier *c = userdata;

        c->room = sd_event_source_disable_unref(c->room);
        courier_wake(c);
        return 0;
}

/* 0 if there is a wait for it now, else a negative errno that ends the courier. */
static int courier_wait_for_journal(Courier *c, int error) {
        int r;

        if (error == -EAGAIN && journal_fd(c->journal) >= 0) {
                log_debug("the journal's queue is full");
                r = sd_event_add_io(c->event, &c->room, journal_fd(c->journal), EPOLLOUT, on_room, c);
                return r < 0 ? log_error_errno(r, "the journal's socket cannot be watched: %m") : 0;
        }
        if (!c->journal_missing)
                log_message_errno(LOG_WARNING, error, MESSAGE_COURIER_NO_JOURNAL,
                                  "%s: the journal takes nothing; the receipts wait in the ledger: %m", c->setup.socket);
        c->journal_missing = true;
        return courier_retry_later(c);
}

/* What a line says of itself. */
typedef struct Receipt {
        json_t *claims;
        uint64_t sequence;
        const char *terminal, *entry;
} Receipt;

static void receipt_done(Receipt *r) {
        json_decref(r->claims);
}

/* The entry's kind goes into words for people: only what looks like one. */
static bool is_kind(const char *s) {
        return !isempty(s) && strlen(s) <= 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz-") == strlen(s);
}

static int read_receipt(const FollowerLine *line, Receipt *ret) {
        json_int_t sequence;

        if (receipt_read(line->text, line->size, NULL, &ret->claims) < 0)
                return -EBADMSG;
        sequence = json_integer_value(json_object_get(ret->claims, "sequence"));
        ret->terminal = entry_text(ret->claims, "terminal");
        ret->entry = entry_text(ret->claims, "entry");
        ret->sequence = sequence > 0 ? (uint64_t) sequence : 0;
        return sequence > 0 && !isempty(ret->terminal) && is_kind(ret->entry) ? 0 : -EBADMSG;
}

static int send_receipt(Courier *c, const FollowerLine *line, const Receipt *r) {
        char message[RECEIPT_SIZE_MAX + 128], sequence[32];

        (void) snprintf(sequence, sizeof(sequence), "%" PRIu64, r->sequence);
        (void) snprintf(message, sizeof(message), "receipt %s of %s: %s", sequence, r->terminal, r->entry);

        const JournalField fields[] = {
                { "MESSAGE", message, strlen(message) },
                { "MESSAGE_ID", MESSAGE_RECEIPT, strlen(MESSAGE_RECEIPT) },
                { "PRIORITY", "6", 1 },
                { "SYSLOG_IDENTIFIER", "likeness-courier", strlen("likeness-courier") },
                { "LIKENESS_TERMINAL", r->terminal, strlen(r->terminal) },
                { "LIKENESS_SEQUENCE", sequence, strlen(sequence) },
                { "LIKENESS_RECEIPT", line->text, line->size },
        };
        return journal_send(c->journal, fields, ELEMENTSOF(fields));
}

/* The journal has it. */
static void courier_advance(Courier *c, const FollowerLine *line, uint64_t sequence) {
        if (c->journal_missing)
                log_message(LOG_NOTICE, MESSAGE_PROBLEM_OVER, "%s: the journal takes receipts again", c->setup.socket);
        c->journal_missing = false;
        c->retry_usec = 0;

        if (c->position.hash[0] != '\0' && sequence > c->position.sequence + 1)
                log_message(LOG_WARNING, MESSAGE_COURIER_GAP,
                            "%s: entries %" PRIu64 " to %" PRIu64 " are not there and were not copied", c->setup.ledger,
                            c->position.sequence + 1, sequence - 1);
        c->position.sequence = sequence;
        receipt_hash(line->text, line->size, c->position.hash);
        memcpy(c->position.boot, c->boot, sizeof(c->boot));
        courier_remember(c, false);
}

/* 1 when the line is dealt with, 0 to wait, or a negative errno that ends the courier. */
static int courier_copy(Courier *c, const FollowerLine *line) {
        _cleanup_(receipt_done) Receipt receipt = { 0 };
        int r;

        if (read_receipt(line, &receipt) < 0) {
                log_warning("%s: passes over a line behind entry %" PRIu64 " that is no receipt", c->setup.ledger,
                            c->position.sequence);
                return 1;
        }

        r = send_receipt(c, line, &receipt);
        if (r == -EMSGSIZE)
                log_warning("%s: entry %" PRIu64 " is too large for the journal", c->setup.ledger, receipt.sequence);
        else if (r < 0)
                return courier_wait_for_journal(c, r);

        courier_advance(c, line, receipt.sequence);
        return 1;
}

static int on_parent(sd_event_source *s, const struct inotify_event *event, void *userdata) {
        courier_wake(userdata);
        return 0;
}

static int on_ledger(sd_event_source *s, const struct inotify_event *event, void *userdata) {
        Courier *c = userdata;

        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) {
                c->ledger_watch = sd_event_source_disable_unref(c->ledger_watch);
                c->following = false;
        }
        courier_wake(c);
        return 0;
}

/* Watches the ledger's directory or, if there is none, the place where it will be: 1, 0, or a negative errno. The
 * parent's watch comes first, so that none that comes in between is missed. */
static int courier_watch(Courier *c) {
        int r;

        if (c->ledger_watch)
                return 1;
        if (!c->parent_watch) {
                r = sd_event_add_inotify(c->event, &c->parent_watch, c->parent, PARENT_EVENTS, on_parent, c);
                if (r < 0)
                        return log_error_errno(r, "%s: cannot be watched: %m", c->parent);
        }

        r = sd_event_add_inotify(c->event, &c->ledger_watch, c->setup.ledger, LEDGER_EVENTS, on_ledger, c);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_error_errno(r, "%s: cannot be watched: %m", c->setup.ledger);
        c->parent_watch = sd_event_source_disable_unref(c->parent_watch);
        return 1;
}

/* Finds the place to go on from: 1, 0 if there is no ledger yet, or a negative errno. */
static int courier_follow(Courier *c) {
        bool rebooted = c->position.boot[0] != '\0' && !streq(c->position.boot, c->boot);
        int r;

        r = courier_watch(c);
        if (r <= 0)
                return r;
        r = follower_seek(c->follower, &c->position, rebooted ? AGAIN_AFTER_BOOT : 0);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        if (r == FOLLOWER_RETIRED)
                log_notice("%s: entry %" PRIu64 " is not there any more, goes on with the first one that is",
                           c->setup.ledger, c->position.sequence);
        if (r == FOLLOWER_REPLACED) {
                log_message(LOG_WARNING, MESSAGE_COURIER_GAP,
                            "%s: entry %" PRIu64 " is not the one that was copied: the ledger was replaced or cut off; "
                            "goes on with its first entry", c->setup.ledger, c->position.sequence);
                c->position = (Position) { 0 };
        }
        c->following = true;
        return 1;
}

/* One step: 1 when there may be more to do, 0 to wait, or a negative errno. */
static int courier_step(Courier *c) {
        FollowerLine line;
        int r;

        if (!c->following) {
                r = courier_follow(c);
                if (r <= 0)
                        return r;
        }
        r = follower_next(c->follower, &line);
        if (r == -ESTALE) {
                c->following = false;
                return 1;
        }
        if (r <= 0)
                return r;

        r = courier_copy(c, &line);
        if (r > 0)
                follower_advance(c->follower);
        return r;
}

static int on_work(sd_event_source *s, void *userdata) {
        Courier *c = userdata;
        int r = 1;

        /* a wait for the journal ends by itself */
        if (c->room) {
                (void) sd_event_source_set_enabled(c->work, SD_EVENT_OFF);
                return 0;
        }

        for (unsigned i = 0; r > 0 && i < BATCH; i++)
                r = courier_step(c);
        if (r > 0)
                return 0;

        (void) sd_event_source_set_enabled(c->work, SD_EVENT_OFF);
        if (r < 0) {
                if (!c->ledger_failed)
                        log_message_errno(LOG_ERR, r, MESSAGE_COURIER_NO_LEDGER, "%s: cannot be read: %m",
                                          c->setup.ledger);
                c->ledger_failed = true;
                c->following = false;
                return courier_retry_later(c);
        }
        c->ledger_failed = false;
        if (c->unsynced)
                courier_remember(c, true);
        return 0;
}

static int courier_open_state(Courier *c) {
        int r;

        c->state = open(c->setup.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (c->state < 0)
                return log_error_errno(-errno, "%s: cannot be opened: %m", c->setup.state);
        if (flock(c->state, LOCK_EX | LOCK_NB) < 0) {
                r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                return log_error_errno(r, "%s: is another courier running? %m", c->setup.state);
        }

        r = position_load(c->state, &c->position);
        if (r == -EBADMSG)
                log_warning("%s/position: is none; all entries are copied again", c->setup.state);
        else if (r < 0)
                return log_error_errno(r, "%s/position: cannot be read: %m", c->setup.state);
        if (c->setup.again_from > 0)
                c->position = (Position) { .sequence = c->setup.again_from };
        return 0;
}

static int courier_name_parent(Courier *c) {
        _cleanup_free_ char *copy = strdup(c->setup.ledger);

        if (!copy)
                return -ENOMEM;
        c->parent = strdup(dirname(copy));
        return c->parent ? 0 : -ENOMEM;
}

int courier_new(Courier **ret, sd_event *event, const CourierSetup *setup) {
        _cleanup_(courier_freep) Courier *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return log_error_errno(-ENOMEM, "cannot begin: %m");
        c->setup = *setup;
        c->event = sd_event_ref(event);
        c->state = -1;

        r = courier_open_state(c);
        if (r < 0)
                return r;
        r = courier_name_parent(c);
        if (r >= 0)
                r = entry_boot_id(c->boot);
        if (r >= 0)
                r = follower_new(&c->follower, setup->ledger);
        if (r >= 0)
                r = journal_new(&c->journal, setup->socket);
        if (r >= 0)
                r = sd_event_add_defer(event, &c->work, on_work, c);
        if (r < 0)
                return log_error_errno(r, "cannot begin: %m");
        courier_wake(c);

        *ret = TAKE_PTR(c);
        return 0;
}

Courier *courier_free(Courier *c) {
        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->work);
        sd_event_source_disable_unref(c->ledger_watch);
        sd_event_source_disable_unref(c->parent_watch);
        sd_event_source_disable_unref(c->room);
        sd_event_source_disable_unref(c->retry);
        if (c->unsynced)
                courier_remember(c, true);
        journal_free(c->journal);
        follower_free(c->follower);
        safe_close(c->state);
        free(c->parent);
        sd_event_unref(c->event);
        free(c);
        return NULL;
}
