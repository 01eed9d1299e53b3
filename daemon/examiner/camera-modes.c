/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-modes.h"
#include "macro.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>

/* A driver that counts for ever is not followed for ever. */
#define FORMATS_MAX 64U
#define SIZES_MAX 64U
#define RATES_MAX 64U

/* What is asked for where a camera names a range of sizes, or none. */
static const struct {
        uint32_t width, height;
} usual_sizes[] = {
        { 3840, 2160 }, { 1920, 1080 }, { 1280, 720 }, { 640, 480 }, { 320, 240 },
};

typedef struct Device {
        int fd;
        enum v4l2_buf_type type;
        CameraReport *report;
} Device;

static int request(int fd, unsigned long code, void *argument) {
        int r;

        do
                r = ioctl(fd, code, argument);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

/* Frames per 1000 s of an interval. */
static uint32_t interval_to_rate(const struct v4l2_fract *interval) {
        uint64_t rate;

        if (interval->numerator == 0)
                return 0;
        rate = (uint64_t) interval->denominator * 1000 / interval->numerator;
        return rate > CAMERA_MODE_RATE_MAX ? CAMERA_MODE_RATE_MAX : (uint32_t) rate;
}

static uint32_t fastest_rate(const Device *d, uint32_t fourcc, uint32_t width, uint32_t height) {
        uint32_t best = 0;

        for (uint32_t i = 0; i < RATES_MAX; i++) {
                struct v4l2_frmivalenum f = { .index = i, .pixel_format = fourcc, .width = width, .height = height };
                uint32_t rate;

                if (request(d->fd, VIDIOC_ENUM_FRAMEINTERVALS, &f) < 0)
                        break;
                if (f.type != V4L2_FRMIVAL_TYPE_DISCRETE)
                        return interval_to_rate(&f.stepwise.min);
                rate = interval_to_rate(&f.discrete);
                best = rate > best ? rate : best;
        }
        return best;
}

static void add_mode(const Device *d, uint32_t fourcc, uint32_t width, uint32_t height) {
        CameraReport *r = d->report;
        CameraMode mode = { .fourcc = fourcc, .width = width, .height = height };

        for (size_t i = 0; i < r->n_modes; i++)
                if (r->modes[i].fourcc == fourcc && r->modes[i].width == width && r->modes[i].height == height)
                        return;
        if (r->n_modes == CAMERA_MODES_MAX || !camera_mode_valid(&mode))
                return;
        mode.rate = fastest_rate(d, fourcc, width, height);
        r->modes[r->n_modes++] = mode;
}

static void add_usual_sizes(const Device *d, uint32_t fourcc, const struct v4l2_frmsize_stepwise *range) {
        for (size_t i = 0; i < ELEMENTSOF(usual_sizes); i++) {
                uint32_t width = usual_sizes[i].width, height = usual_sizes[i].height;

                if (width < range->min_width || width > range->max_width || height < range->min_height ||
                    height > range->max_height ||
                    (range->step_width > 1 && (width - range->min_width) % range->step_width != 0) ||
                    (range->step_height > 1 && (height - range->min_height) % range->step_height != 0))
                        continue;
                add_mode(d, fourcc, width, height);
        }
}

static bool is_planar(const Device *d) {
        return d->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

/* The driver names no sizes: what does it make of those that we would ask for? */
static void try_usual_sizes(const Device *d, uint32_t fourcc) {
        for (size_t i = 0; i < ELEMENTSOF(usual_sizes); i++) {
                struct v4l2_format f = { .type = d->type };

                if (is_planar(d)) {
                        f.fmt.pix_mp = (struct v4l2_pix_format_mplane) {
                                .width = usual_sizes[i].width, .height = usual_sizes[i].height, .pixelformat = fourcc,
                        };
                        if (request(d->fd, VIDIOC_TRY_FMT, &f) >= 0 && f.fmt.pix_mp.pixelformat == fourcc)
                                add_mode(d, fourcc, f.fmt.pix_mp.width, f.fmt.pix_mp.height);
                } else {
                        f.fmt.pix = (struct v4l2_pix_format) {
                                .width = usual_sizes[i].width, .height = usual_sizes[i].height, .pixelformat = fourcc,
                        };
                        if (request(d->fd, VIDIOC_TRY_FMT, &f) >= 0 && f.fmt.pix.pixelformat == fourcc)
                                add_mode(d, fourcc, f.fmt.pix.width, f.fmt.pix.height);
                }
        }
}

static void add_sizes(const Device *d, uint32_t fourcc) {
        for (uint32_t i = 0; i < SIZES_MAX; i++) {
                struct v4l2_frmsizeenum f = { .index = i, .pixel_format = fourcc };

                if (request(d->fd, VIDIOC_ENUM_FRAMESIZES, &f) < 0) {
                        if (i == 0)
                                try_usual_sizes(d, fourcc);
                        return;
                }
                if (f.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
                        add_usual_sizes(d, fourcc, &f.stepwise);
                        return;
                }
                add_mode(d, fourcc, f.discrete.width, f.discrete.height);
        }
}

static void add_formats(const Device *d) {
        for (uint32_t i = 0; i < FORMATS_MAX; i++) {
                struct v4l2_fmtdesc f = { .index = i, .type = d->type };

                if (request(d->fd, VIDIOC_ENUM_FMT, &f) < 0)
                        return;
                /* what the library imitates is not what the camera sends, and v4l2src does not see it */
                if (!(f.flags & V4L2_FMT_FLAG_EMULATED))
                        add_sizes(d, f.pixelformat);
        }
}

/* Drivers refuse to set what is set already while another program streams, and otherwise nothing changes by it. */
static bool is_busy(const Device *d) {
        struct v4l2_format f = { .type = d->type };

        return request(d->fd, VIDIOC_G_FMT, &f) >= 0 && request(d->fd, VIDIOC_S_FMT, &f) == -EBUSY;
}

void camera_modes_read(int fd, CameraReport *ret) {
        struct v4l2_capability capability = {};
        Device d = { .fd = fd, .report = ret };
        uint32_t able;
        int r;

        *ret = (CameraReport) { .outcome = OUTCOME_CAMERA_FORMAT };
        r = request(fd, VIDIOC_QUERYCAP, &capability);
        if (r < 0) {
                ret->outcome = r == -ENODEV ? OUTCOME_CAMERA_NONE : OUTCOME_CAMERA_FORMAT;
                return;
        }

        able = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
        if (able & V4L2_CAP_VIDEO_CAPTURE)
                d.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        else if (able & V4L2_CAP_VIDEO_CAPTURE_MPLANE)
                d.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
        else
                return;

        add_formats(&d);
        ret->outcome = is_busy(&d) ? OUTCOME_CAMERA_BUSY : OUTCOME_EXAMINED;
}
