"""The door: a room in a process that stays, one command a call, from any folder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fixtures.hosts import PROJECT

SECONDS = 120


def run(*command: str | Path, at: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=at,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def play(*given: str | Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "tests.assistants.play", *given, at=PROJECT)


class Door:
    """What an assistant has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def say(self, *words: str, stdin: str = "") -> str:
        done = run(self.folder / "door", *words, at=self.folder.parent, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, tool: str, **arguments: Any) -> Any:
        half, _, said = self.say("call", tool, "-", stdin=json.dumps(arguments)).partition("\n")
        assert half == "[structure]"
        return json.loads(said)


def test_a_task_is_played_through_the_door(tmp_path: Path) -> None:
    folder = tmp_path / "a room"
    started = play("start", "ask-me-once", folder, "--shows", "structure", "--clock", "5")
    assert started.stdout.startswith("Today is Monday, 30 November 2026.\n\nThe person writes: I'm")
    door = Door(folder)
    assert door.say("tools").startswith("Instructions: ")
    found = door.call("search_products", query="gift card")
    base = found["products"][0]["product_base_id"]
    assert "2026-11-30" in found["note"]
    table = door.call("get_offers", product_base_id=base)
    offer = table["days"][0]["offers"][0]["offer_id"]
    held = door.call("reserve", items=[{"offer_id": offer, "quantity": 2}])
    wish = {"reservation_ids": [held["reservations"][0]["reservation_id"]]}
    summary = door.call("place_order", **wish)
    question = "All right?\nAnd who's buying?"
    assert "priya.raman@example.org" in door.say("ask", "-", stdin=f"{question}\n")
    customer = {"firstname": "Priya", "lastname": "Raman", "email": "priya.raman@example.org"}
    confirmed = {**wish, "confirmation": summary["confirmation"], "customer": customer}
    assert door.call("place_order", **confirmed)["state"] == "ordered"
    last_words = "It's yours. Have a good flight!"
    assert door.say("finish", "-", stdin=last_words) == "The room is closed. Thank you.\n"
    result = json.loads((folder / "result.json").read_text("utf-8"))
    assert result["passed"], result["why_not"]
    assert (result["calls"], result["questions"]) == (5, [question])
    assert result["last_words"] == last_words
    told = play("report", folder)
    assert "right each time: 1 of 1 tasks, 1 rooms" in told.stdout


def test_wrong_commands_open_nothing_and_are_explained(tmp_path: Path) -> None:
    unknown = play("start", "comedy-night", tmp_path / "room")
    assert unknown.returncode == 1
    assert "there are: comedy, cheapest-saturday," in unknown.stderr
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    assert "is not empty" in play("start", "comedy", tmp_path / "there").stderr
    assert "no JSON" in play("call", tmp_path, "reserve", "{").stderr
    assert "must be a JSON object" in play("call", tmp_path, "reserve", "[]").stderr
