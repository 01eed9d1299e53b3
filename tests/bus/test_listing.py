#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""ListCameras and likenessctl cameras, with cameras that tests/pipeline's v4l2-mock presents: what is there, what each
can do, which is fit for what and why not."""

import collections
import json
import os
import signal
import subprocess

import harness
import services

try:
    import client
    import pictures
    import test_camera_trouble
    import test_health
    import test_sleep
except ImportError:
    pass                            # outside, where nothing of this is used

COLOUR = "usb-1d6b:0102-A1@0000:00:14.0-1:1.0"
INFRARED = "usb-0bda:5411@0000:00:14.0-2:1.0"
LARGE = "usb-2bc5:0501@0000:00:14.0-3:1.0"
TWIN = "usb-2bc5:0501@0000:00:14.0-4:1.0"
LOOPBACK = "virtual@video4"
BUSY = "usb-2bc5:0502@0000:00:14.0-5:1.0"
SMALL = "usb-0bda:5412@0000:00:14.0-7:1.0"

# A counter: a small colour camera (the only one that streams), its metadata node, two infrared ones that come
# first by name, two of the same model without serial numbers, a loopback device, one in use, and one at another seat.
COUNTER = {
    "MOCK_CAMERA_PLACE": "serial=A1 card=Counter_camera",
    "MOCK_MORE_CAMERAS": ";".join((
        "number=1 port=2 vendor=0bda product=5411 mode=GREY:640x360@15 mode=Y16:640x360@15",
        "number=2 port=3 vendor=2bc5 product=0501 mode=MJPG:1920x1080@30 mode=MJPG:1280x720@30 mode=MJPG:640x480@30 "
        "mode=MJPG:320x240@30 mode=YUYV:640x480@30",
        "number=3 port=4 vendor=2bc5 product=0501 mode=YUYV:1280x720@10",
        "number=4 software mode=MJPG:1920x1080@30",
        "number=5 port=5 vendor=2bc5 product=0502 busy mode=NV12:1280x720@30",
        "number=6 port=6 seat=seat-left mode=MJPG:1920x1080@30",
        "number=7 port=1 serial=A1 index=1 metadata",
        "number=8 port=7 vendor=0bda product=5412 mode=GREY:320x240@30")),
}


def configuration(*lines):
    def prepare(scratch):
        with open(scratch + "/cameras.conf", "w") as file:
            file.write("[Verification]\nMode=pilot\nReferenceSources=supplied\nMinimumChallenge=none\n"
                       "[Cameras]\n" + "\n".join(lines) + "\n")
        return ["--config=" + scratch + "/cameras.conf"]
    return prepare


def likenessctl(*words):
    done = subprocess.run(["likenessctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=harness.PATIENCE)
    return done.returncode, done.stdout, done.stderr


def daily(scratch):
    """The entry "health" every two seconds."""
    import test_health as outside
    return outside.often(scratch)


class Cameras(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.caller = client.Client()
        self.addCleanup(self.caller.close)

    def start(self):
        return client.Call(self.caller, harness.PATH, harness.NAME, "ListCameras", None)

    def cameras(self):
        """{name: camera}; the names in their order are in `order`."""
        listed = self.start().wait().unpack()[0]
        self.order = [camera["name"] for camera in listed]
        return {camera["name"]: camera for camera in listed}

    def told_daily(self):
        """What the entries "health" say of the camera."""
        entries = harness.eventually(test_health.health, 20)
        self.assertTrue(entries, "no entry")
        return {entry["camera"] for entry in entries}

    def used(self, cameras):
        return [name for name, camera in cameras.items() if camera["used-for-face"]]


class Counter(Cameras):
    terminal = harness.Terminal(cameras=COUNTER)

    def test_what_is_there(self):
        """Those of the caller's seat, without the metadata node; each with what it is, by its formats."""
        cameras = self.cameras()
        self.assertEqual(self.order, [COLOUR, INFRARED, LARGE, TWIN, LOOPBACK, BUSY, SMALL])
        self.assertEqual([cameras[name]["node"] for name in self.order],
                         [f"/dev/video{i}" for i in (0, 1, 2, 3, 4, 5, 8)])
        self.assertEqual([cameras[name]["kind"] for name in self.order],
                         ["colour", "infrared", "colour", "colour", "unknown", "colour", "infrared"])
        self.assertEqual([cameras[name]["state"] for name in self.order],
                         ["ready", "ready", "ready", "ready", "camera-refused", "camera-busy", "ready"])
        self.assertEqual([cameras[name]["hardware"] for name in self.order],
                         [True, True, True, True, False, True, True])
        self.assertEqual(cameras[COLOUR]["label"], "Counter camera")

    def test_which_is_fit(self):
        cameras = self.cameras()
        face = {name: (camera["face"], camera.get("face-eye-pixels")) for name, camera in cameras.items()}
        self.assertEqual(face, {COLOUR: ("few-pixels", 28), INFRARED: ("no-colour", 38), LARGE: ("fit", 76),
                                TWIN: ("fit", 76), LOOPBACK: ("no-hardware", None), BUSY: ("fit", 76),
                                SMALL: ("few-pixels", 19)})
        document = {name: (camera["document"], camera.get("document-eye-pixels")) for name, camera in cameras.items()}
        self.assertEqual(document, {COLOUR: ("few-pixels", 7), INFRARED: ("few-pixels", 10), LARGE: ("fit", 30),
                                    TWIN: ("few-pixels", 20), LOOPBACK: ("no-hardware", None),
                                    BUSY: ("few-pixels", 20), SMALL: ("few-pixels", 5)})

    def test_modes(self):
        cameras = self.cameras()
        self.assertEqual(cameras[COLOUR]["modes"], [("MJPG", 360, 480, 30000)])
        self.assertEqual(cameras[INFRARED]["modes"], [("GREY", 640, 360, 15000), ("Y16", 640, 360, 15000)])
        self.assertEqual(len(cameras[LARGE]["modes"]), 5)
        self.assertEqual(cameras[BUSY]["modes"], [("NV12", 1280, 720, 30000)])
        self.assertEqual(cameras[LOOPBACK]["modes"], [])

    def test_the_one_that_is_used_is_marked(self):
        """Colour goes before infrared, whatever their names; and a check then really uses that one."""
        self.assertEqual(self.used(self.cameras()), [COLOUR])
        self.assertEqual(self.caller.verify(client.Request(pictures.portrait(1))).verdict, "match")

    def test_no_other_takes_the_place_of_one_that_cannot_be_opened(self):
        """The first by name may not be opened: that is what is told, here as in a check."""
        node = os.environ["UMOCKDEV_DIR"] + "/dev/video1"
        os.chmod(node, 0o600)
        self.addCleanup(os.chmod, node, 0o666)
        cameras = self.cameras()
        self.assertEqual((cameras[INFRARED]["state"], cameras[INFRARED]["face"]), ("camera-denied", "not-available"))
        self.assertEqual(self.used(cameras), [INFRARED])
        with self.assertRaises(client.BusError) as refused:
            self.caller.verify(client.Request(pictures.portrait(1)))
        self.assertEqual(refused.exception.name, harness.ERROR + "CameraDenied")

    def test_it_is_no_attempt(self):
        """Nothing is recorded, nothing is left, and the terminal is idle."""
        ledger = lambda: sorted((e.name, e.stat().st_size) for e in os.scandir(harness.STATE + "/ledger-demo"))
        self.cameras()
        before, descriptors = ledger(), services.descriptors()
        for _ in range(3):
            self.cameras()
        self.assertEqual(ledger(), before)
        self.assertTrue(harness.eventually(lambda: services.descriptors() <= descriptors, 10))
        services.wait_idle()
        self.assertEqual(self.caller.get("State"), "idle")

    def test_not_while_a_check_runs(self):
        session = self.caller.begin(client.Request(pictures.portrait(2)))
        with self.assertRaises(client.BusError) as refused:
            self.start().wait()
        self.assertEqual(refused.exception.name, harness.ERROR + "Busy")
        session.cancel()
        session.finished()
        services.wait_idle()
        self.assertEqual(len(self.cameras()), 7)

    def test_two_at_once(self):
        """One is answered, the other is told that somebody looks already; never a third thing."""
        calls = [self.start(), self.start()]
        names = []
        for call in calls:
            try:
                self.assertEqual(len(call.wait().unpack()[0]), 7)
                names.append("answered")
            except client.BusError as e:
                names.append(e.name)
                self.assertIn("looked at", e.message)
        self.assertEqual(names, ["answered", harness.ERROR + "Busy"])

    def test_caller_leaves(self):
        """Nobody is there any more to be answered: the next one is."""
        other = client.Client()
        client.Call(other, harness.PATH, harness.NAME, "ListCameras", None)
        other.close()
        services.wait_idle()
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "idle", 10))
        self.assertEqual(len(self.cameras()), 7)

    def test_likenessctl(self):
        status, text, _ = likenessctl("cameras")
        self.assertEqual(status, 0)
        self.assertIn(f"{COLOUR}  <- sees the customer\n", text)
        self.assertEqual(text.count("<-"), 1)
        self.assertIn('  device    /dev/video0, "Counter camera", colour\n', text)
        self.assertIn("infrared", text)
        self.assertIn("  face      fit (76 pixels between the eyes)\n  document  fit (30 pixels between the eyes)\n"
                      "            MJPG 1920x1080 at 30, 1280x720 at 30, 640x480 at 30 and 1 more\n"
                      "            YUYV 640x480 at 30\n", text)
        self.assertIn("  document  not fit: too few pixels (20 pixels between the eyes; 30 are needed)\n", text)
        self.assertIn("  state     refused: no hardware is behind it", text)
        self.assertIn("  state     busy: another program uses it", text)

    def test_likenessctl_json(self):
        status, text, _ = likenessctl("cameras", "--json")
        self.assertEqual((status, text.count("\n")), (0, 1))
        listed = json.loads(text)["cameras"]
        self.assertEqual([camera["name"] for camera in listed], [COLOUR, INFRARED, LARGE, TWIN, LOOPBACK, BUSY,
                                                              SMALL])
        self.assertEqual(listed[0]["modes"], [{"format": "MJPG", "width": 360, "height": 480, "rate": 30.0}])
        self.assertEqual([("holders" in camera) for camera in listed], [False] * 5 + [True, False])


