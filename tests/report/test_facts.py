"""What is known of a run's training: recorded in its YAML, or told by names."""

from kdse.report.facts import RunFacts, run_facts


def test_what_the_yaml_records_counts():
    config = {"family": "kd_a_b", "init_run": None, "teachers": ["asr_x", "asr_y"]}
    config["config"] = {"kdse_conf": {"init": "exp/other/enh/model.pth"}}
    assert run_facts("kd_a_seed3_b", "asr_z", config) == RunFacts("kd_a_b", None, ("asr_x", "asr_y"))


def test_an_older_run_is_read_from_its_name_and_paths():
    config = {"config": {"kdse_conf": {"init": "exp/standalone_se_m_seed0/enh/model.pth"}}}
    expected = RunFacts("kd_m_warm", "standalone_se_m_seed0", ("asr_x", "asr_y"))
    assert run_facts("kd_m_warm_seed1", "asr_x + asr_y", config) == expected
    assert run_facts("mct_noisy_seed0", None, {}) == RunFacts("mct_noisy", None, ())
