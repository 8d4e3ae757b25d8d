# Completion of sim7x00 for bash: options, and the values of those that have a few.

_sim7x00_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# The program knows its options and profiles; this is read off its help.
_sim7x00_options() {
    "$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u
}

_sim7x00_profiles() {
    "$1" --help 2>/dev/null | sed -n '/^  --profile/,/^  --link/{/^   /p}' | tr -d ,
}

_sim7x00_values() {
    local program=$1 option=$2 cur=$3
    case $option in
    --profile) _sim7x00_words "$(_sim7x00_profiles "$program")" "$cur" ;;
    --clock) _sim7x00_words 'real manual x2 x10 x100 x1000' "$cur" ;;
    --timing) _sim7x00_words 'none typical worst' "$cur" ;;
    --log) _sim7x00_words 'error warn info debug trace' "$cur" ;;
    --impair) _sim7x00_words 'up: down: both:' "$cur" ;;
    --scenario)
        mapfile -t COMPREPLY < <(
            compgen -W "$("$program" --list-scenarios 2>/dev/null | cut -d ' ' -f 1)" -- "$cur"
            compgen -f -- "$cur"
        )
        ;;
    --nvram | --files) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    --link | --control | --trace | --pcap | --junit | --tap)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    --map | --listen | --rfc2217 | --dns | --seed | --modems | --group | --wait) ;;
    *) return 1 ;;
    esac
}

_sim7x00() {
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # Bash cuts words at a = and takes it for a word of its own.
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $option == '=' ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    _sim7x00_values "${COMP_WORDS[0]}" "$option" "$cur" ||
        _sim7x00_words "$(_sim7x00_options "${COMP_WORDS[0]}")" "$cur"
}

complete -F _sim7x00 sim7x00
