/* SPDX-License-Identifier: Apache-2.0 */

#include "seat.h"
#include "macro.h"

#include <errno.h>
#include <systemd/sd-login.h>

/* What sd-login says where there is nothing to be found: no such session or user, no logind, no seat. */
static bool is_nothing(int r) {
        return r == -ENODATA || r == -ENOENT || r == -ENXIO || r == -ENOMEDIUM;
}

static int get_sender(sd_bus_message *m, pid_t *ret_pid, uid_t *ret_uid) {
        sd_bus_creds *creds = NULL;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_PID | SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_pid(creds, ret_pid);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret_uid);
        sd_bus_creds_unref(creds);
        return r;
}

int seat_of_sender(sd_bus_message *m, char **ret) {
        _cleanup_free_ char *session = NULL;
        pid_t pid;
        uid_t uid;
        int r;

        *ret = NULL;
        r = get_sender(m, &pid, &uid);
        if (r < 0)
                return r;

        r = sd_pid_get_session(pid, &session);
        if (is_nothing(r))
                r = sd_uid_get_display(uid, &session);
        if (r >= 0)
                r = sd_session_get_seat(session, ret);
        return is_nothing(r) ? 0 : r;
}
