"""Devices: what is there, and what is refused."""

import pytest
import torch

from sk_mmoe.training._device import check_device


def test_auto_takes_cuda_where_it_is_available():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert torch.device(check_device("auto")).type == expected


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_cpu_is_always_there(device):
    assert check_device(device) == "cpu"


@pytest.mark.parametrize("device", ["toaster", "cuda:99", "", torch.device("cuda", 99)])
def test_a_device_that_cannot_be_used_is_refused_by_name(device):
    with pytest.raises(ValueError, match=f"device '{device!s}' cannot be used here: .*'cpu'"):
        check_device(device)
