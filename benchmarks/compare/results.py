"""What was measured, in a file beside: parts and servers may be measured one by one."""

import json
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]
RESULTS: Final = Path(__file__).with_name("results.json")


def known(path: Path = RESULTS) -> Json:
    """All there is, by part."""
    found: Json = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def keep(part: str, measured: Json, path: Path = RESULTS) -> None:
    """Add what was measured of a part to what is known of it: what is the same is replaced."""
    found = known(path)
    servers: Json = found.get(part, {}).get("servers", {})
    for name, own in measured["servers"].items():
        servers = {**servers, name: {**servers.get(name, {}), **own}}
    whole = {**found, part: {**measured, "servers": servers}}
    text = json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True)
    path.write_text(f"{text}\n", "utf-8")
