/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "detector.hpp"
#include "matcher.hpp"

#include <optional>

namespace likeness {

/* Judges a portrait. REASON_NONE with its embedding, or why it cannot be used. */
Reason reference_take(Detector &detector, Matcher &matcher, const Image &portrait, std::optional<Embedding> *ret);

} // namespace likeness
