/* SPDX-License-Identifier: Apache-2.0 */

#include "measure.h"

#include "covering.hpp"
#include "image.hpp"
#include "vision-private.hpp"

using namespace likeness;

static void measure_face(Vision &v, const Image &image, const Face &face, Measures *ret) {
        Quality q = quality_measure(image, image_luma(image), face);

        ret->x = face.box.x;
        ret->y = face.box.y;
        ret->width = face.box.width;
        ret->height = face.box.height;
        ret->eye_distance = q.pose.eye_distance;
        ret->yaw = q.pose.yaw;
        ret->pitch = q.pose.pitch;
        ret->roll = q.pose.roll;
        ret->bright = q.bright;
        ret->background = q.background;
        ret->sharpness = q.sharpness;
        ret->outside = q.outside;
        ret->obstacle = q.obstacle;

        Bareness bare = face_bareness(image, image_luma(image), face);
        ret->mouth = bare.mouth;
        ret->eyes = bare.eyes;
        ret->tint = bare.tint;
        ret->lighter = bare.lighter;

        ret->n_liveness = std::min<size_t>(v.liveness.size(), MEASURES_NETWORKS_MAX);
        for (size_t i = 0; i < ret->n_liveness; i++)
                ret->liveness[i] = v.liveness.score(i, image, face);

        Embedding e = v.matcher->embed(v.matcher->align(image, face));
        ret->n_embedding = std::min<size_t>(e.total(), MEASURES_EMBEDDING_MAX);
        std::copy_n(e.ptr<float>(), ret->n_embedding, ret->embedding);
}

int vision_measure(Vision *v, const Image *image, Measures *ret) {
        if (!v || !image || !ret || !image_valid(*image))
                return -EINVAL;

        return guarded([&] {
                std::vector<Face> faces = v->detector->search(*image, 320);

                *ret = Measures();
                ret->faces = (unsigned) faces.size();
                if (!faces.empty())
                        measure_face(*v, *image, faces[0], ret);
                return 0;
        });
}
