"""One line an epoch, with every term of the loss."""

import logging

import pytest

from kdse.plugin.epoch_lines import EpochLines


def emit(message: str) -> None:
    EpochLines("kd", 3).emit(logging.makeLogRecord({"msg": message}))


@pytest.mark.parametrize("loss, shown", [("1.234e+03", "1.23e+03"), ("nan", "nan"), ("-5.5", "-5.5")])
def test_epochs_of_any_loss_are_reported(capsys, loss, shown):
    """ESPnet logs an epoch before it saves it: an error here would end the training at this epoch for good."""
    emit(f"2epoch results: [train] iter_time=0.1, loss={loss}, time=3 seconds, [valid] loss={loss}, l_r={loss}, time=1 second")
    assert f"kd: epoch 2/3, train loss {shown}, dev loss {shown}, l_r {shown};" in capsys.readouterr().out


def test_terms_that_no_list_names_are_shown(capsys):
    emit(
        "1epoch results: [train] loss=3.0, time=3 seconds, [valid] cer_ctc=0.5, l_asr=1.0, l_r=-2.0, l_new=0.25, "
        "token_error_rate=0.125, loss=2.0, grad_cosine=0.1, time=1 second"
    )
    dev = "dev loss 2, cer_ctc 0.5, l_asr 1, l_r -2, l_new 0.25, token_error_rate 0.125;"
    assert dev in capsys.readouterr().out


def test_other_messages_are_no_epoch(capsys):
    emit("The training was finished at 2 epochs")
    assert capsys.readouterr().out == ""
