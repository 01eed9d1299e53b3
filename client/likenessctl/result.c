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

/* Each reads the next member of an array and adds it: positive, 0 if there is none, or a negative errno. */
static int add_string(sd_bus_message *m, json_t *array) {
        const char *s;
        int r;

        r = sd_bus_message_read_basic(m, 's', &s);
        return r > 0 && json_array_append_new(array, json_string(s)) < 0 ? -ENOMEM : r;
}

static int add_pair(sd_bus_message *m, json_t *object) {
        const char *key, *value;
        int r;

        r = sd_bus_message_read(m, "{ss}", &key, &value);
        return r > 0 && json_object_set_new(object, key, json_string(value)) < 0 ? -ENOMEM : r;
}

/* A mode of a camera: {"format", "width", "height", "rate"}, the rate in pictures a second, null if it is not known. */
static int add_mode(sd_bus_message *m, json_t *array) {
        uint32_t width, height, thousandths;
        const char *format;
        json_t *rate;
        int r;

        r = sd_bus_message_read(m, "(suuu)", &format, &width, &height, &thousandths);
        if (r <= 0)
                return r;
        rate = thousandths > 0 ? json_real(thousandths / 1000.0) : json_null();
        r = json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:o}", "format", format, "width",
                                                   (json_int_t) width, "height", (json_int_t) height, "rate", rate));
        return r < 0 ? -ENOMEM : 1;
}

static const struct {
        const char *signature;
        json_t *(*new)(void);
        int (*add)(sd_bus_message *m, json_t *to);
} arrays[] = {
        { "as", json_array, add_string },
        { "a{ss}", json_object, add_pair },
        { "a(suuu)", json_array, add_mode },
};

/* `kind` counts in `arrays` */
static int read_array(sd_bus_message *m, size_t kind, json_t **ret) {
        json_t *all = arrays[kind].new();
        int r;

        r = sd_bus_message_enter_container(m, 'a', arrays[kind].signature + 1);
        while (r >= 0 && (r = arrays[kind].add(m, all)) > 0)
                ;
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                json_decref(all);
                return r;
        }

        *ret = all;
        return 0;
}

/* 1 if the value was taken, 0 if its type was skipped */
static int read_variant(sd_bus_message *m, json_t **ret) {
        const char *contents;
        size_t kind = 0;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (r == 0 || type != 'v')
                return -EBADMSG;

        while (kind < ELEMENTSOF(arrays) && !streq(contents, arrays[kind].signature))
                kind++;
        if (kind == ELEMENTSOF(arrays) && (strlen(contents) != 1 || !strchr("sogbynqiuxtd", contents[0]))) {
                r = sd_bus_message_skip(m, "v");
                return r < 0 ? r : 0;
        }

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        r = kind < ELEMENTSOF(arrays) ? read_array(m, kind, ret) : read_basic(m, contents[0], ret);
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
