/* SPDX-License-Identifier: Apache-2.0 */

/* An examiner as likenessd has it, at the other end of its socket: which orders it takes, which cameras it opens for
 * them, and what it answers when the camera is not what it was. Link, capture and inspection are the real ones; a script
 * stands in for vision, the networks' files and the sandbox. */

#include "capture.h"
#include "examiner-protocol.h"
#include "examiner.h"
#include "models.h"
#include "sandbox.h"
#include "v4l2-mock.h"
#include "vision/vision.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE (UINT64_C(30) * USEC_PER_SEC)
#define FRAMES 5U                      /* after so many vision is sure */
#define SIDE 16U                       /* of the reference, pixels */
#define SOFTWARE_DEVICE "/dev/video2"
#define SOFTWARE_NAME "virtual@video2"

/* What stands in for the rest of the examiner does; set while no examiner runs. */
static struct Script {
        SandboxPart missing;
        void (*looking)(unsigned frame); /* at each frame, from the examiner's thread */
} script;

static V4l2Mock *camera, *software;

/* --- in the place of others */

SandboxPart sandbox_check(bool decoder) {
        return script.missing;
}

int models_open(const char *manifest, const char *directory, Models **ret, Outcome *reterr_outcome,
                uint32_t *reterr_model) {

        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

Models *models_free(Models *m) {
        free(m);
        return NULL;
}

struct Vision {
        unsigned frames;
};

int vision_new(Vision **ret, const Manifest *manifest, const int *fds, size_t *reterr_model) {
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

Vision *vision_free(Vision *v) {
        free(v);
        return NULL;
}

void vision_set_thresholds(Vision *v, int no_match_below, int match_from) {}

int vision_set_reference(Vision *v, const Image *portrait, Reason *ret_reason) {
        *ret_reason = REASON_NONE;
        return 0;
}

int vision_observe(Vision *v, const Image *frame, Observation *ret) {
        v->frames++;
        if (script.looking)
                script.looking(v->frames);
        *ret = (Observation) { .faces = 1, .enough = v->frames >= FRAMES };
        return 0;
}

int vision_conclude(Vision *v, Findings *findings) {
        findings->frames_used = findings->frames_matched = v->frames;
        findings->similarity = findings->liveness = 1000;
        return 0;
}

/* --- likenessd's end */

typedef struct Link {
        int theirs;
        bool demo;
        pthread_t thread;
        sd_bus *bus;
        int lifeline;
} Link;

static void *examiner_thread(void *userdata) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(examiner_freep) Examiner *examiner = NULL;
        const Link *l = userdata;
        const ExaminerSetup setup = { .models = "/nonexistent", .demo = l->demo };

        if (sd_event_new(&event) >= 0 && examiner_new(&examiner, event, l->theirs, &setup) >= 0)
                (void) sd_event_loop(event);
        return NULL;
}

static Link *link_new(bool demo) {
        Link *l = calloc(1, sizeof(*l));
        int ends[2];
        char hello;

        assert_non_null(l);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        l->theirs = ends[1];
        l->demo = demo;
        l->lifeline = -1;
        assert_int_equal(pthread_create(&l->thread, NULL, examiner_thread, l), 0);

        assert_int_equal(recv(ends[0], &hello, 1, 0), 1);
        assert_int_equal(hello, EXAMINER_HELLO);
        assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        assert_true(sd_bus_new(&l->bus) >= 0);
        assert_true(sd_bus_set_fd(l->bus, ends[0], ends[0]) >= 0);
        assert_true(sd_bus_set_anonymous(l->bus, true) >= 0);
        assert_true(sd_bus_negotiate_fds(l->bus, true) >= 0);
        assert_true(sd_bus_start(l->bus) >= 0);
        return l;
}

/* Hangs up. The lifeline is closed when nobody holds its other end any more: it would end this process. */
static void link_free(Link *l) {
        sd_bus_flush_close_unref(l->bus);
        assert_int_equal(pthread_join(l->thread, NULL), 0);
        safe_close(l->lifeline);
        free(l);
}

static sd_bus_message *new_call(Link *l, const char *member) {
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(l->bus, &m, NULL, EXAMINER_PATH, EXAMINER_INTERFACE, member) >= 0);
        return m;
}

/* The reply, or NULL if the call was refused. Takes the call. */
static sd_bus_message *call(Link *l, sd_bus_message *m) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r = sd_bus_call(l->bus, m, PATIENCE, &error, &reply);

        sd_bus_message_unref(m);
        if (r < 0 && !sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED))
                fail_msg("%s: %s", error.name, error.message);
        sd_bus_error_free(&error);
        return r < 0 ? NULL : reply;
}

