"""A chip that computes in its memory: what its arrays, converters and writes take."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from spikelearn.checks import check_count, check_positive


class Cost(NamedTuple):
    """Time and energy.

    Args:
        seconds: latency.
        joules: energy.
    """

    seconds: float = 0.0
    joules: float = 0.0

    def plus(self, other: "Cost") -> "Cost":
        """One after the other."""
        return Cost(self.seconds + other.seconds, self.joules + other.joules)

    def times(self, factor: float) -> "Cost":
        """So many times."""
        return Cost(self.seconds * factor, self.joules * factor)


@dataclass(frozen=True)
class Chip:
    """Arrays of memory cells, one a weight, read by shared converters; all arrays of a layer work at once.

    Args:
        rows: inputs of a sub-array.
        columns_per_converter: columns that share a converter, read one after the other.
        converter_bits: of a converter.
        input_bits, error_bits: bits of numbers that are not spikes, applied bit by bit.
        read_seconds, read_volts: of a read of all cells of a sub-array.
        write_seconds, write_volts: of one pulse.
        pulses: from the lowest weight to the highest; a row is written by as many, up and then down.
        on_ohms, off_ohms: of a cell; a mean cell has the mean conductance.
        clock_seconds: of a conversion, an addition and a row of working memory.
        conversion_joules: per level of a converter.
        addition_joules, product_joules: of digital arithmetic of 8 bits.

    Raises:
        ValueError: a value that is not positive.

    Source: cells, pulses, arrays and sharing: defaults of DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40, 2021 (32 nm);
    arithmetic: Horowitz, ISSCC 2014 (45 nm). Energy per level of a converter: assumed, a usual figure of merit.
    """

    rows: int = 128
    columns_per_converter: int = 8
    converter_bits: int = 5
    input_bits: int = 8
    error_bits: int = 8
    read_seconds: float = 10e-9
    read_volts: float = 0.5
    write_seconds: float = 50e-9
    write_volts: float = 4.0
    pulses: int = 32
    on_ohms: float = 240e3
    off_ohms: float = 24e6
    clock_seconds: float = 1e-9
    conversion_joules: float = 20e-15
    addition_joules: float = 0.03e-12
    product_joules: float = 0.2e-12

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            (check_count if isinstance(value, int) else check_positive)(name, value)

    @property
    def conductance(self) -> float:
        """Of a mean cell, siemens."""
        return 0.5 * (1.0 / self.on_ohms + 1.0 / self.off_ohms)

    def read(self, vectors: float, inputs: int, outputs: int, cycles: int, active: float = 1.0) -> Cost:
        """Products of an array of ``inputs`` x ``outputs`` weights with vectors, one after the other.

        Args:
            vectors: how many.
            inputs, outputs: of the array.
            cycles: reads a vector: one for spikes, else one a bit.
            active: share of the inputs that are not 0.
        """
        pieces = math.ceil(inputs / self.rows)
        each = self.read_seconds + self.clock_seconds * (self.columns_per_converter + math.ceil(math.log2(pieces)))
        cell = self.read_volts**2 * self.conductance * self.read_seconds
        converted = self.conversion_joules * 2**self.converter_bits + self.addition_joules
        joules = outputs * (inputs * active * cell + pieces * converted)
        return Cost(vectors * cycles * each, vectors * cycles * joules)

    def correlate(self, vectors: float, inputs: int, outputs: int) -> Cost:
        """The gradient of a layer's weights: vectors are laid into working memory, which the errors read out."""
        laid = vectors * self.clock_seconds
        each = self.read(outputs, max(1, round(vectors)), inputs, self.error_bits)
        return Cost(laid + each.seconds, vectors * inputs * outputs * (self.product_joules + self.addition_joules))

    def write(self, inputs: int, outputs: int) -> Cost:
        """A change of every weight of a layer: rows one after the other, a pulse a weight on average."""
        pulse = self.write_volts**2 * self.conductance * self.write_seconds
        return Cost(min(inputs, self.rows) * 2 * self.pulses * self.write_seconds, inputs * outputs * pulse)
