"""How decode pools and their child processes live and end."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sandboxed import SIZE, decodes, gone, many_scans, photo, until

from model.limits import Limits
from model.sandbox import DecodePool, PoolClosed
from model.verdict import Unreadable

ROOT = Path(__file__).resolve().parents[2]


def no_memory(*_: object, **__: object) -> None:
    raise MemoryError


def test_a_pool_outlives_the_thread_that_made_it() -> None:
    pools: list[DecodePool] = []
    maker = threading.Thread(target=lambda: pools.append(DecodePool(1, Limits())))
    maker.start()
    maker.join()
    with pools[0] as pool:
        assert decodes(pool)
        time.sleep(0.1)
        assert decodes(pool)


def test_children_take_memory_in_large_pages() -> None:
    huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not huge.exists() or "[madvise]" not in huge.read_text():
        pytest.skip("this kernel gives large pages to all or to nobody")
    name, version = platform.libc_ver()
    if name != "glibc" or tuple(map(int, version.split("."))) < (2, 35):
        pytest.skip("this C library does not ask for large pages")
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        flags = [line.split() for line in Path(f"/proc/{pool.pids()[0]}/smaps").read_text().splitlines()]

    assert any(line[0] == "VmFlags:" and "hg" in line for line in flags)


def test_a_pool_without_memory_for_a_new_child_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with DecodePool(1, Limits()) as pool:
        assert decodes(pool)
        with monkeypatch.context() as short:
            short.setattr(subprocess, "Popen", no_memory)
            os.kill(pool.pids()[0], signal.SIGKILL)
            with pytest.raises(Unreadable):
                pool.submit(photo, SIZE).result(timeout=30)
            with pytest.raises(MemoryError):
                pool.submit(photo, SIZE).result(timeout=30)
        assert decodes(pool)


def test_a_pool_that_finds_no_memory_for_its_first_child_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", no_memory)
    with pytest.raises(MemoryError):
        DecodePool(1, Limits())


def test_children_die_with_their_parent() -> None:
    program = (
        "import sys, time\n"
        "from model.limits import Limits\n"
        "from model.sandbox import DecodePool\n"
        "pool = DecodePool(2, Limits())\n"
        "print(*pool.pids(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.kill()
        until(lambda: all(gone(pid) for pid in children), 5)


def test_closing_leaves_nothing_behind_even_when_busy() -> None:
    others = set(threading.enumerate())
    pool = DecodePool(2, Limits(decode_seconds=60, decode_cpu_seconds=60))
    assert decodes(pool)
    pids = pool.pids()
    slow = many_scans(5000)
    futures = [pool.submit(lambda: slow, SIZE) for _ in range(6)]
    until(futures[1].running)
    begun = time.monotonic()
    pool.close()
    pool.close()
    assert time.monotonic() - begun < 4
    assert all(isinstance(future.exception(timeout=0), PoolClosed) for future in futures)
    assert all(gone(pid) for pid in pids)
    assert pool.pids() == []
    assert set(threading.enumerate()) <= others
    with pytest.raises(PoolClosed):
        pool.submit(photo, SIZE)


def test_a_picture_given_up_before_its_turn_is_not_read() -> None:
    may_go, read = threading.Event(), threading.Event()

    def wait() -> bytes:
        assert may_go.wait(20)
        return photo()

    def note() -> bytes:
        read.set()
        return photo()

    with DecodePool(1, Limits()) as pool:
        first, second = pool.submit(wait, SIZE), pool.submit(note, SIZE)
        until(first.running)
        assert second.cancel()
        may_go.set()
        assert decodes(pool)
        assert not read.is_set()
