# SPDX-License-Identifier: Apache-2.0
"""A webcam at a USB port, as far as the kernel can tell: its cable is real to it, the camera is a program (webcam.py).
It is used by the terminal as it was installed, with production's key, udev's names and the examiner's whole sandbox; and
whatever goes wrong with it has its own answer."""

import json
import os
import subprocess
import time

import asleep
import machine
import webcam
from machine import SLOW, eventually
from shop import CONFIGURATION

ERROR = "org.likeness.Verifier1.Error."
# The number of the controller's place is the emulator's; the port is the first that there is.
NAME = r"^usb-1209:0c17-COUNTER1@0000:00:[0-9a-f]{2}\.0-[0-9]+:1\.0$"


class Plugged(machine.TestCase):
    @classmethod
    def prepare(cls):
        cls.shop.run("root", "modprobe", "uvcvideo")
        super().prepare()

    def setUp(self):
        super().setUp()
        self.before = len(self.shop.ledger())

    def plug(self, **more):
        """A camera, plugged in; what it is, and its cable."""
        camera = webcam.Webcam(**more)
        cable = webcam.Redirected(camera).plug()
        self.addCleanup(self.unplug, camera, cable)
        self.assertTrue(eventually(lambda: camera.nodes()), "the kernel sees no camera")
        self.shop.run("root", "udevadm", "settle")
        camera.node = camera.nodes()[0]
        return camera, cable

    def unplug(self, camera, cable):
        if not cable.ended:
            cable.unplug()
        self.assertTrue(eventually(lambda: not camera.nodes()))

    def check(self, error, cause, frames=0):
        """A check that ends with an error; how long it took the machine."""
        self.shop.scripted(frames)
        began = time.monotonic()
        answer = self.shop.verify()
        self.ended_with(answer, error, cause)
        return time.monotonic() - began

    def ended_with(self, answer, error, cause):
        self.assertEqual(answer.error, ERROR + error, answer)
        self.closed_as(cause, self.before)

    def check_while(self, camera, disturb, error, cause, within=3.0):
        """A check in which something happens while the camera is in use; the answer, and when it came."""
        self.shop.scripted(0)
        check = self.shop.begin_verifying()
        self.assertTrue(eventually(lambda: camera.opened and camera.number > 5, 20), "no picture was taken")
        began = time.monotonic()
        disturb()
        answer = self.shop.finish_verifying(check)
        self.assertLess(time.monotonic() - began, within)
        self.ended_with(answer, error, cause)
        return answer


