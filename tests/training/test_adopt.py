"""A trained ESPnet recogniser becomes a backend in each form it comes in, with its own tokens and normalisation, or is refused."""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core.step import done_hash
from kdse.plugin.load import load_backend
from kdse.runs.record import read_run


def adopt(model: Path, out: Path) -> int:
    return main(["adopt", "--model", str(model), "--out", str(out), "--corpus", "tiny"])


@pytest.fixture
def espnet_experiment(backend, tmp_path, monkeypatch) -> Path:
    """What an ESPnet recipe leaves: exp/asr_x with config.yaml and averaged models; files are named relative to the recipe.

    It normalises with statistics of its own corpus.
    """
    from espnet2.tasks.asr import ASRTask

    recipe = tmp_path / "egs2" / "other" / "asr1"
    folder = recipe / "exp" / "asr_x"
    (recipe / "data" / "bpe").mkdir(parents=True)
    (recipe / "exp" / "asr_stats").mkdir(parents=True)
    folder.mkdir()
    config = yaml.safe_load((backend / "config.yaml").read_text())
    shutil.copyfile(backend / "bpe.model", recipe / "data" / "bpe" / "bpe.model")
    rng = np.random.default_rng(0)
    total, count = rng.standard_normal(20) * 100, 100
    np.savez(recipe / "exp" / "asr_stats" / "feats_stats.npz", count=count, sum=total, sum_square=total**2 / count + 5 * count)
    config |= {"bpemodel": "data/bpe/bpe.model", "normalize": "global_mvn"}
    config |= {"normalize_conf": {"stats_file": "exp/asr_stats/feats_stats.npz"}, "best_model_criterion": [["valid", "acc", "max"]]}
    for name in ("mix_conf", "kdse_conf", "use_nlp_prompt"):  # kdse's own, and one that older versions of ESPnet did not have
        config.pop(name, None)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(recipe)
    model, _ = ASRTask.build_model_from_file("exp/asr_x/config.yaml")
    model.load_state_dict(torch.load(backend / "model.pth", weights_only=True), strict=False)  # the statistics are its own
    torch.save(model.state_dict(), folder / "valid.acc.ave_1best.pth")
    monkeypatch.chdir(tmp_path)
    (folder / "valid.acc.ave.pth").symlink_to("valid.acc.ave_1best.pth")
    return folder


@pytest.fixture
def packed(espnet_experiment, monkeypatch, tmp_path) -> Path:
    """The same, packed by ESPnet."""
    from espnet2.main_funcs.pack_funcs import pack

    monkeypatch.chdir(espnet_experiment.parents[1])
    out = tmp_path / "packed.zip"
    pack(
        files={"asr_model_file": "exp/asr_x/valid.acc.ave_1best.pth"},
        yaml_files={"asr_train_config": "exp/asr_x/config.yaml"},
        outpath=out,
        option=["data/bpe/bpe.model", "exp/asr_stats/feats_stats.npz"],
    )
    monkeypatch.chdir(tmp_path)
    return out


def latents(model: torch.nn.Module) -> torch.Tensor:
    wave = torch.sin(torch.arange(16000) / 20)[None]
    with torch.inference_mode():
        return model.encode(wave, torch.tensor([16000]))[0]


def test_every_form_gives_the_same_recogniser(espnet_experiment, packed, tmp_path, monkeypatch):
    """Experiment folder, .pth file, zip, unpacked zip, tar: same latents, which are those of ESPnet's own loader; and a second time
    nothing is done."""
    from espnet2.tasks.asr import ASRTask

    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(packed) as held:
        held.extractall(folder)
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as held:
        held.add(folder, arcname=".")
    monkeypatch.chdir(espnet_experiment.parents[1])
    expected = latents(ASRTask.build_model_from_file("exp/asr_x/config.yaml", "exp/asr_x/valid.acc.ave.pth")[0].eval())
    monkeypatch.chdir(tmp_path)
    forms = [espnet_experiment, espnet_experiment / "valid.acc.ave.pth", packed, folder, tmp_path / "packed.tar.gz"]
    hashes = set()
    for number, form in enumerate(forms):
        out = tmp_path / "exp" / f"asr_{number}"
        assert adopt(form, out) == 0, form
        model, args = load_backend(out)
        assert torch.equal(latents(model), expected), form
        assert args.normalize_conf["stats_file"] == str(out / "feats_stats.npz") and args.bpemodel == str(out / "bpe.model")
        assert (out / "tokens.txt").read_text().splitlines() == model.token_list
        assert read_run(out)["backend"] == out.name
        hashes.add(done_hash(out))
        before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
        assert adopt(form, out) == 0
        assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    assert len(hashes) <= 2  # an experiment folder names its files otherwise than an archive


