"""Arrow strings as the arrays that kernels take."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def text_bytes(strings: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """(text: uint8[n_bytes], offsets: int32[n + 1], where each string begins in it); nothing is copied.

    What stands at a null is not defined.
    """
    _, offsets, text = strings.buffers()
    if len(strings) == 0:
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    begins = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1]
    return np.zeros(0, np.uint8) if text is None else np.frombuffer(text, np.uint8), begins
