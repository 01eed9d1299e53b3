#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Which camera a check gets, and what becomes of it when cameras come and go meanwhile. The devices are umockdev's,
udev's database is the test's own."""

import base64
import hashlib
import hmac
import os
import shutil
import signal
import stat
import subprocess
import time

import harness
from harness import ERROR

try:
    import pictures
    import services
    import test_configuration
    import test_receipts as receipts
    from client import BusError, Client, Request, spin
except ImportError:
    pass                            # outside, where nothing of this is used

BUS = "/devices/pci0000:00/0000:00:14.0/usb1"
NAME = "usb-1d6b:0102-MOCK0001@0000:00:14.0-1:1.0"
DATABASE = "/run/udev/data"
HOSTILE = "hostile-examiner"
SETTINGS = "[Verification]\nMode=pilot\nReferenceSources=supplied\nMinimumChallenge=none\nTimeLimitSec=30\n"


def hostile(scratch):
    return [f"--examiner={harness.build_directory()}/tests/bus/{HOSTILE}"]


# --- devices

def sysfs(path):
    return os.environ["UMOCKDEV_DIR"] + "/sys" + path


def make_device(path, subsystem, uevent="", **attributes):
    os.makedirs(sysfs(path))
    os.symlink("/sys/class/" + subsystem, sysfs(path) + "/subsystem")
    for name, text in attributes.items():
        with open(sysfs(path) + "/" + name, "w") as file:
            file.write(text + "\n")
    with open(sysfs(path) + "/uevent", "w") as file:
        file.write(uevent)


def make_node(parent, number, seat=None, listed=True):
    path = f"{parent}/video4linux/video{number}"
    make_device(path, "video4linux", f"MAJOR=81\nMINOR={number}\nDEVNAME=/dev/video{number}\nSUBSYSTEM=video4linux\n"
                f"ID_V4L_CAPABILITIES=:capture:\n" + (f"ID_SEAT={seat}\n" if seat else ""),
                index="0", dev=f"81:{number}")
    link = sysfs(f"/class/video4linux/video{number}")
    if listed:
        os.symlink(os.path.relpath(sysfs(path), os.path.dirname(link)), link)


def remove_node(number):
    os.unlink(sysfs(f"/class/video4linux/video{number}"))


def tell(number, usec=100):
    """As udev does when it is through with a device."""
    with open(f"{DATABASE}/.#c81:{number}", "w") as file:
        file.write(f"I:{usec}\nV:1\n")
    os.rename(f"{DATABASE}/.#c81:{number}", f"{DATABASE}/c81:{number}")


def content(path):
    with open(path, "rb") as file:
        return file.read()


class Case(harness.TestCase):
    def setUp(self):
        super().setUp()
        os.makedirs(DATABASE)
        tell(0)
        self.addCleanup(shutil.rmtree, "/run/udev")
        self.caller = Client()
        self.addCleanup(self.caller.close)
        self.admin = Client("root", listen=False)
        self.addCleanup(self.admin.close)
        self.first = os.readlink(sysfs("/class/video4linux/video0"))
        self.addCleanup(self.tidy)

    def tidy(self):
        """One camera, where it was in the beginning."""
        for name in os.listdir(sysfs("/class/video4linux")):
            os.unlink(sysfs("/class/video4linux/" + name))
        os.symlink(self.first, sysfs("/class/video4linux/video0"))
        for path in (BUS + "/1-2", "/devices/virtual"):
            shutil.rmtree(sysfs(path), ignore_errors=True)

    def plug(self, number=2, port="1-2", seat=None, listed=True):
        device = f"{BUS}/{port}"
        make_device(device, "usb", "DEVTYPE=usb_device\nSUBSYSTEM=usb\n", idVendor="046d", idProduct="0825")
        make_device(f"{device}/{port}:1.0", "usb", "DEVTYPE=usb_interface\nSUBSYSTEM=usb\n")
        make_node(f"{device}/{port}:1.0", number, seat, listed)
        self.tell(number)

    def plug_software(self, number=7, listed=True):
        make_node("/devices/virtual", number, listed=listed)
        self.tell(number)

    def unplug(self, number=0):
        remove_node(number)
        if os.path.exists(f"{DATABASE}/c81:{number}"):
            os.unlink(f"{DATABASE}/c81:{number}")

    def tell(self, number, usec=100):
        if os.path.isdir(DATABASE):
            tell(number, usec)

    def start(self, **more):
        return self.caller.start(Request(pictures.portrait(1), **more))

    def last_entry(self):
        return receipts.entries()[-1]

    def refused(self, call, error, cause, *words):
        """The error, the words and the closing entry of a check that was opened."""
        outcome = call.outcome()
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertEqual(outcome.name, ERROR + error, outcome)
        entry = self.last_entry()
        self.assertEqual((entry["entry"], entry["cause"]), ("closed", cause))
        self.assertNotIn("verdict", entry)
        for word in words:
            self.assertIn(word, services.log())
        return entry

    def settings(self, text):
        """For this test; the terminal's own are put back."""
        self.addCleanup(self.reload, SETTINGS)
        self.reload(SETTINGS + text)

    def reload(self, text):
        test_configuration.write(text)
        receipts.call(self.admin, "ReloadConfiguration").wait()


