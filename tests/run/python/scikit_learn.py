"""A relation where scikit-learn clones, chains, searches and scores it. Nothing to see where that is not installed."""
import sys

import numpy as np

try:
    from sklearn.base import clone, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.validation import check_is_fitted
except ImportError:
    sys.exit()
import espalier

rng = np.random.default_rng(1)
x, v = rng.normal(size=(4, 96, 3)), rng.normal(size=(4, 96, 1))
gate = np.exp(-2 * (x[:, :, None, :1] - x[:, None, :, :1])**2)[..., 0] * (1 - np.eye(96))
X, y = np.concatenate([x, v], 2), (gate @ v)[..., 0]
model = espalier.Relation(sent=1, net_layers=1, net_dim=2, train_steps=30, train_lr=0.03, tree_theta=0)

twin = clone(model)
assert twin is not model and twin.get_params() == model.get_params() and is_regressor(twin)
try:
    check_is_fitted(twin)
    raise AssertionError("it is not fitted")
except NotFittedError:
    pass
check_is_fitted(twin.fit(X[0], y[0]))
assert abs(twin.score(X[0], y[0]) - r2_score(y[0], twin.predict(X[0]))) < 1e-12

# over whole sets, as an array of three dimensions and as lists; the better of two rates of learning is found
search = GridSearchCV(model, {"train_lr": [1e-6, 0.03]}, cv=2).fit(X, y)
assert search.best_params_ == {"train_lr": 0.03} and search.best_score_ > 0.3, search.cv_results_["mean_test_score"]
assert cross_val_score(search.best_estimator_, list(X), list(y), cv=2).mean() == search.best_score_

# behind a scaler, whose part in it a grid names
chain = make_pipeline(StandardScaler(), model).fit(X[0], y[0])
assert (chain.predict(X[0]) == clone(model).fit(chain[0].transform(X[0]), y[0]).predict(chain[0].transform(X[0]))).all()
chain.set_params(relation__train_steps=2).fit(X[0], y[0])
assert len(chain[-1].loss_curve_) == 2
assert "Relation(sent=1" in repr(chain)
