"""The summary counts what the results file holds."""

from typing import Any

import pytest

from cli import summary
from client.values import JobView


def line(decision: str, reason: str | None, name: str, *labels: str) -> dict[str, Any]:
    tags = [{"label": label, "confidence": 0.5} for label in labels]
    return {"decision": decision, "reason": reason, "name": name, "explanation": f"About {name}.", "tags": tags}


def view(state: str = "completed", **counts: int) -> JobView:
    names = ("total", "pending", "accepted", "rejected", "failed", "canceled", "skipped")
    return JobView.from_json(
        {
            "id": "J1",
            "state": state,
            "outcome": "partial",
            "model": {"name": "scenes", "version": "1"},
            "error": None,
            "counts": {name: counts.get(name, 0) for name in names},
            "sources": [],
            "rate": 1.0,
            "eta_seconds": None,
            "started_at": "2026-01-31T09:30:00.000Z",
            "finished_at": "2026-01-31T09:30:12.000Z",
        }
    )


def test_summary_tells_tags_reasons_failures_and_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    items = [
        line("accepted", None, "1.jpg", "sea", "mountain"),
        line("accepted", None, "2.jpg", "sea"),
        line("rejected", "too_small", "3.jpg"),
        line("rejected", "too_small", "4.jpg"),
        line("failed", "timeout", "5.jpg"),
    ]
    found = summary.Tally()
    assert list(found.passing(items)) == items

    job = view(total=5, accepted=2, rejected=2, failed=1, skipped=3)
    summary.show([job], found, {"name": "scenes", "knows": "Six scenes."})

    assert found.tags == {"sea": 2, "mountain": 1}
    assert found.reasons["rejected"] == {"too_small": 2}
    said = capsys.readouterr().out
    for part in ("sea", "too small", "3.jpg", "timeout", "5 photos: 2 tagged, 2 not tagged", "3 other files skipped"):
        assert part in said
    assert "in 12 s" in said
    assert "retry J1" in said
    assert "Six scenes." in said


def test_empty_job_is_said_to_be_empty(capsys: pytest.CaptureFixture[str]) -> None:
    summary.show([view(total=0, skipped=2)], summary.Tally(), None)

    assert "There was no photo in it (2 other files skipped)" in capsys.readouterr().out


def test_several_jobs_are_summed_up_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary.Tally()
    found.add(line("accepted", None, "1.jpg", "sea"))
    jobs = [view(total=3, accepted=3), view(total=2, accepted=1, rejected=1)]

    summary.show(jobs, found, None)

    assert "5 photos: 4 tagged, 1 not tagged, in 24 s" in capsys.readouterr().out
    assert summary.as_json(jobs, found)["counts"]["accepted"] == 4
