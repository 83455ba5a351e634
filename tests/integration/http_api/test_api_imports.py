"""What the API loads."""

import subprocess
import sys


def test_the_api_imports_neither_a_network_nor_a_worker() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import api.app, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    loaded = set(said.stdout.split())
    assert not loaded & {"torch", "timm", "openvino", "onnxruntime", "celery", "kombu"}
    assert {name for name in loaded if name.startswith("worker.")} == {
        "worker.addresses",
        "worker.archive",
        "worker.archive_bytes",
        "worker.archive_checks",
        "worker.archive_end",
        "worker.archive_entry",
        "worker.archive_names",
        "worker.archive_records",
        "worker.hinting",
        "worker.limits",
        "worker.senders",
        "worker.sniff",
        "worker.sources",
    }
