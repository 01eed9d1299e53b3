/* SPDX-License-Identifier: Apache-2.0 */

#include "reference.hpp"
#include "image.hpp"
#include "quality.hpp"

namespace likeness {

/* Portraits printed grey and faded with 30 pixels between the eyes still stay above every threshold in use, with 20
 * they do not: docs/thresholds.md. */
constexpr float EYE_DISTANCE_MIN = 28;

/* A second face of at least this width beside the first: two people. Cards carry a smaller "ghost" of the portrait, at
 * most half as wide. */
constexpr float SECOND_MIN = 0.6f;

/* The detector knows faces of about 10 to 300 pixels: a small face in a large scan needs a large input, a close-up a
 * small one. The first that finds a face well within that range decides. */
constexpr int SIDES[] = { 320, 640, 1280, 160 };
constexpr float FACE_MIN = 24, FACE_MAX = 240;

static std::vector<Face> portrait_faces(Detector &detector, const Image &portrait) {
        std::vector<Face> fallback;

        for (int side : SIDES) {
                float scale = std::min(1.0f, (float) side / (float) std::max(portrait.width, portrait.height));
                std::vector<Face> faces = detector.search(portrait, side);

                if (faces.empty())
                        continue;
                if (faces[0].side() * scale >= FACE_MIN && faces[0].side() * scale <= FACE_MAX)
                        return faces;
                if (fallback.empty())
                        fallback = faces;
        }

        return fallback;
}

Reason reference_take(Detector &detector, Matcher &matcher, const Image &portrait, std::optional<Embedding> *ret) {
        std::vector<Face> faces = portrait_faces(detector, portrait);

        ret->reset();
        if (faces.empty())
                return REASON_PORTRAIT_NONE;
        for (size_t i = 1; i < faces.size(); i++)
                if (faces[i].box.width >= SECOND_MIN * faces[0].box.width)
                        return REASON_PORTRAIT_SEVERAL;
        if (face_pose(faces[0]).eye_distance < EYE_DISTANCE_MIN)
                return REASON_PORTRAIT_TOO_SMALL;
        if (face_sharpness(image_luma(portrait), faces[0]) < FACE_SHARPNESS_MIN)
                return REASON_PORTRAIT_BLURRED;

        *ret = matcher.embed(matcher.align(portrait, faces[0]));
        return REASON_NONE;
}

} // namespace likeness
