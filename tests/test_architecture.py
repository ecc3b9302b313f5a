"""Who may import whom: the walls between the rooms."""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

import vaefeat
from vaefeat import VAEEncoderTransformer
from vaefeat.values.likelihoods import LIKELIHOODS, LOSSES

PACKAGE = Path(vaefeat.__file__).parent
ROOT = PACKAGE.parent
WEB = ["starlette", "uvicorn", "httptools", "orjson"]
TRAINING = ["tensorflow", "keras", "tf2onnx", "onnx", "skl2onnx"]


class Room(NamedTuple):
    """What a room may import: when it is loaded, and later, within functions."""

    top: str
    later: str = ""


ROOMS = {
    "vaefeat": Room("", "vaefeat._optional"),
    "vaefeat.exceptions": Room(""),
    "vaefeat._optional": Room("vaefeat.exceptions"),
    "vaefeat._files": Room(""),
    "vaefeat._text": Room(""),
    "vaefeat.runtime": Room(
        "numpy onnxruntime vaefeat.data vaefeat.exceptions vaefeat._optional vaefeat._files vaefeat._text"
    ),
    "vaefeat.engines": Room("vaefeat.runtime vaefeat._optional", "distributed"),
    "vaefeat.data": Room(
        "numpy vaefeat.values vaefeat.exceptions vaefeat._optional vaefeat._files",
        "pyarrow sklearn scipy pandas PIL",
    ),
    "vaefeat.protocols": Room(""),
    "vaefeat.values": Room("numpy vaefeat.exceptions", "keras tensorflow"),
    "vaefeat.training": Room(
        "keras tensorflow numpy vaefeat.values vaefeat.data.rows vaefeat._files vaefeat.exceptions"
    ),
    "vaefeat.export": Room(
        "numpy sklearn onnx tf2onnx keras tensorflow skl2onnx onnxruntime "
        "vaefeat.__version__ vaefeat.protocols vaefeat.values vaefeat.data vaefeat.runtime "
        "vaefeat.exceptions vaefeat._optional vaefeat._files",
        "pandas",
    ),
    "vaefeat.estimators": Room(
        "numpy scipy sklearn threadpoolctl vaefeat.protocols vaefeat.values vaefeat.runtime vaefeat.data "
        "vaefeat.exceptions vaefeat._optional",
        "faiss keras tensorflow vaefeat.training vaefeat.export vaefeat.plotting",
    ),
    "vaefeat.recipes": Room("numpy sklearn vaefeat.estimators vaefeat.values", "skl2onnx"),
    "vaefeat.comparison": Room(
        "numpy sklearn threadpoolctl vaefeat._files vaefeat.estimators vaefeat.data vaefeat.recipes",
        "matplotlib scipy",
    ),
    "vaefeat.fitting": Room(
        "numpy sklearn threadpoolctl vaefeat._files vaefeat.exceptions vaefeat.values vaefeat.data "
        "vaefeat.estimators vaefeat.recipes vaefeat.comparison",
        "matplotlib skl2onnx vaefeat.export vaefeat.plotting vaefeat.protocols",
    ),
    "vaefeat.plotting": Room(
        "numpy vaefeat.protocols vaefeat.values vaefeat._optional vaefeat.exceptions", "matplotlib sklearn"
    ),
    "vaefeat.explorer": Room(
        "numpy vaefeat.__version__ vaefeat._files vaefeat.runtime vaefeat.data "
        "vaefeat.values vaefeat.exceptions"
    ),
    # What all protocols share knows no web library.
    "vaefeat.serving": Room(
        "numpy prometheus_client vaefeat.runtime vaefeat.exceptions vaefeat._text", "uvloop"
    ),
    "vaefeat.serving.http": Room(
        "httptools numpy orjson starlette uvicorn vaefeat.__version__ vaefeat.serving vaefeat.runtime"
    ),
    "vaefeat.serving.grpc": Room("google grpc numpy vaefeat.__version__ vaefeat.serving vaefeat.runtime"),
    "vaefeat.cli": Room(
        "typer rich vaefeat.__version__ vaefeat.exceptions vaefeat._optional vaefeat._text", "anything"
    ),
    "vaefeat.cli._models": Room(
        "rich vaefeat.cli vaefeat.data vaefeat.runtime vaefeat.exceptions", "vaefeat.engines"
    ),
    "vaefeat.cli._serve": Room("rich vaefeat.cli vaefeat.runtime vaefeat._optional", "anything"),
    "vaefeat.cli._explore": Room("rich vaefeat.cli vaefeat.explorer vaefeat.data"),
    "vaefeat.__main__": Room("vaefeat.cli"),
}
PUBLIC = [
    *(f"vaefeat.{name}" for name in vaefeat.__all__),
    *[
        "vaefeat",
        "vaefeat.comparison",
        "vaefeat.data",
        "vaefeat.engines",
        "vaefeat.exceptions",
        "vaefeat.fitting",
    ],
    *["vaefeat.plotting", "vaefeat.recipes", "vaefeat.runtime"],
]
# Benchmarks time the engine by itself, and weigh the memory that it takes. One experiment has its own model.
ENGINE = ["vaefeat.training", "vaefeat.export.networks", "vaefeat.values"]
CLIENTS_OF_ENGINE = [
    "pipelines.benchmarks",
    *("pipelines.experiments.fine_tuning", "pipelines.experiments.joint_m1_m2"),
]


