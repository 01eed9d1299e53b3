/* SPDX-License-Identifier: Apache-2.0 */

/* v4l2-mock COMMAND ARGUMENT…: runs a command to which /dev/video0 is a camera, and exits as it does.
 *
 * MOCK_CAMERA_CLIP=FILE           the camera sends the pictures of this MJPEG AVI, at its size and rate
 * MOCK_CAMERA_MODE=YUYV:640x480@30  or sends a pattern: YUYV, NV12 or GREY (this is the default)
 *
 * MOCK_CAMERA_VANISH_AFTER=N      it is unplugged after this many frames
 * MOCK_CAMERA_BUSY=1              another program streams from it
 *
 * LD_PRELOAD must name umockdev's library and dup-shim. */

#include "avi.h"
#include "macro.h"
#include "v4l2-mock.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FRAMES_MAX 4096

static bool parse_mode(const char *s, MockMode *ret) {
        char fourcc[5] = "";
        MockMode mode = {};

        if (sscanf(s, "%4[A-Z0-9]:%ux%u@%u", fourcc, &mode.width, &mode.height, &mode.rate) != 4 ||
                        mode.width == 0 || mode.width > 1280 || mode.height == 0 || mode.height > 720 ||
                        mode.rate == 0)
                return false;

        mode.fourcc = v4l2_fourcc(fourcc[0], fourcc[1], fourcc[2], fourcc[3]);
        *ret = mode;
        return mode.fourcc == V4L2_PIX_FMT_YUYV || mode.fourcc == V4L2_PIX_FMT_NV12 ||
                        mode.fourcc == V4L2_PIX_FMT_GREY;
}

static int configure(V4l2Mock *m, Bytes frames[static FRAMES_MAX]) {
        const char *clip = getenv("MOCK_CAMERA_CLIP"), *mode = getenv("MOCK_CAMERA_MODE");
        const char *vanish = getenv("MOCK_CAMERA_VANISH_AFTER");
        MockConfig config = {
                .vanish_after = vanish ? (uint32_t) strtoul(vanish, NULL, 10) : 0,
                .set_format_error = getenv("MOCK_CAMERA_BUSY") ? EBUSY : 0,
        };
        AviKind kind = {};

        if (clip) {
                config.frames = frames;
                config.n_frames = avi_read(clip, frames, FRAMES_MAX, &kind);
                config.modes[0] = (MockMode){ V4L2_PIX_FMT_MJPEG, kind.width, kind.height, kind.rate };
                if (config.n_frames == 0 || kind.rate == 0) {
                        fprintf(stderr, "v4l2-mock: %s holds no pictures\n", clip);
                        return -1;
                }
        } else if (!parse_mode(mode ? mode : "YUYV:640x480@30", &config.modes[0])) {
                fprintf(stderr, "v4l2-mock: MOCK_CAMERA_MODE=%s: not understood\n", mode);
                return -1;
        }

        v4l2_mock_configure(m, &config);
        return 0;
}

/* For services that run as other users. */
static int open_to_all(V4l2Mock *m) {
        const char *bed = getenv("UMOCKDEV_DIR");
        char socket[512];

        (void) snprintf(socket, sizeof(socket), "%s/ioctl" MOCK_DEVICE, bed);
        if (chmod(bed, 0755) < 0 || chmod(socket, 0666) < 0)
                return -1;
        return chmod(v4l2_mock_node(m), 0666);
}

int main(int argc, char **argv) {
        Bytes *frames = calloc(FRAMES_MAX, sizeof(Bytes));
        int status, result = EXIT_FAILURE;
        V4l2Mock *m;
        pid_t pid;

        if (argc < 2 || !frames) {
                fprintf(stderr, "Usage: v4l2-mock COMMAND ARGUMENT…\n");
                free(frames);
                return 2;
        }

        m = v4l2_mock_new();
        if (!m)
                fprintf(stderr, "v4l2-mock: LD_PRELOAD lacks libumockdev-preload.so.0\n");
        else if (open_to_all(m) < 0)
                perror("v4l2-mock");
        else if (configure(m, frames) == 0) {
                pid = fork();
                if (pid == 0) {
                        (void) execvp(argv[1], argv + 1);
                        perror(argv[1]);
                        _exit(127);
                }
                if (pid > 0 && waitpid(pid, &status, 0) == pid)
                        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }

        (void) v4l2_mock_free(m);
        for (size_t i = 0; i < FRAMES_MAX; i++)
                bytes_done(&frames[i]);
        free(frames);
        return result;
}
