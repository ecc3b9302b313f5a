import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vaefeat.data import rows as rows_module
from vaefeat.data.rows import ArrayRows

X = (np.random.default_rng(0).normal(3, 5, size=(1_000, 7))).astype(np.float32)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(rows_module, "CHUNK_BYTES", 1_000)


def test_chunks_hold_all_rows_in_their_order():
    chunks = list(ArrayRows((X,)).chunks())
    assert len(chunks) > 10
    assert_array_equal(np.concatenate(chunks), X)


@pytest.mark.parametrize("dtype", [np.float64, np.int32, np.uint8])
def test_other_numbers_are_cast_part_by_part(dtype):
    source = np.abs(X).astype(dtype)
    rows = ArrayRows((source,))
    assert all(chunk.dtype == np.float32 for chunk in rows.chunks())
    assert_array_equal(np.concatenate(list(rows.chunks())), source.astype(np.float32))
    assert all(block[0].dtype == np.float32 for block in rows.blocks(np.random.default_rng(0), 300))


def test_statistics_are_those_of_the_whole_matrix_to_the_last_bit():
    rows = ArrayRows((X,))
    assert rows.min() == X.min()
    assert rows.max() == X.max()
    assert_array_equal(rows.min(axis=0), X.min(axis=0))
    assert_array_equal(rows.max(axis=0), X.max(axis=0))
    assert_array_equal(rows.mean(axis=0, dtype=np.float64), X.mean(axis=0, dtype=np.float64))
    assert_array_equal(rows.var(axis=0, dtype=np.float64), X.var(axis=0, dtype=np.float64))
    expected = np.log1p(np.abs(X)).mean(axis=0, dtype=np.float64)
    assert_array_equal(np.log1p(ArrayRows((np.abs(X),))).mean(axis=0), expected)


def test_moments_of_a_function_are_those_of_its_values():
    (mean, variance), (other, _) = ArrayRows((X,)).moments(lambda chunk: (2 * chunk, chunk[:, :1]))
    assert_array_equal(mean, (2 * X).mean(axis=0))
    assert_array_equal(variance, (2 * X).var(axis=0))
    assert_array_equal(other, X[:, :1].mean(axis=0))


def test_an_index_selects_rows_and_a_split_shares_them_out():
    index = np.array([5, 3, 800])
    chosen = ArrayRows((X,), index)
    assert chosen.shape == (3, 7)
    assert_array_equal(chosen.head(2), X[[5, 3]])
    train, validation = ArrayRows((X,)).split(0.25, 0)
    assert (len(train), len(validation)) == (750, 250)
    both = np.concatenate([train.head(1_000), validation.head(1_000)])
    assert_array_equal(np.sort(both, axis=0), np.sort(X, axis=0))


def test_blocks_keep_the_arrays_together():
    ids = np.arange(len(X))
    for block, numbers in ArrayRows((X, ids)).blocks(np.random.default_rng(0), 300):
        assert_array_equal(block, X[numbers])
