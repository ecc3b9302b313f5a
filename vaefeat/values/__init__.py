"""Pure functions and small frozen objects that need only NumPy: equations, corruptions, likelihoods."""
