"""Does scaled decoding change verdicts? python -m bench.decode_agreement ZIP...

Every picture of the ZIPs is decoded twice, once with the decoder's own scaling (as the product does, several times
faster) and once from every pixel, and judged both times. Prints how often the first label and the decision agree.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from bench.judged import judge_all, read_zip
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle


def main() -> None:
    """Prints one line for each ZIP."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zips", nargs="+", type=Path)
    parser.add_argument("--bundle", type=Path, default=BUILT_IN / "scenes")
    parser.add_argument("--backend", default="openvino")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    bundle = Bundle.open(given.bundle)
    backend = open_backend(given.backend, bundle, "cpu", given.threads)
    for path in given.zips:
        pictures = list(read_zip(path).values())
        started = time.perf_counter()
        scaled = judge_all(bundle, backend, pictures)
        middle = time.perf_counter()
        full = judge_all(bundle, backend, pictures, full=True)
        ended = time.perf_counter()
        labels = float((scaled.guesses == full.guesses).mean())
        decisions = float((scaled.accepted == full.accepted).mean())
        furthest = float(np.abs(scaled.probabilities - full.probabilities).max())
        print(
            f"{path.name}: {len(pictures)} pictures, first label agrees {labels:.2%}, decision {decisions:.2%}, "
            f"largest difference in a probability {furthest:.3f}, "
            f"{middle - started:.1f} s scaled, {ended - middle:.1f} s full"
        )
    backend.close()


if __name__ == "__main__":
    main()
