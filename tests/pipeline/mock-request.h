/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/ioctl.h>

/* What mock-shim asks a mock camera for, beside V4L2's own requests: poll()'s events. */
#define MOCK_POLL _IOR('V', 250, int)
