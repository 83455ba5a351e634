"""What each guard looks at, and which guard stands behind a reason, in plain words."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "file": "Every file must open as a whole picture, within the limits of size, pixels and time.",
    "statistics": "A picture must look like a photo at all, by its shades, colours and edges: "
    "blank pages, charts and noise do not.",
    "novelty": "A photo must resemble what the model learnt from; the higher its novelty, the less it does, "
    "and above the line a tag would be a guess.",
    "confidence": "The model must be sure enough of a tag; below the line it would be wrong too often.",
    "service": "This was our fault, not the photo's: running the job's failed photos again often helps.",
}
"""A sentence for each guard; ``service`` stands for what fails on our side."""

BEHIND: Mapping[str, str] = {
    "blank": "statistics",
    "unnatural_statistics": "statistics",
    "out_of_distribution": "novelty",
    "low_confidence": "confidence",
    "timeout": "service",
    "worker_lost": "service",
    "out_of_memory": "service",
    "internal_error": "service",
}


def behind(reason: str) -> str:
    """The guard behind a reason's code."""
    return BEHIND.get(reason, "file")


def sentence(reason: str) -> str:
    """What the guard behind a reason looks at."""
    return SENTENCES[behind(reason)]
