"""Try models in a separate process, which a bad one may kill, hang or fill without harm.

Models are programs: a file of a hundred bytes can crash ONNX Runtime, which ends the process, or ask for any
amount of time and memory. The process here has limits on both, and may not write files. It loads a model,
runs it on the golden rows of its card, on one row, and on as many as the caller will run, before the caller
loads the same bytes.

The limits exist on POSIX systems; on others, the process protects only from crashes.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Any

import numpy as np

from vaefeat.exceptions import InvalidModelError, SandboxError
from vaefeat.runtime.golden import check_golden_rows
from vaefeat.runtime.model import OnnxModel

SECONDS = 30.0
MEMORY_BYTES = 2 * 2**30  # beyond what the process has at the start and some copies of the model

_COPIES = 8  # of the weights: read, parsed, initialized, packed for the kernels
# The child searches for modules where this process does, and nowhere else.
_PATH = "import sys; sys.path[:] = sys.argv[1:]; "
_PROGRAM = "from vaefeat.runtime.sandbox import try_all; try_all(sys.stdin.buffer, sys.stdout.buffer)"


@dataclass(frozen=True)
class Trial:
    """What was found about a model that passed.

    Attributes
    ----------
    golden : str or None
        How the model fails on the golden rows of its card; None if it does not.
    is_batch_invariant : bool
        Whether rows give the same bits alone and in every batch that was tried.
    """

    golden: str | None
    is_batch_invariant: bool


class Sandbox:
    """A process that tries one model after another; it is started when needed, and again if it dies.

    Parameters
    ----------
    seconds : float
        Within which each model must be loaded and tried.
    memory_bytes : int
        The most that each model may take.

    Examples
    --------
    >>> from pathlib import Path
    >>> with Sandbox() as sandbox:
    ...     sandbox.try_model(Path("exported/digits-vae/model.onnx").read_bytes(), max_batch_rows=4)
    Trial(golden=None, is_batch_invariant=True)
    """

    def __init__(self, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._is_closed = False

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def try_model(self, model: bytes, *, max_batch_rows: int = 1, max_rows: int = 1) -> Trial:
        """Load a model in the process, and run it.

        Parameters
        ----------
        model : bytes
        max_batch_rows : int
            The largest batch to compare with single rows.
        max_rows : int
            The largest number of rows in one run.

        Returns
        -------
        Trial

        Raises
        ------
        InvalidModelError
            If the model is refused, cannot be run, kills the process, or exceeds the limits.
        SandboxError
            If the process cannot be started.
        """
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        task = {"n_bytes": len(model), "seconds": self._seconds, "memory_bytes": self._memory_bytes}
        with suppress(BrokenPipeError):  # what follows says that the process is dead
            _write_line(process.stdin, task | {"max_batch_rows": max_batch_rows, "max_rows": max_rows})
            process.stdin.write(model)
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            self.stop()
            raise InvalidModelError(self._cause_of(process.returncode))
        answer = json.loads(line)
        if "error" in answer:
            raise InvalidModelError(answer["error"])
        return Trial(**answer)

    def stop(self) -> None:
        """End the process; the next model starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]

    def close(self) -> None:
        """End the process for good, even while another thread waits for it."""
        self._is_closed = True
        if (process := self._process) is not None:
            process.kill()

    def start(self) -> None:
        """Start the process, if there is none, and do not wait for it: it takes a while to be ready."""
        if self._is_closed:
            raise SandboxError("The service is shutting down.")
        if self._process is None:
            self._is_ready = False
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PATH + _PROGRAM, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl+C is for the parent
            )

    def _started(self) -> subprocess.Popen[bytes]:
        self.start()
        process = self._process
        assert process is not None
        if not self._is_ready and not process.stdout.readline():  # type: ignore[union-attr]
            self.stop()
            raise SandboxError(f"The process that tries models ends at its start with {process.returncode}.")
        self._is_ready = True
        return process

    def _cause_of(self, code: int) -> str:
        if self._is_closed:
            return "The service is shutting down."
        if code == -getattr(signal, "SIGALRM", 0):
            return f"The model takes more than {self._seconds:g} s to be loaded and tried."
        name = signal.Signals(-code).name if code < 0 else f"status {code}"
        return f"The model kills the process that tries it ({name})."


def try_once(model: bytes, *, max_rows: int = 1) -> Trial:
    """Try one model, see :meth:`Sandbox.try_model`."""
    with Sandbox() as sandbox:
        return sandbox.try_model(model, max_rows=max_rows)


# --- in the process ---


def try_all(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Try models as they come in, until there are no more."""
    _write_line(answers, {})  # ready
    n_bytes_at_start = _address_space()
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", 0)
    while line := tasks.readline():
        task = json.loads(line)
        model = tasks.read(task["n_bytes"])
        _limit("RLIMIT_AS", n_bytes_at_start + task["memory_bytes"] + _COPIES * len(model))
        _alarm(task["seconds"])
        answer = _try(model, task["max_batch_rows"], task["max_rows"])
        _alarm(0)
        _write_line(answers, answer)


def _try(model: bytes, max_batch_rows: int, max_rows: int) -> dict[str, Any]:
    try:
        loaded = OnnxModel(model, n_threads=1)
        golden = check_golden_rows(loaded)
        invariant = is_batch_invariant(loaded, max_batch_rows)
        loaded.run(np.zeros((max_rows, loaded.n_features), np.float32))
        return asdict(Trial(golden.detail if golden.passed is False else None, invariant))
    except InvalidModelError as exc:
        return {"error": str(exc)}
    except MemoryError:
        return {"error": "The model takes more memory than allowed."}
    except Exception as exc:  # whatever it is, the model is its cause
        return {"error": f"The model cannot be tried: {type(exc).__name__}."}


def is_batch_invariant(model: OnnxModel, max_rows: int) -> bool:
    """Return whether rows give the same bits alone and in every batch of up to ``max_rows``.

    The kernels depend on the number of rows, not on the values, so that random rows represent all others.
    """
    X = np.random.default_rng(0).random((max_rows, model.n_features), np.float32)
    alone = [model.run(X[i : i + 1]) for i in range(max_rows)]
    expected = {name: np.concatenate([each[name] for each in alone]) for name in model.output_names}
    return all(
        np.array_equal(values, expected[name][:n_rows])
        for n_rows in range(2, max_rows + 1)
        for name, values in model.run(X[:n_rows]).items()
    )


def _address_space() -> int:
    """Return the bytes of this process's address space; 0 where it is not known."""
    with suppress(OSError), open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _limit(name: str, n_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # it does not exist on Windows
        return
    with suppress(OSError, ValueError):  # some systems do not enforce all limits
        kind = getattr(resource, name)
        resource.setrlimit(kind, (n_bytes, resource.getrlimit(kind)[1]))


def _alarm(seconds: float) -> None:
    """Let the system end this process after some time, even if it is in the middle of a computation."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _write_line(file: IO[bytes], value: dict[str, Any]) -> None:
    file.write(json.dumps(value).encode() + b"\n")
    file.flush()
