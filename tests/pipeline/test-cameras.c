/* SPDX-License-Identifier: Apache-2.0 */

/* The devices that udev knows (umockdev's, here), as the daemon reads them: which camera each is, and what is behind
 * it; and what it hears when one comes or goes. */

#include "camera-watch.h"
#include "macro.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <umockdev.h>

#define UDEV_DATABASE "/run/udev/data"

static UMockdevTestbed *bed;
static bool have_run;                  /* a /run of our own, where there can be a database of udev's */

static void add(const char *format, ...) _printf_(1, 2);
static void add(const char *format, ...) {
        char description[1024];
        GError *error = NULL;
        va_list arguments;

        va_start(arguments, format);
        assert_in_range(vsnprintf(description, sizeof(description), format, arguments), 1, sizeof(description) - 1);
        va_end(arguments);
        if (!umockdev_testbed_add_from_string(bed, description, &error))
                fail_msg("%s\n%s", error->message, description);
}

static void pci(const char *path, const char *vendor, const char *device) {
        add("P: /devices/%s\nE: SUBSYSTEM=pci\nA: vendor=0x%s\\n\nA: device=0x%s\\n\n", path, vendor, device);
}

/* `known`: whether device tree or ACPI describe it; NULL or the name of the link that says so. */
static void platform(const char *path, const char *known) {
        add("P: /devices/%s\nE: SUBSYSTEM=platform\n%s%s%s", path, known ? "A: " : "", known ?: "",
            known ? "=x\n" : "");
}

static void usb_device(const char *path, const char *vendor, const char *product, const char *serial) {
        add("P: /devices/%s\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: idVendor=%s\\n\nA: idProduct=%s\\n\n%s%s%s",
            path, vendor, product, serial ? "A: serial=" : "", serial ?: "", serial ? "\\n\n" : "");
}

static void usb_interface(const char *path) {
        add("P: /devices/%s\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n", path);
}

static void video(const char *parent, unsigned number, unsigned index, const char *capabilities) {
        add("P: /devices/%s/video4linux/video%u\nN: video%u=00\nE: DEVNAME=/dev/video%u\nE: SUBSYSTEM=video4linux\n"
            "E: MAJOR=81\nE: MINOR=%u\nE: ID_V4L_CAPABILITIES=%s\nA: index=%u\\n\n",
            parent, number, number, number, number, capabilities, index);
}

/* A webcam as uvcvideo presents it: pictures, and a second node for what comes with them. */
static void uvc(const char *usb, const char *interface, unsigned number) {
        char path[256];

        (void) snprintf(path, sizeof(path), "%s/%s", usb, interface);
        usb_interface(path);
        video(path, number, 0, ":capture:");
        video(path, number + 1, 1, ":");
}

#define XHCI "pci0000:00/0000:00:14.0"

static int setup(void **state) {
        bed = umockdev_testbed_new();
        pci(XHCI, "8086", "a36d");
        usb_device(XHCI "/usb1", "1d6b", "0002", "0000:00:14.0");
        return 0;
}

static int teardown(void **state) {
        g_object_unref(bed);
        return 0;
}

/* What the i-th in the order of the nodes is. */
static void expect(
                const Cameras *c, size_t i, const char *node, const char *name, CameraBacking backing, bool captures) {

        assert_in_range(i, 0, c->n - 1);
        assert_string_equal(c->all[i].node, node);
        assert_string_equal(c->all[i].identity.name, name);
        assert_int_equal(c->all[i].identity.backing, backing);
        assert_int_equal(c->all[i].captures, captures);
        assert_int_equal(c->all[i].number >> 8, 81);
}

static void expect_alone(const char *name, CameraBacking backing) {
        Cameras c = {};

        assert_int_equal(cameras_list(&c), 0);
        assert_int_equal(c.n, 1);
        expect(&c, 0, "/dev/video0", name, backing, true);
        cameras_done(&c);
        assert_int_equal(c.n, 0);
}

