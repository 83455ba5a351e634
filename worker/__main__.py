"""``python -m worker control`` or ``python -m worker classify``: one worker process, settings from the environment."""

import sys
import warnings

import structlog

import logs
from model.bundle import BundleDamaged, BundleInvalid, BundleMissing
from settings import Settings
from worker.process import run_classify, run_control

log = structlog.get_logger("worker")

KINDS = {"control": run_control, "classify": run_classify}


def main(arguments: list[str]) -> int:
    """Runs a worker until it is stopped; returns the exit code (1: the model cannot be trusted)."""
    if len(arguments) != 1 or arguments[0] not in KINDS:
        print(f"usage: python -m worker {'|'.join(KINDS)}", file=sys.stderr)
        return 2
    # In a container of its own the superuser is nobody special; Celery would warn on each start.
    warnings.filterwarnings("ignore", module="celery.platforms")
    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)
    try:
        KINDS[arguments[0]](settings)
    except (BundleDamaged, BundleInvalid, BundleMissing) as error:
        log.error("model_refused", detail=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
