# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server and the controller of the unit tests."""

from __future__ import annotations

from ansible_collections.labfleet.identity.tests.unit.efs.conftest import aws, controller, one_loader, server_url

__all__ = ["aws", "controller", "one_loader", "server_url"]
