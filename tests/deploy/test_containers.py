"""Dockerfile and docker-compose.yml keep their rules: read as text and YAML, and by Compose where it is installed."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("api", "transcriber", "vod", "monitor", "migrate")
PROCESSES = ("api", "transcriber", "vod", "monitor")
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())


def _stages() -> dict[str, str]:
    """Name of each stage of the Dockerfile and its text."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    return {parts[i + 1]: f"FROM {parts[i]}\n{parts[i + 2]}" for i in range(1, len(parts), 3)}


# Images


def test_every_service_of_ours_is_a_target_of_the_one_dockerfile() -> None:
    assert set(OURS) <= set(_stages())
    for name in OURS:
        assert SERVICES[name]["build"] == {"context": ".", "target": name}


def test_the_images_python_is_one_that_ci_captions_a_recording_on() -> None:
    """Fault: the images had a Python that nothing had been run on, and captioned nothing."""
    images = re.search(r"^ARG BASE_IMAGE=python:(3\.\d+)-", DOCKERFILE, re.MULTILINE)
    tried = re.search(r'^SUPPORTED="([^"]+)"$', (ROOT / ".ci/smoke-pythons").read_text(), re.MULTILINE)
    assert images is not None
    assert tried is not None
    assert images[1] in tried[1].split()
    assert "part smoke-pythons" in (ROOT / ".ci/run").read_text()


def test_ci_captions_a_recording_on_every_python_that_is_supported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = re.search(r'^SUPPORTED="([^"]+)"$', (ROOT / ".ci/smoke-pythons").read_text(), re.MULTILINE)
    assert tried is not None
    allowed = SpecifierSet(project["requires-python"])
    assert tried[1].split() == [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in allowed]


@pytest.mark.parametrize("name", OURS)
def test_an_image_installs_the_hashed_lock_of_its_own_service(name: str) -> None:
    stages = _stages()
    assert set(re.findall(r"requirements/(\w+)\.txt", stages[f"{name}-venv"])) == {name}
    assert "--require-hashes" in stages[f"{name}-venv"]
    assert "install --no-index --no-deps /wheel/*.whl" in stages[f"{name}-venv"]
    assert f"COPY --from={name}-venv /opt/archivist /opt/archivist" in stages[name]
    assert f'CMD ["archivist-{name}"]' in stages[name]