class Pinned(Cameras):
    terminal = harness.Terminal(cameras=COUNTER, prepare=configuration("Face=usb-2bc5:*-3:*", "Document=*-4:1.0"))

    def test_others_are_not_used(self):
        cameras = self.cameras()
        self.assertEqual(self.used(cameras), [LARGE])
        self.assertEqual({name: camera["face"] for name, camera in cameras.items()},
                         {COLOUR: "not-pinned", INFRARED: "not-pinned", LARGE: "fit", TWIN: "not-pinned",
                          LOOPBACK: "no-hardware", BUSY: "not-pinned", SMALL: "not-pinned"})
        self.assertEqual({name: camera["document"] for name, camera in cameras.items()},
                         {COLOUR: "not-pinned", INFRARED: "not-pinned", LARGE: "not-pinned", TWIN: "few-pixels",
                          LOOPBACK: "no-hardware", BUSY: "not-pinned", SMALL: "not-pinned"})
        # what was not asked about is known all the same
        self.assertEqual(cameras[COLOUR]["state"], "ready")


class Many(Cameras):
    """More than are opened at once."""
    terminal = harness.Terminal(
        cameras={"MOCK_MORE_CAMERAS": ";".join(f"number={n} port={n + 1} mode=YUYV:640x480@30" for n in range(1, 9))},
        prepare=configuration("Face=*-9:1.0"))

    def test_the_one_that_is_used_is_among_them(self):
        cameras = self.cameras()
        self.assertEqual(len(cameras), 9)
        self.assertEqual([name.endswith("-9:1.0") for name in self.used(cameras)], [True])
        self.assertEqual(sorted(camera["state"] for camera in cameras.values()), ["not-opened"] + ["ready"] * 8)


