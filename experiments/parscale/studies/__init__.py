"""Functions that the two longer studies measure and draw with."""
