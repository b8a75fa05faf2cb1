"""jpc (thebuckleylab/jpc), predictive coding in JAX: ``python -m benchmarks.authors.drivers.jpc FOLDER TASK.npz``.

The loop of its examples: ``init_activities_with_ffwd``, ``update_pc_activities`` by optax's descent for each activity
step, and ``update_pc_params`` with Adam, its cross-entropy at the output; compiled as one function, as ``make_pc_step``
is. The energy is a mean over the batch, so its step size is ours times the batch. It needs jax, equinox, diffrax and
optax: name an interpreter that has them with ``--jpc-python``.
"""

import importlib
import os

import numpy as np

from benchmarks.authors.drivers.serve import serve

os.environ["JAX_PLATFORMS"] = "cpu"


class JPC:
    """The program's functions, and a network of equinox with our weights."""

    def __init__(self, arrays, settings):
        self.jax, self.eqx, self.optax, self.jpc = map(importlib.import_module, ("jax", "equinox", "optax", "jpc"))
        self.names = [name for name in arrays if name.endswith(("weight", "bias"))]
        self.option = settings["rule_option"]
        self.images = self.jax.numpy.asarray(arrays["inputs"][0].reshape(len(arrays["targets"]), -1))
        self.targets = self.jax.nn.one_hot(arrays["targets"], 10)
        self.start = self.layers([arrays[name] for name in self.names])
        self.descent = self.optax.sgd(self.option["eta"] * len(self.images))
        self.adam = self.optax.adam(settings["lr"])
        self.learn, self.infer = self.eqx.filter_jit(self.learned), self.eqx.filter_jit(self.inferred)

    def layers(self, tensors):
        """Layers by weights and biases in turn; tanh behind all but the last."""
        found, key, nn = [], self.jax.random.PRNGKey(0), self.eqx.nn
        for weight, bias in zip(tensors[::2], tensors[1::2], strict=True):
            linear = nn.Linear(weight.shape[1], len(weight), key=key)
            given = (self.jax.numpy.asarray(weight), self.jax.numpy.asarray(bias))
            linear = self.eqx.tree_at(lambda made: (made.weight, made.bias), linear, given)
            behind = [nn.Lambda(self.jax.numpy.tanh)] if 2 * len(found) + 2 < len(tensors) else []
            found.append(nn.Sequential([linear, *behind]))
        return found

    def inferred(self, model):
        """The activities behind all steps."""
        activities = self.jpc.init_activities_with_ffwd(model, self.images)
        state = self.descent.init(activities)
        for _ in range(self.option["iterations"] - 1):
            found = self.jpc.update_pc_activities(
                (model, None), activities, self.descent, state, self.targets, input=self.images, loss_id="ce"
            )
            activities, state = found["activities"], found["opt_state"]
        return activities

    def learned(self, model, state):
        activities = self.inferred(model)
        return self.jpc.update_pc_params(
            (model, None), activities, self.adam, state, self.targets, input=self.images, loss_id="ce"
        )

    def begin(self):
        self.state = self.adam.init((self.eqx.filter(self.start, self.eqx.is_array), None))

    def step(self):
        self.jax.block_until_ready(self.eqx.filter(self.learn(self.start, self.state), self.eqx.is_array))

    def compared(self):
        found = self.jpc.compute_pc_param_grads(
            (self.start, None), self.infer(self.start), self.targets, x=self.images, loss_id="ce"
        )
        leaves = self.jax.tree_util.tree_leaves(self.eqx.filter(found, self.eqx.is_array))
        return {name: np.asarray(leaf) for name, leaf in zip(self.names, leaves, strict=True)}


if __name__ == "__main__":
    serve(JPC, "JAX")
