"""The original case: 100 rows in Cassandra, and Linear(10, 1) trained on them by nn.DataParallel.

    python original.py cassandra://127.0.0.1/mykeyspace/mymodel

It makes the keyspace (SimpleStrategy, three copies) and the table (id uuid PRIMARY KEY, data vector<float, 10>, target vector<float, 1>),
as the role `username` with the password `password`. Run again, it finds its rows and trains on them.
"""

from __future__ import annotations

import sys

import ringfeed
import torch


class SimpleModel(torch.nn.Module):
    """One layer."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(10, 1)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return self.linear(data)


url = sys.argv[1] if len(sys.argv) > 1 else "cassandra://127.0.0.1/mykeyspace/mymodel"
login = {"username": "username", "password": "password"}
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)  # the same samples at each run
samples = {"data": torch.randn(100, 10), "target": torch.randn(100, 1)}
ringfeed.write(url, samples, layout="rows", create_keyspace="simple:3", **login)

model = torch.nn.DataParallel(SimpleModel()).to(device)
criterion = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loader = ringfeed.Loader(ringfeed.open(url, **login), batch_size=10)
for epoch in range(10):
    total = 0.0
    for batch in loader:
        optimizer.zero_grad()
        loss = criterion(model(batch["data"].to(device)), batch["target"].to(device))
        loss.backward()
        optimizer.step()
        total += loss.item() * batch.size
    print(f"epoch {epoch}: loss {total / len(loader.dataset):.6f}")
