"""Data sets by name, or the user's own, in one call."""

from pathlib import Path
from typing import Any

from vaefeat.data.datasets import Dataset, load_dataset
from vaefeat.data.samples import read_samples
from vaefeat.data.tables import FORMATS


def load_data(data: Any, target: Any = None, **read: Any) -> Dataset:
    """Return a named data set, or the user's own rows with a quarter of the labeled ones, if many, set aside.

    Parameters
    ----------
    data : str, path, frame, ndarray or Dataset
        A name as for :func:`vaefeat.load_dataset`, or what :func:`vaefeat.data.samples.read_samples` takes.
    target, **read
        As for the latter.
    """
    if isinstance(data, Dataset):
        return data
    is_name = isinstance(data, str) and not data.endswith(tuple(FORMATS)) and not Path(data).is_dir()
    return load_dataset(data, target=target) if is_name else read_samples(data, target, **read).split()
