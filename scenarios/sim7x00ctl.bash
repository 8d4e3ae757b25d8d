# Completion of sim7x00ctl for bash: options, commands, actions, and what follows some of them.

_sim7x00ctl_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_sim7x00ctl_files() {
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# What may follow a command. Bash cuts words at a = and takes it for a word of its own.
_sim7x00ctl_args() {
    local cur=$2
    case $1 in
    state)
        _sim7x00ctl_words 'module registration network links servers tty settings scenario' "$cur"
        ;;
    lines)
        if [[ $cur == '=' ]]; then
            _sim7x00ctl_words 'on off' ''
        elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
            _sim7x00ctl_words 'on off' "$cur"
        else
            _sim7x00ctl_words 'port= dtr=on dtr=off rts=on rts=off break=on' "$cur"
        fi
        ;;
    load | save) _sim7x00ctl_files "$cur" ;;
    verdict) _sim7x00ctl_words '--wait' "$cur" ;;
    capture)
        if [[ ${COMP_WORDS[COMP_CWORD - 1]} == start ]]; then
            _sim7x00ctl_files "$cur"
        else
            _sim7x00ctl_words 'start stop' "$cur"
        fi
        ;;
    esac
}

_sim7x00ctl() {
    local i option='' cur=${COMP_WORDS[COMP_CWORD]} commands='state watch do rule rules unrule advance
        ports lines load save verdict capture stop ping methods raw'
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -s | --socket | -m | --modem | '=')
            # Their value is the next word, or the one behind a =.
            [[ ${COMP_WORDS[i]} == '=' ]] || option=${COMP_WORDS[i]}
            [[ ${COMP_WORDS[i + 1]} == '=' ]] || i=$((i + 1))
            ;;
        -*) ;;
        *)
            _sim7x00ctl_args "${COMP_WORDS[i]}" "$cur"
            return
            ;;
        esac
    done
    if ((i > COMP_CWORD)); then # the value of an option
        [[ $option == -m || $option == --modem ]] || _sim7x00ctl_files "$cur"
    elif [[ $cur == -* ]]; then
        _sim7x00ctl_words '-s -m --socket --modem --json --color --no-color --list-actions --version --help' "$cur"
    else
        _sim7x00ctl_words "$commands $("${COMP_WORDS[0]}" --list-actions 2>/dev/null)" "$cur"
    fi
}

complete -F _sim7x00ctl sim7x00ctl