def test_the_wheel_of_the_images_holds_every_package_but_the_benchmarks(tmp_path: Path) -> None:
    """Built as the stage `wheel` builds it, of what that stage copies and nothing else."""
    source, target = tmp_path / "src", tmp_path / "wheel"
    source.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "samples", "train")
    for line in re.findall(r"^COPY (.+)$", _stages()["wheel"], re.MULTILINE):
        *copied, into = line.split()
        for name in copied:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / into, ignore=unwanted)
            else:
                shutil.copy(ROOT / name, source / into)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(build, cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = target.iterdir()
    packages = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    ours = {path.name for path in (*ROOT.glob("libs/*/archivist_*"), *ROOT.glob("services/*/archivist_*"))}
    assert {name for name in packages if "." not in name} == ours - {"archivist_bench"}


@pytest.mark.parametrize("name", OURS)
def test_an_image_runs_as_a_user_of_its_own(name: str) -> None:
    stages = _stages()
    assert stages[name].startswith("FROM runtime\n")
    assert re.findall(r"^USER (.+)$", stages["runtime"], re.MULTILINE) == ["10001:10001"]
    assert "USER" not in stages[name]


@pytest.mark.parametrize("name", PROCESSES)
def test_an_image_is_asked_for_its_life_on_the_port_it_opens(name: str) -> None:
    stage = _stages()[name]
    port = re.search(rf"{name.upper()}_PORT=(\d+)", stage)
    assert port
    assert f"EXPOSE {port[1]}\n" in stage
    assert f'CMD ["python", "/opt/healthcheck.py", "{name.upper()}_PORT"]' in stage
    assert SERVICES[name]["environment"][f"{name.upper()}_PORT"] == port[1]


def test_the_dockerfile_needs_no_frontend_of_its_own_and_carries_no_secret() -> None:
    assert "# syntax=" not in DOCKERFILE
    assert DOCKERFILE.index("ARG BASE_IMAGE=python:3.") < DOCKERFILE.index("FROM ")
    assert not re.search(r"(?i)(password|secret|token)\w*=\S", DOCKERFILE)


def test_what_is_sent_to_be_built_is_listed_and_holds_no_env_file() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {line[1:] for line in rules if line.startswith("!")}
    assert not any(rule.startswith(".") or rule in {"*", "**"} for rule in allowed)
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    copied = {source for line in lines for source in line.split()[:-1]}
    for source in copied:
        assert any(source == rule or source.startswith(rule.split("*")[0].rstrip("/")) for rule in allowed), source


@pytest.mark.parametrize("source", ["deploy/healthcheck.py"])
def test_the_health_check_answers_for_a_living_process_and_against_a_dead_one(source: str) -> None:
    import http.server
    import sys
    import threading

    class Live(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health/live" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name in the library
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Live)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [sys.executable, "-I", ROOT / source, "API_PORT"]
    environment = {"API_PORT": str(server.server_port), "http_proxy": "http://127.0.0.1:1"}
    assert subprocess.run(command, env=environment, timeout=20).returncode == 0
    server.shutdown()
    server.server_close()
    assert subprocess.run(command, env=environment, timeout=20, stderr=subprocess.DEVNULL).returncode != 0


# Compose


def test_compose_has_the_whole_station() -> None:
    assert set(SERVICES) == {"postgres", "redis", *OURS, "prometheus"}


def test_published_ports_are_open_to_this_host_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api", "monitor", "prometheus"}
    for ports in published.values():
        for port in ports:
            assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])
    assert "privileged" not in service
    assert "cap_add" not in service
    if name not in OURS:  # ours have their user from the Dockerfile
        assert service["user"] not in {"root", "0"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_a_container_that_stays_up_is_restarted_and_says_how_it_is(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "healthcheck" in SERVICES[name] or f"FROM runtime AS {name}\n" in DOCKERFILE
    if name in PROCESSES:
        assert "HEALTHCHECK --interval" in _stages()[name]


def test_redis_throws_nothing_away_and_writes_everything_down() -> None:
    """Seed defect 9: allkeys-lru on the queue store, snapshots only."""
    command = SERVICES["redis"]["command"][-1]
    for line in ("maxmemory-policy noeviction", "appendonly yes", "appendfsync everysec", "maxmemory 256mb"):
        assert f"echo '{line}'" in command
    assert "lru" not in command


def test_postgres_is_pinned_to_a_major_version_and_does_not_ask_for_md5() -> None:
    assert re.fullmatch(r"postgres:1[5-8]", SERVICES["postgres"]["image"])
    assert "scram-sha-256" in SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_starts_once_the_stores_are_healthy_and_migrated(name: str) -> None:
    assert {other: state["condition"] for other, state in SERVICES[name]["depends_on"].items()} == {
        "migrate": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
    }


def test_only_the_gateway_is_told_the_key_that_signs_tokens() -> None:
    for name in OURS:
        keys = {"SECRET_KEY", "SECRET_KEY_PREVIOUS", "JWT_SECRET_KEY", "FLASK_SECRET_KEY"}
        blanked = keys & set(SERVICES[name]["environment"])
        assert blanked == (set() if name == "api" else keys)
        assert all(SERVICES[name]["environment"][key] == "" for key in blanked)


def test_only_the_publisher_is_told_how_to_log_in_to_cablecast() -> None:
    for name in OURS:
        secrets = {"CABLECAST_PASSWORD", "CABLECAST_API_KEY"}
        blanked = secrets & set(SERVICES[name]["environment"])
        assert blanked == (set() if name == "vod" else secrets)
        assert all(SERVICES[name]["environment"][secret] == "" for secret in blanked)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_vault_is_read_by_all_and_written_to_by_those_who_make_files_or_try_it(name: str) -> None:
    vault = "/var/lib/archivist/transcriptions"
    assert SERVICES[name]["environment"]["DEFAULT_OUTPUT_PATH"] == vault
    mounted = [each for each in SERVICES[name]["volumes"] if isinstance(each, str) and vault in each]
    assert mounted == [f"transcriptions:{vault}" + ("" if name in {"transcriber", "monitor"} else ":ro")]


def test_storage_is_written_to_only_by_those_who_write_or_try_it() -> None:
    def writable(name: str) -> bool:
        mounts = [each for each in SERVICES[name]["volumes"] if isinstance(each, dict) and each["target"] == "/mnt"]
        assert len(mounts) == 1
        return not mounts[0].get("read_only", False)

    assert {name for name in PROCESSES if writable(name)} == {"transcriber", "vod", "monitor"}


def test_the_stores_and_the_speech_workers_have_no_way_out() -> None:
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    for name in ("postgres", "redis", "migrate", "transcriber"):
        assert SERVICES[name]["networks"] == ["stores"]


def test_prometheus_scrapes_the_four_processes_where_they_listen() -> None:
    ports = {name: re.search(r"EXPOSE (\d+)", _stages()[name]) for name in PROCESSES}
    scraped = {
        job["job_name"]: (job["dns_sd_configs"][0]["names"], str(job["dns_sd_configs"][0]["port"]))
        for job in PROMETHEUS["scrape_configs"]
    }
    assert scraped == {name: ([name], port[1]) for name, port in ports.items() if port}


def test_compose_itself_takes_the_file() -> None:
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    version = subprocess.run(["docker", "compose", "version"], capture_output=True, timeout=60)
    if version.returncode != 0:
        pytest.skip("docker is installed without its compose plugin")
    command = ["docker", "compose", "--env-file", ".env.example", "config", "--quiet"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr


def test_prometheus_itself_takes_its_file() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    command = ["promtool", "check", "config", ROOT / "deploy/prometheus/prometheus.yml"]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