class During(Case):
    """An examiner that sees a face and then goes on looking, until it is told that it may answer."""
    terminal = harness.Terminal(cameras={}, prepare=hostile)

    def setUp(self):
        super().setUp()
        harness.file_of(b"face-seen-match-later\n", "hostile-mode")
        self.go = harness.PLACE + "/hostile-go"
        self.addCleanup(lambda: os.path.exists(self.go) and os.unlink(self.go))
        self.addCleanup(self.end_examiners)

    def end_examiners(self):
        for pid in services.instances(program=HOSTILE):
            services.signal_process(pid, signal.SIGKILL)

    def start(self, **more):
        call = super().start(**more)
        seen = lambda: call.is_over() or self.caller.prompts()
        self.assertTrue(spin(seen), "the examiner does not work")
        self.assertFalse(call.is_over(), call.error)
        return call

    def let_it_answer(self):
        harness.file_of(b"", "hostile-go")

    def goes_on(self, call):
        """… to its end as if nothing had been."""
        self.let_it_answer()
        self.assertEqual(call.answer().verdict, "match")
        self.assertEqual(self.last_entry()["verdict"], "match")

    def test_nothing_happens(self):
        self.goes_on(self.start())

    def test_plugged_in(self):
        call = self.start()
        self.plug()
        entry = self.refused(call, "CameraRefused", "camera-changed",
                             "not as it was: usb-046d:0825@0000:00:14.0-2:1.0 (/dev/video2)")
        self.assertTrue(entry["face-seen"])
        self.assertFalse(services.instances(program=HOSTILE))

    def test_a_software_camera_appears(self):
        call = self.start()
        self.plug_software()
        self.refused(call, "CameraRefused", "camera-changed", "not as it was: virtual@video7 (/dev/video7)")

    def test_unplugged(self):
        call = self.start()
        self.unplug()
        self.refused(call, "CameraLost", "camera-lost", f"not as it was: {NAME} (/dev/video0)")

    def test_plugged_in_again(self):
        call = self.start()
        self.tell(0, 200)
        self.refused(call, "CameraRefused", "camera-changed", f"not as it was: {NAME} (/dev/video0)")

    def test_it_counts_as_a_try(self):
        """Plugging and unplugging is no way out when it goes badly."""
        left = []
        for _ in range(3):
            call = self.start(transaction="plug-1")
            self.plug()
            left.append(self.refused(call, "CameraRefused", "camera-changed")["attempts-left"])
            self.tidy()
            self.caller.signals.clear()
        self.assertEqual(left, [2, 1, 0])

    def test_what_is_of_no_concern(self):
        """Another seat's camera; another device; udev that looks at everything once more."""
        call = self.start()
        self.plug(seat="seat-left")
        self.tell(0)
        with open(DATABASE + "/b8:0", "w") as file:
            file.write("I:1\n")
        self.goes_on(call)

    def test_heard_of_too_late(self):
        """Without udev's database nobody hears of it. The look before the receipt is signed finds it."""
        for change, error, cause in ((self.plug, "CameraRefused", "camera-changed"),
                                     (self.unplug, "CameraLost", "camera-lost")):
            with self.subTest(change=change.__name__):
                shutil.rmtree(DATABASE)
                call = self.start()
                change()
                self.assertFalse(spin(call.is_over, 0.5))
                self.let_it_answer()
                self.refused(call, error, cause, "not as it was")
                os.unlink(self.go)
                os.makedirs(DATABASE)
                self.tidy()
                self.caller.signals.clear()


