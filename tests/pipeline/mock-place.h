/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where a mock camera is in the tree of devices, and what it says of itself: a USB camera below a PCI controller, or a
 * device that no hardware is behind. */

typedef struct MockPlace {
        unsigned number;               /* /dev/videoN, with the minor number N */
        unsigned port, interface;      /* 1-PORT:1.INTERFACE; port 0 means 1 */
        unsigned index;                /* which node of the interface */
        char vendor[5], product[5];    /* empty: 1d6b, 0102 */
        char serial[48];
        char card[32];                 /* what it calls itself; empty: Mock camera */
        char seat[32];                 /* empty: none */
        bool metadata;                 /* the node delivers no pictures */
        bool software;                 /* no bus leads to it: a loopback device */
} MockPlace;

/* The devices that lead to the camera and the camera, as umockdev reads them, one after the other with an empty line
 * between them; to be freed. Devices below `root`/sys that are there already are left out. */
char *mock_place_describe(const MockPlace *p, const char *root);

/* The camera's directory below /sys; to be freed. */
char *mock_place_syspath(const MockPlace *p);

/* Reads words separated by spaces: number=, port=, interface=, index=, vendor=, product=, serial=, card= (_ for a
 * space), seat=, metadata, software. Words that are none of these are left to the caller: false from `other` is a
 * mistake. */
bool mock_place_parse(
                const char *words, MockPlace *ret, bool (*other)(const char *word, void *userdata), void *userdata);