class Software(Cameras):
    terminal = harness.Terminal(cameras=COUNTER, prepare=configuration("AllowSoftwareCameras=yes"))

    def test_may_be_looked_at_where_policy_permits_them(self):
        cameras = self.cameras()
        self.assertEqual((cameras[LOOPBACK]["state"], cameras[LOOPBACK]["hardware"]), ("ready", False))
        self.assertEqual((cameras[LOOPBACK]["face"], cameras[LOOPBACK]["document"]), ("fit", "fit"))
        self.assertEqual(self.used(cameras), [COLOUR])


class Daily(Cameras):
    """The fitness is in the entry "health", in a word."""

    terminal = harness.Terminal(cameras={}, prepare=daily)

    def test_the_camera_is_looked_at(self):
        self.assertEqual(self.told_daily(), {"few-pixels"})
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "idle", 10))

    def test_who_comes_meanwhile_goes_first(self):
        """The camera does not answer who looks at it for the record, and the customer comes in the middle of that."""
        test_camera_trouble.control("fault=stuck-opening")
        self.addCleanup(test_camera_trouble.control, "")
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "busy"))
        test_camera_trouble.control("")
        self.assertEqual(self.caller.verify(client.Request(pictures.portrait(1))).verdict, "match")


class OnlySoftware(Cameras):
    terminal = harness.Terminal(cameras={"MOCK_CAMERA_PLACE": "software"}, prepare=daily)

    def test_daily(self):
        self.assertEqual(self.told_daily(), {"no-hardware"})

    def test_none_is_used(self):
        cameras = self.cameras()
        self.assertEqual([camera["state"] for camera in cameras.values()], ["camera-refused"])
        self.assertEqual(self.used(cameras), [])
        status, text, _ = likenessctl("cameras")
        self.assertEqual(status, 1)
        self.assertIn("None of them can see the customer", text)


