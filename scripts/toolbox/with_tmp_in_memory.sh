#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# unshare --mount with_tmp_in_memory.sh PATH... -- COMMAND...
# Runs the command with a /tmp in memory, in which each PATH is found as before. Nobody else sees any of it.
set -eu
mount --bind /tmp /mnt
mount -t tmpfs -o mode=1777 tmpfs /tmp
while [ "$1" != "--" ]; do
    case $1 in
        /tmp/*)
            mkdir -p "$1"
            mount --bind "/mnt${1#/tmp}" "$1"
            ;;
    esac
    shift
done
shift
cd "$PWD"
exec "$@"
