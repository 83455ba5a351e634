"""The room for a batch: halved, remembered for a while, grown again."""

from model.room import LONGEST_PAUSE, PAUSE_SECONDS, Room


class Clock:
    """Goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_it_is_halved_and_grows_again_after_a_pause() -> None:
    clock = Clock()
    room = Room(16, clock)
    room.lacking(16)
    room.lacking(8)
    assert room.size == 4
    clock.now += PAUSE_SECONDS - 1
    assert room.size == 4
    for expected in (8, 16, 16):
        clock.now += PAUSE_SECONDS
        assert room.size == expected


def test_half_of_what_was_tried_not_of_what_might_have_been() -> None:
    room = Room(16, Clock())
    room.lacking(6)
    assert room.size == 3
    room.lacking(1)
    assert room.size == 1


def test_growing_in_vain_makes_the_next_try_come_later() -> None:
    clock = Clock()
    room = Room(4, clock)
    room.lacking(4)
    pauses = []
    for _ in range(8):
        began = clock.now
        while room.size == 2:
            clock.now += 1
        pauses.append(clock.now - began)
        room.lacking(4)
    assert pauses == [min(PAUSE_SECONDS * 2**n, LONGEST_PAUSE) for n in range(8)]
