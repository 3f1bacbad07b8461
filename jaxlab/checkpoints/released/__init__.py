"""Released models: a folder with config.json and safetensors, read into the lab's own decoder.

from jaxlab.checkpoints import released
model = released.open_model("models/ParScale-1.8B-P4")
logits_BxTxV = model.streams.apply(model.params(), tokens_BxT, model.smoothing)
"""

from jaxlab.checkpoints.released.model import (
    FAMILIES,
    Released,
    is_released,
    open_model,
)
from jaxlab.checkpoints.released.writing import describe, write_model

__all__ = ["FAMILIES", "Released", "describe", "is_released", "open_model", "write_model"]
