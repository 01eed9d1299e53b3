/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the service manager is told. Everybody may read it (systemctl status), and is told when it changes: so it says what
 * the terminal is, never that somebody is being checked. Without a service manager all of this does nothing. */

/* The service can be asked. `problem`: why each check will be refused, or NULL. */
void notify_ready(const char *problem);

/* The configuration is read anew; notify_ready() or notify_not_reloaded() follows. */
void notify_reloading(void);
/* … and was not taken. */
void notify_not_reloaded(const char *problem);

void notify_stopping(void);
