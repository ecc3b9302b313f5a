"""Units on a cluster of Dask, or on as many processes as there are cores."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from vaefeat._optional import import_optional
from vaefeat.runtime.many_files import Entry, n_cores
from vaefeat.runtime.units import Unit, UnitEncoder

AHEAD = 4  # units of each thread that the cluster knows of at a time


class DaskEngine:
    """Encodes the units of :func:`vaefeat.encode_files` as tasks of Dask.

    A unit whose worker dies is encoded by another one. Source and target must have the same paths on all
    machines, on which the same versions of vaefeat and onnxruntime are installed.

    Parameters
    ----------
    scheduler : str, optional
        Address, such as ``tcp://10.0.0.1:8786``. By default, workers with one thread each are started on this
        machine, one for each core.

    Examples
    --------
    >>> from vaefeat.engines import DaskEngine
    >>> engine = DaskEngine("tcp://10.0.0.1:8786")
    """

    def __init__(self, scheduler: str | None = None) -> None:
        self.scheduler = scheduler

    def __call__(self, encoder: UnitEncoder, units: Sequence[Unit]) -> Iterable[Entry]:
        """Yield the entries of the units, in their order."""
        distributed = import_optional("distributed", "dask")
        local = {
            "n_workers": n_cores(),
            "threads_per_worker": 1,
            "dashboard_address": None,
        }
        options = local if self.scheduler is None else {"address": self.scheduler}
        with distributed.Client(**options) as client:
            # A future rather than scattered data: what a dead worker had is made again.
            shared = client.submit(_same, encoder, pure=False)
            yield from _in_order(client, shared, units)


def _in_order(client: Any, encoder: Any, units: Sequence[Unit]) -> Iterator[Entry]:
    """Yield results in the order of the units, of which few are with the cluster at a time."""
    n_ahead = AHEAD * max(1, sum(client.nthreads().values()))
    futures = [client.submit(_encode, encoder, unit, pure=False) for unit in units[:n_ahead]]
    for i in range(len(units)):
        yield futures[i].result()
        futures[i].release()
        if i + n_ahead < len(units):
            futures.append(client.submit(_encode, encoder, units[i + n_ahead], pure=False))


def _same(encoder: UnitEncoder) -> UnitEncoder:
    return encoder


def _encode(encoder: UnitEncoder, unit: Unit) -> Entry:
    return encoder(unit)
