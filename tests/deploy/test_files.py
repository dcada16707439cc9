"""The files that servers are started from: settings that exist, and time enough to stop."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from korus_mcp.settings import KNOWN_NAMES, Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(each for each in DEPLOY.rglob("*") if each.is_file())


def pods() -> Any:
    """What Kubernetes runs."""
    objects = yaml.safe_load_all((DEPLOY / "kubernetes" / "korus-mcp.yaml").read_text("utf-8"))
    (found,) = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda each: each.name)
def test_every_variable_that_a_file_names_is_a_setting(file: Path) -> None:
    assert set(re.findall(r"KORUS_[A-Z_]+", file.read_text("utf-8"))) <= KNOWN_NAMES


def test_whoever_stops_a_server_waits_longer_than_it_takes() -> None:
    unit = (DEPLOY / "systemd" / "korus-mcp.service").read_text("utf-8")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    waited = [
        *re.findall(r"TimeoutStopSec=([0-9]+)", unit),
        compose["services"]["korus-mcp"]["stop_grace_period"].removesuffix("s"),
        pods()["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
    ]
    assert len(waited) == 3
    assert all(int(each) > Settings.shutdown_seconds for each in waited)


def test_where_the_journal_stood_is_kept_when_a_pod_is_replaced() -> None:
    """Without it a new server sends no order for minutes: an upgrade would stop them all."""
    spec = pods()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    # The home of the image's user, below which the data folder is.
    (files,) = [m for m in container["volumeMounts"] if m["mountPath"] == "/var/lib/korus-mcp"]
    kept = [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", ())]
    assert files["name"] in kept
