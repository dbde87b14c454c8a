"""A learned relation in Python: the program's bits, the same on one rank and on all, in any order; networks that are pickled, saved,
gone on with; and what is wrong is an exception on every rank."""
import copy
import os
import pickle
import subprocess

import numpy as np

import espalier
from told import raises

rank, size = int(os.environ.get("OMPI_COMM_WORLD_RANK", 0)), int(os.environ.get("OMPI_COMM_WORLD_SIZE", 1))
n, sets, number = 150, 3, np.arange(150)
rng = np.random.default_rng(1)
x, v = rng.normal(size=(sets, n, 4)), rng.normal(size=(sets, n, 1))
gate = np.exp(-2 * ((x[:, :, None] - x[:, None])[..., :2]**2).sum(-1)) * (1 - np.eye(n))
X, y = np.concatenate([x, v], 2), gate @ v
SETTINGS = dict(net_layers=1, net_dim=3, tree_leaf=4, tree_block=8, tree_theta=0.35, train_steps=40, train_lr=0.03)


# it learns, and for y of one dimension predicts one
model = espalier.Relation(sent=1, **SETTINGS)
raises(espalier.NotFittedError, "call fit", model.predict, X[0])
assert model.fit(X, y) is model and len(model.loss_curve_) == 40 and model.n_features_in_ == 5
guess = model.predict(X[0])
assert guess.shape == (n, 1) and model.score(X[0], y[0]) > 0.3, model.score(X[0], y[0])
assert np.mean(model.loss_curve_[-5:]) < 0.7 * np.mean(model.loss_curve_[:5])
flat = espalier.Relation(sent=1, **SETTINGS).fit(list(X), list(y[..., 0]))
assert flat.predict(X[0]).shape == (n,) and (flat.predict(X[0]) == guess[:, 0]).all()
assert all((one == two).all() for one, two in zip(model.predict(list(X)), model.predict(X)))

# the same bits over all ranks, in another order of the rows
mine = rng.permutation(n)
mine = mine[mine % (size + 1) % size == rank]  # uneven
whole = espalier.Relation(sent=1, comm="world", **SETTINGS)
whole.fit([a[mine] for a in X], [a[mine] for a in y], id=[mine] * sets)
assert whole.loss_curve_ == model.loss_curve_
assert (whole.predict(X[0][mine], id=mine) == guess[mine]).all()
place = model.embed(X[0])
assert place.shape == (n, 3) and (whole.embed(X[0][mine], id=mine) == place[mine]).all()

# the nearest are the nearest, on all ranks; as a matrix, where SciPy is installed
neighbor, weight = model.neighbors(X[0], 5)
distance = np.linalg.norm(place[:, None] - place[None], axis=2) + np.diag(np.full(n, np.inf))
assert (neighbor == np.argsort(distance, axis=1, kind="stable")[:, :5]).all()
assert weight.shape == (n, 5) and (np.diff(weight, axis=1) <= 0).all() and (weight > 0).any() and (weight <= 1).all()
theirs = whole.neighbors(X[0][mine], 5, id=mine)
assert (theirs[0] == neighbor[mine]).all() and (theirs[1] == weight[mine]).all()
few = model.neighbors(X[0][:3], 5)
assert (few[0][:, 2:] == -1).all() and (few[1][:, 2:] == 0).all() and (few[0][:, :2] >= 0).all()
try:
    graph = model.neighbors_graph(X[0], 5)
    assert graph.shape == (n, n) and graph.nnz == 5 * n and (graph[7, neighbor[7]].toarray() == weight[7]).all()
    assert model.neighbors_graph(X[0][:3], 5).nnz == 6
    raises(ValueError, "over a communicator", whole.neighbors_graph, X[0])
except ImportError:
    pass

# a cut of the learned tree
owner, slot = model.partition(X[0])
assert (owner == 0).all() and sorted(slot) == list(range(n))
owner, there = whole.partition(X[0][mine], id=mine)
assert (there == slot[mine]).all() and set(owner) <= set(range(size))

# copies: by pickle, by a file, of what is not fitted
for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
    assert (other.predict(X[0]) == guess).all() and other.get_params() == model.get_params()
    assert other.loss_curve_ == model.loss_curve_
assert copy.copy(espalier.Relation(2, net_dim=3)).get_params() == {"sent": 2, "comm": None, "net_dim": 3}
path = os.path.join(os.getcwd(), "checkpoint.h5")
whole.save(path)
own = os.path.join(os.getcwd(), f"own{rank}.h5")
model.save(own)
again = espalier.Relation.load(own)
assert (again.predict(X[0]) == guess[:, 0]).all() and again.sent == 1
again = espalier.Relation.load(path, comm="world", tree_theta=0)
exact = again.predict(X[0][mine], id=mine)
assert 0 < abs(exact - guess[mine, 0]).max() < 0.05 * guess.std()
again.close()
raises(espalier.NotFittedError, "load", again.predict, X[0])

