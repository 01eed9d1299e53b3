/* SPDX-License-Identifier: Apache-2.0 */

/* The C boundary: checks arguments, turns every exception into a negative errno, and leads one frame through
 * tracker, quality and evidence. */

#include "image.hpp"
#include "reference.hpp"
#include "vision-private.hpp"

#include <opencv2/core/utils/logger.hpp>

#include <cmath>

using namespace likeness;

static void load_model(Vision &v, const Model &model, int fd) {
        switch (model.kind) {
        case MODEL_DETECTOR:
                v.detector = std::make_unique<Detector>(model, fd);
                break;
        case MODEL_MATCHER:
                v.matcher = std::make_unique<Matcher>(model, fd);
                break;
        case MODEL_LIVENESS:
                v.liveness.add_network(model, fd);
                break;
        default:
                break; /* not used: not loaded */
        }
}

int vision_new(Vision **ret, const Manifest *manifest, const int *fds, size_t *reterr_model) {
        if (!ret || !manifest || !fds || manifest->n_models > MANIFEST_MODELS_MAX)
                return -EINVAL;

        return guarded([&] {
                auto v = std::make_unique<Vision>();

                /* OpenCV draws its threads from all cores and lets them spin; one thread uses the least CPU. Messages
                 * go to stderr and could tell what was seen. */
                cv::setNumThreads(1);
                cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
                cv::redirectError([](int, const char *, const char *, const char *, int, void *) { return 0; });

                for (size_t i = 0; i < manifest->n_models; i++) {
                        if (reterr_model)
                                *reterr_model = i;
                        load_model(*v, manifest->models[i], fds[i]);
                }
                if (!v->detector || !v->matcher || v->liveness.size() == 0)
                        return -EINVAL;

                v->tracker = std::make_unique<Tracker>(*v->detector);
                v->evidence = std::make_unique<Evidence>(v->liveness, *v->matcher);
                *ret = v.release();
                return 0;
        });
}

Vision *vision_free(Vision *v) {
        delete v;
        return NULL;
}

void vision_set_thresholds(Vision *v, int no_match_below, int match_from) {
        v->evidence->thresholds.no_match_below = (float) no_match_below / 1000;
        v->evidence->thresholds.match_from = (float) match_from / 1000;
}

int vision_set_reference(Vision *v, const Image *portrait, Reason *ret_reason) {
        if (!v || !portrait || !ret_reason)
                return -EINVAL;
        if (portrait->width < IMAGE_SIDE_MIN || portrait->height < IMAGE_SIDE_MIN) {
                *ret_reason = REASON_PORTRAIT_TOO_SMALL;
                return 0;
        }
        if (!image_valid(*portrait))
                return -EINVAL;

        return guarded([&] {
                *ret_reason = reference_take(*v->detector, *v->matcher, *portrait, &v->evidence->reference);
                return 0;
        });
}

/* What the frame shows, and whether it may be used. */
static Observation look(Vision &v, const Image &frame, const cv::Mat &luma) {
        Observation o{};
        Sighting sighting = v.tracker->update(frame);

        o.faces = sighting.count;
        if (!sighting.face || sighting.count > 1) {
                o.obstacle = sighting.face ? REASON_SEVERAL_FACES : REASON_NO_FACE;
                v.evidence->interrupt(sighting.count > 1);
                v.covering.reset();
                return o;
        }
        if (sighting.jumped) {
                v.evidence->interrupt(true);
                v.covering.reset();
        }

        Quality quality = quality_measure(frame, luma, *sighting.face);
        o.obstacle = quality.obstacle;
        o.hold_still = o.obstacle == REASON_NONE && quality.blurred;
        o.too_close = o.obstacle == REASON_NONE && quality.too_close;
        if (!quality.usable())
                return o;

        v.covering.add(frame, luma, *sighting.face);
        if (v.covering.covered()) {
                o.obstacle = REASON_FACE_COVERED;
                v.evidence->interrupt(false);
                return o;
        }

        o.restarted = v.evidence->add(frame, *sighting.face, quality);
        return o;
}

int vision_observe(Vision *v, const Image *frame, Observation *ret) {
        if (!v || !frame || !ret || !image_valid(*frame))
                return -EINVAL;

        return guarded([&] {
                cv::Mat luma = image_luma(*frame);

                v->repetition.add(luma);
                *ret = look(*v, *frame, luma);
                ret->enough = v->evidence->enough() || (v->repetition.repeats() && v->evidence->frames_used() > 0);
                ret->progress = ret->enough ? 1000 : v->evidence->progress();
                return 0;
        });
}

int vision_conclude(Vision *v, Findings *findings) {
        if (!v || !findings)
                return -EINVAL;

        return guarded([&] {
                findings->similarity = (int32_t) std::lround(v->evidence->similarity() * 1000);
                findings->liveness = (uint32_t) std::lround(v->evidence->liveness() * 1000);
                findings->frames_used = v->evidence->frames_used();
                findings->frames_matched = v->evidence->frames_matched();
                /* an empty shop may stand still: what repeats itself must show a face */
                bool repeats = v->repetition.repeats() && v->evidence->frames_used() > 0;
                findings->attack_signs = repeats ? ATTACK_SIGN_REPEATS : 0;
                return 0;
        });
}
