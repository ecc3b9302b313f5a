"""Forty shapes of Pipelines on a real table of measurements, integers and a flag: none is refused."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from vaefeat import OnnxModel, VAEEncoderTransformer, export_onnx

pytestmark = pytest.mark.slow

FRAME, Y = load_wine(return_X_y=True, as_frame=True)
FRAME = FRAME.assign(
    proline=FRAME["proline"].astype(int),
    magnesium=FRAME["magnesium"].astype("int16"),
    ash=FRAME["ash"].astype("float32"),
    strong=FRAME["alcohol"] > 13,
    decade=(FRAME["magnesium"] // 20).astype(int),
)


def vae():
    return VAEEncoderTransformer(3, hidden_layer_sizes=(8,), max_iter=2, random_state=0)


FRONTS = {
    "components": lambda: make_pipeline(StandardScaler(), PCA(8), vae()),
    "standard": lambda: make_pipeline(StandardScaler(), vae()),
    "min-max": lambda: make_pipeline(MinMaxScaler(), vae()),
    "robust, absolute": lambda: make_pipeline(RobustScaler(), MaxAbsScaler(), vae()),
    "quantiles": lambda: make_pipeline(QuantileTransformer(n_quantiles=50), vae()),
    "imputer": lambda: make_pipeline(SimpleImputer(), StandardScaler(), vae()),
    "categories": lambda: make_pipeline(
        make_column_transformer((OneHotEncoder(), ["decade"]), remainder=StandardScaler()), vae()
    ),
    "beside": lambda: make_pipeline(
        StandardScaler(), make_union(make_pipeline(PCA(5), vae()), FunctionTransformer())
    ),
}
ENDS = {
    "logistic": lambda: LogisticRegression(max_iter=500),
    "forest": lambda: RandomForestClassifier(10, random_state=0),
    "neighbors": lambda: KNeighborsClassifier(),
    "naive Bayes": lambda: GaussianNB(),
    "discriminant": lambda: LinearDiscriminantAnalysis(),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("front", FRONTS)
def test_a_right_file_is_written(front, end, tmp_path):
    pipe = make_pipeline(FRONTS[front](), ENDS[end]()).fit(FRAME, Y)
    path = export_onnx(pipe, tmp_path / "pipe.onnx", X=FRAME)
    labels = OnnxModel.load(path).run(FRAME)["label"]
    assert np.mean(labels == pipe.predict(FRAME)) > 0.99
