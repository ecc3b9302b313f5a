"""The models in a folder, loaded, checked and ready to run.

Names come from a listing of the folder, and requests are looked up among them: no path is ever built from
a request.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from vaefeat._text import printable
from vaefeat.exceptions import InvalidModelError
from vaefeat.runtime import OnnxModel
from vaefeat.runtime.card import check_portable
from vaefeat.runtime.folders import Key, find_models
from vaefeat.runtime.model import CHUNK_ROWS, read_model
from vaefeat.runtime.sandbox import Sandbox
from vaefeat.serving.batching import Batcher, BatchSettings, is_small
from vaefeat.serving.contract import Contract
from vaefeat.serving.errors import ModelNotFoundError, ModelRefusedError
from vaefeat.serving.metrics import Metrics, ModelMetrics

log = logging.getLogger("vaefeat.serving")

Signature = tuple[int, int, int, int]  # changes when the file does


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model that answers requests."""

    name: str
    version: str
    model: OnnxModel
    contract: Contract
    batcher: Batcher
    metrics: ModelMetrics
    max_rows: int  # of a request

    def statistics(self) -> dict[str, Any]:
        """Return what this version has done, as Triton's extension writes it."""
        return {"name": self.name, "version": self.version} | self.metrics.statistics.to_dict()


class IndexEntry(NamedTuple):
    """What is known about one version of a model; no version if the model is unloaded."""

    name: str
    version: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class _File:
    """A file that was read, and its outcome.

    Attributes
    ----------
    signature : tuple
    served : ServedModel or None
        The model in the file; if the file was refused, the model that was served before, if any.
    refusal : str or None
        Why the file was refused.
    """

    signature: Signature
    served: ServedModel | None
    refusal: str | None = None


