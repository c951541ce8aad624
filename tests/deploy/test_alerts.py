"""The alert rules keep their promises: read as YAML, and by promtool where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from archivist_common.observability import metrics
from archivist_monitor import gauges
from archivist_vod import metrics as figures
from archivist_vod.cablecast.transport import metrics as cablecast_metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/prometheus"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
CASES: list[dict[str, Any]] = [
    case
    for test in yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    for case in test["alert_rule_test"]
]
ours = (metrics, gauges, figures, cablecast_metrics)  # imported: what they count is registered

EVERY = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def _exported() -> set[str]:
    """Names of what our processes show, as Prometheus sees them."""
    found = set()
    for family in REGISTRY.collect():
        found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_prometheus_reads_the_rules() -> None:
    assert yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"] == ["alerts.yml"]


@EVERY
def test_an_alert_is_about_figures_that_are_exported(rule: dict[str, Any]) -> None:
    used = set(re.findall(r"\barchivist_\w+", rule["expr"]))
    assert used <= _exported()
    assert used or rule["expr"].startswith("up{")


@EVERY
def test_an_alert_says_how_urgent_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    page, anchor = rule["annotations"]["runbook"].split("#")
    assert anchor in _anchors(ROOT / page)


@EVERY
def test_an_alert_has_a_case_where_it_fires_and_one_where_it_does_not(rule: dict[str, Any]) -> None:
    mine = [case for case in CASES if case["alertname"] == rule["alert"]]
    assert any(case["exp_alerts"] for case in mine)
    assert any(not case["exp_alerts"] for case in mine)


def test_no_case_is_about_an_alert_that_is_not_there() -> None:
    assert {case["alertname"] for case in CASES} == {rule["alert"] for rule in RULES}


def test_a_first_failure_is_an_increase() -> None:
    """A counter that appears at 1 has not increased: it has to be there at 0."""
    assert REGISTRY.get_sample_value("archivist_vod_attempts_total", {"outcome": "failed"}) is not None


def test_promtool_itself_sees_the_alerts_fire() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        checked = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0, checked.stdout + checked.stderr
