"""``python -m worker control`` or ``python -m worker classify``: one worker process, settings from the environment."""

import sys
import warnings

import structlog

import logs
from configuration import WrongSettings, load, refusal, sensible
from db.tryout import try_out
from model.backends.base import BackendMissing
from model.bundle import BundleDamaged, BundleInvalid, BundleMissing
from worker.process import run_classify, run_control

log = structlog.get_logger("worker")

KINDS = {"control": run_control, "classify": run_classify}


def main(arguments: list[str]) -> int:
    """Runs a worker until it is stopped; returns the exit code (1: the model cannot be trusted, 2: wrong usage)."""
    if len(arguments) != 1 or arguments[0] not in KINDS:
        print(f"usage: python -m worker {'|'.join(KINDS)}", file=sys.stderr)
        return 2
    # In a container of its own the superuser is nobody special; Celery would warn on each start.
    warnings.filterwarnings("ignore", module="celery.platforms")
    with sensible():
        try_out(settings := load(), writes=arguments[0] == "control")
        logs.configure(settings.log_format, settings.log_level)
        try:
            KINDS[arguments[0]](settings)
        except BackendMissing as error:
            name = "device" if settings.device.startswith("cuda") else "backend"
            raise WrongSettings(refusal(name, getattr(settings, name), str(error))) from None
        except (BundleDamaged, BundleInvalid, BundleMissing) as error:
            if isinstance(error, BundleMissing) and settings.model:
                raise WrongSettings(refusal("model", settings.model, str(error))) from None
            log.error("model_refused", detail=str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
