"""Each patch mends what it says; and ESPnet still has the fault. Where the latter fails, the patch is no longer needed."""

import json
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from kdse.plugin import patches

ROOT = Path(__file__).resolve().parents[2]
UNUSED = {"g2p_en", "nltk", "sklearn", "pandas", "hydra", "numba", "scipy.signal", "scipy.stats", "espnet2.gan_tts.jets.alignments"}


@pytest.fixture(scope="module")
def unpatched() -> dict:
    """What ESPnet does in a process that never imports kdse."""
    done = subprocess.run([sys.executable, Path(__file__).with_name("unpatched.py")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_patches_are_for_this_espnet():
    import espnet2

    assert espnet2.__version__ == patches.ESPNET


@pytest.mark.slow
def test_espnet_asks_for_downloads_warns_and_checks_types_at_its_import(unpatched):
    assert unpatched["downloads"] and unpatched["warnings_at_import"] and unpatched["typeguard"] and unpatched["aligner"]


@pytest.mark.slow
def test_espnet_logs_a_warning_for_every_ctc_model(unpatched):
    assert "Set decoder to none as ctc_weight==1.0" in unpatched["logged"]


@pytest.mark.slow
def test_espnet_calls_what_torch_warns_of_in_every_forward_pass(unpatched):
    assert any("FutureWarning" in warning and "autocast" in warning for warning in unpatched["warnings_in_forward"])


@pytest.mark.slow
def test_espnet_drops_units_of_an_rnnp_in_eval_mode(unpatched):
    assert not unpatched["rnnp_agrees"]


@pytest.mark.slow
def test_espnet_builds_no_transducer_without_a_package_that_is_not_to_be_had(unpatched):
    assert "warprnnt" in unpatched["transducer"]


@pytest.mark.slow
def test_torch_has_no_square_root_of_a_hann_window(unpatched):
    assert not unpatched["hann_sqrt"]


def test_espnet_takes_the_square_root_of_a_hann_window_and_its_squares_sum_to_one():
    from espnet2.enh.decoder.stft_decoder import STFTDecoder
    from espnet2.enh.encoder.stft_encoder import STFTEncoder

    options = {"n_fft": 512, "win_length": 512, "hop_length": 256, "window": "hann_sqrt"}
    wave, lengths = torch.randn(1, 4000), torch.tensor([4000])
    spectrum, frames = STFTEncoder(**options, use_builtin_complex=True)(wave, lengths)
    assert torch.allclose(STFTDecoder(**options)(spectrum, lengths)[0], wave, atol=1e-5) and frames == 16
    squares = torch.hann_sqrt_window(512) ** 2
    assert torch.allclose(squares[:256] + squares[256:], torch.ones(256))
    middle = torch.fft.rfft(wave[0, 256:768] * torch.hann_window(512).sqrt())
    assert torch.allclose(spectrum[0, 2], middle, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["explain", "enh_s2t_train"])
def test_importing_a_module_of_the_plug_in_prints_nothing_and_registers_kdse(module):
    """And it imports nothing that takes longer than ESPnet and has no use."""
    code = (
        f"import sys, kdse.plugin.{module}; from espnet2.tasks.enh import separator_choices as c; assert 'kdse_dccrn' in c.classes"
    )
    code += f"; assert not {UNUSED} & sys.modules.keys()"
    done = subprocess.run([sys.executable, "-W", "default::FutureWarning", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_typeguard_is_itself_again():
    import typeguard

    @typeguard.typechecked
    def double(x: int) -> int:
        return 2 * x

    with pytest.raises(typeguard.TypeCheckError):
        double("a")


def test_what_is_imported_later_is_itself_when_asked_for(tmp_path, monkeypatch):
    """By who holds the stand-in, and by an import of anybody else."""
    (tmp_path / "late_package.py").write_text("value = [1]\n")
    monkeypatch.syspath_prepend(tmp_path)
    with patches.imported_later("late_package"):
        import late_package as held
    assert "late_package" not in sys.modules and not hasattr(held, "__wrapped__")
    assert held.value == [1] and "late_package" in sys.modules
    import late_package

    assert type(late_package) is not patches.Later and late_package.value is held.value


def test_a_package_that_is_not_to_be_had_stays_so():
    with patches.imported_later("no_such_package", "json"), pytest.raises(ModuleNotFoundError):
        assert type(sys.modules["json"]) is not patches.Later
        import no_such_package  # noqa: F401


def test_nothing_is_an_aligner_while_espnet_is_imported(monkeypatch):
    name = "espnet2.gan_tts.jets.alignments"
    monkeypatch.delitem(sys.modules, name, raising=False)
    with patches.without_aligner():
        from espnet2.gan_tts.jets.alignments import AlignmentModule
    assert name not in sys.modules and not isinstance(torch.nn.Linear(1, 1), AlignmentModule)


def test_no_warning_of_autocast_is_shown_and_others_are():
    with warnings.catch_warnings(record=True) as seen:
        warnings.resetwarnings()
        patches.hide_future_warnings()
        for text in ("`torch.cuda.amp.autocast(args...)` is deprecated", "another"):
            warnings.warn_explicit(text, FutureWarning, "espnet_model.py", 1, module="espnet2.asr.espnet_model")
    assert [str(warning.message) for warning in seen] == ["another"]


def test_warnings_are_logged_again_after_the_block(caplog):
    with patches.no_log_warnings():
        logging.warning("hidden")
    logging.warning("shown")
    assert caplog.messages == ["shown"]


def test_an_rnnp_drops_units_in_training_alone():
    from espnet.nets.pytorch_backend.rnn.encoders import RNNP

    torch.manual_seed(0)
    encoder, x = RNNP(4, 2, 8, 8, [1, 1, 1], 0.5, "lstm"), torch.randn(1, 20, 4)
    for training in (True, False):
        encoder.train(training)
        first, second = (encoder(x, torch.tensor([20]))[0] for _ in range(2))
        assert torch.equal(first, second) is not training


class Dies:
    """Cannot be pickled: stands for a kill while a file is written."""

    def __reduce__(self):
        raise KeyboardInterrupt


def test_a_kill_while_saving_leaves_the_old_checkpoint(tmp_path):
    path, save = tmp_path / "checkpoint.pth", torch.save
    with pytest.raises(KeyboardInterrupt), patches.atomic_checkpoints():
        torch.save({"epoch": 1}, path)
        torch.save({"weights": torch.zeros(1000), "epoch": 2, "then": Dies()}, str(path))
    assert torch.load(path) == {"epoch": 1} and [p.name for p in tmp_path.iterdir()] == ["checkpoint.pth"]
    assert torch.save is save


def test_espnet_writes_its_checkpoint_in_place(train_se, tmp_path, monkeypatch):
    """Without the patch, a kill while the second epoch's checkpoint is written costs the first one's."""
    save, written = torch.save, []

    def dying(value, file, *args, **kwargs):
        written.append(Path(file).name)
        save({**value, "then": Dies()} if written.count("checkpoint.pth") == 2 else value, file, *args, **kwargs)

    monkeypatch.setattr("kdse.plugin.trainer.atomic_checkpoints", patches.no_log_warnings)
    monkeypatch.setattr(torch, "save", dying)
    assert train_se(tmp_path / "run", "standalone_se") == 130
    with pytest.raises(RuntimeError, match="PytorchStreamReader"):
        torch.load(tmp_path / "run" / "checkpoint.pth", weights_only=False)
