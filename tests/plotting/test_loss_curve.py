import pytest
from sklearn.base import clone

from vaefeat import GaussianNoise, LossCurveDisplay, VAEEncoderTransformer


def labels(display):
    return [line.get_label() for line in display.lines_]


def curve(name, values):
    return f"{name}: {values[-1]:.2f}"


def test_the_elbo_and_its_terms_for_training_and_validation(vae_2):
    history = vae_2.history_
    display = LossCurveDisplay.from_estimator(vae_2)
    assert labels(display) == [
        curve("negative ELBO", history["loss"]),
        curve("reconstruction", history["reconstruction"]),
        curve("KL divergence", history["kl"]),
        curve("negative ELBO, validation", history["val_loss"]),
        curve("reconstruction, validation", history["val_reconstruction"]),
        curve("KL divergence, validation", history["val_kl"]),
    ]
    assert display.lines_[1].get_ydata().tolist() == history["reconstruction"]
    assert display.lines_[0].get_xdata().tolist() == list(range(1, len(history["loss"]) + 1))
    assert display.lines_[0].get_color() == display.lines_[3].get_color()
    assert [line.get_linestyle() for line in display.lines_] == ["-"] * 3 + ["--"] * 3


def test_a_loss_that_is_not_the_elbo_has_a_curve_of_its_own(digits):
    vae = VAEEncoderTransformer(
        2,
        hidden_layer_sizes=(8,),
        max_iter=2,
        beta=3.0,
        corruption=GaussianNoise(0.1),
        contrastive_weight=1.0,
        random_state=0,
    ).fit(digits[0])
    names = [label.split(":")[0] for label in labels(LossCurveDisplay.from_estimator(vae))]
    assert names == ["negative ELBO", "loss", "reconstruction", "KL divergence", "contrast"]


def test_the_terms_of_a_classifier(m2):
    names = [label.split(":")[0] for label in labels(LossCurveDisplay.from_estimator(m2))]
    assert names == ["loss", "bound", "cross-entropy"]


def test_the_terms_of_an_autoencoder_in_units_of_its_loss(autoencoder, digits):
    display = LossCurveDisplay.from_estimator(autoencoder)
    assert labels(display) == [curve("loss", autoencoder.loss_curve_)]
    assert display.ax_.get_ylabel() == "nats per sample"
    sparse = clone(autoencoder).set_params(loss="squared_error", l1_weight=0.1).fit(digits[0])
    display = LossCurveDisplay.from_estimator(sparse)
    assert [label.split(":")[0] for label in labels(display)] == ["loss", "reconstruction", "l1"]
    assert display.ax_.get_ylabel() == "squared error per sample"


def test_some_terms_alone(vae_2):
    display = LossCurveDisplay.from_estimator(vae_2, terms=["KL divergence"])
    assert len(display.lines_) == 2
    with pytest.raises(ValueError, match=r"Got terms \['kl'\], expected some of \['negative ELBO',"):
        display.plot(terms=["kl"])


def test_one_epoch_is_a_point():
    (line,) = LossCurveDisplay({"loss": [3.0]}).plot().lines_
    assert line.get_marker() == "o"


def test_an_untrained_estimator_has_no_curve(vae, digits):
    untrained = clone(vae).set_params(max_iter=0).fit(digits[0])
    with pytest.raises(ValueError, match="trained for 0 epochs"):
        LossCurveDisplay.from_estimator(untrained)
