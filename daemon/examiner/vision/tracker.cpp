/* SPDX-License-Identifier: Apache-2.0 */

#include "tracker.hpp"

namespace likeness {

constexpr int SEARCH_SIDE = 320;
constexpr unsigned SEARCH_EVERY = 8;   /* frames: somebody who steps in beside is noticed within 0.3 s */
constexpr unsigned MISSED_MAX = 3;     /* frames: a blink of the detector, not a change of people */

/* Somebody whose face is at least so wide, compared with the nearest one, stands in front as well. People at a counter
 * are within arm's length of each other; the next in the queue is twice as far from the camera. */
constexpr float BESIDE_MIN = 0.6f;
constexpr float BESIDE_SCORE_MIN = 0.8f;

/* Between two frames a head moves by far less than its own size. */
constexpr float JUMP_OVERLAP = 0.4f;
constexpr float JUMP_GROWTH = 1.4f;

static unsigned count_in_front(const std::vector<Face> &faces, const Face &nearest) {
        return (unsigned) std::count_if(faces.begin(), faces.end(), [&](const Face &face) {
                return &face == &nearest ||
                       (face.score >= BESIDE_SCORE_MIN && face.box.width >= BESIDE_MIN * nearest.box.width);
        });
}

static bool has_jumped(const Face &from, const Face &to) {
        float growth = to.side() / std::max(1.0f, from.side());

        return face_overlap(from, to) < JUMP_OVERLAP || growth > JUMP_GROWTH || growth < 1 / JUMP_GROWTH;
}

std::vector<Face> Tracker::look(const Image &image) {
        if (last_ && missed_ == 0 && !several_ && ++since_search_ < SEARCH_EVERY) {
                std::vector<Face> faces = detector_.follow(image, *last_);

                if (!faces.empty())
                        return faces;
        }

        since_search_ = 0;
        std::vector<Face> faces = detector_.search(image, SEARCH_SIDE);
        if (!faces.empty())
                refine(image, faces[0]);
        return faces;
}

/* The same scale as when following, so that box and landmarks do not jump from one kind of look to the other. */
void Tracker::refine(const Image &image, Face &face) {
        std::vector<Face> close = detector_.follow(image, face);

        if (!close.empty() && face_overlap(close[0], face) >= JUMP_OVERLAP)
                face = close[0];
}

/* The nearest face, which is the largest, is the customer's. */
Sighting Tracker::choose(const std::vector<Face> &faces) {
        const Face &nearest = *std::max_element(faces.begin(), faces.end(), [](const Face &a, const Face &b) {
                return a.box.area() < b.box.area();
        });
        Sighting sighting;

        sighting.face = nearest;
        sighting.count = count_in_front(faces, nearest);
        sighting.jumped = last_ && (missed_ > MISSED_MAX || has_jumped(*last_, nearest));
        return sighting;
}

Sighting Tracker::update(const Image &image) {
        std::vector<Face> faces = look(image);

        if (faces.empty()) {
                several_ = false;
                missed_++;
                return {};
        }

        Sighting sighting = choose(faces);
        several_ = sighting.count > 1;
        last_ = sighting.face;
        missed_ = 0;
        return sighting;
}

} // namespace likeness
