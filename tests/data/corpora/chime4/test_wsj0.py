"""Transcripts of WSJ0: their markup, and where the discs keep them."""

import pytest

from kdse.data.corpora.chime4.wsj0 import read_dots, words


@pytest.mark.parametrize(
    "dot, spoken",
    [
        ("Of course there isn\\'t any guarantee [misc_noise]", "OF COURSE THERE ISN'T ANY GUARANTEE"),
        ("[loud_breath] personal computers I\\. B\\. M\\. introduced [door_slam]", "PERSONAL COMPUTERS I B M INTRODUCED"),
        ("[phone_ring/] he [/phone_ring] said ~", "HE SAID"),
        ("[<door_slam] two . three", "TWO THREE"),
        ("<and> so *others* did !not re:lent", "AND SO OTHERS DID NOT RELENT"),
        (
            "Mr\\. Smith ,COMMA --DASH -HYPHEN .PERIOD (LEFT-PAREN )RIGHT-PAREN",
            "MR SMITH COMMA DASH HYPHEN PERIOD LEFT PAREN RIGHT PAREN",
        ),
        (
            "\"DOUBLE-QUOTE 'SINGLE-QUOTE ;SEMI-COLON :COLON ?QUESTION-MARK &AMPERSAND",
            "DOUBLE QUOTE SINGLE QUOTE SEMI COLON COLON QUESTION MARK AMPERSAND",
        ),
        ("com(pany)- compu- (sub)stance- company's", "COMPANY'S"),
        ("seven .POINT five %PERCENT", "SEVEN POINT FIVE PERCENT"),
    ],
)
def test_markup_of_wsj0(dot, spoken):
    """The first two lines are the examples in Kaldi's egs/wsj/s5/local/normalize_transcript.pl; but noises are no words here."""
    assert words(dot) == spoken


def test_discs_may_be_linked_and_named_in_capitals(tree, tmp_path):
    discs = tmp_path / "linked"
    discs.mkdir()
    source = tree[1] / "11-1.1" / "wsj0" / "si_tr_s"
    (discs / "SI_TR_S").symlink_to(source)
    path = source / "01a" / "01ac0200.dot"
    path.rename(path.with_suffix(".DOT"))
    assert words(read_dots(discs, ["01ac020a"])["01ac020a"]) == "HE WILL SELL THE SHARES"
