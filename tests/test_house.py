"""The house rules that no other tool proves: who may import whom, and what may not stand in a tracked file."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("av", "ctranslate2", "faster_whisper", "onnxruntime", "sumy", "torch", "whisperx")
PACKAGES = {
    "archivist_captions": ROOT / "libs/captions/archivist_captions",
    "archivist_common": ROOT / "libs/common/archivist_common",
    "archivist_cli": ROOT / "libs/cli/archivist_cli",
    "archivist_api": ROOT / "services/api/archivist_api",
    "archivist_transcriber": ROOT / "services/transcriber/archivist_transcriber",
    "archivist_vod": ROOT / "services/vod/archivist_vod",
    "archivist_monitor": ROOT / "services/monitor/archivist_monitor",
}
PUBLISHING = (
    "recording_names",
    "show_titles",
    "matching",
    "sentences",
    "meeting_phrases",
    "chapters",
    "programme",
    "readback",
)
PURE = ("states", "errors", "paths", *PUBLISHING)
PURE_IN_VOD = ("plan", "progress")

# Only these read the environment: settings, the command line that hands it on to the services, and the starts of
# children, which pass on a few names of it.
READS_ENVIRONMENT = {
    "libs/common/archivist_common/settings.py",
    "libs/bench/archivist_bench/transcribe.py",
    "libs/cli/archivist_cli/config.py",
    "libs/cli/archivist_cli/local/runtime.py",
    "libs/cli/archivist_cli/local/stack.py",
    "services/transcriber/archivist_transcriber/supervisor/slot.py",
}
# Names that say nothing about what is inside.
VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "common", "misc", "lib", "tools"}

MODULES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))
each_module = pytest.mark.parametrize("path", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in MODULES])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, nodes: Iterator[ast.AST] | None = None) -> set[str]:
    """Dotted names a module imports, anywhere in it or among the given nodes."""
    found = set()
    for node in nodes if nodes is not None else ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found |= {module} | {f"{module}.{name.name}" for name in names}
            case ast.ImportFrom():
                raise AssertionError(f"{path}: imports are absolute here")
    return found


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What of a module runs when it is imported: not the insides of functions, not what types alone need."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from at_import(child)


def roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@cache
def tracked() -> list[Path]:
    """Every text file of the project: those git knows, or all of them where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are the project's")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [
        path for path in paths if path.is_file() and path.stat().st_size < 2**20 and b"\0" not in path.read_bytes()
    ]


def text_of(path: Path) -> str:
    return path.read_text(errors="replace")


