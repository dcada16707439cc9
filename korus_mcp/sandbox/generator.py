"""Generates plausible product bases from the seed when they are needed, without storing them."""

from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import NamedTuple

from korus_mcp.sandbox import vocabulary
from korus_mcp.sandbox.calendars import Fixed
from korus_mcp.sandbox.issuers.parts import CHILD, FULL, REDUCED, by_price_type, joined, season
from korus_mcp.sandbox.model import Base, Issuer, Slot, Ticket, Venue
from korus_mcp.sandbox.texts import Text, same
from korus_mcp.sandbox.vocabulary import CITIES, City

_BASES_PER_CATALOG = 2500
_VARIANTS = 12
"""Bases of a family, which differ only in town or season: a hard case for a text search."""

_ZONES = {"GB": "Europe/London", "PT": "Europe/Lisbon"}


class _Genre(NamedTuple):
    universe: str
    label: Text
    venue: str
    start: time
    price: int
    runs: int


_GENRES = (
    _Genre("sport", Text("Football", "Football"), "Stade", time(20, 45), 28, 1),
    _Genre("show", Text("Comédie musicale", "Musical"), "Zénith", time(20), 45, 6),
    _Genre("concert", Text("Concert", "Concert"), "Salle Philharmonie", time(20, 30), 39, 2),
    _Genre("museum", Text("Exposition", "Exhibition"), "Galerie", time(10), 14, 14),
    _Genre("theatre", Text("Théâtre", "Theatre"), "Théâtre municipal", time(20, 30), 31, 8),
)


class Generator:
    """Makes the product bases 0 to n-1 of several catalogs; the same seed makes the same bases."""

    def __init__(self, seed: int, bases: int, origin: date) -> None:
        self.bases = bases
        self._seed = seed
        self._origin = origin
        # At least four catalogs, so that even a few bases are spread over several.
        least = min(bases, 4)
        self.catalogs = max(least, -(-bases // _BASES_PER_CATALOG))
        # Cached, as further requests ask for the products and offers of the same base.
        self.base = lru_cache(maxsize=4096)(self._base)

    def range_of(self, catalog: int) -> range:
        """The bases of one generated catalog."""
        return range(self._start(catalog), self._start(catalog + 1))

    def catalog_of(self, index: int) -> int:
        """The generated catalog that sells a base."""
        # The inverse of `_start`: the last catalog that does not begin behind this base.
        return ((index + 1) * self.catalogs - 1) // self.bases

    def issuer(self, catalog: int) -> Issuer:
        """The issuer behind a generated catalog."""
        city = CITIES[catalog % len(CITIES)].name
        name = f"Réseau Scènes de {city} {catalog + 1}"
        return Issuer(
            key=f"generated-{catalog + 1}",
            name=name,
            catalog_name=Text(f"Catalogue {name}", f"{name} catalog"),
            hold_seconds=300 + 60 * (catalog % 16),
            order_prefix=f"RS{catalog + 1}",
        )

    def offsets(self, index: int) -> tuple[int, ...]:
        """Days on sale, counted from the sandbox's first day."""
        genre = self._genre(index)
        first = 2 + (index * 37 + self._seed) % 60
        return tuple(first + 4 * run for run in range(genre.runs))

    def product_count(self, index: int) -> int:
        """How many products a base has."""
        return 3 if self._genre(index).universe in {"sport", "museum"} else 2

    def name(self, index: int) -> Text:
        """The name alone, which is all that a list needs."""
        family, variant = divmod(index, _VARIANTS)
        # Seeded by family, so that the bases of a family get the same random choices.
        chance = Random(f"{self._seed}:{family}")  # noqa: S311 - varied, not secret
        genre = self._genre(index)
        if genre.universe == "sport":
            return self._match_name(chance, family, variant)
        head, tail = chance.choice(vocabulary.HEADS), chance.choice(vocabulary.TAILS)
        parts = [Text(f"{head.fr} {tail.fr}", f"{head.en} {tail.en}")]
        if genre.universe == "concert":
            names = map(chance.choice, (vocabulary.FIRST_NAMES, vocabulary.LAST_NAMES))
            parts.insert(0, same(" ".join(names)))
        return joined(*parts, same(self._city(index).name))

    def _base(self, index: int) -> Base:
        genre, name = self._genre(index), self.name(index)
        venue = self._venue(index, genre)
        price = genre.price + index % 9
        prices = [(FULL, f"{price}.00"), (REDUCED, f"{price * 4 // 5}.00")]
        prices += [(CHILD, f"{price // 2}.50")] * (self.product_count(index) - 2)
        slot = Slot(genre.start, 120, (150 + index % 400,))
        return Base(
            key=f"generated-{index}",
            name=name,
            description=Text(
                f"<p>{genre.label.fr} à {venue.city}&nbsp;: «&nbsp;{name.fr}&nbsp;», "
                f"{venue.name}.</p>",
                f"<p>{genre.label.en} in {venue.city}: {name.en}, {venue.name}.</p>",
            ),
            short_description=Text(
                f"{genre.label.fr}, {venue.city}", f"{genre.label.en}, {venue.city}"
            ),
            timezone=_ZONES.get(venue.country, "Europe/Paris"),
            universe=genre.universe,
            venue=venue,
            **by_price_type(*prices),
            tickets=(Ticket(name=Text("Entrée", "Entry"), slots=(slot,)),),
            calendar=Fixed(offsets=self.offsets(index)),
            # Each flag repeats with another period, so that all combinations occur.
            availability_check_required=index % 2 == 0,
            realtime_price_required=index % 7 == 3,
            weekend_factor=Decimal("1.10") if index % 5 == 0 else Decimal(1),
        )

    def _start(self, catalog: int) -> int:
        return catalog * self.bases // self.catalogs

    def _genre(self, index: int) -> _Genre:
        return _GENRES[index // _VARIANTS % len(_GENRES)]

    def _city(self, index: int) -> City:
        family, variant = divmod(index, _VARIANTS)
        # Matches of a family are in one town in different seasons, shows in different towns.
        if self._genre(index).universe == "sport":
            return self._clubs(family)[0]
        return CITIES[(family * 3 + variant * 7) % len(CITIES)]

    def _clubs(self, family: int) -> tuple[City, City]:
        """The towns of the home club and of its visitor."""
        home = (family * 7) % len(CITIES)
        away = (home + 1 + family * 11 % (len(CITIES) - 1)) % len(CITIES)
        return CITIES[home], CITIES[away]

    def _match_name(self, chance: Random, family: int, variant: int) -> Text:
        first, second = self._clubs(family)
        home, away = chance.choice(vocabulary.ANIMALS), chance.choice(vocabulary.ANIMALS)
        fixture = f"{home} de {first.name} / {away} de {second.name}"
        years, competition = divmod(variant, len(vocabulary.COMPETITIONS))
        season_name = season(self._origin.year - 1 + years)
        return joined(season_name, vocabulary.COMPETITIONS[competition], same(fixture))

    def _venue(self, index: int, genre: _Genre) -> Venue:
        city = self._city(index)
        return Venue(
            name=f"{genre.venue} de {city.name}",
            line1=f"{index % 90 + 1} place du Spectacle",
            postal_code=city.postal_code,
            city=city.name,
            country=city.country,
            latitude=f"{43 + index % 800 / 100:.4f}",
            longitude=f"{-4 + index % 1100 / 100:.4f}",
        )
