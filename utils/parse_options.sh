#!/usr/bin/env bash
# Options `--name value` of a shell script; to be sourced after the script has set its variables to their defaults.
#
# Every lower-case variable that the script has set is an option of the same name. '-' and '_' are alike; `--name=value` works too.
# --help calls the script's function help_message. An unknown option, or one without its value, prints one sentence; the exit code is 2.
# "$@" keeps what follows the options.

# _nearest_option NAME: print the declared name nearest to NAME by edit distance; nothing when none is near.
_nearest_option() {
    LC_ALL=C comm -23 <(compgen -v | grep -E '^[a-z][a-z0-9_]*$' | LC_ALL=C sort) <(compgen -e | LC_ALL=C sort) | LC_ALL=C awk -v word="$1" '
        function least(a, b, c) { return a < b ? (a < c ? a : c) : (b < c ? b : c) }
        {
            n = length(word); m = length($0)
            for (j = 0; j <= m; j++) row[j] = j
            for (i = 1; i <= n; i++) {
                before = row[0]; row[0] = i
                for (j = 1; j <= m; j++) {
                    above = row[j]
                    row[j] = least(row[j] + 1, row[j - 1] + 1, before + (substr(word, i, 1) != substr($0, j, 1)))
                    before = above
                }
            }
            if (NR == 1 || row[m] < best) { best = row[m]; name = $0 }
        }
        END { if (name != "" && best <= (length(word) + 2) / 3) print name }'
}

while [ $# -gt 0 ]; do
    case "$1" in
        --help | -h)
            help_message
            exit 0
            ;;
        --?*) ;;
        *) break ;;
    esac
    _option=${1#--}
    if [[ $_option == *=* ]]; then
        set -- "--${_option%%=*}" "${_option#*=}" "${@:2}"
        _option=${_option%%=*}
    fi
    _option=${_option//-/_}
    if ! [[ $_option =~ ^[a-z][a-z0-9_]*$ && -n ${!_option+set} ]]; then
        _near=$(_nearest_option "$_option")
        echo "$(basename "$0"): there is no option '$1'${_near:+ (did you mean "--$_near"?)}; --help lists them" >&2
        exit 2
    fi
    if [ $# -lt 2 ]; then
        echo "$(basename "$0"): the option '$1' needs a value" >&2
        exit 2
    fi
    if [[ ${!_option} =~ ^(true|false)$ && ! $2 =~ ^(true|false)$ ]]; then
        echo "$(basename "$0"): the option '$1' is true or false, not '$2'" >&2
        exit 2
    fi
    printf -v "$_option" '%s' "$2"
    shift 2
done
unset -v _option _near
unset -f _nearest_option
