"""What a user can get wrong in training is one sentence and exit code 2, and leaves nothing that looks finished."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kdse.data.pack import Pack


@pytest.fixture
def refusal(tmp_path, capsys):
    """refusal(train, *words, **overrides) -> the one line that the user sees."""

    def run(train, *words: object, **overrides) -> str:
        out = tmp_path / "exp" / "run"
        out.parent.mkdir()
        assert train(out, *words, **overrides) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("kdse train: ")
        assert not any((out / name).exists() for name in (".done", "run.yaml", "enh", "model.pth", "checkpoint.pth"))
        return line.removeprefix("kdse train: ")

    return run


@pytest.fixture
def refused(refusal, train_se):
    """refused(approach, *options, **overrides) -> the one line that the user sees."""
    return lambda *words, **overrides: refusal(train_se, *words, **overrides)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"max_epochs": 3}, "training config: there is no option 'max_epochs' (did you mean 'max_epoch'?)"),
        ({"seperator_conf": {}}, "training config: there is no option 'seperator_conf' (did you mean 'separator_conf'?)"),
        ({"separator_conf": {"unitz": 5}}, "kdse_dccrn has no option 'unitz' (did you mean 'units'?)"),
        (
            {"separator_conf": {"channels": None, "size": "xl"}},
            "kdse_dccrn has no size 'xl' (did you mean 'l'?); there are s, m, l",
        ),
        ({"separator": "kdse_dcrn"}, "separator: there is no 'kdse_dcrn' (did you mean 'kdse_dccrn'?)"),
        ({"encoder_conf": {"nfft": 512}}, "STFTEncoder has no option 'nfft' (did you mean 'n_fft'?)"),
        ({"optim_conf": {"weight_decai": 0.1}}, "AdamW has no option 'weight_decai' (did you mean 'weight_decay'?)"),
        ({"scheduler_conf": {"max_lrr": 0.1}}, "OneCycleLR has no option 'max_lrr' (did you mean 'max_lr'?)"),
        ({"max_epoch": 3}, "scheduler_conf: total_steps 4 is less than the 6 updates of the training"),
        ({"mix_conf": {"sead": 0}}, "mix_conf: there is no option 'sead' (did you mean 'seed'?)"),
        ({"mix_conf": [1]}, "training config: mix_conf must hold 'key: value' pairs, not [1]"),
        ({"mix_conf": {"speeds": 3}}, "mix_conf: speeds takes a list of factors from 0.1 to 10, not 3"),
        ({"mix_conf": {"speeds": [0.0, 1.0]}}, "mix_conf: speeds takes a list of factors from 0.1 to 10, not [0.0, 1.0]"),
        ({"mix_conf": {"clean_epochs": "x"}}, "mix_conf: clean_epochs takes a whole number of 0 or more, not 'x'"),
        ({"optim_conf": 5}, "training config: optim_conf must hold 'key: value' pairs, not 5"),
        ({"scheduler_conf": [1]}, "training config: scheduler_conf must hold 'key: value' pairs, not [1]"),
        ({"scheduler_conf": {"total_steps": "x"}}, "scheduler_conf: total_steps takes a whole number, not 'x'"),
        ({"accum_grad": 0}, "training config: accum_grad takes a whole number of 1 or more, not 0"),
        ({"max_epoch": "3"}, "training config: max_epoch takes a whole number of 1 or more, not '3'"),
        ({"max_epoch": None}, "training config: max_epoch takes a whole number of 1 or more, not None"),
        ({"kdse_conf": 5}, "training config: kdse_conf must hold 'key: value' pairs, not 5"),
        ({"kdse_conf": {"precison": "bf16"}}, "kdse_conf: there is no option 'precison' (did you mean 'precision'?)"),
        ({"batch_bins": "big"}, "training config: argument --batch_bins: invalid int value: 'big'"),
        (
            {"kdse_conf": {"teacher_precision": "half"}},
            "kdse_conf: teacher_precision is 'fp32', 'bf16' or 'auto', not 'half'",
        ),
        ({"kdse_conf": {"precision": "bf17"}}, "kdse_conf: precision is 'fp32' or 'bf16', not 'bf17'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_do_not_exist(refused, overrides, message):
    assert refused("standalone_se", **overrides) == message


def test_a_mistake_keeps_the_finished_run_of_before(standalone, train_se, weights, same, tmp_path, capsys):
    shutil.copytree(standalone[0], tmp_path / "run")
    assert train_se(tmp_path / "run", "standalone_se", optim="adamm") == 2
    assert "the run of before is kept" in capsys.readouterr().out
    assert same(weights(tmp_path / "run"), weights(standalone[0])) and (tmp_path / "run" / ".done").exists()
    assert not (tmp_path / ".before-run").exists()
    assert train_se(tmp_path / "run", "standalone_se") == 0
    assert "done before, skipped" in capsys.readouterr().out


def test_an_unknown_top_level_option_does_not_even_make_the_folder(refused, tmp_path):
    refused("standalone_se", max_epochs=3)
    assert not (tmp_path / "exp" / "run").exists()


def test_approaches_that_do_not_exist(refused):
    message = "there is no approach 'standalone' (did you mean 'standalone_se'?); there are standalone_se, kd, kd_re, "
    assert refused("standalone").startswith(message)


@pytest.mark.parametrize(
    "text, message",
    [
        ("lamda_e: 1", "approach kd: there is no option 'lamda_e' (did you mean 'lambda_e'?)"),
        ("signal_loss: sisnr", "there is no signal loss 'sisnr' (did you mean 'si_snr'?)"),
        ("signal_conf: {max_snr: x}", "signal loss snr: max_snr takes a float like 30.0, not 'x'"),
        ("signal_conf: 5", "approach kd: signal_conf takes a dict like {}, not 5"),
        ("signal_loss: [snr]", "approach kd: signal_loss takes a str like 'snr', not ['snr']"),
        ("lambda_e: '1'", "approach kd: lambda_e takes a float like 1.0, not '1'"),
        ("lambda_d: .nan", "approach kd: lambda_d takes a finite number, not nan"),
        ("hard: 1", "approach kd: hard takes a bool like False, not 1"),
        ("signal_conf: {max_snrs: 20}", "signal loss snr: there is no option 'max_snrs' (did you mean 'max_snr'?)"),
    ],
)
def test_options_of_an_approach(refused, tmp_path, text, message):
    (tmp_path / "kd.yaml").write_text(f"approach: kd\n{text}\n")
    assert refused("kd", "--approach_config", tmp_path / "kd.yaml") == message


@pytest.mark.parametrize(
    "units, message",
    [
        (5, "kdse_subwords must hold 'key: value' pairs, not 5"),
        ({"vocab": 5}, "kdse_subwords: there is no option 'vocab' (did you mean 'vocab_size'?)"),
        ({"vocab_size": "x"}, "kdse_subwords: vocab_size takes a int like 100, not 'x'"),
        ({"vocab_size": 0}, "kdse_subwords: vocab_size must be 1 or more, not 0"),
        (
            {"model_type": "bpee"},
            "kdse_subwords: model_type is one of bpe, unigram, char, word, not 'bpee' (did you mean 'bpe'?)",
        ),
    ],
)
def test_units_that_cannot_be(refusal, train_asr, tmp_path, units, message):
    assert refusal(train_asr, kdse_subwords=units) == message and not (tmp_path / "exp" / "run").exists()


def test_fewer_units_than_characters(refusal, train_asr):
    message = refusal(train_asr, kdse_subwords={"vocab_size": 2, "model_type": "bpe"})
    assert message.startswith("kdse_subwords: sentencepiece refuses {'model_type': 'bpe', 'vocab_size': 2} for ")
    assert "train/text: Vocabulary size is smaller than required_chars. 2 vs " in message


def test_a_noise_too_short_for_slow_speech(refusal, train_asr, tmp_path):
    """Noises of 1.25 s do for 0.75 s of speech, but not once it is played at half its speed."""
    message = refusal(train_asr, mix_conf={"speeds": [0.5, 1.0]})
    assert message.startswith("noise n0 (1.25 s) is shorter than utterance u5 at speed 0.5 (1.50 s); remove it, or set")
    assert not (tmp_path / "exp" / "run").exists()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take(refused, seed):
    assert refused("standalone_se", "--seed", seed) == f"--seed is a whole number from 0 to 4294967295, not {seed}"


@pytest.mark.parametrize(
    "text, message",
    [
        ("train: {snr_lo: 0}", "mix.yaml, train: there is no option 'snr_lo' (did you mean 'snr_low'?)"),
        ("trian: {}", "mix.yaml: there is no option 'trian' (did you mean 'train'?)"),
    ],
)
def test_options_of_mixing(refused, tmp_path, text, message):
    (tmp_path / "mix.yaml").write_text(text)
    assert refused("standalone_se", "--mix", tmp_path / "mix.yaml").endswith(message)
    assert not (tmp_path / "exp" / "run").exists()


def test_empty_sections_are_no_mistake(train_se, tmp_path):
    (tmp_path / "mix.yaml").write_text("train:\nsets:\n")
    assert train_se(tmp_path / "run", "standalone_se", "--mix", tmp_path / "mix.yaml", kdse_conf=None, mix_conf=None) == 0


def test_files_that_are_missing(refused, tmp_path):
    assert refused("standalone_se", "--dump", tmp_path / "none").endswith("none/pack/noise_train is missing; run stage 2 first")


def test_a_teacher_that_is_missing(refused):
    assert refused("kd") == "approach kd learns from a recogniser: give --backend and --tokens"


def test_a_teacher_that_is_not_finished(refused, backend, tmp_path):
    message = refused("kd", "--backend", backend, "--tokens", tmp_path)
    assert message == f"{tmp_path} is not finished; run stages 3 to 5 first"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_noise_shorter_than_the_speech(refused, packs, tmp_path, workers):
    """Named with the utterance, also where a loader process finds it."""
    for part in ("speech_train", "speech_dev", "noise_dev"):
        (tmp_path / "dump" / "pack").mkdir(parents=True, exist_ok=True)
        (tmp_path / "dump" / "pack" / part).symlink_to(packs / "pack" / part)
    Pack.write(tmp_path / "dump" / "pack" / "noise_train", [("click", np.full(1000, 99, np.int16))])
    message = refused("standalone_se", "--dump", tmp_path / "dump", num_workers=workers)
    assert message.startswith("noise click (0.06 s) is shorter than utterance u") and "short_noise: repeat" in message


def test_a_config_that_is_missing(packs, tmp_path, capsys):
    from kdse.cli import main

    words = [
        "--approach",
        "standalone_se",
        "--config",
        Path("none.yaml"),
        "--out",
        tmp_path / "run",
        "--dump",
        packs,
        "--corpus",
        "tiny",
    ]
    assert main(["train", "se", *map(str, words)]) == 2
    assert "none.yaml: No such file" in capsys.readouterr().err and not (tmp_path / "run").exists()