class Elsewhere(Cameras):
    terminal = harness.Terminal(cameras={"MOCK_CAMERA_PLACE": "seat=seat-left"}, prepare=daily)

    def test_daily(self):
        self.assertEqual(self.told_daily(), {"none"})

    def test_no_camera_at_this_seat(self):
        self.assertEqual(self.cameras(), {})
        self.assertEqual(services.instances(), [])
        status, text, _ = likenessctl("cameras")
        self.assertEqual(status, 1)
        self.assertIn("no camera at your seat", text)


class InUse(Cameras):
    terminal = harness.Terminal(cameras={"MOCK_CAMERA_BUSY": "1"})

    def test_all_are_in_use(self):
        """Which program holds it is looked for by who asks: by likenessctl, in its own name."""
        camera, = self.cameras().values()
        self.assertEqual((camera["state"], camera["used-for-face"]), ("camera-busy", True))
        status, text, _ = likenessctl("cameras")
        self.assertEqual(status, 1)
        self.assertIn("  <- should see the customer\n", text)
        self.assertIn("a check would fail", text)
        status, text, _ = likenessctl("verify", "--json", "--document=passport", "--challenge=none",
                                      "--transaction=t-1", "--reference=" + harness.data("person01-portrait.jpg"))
        answer = json.loads(text)
        self.assertEqual((status, answer["error"]), (3, harness.ERROR + "CameraBusy"))
        self.assertIsInstance(answer["holders"], list)


class Wedged(Cameras):
    terminal = harness.Terminal(cameras={
        "MOCK_MORE_CAMERAS": "port=2 stuck mode=YUYV:640x480@30;port=3 vendor=2bc5 mode=YUYV:640x480@30"})

    def listing(self):
        """One that is under way."""
        call = self.start()
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "busy"))
        return call

    def overtaken(self, call):
        outcome = call.outcome()
        self.assertEqual(outcome.name, harness.ERROR + "Busy", outcome)
        self.assertIn("A check began", outcome.message)

    def test_one_driver_does_not_answer(self):
        """It is told as that, the others as they are, and a check works after that."""
        states = [camera["state"] for camera in self.start().wait().unpack()[0]]
        self.assertEqual(states, ["ready", "camera-stuck", "ready"])
        services.wait_idle()
        self.assertEqual(self.caller.verify(client.Request(pictures.portrait(1))).verdict, "match")

    def test_a_check_goes_first(self):
        """No customer waits for somebody who wants to know what cameras are there; and so by every way to ask."""
        customer = client.Client()
        self.addCleanup(customer.close)
        call = self.listing()
        self.assertEqual(customer.verify(client.Request(pictures.portrait(1))).verdict, "match")
        self.overtaken(call)
        services.wait_idle()

        call = self.listing()
        self.assertEqual(customer.begin(client.Request(pictures.portrait(1))).finished().verdict, "match")
        self.overtaken(call)
        services.wait_idle()
        self.assertEqual(self.caller.get("State"), "idle")

    def test_checks_that_come_together_meanwhile(self):
        """The first is carried out, who asked the same has its answer, and another is told that it runs."""
        call, face = self.listing(), pictures.portrait(1)
        calls = [client.Client().start(client.Request(face, nonce=nonce)) for nonce in ("A" * 32, "A" * 32, "B" * 32)]
        first, same, other = [asked.outcome() for asked in calls]
        self.assertEqual((first.verdict, same.verdict), ("match", "match"))
        self.assertEqual(first.fields["receipt"], same.fields["receipt"])
        self.assertEqual(other.name, harness.ERROR + "Busy")
        self.overtaken(call)

    def test_the_machine_goes_to_sleep_meanwhile(self):
        """No camera is open when it does; its caller is told."""
        logind = test_sleep.Logind()
        self.addCleanup(logind.close)
        self.assertTrue(client.spin(lambda: logind.calls and logind.held(), 10))
        call = self.start()
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "busy"))
        logind.prepare(True)
        outcome = call.outcome()
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable", outcome)
        self.assertIn("going to sleep", outcome.message)
        self.assertTrue(client.spin(lambda: not logind.held(), 10), "the machine waits for nothing")
        services.wait_idle()
        self.assertIn("going to sleep", self.start().outcome().message)
        logind.prepare(False)
        self.assertTrue(client.spin(logind.held, 10))

    def test_the_service_is_stopped_meanwhile(self):
        """Its caller is told that, and nothing is left."""
        call = self.start()
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "busy"))
        daemon = services.Daemon()
        outcome = call.outcome()
        self.assertEqual(outcome.name, harness.ERROR + "Unavailable", outcome)
        self.assertIn("being stopped", outcome.message)
        services.wait_idle()
        self.assertTrue(daemon.process.poll() is None)
        self.assertEqual(client.Client().get("State"), "idle")


