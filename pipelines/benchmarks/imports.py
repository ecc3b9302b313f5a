"""Import time in a fresh process, in seconds."""

import subprocess
import sys
from statistics import median
from time import perf_counter

from pipelines.benchmarks.common import Progress, Row, with_ratios

EMPTY = "pass"
OURS = "import vaefeat"
RUNTIME = "from vaefeat import OnnxModel"
STATEMENTS = (EMPTY, OURS, RUNTIME, "import tensorflow")
HEAVY = ("tensorflow", "keras", "sklearn")
ASSERT_LIGHT = f"; import sys; assert sys.modules.keys().isdisjoint({HEAVY})"


def measure(smoke: bool, progress: Progress) -> list[Row]:
    """Time whole processes in turn; those of vaefeat fail if they load anything heavy."""
    n_rounds = 1 if smoke else 8
    seconds: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    for done in range(n_rounds):
        for statement in STATEMENTS:
            progress(statement, done, n_rounds)
            seconds[statement].append(_process_seconds(statement))
    if not smoke:  # the first processes read files from disk and write bytecode
        seconds = {statement: durations[1:] for statement, durations in seconds.items()}
    empty = median(seconds[EMPTY])
    rows = [_row(statement, durations, empty) for statement, durations in seconds.items()]
    return with_ratios(rows, "process_seconds", OURS)


def _process_seconds(statement: str) -> float:
    code = statement + ASSERT_LIGHT if statement in (OURS, RUNTIME) else statement
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    return perf_counter() - start


def _row(statement: str, seconds: list[float], empty: float) -> Row:
    return {
        "benchmark": "imports",
        "name": statement,
        "n_processes": len(seconds),
        "process_seconds": median(seconds),
        "seconds_above_empty": median(seconds) - empty,
    }
