"""The decode pool with real child processes: what the worst of pictures may cost, and what it may not touch."""

import os
import signal
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import psutil
import pytest
from PIL import Image
from sandboxed import SIZE, decodes, gone, many_scans, photo, saved, until

from model.decode import Decoded, decode
from model.limits import MIB, Limits
from model.sandbox import DecodePool
from model.verdict import Reason, Unreadable

ROOT = Path(__file__).resolve().parents[2]


def black_png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    deflate, row = zlib.compressobj(1), bytes(3 * width + 1)
    body = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()
    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refusal(future: Future[Decoded]) -> Unreadable:
    error = future.exception(timeout=60)
    assert isinstance(error, Unreadable), error
    return error


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    with DecodePool(2, Limits()) as shared:
        yield shared


def test_it_answers_what_decode_answers(pool: DecodePool) -> None:
    data = photo()
    found, expected = pool.submit(lambda: data, SIZE).result(), decode(data, SIZE, Limits())
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.pixels.dtype == np.uint8
    assert (found.width, found.height, found.bytes, found.format) == (300, 200, len(data), "JPEG")
    assert found.statistics == pytest.approx(expected.statistics)


def test_answers_keep_to_their_questions(pool: DecodePool) -> None:
    futures = [pool.submit(partial(photo, shade), 32 + shade % 5) for shade in range(200)]
    for shade, future in enumerate(futures):
        assert np.array_equal(future.result().pixels, decode(photo(shade), 32 + shade % 5, Limits()).pixels)


def test_a_refusal_comes_with_its_reason_and_scores(pool: DecodePool) -> None:
    error = refusal(pool.submit(lambda: saved(Image.new("RGB", (9, 300)), "PNG"), SIZE))
    assert error.reason is Reason.TOO_SMALL
    assert (error.scores["side"].value, error.scores["side"].threshold) == (9, 16)
    assert error.size is not None
    assert "9 x 300" in error.explanation


def test_what_reading_raises_comes_through_unchanged(pool: DecodePool) -> None:
    problem = OSError("the disk is gone")

    def read() -> bytes:
        raise problem

    assert pool.submit(read, SIZE).exception() is problem


def test_a_file_over_the_limit_is_not_sent_to_the_child() -> None:
    with DecodePool(1, Limits(max_file_bytes=1000)) as pool:
        assert refusal(pool.submit(lambda: bytes(1001), SIZE)).reason is Reason.FILE_TOO_LARGE


def test_previews_are_made_in_the_child_too(pool: DecodePool) -> None:
    with Image.open(BytesIO(pool.preview(photo(), 60))) as image:
        assert image.size == (60, 40)
    with pytest.raises(Unreadable) as caught:
        pool.preview(b"%PDF-1.7", 60)
    assert caught.value.reason is Reason.UNSUPPORTED_FORMAT


def test_a_large_file_passes_through_the_pipes(pool: DecodePool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "BMP")
    assert pool.submit(lambda: data, 512).result().bytes == len(data)


def test_a_child_that_is_killed_costs_one_picture() -> None:
    with DecodePool(1, Limits(decode_seconds=60, decode_cpu_seconds=60)) as pool:
        assert decodes(pool)
        [pid] = pool.pids()
        slow, after = pool.submit(lambda: many_scans(5000), SIZE), pool.submit(photo, SIZE)
        until(lambda: sum(psutil.Process(pid).cpu_times()[:2]) > 1)
        os.kill(pid, signal.SIGKILL)
        error = refusal(slow)
        assert error.reason is Reason.DECODER_CRASHED
        assert error.verdict().decision == "rejected"
        assert after.result(timeout=60).width == 300
        assert pool.pids() != [pid]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_of_the_decoder_is_called_one(number: signal.Signals) -> None:
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        [pid] = pool.pids()
        os.kill(pid, signal.SIGSTOP)
        future = pool.submit(photo, SIZE)
        until(future.running)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        assert refusal(future).reason is Reason.DECODER_CRASHED
        assert decodes(pool)


