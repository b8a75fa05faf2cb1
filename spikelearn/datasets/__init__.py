"""Data sets: one file each; importing them registers them."""

from spikelearn.datasets.array import ArrayDataset
from spikelearn.datasets.array_file import ArrayFile
from spikelearn.datasets.base import DATASETS, Dataset, EventDataset, ImageDataset, Split
from spikelearn.datasets.cifar10 import CIFAR10
from spikelearn.datasets.cifar10_dvs import CIFAR10DVS
from spikelearn.datasets.cifar100 import CIFAR100
from spikelearn.datasets.digits import Digits
from spikelearn.datasets.digits_events import DigitsEvents
from spikelearn.datasets.dvs_gesture import DVSGesture
from spikelearn.datasets.dvs_lip import DVSLip
from spikelearn.datasets.emnist import EMNIST
from spikelearn.datasets.fashion_mnist import FashionMNIST
from spikelearn.datasets.folder import RecordingsFolder
from spikelearn.datasets.folds import fold_of
from spikelearn.datasets.idx import IdxFolder
from spikelearn.datasets.images_folder import ImagesFolder
from spikelearn.datasets.kmnist import KMNIST
from spikelearn.datasets.mnist import MNIST
from spikelearn.datasets.n_caltech101 import NCaltech101
from spikelearn.datasets.n_tidigits import NTIDigits
from spikelearn.datasets.names import full_name, kind_of, open_dataset, short_name
from spikelearn.datasets.nmnist import NMNIST
from spikelearn.datasets.poker_dvs import PokerDVS
from spikelearn.datasets.recorded_files import PublishedRecordings, RecordedFiles
from spikelearn.datasets.root import ROOT_VARIABLE, data_root
from spikelearn.datasets.shd import SHD
from spikelearn.datasets.smnist import SMNIST
from spikelearn.datasets.ssc import SSC
from spikelearn.datasets.subset import stratified_subset
from spikelearn.datasets.text import Text
from spikelearn.datasets.video import VideoFolder
from spikelearn.recordings.doubts import DataWarning

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CIFAR10DVS",
    "EMNIST",
    "KMNIST",
    "DATASETS",
    "DataWarning",
    "MNIST",
    "NMNIST",
    "SHD",
    "SMNIST",
    "SSC",
    "ROOT_VARIABLE",
    "ArrayDataset",
    "ArrayFile",
    "DVSGesture",
    "DVSLip",
    "Dataset",
    "Digits",
    "DigitsEvents",
    "EventDataset",
    "FashionMNIST",
    "IdxFolder",
    "ImageDataset",
    "ImagesFolder",
    "VideoFolder",
    "NCaltech101",
    "NTIDigits",
    "PokerDVS",
    "Split",
    "Text",
    "PublishedRecordings",
    "RecordedFiles",
    "RecordingsFolder",
    "data_root",
    "fold_of",
    "full_name",
    "kind_of",
    "open_dataset",
    "short_name",
    "stratified_subset",
]