# Who may import whom


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    folders = [str(root / folder.parent.relative_to(ROOT)) for folder in PACKAGES.values()]
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house once more, to break rules in."""
    root = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / ".importlinter", root)
    for folder in PACKAGES.values():
        shutil.copytree(
            folder, root / folder.relative_to(ROOT), ignore=shutil.ignore_patterns("__pycache__"), symlinks=True
        )
    return root


def test_the_import_contracts_are_kept(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("services/vod/archivist_vod/app.py", "import archivist_api.app", "Services never import one another"),
        (
            "libs/common/archivist_common/jobs/lifecycle.py",
            "import archivist_vod.app",
            "What is shared knows no service",
        ),
        ("libs/cli/archivist_cli/main.py", "import archivist_api.app", "The command line starts services"),
        ("services/api/archivist_api/app.py", "import archivist_cli.main", "Services know no command line"),
        ("libs/captions/archivist_captions/cue.py", "import archivist_common.states", "Captions are a library"),
        (
            "libs/common/archivist_common/storage/paths.py",
            "import archivist_common.settings",
            "States, errors and paths",
        ),
        ("libs/common/archivist_common/errors.py", "import time", "States, errors and paths"),
        ("services/monitor/archivist_monitor/app.py", "import arq", "One file imports arq and redis"),
        ("services/api/archivist_api/app.py", "import jose", "One file imports jose"),
        ("services/api/archivist_api/routes/auth.py", "import sqlalchemy", "Routes speak to no database"),
        ("services/api/archivist_api/routes/auth.py", "import subprocess", "Routes speak to no database"),
        (
            "libs/common/archivist_common/jobs/lifecycle.py",
            "def f():\n    import faster_whisper",
            "Only the transcriber",
        ),
        (
            "services/transcriber/archivist_transcriber/engines/__init__.py",
            "import archivist_common.jobs",
            "Engines see no database",
        ),
    ],
)
def test_a_planted_violation_is_seen(copy: Path, module: str, line: str, contract: str) -> None:
    planted = copy / module
    before = planted.read_text()
    planted.write_text(f"{before}\n{line}\n")
    try:
        done = lint_imports(copy)
    finally:
        planted.write_text(before)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [told for told in done.stdout.splitlines() if re.search(r" BROKEN( \(|$)", told)]
    assert any(told.startswith(contract) for told in broken), done.stdout


@pytest.mark.parametrize(
    "path", [p for p in MODULES if "archivist_captions" in p.parts], ids=lambda p: str(p.relative_to(ROOT))
)
def test_captions_import_the_standard_library_alone(path: Path) -> None:
    assert roots(imports(path)) <= {*sys.stdlib_module_names, "archivist_captions"}


def pure_modules() -> list[Path]:
    vod = (PACKAGES["archivist_vod"] / f"{name}.py" for name in PURE_IN_VOD)
    return [PACKAGES["archivist_common"] / f"{name}.py" for name in PURE] + [path for path in vod if path.exists()]


@pytest.mark.parametrize("path", pure_modules(), ids=lambda p: p.stem)
def test_pure_modules_import_the_standard_library_captions_and_each_other(path: Path) -> None:
    allowed = {f"archivist_common.{name}" for name in PURE} | {f"archivist_vod.{name}" for name in PURE_IN_VOD}
    for name in imports(path):
        root = name.partition(".")[0]
        ours = any(name == one or name.startswith(f"{one}.") for one in allowed)
        assert root in sys.stdlib_module_names or root == "archivist_captions" or ours or name == "archivist_common"
    assert not roots(imports(path)) & {"os", "io", "time", "socket", "subprocess", "shutil", "tempfile", "random"}
    assert not {"pathlib.Path"} & imports(path), "a path is text here"


@each_module
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    assert not roots(imports(path, at_import(tree(path)))) & set(HEAVY)


@pytest.mark.parametrize(
    "module",
    ["archivist_transcriber.app", "archivist_transcriber.engines", "archivist_api.app", "archivist_cli.main"],
)
def test_importing_a_service_loads_no_speech_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_package_is_in_the_contracts_and_in_the_wheel() -> None:
    import tomllib

    config = (ROOT / ".importlinter").read_text()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    found = {path.parent for room in ("libs", "services") for path in (ROOT / room).glob("*/*/__init__.py")}
    assert found == set(PACKAGES.values())
    assert {ROOT / name for name in wheel["packages"]} == found
    assert set(re.findall(r"^    (archivist_\w+)$", config, re.MULTILINE)) >= set(PACKAGES)


# What a module is


@each_module
def test_a_module_says_what_it_is(path: Path) -> None:
    if path.name != "__init__.py" or tree(path).body:
        assert ast.get_docstring(tree(path)), "the first line of a module says what one gets from it"


@each_module
def test_a_module_is_named_after_its_idea(path: Path) -> None:
    assert path.stem not in VAGUE
    assert path.parent.name not in VAGUE - {"common"}


@each_module
def test_the_environment_is_read_by_settings_alone(path: Path) -> None:
    if str(path.relative_to(ROOT)) in READS_ENVIRONMENT:
        return
    read = {
        node.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    }
    assert not read
    assert not imports(path) & {"os.environ", "os.getenv", "dotenv"}


def test_who_may_read_the_environment_still_does() -> None:
    for name in READS_ENVIRONMENT - {"libs/common/archivist_common/settings.py"}:
        assert "os.environ" in (ROOT / name).read_text(), f"{name} no longer needs to be excused"


# What may not stand in a tracked file

LATER = re.compile(r"\b(?:TODO|FIXME)\b(?!.*(?:#|issue )\d+)")
A_DEVELOPERS_PATH = re.compile(r"(?<![\w.])/(?:(?:home|Users)/(?!archivist\b)|root/|work/)\w+")
REGISTRY = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs|crates\.io|ghcr\.io|quay\.io|docker\.io|gcr\.io|artifactory|nexus\."
    r"|(?m:^\s*-{0,2}(?:extra-)?index-url[ =])",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        (LATER, "# TODO(#12): faster", "# TODO: faster"),
        (A_DEVELOPERS_PATH, "/opt/models", "cd /" + "root/archivist"),
        (A_DEVELOPERS_PATH, "tmpfs /run", "/" + "home/ada/src"),
        (REGISTRY, "no index is named", "--index-" + "url https://example.test"),
        (REGISTRY, "image: postgres:18", "image: " + "ghcr" + ".io/x/y"),
    ],
)
def test_the_rules_below_can_tell(rule: re.Pattern[str], good: str, bad: str) -> None:
    assert not rule.search(good)
    assert rule.search(bad)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(LATER, id="what-is-left-for-later-has-an-issue"),
        pytest.param(A_DEVELOPERS_PATH, id="no-path-of-a-developers-machine"),
        pytest.param(REGISTRY, id="no-package-registry"),
    ],
)
def test_no_tracked_file_holds(rule: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, hit.start()) + 1}: {hit[0]}"
        for path in tracked()
        if path != Path(__file__).resolve()
        for text in [text_of(path)]
        for hit in rule.finditer(text)
    ]
    assert not found, "\n".join(found)
