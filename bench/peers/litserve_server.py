"""LitServe with batches: a worker process for each core, which decodes and runs a network of its own on one thread."""

import base64
import sys

import litserve
import numpy as np
from numpy.typing import NDArray

from bench.peers.tagger import CORES, Tagger

# As many as a worker gets when 16 clients share two: with a larger batch it would wait for clients that wait for the
# other.
BATCH = 8
BATCH_SECONDS = 0.01


class Api(litserve.LitAPI):
    """Base64 in JSON to a label."""

    def __init__(self, whose: str) -> None:
        super().__init__(max_batch_size=BATCH, batch_timeout=BATCH_SECONDS)
        self._whose = whose

    def setup(self, device: str) -> None:
        self.tagger = Tagger(self._whose, 1)
        self.tagger.warm_up()

    def decode_request(self, request: dict[str, str]) -> NDArray[np.uint8]:
        return self.tagger.pixels(base64.b64decode(request["image"]))

    def batch(self, inputs: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        return inputs

    def predict(self, x: list[NDArray[np.uint8]]) -> list[str]:
        return self.tagger.labels(x)

    def unbatch(self, output: list[str]) -> list[str]:
        return output

    def encode_response(self, output: str) -> dict[str, str]:
        return {"label": output}


def main(port: int, whose: str) -> None:
    """Serves until it is killed."""
    server = litserve.LitServer(Api(whose), accelerator="cpu", workers_per_device=CORES, timeout=False)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning", num_api_servers=1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
