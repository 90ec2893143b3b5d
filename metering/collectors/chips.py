"""What the collectors of chip telemetry share."""

import re


class ChipError(ValueError):
    """Telemetry that cannot be read; the message says where and why."""


def chip_name(model: str) -> str:
    """A vendor's name of a chip as price lists write it: `NVIDIA H100 PCIe` is `nvidia-h100-pcie`.

    `gpu` where the telemetry does not say.
    """
    return re.sub(r"[^a-z0-9.]+", "-", model.lower()).strip("-") or "gpu"
