"""Checkpoints: the files from which a training that was killed goes on."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vaefeat._files import replacing

SECONDS = 30.0  # between two checkpoints


@dataclass
class Sums:
    """What an epoch has come to so far.

    Attributes
    ----------
    n_blocks : int
    n_examples : float
    totals : list of float, optional
        Sums of the losses over the examples.
    """

    n_blocks: int = 0
    n_examples: float = 0.0
    totals: Any = None


@dataclass
class Position:
    """Where a training stands at the end of a block.

    Attributes
    ----------
    epoch : int
        The number of epochs that are done.
    sums : Sums
        Of the epoch that has begun.
    skip : int
        Blocks that are done of the epoch whose order ``generator`` determines: of the one that has begun, or
        else all of the last.
    generator : dict
        The state of the generator of random numbers at the beginning of that epoch.
    history : dict of lists of float
    stopped : bool
        Whether a callback has ended the training.
    stopping : dict
        What EarlyStopping knows, if there is one.
    """

    epoch: int = 0
    sums: Sums = field(default_factory=Sums)
    skip: int = 0
    generator: Mapping[str, Any] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)
    stopped: bool = False
    stopping: dict[str, Any] = field(default_factory=dict)


Weights = Mapping[str, list[np.ndarray]]


class Checkpoint:
    """The state of a training in a folder, whose files are whole whenever the process ends.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / "state.npz"
        self._saved_at = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)

    def once(self, name: str, value: Any) -> Any:
        """Return what was written under a name; the first time, write a value that JSON can hold."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(value))
        return json.loads(path.read_text())

    def check(self, description: Mapping[str, str]) -> None:
        """Refuse to go on with another training than the one that was begun.

        Raises
        ------
        ValueError
            If the description is not the one that was written.
        """
        begun = self.once("training", description)
        for name, value in description.items():
            if begun.get(name) != value:
                raise ValueError(
                    f"{self.folder} holds a training with {name}={begun.get(name)}, got {name}={value}: "
                    "remove the folder, or name another one."
                )

    def load(self) -> tuple[Position, Weights] | None:
        """Return the last position and the weights of that moment, or None if there is none."""
        if not self._path.exists():
            return None
        with np.load(self._path) as file:
            plain = json.loads(str(file["position"]))
            weights: dict[str, list[np.ndarray]] = {}
            for name in sorted(set(file.files) - {"position"}):
                weights.setdefault(name.rpartition("_")[0], []).append(file[name])
        return Position(**plain | {"sums": Sums(**plain["sums"])}), weights

    def is_due(self) -> bool:
        """Return whether the last position was saved long ago."""
        return time.monotonic() - self._saved_at >= SECONDS

    def save(self, position: Position, weights: Weights) -> None:
        """Replace the last position."""
        arrays: Any = {
            f"{name}_{i:04}": value for name, values in weights.items() for i, value in enumerate(values)
        }
        with replacing(self._path) as path, path.open("wb") as file:
            np.savez(file, position=np.array(json.dumps(asdict(position))), **arrays)
        self._saved_at = time.monotonic()
