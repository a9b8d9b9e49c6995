# Completion of acuerpa for bash; made by tools/completion.py. Source it, or copy it to
# /usr/share/bash-completion/completions/acuerpa. In zsh, before that: autoload -U bashcompinit and
# bashcompinit
_acuerpa() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path ${COMP_WORDS[i]}" in
            " archive") path=" archive" ;;
            " aside") path=" aside" ;;
            " backup") path=" backup" ;;
            " backup-key") path=" backup-key" ;;
            " check") path=" check" ;;
            " demo") path=" demo" ;;
            " group") path=" group" ;;
            " group create") path=" group create" ;;
            " init") path=" init" ;;
            " keys") path=" keys" ;;
            " keys init") path=" keys init" ;;
            " keys master") path=" keys master" ;;
            " keys rotate") path=" keys rotate" ;;
            " keys status") path=" keys status" ;;
            " migrate") path=" migrate" ;;
            " outbox") path=" outbox" ;;
            " panic-off") path=" panic-off" ;;
            " rehearse") path=" rehearse" ;;
            " replay") path=" replay" ;;
            " restore") path=" restore" ;;
            " run") path=" run" ;;
            " signing") path=" signing" ;;
            " signing rotate") path=" signing rotate" ;;
            " signing status") path=" signing status" ;;
            " status") path=" status" ;;
            " texts") path=" texts" ;;
            " texts check") path=" texts check" ;;
            " texts new") path=" texts new" ;;
            " unlock") path=" unlock" ;;
            " verify") path=" verify" ;;
        esac
    done
    local words= files= taking=
    case "$path" in
        "")
            words="archive aside backup backup-key check demo group init keys migrate outbox panic-off rehearse replay restore run signing status texts unlock verify --install-completion --show-completion --help"
            ;;
        " archive")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " aside")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " backup")
            words="--to --config --help"
            files="--to --config"
            taking="--to --config"
            ;;
        " backup-key")
            words="--help"
            files="FILE"
            ;;
        " check")
            words="--json --offline --measure --config --help"
            files="--config"
            taking="--config"
            ;;
        " demo")
            words="--port --help"
            taking="--port"
            ;;
        " group")
            words="create --help"
            ;;
        " group create")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " init")
            words="--answers --folder --help"
            files="--answers --folder"
            taking="--answers --folder"
            ;;
        " keys")
            words="init master rotate status --help"
            ;;
        " keys init")
            words="--passphrase --config --help"
            files="--config"
            taking="--config"
            ;;
        " keys master")
            words="--passphrase --config --help"
            files="--config"
            taking="--config"
            ;;
        " keys rotate")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " keys status")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " migrate")
            words="--check --to --to-file --undo-move --config --help"
            files="--to-file --config"
            taking="--to --to-file --config"
            ;;
        " outbox")
            words="--config --limit --json --help"
            files="--config"
            taking="--config --limit"
            ;;
        " panic-off")
            words="--config --rehearse --destroy --help"
            files="--config"
            taking="--config"
            ;;
        " rehearse")
            words="--identity --key --without-key --folder --config --help"
            files="--identity FILE --key --folder --config"
            taking="--identity --key --folder --config"
            ;;
        " replay")
            words="--event --message --all-events --config --help"
            files="--config"
            taking="--event --message --config"
            ;;
        " restore")
            words="--identity --replace --moved --config-only --config --help"
            files="FILE --identity --config"
            taking="--identity --config"
            ;;
        " run")
            words="--config --standby --worker --help"
            files="--config"
            taking="--config"
            ;;
        " signing")
            words="rotate status --help"
            ;;
        " signing rotate")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " signing status")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " status")
            words="--config --json --help"
            files="--config"
            taking="--config"
            ;;
        " texts")
            words="check new --help"
            ;;
        " texts check")
            words="--help"
            files="FILE"
            ;;
        " texts new")
            words="--folder --help"
            files="--folder"
            taking="--folder"
            ;;
        " unlock")
            words="--config --help"
            files="--config"
            taking="--config"
            ;;
        " verify")
            words="--signature --key --config --help"
            files="FILE --signature --config"
            taking="--signature --key --config"
            ;;
    esac
    if [[ $before == -* && " $taking " == *" $before "* ]]; then
        [[ " $files " == *" $before "* ]] || return
    elif [[ $word == -* || " $files " != *" FILE "* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
        return
    fi
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$word"))
}
complete -F _acuerpa acuerpa
