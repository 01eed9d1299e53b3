# SPDX-License-Identifier: Apache-2.0
"""Pictures and recordings made at run time, in memory, from the portraits of the test data or from nothing."""

import fcntl
import io
import os
import struct
import zlib

from PIL import Image, ImageDraw, ImageFilter

from testdata import data

SEALED = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def memfd(content, seals=SEALED, name="portrait"):
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def portrait(number):
    """The bytes of personNN-portrait.jpg."""
    with open(data(f"person{number:02}-portrait.jpg"), "rb") as file:
        return file.read()


def opened(number):
    return Image.open(io.BytesIO(portrait(number))).convert("RGB")


def encoded(image, form="JPEG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def landscape(width=640, height=480):
    """A picture without a face."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.polygon([(0, height), (width * 0.4, height * 0.35), (width * 0.8, height)], fill=(70, 90, 60))
    draw.rectangle([width * 0.7, height * 0.6, width * 0.9, height], fill=(120, 60, 40))
    return image


def with_tiny_face(number):
    """The portrait so small that its eyes are about 15 pixels apart, on an empty page."""
    image = opened(number)
    image.thumbnail((80, 80), Image.LANCZOS)
    page = Image.new("RGB", (400, 400), (200, 200, 200))
    page.paste(image, (160, 160))
    return page


def side_by_side(one, other):
    faces = [opened(one), opened(other)]
    height = 480
    faces = [face.resize((face.width * height // face.height, height), Image.LANCZOS) for face in faces]
    page = Image.new("RGB", (sum(face.width for face in faces), height))
    left = 0
    for face in faces:
        page.paste(face, (left, 0))
        left += face.width
    return page


def blurred(number, share=0.02):
    image = opened(number)
    return image.filter(ImageFilter.GaussianBlur(max(image.size) * share))


def png_chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width, height):
    """A tiny PNG that promises, and really has, width × height pixels of one bit."""
    rows = zlib.compressobj(9)
    line = bytes(1 + (width + 7) // 8)
    packed = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def chunk(kind, content):
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def chunks(kind, form, *parts):
    return chunk(kind, form + b"".join(parts))


def avi(frames, width, height, rate=30):
    """A recording: MJPEG in AVI (the RIFF form of Microsoft's "AVI RIFF File Reference")."""
    largest = max(len(frame) for frame in frames)
    main = struct.pack("<14I", 1000000 // rate, largest * rate, 0, 0x10, len(frames), 0, 1, largest, width, height,
                       0, 0, 0, 0)
    stream = b"vidsMJPG" + struct.pack("<IHHIIIIIIiI4H", 0, 0, 0, 0, 1, rate, 0, len(frames), largest, -1, 0,
                                       0, 0, width, height)
    picture = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
    index, offset = b"", 4
    for frame in frames:
        index += struct.pack("<4sIII", b"00dc", 0x10, offset, len(frame))
        offset += len(chunk(b"00dc", frame))
    return chunks(b"RIFF", b"AVI ",
                  chunks(b"LIST", b"hdrl", chunk(b"avih", main),
                         chunks(b"LIST", b"strl", chunk(b"strh", stream), chunk(b"strf", picture))),
                  chunks(b"LIST", b"movi", *(chunk(b"00dc", frame) for frame in frames)),
                  chunk(b"idx1", index))


def frames_of(path):
    """The pictures of a recording."""
    with open(path, "rb") as file:
        data = file.read()
    at, found = data.index(b"movi") + 4, []
    while data[at:at + 4] == b"00dc":
        size = struct.unpack_from("<I", data, at + 4)[0]
        found.append(Image.open(io.BytesIO(data[at + 8:at + 8 + size])))
        at += 8 + size + size % 2
    return found


def turned_recording(path, count):
    """As a camera would take it that hangs on its side and mirrors: turned to the left, then mirrored."""
    frames = [frame.transpose(Image.Transpose.ROTATE_90).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
              for frame in frames_of(path)[:count]]
    return avi([encoded(frame, quality=90) for frame in frames], *frames[0].size)


def recording_without_face(seconds):
    """An empty shop: a landscape in which something small moves, so that no two frames are the same."""
    frames = []
    for i in range(30):
        image = landscape()
        ImageDraw.Draw(image).ellipse([20 + 15 * i, 400, 60 + 15 * i, 440], fill=(200, 200, 40))
        frames.append(encoded(image, quality=80))
    return avi([frames[i % 30] for i in range(int(30 * seconds))], 640, 480)
