"""Pure functions and small frozen objects that need NumPy alone: equations, corruptions, likelihoods."""
