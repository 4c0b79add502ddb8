# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make test` runs: each step by name, with its commands."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from environments import NO_INTERPRETER, choose_interpreter, interpreters
from places import BUILD, CACHE, LOGS, REPOSITORY, TREE

BUNDLED = BUILD / "bundled"
TOOLBOX = Path(__file__).resolve().parent
# The steps of a lane run one after the other, lanes beside each other: one waits for hosts while another computes.
# ansible-test writes into the tree, so that there must be only one of it. The last lane wants the machine alone.
HOSTS, HERE, ANSIBLE_TEST, ALONE = "hosts", "here", "ansible-test", "alone"
IMAGES = "images"  # what all other steps on hosts wait for
MINUTE = 60
# those that start no ansible-playbook of their own; what is private runs in the steps `unit` and `unit-oldest`
IN_PROCESS = tuple(f"tests/unit/plugins/{kind}/" for kind in ("filter", "lookup", "modules", "plugin_utils"))
# the unit tests that import ansible or run ansible-playbook
WITH_ANSIBLE = (
    *(f"tests/unit/plugins/{kind}" for kind in ("action", "filter", "lookup", "modules", "plugin_utils")),
    "tests/unit/roles",
)
# what is in module_utils and runs on the controller alone
NOT_ON_HOSTS = ("_aws", "_invitations", "_ledger", "_login", "_portal", "_templates", "_tokens")


@dataclasses.dataclass(frozen=True)
class Command:
    arguments: tuple[str, ...]
    directory: Path = TREE
    variables: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    name: str
    commands: tuple[Command, ...]
    lane: str = HERE
    group: str = ""
    limit_seconds: int = 10 * MINUTE
    clean_up: tuple[Command, ...] = ()  # what to run if the step did not come to its end
    skip_code: int | None = None  # exit code of the first command that says: this machine has not what it takes


def programs_of(environment: str) -> Path:
    return REPOSITORY / (".venv" if environment == "main" else ".venv-" + environment) / "bin"


def tool(environment: str, program: str) -> str:
    return str(programs_of(environment) / program)


def path_with(environment: str) -> tuple[str, str]:
    """The environment's own programs first."""
    return "PATH", os.pathsep.join([str(programs_of(environment)), tool_path()])


def main(program: str, *arguments: str, directory: Path = TREE) -> Command:
    return Command((tool("main", program), *arguments), directory)


def make_environment(name: str) -> Command:
    return Command((sys.executable, str(TOOLBOX), "venv", name), REPOSITORY)


def fleet(*arguments: str) -> Command:
    return main("python", "tests/fleet/fleet.py", *arguments, directory=REPOSITORY)


