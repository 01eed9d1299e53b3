# SPDX-License-Identifier: Apache-2.0
"""A USB webcam that is a program: what it says of itself, and what it answers to the kernel's driver of USB cameras
(USB Video Class 1.0, bulk transfers). UsbIp plugs it into this machine over a "network", into vhci_hcd; Redirected
plugs it into a USB controller of the virtual machine, by what the emulator calls usb-redir: to the kernel that is a
real one; Gadget into a controller that is a program of the kernel's."""

import glob
import os
import select
import socket
import struct
import subprocess
import threading
import time

INTERVAL = 1000000                      # of a frame, in 100 ns: 10 a second
PAYLOAD = 16384                         # what one transfer carries at most
STALL = None


def striped_jpeg(width, height, shift, dark=60, bright=180):
    """A JPEG of grey stripes, of 8 pixels times `shift` further to the left."""
    codes = [f"{n:04b}" for n in range(12)]             # a Huffman table of 12 codes of 4 bits
    steps = {}
    for step in (0, bright - dark, dark - bright, bright - 128, dark - 128):
        value = step * 8 // 16                          # the quantiser below is 16
        size = abs(value).bit_length()
        more = f"{value if value > 0 else value + (1 << size) - 1:0{size}b}" if size else ""
        steps[step] = codes[size] + more + "0"          # and nothing else in the block
    last, bits = 128, []
    for block in range(width // 8 * (height // 8)):
        level = bright if (block % (width // 8) + shift) // 4 % 2 else dark
        bits.append(steps[level - last])
        last = level
    bits = "".join(bits)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")

    def part(marker, content):
        return struct.pack(">BBH", 0xff, marker, len(content) + 2) + content

    counts = [0, 0, 0, 12] + [0] * 12
    return b"\xff\xd8" + part(0xdb, b"\0" + bytes([16] * 64)) + \
        part(0xc0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)) + \
        part(0xc4, b"\0" + bytes(counts) + bytes(range(12))) + \
        part(0xc4, b"\x10" + bytes([1] + [0] * 15) + b"\0") + \
        part(0xda, bytes([1, 1, 0, 0, 63, 0])) + data + b"\xff\xd9"


def striped_jpeg_of(number, width, height, made={}):
    """The n-th of a film of moving stripes."""
    key = (number % 8, width, height)
    if key not in made:
        made[key] = striped_jpeg(width, height, number % 8)
    return made[key]


class Webcam:
    """modes: [(width, height)], as MJPEG. frame: what makes the n-th picture."""

    def __init__(self, vendor=0x1209, product=0x0c17, serial="COUNTER1", modes=((640, 480),), frame=None):
        self.vendor, self.product, self.serial, self.modes = vendor, product, serial, modes
        self.frame = frame or striped_jpeg_of
        self.mode, self.number, self.pending, self.toggle = 1, 0, b"", 0
        self.next_frame = 0.0
        self.opened = 0                                 # how often a stream was begun
        self.silent = False

    # --- what it is

    def device(self):
        return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0xef, 2, 1, 64, self.vendor, self.product, 0x100, 1, 2,
                           3 if self.serial else 0, 1)

    def strings(self, index):
        texts = {1: "Likeness tests", 2: "Counter camera", 3: self.serial or ""}
        body = b"\x09\x04" if index == 0 else texts.get(index, "").encode("utf-16-le")
        return struct.pack("BB", 2 + len(body), 3) + body

    def frame_size(self, number):
        width, height = self.modes[number - 1]
        return width * height * 2

    def configuration(self):
        control = [
            struct.pack("<BBBBBBBB", 8, 0x0b, 0, 2, 0x0e, 3, 0, 2),             # the two interfaces are one function
            struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 0, 0x0e, 1, 0, 2),
        ]
        units = [
            struct.pack("<BBBBHBBHHHB", 15, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 0),    # a camera, with no control
            struct.pack("<BBBBHBBB", 9, 0x24, 3, 2, 0x0101, 0, 1, 0),                # its output
        ]
        total = 13 + sum(map(len, units))
        header = struct.pack("<BBBHHIBB", 13, 0x24, 1, 0x100, total, 6000000, 1, 1)
        frames = b""
        for number, (width, height) in enumerate(self.modes, 1):
            size = self.frame_size(number)
            frames += struct.pack("<BBBBBHHIIIIBI", 30, 0x24, 7, number, 0, width, height, size * 80, size * 80, size,
                                  INTERVAL, 1, INTERVAL)
        formats = struct.pack("<BBBBBBBBBBB", 11, 0x24, 6, 1, len(self.modes), 1, 1, 0, 0, 0, 0) + frames
        inputs = struct.pack("<BBBBHBBBBBBBB", 14, 0x24, 1, 1, 14 + len(formats), 0x81, 0, 2, 0, 0, 0, 1, 0)
        streaming = [
            struct.pack("<BBBBBBBBB", 9, 4, 1, 0, 1, 0x0e, 2, 0, 0), inputs, formats,
            struct.pack("<BBBBHB", 7, 5, 0x81, 2, 512, 0),                           # bulk, in
        ]
        body = b"".join(control) + header + b"".join(units) + b"".join(streaming)
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 250) + body

    # --- what it answers

    def control(self, kind, request, value, index, length, data=b""):
        """Of endpoint 0: what is sent back, or STALL."""
        if kind == 0x80 and request == 6:
            what = {1: self.device, 2: self.configuration, 3: lambda: self.strings(value & 0xff)}.get(value >> 8)
            return what()[:length] if what else STALL
        if kind == 0x80 and request == 0:
            return b"\0\0"[:length]
        if kind in (0x00, 0x01, 0x02):
            if (kind, request) == (0x02, 1):            # the stream's end: the host clears the endpoint
                self.stop()
            return b""
        if kind == 0x21 and index & 0xff == 1 and request == 1:
            self.mode = min(max(data[3] if len(data) > 3 else 1, 1), len(self.modes))
            if value >> 8 == 2:
                self.opened += 1
                self.stop()
            return b""
        if kind == 0xa1 and index & 0xff == 1 and value >> 8 in (1, 2):
            if request == 0x86:
                return b"\x03"
            if request == 0x85:
                return struct.pack("<H", 26)
            return struct.pack("<HBBIHHHHHII", 1, 1, self.mode, INTERVAL, 0, 0, 0, 0, 0, self.frame_size(self.mode),
                               PAYLOAD)[:length]
        return STALL

    def nodes(self):
        """Its capture nodes, if the kernel sees it: [/dev/video…]."""
        found = []
        for node in glob.glob("/sys/class/video4linux/video*"):
            device = os.path.realpath(node + "/device/..")
            try:
                with open(device + "/idVendor") as vendor, open(device + "/idProduct") as product:
                    if (int(vendor.read(), 16), int(product.read(), 16)) == (self.vendor, self.product):
                        found.append("/dev/" + os.path.basename(node))
            except OSError:
                pass                                    # not of USB, or it is going
        return sorted(found)

    def stop(self):
        self.pending, self.next_frame = b"", 0.0

    def payload(self, length):
        """The next piece of a picture, when it is due; None if there is none yet."""
        if self.silent:
            return None
        if not self.pending:
            now = time.monotonic()
            if now < self.next_frame:
                return None
            self.next_frame = now + INTERVAL / 1e7
            self.number += 1
            self.toggle ^= 1
            self.pending = self.frame(self.number, *self.modes[self.mode - 1])
        room = min(length, PAYLOAD) - 2
        piece, self.pending = self.pending[:room], self.pending[room:]
        return bytes([2, 0x80 | self.toggle | (0 if self.pending else 2)]) + piece


