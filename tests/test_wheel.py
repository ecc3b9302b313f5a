"""The wheel, installed alone, has everything that README.md and docs/ import."""

import ast
import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest
from sklearn.datasets import load_digits, load_iris

import vaefeat
from tests.apps import NODE_MODULES, need_node
from tests.documents import PAGES, ROOT, blocks, commands

pytestmark = pytest.mark.slow

README = PAGES[0]
CLIENTS = {"kserve", "tritonclient"}  # docs/serving.md says how to install these


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imports(page):
    """Return every import statement of the Python code blocks of a page."""
    for block in blocks(page, "python"):
        tree = compile(block, page.name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        yield from (
            ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
        )


def names(page):
    """Return every dotted name below vaefeat or pipelines that stands in the text of a page."""
    return re.findall(r"`((?:vaefeat|pipelines)(?:\.\w+)+)\(", page.read_text())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the source archive and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def python(built, tmp_path_factory):
    """Return the interpreter of a new environment with the wheel and the dependencies installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)}, scheme="venv")
    interpreter = Path(paths["scripts"]) / "python"
    wheel = next(path for path in built if path.suffix == ".whl")
    run(sys.executable, "-m", "pip", "--python", interpreter, "install", "--no-deps", "--no-index", wheel)
    # A path file within a folder that a path file adds is not read: the repository stays out of sight.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return interpreter


def run_in(python, script):
    return run(python, "-I", "-c", script).strip()


def test_a_source_archive_and_a_wheel_of_this_version_are_built(built):
    version = vaefeat.__version__
    assert [path.name for path in built] == [
        f"vaefeat-{version}-py3-none-any.whl",
        f"vaefeat-{version}.tar.gz",
    ]


def test_the_source_archive_is_small_and_has_no_model(built):
    archive = built[1]
    assert archive.stat().st_size <= 3_000_000
    with tarfile.open(archive) as files:
        assert [name for name in files.getnames() if name.endswith(".onnx")] == []


def test_twine_finds_nothing_wrong(built):
    run(sys.executable, "-m", "twine", "check", "--strict", *built)


def test_the_environment_has_the_package_of_the_wheel_and_nothing_of_the_repository(python):
    script = (
        "import importlib.metadata, vaefeat; print(vaefeat.__file__, importlib.metadata.version('vaefeat'))"
    )
    file, version = run_in(python, script).split()
    assert Path(file).is_relative_to(python.parents[1])
    assert version == vaefeat.__version__
    script = "import importlib.util; print(importlib.util.find_spec('pipelines'))"
    assert run_in(python, script) == "None"


def test_every_import_of_the_readme_and_the_docs_works(python):
    statements = {statement for page in PAGES for statement in imports(page)}
    ours = sorted(s for s in statements if s.split()[1].split(".")[0] not in CLIENTS)
    assert len(ours) > 10
    run_in(python, "\n".join(ours))


def test_every_dotted_name_in_the_text_of_the_readme_and_the_docs_exists(python):
    found = sorted({name for page in PAGES for name in names(page)})
    assert found
    run_in(python, f"import pkgutil\nfor name in {found}: pkgutil.resolve_name(name)")


def test_every_module_of_the_package_is_in_the_wheel(python):
    script = (
        "import pathlib, vaefeat; folder = pathlib.Path(vaefeat.__file__).parent\n"
        "print(*(path.relative_to(folder) for path in folder.rglob('*.py')))"
    )
    package = Path(vaefeat.__file__).parent
    expected = sorted(str(path.relative_to(package)) for path in package.rglob("*.py"))
    assert sorted(run_in(python, script).split()) == expected


# --- the README, block by block, by the wheel alone ---


@pytest.fixture(scope="module")
def followed(python, tmp_path_factory):
    """Return a folder in which the README's Python blocks were run, and what they printed."""
    folder = tmp_path_factory.mktemp("readme")
    printed = run(python, "-I", "-c", "\n".join(blocks(README, "python")), cwd=folder)
    return folder, printed


def test_the_readme_has_at_most_130_lines():
    assert len(README.read_text().splitlines()) <= 130


def test_the_first_block_beats_raw_pixels_and_prints_both(followed):
    raw, features = map(float, re.findall(r"0\.\d+", followed[1]))
    assert features > raw > 0.8


def test_the_block_for_node_gives_the_label(followed):
    folder, _ = followed
    (folder / "node_modules").symlink_to(NODE_MODULES)
    X, y = load_digits(return_X_y=True)
    program = blocks(README, "js")[0] + "console.log(Number(label.data[0]));"
    pixels = f"const pixels = Float32Array.from({json.dumps((X[0] / 16).tolist())});\n"
    (folder / "label.mjs").write_text(program.replace("\n\n", f"\n{pixels}\n", 1))
    assert run(need_node(), "label.mjs", cwd=folder).strip() == str(y[0])


QUICK = {"compare": ["--max-iter", "2", "--n-draws", "2"], "fit": ["--max-iter", "2"]}


def test_every_command_of_the_readme_runs(python, followed):
    folder, _ = followed
    frame = load_iris(as_frame=True).frame.rename(columns={"target": "class"})
    frame.to_csv(folder / "data.csv", index=False)
    outputs = {}
    for command in commands(README):
        _, verb, *words = command.split()
        if verb != "serve":  # tests/serving does, for a port that is free
            outputs[verb] = run(python, "-I", "-m", "vaefeat", verb, *words, *QUICK.get(verb, ()), cwd=folder)
    assert list(outputs) == ["compare", "fit", "info", "verify"]
    assert (folder / "model" / "model.onnx").exists()
    assert "over raw" in outputs["compare"]
