#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whole verifications with a V4L2 camera: found through udev, opened by GStreamer's v4l2src, answered by tests/pipeline's
v4l2-mock. usage: test-camera.py BUILD-DIRECTORY SOURCE-DIRECTORY
"""

import json
import os
import subprocess
import sys
import unittest

BUILD, SOURCE = (os.path.realpath(path) for path in sys.argv[1:3])
DATA = os.environ.get("LIKENESS_DATA") or os.path.realpath(SOURCE + "/../shared/data")
MODELS = os.environ.get("LIKENESS_MODELS") or os.path.realpath(SOURCE + "/../shared/models")
PORTRAIT = DATA + "/camera/person01-portrait.jpg"
MOCK = BUILD + "/tests/pipeline/v4l2-mock"
TRANSACTION = "camera-test"

VERIFY = f"likenessctl verify --json --document=passport --challenge=none --transaction={TRANSACTION} " \
         f"--reference={PORTRAIT} 2>/dev/null; "
LEDGER = "cat /run/private-bus/state/ledger-demo/*.jws"


def why_not():
    if os.geteuid() != 0:
        return "a private bus needs root"
    for path in (DATA, MODELS):
        if not os.path.isdir(path):
            return f"{path} is no directory; set LIKENESS_DATA and LIKENESS_MODELS"
    if not os.path.exists(MOCK):
        return "there is no v4l2-mock; install libumockdev-dev and umockdev"
    return None


def run(script, **camera):
    """What a shell said in a terminal whose only camera is the mock."""
    environment = {**os.environ, **camera, "LIKENESS_MODELS": MODELS,
                   "MOCK_CAMERA_CLIP": DATA + "/camera/person01-live.avi",
                   "LD_PRELOAD": f"libumockdev-preload.so.0:{BUILD}/tests/pipeline/mock-shim.so"}
    done = subprocess.run([MOCK, SOURCE + "/tools/private-bus", "--build-dir=" + BUILD, "--", "sh", "-c", script],
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=100)
    return done.stdout.splitlines()


def claims(jws):
    import base64
    body = jws.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


class Camera(unittest.TestCase):
    def test_a_camera_is_found_and_used(self):
        lines = run(VERIFY + LEDGER)
        self.assertEqual(json.loads(lines[0])["verdict"], "match")
        self.assertEqual(claims(lines[-1])["verdict"], "match")

    def test_unplugged_in_the_middle(self):
        """It is said in words, closed as what it was, and counts once a face was seen: pulling the plug is no way out."""
        lines = run(VERIFY * 4 + LEDGER, MOCK_CAMERA_VANISH_AFTER="12")
        answers, entries = [json.loads(line) for line in lines[:4]], [claims(line) for line in lines[4:]]
        for answer in answers[:3]:
            self.assertEqual(answer["error"], "org.likeness.Verifier1.Error.CameraLost")
        self.assertEqual(answers[3]["verdict"], "exhausted")
        opened = [e["sequence"] for e in entries if e["entry"] == "opened"]
        closed = [e for e in entries if e["entry"] == "closed"]
        self.assertEqual([e["opening"] for e in closed], opened)
        self.assertEqual([e["cause"] for e in closed], ["camera-lost"] * 3 + ["verdict"])
        self.assertTrue(all(e["face-seen"] for e in closed[:3]))

    def test_busy(self):
        lines = run(VERIFY, MOCK_CAMERA_BUSY="1")
        self.assertEqual(json.loads(lines[0])["error"], "org.likeness.Verifier1.Error.CameraBusy")


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
