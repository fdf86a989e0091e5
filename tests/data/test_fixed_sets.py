"""Stage 2: what the fixed sets hold, that a manifest rebuilds them bit for bit, and what a rerun does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kdse.data.audio import read_audio
from kdse.data.datadir import DataDir, read_table
from kdse.data.level import active_power


def manifest(name):
    return [json.loads(line) for line in Path("dump", name, "manifest.jsonl").read_text().splitlines()]


def test_noisy_test_set(staged):
    data = DataDir("dump/test_noisy")
    assert len(data) == 4 * 4 == len(manifest("test_noisy"))
    assert sorted(set(data["utt2snr"].values()), key=int) == ["-5", "0", "5", "10"]
    assert set(data["utt2noise"].values()) <= {"n_road", "n_crowd"}
    clean = read_table("data/test/wav.scp")
    for utt in data.utts:
        noisy, speech, noise = (read_audio(data[f"{kind}.scp"][utt]) for kind in ("wav", "spk1", "noise1"))
        assert np.array_equal(noisy.astype(int), speech.astype(int) + noise)
        snr = 10 * np.log10(active_power(speech) / np.mean(noise.astype(float) ** 2))
        assert snr == pytest.approx(float(data["utt2snr"][utt]), abs=0.1)
        original = data["utt2orig"][utt]
        assert utt == f"{original}__{data['utt2noise'][utt]}__{data['utt2snr'][utt]}dB"
        assert data["utt2category"][utt] == data["utt2noise"][utt]
        assert data["text"][utt] == read_table("data/test/text")[original]
        assert data["utt2spk"][utt] == original.split("-")[1]
        assert np.array_equal(speech, read_audio(clean[original]))


def test_dev_and_clean_sets(staged):
    dev, clean = DataDir("dump/dev_noisy"), DataDir("dump/test_clean")
    assert len(dev) == 4 and set(dev["utt2noise"].values()) == {"n_owl"}
    assert set(dev["utt2orig"].values()) == set(read_table("data/dev/text"))
    assert clean.utts == sorted(read_table("data/test/text")) and clean["wav.scp"] == clean["spk1.scp"]
    assert "utt2snr" not in clean and "noise1.scp" not in clean and set(clean["utt2category"].values()) == {"clean"}
    assert [line["snr"] for line in manifest("test_clean")] == [None] * 4


def test_several_noises_at_each_snr(staged, kdse, tmp_path):
    """Each utterance and SNR in two noises, never the same one; what was mixed with one noise stays; the manifest rebuilds all."""
    before = manifest("test_noisy")
    (tmp_path / "two.yaml").write_text("sets: {test_noises: 2, dev_clean: true}\n")
    assert kdse("mix", "--sets", tmp_path / "two.yaml")[0] == 0
    after = manifest("test_noisy")
    assert len(after) == 2 * len(before) == len({line["id"] for line in after}) and all(line in after for line in before)
    assert len({(line["utt"], line["snr"], line["noise"]) for line in after}) == len(after)
    assert kdse("mix", "--rebuild", "dump/test_noisy")[0] == 0
    assert DataDir("dump/dev_clean").utts == sorted(read_table("data/dev/text"))
    (tmp_path / "three.yaml").write_text("sets: {test_noises: 3}\n")
    code, _, err = kdse("mix", "--sets", tmp_path / "three.yaml")
    assert code == 2 and "sets: test_noises is 3, but the noises of split 'test' are 2" in err


def test_workers_do_not_matter(staged, kdse):
    assert kdse("mix", "--dump", "again", "--nj", 2)[0] == 0
    made = [p.relative_to("dump") for p in Path("dump").rglob("*") if p.suffix in (".ark", ".jsonl", ".npy", ".json")]
    assert len(made) == 3 + 4 + 4 + 4 + 3
    assert all(("dump" / path).read_bytes() == ("again" / path).read_bytes() for path in made)


def test_an_item_belongs_to_its_utterance(staged, kdse):
    """Without one utterance the others stay as they are."""
    before = {line["id"]: line for line in manifest("test_noisy")}
    for name in ("wav.scp", "text", "utt2spk"):
        path = staged / "data" / "test" / name
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    _, out, _ = kdse("mix")
    assert "test_noisy: runs again, because data changed" in out and "speech_train: done before, skipped" in out
    after = manifest("test_noisy")
    assert len(after) == 12 and all(before[line["id"]] == line for line in after)


def test_rerun(staged, kdse, tmp_path, snapshot):
    before = snapshot(staged / "dump")
    _, out, _ = kdse("mix")
    assert out.count("skipped") == 7 and snapshot(staged / "dump") == before
    conf = tmp_path / "mix.yaml"
    conf.write_text("sets: {test_snrs: [0, 2.5]}\ntrain: {snr_low: 0}\n")
    _, out, _ = kdse("mix", "--sets", conf)
    assert out.count("skipped") == 6
    assert "test_noisy: runs again, because test_snrs changed from [-5.0, 0.0, 5.0, 10.0] to [0.0, 2.5]" in out
    assert sorted(set(read_table("dump/test_noisy/utt2snr").values())) == ["0", "2.5"]


def test_dev_at_every_snr_and_another_seed(staged, kdse, tmp_path):
    conf = tmp_path / "mix.yaml"
    conf.write_text("sets: {dev_all_snrs: true, dev_snrs: [0, 10], seed: 7}\n")
    before = manifest("test_noisy")
    assert kdse("mix", "--sets", conf)[0] == 0
    assert len(read_table("dump/dev_noisy/text")) == 8
    assert [line["offset"] for line in manifest("test_noisy")] != [line["offset"] for line in before]


def test_a_dump_that_is_a_file(staged, kdse, tmp_path, snapshot):
    (tmp_path / "file").write_text("x")
    before = snapshot(tmp_path)
    code, _, err = kdse("mix", "--dump", tmp_path / "file")
    assert code == 2 and f"cannot write to {tmp_path / 'file' / 'pack'}: Not a directory" in err and err.count("\n") == 1
    assert snapshot(tmp_path) == before


def test_a_failure_leaves_nothing_half_written(kdse, make_an4, noise_tsv, recipe):
    """A test utterance that broke after stage 1: the sets before it are whole, its own does not exist."""
    corpus = make_an4()
    kdse("data", "an4", "--an4", corpus, "--noise", noise_tsv)
    bad = corpus / "wav/an4test_clstk/mjwl/an1-mjwl-b.flac"
    bad.write_bytes(bad.read_bytes()[:2000])
    code, _, err = kdse("mix", "--nj", 2)
    assert code == 2 and "truncated" in err and "utterance an1-mjwl-b" in err
    assert sorted(p.name for p in (recipe / "dump").iterdir()) == ["dev_noisy", "pack"]
    assert kdse("mix", "--rebuild", "dump/dev_noisy")[0] == 0


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda lines: lines[:1], "noise.tsv: no noise is of split 'train'"),
        (lambda lines: [line for line in lines if "\ttest\t" not in line], "noise.tsv: no noise is of split 'test'"),
        (lambda lines: ["a\tb\n"], "noise.tsv: no noise is of split 'train'"),
        (lambda lines: [*lines, "n_new\ttest\n"], "noise.tsv, line 7 lacks the column 'category'; run stage 1 (kdse data) again"),
        (lambda lines: [line.partition("\t")[2] for line in lines], "noise.tsv, line 2 lacks the column 'noise_id'"),
    ],
)
def test_a_noise_table_that_was_edited(staged, kdse, snapshot, spoil, message):
    path = staged / "data" / "noise.tsv"
    path.write_text("".join(spoil(path.read_text().splitlines(keepends=True))))
    before = snapshot(staged)
    code, _, err = kdse("mix")
    assert code == 2 and message in err and err.count("\n") == 1 and snapshot(staged) == before


def test_stage_1_comes_first(kdse):
    code, _, err = kdse("mix")
    assert code == 2 and "run stage 1" in err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_stage_goes_on_where_it_was(staged, kdse, how):
    """Nothing half written is left, no worker outlives the stage, and the next run finishes."""
    shutil.rmtree("dump")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    how_to_run = {"env": env, "stdout": subprocess.PIPE, "start_new_session": True, "text": True}
    with subprocess.Popen([sys.executable, "-c", STOPPING], **how_to_run) as process:
        while "mixing" not in process.stdout.readline():
            pass
        process.send_signal(how)
        process.stdout.read()
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    if how != signal.SIGKILL:
        assert sorted(p.name for p in Path("dump").iterdir()) == ["dev_noisy", "pack"]
    for _ in range(50):
        if not alive(process.pid):
            break
        time.sleep(0.1)
    assert not alive(process.pid)
    _, out, _ = kdse("mix")
    assert out.count("skipped") == 5 and sorted(os.listdir("dump")) == ["dev_noisy", "pack", "test_clean", "test_noisy"]


STOPPING = """
import signal, sys, time

# A shell starts what it sends to the background with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

from kdse.cli import main
from kdse.data import fixed_sets

mix_item = fixed_sets._mix_item
def slow(job):
    if job.item.key[1] == "test_noisy":
        print("mixing", flush=True)
        time.sleep(0.2)
    return mix_item(job)
slow.__qualname__ = "_mix_item"; slow.__module__ = fixed_sets.__name__; fixed_sets._mix_item = slow
sys.exit(main(["mix", "--nj", "2"]))
"""


def alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