MOCK = harness.Terminal(cameras={})


class Choice(Case):
    terminal = MOCK

    def said(self, *names):
        """An error before anything is opened: nothing is recorded."""
        before = len(receipts.lines())
        outcome = self.start().outcome()
        self.assertIsInstance(outcome, BusError, outcome)
        self.assertEqual(len(receipts.lines()), before)
        self.assertFalse(services.instances())
        for name in names:
            self.assertIn(name, outcome.message)
        return outcome.name

    def used(self):
        answer = self.start().answer()
        self.assertEqual(answer.verdict, "match")
        return self.last_entry()

    def identity(self, name):
        path = receipts.LEDGER + "/terminal-secret"
        secret = content(path)
        status = os.stat(path)
        self.assertEqual((len(secret), stat.S_IMODE(status.st_mode), status.st_uid),
                         (32, 0o600, services.identity("likeness")))
        return base64.urlsafe_b64encode(hmac.digest(secret, name.encode(), hashlib.sha256)).rstrip(b"=").decode()

    def test_the_receipt_says_which(self):
        entry = self.used()
        self.assertEqual(entry["camera-identity"], self.identity(NAME))
        self.assertNotIn("MOCK0001", str(entry))

    def test_no_camera(self):
        self.unplug()
        self.assertEqual(self.said(), ERROR + "NoCamera")
        self.assertIn("no-camera", self.problems())

    def problems(self):
        """They are looked for once a second at most."""
        time.sleep(1.1)
        return self.caller.get("Problems")

    def test_a_software_camera(self):
        """Refused, whatever its node is called; permitted to a demonstration that says so."""
        self.unplug()
        self.plug_software(0)
        before = len(services.log())
        self.assertEqual(self.said("virtual@video0", "/dev/video0", "no hardware is behind it"),
                         ERROR + "CameraRefused")
        self.said()
        self.assertEqual(services.log()[before:].count("virtual@video0"), 1)   # the log is told once
        self.assertIn("no-camera", self.problems())

        link = sysfs("/dev/char/81:0")
        place = os.readlink(link)
        os.unlink(link)
        os.symlink("../../devices/virtual/video4linux/video0", link)
        self.addCleanup(lambda: (os.unlink(link), os.symlink(place, link)))
        self.settings("[Cameras]\nAllowSoftwareCameras=yes\n")
        self.assertEqual(self.used()["camera-identity"], self.identity("virtual@video0"))

    def test_a_physical_one_is_used_instead(self):
        self.plug_software()
        self.assertEqual(self.used()["camera-identity"], self.identity(NAME))

    def test_another_device_at_the_node(self):
        """The node was exchanged between the choice and the opening: what was opened leads somewhere else."""
        link = sysfs("/dev/char/81:0")
        place = os.readlink(link)
        self.plug(0, listed=False)
        self.plug_software(0, listed=False)
        for other in (f"../..{BUS}/1-2/1-2:1.0/video4linux/video0", "../../devices/virtual/video4linux/video0"):
            os.unlink(link)
            os.symlink(other, link)
            self.refused(self.start(), "CameraRefused", "camera-changed")
        os.unlink(link)
        os.symlink(place, link)
        self.assertEqual(self.used()["camera-identity"], self.identity(NAME))

    def test_pinned(self):
        self.plug()
        self.settings("[Cameras]\nFace=usb-1d6b:0102-MOCK0001@*\n")
        self.assertEqual(self.used()["camera-identity"], self.identity(NAME))

    def test_pinned_and_not_there(self):
        """No other camera takes its place."""
        self.settings("[Cameras]\nFace=usb-1d6b:0102-OTHER@*\n")
        self.assertEqual(self.said("Face=usb-1d6b:0102-OTHER@*"), ERROR + "NoCamera")
        self.assertIn("no-camera", self.problems())

    def test_nobody_can_tell_of_changes(self):
        """What may come and go unheard is not looked at; the caller is told whom to ask."""
        os.chmod(DATABASE, 0)
        self.assertEqual(self.said("cameras cannot be looked for", "log"), ERROR + "Unavailable")
        self.assertIn("the cameras cannot be looked for: Permission denied", services.log())
        os.chmod(DATABASE, 0o755)
        self.assertEqual(self.used()["camera-identity"], self.identity(NAME))

    def test_another_seats(self):
        self.unplug()
        self.plug(seat="seat-left")
        self.assertEqual(self.said(), ERROR + "NoCamera")


