"""Files of models: what is taken, and each that is not in one sentence."""

import hashlib
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdse.core.errors import UserError
from kdse.runtime.model import STATES, Model, describe
from kdse.runtime.stream import FrameEnhancer

GTCRN = {"conv_cache": (2, 1, 16, 16, 33), "tra_cache": (2, 3, 1, 1, 16), "inter_cache": (2, 1, 33, 16)}
"""Shapes of the states of GTCRN's published streaming file (github.com/Xiaobin-Rong/gtcrn, stream/onnx_models)."""
METADATA = {
    "model_type": "gtcrn",
    "version": "1",
    "sample_rate": "16000",
    "n_fft": "512",
    "hop_length": "256",
    "window_length": "512",
    "window_type": "hann_sqrt",
    **{f"{name}_shape": ",".join(map(str, shape)) for name, shape in GTCRN.items()},
}


def another_network(kind: int = TensorProto.FLOAT, bins: int = 257) -> bytes:
    """A file with GTCRN's interface and other names. States count frames by 1, 2 and 3; frame t comes out divided by t + 1."""
    names = ["x", "memory", "attention", "recurrence"]
    shapes = [(1, bins, 1, 2), *GTCRN.values()]
    steps = [numpy_helper.from_array(np.array(k, helper.tensor_dtype_to_np_dtype(kind)), f"step{k}") for k in (1, 2, 3)]
    nodes = [helper.make_node("Add", [name, f"step{k}"], [f"{name}'"]) for k, name in enumerate(names[1:], start=1)]
    nodes += [
        helper.make_node("ReduceMax", ["memory'"], ["count"], keepdims=0),
        helper.make_node("Div", ["x", "count"], ["y"]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in zip(side, shapes, strict=True)]
        for side in (names, ["y", *(f"{name}'" for name in names[1:])])
    ]
    graph = helper.make_graph(nodes, "another", *ends, steps)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, METADATA)
    return model.SerializeToString()


def test_attributes(students):
    model = students["padded"].model
    assert (model.rate, model.n_fft, model.hop, model.window.shape, model.window.dtype) == (16000, 512, 128, (512,), np.float32)
    assert not model.window[:55].any() and not model.window[456:].any() and model.window[255] == model.window.max()
    assert model.metadata["model_type"] == "gtcrn"
    assert describe({"name": "kd", "approach": "kd", "other": "x"}) == "name kd, approach kd"


def test_states_are_those_of_the_metadata_and_zeros(students):
    model = students["bandcrn"].model
    states = model.initial_states()
    assert [state.shape for state in states] == [
        tuple(int(size) for size in model.metadata[f"{name}_shape"].split(",")) for name in STATES
    ]
    assert not any(state.any() for state in states) and {state.dtype for state in states} == {np.dtype(np.float32)}


def test_steps_are_a_step_after_another(student):
    random = np.random.default_rng(0)
    spectra = (random.standard_normal((9, 257)) + 1j * random.standard_normal((9, 257))).astype(np.complex64)
    states, frames = student.model.initial_states(), []
    for frame in spectra:
        given = tuple(state.copy() for state in states)
        enhanced, after = student.model.step(np.stack([frame.real, frame.imag], -1)[None, :, None], states)
        assert all(np.array_equal(a, b) for a, b in zip(given, states, strict=True)), "a step changes no state that it is given"
        frames.append(enhanced[0, :, 0] @ [1, 1j])
        states = after
    together, last = student.model.steps(spectra, student.model.initial_states())
    np.testing.assert_allclose(together, np.array(frames), rtol=0, atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(last, states, strict=True))


def test_another_network_with_the_interface_of_gtcrn():
    """States of any shape and inputs of any name; they go round in the order of the inputs, and begin anew with a stream."""
    model = Model(another_network(), "another.onnx")
    assert [state.shape for state in model.initial_states()] == list(GTCRN.values())
    spectra = np.ones((4, 257), np.complex64)
    enhanced, states = model.steps(spectra, model.initial_states())
    np.testing.assert_allclose(enhanced[:, 0], [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-6)
    assert [set(state.ravel()) for state in states] == [{4}, {8}, {12}]
    wave, stream = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32), FrameEnhancer(model)
    first = [stream.push(wave), stream.flush()]
    assert all(np.array_equal(a, b) for a, b in zip(first, [stream.push(wave), stream.flush()], strict=True))
    with_state = np.concatenate(first)
    assert np.std(with_state[:256]) > 5 * np.std(with_state[-256:])


def test_a_checksum(file):
    good = hashlib.sha256(file.read_bytes()).hexdigest()
    assert Model.load(file, good).rate == 16000
    with pytest.raises(UserError, match=r"is not the file that was packaged: its checksum differs; install kdse again$"):
        Model.load(file, good[::-1])


def changed(**metadata: str | None) -> Callable[[bytes], bytes]:
    """What makes a file with these metadata; None leaves one out."""

    def change(data: bytes) -> bytes:
        model = onnx.load_from_string(data)
        texts = {entry.key: entry.value for entry in model.metadata_props} | metadata
        del model.metadata_props[:]
        helper.set_model_props(model, {name: text for name, text in texts.items() if text is not None})
        return model.SerializeToString()

    return change


