"""``shoebox model export``: a model for other programs, or with int8 arithmetic as a new version."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.bundles import in_words, must_fit, open_bundle, open_shelf
from cli.output import REFUSED, USAGE, AsJson, Failure, own_name, plain, report, say, show_json
from cli.photos import results_folder

if TYPE_CHECKING:
    from model.bundle import Bundle

SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt", "openvino": ".xml"}


def export(
    model: Annotated[str, typer.Argument(help="NAME, NAME@VERSION, or a bundle's folder.")],
    to: Annotated[
        Literal["onnx", "torchscript", "int8", "openvino"],
        typer.Option(help="A file of that kind; int8: a new version of the model, quicker on many processors."),
    ],
    photos: Annotated[
        Path | None, typer.Option(help="For int8: a folder or ZIP of photos like those it will judge, 400 or more.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file, or a folder for it; default: NAME-VERSION here.")] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="For int8: the new version; default: the next number.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a model as an ONNX, TorchScript or OpenVINO file, or give it int8 arithmetic.

    The files take pixels uint8 [N, S, S, 3] and give logits and features; the confidence is softmax(logits /
    temperature). A TorchScript file holds pickles: it is for other programs, Shoebox itself never opens one. Int8
    becomes a new version, and only if it judges photos as float32 does.
    """
    useless = {"--out": out} if to == "int8" else {"--photos": photos, "--version": version}
    for option, given in useless.items():
        if given is not None:
            raise Failure(f"{option} has no meaning with --to {to}", USAGE)
    must_fit(version=version)
    bundle = open_bundle(model)
    if to == "int8":
        found = _int8(bundle, photos, version)
        title = f"{bundle.name}@{found['version']}"
        text = f"{title} is here, with int8 arithmetic; put it in use with: {own_name()} model promote {title}"
    else:
        path = _place(bundle, to, out)
        _write(bundle, to, path)
        found = {"path": str(path), "bytes": path.stat().st_size}
        text = f"{path} and {path.with_suffix('.bin').name}" if to == "openvino" else str(path)
        if to == "torchscript":
            text += (
                "\nit holds pickles, which can run code: give it to programs that trust you, and put it into no bundle"
            )
    if as_json:
        show_json({"model": bundle.name, "to": to} | found)
    else:
        say(plain(text))


def _place(bundle: "Bundle", to: str, out: Path | None) -> Path:
    """The file to write, which is not there yet. Raises `Failure`."""
    from model.bundle import MANIFEST

    path = Path() if out is None else out.expanduser()
    if path.is_dir():
        path /= f"{bundle.name}-{bundle.version}{SUFFIXES[to]}"
    if path.suffix != SUFFIXES[to]:
        raise Failure(f"--to {to} writes a {SUFFIXES[to]} file; {path} is none, nor a folder that is there", USAGE)
    # A bundle with a .pt or .bin in it is refused from then on.
    sealed = next((folder for folder in path.resolve().parents if (folder / MANIFEST).exists()), None)
    if sealed is not None:
        raise Failure(f"{sealed} is a bundle: nothing is put into it; choose another --out", REFUSED)
    for each in (path, path.with_suffix(".bin")) if to == "openvino" else (path,):
        if each.exists():
            raise Failure(f"{each} is there already; choose another --out", USAGE)
    results_folder(path, path.parent)
    return path


def _write(bundle: "Bundle", to: str, path: Path) -> None:
    from model.backends.choose import missing
    from model.bundle import GRAPH

    lacking = None if to == "onnx" else missing(to, bundle)
    if lacking is not None:
        raise Failure(lacking)
    with in_words():
        path.parent.mkdir(parents=True, exist_ok=True)
        if to == "onnx":
            shutil.copyfile(bundle.path / GRAPH, path)
        elif to == "openvino":
            from model.backends.openvino_cpu import convert

            convert(bundle, str(path))
        else:
            from model.backends.torch_timm import save_torchscript

            save_torchscript(bundle, path)


def _int8(bundle: "Bundle", photos: Path | None, version: str | None) -> dict[str, Any]:
    """A new version on the shelf. Raises `Failure`."""
    from model import int8
    from model.backends.base import BackendMissing
    from model.report.pictures import NoPictures, open_pictures
    from model.selfcheck import SelfCheckFailed
    from model.squares import squares

    if photos is None:
        raise Failure("int8 is calibrated and checked on photos like those it will judge: --photos PHOTOS", USAGE)
    shelf = open_shelf()
    number = version or shelf.next_version(bundle.name)
    try:
        pictures = squares(open_pictures(photos.expanduser()), bundle.input_size)
        with in_words():
            shelf.must_be_free(bundle.name, number)
            made, found = int8.add_int8(bundle, pictures, shelf.place(bundle.name, number), number, report)
    except NoPictures as error:
        raise Failure(str(error), USAGE) from error
    except int8.Int8Refused as error:
        raise Failure(str(error), REFUSED) from error
    except ImportError as error:
        raise Failure(
            f"int8 needs {error.name}; install it with: pip install -c constraints.txt -e '.[onnx]' onnx"
        ) from error
    except (BackendMissing, SelfCheckFailed) as error:
        raise Failure(str(error)) from error
    for one in found:
        report(one.words)
    return {"version": made.version, "path": str(made.path), "parity": {one.backend: one.figures() for one in found}}
