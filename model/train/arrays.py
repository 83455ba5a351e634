"""Pictures that come as numbers: the arrays of an ``.npz`` file, checked before anything is learned from them."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.decode import square
from model.limits import Limits
from model.raster import Raster
from model.train.source import DataError, Look

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Pictures in memory, uint8 [N, H, W] (grey) or [N, H, W, 3]; a name ends in the picture's number."""

    images: NDArray[np.uint8]

    def read(self, name: str) -> bytes:
        """The picture as a PNG file, so that whatever reads photos reads it too."""
        buffer = io.BytesIO()
        self._image(name).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def digest(self, name: str) -> str:
        """SHA-256 (hex) of the picture's shape and pixels."""
        picture = self.images[_number(name)]
        return hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()

    def look(self, name: str, size: int) -> Look:
        """The same pixels that decoding the picture's PNG gives, without making one."""
        image = self._image(name).convert("RGB")
        opened = Raster(image, (float(image.width), float(image.height)), 1, image.width, image.height, "array")
        return Look(square(opened, size), image.width, image.height, self.images[_number(name)].nbytes, "array")

    def _image(self, name: str) -> Image.Image:
        return Image.fromarray(self.images[_number(name)])


def open_arrays(path: Path, part: str, names: Names = ()) -> tuple[Names, Names, NDArray[np.int64], Arrays]:
    """Labels, picture names, targets int64 [N] and the pictures of one part, ``train`` or ``test``, of an ``.npz``.

    The keys are ``train_images`` with ``train_labels`` (or ``images`` with ``labels``), and for the other part
    ``test_images`` with ``test_labels``. Labels are whole numbers from 0. What they stand for is said by ``names``,
    else by the file's ``labels`` where it has ``train_images`` too, else the numbers that occur name themselves.
    Raises ``DataError`` for another shape or type, and for a number without a name.
    """
    held = _load(path)
    plain = "train_images" not in held and "images" in held
    keys = ("images", "labels") if plain else ("train_images", "train_labels")
    wanted = keys if part == "train" else (f"{part}_images", f"{part}_labels")
    for key in wanted:
        if key not in held:
            raise DataError(f"{path} holds no {key}; it holds {', '.join(sorted(held)) or 'nothing'}.")
    images, numbers = _images(path, wanted[0], held[wanted[0]]), _numbers(path, wanted[1], held[wanted[1]])
    if len(images) != len(numbers):
        raise DataError(f"{path} has {len(images):,} pictures in {wanted[0]} but {len(numbers):,} in {wanted[1]}.")
    if not names and not plain and "labels" in held:
        names = _names(path, held["labels"])
    if names:
        nameless = sorted(set(numbers[numbers >= len(names)].tolist()))
        if nameless:
            raise DataError(
                f"{path}: no name is given for the number{'s' if len(nameless) > 1 else ''} "
                f"{', '.join(map(str, nameless[:5]))} in {wanted[1]}; there are {len(names)} names, for 0 to "
                f"{len(names) - 1}."
            )
        return names, _called(part, len(images)), numbers, Arrays(images)
    # Both parts are named after the numbers of the first, so that they agree.
    known = np.unique(_numbers(path, keys[1], held[keys[1]]) if keys[1] in held else numbers)
    strange = np.setdiff1d(numbers, known)
    if len(strange):
        raise DataError(f"{path}: {wanted[1]} has the number {strange[0]}, which {keys[1]} does not have.")
    labels = tuple(str(number) for number in known)
    return labels, _called(part, len(images)), np.searchsorted(known, numbers).astype(np.int64), Arrays(images)


def _load(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        # Opened here: NumPy leaves a file that it cannot read open.
        with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as an .npz file: {error}") from error


def _images(path: Path, key: str, value: NDArray[np.generic]) -> NDArray[np.uint8]:
    if value.dtype != np.uint8:
        raise DataError(f"{path}: {key} is {value.dtype}; it must be uint8, with 0 for black and 255 for white.")
    if not (value.ndim == 3 or (value.ndim == 4 and value.shape[3] == 3)):
        raise DataError(
            f"{path}: {key} has the shape {list(value.shape)}; it must be [pictures, height, width] for grey "
            "or [pictures, height, width, 3] for colour."
        )
    if min(value.shape[1:3]) < Limits().min_side:
        raise DataError(
            f"{path}: the pictures are {value.shape[2]} x {value.shape[1]} pixels; "
            f"at least {Limits().min_side} x {Limits().min_side} are needed."
        )
    return value.view(np.uint8)


def _numbers(path: Path, key: str, value: NDArray[np.generic]) -> NDArray[np.int64]:
    if value.ndim != 1 or value.dtype.kind not in "iu":
        raise DataError(
            f"{path}: {key} is {value.dtype} with the shape {list(value.shape)}; "
            "it must be one whole number for each picture."
        )
    if len(value) and int(value.min()) < 0:
        raise DataError(f"{path}: {key} has the number {int(value.min())}; numbers start at 0.")
    return value.astype(np.int64)


def _names(path: Path, value: NDArray[np.generic]) -> Names:
    if value.ndim != 1 or value.dtype.kind != "U":
        raise DataError(f"{path}: labels must be a list of names, one for each number.")
    return tuple(str(name) for name in value)


def _called(part: str, count: int) -> Names:
    return tuple(f"{part}/{i}" for i in range(count))


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])
