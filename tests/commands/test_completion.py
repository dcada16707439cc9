"""korus-mcp completion: what a shell proposes when somebody presses Tab."""

import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from korus_mcp.commands.cli import main, parser
from korus_mcp.commands.config import programs
from korus_mcp.commands.options import SHELLS
from korus_mcp.settings import Profile
from tests.fixtures.commands import commands_of

# Bash calls the function that is registered for a program, with what is typed in these variables.
PRESS_TAB: Final = r"""
eval "$1"; shift
[[ $(complete -p korus-mcp) =~ -F\ ([^ ]+) ]] || exit 3
COMP_WORDS=(korus-mcp "$@")
COMP_CWORD=$#
"${BASH_REMATCH[1]}" korus-mcp "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def script_of(shell: str) -> str:
    """What `korus-mcp completion` prints."""
    with redirect_stdout(StringIO()) as said:
        assert main(["completion", shell]) == 0
    return said.getvalue()


def proposed(folder: Path, *typed: str) -> set[str]:
    """What bash proposes in a folder for the last of these words."""
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", PRESS_TAB, "bash", script_of("bash"), *typed],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return {line for line in ran.stdout.splitlines() if line}


PARSERS: Final = dict(commands_of(parser(has_arguments=True)))


def test_bash_completes_commands_options_and_choices(tmp_path: Path) -> None:
    assert proposed(tmp_path, "jour") == {"journal"}
    assert proposed(tmp_path, "") == {name for name in PARSERS if " " not in name}
    inner = {name.partition(" ")[2] for name in PARSERS if name.startswith("journal ")}
    assert proposed(tmp_path, "journal", "") == inner
    assert proposed(tmp_path, "journal", "list", "--o") == {"--open"}
    assert proposed(tmp_path, "search", "derby", "--ci") == {"--city"}
    assert proposed(tmp_path, "serve", "--profile", "") == {str(each) for each in Profile}
    assert proposed(tmp_path, "completion", "") == {*SHELLS}
    assert proposed(tmp_path, "config", "") == programs().keys()


def test_bash_completes_files_where_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "map.png").touch()
    (tmp_path / "maps").mkdir()
    assert {"map.png", "maps"} <= proposed(tmp_path, "seats", "1", "--png", "ma")
    assert proposed(tmp_path, "demo", "--keep", "ma") == {"maps"}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_script_knows_every_command_and_option(shell: str) -> None:
    script = script_of(shell)
    for name, each in PARSERS.items():
        assert name.rpartition(" ")[2] in script
        for option in (o for action in each._actions for o in action.option_strings):
            # fish writes an option without its dashes.
            assert option.lstrip("-") in script, name