static bool attach(Link *l, bool demo) {
        sd_bus_message *m = new_call(l, "Attach");
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        assert_true(sd_bus_message_append(m, "hb", ends[0], (int) demo) >= 0);
        (void) close(ends[0]);
        l->lifeline = ends[1];
        m = call(l, m);
        if (!m)
                return false;
        sd_bus_message_unref(m);
        return true;
}

static void append_camera(sd_bus_message *m, const char *node, const char *name) {
        assert_true(sd_bus_message_append(m, "a(ss)", 1, node, name) >= 0);
}

/* The outcome; -1 if the order is refused. */
static int examine(Link *l, const char *node, const char *name, bool with_software) {
        sd_bus_message *m = new_call(l, "Examine");
        int pixels = memfd_create("reference", MFD_CLOEXEC);
        uint32_t outcome;

        assert_int_equal(ftruncate(pixels, SIDE * SIDE * 3), 0);
        assert_true(sd_bus_message_append(m, "huu", pixels, SIDE, SIDE) >= 0);
        (void) close(pixels);
        append_camera(m, node, name);
        assert_true(sd_bus_message_append(m, "buuuiiu", (int) with_software, 0U, (unsigned) CHALLENGE_NONE,
                                          (unsigned) PACE_NORMAL, 300, 500, 20000U) >= 0);
        m = call(l, m);
        if (!m)
                return -1;
        assert_true(sd_bus_message_has_signature(m, EXAMINER_FINDINGS_SIGNATURE));
        assert_true(sd_bus_message_read(m, "u", &outcome) >= 0);
        sd_bus_message_unref(m);
        return (int) outcome;
}

static int inspect(Link *l, const char *node, const char *name, bool with_software) {
        sd_bus_message *m = new_call(l, "Inspect");
        uint32_t outcome;

        append_camera(m, node, name);
        assert_true(sd_bus_message_append(m, "b", (int) with_software) >= 0);
        m = call(l, m);
        if (!m)
                return -1;
        assert_true(sd_bus_message_enter_container(m, 'a', "(ua(uuuu))") > 0);
        assert_true(sd_bus_message_enter_container(m, 'r', "ua(uuuu)") > 0);
        assert_true(sd_bus_message_read(m, "u", &outcome) >= 0);
        sd_bus_message_unref(m);
        return (int) outcome;
}

/* The outcome of an examiner's one examination, or inspection. */
static int once(int (*order)(Link *, const char *, const char *, bool), bool demo, const char *node, const char *name,
                bool with_software) {

        Link *l = link_new(demo);
        int outcome;

        assert_true(attach(l, demo));
        outcome = order(l, node, name, with_software);
        /* when it is told nothing is open any more */
        assert_true(v4l2_mock_closed(camera));
        assert_true(v4l2_mock_closed(software));
        link_free(l);
        return outcome;
}

/* --- tests */

static void test_examines(void **state) {
        assert_int_equal(once(examine, false, MOCK_DEVICE, MOCK_NAME, false), OUTCOME_EXAMINED);
        assert_int_equal(once(inspect, false, MOCK_DEVICE, MOCK_NAME, false), OUTCOME_EXAMINED);
}

/* Whatever likenessd orders: an examiner that is no demonstration's opens no camera that software made. */
static void test_software_cameras(void **state) {
        assert_int_equal(once(examine, false, SOFTWARE_DEVICE, SOFTWARE_NAME, true), OUTCOME_CAMERA_REFUSED);
        assert_int_equal(once(examine, true, SOFTWARE_DEVICE, SOFTWARE_NAME, false), OUTCOME_CAMERA_REFUSED);
        assert_int_equal(once(examine, true, SOFTWARE_DEVICE, SOFTWARE_NAME, true), OUTCOME_EXAMINED);

        assert_int_equal(once(inspect, false, SOFTWARE_DEVICE, SOFTWARE_NAME, true), OUTCOME_CAMERA_REFUSED);
        assert_int_equal(once(inspect, true, SOFTWARE_DEVICE, SOFTWARE_NAME, false), OUTCOME_CAMERA_REFUSED);
        assert_int_equal(once(inspect, true, SOFTWARE_DEVICE, SOFTWARE_NAME, true), OUTCOME_EXAMINED);
}

