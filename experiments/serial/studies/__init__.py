"""What claims of long studies measure, and their figures; the claims stand in `configs/serial`."""
