"""The house rules that no other tool proves: who may import whom, and what may not be in a tracked file.

Each rule is one test that lists every violation, and one that shows the rule bites.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"av", "ctranslate2", "faster_whisper", "onnxruntime", "torch", "whisperx"}
PACKAGES = {
    path.parent.name: path.parent for room in ("libs", "services") for path in (ROOT / room).glob("*/*/__init__.py")
}

# Only these read the environment: settings, the command line that hands it on to the services, and the starts of
# children, which pass on a few names of it.
READS_ENVIRONMENT = {
    "libs/bench/archivist_bench/transcribe.py",
    "libs/cli/archivist_cli/config.py",
    "libs/cli/archivist_cli/local/runtime.py",
    "libs/cli/archivist_cli/local/stack.py",
    "services/transcriber/archivist_transcriber/supervisor/slot.py",
}
# Names that say nothing about what is inside.
VAGUE = {"utils", "util", "helpers", "helper", "base", "manager", "misc", "lib", "tools"}
MODULES_IN_A_FOLDER = 15
LINES_OF_A_MODULE = 400
LONG_BY_NATURE = re.compile(
    r"/migrations/|/errors\.py$|/rules/\w+\.py$"
)  # migrations, the error tree, tables of data
# What a module that calls itself pure may not touch: the clock, the disk, the system.
IMPURE = {"os", "io", "time", "socket", "subprocess", "shutil", "tempfile", "random"}

MODULES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(nodes: Iterator[ast.AST]) -> set[str]:
    """Dotted names that these nodes import."""
    found = set()
    for node in nodes:
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=module, names=names, level=level):
                found |= {f"{'.' * level}{module}", *(f"{'.' * level}{module}.{name.name}" for name in names)}
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


PLANTED = (  # contract, module, what it imports
    ("packages", "archivist_vod.app", "archivist_api.app"),
    ("packages", "archivist_cli.main", "archivist_api.app"),
    ("packages", "archivist_api.app", "archivist_cli.main"),
    ("packages", "archivist_common.jobs.lifecycle", "archivist_vod.app"),
    ("packages", "archivist_captions.cue", "archivist_common.states"),
    ("packages", "archivist_vod.worker", "archivist_bench.peers"),
    ("common", "archivist_common.events.journal", "archivist_common.jobs.lifecycle"),
    ("common", "archivist_common.storage.paths", "archivist_common.settings"),
    ("common", "archivist_common.jobs.requests", "archivist_common.publishing.requests"),
    ("transcriber", "archivist_transcriber.audio.vad", "archivist_transcriber.engines"),
    ("vod", "archivist_vod.folder.publisher", "archivist_vod.cablecast.publisher"),
    ("monitor", "archivist_monitor.check", "archivist_monitor.checks"),
    ("cli", "archivist_cli.local.stack", "archivist_cli.accounts"),
    ("captions", "archivist_captions.cue", "numpy"),
    ("arq", "archivist_monitor.app", "arq"),
    ("jose", "archivist_api.app", "jose"),
    ("routes", "archivist_api.routes.auth", "sqlalchemy"),
    ("routes", "archivist_api.routes.auth", "subprocess"),
    ("heavy", "archivist_common.jobs.lifecycle", "faster_whisper"),
    ("engines", "archivist_transcriber.engines", "archivist_common.jobs"),
)


def contracts() -> dict[str, str]:
    """Contract ids and their names, as `.importlinter` gives them."""
    return dict(
        re.findall(
            r"^\[importlinter:contract:(\w+)\]\nname = (.+)$", (ROOT / ".importlinter").read_text(), re.MULTILINE
        )
    )


def test_the_import_contracts_are_kept(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_contract_catches_the_violations_planted_for_it(copy: Path) -> None:
    assert {contract for contract, _, _ in PLANTED} == set(contracts()), "a contract without a planted violation"
    files: dict[Path, str] = {}
    for _, module, imported in PLANTED:
        place = copy / PACKAGES[module.partition(".")[0]].parent.relative_to(ROOT) / module.replace(".", "/")
        path = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        files.setdefault(path, path.read_text())
        path.write_text(f"{path.read_text()}\n\ndef _planted():\n    import {imported}\n")
    try:
        done = lint_imports(copy)
    finally:
        for path, before in files.items():
            path.write_text(before)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = {told.rpartition(" BROKEN")[0] for told in done.stdout.splitlines() if " BROKEN" in told}
    assert broken == set(contracts().values()), done.stdout
    details = done.stdout.partition("Broken contracts")[2]
    told = dict(zip(*[iter(re.split(r"^(.+)\n-+\n", details, flags=re.MULTILINE)[1:])] * 2, strict=True))
    unseen = [
        (contract, module, imported)
        for contract, module, imported in PLANTED
        if not re.search(
            rf"{re.escape(module)} -> {re.escape(imported)} \(l|"
            rf"{re.escape(module)} is not allowed to import {re.escape(imported)}",
            told[contracts()[contract]],
        )
    ]
    assert not unseen, done.stdout


def test_captions_import_the_standard_library_alone() -> None:
    allowed = {*sys.stdlib_module_names, "archivist_captions"}
    found = [
        f"{named(path)}: {name}"
        for path in PACKAGES["archivist_captions"].rglob("*.py")
        for name in imports(ast.walk(tree(path)))
        if name.partition(".")[0] not in allowed
    ]
    assert not found, "\n".join(found)


def is_pure(source: ast.Module) -> bool:
    """Whether a module says of itself, in its docstring, that it is pure."""
    return bool(re.search(r"\bPure[.:]", ast.get_docstring(source) or ""))


def impure(source: ast.Module, pure: set[str]) -> list[str]:
    """What a module that calls itself pure imports and may not. pure: dotted names of the modules it may import."""
    allowed = {*sys.stdlib_module_names, "archivist_captions"}
    return sorted(
        name
        for name in imports(ast.walk(source))
        if name.partition(".")[0] in IMPURE
        or name == "pathlib.Path"
        or (
            name.partition(".")[0] not in allowed
            and not any(name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in pure)
        )
    )


def pure_modules() -> dict[str, ast.Module]:
    """Dotted names of the modules outside of captions that call themselves pure."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            if package != "archivist_captions" and is_pure(tree(path)):
                found[str(path.relative_to(folder.parent).with_suffix("")).replace("/", ".")] = tree(path)
    return found


