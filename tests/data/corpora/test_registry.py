"""The list of corpora: each entry names a file that can be asked for its options, and sets that belong together."""

import argparse
import importlib

import pytest

from kdse.core.errors import UserError
from kdse.data.corpora.registry import CORPORA, dev_prefixes, find
from kdse.data.corpora.registry import test_prefixes as prefixes_of_tests


@pytest.mark.parametrize("name", CORPORA)
def test_every_entry(name):
    info = CORPORA[name]
    corpus = importlib.import_module(info.module)
    parser = argparse.ArgumentParser()
    corpus.add_arguments(parser)
    assert info.name == name and info.summary and callable(corpus.prepare) and callable(corpus.inputs)
    assert {"train", "dev"} <= set(info.data_dirs)
    official = [one for names in info.official_sets.values() for one in names]
    assert {f"sets/{one}" for one in official} <= set(info.data_dirs)
    for ours, prefixes in ((info.dev, info.dev_prefixes), (info.test, info.test_prefixes)):
        assert ours.startswith(prefixes) and all(one.startswith(prefixes) for one in info.official_sets.get(ours, ()))


def test_prefixes_of_all_corpora():
    assert prefixes_of_tests() == ("test", "et05") and dev_prefixes() == ("dev", "dt05")


def test_an_unknown_corpus_is_named():
    with pytest.raises(UserError, match=r"there is no corpus 'librispeach' \(did you mean 'librispeech'\?\); there are an4, "):
        find("librispeach")
