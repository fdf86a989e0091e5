"""Trained models come back whole or not at all."""

import numpy as np
import pytest
import yaml

from kdse.core.errors import UserError
from kdse.plugin.load import load_backend, load_front_end, load_teacher
from kdse.tokens.codebook import TokenBook, save_tokens


@pytest.mark.parametrize(
    "change, message",
    [
        ({"encoder_conf": {"output_sizes": 16}}, "ConformerEncoder has no option 'output_sizes' (did you mean 'output_size'?)"),
        ({"encoder": "conformr"}, "encoder: there is no 'conformr' (did you mean 'conformer'?)"),
        ({"token_list": "none.txt"}, "names a file that cannot be read: none.txt"),
        ({"token_list": None}, "describes no model: token_list must be str or list"),
        ({"encoder_conf": 5}, "describes no model: encoder_conf must hold 'key: value' pairs, not 5"),
        ({"encoder": ["a"]}, "describes no model: encoder must be a name, not ['a']"),
        ({"encoder_conf": {"attention_heads": 7}}, "in MultiHeadedAttention this does not hold: n_feat % n_head == 0"),
        ({"encoder_conf": {"attention_heads": 0}}, "describes no model: integer modulo by zero"),
        ({"encoder_conf": {"activation_type": "swoosh"}}, "describes no model: get_activation knows no 'swoosh'"),
        ({"model_conf": {"ctc_weight": 9}}, "in ESPnetASRModel this does not hold (9): 0.0 <= ctc_weight <= 1.0"),
        ({"model_conf": "x"}, "describes no model: model_conf must hold 'key: value' pairs, not 'x'"),
        ({"postencoder": "hugging", "postencoder_conf": {}}, "postencoder: there is no 'hugging'"),
        ({7: "x", "encoder": "conformr"}, "encoder: there is no 'conformr'"),
        ({}, "config.yaml lacks 'token_list'; train the model again"),
    ],
)
def test_a_config_that_describes_no_model_is_named(backend, tmp_path, change, message):
    config = yaml.safe_load((backend / "config.yaml").read_text())
    config = config | change if change else {key: value for key, value in config.items() if key != "token_list"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError) as e:
        load_backend(tmp_path)
    assert str(e.value).startswith(f"{tmp_path / 'config.yaml'}") and message in str(e.value)


@pytest.mark.parametrize(
    "layer, size, found", [(1, 8, "layer 1 with 8 values"), (0, 17, "layer 0 with 17 values"), (3, 16, "layer 3 with 16 values")]
)
def test_tokens_of_another_backend_are_refused(backend, tmp_path, layer, size, found):
    save_tokens(tmp_path, TokenBook(np.zeros((4, size), np.float32), layer, 1.0))
    with pytest.raises(UserError, match=f"are of {found}, but the encoder of .* has 2 layers with 16; run stage 5"):
        load_teacher(backend, tmp_path)


def test_models_come_in_eval_mode(standalone, backend):
    for model in (load_front_end(standalone[0])[0], load_backend(backend)[0]):
        assert not any(module.training for module in model.modules())


def test_init_is_where_a_run_starts(standalone, train_se, watched, weights, tmp_path):
    """`kdse_conf: {init: RUN}` starts a run from the front end of another, here named by its path."""
    with watched() as seen:
        assert train_se(tmp_path / "run", "standalone_se", kdse_conf={"init": str(standalone[0])}) == 0
    assert {n.removeprefix("enh_model."): v.tolist() for n, v in seen.start.items()} == {
        n: v.tolist() for n, v in weights(standalone[0]).items()
    }


def test_init_of_another_architecture_is_refused(standalone, train_se, tmp_path, capsys):
    options = {"kdse_conf": {"init": str(standalone[0])}, "separator_conf": {"units": 6}}
    assert train_se(tmp_path / "run", "standalone_se", **options) == 2
    assert "is of another architecture" in capsys.readouterr().err


def test_run_yaml_says_what_the_run_is(kd, backend):
    from kdse.runs.record import read_run

    of_backend = load_backend(backend)[0]
    assert read_run(backend)["params"] == sum(p.numel() for p in of_backend.parameters())  # and no buffers
    assert any(value.numel() for _, value in of_backend.named_buffers())

    record = read_run(kd[0])
    expected = {
        "run": "kd_tiny_seed0",
        "corpus": "tiny",
        "approach": "kd",
        "seed": 0,
        "student": "tiny",
        "teacher": "asr",
        "backend": "asr",
    }
    assert {key: record[key] for key in expected} == expected
    model, _ = load_front_end(kd[0])
    assert record["params"] == sum(p.numel() for p in model.parameters())
    assert record["config"]["kdse_conf"]["approach"] == "kd" and record["config"]["max_epoch"] == 2
