/* SPDX-License-Identifier: Apache-2.0 */

#include "camera-identity.h"
#include "macro.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SERIAL_MAX 40

/* What the walk from the device to the root of the tree has met. */
typedef struct Path {
        const char *interface;         /* "1-1.2:1.0", of the USB interface */
        sd_device *usb;                /* the USB device itself */
        const char *controller;        /* the place of the first PCI or platform device */
        sd_device *pci;                /* set if that is a PCI device */
        bool hardware, foreign;
} Path;

static bool on_bus(sd_device *device, const char *bus) {
        const char *subsystem;

        return sd_device_get_subsystem(device, &subsystem) >= 0 && streq(subsystem, bus);
}

/* Device tree or ACPI describe it. What only a module made up has neither. */
static bool known_to_firmware(sd_device *device) {
        static const char *const links[] = { "of_node", "firmware_node" };
        const char *syspath;
        char path[PATH_MAX];

        if (sd_device_get_syspath(device, &syspath) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(links); i++)
                if (snprintf(path, sizeof(path), "%s/%s", syspath, links[i]) < (int) sizeof(path) &&
                    access(path, F_OK) == 0)
                        return true;
        return false;
}

static void path_add_usb(Path *p, sd_device *device) {
        const char *type, *name;

        if (sd_device_get_devtype(device, &type) < 0 || sd_device_get_sysname(device, &name) < 0)
                return;
        if (streq(type, "usb_interface") && !p->interface)
                p->interface = name;
        if (streq(type, "usb_device") && !p->usb)
                p->usb = device;
}

static void path_add_controller(Path *p, sd_device *device) {
        if (!p->controller && sd_device_get_sysname(device, &p->controller) >= 0 && on_bus(device, "pci"))
                p->pci = device;
}

static void path_add(Path *p, sd_device *device) {
        static const char *const neutral[] = { "amba", "i2c", "spi", "soc", "pci_express", "pci_bus" };
        const char *subsystem;

        if (sd_device_get_subsystem(device, &subsystem) < 0)
                return;                /* the root of a bus */

        if (streq(subsystem, "usb"))
                path_add_usb(p, device);
        else if (streq(subsystem, "pci")) {
                path_add_controller(p, device);
                p->hardware = true;
        } else if (streq(subsystem, "platform")) {
                path_add_controller(p, device);
                p->hardware = p->hardware || known_to_firmware(device);
        } else {
                for (size_t i = 0; i < ELEMENTSOF(neutral); i++)
                        if (streq(subsystem, neutral[i]))
                                return;
                p->foreign = true;
        }
}

static CameraBacking path_backing(const Path *p) {
        if (p->foreign)
                return CAMERA_UNKNOWN_BUS;
        if (p->hardware)
                return CAMERA_PHYSICAL;
        return p->controller || p->usb ? CAMERA_EMULATED : CAMERA_VIRTUAL;
}

static const char *attribute(sd_device *device, const char *name) {
        const char *value;

        return sd_device_get_sysattr_value(device, name, &value) >= 0 ? value : "";
}

/* A PCI device's file says "0x8086". */
static const char *pci_number(sd_device *device, const char *name) {
        const char *value = attribute(device, name);

        return strncmp(value, "0x", 2) == 0 ? value + 2 : value;
}

static void make_plain(char *name) {
        for (; *name; name++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@#-", *name))
                        *name = '_';
}

/* What a device says of itself is untrusted: its serial number can hold anything. There is one @ in a name, and behind it
 * is what no device chooses: a pattern for a port cannot be met from another one. */
static void plain_serial(sd_device *usb, char ret[static SERIAL_MAX + 1]) {
        (void) snprintf(ret, SERIAL_MAX + 1, "%s", attribute(usb, "serial"));
        for (char *at = strchr(ret, '@'); at; at = strchr(at, '@'))
                *at = '_';
}

static int path_name(const Path *p, sd_device *device, char ret[static CAMERA_NAME_MAX + 1]) {
        const char *place = p->controller ? p->controller : "virtual", *sysname = "", *port, *index;
        char suffix[16] = "", serial[SERIAL_MAX + 1];
        int n;

        (void) sd_device_get_sysname(device, &sysname);
        index = attribute(device, "index");
        if (!streq(index, "") && !streq(index, "0"))
                (void) snprintf(suffix, sizeof(suffix), "#%.8s", index);

        if (p->usb) {
                /* the number of the bus, before the dash, is another one after the next start */
                port = p->interface ? strchr(p->interface, '-') : NULL;
                plain_serial(p->usb, serial);
                n = snprintf(ret, CAMERA_NAME_MAX + 1, "usb-%.4s:%.4s%s%s@%s-%s%s", attribute(p->usb, "idVendor"),
                             attribute(p->usb, "idProduct"), *serial ? "-" : "", serial, place,
                             port ? port + 1 : "", suffix);
        } else if (p->pci)
                n = snprintf(ret, CAMERA_NAME_MAX + 1, "pci-%.4s:%.4s@%s%s", pci_number(p->pci, "vendor"),
                             pci_number(p->pci, "device"), place, suffix);
        else if (p->controller)
                n = snprintf(ret, CAMERA_NAME_MAX + 1, "platform@%s%s", place, suffix);
        else
                n = snprintf(ret, CAMERA_NAME_MAX + 1, "virtual@%s", sysname);
        if (n < 0 || n > CAMERA_NAME_MAX)
                return -ENAMETOOLONG;

        make_plain(ret);
        return 0;
}

int camera_identity_read(sd_device *device, CameraIdentity *ret) {
        CameraIdentity identity = {};
        sd_device *parent = device;
        Path path = {};
        int r;

        if (!on_bus(device, "video4linux"))
                return -ENODEV;
        while (sd_device_get_parent(parent, &parent) >= 0)
                path_add(&path, parent);

        identity.backing = path_backing(&path);
        r = path_name(&path, device, identity.name);
        if (r < 0)
                return r;
        *ret = identity;
        return 0;
}

int camera_identity_read_fd(int fd, CameraIdentity *ret) {
        _cleanup_(sd_device_unrefp) sd_device *device = NULL;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode))
                return -ENODEV;

        r = sd_device_new_from_devnum(&device, 'c', st.st_rdev);
        return r < 0 ? r : camera_identity_read(device, ret);
}

void camera_candidates_done(CameraCandidate *c, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(c[i].node);
                free(c[i].name);
                c[i] = (CameraCandidate) {};
        }
}

const char *camera_backing_to_reason(CameraBacking b) {
        static const char *const reasons[_CAMERA_BACKING_MAX] = {
                [CAMERA_VIRTUAL] = "no hardware is behind it (a loopback device)",
                [CAMERA_EMULATED] = "the bus that it is on is driven by software alone",
                [CAMERA_UNKNOWN_BUS] = "it is on a bus that no camera is on",
        };

        return (unsigned) b < _CAMERA_BACKING_MAX ? reasons[b] : NULL;
}
