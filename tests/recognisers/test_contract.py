"""What every recogniser promises, walked over the registry; one whose package or weights are missing here is skipped by name."""

import dataclasses
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kdse.core.errors import UserError
from kdse.recognisers.base import Hypothesis, Options
from kdse.recognisers.registry import ESPNET, RECOGNISERS, find, read_recogniser
from kdse.recognisers.whisper import PACKAGED, PARTS

RATE = 16000
ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf" / "decode"
NEEDS = {"whisper": ("faster_whisper", *PARTS), "pocketsphinx": ("pocketsphinx",)}
# An example of a program: it hears how many tenths of a second a file lasts.
LISTEN = """import sys, wave
for path in open(sys.argv[1]).read().split():
    with wave.open(path) as f:
        assert (f.getframerate(), f.getnchannels(), f.getsampwidth()) == (16000, 1, 2)
        print(path, f.getnframes() // 1600)
"""


def babble(seconds: float, seed: int) -> np.ndarray:
    """Noise in bursts, as loud as speech."""
    t = np.arange(int(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(t))
    return (0.1 * np.clip(np.sin(13 * t), 0, None) * noise).clip(-1, 1 - 2**-15).astype(np.float32)


@pytest.fixture(
    scope="module", params=[name for name in RECOGNISERS if name != ESPNET]
)  # ESPNET, with a network: tests/plugin/test_load.py
def recogniser(request, tmp_path_factory):
    """Each recogniser, loaded, with the least search where it has a choice."""
    for module in NEEDS.get(request.param, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{request.param} needs {module}")
    options = {}
    if request.param == "command":
        script = tmp_path_factory.mktemp("command") / "listen.py"
        script.write_text(LISTEN)
        options = {"command": (sys.executable, str(script))}
    if request.param == "whisper":
        options = {"beam_size": 1, "tokens_per_second": 15}
    made = find(request.param)
    return made(made.Options(**options))


def test_nothing_gives_nothing(recogniser):
    assert recogniser.transcribe([]) == []


def test_silence_and_a_tenth_of_a_second_give_a_hypothesis(recogniser):
    """Whatever was heard in them: text without a line's end, and a finite score or none."""
    waves = [np.zeros(RATE, np.float32), babble(0.1, 1), np.zeros(1, np.float32)]
    found = recogniser.transcribe(waves)
    assert len(found) == 3
    for hypothesis in found:
        assert isinstance(hypothesis, Hypothesis) and isinstance(hypothesis.words, str) and "\n" not in hypothesis.words
        assert hypothesis.score is None or np.isfinite(hypothesis.score)


def test_the_same_wave_gives_the_same_words_in_any_company(recogniser):
    """Order is kept, and nothing that was heard before matters."""
    waves = [babble(0.6, 1), babble(0.3, 2)]
    alone = [recogniser.transcribe([wave])[0].words for wave in waves]
    assert [h.words for h in recogniser.transcribe(waves[::-1])][::-1] == alone


def test_tables_can_name_its_search(recogniser):
    assert recogniser.decode and " " not in recogniser.decode


@pytest.mark.parametrize("name", RECOGNISERS)
def test_options_have_defaults_and_a_state(name):
    kind = find(name).Options
    assert issubclass(kind, Options) and dataclasses.is_dataclass(kind)
    assert {"batch_seconds"} <= set(kind().state()) <= {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize(
    "text, file",
    [
        ("{decode: ctc_beam, lm: lm}", "lm/config.yaml"),
        ("{decode: attention, lm: lm}", "lm/valid.loss.best.pth"),
        ("{decode: ctc_beam, ngram: a.arpa}", "a.arpa"),
        ("recogniser: command\ncommand: [python, listen.py, --model, model]", "listen.py"),
        ("recogniser: command\ncommand: [python, listen.py, --model, model]", "model"),
    ],
)
def test_what_a_file_of_the_options_holds_is_part_of_the_state(tmp_path, monkeypatch, text, file):
    """What was decoded with another file under that name is decoded again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lm").mkdir()
    for name in ("lm/config.yaml", "lm/valid.loss.best.pth", "a.arpa", "listen.py", "model"):
        Path(name).write_text("lm: seq_rnn\n")
    Path("d.yaml").write_text(text)
    states = [read_recogniser(Path("d.yaml"))[1].state() for _ in range(2)]
    Path(file).write_text("lm: transformer\n")
    assert states[0] == states[1] != read_recogniser(Path("d.yaml"))[1].state()


@pytest.mark.parametrize(
    "text, state",
    [
        ("", {"decode": "ctc_greedy", "batch_seconds": 60.0}),
        ("{decode: ctc_beam, penalty: 1}", {"decode": "ctc_beam", "penalty": 1, "batch_seconds": 60.0}),
        (
            "recogniser: command\ncommand: [hear, -x]\ntime_limit: 5",
            {"batch_seconds": 3600.0, "command": ["hear", "-x"], "stdin": False},
        ),
    ],
)
def test_what_needs_no_file_keeps_its_state(tmp_path, text, state):
    """What was decoded stays finished; how long a program may take changes no words."""
    (tmp_path / "d.yaml").write_text(text)
    assert read_recogniser(tmp_path / "d.yaml")[1].state() == state


@pytest.mark.parametrize(
    "path", sorted([*CONF.glob("*.yaml"), *ROOT.glob("egs/*/*/conf/decode/*.yaml")]), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_yaml_of_conf_decode_is_read(path, monkeypatch):
    """Where a recipe's own YAML names files of the recipe, they need not be there."""
    monkeypatch.setattr("kdse.recognisers.pocketsphinx.PocketSphinxOptions.check", lambda *_: None)
    name, options = read_recogniser(path)
    assert name in RECOGNISERS and isinstance(options, find(name).Options)


@pytest.mark.parametrize(
    "text, message",
    [
        ("recogniser: whispr", "there is no recogniser 'whispr' (did you mean 'whisper'?)"),
        ("{recogniser: whisper, beam: 3}", "there is no option 'beam'"),
        ("{recogniser: whisper, beam_size: 0}", "beam_size is 1 or more, not 0"),
        ("{recogniser: whisper, tokens_per_second: -1}", "tokens_per_second is 0 or more, not -1"),
        ("{recogniser: whisper, model: nowhere}", "there is no Whisper model in CTranslate2's format"),
        ("{recogniser: whisper, model: tiny.en, language: de}", "the Whisper model tiny.en knows English only, not 'de'"),
        ("{recogniser: pocketsphinx, words: nowhere}", "there is no list of words nowhere"),
        ("recogniser: command", "command is a list, the program and its arguments"),
        ("{recogniser: command, command: [x], time_limit: 0}", "time_limit is a number of seconds above 0"),
        ("{recogniser: pocketsphinx, batch_seconds: 0}", "batch_seconds must be above 0, not 0"),
        ("batch_seconds: -1.5", "batch_seconds must be above 0, not -1.5"),
        ("recogniser: [whisper]", "recogniser is a name, one of espnet, whisper, pocketsphinx, command, not ['whisper']"),
        ("recogniser: {name: whisper}", "recogniser is a name, one of espnet"),
        ("{recogniser: command, command: python x.py}", "command takes a list of str like [''], not 'python x.py'"),
        ('{recogniser: command, command: [python, "a\\0b"]}', "command has a word with a NUL character: 'a\\x00b'"),
    ],
)
def test_mistakes_in_a_yaml_are_one_sentence(tmp_path, text, message):
    (tmp_path / "d.yaml").write_text(text)
    with pytest.raises(UserError) as e:
        read_recogniser(tmp_path / "d.yaml")
    assert str(e.value).startswith(str(tmp_path / "d.yaml")) and message in str(e.value)


@pytest.mark.parametrize("text", ["base: other.yaml", "{recogniser: pocketsphinx}", "recogniser: pocketsphinx  # old"])
def test_a_yaml_chooses_its_recogniser_however_it_is_written(tmp_path, text):
    (tmp_path / "other.yaml").write_text("recogniser: pocketsphinx\n")
    (tmp_path / "d.yaml").write_text(text)
    assert read_recogniser(tmp_path / "d.yaml")[0] == "pocketsphinx"


def test_the_name_of_a_yaml_is_no_backend_s(tmp_path):
    """Both would have the same folders and rows."""
    (tmp_path / "asr_mine.yaml").write_text("recogniser: pocketsphinx\n")
    with pytest.raises(UserError, match=r"asr_mine.yaml: rows name the recogniser by this file, .*; rename it"):
        read_recogniser(tmp_path / "asr_mine.yaml")


def test_a_language_that_whisper_does_not_know_is_refused_before_it_is_loaded():
    pytest.importorskip("faster_whisper", reason="whisper needs faster_whisper")
    kind = find("whisper").Options
    kind(language="de").check("d.yaml")
    with pytest.raises(UserError, match="language is a code that Whisper knows, such as en or de, not 'xx'"):
        kind(language="xx").check("d.yaml")


def test_whisper_writes_no_more_than_a_wave_can_say():
    kind = find("whisper").Options
    assert kind().limit(RATE) is None
    assert [kind(tokens_per_second=10).limit(n) for n in (1, RATE // 2, RATE, 3 * RATE + 1, 100 * RATE)] == [1, 5, 10, 31, 300]
    assert kind(tokens_per_second=50).limit(30 * RATE) == 400  # as many as its decoder takes


def test_whisper_is_told_its_limit():
    made = find("whisper")
    for most, told in ((0, None), (10, 20)):
        recogniser, heard = object.__new__(made), []
        recogniser.options = made.Options(tokens_per_second=most)
        recogniser.model = SimpleNamespace(transcribe=lambda wave, heard=heard, **given: heard.append(given) or ([], None))
        assert recogniser.transcribe([babble(2.0, 1)]) == [Hypothesis("")]
        assert [given["max_new_tokens"] for given in heard] == [told]


@pytest.mark.parametrize("name, package", [("whisper", "faster_whisper"), ("pocketsphinx", "pocketsphinx")])
def test_a_missing_package_is_one_sentence(monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    made = find(name)
    with pytest.raises(UserError, match=rf"the recogniser {name} needs the package .*; run pip install 'kdse\[recognisers\]'$"):
        made(made.Options())


@pytest.mark.parametrize("model", PACKAGED)
def test_missing_weights_are_one_sentence(monkeypatch, model):
    from kdse.recognisers import whisper

    monkeypatch.setitem(whisper.PACKAGED, model, ("kdse_no_such_weights",))
    with pytest.raises(UserError, match=rf"has no weights of the model {model}: .* -r tools/whisper-requirements.txt"):
        whisper.packaged_weights(model)


def test_packaged_models_are_read_whole():
    """Bytes of model.bin of Systran's faster-whisper-base and -tiny.en."""
    from kdse.recognisers import whisper

    sizes = {"base": 145217532, "tiny.en": 75537502}
    assert sizes.keys() == PACKAGED.keys()
    for model, size in sizes.items():
        for module in PACKAGED[model]:
            pytest.importorskip(module, reason=f"Whisper {model} needs {module}")
        files = whisper.packaged_weights(model)
        assert {*whisper.FILES, "model.bin"} == files.keys() and len(files["model.bin"]) == size


def test_a_model_that_is_none_is_one_sentence(tmp_path):
    pytest.importorskip("faster_whisper", reason="whisper needs faster_whisper")
    (tmp_path / "model.bin").write_bytes(b"no model")
    made = find("whisper")
    with pytest.raises(UserError, match=f"cannot load the Whisper model {tmp_path}: "):
        made(made.Options(model=str(tmp_path)))


def test_pocketsphinx_hears_the_words_of_a_list_alone(tmp_path, capsys):
    pytest.importorskip("pocketsphinx", reason="pocketsphinx needs pocketsphinx")
    (tmp_path / "text").write_text("u1 GO LEFT\nu2 GO XQZW\n")
    made = find("pocketsphinx")
    recogniser = made(made.Options(words=str(tmp_path / "text")))
    assert "its dictionary lacks 1 words of" in capsys.readouterr().out
    heard = " ".join(h.words for h in recogniser.transcribe([babble(1.0, seed) for seed in range(3)]))
    assert set(heard.split()) <= {"go", "left"} and recogniser.decode == "unigram_lm"
    before = made.Options(words=str(tmp_path / "text")).state()
    (tmp_path / "text").write_text("u1 XQZW\n")
    assert made.Options(words=str(tmp_path / "text")).state() != before  # what was decoded with other words is decoded again
    with pytest.raises(UserError, match="has no transcript with a word that the dictionary"):
        made(made.Options(words=str(tmp_path / "text")))
