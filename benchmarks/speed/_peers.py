"""The sides that speed.py compares: one small class for each library.

A side brings a table into the form that its library wants (`prepare`, `labels`), which is not
timed, then trains (`fit`) and predicts (`predict_proba`), which is. Learning rate, batch size,
epochs and widths are the same on all sides; all else is as a library does it by default.
"""

import sys
from types import SimpleNamespace

import numpy as np
import torch
from scipy import sparse
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNet
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, StackDataset

from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE, count_parameters

TASKS = ("income", "never_married")
ADAMW = {"lr": 1e-3, "weight_decay": 1e-4}
N_EXPERTS = 8
EMBEDDING_DIM = 4
PREDICT_BATCH = 8192  # where a library lets one choose


class Inputs(nn.Module):
    """Numbers, and the embeddings of codes if there are any, as one tensor."""

    def __init__(self, n_levels):
        super().__init__()
        self.table = nn.Embedding(sum(n_levels), EMBEDDING_DIM) if n_levels else None
        self.register_buffer("first", torch.tensor([0, *n_levels[:-1]]).cumsum(0))

    def forward(self, numbers, codes=None):
        if codes is None:
            return numbers
        return torch.cat([numbers, self.table(codes + self.first).flatten(1)], 1)


class Joint(nn.Module):
    """Our MMoE behind embeddings; one tensor has the scores of both tasks."""

    def __init__(self, n_numbers, n_levels, layers):
        super().__init__()
        self.inputs = Inputs(n_levels)
        self.mmoe = MMoE(n_numbers + EMBEDDING_DIM * len(n_levels), [1, 1], **layers)

    def forward(self, numbers, codes=None):
        return torch.cat(self.mmoe(self.inputs(numbers, codes)), 1)


class Side:
    """What the sides share. The table given here tells widths and levels only."""

    network = None  # the torch module, after fit

    def __init__(self, case, table):
        self.batch_size, self.expert, self.tower = case.batch_size, case.expert, case.tower
        self.n_numbers, self.n_levels = table.numbers.shape[1], table.n_levels
        self.n_inputs = self.n_numbers + EMBEDDING_DIM * len(self.n_levels)
        self.layers = {"n_experts": N_EXPERTS, "expert_hidden_layer_sizes": (case.expert,)}
        self.layers["tower_hidden_layer_sizes"] = (case.tower,)

    def prepare(self, table):
        """Return the inputs as `fit` and `predict_proba` take them."""
        codes = {"codes": torch.from_numpy(table.codes)} if self.n_levels else {}
        return {"numbers": torch.from_numpy(table.numbers), **codes}

    def labels(self, table):
        """Return the targets as `fit` takes them."""
        return table.y.to_numpy(np.float32)

    def joint(self):
        return Joint(self.n_numbers, self.n_levels, self.layers)

    def features(self, dense, sparse):
        names = [f"column_{i}" for i in range(self.n_numbers + len(self.n_levels))]
        levels = zip(names[self.n_numbers :], self.n_levels, strict=True)
        numbers = [dense(name) for name in names[: self.n_numbers]]
        return numbers + [sparse(name, n, EMBEDDING_DIM) for name, n in levels]

    def predict_proba(self, X):
        """Return the probabilities of class 1, of shape (n_rows, 2)."""
        self.network.eval()
        with torch.inference_mode():
            batches = zip(*(tensor.split(PREDICT_BATCH) for tensor in X.values()), strict=True)
            return torch.cat([self.scores(*batch) for batch in batches]).sigmoid().numpy()

    def scores(self, *batch):
        return self.network(*batch)

    def n_parameters(self):
        return count_parameters(self.network)


