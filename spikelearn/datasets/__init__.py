"""Data sets: one file each; importing them registers them."""

from spikelearn.datasets.array import ArrayDataset
from spikelearn.datasets.array_file import ArrayFile
from spikelearn.datasets.base import DATASETS, Dataset, EventDataset, ImageDataset, Split
from spikelearn.datasets.cifar10 import CIFAR10
from spikelearn.datasets.digits import Digits
from spikelearn.datasets.digits_events import DigitsEvents
from spikelearn.datasets.fashion_mnist import FashionMNIST
from spikelearn.datasets.idx import IdxFolder
from spikelearn.datasets.mnist import MNIST
from spikelearn.datasets.names import full_name, kind_of, open_dataset, short_name
from spikelearn.datasets.nmnist import NMNIST
from spikelearn.datasets.provenance import DataWarning
from spikelearn.datasets.root import ROOT_VARIABLE, data_root
from spikelearn.datasets.subset import stratified_subset
from spikelearn.datasets.tonic_recordings import TonicDataset

__all__ = [
    "CIFAR10",
    "DATASETS",
    "DataWarning",
    "MNIST",
    "NMNIST",
    "ROOT_VARIABLE",
    "ArrayDataset",
    "ArrayFile",
    "Dataset",
    "Digits",
    "DigitsEvents",
    "EventDataset",
    "FashionMNIST",
    "IdxFolder",
    "ImageDataset",
    "Split",
    "TonicDataset",
    "data_root",
    "full_name",
    "kind_of",
    "open_dataset",
    "short_name",
    "stratified_subset",
]
