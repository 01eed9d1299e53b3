/* SPDX-License-Identifier: Apache-2.0 */

/* What likenessd looks after by itself. The linker puts this file's camera, clock and disk in place, and its minutes are
 * milliseconds. */

#include "watch.h"
#include "cameras.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include <cmocka.h>

static struct {
        bool camera, only_metadata, cameras_fail, synchronised, statvfs_fails;
        CameraBacking backing;
        uint64_t free_bytes, free_files;
        unsigned looks;
} terminal;

int __wrap_cameras_list(Cameras *ret);
int __wrap_cameras_list(Cameras *ret) {
        terminal.looks++;
        *ret = (Cameras) {};
        if (terminal.cameras_fail)
                return -EACCES;
        if (!terminal.camera && !terminal.only_metadata)
                return 0;
        ret->all = calloc(1, sizeof(*ret->all));
        ret->all[0].node = strdup("/dev/video0");
        ret->all[0].captures = terminal.camera;
        ret->all[0].identity.backing = terminal.backing;
        ret->n = 1;
        return 0;
}

bool __wrap_entry_clock_synchronised(void);
bool __wrap_entry_clock_synchronised(void) {
        return terminal.synchronised;
}

int __wrap_statvfs64(const char *path, struct statvfs *ret);
int __wrap_statvfs64(const char *path, struct statvfs *ret) {
        assert_string_equal(path, "/state");
        *ret = (struct statvfs) { .f_frsize = 4096, .f_bavail = terminal.free_bytes / 4096, .f_files = 1000,
                                  .f_favail = terminal.free_files };
        errno = EIO;
        return terminal.statvfs_fails ? -1 : 0;
}

int __real_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t callback, void *userdata);
int __wrap_sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec,
                uint64_t accuracy, sd_event_time_handler_t callback, void *userdata) {
        assert_int_equal(usec, WATCH_SEC * USEC_PER_SEC);
        return __real_sd_event_add_time_relative(e, ret, clock, usec / 10000, 1, callback, userdata);
}

int __real_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec);
int __wrap_sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec) {
        return __real_sd_event_source_set_time_relative(s, usec / 10000);
}

static const char *said(char buffer[static 4096]) {
        ssize_t n;
        int fd = STDERR_FILENO;

        n = pread(fd, buffer, 4095, 0);
        buffer[n > 0 ? n : 0] = '\0';
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return buffer;
}

typedef struct World {
        sd_event *event;
        Watch *watch;
        Configuration policy;
        Manifest manifest;
        Model models[1];
        int saved;
} World;

static int setup(void **state) {
        World *w = calloc(1, sizeof(*w));
        int fd = memfd_create("said", MFD_CLOEXEC);

        memset(&terminal, 0, sizeof(terminal));
        terminal.camera = terminal.synchronised = true;
        terminal.free_bytes = WATCH_DISK_BYTES;
        terminal.free_files = 64;
        w->saved = dup(STDERR_FILENO);
        (void) dup2(fd, STDERR_FILENO);
        close(fd);
        assert_true(sd_event_new(&w->event) >= 0);
        *state = w;
        return 0;
}

static void begin(World *w, bool software_camera, const Manifest *manifest) {
        const WatchSetup watch_setup = { .state = "/state", .software_camera = software_camera, .manifest = manifest,
                                          .configuration = &w->policy };

        assert_int_equal(watch_new(&w->watch, w->event, &watch_setup), 0);
}

static int teardown(void **state) {
        World *w = *state;

        watch_free(w->watch);
        sd_event_unref(w->event);
        (void) dup2(w->saved, STDERR_FILENO);
        close(w->saved);
        free(w);
        return 0;
}

/* Until it has looked once more. */
static void minute(World *w) {
        unsigned looks = terminal.looks;

        while (terminal.looks == looks)
                assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
}

static void test_all_is_well(void **state) {
        World *w = *state;
        char text[4096];

        begin(w, false, NULL);
        assert_int_equal(watch_problems(w->watch), 0);
        minute(w);
        minute(w);
        assert_string_equal(said(text), "");
}

