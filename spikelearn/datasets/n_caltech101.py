"""N-Caltech101: Caltech101 seen by an event camera."""

import re
from pathlib import Path

from spikelearn.datasets.archives import Archive
from spikelearn.datasets.base import DATASETS
from spikelearn.datasets.recorded_files import PublishedRecordings
from spikelearn.recordings.readers.nmnist_bin import check_size

_NAMES = (
    "accordion airplanes anchor ant BACKGROUND_Google barrel bass beaver binocular bonsai brain "
    "brontosaurus buddha butterfly camera cannon car_side ceiling_fan cellphone chair chandelier "
    "cougar_body cougar_face crab crayfish crocodile crocodile_head cup dalmatian dollar_bill dolphin "
    "dragonfly electric_guitar elephant emu euphonium ewer Faces_easy ferry flamingo flamingo_head "
    "garfield gerenuk gramophone grand_piano hawksbill headphone hedgehog helicopter ibis inline_skate "
    "joshua_tree kangaroo ketch lamp laptop Leopards llama lobster lotus mandolin mayfly menorah "
    "metronome minaret Motorbikes nautilus octopus okapi pagoda panda pigeon pizza platypus pyramid "
    "revolver rhino rooster saxophone schooner scissors scorpion sea_horse snoopy soccer_ball stapler "
    "starfish stegosaurus stop_sign strawberry sunflower tick trilobite umbrella watch water_lilly "
    "wheelchair wild_cat windsor_chair wrench yin_yang"
)

#: Names of the class folders; Faces, which the authors left out for Faces_easy, is none.
CLASSES = tuple(_NAMES.split())

#: Of the numbers in names, those that this divides belong to the test.
TEST_EVERY = 10

_ARCHIVE = Archive(
    "N-Caltech101-archive.zip",
    "66201824eabb0239c7ab992480b50ba3",
    "https://data.mendeley.com/public-files/datasets/cy6cvx3ryv/files/36b5c52a-b49d-4853-addb-a836a8883e49/file_downloaded",
    "Caltech101",
    "NCALTECH101",
    inner=True,
)


@DATASETS.register("n-caltech101")
class NCaltech101(PublishedRecordings):
    """8,709 recordings of moved photographs in 101 classes of 31 to 800, on a sensor of 240x180 pixels.

    Files: ``<root>/n-caltech101/NCALTECH101/Caltech101/<class>/image_<number>.bin``. Recordings fill different parts of
    the sensor, from its upper left corner on; all are binned at its full size. The data have no split of their own: the
    numbers that ten divides are the test here, in a part of the files too.

    Args:
        split: "train" or "test".
        root: data root; None: that of the environment, or the user's data folder.

    Shapes: recordings x, y (pixels), t (microseconds), p; binned [T, B, 2, 180, 240]; targets [N].

    Raises:
        ValueError: no recordings and no download, a file whose class is not known.

    Source: Orchard, Jayawant, Cohen & Thakor, Frontiers in Neuroscience 9, 2015.
    """

    classes = 101
    licence = "CC BY-SA 4.0"
    shape = (2, 180, 240)
    sensor_size = (240, 180, 2)
    archives = {"train": (_ARCHIVE,), "test": (_ARCHIVE,)}
    folders = {"train": "NCALTECH101/Caltech101", "test": "NCALTECH101/Caltech101"}
    suffixes = (".bin",)
    class_folders = CLASSES

    def check_file(self, path: Path) -> None:
        check_size(path)

    def in_split(self, path: Path) -> bool:
        number = re.search(r"(\d+)$", path.stem)
        if number is None:
            raise ValueError(f"{path} has no number in its name, by which the splits are parted: name it as published")
        return (int(number[1]) % TEST_EVERY == 0) == (self.split == "test")
