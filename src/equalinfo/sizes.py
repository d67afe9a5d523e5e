"""Model sizes by name: the paper's five, and smaller ones of the same proportions for CPUs."""

from dataclasses import asdict, dataclass

from equalinfo.errors import EqualInfoError

# T5's relative positions; distances from the largest on share the last bucket (Raffel et al. 2020).
BUCKETS, MAX_DISTANCE = 32, 128
LARGEST_WIDTH = 1 << 20
LARGEST = {"n_layers": 1 << 10, "nominal": 1 << 50}


@dataclass(frozen=True)
class Size:
    """Dimensions of a decoder (Lester et al. 2024, table 14 of the appendix; T5 1.1 proportions)."""

    d_model: int
    n_heads: int
    n_layers: int
    d_head: int
    d_ff: int
    nominal: int  # parameters as the paper's FLOPs count them

    def __post_init__(self) -> None:
        """Raises ValueError for what is no dimension: sizes are read from files too."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LARGEST.get(name, LARGEST_WIDTH):
                raise ValueError(f"{name} {value!r} is no dimension of a model")

    @property
    def parameters(self) -> int:
        """Parameters without embeddings and norms: per layer 4 attention and 3 gated feed-forward matrices."""
        attention = 4 * self.d_model * self.n_heads * self.d_head
        return self.n_layers * (attention + 3 * self.d_model * self.d_ff)


SIZES = {
    # Not in the paper: the same shape (d_ff = 4 d), narrow enough for minutes on two cores.
    "65k": Size(64, 2, 1, 32, 256, 65_536),
    "250k": Size(128, 2, 1, 64, 512, 250_000),
    "500k": Size(128, 2, 2, 64, 512, 500_000),
    "1m": Size(128, 2, 4, 64, 512, 1_000_000),
    # The paper's.
    "3m": Size(256, 4, 3, 64, 1024, 3_000_000),
    "25m": Size(512, 8, 6, 64, 2048, 25_000_000),
    "113m": Size(768, 12, 12, 64, 3072, 113_000_000),
    "403m": Size(1024, 16, 24, 64, 4096, 403_000_000),
    "2b": Size(2048, 32, 24, 64, 8192, 2_000_000_000),
}


def size_by_name(name: str) -> Size:
    """The dimensions called `name`; EqualInfoError lists the names if there is none.

    Examples:
        >>> size_by_name("3m").parameters, size_by_name("3m").d_model
        (3145728, 256)
    """
    if name not in SIZES:
        raise EqualInfoError(f"no model size {name!r}; choose one of {', '.join(SIZES)}")
    return SIZES[name]
