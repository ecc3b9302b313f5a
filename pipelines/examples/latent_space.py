# %% [markdown]
# # Exploring a latent space
# Two latent units are few enough to be looked at: where samples lie, what lies between them, and how the
# reconstructions became what they are.

# %%
import os

from matplotlib import pyplot as plt

from vaefeat import (
    InterpolationDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    ReconstructionSnapshots,
    SamplesDisplay,
    VAEEncoderTransformer,
    load_dataset,
)

EPOCHS = 2 if os.environ.get("SMOKE") else 200
digits = load_dataset("digits")

# %% [markdown]
# ## Train, and watch
# The callback keeps how some samples are reconstructed after so many epochs.

# %%
snapshots = ReconstructionSnapshots(digits.X[:5])
vae = VAEEncoderTransformer(
    2, likelihood="bernoulli", max_iter=EPOCHS, callbacks=[snapshots], random_state=0
).fit(digits.X)
ReconstructionDisplay.from_snapshots(snapshots)
plt.show()

# %% [markdown]
# ## Where samples lie, and what the decoder makes of each place
# The map goes over the quantiles of the prior, so that each of its images is as probable as any other.

# %%
figure = plt.figure(figsize=(11, 5), layout="constrained")
left, right = figure.subplots(1, 2)
LatentSpaceDisplay.from_estimator(vae, digits.X_test, digits.y_test, ax=left)
ManifoldDisplay.from_estimator(vae, ax=right)
plt.show()

# %% [markdown]
# ## What lies between two samples
# With `beta=0` the VAE is nearly a plain autoencoder: nothing keeps its latent space without holes.

# %%
plain = VAEEncoderTransformer(2, likelihood="bernoulli", beta=0.0, max_iter=EPOCHS, random_state=0)
plain.fit(digits.X)
_, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
ends = digits.X_test[:5], digits.X_test[5:10]
InterpolationDisplay.from_estimator(vae, *ends, title="VAE", ax=axes[0])
InterpolationDisplay.from_estimator(plain, *ends, title="beta = 0", ax=axes[1])
plt.show()

# %% [markdown]
# ## What the prior gives

# %%
_, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for model, title, ax in zip([vae, plain], ["VAE", "beta = 0"], axes, strict=True):
    SamplesDisplay.from_estimator(model, random_state=0, ax=ax).ax_.set_title(f"Samples: {title}")
plt.show()
