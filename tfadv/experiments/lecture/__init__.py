"""Landwehr: Regularization and robustness, a lecture."""
