# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python moto_with_efs.py PORT: the server of moto, with what EFS does and moto does not.

- Access points come in pages. moto gives all of them in one answer. A page has 100 of them in AWS, and here PAGE.
- A client token makes one access point. moto makes another one with every request.
- The tag calls that AWS retired, which community.aws.efs still makes. moto has dropped them.

The first two are as the EFS API reference has DescribeAccessPoints and CreateAccessPoint. All else is moto's.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import moto.efs.urls as addresses
from moto.efs.exceptions import EFSError
from moto.efs.responses import EFSResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from ansible_collections.labfleet.identity.tests.servers.moto_one_at_a_time import OneAtATime

PAGE = 4
JSON = {"Content-Type": "application/json"}
Answer = tuple[str, dict[str, Any]]


class TokenKnownError(EFSError):
    """The answer to a client token that has made an access point."""

    code = 409

    def __init__(self, access_point_id: str) -> None:
        super().__init__("AccessPointAlreadyExists", f"Access point already exists: {access_point_id}")


class Efs(EFSResponse):
    """EFS as moto has it, and more."""

    def create_access_point(self) -> Answer:
        token, file_system = self._get_param("ClientToken"), self._get_param("FileSystemId")
        self.efs_backend.describe_file_systems(file_system_id=file_system)
        for point in self.efs_backend.access_points.values():
            if (point.client_token, point.file_system_id) == (token, file_system):
                raise TokenKnownError(point.access_point_id)
        answer: Answer = super().create_access_point()
        return answer

    def describe_access_points(self) -> Answer:
        point, file_system = self._get_param("AccessPointId"), self._get_param("FileSystemId")
        if file_system:
            self.efs_backend.describe_file_systems(file_system_id=file_system)
        found = [one.info_json() for one in self.efs_backend.describe_access_points(point, file_system)]
        begin = int(self._get_param("NextToken") or 0)
        size = self._get_int_param("MaxResults", PAGE)
        more = {"NextToken": str(begin + size)} if begin + size < len(found) else {}
        return json.dumps({"AccessPoints": found[begin : begin + size], **more}), JSON

    def describe_tags(self) -> Answer:
        return json.dumps({"Tags": self.efs_backend.list_tags_for_resource(self._last)}), JSON

    def create_tags(self) -> Answer:
        self.efs_backend.tagging_service.tag_resource(self._last, self._get_param("Tags"))
        return "{}", JSON

    def delete_tags(self) -> Answer:
        self.efs_backend.tagging_service.untag_resource_using_names(self._last, self._get_param("TagKeys"))
        return "{}", JSON

    @property
    def _last(self) -> str:
        return str(self.path).rstrip("/").rsplit("/", 1)[-1]


def install() -> None:
    """Put it where moto looks for EFS."""
    dispatch = Efs().dispatch
    for path in list(addresses.url_paths):
        addresses.url_paths[path] = dispatch
    for call in ("tags", "create-tags", "delete-tags"):
        for tail in ("", "/"):
            addresses.url_paths[f"/2015-02-01/{call}/<file_system_id>{tail}"] = dispatch


if __name__ == "__main__":
    install()
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=MotoRequestHandler)
