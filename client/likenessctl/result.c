/* SPDX-License-Identifier: Apache-2.0 */

#include "result.h"

#include <errno.h>
#include <math.h>

static json_t *number_from_u64(uint64_t value) {
        return value <= INT64_MAX ? json_integer((json_int_t) value) : json_real((double) value);
}

/* `type` is the only member of the variant's signature */
static int read_basic(sd_bus_message *m, char type, json_t **ret) {
        union {
                const char *s;
                int b;
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } value;
        int r;

        r = sd_bus_message_read_basic(m, type, &value);
        if (r < 0)
                return r;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_string(value.s);
                break;
        case 'b':
                *ret = json_boolean(value.b);
                break;
        case 'y':
                *ret = json_integer(value.y);
                break;
        case 'n':
                *ret = json_integer(value.n);
                break;
        case 'q':
                *ret = json_integer(value.q);
                break;
        case 'i':
                *ret = json_integer(value.i);
                break;
        case 'u':
                *ret = json_integer(value.u);
                break;
        case 'x':
                *ret = json_integer(value.x);
                break;
        case 't':
                *ret = number_from_u64(value.t);
                break;
        default:
                *ret = isfinite(value.d) ? json_real(value.d) : json_null();
        }

        return *ret ? 0 : -ENOMEM;
}

static int read_strings(sd_bus_message *m, json_t **ret) {
        json_t *array = json_array();
        const char *s;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &s)) > 0)
                if (json_array_append_new(array, json_string(s)) < 0)
                        r = -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(array);
                return r;
        }

        *ret = array;
        return 0;
}

static int read_dictionary(sd_bus_message *m, json_t **ret) {
        json_t *object = json_object();
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0)
                if (json_object_set_new(object, key, json_string(value)) < 0)
                        r = -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(object);
                return r;
        }

        *ret = object;
        return 0;
}

/* The modes of a camera: {"format", "width", "height", "rate"}, the rate in pictures a second, null if it is not
 * known. */
static int read_modes(sd_bus_message *m, json_t **ret) {
        json_t *array = json_array(), *rate;
        uint32_t width, height, thousandths;
        const char *format;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "(suuu)");
        while (r >= 0 && (r = sd_bus_message_read(m, "(suuu)", &format, &width, &height, &thousandths)) > 0) {
                rate = thousandths > 0 ? json_real(thousandths / 1000.0) : json_null();
                if (json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:o}", "format", format, "width",
                                                           (json_int_t) width, "height", (json_int_t) height, "rate",
                                                           rate)) < 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(array);
                return r;
        }

        *ret = array;
        return 0;
}

/* 1 if the value was taken, 0 if its type was skipped */
static int read_variant(sd_bus_message *m, json_t **ret) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0 || type != 'v')
                return -EBADMSG;

        if (!streq(contents, "as") && !streq(contents, "a{ss}") && !streq(contents, "a(suuu)") &&
                        (strlen(contents) != 1 || !strchr("sogbynqiuxtd", contents[0]))) {
                r = sd_bus_message_skip(m, "v");
                return r < 0 ? r : 0;
        }

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        if (streq(contents, "as"))
                r = read_strings(m, ret);
        else if (streq(contents, "a{ss}"))
                r = read_dictionary(m, ret);
        else if (streq(contents, "a(suuu)"))
                r = read_modes(m, ret);
        else
                r = read_basic(m, contents[0], ret);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(TAKE_PTR(*ret));
                return r;
        }

        return 1;
}

int result_read(sd_bus_message *m, json_t *object) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                json_t *value = NULL;
                const char *key;

                r = sd_bus_message_read_basic(m, 's', &key);
                if (r < 0)
                        return r;
                r = read_variant(m, &value);
                if (r < 0)
                        return r;
                if (r > 0 && json_object_set_new(object, key, value) < 0)
                        return -ENOMEM;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

json_t *result_failure(const char *name, const char *message) {
        return json_pack("{s:s, s:s}", "error", name, "message", message);
}

const char *result_string(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}
