#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Portraits that cannot be used: things that are no picture are an error in words, unusable portraits a verdict."""

import fcntl
import os
import socket

import harness
import pictures
import services
from client import BusError, Client, Request
from pictures import SEALED, encoded

from gi.repository import GLib

MIB = 1024 * 1024


class BadReference(harness.TestCase):
    def refused(self, portrait, words):
        caller = Client()
        with self.assertRaises(BusError) as caught:
            caller.verify(Request(portrait))
        caller.close()
        self.assertEqual(caught.exception.name, harness.ERROR + "BadReference", caught.exception)
        self.assertIn(words, caught.exception.message)
        self.assertTrue(caught.exception.message.startswith("reference: "), caught.exception.message)
        self.assertEqual(services.pictures_staying(), [])

    def refused_fd(self, fd, words="must be a memfd sealed"):
        try:
            self.refused(fd, words)
        finally:
            os.close(fd)

    # --- no sealed memfd

    def test_unsealed(self):
        self.refused_fd(pictures.memfd(pictures.portrait(1), seals=0))

    def test_each_seal_is_needed(self):
        for seal in (fcntl.F_SEAL_SEAL, fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE):
            with self.subTest(missing=seal):
                self.refused_fd(pictures.memfd(pictures.portrait(1), seals=SEALED & ~seal))

    def test_memfd_that_cannot_be_sealed(self):
        fd = os.memfd_create("portrait", os.MFD_CLOEXEC)
        os.write(fd, pictures.portrait(1))
        self.refused_fd(fd)

    def test_regular_file(self):
        self.refused_fd(os.open(harness.data("person01-portrait.jpg"), os.O_RDONLY))

    def test_directory(self):
        self.refused_fd(os.open("/", os.O_RDONLY | os.O_DIRECTORY))

    def test_device(self):
        self.refused_fd(os.open("/dev/zero", os.O_RDONLY))

    def test_fifo(self):
        path = harness.PLACE + "/fifo"
        os.mkfifo(path)
        self.refused_fd(os.open(path, os.O_RDWR))

    def test_pipe(self):
        """Nobody writes to it: reading it would block for ever."""
        readable, writable = os.pipe()
        self.refused_fd(readable)
        os.close(writable)

    def test_socket(self):
        one, other = socket.socketpair()
        with one, other:
            self.refused(one.fileno(), "must be a memfd sealed")

    def test_tcp_socket(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.refused(listener.fileno(), "must be a memfd sealed")

    # --- no descriptor where one was promised

    def test_index_without_descriptor(self):
        for index in (0, 7, 0x7fffffff):
            with self.subTest(index=index):
                with self.assertRaises(BusError) as caught:
                    Client().verify(Request(reference=GLib.Variant("h", index)))
                self.assertEqual(caught.exception.name, harness.ERROR + "BadRequest", caught.exception)
                self.assertIn("reference: ", caught.exception.message)

    # --- no picture

    def test_empty(self):
        self.refused(b"", "empty")

    def test_too_large(self):
        self.refused(pictures.portrait(1) + bytes(8 * MIB), "8 MiB")

    def test_text(self):
        self.refused(b"This is a portrait, honestly.\n" * 100, "neither JPEG, PNG nor JPEG 2000")

    def test_zeros(self):
        self.refused(bytes(8 * MIB), "neither JPEG, PNG nor JPEG 2000")

    def test_truncated_jpeg(self):
        whole = pictures.portrait(1)
        self.refused(whole[:len(whole) // 2], "damaged")
        self.refused(whole[:20], "damaged")

    def test_truncated_png(self):
        whole = encoded(pictures.opened(1), "PNG")
        self.refused(whole[:len(whole) // 2], "damaged")

    def test_truncated_jpeg2000(self):
        whole = encoded(pictures.opened(1), "JPEG2000")
        self.refused(whole[:100], "damaged")

    def test_random_bytes_after_a_signature(self):
        for start in (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"):
            with self.subTest(start=start):
                self.refused(start + bytes(range(256)) * 40, "reference: ")

    def test_png_of_900_megapixels(self):
        bomb = pictures.png_bomb(30000, 30000)
        self.assertLess(len(bomb), MIB)
        self.refused(bomb, "24 megapixels")

    def test_just_too_many_pixels(self):
        self.refused(pictures.png_bomb(6001, 4000), "24 megapixels")

    def test_cmyk(self):
        self.refused(encoded(pictures.opened(1).convert("CMYK")), "variant")


class Unusable(harness.TestCase):
    """Proper pictures whose portrait cannot be compared."""

    terminal = harness.Terminal(clip="person01-live.avi")

    def unusable(self, picture, *reasons):
        caller = Client()
        answer = caller.verify(Request(picture))
        caller.close()
        self.assertEqual(answer.verdict, "reference-unusable", answer)
        self.assertEqual(len(answer.reasons), 1, answer)
        self.assertIn(answer.reasons[0], reasons)

    def test_no_face_jpeg(self):
        self.unusable(encoded(pictures.landscape()), "portrait-none")

    def test_no_face_png(self):
        self.unusable(encoded(pictures.landscape(), "PNG"), "portrait-none")

    def test_no_face_jpeg2000(self):
        self.unusable(encoded(pictures.landscape(), "JPEG2000"), "portrait-none")

    def test_hardly_a_picture(self):
        for width, height in ((1, 1), (15, 16), (1, 1600), (1600, 1)):
            with self.subTest(width=width, height=height):
                self.unusable(encoded(pictures.landscape(width, height), "PNG"), "portrait-too-small", "portrait-none")

    def test_largest_picture(self):
        """24 megapixels are the most."""
        self.unusable(encoded(pictures.landscape(6000, 4000), quality=90), "portrait-none")

    def test_black(self):
        self.unusable(pictures.png_bomb(2000, 3000), "portrait-none", "portrait-several", "portrait-blurred")

    def test_tiny_face(self):
        self.unusable(encoded(pictures.with_tiny_face(1), "PNG"), "portrait-too-small")

    def test_two_faces(self):
        self.unusable(encoded(pictures.side_by_side(1, 2), quality=95), "portrait-several")

    def test_blurred(self):
        """"A different person" would be the wrong word for a portrait that shows nobody clearly."""
        for number in (1, 3, 5):
            with self.subTest(person=number):
                self.unusable(encoded(pictures.blurred(number, 0.02), quality=95), "portrait-blurred")
        self.unusable(encoded(pictures.blurred(4, 0.05), quality=95), "portrait-blurred", "portrait-none")


class Formats(harness.TestCase):
    """The same portrait in each format gives the same answer."""

    terminal = harness.Terminal(clip="person04-live.avi")

    def matches(self, picture):
        answer = Client().verify(Request(picture))
        self.assertEqual(answer.verdict, "match", answer)

    def test_png(self):
        self.matches(encoded(pictures.opened(4), "PNG"))

    def test_jpeg2000(self):
        self.matches(encoded(pictures.opened(4), "JPEG2000"))

    def test_sealed_against_future_writing_too(self):
        fd = pictures.memfd(pictures.portrait(4), seals=0)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALED | 0x10)       # F_SEAL_FUTURE_WRITE
        self.matches(fd)
        os.close(fd)


if __name__ == "__main__":
    harness.main()
