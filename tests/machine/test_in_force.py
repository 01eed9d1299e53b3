# SPDX-License-Identifier: Apache-2.0
"""What a container cannot show of the units' sandboxes: that cameras, and no other device, can be opened where the
kernel has a driver of cameras, and that the limits of memory, swap and processes hold."""

import re

import machine
import test_sandbox
from machine import SHARED

EXAMINER, DECODER = "likeness-examiner@.service", "likeness-decoder@.service"
SWAP = "/dev/vdb"


class InForce(test_sandbox.Sandbox, machine.TestCase):
    """With the probe and the tables of tests/system/test_sandbox.py."""
    test_each_setting_counts = test_keyring = test_courier = None       # a container shows as much of them

    @classmethod
    def prepare(cls):
        cls.shop.load("vivid", "n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0")
        test_sandbox.BUILT = SHARED + "/probe"
        super().prepare()

    def number_inside(self, pid):
        return str(pid)

    def without(self, unit, *patterns, instead=()):
        """A unit's lines, without some; each pattern must stand for one at least."""
        lines = self.lines_of(unit)
        for pattern in patterns:
            self.assertTrue(any(re.fullmatch(pattern, line) for line in lines), f"{unit} has no {pattern}")
        return [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in patterns)] + list(instead)

    def possible(self, attempt, unit, *patterns, instead=()):
        """Whether something can be done, with settings taken away and others put in their place. (Who is killed says
        nothing; that all others came to their end the probe has said.)"""
        tried, = self.probe((unit, self.without(unit, *patterns, instead=instead), [attempt]))
        return tried.get(attempt, False)

    def test_cameras_and_nothing_else(self):
        """DeviceAllow= where there is something to allow: it lets the examiner open a camera, and only a camera."""
        self.assertTrue(test_sandbox.driver_is_there())
        self.assertTrue(self.possible("device-camera", EXAMINER))
        self.assertFalse(self.possible("device-camera", EXAMINER, "DeviceAllow=.*"))
        self.assertFalse(self.possible("device-camera", DECODER))
        self.assertFalse(self.possible("device-camera", "likenessd.service"))
        for device in ("device-disk", "device-memory", "device-fuse"):
            self.assertFalse(self.possible(device, EXAMINER))

    def test_memory(self):
        """384 MiB for the examiner; who takes more is killed."""
        survive = {"instead": ["OOMPolicy=continue"]}
        self.assertFalse(self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", **survive))
        self.assertTrue(self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", "MemoryMax=.*", **survive))

    def test_the_slice_has_a_limit_too(self):
        self.shop.drop_in("likeness-examiner.slice", "[Slice]\nMemoryMax=256M\n")
        self.addCleanup(self.shop.no_drop_in, "likeness-examiner.slice")
        self.assertFalse(self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", "MemoryMax=.*",
                                       instead=["OOMPolicy=continue"]))

    def test_swap(self):
        """What does not fit is not written to the disk; without the setting it is."""
        self.shop.shell("root", f"mkswap {SWAP} && swapon {SWAP}")
        self.addCleanup(self.shop.run, "root", "swapoff", SWAP)
        survive = {"instead": ["OOMPolicy=continue"]}
        before = self.pages_swapped()
        self.assertFalse(self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", **survive))
        self.assertFalse(self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", "MemorySwapMax=.*", **survive))
        self.assertEqual(self.pages_swapped(), before, "the unit, and the slice")
        self.possible("fill-memory", EXAMINER, "OOMPolicy=.*", "MemorySwapMax=.*", "Slice=.*", **survive)
        self.assertGreater(self.pages_swapped(), before)

    def pages_swapped(self):
        return int(re.search(r"^pswpout (\d+)$", self.shop.read("/proc/vmstat"), re.MULTILINE).group(1))

    def test_processes(self):
        for unit in (EXAMINER, DECODER, "likenessd.service"):
            with self.subTest(unit=unit):
                self.assertFalse(self.possible("fork-many", unit, "LimitNPROC=.*"))
        self.assertTrue(self.possible("fork-many", EXAMINER, "LimitNPROC=.*", "TasksMax=.*", "Slice=.*"))
