import re
from pathlib import Path

import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import vaefeat
import vaefeat.recipes
from vaefeat import OnnxModel, mask_labels

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_example_in_few_labels_runs(digits, tmp_path):
    X, y = digits
    page = (ROOT / "docs" / "few-labels.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"X": X, "y": mask_labels(y, 100, random_state=0)}
    for name in ("m1_m2", "graph"):
        program = program.replace(f"{name}.onnx", f"{tmp_path}/{name}.onnx")
    exec(program.replace("exported/", f"{ROOT}/exported/"), names)
    assert names["m1_m2"].score(X, y) > names["m1"].score(X, y) > 0.9
    assert names["graph"].score(X, y) > 0.9
    for name in ("m1_m2", "graph"):
        shipped = OnnxModel.load(tmp_path / f"{name}.onnx").run(X)["label"]
        assert_array_equal(shipped, names[name].predict(X))


@pytest.mark.slow  # an autoencoder with the default network
def test_the_example_in_autoencoders_finds_a_sample_in_the_index(digits):
    page = (ROOT / "docs" / "autoencoders.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"X": digits[0][:200]}
    exec(program, names)
    assert names["distances"][0, 0] == 0
    assert names["neighbors"].shape == (1, 5)


@pytest.mark.slow  # eleven estimators with their default networks
@pytest.mark.filterwarnings("ignore:.* features are constant:UserWarning")  # in 200 digits
def test_every_estimator_in_the_table_on_autoencoders_learns(digits):
    X, y = (array[:200] for array in digits)
    page = (ROOT / "docs" / "autoencoders.md").read_text()
    pieces = re.findall(r"^\|[^|]+\| `([^`]+\))` \|$", page, re.MULTILINE)
    names = {name: getattr(vaefeat, name) for name in vaefeat.__all__}
    names |= {"vaefeat": vaefeat, "make_pipeline": make_pipeline, "StandardScaler": StandardScaler}
    assert len(pieces) == 11
    for piece in pieces:
        estimator = eval(piece, names)
        epochs = {name: 1 for name in estimator.get_params() if name.endswith("max_iter")}
        use = "transform" if hasattr(estimator, "transform") else "predict"
        assert len(getattr(estimator.set_params(**epochs).fit(X, y), use)(X)) == len(X)
