"""The training loop: the head alone, then everything. The best averaged weights are kept; a kill costs one epoch."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from model.train import progress
from model.train.augment import AUGMENTATIONS, views, worsen
from model.train.balance import order
from model.train.config import TrainConfig
from model.train.network import as_images, head_of, judge, normalised
from model.train.teacher import Teacher, unexplained


@dataclass(frozen=True, slots=True)
class Photos:
    """Decoded photos uint8 [N, S, S, 3] (often mapped from a file) with their classes int64 [N].

    ``key`` is a digest of their names and contents.
    """

    pixels: NDArray[np.uint8]
    targets: NDArray[np.int64]
    key: str = ""


@dataclass(slots=True)
class Progress:
    """Where a run stands: epochs done (head and fine-tuning together), the history, and the best validation
    cross-entropy: with noisy labels it moves less by chance than accuracy does."""

    done: int = 0
    best: float = math.inf
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


class Loop:
    """One training run over decoded photos. ``checkpoint`` is written after every epoch and taken up when it fits.

    ``outliers`` are decoded pictures uint8 [M, S, S, 3] that show none of the classes.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: nn.Module,
        train: Photos,
        validation: Photos,
        report: Callable[[str], None],
        teacher: Teacher | None = None,
        outliers: NDArray[np.uint8] | None = None,
        show: progress.Progress = progress.quiet,
    ) -> None:
        self.config = config
        self.device = device(config.device)
        self.network: nn.Module = network.to(self.device)
        self.network.to(memory_format=torch.channels_last)
        if self.device.type == "cuda":
            self.network.compile()
        self.average = AveragedModel(self.network, multi_avg_fn=moving_average(config.ema), use_buffers=True)
        self.teacher = None if teacher is None else teacher.to(self.device)
        self.outliers = outliers
        self.train = train
        self.validation = validation
        self.report = report
        self.show = show
        self.classes = int(train.targets.max()) + 1
        self.progress = Progress()
        self.fingerprint = config.fingerprint() | {"photos": [train.key, validation.key]}
        self.checkpoint = config.workspace / "checkpoint.pt"
        self.best_weights: dict[str, torch.Tensor] = {}
        self.steps = math.ceil(len(train.targets) / config.batch)

    def run(self) -> nn.Module:
        """Trains to the end or to the patience's; returns the network with the best averaged weights, on the CPU."""
        config = self.config
        optimizer = self._resume()
        for epoch in range(self.progress.done, config.head_epochs + config.epochs):
            if epoch - self.progress.best_epoch > config.patience and self.progress.best_epoch >= 0:
                self.report(f"no better for {config.patience} epochs: stopped early")
                break
            if epoch == config.head_epochs:
                optimizer = self._optimizer()
            started = time.monotonic()
            loss = self._epoch(epoch, optimizer)
            accuracy, entropy = self._validate()
            self.progress.done = epoch + 1
            self.progress.history.append({"epoch": epoch, "loss": loss, "accuracy": accuracy, "entropy": entropy})
            if entropy < self.progress.best:
                self.progress.best, self.progress.best_epoch = entropy, epoch
                self.best_weights = {k: v.detach().cpu().clone() for k, v in self.average.module.state_dict().items()}
            self._save(optimizer)
            self.report(
                f"epoch {epoch + 1} of {config.head_epochs + config.epochs}: loss {loss:.3f}, validation accuracy "
                f"{accuracy:.2%} (cross-entropy {entropy:.3f}), {time.monotonic() - started:.0f} s"
            )
        self.network.load_state_dict(self.best_weights)
        self.network.cpu().eval()
        return self.network

    def _optimizer(self) -> torch.optim.AdamW:
        """AdamW over the head alone while the head epochs last, then over everything; no decay on biases and norms."""
        head_alone = self.progress.done < self.config.head_epochs
        trained = head_of(self.network) if head_alone else self.network
        decayed = [p for p in trained.parameters() if p.ndim > 1]
        free = [p for p in trained.parameters() if p.ndim <= 1]
        return torch.optim.AdamW(
            [{"params": decayed, "weight_decay": self.config.weight_decay}, {"params": free, "weight_decay": 0.0}],
            lr=self.config.head_rate if head_alone else self.config.rate,
        )

    def _epoch(self, epoch: int, optimizer: torch.optim.AdamW) -> float:
        """One pass over the training photos in an order that the seed and the epoch alone decide; the mean loss."""
        config = self.config
        head_alone = epoch < config.head_epochs
        phase = (0, config.head_epochs) if head_alone else (config.head_epochs, config.epochs)
        size = config.stage(0) if head_alone else config.stage(epoch - config.head_epochs)
        peak = config.head_rate if head_alone else config.rate
        random = np.random.default_rng([config.seed, epoch])
        torch.manual_seed(config.seed * 1000 + epoch)
        shown = order(self.train.targets, random, config.balance)
        self.network.train(not head_alone)
        total, words = 0.0, f"epoch {epoch + 1} of {config.head_epochs + config.epochs}, {size} px"
        for step in range(self.steps):
            chosen = np.sort(shown[step * config.batch : (step + 1) * config.batch])
            if len(chosen) < 2:  # batch statistics need two
                break
            share = (step + (epoch - phase[0]) * self.steps) / max(1, phase[1] * self.steps)
            factor = cosine(share, warm_up=0.05) if head_alone or config.schedule == "cosine" else self._plateau(share)
            for group in optimizer.param_groups:
                group["lr"] = peak * factor
            total += self._step(chosen, size, head_alone, optimizer, random)
            self.show(words, step + 1, self.steps)
        return total / self.steps

    def _step(
        self,
        chosen: NDArray[np.int64],
        size: int,
        head_alone: bool,
        optimizer: torch.optim.AdamW,
        random: np.random.Generator,
    ) -> float:
        config = self.config
        images = self._views(self.train.pixels[chosen], size, random)
        wanted = functional.one_hot(torch.from_numpy(self.train.targets[chosen]), self.classes).float().to(self.device)
        wanted = wanted * (1 - config.smoothing) + config.smoothing / self.classes
        if config.mixup and not head_alone:
            kept = float(random.beta(config.mixup, config.mixup))
            partner = torch.from_numpy(random.permutation(len(chosen))).to(self.device)
            images = images.lerp(images[partner], 1 - kept)
            wanted = wanted.lerp(wanted[partner], 1 - kept)
        weights = torch.ones(len(chosen), device=self.device)
        if self.outliers is not None:
            count = min(len(self.outliers), max(1, round(config.outlier_share * len(chosen))))
            some = np.sort(random.choice(len(self.outliers), count, replace=False))
            images = torch.cat([images, self._views(self.outliers[some], size, random)])
            wanted = torch.cat([wanted, wanted.new_full((count, self.classes), 1 / self.classes)])
            weights = torch.cat([weights, weights.new_full((count,), config.outlier_weight * len(chosen) / count)])
        taught = None
        if self.teacher is not None:
            probabilities, taught = self.teacher.judge(images)
            known = slice(len(chosen))
            wanted[known] = wanted[known].lerp(probabilities[known], config.teacher_weight)
        images = normalised(images, self.network)
        with torch.autocast(self.device.type, torch.bfloat16):
            if head_alone:
                with torch.no_grad():
                    features = judge(self.network, images)[1]
                logits = head_of(self.network)(features)
            else:
                logits, features = judge(self.network, images)
        losses = functional.cross_entropy(logits.float(), wanted, reduction="none")
        loss = (losses * weights).sum() / len(chosen)
        if taught is not None and config.teacher_features and not head_alone:
            loss = loss + config.teacher_features * unexplained(features.float(), taught)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        optimizer.step()
        self.average.update_parameters(self.network)
        return loss.item()

    def _views(self, pixels: NDArray[np.uint8], size: int, random: np.random.Generator) -> torch.Tensor:
        """Varied views float [N, 3, size, size] in [0, 1] of pictures uint8 [N, S, S, 3]."""
        augmentation = AUGMENTATIONS[self.config.augment]
        worse = worsen(pixels, augmentation.worsened, random)
        return views(as_images(torch.from_numpy(worse).to(self.device)), size, augmentation, random)

    def _plateau(self, share: float) -> float:
        """The rate's factor: a third for every two epochs in a row that brought nothing, after a short warm-up."""
        drops, waited, best = 0, 0, math.inf
        for epoch in self.progress.history[self.config.head_epochs :]:
            waited = 0 if epoch["entropy"] < best else waited + 1
            best = min(best, epoch["entropy"])
            if waited == 2:
                drops, waited = drops + 1, 0
        return min(1.0, max(0.02, share / 0.05)) / 3.0**drops

    def _validate(self) -> tuple[float, float]:
        """Accuracy and mean cross-entropy of the averaged weights on the validation photos, whole, at reading size."""
        logits = predict(self.average.module, self.validation.pixels, self.device)[0]
        wanted = torch.from_numpy(self.validation.targets)
        right = float((logits.argmax(1) == wanted).float().mean())
        return right, float(functional.cross_entropy(logits, wanted))

    def _save(self, optimizer: torch.optim.AdamW) -> None:
        state = {
            "fingerprint": self.fingerprint,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best_weights,
            "optimizer": optimizer.state_dict(),
            "progress": [self.progress.done, self.progress.best, self.progress.best_epoch, self.progress.history],
        }
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def _resume(self) -> torch.optim.AdamW:
        """Takes up the checkpoint of a killed run with the same configuration; any other one is started over."""
        if not self.checkpoint.exists():
            return self._optimizer()
        state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        if state["fingerprint"] != self.fingerprint:
            self.report("the checkpoint here belongs to another configuration or other photos: starting over")
            return self._optimizer()
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.best_weights = state["best"]
        self.progress = Progress(*state["progress"])
        optimizer = self._optimizer()
        if self.progress.done != self.config.head_epochs:  # at the border of the phases a fresh optimizer is due
            optimizer.load_state_dict(state["optimizer"])
        self.report(f"resumed after epoch {self.progress.done}")
        return optimizer


def moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """An exponential moving average for ``AveragedModel`` that starts as a plain mean.

    With a fixed decay the random start would weigh 0.7 after 176 steps at 0.998. Whole numbers are copied.
    """

    def update(averages: list[torch.Tensor], values: list[torch.Tensor], count: torch.Tensor) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)

    return update


def cosine(share: float, warm_up: float) -> float:
    """The learning rate's factor at ``share`` of a phase: linear to 1 over ``warm_up``, then half a cosine to 0.01."""
    if share < warm_up:
        return max(0.02, share / warm_up)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (share - warm_up) / (1 - warm_up))) / 2


def device(name: str) -> torch.device:
    """The device of that name; ``auto`` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def predict(
    network: nn.Module, pixels: NDArray[np.uint8], where: torch.device, batch: int = 64, exact: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Uint8 [N, S, S, 3] -> logits [N, C] and features [N, F], float32 on the CPU; ``exact`` computes in float32."""
    network.eval()
    logits, features = [], []
    with torch.inference_mode(), torch.autocast(where.type, torch.bfloat16, enabled=not exact):
        for start in range(0, len(pixels), batch):
            images = as_images(torch.from_numpy(np.array(pixels[start : start + batch])).to(where))
            answer = judge(network, normalised(images, network))
            logits.append(answer[0].float().cpu())
            features.append(answer[1].float().cpu())
    return torch.cat(logits), torch.cat(features)
