"""Trained models come back whole or not at all, and do the same in `kdse enhance` and `kdse decode`."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kdse.cli import main
from kdse.core.errors import UserError
from kdse.data.audio import read_audio
from kdse.data.datadir import read_table
from kdse.enhancers.learned import trained_enhancer
from kdse.plugin.checkpoint import load_state
from kdse.plugin.load import load_backend, load_front_end, load_teacher
from kdse.tokens.codebook import TokenBook, save_tokens


@pytest.fixture
def run(standalone, tmp_path) -> Path:
    """A copy of a finished run, to be broken."""
    return Path(shutil.copytree(standalone[0], tmp_path / "exp" / "run"))


def enhance(run: Path, noisy_set: Path) -> int:
    return main(["enhance", *map(str, ["--run", run, "--dump", noisy_set.parent, "--sets", noisy_set.name])])


def decode(run: Path, backend: Path, noisy_set: Path, *options) -> int:
    words = ["--run", run, "--backend", backend, "--dump", noisy_set.parent, "--sets", noisy_set.name, *options]
    return main(["decode", *map(str, words)])


def test_enhanced_samples_are_the_model_s(run, noisy_set):
    assert enhance(run, noisy_set) == 0
    enhancer, noisy = trained_enhancer(run), read_table(noisy_set / "wav.scp")
    found = read_table(run / "enhanced" / "tiny" / "wav.scp")
    assert list(found) == sorted(noisy)
    for utt, path in found.items():
        expected = enhancer(read_audio(noisy[utt]).astype(np.float32) / 32768)
        assert np.array_equal(read_audio(path), np.clip(np.rint(expected * 32768), -32768, 32767).astype(np.int16))


def test_enhance_and_decode_are_skipped_the_second_time(run, backend, noisy_set, snapshot, capsys):
    for _ in range(2):
        assert enhance(run, noisy_set) == 0 and decode(run, backend, noisy_set) == 0
        said, before = capsys.readouterr().out, snapshot(run)
    assert said.count("done before, skipped") == 2 and snapshot(run) == before
    assert set(read_table_of_texts(run)) == {"t0", "t1", "t2"}


def read_table_of_texts(run: Path) -> dict[str, str]:
    lines = (run / "decode" / "asr" / "tiny" / "text").read_text(encoding="utf-8").splitlines()
    return {utt: words for utt, _, words in (line.partition(" ") for line in lines)}


def test_acoustic_tokens_of_every_frame_and_the_share_that_changed(run, backend, tokens, noisy_set, snapshot, capsys):
    """Clean tokens are computed once and stay with the tokenizer. Without a front end each utterance is its clean signal here."""
    from kdse.tokens.codebook import read_tokens

    bare = run.parent / "mct_noisy_seed0"
    assert enhance(run, noisy_set) == decode(run, backend, noisy_set, "--tokens", tokens) == 0
    assert not (run / "decode/asr/tiny/token_error_rate").exists()  # a recording has no clean signal
    shutil.rmtree(run / "decode")
    shutil.copy(noisy_set / "wav.scp", noisy_set / "spk1.scp")
    for name in (run, bare, run):
        assert decode(name, backend, noisy_set, "--tokens", tokens, "--corpus", "tiny") == 0
    assert capsys.readouterr().out.count("tokens of clean tiny: 3 in") == 1
    clean = read_tokens(tokens / "clean_tiny" / "tokens")
    heard = read_tokens(run / "decode" / "asr" / "tiny" / "tokens")
    rates = {
        line.split()[0]: float(line.split()[1]) for line in (run / "decode/asr/tiny/token_error_rate").read_text().splitlines()
    }
    assert rates == {utt: pytest.approx(np.mean(heard[utt] != clean[utt]), abs=1e-4) for utt in ("t0", "t1", "t2")}
    assert (bare / "decode/asr/tiny/token_error_rate").read_text() == "t0 0.0000\nt1 0.0000\nt2 0.0000\n"
    assert all(0 <= token < 4 for strip in clean.values() for token in strip)


def test_hypotheses_do_not_depend_on_what_is_decoded_beside(run, backend, noisy_set, tmp_path):
    """One utterance at a time, or all together."""
    found = []
    for seconds in (0.01, 60):
        (tmp_path / "decode.yaml").write_text(f"batch_seconds: {seconds}\n")
        assert enhance(run, noisy_set) == 0
        words = [
            "--run",
            run,
            "--backend",
            backend,
            "--dump",
            noisy_set.parent,
            "--sets",
            "tiny",
            "--config",
            tmp_path / "decode.yaml",
        ]
        assert main(["decode", *map(str, words)]) == 0
        found.append(read_table_of_texts(run))
    assert found[0] == found[1]


def reshape(run: Path) -> str:
    config = yaml.safe_load((run / "enh" / "config.yaml").read_text())
    config["separator_conf"]["units"] = 6
    (run / "enh" / "config.yaml").write_text(yaml.safe_dump(config))
    return r"enh/model.pth is of another architecture: '\S+' is \(\d.*\) instead of \(\d"


def deepen(run: Path) -> str:
    config = yaml.safe_load((run / "enh" / "config.yaml").read_text())
    config["separator_conf"]["channels"] = [2, 3, 4, 4]
    (run / "enh" / "config.yaml").write_text(yaml.safe_dump(config))
    return r"enh/model.pth is of another architecture: "


def truncate(run: Path) -> str:
    path = run / "enh" / "model.pth"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return r"enh/model.pth is not a readable checkpoint .*; train it again"


def replace(run: Path) -> str:
    (run / "enh" / "model.pth").write_text("not a model")
    return r"enh/model.pth is not a readable checkpoint"


def remove(run: Path) -> str:
    (run / "enh" / "model.pth").unlink()
    return r"there is no checkpoint \S+enh/model.pth"


def poison(run: Path) -> str:
    path = run / "enh" / "model.pth"
    state = torch.load(path)
    torch.save({name: value * float("nan") if value.is_floating_point() else value for name, value in state.items()}, path)
    return r"front end run returned NaN for utterance t0; train it again"


def unfinish(run: Path) -> str:
    (run / ".done").unlink()
    return r"run is not finished; run stages 4 and 6 first"


@pytest.mark.parametrize(
    "damage", [reshape, deepen, truncate, replace, remove, poison, unfinish], ids=lambda damage: damage.__name__
)
def test_a_model_that_does_not_fit_is_refused(run, noisy_set, damage, capsys):
    import re

    message = damage(run)
    assert enhance(run, noisy_set) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line), line
    assert not list((run / "enhanced").glob("*")) if (run / "enhanced").exists() else True


def test_a_backend_that_is_truncated_is_refused(run, backend, noisy_set, tmp_path, capsys):
    broken = Path(shutil.copytree(backend, tmp_path / "asr"))
    (broken / "model.pth").write_bytes((backend / "model.pth").read_bytes()[:5000])
    assert enhance(run, noisy_set) == 0 and decode(run, broken, noisy_set) == 2
    assert (
        "asr/model.pth is not a readable checkpoint" in capsys.readouterr().err and not (run / "decode" / "asr" / "tiny").exists()
    )


@pytest.mark.parametrize(
    "change, message",
    [
        ({"encoder_conf": {"output_sizes": 16}}, "ConformerEncoder has no option 'output_sizes' (did you mean 'output_size'?)"),
        ({"encoder": "conformr"}, "encoder: there is no 'conformr' (did you mean 'conformer'?)"),
        ({"token_list": "none.txt"}, "names a file that cannot be read: none.txt"),
        ({"token_list": None}, "describes no model: token_list must be str or list"),
        ({"encoder_conf": 5}, "describes no model: encoder_conf must hold 'key: value' pairs, not 5"),
        ({"encoder": ["a"]}, "describes no model: encoder must be a name, not ['a']"),
        ({"encoder_conf": {"attention_heads": 7}}, "in MultiHeadedAttention this does not hold: n_feat % n_head == 0"),
        ({"encoder_conf": {"attention_heads": 0}}, "describes no model: integer modulo by zero"),
        ({"encoder_conf": {"activation_type": "swoosh"}}, "describes no model: get_activation knows no 'swoosh'"),
        ({"model_conf": {"ctc_weight": 9}}, "in ESPnetASRModel this does not hold (9): 0.0 <= ctc_weight <= 1.0"),
        ({"model_conf": "x"}, "describes no model: model_conf must hold 'key: value' pairs, not 'x'"),
        ({"postencoder": "hugging", "postencoder_conf": {}}, "postencoder: there is no 'hugging'"),
        ({7: "x", "encoder": "conformr"}, "encoder: there is no 'conformr'"),
        ({}, "config.yaml lacks 'token_list'; train the model again"),
    ],
)
def test_a_config_that_describes_no_model_is_named(backend, tmp_path, change, message):
    config = yaml.safe_load((backend / "config.yaml").read_text())
    config = config | change if change else {key: value for key, value in config.items() if key != "token_list"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError) as e:
        load_backend(tmp_path)
    assert str(e.value).startswith(f"{tmp_path / 'config.yaml'}") and message in str(e.value)


@pytest.mark.parametrize(
    "layer, size, found", [(1, 8, "layer 1 with 8 values"), (0, 17, "layer 0 with 17 values"), (3, 16, "layer 3 with 16 values")]
)
def test_tokens_of_another_backend_are_refused(backend, tmp_path, layer, size, found):
    save_tokens(tmp_path, TokenBook(np.zeros((4, size), np.float32), layer, 1.0))
    with pytest.raises(UserError, match=f"are of {found}, but the encoder of .* has 2 layers with 16; run stage 5"):
        load_teacher(backend, tmp_path)


@pytest.mark.parametrize("saved", [[1, 2], {"linear.weight": 1, "linear.bias": 2}, torch.zeros(3)])
def test_a_file_that_holds_no_parameters_is_refused(tmp_path, saved):
    torch.save(saved, tmp_path / "m.pth")
    with pytest.raises(UserError, match=r"m\.pth is no checkpoint of a model: it holds no parameters by name"):
        load_state(Net(), tmp_path / "m.pth")


class Net(torch.nn.Module):
    def __init__(self, width: int = 3, bias: bool = True):
        super().__init__()
        self.linear = torch.nn.Linear(2, width, bias)


@pytest.mark.parametrize(
    "saved, message",
    [
        (Net(4), r"'linear\.(weight|bias)' is \(4.*\) instead of \(3"),
        (Net(bias=False), "it lacks 'linear.bias'"),
        (
            torch.nn.ModuleDict({"linear": torch.nn.Linear(2, 3), "more": torch.nn.Linear(1, 1)}),
            r"it has an unknown 'more\.(weight|bias)'",
        ),
    ],
)
def test_a_state_of_another_architecture_names_the_parameter(tmp_path, saved, message):
    """And leaves the model as it was."""
    torch.save(saved.state_dict(), tmp_path / "m.pth")
    net = Net()
    before = net.linear.weight.clone()
    with pytest.raises(UserError, match=message):
        load_state(net, tmp_path / "m.pth")
    assert torch.equal(net.linear.weight, before)


def test_models_come_in_eval_mode(standalone, backend):
    for model in (load_front_end(standalone[0])[0], load_backend(backend)[0]):
        assert not any(module.training for module in model.modules())


def test_init_is_where_a_run_starts(standalone, train_se, watched, weights, tmp_path):
    """`kdse_conf: {init: RUN}` starts a run from the front end of another, here named by its path."""
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se", kdse_conf={"init": str(standalone[0])}) == 0
    assert {n.removeprefix("enh_model."): v.tolist() for n, v in seen.start.items()} == {
        n: v.tolist() for n, v in weights(standalone[0]).items()
    }


def test_init_of_another_architecture_is_refused(standalone, train_se, tmp_path, capsys):
    options = {"kdse_conf": {"init": str(standalone[0])}, "separator_conf": {"units": 6}}
    assert train_se(tmp_path / "run", "standalone_se", **options) == 2
    assert "is of another architecture" in capsys.readouterr().err


def test_run_yaml_says_what_the_run_is(kd, backend):
    from kdse.runs.record import read_run

    of_backend = load_backend(backend)[0]
    assert read_run(backend)["params"] == sum(p.numel() for p in of_backend.parameters())  # and no buffers
    assert any(value.numel() for _, value in of_backend.named_buffers())

    record = read_run(kd[0])
    expected = {
        "run": "kd_tiny_seed0",
        "corpus": "tiny",
        "approach": "kd",
        "seed": 0,
        "student": "tiny",
        "teacher": "asr",
        "backend": "asr",
    }
    assert {key: record[key] for key in expected} == expected
    model, _ = load_front_end(kd[0])
    assert record["params"] == sum(p.numel() for p in model.parameters())
    assert record["config"]["kdse_conf"]["approach"] == "kd" and record["config"]["max_epoch"] == 2


def test_observation_adding(run, backend, tokens, noisy_set, snapshot, capsys):
    """At ω the recogniser hears (1 − ω)·ŝ + ω·y; each ω has a folder of its own, without a front end 0 alone."""
    assert enhance(run, noisy_set) == 0
    assert decode(run, backend, noisy_set, "--omegas", "0.25", "0.999999") == 0
    assert {path.name for path in (run / "decode" / "asr").iterdir()} == {"tiny", "tiny@0.25", "tiny@0.999999"}
    assert yaml.safe_load((run / "decode/asr/tiny@0.25/decode.yaml").read_text())["omega"] == 0.25
    bare = run.parent / "mct_noisy_seed0"
    assert decode(bare, backend, noisy_set, "--omegas", "0.25") == 0
    assert [path.name for path in (bare / "decode" / "asr").iterdir()] == ["tiny"]
    everything = (run / "decode/asr/tiny@0.999999/text").read_text()
    assert everything == (bare / "decode/asr/tiny/text").read_text()  # nearly nothing of ŝ is left
    before = snapshot(run)
    assert decode(run, backend, noisy_set, "--omegas", "0.25", "0.25") == 0 and snapshot(run) == before
    capsys.readouterr()
    for wrong in ("1", "-0.1", "0.1234567"):
        assert decode(run, backend, noisy_set, "--omegas", wrong) == 2
        assert "--omegas are shares of the noisy signal, 0 or more and less than 1, of six digits" in capsys.readouterr().err


def test_what_was_decoded_from_other_audio_goes(run, backend, tokens, noisy_set, capsys):
    """Shares that are not asked for stay while they are true, and do not outlive the enhanced audio or the tokenizer."""
    assert enhance(run, noisy_set) == decode(run, backend, noisy_set, "--omegas", "0.25") == 0
    assert decode(run, backend, noisy_set) == 0 and (run / "decode/asr/tiny@0.25").exists()
    assert decode(run, backend, noisy_set, "--tokens", tokens) == 0 and not (run / "decode/asr/tiny@0.25").exists()
    assert "tiny@0.25 is removed: it was decoded from other audio" in capsys.readouterr().out


def test_sets_that_do_not_fit_are_named(run, backend, noisy_set, write_wav, capsys):
    """The noisy or the clean signal of an utterance is missing, or of another length: one sentence, nothing half written."""
    assert enhance(run, noisy_set) == 0
    lines = (noisy_set / "wav.scp").read_text().splitlines()
    other = write_wav(noisy_set / "other.wav", np.ones(77, np.int16))
    oracle = ["--run", run.parent / "oracle_irm", "--approach", "oracle_irm", "--corpus", "tiny", "--dump", noisy_set.parent]
    for wrong in (lines[1:], [f"t0 {other}", *lines[1:]]):
        (noisy_set / "spk1.scp").write_text("\n".join(wrong) + "\n")
        assert main(["enhance", *map(str, oracle), "--sets", noisy_set.name]) == 2
        assert "spk1.scp: utterance t0 is missing, or not as long as in wav.scp" in capsys.readouterr().err
        assert not list((run.parent / "oracle_irm").rglob("*.scp"))
        (noisy_set / "wav.scp").write_text("\n".join(wrong) + "\n")
        assert decode(run, backend, noisy_set, "--omegas", "0.5") == 2
        assert "wav.scp: utterance t0 is missing, or not as long as in" in capsys.readouterr().err
        assert not (run / "decode/asr/tiny@0.5").exists()
        (noisy_set / "wav.scp").write_text("\n".join(lines) + "\n")


def test_the_recogniser_hears_the_mixture(noisy_set, run):
    """The samples that are decoded at ω = 0.25, item by item."""
    assert enhance(run, noisy_set) == 0
    decoder, given = echo()
    hypotheses = decoder.transcribe(run / "enhanced/tiny/wav.scp", "x", noisy_set / "wav.scp", 0.25)
    assert sum(map(len, given)) == len(hypotheses)
    for utt, noisy in read_table(noisy_set / "wav.scp").items():
        enhanced = read_audio(read_table(run / "enhanced/tiny/wav.scp")[utt])
        wave = given[int(hypotheses[utt].words)][0]
        assert wave.dtype == np.float32
        np.testing.assert_allclose(32768 * wave, 0.75 * enhanced + 0.25 * read_audio(noisy), atol=1e-6)


def test_a_set_need_not_fit_into_memory(noisy_set):
    """The recogniser is given the audio of one batch at a time; three utterances of three lengths are three batches."""
    decoder, given = echo()
    assert {utt: h.words for utt, h in decoder.transcribe(noisy_set / "wav.scp", "x").items()} == {"t0": "0", "t1": "1", "t2": "2"}
    assert [len(waves) for waves in given] == [1, 1, 1]


def echo():
    """A decoder whose recogniser takes waves of one length and says the number of its call; and the waves that it was given."""
    from kdse.inference.set_decoder import SetDecoder
    from kdse.recognisers.base import Hypothesis, Options

    class Echo:
        equal_lengths = True

        def transcribe(self, waves):
            given.append(waves)
            return [Hypothesis(str(len(given) - 1))] * len(waves)

    decoder, given = SetDecoder("echo", "echo", Options()), []
    decoder._loaded = Echo()
    return decoder, given


def test_the_oracle_mask_needs_the_clean_signal(noisy_set, tmp_path, capsys):
    """Where y = s it changes nothing; a set without clean signals is refused."""
    words = ["--run", tmp_path / "oracle_irm", "--approach", "oracle_irm", "--corpus", "tiny", "--dump", noisy_set.parent]
    assert main(["enhance", *map(str, words), "--sets", noisy_set.name]) == 2
    assert "has no spk1.scp; oracle_irm needs the clean signals" in capsys.readouterr().err
    assert not (tmp_path / "oracle_irm" / "enhanced").exists()
    shutil.copy(noisy_set / "wav.scp", noisy_set / "spk1.scp")
    assert main(["enhance", *map(str, words), "--sets", noisy_set.name]) == 0
    for utt, path in read_table(tmp_path / "oracle_irm/enhanced/tiny/wav.scp").items():
        assert np.abs(read_audio(path).astype(int) - read_audio(read_table(noisy_set / "wav.scp")[utt])).max() <= 1
