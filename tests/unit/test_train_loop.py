from pathlib import Path

import numpy as np
import pytest
import torch

from model.train.config import TrainConfig
from model.train.data import DataError
from model.train.loop import Loop, Photos, cosine
from model.train.network import SMALL_CNN, create, judge, start_from


def config(tmp_path: Path, **changes: object) -> TrainConfig:
    given: dict[str, object] = {
        "data": tmp_path / "data",
        "out": tmp_path / "bundle",
        "architecture": SMALL_CNN,
        "size": 16,
        "sizes": (16,),
        "batch": 8,
        "epochs": 2,
        "device": "cpu",
    }
    return TrainConfig(**(given | changes))  # type: ignore[arg-type]


def bright_and_dark(count: int, seed: int) -> Photos:
    random = np.random.default_rng(seed)
    targets = np.arange(count) % 2
    pixels = random.integers(0, 100, (count, 16, 16, 3)) + 155 * targets[:, None, None, None]
    return Photos(pixels.astype(np.uint8), targets.astype(np.int64))


def loop(settings: TrainConfig, report: object = None) -> Loop:
    torch.manual_seed(settings.seed)
    heard = report if callable(report) else (lambda words: None)
    return Loop(settings, create(SMALL_CNN, 2), bright_and_dark(24, 0), bright_and_dark(8, 1), heard)


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = loop(config(tmp_path, work=tmp_path / "whole")).run().state_dict()

    def pull_the_plug(words: str) -> None:
        if words.startswith("epoch 2"):
            raise KeyboardInterrupt

    settings = config(tmp_path, work=tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        loop(settings, pull_the_plug).run()
    heard: list[str] = []
    resumed = loop(settings, heard.append).run().state_dict()
    assert heard[0] == "resumed after epoch 2"
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_checkpoint_of_another_configuration_is_left_alone(tmp_path: Path) -> None:
    loop(config(tmp_path, epochs=1)).run()
    heard: list[str] = []
    loop(config(tmp_path, epochs=1, rate=1e-5), heard.append).run()
    assert "another configuration" in heard[0]


def test_no_better_for_long_stops_early(tmp_path: Path) -> None:
    heard: list[str] = []
    run = loop(config(tmp_path, head_epochs=6, epochs=0, patience=1, head_rate=0.0), heard.append)
    run.run()
    assert heard[-1] == "no better for 1 epochs: stopped early"
    assert run.progress.done < 6


def test_the_head_alone_leaves_the_body_as_it_was(tmp_path: Path) -> None:
    run = loop(config(tmp_path, head_epochs=1, epochs=0))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    run.run()
    changed = {name for name, value in run.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_the_rate_warms_up_and_falls() -> None:
    rates = [cosine(share / 100, 0.05) for share in range(101)]
    assert rates[0] < rates[3] < rates[5] == 1.0
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.01)


def test_the_stages_share_the_epochs(tmp_path: Path) -> None:
    settings = config(tmp_path, epochs=8, sizes=(128, 144))
    assert [settings.stage(epoch) for epoch in range(8)] == [128] * 4 + [144] * 4


def test_words_and_places_do_not_part_a_run_from_its_checkpoint(tmp_path: Path) -> None:
    one = config(tmp_path)
    assert one.fingerprint() == config(tmp_path, out=tmp_path / "other", knows="cats").fingerprint()
    assert one.fingerprint() != config(tmp_path, rate=0.1).fingerprint()


def test_features_are_what_the_classifier_reads() -> None:
    network = create(SMALL_CNN, 3).eval()
    logits, features = judge(network, torch.rand(2, 3, 32, 32))
    assert logits.shape == (2, 3)
    assert features.shape == (2, 192)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"stem": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="does not fit"):
        start_from(create(SMALL_CNN, 2), tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="no architecture called nonsense"):
        create("nonsense", 2)


def test_a_start_with_other_labels_keeps_the_body(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    first, second = create(SMALL_CNN, 2), create(SMALL_CNN, 5)
    save_file(first.state_dict(), tmp_path / "first.safetensors")
    start_from(second, tmp_path / "first.safetensors")
    assert torch.equal(first.state_dict()["body.0.weight"], second.state_dict()["body.0.weight"])
