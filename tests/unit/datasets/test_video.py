"""A simulated event camera: its events by closed form, and videos of one's own as a data set."""

import math

import numpy as np
import pytest
from PIL import Image

from spikelearn.cli.app import run
from spikelearn.datasets import VideoFolder, open_dataset
from spikelearn.datasets.names import checksums_of, full_name, stamp_of
from spikelearn.recordings import Camera, events_of_video

#: Seconds from frame to frame.
FRAME = 0.01


def ramp(change, frames=5, black=0.1, begin=0.2):
    """Frames of one row, each pixel rising (falling) evenly by its change of log intensity."""
    share = np.linspace(0, 1, frames)[:, None, None]
    return np.exp(np.log(begin + black) + share * np.asarray(change)[None, None, :]) - black


@pytest.mark.parametrize("frames", [2, 5, 50])
def test_a_ramp_of_log_intensity_has_its_events_at_the_crossings(frames):
    change, camera = [0.93, -0.71, 0.0, 0.199, 1.0, -0.5], Camera(on=0.2, off=0.25)
    events = events_of_video(ramp(change, frames), FRAME, camera)
    duration = (frames - 1) * FRAME
    for x, rise in enumerate(change):
        contrast = camera.on if rise > 0 else camera.off
        own = events[events["x"] == x]
        count = math.floor(abs(rise) / contrast + 1e-9)
        assert len(own) == count
        assert (own["p"] == (rise > 0)).all()
        expected = duration * np.arange(1, count + 1) * contrast / max(abs(rise), 1e-9)
        np.testing.assert_allclose(own["t"], expected * 1e6, atol=0.51)
    assert (np.diff(events["t"]) >= 0).all()


def test_up_and_down_again_needs_the_contrast_each_way():
    """0.5 up, 0.5 down at contrasts of 0.2: two ON; back to 0.4 - 0.2 and 0 above the beginning, two OFF."""
    levels = np.log(0.3) + np.array([0.0, 0.5, 0.0])
    frames = np.exp(levels)[:, None, None] - 0.1
    events = events_of_video(frames, FRAME, Camera(0.2, 0.2))
    assert events["p"].tolist() == [1, 1, 0, 0]
    np.testing.assert_allclose(events["t"], [4000, 8000, 16_000, 20_000], atol=0.51)


@pytest.mark.parametrize(
    ("refractory", "every"), [(0.0, 1), (0.0019, 1), (0.002, 1), (0.0021, 2), (0.004, 2), (0.0041, 3)]
)
def test_the_refractory_time_leaves_out_what_comes_sooner(refractory, every):
    """Ten crossings, 2 ms apart."""
    events = events_of_video(ramp([1.0], frames=3), FRAME, Camera(0.1, 0.1, refractory))
    np.testing.assert_allclose(events["t"], 2000 * np.arange(1, 11)[::every], atol=0.51)


def test_bytes_are_intensities():
    frames = np.array([[[0, 51]], [[255, 102]]], np.uint8)
    np.testing.assert_array_equal(events_of_video(frames, FRAME), events_of_video(frames / 255, FRAME))


@pytest.mark.parametrize(
    ("frames", "options", "words"),
    [
        (np.zeros((1, 2, 2)), {}, "a video has 1 frames, expected two at least"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], {}, r"frame 1 has \[2, 3\] pixels and the one before \[2, 2\]"),
        (np.full((2, 2, 2), 200.0), {}, "frame 0 goes from 200.0 to 200.0, expected bytes"),
        (np.full((2, 2, 2), np.nan), {}, "frame 0 goes from nan"),
        (np.zeros((2, 2, 2, 3)), {}, r"frame 0 is float64 \[2, 2, 3\], expected numbers"),
        (np.zeros((2, 2, 2)), {"on": 0.0}, "on is 0.0"),
        (np.zeros((2, 2, 2)), {"refractory": -1.0}, "refractory is -1.0"),
    ],
)
def test_what_is_no_video(frames, options, words):
    with pytest.raises(ValueError, match=words):
        events_of_video(frames, FRAME, Camera(**options))


