# %% [markdown]
# # New samples of a class, and analogies
# In `M2Classifier` the class is a latent variable of its own, so that the other units hold the style.

# %%
from matplotlib import pyplot as plt

from vaefeat import AnalogyDisplay, M2Classifier, SamplesDisplay, load_dataset, mask_labels

digits = load_dataset("digits")
y = mask_labels(digits.y, 300, random_state=0)  # the others are -1
m2 = M2Classifier(6, likelihood="bernoulli", hidden_layer_sizes=(128,), max_iter=60, random_state=0)
m2.fit(digits.X, y)
print(f"accuracy on the test images: {m2.score(digits.X_test, digits.y_test):.3f}")

# %% [markdown]
# ## New digits
# Each column is a class.

# %%
SamplesDisplay.from_estimator(m2, image_shape=(8, 8), random_state=0)
plt.show()

# %% [markdown]
# ## Analogies
# The style of a digit, in all classes.

# %%
AnalogyDisplay.from_estimator(m2, digits.X_test[:6], digits.y_test[:6], image_shape=(8, 8))
plt.show()
