"""The twenty kinds of halls: each lays one out, with the stage above."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from tests.halls.kinds import arenas, rooms, theatres, vehicles
from tests.halls.truth import Plan

KINDS: Final[Mapping[str, Callable[[Random], Plan]]] = {
    "theatre": theatres.theatre,
    "odd and even": theatres.odd_and_even,
    "horseshoe": theatres.horseshoe,
    "boxes only": theatres.boxes_only,
    "sofas around": theatres.sofas_around,
    "rows at a wall": theatres.at_a_wall,
    "arena": arenas.arena,
    "stadium": arenas.stadium,
    "in the round": arenas.in_the_round,
    "circus": arenas.circus,
    "L-shaped": arenas.around_a_corner,
    "club": rooms.club,
    "cinema": rooms.cinema,
    "conference": rooms.conference,
    "pews": rooms.pews,
    "cabaret": rooms.cabaret,
    "coach": vehicles.coach,
    "train": vehicles.train,
    "aircraft": vehicles.aircraft,
    "two decks": vehicles.decks,
}
RARER: Final[Mapping[str, Callable[[Random], Plan]]] = {
    "theatre": theatres.fan,
    "odd and even": theatres.halves,
    "boxes only": theatres.framed_boxes,
    "in the round": arenas.traverse,
    "L-shaped": arenas.thrust,
    "cinema": rooms.love_seats,
    "conference": rooms.classroom,
    "pews": rooms.listed_apart,
    "cabaret": rooms.half_moons,
}
"""Forms of a kind that are rarer: one hall of four of that kind is laid out so."""
