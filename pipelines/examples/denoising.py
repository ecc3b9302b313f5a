# %% [markdown]
# # Remove noise
# An autoencoder sees noisy images, and learns to return the clean ones.

# %%
import numpy as np
from matplotlib import pyplot as plt

from vaefeat import AutoencoderTransformer, SaltAndPepperNoise, load_dataset
from vaefeat.plotting import ImageGridDisplay

digits = load_dataset("digits")
denoiser = AutoencoderTransformer(
    20,
    loss="log_loss",
    corruption=SaltAndPepperNoise(0.25),
    output="reconstruction",
    max_iter=60,
    random_state=0,
).fit(digits.X)

# %% [markdown]
# ## New noisy images
# A quarter of the pixels are black or white.

# %%
rng = np.random.default_rng(0)
clean = digits.X_test[:8]
noisy = np.where(rng.uniform(size=clean.shape) < 0.25, rng.integers(0, 2, clean.shape), clean).astype(
    np.float32
)
restored = denoiser.transform(noisy)
for name, images in {"noisy": noisy, "restored": restored}.items():
    print(f"{name}: mean squared error {np.mean((images - clean) ** 2):.3f}")

# %% [markdown]
# ## Look

# %%
rows = ["clean", "noisy", "restored"]
ImageGridDisplay(np.stack([clean, noisy, restored]), image_shape=(8, 8), rows=rows).plot()
plt.show()