# going on: the second half of a training is not the first again, nor is a network after fit the one before
model.partial_fit(X, y)
assert len(model.loss_curve_) == 80 and model.score(X[0], y[0]) > flat.score(X[0], y[0])
assert model.set_params(train_steps=3, net_dim=2).fit(X[0], y[0]).embed(X[0]).shape == (n, 2)

# who watches is told each step and may end it; what goes wrong there comes out here
seen = []
model.fit(X[0], y[0], progress=lambda step: seen.append((step.step, step.steps, step.loss)) or step.step == 2)
assert [one[:2] for one in seen] == [(1, 3), (2, 3)] and [one[2] for one in seen] == model.loss_curve_


def interrupt(step):
    raise KeyboardInterrupt


raises(KeyboardInterrupt, "", model.fit, X[0], y[0], progress=interrupt)
whole.fit(X[0][mine], y[0][mine], id=mine, progress=lambda step: rank == size - 1 and step.step == 5)
assert len(whole.loss_curve_) == 5

# weights: of rows that do not count
half = np.where(number < n / 2, 1., 0.)
spoilt = np.where(half[:, None] > 0, y[0], 1e3)
short = dict(SETTINGS, train_steps=5)
one, two = (espalier.Relation(**short).fit(X[0], target, sample_weight=half) for target in (y[0], spoilt))
assert one.loss_curve_ == two.loss_curve_ and np.isfinite(one.loss_curve_).all()

# what is wrong
fit = espalier.Relation(sent=1, **short).fit
raises(ValueError, "'net_layrs'|'net_layers'", espalier.Relation(net_layrs=2).fit, X[0], y[0])
raises(ValueError, "net_dim|64", espalier.Relation(net_dim=65).fit, X[0], y[0])
raises(ValueError, "5 columns, the last 5", espalier.Relation(sent=5).fit, X[0], y[0])
raises(ValueError, "y has shape (149, 1)", fit, X[0], y[0][1:])
raises(ValueError, "3 sets in X, 2 in y", fit, X, y[:2])
raises(ValueError, "different numbers", fit, [X[0], X[1][:, 1:]], list(y[:2]))
raises(ValueError, "X has 4 columns|fitted to 5", model.predict, X[0][:, 1:])
raises(OSError, "nowhere.h5", espalier.Relation.load, "nowhere.h5")
raises(ValueError, "nan", fit, X[0], y[0] * np.nan)
if size > 1:  # one rank's mistake ends the call on all
    few = y[0][mine][rank:]
    for function in (espalier.Relation(comm="world", **short).fit, whole.partial_fit):
        raises(ValueError, "y has shape" if rank else "", function, X[0][mine], few)
    raises(ValueError, "columns" if rank else "rank 1", whole.predict, X[0][mine][:, rank:])
    raises(ValueError, "differ", espalier.Relation(comm="world", net_dim=2 + rank).fit, X[0][mine], y[0][mine])
    raises(TypeError, "save", pickle.dumps, whole)

# the program: trained by it on a file of these sets, the same parameters and predictions
try:
    import h5py
except ImportError:
    raise SystemExit from None
if size == 1:
    with h5py.File("sets.h5", "w") as file:
        file.attrs["format"] = "espalier set"
        for part, s in (("train", [0, 1, 2]), ("test", [0])):
            for name, a in (("x", x), ("v", v), ("y", y)):
                file[f"{part}/{name}"] = np.concatenate([a[i] for i in s])
            file[f"{part}/sets"] = [(n, n * i) for i in s]
    keys = [word for key, value in SETTINGS.items() for word in (f"-{key}", str(value))]
    source = ["-data_task", "relation", "-data_law", "file", "-data_file", "sets.h5", "-run_name", "own"]
    for verb in ("generate", "train", "predict"):
        told = subprocess.run([os.environ["ESPALIER_PROGRAM"], verb, *source, *keys], capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
    theirs = h5py.File("out/own/checkpoint.h5")["parameters"][:]
    assert (theirs == h5py.File(own)["parameters"][:]).all()
    assert (h5py.File("out/own/prediction.h5")["test/y"][:].ravel() == guess[:, 0]).all()
    assert (espalier.Relation.load("out/own/checkpoint.h5").predict(X[0]) == guess[:, 0]).all()
