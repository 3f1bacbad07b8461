"""Softmax with cross-entropy learns peaked distributions as loss ~ τ^(-1/3) (arXiv 2602.03685)."""
