#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the classifiers of daemon/examiner/vision/covering.cpp: bare mouths and eyes against any other place.

    covering-train.py DETECTOR LFW-IMAGES > daemon/examiner/vision/covering-weights.hpp

Needs Debian's python3-opencv. Half of the people (by a hash of the name) are trained on; how the other half and the
places of the training do is told on stderr. The same picture of a face is prepared here as there: see covering.cpp.
"""

import glob
import os
import sys
import zlib

import cv2
import numpy

MOUTH, EYE = (48, 32, 37.0), (32, 24, 40.0)  # width, height, eye distance
CELL, DIRECTIONS, BLACK, FLAT = 8, 9, 12.0, 0.02
PLACES = 12  # random other places of each picture

random = numpy.random.RandomState(1)


def patch(luma, centre, across, distance, shape):
    width, height, eyes = shape
    turn = numpy.array([[across[0], across[1]], [-across[1], across[0]]]) * eyes / distance
    shift = numpy.array([width / 2, height / 2]) - turn @ centre
    return cv2.warpAffine(luma, numpy.hstack([turn, shift[:, None]]), (width, height), borderMode=cv2.BORDER_REPLICATE)


def features(image):
    brightness = numpy.log(image.astype(numpy.float32) + BLACK)
    x = cv2.Sobel(brightness, cv2.CV_32F, 1, 0, ksize=1) * 0.5
    y = cv2.Sobel(brightness, cv2.CV_32F, 0, 1, ksize=1) * 0.5
    strength, place = numpy.hypot(x, y), (numpy.arctan2(y, x) % numpy.pi) * DIRECTIONS / numpy.pi
    low = numpy.floor(place).astype(int)
    part, low = place - low, low % DIRECTIONS
    rows, columns = numpy.indices(image.shape)
    maps = numpy.zeros((DIRECTIONS, *image.shape), numpy.float32)
    maps[low, rows, columns] += strength * (1 - part)
    numpy.add.at(maps, ((low + 1) % DIRECTIONS, rows, columns), strength * part)
    height, width = image.shape
    cells = maps.reshape(DIRECTIONS, height // CELL, CELL, width // CELL, CELL).mean((2, 4))
    return numpy.sqrt(cells / (numpy.sqrt((cells.sum(0) ** 2).mean()) + FLAT)).ravel()


def worse(image):
    """The same under less light, with less contrast, noise and blur."""
    image = image.astype(numpy.float32)
    if random.rand() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.6))
    image = 255 * (image / 255) ** random.uniform(0.6, 1.8) * random.uniform(0.25, 1)
    image = image.mean() + (image - image.mean()) * random.uniform(0.5, 1.1)
    image += random.randn(*image.shape) * random.uniform(0, 2.5)
    return numpy.clip(numpy.round(image), 0, 255).astype(numpy.uint8)


def bare(luma, points):
    """Mouth, right eye and left eye (mirrored)."""
    across = points[1] - points[0]
    distance = numpy.linalg.norm(across)
    across = across / distance
    return (patch(luma, (points[3] + points[4]) / 2, across, distance, MOUTH),
            patch(luma, points[0], across, distance, EYE), patch(luma, points[1], across, distance, EYE)[:, ::-1])


def faces(detector, directory):
    for path in sorted(glob.glob(os.path.join(directory, "*.jpg"))):
        image = cv2.imread(path)
        height, width = image.shape[:2]
        detector.setInputSize((width, height))
        _, found = detector.detect(image)
        if found is None:
            continue
        middle = found[:, :2] + found[:, 2:4] / 2 - (width / 2, height / 2)
        points = found[(middle**2).sum(1).argmin()][4:14].reshape(5, 2)
        distance = numpy.linalg.norm(points[1] - points[0])
        if distance >= 30 and abs((points[2] - points[:2].mean(0))[0]) <= 0.35 * distance:
            train = zlib.crc32(os.path.basename(path)[:-9].encode()) % 2 == 0
            yield train, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), points, distance


def other_places(luma, points, distance, mouths, eyes):
    mouth, (height, width) = (points[3] + points[4]) / 2, luma.shape
    for n in range(PLACES):
        centre = numpy.array([random.uniform(10, width - 10), random.uniform(10, height - 10)])
        angle = random.uniform(-0.5, 0.5) if random.rand() < 0.7 else random.uniform(0, 2 * numpy.pi)
        place = centre, (numpy.cos(angle), numpy.sin(angle)), distance * random.uniform(0.6, 1.8)
        change = worse if n % 2 else lambda image: image
        if numpy.linalg.norm(centre - mouth) > 0.55 * distance:
            mouths.append(features(change(patch(luma, *place, MOUTH))))
        if numpy.linalg.norm(points[:2] - centre, axis=1).min() > 0.45 * distance:
            eyes.append(features(change(patch(luma, *place, EYE))))


def logistic(yes, no, ridge=1e-3):
    """Weights and bias by Newton's method, both classes weighing the same."""
    x, y = numpy.vstack([yes, no]), numpy.repeat([1.0, 0.0], [len(yes), len(no)])
    weight = numpy.repeat([0.5 / len(yes), 0.5 / len(no)], [len(yes), len(no)]) * len(x)
    mean, scale = x.mean(0), x.std(0) + 1e-3
    x = numpy.hstack([(x - mean) / scale, numpy.ones((len(x), 1))])
    penalty = ridge * len(x) * numpy.append(numpy.ones(x.shape[1] - 1), 1e-6)
    solution = numpy.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + numpy.exp(-numpy.clip(x @ solution, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + penalty * solution
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + numpy.diag(penalty)
        solution -= numpy.linalg.solve(hessian, gradient)
    weights = solution[:-1] / scale
    return weights, solution[-1] - mean @ weights


def table(name, weights, bias):
    values = numpy.round(weights * 100).astype(int)
    print(f"static constexpr short {name}_WEIGHTS[{len(values)}] = {{")
    for i in range(0, len(values), 12):
        print("        " + " ".join(f"{v}," for v in values[i:i + 12]))
    print(f"}};\nstatic constexpr float {name}_BIAS = {bias:.2f}f;\n")


def main():
    detector = cv2.FaceDetectorYN.create(sys.argv[1], "", (320, 320), 0.7)
    yes, no, test = {"MOUTH": [], "EYE": []}, {"MOUTH": [], "EYE": []}, {"MOUTH": [], "EYE": []}
    for train, luma, points, distance in faces(detector, sys.argv[2]):
        mouth, right, left = bare(luma, points)
        into = yes if train else test
        into["MOUTH"].append(features(mouth))
        into["EYE"] += [features(right), features(left)]
        if not train:
            continue
        yes["MOUTH"].append(features(mouth[:, ::-1]))
        for _ in range(2):
            moved = bare(luma, points + random.randn(5, 2) * distance * 0.035)
            yes["MOUTH"].append(features(worse(moved[0][:, ::-1] if random.rand() < 0.5 else moved[0])))
            yes["EYE"] += [features(worse(moved[1])), features(worse(moved[2]))]
        other_places(luma, points, distance, no["MOUTH"], no["EYE"])

    print("/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n")
    print("/* Made by tests/accuracy/covering-train.py; do not edit. Hundredths, by direction, row and column of cells. */\n")
    print("namespace likeness {\n")
    for name in yes:
        weights, bias = logistic(yes[name], no[name])
        table(name, weights, bias)
        for words, samples, parts in (("bare, other half", test, (0.5, 1, 5, 50)), ("other places", no, (50, 95, 99))):
            score = numpy.percentile(numpy.array(samples[name]) @ weights + bias, parts).round(1)
            print(f"{name} {words}: percentiles {parts}: {score}", file=sys.stderr)
    print("} // namespace likeness")


if __name__ == "__main__":
    main()
