from itertools import count

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vaefeat import VAEEncoderTransformer
from vaefeat.data.samples import Samples
from vaefeat.fitting import duration, seconds_to_train
from vaefeat.fitting.candidates import FOREST

X = np.random.default_rng(0).normal(size=(105, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def each_epoch_takes_ten_seconds(monkeypatch):
    monkeypatch.setattr(duration.time, "perf_counter", count(0, 10).__next__)


def test_the_steps_of_all_epochs_take_as_long_as_the_few_that_are_timed():
    encoder = VAEEncoderTransformer(2, hidden_layer_sizes=(4,), batch_size=10, max_iter=7, random_state=0)
    extractor = make_pipeline(StandardScaler(), encoder)
    assert duration.seconds_to_train(extractor, X) == 10 / 5 * 11 * 7
    assert not hasattr(encoder, "n_features_in_")
    assert encoder.callbacks == ()


def test_where_no_encoder_is_tried_none_is_timed():
    samples = Samples("rows", X, (X[:, 0] > 0).astype(int))
    assert seconds_to_train(samples, classifier=FOREST) == 0
    assert seconds_to_train(samples, max_iter=2) > 0
