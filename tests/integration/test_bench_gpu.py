"""The bench of GPUs, run on a processor: all of it but the GPU."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from bench import gpu, limit


def camera_photo(scene: bytes) -> bytes:
    """A scene as large as from a camera."""
    made = io.BytesIO()
    with Image.open(io.BytesIO(scene)) as small:
        small.resize((3264, 2448)).save(made, "JPEG")
    return made.getvalue()


def test_it_measures_both_halves_and_the_engine(scene, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(limit, "NETWORK_SECONDS", 0.1)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("sunset.jpg", camera_photo(scene("sunset", width=320, height=240)))

    words = ["--device", "cpu", "--sets", "small", "--count", "20", "--rounds", "1", "--decoders", "1", "--batch", "8"]
    assert gpu.main([str(tmp_path / "photos.zip"), *words]) == 0

    said = capsys.readouterr().out
    assert said.startswith("the processor, in float32; batches of 8, 1 decoders")
    rates = {name: float(rate) for name, rate in re.findall(r"^  (\S.+?) {2,}([\d.]+) photos/s", said, re.MULTILINE)}
    assert set(rates) == {"network alone", "decoding alone", "engine", "decoding on the device"}
    assert all(rates.values())
    (share,) = re.findall(r"the engine's share: ([\d.]+)$", said, re.MULTILINE)
    smaller = min(rates["network alone"], rates["decoding alone"])
    assert float(share) == pytest.approx(rates["engine"] / smaller, abs=0.02)
