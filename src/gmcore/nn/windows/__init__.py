"""Windows that slide over the spatial axes of arrays: their geometry, convolution and pooling."""

from gmcore.nn.windows.blocks import in_blocks
from gmcore.nn.windows.convolution import Convolution
from gmcore.nn.windows.functions import Bilinear, WindowFunctions
from gmcore.nn.windows.geometry import Windows
from gmcore.nn.windows.padding import check_padding
from gmcore.nn.windows.patches import Patches
from gmcore.nn.windows.pooling import avg_pool, max_pool, pooling_windows

__all__ = [
    "Bilinear",
    "Convolution",
    "Patches",
    "WindowFunctions",
    "Windows",
    "avg_pool",
    "check_padding",
    "in_blocks",
    "max_pool",
    "pooling_windows",
]
