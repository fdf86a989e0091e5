"""`kdse enhance` as a user types it: pipes, constant memory, a quick start, one sentence for what is wrong."""

import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kdse.cli import main

KDSE = [sys.executable, "-m", "kdse.cli", "enhance"]


@pytest.fixture(scope="session")
def model(half_file) -> str:
    return str(half_file)


@pytest.fixture
def noisy(tmp_path, noise) -> Path:
    path = tmp_path / "noisy.wav"
    soundfile.write(path, noise(20000, 2), 44100, subtype="PCM_24")
    return path


def kdse(*words: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run([*KDSE, *map(str, words)], capture_output=True, timeout=120, **options)


def samples(data: bytes | Path) -> np.ndarray:
    return soundfile.read(io.BytesIO(data) if isinstance(data, bytes) else data, dtype="int32")[0]


def test_pipes_on_both_sides(noisy, model, tmp_path):
    """WAV comes out with the right length in its header, whatever comes in; a redirected file is as good as a pipe."""
    assert main(["enhance", str(noisy), str(tmp_path / "out.wav"), "--model", model]) == 0
    expected = samples(tmp_path / "out.wav")
    data = bytearray(noisy.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = b"\xff" * 4  # sox and ffmpeg
    for given in (noisy.read_bytes(), bytes(data)):
        done = kdse("-", "-", "--model", model, input=given)
        assert done.returncode == 0, done.stderr
        assert np.array_equal(samples(done.stdout), expected)
        assert soundfile.info(io.BytesIO(done.stdout)).subtype == "PCM_24"
        assert done.stderr.decode().startswith("standard output: 0.5 s of audio enhanced in ") and done.stderr.count(b"\n") == 1
    with open(noisy, "rb") as file:
        assert np.array_equal(samples(kdse("-", "-", "--model", model, stdin=file).stdout), expected)
    assert np.array_equal(samples(kdse(noisy, "-", "--model", model).stdout), expected)
    assert kdse("-", tmp_path / "out.flac", "--model", model, input=noisy.read_bytes()).returncode == 0
    assert np.array_equal(samples(tmp_path / "out.flac"), expected)


def test_a_named_pipe(noisy, model, tmp_path):
    """`<(sox …)` in a shell."""
    words = ["bash", "-c", f'"$@" <(cat {noisy}) {tmp_path / "out.wav"} --model {model}', "bash", *KDSE]
    done = subprocess.run(words, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "out.wav").frames == 20000


def test_standard_input_and_output_may_not_be_one_file(noisy, model):
    before = noisy.read_bytes()
    with open(noisy, "rb") as file:
        done = kdse("-", noisy, "--model", model, "--force", stdin=file)
    assert done.returncode == 2 and b"is the input, too" in done.stderr
    with open(noisy, "ab") as file:
        done = subprocess.run([*KDSE, noisy, "-", "--model", model], stdout=file, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"standard output is the input, too" in done.stderr
    assert noisy.read_bytes() == before


def test_nobody_reads_what_comes_out(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(500000), 16000)
    done = subprocess.run(
        [
            "bash",
            "-c",
            '"$@" | head -c 100 > /dev/null; exit ${PIPESTATUS[0]}',
            "bash",
            *KDSE,
            tmp_path / "a.wav",
            "-",
            "--model",
            model,
        ],
        capture_output=True,
    )
    assert done.returncode == 141 and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "name an input and an output (kdse enhance noisy.wav clean.wav), or give --stream"),
        (("{noisy}",), "name an input and an output (kdse enhance noisy.wav clean.wav), or give --stream"),
        (("{noisy}", "{out}", "--rate", "16000"), "--rate goes with --stream; a sound file says it itself"),
        (("{tmp}", "-"), "{tmp} is a folder, - is none; name two files or two folders"),
        (("{tmp}", "{noisy}"), "{tmp} is a folder, {noisy} is none; name two files or two folders"),
        (("{noisy}", "{tmp}"), "{tmp} is a folder; name the file to write in it"),
        (("{noisy}", "{tmp}/out.wav/"), "{tmp}/out.wav/ is a folder; name the file to write in it"),
        (("", "{out}"), "the name of the input is empty"),
        (("{noisy}", ""), "the name of the output is empty"),
        (("{tmp}", ""), "the name of the output is empty"),
        (("-x.wav", "{out}"), "-x.wav looks like an option; a file of that name is ./-x.wav"),
        (("{noisy}", "-h.flac"), "-h.flac looks like an option; a file of that name is ./-h.flac"),
        (("--stream", "--force"), "--force is for files; --stream goes without"),
        (("--stream", "--nj", "2"), "--nj is for files; --stream goes without"),
        (("{tmp}/none", "{out}"), "there is no file {tmp}/none"),
        (("{noisy}", "{out}", "--mix", "1.5"), "the mix is a share of the noisy signal from 0 to 1, not 1.5"),
        (("{noisy}", "{out}", "--mix", "nan"), "the mix is a share of the noisy signal from 0 to 1, not nan"),
        (("{noisy}", "{out}", "--floor", "3"), "the floor is a gain in dB, 0 or less, not 3"),
        (("{noisy}", "{out}", "--exponent", "-1"), "the exponent of the gains is from 0 to 10, not -1"),
        (("{noisy}", "{out}", "--model", "none.onnx"), "cannot read the model none.onnx: No such file or directory"),
        (("{noisy}", "{out}", "--model", "{noisy}"), "{noisy} is damaged or no ONNX model: "),
        (("{noisy}", "{out}", "--model", "{tmp}"), "{tmp} holds no export/model.onnx"),
        (("{noisy}", "{out}", "--model", "{at48k}"), "{at48k} is a model for 48000 Hz; kdse enhances at 16000 Hz"),
        (("{noisy}", "{out}", "--model", "{loud}"), "{loud}: floor_db, exponent and mix must be numbers: "),
        (("{noisy}", "{out}", "--model", "{mixed}"), "{mixed}: the mix is a share of the noisy signal from 0 to 1, not 2"),
        (("{noisy}", "{out}", "--model", "{other}"), "{other} is no front end that kdse exported"),
    ],
)
def test_what_is_wrong_takes_one_sentence(noisy, tmp_path, model, other_model, capsys, words, said):
    places = {
        "noisy": noisy,
        "out": tmp_path / "out.wav",
        "tmp": tmp_path,
        "at48k": other_model(tmp_path / "48k.onnx", 0.5, sample_rate="48000"),
        "loud": other_model(tmp_path / "loud.onnx", 0.5, floor_db="loud"),
        "mixed": other_model(tmp_path / "mixed.onnx", 0.5, mix="2"),
        "other": other_model(tmp_path / "other.onnx", 0.5, model_type="whisper"),
    }
    words = [word.format(**places) for word in words]
    assert main(["enhance", *words, *(() if "--model" in words else ("--model", model))]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"kdse enhance: {said.format(**places)}") and err.count("\n") == 1
    assert not (tmp_path / "out.wav").exists()


