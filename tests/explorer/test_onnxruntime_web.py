import pytest

from tests.apps import NODE_MODULES, need
from vaefeat.explorer.onnxruntime_web import FILES, find_runtime


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "node_modules" / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    for name in FILES:
        (folder / "dist" / name).touch()
    return folder


def test_the_package_is_found_where_node_finds_it(package, tmp_path, monkeypatch):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for here in (below, tmp_path):
        monkeypatch.chdir(here)
        assert find_runtime() == [package / "dist" / name for name in FILES]


def test_the_folder_of_the_package_may_be_passed(package):
    assert [file.name for file in find_runtime(package)] == list(FILES)


def test_the_files_exist_in_the_package_of_the_examples():
    need(NODE_MODULES.is_dir(), "exported/examples/node_modules (made by npm ci)")
    loader, glue, wasm = find_runtime(NODE_MODULES / "onnxruntime-web")
    assert glue.name in loader.read_text()
    assert wasm.read_bytes()[:4] == b"\0asm"


def test_a_missing_package_is_reported_with_the_command_to_install_it(package, tmp_path, monkeypatch):
    (package / "dist" / FILES[-1]).unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"not found in node_modules, .* npm install --no-save onnxr"):
        find_runtime()
    with pytest.raises(FileNotFoundError, match=f"not found in {package}"):
        find_runtime(package)
