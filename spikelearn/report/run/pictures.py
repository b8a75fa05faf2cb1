"""The first weights of a run, as a picture in the page."""

import base64
import io

from spikelearn.export import load_weights
from spikelearn.report.comparison.section import Diagram
from spikelearn.report.recording import Recording
from spikelearn.training import RunFolder


def weights_picture(folder: RunFolder) -> Diagram | None:
    """The weights into the first block; None where there are none, or none that a picture can show."""
    if not folder.weights.is_file() or not folder.recording.is_file():
        return None
    from spikelearn import draw  # it loads matplotlib, which the report of a comparison does without

    weights, _ = load_weights(folder.weights)
    recording = Recording(folder.recording)
    first = next((name for name in recording.spikes if any(w.startswith(f"blocks.{name}.") for w in weights)), None)
    try:
        figure = draw.weights(weights, first, shape=recording.shape)
    except ValueError:  # no matrix, or no image
        return None
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    drawn = base64.b64encode(file.getvalue()).decode()
    about = "What each neuron of the first block gathers: images of its weights, or a matrix where inputs are vectors."
    style = "max-width:100%;background:#fff"
    picture = f'<img alt="Weights into {first}" style="{style}" src="data:image/png;base64,{drawn}">'
    return Diagram(f"Weights into {first}", about, picture)
