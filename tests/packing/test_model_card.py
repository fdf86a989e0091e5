"""What a model card says comes from the run's record and rows: the numbers are those of RESULTS.md."""

import re
from pathlib import Path

import pytest
import yaml

from kdse.core.files import read_yaml
from kdse.packing.model_card import Card, needs_kdse, results_table

AN4 = Path(__file__).resolve().parents[2] / "egs" / "an4_noisy" / "kd1"
STFT = {"n_fft": 512, "hop_length": 256}
FRONT_END = {"encoder": "stft", "encoder_conf": STFT, "separator": "kdse_bandcrn", "separator_conf": {"size": "m"}}
RECOGNISER = {"encoder": "conformer", "decoder": None, "token_list": ["a", "b"], "token_type": "bpe"}


def card(run: str, **configs) -> str:
    record = read_yaml(AN4 / "results" / f"{run}.yaml")
    return Card(archive="kd.zip", record=record, configs=configs, license_name="apache-2.0", results="RESULTS").render()


def test_the_front_matter_is_that_of_espnet_s_cards():
    _, front, body = card("kd_bandcrn-m_seed0", enh=FRONT_END).split("---\n", 2)
    assert yaml.safe_load(front) == {
        "tags": ["espnet", "audio", "speech-enhancement"],
        "language": "en",
        "datasets": ["an4"],
        "license": "apache-2.0",
    }
    assert body.startswith("\n# kd_bandcrn-m_seed0\n")
    assert "- automatic-speech-recognition\n" in card("joint_grad_bandcrn-m_warm_seed0", enh=FRONT_END, asr=RECOGNISER)


def test_it_says_what_the_record_says():
    text = card("kd_full_bandcrn-m_warm_seed0", enh=FRONT_END)
    for said in (
        "| approach | `kd_full`: kd with L_q and L_t |",
        "| parameters | 190,785 (front end) |",
        "| front end | `kdse_bandcrn`; STFT of 512 points, window 512, hop 256 |",
        "- corpus: an4, mixed with noise\n",
        "- teacher: asr_conformer\n",
        "- SE teacher: se_teacher_conformer\n",
        "- seed: 0\n",
        "espnet 202511",
        "\n\nRESULTS\n\n",
    ):
        assert said in text, said
    assert ": None" not in text and "| None" not in text and "exp/" not in text


def test_numbers_are_those_of_the_report():
    """A run of one seed has a line of its own in RESULTS.md, with the same words, quality and intervals."""
    reported = (AN4 / "RESULTS.md").read_text().partition("\n| kd (bandcrn-l) |")[2].partition("\n")[0]
    wer, _, pesq, _, si_sdr = (cell.strip().replace("*", "") for cell in reported.split("|")[2:7])
    lines = results_table(AN4 / "results", "kd_bandcrn-l_seed0", "enh").splitlines()
    [own] = [line for line in lines if line.startswith("| this model") and "| test_noisy |" in line]
    cells = [cell.strip() for cell in own.split("|")[1:-1]]
    assert cells[:4] == ["this model", "asr_conformer", "ctc_greedy", "test_noisy"]
    assert (cells[4], cells[5], cells[7], cells[8]) == (wer, pesq, si_sdr, "520")
    [plain] = [line for line in lines if line.startswith("| no front end") and "| test_noisy |" in line]
    assert re.search(r"\| 27\.1 \[23\.\d, 30\.\d\] \|", plain)


def test_a_recogniser_is_scored_without_a_front_end():
    lines = results_table(AN4 / "results", "asr_conformer", "asr").splitlines()
    assert {line.split("|")[1].strip() for line in lines if "_noisy" in line} == {"no front end"}


def test_a_run_that_was_not_scored_has_no_table(tmp_path):
    assert results_table(None, "kd", "enh") == results_table(tmp_path, "kd", "enh") == ""
    assert results_table(AN4 / "results", "kd_of_nobody", "enh") == results_table(AN4 / "results", "asr_of_nobody", "asr") == ""


@pytest.mark.parametrize(
    "config, needed",
    [
        ({"separator": "kdse_dccrn"}, True),
        ({"separator": "conformer"}, False),
        ({"frontend": "kdse_ssl", "decoder": None}, True),
        ({"frontend": "default", "decoder": "transducer"}, True),
        ({"frontend": "default", "decoder": "transformer"}, False),
    ],
)
def test_who_needs_kdse(config, needed):
    assert needs_kdse(config) == needed
