"""What claims of long studies measure, and their figures; claims stand in `configs/one_third`."""
