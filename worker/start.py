"""Starting a worker: which kind is in the arguments, all else in the environment."""

import sys
import warnings
from collections.abc import Callable
from functools import partial

import structlog

import logs
from configuration import WrongSettings, load, refusal, sensible
from db.tryout import try_out
from model.backends.base import BackendMissing
from model.bundle import BundleDamaged, BundleInvalid, BundleMissing
from settings import Settings
from worker.process import run_classify, run_control

log = structlog.get_logger("worker")


def main(arguments: list[str]) -> int:
    """Runs a worker until it is stopped; returns the exit code (1: the model cannot be trusted, 2: wrong usage)."""
    match arguments:
        case ["control"]:
            run: Callable[[Settings], None] = run_control
        case ["classify"]:
            run = run_classify
        case ["classify", number] if number.isdecimal() and int(number):
            run = partial(run_classify, number=int(number))
        case _:
            print("usage: python -m worker control | classify [NUMBER]", file=sys.stderr)
            return 2
    # In a container of its own the superuser is nobody special; Celery would warn on each start.
    warnings.filterwarnings("ignore", module="celery.platforms")
    with sensible():
        try_out(settings := load(), writes=arguments[0] == "control")
        logs.configure(settings.log_format, settings.log_level)
        try:
            run(settings)
        except BackendMissing as error:
            name = "device" if settings.device.startswith("cuda") else "backend"
            raise WrongSettings(refusal(name, getattr(settings, name), str(error))) from None
        except (BundleDamaged, BundleInvalid, BundleMissing) as error:
            if isinstance(error, BundleMissing) and settings.model:
                raise WrongSettings(refusal("model", settings.model, str(error))) from None
            log.error("model_refused", detail=str(error))
            return 1
    return 0
