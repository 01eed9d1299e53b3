/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The words of the bus in plain words. All strings are static; the word itself if it is not known (a newer service). */

/* What a verdict means. */
const char *verdict_meaning(const char *verdict);

/* What a reason means and what to do next. */
const char *reason_advice(const char *reason);

/* What to do about a D-Bus error; NULL where the service's own message says it all. */
const char *error_advice(const char *name);

/* What a word of the property "Problems" means, and what to do about it. */
const char *problem_advice(const char *problem);
