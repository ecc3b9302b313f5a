import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vaefeat.data.rows import ArrayRows
from vaefeat.training import blocks
from vaefeat.training.blocks import epoch_blocks, n_blocks, prefetched

ROWS = np.arange(100, dtype=np.float32).reshape(50, 2)


def epoch(rows, batch_size, rng):
    return list(epoch_blocks(rows, batch_size, rng))


def examples(found):
    """Return the examples that count, in their order."""
    data = np.concatenate([block.data[0].numpy().reshape(-1, 2) for block in found])
    return data[np.concatenate([block.weights.numpy().ravel() for block in found]) == 1]


@pytest.mark.parametrize("block_bytes", [1, 200, 2**20])
@pytest.mark.parametrize(("n_rows", "batch_size"), [(50, 20), (40, 20), (3, 3), (1, 1)])
def test_every_epoch_visits_each_example_once_in_an_order_of_its_own(
    monkeypatch, n_rows, batch_size, block_bytes
):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    rows, rng = ArrayRows((ROWS[:n_rows],)), np.random.default_rng(0)
    first, second = (examples(epoch(rows, batch_size, rng)) for _ in range(2))
    for found in (first, second):
        assert_array_equal(found[np.argsort(found[:, 0])], ROWS[:n_rows])
    assert n_rows <= 3 or not np.array_equal(first, second)


def test_only_the_last_step_is_filled_up_and_only_the_last_block_is_shorter(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 200)
    rows = ArrayRows((ROWS[:45], np.arange(45)))
    found = epoch(rows, 10, np.random.default_rng(0))
    assert [block.data[0].shape for block in found] == [(2, 10, 2), (2, 10, 2), (1, 10, 2)]
    assert [block.data[1].shape for block in found] == [(2, 10), (2, 10), (1, 10)]
    assert [block.first_step for block in found] == [0, 2, 4]
    assert [float(block.weights.numpy().sum()) for block in found] == [20, 20, 5]
    assert_array_equal(found[-1].data[0][0, 5:], found[0].data[0][0, :5])
    assert n_blocks(rows, 10) == len(found)


def test_items_are_made_ahead_by_a_thread_and_none_after_the_end():
    makers = []

    def items():
        for i in range(5):
            makers.append(threading.current_thread())
            yield i

    ahead = prefetched(items())
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
    assert 2 <= len(makers) <= 3
    assert threading.main_thread() not in makers
    assert list(prefetched(iter(range(4)))) == [0, 1, 2, 3]


def test_an_error_of_the_source_reaches_who_asks_for_the_next_item():
    def items():
        yield 1
        raise ValueError("a bad row")

    ahead = prefetched(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="a bad row"):
        next(ahead)
