/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "macro.h"

#include <stdint.h>
#include <systemd/sd-event.h>

/* Copies every entry of a ledger to the journal, in order, and remembers how far it came. It has no key and checks no
 * signature: who receives the copies does. A copy can come twice (after a crash of the courier the last one, after a
 * start of the machine a few), which changes nothing for who counts by signature and sequence number. */

typedef struct Courier Courier;

/* All of it is borrowed and must outlive the courier. */
typedef struct CourierSetup {
        const char *ledger;            /* directory; read only; may come later, or be replaced */
        const char *state;             /* directory for the file "position" */
        const char *socket;            /* of the journal: native protocol */
        uint64_t again_from;           /* begin at this entry, whatever the position says; 0: do not */
} CourierSetup;

/* Begins to work as the event loop runs. -EBUSY if another courier works with this state. All errors are logged. */
int courier_new(Courier **ret, sd_event *event, const CourierSetup *setup);
Courier *courier_free(Courier *c);
DEFINE_CLEANUP(Courier *, courier_free);