/* One USB device with two eyes and a node of metadata for each. */
static void test_laptop(void **state) {
        const Camera *refused = NULL;
        CameraCandidates candidates;
        Configuration policy = {};
        Cameras c = {};

        usb_device(XHCI "/usb1/1-8", "13d3", "56bb", "0001");
        uvc(XHCI "/usb1/1-8", "1-8:1.2", 0);
        uvc(XHCI "/usb1/1-8", "1-8:1.0", 2);

        assert_int_equal(cameras_list(&c), 0);
        assert_int_equal(c.n, 4);
        expect(&c, 0, "/dev/video0", "usb-13d3:56bb-0001@0000:00:14.0-8:1.2", CAMERA_PHYSICAL, true);
        expect(&c, 1, "/dev/video1", "usb-13d3:56bb-0001@0000:00:14.0-8:1.2#1", CAMERA_PHYSICAL, false);
        expect(&c, 2, "/dev/video2", "usb-13d3:56bb-0001@0000:00:14.0-8:1.0", CAMERA_PHYSICAL, true);
        expect(&c, 3, "/dev/video3", "usb-13d3:56bb-0001@0000:00:14.0-8:1.0#1", CAMERA_PHYSICAL, false);

        /* the coloured eye is the first interface, whatever the nodes are called */
        assert_int_equal(cameras_choose(&c, NULL, &policy, CAMERA_ROLE_FACE, &candidates, &refused), CAMERAS_CHOSEN);
        assert_int_equal(candidates.n, 2);
        assert_string_equal(candidates.all[0].node, "/dev/video2");
        assert_string_equal(candidates.all[0].name, "usb-13d3:56bb-0001@0000:00:14.0-8:1.0");
        assert_string_equal(candidates.all[1].node, "/dev/video0");
        camera_candidates_free(&candidates);
        cameras_done(&c);
}

/* The port is all that tells them apart: through a hub, and on a bus that has another number at the next start. */
static void test_twins(void **state) {
        Cameras c = {};

        usb_device(XHCI "/usb1/1-4", "05e3", "0610", NULL);
        usb_device(XHCI "/usb1/1-4/1-4.3", "046d", "0825", NULL);
        uvc(XHCI "/usb1/1-4/1-4.3", "1-4.3:1.0", 0);
        usb_device(XHCI "/usb2", "1d6b", "0003", NULL);
        usb_device(XHCI "/usb2/2-4", "046d", "0825", NULL);
        uvc(XHCI "/usb2/2-4", "2-4:1.0", 2);

        assert_int_equal(cameras_list(&c), 0);
        assert_int_equal(c.n, 4);
        expect(&c, 0, "/dev/video0", "usb-046d:0825@0000:00:14.0-4.3:1.0", CAMERA_PHYSICAL, true);
        expect(&c, 2, "/dev/video2", "usb-046d:0825@0000:00:14.0-4:1.0", CAMERA_PHYSICAL, true);
        cameras_done(&c);
}

/* A serial number is the device's own invention; it cannot pass for another port, or for a pattern. */
static void test_strange_serials(void **state) {
        usb_device(XHCI "/usb1/1-1", "046d", "0825", "x@0000:00:14.0-2:1.0 *?[\\n");
        usb_interface(XHCI "/usb1/1-1/1-1:1.0");
        video(XHCI "/usb1/1-1/1-1:1.0", 0, 0, ":capture:");
        expect_alone("usb-046d:0825-x_0000:00:14.0-2:1.0____@0000:00:14.0-1:1.0", CAMERA_PHYSICAL);
}

static void test_long_serial(void **state) {
        char serial[301], name[CAMERA_NAME_MAX + 1];

        memset(serial, 'S', sizeof(serial) - 1);
        serial[sizeof(serial) - 1] = '\0';
        usb_device(XHCI "/usb1/1-1", "046d", "0825", serial);
        usb_interface(XHCI "/usb1/1-1/1-1:1.0");
        video(XHCI "/usb1/1-1/1-1:1.0", 0, 0, ":capture:");
        (void) snprintf(name, sizeof(name), "usb-046d:0825-%.40s@0000:00:14.0-1:1.0", serial);
        expect_alone(name, CAMERA_PHYSICAL);
}

