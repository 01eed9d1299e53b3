/* SPDX-License-Identifier: Apache-2.0 */

#include "mock-place.h"
#include "macro.h"

#include <glib.h>
#include <stdio.h>

#define CONTROLLER "/devices/pci0000:00/0000:00:14.0"
#define BUS CONTROLLER "/usb1"

static void add(GString *all, const char *root, const char *path, const char *description) {
        g_autofree char *uevent = g_strconcat(root, "/sys", path, "/uevent", NULL);

        if (!g_file_test(uevent, G_FILE_TEST_EXISTS))
                g_string_append_printf(all, "P: %s\n%s\n", path, description);
}

static unsigned port_of(const MockPlace *p) {
        return p->port > 0 ? p->port : 1;
}

static const char *or_default(const char *value, const char *otherwise) {
        return value[0] != '\0' ? value : otherwise;
}

char *mock_place_syspath(const MockPlace *p) {
        return p->software ? g_strdup_printf("/devices/virtual/video4linux/video%u", p->number)
                           : g_strdup_printf(BUS "/1-%u/1-%u:1.%u/video4linux/video%u", port_of(p), port_of(p),
                                             p->interface, p->number);
}

static void add_usb(GString *all, const MockPlace *p, const char *root) {
        g_autofree char *device = g_strdup_printf(BUS "/1-%u", port_of(p));
        g_autofree char *interface = g_strdup_printf("%s/1-%u:1.%u", device, port_of(p), p->interface);
        g_autofree char *serial = p->serial[0] ? g_strdup_printf("A: serial=%s\\n\n", p->serial) : g_strdup("");
        g_autofree char *identity = g_strdup_printf("E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: idVendor=%s\\n\n"
                                                    "A: idProduct=%s\\n\n%s", or_default(p->vendor, "1d6b"),
                                                    or_default(p->product, "0102"), serial);

        add(all, root, CONTROLLER, "E: SUBSYSTEM=pci\nA: vendor=0x8086\\n\nA: device=0xa36d\\n\n");
        add(all, root, BUS, "E: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nA: idVendor=1d6b\\n\nA: idProduct=0002\\n\n");
        add(all, root, device, identity);
        add(all, root, interface, "E: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n");
}

char *mock_place_describe(const MockPlace *p, const char *root) {
        g_autofree char *path = mock_place_syspath(p);
        g_autofree char *seat = p->seat[0] ? g_strdup_printf("E: ID_SEAT=%s\n", p->seat) : g_strdup("");
        const char *card = or_default(p->card, "Mock camera");
        GString *all = g_string_new("");

        if (!p->software)
                add_usb(all, p, root);
        /* a regular file in the place of the node ("=00") can be mapped */
        g_string_append_printf(all,
                               "P: %s\nN: video%u=00\nE: DEVNAME=/dev/video%u\nE: SUBSYSTEM=video4linux\nE: MAJOR=81\n"
                               "E: MINOR=%u\nE: ID_V4L_VERSION=2\nE: ID_V4L_PRODUCT=%s\nE: ID_V4L_CAPABILITIES=:%s\n%s"
                               "A: dev=81:%u\\n\nA: name=%s\\n\nA: index=%u\\n\n",
                               path, p->number, p->number, p->number, card, p->metadata ? "" : "capture:", seat,
                               p->number, card, p->index);
        return g_string_free(all, FALSE);
}

static bool set_text(char *ret, size_t size, const char *value) {
        for (size_t i = 0; value[i] != '\0' && i + 1 < size; i++)
                ret[i] = value[i] == '_' ? ' ' : value[i];
        return strlen(value) < size;
}

static bool parse_word(const char *word, MockPlace *p) {
        if (streq(word, "metadata"))
                return p->metadata = true;
        if (streq(word, "software"))
                return p->software = true;
        if (g_str_has_prefix(word, "vendor="))
                return set_text(p->vendor, sizeof(p->vendor), word + strlen("vendor="));
        if (g_str_has_prefix(word, "product="))
                return set_text(p->product, sizeof(p->product), word + strlen("product="));
        if (g_str_has_prefix(word, "serial="))
                return set_text(p->serial, sizeof(p->serial), word + strlen("serial="));
        if (g_str_has_prefix(word, "card="))
                return set_text(p->card, sizeof(p->card), word + strlen("card="));
        if (g_str_has_prefix(word, "seat="))
                return set_text(p->seat, sizeof(p->seat), word + strlen("seat="));
        return sscanf(word, "number=%u", &p->number) == 1 || sscanf(word, "port=%u", &p->port) == 1 ||
               sscanf(word, "interface=%u", &p->interface) == 1 || sscanf(word, "index=%u", &p->index) == 1;
}

bool mock_place_parse(
                const char *words, MockPlace *ret, bool (*other)(const char *word, void *userdata), void *userdata) {

        g_auto(GStrv) all = g_strsplit(words, " ", -1);

        for (char **word = all; *word; word++)
                if (**word != '\0' && !parse_word(*word, ret) && !other(*word, userdata))
                        return false;
        return true;
}
