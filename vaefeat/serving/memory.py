"""The memory that large requests and responses may take together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from vaefeat.serving.errors import MemoryFullError


@dataclass
class Memory:
    """Counts the memory of requests and responses, whatever their protocol.

    Attributes
    ----------
    max_bytes : int
        Limit on what all hold at a time beyond their shares.
    share : int
        Bytes that each may have in any case, so that a few large ones do not keep small ones out.
    n_bytes : int
        What they hold at the moment beyond their shares.
    """

    max_bytes: int = 256 * 2**20
    share: int = 256 * 2**10
    n_bytes: int = 0

    @contextmanager
    def holding(self, n_bytes: int = 0) -> Iterator["Hold"]:
        """Count the memory of one request or response until the end of the block.

        Raises
        ------
        MemoryFullError
            If there is no memory left.
        """
        hold = Hold(self)
        try:
            hold.add(n_bytes)
            yield hold
        finally:
            hold.release()


@dataclass
class Hold:
    """The memory of one request or response."""

    memory: Memory
    n_bytes: int = 0
    n_counted: int = 0  # what is beyond the share

    def add(self, n_bytes: int) -> None:
        """Count some more bytes, or raise MemoryFullError."""
        self.n_bytes += n_bytes
        n_more = max(0, self.n_bytes - self.memory.share) - self.n_counted
        if self.memory.n_bytes + n_more > self.memory.max_bytes:
            raise MemoryFullError("The service holds as many large requests as it can; try again later.")
        self.memory.n_bytes += n_more
        self.n_counted += n_more

    def release(self) -> None:
        """Stop counting the bytes."""
        self.memory.n_bytes -= self.n_counted
        self.n_counted = 0