static void test_pci(void **state) {
        pci("pci0000:00/0000:00:05.0", "8086", "7d19");
        video("pci0000:00/0000:00:05.0", 0, 0, ":capture:");
        expect_alone("pci-8086:7d19@0000:00:05.0", CAMERA_PHYSICAL);
}

/* A board's own camera: known to the device tree. */
static void test_board(void **state) {
        platform("platform/soc", "of_node");
        platform("platform/soc/fe801000.csi", "of_node");
        video("platform/soc/fe801000.csi", 0, 0, ":capture:");
        expect_alone("platform@fe801000.csi", CAMERA_PHYSICAL);
}

static void test_acpi(void **state) {
        platform("platform/INT3472:00", "firmware_node");
        video("platform/INT3472:00", 0, 0, ":capture:");
        expect_alone("platform@INT3472:00", CAMERA_PHYSICAL);
}

/* A USB controller that its driver made up below one that the device tree knows. */
static void test_board_usb(void **state) {
        platform("platform/soc/a600000.usb", "of_node");
        platform("platform/soc/a600000.usb/xhci-hcd.0.auto", NULL);
        usb_device("platform/soc/a600000.usb/xhci-hcd.0.auto/usb3", "1d6b", "0002", NULL);
        usb_device("platform/soc/a600000.usb/xhci-hcd.0.auto/usb3/3-1", "046d", "0825", "A1");
        usb_interface("platform/soc/a600000.usb/xhci-hcd.0.auto/usb3/3-1/3-1:1.0");
        video("platform/soc/a600000.usb/xhci-hcd.0.auto/usb3/3-1/3-1:1.0", 0, 0, ":capture:");
        expect_alone("usb-046d:0825-A1@xhci-hcd.0.auto-1:1.0", CAMERA_PHYSICAL);
}

/* … and one behind a PCI bridge of the board. */
#define BOARD_BRIDGE "platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0"
#define BOARD_XHCI BOARD_BRIDGE "/0000:01:00.0"

static void test_board_pci(void **state) {
        platform("platform/scb/fd500000.pcie", "of_node");
        pci(BOARD_BRIDGE, "14e4", "2711");
        pci(BOARD_XHCI, "1106", "3483");
        usb_device(BOARD_XHCI "/usb1/1-1/1-1.2", "0ac8", "3420", NULL);
        usb_interface(BOARD_XHCI "/usb1/1-1/1-1.2/1-1.2:1.0");
        video(BOARD_XHCI "/usb1/1-1/1-1.2/1-1.2:1.0", 0, 0, ":capture:");
        expect_alone("usb-0ac8:3420@0000:01:00.0-1.2:1.0", CAMERA_PHYSICAL);
}

static void test_loopback(void **state) {
        video("virtual", 0, 0, ":capture:");
        expect_alone("virtual@video0", CAMERA_VIRTUAL);
}

static void test_vivid(void **state) {
        platform("platform/vivid.0", NULL);
        video("platform/vivid.0", 0, 0, ":capture:");
        expect_alone("platform@vivid.0", CAMERA_EMULATED);
}

/* A gadget camera that this very machine plays, and a camera from over the network. */
static void emulated_usb(const char *controller) {
        char path[256], name[CAMERA_NAME_MAX + 1];

        (void) snprintf(path, sizeof(path), "platform/%s", controller);
        platform(path, NULL);
        (void) snprintf(path, sizeof(path), "platform/%s/usb5", controller);
        usb_device(path, "1d6b", "0002", controller);
        (void) snprintf(path, sizeof(path), "platform/%s/usb5/5-1", controller);
        usb_device(path, "046d", "0825", "A1B2C3");
        (void) snprintf(path, sizeof(path), "platform/%s/usb5/5-1/5-1:1.0", controller);
        usb_interface(path);
        video(path, 0, 0, ":capture:");
        (void) snprintf(name, sizeof(name), "usb-046d:0825-A1B2C3@%s-1:1.0", controller);
        expect_alone(name, CAMERA_EMULATED);
}

static void test_dummy_hcd(void **state) {
        emulated_usb("dummy_hcd.0");
}

static void test_vhci_hcd(void **state) {
        emulated_usb("vhci_hcd.0");
}

