"""What the training of the peer took is read from Rasa's own log."""

from __future__ import annotations

import pytest

from bench.peer import train

LOG = (
    "2026-11-27 00:38:42 INFO     rasa.engine.training.hooks  - Starting to train component 'DIETClassifier'.\n"
    "Epochs:   0%|          | 0/15 [00:00<?, ?it/s]\rEpochs: 100%|██████████| 15/15 [21:03<00:00, 84.2s/it]"
    "\rEpochs: 100%|██████████| 15/15 [21:04<00:00, 84.2s/it, t_loss=1.2, i_acc=0.95]\n"
    "Epochs: 100%|██████████| 15/15 [1:00:00<00:00, 240.0s/it]\n")


def test_epochs_are_counted_once():
    """A progress bar that is drawn again when it is done counts once, minutes and hours alike."""
    took = train.what_it_took(15, 2 * 4864.0, LOG)

    assert took["seconds_in_epochs"] == 21 * 60 + 4 + 3600
    assert took["full_seconds"] == pytest.approx(9728 * (1 + 0.5 * (100 / 15 - 1)), abs=1)


def test_log_without_epochs():
    """A log without finished epochs ends with a sentence instead of a figure."""
    with pytest.raises(SystemExit, match="cannot be reckoned"):
        train.what_it_took(15, 100.0, "nothing of the kind")


def test_every_trainable_part_gets_the_epochs():
    """The epochs asked for reach each part of the default that has any."""
    config = train.with_epochs(3)

    assert [part["epochs"] for part in [*config["pipeline"], *config["policies"]] if "epochs" in part] == [3] * 4
