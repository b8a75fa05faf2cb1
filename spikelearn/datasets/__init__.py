"""Data sets: one file each; importing them registers them."""

from spikelearn.datasets.base import DATASETS, Dataset, EventDataset, ImageDataset, Split, bin_events
from spikelearn.datasets.cifar10 import CIFAR10
from spikelearn.datasets.digits import Digits
from spikelearn.datasets.digits_events import DigitsEvents
from spikelearn.datasets.encoders import ENCODERS, BernoulliRate, CommonThreshold, Direct, Encoder, Latency
from spikelearn.datasets.fashion_mnist import FashionMNIST
from spikelearn.datasets.loader import Loader, Samples, hold_out
from spikelearn.datasets.mnist import MNIST
from spikelearn.datasets.nmnist import NMNIST
from spikelearn.datasets.noise import NOISES, Noise, noise_from
from spikelearn.datasets.regular_rate import RegularRate
from spikelearn.datasets.root import ROOT_VARIABLE, data_root
from spikelearn.datasets.subset import stratified_subset

__all__ = [
    "CIFAR10",
    "DATASETS",
    "ENCODERS",
    "MNIST",
    "NMNIST",
    "NOISES",
    "ROOT_VARIABLE",
    "BernoulliRate",
    "CommonThreshold",
    "Dataset",
    "Digits",
    "DigitsEvents",
    "Direct",
    "Encoder",
    "EventDataset",
    "FashionMNIST",
    "ImageDataset",
    "Latency",
    "Loader",
    "Noise",
    "RegularRate",
    "Samples",
    "Split",
    "bin_events",
    "data_root",
    "hold_out",
    "noise_from",
    "stratified_subset",
]
