"""The kinds of arrays that text, and the figures in it, are worked on with."""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Words = NDArray[np.uint64]
