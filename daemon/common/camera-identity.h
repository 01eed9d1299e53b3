/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-device.h>

/* Which camera a V4L2 device is, as the kernel tells it (sysfs), and whether there is hardware behind it. likenessd asks
 * by udev's device, the examiner by the descriptor that it has really opened: both must come to the same. */

#define CAMERA_NAME_MAX 192

/* What is behind the device, as far as the kernel can tell: a forged USB camera is physical too. */
typedef enum CameraBacking {
        CAMERA_PHYSICAL,               /* a PCI device, or one that the machine's firmware describes, leads to it */
        CAMERA_VIRTUAL,                /* no bus at all: v4l2loopback, akvcam */
        CAMERA_EMULATED,               /* a bus that only software drives: vivid, dummy_hcd, vhci_hcd (USB over a network) */
        CAMERA_UNKNOWN_BUS,            /* a bus that no camera at a counter is on: virtio, vmbus, faux */
        _CAMERA_BACKING_MAX,
} CameraBacking;

#define CAMERA_CANDIDATES_MAX 8U

/* One that may be used: where it is and who it must turn out to be. */
typedef struct CameraCandidate {
        char *node;                    /* /dev/video…, or, in a demonstration, a recording */
        char *name;                    /* as CameraIdentity has it; "" for a recording */
} CameraCandidate;

/* What a camera is there for. */
typedef enum CameraRole {
        CAMERA_ROLE_FACE,              /* sees the customer */
        CAMERA_ROLE_DOCUMENT,          /* sees the card */
        _CAMERA_ROLE_MAX,
} CameraRole;

/* How the camera is mounted: what is done to each frame before anybody looks at it. */
typedef enum CameraView {
        CAMERA_VIEW_QUARTERS = 3,      /* quarter turns clockwise, 0 to 3 */
        CAMERA_VIEW_MIRRORED = 1 << 2, /* left and right are exchanged, before it is turned */
        _CAMERA_VIEW_ALL = (1 << 3) - 1,
} CameraView;

typedef struct CameraIdentity {
        /* The same at every start and at every port's every plugging, unlike /dev/videoN; all of it is in [A-Za-z0-9._:@#-]:
         *
         *   usb-046d:0825-SERIAL@0000:00:14.0-1.2:1.0   vendor, product, serial number if it has one, the controller's
         *                                               place, port and interface
         *   pci-8086:5a88@0000:00:05.0                  vendor, device, place
         *   platform@fe801000.csi                       the place alone
         *   virtual@video7                              no hardware; the kernel's name for it
         *
         * with "#1" behind it for the second stream of the same interface. */
        char name[CAMERA_NAME_MAX + 1];
        CameraBacking backing;
} CameraIdentity;

/* 0, or a negative errno: -ENODEV if it is no V4L2 device or has gone. */
int camera_identity_read(sd_device *device, CameraIdentity *ret);
/* Of an open device; -ENODEV if the descriptor is no V4L2 device or the device has gone. */
int camera_identity_read_fd(int fd, CameraIdentity *ret);

/* Frees what `n` of them have. */
void camera_candidates_done(CameraCandidate *c, size_t n);

/* Why it is no camera, for messages: "no hardware is behind it (a loopback device)"; NULL for CAMERA_PHYSICAL. */
const char *camera_backing_to_reason(CameraBacking b);
