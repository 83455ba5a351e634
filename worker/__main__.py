"""``python -m worker control`` or ``python -m worker classify [NUMBER]``: one process.

The number tells the classify workers of one machine apart: each has a port of its own for its figures.
"""

import gc
import sys

if __name__ == "__main__":
    # What is loaded stays: to look for garbage in it took 0.2 of 1.3 s. A worker looks for it again when it is ready.
    gc.disable()
    from worker.start import main

    sys.exit(main(sys.argv[1:]))
