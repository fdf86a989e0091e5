"""The packs of speech: ESPnet's data options, and batches of them."""

from pathlib import Path
from typing import Any

from kdse.data.pack import Pack
from kdse.training.plan import MODES, TrainingPlan


def speech_data(plan: TrainingPlan, folder: Path) -> dict[str, Any]:
    """The options that name the packs; shape files, which say which utterances are used, are written to `folder`."""
    options: dict[str, Any] = {}
    for mode, name in MODES:
        speech = Pack(plan.packs / f"speech_{name}")
        used = speech if plan.uses_recordings else speech.clean
        shapes = folder / f"{mode}_shape"
        shapes.write_text("".join(f"{utt} {speech.length(utt)}\n" for utt in used), encoding="utf-8")
        options[f"{mode}_data_path_and_name_and_type"] = [[str(speech.folder), plan.speech_name, "kdse_pack"]]
        options[f"{mode}_shape_file"] = [str(shapes)]
    return options


def by_length(speech: Pack, count: int) -> list[list[str]]:
    """The clean utterances of a pack: so many of similar length together, or one by one in its order."""
    utts = list(speech.clean)
    if count > 1:
        utts.sort(key=lambda utt: (speech.length(utt), utt))
    return [utts[first : first + count] for first in range(0, len(utts), count)]