/* PCI is not enough: what is on a bus of the hypervisor's is the hypervisor's. */
static void test_virtio(void **state) {
        pci("pci0000:00/0000:00:05.0", "1af4", "1050");
        add("P: /devices/pci0000:00/0000:00:05.0/virtio2\nE: SUBSYSTEM=virtio\n");
        video("pci0000:00/0000:00:05.0/virtio2", 0, 0, ":capture:");
        expect_alone("pci-1af4:1050@0000:00:05.0", CAMERA_UNKNOWN_BUS);
}

static void test_faux(void **state) {
        add("P: /devices/faux/camera\nE: SUBSYSTEM=faux\n");
        video("faux/camera", 0, 0, ":capture:");
        expect_alone("virtual@video0", CAMERA_UNKNOWN_BUS);
}

/* What udev says of each: seat, capabilities; devices of other kinds do not count. */
static void test_properties(void **state) {
        Cameras c = {};

        add("P: /devices/virtual/video4linux/video10\nN: video10=00\nE: DEVNAME=/dev/video10\n"
            "E: SUBSYSTEM=video4linux\nE: MAJOR=81\nE: MINOR=10\nE: ID_V4L_CAPABILITIES=:capture:\n"
            "E: ID_SEAT=seat-left\n");
        add("P: /devices/virtual/video4linux/video4\nN: video4=00\nE: DEVNAME=/dev/video4\nE: SUBSYSTEM=video4linux\n"
            "E: MAJOR=81\nE: MINOR=4\nE: ID_V4L_CAPABILITIES=:video_output:\n");
        add("P: /devices/virtual/video4linux/video5\nN: video5=00\nE: DEVNAME=/dev/video5\nE: SUBSYSTEM=video4linux\n"
            "E: MAJOR=81\nE: MINOR=5\n");
        add("P: /devices/virtual/sound/video1\nN: video1=00\nE: DEVNAME=/dev/video1\nE: SUBSYSTEM=sound\n"
            "E: ID_V4L_CAPABILITIES=:capture:\n");

        assert_int_equal(cameras_list(&c), 0);
        assert_int_equal(c.n, 3);
        expect(&c, 0, "/dev/video4", "virtual@video4", CAMERA_VIRTUAL, false);
        expect(&c, 1, "/dev/video5", "virtual@video5", CAMERA_VIRTUAL, false);
        expect(&c, 2, "/dev/video10", "virtual@video10", CAMERA_VIRTUAL, true);
        assert_string_equal(c.all[2].seat, "seat-left");
        assert_null(c.all[0].seat);
        cameras_done(&c);
}

/* Nothing else that can be opened is taken for a camera. */
static void test_descriptors(void **state) {
        CameraIdentity identity;
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        assert_true(null >= 0 && file >= 0);
        assert_int_equal(camera_identity_read_fd(null, &identity), -ENODEV);
        assert_int_equal(camera_identity_read_fd(file, &identity), -ENODEV);
        assert_int_equal(camera_identity_read_fd(-1, &identity), -EBADF);
        close(null);
        close(file);
}

/* --- what is heard */

static unsigned looks;

int __real_cameras_list(Cameras *ret);
int __wrap_cameras_list(Cameras *ret);
int __wrap_cameras_list(Cameras *ret) {
        looks++;
        return __real_cameras_list(ret);
}

typedef struct Heard {
        sd_event *event;
        CameraWatch *watch;
        unsigned times;
        CameraChange change;
        char what[256];
} Heard;

static void on_change(CameraChange change, const char *what, void *userdata) {
        Heard *h = userdata;

        h->times++;
        h->change = change;
        (void) snprintf(h->what, sizeof(h->what), "%s", what);
}

/* As udev writes an entry: beside it, then in its place. */
static void entry(const char *name, unsigned usec) {
        char path[128], new[128];
        FILE *f;

        (void) snprintf(path, sizeof(path), UDEV_DATABASE "/%s", name);
        (void) snprintf(new, sizeof(new), UDEV_DATABASE "/.#%s", name);
        f = fopen(new, "we");
        assert_non_null(f);
        fprintf(f, "I:%u\nV:1\n", usec);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(rename(new, path), 0);
}

