#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set +e
systemctl stop rstudio-server.service 2>/dev/null
systemctl disable rstudio-server.service 2>/dev/null
rm -f /lib/systemd/system/rstudio-server.service
systemctl daemon-reload
set -e
