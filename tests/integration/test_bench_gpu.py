"""The bench of GPUs, run on a processor: all of it but the GPU."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from bench import gpu


def camera_photo(scene: bytes) -> bytes:
    """A scene as large as from a camera."""
    made = io.BytesIO()
    with Image.open(io.BytesIO(scene)) as small:
        small.resize((3264, 2448)).save(made, "JPEG")
    return made.getvalue()


def test_it_measures_both_halves_and_the_engine(scene, tmp_path: Path, capsys) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("sunset.jpg", camera_photo(scene("sunset", width=320, height=240)))

    words = ["--device", "cpu", "--sets", "small", "--count", "20", "--rounds", "1", "--decoders", "2", "--batch", "8"]
    assert gpu.main([str(tmp_path / "photos.zip"), *words, "--workers", "1", "2"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("the processor, in float32; batches of 8, 2 decoders")
    rates = {name: float(rate) for name, rate in re.findall(r"^  (\S.+?) {2,}([\d.]+) photos/s", said, re.MULTILINE)}
    both = {f"{half}{workers}" for half in ("decoding alone", "engine") for workers in ("", ", 2 workers")}
    assert set(rates) == {"network alone", "decoding on the device", *both}
    assert all(rates.values())
    shares = re.findall(r"share of the engine(\S*(?: 2 workers)?) +([\d.]+)$", said, re.MULTILINE)
    assert len(shares) == 2
    for workers, share in shares:
        smaller = min(rates["network alone"], rates[f"decoding alone{workers}"])
        assert float(share) == pytest.approx(rates[f"engine{workers}"] / smaller, rel=0.02, abs=0.02)
