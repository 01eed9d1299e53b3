/* SPDX-License-Identifier: Apache-2.0 */

#include "output.h"
#include "macro.h"
#include "result.h"
#include "wording.h"

#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define COLUMNS_DEFAULT 80U
#define NAME_COLUMNS 18U               /* of models */
#define HASH_COLUMNS 16U

void prompt_line_init(PromptLine *p, FILE *file) {
        *p = (PromptLine) { .file = file, .in_place = isatty(fileno(file)) == 1 };
}

static size_t columns_of(FILE *file) {
        struct winsize size;

        return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
}

/* Writes what fits into `columns` (Korean letters take two) without control characters: they would let a text move the
 * cursor. Bytes that are no text in this locale become question marks. */
static void put_text(FILE *file, const char *text, size_t columns) {
        mbstate_t state = {};
        size_t left = strlen(text);

        while (left > 0) {
                wchar_t c;
                size_t n = mbrtowc(&c, text, left, &state);
                int width;

                if (n == (size_t) -1 || n == (size_t) -2 || n == 0) {
                        state = (mbstate_t) {};
                        n = 1;
                        c = L'?';
                }
                width = iswprint((wint_t) c) ? wcwidth(c) : -1;
                if (width >= 0) {
                        if ((size_t) width > columns)
                                return;
                        columns -= (size_t) width;
                        if (c == L'?')
                                fputc('?', file);
                        else
                                fwrite(text, 1, n, file);
                }
                text += n;
                left -= n;
        }
}

void output_text(FILE *file, const char *text) {
        put_text(file, text, SIZE_MAX);
}

void prompt_line_show(PromptLine *p, const char *text, int progress) {
        if (!p->in_place) {
                if (strncmp(text, p->last, sizeof(p->last) - 1) == 0)
                        return;
                put_text(p->file, text, SIZE_MAX);
                fputc('\n', p->file);
        } else {
                size_t columns = columns_of(p->file);

                fputs("\r\033[K", p->file);
                if (progress >= 0 && columns > 20) {
                        fprintf(p->file, "%3d %%  ", progress > 1000 ? 100 : progress / 10);
                        columns -= 7;
                }
                put_text(p->file, text, columns - 1);
                p->shown = true;
        }

        (void) snprintf(p->last, sizeof(p->last), "%s", text);
        fflush(p->file);
}

void prompt_line_clear(PromptLine *p) {
        if (!p->shown)
                return;
        fputs("\r\033[K", p->file);
        fflush(p->file);
        p->shown = false;
}

void output_json(FILE *file, const json_t *object) {
        (void) json_dumpf(object, file, JSON_COMPACT);
        fputc('\n', file);
        fflush(file);
}

void output_verdict(FILE *file, const json_t *result) {
        const char *verdict = result_string(result, "verdict"), *code = result_string(result, "support-code");
        const json_t *reasons = json_object_get(result, "reasons"), *binding = json_object_get(result, "binding"),
                     *duration = json_object_get(result, "duration"), *left = json_object_get(result, "attempts-left");

        put_text(file, verdict, SIZE_MAX);
        fprintf(file, ": %s\n", streq(verdict_meaning(verdict), verdict) ? "a verdict that this program does not know"
                                                                        : verdict_meaning(verdict));

        for (size_t i = 0; i < json_array_size(reasons); i++) {
                const char *reason = json_string_value(json_array_get(reasons, i));

                fputs("  - ", file);
                put_text(file, reason_advice(reason), SIZE_MAX);
                fputs(" (", file);
                put_text(file, reason, SIZE_MAX);
                fputs(")\n", file);
        }

        if (json_is_integer(left))
                fprintf(file, "  attempts left: %d\n", (int) json_integer_value(left));
        if (json_is_integer(duration))
                fprintf(file, "  took %.1f s\n", (double) json_integer_value(duration) / (double) USEC_PER_SEC);
        if (!isempty(code)) {
                fputs("  support code ", file);
                put_text(file, code, SIZE_MAX);
                fputc('\n', file);
        }
        if (json_is_false(binding))
                fputs("  not binding: a pilot or a demonstration\n", file);
        fflush(file);
}

static void put_property(FILE *file, const char *label, const char *value) {
        if (!value)
                return;
        fprintf(file, "%-13s", label);
        put_text(file, value[0] != '\0' ? value : "none", SIZE_MAX);
        fputc('\n', file);
}

/* The id of the key that signs, and what guards it. */
static void put_key(FILE *file, const json_t *properties) {
        const char *set = result_string(properties, "PublicKey"), *protection = result_string(properties, "KeyProtection");
        json_t *parsed = set ? json_loads(set, 0, NULL) : NULL;

        put_property(file, "Signing key", result_string(json_array_get(json_object_get(parsed, "keys"), 0), "kid") ?: "");
        if (!isempty(protection))
                put_property(file, "  guarded by", streq(protection, "none") ? "nothing" : protection);
        json_decref(parsed);
}

/* A name and the beginning of its hash; --json has all of it. */
static void put_model(FILE *file, const char *label, const char *name, const char *hash) {
        fprintf(file, "%-13s", label);
        put_text(file, name, SIZE_MAX);
        fprintf(file, "%*s", strlen(name) < NAME_COLUMNS ? (int) (NAME_COLUMNS - strlen(name)) : 1, "");
        put_text(file, hash, HASH_COLUMNS);
        fputs(strlen(hash) > HASH_COLUMNS ? "…\n" : "\n", file);
}

/* Whether all is well comes first, and what to do about what is not. */
static void put_headline(FILE *file, const json_t *properties) {
        const char *version = result_string(properties, "Version"), *terminal = result_string(properties, "Terminal");
        const json_t *problems = json_object_get(properties, "Problems");

        fputs("Likeness", file);
        if (version) {
                fputc(' ', file);
                put_text(file, version, SIZE_MAX);
        }
        if (terminal) {
                fputs(", terminal ", file);
                put_text(file, terminal, SIZE_MAX);
        }
        fprintf(file, ": %s\n", json_array_size(problems) == 0 ? "all is well" : "this needs attention");

        for (size_t i = 0; i < json_array_size(problems); i++) {
                const char *problem = json_string_value(json_array_get(problems, i));

                fputs("  - ", file);
                put_text(file, problem, SIZE_MAX);
                fprintf(file, ": %s\n", problem_advice(problem));
        }
        fputc('\n', file);
}

void output_status(FILE *file, const json_t *properties) {
        json_t *documents = json_object_get(properties, "Documents"), *models = json_object_get(properties, "Models"),
               *hash;
        const char *name, *label = "Models";

        put_headline(file, properties);
        put_property(file, "Mode", result_string(properties, "Mode"));
        put_property(file, "State", result_string(properties, "State"));
        put_key(file, properties);
        for (size_t i = 0; i < json_array_size(documents); i++)
                put_property(file, i == 0 ? "Documents" : "", json_string_value(json_array_get(documents, i)));

        json_object_foreach(models, name, hash) {
                put_model(file, label, name, json_string_value(hash) ?: "");
                label = "";
        }
        fflush(file);
}

void output_failure(FILE *file, const json_t *failure) {
        const char *name = result_string(failure, "error"), *message = result_string(failure, "message"),
                   *advice = error_advice(name);

        fputs("likenessctl: ", file);
        put_text(file, isempty(message) ? name : message, SIZE_MAX);
        fputc('\n', file);
        if (advice)
                fprintf(file, "%s\n", advice);
        fflush(file);
}
