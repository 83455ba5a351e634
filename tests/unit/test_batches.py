"""How a batch is cut to recorded sizes, and how large it is to begin with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.backends.batches import CPU_BATCH, GPU_BATCH, SIZES, Part, parts, rehearsed, usual_batch


@pytest.mark.parametrize(
    ("count", "sizes", "wanted"),
    [
        (1, (1, 2, 4), [Part(0, 1, 1)]),
        (3, (1, 2, 4), [Part(0, 3, 4)]),
        (4, (1, 2, 4), [Part(0, 4, 4)]),
        (9, (1, 2, 4), [Part(0, 4, 4), Part(4, 8, 4), Part(8, 9, 1)]),
        (7, (5,), [Part(0, 5, 5), Part(5, 7, 5)]),
    ],
)
def test_a_batch_is_cut_to_the_next_sizes(count, sizes, wanted):
    assert list(parts(count, sizes)) == wanted


@given(st.integers(1, 1024), st.sets(st.integers(1, 128), min_size=1))
def test_every_picture_is_in_one_part_in_order_and_fits(count, sizes):
    made = list(parts(count, sorted(sizes)))

    assert [index for part in made for index in range(part.start, part.stop)] == list(range(count))
    assert all(0 < part.stop - part.start <= part.size and part.size in sizes for part in made)


@given(st.integers(1, 1024))
def test_less_than_half_of_a_gpus_batch_is_filling(count):
    assert sum(part.size for part in parts(count, SIZES)) < 2 * count


def test_a_gpu_takes_larger_batches_that_are_recorded_and_a_processor_what_it_took():
    assert [usual_batch(device) for device in ("cpu", "cuda", "cuda:1")] == [CPU_BATCH, GPU_BATCH, GPU_BATCH]
    # An engine's batch, its quarter beside urgent photos, and what it is halved to: all without filling.
    assert CPU_BATCH == 16 and {GPU_BATCH, GPU_BATCH // 2, GPU_BATCH // 4} <= set(SIZES)


def test_a_gpu_runs_every_size_it_may_need_before_the_first_photo_and_a_processor_none():
    assert rehearsed(GPU_BATCH, "cuda:1") == (2, 4, 8, 16, 32)
    assert rehearsed(1, "cuda") == rehearsed(CPU_BATCH, "cpu") == ()