/* … nor a recording. */
static void test_recordings(void **state) {
        char path[] = "/tmp/test-examiner.XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        (void) close(fd);
        assert_int_equal(once(examine, false, path, "", true), OUTCOME_CAMERA_NONE);
        (void) unlink(path);
}

/* A large picture on a slow machine takes its time until there is a reference to examine with. */
static void test_an_order_that_comes_late(void **state) {
        Link *l = link_new(false);

        assert_true(attach(l, false));
        (void) usleep(5500000);
        assert_int_equal(examine(l, MOCK_DEVICE, MOCK_NAME, false), OUTCOME_EXAMINED);
        link_free(l);
}

static void exchange_it(unsigned frame) {
        if (frame == FRAMES)
                v4l2_mock_set_serial(camera, "MOCK0009");
}

/* Enough was seen, and then it is another camera: that is no finding. */
static void test_another_camera_in_the_end(void **state) {
        script.looking = exchange_it;
        assert_int_equal(once(examine, false, MOCK_DEVICE, MOCK_NAME, false), OUTCOME_CAMERA_CHANGED);
        v4l2_mock_set_serial(camera, "MOCK0001");
}

/* Enough was seen, and the driver does not come back: there is no answer but that, whatever was found. */
static void test_does_not_close(void **state) {
        const MockConfig config = { .modes = { { V4L2_PIX_FMT_YUYV, 640, 480, 30 } },
                                    .fault = MOCK_FAULT_STUCK_CLOSING };
        Link *l = link_new(false);

        v4l2_mock_configure(camera, &config);
        assert_true(attach(l, false));
        assert_int_equal(examine(l, MOCK_DEVICE, MOCK_NAME, false), OUTCOME_CAMERA_STUCK);
        assert_true(v4l2_mock_stuck(camera));
        v4l2_mock_release(camera);
        link_free(l);
}

/* Nothing is done for a likenessd that is no demonstration's by an examiner that is, or without the sandbox; nor without
 * the lifeline. */
static void test_refused_orders(void **state) {
        Link *l;

        for (unsigned demo = 0; demo < 2; demo++) {
                l = link_new(demo);
                assert_false(attach(l, !demo));
                assert_int_equal(examine(l, MOCK_DEVICE, MOCK_NAME, false), -1);
                assert_int_equal(inspect(l, MOCK_DEVICE, MOCK_NAME, false), -1);
                link_free(l);
        }

        l = link_new(true);
        assert_int_equal(examine(l, MOCK_DEVICE, MOCK_NAME, false), -1);
        assert_int_equal(inspect(l, MOCK_DEVICE, MOCK_NAME, false), -1);
        link_free(l);

        script.missing = SANDBOX_WHOLE + 1;
        l = link_new(false);
        assert_true(attach(l, false));
        assert_int_equal(examine(l, MOCK_DEVICE, MOCK_NAME, false), -1);
        assert_int_equal(inspect(l, MOCK_DEVICE, MOCK_NAME, false), -1);
        link_free(l);
}

static int set_up(void **state) {
        const MockConfig config = { .modes = { { V4L2_PIX_FMT_YUYV, 640, 480, 30 } } };

        script = (struct Script) { .missing = SANDBOX_WHOLE };
        v4l2_mock_configure(camera, &config);
        v4l2_mock_configure(software, &config);
        return 0;
}

static int bed_up(void **state) {
        camera = v4l2_mock_new();
        if (!camera)
                return -1;
        software = v4l2_mock_add(camera, &(MockPlace) { .number = 2, .software = true });
        return software ? capture_library_init() : -1;
}

static int bed_down(void **state) {
        (void) v4l2_mock_free(software);
        (void) v4l2_mock_free(camera);
        return 0;
}

int main(int argc, char **argv) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_examines, set_up),
                cmocka_unit_test_setup(test_software_cameras, set_up),
                cmocka_unit_test_setup(test_recordings, set_up),
                cmocka_unit_test_setup(test_an_order_that_comes_late, set_up),
                cmocka_unit_test_setup(test_another_camera_in_the_end, set_up),
                cmocka_unit_test_setup(test_does_not_close, set_up),
                cmocka_unit_test_setup(test_refused_orders, set_up),
        };
        const char *preloaded = getenv("LD_PRELOAD");

        if (!preloaded || !strstr(preloaded, "umockdev-preload")) {
                print_message("umockdev is not preloaded: no camera to test with\n");
                return 77;
        }
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        return cmocka_run_group_tests(tests, bed_up, bed_down);
}