class Link:
    """What is the same of both ways to plug it in: a thread that reads requests, and answers them when it can."""

    def __init__(self, webcam):
        self.webcam, self.waiting, self.lock = webcam, [], threading.Lock()
        self.ended = False

    def start(self):
        self.threads = [threading.Thread(target=self.guarded, args=(work,), daemon=True)
                        for work in (self.read_requests, self.answer_transfers)]
        for thread in self.threads:
            thread.start()

    def guarded(self, work):
        try:
            work()
        except (OSError, ValueError):
            pass                                        # it was unplugged

    def receive(self, size):
        data = b""
        while len(data) < size:
            more = self.read(size - len(data))
            if not more:
                raise OSError("the other side has gone")
            data += more
        return data

    def answer_transfers(self):
        while not self.ended:
            with self.lock:
                if self.waiting and not self.ended:
                    payload = self.webcam.payload(self.waiting[0][1])
                    if payload is not None:
                        request, _ = self.waiting.pop(0)
                        self.send_transfer(request, payload)
                        continue
            time.sleep(0.01)


class UsbIp(Link):
    """USB over a network, at its machine's end: drivers/usb/usbip, protocol 1.1.1."""
    PLACE = "/sys/devices/platform/vhci_hcd.0"

    def plug(self):
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.read = ours.recv
        with open(self.PLACE + "/status") as file:
            free = [line.split()[1] for line in file if line.startswith("hs")and line.split()[2] == "004"]
        self.port = int(free[0])
        with open(self.PLACE + "/attach", "w") as file:
            file.write(f"{self.port} {theirs.fileno()} {1 << 16 | 2} 3")        # high speed
        theirs.close()
        self.start()
        return self

    def unplug(self):
        self.ended = True
        with open(self.PLACE + "/detach", "w") as file:
            file.write(str(self.port))
        self.socket.close()

    def read_requests(self):
        while True:
            command, number, _, direction, endpoint = struct.unpack(">5I", self.receive(20))
            rest = self.receive(28)
            if command == 2:                            # taken back
                with self.lock:
                    taken = struct.unpack(">I", rest[:4])[0]
                    there = [one for one in self.waiting if one[0] == taken]
                    self.waiting = [one for one in self.waiting if one[0] != taken]
                    self.socket.sendall(struct.pack(">5Ii24x", 4, number, 0, 0, 0, -104 if there else 0))
                continue
            length, = struct.unpack(">I", rest[4:8])
            data = self.receive(length) if direction == 0 and length else b""
            if endpoint == 0:
                kind, request, value, index, size = struct.unpack("<BBHHH", rest[20:28])
                answer = self.webcam.control(kind, request, value, index, size, data)
                with self.lock:
                    self.submit_done(number, answer, len(data))
            else:
                with self.lock:
                    self.waiting.append((number, length))

    def submit_done(self, number, answer, sent=0):
        status = 0 if answer is not STALL else -32
        answer = answer or b""
        head = struct.pack(">5IiIIII8x", 3, number, 0, 0, 0, status, len(answer) or sent, 0, 0, 0)
        self.socket.sendall(head + answer)

    send_transfer = submit_done


