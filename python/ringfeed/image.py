"""Pictures: the steps from their bytes to tensors, named as in torchvision.transforms.v2 (docs/images.md).

    loader = ringfeed.Loader(ds, batch_size=256, decode={"image": ringfeed.image.Train(224)})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from . import _core
from .arguments import whole
from .errors import InvalidArgumentError

__all__ = ["ImageInfo", "Steps", "Train", "Val", "decode", "probe"]
SIDE_MAX = 4096
"""Most rows and columns that a step may ask for."""


class ImageInfo(NamedTuple):
    """Facts in the head of a picture's file.

    Attributes:
        format: "jpeg", "png" or "webp".
        width, height: pixels as they are stored, before the orientation.
        channels: as they are stored: 1 gray, 3 RGB, 4 CMYK or RGBA.
        orientation: of EXIF, 1 (upright) to 8; from 5 on rows and columns change places.
    """

    format: str
    width: int
    height: int
    channels: int
    orientation: int


class Steps:
    """Steps from the bytes of a picture to a tensor [3, height, width] of uint8 or float32.

    Args:
        steps: a text, as `random_resized_crop:224,flip,normalize:imagenet`, or a list of them.

    Attributes:
        shape: of the tensor.
        dtype: "uint8", or "float32" with normalize or float among the steps.

    Raises:
        InvalidArgumentError: a step is unknown, not in its place, or the size stays open.
    """

    def __init__(self, steps: str | Sequence[str]) -> None:
        parts = [steps] if isinstance(steps, str) else steps
        if not isinstance(parts, Sequence) or not all(isinstance(part, str) for part in parts):
            raise InvalidArgumentError(f"steps are a text or a list of texts, not {steps!r:.80}")
        self._core = _core.ImageSteps.parse(",".join(parts))

    @property
    def shape(self) -> tuple[int, int, int]:
        """[3, height, width]."""
        channels, height, width = self._core.shape
        return channels, height, width

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self._core.dtype

    def for_validation(self) -> Steps:
        """The same with nothing random: random_resized_crop becomes a resize to 8/7 of its size and a center_crop,
        random_crop a center_crop; the other random steps are left out."""
        return Steps(self._core.for_validation().text)

    def __call__(self, file: bytes, *, seed: int = 0, epoch: int = 0, sample: int = 0) -> numpy.ndarray:
        """The tensor of one picture: what a Loader of this seed makes of the sample with this number in this epoch.

        Args:
            file: its bytes.
            seed, epoch, sample: what the random steps draw by.

        Raises:
            BadDataError: it cannot be decoded, or is smaller than a crop.
        """
        numbers = [whole(name, value) for name, value in (("seed", seed), ("epoch", epoch), ("sample", sample))]
        return self._core.run(bytes(file), *numbers)

    def __str__(self) -> str:
        return self._core.text

    def __repr__(self) -> str:
        return f"ringfeed.image.Steps({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Steps) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> Any:  # noqa: ANN401
        return Steps, (str(self),)


def Train(size: int) -> Steps:  # noqa: N802
    """The usual steps for training: a random crop resized to size x size, a flip, ImageNet's normalization.

    Args:
        size: rows and columns, 1 to 4,096.
    """
    return Steps(f"random_resized_crop:{whole('size', size, 1, SIDE_MAX)},flip,normalize:imagenet")


def Val(size: int) -> Steps:  # noqa: N802
    """The usual steps for validation: the shorter side resized to 8/7 of size, the middle cut out, ImageNet's
    normalization.

    Args:
        size: rows and columns, 1 to 4,096.
    """
    return Train(size).for_validation()


def decode(file: bytes) -> numpy.ndarray:
    """The pixels of a picture, uint8 [height, width, 3], upright; those of Pillow's convert("RGB").

    Args:
        file: its bytes.

    Raises:
        BadDataError: not a picture, cut off, damaged, or over the limits (docs/limits.md).
    """
    return _core.decode_image(bytes(file))


def probe(file: bytes) -> ImageInfo:
    """What the head of a picture's file says.

    Args:
        file: its bytes.

    Raises:
        BadDataError: not a picture, or over the limits (docs/limits.md).
    """
    return ImageInfo(*_core.probe_image(bytes(file)))


def steps_of(decode: Any) -> dict[str, str]:  # noqa: ANN401
    """The texts of steps by column, of what a Loader is given."""
    if decode is None:
        return {}
    if not isinstance(decode, Mapping):
        raise InvalidArgumentError(f"decode is {decode!r:.80}; it is a dict of steps by column, as {{'image': ringfeed.image.Train(224)}}")
    return {str(name): str(steps if isinstance(steps, Steps) else Steps(steps)) for name, steps in decode.items()}
