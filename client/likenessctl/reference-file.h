/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Copies the picture at `path`, a regular file of at most PICTURE_BYTES_MAX bytes, into a memfd and seals it, as the
 * service wants a reference. Returns the descriptor, which the caller closes, or a negative errno; `reterr_message`
 * (static) then says what is wrong in words. */
int reference_file_open(const char *path, const char **reterr_message);
