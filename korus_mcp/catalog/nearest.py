"""What to choose from when a name is none of those there are: the nearest first, then others."""

from collections.abc import Callable, Sequence
from typing import Final

from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.refusals import FieldProblem, quoted

NEAREST: Final = 3
NEAR: Final = 70.0
"""How alike two names are, of a hundred, for one to be meant by the other."""
SHOWN: Final = 8
SHOWN_BYTES: Final = 200
"""All names together: a refusal is short, however long they are and in whatever script."""


def proposed(
    field: str, wished: str, names: Sequence[str], label: Callable[[str], str] | None = None
) -> FieldProblem:
    """The problem of an argument that names nothing, with at most eight of the names there are.

    `label` tells how a name is shown; in quotes, if nothing else is said.
    """
    near = nearest(wished, names)
    others = [name for name in names if name not in near]
    said = [
        label(name) if label else quoted([name]) for name in (*near, *others[: SHOWN - len(near)])
    ]
    shown = _fitting(said)
    left = len(names) - len(shown)
    parts = [f"did you mean {' or '.join(shown[: len(near)])}?"] if near else []
    if len(shown) > len(near):
        parts.append(f"{'others' if near else 'choices'}: {', '.join(shown[len(near) :])}")
    more = f" and {left} more" if left else ""
    problem = " ".join(parts) + more
    return FieldProblem(field, problem or "none is known", shown[0] if shown else None)


def nearest(wished: str, names: Sequence[str]) -> list[str]:
    """At most three names that look like the wished one, the nearest first."""
    from rapidfuzz import fuzz
    from rapidfuzz.process import extract

    close = extract(
        wished, names, scorer=fuzz.WRatio, processor=fold, limit=NEAREST, score_cutoff=NEAR
    )
    return [name for name, _, _ in close]


def _fitting(said: Sequence[str]) -> list[str]:
    """As many from the front as there is room for; one always."""
    shown, length = list[str](), 0
    for each in said:
        # In bytes: eight names in Thai would be three times as long to a model.
        length += len(each.encode("utf-8", "replace"))
        if shown and length > SHOWN_BYTES:
            break
        shown.append(each)
    return shown