def test_an_adopted_backend_teaches_and_decodes(packed, packs, train_se, noisy_set, tmp_path):
    out, tokens = tmp_path / "exp" / "asr_adopted", tmp_path / "exp" / "tokens_adopted"
    assert adopt(packed, out) == 0
    config = tmp_path / "tokens.yaml"
    config.write_text("clusters: 4\n")
    assert main(["tokens", *map(str, ["--backend", out, "--dump", packs, "--config", config, "--out", tokens])]) == 0
    assert train_se(tmp_path / "exp" / "kd", "kd", "--backend", out, "--tokens", tokens) == 0
    run = tmp_path / "exp" / "mct_noisy_seed0"
    words = ["--run", run, "--backend", out, "--corpus", "tiny", "--dump", noisy_set.parent, "--sets", noisy_set.name]
    assert main(["decode", *map(str, words)]) == 0


def edited(folder: Path, **changes) -> None:
    """Change the config of an experiment; None removes an entry."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for key, value in changes.items():
        config.pop(key, None)
        if value is not None:
            config[key] = value
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"frontend_conf": {"fs": "8k", "n_mels": 20, "n_fft": 512}},
            "it takes speech of 8000 Hz, and all corpora",
        ),
        (
            {"token_list": ["<blank>", "a", "<sos/eos>"]},
            "the token list does not match the model: it has 3 tokens, and its checkpoint was trained with 14",
        ),
        ({"token_list": None}, "its config has no 'token_list', so it is no recogniser's"),
        ({"token_list": 7}, "its token_list is not a list of tokens"),
        ({"encoder": "konformer"}, "there is no 'konformer' (did you mean 'conformer'?)"),
        ({"input_size": 80}, "it takes features from files (input_size: 80), not waveforms"),
        ({"bpemodel": None}, "its tokens are of type bpe, and its config names no bpemodel"),
        ({"bpemodel": "data/bpe/gone.model"}, "the file data/bpe/gone.model, which it names, is not there"),
        ({"bpemodel": 5}, "bpemodel must be a path, not 5"),
        ({"frontend": "s3prl", "frontend_conf": {}}, "needs the package s3prl, which is not installed"),
        # the weights of a self-supervised network are in the checkpoint, so their file is not asked for
        ({"frontend": "kdse_ssl", "frontend_conf": {"weights": "/gone.pth"}}, "is of another architecture"),
        ({"frontend_conf": "abc"}, "frontend_conf must hold 'key: value' pairs, not 'abc'"),
        ({"frontend_conf": {"fs": [16000]}}, "frontend_conf: fs must be a number, not [16000]"),
        ({"normalize_conf": "x"}, "normalize_conf must hold 'key: value' pairs, not 'x'"),
        ({"normalize_conf": {"stats_file": 5}}, "stats_file must be a path, not 5"),
        ({"best_model_criterion": 5}, "best_model_criterion must be a list of [phase, score, min or max], not 5"),
        (
            {"best_model_criterion": [["a", "b"]]},
            "best_model_criterion must be a list of [phase, score, min or max], not [['a', 'b']]",
        ),
        ({"token_list": "x" * 5000}, f"the file {'x' * 197}..., which it names, is not there"),
        ({"token_list": "a\nb\0"}, r"the file a\nb\x00, which it names, is not there"),
        ({"encoder": ["a"]}, "encoder must be a name, not ['a']"),
        ({"encoder_conf": {1: 2, "a": 3}}, "its config holds more than plain values"),
        ({"model_conf": {"ctc_weight": 9}}, "in ESPnetASRModel this does not hold (9): 0.0 <= ctc_weight <= 1.0"),
    ],
)
def test_mismatches_are_refused_in_one_sentence(espnet_experiment, tmp_path, capsys, changes, message):
    edited(espnet_experiment, **changes)
    out = tmp_path / "exp" / "asr_adopted"
    assert adopt(espnet_experiment, out) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not out.exists() and not list(tmp_path.glob("exp/.part*"))


def test_what_is_no_model_is_refused(espnet_experiment, tmp_path, capsys):
    def refusal(path: Path) -> str:
        assert adopt(path, tmp_path / "exp" / "asr_adopted") == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    assert "does not exist" in refusal(tmp_path / "gone")
    (tmp_path / "model.txt").write_text("x")
    assert "is no ESPnet model" in refusal(tmp_path / "model.txt")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as held:
        held.writestr("a.txt", "x")
    assert "holds no meta.yaml" in refusal(tmp_path / "empty.zip")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as held:
        held.writestr("../escaped", "x")
    assert "leads out of the folder" in refusal(tmp_path / "out.zip")
    with tarfile.open(tmp_path / "out.tar", "w") as held:
        member = tarfile.TarInfo("../escaped")
        member.size = 1
        held.addfile(member, io.BytesIO(b"x"))
    assert "is not unpacked" in refusal(tmp_path / "out.tar")
    assert not (tmp_path.parent / "escaped").exists()
    torch.save({"encoder.x": torch.zeros(2)}, espnet_experiment / "valid.acc.ave_1best.pth")
    assert "is of another architecture" in refusal(espnet_experiment)
    for path in espnet_experiment.glob("*.pth"):
        path.unlink()
    assert "holds none of model.pth, valid.acc.ave.pth; give the .pth file itself" in refusal(espnet_experiment)


@pytest.mark.parametrize("fs", [16000.0, "16k", "16000"])
def test_a_rate_is_16_khz_however_it_is_written(espnet_experiment, tmp_path, fs):
    frontend = yaml.safe_load((espnet_experiment / "config.yaml").read_text())["frontend_conf"]
    edited(espnet_experiment, frontend_conf=frontend | {"fs": fs})
    assert adopt(espnet_experiment, tmp_path / "exp" / "asr_x") == 0


def test_what_was_trained_here_is_never_overwritten(backend, espnet_experiment, tmp_path, snapshot, capsys):
    """Neither by another model nor by itself; what was adopted may be."""
    trained = Path(shutil.copytree(backend, tmp_path / "exp" / "asr"))
    before = snapshot(trained)
    assert adopt(espnet_experiment, trained) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{trained} holds a model that was trained here" in line
    for model in (trained, trained / "model.pth"):
        assert adopt(model, trained) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{model} lies in {trained}, the folder it would be copied to" in line
    assert snapshot(trained) == before
    assert adopt(trained, tmp_path / "exp" / "asr_x") == adopt(espnet_experiment, tmp_path / "exp" / "asr_x") == 0


def tar(path: Path, kind: str, files: dict[str, bytes]) -> None:
    with tarfile.open(path, f"w:{kind}") as held:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            held.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("form", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_damaged_archives_are_refused_in_one_sentence(tmp_path, capsys, form):
    """Bytes are flipped at each of many places, and the end is cut off; some places change nothing that is read."""
    path = tmp_path / f"m.{form}"
    noise = {name: np.random.default_rng(0).bytes(3000) for name in ("a.pth", "b.pth")}
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
            for name, content in noise.items():
                held.writestr(name, content + bytes(3000))
    else:
        tar(path, form.partition(".")[2], noise)
    whole = path.read_bytes()
    seen = set()
    flipped = [whole[:at] + bytes(b ^ 0x5A for b in whole[at : at + 9]) + whole[at + 9 :] for at in range(0, len(whole), 100)]
    for damaged in [*flipped, whole[: len(whole) // 2], b"PK damaged"]:
        path.write_bytes(damaged)
        assert adopt(path, tmp_path / "exp" / "asr_x") == 2
        (line,) = capsys.readouterr().err.splitlines()
        seen.add("cannot unpack" in line or "is not unpacked" in line)
    assert True in seen and not (tmp_path / "exp").exists()


META = "files: {asr_model_file: m.pth}\nyaml_files: {asr_train_config: c.yaml}\n"


@pytest.mark.parametrize(
    "files, message",
    [
        ({"meta.yaml": "a: ["}, "meta.yaml, line 1 is not valid YAML"),
        ({"meta.yaml": "- 1"}, "meta.yaml must hold 'key: value' pairs, not a list"),
        ({"c.yaml": "a: ["}, "c.yaml, line 1 is not valid YAML"),
        ({"meta.yaml": META.replace("m.pth", "../secret")}, "the file ../secret, which it names, lies outside of it"),
        ({"meta.yaml": META.replace("c.yaml", "SECRET")}, "SECRET, which it names, lies outside of it"),
        ({"c.yaml": "token_list: SECRET"}, "SECRET, which it names, lies outside of it"),
        ({"c.yaml": "bpemodel: SECRET"}, "SECRET, which it names, lies outside of it"),
        ({"c.yaml": "{normalize: global_mvn, normalize_conf: {stats_file: SECRET}}"}, "SECRET, which it names, lies outside of it"),
    ],
)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_speaks_of_itself_alone(tmp_path, monkeypatch, capsys, form, files, message):
    """What is wrong is named by the archive, not by where it was unpacked; and its files name none outside of it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # so that ../secret is there
    secret = tmp_path / "secret"
    secret.write_text("x")
    held = {"meta.yaml": META, "c.yaml": "a: b", "m.pth": "x"} | files
    held = {name: text.replace("SECRET", str(secret)) for name, text in held.items()}
    path = tmp_path / f"model.{form}"
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in held.items():
                archive.writestr(name, text)
    else:
        tar(path, "", {name: text.encode() for name, text in held.items()})
    assert adopt(path, tmp_path / "exp" / "asr_x") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kdse adopt: {path}") and message.replace("SECRET", str(secret)) in line
    assert "kdse-model-" not in line and not list(tmp_path.glob("kdse-model-*"))
