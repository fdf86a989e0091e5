"""What a user's words mean: students with settings, enhancers by name, recognisers."""

import sys
from pathlib import Path

import pytest
import yaml

from kdse.compare.choose import choose_systems, default_recognisers, student
from kdse.compare.recognisers import BUILT_IN, choose_recognisers
from kdse.compare.systems import LogMMSE, Mixed, PeerSystem, Untouched, check_names, slug
from kdse.core.errors import UserError
from kdse.enhancers.peers import PEERS, WHOLE
from kdse.recognisers.registry import find, read_recogniser

CONF = Path(__file__).parents[2] / "conf" / "decode"
NOTHING = {"floor": None, "exponent": None, "mix": None}


def test_a_student_with_settings_of_its_own():
    bare, mixed = student("general", NOTHING), student("general,mix=0.25,floor=-20", {"floor": -16.0, "exponent": 0.5, "mix": None})
    assert bare.name == "general" and mixed.name == "general, floor -20, exponent 0.5, mix 0.25"
    assert (mixed.settings.floor, mixed.settings.exponent, mixed.settings.mix) == (-20.0, 0.5, 0.25)
    assert bare.state()["model"] == mixed.state()["model"] and bare.state() != mixed.state()
    assert student("general,floor=-inf", NOTHING).state()["floor_db"] == "-inf"


@pytest.mark.parametrize(
    "text, message",
    [
        ("general,mix=2", "the mix is a share"),
        ("general,mix=x", "--model general,mix=x: mix is a number, not 'x'"),
        ("general,mix=0,mix=1", "--model general,mix=0,mix=1 says mix twice"),
        ("generl", "there is no model 'generl'"),
        ("general,mx=1", "there is no model 'general,mx=1'"),
        ("", "--model has an empty name"),
    ],
)
def test_students_that_cannot_be(text, message):
    with pytest.raises(UserError) as e:
        student(text, NOTHING)
    assert message in str(e.value)


def test_enhancers_by_name_in_any_spelling(tmp_path):
    for peer in (PEERS["DeepFilterNet3"], WHOLE["noisereduce"]):
        for name in peer.files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    systems, absent = choose_systems(["general"], NOTHING, ["deepfilternet-3", "LogMMSE (kdse)", "Noise Reduce"], tmp_path, [])
    assert systems[1:] == [PeerSystem("DeepFilterNet3", tmp_path), LogMMSE(), PeerSystem("noisereduce", tmp_path)] and not absent
    assert [s.name for s in choose_systems(["general"], NOTHING, [], tmp_path, ["c=cp {in} {out}"])[0]] == ["general", "c"]
    with pytest.raises(UserError, match=r"there is no enhancer 'RNoise 0.1' \(did you mean 'RNNoise 0.1'\?\); there are RNNoise"):
        choose_systems(["general"], NOTHING, ["RNoise 0.1"], tmp_path, [])


def test_enhancers_with_observation_adding(tmp_path):
    systems, _ = choose_systems([], NOTHING, ["log-mmse (kdse),mix=0.4", "log-mmse (kdse),mix=0"], tmp_path, [])
    assert systems == [Mixed(LogMMSE(), 0.4), LogMMSE()] and systems[0].name == "log-MMSE (kdse), mix 0.4"
    assert systems[0].state() == LogMMSE().state() | {"mix": 0.4}
    for share in ("1.5", "x", "", "nan", "-0.1"):
        with pytest.raises(UserError, match=rf"^--enhancers GTCRN,mix={share}: mix is a share of .* 0 and 1, not '{share}'$"):
            choose_systems([], NOTHING, [f"GTCRN,mix={share}"], tmp_path, [])
    with pytest.raises(UserError, match=r"there is no enhancer 'GTCRN,floor=1'.*; observation adding is written NAME,mix=0.4$"):
        choose_systems([], NOTHING, ["GTCRN,floor=1"], tmp_path, [])


def test_the_beginning_of_a_name_means_all_that_begin_so(tmp_path):
    _, absent = choose_systems(["general"], NOTHING, ["rnnoise", "WebRTC", "log-mmse", "logmmse"], tmp_path, [])
    assert [line.partition(":")[0] for line in absent[:-1]] == ["RNNoise 0.1", "RNNoise 0.2", "WebRTC NS", "logmmse"]


def test_what_is_not_installed_is_a_line_that_says_how(tmp_path):
    systems, absent = choose_systems(["general"], NOTHING, None, tmp_path / "peers", [])
    assert [system.kind for system in systems] == ["student", "classical"]
    assert absent[:-1] == [f"{name}: not installed" for name in (*PEERS, *WHOLE)]
    assert absent[-1].startswith("to install: python -m pip install --no-deps --require-hashes --target")


def test_names_are_told_apart():
    assert slug("kd, mix 0.2") == "kd_mix_0.2" and slug("../x") == "x" and slug("é/ü") == "é_ü" and slug("??")
    with pytest.raises(UserError, match="two enhancers are called 'general' and 'general'"):
        check_names([student("general", NOTHING), student("general", NOTHING)])
    with pytest.raises(UserError, match="two enhancers are called"):
        check_names([Untouched("noisy"), *choose_systems([], NOTHING, [], Path("x"), ["Noisy=cp {in} {out}"])[0]])


def test_built_in_recognisers_are_those_of_their_yaml():
    """An installed kdse has no conf/decode."""
    for name, (recogniser, values) in BUILT_IN.items():
        kind, options = read_recogniser(CONF / f"{name}.yaml")
        assert (kind, options) == (recogniser, find(recogniser).Options(**values))


def test_recognisers_by_name_yaml_and_folder(tmp_path):
    folder = tmp_path / "my_whisper"
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"x")
    path = tmp_path / "listen.yaml"
    path.write_text(yaml.safe_dump({"recogniser": "command", "command": [sys.executable], "batch_seconds": 7.0}))
    found = choose_recognisers(["whisper_tiny", str(path), str(folder)])
    assert [listener.name for listener in found] == ["whisper_tiny", "listen", "my_whisper"]
    assert all(listener.writes_freely for listener in found) and found[1].batch_seconds == 7.0
    before = found[2].state()
    (folder / "model.bin").write_bytes(b"y")
    assert found[2].state() != before


@pytest.mark.parametrize(
    "given, message",
    [
        (["wisper"], "there is no recogniser 'wisper' (did you mean 'whisper'?); give whisper, whisper_tiny, pocketsphinx, a YAML"),
        (["whisper", "whisper"], "two recognisers are called 'whisper'"),
        ([str(CONF / "ctc_greedy.yaml")], "searches with an ESPnet model"),
    ],
)
def test_recognisers_that_cannot_be(given, message):
    with pytest.raises(UserError) as e:
        choose_recognisers(given)
    assert message in str(e.value)


def test_without_a_text_nobody_listens(mine):
    assert default_recognisers(mine) == ["whisper"]
    (mine / "text").unlink()
    assert default_recognisers(mine) == []
