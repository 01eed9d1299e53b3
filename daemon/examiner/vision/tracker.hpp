/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "detector.hpp"

#include <optional>

namespace likeness {

/* Where the one face is that we look at, in one frame. */
struct Sighting {
        std::optional<Face> face;
        unsigned count = 0;            /* faces in front; people far behind are not counted */
        bool jumped = false;           /* the face may be another one: it was lost, or moved further than a head does */
};

/* Follows one face from frame to frame. It knows places and sizes only; whether it is still the same person is told
 * from the embeddings (see Evidence). */
class Tracker {
public:
        explicit Tracker(Detector &detector) : detector_(detector) {}

        Sighting update(const Image &image);

private:
        std::vector<Face> look(const Image &image);
        void refine(const Image &image, Face &face);
        Sighting choose(const std::vector<Face> &faces);

        Detector &detector_;
        std::optional<Face> last_;
        unsigned since_search_ = 0;    /* frames since the whole picture was searched */
        unsigned missed_ = 0;          /* frames without the face */
        bool several_ = false;
};

} // namespace likeness
