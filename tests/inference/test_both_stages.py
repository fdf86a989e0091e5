"""`kdse enhance-sets`, then `kdse decode`: what is written, what is skipped, and what does not fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from kdse.cli import main
from kdse.core.step import done_config, done_hash


def test_enhance_and_decode_are_skipped_the_second_time(run, enhance, decode, backend, noisy_set, snapshot, capsys):
    for _ in range(2):
        assert enhance(run, noisy_set) == 0 and decode(run, backend, noisy_set) == 0
        said, before = capsys.readouterr().out, snapshot(run)
    assert said.count("done before, skipped") == 2 and snapshot(run) == before
    assert set(read_table_of_texts(run)) == {"t0", "t1", "t2"}


def test_what_finished_sets_depend_on(run, enhance, decode, backend, tokens, noisy_set):
    """These entries are hashed: with others, all that was finished before would be made again."""
    assert enhance(run, noisy_set) == 0
    assert decode(run, backend, noisy_set, "--tokens", tokens, "--omegas", "0.5") == 0
    enhanced = run / "enhanced" / "tiny"
    assert done_config(enhanced) == {"model": done_hash(run), "set": done_hash(noisy_set)}
    expected = {
        "audio": done_hash(enhanced),
        "config": {"decode": "ctc_greedy", "batch_seconds": 60.0},
        "backend": done_hash(backend),
        "tokens": done_hash(tokens),
    }
    assert done_config(run / "decode" / "asr" / "tiny") == expected
    assert done_config(run / "decode" / "asr" / "tiny@0.5") == expected | {"omega": 0.5, "noisy": done_hash(noisy_set)}


def read_table_of_texts(run: Path) -> dict[str, str]:
    lines = (run / "decode" / "asr" / "tiny" / "text").read_text(encoding="utf-8").splitlines()
    return {utt: words for utt, _, words in (line.partition(" ") for line in lines)}


def test_acoustic_tokens_of_every_frame_and_the_share_that_changed(
    run, enhance, decode, backend, tokens, noisy_set, snapshot, capsys
):
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


def test_hypotheses_do_not_depend_on_what_is_decoded_beside(run, enhance, backend, noisy_set, tmp_path):
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


def test_a_backend_that_is_truncated_is_refused(run, enhance, decode, backend, noisy_set, tmp_path, capsys):
    broken = Path(shutil.copytree(backend, tmp_path / "asr"))
    (broken / "model.pth").write_bytes((backend / "model.pth").read_bytes()[:5000])
    assert enhance(run, noisy_set) == 0 and decode(run, broken, noisy_set) == 2
    assert (
        "asr/model.pth is not a readable checkpoint" in capsys.readouterr().err and not (run / "decode" / "asr" / "tiny").exists()
    )


def test_observation_adding(run, enhance, decode, backend, tokens, noisy_set, snapshot, capsys):
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


def test_what_was_decoded_from_other_audio_goes(run, enhance, decode, backend, tokens, noisy_set, capsys):
    """Shares that are not asked for stay while they are true, and do not outlive the enhanced audio or the tokenizer."""
    assert enhance(run, noisy_set) == decode(run, backend, noisy_set, "--omegas", "0.25") == 0
    assert decode(run, backend, noisy_set) == 0 and (run / "decode/asr/tiny@0.25").exists()
    assert decode(run, backend, noisy_set, "--tokens", tokens) == 0 and not (run / "decode/asr/tiny@0.25").exists()
    assert "tiny@0.25 is removed: it was decoded from other audio" in capsys.readouterr().out


def test_sets_that_do_not_fit_are_named(run, enhance, decode, backend, noisy_set, write_wav, capsys):
    """The noisy or the clean signal of an utterance is missing, or of another length: one sentence, nothing half written."""
    assert enhance(run, noisy_set) == 0
    lines = (noisy_set / "wav.scp").read_text().splitlines()
    other = write_wav(noisy_set / "other.wav", np.ones(77, np.int16))
    oracle = ["--run", run.parent / "oracle_irm", "--approach", "oracle_irm", "--corpus", "tiny", "--dump", noisy_set.parent]
    for wrong in (lines[1:], [f"t0 {other}", *lines[1:]]):
        (noisy_set / "spk1.scp").write_text("\n".join(wrong) + "\n")
        assert main(["enhance-sets", *map(str, oracle), "--sets", noisy_set.name]) == 2
        assert "spk1.scp: utterance t0 is missing, or not as long as in wav.scp" in capsys.readouterr().err
        assert not list((run.parent / "oracle_irm").rglob("*.scp"))
        (noisy_set / "wav.scp").write_text("\n".join(wrong) + "\n")
        assert decode(run, backend, noisy_set, "--omegas", "0.5") == 2
        assert "wav.scp: utterance t0 is missing, or not as long as in" in capsys.readouterr().err
        assert not (run / "decode/asr/tiny@0.5").exists()
        (noisy_set / "wav.scp").write_text("\n".join(lines) + "\n")
