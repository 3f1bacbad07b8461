"""Checkpoints of any origin as named arrays that are read when they are asked for.

from jaxlab import checkpoints
weights = checkpoints.open("runs/headline/all")["params/weights"].read()
"""

from jaxlab.checkpoints.opening import Checkpoint, CheckpointError, open_checkpoint
from jaxlab.checkpoints.tensors import Tensor

open = open_checkpoint

__all__ = ["Checkpoint", "CheckpointError", "Tensor", "open", "open_checkpoint"]
