#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PAM runs this as root before it opens a session: home_answers SECONDS MOUNT_POINT, with the user in PAM_USER.
# A home on a file server that is silent stops whoever looks into it, for as long as the server is silent: the manager of
# the user, sshd, the shell. So nobody gets that far. What hangs in the file system can be killed, and nothing else.
set -u

answers() {
    # asks the server each time; what stat alone wants to know may be remembered
    timeout --signal=KILL "${seconds}" stat --file-system -- "$1" >/dev/null 2>&1
}

seconds=$1
mount_point=$2
home=$(getent passwd -- "${PAM_USER}" | cut -d: -f6)
answers "${home}" && exit 0
# 137: killed; otherwise there is no such home, which is no fault of a server that answers
[ "$?" -ne 137 ] && answers "${mount_point}" && exit 0
echo "Your home ${home} is on a file server that does not answer now. Nothing in it is lost. Try again in some minutes."
exit 1
