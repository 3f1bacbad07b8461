"""ParScale: P learned streams of one model act like O(log P) more parameters (arXiv 2505.10475)."""