def test_a_module_that_calls_itself_pure_knows_no_framework_no_settings_no_clock_and_no_disk() -> None:
    pure = pure_modules()
    assert len(pure) >= 12, sorted(pure)
    found = [f"{module}: {name}" for module, source in pure.items() for name in impure(source, set(pure))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    ["import time", "from pathlib import Path", "import sqlalchemy", "from archivist_common.database import engine"],
)
def test_an_impure_import_is_seen(line: str) -> None:
    source = ast.parse(f'"""A rule. Pure."""\nfrom archivist_common.errors import BadInput\n{line}\n')
    assert is_pure(source)
    assert impure(source, {"archivist_common.errors"})
    assert not is_pure(ast.parse('"""Purely a rule."""'))


def test_heavy_libraries_are_imported_inside_functions() -> None:
    found = [named(path) for path in MODULES if roots(imports(at_import(tree(path)))) & HEAVY]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "module",
    ["archivist_transcriber.app", "archivist_transcriber.engines", "archivist_api.app", "archivist_cli.main"],
)
def test_importing_a_service_loads_no_speech_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_package_is_in_the_contracts_in_the_types_and_in_the_wheel() -> None:
    config = (ROOT / ".importlinter").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    wheel = project["hatch"]["build"]
    assert {ROOT / name for name in wheel["targets"]["wheel"]["packages"]} == set(PACKAGES.values())
    assert {ROOT / name for name in wheel["dev-mode-dirs"]} == {folder.parent for folder in PACKAGES.values()}
    assert {ROOT / name for name in project["mypy"]["mypy_path"].split(":")} == {p.parent for p in PACKAGES.values()}
    listed = config.partition("root_packages =")[2].partition("include_external")[0].split()
    assert set(listed) == set(PACKAGES)


