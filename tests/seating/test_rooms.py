from korus_mcp.seating.geometry import Places
from korus_mcp.seating.rooms import Seats, rooms_in

BEFORE = ((0.0, 0.0), (200.0, 0.0), (200.0, 100.0), (0.0, 100.0))
BEHIND = ((0.0, 100.0), (200.0, 100.0), (200.0, 200.0), (0.0, 200.0))
LAST_ROW = Places.of([(x, 99.0) for x in range(5, 200, 20)])


def test_no_label_touches_a_seat_on_the_rim_of_the_zone_before() -> None:
    seats = Seats([[LAST_ROW], []], [20.0, 20.0])
    _, behind = rooms_in([[BEFORE], [BEHIND]], [], seats)
    # A seat has the room of 0.6 of the way to its neighbour.
    assert behind
    assert all(room.top >= 99.0 + 0.6 * 20.0 for room in behind)


def test_a_zone_whose_neighbour_has_no_seats_there_is_written_into_up_to_its_rim() -> None:
    seats = Seats([[], []], [0.0, 0.0])
    _, behind = rooms_in([[BEFORE], [BEHIND]], [], seats)
    assert min(room.top for room in behind) < 101
