"""From a photo's name in a job to its file on this machine."""

from pathlib import Path

from client.folder import walk
from client.upload import shown
from client.zipstream import zip_name
from worker.archive_names import show_name


class Photos:
    """The photos below a folder, by the names that a job made of it has for them; or a single photo by its own.

    A name that is a path below the folder is that file. Names that are changed on their way (bytes that are no UTF-8,
    control characters, more than 255 characters) are looked for once, by the same change.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._changed: dict[str, Path | None] | None = None

    def find(self, name: str) -> Path | None:
        """The photo; ``None`` when it is not there any more, or when two photos have the same changed name."""
        if not self._place.is_dir():
            mine = name in (self._place.name, show_name(shown(self._place.name)))
            return self._place if mine and self._place.is_file() else None
        parts = name.split("/")
        if all(part.strip(". ") and "\\" not in part for part in parts):
            for tail in (parts, parts[1:] if parts[0] == self._place.resolve().name else []):
                path = self._place.joinpath(*tail)
                if tail and path.is_file():
                    return path
        return self._others().get(name)

    def _others(self) -> dict[str, Path | None]:
        if self._changed is None:
            self._changed = {}
            for member in walk(self._place):
                changed = show_name(zip_name(member.name).decode())
                if changed != member.name:
                    self._changed[changed] = None if changed in self._changed else member.path
        return self._changed
