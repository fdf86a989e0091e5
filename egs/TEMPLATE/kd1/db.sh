#!/usr/bin/env bash
# Where corpora are on this machine; to be sourced. A value in the environment wins: AN4=/data/an4 ./run.sh

# Corpora that stand together in this folder need not be named.
_data=../../../../shared/data
if [ -d "$_data" ]; then
    _data=$(cd "$_data" && pwd)
    AN4="${AN4:-$_data/an4}"
    if [ -z "${LIBRISPEECH:-}" ]; then
        LIBRISPEECH=$_data/LibriSpeech
        # there these are cut from train-clean-100, and machines wrote their texts
        LIBRISPEECH_STAND_INS="${LIBRISPEECH_STAND_INS:-dev-clean dev-other test-clean}"
    fi
    if [ -z "${NOISE:-}" ]; then
        NOISE=$_data/noise/noises.tsv
        NOISE_MORE="${NOISE_MORE:-$_data/noise_esc10/noises.tsv}"
    fi
    if [ -z "${SPEECH:-}" ]; then
        SPEECH=$_data/speech_extra/transcripts.tsv
        SPEECH_DEV="${SPEECH_DEV:-lj vctk_p225 vctk_p226}" # LJSpeech, and a woman and a man of VCTK
    fi
fi

# CMU AN4 in its official layout (etc/ and wav/; SPHERE, raw or FLAC)
AN4="${AN4:-}"
# LibriSpeech in its official layout: the folder with train-clean-100, dev-clean and so on
LIBRISPEECH="${LIBRISPEECH:-}"
# Folders of it that are not the official ones, but training speech (recipe general)
LIBRISPEECH_STAND_INS="${LIBRISPEECH_STAND_INS:-}"
# CHiME-4 (LDC2017S24): the folder with data/audio, data/annotations (with the track lists) and data/transcriptions
CHIME4="${CHIME4:-}"
# WSJ0 (LDC93S6A): the discs, or a copy of them; only the transcripts of si_tr_s are read
WSJ0="${WSJ0:-}"
# Noises: a folder of audio (MUSAN, DEMAND, DNS noise, ...), or a TSV with columns path and split (train, dev, test)
NOISE="${NOISE:-}"
# Further noises, as many folders and TSVs as you like (recipe general)
NOISE_MORE="${NOISE_MORE:-}"
# Test noises, if they are another collection
NOISE_TEST="${NOISE_TEST:-}"
# Further speech: tables with the columns utt_id, speaker, path and text; and those of its speakers by whom choices are made, and
# by whom tests are (recipe general)
SPEECH="${SPEECH:-}"
SPEECH_DEV="${SPEECH_DEV:-}"
SPEECH_TEST="${SPEECH_TEST:-}"
# Room impulse responses: RIRS_NOISES of OpenSLR 28
RIRS="${RIRS:-}"
export AN4 LIBRISPEECH LIBRISPEECH_STAND_INS CHIME4 WSJ0 NOISE NOISE_MORE NOISE_TEST SPEECH SPEECH_DEV SPEECH_TEST RIRS
unset _data
