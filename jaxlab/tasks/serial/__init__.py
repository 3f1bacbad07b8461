"""Tasks whose answers take serial steps, each with an exact oracle and a parallel control."""