class Redirected(Link):
    """spice's usbredir protocol 0.7, at the side of the device. The emulator's end is a port of this machine; it is
    greeted once, and from then on the two have agreed on what a USB 3 controller needs (sizes of packets, numbers of 64
    bits, lengths of 32)."""
    PORT, GREETED = "/dev/virtio-ports/usb", "/run/usb-cable-greeted"
    OPTIONS = 1 << 4 | 1 << 5 | 1 << 6
    BULK, CONTROL = 101, 100

    def plug(self):
        self.descriptor = os.open(self.PORT, os.O_RDWR | os.O_NONBLOCK)
        if not os.path.exists(self.GREETED):
            hello = b"likeness-tests".ljust(64, b"\0") + struct.pack("<I", self.OPTIONS)
            self.write(struct.pack("<III", 0, len(hello), 0) + hello)
            open(self.GREETED, "w").close()
            # its own greeting, if it was kept for us
            if select.select([self.descriptor], [], [], 1)[0]:
                self.receive(struct.unpack("<III", self.receive(12))[1])
        device = self.webcam
        kinds = [255] * 32
        kinds[0] = kinds[16] = 0
        kinds[17] = 2
        interfaces = [0] * 32
        interfaces[17] = 1
        self.send(4, 0, struct.pack("<I", 2) + bytes([0, 1] + [0] * 30) + bytes([14, 14] + [0] * 30) +
                  bytes([1, 2] + [0] * 30) + bytes(32))
        self.send(5, 0, bytes(kinds) + bytes(32) + bytes(interfaces) + struct.pack("<32H", *[512 if kind == 2 else 64
                                                                                            for kind in kinds]))
        self.send(1, 0, struct.pack("<BBBBHH", 2, 0xef, 2, 1, device.vendor, device.product))
        self.start()
        return self

    def unplug(self):
        with self.lock:
            self.ended = True
            self.send(2, 0, b"")
        for thread in self.threads:
            thread.join()
        os.close(self.descriptor)

    def send(self, kind, number, content):
        self.write(struct.pack("<IIQ", kind, len(content), number) + content)

    def write(self, message):
        while message:
            select.select([], [self.descriptor], [])
            message = message[os.write(self.descriptor, message):]

    def read(self, size):
        """(Who waits in the kernel would keep the port, and it is one program's at a time.)"""
        while not select.select([self.descriptor], [], [], 0.1)[0]:
            if self.ended:
                return b""
        return os.read(self.descriptor, size)

    def read_requests(self):
        while not self.ended:
            kind, length, number = struct.unpack("<IIQ", self.receive(16))
            content = self.receive(length)
            with self.lock:
                self.take(kind, number, content)

    def take(self, kind, number, content):
        if kind == 6:
            self.send(8, number, struct.pack("BB", 0, content[0]))
        elif kind == 7:
            self.send(8, number, struct.pack("BB", 0, 1))
        elif kind == 9:
            self.send(11, number, struct.pack("BBB", 0, content[0], content[1]))
        elif kind == 10:
            self.send(11, number, struct.pack("BBB", 0, content[0], 0))
        elif kind == 21:
            for one in [one for one in self.waiting if one[0] == number]:
                self.waiting.remove(one)
                self.send(self.BULK, number, struct.pack("<BBHIH", 0x81, 1, 0, 0, 0))
        elif kind == self.CONTROL:
            endpoint, request, what, _, value, index, size = struct.unpack("<BBBBHHH", content[:10])
            answer = self.webcam.control(what, request, value, index, size, content[10:])
            status, answer = (4, b"") if answer is STALL else (0, answer)
            length = len(answer) if what & 0x80 else size
            head = struct.pack("<BBBBHHH", endpoint, request, what, status, value, index, length)
            self.send(self.CONTROL, number, head + (answer if what & 0x80 else b""))
        elif kind == self.BULK:
            _, _, low, _, high = struct.unpack("<BBHIH", content[:10])
            self.waiting.append((number, high << 16 | low))

    def send_transfer(self, number, payload):
        self.send(self.BULK, number, struct.pack("<BBHIH", 0x81, 0, len(payload), 0, 0) + payload)


