"""The usual design: an endpoint that is a plain function, run in FastAPI's threads, one photo at a time."""

import sys

import uvicorn
from fastapi import FastAPI, UploadFile

from bench.peers.tagger import CORES, Tagger


def main(port: int, whose: str) -> None:
    """Serves until it is killed."""
    app, tagger = FastAPI(), Tagger(whose, CORES)
    tagger.warm_up()  # before threads meet in it

    @app.post("/predict")
    def predict(file: UploadFile) -> dict[str, str]:
        return {"label": tagger.label(file.file.read())}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
