"""One file per corpus: each turns a corpus in its own layout into data dirs (docs/adding_a_corpus.md)."""