static void remove_entry(const char *name) {
        char path[128];

        (void) snprintf(path, sizeof(path), UDEV_DATABASE "/%s", name);
        assert_int_equal(unlink(path), 0);
}

static void plug(const char *port, unsigned number, unsigned usec) {
        char usb[128], interface[64], name[32];

        (void) snprintf(usb, sizeof(usb), XHCI "/usb1/%s", port);
        (void) snprintf(interface, sizeof(interface), "%s:1.0", port);
        (void) snprintf(name, sizeof(name), "c81:%u", number);
        usb_device(usb, "046d", "0825", NULL);
        uvc(usb, interface, number);
        if (usec > 0)
                entry(name, usec);
}

/* From the leaves up: umockdev leaves the links to what is below behind. */
static void unplug(const char *port, unsigned number) {
        char usb[128], path[256], name[64];

        (void) snprintf(usb, sizeof(usb), "/sys/devices/" XHCI "/usb1/%s", port);
        for (unsigned i = number; i < number + 2; i++) {
                (void) snprintf(path, sizeof(path), "%s/%s:1.0/video4linux/video%u", usb, port, i);
                umockdev_testbed_remove_device(bed, path);
        }
        (void) snprintf(path, sizeof(path), "%s/%s:1.0", usb, port);
        umockdev_testbed_remove_device(bed, path);
        umockdev_testbed_remove_device(bed, usb);
        (void) snprintf(name, sizeof(name), "c81:%u", number);
        remove_entry(name);
}

static void everything_heard(Heard *h) {
        while (sd_event_run(h->event, 0) > 0)
                ;
}

static int setup_watch(void **state) {
        static const Configuration policy;
        const Camera *refused = NULL;
        Heard *h = calloc(1, sizeof(*h));

        *state = h;
        if (!have_run)
                return 0;
        (void) setup(NULL);
        assert_true(mkdir("/run/udev", 0755) == 0 || errno == EEXIST);
        assert_int_equal(mkdir(UDEV_DATABASE, 0755), 0);
        plug("1-1", 0, 100);
        assert_true(sd_event_new(&h->event) >= 0);
        assert_int_equal(camera_watch_new(&h->watch, h->event, NULL, on_change, h), 0);
        assert_int_equal(camera_watch_choose(h->watch, &policy, CAMERA_ROLE_FACE, &refused), CAMERAS_CHOSEN);
        assert_int_equal(camera_watch_candidates(h->watch)->n, 1);
        return 0;
}

static int teardown_watch(void **state) {
        Heard *h = *state;

        if (have_run) {
                camera_watch_free(h->watch);
                sd_event_unref(h->event);
                assert_int_equal(system("rm -r /run/udev"), 0);
                (void) teardown(NULL);
        }
        free(h);
        return 0;
}

static Heard *watching(void **state) {
        if (!have_run) {
                print_message("no /run of its own (that needs root)\n");
                skip();
        }
        return *state;
}

static void expect_heard(Heard *h, CameraChange change, const char *what) {
        everything_heard(h);
        assert_int_equal(h->times, 1);
        assert_int_equal(h->change, change);
        assert_string_equal(h->what, what);
}

static void test_nothing_happens(void **state) {
        _cleanup_free_ char *what = NULL;
        Heard *h = watching(state);

        everything_heard(h);
        entry("c81:0", 100);           /* udevadm trigger */
        everything_heard(h);
        assert_int_equal(h->times, 0);
        assert_int_equal(camera_watch_look(h->watch, &what), CAMERAS_SAME);
        assert_null(what);
}

/* Other devices' comings and goings are not even looked at. */
static void test_other_devices(void **state) {
        Heard *h = watching(state);
        unsigned before = looks;

        entry("b8:0", 100);
        entry("c810:0", 100);
        entry("+usb:1-2", 100);
        entry("n2", 100);
        remove_entry("b8:0");
        everything_heard(h);
        assert_int_equal(looks, before);
        entry("c81:0", 100);
        everything_heard(h);
        assert_int_equal(looks, before + 1);
        assert_int_equal(h->times, 0);
}

