"""A learned relation in scikit-learn's manner: who hears whom, found from the answers."""
from __future__ import annotations

import os
import tempfile
import weakref
from ctypes import byref, c_int, c_int64, c_void_p
from typing import Any, Callable, Optional, Union

import numpy as np
from numpy.typing import ArrayLike

from ._library import Progress, Rows, Setting, Step, array, call, communicator, pointer, together

Sets = Union[ArrayLike, "list[ArrayLike]"]


class NotFittedError(ValueError, AttributeError):
    """A relation is asked for something that it has before `fit`."""


def _word(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, np.ndarray)):
        return ",".join(_word(one) for one in value)
    return str(value)


def _settings(given: dict) -> tuple:
    pairs = [(key.encode(), _word(value).encode()) for key, value in given.items() if value is not None]
    return (Setting * max(len(pairs), 1))(*(Setting(*pair) for pair in pairs)), len(pairs)


def _is_list(X: Sets) -> bool:
    """Several sets: a list of tables, or an array of three dimensions."""
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and np.ndim(X[0]) == 2
    return np.ndim(X) == 3


def _column(name: str, values: ArrayLike, n: int) -> np.ndarray:
    """values as [n][any], one column where they have one dimension."""
    a = np.asarray(values)
    return array(name, a[:, None] if a.ndim == 1 else a, (n, -1))


def _destroy(handle: c_void_p) -> None:
    call("espalier_relation_destroy", byref(handle))


