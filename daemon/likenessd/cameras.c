/* SPDX-License-Identifier: Apache-2.0 */

#include "cameras.h"
#include "macro.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-device.h>

void cameras_done(Cameras *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->all[i].node);
                free(c->all[i].seat);
        }
        free(c->all);
        *c = (Cameras) {};
}

/* udev's v4l_id tells capture nodes from the metadata nodes that come with them. */
static bool device_captures(sd_device *device) {
        const char *capabilities;

        return sd_device_get_property_value(device, "ID_V4L_CAPABILITIES", &capabilities) >= 0 &&
               strstr(capabilities, ":capture:");
}

static int cameras_add(Cameras *c, sd_device *device) {
        const char *node, *seat = NULL;
        CameraIdentity identity;
        Camera *all, *camera;

        if (sd_device_get_devname(device, &node) < 0 || camera_identity_read(device, &identity) < 0)
                return 0;

        all = reallocarray(c->all, c->n + 1, sizeof(*all));
        if (!all)
                return -ENOMEM;
        c->all = all;
        camera = &c->all[c->n];
        *camera = (Camera) { .identity = identity, .captures = device_captures(device) };
        c->n++;

        camera->node = strdup(node);
        if (!camera->node)
                return -ENOMEM;
        if (sd_device_get_property_value(device, "ID_SEAT", &seat) < 0)
                return 0;
        camera->seat = strdup(seat);
        return camera->seat ? 0 : -ENOMEM;
}

/* video2 before video10 */
static int compare_cameras(const void *a, const void *b) {
        const Camera *x = a, *y = b;

        return strverscmp(x->node, y->node);
}

static int cameras_read(Cameras *c) {
        _cleanup_(sd_device_enumerator_unrefp) sd_device_enumerator *e = NULL;
        int r;

        r = sd_device_enumerator_new(&e);
        if (r < 0)
                return r;
        /* what udev has not seen yet has none of the properties that are asked for below */
        r = sd_device_enumerator_allow_uninitialized(e);
        if (r < 0)
                return r;
        r = sd_device_enumerator_add_match_subsystem(e, "video4linux", /* match= */ true);
        if (r < 0)
                return r;

        for (sd_device *d = sd_device_enumerator_get_device_first(e); d;
             d = sd_device_enumerator_get_device_next(e)) {
                r = cameras_add(c, d);
                if (r < 0)
                        return r;
        }
        if (c->n > 1)
                qsort(c->all, c->n, sizeof(*c->all), compare_cameras);
        return 0;
}

int cameras_list(Cameras *ret) {
        Cameras c = {};
        int r;

        r = cameras_read(&c);
        if (r < 0)
                cameras_done(&c);
        else
                *ret = c;
        return r;
}

/* No seat is seat0, for devices and for callers. */
static const char *seat_or_default(const char *seat) {
        return isempty(seat) ? SEAT_DEFAULT : seat;
}

const Camera *cameras_choose(const Cameras *c, const char *seat) {
        for (size_t i = 0; i < c->n; i++)
                if (c->all[i].captures && streq(seat_or_default(c->all[i].seat), seat_or_default(seat)))
                        return &c->all[i];

        return NULL;
}

int cameras_find(const char *seat, CameraCandidate *ret) {
        const Camera *chosen;
        Cameras c = {};
        int r;

        r = cameras_list(&c);
        if (r < 0)
                return r;

        chosen = cameras_choose(&c, seat);
        if (chosen) {
                *ret = (CameraCandidate) { .node = strdup(chosen->node), .name = strdup(chosen->identity.name) };
                r = ret->node && ret->name ? 0 : -ENOMEM;
        } else
                r = -ENODEV;
        cameras_done(&c);
        return r;
}