static void test_plugged_in(void **state) {
        Heard *h = watching(state);

        plug("1-2", 2, 200);
        expect_heard(h, CAMERAS_CHANGED, "usb-046d:0825@0000:00:14.0-2:1.0 (/dev/video2)");
        unplug("1-2", 2);
        unplug("1-1", 0);
        everything_heard(h);
        assert_int_equal(h->times, 1); /* said once */
}

static void test_software_camera_appears(void **state) {
        Heard *h = watching(state);

        video("virtual", 7, 0, ":capture:");
        entry("c81:7", 200);
        expect_heard(h, CAMERAS_CHANGED, "virtual@video7 (/dev/video7)");
}

static void test_unplugged(void **state) {
        Heard *h = watching(state);

        unplug("1-1", 0);
        expect_heard(h, CAMERAS_LOST, "usb-046d:0825@0000:00:14.0-1:1.0 (/dev/video0)");
}

/* Back at once, at the same port under the same number. */
static void test_plugged_in_again(void **state) {
        _cleanup_free_ char *what = NULL;
        Heard *h = watching(state);

        unplug("1-1", 0);
        plug("1-1", 0, 300);
        expect_heard(h, CAMERAS_CHANGED, "usb-046d:0825@0000:00:14.0-1:1.0 (/dev/video0)");
        assert_int_equal(camera_watch_look(h->watch, &what), CAMERAS_CHANGED);
}

/* More happened than the kernel keeps. */
static void test_overflow(void **state) {
        Heard *h = watching(state);
        unsigned queued = 0;
        FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%u", &queued), 1);
        (void) fclose(f);
        if (queued > 100000)
                skip();
        for (unsigned i = 0; i < queued / 2 + 1; i++) {
                entry("b8:0", i);
                entry("b8:1", i);
        }
        unplug("1-1", 0);
        expect_heard(h, CAMERAS_LOST, "usb-046d:0825@0000:00:14.0-1:1.0 (/dev/video0)");
}

/* Without udev's database nothing is heard, and what has changed is seen all the same. */
static void test_no_database(void **state) {
        static const Configuration policy;
        _cleanup_free_ char *what = NULL;
        const Camera *refused = NULL;
        Heard deaf = {};

        (void) watching(state);
        assert_int_equal(system("rm -r /run/udev/data"), 0);
        assert_true(sd_event_new(&deaf.event) >= 0);
        assert_int_equal(camera_watch_new(&deaf.watch, deaf.event, NULL, on_change, &deaf), 0);
        assert_int_equal(camera_watch_choose(deaf.watch, &policy, CAMERA_ROLE_FACE, &refused), CAMERAS_CHOSEN);
        plug("1-2", 2, 0);
        everything_heard(&deaf);
        assert_int_equal(deaf.times, 0);
        assert_int_equal(camera_watch_look(deaf.watch, &what), CAMERAS_CHANGED);
        assert_string_equal(what, "usb-046d:0825@0000:00:14.0-2:1.0 (/dev/video2)");
        camera_watch_free(deaf.watch);
        sd_event_unref(deaf.event);
}

static void make_run(void) {
        have_run = unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define WATCH(f) cmocka_unit_test_setup_teardown(f, setup_watch, teardown_watch)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_laptop),
                TEST(test_twins),
                TEST(test_strange_serials),
                TEST(test_long_serial),
                TEST(test_pci),
                TEST(test_board),
                TEST(test_acpi),
                TEST(test_board_usb),
                TEST(test_board_pci),
                TEST(test_loopback),
                TEST(test_vivid),
                TEST(test_dummy_hcd),
                TEST(test_vhci_hcd),
                TEST(test_virtio),
                TEST(test_faux),
                TEST(test_properties),
                TEST(test_descriptors),
                WATCH(test_nothing_happens),
                WATCH(test_other_devices),
                WATCH(test_plugged_in),
                WATCH(test_software_camera_appears),
                WATCH(test_unplugged),
                WATCH(test_plugged_in_again),
                WATCH(test_overflow),
                WATCH(test_no_database),
        };
        const char *preloaded = getenv("LD_PRELOAD");

        if (!preloaded || !strstr(preloaded, "umockdev-preload")) {
                print_message("umockdev is not preloaded: no devices to test with\n");
                return 77;
        }
        make_run();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
