# SPDX-License-Identifier: Apache-2.0
"""The package is removed while a program asks for the terminal's state all the time, as a shop's own may: each such call has
the bus start the service, also one that is just being removed."""

from harness import TestCase
from terminal import NAME, OBJECT

ASK = f"while [ ! -e /tmp/enough ]; do busctl --quiet --timeout=5 get-property {NAME} {OBJECT} {NAME} State; done"


class Removal(TestCase):
    def apt(self, command):
        return self.shop.run("root", "apt-get", "--yes", command, "likeness", timeout=200,
                             environment={"DEBIAN_FRONTEND": "noninteractive"})

    def test_somebody_asks_all_the_while(self):
        asking = [self.shop.start("visitor", "sh", "-c", ASK) for _ in range(3)]
        try:
            self.apt("remove")
        finally:
            self.shop.write("/tmp/enough", "")
            for process in asking:
                process.communicate(timeout=60)
        self.assertEqual(self.shop.processes("likeness.slice") + self.shop.processes("system.slice/likenessd.service"), [])
        self.assertEqual(self.shop.shell("root", "systemctl list-units --state=active --plain --no-legend 'likeness*'").stdout,
                         "")
        self.apt("purge")
        self.assertEqual([path for path in self.shop.files("/etc") if path.endswith("likeness-keyring")], [])
        self.assertNotIn("\nlikeness", self.shop.read("/etc/passwd"))
