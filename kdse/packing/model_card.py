"""The model card of a packed run: what it is, what it was trained on, what it scored, and how to load it, in ESPnet's form."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kdse.approaches.registry import NO_FRONT_END, SYSTEMS
from kdse.core.files import dump_yaml
from kdse.data.audio import RATE
from kdse.data.corpora.registry import CORPORA
from kdse.scoring.metrics import METRICS, Metric
from kdse.scoring.row import Row, read_rows
from kdse.scoring.significance import estimate

SHOWN = tuple(METRICS[name] for name in ("wer", "pesq_wb", "stoi", "si_sdr"))
TAGS = {"enh": "speech-enhancement", "asr": "automatic-speech-recognition"}
LANGUAGE = "en"
"""Of all corpora here."""

LOAD = {
    "enh": """import soundfile
{register}from espnet2.main_funcs.pack_funcs import unpack
from espnet2.bin.enh_inference import SeparateSpeech

enhance = SeparateSpeech(**unpack("{archive}", "{folder}"))
noisy, rate = soundfile.read("noisy.wav")  # mono, {rate} Hz
[enhanced] = enhance(noisy[None], fs=rate)""",
    "asr": """import soundfile
{register}from espnet2.main_funcs.pack_funcs import unpack
from espnet2.bin.asr_inference import Speech2Text

recognise = Speech2Text(**unpack("{archive}", "{folder}"){options})
speech, rate = soundfile.read("speech.wav")  # mono, {rate} Hz
text, *_ = recognise(speech)[0]""",
    "both": """from espnet2.bin.enh_inference import SeparateSpeech

enhance = SeparateSpeech("{folder}/enh/config.yaml", "{folder}/enh/model.pth")
[enhanced] = enhance(speech[None], fs=rate)
text, *_ = recognise(enhanced[0])[0]""",
}
CITATION = """@article{kd_se_2024,
  title = {Knowledge Distillation-Based Training of Speech Enhancement for Noise-Robust Automatic Speech Recognition},
  journal = {IEEE Access},
  year = {2024}
}
@inproceedings{watanabe2018espnet,
  title = {{ESPnet}: End-to-End Speech Processing Toolkit},
  author = {Shinji Watanabe and others},
  booktitle = {Proceedings of Interspeech},
  pages = {2207--2211},
  year = {2018}
}"""


@dataclass(frozen=True)
class Card:
    """What a model card is made of.

    Attributes:
        archive: name of its file.
        record: the run's run.yaml.
        configs: ESPnet's configs of the models in it, by "enh" and "asr".
        license_name: of the model.
        results: a table in Markdown, or "".
    """

    archive: str
    record: dict[str, Any]
    configs: dict[str, dict[str, Any]]
    license_name: str
    results: str = ""

    @property
    def kind(self) -> str:
        """Whose archive it is: the recogniser's where it holds one."""
        return "asr" if "asr" in self.configs else "enh"

    def render(self) -> str:
        """The card in Markdown, with the front matter of ESPnet's cards."""
        front = {
            "tags": ["espnet", "audio", TAGS[self.kind]],
            "language": LANGUAGE,
            "datasets": [self.record["corpus"]],
            "license": self.license_name,
        }
        sections = {
            "Training": self._training(),
            "Results": self.results or "Not scored when it was packed.",
            "How to load it": self._loading(),
            "Licence and citation": self._licence(),
        }
        body = "\n\n".join(f"## {head}\n\n{text}" for head, text in sections.items())
        return f"---\n{dump_yaml(front)}---\n\n# {self.record['run']}\n\n{self._about()}\n\n{body}\n"

    def _about(self) -> str:
        """What it is, and a table of its properties."""
        what = {"enh": "a speech-enhancement front end for noise-robust recognition", "asr": "a speech recogniser"}[self.kind]
        if len(self.configs) == 2:
            what = "a speech recogniser, and the front end that it was trained with"
        approach = self.record["approach"]
        summary = SYSTEMS[approach].summary if approach in SYSTEMS else ""
        facts = {
            "approach": f"`{approach}`: {summary}" if summary else f"`{approach}`",
            "student": self.record["student"],
            "parameters": f"{self.record['params']:,}" + (" (front end)" if "enh" in self.configs else ""),
            "sample rate": f"{RATE} Hz, mono",
            **dict(self._networks()),
        }
        lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items() if value)]
        return f"This is {what}, trained with kdse and packed for ESPnet.\n\n" + "\n".join(lines)

    def _networks(self) -> Iterator[tuple[str, str]]:
        """Each network in a few words: its type, and the STFT or features that it works on."""
        if "enh" in self.configs:
            config = self.configs["enh"]
            stft = config["encoder_conf"]
            window = stft.get("win_length") or stft["n_fft"]
            yield "front end", f"`{config['separator']}`; STFT of {stft['n_fft']} points, window {window}, hop {stft['hop_length']}"
        if "asr" in self.configs:
            config = self.configs["asr"]
            tokens = f"{len(config['token_list'])} tokens of type {config.get('token_type', 'bpe')}"
            yield "recogniser", f"`{config['encoder']}` encoder, {_decoder(config)}; {tokens}"

    def _training(self) -> str:
        """Corpus, teachers, effort, and what made it."""
        record, corpus = self.record, self.record["corpus"]
        synthetic = corpus in CORPORA and CORPORA[corpus].synthetic
        config = record.get("config") or {}
        conf = config.get("kdse_conf") or {}
        effort = record.get("training") or {}
        updates = " + ".join(f"{count:,}" for count in effort.get("updates", ()))
        versions = ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items() if version)
        facts = {
            "corpus": f"{corpus}, mixed with noise" + (" (synthetic voices: nobody speaks in it)" if synthetic else ""),
            "recogniser started from" if "asr" in self.configs else "teacher": record["teacher"],
            "front end started from": record.get("init_run"),
            "SE teacher": Path(conf["se_teacher"]).name if conf.get("se_teacher") else None,
            "seed": str(record["seed"]),
            "updates": updates,
            "seconds": f"{effort['seconds']:,} with {effort.get('threads')} thread(s)" if "seconds" in effort else None,
            "adopted from": Path(config["adopted"]).name if config.get("adopted") else None,
            "commit of kdse": record.get("commit"),
            "versions": versions,
        }
        return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)

    def _loading(self) -> str:
        """Code that loads it, without a network."""
        needed = any(needs_kdse(config) for config in self.configs.values())
        values = {
            "archive": self.archive,
            "folder": self.archive.removesuffix(".zip"),
            "rate": RATE,
            "register": "import kdse.plugin.register  # ESPnet learns the network's name\n" if needed else "",
            "options": _search(self.configs["asr"]) if self.kind == "asr" else "",
        }
        text = "Install kdse first: a network in it is none of ESPnet's own.\n\n" if needed else ""
        text += f"```python\n{LOAD[self.kind].format(**values)}\n```"
        if len(self.configs) == 2:
            text += f"\n\nWith its front end before it:\n\n```python\n{LOAD['both'].format(**values)}\n```"
        return text

    def _licence(self) -> str:
        """Whose work it builds on."""
        licences = f"The model is under {self.license_name}; the corpus {self.record['corpus']} has a licence of its own."
        return f"{licences}\n\n```bibtex\n{CITATION}\n```"


