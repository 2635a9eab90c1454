"""The devices on which a net can compute."""

from __future__ import annotations

import torch


def check_device(device: str | torch.device) -> str:
    """Return the name of a torch device that can be used here.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes CUDA where it is available, else the CPU.

    Returns
    -------
    str
        The name of the device.

    Raises
    ------
    ValueError
        If torch does not know the device, or cannot use it here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}. "
            "Use device='cpu' or device='auto'."
        ) from error
    return str(torch.device(device))
