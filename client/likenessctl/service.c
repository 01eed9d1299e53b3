/* SPDX-License-Identifier: Apache-2.0 */

#include "service.h"

#include <errno.h>
#include <stdio.h>

int service_connect(sd_bus **ret, char **reterr_message) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        r = sd_bus_open_system(ret);
        if (r >= 0)
                return 0;

        if (asprintf(reterr_message, "The system bus cannot be reached%s%s: %s. Is D-Bus running?",
                            address ? " at " : "", address ? address : "", strerror(-r)) < 0)
                *reterr_message = NULL;
        return r;
}