def hostile(scratch):
    return [f"--examiner={harness.build_directory()}/tests/bus/hostile-examiner",
            *configuration("Face=auto")(scratch)]


class Hostile(Cameras):
    terminal = harness.Terminal(cameras={}, prepare=hostile)
    PROGRAM = "hostile-examiner"

    def set_mode(self, mode):
        harness.file_of(mode.encode() + b"\n", "hostile-mode")

    def test_what_an_examiner_may_say(self):
        """The control, and everything that it may not say: the caller has an error, the examiner is gone."""
        for mode in ("outcome", "verdict", "denied", "none", "more", "modes", "fourcc", "rate", "signature", "error",
                     "hang-up", "silent"):
            with self.subTest(mode=mode):
                self.set_mode("inspect-" + mode)
                before = len(services.log())
                with self.assertRaises(client.BusError) as refused:
                    self.start().wait()
                self.assertEqual(refused.exception.name, harness.ERROR + "Unavailable")
                self.assertLess(len(refused.exception.message), 200)
                self.assertIn("the cameras cannot be inspected: ", services.log()[before:])
                self.assertEqual(services.instances(program=self.PROGRAM), [])
                self.set_mode("inspect")
                self.assertEqual(len(self.cameras()), 1)

    def test_one_that_does_not_end(self):
        """Its word is told; then nothing can begin until it is gone, and the terminal says so."""
        self.set_mode("inspect-stuck")
        self.assertEqual(len(self.cameras()), 1)
        self.assertIn("examiner-stuck", self.caller.get("Problems"))
        with self.assertRaises(client.BusError) as refused:
            self.start().wait()
        self.assertEqual(refused.exception.name, harness.ERROR + "Unavailable")

        for pid in services.instances(program=self.PROGRAM):
            services.signal_process(pid, 9)
        self.assertTrue(harness.eventually(lambda: "examiner-stuck" not in self.caller.get("Problems"), 10))
        self.set_mode("inspect")
        self.assertEqual(len(self.cameras()), 1)

    def hung_listing(self):
        """One whose examiner has said all and does not end: 2 seconds in which nobody knows that yet."""
        self.set_mode("inspect-stuck")
        call = self.start()
        self.assertTrue(harness.eventually(lambda: "stays" in map(self.comm, services.instances(program=self.PROGRAM))))
        return call

    def comm(self, pid):
        try:
            with open(f"/proc/{pid}/comm") as file:
                return file.read().strip()
        except OSError:
            return None

    def let_go(self):
        self.set_mode("inspect")
        for pid in services.instances(program=self.PROGRAM):
            services.signal_process(pid, signal.SIGKILL)

    def test_not_more_than_may_wait(self):
        """Sixteen checks wait for its end, until it is known that there is none; the others are told at once."""
        call = self.hung_listing()
        callers = [client.Client(user) for user in ("clerk", "root") for _ in range(10)]
        calls = [caller.start(client.Request(pictures.portrait(1))) for caller in callers]
        names = collections.Counter(asked.outcome().name for asked in calls)
        self.assertEqual(names, {harness.ERROR + "Unavailable": 16, harness.ERROR + "Busy": 4})
        self.assertTrue(client.spin(call.is_over))
        self.let_go()
        for caller in callers:
            caller.close()
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "idle", 10))

    def test_who_has_left_when_its_turn_comes(self):
        """Its check never begins."""
        opened = lambda: sum(e["entry"] == "opened" for e in test_health.receipts.entries())
        before, call, gone = opened(), self.hung_listing(), client.Client()
        gone.start(client.Request(pictures.portrait(1)))
        # who asks later has his answer: it waits by now
        self.assertEqual(client.Call(client.Client(), harness.PATH, harness.NAME, "ListCameras", None).outcome().name,
                         harness.ERROR + "Busy")
        gone.close()
        self.let_go()
        self.assertTrue(client.spin(call.is_over))
        self.assertTrue(harness.eventually(lambda: self.caller.get("State") == "idle", 10))
        self.assertEqual(opened(), before)
        self.assertEqual(len(self.cameras()), 1)


if __name__ == "__main__":
    harness.main()
