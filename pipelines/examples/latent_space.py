# %% [markdown]
# # Exploring a latent space
# Two latent units are few enough to look at: where samples lie, what lies between them, and how the
# reconstructions develop during training.

# %%

import numpy as np
from matplotlib import pyplot as plt

from vaefeat import (
    AutoencoderTransformer,
    InterpolationDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    ReconstructionSnapshots,
    SamplesDisplay,
    VAEEncoderTransformer,
    load_dataset,
)
from vaefeat.plotting import ImageGridDisplay

EPOCHS = 60
digits = load_dataset("digits")

# %% [markdown]
# ## Train and watch
# The callback records the reconstructions of some samples during training.

# %%
snapshots = ReconstructionSnapshots(digits.X[:5])
vae = VAEEncoderTransformer(
    2, likelihood="bernoulli", max_iter=EPOCHS, callbacks=[snapshots], random_state=0
).fit(digits.X)
ReconstructionDisplay.from_snapshots(snapshots)
plt.show()

# %% [markdown]
# ## Where samples lie, and what the decoder returns for each place
# The map is a grid over the quantiles of the prior, so that all its images are equally probable.

# %%
figure = plt.figure(figsize=(11, 5), layout="constrained")
left, right = figure.subplots(1, 2)
LatentSpaceDisplay.from_estimator(vae, digits.X_test, digits.y_test, ax=left)
ManifoldDisplay.from_estimator(vae, ax=right)
plt.show()

# %% [markdown]
# ## What lies between two samples
# A plain autoencoder may leave holes between its codes.

# %%
plain = AutoencoderTransformer(2, loss="log_loss", max_iter=EPOCHS, random_state=0).fit(digits.X)
_, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
ends = digits.X_test[:5], digits.X_test[5:10]
InterpolationDisplay.from_estimator(vae, *ends, title="VAE", ax=axes[0])
InterpolationDisplay.from_estimator(plain, *ends, title="plain autoencoder", ax=axes[1])
plt.show()

# %% [markdown]
# ## Samples from the prior

# %%
SamplesDisplay.from_estimator(vae, random_state=0)
plt.show()

# %% [markdown]
# ## A concept is a direction
# The difference between the mean codes of heavy and of light digits makes other digits heavier or lighter;
# here digits that were in neither group.

# %%
vae = VAEEncoderTransformer(10, likelihood="bernoulli", max_iter=EPOCHS, random_state=0).fit(digits.X)
ink = digits.X.sum(axis=1)
light, heavy = (digits.X[group] for group in (ink < np.quantile(ink, 0.2), ink > np.quantile(ink, 0.8)))
concept = vae.transform(heavy).mean(axis=0) - vae.transform(light).mean(axis=0)

others = np.abs(digits.X_test.sum(axis=1) - np.median(ink)) < 1
_, first = np.unique(digits.y_test[others], return_index=True)  # one of each class
codes = vae.transform(digits.X_test[others][first])
weights = np.linspace(-3, 3, 7)
images = np.stack([vae.inverse_transform(codes + weight * concept) for weight in weights], axis=1)
columns = [f"{weight:.0f}" for weight in weights]
ImageGridDisplay(images, image_shape=(8, 8), columns=columns, title="Lighter and heavier").plot()
plt.show()
