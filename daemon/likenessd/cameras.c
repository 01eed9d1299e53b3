/* SPDX-License-Identifier: Apache-2.0 */

#include "cameras.h"
#include "macro.h"

#include <errno.h>
#include <systemd/sd-device.h>

static sd_device_enumerator *enumerator_free(sd_device_enumerator *e) {
        return sd_device_enumerator_unref(e);
}
DEFINE_CLEANUP(sd_device_enumerator *, enumerator_free);

/* udev's v4l_id tells capture nodes from the metadata nodes that come with them. */
static bool device_captures(sd_device *device) {
        const char *capabilities;

        return sd_device_get_property_value(device, "ID_V4L_CAPABILITIES", &capabilities) >= 0 &&
               strstr(capabilities, ":capture:");
}

int cameras_find(char **ret_node) {
        _cleanup_(enumerator_freep) sd_device_enumerator *e = NULL;
        int r;

        r = sd_device_enumerator_new(&e);
        if (r < 0)
                return r;
        r = sd_device_enumerator_add_match_subsystem(e, "video4linux", /* match= */ true);
        if (r < 0)
                return r;

        for (sd_device *d = sd_device_enumerator_get_device_first(e); d;
             d = sd_device_enumerator_get_device_next(e)) {
                const char *node;

                if (!device_captures(d) || sd_device_get_devname(d, &node) < 0)
                        continue;

                *ret_node = strdup(node);
                return *ret_node ? 0 : -ENOMEM;
        }

        return -ENODEV;
}
