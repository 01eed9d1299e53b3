# SPDX-License-Identifier: Apache-2.0
"""Faces that a test knows, made for this one run, so that nothing of another run or test is taken for theirs."""

import io
import os
import random

from PIL import Image, ImageChops

import pictures

FRAMES = 90         # 3 s: a check that stays uncertain looks at 60
MARK = 16           # pixels, a side of the corner that changes: one block of the compressed picture


def noise(source, size, most):
    """Random numbers from 0 to `most`."""
    picture = Image.frombytes("RGB", size, source.randbytes(3 * size[0] * size[1]))
    return picture.point(lambda value: value % (most + 1))


def noisy(image, source):
    """Fine noise that makes each pixel another one, and coarse noise that is still there when the picture is shrunk. No
    face changes by as little."""
    coarse = noise(source, (40, 40), 12).resize(image.size, Image.BILINEAR)
    image = ImageChops.add(image, noise(source, image.size, 4), 1, -2)
    return ImageChops.add(image, coarse, 1, -6)


def frame_of(clip, number):
    """A frame of a recording."""
    with open(f"{os.environ['LIKENESS_DATA']}/camera/{clip}", "rb") as file:
        content = file.read()
    at = content.index(b"movi") + 4
    while True:
        name, size = content[at:at + 4], int.from_bytes(content[at + 4:at + 8], "little")
        if name == b"00dc" and size > 0:
            if number == 0:
                return Image.open(io.BytesIO(content[at + 8:at + 8 + size])).convert("RGB")
            number -= 1
        at += 8 + size + size % 2


class Faces:
    """Recordings and portraits with noise of their own. In a recording the face keeps still and only the last corner
    changes, so that every check, whichever frames it gets, has the same pictures of the face in its memory; and no two
    frames are the same, as with a camera."""

    def __init__(self, seed=None):
        self.source = random.Random(seed if seed is not None else os.urandom(16))

    def clip(self, name, number, frames=FRAMES):
        image = noisy(frame_of(name, number), self.source)
        corner = (image.width // MARK * MARK - MARK, image.height // MARK * MARK - MARK)
        frames_made = []
        for _ in range(frames):
            colour = tuple(self.source.randrange(256) for _ in range(3))
            image.paste(Image.new("RGB", (MARK, MARK), colour), corner)
            frames_made.append(pictures.encoded(image, quality=90))
        return pictures.avi(frames_made, image.width, image.height)

    def portrait(self, number, form="JPEG", **options):
        return pictures.encoded(noisy(pictures.opened(number), self.source), form,
                                **({"quality": 92} if form == "JPEG" else {}), **options)
