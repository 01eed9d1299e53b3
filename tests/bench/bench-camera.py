#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures whole verifications through GStreamer's v4l2src, in every layout of pixels at 720p and 1080p, and prints one
JSON object a line. The camera is tests/pipeline's v4l2-mock, in a process of its own, with a recording that was enlarged.

usage: bench-camera.py BUILD-DIRECTORY [RUNS]   (as root; recordings from LIKENESS_DATA or ../shared/data)

A benchmark, not a test: nothing is asserted. CPU is the examiner's own, that of vision included; to ask the mock for a
picture costs more than to ask a kernel. "closing" is all that follows the last frame that was needed: the conclusion, the
camera's closing, the answer to likenessd.
"""

import io
import json
import os
import struct
import subprocess
import sys
import tempfile

import bench

from PIL import Image

PERSON = "person01"
LAYOUTS = ("MJPG", "YUYV", "NV12", "GREY")
SIZES = ((1280, 720), (1920, 1080))
FRAMES = 140


def pictures_of(path):
    with open(path, "rb") as file:
        data = file.read()
    at = data.index(b"movi") + 4
    while data[at:at + 4] == b"00dc":
        size = struct.unpack_from("<I", data, at + 4)[0]
        if size > 0:                    # else the one before, once more
            yield Image.open(io.BytesIO(data[at + 8:at + 8 + size]))
        at += 8 + size + size % 2


def enlarged(picture, width, height):
    """The picture in the middle, the same, blown up, around it."""
    whole = picture.resize((width, height))
    middle = picture.resize((picture.width * height // picture.height, height))
    whole.paste(middle, ((width - middle.width) // 2, 0))
    encoded = io.BytesIO()
    whole.save(encoded, "JPEG", quality=85)
    return encoded.getvalue()


def write_clip(path, width, height):
    # as tests/bus/pictures.py, which does not come without the tests' harness
    sys.path.insert(0, bench.SOURCE + "/tests/bus")
    import pictures
    frames = [enlarged(p, width, height) for _, p in zip(range(FRAMES), pictures_of(
        f"{bench.DATA}/camera/{PERSON}-live.avi"))]
    with open(path, "wb") as file:
        file.write(pictures.avi(frames, width, height))


def run_camera(build, clip, layout, runs):
    mock = os.path.realpath(build) + "/tests/pipeline/"
    script = f'echo "clip={clip} layout={layout}" > "$UMOCKDEV_DIR/control"; exec "$@"'
    command = [mock + "v4l2-mock", "sh", "-c", script, "sh", f"{bench.SOURCE}/tools/private-bus", f"--build-dir={build}",
               "--", "/usr/bin/python3", os.path.realpath(bench.__file__), "--inside", PERSON,
               f"{bench.DATA}/camera/{PERSON}-portrait.jpg", str(runs)]
    environment = {**os.environ, "LIKENESS_LOG_LEVEL": "debug", "MOCK_CAMERA_CLIP": clip,
                   "LD_PRELOAD": f"libumockdev-preload.so.0:{mock}mock-shim.so"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: the verification in {layout} failed")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    build, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if not os.path.isdir(f"{bench.DATA}/camera"):
        sys.exit("bench: no recordings; set LIKENESS_DATA to the directory that holds camera/")
    if not os.path.exists(build + "/tests/pipeline/v4l2-mock"):
        sys.exit("bench: there is no v4l2-mock; install libumockdev-dev and umockdev")

    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        for width, height in SIZES:
            clip = f"{scratch}/{height}.avi"
            write_clip(clip, width, height)
            for layout in LAYOUTS:
                rows = run_camera(build, clip, layout, runs)
                what = f"{layout} {width}x{height} ({rows[0]['verdict']})"
                bench.show(f"call-to-verdict {what}", [r["call-to-verdict"] for r in rows], "ms")
                bench.show(f"first judged frame, since the camera was opened, {what}",
                           bench.part(rows, "camera-opened", "first-frame"), "ms")
                bench.show(f"examiner CPU per captured frame {what}",
                           [r["cpu"] / r["frames"] for r in rows if r["frames"]], "ms")
                bench.show(f"closing {what}", bench.part(rows, "last-frame", "findings"), "ms")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main()
