"""What one training run is asked to do."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

HUB: Literal["hub"] = "hub"


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run, whole: the same configuration, data and machine give the same bundle.

    ``data`` (and ``validation``, when kept apart) is a folder with one folder of photos per class, a ZIP of one, or an
    ``.npz`` of arrays, whose numbers ``labels`` may name. ``init`` is a bundle's folder or a ``.safetensors`` file to
    start from, or ``HUB`` for timm's pretrained weights; ``None`` starts from random weights.
    ``size`` is the side in pixels at which the finished model reads; ``sizes`` are the sides of the training stages,
    which share the fine-tuning epochs evenly (progressive resizing); left empty, 80 and 90 % of ``size``. Rates are
    AdamW's peaks, followed by a cosine. ``drop_path``, ``smoothing``, ``mixup`` and ``ema`` are the usual shares.
    ``schedule`` is what the rate follows in fine-tuning: ``cosine``, or ``plateau`` (a third whenever validation has
    not improved for two epochs). ``teacher`` is a bundle whose answers to each view count ``teacher_weight`` beside the
    label's; it may be another architecture, with the same labels. Where it has as many pooled features, the network may
    be asked to have the same ones: what is left to explain of theirs counts ``teacher_features`` (they were often
    learnt from far more kinds of pictures than there are labels). ``outliers`` are folders or ZIPs of pictures that
    show none of the classes: every batch has ``outlier_share`` of its size more of them, whose wanted answer is "all
    labels alike", and they count ``outlier_weight`` (Hendrycks et al., "Deep anomaly detection with outlier exposure",
    2019).
    ``augment`` is how far views stray (``augment.AUGMENTATIONS``): ``photos``, or ``small`` for pictures of about
    30 pixels.
    ``balance`` shows small classes more often (see ``balance.times``).
    ``work`` holds the decoded photos and the checkpoint; a run that was killed goes on from there. ``knows`` (one
    sentence), ``training_data`` and ``licence`` are words for people, kept in the bundle and its card.
    """

    data: Path
    out: Path
    validation: Path | None = None
    architecture: str = "tf_efficientnetv2_b0"
    init: Path | Literal["hub"] | None = None
    labels: tuple[str, ...] = ()
    name: str | None = None
    version: str = "1"
    work: Path | None = None
    device: str = "auto"
    seed: int = 7
    size: int = 160
    sizes: tuple[int, ...] = ()
    batch: int = 64
    head_epochs: int = 1
    epochs: int = 8
    head_rate: float = 3e-3
    rate: float = 6e-4
    weight_decay: float = 0.02
    drop: float = 0.2
    drop_path: float = 0.1
    smoothing: float = 0.05
    mixup: float = 0.2
    ema: float = 0.995
    patience: int = 5
    schedule: str = "cosine"
    teacher: Path | None = None
    teacher_weight: float = 0.6
    teacher_features: float = 0.0
    outliers: tuple[Path, ...] = ()
    outlier_weight: float = 0.5
    outlier_share: float = 0.25
    augment: str = "photos"
    balance: bool = True
    validation_share: float = 0.2
    knows: str = ""
    training_data: str = ""
    licence: str = "not stated"

    @property
    def title(self) -> str:
        """The bundle's name: as given, else the output folder's."""
        return self.name or self.out.name

    @property
    def workspace(self) -> Path:
        """The folder for the decoded photos and the checkpoint."""
        return self.work or self.out.with_name(f"{self.out.name}.run")

    @property
    def stages(self) -> tuple[int, ...]:
        """The sides in pixels of the training stages."""
        return self.sizes or tuple(max(32, round(self.size * share / 8) * 8) for share in (0.8, 0.9))

    def stage(self, epoch: int) -> int:
        """The side in pixels at which fine-tuning epoch ``epoch`` (from 0) trains."""
        return self.stages[min(epoch * len(self.stages) // max(self.epochs, 1), len(self.stages) - 1)]

    def fingerprint(self) -> dict[str, Any]:
        """What a checkpoint must agree with to be resumed: all that shapes the weights, in plain JSON types.

        The photos are not among it: they are known by their content, not by where they lie.
        """
        chosen = asdict(self)
        places = ("data", "validation", "out", "work", "device")
        for name in (*places, "name", "version", "knows", "training_data", "licence"):
            del chosen[name]
        chosen["sizes"] = list(self.stages)
        chosen["labels"] = list(self.labels)
        chosen["outliers"] = [str(path) for path in self.outliers]
        return {key: str(value) if isinstance(value, Path) else value for key, value in chosen.items()}
