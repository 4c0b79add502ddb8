# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image of a host: made when it is not there, keyed by everything that goes into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .debian import make_debian, read_packages
from .paths import FLEET_DIRECTORY, cache_directory
from .process import attempt, output_of, run_logged
from .spec import TEMPLATE_USERS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from .console import Console

_CONTEXT = FLEET_DIRECTORY / "image"
_PULL_SECONDS = 180


def content_key(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def packages() -> list[str]:
    return read_packages(_CONTEXT / "packages.txt")


def host_image(release: str, template: str) -> str:
    """The name of the image; the same content has the same name in every checkout."""
    content = [path.read_bytes() for path in sorted(_CONTEXT.iterdir())]
    key = content_key(release.encode(), TEMPLATE_USERS[template].encode(), *content)
    return f"labfleet-host:{release}-{template}-{key}"


def _has(image: str) -> bool:
    return attempt(["docker", "image", "inspect", "--format", "{{.Id}}", image]).returncode == 0


def ensure_images(wanted: Iterable[tuple[str, str]], console: Console) -> dict[tuple[str, str], str]:
    """Make what is missing of the images for these pairs of release and template; the releases go in parallel."""
    images = {pair: host_image(*pair) for pair in sorted(set(wanted))}
    missing = {pair: image for pair, image in images.items() if not _has(image)}
    releases = sorted({release for release, _template in missing})
    with (cache_directory("images") / "build.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes make an image once
        with ThreadPoolExecutor(max_workers=len(releases) or 1) as pool:
            bases = dict(zip(releases, pool.map(lambda release: _ensure_base(release, console), releases), strict=True))
        for (release, template), image in missing.items():
            if not _has(image):
                with console.step(f"build the image {image}"):
                    _build(image, bases[release], template)
    return images


def _build(image: str, base: str, template: str) -> None:
    user = TEMPLATE_USERS[template]
    argv = ["docker", "build", "--tag", image, "--build-arg", f"BASE={base}", "--build-arg", f"TEMPLATE_USER={user}"]
    log = cache_directory("logs") / f"build-{image.partition(':')[2]}.log"
    run_logged([*argv, str(_CONTEXT)], f"docker build of {image}", log)


def _ensure_base(release: str, console: Console) -> str:
    """Debian itself: there already, or in the cache, or pulled from a registry, or made from packages."""
    made = f"labfleet-base:{release}-{content_key(release.encode(), *(name.encode() for name in packages()))}"
    tarball = cache_directory("images") / f"{made.replace(':', '-')}.tar"
    if _has(made):
        return made
    if not tarball.exists():
        published = f"debian:{release}-slim"
        with console.step(f"ask the registry for {published}"):
            answer = attempt(["docker", "pull", "--quiet", published], timeout=_PULL_SECONDS)
        if answer.returncode == 0 or _has(published):
            return published
        with console.step(f"no registry answers: make Debian {release} from its packages"):
            _bootstrap(release, tarball)
    with console.step(f"import Debian {release}"):
        output_of(["docker", "import", str(tarball), made], f"importing {tarball}", timeout=300)
    return made


def _bootstrap(release: str, tarball: Path) -> None:
    partial = tarball.with_suffix(f".{os.getpid()}.partial.tar")
    try:
        make_debian(release, packages(), partial, way_out=f", or load a debian:{release}-slim image into the engine")
        partial.replace(tarball)
    finally:
        partial.unlink(missing_ok=True)
