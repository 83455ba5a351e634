"""``shoebox model add``: a bundle from elsewhere, or somebody else's pretrained network made into one."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bundles import in_words, must_fit, open_shelf
from cli.output import USAGE, AsJson, Failure, amount, own_name, plain, report, say, show_json

if TYPE_CHECKING:
    from model.shelf import Installed, Shelf

HUB = "hub:"


def add(
    source: Annotated[
        str,
        typer.Argument(help="A bundle's folder, hub:OWNER/NAME, or a folder with config.json and model.safetensors."),
    ],
    name: Annotated[str | None, typer.Option(help="The model's name here; default: its own.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Its version; default: the bundle's own, or the next number.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(help="A folder or ZIP of your own good photos, 50 or more, to set the guards of a hub's model."),
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make it the default at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add a model: a bundle that somebody gave you, or one of timm's pretrained networks.

    A bundle is added only when every file is the one that was sealed. Networks of the hub have no calibration: your
    own photos (--calibrate; they need no labels) set how much is accepted, else defaults do. Needs a network, or the
    hub's cache (HF_HUB_CACHE).
    """
    from model.bundle import MANIFEST

    must_fit(name, version)
    shelf = open_shelf()
    folder = Path(source).expanduser()
    hub = source.startswith(HUB)
    if not hub and not folder.is_dir():
        hint = f"; for the hub say {HUB}{source}" if source.count("/") == 1 and not folder.is_absolute() else ""
        raise Failure(f"there is no folder {source}{hint}", USAGE)
    if not hub and (folder / MANIFEST).exists():
        if calibrate is not None:
            raise Failure("a bundle has its own calibration: --calibrate is for models of the hub", USAGE)
        with in_words():
            added = shelf.add(folder, name, version)
    else:
        added = _adopt(shelf, source, name, version, calibrate)
    if promote:
        with in_words():
            added = shelf.promote(added.name, added.version)
    if as_json:
        facts = added.facts
        show_json(
            {
                "name": added.name,
                "version": added.version,
                "path": str(added.path),
                "current": added.current,
                "default": added.default,
                "labels": len(facts["labels"]),
                "figures": facts["figures"],
            }
        )
        return
    _tell(added)


def _adopt(shelf: "Shelf", source: str, name: str | None, version: str | None, photos: Path | None) -> "Installed":
    try:
        from model.train.adopt import adopt
        from model.train.hub_folder import fetch, open_folder
        from model.train.source import DataError
    except ImportError as error:
        raise Failure(
            f"a network of the hub needs {error.name}; install it with: pip install -c constraints.txt -e '.[train]'"
        ) from error
    from cli.progress import several
    from model.report.pictures import NoPictures, open_pictures
    from model.selfcheck import SelfCheckFailed

    hub = source.startswith(HUB)
    try:
        pictures = None if photos is None else open_pictures(photos.expanduser())
        with in_words():
            if name is not None and version is not None:
                shelf.must_be_free(name, version)
            if hub:
                report(f"fetching {source.removeprefix(HUB)}")
            found = fetch(source.removeprefix(HUB)) if hub else open_folder(Path(source).expanduser())
            title = name or found.title
            number = version or shelf.next_version(title)
            shelf.must_be_free(title, number)
            shelf.home.mkdir(parents=True, exist_ok=True)
            # Beside the others, where there must be room for it anyway, but out of sight until it has proved itself.
            with tempfile.TemporaryDirectory(dir=shelf.home, prefix=".adopting-") as place, several() as progress:
                bundle = adopt(found, Path(place) / "new", title, number, pictures, report=report, progress=progress)
                return shelf.add(bundle.path)
    except (DataError, NoPictures) as error:
        raise Failure(str(error), USAGE) from error
    except SelfCheckFailed as error:
        raise Failure(
            f"the exported model does not answer as the network does, so it was not added: {error}"
        ) from error


def _tell(added: "Installed") -> None:
    title = plain(f"{added.name}@{added.version}")
    say(f"{title} is here, with {amount(len(added.facts['labels']), 'tag')}: {plain(added.facts['knows'])}")
    found = added.facts["figures"].get("calibration")
    if found is not None and found.get("default"):
        say("its guards have default settings; with --calibrate PHOTOS your own photos would set them")
    elif found is not None:
        from model.train.adopt_lines import ENOUGH

        say(f"of your {amount(found['photos'], 'photo')} its guards take {found['accepted']:.1%} for what it knows")
        if found["photos"] < ENOUGH:
            say(f"with {ENOUGH} photos or more these lines would be surer")
    if added.default:
        say("it is the default: it judges new jobs that name no model")
    else:
        ask = plain(added.name if added.current else f"{added.name}@{added.version}")
        say(f"tag with it: {own_name()} tag PHOTOS --model {ask}; as the default: {own_name()} model promote {title}")
