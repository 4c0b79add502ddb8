#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What a cloud image learns from its instance data, read at each boot from a directory of the controller.
set -eu
mkdir -p /run/seed
mount -t hostfs none /run/seed
name="" address="" template_user=""
. /run/seed/machine
echo "${name}" > /etc/hostname
hostname "${name}"
printf '127.0.0.1 localhost %s\n' "${name}" > /etc/hosts
ip link set lo up
ip address add "${address}" dev vec0
ip link set vec0 up
if [ ! -e /etc/ssh/ssh_host_ed25519_key ]; then
    install -d -o admin -g admin -m 700 /home/admin/.ssh
    install -o admin -g admin -m 600 /run/seed/authorized_keys /home/admin/.ssh/authorized_keys
    [ -z "${template_user}" ] || useradd --create-home --shell /bin/bash --uid 1001 "${template_user}"
    install -m 600 /run/seed/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key
fi
umount /run/seed
