/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-report.h"

static bool fourcc_valid(uint32_t fourcc) {
        for (unsigned shift = 0; shift < 32; shift += 8) {
                uint32_t c = fourcc >> shift & 0xff;

                if (c < ' ' || c > '~')
                        return false;
        }
        return true;
}

bool camera_mode_valid(const CameraMode *m) {
        return fourcc_valid(m->fourcc) && m->width >= 1 && m->width <= CAMERA_MODE_SIDE_MAX && m->height >= 1 &&
               m->height <= CAMERA_MODE_SIDE_MAX && m->rate <= CAMERA_MODE_RATE_MAX;
}

bool camera_report_valid(const CameraReport *r) {
        switch (r->outcome) {
        case OUTCOME_EXAMINED:
        case OUTCOME_CAMERA_BUSY:
                return r->n_modes <= CAMERA_MODES_MAX;
        case OUTCOME_CAMERA_NONE:
        case OUTCOME_CAMERA_DENIED:
        case OUTCOME_CAMERA_REFUSED:
        case OUTCOME_CAMERA_CHANGED:
        case OUTCOME_CAMERA_FORMAT:
        case OUTCOME_CAMERA_STUCK:
                return r->n_modes == 0;
        default:
                return false;
        }
}

void camera_fourcc_to_string(uint32_t fourcc, char ret[static CAMERA_FOURCC_SIZE]) {
        size_t n = 4;

        for (size_t i = 0; i < n; i++)
                ret[i] = (char) (fourcc >> 8 * i & 0xff);
        while (n > 0 && ret[n - 1] == ' ')
                n--;
        ret[n] = '\0';
}
