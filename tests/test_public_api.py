import ast
import inspect
import re
from pathlib import Path

import pytest

import vaefeat
from vaefeat import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    OnnxEncoderTransformer,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
)

PUBLIC = {name: getattr(vaefeat, name) for name in vaefeat.__all__}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
ESTIMATORS = [
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    OnnxEncoderTransformer,
    SupervisedEncoderTransformer,
    VAEEncoderTransformer,
]
EMPTY = inspect.Parameter.empty


def signature(function):
    """Return the parameters and their defaults, without self."""
    parameters = inspect.signature(function).parameters
    return {name: parameter.default for name, parameter in parameters.items() if name != "self"}


def documented(function):
    """Return the parameters that a numpydoc docstring lists, and what it says of their types."""
    section = re.search(
        r"^Parameters\n-+\n(.*?)(?=\n\n\w[^\n]*\n-+\n|\Z)", inspect.getdoc(function), re.S | re.M
    )
    found = re.findall(r"^(\w[\w, ]*?) : (.*)$", section.group(1), re.M) if section else []
    return {name: kind for names, kind in found for name in names.split(", ")}


def public_methods(cls):
    return [
        getattr(cls, name)
        for name, value in inspect.getmembers(cls, callable)
        if not name.startswith("_") and value.__module__.startswith("vaefeat")
    ]


FUNCTIONS = [
    *PUBLIC.values(),
    *(method for cls in CLASSES.values() for method in public_methods(cls)),
]


# --- names ---


def test_all_is_sorted_and_each_name_once():
    assert vaefeat.__all__ == sorted(set(vaefeat.__all__))


def test_all_holds_what_type_checkers_see():
    tree = ast.parse(Path(vaefeat.__file__).read_text())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"
    ]
    for_type_checkers = {alias.name for node in imports for alias in node.names} - {"import_optional"}
    assert sorted(for_type_checkers) == vaefeat.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_gives_the_object_of_that_name(name):
    assert PUBLIC[name].__name__ == name
    assert PUBLIC[name].__module__.startswith("vaefeat.")
    assert name in dir(vaefeat)


def test_rooms_export_no_name_that_is_not_public():
    from vaefeat import estimators, runtime

    for room in (estimators, runtime):
        assert room.__all__ == sorted(room.__all__)
        assert set(room.__all__) <= set(vaefeat.__all__)


@pytest.mark.parametrize("name", ["VAE", "keras", "_private"])
def test_an_unknown_attribute_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"module 'vaefeat' has no attribute '{name}'"):
        getattr(vaefeat, name)
    assert not hasattr(vaefeat, name)


# --- docstrings ---


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_everything_public_has_a_docstring_that_begins_with_a_sentence(function):
    first_line = inspect.getdoc(function).splitlines()[0]
    assert first_line.endswith((".", ":"))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_object_shows_an_example(name):
    assert ">>> " in inspect.getdoc(PUBLIC[name])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_a_documented_parameter_is_one_of_the_signature_s_and_in_its_order(function):
    parameters = list(documented(function))
    assert parameters == [name for name in signature(function) if name in parameters]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__qualname__)
def test_documented_defaults_match_the_signature(function):
    defaults = signature(function)
    for name, kind in documented(function).items():
        default = re.search(r"default=(.+)$", kind)
        if default:
            assert ast.literal_eval(default.group(1)) == defaults[name]
        if kind.endswith("optional"):
            assert defaults[name] is None


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_of_an_estimator_is_documented_with_its_default(cls):
    kinds = documented(cls)
    assert list(kinds) == list(signature(cls))
    optional = [name for name, default in signature(cls).items() if default is not EMPTY]
    assert [name for name in optional if "default=" not in kinds[name]] == []


# --- without the extras ---


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("VAEEncoderTransformer", "sklearn"),
        ("SupervisedEncoderTransformer", "sklearn"),
        ("compare", "sklearn"),
        ("export_onnx", "onnx"),
    ],
)
def test_a_missing_extra_ends_in_one_sentence_with_the_command(name, absent, run_fresh):
    script = f"""
        import vaefeat
        from vaefeat.exceptions import MissingExtraError
        try:
            vaefeat.{name}
        except MissingExtraError as exc:
            print(exc)
    """
    expected = f'{absent} is not installed. Install it with: pip install "vaefeat[train]"'
    assert run_fresh(script, absent=[absent]) == expected


def test_the_runtime_face_works_without_the_extras(run_fresh):
    script = """
        import vaefeat
        print(vaefeat.OnnxModel.__name__, vaefeat.load_dataset.__name__, vaefeat.mask_labels.__name__)
    """
    extras = ["tensorflow", "keras", "sklearn", "scipy", "pandas", "matplotlib", "joblib", "onnx", "tf2onnx"]
    assert run_fresh(script, absent=extras) == "OnnxModel load_dataset mask_labels"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "absent"),
    [
        ("vaefeat.load_dataset('digits')", "sklearn"),
        ("vaefeat.mask_labels([0, 1], 1)", "sklearn"),
        ("vaefeat.VAEEncoderTransformer(max_iter=0).fit([[0.0], [1.0]])", "keras"),
        ("vaefeat.VAEEncoderTransformer(max_iter=0).fit([[0.0], [1.0]])", "tensorflow"),
        ("vaefeat.VAEEncoderTransformer(max_iter=0).fit([[0.0], [1.0]])", "tf2onnx"),
    ],
)
def test_a_missing_extra_ends_in_the_command_also_when_it_is_needed_late(script, absent, run_fresh):
    script = f"""
import vaefeat
try:
    {script}
except vaefeat.exceptions.MissingExtraError as exc:
    print(exc)
"""
    answer = run_fresh("import vaefeat.exceptions\n" + script, absent=[absent])
    assert answer == f'{absent} is not installed. Install it with: pip install "vaefeat[train]"'
