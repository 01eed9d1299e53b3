/* SPDX-License-Identifier: Apache-2.0 */

#include "capture-device.h"
#include "log.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* GStreamer's messages do not carry the errno, and their texts are translated: ask the kernel again. */
Outcome device_opening_outcome(const char *node, Outcome otherwise) {
        _cleanup_close_ int fd = -1;

        fd = open(node, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0)
                return otherwise;

        switch (errno) {
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ENXIO:
                return OUTCOME_CAMERA_NONE;
        case EBUSY:
                return OUTCOME_CAMERA_BUSY;
        case EACCES:
        case EPERM:
                return OUTCOME_CAMERA_DENIED;
        default:
                return otherwise;
        }
}

static bool leads_to(const char *node, const struct stat *device) {
        struct stat st;

        return stat(node, &st) >= 0 && S_ISCHR(st.st_mode) && st.st_rdev == device->st_rdev;
}

Outcome device_check(int fd, const CameraCandidate *camera, bool software) {
        CameraIdentity identity;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return OUTCOME_CAMERA_LOST;
        r = camera_identity_read_fd(fd, &identity);
        if (r < 0) {
                log_debug("the camera's identity cannot be read: %s", strerror(-r));
                return OUTCOME_CAMERA_LOST;
        }

        if (!streq(identity.name, camera->name) || !leads_to(camera->node, &st))
                return OUTCOME_CAMERA_CHANGED;
        if (identity.backing != CAMERA_PHYSICAL && !software)
                return OUTCOME_CAMERA_REFUSED;
        return OUTCOME_EXAMINED;
}

static uint32_t fourcc_of(const GstStructure *mode) {
        static const struct {
                const char *format;
                uint32_t fourcc;
        } formats[] = {
                { "NV12", V4L2_PIX_FMT_NV12 },
                { "YUY2", V4L2_PIX_FMT_YUYV },
                { "GRAY8", V4L2_PIX_FMT_GREY },
        };
        const char *format = gst_structure_get_string(mode, "format");

        for (size_t i = 0; format && i < ELEMENTSOF(formats); i++)
                if (streq(format, formats[i].format))
                        return formats[i].fourcc;
        return V4L2_PIX_FMT_MJPEG;
}

/* Drivers have two names for some formats. */
static bool same_format(uint32_t is, uint32_t wanted) {
        return is == wanted || (wanted == V4L2_PIX_FMT_MJPEG && is == V4L2_PIX_FMT_JPEG) ||
               (wanted == V4L2_PIX_FMT_NV12 && is == V4L2_PIX_FMT_NV12M);
}

Outcome device_check_mode(int fd, const GstCaps *mode) {
        const GstStructure *wanted = gst_caps_get_structure(mode, 0);
        struct v4l2_format f = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
        uint32_t format, width, height;
        int w = 0, h = 0;

        if (ioctl(fd, VIDIOC_G_FMT, &f) >= 0) {
                format = f.fmt.pix.pixelformat;
                width = f.fmt.pix.width;
                height = f.fmt.pix.height;
        } else {
                f = (struct v4l2_format) { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE };
                if (ioctl(fd, VIDIOC_G_FMT, &f) < 0)
                        return errno == ENODEV ? OUTCOME_CAMERA_LOST : OUTCOME_CAMERA_FORMAT;
                format = f.fmt.pix_mp.pixelformat;
                width = f.fmt.pix_mp.width;
                height = f.fmt.pix_mp.height;
        }

        (void) gst_structure_get_int(wanted, "width", &w);
        (void) gst_structure_get_int(wanted, "height", &h);
        if (!same_format(format, fourcc_of(wanted)))
                return OUTCOME_CAMERA_FORMAT;
        return (int) width == w && (int) height == h ? OUTCOME_EXAMINED : OUTCOME_CAMERA_SIZE;
}
