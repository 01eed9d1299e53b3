/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "v4l2-mock.h"

/* What the driver puts into a buffer of at most `size` bytes for frame `sequence`; returns how much. The faults that
 * are seen in the picture itself are in it. */
uint32_t mock_picture_draw(
                const MockConfig *config,
                const MockMode *mode,
                uint32_t sequence,
                uint8_t *out,
                uint32_t size);

/* What is wrong with this frame. */
MockFault mock_fault_at(const MockConfig *config, uint32_t sequence);

/* Of a whole frame; of MJPEG as much as there may be. */
uint32_t mock_picture_size(const MockMode *mode, uint32_t max);