def test_a_child_that_hangs_is_stopped_by_the_clock() -> None:
    with DecodePool(1, Limits(decode_seconds=0.5)) as pool:
        assert decodes(pool)
        [pid] = pool.pids()
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        error = refusal(pool.submit(lambda: bytes(5 * MIB), SIZE))  # more than the pipe holds: writing waits too
        assert error.reason is Reason.TIMEOUT
        assert error.verdict().decision == "failed"
        assert time.monotonic() - begun < 5
        until(lambda: gone(pid))
        assert decodes(pool)


def test_a_picture_of_a_thousand_scans_is_stopped_by_processor_time() -> None:
    with DecodePool(1, Limits(decode_seconds=60, decode_cpu_seconds=1)) as pool:
        begun = time.monotonic()
        assert refusal(pool.submit(lambda: many_scans(5000), SIZE)).reason is Reason.TIMEOUT
        assert time.monotonic() - begun < 30
        assert decodes(pool)


def test_the_processor_time_of_one_picture_is_not_counted_for_the_next() -> None:
    with DecodePool(1, Limits(decode_cpu_seconds=1)) as pool:
        data = many_scans(100, 1500)
        pids = {(pool.submit(lambda: data, SIZE).result().width, *pool.pids()) for _ in range(30)}
        [(_, pid)] = pids
        assert sum(psutil.Process(pid).cpu_times()[:2]) > 1.2
        # Nothing adds up that would end a decoder under a good photo some day.
        assert psutil.Process(pid).rlimit(psutil.RLIMIT_CPU) == (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY)


def test_a_picture_that_wants_too_much_memory_costs_one_picture() -> None:
    big = black_png(6000, 5000)
    with DecodePool(1, Limits(decode_memory_bytes=64 * MIB)) as pool:
        error = refusal(pool.submit(lambda: big, SIZE))
        assert error.reason is Reason.OUT_OF_MEMORY
        assert error.verdict().decision == "failed"
        assert decodes(pool)


def test_lack_of_memory_is_not_blamed_on_the_picture() -> None:
    big = saved(Image.new("RGB", (5000, 4000)), "WEBP", method=0)
    with DecodePool(1, Limits(decode_memory_bytes=64 * MIB)) as pool:
        assert refusal(pool.submit(lambda: big, SIZE)).reason is Reason.OUT_OF_MEMORY


def test_a_file_that_does_not_fit_in_memory_at_all() -> None:
    with DecodePool(1, Limits(decode_memory_bytes=16 * MIB)) as pool:
        assert refusal(pool.submit(lambda: bytes(100 * MIB), SIZE)).reason is Reason.OUT_OF_MEMORY
        assert decodes(pool)


def test_just_under_the_pixel_limit_is_judged_in_bounded_memory() -> None:
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        process = psutil.Process(pool.pids()[0])
        before = process.memory_info().rss
        future = pool.submit(lambda: black_png(10900, 10900), SIZE)
        peak = before
        while not future.done():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.002)
        assert future.result().width == 10900
        assert peak - before < 700 * MIB


def test_bad_pictures_leave_the_others_alone() -> None:
    limits = replace(Limits(), decode_cpu_seconds=1, decode_memory_bytes=128 * MIB)
    spin, big = many_scans(5000), black_png(9000, 8000)
    with DecodePool(2, limits) as pool:
        bad = {Reason.TIMEOUT: spin, Reason.OUT_OF_MEMORY: big, Reason.CORRUPT_IMAGE: photo()[:900]}
        futures = [(reason, pool.submit(partial(bytes, data), SIZE)) for reason, data in bad.items()]
        good = [pool.submit(photo, SIZE) for _ in range(40)]
        assert all(future.result(timeout=60).width == 300 for future in good)
        assert [refusal(future).reason for _, future in futures] == [reason for reason, _ in futures]


def test_children_know_no_secrets_and_have_little_freedom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_DATABASE_URL", "postgresql://someone:secret@somewhere/shoebox")
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        process = psutil.Process(pool.pids()[0])
        assert "secret" not in str(process.environ())
        assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_AS)[0] < 4 * 2**30
        assert process.num_fds() < 10
