import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from tests.data.test_tables import SUFFIXES, save
from vaefeat.data import RowStream, shuffled
from vaefeat.exceptions import DatasetCorruptError, DatasetNotFoundError

X = np.random.default_rng(0).normal(3, 2, size=(3_000, 4)).astype(np.float32)
X[:, 0] = np.arange(len(X)) / 1_000  # sorted
NAMES = list("abcd")


def in_order(rows):
    return rows[np.argsort(rows[:, 0], kind="stable")]


def all_rows(stream, seed=0):
    with stream.shuffled(seed) as rows:
        return np.concatenate(list(rows.chunks()))


def as_sources(folder):
    frame = pd.DataFrame(X, columns=NAMES)
    table = pa.Table.from_pandas(frame)
    parts = np.array_split(X, 3)
    (folder / "deeper").mkdir()
    for i, part in enumerate(parts):
        pd.DataFrame(part, columns=NAMES).to_parquet(folder / "deeper" / f"{i}.parquet")
    np.save(folder / "whole.npy", X.astype(np.float64))
    return {
        "array": X,
        "Fortran order": np.asfortranarray(X),
        "memory map": np.load(folder / "whole.npy", mmap_mode="r"),
        "table": table,
        "data set": pyarrow.dataset.dataset(folder / "deeper"),
        "folder": folder / "deeper",
        "pattern": str(folder / "*" / "*.parquet"),
        "paths": [folder / "deeper" / f"{i}.parquet" for i in range(3)],
        "arrays": lambda: iter(parts),
        "sparse": sparse.coo_array(X),
        "sparse parts": lambda: map(sparse.csc_matrix, parts),
        "frames": lambda: (pd.DataFrame(part, columns=NAMES) for part in parts),
        "Polars": lambda: [pl.DataFrame(part, schema=NAMES) for part in parts],
        "batches": lambda: table.to_batches(max_chunksize=700),
    }


def test_any_source_gives_its_rows_and_names(tmp_path):
    for name, source in as_sources(tmp_path).items():
        with RowStream(source).shuffled(0) as rows:
            assert_array_equal(in_order(rows.head(len(X))), X, err_msg=name)
            is_unnamed = name in ("array", "Fortran order", "memory map", "arrays", "sparse", "sparse parts")
            assert rows.names == (None if is_unnamed else NAMES), name


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_file_gives_its_rows(suffix, tmp_path):
    save(tmp_path / f"rows{suffix}", X)
    assert_allclose(in_order(all_rows(RowStream(tmp_path / f"rows{suffix}"))), X, rtol=1e-6)


def test_columns_are_taken_by_their_names(tmp_path):
    sources = as_sources(tmp_path)
    for name in ("table", "data set", "folder", "frames", "batches"):
        found = all_rows(RowStream(sources[name], columns=["c", "a"]))
        assert_array_equal(found[np.argsort(found[:, 1])], X[:, [2, 0]], err_msg=name)


def test_the_seed_determines_the_order_and_a_sorted_source_is_mixed():
    first, again, other = (all_rows(RowStream(X), seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("n_rows", [7, 500, 10**6])
def test_each_epoch_has_every_row_once_in_blocks_that_are_random_samples(n_rows):
    rng = np.random.default_rng(0)
    with RowStream(X).shuffled(0) as rows:
        epochs = [[block for (block,) in rows.blocks(rng, n_rows)] for _ in range(2)]
    for blocks in epochs:
        assert {len(block) for block in blocks[:-1]} <= {n_rows}
        assert_array_equal(in_order(np.concatenate(blocks)), X)
    assert not np.array_equal(epochs[0][0], epochs[1][0])
    if n_rows == 500:
        means = [block[:, 0].mean() for block in epochs[0]]
        assert_allclose(means, 1.5, atol=4 * 0.87 / np.sqrt(500))


def test_a_bucket_larger_than_a_block_is_mixed_too(monkeypatch):
    monkeypatch.setattr(shuffled, "N_BUCKETS", 2)
    with RowStream(X).shuffled(0) as rows:
        blocks = [block for (block,) in rows.blocks(np.random.default_rng(0), 500)]
    assert_allclose([block[:, 0].mean() for block in blocks], 1.5, atol=0.2)


def test_statistics_are_those_of_the_matrix():
    with RowStream(lambda: iter(np.array_split(X, 7))).shuffled(0) as rows:
        assert rows.shape == X.shape
        assert (rows.min(), rows.max()) == (X.min(), X.max())
        assert_array_equal(rows.min(axis=0), X.min(axis=0))
        assert_allclose(rows.mean(axis=0), X.mean(axis=0, dtype=np.float64), rtol=1e-12)
        assert_allclose(rows.var(axis=0), X.var(axis=0, dtype=np.float64), rtol=1e-12)
        assert_allclose(np.exp(rows).mean(axis=0), np.exp(X).mean(axis=0, dtype=np.float64), rtol=1e-6)
        (mean, variance), _ = rows.moments(lambda chunk: (chunk[:, :2], chunk))
        assert_allclose(mean, X[:, :2].mean(axis=0, dtype=np.float64), rtol=1e-12)
        assert_allclose(variance, X[:, :2].var(axis=0, dtype=np.float64), rtol=1e-12)


def test_a_split_shares_the_rows_out():
    with RowStream(X).shuffled(0) as rows:
        train, validation = rows.split(0.1, 0)
        both = np.concatenate([*train.chunks(), *validation.chunks()])
        assert_allclose(train.mean(), train.head(len(train)).mean(axis=0, dtype=np.float64))
    assert_array_equal(in_order(both), X)
    assert 300 <= len(validation) <= 340


def test_too_few_rows_are_not_split():
    with RowStream(X[:1]).shuffled(0) as rows, pytest.raises(ValueError, match="too few to hold out"):
        rows.split(0.5, 0)


def test_the_temporary_folder_is_where_it_was_asked_for_and_is_removed(tmp_path):
    with RowStream(X, folder=tmp_path).shuffled(0):
        (folder,) = tmp_path.iterdir()
        assert sum(path.stat().st_size for path in folder.glob("*.float32")) == X.nbytes
    assert list(tmp_path.iterdir()) == []


def bad(column, value):
    rows = X[:10].copy()
    rows[7, column] = value
    return rows


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: [X[:10], bad(2, np.nan)], r"part 1, row 7, column 2: got nan, expected a finite"),
        (X.astype(np.float64) * 1e300, r"the array, row 0, column 1: got inf"),
        (sparse.csr_array(bad(2, np.inf)), r"the array, row 7, column 2: got inf"),
        (lambda: [X[:3], X[:3, :2]], "part 1 has 2 columns, expected 4"),
        (lambda: [X[0]], r"part 0 has shape \(4,\)"),
        (lambda: [], "returned no rows"),
        (lambda: [X[:0]], "no rows"),
        (lambda: [pd.DataFrame({"a": ["x"]})], "part 0 has a column that does not hold numbers"),
        (lambda: [pd.DataFrame({"a": [1.0]}), pd.DataFrame({"b": [1.0]})], "part 1 has no column 'a'"),
    ],
)
def test_a_bad_source_ends_in_a_message_that_names_the_place(source, message):
    with pytest.raises(DatasetCorruptError, match=message), RowStream(source).shuffled(0):
        pass


def test_an_unknown_source_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Got a source of type int"), RowStream(3).shuffled(0):
        pass
    with pytest.raises(DatasetNotFoundError, match="no file of rows"), RowStream(tmp_path).shuffled(0):
        pass
