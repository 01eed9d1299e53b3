/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Finds a camera by asking udev (sd-device); the daemon itself opens none. */

/* The node of the first device that captures video, to be freed; -ENODEV if there is none. */
int cameras_find(char **ret_node);
