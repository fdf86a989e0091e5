#!/usr/bin/env bash
# Where corpora are on this machine; to be sourced. A value in the environment wins: AN4=/data/an4 ./run.sh

# Corpora that stand together in this folder need not be named.
_data=../../../../shared/data
if [ -d "$_data" ]; then
    _data=$(cd "$_data" && pwd)
    AN4="${AN4:-$_data/an4}"
    LIBRISPEECH="${LIBRISPEECH:-$_data/LibriSpeech}"
    NOISE="${NOISE:-$_data/noise/noises.tsv}"
    SPEECH="${SPEECH:-$_data/speech_extra/transcripts.tsv}"
fi

# CMU AN4 in its official layout (etc/ and wav/; SPHERE, raw or FLAC)
AN4="${AN4:-}"
# LibriSpeech in its official layout: the folder with train-clean-100, dev-clean and so on
LIBRISPEECH="${LIBRISPEECH:-}"
# CHiME-4 (LDC2017S24): the folder with data/audio, data/annotations (with the track lists) and data/transcriptions
CHIME4="${CHIME4:-}"
# WSJ0 (LDC93S6A): the discs, or a copy of them; only the transcripts of si_tr_s are read
WSJ0="${WSJ0:-}"
# Noises: a folder of audio (MUSAN, DEMAND, DNS noise, ...), or a TSV with columns path and split (train, dev, test)
NOISE="${NOISE:-}"
# Test noises, if they are another collection
NOISE_TEST="${NOISE_TEST:-}"
# Further training speech of the packaged student: tables with the columns utt_id, speaker, path and text
SPEECH="${SPEECH:-}"
# Room impulse responses: RIRS_NOISES of OpenSLR 28
RIRS="${RIRS:-}"
export AN4 LIBRISPEECH CHIME4 WSJ0 NOISE NOISE_TEST SPEECH RIRS
unset _data
