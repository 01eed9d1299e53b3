/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "models-files.h"

/* Writes the Debian package "likeness-models" of these files, which must be without problems, to `output`, a new file
 * (NULL: "likeness-models_VERSION_all.deb" in the working directory). Its version is "RELEASE+HASH", the hash that of what
 * it holds. Returns 0 and says where it is on standard output, or a negative errno after a message. */
int models_pack(const ModelFiles *files, const char *release, const char *output);
