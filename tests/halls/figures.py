"""Figures of many halls: counts by kind, as a table and as a line."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.halls.judge import FrontVerdict, RunVerdict, Verdict
from tests.halls.rendering import Points

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "front": ("right", "unsure", "wrong", "quiet", "claimed"),
    "runs": ("exact", "short", "long"),
    "labels": ("collide", "leave", "astray"),
    "points": ("right", "wrong"),
}
"""What is counted: halls by their front, zones by their runs, faults of labels, seats by colour."""


class Figures:
    """Counts by kind of hall."""

    def __init__(self) -> None:
        self.by_kind: dict[str, Counter[str]] = {}

    def add(self, kind: str, verdict: Verdict, points: Points | None = None) -> None:
        """Count a hall."""
        counts = self.by_kind.setdefault(kind, Counter())
        counts["halls"] += 1
        counts[f"front {verdict.front}"] += 1
        counts.update(f"runs {run}" for run in verdict.runs)
        labels = verdict.labels
        counts.update(
            {
                "labels collide": labels.collide,
                "labels leave": labels.leave,
                "labels astray": labels.astray,
            }
        )
        if points is not None:
            counts["points right"] += points.right
            counts["points wrong"] += points.seats - points.right

    def join(self, other: "Figures") -> None:
        """Count the halls of another one, too."""
        for kind, counts in other.by_kind.items():
            self.by_kind.setdefault(kind, Counter()).update(counts)

    @property
    def total(self) -> Counter[str]:
        """The counts of all kinds together."""
        whole: Counter[str] = Counter()
        for counts in self.by_kind.values():
            whole.update(counts)
        return whole

    def shares(self) -> "Shares":
        """The parts of a hundred that are asked for."""
        total = self.total
        halls = total["halls"]
        with_front = sum(total[f"front {each}"] for each in ("right", "unsure", "wrong"))
        runs = sum(total[f"runs {each}"] for each in RunVerdict)
        points = total["points right"] + total["points wrong"]
        wrong = total[f"front {FrontVerdict.WRONG}"] + total[f"front {FrontVerdict.CLAIMED}"]
        labels = sum(total[f"labels {each}"] for each in COLUMNS["labels"])
        return Shares(
            front_right=_percent(total["front right"], with_front),
            front_wrong=_percent(wrong, halls),
            front_missed=_percent(wrong + total[f"front {FrontVerdict.UNSURE}"], halls),
            runs_exact=_percent(total["runs exact"], runs),
            runs_long=_percent(total["runs long"], runs),
            labels=100 * labels / halls if halls else 0.0,
            points=_percent(total["points right"], points) if points else None,
        )

    def table(self) -> Iterator[str]:
        """A line a kind, below two lines of heads."""
        spans = (f"{group:>{9 * len(names)}}" for group, names in COLUMNS.items())
        yield f"{'':15}{'':7}{''.join(spans)}"
        heads = "".join(f"{name:>9}" for names in COLUMNS.values() for name in names)
        yield f"{'kind':15}{'halls':>7}{heads}"
        for kind, counts in (*self.by_kind.items(), ("all", self.total)):
            columns = (f"{group} {name}" for group, names in COLUMNS.items() for name in names)
            cells = "".join(f"{counts[column]:9}" for column in columns)
            yield f"{kind:15}{counts['halls']:7}{cells}"


@dataclass(frozen=True, kw_only=True)
class Shares:
    """In hundredths: of the halls with a front those whose front is right, of all halls those whose
    front is wrong or made up, and those where it is wrong or missing; of the zones those with an
    exact and with a too long run; faults of labels to a hundred halls; of the seats those in their
    zone's colour.
    """

    front_right: float
    front_wrong: float
    front_missed: float = 100.0
    runs_exact: float
    runs_long: float
    labels: float
    points: float | None = None

    def worse_than(self, floor: "Shares") -> list[str]:
        """What is worse than a floor, in words."""
        pairs = (
            ("front right", self.front_right, floor.front_right, 1),
            ("front wrong", self.front_wrong, floor.front_wrong, -1),
            ("runs exact", self.runs_exact, floor.runs_exact, 1),
            ("runs too long", self.runs_long, floor.runs_long, -1),
            ("faults of labels", self.labels, floor.labels, -1),
        )
        found = [
            f"{name}: {now:.2f}, at least as good was {then:.2f}"
            for name, now, then, better in pairs
            if (now - then) * better < -0.005
        ]
        if self.points is not None and floor.points is not None and self.points < floor.points:
            found.append(f"points: {self.points:.2f}, at least as good was {floor.points:.2f}")
        return found

    def __str__(self) -> str:
        points = "" if self.points is None else f"; {self.points:.2f} % of seats in their colour"
        return (
            f"front right {self.front_right:.2f} % where there is one, "
            f"wrong {self.front_wrong:.2f} %, wrong or missing {self.front_missed:.2f} % of all; "
            f"runs exact {self.runs_exact:.2f} %, too long {self.runs_long:.2f} %; "
            f"faults of labels {self.labels:.1f} to 100 halls{points}"
        )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 100.0


FLOOR_HALLS: Final = 60
"""How many halls the tests draw, those with the first seeds."""
FLOOR: Final = Shares(
    front_right=100.0,
    front_wrong=0.0,
    runs_exact=100.0,
    runs_long=0.0,
    labels=0.0,
    points=100.0,
)
"""What was reached on these halls. It may only get better: whoever draws better writes it here."""
