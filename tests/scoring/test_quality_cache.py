"""Quality is computed once for a set: what is skipped, what is computed again, and what goes on where it was cut."""

import json

import pytest

from kdse.core.errors import UserError
from kdse.data.audio import write_ark
from kdse.scoring import blind, quality_cache


def test_processes_change_nothing_and_a_rerun_skips(recipe, capsys, score, about):
    one = score("test_noisy")
    before = (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").stat().st_mtime_ns
    assert score("test_noisy") == one
    assert "done before, skipped" in capsys.readouterr().out
    assert (recipe / "results/kd_dccrn-s_seed0.jsonl.gz").stat().st_mtime_ns == before
    (recipe / "exp" / about["run"] / "score/test_noisy/.done").unlink()
    assert score("test_noisy", nj=2) == one


def tables_of_a_process(work) -> tuple:
    """What was tabulated for WADA-SNR when a process began its item."""
    missing = {name: "not computed" for name in quality_cache.FROM_AUDIO if name != "wada_snr"}
    return work[0], [({"wada_snr": blind._table.cache_info().currsize}, missing)]


def test_processes_start_with_what_metrics_load(recipe, monkeypatch, score, about):
    """Each would load it again for every set, which takes longer than a small set."""
    blind._table.cache_clear()
    quality_cache._load_metrics.cache_clear()
    monkeypatch.setattr(quality_cache, "_quality_of_item", tables_of_a_process)
    assert [row["wada_snr"] for row in score("test_noisy", nj=2)] == [1, 1, 1]


def test_new_enhanced_audio_is_scored_again_and_new_hypotheses_only_counted_again(recipe, capsys, score, about):
    score("test_noisy")
    run = recipe / "exp" / about["run"]
    hyps = (run / "decode/asr/test_noisy/text").read_text()
    (run / "decode/asr/test_noisy/text").write_text(hyps.replace("TOO", "TWO"))
    assert score("test_noisy")[0]["word"] == [3, 0, 0, 0]
    assert "runs again" not in capsys.readouterr().out
    scp = run / "enhanced/test_noisy/wav.scp"
    scp.write_text((recipe / "dump/test_noisy/wav.scp").read_text())
    score("test_noisy")
    assert "quality of kd_dccrn-s_seed0 on test_noisy: runs again, because" in capsys.readouterr().out


def test_an_estimate_of_another_length_names_the_utterance(recipe, score, make_signal, write_table, about):
    folder = recipe / "exp" / about["run"] / "enhanced/test_clean"
    write_table(folder / "wav.scp", write_ark(folder / "wav.ark", [("u1", make_signal(1)), ("u2", make_signal(2)[:-100])]))
    with pytest.raises(UserError, match="utterance u2: the estimate has 7900 samples and the reference 8000 samples"):
        score("test_clean")


def test_scoring_that_was_cut_goes_on_with_the_items_that_are_left(recipe, monkeypatch, capsys, score, about):
    scored, whole = [], quality_cache.quality

    def cut_at_the_third(reference, estimate, utt, *rest):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(utt)
        return whole(reference, estimate, utt, *rest)

    monkeypatch.setattr(quality_cache, "quality", cut_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        score("test_noisy")
    assert len(scored) == 2 and not (recipe / "results").exists()
    kept = recipe / "exp" / about["run"] / "score/test_noisy/quality.jsonl"
    kept.write_text(kept.read_text() + '["u9__hum", [[{"pesq')  # killed in the middle of a line
    scored.clear()
    monkeypatch.setattr(quality_cache, "quality", lambda *args: scored.append(args[2]) or whole(*args))
    rows = score("test_noisy")
    assert len(rows) == 3 and len(scored) == 1
    assert "goes on after 2 of 3 items" in capsys.readouterr().out
    scored.clear()
    assert score("test_noisy") == rows and not scored


def test_the_state_of_a_finished_set_is_what_it_was(recipe, score):
    """Names and order enter the hash: with another list every set that was scored before would be scored again."""
    score("test_noisy")
    done = json.loads((recipe / "exp/kd_dccrn-s_seed0/score/test_noisy/.done").read_text())
    assert sorted(done["config"]) == ["data", "enhanced", "estimates", "metrics", "omegas", "references", "versions"]
    assert (
        done["config"]["metrics"]
        == (
            "pesq_wb pesq_nb csig cbak covl ssnr stoi estoi si_sdr snr_out sdr sir sar "
            "wada_snr dnsmos_sig dnsmos_bak dnsmos_ovrl dnsmos_p808"
        ).split()
    )
    assert sorted(done["config"]["versions"]) == ["fast-bss-eval", "numpy", "pesq", "pystoi", "scipy", "speechmos", "torch"]
