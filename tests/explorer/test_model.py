import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx import helper

from tests.onnx_models import make_model
from vaefeat.exceptions import InvalidModelError
from vaefeat.explorer.model import ExploredModel
from vaefeat.runtime import OnnxModel


@pytest.fixture
def put(model_folders, tmp_path):
    """Write an encoder and a decoder, by default of a VAE with two units; return their folder."""
    folder = model_folders[0]

    def put(**files):
        for name in ("model", "decoder"):
            content = files.get(name, (folder / f"{name}.onnx").read_bytes())
            if content is not None:
                (tmp_path / f"{name}.onnx").write_bytes(content)
        return tmp_path

    return put


def identity(*outputs, width):
    """Return a model that copies its input to each output."""
    nodes = [helper.make_node("Identity", ["X"], [name]) for name in outputs]
    shape = ("N", width)
    return OnnxModel(make_model(nodes, inputs=[("X", shape)], outputs=[(name, shape) for name in outputs]))


def test_a_model_is_named_after_its_folder(model_folders):
    for folder, n_components in zip(model_folders, (2, 6), strict=True):
        model = ExploredModel.load(folder)
        assert model.name == folder.name
        assert model.n_components == n_components
        assert model.encoder.n_features == 64


def test_latents_match_the_estimator(vae, digits):
    latents = ExploredModel("vae", vae.encoder_, vae.decoder_).encode(digits[0])
    assert_array_equal(latents.z_mean, vae.transform(digits[0]))
    assert_allclose(latents.kl_per_unit, vae.kl_per_unit_, rtol=1e-6)
    assert_array_equal(latents.active_units, vae.active_units_)


@pytest.mark.parametrize("name", ["model", "decoder"])
def test_the_error_names_a_missing_file(put, name):
    with pytest.raises(FileNotFoundError, match=rf"There is no {name}\.onnx in .*, decoder\.onnx\.$"):
        ExploredModel.load(put(**{name: None}))


def test_a_file_that_is_not_a_model_is_refused(put):
    with pytest.raises(InvalidModelError, match="not an ONNX model"):
        ExploredModel.load(put(decoder=b"no model"))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"model": "decoder"},
            r"model\.onnx of .* has the outputs \['x_mean', 'x_logits'\], expected z_mean",
        ),
        ({"decoder": "model"}, r"decoder\.onnx of .* has the outputs .*, expected x_mean"),
    ],
)
def test_swapped_files_are_recognized_by_their_outputs(put, model_folders, files, message):
    contents = {name: (model_folders[0] / f"{other}.onnx").read_bytes() for name, other in files.items()}
    with pytest.raises(InvalidModelError, match=message):
        ExploredModel.load(put(**contents))


def test_a_decoder_of_another_number_of_units_is_refused(put, model_folders):
    message = "does not fit its encoder: it turns 6 latent units into 64 features, expected 2 into 64"
    with pytest.raises(InvalidModelError, match=message):
        ExploredModel.load(put(decoder=(model_folders[1] / "decoder.onnx").read_bytes()))


def test_one_latent_unit_is_too_few_for_a_plane():
    encoder, decoder = identity("z_mean", "z_log_var", width=1), identity("x_mean", width=1)
    with pytest.raises(InvalidModelError, match="line has 1 latent unit, expected at least 2"):
        ExploredModel("line", encoder, decoder)
