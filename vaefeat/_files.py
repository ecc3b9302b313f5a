"""Files and folders that are written completely or not at all."""

import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path


def read_regular(path: Path, limit: int) -> bytes:
    """Return the first ``limit`` bytes of a file.

    Raises
    ------
    OSError
        If it is a folder, a device or a pipe, which might never end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(f"{path} is a folder, a device or a pipe, expected a regular file.")
        return file.read(limit)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file next to ``path`` to write to, and rename it to ``path`` at the end.

    A reader never sees half a file. If anything fails, such as when the disk is full, the old file stays and
    the temporary one is removed. Parent folders are created if needed.
    """
    path = path.resolve()  # for a link, the file that it points to
    if path.exists() and not path.is_file():
        raise FileExistsError(f"{path} is a folder, a device or a pipe, expected a regular file to write.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # minus what umask removes
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk before it takes the name
        if path.exists():
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all are on the disk before the first takes its name.

    The first of ``contents`` takes its name last, so that whoever finds it finds the others too.
    """
    with ExitStack() as stack:
        for path, content in contents.items():
            stack.enter_context(replacing(path)).write_bytes(content)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``path`` to fill, and rename it to ``path`` at the end.

    If anything fails, the temporary folder is removed. Parent folders are created if needed.

    Raises
    ------
    FileExistsError
        If ``path`` already holds something other than an empty folder.
    BlockingIOError
        If another process is writing to ``path``.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(path):
        if path.exists() and not (path.is_dir() and next(path.iterdir(), None) is None):
            raise FileExistsError(f"There is something at {path}: remove it, or name another folder.")
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        temporary.mkdir()
        try:
            yield temporary
            if path.exists():
                path.rmdir()  # Windows cannot rename to a name that is taken
            temporary.rename(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Refuse a path that another process is writing to."""
    name = path.with_name(f".{path.name}.lock")
    with ExitStack() as stack:
        file = stack.enter_context(FileIO(name, "a"))
        lock(file, path)
        stack.pop_all()
    try:
        yield
    finally:
        file.close()
        name.unlink(missing_ok=True)


def lock(file: FileIO, path: Path) -> None:
    """Lock a file until it is closed; a process that dies releases it.

    Parameters
    ----------
    file : FileIO
    path : Path
        What is written under the lock, for the message.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(2**40)  # far beyond what others may still read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise BlockingIOError(
            f"Another process is writing to {path}; wait until it ends, or name another one."
        ) from None