def needs_kdse(config: dict[str, Any]) -> bool:
    """Whether ESPnet builds this model only after kdse is registered: it has a network of kdse's, or a transducer's loss."""
    return (
        str(config.get("separator", "")).startswith("kdse_")
        or str(config.get("frontend", "")).startswith("kdse_")
        or config.get("decoder") == "transducer"
    )


def _decoder(config: dict[str, Any]) -> str:
    """How a recogniser makes tokens of its latents."""
    if _is_ctc(config):
        return "CTC"
    return f"`{config['decoder']}` decoder, CTC weight {config['model_conf'].get('ctc_weight', 0.5)}"


def _search(config: dict[str, Any]) -> str:
    """Arguments of `Speech2Text`: a beam that is no wider than there are tokens, which ESPnet's must not be."""
    return f", beam_size={min(10, len(config['token_list']))}" + (", ctc_weight=1.0" if _is_ctc(config) else "")


def _is_ctc(config: dict[str, Any]) -> bool:
    """Whether a recogniser has CTC alone; ESPnet then ignores its decoder."""
    return config.get("decoder") is None or config["model_conf"].get("ctc_weight") == 1.0


def results_table(folder: Path | None, run: str, kind: str, omega: float = 0.0) -> str:
    """What a run scored, beside the recogniser without a front end; "" where there are no rows of it at `omega`.

    Args:
        folder: with `<run>.jsonl.gz` and those of `mct_noisy`.
        kind: "asr" also looks for the rows of a recogniser that stand under the name of `mct_noisy`.
        omega: of observation adding, where the model is given away with it; it stands beside ω = 0.
    """
    if folder is None:
        return ""
    own = list(read_rows(folder / f"{run}.jsonl.gz")) if (folder / f"{run}.jsonl.gz").is_file() else []
    places = (folder, *sorted(folder.glob("backends/*")))
    plain = [row for place in places for path in sorted(place.glob(f"{NO_FRONT_END}*.jsonl.gz")) for row in read_rows(path)]
    if omega and not any(row["omega"] == omega for row in own):
        return ""
    sets = {row["set"] for row in own}
    backends = {row["backend"] for row in own if row["run"] != row["backend"]}
    if own:
        plain = [row for row in plain if row["set"] in sets and (not backends or row["backend"] in backends)]
    else:
        plain = [row for row in plain if row["backend"] == run] if kind == "asr" else []
    lines = [*_lines(own, "this model", omega), *_lines(plain, "no front end")]
    if omega:
        lines += _lines(own, "this model, ω = 0")
    if not lines:
        return ""
    heads = ["system", "recogniser", "search", "set", *(metric.label for metric in SHOWN), "items"]
    rule = "|---|---|---|---|" + "---:|" * (len(SHOWN) + 1)
    rows = [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(cells)} |" for cells in sorted(lines, key=lambda cells: cells[3]))]
    return "\n".join(rows) + "\n\nIn brackets: 95 % intervals, resampled by utterance. A mean over fewer items says over how many."


def _lines(rows: Iterable[Row], label: str, omega: float = 0.0) -> Iterator[list[str]]:
    """One line for each set, recogniser and search at one ω."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row["omega"] == omega:
            groups.setdefault((row["backend"], row["decode"], row["set"]), []).append(row)
    for (backend, decode, name), of_set in sorted(groups.items()):
        yield [label, backend, decode, name, *(_cell(metric, of_set) for metric in SHOWN), str(len(of_set))]


def _cell(metric: Metric, rows: list[Row]) -> str:
    """The value over a set with its interval; a dash where no item has it."""
    parts = np.array([metric.parts(row) for row in rows])
    have = ~np.isnan(parts[:, 0])
    if not parts[have, 1].sum():
        return "–"
    utterances = [row["utt"] for row, there in zip(rows, have, strict=True) if there]
    e = estimate(utterances, parts[have, 0], parts[have, 1])
    text = f"{e.value:.{metric.digits}f}"
    if e.low is not None:
        text += f" [{e.low:.{metric.digits}f}, {e.high:.{metric.digits}f}]"
    return text if have.all() else f"{text} ({have.sum()})"
