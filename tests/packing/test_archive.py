"""A packed run is what ESPnet's own functions unpack and load, anywhere, to the same samples and words; nothing else is written."""

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
import torch
import yaml

from kdse.cli import main
from kdse.enhancers.learned import trained_enhancer
from kdse.plugin.load import load_backend

NOISY = (0.1 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)


def pack(run: Path, out: Path, *options: object) -> int:
    return main(["pack", "--run", str(run), "--out", str(out), *map(str, options)])


@pytest.fixture
def unpacked(tmp_path, monkeypatch) -> Callable[..., dict[str, str]]:
    """unpacked(run, *options): packs a run, unpacks it by ESPnet's own function in another folder, and goes there."""
    from espnet2.main_funcs.pack_funcs import unpack

    def both(run: Path, *options: object) -> dict[str, str]:
        archive = tmp_path / "elsewhere" / "model.zip"
        assert pack(run, archive, *options) == 0
        monkeypatch.chdir(archive.parent)
        return unpack("model.zip", "model")

    return both


@pytest.fixture(scope="module")
def joint(packs, backend, train_se) -> Path:
    """A finished run that trained a front end and a recogniser."""
    out = packs.parent / "exp" / "joint_straight_tiny_seed0"
    assert train_se(out, "joint_straight", "--backend", backend, "--data", packs.parent / "data") == 0
    return out


def separate(*, train_config: str, model_file: str) -> np.ndarray:
    from espnet2.bin.enh_inference import SeparateSpeech

    [enhanced] = SeparateSpeech(train_config, model_file)(NOISY[None], fs=16000)
    return enhanced[0]


def recognise(*, asr_train_config: str, asr_model_file: str) -> tuple[str, list[str], float]:
    """ESPnet's text, tokens and score."""
    from espnet2.bin.asr_inference import Speech2Text

    recogniser = Speech2Text(asr_train_config, asr_model_file, ctc_weight=1.0, beam_size=2)
    [(text, tokens, _, hypothesis), *_] = recogniser(NOISY)
    return text, tokens, float(hypothesis.score)


def test_a_front_end_gives_the_same_samples(kd, unpacked):
    files = unpacked(kd[0])
    assert files == {"train_config": "model/enh/config.yaml", "model_file": "model/enh/model.pth"}
    assert np.array_equal(separate(**files), trained_enhancer(kd[0])(NOISY))


def test_espnet_s_from_pretrained_takes_it(kd, unpacked):
    from espnet2.bin.enh_inference import SeparateSpeech

    [enhanced] = SeparateSpeech.from_pretrained(**unpacked(kd[0]))(NOISY[None], fs=16000)
    assert np.array_equal(enhanced[0], trained_enhancer(kd[0])(NOISY))


def test_the_model_zoo_takes_it(kd, unpacked, tmp_path):
    """What `from_pretrained("model.zip")` does; it asks no network for a file that is here."""
    from espnet_model_zoo.downloader import ModelDownloader

    unpacked(kd[0])
    files = ModelDownloader(tmp_path / "cache").download_and_unpack("model.zip")
    assert np.array_equal(separate(**files), trained_enhancer(kd[0])(NOISY))


def test_a_recogniser_gives_the_same_words(backend, packs, unpacked, monkeypatch):
    """Its own words come of its own pieces of words, which lie in the archive."""
    monkeypatch.chdir(packs.parent)
    expected = recognise(asr_train_config=str(backend / "config.yaml"), asr_model_file=str(backend / "model.pth"))
    files = unpacked(backend)
    assert recognise(**files) == expected
    config = yaml.safe_load(Path(files["asr_train_config"]).read_text())
    assert config["bpemodel"] == "model/asr/bpe.model" and Path(config["bpemodel"]).is_file()


def test_a_joint_run_has_both(joint, unpacked, weights, same):
    """The recogniser that it trained, with the pieces of words of the one it began with, and its front end beside."""
    files = unpacked(joint)
    assert files == {"asr_train_config": "model/asr/config.yaml", "asr_model_file": "model/asr/model.pth"}
    packed = torch.load(files["asr_model_file"], weights_only=True)
    assert same(packed, torch.load(joint / "asr" / "model.pth", weights_only=True))
    recognise(**files)
    samples = separate(train_config="model/enh/config.yaml", model_file="model/enh/model.pth")
    assert np.array_equal(samples, trained_enhancer(joint)(NOISY))


def test_the_front_end_of_a_joint_run_alone(joint, unpacked):
    files = unpacked(joint, "--part", "enh")
    assert np.array_equal(separate(**files), trained_enhancer(joint)(NOISY)) and not Path("model/asr").exists()


def test_an_archive_can_be_adopted(joint, tmp_path):
    assert pack(joint, tmp_path / "model.zip") == 0
    out = tmp_path / "exp" / "asr_adopted"
    assert main(["adopt", "--model", str(tmp_path / "model.zip"), "--out", str(out), "--corpus", "tiny"]) == 0
    wave, length = torch.from_numpy(NOISY)[None], torch.tensor([len(NOISY)])
    with torch.inference_mode():
        adopted, own = (load_backend(folder)[0].encode(wave, length)[0] for folder in (out, joint / "asr"))
    assert torch.equal(adopted, own)


