/* SPDX-License-Identifier: Apache-2.0 */

#include "cameras.h"
#include "macro.h"

#include <errno.h>
#include <fnmatch.h>
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

        (void) sd_device_get_devnum(device, &camera->number);
        if (sd_device_get_usec_initialized(device, &camera->since_usec) < 0)
                camera->since_usec = 0;
        camera->node = strdup(node);
        if (!camera->node)
                return -ENOMEM;
        if (sd_device_get_property_value(device, "ID_SEAT", &seat) < 0)
                return 0;
        camera->seat = strdup(seat);
        return camera->seat ? 0 : -ENOMEM;
}

/* video2 before video10 */
static int compare_nodes(const void *a, const void *b) {
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
                qsort(c->all, c->n, sizeof(*c->all), compare_nodes);
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

bool camera_captures_at(const Camera *c, const char *seat) {
        return c->captures && streq(seat_or_default(c->seat), seat_or_default(seat));
}

static bool named(const Camera *c, const char *pattern) {
        return fnmatch(pattern, c->identity.name, 0) == 0;
}

static bool wanted(const Camera *c, const Configuration *policy, CameraRole role) {
        const char *pattern = policy->cameras[role].pattern;

        return !pattern || named(c, pattern);
}

bool camera_backed(const Camera *c, const Configuration *policy) {
        return c->identity.backing == CAMERA_PHYSICAL || policy->software_cameras;
}

bool camera_permitted(const Camera *c, const Configuration *policy, CameraRole role) {
        return c->captures && wanted(c, policy, role) && camera_backed(c, policy);
}

static bool wanted_elsewhere(const Camera *c, const Configuration *policy, CameraRole role) {
        for (CameraRole other = 0; other < _CAMERA_ROLE_MAX; other++)
                if (other != role && policy->cameras[other].pattern && named(c, policy->cameras[other].pattern))
                        return true;
        return false;
}

/* Whether `a` is to be tried before `b`. Names have their device before their interface and that before their
 * stream, so that a camera's first stream, the coloured one, comes before its infrared one. */
static bool better(const Camera *a, const Camera *b, const Configuration *policy, CameraRole role) {
        bool hardware[] = { a->identity.backing == CAMERA_PHYSICAL, b->identity.backing == CAMERA_PHYSICAL };
        bool elsewhere[] = { wanted_elsewhere(a, policy, role), wanted_elsewhere(b, policy, role) };
        int names;

        if (hardware[0] != hardware[1])
                return hardware[0];
        if (elsewhere[0] != elsewhere[1])
                return elsewhere[1];
        names = strverscmp(a->identity.name, b->identity.name);
        return (names != 0 ? names : strverscmp(a->node, b->node)) < 0;
}

/* Keeps the best ones in order. */
static size_t insert(
                const Camera *best[static CAMERA_CANDIDATES_MAX],
                size_t n,
                const Camera *c,
                const Configuration *policy,
                CameraRole role) {

        size_t i = n;

        while (i > 0 && better(c, best[i - 1], policy, role))
                i--;
        if (i == CAMERA_CANDIDATES_MAX)
                return n;
        if (n < CAMERA_CANDIDATES_MAX)
                n++;
        memmove(best + i + 1, best + i, (n - i - 1) * sizeof(*best));
        best[i] = c;
        return n;
}

void camera_candidates_free(CameraCandidates *c) {
        camera_candidates_done(c->all, c->n);
        c->n = 0;
}

static int copy_candidates(const Camera *const *best, size_t n, CameraCandidates *ret) {
        CameraCandidates copy = {};

        for (; copy.n < n; copy.n++) {
                copy.all[copy.n] = (CameraCandidate) {
                        .node = strdup(best[copy.n]->node),
                        .name = strdup(best[copy.n]->identity.name),
                };
                if (!copy.all[copy.n].node || !copy.all[copy.n].name) {
                        copy.n++;
                        camera_candidates_free(&copy);
                        return -ENOMEM;
                }
        }
        *ret = copy;
        return 0;
}

int cameras_choose(
                const Cameras *c,
                const char *seat,
                const Configuration *policy,
                CameraRole role,
                CameraCandidates *ret,
                const Camera **ret_refused) {

        const Camera *best[CAMERA_CANDIDATES_MAX], *refused = NULL;
        bool captures = false;
        size_t n = 0;

        *ret = (CameraCandidates) {};
        for (size_t i = 0; i < c->n; i++) {
                const Camera *camera = &c->all[i];

                if (!camera_captures_at(camera, seat))
                        continue;
                captures = true;
                if (!wanted(camera, policy, role))
                        continue;
                if (camera_backed(camera, policy))
                        n = insert(best, n, camera, policy, role);
                else if (!refused)
                        refused = camera;
        }

        if (n > 0)
                return copy_candidates(best, n, ret);
        *ret_refused = refused;
        return refused ? CAMERAS_SOFTWARE : captures ? CAMERAS_NOT_PINNED : CAMERAS_NONE;
}

static bool same_device(const Camera *a, const Camera *b) {
        return streq(a->identity.name, b->identity.name) && a->identity.backing == b->identity.backing &&
               streq(a->node, b->node) && a->number == b->number && a->since_usec == b->since_usec;
}

/* The camera of `c` that is `camera` (at `seat`), or with `name_only` has its name. */
static const Camera *find(const Cameras *c, const char *seat, const Camera *camera, bool name_only) {
        for (size_t i = 0; i < c->n; i++)
                if (camera_captures_at(&c->all[i], seat) &&
                    (name_only ? streq(c->all[i].identity.name, camera->identity.name) :
                                 same_device(&c->all[i], camera)))
                        return &c->all[i];
        return NULL;
}

static bool is_candidate(const CameraCandidates *candidates, const Camera *c) {
        for (size_t i = 0; i < candidates->n; i++)
                if (streq(candidates->all[i].name, c->identity.name) && streq(candidates->all[i].node, c->node))
                        return true;
        return false;
}

CameraChange cameras_compare(
                const Cameras *before,
                const Cameras *after,
                const char *seat,
                const CameraCandidates *candidates,
                const Camera **ret_which) {

        const Camera *which = NULL;

        for (size_t i = 0; i < before->n; i++) {
                const Camera *camera = &before->all[i];

                if (!camera_captures_at(camera, seat) || find(after, seat, camera, /* name_only= */ false))
                        continue;
                which = camera;
                if (is_candidate(candidates, camera) && !find(after, seat, camera, /* name_only= */ true)) {
                        *ret_which = which;
                        return CAMERAS_LOST;
                }
        }
        for (size_t i = 0; i < after->n && !which; i++)
                if (camera_captures_at(&after->all[i], seat) &&
                    !find(before, seat, &after->all[i], /* name_only= */ false))
                        which = &after->all[i];

        *ret_which = which;
        return which ? CAMERAS_CHANGED : CAMERAS_SAME;
}
