"""What each process loads: nothing that it does not need, so that it starts at once and stays small."""

import subprocess
import sys

import pytest

NETWORKS = {"torch", "torchvision", "timm", "openvino", "onnxruntime"}
TABLES = {"pandas", "streamlit", "pyarrow", "altair", "plotly"}


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("api.start", NETWORKS | TABLES | {"celery", "kombu", "numpy", "PIL", "alembic", "xlsxwriter"}),
        ("worker.start", NETWORKS | TABLES | {"fastapi", "uvicorn", "typer", "alembic"}),
        ("model.opening", NETWORKS | TABLES | {"celery", "sqlalchemy", "fastapi"}),
        ("model.backends.openvino_cpu", {"torch", "torchvision", "timm", "onnxruntime"} | TABLES),
        ("client.client", NETWORKS | TABLES | {"numpy", "sqlalchemy", "celery", "fastapi"}),
        ("cli.main", NETWORKS | TABLES | {"numpy", "PIL", "sqlalchemy", "celery", "fastapi", "httpx"}),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(module: str, needless: set[str]) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(said.stdout.split())
    assert module in loaded
    assert not loaded & needless, sorted(loaded & needless)
