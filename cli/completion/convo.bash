# Completion for bash. The command knows what can come next: convo help --complete -- WORD...
_convo() {
    local words=("") word value found join=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do # bash has cut "--isa=avx2" into three
        if [[ $join || $word == = ]]; then words[-1]+=$word; else words+=("$word"); fi
        join=
        [[ $word == = ]] && join=1
    done
    value=${words[-1]##*=}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
        @files | @folders)
            compopt -o filenames 2>/dev/null # "/" after folders, quotes around spaces
            if [[ $word == @files ]]; then mapfile -t found < <(compgen -f -- "$value"); else
                mapfile -t found < <(compgen -d -- "$value")
            fi
            COMPREPLY+=("${found[@]}")
            ;;
        *) COMPREPLY+=("$word") ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" help --complete -- "${words[@]:1}" 2>/dev/null)
}
complete -F _convo convo
