"""How a batch is cut to recorded sizes, and how large it is to begin with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.backends.base import Outputs
from model.backends.batches import (
    CPU_BATCH,
    CPU_PART,
    GPU_BATCH,
    SIZES,
    Part,
    joined,
    parts,
    processor_parts,
    rehearsed,
    usual_batch,
)


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


@pytest.mark.parametrize(
    ("count", "at_once", "wanted"),
    [
        (16, 2, [4, 4, 4, 4]),
        (16, 1, [4, 4, 4, 4]),
        (12, 2, [3, 3, 3, 3]),
        (5, 2, [3, 2]),
        (9, 2, [3, 2, 2, 2]),
        (2, 4, [1, 1]),
        (64, 8, [4] * 16),
    ],
)
def test_a_processors_parts_come_out_even(count, at_once, wanted):
    assert [len(part) for part in processor_parts(np.zeros((count, 2)), at_once)] == wanted


@given(st.integers(1, 300), st.integers(1, 64))
def test_a_processors_parts_hold_every_picture_once_in_order_and_none_is_large_or_empty(count, at_once):
    batch = np.arange(count)

    made = processor_parts(batch, at_once)

    np.testing.assert_array_equal(np.concatenate(made), batch)
    assert all(1 <= len(part) <= CPU_PART and np.shares_memory(part, batch) for part in made)
    assert len(made) % at_once == 0 or len(made) == count


def test_parts_answers_are_put_together_in_their_order():
    found = [Outputs(np.full((2, 3), n, np.float32), np.full((2, 5), -n, np.float32)) for n in (1, 2)]

    whole = joined(found)

    assert whole.logits[:, 0].tolist() == [1, 1, 2, 2]
    assert whole.features is not None and whole.features[:, 0].tolist() == [-1, -1, -2, -2]
    assert joined([Outputs(found[0].logits, None)]).features is None
