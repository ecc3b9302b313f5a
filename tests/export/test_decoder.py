import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from vaefeat import M2Classifier, OnnxModel, VAEEncoderTransformer, export_decoder, mask_labels, verify
from vaefeat.exceptions import ExportError, ParityError
from vaefeat.export import proof as room

Z = np.random.default_rng(1).standard_normal((5, 4))


def card_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def test_the_file_gives_what_the_estimator_gives(vae, tmp_path):
    path = export_decoder(vae, tmp_path / "decoder.onnx")
    decoder = OnnxModel.load(path)
    assert (decoder.input_name, decoder.output_names) == ("Z", ["x_mean", "x_logits"])
    assert_array_equal(decoder.run(Z)["x_mean"], vae.inverse_transform(Z))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["decoder.json", "decoder.md", "decoder.onnx"]


def test_the_file_verifies_by_its_golden_rows(vae, tmp_path):
    checks = verify(export_decoder(vae, tmp_path / "decoder.onnx"))
    assert [check.passed for check in checks] == [True, True, True]


def test_the_card_says_what_the_decoder_takes_and_gives_and_what_its_units_tell(vae, digits, tmp_path):
    shaped = clone(vae).set_params(image_shape=(8, 8)).fit(digits[0])
    card = card_of(export_decoder(shaped, tmp_path / "decoder.onnx", card={"name": "my decoder"}))
    assert card["name"] == "my decoder"
    assert card["inputs"]["name"] == "Z"
    assert card["inputs"]["n_features"] == 4
    assert list(card["outputs"]) == ["x_logits", "x_mean"]
    assert card["image_shape"] == [8, 8]
    assert card["training"]["kl_per_unit_nats"] == pytest.approx(shaped.kl_per_unit_)
    assert card["training"]["epochs"] == 2


def test_a_gaussian_decoder_gives_the_mean_alone(digits, tmp_path):
    vae = VAEEncoderTransformer(2, hidden_layer_sizes=(8,), max_iter=1, random_state=0).fit(digits[0])
    path = export_decoder(vae, tmp_path / "decoder.onnx")
    assert OnnxModel.load(path).output_names == ["x_mean"]
    assert card_of(path)["image_shape"] is None


def test_the_decoder_of_a_classifier_takes_latents_and_classes(digits, tmp_path):
    X, y = digits
    m2 = M2Classifier(3, hidden_layer_sizes=(32,), likelihood="bernoulli", max_iter=15, random_state=0)
    m2.fit(X, mask_labels(y, 500, random_state=0))
    path = export_decoder(m2, tmp_path / "decoder.onnx")
    decoder = OnnxModel.load(path)
    assert (decoder.input_name, decoder.n_features) == ("ZY", 13)
    assert card_of(path)["training"]["kl_per_unit_nats"] is None


def test_exporting_twice_gives_the_same_bytes(vae, tmp_path):
    one, other = (export_decoder(vae, tmp_path / folder / "decoder.onnx") for folder in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    assert one.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()


def test_where_the_evaluators_disagree_nothing_is_written(vae, tmp_path, monkeypatch):
    monkeypatch.setattr(
        room, "_run_by_reference", lambda proto, rows: {"x_mean": 0 * rows, "x_logits": 0 * rows}
    )
    with pytest.raises(ParityError):
        export_decoder(vae, tmp_path / "decoder.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (PCA(2).fit(np.eye(4)), ExportError, "PCA has no decoder, expected a VAEEncoderTransformer"),
        (VAEEncoderTransformer(2), NotFittedError, "not fitted yet"),
        (None, TypeError, "not an estimator instance"),
    ],
)
def test_what_has_no_decoder_is_refused_in_words(estimator, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_decoder(estimator, tmp_path / "decoder.onnx")
    assert list(tmp_path.iterdir()) == []


def test_entries_that_are_the_exporter_s_own_are_refused(vae, tmp_path):
    with pytest.raises(ExportError, match=r"\['golden'\] are the exporter's own"):
        export_decoder(vae, tmp_path / "decoder.onnx", card={"golden": {}})


def test_a_path_with_another_ending_is_refused(vae, tmp_path):
    with pytest.raises(ExportError, match=r"expected one that ends in \.onnx"):
        export_decoder(vae, tmp_path / "decoder.pb")
