"""A stock GCN of PyTorch Geometric on learned graphs and on those of raw features: nMSE on vectors that neither has seen.

    python examples/torch/gcn.py DATA.h5 NEIGHBOURS GRAPH0.h5 GRAPH1.h5 ...

GRAPHs are what `espalier graph -eval_set s` writes of the test sets of DATA, in their order. Trained on all sets but the last of
the smallest size and those that are larger, which are judged. jobscripts/gcn.sh runs all of it.
"""
import sys
import time

import h5py
import torch
from torch_geometric.nn.models import GCN

EPOCHS, HIDDEN, SEEDS = 150, 32, 2


def read(data, paths, neighbours):
    """A dictionary a set: rows x, y; by kind of graph edges [2][edges] (senders, receivers) and weights."""
    with h5py.File(data) as file:
        columns = {name: torch.tensor(file["test"][name][:], dtype=torch.float32) for name in "xvy"}
        ranges = file["test/sets"][:]
    sets = []
    for (n, first), path in zip(ranges, paths):
        x, v, y = (columns[name][first:first + n].view(n, -1) for name in "xvy")
        with h5py.File(path) as file:
            senders, weight = torch.tensor(file["indices"][:]), torch.tensor(file["weight"][:], dtype=torch.float32)
            receivers = torch.arange(n).repeat_interleave(torch.tensor(file["indptr"][:]).diff())
        nearest = torch.cat([torch.cdist(part, x).topk(neighbours + 1, largest=False).indices[:, 1:] for part in x.split(1024)])
        raw = torch.stack([nearest.flatten(), torch.arange(n).repeat_interleave(neighbours)])
        edges = torch.stack([senders, receivers])
        sets.append({"x": torch.cat([x, v], 1), "y": y, "learned": (edges, weight), "raw features": (raw, None)})
    return sets


def train(sets, kind, seed, **model):
    torch.manual_seed(seed)
    net = GCN(sets[0]["x"].shape[1], HIDDEN, 2, 1, **model)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(EPOCHS):
        optimiser.zero_grad()
        for one in sets:
            edges, weight = one[kind]
            torch.nn.functional.mse_loss(net(one["x"], edges, edge_weight=weight), one["y"]).backward()
        optimiser.step()
    return net


def judge(net, one, kind):
    edges, weight = one[kind]
    with torch.no_grad():
        missed = (net(one["x"], edges, edge_weight=weight) - one["y"]).square().mean()
    return float(missed / one["y"].var(unbiased=False))


sets = read(sys.argv[1], sys.argv[3:], int(sys.argv[2]))
small = [one for one in sets if len(one["y"]) == len(sets[0]["y"])]
judged = [small[-1]] + sets[len(small):]
print("graph, normalisation, nMSE of seeds at n = " + "; ".join(str(len(one["y"])) for one in judged))
for normalize in (True, False):
    for kind in ("raw features", "learned"):
        start = time.process_time()
        nets = [train(small[:-1], kind, seed, normalize=normalize, add_self_loops=normalize) for seed in range(SEEDS)]
        told = "; ".join(" ".join(f"{judge(net, one, kind):.4f}" for net in nets) for one in judged)
        print(f"{kind}, {'symmetric' if normalize else 'none'}: {told}   ({time.process_time() - start:.0f} s)", flush=True)