def test_names_that_begin_with_a_dash(model, noisy, tmp_path):
    noisy.rename(tmp_path / "-x.wav")
    for words in (["./-x.wav", "./-h.wav"], ["--floor", "-16.5", "--force", "--", "-x.wav", "-h.wav"]):
        assert kdse("--model", model, *words, cwd=tmp_path).returncode == 0
    assert soundfile.info(tmp_path / "-h.wav").frames == 20000


@pytest.mark.parametrize(
    "words, closed, name",
    [
        ("--stream", "<&-", "input"),
        ("--stream", ">&-", "output"),
        ("- {out}", "<&-", "input"),
        ("{noisy} -", ">&-", "output"),
    ],
)
def test_what_was_closed(model, noisy, tmp_path, words, closed, name):
    """The next file that is opened would have its number."""
    line = f"{sys.executable} -m kdse.cli enhance {words} --model {model} {closed}".format(noisy=noisy, out=tmp_path / "out.wav")
    done = subprocess.run(line, shell=True, stdin=subprocess.PIPE, capture_output=True, timeout=60)
    assert done.returncode == 2 and done.stderr.decode() == f"kdse enhance: standard {name} is closed\n"
    assert os.listdir(tmp_path) == ["noisy.wav"]


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg", "out.mp3", "out.aiff"])
def test_a_file_that_grows_too_long_for_its_place(model, tmp_path, noise, name):
    """A limit on the size of files fails as a full disk does."""
    soundfile.write(tmp_path / "a.wav", noise(600000), 16000)
    done = kdse(tmp_path / "a.wav", tmp_path / name, "--model", model, preexec_fn=_limit)
    assert done.returncode == 2 and done.stderr.decode().startswith(f"kdse enhance: cannot write {tmp_path / name}: ")
    assert b"Traceback" not in done.stderr and os.listdir(tmp_path) == ["a.wav"]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))


MEASURED = """
import re, sys
from kdse.cli import main
code = main(sys.argv[1:])
peak = int(re.search("VmHWM:.* ([0-9]+) kB", open("/proc/self/status").read())[1])
heavy = sorted({"torch", "espnet", "espnet2", "scipy", "yaml", "tqdm", "sklearn", "matplotlib"} & set(sys.modules))
print(code, peak // 1024, *heavy)
"""


@pytest.mark.parametrize("rate, channels, name", [(16000, 1, "a.wav"), (44100, 2, "a.flac")])
def test_memory_does_not_grow_with_the_length(model, tmp_path, rate, channels, name):
    """Below 300 MB for four minutes, and no more for them than for two seconds; and nothing heavy is imported."""
    peaks = []
    for minutes in (1 / 30, 4):
        rng = np.random.default_rng(0)
        with soundfile.SoundFile(tmp_path / name, "w", rate, channels) as file:
            for _ in range(int(minutes * 60)):
                file.write(rng.integers(-9000, 9000, (rate, channels), dtype=np.int16))
        words = ["enhance", tmp_path / name, tmp_path / f"out-{name}", "--model", model, "--force"]
        done = subprocess.run([sys.executable, "-c", MEASURED, *map(str, words)], capture_output=True, text=True)
        code, peak, *heavy = done.stdout.split()
        assert code == "0" and not heavy, done.stderr
        peaks.append(int(peak))
    assert peaks[1] < 300 and peaks[1] - peaks[0] < 60


def test_it_starts_quickly(model, noisy, tmp_path):
    """Half a second for everything, at 44.1 kHz: the processor's time, because others may be at work, with byte code at hand."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
    took = []
    for _ in range(4):
        words = [*KDSE, noisy, tmp_path / "out.wav", "--model", model, "--force"]
        process = subprocess.Popen(list(map(str, words)), stderr=subprocess.DEVNULL, env=env)
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = code
        assert code == 0
        took.append(used.ru_utime + used.ru_stime)
    assert min(took) < 0.5