def test_statistics_are_packed(backend, tmp_path, unpacked):
    """A recogniser that normalises by its corpus's statistics, adopted from an ESPnet experiment."""
    from espnet2.tasks.asr import ASRTask

    given, adopted = tmp_path / "asr_x", tmp_path / "exp" / "asr_adopted"
    shutil.copytree(backend, given)
    config = yaml.safe_load((given / "config.yaml").read_text())
    np.savez(given / "stats.npz", count=100, sum=np.full(20, 50.0), sum_square=np.full(20, 300.0))
    config |= {"normalize": "global_mvn", "normalize_conf": {"stats_file": str(given / "stats.npz")}}
    (given / "config.yaml").write_text(yaml.safe_dump(config))
    state = torch.load(given / "model.pth", weights_only=True)
    state |= {"normalize.mean": torch.full((20,), 0.5), "normalize.std": torch.full((20,), 2.75**0.5)}
    torch.save(state, given / "model.pth")
    assert main(["adopt", "--model", str(given), "--out", str(adopted), "--corpus", "tiny"]) == 0
    files = unpacked(adopted)
    shutil.rmtree(given)
    model, args = ASRTask.build_model_from_file(files["asr_train_config"], files["asr_model_file"])
    assert args.normalize_conf["stats_file"] == "model/asr/feats_stats.npz" and torch.all(model.normalize.mean == 0.5)


@pytest.mark.parametrize("run", ["kd", "backend", "joint"])
def test_no_name_leads_out(run, request, tmp_path):
    """Neither names of files in the archive, nor what its configs name: no path of this machine, of a recipe or of a training."""
    folder = request.getfixturevalue(run)
    folder = folder[0] if isinstance(folder, tuple) else folder
    assert pack(folder, tmp_path / "model.zip") == 0
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        names = archive.namelist()
        configs = {name: archive.read(name).decode() for name in names if name.endswith(".yaml")}
        card = archive.read("README.md").decode()
    assert {"meta.yaml", "README.md"} < set(names) and len(names) == len(set(names))
    assert not [name for name in names if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    for name, text in configs.items():
        paths = [value for value in texts(yaml.safe_load(text)) if "/" in value and "://" not in value]
        assert set(paths) <= set(names), name
    assert str(folder.parent) not in card.replace(str(folder.parent / "model.zip"), "")


def texts(value) -> list[str]:
    """All texts in a config but those of its tokens."""
    if isinstance(value, dict):
        return [text for key, held in value.items() if key != "token_list" for text in texts(held)]
    if isinstance(value, list):
        return [text for held in value for text in texts(held)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("run", ["kd", "backend", "joint"])
def test_the_code_of_the_card_runs(run, request, tmp_path, monkeypatch):
    """As it stands, in a folder with the archive and a WAV file."""
    folder = request.getfixturevalue(run)
    folder = folder[0] if isinstance(folder, tuple) else folder
    assert pack(folder, tmp_path / "model.zip") == 0
    monkeypatch.chdir(tmp_path)
    for name in ("noisy.wav", "speech.wav"):
        soundfile.write(name, NOISY, 16000)
    with zipfile.ZipFile("model.zip") as archive:
        card = archive.read("README.md").decode()
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", card, re.DOTALL):
        exec(code, names)
    assert ("enhanced" in names) == (run != "backend") and ("text" in names) == (run != "kd")


def unfinished(run: Path) -> None:
    (run / ".done").unlink()


def no_model(run: Path) -> None:
    shutil.rmtree(run / "enh")


def no_run(run: Path) -> None:
    (run / "run.yaml").unlink()


def damaged(run: Path) -> None:
    (run / "enh" / "model.pth").write_bytes(b"nothing")


def other_size(run: Path) -> None:
    text = (run / "enh" / "config.yaml").read_text()
    (run / "enh" / "config.yaml").write_text(text.replace("units: 5", "units: 6"))


@pytest.mark.parametrize(
    "spoil, options, message",
    [
        (unfinished, (), "kd_tiny_seed0 is not finished; run the stage that trains it again"),
        (no_model, (), "kd_tiny_seed0 holds no model: it has neither a front end nor a recogniser"),
        (no_run, (), "kd_tiny_seed0 is no run: it has no run.yaml"),
        (damaged, (), "kd_tiny_seed0: enh/model.pth is not a readable checkpoint"),
        (other_size, (), "kd_tiny_seed0: the checkpoint enh/model.pth is of another architecture"),
        (lambda run: None, ("--part", "asr"), "kd_tiny_seed0 has no recogniser of its own; give --part enh"),
        (lambda run: None, ("--results", "nowhere"), "--results nowhere is no folder"),
    ],
)
def test_what_cannot_be_packed_is_one_sentence(spoil, options, message, kd, tmp_path, capsys):
    """And an archive that was there stays as it was."""
    run, out = tmp_path / "exp" / kd[0].name, tmp_path / "model.zip"
    shutil.copytree(kd[0], run)
    spoil(run)
    out.write_bytes(b"of before")
    assert pack(run, out, "--force", *options) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert out.read_bytes() == b"of before" and sorted(path.name for path in tmp_path.iterdir()) == ["exp", "model.zip"]


def test_a_recogniser_has_no_front_end(backend, tmp_path, capsys):
    assert pack(backend, tmp_path / "model.zip", "--part", "enh") == 2
    assert "asr has no front end; give --part asr to pack its recogniser" in capsys.readouterr().err


def test_nothing_is_overwritten_unasked(kd, tmp_path, capsys):
    out = tmp_path / "model.zip"
    out.write_bytes(b"of before")
    assert pack(kd[0], out) == 2
    assert f"{out} is there already; give --force to replace it, or another --out" in capsys.readouterr().err
    assert out.read_bytes() == b"of before"
    assert pack(kd[0], out, "--force") == 0 and zipfile.is_zipfile(out)
    assert pack(kd[0], tmp_path / "model.tar") == 2
    assert "--out must end in .zip, not 'model.tar'" in capsys.readouterr().err
