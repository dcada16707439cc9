"""Names to propose when a caller's name is unknown: the most similar first, then others."""

from collections.abc import Callable, Sequence
from typing import Final

from korus_mcp.foundation.folding import fold
from korus_mcp.foundation.refusals import FieldProblem, quoted

NEAREST: Final = 3
NEAR: Final = 70.0
"""How similar two names must be, on a scale to 100, for one to be proposed for the other."""
SHOWN: Final = 8
SHOWN_BYTES: Final = 200
"""The most bytes of all proposed names together, so that a refusal stays short."""


def proposed(
    field: str, wished: str, names: Sequence[str], label: Callable[[str], str] | None = None
) -> FieldProblem:
    """The problem of an argument with an unknown name, proposing at most eight known names.

    `label` makes the shown form of a name; by default the name in quotes.
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
    """At most three names that look like the wished one, the most similar first."""
    from rapidfuzz import fuzz
    from rapidfuzz.process import extract

    close = extract(
        wished, names, scorer=fuzz.WRatio, processor=fold, limit=NEAREST, score_cutoff=NEAR
    )
    return [name for name, _, _ in close]


def _fitting(said: Sequence[str]) -> list[str]:
    """The first of these texts, as many as there is room for; at least one."""
    shown, length = list[str](), 0
    for each in said:
        # In bytes: to a model eight names in Thai are three times as long as in Latin letters.
        length += len(each.encode("utf-8", "replace"))
        if shown and length > SHOWN_BYTES:
            break
        shown.append(each)
    return shown
