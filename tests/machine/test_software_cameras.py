# SPDX-License-Identifier: Apache-2.0
"""Cameras that are programs, as somebody would plug them in who wants to show a film to Likeness: each is refused
before anybody has opened it, by the real kernel's word for what is behind it."""

import ctypes
import glob
import os
import struct

import machine
import webcam
from machine import eventually
from shop import CONFIGURATION
from terminal import Failed

REFUSED = "org.likeness.Verifier1.Error.CameraRefused"
IN_OPEN = 0x20
libc = ctypes.CDLL(None, use_errno=True)


class Opens:
    """Counts how often files are opened."""

    def __init__(self, *paths):
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for path in paths:
            libc.inotify_add_watch(self.descriptor, path.encode(), IN_OPEN)

    def count(self):
        try:
            return len(os.read(self.descriptor, 65536)) // struct.calcsize("iIII")
        except BlockingIOError:
            return 0


class SoftwareCameras(machine.TestCase):
    def refused(self, *words):
        """A check with the cameras that there are now. (udev's own look at a new one is over.)"""
        self.shop.run("root", "udevadm", "settle")
        nodes = glob.glob("/dev/video*")
        self.assertTrue(nodes, "there is no camera at all")
        opens, before = Opens(*nodes), len(self.shop.ledger())
        answer = self.shop.verify()
        self.assertEqual(answer.error, REFUSED, answer)
        for word in words:
            self.assertIn(word, answer.fields["message"])
        self.assertEqual(opens.count(), 0, "it was opened")
        with open(nodes[0], "rb", buffering=0):
            self.assertEqual(opens.count(), 1)
        self.assertEqual(self.shop.ledger()[before:], [], "nothing was begun")

    def test_vivid(self):
        self.shop.load("vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0")
        self.addCleanup(self.shop.unload, "vivid")
        self.refused("platform@vivid.0")

    def test_loopback(self):
        self.shop.load("v4l2loopback", "exclusive_caps=0", "video_nr=7", "card_label=Integrated_Webcam")
        self.addCleanup(self.shop.unload, "v4l2loopback")
        self.refused("virtual@video7")

    def test_usb_over_a_network(self):
        for module in ("vhci-hcd", "uvcvideo"):
            self.shop.run("root", "modprobe", module)
        camera = webcam.Webcam()
        link = webcam.UsbIp(camera).plug()
        self.addCleanup(link.unplug)
        self.assertTrue(eventually(camera.nodes), "the kernel sees no camera")
        self.refused("usb-1209:0c17-COUNTER1@vhci_hcd.0")

    def test_usb_gadget_of_the_same_machine(self):
        for module in ("dummy_hcd", "gadgetfs", "uvcvideo"):
            self.shop.run("root", "modprobe", module)
        camera = webcam.Webcam()
        gadget = webcam.Gadget(camera).plug()
        self.addCleanup(gadget.unplug)
        self.assertTrue(eventually(camera.nodes), "the kernel sees no camera")
        self.refused("usb-1209:0c17-COUNTER1@dummy_hcd.0")


class Permitted(machine.TestCase):
    def test_software_cameras_are_not_to_be_had(self):
        """With the setting likenessd does not start, and says why."""
        self.addCleanup(self.shop.configure, CONFIGURATION)
        with self.assertRaises(Failed):
            self.shop.configure(CONFIGURATION + "\n[Cameras]\nAllowSoftwareCameras=yes\n")
        self.assertNotEqual(self.shop.show("likenessd.service", "ActiveState"), "active")
        said = "\n".join(self.shop.messages("--unit=likenessd.service", "--since=" + self.began))
        self.assertIn("AllowSoftwareCameras", said)
        self.assertIn("--demo", said)
