#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Turn a Debian from packages into the disk of a machine. Runs in it, when the image is made.
set -eu
useradd --create-home --shell /bin/bash --uid 1000 admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/90-cloud-init-users
chmod 440 /etc/sudoers.d/90-cloud-init-users
: > /etc/machine-id
: > /etc/fstab
rm -f /etc/ssh/ssh_host_*
mkdir -p /srv/efs

cat > /etc/systemd/system/seed.service <<'UNIT'
[Unit]
Description=Take name, address and keys from the controller
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target network.target sysinit.target ssh.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /usr/local/share/labfleet/seed.sh

[Install]
WantedBy=sysinit.target
UNIT
# Root is root here and groups are those that the request names, as with EFS. A lease that is over soon keeps a test from
# waiting.
cat > /etc/exports <<'EXPORTS'
/srv/efs *(rw,fsid=0,no_root_squash,no_subtree_check,insecure,sec=sys)
EXPORTS
mkdir -p /etc/nfs.conf.d
cat > /etc/nfs.conf.d/labfleet.conf <<'CONF'
[mountd]
manage-gids=n

[nfsd]
vers3=n
vers4=y
vers4.1=y
vers4.2=n
lease-time=10
grace-time=10
threads=4
CONF

systemctl --quiet enable seed.service ssh.service
for unit in nfs-server.service nfs-blkmap.service rpcbind.service rpcbind.socket; do
    systemctl --quiet disable "${unit}" || true
done
# This kernel has no nftables of IP.
update-alternatives --set iptables /usr/sbin/iptables-legacy
update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy
# There is no hardware to wait for, and nothing from outside to fetch.
systemctl --quiet mask systemd-udevd.service systemd-udev-trigger.service systemd-udevd-kernel.socket \
    systemd-udevd-control.socket e2scrub_reap.service networking.service getty@tty1.service apt-daily.timer \
    apt-daily-upgrade.timer dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    systemd-binfmt.service proc-sys-fs-binfmt_misc.automount modprobe@drm.service modprobe@efi_pstore.service