def outputs_after(change: Callable[[onnx.GraphProto], None]) -> Callable[[bytes], bytes]:
    def made(data: bytes) -> bytes:
        model = onnx.load_from_string(data)
        change(model.graph)
        return model.SerializeToString()

    return made


def identity(_: bytes) -> bytes:
    """A network of one input and one output, as of another task."""
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 80])] for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", *ends)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def longer_output(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Concat", ["enh", "enh"], ["twice"], axis=1))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("twice", TensorProto.FLOAT, (1, 514, 1, 2)))


def double_output(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Cast", ["enh"], ["double"], to=TensorProto.DOUBLE))
    graph.output[0].CopyFrom(helper.make_tensor_value_info("double", TensorProto.DOUBLE, (1, 257, 1, 2)))


def listed_output(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("SequenceConstruct", ["enh"], ["list"]))
    graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None))


WRONG = {
    "empty": (lambda _: b"", "is damaged or no ONNX model: "),
    "text": (lambda _: b"#!/bin/sh\necho hello\n", "is damaged or no ONNX model: "),
    "audio": (lambda _: b"RIFF\x24\x00\x00\x00WAVEfmt ", "is damaged or no ONNX model: "),
    "cut in half": (lambda data: data[: len(data) // 2], "is damaged or no ONNX model: "),
    "cut at the end": (lambda data: data[:-7], "is damaged or no ONNX model: "),
    "something else": (identity, "is no front end that kdse exported, nor a GTCRN for sherpa-onnx: it states no model_type"),
    "another kind": (changed(model_type="dpdfnet"), "nor a GTCRN for sherpa-onnx: its model_type is 'dpdfnet'"),
    "no n_fft": (changed(n_fft=None), "nor a GTCRN for sherpa-onnx: it states no n_fft"),
    "no shape": (changed(tra_cache_shape=None), "nor a GTCRN for sherpa-onnx: it states no tra_cache_shape"),
    "8 kHz": (changed(sample_rate="8000"), "is a model for 8000 Hz; kdse enhances at 16000 Hz, so export one for that rate"),
    "a rate in words": (changed(sample_rate="16k"), ": sample_rate must be whole numbers above 0, not '16k'"),
    "two rates": (changed(sample_rate="16000,8000"), ": sample_rate must be one number, not '16000,8000'"),
    "a floor in words": (changed(floor_db="loud"), ": floor_db, exponent and mix must be numbers: "),
    "a floor above 0": (changed(floor_db="5"), ": the floor is a gain in dB, 0 or less, not 5"),
    "no hop": (changed(hop_length="0"), ": hop_length must be whole numbers above 0, not '0'"),
    "negative": (changed(n_fft="-512"), ": n_fft must be whole numbers above 0, not '-512'"),
    "an empty shape": (changed(inter_cache_shape=""), ": inter_cache_shape must be whole numbers above 0, not ''"),
    "a huge shape": (
        changed(conv_cache_shape="99999,99999"),
        ": conv_cache_shape is too large: 99999,99999",
    ),
    "another window": (changed(window_type="vorbis"), ": there is no window_type 'vorbis'; it is one of hann, hann_sqrt"),
    "gaps": (changed(hop_length="512"), ": n_fft 512, window_length 512 and hop_length 512 do not fit"),
    "a long window": (changed(window_length="600"), ": n_fft 512, window_length 600 and hop_length 256 do not fit"),
    "an odd hop": (changed(hop_length="200"), ": n_fft 512, window_length 512 and hop_length 200 do not fit"),
    "another state": (changed(conv_cache_shape="1,7"), ": the network does not fit what its metadata state: "),
    "another n_fft": (changed(n_fft="1024"), ": the network does not fit what its metadata state: "),
    "three outputs": (outputs_after(lambda graph: graph.output.pop()), "must have four inputs and four outputs"),
    "longer output": (outputs_after(longer_output), ": the network's outputs have other shapes or types than its inputs"),
    "double output": (outputs_after(double_output), ": the network's outputs have other shapes or types than its inputs"),
    "a list of outputs": (outputs_after(listed_output), ": the network's outputs have other shapes or types than its inputs"),
    "half precision": (
        lambda data: another_network(kind=TensorProto.FLOAT16),
        ": the network does not fit what its metadata state: ",
    ),
    "other bins": (lambda _: another_network(bins=161), ": the network does not fit what its metadata state: "),
}


@pytest.mark.parametrize("change, sentence", WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_student(file, change, sentence):
    """One line that begins with its path; and ONNX Runtime prints nothing of its own."""
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(UserError) as refusal:
        Model.load(file)
    text = str(refusal.value)
    assert text.startswith(str(file)) and sentence in text
    assert "\n" not in text and len(text) < len(str(file)) + 300


def test_refusals_are_quiet(file, capfd):
    for change, _ in WRONG.values():
        with pytest.raises(UserError):
            Model(change(file.read_bytes()), "changed.onnx")
    assert capfd.readouterr() == ("", "")


def test_what_is_no_file(tmp_path):
    with pytest.raises(UserError, match=r"^cannot read the model .*/none\.onnx: No such file or directory$"):
        Model.load(tmp_path / "none.onnx")
    with pytest.raises(UserError, match=r" is a folder, not the \.onnx file of a model$"):
        Model.load(tmp_path)
