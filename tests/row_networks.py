"""A network for whole rows in which nothing holds because it is nearly conjugate."""

from jaxtyping import Array, Key

from synthetic_oversampling.transformer_toy.rows.architecture import Architecture, init
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork

ARCH = Architecture()


def random_network(key: Key[Array, ""]) -> RowNetwork:
    """Weights as at the start, but with a large read-out."""
    params = init(ARCH, key=key)
    params["readout.linear"] = params["readout.linear"] * 4.0
    return RowNetwork(arch=ARCH, params=params, about={})
