import json
import subprocess
import sys

import pytest

from vaefeat.comparison import RowFile, Task, collect_rows, read_rows


def never():
    raise AssertionError("a row that is known must not be measured again")


def task(key, answer=1):
    return Task({"key": key}, lambda: {"answer": answer}, f"measuring {key}")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "rows.jsonl"


@pytest.fixture
def two_rows(path):
    collect_rows([task("a"), task("b")], path)
    return path


def keys(path):
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_rows_are_appended_with_their_provenance(two_rows):
    lines = [json.loads(line) for line in two_rows.read_text().splitlines()]
    assert [(row["key"], row["answer"]) for row in lines] == [("a", 1), ("b", 1)]
    assert all(row["versions"]["numpy"] and row["machine"] and "commit" in row for row in lines)


def test_rows_in_the_file_are_not_measured_again(two_rows):
    rows = collect_rows([Task({"key": "b"}, never), task("c"), Task({"key": "a"}, never)], two_rows)
    assert [row["key"] for row in rows] == ["b", "c", "a"]
    assert keys(two_rows) == ["a", "b", "c"]


def test_a_failing_task_keeps_the_rows_measured_before_it(path):
    with pytest.raises(ZeroDivisionError):
        collect_rows([task("a"), Task({"key": "b"}, lambda: 1 / 0)], path)
    assert keys(path) == ["a"]


def test_without_a_file_rows_are_only_returned(tmp_path):
    assert [row["answer"] for row in collect_rows([task("a", 1), task("b", 2)])] == [1, 2]
    assert list(tmp_path.iterdir()) == []


def test_progress_is_reported_before_each_task_and_at_the_end():
    reported = []
    collect_rows([task("a"), task("b")], progress=lambda *args: reported.append(args))
    assert reported == [("measuring a", 0, 2), ("measuring b", 1, 2), ("done", 2, 2)]


@pytest.mark.parametrize("n_cut", [1, 10, 10_000])
def test_a_torn_last_line_is_dropped_with_a_warning_and_measured_again(two_rows, n_cut):
    last = len(two_rows.read_text().splitlines()[-1])
    with two_rows.open("rb+") as file:
        file.truncate(two_rows.stat().st_size - 1 - min(n_cut, last - 1))
    with pytest.warns(UserWarning, match=r"The last line of .*rows.jsonl was cut off"):
        collect_rows([Task({"key": "a"}, never), task("b", 2)], two_rows)
    assert {key: row["answer"] for key, row in read_rows(two_rows).items()} == {"a": 1, "b": 2}


def test_a_reader_leaves_a_torn_last_line_out_and_the_file_as_it_is(two_rows):
    content = two_rows.read_bytes()[:-5]
    two_rows.write_bytes(content)
    with pytest.warns(UserWarning, match="was cut off"):
        assert list(read_rows(two_rows)) == ["a"]
    assert two_rows.read_bytes() == content


def test_a_whole_last_line_without_its_newline_is_kept(two_rows):
    two_rows.write_bytes(two_rows.read_bytes()[:-1])
    collect_rows([Task({"key": "b"}, never), task("c")], two_rows)
    assert keys(two_rows) == ["a", "b", "c"]


@pytest.mark.parametrize("line", ["notes", "[1, 2]", '{"answer": 1}', '{"key": "c"', "\ufffd", ""])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_is_no_row_is_named_and_nothing_is_lost(two_rows, line, end):
    first, second = two_rows.read_text().splitlines()
    content = f"{first}\n{line}\n{second}{end}".encode()
    two_rows.write_bytes(content)
    for use in (read_rows, lambda path: collect_rows([task("d")], path)):
        with pytest.raises(ValueError, match=r"Line 2 of .*rows.jsonl is not a row"):
            use(two_rows)
    assert two_rows.read_bytes() == content


def test_a_file_of_something_else_is_not_truncated(path):
    path.parent.mkdir()
    path.write_text("some notes")
    with pytest.raises(ValueError, match=r"Line 1 of .* is not a row"):
        collect_rows([task("a")], path)
    assert path.read_text() == "some notes"


def test_two_files_of_one_path_refuse_each_other_until_the_first_is_closed(path):
    with RowFile(path):
        with pytest.raises(BlockingIOError, match=r"Another process is writing to .*rows.jsonl"):
            collect_rows([task("a")], path)
        assert read_rows(path) == {}
    assert len(collect_rows([task("a")], path)) == 1


def test_another_process_is_refused_in_one_sentence_and_a_killed_one_leaves_no_lock(path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom vaefeat.comparison import RowFile\n"
        "with RowFile(Path(sys.argv[1])):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(BlockingIOError, match="wait until it ends, or name another one"):
            collect_rows([task("a")], path)
        other.kill()
    assert len(collect_rows([task("a")], path)) == 1


def test_a_write_that_fails_leaves_the_rows_before_it(two_rows):
    resource = pytest.importorskip("resource")
    content, size = two_rows.read_bytes(), two_rows.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, limits[1]))  # Python ignores the signal
    try:
        with pytest.raises(OSError, match="File too large"):
            collect_rows([task("c")], two_rows)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert two_rows.read_bytes() == content


def test_a_row_is_on_the_disk_before_the_next_is_measured(path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda fd: synced.append(path.read_text().count("\n")))
    collect_rows([task("a"), task("b")], path)
    assert synced == [1, 2]
