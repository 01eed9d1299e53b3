/* SPDX-License-Identifier: Apache-2.0 */

/* v4l2-mock COMMAND ARGUMENT…: runs a command to which /dev/video0 is a camera, and exits as it does.
 *
 * MOCK_CAMERA_PLACE="serial=A1 port=2"  where it is and what it says of itself, see mock-place.h
 * MOCK_MORE_CAMERAS="port=3 mode=YUYV:640x480@30 mode=MJPG:1920x1080@30; port=4 software …"
 *                                 as many more, /dev/video1 and so on, in these modes; they are not streamed from.
 *                                 "busy": another program streams; "stuck": its driver does not come back
 *
 * MOCK_CAMERA_CLIP=FILE           the camera sends the pictures of this MJPEG AVI, at its size and rate
 * MOCK_CAMERA_MODE=YUYV:640x480@30  or sends a pattern: YUYV, NV12 or GREY (this is the default)
 *
 * MOCK_CAMERA_VANISH_AFTER=N      it is unplugged after this many frames
 * MOCK_CAMERA_BUSY=1              another program streams from it
 *
 * What a file UMOCKDEV_DIR/control says holds each time that somebody opens the camera:
 *   clip=FILE layout=YUYV fault=frozen after=10 until=20 waking=15 vanish=12 busy
 *
 * LD_PRELOAD must name umockdev's library and mock-shim. */

#include "avi.h"
#include "macro.h"
#include "v4l2-mock.h"

#include <errno.h>
#include <glib.h>
#include <linux/videodev2.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FRAMES_MAX 4096
#define MORE_MAX 8

/* Modes that are told, but not streamed in. */
static bool parse_any_mode(const char *s, MockMode *ret) {
        char fourcc[5] = "";
        MockMode mode = {};

        if (sscanf(s, "%4[A-Z0-9]:%ux%u@%u", fourcc, &mode.width, &mode.height, &mode.rate) != 4 ||
                        mode.width == 0 || mode.height == 0 || mode.rate == 0)
                return false;
        for (size_t i = strlen(fourcc); i < 4; i++)
                fourcc[i] = ' ';

        mode.fourcc = v4l2_fourcc(fourcc[0], fourcc[1], fourcc[2], fourcc[3]);
        *ret = mode;
        return true;
}

static bool parse_mode(const char *s, MockMode *ret) {
        return parse_any_mode(s, ret) && ret->width <= 1280 && ret->height <= 720 &&
               (ret->fourcc == V4L2_PIX_FMT_YUYV || ret->fourcc == V4L2_PIX_FMT_NV12 ||
                ret->fourcc == V4L2_PIX_FMT_GREY);
}

static bool no_other_word(const char *word, void *userdata) {
        return false;
}

