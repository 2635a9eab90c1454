"""Train one model in several processes, each of which computes a share of every batch.

Start it on one machine with two processes::

    torchrun --standalone --nproc-per-node=2 train.py model.safetensors

Without torchrun it trains in one process, with the same result up to rounding.
"""

import os
import sys

import torch.distributed as dist

from sk_mmoe import MMoERegressor, save_model
from sk_mmoe.datasets import make_multitask_sinusoid


def main(path: str) -> None:
    """Train, and save the model."""
    rank = int(os.environ.get("RANK", "0"))
    if "RANK" in os.environ:  # set by torchrun
        dist.init_process_group("gloo")  # "nccl" for GPUs
    X, y = make_multitask_sinusoid(2000, n_features=20, random_state=0)
    model = MMoERegressor(
        max_iter=10,
        verbose=rank == 0,
        random_state=0,  # an integer, so that all processes draw the same
        net_params={"distributed": True},
    ).fit(X, y)
    if rank == 0:
        save_model(model, path)
    if dist.is_initialized():
        dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
