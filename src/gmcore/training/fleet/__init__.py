"""What runs at each step and each epoch of a fleet; a workflow of one's own may use what is listed here."""

from gmcore.training.fleet.chunk import train_chunk
from gmcore.training.fleet.clock import Clock
from gmcore.training.fleet.programs import Programs
from gmcore.training.fleet.row_source import RowSource

__all__ = ["Clock", "Programs", "RowSource", "train_chunk"]
