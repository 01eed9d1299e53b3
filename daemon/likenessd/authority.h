/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stdint.h>
#include <systemd/sd-bus.h>

/* The one gate: asks polkit whether the sender of a message may do something, without waiting for the answer. No
 * answer, a late answer and a strange answer all mean no. Nothing is remembered. A caller who leaves the bus takes his
 * question with him. */

#define ACTION_VERIFY "org.likeness.verifier1.verify"
#define ACTION_DECLINE "org.likeness.verifier1.decline"
#define ACTION_DIAGNOSE "org.likeness.verifier1.diagnose"
#define ACTION_LEDGER "org.likeness.verifier1.ledger"
#define ACTION_MANAGE "org.likeness.verifier1.manage"

typedef struct Authority Authority;

int authority_new(Authority **ret, sd_bus *bus);
/* Drops the checks under way; their messages are not answered. */
Authority *authority_free(Authority *a);
DEFINE_CLEANUP(Authority *, authority_free);

/* Whether polkit did not decide when it was asked last. If so it is asked anew, at most once a second and without waiting:
 * what it answers is known the next time. */
bool authority_polkit_missing(Authority *a);

/* What to do with a message whose sender may; `called_usec` (CLOCK_MONOTONIC) is when it came. As a method handler: a
 * negative result, or an `error` that was set, is sent to the caller. */
typedef int (*AuthorityHandler)(sd_bus_message *m, uint64_t called_usec, void *userdata, sd_bus_error *error);

/* Sends what a method handler left to be sent: `error`, if it is set, or the negative errno `r`. */
void authority_answer(sd_bus_message *m, int r, const sd_bus_error *error);

/* Asks whether the sender of `m` may do `action` (a string that stays; interactively if the message allows it), then
 * calls `handler`, or answers the message with AccessDenied: within 5 s, or 2 minutes more where a person is asked for
 * a password. LimitsExceeded if too many calls, or too many of one user's, wait already. Returns 1, as a method handler
 * that will reply later does. */
int authority_check(Authority *a, sd_bus_message *m, const char *action, AuthorityHandler handler, void *userdata);
