/* SPDX-License-Identifier: Apache-2.0 */

#include "notify.h"
#include "clock.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/* What follows a line's end would be another message. */
static void notify_status(const char *state, const char *what, const char *problem) {
        (void) sd_notifyf(false, "%s\nSTATUS=%s: %.*s", state, what, (int) strcspn(problem, "\n"), problem);
}

void notify_ready(const char *problem) {
        if (problem)
                notify_status("READY=1", "No check can be made", problem);
        else
                (void) sd_notify(false, "READY=1\nSTATUS=Ready.");
}

void notify_reloading(void) {
        /* Type=notify-reload, which systemd has since version 253, needs the time; older ones ignore it */
        (void) sd_notifyf(false, "RELOADING=1\nSTATUS=Reading the configuration anew.\nMONOTONIC_USEC=%" PRIu64,
                        now_monotonic_usec());
}

void notify_not_reloaded(const char *problem) {
        notify_status("READY=1", "The configuration is not taken", problem);
}

void notify_stopping(void) {
        (void) sd_notify(false, "STOPPING=1\nSTATUS=Ending.");
}
