"""Train a spiking network, swap the rule in one line, export what was trained."""

from pathlib import Path

from spikelearn import BPTT, Digits, Loader, ReadoutOnly, Training, build, evaluate, fit
from spikelearn.export import NIR
from spikelearn.seeding import generator_for

train = Loader(Digits("train"), n_steps=25, batch=64, shuffle=True)
test = Loader(Digits("test"), n_steps=25, batch=64)

for rule in (BPTT(), ReadoutOnly()):  # any rule trains the same network
    network = build("64-100-10", input_shape=(1, 8, 8), generator=generator_for(0))
    training = Training.start(network, rule)
    fit(training, train, epochs=10)
    accuracy = evaluate(network, test).accuracy
    print(f"{type(rule).__name__}: test accuracy {100 * accuracy:.1f} %")
    exported = NIR().write(network, Path(f"{type(rule).__name__}.nir"), (1, 8, 8), {})
    print(f"  wrote {exported.path}")