class Relation:
    """A network that learns which rows of a table hear which others, from what each heard.

    Every row of a set has features and values that it sends; the target of a row depends on its features and on what it
    hears of all others. The network learns a space in which those that belong together lie together, sums near pairs there one
    by one and far ones cell by cell, and predicts for sets of any size. The same bits as `espalier train` and `predict` on files
    of these sets.

    It follows scikit-learn's conventions (clone, Pipeline, GridSearchCV) and does not need it. What a row hears depends on all
    rows of its set: cross-validation must deal out whole sets, so give it a list of sets, which it then indexes.

    Parameters
    ----------
    sent : int
        How many of X's last columns are the values that are sent; those before are the features.
    comm : optional
        None or "self": the rows are all there are. A communicator of mpi4py, or "world": they are this rank's part of each set;
        every method is then collective, and `close` ends the object.
    **settings
        Keys of the program that begin with net_, tree_ or train_, and run_seed, as in inputs/reference.yaml and
        `espalier help KEY`: net_layers=1, net_dim=2, train_steps=400 ... What is not given has the program's default.

    Attributes
    ----------
    loss_curve_ : list of float
        The batch's loss at every step of `fit` or `partial_fit`: 1 is as good as the mean of the targets.
    n_features_in_ : int
        Columns of X.

    Examples
    --------
    >>> model = espalier.Relation(sent=1, net_layers=1, train_steps=400)
    >>> model.fit([X0, X1, X2], [y0, y1, y2]).predict(X3)
    """
    _estimator_type = "regressor"

    def __init__(self, sent: int = 1, comm: Any = None, **settings: Any) -> None:
        self.sent = sent
        self.comm = comm
        self._settings = dict(settings)

    # ---- scikit-learn's conventions ----

    def get_params(self, deep: bool = True) -> dict:
        """sent, comm and the settings that were given."""
        return {"sent": self.sent, "comm": self.comm, **self._settings}

    def set_params(self, **params: Any) -> "Relation":
        """Counts from the next `fit` on. A key that the program does not know is an error of `fit`, which names the nearest."""
        for key, value in params.items():
            if key in ("sent", "comm"):
                setattr(self, key, value)
            else:
                self._settings[key] = value
        return self

    def __repr__(self) -> str:
        return f"Relation({', '.join(f'{key}={value!r}' for key, value in self.get_params().items() if value is not None)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags
        return Tags(estimator_type="regressor", target_tags=TargetTags(required=True, multi_output=True),
                    transformer_tags=None, classifier_tags=None, regressor_tags=RegressorTags(),
                    input_tags=InputTags(three_d_array=True))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_handle")

    def score(self, X: Sets, y: Sets, sample_weight: Optional[Sets] = None) -> float:
        """R^2 of `predict`, mean over targets and sets: 1 less the error's square over the variance. Of this rank's rows."""
        many = _is_list(X)
        y, guess = (y, self.predict(X)) if many else ([y], [self.predict(X)])
        weight = [None] * len(y) if sample_weight is None else sample_weight if many else [sample_weight]
        return float(np.mean([_score(np.asarray(a, float), b, w) for a, b, w in zip(y, guess, weight)]))

    # ---- life ----

    def _own(self, create: Callable[[c_void_p], None]) -> None:
        handle = c_void_p()
        create(handle)
        if hasattr(self, "_handle"):
            self.close()
        self._handle, self._made_over = handle, self.comm
        widths = [c_int() for _ in range(4)]
        call("espalier_relation_widths", handle, *(byref(width) for width in widths))
        features, sent, self._targets, self._dim = (width.value for width in widths)
        self.n_features_in_ = features + sent
        self._sent = sent
        # The others of a communicator may not collect theirs now, and a communicator is freed by all.
        self._finalizer = weakref.finalize(self, _destroy, handle) if self._alone() else None

    def _alone(self) -> bool:
        return self._made_over is None or self._made_over == "self"

    def close(self) -> None:
        """Frees the network; before `fit` or `load` there is none again. Collective over comm."""
        if hasattr(self, "_handle"):
            if self._finalizer:
                self._finalizer()
            else:
                _destroy(self._handle)
            del self._handle

    def _fitted(self) -> c_void_p:
        if not hasattr(self, "_handle"):
            raise NotFittedError("this Relation has no network yet: call fit, or make it by Relation.load")
        return self._handle

    def save(self, path: Union[str, os.PathLike]) -> None:
        """Writes a checkpoint, which `Relation.load` and the program take (`espalier predict -eval_checkpoint`, `info`). Collective
        over comm."""
        call("espalier_relation_write", self._fitted(), os.fsencode(path))

    @classmethod
    def load(cls, path: Union[str, os.PathLike], comm: Any = None, **settings: Any) -> "Relation":
        """The network of a checkpoint, of `save` or of `espalier train`. settings: as on the command line of `espalier predict`:
        tree_* and train_* are replaced, what the parameters depend on stays the file's. Collective over comm."""
        made = cls(comm=comm, **settings)
        pairs, count = _settings(settings)
        made._own(lambda handle: call("espalier_relation_read", communicator(comm), os.fsencode(path), pairs, count,
                                      byref(handle)))
        made.sent, made._flat, made.loss_curve_ = made._sent, made._targets == 1, []
        return made

    def __getstate__(self) -> dict:
        state = {key: value for key, value in self.__dict__.items() if key not in ("_handle", "_finalizer")}
        if hasattr(self, "_handle"):
            if not self._alone():
                raise TypeError("a fitted Relation over a communicator cannot be pickled: save writes a checkpoint")
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "checkpoint.h5")
                self.save(path)
                with open(path, "rb") as file:
                    state["checkpoint"] = file.read()
        return state

    def __setstate__(self, state: dict) -> None:
        checkpoint = state.pop("checkpoint", None)
        self.__dict__.update(state)
        if checkpoint is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "checkpoint.h5")
            with open(path, "wb") as file:
                file.write(checkpoint)
            pairs, count = _settings(self._settings)
            self._own(lambda handle: call("espalier_relation_read", communicator(None), os.fsencode(path), pairs, count,
                                          byref(handle)))

    # ---- rows ----

    def _rows(self, sent: int, X: ArrayLike, id: Optional[ArrayLike] = None, y: Optional[ArrayLike] = None,
              weight: Optional[ArrayLike] = None) -> tuple:
        """The library's structure, the arrays that it points to."""
        X = array("X", X, (-1, -1))
        n, columns = X.shape
        if not 1 <= sent < columns:
            raise ValueError(f"X has {columns} columns, the last {sent} of which are sent; at least one feature and one sent "
                             "value are needed")
        kept = [np.ascontiguousarray(X[:, :-sent]), np.ascontiguousarray(X[:, -sent:])]
        kept.append(None if y is None else np.ascontiguousarray(_column("y", y, n)))
        kept.append(None if weight is None else np.ascontiguousarray(array("sample_weight", weight, (n,))))
        kept.append(None if id is None else np.ascontiguousarray(array("id", id, (n,), np.int64)))
        x, v, target, weights, ids = (pointer(one) for one in kept)
        return Rows(n=n, id=ids, x=x, sent=v, target=target, weight=weights), kept

    def _use(self, X: Sets, id: Optional[Sets], one: Callable[[c_void_p, Rows], Any]) -> Any:
        """What `one` makes of each set; a list of a list."""
        handle = self._fitted()
        if _is_list(X):
            return [self._use(x, None if id is None else id[s], one) for s, x in enumerate(X)]

        def prepare() -> tuple:
            columns = np.shape(X)[1] if np.ndim(X) == 2 else None
            if columns is not None and columns != self.n_features_in_:
                raise ValueError(f"X has {columns} columns; it was fitted to {self.n_features_in_}")
            return self._rows(self._sent, X, id)

        rows, kept = together(self._made_over, prepare, lambda: one(handle, Rows(n=-1)))
        return one(handle, rows)

    # ---- training ----

    def fit(self, X: Sets, y: Sets, sample_weight: Optional[Sets] = None, *, id: Optional[Sets] = None,
            progress: Optional[Callable[[Step], Any]] = None) -> "Relation":
        """Trains a new network, train_steps steps.

        Parameters
        ----------
        X : (n, features + sent) float, or a list of such tables
            A set of rows, or several; an array of three dimensions is a list, too.
        y : (n,) or (n, targets) float, or a list as X
            What each row is to predict.
        sample_weight : (n,) float, or a list as X, optional
            >= 0, of a row's error in the loss.
        id : (n,) int, or a list as X, optional
            Unique in its set over all ranks; by default numbered by rank and place. Bits depend on them, not on the order.
        progress : callable, optional
            Is given a step's numbers (step, steps, loss, rate, gradient, seconds) after each; where it returns true on any
            rank, training ends behind that step.
        """
        if hasattr(self, "_handle"):
            self.close()
        return self.partial_fit(X, y, sample_weight, id=id, progress=progress)

    def partial_fit(self, X: Sets, y: Sets, sample_weight: Optional[Sets] = None, *, id: Optional[Sets] = None,
                    progress: Optional[Callable[[Step], Any]] = None) -> "Relation":
        """Goes on with the network that is there, or begins one: as `fit`, train_steps steps more."""
        if not _is_list(X):
            X, y = [X], [y]
            sample_weight, id = (None if given is None else [given] for given in (sample_weight, id))
        over = self._made_over if hasattr(self, "_handle") else self.comm
        rows, kept = together(over, lambda: self._training_rows(X, y, sample_weight, id), lambda: self._fail(over))
        if not hasattr(self, "_handle"):
            self._create(kept[0])
        self._flat = np.ndim(y[0]) == 1
        self._train(rows, progress)
        return self

    def _training_rows(self, X: Sets, y: Sets, weight: Optional[Sets], id: Optional[Sets]) -> tuple:
        for name, given in (("y", y), ("sample_weight", weight), ("id", id)):
            if given is not None and len(given) != len(X):
                raise ValueError(f"{len(X)} sets in X, {len(given)} in {name}")
        sent = self._sent if hasattr(self, "_handle") else self.sent
        made = [self._rows(sent, X[s], None if id is None else id[s], y[s], None if weight is None else weight[s])
                for s in range(len(X))]
        shapes = {tuple(a.shape[1] for a in kept[:3]) for _, kept in made}
        if hasattr(self, "_handle"):
            shapes.add((self.n_features_in_ - sent, sent, self._targets))
        if len(shapes) != 1:
            raise ValueError(f"sets have different numbers of features, sent values, targets: {sorted(shapes)}")
        return (Rows * len(made))(*(rows for rows, _ in made)), [kept for _, kept in made]

    def _fail(self, over: Any) -> None:
        """Widths that no rank has: what the others ask for at the same time fails, too."""
        if hasattr(self, "_handle"):
            call("espalier_relation_train", self._handle, 1, (Rows * 1)(Rows(n=-1)), Progress(), None, None)
        else:
            call("espalier_relation_create", communicator(over), 0, 0, 0, *_settings({}), byref(c_void_p()))

    def _create(self, kept: list) -> None:
        x, v, target = (a.shape[1] for a in kept[:3])
        pairs, count = _settings(self._settings)
        self._own(lambda handle: call("espalier_relation_create", communicator(self.comm), x, v, target, pairs, count,
                                      byref(handle)))
        self.loss_curve_ = []

    def _train(self, rows: Any, progress: Optional[Callable[[Step], Any]]) -> None:
        raised: list = []

        def told(_: Any, step: Any) -> int:
            try:
                self.loss_curve_.append(step.contents.loss)
                return bool(progress and progress(Step.from_buffer_copy(step.contents)))
            except BaseException as error:  # KeyboardInterrupt, too: it cannot pass through the library
                raised.append(error)
                return 1

        call("espalier_relation_train", self._handle, len(rows), rows, Progress(told), None, byref(c_int64()))
        if raised:
            raise raised[0]

    # ---- use ----

    def predict(self, X: Sets, *, id: Optional[Sets] = None) -> Any:
        """(n,) or (n, targets) float, as y was, for each row of X; a list for a list. A set may have any number of rows."""
        def one(handle: c_void_p, rows: Rows) -> np.ndarray:
            y = np.empty((max(rows.n, 0), self._targets))
            call("espalier_relation_predict", handle, byref(rows), pointer(y), None)
            return y[:, 0] if self._flat else y

        return self._use(X, id, one)

    def embed(self, X: Sets, *, id: Optional[Sets] = None) -> Any:
        """(n, net_dim) float: where each row is in the learned space of the first layer; a list for a list. With net_separate
        as a sender."""
        def one(handle: c_void_p, rows: Rows) -> np.ndarray:
            place = np.empty((max(rows.n, 0), self._dim))
            call("espalier_relation_place", handle, byref(rows), pointer(place))
            return place

        return self._use(X, id, one)

    def neighbors(self, X: Sets, k: int = 16, *, id: Optional[Sets] = None) -> Any:
        """The k nearest senders of each row in the learned space, nearest first, none its own: their ids, (n, k) int64, -1 behind
        the last where there are fewer; and their gates' weights, (n, k) float. A list of pairs for a list."""
        def one(handle: c_void_p, rows: Rows) -> tuple:
            n = max(rows.n, 0)
            neighbor, weight = np.empty((n, k), np.int64), np.empty((n, k))
            call("espalier_relation_neighbors", handle, byref(rows), k, pointer(neighbor), pointer(weight))
            return neighbor, weight

        return self._use(X, id, one)

    def neighbors_graph(self, X: Sets, k: int = 16) -> Any:
        """The same as a SciPy matrix, (n, n) CSR: a row a receiver, a column a sender, its value the gate's weight; a list for
        a list. Needs SciPy, and all rows in one process: elsewhere `neighbors` tells ids."""
        from scipy.sparse import csr_matrix
        if not (self._fitted() and self._alone()):
            raise ValueError("neighbors_graph of a part of the rows: over a communicator, neighbors tells their ids")
        if _is_list(X):
            return [self.neighbors_graph(x, k) for x in X]
        neighbor, weight = self.neighbors(X, k)
        n, there = len(neighbor), neighbor >= 0
        first = np.concatenate([[0], np.cumsum(there.sum(1))])
        return csr_matrix((weight[there], neighbor[there], first), shape=(n, n))

    def partition(self, X: Sets, *, id: Optional[Sets] = None) -> Any:
        """Where the tree in the learned space puts each row: owner, (n,) int32, the rank of comm; slot, (n,) int64, its place
        in the tree's order. A list of pairs for a list."""
        def one(handle: c_void_p, rows: Rows) -> tuple:
            owner, slot = np.empty(max(rows.n, 0), np.int32), np.empty(max(rows.n, 0), np.int64)
            call("espalier_relation_partition", handle, byref(rows), pointer(owner), pointer(slot))
            return owner, slot

        return self._use(X, id, one)


def _score(y: np.ndarray, guess: np.ndarray, weight: Optional[ArrayLike]) -> float:
    w = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    y, guess = y.reshape(len(y), -1), guess.reshape(len(y), -1)
    spread = (w[:, None] * (y - np.average(y, axis=0, weights=w))**2).sum(0)
    missed = (w[:, None] * (y - guess)**2).sum(0)
    return float(np.mean(1 - missed / np.where(spread > 0, spread, 1)))
