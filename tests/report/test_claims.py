"""What a claim answers, and the exit code."""

import re

import pytest

from kdse import cli
from kdse.report.render.files import stale_files


def report(recipe, *options: str) -> int:
    return cli.main(["report", "--publish", "--recipe", str(recipe), *options])


def test_a_claim_that_holds(recipe, capsys):
    assert report(recipe, "--claim", "kd < standalone_se on test_noisy") == 0
    sentence = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("The claim"))
    assert re.fullmatch(
        r"The claim 'kd < standalone_se on test_noisy' holds: WER [\d.]+ % against [\d.]+ %: -[\d.]+ points, -[\d.]+ % relative, "
        r"95 % interval -[\d.]+ to -[\d.]+, 240 items of 60 utterances\.",
        sentence,
    )


def test_a_claim_that_does_not_hold_is_exit_code_1_and_the_report_is_written_all_the_same(recipe, capsys):
    assert report(recipe, "--claim", "kd < standalone_se on test_noisy", "--claim", "standalone_se_dccrn-s < kd on test_noisy") == 1
    out = capsys.readouterr().out
    assert "does NOT hold, because the interval is not below 0" in out and "test_noisy' holds" in out
    assert stale_files(recipe) == []


def test_equal_systems_do_not_support_a_claim(tmp_path, make_rows, commit, capsys):
    rows = make_rows("kd", params=5)
    commit(tmp_path, rows)
    commit(tmp_path, [row | {"run": "standalone_se_seed0", "approach": "standalone_se"} for row in rows])
    assert report(tmp_path, "--claim", "kd < standalone_se on test_noisy") == 1
    assert "+0.00 points" in capsys.readouterr().out


def test_a_claim_over_a_single_utterance_does_not_hold(tmp_path, make_rows, commit, capsys):
    commit(tmp_path, make_rows("kd", ease=9.0, utts=1))
    commit(tmp_path, make_rows("standalone_se", ease=-5.0, utts=1))
    assert report(tmp_path, "--claim", "kd < standalone_se on test_noisy") == 1
    assert "it takes two utterances at least" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("kd is better", "cannot read the claim 'kd is better'; write it as"),
        (
            "kd < standalon_se on test_noisy",
            "no run of 'standalon_se' was scored on test_noisy (did you mean 'standalone_se'?); there are: ",
        ),
        ("kd < log_mmse on test_real", "no run of 'kd' was scored on test_real; there are: none"),
    ],
)
def test_a_claim_that_cannot_be_checked_is_exit_code_2_before_anything_is_written(recipe, capsys, claim, message):
    assert report(recipe, "--claim", claim) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (recipe / "RESULTS.md").exists()


def test_a_claim_about_an_approach_with_several_students_asks_which(recipe, make_rows, commit, capsys):
    commit(recipe, make_rows("kd", student="dccrn-m", params=1_000_000, ease=1.5))
    assert report(recipe, "--claim", "kd < standalone_se on test_noisy") == 2
    assert "several systems 'kd' on test_noisy; name one of kd_dccrn-m, kd_dccrn-s" in capsys.readouterr().err
    assert report(recipe, "--claim", "kd_dccrn-m < standalone_se on test_noisy") == 0
