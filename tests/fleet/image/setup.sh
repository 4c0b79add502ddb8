#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Turns plain Debian into a host of the fleet, when the image is built.

set -eu
here=/usr/local/share/labfleet
export DEBIAN_FRONTEND=noninteractive

wanted=$(sed -e 's/#.*//' "${here}/packages.txt" | tr '\n' ' ')
# A base made by mmdebstrap has them all, and then no network is needed.
# shellcheck disable=SC2086
if ! dpkg --status ${wanted} >/dev/null 2>&1; then
    apt-get update
    apt-get install --yes --no-install-recommends ${wanted}
    apt-get clean
    rm -rf /var/lib/apt/lists/*
fi

chmod 0755 "${here}/fleet-init"
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id

# The default user of Debian's own cloud image, with the rights that cloud-init gives it.
useradd --create-home --shell /bin/bash --uid 1000 admin
printf 'admin ALL=(ALL) NOPASSWD:ALL\n' >/etc/sudoers.d/90-cloud-init-users
chmod 0440 /etc/sudoers.d/90-cloud-init-users

# pwck complains of homes that are not there; made here, so that a test may ask for its silence.
while IFS=: read -r _ _ _ _ _ home _; do
    case "${home}" in
        /nonexistent) ;;
        /run/*) printf 'd %s 0755 root root -\n' "${home}" >>/etc/tmpfiles.d/labfleet.conf ;;
        *) mkdir -p "${home}" ;;
    esac
done </etc/passwd

systemctl enable ssh.service
# What makes no sense in a container, or would change the host behind a test's back.
systemctl mask \
    apt-daily.timer apt-daily-upgrade.timer console-getty.service dev-hugepages.mount dpkg-db-backup.timer \
    e2scrub_all.timer fstrim.timer getty.target modprobe@drm.service modprobe@efi_pstore.service \
    proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-binfmt.service \
    systemd-firstboot.service systemd-logind-varlink.socket