class Webcam(asleep.Sleeps, Plugged):
    # --- all is well

    def test_match(self):
        """It is opened once, by nobody but the one, and held by nobody when there is an answer."""
        camera, _ = self.plug()
        self.shop.scripted(12)
        answer = self.verdict("match")
        self.assertEqual(self.shop.holders(camera.node), [])
        self.assertTrue(answer.fields["binding"])
        self.assertEqual(camera.opened, 1)
        self.assertEqual(answer.claims["examiner-ended"], "control-group")
        self.shop.check_ledger()

    def test_its_name_and_receipt_outlive_the_cable(self):
        """The same camera, plugged in again or another of the same kind: what a receipt says of it."""
        self.shop.scripted(12)
        seen = []
        for serial in ("COUNTER1", "COUNTER1", "COUNTER2"):
            camera, cable = self.plug(serial=serial)
            seen.append(self.verdict("match").claims["camera-identity"])
            self.unplug(camera, cable)
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])

    def test_listed(self):
        self.plug(modes=((640, 480), (1280, 720)))
        listed = json.loads(self.shop.run("root", "likenessctl", "cameras", "--json", timeout=SLOW).stdout)
        self.assertIn("usb-1209:0c17-COUNTER1@0000:00:", json.dumps(listed))

    # --- which one

    def test_none_then_plugged_in(self):
        """Nobody has to start anything anew."""
        answer = self.shop.verify()
        self.assertEqual(answer.error, ERROR + "NoCamera", answer)
        self.plug()
        self.shop.scripted(12)
        self.verdict("match")

    def test_software_beside_it_is_not_used(self):
        camera, _ = self.plug()
        number = "video_nr=0" if camera.node != "/dev/video0" else "video_nr=9"
        self.shop.load("v4l2loopback", "exclusive_caps=0", number)
        self.addCleanup(self.shop.unload, "v4l2loopback")
        self.shop.scripted(12)
        self.verdict("match")
        self.assertEqual(camera.opened, 1)

    def test_pinned(self):
        self.shop.configure(CONFIGURATION + "\n[Cameras]\nFace=usb-1209:0c17-COUNTER2@*\n")
        self.shop.wait_served(SLOW)
        self.addCleanup(self.shop.wait_served, SLOW)
        self.addCleanup(self.shop.configure, CONFIGURATION)
        camera, cable = self.plug()
        answer = self.shop.verify()
        self.assertEqual(answer.error, ERROR + "NoCamera", answer)
        self.assertIn("COUNTER2", answer.fields["message"])
        self.assertEqual(camera.opened, 0)
        self.unplug(camera, cable)
        self.plug(serial="COUNTER2")
        self.shop.scripted(12)
        self.verdict("match")

    def test_the_node_is_swapped_between_choice_and_opening(self):
        """Root puts another device in its place after likenessd has chosen, before the examiner opens."""
        camera, _ = self.plug()
        self.shop.load("v4l2loopback", "exclusive_caps=0", "video_nr=9")
        self.addCleanup(self.shop.unload, "v4l2loopback")
        swap = f"mv {camera.node} {camera.node}.away && mv /dev/video9 {camera.node}"
        self.addCleanup(self.shop.shell, "root", f"mv {camera.node} /dev/video9 && mv {camera.node}.away {camera.node}")
        self.shop.scripted(12)
        self.shop.drop_in("likeness-examiner@.service", f"[Service]\nExecStartPre=+/bin/sh -c '{swap}'\n",
                          "60-swap.conf")
        self.addCleanup(self.shop.no_drop_in, "likeness-examiner@.service", "60-swap.conf")
        self.ended_with(self.shop.verify(), "CameraRefused", "camera-changed")
        self.assertEqual(camera.opened, 0)

    # --- something happens

    def test_unplugged_in_the_middle(self):
        camera, cable = self.plug()
        self.check_while(camera, cable.unplug, "CameraLost", "camera-lost")

    def test_another_is_plugged_in_in_the_middle(self):
        camera, _ = self.plug()
        self.addCleanup(self.shop.unload, "v4l2loopback")
        self.check_while(camera, lambda: self.shop.run("root", "modprobe", "v4l2loopback", "exclusive_caps=0"),
                         "CameraRefused", "camera-changed")
        self.assertEqual(self.shop.holders(camera.node), [])

    def test_its_driver_lets_go_of_it_in_the_middle(self):
        camera, _ = self.plug()
        interface = os.path.basename(os.path.realpath(
            f"/sys/class/video4linux/{os.path.basename(camera.node)}/device"))

        def driver(what):
            with open("/sys/bus/usb/drivers/uvcvideo/" + what, "w") as file:
                file.write(interface)

        self.check_while(camera, lambda: driver("unbind"), "CameraLost", "camera-lost")
        driver("bind")
        self.assertTrue(eventually(camera.nodes))
        self.shop.run("root", "udevadm", "settle")
        self.shop.scripted(12)
        self.verdict("match")

    def test_it_falls_silent_in_the_middle(self):
        camera, _ = self.plug()
        self.check_while(camera, lambda: setattr(camera, "silent", True), "CameraLost", "camera-lost")

    def test_the_same_picture_again_and_again_in_the_middle(self):
        camera, _ = self.plug()
        still = webcam.striped_jpeg(640, 480, 3)
        self.check_while(camera, lambda: setattr(camera, "frame", lambda *_: still), "CameraFrozen", "camera-frozen")

    def test_covered_in_the_middle(self):
        camera, _ = self.plug()
        dark = [webcam.striped_jpeg(640, 480, shift, dark=2, bright=4) for shift in range(8)]
        self.check_while(camera, lambda: setattr(camera, "frame", lambda number, *_: dark[number % 8]),
                         "CameraCovered", "camera-covered")

    def test_the_caller_leaves_and_nobody_holds_it(self):
        camera, _ = self.plug()
        self.shop.scripted(0)
        check = self.shop.begin_verifying()
        self.assertTrue(eventually(lambda: self.shop.holders(camera.node), 20))
        check.kill()
        self.shop.finish_verifying(check)
        began = time.monotonic()
        self.assertTrue(eventually(lambda: not self.shop.holders(camera.node), 10))
        self.assertLess(time.monotonic() - began, 0.5)

    # --- the machine sleeps

    def plug_without_power(self):
        """Into a port that has none while the machine sleeps. (Else the kernel would ask the camera whether it is the same
        one, before there are programs again; but this one is a program.)"""
        camera, _ = self.plug()
        place = os.path.realpath(f"/sys/class/video4linux/{os.path.basename(camera.node)}/device/..")
        asleep.tell(place + "/power/persist", "0")
        return camera, os.path.basename(place)

    def found_again(self, camera):
        """It is a new device to the kernel, and the same camera to likenessd."""
        self.assertTrue(eventually(lambda: len(os.listdir("/sys/class/video4linux")) == 2 and camera.nodes()))
        self.shop.run("root", "udevadm", "settle")
        self.shop.scripted(12)
        self.verdict("match")
        self.assertEqual(self.shop.holders(camera.nodes()[0]), [])
        self.assertEqual(camera.opened, 2)

    def test_the_machine_falls_asleep_in_the_middle(self):
        camera, place = self.plug_without_power()
        self.fall_asleep(camera.node, place)
        self.found_again(camera)

    def test_the_machine_falls_asleep_without_a_word(self):
        """Nobody asked logind: who wakes up with the camera open has lost it."""
        camera, place = self.plug_without_power()
        answer = self.check_while_falling_asleep(camera.node, lambda: asleep.tell("/sys/power/state", "mem"))
        self.ended_with(answer, "CameraLost", "camera-lost")
        self.assertEqual(self.seen(place), ["suspend", "resume"])
        self.found_again(camera)

    # --- it does not work

    def test_no_picture(self):
        camera, _ = self.plug()
        camera.silent = True
        self.check("CameraSilent", "camera-silent")

    def test_damaged_pictures(self):
        """As a bad cable does it: from some picture on each is cut off."""
        self.plug(frame=lambda number, *size: webcam.striped_jpeg_of(number, *size)[:None if number < 6 else 900])
        self.check("CameraDamaged", "camera-damaged")

    def test_pictures_of_another_size(self):
        small = [webcam.striped_jpeg(320, 240, shift) for shift in range(8)]
        self.plug(frame=lambda number, *_: small[number % 8])
        self.check("CameraFormat", "camera-size")

    def test_busy(self):
        """A second reader: the kernel's own EBUSY."""
        camera, _ = self.plug()
        other = subprocess.Popen(["v4l2-ctl", "-d", camera.node, "--stream-mmap", "--stream-count=10000"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(eventually(lambda: camera.number > 2, 20))
            self.check("CameraBusy", "camera-busy")
        finally:
            other.kill()
            other.wait()
        self.shop.scripted(12)
        self.verdict("match")

    def test_permission(self):
        camera, _ = self.plug()
        self.shop.shell("root", f"chown root:root {camera.node} && chmod 0600 {camera.node}")
        self.check("CameraDenied", "camera-denied")
