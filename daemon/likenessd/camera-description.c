/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-description.h"
#include "cause.h"

#include <stdio.h>
#include <systemd/sd-device.h>

#define LABEL_SIZE 64                  /* the kernel's own limit is 32 */

bool camera_report_has_modes(const CameraReport *r) {
        return r->outcome == OUTCOME_EXAMINED || r->outcome == OUTCOME_CAMERA_BUSY ||
               r->outcome == OUTCOME_CAMERA_FORMAT;
}

CameraFitness camera_fitness(
                const Configuration *policy,
                const Camera *c,
                const CameraReport *report,
                CameraRole role,
                uint32_t *ret_eye_pixels) {

        *ret_eye_pixels = 0;
        if (!camera_backed(c, policy))
                return CAMERA_NO_HARDWARE;
        if (!camera_permitted(c, policy, role))
                return CAMERA_NOT_PINNED;
        if (!report || !camera_report_has_modes(report))
                return CAMERA_NOT_AVAILABLE;
        return camera_modes_fitness(report->modes, report->n_modes, role, ret_eye_pixels);
}

static int append_role(
                sd_bus_message *m,
                const Configuration *policy,
                const Camera *c,
                const CameraReport *report,
                CameraRole role) {

        static const char *const words[_CAMERA_ROLE_MAX] = {
                [CAMERA_ROLE_FACE] = "face", [CAMERA_ROLE_DOCUMENT] = "document",
        };
        static const char *const pixels[_CAMERA_ROLE_MAX] = {
                [CAMERA_ROLE_FACE] = "face-eye-pixels", [CAMERA_ROLE_DOCUMENT] = "document-eye-pixels",
        };
        uint32_t eye_pixels;
        CameraFitness f = camera_fitness(policy, c, report, role, &eye_pixels);
        int r;

        r = sd_bus_message_append(m, "{sv}", words[role], "s", camera_fitness_to_string(f));
        if (r >= 0 && eye_pixels > 0)
                r = sd_bus_message_append(m, "{sv}", pixels[role], "u", eye_pixels);
        return r;
}

static int append_modes(sd_bus_message *m, const CameraReport *report) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "modes");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(suuu)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(suuu)");
        for (size_t i = 0; r >= 0 && report && i < report->n_modes; i++) {
                const CameraMode *mode = &report->modes[i];
                char format[CAMERA_FOURCC_SIZE];

                camera_fourcc_to_string(mode->fourcc, format);
                r = sd_bus_message_append(m, "(suuu)", format, mode->width, mode->height, mode->rate);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* What the device calls itself, as plain ASCII: it can be anything. */
static void read_label(const Camera *c, char ret[static LABEL_SIZE]) {
        _cleanup_(sd_device_unrefp) sd_device *device = NULL;
        const char *label;

        ret[0] = '\0';
        if (sd_device_new_from_devnum(&device, 'c', c->number) < 0 ||
            sd_device_get_sysattr_value(device, "name", &label) < 0)
                return;
        (void) snprintf(ret, LABEL_SIZE, "%s", label);
        for (char *p = ret; *p; p++)
                if (*p < ' ' || *p > '~')
                        *p = '?';
}

static const char *state_word(const Configuration *policy, const Camera *c, const CameraReport *report) {
        if (!camera_backed(c, policy))
                return cause_to_string(CAUSE_CAMERA_REFUSED);
        if (!report)
                return "not-opened";
        return report->outcome == OUTCOME_EXAMINED ? "ready" : cause_to_string(cause_of_outcome(report->outcome));
}

int camera_describe(
                sd_bus_message *m,
                const Configuration *policy,
                const Camera *c,
                const CameraReport *report,
                bool used) {

        char label[LABEL_SIZE];
        CameraKind kind = report ? camera_modes_kind(report->modes, report->n_modes) : CAMERA_KIND_UNKNOWN;
        int r;

        read_label(c, label);
        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}{sv}{sv}", "name", "s", c->identity.name, "node", "s",
                                          c->node, "label", "s", label, "hardware", "b",
                                          (int) (c->identity.backing == CAMERA_PHYSICAL), "state", "s",
                                          state_word(policy, c, report), "kind", "s", camera_kind_to_string(kind));
        if (r >= 0)
                r = append_modes(m, report);
        for (CameraRole role = 0; r >= 0 && role < _CAMERA_ROLE_MAX; role++)
                r = append_role(m, policy, c, report, role);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "used-for-face", "b", (int) used);
        return r < 0 ? r : sd_bus_message_close_container(m);
}
