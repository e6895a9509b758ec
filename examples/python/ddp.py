"""The original case by DistributedDataParallel: processes that share each step of 10 samples.

    torchrun --nproc-per-node 2 ddp.py cassandra://127.0.0.1/mykeyspace/mymodel

The data set is the one that original.py makes; any other with the tensors data [10] and target [1] will do, also in a folder. Name and
password for Cassandra come from RINGFEED_USER and RINGFEED_PASSWORD. The losses are those of one process, but for rounding: try
--nproc-per-node 1.
"""

from __future__ import annotations

import os
import sys

import ringfeed
import torch
from torch import distributed


def main() -> None:
    cuda = torch.cuda.is_available() and torch.cuda.device_count() >= int(os.environ["LOCAL_WORLD_SIZE"])
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    distributed.init_process_group("nccl" if cuda else "gloo")
    url = sys.argv[1] if len(sys.argv) > 1 else "cassandra://127.0.0.1/mykeyspace/mymodel"
    data = ringfeed.open(url)

    torch.manual_seed(0)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(10, 1).to(device))
    criterion = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = ringfeed.Loader(data, global_batch_size=10)  # this rank's part of each step
    for epoch in range(10):
        total = torch.zeros(1, device=device)
        for batch in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch["data"].to(device)), batch["target"].to(device))
            (loss * batch.weight).backward()  # ranks may have different numbers of samples: the weight makes the mean that of the step
            optimizer.step()
            total += loss.detach() * batch.size
        distributed.all_reduce(total)
        if distributed.get_rank() == 0:
            print(f"epoch {epoch}: loss {total.item() / len(data):.6f}", flush=True)


if __name__ == "__main__":
    main()
    distributed.destroy_process_group()  # when model and tensors are gone: no thread of Gloo's lets go of one while Python ends
