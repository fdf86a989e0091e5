"""`kdse runs`: quick, and it knows what there is."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from kdse.approaches.registry import APPROACHES, CLASSICAL
from kdse.cli import main
from kdse.cli.runs import listing
from kdse.runs.recipe import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ["torch", "espnet2", "numpy", "scipy", "sklearn", "matplotlib", "soundfile"]


def arguments(**values: str) -> list[str]:
    given = dict.fromkeys(OPTIONS, "") | dict.fromkeys(("nj", "ngpu", "num_nodes", "train_jobs", "inference_nj"), "1")
    given |= {"root": str(ROOT), "stage": "1", "stop_stage": "10", "expdir": "exp", "corpus": "mini", "home_asr": "conformer"}
    given |= {"approaches": "kd", "seeds": "0", "omegas": "0", "sets": "dev_noisy test_noisy"}
    given |= {"student_config": "conf/student/bandcrn-m.yaml", "all_config": "conf/student/bandcrn-m_warm.yaml"}
    given |= {"asr_config": "conf/asr/conformer.yaml", "teacher_config": "conf/teacher/conformer.yaml"}
    given |= {"tokens_config": "conf/tokens.yaml", "mix_config": "conf/mix/default.yaml"}
    given |= {"inference_config": "conf/decode/ctc_greedy.yaml"}
    return ["runs", "names", *(f"--{name}={value}" for name, value in (given | values).items())]


@pytest.mark.parametrize("words", [["runs", "list"], arguments(approaches="all")], ids=["list", "names"])
def test_it_is_quick_and_imports_nothing_heavy(words):
    code = f"import sys, kdse.cli\nkdse.cli.main({words!r})\nsys.exit(' '.join(set(sys.modules) & set({HEAVY})))"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.stderr, "kd_full" in done.stdout) == ("\n", True)
    # processor time, which other work on the machine does not add to
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 0.5


def test_all_approaches_are_those_of_the_registry_and_train_the_warm_student(capsys):
    assert main(arguments(approaches="all")) == 0
    out = capsys.readouterr().out
    assert f"front_ends=({' '.join(f'{name}_bandcrn-m_warm_seed0' for name in APPROACHES)})" in out
    assert "\nstandalone=standalone_se_bandcrn-m_seed0\n" in out


def test_every_approach_and_every_config_is_listed():
    lines = [line.split(maxsplit=1) for line in listing().splitlines() if line.startswith("  ")]
    named = {words[0] for words in lines}
    assert named >= set(APPROACHES) | set(CLASSICAL)
    folders = ("student", "asr", "teacher", "decode")
    assert named >= {f"conf/{folder}/{path.name}" for folder in folders for path in (ROOT / "conf" / folder).glob("*.yaml")}
    assert [words for words in lines if len(words) == 1] == [], "each says what it is"


def test_every_approach_has_its_yaml():
    assert {path.stem for path in (ROOT / "conf/approach").glob("*.yaml")} == set(APPROACHES)


@pytest.mark.parametrize(
    "values, message",
    [
        ({"approaches": "kd kdd"}, "there is no approach 'kdd' (did you mean 'kd'?)"),
        ({"baselines": "weiner"}, "--baselines: there is no front end 'weiner' (did you mean 'wiener'?)"),
        ({"train_jobs": "0"}, "--train_jobs is a whole number from 1, not '0'"),
        ({"ngpu": "all"}, "--ngpu is a whole number from 0, not 'all'"),
        ({"teacher_asrs": "transducer transducer"}, "--teacher_asrs names transducer twice"),
    ],
)
def test_what_cannot_be_is_one_sentence(capsys, values, message):
    assert main(arguments(**values)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"kdse runs: {message}") and err.count("\n") == 1


def test_the_old_name_of_further_teachers_says_so(capsys):
    assert main(arguments(second_asr="transducer")) == 0
    out, err = capsys.readouterr()
    assert err == "--second_asr is called --teacher_asrs now; the old name still works\n"
    assert "kd_bandcrn-m_with-transducer_seed0" in out


def test_no_set_at_all_is_one_sentence(capsys):
    assert main(arguments(sets=" ")) == 2
    assert capsys.readouterr().err == "kdse runs: --sets names no set; give at least one, like dev_noisy\n"
