#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# As in the real package: it makes the user, keeps settings that are there, and starts the server at once.
set +e
useradd -r -U rstudio-server 2>/dev/null
mkdir -p /etc/rstudio /var/lib/rstudio-server
[ -f /etc/rstudio/rserver.conf ] || printf '# Server Configuration File\n\n' >/etc/rstudio/rserver.conf
[ -f /etc/rstudio/rsession.conf ] || printf '# R Session Configuration File\n\n' >/etc/rstudio/rsession.conf
systemctl stop rstudio-server.service 2>/dev/null
systemctl disable rstudio-server.service 2>/dev/null
cp /usr/lib/rstudio-server/extras/systemd/rstudio-server.service /lib/systemd/system/rstudio-server.service
systemctl daemon-reload
systemctl enable rstudio-server.service
systemctl start rstudio-server.service
# What the server did in its first second, before anybody could have configured it: for the tests.
sleep 1
ss --listening --tcp --numeric --no-header 'sport = :8787' >/var/lib/rstudio-server/first-second
set -e