@functools.lru_cache(maxsize=None)
def with_tmp_in_memory() -> tuple[str, ...]:
    """A prefix that gives a command a /tmp in memory where this machine lets us, for thousands of fsyncs are tested."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return ()
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = (str(path.resolve()) for path in (REPOSITORY, CACHE))
    prefix = ("unshare", "--mount", str(TOOLBOX / "with_tmp_in_memory.sh"), *kept, "--")
    works = subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0
    return prefix if works else ()


def machines(*arguments: str) -> Command:
    return main("python", "tests/nfs/nfs.py", *arguments, directory=REPOSITORY)


def demo(verb: str) -> Command:
    return Command(("tests/fleet/demo", verb), REPOSITORY)


def pytest(environment: str, *paths: str, workers: int = 1) -> Command:
    # where the time goes is part of the log
    arguments = (tool(environment, "python"), "-m", "pytest", "--durations=25", "--durations-min=2", *paths)
    side_by_side = ("-n", str(workers)) if workers > 1 else ()
    # a law is looked for in full once, and elsewhere to see that it holds there too
    main = environment == "main"
    how_much = (("LABFLEET_SHARE", "1"),) if main else (("LABFLEET_EXAMPLES", "20"),)
    return Command((*with_tmp_in_memory(), *arguments, *side_by_side), TREE, (("PYTHONPATH", str(BUILD)), *how_much))


def ansible_test(environment: str, *arguments: str) -> tuple[Command, Command]:
    home = CACHE / "ansible-test"
    prepare = Command((tool(environment, "python"), str(TOOLBOX / "ansible_test_home.py"), str(home)), REPOSITORY)
    # The environment's own Python goes first on the PATH: with --local ansible-test takes what it finds there.
    variables = (("HOME", str(home)), path_with(environment))
    run = (tool(environment, "ansible-test"), *arguments, "--local", "--color", "no")
    return prepare, Command((*with_tmp_in_memory(), *run), TREE, variables)


def oldest_python() -> tuple[str, ...]:
    """What tells ansible-test to take the oldest Python that runs on managed hosts, of those that are here."""
    versions = sorted(version[:2] for version, _complete in interpreters().values() if version[:2] >= (3, 8))
    return ("--python", "%d.%d" % versions[0]) if versions else ()


def tool_path() -> str:
    """The PATH of all steps: .venv, then every CPython there is, since tests ask for some by name."""
    found = sorted((str(Path(path).parent) for path in interpreters()), reverse=True)
    shims = [part for part in os.environ.get("PATH", "").split(os.pathsep) if not part.endswith("/shims")]
    return os.pathsep.join([str(REPOSITORY / ".venv" / "bin"), *found, *shims])


def type_check() -> tuple[Command, Command]:
    """mypy sees the collection under its real name, and in a second run what imports its neighbours by short names."""
    units = REPOSITORY / "tests" / "unit"
    short = ("bench", "chaos", "toolbox")
    tested = sorted({path.relative_to(units).parts[0] for path in units.glob("*/**/*.py")} - set(short))
    servers = [TREE / "tests" / name for name in ("servers", "dynamodb", "efs", "login")]
    collection = [TREE / "plugins", *servers, *(TREE / "tests" / "unit" / name for name in tested)]
    programs = [TREE / "scripts" / "toolbox", *(TREE / "tests" / name for name in ("fleet", "nfs", "bench", "chaos"))]

    def mypy(roots: list[Path], checked: list[Path]) -> Command:
        variables = (("MYPYPATH", os.pathsep.join(map(str, roots))),)
        options = ("--config-file", str(TREE / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy"))
        return Command((tool("main", "mypy"), *options, *map(str, checked)), BUILD, variables)

    return mypy([BUILD], collection), mypy(
        [*programs, BUILD], [*programs, *(TREE / "tests" / "unit" / name for name in short)]
    )


def lint_steps() -> list[Step]:
    def lint(name: str, *commands: Command) -> Step:
        return Step(name, commands, group="lint")

    target_side = ("plugins/modules", "plugins/module_utils")
    vermin = ("--target=3.8-", "--violations", "--no-tips", "--backport", "dataclasses")
    return [
        lint(
            "ruff",
            main("ruff", "check", directory=REPOSITORY),
            main("ruff", "format", "--check", "--diff", directory=REPOSITORY),
        ),
        lint("target-python", main("vermin", *vermin, *target_side)),
        lint("mypy", *type_check()),
        lint("yamllint", main("yamllint", "--strict", ".")),
        lint("ansible-lint", main("ansible-lint", "--offline", "--nocolor")),
        lint("documentation", main("antsibull-docs", "lint-collection-docs", "--plugin-docs", ".")),
        lint(
            "changelog",
            main("antsibull-changelog", "lint"),
            main("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml"),
        ),
        lint("licences", main("reuse", "lint", "--lines", directory=REPOSITORY)),
    ]


def test_steps() -> list[Step]:
    core219 = make_environment("core219")
    python = "%d.%d" % choose_interpreter("main")[1][:2]
    return [
        Step("unit", (pytest("main", "tests/unit", workers=2),), limit_seconds=25 * MINUTE),
        # what is pure knows no ansible-core, and is tested on the oldest Python as well
        Step("unit-core219", (core219, pytest("core219", *WITH_ANSIBLE, workers=2)), limit_seconds=20 * MINUTE),
        Step(
            "unit-oldest",
            (
                make_environment("oldest"),
                pytest(
                    "oldest",
                    "tests/unit/plugins/module_utils",
                    *(f"--ignore=tests/unit/plugins/module_utils/{name}" for name in NOT_ON_HOSTS),
                    workers=2,
                ),
            ),
            limit_seconds=20 * MINUTE,
            skip_code=NO_INTERPRETER,
        ),
        Step(
            "ansible-test-units",
            ansible_test("main", "units", "--python", python, *IN_PROCESS),
            lane=ANSIBLE_TEST,
            limit_seconds=20 * MINUTE,
        ),
        Step("sanity", ansible_test("main", "sanity"), lane=ANSIBLE_TEST, limit_seconds=20 * MINUTE),
        # ansible-core 2.19 is the last that manages hosts with Python 3.8.
        Step(
            "sanity-core219",
            # the oldest Python; those that the newest ansible-core knows too are in the step `sanity`
            (core219, *ansible_test("core219", "sanity", "--test", "compile", "--test", "import", *oldest_python())),
            lane=ANSIBLE_TEST,
            limit_seconds=20 * MINUTE,
        ),
        Step("importer", importer_commands()),
        # these need no Docker, and the lane of ansible-test is done first
        Step("ledger-dynamodb", (pytest("main", "tests/dynamodb"),), lane=ANSIBLE_TEST),
        Step("efs", (pytest("main", "tests/efs"),), lane=ANSIBLE_TEST),
        Step("login", (pytest("main", "tests/login"),), lane=ANSIBLE_TEST),
        # first that the campaign finds what is broken on purpose, then that nothing is
        Step("chaos", (pytest("main", "tests/chaos"), main("python", "tests/chaos/chaos.py", "--short"))),
    ]


def importer_commands() -> tuple[Command, ...]:
    source = BUILD / "artifact"
    root = source / "ansible_collections" / "labfleet" / "identity"
    build = ("collection", "build", "--force", "--output-path", str(source))
    artifact = "labfleet-identity-%s.tar.gz" % version()
    run = (tool("importer", "python"), str(TOOLBOX / "import_collection.py"), artifact)
    # The importer tells its ansible-lint of no other collections, so these come by way of Python's own path.
    variables = (("GALAXY_IMPORTER_CHECK_REQUIRED_TAGS", "true"), ("PYTHONPATH", str(BUNDLED)), path_with("importer"))
    return (
        make_environment("importer"),
        # A fresh copy: what tools left in the tree must not get into what is published.
        Command(("rm", "-rf", str(source)), REPOSITORY),
        Command((sys.executable, str(TOOLBOX), "tree", "--into", str(source)), REPOSITORY),
        main("ansible-galaxy", *build, directory=root),
        Command(run, source, variables),
    )


def version() -> str:
    lines = (REPOSITORY / "galaxy.yml").read_text().splitlines()
    return next(line.split(": ")[1] for line in lines if line.startswith("version: "))


def molecule(action: str, scenario: str) -> Command:
    """Molecule keeps its state in this checkout: its own place is one for all checkouts of a person."""
    variables = (("MOLECULE_EPHEMERAL_DIRECTORY", str(BUILD / "molecule" / scenario)),)
    return Command((tool("main", "molecule"), action, "--scenario-name", scenario), TREE, variables)


def host_steps() -> list[Step]:
    found = sorted((REPOSITORY / "extensions" / "molecule").glob("*/molecule.yml"))
    scenarios = [path.parent.name for path in found]
    return [
        Step(
            IMAGES,
            (fleet("engine", "start"), fleet("image")),
            lane=HOSTS,
            group="molecule",
            limit_seconds=20 * MINUTE,
        ),
        *(
            Step(
                "molecule:" + scenario,
                (molecule("test", scenario),),
                lane=HOSTS,
                group="molecule",
                limit_seconds=20 * MINUTE,
                clean_up=(molecule("destroy", scenario),),
            )
            for scenario in scenarios
        ),
        Step(
            "nfs",
            # what only a real file server shows; `make nfs` goes through all parts
            (machines("check"), machines("test", "--part=share", "--part=wire")),
            lane=ANSIBLE_TEST,  # it needs no Docker either
            limit_seconds=15 * MINUTE,
            skip_code=77,
        ),
        Step(
            "demo",
            # Whoever has a demo up wants to keep it: it would be taken down.
            (Command(("test", "!", "-e", ".fleet/demo"), REPOSITORY), demo("up"), demo("down")),
            lane=HOSTS,
            limit_seconds=15 * MINUTE,
            clean_up=(demo("down"),),
            skip_code=1,
        ),
        Step(
            "bench-smoke",
            (
                main("python", "tests/bench/bench.py", "--smoke", directory=REPOSITORY),
                main("python", "tests/bench/ledger.py", "--smoke", directory=REPOSITORY),
                main("python", "tests/bench/migration.py", "--smoke", directory=REPOSITORY),
                main("python", "tests/bench/invitations.py", "--smoke", directory=REPOSITORY),
            ),
            lane=ALONE,
            limit_seconds=15 * MINUTE,
        ),
    ]


def all_steps() -> list[Step]:
    return [*test_steps()[:1], *lint_steps(), *test_steps()[1:], *host_steps()]


def link_bundled_collections() -> None:
    """A directory that has nothing but the collections which the PyPI package `ansible` brings along."""
    collections = next((REPOSITORY / ".venv" / "lib").glob("python3.*/site-packages")) / "ansible_collections"
    BUNDLED.mkdir(parents=True, exist_ok=True)
    link = BUNDLED / "ansible_collections"
    if not link.is_symlink() or os.readlink(link) != str(collections):
        fresh = BUNDLED / ("link-%d" % os.getpid())
        fresh.symlink_to(collections)
        fresh.replace(link)


def base_variables() -> dict[str, str]:
    """What every command gets: the tree and the bundled collections, no colours, nothing of the caller's Python."""
    link_bundled_collections()
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MOLECULE_", "PYTHON"))
    }
    return {
        **inherited,
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(BUILD), str(BUNDLED)]),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": tool_path(),
        "PY_COLORS": "0",
        "PYTHONUNBUFFERED": "1",
        "VIRTUAL_ENV": str(REPOSITORY / ".venv"),
    }


__all__ = ["ALONE", "ANSIBLE_TEST", "HERE", "HOSTS", "LOGS", "Command", "Step", "all_steps", "base_variables", "fleet"]
