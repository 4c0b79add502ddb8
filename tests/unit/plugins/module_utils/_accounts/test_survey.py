# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey sees of a real directory tree, and what it says when it cannot see all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COLLECTION = Path(__file__).resolve().parents[5]
PACKAGE = "ansible_collections.labfleet.identity.plugins.module_utils._accounts._survey"
PASSWD = "root:x:0:0:root:/root:/bin/bash\nalice:x:5238:5238:Alice,,,:/home/alice:/bin/bash\n"
GROUP = "root:x:0:\nalice:x:5238:\ngenomics:x:4300:alice,bob\n"


class Image:
    """A system below a directory, with real owners, and the surveys of it in processes of their own."""

    def __init__(self, directory: Path) -> None:
        assert os.geteuid() == 0, "a survey of an image changes its root: run the unit tests as root"
        self.root = directory / "image"
        for path in ("etc", "home"):
            (self.root / path).mkdir(parents=True)
        (directory / "tree" / "ansible_collections" / "labfleet").mkdir(parents=True)
        (directory / "tree" / "ansible_collections" / "labfleet" / "identity").symlink_to(COLLECTION)
        self._tree = directory / "tree"
        self.write("etc/passwd", PASSWD)
        self.write("etc/group", GROUP)

    def write(self, path: str, text: str | bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(text.encode() if isinstance(text, str) else text)

    def entry(self, name: str, uid: int, gid: int | None = None) -> None:
        (self.root / "home" / name).mkdir()
        os.chown(self.root / "home" / name, uid, uid if gid is None else gid)

    def run(self, code: str) -> Any:
        """What a program prints as JSON that has the functions of the survey."""
        program = f"import json, os, sys, time\nfrom {PACKAGE} import *\n{code}"
        environment = {**os.environ, "PYTHONPATH": str(self._tree), "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(
            [sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environment, timeout=120
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def survey(self, *bases: str, limit: int = 1000, root: str = "") -> dict[str, Any]:
        asked = (root or str(self.root), list(bases or ["/home", "/efs/home"]), limit, 60)
        found = self.run(
            "from ansible_collections.labfleet.identity.plugins.module_utils._errors import IdentityError\n"
            f"try: print(json.dumps(take_survey{asked!r}))\n"
            "except IdentityError as refusal: print(json.dumps({'refused': str(refusal)}))"
        )
        assert isinstance(found, dict)
        return found


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_accounts_groups_and_owners_of_homes(image: Image) -> None:
    image.entry("alice", 5238)
    image.entry("left", 5300, 5301)
    (image.root / "home" / "note").write_text("")
    assert image.survey() == {
        "accounts": [
            {
                "name": "root",
                "uid": 0,
                "gid": 0,
                "gecos": "root",
                "home": "/root",
                "shell": "/bin/bash",
                "groups": [],
            },
            {
                "name": "alice",
                "uid": 5238,
                "gid": 5238,
                "gecos": "Alice,,,",
                "home": "/home/alice",
                "shell": "/bin/bash",
                "groups": ["genomics"],
            },
        ],
        "groups": [{"name": "root", "gid": 0}, {"name": "alice", "gid": 5238}, {"name": "genomics", "gid": 4300}],
        "other_numbers": [],
        "homes": [
            {
                "base": "/home",
                "state": "listed",
                "entries": [
                    {"name": "alice", "uid": 5238, "gid": 5238},
                    {"name": "left", "uid": 5300, "gid": 5301},
                    {"name": "note", "uid": 0, "gid": 0, "kind": "other"},
                ],
            },
            {"base": "/efs/home", "state": "missing", "entries": []},
        ],
        "directory_accounts": [],
        "gaps": [],
    }


def test_what_the_collection_manages_is_told(image: Image) -> None:
    entry = '{"number": 5238, "owner": "research:lab", "state": "present"}'
    gone = '{"number": 5444, "owner": "research:lab", "state": "disabled"}'
    record = f'{{"format": 1, "users": {{"alice": {entry}, "gone": {gone}}}, "groups": {{}}}}'
    image.write("var/lib/labfleet-identity/accounts.json", record)
    found = image.survey()
    assert [account.get("managed") for account in found["accounts"]] == [None, "research:lab"]
    assert found["other_numbers"] == [5238, 5444]
    image.write("var/lib/labfleet-identity/accounts.json", record[:40])
    assert "is damaged" in image.survey()["gaps"][0]


def test_a_link_is_told_and_never_followed(image: Image) -> None:
    image.entry("alice", 5238)
    (image.root / "home" / "mallory").symlink_to("alice")
    os.chown(image.root / "home" / "mallory", 5300, 5300, follow_symlinks=False)
    entries = image.survey("/home")["homes"][0]["entries"]
    assert entries[1] == {"name": "mallory", "uid": 5300, "gid": 5300, "kind": "link"}
    # the base itself: root's link is followed, inside the image only; somebody else's is not
    (image.root / "data").symlink_to("/home")
    assert image.survey("/data")["homes"][0]["entries"] == entries
    os.chown(image.root / "data", 5300, 5300, follow_symlinks=False)
    found = image.survey("/data")
    assert found["homes"][0]["state"] == "unread"
    assert found["gaps"] == [
        "/data: data in the path /data is a link that belongs to uid 5300: root follows only its own"
    ]


def test_an_image_shows_nothing_of_the_host_that_looks_at_it(image: Image, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").mkdir()
    (image.root / "home").rmdir()
    (image.root / "home").symlink_to(outside)
    found = image.survey("/home")
    assert "secret" not in json.dumps(found)
    assert found["gaps"][0].startswith("/home: directory /")
    assert "does not exist" in found["gaps"][0]


def test_no_code_of_an_image_runs(image: Image) -> None:
    record = {"format": 1, "users": {"Bad": {"number": 5000, "owner": "x", "state": "present"}}, "groups": {}}
    image.write("var/lib/labfleet-identity/accounts.json", json.dumps(record))
    for directory in image.run("print(json.dumps([path for path in sys.path if path]))"):
        image.write(f"{directory.lstrip('/')}/unicodedata.py", "open('/pwned', 'w')")
    found = image.survey("/home")
    assert not (image.root / "pwned").exists()
    assert any("accounts.json" in gap for gap in found["gaps"])


def test_a_directory_that_others_can_change_is_not_trusted(image: Image) -> None:
    (image.root / "home").chmod(0o777)
    found = image.survey("/home")
    assert found["homes"][0]["state"] == "unread"
    assert "chmod go-w it first" in found["gaps"][0]


def test_what_is_not_read_whole_is_said(image: Image) -> None:
    for number in range(4):
        image.entry(f"p{number}", 5300 + number)
    assert image.survey("/home", limit=4)["gaps"] == []
    found = image.survey("/home", limit=3)
    assert (found["homes"][0]["state"], len(found["homes"][0]["entries"])) == ("truncated", 3)
    assert found["gaps"] == ["/home: more than 3 entries: survey again with a higher limit"]


def test_100_000_entries_are_read_within_seconds(image: Image) -> None:
    base = image.root / "home"
    for number in range(100_000):
        os.mknod(base / f"p{number:06}")
    began = time.monotonic()
    found = image.survey("/home", limit=100_000)
    assert (found["homes"][0]["state"], len(found["homes"][0]["entries"])) == ("listed", 100_000)
    assert image.survey("/home", limit=99_999)["homes"][0]["state"] == "truncated"
    assert time.monotonic() - began < 30


def test_lines_that_are_no_accounts_are_gaps_and_their_numbers_are_kept(image: Image) -> None:
    image.write(
        "etc/passwd",
        PASSWD.encode()
        + b"alice:x:5301:5301::/home/alice2:/bin/sh\n"  # the name a second time
        + b"twin:x:5238:5238::/home/twin:/bin/sh\n"  # the number a second time: an account like others
        + b"short:x:5302\n"
        + b"odd:x:many:5303::/:/bin/sh\n"
        + b"huge:x:4294967296:1::/:/bin/sh\n"
        + b"# comment:x:5304:1::/:/bin/sh\n\n"
        + b"+@staff::::::\n"
        + b"b\xff\x1b[2J{{ x }}:x:5305:5305:{{ 7 * 7 }}\t\xe9:/home/{{ y }}:/bin/sh\n",
    )
    found = image.survey("/home")
    assert [account["name"] for account in found["accounts"]] == ["root", "alice", "twin", "b\\xff\x1b[2J{{ x }}"]
    assert found["accounts"][3]["gecos"] == "{{ 7 * 7 }}\t\\xe9"
    assert found["other_numbers"] == [5301, 5302]
    assert found["gaps"] == [
        "/etc/passwd has a malformed line or a further one of 'alice' ('5301'): repair it (vipw, vigr)",
        "/etc/passwd has a malformed line or a further one of 'short' ('5302'): repair it (vipw, vigr)",
        "/etc/passwd takes further lines from NIS, which are not read: remove the line",
        "/etc/passwd has no number for 'odd': repair the line (vipw)",
        "/etc/passwd has no number for 'huge': repair the line (vipw)",
    ]


@pytest.mark.parametrize(
    ("breakage", "reason"),
    [
        ("missing", "/etc/passwd is missing"),
        ("link", "file passwd cannot be read"),
        ("fifo", "passwd is not a regular file"),
        ("writable", "chmod go-w it first"),
    ],
)
def test_a_host_whose_accounts_cannot_be_read_is_an_error(image: Image, breakage: str, reason: str) -> None:
    passwd = image.root / "etc" / "passwd"
    if breakage == "writable":
        passwd.parent.chmod(0o777)
    else:
        passwd.unlink()
    if breakage == "link":
        passwd.symlink_to("/etc/group")
    if breakage == "fifo":
        os.mkfifo(passwd)
    assert reason in image.survey("/home")["refused"]


def test_paths_that_mean_something_else_are_refused(image: Image) -> None:
    for path in ("home", "/home/../etc", "/home/", ""):
        assert "is not a plain absolute path" in image.survey(path)["refused"]
    assert "No such file" in image.survey("/home", root="/nowhere/at/all")["refused"]


def test_a_file_server_that_does_not_answer_is_given_up(image: Image) -> None:
    said = image.run(
        "began = time.monotonic()\n"
        "found = apart(lambda: time.sleep(100), '/', 0.3)\n"
        "try: os.waitpid(-1, os.WNOHANG); left = True\n"
        "except ChildProcessError: left = False\n"
        "print(json.dumps([found, time.monotonic() - began, left]))"
    )
    assert said[0] == {"problem": "no answer within 0.3 seconds"}
    assert 0.3 <= said[1] < 30
    assert said[2] is False


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        ("lambda: os.kill(os.getpid(), 9)", "the process that looked ended before it was done"),
        ("lambda: {}['x']", "KeyError: 'x'"),
        ("lambda: os.stat('/no/such/place')", "No such file or directory (/no/such/place)"),
        ("lambda: names_in(os.open('/dev/null', os.O_RDONLY), 5)", "Not a directory"),
    ],
)
def test_work_that_fails_says_why(image: Image, work: str, problem: str) -> None:
    found = image.run(f"print(json.dumps(apart({work}, '/', 30)))")
    assert problem in found["problem"]


def test_what_hides_its_owner_is_a_gap(image: Image) -> None:
    found = image.run(
        "from unittest import mock\n"
        "class Hidden:\n"
        "    name = 'fuse\\n'\n"
        "    def stat(self, follow_symlinks): raise PermissionError(13, 'Permission denied')\n"
        "class Gone:\n"
        "    name = 'gone'\n"
        "    def stat(self, follow_symlinks): raise FileNotFoundError(2, 'x')\n"
        "def listing(*entries):\n"
        "    return mock.MagicMock(__enter__=lambda self: iter(entries))\n"
        "with mock.patch('os.scandir', lambda directory: listing(Gone(), Hidden())): one = names_in(0, 5)\n"
        "with mock.patch('os.scandir', lambda directory: listing(Gone())): two = names_in(0, 5)\n"
        "print(json.dumps([one, two]))"
    )
    assert found == [
        {"problem": "the owner of 'fuse\\n' is not to be seen (Permission denied)"},
        {"state": "listed", "entries": []},
    ]


def test_the_running_system_is_surveyed_as_it_is(image: Image) -> None:
    found = image.survey(root="/")
    lines = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    assert [(one["name"], one["uid"]) for one in found["accounts"]] == [(line[0], int(line[2])) for line in lines]
