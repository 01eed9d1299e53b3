/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <systemd/sd-event.h>

/* Where memory is wanting a caller could be left without an answer, or a check without its end. The service ends then: the
 * bus tells its callers, the service manager starts it again, and its ledger closes what was open. Any other error is left
 * to the caller of this, because ending for it would let somebody end the service. */
static inline void end_without_memory(sd_event *event, int error) {
        if (error == -ENOMEM)
                (void) sd_event_exit(event, error);
}