class Import(NamedTuple):
    module: str
    later: bool


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Return what a file imports, other than the standard library and for type checkers only."""
    found = set()

    def visit(node, later):
        if isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING":
            return
        for module in imported_modules(node):
            if module.split(".")[0] not in sys.stdlib_module_names:
                found.add(Import(module, later))
        for child in ast.iter_child_nodes(node):
            visit(child, later or isinstance(node, ast.FunctionDef | ast.Lambda))

    visit(ast.parse(path.read_text()), later=False)
    return found


def imported_modules(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if is_module(name) or node.module == "vaefeat" else node.module for name in names]
    if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "import_optional":
        return [node.args[0].value] if isinstance(node.args[0], ast.Constant) else []
    return []


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def is_within(module, room):
    # The package itself stands for its light face alone, not for all that lies below it.
    return module == room or (room != "vaefeat" and module.startswith(f"{room}."))


def room_of(module):
    """Return the most special entry of the table for a module of ours."""
    return max((room for room in ROOMS if is_within(module, room)), key=len, default=None)


def is_allowed(imported, room):
    rules = ROOMS[room]
    allowed = rules.top.split() + (rules.later.split() if imported.later else [])
    return "anything" in allowed or any(is_within(imported.module, name) for name in (room, *allowed))


GENERATED = "_pb2.py"
LIBRARY = {
    module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if not path.name.endswith(GENERATED)
}
CLIENTS = {module_name(path): path for path in sorted((ROOT / "pipelines").rglob("*.py"))}


@pytest.mark.parametrize("module", LIBRARY)
def test_every_module_has_its_place_in_the_table(module):
    assert room_of(module)


@pytest.mark.parametrize("module", LIBRARY)
def test_a_module_imports_what_its_room_may(module):
    room = room_of(module)
    assert [imported for imported in sorted(imports(LIBRARY[module])) if not is_allowed(imported, room)] == []


@pytest.mark.parametrize("module", LIBRARY)
def test_the_library_imports_no_client_of_its_own(module):
    assert "pipelines" not in {imported.module.split(".")[0] for imported in imports(LIBRARY[module])}


@pytest.mark.parametrize("module", [name for name in LIBRARY if is_within(name, "vaefeat.serving")])
def test_what_protocols_share_and_each_protocol_import_no_other_protocol(module):
    def protocol(name):
        path = PACKAGE / "serving" / "".join(name.split(".")[2:3])
        return path.name if name.startswith("vaefeat.serving.") and path.is_dir() else None

    found = {protocol(imported.module) for imported in imports(LIBRARY[module])}
    assert found <= {None, protocol(module)}


@pytest.mark.parametrize("module", CLIENTS)
def test_clients_import_public_names(module):
    is_of_engine = any(is_within(module, name) for name in CLIENTS_OF_ENGINE)
    allowed = PUBLIC + (ENGINE if is_of_engine else [])
    ours = [imported.module for imported in imports(CLIENTS[module]) if imported.module.startswith("vaefeat")]
    assert [name for name in ours if not any(is_within(name, other) for other in allowed)] == []


def test_the_walk_sees_imports_at_the_top_and_later_and_not_those_for_type_checkers(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import os, numpy.linalg\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import keras\n"
        "class C:\n    import rich\n"
        "def f():\n    from vaefeat.training import loop\n    from vaefeat import compare\n"
        "    import_optional('pandas', 'train')\n"
        "try:\n    import scipy\nexcept ImportError:\n    pass\n"
    )
    assert imports(path) == {
        Import("numpy.linalg", later=False),
        Import("rich", later=False),
        Import("scipy", later=False),
        Import("vaefeat.training.loop", later=True),
        Import("vaefeat.compare", later=True),
        Import("pandas", later=True),
    }


@pytest.mark.parametrize(
    ("module", "imported", "allowed"),
    [
        ("vaefeat.runtime.model", Import("vaefeat.runtime.inspection", later=False), True),
        ("vaefeat.runtime.model", Import("onnx", later=True), False),
        ("vaefeat.runtime.model", Import("vaefeat.estimators", later=True), False),
        ("vaefeat.estimators._vae", Import("keras", later=True), True),
        ("vaefeat.estimators._vae", Import("keras", later=False), False),
        ("vaefeat.estimators._vae", Import("vaefeat.values.objectives", later=False), True),
        ("vaefeat.estimators._vae", Import("vaefeat.training.loop", later=False), False),
        ("vaefeat.values.objectives", Import("tensorflow", later=False), False),
        ("vaefeat.export.estimator", Import("vaefeat.compare", later=True), False),
        ("vaefeat.cli", Import("vaefeat.comparison", later=False), False),
        ("vaefeat.serving.core", Import("starlette.types", later=True), False),
        ("vaefeat.serving.http.app", Import("starlette.types", later=False), True),
    ],
)
def test_the_table_says_no_where_it_should(module, imported, allowed):
    assert is_allowed(imported, room_of(module)) == allowed


# --- what a file may ask of another's objects ---

LIKELIHOOD_NAMES = {*LIKELIHOODS, *LOSSES}
NETWORK_ATTRIBUTES = {"encoder_", "decoder_", "classifier_"}
# Methods of named tuples and a function of os, which are public in spite of their names, and two functions of
# scikit-learn's that have no public equivalent: one takes rows of a frame as well as of an array, the other
# writes the parts of its diagrams.
PUBLIC_DESPITE_UNDERSCORE = {"_asdict", "_exit", "_replace", "_repr_html_inner", "_safe_indexing"}
CONFIGS = {
    node.name
    for path in LIBRARY.values()
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.ClassDef) and node.name.endswith("Config")
}


def constants(*nodes):
    return {part.value for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant)}


def called(node):
    """Return the name of the function or class that is called, without its module."""
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "id", None) or getattr(node.func, "attr", None)


def compares_likelihood_names(node):
    return isinstance(node, ast.Compare) and LIKELIHOOD_NAMES & constants(node)


def asks_for_image_warp(node):
    return called(node) == "isinstance" and "ImageWarp" in ast.unparse(node.args[1])


def probes_for_networks(node):
    return called(node) in ("hasattr", "getattr") and NETWORK_ATTRIBUTES & constants(*node.args[1:])


def reads_private_attribute(node):
    if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
        return False
    is_own = getattr(node.value, "id", None) in ("self", "cls") or called(node.value) == "super"
    return not is_own and node.attr not in PUBLIC_DESPITE_UNDERSCORE


def configures_by_position(node):
    return called(node) in CONFIGS and node.args


RULES = {
    # rule: the room to which it does not apply
    compares_likelihood_names: "vaefeat.values",
    asks_for_image_warp: "vaefeat.values.corruptions",
    probes_for_networks: None,
    reads_private_attribute: None,
    configures_by_position: None,
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_to_what_others_make_public(rule):
    found = [
        f"{module}:{node.lineno}: {ast.unparse(node)}"
        for module, path in LIBRARY.items()
        if RULES[rule] is None or not is_within(module, RULES[rule])
        for node in ast.walk(ast.parse(path.read_text()))
        if rule(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("rule", "violation", "allowed"),
    [
        (compares_likelihood_names, "x.name in ('gaussian', 'poisson')", "x.name == other.name"),
        (asks_for_image_warp, "isinstance(x, (int, ImageWarp))", "isinstance(x, Corruption)"),
        (probes_for_networks, "hasattr(x, 'decoder_')", "hasattr(x, 'history_')"),
        (reads_private_attribute, "model._likelihood", "self._likelihood, row._asdict(), super()._check()"),
        (configures_by_position, "networks.NetworkConfig(2, 3)", "NetworkConfig(n_inputs=2, n_outputs=3)"),
    ],
)
def test_each_rule_finds_violations_and_nothing_else(rule, violation, allowed):
    assert any(rule(node) for node in ast.walk(ast.parse(violation)))
    assert not any(rule(node) for node in ast.walk(ast.parse(allowed)))


# --- what is really loaded ---


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import vaefeat, vaefeat.runtime, vaefeat.data, vaefeat.cli",
            [*TRAINING, "sklearn", "scipy", "pandas", "pyarrow", "matplotlib"],
        ),
        (
            "import vaefeat.serving.core, vaefeat.serving.service",
            ["starlette", "uvicorn", "httptools", "orjson"],
        ),
        ("import vaefeat.serving.http.server", [*TRAINING, "sklearn", "scipy", "pandas", "matplotlib"]),
        ("import vaefeat.estimators", [*TRAINING, "matplotlib"]),
        ("import vaefeat.comparison", [*TRAINING, "matplotlib"]),
        ("import vaefeat.export", ["tensorflow", "keras", "tf2onnx", "skl2onnx", "sklearn"]),
        ("from vaefeat import VAEEncoderTransformer as V; V().get_params(); repr(V())", TRAINING),
    ],
)
def test_importing_a_room_loads_nothing_of_the_heavier_ones(statement, absent, run_fresh):
    loaded = run_fresh(f"import sys\n{statement}\nprint(*sys.modules)").split()
    assert sorted(set(absent) & set(loaded)) == []


def test_a_fitted_pipeline_predicts_where_tensorflow_cannot_be_imported(digits, tmp_path, run_fresh):
    X, y = digits
    encoder = VAEEncoderTransformer(4, hidden_layer_sizes=(16,), max_iter=1, random_state=0)
    pipe = make_pipeline(MinMaxScaler(), encoder, LogisticRegression(max_iter=1_000)).fit(X[:500], y[:500])
    joblib.dump((pipe, X[500:]), tmp_path / "pipe.joblib")
    script = f"""
        import joblib, sys
        pipe, X = joblib.load({str(tmp_path / "pipe.joblib")!r})
        joblib.dump((pipe.predict(X), pipe.predict_proba(X)), {str(tmp_path / "answer.joblib")!r})
        print(*sys.modules)
    """
    loaded = run_fresh(script, absent=TRAINING).split()
    labels, probabilities = joblib.load(tmp_path / "answer.joblib")
    assert_array_equal(labels, pipe.predict(X[500:]))
    assert_array_equal(probabilities, pipe.predict_proba(X[500:]))
    assert len(np.unique(labels)) > 1
    assert not set(TRAINING) & set(loaded)