class Ours(Side):
    """The estimator of this package."""

    def prepare(self, table):
        return table.ours

    def labels(self, table):
        return table.y

    def parameters(self, epochs, seed):
        parameters = {"learning_rate_init": ADAMW["lr"], "alpha": ADAMW["weight_decay"]}
        parameters |= {"batch_size": self.batch_size, "random_state": seed}
        return parameters | {"max_iter": epochs, "n_iter_no_change": epochs}

    def fit(self, X, y, epochs, seed):
        parameters = self.layers | self.parameters(epochs, seed)
        if self.n_levels:
            parameters |= {"categorical_features": "from_dtype", "embedding_dim": EMBEDDING_DIM}
        # The network of all sides, and no more work than they do.
        parameters |= {"numeric_encoding": None, "n_cross_layers": 0, "average": False}
        parameters["n_members"] = 1
        self.model = MMoEClassifier(early_stopping=False, **parameters).fit(X, y)
        self.network = self.model.net_.module_

    def predict_proba(self, X):
        return np.column_stack([proba[:, 1] for proba in self.model.predict_proba(X)])


class OursCsr(Ours):
    """The same, given the CSR matrix that a ColumnTransformer makes of one-hot columns."""

    def prepare(self, table):
        return sparse.csr_array(table.ours)


class Mlp(Ours):
    """scikit-learn's MLPClassifier; one hidden layer with as many parameters as the MMoE."""

    def fit(self, X, y, epochs, seed):
        n_units = round((count_parameters(self.joint()) - 2) / (self.n_numbers + 3))
        self.model = MLPClassifier(n_units, **self.parameters(epochs, seed)).fit(X, y)

    def predict_proba(self, X):
        return self.model.predict_proba(X)

    def n_parameters(self):
        return int(sum(part.size for part in (*self.model.coefs_, *self.model.intercepts_)))


class MlpCsr(Mlp, OursCsr):
    """The same, given that matrix."""


class HandWritten(Side):
    """A loop as lean as torch allows: slices of tensors, a fused AdamW, no records."""

    def fit(self, X, y, epochs, seed):
        torch.manual_seed(seed)
        self.network, y = self.joint(), torch.from_numpy(y)
        optimizer = torch.optim.AdamW(self.network.parameters(), fused=True, **ADAMW)
        for _ in range(epochs):
            for rows in torch.randperm(len(y)).split(self.batch_size):
                batch = [tensor[rows] for tensor in X.values()]
                optimizer.zero_grad()
                F.binary_cross_entropy_with_logits(self.network(*batch), y[rows]).backward()
                optimizer.step()


class NaiveSkorch(Side):
    """The same module in skorch's NeuralNet, with its default DataLoader and callbacks."""

    def fit(self, X, y, epochs, seed):
        torch.manual_seed(seed)
        self.model = NeuralNet(
            self.joint(),
            criterion=nn.BCEWithLogitsLoss,
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=ADAMW["weight_decay"],
            lr=ADAMW["lr"],
            max_epochs=epochs,
            batch_size=self.batch_size,
            iterator_train__shuffle=True,
            iterator_valid__batch_size=PREDICT_BATCH,
            train_split=None,
            predict_nonlinearity=torch.sigmoid,
        ).fit(X, y)
        self.network = self.model.module_

    def predict_proba(self, X):
        return self.model.predict_proba(X)


class DeepCTR(Side):
    """DeepCTR-Torch's MMOE with linear gates and AdamW; its loss is the sum over a batch."""

    def prepare(self, table):
        return table.columns()

    def fit(self, X, y, epochs, seed):
        # It does not declare requests, with which it asks for its newest version when imported.
        sys.modules["requests"] = SimpleNamespace()
        from deepctr_torch import inputs, models

        features = self.features(inputs.DenseFeat, inputs.SparseFeat)
        layers = N_EXPERTS, [self.expert], [], [self.tower]  # no hidden layers in gates
        self.network = models.MMOE(features, *layers, l2_reg_embedding=0, seed=seed)
        optimizer = torch.optim.AdamW(self.network.parameters(), **ADAMW)
        self.network.compile(optimizer, loss=["binary_crossentropy"] * 2)
        self.network.fit(X, y, batch_size=self.batch_size, epochs=epochs, verbose=0)

    def predict_proba(self, X):
        return self.network.predict(X, PREDICT_BATCH)


