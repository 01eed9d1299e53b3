/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "session.h"

#include <systemd/sd-bus.h>

/* Those who are told how one check goes, and nobody else: who asked for it, and further calls with the same nonce. Has
 * the object path of the check's session, sends its signals and answers its calls. */

#define SESSION_PATH "/org/likeness/Verifier1/session"
#define SESSION_INTERFACE "org.likeness.Verifier1.Session"

#define AUDIENCE_MAX 16

typedef struct Audience Audience;

/* Called when the last of them has left the bus. */
typedef void (*AudienceHandler)(Audience *a, void *userdata);

int audience_new(Audience **ret, sd_bus *bus, AudienceHandler left, void *userdata);
Audience *audience_free(Audience *a);
DEFINE_CLEANUP(Audience *, audience_free);

/* The session's object: random, so that paths do not count a terminal's customers. */
const char *audience_path(const Audience *a);

/* Adds the sender of `m`, who is told by signals (Begin). -ENXIO if it is no longer there. */
int audience_add_listener(Audience *a, sd_bus_message *m);
/* Adds the sender of `m`, whose call is answered at the end (Verify, GetResult). -E2BIG if there are too many. */
int audience_add_call(Audience *a, sd_bus_message *m);

bool audience_includes(const Audience *a, const char *sender);

/* Tells all of them, by the signal Prompt. */
void audience_prompt(Audience *a, Prompt prompt, uint32_t progress, uint64_t remaining_usec);
/* Tells all of them, once: calls by a reply, listeners by the signal Finished. */
void audience_finish(Audience *a, const SessionResult *result);