class Secret(Case):
    """The terminal's secret stays as it is; one that cannot be right is not used, and no other is made in its place."""
    terminal = MOCK

    def test_across_starts(self):
        path = receipts.LEDGER + "/terminal-secret"
        daemon = services.Daemon()
        first = content(path)
        daemon.start()
        self.assertEqual(content(path), first)

        os.truncate(path, 31)
        daemon.start()
        outcome = self.start().outcome()
        self.assertEqual(outcome.name, ERROR + "Unavailable")
        self.assertIn("terminal-secret", outcome.message)
        self.assertIn("ledger-failed", self.caller.get("Problems"))
        os.unlink(path)
        daemon.start()
        self.assertEqual(len(content(path)), 32)
        self.assertNotEqual(content(path), first)
        self.assertEqual(self.start().answer().verdict, "match")


class Mounted(harness.TestCase):
    """A camera that hangs on its side and mirrors what it sees."""
    terminal = harness.Terminal(clip="person04-live.avi")

    def test_turned(self):
        clip = harness.file_of(pictures.turned_recording(harness.data("person04-live.avi"), 60), "turned.avi")
        caller, admin = Client(), Client("root", listen=False)
        self.addCleanup(caller.close)
        self.addCleanup(admin.close)
        test_configuration.write(SETTINGS + "[Cameras]\nFaceRotation=90\nFaceMirrored=yes\n")
        receipts.call(admin, "ReloadConfiguration").wait()
        with services.clip(clip):
            self.assertEqual(caller.verify(Request(pictures.portrait(4))).verdict, "match")
        self.assertNotIn("camera-identity", receipts.entries()[-1])    # a recording is no camera


class Real(harness.TestCase):
    """No terminal's key signs for a software camera."""
    terminal = MOCK

    def test_software_cameras_without_demo(self):
        path = harness.PLACE + "/software.conf"
        test_configuration.write("[Cameras]\nAllowSoftwareCameras=yes\n", path)
        program = services.arguments(services.likenessd())[0]
        done = subprocess.run([program, "--config=" + path], capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn("AllowSoftwareCameras=yes in [Cameras] is not possible without --demo", done.stderr)
        checked = subprocess.run(["likenessctl", "config", "check", path], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 1)
        self.assertIn("--demo", checked.stderr)


if __name__ == "__main__":
    harness.main()
