"""A trained network of the program in PyTorch: net/stack.h's equations over all pairs, against `espalier predict`'s prediction.

    espalier run inputs/hidden-subspace.yaml && espalier predict inputs/hidden-subspace.yaml -tree_theta 0
    python examples/torch/predict.py out/hidden-subspace/checkpoint.h5 out/hidden-subspace/prediction.h5

(-tree_pairs_per_particle 0, too, where the input has a budget.) For net_message gate, net_embedding linear or mlp, no
net_transport; any number of layers, sums and averages, one map or two.
"""
import sys

import h5py
import torch

torch.set_default_dtype(torch.float64)
with h5py.File(sys.argv[1]) as file:
    key = {name: value.decode() if isinstance(value, bytes) else value for name, value in file.attrs.items()}
    numbers = torch.from_numpy(file["parameters"][:])
    P = {name: numbers[at:at + m * n].view(m, n) for name, (at, m, n) in file["table"].attrs.items()}
with h5py.File(sys.argv[2]) as file:
    x, v, y = (torch.from_numpy(file["test"][name][:]).view(len(file["test/y"]), -1) for name in "xvy")
assert key["net_message"] == "gate" and key["net_embedding"] in ("linear", "mlp") and not key["net_transport"], key
silu, layers = torch.nn.functional.silu, int(key["net_layers"])


def embed(map, s):
    z = s @ P[f"{map}.E"].T
    return z if key["net_embedding"] == "linear" else z + silu(s @ P[f"{map}.M1"].T + P[f"{map}.m"].T) @ P[f"{map}.M2"].T


def layer(l, s):
    k = embed(f"layer{l}.key", s)
    q = embed(f"layer{l}.query", s) if key["net_separate"] else k
    gate = torch.exp(-(q[:, None] - k[None]).square().sum(2) / (2 * torch.exp(2 * P[f"layer{l}.message.ln_s"])))
    gate = gate if key["net_include_self"] else gate.fill_diagonal_(0)
    heard = gate @ (v if l == 0 else s @ P[f"layer{l}.message.V"].T)
    heard = heard / (gate.sum(1, keepdim=True) + 0.3) if key["net_aggregate"] == "average" else heard
    a, R1, b1, R2, c = (P[f"layer{l}.update.{name}"] for name in ("a", "R1", "b1", "R2", "c"))
    o = silu(torch.cat([a * heard, s], 1) @ R1.T + b1.T) @ R2.T + c.T
    return o + a * heard @ P[f"layer{l}.update.R3"].T if key["net_linear"] else o


s = x if layers == 1 else torch.cat([x, v], 1) @ P["lift.W"].T + P["lift.b"].T
for l in range(layers):
    o = layer(l, s)
    s = s + o if l < layers - 1 and key["net_depth"] == "residual" else o
error = (s - y).square().mean().sqrt() / y.std()
print(f"{len(y)} predictions, {len(numbers)} parameters: root mean square difference {error:.1e} of their standard deviation")
sys.exit(not error < 1e-6)