# What a module is


def reads_environment(path: Path) -> bool:
    attributes = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    names = imports(ast.walk(tree(path)))
    return bool(attributes & {"environ", "environb", "getenv"} or names & {"os.environ", "os.getenv", "dotenv"})


def class_names(path: Path) -> list[str]:
    """Public classes of a module. Private ones are its own affair."""
    found = [node.name for node in tree(path).body if isinstance(node, ast.ClassDef)]
    return [name for name in found if not name.startswith("_")]


def said_twice(folder: Path) -> list[str]:
    counted = Counter(name for path in sorted(folder.rglob("*.py")) for name in class_names(path))
    return [f"{folder.name}: class {name} is there {times} times" for name, times in counted.items() if times > 1]


# A rule says which modules break it; `bad` is one that does.
RULES: dict[str, Callable[[Path], bool]] = {
    "the first line of a module says what one gets from it": lambda path: (
        (path.name != "__init__.py" or bool(tree(path).body)) and not ast.get_docstring(tree(path))
    ),
    "a module is named after its idea": lambda path: bool({path.stem, path.parent.name} & VAGUE),
    "no module has the name of one of the standard library": lambda path: path.stem in sys.stdlib_module_names,
    "a module is not longer than it can be read": lambda path: (
        len(path.read_text().splitlines()) > LINES_OF_A_MODULE and not LONG_BY_NATURE.search(path.as_posix())
    ),
    "imports are absolute": lambda path: any(name.startswith(".") for name in imports(ast.walk(tree(path)))),
}


def test_modules_keep_the_rules() -> None:
    found = [f"{named(path)}: {rule}" for rule, breaks in RULES.items() for path in MODULES if breaks(path)]
    found += [
        f"{named(path)}: the environment is read by settings alone"
        for path in MODULES
        if reads_environment(path) and named(path) not in READS_ENVIRONMENT
    ]
    found += [
        f"{name}: no longer needs to be excused"
        for name in READS_ENVIRONMENT
        if not reads_environment(ROOT / name) and "settings" not in name
    ]
    assert not found, "\n".join(found)


def test_folders_and_packages_keep_the_rules() -> None:
    counted = Counter(path.parent for path in MODULES if path.name != "__init__.py" and "versions" not in path.parts)
    found = [
        f"{named(folder)}: {n} modules in one folder" for folder, n in counted.items() if n > MODULES_IN_A_FOLDER
    ]
    found += [line for folder in PACKAGES.values() for line in said_twice(folder)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("grid.py", "rows = 15\n", "the first line of a module says what one gets from it"),
        ("utils.py", '"""Rows."""\n', "a module is named after its idea"),
        ("queue.py", '"""Jobs in order."""\n', "no module has the name of one of the standard library"),
        ("grid.py", '"""Rows."""\n' + "\n" * LINES_OF_A_MODULE, "a module is not longer than it can be read"),
        ("grid.py", '"""Rows."""\nfrom . import cue\n', "imports are absolute"),
    ],
)
def test_a_module_that_breaks_a_rule_is_seen(tmp_path: Path, name: str, text: str, rule: str) -> None:
    (tmp_path / name).write_text(text)
    assert {said for said, breaks in RULES.items() if breaks(tmp_path / name)} == {rule}


def test_what_reads_the_environment_or_is_named_twice_is_seen(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("import os\nclass Cue: ...\nclass _Own: ...\nx = os.environ['X']\n")
    (tmp_path / "two.py").write_text("class Cue: ...\nclass _Own: ...\n")
    assert reads_environment(tmp_path / "one.py")
    assert not reads_environment(tmp_path / "two.py")
    assert len(said_twice(tmp_path)) == 1


# What may not be in a tracked file


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
