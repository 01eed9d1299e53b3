/* SPDX-License-Identifier: Apache-2.0 */

#include "orders.h"
#include "examiner-protocol.h"
#include "vocabulary.h"

#include <errno.h>
#include <fcntl.h>

static int read_cameras(sd_bus_message *m, CameraCandidate ret[static CAMERA_CANDIDATES_MAX], size_t *ret_n) {
        const char *node, *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(ss)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &node, &name)) > 0) {
                CameraCandidate *c = &ret[*ret_n];

                if (*ret_n >= CAMERA_CANDIDATES_MAX)
                        return -EINVAL;
                ++*ret_n;
                *c = (CameraCandidate) { .node = strdup(node), .name = strdup(name) };
                if (!c->node || !c->name)
                        return -ENOMEM;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 || *ret_n > 0 ? r : -EINVAL;
}

/* On failure what was read so far is left in `order`. */
static int read_examine(sd_bus_message *m, bool demo, ExaminationOrder *order) {
        uint32_t challenge, pace, milliseconds;
        int fd, software, r;

        r = sd_bus_message_read(m, "huu", &fd, &order->width, &order->height);
        if (r >= 0)
                r = read_cameras(m, order->cameras, &order->n_cameras);
        if (r >= 0)
                r = sd_bus_message_read(m, "buuuiiu", &software, &order->view, &challenge, &pace,
                                &order->no_match_below, &order->match_from, &milliseconds);
        if (r < 0)
                return r;
        if (order->width < 1 || order->width > PIXELS_SIDE_MAX || order->height < 1 ||
            order->height > PIXELS_SIDE_MAX || order->view > _CAMERA_VIEW_ALL || pace >= _PACE_MAX ||
            challenge != CHALLENGE_NONE)
                return -EINVAL;

        /* whatever the order says, likenessd's key for real checks never signs for such a camera */
        order->software = software && demo;
        order->pace = (Pace) pace;
        order->time_limit_usec = milliseconds * USEC_PER_MSEC;
        order->reference = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return order->reference < 0 ? -errno : 0;
}

int orders_read_examine(sd_bus_message *m, bool demo, ExaminationOrder *ret) {
        ExaminationOrder order = { .reference = -1 };
        int r;

        r = read_examine(m, demo, &order);
        if (r < 0)
                examination_order_done(&order);
        else
                *ret = order;
        return r;
}

int orders_read_inspect(sd_bus_message *m, bool demo, InspectionOrder *ret) {
        InspectionOrder order = {};
        int software, r;

        r = read_cameras(m, order.cameras, &order.n_cameras);
        if (r >= 0)
                r = sd_bus_message_read(m, "b", &software);
        if (r < 0) {
                inspection_order_done(&order);
                return r;
        }

        order.software = software && demo;
        *ret = order;
        return 0;
}

int orders_answer_examine(sd_bus_message *order, const Findings *f) {
        return sd_bus_reply_method_return(order, EXAMINER_FINDINGS_SIGNATURE, (uint32_t) f->outcome,
                        (uint32_t) f->reason, f->model, f->frames_captured, f->frames_used, f->frames_matched,
                        f->similarity, f->liveness, f->attack_signs, f->camera);
}

static int append_report(sd_bus_message *m, const CameraReport *report) {
        int r;

        r = sd_bus_message_open_container(m, 'r', "ua(uuuu)");
        if (r >= 0)
                r = sd_bus_message_append(m, "u", (uint32_t) report->outcome);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(uuuu)");
        for (size_t i = 0; r >= 0 && i < report->n_modes; i++) {
                const CameraMode *mode = &report->modes[i];

                r = sd_bus_message_append(m, "(uuuu)", mode->fourcc, mode->width, mode->height, mode->rate);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int orders_answer_inspect(sd_bus_message *order, const Inspection *i) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_return(order, &m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ua(uuuu))");
        for (size_t n = 0; r >= 0 && n < inspection_count(i); n++)
                r = append_report(m, inspection_get_report(i, n));
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}
