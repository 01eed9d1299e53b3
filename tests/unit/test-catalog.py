#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The journal's catalogue: every id of the programs is in it, with all that an entry needs, and every entry is used; and
journalctl takes it and shows it.

Argument: SOURCE-DIRECTORY"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
CATALOG = SOURCE + "/journal/likeness.catalog"
HEADER = SOURCE + "/daemon/common/message-ids.h"


def read(path):
    with open(path) as file:
        return file.read()


def ids_of_programs():
    """Name → id."""
    found = re.findall(r'^#define MESSAGE_(\w+) +"(.*)" /\* .* \*/$', read(HEADER), re.M)
    assert len(found) == read(HEADER).count("#define ")
    return dict(found)


def entries():
    """Id → (headers, text), as systemd reads them."""
    found = {}
    for part in re.split(r"^-- ", read(CATALOG), flags=re.M)[1:]:
        number, _, rest = part.partition("\n")
        head, _, text = rest.partition("\n\n")
        assert number not in found, number
        found[number] = (dict(line.split(": ", 1) for line in head.splitlines()), text)
    return found


def sources():
    for path in sorted(glob.glob(SOURCE + "/daemon/**/*.[ch]", recursive=True)):
        if path != HEADER:
            yield path


class Catalogue(unittest.TestCase):
    def test_every_id_is_explained(self):
        self.assertEqual(set(ids_of_programs().values()), set(entries()))
        self.assertEqual(len(set(ids_of_programs().values())), len(ids_of_programs()), "an id twice")

    def test_every_id_is_used(self):
        used = set()
        for path in sources():
            used.update(re.findall(r"\bMESSAGE_(\w+)\b", read(path)))
        self.assertEqual(set(ids_of_programs()) - used, set())

    def test_nothing_but_these_ids_is_sent(self):
        """An id that is written down elsewhere would have no entry."""
        for path in sources():
            self.assertNotRegex(read(path), r'"[0-9a-f]{32}"', path)

    def test_entries_are_complete(self):
        for number, (headers, text) in entries().items():
            with self.subTest(number, subject=headers.get("Subject")):
                self.assertRegex(number, r"^[0-9a-f]{32}$")
                self.assertEqual(list(headers), ["Subject", "Defined-By", "Support"])
                self.assertEqual(headers["Defined-By"], "Likeness")
                self.assertLessEqual(len(headers["Subject"]), 80)
                self.assertGreater(len(text.split()), 10)
                self.assertLessEqual(max(map(len, text.splitlines())), 80)
                self.assertEqual(set(re.findall(r"@(\w+)@", text)) - {"LIKENESS_SUPPORT_CODE"}, set())

    def test_named_things_exist(self):
        """Programs' options, settings and units are named as they are."""
        settings = read(SOURCE + "/daemon/likenessd/configuration-keys.c")
        for _, text in entries().values():
            for name in re.findall(r"\b([A-Z]\w+)=[ ,)]", text):
                self.assertIn(f'"{name}"', settings)

    @unittest.skipUnless(shutil.which("journalctl"), "journalctl is not installed")
    def test_journalctl_takes_it(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(root + "/usr/lib/systemd/catalog")
            os.makedirs(root + "/var/lib/systemd/catalog")
            shutil.copy(CATALOG, root + "/usr/lib/systemd/catalog/")
            made = subprocess.run(["journalctl", "--update-catalog", "--root=" + root], capture_output=True, text=True)
            self.assertEqual((made.returncode, made.stderr), (0, ""))
            shown = subprocess.run(["journalctl", "--list-catalog", "--root=" + root], capture_output=True, text=True)
            self.assertEqual(shown.returncode, 0, shown.stderr)
            for number, (headers, _) in entries().items():
                self.assertIn(f"{number} Likeness: {headers['Subject']}", shown.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