class Gadget:
    """The same on a USB bus that is a program of the kernel's (dummy_hcd), where this program is what is plugged in."""
    PLACE, CONTROLLER = "/run/gadget", "dummy_udc"
    SETUP = 3

    def __init__(self, webcam):
        self.webcam, self.ended = webcam, False

    def plug(self):
        os.makedirs(self.PLACE, exist_ok=True)
        subprocess.run(["mount", "-t", "gadgetfs", "gadgetfs", self.PLACE], check=True)
        self.descriptor = os.open(f"{self.PLACE}/{self.CONTROLLER}", os.O_RDWR | os.O_NONBLOCK)
        configuration = self.webcam.configuration()
        os.write(self.descriptor, struct.pack("<I", 0) + configuration + configuration + self.webcam.device())
        threading.Thread(target=self.answer, daemon=True).start()
        return self

    def answer(self):
        while not self.ended:
            if not select.select([self.descriptor], [], [], 0.2)[0]:
                continue
            events = os.read(self.descriptor, 12 * 5)
            for i in range(0, len(events), 12):
                if struct.unpack("<I", events[i + 8:i + 12])[0] == self.SETUP:
                    self.set_up(*struct.unpack("<BBHHH", events[i:i + 8]))

    def set_up(self, kind, request, value, index, length):
        data = b""
        try:
            if not kind & 0x80:
                data = os.read(self.descriptor, length) if length else b""
            answer = self.webcam.control(kind, request, value, index, length, data)
            if kind & 0x80 and answer is not STALL:
                os.write(self.descriptor, answer)
            elif kind & 0x80:
                os.read(self.descriptor, 0)             # the wrong direction: not understood
            elif not length:
                os.read(self.descriptor, 0)
        except OSError:
            pass                                        # the host has given up on it

    def unplug(self):
        self.ended = True
        time.sleep(0.4)
        os.close(self.descriptor)
        subprocess.run(["umount", self.PLACE], check=True)