static bool add_mode(const char *word, void *userdata) {
        MockConfig *config = userdata;
        size_t n = 0;

        if (streq(word, "busy")) {
                config->set_format_error = EBUSY;
                return true;
        }
        if (streq(word, "stuck")) {
                config->fault = MOCK_FAULT_STUCK_OPENING;
                return true;
        }
        while (n < MOCK_MODES_MAX && config->modes[n].fourcc != 0)
                n++;
        return n < MOCK_MODES_MAX && strncmp(word, "mode=", 5) == 0 && parse_any_mode(word + 5, &config->modes[n]);
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

static bool parse_fault(const char *word, MockFault *ret) {
        static const char *const words[_MOCK_FAULT_MAX] = {
                [MOCK_FAULT_NONE] = "none",
                [MOCK_FAULT_SILENT] = "silent",
                [MOCK_FAULT_CUT_OFF] = "cut-off",
                [MOCK_FAULT_SCRAMBLED] = "scrambled",
                [MOCK_FAULT_OTHER_SIZE] = "other-size",
                [MOCK_FAULT_FROZEN] = "frozen",
                [MOCK_FAULT_COVERED] = "covered",
                [MOCK_FAULT_STALE] = "stale",
                [MOCK_FAULT_SAME_TIME] = "same-time",
                [MOCK_FAULT_IO] = "io",
                [MOCK_FAULT_STUCK] = "stuck",
                [MOCK_FAULT_STUCK_OPENING] = "stuck-opening",
                [MOCK_FAULT_STUCK_CLOSING] = "stuck-closing",
                [MOCK_FAULT_OTHER_FORMAT] = "other-format",
                [MOCK_FAULT_LIES] = "lies",
        };

        for (MockFault f = 0; f < _MOCK_FAULT_MAX; f++)
                if (streq(word, words[f])) {
                        *ret = f;
                        return true;
                }
        return false;
}

static bool control_word(const char *word, MockConfig *config, Bytes *frames) {
        AviKind kind = {};
        char layout[5];

        if (g_str_has_prefix(word, "clip=")) {
                for (size_t i = 0; i < FRAMES_MAX; i++)
                        bytes_done(&frames[i]);
                config->frames = frames;
                config->n_frames = avi_read(word + strlen("clip="), frames, FRAMES_MAX, &kind);
                config->modes[0] = (MockMode) { V4L2_PIX_FMT_MJPEG, kind.width, kind.height, kind.rate };
                config->modes[1] = (MockMode) { V4L2_PIX_FMT_H264, kind.width, kind.height, kind.rate };
                return config->n_frames > 0 && kind.rate > 0;
        }
        if (sscanf(word, "layout=%4[A-Z0-9]", layout) == 1 && strlen(layout) == 4) {
                config->modes[0].fourcc = v4l2_fourcc(layout[0], layout[1], layout[2], layout[3]);
                return true;
        }
        if (g_str_has_prefix(word, "fault="))
                return parse_fault(word + strlen("fault="), &config->fault);
        if (streq(word, "busy")) {
                config->set_format_error = EBUSY;
                return true;
        }
        return sscanf(word, "after=%u", &config->fault_after) == 1 ||
               sscanf(word, "until=%u", &config->fault_until) == 1 ||
               sscanf(word, "waking=%u", &config->waking) == 1 ||
               sscanf(word, "vanish=%u", &config->vanish_after) == 1;
}

/* Each time that the camera is opened. */
static bool obey(MockConfig *config, void *frames) {
        g_autofree char *path = g_strconcat(getenv("UMOCKDEV_DIR"), "/control", NULL), *text = NULL;
        g_auto(GStrv) words = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
                return false;
        words = g_strsplit(g_strstrip(text), " ", -1);
        for (char **word = words; *word; word++)
                if (**word != '\0' && !control_word(*word, config, frames)) {
                        fprintf(stderr, "v4l2-mock: control: %s: not understood\n", *word);
                        return false;
                }
        return config->n_frames > 0;
}

/* For services that run as other users. */
static int open_to_all(V4l2Mock *m, unsigned number) {
        const char *bed = getenv("UMOCKDEV_DIR");
        char socket[512];

        (void) snprintf(socket, sizeof(socket), "%s/ioctl/dev/video%u", bed, number);
        if (chmod(bed, 0755) < 0 || chmod(socket, 0666) < 0)
                return -1;
        return chmod(v4l2_mock_node(m), 0666);
}

static V4l2Mock *first_camera(void) {
        const char *words = getenv("MOCK_CAMERA_PLACE");
        MockPlace place = {};

        if (!words)
                return v4l2_mock_new();
        if (!mock_place_parse(words, &place, no_other_word, NULL)) {
                fprintf(stderr, "v4l2-mock: MOCK_CAMERA_PLACE=%s: not understood\n", words);
                return NULL;
        }
        return v4l2_mock_new_at(&place);
}

static bool add_camera(V4l2Mock *first, const char *words, unsigned number, V4l2Mock **ret) {
        MockPlace place = { .number = number };
        MockConfig config = {};

        if (!mock_place_parse(words, &place, add_mode, &config)) {
                fprintf(stderr, "v4l2-mock: MOCK_MORE_CAMERAS: %s: not understood\n", words);
                return false;
        }
        *ret = v4l2_mock_add(first, &place);
        if (!*ret || open_to_all(*ret, place.number) < 0)
                return false;
        v4l2_mock_configure(*ret, &config);
        return true;
}

static bool add_cameras(V4l2Mock *first, V4l2Mock *more[static MORE_MAX]) {
        const char *cameras = getenv("MOCK_MORE_CAMERAS");
        g_auto(GStrv) all = g_strsplit(cameras ? cameras : "", ";", -1);

        for (unsigned i = 0; all[i]; i++)
                if (i >= MORE_MAX || !add_camera(first, all[i], i + 1, &more[i]))
                        return false;
        return true;
}

/* umockdev 0.17 blocks all signals while it works and remembers what was blocked before in one place for all threads: with
 * two at work everything can stay blocked, here and in what is started from here. */
static void let_signals_in(void) {
        sigset_t none;

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

int main(int argc, char **argv) {
        Bytes *frames = calloc(FRAMES_MAX, sizeof(Bytes));
        V4l2Mock *m, *more[MORE_MAX] = {};
        int status, result = EXIT_FAILURE;
        pid_t pid;

        if (argc < 2 || !frames) {
                fprintf(stderr, "Usage: v4l2-mock COMMAND ARGUMENT…\n");
                free(frames);
                return 2;
        }

        m = first_camera();
        if (!m)
                fprintf(stderr, "v4l2-mock: there is no camera; does LD_PRELOAD name libumockdev-preload.so.0?\n");
        else if (open_to_all(m, 0) < 0)
                perror("v4l2-mock");
        else if (!add_cameras(m, more))
                fprintf(stderr, "v4l2-mock: there are no more cameras\n");
        else if (configure(m, frames) == 0) {
                v4l2_mock_on_open(m, obey, frames);
                let_signals_in();
                pid = fork();
                if (pid == 0) {
                        (void) execvp(argv[1], argv + 1);
                        perror(argv[1]);
                        _exit(127);
                }
                if (pid > 0 && waitpid(pid, &status, 0) == pid)
                        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }

        for (size_t i = 0; i < MORE_MAX; i++)
                (void) v4l2_mock_free(more[i]);
        (void) v4l2_mock_free(m);
        for (size_t i = 0; i < FRAMES_MAX; i++)
                bytes_done(&frames[i]);
        free(frames);
        return result;
}
