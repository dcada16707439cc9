"""Alerts and the dashboard ask for metrics that exist, by labels that they have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from korus_mcp.foundation.measures import METRICS, measure
from korus_mcp.server.telemetry import telling
from korus_mcp.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "korus-mcp.json"
OPERATIONS = Path(__file__).parents[2] / "docs/operations.md"
_NAME = re.compile(r"\b(?:mcp|korus)_[a-z_]+")
_BY = re.compile(r"\bby \(([^)]*)\)|([a-z]+)(?:=~|!=|=)\"")


def series() -> dict[str, set[str]]:
    """Each series that Prometheus reads, with its labels."""
    found: dict[str, set[str]] = {}
    with telling(Settings(), frozenset()) as registry:
        for metric in METRICS:
            measure(metric, 1, **dict.fromkeys(metric.labels, "x"))
        for line in generate_latest(registry).decode().splitlines():
            if not line.startswith("#"):
                name, _, labels = line.rpartition(" ")[0].partition("{")
                found.setdefault(name, set()).update(re.findall(r"([a-z_]+)=", labels))
    return found


def questions() -> list[str]:
    """What alerts and panels ask."""
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    asked = [rule["expr"] for group in groups for rule in group["rules"]]
    return asked + [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("asked", questions())
def test_what_is_asked_for_is_measured(asked: str) -> None:
    known = series()
    names = _NAME.findall(asked)
    assert names
    assert set(names) <= known.keys()
    labels = {
        label.strip()
        for several, one in _BY.findall(asked)
        for label in (several or one).split(",")
    }
    assert labels <= {label for name in names for label in known[name]}


def test_every_metric_is_shown_or_watched() -> None:
    asked = " ".join(questions())
    for metric in METRICS:
        assert metric.name.replace(".", "_") in asked


def rules() -> list[dict[str, Any]]:
    """All alerts."""
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_that_wakes_somebody_says_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["summary"]
    if rule["labels"]["severity"] == "page":
        file, _, heading = rule["annotations"]["runbook"].partition(", ")
        assert file == "docs/operations.md"
        assert f"## {heading.strip(chr(34))}\n" in OPERATIONS.read_text("utf-8")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_page_for_operators_has_every_metric(metric: Any) -> None:
    assert f"`{metric.name}`" in OPERATIONS.read_text("utf-8")
