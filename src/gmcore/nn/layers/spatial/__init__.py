"""Layers for rows with two spatial axes, `(height, width, channels)`, such as images."""

from gmcore.nn.layers.spatial.conv2d import Conv2d
from gmcore.nn.layers.spatial.flatten import Flatten
from gmcore.nn.layers.spatial.pool2d import AvgPool2d, MaxPool2d
from gmcore.nn.layers.spatial.reshape import Reshape

__all__ = ["AvgPool2d", "Conv2d", "Flatten", "MaxPool2d", "Reshape"]
