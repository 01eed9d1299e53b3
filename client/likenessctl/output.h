/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Where prompts go: one line that is rewritten on a terminal, a line for each new prompt elsewhere. */
typedef struct PromptLine {
        FILE *file;
        bool in_place;                 /* the file is a terminal */
        bool shown;                    /* a line stands there that has no newline yet */
        char last[256];                /* the last prompt's text */
} PromptLine;

void prompt_line_init(PromptLine *p, FILE *file);

/* Shows a prompt; `progress` in thousandths, negative if it is not known. `text` comes from the service. */
void prompt_line_show(PromptLine *p, const char *text, int progress);

/* Removes the rewritten line, so that the answer stands in its place. */
void prompt_line_clear(PromptLine *p);

/* Prints one JSON object on a line of its own. */
void output_json(FILE *file, const json_t *object);

/* Prints text that others wrote, without control characters. */
void output_text(FILE *file, const char *text);

/* Prints a verdict and what belongs to it (the object of "--json") in plain words. */
void output_verdict(FILE *file, const json_t *result);

/* Prints the service's public properties (an object of "status --json"). */
void output_status(FILE *file, const json_t *properties);

/* Prints an error (an object with error and message) and what to do about it. */
void output_failure(FILE *file, const json_t *failure);