class Repository:
    """The models in a folder, ready to run.

    Parameters
    ----------
    folder : Path
    settings : BatchSettings
    metrics : Metrics
    sandbox : Sandbox, optional
        Where models are tried; the caller may have started it already.
    """

    def __init__(
        self, folder: Path, settings: BatchSettings, metrics: Metrics, sandbox: Sandbox | None = None
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._metrics = metrics
        self._sandbox = sandbox or Sandbox()
        self._files: dict[Key, _File] = {}
        self._served: dict[str, dict[str, ServedModel]] = {}  # by name and version, the latest version last
        self._unloaded: set[str] = set()

    @property
    def models(self) -> list[ServedModel]:
        """The latest version of each model, by name."""
        return [self.find(name) for name in sorted(self._served)]

    @property
    def refusals(self) -> dict[Key, str]:
        """Why files were refused, by name and version."""
        return {key: file.refusal for key, file in self._files.items() if file.refusal is not None}

    @property
    def is_alive(self) -> bool:
        """Whether the threads of all models are alive."""
        return all(served.batcher.is_alive for served in _models_of(self._files))

    def versions(self, name: str) -> list[str]:
        """Return the versions of a model, the latest last."""
        return list(self._served[name])

    def index(self, *, ready: bool = False) -> list[IndexEntry]:
        """Return what is known about each model, those served first; ``ready`` leaves out the others."""
        served = [
            IndexEntry(name, version, "READY")
            for name in sorted(self._served)
            for version in self._served[name]
        ]
        refused = [IndexEntry(*key, "UNAVAILABLE", reason) for key, reason in sorted(self.refusals.items())]
        unloaded = [IndexEntry(name, "", "UNAVAILABLE", "unloaded") for name in sorted(self._unloaded)]
        return served if ready else served + refused + unloaded

    def find_all(self, name: str = "", version: str = "") -> list[ServedModel]:
        """Return all models, all versions of one, or one version; or raise ModelNotFoundError."""
        if version:
            return [self.find(name, version)]
        names = [self.find(name).name] if name else sorted(self._served)
        return [served for each in names for served in self._served[each].values()]

    def find(self, name: str, version: str | None = None) -> ServedModel:
        """Return a model, by default its latest version; or raise ModelNotFoundError."""
        versions = self._served.get(name)
        if versions is None:
            raise ModelNotFoundError(f"There is no such model; there are {sorted(self._served)}.")
        if version is None:
            return versions[list(versions)[-1]]
        if version not in versions:
            raise ModelNotFoundError(f"{name} has no such version; it has {list(versions)}.")
        return versions[version]

    def read(self, only: str | None = None) -> Callable[[], None] | None:
        """Look for new and changed files, and load them.

        This may take long and does not change what is served: it may be called in another thread.

        Parameters
        ----------
        only : str, optional
            The one model to look for, even if it was unloaded; by default all that were not.

        Returns
        -------
        swap : callable or None
            Serves what was found, from the moment it is called; None if nothing has changed. Call it in the
            event loop that answers requests, so that no request meets two models.
        """
        found = {key: where for key, where in _find(self._folder).items() if self._is_wanted(key[0], only)}
        with self._sandbox:
            files = {key: self._read_file(key, *where) for key, where in found.items()}
        if only is not None:
            files |= {key: file for key, file in self._files.items() if key[0] != only}
        names = {name for name, _ in files}
        # A model whose files are all gone is still served.
        files |= {key: file for key, file in self._files.items() if key[0] not in names and file.served}
        return (lambda: self._swap(files)) if files != self._files else None

    def check_loaded(self, name: str) -> None:
        """Raise ModelRefusedError or ModelNotFoundError unless all that exists of a model is served."""
        for (refused, version), reason in self.refusals.items():
            if refused == name:
                raise ModelRefusedError(f"Version {version} of {name} is refused: {reason}")
        self.find(name)

    def unload(self, name: str) -> None:
        """Stop serving a model until it is loaded again; raise ModelNotFoundError if it is not served."""
        name = self.find(name).name
        self._unloaded.add(name)
        self._swap({key: file for key, file in self._files.items() if key[0] != name})
        log.info("Unloaded %s.", name)

    def close(self) -> None:
        """End :meth:`read`, which may be running in another thread; nothing more is loaded."""
        self._sandbox.close()

    def _is_wanted(self, name: str, only: str | None) -> bool:
        return name not in self._unloaded if only is None else name == only

    def _read_file(self, key: Key, path: Path, signature: Signature) -> _File:
        known = self._files.get(key)
        if known is not None and known.signature == signature:
            return known
        try:
            served = self._load(key, path)
        except (InvalidModelError, OSError) as exc:
            reason = printable(str(exc))
            log.error("Refused version %s of %s: %s", key[1], key[0], reason)
            self._metrics.observe_load("refused")
            return _File(signature, known.served if known is not None else None, reason)
        log.info("Loaded version %s of %s.", key[1], key[0])
        self._metrics.observe_load("served")
        return _File(signature, served)

    def _load(self, key: Key, path: Path) -> ServedModel:
        """Read a file once, so that what is served is what was tried."""
        content = read_model(path)
        settings = self._settings
        trial = self._sandbox.try_model(
            content, max_batch_rows=settings.max_rows, max_rows=min(settings.max_request_rows, CHUNK_ROWS)
        )
        if trial.golden is not None:
            raise InvalidModelError(f"The model fails on its golden rows: {trial.golden}")
        model = OnnxModel(content, n_threads=1)  # more would slow small models down; requests run in parallel
        check_portable(model.card)  # it is part of the metadata that clients get
        contract = Contract.of(model)
        metrics = self._metrics.of(key[0])
        small = is_small(model, settings)
        batcher = Batcher(model, settings, metrics, together=trial.is_batch_invariant, small=small)
        return ServedModel(*key, model, contract, batcher, metrics, settings.max_request_rows)

    def _swap(self, files: dict[Key, _File]) -> None:
        before, now = _models_of(self._files), _models_of(files)
        self._files = files
        self._unloaded -= {name for name, _ in files}
        self._served = {}
        for served in sorted(now, key=lambda each: int(each.version)):
            self._served.setdefault(served.name, {})[served.version] = served
        for name in self._served:
            self._metrics.of(name).watch_queue(partial(self._n_waiting, name))
        for served in before:
            if served not in now:
                served.batcher.close()  # after it has run what waits

    def _n_waiting(self, name: str) -> int:
        return sum(served.batcher.n_waiting for served in self._served.get(name, {}).values())


def _models_of(files: dict[Key, _File]) -> list[ServedModel]:
    return [file.served for file in files.values() if file.served is not None]


def _find(folder: Path) -> dict[Key, tuple[Path, Signature]]:
    """Return the model files in a folder, each with its signature."""
    found = {}
    for key, path in find_models(folder).items():
        with suppress(FileNotFoundError):  # deleted since the folder was listed
            found[key] = path, _signature(path)
    return found


def _signature(path: Path) -> Signature:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
