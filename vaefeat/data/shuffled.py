"""Rows in a random order on the disk: spread over buckets in one pass, and read bucket by bucket."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._files import replacing
from vaefeat._optional import import_optional
from vaefeat.data.rows import Arrays, Function, Moments, Rows, chunk_length
from vaefeat.exceptions import DatasetCorruptError

N_BUCKETS = 256
MANIFEST = "rows.json"
BUFFER = 2**16  # bytes, of each bucket that is written


@dataclass
class Summary:
    """What is known of the columns of a matrix of which some rows have been seen, in one pass.

    References
    ----------
    Chan, Golub & LeVeque (1983), "Algorithms for Computing the Sample Variance".
    """

    n_rows: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    squares: np.ndarray  # sum of the squared deviations from the mean

    @classmethod
    def of(cls, rows: np.ndarray) -> "Summary":
        """Return the summary of a matrix."""
        mean = rows.mean(axis=0, dtype=np.float64)
        return cls(len(rows), rows.min(axis=0), rows.max(axis=0), mean, np.square(rows - mean).sum(axis=0))

    def __add__(self, other: "Summary") -> "Summary":
        n_rows = self.n_rows + other.n_rows
        step = other.mean - self.mean
        return Summary(
            n_rows,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.mean + step * (other.n_rows / n_rows),
            self.squares + other.squares + step**2 * (self.n_rows * other.n_rows / n_rows),
        )


def summarize(chunks: Iterable[np.ndarray]) -> Summary:
    """Return the summary of all rows of some matrices.

    Examples
    --------
    >>> import numpy as np
    >>> from vaefeat.data.shuffled import summarize
    >>> summarize([np.array([[1.0]]), np.array([[2.0], [6.0]])]).mean
    array([3.])
    """
    summaries = (Summary.of(chunk) for chunk in chunks if len(chunk))
    total = next(summaries, None)
    if total is None:
        raise DatasetCorruptError("The source has no rows.")
    for summary in summaries:
        total += summary
    return total


class ShuffledRows(Rows):
    """Rows in the buckets of a folder.

    Every bucket is a random sample of all rows. An epoch reads the buckets in a random order, and mixes
    those that make a block; it holds one block in memory.

    Parameters
    ----------
    folder : Path
        What :func:`shuffle` wrote.
    buckets : ndarray of int, optional
        The buckets to read; all by default.
    """

    def __init__(self, folder: Path, buckets: np.ndarray | None = None) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        self._folder = folder
        self._counts = np.array(manifest["counts"])
        self._buckets = np.arange(len(self._counts)) if buckets is None else buckets
        self.names: list[str] | None = manifest["names"]
        self.shape = int(self._counts[self._buckets].sum()), len(manifest["mean"])
        self._known = None if buckets is not None else _summary_of(manifest)

    def chunks(self) -> Iterator[np.ndarray]:
        step = chunk_length(self.row_bytes)
        for bucket in self._buckets.tolist():
            rows = self._read(bucket)
            yield from (rows[start : start + step] for start in range(0, len(rows), step))

    def named_head(self, n: int) -> Any:
        """Return the first ``n`` rows as a pandas frame if their features have names, else as an array."""
        rows = self.head(n)
        return (
            rows
            if self.names is None
            else import_optional("pandas", "train").DataFrame(rows, columns=self.names)
        )

    def blocks(self, rng: np.random.Generator, n_rows: int) -> Iterator[Arrays]:
        rng = np.random.default_rng(rng.integers(2**63))
        n_left = len(self)
        block, places = self._empty(rng, min(n_rows, n_left))
        for bucket in rng.permutation(self._buckets).tolist():
            rows = self._read(bucket)
            order = np.arange(len(rows))
            if len(rows) > len(places):  # which part goes into this block must not depend on the order
                order = rng.permutation(len(rows))
            while len(order):
                n = min(len(order), len(places))
                block[places[:n]] = rows[order[:n]]
                order, places = order[n:], places[n:]
                if not len(places):
                    yield (block,)
                    n_left -= len(block)
                    block, places = self._empty(rng, min(n_rows, n_left))

    def _empty(self, rng: np.random.Generator, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a block to be filled, and its rows in the order in which they are filled."""
        return np.empty((n_rows, self.shape[1]), np.float32), rng.permutation(n_rows)

    def split(self, fraction: float, seed: int) -> tuple[Rows, Rows]:
        """Return rows to train on, and at least a fraction, rounded up to whole buckets, for validation."""
        order = np.random.default_rng(seed).permutation(self._buckets)
        n_validation = 1 + int(np.searchsorted(np.cumsum(self._counts[order]), fraction * len(self)))
        parts = order[n_validation:], order[:n_validation]
        if not self._counts[parts[0]].sum():
            raise ValueError(
                f"Got {len(self)} rows, too few to hold out {fraction:g} of them for validation."
            )
        return ShuffledRows(self._folder, parts[0]), ShuffledRows(self._folder, parts[1])

    def moments(self, function: Function) -> list[Moments]:
        totals: list[Summary] = []
        for chunk in self.chunks():
            found = [Summary.of(array) for array in function(chunk)]
            totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
        return [(total.mean, total.squares / total.n_rows) for total in totals]

    def min(self, axis: int | None = None) -> Any:
        return self._summary.low.min(axis=axis) if axis is None else self._summary.low

    def max(self, axis: int | None = None) -> Any:
        return self._summary.high.max(axis=axis) if axis is None else self._summary.high

    def mean(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return self._summary.mean

    def var(self, axis: int = 0, dtype: Any = np.float64) -> np.ndarray:
        return self._summary.squares / self._summary.n_rows

    @property
    def _summary(self) -> Summary:
        if self._known is None:
            self._known = summarize(self.chunks())
        return self._known

    def _read(self, bucket: int) -> np.ndarray:
        """Return the rows of a bucket, mapped: in many rows, a bucket is larger than a block."""
        path, n_rows = _bucket_path(self._folder, bucket), int(self._counts[bucket])
        if (n_bytes := path.stat().st_size) != n_rows * self.row_bytes:
            raise DatasetCorruptError(
                f"{self._folder} has {n_bytes / self.row_bytes:g} rows in bucket {bucket}, expected "
                f"{n_rows}: remove the folder, and train anew."
            )
        if not n_rows:  # nothing can be mapped
            return np.empty((0, self.shape[1]), np.float32)
        return np.memmap(path, np.float32, "r", shape=(n_rows, self.shape[1]))


def shuffle(
    open_blocks: Callable[[], tuple[list[str] | None, Iterable[np.ndarray]]], folder: Path, seed: int
) -> ShuffledRows:
    """Spread rows at random over the buckets of a folder, unless this was done before.

    Parameters
    ----------
    open_blocks : callable
        Returns the names of the features, or None, and an iterable of ndarrays of shape (n, n_features),
        float32.
    folder : Path
        Which may exist. Its manifest is written last, so that whoever finds it finds all rows.
    seed : int
    """
    if not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        names, blocks = open_blocks()
        counts = np.zeros(N_BUCKETS, np.int64)
        total = summarize(_spread(blocks, folder, np.random.default_rng(seed), counts))
        manifest = {"names": names, "counts": counts.tolist(), **_as_json(total)}
        with replacing(folder / MANIFEST) as path:
            path.write_text(json.dumps(manifest))
    return ShuffledRows(folder)


def _spread(
    blocks: Iterable[np.ndarray], folder: Path, rng: np.random.Generator, counts: np.ndarray
) -> Iterator[np.ndarray]:
    """Write each block to the buckets, count the rows of these, and yield the block."""
    with ExitStack() as stack:
        files = [
            stack.enter_context(_bucket_path(folder, i).open("wb", buffering=BUFFER))
            for i in range(len(counts))
        ]
        for block in blocks:
            bucket = rng.integers(len(counts), size=len(block))
            rows = block[np.argsort(bucket, kind="stable")]
            sizes = np.bincount(bucket, minlength=len(counts))
            for file, part in zip(files, np.split(rows, np.cumsum(sizes)[:-1]), strict=True):
                file.write(part.data)
            counts += sizes
            yield block


def _bucket_path(folder: Path, bucket: int) -> Path:
    return folder / f"rows-{bucket:03}.float32"


def _as_json(summary: Summary) -> dict[str, Any]:
    return {name: value.tolist() for name, value in vars(summary).items() if name != "n_rows"}


def _summary_of(manifest: dict[str, Any]) -> Summary:
    bounds = (np.array(manifest[name], np.float32) for name in ("low", "high"))
    sums = (np.array(manifest[name]) for name in ("mean", "squares"))
    return Summary(sum(manifest["counts"]), *bounds, *sums)