static void test_said_once_and_when_it_is_over(void **state) {
        World *w = *state;
        char text[4096];

        begin(w, false, NULL);
        terminal.camera = false;
        terminal.only_metadata = true;
        terminal.synchronised = false;
        terminal.free_bytes = WATCH_DISK_BYTES - 4096;
        assert_int_equal(watch_problems(w->watch),
                         problem_bit(PROBLEM_NO_CAMERA) | problem_bit(PROBLEM_CLOCK_NOT_SYNCHRONISED) |
                                         problem_bit(PROBLEM_DISK_NEARLY_FULL));
        assert_string_equal(said(text), "");           /* who asks is told; the log is for what lasts */
        minute(w);
        assert_string_equal(said(text),
                            "test-watch: no camera that may be used was found; connect one\n"
                            "test-watch: there is little space left for the ledger; free some before no check can be made "
                            "any more\n"
                            "test-watch: the clock is not synchronised, and receipts say so; see timedatectl\n");
        minute(w);
        assert_string_equal(said(text), "");
        terminal.camera = true;
        terminal.synchronised = true;
        minute(w);
        assert_string_equal(said(text),
                            "test-watch: there is a camera again\ntest-watch: the clock is synchronised again\n");
        assert_int_equal(watch_problems(w->watch), problem_bit(PROBLEM_DISK_NEARLY_FULL));
}

/* What is there and may not be used helps nobody. */
static void test_a_camera_that_policy_does_not_want(void **state) {
        char pattern[] = "usb-046d:*";
        World *w = *state;

        begin(w, false, NULL);
        terminal.backing = CAMERA_VIRTUAL;
        assert_int_equal(watch_problems(w->watch), problem_bit(PROBLEM_NO_CAMERA));
        w->policy.software_cameras = true;
        minute(w);
        assert_int_equal(watch_problems(w->watch), 0);
        w->policy.cameras[CAMERA_ROLE_FACE].pattern = pattern;
        minute(w);
        assert_int_equal(watch_problems(w->watch), problem_bit(PROBLEM_NO_CAMERA));
}

static void test_files_left(void **state) {
        World *w = *state;

        terminal.free_files = 63;
        begin(w, false, NULL);
        assert_int_equal(watch_problems(w->watch), problem_bit(PROBLEM_DISK_NEARLY_FULL));
}

/* What cannot be seen is no problem. */
static void test_nothing_to_see(void **state) {
        World *w = *state;

        terminal.cameras_fail = terminal.statvfs_fails = true;
        begin(w, false, NULL);
        assert_int_equal(watch_problems(w->watch), 0);
}

static void test_software_camera(void **state) {
        World *w = *state;

        terminal.camera = false;
        begin(w, true, NULL);
        assert_int_equal(watch_problems(w->watch), 0);
}

static void test_models(void **state) {
        char present[] = "/proc/self/exe", absent[] = "/proc/self/exe/model.onnx";
        World *w = *state;

        w->models[0].path = present;
        w->manifest.models[0] = w->models[0];
        w->manifest.n_models = 1;
        begin(w, false, &w->manifest);
        assert_int_equal(watch_problems(w->watch), 0);
        w->manifest.models[0].path = absent;
        minute(w);
        assert_int_equal(watch_problems(w->watch), problem_bit(PROBLEM_MODELS_UNUSABLE));
}

/* Everybody may read the property, as often as he likes. */
static void test_who_asks_often_costs_nothing(void **state) {
        World *w = *state;

        begin(w, false, NULL);
        for (unsigned i = 0; i < 1000; i++)
                (void) watch_problems(w->watch);
        assert_in_range(terminal.looks, 1, 60);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_all_is_well, setup, teardown),
                cmocka_unit_test_setup_teardown(test_said_once_and_when_it_is_over, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_camera_that_policy_does_not_want, setup, teardown),
                cmocka_unit_test_setup_teardown(test_files_left, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nothing_to_see, setup, teardown),
                cmocka_unit_test_setup_teardown(test_software_camera, setup, teardown),
                cmocka_unit_test_setup_teardown(test_models, setup, teardown),
                cmocka_unit_test_setup_teardown(test_who_asks_often_costs_nothing, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
