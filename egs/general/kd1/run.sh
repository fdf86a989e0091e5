#!/usr/bin/env bash
# general: a front end that is to work anywhere, taught by Whisper: speech and noises of several collections. db.sh says where they
# are; each may be left out, as long as there is speech to train on, to choose by and to test with. Students begin with GTCRN as it is
# published: tools/peers-requirements.txt says how to install it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

. ./db.sh

# Licences of noises that allow to give away what was trained on them, as the tables write them. A folder of audio has none: its noises
# are taken.
licences=(CC0 "Public domain" CC-BY CC-BY-3.0 CC-BY-4.0)
# shellcheck disable=SC2206 # several tables, speakers and folders are several words
data=(--noise "$NOISE" $NOISE_MORE --licences "${licences[@]}" --speech $SPEECH --dev_speakers $SPEECH_DEV
    --test_speakers $SPEECH_TEST --stand_ins $LIBRISPEECH_STAND_INS)
[ -z "$NOISE_TEST" ] || data+=(--noise_test "$NOISE_TEST")
[ -z "$RIRS" ] || data+=(--rirs "$RIRS")
[ -z "$AN4" ] || data+=(--an4 "$AN4")
[ -z "$LIBRISPEECH" ] || data+=(--librispeech "$LIBRISPEECH")

exec ../../TEMPLATE/kd1/kd.sh \
    --corpus general \
    --sets "dev_noisy dev_clean test_noisy test_clean" \
    --mix_config conf/mix/varied.yaml \
    --home_asr whisper --asr_config conf/asr/whisper.yaml --teacher_config "" --student_config conf/student/gtcrn.yaml \
    --approaches "standalone_se kd_q" --kd_config conf/student/gtcrn_words.yaml \
    --omegas "0 0.2 0.4" \
    --data_opts "$(printf '%s\n' "${data[@]}")" \
    "$@"
