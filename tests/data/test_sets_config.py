"""Options of the fixed sets: what a file may say, and which of them a set depends on."""

import pytest

from kdse.data.datadir import read_table
from kdse.data.sets_config import SetsConfig, options_of


@pytest.mark.parametrize(
    "text, message",
    [
        ("sets: {test_snr: [0]}", "mix.yaml, sets: there is no option 'test_snr' (did you mean 'test_snrs'?)"),
        ("sets: {test_snrs: 5}", "test_snrs takes a list of float"),
        ("sets: {test_snrs: [loud]}", "test_snrs takes a list of float like [-5.0, 0.0, 5.0, 10.0], not ['loud']"),
        ("sets: {dev_snrs: []}", "different finite numbers"),
        ("sets: {dev_snrs: [1, 1.0]}", "different finite numbers"),
        ("sets: {test_snrs: [.nan]}", "test_snrs takes different finite numbers in dB like [-5, 0, 5], not [nan]"),
        ("sets: {dev_snrs: [0, .inf]}", "different finite numbers"),
        ("sets: {test_noises: 0}", "mix.yaml, sets: test_noises is a whole number from 1, not 0"),
        ("sets: {dev_noises: two}", "dev_noises takes a int like 1, not 'two'"),
        ("train: {gain_high_db: .nan}", "mix.yaml, train: gain_high_db takes a finite number, not nan"),
        ("train: {clean: 1}", "no option 'clean'"),
        ("set: {}", "(did you mean 'sets'?)"),
    ],
)
def test_bad_config(staged, kdse, tmp_path, snapshot, text, message):
    conf = tmp_path / "mix.yaml"
    conf.write_text(text)
    before = snapshot(staged)
    code, _, err = kdse("mix", "--sets", conf)
    assert code == 2 and message in err and err.count("\n") == 1 and snapshot(staged) == before


def test_a_config_may_have_a_base(staged, kdse, tmp_path):
    (tmp_path / "base.yaml").write_text("sets: {test_snrs: [0, 5]}\ntrain: {short_noise: repeat}\n")
    (tmp_path / "mix.yaml").write_text("base: base.yaml\nsets: {test_snrs: [3]}\n")
    assert kdse("mix", "--sets", tmp_path / "mix.yaml")[0] == 0
    assert set(read_table("dump/test_noisy/utt2snr").values()) == {"3"}


SNRS = (-5.0, 0.0, 5.0, 10.0)


def test_sets_that_were_made_before_an_option_existed_stay_done():
    """The options as they entered the state of a step at commit b03cdb5; the younger ones only where they are used."""
    assert options_of(SetsConfig(), "dev") == {"dev_snrs": SNRS, "dev_all_snrs": False, "seed": 0}
    assert options_of(SetsConfig(), "test") == {"test_snrs": SNRS, "seed": 0}
    assert options_of(SetsConfig(dev_clean=True, test_noises=2), "dev") == options_of(SetsConfig(), "dev")
    assert options_of(SetsConfig(test_noises=2), "test") == {"test_snrs": SNRS, "seed": 0, "test_noises": 2}
    used = SetsConfig(test_all_snrs=False, seen_share=0.5, rir_share=0.1)
    assert options_of(used, "test") == {"test_snrs": SNRS, "test_all_snrs": False, "seen_share": 0.5, "rir_share": 0.1, "seed": 0}
    assert options_of(used, "dev").keys() == {"dev_snrs", "dev_all_snrs", "seen_share", "rir_share", "seed"}