@pytest.fixture
def videos(tmp_path):
    """Two classes, a bar that moves right or left: as GIF, array of one and of two videos, and folder of pictures."""
    for name, step in (("right", 1), ("left", -1)):
        folder = tmp_path / "own" / name
        (folder / "pictures").mkdir(parents=True)
        frames = np.zeros((6, 8, 8), np.uint8)
        for number in range(6):
            frames[number, :, (1 + number * step) % 8] = 255
            Image.fromarray(frames[number]).save(folder / "pictures" / f"{number}.png")
        films = [Image.fromarray(frame) for frame in frames]
        films[0].save(folder / "film.gif", save_all=True, append_images=films[1:])
        np.save(folder / "one.npy", frames)
        np.savez(folder / "two.npz", frames=np.stack([frames, frames / 255.0 * 255]).astype(np.uint8))
    return tmp_path / "own"


def test_all_forms_of_a_video_give_the_same_events(videos):
    data = VideoFolder("train", videos, test_fraction=0.2)
    assert (len(data), data.classes, data.class_names, data.sensor_size) == (8, 2, ["left", "right"], (8, 8, 2))
    whole = [*range(len(data))]
    by_class = {target: [data.recording(k) for k in whole if data.targets[k] == target] for target in (0, 1)}
    for recordings in by_class.values():
        assert len(recordings) == 4
        for one in recordings[1:]:
            np.testing.assert_array_equal(one, recordings[0])
    frames = data.frames(whole, 5)
    assert frames.shape == (5, 8, 2, 8, 8)
    assert frames.any()
    name = full_name(f"video:{videos}")
    assert len(stamp_of(name)) == 2 * 9
    assert list(checksums_of(name)) == ["own/"]
    assert len(open_dataset(name, "test", None, {"test_fraction": 0.2})) == 2


def test_what_cannot_be_read_is_named(videos):
    np.save(videos / "left" / "one.npy", np.zeros((4, 8)))
    with pytest.raises(ValueError, match=r"one.npy holds float64 \[4, 8\], expected frames"):
        VideoFolder("train", videos, test_fraction=0.2)
    np.save(videos / "left" / "one.npy", np.zeros((4, 8, 8)))
    data = VideoFolder("train", videos, test_fraction=0.2)
    with pytest.raises(ValueError, match=r"one.npy: it has no events: nothing moves"):
        data.frames(range(len(data)), 5)
    gif = videos / "right" / "film.gif"
    gif.write_bytes(gif.read_bytes()[:200])
    data = VideoFolder("train", videos, test_fraction=0.2)
    with pytest.raises(ValueError, match=r"film.gif cannot be read"):
        [data.recording(k) for k in range(len(data)) if data.items[k].path == gif]


def test_the_command_trains_on_videos(videos, tmp_path, capsys):
    own = ["--data", f"video:{videos}", "--data-option", "test_fraction=0.2", "--data-option", "refractory=0.001"]
    words = ["--net", "128-2", "--steps", "5", "--epochs", "1", "--batch", "4", "--validation", "0"]
    assert run(["train", *own, *words, "--out", str(tmp_path / "r")]) == 0
    assert run(["datasets", "check", own[1], "--data-option", "test_fraction=0.2"]) == 0
    assert "no faults" in capsys.readouterr().out


@pytest.mark.parametrize("other", [(6, 5), (5, 6), (7, 6), (5, 7)])
def test_videos_of_several_sizes_are_refused(tmp_path, other):
    """A smaller one, too, whose events would all lie inside of the first one's sensor."""
    generator = np.random.default_rng(1)
    for name, size in (("0", (6, 6)), ("1", other)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "one.npy", generator.random((4, *size)))
        np.save(tmp_path / name / "two.npy", generator.random((4, *size)))
    dataset = VideoFolder("train", tmp_path, test_fraction=0.5)
    place = int(dataset.targets.argmax())
    with pytest.raises(ValueError, match=rf"frame 0 has \[{other[0]}, {other[1]}\] pixels"):
        dataset.recording(place)


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    frames = (ramp([1.0, -1.0], frames=12) * 255).astype(np.uint8)
    for name in ("train/up", "train/down", "test/up", "test/down"):
        (tmp_path / name / "film").mkdir(parents=True)
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / name / "film" / f"frame{number}.png")
    recording = VideoFolder("train", tmp_path, fps=1 / FRAME).recording(0)
    np.testing.assert_array_equal(recording, events_of_video(frames, FRAME))
