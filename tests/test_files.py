import errno
import os
import stat
from pathlib import Path

import pytest

from vaefeat._files import new_folder, read_regular, replacing, write_together


def write_atomically(path, content):
    write_together({path: content})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


def test_a_new_file_is_written_with_the_folders_above_it(tmp_path):
    path = tmp_path / "a" / "b" / "model.onnx"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["model.onnx"]


def test_an_old_file_is_replaced(path):
    path.write_bytes(b"old and longer")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_who_may_read_a_new_file_is_what_the_user_has_set(umask, mode, path):
    before = os.umask(umask)
    try:
        write_atomically(path, b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_who_may_read_an_old_file_may_read_the_new_one_and_no_one_else(path):
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_goes_on_leading_to_the_file(path):
    link = path.with_name("link.onnx")
    path.write_bytes(b"old")
    link.symlink_to(path)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [b"old", None])
def test_whatever_fails_the_old_file_stays_and_no_temporary_one(step, error, old, path, monkeypatch):
    def fail(*args):
        raise error

    if old is not None:
        path.write_bytes(old)
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert [file.read_bytes() for file in path.parent.iterdir()] == ([] if old is None else [old])


def test_the_content_is_on_the_disk_before_it_takes_the_name(path, monkeypatch):
    steps = []

    def recorded(name, step):
        return lambda *args: (steps.append(name), step(*args))

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name, getattr(os, name)))
    write_atomically(path, b"new")
    assert steps == ["fsync", "replace"]


def test_a_failed_write_leaves_the_old_file(path):
    def write_half():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [file.read_bytes() for file in path.parent.iterdir()] == [b"old"]


# --- folders ---


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "above" / "out"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_folder_takes_its_name_when_it_is_filled(is_there, folder):
    if is_there:
        folder.mkdir(parents=True)
    with new_folder(folder) as temporary:
        (temporary / "file.txt").write_text("new")
        assert not (folder / "file.txt").exists()
    assert (folder / "file.txt").read_text() == "new"
    assert os.listdir(folder.parent) == ["out"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_a_failed_folder_leaves_nothing_behind(error, folder):
    def fill():
        with new_folder(folder) as temporary:
            (temporary / "file.txt").write_text("new")
            raise error

    with pytest.raises(type(error)):
        fill()
    assert os.listdir(folder.parent) == []


@pytest.mark.parametrize("is_file", [True, False])
def test_existing_files_are_unchanged(is_file, folder):
    folder.parent.mkdir()
    mine = folder if is_file else folder / "mine.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(FileExistsError, match=r"There is something at .*: remove it, or name another folder"):
        new_folder(folder).__enter__()
    assert mine.read_text() == "mine"
    assert os.listdir(folder.parent) == ["out"]


def test_files_that_belong_together_are_replaced_together(tmp_path, monkeypatch):
    model, card = tmp_path / "model.onnx", tmp_path / "model.json"
    write_together({model: b"old", card: b"old card"})
    renamed = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (renamed.append(paths[1].name), replace(*paths)))
    write_together({model: b"new", card: b"new card"})
    assert renamed == ["model.json", "model.onnx"]
    assert (model.read_bytes(), card.read_bytes()) == (b"new", b"new card")


def test_if_one_of_them_cannot_be_written_all_stay_as_they_were(tmp_path):
    model, card = tmp_path / "model.onnx", tmp_path / "model.json"
    write_together({model: b"old"})
    card.mkdir()
    with pytest.raises(OSError, match="expected a regular file"):
        write_together({model: b"new", card: b"new card"})
    assert model.read_bytes() == b"old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.onnx"]


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    assert read_regular(tmp_path / "file", 4) == b"cont"
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"expected a regular file|Is a directory"):
            read_regular(path, 4)


def test_a_folder_has_one_writer_at_a_time(tmp_path):
    with new_folder(tmp_path / "model") as temporary:
        (temporary / "a").write_text("first")
        with pytest.raises(BlockingIOError, match="Another process is writing to"):
            new_folder(tmp_path / "model").__enter__()
    assert os.listdir(tmp_path) == ["model"]
    assert (tmp_path / "model" / "a").read_text() == "first"
