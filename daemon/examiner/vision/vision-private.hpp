/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vision.h"

#include "covering.hpp"
#include "evidence.hpp"
#include "repetition.hpp"
#include "tracker.hpp"

#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

struct Vision {
        likeness::Liveness liveness;
        std::unique_ptr<likeness::Detector> detector;
        std::unique_ptr<likeness::Matcher> matcher;
        std::unique_ptr<likeness::Tracker> tracker;
        std::unique_ptr<likeness::Evidence> evidence;
        likeness::Covering covering;
        likeness::Repetition repetition;
};

namespace likeness {

/* Runs `f`, which returns 0 or more, or a negative errno; exceptions become one. */
template <typename F>
int guarded(F f) noexcept {
        try {
                return f();
        } catch (const std::bad_alloc &) {
                return -ENOMEM;
        } catch (const std::system_error &e) {
                return e.code().value() > 0 ? -e.code().value() : -EIO;
        } catch (const cv::Exception &e) {
                return e.code == cv::Error::StsNoMem ? -ENOMEM : -EIO;
        } catch (...) {
                return -EIO;
        }
}

} // namespace likeness
