/* SPDX-License-Identifier: Apache-2.0 */

#include "attempts.h"
#include "macro.h"

#include <errno.h>

typedef struct Tried {
        uint64_t sequence;             /* of the opening entry */
        uint64_t opened;               /* milliseconds of this boot; 0: of an earlier one */
        bool hour_over;                /* the last hour was over before this boot */
        AttemptUse use;
        char *transaction, *operator_id;
} Tried;

/* In the order of their opening entries. */
struct Attempts {
        Tried *tried;
        size_t n, allocated;
};

int attempts_new(Attempts **ret) {
        *ret = calloc(1, sizeof(Attempts));
        return *ret ? 0 : -ENOMEM;
}

static void tried_done(Tried *t) {
        free(TAKE_PTR(t->transaction));
        free(TAKE_PTR(t->operator_id));
}

Attempts *attempts_free(Attempts *a) {
        if (!a)
                return NULL;

        for (size_t i = 0; i < a->n; i++)
                tried_done(&a->tried[i]);
        free(a->tried);
        free(a);
        return NULL;
}

AttemptUse attempt_use(Cause cause, Verdict verdict, bool face_seen) {
        if (cause != CAUSE_VERDICT)
                return face_seen ? USES_TRY : USES_NOTHING;

        switch (verdict) {
        case VERDICT_NO_MATCH:
        case VERDICT_NOT_LIVE:
                return USES_TRY;
        case VERDICT_REFERENCE_UNUSABLE:
        case VERDICT_INCONCLUSIVE:
                return USES_UNCLEAR;
        default:
                return USES_NOTHING;
        }
}

/* An entry from a time to come cannot be; it counts as new. */
static bool within(const Tried *t, uint64_t now, uint64_t window) {
        return t->opened >= now || now - t->opened < window;
}

static bool within_hour(const Tried *t, uint64_t now) {
        return !t->hour_over && within(t, now, ATTEMPTS_HOUR_MSEC);
}

static bool same(const char *a, const char *b) {
        return a && b && streq(a, b);
}

static int make_room(Attempts *a) {
        if (a->n == ATTEMPTS_MAX) {
                tried_done(&a->tried[0]);
                a->n--;
                memmove(&a->tried[0], &a->tried[1], a->n * sizeof(Tried));
        }
        if (a->n == a->allocated) {
                size_t more = a->allocated == 0 ? 64 : a->allocated * 2;
                Tried *tried = reallocarray(a->tried, more, sizeof(Tried));

                if (!tried)
                        return -ENOMEM;
                a->tried = tried;
                a->allocated = more;
        }
        return 0;
}

int attempts_open(Attempts *a, uint64_t sequence, const char *transaction, const char *operator_id, uint64_t now) {
        Tried t = { .sequence = sequence, .opened = now, .use = USES_TRY };
        int r;

        r = make_room(a);
        if (r < 0)
                return r;

        t.transaction = transaction ? strdup(transaction) : NULL;
        t.operator_id = operator_id ? strdup(operator_id) : NULL;
        if ((transaction && !t.transaction) || (operator_id && !t.operator_id)) {
                tried_done(&t);
                return -ENOMEM;
        }
        a->tried[a->n++] = t;
        return 0;
}

void attempts_take_back(Attempts *a) {
        if (a->n > 0)
                tried_done(&a->tried[--a->n]);
}

void attempts_number_last(Attempts *a, uint64_t sequence) {
        if (a->n > 0)
                a->tried[a->n - 1].sequence = sequence;
}

void attempts_close(Attempts *a, uint64_t sequence, AttemptUse use) {
        /* nearly always the last one */
        for (size_t i = a->n; i > 0 && a->tried[i - 1].sequence >= sequence; i--)
                if (a->tried[i - 1].sequence == sequence) {
                        a->tried[i - 1].use = use;
                        return;
                }
}

void attempts_rebooted(Attempts *a, uint64_t last, uint64_t window) {
        size_t kept = 0;

        for (size_t i = 0; i < a->n; i++) {
                Tried *t = &a->tried[i];

                if (!within(t, last, window)) {
                        tried_done(t);
                        continue;
                }
                t->hour_over = !within_hour(t, last);
                t->opened = 0;
                a->tried[kept++] = *t;
        }
        a->n = kept;
}

Standing attempts_standing(const Attempts *a, const char *transaction, uint64_t now, uint64_t window) {
        unsigned number = 0, tries = 0, unclear = 0, left, left_unclear;

        for (size_t i = transaction || a->n == 0 ? 0 : a->n - 1; i < a->n; i++) {
                const Tried *t = &a->tried[i];

                if (!within(t, now, window) || (transaction && !same(t->transaction, transaction)))
                        continue;
                number++;
                tries += t->use == USES_TRY;
                unclear += t->use == USES_UNCLEAR;
        }

        left = tries < ATTEMPTS_TRIES ? ATTEMPTS_TRIES - tries : 0;
        left_unclear = unclear < ATTEMPTS_UNCLEAR ? ATTEMPTS_UNCLEAR - unclear : 0;
        return (Standing) { .number = number, .left = left < left_unclear ? left : left_unclear };
}

unsigned attempts_last_hour(const Attempts *a, const char *operator_id, uint64_t now) {
        unsigned n = 0;

        for (size_t i = 0; i < a->n; i++)
                if ((!operator_id || same(a->tried[i].operator_id, operator_id)) && within_hour(&a->tried[i], now))
                        n++;
        return n;
}

uint64_t attempts_wait(const Attempts *a, const char *operator_id, unsigned per_hour, uint64_t now) {
        unsigned n = 0;

        /* the one with which the hour was full, counted from the newest: when it is over there is room */
        for (size_t i = a->n; i > 0; i--) {
                const Tried *t = &a->tried[i - 1];
                uint64_t age;

                if ((operator_id && !same(t->operator_id, operator_id)) || !within_hour(t, now))
                        continue;
                if (++n < per_hour)
                        continue;
                age = t->opened >= now ? 0 : now - t->opened;
                return ATTEMPTS_HOUR_MSEC - age;
        }
        return 0;
}