class RecHub(Side):
    """Torch-RecHub's MMOE and trainer, AdamW; experts, gates and towers are batch-normalised."""

    def prepare(self, table):
        return table.columns()

    def fit(self, X, y, epochs, seed):
        from torch_rechub import basic, models, trainers, utils

        torch.manual_seed(seed)
        features = self.features(basic.features.DenseFeature, basic.features.SparseFeature)
        tasks, towers = ["classification"] * 2, [{"dims": [self.tower]}] * 2
        layers = N_EXPERTS, {"dims": [self.expert]}, towers
        self.network = models.multi_task.MMOE(features, tasks, *layers)
        self.trainer = trainers.MTLTrainer(self.network, tasks, torch.optim.AdamW, ADAMW)
        make_loaders = utils.data.DataGenerator(X, y).generate_dataloader
        loader, *_ = make_loaders(X, y, X, y, batch_size=self.batch_size)
        for _ in range(epochs):  # its `fit` would validate after each epoch
            self.trainer.train_one_epoch(loader)

    def predict_proba(self, X):
        from torch_rechub.utils.data import PredictDataset

        loader = DataLoader(PredictDataset(X), batch_size=PREDICT_BATCH)
        return np.array(self.trainer.predict(self.network, loader))


class LibMTL(Side):
    """LibMTL's MMoE and trainer, behind our embeddings; Adam, and two scores for each task."""

    def prepare(self, table):
        numbers, codes = super().prepare(table).values()
        return {"inputs": torch.cat([numbers, codes.float()], 1)}

    def labels(self, table):
        return StackDataset(**{name: torch.tensor(table.y[name].to_numpy()) for name in TASKS})

    def fit(self, X, y, epochs, seed):
        # Always imports its encoders of images, which need what torchvision no longer has.
        sys.modules["torchvision.models.utils"] = SimpleNamespace(load_state_dict_from_url=None)
        from LibMTL import Trainer, architecture, loss, metrics, weighting

        n_numbers, n_levels = self.n_numbers, self.n_levels

        class Embedded(architecture.MMoE):
            def init_param(self):
                self.inputs = Inputs(n_levels)

            def forward(self, x):
                return super().forward(self.inputs(x[:, :n_numbers], x[:, n_numbers:].long()))

        class CpuTrainer(Trainer):
            def _prepare_model(self, *classes):
                self.device = torch.device("cpu")  # else CUDA, always
                super()._prepare_model(*classes)

            def _process_data(self, loader):
                return next(loader[1])  # it has loader[1].next(), as Python 2

            def test(self, *args, **kwargs):
                pass  # it would be after every epoch

        def task():
            functions = {"loss_fn": loss.CELoss(), "metrics_fn": metrics.AccMetric()}
            return {"metrics": ["Acc"], "weight": [1], **functions}

        def layers(first, *others):
            return nn.Sequential(nn.Linear(*first), nn.ReLU(), *(nn.Linear(*n) for n in others))

        torch.manual_seed(seed)
        tower = (self.expert, self.tower), (self.tower, 2)
        trainer = CpuTrainer(
            {name: task() for name in TASKS},
            weighting.EW,
            Embedded,
            lambda: layers((self.n_inputs, self.expert)),
            nn.ModuleDict({name: layers(*tower) for name in TASKS}),
            *(False, False, {"optim": "adam", "lr": ADAMW["lr"]}, None),  # no scheduler
            arch_args={"img_size": [self.n_inputs], "num_experts": [N_EXPERTS]},
            weight_args={},
        )
        loader = DataLoader(StackDataset(X["inputs"], y), self.batch_size, shuffle=True)
        for _ in range(epochs):
            trainer.train(loader, None, 1)
        self.network = trainer.model

    def scores(self, inputs):
        return torch.cat([pair[:, 1:] - pair[:, :1] for pair in self.network(inputs).values()], 1)


EVERYWHERE = {"ours": Ours, "hand_written": HandWritten, "naive_skorch": NaiveSkorch}
SIDES = {
    "one-hot": {**EVERYWHERE, "ours_csr": OursCsr, "mlp": Mlp, "mlp_csr": MlpCsr},
    "embedded": {**EVERYWHERE, "DeepCTR-Torch": DeepCTR, "Torch-RecHub": RecHub, "LibMTL": LibMTL},
}
PEERS = ("deepctr-torch", "torch-rechub", "LibMTL")
