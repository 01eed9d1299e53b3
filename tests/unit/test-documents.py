#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The documents: every link leads somewhere, every file that is spoken of is there, and every test that a promise rests on
is a test.

Argument: SOURCE-DIRECTORY."""

import ast
import glob
import os
import re
import sys
import unittest

SOURCE = os.path.realpath(sys.argv[1])

# where a table names the tests of its promises
PROMISES = ("docs/privacy.md", "docs/threat-model.md")
FOLDERS = "client|daemon|docs|man|models|packaging|policy|schemas|tests|tools|units"


def documents():
    found = []
    for folder, names, files in os.walk(SOURCE):
        names[:] = [n for n in names if not n.startswith((".", "build")) and n != "__pycache__"]
        found += [os.path.join(folder, f) for f in files if f.endswith(".md")]
    return sorted(found)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def prose(path):
    """A document's text without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", read(path), flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """The names of a document's headings, as forges make them."""
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *$", prose(path), re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (name if number == 0 else f"{name}-{number}") in found:
            number += 1
        found.add(name if number == 0 else f"{name}-{number}")
    return found


def tests_of(path):
    """The names of a test file's cases: "Class", "Class.test" and "test"."""
    text = read(path)
    if path.endswith(".c"):
        return set(re.findall(r"^static void (\w+)\(void \*\*", text, re.MULTILINE))
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            tests = [f.name for f in node.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test")]
            names |= {f"{node.name}.{test}" for test in tests} | set(tests) | ({node.name} if tests else set())
    # what is added to a class when the tests begin
    for name, test in re.findall(r"\((\w+), \"(test_\w+)\"", text):
        names |= {name, test, f"{name}.{test}"}
    return names


def test_file(name):
    """The file of a test that is named with or without its folder and its ending; those of tests/bus need none."""
    name = name.removeprefix("tests/")
    for folder in ("tests/", "tests/bus/"):
        for ending in ("", ".py", ".c"):
            path = f"{SOURCE}/{folder}{name}{ending}"
            if os.path.isfile(path):
                return path
    return None


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        links = 0
        for path in documents():
            for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
                if re.match(r"[a-z]+:", target):
                    continue
                links += 1
                file, _, anchor = target.partition("#")
                there = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
                self.assertTrue(os.path.exists(there), f"{path}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(there), f"{path}: {target}")
        self.assertGreater(links, 60)

    def test_installed_documents_link_to_each_other_only(self):
        for path in documents():
            if os.path.relpath(path, SOURCE).startswith("docs/"):
                for target in re.findall(r"\]\(([^)#\s]+)", prose(path)):
                    there = os.path.relpath(os.path.join(os.path.dirname(path), target), SOURCE)
                    self.assertTrue(re.match(r"[a-z]+:", target) or there.startswith("docs/"), f"{path}: {target}")

    def test_every_file_that_is_named_is_there(self):
        named = 0
        for path in documents():
            for name in re.findall(rf"`((?:{FOLDERS})/[\w./@*-]+)`", prose(path)):
                named += 1
                self.assertTrue(glob.glob(f"{SOURCE}/{name}") or test_file(name), f"{path}: {name}")
        self.assertGreater(named, 10)

    def test_every_document_can_be_found(self):
        """From the README, by links."""
        reached, waiting = set(), [SOURCE + "/README.md"]
        while waiting:
            path = waiting.pop()
            if path in reached:
                continue
            reached.add(path)
            for target in re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", prose(path)):
                waiting.append(os.path.normpath(os.path.join(os.path.dirname(path), target)))
        self.assertEqual([p for p in documents() if p not in reached], [])


class Operations(unittest.TestCase):
    def test_every_problem_has_its_line(self):
        """What likenessctl status can say, and nothing else, is in the table of what to do."""
        words = re.findall(r'= "([a-z-]+)"', read(SOURCE + "/daemon/common/problem.c"))
        self.assertGreater(len(words), 8)
        table = read(SOURCE + "/docs/operations.md").split("\n| word |")[1].split("\n\n")[0]
        self.assertEqual(sorted(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)), sorted(words))


class Cameras(unittest.TestCase):
    def test_every_error_has_its_line(self):
        names = re.findall(r'LIKENESS_ERROR\("(\w*Camera\w*)"\)', read(SOURCE + "/daemon/likenessd/errors.h"))
        self.assertGreater(len(names), 8)
        table = read(SOURCE + "/docs/cameras.md").split("\n| error |")[1].split("\n\n")[0]
        self.assertEqual(sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)), sorted(names))

    def test_every_word_of_fitness_has_its_line(self):
        source = read(SOURCE + "/daemon/likenessd/camera-fitness.c").split("camera_fitness_to_string(")[1]
        words = re.findall(r'= "([a-z-]+)"', source.split("};")[0])
        table = read(SOURCE + "/docs/cameras.md").split("\n| word |")[1].split("\n\n")[0]
        self.assertEqual(sorted(re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)), sorted(words))


class Promises(unittest.TestCase):
    def promised(self, document):
        """[(file, test or None)] that a document names."""
        file = None
        for span in re.findall(r"`([^`\n]+)`", prose(f"{SOURCE}/{document}")):
            match = re.fullmatch(r"((?:\w+/)*test[-_][\w-]+(?:\.py|\.c)?)(?:: (.+))?", span)
            if match and (test_file(match[1]) or "/" in match[1] or match[2]):
                file = match[1]
                for name in (match[2] or "").split(", "):
                    yield file, name or None
            elif re.fullmatch(r"(?:[A-Z]\w+\.)?test(?:_\w+)?|[A-Z]\w+\.test\w*", span):
                yield file, span

    def test_every_test_is_there(self):
        for document in PROMISES:
            if not os.path.exists(f"{SOURCE}/{document}"):
                continue
            promised = list(self.promised(document))
            self.assertGreater(len(promised), 20, document)
            for file, test in promised:
                self.assertIsNotNone(file and test_file(file), f"{document}: {file}: {test}")
                if test:
                    self.assertIn(test, tests_of(test_file(file)), f"{document}: {file}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
