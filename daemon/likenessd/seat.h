/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-bus.h>

/* The seat at which a message's sender sits, by the rule by which polkit finds his session: the session of the sending
 * process, else (a program of the user's service manager, which belongs to no session) the one that logind shows for
 * the user. `ret` is to be freed; NULL if he sits nowhere: a service, a login over the network. -errno if it cannot be
 * told, and then he gets no camera. */
int seat_of_sender(sd_bus_message *m, char **ret);
