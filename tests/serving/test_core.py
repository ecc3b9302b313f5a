import asyncio
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.serving.live import MODEL, put, row
from vaefeat.runtime import OnnxModel
from vaefeat.serving.batching import BatchSettings
from vaefeat.serving.core import infer
from vaefeat.serving.errors import InvalidRequestError, ModelFailedError, TooManyRowsError
from vaefeat.serving.metrics import Metrics
from vaefeat.serving.repository import Repository

X = np.arange(12).reshape(3, 4)


@pytest.fixture
def model(tmp_path):
    put(tmp_path)
    repository = Repository(tmp_path, BatchSettings(max_request_rows=3), Metrics())
    repository.read()()
    model = repository.find("linear")
    yield model
    model.batcher.close()


def run(model, rows, names=("Y",)):
    return asyncio.run(asyncio.wait_for(infer(model, rows, names), 10))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8])
def test_rows_of_any_type_give_the_requested_outputs(model, dtype):
    outputs = run(model, X.astype(dtype), ["S", "Y"])
    assert list(outputs) == ["S", "Y"]
    assert_array_equal(outputs["Y"], MODEL.run(X)["Y"])


@pytest.mark.parametrize(
    ("rows", "names", "message"),
    [
        (X[:, :3], ["Y"], "Expected rows of 4 features"),
        (row(np.nan), ["Y"], "X contains NaN or infinity"),
        (row(np.inf), ["Y"], "X contains NaN or infinity"),
        (X, ["Z"], r"Got the output names \['Z'\]"),
        (X, [], r"Got the output names \[\]"),
    ],
)
def test_rows_and_outputs_that_the_model_does_not_have_are_invalid(model, rows, names, message):
    with pytest.raises(InvalidRequestError, match=message):
        run(model, rows, names)


def test_more_rows_than_allowed_are_refused(model):
    with pytest.raises(TooManyRowsError, match="Got 4 rows, expected at most 3 per request"):
        run(model, np.zeros((4, 4)))


def test_a_failure_of_the_model_is_an_error_of_the_service(model, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("a secret of the model")

    monkeypatch.setattr(OnnxModel, "run", fail)
    with pytest.raises(ModelFailedError, match=r"^The model fails on this request\.$"):
        run(model, X)


def test_each_model_has_its_own_limit_of_rows(model):
    assert run(replace(model, max_rows=4), np.zeros((4, 4)))["Y"].shape == (4, 3)
