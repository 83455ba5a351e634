"""One plain sentence for a person about why a picture got its verdict."""

from collections.abc import Sequence

from model.verdict import Reason, Tag

_ODD = {
    "entropy": "it has fewer shades than photos have",
    "colours": "it has more colours than photos have",
    "modal": "too much of it is one colour",
    "clipped": "too much of it is plain black or white",
    "saturation": "its colours are stronger than photos have",
    "colourfulness": "its colours are stronger than photos have",
    "even": "too much of it is perfectly even, as in drawings",
    "fine": "its detail is noisier or smoother than in photos",
    "slope": "its detail is noisier or smoother than in photos",
    "peaked": "its edges are not spread as in photos",
    "aligned": "its edges run straight along the frame, as in charts and screenshots",
    "coupling": "its colours change independently, as in noise",
}


def accepted(tags: Sequence[Tag]) -> str:
    """For a picture with at least one tag."""
    first, *further = (f"{tag.label} ({percent(tag.confidence)})" for tag in tags)
    return f"This looks like {first}." if not further else f"This looks like {first}; also {', '.join(further)}."


def category(tag: Tag, best: Tag) -> str:
    """For a picture whose tag is a category, because ``best``, the likeliest label, was not sure enough."""
    return (
        f"This looks like a kind of {tag.label} ({percent(tag.confidence)}); which kind is uncertain: "
        f"the best guess is {best.label} ({percent(best.confidence)})."
    )


def low_confidence(best: Tag | None, threshold: float) -> str:
    """``best`` is the likeliest of the labels that the job allows, ``None`` when it allows none."""
    if best is None:
        return "The job's label choices leave none of this model's labels."
    return (
        f"The best guess is {best.label}, but at {percent(best.confidence)} it is too unsure to be a tag: "
        f"{percent(threshold)} is needed."
    )


def out_of_distribution(best: Tag | None, knows: str) -> str:
    """``knows`` is the bundle's sentence about which pictures it knows."""
    guess = "" if best is None else f", so the guess {best.label} ({percent(best.confidence)}) would not be safe"
    return f"This picture is unlike those the model has learnt{guess}. {knows}"


def statistics(reason: Reason, name: str) -> str:
    """``name`` is the statistic that decided."""
    if reason is Reason.BLANK:
        return "This picture is blank, or nearly one colour."
    return f"This does not look like a photo: {_ODD.get(name, f'its {name} is outside what photos have')}."


def failed(reason: Reason) -> str:
    """For what went wrong on our side."""
    if reason is Reason.OUT_OF_MEMORY:
        return "The device had no memory left for this picture; it may be tried again."
    return "The model gave no usable answer for this picture; it may be tried again."


def percent(share: float) -> str:
    """A probability in words for a person, never rounded up to certainty."""
    if share >= 0.995:
        return "over 99 %"
    return f"{share:.0%}".replace("%", " %") if share >= 0.01 else "under 1 %"
